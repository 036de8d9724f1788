/* SPDX-License-Identifier: MIT */

/*
 * process.c - fork, wait, and what a fresh process must put in order.
 *
 * The only file that forks, execs and waits. Nothing here parks. All but
 * mr_process_spawn is for processes of one thread; between its fork and its
 * exec the child
 *
 *  (1) takes no lock of ours and allocates nothing (but where close_range(2)
 *      is missing; libc's allocator lives through a fork);
 *  (2) has no descriptor above its report once it may take long (chdir, exec),
 *      so it holds nobody's pipe or socket open;
 *  (3) runs no handler of ours: signals are blocked from before the fork until
 *      their actions are the default.
 *
 * Not here: pipes as streams, waiting on a hub (io/subprocess.c), user and
 * group (core/sandbox.c), signal dispositions (core/signal.c).
 */
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/signal.h"
#include "core/sys.h"

/* --- life and death --- */

pid_t mr_process_fork(void)
{
    (void)fflush(NULL); /* a full disk loses output, not the fork */
    return mr_sys_fork();
}

void mr_process_leave(int status)
{
    (void)fflush(NULL);
    _exit(status);
}

int mr_process_reap(pid_t pid, int *ret_status, int flags)
{
    int status;
    pid_t rc = mr_sys_waitpid(pid, &status, flags);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return -EAGAIN;
    *ret_status = status;
    return 0;
}

void mr_process_exit_text(int status, char *ret_text, size_t size)
{
    const char *name;
    int sig;

    if (WIFEXITED(status)) {
        snprintf(ret_text, size, "exited with %d", WEXITSTATUS(status));
        return;
    }
    sig = WTERMSIG(status);
    name = sigabbrev_np(sig);
    if (name)
        snprintf(ret_text, size, "killed by SIG%s%s", name,
                 WCOREDUMP(status) ? ", core dumped" : "");
    else
        snprintf(ret_text, size, "killed by signal %d%s", sig,
                 WCOREDUMP(status) ? ", core dumped" : "");
}

int mr_process_exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- the core's name --- */

/* The first line of a small file, without its end; "" when unreadable. */
static void read_line(const char *path, char *ret_line, size_t size)
{
    int fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = -1;

    if (fd >= 0) {
        n = mr_sys_read(fd, ret_line, size - 1);
        mr_sys_close(fd);
    }
    ret_line[n > 0 ? n : 0] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
}

/* core(5): the specifiers that we know; true when it was the pid. */
static bool expand(FILE *out, char c, pid_t pid, int sig)
{
    switch (c) {
    case '%':
        fputc('%', out);
        return false;
    case 's':
        fprintf(out, "%d", sig);
        return false;
    case 'p':
    case 'P':
    case 'i':
    case 'I':
        fprintf(out, "%d", (int)pid);
        return true;
    default:
        fputc('*', out);
        return false;
    }
}

void mr_process_core_name(pid_t pid, int status, char *ret_text, size_t size)
{
    char pattern[256], uses_pid[8];
    bool has_pid = false;
    FILE *out;

    ret_text[0] = '\0';
    if (!WIFSIGNALED(status) || !WCOREDUMP(status))
        return;
    read_line("/proc/sys/kernel/core_pattern", pattern, sizeof pattern);
    read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof uses_pid);
    if (pattern[0] == '|') {
        pattern[strcspn(pattern, " ")] = '\0';
        snprintf(ret_text, size, "piped to %s", pattern + 1);
        return;
    }
    out = fmemopen(ret_text, size, "w");
    if (!out)
        return;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] != '\0')
            has_pid |= expand(out, *++p, pid, WTERMSIG(status));
        else
            fputc(*p, out);
    }
    if (!has_pid && uses_pid[0] == '1')
        fprintf(out, ".%d", (int)pid);
    (void)fclose(out); /* memory only; a longer name is cut */
    ret_text[size - 1] = '\0';
}

/* --- descriptors --- */

#define FIRST_CLOSED 3

static int compare_int(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* linux/dirent.h is not for programs: getdents64(2). */
struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

/* Close what this piece of /proc/self/fd names; how many were closed. */
static int close_entries(const char *at, ssize_t n, const int *keep,
                         size_t keep_n)
{
    const char *end = at + n;
    int closed = 0;

    while (at < end) {
        const struct entry *e = (const void *)at;
        int fd = (int)strtol(e->name, NULL, 10); /* "." and ".." give 0 */

        at += e->len;
        if (fd < FIRST_CLOSED ||
            bsearch(&fd, keep, keep_n, sizeof *keep, compare_int))
            continue;
        if (mr_sys_close(fd) == 0) /* an emulator lists its own, and keeps it */
            closed++;
    }
    return closed;
}

/* Without close_range. The list is read anew until a pass closes nothing:
 * closing while reading may skip entries. */
static int close_by_proc(int *keep, size_t n)
{
    _Alignas(struct entry) char piece[4096];
    int *all = mr_alloc((n + 1) * sizeof *all);
    int dir, closed;
    ssize_t got = -ENOMEM;

    if (!all)
        return -ENOMEM;
    do {
        dir = mr_sys_openat(AT_FDCWD, "/proc/self/fd",
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (dir < 0) {
            got = dir;
            break;
        }
        if (n > 0) /* keep may be NULL */
            memcpy(all, keep, n * sizeof *all);
        all[n] = dir;
        qsort(all, n + 1, sizeof *all, compare_int);
        closed = 0;
        while ((got = mr_sys_getdents(dir, piece, sizeof piece)) > 0)
            closed += close_entries(piece, got, all, n + 1);
        mr_sys_close(dir);
    } while (got == 0 && closed > 0);
    mr_free(all);
    return (int)got;
}

int mr_process_close_except(int *keep, size_t n)
{
    unsigned first = FIRST_CLOSED;
    int err;

    if (n > 0)
        qsort(keep, n, sizeof *keep, compare_int);
    for (size_t i = 0; i <= n; i++) {
        unsigned last = i < n ? (unsigned)keep[i] - 1 : UINT_MAX;

        if (i < n && keep[i] < (int)first)
            continue; /* below 3, or the same number again */
        if (first <= last) {
            err = mr_sys_close_range(first, last);
            if (err == -ENOSYS || err == -EPERM)
                return close_by_proc(keep, n);
            if (err)
                return err;
        }
        first = last + 2;
    }
    return 0;
}

int mr_process_null_stdin(void)
{
    int fd = mr_sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return fd;
    if (fd == STDIN_FILENO) /* it was closed; dup3 refuses equal numbers */
        return MR_MIN(mr_sys_fcntl(fd, F_SETFD, 0), 0);
    rc = mr_sys_dup3(fd, STDIN_FILENO, 0);
    mr_sys_close(fd);
    return MR_MIN(rc, 0);
}

/* --- another program --- */

/* What it exits with when it could not become the program: the shell's. */
#define EXIT_NOT_RUN 127

/*
 * fds to 0..n-1, the report to n, and no other. All go above n first, as they
 * may lie on one another's places. *report can be written to at any time. 0 or
 * -Exxx.
 */
static int place_fds(const int *fds, int n, int *report)
{
    int keep[MR_PROCESS_FDS_MAX], up[MR_PROCESS_FDS_MAX], rc;

    rc = mr_sys_fcntl(*report, F_DUPFD_CLOEXEC, n + 1);
    if (rc < 0)
        return rc;
    *report = rc;
    for (int i = 0; i < n; i++) {
        up[i] = mr_sys_fcntl(fds[i], F_DUPFD_CLOEXEC, n + 1);
        if (up[i] < 0)
            return up[i];
    }
    for (int i = 0; i < n; i++) {
        rc = mr_sys_dup3(up[i], i, 0);
        if (rc < 0)
            return rc;
        keep[i] = i + 1; /* 1 to n: the last is the report's */
    }
    rc = mr_sys_dup3(*report, n, O_CLOEXEC);
    if (rc < 0)
        return rc;
    *report = n;
    return mr_process_close_except(keep, (size_t)n);
}

/* Another directory of PATH may have it. */
static bool is_elsewhere(int err)
{
    return err == -ENOENT || err == -ENOTDIR || err == -EACCES ||
           err == -ENAMETOOLONG;
}

/* execvpe(3), but what is no program (-ENOEXEC) is not given to a shell. */
static int exec_search(const struct mr_process_spawn *p)
{
    static char path[PATH_MAX]; /* the child has one thread */
    const char *dirs = getenv("PATH");
    int err = -ENOENT, rc;

    if (strchr(p->argv[0], '/') || *p->argv[0] == '\0')
        return mr_sys_execve(p->argv[0], p->argv, p->env);
    dirs = dirs ? dirs : "/bin:/usr/bin";
    for (;;) {
        int n = (int)strcspn(dirs, ":");

        rc = snprintf(path, sizeof path, "%.*s%s%s", n, dirs, n ? "/" : "",
                      p->argv[0]);
        if (rc < (int)sizeof path) {
            rc = mr_sys_execve(path, p->argv, p->env);
            if (!is_elsewhere(rc))
                return rc;
            if (rc == -EACCES)
                err = rc; /* found: more to the point than the next's absence */
        }
        if (dirs[n] == '\0')
            return err;
        dirs += n + 1;
    }
}

/* Returns only to say why not. */
static int become(const struct mr_process_spawn *p, int *report)
{
    int err = mr_signal_reset(mr_signal_set(0));

    if (err)
        return err;
    err = place_fds(p->fds, (int)p->fd_n, report);
    if (!err && p->group)
        err = mr_sys_setpgid(0, 0);
    if (!err && p->cwd)
        err = mr_sys_chdir(p->cwd);
    return err ? err : exec_search(p);
}

MR_NORETURN static void spawn_child(const struct mr_process_spawn *p,
                                    int report)
{
    int err = become(p, &report);

    /* Four bytes into an empty pipe; if that fails nobody can be told. */
    (void)!mr_sys_write(report, &err, sizeof err);
    _exit(EXIT_NOT_RUN);
}

pid_t mr_process_spawn(const struct mr_process_spawn *p, int *ret_report)
{
    sigset_t all, old;
    int report[2], err;
    pid_t pid;

    MR_BUG_ON(p->fd_n < FIRST_CLOSED || p->fd_n > MR_PROCESS_FDS_MAX);
    MR_BUG_ON(!p->argv[0]);
    err = mr_sys_pipe2(report, O_CLOEXEC | O_NONBLOCK);
    if (err)
        return err;
    sigfillset(&all);
    err = mr_sys_sigmask(SIG_SETMASK, &all, &old);
    pid = err ? err : mr_sys_fork();
    if (pid == 0)
        spawn_child(p, report[1]);
    if (!err)
        (void)!mr_sys_sigmask(SIG_SETMASK, &old, NULL); /* it took one */
    mr_sys_close(report[1]);
    if (pid > 0)
        *ret_report = report[0];
    else
        mr_sys_close(report[0]);
    return pid;
}

/* --- probes --- */

/* How long until the deadline, for ppoll; no less than 0 unless for ever. */
static int64_t time_left(int64_t deadline)
{
    int64_t left;

    if (deadline == MR_NEVER)
        return -1;
    left = deadline - mr_sys_monotonic();
    return MR_MAX(left, 0);
}

/* All that comes out of fd, until its other end is closed. 0 or -Exxx. */
static int collect(int fd, const struct mr_probe *probe, struct mr_buf *text)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t total = 0;
    ssize_t n;
    int rc;

    for (;;) {
        rc = mr_sys_ppoll(&p, 1, time_left(probe->deadline));
        if (rc == 0)
            return -ETIMEDOUT;
        if (rc < 0 && rc != -EINTR)
            return rc;
        if (rc < 0)
            continue;
        rc = mr_buf_reserve(text, 4096);
        if (rc)
            return rc;
        n = mr_sys_read(fd, mr_buf_tail(text), mr_buf_room(text));
        if (n <= 0)
            return (int)n;
        mr_buf_commit(text, (size_t)n);
        total += (size_t)n;
        if (total > probe->max)
            return -EMSGSIZE;
    }
}

/* It closed its end: as a rule it is gone within microseconds. One that goes on
 * all the same is looked for every millisecond, until the deadline. */
static int await_end(pid_t pid, int64_t deadline, int *ret_status)
{
    for (;;) {
        int rc = mr_process_reap(pid, ret_status, WNOHANG);

        if (rc != -EAGAIN)
            return rc;
        if (time_left(deadline) == 0)
            return -ETIMEDOUT;
        (void)!mr_sys_ppoll(NULL, 0, 1000000); /* -EINTR only shortens it */
    }
}

MR_NORETURN static void probe_child(const struct mr_probe *probe,
                                    const int pipe[2])
{
    mr_sys_close(pipe[0]);
    /* Ctrl-C must end it, whatever its parent has masked. */
    if (mr_signal_reset(mr_signal_set(0)))
        mr_process_leave(EXIT_FAILURE);
    mr_process_leave(probe->fn(pipe[1], probe->arg));
}

int mr_process_probe(const struct mr_probe *probe, struct mr_buf *text,
                     int *ret_status)
{
    int pipe[2], rc, status;
    pid_t pid;

    rc = mr_sys_pipe2(pipe, O_CLOEXEC);
    if (rc)
        return rc;
    pid = mr_process_fork();
    if (pid == 0)
        probe_child(probe, pipe);
    mr_sys_close(pipe[1]);
    if (pid < 0) {
        mr_sys_close(pipe[0]);
        return pid;
    }
    rc = collect(pipe[0], probe, text);
    mr_sys_close(pipe[0]);
    if (rc == 0)
        rc = await_end(pid, probe->deadline, &status);
    if (rc == -ECHILD)
        return rc;
    if (rc) {
        mr_sys_kill(pid, SIGKILL);
        (void)!mr_process_reap(pid, &status, 0); /* it ends: killed */
        return rc;
    }
    *ret_status = status;
    return 0;
}
