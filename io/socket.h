/* SPDX-License-Identifier: MIT */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

/*
 * socket.h - listen, accept, connect; datagrams; descriptors in flight.
 *
 *     fd = mr_socket_listen(&at, &(struct mr_listen_options){0});
 *     peer_fd = mr_accept(fd, &peer, MR_NEVER);
 *
 *     fd = mr_connect(&to, mr_after_s(5));
 *
 *     fd = mr_socket_bind(&at, NULL);
 *     n = mr_recvfrom(fd, buf, sizeof buf, &from, MR_NEVER);
 *     n = mr_sendto(fd, buf, (size_t)n, &from, MR_NEVER);
 *
 * Every descriptor returned is O_NONBLOCK and FD_CLOEXEC and the caller's, who
 * closes it by mr_fd_close. Making listeners needs no hub: a master does it.
 *
 * over budget: all that makes sockets is on one page.
 */
#include "io/addr.h"

/* Of a listener where 0 is given: what the kernel allows by default
 * (net.core.somaxconn); a burst must fit between two turns of the hub. */
#define MR_BACKLOG_DEFAULT 4096

struct mr_listen_options {
    int backlog;        /* 0: MR_BACKLOG_DEFAULT */
    int defer_accept_s; /* mr_socket_set_defer; 0: off */
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
 * The same two for datagrams: UDP, or unix datagrams where at is a unix path.
 * Of the options reuseport, v6only and mode apply. SO_REUSEADDR is not set: for
 * UDP it would let a stranger take the address as well.
 */
MR_API MR_MUST_USE int mr_socket_bind(const struct mr_addr *at,
                                      const struct mr_listen_options *o);
MR_API MR_MUST_USE int mr_socket_probe_bind(const struct mr_addr *at);

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
/* The same from one of this machine's addresses (port 0: any), of TCP; NULL:
 * whichever the route suggests. -EADDRNOTAVAIL: it is not ours; -EADDRINUSE.
 * May park. */
MR_API MR_MUST_USE int mr_connect_from(const struct mr_addr *from,
                                       const struct mr_addr *to,
                                       int64_t deadline);
/* A datagram socket whose only peer is `to`: mr_sendto goes there without an
 * address. A unix one is given a name, to be answered under. Never parks. */
MR_API MR_MUST_USE int mr_socket_towards(const struct mr_addr *to);

/* --- datagrams; -Exxx as io/fd.h --- */

/* The next datagram: its length (maybe 0), and its sender in *ret_from (may be
 * NULL; "unix:" when it has no name). -EMSGSIZE: longer than n, and lost.
 * -ECONNREFUSED: what a socket with a peer sent met nobody. May park. */
MR_API MR_MUST_USE ssize_t mr_recvfrom(int fd, void *buf, size_t n,
                                       struct mr_addr *ret_from,
                                       int64_t deadline);
/* All of it as one datagram: n, or -EMSGSIZE: longer than the socket's kind
 * takes. to may be NULL on a socket with a peer. A UDP datagram is sent when
 * the kernel has it, wherever it ends. May park. */
MR_API MR_MUST_USE ssize_t mr_sendto(int fd, const void *buf, size_t n,
                                     const struct mr_addr *to,
                                     int64_t deadline);
/* One recvmsg(2), one sendmsg(2): what they say. Descriptors that come are
 * FD_CLOEXEC; of a byte stream less than all may be sent. May park. */
MR_API MR_MUST_USE ssize_t mr_recvmsg(int fd, struct msghdr *m, int flags,
                                      int64_t deadline);
MR_API MR_MUST_USE ssize_t mr_sendmsg(int fd, const struct msghdr *m, int flags,
                                      int64_t deadline);

/* The sender that mr_recvmsg wrote into m->msg_name (room: a sockaddr_un), as
 * mr_recvfrom tells it. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_sender(const struct msghdr *m,
                                        struct mr_addr *ret);

/* --- descriptors through unix sockets --- */

/* The kernel's limit for one message (SCM_MAX_FD). */
#define MR_FDS_MAX 253

struct mr_fds {
    int *v;   /* the caller's */
    size_t n; /* to be sent; or room for, and then: how many came */
};

/* len bytes, at least one, and with the first of them copies of the
 * descriptors, which stay the caller's. All of it: len. -EINVAL: no byte, or
 * more than MR_FDS_MAX; -ETOOMANYREFS: too many are in flight already. May
 * park. */
MR_API MR_MUST_USE ssize_t mr_send_fds(int fd, const void *buf, size_t len,
                                       const struct mr_fds *fds,
                                       int64_t deadline);
/*
 * 1 to len bytes, 0 at the end of the stream; the descriptors that came with
 * them are FD_CLOEXEC and the caller's, often none. -EMSGSIZE: more came than
 * fds has room for (or a datagram was longer); -EMFILE: more than this process
 * may open. Then the bytes are lost, fds->n is 0, and none stays open. May
 * park.
 */
MR_API MR_MUST_USE ssize_t mr_recv_fds(int fd, void *buf, size_t len,
                                       struct mr_fds *fds, int64_t deadline);

/* --- options --- */

/* Where a socket is bound (the port that the kernel chose). 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_local(int fd, struct mr_addr *ret);

/* Small writes go out at once. Not TCP: -EOPNOTSUPP. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_set_nodelay(int fd, bool on);
/*
 * Of a TCP listener: connections are handed over with their first bytes, or
 * after so many seconds without; the kernel makes of them 1, 3, 7, 15, 31 or
 * 63, the next above. 0: at once. For protocols whose clients speak first.
 * Until then a connection is one of the backlog, and no descriptor; when that
 * is full, SYN cookies hand over at once (tcp(7), tcp_syncookies). 0 or -Exxx,
 * as of what is not TCP.
 */
MR_API MR_MUST_USE int mr_socket_set_defer(int fd, int seconds);
/* Does it? False also for what is not TCP. */
MR_API bool mr_socket_defers(int fd);
/* Closing resets instead of waiting for unsent bytes. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_socket_set_reset(int fd);

#endif
