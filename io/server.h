/* SPDX-License-Identifier: MIT */
#ifndef IO_SERVER_H
#define IO_SERVER_H

/*
 * server.h - accept connections from one listener, within limits.
 *
 * Plain TCP echo and HTTP both stand on it. Two ways to serve:
 *
 *   handler        each connection gets a coroutine in the server's group; the
 *                  descriptor is closed after it.
 *   on_connection  a callback in the accepting coroutine, which must not park,
 *                  takes the descriptor and puts the connection to rest; it
 *                  calls mr_server_leave when that connection has ended.
 *
 *     struct mr_server s;
 *     rc = mr_server_init(&s, fd, &(struct mr_server_options){
 *                                     .handler = echo, .max_live = 10000});
 *     rc = mr_server_start(&s);
 *     ...
 *     mr_server_stop(&s);                         accepts no more
 *     rc = mr_server_wait(&s, mr_after_s(30));    the rest may finish
 *     mr_server_fini(&s);                         and now they must
 *
 * Invariants
 *  (1) The listener is borrowed: never closed here, only forgotten by the hub.
 *  (2) live counts connections handed out and not yet left. At max_live nothing
 *      is accepted until one leaves; those who wait queue in the kernel.
 *  (3) Out of descriptors or memory is survived: one line a second says so, one
 *      client is told by a close (with a descriptor kept for that), and
 *      accepting rests until a connection leaves, at most 100 ms.
 *  (4) At most 64 connections are accepted in a row before others have a turn.
 */
#include "core/group.h"
#include "io/addr.h"

struct mr_server;

/* Borrows fd and peer. May park. */
typedef void mr_server_handler_fn(int fd, const struct mr_addr *peer,
                                  void *arg);
/* Takes fd, also when it can do nothing with it; borrows peer. May not park.
 * Each call is answered by one mr_server_leave, then or later. */
typedef void mr_server_connection_fn(struct mr_server *s, int fd,
                                     const struct mr_addr *peer, void *arg);

struct mr_server_options {
    mr_server_handler_fn *handler; /* one of these two */
    mr_server_connection_fn *on_connection;
    void *arg;         /* kept, for either */
    const char *name;  /* kept; of coroutines and log lines; NULL: "server" */
    size_t max_live;   /* 0: as many as there are descriptors */
    size_t stack_size; /* of handlers; 0: the default */
    bool shared;       /* other processes hold the listener too */
    bool exclusive;    /* shared, and one of them is woken per connection */
};

/* Only counted up, but live. */
struct mr_server_stats {
    uint64_t accepted; /* handed to handler or callback */
    uint64_t refused;  /* accepted and closed at once: no descriptor, memory */
    uint64_t errors;   /* accept4 failed: exhausted or a broken connection */
    size_t live;
};

struct mr_server {
    struct mr_server_options options; /* private, as all below */
    struct mr_server_stats stats;
    struct mr_group group;     /* accepting coroutine and handlers */
    struct mr_coro *accepting; /* NULL: not started, or joined */
    struct mr_list held;       /* of handlers that have not ended */
    struct mr_waitq room;      /* the accepting coroutine: for a leave */
    struct mr_waitq idle;      /* mr_server_wait: for live to come to 0 */
    int fd;
    int spare; /* on /dev/null, to be given up for a client to be told */
    bool stopping;
};

/*
 * fd listens and is O_NONBLOCK. 0; -Exxx when the spare descriptor could not be
 * opened. Options are copied. Not exactly one of handler and on_connection is
 * a BUG.
 */
MR_API MR_MUST_USE int mr_server_init(struct mr_server *s, int fd,
                                      const struct mr_server_options *o);
/* Accept from now on. Once. 0; -ENOMEM; -Exxx of mr_hub_fd_shared. */
MR_API MR_MUST_USE int mr_server_start(struct mr_server *s);

/* Accept no more; connections live on. Idempotent, never parks. What is in the
 * kernel's queue stays there, for whoever else has the listener. */
MR_API void mr_server_stop(struct mr_server *s);
/* Until no connection is live (stop first, or it may never be).
 * 0, -ETIMEDOUT, -ECANCELED. May park. */
MR_API MR_MUST_USE int mr_server_wait(struct mr_server *s, int64_t deadline);
/*
 * Stop, cancel the handlers and wait for their ends, give back all but the
 * listener. Connections of on_connection must have left (else a BUG). After a
 * failed init, and twice, it does nothing. May park.
 */
MR_API void mr_server_fini(struct mr_server *s);

/* A connection of on_connection has ended, its descriptor is closed. */
MR_API void mr_server_leave(struct mr_server *s);

static inline struct mr_server_stats mr_server_stats(const struct mr_server *s)
{
    return s->stats;
}

#endif
