/* SPDX-License-Identifier: MIT */
#ifndef CORE_CORO_H
#define CORE_CORO_H

/*
 * coro.h - coroutines: a function, a stack, and a place to come back to.
 *
 * Two kinds share one object. A coroutine that mr_spawn made is the root of an
 * errand: the hub runs it, it may wait, be joined and be cancelled
 * (core/hub.h). One that mr_coro_new made runs when somebody resumes it, on
 * that somebody's errand, and hands values back and forth: generators and
 * greenlets stand on it. It needs no hub.
 *
 *     intptr_t count(void *arg) {
 *         for (intptr_t i = 0; i < 3; i++)
 *             mr_coro_suspend(i);            the resumer gets i
 *         return 99;                         the last resume gets 99
 *     }
 *     mr_coro_new(&co, count, NULL, NULL);
 *     while (mr_coro_resume(co, 0, &v) == 0 && !mr_coro_is_done(co)) ...
 *     mr_coro_free(co);
 *
 * Invariants
 *  (1) A coroutine never leaves the thread it was made on.
 *  (2) Of a thread's coroutines exactly one is RUNNING; those on its chain of
 *      resumers are RESUMING.
 *  (3) The hub schedules errands: a chain from the root to the innermost
 *      coroutine resumed. Parking suspends the whole chain; cancel, deadlines,
 *      shields and locals belong to the errand.
 *  (4) A live stack is never dropped: its function returns, always. Cancelling
 *      makes the next park return -ECANCELED. So cleanup by scope is sound.
 *
 *               [mr_coro_new]          [mr_coro_resume]
 *       (made) --------------> NEW ------------------.
 *                                                    v
 *            SUSPENDED <---[mr_coro_suspend]----- RUNNING <--------.
 *                |                                 |  |            |
 *                '----[mr_coro_resume]-------------'  |  [it resumes another]
 *                                                     |            v
 *                             [fn returned]           |        RESUMING
 *            DONE <-----------------------------------'
 *
 * An errand's root is READY, RUNNING, PARKED or DONE: see core/hub.h.
 */
#include "core/base.h"

struct mr_coro;
struct mr_errand;

#define MR_CORO_STATES(X)                                                   \
    X(NEW, "new")             /* made, never run */                         \
    X(READY, "ready")         /* a root in its hub's run queue */           \
    X(RUNNING, "running")     /* owns the thread */                         \
    X(RESUMING, "resuming")   /* waits for one it resumed to come back */   \
    X(SUSPENDED, "suspended") /* waits to be resumed */                     \
    X(PARKED, "parked")       /* its errand waits: for what, mr_coro_why */ \
    X(DONE, "done")           /* returned; its result can be had */

enum mr_coro_state {
#define X(id, name) MR_CORO_##id,
    MR_CORO_STATES(X)
#undef X
};

/* The result is the coroutine's own: a value, a pointer, or a negative errno.
 * (No valid pointer lies in -4095..-1.) */
typedef intptr_t mr_coro_fn(void *arg);
static inline bool mr_is_error(intptr_t result)
{
    return result < 0 && result >= -4095;
}

struct mr_coro_options {
    const char *name;  /* kept, not copied; NULL: the entry's name */
    const char *entry; /* the function's name, for reports */
    size_t stack_size; /* MR_STACK_DEFAULT (0), or 16K to 1M */
    const char *where; /* kept; MR_HERE of its making, for reports */
};

/* A coroutine to be resumed by hand. 0, -ENOMEM, -EINVAL (stack size). */
MR_API MR_MUST_USE int mr_coro_new(struct mr_coro **ret, mr_coro_fn *fn,
                                   void *arg,
                                   const struct mr_coro_options *options);
/*
 * Gives the stack back. NULL does nothing. A BUG unless it is NEW or DONE: a
 * live frame is never dropped, so let it come to its end first.
 */
MR_API void mr_coro_free(struct mr_coro *co);
MR_DEFINE_AUTO(coro)

/*
 * Run co until it suspends or returns. *ret_value is what it handed over.
 * 0; -EBUSY when it is part of another errand that is parked, or is itself
 * being resumed up the chain; -ESRCH when it is DONE. Resuming a root is a
 * BUG, as that one is the hub's; so is one of another thread.
 */
MR_API MR_MUST_USE int mr_coro_resume(struct mr_coro *co, intptr_t value,
                                      intptr_t *ret_value);
/* Hand value to whoever resumed us; returns the next resume's value. A BUG in
 * a root, and on a thread's own stack. */
MR_API intptr_t mr_coro_suspend(intptr_t value);

/* The running coroutine; on a thread's own stack a stand-in for it (whose
 * name is "main"). Never NULL. */
MR_API struct mr_coro *mr_coro_self(void);

MR_API enum mr_coro_state mr_coro_state(const struct mr_coro *co);
MR_API const char *mr_coro_state_name(enum mr_coro_state state);
MR_API bool mr_coro_is_done(const struct mr_coro *co);
/*
 * Of a root that has ended, without joining it: true, and what its function
 * returned in *ret_result (may be NULL); -ECANCELED when that never ran. False
 * while it lives.
 */
MR_API bool mr_coro_result(const struct mr_coro *co, intptr_t *ret_result);
/* The -Exxx that it ended with; 0: it lives, or ended with something else. */
MR_API int mr_coro_error(const struct mr_coro *co);
/* Never NULL. */
MR_API const char *mr_coro_name(const struct mr_coro *co);
/* Kept, not copied. NULL goes back to the entry's name. */
MR_API void mr_coro_set_name(struct mr_coro *co, const char *name);
MR_API const char *mr_coro_entry(const struct mr_coro *co);
/* Counts from 1 in each thread; the first errand of a hub is 0. */
MR_API uint64_t mr_coro_id(const struct mr_coro *co);
/* "<coroutine NAME #ID>", cut to fit; the length that it has in full. */
MR_API size_t mr_coro_format(const struct mr_coro *co, char *buf, size_t size);
/* What its errand waits for ("read", "sleep"), or "" when it does not. */
MR_API const char *mr_coro_why(const struct mr_coro *co);
/* Usable stack bytes, and the most that were used so far. */
MR_API size_t mr_coro_stack_size(const struct mr_coro *co);
MR_API size_t mr_coro_stack_used(const struct mr_coro *co);

#endif
