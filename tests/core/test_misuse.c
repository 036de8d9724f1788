/* SPDX-License-Identifier: MIT */

/*
 * test_misuse.c - coroutines that are null, dead, somebody else's: a BUG that
 * names them, also in release builds; and no memory, which is none.
 */
#include <errno.h>
#include <pthread.h>

#include "core/chan.h"
#include "core/generator.h"
#include "core/greenlet.h"
#include "core/group.h"
#include "core/link.h"
#include "core/sys.h"
#include "core/timer.h"
#include "core/together.h"
#include "tests/core/in_hub.h"

static struct mr_coro *co;
static struct mr_link link_;

static intptr_t victim(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t suspends(void *arg)
{
    (void)arg;
    return mr_coro_suspend(1);
}

/* What can be asked of a root, and of one made by hand. */
static void join_it(void)
{
    (void)!mr_join(co, NULL, MR_NEVER);
}
static void kill_it(void)
{
    (void)!mr_kill(co, MR_NEVER);
}
static void cancel_it(void)
{
    mr_cancel(co);
}
static void ref_it(void)
{
    mr_coro_ref(co);
}
static void unref_it(void)
{
    mr_coro_unref(co);
}
static void link_it(void)
{
    mr_link_init(&link_, NULL);
    mr_link(co, &link_);
}
static void iwait_it(void)
{
    mr_iter_free(mr_iwait(&co, 1, 0));
}
static void ask_it(void)
{
    (void)mr_coro_result(co, NULL);
}
static void resume_it(void)
{
    (void)!mr_coro_resume(co, 0, NULL);
}
static void switch_to_it(void)
{
    (void)mr_switch_to(co, 0);
}
static void free_it(void)
{
    mr_coro_free(co);
}

/* --- null --- */

#define NULL_DIES_OF(what)                   \
    IN_HUB_DIES(null_##what, "!co || !co->") \
    {                                        \
        what();                              \
        return 0;                            \
    }
NULL_DIES_OF(join_it)
NULL_DIES_OF(kill_it)
NULL_DIES_OF(cancel_it)
NULL_DIES_OF(ref_it)
NULL_DIES_OF(link_it)
NULL_DIES_OF(ask_it)

IN_HUB_DIES(null_resume_it, "!co || co->is_root")
{
    resume_it();
    return 0;
}

/* --- dead: joined by somebody, so the handle is gone --- */

#define DEAD_DIES(what)                                                  \
    IN_HUB_DIES(dead_##what, "coroutine 'victim' #1; coroutine 'first'") \
    {                                                                    \
        co = mr_spawn(victim, NULL);                                     \
        CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);                    \
        what();                                                          \
        return 0;                                                        \
    }
DEAD_DIES(join_it)
DEAD_DIES(kill_it)
DEAD_DIES(cancel_it)
DEAD_DIES(ref_it)
DEAD_DIES(unref_it)
DEAD_DIES(link_it)
DEAD_DIES(iwait_it)
DEAD_DIES(ask_it)

/* By hand: given back twice, or used after that. */
#define FREED_DIES(what)                                \
    TEST_DIES(freed_##what, "coroutine 'victim' #1")    \
    {                                                   \
        struct mr_coro_options o = {.entry = "victim"}; \
                                                        \
        EQ_INT(mr_coro_new(&co, victim, NULL, &o), 0);  \
        mr_coro_free(co);                               \
        what();                                         \
    }
FREED_DIES(free_it)
FREED_DIES(resume_it)
FREED_DIES(switch_to_it)

/* Dead but not given back: an answer, no BUG. */
TEST(done_is_told)
{
    EQ_INT(mr_coro_new(&co, victim, (void *)3, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), -ESRCH);
    EQ_INT(mr_switch_to(co, 5), 5); /* its parent is main */
    mr_coro_free(co);
}

/* --- another thread's --- */

static void (*does)(void);

static intptr_t does_it(void *unused)
{
    (void)unused;
    does();
    return 0;
}

static void *runs_a_hub(void *unused)
{
    (void)unused;
    (void)!mr_run(does_it, NULL, NULL);
    return NULL;
}

static void in_another_thread(void (*what)(void))
{
    pthread_t t;

    does = what;
    CHECK_EQ_INT(pthread_create(&t, NULL, runs_a_hub, NULL), 0);
    pthread_join(t, NULL);
}

#define FOREIGN_DIES(what)                                                  \
    IN_HUB_DIES(foreign_##what, "coroutine 'victim' #1; coroutine 'first'") \
    {                                                                       \
        co = mr_spawn(victim, NULL);                                        \
        in_another_thread(what);                                            \
        return 0;                                                           \
    }
FOREIGN_DIES(join_it)
FOREIGN_DIES(kill_it)
FOREIGN_DIES(cancel_it)
FOREIGN_DIES(ref_it)
FOREIGN_DIES(unref_it)
FOREIGN_DIES(link_it)
FOREIGN_DIES(iwait_it)
FOREIGN_DIES(ask_it)

#define FOREIGN_BY_HAND_DIES(what)                                \
    TEST_DIES(foreign_##what, "coroutine 'victim' #1; coroutine") \
    {                                                             \
        struct mr_coro_options o = {.entry = "victim"};           \
                                                                  \
        EQ_INT(mr_coro_new(&co, suspends, NULL, &o), 0);          \
        in_another_thread(what);                                  \
    }
FOREIGN_BY_HAND_DIES(resume_it)
FOREIGN_BY_HAND_DIES(free_it)
FOREIGN_BY_HAND_DIES(switch_to_it)

/* --- oneself --- */

static intptr_t waits_for_itself(void *unused)
{
    (void)unused;
    return mr_join(mr_coro_self(), NULL, MR_NEVER);
}

IN_HUB_DIES(joined_by_itself, "coroutine 'waits_for_itself' #1")
{
    return mr_join(mr_spawn(waits_for_itself, NULL), NULL, MR_NEVER);
}

/* A generator's body runs on its asker's errand. */
static intptr_t joins_its_asker(struct mr_generator *g, void *arg)
{
    (void)g;
    return mr_join(arg, NULL, MR_NEVER);
}

IN_HUB_DIES(joined_by_its_own_generator, "coroutine 'first' #0")
{
    struct mr_generator *g;

    CHECK_EQ_INT(mr_generator_new(&g, joins_its_asker, mr_coro_self(), 0), 0);
    return mr_generator_next(g, NULL);
}

/* --- no memory, no mappings: spawns fail, and all that runs goes on --- */

static intptr_t sends(void *arg)
{
    for (int i = 0; i < 100; i++) {
        if (mr_chan_send(arg, &i, mr_after_s(1000)) != 0)
            return -1;
    }
    mr_chan_close(arg);
    return 0;
}

static intptr_t receives(void *arg)
{
    int n, sum = 0;

    while (mr_chan_recv(arg, &n, MR_NEVER) == 0)
        sum += n;
    return sum;
}

/* Takes every cached stack, and more. */
static size_t spawn_until_none(struct mr_coro **cos, size_t max)
{
    size_t n = 0;

    while (n < max && (cos[n] = mr_spawn(victim, NULL)))
        n++;
    return n;
}

IN_HUB(no_memory_is_no_end)
{
    static const enum mr_sys_call calls[] = {MR_SYS_ALLOC, MR_SYS_MMAP};
    static struct mr_coro *cos[20000];

    for (size_t i = 0; i < MR_ARRAY_LEN(calls); i++) {
        struct mr_chan *ch = mr_chan_new(sizeof(int), 2);
        struct mr_coro *from = mr_spawn(sends, ch);
        struct mr_coro *to = mr_spawn(receives, ch);
        intptr_t v = 0;
        size_t n;

        CASE("call %zu", i);
        mr_yield();
        mr_sys_fault_always(calls[i], -ENOMEM);
        n = spawn_until_none(cos, MR_ARRAY_LEN(cos));
        CHECK_OK(n < MR_ARRAY_LEN(cos));
        CHECK_EQ_PTR(mr_spawn_later(victim, NULL, 0), NULL);
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
        CHECK_EQ_INT(mr_join(to, &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 4950);
        CHECK_EQ_INT(mr_join(from, &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 0);
        CHECK_EQ_INT(mr_kill_all(cos, n, MR_NEVER), 0);
        mr_sys_fault_clear();
        CHECK_EQ_INT(mr_join(mr_spawn(victim, NULL), NULL, MR_NEVER), 0);
        mr_chan_free(ch);
    }
    return 0;
}

SUITE("null", null_join_it, null_kill_it, null_cancel_it, null_ref_it,
      null_link_it, null_ask_it, null_resume_it)
SUITE("dead", dead_join_it, dead_kill_it, dead_cancel_it, dead_ref_it,
      dead_unref_it, dead_link_it, dead_iwait_it, dead_ask_it, freed_free_it,
      freed_resume_it, freed_switch_to_it, done_is_told)
SUITE("foreign", foreign_join_it, foreign_kill_it, foreign_cancel_it,
      foreign_ref_it, foreign_unref_it, foreign_link_it, foreign_iwait_it,
      foreign_ask_it, foreign_resume_it, foreign_free_it, foreign_switch_to_it)
SUITE("oneself", joined_by_itself, joined_by_its_own_generator)
SUITE("no memory", no_memory_is_no_end)
TEST_MAIN()
