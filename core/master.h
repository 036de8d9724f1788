/* SPDX-License-Identifier: MIT */
#ifndef CORE_MASTER_H
#define CORE_MASTER_H

/*
 * master.h - the supervisor: sockets, workers, signals, one flat loop.
 *
 * The master has no hub, no coroutine and no thread, parses no configuration
 * and loads no app. It asks a child for a plan, opens the plan's sockets, forks
 * the workers, and keeps as many alive until it is told to go:
 *
 *     static const struct mr_master_options options = {
 *         .name = "millrace",
 *         .check = parse_and_load,        in a child that then ends
 *         .open_listener = bind_address,  in the master
 *         .worker_main = serve,           in each worker
 *     };
 *     return mr_master_run(&options);
 *
 * SIGTERM, SIGINT   drain and leave; a second one, later: now
 * SIGQUIT           now
 * SIGUSR1           open the logs anew, here and in the workers
 * SIGUSR2           workers write their list of coroutines to the log
 * SIGHUP            check the configuration; if it is fine, workers read its
 *                   certificates anew. Other changes need a restart
 *
 * A worker that dies is followed by another on the same sockets, so that what
 * queued there is served. One that dies young, or never gets ready, is waited
 * for, 100 ms at first and twice as long each time. One that does not come back
 * to its hub within the plan's hang limit is asked where it is
 * (core/watchdog.h), given a moment, and killed.
 */
#include "core/plan.h"
#include "core/worker.h"

/* The longest line that a check may answer with. */
#define MR_MASTER_LINE_MAX 1024

struct mr_master_options {
    const char *name; /* before each line on standard error */

    /*
     * In a forked child: parse, load, check; fill the plan in (initialised).
     * 0; or -Exxx, having written one line, which says where and what, to
     * ret_line (of size bytes).
     */
    int (*check)(struct mr_plan *plan, char *ret_line, size_t size, void *arg);

    /*
     * In the master: a listening, non-blocking socket for the listener. The
     * first for an address has index 0: the moment to find out, without
     * SO_REUSEPORT, whether somebody else has it. The master owns the
     * descriptor. 0 or -Exxx.
     */
    int (*open_listener)(const struct mr_listener *l, unsigned index,
                         int *ret_fd, void *arg);

    mr_worker_main_fn *worker_main; /* core/worker.h */
    /* In the master, once: every worker is ready. May be NULL. */
    void (*on_ready)(const struct mr_plan *plan, void *arg);
    void *arg; /* for all of these */

    const int *keep_fds; /* descriptors that workers keep open */
    size_t keep_count;

    /* ns; 0 is the default. */
    int64_t check_limit;  /* for the check, 60 s: apps may load slowly */
    int64_t backoff_min;  /* 100 ms */
    int64_t backoff_max;  /* 10 s */
    int64_t steady;       /* living longer than this is no early death, 1 s */
    int64_t report_pause; /* between asking a held worker and SIGKILL, 1 s */
    int64_t same_pause; /* within this the same signal again is no second word:
                         * make and timeout send it to the process and to its
                         * group, 200 ms */
};

/*
 * Run to the end. The exit status for main: 0 after a clean drain, or when told
 * to leave now; 1 when the start failed (one line on standard error, nothing
 * left running), or when a drain ended in a crash or at the grace's end. The
 * process keeps the master's signal mask and log. Options are kept until then.
 */
MR_API MR_MUST_USE int mr_master_run(const struct mr_master_options *o);

/* The check alone: 0 and the plan, which is the caller's to fini; or -Exxx and
 * the line (of size bytes, without its end). */
MR_API MR_MUST_USE int mr_master_check(const struct mr_master_options *o,
                                       struct mr_plan *ret_plan, char *ret_line,
                                       size_t size);

#endif
