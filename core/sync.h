/* SPDX-License-Identifier: MIT */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H

/*
 * sync.h - events, results, semaphores, locks and conditions.
 *
 * For coroutines of one hub, which run one at a time: code that does not park
 * needs none of these. All are structs to embed, made ready by x_init, with
 * nothing to free; their fields are private. They are handed on directly,
 * first come, first served: who asks later never overtakes one that waits.
 *
 *     struct mr_mutex m;                       struct mr_async answer;
 *     mr_mutex_init(&m);                       mr_async_init(&answer);
 *     rc = mr_mutex_lock(&m, MR_NEVER);        mr_spawn(ask, &answer);
 *     if (rc)                                  ...
 *         return rc;                           rc = mr_async_get(&answer, &v,
 *     write_to(fd);  (it parks)                                  deadline);
 *     mr_mutex_unlock(&m);
 *
 * Where a contract says only "May park", the result is 0, -ETIMEDOUT or
 * -ECANCELED, and after an error nothing is held. What can be had at once is
 * had, also with a deadline that has passed: that is how one tries.
 * Setting, clearing, releasing and waking never park.
 */
#include "core/hub.h"

/* --- a flag that can be waited for --- */

struct mr_event {
    struct mr_waitq waiters;
    bool is_set;
};
MR_API void mr_event_init(struct mr_event *ev);
/* Wakes all that wait, even if it is cleared before they run. */
MR_API void mr_event_set(struct mr_event *ev);
MR_API void mr_event_clear(struct mr_event *ev);
MR_API bool mr_event_is_set(const struct mr_event *ev);
/* Until it is set. May park. */
MR_API MR_MUST_USE int mr_event_wait(struct mr_event *ev, int64_t deadline);

/* --- a value that will come, once, for any number of getters --- */

struct mr_async {
    struct mr_waitq getters;
    intptr_t value;
    int err;
    bool is_set;
};
MR_API void mr_async_init(struct mr_async *a);
/* Give the value, or an error (-Exxx) instead. The second time is a BUG. */
MR_API void mr_async_set(struct mr_async *a, intptr_t value);
MR_API void mr_async_fail(struct mr_async *a, int err);
MR_API bool mr_async_is_set(const struct mr_async *a);
/* The value in *ret_value (may be NULL), or the error that came instead. May
 * park. */
MR_API MR_MUST_USE int mr_async_get(struct mr_async *a, intptr_t *ret_value,
                                    int64_t deadline);

/* --- so many at a time --- */

struct mr_sema {
    struct mr_waitq waiters;
    size_t count; /* not 0: nobody waits */
    size_t bound;
};
MR_API void mr_sema_init(struct mr_sema *s, size_t count);
/* Never more than the count (1 or more) that it begins with. */
MR_API void mr_sema_init_bounded(struct mr_sema *s, size_t count);
/* Take one. May park. */
MR_API MR_MUST_USE int mr_sema_acquire(struct mr_sema *s, int64_t deadline);
/* Give one, from anywhere. A BUG above the bound. */
MR_API void mr_sema_release(struct mr_sema *s);

/* --- one at a time --- */

struct mr_mutex {
    struct mr_waitq waiters;
    struct mr_errand *owner;
};
MR_API void mr_mutex_init(struct mr_mutex *m);
/* -EDEADLK when the running errand has it, or when its owner waits, perhaps
 * through others, for the running errand: that is logged. May park. */
MR_API MR_MUST_USE int mr_mutex_lock(struct mr_mutex *m, int64_t deadline);
/* A BUG unless the running errand has it. */
MR_API void mr_mutex_unlock(struct mr_mutex *m);
MR_API bool mr_mutex_is_locked(const struct mr_mutex *m);

/* A mutex that its owner may lock again; unlocked as many times. */
struct mr_rlock {
    struct mr_mutex mutex;
    size_t depth;
};
MR_API void mr_rlock_init(struct mr_rlock *l);
/* As mr_mutex_lock, but for the first -EDEADLK. May park. */
MR_API MR_MUST_USE int mr_rlock_lock(struct mr_rlock *l, int64_t deadline);
MR_API void mr_rlock_unlock(struct mr_rlock *l);

/* --- many readers or one writer --- */

/* In order of arrival: readers that come after a waiting writer wait for it.
 * So who reads already must not ask again, nor ask to write. */
struct mr_rwlock {
    struct mr_waitq waiters; /* a writer's entry has data */
    struct mr_errand *writer;
    size_t readers;
};
MR_API void mr_rwlock_init(struct mr_rwlock *l);
/* Both: -EDEADLK as mr_mutex_lock, where the owner is a writer. May park. */
MR_API MR_MUST_USE int mr_rwlock_read(struct mr_rwlock *l, int64_t deadline);
MR_API MR_MUST_USE int mr_rwlock_write(struct mr_rwlock *l, int64_t deadline);
/* A BUG unless someone reads; unless the running errand writes. */
MR_API void mr_rwlock_unlock_read(struct mr_rwlock *l);
MR_API void mr_rwlock_unlock_write(struct mr_rwlock *l);

/* --- until something about what a mutex guards has changed --- */

struct mr_cond {
    struct mr_waitq waiters;
};
MR_API void mr_cond_init(struct mr_cond *c);
/*
 * Unlock m, wait for a wake, lock m again. m is held on every return: taking
 * it back is shielded, and neither cancel nor the deadline ends that. Look
 * again at what was waited for, as others may have come first:
 *     while (rc == 0 && !ready)
 *         rc = mr_cond_wait(&c, &m, deadline);
 * A BUG unless the running errand has m. May park.
 */
MR_API MR_MUST_USE int mr_cond_wait(struct mr_cond *c, struct mr_mutex *m,
                                    int64_t deadline);
/* The one that waited longest, or all. m need not be held. */
MR_API void mr_cond_wake_one(struct mr_cond *c);
MR_API void mr_cond_wake_all(struct mr_cond *c);

#endif
