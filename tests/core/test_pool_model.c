/* SPDX-License-Identifier: MIT */

/*
 * test_pool_model.c - a pool's places against a naive model.
 *
 * A driver lets random coroutines spawn into the pool, cancels them while they
 * wait for a place, lets what runs in the pool end, and kills the pool, also
 * before what it spawned has had a turn. Its own list says what must run and
 * who must wait, in order of arrival. MODEL_SEED sets the seed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/pool.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define SPAWNERS 12
#define PLACES 4

static unsigned seed;

static int any(int n)
{
    return rand_r(&seed) % n;
}

enum doing { IDLE, WAITS, RUNS };

/* One that spawns, and what it spawned. */
struct spawner {
    struct mr_coro *co; /* while it waits for a place */
    struct mr_waitq end;
    enum doing doing; /* RUNS: its work is in the pool */
    int rc;
    bool has_ended; /* its work */
    enum doing want;
    unsigned long since;
};

static struct mr_pool *pool;
static struct spawner spawners[SPAWNERS];
static unsigned long arrivals;

static intptr_t works(void *arg)
{
    struct spawner *s = arg;

    s->doing = RUNS;
    (void)mr_wait(&s->end, MR_NEVER, "end");
    s->doing = IDLE;
    s->has_ended = true;
    return 0;
}

static intptr_t spawns(void *arg)
{
    struct spawner *s = arg;

    s->doing = WAITS;
    s->rc = mr_pool_spawn(pool, works, s, MR_NEVER);
    if (s->rc)
        s->doing = IDLE;
    return 0;
}

static void settle(void)
{
    for (int i = 0; i < 5; i++)
        mr_yield();
}

/* --- the model --- */

static int count(enum doing want)
{
    int n = 0;

    for (int i = 0; i < SPAWNERS; i++)
        n += spawners[i].want == want;
    return n;
}

static void let_in(void)
{
    while (count(RUNS) < PLACES && count(WAITS) > 0) {
        struct spawner *first = NULL;

        for (int i = 0; i < SPAWNERS; i++) {
            struct spawner *s = &spawners[i];

            if (s->want == WAITS && (!first || s->since < first->since))
                first = s;
        }
        first->want = RUNS;
    }
}

/* --- the driver --- */

static void begin(struct spawner *s)
{
    memset(s, 0, sizeof *s);
    mr_waitq_init(&s->end);
    s->co = mr_spawn(spawns, s);
    CHECK_OK(s->co != NULL);
    s->want = WAITS;
    s->since = ++arrivals;
    let_in();
}

/* The spawner itself is done with; its join gives what the spawn gave. */
static void reap(struct spawner *s, int want)
{
    CHECK_EQ_INT(mr_join(s->co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s->rc, want);
    s->co = NULL;
}

static void end(struct spawner *s)
{
    CHECK_OK(mr_waitq_wake_one(&s->end, 0));
    s->want = IDLE;
    let_in();
    settle();
    CHECK_OK(s->has_ended);
    reap(s, 0);
}

static void cancel(struct spawner *s)
{
    mr_cancel(s->co);
    s->want = IDLE;
    reap(s, -ECANCELED);
}

static void kill_all(void)
{
    mr_pool_kill(pool);
    for (int i = 0; i < SPAWNERS; i++) {
        struct spawner *s = &spawners[i];

        if (s->want == IDLE)
            continue;
        reap(s, s->want == RUNS ? 0 : -EPIPE);
        /* Its work ran and ended, or never ran. */
        s->doing = IDLE;
        s->want = IDLE;
    }
}

/* False at the first difference: what follows from it says nothing. */
static bool check(void)
{
    bool ok = true;

    for (int i = 0; i < SPAWNERS; i++)
        ok = CHECK_EQ_INT(spawners[i].doing, spawners[i].want) && ok;
    ok = CHECK_EQ_INT(mr_pool_idle(pool), PLACES - count(RUNS)) && ok;
    return ok;
}

static bool step(void)
{
    struct spawner *s = &spawners[any(SPAWNERS)];
    int kill = any(40);

    if (kill == 0) {
        if (s->want == IDLE) {
            begin(s);
            mr_yield(); /* it has spawned, or waits; its work had no turn */
        }
        kill_all();
    } else if (s->want == IDLE) {
        begin(s);
        settle();
    } else if (s->want == RUNS) {
        end(s);
    } else if (any(3) == 0) {
        cancel(s);
    }
    return check();
}

IN_HUB(pool_model)
{
    const char *fixed = getenv("MODEL_SEED");

    seed = fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();
    CASE("MODEL_SEED=%u", seed);
    pool = mr_pool_new(PLACES);
    for (long n = TEST_SCALE(50000); n > 0 && step();)
        n--;
    kill_all();
    mr_pool_free(pool);
    return 0;
}

SUITE("pool model", pool_model)
TEST_MAIN()
