/* SPDX-License-Identifier: MIT */

/*
 * limits.c - how many more units there may be here, and what stops it first.
 *
 * Each limit is asked for what it still leaves, and the least counts. What
 * cannot be read does not limit. Processes and threads are both tasks to the
 * kernel, with the same limits; a thread's stack is two mappings more, its
 * guard being one. A coroutine is memory alone where guards need no mapping of
 * their own (core/stack.c).
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apps/factory/factory.h"
#include "core/stack.h"

#define NO_LIMIT FACTORY_UNKNOWN
/* A slab of stacks is one mapping of 64 MiB (core/stack.c). */
#define SLAB_BYTES ((uint64_t)64 << 20)
/* Numbers above it mean "no limit" in cgroups of the first version. */
#define ABSURD ((uint64_t)1 << 62)

/* The number that a file begins with; NO_LIMIT: none, or not to be read. */
static uint64_t number_in(const char *path)
{
    uint64_t v = factory_proc_number(path, "");

    return v < ABSURD ? v : NO_LIMIT;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    if (limit == NO_LIMIT)
        return NO_LIMIT;
    return limit > used ? limit - used : 0;
}

static void least(struct factory_limit *l, uint64_t units, const char *why)
{
    if (units < l->units)
        *l = (struct factory_limit){units, why};
}

/* --- tasks --- */

/* The threads of process `pid`, if it is one of this user. */
static uint64_t tasks_of(const char *pid)
{
    char path[300];
    uint64_t threads;

    snprintf(path, sizeof path, "/proc/%s/status", pid);
    if (factory_proc_number(path, "Uid:") != getuid())
        return 0; /* another's, or it has ended */
    threads = factory_proc_number(path, "Threads:");
    return threads == FACTORY_UNKNOWN ? 0 : threads;
}

static uint64_t tasks_of_user(void)
{
    uint64_t n = 0;
    struct dirent *e;
    DIR *proc = opendir("/proc");

    if (!proc)
        return 0;
    while ((e = readdir(proc))) {
        if (isdigit((unsigned char)e->d_name[0]))
            n += tasks_of(e->d_name);
    }
    (void)closedir(proc); /* it was only read */
    return n;
}

/* --- cgroups --- */

/*
 * What this process's cgroup and those above it leave of something: the least
 * of limit - current on the way up. `root` is where the hierarchy is mounted.
 */
static uint64_t left_in_groups(const char *root, const char *group,
                               const char *limit, const char *current)
{
    uint64_t min = NO_LIMIT;
    char path[600], file[700];
    size_t end = strlen(root);

    snprintf(path, sizeof path, "%s%s", root, group);
    for (;;) {
        char *slash;
        uint64_t max;

        snprintf(file, sizeof file, "%s/%s", path, limit);
        max = number_in(file);
        if (max != NO_LIMIT) {
            uint64_t used;

            snprintf(file, sizeof file, "%s/%s", path, current);
            used = number_in(file);
            min = MR_MIN(min, left(max, used == NO_LIMIT ? 0 : used));
        }
        slash = strrchr(path, '/');
        if (!slash || strlen(path) <= end)
            return min;
        *slash = '\0';
    }
}

struct group_names {
    const char *controller;
    const char *limit_v1, *current_v1;
    const char *limit_v2, *current_v2;
};

static const struct group_names pids_group = {
    "pids", "pids.max", "pids.current", "pids.max", "pids.current"};
static const struct group_names memory_group = {
    "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max",
    "memory.current"};

/* Is name one of those in "a,b,c"? */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += n) {
        if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return true;
    }
    return false;
}

static uint64_t left_by_cgroup(const struct group_names *g)
{
    char line[512], root[64];
    uint64_t min = NO_LIMIT;
    FILE *f = fopen("/proc/self/cgroup", "re");

    if (!f)
        return NO_LIMIT;
    while (fgets(line, sizeof line, f)) {
        char *list = strchr(line, ':'), *group = list;
        uint64_t n;

        line[strcspn(line, "\n")] = '\0';
        if (group)
            group = strchr(++list, ':');
        if (!group)
            continue;
        *group++ = '\0';
        if (*list == '\0') {
            n = left_in_groups("/sys/fs/cgroup", group, g->limit_v2,
                               g->current_v2);
        } else if (is_listed(list, g->controller)) {
            snprintf(root, sizeof root, "/sys/fs/cgroup/%s", g->controller);
            n = left_in_groups(root, group, g->limit_v1, g->current_v1);
        } else {
            continue;
        }
        min = MR_MIN(min, n);
    }
    (void)fclose(f); /* it was only read */
    return min;
}

/* --- memory --- */

static void limit_memory(struct factory_limit *l, uint64_t each)
{
    uint64_t v;

    if (each == 0)
        return;
    v = factory_proc_number("/proc/meminfo", "MemAvailable:");
    if (v != NO_LIMIT)
        least(l, v * 1024 / each, "memory");
    v = left_by_cgroup(&memory_group);
    if (v != NO_LIMIT)
        least(l, v / each, "the cgroup's memory");
}

/* --- mappings --- */

static uint64_t mappings_left(void)
{
    uint64_t limit = number_in("/proc/sys/vm/max_map_count"), used = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    int c;

    if (!f)
        return limit;
    while ((c = getc(f)) != EOF)
        used += c == '\n';
    (void)fclose(f); /* it was only read */
    return left(limit, used);
}

/* ulimit -v: each unit of so many bytes. */
static void limit_addresses(struct factory_limit *l, uint64_t each,
                            uint64_t units)
{
    struct rlimit as;
    uint64_t used = factory_proc_number("/proc/self/status", "VmSize:");

    if (getrlimit(RLIMIT_AS, &as) != 0 || as.rlim_cur == RLIM_INFINITY ||
        used == FACTORY_UNKNOWN)
        return;
    least(l, left(as.rlim_cur, used * 1024) / each * units, "ulimit -v");
}

static void limit_tasks(struct factory_limit *l)
{
    struct rlimit user;
    uint64_t now = factory_proc_tasks();

    least(l, left(number_in("/proc/sys/kernel/pid_max"), now), "pid_max");
    least(l, left(number_in("/proc/sys/kernel/threads-max"), now),
          "threads-max");
    least(l, left_by_cgroup(&pids_group), "the cgroup's pids.max");
    /* The kernel does not hold root to it. */
    if (geteuid() != 0 && getrlimit(RLIMIT_NPROC, &user) == 0 &&
        user.rlim_cur != RLIM_INFINITY)
        least(l, left(user.rlim_cur, tasks_of_user()), "ulimit -u");
}

struct factory_limit factory_limit(enum factory_unit unit,
                                   const struct factory_costs *costs)
{
    struct factory_limit l = {NO_LIMIT, "nothing"};
    uint64_t maps = mappings_left(), slots;

    limit_memory(&l, costs->memory[unit] + costs->page_tables[unit] +
                         costs->kernel_stack[unit]);
    switch (unit) {
    case FACTORY_THREAD:
        if (maps != NO_LIMIT)
            least(&l, maps / 2, "max_map_count, two a stack");
        limit_addresses(&l, FACTORY_STACK, 1);
        limit_tasks(&l);
        break;
    case FACTORY_PROCESS:
        limit_tasks(&l);
        break;
    case FACTORY_COROUTINE:
        slots = SLAB_BYTES / (mr_stack_default() + mr_stack_guard_bytes());
        limit_addresses(&l, SLAB_BYTES, slots);
        if (maps == NO_LIMIT)
            break;
        if (strcmp(mr_stack_guard_name(), "madvise") == 0)
            least(&l, maps * slots, "max_map_count, one a slab");
        else
            least(&l, maps / 2, "max_map_count, two a stack");
        break;
    default:
        break;
    }
    return l;
}
