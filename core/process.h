/* SPDX-License-Identifier: MIT */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

/*
 * process.h - fork, wait, and what a fresh process must put in order.
 *
 * All but mr_process_spawn is for processes without threads, above all without
 * a hub: fork first, then hub. Children are waited for by their own id, never
 * "any": a library may have children of its own.
 *
 *     pid_t pid = mr_process_fork();
 *     if (pid == 0)
 *         mr_process_leave(child_main());
 *     ...
 *     if (mr_process_reap(pid, &status, 0) == 0)
 *         mr_process_exit_text(status, text, sizeof text);
 *
 * A probe runs a function in a child and gives back what it wrote: code that
 * one would rather not have in this process. Another program is run by
 * io/subprocess.h, which stands on mr_process_spawn.
 */
#include "core/base.h"

struct mr_buf;

/*
 * Fork, having flushed stdio, so that nothing buffered is written twice. In the
 * child 0, in the parent the child's id, or -EAGAIN, -ENOMEM. The child has
 * everything of its parent: descriptors, signal mask, log.
 */
MR_API MR_MUST_USE pid_t mr_process_fork(void);

/* End this process: stdio is flushed, atexit handlers do not run (they are
 * those of the parent). */
MR_API MR_NORETURN void mr_process_leave(int status);

/* flags as waitpid(2). 0, the status written; -EAGAIN: it still runs (WNOHANG);
 * -ECHILD: no child of ours. */
MR_API MR_MUST_USE int mr_process_reap(pid_t pid, int *ret_status, int flags);

/* What the status of an ended child says: "exited with 3", "killed by SIGSEGV,
 * core dumped". Always NUL-terminated. */
MR_API void mr_process_exit_text(int status, char *ret_text, size_t size);

/* The same as a number: the exit status, 0 to 255, or -N: killed by signal N.
 */
MR_API int mr_process_exit_code(int status);

/*
 * Where the kernel puts the core of process pid that ended with status, by
 * core_pattern: "core.4711", or "piped to PROGRAM"; a relative path is relative
 * to where the process worked. What only the kernel knows stands as '*'. Empty
 * when no core was dumped.
 */
MR_API void mr_process_core_name(pid_t pid, int status, char *ret_text,
                                 size_t size);

/*
 * Close every descriptor from 3 on that is not in keep (any order, may hold -1
 * and numbers twice; sorted by this). 0, or -Exxx when there is neither
 * close_range(2) nor /proc.
 */
MR_API MR_MUST_USE int mr_process_close_except(int *keep, size_t n);

/* Standard input reads as empty from now on. 0 or -Exxx, nothing changed. */
MR_API MR_MUST_USE int mr_process_null_stdin(void);

/* Descriptors that a new program may be given: 0 to 2, and a dozen. */
#define MR_PROCESS_FDS_MAX 16

struct mr_process_spawn {
    const char *const *argv; /* up to a NULL; argv[0] is the program */
    const char *const *env;  /* up to a NULL; NULL: ours */
    const char *cwd;         /* NULL: ours */
    const int *fds;          /* fds[i] becomes its descriptor i; any of ours */
    size_t fd_n;             /* 3 to MR_PROCESS_FDS_MAX */
    bool group;              /* it leads a process group of its own */
};

/*
 * Fork a child that becomes another program. It has the descriptors of fds and
 * no other, every signal at its default and none masked. A program without a
 * slash is searched in our PATH; one with a slash is relative to cwd.
 *
 * Its id, or -EAGAIN, -ENOMEM, -EMFILE... *ret_report (O_NONBLOCK, FD_CLOEXEC,
 * the caller's) then reads as the end once the program runs; or first as an
 * int, the -Exxx that kept it from running (-ENOENT, -EACCES, -E2BIG, ...), and
 * the child exits with 127. In both cases it is the caller's to reap. May be
 * called with other threads running. Blocks this thread for as long as a fork
 * takes.
 */
MR_API MR_MUST_USE pid_t mr_process_spawn(const struct mr_process_spawn *p,
                                          int *ret_report);

struct mr_probe {
    /* In the child; what it writes to fd is collected, what it returns is the
     * child's exit status (0 to 255). */
    int (*fn)(int fd, void *arg);
    void *arg;
    size_t max;       /* bytes collected at most */
    int64_t deadline; /* CLOCK_MONOTONIC, ns; MR_NEVER waits for ever */
};

/*
 * Run the probe to its end. 0: it ended, see *ret_status (as waitpid's), its
 * output appended to text. -ETIMEDOUT: not in time; -EMSGSIZE: it wrote more
 * than max; in both cases it was killed. Other -Exxx: it could not be started,
 * or no memory. On failure text may hold a part. Blocks the thread.
 */
MR_API MR_MUST_USE int mr_process_probe(const struct mr_probe *probe,
                                        struct mr_buf *text, int *ret_status);

#endif
