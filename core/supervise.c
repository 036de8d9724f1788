/* SPDX-License-Identifier: MIT */

/*
 * supervise.c - the supervisor's life: places, workers, one flat loop.
 *
 * One turn: wait for a signal, a worker's word or the nearest time; take the
 * signals; hear the workers; bury the dead; do what is due. Nothing else ever
 * blocks, and nothing calls back into the loop.
 *
 * Invariants
 *  (1) A place has a process (pid) in STARTING, RUNNING, HELD and KILLED, and
 *      none in WAITING and GONE. Only bury takes it away, after waitpid: no
 *      signal goes to a pid that could be somebody else's by now.
 *  (2) Sockets belong to places; a process's death changes nothing about them.
 *  (3) A place's first process that ends before it was ready is a failed start,
 *      and ends everything; no other ends the master.
 *  (4) The loop ends when all places are GONE.
 *
 * States and their arrows: core/master_priv.h.
 *
 * over budget: the loop, and all that it may do in a turn, in one place.
 *
 * Not here: a reload of more than certificates, upgrade, the control socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/master_priv.h"
#include "core/process.h"
#include "core/signal.h"
#include "core/sys.h"

#define MS INT64_C(1000000)

static struct mr_score_row *row_of(struct mr_master *m,
                                   const struct mr_place *p)
{
    return mr_scoreboard_row(m->board, (unsigned)(p - m->places));
}

static int index_of(const struct mr_master *m, const struct mr_place *p)
{
    return (int)(p - m->places);
}

/* --- a process for a place --- */

/* The sockets that place i works on; NULL when out of memory. */
static struct mr_worker_listener *listeners_of(const struct mr_master *m,
                                               unsigned i)
{
    struct mr_worker_listener *l =
        mr_calloc(m->plan.listener_count + 1, sizeof *l);
    size_t n = 0;

    if (!l)
        return NULL;
    for (size_t k = 0; k < m->socket_count; k++) {
        const struct mr_master_socket *s = &m->sockets[k];

        if (s->owner == i || s->owner == MR_MASTER_ALL)
            l[n++] = (struct mr_worker_listener){s->spec, s->fd};
    }
    MR_BUG_ON(n != m->plan.listener_count);
    return l;
}

MR_NORETURN static void in_child(struct mr_master *m, const struct mr_place *p,
                                 struct mr_worker_listener *l, int channel)
{
    struct mr_worker w = {
        .index = (unsigned)index_of(m, p),
        .generation = p->generation + 1,
        .channel = channel,
        .plan = &m->plan,
        .row = row_of(m, p),
        .listeners = l,
        .listener_count = m->plan.listener_count,
    };
    struct mr_worker_start start = {
        .fn = m->o.worker_main,
        .arg = m->o.arg,
        .board_fd = mr_scoreboard_fd(m->board),
        .keep_fds = m->o.keep_fds,
        .keep_count = m->o.keep_count,
    };

    mr_worker_enter(&w, &start);
}

/* 0, or -Exxx and the place as it was. */
static int start_worker(struct mr_master *m, struct mr_place *p)
{
    struct mr_worker_listener *l = listeners_of(m, (unsigned)index_of(m, p));
    int pair[2], err;
    pid_t pid;

    if (!l)
        return -ENOMEM;
    err = mr_sys_socketpair(
        AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
    if (err) {
        mr_free(l);
        return err;
    }
    pid = mr_process_fork();
    if (pid == 0)
        in_child(m, p, l, pair[1]);
    mr_free(l);
    mr_sys_close(pair[1]); /* at once: no later child may inherit it */
    if (pid < 0) {
        mr_sys_close(pair[0]);
        return pid;
    }
    p->state = MR_PLACE_STARTING;
    p->generation++;
    p->pid = pid;
    p->channel = pair[0];
    p->was_ready = false;
    p->born = mr_sys_monotonic();
    return 0;
}

/* The next process: at once after a steady life, else later and later. */
static void schedule(struct mr_master *m, struct mr_place *p, bool steady)
{
    int64_t twice = MR_MIN(2 * p->backoff, m->o.backoff_max);

    p->backoff = steady ? 0 : MR_MAX(twice, m->o.backoff_min);
    p->due = mr_sys_monotonic() + p->backoff;
    p->state = MR_PLACE_WAITING;
    if (p->backoff > 0)
        mr_log(MR_LOG_WARN, "worker %d starts again in %jd ms", index_of(m, p),
               (intmax_t)(p->backoff / MS));
}

/* --- leaving --- */

static void kill_all(struct mr_master *m)
{
    m->phase = MR_MASTER_KILLING;
    for (unsigned i = 0; i < m->plan.workers; i++) {
        struct mr_place *p = &m->places[i];

        if (p->pid > 0) {
            mr_sys_kill(p->pid, SIGKILL);
            p->state = MR_PLACE_KILLED;
        } else {
            p->state = MR_PLACE_GONE;
        }
    }
}

static void drain_all(struct mr_master *m, int sig)
{
    m->phase = MR_MASTER_DRAINING;
    m->drained_at = mr_sys_monotonic();
    m->drained_by = sig;
    m->kill_at = m->drained_at + m->plan.grace;
    for (unsigned i = 0; i < m->plan.workers; i++) {
        struct mr_place *p = &m->places[i];

        if (p->pid <= 0)
            p->state = MR_PLACE_GONE;
        else if (p->channel >= 0) /* failing: it is dying, and CHLD comes */
            (void)!mr_worker_send(p->channel, MR_WORKER_DRAIN, NULL);
    }
}

static void fail_start(struct mr_master *m, const struct mr_place *p,
                       const char *why)
{
    mr_master_complain(&m->o, "worker %d cannot start: %s", index_of(m, p),
                       why);
    m->status = EXIT_FAILURE;
    kill_all(m);
}

/* Were p to end now (invariant 3). */
static bool is_failed_start(const struct mr_master *m, const struct mr_place *p)
{
    return m->phase == MR_MASTER_SERVING && p->generation == 1 && !p->was_ready;
}

static bool is_over(const struct mr_master *m)
{
    for (unsigned i = 0; i < m->plan.workers; i++) {
        if (m->places[i].state != MR_PLACE_GONE)
            return false;
    }
    return true;
}

/* --- what workers say --- */

static void check_up(struct mr_master *m)
{
    for (unsigned i = 0; i < m->plan.workers; i++) {
        if (!m->places[i].was_ready)
            return;
    }
    m->was_up = true;
    if (m->o.on_ready)
        m->o.on_ready(&m->plan, m->o.arg);
    mr_log(MR_LOG_INFO, "workers ready: %u", m->plan.workers);
}

static void take_message(struct mr_master *m, struct mr_place *p,
                         const struct mr_worker_message *msg)
{
    if (msg->kind == MR_WORKER_READY && p->state == MR_PLACE_STARTING) {
        p->state = MR_PLACE_RUNNING;
        p->was_ready = true;
        if (!m->was_up)
            check_up(m);
        else
            mr_log(MR_LOG_INFO, "worker %d is ready again (pid %d)",
                   index_of(m, p), (int)p->pid);
    } else if (msg->kind == MR_WORKER_FAILED) {
        if (is_failed_start(m, p))
            fail_start(m, p, msg->text);
        else
            mr_log(MR_LOG_ERROR, "worker %d: %s", index_of(m, p), msg->text);
    }
}

/* All that it has said so far. At its end the channel goes; its death is
 * SIGCHLD's to tell. */
static void hear(struct mr_master *m, struct mr_place *p)
{
    struct mr_worker_message msg;
    int rc = -EAGAIN;

    while (p->channel >= 0 && (rc = mr_worker_receive(p->channel, &msg)) == 1)
        take_message(m, p, &msg);
    if (p->channel >= 0 && rc != -EAGAIN) {
        mr_sys_close(p->channel);
        p->channel = -1;
    }
}

/* --- the dead --- */

static void log_end(const struct mr_master *m, const struct mr_place *p,
                    pid_t pid, int status)
{
    int64_t lived = mr_sys_monotonic() - p->born;
    char how[64], core[256];

    mr_process_exit_text(status, how, sizeof how);
    mr_process_core_name(pid, status, core, sizeof core);
    mr_log(status == 0 ? MR_LOG_INFO : MR_LOG_WARN,
           "worker %d (pid %d) %s after %jd ms%s%s", index_of(m, p), (int)pid,
           how, (intmax_t)(lived / MS), core[0] ? "; its core: " : "", core);
}

/* The process of p was reaped. */
static void bury(struct mr_master *m, struct mr_place *p, int status)
{
    pid_t pid = p->pid;
    bool steady;
    char how[64];

    p->pid = 0; /* first: its last words may have everyone killed */
    hear(m, p);
    if (p->channel >= 0)
        mr_sys_close(p->channel);
    p->channel = -1;
    log_end(m, p, pid, status);
    mr_scoreboard_vacate(row_of(m, p));
    if (is_failed_start(m, p)) {
        mr_process_exit_text(status, how, sizeof how);
        fail_start(m, p, how);
    }
    if (m->phase == MR_MASTER_DRAINING && status != 0)
        m->status = EXIT_FAILURE;
    p->state = MR_PLACE_GONE;
    if (m->phase != MR_MASTER_SERVING)
        return;
    steady = p->was_ready && mr_sys_monotonic() - p->born >= m->o.steady;
    schedule(m, p, steady);
}

static void reap(struct mr_master *m)
{
    if (!m->child_ended)
        return;
    m->child_ended = false;
    for (unsigned i = 0; i < m->plan.workers; i++) {
        struct mr_place *p = &m->places[i];
        int status;

        if (p->pid > 0 && mr_process_reap(p->pid, &status, WNOHANG) == 0)
            bury(m, p, status);
    }
}

/* --- what is due --- */

/* Has it been away from its hub for too long? Ask it where it is. */
static void watch_place(struct mr_master *m, struct mr_place *p, int64_t now)
{
    uint64_t beat = mr_scoreboard_get(&row_of(m, p)->beat);

    if (m->plan.hang_limit == 0 || beat == 0 || /* waits in the kernel */
        now - (int64_t)beat < m->plan.hang_limit)
        return;
    mr_log(MR_LOG_ERROR, "worker %d (pid %d) has not come back for %jd ms",
           index_of(m, p), (int)p->pid, (intmax_t)((now - (int64_t)beat) / MS));
    mr_sys_kill(p->pid, MR_SIG_REPORT);
    p->beat = beat;
    p->state = MR_PLACE_HELD;
    p->due = now + m->o.report_pause;
}

static void watch_held(struct mr_master *m, struct mr_place *p, int64_t now)
{
    if (mr_scoreboard_get(&row_of(m, p)->beat) != p->beat) {
        mr_log(MR_LOG_WARN, "worker %d came back", index_of(m, p));
        p->state = MR_PLACE_RUNNING;
    } else if (now >= p->due) {
        mr_log(MR_LOG_ERROR, "worker %d (pid %d) is killed", index_of(m, p),
               (int)p->pid);
        mr_sys_kill(p->pid, SIGKILL);
        p->state = MR_PLACE_KILLED;
    }
}

static void tend(struct mr_master *m, struct mr_place *p, int64_t now)
{
    int err;

    if (p->state == MR_PLACE_WAITING && now >= p->due) {
        err = start_worker(m, p);
        if (err) {
            mr_log(MR_LOG_ERROR, "cannot start worker %d: %s", index_of(m, p),
                   mr_strerror(err));
            schedule(m, p, false);
        }
    } else if (p->state == MR_PLACE_RUNNING) {
        watch_place(m, p, now);
    } else if (p->state == MR_PLACE_HELD) {
        watch_held(m, p, now);
    }
}

static void do_what_is_due(struct mr_master *m)
{
    int64_t now = mr_sys_monotonic();

    for (unsigned i = 0; i < m->plan.workers; i++)
        tend(m, &m->places[i], now);
    if (m->phase == MR_MASTER_DRAINING && now >= m->kill_at && !is_over(m)) {
        mr_log(MR_LOG_WARN, "the grace is over: workers are killed");
        m->status = EXIT_FAILURE;
        kill_all(m);
    }
}

/* When do_what_is_due has something to do next, if nothing else happens. */
static int64_t next_time(const struct mr_master *m)
{
    /* the beat is looked at four times per limit: a hang is found after 1.25 of
     * it at most */
    int64_t look =
        m->plan.hang_limit == 0
            ? MR_NEVER
            : mr_sys_monotonic() + MR_MAX(m->plan.hang_limit / 4, MS);
    int64_t at = m->phase == MR_MASTER_DRAINING ? m->kill_at : MR_NEVER;

    for (unsigned i = 0; i < m->plan.workers; i++) {
        const struct mr_place *p = &m->places[i];

        if (p->state == MR_PLACE_WAITING || p->state == MR_PLACE_HELD)
            at = MR_MIN(at, p->due);
        if (p->state == MR_PLACE_RUNNING || p->state == MR_PLACE_HELD)
            at = MR_MIN(at, look); /* a held one may come back */
    }
    return at;
}

/* --- the loop --- */

static void forward(struct mr_master *m, int sig)
{
    for (unsigned i = 0; i < m->plan.workers; i++) {
        if (m->places[i].pid > 0)
            mr_sys_kill(m->places[i].pid, sig);
    }
}

/* A configuration with an error changes nothing. The loop stands still for the
 * check, check_limit at most, which is rare and asked for. */
static void renew(struct mr_master *m)
{
    char line[MR_MASTER_LINE_MAX];
    struct mr_plan plan;

    if (m->phase != MR_MASTER_SERVING)
        return;
    if (mr_master_check(&m->o, &plan, line, sizeof line)) {
        mr_log(MR_LOG_ERROR, "not reloaded: %s", line);
        return;
    }
    mr_plan_fini(&plan);
    for (unsigned i = 0; i < m->plan.workers; i++) {
        if (m->places[i].channel >= 0) /* failing: it is dying */
            (void)!mr_worker_send(m->places[i].channel, MR_WORKER_RENEW, NULL);
    }
    mr_log(MR_LOG_INFO, "certificates are read anew; what else has changed in "
                        "the configuration needs a restart");
}

static void take_signal(struct mr_master *m, int sig)
{
    int err;

    if (sig != SIGCHLD)
        mr_log(MR_LOG_INFO, "got %s", mr_signal_name(sig));
    switch (sig) {
    case SIGCHLD:
        m->child_ended = true;
        break;
    case SIGTERM:
    case SIGINT:
        if (m->phase == MR_MASTER_SERVING)
            drain_all(m, sig);
        else if (sig != m->drained_by ||
                 mr_sys_monotonic() - m->drained_at > m->o.same_pause)
            kill_all(m);
        break;
    case SIGQUIT:
        kill_all(m);
        break;
    case SIGHUP:
        renew(m);
        break;
    case SIGUSR1:
        err = mr_log_reopen();
        if (err)
            mr_log(MR_LOG_ERROR, "cannot open the log anew: %s",
                   mr_strerror(err));
        forward(m, sig);
        break;
    case SIGUSR2:
        forward(m, sig);
        break;
    }
}

static void wait_for_something(struct mr_master *m)
{
    int64_t at = next_time(m);
    int64_t left = at == MR_NEVER ? -1 : at - mr_sys_monotonic();
    int rc;

    m->polls[0] = (struct pollfd){.fd = m->signals, .events = POLLIN};
    for (unsigned i = 0; i < m->plan.workers; i++)
        m->polls[i + 1] =
            (struct pollfd){.fd = m->places[i].channel, .events = POLLIN};
    if (at != MR_NEVER)
        left = MR_MAX(left, 0);
    rc = mr_sys_ppoll(m->polls, m->plan.workers + 1, left);
    /* -EINTR (stopped and continued) and -ENOMEM are turns without news: all
     * is looked at anyway */
    if (rc < 0)
        mr_log(MR_LOG_DEBUG, "ppoll: %s", mr_strerror(rc));
}

static void start_all(struct mr_master *m)
{
    int err = 0;

    for (unsigned i = 0; !err && i < m->plan.workers; i++) {
        err = start_worker(m, &m->places[i]);
        if (err)
            fail_start(m, &m->places[i], mr_strerror(err));
    }
}

int mr_master_supervise(struct mr_master *m)
{
    struct mr_signal sig;

    m->status = EXIT_SUCCESS;
    for (unsigned i = 0; i < m->plan.workers; i++)
        m->places[i].channel = -1;
    start_all(m);
    while (!is_over(m)) {
        wait_for_something(m);
        while (mr_signal_read(m->signals, &sig) == 0)
            take_signal(m, sig.number);
        for (unsigned i = 0; i < m->plan.workers; i++)
            hear(m, &m->places[i]);
        reap(m);
        do_what_is_due(m);
    }
    mr_log(MR_LOG_INFO, "all workers have left");
    return m->status;
}
