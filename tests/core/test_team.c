/* SPDX-License-Identifier: MIT */

/* test_team.c - groups that end when their outcome is known. */
#include <errno.h>

#include "core/timer.h"
#include "core/together.h"
#include "tests/core/in_hub.h"

struct member {
    int rounds; /* yields before it returns */
    intptr_t result;
    int ended; /* 1: by itself, 2: was cancelled */
};

static intptr_t member(void *arg)
{
    struct member *m = arg;
    int rc = 0;

    for (int i = 0; i < m->rounds && rc == 0; i++)
        rc = mr_yield();
    m->ended = rc == 0 ? 1 : 2;
    return rc ? rc : m->result;
}

#define LONG 1000000
static const struct {
    enum mr_team_goal goal;
    struct {
        int rounds;
        intptr_t result;
    } m[3];
    int rc;
    intptr_t result; /* -99: none is written */
    const char *ended;
} teams[] = {
    {MR_TEAM_ALL, {{3, 1}, {1, 0}, {2, 2}}, 0, -99, "111"},
    {MR_TEAM_ALL, {{LONG, 0}, {2, -EIO}, {LONG, 0}}, -EIO, -99, "212"},
    {MR_TEAM_ALL, {{3, -EPIPE}, {2, -EIO}, {0, 1}}, -EIO, -99, "211"},
    {MR_TEAM_ALL, {{0, -EIO}, {0, 0}, {0, 0}}, -EIO, -99, "100"},
    {MR_TEAM_ALL, {{1, -ECANCELED}, {LONG, 0}, {0, 0}}, -ECANCELED, -99, "121"},
    {MR_TEAM_ANY, {{LONG, 1}, {3, 7}, {LONG, 2}}, 0, 7, "212"},
    {MR_TEAM_ANY, {{1, -EIO}, {2, -EPIPE}, {5, 9}}, 0, 9, "111"},
    {MR_TEAM_ANY, {{1, -EIO}, {3, -EPIPE}, {2, -EINVAL}}, -EIO, -99, "111"},
};

IN_HUB(team_reaches_its_goal)
{
    struct mr_team t;

    for (size_t i = 0; i < MR_ARRAY_LEN(teams); i++) {
        struct member m[3];
        intptr_t result = -99;
        char ended[4] = "";

        CASE("row %zu", i);
        mr_team_init(&t, teams[i].goal);
        for (int k = 0; k < 3; k++) {
            m[k] =
                (struct member){teams[i].m[k].rounds, teams[i].m[k].result, 0};
            CHECK_OK(mr_team_spawn(&t, member, &m[k]) != NULL);
        }
        CHECK_EQ_INT(mr_team_finish(&t, &result, MR_NEVER), teams[i].rc);
        CHECK_EQ_INT(result, teams[i].result);
        for (int k = 0; k < 3; k++)
            ended[k] = (char)('0' + m[k].ended);
        CHECK_EQ_STR(ended, teams[i].ended);
        CHECK_EQ_INT(mr_stack_stats().taken, 1);
    }
    return 0;
}

IN_HUB(team_out_of_time)
{
    static const enum mr_team_goal goals[] = {MR_TEAM_ALL, MR_TEAM_ANY};

    for (size_t i = 0; i < 2; i++) {
        struct member m = {.rounds = LONG * 100};
        struct mr_team t;

        CASE("goal %zu", i);
        mr_team_init(&t, goals[i]);
        CHECK_OK(mr_team_spawn(&t, member, &m) != NULL);
        CHECK_EQ_INT(mr_team_finish(&t, NULL, mr_after_ms(2)), -ETIMEDOUT);
        CHECK_EQ_INT(m.ended, 2);
    }
    return 0;
}

/* Whoever is told to end, and then fails, is not the reason. */
static intptr_t fails_when_cancelled(void *unused)
{
    (void)unused;
    (void)!mr_sleep(MR_NEVER);
    return -EIO;
}

static intptr_t succeeds_when_cancelled(void *unused)
{
    (void)unused;
    (void)!mr_sleep(MR_NEVER);
    return 77;
}

IN_HUB(team_out_of_time_with_an_outcome)
{
    struct mr_team t;
    intptr_t v = 0;

    mr_team_init(&t, MR_TEAM_ALL);
    CHECK_OK(mr_team_spawn(&t, fails_when_cancelled, NULL) != NULL);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, mr_after_ms(1)), -ETIMEDOUT);
    mr_team_init(&t, MR_TEAM_ANY);
    CHECK_OK(mr_team_spawn(&t, succeeds_when_cancelled, NULL) != NULL);
    CHECK_EQ_INT(mr_team_finish(&t, &v, mr_after_ms(1)), 0);
    CHECK_EQ_INT(v, 77); /* nothing is lost */
    return 0;
}

static intptr_t finishes(void *arg)
{
    return mr_team_finish(arg, NULL, MR_NEVER);
}

IN_HUB(team_finish_cancelled)
{
    struct member m = {.rounds = LONG * 100};
    struct mr_coro *by;
    struct mr_team t;
    intptr_t v;

    mr_team_init(&t, MR_TEAM_ALL);
    CHECK_OK(mr_team_spawn(&t, member, &m) != NULL);
    by = mr_spawn(finishes, &t);
    mr_yield();
    mr_cancel(by);
    CHECK_EQ_INT(mr_join(by, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_EQ_INT(m.ended, 2);
    return 0;
}

static intptr_t sleeps_on(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

/* Killing one of them decides nothing. */
IN_HUB(team_goes_on_without_one)
{
    struct member m = {3, 0, 0};
    struct mr_coro *c;
    struct mr_team t;

    mr_team_init(&t, MR_TEAM_ALL);
    c = mr_team_spawn(&t, sleeps_on, NULL);
    CHECK_OK(mr_team_spawn(&t, member, &m) != NULL);
    mr_yield();
    CHECK_EQ_INT(mr_kill(c, MR_NEVER), 0);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(m.ended, 1);
    return 0;
}

/* Once decided it takes no more; after finish it does. */
IN_HUB(team_refuses_when_decided)
{
    struct mr_spawn_options o = {.entry = "member", .reap = true};
    struct member m = {0, -EIO, 0};
    struct mr_team t;

    mr_team_init(&t, MR_TEAM_ALL);
    o.group = &t.group;
    CHECK_OK(mr_spawn_with(member, &m, &o) != NULL);
    mr_yield();
    CHECK_EQ_PTR(mr_team_spawn(&t, member, &m), NULL);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, MR_NEVER), -EIO);
    m.result = 0;
    CHECK_OK(mr_team_spawn(&t, member, &m) != NULL);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, MR_NEVER), 0);
    return 0;
}

IN_HUB(team_of_nobody)
{
    struct mr_team t;

    mr_team_init(&t, MR_TEAM_ALL);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, MR_NEVER), 0);
    mr_team_init(&t, MR_TEAM_ANY);
    CHECK_EQ_INT(mr_team_finish(&t, NULL, MR_NEVER), -ESRCH);
    return 0;
}

SUITE("teams", team_reaches_its_goal, team_out_of_time,
      team_out_of_time_with_an_outcome, team_finish_cancelled,
      team_goes_on_without_one, team_refuses_when_decided, team_of_nobody)
TEST_MAIN()
