/* SPDX-License-Identifier: MIT */
#ifndef CORE_OFFLOAD_H
#define CORE_OFFLOAD_H

/*
 * offload.h - run a blocking job on a helper thread, park until it is done.
 *
 * For what has no non-blocking form: opening files, fsync, getaddrinfo, crypt,
 * a library's long call. The job must not call anything of Millrace that may
 * park. A job that runs cannot be cancelled; so either the wait is shielded, or
 * the job owns all that it touches and the waiter may leave. One that has not
 * begun by then never runs.
 *
 *     rc = mr_offload(do_fsync, &fd);            shielded: no deadline reaches
 *                                                it
 *
 *     struct lookup { struct mr_job job; ... };  owned: freed by whoever is
 *     rc = mr_job_run(&l->job, deadline);        last. 0: done; else forget l
 *
 * Helper threads are the process's, started when first needed, signals masked
 * as core/thread.h says. They come in lanes, each with helpers of its own, so
 * that names whose servers do not answer keep nobody from opening a file.
 */
#include "core/hub.h"

enum mr_lane {
    MR_LANE_FILES, /* mr_offload, and jobs that say nothing: 4 helpers */
    MR_LANE_NAMES, /* lookups of names, which may be stuck for long: 16 */
    MR_LANES,
};

/* The result is the waiter's: a value or -Exxx. */
typedef intptr_t mr_offload_fn(void *arg);

/* fn(arg) on a helper, its result here; -EAGAIN or -ENOMEM when no helper could
 * be started. Cancel and deadlines wait. May park. */
MR_API intptr_t mr_offload(mr_offload_fn *fn, void *arg);

struct mr_job {
    struct mr_hub_post post; /* private, as is all above lane */
    struct mr_job *next;
    struct mr_job *prev;
    bool queued;    /* no helper has it yet */
    bool returning; /* it has run: its post is under way */
    bool orphan;    /* nobody waits, and its hub is not to be told */
    struct mr_hub *hub;
    struct mr_waitq waiters;
    int state;
    enum mr_lane lane;
    bool free_anywhere;               /* free may be called on the helper: then
                                       * no hub waits for a job that was left */
    void (*run)(struct mr_job *job);  /* on the helper */
    void (*free)(struct mr_job *job); /* on the hub, when nobody needs it */
};

/*
 * Run it and wait. 0: it ran; the job is the caller's again (and `free` will
 * not be called). -ETIMEDOUT, -ECANCELED: the job is no longer the caller's;
 * `free` gets it when it has run, or has had it already if no helper had begun
 * (then it never runs). -EAGAIN, -ENOMEM: it will not run, and is the caller's.
 * May park.
 */
MR_API MR_MUST_USE int mr_job_run(struct mr_job *job, int64_t deadline);

/* The most helper threads for files, from now on (1 to 64), and for a lane. 0
 * or -EINVAL. */
MR_API MR_MUST_USE int mr_offload_set_threads(unsigned n);
MR_API MR_MUST_USE int mr_offload_set_lane(enum mr_lane lane, unsigned n);
/* Stop and join all helpers (at the end of a worker). Waits for running jobs,
 * on this thread, without a hub; but not for those with free_anywhere that were
 * left: their helpers end by themselves. */
MR_API void mr_offload_fini(void);

#endif
