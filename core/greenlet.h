/* SPDX-License-Identifier: MIT */
#ifndef CORE_GREENLET_H
#define CORE_GREENLET_H

/*
 * greenlet.h - coroutines that switch to each other, with a value.
 *
 * mr_coro_resume and mr_coro_suspend go down and up, like calls. A greenlet
 * goes where it likes: to any other coroutine made by hand, or to main, which
 * is whoever switched to the first of them (a program's own stack, an errand's
 * root, a generator).
 *
 *     intptr_t ping(void *arg) {
 *         for (intptr_t v = 0; v >= 0; v++)
 *             v = mr_switch_to(pong_, v);      returns what comes back
 *         return 0;                            goes on in the parent
 *     }
 *     mr_greenlet_new(&ping_, ping, NULL);
 *     mr_greenlet_new(&pong_, pong, NULL);
 *     v = mr_switch_to(ping_, 0);              until somebody switches to main
 *     mr_greenlet_free(ping_);
 *
 * A greenlet is a coroutine: core/coro.h has its name, state, and whether it is
 * done. In a hub all of them together are one errand's (core/coro.h, 3): one
 * that parks takes the others along.
 *
 * A value in -4095..-1 is an error: it was thrown, or is why a switch failed.
 * An error that arrives is for unwinding: clean up and return.
 */
#include "core/coro.h"

/*
 * As mr_coro_new, with the function named in reports; its parent is the running
 * greenlet, or main. A macro for that name. 0, -ENOMEM.
 */
#define mr_greenlet_new(ret, fn, arg) \
    mr_greenlet_new_with(             \
        (ret), (fn), (arg),           \
        &(struct mr_coro_options){.entry = #fn, .where = MR_HERE})
MR_API MR_MUST_USE int
mr_greenlet_new_with(struct mr_coro **ret, mr_coro_fn *fn, void *arg,
                     const struct mr_coro_options *options);
/*
 * Throws -ECANCELED into one that is suspended, so that it unwinds; then as
 * mr_coro_free. Its end comes back here, not to its parent. NULL does nothing.
 * A BUG when it switches away instead, and when it is running, resuming another
 * or parked. May park, if its cleanup does.
 */
MR_API void mr_greenlet_free(struct mr_coro *co);

/*
 * Go on in co: it returns from its own mr_switch_to (or mr_coro_suspend) with
 * value; a new one is started, and nobody gets the value. A dead one passes it
 * on to its parent, at once. NULL is main; so is main's own coroutine.
 * Returns what the switch back brings: a value, or -Exxx that was thrown; to
 * oneself, the value. -EBUSY: co is part of another errand that is parked, or
 * waits for one it resumed. A BUG for a root of the hub but main. May park.
 */
MR_API intptr_t mr_switch_to(struct mr_coro *co, intptr_t value);
/* The same with an error, -Exxx, that arrives in co. A new one dies of it
 * without being run, and passes it on to its parent (-EBUSY: that is). */
MR_API intptr_t mr_throw_to(struct mr_coro *co, int err);

/*
 * Where its end goes on, with its result: its parent, or the parent's if that
 * is dead, and so on; and main, when there is no other or it is busy. NULL:
 * main. The parent must outlive it.
 */
MR_API struct mr_coro *mr_greenlet_parent(const struct mr_coro *co);
/* 0; -ELOOP when co is parent itself or among its parents. */
MR_API MR_MUST_USE int mr_greenlet_set_parent(struct mr_coro *co,
                                              struct mr_coro *parent);

/*
 * Called on this thread before each switch between greenlets and main, and at
 * the end of a greenlet, in the one that is left; value is what goes along. It
 * may not switch or park. NULL: none. Returns the one before, for those who
 * put it back.
 */
enum mr_greenlet_event { MR_GREENLET_SWITCH, MR_GREENLET_THROW };
typedef void mr_greenlet_trace_fn(enum mr_greenlet_event event,
                                  const struct mr_coro *from,
                                  const struct mr_coro *to, intptr_t value,
                                  void *arg);
MR_API mr_greenlet_trace_fn *mr_greenlet_trace(mr_greenlet_trace_fn *fn,
                                               void *arg);

#endif
