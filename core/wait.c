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

static void dissolve(struct mr_wait_set *set, int fired)
{
    struct mr_errand *e = set->errand;

    for (size_t i = 0; i < set->n; i++) {
        mr_list_remove(&set->entries[i].node);
        set->entries[i].set = NULL;
    }
    if (mr_timer_is_started(&set->timer))
        mr_timers_stop(&e->hub->timers, &set->timer);
    set->fired = fired;
    e->set = NULL;
    mr_errand_ready(e);
}

void mr_wait_fire(struct mr_wait_entry *e, intptr_t value)
{
    struct mr_wait_set *set = e->set;

    MR_BUG_ON(!set);
    e->value = value;
    dissolve(set, (int)(e - set->entries));
}

void mr_wait_break(struct mr_errand *e, int why)
{
    dissolve(e->set, why);
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

static void on_deadline(struct mr_timer *t)
{
    struct mr_wait_set *set = mr_container_of(t, struct mr_wait_set, timer);

    dissolve(set, -ETIMEDOUT);
}

/* What is pending already: 0, -ECANCELED or -ETIMEDOUT. */
static int pending(const struct mr_errand *e, int64_t at)
{
    if (MR_UNLIKELY(e->cancelled && e->shields == 0))
        return -ECANCELED;
    /* By the cached clock, which is never ahead of the real one. */
    if (MR_UNLIKELY(at <= e->hub->now))
        return -ETIMEDOUT;
    return 0;
}

int mr_wait_any(struct mr_wait_entry *entries, size_t n, int64_t deadline,
                const char *why)
{
    struct mr_errand *e = mr_errand_self();
    struct mr_wait_set set = {.errand = e, .entries = entries, .n = n};
    int rc;

    set.at = deadline;
    if (e->scope && e->scope->min < deadline)
        set.at = e->scope->min;
    rc = pending(e, set.at);
    if (MR_UNLIKELY(rc)) {
        (void)mr_errand_yield(e);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        entries[i].set = &set;
        mr_list_push_back(&entries[i].queue->entries, &entries[i].node);
    }
    mr_timer_init(&set.timer, on_deadline);
    if (set.at != MR_NEVER)
        mr_timers_start(&e->hub->timers, &set.timer, set.at);
    e->set = &set;
    e->why = why;
    mr_errand_park(e);
    e->why = "";
    rc = set.fired;
out:
    if (rc == -ETIMEDOUT && set.at < deadline)
        blame_scope(e, set.at);
    return rc;
}

intptr_t mr_wait(struct mr_waitq *q, int64_t deadline, const char *why)
{
    struct mr_wait_entry e = {.queue = q};
    int rc = mr_wait_any(&e, 1, deadline, why);

    return rc < 0 ? rc : e.value;
}
