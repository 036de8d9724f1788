/* SPDX-License-Identifier: MIT */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

/*
 * queue.h - a store of values between coroutines of one hub: in order of
 * arrival, newest first, or best first; and waiting until all were dealt with.
 *
 * Where a channel (core/chan.h) is made once at full size and can be selected
 * on, a queue grows as it needs to, may be unbounded, and may have an order.
 *
 *     MR_AUTO(queue) q = mr_queue_new(sizeof(struct order), 0);
 *     mr_spawn(cook, q);
 *     rc = mr_queue_put(q, &order, MR_NEVER);
 *     rc = mr_queue_join(q, MR_NEVER);         until each was done:
 *
 *     while (mr_queue_get(q, &order, MR_NEVER) == 0) {
 *         prepare(&order);
 *         mr_queue_done(q);
 *     }
 */
#include "core/hub.h"

struct mr_queue;

/* Less than 0: a comes out before b; 0: whichever came first. Both point to
 * items, aligned for any type. Must not park, nor touch the queue. */
typedef int mr_queue_compare_fn(const void *a, const void *b);

/* Values of item_size bytes (may be 0, and items NULL), at most max of them
 * (0: no bound). NULL when out of memory. Oldest first; newest first; best
 * first. */
MR_API MR_MUST_USE struct mr_queue *mr_queue_new(size_t item_size, size_t max);
MR_API MR_MUST_USE struct mr_queue *mr_queue_new_lifo(size_t item_size,
                                                      size_t max);
MR_API MR_MUST_USE struct mr_queue *
mr_queue_new_priority(size_t item_size, size_t max,
                      mr_queue_compare_fn *compare);
/* Closes first; values left are gone; who waits in mr_queue_join gets -EPIPE.
 * NULL does nothing. */
MR_API void mr_queue_free(struct mr_queue *q);
MR_DEFINE_AUTO(queue)

/*
 * Put *item in: straight to the getter that waits longest, else into the
 * store, else wait for a place there. 0; -ENOMEM; -EPIPE when it is closed,
 * perhaps meanwhile; -ETIMEDOUT or -ECANCELED. After an error it is not in.
 * Whoever waits is served in order of arrival, whatever the items are worth.
 * What can be done at once is done, also with a deadline that has passed.
 * May park.
 */
MR_API MR_MUST_USE int mr_queue_put(struct mr_queue *q, const void *item,
                                    int64_t deadline);
/* Take the value whose turn it is. 0, or -EPIPE (closed and empty),
 * -ETIMEDOUT, -ECANCELED; *ret_item is written only on 0. May park. */
MR_API MR_MUST_USE int mr_queue_get(struct mr_queue *q, void *ret_item,
                                    int64_t deadline);

/* No more puts: putters that wait get -EPIPE, getters what is left and then
 * -EPIPE. Again does nothing. */
MR_API void mr_queue_close(struct mr_queue *q);
/* How many values are in it. */
MR_API size_t mr_queue_len(const struct mr_queue *q);

/* One value that was got has been dealt with. A BUG when more are done than
 * were put. */
MR_API void mr_queue_done(struct mr_queue *q);
/* Until as many are done as were put. 0, -ETIMEDOUT, -ECANCELED, or -EPIPE
 * when q is freed meanwhile. May park. */
MR_API MR_MUST_USE int mr_queue_join(struct mr_queue *q, int64_t deadline);

#endif
