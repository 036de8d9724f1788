/* SPDX-License-Identifier: MIT */

/* test_cycle.c - who waits for whom: a cycle is refused when it would close. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/generator.h"
#include "core/group.h"
#include "core/log.h"
#include "core/sync.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* --- the log, to be read --- */

static char log_path[] = "/tmp/mr_cycle_XXXXXX";

static void log_begin(void)
{
    int fd = mkstemp(log_path);

    CHECK_OK(fd >= 0);
    close(fd);
    CHECK_EQ_INT(mr_log_open(log_path), 0);
}

/* The log holds these words, once; "" : nothing at all. */
static void log_end(const char *words)
{
    char text[4096] = "";
    FILE *f = fopen(log_path, "r");
    const char *at;

    CHECK_OK(f && fread(text, 1, sizeof text - 1, f) < sizeof text);
    fclose(f);
    unlink(log_path);
    at = strstr(text, *words ? words : "deadlock");
    if (!*words)
        CHECK_EQ_PTR(at, NULL);
    else if (!at || strstr(at + 1, words))
        CHECK_FAIL("'%s' is not once in:\n%s", words, text);
}

/* --- --- */

static struct mr_mutex m[3];
static struct mr_coro *co[3];
static int rcs[3];

static void init(void)
{
    static const char *const names[] = {"ann", "bob", "cid"};

    for (int i = 0; i < 3; i++) {
        mr_mutex_init(&m[i]);
        if (co[i])
            mr_coro_set_name(co[i], names[i]);
    }
}

/* Each has its own mutex and wants the next one's. */
static intptr_t wants_next(void *arg)
{
    int i = (int)(intptr_t)arg;

    CHECK_EQ_INT(mr_mutex_lock(&m[i], MR_NEVER), 0);
    mr_yield();
    rcs[i] = mr_mutex_lock(&m[(i + 1) % 3], MR_NEVER);
    if (rcs[i] == 0)
        mr_mutex_unlock(&m[(i + 1) % 3]);
    mr_mutex_unlock(&m[i]);
    return 0;
}

IN_HUB(cycle_of_mutexes)
{
    log_begin();
    for (intptr_t i = 0; i < 3; i++)
        co[i] = mr_spawn(wants_next, (void *)i);
    init();
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_join(co[i], NULL, MR_NEVER), 0);
    CHECK_EQ_INT(rcs[0], 0);
    CHECK_EQ_INT(rcs[1], 0);
    CHECK_EQ_INT(rcs[2], -EDEADLK); /* the last to wait */
    log_end("deadlock: 'cid' would wait for 'ann' (mutex), 'ann' waits for "
            "'bob' (mutex), 'bob' waits for 'cid' (mutex)");
    return 0;
}

static intptr_t joins_next(void *arg)
{
    int i = (int)(intptr_t)arg;

    rcs[i] = mr_join(co[(i + 1) % 2], NULL, MR_NEVER);
    return 0;
}

IN_HUB(cycle_of_joins)
{
    log_begin();
    for (intptr_t i = 0; i < 2; i++)
        co[i] = mr_coro_ref(mr_spawn(joins_next, (void *)i));
    init();
    CHECK_EQ_INT(mr_group_wait(mr_group_own(), MR_NEVER), 0);
    CHECK_EQ_INT(rcs[0], 0);
    CHECK_EQ_INT(rcs[1], -EDEADLK);
    mr_coro_unref(co[0]);
    mr_coro_unref(co[1]);
    log_end("'bob' would wait for 'ann' (join), 'ann' waits for 'bob' (join)");
    return 0;
}

static intptr_t wants_first(void *unused)
{
    (void)unused;
    rcs[0] = mr_mutex_lock(&m[0], MR_NEVER);
    if (rcs[0] == 0)
        mr_mutex_unlock(&m[0]);
    return 0;
}

/* Join the one that waits for my mutex: refused, and it can be done later. */
IN_HUB(cycle_of_a_mutex_and_a_join)
{
    log_begin();
    init();
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    co[0] = mr_spawn(wants_first, NULL);
    mr_yield();
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), -EDEADLK);
    CHECK_EQ_INT(mr_join(co[0], NULL, 0), -ETIMEDOUT); /* only looks */
    mr_mutex_unlock(&m[0]);
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), 0);
    CHECK_EQ_INT(rcs[0], 0);
    log_end("would wait for 'wants_first' (join), 'wants_first' waits for");
    return 0;
}

/* The edge follows the mutex: who waits for it waits for its owner of now. */
IN_HUB(cycle_after_the_owner_changed)
{
    struct mr_coro *first, *second;

    log_begin();
    init();
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    first = mr_spawn(wants_next, (void *)0); /* gets it next, then m[1] */
    second = mr_spawn(wants_first, NULL);
    CHECK_EQ_INT(mr_mutex_lock(&m[1], MR_NEVER), 0);
    mr_yield();
    mr_mutex_unlock(&m[0]);
    for (int i = 0; i < 3; i++)
        mr_yield(); /* first has m[0] and waits for m[1], so for us */
    CHECK_EQ_INT(mr_join(second, NULL, MR_NEVER), -EDEADLK);
    mr_mutex_unlock(&m[1]);
    CHECK_EQ_INT(mr_join(second, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(first, NULL, MR_NEVER), 0);
    log_end("'wants_first' waits for 'wants_next' (mutex), 'wants_next' waits");
    return 0;
}

static struct mr_rwlock rw;

static intptr_t wants_to_read(void *unused)
{
    (void)unused;
    rcs[0] = mr_rwlock_read(&rw, MR_NEVER);
    if (rcs[0] == 0)
        mr_rwlock_unlock_read(&rw);
    return 0;
}

IN_HUB(cycle_through_a_writer)
{
    log_begin();
    mr_rwlock_init(&rw);
    CHECK_EQ_INT(mr_rwlock_write(&rw, MR_NEVER), 0);
    co[0] = mr_spawn(wants_to_read, NULL);
    mr_yield();
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), -EDEADLK);
    mr_rwlock_unlock_write(&rw);
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), 0);
    CHECK_EQ_INT(rcs[0], 0);
    log_end("'wants_to_read' waits for 'first' (read lock)");
    return 0;
}

/* Taking the mutex back cannot be refused: it is only told of. */
static struct mr_cond cond;

static intptr_t waits_on_cond(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    CHECK_EQ_INT(mr_cond_wait(&cond, &m[0], MR_NEVER), 0);
    mr_mutex_unlock(&m[0]);
    return 0;
}

IN_HUB(cycle_at_the_end_of_a_condition)
{
    log_begin();
    init();
    mr_cond_init(&cond);
    co[0] = mr_spawn(waits_on_cond, NULL);
    mr_yield();
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    mr_cond_wake_one(&cond);
    /* It asks for the mutex only when it runs, and so is the one to close the
     * cycle; it waits on all the same, and the deadline ends the join. */
    CHECK_EQ_INT(mr_join(co[0], NULL, mr_after_ms(5)), -ETIMEDOUT);
    mr_mutex_unlock(&m[0]);
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), 0);
    log_end("'waits_on_cond' would wait for");
    return 0;
}

/* What a generator's body waits for, its asker waits for. */
static intptr_t wants_in_body(struct mr_generator *g, void *unused)
{
    (void)unused;
    rcs[0] = mr_mutex_lock(&m[0], MR_NEVER);
    if (rcs[0] == 0)
        mr_mutex_unlock(&m[0]);
    return mr_generator_yield(g, NULL);
}

static intptr_t asks(void *arg)
{
    return mr_generator_next(arg, NULL);
}

IN_HUB(cycle_through_a_generator)
{
    struct mr_generator *g;
    intptr_t v = 0;

    log_begin();
    init();
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    CHECK_EQ_INT(mr_generator_new(&g, wants_in_body, NULL, 0), 0);
    co[0] = mr_spawn(asks, g);
    mr_yield();
    CHECK_EQ_INT(mr_join(co[0], NULL, MR_NEVER), -EDEADLK);
    /* It is at work for another: that is told, and not waited for. */
    CHECK_EQ_INT(mr_generator_next(g, NULL), -EBUSY);
    mr_mutex_unlock(&m[0]);
    CHECK_EQ_INT(mr_join(co[0], &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 1);
    CHECK_EQ_INT(rcs[0], 0);
    mr_generator_free(g);
    log_end("'first' would wait for 'asks' (join), 'asks' waits for 'first' "
            "(mutex)");
    return 0;
}

/* A mutex that a body locked is its asker's, while it waits at a yield too. */
static intptr_t locks_in_body(struct mr_generator *g, void *unused)
{
    int err;

    (void)unused;
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), 0);
    err = mr_generator_yield(g, NULL);
    mr_mutex_unlock(&m[0]);
    return err;
}

static intptr_t asks_and_joins(void *arg)
{
    struct mr_generator *g;
    int rc;

    CHECK_EQ_INT(mr_generator_new(&g, locks_in_body, NULL, 0), 0);
    CHECK_EQ_INT(mr_generator_next(g, NULL), 1);
    mr_yield();
    rc = mr_join(arg, NULL, MR_NEVER);
    mr_generator_free(g);
    return rc;
}

IN_HUB(cycle_of_a_generators_mutex)
{
    intptr_t v = 0;

    log_begin();
    init();
    co[0] = mr_spawn(asks_and_joins, mr_coro_self());
    mr_yield();
    mr_yield();
    CHECK_EQ_INT(mr_mutex_lock(&m[0], MR_NEVER), -EDEADLK);
    mr_cancel(co[0]);
    CHECK_EQ_INT(mr_join(co[0], &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    log_end("'first' would wait for 'asks_and_joins' (mutex)");
    return 0;
}

/* A long chain that is no cycle. */
static intptr_t joins_one(void *arg)
{
    return mr_join(arg, NULL, MR_NEVER);
}

static intptr_t waits_for_event(void *arg)
{
    return mr_event_wait(arg, MR_NEVER);
}

IN_HUB(cycle_is_not_any_chain)
{
    struct mr_event ev;
    struct mr_coro *last;
    intptr_t v = 1;

    log_begin();
    mr_event_init(&ev);
    last = mr_spawn(waits_for_event, &ev);
    for (long i = TEST_SCALE(500); i > 0; i--) {
        mr_yield();
        last = mr_spawn(joins_one, last);
    }
    mr_yield();
    mr_event_set(&ev);
    CHECK_EQ_INT(mr_join(last, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    log_end("");
    return 0;
}

SUITE("cycles", cycle_of_mutexes, cycle_of_joins, cycle_of_a_mutex_and_a_join,
      cycle_after_the_owner_changed, cycle_through_a_writer,
      cycle_at_the_end_of_a_condition, cycle_through_a_generator,
      cycle_of_a_generators_mutex, cycle_is_not_any_chain)
TEST_MAIN()
