/* SPDX-License-Identifier: MIT */
#ifndef IO_QUOTA_H
#define IO_QUOTA_H

/*
 * quota.h - how many connections there may be: in all, over several servers of
 * a thread, and from one address.
 *
 *     mr_quota_init(&q, &(struct mr_quota_options){.max = 10000,
 *                                                  .max_per_address = 100});
 *     ... two servers with .quota = &q (io/server.h) ...
 *     mr_quota_fini(&q);                              after both
 *
 * At max nothing is accepted until one leaves; those who wait queue in the
 * kernel. Who has connections that nobody would miss offers them: when somebody
 * waits, one is asked for. One above max_per_address is accepted and closed:
 * the queue is everybody's.
 *
 * An address is an IPv4 address, or the 64 bits of an IPv6 address that a
 * network gives to one customer. Unix sockets have none and are not counted by
 * address.
 */
#include "core/log.h"
#include "core/wait.h"
#include "io/addr.h"

struct mr_quota_peer;

struct mr_quota_options {
    size_t max;             /* 0: no limit */
    size_t max_per_address; /* 0: no limit */
    bool spare_loopback;    /* this machine's own addresses are not counted */
};

/* The caller's, in memory that outlives the offer; mr_list_remove(&node) ends
 * it. */
struct mr_quota_offer {
    struct mr_list node;
    /* Close one connection that has entered, and leave for it. False: there is
     * none to spare now. May not park. */
    bool (*give)(struct mr_quota_offer *offer);
};

struct mr_quota {
    struct mr_quota_options options; /* private, as all below */
    size_t live;
    struct mr_waitq room; /* accepting coroutines: for a leave */
    struct mr_list offers;
    size_t wanting; /* accepting coroutines that were given nothing */
    struct mr_quota_peer **table;
    size_t slots; /* a power of two; 0 before the first */
    size_t peers;
    uint64_t seed;
    struct mr_log_gate gate; /* of "no more from there" */
};

/* Options are copied. Does not fail. */
MR_API void mr_quota_init(struct mr_quota *q, const struct mr_quota_options *o);
/* All must have left (else a BUG). Zeroed, and twice, it does nothing. */
MR_API void mr_quota_fini(struct mr_quota *q);

static inline bool mr_quota_is_full(const struct mr_quota *q)
{
    return q->options.max && q->live >= q->options.max;
}

/* From now on `offer` is asked, in turns with others. */
MR_API void mr_quota_offer(struct mr_quota *q, struct mr_quota_offer *offer);
/* Have one of those who offer close a connection. False: none could. */
MR_API bool mr_quota_make_room(struct mr_quota *q);

/* Does somebody wait to be accepted, with nothing to spare? Then a connection
 * that becomes one is told by mr_quota_spare_now. */
static inline bool mr_quota_is_wanting(const struct mr_quota *q)
{
    return q->wanting > 0;
}
MR_API void mr_quota_spare_now(struct mr_quota *q);

/* One more from there. 0; -EUSERS: that address has its share (a line a second
 * says so); -ENOMEM. Whether the whole is full is not asked: whoever accepts
 * looks before. */
MR_API MR_MUST_USE int mr_quota_enter(struct mr_quota *q,
                                      const struct mr_addr *peer);
/* One that has entered, from the same address, leaves. */
MR_API void mr_quota_leave(struct mr_quota *q, const struct mr_addr *peer);

#endif
