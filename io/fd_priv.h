/* SPDX-License-Identifier: MIT */
#ifndef IO_FD_PRIV_H
#define IO_FD_PRIV_H

/*
 * fd_priv.h - the two halves of "try, and park on -EAGAIN", for the files of
 * io/ that have system calls of their own: datagrams and descriptors in flight
 * (io/socket.c) beside what io/fd.c has. And what io/fd.c has from elsewhere
 * (io/pages.c).
 *
 *     int rc = mr_fd_enter(deadline);
 *     while (rc == 0) {
 *         n = mr_sys_recvmsg(fd, &m, 0);
 *         if (n >= 0)
 *             return n;
 *         rc = mr_fd_may_retry(fd, MR_READABLE, (int)n, deadline);
 *     }
 *     return rc;
 */
#include <sys/uio.h>

#include "core/hub.h"

/* Before the first try of a call: keeps invariant 3 of io/fd.h. 0, or
 * -ECANCELED, -ETIMEDOUT. May park. */
MR_MUST_USE int mr_fd_enter(int64_t deadline);

/*
 * After a system call that said err (< 0): 0 when it should be made again, the
 * descriptor being ready now; else what to tell the caller. -EAGAIN must be the
 * kernel's own word: it is waited for with MR_DRAINED. May park.
 */
MR_MUST_USE int mr_fd_may_retry(int fd, int events, int err, int64_t deadline);

/* Take `done` bytes off the front of *v; whole pieces, and empty ones, are left
 * behind. */
void mr_fd_advance(struct iovec **v, int *n, size_t done);

/*
 * As sendfile(2): what the socket or pipe `out` takes of the n > 0 bytes of the
 * file `in` from *off, which moves by that: fewer when it has no more room, or
 * the file ends there; 0: it ended before; or -Exxx. `more`: others of the same
 * call follow (MSG_MORE). On a thread with a hub. Never parks.
 */
MR_MUST_USE ssize_t mr_fd_put_pages(int out, int in, int64_t *off, size_t n,
                                    bool more);

#endif
