/* SPDX-License-Identifier: MIT */

/* test_timer.c - sleep, deadlines, and the heap. */
#include "core/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/coro_priv.h"
#include "core/sys.h"
#include "tests/core/in_hub.h"

/* --- arithmetic --- */

TEST(timer_arithmetic)
{
    int64_t now = mr_now();

    OK(mr_after(INT64_MAX) == MR_NEVER);
    OK(mr_after_ms(INT64_MAX) == MR_NEVER);
    OK(mr_after_ms(INT64_MAX / 1000000) == MR_NEVER);
    OK(mr_after_s(INT64_MAX) == MR_NEVER);
    OK(mr_after_s(INT64_MAX / 1000) == MR_NEVER);
    OK(mr_after(-mr_ms(1000)) < now);
    OK(mr_after(INT64_MIN) <= 0);
    OK(mr_after_ms(INT64_MIN) <= 0);
    OK(mr_after_s(INT64_MIN) <= 0);
    OK(mr_after_ms(1000) >= now + mr_ms(1000));
    EQ_INT(mr_ms(3), 3000000);
}

/* --- sleep --- */

struct sleeper {
    int64_t at;
    int *order;
    int nth;
};

static intptr_t sleeps(void *arg)
{
    struct sleeper *s = arg;

    CHECK_EQ_INT(mr_sleep(s->at), 0);
    CHECK_OK(mr_now() >= s->at);
    s->nth = (*s->order)++;
    return 0;
}

/* Each wakes at its deadline or later, in the order of deadlines. */
IN_HUB(timer_sleeps_in_order)
{
    static const int ms[] = {9, 1, 5, 3, 7, 2, 8, 4, 6, 0};
    struct sleeper s[MR_ARRAY_LEN(ms)];
    int order = 0;
    int64_t now = mr_now();

    for (size_t i = 0; i < MR_ARRAY_LEN(ms); i++) {
        s[i] = (struct sleeper){now + mr_ms(ms[i]), &order, -1};
        CHECK_OK(mr_spawn(sleeps, &s[i]) != NULL);
    }
    CHECK_EQ_INT(mr_sleep(now + mr_ms(10)), 0);
    while (order < 10)
        CHECK_EQ_INT(mr_yield(), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(ms); i++)
        CHECK_EQ_INT(s[i].nth, ms[i]);
    return 0;
}

IN_HUB(timer_sleep_in_the_past)
{
    CHECK_EQ_INT(mr_sleep(0), 0);
    CHECK_EQ_INT(mr_sleep(-1), 0);
    CHECK_EQ_INT(mr_sleep(mr_now()), 0);
    CHECK_EQ_INT(mr_sleep_ms(-5), 0);
    return 0;
}

static intptr_t sleeps_forever(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

IN_HUB(timer_sleep_ends_by_cancel)
{
    struct mr_coro *co = mr_spawn(sleeps_forever, NULL);
    intptr_t v;

    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    return 0;
}

/* --- timers of one's own --- */

struct tick {
    struct mr_timer timer;
    int fired;
    int again;
};

static void on_tick(struct mr_timer *t)
{
    struct tick *tick = mr_container_of(t, struct tick, timer);

    CHECK_OK(!mr_timer_is_started(t));
    CHECK_OK(mr_now() >= t->at);
    tick->fired++;
    if (tick->again-- > 0)
        CHECK_EQ_INT(mr_timer_start(t, t->at + mr_ms(1)), 0);
}

IN_HUB(timer_of_ones_own)
{
    struct tick once = {.again = 0}, thrice = {.again = 2}, never = {0};

    mr_timer_init(&once.timer, on_tick);
    mr_timer_init(&thrice.timer, on_tick);
    mr_timer_init(&never.timer, on_tick);
    mr_timer_stop(&once.timer); /* does nothing */
    CHECK_EQ_INT(mr_timer_start(&once.timer, mr_after_s(1000)), 0);
    CHECK_EQ_INT(mr_timer_start(&once.timer, mr_after_ms(1)), 0); /* moved */
    CHECK_EQ_INT(mr_timer_start(&thrice.timer, mr_after_ms(1)), 0);
    CHECK_EQ_INT(mr_timer_start(&never.timer, mr_after_ms(2)), 0);
    mr_timer_stop(&never.timer);
    mr_timer_stop(&never.timer);
    while (thrice.fired < 3)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(once.fired, 1);
    CHECK_EQ_INT(never.fired, 0);
    return 0;
}

IN_HUB(timer_start_without_memory)
{
    static struct tick ticks[200];
    size_t n = 0;
    int rc = 0;

    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    while (n < MR_ARRAY_LEN(ticks) && rc == 0) {
        mr_timer_init(&ticks[n].timer, on_tick);
        rc = mr_timer_start(&ticks[n].timer, mr_after_s(1000));
        n += rc == 0;
    }
    CHECK_EQ_INT(rc, -ENOMEM);
    CHECK_OK(!mr_timer_is_started(&ticks[n].timer));
    CHECK_EQ_INT(mr_sleep_ms(1), 0); /* a park's place was kept */
    mr_sys_fault_clear();
    while (n > 0)
        mr_timer_stop(&ticks[--n].timer);
    return 0;
}

/* --- the heap against a sorted array --- */

#define MODEL 200

struct model {
    struct mr_timers heap;
    struct mr_timer timers[MODEL];
    int64_t last;
    int fired;
};
static struct model model;

static void on_model(struct mr_timer *t)
{
    CHECK_OK(t->at >= model.last);
    model.last = t->at;
    model.fired++;
}

static int started_until(int64_t now, int64_t *ret_least)
{
    int due = 0;

    *ret_least = MR_NEVER;
    for (int i = 0; i < MODEL; i++) {
        struct mr_timer *t = &model.timers[i];

        if (!mr_timer_is_started(t))
            continue;
        due += t->at <= now;
        *ret_least = MR_MIN(*ret_least, t->at);
    }
    return due;
}

TEST(timer_heap_model)
{
    unsigned seed = (unsigned)mr_now();
    int64_t least;

    CASE("seed %u", seed);
    for (int i = 0; i < MODEL; i++) {
        mr_timer_init(&model.timers[i], on_model);
        EQ_INT(mr_timers_reserve(&model.heap), 0);
    }
    for (long n = TEST_SCALE(100000); n > 0; n--) {
        struct mr_timer *t = &model.timers[rand_r(&seed) % MODEL];
        int64_t now = rand_r(&seed) % 1000;

        if (n % 50 == 0) {
            int due = started_until(now, &least);

            model.last = INT64_MIN;
            model.fired = 0;
            mr_timers_run(&model.heap, now);
            EQ_INT(model.fired, due);
        } else if (mr_timer_is_started(t)) {
            mr_timers_stop(&model.heap, t);
        } else {
            mr_timers_start(&model.heap, t, now);
        }
        (void)started_until(0, &least);
        EQ_INT(mr_timers_next(&model.heap), least);
    }
    mr_timers_fini(&model.heap);
}

SUITE("timer", timer_arithmetic, timer_sleeps_in_order, timer_sleep_in_the_past,
      timer_sleep_ends_by_cancel, timer_of_ones_own, timer_start_without_memory,
      timer_heap_model)
TEST_MAIN()
