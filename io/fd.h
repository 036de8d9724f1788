/* SPDX-License-Identifier: MIT */
#ifndef IO_FD_H
#define IO_FD_H

/*
 * fd.h - read and write descriptors without stopping the hub.
 *
 * Every call tries the system call, and parks on -EAGAIN until the descriptor
 * is ready. What reads is straight-line code:
 *
 *     while ((n = mr_read(fd, buf, sizeof buf, deadline)) > 0)
 *         if ((rc = mr_write(fd, buf, (size_t)n, deadline)) < 0)
 *             break;
 *     mr_fd_close(fd);
 *
 * Invariants
 *  (1) Descriptors are O_NONBLOCK; all that io/ makes are, mr_fd_adopt makes a
 *      stranger's so. A blocking one stops the whole thread.
 *  (2) -ETIMEDOUT is a deadline of ours. The kernel's own (a connection whose
 *      peer answers no more) is -EHOSTUNREACH.
 *  (3) Data comes before deadlines: what can be moved at once is, even past
 *      the deadline. But a descriptor that is always ready keeps the thread
 *      for at most MR_FD_BUDGET calls; then others have a turn, and deadline
 *      and cancel are looked at; in a section (core/section.h), after it.
 *  (4) Readiness costs no system call in steady state: the hub's watchers stay
 *      armed (core/hub.h, 5), and nothing here starts or stops one.
 *  (5) A descriptor has one owner, who closes it by mr_fd_close when no other
 *      coroutine is about to use it; those that wait for it get -EBADF.
 *  (6) No signal: socket calls add MSG_NOSIGNAL. The kernel has no such flag
 *      for mr_write, mr_writev and mr_sendfile: a program that calls them on
 *      sockets or pipes ignores SIGPIPE, and gets -EPIPE.
 *
 * All calls that may park return -ETIMEDOUT, -ECANCELED, -EBADF (closed while
 * waiting), -ENOMEM (no watcher), or what the kernel says.
 */
#include <sys/uio.h>

#include "core/base.h"

/* Ready calls in a row before the thread is given up for one turn: at 64 KiB
 * each about a millisecond of copying. */
#define MR_FD_BUDGET 64

/* 1 to n bytes, 0 at the end of the stream (or n == 0), or -Exxx. May park. */
MR_API MR_MUST_USE ssize_t mr_read(int fd, void *buf, size_t n,
                                   int64_t deadline);
/* The same, but waits first: after a read that came back short the next one
 * would only get -EAGAIN, so this saves a system call. Past its deadline it
 * does not look whether there is data after all. May park. */
MR_API MR_MUST_USE ssize_t mr_read_wait(int fd, void *buf, size_t n,
                                        int64_t deadline);
/* v is not changed. May park. */
MR_API MR_MUST_USE ssize_t mr_readv(int fd, const struct iovec *v, int n,
                                    int64_t deadline);
/* Sockets; flags as recv(2). May park. */
MR_API MR_MUST_USE ssize_t mr_recv(int fd, void *buf, size_t n, int flags,
                                   int64_t deadline);
/* Waits first, by MR_DRAINED: so only after -EAGAIN, or after a read of TCP
 * that came back short, not after one that failed. May park. */
MR_API MR_MUST_USE ssize_t mr_recv_wait(int fd, void *buf, size_t n, int flags,
                                        int64_t deadline);

/*
 * All of it: n, or -Exxx, and then some of it may be written: nothing sensible
 * can follow on that stream. n may be 0. May park.
 */
MR_API MR_MUST_USE ssize_t mr_write(int fd, const void *buf, size_t n,
                                    int64_t deadline);
/* Sockets; flags as send(2): MSG_MORE when a sendfile follows. May park. */
MR_API MR_MUST_USE ssize_t mr_send(int fd, const void *buf, size_t n, int flags,
                                   int64_t deadline);
/* Sockets: what the kernel takes at once, 1 to n bytes; -EAGAIN when it takes
 * none. Does not wait for it, but keeps invariant 3. May park. */
MR_API MR_MUST_USE ssize_t mr_send_some(int fd, const void *buf, size_t n,
                                        int flags);
/*
 * All n pieces (any number; empty ones are fine). v is used up: afterwards it
 * describes what was not written, on an error too. 0 or -Exxx. May park.
 */
MR_API MR_MUST_USE int mr_writev(int fd, struct iovec *v, int n,
                                 int64_t deadline);
/* Sockets; flags as sendmsg(2). May park. */
MR_API MR_MUST_USE int mr_sendv(int fd, struct iovec *v, int n, int flags,
                                int64_t deadline);

/*
 * n bytes of the file `in` from *off into the socket or pipe `out`. The bytes
 * sent: n, or fewer when the file ended there; or -Exxx. *off moves by what
 * was sent, on an error too. What of the file is not in memory is waited for on
 * a helper thread, shielded, a window at a time (io/disk.h). May park.
 */
MR_API MR_MUST_USE ssize_t mr_sendfile(int out, int in, int64_t *off, size_t n,
                                       int64_t deadline);

/* Make a descriptor from elsewhere fit: O_NONBLOCK and FD_CLOEXEC. O_NONBLOCK
 * belongs to the open file: whoever shares it has it too. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_fd_adopt(int fd);

/*
 * Close, announced: waiters get -EBADF, hook and watcher go. A negative fd does
 * nothing. Errors are not told: bytes a file could not keep are fsync's to
 * report. Works on a thread without a hub too.
 */
MR_API void mr_fd_close(int fd);

enum mr_fd_peer {
    MR_PEER_QUIET, /* nothing has come; as far as known it is there */
    MR_PEER_TALKS, /* bytes wait to be read */
    MR_PEER_GONE,  /* end of its stream, or an error: it will send no more. It
                    * may have shut down its sending half only. */
};
/* What a socket's other end is up to. Consumes no byte (a pending error it
 * does), never parks. */
MR_API enum mr_fd_peer mr_fd_peek(int fd);

#endif
