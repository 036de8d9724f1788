/* SPDX-License-Identifier: MIT */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

/*
 * worker.h - inside a worker process: who am I, and what does the master say.
 *
 * The master forks a worker and calls the program's worker_main with one of
 * these. worker_main makes the hub; its first errand loads what is to be
 * served, attends to the master, says that it is ready, and serves until it is
 * asked to drain:
 *
 *     static intptr_t first(void *arg)
 *     {
 *         struct mr_worker *w = arg;
 *         int err = start_serving(w->listeners, w->listener_count);
 *         if (err)
 *             return mr_worker_fail(w, "no server: %s", mr_strerror(err));
 *         err = mr_worker_attend(w, &hooks);
 *         if (!err)
 *             err = mr_worker_ready(w);
 *         if (!err)
 *             err = mr_worker_wait_drain(w, MR_NEVER);
 *         stop_serving();
 *         return err;
 *     }
 *     int worker_main(struct mr_worker *w, void *arg)
 *     {
 *         intptr_t rc;
 *         int err = mr_worker_run(w, first, &rc);
 *         return err ? err : (int)rc;
 *     }
 *
 * What worker_main returns below 0 makes the process end with status 1. In a
 * worker SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2 are masked and
 * read from a descriptor, and SIGPIPE is ignored.
 */
#include <signal.h>

#include "core/plan.h"
#include "core/scoreboard.h"
#include "core/wait.h"

/* A socket of this worker: the plan's listener, and its descriptor, which the
 * master keeps open too: closing it here ends nothing. */
struct mr_worker_listener {
    const struct mr_listener *spec;
    int fd;
};

struct mr_worker {
    unsigned index;      /* 0 to plan->workers - 1; the same for successors */
    unsigned generation; /* 1, and one more for each successor */
    pid_t pid;
    int channel; /* to the master: private, as is signals */
    int signals;
    const struct mr_plan *plan;
    struct mr_score_row *row; /* ours to write */
    struct mr_worker_listener *listeners;
    size_t listener_count; /* as the plan's */
    const struct mr_worker_hooks *hooks;
    bool draining;
    struct mr_waitq drain; /* private: see mr_worker_wait_drain */
};

typedef int mr_worker_main_fn(struct mr_worker *w, void *arg);

/* What the program does when told to; each may be NULL. They run in the errand
 * that heard it, and may park, but no further word is heard there meanwhile. */
struct mr_worker_hooks {
    /* Once: take nothing new, finish what is there, then let the first errand
     * end. */
    void (*on_drain)(struct mr_worker *w, void *arg);
    /* The log was opened anew; other files (access logs) may be now. */
    void (*on_reopen)(struct mr_worker *w, void *arg);
    /* The configuration was checked: read its certificates anew. */
    void (*on_renew)(struct mr_worker *w, void *arg);
    void *arg;
};

/* A hub, whose beat the master sees, with fn(w) as first errand. As mr_run. */
MR_API MR_MUST_USE int mr_worker_run(struct mr_worker *w,
                                     intptr_t (*fn)(void *w),
                                     intptr_t *ret_result);

/*
 * Listen to the master and to signals from now on, in two errands of the hub's
 * group. Keeps hooks (may be NULL). A master that is gone counts as the word to
 * drain, and so do SIGTERM and SIGINT. Does not wait. 0, -ENOMEM, -EMFILE.
 */
MR_API MR_MUST_USE int mr_worker_attend(struct mr_worker *w,
                                        const struct mr_worker_hooks *hooks);

/* Tell the master that this worker serves. 0, or -Exxx: there is no master any
 * more (-EPIPE). */
MR_API MR_MUST_USE int mr_worker_ready(struct mr_worker *w);

/* Tell the master why this worker cannot serve: one line, for its log. Returns
 * -ECANCELED, for worker_main to return. */
MR_API int mr_worker_fail(struct mr_worker *w, const char *fmt, ...)
    MR_PRINTF(2, 3);

/* Until this worker is told to drain. 0 (also when that was long ago),
 * -ETIMEDOUT, -ECANCELED. May park. */
MR_API MR_MUST_USE int mr_worker_wait_drain(struct mr_worker *w,
                                            int64_t deadline);

/* --- between master and worker --- */

/* One message is one packet: 4 bytes, then text. Numbers are kept for handing
 * over descriptors (4) and for status answers (5); unknown ones are ignored. */
#define MR_WORKER_MESSAGES(X)                    \
    X(READY, 1)  /* worker: I serve */           \
    X(FAILED, 2) /* worker: I cannot, and why */ \
    X(DRAIN, 3)  /* master: finish and leave */  \
    X(RENEW, 6)  /* master: read certificates anew */

enum mr_worker_message_kind {
#define X(id, number) MR_WORKER_##id = number,
    MR_WORKER_MESSAGES(X)
#undef X
};

struct mr_worker_message {
    uint32_t kind;
    char text[1020]; /* NUL-terminated when received */
};

/* text NULL: none; a longer one is cut. 0; -EAGAIN: the other does not read;
 * -EPIPE: it is gone. */
MR_MUST_USE int mr_worker_send(int channel, uint32_t kind, const char *text);
/* 1, or 0: the other end is gone; -EAGAIN: nothing there now. */
MR_MUST_USE int mr_worker_receive(int channel, struct mr_worker_message *ret);

/* The signals that a worker has masked from its first moment. */
sigset_t mr_worker_signals(void);

/* The rest of a worker's life, in the forked child: put the process in order,
 * fn(w, arg), and leave. */
struct mr_worker_start {
    mr_worker_main_fn *fn;
    void *arg;
    int board_fd; /* these stay open besides the worker's own */
    const int *keep_fds;
    size_t keep_count;
};
MR_NORETURN void mr_worker_enter(struct mr_worker *w,
                                 const struct mr_worker_start *start);

#endif
