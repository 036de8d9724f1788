/* SPDX-License-Identifier: MIT */

/*
 * timer.c - sleep, scopes, shields, and the heap of deadlines.
 *
 *  (1) heap[i].at <= heap[j].at for every child j of i; timer->slot is 1 + its
 *      index, 0 when it is in no heap.
 *  (2) cap >= reserved + started timers of others, so that a park, whose errand
 *      reserved at its birth, never fails for want of memory.
 *
 * Four children a node: half the levels of a binary heap, and one cache line
 * holds them all.
 */
#include "core/timer.h"

#include <errno.h>

#include "core/coro_priv.h"
#include "core/sys.h"

/* --- the clock --- */

int64_t mr_now(void)
{
    return mr_sys_monotonic();
}

int64_t mr_after(int64_t ns)
{
    int64_t at;

    if (__builtin_add_overflow(mr_sys_monotonic(), ns, &at))
        return ns > 0 ? MR_NEVER : 0;
    return at;
}

int64_t mr_after_ms(int64_t ms)
{
    int64_t ns;

    if (__builtin_mul_overflow(ms, 1000000, &ns))
        return ms > 0 ? MR_NEVER : 0;
    return mr_after(ns);
}

int64_t mr_after_s(int64_t s)
{
    int64_t ms;

    if (__builtin_mul_overflow(s, 1000, &ms))
        return s > 0 ? MR_NEVER : 0;
    return mr_after_ms(ms);
}

/* --- the heap --- */

static void place(struct mr_timers *t, uint32_t i, struct mr_timer_slot s)
{
    t->heap[i] = s;
    s.timer->slot = i + 1;
}

MR_HOT static void sift_up(struct mr_timers *t, uint32_t i,
                           struct mr_timer_slot s)
{
    while (i > 0) {
        uint32_t up = (i - 1) / 4;

        if (t->heap[up].at <= s.at)
            break;
        place(t, i, t->heap[up]);
        i = up;
    }
    place(t, i, s);
}

static uint32_t least_child(const struct mr_timers *t, uint32_t i)
{
    uint32_t first = i * 4 + 1, best = first;
    uint32_t end = MR_MIN(first + 4, t->n);

    for (uint32_t c = first + 1; c < end; c++) {
        if (t->heap[c].at < t->heap[best].at)
            best = c;
    }
    return best;
}

MR_HOT static void sift_down(struct mr_timers *t, uint32_t i,
                             struct mr_timer_slot s)
{
    while (i * 4 + 1 < t->n) {
        uint32_t c = least_child(t, i);

        if (t->heap[c].at >= s.at)
            break;
        place(t, i, t->heap[c]);
        i = c;
    }
    place(t, i, s);
}

int mr_timers_grow(struct mr_timers *t, uint32_t need)
{
    uint32_t cap = MR_MAX(t->cap * 2, 64);
    struct mr_timer_slot *heap;

    if (need <= t->cap)
        return 0;
    while (cap < need)
        cap *= 2;
    heap = mr_realloc(t->heap, cap * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    t->heap = heap;
    t->cap = cap;
    return 0;
}

void mr_timers_fini(struct mr_timers *t)
{
    mr_free(t->heap);
    *t = (struct mr_timers){0};
}

MR_HOT void mr_timers_start(struct mr_timers *t, struct mr_timer *timer,
                            int64_t at)
{
    struct mr_timer_slot s = {at, timer};

    MR_BUG_ON(timer->slot != 0 || t->n == t->cap);
    timer->at = at;
    sift_up(t, t->n++, s);
}

MR_HOT void mr_timers_stop(struct mr_timers *t, struct mr_timer *timer)
{
    uint32_t i = timer->slot - 1;
    struct mr_timer_slot last;

    MR_BUG_ON(i >= t->n || t->heap[i].timer != timer);
    timer->slot = 0;
    last = t->heap[--t->n];
    if (i == t->n)
        return;
    if (i > 0 && t->heap[(i - 1) / 4].at > last.at)
        sift_up(t, i, last);
    else
        sift_down(t, i, last);
}

MR_HOT void mr_timers_run(struct mr_timers *t, int64_t now)
{
    while (t->n > 0 && t->heap[0].at <= now) {
        struct mr_timer *timer = t->heap[0].timer;

        mr_timers_stop(t, timer);
        timer->fn(timer);
    }
}

/* --- timers of one's own --- */

MR_HOT int mr_timer_start(struct mr_timer *t, int64_t at)
{
    struct mr_timers *timers;
    int err;

    MR_BUG_ON(!mr_thread.hub);
    timers = &mr_thread.hub->timers;
    if (t->slot != 0) {
        mr_timers_stop(timers, t);
    } else {
        /* As many again as errands reserved: they may all start theirs. */
        err = mr_timers_grow(timers, timers->reserved + timers->n + 1);
        if (err)
            return err;
    }
    mr_timers_start(timers, t, at);
    return 0;
}

void mr_timer_stop(struct mr_timer *t)
{
    if (t->slot != 0)
        mr_timers_stop(&mr_thread.hub->timers, t);
}

MR_HOT int mr_sleep(int64_t deadline)
{
    struct mr_errand *e = mr_errand_self();
    int64_t outer = e->scope ? e->scope->min : MR_NEVER;
    int rc = mr_wait_any(NULL, 0, deadline, "sleep");

    /* Its own deadline is what a sleep is for. */
    if (rc == -ETIMEDOUT && deadline <= outer)
        return 0;
    return rc;
}

/* --- scopes --- */

static void set_min(struct mr_scope *s)
{
    s->min = s->at;
    if (!s->shield && s->outer)
        s->min = MR_MIN(s->at, s->outer->min);
}

static void enter(struct mr_scope *s, int64_t deadline, bool shield)
{
    struct mr_errand *e = mr_errand_self();

    s->outer = e->scope;
    s->at = deadline;
    s->expired = false;
    s->shield = shield;
    set_min(s);
    e->scope = s;
}

static bool leave(struct mr_scope *s)
{
    struct mr_errand *e = mr_errand_self();

    MR_BUG_ON(e->scope != s); /* scopes nest like brackets */
    e->scope = s->outer;
    return s->expired;
}

/* From the innermost outwards, and back: each min rests on the outer one. */
static bool move(struct mr_scope *inner, struct mr_scope *s, int64_t deadline)
{
    if (!inner)
        return false;
    if (inner == s)
        s->at = deadline;
    else if (!move(inner->outer, s, deadline))
        return false;
    set_min(inner);
    return true;
}

void mr_scope_move(struct mr_scope *s, int64_t deadline)
{
    (void)move(mr_errand_self()->scope, s, deadline);
}

void mr_scope_enter(struct mr_scope *s, int64_t deadline)
{
    enter(s, deadline, false);
}

bool mr_scope_leave(struct mr_scope *s)
{
    return leave(s);
}

void mr_shield_enter(struct mr_scope *s, int64_t deadline)
{
    enter(s, deadline, true);
    mr_errand_self()->shields++;
}

bool mr_shield_leave(struct mr_scope *s)
{
    mr_errand_self()->shields--;
    return leave(s);
}

intptr_t mr_with_timeout(intptr_t (*fn)(void *arg), void *arg, int64_t deadline,
                         intptr_t fallback)
{
    struct mr_scope s;
    intptr_t result;

    mr_scope_enter(&s, deadline);
    result = fn(arg);
    return mr_scope_leave(&s) && result == -ETIMEDOUT ? fallback : result;
}
