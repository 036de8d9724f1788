/* SPDX-License-Identifier: MIT */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

/*
 * thread.h - start a thread, with a hub of its own or without, and join it.
 *
 *     intptr_t line(void *arg) {                 the other thread's first
 *         struct mr_mailbox *orders = arg;       errand: it has a hub
 *         while (mr_mailbox_recv(orders, &o, MR_NEVER) == 0)
 *             ...
 *         return made;
 *     }
 *     rc = mr_thread_start(&t, line, orders, NULL);
 *     ...
 *     rc = mr_thread_join(t, &made, MR_NEVER);   parks; our hub goes on
 *
 * Two hubs share nothing: an errand, a descriptor and a channel belong to one.
 * What crosses goes through a mailbox (core/mailbox.h).
 *
 * Every function here may be called on any thread: in an errand what must wait
 * parks it, on a thread without a hub the thread sleeps. On a hub's own stack
 * (a hook) waiting is a BUG.
 *
 * A started thread has all signals masked but those of faults (SIGSEGV and its
 * like), so that signals are read where they are expected (core/signal.h).
 */
#include "core/coro.h"

struct mr_thread;

/* What is zero is as usual. */
struct mr_thread_options {
    const char *name;  /* copied; tools show 15 bytes. NULL: the starter's */
    size_t stack_size; /* of the thread itself, not of its coroutines; 0: the
                        * system's (ulimit -s). Rounded up to what it needs */
    bool pinned;       /* to one CPU: */
    int cpu;
};

/*
 * Start a thread that makes a hub and runs fn(arg) as its first errand, as
 * mr_run does. options may be NULL. 0; -EAGAIN when there may be no more
 * threads, -ENOMEM, -EINVAL (no such CPU, or not for us; a stack too large).
 * When the other thread cannot make its hub (-ENOMEM, -EMFILE), fn does not
 * run, and that is the thread's result.
 */
MR_API MR_MUST_USE int mr_thread_start(struct mr_thread **ret, mr_coro_fn *fn,
                                       void *arg,
                                       const struct mr_thread_options *options);

/* The same without a hub: fn runs on the thread's own stack and may block. It
 * cannot be cancelled. */
MR_API MR_MUST_USE int
mr_thread_start_plain(struct mr_thread **ret, mr_coro_fn *fn, void *arg,
                      const struct mr_thread_options *options);

/*
 * Wait for the thread's end and take it: the handle is not to be used again. 0,
 * and what fn returned in *ret_result (may be NULL); -ETIMEDOUT or -ECANCELED,
 * and then the handle stays good. A thread that has ended is joined also with a
 * deadline that has passed. One joins at a time; a thread that joins itself is
 * a BUG. Threads that join each other, be it round many, would wait for ever:
 * the last one gets -EDEADLK, and the log says who. That is seen of joins in a
 * thread's first errand, whose end is the thread's, and of plain threads.
 * May park.
 */
MR_API MR_MUST_USE int mr_thread_join(struct mr_thread *t, intptr_t *ret_result,
                                      int64_t deadline);

/*
 * Cancel the thread's first errand (mr_cancel); one that was not begun never
 * will be, and -ECANCELED is its result. Again, on a thread that has ended or
 * on one without a hub, does nothing. Does not wait.
 */
MR_API void mr_thread_cancel(struct mr_thread *t);

/* Cancel it, wait for its end (shielded), forget its result. It is never
 * refused: what it waits for was cancelled. One without a hub is just waited
 * for: if it waits for us, the log says so. NULL does nothing. May park. */
MR_API void mr_thread_free(struct mr_thread *t);
MR_DEFINE_AUTO(thread)

/* Has fn returned? A join then does not wait. */
MR_API bool mr_thread_is_done(struct mr_thread *t);

/* The running thread, if it was started here; else NULL. */
MR_API struct mr_thread *mr_thread_self(void);

#endif
