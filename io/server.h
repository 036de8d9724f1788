/* SPDX-License-Identifier: MIT */
#ifndef IO_SERVER_H
#define IO_SERVER_H

/*
 * server.h - accept connections from one listener, within limits.
 *
 * A whole server, which on SIGTERM accepts no more and gives its connections
 * half a minute to end:
 *
 *     static void echo(int fd, const struct mr_addr *peer, void *arg)
 *     {
 *         char buf[4096];
 *         ssize_t n;
 *
 *         while ((n = mr_recv(fd, buf, sizeof buf, 0, mr_after_s(60))) > 0)
 *             if (mr_send(fd, buf, (size_t)n, 0, mr_after_s(60)) < 0)
 *                 break;
 *     }
 *     static intptr_t serve(void *arg)
 *     {
 *         struct mr_server s;
 *         struct mr_signal sig;
 *         int fd = mr_signal_open(mr_signal_set(1, SIGTERM));
 *         int rc = mr_server_open(&s, "127.0.0.1:7007",
 *                                 &(struct mr_server_options){
 *                                     .handler = echo, .max_live = 1000});
 *         if (rc)
 *             return rc;
 *         (void)!mr_signal_wait(fd, &sig, MR_NEVER);
 *         return mr_server_close(&s, mr_after_s(30));
 *     }
 *     int main(void) { return mr_run(serve, NULL, NULL); }
 *
 * Or step by step, on a listener that somebody else made and keeps: init,
 * start, stop, wait, fini. Plain TCP echo and HTTP stand on it. Two ways to
 * serve:
 *
 *   handler        each connection gets a coroutine in the server's group; when
 *                  it and all that it spawned have ended, the descriptor is
 *                  closed.
 *   on_connection  a callback in the accepting coroutine, which must not park,
 *                  takes the descriptor and puts the connection to rest; it
 *                  calls mr_server_leave when that connection has ended.
 *
 * Invariants
 *  (1) The listener is borrowed, never closed here, only forgotten by the hub;
 *      unless mr_server_open made it.
 *  (2) live counts connections handed out and not yet left. At max_live nothing
 *      is accepted until one leaves; those who wait queue in the kernel.
 *  (3) Out of descriptors or memory is survived: one line a second says so, one
 *      client is told by a close (with a descriptor kept for that), and
 *      accepting rests until a connection leaves, at most 100 ms.
 *  (4) At most 64 connections are accepted in a row before others have a turn;
 *      one, when nobody else waits for it.
 */
#include "io/addr.h"
#include "io/intake.h"

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
    /* Kept; NULL: none (io/quota.h). Of handlers each enters it and leaves it;
     * with on_connection the callback does both. */
    struct mr_quota *quota;
    bool shared;    /* other processes hold the listener too */
    bool exclusive; /* shared, and one of them is woken per connection */
};

/* Only counted up, but live. */
struct mr_server_stats {
    uint64_t accepted; /* handed to handler or callback */
    uint64_t refused;  /* accepted and closed at once: no descriptor, memory,
                        * or too many of that address */
    uint64_t errors;   /* accept4 failed: exhausted or a broken connection */
    size_t live;
};

struct mr_server {
    struct mr_server_options options; /* private, as all below */
    struct mr_server_stats stats;     /* but live */
    struct mr_intake intake;
    int spare; /* on /dev/null, to be given up for a client to be told */
};

/* Listen at an address ("127.0.0.1:80", "[::1]:0", "*:80", "unix:/run/x"), and
 * accept from now on. 0; or -Exxx of mr_addr_parse, mr_socket_listen, init or
 * start, and nothing is left of it. For mr_server_close. */
MR_API MR_MUST_USE int mr_server_open(struct mr_server *s, const char *at,
                                      const struct mr_server_options *o);
/* Where it listens (the port that the kernel chose). 0; -EBADF when stopped. */
MR_API MR_MUST_USE int mr_server_local(const struct mr_server *s,
                                       struct mr_addr *ret);
/*
 * Stop, wait, fini: accept no more, let the handlers come to their ends until
 * the deadline, cancel the rest. 0: all ended by themselves; -ETIMEDOUT,
 * -ECANCELED: some were cancelled. It is over in any case. May park.
 */
MR_API int mr_server_close(struct mr_server *s, int64_t deadline);

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
 * kernel's queue stays there, for whoever else has the listener; one of
 * mr_server_open's is closed, and clients see at once that nobody listens. */
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
    struct mr_server_stats stats = s->stats;

    stats.live = s->intake.live;
    return stats;
}

#endif
