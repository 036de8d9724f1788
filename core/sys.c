/* SPDX-License-Identifier: MIT */

/*
 * sys.c - the system calls that always go through libc.
 *
 * fork must (atfork handlers: raw fork deadlocks in malloc), clocks should
 * (vDSO), and the rest gains nothing from a raw trap.
 */
#include "core/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- calls --- */

/* A wrapper's body: the seam, then the call until it is not interrupted. */
#define CALL(id, expr)                           \
    ({                                           \
        long rc_ = mr_sys_faulted(MR_SYS_##id);  \
        if (rc_ == 0) {                          \
            do                                   \
                rc_ = (long)(expr);              \
            while (rc_ == -1 && errno == EINTR); \
            if (rc_ == -1)                       \
                rc_ = -errno;                    \
        }                                        \
        rc_;                                     \
    })

int mr_sys_close(int fd)
{
    int rc = mr_sys_faulted(MR_SYS_CLOSE);

    if (close(fd) == -1 && rc == 0)
        rc = -errno;
    return rc;
}

int mr_sys_openat(int dir, const char *path, int flags, mode_t mode)
{
    return (int)CALL(OPENAT, openat(dir, path, flags, mode));
}

int mr_sys_openat2(int dir, const char *path, const struct open_how *how)
{
    return (int)CALL(OPENAT2,
                     syscall(SYS_openat2, dir, path, how, sizeof *how));
}

int mr_sys_fstat(int fd, struct stat *st)
{
    return (int)CALL(FSTAT, fstat(fd, st));
}

int mr_sys_fstatat(int dir, const char *path, struct stat *st, int flags)
{
    return (int)CALL(FSTATAT, fstatat(dir, path, st, flags));
}

int mr_sys_fstatfs(int fd, int64_t *ret_type)
{
    struct statfs st;
    int rc = (int)CALL(FSTATFS, fstatfs(fd, &st));

    if (rc == 0)
        *ret_type = (int64_t)st.f_type;
    return rc;
}

int mr_sys_free_space(int fd, uint64_t *ret_bytes)
{
    struct statvfs st;
    int rc = (int)CALL(FSTATVFS, fstatvfs(fd, &st));

    if (rc == 0) /* a tmpfs without a limit has no blocks at all */
        *ret_bytes =
            st.f_blocks ? (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
    return rc;
}

int mr_sys_cachestat(int fd, int64_t off, uint64_t n, uint64_t *ret_pages)
{
    /* uapi/linux/mman.h; Debian 12's headers and libc do not have it yet. */
    const struct {
        uint64_t off;
        uint64_t n;
    } range = {(uint64_t)off, n};
    struct {
        uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } stat;
    int rc = (int)CALL(CACHESTAT, syscall(451, fd, &range, &stat, 0));

    if (rc == 0)
        *ret_pages = stat.cached;
    return rc;
}

int mr_sys_readahead(int fd, int64_t off, size_t n)
{
    return (int)CALL(READAHEAD, readahead(fd, off, n));
}

int mr_sys_inotify_init(void)
{
    return (int)CALL(INOTIFY_INIT, inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

int mr_sys_inotify_add(int fd, const char *path, uint32_t mask)
{
    return (int)CALL(INOTIFY_ADD, inotify_add_watch(fd, path, mask));
}

int mr_sys_inotify_rm(int fd, int watch)
{
    return inotify_rm_watch(fd, watch) == -1 ? -errno : 0;
}

ssize_t mr_sys_getdents(int fd, void *buf, size_t n)
{
    return CALL(GETDENTS, syscall(SYS_getdents64, fd, buf, n));
}

int mr_sys_socket(int family, int type, int protocol)
{
    return (int)CALL(SOCKET, socket(family, type, protocol));
}

int mr_sys_socketpair(int family, int type, int protocol, int ret_fds[2])
{
    return (int)CALL(SOCKETPAIR, socketpair(family, type, protocol, ret_fds));
}

int mr_sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)CALL(BIND, bind(fd, addr, len));
}

int mr_sys_listen(int fd, int backlog)
{
    return (int)CALL(LISTEN, listen(fd, backlog));
}

int mr_sys_shutdown(int fd, int how)
{
    return (int)CALL(SHUTDOWN, shutdown(fd, how));
}

int mr_sys_setsockopt(int fd, int level, int name, const void *val,
                      socklen_t len)
{
    return (int)CALL(SETSOCKOPT, setsockopt(fd, level, name, val, len));
}

int mr_sys_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
    return (int)CALL(GETSOCKOPT, getsockopt(fd, level, name, val, len));
}

int mr_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)CALL(GETSOCKNAME, getsockname(fd, addr, len));
}

int mr_sys_fcntl(int fd, int cmd, long arg)
{
    return (int)CALL(FCNTL, fcntl(fd, cmd, arg));
}

int mr_sys_pipe2(int ret_fds[2], int flags)
{
    return (int)CALL(PIPE2, pipe2(ret_fds, flags));
}

int mr_sys_eventfd(unsigned initial, int flags)
{
    return (int)CALL(EVENTFD, eventfd(initial, flags));
}

int mr_sys_epoll_create(void)
{
    return (int)CALL(EPOLL_CREATE, epoll_create1(EPOLL_CLOEXEC));
}

int mr_sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
    return (int)CALL(EPOLL_CTL, epoll_ctl(epfd, op, fd, ev));
}

int mr_sys_signalfd(int fd, const sigset_t *mask)
{
    return (int)CALL(SIGNALFD, signalfd(fd, mask, SFD_CLOEXEC | SFD_NONBLOCK));
}

int mr_sys_memfd_create(const char *name, unsigned flags)
{
    return (int)CALL(MEMFD_CREATE, memfd_create(name, flags));
}

int mr_sys_ftruncate(int fd, int64_t size)
{
    return (int)CALL(FTRUNCATE, ftruncate(fd, size));
}

int mr_sys_unlink(const char *path)
{
    return (int)CALL(UNLINK, unlink(path));
}

int mr_sys_link(const char *path, const char *to)
{
    return (int)CALL(LINK, link(path, to));
}

int mr_sys_unlinkat(int dir, const char *path, int flags)
{
    return (int)CALL(UNLINKAT, unlinkat(dir, path, flags));
}

int mr_sys_linkat(int dir, const char *path, int to_dir, const char *to,
                  int flags)
{
    return (int)CALL(LINKAT, linkat(dir, path, to_dir, to, flags));
}

int mr_sys_renameat2(int dir, const char *path, int to_dir, const char *to,
                     unsigned flags)
{
    return (int)CALL(RENAMEAT2, renameat2(dir, path, to_dir, to, flags));
}

int mr_sys_fsync(int fd)
{
    return (int)CALL(FSYNC, fsync(fd));
}

int mr_sys_fdatasync(int fd)
{
    return (int)CALL(FDATASYNC, fdatasync(fd));
}

int mr_sys_fallocate(int fd, int mode, int64_t off, int64_t n)
{
    return (int)CALL(FALLOCATE, fallocate(fd, mode, off, n));
}

int mr_sys_flock(int fd, int op)
{
    return (int)CALL(FLOCK, flock(fd, op));
}

int mr_sys_fchmodat(int dir, const char *path, mode_t mode)
{
    return (int)CALL(FCHMODAT, fchmodat(dir, path, mode, 0));
}

void *mr_sys_mmap(void *at, size_t n, int prot, int flags, int fd, int64_t off,
                  int *ret_err)
{
    int err = mr_sys_faulted(MR_SYS_MMAP);
    void *p;

    if (err) {
        *ret_err = err;
        return NULL;
    }
    p = mmap(at, n, prot, flags, fd, off);
    if (p == MAP_FAILED) {
        *ret_err = -errno;
        return NULL;
    }
    return p;
}

int mr_sys_munmap(void *p, size_t n)
{
    return (int)CALL(MUNMAP, munmap(p, n));
}

int mr_sys_mprotect(void *p, size_t n, int prot)
{
    return (int)CALL(MPROTECT, mprotect(p, n, prot));
}

int mr_sys_madvise(void *p, size_t n, int advice)
{
    return (int)CALL(MADVISE, madvise(p, n, advice));
}

int mr_sys_mincore(void *p, size_t n, unsigned char *vec)
{
    return (int)CALL(MINCORE, mincore(p, n, vec));
}

pid_t mr_sys_fork(void)
{
    return (pid_t)CALL(FORK, fork());
}

pid_t mr_sys_waitpid(pid_t pid, int *ret_status, int flags)
{
    MR_BUG_ON(pid <= 0);
    return (pid_t)CALL(WAITPID, waitpid(pid, ret_status, flags));
}

pid_t mr_sys_getpid(void)
{
    return getpid();
}

int mr_sys_kill(pid_t pid, int sig)
{
    return (int)CALL(KILL, kill(pid, sig));
}

int mr_sys_tgkill(pid_t thread, int sig)
{
    return (int)CALL(TGKILL, tgkill(getpid(), thread, sig));
}

pid_t mr_sys_gettid(void)
{
    return gettid();
}

int mr_sys_sigaction(int sig, const struct sigaction *act,
                     struct sigaction *ret_old)
{
    return (int)CALL(SIGACTION, sigaction(sig, act, ret_old));
}

int mr_sys_sigmask(int how, const sigset_t *set, sigset_t *ret_old)
{
    return (int)CALL(SIGMASK, sigprocmask(how, set, ret_old));
}

int mr_sys_dup3(int from, int to, int flags)
{
    return (int)CALL(DUP3, dup3(from, to, flags));
}

int mr_sys_close_range(unsigned first, unsigned last)
{
    return (int)CALL(CLOSE_RANGE, syscall(SYS_close_range, first, last, 0));
}

int mr_sys_execve(const char *path, const char *const *argv,
                  const char *const *env)
{
    /* execve(2) changes neither; its type is older than const. */
    return (int)CALL(EXECVE, execve(path, (char *const *)argv,
                                    env ? (char *const *)env : environ));
}

int mr_sys_chdir(const char *path)
{
    return (int)CALL(CHDIR, chdir(path));
}

int mr_sys_rename(const char *path, const char *to)
{
    return (int)CALL(RENAME, rename(path, to));
}

int mr_sys_setpgid(pid_t pid, pid_t group)
{
    return (int)CALL(SETPGID, setpgid(pid, group));
}

int mr_sys_pidfd_open(pid_t pid)
{
    return (int)CALL(PIDFD_OPEN, syscall(SYS_pidfd_open, pid, 0));
}

int mr_sys_errno_save(void)
{
    return errno;
}

void mr_sys_errno_restore(int saved)
{
    errno = saved;
}

int mr_sys_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return (int)CALL(SETAFFINITY, sched_setaffinity(0, sizeof set, &set));
}

int mr_sys_max_fds(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (int)limit.rlim_cur;
}

int mr_sys_cpus(int *ret_cpus, int max)
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof set, &set) == -1)
        return -errno;
    for (int cpu = 0; cpu < CPU_SETSIZE && n < max; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set))
            ret_cpus[n++] = cpu;
    }
    return n;
}

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t mr_sys_monotonic(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t mr_sys_realtime(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* --- memory --- */

void *mr_alloc(size_t n)
{
    return mr_sys_faulted(MR_SYS_ALLOC) ? NULL : malloc(n);
}

void *mr_calloc(size_t n, size_t size)
{
    return mr_sys_faulted(MR_SYS_ALLOC) ? NULL : calloc(n, size);
}

void *mr_realloc(void *p, size_t n)
{
    return mr_sys_faulted(MR_SYS_ALLOC) ? NULL : realloc(p, n);
}

void mr_free(void *p)
{
    free(p);
}
