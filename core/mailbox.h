/* SPDX-License-Identifier: MIT */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

/*
 * mailbox.h - pass values between threads, with a hub or without.
 *
 * A channel (core/chan.h) for any number of senders and receivers on any
 * threads. Values are copied in and out; it holds up to `capacity` of them.
 * First come, first served on both sides: what one sender sends arrives in that
 * order, and each value at one receiver.
 *
 *     struct mr_mailbox *box = mr_mailbox_new(sizeof(struct order), 64);
 *     mr_thread_start(&t, line, box, NULL);      keeps: we outlive the thread
 *     rc = mr_mailbox_send(box, &order, MR_NEVER);
 *     ...
 *     mr_mailbox_close(box);                     the lines get what is left,
 *     mr_thread_join(t, NULL, MR_NEVER);         then -EPIPE
 *     mr_mailbox_free(box);
 *
 * Every function may be called on any thread. Where one has to wait, an errand
 * parks and a thread without a hub sleeps; in a hook only what never waits may
 * be called (mr_mailbox_try_..., close, ref, unref).
 *
 * Who does not outlive its users counts them: mr_mailbox_ref before the box is
 * handed on, mr_mailbox_unref by who got it.
 */
#include "core/chan.h"

struct mr_mailbox;

/* NULL when out of memory; capacity 1 or more. The caller holds it. */
MR_API MR_MUST_USE struct mr_mailbox *mr_mailbox_new(size_t item_size,
                                                     size_t capacity);
/* One more who holds it; returns box. */
MR_API struct mr_mailbox *mr_mailbox_ref(struct mr_mailbox *box);
/* Let go of it; the last one frees it, and values not received are gone. NULL
 * does nothing. */
MR_API void mr_mailbox_unref(struct mr_mailbox *box);
/* Close it and let go of it: for the side without which the others wait in
 * vain. NULL does nothing. */
MR_API void mr_mailbox_free(struct mr_mailbox *box);
MR_DEFINE_AUTO(mailbox)

/*
 * Hand over *item, waiting for a place until the deadline. 0; -EPIPE when it is
 * closed, perhaps meanwhile; -ETIMEDOUT or -ECANCELED. After an error nobody
 * has it. What can be done at once is done, also with a deadline that has
 * passed. May park.
 */
MR_API MR_MUST_USE int mr_mailbox_send(struct mr_mailbox *box, const void *item,
                                       int64_t deadline);
/* Never waits: 0, -EAGAIN (full), -EPIPE. */
MR_API MR_MUST_USE int mr_mailbox_try_send(struct mr_mailbox *box,
                                           const void *item);
/*
 * Take the oldest value, waiting for one until the deadline. 0, or -EPIPE
 * (closed and empty), -ETIMEDOUT, -ECANCELED; *ret_item is written only on 0.
 * May park.
 */
MR_API MR_MUST_USE int mr_mailbox_recv(struct mr_mailbox *box, void *ret_item,
                                       int64_t deadline);
/* Never waits: 0, -EAGAIN (empty), -EPIPE. */
MR_API MR_MUST_USE int mr_mailbox_try_recv(struct mr_mailbox *box,
                                           void *ret_item);

/* A case of mr_select: receive from box. Its rc may also be -ENOMEM. */
MR_API struct mr_select_case mr_select_mailbox(struct mr_mailbox *box,
                                               void *ret_item);

/* No more sends: senders that wait get -EPIPE, receivers what is left and then
 * -EPIPE. Again does nothing. */
MR_API void mr_mailbox_close(struct mr_mailbox *box);
/* True and a length may be past when one reads them: others are at work. */
MR_API bool mr_mailbox_is_closed(struct mr_mailbox *box);
MR_API size_t mr_mailbox_len(struct mr_mailbox *box);

#endif
