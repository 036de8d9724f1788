/* SPDX-License-Identifier: MIT */

/* test_link.c - call me when it ends; results without a join. */
#include "core/link.h"

#include <errno.h>
#include <string.h>

#include "core/group.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static intptr_t returns(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t sleeps_on(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

/* What happened, a letter each. */
static char told[64];

static void tell(char c)
{
    size_t n = strlen(told);

    told[n] = c;
    told[n + 1] = '\0';
}

struct letter {
    struct mr_link link;
    char c;
    intptr_t result;
};

static void on_end(struct mr_link *link, struct mr_coro *co)
{
    struct letter *l = mr_container_of(link, struct letter, link);

    CHECK_OK(mr_coro_is_done(co));
    CHECK_OK(!mr_link_is_linked(link));
    CHECK_OK(mr_coro_result(co, &l->result));
    tell(l->c);
}

static void letter_init(struct letter *l, char c)
{
    mr_link_init(&l->link, on_end);
    l->c = c;
    l->result = 0;
}

/* --- results --- */

IN_HUB(result_without_a_join)
{
    static const struct {
        intptr_t result;
        int error;
    } cases[] = {{0, 0}, {7, 0}, {-EIO, -EIO}, {-4095, -4095}, {-4096, 0}};
    intptr_t v = 99;

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_coro *co = mr_spawn(returns, (void *)cases[i].result);

        CASE("%td", cases[i].result);
        CHECK_OK(!mr_coro_result(co, &v));
        CHECK_EQ_INT(v, i == 0 ? 99 : cases[i - 1].result);
        CHECK_EQ_INT(mr_coro_error(co), 0);
        mr_yield();
        CHECK_OK(mr_coro_result(co, &v));
        CHECK_OK(mr_coro_result(co, NULL));
        CHECK_EQ_INT(v, cases[i].result);
        CHECK_EQ_INT(mr_coro_error(co), cases[i].error);
        CHECK_EQ_INT(mr_join(co, NULL, 0), 0);
    }
    return 0;
}

IN_HUB(result_of_one_that_never_ran)
{
    struct mr_coro *co = mr_spawn(returns, (void *)7);

    mr_cancel(co);
    mr_yield();
    CHECK_EQ_INT(mr_coro_error(co), -ECANCELED);
    return 0;
}

/* --- links --- */

static intptr_t joins(void *arg)
{
    CHECK_EQ_INT(mr_join(arg, NULL, MR_NEVER), 0);
    tell('j');
    return 0;
}

static intptr_t says_yes(void *unused)
{
    (void)unused;
    tell('y');
    return 0;
}

static intptr_t returns_later(void *arg)
{
    mr_yield();
    return (intptr_t)arg;
}

/* In their order, before the joiner, and before those that were READY. */
IN_HUB(link_is_called_right_after_the_end)
{
    struct mr_coro *co = mr_spawn(returns_later, (void *)5);
    struct letter l[3];

    for (int i = 0; i < 3; i++) {
        letter_init(&l[i], (char)('a' + i));
        mr_link(co, &l[i].link);
        CHECK_OK(mr_link_is_linked(&l[i].link));
    }
    CHECK_OK(mr_spawn(joins, co) != NULL);
    mr_yield();
    CHECK_OK(mr_spawn(says_yes, NULL) != NULL);
    mr_yield();
    mr_yield();
    CHECK_EQ_STR(told, "abcyj");
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(l[i].result, 5);
    return 0;
}

IN_HUB(link_to_the_dead_is_called_later)
{
    struct mr_coro *co = mr_spawn(returns, (void *)6);
    struct letter l;

    mr_yield();
    CHECK_OK(mr_coro_is_done(co));
    letter_init(&l, 'd');
    mr_link(co, &l.link);
    CHECK_EQ_STR(told, "");                /* not in this turn */
    CHECK_EQ_INT(mr_join(co, NULL, 0), 0); /* the link keeps it */
    CHECK_OK(mr_spawn(says_yes, NULL) != NULL);
    mr_yield();
    CHECK_EQ_STR(told, "dy");
    CHECK_EQ_INT(l.result, 6);
    CHECK_EQ_INT(mr_stack_stats().taken, 2);
    return 0;
}

IN_HUB(link_taken_out)
{
    struct mr_coro *co = mr_spawn(returns, NULL);
    struct letter l[3];

    for (int i = 0; i < 3; i++) {
        letter_init(&l[i], (char)('a' + i));
        mr_unlink(&l[i].link); /* does nothing */
        mr_link(co, &l[i].link);
    }
    mr_unlink(&l[1].link);
    mr_unlink(&l[1].link);
    mr_yield();
    CHECK_EQ_STR(told, "ac");
    mr_link(co, &l[1].link); /* when due */
    mr_unlink(&l[1].link);
    mr_yield();
    CHECK_EQ_STR(told, "ac");
    mr_link(co, &l[1].link); /* and again */
    mr_yield();
    CHECK_EQ_STR(told, "acb");
    return 0;
}

/* Also of those who never ran, who are reaped, and who are closed. */
IN_HUB(link_to_any_end)
{
    struct mr_spawn_options reap = {.entry = "returns", .reap = true};
    struct mr_coro *co = mr_spawn(returns, NULL);
    struct letter l[4];
    struct mr_group g;

    for (int i = 0; i < 4; i++)
        letter_init(&l[i], (char)('a' + i));
    mr_link(co, &l[0].link);
    mr_cancel(co);
    mr_link(mr_spawn_with(returns, (void *)2, &reap), &l[1].link);
    mr_yield();
    CHECK_EQ_STR(told, "ab");
    CHECK_EQ_INT(l[0].result, -ECANCELED);
    CHECK_EQ_INT(l[1].result, 2);
    mr_group_init(&g);
    mr_link(mr_group_spawn(&g, sleeps_on, NULL), &l[2].link);
    mr_link(mr_group_spawn(&g, sleeps_on, NULL), &l[3].link);
    mr_yield();
    mr_group_close(&g);
    CHECK_EQ_STR(told, "abcd");
    return 0;
}

/* What a link may do: spawn, link to the dead anew, unlink its neighbour. */
static struct letter neighbour;
static int rounds;

static void does_things(struct mr_link *link, struct mr_coro *co)
{
    if (rounds == 0)
        mr_unlink(&neighbour.link);
    CHECK_OK(mr_spawn_with(says_yes, NULL,
                           &(struct mr_spawn_options){.reap = true}) != NULL);
    if (++rounds < 3)
        mr_link(co, link);
}

IN_HUB(link_may_do_things)
{
    struct mr_coro *co = mr_spawn(returns, NULL);
    struct mr_link link;

    mr_link_init(&link, does_things);
    mr_link(co, &link);
    letter_init(&neighbour, 'n');
    mr_link(co, &neighbour.link);
    while (strlen(told) < 3)
        CHECK_EQ_INT(mr_idle(MR_NEVER), 0);
    CHECK_EQ_INT(rounds, 3);
    CHECK_EQ_STR(told, "yyy");
    return 0;
}

static void parks(struct mr_link *link, struct mr_coro *co)
{
    (void)link;
    (void)co;
    (void)!mr_sleep_ms(1);
}

/* Made in a hook: it has the hub's next turn, before anybody READY. */
struct posted {
    struct mr_hub_post post;
    struct letter l;
    struct mr_coro *dead;
    uint64_t switches; /* so far, when it was linked */
};

static void on_end_at_once(struct mr_link *link, struct mr_coro *co)
{
    struct posted *p = mr_container_of(link, struct posted, l.link);

    CHECK_EQ_INT(mr_hub_stats(mr_hub_self()).switches, p->switches);
    on_end(link, co);
}

static void links_dead(struct mr_hub_post *post)
{
    struct posted *p = mr_container_of(post, struct posted, post);

    p->switches = mr_hub_stats(mr_hub_self()).switches;
    mr_link(p->dead, &p->l.link);
}

IN_HUB(link_from_a_hook_to_the_dead)
{
    struct posted p = {.post.fn = links_dead};

    p.dead = mr_spawn(returns, NULL);
    mr_yield();
    letter_init(&p.l, 'a');
    p.l.link.fn = on_end_at_once;
    mr_hub_post(mr_hub_self(), &p.post);
    while (!told[0])
        mr_yield(); /* somebody is READY when it is posted */
    CHECK_EQ_STR(told, "a");
    return 0;
}

IN_HUB_DIES(link_may_not_park, "coroutine 'main'")
{
    struct mr_link link;

    mr_link_init(&link, parks);
    mr_link(mr_spawn(returns, NULL), &link);
    return mr_yield();
}

IN_HUB_DIES(link_linked_twice, "link->co != ")
{
    struct mr_coro *co = mr_spawn(returns, NULL);
    struct mr_link link;

    mr_link_init(&link, parks);
    mr_link(co, &link);
    mr_link(co, &link);
    return 0;
}

/* To the last one of all: called before mr_run returns, and what it spawns is
 * refused, as nobody would wait for it. */
static struct letter last;

static void spawns_too_late(struct mr_link *link, struct mr_coro *co)
{
    on_end(link, co);
    CHECK_EQ_PTR(mr_spawn(returns, NULL), NULL);
}

static intptr_t links_to_itself(void *unused)
{
    (void)unused;
    letter_init(&last, 'z');
    last.link.fn = spawns_too_late;
    mr_link(mr_coro_self(), &last.link);
    return 4;
}

TEST(link_to_the_first_errand)
{
    struct mr_hub *hub;

    EQ_INT(mr_hub_new(&hub), 0);
    for (int i = 0; i < 2; i++) {
        EQ_INT(mr_hub_run(hub, links_to_itself, NULL, NULL), 0);
        EQ_INT(mr_stack_stats().taken, 0);
    }
    EQ_STR(told, "zz");
    mr_hub_free(hub);
}

/* --- into an async result --- */

IN_HUB(link_into_an_async)
{
    static const intptr_t results[] = {42, -EIO};

    for (size_t i = 0; i < MR_ARRAY_LEN(results); i++) {
        struct mr_async a;
        struct mr_async_link al;
        intptr_t v = 0;

        CASE("%td", results[i]);
        mr_async_init(&a);
        mr_link_async(mr_spawn(returns, (void *)results[i]), &al, &a);
        CHECK_OK(!mr_async_is_set(&a));
        CHECK_EQ_INT(mr_async_get(&a, &v, MR_NEVER), i == 0 ? 0 : -EIO);
        CHECK_EQ_INT(v, i == 0 ? 42 : 0);
    }
    return 0;
}

SUITE("results", result_without_a_join, result_of_one_that_never_ran)
SUITE("links", link_is_called_right_after_the_end,
      link_to_the_dead_is_called_later, link_from_a_hook_to_the_dead,
      link_taken_out, link_to_any_end, link_may_do_things, link_may_not_park,
      link_linked_twice, link_to_the_first_errand, link_into_an_async)
TEST_MAIN()
