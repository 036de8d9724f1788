/* SPDX-License-Identifier: MIT */

/* test_watchdog.c - the report of who holds the thread. */
#include "core/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/generator.h"
#include "core/group.h"
#include "core/hub.h"
#include "core/signal.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/log_file.h"

static const char *report(void)
{
    const char *text = log_text();

    log_end();
    return text;
}

static unsigned frames(const char *text)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, ": #")); p++)
        n++;
    return n;
}

/* Not inlined, not a tail call: each level is a frame. */
__attribute__((noinline)) static int deep(int levels)
{
    volatile int below = 0;

    if (levels == 0)
        errno = ENOTTY;
    below = levels > 0 ? deep(levels - 1) : kill(getpid(), MR_SIG_REPORT);
    return below + 1;
}

static intptr_t holder(void *arg)
{
    (void)arg;
    mr_coro_set_name(mr_coro_self(), "hog");
    return deep(10);
}

/* TSan calls handlers from its own interceptors, whose frames have no frame
 * pointers: the walk ends there. */
#ifdef __SANITIZE_THREAD__
#    define LEAST_FRAMES(n) 1
#else
#    define LEAST_FRAMES(n) (n)
#endif

TEST(names_the_coroutine)
{
    intptr_t levels = 0;
    const char *text;

    EQ_INT(mr_watchdog_install(), 0);
    log_to_file();
    EQ_INT(mr_run(holder, NULL, &levels), 0);
    EQ_INT(levels, 11); /* it went on where it was */
    EQ_INT(errno, ENOTTY);
    text = report();
    OK(strstr(text, "held by coroutine 'hog'") != NULL);
    OK(frames(text) >= LEAST_FRAMES(12));
    OK(strstr(text, "+0x") != NULL); /* file and offset */
}

TEST(on_the_threads_own_stack)
{
    const char *text;

    EQ_INT(mr_watchdog_install(), 0);
    log_to_file();
    EQ_INT(deep(3), 4);
    text = report();
    OK(strstr(text, "in no coroutine") != NULL);
    OK(frames(text) >= LEAST_FRAMES(5));
}

TEST(twice_and_faults)
{
    EQ_INT(mr_watchdog_install(), 0);
    EQ_INT(mr_watchdog_install(), 0);
    mr_sys_fault(MR_SYS_SIGACTION, 1, -EINVAL);
    EQ_INT(mr_watchdog_install(), -EINVAL);
    mr_sys_fault_clear();
}

/* --- watched by another thread --- */

static bool free_to_go; /* atomic */

/* TSan hands signals on in what it intercepts only. */
#ifdef __SANITIZE_THREAD__
#    define LET_SIGNALS_IN() usleep(1)
#else
#    define LET_SIGNALS_IN() (void)0
#endif

__attribute__((noinline)) static int hogs_the_thread(void)
{
    volatile unsigned rounds = 0;

    while (!__atomic_load_n(&free_to_go, __ATOMIC_ACQUIRE)) {
        rounds = rounds + 1;
        LET_SIGNALS_IN();
    }
    return rounds > 0;
}

/* Lets the hog go when the log has what is awaited, so many times. */
struct awaited {
    const char *pattern;
    unsigned n;
};

static void *waits_for_log(void *arg)
{
    const struct awaited *a = arg;

    while (matches(log_text(), a->pattern) < a->n)
        usleep(1000);
    __atomic_store_n(&free_to_go, true, __ATOMIC_RELEASE);
    return NULL;
}

static intptr_t hog(void *arg)
{
    pthread_t t;

    mr_coro_set_name(mr_coro_self(), "porky");
    __atomic_store_n(&free_to_go, false, __ATOMIC_RELEASE);
    CHECK_EQ_INT(pthread_create(&t, NULL, waits_for_log, arg), 0);
    CHECK_OK(hogs_the_thread());
    CHECK_EQ_INT(pthread_join(t, NULL), 0);
    return 0;
}

/* Until the end of the incident is told; others may run meanwhile. */
static void wait_for_end(unsigned n)
{
    while (matches(log_text(), "thread is free again, after [0-9]+ ms") < n)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
}

/* TSan's frames end before. */
#ifdef __SANITIZE_THREAD__
#    define IN_HOG "held since [0-9]+ ms by .*\n"
#else
#    define IN_HOG                                              \
        "watchdog:   #[0-9] 0x[0-9a-f]+ hogs_the_thread\\+.*\n" \
        ".*watchdog:   #[0-9] 0x[0-9a-f]+ hog\\+"
#endif

static intptr_t watched(void *arg)
{
    static struct awaited once = {IN_HOG, 1}; /* one may come before */
    static struct awaited often = {"held since [0-9]+ ms by .*\n", 4};
    struct mr_coro *co;

    (void)arg;
    CHECK_EQ_INT(mr_watchdog_watch(mr_ms(20)), 0);
    CHECK_EQ_INT(mr_watchdog_watch(mr_ms(5)), 0); /* another limit */
    co = mr_spawn(hog, &once);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    wait_for_end(1);
    CHECK_LOG("warn .*watchdog: the thread is held since [0-9]+ ms by "
              "coroutine #1 'porky', spawned at tests/core/test_watchdog.c:");
    co = mr_spawn(hog, &often);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    wait_for_end(2);
    return 0;
}

TEST(watched_hub_names_who_holds_it)
{
    log_to_file();
    EQ_INT(mr_run(watched, NULL, NULL), 0); /* and its end ends the watch */
    log_end();
}

/* In libc, which has no frame pointers, nearly always: in a system call with a
 * frame of its own or none, and in what uses all registers. */
__attribute__((noinline)) static unsigned hogs_in_libc(int how)
{
    static char hay[1 << 16];
    volatile unsigned rounds = 0;

    memset(hay, 'a', sizeof hay - 1);
    while (!__atomic_load_n(&free_to_go, __ATOMIC_ACQUIRE)) {
        struct timespec ts = {0, 2000000};

        if (how == 0)
            rounds = rounds + (unsigned)getppid();
        else if (how == 1)
            rounds = rounds + (unsigned)nanosleep(&ts, NULL);
        else
            rounds = rounds + (strstr(hay, "aaaaaaaaaaaaaaab") != NULL);
    }
    return rounds;
}

/* A report that names both; one may come before they are called. */
static const char in_libc[] =
    " #[0-9]+ 0x[0-9a-f]+ hogs_in_libc\\+.*\n.* hog_in_libc\\+";

static intptr_t hog_in_libc(void *arg)
{
    static const char *const names[] = {"getppid", "nanosleep", "strstr"};
    struct awaited another = {in_libc, matches(log_text(), in_libc) + 1};
    int how = (int)(intptr_t)arg;
    volatile unsigned rounds;
    pthread_t t;

    mr_coro_set_name(mr_coro_self(), names[how]);
    __atomic_store_n(&free_to_go, false, __ATOMIC_RELEASE);
    CHECK_EQ_INT(pthread_create(&t, NULL, waits_for_log, &another), 0);
    rounds = hogs_in_libc(how);
    (void)rounds;
    CHECK_EQ_INT(pthread_join(t, NULL), 0);
    return 0;
}

static intptr_t watched_in_libc(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(mr_watchdog_watch(mr_ms(5)), 0);
    for (intptr_t how = 0; how < 3; how++) {
        struct mr_coro *co = mr_spawn(hog_in_libc, (void *)how);

        CASE("%d", (int)how);
        CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
        wait_for_end((unsigned)how + 1);
    }
    CHECK_LOG("held since .* 'getppid'");
    CHECK_LOG("held since .* 'nanosleep'");
    CHECK_LOG("held since .* 'strstr'");
    return 0;
}

/* Whoever called the library is told, though the library hides it. */
TEST(watched_hub_held_in_a_library)
{
    log_to_file();
    EQ_INT(mr_run(watched_in_libc, NULL, NULL), 0);
    log_end();
}

static intptr_t generates(struct mr_generator *g, void *arg)
{
    volatile intptr_t rc = hog(arg); /* no tail call */

    (void)g;
    return rc;
}

static intptr_t asks(void *arg)
{
    struct mr_generator *g;

    CHECK_EQ_INT(mr_generator_new(&g, generates, arg, 0), 0);
    CHECK_EQ_INT(mr_generator_next(g, NULL), 0);
    mr_generator_free(g);
    return 0;
}

static void hogs_in_a_post(struct mr_hub_post *post)
{
    static struct awaited a = {"held since .* no coroutine, but on the hub", 1};
    pthread_t t;

    (void)post;
    __atomic_store_n(&free_to_go, false, __ATOMIC_RELEASE);
    CHECK_EQ_INT(pthread_create(&t, NULL, waits_for_log, &a), 0);
    CHECK_OK(hogs_the_thread());
    CHECK_EQ_INT(pthread_join(t, NULL), 0);
}

/* Inside a generator, who asked it is told as well; and what holds the thread
 * may be no coroutine at all. */
static intptr_t watched_inside(void *arg)
{
    static struct awaited a = {"held since .* by coroutine .*'porky'", 1};
    struct mr_hub_post post = {.fn = hogs_in_a_post};

    (void)arg;
    CHECK_EQ_INT(mr_watchdog_watch(mr_ms(5)), 0);
    CHECK_EQ_INT(mr_join(mr_spawn(asks, &a), NULL, MR_NEVER), 0);
    wait_for_end(1);
#ifndef __SANITIZE_THREAD__
    CHECK_LOG(" generates\\+");
#endif
    CHECK_LOG(" asks\\+");
    mr_hub_post(mr_hub_self(), &post);
    wait_for_end(2);
    mr_watchdog_unwatch();
    mr_watchdog_unwatch();
    return 0;
}

TEST(watched_generators_and_hooks)
{
    log_to_file();
    EQ_INT(mr_run(watched_inside, NULL, NULL), 0);
    log_end();
}

static intptr_t yields(void *arg)
{
    for (int i = 0; i < 1000; i++)
        mr_yield();
    (void)arg;
    return mr_sleep_ms(50);
}

static intptr_t keeps_turns_short(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(mr_watchdog_watch(mr_ms(2000)), 0);
    for (int i = 0; i < 2; i++)
        CHECK_OK(mr_spawn(yields, NULL) != NULL);
    return mr_group_wait(mr_group_own(), MR_NEVER);
}

/* Waiting in the kernel is no offence. */
TEST(watched_hub_that_behaves)
{
    log_to_file();
    EQ_INT(mr_run(keeps_turns_short, NULL, NULL), 0);
    EQ_STR(log_text(), "");
    log_end();
}

static void *runs_watched(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    CHECK_EQ_INT(mr_run(keeps_turns_short, NULL, NULL), 0);
    return unused;
}

/* They come and go; the last takes the thread along. */
TEST(watched_hubs_in_several_threads)
{
    pthread_t t[4];

    for (size_t i = 0; i < MR_ARRAY_LEN(t); i++)
        EQ_INT(pthread_create(&t[i], NULL, runs_watched, NULL), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(t); i++)
        EQ_INT(pthread_join(t[i], NULL), 0);
}

static intptr_t fails_to_watch(void *arg)
{
    static const struct {
        enum mr_sys_call call;
        int err;
    } cases[] = {
        {MR_SYS_SIGACTION, -EINVAL},
        {MR_SYS_SIGMASK, -EINVAL},
        {MR_SYS_ALLOC, -ENOMEM},
        {MR_SYS_PTHREAD_CREATE, -EAGAIN},
    };

    (void)arg;
    CHECK_EQ_INT(mr_watchdog_watch(0), -EINVAL);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%zu", i);
        mr_sys_fault(cases[i].call, 1, cases[i].err);
        CHECK_EQ_INT(mr_watchdog_watch(mr_ms(100)), cases[i].err);
        mr_sys_fault_clear();
    }
    return 0;
}

TEST(watching_that_fails)
{
    EQ_INT(mr_run(fails_to_watch, NULL, NULL), 0);
}

TEST_DIES(watching_without_a_hub, "BUG core/watchdog_thread.c")
{
    (void)!mr_watchdog_watch(mr_ms(100));
}

SUITE("watched", watched_hub_names_who_holds_it, watched_generators_and_hooks,
      watched_hub_held_in_a_library, watched_hub_that_behaves,
      watched_hubs_in_several_threads, watching_that_fails,
      watching_without_a_hub)
SUITE("report", names_the_coroutine, on_the_threads_own_stack, twice_and_faults)
TEST_MAIN()
