/* SPDX-License-Identifier: MIT */
/*
 * test_harness.c - the harness tests itself.
 *
 * The bad tests below are registered only where HARNESS_INNER is set. The
 * outer tests run this program again, with TEST_ONLY naming one bad test, and
 * look at what it reports: each way to go wrong is exactly one failed test.
 */
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base.h"

#if defined(__SANITIZE_ADDRESS__)
#    define LEAKS_FAIL 1
#else
#    define LEAKS_FAIL 0
#endif

/* --- the inner tests --- */

static void inner_passes(void)
{
    EQ_INT(1, 1);
    EQ_STR("a", "a");
    EQ_STR((const char *)NULL, NULL);
    EQ_MEM("a\0b", 3, "a\0b", 3);
    EQ_PTR(NULL, NULL);
    OK(true);
}

static void inner_int(void)
{
    CASE("row %d", 7);
    EQ_INT(-1, 2);
    abort();
}

static void inner_str(void)
{
    EQ_STR("left", "right");
}

static void inner_mem(void)
{
    EQ_MEM("ab\n", 3, "abc", 3);
}

static void inner_shorter(void)
{
    EQ_MEM("ab", 2, "abc", 3);
}

static void inner_goes_on(void)
{
    CHECK_OK(1 > 2);
    CHECK_EQ_INT(3, 4);
}

static void inner_many(void)
{
    for (int i = 0; i < 100; i++)
        CHECK_EQ_INT(i, -1);
}

static void inner_hangs(void)
{
    CASE("the last one");
    for (;;)
        pause();
}

static void dump(void)
{
    puts("who waits for what");
}

static void inner_hangs_and_tells(void)
{
    test_on_hang(dump);
    for (;;)
        pause();
}

static void inner_aborts(void)
{
    abort();
}

static void inner_crashes(void)
{
    char *p = test_at_page_end("abc", 3);

    p[3] = 'd';
}

static void inner_exits(void)
{
    exit(3);
}

static void inner_leaves(void)
{
    exit(0);
}

static void inner_leaks(void)
{
    char *volatile p = malloc(100);

    OK(p);
    p = NULL;
}

static void inner_dies(void)
{
    fputs("these are the last words\n", stderr);
    abort();
}

static void inner_skips(void)
{
    SKIP("no %s here", "luck");
    abort();
}

/* The pipe's other end is the outer test's: it sees when this process goes. */
static void inner_leaves_a_child(void)
{
    pid_t pid = fork();

    OK(pid >= 0);
    while (pid == 0)
        pause();
}

/* A test and what must be reported of it. */
static const struct inner {
    struct test_case test;
    int passed;
    int failed;
    const char *words; /* in the report */
} inner[] = {
#define INNER(id) .test = {#id, inner_##id, __FILE__, __LINE__, 0, NULL, NULL}
#define DYING(id, fn, words) \
    .test = {#id, inner_##fn, __FILE__, __LINE__, 0, words, NULL}
    {INNER(passes), 1, 0, ""},
    {INNER(int), 0, 1, "got -1, want 2\n      case: row 7\n"},
    {INNER(str), 0, 1, "got  \"left\"\n      want \"right\"\n"},
    {INNER(mem), 0, 1, "differ at 2:\n      got  \"\\x0a\"\n"},
    {INNER(shorter), 0, 1, "2 bytes, want 3; differ at 2"},
    {INNER(goes_on), 0, 1, "not true: 1 > 2"},
    {INNER(goes_on), 0, 1, "got 3, want 4"},
    {INNER(many), 0, 1, "and 68 failed checks more"},
    {INNER(hangs), 0, 1, "hung: not done after 1 s"},
    {INNER(hangs), 0, 1, "case: the last one"},
    {INNER(hangs_and_tells), 0, 1, "| who waits for what"},
    {INNER(aborts), 0, 1, "killed by signal 6"},
    {INNER(crashes), 0, 1, "crashes: "},
    {INNER(exits), 0, 1, "exited with status 3 before its end"},
    {INNER(leaves), 0, 1, "exited with status 0 before its end"},
    {INNER(leaks), !LEAKS_FAIL, LEAKS_FAIL, ""},
    {DYING(dies, dies, "the last words"), 1, 0, ""},
    {DYING(dies_else, dies, "other words"), 0, 1, "died without the words"},
    {DYING(dies_not, passes, "words"), 0, 1, "but went on"},
    {DYING(dies_hung, hangs, "words"), 0, 1, "hung"},
    {INNER(skips), 0, 0, "skipped: no luck here"},
    {INNER(leaves_a_child), 1, 0, ""},
    {.test = {.name = "nobody"}, 0, 0, ""},
};

/* --- the outer tests --- */

static char report[64 * 1024];

/* This program again, with one inner test; its exit status. */
static int run_inner(const char *name)
{
    char exe[4096];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    size_t n;
    FILE *f;

    if (len < 0)
        return -1;
    exe[len] = '\0';
    setenv("HARNESS_INNER", "1", 1);
    setenv("TEST_ONLY", name, 1);
    setenv("MR_TEST_DEADLINE", "1", 1);
    unsetenv("MR_TEST_TALLY");
    unsetenv("NOFORK");
    unsetenv("V");
    f = popen(exe, "r");
    if (!f)
        return -1;
    n = fread(report, 1, sizeof report - 1, f);
    report[n] = '\0';
    n = (size_t)pclose(f);
    return WIFEXITED((int)n) ? WEXITSTATUS((int)n) : -1;
}

/* Not so under an emulator that the kernel does not know of. */
static bool can_run_again(void)
{
    return run_inner("passes") != 126;
}

TEST(each_is_one)
{
    if (!can_run_again())
        SKIP("this program cannot run itself");
    for (size_t i = 0; i < MR_ARRAY_LEN(inner); i++) {
        char sum[64];
        int status;

        CASE("%s", inner[i].test.name);
        status = run_inner(inner[i].test.name);
        snprintf(sum, sizeof sum, ": %d passed, %d failed", inner[i].passed,
                 inner[i].failed);
        CHECK_EQ_INT(status, inner[i].failed > 0);
        if (!strstr(report, sum) || !strstr(report, inner[i].words))
            CHECK_FAIL("want \"%s\" and \"%s\" in:\n%s", sum, inner[i].words,
                       report);
    }
}

TEST(no_child_is_left)
{
    int fd[2];
    char c;

    if (!can_run_again())
        SKIP("this program cannot run itself");
    OK(pipe(fd) == 0);
    EQ_INT(run_inner("leaves_a_child"), 0);
    close(fd[1]);
    EQ_INT(read(fd[0], &c, 1), 0);
    close(fd[0]);
}

TEST(tally_is_appended)
{
    char path[] = "/tmp/test_tally.XXXXXX", line[128] = "", cmd[4300],
         exe[4096];
    int fd = mkstemp(path);
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    FILE *f;

    if (!can_run_again())
        SKIP("this program cannot run itself");
    OK(fd >= 0 && n > 0);
    exe[n] = '\0';
    snprintf(cmd, sizeof cmd,
             "HARNESS_INNER=1 TEST_ONLY=int NOFORK= V= "
             "MR_TEST_TALLY=%s '%s' >/dev/null",
             path, exe);
    OK(system(cmd) != 0);
    f = fdopen(fd, "r");
    OK(f && fgets(line, sizeof line, f));
    fclose(f);
    unlink(path);
    OK(strncmp(line, "0 1 ", 4) == 0);
}

TEST(page_end)
{
    for (size_t n = 0; n < 9000; n += 4095) {
        static char zeros[9000];
        char *p = test_at_page_end(zeros, n);

        CASE("%zu bytes", n);
        EQ_MEM(p, n, zeros, n);
        EQ_INT(((uintptr_t)p + n) % (size_t)sysconf(_SC_PAGESIZE), 0);
        test_page_free(p, n);
    }
}

TEST(scale_is_at_least_one)
{
    setenv("MR_TEST_SCALE", "10", 1);
    EQ_INT(TEST_SCALE(1000), 100);
    EQ_INT(TEST_SCALE(3), 1);
}

SUITE("one failure each", each_is_one, no_child_is_left, tally_is_appended)
SUITE("helpers", page_end, scale_is_at_least_one)

int main(int argc, char **argv)
{
    static struct test_case t[MR_ARRAY_LEN(inner)];
    static struct test_suite s[MR_ARRAY_LEN(inner)];

    for (size_t i = 0; getenv("HARNESS_INNER") && i < MR_ARRAY_LEN(t); i++) {
        bool again = i > 0 && strcmp(inner[i].test.name, t[i - 1].name) == 0;

        t[i] = inner[i].test;
        if (again || !t[i].fn)
            continue;
        s[i] = (struct test_suite){t[i].name, t[i].name, NULL};
        test_register(&t[i]);
        test_register_suite(&s[i]);
    }
    return test_main(argc, argv);
}
