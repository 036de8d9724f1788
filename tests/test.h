/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

/*
 * test.h - what a test file needs: cases, checks, suites, over CUnit.
 *
 * Each TEST runs in a forked child with a deadline, so that a hang, an abort,
 * a leak or a stray pointer is one failure of one test. What the child prints
 * is kept back and shown only if the test fails.
 *
 *     TEST(range_parse)
 *     {
 *         for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
 *             CASE("%s", cases[i].in);
 *             EQ_INT(parse(cases[i].in), cases[i].want);
 *         }
 *     }
 *     SUITE("ranges", range_parse, range_empty)
 *     TEST_MAIN()
 *
 * The checks come in two sorts. EQ_INT and its like record a failure and
 * return from the function they stand in, so they fit TEST bodies and other
 * void functions. CHECK_EQ_INT and its like record and go on; use these in
 * coroutines and threads. None of them jumps, so each is safe on any stack.
 * Arguments are evaluated once.
 *
 * Environment: TEST_ONLY=name runs one test; NOFORK=1 runs all in this process,
 * for a debugger; V=1 names each test and shows all output; MR_TEST_DEADLINE is
 * in seconds; MR_TEST_SCALE=n divides sizes by n; MR_TEST_TALLY names a file to
 * which "passed failed name" is appended.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sanitizer.h"

typedef void test_fn(void);

struct test_case {
    const char *name;
    test_fn *fn;
    const char *file;
    int line;
    int seconds;      /* the deadline; 0: 60 */
    const char *dies; /* TEST_DIES: what its last words must contain */
    struct test_case *next;
};

struct test_suite {
    const char *name;
    const char *tests; /* "a, b, c" */
    struct test_suite *next;
};

#define TEST_DEFINE_(id, secs, words)                                        \
    static void test_fn_##id(void);                                          \
    __attribute__((constructor)) static void test_add_##id(void)             \
    {                                                                        \
        static struct test_case t = {#id,  test_fn_##id, __FILE__, __LINE__, \
                                     secs, words,        NULL};              \
        test_register(&t);                                                   \
    }                                                                        \
    static void test_fn_##id(void)

/* A test; one with a deadline of its own, in seconds; and one that passes when
 * it dies by SIGABRT with `words` in its output (skipped under NOFORK). */
#define TEST(id) TEST_DEFINE_(id, 0, NULL)
#define TEST_WITHIN(id, seconds) TEST_DEFINE_(id, seconds, NULL)
#define TEST_DIES(id, words) TEST_DEFINE_(id, 0, words)

/* A suite of tests, run in this order. A test in no suite is a failure. */
#define SUITE(theme, ...) SUITE_(theme, #__VA_ARGS__, __COUNTER__)
#define SUITE_(theme, list, n) SUITE__(theme, list, n)
#define SUITE__(theme, list, n)                                   \
    __attribute__((constructor)) static void test_suite_##n(void) \
    {                                                             \
        static struct test_suite s = {theme, list, NULL};         \
        test_register_suite(&s);                                  \
    }

#define TEST_MAIN()                   \
    int main(int argc, char **argv)   \
    {                                 \
        return test_main(argc, argv); \
    }

/* What the checks after it are about; shown with a failure, also with a crash
 * or a hang. */
#define CASE(...) test_case_set(__VA_ARGS__)

#define HERE_ __FILE__, __LINE__
#define CHECK_OK(cond) test_ok(HERE_, #cond, !!(cond))
#define CHECK_EQ_INT(got, want) \
    test_eq_int(HERE_, #got, (intmax_t)(got), (intmax_t)(want))
#define CHECK_EQ_STR(got, want) test_eq_str(HERE_, #got, got, want)
#define CHECK_EQ_PTR(got, want) test_eq_ptr(HERE_, #got, got, want)
#define CHECK_EQ_MEM(p, n, q, m) test_eq_mem(HERE_, p, n, q, m)
#define CHECK_FAIL(...) test_fail(HERE_, __VA_ARGS__)

#define OR_RETURN_(check) \
    do {                  \
        if (!(check))     \
            return;       \
    } while (0)
#define OK(cond) OR_RETURN_(CHECK_OK(cond))
#define EQ_INT(got, want) OR_RETURN_(CHECK_EQ_INT(got, want))
#define EQ_STR(got, want) OR_RETURN_(CHECK_EQ_STR(got, want))
#define EQ_PTR(got, want) OR_RETURN_(CHECK_EQ_PTR(got, want))
#define EQ_MEM(p, n, q, m) OR_RETURN_(CHECK_EQ_MEM(p, n, q, m))
#define FAIL(...) OR_RETURN_(CHECK_FAIL(__VA_ARGS__))
/* Leave: this machine lacks what the test needs. Told, and not counted. */
#define SKIP(...) OR_RETURN_(test_skip(__VA_ARGS__))

/* n in release and debug, n/10 under ASan, n/50 under TSan and Valgrind, but at
 * least 1. The binary tells once that it scaled. */
#define TEST_SCALE(n) test_scale(n)
long test_scale(long n);

/* Called in the child when its deadline has passed, from a SIGUSR2 handler:
 * prints who waits for what. NULL takes it away. */
void test_on_hang(test_fn *dump);

/* A copy of n bytes that ends where an unreadable page begins; never NULL. The
 * caller gives it back with the same n. */
void *test_at_page_end(const void *p, size_t n);
void test_page_free(void *at, size_t n);

/* --- what the macros call; each check returns whether it passed --- */

#define TEST_FMT_(f, a) __attribute__((format(printf, f, a)))
void test_register(struct test_case *t);
void test_register_suite(struct test_suite *s);
int test_main(int argc, char **argv);
TEST_FMT_(1, 2) void test_case_set(const char *fmt, ...);
bool test_ok(const char *file, int line, const char *expr, bool ok);
bool test_eq_int(const char *file, int line, const char *expr, intmax_t got,
                 intmax_t want);
bool test_eq_str(const char *file, int line, const char *expr, const char *got,
                 const char *want);
bool test_eq_ptr(const char *file, int line, const char *expr, const void *got,
                 const void *want);
bool test_eq_mem(const char *file, int line, const void *got, size_t n,
                 const void *want, size_t m);
TEST_FMT_(3, 4)
bool test_fail(const char *file, int line, const char *fmt, ...);
TEST_FMT_(1, 2) bool test_skip(const char *fmt, ...);

#endif
