/* SPDX-License-Identifier: MIT */

/*
 * wait.c - the one way to wait (invariants in core/wait.h).
 *
 * Three may end a park: an entry of the set fires, its deadline comes, its
 * errand is cancelled. Whoever is first dissolves the set - all entries out of
 * their queues, the timer stopped, the outcome written - and makes the errand
 * READY; so there is no second.
 */
#include "core/wait.h"

#include <errno.h>

#include "core/coro_priv.h"

static inline void leave(struct mr_wait_entry *entry)
{
    mr_list_remove(&entry->node);
    entry->errand = NULL;
}

MR_HOT static void dissolve(struct mr_wait_set *set, int fired, intptr_t value)
{
    struct mr_errand *e = set->errand;

    /* Who slept long is in no near cache: what it and its end will need. */
    __builtin_prefetch(e->inner);
    __builtin_prefetch(&e->all, 1);
    __builtin_prefetch(&e->children, 1);
    for (size_t i = 0; i < set->n; i++)
        leave(&set->entries[i]);
    if (mr_timer_is_started(&set->timer))
        mr_timers_stop(&e->hub->timers, &set->timer);
    set->fired = fired;
    mr_wait_decide(e, value);
}

MR_HOT void mr_wait_fire(struct mr_wait_entry *entry, intptr_t value)
{
    struct mr_errand *e = entry->errand;

    MR_BUG_ON(!e);
    if (!e->set) {
        mr_wait_fire_inline(entry, value);
        return;
    }
    entry->value = value;
    dissolve(e->set, (int)(entry - e->set->entries), value);
}

void mr_wait_break(struct mr_errand *e, int why)
{
    if (e->set) {
        dissolve(e->set, why, why);
        return;
    }
    leave(&e->entry);
    mr_wait_decide(e, why);
}

bool mr_waitq_wake_one(struct mr_waitq *q, intptr_t value)
{
    struct mr_wait_entry *e = mr_waitq_first(q);

    if (!e)
        return false;
    mr_wait_fire(e, value);
    return true;
}

size_t mr_waitq_wake_all(struct mr_waitq *q, intptr_t value)
{
    struct mr_waitq now;
    size_t n = 0;

    if (mr_list_is_empty(&q->entries))
        return 0;
    if (q->entries.next == q->entries.prev) { /* the common case: one */
        mr_wait_fire(mr_waitq_first(q), value);
        return 1;
    }
    /* Aside first: a set may have several entries in this queue, and an errand
     * that runs meanwhile (none does, today) could come back. */
    mr_waitq_init(&now);
    mr_list_append_all(&now.entries, &q->entries);
    while (mr_waitq_wake_one(&now, value))
        n++;
    return n;
}

/* The scope whose deadline passed tells its owner so. */
static void blame_scope(const struct mr_errand *e, int64_t at)
{
    for (struct mr_scope *s = e->scope; s; s = s->outer) {
        if (s->at <= at) {
            s->expired = true;
            return;
        }
        if (s->shield)
            return;
    }
}

MR_HOT static void on_deadline(struct mr_timer *t)
{
    struct mr_wait_set *set = mr_container_of(t, struct mr_wait_set, timer);

    if (set->by_scope)
        blame_scope(set->errand, set->at);
    dissolve(set, -ETIMEDOUT, -ETIMEDOUT);
}

/* When the set times out; false when it has, or its errand is cancelled, so
 * that the wait ends before it begins. */
static inline bool set_time(struct mr_wait_set *set, const struct mr_errand *e,
                            int64_t deadline)
{
    set->at = deadline;
    if (MR_UNLIKELY(e->scope != NULL))
        set->at = MR_MIN(deadline, e->scope->min);
    set->by_scope = set->at < deadline;
    if (MR_UNLIKELY(e->cancelled) && e->shields == 0)
        return false;
    /* By the cached clock, which is never ahead of the real one. */
    return set->at > e->hub->now;
}

/* What such a wait returns, after a turn of the others. */
static MR_COLD int end_at_once(struct mr_errand *e, int64_t at, bool by_scope)
{
    int rc = e->cancelled && e->shields == 0 ? -ECANCELED : -ETIMEDOUT;

    e->waits_for = NULL;
    (void)mr_errand_yield(e);
    if (rc == -ETIMEDOUT && by_scope)
        blame_scope(e, at);
    return rc;
}

static inline void begin(struct mr_errand *e, struct mr_wait_set *set,
                         const char *why)
{
    set->timer.fn = on_deadline;
    if (set->at != MR_NEVER)
        mr_timers_start(&e->hub->timers, &set->timer, set->at);
    e->set = set;
    e->why = why;
}

static void on_begin(struct mr_timer *t)
{
    dissolve(mr_container_of(t, struct mr_wait_set, timer), 0, 0);
}

void mr_wait_to_begin(struct mr_errand *e, int64_t at)
{
    e->entry.queue = NULL;
    mr_list_init(&e->entry.node);
    e->one.at = at;
    e->one.by_scope = false;
    e->one.timer.fn = on_begin;
    if (at != MR_NEVER)
        mr_timers_start(&e->hub->timers, &e->one.timer, at);
    e->set = &e->one;
    e->why = "its time";
    e->since = e->hub->now;
    e->state = MR_ERRAND_PARKED;
}

MR_HOT int mr_wait_any(struct mr_wait_entry *entries, size_t n,
                       int64_t deadline, const char *why)
{
    struct mr_errand *e = mr_errand_current();
    struct mr_wait_set set = {.errand = e, .entries = entries, .n = n};

    if (!set_time(&set, e, deadline))
        return end_at_once(e, set.at, set.by_scope);
    for (size_t i = 0; i < n; i++) {
        entries[i].errand = e;
        mr_list_push_back(&entries[i].queue->entries, &entries[i].node);
    }
    begin(e, &set, why);
    (void)mr_errand_park(e);
    return set.fired;
}

/*
 * In one queue, with the errand's own entry: nothing lies on the stack, so the
 * park is the last act, and compiled to a jump; and so is the call of whoever
 * returns what this does. There are two of each, as a call that returns another
 * type than its caller is no jump. What has a deadline is apart: the calls it
 * makes would have the plain case save registers.
 */
static inline bool enter_timed(struct mr_errand *e, struct mr_waitq *q,
                               void *data, int64_t deadline, const char *why)
{
    if (!set_time(&e->one, e, deadline))
        return false;
    mr_wait_enter(e, q, data);
    begin(e, &e->one, why);
    return true;
}

static __attribute__((noinline)) intptr_t
wait_timed(struct mr_waitq *q, void *data, int64_t deadline, const char *why)
{
    struct mr_errand *e = mr_errand_current();

    if (!enter_timed(e, q, data, deadline, why))
        return end_at_once(e, e->one.at, e->one.by_scope);
    return mr_errand_park(e);
}

MR_HOT static __attribute__((noinline)) int wait_timed_int(struct mr_waitq *q,
                                                           void *data,
                                                           int64_t deadline,
                                                           const char *why)
{
    struct mr_errand *e = mr_errand_current();

    if (!enter_timed(e, q, data, deadline, why))
        return end_at_once(e, e->one.at, e->one.by_scope);
    return mr_errand_park_int(e);
}

intptr_t mr_wait_with(struct mr_waitq *q, void *data, int64_t deadline,
                      const char *why)
{
    struct mr_errand *e = mr_errand_current();

    if (!mr_wait_is_plain(e, deadline))
        return wait_timed(q, data, deadline, why);
    mr_wait_enter(e, q, data);
    e->why = why;
    return mr_errand_park(e);
}

MR_HOT int mr_wait_with_int(struct mr_waitq *q, void *data, int64_t deadline,
                            const char *why)
{
    struct mr_errand *e = mr_errand_current();

    if (!mr_wait_is_plain(e, deadline))
        return wait_timed_int(q, data, deadline, why);
    mr_wait_enter(e, q, data);
    e->why = why;
    return mr_errand_park_int(e);
}

intptr_t mr_wait(struct mr_waitq *q, int64_t deadline, const char *why)
{
    return mr_wait_with(q, NULL, deadline, why);
}
