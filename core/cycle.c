/* SPDX-License-Identifier: MIT */

/*
 * cycle.c - who waits for whom, and a cycle found when it would close.
 *
 * A join waits for one errand, a mutex for its owner. Such a wait says where
 * that errand is named (the owner of a mutex changes while one waits), and
 * before it parks the chain is walked from there: if it leads back to the one
 * that asks, all on it would wait for ever.
 *
 *  (1) An edge counts only while its errand is PARKED; what a woken one left
 *      in waits_for is not looked at. So it is safe to leave it there.
 *  (2) The edges of PARKED errands hold no cycle: the wait that would close
 *      one is refused, and whoever is given a mutex is READY then. So the walk
 *      ends.
 *
 * An edge is an errand's: what a generator's body waits for, its asker waits
 * for. Nobody waits for a generator that is at work elsewhere: that is -EBUSY.
 *
 * Threads that join each other are found in the same way, by thread.c.
 *
 * Not seen: those who wait for readers of an rwlock, for semaphores, channels
 * and groups, as no single errand has to end these waits.
 */
#include <errno.h>
#include <stdio.h>

#include "core/coro_priv.h"
#include "core/log.h"

static struct mr_errand *next_of(const struct mr_errand *e)
{
    if (e->state != MR_ERRAND_PARKED || !e->waits_for)
        return NULL;
    return *e->waits_for;
}

/* One line: "deadlock: 'a' would wait for 'b' (join), 'b' waits for 'a'
 * (mutex)". A long cycle is cut. */
static MR_COLD void report(struct mr_errand *self, struct mr_errand *on,
                           const char *why)
{
    char text[512];
    size_t at = 0;

    for (struct mr_errand *e = on; e != self && at < sizeof text;
         e = next_of(e)) {
        int n =
            snprintf(text + at, sizeof text - at, ", '%s' waits for '%s' (%s)",
                     mr_coro_name(mr_errand_root(e)),
                     mr_coro_name(mr_errand_root(next_of(e))), e->why);

        at += n > 0 ? (size_t)n : 0;
    }
    mr_log(MR_LOG_WARN, "deadlock: '%s' would wait for '%s' (%s)%s",
           mr_coro_name(mr_errand_root(self)), mr_coro_name(mr_errand_root(on)),
           why, text);
}

bool mr_wait_will_park(const struct mr_errand *e, int64_t deadline)
{
    if (e->cancelled && e->shields == 0)
        return false;
    if (e->scope && e->scope->min < deadline)
        deadline = e->scope->min;
    return deadline > e->hub->now;
}

MR_HOT int mr_wait_for(struct mr_waitq *q, void *data,
                       struct mr_errand *const *on, int64_t deadline,
                       const char *why)
{
    struct mr_errand *self = mr_errand_current(), *e = *on;

    while (e && e != self)
        e = next_of(e);
    if (MR_UNLIKELY(e && mr_wait_will_park(self, deadline))) {
        report(self, *on, why);
        return -EDEADLK;
    }
    self->waits_for = on; /* until it is woken */
    return mr_wait_with_int(q, data, deadline, why);
}
