/* SPDX-License-Identifier: MIT */

/*
 * sys_libc.c - the calls that move data or wait, through libc.
 *
 * For the sanitizer builds: their interceptors check buffers and order. Its
 * twin for release and debug is sys_raw.c; both must say the same.
 */
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

/* once: the call reports -EINTR instead of being made again. */
#define CALL(id, once, expr)                                \
    ({                                                      \
        long rc_ = mr_sys_faulted(MR_SYS_##id);             \
        if (rc_ == 0) {                                     \
            do                                              \
                rc_ = (long)(expr);                         \
            while (!(once) && rc_ == -1 && errno == EINTR); \
            if (rc_ == -1)                                  \
                rc_ = -errno;                               \
        }                                                   \
        rc_;                                                \
    })

ssize_t mr_sys_read(int fd, void *buf, size_t n)
{
    return CALL(READ, false, read(fd, buf, n));
}

ssize_t mr_sys_write(int fd, const void *buf, size_t n)
{
    return CALL(WRITE, false, write(fd, buf, n));
}

ssize_t mr_sys_readv(int fd, const struct iovec *v, int n)
{
    return CALL(READV, false, readv(fd, v, n));
}

ssize_t mr_sys_writev(int fd, const struct iovec *v, int n)
{
    return CALL(WRITEV, false, writev(fd, v, n));
}

ssize_t mr_sys_pread(int fd, void *buf, size_t n, int64_t off)
{
    return CALL(PREAD, false, pread(fd, buf, n, off));
}

ssize_t mr_sys_pwrite(int fd, const void *buf, size_t n, int64_t off)
{
    return CALL(PWRITE, false, pwrite(fd, buf, n, off));
}

ssize_t mr_sys_preadv2(int fd, const struct iovec *v, int n, int64_t off,
                       int flags)
{
    return CALL(PREADV2, false, preadv2(fd, v, n, off, flags));
}

ssize_t mr_sys_recv(int fd, void *buf, size_t n, int flags)
{
    return CALL(RECV, false, recv(fd, buf, n, flags));
}

ssize_t mr_sys_send(int fd, const void *buf, size_t n, int flags)
{
    return CALL(SEND, false, send(fd, buf, n, flags | MSG_NOSIGNAL));
}

ssize_t mr_sys_recvmsg(int fd, struct msghdr *m, int flags)
{
    return CALL(RECVMSG, false, recvmsg(fd, m, flags));
}

ssize_t mr_sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
    return CALL(SENDMSG, false, sendmsg(fd, m, flags | MSG_NOSIGNAL));
}

int mr_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return (int)CALL(ACCEPT4, false, accept4(fd, addr, len, flags));
}

int mr_sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)CALL(CONNECT, true, connect(fd, addr, len));
}

ssize_t mr_sys_sendfile(int out, int in, int64_t *off, size_t n)
{
    return CALL(SENDFILE, false, sendfile(out, in, off, n));
}

ssize_t mr_sys_splice(int in, int64_t *off, int out, size_t n, unsigned flags)
{
    return CALL(SPLICE, false, splice(in, off, out, NULL, n, flags));
}

int mr_sys_ppoll(struct pollfd *fds, unsigned n, int64_t timeout_ns)
{
    struct timespec t = {timeout_ns / 1000000000, timeout_ns % 1000000000};

    return (int)CALL(PPOLL, true,
                     ppoll(fds, n, timeout_ns < 0 ? NULL : &t, NULL));
}

int mr_sys_epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout_ms)
{
    return (int)CALL(EPOLL_WAIT, true, epoll_wait(epfd, ev, max, timeout_ms));
}
