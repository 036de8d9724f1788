/* SPDX-License-Identifier: MIT */

/* test_section.c - sections that must not switch. */
#include "core/section.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/chan.h"
#include "core/generator.h"
#include "core/group.h"
#include "core/link.h"
#include "core/sync.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static bool linked_first;
static int others;

static intptr_t notes(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static int leaves_by_return(void)
{
    MR_NO_SWITCH
    {
        MR_NO_SWITCH
        {
            return 1;
        }
    }
    return 0;
}

static intptr_t counts(struct mr_generator *g, void *arg)
{
    int rc = 0;

    (void)arg;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = mr_generator_yield(g, &i);
    return rc;
}

/* What does not switch is allowed; and afterwards all is as before. */
IN_HUB(sections_that_hold)
{
    struct mr_generator *g;
    struct mr_mutex m;
    int ran = 0, rounds = 0, v, file = open(".", O_RDONLY);

    mr_mutex_init(&m);
    CHECK_EQ_INT(mr_generator_new(&g, counts, NULL, sizeof v), 0);
    MR_NO_SWITCH
    {
        rounds++;
        MR_NO_SWITCH
        {
            rounds++;
            break;
        }
        CHECK_OK(mr_spawn(notes, &ran) != NULL);
        CHECK_EQ_INT(mr_mutex_lock(&m, MR_NEVER), 0); /* is free */
        mr_mutex_unlock(&m);
        CHECK_EQ_INT(mr_generator_next(g, &v), 1);
        CHECK_EQ_INT(mr_hub_wait_fd(file, MR_READABLE, MR_NEVER), 0);
        CHECK_EQ_INT(ran, 0);
    }
    CHECK_EQ_INT(rounds, 2);
    CHECK_EQ_INT(leaves_by_return(), 1);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(ran, 1);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_hub_forget(file);
    close(file);
    mr_generator_free(g);
    return 0;
}

static void notes_end(struct mr_link *unused, struct mr_coro *co)
{
    (void)unused;
    CHECK_OK(mr_coro_is_done(co));
    linked_first = others == 0;
}

static intptr_t is_other(void *unused)
{
    (void)unused;
    others++;
    return 0;
}

/* A link to the dead is due when the thread is given up, in a section or not:
 * before anybody else runs. */
IN_HUB(section_with_a_link_to_the_dead)
{
    struct mr_coro *dead = mr_spawn(is_other, NULL);
    struct mr_link link;

    mr_yield();
    others = 0;
    CHECK_OK(mr_spawn(is_other, NULL) != NULL);
    mr_link_init(&link, notes_end);
    MR_NO_SWITCH
    {
        mr_link(dead, &link);
    }
    mr_yield();
    CHECK_OK(linked_first);
    CHECK_EQ_INT(others, 1);
    return 0;
}

static bool stop;

static intptr_t yields(void *arg)
{
    (void)arg;
    while (!stop)
        mr_yield();
    return 0;
}

/* However often they are entered, the kernel is asked at least as often. */
IN_HUB(sections_keep_the_slice)
{
    uint64_t before = mr_hub_stats(mr_hub_self()).polls;
    struct mr_coro *co = mr_spawn(yields, NULL);

    for (int i = 0; i < 1000; i++) {
        MR_NO_SWITCH
        {
            CHECK_OK(co != NULL);
        }
        mr_yield();
    }
    stop = true;
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_OK(mr_hub_stats(mr_hub_self()).polls - before < 500);
    return 0;
}

TEST(section_without_a_hub)
{
    int rounds = 0;

    MR_NO_SWITCH
    {
        MR_NO_SWITCH rounds++;
    }
    EQ_INT(rounds, 1);
}

#define WORDS                                             \
    "in a section that must not switch, which begins at " \
    "tests/core/test_section.c:"

static struct mr_section open_here = {.where = "here:7"};

/* All that a report says. */
IN_HUB_DIES(section_with_a_yield,
            ": a yield in a section that must not switch, which begins at "
            "here:7; coroutine 'clumsy' #0, ")
{
    mr_coro_set_name(mr_coro_self(), "clumsy");
    mr_section_enter(&open_here);
    return mr_yield();
}

static int far_below(int depth)
{
    return depth > 0 ? far_below(depth - 1) : mr_sleep_ms(1);
}

IN_HUB_DIES(section_with_a_sleep, "sleep " WORDS)
{
    MR_NO_SWITCH
    {
        MR_NO_SWITCH{}(void)far_below(3);
    }
    return 0;
}

/* A park that fails at once gives up its turn, too. */
IN_HUB_DIES(section_with_a_deadline_that_passed, WORDS)
{
    MR_NO_SWITCH(void) !mr_sleep(0);
    return 0;
}

static intptr_t sleepy(struct mr_generator *g, void *arg)
{
    (void)g;
    (void)arg;
    return mr_sleep_ms(1);
}

IN_HUB_DIES(section_with_a_generator_that_parks, "sleep " WORDS)
{
    struct mr_generator *g;

    CHECK_EQ_INT(mr_generator_new(&g, sleepy, NULL, 0), 0);
    MR_NO_SWITCH(void) !mr_generator_next(g, NULL);
    return 0;
}

static intptr_t forgets(void *arg)
{
    (void)arg;
    mr_section_enter(&open_here);
    return 0;
}

IN_HUB_DIES(section_left_open,
            "the end in a section that must not switch, which begins at here:7")
{
    struct mr_coro *co = mr_spawn(forgets, NULL);

    (void)!mr_join(co, NULL, MR_NEVER);
    return 0;
}

IN_HUB_DIES(sections_out_of_order, "hub->section != s")
{
    struct mr_section a = {.where = "a"}, b = {.where = "b"};

    mr_section_enter(&a);
    mr_section_enter(&b);
    mr_section_leave(&a);
    return 0;
}

SUITE("sections", sections_that_hold, sections_keep_the_slice,
      section_with_a_link_to_the_dead, section_without_a_hub)
SUITE("sections: bugs", section_with_a_yield, section_with_a_sleep,
      section_with_a_deadline_that_passed, section_with_a_generator_that_parks,
      section_left_open, sections_out_of_order)
TEST_MAIN()
