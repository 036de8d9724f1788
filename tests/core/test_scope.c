/* SPDX-License-Identifier: MIT */

/* test_scope.c - deadlines that know whose they are, and shields. */
#include <errno.h>

#include "core/sync.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

IN_HUB(scope_that_does_not_expire)
{
    struct mr_scope s;

    mr_scope_enter(&s, mr_after_s(1000));
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_OK(!mr_scope_leave(&s));
    return 0;
}

IN_HUB(scope_expires)
{
    struct mr_scope s;

    mr_scope_enter(&s, mr_after_ms(1));
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT); /* and every one after it */
    CHECK_EQ_INT(mr_yield(), -ETIMEDOUT);
    CHECK_OK(mr_scope_leave(&s));
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    return 0;
}

/* Which of two nested scopes was it: {outer ms, inner ms, who}. */
static const struct {
    int64_t outer, inner;
    bool outer_blamed, inner_blamed;
} nested[] = {
    {1, 1000000, true, false},
    {1000000, 1, false, true},
};

IN_HUB(scope_knows_whose_deadline_it_was)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(nested); i++) {
        struct mr_scope outer, inner;

        CASE("row %zu", i);
        mr_scope_enter(&outer, mr_after_ms(nested[i].outer));
        mr_scope_enter(&inner, mr_after_ms(nested[i].inner));
        CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
        CHECK_EQ_INT(mr_scope_leave(&inner), nested[i].inner_blamed);
        CHECK_EQ_INT(mr_scope_leave(&outer), nested[i].outer_blamed);
    }
    return 0;
}

/* A moved one counts inside scopes that were entered before, but not across a
 * shield, nor in another errand. */
static intptr_t move_anothers(void *arg)
{
    struct mr_scope own;

    mr_scope_enter(&own, MR_NEVER);
    mr_scope_move(arg, MR_NEVER);
    (void)mr_scope_leave(&own);
    return 0;
}

IN_HUB(scope_moves)
{
    struct mr_scope outer, inner, shield;
    struct mr_coro *co;

    mr_scope_enter(&outer, MR_NEVER);
    mr_scope_enter(&inner, mr_after_s(3600));
    mr_scope_move(&outer, mr_after_ms(1));
    co = mr_spawn(move_anothers, &outer);
    CHECK_OK(co);
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
    mr_shield_enter(&shield, MR_NEVER);
    mr_scope_move(&outer, mr_after_ms(1));
    CHECK_EQ_INT(mr_sleep_ms(3), 0);
    CHECK_EQ_INT(mr_shield_leave(&shield), false);
    CHECK_EQ_INT(mr_sleep_ms(1), -ETIMEDOUT);
    mr_scope_move(&outer, MR_NEVER);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_scope_move(&inner, mr_now());
    CHECK_EQ_INT(mr_sleep_ms(1), -ETIMEDOUT);
    CHECK_EQ_INT(mr_scope_leave(&inner), true);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_scope_leave(&outer), true);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    return 0;
}

/* A deadline of the call's own blames no scope. */
IN_HUB(scope_is_not_blamed_for_an_argument)
{
    struct mr_scope s;
    struct mr_waitq q;

    mr_waitq_init(&q);
    mr_scope_enter(&s, mr_after_s(1000));
    CHECK_EQ_INT(mr_wait(&q, mr_after_ms(1), "q"), -ETIMEDOUT);
    CHECK_OK(!mr_scope_leave(&s));
    return 0;
}

/* Of three that nest, also when several deadlines have passed, and are equal:
 * the nearest is told first, and every one of them in the end. */
static const struct {
    int64_t at[3];      /* outermost first; ms ago */
    const char *blamed; /* by the first park; by those after each leave */
} passed[] = {
    {{3, 2, 1}, "0"},   {{1, 2, 3}, "210"}, {{2, 3, 1}, "10"},
    {{2, 2, 2}, "210"}, {{3, 1, 2}, "0"},   {{1, 3, 2}, "10"},
};

/* An inner time-out that is handled does not swallow the outer one. */
IN_HUB(scope_is_never_swallowed)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(passed); i++) {
        struct mr_scope s[3];
        int64_t now = mr_hub_now();
        char blamed[4] = "";
        size_t n = 0;

        CASE("row %zu", i);
        for (int k = 0; k < 3; k++)
            mr_scope_enter(&s[k], now - mr_ms(passed[i].at[k]));
        for (int k = 2; k >= 0; k--) {
            CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
            if (mr_scope_leave(&s[k]))
                blamed[n++] = (char)('0' + k);
        }
        CHECK_EQ_STR(blamed, passed[i].blamed);
        CHECK_EQ_INT(mr_sleep_ms(0), 0);
    }
    return 0;
}

/* Left however the block is left. */
static int leaves(int how)
{
    for (int i = 0;; i++) {
        MR_SCOPE(s, mr_after_ms(1));
        MR_SHIELD(shield, MR_NEVER);

        if (how == 0 && i == 3)
            return 5;
        if (how == 1 && i == 3)
            break;
    }
    return 6;
}

IN_HUB(scope_of_a_block)
{
    CHECK_EQ_INT(leaves(0), 5);
    CHECK_EQ_INT(leaves(1), 6);
    CHECK_EQ_INT(mr_sleep_ms(2), 0);
    {
        MR_SCOPE(s, mr_after_ms(1));

        CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
        CHECK_OK(mr_scope_has_expired(&s));
    }
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    return 0;
}

/* --- a function with a time-out --- */

static intptr_t sleeps_until(void *arg)
{
    int rc = mr_sleep(*(int64_t *)arg);

    return rc ? rc : 42;
}

static intptr_t says_timed_out(void *unused)
{
    (void)unused;
    return -ETIMEDOUT;
}

IN_HUB(timeout_with_a_fallback)
{
    int64_t soon = mr_after_ms(1), late = MR_NEVER, far = mr_after_s(1000);
    struct mr_scope outer;

    CHECK_EQ_INT(mr_with_timeout(sleeps_until, &soon, far, 7), 42);
    CHECK_EQ_INT(mr_with_timeout(sleeps_until, &late, mr_after_ms(1), 7), 7);
    /* That is somebody else's: an argument's, a scope's around it. */
    CHECK_EQ_INT(mr_with_timeout(says_timed_out, NULL, far, 7), -ETIMEDOUT);
    mr_scope_enter(&outer, mr_after_ms(1));
    CHECK_EQ_INT(mr_with_timeout(sleeps_until, &late, far, 7), -ETIMEDOUT);
    CHECK_OK(mr_scope_leave(&outer));
    return 0;
}

/* --- shields --- */

static intptr_t cleans_up(void *arg)
{
    struct mr_scope s;
    int *steps = arg;

    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ECANCELED);
    CHECK_OK(mr_is_cancelled());
    mr_shield_enter(&s, mr_after_s(1000));
    CHECK_OK(!mr_is_cancelled());
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    ++*steps;
    CHECK_OK(!mr_shield_leave(&s));
    CHECK_EQ_INT(mr_sleep_ms(1), -ECANCELED);
    ++*steps;
    return 0;
}

IN_HUB(shield_puts_a_cancel_off)
{
    int steps = 0;
    struct mr_coro *co = mr_spawn(cleans_up, &steps);

    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(steps, 2);
    return 0;
}

static intptr_t shielded_sleep(void *arg)
{
    struct mr_scope s;

    mr_shield_enter(&s, MR_NEVER);
    CHECK_EQ_INT(mr_wait(arg, MR_NEVER, "shielded"), 4);
    (void)mr_shield_leave(&s);
    return mr_sleep_ms(1);
}

IN_HUB(shield_cancelled_while_parked)
{
    struct mr_waitq q;
    struct mr_coro *co;
    intptr_t v;

    mr_waitq_init(&q);
    co = mr_spawn(shielded_sleep, &q);
    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_PARKED);
    CHECK_OK(mr_waitq_wake_one(&q, 4));
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    return 0;
}

IN_HUB(shield_puts_outer_scopes_off)
{
    struct mr_scope outer, shield, inner;

    mr_scope_enter(&outer, mr_after_ms(1));
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
    mr_shield_enter(&shield, mr_after_s(1000));
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_scope_enter(&inner, mr_after_ms(1)); /* counts inside the shield */
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
    CHECK_OK(mr_scope_leave(&inner));
    CHECK_OK(!mr_shield_leave(&shield));
    CHECK_EQ_INT(mr_sleep_ms(1), -ETIMEDOUT);
    CHECK_OK(mr_scope_leave(&outer));
    return 0;
}

IN_HUB(shield_has_a_deadline_of_its_own)
{
    struct mr_scope outer, shield;

    mr_scope_enter(&outer, mr_after_s(1000));
    mr_shield_enter(&shield, mr_after_ms(1));
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ETIMEDOUT);
    CHECK_OK(mr_shield_leave(&shield));
    CHECK_OK(!mr_scope_leave(&outer));
    return 0;
}

IN_HUB_DIES(scope_left_open, "e->scope")
{
    struct mr_scope s;

    mr_scope_enter(&s, MR_NEVER);
    return 0;
}

IN_HUB_DIES(scope_left_crosswise, "e->scope != s")
{
    struct mr_scope a, b;

    mr_scope_enter(&a, MR_NEVER);
    mr_scope_enter(&b, MR_NEVER);
    (void)mr_scope_leave(&a);
    return 0;
}

SUITE("scopes", scope_that_does_not_expire, scope_expires,
      scope_knows_whose_deadline_it_was, scope_is_not_blamed_for_an_argument,
      scope_moves, scope_is_never_swallowed, scope_of_a_block,
      timeout_with_a_fallback, scope_left_open, scope_left_crosswise)
SUITE("shields", shield_puts_a_cancel_off, shield_cancelled_while_parked,
      shield_puts_outer_scopes_off, shield_has_a_deadline_of_its_own)
TEST_MAIN()
