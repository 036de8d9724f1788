/* SPDX-License-Identifier: MIT */

/*
 * line.c - a production line: a process, its workers, their errands.
 *
 * The line has a range of serial numbers; whoever is free takes the next. Where
 * workers wait asleep, each is a thread without a hub (the only one is the
 * process's own). Where they run errands, a worker is a hub: an errand that
 * waits leaves it to the others.
 */
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "apps/factory/factory.h"
#include "core/group.h"
#include "core/sys.h"
#include "core/thread.h"
#include "core/timer.h"

static void rest_asleep(int64_t ns)
{
    (void)!mr_sys_ppoll(NULL, 0, ns); /* no signal cuts it short */
}

static void rest_parked(int64_t ns)
{
    (void)mr_sleep(mr_after(ns)); /* nobody cancels it */
}

static void work(struct factory_share *s, void (*rest)(int64_t ns))
{
    uint64_t serial, mark;

    /* Relaxed: they are counters, and read when all have been joined; `made`
     * by the boss meanwhile, who is content with an old one. */
    while ((serial = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED)) <
           s->end) {
        mark = factory_make_pair(s->recipe, serial, rest);
        __atomic_fetch_add(&s->row->marks, mark, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->row->serials, serial, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->row->made, 1, __ATOMIC_RELAXED);
    }
}

static void could_not_start(struct factory_share *s, enum factory_unit unit,
                            uint64_t started, int err)
{
    s->row->err = err;
    s->row->err_unit = unit;
    s->row->err_started = started;
    /* Those who are at work stop after their pair. */
    __atomic_store_n(&s->next, s->end, __ATOMIC_RELAXED);
}

/* --- workers that wait asleep --- */

static intptr_t worker(void *arg)
{
    work(arg, rest_asleep);
    return 0;
}

static void run_threads(struct factory_share *s)
{
    struct mr_thread_options o = {.name = "worker",
                                  .stack_size = FACTORY_STACK};
    struct mr_thread **threads = mr_calloc(s->workers, sizeof *threads);
    uint64_t n = 0;
    int rc = threads ? 0 : -ENOMEM;

    while (rc == 0 && n < s->workers) {
        rc = mr_thread_start_plain(&threads[n], worker, s, &o);
        n += rc == 0;
    }
    if (rc)
        could_not_start(s, FACTORY_THREAD, n, rc);
    while (n > 0)
        mr_thread_free(threads[--n]);
    mr_free(threads);
}

/* --- workers that run errands --- */

static intptr_t errand(void *arg)
{
    work(arg, rest_parked);
    return 0;
}

static intptr_t run_errands(void *arg)
{
    struct factory_share *s = arg;

    for (uint64_t i = 0; i < s->errands; i++) {
        struct mr_spawn_options o = {.entry = "errand", .reap = true};

        if (!mr_spawn_with(errand, s, &o)) {
            could_not_start(s, FACTORY_COROUTINE, i, -ENOMEM);
            break;
        }
    }
    (void)!mr_group_wait(mr_group_own(), MR_NEVER); /* nobody cancels it */
    s->row->own = mr_hub_stats(mr_hub_self()).switches;
    return 0;
}

/* --- the line --- */

static int64_t ns_of(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

int factory_line(struct factory_share *s)
{
    struct rusage used;
    int err = 0;

    if (s->errands > 0)
        err = mr_run(run_errands, s, NULL);
    else if (s->workers > 1)
        run_threads(s);
    else
        (void)worker(s);
    if (err)
        could_not_start(s, FACTORY_COROUTINE, 0, err);
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        s->row->cpu_ns = ns_of(used.ru_utime) + ns_of(used.ru_stime);
        s->row->voluntary = (uint64_t)used.ru_nvcsw;
        s->row->involuntary = (uint64_t)used.ru_nivcsw;
    }
    return s->row->err ? 1 : 0;
}
