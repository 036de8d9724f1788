/* SPDX-License-Identifier: MIT */

/*
 * bench_core.c - what the scheduler costs, one number per line.
 *
 *     bench_core [NAME [N]]
 *
 * CPU time of the thread, so that other processes disturb it less; the first
 * tenth is not measured (caches, branch predictors, warm stacks).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/hub.h"
#include "core/offload.h"
#include "core/timer.h"

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long count;   /* operations asked for */
static double began; /* when measuring began */

static void begin(void)
{
    began = cpu_ns();
}

static void tell(const char *name, long n)
{
    printf("%-14s %8.1f ns/op  (n=%ld)\n", name, (cpu_ns() - began) / (double)n,
           n);
    fflush(stdout);
}

static long warm(void)
{
    return count / 10;
}

/* --- resume and suspend: a pair of switches, no hub --- */

static intptr_t suspends(void *unused)
{
    (void)unused;
    while (mr_coro_suspend(1) == 0)
        continue;
    return 0;
}

static void bench_resume(void)
{
    struct mr_coro *co;
    intptr_t v;

    if (mr_coro_new(&co, suspends, NULL, NULL))
        exit(1);
    for (long i = -warm(); i < count; i++) {
        if (i == 0)
            begin();
        if (mr_coro_resume(co, 0, &v))
            exit(1);
    }
    tell("resume", count);
    (void)!mr_coro_resume(co, 1, NULL);
    mr_coro_free(co);
}

/* --- in a hub --- */

static bool stop;

static intptr_t yields(void *unused)
{
    (void)unused;
    while (!stop)
        mr_yield();
    return 0;
}

/* Two coroutines: each of our yields is a turn of both. */
static intptr_t run_yield(void *unused)
{
    (void)unused;
    (void)!mr_spawn(yields, NULL);
    for (long i = -warm(); i < count / 2; i++) {
        if (i == 0)
            begin();
        mr_yield();
    }
    tell("yield", count / 2 * 2);
    stop = true;
    return 0;
}

#define RING 1000

/* A thousand: each switch is to a stack that was not used lately. */
static intptr_t run_ring(void *unused)
{
    (void)unused;
    for (int i = 1; i < RING; i++)
        (void)!mr_spawn(yields, NULL);
    for (long i = -warm() / RING; i < count / RING; i++) {
        if (i == 0)
            begin();
        mr_yield();
    }
    tell("yield_1000", count / RING * RING);
    stop = true;
    return 0;
}

static intptr_t nothing(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t run_spawn(void *unused)
{
    (void)unused;
    for (long i = -warm(); i < count; i++) {
        if (i == 0)
            begin();
        if (mr_join(mr_spawn(nothing, NULL), NULL, MR_NEVER))
            exit(1);
    }
    tell("spawn_join", count);
    return 0;
}

static struct mr_waitq ping, pong;

static intptr_t answers(void *unused)
{
    (void)unused;
    while (mr_wait(&ping, MR_NEVER, "ping") == 0)
        mr_waitq_wake_one(&pong, 0);
    return 0;
}

/* To and fro: two hand-offs, each a wake and a wait. */
static intptr_t run_wake(void *unused)
{
    (void)unused;
    mr_waitq_init(&ping);
    mr_waitq_init(&pong);
    (void)!mr_spawn(answers, NULL);
    mr_yield();
    for (long i = -warm(); i < count / 2; i++) {
        if (i == 0)
            begin();
        mr_waitq_wake_one(&ping, 0);
        (void)!mr_wait(&pong, MR_NEVER, "pong");
    }
    tell("wake_wait", count / 2 * 2);
    return 0;
}

/* The same with a deadline, which never comes: a timer started and stopped. */
static intptr_t run_deadline(void *unused)
{
    int64_t deadline = mr_after_s(3600);

    (void)unused;
    mr_waitq_init(&ping);
    mr_waitq_init(&pong);
    (void)!mr_spawn(answers, NULL);
    mr_yield();
    for (long i = -warm(); i < count / 2; i++) {
        if (i == 0)
            begin();
        mr_waitq_wake_one(&ping, 0);
        (void)!mr_wait(&pong, deadline, "pong");
    }
    tell("wake_deadline", count / 2 * 2);
    return 0;
}

static intptr_t sleeps(void *arg)
{
    return mr_sleep_ms((intptr_t)arg);
}

/* Spawned, asleep for 0 to 1000 ms, and gone: for each, all of it. */
static intptr_t run_sleepers(void *unused)
{
    struct mr_spawn_options o = {.entry = "sleeps", .reap = true};
    unsigned seed = 1;
    long n = count / 100;

    (void)unused;
    begin();
    for (long i = 0; i < n; i++)
        (void)!mr_spawn_with(sleeps, (void *)(intptr_t)(rand_r(&seed) % 1000),
                             &o);
    while (mr_hub_stats(mr_hub_self()).live > 1)
        mr_sleep_ms(50);
    tell("sleeper", n);
    return 0;
}

/* To a helper thread and back; only this thread's share. */
static intptr_t run_offload(void *unused)
{
    long n = count / 100;

    (void)unused;
    for (long i = -n / 10; i < n; i++) {
        if (i == 0)
            begin();
        (void)mr_offload(nothing, NULL);
    }
    tell("offload", n);
    mr_offload_fini();
    return 0;
}

static const struct {
    const char *name;
    mr_coro_fn *in_hub;
    void (*alone)(void);
} benches[] = {
    {"resume", NULL, bench_resume},  {"yield", run_yield, NULL},
    {"yield_1000", run_ring, NULL},  {"spawn_join", run_spawn, NULL},
    {"wake_wait", run_wake, NULL},   {"wake_deadline", run_deadline, NULL},
    {"sleeper", run_sleepers, NULL}, {"offload", run_offload, NULL},
};

int main(int argc, char **argv)
{
    count = argc > 2 ? strtol(argv[2], NULL, 10) : 10000000;
    for (size_t i = 0; i < MR_ARRAY_LEN(benches); i++) {
        if (argc > 1 && strcmp(argv[1], benches[i].name) != 0)
            continue;
        stop = false;
        if (benches[i].alone)
            benches[i].alone();
        else if (mr_run(benches[i].in_hub, NULL, NULL))
            return 1;
    }
    return 0;
}
