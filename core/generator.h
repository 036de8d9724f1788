/* SPDX-License-Identifier: MIT */
#ifndef CORE_GENERATOR_H
#define CORE_GENERATOR_H

/*
 * generator.h - a function that yields values to whoever asks for them.
 *
 *     static intptr_t fib(struct mr_generator *g, void *arg)
 *     {
 *         int a = 0, b = 1, c, err = 0;
 *
 *         for (int i = *(int *)arg; i > 0 && !err; i--) {
 *             err = mr_generator_yield(g, &a);
 *             c = a + b;
 *             a = b;
 *             b = c;
 *         }
 *         return err;
 *     }
 *
 *     rc = mr_generator_new(&g, fib, &ten, sizeof(int));
 *     MR_FOR (int, x, g)                       it is an iterator
 *         printf("%d\n", x);
 *     mr_generator_free(g);
 *
 * The body runs on a stack of its own, on the errand of whoever asks: it may
 * park, and needs no hub if it does not. Asked meanwhile by another errand, it
 * says -EBUSY. A scope or a shield (core/timer.h) is the asker's: none may be
 * open across a yield.
 *
 * The body computes as its asker does: the rounding mode (fesetround) and the
 * rest of the floating-point control words are the asker's, as in any function
 * that is called. One that sets them sets them back before it yields.
 *
 * Invariants
 *  (1) The body runs from the first time it is asked; what it is asked for is
 *      what its present yield returns.
 *  (2) It always comes to its end: freeing one that waits at a yield closes it
 *      first, so its cleanup runs.
 *  (3) After the end every question has the same answer.
 */
#include "core/coro.h"
#include "core/iter.h"

/* The members are private but for `iter` and `iterable`: adaptors take
 * &g->iter, and with it the generator. */
struct mr_generator {
    union {
        struct mr_iter iter;
        struct mr_iterable iterable;
    };
    struct mr_coro *co;
    void *out;          /* where the next value goes; NULL: nowhere */
    const void *sent;   /* what came with the present question */
    const void *thread; /* whose it is: its thread pointer */
    bool closing;
    intptr_t result;
    intptr_t (*fn)(struct mr_generator *g, void *arg);
    void *arg;
};

/* The result is mr_generator_result's: a value, a pointer, or -Exxx, with which
 * the generator has failed. */
typedef intptr_t mr_generator_fn(struct mr_generator *g, void *arg);

/*
 * A generator of values of this size; 0: it yields nothing but the thread. A
 * macro, so that reports can name the function. 0, -ENOMEM, -EINVAL (stack
 * size).
 */
#define mr_generator_new(ret, fn, arg, size) \
    mr_generator_new_with(                   \
        (ret), (fn), (arg), (size),          \
        &(struct mr_coro_options){.entry = #fn, .where = MR_HERE})
MR_API MR_MUST_USE int
mr_generator_new_with(struct mr_generator **ret, mr_generator_fn *fn, void *arg,
                      size_t size, const struct mr_coro_options *options);
/* Closes it if it waits at a yield, whatever that gives. NULL does nothing. A
 * BUG when it is running, resuming or parked. May park, if its cleanup does. */
MR_API void mr_generator_free(struct mr_generator *g);
MR_DEFINE_AUTO(generator)

/* --- for those who ask --- */

/*
 * On to the next yield. 1: its value is in *ret_value (may be NULL); 0: the
 * body has returned; -Exxx: it returned that. -EBUSY: it is being asked
 * already, and goes on. May park, if the body does.
 */
MR_API MR_MUST_USE int mr_generator_next(struct mr_generator *g,
                                         void *ret_value);
/* The same with a value for the yield that it waits at (mr_generator_sent); it
 * need not outlive the call. -EINVAL when it was never asked for anything, as
 * then it waits at none. A value of NULL is mr_generator_next. */
MR_API MR_MUST_USE int mr_generator_send(struct mr_generator *g,
                                         const void *value, void *ret_value);
/* The same with an error: the yield that it waits at returns err (< 0). One
 * that was never asked, or has ended, returns err itself, and runs nothing. */
MR_API MR_MUST_USE int mr_generator_throw(struct mr_generator *g, int err,
                                          void *ret_value);
/*
 * Make it end: throws -ECANCELED. 0 when it returned that or no error, or had
 * ended; its own -Exxx; -EBUSY as above. A generator that yields after that is
 * a BUG. May park, if its cleanup does.
 */
MR_API MR_MUST_USE int mr_generator_close(struct mr_generator *g);

/* What the body returned; 0 until then. Of one that ended before it ran: what
 * was thrown. */
MR_API intptr_t mr_generator_result(const struct mr_generator *g);
MR_API bool mr_generator_is_done(const struct mr_generator *g);

/* --- in the body --- */

/* Hand over *value (NULL where values have size 0) and wait to be asked again.
 * 0, or -Exxx that was thrown: clean up, and return it. A BUG outside of the
 * body. */
MR_API MR_MUST_USE int mr_generator_yield(struct mr_generator *g,
                                          const void *value);
/* What the asker sent: good until the next yield; NULL when it only asked. */
static inline const void *mr_generator_sent(const struct mr_generator *g)
{
    return g->sent;
}
/*
 * Yield all that sub yields (values of the same size): what the asker sends and
 * throws goes to sub, a close too. 0 when sub has ended, and its result in
 * *ret_result (may be NULL); or its -Exxx, or what was thrown at a sub that had
 * ended. Borrows sub. May park.
 */
MR_API MR_MUST_USE int mr_generator_delegate(struct mr_generator *g,
                                             struct mr_generator *sub,
                                             intptr_t *ret_result);

#endif
