/* SPDX-License-Identifier: MIT */

/*
 * boss.c - starts the lines of one way, watches, counts.
 *
 * The boss makes nothing. He has no thread and no hub, so that he can fork: all
 * work, and all measuring, is done in children. He waits for two things: a
 * signal (a child ended, somebody wants to stop) and, when somebody looks, the
 * time to draw the line of progress again.
 *
 *  (1) Children are killed and reaped before he returns; and the kernel kills
 *      them should he die himself.
 *  (2) A row is one child's to write; he reads `made` while it does so, and the
 *      rest once it was reaped.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/factory/factory.h"
#include "core/process.h"
#include "core/signal.h"
#include "core/sys.h"
#include "core/timer.h"

#define DRAW_NS 100000000
#define STOPPED 130 /* 128 + SIGINT, as a shell says it */

static int signals = -1;

struct shift {
    const struct factory_order *order;
    struct factory_result *result;
    struct factory_row *rows;
    pid_t *pids; /* 0: reaped */
    uint64_t n;  /* lines started */
    uint64_t alive;
    bool stopped;
    bool failed;
    bool drawn;
};

int factory_boss_begin(void)
{
    int fd;

    /* An ignored SIGCHLD would have children reaped by the kernel. */
    (void)signal(SIGCHLD, SIG_DFL);
    fd = mr_signal_open(
        mr_signal_set(5, SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT));
    signals = fd;
    return MR_MIN(fd, 0);
}

void factory_child_begin(pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    (void)!mr_signal_reset(none);
    /* Failing, an orphan just works to its end. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        mr_process_leave(1);
}

void *factory_shared(size_t n)
{
    int err;

    return mr_sys_mmap(NULL, n, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0, &err);
}

void factory_shared_free(void *p, size_t n)
{
    mr_sys_munmap(p, n);
}

/* Until a signal or the deadline; true when it is time to stop. */
static bool wait_signal(int64_t timeout_ns)
{
    struct pollfd p = {.fd = signals, .events = POLLIN};
    struct mr_signal sig;
    bool stop = false;

    (void)!mr_sys_ppoll(&p, 1, timeout_ns); /* -EINTR: look all the same */
    while (mr_signal_read(signals, &sig) == 0)
        stop |= sig.number != SIGCHLD;
    return stop;
}

/* --- one way --- */

static uint64_t made_so_far(const struct shift *s)
{
    uint64_t made = 0;

    for (uint64_t i = 0; i < s->n; i++)
        made += __atomic_load_n(&s->rows[i].made, __ATOMIC_RELAXED);
    return made;
}

static void draw(struct shift *s, int64_t began)
{
    if (!isatty(STDERR_FILENO))
        return;
    s->drawn = true;
    fprintf(stderr, "\r\033[K%s: %llu of %llu scissors, %.1f s",
            factory_way_name(s->result->way),
            (unsigned long long)made_so_far(s),
            (unsigned long long)s->order->scissors,
            (double)(mr_now() - began) * 1e-9);
}

static void wipe(struct shift *s)
{
    if (s->drawn)
        fputs("\r\033[K", stderr);
    s->drawn = false;
}

static void kill_lines(struct shift *s)
{
    for (uint64_t i = 0; i < s->n; i++) {
        if (s->pids[i] > 0)
            mr_sys_kill(s->pids[i], SIGKILL);
    }
}

/* What a line could not do, and what to do about it; once. */
static void tell_failure(struct shift *s, enum factory_unit unit,
                         uint64_t started, uint64_t wanted, int err)
{
    static const char *const option[] = {"-P", "-T", "-C"};
    struct factory_costs unknown = {0};
    struct factory_limit most = factory_limit(unit, &unknown);

    if (s->failed || s->stopped)
        return;
    s->failed = true;
    wipe(s);
    fprintf(stderr,
            "factory: %s: only %llu of %llu %s%s could be started: %s\n"
            "factory: ask for fewer with %s, or raise the limit (the nearest "
            "here: %s)\n",
            factory_way_name(s->result->way), (unsigned long long)started,
            (unsigned long long)wanted, factory_unit_name(unit),
            unit == FACTORY_PROCESS ? "es" : "s", strerror(-err), option[unit],
            most.why);
}

static void line_ended(struct shift *s, uint64_t i, int status)
{
    const struct factory_row *row = &s->rows[i];
    char text[64];

    s->pids[i] = 0;
    s->alive--;
    if (status == 0 || s->failed || s->stopped)
        return;
    if (row->err) {
        tell_failure(s, row->err_unit, row->err_started,
                     row->err_unit == FACTORY_THREAD ? s->result->workers
                                                     : s->result->errands,
                     row->err);
        return;
    }
    s->failed = true;
    mr_process_exit_text(status, text, sizeof text);
    wipe(s);
    fprintf(stderr, "factory: %s: line %llu of %llu %s\n",
            factory_way_name(s->result->way), (unsigned long long)i + 1,
            (unsigned long long)s->result->lines, text);
}

static void reap_lines(struct shift *s)
{
    int status;

    for (uint64_t i = 0; i < s->n; i++) {
        if (s->pids[i] > 0 &&
            mr_process_reap(s->pids[i], &status, WNOHANG) == 0)
            line_ended(s, i, status);
    }
}

/* Line i makes its part of the serial numbers. */
static int start_line(struct shift *s, uint64_t i,
                      const struct factory_recipe *recipe)
{
    const struct factory_result *r = s->result;
    uint64_t n = s->order->scissors;
    struct factory_share share = {
        .recipe = recipe,
        .row = &s->rows[i],
        .next = n * i / r->lines,
        .end = n * (i + 1) / r->lines,
        .workers = r->workers,
    };
    pid_t self = mr_sys_getpid(), pid;

    if (r->errands > 0)
        share.errands = MR_MIN(r->errands, MR_MAX(share.end - share.next, 1));
    pid = mr_process_fork();
    if (pid < 0)
        return pid;
    if (pid == 0) {
        factory_child_begin(self);
        mr_process_leave(factory_line(&share));
    }
    s->pids[i] = pid;
    s->n++;
    s->alive++;
    return 0;
}

static void run_lines(struct shift *s, const struct factory_recipe *recipe)
{
    int64_t began = mr_now();
    int rc = 0;

    for (uint64_t i = 0; i < s->result->lines && rc == 0; i++) {
        rc = start_line(s, i, recipe);
        if (rc)
            tell_failure(s, FACTORY_PROCESS, i, s->result->lines, rc);
    }
    while (s->alive > 0) {
        if (s->failed || s->stopped)
            kill_lines(s);
        draw(s, began);
        if (wait_signal(isatty(STDERR_FILENO) ? DRAW_NS : -1))
            s->stopped = true;
        reap_lines(s);
    }
    s->result->makespan_ns = mr_now() - began;
    wipe(s);
}

/* The rows' sum; false when a pair is missing, or was made twice. */
static bool count(struct shift *s)
{
    struct factory_row *sum = &s->result->sum;
    uint64_t n = s->order->scissors;

    for (uint64_t i = 0; i < s->n; i++) {
        const struct factory_row *row = &s->rows[i];

        sum->made += row->made;
        sum->serials += row->serials;
        sum->marks += row->marks;
        sum->cpu_ns += row->cpu_ns;
        sum->voluntary += row->voluntary;
        sum->involuntary += row->involuntary;
        sum->own += row->own;
    }
    return sum->made == n && sum->serials == n * (n - 1) / 2;
}

static struct factory_result plan(const struct factory_order *o,
                                  enum factory_way way)
{
    struct factory_result r = {.way = way, .lines = 1, .workers = 1};

    if (way != FACTORY_THREADS && way != FACTORY_COROUTINES)
        r.lines = o->lines;
    if (way == FACTORY_THREADS || way == FACTORY_BOTH)
        r.workers = o->workers;
    if (way == FACTORY_COROUTINES || way == FACTORY_LAYERED) {
        uint64_t share = (o->scissors + r.lines - 1) / r.lines;

        r.errands = o->errands > 0 ? MR_MIN(o->errands, share) : share;
    }
    return r;
}

int factory_boss_run(const struct factory_order *order,
                     const struct factory_recipe *recipe, enum factory_way way,
                     struct factory_result *ret)
{
    struct shift s = {.order = order, .result = ret};
    size_t rows_bytes;
    int status = 0;

    *ret = plan(order, way);
    rows_bytes = ret->lines * sizeof *s.rows;
    s.rows = factory_shared(rows_bytes);
    s.pids = mr_calloc(ret->lines, sizeof *s.pids);
    if (!s.rows || !s.pids) {
        fputs("factory: no memory to count in\n", stderr);
        status = 1;
        goto out;
    }
    run_lines(&s, recipe);
    if (s.stopped)
        status = STOPPED;
    else if (s.failed)
        status = 1;
    else if (!count(&s)) {
        fprintf(stderr, "factory: %s: %llu of %llu scissors were made\n",
                factory_way_name(way), (unsigned long long)ret->sum.made,
                (unsigned long long)order->scissors);
        status = 1;
    }
out:
    if (s.rows)
        factory_shared_free(s.rows, rows_bytes);
    mr_free(s.pids);
    return status;
}

/* --- one child --- */

int factory_boss_call(int (*fn)(void *arg), void *arg)
{
    pid_t self = mr_sys_getpid(), pid = mr_process_fork();
    bool stopped = false;
    int status, rc;

    if (pid < 0)
        return pid;
    if (pid == 0) {
        factory_child_begin(self);
        mr_process_leave(fn(arg));
    }
    while ((rc = mr_process_reap(pid, &status, WNOHANG)) == -EAGAIN) {
        if (wait_signal(-1)) {
            stopped = true;
            mr_sys_kill(pid, SIGKILL);
        }
    }
    if (stopped)
        return -ECANCELED;
    return rc ? rc : status == 0 ? 0 : -ECHILD;
}
