/* SPDX-License-Identifier: MIT */

/* test_hub_deadlock.c - nothing can come any more; and what still may. */
#include "core/hub.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "core/timer.h"
#include "tests/core/in_hub.h"
#include "tests/core/log_file.h"

static intptr_t waits_for_nobody(void *arg)
{
    struct mr_waitq q;
    int rc;

    mr_waitq_init(&q);
    rc = (int)mr_wait(&q, MR_NEVER, "godot");
    ++*(int *)arg; /* it cleans up */
    CHECK_EQ_INT(rc, -ECANCELED);
    return rc;
}

static intptr_t waits_with_others(void *arg)
{
    struct mr_coro *a = mr_spawn(waits_for_nobody, arg);
    struct mr_coro *b = mr_spawn(waits_for_nobody, arg);

    CHECK_OK(b != NULL);
    CHECK_EQ_INT(mr_join(a, NULL, MR_NEVER), -ECANCELED);
    return 7;
}

TEST(hub_ends_a_deadlock)
{
    intptr_t result = 0;
    int ended = 0;

    log_to_file();
    EQ_INT(mr_run(waits_with_others, &ended, &result), -EDEADLK);
    EQ_INT(ended, 2);
    EQ_INT(result, 7);
    CHECK_LOG("error .*deadlock: 3 coroutines wait, and nothing can come");
    EQ_INT(matches(log_text(), "'waits_for_nobody' parked: godot, for "), 2);
    CHECK_LOG("'first' parked: join \\(of #1 'waits_for_nobody'\\)");
    CHECK_LOG("  #[0-9]+ 0x.* waits_with_others\\+");
    log_end();
}

static intptr_t locks_forever(void *arg)
{
    struct mr_scope s;

    mr_shield_enter(&s, MR_NEVER);
    (void)waits_for_nobody(arg);
    (void)mr_shield_leave(&s);
    return 0;
}

TEST_DIES(hub_deadlock_behind_a_shield, "a deadlock of errands behind shields")
{
    int ended = 0;

    (void)!mr_run(locks_forever, &ended, NULL);
}

/* A run after one that ended so is as any other. */
static intptr_t waits_a_bit(void *arg)
{
    return mr_sleep_ms((intptr_t)arg);
}

TEST(hub_runs_after_a_deadlock)
{
    struct mr_hub *hub;
    int ended = 0;

    log_to_file();
    EQ_INT(mr_hub_new(&hub), 0);
    EQ_INT(mr_hub_run(hub, waits_with_others, &ended, NULL), -EDEADLK);
    EQ_INT(mr_hub_run(hub, waits_a_bit, (void *)1, NULL), 0);
    mr_hub_free(hub);
    log_end();
}

/* What may still come, each alone: no deadlock. */

static enum mr_hub_hook_answer wakes(int fd, void *arg)
{
    char c;

    CHECK_EQ_INT(read(fd, &c, 1), 1);
    CHECK_OK(mr_waitq_wake_one(arg, 3));
    return MR_HOOK_DISARM;
}

static void *writes_later(void *arg)
{
    CHECK_EQ_INT(write(*(int *)arg, "x", 1), 1);
    return NULL;
}

IN_HUB(hub_waits_for_descriptors)
{
    struct mr_waitq q;
    pthread_t t;
    int fds[2];

    mr_waitq_init(&q);
    for (int by_hook = 0; by_hook < 2; by_hook++) {
        CHECK_EQ_INT(pipe(fds), 0);
        CHECK_EQ_INT(dup2(fds[0], 300 + by_hook), 300 + by_hook);
        close(fds[0]);
        fds[0] = 300 + by_hook; /* of another chunk than the first */
        if (by_hook)
            CHECK_EQ_INT(mr_hub_hook(fds[0], wakes, &q), 0);
        CHECK_EQ_INT(pthread_create(&t, NULL, writes_later, &fds[1]), 0);
        if (by_hook)
            CHECK_EQ_INT(mr_wait(&q, MR_NEVER, "hook"), 3);
        else
            CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
        pthread_join(t, NULL);
        mr_hub_forget(fds[0]);
        close(fds[0]);
        close(fds[1]);
    }
    return 0;
}

static void *unshares(void *arg)
{
    mr_hub_unshare(arg);
    return NULL;
}

static intptr_t shares(void *arg)
{
    pthread_t t;

    mr_hub_share(mr_hub_self());
    CHECK_EQ_INT(pthread_create(&t, NULL, unshares, mr_hub_self()), 0);
    CHECK_EQ_INT(waits_for_nobody(arg), -ECANCELED);
    pthread_join(t, NULL);
    return 0;
}

/* The last one who could post leaves, while the hub waits in the kernel. */
TEST(hub_deadlock_when_the_last_thread_leaves)
{
    int ended = 0;

    log_to_file();
    EQ_INT(mr_run(shares, &ended, NULL), -EDEADLK);
    EQ_INT(ended, 1);
    log_end();
}

SUITE("hub: deadlocks", hub_ends_a_deadlock, hub_deadlock_behind_a_shield,
      hub_runs_after_a_deadlock, hub_waits_for_descriptors,
      hub_deadlock_when_the_last_thread_leaves)
TEST_MAIN()
