/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CONN_POOL_H
#define HTTP_CONN_POOL_H

/*
 * conn_pool.h - a client's connections: who may open one, and which are idle.
 *
 *     rc = mr_conn_pool_take(&pool, &key, false, &place, &kept, deadline);
 *     if (rc == 0 && !kept)
 *         kept = connect(...);
 *     if (!kept)
 *         mr_conn_pool_leave(&pool, place);           the place is another's
 *     else if (mr_conn_pool_enter(&pool, place, kept, fd)) ...
 *     ...
 *     mr_conn_pool_put(&pool, kept);                  for the next
 *     mr_conn_pool_close(&pool, kept);                or not
 *
 * Invariants
 *  (1) A place is held by a connection, or by who is about to open one. At most
 *      max_per_origin are held of an origin, max_total in all.
 *  (2) Who finds none waits. A place or a connection that comes free goes to
 *      the one that has waited longest of those that can use it; nobody gets
 *      past him.
 *  (3) When all places are held, some by idle connections of other origins, the
 *      one idle for longest is closed for who wants another.
 *  (4) An idle connection that its peer closes, or that has something to say
 *      that nobody asked for, is closed at once; so are the oldest, beyond
 *      max_idle and after idle_timeout.
 *
 * It knows connections by struct mr_pooled, which their owner embeds, and a
 * function that frees them. One thread's.
 */
#include "core/str.h"
#include "core/timer.h"
#include "core/wait.h"

struct mr_pool_origin;

struct mr_pooled {
    struct mr_list of_origin; /* idle ones, the warmest first */
    struct mr_list of_pool;   /* idle ones, the coldest first */
    struct mr_pool_origin *origin;
    int64_t since; /* when it became idle */
    int fd;
    bool idle;
    bool unwatched; /* its hook has been answered while it was at work */
    bool talks;     /* something came that nobody waited for */
};

/* Frees it and closes its descriptor; must not park. */
typedef void mr_pooled_close_fn(struct mr_pooled *p);

#define MR_POOL_BUCKETS 64

/* In its owner's memory, and not to be moved. */
struct mr_conn_pool {
    unsigned max_per_origin;
    unsigned max_total;
    unsigned max_idle;
    int64_t idle_timeout;
    mr_pooled_close_fn *close;
    unsigned open; /* places held */
    unsigned idle;
    unsigned waiting;
    uint64_t turn;         /* of who waits */
    struct mr_list cold;   /* idle connections */
    struct mr_list hungry; /* origins that somebody waits for */
    struct mr_timer timer; /* started while something is idle */
    struct mr_list buckets[MR_POOL_BUCKETS];
};

/* Limits and close, from o; all else is made empty. */
void mr_conn_pool_init(struct mr_conn_pool *pool, const struct mr_conn_pool *o);
/* Closes what is idle. A BUG while a place is held, or somebody waits. */
void mr_conn_pool_fini(struct mr_conn_pool *pool);

struct mr_pool_key {
    bool https;
    uint16_t port;
    struct mr_str host;
    struct mr_str proxy; /* its authority; empty: none */
};

/*
 * An idle connection to there; or a place to open one, and *ret is NULL. fresh:
 * a place and nothing else. 0; -ETIMEDOUT, -ECANCELED, -ENOMEM. May park.
 */
MR_MUST_USE int mr_conn_pool_take(struct mr_conn_pool *pool,
                                  const struct mr_pool_key *key, bool fresh,
                                  struct mr_pool_origin **ret_place,
                                  struct mr_pooled **ret, int64_t deadline);
/* The place is p's from now on; fd is watched. 0; -ENOMEM: it is not. */
MR_MUST_USE int mr_conn_pool_enter(struct mr_pool_origin *place,
                                   struct mr_pooled *p, int fd);
/* At work, its `talks` looked at: it will be set again. 0 or -ENOMEM. */
MR_MUST_USE int mr_conn_pool_watch(struct mr_pooled *p);
/* Nothing came of it. */
void mr_conn_pool_leave(struct mr_conn_pool *pool,
                        struct mr_pool_origin *place);

/* It is at rest, and may be used again. It may be gone when this returns. */
void mr_conn_pool_put(struct mr_conn_pool *pool, struct mr_pooled *p);
/* One that is at work. */
void mr_conn_pool_close(struct mr_conn_pool *pool, struct mr_pooled *p);
void mr_conn_pool_close_idle(struct mr_conn_pool *pool);

#endif
