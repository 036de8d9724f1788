/* SPDX-License-Identifier: MIT */

/*
 * test_scale.c - how many: sleepers, suspended coroutines, mappings.
 *
 * The figures are printed (V=1 shows them); the bars are those of the README.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A line of /proc/self/status, in KiB; 0 when there is none such. */
static long status_kib(const char *name)
{
    char line[256];
    long kib = 0;
    size_t n = strlen(name);
    FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, n) == 0)
            kib = strtol(line + n + 1, NULL, 10);
    }
    if (f)
        fclose(f);
    return kib;
}

/* --- sleepers --- */

static int64_t latest;
static long early, woken;

static intptr_t sleeps(void *arg)
{
    int64_t at = mr_after_ms((intptr_t)arg), late;

    if (mr_sleep(at) != 0)
        return -1;
    late = mr_now() - at;
    early += late < 0;
    latest = MR_MAX(latest, late);
    woken++;
    return 0;
}

IN_HUB(scale_sleepers)
{
    struct mr_spawn_options o = {.entry = "sleeps", .reap = true};
    long n = MR_MIN(TEST_SCALE(100000), 100000), spawned = 0;
    unsigned seed = (unsigned)mr_now();
    double cpu = cpu_seconds();

    if (n < 10000)
        n = MR_MIN(n, 5000); /* TSan has 8,128 fibers at most */
    CASE("seed %u", seed);
    for (; spawned < n; spawned++) {
        intptr_t ms = rand_r(&seed) % 1000;

        if (!mr_spawn_with(sleeps, (void *)ms, &o))
            break;
    }
    /* By mprotect there are mappings for 32,000. */
    if (strcmp(mr_stack_guard_name(), "madvise") == 0)
        CHECK_EQ_INT(spawned, n);
    while (woken < spawned)
        CHECK_EQ_INT(mr_sleep_ms(10), 0);
    CHECK_EQ_INT(early, 0);
    printf("%ld sleepers: %.2f CPU seconds, latest %.1f ms\n", spawned,
           cpu_seconds() - cpu, (double)latest * 1e-6);
    return 0;
}

/* --- suspended coroutines --- */

/* VmRSS and VmPTE together, for each. */
#define BYTES_MAX 4400

static intptr_t suspends(void *arg)
{
    return mr_coro_suspend((intptr_t)arg);
}

TEST_WITHIN(scale_suspended, 240)
{
    long n = TEST_SCALE(1000000), made = 0;
    struct mr_coro **co = calloc((size_t)n, sizeof(struct mr_coro *));
    long before, bytes;
    intptr_t v;

    if (strcmp(mr_stack_guard_name(), "madvise") != 0)
        SKIP("a guard by mprotect takes two mappings: 32,000 are to be had");
    if (n < 100000)
        n = MR_MIN(n, 2000); /* under a tool that slows each of them */
    memset(co, 0, (size_t)n * sizeof *co); /* before the measure */
    before = status_kib("VmRSS") + status_kib("VmPTE");
    for (; made < n; made++) {
        EQ_INT(mr_coro_new(&co[made], suspends, (void *)made, NULL), 0);
        EQ_INT(mr_coro_resume(co[made], 0, &v), 0);
        EQ_INT(v, made);
    }
    bytes = (status_kib("VmRSS") + status_kib("VmPTE") - before) * 1024 / n;
    printf("%ld suspended: %ld bytes each\n", n, bytes);
    if (TEST_SCALE(100) == 100) /* a sanitizer's shadow is not ours */
        OK(bytes <= BYTES_MAX);
    while (made > 0) {
        made--;
        EQ_INT(mr_coro_resume(co[made], made, &v), 0);
        EQ_INT(v, made);
        mr_coro_free(co[made]);
    }
    free(co);
    mr_stack_thread_fini();
}

/* --- out of mappings, for real --- */

static intptr_t sleeps_on(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

static intptr_t spawns_until_refused(void *ret)
{
    long *n = ret;

    while (*n < 100000 && mr_spawn(sleeps_on, NULL))
        ++*n;
    return 0;
}

static long max_map_count(void)
{
    long n = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

    if (f && fscanf(f, "%ld", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

TEST_WITHIN(scale_mapping_limit, 120)
{
    int fd = mr_sys_memfd_create("log", 0);
    char path[64], text[4096];
    ssize_t got;
    long n = 0;

    if (TEST_SCALE(100) < 100)
        SKIP("a tool's own mappings and fibers come first");
    if (max_map_count() != 65530)
        SKIP("vm.max_map_count is %ld, not 65530", max_map_count());
    setenv("MR_STACK_GUARD", "mprotect", 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EQ_INT(mr_log_open(path), 0);
    EQ_INT(mr_run(spawns_until_refused, &n, NULL), 0);
    printf("%ld coroutines with a guard by mprotect\n", n);
    OK(n > 30000 && n < 40000);
    got = mr_sys_pread(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    OK(strstr(text, "vm.max_map_count") != NULL);
    EQ_PTR(strchr(text, '\n') + 1, text + got); /* one line */
}

SUITE("scale", scale_sleepers, scale_suspended, scale_mapping_limit)
TEST_MAIN()
