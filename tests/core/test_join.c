/* SPDX-License-Identifier: MIT */

/* test_join.c - spawn, join, cancel, who owns whom. */
#include <errno.h>

#include "core/group.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static intptr_t returns(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t sleeps_on(void *arg)
{
    int rc = mr_sleep(MR_NEVER);

    if (arg)
        *(int *)arg = rc;
    return rc;
}

/* --- join --- */

IN_HUB(join_gives_the_result)
{
    struct mr_coro *co = mr_spawn(returns, (void *)42);
    intptr_t v;

    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_READY);
    CHECK_EQ_STR(mr_coro_name(co), "returns"); /* the macro's doing */
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 42);
    CHECK_EQ_INT(mr_join(mr_spawn(returns, NULL), NULL, MR_NEVER), 0);
    return 0;
}

IN_HUB(join_of_the_dead)
{
    struct mr_coro *co = mr_spawn(returns, (void *)7);
    intptr_t v;

    mr_yield();
    CHECK_OK(mr_coro_is_done(co));
    CHECK_EQ_INT(mr_join(co, &v, 0), 0); /* no wait: no deadline either */
    CHECK_EQ_INT(v, 7);
    return 0;
}

IN_HUB(join_times_out_and_the_handle_stays_good)
{
    struct mr_coro *co = mr_spawn(sleeps_on, NULL);
    intptr_t v = 1;

    CHECK_EQ_INT(mr_join(co, &v, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(v, 1);
    CHECK_EQ_INT(mr_join(co, &v, 0), -ETIMEDOUT);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    return 0;
}

static intptr_t joins(void *arg)
{
    intptr_t v = 0;

    CHECK_EQ_INT(mr_join(arg, &v, MR_NEVER), 0);
    return v;
}

static intptr_t turns(void *arg)
{
    for (intptr_t i = 0; i < 5; i++)
        mr_yield();
    return (intptr_t)arg;
}

IN_HUB(join_by_several)
{
    struct mr_coro *co = mr_spawn(turns, (void *)9), *by[4];
    intptr_t v;

    for (int i = 0; i < 4; i++)
        by[i] = mr_spawn(joins, co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 9);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(mr_join(by[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 9);
    }
    return 0;
}

static intptr_t joins_in_vain(void *arg)
{
    return mr_join(arg, NULL, MR_NEVER);
}

IN_HUB(join_cancelled_joiner)
{
    struct mr_coro *co = mr_spawn(sleeps_on, NULL);
    struct mr_coro *joiner = mr_spawn(joins_in_vain, co);
    intptr_t v;

    mr_yield();
    mr_cancel(joiner);
    CHECK_EQ_INT(mr_join(joiner, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    mr_cancel(co); /* still good for others */
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    return 0;
}

static intptr_t joins_itself(void *unused)
{
    (void)unused;
    return mr_join(mr_coro_self(), NULL, MR_NEVER);
}

IN_HUB_DIES(join_of_oneself, "e == mr_errand_current()")
{
    return mr_join(mr_spawn(joins_itself, NULL), NULL, MR_NEVER);
}

/* --- references --- */

IN_HUB(ref_keeps_the_object)
{
    struct mr_coro *co = mr_coro_ref(mr_spawn(returns, (void *)3));

    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stack_stats().taken, 2);
    CHECK_OK(mr_coro_is_done(co));
    CHECK_EQ_STR(mr_coro_name(co), "returns");
    mr_cancel(co); /* on the dead, does nothing */
    mr_coro_unref(co);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    mr_coro_unref(NULL);
    return 0;
}

IN_HUB(ref_outlives_the_reaped)
{
    struct mr_spawn_options o = {.entry = "returns", .reap = true};
    struct mr_coro *co = mr_coro_ref(mr_spawn_with(returns, NULL, &o));

    mr_yield();
    CHECK_OK(mr_coro_is_done(co));
    CHECK_EQ_INT(mr_stack_stats().taken, 2);
    mr_coro_unref(co);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

IN_HUB(reaped_goes_when_it_ends)
{
    struct mr_spawn_options o = {.entry = "returns", .reap = true};

    for (int i = 0; i < 100; i++)
        CHECK_OK(mr_spawn_with(returns, NULL, &o) != NULL);
    CHECK_EQ_INT(mr_stack_stats().taken, 101);
    mr_yield();
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

/* --- cancel --- */

static intptr_t says_it_ran(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

IN_HUB(cancel_before_the_first_run)
{
    bool ran = false;
    struct mr_coro *co = mr_spawn(says_it_ran, &ran);
    intptr_t v = 0;

    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_OK(!ran);
    return 0;
}

IN_HUB(cancel_again_does_nothing)
{
    int rc = 0;
    struct mr_coro *co = mr_spawn(sleeps_on, &rc);

    mr_yield();
    for (int i = 0; i < 3; i++)
        mr_cancel(co);
    mr_yield();
    CHECK_EQ_INT(rc, -ECANCELED);
    CHECK_OK(mr_coro_is_done(co));
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    return 0;
}

static intptr_t cancels_itself(void *unused)
{
    (void)unused;
    CHECK_OK(!mr_is_cancelled());
    mr_cancel(mr_coro_self());
    CHECK_OK(mr_is_cancelled());
    CHECK_EQ_INT(mr_yield(), -ECANCELED);
    return mr_sleep(MR_NEVER);
}

IN_HUB(cancel_oneself)
{
    struct mr_coro *co = mr_spawn(cancels_itself, NULL);
    intptr_t v;

    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    return 0;
}

/* --- a parent waits for its children --- */

struct family {
    int child;
    int grandchild;
};

static intptr_t has_grandchild(void *arg)
{
    struct family *f = arg;

    CHECK_OK(mr_spawn(sleeps_on, &f->grandchild) != NULL);
    mr_yield();
    f->child = mr_sleep(MR_NEVER);
    return 0;
}

static intptr_t leaves_children(void *arg)
{
    CHECK_OK(mr_spawn(has_grandchild, arg) != NULL);
    for (int i = 0; i < 3; i++)
        mr_yield();
    return 11;
}

IN_HUB(children_are_closed_at_the_end)
{
    struct family f = {0};
    struct mr_coro *co = mr_spawn(leaves_children, &f);
    intptr_t v;

    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 11);
    CHECK_EQ_INT(f.child, -ECANCELED);
    CHECK_EQ_INT(f.grandchild, -ECANCELED);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

static int outlived;
static intptr_t starts_a_service(void *unused)
{
    struct mr_spawn_options o = {.entry = "service", .group = mr_hub_group()};

    (void)unused;
    CHECK_OK(mr_spawn_with(sleeps_on, &outlived, &o) != NULL);
    mr_yield(); /* what never ran never will */
    return 0;
}

/* What is in the hub's group outlives its starter, not the first errand. */
TEST(hub_group_is_closed_with_the_first)
{
    EQ_INT(mr_run(starts_a_service, NULL, NULL), 0);
    EQ_INT(outlived, -ECANCELED);
}

static intptr_t spawns_while_ending(void *unused)
{
    (void)unused;
    (void)!mr_sleep(MR_NEVER);
    CHECK_OK(mr_spawn(returns, NULL) != NULL); /* its own group is open */
    return 0;
}

IN_HUB(children_may_spawn_while_ending)
{
    struct mr_coro *co = mr_spawn(spawns_while_ending, NULL);

    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    return 0;
}

/* --- spawn without memory --- */

IN_HUB(spawn_fails_at_every_allocation)
{
    static const enum mr_sys_call calls[] = {MR_SYS_ALLOC, MR_SYS_MMAP};
    struct mr_coro *got[300];
    struct mr_spawn_options big = {.entry = "big", .stack_size = 1 << 20};

    for (size_t i = 0; i < MR_ARRAY_LEN(calls); i++) {
        size_t n = 0;

        CASE("fault %zu", i);
        mr_sys_fault_always(calls[i], -ENOMEM);
        while (n < MR_ARRAY_LEN(got) &&
               (got[n] = mr_spawn_with(returns, NULL, &big)))
            n++;
        CHECK_OK(n < MR_ARRAY_LEN(got));
        mr_sys_fault_clear();
        while (n > 0)
            CHECK_EQ_INT(mr_join(got[--n], NULL, MR_NEVER), 0);
    }
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

TEST(run_fails_at_every_allocation)
{
    int rc = -ENOMEM;
    unsigned nth = 1;

    for (; rc == -ENOMEM && nth < 50; nth++) {
        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_run(returns, NULL, NULL);
        OK(rc == 0 || rc == -ENOMEM);
        EQ_PTR(mr_hub_self(), NULL);
    }
    mr_sys_fault_clear();
    EQ_INT(rc, 0);
    OK(nth > 3); /* some were hit */
}

/* Resumed by the end of another: that switch, too, carries what mr_yield is to
 * return. */
static intptr_t yields_once(void *arg)
{
    *(int *)arg = mr_yield();
    return 0;
}

static intptr_t cancels_and_ends(void *arg)
{
    mr_cancel(arg);
    return 0;
}

IN_HUB(yield_tells_of_a_cancel_before_an_end)
{
    int rc = 1;
    struct mr_coro *a = mr_spawn(yields_once, &rc);
    struct mr_coro *b = mr_spawn(cancels_and_ends, a);

    CHECK_EQ_INT(mr_join(a, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(b, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -ECANCELED);
    return 0;
}

SUITE("join", join_gives_the_result, join_of_the_dead,
      join_times_out_and_the_handle_stays_good, join_by_several,
      join_cancelled_joiner, join_of_oneself, ref_keeps_the_object,
      ref_outlives_the_reaped, reaped_goes_when_it_ends)
SUITE("cancel", cancel_before_the_first_run, cancel_again_does_nothing,
      cancel_oneself, yield_tells_of_a_cancel_before_an_end)
SUITE("children", children_are_closed_at_the_end,
      hub_group_is_closed_with_the_first, children_may_spawn_while_ending,
      spawn_fails_at_every_allocation, run_fails_at_every_allocation)
TEST_MAIN()
