/* SPDX-License-Identifier: MIT */

/* test_wait.c - the one way to wait: one, any, who wins, what is lost never. */
#include "core/wait.h"

#include <errno.h>

#include "core/timer.h"
#include "tests/core/in_hub.h"

static struct mr_waitq q[3];

static void init_queues(void)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(q); i++)
        mr_waitq_init(&q[i]);
}

static intptr_t waits(void *unused)
{
    (void)unused;
    return mr_wait(&q[0], MR_NEVER, "test");
}

IN_HUB(wait_for_one)
{
    struct mr_coro *a;
    intptr_t v = 0;

    init_queues();
    a = mr_spawn(waits, NULL);
    CHECK_OK(!mr_waitq_wake_one(&q[0], 1)); /* nobody there yet */
    mr_yield();
    CHECK_EQ_INT(mr_coro_state(a), MR_CORO_PARKED);
    CHECK_EQ_STR(mr_coro_why(a), "test");
    CHECK_OK(mr_waitq_wake_one(&q[0], 41));
    CHECK_EQ_INT(mr_coro_state(a), MR_CORO_READY);
    CHECK_OK(mr_waitq_is_empty(&q[0]));
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 41);
    return 0;
}

IN_HUB(wait_wakes_the_oldest_first)
{
    struct mr_coro *co[3];
    intptr_t v;

    init_queues();
    for (int i = 0; i < 3; i++)
        co[i] = mr_spawn(waits, NULL);
    mr_yield();
    for (intptr_t i = 0; i < 3; i++)
        CHECK_OK(mr_waitq_wake_one(&q[0], i));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_join(co[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, i);
    }
    return 0;
}

IN_HUB(wait_wakes_all)
{
    struct mr_coro *co[3];
    intptr_t v;

    init_queues();
    CHECK_EQ_INT(mr_waitq_wake_all(&q[0], 1), 0);
    for (int i = 0; i < 3; i++)
        co[i] = mr_spawn(waits, NULL);
    mr_yield();
    CHECK_EQ_INT(mr_waitq_wake_all(&q[0], -EPIPE), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_join(co[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, -EPIPE); /* the waker's own error */
    }
    return 0;
}

/* --- sets --- */

struct any {
    struct mr_wait_entry e[3];
    int rc;
};

static intptr_t waits_any(void *arg)
{
    struct any *a = arg;

    for (int i = 0; i < 3; i++)
        a->e[i] = (struct mr_wait_entry){.queue = &q[i]};
    a->rc = mr_wait_any(a->e, 3, MR_NEVER, "any");
    return 0;
}

IN_HUB(wait_any_takes_siblings_out)
{
    init_queues();
    for (int win = 0; win < 3; win++) {
        struct any any;
        struct mr_coro *co = mr_spawn(waits_any, &any);

        CASE("entry %d wins", win);
        mr_yield();
        CHECK_OK(mr_waitq_wake_one(&q[win], 7));
        for (int i = 0; i < 3; i++)
            CHECK_OK(mr_waitq_is_empty(&q[i])); /* at once, before it runs */
        CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(any.rc, win);
        CHECK_EQ_INT(any.e[win].value, 7);
    }
    return 0;
}

static intptr_t waits_twice_in_one(void *arg)
{
    struct mr_wait_entry e[2] = {{.queue = &q[0]}, {.queue = &q[0]}};
    int *woken = arg;

    CHECK_EQ_INT(mr_wait_any(e, 2, MR_NEVER, "twice"), 0);
    ++*woken;
    return 0;
}

/* A set with two entries in one queue counts as one waiter. */
IN_HUB(wait_twice_in_one_queue)
{
    int woken = 0;

    init_queues();
    for (int i = 0; i < 2; i++)
        (void)!mr_spawn(waits_twice_in_one, &woken);
    mr_yield();
    CHECK_EQ_INT(mr_waitq_wake_all(&q[0], 0), 2);
    mr_yield();
    CHECK_EQ_INT(woken, 2);
    return 0;
}

static intptr_t waits_with_data(void *arg)
{
    struct mr_wait_entry e = {.queue = &q[0], .data = arg};

    CHECK_EQ_INT(mr_wait_any(&e, 1, MR_NEVER, "data"), 0);
    return e.value;
}

static intptr_t waits_with_data_alone(void *arg)
{
    return mr_wait_with(&q[0], arg, MR_NEVER, "data");
}

static intptr_t waits_with_data_in_time(void *arg)
{
    return mr_wait_with_int(&q[0], arg, mr_after_s(60), "data");
}

IN_HUB(wait_entry_can_be_looked_at)
{
    static mr_coro_fn *const ways[] = {waits_with_data, waits_with_data_alone,
                                       waits_with_data_in_time};
    int place = 0;
    struct mr_coro *co;
    struct mr_wait_entry *first;
    intptr_t v;

    init_queues();
    for (size_t i = 0; i < MR_ARRAY_LEN(ways); i++) {
        CASE("%zu", i);
        CHECK_EQ_PTR(mr_waitq_first(&q[0]), NULL);
        co = mr_spawn(ways[i], &place);
        mr_yield();
        first = mr_waitq_first(&q[0]);
        CHECK_EQ_PTR(first->data, &place);
        CHECK_EQ_STR(mr_coro_why(co), "data");
        mr_wait_fire(first, 3);
        CHECK_EQ_STR(mr_coro_why(co), "");
        CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 3);
    }
    return 0;
}

/* The errand's own entry is used again and again, each time as new. */
IN_HUB(wait_again_after_each_way_to_end)
{
    struct mr_coro *co;
    struct mr_scope s;
    intptr_t v;

    init_queues();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_wait(&q[0], mr_after(1000), "test"), -ETIMEDOUT);
        mr_scope_enter(&s, mr_after(1000));
        CHECK_EQ_INT(mr_wait(&q[0], MR_NEVER, "test"), -ETIMEDOUT);
        CHECK_OK(mr_scope_leave(&s));
        CHECK_OK(mr_waitq_is_empty(&q[0]));
        co = mr_spawn(waits, NULL);
        CHECK_EQ_INT(mr_join(co, NULL, mr_after(1000)), -ETIMEDOUT);
        CHECK_OK(mr_waitq_wake_one(&q[0], i));
        CHECK_EQ_INT(mr_join(co, &v, mr_after_s(60)), 0);
        CHECK_EQ_INT(v, i);
    }
    return 0;
}

/* --- time --- */

IN_HUB(wait_times_out)
{
    int64_t at = mr_after_ms(2);

    init_queues();
    CHECK_EQ_INT(mr_wait(&q[0], at, "test"), -ETIMEDOUT);
    CHECK_OK(mr_now() >= at);
    CHECK_OK(mr_waitq_is_empty(&q[0]));
    CHECK_EQ_INT(mr_wait(&q[0], 0, "test"), -ETIMEDOUT);
    CHECK_EQ_INT(mr_wait_any(NULL, 0, 0, "nothing"), -ETIMEDOUT);
    CHECK_OK(mr_waitq_is_empty(&q[0]));
    return 0;
}

static intptr_t counts_turns(void *arg)
{
    for (;;) {
        ++*(int *)arg;
        if (mr_yield() != 0)
            return 0;
    }
}

/* A park that fails at once gives up a turn: no other is starved. */
IN_HUB(wait_that_fails_gives_up_a_turn)
{
    int turns = 0;
    struct mr_coro *co = mr_spawn(counts_turns, &turns);

    init_queues();
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ_INT(mr_wait(&q[0], 0, "past"), -ETIMEDOUT);
        CHECK_EQ_INT(turns, i);
    }
    mr_cancel(co);
    return 0;
}

/* --- cancel --- */

static intptr_t waits_again_and_again(void *arg)
{
    int *failed = arg;

    for (int i = 0; i < 3; i++) {
        if (mr_wait(&q[0], MR_NEVER, "sticky") == -ECANCELED)
            ++*failed;
    }
    return 5;
}

IN_HUB(wait_cancel_is_sticky)
{
    int failed = 0;
    intptr_t v;
    struct mr_coro *co = mr_spawn(waits_again_and_again, &failed);

    init_queues();
    mr_yield();
    mr_cancel(co);
    CHECK_OK(mr_waitq_is_empty(&q[0]));
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(failed, 3);
    CHECK_EQ_INT(v, 5);
    return 0;
}

/* What was handed over before the cancel is not lost. */
IN_HUB(wait_value_survives_a_later_cancel)
{
    struct mr_coro *co;
    intptr_t v;

    init_queues();
    co = mr_spawn(waits, NULL);
    mr_yield();
    CHECK_OK(mr_waitq_wake_one(&q[0], 17));
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 17);
    return 0;
}

static intptr_t waits_till_soon(void *arg)
{
    return mr_wait(&q[0], *(int64_t *)arg, "soon");
}

/* Nor does a deadline that passes between the wake and the turn undo it. */
IN_HUB(wait_value_survives_a_later_deadline)
{
    int64_t at = mr_after_ms(1);
    struct mr_coro *co;
    intptr_t v;

    init_queues();
    co = mr_spawn(waits_till_soon, &at);
    mr_yield();
    CHECK_OK(mr_waitq_wake_one(&q[0], 18));
    while (mr_now() <= at)
        continue;
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 18);
    return 0;
}

/* And what was not handed over goes to the next. */
IN_HUB(wait_cancelled_waiter_takes_no_value)
{
    struct mr_coro *a, *b;
    intptr_t v;

    init_queues();
    a = mr_spawn(waits, NULL);
    b = mr_spawn(waits, NULL);
    mr_yield();
    mr_cancel(a);
    CHECK_OK(mr_waitq_wake_one(&q[0], 19));
    CHECK_OK(!mr_waitq_wake_one(&q[0], 20));
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_EQ_INT(mr_join(b, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 19);
    return 0;
}

/* --- misuse --- */

TEST_DIES(wait_outside_a_hub, "!mr_thread.hub")
{
    init_queues();
    (void)!mr_wait(&q[0], MR_NEVER, "nobody");
}

static void parks_in_a_hook(struct mr_hub_idle *unused)
{
    (void)unused;
    (void)!mr_wait(&q[0], MR_NEVER, "hook");
}

IN_HUB_DIES(wait_on_the_hubs_own_stack, "coroutine 'main'")
{
    static struct mr_hub_idle idle = {.fn = parks_in_a_hook};

    init_queues();
    mr_list_init(&idle.node);
    mr_hub_before_poll(&idle);
    mr_sleep_ms(1);
    return 0;
}

SUITE("waiting", wait_for_one, wait_wakes_the_oldest_first, wait_wakes_all,
      wait_any_takes_siblings_out, wait_twice_in_one_queue,
      wait_entry_can_be_looked_at, wait_again_after_each_way_to_end)
SUITE("waiting: time and cancel", wait_times_out,
      wait_that_fails_gives_up_a_turn, wait_cancel_is_sticky,
      wait_value_survives_a_later_cancel, wait_value_survives_a_later_deadline,
      wait_cancelled_waiter_takes_no_value)
SUITE("waiting: misuse", wait_outside_a_hub, wait_on_the_hubs_own_stack)
TEST_MAIN()
