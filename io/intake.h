/* SPDX-License-Identifier: MIT */
#ifndef IO_INTAKE_H
#define IO_INTAKE_H

/*
 * intake.h - what the servers of connections and of datagrams have in common.
 *
 * A coroutine that takes one thing after the other from a socket; a coroutine
 * for each of them, from then on `live`; a limit to these; and an end in three
 * steps: take no more, wait for those that are live, cancel the rest. Programs
 * use io/server.h and io/dgram.h; this is for those two.
 *
 *                       [start]
 *               (init) --------> TAKING --[-EAGAIN]--> waits for the socket
 *                                |  ^  |
 *                   [max_live] --'  |  '--[mr_intake_rest]----.
 *                       v           |                         v
 *                 waits for room ---+------- waits for room, 100 ms
 *                         [leave]
 *
 * Invariants
 *  (1) live counts what was handed out and has not left. At max_live nothing is
 *      taken until one leaves; nor while a shared quota is full, but when
 *      somebody waits it is asked to make room.
 *  (2) A handler's record is on the `held` list until its coroutine, and all
 *      that it spawned, has ended. One that is cancelled before its first turn
 *      never runs; fini finds its record there.
 *  (3) After stop nothing is taken, also by a coroutine that was about to.
 *  (4) At most 64 are taken in a row before others have a turn; and when nobody
 *      else waits, whoever is to serve one has it before the next is taken:
 *      then its memory, here and in the kernel, is still in the cache.
 */
#include "core/group.h"
#include "core/log.h"
#include "io/quota.h"

struct mr_intake;

/* At the front of what a handler gets. */
struct mr_held {
    struct mr_list node; /* in intake->held */
    struct mr_intake *intake;
};

struct mr_intake_kind {
    const char *verb; /* "accept": of log lines */
    /* Take one and hand it out. 0: go on; -EAGAIN: there is none; or why no
     * more can be taken, ever. May park, in mr_intake_rest and mr_yield. */
    int (*take)(struct mr_intake *in);
    void (*run)(struct mr_held *h);  /* the handler; may park */
    void (*drop)(struct mr_held *h); /* free it, with what it owns */
};

struct mr_intake {
    const struct mr_intake_kind *kind;
    const char *name;        /* of coroutines and log lines */
    size_t max_live;         /* 0: no limit */
    struct mr_quota *quota;  /* shared with others; NULL: none */
    size_t stack_size;       /* of handlers */
    size_t live;             /* 1 */
    struct mr_group group;   /* the taking coroutine and the handlers */
    struct mr_coro *taking;  /* NULL: not started, or joined */
    struct mr_list held;     /* 2 */
    struct mr_waitq room;    /* the taking coroutine: for a leave */
    struct mr_waitq idle;    /* for live to come to 0 */
    struct mr_log_gate gate; /* of "cannot accept" */
    int fd;                  /* -1: given up already */
    bool owned;              /* closed by fini, not only forgotten */
    bool ready;              /* between init and fini */
    bool stopping;
};

/* Before it: name, max_live, quota and stack_size. Does not fail. */
void mr_intake_init(struct mr_intake *in, const struct mr_intake_kind *kind,
                    int fd);
/* Take from now on; shared, exclusive as mr_hub_fd_shared. 0; -ENOMEM; -Exxx.
 */
MR_MUST_USE int mr_intake_start(struct mr_intake *in, bool shared,
                                bool exclusive);
void mr_intake_stop(struct mr_intake *in);
/* Until none is live. 0, -ETIMEDOUT, -ECANCELED. May park. */
MR_MUST_USE int mr_intake_wait(struct mr_intake *in, int64_t deadline);
/* Stop, cancel the handlers, wait for their ends, give up the socket. Live ones
 * without a handler are a BUG. Before init, and twice, it does nothing.
 * May park. */
void mr_intake_fini(struct mr_intake *in);

/* One more is live, without a coroutine of ours; and one has left. */
void mr_intake_enter(struct mr_intake *in);
void mr_intake_leave(struct mr_intake *in);
/* A coroutine that calls run(h), then drop(h); it is live. 0; -ENOMEM: h stays
 * the caller's. */
MR_MUST_USE int mr_intake_spawn(struct mr_intake *in, struct mr_held *h);

/* For take, which could not because of err: say so, once a second, and wait
 * until one leaves, at most 100 ms. 0 or -ECANCELED. May park. */
MR_MUST_USE int mr_intake_rest(struct mr_intake *in, int err);

#endif
