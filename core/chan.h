/* SPDX-License-Identifier: MIT */
#ifndef CORE_CHAN_H
#define CORE_CHAN_H

/*
 * chan.h - pass values between coroutines of one hub; wait for any of several.
 *
 * A channel holds up to `capacity` values; with capacity 0 sender and receiver
 * meet. Values are copied in and out, straight from one coroutine's variable
 * to the other's when the other waits. First come, first served on both sides.
 *
 *     MR_AUTO(chan) ch = mr_chan_new(sizeof(int), 16);
 *     mr_spawn(producer, ch);
 *     while ((rc = mr_chan_recv(ch, &n, MR_NEVER)) == 0)
 *         use(n);                              -EPIPE: closed, and drained
 *
 *     struct mr_select_case any[] = {
 *         mr_select_recv(jobs, &job),
 *         mr_select_send(results, &result),
 *         mr_select_readable(fd),
 *     };
 *     switch (mr_select(any, 3, mr_after_s(1))) ...
 *
 * Not for other threads.
 */
#include "core/hub.h"

struct mr_chan;

/* NULL when out of memory. item_size may be 0: then only the meeting counts,
 * and items may be NULL. */
MR_API MR_MUST_USE struct mr_chan *mr_chan_new(size_t item_size,
                                               size_t capacity);
/* Closes first; values not received are gone. NULL does nothing. */
MR_API void mr_chan_free(struct mr_chan *ch);
MR_DEFINE_AUTO(chan)

/*
 * Hand over *item: to the receiver that waits longest, else into a free place,
 * else wait for one. 0; -EPIPE when it is closed, perhaps meanwhile;
 * -ETIMEDOUT or -ECANCELED. After an error nobody has it. What can be done at
 * once is done, also with a deadline that has passed. May park.
 */
MR_API MR_MUST_USE int mr_chan_send(struct mr_chan *ch, const void *item,
                                    int64_t deadline);
/*
 * Take the oldest value, waiting for one until the deadline. 0, or -EPIPE
 * (closed and empty), -ETIMEDOUT, -ECANCELED; *ret_item is written only on 0.
 * May park.
 */
MR_API MR_MUST_USE int mr_chan_recv(struct mr_chan *ch, void *ret_item,
                                    int64_t deadline);

/* No more sends: senders that wait get -EPIPE, receivers what is left and then
 * -EPIPE. Again does nothing. */
MR_API void mr_chan_close(struct mr_chan *ch);
MR_API bool mr_chan_is_closed(const struct mr_chan *ch);
/* How many values it holds; those of waiting senders do not count. */
MR_API size_t mr_chan_len(const struct mr_chan *ch);

/* --- any of several --- */

enum mr_select_op {
    MR_SELECT_RECV,
    MR_SELECT_SEND,
    MR_SELECT_READABLE,
    MR_SELECT_WRITABLE,
    MR_SELECT_SOURCE,
};

/*
 * What else may be received from: embedded in an object of another module,
 * which offers its cases itself (core/mailbox.h does). A table of functions, as
 * channels do not know of threads.
 */
struct mr_select_source {
    /* Into *ret_item without waiting: -EAGAIN, or how it went. */
    int (*take)(struct mr_select_source *source, void *ret_item);
    /* Someone is to wait: fill in e's queue and data. Once there is something,
     * write to *ret_item and fire e with how it went. 0 or -Exxx. */
    int (*begin)(struct mr_select_source *source, void *ret_item,
                 struct mr_wait_entry *e);
    /* The wait is over, whoever ended it. */
    void (*end)(struct mr_wait_entry *e);
};

/* Made by the four below and their like elsewhere. rc is written in the case
 * that happened: 0, or -EPIPE of a channel, -EBADF or -ENOMEM of a descriptor.
 */
struct mr_select_case {
    enum mr_select_op op;
    int fd;
    int rc;
    union { /* NULL: never happens, for switching a case off */
        struct mr_chan *chan;
        struct mr_select_source *source;
    };
    union {
        void *to;
        const void *from;
    } item;
};

static inline struct mr_select_case mr_select_recv(struct mr_chan *ch,
                                                   void *ret_item)
{
    return (struct mr_select_case){
        .op = MR_SELECT_RECV, .chan = ch, .item.to = ret_item};
}
static inline struct mr_select_case mr_select_send(struct mr_chan *ch,
                                                   const void *item)
{
    return (struct mr_select_case){
        .op = MR_SELECT_SEND, .chan = ch, .item.from = item};
}
static inline struct mr_select_case mr_select_readable(int fd)
{
    return (struct mr_select_case){.op = MR_SELECT_READABLE, .fd = fd};
}
static inline struct mr_select_case mr_select_writable(int fd)
{
    return (struct mr_select_case){.op = MR_SELECT_WRITABLE, .fd = fd};
}

/*
 * Do exactly one of the n cases, the first that can be done, and say which:
 * its index, how it went in its rc. When several can, each has its turn: where
 * looking starts moves on with every call. -ETIMEDOUT and -ECANCELED when none
 * was done; -ENOMEM (only when n > 16). May park.
 */
MR_API MR_MUST_USE int mr_select(struct mr_select_case *cases, size_t n,
                                 int64_t deadline);

#endif
