/* SPDX-License-Identifier: MIT */

/*
 * intake.c - the taking coroutine, and the life of what it takes
 * (io/intake.h has the states and invariants).
 *
 * Not here: accept4 (io/server.c) and recvmsg (io/dgram.c).
 */
#include "io/intake.h"

#include <errno.h>

#include "core/timer.h"
#include "io/fd.h"

/* Taken in a row: enough to empty the queue after a usual turn of the hub, few
 * enough (about 0.3 ms) that those already served do not notice. */
#define BATCH 64
/* Without descriptors or memory: how long until trying again when nobody
 * leaves. Others in the process, or on the machine, may have freed some. */
#define EXHAUSTED_MS 100
/* With the quota full and nothing to spare: how long until asking again, as
 * what was too young to be given up grows older. */
#define FULL_MS 100

void mr_intake_init(struct mr_intake *in, const struct mr_intake_kind *kind,
                    int fd)
{
    in->kind = kind;
    in->fd = fd;
    in->ready = true;
    mr_group_init(&in->group);
    mr_list_init(&in->held);
    mr_waitq_init(&in->room);
    mr_waitq_init(&in->idle);
}

/* --- the live --- */

void mr_intake_enter(struct mr_intake *in)
{
    in->live++;
}

void mr_intake_leave(struct mr_intake *in)
{
    MR_BUG_ON(in->live == 0);
    in->live--;
    (void)mr_waitq_wake_all(&in->room, 0);
    if (in->live == 0)
        (void)mr_waitq_wake_all(&in->idle, 0);
}

static void end_held(struct mr_held *h)
{
    struct mr_intake *in = h->intake;

    mr_list_remove(&h->node);
    in->kind->drop(h);
    mr_intake_leave(in);
}

static intptr_t run_handler(void *arg)
{
    struct mr_held *h = arg;

    h->intake->kind->run(h);
    /* What the handler spawned may still use what is dropped now. */
    mr_group_close(mr_group_own());
    end_held(h);
    return 0;
}

int mr_intake_spawn(struct mr_intake *in, struct mr_held *h)
{
    const struct mr_spawn_options o = {
        .name = in->name,
        .entry = "run_handler",
        .where = MR_HERE,
        .stack_size = in->stack_size,
        .group = &in->group,
        .reap = true,
    };

    if (!mr_spawn_with(run_handler, h, &o))
        return -ENOMEM;
    h->intake = in;
    mr_list_push_back(&in->held, &h->node);
    mr_intake_enter(in);
    return 0;
}

/* --- the taking coroutine --- */

int mr_intake_rest(struct mr_intake *in, int err)
{
    int rc;

    if (in->stopping) /* a group that is closing takes no handler */
        return -ECANCELED;
    mr_log_every_second(&in->gate, MR_LOG_WARN, "%s: cannot %s: %s (%zu live)",
                        in->name, in->kind->verb, mr_strerror(err), in->live);
    rc = (int)mr_wait(&in->room, mr_after_ms(EXHAUSTED_MS),
                      "descriptors or memory");
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* The quota is full: until one leaves, or somebody waits here. 0: one has left;
 * 1: somebody waits. May park. */
static int wait_for_either(struct mr_intake *in)
{
    struct mr_wait_entry e[2] = {{.queue = &in->quota->room}};
    int rc = mr_hub_fd_queue(in->fd, MR_READABLE, &e[1].queue);

    if (rc)
        return rc;
    rc = mr_wait_any(e, 2, MR_NEVER, "quota");
    return rc == 1 && e[1].value < 0 ? (int)e[1].value : rc;
}

/* May park. */
static int wait_for_quota(struct mr_intake *in)
{
    struct mr_quota *q = in->quota;
    int rc = wait_for_either(in);

    if (rc != 1 || mr_quota_make_room(q))
        return MR_MIN(rc, 0);
    /* Nothing to spare: until one leaves, or is to be spared after all. */
    q->wanting++;
    rc = (int)mr_wait(&q->room, mr_after_ms(FULL_MS), "quota");
    q->wanting--;
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* 0: go on; or why not. May park. */
static int take_one(struct mr_intake *in)
{
    int rc;

    if (in->max_live && in->live >= in->max_live)
        return (int)mr_wait(&in->room, MR_NEVER, "max_live");
    if (in->quota && mr_quota_is_full(in->quota)) {
        rc = wait_for_quota(in);
    } else {
        bool alone = !mr_hub_others_wait();

        rc = in->kind->take(in);
        if (rc == 0 && alone && mr_hub_others_wait())
            return mr_yield(); /* 4 */
        if (rc != -EAGAIN)
            return rc;
        rc = mr_hub_wait_fd(in->fd, MR_READABLE, MR_NEVER);
    }
    /* No memory for a watcher, or the user has too many (epoll_ctl(2)). */
    if (rc == -ENOMEM || rc == -ENOSPC)
        return mr_intake_rest(in, rc);
    return rc;
}

static intptr_t take_all(void *arg)
{
    struct mr_intake *in = arg;
    int rc = 0;

    for (unsigned n = 1; rc == 0 && !in->stopping; n++) {
        rc = take_one(in);
        if (rc == 0 && n % BATCH == 0)
            rc = mr_yield();
    }
    if (rc && rc != -ECANCELED && !in->stopping)
        mr_log(MR_LOG_ERROR, "%s: can %s no more: %s", in->name, in->kind->verb,
               mr_strerror(rc));
    return rc;
}

/* --- life --- */

int mr_intake_start(struct mr_intake *in, bool shared, bool exclusive)
{
    const struct mr_spawn_options o = {
        .name = in->name,
        .entry = "take_all",
        .where = MR_HERE,
        .group = &in->group,
    };

    MR_BUG_ON(in->taking || in->stopping);
    if (shared) {
        int rc = mr_hub_fd_shared(in->fd, exclusive);

        if (rc)
            return rc;
    }
    in->taking = mr_spawn_with(take_all, in, &o);
    return in->taking ? 0 : -ENOMEM;
}

void mr_intake_stop(struct mr_intake *in)
{
    in->stopping = true;
    if (in->taking)
        mr_cancel(in->taking);
}

int mr_intake_wait(struct mr_intake *in, int64_t deadline)
{
    while (in->live > 0) {
        int rc = (int)mr_wait(&in->idle, deadline, "those that are live");

        if (rc)
            return rc;
    }
    return 0;
}

void mr_intake_fini(struct mr_intake *in)
{
    if (!in->ready)
        return;
    in->ready = false;
    mr_intake_stop(in);
    mr_group_close(&in->group);
    in->taking = NULL;
    MR_LIST_EACH_SAFE (n, &in->held)
        end_held(mr_container_of(n, struct mr_held, node));
    MR_BUG_ON(in->live > 0);
    if (in->owned)
        mr_fd_close(in->fd);
    else
        mr_hub_forget(in->fd);
    in->fd = -1;
}
