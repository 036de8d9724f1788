/* SPDX-License-Identifier: MIT */

/*
 * master.c - the supervisor's preparations: plan, log, board, sockets.
 *
 * Invariants
 *  (1) No code of an app or of the configuration runs in this process. The
 *      check's child says what must be known, as text (core/plan.h).
 *  (2) Every socket is open before the first worker is forked, and stays open
 *      here until the end: what queues in it outlives its worker.
 *  (3) A start that fails leaves one line, no process and no socket.
 *
 * Not here: the life after the start (core/supervise.c), addresses (the
 * caller's open_listener).
 */
#include "core/master.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/master_priv.h"
#include "core/process.h"
#include "core/signal.h"
#include "core/sys.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

void mr_master_complain(const struct mr_master_options *o, const char *fmt, ...)
{
    char line[MR_MASTER_LINE_MAX + 256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s: %s\n", o->name, line);
    if (mr_log_fd() != STDERR_FILENO)
        mr_log(MR_LOG_ERROR, "%s", line);
}

/* --- the check --- */

static int write_all(int fd, struct mr_str s)
{
    while (s.n > 0) {
        ssize_t n = mr_sys_write(fd, s.p, s.n);

        if (n < 0)
            return (int)n;
        s = mr_str_n(s.p + n, s.n - (size_t)n);
    }
    return 0;
}

/* In the child: the plan and status 0, or a line and status 1. */
static int check_child(int fd, void *arg)
{
    const struct mr_master_options *o = arg;
    char line[MR_MASTER_LINE_MAX] = "";
    struct mr_plan plan;
    struct mr_buf text;
    int err;

    mr_plan_init(&plan);
    mr_buf_init(&text);
    err = o->check(&plan, line, sizeof line, o->arg);
    if (!err)
        err = mr_plan_format(&plan, &text);
    if (!err)
        err = write_all(fd, mr_buf_view(&text));
    else
        (void)!write_all(fd, mr_str(line[0] ? line : mr_strerror(err)));
    mr_buf_fini(&text);
    mr_plan_fini(&plan);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What a child wrote, as one printable line: it may have written anything. */
static void first_line(struct mr_str text, char *ret_line, size_t size)
{
    size_t n = 0;

    for (; n < text.n && n < size - 1 && text.p[n] != '\n'; n++)
        ret_line[n] = (unsigned char)text.p[n] < ' ' ? '?' : text.p[n];
    ret_line[n] = '\0';
}

/* The child ended; what does that say? 0 and the plan, or -Exxx and a line. */
static int read_answer(int status, struct mr_str text, struct mr_plan *plan,
                       char *ret_line, size_t size)
{
    char how[64];
    int err;

    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
        err = mr_plan_parse(plan, text);
        if (err)
            snprintf(ret_line, size, "the configuration's check: %s",
                     mr_strerror(err));
        return err;
    }
    if (WIFEXITED(status) && text.n > 0) {
        first_line(text, ret_line, size);
        return -EINVAL;
    }
    mr_process_exit_text(status, how, sizeof how);
    snprintf(ret_line, size,
             "the configuration's check came to no end (%s): does an app "
             "that it loads crash?",
             how);
    return -EINVAL;
}

int mr_master_check(const struct mr_master_options *o, struct mr_plan *ret_plan,
                    char *ret_line, size_t size)
{
    int64_t limit = o->check_limit ? o->check_limit : 60 * S;
    struct mr_probe probe = {
        .fn = check_child,
        .arg = (void *)o, /* given back as const */
        .max = MR_PLAN_TEXT_MAX,
        .deadline = mr_sys_monotonic() + limit,
    };
    struct mr_plan plan;
    struct mr_buf text;
    int status, err;

    mr_plan_init(&plan);
    mr_buf_init(&text);
    err = mr_process_probe(&probe, &text, &status);
    if (err == -ETIMEDOUT)
        snprintf(ret_line, size,
                 "the configuration's check did not end within %d s",
                 (int)(limit / S));
    else if (err)
        snprintf(ret_line, size, "cannot check the configuration: %s",
                 mr_strerror(err));
    else
        err = read_answer(status, mr_buf_view(&text), &plan, ret_line, size);
    mr_buf_fini(&text);
    if (err)
        mr_plan_fini(&plan);
    else
        *ret_plan = plan;
    return err;
}

/* --- sockets --- */

/* What the operator can do about it. */
static const char *advice(int err)
{
    switch (err) {
    case -EADDRINUSE:
        return "; stop the program that has it, or choose another port";
    case -EACCES:
        return "; ports below 1024 need CAP_NET_BIND_SERVICE";
    case -EADDRNOTAVAIL:
        return "; no interface of this machine has that address";
    case -EMFILE:
        return "; raise the limit on open files (ulimit -n)";
    default:
        return "";
    }
}

static int open_socket(struct mr_master *m, const struct mr_listener *l,
                       unsigned index)
{
    struct mr_master_socket *s = &m->sockets[m->socket_count];
    int err = m->o.open_listener(l, index, &s->fd, m->o.arg);

    if (err) {
        mr_master_complain(&m->o, "%s%scannot listen on %s: %s%s", l->where,
                           l->where[0] ? ": " : "", l->address,
                           mr_strerror(err), advice(err));
        return err;
    }
    s->spec = l;
    s->owner = l->shared ? MR_MASTER_ALL : index;
    m->socket_count++;
    return 0;
}

/* The table: sockets of one listener stand together, listeners in the plan's
 * order. */
static int open_sockets(struct mr_master *m)
{
    int err;

    for (size_t i = 0; i < m->plan.listener_count; i++) {
        const struct mr_listener *l = &m->plan.listeners[i];
        unsigned count = l->shared ? 1 : m->plan.workers;

        for (unsigned index = 0; index < count; index++) {
            err = open_socket(m, l, index);
            if (err)
                return err;
        }
    }
    return 0;
}

/* --- from start to end --- */

static void fill_in_defaults(struct mr_master_options *o)
{
    if (o->backoff_min == 0)
        o->backoff_min = 100 * MS;
    if (o->backoff_max == 0)
        o->backoff_max = 10 * S;
    if (o->steady == 0)
        o->steady = 1 * S;
    if (o->report_pause == 0)
        o->report_pause = 1 * S;
    if (o->same_pause == 0)
        o->same_pause = S / 5;
}

/* workers = auto: one per CPU that we may use. */
static void resolve_workers(struct mr_plan *plan)
{
    int cpus[MR_PLAN_WORKERS_MAX];
    int n;

    if (plan->workers > 0)
        return;
    n = mr_sys_cpus(cpus, MR_ARRAY_LEN(cpus));
    plan->workers = n > 0 ? (unsigned)n : 1;
}

static int open_log(struct mr_master *m)
{
    const char *path = m->plan.log_path;
    int err;

    mr_log_set_level((enum mr_log_level)m->plan.log_level);
    if (path[0] == '\0')
        return 0;
    err = mr_log_open(path);
    if (err)
        mr_master_complain(&m->o, "cannot open the log %s: %s", path,
                           mr_strerror(err));
    return err;
}

/* From here on signals wait in m->signals. */
static int take_signals(struct mr_master *m)
{
    sigset_t set = mr_signal_set(7, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
                                 SIGUSR2, SIGCHLD);
    /* whoever started us may have SIGCHLD ignored: then no child is waited
     * for, as none is left to be */
    int err = mr_signal_reset(set);

    if (!err)
        err = mr_signal_ignore_pipe();
    if (err)
        return err;
    m->signals = mr_signal_open(set);
    return MR_MIN(m->signals, 0);
}

static int prepare(struct mr_master *m)
{
    unsigned n = m->plan.workers;
    int err = take_signals(m);

    if (!err)
        err = mr_scoreboard_new(n, &m->board);
    if (!err) {
        m->places = mr_calloc(n, sizeof *m->places);
        m->polls = mr_calloc(n + 1, sizeof *m->polls);
        m->sockets =
            mr_calloc(m->plan.listener_count * n + 1, sizeof *m->sockets);
        if (!m->places || !m->polls || !m->sockets)
            err = -ENOMEM;
    }
    if (err)
        mr_master_complain(&m->o, "cannot start: %s", mr_strerror(err));
    return err;
}

static void fini(struct mr_master *m)
{
    for (size_t i = 0; i < m->socket_count; i++)
        mr_sys_close(m->sockets[i].fd);
    if (m->signals >= 0)
        mr_sys_close(m->signals);
    mr_scoreboard_free(m->board);
    mr_free(m->sockets);
    mr_free(m->places);
    mr_free(m->polls);
    mr_plan_fini(&m->plan);
}

int mr_master_run(const struct mr_master_options *o)
{
    struct mr_master m = {.o = *o, .signals = -1, .status = EXIT_FAILURE};
    char line[MR_MASTER_LINE_MAX];

    if (mr_master_check(o, &m.plan, line, sizeof line)) {
        mr_master_complain(o, "%s", line);
        return EXIT_FAILURE;
    }
    mr_log_set_prefix("master: ");
    fill_in_defaults(&m.o);
    resolve_workers(&m.plan);
    if (open_log(&m) == 0 && prepare(&m) == 0 && open_sockets(&m) == 0)
        m.status = mr_master_supervise(&m);
    fini(&m);
    return m.status;
}
