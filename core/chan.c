/* SPDX-License-Identifier: MIT */

/*
 * chan.c - pass values between coroutines of one hub; wait for any of several.
 *
 * A ring of values and two queues of waiters. A waiting sender's entry says
 * where its value is, a waiting receiver's where one is wanted; whoever comes
 * from the other side copies and fires the entry. Firing is what commits: an
 * entry still in a queue belongs to a set that nothing has ended, so a copy is
 * made for an entry that wins, and for no other.
 *
 *  (1) Receivers wait => it is open and holds nothing.
 *  (2) Senders wait => it is open and full.
 *  (3) Both wait => both are entries of one set: a select that would do either.
 *  (4) Who was woken does not touch the channel any more: it may be freed.
 */
#include "core/chan.h"

#include <errno.h>
#include <string.h>

#include "core/coro_priv.h"
#include "core/sys.h"

struct mr_chan {
    struct mr_waitq senders;   /* entry->data: from where */
    struct mr_waitq receivers; /* entry->data: to where */
    size_t item_size;
    size_t capacity;
    size_t first; /* the oldest value's place */
    size_t count;
    bool closed;
    char items[];
};

/* --- the ring --- */

static inline void copy_item(void *to, const void *from, size_t n)
{
    /* The usual sizes without a call. */
    if (n == sizeof(uint64_t))
        memcpy(to, from, sizeof(uint64_t));
    else if (n == sizeof(uint32_t))
        memcpy(to, from, sizeof(uint32_t));
    else if (n > 0)
        memcpy(to, from, n);
}

static void push(struct mr_chan *ch, const void *item)
{
    size_t at = ch->first + ch->count;

    if (at >= ch->capacity)
        at -= ch->capacity;
    copy_item(ch->items + at * ch->item_size, item, ch->item_size);
    ch->count++;
}

static void pop(struct mr_chan *ch, void *ret_item)
{
    copy_item(ret_item, ch->items + ch->first * ch->item_size, ch->item_size);
    if (++ch->first == ch->capacity)
        ch->first = 0;
    ch->count--;
}

/* --- at once, or -EAGAIN --- */

static inline int try_send(struct mr_chan *ch, const void *item)
{
    struct mr_wait_entry *receiver = mr_waitq_first(&ch->receivers);

    if (receiver) {
        copy_item(receiver->data, item, ch->item_size);
        mr_wait_fire_inline(receiver, 0);
        return 0;
    }
    if (MR_UNLIKELY(ch->closed))
        return -EPIPE;
    if (ch->count == ch->capacity)
        return -EAGAIN;
    push(ch, item);
    return 0;
}

static inline int try_recv(struct mr_chan *ch, void *ret_item)
{
    struct mr_wait_entry *sender = mr_waitq_first(&ch->senders);

    if (ch->count > 0) {
        pop(ch, ret_item);
        if (sender)
            push(ch, sender->data);
    } else if (sender) {
        copy_item(ret_item, sender->data, ch->item_size);
    } else {
        return ch->closed ? -EPIPE : -EAGAIN;
    }
    if (sender)
        mr_wait_fire_inline(sender, 0);
    return 0;
}

/* --- one channel --- */

struct mr_chan *mr_chan_new(size_t item_size, size_t capacity)
{
    struct mr_chan *ch;
    size_t size;

    if (__builtin_mul_overflow(item_size, capacity, &size) ||
        __builtin_add_overflow(size, sizeof *ch, &size))
        return NULL;
    ch = mr_alloc(size);
    if (!ch)
        return NULL;
    mr_waitq_init(&ch->senders);
    mr_waitq_init(&ch->receivers);
    ch->item_size = item_size;
    ch->capacity = capacity;
    ch->first = 0;
    ch->count = 0;
    ch->closed = false;
    return ch;
}

void mr_chan_free(struct mr_chan *ch)
{
    if (!ch)
        return;
    mr_chan_close(ch);
    mr_free(ch);
}

int mr_chan_send(struct mr_chan *ch, const void *item, int64_t deadline)
{
    int rc = try_send(ch, item);

    if (rc != -EAGAIN)
        return rc;
    return mr_wait_with_int(&ch->senders, (void *)item, deadline, "send");
}

int mr_chan_recv(struct mr_chan *ch, void *ret_item, int64_t deadline)
{
    int rc = try_recv(ch, ret_item);

    if (rc != -EAGAIN)
        return rc;
    return mr_wait_with_int(&ch->receivers, ret_item, deadline, "receive");
}

void mr_chan_close(struct mr_chan *ch)
{
    ch->closed = true;
    (void)mr_waitq_wake_all(&ch->senders, -EPIPE);
    (void)mr_waitq_wake_all(&ch->receivers, -EPIPE);
}

bool mr_chan_is_closed(const struct mr_chan *ch)
{
    return ch->closed;
}

size_t mr_chan_len(const struct mr_chan *ch)
{
    return ch->count;
}

/* --- any of several --- */

/* So many entries lie on the waiter's stack: 768 bytes. */
#define FEW 16

static short poll_events(enum mr_select_op op)
{
    return op == MR_SELECT_WRITABLE ? POLLOUT : POLLIN;
}

/* Nobody has asked the kernel about this one lately. */
static int try_fd(const struct mr_select_case *c)
{
    struct pollfd p = {.fd = c->fd, .events = poll_events(c->op)};
    int rc;

    do
        rc = mr_sys_ppoll(&p, 1, 0);
    while (rc == -EINTR);
    if (rc == 0)
        return -EAGAIN;
    if (rc > 0)
        return p.revents & POLLNVAL ? -EBADF : 0;
    return rc;
}

static int try_case(struct mr_select_case *c)
{
    switch (c->op) {
    case MR_SELECT_RECV:
        return c->chan ? try_recv(c->chan, c->item.to) : -EAGAIN;
    case MR_SELECT_SEND:
        return c->chan ? try_send(c->chan, c->item.from) : -EAGAIN;
    case MR_SELECT_READABLE:
    case MR_SELECT_WRITABLE:
        return try_fd(c);
    case MR_SELECT_SOURCE:
        return c->source ? c->source->take(c->source, c->item.to) : -EAGAIN;
    }
    MR_BUG_ON(true); /* not an op */
    return -EINVAL;
}

/*
 * Where to start: steps of the golden ratio go round evenly, and so does every
 * second or third of them, when callers take turns.
 */
static size_t next_start(size_t n)
{
    static _Thread_local uint32_t turn;

    turn += 0x9e3779b9u;
    return (size_t)((uint64_t)turn * n >> 32);
}

/* The index of the case that could be done at once, or -EAGAIN. */
static int try_all(struct mr_select_case *cases, size_t n)
{
    size_t i = next_start(n);

    for (size_t left = n; left > 0; left--) {
        cases[i].rc = try_case(&cases[i]);
        if (cases[i].rc != -EAGAIN)
            return (int)i;
        if (++i == n)
            i = 0;
    }
    return -EAGAIN;
}

/* The queue and data of c's entry, if it has a queue of its own. 0; 1: always
 * ready; or -Exxx. */
static int fill_one(struct mr_wait_entry *e, const struct mr_select_case *c)
{
    e->data = c->item.to;
    switch (c->op) {
    case MR_SELECT_RECV:
        if (c->chan)
            e->queue = &c->chan->receivers;
        return 0;
    case MR_SELECT_SEND:
        if (c->chan)
            e->queue = &c->chan->senders;
        return 0;
    case MR_SELECT_READABLE:
        return mr_hub_fd_queue(c->fd, MR_READABLE, &e->queue);
    case MR_SELECT_WRITABLE:
        return mr_hub_fd_queue(c->fd, MR_WRITABLE, &e->queue);
    case MR_SELECT_SOURCE:
        return c->source ? c->source->begin(c->source, c->item.to, e) : 0;
    }
    return 0;
}

static void end_sources(struct mr_wait_entry *entries,
                        const struct mr_select_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (cases[i].op == MR_SELECT_SOURCE && cases[i].source)
            cases[i].source->end(&entries[i]);
    }
}

/* An entry for each case; -EAGAIN, or the index of one that need not wait. */
static int fill(struct mr_wait_entry *entries, struct mr_select_case *cases,
                size_t n, struct mr_waitq *never)
{
    for (size_t i = 0; i < n; i++) {
        int rc;

        entries[i].queue = never;
        rc = fill_one(&entries[i], &cases[i]);
        if (rc) {
            cases[i].rc = MR_MIN(rc, 0);
            end_sources(entries, cases, i);
            return (int)i;
        }
    }
    return -EAGAIN;
}

static int wait_for_one(struct mr_wait_entry *entries,
                        struct mr_select_case *cases, size_t n,
                        int64_t deadline)
{
    struct mr_waitq never;
    int rc;

    mr_waitq_init(&never);
    rc = fill(entries, cases, n, &never);
    if (rc != -EAGAIN)
        return rc;
    rc = mr_wait_any(entries, n, deadline, "select");
    end_sources(entries, cases, n);
    if (rc >= 0)
        cases[rc].rc = (int)entries[rc].value;
    return rc;
}

int mr_select(struct mr_select_case *cases, size_t n, int64_t deadline)
{
    struct mr_wait_entry few[FEW], *many;
    int rc = try_all(cases, n);

    if (rc != -EAGAIN)
        return rc;
    /* Just looking: leave no watcher armed. This gives up the turn. */
    if (deadline <= mr_hub_now())
        return mr_wait_any(NULL, 0, deadline, "select");
    if (n <= FEW)
        return wait_for_one(few, cases, n, deadline);
    many = mr_alloc(n * sizeof *many);
    if (!many)
        return -ENOMEM;
    rc = wait_for_one(many, cases, n, deadline);
    mr_free(many);
    return rc;
}
