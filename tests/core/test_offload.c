/* SPDX-License-Identifier: MIT */

/*
 * test_offload.c - blocking jobs on helper threads.
 *
 * over budget: all of it stands on the same jobs and gates.
 */
#include "core/offload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static intptr_t twice(void *arg)
{
    return 2 * (intptr_t)arg;
}

IN_HUB(offload_brings_the_result)
{
    CHECK_EQ_INT(mr_offload(twice, (void *)21), 42);
    CHECK_EQ_INT(mr_offload(twice, (void *)-1), -2); /* the job's own -Exxx */
    mr_offload_fini();
    return 0;
}

static intptr_t self_thread(void *arg)
{
    sigset_t set;

    pthread_sigmask(SIG_SETMASK, NULL, &set);
    CHECK_OK(sigismember(&set, SIGTERM) && sigismember(&set, SIGUSR1));
    *(pthread_t *)arg = pthread_self();
    return 0;
}

IN_HUB(offload_runs_elsewhere_signals_blocked)
{
    pthread_t t = pthread_self();
    sigset_t set;

    CHECK_EQ_INT(mr_offload(self_thread, &t), 0);
    CHECK_OK(!pthread_equal(t, pthread_self()));
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    CHECK_OK(!sigismember(&set, SIGTERM)); /* ours are as they were */
    mr_offload_fini();
    return 0;
}

/* --- many --- */

static intptr_t adds_one(void *arg)
{
    return __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

static intptr_t offloads_one(void *arg)
{
    CHECK_OK(mr_offload(adds_one, arg) > 0);
    return 0;
}

IN_HUB(offload_a_thousand)
{
    int n = 0, want = (int)TEST_SCALE(1000);
    struct mr_spawn_options o = {.entry = "offloads_one", .reap = true};

    for (int i = 0; i < want; i++)
        CHECK_OK(mr_spawn_with(offloads_one, &n, &o) != NULL);
    while (__atomic_load_n(&n, __ATOMIC_RELAXED) < want)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_offload_fini();
    CHECK_EQ_INT(n, want);
    return 0;
}

struct ordered {
    int *next;
    int mine;
};

static intptr_t takes_number(void *arg)
{
    struct ordered *o = arg;

    o->mine = (*o->next)++;
    return 0;
}

static intptr_t offloads_ordered(void *arg)
{
    return mr_offload(takes_number, arg);
}

/* With one helper jobs run one after another, first come first served. */
IN_HUB(offload_one_thread_keeps_order)
{
    struct ordered o[20];
    struct mr_coro *co[20];
    int next = 0;

    CHECK_EQ_INT(mr_offload_set_threads(1), 0);
    for (int i = 0; i < 20; i++) {
        o[i] = (struct ordered){&next, -1};
        co[i] = mr_spawn(offloads_ordered, &o[i]);
    }
    for (int i = 0; i < 20; i++) {
        CHECK_EQ_INT(mr_join(co[i], NULL, MR_NEVER), 0);
        CHECK_EQ_INT(o[i].mine, i);
    }
    mr_offload_fini();
    return 0;
}

struct gate {
    int fds[2];
    int inside;
    int most;
};

/* Stays until a byte comes; counts how many are in here at once. */
static intptr_t blocks(void *arg)
{
    struct gate *g = arg;
    int now = __atomic_add_fetch(&g->inside, 1, __ATOMIC_SEQ_CST);
    int most = __atomic_load_n(&g->most, __ATOMIC_SEQ_CST);
    char c;

    while (most < now &&
           !__atomic_compare_exchange_n(&g->most, &most, now, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        continue;
    CHECK_EQ_INT(read(g->fds[0], &c, 1), 1);
    __atomic_sub_fetch(&g->inside, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static intptr_t offloads_block(void *arg)
{
    return mr_offload(blocks, arg);
}

static void wait_inside(struct gate *g, int n)
{
    while (__atomic_load_n(&g->inside, __ATOMIC_SEQ_CST) != n)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
}

/* As many as allowed run at once, and no more; the hub goes on meanwhile. */
IN_HUB(offload_is_bounded)
{
    struct gate g = {0};
    struct mr_coro *co[8];

    CHECK_EQ_INT(pipe(g.fds), 0);
    CHECK_EQ_INT(mr_offload_set_threads(3), 0);
    for (int i = 0; i < 8; i++)
        co[i] = mr_spawn(offloads_block, &g);
    wait_inside(&g, 3);
    CHECK_EQ_INT(mr_offload_set_threads(2), 0);
    CHECK_EQ_INT(write(g.fds[1], "x", 1), 1);
    wait_inside(&g, 2);
    CHECK_EQ_INT(mr_offload_set_threads(3), 0);
    CHECK_EQ_INT(write(g.fds[1], "xxxxxxx", 7), 7);
    for (int i = 0; i < 8; i++)
        CHECK_EQ_INT(mr_join(co[i], NULL, MR_NEVER), 0);
    CHECK_EQ_INT(g.most, 3);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

TEST(offload_thread_limits)
{
    EQ_INT(mr_offload_set_threads(0), -EINVAL);
    EQ_INT(mr_offload_set_threads(65), -EINVAL);
    EQ_INT(mr_offload_set_threads(64), 0);
    EQ_INT(mr_offload_set_lane(MR_LANES, 1), -EINVAL);
    EQ_INT(mr_offload_set_lane(MR_LANE_NAMES, 0), -EINVAL);
    mr_offload_fini(); /* nothing was started */
    mr_offload_fini();
}

/* --- shielded, owned --- */

static intptr_t shielded_then_sleeps(void *arg)
{
    CHECK_EQ_INT(mr_offload(blocks, arg), 0); /* though cancelled */
    return mr_sleep(MR_NEVER);
}

IN_HUB(offload_is_shielded)
{
    struct gate g = {0};
    struct mr_coro *co;
    intptr_t v;

    CHECK_EQ_INT(pipe(g.fds), 0);
    co = mr_spawn(shielded_then_sleeps, &g);
    mr_yield();
    wait_inside(&g, 1);
    mr_cancel(co);
    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_PARKED);
    CHECK_EQ_STR(mr_coro_why(co), "offload");
    CHECK_EQ_INT(write(g.fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

struct owned {
    struct mr_job job;
    struct gate *gate;
    int *freed;
    bool never; /* it must not run */
    bool ran;
};

static void run_owned(struct mr_job *job)
{
    struct owned *o = mr_container_of(job, struct owned, job);

    (void)blocks(o->gate);
    o->ran = true;
}

static void free_owned(struct mr_job *job)
{
    struct owned *o = mr_container_of(job, struct owned, job);

    CHECK_EQ_INT(o->ran, !o->never);
    ++*o->freed;
    free(o);
}

static struct owned *owned_new(struct gate *g, int *freed)
{
    struct owned *o = calloc(1, sizeof *o);

    o->job.run = run_owned;
    o->job.free = free_owned;
    o->gate = g;
    o->freed = freed;
    return o;
}

IN_HUB(job_that_is_waited_for)
{
    struct gate g = {0};
    int freed = 0;
    struct owned *o = owned_new(&g, &freed);

    CHECK_EQ_INT(pipe(g.fds), 0);
    CHECK_EQ_INT(write(g.fds[1], "xx", 2), 2);
    CHECK_EQ_INT(mr_job_run(&o->job, MR_NEVER), 0);
    CHECK_OK(o->ran);
    o->ran = false;
    CHECK_EQ_INT(mr_job_run(&o->job, MR_NEVER), 0); /* may be used again */
    CHECK_OK(o->ran);
    CHECK_EQ_INT(freed, 0);
    free(o);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

static int abandoned_freed;
static struct gate abandoned_gate;

static intptr_t leaves(void *arg)
{
    struct owned *o = arg;

    return mr_job_run(&o->job, MR_NEVER);
}

/* Its waiter is cancelled, and has left. */
static void leave(struct mr_coro *co)
{
    intptr_t v;

    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
}

static intptr_t abandons(void *unused)
{
    struct mr_coro *co =
        mr_spawn(leaves, owned_new(&abandoned_gate, &abandoned_freed));

    (void)unused;
    mr_yield();
    wait_inside(&abandoned_gate, 1);
    leave(co);
    CHECK_EQ_INT(abandoned_freed, 0);
    /* The hub has nothing else to do after this, and waits for the job. */
    CHECK_EQ_INT(write(abandoned_gate.fds[1], "x", 1), 1);
    return 0;
}

TEST(job_that_is_abandoned)
{
    EQ_INT(pipe(abandoned_gate.fds), 0);
    EQ_INT(mr_run(abandons, NULL, NULL), 0);
    EQ_INT(abandoned_freed, 1);
    mr_offload_fini();
}

/* Queued jobs whose waiters leave, wherever in the queue, never run; the others
 * run in their order. */
IN_HUB(job_withdrawn_before_it_began)
{
    struct gate g = {0};
    struct ordered kept[5];
    struct mr_coro *first, *left[5], *stays[5];
    int freed = 0, next = 0;

    CHECK_EQ_INT(pipe(g.fds), 0);
    CHECK_EQ_INT(mr_offload_set_threads(1), 0);
    first = mr_spawn(offloads_block, &g);
    mr_yield();
    wait_inside(&g, 1);
    for (int i = 0; i < 5; i++) {
        struct owned *o = owned_new(&g, &freed);

        o->never = true;
        left[i] = mr_spawn(leaves, o);
        if (i == 4)
            break; /* the last in the queue is one that leaves */
        kept[i] = (struct ordered){&next, -1};
        stays[i] = mr_spawn(offloads_ordered, &kept[i]);
    }
    mr_yield();
    for (int i = 4; i >= 0; i--) {
        leave(left[i]);
        CHECK_EQ_INT(freed, 5 - i); /* at once, with the helper still busy */
    }
    CHECK_EQ_INT(write(g.fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_join(first, NULL, MR_NEVER), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(mr_join(stays[i], NULL, MR_NEVER), 0);
        CHECK_EQ_INT(kept[i].mine, i);
    }
    CHECK_EQ_INT(freed, 5);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

/* The queue was emptied by those who left; it takes jobs as before. */
IN_HUB(job_after_all_were_withdrawn)
{
    struct gate g = {0};
    struct owned *o = owned_new(&g, &abandoned_freed);
    struct mr_coro *first, *co;

    CHECK_EQ_INT(pipe(g.fds), 0);
    CHECK_EQ_INT(mr_offload_set_threads(1), 0);
    first = mr_spawn(offloads_block, &g);
    mr_yield();
    wait_inside(&g, 1);
    o->never = true;
    co = mr_spawn(leaves, o);
    mr_yield();
    leave(co);
    CHECK_EQ_INT(abandoned_freed, 1);
    CHECK_EQ_INT(write(g.fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_offload(twice, (void *)4), 8);
    CHECK_EQ_INT(mr_join(first, NULL, MR_NEVER), 0);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

/* It came back while its waiter, whose deadline had passed, had not had its
 * turn yet: freed all the same, once. */
IN_HUB(job_back_between_cancel_and_turn)
{
    struct mr_coro *co;
    intptr_t v;

    CHECK_EQ_INT(pipe(abandoned_gate.fds), 0);
    co = mr_spawn(leaves, owned_new(&abandoned_gate, &abandoned_freed));
    mr_yield();
    wait_inside(&abandoned_gate, 1);
    CHECK_EQ_INT(write(abandoned_gate.fds[1], "x", 1), 1);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    while (abandoned_freed == 0)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(abandoned_freed, 1);
    mr_offload_fini();
    return 0;
}

/* --- lanes --- */

/* Every helper of one lane is stuck; the other's are not. */
IN_HUB(offload_lanes_have_their_own_helpers)
{
    struct gate g = {0};
    struct mr_coro *stuck;
    struct owned *name = owned_new(&g, NULL);

    CHECK_EQ_INT(pipe(g.fds), 0);
    CHECK_EQ_INT(mr_offload_set_lane(MR_LANE_NAMES, 1), 0);
    name->job.lane = MR_LANE_NAMES;
    stuck = mr_spawn(leaves, name);
    mr_yield();
    wait_inside(&g, 1);
    CHECK_EQ_INT(mr_offload(twice, (void *)4), 8);
    CHECK_EQ_INT(write(g.fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_join(stuck, NULL, MR_NEVER), 0);
    CHECK_OK(name->ran);
    free(name);
    mr_offload_fini();
    close(g.fds[0]);
    close(g.fds[1]);
    return 0;
}

static struct gate orphan_gate;
static int orphans_freed;

static void free_orphan(struct mr_job *job)
{
    struct owned *o = mr_container_of(job, struct owned, job);

    CHECK_OK(o->ran);
    free(o);
    __atomic_add_fetch(&orphans_freed, 1, __ATOMIC_RELEASE);
}

static intptr_t orphans(void *unused)
{
    struct owned *o = owned_new(&orphan_gate, NULL);
    struct mr_coro *co;

    (void)unused;
    o->job.lane = MR_LANE_NAMES;
    o->job.free = free_orphan;
    o->job.free_anywhere = true;
    co = mr_spawn(leaves, o);
    mr_yield();
    wait_inside(&orphan_gate, 1);
    leave(co);
    return 0;
}

/* A job that may be freed anywhere keeps neither its hub nor the end of all
 * helpers waiting, and those that come later have their full number. */
TEST(job_that_nobody_waits_for)
{
    EQ_INT(pipe(orphan_gate.fds), 0);
    for (int round = 0; round < 2; round++) {
        EQ_INT(mr_offload_set_lane(MR_LANE_NAMES, 1), 0);
        EQ_INT(mr_run(orphans, NULL, NULL), 0);
        mr_offload_fini();
        EQ_INT(__atomic_load_n(&orphans_freed, __ATOMIC_ACQUIRE), round);
        EQ_INT(write(orphan_gate.fds[1], "x", 1), 1);
        while (__atomic_load_n(&orphans_freed, __ATOMIC_ACQUIRE) == round)
            (void)!poll(NULL, 0, 1); /* a pause between two looks */
    }
}

/* The same with its helper left among the others. */
TEST(job_that_nobody_waits_for_is_freed_by_its_helper)
{
    EQ_INT(pipe(orphan_gate.fds), 0);
    EQ_INT(mr_run(orphans, NULL, NULL), 0);
    EQ_INT(write(orphan_gate.fds[1], "x", 1), 1);
    while (__atomic_load_n(&orphans_freed, __ATOMIC_ACQUIRE) == 0)
        (void)!poll(NULL, 0, 1);
    mr_offload_fini();
    EQ_INT(orphans_freed, 1);
}
SUITE("lanes", offload_lanes_have_their_own_helpers, job_that_nobody_waits_for,
      job_that_nobody_waits_for_is_freed_by_its_helper)

/* --- no threads to be had --- */

IN_HUB(offload_without_threads)
{
    struct owned *o = owned_new(NULL, NULL);

    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    CHECK_EQ_INT(mr_offload(twice, (void *)1), -EAGAIN);
    CHECK_EQ_INT(mr_job_run(&o->job, MR_NEVER), -EAGAIN);
    free(o); /* it is still ours */
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_offload(twice, (void *)1), 2);
    /* One is there: the rest is done by it. */
    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    CHECK_EQ_INT(mr_offload(twice, (void *)2), 4);
    mr_sys_fault_clear();
    mr_offload_fini();
    return 0;
}

IN_HUB(offload_after_fini)
{
    CHECK_EQ_INT(mr_offload(twice, (void *)1), 2);
    mr_offload_fini();
    CHECK_EQ_INT(mr_offload(twice, (void *)2), 4);
    mr_offload_fini();
    return 0;
}

/* --- several hubs --- */

static intptr_t offloads_some(void *unused)
{
    (void)unused;
    for (intptr_t i = 0; i < 50; i++)
        CHECK_EQ_INT(mr_offload(twice, (void *)i), 2 * i);
    return 0;
}

static void *thread_with_hub(void *unused)
{
    CHECK_EQ_INT(mr_run(offloads_some, NULL, NULL), 0);
    return unused;
}

/* A hub that ends right after its last job came back: the helper may still be
 * inside the post. */
TEST(offload_from_several_hubs)
{
    for (int round = 0; round < 10; round++) {
        pthread_t t[3];

        for (int i = 0; i < 3; i++)
            EQ_INT(pthread_create(&t[i], NULL, thread_with_hub, NULL), 0);
        for (int i = 0; i < 3; i++)
            EQ_INT(pthread_join(t[i], NULL), 0);
    }
    mr_offload_fini();
}

SUITE("offload", offload_brings_the_result,
      offload_runs_elsewhere_signals_blocked, offload_a_thousand,
      offload_one_thread_keeps_order, offload_is_bounded, offload_thread_limits,
      offload_is_shielded, offload_without_threads, offload_after_fini,
      offload_from_several_hubs)
SUITE("offload: owned jobs", job_that_is_waited_for, job_that_is_abandoned,
      job_withdrawn_before_it_began, job_after_all_were_withdrawn,
      job_back_between_cancel_and_turn)
TEST_MAIN()
