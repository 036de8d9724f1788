/* SPDX-License-Identifier: MIT */

/* test_inspect.c - the list of coroutines, and the ways to ask for it. */
#include "core/inspect.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/generator.h"
#include "core/group.h"
#include "core/log.h"
#include "core/pool.h"
#include "core/signal.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"
#include "tests/core/log_file.h"

/* Any number of calls, each a line; the switch itself is some. */
#define CALLS "\n(.* #[0-9]+ 0x.*\n)*.* "

/* --- the list --- */

__attribute__((noinline)) static int sleeps_inside(void)
{
    volatile int rc = mr_sleep(mr_after_s(3600));

    return rc;
}

static intptr_t sleeper(void *arg)
{
    (void)arg;
    mr_coro_set_name(mr_coro_self(), "dozy");
    return sleeps_inside();
}

static intptr_t reader(void *arg)
{
    return mr_hub_wait_fd(*(int *)arg, MR_READABLE, MR_NEVER);
}

static intptr_t joiner(void *arg)
{
    volatile int rc = mr_join(arg, NULL, MR_NEVER);

    return rc;
}

static intptr_t never_runs(void *arg)
{
    (void)arg;
    return 0;
}

static intptr_t yields(void *arg)
{
    (void)arg;
    while (mr_yield() == 0)
        continue;
    return 0;
}

IN_HUB(list_tells_who_waits_for_what)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct mr_coro *co = mr_spawn(sleeper, NULL);

    log_to_file();
    CHECK_OK(mr_spawn(reader, &fd) != NULL);
    CHECK_OK(mr_spawn(joiner, co) != NULL);
    CHECK_OK(mr_spawn(yields, NULL) != NULL);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_OK(mr_spawn(never_runs, NULL) != NULL);
    mr_log_set_level(MR_LOG_ERROR); /* it was asked for */
    mr_hub_log(mr_hub_self());
    mr_log_set_level(MR_LOG_INFO);
    CHECK_LOG("6 coroutines, 6 spawned so far$");
    CHECK_LOG("coroutine #1 'dozy' parked: sleep, for [0-9]+\\.[0-9]{3} s, "
              "3[56][0-9]{2}\\.[0-9]{3} s left, spawned at "
              "tests/core/test_inspect.c:[0-9]+, [0-9]+ of 65536 stack bytes$");
    CHECK_LOG("#[0-9] 0x[0-9a-f]+ sleeps_inside\\+0x[0-9a-f]+ \\(.*"
              "test_inspect\\+0x[0-9a-f]+\\)$");
    CHECK_LOG(" sleeps_inside.*\n.*#[0-9] 0x[0-9a-f]+ sleeper\\+");
    CHECK_LOG("#2 'reader' parked: read \\(descriptor [0-9]+\\), for ");
    CHECK_LOG("#3 'joiner' parked: join \\(of #1 'dozy'\\), for ");
    CHECK_LOG("#4 'yields' ready, spawned at .*" CALLS "yields\\+");
    CHECK_LOG("#5 'never_runs' ready, spawned at ");
    CHECK_LOG("#0 'first' running, .*\n.* in_hub_list_tells_who");
    /* What every coroutine begins with is left out. */
    CHECK_EQ_INT(matches(log_text(), "coro_main|mr_switch_start"), 0);
    log_end();
    mr_group_cancel(mr_group_own());
    CHECK_EQ_INT(mr_group_wait(mr_group_own(), MR_NEVER), 0);
    mr_hub_forget(fd);
    close(fd);
    return 0;
}

/* --- chains --- */

static intptr_t sleepy_values(struct mr_generator *g, void *arg)
{
    int v = 1, rc = mr_generator_yield(g, &v);

    (void)arg;
    return rc ? rc : mr_sleep(mr_after_s(3600));
}

static intptr_t asks(void *arg)
{
    struct mr_generator *g = arg;
    volatile int rc;
    int v;

    rc = mr_generator_next(g, &v);
    rc = mr_generator_next(g, &v);
    return rc;
}

IN_HUB(list_follows_generators)
{
    struct mr_generator *inside, *apart;
    struct mr_coro *co;
    int v;

    log_to_file();
    CHECK_EQ_INT(mr_generator_new(&inside, sleepy_values, NULL, sizeof v), 0);
    CHECK_EQ_INT(mr_generator_new(&apart, sleepy_values, NULL, sizeof v), 0);
    CHECK_EQ_INT(mr_generator_next(apart, &v), 1);
    co = mr_spawn(asks, inside);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_hub_log(mr_hub_self());
    CHECK_LOG("coroutine #3 'asks' parked: sleep, ");
    CHECK_LOG(" asks\\+.*\n.*resumed: coroutine #1 'sleepy_values' "
              "parked: sleep, .* made at tests/core/test_inspect.c:");
    CHECK_LOG("coroutine #2 'sleepy_values' suspended, made at .*" CALLS
              "sleepy_values\\+");
    CHECK_EQ_INT(matches(log_text(), "coroutine #1 "), 1);
    log_end();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_generator_free(inside);
    mr_generator_free(apart);
    return 0;
}

static void count_depths(const struct mr_inspect_info *info, void *arg)
{
    unsigned *n = arg;

    CHECK_OK(info->depth < 4);
    CHECK_OK(info->frames.n > 0);
    CHECK_OK(info->stack_used > 0 && info->stack_used <= info->stack_size);
    n[info->depth]++;
}

static intptr_t looks_around(struct mr_generator *g, void *arg)
{
    (void)g;
    mr_inspect(mr_hub_self(), count_depths, arg);
    return 0;
}

/* From within a generator: who resumes it is in the chain, not beside it. */
IN_HUB(list_from_within_a_chain)
{
    struct mr_generator *g;
    unsigned n[4] = {0};
    int v;

    CHECK_EQ_INT(mr_generator_new(&g, looks_around, n, sizeof v), 0);
    CHECK_EQ_INT(mr_generator_next(g, &v), 0);
    CHECK_EQ_INT(n[0], 1);
    CHECK_EQ_INT(n[1], 1);
    CHECK_EQ_INT(n[2], 0);
    mr_generator_free(g);
    return 0;
}

/* --- many --- */

enum { MANY = 1100 };

IN_HUB(long_lists_are_folded)
{
    log_to_file();
    for (int i = 0; i < MANY; i++) {
        if (!CHECK_OK(mr_spawn(sleeper, NULL) != NULL))
            return -1;
    }
    CHECK_EQ_INT(mr_yield(), 0);
    mr_hub_log(mr_hub_self());
    CHECK_EQ_INT(matches(log_text(), "'dozy' parked: sleep"), MANY);
    CHECK_EQ_INT(matches(log_text(), " calls as in #1$"), MANY - 1);
    CHECK_EQ_INT(matches(log_text(), " sleeps_inside\\+"), 1);
    log_end();
    return 0;
}

static void in_a_post(struct mr_hub_post *post)
{
    (void)post;
    mr_hub_log(mr_hub_self());
}

/* Where no coroutine runs. */
IN_HUB(list_from_the_hubs_stack)
{
    struct mr_hub_post post = {.fn = in_a_post};

    log_to_file();
    mr_hub_post(mr_hub_self(), &post);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_LOG("#0 'first' parked: sleep, .*" CALLS "mr_sleep\\+");
    log_end();
    return 0;
}

static void fail_alloc(unsigned nth)
{
    mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
}

IN_HUB(list_without_memory)
{
    log_to_file();
    fail_alloc(1); /* none at all */
    mr_hub_log(mr_hub_self());
    fail_alloc(2); /* addresses, without names */
    mr_hub_log(mr_hub_self());
    mr_sys_fault_clear();
    CHECK_LOG("error .*no memory for a list of coroutines");
    CHECK_LOG("#0 'first' running.*\n.*  #0 0x[0-9a-f]+$");
    log_end();
    return 0;
}

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

TEST(hub_without_memory_for_its_slot)
{
    int err = -ENOMEM;

    for (unsigned nth = 1; err == -ENOMEM; nth++) {
        CASE("%u", nth);
        OK(nth < 20);
        fail_alloc(nth);
        err = mr_run(nothing, NULL, NULL);
        mr_sys_fault_clear();
    }
    EQ_INT(err, 0);
}

static intptr_t spawns_by_pool(void *arg)
{
    struct mr_pool *p = arg;

    return mr_pool_spawn(p, yields, NULL, MR_NEVER);
}

IN_HUB(places_of_pools_and_groups)
{
    struct mr_pool *p = mr_pool_new(2);
    struct mr_group g;

    log_to_file();
    mr_group_init(&g);
    CHECK_OK(p != NULL);
    CHECK_EQ_INT(spawns_by_pool(p), 0);
    CHECK_OK(mr_group_spawn(&g, yields, NULL) != NULL);
    mr_hub_log(mr_hub_self());
    CHECK_EQ_INT(matches(log_text(), "'yields' ready, spawned at tests/core/"),
                 2);
    log_end();
    mr_group_close(&g);
    mr_pool_kill(p);
    mr_pool_free(p);
    return 0;
}

/* --- signals, on a hub that knows nothing of them --- */

/* The harness has SIGUSR2 for itself. */
static void as_a_program(void)
{
    test_on_hang(NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static void wait_for(const char *pattern, unsigned want)
{
    while (matches(log_text(), pattern) < want)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
}

static intptr_t asked_by_signal(void *arg)
{
    char moved[80];

    (void)arg;
    CHECK_OK(mr_spawn(sleeper, NULL) != NULL);
    CHECK_EQ_INT(kill(getpid(), SIGUSR2), 0);
    wait_for("'dozy' parked: sleep", 1);
    CHECK_EQ_INT(kill(getpid(), SIGUSR2), 0);
    wait_for("'dozy' parked: sleep", 2);
    wait_for("'asked_by_signal' parked|'first' parked", 2);
    snprintf(moved, sizeof moved, "%s.1", log_path);
    CHECK_EQ_INT(rename(log_path, moved), 0);
    CHECK_EQ_INT(kill(getpid(), SIGUSR1), 0);
    while (access(log_path, F_OK) != 0)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    unlink(moved);
    return 0;
}

TEST(usr2_writes_the_list_and_usr1_reopens)
{
    as_a_program();
    log_to_file();
    EQ_INT(mr_run(asked_by_signal, NULL, NULL), 0);
    EQ_INT(kill(getpid(), SIGUSR2), 0); /* no hub: nothing happens */
    EQ_INT(mr_run(asked_by_signal, NULL, NULL), 0);
    log_end();
}

static intptr_t reads_signal(void *arg)
{
    struct mr_signal sig = {0};

    CHECK_EQ_INT(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ_INT(mr_signal_wait(*(int *)arg, &sig, MR_NEVER), 0);
    CHECK_EQ_INT(sig.number, SIGUSR2);
    return 0;
}

static volatile sig_atomic_t handled;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static intptr_t raises(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(kill(getpid(), SIGUSR2), 0);
    return 0;
}

/* Who has plans for a signal keeps it. */
TEST(signals_of_the_program_stay_its_own)
{
    struct sigaction now;
    int fd;

    as_a_program();
    log_to_file();
    signal(SIGUSR2, handler);
    EQ_INT(mr_run(raises, NULL, NULL), 0);
    EQ_INT(handled, 1);
    signal(SIGUSR2, SIG_IGN);
    EQ_INT(mr_run(raises, NULL, NULL), 0);
    signal(SIGUSR2, SIG_DFL);
    fd = mr_signal_open(mr_signal_set(1, SIGUSR2));
    OK(fd >= 0);
    EQ_INT(mr_run(reads_signal, &fd, NULL), 0);
    EQ_INT(sigaction(SIGUSR2, NULL, &now), 0);
    OK(now.sa_handler == SIG_DFL);
    mr_signal_close(fd);
    EQ_STR(log_text(), "");
    log_end();
}

/* Each of them, in its thread, until all lists are there. */
enum { HUBS = 3 };
static unsigned hubs_up;

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

/* log_text has one buffer for all. */
static bool all_are_listed(void)
{
    unsigned n = 0;

    pthread_mutex_lock(&reading);
    for (int i = 0; i < HUBS; i++) {
        char pattern[64];

        snprintf(pattern, sizeof pattern, "'hub %d' parked", i);
        n += matches(log_text(), pattern) > 0;
    }
    pthread_mutex_unlock(&reading);
    return n == HUBS;
}

static intptr_t one_of_several(void *arg)
{
    static const char *const names[HUBS] = {"hub 0", "hub 1", "hub 2"};

    mr_coro_set_name(mr_coro_self(), names[(intptr_t)arg]);
    if (__atomic_add_fetch(&hubs_up, 1, __ATOMIC_SEQ_CST) == HUBS)
        mr_inspect_all();
    while (!all_are_listed())
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    return 0;
}

static intptr_t starts_it(void *arg)
{
    struct mr_coro *co = mr_spawn(one_of_several, arg);

    return co ? mr_join(co, NULL, MR_NEVER) : -ENOMEM;
}

static void *runs_a_hub(void *arg)
{
    CHECK_EQ_INT(mr_run(starts_it, arg, NULL), 0);
    return NULL;
}

TEST(all_hubs_of_a_process)
{
    pthread_t threads[HUBS];

    as_a_program();
    log_to_file();
    for (intptr_t i = 0; i < HUBS; i++)
        EQ_INT(pthread_create(&threads[i], NULL, runs_a_hub, (void *)i), 0);
    for (int i = 0; i < HUBS; i++)
        EQ_INT(pthread_join(threads[i], NULL), 0);
    log_end();
}

/* Lists are asked for, by signals too, while hubs begin and end. */
static bool enough;

static void *asks_for_lists(void *unused)
{
    while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
        mr_inspect_all();
        kill(getpid(), SIGUSR2);
        sched_yield();
    }
    return unused;
}

static intptr_t naps(void *unused)
{
    (void)unused;
    return mr_sleep(mr_now() + 100000);
}

static void *runs_hubs(void *rounds)
{
    for (long i = *(long *)rounds; i > 0; i--)
        CHECK_EQ_INT(mr_run(naps, NULL, NULL), 0);
    return NULL;
}

TEST(lists_while_hubs_come_and_go)
{
    pthread_t threads[HUBS], asker;
    long rounds = TEST_SCALE(100);
    struct mr_hub *hub;

    as_a_program();
    EQ_INT(mr_log_open("/dev/null"), 0);
    EQ_INT(mr_hub_new(&hub), 0); /* the signals are answered from now on */
    mr_hub_free(hub);
    EQ_INT(pthread_create(&asker, NULL, asks_for_lists, NULL), 0);
    for (int i = 0; i < HUBS; i++)
        EQ_INT(pthread_create(&threads[i], NULL, runs_hubs, &rounds), 0);
    for (int i = 0; i < HUBS; i++)
        EQ_INT(pthread_join(threads[i], NULL), 0);
    __atomic_store_n(&enough, true, __ATOMIC_RELAXED);
    EQ_INT(pthread_join(asker, NULL), 0);
    EQ_INT(mr_log_open(NULL), 0);
}

SUITE("list", list_tells_who_waits_for_what, list_follows_generators,
      list_from_within_a_chain, long_lists_are_folded, list_from_the_hubs_stack,
      places_of_pools_and_groups)
SUITE("list: faults", list_without_memory, hub_without_memory_for_its_slot)
SUITE("signals", usr2_writes_the_list_and_usr1_reopens,
      signals_of_the_program_stay_its_own, all_hubs_of_a_process,
      lists_while_hubs_come_and_go)
TEST_MAIN()
