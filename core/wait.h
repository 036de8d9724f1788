/* SPDX-License-Identifier: MIT */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

/*
 * wait.h - the one way to wait.
 *
 * Whatever blocks - a descriptor, a join, a channel, a mutex - keeps a queue of
 * wait entries. A coroutine that must wait puts one entry into each queue that
 * could end its wait (usually one) and parks its errand. The first to fire
 * takes all the others out before the errand is READY.
 *
 *     struct mr_waitq q;                       in the object
 *     rc = mr_wait(&q, deadline, "event");     the waiter parks
 *     mr_waitq_wake_one(&q, 0);                elsewhere: rc becomes 0
 *
 * Invariants
 *  (1) An entry is in one queue, or in none. It is the errand's own (a wait in
 *      one queue) or on the waiter's stack, and out of every queue when its
 *      wait returns.
 *  (2) A set fires once. Which entry, and with what value, is written by the
 *      firer; the errand is then READY, and neither cancel nor a deadline
 *      changes the outcome any more. So a value handed over is never lost.
 *  (3) -ETIMEDOUT means a deadline of ours: the argument's, or that of a scope
 *      around it (core/timer.h tells which). -ECANCELED means mr_cancel, and
 *      stays: every later park of the errand returns it too, until a shield.
 *  (4) A park that fails at once still gives up one turn of the run queue, so
 *      that a loop around it starves nobody.
 *
 * All functions belong to the thread that runs the waiters' hub.
 */
#include "core/list.h"

struct mr_errand;

struct mr_waitq {
    struct mr_list entries; /* oldest first */
};

struct mr_wait_entry {
    struct mr_list node;      /* in queue->entries */
    struct mr_waitq *queue;   /* set by whoever makes the entry */
    struct mr_errand *errand; /* who waits, while parked */
    void *data;               /* the object's own: a place for a value */
    intptr_t value;           /* written by the firer, for mr_wait_any */
};

static inline void mr_waitq_init(struct mr_waitq *q)
{
    mr_list_init(&q->entries);
}

static inline bool mr_waitq_is_empty(const struct mr_waitq *q)
{
    return mr_list_is_empty(&q->entries);
}

/*
 * Park until q wakes us. Returns the waker's value (0 or more, or its -Exxx),
 * -ETIMEDOUT or -ECANCELED. `why` is a static string. May park.
 */
MR_API intptr_t mr_wait(struct mr_waitq *q, int64_t deadline, const char *why);

/* The same with `data` in the entry, for the firer to look at. The second is
 * for wakers that give no more than an int. May park. */
MR_API intptr_t mr_wait_with(struct mr_waitq *q, void *data, int64_t deadline,
                             const char *why);
MR_API int mr_wait_with_int(struct mr_waitq *q, void *data, int64_t deadline,
                            const char *why);

/*
 * Park until one of n entries (queue and data filled in) fires: its index, its
 * value in entries[index].value. Or -ETIMEDOUT, -ECANCELED. n may be 0: then
 * only time or a cancel ends it. May park.
 */
MR_API MR_MUST_USE int mr_wait_any(struct mr_wait_entry *entries, size_t n,
                                   int64_t deadline, const char *why);

/* The oldest entry, still queued: to look at its data before it is fired. Of a
 * queue that is not empty; or NULL, if it is. */
static inline struct mr_wait_entry *mr_waitq_front(const struct mr_waitq *q)
{
    return mr_container_of(q->entries.next, struct mr_wait_entry, node);
}
static inline struct mr_wait_entry *mr_waitq_first(const struct mr_waitq *q)
{
    return mr_waitq_is_empty(q) ? NULL : mr_waitq_front(q);
}

/* This entry wins its set: its siblings leave their queues, its errand is
 * READY and its wait returns value. */
MR_API void mr_wait_fire(struct mr_wait_entry *e, intptr_t value);

/* Fire the oldest entry: false when none waits. */
MR_API bool mr_waitq_wake_one(struct mr_waitq *q, intptr_t value);
/* Fire all that wait now; how many. */
MR_API size_t mr_waitq_wake_all(struct mr_waitq *q, intptr_t value);

#endif
