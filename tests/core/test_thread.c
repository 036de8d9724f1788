/* SPDX-License-Identifier: MIT */

/*
 * test_thread.c - threads with a hub of their own, and without.
 *
 * over budget: a few lines for each promise of one header.
 */
#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/generator.h"
#include "core/mailbox.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* A door that another thread stands before: a pipe. */
struct door {
    int fds[2];
};

static void door_make(struct door *d)
{
    CHECK_EQ_INT(pipe2(d->fds, O_CLOEXEC), 0);
}

static void door_open(struct door *d)
{
    CHECK_EQ_INT(write(d->fds[1], "x", 1), 1);
}

static void door_free(struct door *d)
{
    close(d->fds[0]);
    close(d->fds[1]);
}

/* Blocks the thread. */
static intptr_t stands(void *arg)
{
    struct door *d = arg;
    char c;

    CHECK_EQ_INT(read(d->fds[0], &c, 1), 1);
    return 7;
}

/* --- start, join --- */

static intptr_t child_adds(void *arg)
{
    CHECK_EQ_INT(mr_yield(), 0);
    return *(intptr_t *)arg + 1;
}

static intptr_t has_a_hub(void *arg)
{
    intptr_t v = -1;

    CHECK_OK(mr_hub_self() != NULL);
    CHECK_OK(mr_thread_self() != NULL);
    CHECK_EQ_INT(mr_join(mr_spawn(child_adds, arg), &v, MR_NEVER), 0);
    return v;
}

IN_HUB(thread_has_a_hub_and_a_result)
{
    struct mr_thread *t;
    intptr_t v = 41;

    CHECK_OK(mr_thread_self() == NULL);
    CHECK_EQ_INT(mr_thread_start(&t, has_a_hub, &v, NULL), 0);
    CHECK_EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 42);
    return 0;
}

TEST(thread_joined_without_a_hub)
{
    struct mr_thread *t;
    intptr_t v = 1;

    EQ_INT(mr_thread_start(&t, has_a_hub, &v, NULL), 0);
    EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    EQ_INT(v, 2);
}

static intptr_t has_no_hub(void *arg)
{
    CHECK_OK(mr_hub_self() == NULL);
    CHECK_OK(mr_thread_self() != NULL);
    return stands(arg);
}

static intptr_t opens(void *arg)
{
    door_open(arg);
    return 0;
}

/* The one who would open the door runs while the other is joined. */
IN_HUB(thread_join_parks)
{
    struct mr_thread *t;
    struct door d;
    intptr_t v;

    door_make(&d);
    CHECK_EQ_INT(mr_thread_start_plain(&t, has_no_hub, &d, NULL), 0);
    CHECK_OK(mr_spawn(opens, &d) != NULL);
    CHECK_EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 7);
    door_free(&d);
    return 0;
}

static intptr_t returns_at_once(void *arg)
{
    return (intptr_t)arg;
}

IN_HUB(thread_that_has_ended_is_joined_at_once)
{
    struct mr_thread *t;
    intptr_t v = 0;

    CHECK_EQ_INT(mr_thread_start(&t, returns_at_once, (void *)-5, NULL), 0);
    while (!mr_thread_is_done(t))
        CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_thread_join(t, &v, 0), 0);
    CHECK_EQ_INT(v, -5);
    return 0;
}

static void join_in_vain(bool plain)
{
    struct mr_thread *t;
    struct door d;
    intptr_t v = 0;

    door_make(&d);
    CHECK_EQ_INT(
        (plain ? mr_thread_start_plain : mr_thread_start)(&t, stands, &d, NULL),
        0);
    CHECK_EQ_INT(mr_thread_join(t, &v, 0), -ETIMEDOUT);
    CHECK_EQ_INT(mr_thread_join(t, &v, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_OK(!mr_thread_is_done(t));
    CHECK_EQ_INT(v, 0);
    door_open(&d);
    CHECK_EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 7);
    door_free(&d);
}

IN_HUB(thread_join_times_out_and_the_handle_stays)
{
    join_in_vain(true);
    join_in_vain(false);
    return 0;
}

TEST(thread_join_asleep_times_out)
{
    join_in_vain(true);
    join_in_vain(false);
}

static intptr_t joins(void *t)
{
    return mr_thread_join(t, NULL, MR_NEVER);
}

IN_HUB(thread_join_is_cancelled)
{
    struct mr_thread *t;
    struct mr_coro *co;
    struct door d;
    intptr_t v;

    door_make(&d);
    CHECK_EQ_INT(mr_thread_start_plain(&t, stands, &d, NULL), 0);
    co = mr_spawn(joins, t);
    mr_yield();
    CHECK_EQ_STR(mr_coro_why(co), "thread");
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    door_open(&d);
    CHECK_EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
    door_free(&d);
    return 0;
}

/* Its end and our deadline come together, again and again: joined or not, once
 * is right, and afterwards all is as it was. */
IN_HUB(thread_end_against_deadline)
{
    for (int i = 0; i < TEST_SCALE(300); i++) {
        struct mr_thread *t;
        int rc;

        CHECK_EQ_INT(mr_thread_start_plain(&t, returns_at_once, NULL, NULL), 0);
        rc = mr_thread_join(t, NULL, mr_after(i * 1000));
        CHECK_OK(rc == 0 || rc == -ETIMEDOUT);
        if (rc)
            CHECK_EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
    }
    return 0;
}

static intptr_t joins_itself(void *unused)
{
    (void)unused;
    return mr_thread_join(mr_thread_self(), NULL, MR_NEVER);
}

TEST_DIES(thread_joins_itself, "t == running")
{
    struct mr_thread *t;

    EQ_INT(mr_thread_start_plain(&t, joins_itself, NULL, NULL), 0);
    (void)!mr_thread_join(t, NULL, MR_NEVER);
}

/* --- joining each other --- */

#define RING_MAX 3

static struct mr_mailbox *starts, *joined, *known;
static struct mr_thread *ring[RING_MAX];
static int ring_n, refused;

static intptr_t joins_the_next(void *arg)
{
    int i = (int)(intptr_t)arg, go, rc;

    CHECK_EQ_INT(mr_mailbox_recv(starts, &go, MR_NEVER), 0);
    rc = mr_thread_join(ring[(i + 1) % ring_n], NULL, MR_NEVER);
    if (rc == 0) {
        int next = (i + 1) % ring_n;

        return mr_mailbox_send(joined, &next, MR_NEVER);
    }
    CHECK_EQ_INT(rc, -EDEADLK);
    /* Out of time it is told that. */
    CHECK_EQ_INT(mr_thread_join(ring[(i + 1) % ring_n], NULL, 0), -ETIMEDOUT);
    __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    return rc;
}

/* plain: a bit for each that has no hub. */
static void joins_in_a_ring(int n, unsigned plain)
{
    bool gone[RING_MAX] = {false};
    int next;

    ring_n = n;
    refused = 0;
    starts = mr_mailbox_new(sizeof(int), RING_MAX);
    joined = mr_mailbox_new(sizeof(int), RING_MAX);
    for (int i = 0; i < n; i++) {
        struct mr_thread_options o = {.name = i ? "b" : "a"};
        void *arg = (void *)(intptr_t)i;

        CHECK_EQ_INT(
            plain >> i & 1
                ? mr_thread_start_plain(&ring[i], joins_the_next, arg, &o)
                : mr_thread_start(&ring[i], joins_the_next, arg, &o),
            0);
    }
    for (int i = 0; i < n; i++)
        CHECK_EQ_INT(mr_mailbox_send(starts, &i, MR_NEVER), 0);
    /* All but one are joined by the one before. */
    for (int i = 1; i < n; i++) {
        CHECK_EQ_INT(mr_mailbox_recv(joined, &next, MR_NEVER), 0);
        gone[next] = true;
    }
    for (int i = 0; i < n; i++)
        if (!gone[i])
            CHECK_EQ_INT(mr_thread_join(ring[i], NULL, MR_NEVER), 0);
    CHECK_EQ_INT(refused, 1);
    mr_mailbox_unref(starts);
    mr_mailbox_unref(joined);
}

/* Exactly one is refused, whoever is the last to come. */
IN_HUB(threads_that_join_each_other)
{
    for (int n = 2; n <= RING_MAX; n++) {
        for (unsigned plain = 0; plain < 1u << n; plain++) {
            CASE("%d threads, plain %x", n, plain);
            joins_in_a_ring(n, plain);
        }
    }
    return 0;
}

static intptr_t joins_the_first(void *unused)
{
    int go = 0;

    (void)unused;
    CHECK_EQ_INT(mr_mailbox_recv(starts, &go, MR_NEVER), 0);
    CHECK_EQ_INT(mr_mailbox_send(joined, &go, MR_NEVER), 0);
    return mr_thread_join(ring[0], NULL, MR_NEVER);
}

static intptr_t frees_the_second(void *unused)
{
    int go = 0;

    (void)unused;
    CHECK_EQ_INT(mr_mailbox_recv(joined, &go, MR_NEVER), 0);
    mr_thread_free(ring[1]); /* whether it waits already or not yet */
    return mr_mailbox_send(known, &go, MR_NEVER);
}

/* A free is not refused: what it waits for was cancelled. */
IN_HUB(thread_frees_one_that_joins_it)
{
    int go = 0;

    starts = mr_mailbox_new(sizeof(int), 1);
    joined = mr_mailbox_new(sizeof(int), 1);
    known = mr_mailbox_new(sizeof(int), 1);
    for (int i = 0; i < TEST_SCALE(100); i++) {
        CHECK_EQ_INT(mr_thread_start(&ring[0], frees_the_second, NULL, NULL),
                     0);
        CHECK_EQ_INT(mr_thread_start(&ring[1], joins_the_first, NULL, NULL), 0);
        CHECK_EQ_INT(mr_mailbox_send(starts, &go, MR_NEVER), 0);
        CHECK_EQ_INT(mr_mailbox_recv(known, &go, MR_NEVER), 0);
        CHECK_EQ_INT(mr_thread_join(ring[0], NULL, MR_NEVER), 0);
    }
    mr_mailbox_unref(starts);
    mr_mailbox_unref(joined);
    mr_mailbox_unref(known);
    return 0;
}

/* An errand beside the first does not keep its thread: that ends, and cancels
 * it. */
static intptr_t joins_from_beside(void *arg)
{
    return mr_thread_join(*(struct mr_thread **)arg, NULL, MR_NEVER);
}

static intptr_t has_one_beside(void *arg)
{
    int go = 0;

    CHECK_OK(mr_spawn(joins_from_beside, arg));
    CHECK_EQ_INT(mr_yield(), 0); /* it waits */
    CHECK_EQ_INT(mr_mailbox_send(joined, &go, MR_NEVER), 0);
    return mr_mailbox_recv(starts, &go, MR_NEVER);
}

static intptr_t joins_it(void *arg)
{
    int go;

    CHECK_EQ_INT(mr_mailbox_recv(known, &go, MR_NEVER), 0);
    CHECK_EQ_INT(mr_mailbox_send(starts, &go, MR_NEVER), 0);
    return mr_thread_join(*(struct mr_thread **)arg, NULL, MR_NEVER);
}

IN_HUB(thread_joined_from_beside_is_no_deadlock)
{
    intptr_t rc = -1;
    int go;

    starts = mr_mailbox_new(sizeof(int), 1);
    joined = mr_mailbox_new(sizeof(int), 1);
    known = mr_mailbox_new(sizeof(int), 1);
    /* The second is started first, so that the first finds it. */
    CHECK_EQ_INT(mr_thread_start(&ring[1], joins_it, &ring[0], NULL), 0);
    CHECK_EQ_INT(mr_thread_start(&ring[0], has_one_beside, &ring[1], NULL), 0);
    CHECK_EQ_INT(mr_mailbox_recv(joined, &go, MR_NEVER), 0);
    CHECK_EQ_INT(mr_mailbox_send(known, &go, MR_NEVER), 0);
    while (!mr_thread_is_done(ring[1]))
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_thread_join(ring[1], &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    mr_mailbox_unref(starts);
    mr_mailbox_unref(joined);
    mr_mailbox_unref(known);
    return 0;
}

/* --- cancel --- */

static intptr_t sleeps(void *inside)
{
    __atomic_store_n((int *)inside, 1, __ATOMIC_SEQ_CST);
    return mr_sleep(MR_NEVER);
}

static intptr_t sleeps_in_a_child(void *inside)
{
    return mr_join(mr_spawn(sleeps, inside), NULL, MR_NEVER);
}

static void cancel_sleeper(mr_coro_fn *fn)
{
    struct mr_thread *t;
    int inside = 0;
    intptr_t v;

    CHECK_EQ_INT(mr_thread_start(&t, fn, &inside, NULL), 0);
    while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST) == 0)
        sched_yield();
    mr_thread_cancel(t);
    mr_thread_cancel(t);
    CHECK_EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
}

IN_HUB(thread_cancel_from_another_hub)
{
    cancel_sleeper(sleeps);
    cancel_sleeper(sleeps_in_a_child);
    return 0;
}

TEST(thread_cancel_from_no_hub)
{
    cancel_sleeper(sleeps);
}

/* Whenever it comes, it is not lost: before the hub, before fn, in it. */
TEST(thread_cancel_at_once)
{
    for (int i = 0; i < TEST_SCALE(300); i++) {
        struct mr_thread *t;
        int inside = 0;
        intptr_t v;

        EQ_INT(mr_thread_start(&t, sleeps, &inside, NULL), 0);
        for (int spin = 0; spin < i * 100; spin++)
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
        mr_thread_cancel(t);
        EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
        EQ_INT(v, -ECANCELED);
    }
}

/* And when the thread ends by itself at that moment, nothing is touched. */
TEST(thread_cancel_while_it_ends)
{
    for (int i = 0; i < TEST_SCALE(300); i++) {
        struct mr_thread *t;
        intptr_t v;

        EQ_INT(mr_thread_start(&t, returns_at_once, (void *)3, NULL), 0);
        for (int spin = 0; spin < i * 300; spin++)
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
        mr_thread_cancel(t);
        EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
        OK(v == 3 || v == -ECANCELED);
    }
}

TEST(thread_without_hub_is_not_cancelled)
{
    struct mr_thread *t;
    struct door d;
    intptr_t v;

    door_make(&d);
    EQ_INT(mr_thread_start_plain(&t, stands, &d, NULL), 0);
    mr_thread_cancel(t);
    EQ_INT(mr_thread_join(t, &v, mr_after_ms(1)), -ETIMEDOUT);
    door_open(&d);
    EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    EQ_INT(v, 7);
    door_free(&d);
}

static intptr_t leaves_a_thread_behind(void *inside)
{
    MR_AUTO(thread) t = NULL;

    CHECK_EQ_INT(mr_thread_start(&t, sleeps, inside, NULL), 0);
    return mr_sleep(MR_NEVER); /* cancelled; freeing t waits all the same */
}

IN_HUB(thread_free_cancels_and_waits)
{
    int inside = 0;
    struct mr_coro *co = mr_spawn(leaves_a_thread_behind, &inside);
    intptr_t v;

    while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST) == 0)
        CHECK_EQ_INT(mr_yield(), 0);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    mr_thread_free(NULL);
    return 0;
}

/* --- options --- */

static intptr_t signal_masked(void *number)
{
    sigset_t set;

    pthread_sigmask(SIG_SETMASK, NULL, &set);
    return sigismember(&set, (int)(intptr_t)number);
}

TEST(thread_masks_signals)
{
    static const struct {
        int number, masked;
    } cases[] = {
        {SIGTERM, 1}, {SIGINT, 1}, {SIGUSR2, 1}, {SIGCHLD, 1}, {SIGPIPE, 1},
        {SIGSEGV, 0}, {SIGBUS, 0}, {SIGFPE, 0},  {SIGILL, 0},
    };
    sigset_t set;

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_thread *t;
        intptr_t v;

        CASE("signal %d", cases[i].number);
        EQ_INT(mr_thread_start(&t, signal_masked,
                               (void *)(intptr_t)cases[i].number, NULL),
               0);
        EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
        EQ_INT(v, cases[i].masked);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    OK(!sigismember(&set, SIGTERM)); /* ours are as they were */
}

static intptr_t name_of_self(void *buf)
{
    return pthread_getname_np(pthread_self(), buf, 16);
}

TEST(thread_name)
{
    static const struct {
        const char *name, *want;
    } cases[] = {{"line 1", "line 1"},
                 {"a name that is too long", "a name that is "}};

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_thread_options o = {.name = cases[i].name};
        struct mr_thread *t;
        char got[16] = "";

        EQ_INT(mr_thread_start_plain(&t, name_of_self, got, &o), 0);
        EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
        EQ_STR(got, cases[i].want);
    }
}

static intptr_t only_cpu(void *unused)
{
    cpu_set_t set;

    (void)unused;
    CHECK_EQ_INT(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK_EQ_INT(CPU_COUNT(&set), 1);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set))
            return cpu;
    }
    return -1;
}

TEST(thread_pinned)
{
    int cpus[1024], n = mr_sys_cpus(cpus, 1024);

    for (int i = 0; i < MR_MIN(n, 4); i++) {
        struct mr_thread_options o = {.pinned = true, .cpu = cpus[i]};
        struct mr_thread *t;
        intptr_t v;

        EQ_INT(mr_thread_start(&t, only_cpu, NULL, &o), 0);
        EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
        EQ_INT(v, cpus[i]);
    }
}

TEST(thread_bad_options)
{
    static const struct {
        const char *what;
        struct mr_thread_options o;
    } cases[] = {
        {"no such cpu", {.pinned = true, .cpu = CPU_SETSIZE - 1}},
        {"negative", {.pinned = true, .cpu = -1}},
        {"beyond the set", {.pinned = true, .cpu = CPU_SETSIZE}},
        {"stack too large", {.stack_size = SIZE_MAX}},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_thread *t = NULL;

        CASE("%s", cases[i].what);
        EQ_INT(mr_thread_start(&t, returns_at_once, NULL, &cases[i].o),
               -EINVAL);
        OK(t == NULL);
    }
}

static intptr_t own_stack(void *unused)
{
    pthread_attr_t attr;
    size_t size = 0;

    (void)unused;
    CHECK_EQ_INT(pthread_getattr_np(pthread_self(), &attr), 0);
    CHECK_EQ_INT(pthread_attr_getstacksize(&attr, &size), 0);
    pthread_attr_destroy(&attr);
    return (intptr_t)size;
}

TEST(thread_stack_size)
{
    static const struct {
        size_t asked, least, most;
    } cases[] = {{1, 64 << 10, 1 << 20},
                 {(1 << 20) + 1, (1 << 20) + 1, 2 << 20},
                 {0, 128 << 10, SIZE_MAX / 2}};

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_thread_options o = {.stack_size = cases[i].asked};
        struct mr_thread *t;
        intptr_t v;

        CASE("%zu bytes", cases[i].asked);
        EQ_INT(mr_thread_start(&t, own_stack, NULL, &o), 0);
        EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
        OK((size_t)v >= cases[i].least && (size_t)v <= cases[i].most);
    }
}

/* --- what cannot be had --- */

TEST(thread_not_to_be_had)
{
    struct mr_thread *t = NULL;
    intptr_t v;

    mr_sys_fault(MR_SYS_PTHREAD_CREATE, 1, -EAGAIN);
    EQ_INT(mr_thread_start(&t, returns_at_once, NULL, NULL), -EAGAIN);
    mr_sys_fault_clear();
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_thread_start(&t, returns_at_once, NULL, NULL), -ENOMEM);
    mr_sys_fault_clear();
    OK(t == NULL);
    /* The thread there is, but no hub in it. */
    mr_sys_fault(MR_SYS_ALLOC, 2, -ENOMEM);
    EQ_INT(mr_thread_start(&t, returns_at_once, (void *)1, NULL), 0);
    EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    EQ_INT(v, -ENOMEM);
    mr_sys_fault_clear();
}

/* --- what a thread leaves behind --- */

static intptr_t yields_one(struct mr_generator *g, void *unused)
{
    int v = 1;

    (void)unused;
    return mr_generator_yield(g, &v);
}

static intptr_t uses_stacks(void *unused)
{
    struct mr_generator *g;
    int v = 0;

    (void)unused;
    CHECK_EQ_INT(mr_generator_new(&g, yields_one, NULL, sizeof(int)), 0);
    CHECK_EQ_INT(mr_generator_next(g, &v), 1);
    mr_generator_free(g);
    return 0;
}

static long mappings(void)
{
    char buf[4096];
    long lines = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            lines += buf[i] == '\n';
    }
    close(fd);
    return lines;
}

static void start_and_join(int n)
{
    for (int i = 0; i < n; i++) {
        struct mr_thread *t;

        EQ_INT((i % 2 ? mr_thread_start
                      : mr_thread_start_plain)(&t, uses_stacks, NULL, NULL),
               0);
        EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
    }
}

/* Slabs of stacks and alternate stacks are mappings of a megabyte's order:
 * none stays. A few may, of libc and of the tools. */
TEST(thread_leaves_nothing_mapped)
{
    long before;

    start_and_join(10);
    before = mappings();
    start_and_join(100);
    OK(mappings() < before + 20);
}

static intptr_t recurses(void *above)
{
    char frame[1000];

    memset(frame, above ? *(char *)above + 1 : 0, sizeof frame);
    if (above && frame[1] == *(char *)above)
        return 0;
    return recurses(frame) + frame[999];
}

static intptr_t overflows(void *unused)
{
    (void)unused;
    return mr_join(mr_spawn(recurses, NULL), NULL, MR_NEVER);
}

TEST_DIES(thread_overflow_is_reported, "coroutine 'recurses', entry recurses")
{
    struct mr_thread *t;

    EQ_INT(mr_thread_start(&t, overflows, NULL, NULL), 0);
    (void)!mr_thread_join(t, NULL, MR_NEVER);
}

/* --- many --- */

#define MANY 16

static intptr_t starts_its_own(void *depth)
{
    intptr_t n = (intptr_t)depth, sum = 1, v;
    struct mr_thread *t[2];

    if (n == 0)
        return 1;
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(
            mr_thread_start(&t[i], starts_its_own, (void *)(n - 1), NULL), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(mr_thread_join(t[i], &v, MR_NEVER), 0);
        sum += v;
    }
    return sum;
}

/* A tree of hubs, each waiting for two more. */
TEST(thread_tree)
{
    struct mr_thread *t;
    intptr_t v;

    EQ_INT(mr_thread_start(&t, starts_its_own, (void *)4, NULL), 0);
    EQ_INT(mr_thread_join(t, &v, MR_NEVER), 0);
    EQ_INT(v, 31);
}

IN_HUB(thread_many_at_once)
{
    struct mr_thread *t[MANY];

    for (intptr_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(mr_thread_start(&t[i], returns_at_once, (void *)i, NULL),
                     0);
    for (intptr_t i = MANY - 1; i >= 0; i--) {
        intptr_t v = -1;

        CHECK_EQ_INT(mr_thread_join(t[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, i);
    }
    return 0;
}

SUITE("start, join", thread_has_a_hub_and_a_result, thread_joined_without_a_hub,
      thread_join_parks, thread_that_has_ended_is_joined_at_once,
      thread_join_times_out_and_the_handle_stays, thread_join_asleep_times_out,
      thread_join_is_cancelled, thread_end_against_deadline,
      thread_joins_itself)
SUITE("each other", threads_that_join_each_other,
      thread_frees_one_that_joins_it, thread_joined_from_beside_is_no_deadlock)
SUITE("cancel", thread_cancel_from_another_hub, thread_cancel_from_no_hub,
      thread_cancel_at_once, thread_cancel_while_it_ends,
      thread_without_hub_is_not_cancelled, thread_free_cancels_and_waits)
SUITE("options", thread_masks_signals, thread_name, thread_pinned,
      thread_bad_options, thread_stack_size, thread_not_to_be_had)
SUITE("what it leaves behind", thread_leaves_nothing_mapped,
      thread_overflow_is_reported)
SUITE("many", thread_tree, thread_many_at_once)
TEST_MAIN()
