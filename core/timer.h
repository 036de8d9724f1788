/* SPDX-License-Identifier: MIT */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

/*
 * timer.h - sleep, deadlines, scopes with an identity, shields, ticks.
 *
 * A deadline is an absolute int64_t of nanoseconds on CLOCK_MONOTONIC, the
 * last parameter of everything that blocks; MR_NEVER never comes. A loop that
 * passes the same one on needs no arithmetic.
 *
 *     struct mr_scope s;
 *     mr_scope_enter(&s, mr_after_ms(200));      nothing in here waits longer
 *     rc = talk_to_somebody(fd, MR_NEVER);
 *     if (mr_scope_leave(&s))                    it was this scope's deadline,
 *         rc = try_another();                    not the caller's
 *
 * MR_SCOPE(s, deadline) is the same for a block, however that is left.
 *
 * Scopes nest like brackets, on the errand. Once a scope's deadline has
 * passed, every park inside it fails at once with -ETIMEDOUT. What must wait
 * all the same (TLS's close, a rollback) opens a shield:
 *
 *     mr_shield_enter(&s, mr_after_s(2));        cancel and outer scopes are
 *     send_goodbye(fd);                          put off; only this deadline
 *     mr_shield_leave(&s);                       counts
 */
#include "core/base.h"

/* Now, by the clock (about 30 ns). */
MR_API int64_t mr_now(void);
static inline int64_t mr_ms(int64_t ms)
{
    return ms * 1000000;
}
/* Deadlines from now; a negative length is one that has passed, and one that
 * would overflow is MR_NEVER. */
MR_API int64_t mr_after(int64_t ns);
MR_API int64_t mr_after_ms(int64_t ms);
MR_API int64_t mr_after_s(int64_t s);

/*
 * Park until the deadline; never returns 0 early. 0 when it came, -ETIMEDOUT
 * when a scope around us ended first, -ECANCELED. May park.
 */
MR_API int mr_sleep(int64_t deadline);
static inline int mr_sleep_ms(int64_t ms)
{
    return mr_sleep(mr_after_ms(ms));
}

struct mr_scope {
    struct mr_scope *outer;
    int64_t at;   /* own deadline */
    int64_t min;  /* the nearest of own and outer (up to a shield) */
    bool expired; /* a park failed because of `at` */
    bool shield;
};

MR_API void mr_scope_enter(struct mr_scope *s, int64_t deadline);
/* True when a park inside failed because of this very scope. */
MR_API bool mr_scope_leave(struct mr_scope *s);
/* The same, without leaving it. */
static inline bool mr_scope_has_expired(const struct mr_scope *s)
{
    return s->expired;
}

/*
 * Give an open scope another deadline, from anywhere inside it: what is being
 * waited for just now does not count, or the time begins anew. For parks to
 * come. Another errand's scope is left as it is.
 */
MR_API void mr_scope_move(struct mr_scope *s, int64_t deadline);

/* Inside, a cancel and all outer scopes wait until the shield is left. */
MR_API void mr_shield_enter(struct mr_scope *s, int64_t deadline);
MR_API bool mr_shield_leave(struct mr_scope *s);

/* Declare s and enter it; it is left at the end of the block, also by return,
 * break and goto. To leave it earlier, end the block. */
#define MR_SCOPE(s, deadline)                                     \
    struct mr_scope s __attribute__((cleanup(mr_scope_cleanup))); \
    mr_scope_enter(&(s), (deadline))
#define MR_SHIELD(s, deadline)                                    \
    struct mr_scope s __attribute__((cleanup(mr_scope_cleanup))); \
    mr_shield_enter(&(s), (deadline))
static inline void mr_scope_cleanup(struct mr_scope *s)
{
    (void)(s->shield ? mr_shield_leave(s) : mr_scope_leave(s));
}

/*
 * fn(arg) in a scope of its own: its result; or `fallback`, when it returned
 * -ETIMEDOUT because of this deadline, and not of one further out. May park.
 */
MR_API intptr_t mr_with_timeout(intptr_t (*fn)(void *arg), void *arg,
                                int64_t deadline, intptr_t fallback);

/*
 * A timer of the hub: fn runs on the hub's own stack, at `at` or later, once.
 * It may not park; it may spawn, wake, and start timers. The memory is the
 * caller's, and stays put while started. Cheap to start and to stop (a 4-ary
 * heap of deadlines; libev sees only the nearest).
 */
struct mr_timer {
    int64_t at;
    uint32_t slot; /* 1 + index in the heap; 0: not started */
    void (*fn)(struct mr_timer *t);
};

static inline void mr_timer_init(struct mr_timer *t,
                                 void (*fn)(struct mr_timer *t))
{
    t->at = MR_NEVER;
    t->slot = 0;
    t->fn = fn;
}
static inline bool mr_timer_is_started(const struct mr_timer *t)
{
    return t->slot != 0;
}
/* On this thread's hub; started timers are moved. 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_timer_start(struct mr_timer *t, int64_t at);
/* Stopping a stopped one does nothing. */
MR_API void mr_timer_stop(struct mr_timer *t);

#endif
