/* SPDX-License-Identifier: MIT */

/*
 * sync.c - events, results, semaphores, locks and conditions.
 *
 * Whoever releases hands over: the next one's ownership is written before it
 * is woken, so nobody can come between, and neither a cancel nor a deadline
 * takes back what was given (core/wait.h, 2).
 *
 *  (1) Somebody waits for a semaphore => its count is 0; for a mutex => it has
 *      an owner.
 *  (2) An rwlock has readers or a writer, never both; the head of its queue
 *      could not be let in now. So whatever may change that - an unlock, or a
 *      waiter that gives up - looks at the queue anew.
 *  (3) An owner is an errand: a generator may unlock what its resumer locked.
 *
 * An errand that ends with a mutex locked leaves it locked for ever.
 */
#include "core/sync.h"

#include <errno.h>

#include "core/coro_priv.h"

/* --- event --- */

void mr_event_init(struct mr_event *ev)
{
    mr_waitq_init(&ev->waiters);
    ev->is_set = false;
}

void mr_event_set(struct mr_event *ev)
{
    ev->is_set = true;
    (void)mr_waitq_wake_all(&ev->waiters, 0);
}

void mr_event_clear(struct mr_event *ev)
{
    ev->is_set = false;
}

bool mr_event_is_set(const struct mr_event *ev)
{
    return ev->is_set;
}

int mr_event_wait(struct mr_event *ev, int64_t deadline)
{
    if (ev->is_set)
        return 0;
    return mr_wait_with_int(&ev->waiters, NULL, deadline, "event");
}

/* --- async result --- */

void mr_async_init(struct mr_async *a)
{
    mr_waitq_init(&a->getters);
    a->value = 0;
    a->err = 0;
    a->is_set = false;
}

static void settle(struct mr_async *a, intptr_t value, int err)
{
    MR_BUG_ON(a->is_set);
    a->value = value;
    a->err = err;
    a->is_set = true;
    (void)mr_waitq_wake_all(&a->getters, 0);
}

void mr_async_set(struct mr_async *a, intptr_t value)
{
    settle(a, value, 0);
}

void mr_async_fail(struct mr_async *a, int err)
{
    MR_BUG_ON(err >= 0);
    settle(a, 0, err);
}

bool mr_async_is_set(const struct mr_async *a)
{
    return a->is_set;
}

int mr_async_get(struct mr_async *a, intptr_t *ret_value, int64_t deadline)
{
    int rc = 0;

    if (!a->is_set)
        rc = mr_wait_with_int(&a->getters, NULL, deadline, "async");
    if (rc == 0)
        rc = a->err;
    if (rc == 0 && ret_value)
        *ret_value = a->value;
    return rc;
}

/* --- semaphore --- */

static void sema_init(struct mr_sema *s, size_t count, size_t bound)
{
    mr_waitq_init(&s->waiters);
    s->count = count;
    s->bound = bound;
}

void mr_sema_init(struct mr_sema *s, size_t count)
{
    sema_init(s, count, SIZE_MAX);
}

void mr_sema_init_bounded(struct mr_sema *s, size_t count)
{
    MR_BUG_ON(count == 0);
    sema_init(s, count, count);
}

int mr_sema_acquire(struct mr_sema *s, int64_t deadline)
{
    if (s->count > 0) {
        s->count--;
        return 0;
    }
    return mr_wait_with_int(&s->waiters, NULL, deadline, "semaphore");
}

void mr_sema_release(struct mr_sema *s)
{
    if (mr_waitq_wake_one(&s->waiters, 0))
        return;
    MR_BUG_ON(s->count >= s->bound);
    s->count++;
}

/* --- mutex --- */

void mr_mutex_init(struct mr_mutex *m)
{
    mr_waitq_init(&m->waiters);
    m->owner = NULL;
}

static int wait_for_owner(struct mr_mutex *m, int64_t deadline)
{
    return mr_wait_for(&m->waiters, NULL, &m->owner, deadline, "mutex");
}

int mr_mutex_lock(struct mr_mutex *m, int64_t deadline)
{
    struct mr_errand *self = mr_errand_self();

    if (!m->owner) {
        m->owner = self;
        return 0;
    }
    if (m->owner == self)
        return -EDEADLK;
    return wait_for_owner(m, deadline);
}

void mr_mutex_unlock(struct mr_mutex *m)
{
    struct mr_wait_entry *next = mr_waitq_first(&m->waiters);

    MR_BUG_ON(m->owner != mr_errand_self());
    m->owner = next ? next->errand : NULL;
    if (next)
        mr_wait_fire(next, 0);
}

bool mr_mutex_is_locked(const struct mr_mutex *m)
{
    return m->owner != NULL;
}

/* --- rlock --- */

void mr_rlock_init(struct mr_rlock *l)
{
    mr_mutex_init(&l->mutex);
    l->depth = 0;
}

int mr_rlock_lock(struct mr_rlock *l, int64_t deadline)
{
    int rc = 0;

    if (l->mutex.owner != mr_errand_self())
        rc = mr_mutex_lock(&l->mutex, deadline);
    if (rc == 0)
        l->depth++;
    return rc;
}

void mr_rlock_unlock(struct mr_rlock *l)
{
    MR_BUG_ON(l->mutex.owner != mr_errand_self());
    if (--l->depth == 0)
        mr_mutex_unlock(&l->mutex);
}

/* --- rwlock --- */

void mr_rwlock_init(struct mr_rwlock *l)
{
    mr_waitq_init(&l->waiters);
    l->writer = NULL;
    l->readers = 0;
}

/* Let in who may come in now, from the head of the queue on. */
static void let_in(struct mr_rwlock *l)
{
    struct mr_wait_entry *e;

    while ((e = mr_waitq_first(&l->waiters)) && !l->writer) {
        if (e->data && l->readers > 0)
            return;
        if (e->data)
            l->writer = e->errand;
        else
            l->readers++;
        mr_wait_fire(e, 0);
    }
}

static int wait_to_enter(struct mr_rwlock *l, void *as_writer, int64_t deadline)
{
    int rc;

    if (l->writer == mr_errand_self())
        return -EDEADLK;
    rc = mr_wait_for(&l->waiters, as_writer, &l->writer, deadline,
                     as_writer ? "write lock" : "read lock");
    /* A writer that gave up may have held back readers. */
    if (rc < 0)
        let_in(l);
    return rc;
}

int mr_rwlock_read(struct mr_rwlock *l, int64_t deadline)
{
    if (l->writer || !mr_waitq_is_empty(&l->waiters))
        return wait_to_enter(l, NULL, deadline);
    l->readers++;
    return 0;
}

int mr_rwlock_write(struct mr_rwlock *l, int64_t deadline)
{
    if (l->writer || l->readers > 0)
        return wait_to_enter(l, l, deadline);
    l->writer = mr_errand_self();
    return 0;
}

void mr_rwlock_unlock_read(struct mr_rwlock *l)
{
    MR_BUG_ON(l->readers == 0);
    l->readers--;
    let_in(l);
}

void mr_rwlock_unlock_write(struct mr_rwlock *l)
{
    MR_BUG_ON(l->writer != mr_errand_self());
    l->writer = NULL;
    let_in(l);
}

/* --- condition --- */

void mr_cond_init(struct mr_cond *c)
{
    mr_waitq_init(&c->waiters);
}

/* Cannot fail: who has waited on a condition holds the mutex afterwards, so a
 * cycle is only reported here. */
static void take_back(struct mr_mutex *m)
{
    struct mr_scope shield;
    int rc;

    mr_shield_enter(&shield, MR_NEVER);
    rc = mr_mutex_lock(m, MR_NEVER);
    if (rc == -EDEADLK)
        rc = mr_wait_with_int(&m->waiters, NULL, MR_NEVER, "mutex");
    MR_BUG_ON(rc != 0);
    (void)mr_shield_leave(&shield);
}

int mr_cond_wait(struct mr_cond *c, struct mr_mutex *m, int64_t deadline)
{
    int rc;

    mr_mutex_unlock(m);
    rc = mr_wait_with_int(&c->waiters, NULL, deadline, "condition");
    take_back(m);
    return rc;
}

void mr_cond_wake_one(struct mr_cond *c)
{
    (void)mr_waitq_wake_one(&c->waiters, 0);
}

void mr_cond_wake_all(struct mr_cond *c)
{
    (void)mr_waitq_wake_all(&c->waiters, 0);
}
