/* SPDX-License-Identifier: MIT */

/*
 * fd.c - try; on -EAGAIN wait for readiness and try again.
 *
 * Each function is a loop around one system call and mr_fd_may_retry(), which
 * says what an error means: park, or give up. mr_fd_enter() keeps invariant 3
 * of the header: a counter of calls that were not preceded by a wait, one per
 * thread, since it is the thread's time that is shared out.
 *
 * Not here: buffering (io/stream.c, core/buf.h), and what makes descriptors.
 */
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/section.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/disk.h"
#include "io/fd_priv.h"

static _Thread_local unsigned ready_calls;

static MR_COLD int budget_is_spent(int64_t deadline)
{
    int rc;

    if (mr_section_is_open()) /* right after it, then */
        return 0;
    ready_calls = 0;
    rc = mr_yield();
    if (rc)
        return rc;
    return deadline != MR_NEVER && mr_now() >= deadline ? -ETIMEDOUT : 0;
}

static inline int enter(int64_t deadline)
{
    return MR_LIKELY(++ready_calls < MR_FD_BUDGET) ? 0
                                                   : budget_is_spent(deadline);
}

int mr_fd_enter(int64_t deadline)
{
    return enter(deadline);
}

/* Park until fd is ready. 0 or -Exxx. */
static int wait_ready(int fd, int events, int64_t deadline)
{
    ready_calls = 0;
    return mr_hub_wait_fd(fd, events, deadline);
}

int mr_fd_may_retry(int fd, int events, int err, int64_t deadline)
{
    if (err == -EAGAIN)
        return wait_ready(fd, events | MR_DRAINED, deadline);
    return err == -ETIMEDOUT ? -EHOSTUNREACH : err;
}

ssize_t mr_read(int fd, void *buf, size_t n, int64_t deadline)
{
    ssize_t got;
    int rc = enter(deadline);

    while (rc == 0) {
        got = mr_sys_read(fd, buf, n);
        if (got >= 0)
            return got;
        rc = mr_fd_may_retry(fd, MR_READABLE, (int)got, deadline);
    }
    return rc;
}

ssize_t mr_read_wait(int fd, void *buf, size_t n, int64_t deadline)
{
    int rc = wait_ready(fd, MR_READABLE, deadline);

    return rc ? rc : mr_read(fd, buf, n, deadline);
}

ssize_t mr_readv(int fd, const struct iovec *v, int n, int64_t deadline)
{
    ssize_t got;
    int rc = enter(deadline);

    while (rc == 0) {
        got = mr_sys_readv(fd, v, n);
        if (got >= 0)
            return got;
        rc = mr_fd_may_retry(fd, MR_READABLE, (int)got, deadline);
    }
    return rc;
}

MR_HOT ssize_t mr_recv(int fd, void *buf, size_t n, int flags, int64_t deadline)
{
    ssize_t got;
    int rc = enter(deadline);

    while (rc == 0) {
        got = mr_sys_recv(fd, buf, n, flags);
        if (got >= 0)
            return got;
        rc = mr_fd_may_retry(fd, MR_READABLE, (int)got, deadline);
    }
    return rc;
}

ssize_t mr_recv_wait(int fd, void *buf, size_t n, int flags, int64_t deadline)
{
    int rc = wait_ready(fd, MR_READABLE | MR_DRAINED, deadline);

    return rc ? rc : mr_recv(fd, buf, n, flags, deadline);
}

ssize_t mr_write(int fd, const void *buf, size_t n, int64_t deadline)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put;
        int rc = enter(deadline);

        if (rc)
            return rc;
        put = mr_sys_write(fd, (const char *)buf + done, n - done);
        if (put >= 0) {
            done += (size_t)put;
            continue;
        }
        rc = mr_fd_may_retry(fd, MR_WRITABLE, (int)put, deadline);
        if (rc)
            return rc;
    }
    return (ssize_t)n;
}

ssize_t mr_send(int fd, const void *buf, size_t n, int flags, int64_t deadline)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put;
        int rc = enter(deadline);

        if (rc)
            return rc;
        put = mr_sys_send(fd, (const char *)buf + done, n - done, flags);
        if (put >= 0) {
            done += (size_t)put;
            continue;
        }
        rc = mr_fd_may_retry(fd, MR_WRITABLE, (int)put, deadline);
        if (rc)
            return rc;
    }
    return (ssize_t)n;
}

MR_HOT ssize_t mr_send_some(int fd, const void *buf, size_t n, int flags)
{
    int rc = enter(MR_NEVER);
    ssize_t put = rc ? rc : mr_sys_send(fd, buf, n, flags);

    return put == -ETIMEDOUT ? -EHOSTUNREACH : put;
}

void mr_fd_advance(struct iovec **v, int *n, size_t done)
{
    while (*n > 0 && done >= (*v)->iov_len) {
        done -= (*v)->iov_len;
        (*v)->iov_len = 0;
        (*v)++;
        (*n)--;
    }
    if (done > 0) {
        (*v)->iov_base = (char *)(*v)->iov_base + done;
        (*v)->iov_len -= done;
    }
}

/* How mr_writev and mr_sendv differ. */
typedef ssize_t put_fn(int fd, struct iovec *v, int n, int flags);

static ssize_t put_writev(int fd, struct iovec *v, int n, int flags)
{
    (void)flags;
    return mr_sys_writev(fd, v, n);
}

/* One piece goes by send, which is cheaper to set up. */
static ssize_t put_socket(int fd, struct iovec *v, int n, int flags)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)n};

    if (n == 1)
        return mr_sys_send(fd, v->iov_base, v->iov_len, flags);
    return mr_sys_sendmsg(fd, &m, flags);
}

struct gather {
    struct iovec *v;
    int n;
    int flags;
    put_fn *put;
};

static int put_all(int fd, struct gather g, int64_t deadline)
{
    mr_fd_advance(&g.v, &g.n, 0);
    while (g.n > 0) {
        ssize_t put;
        int rc = enter(deadline);

        if (rc)
            return rc;
        put = g.put(fd, g.v, MR_MIN(g.n, IOV_MAX), g.flags);
        if (put >= 0) {
            mr_fd_advance(&g.v, &g.n, (size_t)put);
            continue;
        }
        rc = mr_fd_may_retry(fd, MR_WRITABLE, (int)put, deadline);
        if (rc)
            return rc;
    }
    return 0;
}

int mr_writev(int fd, struct iovec *v, int n, int64_t deadline)
{
    return put_all(fd, (struct gather){v, n, 0, put_writev}, deadline);
}

int mr_sendv(int fd, struct iovec *v, int n, int flags, int64_t deadline)
{
    return put_all(fd, (struct gather){v, n, flags, put_socket}, deadline);
}

/*
 * After less was taken than there is: for lack of room, or as the file ends.
 * poll(2) says which, and by that a socket knows that it owes us an edge, as
 * with -EAGAIN. 0: try again.
 */
static int wait_for_room(int fd, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return mr_sys_ppoll(&p, 1, 0) > 0
               ? 0
               : wait_ready(fd, MR_WRITABLE | MR_DRAINED, deadline);
}

ssize_t mr_sendfile(int out, int in, int64_t *off, size_t n, int64_t deadline)
{
    size_t done = 0;
    size_t warm = 0; /* bytes from *off that were seen in memory */
    int64_t seen = 0;

    while (done < n) {
        ssize_t put;
        int rc = enter(deadline);

        if (rc)
            return rc;
        if (warm == 0) {
            warm = MR_MIN(n - done, MR_DISK_WINDOW);
            mr_disk_warm(in, *off, warm);
            seen = mr_hub_now();
        }
        put = mr_fd_put_pages(out, in, off, warm, warm < n - done);
        if (put == 0)
            break;
        if (put > 0) {
            done += (size_t)put;
            warm -= (size_t)put;
            if (warm == 0)
                continue;
            rc = wait_for_room(out, deadline);
        } else {
            rc = mr_fd_may_retry(out, MR_WRITABLE, (int)put, deadline);
        }
        if (rc)
            return rc;
        if (mr_hub_now() - seen > MR_DISK_BELIEF)
            warm = 0; /* a slow client: they may have been taken back */
    }
    return (ssize_t)done;
}

int mr_fd_adopt(int fd)
{
    int rc = mr_sys_fcntl(fd, F_GETFL, 0);

    if (rc < 0)
        return rc;
    if (!(rc & O_NONBLOCK)) {
        rc = mr_sys_fcntl(fd, F_SETFL, rc | O_NONBLOCK);
        if (rc < 0)
            return rc;
    }
    rc = mr_sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
    return MR_MIN(rc, 0);
}

void mr_fd_close(int fd)
{
    if (fd < 0)
        return;
    if (mr_hub_self())
        mr_hub_forget(fd);
    mr_disk_forget(fd);
    (void)mr_sys_close(fd); /* the number is free whatever it says */
}

enum mr_fd_peer mr_fd_peek(int fd)
{
    char byte;
    ssize_t got = mr_sys_recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (got == -EAGAIN)
        return MR_PEER_QUIET;
    return got > 0 ? MR_PEER_TALKS : MR_PEER_GONE;
}
