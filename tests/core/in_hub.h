/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CORE_IN_HUB_H
#define TESTS_CORE_IN_HUB_H

/*
 * in_hub.h - a test whose body is a hub's first errand.
 *
 *     IN_HUB(wait_for_nothing)
 *     {
 *         CHECK_EQ_INT(mr_yield(), 0);
 *         return 0;
 *     }
 *
 * Use the CHECK_ variants inside. Every stack must be back at the end. A hang
 * prints the coroutines and what they wait for. RUNNING_ON_VALGRIND is for what
 * it does not emulate.
 */
#include <dirent.h>

#include "core/hub.h"
#include "core/inspect.h"
#include "core/stack.h"
#include "tests/test.h"

#if __has_include(<valgrind/valgrind.h>)
#    include <valgrind/valgrind.h>
#else
#    define RUNNING_ON_VALGRIND 0
#endif

/* Descriptors that are open, and some: to compare with itself. */
static inline int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static struct mr_hub *in_hub_now;

static inline void in_hub_dump(void)
{
    if (in_hub_now)
        mr_hub_dump(in_hub_now, 2);
}

static inline void in_hub_run(mr_coro_fn *body)
{
    EQ_INT(mr_hub_new(&in_hub_now), 0);
    test_on_hang(in_hub_dump);
    EQ_INT(mr_hub_run(in_hub_now, body, NULL, NULL), 0);
    EQ_INT(mr_stack_stats().taken, 0);
    mr_hub_free(in_hub_now);
    in_hub_now = NULL;
}

#define IN_HUB(id)                             \
    static intptr_t in_hub_##id(void *unused); \
    TEST(id)                                   \
    {                                          \
        in_hub_run(in_hub_##id);               \
    }                                          \
    static intptr_t in_hub_##id(void *unused __attribute__((unused)))

/* The same for one that must die with these words. */
#define IN_HUB_DIES(id, words)                 \
    static intptr_t in_hub_##id(void *unused); \
    TEST_DIES(id, words)                       \
    {                                          \
        in_hub_run(in_hub_##id);               \
    }                                          \
    static intptr_t in_hub_##id(void *unused __attribute__((unused)))

#endif
