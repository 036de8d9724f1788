/* SPDX-License-Identifier: MIT */
/*
 * conn_pool.c - places and idle connections (invariants in conn_pool.h).
 *
 * An origin has a record while a place of it is held, or somebody waits for
 * one; each of these counts. Waiters are in their origin's queue, so that a
 * connection finds who wants it without a search; each has a number, so that a
 * place which several origins could use goes to the oldest. feed() gives out
 * what is free, after every change, as long as somebody can use it.
 *
 * A descriptor's hook is set once for all its life. While a connection works it
 * only notes that something came; that costs nothing unless it does.
 */
#include "http/conn_pool.h"

#include <errno.h>

#include "core/hub.h"
#include "core/sys.h"
#include "io/fd.h"

struct mr_pool_origin {
    struct mr_list node;   /* in its bucket */
    struct mr_list hungry; /* in the pool's list while somebody waits */
    struct mr_list idle;
    struct mr_waitq waiters;
    unsigned refs;
    unsigned open;
    bool https;
    uint16_t port;
    struct mr_conn_pool *pool;
    struct mr_str host;
    struct mr_str proxy;
    char text[];
};

struct waiter {
    uint64_t turn;
    bool fresh;
    struct mr_pooled *got; /* NULL: a place */
};

/* --- origins --- */

static struct mr_list *bucket_of(struct mr_conn_pool *pool,
                                 const struct mr_pool_key *key)
{
    uint32_t hash = key->port * 31u + key->https;

    for (size_t i = 0; i < key->host.n; i++)
        hash = hash * 31u + (unsigned char)key->host.p[i];
    return &pool->buckets[(hash ^ hash >> 16) % MR_POOL_BUCKETS];
}

static bool is_of(const struct mr_pool_origin *o, const struct mr_pool_key *key)
{
    return o->https == key->https && o->port == key->port &&
           mr_str_eq(o->host, key->host) && mr_str_eq(o->proxy, key->proxy);
}

/* Counted. NULL: out of memory. */
static struct mr_pool_origin *origin_get(struct mr_conn_pool *pool,
                                         const struct mr_pool_key *key)
{
    struct mr_list *bucket = bucket_of(pool, key);
    struct mr_pool_origin *o;

    MR_LIST_EACH (n, bucket) {
        o = mr_container_of(n, struct mr_pool_origin, node);
        if (is_of(o, key)) {
            o->refs++;
            return o;
        }
    }
    o = mr_alloc(sizeof *o + key->host.n + key->proxy.n);
    if (!o)
        return NULL;
    *o = (struct mr_pool_origin){
        .refs = 1, .https = key->https, .port = key->port, .pool = pool};
    if (key->host.n > 0)
        memcpy(o->text, key->host.p, key->host.n);
    if (key->proxy.n > 0)
        memcpy(o->text + key->host.n, key->proxy.p, key->proxy.n);
    o->host = mr_str_n(o->text, key->host.n);
    o->proxy = mr_str_n(o->text + key->host.n, key->proxy.n);
    mr_list_init(&o->hungry);
    mr_list_init(&o->idle);
    mr_waitq_init(&o->waiters);
    mr_list_push_front(bucket, &o->node);
    return o;
}

static void origin_unref(struct mr_pool_origin *o)
{
    if (--o->refs > 0)
        return;
    MR_BUG_ON(o->open > 0);
    mr_list_remove(&o->node);
    mr_free(o);
}

/* --- places --- */

static void hold_place(struct mr_pool_origin *o)
{
    o->refs++;
    o->open++;
    o->pool->open++;
}

static void free_place(struct mr_pool_origin *o)
{
    o->open--;
    o->pool->open--;
    origin_unref(o);
}

static void take_out(struct mr_pooled *p)
{
    mr_list_remove(&p->of_origin);
    mr_list_remove(&p->of_pool);
    p->idle = false;
    p->origin->pool->idle--;
}

/* An idle one, for good. Nobody is fed here. */
static void evict(struct mr_pooled *p)
{
    struct mr_pool_origin *o = p->origin;
    struct mr_conn_pool *pool = o->pool;

    take_out(p);
    free_place(o);
    pool->close(p);
}

static struct mr_pooled *coldest(const struct mr_conn_pool *pool)
{
    return mr_container_of(pool->cold.next, struct mr_pooled, of_pool);
}

/* Is there a place for o, if need be an idle connection's? */
static bool has_room(const struct mr_pool_origin *o, bool fresh)
{
    const struct mr_conn_pool *pool = o->pool;

    if (o->open >= pool->max_per_origin)
        return fresh && !mr_list_is_empty(&o->idle);
    return pool->open < pool->max_total || pool->idle > 0;
}

/* has_room is true. o is counted by the caller. */
static void make_room(struct mr_pool_origin *o)
{
    struct mr_conn_pool *pool = o->pool;

    if (o->open >= pool->max_per_origin)
        evict(mr_container_of(o->idle.prev, struct mr_pooled, of_origin));
    else if (pool->open >= pool->max_total)
        evict(coldest(pool));
    hold_place(o);
}

/* True: *ret is one, or NULL for a place. o is counted by the caller. */
static bool try_take(struct mr_pool_origin *o, bool fresh,
                     struct mr_pooled **ret)
{
    if (!fresh && !mr_list_is_empty(&o->idle)) {
        *ret = mr_container_of(o->idle.next, struct mr_pooled, of_origin);
        take_out(*ret);
        (*ret)->talks = false;
        return true;
    }
    if (!has_room(o, fresh))
        return false;
    make_room(o);
    *ret = NULL;
    return true;
}

/* --- who waits --- */

static struct waiter *first_waiter(const struct mr_pool_origin *o)
{
    const struct mr_wait_entry *e = mr_waitq_first(&o->waiters);

    return e ? e->data : NULL;
}

static bool can_use(const struct mr_pool_origin *o, const struct waiter *w)
{
    return (!w->fresh && !mr_list_is_empty(&o->idle)) || has_room(o, w->fresh);
}

/* The origin whose first waiter is next, or NULL: nobody can be served. */
static struct mr_pool_origin *next_served(const struct mr_conn_pool *pool)
{
    struct mr_pool_origin *best = NULL;

    MR_LIST_EACH (n, &pool->hungry) {
        struct mr_pool_origin *o =
            mr_container_of(n, struct mr_pool_origin, hungry);
        struct waiter *w = first_waiter(o);

        if (w && can_use(o, w) && (!best || w->turn < first_waiter(best)->turn))
            best = o;
    }
    return best;
}

static void feed(struct mr_conn_pool *pool)
{
    struct mr_pool_origin *o;

    while ((o = next_served(pool))) {
        struct waiter *w = first_waiter(o);

        MR_BUG_ON(!try_take(o, w->fresh, &w->got));
        mr_wait_fire(mr_waitq_first(&o->waiters), 0);
        if (mr_waitq_is_empty(&o->waiters))
            mr_list_remove(&o->hungry);
    }
}

/* Counted by the caller. May park. */
static int wait_turn(struct mr_pool_origin *o, bool fresh,
                     struct mr_pooled **ret, int64_t deadline)
{
    struct mr_conn_pool *pool = o->pool;
    struct waiter w = {.turn = pool->turn++, .fresh = fresh};
    int rc;

    if (mr_list_is_empty(&o->hungry))
        mr_list_push_back(&pool->hungry, &o->hungry);
    pool->waiting++;
    rc = (int)mr_wait_with(&o->waiters, &w, deadline, "connection");
    pool->waiting--;
    if (mr_waitq_is_empty(&o->waiters))
        mr_list_remove(&o->hungry);
    if (rc == 0)
        *ret = w.got;
    return rc;
}

int mr_conn_pool_take(struct mr_conn_pool *pool, const struct mr_pool_key *key,
                      bool fresh, struct mr_pool_origin **ret_place,
                      struct mr_pooled **ret, int64_t deadline)
{
    struct mr_pool_origin *o = origin_get(pool, key);
    int rc = 0;

    if (!o)
        return -ENOMEM;
    if (!mr_waitq_is_empty(&o->waiters) || !try_take(o, fresh, ret))
        rc = wait_turn(o, fresh, ret, deadline);
    if (rc == 0)
        *ret_place = o;
    origin_unref(o); /* the place counts, if there is one */
    /* Who was first could not be served; the next may want something else. */
    if (rc)
        feed(pool);
    return rc;
}

/* --- connections --- */

static enum mr_hub_hook_answer on_event(int fd, void *arg)
{
    struct mr_pooled *p = arg;
    struct mr_conn_pool *pool = p->origin->pool;

    if (!p->idle) {
        p->talks = true;
        p->unwatched = true;
        return MR_HOOK_DISARM;
    }
    if (mr_fd_peek(fd) == MR_PEER_QUIET)
        return MR_HOOK_KEEP;
    evict(p);
    feed(pool);
    return MR_HOOK_DISARM;
}

int mr_conn_pool_enter(struct mr_pool_origin *place, struct mr_pooled *p,
                       int fd)
{
    p->origin = place;
    p->fd = fd;
    p->idle = false;
    p->unwatched = false;
    p->talks = false;
    mr_list_init(&p->of_origin);
    mr_list_init(&p->of_pool);
    return mr_hub_hook(fd, on_event, p);
}

int mr_conn_pool_watch(struct mr_pooled *p)
{
    int rc = p->unwatched ? mr_hub_hook(p->fd, on_event, p) : 0;

    p->unwatched = rc != 0;
    return rc;
}

void mr_conn_pool_leave(struct mr_conn_pool *pool, struct mr_pool_origin *place)
{
    free_place(place);
    feed(pool);
}

void mr_conn_pool_close(struct mr_conn_pool *pool, struct mr_pooled *p)
{
    struct mr_pool_origin *o = p->origin;

    MR_BUG_ON(p->idle);
    pool->close(p);
    mr_conn_pool_leave(pool, o);
}

/* --- idle ones --- */

static void on_timer(struct mr_timer *t)
{
    struct mr_conn_pool *pool = mr_container_of(t, struct mr_conn_pool, timer);
    int64_t now = mr_now();

    while (pool->idle > 0 && coldest(pool)->since + pool->idle_timeout <= now)
        evict(coldest(pool));
    if (pool->idle > 0 &&
        mr_timer_start(t, coldest(pool)->since + pool->idle_timeout))
        mr_conn_pool_close_idle(pool); /* no memory to watch them by */
    feed(pool);
}

void mr_conn_pool_put(struct mr_conn_pool *pool, struct mr_pooled *p)
{
    struct mr_pool_origin *o = p->origin;

    MR_BUG_ON(p->idle);
    if (pool->max_idle == 0 || mr_conn_pool_watch(p) ||
        (!mr_timer_is_started(&pool->timer) &&
         mr_timer_start(&pool->timer, mr_hub_now() + pool->idle_timeout))) {
        mr_conn_pool_close(pool, p);
        return;
    }
    p->since = mr_hub_now();
    p->idle = true;
    mr_list_push_front(&o->idle, &p->of_origin);
    mr_list_push_back(&pool->cold, &p->of_pool);
    pool->idle++;
    if (!mr_list_is_empty(&pool->hungry))
        feed(pool);
    if (pool->idle > pool->max_idle) {
        evict(coldest(pool));
        feed(pool);
    }
}

void mr_conn_pool_close_idle(struct mr_conn_pool *pool)
{
    while (pool->idle > 0)
        evict(coldest(pool));
    mr_timer_stop(&pool->timer);
    feed(pool);
}

/* --- the pool --- */

void mr_conn_pool_init(struct mr_conn_pool *pool, const struct mr_conn_pool *o)
{
    *pool = (struct mr_conn_pool){
        .max_per_origin = o->max_per_origin,
        .max_total = o->max_total,
        .max_idle = o->max_idle,
        .idle_timeout = o->idle_timeout,
        .close = o->close,
    };
    mr_list_init(&pool->cold);
    mr_list_init(&pool->hungry);
    mr_timer_init(&pool->timer, on_timer);
    for (size_t i = 0; i < MR_POOL_BUCKETS; i++)
        mr_list_init(&pool->buckets[i]);
}

void mr_conn_pool_fini(struct mr_conn_pool *pool)
{
    mr_conn_pool_close_idle(pool);
    MR_BUG_ON(pool->open > 0 || pool->waiting > 0);
}
