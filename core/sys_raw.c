/* SPDX-License-Identifier: MIT */

/*
 * sys_raw.c - the calls that move data or wait, straight into the kernel.
 *
 * A library that interposes libc's read or poll (io/patch.c, or a stranger's)
 * must never catch the runtime's own calls. Its twin for the sanitizer builds
 * is sys_libc.c; both must say the same. The trap itself is
 * mr_sys_trap in switch_*.S, which returns -errno as the kernel does.
 */
#include "core/sys.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/switch.h"

#define A(x) ((long)(x))

/* once: the call reports -EINTR instead of being made again. */
#define CALL(id, once, nr, a, b, c, d, e, f)                               \
    ({                                                                     \
        long rc_ = mr_sys_faulted(MR_SYS_##id);                            \
        if (rc_ == 0) {                                                    \
            do                                                             \
                rc_ = mr_sys_trap(A(a), A(b), A(c), A(d), A(e), A(f), nr); \
            while (!(once) && rc_ == -EINTR);                              \
        }                                                                  \
        rc_;                                                               \
    })

/* The kernel's sigset_t: 64 signals. */
#define KERNEL_SIGSET_SIZE 8

ssize_t mr_sys_read(int fd, void *buf, size_t n)
{
    return CALL(READ, false, SYS_read, fd, buf, n, 0, 0, 0);
}

ssize_t mr_sys_write(int fd, const void *buf, size_t n)
{
    return CALL(WRITE, false, SYS_write, fd, buf, n, 0, 0, 0);
}

ssize_t mr_sys_readv(int fd, const struct iovec *v, int n)
{
    return CALL(READV, false, SYS_readv, fd, v, n, 0, 0, 0);
}

ssize_t mr_sys_writev(int fd, const struct iovec *v, int n)
{
    return CALL(WRITEV, false, SYS_writev, fd, v, n, 0, 0, 0);
}

ssize_t mr_sys_pread(int fd, void *buf, size_t n, int64_t off)
{
    return CALL(PREAD, false, SYS_pread64, fd, buf, n, off, 0, 0);
}

ssize_t mr_sys_pwrite(int fd, const void *buf, size_t n, int64_t off)
{
    return CALL(PWRITE, false, SYS_pwrite64, fd, buf, n, off, 0, 0);
}

ssize_t mr_sys_preadv2(int fd, const struct iovec *v, int n, int64_t off,
                       int flags)
{
    /* The offset comes in two halves; on 64-bit machines the low one is all
     * (preadv2(2), C library/kernel differences). */
    return CALL(PREADV2, false, SYS_preadv2, fd, v, n, off, 0, flags);
}

ssize_t mr_sys_recv(int fd, void *buf, size_t n, int flags)
{
    return CALL(RECV, false, SYS_recvfrom, fd, buf, n, flags, 0, 0);
}

ssize_t mr_sys_send(int fd, const void *buf, size_t n, int flags)
{
    return CALL(SEND, false, SYS_sendto, fd, buf, n, flags | MSG_NOSIGNAL, 0,
                0);
}

ssize_t mr_sys_recvmsg(int fd, struct msghdr *m, int flags)
{
    return CALL(RECVMSG, false, SYS_recvmsg, fd, m, flags, 0, 0, 0);
}

ssize_t mr_sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
    return CALL(SENDMSG, false, SYS_sendmsg, fd, m, flags | MSG_NOSIGNAL, 0, 0,
                0);
}

int mr_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return (int)CALL(ACCEPT4, false, SYS_accept4, fd, addr, len, flags, 0, 0);
}

int mr_sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)CALL(CONNECT, true, SYS_connect, fd, addr, len, 0, 0, 0);
}

ssize_t mr_sys_sendfile(int out, int in, int64_t *off, size_t n)
{
    return CALL(SENDFILE, false, SYS_sendfile, out, in, off, n, 0, 0);
}

ssize_t mr_sys_splice(int in, int64_t *off, int out, size_t n, unsigned flags)
{
    return CALL(SPLICE, false, SYS_splice, in, off, out, 0, n, flags);
}

int mr_sys_ppoll(struct pollfd *fds, unsigned n, int64_t timeout_ns)
{
    struct timespec t = {timeout_ns / 1000000000, timeout_ns % 1000000000};

    return (int)CALL(PPOLL, true, SYS_ppoll, fds, n, timeout_ns < 0 ? NULL : &t,
                     0, KERNEL_SIGSET_SIZE, 0);
}

int mr_sys_epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout_ms)
{
    /* aarch64 has epoll_pwait only. */
    return (int)CALL(EPOLL_WAIT, true, SYS_epoll_pwait, epfd, ev, max,
                     timeout_ms, 0, KERNEL_SIGSET_SIZE);
}
