/* SPDX-License-Identifier: MIT */

/* test_group.c - owns coroutines; closing cancels and joins them. */
#include "core/group.h"

#include <errno.h>

#include "core/timer.h"
#include "tests/core/in_hub.h"

static intptr_t adds(void *arg)
{
    mr_yield();
    ++*(int *)arg;
    return 0;
}

static intptr_t sleeps_on(void *arg)
{
    *(int *)arg = mr_sleep(MR_NEVER);
    return 0;
}

IN_HUB(group_waits_for_all)
{
    struct mr_group g;
    int n = 0;

    mr_group_init(&g);
    CHECK_EQ_INT(mr_group_wait(&g, 0), 0); /* an empty one is done */
    for (int i = 0; i < 10; i++)
        CHECK_OK(mr_group_spawn(&g, adds, &n) != NULL);
    CHECK_EQ_INT(g.live, 10);
    CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
    CHECK_EQ_INT(n, 10);
    CHECK_EQ_INT(g.live, 0);
    mr_group_close(&g); /* frees what nobody joined */
    CHECK_OK(mr_list_is_empty(&g.members));
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

IN_HUB(group_wait_times_out)
{
    struct mr_group g;
    int rc = 0;

    mr_group_init(&g);
    CHECK_OK(mr_group_spawn(&g, sleeps_on, &rc) != NULL);
    CHECK_EQ_INT(mr_group_wait(&g, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(rc, 0);
    mr_group_close(&g);
    CHECK_EQ_INT(rc, -ECANCELED);
    return 0;
}

IN_HUB(group_is_usable_after_close)
{
    struct mr_group g;
    int n = 0;

    mr_group_init(&g);
    for (int round = 1; round <= 3; round++) {
        mr_group_close(&g);
        CHECK_OK(mr_group_spawn(&g, adds, &n) != NULL);
        CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
        CHECK_EQ_INT(n, round);
    }
    mr_group_close(&g);
    return 0;
}

static intptr_t tries_to_respawn(void *arg)
{
    struct mr_group *g = arg;

    (void)!mr_sleep(MR_NEVER);
    CHECK_EQ_PTR(mr_group_spawn(g, adds, NULL), NULL);
    return 0;
}

IN_HUB(group_refuses_while_closing)
{
    struct mr_group g;

    mr_group_init(&g);
    CHECK_OK(mr_group_spawn(&g, tries_to_respawn, &g) != NULL);
    mr_yield();
    mr_group_close(&g);
    CHECK_EQ_INT(g.live, 0);
    return 0;
}

IN_HUB(group_member_joined_by_hand)
{
    struct mr_group g;
    struct mr_coro *a, *b;
    int n = 0;

    mr_group_init(&g);
    a = mr_group_spawn(&g, adds, &n);
    b = mr_group_spawn(&g, adds, &n);
    CHECK_OK(a && b);
    CHECK_EQ_INT(mr_join(a, NULL, MR_NEVER), 0);
    mr_group_close(&g);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

static intptr_t takes_its_time(void *arg)
{
    struct mr_scope s;

    (void)!mr_sleep(MR_NEVER);
    mr_shield_enter(&s, MR_NEVER);
    CHECK_EQ_INT(mr_sleep_ms(2), 0);
    (void)mr_shield_leave(&s);
    *(bool *)arg = true;
    return 0;
}

static intptr_t closes(void *arg)
{
    struct mr_group g;

    mr_group_init(&g);
    CHECK_OK(mr_group_spawn(&g, takes_its_time, arg) != NULL);
    mr_yield();
    mr_group_close(&g);
    CHECK_OK(*(bool *)arg);
    return mr_sleep(MR_NEVER);
}

/* Closing is not cut short by the closer's own cancellation. */
IN_HUB(group_close_is_shielded)
{
    bool done = false;
    struct mr_coro *co = mr_spawn(closes, &done);
    intptr_t v;

    mr_yield();
    mr_yield();
    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_OK(done);
    return 0;
}

static intptr_t closes_and_goes_on(void *arg)
{
    struct mr_group *g = arg;
    static int n;

    mr_group_close(g);
    CHECK_EQ_INT(g->live, 0);
    return mr_group_spawn(g, adds, &n) ? 0 : -ENOMEM;
}

static intptr_t closes_too(void *arg)
{
    struct mr_group *g = arg;

    mr_group_close(g);
    return (intptr_t)g->live;
}

/* What the first one spawns after its close is none of the second's: that one
 * neither waits for it nor frees it while it runs. */
IN_HUB(group_closed_by_two_at_once)
{
    struct mr_group g;
    struct mr_coro *first, *second;
    bool ended = false;
    intptr_t rc;

    mr_group_init(&g);
    CHECK_OK(mr_group_spawn(&g, takes_its_time, &ended));
    mr_yield();
    first = mr_spawn(closes_and_goes_on, &g);
    second = mr_spawn(closes_too, &g);
    CHECK_EQ_INT(mr_join(second, &rc, MR_NEVER), 0);
    CHECK_OK(ended);
    CHECK_EQ_INT(rc, 1);
    CHECK_EQ_INT(mr_join(first, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
    mr_group_close(&g);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

static intptr_t closes_late(void *arg)
{
    struct mr_group *g = arg;
    static int n;

    mr_yield(); /* the member ends, and the first closer is READY behind us */
    CHECK_EQ_INT(g->live, 0);
    CHECK_OK(g->closing);
    mr_group_close(g);
    CHECK_OK(mr_list_is_empty(&g->members));
    return mr_group_spawn(g, adds, &n) ? 0 : -ENOMEM;
}

static intptr_t just_closes(void *arg)
{
    mr_group_close(arg);
    return 0;
}

/* The second finds nobody alive, but the first has not come back. */
IN_HUB(group_closed_by_a_second_who_is_late)
{
    struct mr_group g;
    struct mr_coro *first, *second;
    intptr_t rc;
    int n = 0;

    mr_group_init(&g);
    CHECK_OK(mr_group_spawn(&g, sleeps_on, &n));
    mr_yield();
    first = mr_spawn(just_closes, &g);
    second = mr_spawn(closes_late, &g);
    CHECK_EQ_INT(mr_join(second, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    CHECK_EQ_INT(mr_join(first, NULL, MR_NEVER), 0);
    mr_group_close(&g);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

static struct mr_group outer_group;

static intptr_t close_outer(void *arg)
{
    (void)arg;
    mr_group_close(&outer_group);
    return 0;
}

static intptr_t spawn_close_outer(void *arg)
{
    (void)arg;
    return mr_join(mr_spawn(close_outer, NULL), NULL, MR_NEVER);
}

/* It hung, waiting for its own end. */
IN_HUB_DIES(group_closed_by_a_member, "is_inside")
{
    mr_group_init(&outer_group);
    CHECK_OK(mr_group_spawn(&outer_group, close_outer, NULL));
    return mr_group_wait(&outer_group, MR_NEVER);
}

IN_HUB_DIES(group_closed_by_a_members_child, "is_inside")
{
    mr_group_init(&outer_group);
    CHECK_OK(mr_group_spawn(&outer_group, spawn_close_outer, NULL));
    return mr_group_wait(&outer_group, MR_NEVER);
}

SUITE("group", group_waits_for_all, group_wait_times_out,
      group_is_usable_after_close, group_refuses_while_closing,
      group_member_joined_by_hand, group_close_is_shielded,
      group_closed_by_two_at_once, group_closed_by_a_second_who_is_late,
      group_closed_by_a_member, group_closed_by_a_members_child)
TEST_MAIN()
