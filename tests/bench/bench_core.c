/* SPDX-License-Identifier: MIT */

/*
 * bench_core.c - what the scheduler costs, one number per line.
 *
 *     bench_core [--tsv] [NAME [N]]
 *
 * CPU time of the thread, so that other processes disturb it less; the first
 * tenth is not measured (caches, branch predictors, warm stacks). --tsv prints
 * the name, a tab, and the number alone, for programs; its unit is
 * nanoseconds for one operation unless the name ends in another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/chan.h"
#include "core/generator.h"
#include "core/group.h"
#include "core/hub.h"
#include "core/offload.h"
#include "core/stack.h"
#include "core/sys.h"
#include "core/timer.h"

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long count;   /* operations asked for */
static double began; /* when measuring began */
static bool tsv;

static void begin(void)
{
    began = cpu_ns();
}

static void tell_as(const char *name, double value, const char *unit)
{
    if (tsv)
        printf("%s\t%.3f\n", name, value);
    else
        printf("%-18s %10.3f %s\n", name, value, unit);
    fflush(stdout);
}

static void tell(const char *name, long n)
{
    tell_as(name, (cpu_ns() - began) / (double)n, "ns");
}

static long warm(void)
{
    return count / 10;
}

/* --- switches alone: no hub --- */

static void *here, *there; /* the two contexts */

static void goes_back(void *unused)
{
    (void)unused;
    for (;;)
        (void)mr_switch(&there, here, NULL);
}

/* To a context and back: two switches. */
static void bench_switch(const char *name, mr_switch_fn *fn)
{
    struct mr_stack *st;

    if (mr_stack_take(MR_STACK_DEFAULT, &st))
        exit(1);
    (void)mr_switch_make(&there, mr_stack_top(st), fn);
    for (long i = -warm(); i < count / 2; i++) {
        if (i == 0)
            begin();
        (void)mr_switch(&here, there, NULL);
    }
    tell(name, count / 2 * 2);
    mr_stack_give(st);
}

static void bench_raw(void)
{
    bench_switch("raw_switch", goes_back);
}

static void compute(void)
{
    volatile double three = 3.0, third = 1.0 / three;

    (void)third;
}

static void computes(void *unused)
{
    compute();
    goes_back(unused);
}

/* One of the two has raised a sticky flag, as any computing does: MXCSR
 * differs, and who loads it at each switch pays for it. */
static void bench_flags(void)
{
    bench_switch("switch_flags", computes);
}

/* As fesetround(FE_UPWARD), which would want -lm. */
static void round_up(void)
{
#if defined(__x86_64__)
    uint32_t mxcsr = 0x1f80 | 0x4000;
    uint16_t x87 = 0x037f | 0x0800;

    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(x87));
#else
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 22));
#endif
}

static void rounds_up(void *unused)
{
    round_up();
    goes_back(unused);
}

/* Each of the two rounds another way, so control words must be loaded; and
 * the flags differ too. */
static void bench_fp(void)
{
    compute();
    bench_switch("switch_fp", rounds_up);
}

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

static intptr_t counts(struct mr_generator *g, void *unused)
{
    int rc;

    (void)unused;
    for (int64_t i = 0;; i++) {
        rc = mr_generator_yield(g, &i);
        if (rc)
            return rc;
    }
}

/* As the peers' loops: next, and the value is the one that is due. */
static void ask(struct mr_generator *g, int64_t from, int64_t to)
{
    int64_t v;

    for (int64_t i = from; i < to; i++) {
        if (mr_generator_next(g, &v) != 1 || v != i)
            exit(1);
    }
}

static void bench_generator(void)
{
    struct mr_generator *g;

    if (mr_generator_new(&g, counts, NULL, sizeof(int64_t)))
        exit(1);
    ask(g, 0, warm());
    begin();
    ask(g, warm(), warm() + count);
    tell("generator_next", count);
    mr_generator_free(g);
}

/* --- memory --- */

/* VmRSS and VmPTE: resident bytes, those of the page tables included. */
static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    double kib = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmPTE:", 6) == 0)
            kib += strtod(line + 6, NULL);
    }
    if (f)
        fclose(f);
    return kib * 1024;
}

static void bench_suspended(void)
{
    long n = count / 100;
    struct mr_coro **co = mr_alloc((size_t)n * sizeof *co);
    double before;

    if (!co)
        exit(1);
    memset(co, 0, (size_t)n * sizeof *co); /* before the measure */
    before = resident_bytes();
    for (long i = 0; i < n; i++) {
        if (mr_coro_new(&co[i], suspends, NULL, NULL) ||
            mr_coro_resume(co[i], 0, NULL))
            exit(1);
    }
    tell_as("suspended_bytes", (resident_bytes() - before) / (double)n,
            "bytes each");
    for (long i = 0; i < n; i++) {
        (void)!mr_coro_resume(co[i], 1, NULL);
        mr_coro_free(co[i]);
    }
    mr_free(co);
    mr_stack_thread_fini();
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
    tell("yield2", count / 2 * 2);
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
    tell("ring1000", count / RING * RING);
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

/* One way, unbuffered: the two take turns at waiting for each other. */
static intptr_t sends(void *chan)
{
    int64_t i = 0;

    while (mr_chan_send(chan, &i, MR_NEVER) == 0)
        i++;
    return 0;
}

static intptr_t run_handoff(void *unused)
{
    struct mr_chan *chan = mr_chan_new(sizeof(int64_t), 0);
    int64_t v;

    (void)unused;
    if (!chan || !mr_spawn(sends, chan))
        exit(1);
    for (long i = -warm(); i < count; i++) {
        if (i == 0)
            begin();
        if (mr_chan_recv(chan, &v, MR_NEVER))
            exit(1);
    }
    tell("handoff", count);
    mr_chan_close(chan);
    if (mr_group_wait(mr_group_own(), MR_NEVER))
        exit(1);
    mr_chan_free(chan);
    return 0;
}

static int64_t latest;

static intptr_t sleeps(void *arg)
{
    int64_t at = mr_after_ms((intptr_t)arg), late;

    if (mr_sleep(at))
        exit(1);
    late = mr_now() - at;
    if (late < 0)
        exit(1);
    latest = MR_MAX(latest, late);
    return 0;
}

/*
 * 100,000 asleep for 0 to 1000 ms each, on fresh stacks: all of it, and the
 * share of their spawns. Each also tells how late it was.
 */
static intptr_t run_sleepers(void *unused)
{
    struct mr_spawn_options o = {.entry = "sleeps", .reap = true};
    unsigned seed = 1;
    double spawned;
    long n = count / 100;

    (void)unused;
    latest = 0;
    begin();
    for (long i = 0; i < n; i++) {
        if (!mr_spawn_with(sleeps, (void *)(intptr_t)(rand_r(&seed) % 1000),
                           &o))
            exit(1);
    }
    spawned = cpu_ns();
    if (mr_group_wait(mr_group_own(), MR_NEVER))
        exit(1);
    tell_as("sleepers_cpu_s", (cpu_ns() - began) * 1e-9, "CPU seconds");
    tell_as("sleepers_spawn_s", (spawned - began) * 1e-9, "of them to spawn");
    tell_as("sleepers_late_ms", (double)latest * 1e-6, "ms, the worst");
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
    {"raw_switch", NULL, bench_raw},
    {"switch_flags", NULL, bench_flags},
    {"switch_fp", NULL, bench_fp},
    {"resume", NULL, bench_resume},
    {"generator_next", NULL, bench_generator},
    {"yield2", run_yield, NULL},
    {"ring1000", run_ring, NULL},
    {"spawn_join", run_spawn, NULL},
    {"wake_wait", run_wake, NULL},
    {"wake_deadline", run_deadline, NULL},
    {"handoff", run_handoff, NULL},
    {"sleepers", run_sleepers, NULL},
    {"offload", run_offload, NULL},
    {"suspended_bytes", NULL, bench_suspended},
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--tsv") == 0) {
        tsv = true;
        argc--;
        argv++;
    }
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
