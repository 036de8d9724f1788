/* SPDX-License-Identifier: MIT */

/*
 * pool.c - so many coroutines at a time.
 *
 * A place is a small record, made with the pool: what to run in it. Free ones
 * are in a list, and a place that becomes free goes straight to whoever waits
 * for one; so a spawn needs no memory but the stack. The coroutines belong to
 * the pool's group and are reaped: nobody joins them one by one.
 *
 * A run is one call of map, or one imap: places taken for it say so, hand in
 * their result by index, and can be cancelled apart from the others.
 *
 *  (1) Somebody waits for a place => none is free.
 *  (2) A place is free; or on its way to who was woken for it; or has a
 *      coroutine, and then its co is set.
 *  (3) A coroutine that is cancelled before its first turn never runs, so it
 *      cannot give back its place: whoever cancels it does. Nobody else can
 *      cancel it, as no handle is given out.
 *  (4) run->live counts its places; a run goes away when that is 0.
 */
#include "core/pool.h"

#include <errno.h>

#include "core/coro_priv.h"
#include "core/sys.h"

struct run {
    struct mr_pool_work work;
    intptr_t *results;
    size_t *finished;        /* imap: 1 + index of the k-th result, or 0 */
    bool ordered;            /* the k-th result is that of item k */
    size_t begun;            /* items that got a place */
    size_t ended;            /* of these */
    size_t live;             /* begun - ended */
    struct mr_waitq changed; /* one has ended, and somebody waits for that */
};

struct place {
    struct mr_pool *pool;
    struct place *next_free;
    mr_coro_fn *fn;
    void *arg;
    struct run *run; /* NULL: spawned alone */
    size_t index;    /* of its item in the run */
    struct mr_coro *co;
    bool has_begun; /* its function was called */
};

struct mr_pool {
    struct mr_group group;
    struct mr_waitq waiters; /* for a place, which is the value fired */
    struct place *free;
    size_t n_free;
    size_t size;
    unsigned kills; /* under way */
    struct place places[];
};

/* --- places --- */

/* The place as a value, or -Exxx. */
static intptr_t take_place(struct mr_pool *p, int64_t deadline)
{
    struct place *place = p->free;

    if (p->kills > 0)
        return -EPIPE;
    if (!place)
        return mr_wait(&p->waiters, deadline, "pool");
    p->free = place->next_free;
    p->n_free--;
    return (intptr_t)place;
}

static void give_place(struct place *place)
{
    struct mr_pool *p = place->pool;

    place->run = NULL;
    place->co = NULL;
    place->has_begun = false;
    if (mr_waitq_wake_one(&p->waiters, (intptr_t)place))
        return;
    place->next_free = p->free;
    p->free = place;
    p->n_free++;
}

static void hand_in(struct run *run, size_t index, intptr_t result)
{
    run->results[index] = result;
    if (run->finished)
        run->finished[run->ordered ? index : run->ended] = index + 1;
    run->ended++;
    run->live--;
    /* A map waits for the last only. */
    if (run->finished || run->live == 0)
        (void)mr_waitq_wake_all(&run->changed, 0);
}

static void leave_place(struct place *place, intptr_t result)
{
    if (place->run)
        hand_in(place->run, place->index, result);
    give_place(place);
}

static intptr_t run_in_place(void *arg)
{
    struct place *place = arg;
    intptr_t result;

    place->has_begun = true;
    result = place->fn(place->arg);
    mr_group_close(mr_group_own());
    leave_place(place, result);
    return result;
}

/* `like` says what to run; the rest is filled in. */
static int spawn(struct mr_pool *p, const struct place *like, const char *name,
                 const char *where, int64_t deadline)
{
    const struct mr_spawn_options options = {
        .entry = name, .where = where, .group = &p->group, .reap = true};
    intptr_t rc = take_place(p, deadline);
    struct place *place;

    if (rc < 0)
        return (int)rc;
    place = (struct place *)rc;
    place->fn = like->fn;
    place->arg = like->arg;
    place->co =
        p->kills == 0 ? mr_spawn_with(run_in_place, place, &options) : NULL;
    if (!place->co) {
        give_place(place);
        return p->kills == 0 ? -ENOMEM : -EPIPE;
    }
    place->run = like->run;
    place->index = like->index;
    if (place->run) {
        place->run->begun++;
        place->run->live++;
    }
    return 0;
}

/* All of the pool's, or of one run. */
static void cancel(struct mr_pool *p, const struct run *run)
{
    for (size_t i = 0; i < p->size; i++) {
        struct place *place = &p->places[i];

        if (!place->co || (run && place->run != run))
            continue;
        mr_cancel(place->co);
        if (!place->has_begun)
            leave_place(place, -ECANCELED);
    }
}

/* --- the pool --- */

struct mr_pool *mr_pool_new(size_t size)
{
    struct mr_pool *p;
    size_t bytes;

    MR_BUG_ON(size == 0);
    if (__builtin_mul_overflow(size, sizeof p->places[0], &bytes) ||
        __builtin_add_overflow(bytes, sizeof *p, &bytes))
        return NULL;
    p = mr_calloc(1, bytes);
    if (!p)
        return NULL;
    mr_group_init(&p->group);
    mr_waitq_init(&p->waiters);
    p->size = size;
    for (size_t i = size; i-- > 0;) {
        p->places[i].pool = p;
        give_place(&p->places[i]);
    }
    return p;
}

void mr_pool_free(struct mr_pool *p)
{
    if (!p)
        return;
    mr_pool_kill(p);
    MR_BUG_ON(p->n_free != p->size || p->kills > 0);
    mr_free(p);
}

int mr_pool_spawn_named(struct mr_pool *p, mr_coro_fn *fn, void *arg,
                        const char *name, const char *where, int64_t deadline)
{
    return spawn(p, &(struct place){.fn = fn, .arg = arg}, name, where,
                 deadline);
}

size_t mr_pool_idle(const struct mr_pool *p)
{
    return p->n_free;
}

int mr_pool_join(struct mr_pool *p, int64_t deadline)
{
    MR_BUG_ON(mr_errand_self()->group == &p->group);
    return mr_group_wait(&p->group, deadline);
}

void mr_pool_kill(struct mr_pool *p)
{
    MR_BUG_ON(mr_errand_self()->group == &p->group);
    p->kills++;
    (void)mr_waitq_wake_all(&p->waiters, -EPIPE);
    cancel(p, NULL);
    mr_group_close(&p->group);
    p->kills--;
}

/* --- runs --- */

static void run_init(struct run *run, const struct mr_pool_work *work,
                     intptr_t *results)
{
    *run = (struct run){.work = *work, .results = results};
    if (!run->work.name)
        run->work.name = "pool";
    mr_waitq_init(&run->changed);
}

/* Begin all that has not begun. */
static int feed(struct mr_pool *p, struct run *run, int64_t deadline)
{
    const struct mr_pool_work *w = &run->work;
    int rc = 0;

    while (rc == 0 && run->begun < w->n) {
        struct place like = {.fn = w->fn,
                             .arg =
                                 (char *)w->items + run->begun * w->item_size,
                             .run = run,
                             .index = run->begun};

        rc = spawn(p, &like, w->name, NULL, deadline);
    }
    return rc;
}

/* Until none of it is alive. */
static int drain(struct run *run, int64_t deadline)
{
    int rc = 0;

    while (rc == 0 && run->live > 0)
        rc = (int)mr_wait(&run->changed, deadline, "pool");
    return rc;
}

static void abandon(struct mr_pool *p, struct run *run)
{
    struct mr_scope shield;
    int rc;

    cancel(p, run);
    mr_shield_enter(&shield, MR_NEVER);
    rc = drain(run, MR_NEVER);
    MR_BUG_ON(rc != 0);
    (void)mr_shield_leave(&shield);
}

int mr_pool_map(struct mr_pool *p, const struct mr_pool_work *work,
                intptr_t *ret_results, int64_t deadline)
{
    struct run run;
    int rc;

    run_init(&run, work, ret_results);
    rc = feed(p, &run, deadline);
    if (rc == 0)
        rc = drain(&run, deadline);
    if (rc)
        abandon(p, &run);
    return rc;
}

/* --- imap --- */

struct mr_pool_imap {
    struct mr_pool *pool;
    struct run run;
    struct mr_group feeder;
    size_t taken; /* results */
    int err;      /* why the rest will not begin */
};

static intptr_t feeds(void *arg)
{
    struct mr_pool_imap *it = arg;

    it->err = feed(it->pool, &it->run, MR_NEVER);
    if (it->err)
        (void)mr_waitq_wake_all(&it->run.changed, 0);
    return 0;
}

static struct mr_pool_imap *imap(struct mr_pool *p,
                                 const struct mr_pool_work *work, bool ordered)
{
    struct mr_pool_imap *it = mr_calloc(1, sizeof *it);

    if (!it)
        return NULL;
    it->pool = p;
    mr_group_init(&it->feeder);
    run_init(&it->run, work, mr_calloc(work->n + 1, sizeof(intptr_t)));
    it->run.finished = mr_calloc(work->n + 1, sizeof(size_t));
    it->run.ordered = ordered;
    if (!it->run.results || !it->run.finished ||
        !mr_group_spawn(&it->feeder, feeds, it)) {
        mr_pool_imap_free(it);
        return NULL;
    }
    return it;
}

struct mr_pool_imap *mr_pool_imap(struct mr_pool *p,
                                  const struct mr_pool_work *work)
{
    return imap(p, work, true);
}

struct mr_pool_imap *mr_pool_imap_unordered(struct mr_pool *p,
                                            const struct mr_pool_work *work)
{
    return imap(p, work, false);
}

int mr_pool_imap_next(struct mr_pool_imap *it, size_t *ret_index,
                      intptr_t *ret_result, int64_t deadline)
{
    struct run *run = &it->run;
    size_t index;
    int rc;

    if (it->taken == run->work.n)
        return 0;
    while (run->finished[it->taken] == 0) {
        if (it->err && it->taken >= run->begun)
            return it->err;
        rc = (int)mr_wait(&run->changed, deadline, "imap");
        if (rc)
            return rc;
    }
    index = run->finished[it->taken++] - 1;
    if (ret_index)
        *ret_index = index;
    if (ret_result)
        *ret_result = run->results[index];
    return 1;
}

void mr_pool_imap_free(struct mr_pool_imap *it)
{
    if (!it)
        return;
    mr_group_close(&it->feeder);
    abandon(it->pool, &it->run);
    mr_free(it->run.finished);
    mr_free(it->run.results);
    mr_free(it);
}
