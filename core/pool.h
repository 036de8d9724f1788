/* SPDX-License-Identifier: MIT */
#ifndef CORE_POOL_H
#define CORE_POOL_H

/*
 * pool.h - so many coroutines at a time: spawn waits for a place; map, imap.
 *
 *     MR_AUTO(pool) p = mr_pool_new(10);
 *     while (next_url(&url))
 *         rc = mr_pool_spawn(p, fetch, url, MR_NEVER);   at most 10 at once
 *     rc = mr_pool_join(p, MR_NEVER);                    the last have ended
 *
 *     struct mr_pool_work w = {fetch_size, urls, n, sizeof *urls};
 *     rc = mr_pool_map(p, &w, sizes, mr_after_s(30));    sizes[i] of urls[i]
 *
 *     MR_AUTO(pool_imap) it = mr_pool_imap(p, &w);       as they come
 *     while ((rc = mr_pool_imap_next(it, &i, &size, MR_NEVER)) > 0)
 *         print(urls[i], size);
 *
 * Several may share a pool: places go to who waits longest. What runs in a
 * pool must not wait for a place in the same one: when all do, none ends.
 */
#include "core/group.h"

struct mr_pool;

/* A pool of `size` places (1 or more). NULL when out of memory. */
MR_API MR_MUST_USE struct mr_pool *mr_pool_new(size_t size);
/* Kills first. Nobody may be waiting in it, and its imaps are freed before.
 * NULL does nothing. May park. */
MR_API void mr_pool_free(struct mr_pool *p);
MR_DEFINE_AUTO(pool)

/*
 * Run fn(arg) as a coroutine of the pool, as soon as a place is free. Its
 * result goes nowhere; the place is free when it and all that it spawned have
 * ended. 0; -ENOMEM; -EPIPE when the pool is killed meanwhile; -ETIMEDOUT or
 * -ECANCELED. After an error fn is not run. May park.
 * A macro, so that reports can name the function.
 */
#define mr_pool_spawn(p, fn, arg, deadline) \
    mr_pool_spawn_named((p), (fn), (arg), #fn, MR_HERE, (deadline))
MR_API MR_MUST_USE int mr_pool_spawn_named(struct mr_pool *p, mr_coro_fn *fn,
                                           void *arg, const char *name,
                                           const char *where, int64_t deadline);

/* How many places are free now. */
MR_API size_t mr_pool_idle(const struct mr_pool *p);
/* Until no coroutine of the pool is alive. 0, -ETIMEDOUT, -ECANCELED. A BUG
 * from within the pool. May park. */
MR_API MR_MUST_USE int mr_pool_join(struct mr_pool *p, int64_t deadline);
/* Cancel all and wait for their ends (as mr_group_close); who waits for a
 * place gets -EPIPE. The pool can be used again afterwards. A BUG from within
 * the pool. May park. */
MR_API void mr_pool_kill(struct mr_pool *p);

/* --- the same for each of many --- */

/* fn gets a pointer to an item. The items are kept until all is done. */
struct mr_pool_work {
    mr_coro_fn *fn;
    void *items;
    size_t n;
    size_t item_size;
    const char *name; /* of the coroutines, kept; NULL: "pool" */
};

/*
 * Run fn for each item, as places become free; ret_results[i] is that of item
 * i, -ECANCELED where the pool was killed before it began. 0 when all have
 * ended. -ENOMEM, -EPIPE (killed meanwhile), -ETIMEDOUT, -ECANCELED: those
 * under way were cancelled and have ended, too. May park.
 */
MR_API MR_MUST_USE int mr_pool_map(struct mr_pool *p,
                                   const struct mr_pool_work *work,
                                   intptr_t *ret_results, int64_t deadline);

struct mr_pool_imap;

/*
 * The same, one result after the other: begins at once, goes on however slowly
 * the results are taken. In the order of the items, or of their ends. The pool
 * is kept. NULL when out of memory.
 */
MR_API MR_MUST_USE struct mr_pool_imap *
mr_pool_imap(struct mr_pool *p, const struct mr_pool_work *work);
MR_API MR_MUST_USE struct mr_pool_imap *
mr_pool_imap_unordered(struct mr_pool *p, const struct mr_pool_work *work);
/* The next: 1, the item's index and fn's result (either may be NULL). 0 at the
 * end, and again after it. -ETIMEDOUT or -ECANCELED: nothing is lost. -ENOMEM
 * or -EPIPE: the rest will not come. May park. */
MR_API MR_MUST_USE int mr_pool_imap_next(struct mr_pool_imap *it,
                                         size_t *ret_index,
                                         intptr_t *ret_result,
                                         int64_t deadline);
/* Those under way are cancelled and waited for. NULL does nothing. May park. */
MR_API void mr_pool_imap_free(struct mr_pool_imap *it);
MR_DEFINE_AUTO(pool_imap)

#endif
