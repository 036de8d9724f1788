/* SPDX-License-Identifier: MIT */

/* test_together.c - several coroutines at once: join, iwait, kill. */
#include "core/together.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* Ends when its event is set, and returns its number. */
#define N 6
static struct mr_event go[N];
static struct mr_coro *co[N], *refs[N];
static intptr_t results[N];
static int runs;

static intptr_t waits(void *arg)
{
    int rc = mr_event_wait(&go[(intptr_t)arg], MR_NEVER);

    runs++;
    return rc ? rc : (intptr_t)arg;
}

/* N of them, which have run as far as they can. */
static void start(void)
{
    for (intptr_t i = 0; i < N; i++) {
        mr_event_init(&go[i]);
        co[i] = mr_spawn(waits, (void *)i);
        refs[i] = co[i];
        results[i] = -1;
    }
    mr_yield();
}

/* Which of the array are taken, as "110000". */
static const char *taken(void)
{
    static char text[N + 1];

    for (int i = 0; i < N; i++)
        text[i] = co[i] ? '0' : '1';
    return text;
}

/* Sets the events of these digits, a turn apart. */
static intptr_t sets(void *arg)
{
    for (const char *p = arg; *p; p++) {
        mr_event_set(&go[*p - '0']);
        mr_yield();
    }
    return 0;
}

static void end_all(void)
{
    CHECK_EQ_INT(mr_kill_all(co, N, MR_NEVER), 0);
    CHECK_EQ_STR(taken(), "111111");
}

/* --- join --- */

IN_HUB(join_all_takes_all)
{
    start();
    CHECK_OK(mr_spawn(sets, "513204") != NULL);
    CHECK_EQ_INT(mr_join_all(co, N, results, MR_NEVER), 0);
    CHECK_EQ_STR(taken(), "111111");
    for (int i = 0; i < N; i++)
        CHECK_EQ_INT(results[i], i);
    CHECK_EQ_INT(mr_join_all(co, N, results, MR_NEVER), 0); /* nobody left */
    CHECK_EQ_INT(mr_join_all(NULL, 0, NULL, 0), 0);
    return 0;
}

IN_HUB(join_all_out_of_time)
{
    start();
    CHECK_EQ_INT(mr_join_all(co, N, results, 0), -ETIMEDOUT);
    CHECK_EQ_STR(taken(), "000000");
    mr_event_set(&go[1]);
    mr_event_set(&go[4]);
    CHECK_EQ_INT(mr_join_all(co, N, results, mr_after_ms(2)), -ETIMEDOUT);
    CHECK_EQ_STR(taken(), "010010"); /* also those behind the first alive */
    CHECK_EQ_INT(results[4], 4);
    CHECK_EQ_INT(results[5], -1);
    end_all();
    return 0;
}

static intptr_t joins_all(void *unused)
{
    (void)unused;
    return mr_join_all(co, N, NULL, MR_NEVER);
}

IN_HUB(join_all_cancelled)
{
    struct mr_coro *joiner;
    intptr_t v;

    start();
    joiner = mr_spawn(joins_all, NULL);
    mr_yield();
    mr_event_set(&go[0]);
    mr_yield();
    mr_yield();
    mr_cancel(joiner);
    CHECK_EQ_INT(mr_join(joiner, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_EQ_STR(taken(), "100000");
    end_all();
    return 0;
}

static intptr_t joins(void *arg)
{
    return mr_join(arg, NULL, MR_NEVER);
}

/* The joiner is cancelled, and all end before its turn comes: the one that it
 * waited for is taken as well, and no handle of one that was reaped is left. */
IN_HUB(join_all_cancelled_and_all_end)
{
    for (int reap = 0; reap < 2; reap++) {
        struct mr_spawn_options o = {.entry = "waits", .reap = reap};
        struct mr_coro *joiner;
        intptr_t v = -1;

        CASE("reap %d", reap);
        for (intptr_t i = 0; i < N; i++) {
            mr_event_init(&go[i]);
            co[i] = mr_spawn_with(waits, (void *)i, &o);
        }
        joiner = mr_spawn(joins_all, NULL);
        mr_yield();
        for (int i = 0; i < N; i++)
            mr_event_set(&go[i]);
        mr_cancel(joiner);
        CHECK_EQ_INT(mr_join(joiner, &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 0);
        CHECK_EQ_STR(taken(), "111111");
    }
    return 0;
}

IN_HUB(join_all_sees_a_cycle)
{
    start();
    co[0] = mr_spawn(joins, mr_coro_self());
    mr_yield();
    CHECK_EQ_INT(mr_join_all(co, 2, NULL, MR_NEVER), -EDEADLK);
    CHECK_EQ_STR(taken(), "000000");
    end_all();
    return 0;
}

/* --- the first few --- */

static const struct {
    const char *before; /* have ended already */
    const char *order;  /* end then */
    size_t count;
    const char *taken;
} some[] = {
    {"", "35", 1, "000100"},      {"", "3510", 2, "000101"},
    {"", "35104", 5, "110111"},   {"", "351042", 6, "111111"},
    {"", "351042", 99, "111111"}, {"2", "1", 1, "001000"},
    {"24", "1", 1, "001010"},     {"24", "0", 3, "101010"},
    {"012345", "", 6, "111111"},  {"", "", 0, "000000"},
};

IN_HUB(join_some_takes_the_first)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(some); i++) {
        CASE("row %zu", i);
        start();
        for (const char *p = some[i].before; *p; p++)
            mr_event_set(&go[*p - '0']);
        mr_yield();
        CHECK_OK(mr_spawn(sets, (void *)some[i].order) != NULL);
        CHECK_EQ_INT(mr_join_some(co, N, some[i].count, results, MR_NEVER), 0);
        CHECK_EQ_STR(taken(), some[i].taken);
        for (int k = 0; k < N; k++)
            CHECK_EQ_INT(results[k], co[k] ? -1 : k);
        end_all();
    }
    return 0;
}

IN_HUB(join_some_out_of_time)
{
    start();
    CHECK_EQ_INT(mr_join_some(co, N, 1, NULL, 0), -ETIMEDOUT);
    mr_event_set(&go[3]);
    CHECK_EQ_INT(mr_join_some(co, N, 2, NULL, mr_after_ms(2)), -ETIMEDOUT);
    CHECK_EQ_STR(taken(), "000100");
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    CHECK_EQ_INT(mr_join_some(co, N, 2, NULL, MR_NEVER), -ENOMEM);
    mr_sys_fault_clear();
    end_all();
    return 0;
}

/* Those that are reaped go when they end: joining them in time is as good. */
IN_HUB(join_some_of_the_reaped)
{
    struct mr_spawn_options o = {.entry = "waits", .reap = true};

    for (intptr_t i = 0; i < N; i++) {
        mr_event_init(&go[i]);
        co[i] = mr_spawn_with(waits, (void *)i, &o);
    }
    CHECK_OK(mr_spawn(sets, "40") != NULL);
    CHECK_EQ_INT(mr_join_some(co, N, 2, results, MR_NEVER), 0);
    CHECK_EQ_STR(taken(), "100010");
    CHECK_EQ_INT(results[4], 4);
    end_all();
    return 0;
}

/* --- as they end --- */

IN_HUB(iwait_gives_them_as_they_end)
{
    char order[N + 1] = "";
    size_t n = 0;

    start();
    mr_event_set(&go[2]);
    mr_yield(); /* that one has ended before */
    CHECK_OK(mr_spawn(sets, "53104") != NULL);
    MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(co, N, MR_NEVER))) {
        intptr_t v = -1;

        CHECK_OK(mr_coro_result(c, &v));
        CHECK_EQ_PTR(c, refs[v]);
        order[n++] = (char)('0' + v);
        if (v % 2 == 0) /* one may join it, or not */
            CHECK_EQ_INT(mr_join(c, NULL, 0), 0);
        if (v % 2 == 0)
            co[v] = NULL;
    }
    CHECK_EQ_STR(order, "253104");
    end_all();
    return 0;
}

IN_HUB(iwait_by_hand)
{
    struct mr_iter *it;
    struct mr_coro *c = NULL;

    start();
    co[5] = co[4] = NULL; /* passed over */
    it = mr_iwait(co, N, mr_after_ms(20));
    mr_event_set(&go[1]);
    CHECK_EQ_INT(mr_iter_next(it, &c), 1);
    CHECK_EQ_PTR(c, refs[1]);
    CHECK_EQ_INT(mr_iter_next(it, &c), -ETIMEDOUT);
    mr_event_set(&go[0]);
    mr_yield();
    CHECK_EQ_INT(mr_iter_next(it, &c), -ETIMEDOUT); /* it has ended */
    mr_iter_free(it);                               /* with others alive */
    it = mr_iwait(co, N, 0);
    CHECK_EQ_INT(mr_iter_next(it, &c), 1); /* have ended: no wait */
    CHECK_EQ_PTR(c, refs[0]);
    mr_iter_free(it);
    it = mr_iwait(NULL, 0, MR_NEVER);
    CHECK_EQ_INT(mr_iter_next(it, &c), 0);
    mr_iter_free(it);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    it = mr_iwait(co, N, MR_NEVER);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_iter_next(it, &c), -ENOMEM);
    mr_iter_free(it);
    co[4] = refs[4];
    co[5] = refs[5];
    end_all();
    return 0;
}

static intptr_t iwaits(void *unused)
{
    int n = 0;

    (void)unused;
    MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(co, N, MR_NEVER))) {
        (void)c;
        n++;
    }
    return n;
}

IN_HUB(iwait_cancelled)
{
    struct mr_coro *by;
    intptr_t v;

    start();
    by = mr_spawn(iwaits, NULL);
    mr_event_set(&go[0]);
    CHECK_EQ_INT(mr_idle(MR_NEVER), 0);
    mr_cancel(by);
    CHECK_EQ_INT(mr_join(by, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 1);
    end_all();
    return 0;
}

/* It is cancelled, and they end before its turn comes: these are given. */
IN_HUB(iwait_cancelled_and_some_end)
{
    struct mr_coro *by;
    intptr_t v;

    start();
    by = mr_spawn(iwaits, NULL);
    mr_yield();
    mr_event_set(&go[0]);
    mr_event_set(&go[3]);
    mr_cancel(by);
    CHECK_EQ_INT(mr_join(by, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 2);
    end_all();
    return 0;
}

/* An item is good although it is reaped, until the next. */
IN_HUB(iwait_keeps_the_reaped)
{
    struct mr_spawn_options o = {.entry = "waits", .reap = true};
    intptr_t sum = 0, v = 0;

    for (intptr_t i = 0; i < N; i++) {
        mr_event_init(&go[i]);
        mr_event_set(&go[i]);
        co[i] = mr_spawn_with(waits, (void *)i, &o);
    }
    MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(co, N, MR_NEVER))) {
        mr_yield();
        CHECK_OK(mr_coro_result(c, &v));
        sum += v;
    }
    CHECK_EQ_INT(sum, 15);
    return 0;
}

/* --- kill --- */

static intptr_t ends_slowly(void *arg)
{
    struct mr_scope shield;

    (void)!mr_sleep(MR_NEVER);
    mr_shield_enter(&shield, MR_NEVER);
    (void)!mr_event_wait(arg, MR_NEVER);
    (void)mr_shield_leave(&shield);
    return 3;
}

IN_HUB(kill_waits_for_the_end)
{
    struct mr_coro *c = mr_spawn(ends_slowly, &go[0]);

    mr_event_init(&go[0]);
    mr_yield();
    CHECK_EQ_INT(mr_kill(c, mr_after_ms(2)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_kill(c, 0), -ETIMEDOUT); /* again: nothing new */
    mr_event_set(&go[0]);
    CHECK_EQ_INT(mr_kill(c, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

IN_HUB(kill_before_the_first_run_and_after_the_end)
{
    start();
    runs = 0;
    for (int i = 0; i < N; i++)
        mr_event_set(&go[i]);
    CHECK_EQ_INT(mr_kill(mr_spawn(waits, NULL), MR_NEVER), 0);
    CHECK_EQ_INT(runs, N); /* the others only */
    CHECK_EQ_INT(mr_kill(co[0], 0), 0);
    co[0] = NULL;
    CHECK_EQ_INT(mr_kill_all(co, N, 0), 0);
    CHECK_EQ_STR(taken(), "111111");
    return 0;
}

IN_HUB_DIES(kill_of_oneself, "coroutine 'first'")
{
    return mr_kill(mr_coro_self(), MR_NEVER);
}

/* --- model: who ends when, against what iwait and join_some say --- */

static intptr_t yields(void *arg)
{
    for (int i = *(int *)arg; i > 0; i--)
        (void)!mr_yield(); /* however it ends */
    return *(int *)arg;
}

IN_HUB(together_model)
{
    unsigned seed = 20261122;

    for (long round = TEST_SCALE(500); round > 0; round--) {
        struct mr_coro *cos[20];
        intptr_t got[20];
        int turns[20];
        size_t n = (size_t)(rand_r(&seed) % 20), count, left = 0;

        CASE("seed %u", seed);
        for (size_t i = 0; i < n; i++) {
            turns[i] = rand_r(&seed) % 50;
            cos[i] = mr_spawn(yields, &turns[i]);
        }
        count = n ? (size_t)rand_r(&seed) % (n + 1) : 0;
        CHECK_EQ_INT(mr_join_some(cos, n, count, got, MR_NEVER), 0);
        for (size_t i = 0; i < n; i++) {
            left += cos[i] != NULL;
            if (!cos[i])
                CHECK_EQ_INT(got[i], turns[i]);
            for (size_t k = 0; k < n && !cos[i]; k++)
                CHECK_OK(!cos[k] || turns[k] >= turns[i]);
        }
        CHECK_OK(n - left >= count);
        MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(cos, n, MR_NEVER))) {
            CHECK_OK(mr_coro_is_done(c));
            left--;
        }
        CHECK_EQ_INT(left, 0);
        CHECK_EQ_INT(mr_kill_all(cos, n, MR_NEVER), 0);
    }
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

SUITE("join", join_all_takes_all, join_all_out_of_time, join_all_cancelled,
      join_all_cancelled_and_all_end, join_all_sees_a_cycle,
      join_some_takes_the_first, join_some_out_of_time, join_some_of_the_reaped)
SUITE("iwait", iwait_gives_them_as_they_end, iwait_by_hand, iwait_cancelled,
      iwait_cancelled_and_some_end, iwait_keeps_the_reaped)
SUITE("kill", kill_waits_for_the_end,
      kill_before_the_first_run_and_after_the_end, kill_of_oneself)
SUITE("model", together_model)
TEST_MAIN()
