/* SPDX-License-Identifier: MIT */

/*
 * together.c - several coroutines at once.
 *
 * To wait for all, one after the other will do, and each is a join like any
 * other: cycles are seen. To wait for whoever is first takes a link to each.
 *
 *  (1) An iwait's entry has a link while its coroutine lives; then it is in
 *      `ended`, with a reference, until it is given; the last that was given
 *      keeps its reference until the next is asked for.
 *  (2) A team is decided once; it is closing from then on.
 */
#include "core/together.h"

#include <errno.h>

#include "core/coro_priv.h"
#include "core/link.h"
#include "core/sys.h"

/* --- as they end --- */

struct entry {
    struct mr_link link;
    struct mr_list node; /* in ended */
    struct mr_coro *co;
    struct iwait *it;
};

struct iwait {
    struct mr_iter iter;
    struct mr_waitq changed;
    struct mr_list ended;
    size_t living;
    size_t n_ended; /* so far, given or not */
    struct mr_coro *given;
    int64_t deadline;
    size_t n;
    struct entry entries[];
};

static void has_ended(struct entry *e, struct mr_coro *co)
{
    e->co = mr_coro_ref(co);
    mr_list_push_back(&e->it->ended, &e->node);
    e->it->n_ended++;
}

static void on_end(struct mr_link *link, struct mr_coro *co)
{
    struct entry *e = mr_container_of(link, struct entry, link);

    has_ended(e, co);
    e->it->living--;
    (void)mr_waitq_wake_all(&e->it->changed, 0);
}

static int iwait_next(struct mr_iter *iter, void *ret_item)
{
    struct iwait *it = (struct iwait *)(void *)iter;
    struct mr_list *n;
    int rc;

    mr_coro_unref(MR_MOVE(it->given));
    while (!(n = mr_list_pop_front(&it->ended))) {
        if (it->living == 0)
            return 0;
        rc = (int)mr_wait(&it->changed, it->deadline, "iwait");
        /* Some may have ended between that and our turn. */
        if (rc < 0 && mr_list_is_empty(&it->ended))
            return rc;
    }
    it->given = MR_MOVE(mr_container_of(n, struct entry, node)->co);
    *(struct mr_coro **)ret_item = it->given;
    return 1;
}

static void iwait_free(struct mr_iter *iter)
{
    struct iwait *it = (struct iwait *)(void *)iter;

    for (size_t i = 0; i < it->n; i++) {
        mr_unlink(&it->entries[i].link);
        mr_coro_unref(it->entries[i].co);
    }
    mr_coro_unref(it->given);
    mr_free(it);
}

/* NULL when out of memory. */
static struct iwait *iwait_new(struct mr_coro *const *cos, size_t n,
                               int64_t deadline)
{
    static const struct mr_iter_ops ops = {iwait_next, iwait_free};
    struct iwait *it;
    size_t size;

    if (__builtin_mul_overflow(n, sizeof it->entries[0], &size) ||
        __builtin_add_overflow(size, sizeof *it, &size))
        return NULL;
    it = mr_iter_new(&ops, size, sizeof(struct mr_coro *));
    if (!it)
        return NULL;
    mr_waitq_init(&it->changed);
    mr_list_init(&it->ended);
    it->deadline = deadline;
    it->n = n;
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &it->entries[i];

        e->it = it;
        mr_list_init(&e->node);
        mr_link_init(&e->link, on_end);
        if (!cos[i])
            continue;
        if (mr_coro_is_done(mr_coro_handle(cos[i]))) {
            has_ended(e, cos[i]);
        } else {
            mr_link(cos[i], &e->link);
            it->living++;
        }
    }
    return it;
}

struct mr_iter *mr_iwait(struct mr_coro *const *cos, size_t n, int64_t deadline)
{
    struct iwait *it = iwait_new(cos, n, deadline);

    return it ? &it->iter : mr_iter_nomem();
}

/* --- join --- */

/* 0, and cos[i] is taken; or an error. */
static int take(struct mr_coro **cos, size_t i, intptr_t *ret_results,
                int64_t deadline)
{
    int rc = mr_join(cos[i], ret_results ? &ret_results[i] : NULL, deadline);

    if (rc == 0)
        cos[i] = NULL;
    return rc;
}

int mr_join_all(struct mr_coro **cos, size_t n, intptr_t *ret_results,
                int64_t deadline)
{
    size_t left = 0;
    int rc = 0;

    /* Those that are reaped stay while we wait for others. */
    for (size_t i = 0; i < n; i++) {
        if (cos[i])
            mr_coro_ref(cos[i]);
    }
    /* After an error no more waiting: only those that have ended, be it between
     * the error and our turn. */
    for (size_t i = 0; i < n; i++) {
        struct mr_coro *co = cos[i];

        if (co && rc == 0)
            rc = take(cos, i, ret_results, deadline);
        if (cos[i] && mr_coro_is_done(co))
            (void)!take(cos, i, ret_results, deadline); /* it has ended: 0 */
        left += cos[i] != NULL;
        mr_coro_unref(co);
    }
    return left > 0 ? rc : 0;
}

/* Take those that have ended: how many. *ret_left are alive. */
static size_t take_ended(struct mr_coro **cos, size_t n, intptr_t *ret_results,
                         size_t *ret_left)
{
    size_t taken = 0;

    *ret_left = 0;
    for (size_t i = 0; i < n; i++) {
        if (!cos[i])
            continue;
        if (mr_coro_is_done(mr_coro_handle(cos[i])) &&
            take(cos, i, ret_results, MR_NEVER) == 0)
            taken++;
        else
            ++*ret_left;
    }
    return taken;
}

int mr_join_some(struct mr_coro **cos, size_t n, size_t count,
                 intptr_t *ret_results, int64_t deadline)
{
    size_t left, taken = take_ended(cos, n, ret_results, &left);
    struct iwait *it;
    int rc = 0;

    if (taken >= count)
        return 0;
    if (count - taken >= left)
        return mr_join_all(cos, n, ret_results, deadline);
    it = iwait_new(cos, n, deadline);
    if (!it)
        return -ENOMEM;
    while (rc == 0 && taken + it->n_ended < count)
        rc = (int)mr_wait(&it->changed, deadline, "join");
    /* Before it lets go of those that are reaped. */
    taken += take_ended(cos, n, ret_results, &left);
    mr_iter_free(&it->iter);
    return taken >= count ? 0 : rc;
}

/* --- kill --- */

int mr_kill(struct mr_coro *co, int64_t deadline)
{
    MR_CORO_BUG_ON(mr_coro_handle(co)->own == mr_errand_self(), co);
    mr_cancel(co);
    return mr_join(co, NULL, deadline);
}

int mr_kill_all(struct mr_coro **cos, size_t n, int64_t deadline)
{
    for (size_t i = 0; i < n; i++) {
        if (cos[i])
            mr_cancel(cos[i]);
    }
    return mr_join_all(cos, n, NULL, deadline);
}

/* --- teams --- */

void mr_team_init(struct mr_team *t, enum mr_team_goal goal)
{
    mr_group_init(&t->group);
    t->group.at_end = MR_AT_END_TEAM;
    t->goal = goal;
    t->decided = false;
    t->outcome = 0;
}

void mr_team_end(struct mr_errand *e, intptr_t result)
{
    struct mr_team *t = mr_container_of(e->group, struct mr_team, group);
    bool failed = mr_is_error(result);

    if (t->decided || (result == -ECANCELED && e->cancelled))
        return;
    if (failed && t->outcome == 0)
        t->outcome = result;
    if (failed != (t->goal == MR_TEAM_ALL))
        return;
    t->outcome = result;
    t->decided = true;
    t->group.closing = true;
    mr_group_cancel(&t->group);
}

int mr_team_finish(struct mr_team *t, intptr_t *ret_result, int64_t deadline)
{
    int rc = mr_group_wait(&t->group, deadline);
    struct mr_team was = *t;

    mr_group_close(&t->group);
    /* Out of time, one may succeed all the same; what failed then did so
     * because we cancelled it. */
    if (t->goal == MR_TEAM_ANY)
        was = *t;
    mr_team_init(t, was.goal);
    if (was.decided && was.goal == MR_TEAM_ANY) {
        if (ret_result)
            *ret_result = was.outcome;
        return 0;
    }
    if (!was.decided && rc < 0)
        return rc;
    if (was.goal == MR_TEAM_ANY && was.outcome == 0)
        return -ESRCH;
    return (int)was.outcome;
}
