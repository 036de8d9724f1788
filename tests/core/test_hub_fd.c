/* SPDX-License-Identifier: MIT */

/*
 * test_hub_fd.c - readiness of descriptors: waiters, hooks, shared ones, reuse.
 *
 * That a watcher does not spin is told by how often the kernel was asked.
 *
 * over budget: one table of behaviours of one record; halves would share all
 * their helpers.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* A few sleeps; how often the kernel was asked. A watcher that spins makes it
 * thousands. */
#define NAPS 10
#define POLLS_MAX (4 * NAPS)

static uint64_t polls_in_naps(void)
{
    uint64_t before = mr_hub_stats(mr_hub_self()).polls;

    for (int i = 0; i < NAPS; i++)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    return mr_hub_stats(mr_hub_self()).polls - before;
}

static void make_pair(int fds[2])
{
    CHECK_EQ_INT(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
        0);
}

static void close_fd(int fd)
{
    mr_hub_forget(fd);
    close(fd);
}

static void close_pair(int fds[2])
{
    close_fd(fds[0]);
    close_fd(fds[1]);
}

static void put(int fd)
{
    CHECK_EQ_INT(write(fd, "x", 1), 1);
}

static void get(int fd)
{
    char c;

    CHECK_EQ_INT(read(fd, &c, 1), 1);
}

/* --- waiters --- */

static int the_fd;

static intptr_t reads(void *unused)
{
    (void)unused;
    return mr_hub_wait_fd(the_fd, MR_READABLE, MR_NEVER);
}

IN_HUB(fd_readiness)
{
    int fds[2];
    struct mr_coro *co;
    intptr_t v = 1;

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_WRITABLE, MR_NEVER), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE | MR_WRITABLE, MR_NEVER),
                 0);
    the_fd = fds[0];
    co = mr_spawn(reads, NULL);
    mr_yield();
    CHECK_EQ_STR(mr_coro_why(co), "read");
    put(fds[1]);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    close_pair(fds);
    return 0;
}

IN_HUB(fd_hang_up_is_ready)
{
    int fds[2];

    make_pair(fds);
    close_fd(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_WRITABLE, MR_NEVER), 0);
    close_fd(fds[0]);
    return 0;
}

/* The peer's end is seen behind bytes that nobody reads, and once: a watcher
 * that stays would spin. Who asks later is told again. */
IN_HUB(fd_gone_behind_unread_bytes)
{
    int fds[2];

    for (int half = 0; half <= 1; half++) {
        CASE("half %d", half);
        make_pair(fds);
        put(fds[1]);
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_GONE, mr_after_ms(1)),
                     -ETIMEDOUT);
        if (half)
            CHECK_EQ_INT(shutdown(fds[1], SHUT_WR), 0);
        else
            close_fd(fds[1]);
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_GONE, MR_NEVER), 0);
        CHECK_OK(polls_in_naps() <= POLLS_MAX);
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_GONE, MR_NEVER), 0);
        get(fds[0]);
        if (half)
            close_fd(fds[1]);
        close_fd(fds[0]);
    }
    return 0;
}

static intptr_t waits_gone(void *arg)
{
    return mr_hub_wait_fd(*(int *)arg, MR_GONE, MR_NEVER);
}

/* One reads, two wait for the end: each gets what it asked for; a close here
 * ends the wait; and the number's next use begins anew. */
IN_HUB(fd_gone_beside_a_reader)
{
    struct mr_coro *co[3];
    intptr_t v;
    int fds[2];

    for (int here = 0; here <= 1; here++) {
        CASE("closed here %d", here);
        make_pair(fds);
        the_fd = fds[0];
        co[0] = mr_spawn(reads, NULL);
        co[1] = mr_spawn(waits_gone, &the_fd);
        co[2] = mr_spawn(waits_gone, &the_fd);
        mr_yield();
        CHECK_EQ_STR(mr_coro_why(co[1]), "peer gone");
        put(fds[1]);
        CHECK_EQ_INT(mr_join(co[0], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 0);
        CHECK_OK(polls_in_naps() <= POLLS_MAX);
        CHECK_EQ_INT(mr_coro_state(co[1]), MR_CORO_PARKED);
        close_fd(fds[!here]);
        for (int i = 1; i <= 2; i++) {
            CHECK_EQ_INT(mr_join(co[i], &v, MR_NEVER), 0);
            CHECK_EQ_INT(v, here ? -EBADF : 0);
        }
        close_fd(fds[here]);
    }
    return 0;
}

/* The same of one that is shared. */
IN_HUB(fd_gone_of_a_shared_one)
{
    struct mr_coro *co;
    intptr_t v;
    int fds[2];

    make_pair(fds);
    the_fd = fds[0];
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], false), 0);
    co = mr_spawn(waits_gone, &the_fd);
    mr_yield();
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    CHECK_OK(polls_in_naps() <= POLLS_MAX); /* only the reading stopped */
    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_PARKED);
    close_fd(fds[1]);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_fd(fds[0]);
    return 0;
}

IN_HUB(fd_gone_cannot_be_told)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[2];

    CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_GONE, MR_NEVER), -EPERM);
    close_fd(fd);
    CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_GONE, MR_NEVER), -EBADF);
    make_pair(fds);
    mr_sys_fault(MR_SYS_EPOLL_CTL, 1, -ENOSPC);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_GONE, MR_NEVER), -ENOSPC);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_GONE, mr_after_ms(1)), -ETIMEDOUT);
    close_pair(fds);
    return 0;
}

IN_HUB_DIES(fd_gone_or_readable, "need")
{
    return mr_hub_wait_fd(0, MR_GONE | MR_READABLE, MR_NEVER);
}

IN_HUB(fd_several_waiters)
{
    int fds[2];
    struct mr_coro *co[3];
    intptr_t v;

    make_pair(fds);
    the_fd = fds[0];
    for (int i = 0; i < 3; i++)
        co[i] = mr_spawn(reads, NULL);
    mr_yield();
    put(fds[1]);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_join(co[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 0);
    }
    close_pair(fds);
    return 0;
}

IN_HUB(fd_wait_is_cancelled)
{
    int fds[2];
    struct mr_coro *co;
    intptr_t v;

    make_pair(fds);
    the_fd = fds[0];
    co = mr_spawn(reads, NULL);
    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    close_pair(fds);
    return 0;
}

/* The watcher that a waiter left armed: the first event stops it. */
IN_HUB(fd_armed_watcher_does_not_spin)
{
    int fds[2];

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    close_fd(fds[1]); /* and a hang-up neither */
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_fd(fds[0]);
    return 0;
}

static intptr_t echoes(void *arg)
{
    for (int i = 0; i < 200; i++) {
        CHECK_EQ_INT(mr_hub_wait_fd(*(int *)arg, MR_READABLE, MR_NEVER), 0);
        get(*(int *)arg);
        put(*(int *)arg);
    }
    return 0;
}

/* In steady state each wait is one poll: no rearming, no empty ones. */
IN_HUB(fd_steady_state)
{
    int fds[2];
    struct mr_coro *co;
    uint64_t before;

    make_pair(fds);
    co = mr_spawn(echoes, &fds[1]);
    mr_yield();
    before = mr_hub_stats(mr_hub_self()).polls;
    mr_sys_fault(MR_SYS_FSTAT, 0, 0); /* counts */
    for (int i = 0; i < 200; i++) {
        put(fds[0]);
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
        get(fds[0]);
    }
    CHECK_OK(mr_sys_calls(MR_SYS_FSTAT) <= 1);
    mr_sys_fault_clear();
    CHECK_OK(mr_hub_stats(mr_hub_self()).polls - before <= 2 * 200 + 4);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

/* --- by edge --- */

struct hook {
    int called;
    enum mr_hub_hook_answer answer;
    bool read;
};

static enum mr_hub_hook_answer on_hook(int fd, void *arg)
{
    struct hook *h = arg;

    h->called++;
    if (h->read)
        get(fd);
    return h->answer;
}

#define TAKEN (MR_READABLE | MR_DRAINED)

static intptr_t reads_taken(void *unused)
{
    (void)unused;
    return mr_hub_wait_fd(the_fd, TAKEN, MR_NEVER);
}

static intptr_t writes_taken(void *unused)
{
    (void)unused;
    return mr_hub_wait_fd(the_fd, MR_WRITABLE | MR_DRAINED, MR_NEVER);
}

/* What was left is not told again; and to who does not say that he has taken
 * all it is told at once. */
IN_HUB(edge_tells_of_what_comes)
{
    int fds[2];

    make_pair(fds);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0); /* the first */
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, mr_after_ms(1)), -ETIMEDOUT);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0); /* by level now */
    close_pair(fds);
    return 0;
}

/* It came while nobody waited. */
IN_HUB(edge_that_found_nobody)
{
    int fds[2];

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, mr_after_ms(1)), -ETIMEDOUT);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

/* In one event with bytes: whoever takes these and waits is told of the end. */
IN_HUB(edge_and_the_end)
{
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    struct mr_coro *co;
    intptr_t v;
    int fds[2];

    make_pair(fds);
    the_fd = fds[0];
    co = mr_spawn(reads_taken, NULL);
    mr_yield();
    put(fds[1]);
    CHECK_EQ_INT(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    get(fds[0]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], TAKEN, MR_NEVER), 0);
    close_pair(fds);

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook_drained(fds[0], on_hook, &h), 0);
    put(fds[1]);
    close_fd(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 1);
    h.read = false;
    CHECK_EQ_INT(mr_hub_hook_drained(fds[0], on_hook, &h), 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 2);
    close_fd(fds[0]);
    return 0;
}

static void fill(int fd)
{
    char block[4096] = "";

    while (write(fd, block, sizeof block) > 0)
        continue;
    CHECK_EQ_INT(errno, EAGAIN);
}

/* The end of one direction is nothing to who waits in the other. */
IN_HUB(edge_of_each_direction)
{
    struct mr_coro *reader, *writer;
    char block[4096];
    intptr_t v;
    int fds[2];

    make_pair(fds);
    fill(fds[0]);
    the_fd = fds[0];
    reader = mr_spawn(reads_taken, NULL);
    writer = mr_spawn(writes_taken, NULL);
    mr_yield();
    CHECK_EQ_INT(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ_INT(mr_join(reader, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(mr_coro_state(writer), MR_CORO_PARKED);
    while (read(fds[1], block, sizeof block) > 0)
        continue;
    CHECK_EQ_INT(mr_join(writer, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    close_pair(fds);
    return 0;
}

/* Set again and again it costs no call; and what it is told of is each new
 * byte, once. */
IN_HUB(edge_of_a_hook)
{
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    int fds[2];

    make_pair(fds);
    mr_sys_fault(MR_SYS_EPOLL_CTL, 0, 0); /* counts */
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ_INT(mr_hub_hook_drained(fds[0], on_hook, &h), 0);
        put(fds[1]);
        CHECK_OK(polls_in_naps() < POLLS_MAX);
        CHECK_EQ_INT(h.called, i);
    }
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_EPOLL_CTL), 1);
    mr_sys_fault_clear();
    h.answer = MR_HOOK_DISARM;
    h.read = false;
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 6);
    CHECK_EQ_INT(mr_hub_hook_drained(fds[0], on_hook, &h), 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 7);
    close_pair(fds);
    return 0;
}

/* Many at once: more than one look at the set tells of. */
IN_HUB(edge_of_many)
{
    enum { N = 300 };
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    static int fds[N][2];

    for (int i = 0; i < N; i++) {
        make_pair(fds[i]);
        CHECK_EQ_INT(mr_hub_hook_drained(fds[i][0], on_hook, &h), 0);
    }
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < N; i++)
            put(fds[i][1]);
        for (int i = 0; i < 1000 && h.called < round * N; i++)
            CHECK_EQ_INT(mr_sleep_ms(1), 0);
        CHECK_EQ_INT(h.called, round * N);
    }
    for (int i = 0; i < N; i++)
        close_pair(fds[i]);
    return 0;
}

/* --- closing --- */

static intptr_t writes(void *unused)
{
    (void)unused;
    return mr_hub_wait_fd(the_fd, MR_READABLE | MR_WRITABLE, MR_NEVER);
}

IN_HUB(fd_forget_wakes_its_waiters)
{
    int fds[2];
    struct mr_coro *a, *b;
    intptr_t v;

    make_pair(fds);
    while (write(fds[0], "0123456789abcdef", 16) > 0)
        continue;
    the_fd = fds[0];
    a = mr_spawn(reads, NULL);
    b = mr_spawn(writes, NULL);
    mr_yield();
    CHECK_EQ_INT(mr_coro_state(b), MR_CORO_PARKED);
    close_fd(fds[0]);
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -EBADF);
    CHECK_EQ_INT(mr_join(b, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -EBADF);
    close_fd(fds[1]);
    mr_hub_forget(fds[1]);
    mr_hub_forget(12345); /* unknown ones are fine */
    mr_hub_forget(-1);
    return 0;
}

/* The kernel gives the same number to another file at once. */
IN_HUB(fd_number_is_reused)
{
    int first[2], second[2], number;

    make_pair(first);
    number = first[0];
    CHECK_EQ_INT(mr_hub_wait_fd(number, MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    for (int i = 0; i < 3; i++) {
        CASE("round %d", i);
        close_fd(number);
        make_pair(second);
        if (second[0] != number) {
            CHECK_EQ_INT(dup2(second[0], number), number);
            close_fd(second[0]);
        }
        CHECK_EQ_INT(mr_hub_wait_fd(number, MR_READABLE, mr_after_ms(1)),
                     -ETIMEDOUT);
        put(second[1]);
        CHECK_EQ_INT(mr_hub_wait_fd(number, MR_READABLE, MR_NEVER), 0);
        close_fd(second[1]);
    }
    close_fd(number);
    close_fd(first[1]);
    return 0;
}

IN_HUB(fd_that_is_not_open)
{
    int fds[2];

    make_pair(fds);
    close_pair(fds);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), -EBADF);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), -EBADF);
    mr_hub_forget(fds[0]);
    return 0;
}

/* The kernel refuses to modify an exclusive registration: it is made anew. */
IN_HUB(exclusive_descriptor_both_ways)
{
    int fds[2];
    struct mr_coro *reader;

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], true), 0);
    the_fd = fds[0];
    reader = mr_spawn(reads, NULL);
    mr_yield(); /* it waits */
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_WRITABLE, mr_after_s(30)), 0);
    put(fds[1]);
    CHECK_EQ_INT(mr_join(reader, NULL, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

/* To make it anew fails half-way: whoever waited already is not forgotten. */
/* Forgotten, but not closed: the kernel has it still, and not exclusively. */
IN_HUB(exclusive_after_it_was_not)
{
    int fds[2];

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    mr_hub_forget(fds[0]);
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], true), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

IN_HUB(exclusive_descriptor_lost)
{
    int fds[2];
    struct mr_coro *reader;
    intptr_t rc = 0;

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], true), 0);
    the_fd = fds[0];
    reader = mr_spawn(reads, NULL);
    mr_yield(); /* it waits */
    mr_sys_fault(MR_SYS_EPOLL_CTL, 2, -ENOSPC);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_WRITABLE, mr_after_s(30)), -ENOSPC);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_join(reader, &rc, mr_after_s(30)), 0);
    CHECK_EQ_INT(rc, -ENOSPC);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

/* --- files --- */

IN_HUB(fd_files_are_always_ready)
{
    static const char *const paths[] = {"/proc/self/exe", "/"};
    struct mr_waitq *q;

    for (size_t i = 0; i < MR_ARRAY_LEN(paths); i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

        CASE("%s", paths[i]);
        CHECK_OK(fd >= 0);
        CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_READABLE, MR_NEVER), 0);
        CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_WRITABLE, MR_NEVER), 0);
        CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_READABLE | MR_WRITABLE, MR_NEVER),
                     0);
        CHECK_EQ_INT(mr_hub_fd_queue(fd, MR_READABLE, &q), 1);
        close_fd(fd);
    }
    return 0;
}

/* --- hooks --- */

IN_HUB(hook_that_disarms)
{
    int fds[2];
    struct hook h = {.answer = MR_HOOK_DISARM};

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 1);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0); /* armed again */
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 2);
    close_pair(fds);
    return 0;
}

IN_HUB(hook_that_keeps)
{
    int fds[2];
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0);
    for (int i = 1; i <= 5; i++) {
        put(fds[1]);
        CHECK_OK(polls_in_naps() < POLLS_MAX);
        CHECK_EQ_INT(h.called, i);
    }
    CHECK_EQ_INT(mr_hub_hook(fds[0], NULL, NULL), 0); /* taken out */
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 5);
    close_pair(fds);
    return 0;
}

/* Who waits comes first; the hook gets what nobody waits for. */
IN_HUB(hook_stands_back_for_a_waiter)
{
    int fds[2];
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    struct mr_coro *co;

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0);
    the_fd = fds[0];
    co = mr_spawn(reads, NULL);
    mr_yield();
    put(fds[1]);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(h.called, 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX); /* still unread: the hook's now */
    CHECK_EQ_INT(h.called, 1);
    close_pair(fds);
    return 0;
}

static enum mr_hub_hook_answer closes(int fd, void *arg)
{
    ++*(int *)arg;
    close_fd(fd);
    return MR_HOOK_KEEP;
}

/* Closes, and the number is another's at once, watched by the new owner. */
struct swap {
    int fds[2]; /* the new pair; fds[0] has the old number */
    struct hook hook;
};

static enum mr_hub_hook_answer swaps(int fd, void *arg)
{
    struct swap *s = arg;

    close_fd(fd);
    make_pair(s->fds);
    CHECK_EQ_INT(s->fds[0], fd);
    CHECK_EQ_INT(mr_hub_hook(s->fds[0], on_hook, &s->hook), 0);
    return MR_HOOK_DISARM; /* meant the old one */
}

IN_HUB(hook_whose_number_is_reused)
{
    struct swap s = {.hook = {.answer = MR_HOOK_KEEP, .read = true}};
    int fds[2];

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook(fds[0], swaps, &s), 0);
    put(fds[1]);
    (void)polls_in_naps();
    put(s.fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(s.hook.called, 1);
    close_pair(s.fds);
    close_fd(fds[1]);
    return 0;
}

IN_HUB(hook_that_closes_its_descriptor)
{
    int fds[2], called = 0;

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_hook(fds[0], closes, &called), 0);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(called, 1);
    close_fd(fds[1]);
    return 0;
}

/* --- shared with another process --- */

IN_HUB(shared_descriptor_wakes_waiters)
{
    int fds[2];
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};

    make_pair(fds);
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], false), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_WRITABLE, MR_NEVER), 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 1);
    close_pair(fds);
    return 0;
}

/* The open file lives on in another process, ready, after we closed ours:
 * nothing of it may reach our loop any more. */
static void held_elsewhere(bool shared)
{
    int fds[2], go[2], status;
    pid_t pid;
    char c;

    make_pair(fds);
    CHECK_EQ_INT(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        close(go[1]);
        (void)!read(go[0], &c, 1);
        _exit(0);
    }
    if (shared)
        CHECK_EQ_INT(mr_hub_fd_shared(fds[0], false), 0);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                 -ETIMEDOUT);
    close_fd(fds[0]);
    put(fds[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    close(go[1]);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    close(go[0]);
    close_fd(fds[1]);
}

IN_HUB(shared_descriptor_held_elsewhere)
{
    held_elsewhere(true);
    return 0;
}

/* Not known to be: its first event has the set made anew, with all others. */
IN_HUB(descriptor_held_elsewhere)
{
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    struct mr_coro *reader;
    int fds[2], hooked[2];
    intptr_t v;

    make_pair(fds);
    make_pair(hooked);
    the_fd = fds[0];
    reader = mr_spawn(reads, NULL);
    CHECK_EQ_INT(mr_hub_hook(hooked[0], on_hook, &h), 0);
    mr_yield();
    held_elsewhere(false);
    put(hooked[1]);
    CHECK_OK(polls_in_naps() < POLLS_MAX);
    CHECK_EQ_INT(h.called, 1);
    put(fds[1]);
    CHECK_EQ_INT(mr_join(reader, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 0);
    close_pair(fds);
    close_pair(hooked);
    return 0;
}

/* The set cannot be made anew at once: it is asked again; and of those that the
 * new one does not take who waits is told. */
IN_HUB(descriptor_held_elsewhere_and_no_room)
{
    struct mr_coro *reader;
    int fds[2];
    intptr_t v;

    make_pair(fds);
    mr_sys_fault(MR_SYS_EPOLL_CREATE, 1, -EMFILE);
    held_elsewhere(false);
    CHECK_OK(mr_sys_calls(MR_SYS_EPOLL_CREATE) >= 2);
    mr_sys_fault_clear();
    the_fd = fds[0];
    reader = mr_spawn(reads, NULL);
    mr_yield();
    mr_sys_fault(MR_SYS_EPOLL_CTL, 2, -ENOSPC); /* one is its own */
    held_elsewhere(false);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_join(reader, &v, mr_after_s(30)), 0);
    CHECK_EQ_INT(v, -ENOSPC);
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

/* A hook waits for nobody's answer, so nobody can tell it: it is asked for
 * again when there may be room. */
IN_HUB(descriptor_held_elsewhere_and_no_room_for_a_hook)
{
    struct hook h = {.answer = MR_HOOK_KEEP, .read = true};
    int fds[2], other[2];

    make_pair(fds);
    make_pair(other);
    CHECK_EQ_INT(mr_hub_hook(fds[0], on_hook, &h), 0);
    for (int again = 0; again < 2; again++) {
        mr_sys_fault(MR_SYS_EPOLL_CTL, 2, -ENOSPC); /* one is its own */
        held_elsewhere(false);
        mr_sys_fault_clear();
        put(fds[1]);
        put(other[1]);
        CHECK_EQ_INT(mr_hub_wait_fd(other[0], MR_READABLE, MR_NEVER), 0);
        CHECK_OK(polls_in_naps() < POLLS_MAX);
        CHECK_EQ_INT(h.called, again + 1);
    }
    close_pair(fds);
    close_pair(other);
    return 0;
}

/* Forgotten though it stays open, and used again. */
IN_HUB(descriptor_forgotten_and_used_again)
{
    int fds[2];

    make_pair(fds);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, mr_after_ms(1)),
                     -ETIMEDOUT);
        mr_hub_forget(fds[0]);
    }
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

static int listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ_INT(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ_INT(listen(fd, 8), 0);
    return fd;
}

static int dial(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ_INT(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    CHECK_EQ_INT(connect(c, (struct sockaddr *)&a, sizeof a), 0);
    return c;
}

static enum mr_hub_hook_answer accepts(int fd, void *arg)
{
    int c = accept(fd, NULL, NULL);

    if (c >= 0) {
        close(c);
        ++*(int *)arg;
    }
    return MR_HOOK_KEEP;
}

/* A listener that another process holds, with EPOLLEXCLUSIVE. */
IN_HUB(shared_listener)
{
    int fd = listener(), go[2], status, accepted = 0, c;
    pid_t pid;

    CHECK_EQ_INT(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        close(go[1]);
        (void)!read(go[0], &c, 1);
        _exit(0);
    }
    CHECK_EQ_INT(mr_hub_fd_shared(fd, true), 0);
    CHECK_EQ_INT(mr_hub_hook(fd, accepts, &accepted), 0);
    for (int i = 1; i <= 3; i++) {
        c = dial(fd);
        while (accepted < i)
            CHECK_EQ_INT(mr_sleep_ms(1), 0);
        close(c);
        /* It has no peer; and is watched as before. */
        CHECK_EQ_INT(mr_hub_wait_fd(fd, MR_GONE, 0), -EINVAL);
    }
    c = dial(fd);
    close_fd(fd);
    CHECK_OK(polls_in_naps() < POLLS_MAX); /* though a client queues there */
    close(c);
    close(go[1]);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    close(go[0]);
    return 0;
}

/* --- failures --- */

IN_HUB(fd_without_memory)
{
    int fds[2], high;
    struct hook h = {.answer = MR_HOOK_KEEP};

    make_pair(fds);
    high = fcntl(fds[0], F_DUPFD, 600);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    CHECK_EQ_INT(mr_hub_wait_fd(high, MR_READABLE, MR_NEVER), -ENOMEM);
    CHECK_EQ_INT(mr_hub_hook(high, on_hook, &h), -ENOMEM);
    mr_sys_fault_clear();
    mr_sys_fault(MR_SYS_ALLOC, 2, -ENOMEM);
    CHECK_EQ_INT(mr_hub_wait_fd(high, MR_READABLE, MR_NEVER), -ENOMEM);
    mr_sys_fault_clear();
    put(fds[1]);
    CHECK_EQ_INT(mr_hub_wait_fd(high, MR_READABLE, MR_NEVER), 0);
    close_fd(high);
    CHECK_EQ_INT(mr_hub_fd_shared(fds[0], false), 0);
    mr_sys_fault(MR_SYS_EPOLL_CTL, 1, -ENOSPC);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), -ENOSPC);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    close_pair(fds);
    return 0;
}

SUITE("descriptors", fd_readiness, fd_hang_up_is_ready, fd_several_waiters,
      fd_wait_is_cancelled, fd_armed_watcher_does_not_spin, fd_steady_state,
      fd_forget_wakes_its_waiters, fd_number_is_reused, fd_that_is_not_open,
      fd_files_are_always_ready, fd_without_memory)
SUITE("by edge", edge_tells_of_what_comes, edge_that_found_nobody,
      edge_and_the_end, edge_of_each_direction, edge_of_a_hook, edge_of_many)
SUITE("gone", fd_gone_behind_unread_bytes, fd_gone_beside_a_reader,
      fd_gone_of_a_shared_one, fd_gone_cannot_be_told, fd_gone_or_readable)
SUITE("hooks", hook_that_disarms, hook_that_keeps,
      hook_stands_back_for_a_waiter, hook_that_closes_its_descriptor,
      hook_whose_number_is_reused)
SUITE("shared descriptors", shared_descriptor_wakes_waiters,
      shared_descriptor_held_elsewhere, descriptor_held_elsewhere,
      descriptor_held_elsewhere_and_no_room,
      descriptor_held_elsewhere_and_no_room_for_a_hook,
      descriptor_forgotten_and_used_again, shared_listener)
SUITE("exclusive", exclusive_descriptor_both_ways, exclusive_after_it_was_not,
      exclusive_descriptor_lost)
TEST_MAIN()
