/* SPDX-License-Identifier: MIT */

/*
 * test_stack.c - classes, cache, guards, trimming, and the overflow report.
 *
 * Guards are proven by the kernel: write(2) out of a guarded page gives EFAULT.
 * Each test is a process of its own, so the environment can be set before the
 * guard is chosen.
 */
#include "core/stack.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/coro.h"
#include "core/log.h"
#include "core/sys.h"
#include "tests/core/in_hub.h"

static const struct {
    size_t want, got;
    int rc;
} classes[] = {
    {0, 65536, 0},          {1, 16384, 0},         {16384, 16384, 0},
    {16385, 65536, 0},      {65536, 65536, 0},     {65537, 262144, 0},
    {262145, 1 << 20, 0},   {1 << 20, 1 << 20, 0}, {(1 << 20) + 1, 0, -EINVAL},
    {SIZE_MAX, 0, -EINVAL},
};

TEST(stack_classes)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(classes); i++) {
        struct mr_stack *st = NULL;

        CASE("%zu", classes[i].want);
        EQ_INT(mr_stack_take(classes[i].want, &st), classes[i].rc);
        if (!st)
            continue;
        EQ_INT(st->size, classes[i].got);
        EQ_INT((uintptr_t)mr_stack_top(st) % 16, 0);
        memset(st->bottom, 1, 4096); /* usable to its lowest byte */
        mr_stack_give(st);
    }
    EQ_INT(mr_stack_stats().taken, 0);
}

TEST(stack_default_size)
{
    struct mr_stack *st;

    EQ_INT(mr_stack_default(), 65536);
    EQ_INT(mr_stack_set_default(0), -EINVAL);
    EQ_INT(mr_stack_set_default(MR_STACK_MAX + 1), -EINVAL);
    EQ_INT(mr_stack_default(), 65536);
    EQ_INT(mr_stack_set_default(100000), 0);
    EQ_INT(mr_stack_default(), 262144);
    EQ_INT(mr_stack_take(MR_STACK_DEFAULT, &st), 0);
    EQ_INT(st->size, 262144);
    mr_stack_give(st);
}

TEST(stack_cache_is_lifo)
{
    struct mr_stack *a, *b, *c;

    EQ_INT(mr_stack_take(0, &a), 0);
    EQ_INT(mr_stack_take(0, &b), 0);
    mr_stack_give(a);
    mr_stack_give(b);
    EQ_INT(mr_stack_stats().cached, 2);
    EQ_INT(mr_stack_take(0, &c), 0);
    EQ_PTR(c, b);
    EQ_INT(mr_stack_take(0, &c), 0);
    EQ_PTR(c, a);
    mr_stack_give(a);
    mr_stack_give(b);
    mr_stack_thread_fini();
    EQ_INT(mr_stack_stats().cached, 0);
    EQ_INT(mr_stack_stats().slabs, 0);
}

/* Tops that lie a page apart would share their cache sets. */
/* Of the many, some are on the shelf and some in the list. */
TEST(stack_cache_holds_many)
{
    enum { MANY = 3 * MR_STACK_SHELF + 1 };
    struct mr_stack *st[MANY], *again[MANY], *small;

    EQ_INT(mr_stack_take(MR_STACK_MIN, &small), 0);
    for (int i = 0; i < MANY; i++)
        EQ_INT(mr_stack_take(0, &st[i]), 0);
    for (int i = 0; i < MANY; i++) {
        mr_stack_give(st[i]);
        /* In the middle, and on the shelf at the end. */
        if (i == MANY - 2)
            mr_stack_give(small);
    }
    EQ_INT(mr_stack_stats().taken, 0);
    EQ_INT(mr_stack_stats().cached, MANY + 1);
    EQ_INT(mr_stack_stats().warm, MANY + 1);
    EQ_INT(mr_stack_take(MR_STACK_MIN, &again[0]), 0);
    EQ_PTR(again[0], small);
    EQ_INT(mr_stack_stats().warm, MANY);
    mr_stack_give(small);
    for (int i = 0; i < MANY; i++) {
        EQ_INT(mr_stack_take(0, &again[i]), 0);
        for (int j = 0; j < i; j++)
            CHECK_OK(again[j] != again[i]);
        CHECK_OK(again[i] != small);
    }
    EQ_PTR(again[0], st[MANY - 1]);
    EQ_PTR(again[1], st[MANY - 2]);
    EQ_INT(mr_stack_stats().cached, 1); /* the small one; none is fresh */
    for (int i = 0; i < MANY; i++)
        mr_stack_give(again[i]);
    mr_stack_thread_fini();
    EQ_INT(mr_stack_stats().slabs, 0);
}

TEST(stack_tops_are_coloured)
{
    struct mr_stack *st[16];
    bool seen[64] = {false};

    for (int i = 0; i < 16; i++) {
        size_t line;

        EQ_INT(mr_stack_take(0, &st[i]), 0);
        line = (uintptr_t)st[i] % 4096 / 64;
        OK(!seen[line]);
        seen[line] = true;
    }
    for (int i = 0; i < 16; i++)
        mr_stack_give(st[i]);
}

/* --- guards --- */

static int try_byte(const int fds[2], const char *at)
{
    ssize_t n = mr_sys_write(fds[1], at, 1);
    char c;

    if (n == 1)
        (void)!mr_sys_read(fds[0], &c, 1);
    return n == 1 ? 0 : (int)n;
}

static void check_guards(size_t guard)
{
    struct mr_stack *st[40];
    int fds[2];

    EQ_INT(pipe(fds), 0);
    EQ_INT(mr_stack_guard_bytes(), guard);
    for (size_t i = 0; i < MR_ARRAY_LEN(st); i++) {
        EQ_INT(mr_stack_take(i % 2 ? 16384 : 0, &st[i]), 0);
        EQ_INT(try_byte(fds, st[i]->bottom), 0);
        EQ_INT(try_byte(fds, st[i]->bottom - 1), -EFAULT);
        EQ_INT(try_byte(fds, st[i]->bottom - guard / 2), -EFAULT);
        EQ_INT(try_byte(fds, st[i]->bottom - guard), -EFAULT);
    }
    for (size_t i = 0; i < MR_ARRAY_LEN(st); i++)
        mr_stack_give(st[i]);
    close(fds[0]);
    close(fds[1]);
}

TEST(stack_guard_by_madvise)
{
    if (strcmp(mr_stack_guard_name(), "madvise") != 0)
        SKIP("MADV_GUARD_INSTALL is not to be had, or not wanted");
    check_guards(65536);
}

TEST(stack_guard_by_mprotect)
{
    setenv("MR_STACK_GUARD", "mprotect", 1);
    EQ_STR(mr_stack_guard_name(), "mprotect");
    check_guards(16384);
}

/* A kernel that does not know the advice. */
TEST(stack_guard_probe_falls_back)
{
    mr_sys_fault_always(MR_SYS_MADVISE, -EINVAL);
    EQ_STR(mr_stack_guard_name(), "mprotect");
    mr_sys_fault_clear();
    check_guards(16384);
}

/* --- out of mappings --- */

static size_t read_log(int fd, char *buf, size_t size)
{
    ssize_t n = mr_sys_pread(fd, buf, size - 1, 0);

    buf[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static intptr_t returns(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t spawns_at_the_limit(void *unused)
{
    (void)unused;
    mr_sys_fault_always(MR_SYS_MPROTECT, -ENOMEM);
    for (int i = 0; i < 5; i++)
        CHECK_EQ_PTR(mr_spawn(returns, NULL), NULL);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_join(mr_spawn(returns, NULL), NULL, MR_NEVER), 0);
    return 0;
}

TEST(stack_at_the_mapping_limit)
{
    int fd = mr_sys_memfd_create("log", 0);
    char path[64], text[4096], *line;

    setenv("MR_STACK_GUARD", "mprotect", 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EQ_INT(mr_log_open(path), 0);
    in_hub_run(spawns_at_the_limit);
    OK(read_log(fd, text, sizeof text) > 0);
    line = strstr(text, "vm.max_map_count");
    OK(line != NULL);
    OK(strstr(line + 1, "vm.max_map_count") == NULL); /* one line, not five */
}

TEST(stack_take_fails_politely)
{
    struct mr_stack *st = NULL;

    (void)mr_stack_guard_name(); /* its probe maps a page, too */
    mr_sys_fault_always(MR_SYS_MMAP, -ENOMEM);
    EQ_INT(mr_stack_take(0, &st), -ENOMEM);
    mr_sys_fault_clear();
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    EQ_INT(mr_stack_take(0, &st), -ENOMEM);
    mr_sys_fault_clear();
    EQ_PTR(st, NULL);
    EQ_INT(mr_stack_stats().taken, 0);
    EQ_INT(mr_stack_take(0, &st), 0);
    mr_stack_give(st);
}

/* --- giving memory back --- */

#define MANY 100

static size_t resident(const char *at, size_t n)
{
    unsigned char vec[MR_STACK_MAX / 4096];
    size_t pages = n / 4096, sum = 0;

    if (mr_sys_mincore((void *)(uintptr_t)at, n, vec) != 0)
        return 0;
    for (size_t i = 0; i < pages; i++)
        sum += vec[i] & 1;
    return sum;
}

TEST(stack_trim_gives_memory_back)
{
    struct mr_stack *st[MANY];
    char *bottom[MANY];
    size_t before = 0, after = 0;
    int fds[2];

    EQ_INT(pipe(fds), 0);
    EQ_INT(mr_stack_trim(), 0);
    for (int i = 0; i < MANY; i++) {
        EQ_INT(mr_stack_take(0, &st[i]), 0);
        bottom[i] = st[i]->bottom;
        memset(bottom[i], 1, 32768);
    }
    for (int i = 0; i < MANY; i++)
        mr_stack_give(st[i]);
    for (int i = 0; i < MANY; i++)
        before += resident(bottom[i], 65536);
    OK(before >= MANY * 9);
    EQ_INT(mr_stack_trim(), MANY); /* all were needed since the last time */
    EQ_INT(mr_stack_trim(), 32);   /* none was since then; some are kept */
    EQ_INT(mr_stack_stats().cached, MANY);
    EQ_INT(mr_stack_stats().warm, 32);
    for (int i = 0; i < MANY; i++)
        after += resident(bottom[i], 65536);
    OK(after <= 32 * 16);
    for (int i = 0; i < MANY; i++) {
        EQ_INT(mr_stack_take(0, &st[i]), 0);
        EQ_INT(try_byte(fds, st[i]->bottom - 1), -EFAULT);
    }
    EQ_INT(mr_stack_stats().cached, 0); /* the cold ones are used again */
    for (int i = 0; i < MANY; i++)
        mr_stack_give(st[i]);
}

static intptr_t uses(void *arg)
{
    size_t n = (uintptr_t)arg;
    volatile char *p = __builtin_alloca(n);

    for (size_t i = 0; i < n; i++)
        p[i] = 1;
    return p[n - 1];
}

TEST(stack_high_water)
{
    static const size_t amounts[] = {1000, 10000, 40000};

    for (size_t i = 0; i < MR_ARRAY_LEN(amounts); i++) {
        struct mr_coro *co;
        size_t used;

        CASE("%zu bytes", amounts[i]);
        mr_stack_thread_fini(); /* a mark is of all that used the stack */
        EQ_INT(mr_coro_new(&co, uses, (void *)amounts[i], NULL), 0);
        OK(mr_coro_stack_used(co) < 4096);
        EQ_INT(mr_coro_resume(co, 0, NULL), 0);
        used = mr_coro_stack_used(co);
        OK(used >= amounts[i] && used < amounts[i] + 8192);
        mr_coro_free(co);
    }
}

/* --- overflow --- */

/* Each frame is handed down, so that no compiler makes a loop of it. */
static intptr_t recurses(void *above)
{
    char frame[1000];

    memset(frame, above ? *(char *)above + 1 : 0, sizeof frame);
    if (above && frame[1] == *(char *)above)
        return 0; /* never: but a compiler may not say that it never ends */
    return recurses(frame) + frame[999];
}

static void overflow(const char *guard, struct mr_coro_options o)
{
    struct mr_coro *co;

    if (guard)
        setenv("MR_STACK_GUARD", guard, 1);
    EQ_INT(mr_coro_new(&co, recurses, NULL, &o), 0);
    (void)!mr_coro_resume(co, 0, NULL);
}

TEST_DIES(overflow_names_the_coroutine,
          "stack overflow: coroutine 'deep one', entry recurses (0x")
{
    overflow(NULL,
             (struct mr_coro_options){.name = "deep one", .entry = "recurses"});
}

TEST_DIES(overflow_names_the_size, "ran over its stack of 16384 bytes; raise")
{
    overflow(NULL, (struct mr_coro_options){.stack_size = 16384});
}

TEST_DIES(overflow_into_an_mprotect_guard, "ran over its stack of 65536 bytes")
{
    overflow("mprotect", (struct mr_coro_options){.name = "m"});
}

static intptr_t spawned_recursion(void *unused)
{
    (void)unused;
    return mr_join(mr_spawn(recurses, NULL), NULL, MR_NEVER);
}

TEST_DIES(overflow_in_a_spawned_one, "coroutine 'recurses', entry recurses")
{
    (void)!mr_run(spawned_recursion, NULL, NULL);
}

/* --- faults elsewhere --- */

#define HANDLED 77

static void on_segv(int unused)
{
    stack_t alt;
    char here;

    (void)unused;
    if (sigaltstack(NULL, &alt) == 0 && &here >= (char *)alt.ss_sp &&
        &here < (char *)alt.ss_sp + alt.ss_size)
        _exit(HANDLED);
    _exit(1);
}

static intptr_t faults(void *arg)
{
    *(volatile char *)arg = 1;
    return 0;
}

/* The status of a child in which a coroutine writes to an unmapped page. */
static int fault_elsewhere(void (*handler)(int))
{
    struct mr_coro *co;
    int status = -1, err;
    pid_t pid = fork();
    char *page;

    if (pid == 0) {
        signal(SIGSEGV, handler);
        page = mr_sys_mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0, &err);
        if (mr_coro_new(&co, faults, page, NULL) == 0)
            (void)!mr_coro_resume(co, 0, NULL);
        _exit(2);
    }
    if (waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

TEST(fault_elsewhere_is_the_default_action)
{
    int status = fault_elsewhere(SIG_DFL);

    OK(WIFSIGNALED(status));
    EQ_INT(WTERMSIG(status), SIGSEGV);
}

TEST(fault_elsewhere_goes_to_the_handler_before)
{
    int status;

    if (RUNNING_ON_VALGRIND)
        SKIP("Valgrind counts the fault itself, and changes the exit status");
    status = fault_elsewhere(on_segv);
    OK(WIFEXITED(status));
    EQ_INT(WEXITSTATUS(status), HANDLED);
}

TEST(fault_handler_has_a_guarded_stack)
{
    stack_t alt;
    int fds[2];

    EQ_INT(mr_stack_watch_overflow(), 0);
    EQ_INT(mr_stack_watch_overflow(), 0);
    EQ_INT(sigaltstack(NULL, &alt), 0);
    OK(!(alt.ss_flags & SS_DISABLE));
    OK(alt.ss_size >= 65536);
    EQ_INT(pipe(fds), 0);
    EQ_INT(try_byte(fds, alt.ss_sp), 0);
}

/* --- misuse --- */

TEST_DIES(stack_given_twice, "given back that was not taken")
{
    struct mr_stack *a, *b;

    EQ_INT(mr_stack_take(0, &a), 0);
    EQ_INT(mr_stack_take(0, &b), 0);
    mr_stack_give(a);
    mr_stack_give(a);
}

TEST_DIES(stack_fini_while_taken, "taken > 0")
{
    struct mr_stack *a;

    EQ_INT(mr_stack_take(0, &a), 0);
    mr_stack_thread_fini();
}

SUITE("stack", stack_classes, stack_default_size, stack_cache_is_lifo,
      stack_cache_holds_many, stack_tops_are_coloured,
      stack_take_fails_politely, stack_trim_gives_memory_back, stack_high_water,
      stack_given_twice, stack_fini_while_taken)
SUITE("stack guards", stack_guard_by_madvise, stack_guard_by_mprotect,
      stack_guard_probe_falls_back, stack_at_the_mapping_limit)
SUITE("stack overflow", overflow_names_the_coroutine, overflow_names_the_size,
      overflow_into_an_mprotect_guard, overflow_in_a_spawned_one,
      fault_elsewhere_is_the_default_action,
      fault_elsewhere_goes_to_the_handler_before,
      fault_handler_has_a_guarded_stack)
TEST_MAIN()
