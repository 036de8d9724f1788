/* SPDX-License-Identifier: MIT */

/* test_generator_delegate.c - generators that yield what others yield. */
#include <errno.h>

#include "core/generator.h"
#include "core/stack.h"
#include "tests/test.h"

static struct mr_generator *start(mr_generator_fn *fn, void *arg, size_t size)
{
    struct mr_generator *g = NULL;

    CHECK_EQ_INT(mr_generator_new(&g, fn, arg, size), 0);
    return g;
}

static intptr_t delegates(struct mr_generator *g, void *arg)
{
    intptr_t result = 0;
    int v = 100, err = mr_generator_yield(g, &v);

    if (!err)
        err = mr_generator_delegate(g, arg, &result);
    if (err)
        return err;
    v = (int)result;
    err = mr_generator_yield(g, &v);
    return err ? err : 9;
}

static intptr_t to_be_delegated_to(struct mr_generator *g, void *arg)
{
    int v = (int)(intptr_t)arg, err = 0;

    while (err != -EPIPE) {
        err = mr_generator_yield(g, &v);
        if (err == -ECANCELED)
            return err;
        if (err)
            v = err;
        else if (mr_generator_sent(g))
            v = *(const int *)mr_generator_sent(g);
    }
    return 55;
}

TEST(generator_delegates)
{
    struct mr_generator *sub =
        start(to_be_delegated_to, (void *)1, sizeof(int));
    struct mr_generator *g = start(delegates, sub, sizeof(int));
    int v, sent = 8;

    EQ_INT(mr_generator_next(g, &v), 1);
    EQ_INT(v, 100);
    EQ_INT(mr_generator_next(g, &v), 1);
    EQ_INT(v, 1);
    EQ_INT(mr_generator_send(g, &sent, &v), 1);
    EQ_INT(v, 8);
    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_throw(g, -EIO, &v), 1);
    EQ_INT(v, -EIO);
    EQ_INT(mr_generator_throw(g, -EPIPE, &v), 1);
    EQ_INT(v, 55); /* its result */
    EQ_INT(mr_generator_next(g, &v), 0);
    EQ_INT(mr_generator_result(g), 9);
    OK(mr_generator_is_done(sub));
    mr_generator_free(g);
    mr_generator_free(sub);
}

TEST(generator_delegates_close)
{
    struct mr_generator *sub =
        start(to_be_delegated_to, (void *)1, sizeof(int));
    struct mr_generator *g = start(delegates, sub, sizeof(int));

    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_close(g), 0);
    OK(mr_generator_is_done(g) && mr_generator_is_done(sub));
    mr_generator_free(g);
    mr_generator_free(sub);
}

/* A tree of generators: each level hands on what those below yield. */
static intptr_t tree(struct mr_generator *g, void *arg)
{
    int v = (int)(intptr_t)arg, err = mr_generator_yield(g, &v);

    for (int i = 0; i < 2 && v > 0 && !err; i++) {
        MR_AUTO(generator)
        sub = start(tree, (void *)(intptr_t)(v - 1), sizeof(int));

        err = mr_generator_delegate(g, sub, NULL);
    }
    return err;
}

TEST(generator_delegates_deeply)
{
    struct mr_generator *g = start(tree, (void *)4, sizeof(int));
    int n = 0, sum = 0;

    MR_FOR (int, v, g) {
        n++;
        sum += v;
    }
    EQ_INT(n, 31);
    EQ_INT(sum, 4 + 2 * 3 + 4 * 2 + 8);
    mr_generator_free(g);
    g = start(tree, (void *)4, sizeof(int));
    for (int i = 0; i < 5; i++) /* down to a leaf */
        EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_stack_stats().taken, 5);
    mr_generator_free(g);
    EQ_INT(mr_stack_stats().taken, 0);
}

SUITE("generators: delegation", generator_delegates, generator_delegates_close,
      generator_delegates_deeply)
TEST_MAIN()
