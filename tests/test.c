/* SPDX-License-Identifier: MIT */
/*
 * test.c - run each test in a child and let CUnit keep the books.
 *
 * Parent and child share one mapping, the board: how many checks passed, what
 * failed and where, the current CASE. The child writes, the parent reads when
 * the child is gone. A pipe would have to be read while the child runs, dies
 * with a test that closes all descriptors, and a write to it would enter the
 * very calls that some tests replace; the board needs no call at all.
 *
 * Invariants
 *  (1) A child that does anything but return from its test and then leave
 *      with status 0 is at least one failure; one that recorded failures gets
 *      no further one for its exit.
 *  (2) After a test none of its processes is left: the child leads a process
 *      group, which is killed.
 *  (3) A check takes no lock and allocates nothing.
 *
 * Not here: running several binaries and summing up (Makefile).
 *
 * over budget: the two halves share the board, and a test is built by hand from
 * two files, its own and this one.
 */
#include "tests/test.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#    include <valgrind/valgrind.h>
#else
#    define RUNNING_ON_VALGRIND 0
#endif

enum {
    DEADLINE_S = 60, /* the longest test takes a few seconds */
    DUMP_GRACE_S = 2,
    FAILURES = 32,           /* more are only counted */
    OUTPUT_SHOWN = 16 * 1024 /* of a failed test, its end */
};

#define NS 1000000000LL

struct failure {
    char file[128];
    int line;
    char text[1024];
};

/* Written by the child and its children, read by the parent. */
struct board {
    unsigned passed;   /* checks */
    unsigned failures; /* may exceed FAILURES */
    bool finished;     /* the test function returned */
    bool skipped;
    long scaled; /* what sizes were divided by, if any were */
    bool has_dump;
    int last_line; /* of the last check, for crashes */
    char where[256];
    char skip_why[256];
    struct failure failure[FAILURES];
};

static struct board *board;
static struct test_case *cases;
static struct test_suite *suites;
static const char *binary = "test";
static bool fork_tests = true;
static bool verbose;
static unsigned n_skipped;
static long scaled;
static test_fn *hang_dump;

void test_register(struct test_case *t)
{
    struct test_case **at = &cases;

    while (*at)
        at = &(*at)->next;
    *at = t;
}

void test_register_suite(struct test_suite *s)
{
    struct test_suite **at = &suites;

    while (*at)
        at = &(*at)->next;
    *at = s;
}

/* --- what runs in the child --- */

/* Not inlined: gcc under ASan then warns of a null fmt that cannot be. */
TEST_FMT_(3, 0)
__attribute__((noinline)) static void record(const char *file, int line,
                                             const char *fmt, va_list ap)
{
    unsigned i = __atomic_fetch_add(&board->failures, 1, __ATOMIC_RELAXED);
    struct failure *f;
    size_t n;

    if (i >= FAILURES)
        return;
    f = &board->failure[i];
    snprintf(f->file, sizeof f->file, "%s", file);
    f->line = line;
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    n = strlen(f->text);
    if (board->where[0])
        snprintf(f->text + n, sizeof f->text - n, "\n      case: %s",
                 board->where);
}

bool test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    record(file, line, fmt, ap);
    va_end(ap);
    return false;
}

static bool passed(int line)
{
    __atomic_fetch_add(&board->passed, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&board->last_line, line, __ATOMIC_RELAXED);
    return true;
}

bool test_skip(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(board->skip_why, sizeof board->skip_why, fmt, ap);
    va_end(ap);
    board->skipped = true;
    return false;
}

void test_case_set(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(board->where, sizeof board->where, fmt, ap);
    va_end(ap);
}

bool test_ok(const char *file, int line, const char *expr, bool ok)
{
    if (ok)
        return passed(line);
    return test_fail(file, line, "not true: %s", expr);
}

bool test_eq_int(const char *file, int line, const char *expr, intmax_t got,
                 intmax_t want)
{
    if (got == want)
        return passed(line);
    return test_fail(file, line, "%s: got %jd, want %jd", expr, got, want);
}

bool test_eq_str(const char *file, int line, const char *expr, const char *got,
                 const char *want)
{
    if (got == want || (got && want && strcmp(got, want) == 0))
        return passed(line);
    return test_fail(file, line,
                     "%s:\n      got  \"%.400s\"\n      want "
                     "\"%.400s\"",
                     expr, got ? got : "(null)", want ? want : "(null)");
}

bool test_eq_ptr(const char *file, int line, const char *expr, const void *got,
                 const void *want)
{
    if (got == want)
        return passed(line);
    return test_fail(file, line, "%s: got %p, want %p", expr, got, want);
}

/* Up to 32 bytes of p[0..n) from `at` on, printable. */
static const char *quote(char *out, size_t size, const unsigned char *p,
                         size_t n, size_t at)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = at; i < n && i < at + 32 && used + 5 < size; i++) {
        bool plain = p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\';

        used += (size_t)snprintf(out + used, size - used,
                                 plain ? "%c" : "\\x%02x", p[i]);
    }
    return out;
}

bool test_eq_mem(const char *file, int line, const void *got, size_t n,
                 const void *want, size_t m)
{
    const unsigned char *p = got, *q = want;
    size_t at = 0, least = n < m ? n : m;
    char a[160], b[160];

    while (at < least && p[at] == q[at])
        at++;
    if (at == n && at == m)
        return passed(line);
    return test_fail(file, line,
                     "%zu bytes, want %zu; differ at %zu:\n"
                     "      got  \"%s\"\n      want \"%s\"",
                     n, m, at, quote(a, sizeof a, p, n, at),
                     quote(b, sizeof b, q, m, at));
}

/* What sizes are divided by, and deadlines multiplied with. */
static long scale_divisor(void)
{
    const char *env = getenv("MR_TEST_SCALE");
    long n = env ? strtol(env, NULL, 10) : 0;

    if (n > 0)
        return n;
    if (RUNNING_ON_VALGRIND)
        return 50;
#if defined(__SANITIZE_THREAD__)
    return 50;
#elif defined(__SANITIZE_ADDRESS__)
    return 10;
#else
    return 1;
#endif
}

long test_scale(long n)
{
    long by = scale_divisor();

    if (by > 1)
        board->scaled = by;
    return n / by > 0 ? n / by : 1;
}

static void on_usr2(int sig)
{
    (void)sig;
    if (hang_dump)
        hang_dump();
    fflush(NULL);
    _exit(1);
}

void test_on_hang(test_fn *dump)
{
    hang_dump = dump;
    board->has_dump = dump != NULL;
    signal(SIGUSR2, dump ? on_usr2 : SIG_DFL);
}

void *test_at_page_end(const void *p, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (n + page - 1) / page * page;
    char *at = mmap(NULL, body + page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED || mprotect(at + body, page, PROT_NONE) == -1) {
        perror("test_at_page_end");
        abort();
    }
    at += body - n;
    if (n > 0)
        memcpy(at, p, n);
    return at;
}

void test_page_free(void *at, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (n + page - 1) / page * page;

    munmap((char *)at + n - body, body + page);
}

/* Leaks are looked for at exit; after a failed check there must be some, and
 * they would only bury it. */
__attribute__((noreturn)) static void child_main(const struct test_case *t,
                                                 int output)
{
    struct rlimit no_core = {0, 0};

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        close(output);
    }
    t->fn();
    board->finished = true;
    fflush(NULL);
    if (board->failures > 0)
        _exit(1);
    exit(0);
}

/* --- what runs in the parent --- */

static int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

/* Whether the child ended by the deadline; SIGCHLD is blocked and so waited
 * for without a race. */
static bool ended(pid_t pid, int *ret_status, int64_t deadline)
{
    sigset_t chld;

    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (;;) {
        int64_t left = deadline - now();
        struct timespec ts;

        if (waitpid(pid, ret_status, WNOHANG) == pid)
            return true;
        if (left <= 0)
            return false;
        ts.tv_sec = left / NS;
        ts.tv_nsec = left % NS;
        sigtimedwait(&chld, NULL, &ts);
    }
}

static int deadline_seconds(const struct test_case *t)
{
    const char *env = getenv("MR_TEST_DEADLINE");
    int n = t->seconds ? t->seconds : DEADLINE_S;
    long by = scale_divisor();

    if (env)
        return (int)strtol(env, NULL, 10);
    return by >= 50 ? n * 5 : by > 1 ? n * 2 : n;
}

/* Whether the output holds the words. */
static bool output_has(int output, const char *words)
{
    char buf[OUTPUT_SHOWN + 1];
    ssize_t n = pread(output, buf, sizeof buf - 1, 0);

    return n > 0 && memmem(buf, (size_t)n, words, strlen(words)) != NULL;
}

static void show_output(int output)
{
    off_t end = lseek(output, 0, SEEK_END);
    off_t from = end > OUTPUT_SHOWN ? end - OUTPUT_SHOWN : 0;
    char buf[OUTPUT_SHOWN];
    ssize_t n = pread(output, buf, sizeof buf, from);
    char *p = buf;

    if (n <= 0)
        return;
    printf("    --- its output%s:\n", from ? " (the end of it)" : "");
    while (p < buf + n) {
        char *nl = memchr(p, '\n', (size_t)(buf + n - p));
        int len = (int)((nl ? nl : buf + n) - p);

        printf("    | %.*s\n", len, p);
        p += len + 1;
    }
}

/* The failure that the way a child ended amounts to, if any. */
static void judge_end(const struct test_case *t, int status, int output)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (t->dies) {
        if (sig != SIGABRT)
            test_fail(t->file, t->line, "should have died by SIGABRT, but %s",
                      sig ? strsignal(sig) : "went on");
        else if (!output_has(output, t->dies))
            test_fail(t->file, t->line, "died without the words \"%s\"",
                      t->dies);
        return;
    }
    if (sig)
        test_fail(t->file, t->line,
                  "killed by signal %d (%s), last check on "
                  "line %d",
                  sig, strsignal(sig), board->last_line);
    else if (board->failures == 0 &&
             (WEXITSTATUS(status) != 0 || !board->finished))
        test_fail(t->file, t->line, "exited with status %d%s",
                  WEXITSTATUS(status),
                  board->finished ? "" : " before its end");
}

static void run_forked(const struct test_case *t, int output)
{
    int seconds = deadline_seconds(t), status = 0;
    sigset_t mask;
    pid_t pid;

    fflush(NULL);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigdelset(&mask, SIGCHLD);
    pid = fork();
    if (pid == -1) {
        test_fail(t->file, t->line, "fork: %s", strerror(errno));
        return;
    }
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &mask, NULL);
        child_main(t, output);
    }
    setpgid(pid, pid); /* whoever of the two is first */
    if (ended(pid, &status, now() + seconds * NS)) {
        judge_end(t, status, output);
    } else {
        if (board->has_dump)
            kill(pid, SIGUSR2);
        if (!board->has_dump ||
            !ended(pid, &status, now() + DUMP_GRACE_S * NS)) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
        }
        test_fail(t->file, t->line,
                  "hung: not done after %d s, last check on "
                  "line %d",
                  seconds, board->last_line);
    }
    kill(-pid, SIGKILL);
}

/* Hand to CUnit what stands on the board, and print the failures. */
static void account(const struct test_case *t, int output)
{
    unsigned n = board->failures;

    for (unsigned i = 0; i < board->passed; i++)
        CU_assertImplementation(CU_TRUE, 0, "", t->file, "", CU_FALSE);
    for (unsigned i = 0; i < n; i++) {
        const struct failure *f;

        /* CUnit walks its list for each: a loop that fails would take hours. */
        if (i == FAILURES) {
            CU_assertImplementation(CU_FALSE, (unsigned)t->line, "and more",
                                    t->file, "", CU_FALSE);
            break;
        }
        f = &board->failure[i];
        CU_assertImplementation(CU_FALSE, (unsigned)f->line, f->text, f->file,
                                "", CU_FALSE);
        printf("%s:%d: %s: %s\n", f->file, f->line, t->name, f->text);
    }
    if (n > FAILURES)
        printf("    and %u failed checks more\n", n - FAILURES);
    if (board->skipped && n == 0) {
        n_skipped++;
        printf("%s:%d: %s: skipped: %s\n", t->file, t->line, t->name,
               board->skip_why);
    }
    if (output >= 0 && (n > 0 || verbose))
        show_output(output);
    if (board->scaled)
        scaled = board->scaled;
}

static void run_current(void)
{
    const char *name = CU_get_current_test()->pName;
    struct test_case *t = cases;
    int output = -1;

    while (strcmp(t->name, name) != 0)
        t = t->next;
    memset(board, 0, sizeof *board);
    if (verbose)
        printf("  %s %s\n", binary, t->name);
    if (fork_tests) {
        output = memfd_create("test-output", MFD_CLOEXEC);
        run_forked(t, output);
    } else if (t->dies) {
        test_skip("it would end this process");
    } else {
        t->fn();
    }
    account(t, output);
    if (output >= 0)
        close(output);
    fflush(stdout);
}

static struct test_case *find(const char *name, size_t n)
{
    for (struct test_case *t = cases; t; t = t->next)
        if (strlen(t->name) == n && memcmp(t->name, name, n) == 0)
            return t;
    return NULL;
}

/* Give CUnit the suites; how many mistakes there are in their lists. */
static int enlist(void)
{
    const char *only = getenv("TEST_ONLY");
    int mistakes = 0;
    size_t listed = 0, defined = 0;

    for (struct test_suite *s = suites; s; s = s->next) {
        CU_pSuite suite = CU_add_suite(s->name, NULL, NULL);
        const char *p = s->tests + strspn(s->tests, ", \t\n");

        for (; *p; p += strspn(p, ", \t\n"), listed++) {
            size_t n = strcspn(p, ", \t\n");
            struct test_case *t = find(p, n);

            if (!t || !suite) {
                printf("%s: suite \"%s\": cannot add \"%.*s\"\n", binary,
                       s->name, (int)n, p);
                mistakes++;
            } else if (!only || !*only || strcmp(only, t->name) == 0) {
                CU_add_test(suite, t->name, run_current);
            }
            p += n;
        }
    }
    for (struct test_case *t = cases; t; t = t->next)
        defined++;
    if (defined == listed)
        return mistakes;
    printf("%s: %zu tests are defined, %zu are listed in suites\n", binary,
           defined, listed);
    return mistakes + 1;
}

/* build/release/tests/core/test_str -> core/test_str */
static const char *short_name(const char *path)
{
    const char *p = path + strlen(path);
    int slashes = 0;

    while (p > path && slashes < 2)
        if (*--p == '/')
            slashes++;
    return *p == '/' ? p + 1 : p;
}

static void tally(unsigned good, unsigned bad)
{
    const char *path = getenv("MR_TEST_TALLY");
    FILE *f = path && *path ? fopen(path, "a") : NULL;

    if (!f)
        return;
    fprintf(f, "%u %u %s\n", good, bad, binary);
    fclose(f);
}

int test_main(int argc, char **argv)
{
    const char *v = getenv("V"), *nofork = getenv("NOFORK");
    unsigned run, bad;
    sigset_t chld;

    binary = argc > 0 ? short_name(argv[0]) : "test";
    verbose = v && strcmp(v, "1") == 0;
    fork_tests = !nofork || !*nofork || strcmp(nofork, "0") == 0;
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    if (fork_tests)
        sigprocmask(SIG_BLOCK, &chld, NULL);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "%s: out of memory\n", binary);
        return 1;
    }
    bad = (unsigned)enlist();
    CU_run_all_tests();
    run = CU_get_number_of_tests_run();
    bad += CU_get_number_of_tests_failed();
    run = run > bad + n_skipped ? run - bad - n_skipped : 0;
    CU_cleanup_registry();
    if (scaled)
        printf("%s: sizes are divided by %ld here\n", binary, scaled);
    printf("%s: %u passed, %u failed", binary, run, bad);
    printf(n_skipped ? ", %u skipped\n" : "\n", n_skipped);
    tally(run, bad);
    return bad > 0;
}
