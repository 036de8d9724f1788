/* SPDX-License-Identifier: MIT */

/*
 * worker.c - inside a worker process: putting it in order, the master's words.
 *
 *            [mr_worker_enter]   [mr_worker_ready]     [begin_drain]
 *     (fork) ---------------> STARTING -------> RUNNING ---------> DRAINING
 *                                 |                                    |
 *                                 '--[mr_worker_fail]--> (exit) <------'
 *                                                        [first errand ends]
 *
 * Invariants
 *  (1) A worker has no descriptor but its own, its log and what the program
 *      asked to keep: nothing of its siblings, whose ends the master must see.
 *  (2) The end of the channel is the master's death; nothing else can hold the
 *      other end open.
 *  (3) on_drain runs once, whoever asks first.
 *
 * Not here: what is served. Not here: the limit on draining; the master keeps
 * it, and the program's own must be shorter.
 */
#include "core/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/group.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/process.h"
#include "core/signal.h"
#include "core/sys.h"
#include "core/timer.h"
#include "core/watchdog.h"

/* --- messages --- */

#define HEAD offsetof(struct mr_worker_message, text)

int mr_worker_send(int channel, uint32_t kind, const char *text)
{
    struct mr_worker_message m = {.kind = kind};
    size_t n = text ? strnlen(text, sizeof m.text - 1) : 0;
    ssize_t rc;

    if (n > 0)
        memcpy(m.text, text, n);
    rc = mr_sys_send(channel, &m, HEAD + n, MSG_DONTWAIT);
    return rc < 0 ? (int)rc : 0;
}

int mr_worker_receive(int channel, struct mr_worker_message *ret)
{
    struct mr_worker_message m;
    ssize_t n;

    do {
        n = mr_sys_recv(channel, &m, sizeof m - 1, MSG_DONTWAIT);
        if (n == -ECONNRESET) /* it died with our words unread */
            n = 0;
        if (n <= 0)
            return (int)n;
    } while (n < (ssize_t)HEAD); /* no message of ours */
    m.text[(size_t)n - HEAD] = '\0';
    *ret = m;
    return 1;
}

int mr_worker_ready(struct mr_worker *w)
{
    int err = mr_worker_send(w->channel, MR_WORKER_READY, NULL);

    if (!err && !w->draining)
        mr_scoreboard_set(&w->row->state, MR_SCORE_RUNNING);
    return err;
}

int mr_worker_fail(struct mr_worker *w, const char *fmt, ...)
{
    char text[sizeof(((struct mr_worker_message *)0)->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* without a master, the log is what is left */
    if (mr_worker_send(w->channel, MR_WORKER_FAILED, text))
        mr_log(MR_LOG_ERROR, "%s", text);
    return -ECANCELED;
}

/* --- on the hub --- */

#define LOOK_MS 200

int mr_worker_run(struct mr_worker *w, intptr_t (*fn)(void *w),
                  intptr_t *ret_result)
{
    struct mr_hub *hub;
    int err;

    err = mr_hub_new(&hub);
    if (err)
        return err;
    /* the row is the board's, and outlives the hub */
    mr_hub_set_beat(hub, (int64_t *)&w->row->beat);
    err = mr_hub_run(hub, fn, w, ret_result);
    mr_hub_free(hub);
    return err;
}

static void begin_drain(struct mr_worker *w)
{
    if (w->draining)
        return;
    w->draining = true;
    mr_scoreboard_set(&w->row->state, MR_SCORE_DRAINING);
    mr_waitq_wake_all(&w->drain, 0);
    if (w->hooks && w->hooks->on_drain)
        w->hooks->on_drain(w, w->hooks->arg);
}

int mr_worker_wait_drain(struct mr_worker *w, int64_t deadline)
{
    if (w->draining)
        return 0;
    return (int)mr_wait(&w->drain, deadline, "drain");
}

static void reopen(struct mr_worker *w)
{
    int err = mr_log_reopen();

    if (err)
        mr_log(MR_LOG_ERROR, "cannot open the log anew: %s", mr_strerror(err));
    if (w->hooks && w->hooks->on_reopen)
        w->hooks->on_reopen(w, w->hooks->arg);
}

static void renew(struct mr_worker *w)
{
    if (!w->draining && w->hooks && w->hooks->on_renew)
        w->hooks->on_renew(w, w->hooks->arg);
}

/* Until fd may have something to read. What cannot be watched, as the kernel
 * has no room for it, is looked at again soon: a worker that hears nothing
 * could neither be replaced nor stopped. 0 or -ECANCELED. */
static int wait_for(int fd, const char *what, bool *told)
{
    int rc = mr_hub_wait_fd(fd, MR_READABLE, MR_NEVER);

    if (rc == 0 || rc == -ECANCELED)
        return rc;
    if (!*told)
        mr_log(MR_LOG_WARN,
               "cannot wait for %s: %s; they are looked for "
               "every %d ms",
               what, mr_strerror(rc), LOOK_MS);
    *told = true;
    return mr_sleep_ms(LOOK_MS);
}

static intptr_t hear_master(void *arg)
{
    struct mr_worker *w = arg;
    struct mr_worker_message m;
    bool told = false;
    int rc = 0;

    while (rc == 0) {
        int got = mr_worker_receive(w->channel, &m);

        if (got == 1 && m.kind == MR_WORKER_DRAIN)
            begin_drain(w);
        else if (got == 1 && m.kind == MR_WORKER_RENEW)
            renew(w);
        else if (got == -EAGAIN)
            rc = wait_for(w->channel, "the master's words", &told);
        else if (got <= 0)
            break;
    }
    if (rc == 0) {
        mr_log(MR_LOG_WARN, "the master is gone: draining");
        begin_drain(w);
    }
    return rc;
}

/* SIGQUIT and SIGHUP come from a terminal: the master acts on them. */
static void act_on(struct mr_worker *w, int signal)
{
    if (signal == SIGTERM || signal == SIGINT)
        begin_drain(w);
    else if (signal == SIGUSR1)
        reopen(w);
    else if (signal == SIGUSR2)
        mr_inspect_all();
}

static intptr_t hear_signals(void *arg)
{
    struct mr_worker *w = arg;
    struct mr_signal sig;
    bool told = false;
    int rc = 0;

    while (rc == 0) {
        rc = mr_signal_read(w->signals, &sig);
        if (rc == -EAGAIN)
            rc = wait_for(w->signals, "signals", &told);
        else if (rc == 0)
            act_on(w, sig.number);
    }
    mr_signal_close(w->signals);
    w->signals = -1;
    return rc;
}

int mr_worker_attend(struct mr_worker *w, const struct mr_worker_hooks *hooks)
{
    struct mr_spawn_options o = {
        .where = MR_HERE, .group = mr_hub_group(), .reap = true};
    int err;

    w->hooks = hooks;
    err = mr_hub_fd_shared(w->channel, false);
    if (err)
        return err;
    w->signals = mr_signal_open(mr_worker_signals());
    if (w->signals < 0)
        return w->signals;
    o.name = o.entry = "hear_signals";
    if (!mr_spawn_with(hear_signals, w, &o)) {
        mr_signal_close(w->signals);
        return -ENOMEM;
    }
    o.name = o.entry = "hear_master";
    return mr_spawn_with(hear_master, w, &o) ? 0 : -ENOMEM;
}

/* --- before the hub --- */

sigset_t mr_worker_signals(void)
{
    return mr_signal_set(6, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2);
}

/* Invariant (1). */
static int close_others(const struct mr_worker *w,
                        const struct mr_worker_start *start)
{
    size_t n = 0, max = w->listener_count + start->keep_count + 3;
    int *keep = mr_alloc(max * sizeof *keep);
    int err;

    if (!keep)
        return -ENOMEM;
    keep[n++] = w->channel;
    keep[n++] = start->board_fd;
    keep[n++] = mr_log_fd();
    for (size_t i = 0; i < w->listener_count; i++)
        keep[n++] = w->listeners[i].fd;
    for (size_t i = 0; i < start->keep_count; i++)
        keep[n++] = start->keep_fds[i];
    err = mr_process_close_except(keep, n);
    mr_free(keep);
    return err;
}

static int put_in_order(const struct mr_worker *w,
                        const struct mr_worker_start *start)
{
    int err = mr_signal_reset(mr_worker_signals());

    if (!err)
        err = mr_signal_ignore_pipe();
    if (!err)
        err = close_others(w, start);
    if (!err)
        err = mr_process_null_stdin();
    if (!err)
        err = mr_watchdog_install();
    return err;
}

/* A machine may refuse it (a container): slower, but it serves. */
static void pin(const struct mr_worker *w)
{
    int cpus[MR_PLAN_WORKERS_MAX];
    int n = mr_sys_cpus(cpus, MR_ARRAY_LEN(cpus));
    int err = n > 0 ? mr_sys_pin(cpus[w->index % (unsigned)n]) : n;

    if (err)
        mr_log(MR_LOG_WARN, "cannot stay on one CPU: %s", mr_strerror(err));
}

void mr_worker_enter(struct mr_worker *w, const struct mr_worker_start *start)
{
    char prefix[32];
    int rc;

    snprintf(prefix, sizeof prefix, "worker %u: ", w->index);
    mr_log_set_prefix(prefix);
    w->pid = getpid();
    w->signals = -1;
    mr_waitq_init(&w->drain);
    mr_scoreboard_take(w->row, w->generation);
    rc = put_in_order(w, start);
    if (rc == 0) {
        if (w->plan->pin)
            pin(w);
        rc = start->fn(w, start->arg);
    }
    if (rc < 0 && rc != -ECANCELED) /* that one has told why */
        (void)mr_worker_fail(w, "%s", mr_strerror(rc));
    mr_process_leave(rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
