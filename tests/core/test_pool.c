/* SPDX-License-Identifier: MIT */

/* test_pool.c - places, map, imap; killed, cancelled, out of time. */
#include "core/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static void settle(void)
{
    for (int i = 0; i < 4; i++)
        mr_yield();
}

/* --- places --- */

static int running, most, ended;
static struct mr_event go;

static void init(void)
{
    running = most = ended = 0;
    mr_event_init(&go);
}

/* Until told, or cancelled. */
static intptr_t works(void *arg)
{
    int rc;

    (void)arg;
    running++;
    most = MR_MAX(most, running);
    rc = mr_event_wait(&go, MR_NEVER);
    running--;
    ended++;
    return rc;
}

IN_HUB(pool_has_so_many_places)
{
    MR_AUTO(pool) p = mr_pool_new(3);

    init();
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0);
    CHECK_EQ_INT(mr_pool_idle(p), 0);
    CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), -ETIMEDOUT);
    CHECK_EQ_INT(running, 3);
    CHECK_EQ_INT(mr_pool_join(p, 0), -ETIMEDOUT);
    mr_event_set(&go);
    for (int i = 0; i < 10; i++)
        CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_pool_join(p, MR_NEVER), 0);
    CHECK_EQ_INT(ended, 13);
    CHECK_EQ_INT(most, 3);
    CHECK_EQ_INT(mr_pool_idle(p), 3);
    return 0;
}

struct spawner {
    struct mr_pool *p;
    int rc;
    struct mr_coro *co;
};

static intptr_t spawns(void *arg)
{
    struct spawner *s = arg;

    s->rc = mr_pool_spawn(s->p, works, NULL, MR_NEVER);
    return 0;
}

static void begin(struct spawner *s, struct mr_pool *p)
{
    *s = (struct spawner){.p = p, .rc = 1};
    s->co = mr_spawn(spawns, s);
    settle();
}

static void joined(struct spawner *s, int want)
{
    CHECK_EQ_INT(mr_join(s->co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s->rc, want);
}

IN_HUB(pool_killed)
{
    MR_AUTO(pool) p = mr_pool_new(2);
    struct spawner s;

    init();
    CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0);
    settle();
    CHECK_EQ_INT(running, 1);
    CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0); /* never to run */
    s = (struct spawner){.p = p, .rc = 1};
    mr_pool_kill(p);
    CHECK_EQ_INT(running, 0);
    CHECK_EQ_INT(ended, 1);
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    mr_pool_kill(p); /* of nobody */
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0);
    begin(&s, p);
    CHECK_EQ_STR(mr_coro_why(s.co), "pool");
    mr_pool_kill(p);
    joined(&s, -EPIPE);
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    return 0;
}

IN_HUB(pool_place_and_cancel)
{
    MR_AUTO(pool) p = mr_pool_new(1);
    struct spawner a, b;

    init();
    CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0);
    begin(&a, p);
    begin(&b, p);
    mr_cancel(a.co);
    joined(&a, -ECANCELED);
    mr_event_set(&go);
    joined(&b, 0);
    CHECK_EQ_INT(mr_pool_join(p, MR_NEVER), 0);
    CHECK_EQ_INT(ended, 2);
    CHECK_EQ_INT(mr_pool_idle(p), 1);
    return 0;
}

static intptr_t leaves_a_child(void *unused)
{
    (void)unused;
    return mr_spawn(works, NULL) ? mr_yield() : -ENOMEM;
}

/* A place is free when the children have ended, too. */
IN_HUB(pool_place_waits_for_children)
{
    MR_AUTO(pool) p = mr_pool_new(1);

    init();
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ_INT(mr_pool_spawn(p, leaves_a_child, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(ended, i - 1);
        CHECK_EQ_INT(running, 0);
    }
    return 0;
}

static intptr_t joins_its_own(void *arg)
{
    return mr_pool_join(arg, MR_NEVER);
}

IN_HUB_DIES(pool_joined_from_within, "group == &p->group")
{
    MR_AUTO(pool) p = mr_pool_new(1);

    CHECK_EQ_INT(mr_pool_spawn(p, joins_its_own, p, 0), 0);
    return mr_pool_join(p, MR_NEVER);
}

IN_HUB(pool_out_of_memory)
{
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_PTR(mr_pool_new(4), NULL);
    CHECK_EQ_PTR(mr_pool_new(SIZE_MAX / 8), NULL);
    mr_pool_free(NULL);
    return 0;
}

/* --- map --- */

/* Later items are done sooner; the answer is the square. */
static intptr_t squares(void *item)
{
    int v = *(int *)item;

    for (int i = v; i < 20; i++) {
        int rc = mr_yield();

        if (rc)
            return rc;
    }
    ended++;
    return v * v;
}

static struct mr_pool_work numbers(mr_coro_fn *fn, size_t n)
{
    static int items[20];

    for (int i = 0; i < 20; i++)
        items[i] = i;
    return (struct mr_pool_work){fn, items, n, sizeof items[0], "squares"};
}

IN_HUB(pool_map)
{
    struct mr_pool_work w = numbers(squares, 20);

    for (size_t size = 1; size <= 32; size *= 2) {
        MR_AUTO(pool) p = mr_pool_new(size);
        intptr_t got[20];

        CASE("%zu places", size);
        memset(got, 0xff, sizeof got);
        CHECK_EQ_INT(mr_pool_map(p, &w, got, MR_NEVER), 0);
        for (int i = 0; i < 20; i++)
            CHECK_EQ_INT(got[i], i * i);
        CHECK_EQ_INT(mr_pool_idle(p), size);
    }
    return 0;
}

IN_HUB(pool_map_of_nothing)
{
    MR_AUTO(pool) p = mr_pool_new(1);
    struct mr_pool_work w = numbers(squares, 0);

    CHECK_EQ_INT(mr_pool_map(p, &w, NULL, 0), 0);
    return 0;
}

/* What it started has ended when it returns; others go on. */
IN_HUB(pool_map_out_of_time)
{
    MR_AUTO(pool) p = mr_pool_new(3);
    struct mr_pool_work w = numbers(works, 20);
    intptr_t got[20];

    init();
    CHECK_EQ_INT(mr_pool_spawn(p, works, NULL, 0), 0);
    CHECK_EQ_INT(mr_pool_map(p, &w, got, mr_after_ms(5)), -ETIMEDOUT);
    CHECK_EQ_INT(running, 1);
    CHECK_EQ_INT(ended, 2);
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    w.n = 2;
    CHECK_EQ_INT(mr_pool_map(p, &w, got, 0), -ETIMEDOUT); /* a try: one turn */
    CHECK_EQ_INT(ended, 4);
    CHECK_EQ_INT(running, 1);
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    return 0;
}

struct mapper {
    struct mr_pool *p;
    struct mr_pool_work w;
    intptr_t got[20];
    int rc;
};

static intptr_t maps(void *arg)
{
    struct mapper *m = arg;

    m->rc = mr_pool_map(m->p, &m->w, m->got, MR_NEVER);
    return 0;
}

IN_HUB(pool_map_cancelled)
{
    MR_AUTO(pool) p = mr_pool_new(3);
    struct mapper m = {.p = p, .w = numbers(works, 20)};
    struct mr_coro *co;

    init();
    co = mr_spawn(maps, &m);
    settle();
    CHECK_EQ_INT(running, 3);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(m.rc, -ECANCELED);
    CHECK_EQ_INT(running, 0);
    CHECK_EQ_INT(mr_pool_idle(p), 3);
    return 0;
}

IN_HUB(pool_map_killed)
{
    MR_AUTO(pool) p = mr_pool_new(3);
    struct mapper m = {.p = p, .w = numbers(works, 2)};
    struct mr_coro *co;

    init();
    co = mr_spawn(maps, &m);
    settle();
    mr_pool_kill(p); /* all had begun: these are their results */
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(m.rc, 0);
    CHECK_EQ_INT(m.got[0], -ECANCELED);
    CHECK_EQ_INT(m.got[1], -ECANCELED);
    m.w.n = 20;
    co = mr_spawn(maps, &m);
    settle();
    mr_pool_kill(p);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(m.rc, -EPIPE);
    CHECK_EQ_INT(running, 0);
    return 0;
}

/* --- imap --- */

IN_HUB(pool_imap_in_order)
{
    MR_AUTO(pool) p = mr_pool_new(5);
    struct mr_pool_work w = numbers(squares, 20);
    MR_AUTO(pool_imap) it = mr_pool_imap(p, &w);
    size_t index = 99;
    intptr_t v = 0;

    CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, 0), -ETIMEDOUT);
    for (size_t i = 0; i < 20; i++) {
        CHECK_EQ_INT(mr_pool_imap_next(it, &index, &v, MR_NEVER), 1);
        CHECK_EQ_INT(index, i);
        CHECK_EQ_INT(v, i * i);
    }
    CHECK_EQ_INT(mr_pool_imap_next(it, &index, &v, MR_NEVER), 0);
    CHECK_EQ_INT(mr_pool_imap_next(it, &index, &v, MR_NEVER), 0);
    return 0;
}

IN_HUB(pool_imap_as_they_come)
{
    MR_AUTO(pool) p = mr_pool_new(20);
    struct mr_pool_work w = numbers(squares, 20);
    MR_AUTO(pool_imap) it = mr_pool_imap_unordered(p, &w);
    size_t index = 99;
    intptr_t v = 0;

    for (size_t i = 20; i-- > 0;) { /* the last is done first */
        CHECK_EQ_INT(mr_pool_imap_next(it, &index, &v, MR_NEVER), 1);
        CHECK_EQ_INT(index, i);
        CHECK_EQ_INT(v, i * i);
    }
    CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, MR_NEVER), 0);
    return 0;
}

/* It goes on while nobody asks. */
IN_HUB(pool_imap_does_not_wait_for_its_reader)
{
    MR_AUTO(pool) p = mr_pool_new(2);
    struct mr_pool_work w = numbers(squares, 20);
    MR_AUTO(pool_imap) it = mr_pool_imap(p, &w);

    init();
    while (ended < 20)
        mr_yield();
    CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, 0), 1);
    return 0;
}

IN_HUB(pool_imap_given_up)
{
    MR_AUTO(pool) p = mr_pool_new(2);
    struct mr_pool_work w = numbers(works, 20);
    struct mr_pool_imap *it = mr_pool_imap(p, &w);

    init();
    mr_pool_imap_free(it); /* nothing has begun */
    it = mr_pool_imap(p, &w);
    settle();
    CHECK_EQ_INT(running, 2);
    mr_pool_imap_free(it);
    CHECK_EQ_INT(running, 0);
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    it = mr_pool_imap(p, &w);
    settle();
    mr_pool_kill(p); /* two results, and then no more */
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, MR_NEVER), 1);
    CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(mr_pool_imap_next(it, NULL, NULL, MR_NEVER), -EPIPE);
    mr_pool_imap_free(it);
    return 0;
}

IN_HUB(pool_imap_out_of_memory)
{
    MR_AUTO(pool) p = mr_pool_new(2);
    struct mr_pool_work w = numbers(squares, 20);

    for (unsigned nth = 1; nth <= 3; nth++) {
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        CHECK_EQ_PTR(mr_pool_imap(p, &w), NULL);
    }
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_pool_idle(p), 2);
    return 0;
}

SUITE("places", pool_has_so_many_places, pool_killed, pool_place_and_cancel,
      pool_place_waits_for_children, pool_joined_from_within,
      pool_out_of_memory)
SUITE("map", pool_map, pool_map_of_nothing, pool_map_out_of_time,
      pool_map_cancelled, pool_map_killed)
SUITE("imap", pool_imap_in_order, pool_imap_as_they_come,
      pool_imap_does_not_wait_for_its_reader, pool_imap_given_up,
      pool_imap_out_of_memory)
TEST_MAIN()
