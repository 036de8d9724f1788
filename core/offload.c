/* SPDX-License-Identifier: MIT */

/*
 * offload.c - run a blocking job on a helper thread, park until it is done.
 *
 * Each lane has one queue for the process, first in, first out; one mutex
 * guards them all. A hub puts a job in; a helper of that lane takes it out,
 * runs it, and posts it back to that hub. All that is said of a job afterwards
 * - done, abandoned, freed - is said on the hub's thread, so a job needs no
 * lock of its own; but for (5).
 *
 *  (1) A job's memory belongs to the helpers from submit() until its post
 *      arrives, or until it is withdrawn from the queue; hub->expected counts
 *      it meanwhile, so the hub waits for it.
 *  (2) queued jobs > idle helpers only when n == limit, or no thread could be
 *      started: a job never waits behind another while a helper could be had.
 *  (3) At most `limit` jobs run at once. Helpers beyond a lowered limit stay,
 *      asleep, until mr_offload_fini joins them.
 *
 *  (4) A queued job has an errand that waits for it: who leaves takes it back,
 *      so nobody waits behind what nobody wants any more.
 *
 *  (5) A running job with free_anywhere whose waiter leaves is an orphan: said
 *      under the mutex, before `returning`, or not at all. Its helper frees it,
 *      and the hub neither counts nor hears of it.
 *
 * It does not bound the queue: by (4) those who spawn errands do.
 */
#include "core/offload.h"

#include <errno.h>
#include <pthread.h>

#include "core/coro_priv.h"
#include "core/thread_priv.h"

#define THREADS_MAX 64

enum job_state {
    JOB_WANTED,  /* under way, somebody waits */
    JOB_LEFT,    /* under way, nobody waits: free it when it is back */
    JOB_ARRIVED, /* it ran, and is the hub thread's again */
};

struct lane;

struct helper {
    pthread_t thread;
    struct lane *lane;        /* NULL: a free place */
    const struct mr_job *job; /* that it runs */
    bool let_go;              /* it counts no more, and ends by itself */
};

struct lane {
    struct mr_job *head;
    struct mr_job *tail;
    unsigned queued;
    unsigned running;
    unsigned idle;
    unsigned n; /* helpers, without those let go */
    unsigned limit;
    bool stopping;
    pthread_cond_t work;
    struct helper helpers[THREADS_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lane lanes[MR_LANES] = {
    [MR_LANE_FILES] = {.limit = 4, .work = PTHREAD_COND_INITIALIZER},
    /* A name whose server is dead takes half a minute: as many of them as a
     * list of links may hold, at some 100 KiB each. */
    [MR_LANE_NAMES] = {.limit = 16, .work = PTHREAD_COND_INITIALIZER},
};

/* With the lock held. */
static void unlink_job(struct lane *lane, struct mr_job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        lane->head = job->next;
    if (job->next)
        job->next->prev = job->prev;
    else
        lane->tail = job->prev;
    job->queued = false;
    lane->queued--;
}

/* --- on the helpers --- */

/* With the lock held: the next job, or NULL when the helper is to leave. */
static struct mr_job *take(struct lane *lane)
{
    struct mr_job *job;

    while (!lane->head || lane->running >= lane->limit) {
        if (lane->stopping && !lane->head) {
            /* Those whom the limit sent back to sleep. */
            pthread_cond_broadcast(&lane->work);
            return NULL;
        }
        lane->idle++;
        pthread_cond_wait(&lane->work, &lock);
        lane->idle--;
    }
    job = lane->head;
    unlink_job(lane, job);
    lane->running++;
    return job;
}

/* Without the lock: run it, and give it to whom it belongs afterwards. */
static void run_job(struct helper *me, struct mr_job *job)
{
    bool orphan;

    job->run(job);
    pthread_mutex_lock(&lock);
    me->job = NULL;
    orphan = job->orphan;
    job->returning = true;
    pthread_mutex_unlock(&lock);
    if (orphan)
        job->free(job);
    else
        mr_hub_post(job->hub, &job->post); /* the job is gone with this */
}

static void *help(void *arg)
{
    struct helper *me = arg;
    struct mr_job *job;

    pthread_mutex_lock(&lock);
    while (!me->let_go && (job = take(me->lane))) {
        me->job = job;
        pthread_mutex_unlock(&lock);
        run_job(me, job);
        pthread_mutex_lock(&lock);
        if (!me->let_go)
            me->lane->running--; /* and it takes the next itself */
    }
    if (me->let_go)
        *me = (struct helper){0};
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* --- on the hub's thread --- */

/* With the lock held. A place is missing only when dozens were let go. */
static int start_helper(struct lane *lane)
{
    struct helper *h = lane->helpers;
    int err;

    while (h->lane)
        if (++h == lane->helpers + THREADS_MAX)
            return -EAGAIN;
    h->lane = lane;
    err = mr_thread_create(&h->thread, NULL, help, h);
    if (err)
        h->lane = NULL;
    else
        lane->n++;
    return err;
}

static int submit(struct mr_job *job)
{
    struct lane *lane = &lanes[job->lane];
    int err = 0;

    pthread_mutex_lock(&lock);
    if (lane->queued >= lane->idle && lane->n < lane->limit)
        err = start_helper(lane);
    if (err && lane->n > 0)
        err = 0; /* the others will come to it */
    if (err == 0) {
        job->next = NULL;
        job->prev = lane->tail;
        if (lane->tail)
            lane->tail->next = job;
        else
            lane->head = job;
        lane->tail = job;
        job->queued = true;
        lane->queued++;
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

enum taken_back { STAYS, WITHDRAWN, ORPHANED };

/* Who waited leaves. From the queue it is taken back: invariant 4; from its
 * helper, if that may: invariant 5. */
static enum taken_back take_back(struct mr_job *job)
{
    enum taken_back how = STAYS;

    pthread_mutex_lock(&lock);
    if (job->queued) {
        unlink_job(&lanes[job->lane], job);
        how = WITHDRAWN;
    } else if (job->free_anywhere && !job->returning) {
        job->orphan = true;
        how = ORPHANED;
    }
    pthread_mutex_unlock(&lock);
    return how;
}

static void on_back(struct mr_hub_post *post)
{
    struct mr_job *job = mr_container_of(post, struct mr_job, post);

    job->hub->expected--;
    if (job->state == JOB_LEFT) {
        job->free(job);
        return;
    }
    job->state = JOB_ARRIVED;
    (void)mr_waitq_wake_all(&job->waiters, 0);
}

/* Of a job that has not arrived, when its waiter leaves. */
static void leave_job(struct mr_job *job)
{
    struct mr_hub *hub = job->hub;

    switch (take_back(job)) {
    case STAYS:
        job->state = JOB_LEFT;
        return;
    case WITHDRAWN:
        job->free(job);
        break;
    case ORPHANED: /* its helper's, and perhaps gone */
        break;
    }
    hub->expected--;
}

int mr_job_run(struct mr_job *job, int64_t deadline)
{
    int rc;

    MR_BUG_ON(job->lane >= MR_LANES);
    job->hub = mr_errand_self()->hub;
    job->post.fn = on_back;
    job->state = JOB_WANTED;
    job->returning = false;
    job->orphan = false;
    mr_waitq_init(&job->waiters);
    rc = submit(job);
    if (rc)
        return rc;
    job->hub->expected++;
    rc = (int)mr_wait(&job->waiters, deadline, "offload");
    if (rc == 0)
        return 0;
    /* It may have come back between our being woken and our turn. */
    if (job->state == JOB_ARRIVED)
        job->free(job);
    else
        leave_job(job);
    return rc;
}

struct call {
    struct mr_job job;
    mr_offload_fn *fn;
    void *arg;
    intptr_t result;
};

static void run_call(struct mr_job *job)
{
    struct call *call = mr_container_of(job, struct call, job);

    call->result = call->fn(call->arg);
}

intptr_t mr_offload(mr_offload_fn *fn, void *arg)
{
    struct call call = {.job.run = run_call, .fn = fn, .arg = arg};
    struct mr_scope shield;
    int rc;

    mr_shield_enter(&shield, MR_NEVER);
    rc = mr_job_run(&call.job, MR_NEVER);
    (void)mr_shield_leave(&shield);
    return rc ? rc : call.result;
}

int mr_offload_set_lane(enum mr_lane lane, unsigned n)
{
    if (n < 1 || n > THREADS_MAX || lane >= MR_LANES)
        return -EINVAL;
    pthread_mutex_lock(&lock);
    lanes[lane].limit = n;
    pthread_cond_broadcast(&lanes[lane].work);
    pthread_mutex_unlock(&lock);
    return 0;
}

int mr_offload_set_threads(unsigned n)
{
    return mr_offload_set_lane(MR_LANE_FILES, n);
}

/* With the lock held: helpers that are stuck in orphans go their own way. */
static void let_go(struct lane *lane)
{
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        struct helper *h = &lane->helpers[i];

        if (!h->job || !h->job->orphan || h->let_go)
            continue;
        h->let_go = true;
        lane->running--;
        lane->n--;
        pthread_detach(h->thread);
    }
}

static void stop_lane(struct lane *lane)
{
    pthread_mutex_lock(&lock);
    let_go(lane);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->work);
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        struct helper *h = &lane->helpers[i];

        if (!h->lane || h->let_go)
            continue;
        pthread_mutex_unlock(&lock);
        pthread_join(h->thread, NULL);
        pthread_mutex_lock(&lock);
        *h = (struct helper){0};
        lane->n--;
    }
    lane->stopping = false;
    pthread_mutex_unlock(&lock);
}

void mr_offload_fini(void)
{
    for (size_t i = 0; i < MR_LANES; i++)
        stop_lane(&lanes[i]);
}
