/* SPDX-License-Identifier: MIT */
#ifndef CORE_THREAD_PRIV_H
#define CORE_THREAD_PRIV_H

/*
 * thread_priv.h - waiting for other threads: what thread.c, mailbox.c and
 * offload.c share. Not for other directories.
 *
 * An object that several threads use has a mutex and lists of those who wait
 * for it. Whoever ends such a wait takes the record out of its list under the
 * mutex, and tells the waiter's thread: a hub by a post, a thread without one
 * by its condition. A mutex is held for a few lines and never across a park.
 *
 *  (1) A record is in a list <=> it was not woken. Both change under the
 *      object's mutex, so a wake and a time-out are one before the other.
 *  (2) A woken record stays its waker's until it was told: a waiter whose
 *      deadline comes in between still waits for the post, which is under way,
 *      and counts as woken. So what was handed over is never lost.
 *  (3) hub->expected counts the waits of its errands: a post may end them.
 */
#include <pthread.h>

#include "core/hub.h"

/* One who waits; usually on its stack. */
struct mr_thread_wait {
    struct mr_list node;   /* in the object's list */
    struct mr_hub *hub;    /* whose errand waits; NULL: a thread sleeps */
    struct mr_waitq queue; /* of the errand, on its own thread */
    pthread_cond_t wakes;  /* of the thread */
    struct mr_hub_post told;
    void *data;   /* the object's own: where a value is, or goes */
    int rc;       /* what the wait returns, if it is woken */
    bool woken;   /* under the mutex */
    bool is_told; /* on the waiter's thread */
};

/* For the running errand, or else for this thread. A BUG in a hook. */
void mr_thread_wait_init(struct mr_thread_wait *w);
/*
 * With the mutex held, and w in a list: give the mutex back and wait. w->rc
 * when woken, -ETIMEDOUT or -ECANCELED when not (w is out of the list). May
 * park.
 */
int mr_thread_wait(struct mr_thread_wait *w, pthread_mutex_t *mutex,
                   int64_t deadline, const char *why);
/* With the mutex held: w's wait has ended with rc. It is told by
 * mr_thread_tell, to be called with `woken` after the mutex was given back. */
void mr_thread_wake(struct mr_thread_wait *w, int rc, struct mr_list *woken);
void mr_thread_tell(struct mr_list *woken);

/* A flag that changes under the mutex. */
static inline bool mr_thread_flag(pthread_mutex_t *mutex, const bool *flag)
{
    bool is_set;

    pthread_mutex_lock(mutex);
    is_set = *flag;
    pthread_mutex_unlock(mutex);
    return is_set;
}

/* pthread_create with the signals masked that thread.h says; attr may be NULL.
 * 0 or -Exxx. */
int mr_thread_create(pthread_t *ret, const pthread_attr_t *attr,
                     void *(*fn)(void *), void *arg);

#endif
