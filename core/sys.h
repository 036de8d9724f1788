/* SPDX-License-Identifier: MIT */
#ifndef CORE_SYS_H
#define CORE_SYS_H

/*
 * sys.h - every system call that Millrace makes, as mr_sys_x().
 *
 * A result >= 0 is the call's own; an error is a negative errno (-EAGAIN).
 * Nothing else in the tree reads errno: a switch to another coroutine, a log
 * line or a close() in some cleanup overwrites it, a return value stays.
 * EINTR is dealt with here: the call is made again (a wait with its time-out
 * reckoned anew is the caller's, so mr_sys_ppoll does report -EINTR).
 *
 * Two definitions of the calls that move data or wait: sys_raw.c traps into the
 * kernel itself (release, debug), so that a library which interposes libc's
 * names (io/patch.c) never sees the runtime's own calls; sys_libc.c goes
 * through libc (sanitizer builds), as a raw call would hide overflows from
 * ASan and races from TSan. The others always go through libc (sys.c).
 *
 * over budget: one prototype for each call, in one place to look for faults.
 *
 * The fault seam: mr_sys_fault(MR_SYS_ACCEPT4, 3, -EMFILE) lets the third
 * accept4 from now fail. Off, it costs one load and an untaken branch.
 */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "core/base.h"

struct epoll_event;
struct open_how;
struct linger;
struct signalfd_siginfo;

/* name in tests and messages; which file defines it */
#define MR_SYS_CALLS(X)                             \
    /* sys_raw.c or sys_libc.c */                   \
    X(READ, "read")                                 \
    X(WRITE, "write")                               \
    X(READV, "readv")                               \
    X(WRITEV, "writev")                             \
    X(PREAD, "pread")                               \
    X(PREADV2, "preadv2")                           \
    X(PWRITE, "pwrite")                             \
    X(RECV, "recv")                                 \
    X(SEND, "send")                                 \
    X(RECVMSG, "recvmsg")                           \
    X(SENDMSG, "sendmsg")                           \
    X(ACCEPT4, "accept4")                           \
    X(CONNECT, "connect")                           \
    X(SENDFILE, "sendfile")                         \
    X(SPLICE, "splice")                             \
    X(PPOLL, "ppoll")                               \
    X(EPOLL_WAIT, "epoll_wait")                     \
    /* sys.c */                                     \
    X(CLOSE, "close")                               \
    X(OPENAT, "openat")                             \
    X(OPENAT2, "openat2")                           \
    X(FSTAT, "fstat")                               \
    X(FSTATAT, "fstatat")                           \
    X(FSTATFS, "fstatfs")                           \
    X(FSTATVFS, "fstatvfs")                         \
    X(CACHESTAT, "cachestat")                       \
    X(READAHEAD, "readahead")                       \
    X(INOTIFY_INIT, "inotify_init1")                \
    X(INOTIFY_ADD, "inotify_add_watch")             \
    X(GETDENTS, "getdents")                         \
    X(SOCKET, "socket")                             \
    X(SOCKETPAIR, "socketpair")                     \
    X(BIND, "bind")                                 \
    X(LISTEN, "listen")                             \
    X(SHUTDOWN, "shutdown")                         \
    X(SETSOCKOPT, "setsockopt")                     \
    X(GETSOCKOPT, "getsockopt")                     \
    X(GETSOCKNAME, "getsockname")                   \
    X(FCNTL, "fcntl")                               \
    X(PIPE2, "pipe2")                               \
    X(EVENTFD, "eventfd")                           \
    X(EPOLL_CREATE, "epoll_create1")                \
    X(EPOLL_CTL, "epoll_ctl")                       \
    X(SIGNALFD, "signalfd")                         \
    X(MEMFD_CREATE, "memfd_create")                 \
    X(FTRUNCATE, "ftruncate")                       \
    X(UNLINK, "unlink")                             \
    X(UNLINKAT, "unlinkat")                         \
    X(LINK, "link")                                 \
    X(LINKAT, "linkat")                             \
    X(RENAMEAT2, "renameat2")                       \
    X(FSYNC, "fsync")                               \
    X(FDATASYNC, "fdatasync")                       \
    X(FALLOCATE, "fallocate")                       \
    X(FLOCK, "flock")                               \
    X(FCHMODAT, "fchmodat")                         \
    X(MMAP, "mmap")                                 \
    X(MUNMAP, "munmap")                             \
    X(MPROTECT, "mprotect")                         \
    X(MADVISE, "madvise")                           \
    X(MINCORE, "mincore")                           \
    X(FORK, "fork")                                 \
    X(WAITPID, "waitpid")                           \
    X(KILL, "kill")                                 \
    X(TGKILL, "tgkill")                             \
    X(SIGACTION, "sigaction")                       \
    X(SIGMASK, "sigprocmask")                       \
    X(DUP3, "dup3")                                 \
    X(CLOSE_RANGE, "close_range")                   \
    X(EXECVE, "execve")                             \
    X(CHDIR, "chdir")                               \
    X(RENAME, "rename")                             \
    X(SETPGID, "setpgid")                           \
    X(PIDFD_OPEN, "pidfd_open")                     \
    X(SETAFFINITY, "sched_setaffinity")             \
    X(PTHREAD_CREATE, "pthread_create")             \
    /* not system calls, but they fail like ones */ \
    X(ALLOC, "alloc")

enum mr_sys_call {
#define X(id, name) MR_SYS_##id,
    MR_SYS_CALLS(X)
#undef X
        MR_SYS_COUNT
};

/* The seam, for tests. From now on the nth call (from 1) returns err instead of
 * being made; nth 0 only counts. Counting starts at 0 here. */
MR_API void mr_sys_fault(enum mr_sys_call call, unsigned nth, int err);
/* Every call from now on returns err. */
MR_API void mr_sys_fault_always(enum mr_sys_call call, int err);
/* As if the machine stopped: from the nth (from 1) of the n calls listed on,
 * counted together, each of them returns err and is not made. The list is kept.
 * Counted so far: mr_sys_stopped_at. */
MR_API void mr_sys_stop(const enum mr_sys_call *calls, size_t n, uint64_t nth,
                        int err);
MR_API uint64_t mr_sys_stopped_at(void);
/* All faults off, counters to 0. */
MR_API void mr_sys_fault_clear(void);
/* Calls of this kind since counting was started. */
MR_API uint64_t mr_sys_calls(enum mr_sys_call call);

extern bool mr_sys_seam_on;
int mr_sys_seam(enum mr_sys_call call);

/* In each wrapper, first thing: the fault to return, or 0. */
static inline int mr_sys_faulted(enum mr_sys_call call)
{
    return MR_UNLIKELY(mr_sys_seam_on) ? mr_sys_seam(call) : 0;
}

/* --- calls that move data or wait (sys_raw.c, sys_libc.c) --- */

MR_MUST_USE ssize_t mr_sys_read(int fd, void *buf, size_t n);
MR_MUST_USE ssize_t mr_sys_write(int fd, const void *buf, size_t n);
MR_MUST_USE ssize_t mr_sys_readv(int fd, const struct iovec *v, int n);
MR_MUST_USE ssize_t mr_sys_writev(int fd, const struct iovec *v, int n);
MR_MUST_USE ssize_t mr_sys_pread(int fd, void *buf, size_t n, int64_t off);
MR_MUST_USE ssize_t mr_sys_pwrite(int fd, const void *buf, size_t n,
                                  int64_t off);
MR_MUST_USE ssize_t mr_sys_preadv2(int fd, const struct iovec *v, int n,
                                   int64_t off, int flags);
MR_MUST_USE ssize_t mr_sys_recv(int fd, void *buf, size_t n, int flags);
/* MSG_NOSIGNAL is always added. */
MR_MUST_USE ssize_t mr_sys_send(int fd, const void *buf, size_t n, int flags);
MR_MUST_USE ssize_t mr_sys_recvmsg(int fd, struct msghdr *m, int flags);
MR_MUST_USE ssize_t mr_sys_sendmsg(int fd, const struct msghdr *m, int flags);
MR_MUST_USE int mr_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                               int flags);
/* -EINTR means: under way, as -EINPROGRESS; it is not made again. */
MR_MUST_USE int mr_sys_connect(int fd, const struct sockaddr *addr,
                               socklen_t len);
/* *off moves by what was sent. */
MR_MUST_USE ssize_t mr_sys_sendfile(int out, int in, int64_t *off, size_t n);
/* One of the two is a pipe. *off is a file's; NULL: it has none. Moves by what
 * was taken. flags as splice(2). */
MR_MUST_USE ssize_t mr_sys_splice(int in, int64_t *off, int out, size_t n,
                                  unsigned flags);
/* timeout_ns < 0: none. Reports -EINTR. */
MR_MUST_USE int mr_sys_ppoll(struct pollfd *fds, unsigned n,
                             int64_t timeout_ns);
/* timeout_ms as epoll_wait(2). Reports -EINTR. */
MR_MUST_USE int mr_sys_epoll_wait(int epfd, struct epoll_event *ev, int max,
                                  int timeout_ms);

/* --- the others (sys.c, through libc) --- */

/* Never made again: on Linux the number is free whatever close(2) says. */
int mr_sys_close(int fd);
MR_MUST_USE int mr_sys_openat(int dir, const char *path, int flags,
                              mode_t mode);
/* -ENOSYS below Linux 5.6 and under some emulators: callers fall back. */
MR_MUST_USE int mr_sys_openat2(int dir, const char *path,
                               const struct open_how *how);
MR_MUST_USE int mr_sys_fstat(int fd, struct stat *st);
MR_MUST_USE int mr_sys_fstatat(int dir, const char *path, struct stat *st,
                               int flags);
/* What kind of file system fd is on (statfs(2), f_type). May wait for it. */
MR_MUST_USE int mr_sys_fstatfs(int fd, int64_t *ret_type);
/* Bytes that this user may still write to fd's file system; UINT64_MAX: it does
 * not say. May wait for it. */
MR_MUST_USE int mr_sys_free_space(int fd, uint64_t *ret_bytes);
/* How many pages of [off, off + n) are in memory. -ENOSYS below Linux 6.5,
 * -EPERM for a file of another user's and in sandboxes: callers fall back. */
MR_MUST_USE int mr_sys_cachestat(int fd, int64_t off, uint64_t n,
                                 uint64_t *ret_pages);
MR_MUST_USE int mr_sys_readahead(int fd, int64_t off, size_t n);
/* Always CLOEXEC and NONBLOCK. */
MR_MUST_USE int mr_sys_inotify_init(void);
/* The watch, one for each inode: adding it again gives the same. */
MR_MUST_USE int mr_sys_inotify_add(int fd, const char *path, uint32_t mask);
int mr_sys_inotify_rm(int fd, int watch);
MR_MUST_USE ssize_t mr_sys_getdents(int fd, void *buf, size_t n);
MR_MUST_USE int mr_sys_socket(int family, int type, int protocol);
MR_MUST_USE int mr_sys_socketpair(int family, int type, int protocol,
                                  int ret_fds[2]);
MR_MUST_USE int mr_sys_bind(int fd, const struct sockaddr *addr, socklen_t len);
MR_MUST_USE int mr_sys_listen(int fd, int backlog);
int mr_sys_shutdown(int fd, int how);
MR_MUST_USE int mr_sys_setsockopt(int fd, int level, int name, const void *val,
                                  socklen_t len);
MR_MUST_USE int mr_sys_getsockopt(int fd, int level, int name, void *val,
                                  socklen_t *len);
MR_MUST_USE int mr_sys_getsockname(int fd, struct sockaddr *addr,
                                   socklen_t *len);
MR_MUST_USE int mr_sys_fcntl(int fd, int cmd, long arg);
MR_MUST_USE int mr_sys_pipe2(int ret_fds[2], int flags);
MR_MUST_USE int mr_sys_eventfd(unsigned initial, int flags);
MR_MUST_USE int mr_sys_epoll_create(void);
MR_MUST_USE int mr_sys_epoll_ctl(int epfd, int op, int fd,
                                 struct epoll_event *ev);
/* fd -1 makes a new one; always CLOEXEC and NONBLOCK. */
MR_MUST_USE int mr_sys_signalfd(int fd, const sigset_t *mask);
MR_MUST_USE int mr_sys_memfd_create(const char *name, unsigned flags);
MR_MUST_USE int mr_sys_ftruncate(int fd, int64_t size);
MR_MUST_USE int mr_sys_unlink(const char *path);
MR_MUST_USE int mr_sys_unlinkat(int dir, const char *path, int flags);
MR_MUST_USE int mr_sys_link(const char *path, const char *to);
MR_MUST_USE int mr_sys_linkat(int dir, const char *path, int to_dir,
                              const char *to, int flags);
/* flags: RENAME_NOREPLACE is -EINVAL on file systems that cannot, -ENOSYS below
 * Linux 3.15 and under some emulators: callers fall back. */
MR_MUST_USE int mr_sys_renameat2(int dir, const char *path, int to_dir,
                                 const char *to, unsigned flags);
/* These three may wait long for a disk. */
MR_MUST_USE int mr_sys_fsync(int fd);
MR_MUST_USE int mr_sys_fdatasync(int fd);
MR_MUST_USE int mr_sys_fallocate(int fd, int mode, int64_t off, int64_t n);
/* op as flock(2). */
MR_MUST_USE int mr_sys_flock(int fd, int op);
MR_MUST_USE int mr_sys_fchmodat(int dir, const char *path, mode_t mode);
/* NULL and *ret_err = -Exxx on failure. */
MR_MUST_USE void *mr_sys_mmap(void *at, size_t n, int prot, int flags, int fd,
                              int64_t off, int *ret_err);
int mr_sys_munmap(void *p, size_t n);
MR_MUST_USE int mr_sys_mprotect(void *p, size_t n, int prot);
int mr_sys_madvise(void *p, size_t n, int advice);
MR_MUST_USE int mr_sys_mincore(void *p, size_t n, unsigned char *vec);
/* In the child 0. */
MR_MUST_USE pid_t mr_sys_fork(void);
/* pid > 0 only: other children are somebody else's. flags as waitpid. */
MR_MUST_USE pid_t mr_sys_waitpid(pid_t pid, int *ret_status, int flags);
int mr_sys_kill(pid_t pid, int sig);
/* To a thread of this process. */
MR_MUST_USE int mr_sys_tgkill(pid_t thread, int sig);
/* Cannot fail. */
pid_t mr_sys_getpid(void);
pid_t mr_sys_gettid(void);
/* act may be NULL (ask only), and so may ret_old. */
MR_MUST_USE int mr_sys_sigaction(int sig, const struct sigaction *act,
                                 struct sigaction *ret_old);
/* The calling thread's mask; how as sigprocmask(2). ret_old may be NULL. */
MR_MUST_USE int mr_sys_sigmask(int how, const sigset_t *set, sigset_t *ret_old);
MR_MUST_USE int mr_sys_dup3(int from, int to, int flags);
/* -ENOSYS below Linux 5.9, -EPERM in some sandboxes: callers fall back. */
MR_MUST_USE int mr_sys_close_range(unsigned first, unsigned last);
/* Returns only to say why not. env NULL: ours. */
MR_MUST_USE int mr_sys_execve(const char *path, const char *const *argv,
                              const char *const *env);
MR_MUST_USE int mr_sys_chdir(const char *path);
MR_MUST_USE int mr_sys_rename(const char *path, const char *to);
MR_MUST_USE int mr_sys_setpgid(pid_t pid, pid_t group);
/* Readable when the process has ended; always CLOEXEC. -ENOSYS below Linux 5.3
 * and under some emulators, -EPERM in some sandboxes: callers fall back. */
MR_MUST_USE int mr_sys_pidfd_open(pid_t pid);
/* For signal handlers, which must leave errno as they found it. */
int mr_sys_errno_save(void);
void mr_sys_errno_restore(int saved);
/* Bind this thread to one CPU. */
MR_MUST_USE int mr_sys_pin(int cpu);
/* The CPUs that this thread may use, ascending; how many, or -Exxx. */
MR_MUST_USE int mr_sys_cpus(int *ret_cpus, int max);

/* Descriptors that this process may have (RLIMIT_NOFILE); at most INT32_MAX. */
MR_API int mr_sys_max_fds(void);

/* Nanoseconds. By vDSO: they do not trap. */
MR_API int64_t mr_sys_monotonic(void);
MR_API int64_t mr_sys_realtime(void);

/* --- memory, so that tests can let each allocation fail --- */

/* malloc, calloc, realloc behind the seam; NULL when out of memory. Freed with
 * mr_free(), which is free(3). */
MR_API MR_MUST_USE void *mr_alloc(size_t n);
MR_API MR_MUST_USE void *mr_calloc(size_t n, size_t size);
MR_API MR_MUST_USE void *mr_realloc(void *p, size_t n);
MR_API void mr_free(void *p);

/* A kernel-size-independent name for openat2's argument (linux/openat2.h). */
#define MR_RESOLVE_NO_MAGICLINKS 0x02
#define MR_RESOLVE_NO_SYMLINKS 0x04
#define MR_RESOLVE_BENEATH 0x08
#define MR_RESOLVE_CACHED 0x20

#endif
