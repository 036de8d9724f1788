/* SPDX-License-Identifier: MIT */

/*
 * subprocess.c - run another program, and wait for it without stopping the hub.
 *
 *            [spawn]             [look: waitpid says so]
 *   (none) ---------> RUNNING --------------------------> ENDED --[free]-->
 * gone |                                  ^
 *                        '--[free, stop: SIGKILL, and look]-'
 *
 *  (1) RUNNING: the child is alive or a zombie, and ours: its number cannot be
 *      another's, so signals are sent to it. ENDED: reaped; the number is
 *      never used again.
 *  (2) Only look() reaps, without waiting. A wait is a wait for readiness of
 *      the pidfd, and look() again: which of several waiters reaps does not
 *      matter, and one that leaves has taken nothing along.
 *  (3) Without pidfds (old kernels, Valgrind, some sandboxes, no descriptor
 *      left) look() is asked every 1 to 50 ms. A helper thread in waitpid(2)
 *      would be prompter; but there are few, they have files to open, and a
 *      child may run for days.
 *
 * Not here: what happens between fork and exec (core/process.c).
 */
#include "io/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/group.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"

#define LOOK_FIRST_MS 1
#define LOOK_LAST_MS 50

/* What one read may take at once: a pipe's buffer, unless it was enlarged. */
#define PIECE (64 * 1024)

struct mr_subprocess {
    pid_t pid;  /* 0: not started */
    int pidfd;  /* -1: none, or ended */
    int status; /* once ended */
    int lost;   /* 0; or -ECHILD: somebody took the status */
    bool ended;
    bool group;
    unsigned waiters;
    struct mr_stream_fd io[3]; /* the streams; fd -1: no pipe, or closed */
    bool is_pipe[3];
};

/* --- descriptors --- */

/* While spawning. */
struct plumbing {
    int child[MR_PROCESS_FDS_MAX]; /* what it gets, by number there */
    int opened[3];                 /* of these, ours to close; or -1 */
};

/* One pipe: our end non-blocking, the child's as programs expect it. */
static int open_pipe(struct mr_subprocess *p, struct plumbing *pl, int i)
{
    int ends[2], ours = i == 0 ? 1 : 0;
    int rc = mr_sys_pipe2(ends, O_CLOEXEC);

    if (rc)
        return rc;
    pl->opened[i] = ends[!ours];
    mr_stream_fd_init(&p->io[i], ends[ours]);
    p->is_pipe[i] = true;
    return mr_fd_adopt(ends[ours]);
}

/* The child's descriptor i, 0 to 2. 0 or -Exxx. */
static int plumb(struct mr_subprocess *p, struct plumbing *pl, int i,
                 const struct mr_subprocess_io *io)
{
    int rc = 0;

    switch (io->kind) {
    case MR_SUBPROCESS_INHERIT:
        pl->child[i] = i;
        return 0;
    case MR_SUBPROCESS_FD:
        pl->child[i] = io->fd;
        return 0;
    case MR_SUBPROCESS_STDOUT:
        MR_BUG_ON(i != STDERR_FILENO);
        pl->child[i] = pl->child[STDOUT_FILENO];
        return 0;
    case MR_SUBPROCESS_NULL:
        rc = mr_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
        if (rc >= 0)
            pl->opened[i] = rc;
        break;
    case MR_SUBPROCESS_PIPE:
        rc = open_pipe(p, pl, i);
        break;
    }
    pl->child[i] = pl->opened[i];
    return MR_MIN(rc, 0);
}

/* --- spawn --- */

/* Fork. The child is p's, and what it says of exec is read from *ret_report. */
static int launch(struct mr_subprocess *p,
                  const struct mr_subprocess_options *o, int *ret_report)
{
    const struct mr_subprocess_io *io[] = {&o->in, &o->out, &o->err};
    struct plumbing pl = {.opened = {-1, -1, -1}};
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++)
        rc = plumb(p, &pl, i, io[i]);
    for (size_t i = 0; i < o->pass_n; i++)
        pl.child[3 + i] = o->pass[i];
    if (rc == 0) {
        rc = mr_process_spawn(
            &(struct mr_process_spawn){
                .argv = o->argv,
                .env = o->env,
                .cwd = o->cwd,
                .fds = pl.child,
                .fd_n = 3 + o->pass_n,
                .group = o->group,
            },
            ret_report);
        p->pid = MR_MAX(rc, 0);
    }
    for (int i = 0; i < 3; i++)
        mr_fd_close(pl.opened[i]);
    return MR_MIN(rc, 0);
}

/* 0 when the program runs; or why not. May park. */
static int await_exec(int report, int64_t deadline)
{
    int err;
    ssize_t n = mr_read(report, &err, sizeof err, deadline);

    if (n <= 0)
        return (int)n;
    return n == sizeof err && err < 0 ? err : -EIO;
}

int mr_subprocess_spawn(struct mr_subprocess **ret,
                        const struct mr_subprocess_options *o, int64_t deadline)
{
    struct mr_subprocess *p = mr_calloc(1, sizeof *p);
    int report = -1, rc;

    MR_BUG_ON(!o->argv || !o->argv[0]);
    MR_BUG_ON(o->pass_n > MR_SUBPROCESS_PASS_MAX);
    if (!p)
        return -ENOMEM;
    for (int i = 0; i < 3; i++)
        mr_stream_fd_init(&p->io[i], -1);
    p->pidfd = -1;
    p->group = o->group;
    rc = launch(p, o, &report);
    if (rc == 0) {
        rc = mr_sys_pidfd_open(p->pid);
        p->pidfd = MR_MAX(rc, -1); /* any error: (3) */
        rc = await_exec(report, deadline);
    }
    mr_fd_close(report);
    if (rc) {
        mr_subprocess_free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

static struct mr_stream *stream_of(struct mr_subprocess *p, int i)
{
    return p->is_pipe[i] ? &p->io[i].stream : NULL;
}

struct mr_stream *mr_subprocess_in(struct mr_subprocess *p)
{
    return stream_of(p, 0);
}

struct mr_stream *mr_subprocess_out(struct mr_subprocess *p)
{
    return stream_of(p, 1);
}

struct mr_stream *mr_subprocess_err(struct mr_subprocess *p)
{
    return stream_of(p, 2);
}

pid_t mr_subprocess_pid(const struct mr_subprocess *p)
{
    return p->pid;
}

/* --- its end --- */

/* Has it ended? Reaps it then. */
static bool look(struct mr_subprocess *p)
{
    int rc;

    if (p->ended)
        return true;
    rc = mr_process_reap(p->pid, &p->status, WNOHANG);
    if (rc == -EAGAIN)
        return false;
    p->lost = rc;
    p->ended = true;
    mr_fd_close(p->pidfd); /* others who wait for it look, too */
    p->pidfd = -1;
    return true;
}

/* Until it may be worth another look. 0 or -Exxx. May park. */
static int await(struct mr_subprocess *p, int64_t *pause_ms, int64_t deadline)
{
    int rc;

    if (p->pidfd >= 0) {
        rc = mr_hub_wait_fd(p->pidfd, MR_READABLE, deadline);
        if (rc != -ENOMEM)
            return rc;
    }
    rc = mr_sleep(MR_MIN(deadline, mr_after_ms(*pause_ms)));
    if (rc)
        return rc;
    *pause_ms = MR_MIN(*pause_ms * 2, LOOK_LAST_MS);
    return mr_now() >= deadline ? -ETIMEDOUT : 0;
}

int mr_subprocess_wait(struct mr_subprocess *p, int *ret_status,
                       int64_t deadline)
{
    int64_t pause_ms = LOOK_FIRST_MS;
    int rc = 0;

    p->waiters++;
    /* The last look comes after the last wait: an end before a deadline. */
    while (!look(p) && rc == 0)
        rc = await(p, &pause_ms, deadline);
    p->waiters--;
    if (!p->ended)
        return rc;
    if (p->lost == 0 && ret_status)
        *ret_status = p->status;
    return p->lost;
}

int mr_subprocess_kill(struct mr_subprocess *p, int sig)
{
    if (p->ended)
        return -ESRCH;
    return mr_sys_kill(p->group ? -p->pid : p->pid, sig);
}

/* SIGKILL, and its end. One that sleeps in the kernel, on a disk that does not
 * answer, is waited for as long. May park. */
static int end(struct mr_subprocess *p, int *ret_status)
{
    struct mr_scope shield;
    int rc;

    mr_shield_enter(&shield, MR_NEVER);
    if (mr_subprocess_kill(p, SIGKILL) == -ESRCH && p->group)
        (void)mr_sys_kill(p->pid, SIGKILL); /* before it made its group */
    rc = mr_subprocess_wait(p, ret_status, MR_NEVER);
    (void)mr_shield_leave(&shield);
    return rc;
}

int mr_subprocess_stop(struct mr_subprocess *p, int *ret_status,
                       int64_t deadline)
{
    int rc;

    (void)mr_subprocess_kill(p, SIGTERM); /* it may be gone */
    rc = mr_subprocess_wait(p, ret_status, deadline);
    return rc == 0 || rc == -ECHILD ? rc : end(p, ret_status);
}

void mr_subprocess_free(struct mr_subprocess *p)
{
    if (!p)
        return;
    MR_BUG_ON(p->waiters > 0);
    if (p->pid > 0 && !p->ended)
        (void)end(p, NULL); /* -ECHILD: gone, too */
    for (int i = 0; i < 3; i++) {
        if (mr_stream_fd(&p->io[i].stream) >= 0)
            mr_stream_close(&p->io[i].stream);
    }
    mr_free(p);
}

/* --- run --- */

struct run {
    struct mr_group pumps;
    struct mr_waitq news; /* an output has ended, or a pump failed */
    unsigned outputs;     /* still open */
    int err;              /* of the first that failed */
    size_t max;
};

struct pump {
    struct run *run;
    struct mr_stream *s;
    struct mr_buf *to;   /* of an output */
    struct mr_str input; /* else */
};

static void tell(struct run *r, int err)
{
    if (err && r->err == 0)
        r->err = err;
    mr_waitq_wake_all(&r->news, 0);
}

static intptr_t feed(void *arg)
{
    struct pump *f = arg;
    int rc = mr_stream_write_all(f->s, f->input.p, f->input.n, MR_NEVER);

    mr_stream_close(f->s);
    tell(f->run, rc == -EPIPE ? 0 : rc);
    return rc;
}

static intptr_t collect(void *arg)
{
    struct pump *c = arg;
    size_t total = 0;
    ssize_t n;
    int rc;

    for (;;) {
        /* One byte more than is wanted tells that there is too much. */
        size_t most = MR_MIN(c->run->max - total, PIECE - 1) + 1;

        rc = mr_buf_reserve(c->to, most);
        if (rc)
            break;
        n = mr_stream_read(c->s, mr_buf_tail(c->to), most, MR_NEVER);
        rc = (int)MR_MIN(n, 0);
        if (n <= 0)
            break;
        if ((size_t)n > c->run->max - total) {
            mr_buf_commit(c->to, c->run->max - total);
            rc = -EMSGSIZE;
            break;
        }
        mr_buf_commit(c->to, (size_t)n);
        total += (size_t)n;
    }
    c->run->outputs--;
    tell(c->run, rc);
    return rc;
}

/* 0 or -ENOMEM; a pump is not started for what is no pipe. */
static int start_pump(struct run *r, struct pump *pump, struct mr_stream *s,
                      struct mr_buf *to)
{
    if (!s)
        return 0;
    pump->run = r;
    pump->s = s;
    pump->to = to;
    if (to)
        r->outputs++;
    if (to ? mr_group_spawn(&r->pumps, collect, pump)
           : mr_group_spawn(&r->pumps, feed, pump))
        return 0;
    return -ENOMEM;
}

/* Input, outputs, end. 0, or -Exxx and it may still run. May park. */
static int attend(struct mr_subprocess *p,
                  const struct mr_subprocess_capture *c, int *ret_status,
                  int64_t deadline)
{
    struct run r = {.max = c->max};
    struct pump in = {.input = c->input}, out, err;
    int rc;

    mr_group_init(&r.pumps);
    mr_waitq_init(&r.news);
    rc = start_pump(&r, &in, mr_subprocess_in(p), NULL);
    if (rc == 0)
        rc = start_pump(&r, &out, mr_subprocess_out(p), c->out);
    if (rc == 0)
        rc = start_pump(&r, &err, mr_subprocess_err(p), c->err);
    while (rc == 0 && r.err == 0 && r.outputs > 0)
        rc = (int)mr_wait(&r.news, deadline, "subprocess: output");
    rc = rc ? rc : r.err;
    if (rc == 0)
        rc = mr_subprocess_wait(p, ret_status, deadline);
    rc = rc ? rc : r.err;
    /* The input may still wait to be read by a child of the child: that it is
     * given up here is no error of the run. */
    mr_group_close(&r.pumps);
    return rc;
}

int mr_subprocess_run(const struct mr_subprocess_options *o,
                      const struct mr_subprocess_capture *c, int *ret_status,
                      int64_t deadline)
{
    struct mr_subprocess_options mine = *o;
    struct mr_subprocess *p;
    int rc;

    if (c->input.p)
        mine.in.kind = MR_SUBPROCESS_PIPE;
    if (c->out)
        mine.out.kind = MR_SUBPROCESS_PIPE;
    if (c->err)
        mine.err.kind =
            c->err == c->out ? MR_SUBPROCESS_STDOUT : MR_SUBPROCESS_PIPE;
    mine.group = true;
    MR_BUG_ON(mine.in.kind == MR_SUBPROCESS_PIPE && !c->input.p);
    MR_BUG_ON(mine.out.kind == MR_SUBPROCESS_PIPE && !c->out);
    MR_BUG_ON(mine.err.kind == MR_SUBPROCESS_PIPE && !c->err);
    rc = mr_subprocess_spawn(&p, &mine, deadline);
    if (rc)
        return rc;
    rc = attend(p, c, ret_status, deadline);
    mr_subprocess_free(p);
    return rc;
}
