/* SPDX-License-Identifier: MIT */

/*
 * test_generator_model.c - generators against a naive model.
 *
 * A driver asks a few generators at random - next, send, throw, close, free -
 * and keeps by itself what each has to answer. MODEL_SEED sets the seed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/generator.h"
#include "core/stack.h"
#include "core/sys.h"
#include "tests/test.h"

#define GENERATORS 4
#define STEPS 20000

static unsigned seed;

static int any(int n)
{
    return rand_r(&seed) % n;
}

/* What a generator does, and what is known of it. Plain: yields at 0, 1, ...
 * n - 1; from `deep` on out of another one. It catches -EIO and yields minus
 * that; any other error ends it. */
struct known {
    struct mr_generator *g;
    int n, deep;
    int at; /* -1: never asked */
    bool done;
    int status; /* once done */
    int cleaned;
    int want_cleaned;
};

static int step_of(struct known *k, struct mr_generator *g, int i, int *ret_v)
{
    int err;

    for (int v = i;;) {
        err = mr_generator_yield(g, &v);
        if (err != -EIO)
            break;
        v = err;
    }
    *ret_v = mr_generator_sent(g) ? *(const int *)mr_generator_sent(g) : 0;
    if (err)
        k->cleaned++;
    return err;
}

static intptr_t deep(struct mr_generator *g, void *arg)
{
    struct known *k = arg;
    int skip, err = 0;

    for (int i = k->deep; i < k->n && !err; i += 1 + skip)
        err = step_of(k, g, i, &skip);
    return err;
}

static intptr_t plain(struct mr_generator *g, void *arg)
{
    MR_AUTO(generator) sub = NULL;
    struct known *k = arg;
    int skip, err = 0;

    for (int i = 0; i < k->deep && !err; i += 1 + skip)
        err = step_of(k, g, i, &skip);
    if (err)
        return err;
    err = mr_generator_new(&sub, deep, k, sizeof(int));
    return err ? err : mr_generator_delegate(g, sub, NULL);
}

/* The sub-generator starts at `deep`, also when a skip went beyond it. */
static int next_at(const struct known *k, int skip)
{
    if (k->at < 0)
        return 0;
    if (k->at < k->deep)
        return MR_MIN(k->at + 1 + skip, k->deep);
    return k->at + 1 + skip;
}

static void begin(struct known *k)
{
    memset(k, 0, sizeof *k);
    k->n = any(8);
    k->deep = any(k->n + 1);
    k->at = -1;
    CHECK_EQ_INT(mr_generator_new(&k->g, plain, k, sizeof(int)), 0);
}

static void goes_on(struct known *k, int skip, int rc, int v)
{
    if (k->done) {
        CHECK_EQ_INT(rc, k->status);
        return;
    }
    k->at = next_at(k, skip);
    if (k->at < k->n) {
        CHECK_EQ_INT(rc, 1);
        CHECK_EQ_INT(v, k->at);
        return;
    }
    CHECK_EQ_INT(rc, 0);
    k->done = true;
}

static void throws(struct known *k, int err)
{
    int v = 0, rc = mr_generator_throw(k->g, err, &v);

    if (k->done) {
        CHECK_EQ_INT(rc, err);
    } else if (err == -EIO && k->at >= 0) {
        CHECK_EQ_INT(rc, 1);
        CHECK_EQ_INT(v, err);
    } else {
        CHECK_EQ_INT(rc, err);
        k->want_cleaned = k->at >= 0;
        k->done = true;
        k->status = err;
    }
}

static void ends(struct known *k)
{
    k->want_cleaned += !k->done && k->at >= 0;
    if (any(2)) {
        CHECK_EQ_INT(mr_generator_close(k->g), 0);
        CHECK_OK(mr_generator_is_done(k->g));
    }
    mr_generator_free(k->g);
    CHECK_EQ_INT(k->cleaned, k->want_cleaned);
    begin(k);
}

static void act(struct known *k)
{
    int v = -1, skip = any(3), rc;

    switch (any(8)) {
    case 0:
        throws(k, any(2) ? -EIO : -EPERM);
        break;
    case 1:
        ends(k);
        break;
    case 2:
    case 3:
        rc = mr_generator_send(k->g, &skip, &v);
        if (k->at < 0 && !k->done)
            CHECK_EQ_INT(rc, -EINVAL);
        else
            goes_on(k, skip, rc, v);
        break;
    default:
        rc = mr_generator_next(k->g, &v);
        goes_on(k, 0, rc, v);
    }
}

TEST(generator_model)
{
    struct known known[GENERATORS];
    const char *from = getenv("MODEL_SEED");

    seed =
        from ? (unsigned)strtoul(from, NULL, 10) : (unsigned)mr_sys_monotonic();
    printf("MODEL_SEED=%u\n", seed);
    for (int i = 0; i < GENERATORS; i++)
        begin(&known[i]);
    for (long i = TEST_SCALE(STEPS); i > 0; i--) {
        CASE("%ld steps to go", i);
        act(&known[any(GENERATORS)]);
    }
    for (int i = 0; i < GENERATORS; i++)
        mr_generator_free(known[i].g);
    EQ_INT(mr_stack_stats().taken, 0);
}

SUITE("generators: model", generator_model)
TEST_MAIN()
