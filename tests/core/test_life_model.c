/* SPDX-License-Identifier: MIT */

/*
 * test_life_model.c - births and deaths against naive counts.
 *
 * Random coroutines with children, locals, links, shields and generators, some
 * of them reaped, in a team or to begin later, are cancelled, joined, killed,
 * waited for and linked to at random moments. Whatever happens to one, its
 * function runs once or never, each of its locals is destroyed once, each link
 * to it is called once or taken out, and nobody's stack is left. MODEL_SEED
 * sets the seed, which is printed with a failure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/generator.h"
#include "core/link.h"
#include "core/local.h"
#include "core/timer.h"
#include "core/together.h"
#include "tests/core/in_hub.h"

#define ACTORS 24
#define LINKS 3

static unsigned seed;

static unsigned any(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

/* By the cached clock, and coarse: so that several come at once. */
static int64_t soon(void)
{
    return mr_hub_now() + 1000 * (1 + (int64_t)any(4));
}

struct actor {
    struct mr_coro *co; /* NULL: there is none */
    bool reaped;
    bool in_team;
    int runs;
    intptr_t result;
    struct mr_link links[LINKS];
    int called;
    int linked; /* and not taken out */
};

static struct actor actors[ACTORS];
static struct mr_team team;
static struct mr_waitq gate; /* opened by the driver, for whoever is there */
static long made, destroyed; /* locals */

/* --- what they do --- */

static void make_local(int *(*get)(void));
static inline int *two(void);

static intptr_t is_child(void *unused);

static void end_local(int *kind)
{
    destroyed++;
    if (*kind == 3)
        CHECK_OK(mr_spawn(is_child, NULL) != NULL);
    if (any(4) == 0)
        make_local(two); /* anew, perhaps */
    if (*kind == 1)
        (void)!mr_yield(); /* shielded: it comes back */
    if (*kind == 2)
        CHECK_EQ_INT(mr_sleep(soon()), 0);
}

MR_LOCAL_WITH(int, one, end_local)
MR_LOCAL_WITH(int, two, end_local)

static void make_local(int *(*get)(void))
{
    int *v = get();

    if (*v == 0) { /* no kind is 0 */
        made++;
        *v = 1 + (int)any(3);
    }
}

static int waits(void)
{
    switch (any(4)) {
    case 0:
        return mr_sleep(soon());
    case 1:
        return (int)mr_wait(&gate, MR_NEVER, "gate");
    case 2:
        return (int)mr_wait(&gate, soon(), "gate");
    }
    return mr_yield();
}

static intptr_t yields_on(struct mr_generator *g, void *unused)
{
    int rc = 0;

    (void)unused;
    for (int i = 0; rc == 0; i++) {
        make_local(two);
        rc = waits();
        if (rc != -ECANCELED)
            rc = mr_generator_yield(g, &i);
    }
    return rc;
}

static intptr_t is_child(void *unused)
{
    (void)unused;
    if (any(2))
        make_local(one);
    return waits();
}

static int asks(struct mr_generator *g)
{
    int v, rc = mr_generator_next(g, &v);

    return MR_MIN(rc, 0);
}

static int does_one(struct mr_generator *g)
{
    struct mr_scope s;
    int rc = 0;

    switch (any(6)) {
    case 0:
        make_local(one);
        break;
    case 1:
        make_local(two);
        break;
    case 2:
        (void)!mr_spawn(is_child, NULL); /* our end is its end */
        break;
    case 3:
        mr_shield_enter(&s, soon());
        (void)waits();
        (void)mr_shield_leave(&s);
        break;
    case 4:
        rc = g ? asks(g) : 0;
        break;
    default:
        rc = waits();
    }
    return rc == -ETIMEDOUT ? 0 : rc;
}

static intptr_t lives_on(void *arg)
{
    struct actor *a = arg;
    struct mr_generator *g = NULL;
    int rc = 0;

    a->runs++;
    if (any(3) == 0)
        CHECK_EQ_INT(mr_generator_new(&g, yields_on, NULL, sizeof(int)), 0);
    for (unsigned n = any(12); n > 0 && rc == 0; n--)
        rc = does_one(g);
    if (g)
        mr_generator_free(g);
    a->result = rc ? rc : (intptr_t)(1 + any(100));
    return a->result;
}

/* --- what is done to them --- */

static void on_end(struct mr_link *link, struct mr_coro *co)
{
    struct actor *a = NULL;
    intptr_t v = 0;

    for (int i = 0; i < ACTORS; i++)
        if (link >= actors[i].links && link < actors[i].links + LINKS)
            a = &actors[i];
    CHECK_OK(a && !mr_link_is_linked(link));
    CHECK_OK(mr_coro_result(co, &v));
    CHECK_EQ_INT(v, a->runs ? a->result : -ECANCELED);
    a->called++;
    if (any(4) == 0) { /* one more out, of anybody */
        struct actor *b = &actors[any(ACTORS)];
        struct mr_link *l = &b->links[any(LINKS)];

        b->linked -= mr_link_is_linked(l);
        mr_unlink(l);
    }
}

static void begin(struct actor *a)
{
    struct mr_spawn_options o = {.entry = "lives_on", .where = MR_HERE};

    memset(a, 0, sizeof *a);
    for (int i = 0; i < LINKS; i++)
        mr_link_init(&a->links[i], on_end);
    a->reaped = any(3) == 0;
    a->in_team = any(4) == 0;
    o.reap = a->reaped;
    o.group = a->in_team ? &team.group : NULL;
    if (any(4) == 0)
        a->co = mr_spawn_later_with(lives_on, a, soon(), &o);
    else
        a->co = mr_spawn_with(lives_on, a, &o);
    CHECK_OK(a->co != NULL || (a->in_team && team.decided));
    if (!a->co)
        return;
    /* A reference of ours: handles are good whatever happens. */
    mr_coro_ref(a->co);
    a->linked++;
    mr_link(a->co, &a->links[0]);
}

/* It is over: all counts are right. */
static void check_end(struct actor *a)
{
    intptr_t v = 0;

    CHECK_OK(mr_coro_result(a->co, &v));
    CHECK_OK(a->runs <= 1);
    CHECK_EQ_INT(v, a->runs ? a->result : -ECANCELED);
    CHECK_EQ_INT(mr_join(a->co, NULL, 0), 0);
    for (int i = 0; i < LINKS; i++) {
        a->linked -= mr_link_is_linked(&a->links[i]); /* was due */
        mr_unlink(&a->links[i]);
    }
    CHECK_EQ_INT(a->called, a->linked);
    mr_coro_unref(MR_MOVE(a->co));
}

static void link_one(struct actor *a)
{
    struct mr_link *l = &a->links[any(LINKS)];

    if (mr_link_is_linked(l)) {
        mr_unlink(l);
        a->linked--;
    } else {
        mr_link(a->co, l);
        a->linked++;
    }
}

/* Their handles, each once; how many. */
static size_t some_of(struct mr_coro **ret, size_t max)
{
    size_t n = 0, first = any(ACTORS);

    for (size_t i = 0; i < ACTORS && n < max; i++) {
        struct actor *a = &actors[(first + i) % ACTORS];

        if (a->co && any(2))
            ret[n++] = a->co;
    }
    return n;
}

/* Nobody is given twice, nor alive. */
static void waits_for_some(void)
{
    struct mr_coro *cos[8], *given[8];
    size_t n = some_of(cos, 8), k = 0;

    MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(cos, n, soon()))) {
        CHECK_OK(k < n && mr_coro_is_done(c));
        for (size_t i = 0; i < k; i++)
            CHECK_OK(given[i] != c);
        given[k++] = c;
        if (any(8) == 0)
            break;
    }
}

static void joins_some(void)
{
    struct mr_coro *cos[8], *were[8];
    size_t n = some_of(cos, 8), left = 0;
    int64_t at = soon();
    int rc;

    memcpy(were, cos, sizeof cos);
    switch (any(3)) {
    case 0:
        rc = mr_join_all(cos, n, NULL, at);
        break;
    case 1:
        rc = mr_join_some(cos, n, any(4), NULL, at);
        break;
    default:
        rc = mr_kill_all(cos, n, MR_NEVER);
        CHECK_EQ_INT(rc, 0);
    }
    CHECK_OK(rc == 0 || rc == -ETIMEDOUT);
    for (size_t i = 0; i < n; i++) {
        left += cos[i] != NULL;
        CHECK_OK(!cos[i] == mr_coro_is_done(were[i]));
    }
    CHECK_OK(rc == 0 || left > 0);
}

static void step(void)
{
    struct actor *a = &actors[any(ACTORS)];

    if (!a->co) {
        begin(a);
        return;
    }
    switch (any(8)) {
    case 0:
        mr_cancel(a->co);
        break;
    case 1:
        link_one(a);
        break;
    case 2:
        (void)mr_waitq_wake_all(&gate, 0);
        break;
    case 3:
        waits_for_some();
        break;
    case 4:
        joins_some();
        break;
    case 5:
        if (any(4) == 0)
            (void)!mr_team_finish(&team, NULL, soon());
        break;
    default:
        (void)mr_yield();
    }
    if (mr_coro_is_done(a->co))
        check_end(a);
}

IN_HUB(life_model)
{
    const char *fixed = getenv("MODEL_SEED");

    seed = fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();
    CASE("MODEL_SEED=%u", seed);
    for (int i = 0; i < ACTORS * LINKS; i++)
        mr_link_init(&actors[i / LINKS].links[i % LINKS], on_end);
    mr_waitq_init(&gate);
    mr_team_init(&team, MR_TEAM_ALL);
    for (long n = TEST_SCALE(5000); n > 0; n--)
        step();
    (void)!mr_team_finish(&team, NULL, 0); /* who failed is all the same */
    for (int i = 0; i < ACTORS; i++) {
        if (!actors[i].co)
            continue;
        CHECK_EQ_INT(mr_kill(actors[i].co, MR_NEVER), 0);
        check_end(&actors[i]);
    }
    CHECK_EQ_INT(destroyed, made);
    CHECK_EQ_INT(mr_stack_stats().taken, 1);
    return 0;
}

SUITE("life model", life_model)
TEST_MAIN()
