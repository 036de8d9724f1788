/* SPDX-License-Identifier: MIT */

/* test_later.c - coroutines that begin later; waiting for idleness. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/chan.h"
#include "core/group.h"
#include "core/link.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static char told[64];

static intptr_t tells(void *arg)
{
    size_t n = strlen(told);

    told[n] = (char)(intptr_t)arg;
    told[n + 1] = '\0';
    return (intptr_t)arg;
}

/* --- later --- */

IN_HUB(later_begins_in_its_time)
{
    int64_t now = mr_now();
    struct mr_coro *c = mr_spawn_later(tells, (void *)'c', now + mr_ms(6));
    struct mr_coro *b = mr_spawn_later(tells, (void *)'b', now + mr_ms(3));
    struct mr_coro *past = mr_spawn_later(tells, (void *)'a', now - 1);
    intptr_t v;

    CHECK_EQ_INT(mr_coro_state(c), MR_CORO_PARKED);
    CHECK_EQ_STR(mr_coro_why(c), "its time");
    CHECK_EQ_STR(mr_coro_name(c), "tells");
    CHECK_EQ_INT(mr_join(c, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 'c');
    CHECK_OK(mr_now() >= now + mr_ms(6));
    CHECK_EQ_STR(told, "abc");
    CHECK_EQ_INT(mr_join(b, NULL, 0), 0);
    CHECK_EQ_INT(mr_join(past, NULL, 0), 0);
    return 0;
}

IN_HUB(later_cancelled_never_runs)
{
    static const int64_t ats[] = {1000000, 1000000000000, MR_NEVER};

    for (size_t i = 0; i < MR_ARRAY_LEN(ats); i++) {
        struct mr_coro *co =
            mr_spawn_later(tells, (void *)'x',
                           ats[i] == MR_NEVER ? MR_NEVER : mr_after(ats[i]));
        intptr_t v = 0;

        CASE("at %jd", (intmax_t)ats[i]);
        if (i > 0)
            mr_yield();
        mr_cancel(co);
        mr_cancel(co);
        CHECK_EQ_STR(mr_coro_why(co), "");
        CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, -ECANCELED);
    }
    CHECK_EQ_STR(told, "");
    return 0;
}

/* A member of its group: waited for, and closed with it. */
IN_HUB(later_belongs_to_its_group)
{
    struct mr_group g;
    struct mr_spawn_options o = {.entry = "tells", .group = &g, .reap = true};

    mr_group_init(&g);
    CHECK_OK(mr_spawn_later_with(tells, (void *)'a', mr_after_ms(2), &o));
    CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
    CHECK_EQ_STR(told, "a");
    CHECK_OK(mr_spawn_later_with(tells, (void *)'b', mr_after_s(1000), &o));
    CHECK_EQ_INT(mr_group_wait(&g, 0), -ETIMEDOUT);
    mr_group_close(&g);
    CHECK_EQ_STR(told, "a");
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

static intptr_t waits_within(void *arg)
{
    struct mr_coro *self = mr_coro_self();

    CHECK_EQ_STR(mr_coro_why(self), "");
    (void)!mr_sleep_ms(1);
    return (intptr_t)arg;
}

/* Like any other once it runs; and its memory serves the next one. */
IN_HUB(later_many)
{
    struct mr_group g;
    struct mr_spawn_options o = {.entry = "waits", .group = &g};
    int64_t base;

    mr_group_init(&g);
    for (int round = 0; round < 3; round++) {
        base = mr_now();
        for (long i = TEST_SCALE(1000); i > 0; i--)
            CHECK_OK(mr_spawn_later_with(waits_within, (void *)i,
                                         base + i * 7919 % 5000000, &o));
        CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
        mr_group_close(&g);
    }
    return 0;
}

/* --- idle --- */

static intptr_t is_busy(void *arg)
{
    for (int i = 0; i < 100; i++)
        mr_yield();
    return tells(arg);
}

static intptr_t idles(void *arg)
{
    CHECK_EQ_INT(mr_idle(MR_NEVER), 0);
    return tells(arg);
}

IN_HUB(idle_waits_for_all_others)
{
    CHECK_OK(mr_spawn(idles, (void *)'i') != NULL);
    CHECK_OK(mr_spawn(is_busy, (void *)'a') != NULL);
    CHECK_OK(mr_spawn(is_busy, (void *)'b') != NULL);
    CHECK_OK(mr_spawn_later(tells, (void *)'l', mr_after_s(1000)) != NULL);
    CHECK_EQ_INT(mr_idle(MR_NEVER), 0); /* sleepers do not count */
    mr_yield();
    CHECK_EQ_STR(told, "abi");
    return 0;
}

/* What the kernel has counts: it is asked first. */
static intptr_t reads(void *arg)
{
    char c;
    int fd = *(int *)arg;

    CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_READABLE, MR_NEVER), 0);
    CHECK_EQ_INT(read(fd, &c, 1), 1);
    return tells((void *)(intptr_t)c);
}

IN_HUB(idle_waits_for_what_the_kernel_has)
{
    int fds[2];

    CHECK_EQ_INT(pipe(fds), 0);
    CHECK_OK(mr_spawn(reads, &fds[0]) != NULL);
    mr_yield();
    CHECK_EQ_INT(write(fds[1], "r", 1), 1);
    CHECK_EQ_INT(mr_idle(MR_NEVER), 0);
    CHECK_EQ_STR(told, "r");
    mr_hub_forget(fds[0]);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static intptr_t never_rests(void *unused)
{
    (void)unused;
    while (mr_yield() == 0)
        continue;
    return 0;
}

IN_HUB(idle_ends_by_deadline_and_cancel)
{
    struct mr_coro *busy = mr_spawn(never_rests, NULL);
    struct mr_coro *co;
    intptr_t v;

    CHECK_EQ_INT(mr_idle(mr_after_ms(1)), -ETIMEDOUT);
    co = mr_spawn(idles, NULL);
    mr_yield();
    CHECK_EQ_STR(mr_coro_why(co), "idle");
    mr_cancel(busy);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    mr_cancel(mr_coro_self());
    CHECK_EQ_INT(mr_idle(MR_NEVER), -ECANCELED);
    return 0;
}

SUITE("later", later_begins_in_its_time, later_cancelled_never_runs,
      later_belongs_to_its_group, later_many)
SUITE("idle", idle_waits_for_all_others, idle_waits_for_what_the_kernel_has,
      idle_ends_by_deadline_and_cancel)
TEST_MAIN()
