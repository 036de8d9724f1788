/* SPDX-License-Identifier: MIT */
#ifndef IO_DGRAM_H
#define IO_DGRAM_H

/*
 * dgram.h - serve datagrams from one bound socket, within limits.
 *
 * What io/server.h is for connections: each datagram gets a coroutine, which
 * may wait as it likes, and answer its sender or not.
 *
 *     static void answer(const struct mr_dgram *d, void *arg)
 *     {
 *         (void)!mr_dgram_reply(d, "ok", 2, mr_after_s(1));   may get lost
 *     }
 *     rc = mr_dgram_server_open(&s, "127.0.0.1:7007",
 *                               &(struct mr_dgram_server_options){
 *                                   .handler = answer});
 *     ...
 *     rc = mr_dgram_server_close(&s, mr_after_s(30));
 *
 * Or step by step, on a socket that somebody else bound and keeps: init, start,
 * stop, wait, fini.
 *
 * Invariants
 *  (1) The socket is borrowed, never closed here, only forgotten by the hub;
 *      unless mr_dgram_server_open made it.
 *  (2) At most max_live handlers are at work. Then nothing is received until
 *      one ends; the kernel keeps what its buffer holds (net.core.rmem_default,
 *      about 250 small datagrams) and drops the rest, as UDP may.
 *  (3) A datagram that cannot be served (too long, no memory) is dropped and
 *      counted; nothing that a sender does ends the receiving.
 *  (4) A datagram is its handler's until that and all that it spawned have
 *      ended. Descriptors that come with one (unix sockets) are not taken.
 */
#include "io/addr.h"
#include "io/intake.h"

/* The most that UDP carries over IPv4; unix datagrams are bounded alike. */
#define MR_DGRAM_MAX 65507

/* One datagram, as its handler sees it; all of it the server's. */
struct mr_dgram {
    struct mr_addr from; /* as the sender claims: UDP proves nothing */
    struct mr_str data;
    int fd;         /* private, as the rest: for mr_dgram_reply */
    int local_type; /* of local[]: IP_PKTINFO, IPV6_PKTINFO, or 0 */
    /* struct in_pktinfo or in6_pktinfo, which only _GNU_SOURCE shows. */
    _Alignas(4) unsigned char local[20];
};

/* Borrows d. May park. */
typedef void mr_dgram_handler_fn(const struct mr_dgram *d, void *arg);

/*
 * One datagram to the sender of d, from the very address that d was sent to (a
 * peer that has connected its socket hears no other). n, -EMSGSIZE, -ENOTCONN:
 * the sender has no name, or -Exxx as mr_sendto. May park.
 */
MR_API MR_MUST_USE ssize_t mr_dgram_reply(const struct mr_dgram *d,
                                          const void *buf, size_t n,
                                          int64_t deadline);

struct mr_dgram_server_options {
    mr_dgram_handler_fn *handler;
    void *arg;         /* kept */
    const char *name;  /* kept; of coroutines and log lines; NULL: "dgram" */
    size_t max_live;   /* 0: 1024, four times what the kernel keeps */
    size_t stack_size; /* of handlers; 0: the default */
    bool shared;       /* other processes hold the socket too */
    bool exclusive;    /* shared, and one of them is woken per datagram */
};

/* Only counted up, but live. */
struct mr_dgram_stats {
    uint64_t received; /* handed to a handler */
    uint64_t dropped;  /* received, and too long, or no memory for it */
    uint64_t errors;   /* recvmsg failed otherwise */
    size_t live;       /* handlers at work */
};

struct mr_dgram_server {
    struct mr_dgram_server_options options; /* private, as all below */
    struct mr_dgram_stats stats;            /* but live */
    struct mr_intake intake;
    char *piece; /* MR_DGRAM_MAX + 1 bytes */
    bool told;   /* of each datagram, to which address it was sent */
};

/* Bind to an address (as mr_server_open's), and receive from now on. 0; or
 * -Exxx, and nothing is left of it. For mr_dgram_server_close. */
MR_API MR_MUST_USE int
mr_dgram_server_open(struct mr_dgram_server *s, const char *at,
                     const struct mr_dgram_server_options *o);
/* Where it is bound (the port that the kernel chose). 0 or -Exxx. */
MR_API MR_MUST_USE int mr_dgram_server_local(const struct mr_dgram_server *s,
                                             struct mr_addr *ret);
/* Stop, wait, fini. 0: all handlers ended by themselves; -ETIMEDOUT,
 * -ECANCELED: some were cancelled. It is over in any case. May park. */
MR_API int mr_dgram_server_close(struct mr_dgram_server *s, int64_t deadline);

/* fd is bound and O_NONBLOCK. Options are copied; no handler is a BUG. 0,
 * -ENOMEM; -Exxx: no such socket. */
MR_API MR_MUST_USE int
mr_dgram_server_init(struct mr_dgram_server *s, int fd,
                     const struct mr_dgram_server_options *o);
/* Receive from now on. Once. 0; -ENOMEM; -Exxx of mr_hub_fd_shared. */
MR_API MR_MUST_USE int mr_dgram_server_start(struct mr_dgram_server *s);

/* Receive no more; handlers live on. Idempotent, never parks. What is in the
 * kernel's buffer stays there, for whoever else has the socket. */
MR_API void mr_dgram_server_stop(struct mr_dgram_server *s);
/* Until no handler is live (stop first, or it may never be).
 * 0, -ETIMEDOUT, -ECANCELED. May park. */
MR_API MR_MUST_USE int mr_dgram_server_wait(struct mr_dgram_server *s,
                                            int64_t deadline);
/* Stop, cancel the handlers and wait for their ends, give back all but the
 * socket. After a failed init, and twice, it does nothing. May park. */
MR_API void mr_dgram_server_fini(struct mr_dgram_server *s);

static inline struct mr_dgram_stats
mr_dgram_server_stats(const struct mr_dgram_server *s)
{
    struct mr_dgram_stats stats = s->stats;

    stats.live = s->intake.live;
    return stats;
}

#endif
