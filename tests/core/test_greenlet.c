/* SPDX-License-Identifier: MIT */

/* test_greenlet.c - symmetric switches: values, parents, throw, trace. */
#include "core/greenlet.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/generator.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static char text[256];

static void put(const char *what)
{
    strncat(text, what, sizeof text - strlen(text) - 1);
}

/* --- to and fro --- */

static struct mr_coro *ping_, *pong_;

static intptr_t ping(void *arg)
{
    intptr_t v = 0;

    while (v >= 0 && v < 6) {
        put("A");
        v = mr_switch_to(pong_, v + 1);
    }
    return v < 0 ? v : (intptr_t)arg;
}

static intptr_t pong(void *unused)
{
    intptr_t v = 0;

    (void)unused;
    while (v >= 0) {
        put("B");
        v = mr_switch_to(ping_, v + 2);
    }
    return v;
}

TEST(greenlet_ping_pong)
{
    text[0] = '\0';
    EQ_INT(mr_greenlet_new(&ping_, ping, (void *)77), 0);
    EQ_INT(mr_greenlet_new(&pong_, pong, NULL), 0);
    EQ_STR(mr_coro_name(ping_), "ping");
    EQ_INT(mr_switch_to(ping_, 5), 77); /* its result comes to main */
    EQ_STR(text, "ABABAB");             /* v: 0, 2 (pong begins at 0), 5, 8 */
    OK(mr_coro_is_done(ping_));
    EQ_INT(mr_coro_state(pong_), MR_CORO_SUSPENDED);
    mr_greenlet_free(ping_);
    mr_greenlet_free(pong_); /* unwinds */
    mr_greenlet_free(NULL);
    EQ_INT(mr_stack_stats().taken, 0);
}

static intptr_t back_to_main(void *arg)
{
    struct mr_coro *main_ = arg;

    CHECK_EQ_INT(mr_coro_state(mr_coro_self()), MR_CORO_RUNNING);
    CHECK_EQ_INT(mr_switch_to(mr_coro_self(), 9), 9); /* to oneself */
    CHECK_EQ_INT(mr_switch_to(main_, 1), 11);
    CHECK_EQ_INT(mr_switch_to(NULL, 2), 12);
    CHECK_EQ_INT(mr_coro_suspend(3), 13); /* is the same */
    return 4;
}

TEST(greenlet_main)
{
    struct mr_coro *co;

    EQ_INT(mr_switch_to(NULL, 5), 5);
    EQ_INT(mr_switch_to(mr_coro_self(), 5), 5);
    EQ_INT(mr_greenlet_new(&co, back_to_main, mr_coro_self()), 0);
    EQ_INT(mr_switch_to(co, 10), 1);
    EQ_INT(mr_switch_to(co, 11), 2);
    EQ_INT(mr_switch_to(co, 12), 3);
    EQ_INT(mr_switch_to(co, 13), 4);
    EQ_INT(mr_switch_to(co, 14), 14); /* dead: lands in main at once */
    EQ_INT(mr_throw_to(co, -EIO), -EIO);
    mr_greenlet_free(co);
}

/* Resumed, it is a coroutine like others; main is whoever resumed it. */
static intptr_t goes_over(void *arg)
{
    return mr_switch_to(arg, 1) + 1000;
}

static intptr_t hands_up(void *unused)
{
    (void)unused;
    return mr_switch_to(NULL, 21) + 100;
}

TEST(greenlet_resumed)
{
    struct mr_coro *a, *b;
    intptr_t v = 0;

    EQ_INT(mr_coro_new(&b, hands_up, NULL, NULL), 0);
    EQ_INT(mr_coro_new(&a, goes_over, b, NULL), 0);
    EQ_INT(mr_coro_resume(a, 0, &v), 0);
    EQ_INT(v, 21); /* from b, which stepped in */
    EQ_INT(mr_coro_resume(b, 1, &v), 0);
    EQ_INT(v, 101);
    OK(mr_coro_is_done(b) && !mr_coro_is_done(a));
    EQ_INT(mr_switch_to(a, 2), 1002);
    mr_coro_free(a);
    mr_coro_free(b);
}

/* --- parents --- */

static intptr_t returns(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t makes_a_child(void *unused)
{
    struct mr_coro *child;
    intptr_t v;

    (void)unused;
    CHECK_EQ_INT(mr_greenlet_new(&child, returns, (void *)5), 0);
    CHECK_EQ_PTR(mr_greenlet_parent(child), mr_coro_self());
    v = mr_switch_to(child, 0); /* its end comes here */
    CHECK_EQ_INT(mr_switch_to(child, 6), 6);
    mr_greenlet_free(child);
    return v + 1;
}

TEST(greenlet_parents)
{
    struct mr_coro *a, *b, *c;

    EQ_INT(mr_greenlet_new(&a, makes_a_child, NULL), 0);
    EQ_PTR(mr_greenlet_parent(a), NULL);
    EQ_INT(mr_switch_to(a, 0), 6);
    mr_greenlet_free(a);

    /* A chain: the result goes to the first that lives, and starts it. */
    EQ_INT(mr_greenlet_new(&a, back_to_main, mr_coro_self()), 0);
    EQ_INT(mr_greenlet_new(&b, returns, (void *)2), 0);
    EQ_INT(mr_greenlet_new(&c, returns, (void *)3), 0);
    EQ_INT(mr_greenlet_set_parent(b, a), 0);
    EQ_INT(mr_greenlet_set_parent(c, b), 0);
    EQ_INT(mr_greenlet_set_parent(a, c), -ELOOP);
    EQ_INT(mr_greenlet_set_parent(a, a), -ELOOP);
    EQ_INT(mr_greenlet_set_parent(a, mr_coro_self()), 0); /* main */
    EQ_PTR(mr_greenlet_parent(a), NULL);
    EQ_INT(mr_switch_to(c, 0), 1); /* c ends, b is begun and ends, a is begun */
    OK(mr_coro_is_done(b) && mr_coro_is_done(c) && !mr_coro_is_done(a));
    EQ_INT(mr_switch_to(c, 11), 2); /* through two dead ones */
    mr_greenlet_free(c);
    mr_greenlet_free(b);
    EQ_INT(mr_switch_to(a, 12), 3);
    EQ_INT(mr_switch_to(a, 13), 4);
    mr_greenlet_free(a);
}

/* Its parent is busy: above it, as it resumed it. */
static intptr_t resumes_child(void *arg)
{
    struct mr_coro *child = arg;
    intptr_t v = 0;

    CHECK_EQ_INT(mr_greenlet_set_parent(child, mr_coro_self()), 0);
    CHECK_EQ_INT(mr_coro_resume(child, 0, &v), 0);
    return v * 2;
}

TEST(greenlet_parent_that_resumed_it)
{
    struct mr_coro *a, *b;

    EQ_INT(mr_greenlet_new(&b, returns, (void *)4), 0);
    EQ_INT(mr_greenlet_new(&a, resumes_child, b), 0);
    EQ_INT(mr_switch_to(a, 0), 8);
    mr_greenlet_free(b);
    mr_greenlet_free(a);
}

/* --- throw --- */

static intptr_t catches(void *unused)
{
    intptr_t v = mr_switch_to(NULL, 1);

    (void)unused;
    CHECK_EQ_INT(v, -EIO);
    v = mr_switch_to(NULL, 2);
    return v; /* the second is not caught */
}

TEST(greenlet_throw)
{
    struct mr_coro *co, *child;

    EQ_INT(mr_greenlet_new(&co, catches, NULL), 0);
    EQ_INT(mr_switch_to(co, 0), 1);
    EQ_INT(mr_throw_to(co, -EIO), 2);
    EQ_INT(mr_throw_to(co, -EPERM), -EPERM);
    OK(mr_coro_is_done(co));
    mr_greenlet_free(co);

    /* A new one dies unseen, and its parent gets the error. */
    EQ_INT(mr_greenlet_new(&co, catches, NULL), 0);
    EQ_INT(mr_greenlet_new(&child, returns, NULL), 0);
    EQ_INT(mr_greenlet_set_parent(child, co), 0);
    EQ_INT(mr_switch_to(co, 0), 1);
    EQ_INT(mr_throw_to(child, -EIO), 2);
    OK(mr_coro_is_done(child));
    EQ_INT(mr_greenlet_set_parent(child, NULL), 0); /* dead is no misuse */
    mr_greenlet_free(co);
    mr_greenlet_free(child);
}

TEST_DIES(greenlet_throw_of_no_error, "err >= 0")
{
    (void)mr_throw_to(NULL, 1);
}

/* --- trace --- */

static const char *name_of(const struct mr_coro *co)
{
    return mr_coro_name(co);
}

static void traces(enum mr_greenlet_event event, const struct mr_coro *from,
                   const struct mr_coro *to, intptr_t value, void *arg)
{
    char line[64];

    snprintf(line, sizeof line, "%s%s>%s=%d ",
             event == MR_GREENLET_THROW ? "!" : "", name_of(from), name_of(to),
             (int)value);
    put(line);
    ++*(int *)arg;
}

TEST(greenlet_trace)
{
    struct mr_coro *a, *b;
    int n = 0;

    text[0] = '\0';
    EQ_INT(mr_greenlet_new(&b, hands_up, NULL), 0);
    EQ_INT(mr_greenlet_new(&a, goes_over, b), 0);
    OK(mr_greenlet_trace(traces, &n) == NULL);
    EQ_INT(mr_switch_to(a, 7), 21);
    EQ_INT(mr_throw_to(b, -EIO), 100 - EIO);
    mr_greenlet_free(a);
    OK(mr_greenlet_trace(NULL, NULL) == traces);
    EQ_STR(text, "main>goes_over=7 goes_over>hands_up=1 hands_up>main=21 "
                 "!main>hands_up=-5 hands_up>main=95 "
                 "!main>goes_over=-125 goes_over>main=875 ");
    EQ_INT(n, 7);
    EQ_INT(mr_switch_to(b, 1), 1);
    EQ_INT(n, 7);
    mr_greenlet_free(b);
}

/* --- with generators, and in a hub --- */

/* A generator is a main of its own: what goes to its asker is a yield. */
static intptr_t yields_what_it_gets(struct mr_generator *g, void *arg)
{
    int err = 0;

    while (!err && !mr_coro_is_done(arg)) {
        int v = (int)mr_switch_to(arg, 1);

        err = mr_generator_yield(g, &v);
    }
    return err;
}

static intptr_t sums(void *arg)
{
    struct mr_generator *g = arg;
    intptr_t sum = 0;

    MR_FOR (int, v, g)
        sum = sum * 1000 + v;
    return sum;
}

TEST(greenlet_below_a_generator)
{
    struct mr_generator *g;
    struct mr_coro *co, *asker;

    EQ_INT(mr_greenlet_new(&co, hands_up, NULL), 0);
    EQ_INT(mr_generator_new(&g, yields_what_it_gets, co, sizeof(int)), 0);
    EQ_INT(mr_greenlet_new(&asker, sums, g), 0);
    EQ_INT(mr_switch_to(asker, 0), 21101);
    mr_greenlet_free(asker);
    mr_generator_free(g);
    mr_greenlet_free(co);
}

static intptr_t to_busy(void *arg)
{
    return mr_switch_to(arg, 1);
}

static intptr_t resumes(void *arg)
{
    struct mr_coro *co;
    intptr_t v = 0;

    (void)arg;
    CHECK_EQ_INT(mr_coro_new(&co, to_busy, mr_coro_self(), NULL), 0);
    CHECK_EQ_INT(mr_coro_resume(co, 0, &v), 0);
    mr_greenlet_free(co);
    return v;
}

static intptr_t switches_twice_up(void *arg)
{
    return mr_switch_to(arg, 1);
}

static intptr_t nests(void *unused)
{
    struct mr_generator *g;
    struct mr_coro *up;
    int v = 0;

    (void)unused;
    CHECK_EQ_INT(mr_greenlet_new(&up, switches_twice_up, mr_coro_self()), 0);
    CHECK_EQ_INT(mr_generator_new(&g, yields_what_it_gets, up, sizeof(int)), 0);
    CHECK_EQ_INT(mr_generator_next(g, &v), 1);
    mr_generator_free(g);
    mr_greenlet_free(up);
    return v;
}

TEST(greenlet_that_is_busy)
{
    struct mr_coro *co;

    /* Its own resumer is main: no error. */
    EQ_INT(mr_greenlet_new(&co, resumes, NULL), 0);
    EQ_INT(mr_switch_to(co, 0), 1);
    mr_greenlet_free(co);
    /* Two up, past a generator. */
    EQ_INT(mr_greenlet_new(&co, nests, NULL), 0);
    EQ_INT(mr_switch_to(co, 0), -EBUSY);
    mr_greenlet_free(co);
}

static intptr_t sleeps(void *arg)
{
    intptr_t v = 1;

    while (v > 0) {
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
        v = mr_switch_to(arg, v + 1);
    }
    return v;
}

static intptr_t enters(void *arg)
{
    return mr_switch_to(arg, 1);
}

IN_HUB(greenlet_parks)
{
    struct mr_coro *co, *other;
    intptr_t v;

    CHECK_EQ_INT(mr_greenlet_new(&co, sleeps, NULL), 0);
    other = mr_spawn(enters, co);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_PARKED);
    CHECK_EQ_INT(mr_switch_to(co, 1), -EBUSY);
    CHECK_EQ_INT(mr_join(other, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 2);
    CHECK_EQ_INT(mr_switch_to(co, 5), 6); /* now as a part of this errand */
    mr_greenlet_free(co);
    return 0;
}

IN_HUB_DIES(greenlet_switch_to_a_root, "is_root")
{
    return mr_switch_to(mr_spawn(enters, NULL), 1);
}

static intptr_t spawned;

static intptr_t switches_to_a_root(void *unused)
{
    (void)unused;
    return mr_switch_to((struct mr_coro *)spawned, 1);
}

IN_HUB_DIES(greenlet_switch_from_one_to_a_root, "!is_by_hand(to)")
{
    struct mr_coro *co;

    spawned = (intptr_t)mr_spawn(enters, NULL);
    CHECK_EQ_INT(mr_greenlet_new(&co, switches_to_a_root, NULL), 0);
    return mr_switch_to(co, 1);
}

TEST_DIES(greenlet_switch_to_a_generator, "is_generator(to)")
{
    struct mr_generator *g;
    struct mr_coro *co;

    EQ_INT(mr_greenlet_new(&co, hands_up, NULL), 0);
    EQ_INT(mr_generator_new(&g, yields_what_it_gets, co, sizeof(int)), 0);
    EQ_INT(mr_generator_next(g, NULL), 1);
    (void)mr_switch_to(g->co, 1);
}

static void *enters_from_elsewhere(void *co)
{
    (void)mr_switch_to(co, 1);
    return NULL;
}

TEST_DIES(greenlet_switch_from_another_thread, "home != &mr_thread")
{
    struct mr_coro *co;
    pthread_t thread;

    EQ_INT(mr_greenlet_new(&co, hands_up, NULL), 0);
    EQ_INT(pthread_create(&thread, NULL, enters_from_elsewhere, co), 0);
    pthread_join(thread, NULL);
}

static intptr_t never_unwinds(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        (void)mr_switch_to(NULL, 0);
    return 0;
}

TEST_DIES(greenlet_that_does_not_unwind, "co->state != MR_CORO_DONE")
{
    struct mr_coro *co;

    EQ_INT(mr_greenlet_new(&co, never_unwinds, NULL), 0);
    EQ_INT(mr_switch_to(co, 1), 0);
    mr_greenlet_free(co);
}

/* --- how it is printed --- */

TEST(coro_format)
{
    static const struct {
        size_t size;
        const char *want;
    } cases[] = {{64, "<coroutine f(5) #1>"}, {8, "<corout"}, {1, ""}};
    struct mr_coro_options o = {.name = "f(5)", .entry = "f"};
    struct mr_coro *co;
    char buf[64];

    EQ_INT(mr_coro_new(&co, returns, NULL, &o), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        EQ_INT(mr_coro_format(co, buf, cases[i].size), 19);
        EQ_STR(buf, cases[i].want);
    }
    mr_coro_format(mr_coro_self(), buf, sizeof buf);
    EQ_STR(buf, "<coroutine main #0>");
    mr_coro_free(co);
}

SUITE("greenlets", greenlet_ping_pong, greenlet_main, greenlet_resumed,
      greenlet_parents, greenlet_parent_that_resumed_it, greenlet_throw,
      greenlet_trace, greenlet_below_a_generator, greenlet_that_is_busy,
      greenlet_parks, coro_format)
SUITE("greenlets: misuse", greenlet_throw_of_no_error,
      greenlet_switch_to_a_root, greenlet_switch_from_one_to_a_root,
      greenlet_switch_to_a_generator, greenlet_that_does_not_unwind,
      greenlet_switch_from_another_thread)
TEST_MAIN()
