/* SPDX-License-Identifier: MIT */

/*
 * test_hub_model.c - the scheduler against naive bookkeeping.
 *
 * A driver does random things to random coroutines - spawn, give a value, send
 * to sleep, cancel, join - and keeps its own notes of what each must be doing
 * and must answer. The seed is printed with a failure; MODEL_SEED sets it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/group.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define ACTORS 32

enum doing { ABSENT, WAITING, SLEEPING, ENDED };

/* What the driver knows of one coroutine. */
struct actor {
    struct mr_coro *co;
    struct mr_waitq orders; /* the value given is the next thing to do */
    enum doing doing;
    bool cancelled;
    intptr_t answer; /* what its join must give */
    intptr_t sum;    /* of the values it was given */
    intptr_t heard;  /* its own count of them */
};

static struct actor actors[ACTORS];
static unsigned seed;

#define ORDER_END 1000
#define ORDER_SLEEP 1001

static intptr_t acts(void *arg)
{
    struct actor *a = arg;

    for (;;) {
        intptr_t order = mr_wait(&a->orders, MR_NEVER, "orders");

        if (order < 0)
            return order;
        if (order == ORDER_END)
            return a->heard;
        if (order == ORDER_SLEEP)
            (void)!mr_sleep(MR_NEVER);
        else
            a->heard += order;
    }
}

static struct actor *pick(enum doing doing)
{
    unsigned first = (unsigned)rand_r(&seed) % ACTORS;

    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[(first + i) % ACTORS];

        if (a->doing == doing)
            return a;
    }
    return NULL;
}

static void settle(void)
{
    /* Twice: one made READY by another's turn has its own. */
    mr_yield();
    mr_yield();
}

static void begin(struct actor *a)
{
    memset(a, 0, sizeof *a);
    mr_waitq_init(&a->orders);
    a->co = mr_spawn(acts, a);
    CHECK_OK(a->co != NULL);
    a->doing = WAITING;
    if (rand_r(&seed) % 8 == 0) {
        mr_cancel(a->co); /* before its first run */
        a->doing = ENDED;
        a->answer = -ECANCELED;
    }
    settle();
}

static void give(struct actor *a)
{
    intptr_t v = rand_r(&seed) % 100;

    CHECK_OK(mr_waitq_wake_one(&a->orders, v));
    a->sum += v;
    if (rand_r(&seed) % 4 == 0) {
        mr_cancel(a->co); /* after the value: that one still counts */
        a->doing = ENDED;
        a->answer = -ECANCELED;
    }
    settle();
    CHECK_EQ_INT(a->heard, a->sum);
}

static void order(struct actor *a, intptr_t what)
{
    CHECK_OK(mr_waitq_wake_one(&a->orders, what));
    a->doing = what == ORDER_END ? ENDED : SLEEPING;
    a->answer = a->sum;
    settle();
}

static void cancel(struct actor *a)
{
    mr_cancel(a->co);
    mr_cancel(a->co);
    if (a->doing != ENDED)
        a->answer = -ECANCELED;
    a->doing = ENDED;
    settle();
}

static void join(struct actor *a)
{
    intptr_t v = 0;

    CHECK_EQ_INT(mr_join(a->co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, a->answer);
    a->doing = ABSENT;
}

static void check_states(size_t first_live)
{
    static const char *const why[] = {"", "orders", "sleep", ""};
    size_t live = first_live;

    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];

        if (a->doing == ABSENT)
            continue;
        CHECK_EQ_INT(mr_coro_state(a->co),
                     a->doing == ENDED ? MR_CORO_DONE : MR_CORO_PARKED);
        CHECK_EQ_STR(mr_coro_why(a->co), why[a->doing]);
        CHECK_EQ_INT(mr_waitq_is_empty(&a->orders), a->doing != WAITING);
        live += a->doing != ENDED;
    }
    CHECK_EQ_INT(mr_hub_stats(mr_hub_self()).live, live);
}

static void step(void)
{
    enum doing target = rand_r(&seed) % 4;
    struct actor *a = pick(target);

    if (!a)
        return;
    switch (target) {
    case ABSENT:
        begin(a);
        break;
    case WAITING:
        if (rand_r(&seed) % 4)
            give(a);
        else
            order(a, rand_r(&seed) % 2 ? ORDER_END : ORDER_SLEEP);
        break;
    case SLEEPING:
        cancel(a);
        break;
    case ENDED:
        if (rand_r(&seed) % 4)
            join(a);
        else
            cancel(a); /* does nothing */
        break;
    }
}

IN_HUB(hub_model)
{
    const char *fixed = getenv("MODEL_SEED");

    seed = fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();
    CASE("MODEL_SEED=%u", seed);
    for (long n = TEST_SCALE(50000); n > 0; n--) {
        step();
        if (n % 16 == 0)
            check_states(1);
    }
    return 0; /* those left are cancelled and joined */
}

SUITE("hub model", hub_model)
TEST_MAIN()
