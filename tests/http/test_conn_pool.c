/* SPDX-License-Identifier: MIT */
/*
 * test_conn_pool.c - who may open a connection, who gets an idle one, and who
 * is next; against connections that are pairs of sockets.
 */
#include "http/conn_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/sys.h"
#include "io/fd.h"
#include "tests/core/in_hub.h"

struct link {
    struct mr_pooled pooled;
    int peer;
};

static int alive;

static void close_link(struct mr_pooled *p)
{
    struct link *l = mr_container_of(p, struct link, pooled);

    mr_fd_close(p->fd);
    mr_fd_close(l->peer);
    free(l);
    alive--;
}

static void open_pool(struct mr_conn_pool *pool, unsigned per_origin,
                      unsigned total, unsigned idle)
{
    mr_conn_pool_init(pool, &(struct mr_conn_pool){
                                .max_per_origin = per_origin,
                                .max_total = total,
                                .max_idle = idle,
                                .idle_timeout = INT64_C(60000000000),
                                .close = close_link,
                            });
}

/* Connected, at that place. */
static struct mr_pooled *open_link(struct mr_pool_origin *place)
{
    struct link *l = calloc(1, sizeof *l);
    int fds[2];

    if (!l)
        abort();
    CHECK_EQ_INT(mr_sys_socketpair(AF_UNIX,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                   0, fds),
                 0);
    l->peer = fds[1];
    alive++;
    CHECK_EQ_INT(mr_conn_pool_enter(place, &l->pooled, fds[0]), 0);
    return &l->pooled;
}

static int peer_of(struct mr_pooled *p)
{
    return mr_container_of(p, struct link, pooled)->peer;
}

static struct mr_pool_key key(const char *host)
{
    return (struct mr_pool_key){.port = 80, .host = mr_str(host)};
}

/* A connection to there, new or kept; NULL: the time is over. */
static struct mr_pooled *take(struct mr_conn_pool *pool, const char *host,
                              bool fresh, int64_t deadline)
{
    struct mr_pool_key k = key(host);
    struct mr_pool_origin *place;
    struct mr_pooled *p;

    if (mr_conn_pool_take(pool, &k, fresh, &place, &p, deadline))
        return NULL;
    return p ? p : open_link(place);
}

/* At once, or not at all. */
static struct mr_pooled *take_now(struct mr_conn_pool *pool, const char *host)
{
    return take(pool, host, false, mr_now());
}

struct taker {
    struct mr_conn_pool *pool;
    const char *host;
    bool fresh;
    struct mr_pooled *got;
    int turn; /* when, from 1 */
};
static int turns;

static intptr_t take_later(void *arg)
{
    struct taker *w = arg;

    w->got = take(w->pool, w->host, w->fresh, MR_NEVER);
    w->turn = ++turns;
    return 0;
}

static struct mr_coro *start(struct taker *w, struct mr_conn_pool *pool,
                             const char *host)
{
    struct mr_coro *co;
    unsigned before = pool->waiting;

    *w = (struct taker){.pool = pool, .host = host, .fresh = w->fresh};
    co = mr_spawn(take_later, w);
    CHECK_OK(co);
    while (pool->waiting == before && !w->got && mr_yield() == 0)
        ;
    return co;
}

IN_HUB(gives_the_warmest)
{
    struct mr_conn_pool pool;
    struct mr_pooled *a, *b;

    open_pool(&pool, 3, 9, 9);
    a = take_now(&pool, "a");
    b = take_now(&pool, "a");
    CHECK_OK(a && b && a != b);
    mr_conn_pool_put(&pool, a);
    mr_conn_pool_put(&pool, b);
    CHECK_EQ_PTR(take_now(&pool, "a"), b);
    CHECK_EQ_PTR(take_now(&pool, "a"), a);
    CHECK_EQ_INT(pool.open, 2);
    mr_conn_pool_close(&pool, a);
    mr_conn_pool_close(&pool, b);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

IN_HUB(keys_differ)
{
    static const struct mr_pool_key keys[] = {
        {.port = 80, .host = {"a", 1}},
        {.port = 81, .host = {"a", 1}},
        {.port = 80, .host = {"b", 1}},
        {.https = true, .port = 80, .host = {"a", 1}},
        {.port = 80, .host = {"a", 1}, .proxy = {"p", 1}},
        {.port = 80, .host = {"ap", 2}},
    };
    struct mr_conn_pool pool;
    struct mr_pool_origin *place;
    struct mr_pooled *p;

    open_pool(&pool, 1, 9, 9);
    for (size_t i = 0; i < MR_ARRAY_LEN(keys); i++) {
        CASE("%zu", i);
        CHECK_EQ_INT(
            mr_conn_pool_take(&pool, &keys[i], false, &place, &p, mr_now()), 0);
        CHECK_OK(!p);
        mr_conn_pool_put(&pool, open_link(place));
    }
    CHECK_EQ_INT(pool.idle, MR_ARRAY_LEN(keys));
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

IN_HUB(first_come_first_served)
{
    struct mr_conn_pool pool;
    struct taker w[3] = {{0}};
    struct mr_coro *co[3];
    struct mr_pooled *a;

    turns = 0;
    open_pool(&pool, 1, 9, 9);
    a = take_now(&pool, "a");
    CHECK_OK(!take_now(&pool, "a"));
    w[1].fresh = true; /* gets a place, in his turn */
    for (int i = 0; i < 3; i++)
        co[i] = start(&w[i], &pool, "a");
    mr_conn_pool_put(&pool, a);
    /* Who comes now does not get past them. */
    CHECK_OK(!take_now(&pool, "a"));
    CHECK_EQ_PTR(w[0].got, a);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_join(co[i], NULL, mr_after_s(20)), 0);
        CHECK_EQ_INT(w[i].turn, i + 1);
        mr_conn_pool_put(&pool, w[i].got);
    }
    CHECK_EQ_INT(pool.open, 1);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

/* All places are taken: an idle connection of another origin makes room. */
IN_HUB(the_coldest_makes_room)
{
    struct mr_conn_pool pool;
    struct mr_pooled *a, *b, *c;

    open_pool(&pool, 2, 2, 9);
    a = take_now(&pool, "a");
    b = take_now(&pool, "b");
    CHECK_OK(!take_now(&pool, "c"));
    mr_conn_pool_put(&pool, a);
    mr_conn_pool_put(&pool, b);
    c = take_now(&pool, "c");
    CHECK_OK(c);
    CHECK_EQ_INT(pool.idle, 1); /* b's: a's had been idle for longer */
    CHECK_EQ_PTR(take_now(&pool, "b"), b);
    mr_conn_pool_close(&pool, b);
    mr_conn_pool_close(&pool, c);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

IN_HUB(who_waits_for_the_total_is_served_by_another)
{
    struct mr_conn_pool pool;
    struct taker w = {0};
    struct mr_coro *co;
    struct mr_pooled *a;

    open_pool(&pool, 1, 1, 9);
    a = take_now(&pool, "a");
    co = start(&w, &pool, "b");
    mr_conn_pool_put(&pool, a); /* idle, and in the way */
    CHECK_EQ_INT(mr_join(co, NULL, mr_after_s(20)), 0);
    CHECK_OK(w.got);
    CHECK_EQ_INT(alive, 1);
    mr_conn_pool_close(&pool, w.got);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

IN_HUB(who_leaves_the_queue_is_not_served)
{
    struct mr_conn_pool pool;
    struct taker w[2] = {{0}};
    struct mr_coro *co[2];
    struct mr_pooled *a;

    open_pool(&pool, 1, 9, 9);
    a = take_now(&pool, "a");
    for (int i = 0; i < 2; i++)
        co[i] = start(&w[i], &pool, "a");
    mr_cancel(co[0]);
    mr_conn_pool_put(&pool, a);
    CHECK_EQ_INT(mr_join(co[0], NULL, mr_after_s(20)), 0);
    CHECK_EQ_INT(mr_join(co[1], NULL, mr_after_s(20)), 0);
    CHECK_OK(!w[0].got);
    CHECK_EQ_PTR(w[1].got, a);
    mr_conn_pool_close(&pool, a);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

/* A place that came to nothing is the next one's. */
IN_HUB(a_place_is_given_back)
{
    struct mr_conn_pool pool;
    struct mr_pool_key k = key("a");
    struct mr_pool_origin *place;
    struct mr_pooled *p;
    struct taker w = {0};
    struct mr_coro *co;

    open_pool(&pool, 1, 9, 9);
    CHECK_EQ_INT(mr_conn_pool_take(&pool, &k, false, &place, &p, MR_NEVER), 0);
    co = start(&w, &pool, "a");
    mr_conn_pool_leave(&pool, place);
    CHECK_EQ_INT(mr_join(co, NULL, mr_after_s(20)), 0);
    CHECK_OK(w.got);
    mr_conn_pool_close(&pool, w.got);
    mr_conn_pool_fini(&pool);
    return 0;
}

IN_HUB(keeps_so_many)
{
    struct mr_conn_pool pool;
    struct mr_pooled *p[4];

    open_pool(&pool, 9, 9, 2);
    for (int i = 0; i < 4; i++)
        p[i] = take_now(&pool, "a");
    for (int i = 0; i < 4; i++)
        mr_conn_pool_put(&pool, p[i]);
    CHECK_EQ_INT(pool.idle, 2);
    CHECK_EQ_INT(alive, 2);
    CHECK_EQ_PTR(take_now(&pool, "a"), p[3]);
    mr_conn_pool_close(&pool, p[3]);
    mr_conn_pool_fini(&pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

IN_HUB(an_idle_one_that_speaks_or_ends_goes)
{
    struct mr_conn_pool pool;
    struct mr_pooled *a, *b;

    open_pool(&pool, 9, 9, 9);
    a = take_now(&pool, "a");
    b = take_now(&pool, "b");
    mr_conn_pool_put(&pool, a);
    mr_conn_pool_put(&pool, b);
    CHECK_EQ_INT(mr_send(peer_of(a), "x", 1, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_sys_shutdown(peer_of(b), SHUT_WR), 0);
    while (pool.idle > 0 && mr_yield() == 0)
        ;
    CHECK_EQ_INT(alive, 0);
    mr_conn_pool_fini(&pool);
    return 0;
}

/* While it is at work that is only noted; at rest it counts. */
IN_HUB(one_at_work_may_speak)
{
    struct mr_conn_pool pool;
    struct mr_pooled *a;

    open_pool(&pool, 9, 9, 9);
    a = take_now(&pool, "a");
    CHECK_EQ_INT(mr_send(peer_of(a), "x", 1, 0, MR_NEVER), 1);
    while (!a->talks && mr_yield() == 0)
        ;
    CHECK_EQ_INT(alive, 1);
    mr_conn_pool_put(&pool, a);
    while (pool.idle > 0 && mr_yield() == 0)
        ;
    CHECK_EQ_INT(alive, 0);
    mr_conn_pool_fini(&pool);
    return 0;
}

/* Anybody at random takes, puts, closes and leaves; the counts are right all
 * the time, and nobody is forgotten. */
struct crowd {
    struct mr_conn_pool pool;
    unsigned held;
    unsigned seed;
    int left;
};

static intptr_t one_of_crowd(void *arg)
{
    static const char *const hosts[] = {"a", "b", "c", "d"};
    struct crowd *c = arg;

    while (c->left-- > 0) {
        const char *host = hosts[(unsigned)rand_r(&c->seed) % 4];
        bool fresh = rand_r(&c->seed) % 4 == 0;
        struct mr_pooled *p =
            take(&c->pool, host, fresh,
                 rand_r(&c->seed) % 8 ? MR_NEVER : mr_after_ms(1));

        if (!p)
            continue;
        c->held++;
        CHECK_OK(c->held <= 5 && c->pool.open <= 5);
        CHECK_OK(c->pool.open - c->pool.idle >= c->held);
        while (rand_r(&c->seed) % 3 && mr_yield() == 0)
            ;
        c->held--;
        if (rand_r(&c->seed) % 4)
            mr_conn_pool_put(&c->pool, p);
        else
            mr_conn_pool_close(&c->pool, p);
        CHECK_OK(c->pool.idle <= 3);
    }
    return 0;
}

IN_HUB(a_crowd)
{
    struct crowd c = {.seed = (unsigned)mr_now(),
                      .left = (int)TEST_SCALE(20000)};
    struct mr_coro *co[20];

    CASE("seed %u", c.seed);
    open_pool(&c.pool, 2, 5, 3);
    for (int i = 0; i < 20; i++) {
        co[i] = mr_spawn(one_of_crowd, &c);
        CHECK_OK(co[i]);
    }
    for (int i = 0; i < 20; i++)
        CHECK_EQ_INT(mr_join(co[i], NULL, mr_after_s(50)), 0);
    CHECK_EQ_INT(c.pool.open, c.pool.idle);
    mr_conn_pool_fini(&c.pool);
    CHECK_EQ_INT(alive, 0);
    return 0;
}

SUITE("who gets one", gives_the_warmest, keys_differ, first_come_first_served,
      the_coldest_makes_room, who_waits_for_the_total_is_served_by_another,
      who_leaves_the_queue_is_not_served, a_place_is_given_back)
SUITE("idle ones", keeps_so_many, an_idle_one_that_speaks_or_ends_goes,
      one_at_work_may_speak)
SUITE("all at once", a_crowd)
TEST_MAIN()
