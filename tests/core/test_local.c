/* SPDX-License-Identifier: MIT */

/* test_local.c - variables of which every errand has its own. */
#include "core/local.h"

#include <errno.h>
#include <stdlib.h>

#include "core/generator.h"
#include "core/greenlet.h"
#include "core/group.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

MR_LOCAL(int, number)

/* What was destroyed, in order. */
static char gone[64];
static size_t n_gone;

static void note(char c)
{
    gone[n_gone++] = c;
    gone[n_gone] = '\0';
}

static void end_letter(char *c)
{
    note(*c);
}

MR_LOCAL_WITH(char, first, end_letter)
MR_LOCAL_WITH(char, second, end_letter)
MR_LOCAL_WITH(char, third, end_letter)

static intptr_t has_letters(void *unused)
{
    (void)unused;
    *first() = 'a';
    *second() = 'b';
    *third() = 'c';
    return 0;
}

/* --- whose --- */

static intptr_t counts(void *arg)
{
    CHECK_EQ_PTR(mr_local_peek(&number_local), NULL);
    CHECK_EQ_INT(*number(), 0);
    for (int i = 0; i < 10; i++) {
        *number() += (int)(intptr_t)arg;
        mr_yield();
    }
    return *number();
}

IN_HUB(local_is_the_errands)
{
    struct mr_coro *co[5];
    intptr_t v;

    *number() = 1000;
    for (intptr_t i = 0; i < 5; i++)
        co[i] = mr_spawn(counts, (void *)i);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(mr_join(co[i], &v, MR_NEVER), 0);
        CHECK_EQ_INT(v, 10 * i);
    }
    CHECK_EQ_INT(*number(), 1000);
    return 0;
}

static intptr_t yields_number(struct mr_generator *g, void *unused)
{
    (void)unused;
    for (int err = 0; !err; ++*number())
        err = mr_generator_yield(g, number());
    return 0;
}

static intptr_t changes_number(void *unused)
{
    (void)unused;
    return *number() += 100;
}

IN_HUB(local_is_seen_by_generators_and_greenlets)
{
    struct mr_generator *g;
    struct mr_coro *gr;
    int v = 0;

    *number() = 7;
    CHECK_EQ_INT(mr_generator_new(&g, yields_number, NULL, sizeof(int)), 0);
    CHECK_EQ_INT(mr_generator_next(g, &v), 1);
    CHECK_EQ_INT(v, 7);
    CHECK_EQ_INT(mr_generator_next(g, &v), 1);
    CHECK_EQ_INT(*number(), 8);
    mr_generator_free(g);
    CHECK_EQ_INT(mr_greenlet_new(&gr, changes_number, NULL), 0);
    CHECK_EQ_INT(mr_switch_to(gr, 0), 109);
    mr_greenlet_free(gr);
    CHECK_EQ_INT(*number(), 109);
    return 0;
}

/* A generator sees those of whoever asks it. */
static intptr_t asks(void *arg)
{
    int v = 0;

    *number() = 50;
    CHECK_EQ_INT(mr_generator_next(arg, &v), 1);
    return v;
}

IN_HUB(local_is_the_askers)
{
    struct mr_generator *g;
    intptr_t v;
    int mine;

    CHECK_EQ_INT(mr_generator_new(&g, yields_number, NULL, sizeof(int)), 0);
    CHECK_EQ_INT(mr_generator_next(g, &mine), 1);
    CHECK_EQ_INT(mr_join(mr_spawn(asks, g), &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 51);
    mr_generator_free(g);
    return 0;
}

/* --- the end --- */

static intptr_t sleeps_with_letters(void *unused)
{
    (void)has_letters(unused);
    return mr_sleep(MR_NEVER);
}

IN_HUB(local_is_destroyed_newest_first)
{
    struct mr_coro *co = mr_spawn(has_letters, NULL);

    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_STR(gone, "cba");
    co = mr_spawn(sleeps_with_letters, NULL);
    mr_yield();
    CHECK_EQ_STR(gone, "cba");
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_STR(gone, "cbacba");
    return 0;
}

static intptr_t child(void *unused)
{
    (void)unused;
    (void)!mr_sleep(MR_NEVER);
    note('k');
    return 0;
}

static intptr_t has_letters_and_a_child(void *unused)
{
    CHECK_OK(mr_spawn(child, NULL) != NULL);
    mr_yield();
    return has_letters(unused);
}

IN_HUB(local_outlives_the_children)
{
    CHECK_EQ_INT(
        mr_join(mr_spawn(has_letters_and_a_child, NULL), NULL, MR_NEVER), 0);
    CHECK_EQ_STR(gone, "kcba");
    return 0;
}

/* A destructor that waits, spawns, and makes another value. */
static void end_slowly(int *left)
{
    note('s');
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_OK(mr_spawn(child, NULL) != NULL);
    mr_yield();
    *first() = 'z';
    ++*left;
}
MR_LOCAL_WITH(int, slow, end_slowly)

static intptr_t is_slow(void *unused)
{
    (void)unused;
    CHECK_OK(slow() != NULL);
    return mr_sleep(MR_NEVER);
}

IN_HUB(local_destructor_may_do_anything)
{
    struct mr_coro *co = mr_spawn(is_slow, NULL);
    intptr_t v;

    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_EQ_STR(gone, "szk");
    return 0;
}

IN_HUB(local_dropped_by_hand)
{
    (void)has_letters(NULL);
    mr_local_drop(&second_local);
    CHECK_EQ_STR(gone, "b");
    mr_local_drop(&second_local);
    CHECK_EQ_STR(gone, "b");
    CHECK_EQ_PTR(mr_local_peek(&second_local), NULL);
    CHECK_EQ_INT(*first(), 'a');
    mr_local_clear();
    CHECK_EQ_STR(gone, "bca");
    mr_local_clear();
    CHECK_EQ_INT(*second(), 0); /* anew */
    *second() = 'B';
    return 0;
}

/* --- without a hub; without memory --- */

TEST(local_of_a_thread)
{
    struct mr_generator *g;
    int v = 0;

    *number() = 3;
    *first() = 'm';
    EQ_INT(mr_generator_new(&g, yields_number, NULL, sizeof(int)), 0);
    EQ_INT(mr_generator_next(g, &v), 1);
    EQ_INT(v, 3);
    mr_generator_free(g);
    mr_local_clear();
    EQ_STR(gone, "m");
    EQ_PTR(mr_local_peek(&number_local), NULL);
}

IN_HUB(local_out_of_memory)
{
    static const struct mr_local huge = {SIZE_MAX, NULL};

    CHECK_EQ_PTR(mr_local_get(&huge), NULL);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    CHECK_EQ_PTR(number(), NULL);
    CHECK_EQ_PTR(mr_local_peek(&number_local), NULL);
    mr_sys_fault_clear();
    CHECK_EQ_INT(*number(), 0);
    return 0;
}

/* --- many, against an array: the seed is printed --- */

#define KEYS 8

static int model[KEYS], destroyed[KEYS];

static void end_counted(void *value)
{
    ++destroyed[*(int *)value % KEYS];
}

static intptr_t uses_many(void *arg)
{
    static struct mr_local keys[KEYS];
    unsigned seed = (unsigned)(uintptr_t)arg;
    int want[KEYS] = {0}, *v;

    CASE("seed %u", seed);
    for (long n = TEST_SCALE(5000); n > 0; n--) {
        int i = rand_r(&seed) % KEYS, what = rand_r(&seed) % 4;

        keys[i] = (struct mr_local){sizeof(int), end_counted};
        if (what == 0) {
            mr_local_drop(&keys[i]);
            model[i] += want[i] > 0;
            want[i] = 0;
        } else if (what == 1) {
            v = mr_local_peek(&keys[i]);
            CHECK_EQ_INT(v ? *v : 0, want[i]);
        } else {
            v = mr_local_get(&keys[i]);
            CHECK_EQ_INT(*v, want[i]);
            want[i] = *v = i + KEYS * (1 + rand_r(&seed) % 1000);
        }
        if (n % 16 == 0)
            mr_yield();
    }
    for (int i = 0; i < KEYS; i++)
        model[i] += want[i] > 0;
    return 0;
}

IN_HUB(local_model)
{
    struct mr_group g;

    mr_group_init(&g);
    for (uintptr_t i = 1; i <= 4; i++)
        CHECK_OK(mr_group_spawn(&g, uses_many, (void *)(i * 17)) != NULL);
    CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
    mr_group_close(&g);
    CHECK_EQ_MEM(destroyed, sizeof destroyed, model, sizeof model);
    return 0;
}

SUITE("locals", local_is_the_errands, local_is_seen_by_generators_and_greenlets,
      local_is_the_askers, local_is_destroyed_newest_first,
      local_outlives_the_children, local_destructor_may_do_anything,
      local_dropped_by_hand, local_of_a_thread, local_out_of_memory,
      local_model)
TEST_MAIN()
