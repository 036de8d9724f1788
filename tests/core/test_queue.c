/* SPDX-License-Identifier: MIT */

/* test_queue.c - first in, last in, best first; bounds; done and join. */
#include "core/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* An item that is no power of two. */
struct item {
    int rank;
    int number;
    int echo;
};

static int by_rank(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return (x->rank > y->rank) - (x->rank < y->rank);
}

static struct mr_queue *make(char kind, size_t max)
{
    if (kind == 'f')
        return mr_queue_new(sizeof(struct item), max);
    if (kind == 'l')
        return mr_queue_new_lifo(sizeof(struct item), max);
    return mr_queue_new_priority(sizeof(struct item), max, by_rank);
}

static int put(struct mr_queue *q, int rank, int number)
{
    struct item it = {rank, number, ~number};

    return mr_queue_put(q, &it, 0);
}

/* What is there at once, or -ETIMEDOUT, -EPIPE. */
static int get(struct mr_queue *q)
{
    struct item it = {0, 0, 0};
    int rc = mr_queue_get(q, &it, 0);

    if (rc == 0)
        CHECK_EQ_INT(it.echo, ~it.number);
    return rc ? rc : it.number;
}

static void settle(void)
{
    for (int i = 0; i < 4; i++)
        mr_yield();
}

/* --- order --- */

static const struct {
    char kind;
    int rank[8]; /* item i has rank[i]; 0 ends */
    int want[8]; /* the order in which they come out */
} orders[] = {
    {'f', {3, 1, 2, 1, 3}, {0, 1, 2, 3, 4}},
    {'l', {3, 1, 2, 1, 3}, {4, 3, 2, 1, 0}},
    {'p', {3, 1, 2, 1, 3}, {1, 3, 2, 0, 4}},
    {'p', {1, 1, 1, 1, 1, 1, 1}, {0, 1, 2, 3, 4, 5, 6}},
    {'p', {7, 6, 5, 4, 3, 2, 1}, {6, 5, 4, 3, 2, 1, 0}},
    {'p', {1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6}},
};

IN_HUB(queue_orders)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(orders); i++) {
        MR_AUTO(queue) q = make(orders[i].kind, 0);
        int n = 0;

        CASE("row %zu", i);
        for (; orders[i].rank[n]; n++)
            CHECK_EQ_INT(put(q, orders[i].rank[n], n), 0);
        CHECK_EQ_INT(mr_queue_len(q), n);
        for (int k = 0; k < n; k++)
            CHECK_EQ_INT(get(q), orders[i].want[k]);
        CHECK_EQ_INT(get(q), -ETIMEDOUT);
    }
    return 0;
}

/* --- bounds --- */

struct actor {
    struct mr_queue *q;
    struct item it;
    int rc;
    struct mr_coro *co;
};

static intptr_t puts_one(void *arg)
{
    struct actor *a = arg;

    a->rc = mr_queue_put(a->q, &a->it, MR_NEVER);
    return 0;
}

static intptr_t gets_one(void *arg)
{
    struct actor *a = arg;

    a->rc = mr_queue_get(a->q, &a->it, MR_NEVER);
    return 0;
}

static void act(struct actor *a, mr_coro_fn *fn, struct mr_queue *q, int rank,
                int number)
{
    *a = (struct actor){.q = q, .it = {rank, number, ~number}, .rc = 1};
    a->co = mr_spawn(fn, a);
    settle();
}

static void joined(struct actor *a, int rc)
{
    CHECK_EQ_INT(mr_join(a->co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(a->rc, rc);
}

IN_HUB(queue_full_waits)
{
    MR_AUTO(queue) q = make('p', 2);
    struct actor a, b;

    CHECK_EQ_INT(put(q, 5, 1), 0);
    CHECK_EQ_INT(put(q, 6, 2), 0);
    CHECK_EQ_INT(put(q, 7, 3), -ETIMEDOUT);
    CHECK_EQ_INT(mr_queue_put(q, &(struct item){8, 3, ~3}, mr_after_ms(2)),
                 -ETIMEDOUT); /* having waited */
    CHECK_EQ_INT(mr_queue_len(q), 2);
    act(&a, puts_one, q, 9, 3);
    act(&b, puts_one, q, 1, 4);
    CHECK_EQ_STR(mr_coro_why(a.co), "put");
    CHECK_EQ_INT(get(q), 1); /* and 3 goes in: it came before 4 */
    joined(&a, 0);
    CHECK_EQ_INT(b.rc, 1);
    CHECK_EQ_INT(get(q), 2); /* and 4 goes in */
    CHECK_EQ_INT(get(q), 4);
    CHECK_EQ_INT(get(q), 3);
    joined(&b, 0);
    return 0;
}

IN_HUB(queue_empty_waits)
{
    MR_AUTO(queue) q = make('l', 0);
    struct actor a, b, c;

    act(&a, gets_one, q, 0, 0);
    act(&b, gets_one, q, 0, 0);
    act(&c, gets_one, q, 0, 0);
    CHECK_EQ_STR(mr_coro_why(a.co), "get");
    mr_cancel(a.co);
    CHECK_EQ_INT(put(q, 0, 1), 0);
    mr_cancel(b.co); /* too late */
    CHECK_EQ_INT(put(q, 0, 2), 0);
    CHECK_EQ_INT(mr_queue_len(q), 0);
    joined(&a, -ECANCELED);
    joined(&b, 0);
    CHECK_EQ_INT(b.it.number, 1);
    joined(&c, 0);
    CHECK_EQ_INT(c.it.number, 2);
    return 0;
}

IN_HUB(queue_closed)
{
    MR_AUTO(queue) q = make('f', 1);
    struct actor a, b;

    CHECK_EQ_INT(put(q, 0, 1), 0);
    act(&a, puts_one, q, 0, 2);
    mr_queue_close(q);
    mr_queue_close(q);
    joined(&a, -EPIPE);
    CHECK_EQ_INT(put(q, 0, 3), -EPIPE);
    CHECK_EQ_INT(get(q), 1);
    CHECK_EQ_INT(get(q), -EPIPE);
    mr_queue_free(MR_MOVE(q));
    q = make('f', 1);
    act(&b, gets_one, q, 0, 0);
    mr_queue_free(MR_MOVE(q)); /* who waited does not touch it again */
    joined(&b, -EPIPE);
    return 0;
}

/* --- done and join --- */

static intptr_t joins(void *arg)
{
    struct actor *a = arg;

    a->rc = mr_queue_join(a->q, MR_NEVER);
    return 0;
}

IN_HUB(queue_join_waits_for_all)
{
    MR_AUTO(queue) q = make('f', 0);
    struct actor a, g;

    CHECK_EQ_INT(mr_queue_join(q, 0), 0);
    act(&g, gets_one, q, 0, 0);
    CHECK_EQ_INT(put(q, 0, 1), 0); /* handed over: counts too */
    joined(&g, 0);
    CHECK_EQ_INT(mr_queue_join(q, 0), -ETIMEDOUT);
    CHECK_EQ_INT(put(q, 0, 2), 0);
    act(&a, joins, q, 0, 0);
    CHECK_EQ_INT(get(q), 2);
    mr_queue_done(q);
    settle();
    CHECK_EQ_INT(a.rc, 1);
    mr_queue_done(q);
    CHECK_EQ_INT(put(q, 0, 3), 0); /* it was all done once: that counts */
    joined(&a, 0);
    act(&a, joins, q, 0, 0);
    mr_queue_free(MR_MOVE(q));
    joined(&a, -EPIPE);
    return 0;
}

IN_HUB_DIES(queue_done_too_often, "q->undone == 0")
{
    MR_AUTO(queue) q = make('f', 0);

    CHECK_EQ_INT(put(q, 0, 1), 0);
    mr_queue_done(q);
    mr_queue_done(q);
    return 0;
}

/* --- memory --- */

IN_HUB(queue_out_of_memory)
{
    static const char kinds[] = "flp";

    for (const char *k = kinds; *k; k++) {
        MR_AUTO(queue) q = NULL;
        int n = 0;

        CASE("kind %c", *k);
        mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
        CHECK_EQ_PTR(make(*k, 0), NULL);
        mr_sys_fault_clear();
        q = make(*k, 0);
        mr_sys_fault(MR_SYS_ALLOC, 2, -ENOMEM);
        while (put(q, 1, n) == 0)
            n++;
        CHECK_OK(n > 0); /* the first growth went well */
        CHECK_EQ_INT(put(q, 1, n), 0);
        CHECK_EQ_INT(mr_queue_len(q), n + 1); /* and nothing was lost */
        for (int i = 0; i <= n; i++)
            CHECK_EQ_INT(get(q), *k == 'l' ? n - i : i);
    }
    return 0;
}

IN_HUB(queue_of_nothing)
{
    MR_AUTO(queue) q = mr_queue_new(0, 0);

    for (int i = 0; i < 100; i++)
        CHECK_EQ_INT(mr_queue_put(q, NULL, 0), 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ_INT(mr_queue_get(q, NULL, 0), 0);
    CHECK_EQ_INT(mr_queue_get(q, NULL, 0), -ETIMEDOUT);
    return 0;
}

/* --- against a naive model --- */

static struct item held[64];
static int n_held;
static int arrivals;

/* The index of the one whose turn it is. */
static int turn(char kind)
{
    int best = 0;

    if (kind == 'l')
        return n_held - 1;
    for (int i = 1; kind == 'p' && i < n_held; i++) {
        if (held[i].rank < held[best].rank)
            best = i;
    }
    return best;
}

static void model_step(struct mr_queue *q, char kind, int max, unsigned *seed)
{
    int rank = 1 + rand_r(seed) % 5, at = turn(kind), n = n_held;

    if (rand_r(seed) % 64 < 32 + (n_held < 32 ? 4 : -4)) {
        CHECK_EQ_INT(put(q, rank, arrivals), n == max ? -ETIMEDOUT : 0);
        if (n < max)
            held[n_held++] = (struct item){rank, arrivals, 0};
        arrivals++;
        return;
    }
    CHECK_EQ_INT(get(q), n == 0 ? -ETIMEDOUT : held[at].number);
    if (n == 0)
        return;
    memmove(held + at, held + at + 1, (size_t)(n - at - 1) * sizeof held[0]);
    n_held--;
}

IN_HUB(queue_model)
{
    const char *fixed = getenv("MODEL_SEED");
    unsigned seed =
        fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();

    for (const char *k = "flp"; *k; k++) {
        int max = 1 + rand_r(&seed) % 63;
        MR_AUTO(queue) q = make(*k, (size_t)max);

        CASE("MODEL_SEED=%u, kind %c", seed, *k);
        n_held = 0;
        for (long n = TEST_SCALE(20000); n > 0; n--) {
            model_step(q, *k, max, &seed);
            CHECK_EQ_INT(mr_queue_len(q), n_held);
        }
    }
    return 0;
}

SUITE("order", queue_orders, queue_of_nothing, queue_model)
SUITE("bounds", queue_full_waits, queue_empty_waits, queue_closed)
SUITE("done", queue_join_waits_for_all, queue_done_too_often)
SUITE("memory", queue_out_of_memory)
TEST_MAIN()
