/* SPDX-License-Identifier: MIT */

/* test_coro.c - coroutines that are resumed by hand, without a hub. */
#include "core/coro.h"

#include <errno.h>

#include "core/hub.h"
#include "core/stack.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/test.h"

static intptr_t count(void *arg)
{
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        mr_coro_suspend(i);
    return 99;
}

TEST(coro_hands_values_out)
{
    struct mr_coro *co;
    intptr_t v = -1;

    EQ_INT(mr_coro_new(&co, count, (void *)3, NULL), 0);
    EQ_INT(mr_coro_state(co), MR_CORO_NEW);
    for (intptr_t i = 0; i < 3; i++) {
        EQ_INT(mr_coro_resume(co, 0, &v), 0);
        EQ_INT(v, i);
        EQ_INT(mr_coro_state(co), MR_CORO_SUSPENDED);
    }
    EQ_INT(mr_coro_resume(co, 0, &v), 0);
    EQ_INT(v, 99);
    OK(mr_coro_is_done(co));
    v = 5;
    EQ_INT(mr_coro_resume(co, 0, &v), -ESRCH);
    EQ_INT(v, 5); /* written only on success */
    mr_coro_free(co);
    EQ_INT(mr_stack_stats().taken, 0);
}

static intptr_t sum(void *unused)
{
    intptr_t total = 0, v;

    (void)unused;
    while ((v = mr_coro_suspend(total)) != 0)
        total += v;
    return -total;
}

TEST(coro_takes_values_in)
{
    struct mr_coro *co;
    intptr_t v;

    EQ_INT(mr_coro_new(&co, sum, NULL, NULL), 0);
    EQ_INT(mr_coro_resume(co, 1000, &v), 0); /* nobody takes the first */
    EQ_INT(v, 0);
    EQ_INT(mr_coro_resume(co, 3, &v), 0);
    EQ_INT(v, 3);
    EQ_INT(mr_coro_resume(co, 4, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, &v), 0);
    EQ_INT(v, -7);
    mr_coro_free(co);
}

/* Squares of what the inner one gives: each resumes its own source. */
static intptr_t squares(void *arg)
{
    struct mr_coro *inner = arg;
    intptr_t v;

    CHECK_EQ_INT(mr_coro_state(mr_coro_self()), MR_CORO_RUNNING);
    while (mr_coro_resume(inner, 0, &v) == 0 && !mr_coro_is_done(inner))
        mr_coro_suspend(v * v);
    return -1;
}

TEST(coro_nests)
{
    struct mr_coro *inner, *outer;
    intptr_t v;

    EQ_INT(mr_coro_new(&inner, count, (void *)4, NULL), 0);
    EQ_INT(mr_coro_new(&outer, squares, inner, NULL), 0);
    for (intptr_t i = 0; i < 4; i++) {
        EQ_INT(mr_coro_resume(outer, 0, &v), 0);
        EQ_INT(v, i * i);
    }
    EQ_INT(mr_coro_resume(outer, 0, &v), 0);
    EQ_INT(v, -1);
    mr_coro_free(outer);
    mr_coro_free(inner);
}

struct chain {
    struct mr_coro *outer;
    struct mr_coro *inner;
};

static intptr_t resumes_its_resumer(void *arg)
{
    struct chain *c = arg;

    CHECK_EQ_INT(mr_coro_state(c->outer), MR_CORO_RESUMING);
    CHECK_EQ_INT(mr_coro_resume(c->outer, 0, NULL), -EBUSY);
    CHECK_EQ_INT(mr_coro_resume(mr_coro_self(), 0, NULL), -EBUSY);
    return 0;
}

static intptr_t resumes_inner(void *arg)
{
    struct chain *c = arg;

    CHECK_EQ_INT(mr_coro_resume(c->inner, 0, NULL), 0);
    return 0;
}

TEST(coro_up_the_chain_is_busy)
{
    struct chain c;

    EQ_INT(mr_coro_new(&c.outer, resumes_inner, &c, NULL), 0);
    EQ_INT(mr_coro_new(&c.inner, resumes_its_resumer, &c, NULL), 0);
    EQ_INT(mr_coro_resume(c.outer, 0, NULL), 0);
    OK(mr_coro_is_done(c.outer) && mr_coro_is_done(c.inner));
    mr_coro_free(c.outer);
    mr_coro_free(c.inner);
}

/* --- inside a hub --- */

static intptr_t parks_inside(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_coro_suspend(1);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    return 2;
}

static intptr_t drives(void *arg)
{
    intptr_t v = 0;

    CHECK_EQ_INT(mr_coro_resume(arg, 0, &v), 0);
    return v;
}

/* A generator that parks takes its whole errand along; meanwhile it is busy
 * for others, and another errand may take it over afterwards. */
static intptr_t parking_generator(void *unused)
{
    struct mr_coro *gen, *a, *b;
    intptr_t v = 0;

    (void)unused;
    CHECK_EQ_INT(mr_coro_new(&gen, parks_inside, NULL, NULL), 0);
    a = mr_spawn(drives, gen);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_coro_state(gen), MR_CORO_PARKED);
    CHECK_EQ_INT(mr_coro_state(a), MR_CORO_PARKED);
    CHECK_EQ_STR(mr_coro_why(a), "sleep");
    CHECK_EQ_INT(mr_coro_resume(gen, 0, &v), -EBUSY);
    CHECK_EQ_INT(mr_join(a, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 1);
    b = mr_spawn(drives, gen);
    CHECK_EQ_INT(mr_join(b, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 2);
    mr_coro_free(gen);
    return 0;
}

TEST(coro_that_parks_takes_its_errand_along)
{
    EQ_INT(mr_run(parking_generator, NULL, NULL), 0);
}

/* --- facts --- */

static intptr_t looks_at_itself(void *arg)
{
    struct mr_coro **me = arg;

    CHECK_EQ_PTR(mr_coro_self(), *me);
    CHECK_EQ_STR(mr_coro_why(*me), "");
    return 0;
}

TEST(coro_facts)
{
    struct mr_coro_options o = {.name = "n", .entry = "e", .stack_size = 16384};
    struct mr_coro *co, *second;

    EQ_STR(mr_coro_name(mr_coro_self()), "main");
    EQ_INT(mr_coro_stack_size(mr_coro_self()), 0);
    EQ_INT(mr_coro_new(&co, looks_at_itself, &co, &o), 0);
    EQ_INT(mr_coro_new(&second, looks_at_itself, &second, NULL), 0);
    EQ_STR(mr_coro_name(co), "n");
    mr_coro_set_name(co, NULL);
    EQ_STR(mr_coro_name(co), "e");
    EQ_STR(mr_coro_entry(co), "e");
    EQ_STR(mr_coro_name(second), "coroutine");
    EQ_STR(mr_coro_entry(second), "");
    OK(mr_coro_id(second) > mr_coro_id(co));
    EQ_INT(mr_coro_stack_size(co), 16384);
    EQ_INT(mr_coro_stack_size(second), 65536);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    OK(mr_coro_stack_used(co) > 0 && mr_coro_stack_used(co) <= 16384);
    mr_coro_free(co);
    mr_coro_free(second); /* never run: may be dropped */
    mr_coro_free(NULL);
}

TEST(coro_state_names)
{
    static const char *const names[] = {
        "new", "ready", "running", "resuming", "suspended", "parked", "done"};

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++)
        EQ_STR(mr_coro_state_name((enum mr_coro_state)i), names[i]);
    EQ_STR(mr_coro_state_name((enum mr_coro_state)99), "?");
}

TEST(coro_new_fails_politely)
{
    struct mr_coro_options o = {.stack_size = MR_STACK_MAX + 1};
    struct mr_coro *co = NULL;

    EQ_INT(mr_coro_new(&co, count, NULL, &o), -EINVAL);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    EQ_INT(mr_coro_new(&co, count, NULL, NULL), -ENOMEM);
    mr_sys_fault_clear();
    mr_sys_fault_always(MR_SYS_MMAP, -ENOMEM);
    EQ_INT(mr_coro_new(&co, count, NULL, NULL), -ENOMEM);
    mr_sys_fault_clear();
    EQ_PTR(co, NULL);
    EQ_INT(mr_coro_new(&co, count, NULL, NULL), 0);
    mr_coro_free(co);
}

/* --- misuse --- */

TEST_DIES(coro_free_of_a_live_one, "co->state != MR_CORO_NEW")
{
    struct mr_coro *co;

    EQ_INT(mr_coro_new(&co, count, (void *)3, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    mr_coro_free(co);
}

TEST_DIES(coro_suspend_on_a_thread, "self->is_root || !self->stack")
{
    mr_coro_suspend(0);
}

static intptr_t resumes_a_root(void *unused)
{
    (void)unused;
    (void)!mr_coro_resume(mr_spawn(count, NULL), 0, NULL);
    return 0;
}

TEST_DIES(coro_resume_of_a_root, "co->is_root")
{
    (void)!mr_run(resumes_a_root, NULL, NULL);
}

static intptr_t suspends_root(void *unused)
{
    (void)unused;
    return mr_coro_suspend(1);
}

TEST_DIES(coro_suspend_in_a_root, "coroutine 'first'")
{
    (void)!mr_run(suspends_root, NULL, NULL);
}

static intptr_t parks(void *unused)
{
    (void)unused;
    return mr_sleep_ms(1);
}

/* Without a hub there is nothing to wait with. */
TEST_DIES(coro_park_without_a_hub, "!mr_thread.hub")
{
    struct mr_coro *co;

    EQ_INT(mr_coro_new(&co, parks, NULL, NULL), 0);
    (void)!mr_coro_resume(co, 0, NULL);
}

SUITE("coroutines", coro_hands_values_out, coro_takes_values_in, coro_nests,
      coro_up_the_chain_is_busy, coro_that_parks_takes_its_errand_along,
      coro_facts, coro_state_names, coro_new_fails_politely)
SUITE("coroutines: misuse", coro_free_of_a_live_one, coro_suspend_on_a_thread,
      coro_resume_of_a_root, coro_suspend_in_a_root, coro_park_without_a_hub)
TEST_MAIN()
