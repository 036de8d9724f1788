/* SPDX-License-Identifier: MIT */

/* test_generator.c - next, send, throw, close, result; in a hub. */
#include "core/generator.h"

#include <pthread.h>
#include <string.h>

#include "core/iter_lazy.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static struct mr_generator *start(mr_generator_fn *fn, void *arg, size_t size)
{
    struct mr_generator *g = NULL;

    CHECK_EQ_INT(mr_generator_new(&g, fn, arg, size), 0);
    return g;
}

static intptr_t count(struct mr_generator *g, void *arg)
{
    for (int i = 0; i < (intptr_t)arg; i++) {
        int err = mr_generator_yield(g, &i);

        if (err)
            return err;
    }
    return (intptr_t) "done";
}

/* --- next, and the end --- */

TEST(generator_next_and_result)
{
    struct mr_generator *g;
    int v;

    EQ_INT(mr_generator_new(&g, count, (void *)3, sizeof(int)), 0);
    EQ_STR(mr_coro_name(g->co), "count");
    EQ_INT(mr_generator_result(g), 0);
    for (int i = 0; i < 3; i++) {
        EQ_INT(mr_generator_next(g, &v), 1);
        EQ_INT(v, i);
        OK(!mr_generator_is_done(g));
    }
    v = 77;
    for (int i = 0; i < 3; i++) {
        EQ_INT(mr_generator_next(g, &v), 0);
        OK(mr_generator_is_done(g));
        EQ_STR((const char *)mr_generator_result(g), "done");
    }
    EQ_INT(v, 77);
    EQ_INT(mr_generator_close(g), 0);
    EQ_INT(mr_generator_throw(g, -EIO, &v), -EIO); /* nobody to catch it */
    EQ_INT(mr_generator_next(g, &v), 0);
    mr_generator_free(g);
    mr_generator_free(NULL);
    EQ_INT(mr_stack_stats().taken, 0);
}

static intptr_t fails(struct mr_generator *g, void *arg)
{
    int v = 1, err = mr_generator_yield(g, &v);

    return err ? err : (intptr_t)arg;
}

TEST(generator_that_fails)
{
    struct mr_generator *g = start(fails, (void *)-EIO, sizeof(int));

    EQ_INT(mr_generator_next(g, NULL), 1);
    for (int i = 0; i < 2; i++)
        EQ_INT(mr_generator_next(g, NULL), -EIO);
    EQ_INT(mr_generator_result(g), -EIO);
    EQ_INT(mr_generator_close(g), 0);
    mr_generator_free(g);
}

struct wide {
    char text[20];
    double d;
};

static intptr_t wides(struct mr_generator *g, void *arg)
{
    struct wide w = {"wide", 0.5};
    int err;

    (void)arg;
    do
        err = mr_generator_yield(g, &w);
    while (!err && (w.d *= 2) < 4);
    return err;
}

static intptr_t longs(struct mr_generator *g, void *arg)
{
    int64_t v = (int64_t)1 << 40;

    (void)arg;
    return mr_generator_yield(g, &v);
}

static intptr_t nothings(struct mr_generator *g, void *arg)
{
    int err = 0;

    while (!err && ++*(int *)arg < 3)
        err = mr_generator_yield(g, NULL);
    return err;
}

TEST(generator_of_any_size)
{
    struct mr_generator *g = start(wides, NULL, sizeof(struct wide));
    struct wide w;
    int64_t v = 0;
    int n = 0;

    EQ_INT(mr_generator_next(g, &w), 1);
    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_next(g, &w), 1);
    EQ_STR(w.text, "wide");
    OK(w.d == 2);
    mr_generator_free(g);
    g = start(longs, NULL, sizeof v);
    EQ_INT(mr_generator_next(g, &v), 1);
    OK(v == (int64_t)1 << 40);
    mr_generator_free(g);
    g = start(nothings, &n, 0);
    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_next(g, &v), 1);
    EQ_INT(mr_generator_next(g, NULL), 0);
    OK(v == (int64_t)1 << 40);
    mr_generator_free(g);
}

/* --- what comes in --- */

/* Yields what it got: minus an error, or what was sent, or 0. */
static intptr_t echoes(struct mr_generator *g, void *arg)
{
    int v = 0;

    for (;;) {
        int err = mr_generator_yield(g, &v);

        if (err == -ECANCELED) {
            ++*(int *)arg; /* the cleanup */
            return err;
        }
        v = err                    ? -err
            : mr_generator_sent(g) ? *(const int *)mr_generator_sent(g)
                                   : 0;
    }
}

TEST(generator_send_and_throw)
{
    int cleaned = 0, v = -1, sent = 5;
    struct mr_generator *g = start(echoes, &cleaned, sizeof(int));

    EQ_INT(mr_generator_send(g, &sent, &v), -EINVAL); /* waits at no yield */
    EQ_INT(v, -1);
    EQ_INT(mr_generator_send(g, NULL, &v), 1);
    EQ_INT(v, 0);
    EQ_INT(mr_generator_send(g, &sent, &v), 1);
    EQ_INT(v, 5);
    EQ_INT(mr_generator_next(g, &v), 1);
    EQ_INT(v, 0);
    EQ_INT(mr_generator_throw(g, -EIO, &v), 1); /* caught */
    EQ_INT(v, EIO);
    EQ_INT(mr_generator_send(g, &sent, &v), 1);
    EQ_INT(v, 5);
    EQ_INT(mr_generator_close(g), 0);
    EQ_INT(cleaned, 1);
    OK(mr_generator_is_done(g));
    EQ_INT(mr_generator_next(g, &v), -ECANCELED);
    mr_generator_free(g);
}

TEST(generator_thrown_away)
{
    int cleaned = 0;
    struct mr_generator *g = start(echoes, &cleaned, sizeof(int));

    /* Before it ran: it never does. */
    EQ_INT(mr_generator_throw(g, -EIO, NULL), -EIO);
    EQ_INT(mr_generator_next(g, NULL), -EIO);
    mr_generator_free(g);
    g = start(echoes, &cleaned, sizeof(int));
    EQ_INT(mr_generator_close(g), 0);
    OK(mr_generator_is_done(g));
    mr_generator_free(g);
    g = start(echoes, &cleaned, sizeof(int));
    mr_generator_free(g);
    EQ_INT(cleaned, 0);
    /* Not caught. */
    g = start(count, (void *)3, sizeof(int));
    EQ_INT(mr_generator_next(g, NULL), 1);
    EQ_INT(mr_generator_throw(g, -EPERM, NULL), -EPERM);
    EQ_INT(mr_generator_next(g, NULL), -EPERM);
    mr_generator_free(g);
    /* Freed at a yield: unwinds. */
    g = start(echoes, &cleaned, sizeof(int));
    EQ_INT(mr_generator_next(g, NULL), 1);
    mr_generator_free(g);
    EQ_INT(cleaned, 1);
}

static intptr_t ends_otherwise(struct mr_generator *g, void *arg)
{
    (void)!mr_generator_yield(g, &(int){0}); /* whatever comes */
    return (intptr_t)arg;
}

TEST(generator_close_with_another_end)
{
    static const struct {
        intptr_t returns;
        int want;
    } cases[] = {{0, 0}, {12, 0}, {-ECANCELED, 0}, {-EIO, -EIO}};

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_generator *g =
            start(ends_otherwise, (void *)cases[i].returns, sizeof(int));

        EQ_INT(mr_generator_next(g, NULL), 1);
        EQ_INT(mr_generator_close(g), cases[i].want);
        EQ_INT(mr_generator_result(g), cases[i].returns);
        mr_generator_free(g);
    }
}

/* --- as an iterator --- */

static int square(void *ret, const void *item, void *unused)
{
    (void)unused;
    *(int *)ret = *(const int *)item * *(const int *)item;
    return 0;
}

TEST(generator_is_an_iterator)
{
    struct mr_generator *g = start(count, (void *)4, sizeof(int));
    int *items, sum = 0;

    MR_FOR (int, v, g) {
        if (v == 1)
            break;
    }
    MR_FOR (int, v, g)
        sum += v;
    EQ_INT(sum, 2 + 3);
    EQ_STR((const char *)mr_generator_result(g), "done");
    mr_generator_free(g);
    g = start(count, (void *)4, sizeof(int));
    EQ_INT(mr_collect(mr_map(&g->iter, square, NULL, sizeof(int)), &items, 9),
           4);
    EQ_INT(items[3], 9);
    mr_free(items);
    g = start(count, (void *)4, sizeof(int));
    MR_FOR (int, v, MR_TEMP(mr_take(&g->iter, 2)))
        sum += v;
    EQ_INT(sum, 6);
    EQ_INT(mr_stack_stats().taken, 0); /* closed and freed with its adaptor */
    {
        MR_AUTO(generator) scoped = start(count, (void *)4, sizeof(int));

        EQ_INT(mr_generator_next(scoped, NULL), 1);
    }
    EQ_INT(mr_stack_stats().taken, 0);
}

/* --- asked while it runs --- */

static intptr_t asks_itself(struct mr_generator *g, void *arg)
{
    struct mr_generator *outer = arg;

    CHECK_EQ_INT(mr_generator_next(g, NULL), -EBUSY);
    CHECK_EQ_INT(mr_generator_close(g), -EBUSY);
    CHECK_EQ_INT(mr_coro_state(g->co), MR_CORO_RUNNING);
    if (outer) {
        CHECK_EQ_INT(mr_generator_next(outer, NULL), -EBUSY);
        CHECK_EQ_INT(mr_coro_state(outer->co), MR_CORO_RESUMING);
    }
    return mr_generator_yield(g, &(int){0});
}

static intptr_t asks_inner(struct mr_generator *g, void *unused)
{
    struct mr_generator *inner = start(asks_itself, g, sizeof(int));

    (void)unused;
    CHECK_EQ_INT(mr_iter_next(&inner->iter, &(int){0}), 1);
    CHECK_EQ_INT(mr_coro_state(g->co), MR_CORO_RUNNING);
    CHECK_EQ_INT(mr_coro_state(inner->co), MR_CORO_SUSPENDED);
    mr_generator_free(inner);
    return 0;
}

TEST(generator_asked_while_it_runs)
{
    struct mr_generator *g = start(asks_itself, NULL, sizeof(int));

    EQ_INT(mr_generator_next(g, NULL), 1);
    mr_generator_free(g);
    g = start(asks_inner, NULL, sizeof(int));
    EQ_INT(mr_generator_next(g, NULL), 0);
    mr_generator_free(g);
}

/* --- in a hub --- */

static intptr_t sleeps(struct mr_generator *g, void *arg)
{
    for (int i = 0; i < 3; i++) {
        int err = mr_sleep_ms((intptr_t)arg);

        if (!err)
            err = mr_generator_yield(g, &i);
        if (err)
            return err;
    }
    return 3;
}

static intptr_t sums(void *arg)
{
    struct mr_generator *g = arg;
    intptr_t sum = 0;

    MR_FOR (int, v, g)
        sum += v;
    return mr_iter_error(&g->iter) ? mr_iter_error(&g->iter) : sum;
}

IN_HUB(generator_parks)
{
    struct mr_generator *g = start(sleeps, (void *)1, sizeof(int));
    struct mr_coro *a = mr_spawn(sums, g);
    intptr_t v;

    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_coro_state(g->co), MR_CORO_PARKED);
    CHECK_EQ_INT(mr_generator_next(g, NULL), -EBUSY); /* in another errand */
    CHECK_EQ_INT(mr_iter_next(&g->iter, &v), -EBUSY);
    CHECK_EQ_INT(mr_generator_close(g), -EBUSY);
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0 + 1 + 2);
    CHECK_EQ_INT(mr_generator_result(g), 3);
    mr_generator_free(g);
    return 0;
}

/* Each time by another errand, and at last by one that is cancelled. */
IN_HUB(generator_asked_by_many)
{
    struct mr_generator *g = start(sleeps, (void *)1, sizeof(int));
    struct mr_coro *a;
    intptr_t v;
    int first = -1;

    CHECK_EQ_INT(mr_generator_next(g, &first), 1);
    CHECK_EQ_INT(first, 0);
    a = mr_spawn(sums, g);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_cancel(a);
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED); /* out of the sleep in the body */
    CHECK_OK(mr_generator_is_done(g));
    mr_generator_free(g);
    return 0;
}

/* --- misuse --- */

static intptr_t ignores_close(struct mr_generator *g, void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        (void)!mr_generator_yield(g, &i);
    return 0;
}

TEST_DIES(generator_that_ignores_close, "g->closing")
{
    struct mr_generator *g = start(ignores_close, NULL, sizeof(int));

    EQ_INT(mr_generator_next(g, NULL), 1);
    mr_generator_free(g);
}

TEST_DIES(generator_yield_from_outside, "mr_thread.current != g->co")
{
    struct mr_generator *g = start(count, (void *)3, sizeof(int));

    EQ_INT(mr_generator_next(g, NULL), 1);
    (void)!mr_generator_yield(g, &(int){0});
}

TEST_DIES(generator_throw_of_no_error, "err >= 0")
{
    (void)!mr_generator_throw(start(count, NULL, sizeof(int)), 0, NULL);
}

static intptr_t frees_itself(struct mr_generator *g, void *unused)
{
    (void)unused;
    mr_generator_free(g);
    return 0;
}

TEST_DIES(generator_freed_while_it_runs, "co->state != MR_CORO_NEW")
{
    (void)!mr_generator_next(start(frees_itself, NULL, 0), NULL);
}

static void *asks(void *g)
{
    (void)!mr_generator_next(g, NULL);
    return NULL;
}

TEST_DIES(generator_asked_by_another_thread,
          "g->thread != __builtin_thread_pointer()")
{
    struct mr_generator *g = start(count, NULL, sizeof(int));
    pthread_t thread;

    EQ_INT(pthread_create(&thread, NULL, asks, g), 0);
    pthread_join(thread, NULL);
}

TEST(generator_new_fails_politely)
{
    struct mr_coro_options o = {.stack_size = MR_STACK_MAX + 1};
    struct mr_generator *g = NULL;

    EQ_INT(mr_generator_new_with(&g, count, NULL, 4, &o), -EINVAL);
    for (unsigned nth = 1; nth <= 2; nth++) {
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        EQ_INT(mr_generator_new(&g, count, NULL, 4), -ENOMEM);
        mr_sys_fault_clear();
    }
    EQ_PTR(g, NULL);
}

SUITE("generators", generator_next_and_result, generator_that_fails,
      generator_of_any_size, generator_send_and_throw, generator_thrown_away,
      generator_close_with_another_end, generator_is_an_iterator,
      generator_asked_while_it_runs, generator_new_fails_politely)
SUITE("generators: in a hub", generator_parks, generator_asked_by_many)
SUITE("generators: misuse", generator_that_ignores_close,
      generator_yield_from_outside, generator_throw_of_no_error,
      generator_freed_while_it_runs, generator_asked_by_another_thread)
TEST_MAIN()
