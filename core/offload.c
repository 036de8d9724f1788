/* SPDX-License-Identifier: MIT */

/*
 * offload.c - run a blocking job on a helper thread, park until it is done.
 *
 * One queue for the process, first in, first out, under one mutex. A hub puts a
 * job in; a helper takes it out, runs it, and posts it back to that hub. All
 * that is said of a job afterwards - done, abandoned, freed - is said on the
 * hub's thread, so a job needs no lock of its own.
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

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct mr_job *head;
    struct mr_job *tail;
    unsigned queued;
    unsigned running;
    unsigned idle;
    unsigned n;
    unsigned limit;
    bool stopping;
    pthread_t threads[THREADS_MAX];
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .limit = 4,
};

/* With the lock held. */
static void unlink_job(struct mr_job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        pool.head = job->next;
    if (job->next)
        job->next->prev = job->prev;
    else
        pool.tail = job->prev;
    job->queued = false;
    pool.queued--;
}

/* --- on the helpers --- */

/* With the lock held: the next job, or NULL when the helper is to leave. */
static struct mr_job *take(void)
{
    struct mr_job *job;

    while (!pool.head || pool.running >= pool.limit) {
        if (pool.stopping && !pool.head) {
            /* Those whom the limit sent back to sleep. */
            pthread_cond_broadcast(&pool.work);
            return NULL;
        }
        pool.idle++;
        pthread_cond_wait(&pool.work, &pool.lock);
        pool.idle--;
    }
    job = pool.head;
    unlink_job(job);
    pool.running++;
    return job;
}

static void *help(void *unused)
{
    struct mr_job *job;

    (void)unused;
    pthread_mutex_lock(&pool.lock);
    while ((job = take())) {
        pthread_mutex_unlock(&pool.lock);
        job->run(job);
        mr_hub_post(job->hub, &job->post); /* the job is gone with this */
        pthread_mutex_lock(&pool.lock);
        pool.running--; /* and it takes the next itself, if there is one */
    }
    pthread_mutex_unlock(&pool.lock);
    return unused;
}

/* --- on the hub's thread --- */

/* With the lock held. */
static int start_helper(void)
{
    int err = mr_thread_create(&pool.threads[pool.n], NULL, help, NULL);

    if (err == 0)
        pool.n++;
    return err;
}

static int submit(struct mr_job *job)
{
    int err = 0;

    pthread_mutex_lock(&pool.lock);
    if (pool.queued >= pool.idle && pool.n < pool.limit)
        err = start_helper();
    if (err && pool.n > 0)
        err = 0; /* the others will come to it */
    if (err == 0) {
        job->next = NULL;
        job->prev = pool.tail;
        if (pool.tail)
            pool.tail->next = job;
        else
            pool.head = job;
        pool.tail = job;
        job->queued = true;
        pool.queued++;
        pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
    return err;
}

/* Take it back from the queue: invariant 4. False: a helper has it. */
static bool withdraw(struct mr_job *job)
{
    bool was_queued;

    pthread_mutex_lock(&pool.lock);
    was_queued = job->queued;
    if (was_queued)
        unlink_job(job);
    pthread_mutex_unlock(&pool.lock);
    return was_queued;
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

int mr_job_run(struct mr_job *job, int64_t deadline)
{
    int rc;

    job->hub = mr_errand_self()->hub;
    job->post.fn = on_back;
    job->state = JOB_WANTED;
    mr_waitq_init(&job->waiters);
    rc = submit(job);
    if (rc)
        return rc;
    job->hub->expected++;
    rc = (int)mr_wait(&job->waiters, deadline, "offload");
    if (rc == 0)
        return 0;
    /* It may have come back between our being woken and our turn. */
    if (job->state == JOB_ARRIVED) {
        job->free(job);
    } else if (withdraw(job)) {
        job->hub->expected--;
        job->free(job);
    } else {
        job->state = JOB_LEFT;
    }
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

int mr_offload_set_threads(unsigned n)
{
    if (n < 1 || n > THREADS_MAX)
        return -EINVAL;
    pthread_mutex_lock(&pool.lock);
    pool.limit = n;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    return 0;
}

void mr_offload_fini(void)
{
    unsigned n;

    pthread_mutex_lock(&pool.lock);
    pool.stopping = true;
    n = pool.n;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (unsigned i = 0; i < n; i++)
        pthread_join(pool.threads[i], NULL);
    pthread_mutex_lock(&pool.lock);
    pool.n = 0;
    pool.stopping = false;
    pthread_mutex_unlock(&pool.lock);
}
