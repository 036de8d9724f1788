/* SPDX-License-Identifier: MIT */
#ifndef IO_SUBPROCESS_H
#define IO_SUBPROCESS_H

/*
 * subprocess.h - run another program, with pipes as streams, and wait for it
 * without stopping the hub.
 *
 *     struct mr_buf out = {0};
 *     rc = mr_subprocess_run(
 *         &(struct mr_subprocess_options){
 *             .argv = (const char *const[]){"git", "log", NULL}},
 *         &(struct mr_subprocess_capture){.out = &out, .max = 1 << 20},
 *         &status, mr_after_s(10));
 *     if (rc == 0 && mr_process_exit_code(status) == 0) ...
 *
 *     options.out.kind = MR_SUBPROCESS_PIPE;
 *     rc = mr_subprocess_spawn(&p, &options, MR_NEVER);
 *     n = mr_stream_read(mr_subprocess_out(p), buf, sizeof buf, MR_NEVER);
 *     rc = mr_subprocess_wait(p, &status, MR_NEVER);
 *     mr_subprocess_free(p);
 *
 * Invariants
 *  (1) The child has the descriptors 0, 1, 2 and those of `pass`, no other;
 *      every signal is at its default and none masked.
 *  (2) Only this child is waited for, by its own id, and no handler is set:
 *      SIGCHLD and other children stay whoever's they are.
 *  (3) It is signalled only while it is not reaped, so never another process
 *      that got its number. It is reaped by a wait or by free, whatever was
 *      cancelled in between: no zombie stays.
 *  (4) A program that writes to a child's input ignores SIGPIPE (io/fd.h, 6;
 *      core/signal.h), and gets -EPIPE when the child has closed it.
 *
 * Belongs to the thread that spawned it. The fork copies page tables: a process
 * with gigabytes of memory stops for milliseconds.
 */
#include "core/process.h"
#include "io/stream.h"

struct mr_subprocess;

enum mr_subprocess_kind {
    MR_SUBPROCESS_INHERIT, /* ours */
    MR_SUBPROCESS_NULL,    /* /dev/null */
    MR_SUBPROCESS_PIPE,    /* a pipe, whose other end is a stream here */
    MR_SUBPROCESS_FD,      /* a copy of fd; its O_NONBLOCK goes with it */
    MR_SUBPROCESS_STDOUT,  /* of err only: where out goes */
};

struct mr_subprocess_io {
    enum mr_subprocess_kind kind;
    int fd;
};

#define MR_SUBPROCESS_PASS_MAX (MR_PROCESS_FDS_MAX - 3)

/* All is borrowed. */
struct mr_subprocess_options {
    const char *const *argv; /* up to a NULL. argv[0] is the program: without a
                              * slash it is searched in our PATH, with one it is
                              * relative to cwd. No shell is involved. */
    const char *const *env;  /* "NAME=value", up to a NULL; NULL: ours */
    const char *cwd;         /* NULL: ours */
    struct mr_subprocess_io in;
    struct mr_subprocess_io out;
    struct mr_subprocess_io err;
    const int *pass; /* copies of these are its descriptors 3, 4, ... */
    size_t pass_n;   /* at most MR_SUBPROCESS_PASS_MAX */
    bool group;      /* a process group of its own, which all signals go to:
                      * what the child starts is reached as well. A terminal's
                      * Ctrl-C does not reach it then. */
};

/*
 * 0 when the program runs. -ENOENT, -EACCES, -ENOEXEC, -E2BIG, ...: why it
 * could not be run (-ENOENT and -ENOTDIR may mean cwd, too); -EBADF: a
 * descriptor to be inherited or copied is not open; -EAGAIN, -ENOMEM, -EMFILE;
 * -ETIMEDOUT, -ECANCELED. Then nothing is left of it. May park.
 */
MR_API MR_MUST_USE int
mr_subprocess_spawn(struct mr_subprocess **ret,
                    const struct mr_subprocess_options *o, int64_t deadline);

/* Our ends of the pipes; NULL for what is no pipe. The caller may close one by
 * mr_stream_close (the child's input ends so); free closes the others. */
MR_API struct mr_stream *mr_subprocess_in(struct mr_subprocess *p);
MR_API struct mr_stream *mr_subprocess_out(struct mr_subprocess *p);
MR_API struct mr_stream *mr_subprocess_err(struct mr_subprocess *p);
MR_API pid_t mr_subprocess_pid(const struct mr_subprocess *p);

/*
 * Until it has ended: 0, its status (core/process.h reads it) in *ret_status,
 * which may be NULL. Again gives the same; several may wait. -ECHILD: it ended,
 * but the status is gone, as SIGCHLD is ignored here or a library waits for
 * all children. -ETIMEDOUT, -ECANCELED: it runs on. May park.
 */
MR_API MR_MUST_USE int mr_subprocess_wait(struct mr_subprocess *p,
                                          int *ret_status, int64_t deadline);

/* Send a signal. 0; -ESRCH: a wait has told its end already; -EPERM (it took
 * other rights), -EINVAL: no such signal. */
MR_API int mr_subprocess_kill(struct mr_subprocess *p, int sig);

/*
 * SIGTERM; when it has not ended by the deadline, or we are cancelled, SIGKILL,
 * and that end is waited for in any case. 0 or -ECHILD, as mr_subprocess_wait.
 * Of a group only the leader is waited for; others may outlive a SIGTERM.
 * May park.
 */
MR_API int mr_subprocess_stop(struct mr_subprocess *p, int *ret_status,
                              int64_t deadline);

/* SIGKILL if it has not ended, and wait for that (shielded). One that took
 * other rights cannot be killed: its own end is waited for. Nobody else may be
 * waiting for it (a BUG). NULL does nothing. May park. */
MR_API void mr_subprocess_free(struct mr_subprocess *p);
MR_DEFINE_AUTO(subprocess)

struct mr_subprocess_capture {
    struct mr_str input; /* what it reads; .p NULL: in, as the options say */
    struct mr_buf *out;  /* appended to; NULL: as the options say */
    struct mr_buf *err;  /* likewise; may be out's: then in order */
    size_t max;          /* bytes, of each; more is -EMSGSIZE */
};

/*
 * Spawn, write the input, collect the output, wait, in a group of its own. 0:
 * it ended by itself, and nobody holds its output open any more. -ETIMEDOUT,
 * -ECANCELED, -EMSGSIZE, -ENOMEM: the whole group was killed; what came until
 * then is in the buffers. Else as spawn and wait. A child that does not read
 * all of its input is no error. May park.
 */
MR_API MR_MUST_USE int mr_subprocess_run(const struct mr_subprocess_options *o,
                                         const struct mr_subprocess_capture *c,
                                         int *ret_status, int64_t deadline);

#endif
