/* SPDX-License-Identifier: MIT */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

/*
 * socket.h - listen, accept, connect to one address.
 *
 *     fd = mr_socket_listen(&at, &(struct mr_listen_options){0});
 *     peer_fd = mr_accept(fd, &peer, MR_NEVER);
 *
 *     fd = mr_connect(&to, mr_after_s(5));
 *
 * Every descriptor returned is O_NONBLOCK and FD_CLOEXEC and the caller's, who
 * closes it by mr_fd_close. Making listeners needs no hub: a master does it.
 */
#include "io/addr.h"

/* Of a listener where 0 is given: what the kernel allows by default
 * (net.core.somaxconn); a burst must fit between two turns of the hub. */
#define MR_BACKLOG_DEFAULT 4096

struct mr_listen_options {
    int backlog;        /* 0: MR_BACKLOG_DEFAULT */
    int defer_accept_s; /* TCP_DEFER_ACCEPT: accept when bytes came; 0: off */
    bool reuseport;     /* siblings may listen on the same address */
    bool v6only;        /* an IPv6 listener takes no IPv4 */
    mode_t mode;        /* of a unix socket's file; 0: as the umask says */
};

/*
 * Bind and listen: a descriptor, or -Exxx. -EADDRINUSE: somebody listens there
 * already; -EADDRNOTAVAIL, -EACCES: as bind(2); -ENOTSOCK: a unix path is
 * something else than a socket. o may be NULL.
 *
 * TCP: SO_REUSEADDR and TCP_NODELAY are set, and Linux hands the latter down
 * to accepted sockets. "All addresses" falls back to IPv4's where the machine
 * has no IPv6. Unix: a socket file that nobody answers on (-ECONNREFUSED) is
 * removed first; one that is alive is left. reuseport does not apply to unix
 * addresses and is ignored there.
 */
MR_API MR_MUST_USE int mr_socket_listen(const struct mr_addr *at,
                                        const struct mr_listen_options *o);

/*
 * Is this address free? With SO_REUSEPORT a second process of the same user
 * would bind silently; so ask first without it. 0, -EADDRINUSE, or what
 * mr_socket_listen would say. Nothing stays bound or is removed.
 */
MR_API MR_MUST_USE int mr_socket_probe(const struct mr_addr *at);

/*
 * The next connection: its descriptor, and its peer in *ret_peer (may be NULL).
 * Connections that died in the queue are passed over. -EMFILE, -ENFILE,
 * -ENOMEM, -ENOBUFS: the queue keeps it. Or as io/fd.h. May park.
 */
MR_API MR_MUST_USE int mr_accept(int fd, struct mr_addr *ret_peer,
                                 int64_t deadline);
/* One accept4, without waiting: -EAGAIN when the queue is empty. */
MR_API MR_MUST_USE int mr_accept_try(int fd, struct mr_addr *ret_peer);
/* An error of one queued connection, not of the listener (accept(2)): go on. */
MR_API bool mr_accept_is_transient(int err);

/*
 * A connected descriptor, or -Exxx: -ECONNREFUSED, -EHOSTUNREACH (the kernel's
 * own time-out too), ... A unix listener whose queue is full is tried again
 * until the deadline. May park.
 */
MR_API MR_MUST_USE int mr_connect(const struct mr_addr *to, int64_t deadline);

/* Where a socket is bound (the port that the kernel chose). 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_local(int fd, struct mr_addr *ret);

/* Small writes go out at once. Not TCP: -EOPNOTSUPP. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_set_nodelay(int fd, bool on);
/* Closing resets instead of waiting for unsent bytes. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_set_reset(int fd);

#endif
