/* SPDX-License-Identifier: MIT */

/*
 * measure.c - what a switch costs, and what a unit that waits costs.
 *
 * A switch is measured where nothing else happens: two units hand a turn to
 * each other, on one CPU, so that each turn is one switch.
 *
 *     process     a byte through a pipe, and back through another
 *     thread      a word and futex(2)
 *     coroutine   mr_yield
 *
 * So the first two hold the system calls without which there is no such switch;
 * the third needs none. The median of several rounds.
 *
 * Memory is what many units that wait need more than none of them: private
 * pages (smaps_rollup; what is shared is not theirs), page tables (VmPTE), and
 * a kernel stack, which is what /proc/meminfo says of all by the number of
 * threads. What else the kernel keeps of a process or thread - task_struct, mm,
 * the table of descriptors, some 10 to 20 KiB - it tells nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/factory/factory.h"
#include "core/group.h"
#include "core/process.h"
#include "core/sys.h"
#include "core/thread.h"
#include "core/timer.h"

#define ROUNDS 5
/* Units that wait at once, for their memory. */
#define PROCESSES 32
#define THREADS 64
#define COROUTINES 10000

struct measured {
    bool quick;
    bool valid;
    double ns;
    uint64_t memory;
    uint64_t page_tables;
    uint64_t kernel_stack;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void keep_median(struct measured *m, double ns[ROUNDS])
{
    qsort(ns, ROUNDS, sizeof ns[0], by_size);
    m->ns = ns[ROUNDS / 2];
    m->valid = true;
}

/* All on one CPU, wherever this is. */
static int stay_here(void)
{
    int cpus[1024], n = mr_sys_cpus(cpus, 1024), rc;

    if (n <= 0)
        return -1;
    rc = mr_sys_pin(cpus[n - 1]);
    return rc < 0 ? rc : cpus[n - 1];
}

/* --- a switch between processes --- */

static int hand_byte(int in, int out)
{
    char c = 0;

    if (mr_sys_write(out, &c, 1) != 1)
        return -1;
    return mr_sys_read(in, &c, 1) == 1 ? 0 : -1;
}

/* The other process: back with each byte, until the pipe ends. */
static int hand_back(int in, int out)
{
    char c;

    while (mr_sys_read(in, &c, 1) == 1) {
        if (mr_sys_write(out, &c, 1) != 1)
            return 1;
    }
    return 0;
}

static int time_process(void *arg)
{
    struct measured *m = arg;
    int there[2], back[2], trips = m->quick ? 200 : 5000, status;
    double ns[ROUNDS];
    pid_t self = mr_sys_getpid(), pid;

    if (stay_here() < 0 || mr_sys_pipe2(there, O_CLOEXEC) ||
        mr_sys_pipe2(back, O_CLOEXEC))
        return 1;
    pid = mr_process_fork();
    if (pid < 0)
        return 1;
    if (pid == 0) {
        factory_child_begin(self);
        mr_sys_close(there[1]);
        mr_process_leave(hand_back(there[0], back[1]));
    }
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = mr_now();

        for (int i = 0; i < trips; i++) {
            if (hand_byte(back[0], there[1]))
                return 1;
        }
        ns[round] = (double)(mr_now() - began) / (2 * trips);
    }
    mr_sys_close(there[1]);
    if (mr_process_reap(pid, &status, 0) == 0 && status == 0)
        keep_median(m, ns);
    return 0;
}

/* --- a switch between threads --- */

struct turns {
    uint32_t whose; /* 0 or 1 */
    int trips;
};

static void futex(uint32_t *word, int op, uint32_t value)
{
    /* Not as wanted any more, or nobody waits: both are looked at again. */
    (void)syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL,
                  0);
}

static void take_turns(struct turns *t, uint32_t me)
{
    for (int i = 0; i < t->trips; i++) {
        while (__atomic_load_n(&t->whose, __ATOMIC_ACQUIRE) != me)
            futex(&t->whose, FUTEX_WAIT, !me);
        __atomic_store_n(&t->whose, !me, __ATOMIC_RELEASE);
        futex(&t->whose, FUTEX_WAKE, 1);
    }
}

static intptr_t takes_second_turns(void *t)
{
    take_turns(t, 1);
    return 0;
}

static int time_thread(void *arg)
{
    struct measured *m = arg;
    struct turns t = {.trips = m->quick ? 200 : 5000};
    double ns[ROUNDS];
    struct mr_thread *other;

    if (stay_here() < 0)
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began;

        t.whose = 0;
        if (mr_thread_start_plain(&other, takes_second_turns, &t, NULL))
            return 1;
        began = mr_now();
        take_turns(&t, 0);
        ns[round] = (double)(mr_now() - began) / (2 * t.trips);
        mr_thread_free(other);
    }
    keep_median(m, ns);
    return 0;
}

/* --- a switch between coroutines --- */

static intptr_t yields(void *trips)
{
    for (int i = 0; i < *(int *)trips; i++)
        (void)mr_yield();
    return 0;
}

static intptr_t two_yield(void *arg)
{
    struct measured *m = arg;
    int trips = m->quick ? 2000 : 500000;
    double ns[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct mr_coro *other = mr_spawn(yields, &trips);
        int64_t began;

        if (!other)
            return -ENOMEM;
        (void)mr_yield();
        began = mr_now();
        (void)yields(&trips);
        ns[round] = (double)(mr_now() - began) / (2 * trips);
        if (mr_join(other, NULL, MR_NEVER))
            return -ECANCELED;
    }
    keep_median(m, ns);
    return 0;
}

static int time_coroutine(void *arg)
{
    if (stay_here() < 0)
        return 1;
    return mr_run(two_yield, arg, NULL) ? 1 : 0;
}

/* --- memory --- */

/* Bytes; 0: not known. */
static uint64_t kilobytes(const char *path, const char *name)
{
    uint64_t v = factory_proc_number(path, name);

    return v == FACTORY_UNKNOWN ? 0 : v * 1024;
}

struct sizes {
    uint64_t memory;
    uint64_t page_tables;
};

static void add_process(struct sizes *s, pid_t pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    s->memory += kilobytes(path, "Private_Clean:");
    s->memory += kilobytes(path, "Private_Dirty:");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    s->page_tables += kilobytes(path, "VmPTE:");
}

static struct sizes sizes_of_self(void)
{
    struct sizes s = {0};

    add_process(&s, mr_sys_getpid());
    return s;
}

static uint64_t kernel_stack(void)
{
    uint64_t all = kilobytes("/proc/meminfo", "KernelStack:");
    uint64_t tasks = factory_proc_tasks();

    /* It is whole pages, and all have the same. */
    return tasks > 0 ? (all / tasks + 2048) / 4096 * 4096 : 0;
}

static void keep_growth(struct measured *m, struct sizes before,
                        struct sizes after, uint64_t n)
{
    if (after.memory == 0)
        return;
    m->memory =
        after.memory > before.memory ? (after.memory - before.memory) / n : 0;
    m->page_tables = after.page_tables > before.page_tables
                         ? (after.page_tables - before.page_tables) / n
                         : 0;
    m->valid = true;
}

/* Says that it is there, and waits for the end of the other pipe. */
static int say_and_wait(int say, int until)
{
    char c = 0;

    if (mr_sys_write(say, &c, 1) != 1)
        return 1;
    return mr_sys_read(until, &c, 1) == 0 ? 0 : 1;
}

static bool all_said(int fd, int n)
{
    char c;

    while (n > 0 && mr_sys_read(fd, &c, 1) == 1)
        n--;
    return n == 0;
}

static int weigh_process(void *arg)
{
    struct measured *m = arg;
    int said[2], until[2], n = 0, status;
    struct sizes nothing = {0}, sum = {0};
    pid_t pids[PROCESSES], self = mr_sys_getpid();

    if (mr_sys_pipe2(said, O_CLOEXEC) || mr_sys_pipe2(until, O_CLOEXEC))
        return 1;
    for (; n < PROCESSES; n++) {
        pids[n] = mr_process_fork();
        if (pids[n] < 0)
            break;
        if (pids[n] == 0) {
            factory_child_begin(self);
            mr_sys_close(until[1]);
            mr_process_leave(say_and_wait(said[1], until[0]));
        }
    }
    if (n > 0 && all_said(said[0], n)) {
        for (int i = 0; i < n; i++)
            add_process(&sum, pids[i]);
        keep_growth(m, nothing, sum, (uint64_t)n);
        m->kernel_stack = kernel_stack();
    }
    mr_sys_close(until[1]);
    while (n > 0)
        (void)!mr_process_reap(pids[--n], &status, 0); /* it ends by itself */
    return 0;
}

struct pipes {
    int said[2];
    int until[2];
};

static intptr_t says_and_waits(void *arg)
{
    struct pipes *p = arg;

    return say_and_wait(p->said[1], p->until[0]);
}

static int weigh_thread(void *arg)
{
    struct measured *m = arg;
    struct mr_thread *threads[THREADS];
    struct pipes p;
    struct sizes before;
    int n = 0;

    if (mr_sys_pipe2(p.said, O_CLOEXEC) || mr_sys_pipe2(p.until, O_CLOEXEC))
        return 1;
    before = sizes_of_self();
    while (n < THREADS &&
           mr_thread_start_plain(&threads[n], says_and_waits, &p, NULL) == 0)
        n++;
    if (n > 0 && all_said(p.said[0], n)) {
        keep_growth(m, before, sizes_of_self(), (uint64_t)n);
        m->kernel_stack = kernel_stack();
    }
    mr_sys_close(p.until[1]);
    while (n > 0)
        mr_thread_free(threads[--n]);
    return 0;
}

static intptr_t sleeps(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

static intptr_t many_sleep(void *arg)
{
    struct measured *m = arg;
    uint64_t n = 0, most = m->quick ? COROUTINES / 40 : COROUTINES;
    struct sizes before = sizes_of_self();

    while (n < most && mr_spawn(sleeps, NULL))
        n++;
    (void)mr_yield(); /* each runs until it sleeps */
    if (n > 0)
        keep_growth(m, before, sizes_of_self(), n);
    return 0; /* and with it they are cancelled */
}

static int weigh_coroutine(void *arg)
{
    return mr_run(many_sleep, arg, NULL) ? 1 : 0;
}

/* --- all of them --- */

static const struct {
    int (*time)(void *arg);
    int (*weigh)(void *arg);
} how[FACTORY_UNIT_COUNT] = {
    [FACTORY_PROCESS] = {time_process, weigh_process},
    [FACTORY_THREAD] = {time_thread, weigh_thread},
    [FACTORY_COROUTINE] = {time_coroutine, weigh_coroutine},
};

int factory_measure(struct factory_costs *ret, bool quick)
{
    struct measured *m = factory_shared(sizeof *m);
    int rc = 0;

    memset(ret, 0, sizeof *ret);
    for (int u = 0; m && u < FACTORY_UNIT_COUNT && rc != -ECANCELED; u++) {
        *m = (struct measured){.quick = quick};
        rc = factory_boss_call(how[u].time, m);
        if (rc == 0 && m->valid)
            ret->switch_ns[u] = m->ns;
        if (rc == -ECANCELED)
            break;
        *m = (struct measured){.quick = quick};
        rc = factory_boss_call(how[u].weigh, m);
        if (rc == 0 && m->valid) {
            ret->memory[u] = m->memory;
            ret->page_tables[u] = m->page_tables;
            ret->kernel_stack[u] = m->kernel_stack;
        }
    }
    if (m)
        factory_shared_free(m, sizeof *m);
    return rc == -ECANCELED ? rc : 0;
}
