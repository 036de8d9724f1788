/* SPDX-License-Identifier: MIT */

/*
 * group.c - owns coroutines; closing it cancels and joins them.
 *
 * A member leaves the list when it is joined, reaped or released by close; a
 * member that is done but not joined stays, and keeps its stack.
 */
#include "core/group.h"

#include "core/coro_priv.h"

static struct mr_errand *member_at(struct mr_list *n)
{
    return mr_container_of(n, struct mr_errand, member);
}

void mr_group_init(struct mr_group *g)
{
    mr_list_init(&g->members);
    g->live = 0;
    mr_waitq_init(&g->empty);
    g->closing = false;
    g->at_end = 0;
    g->is_own = false;
    g->has_closer = false;
}

struct mr_group *mr_group_own(void)
{
    return &mr_errand_self()->children;
}

void mr_group_cancel(struct mr_group *g)
{
    /* Cancelling runs nobody, so the list stays as it is. */
    MR_LIST_EACH (n, &g->members)
        mr_cancel(mr_errand_root(member_at(n)));
}

int mr_group_wait(struct mr_group *g, int64_t deadline)
{
    intptr_t rc;

    while (g->live > 0) {
        rc = mr_wait(&g->empty, deadline, "group");
        if (rc < 0)
            return (int)rc;
    }
    return 0;
}

/* Is the running errand a member of g, or born of one? */
static bool is_inside(const struct mr_group *g)
{
    const struct mr_group *at = mr_errand_self()->group;

    while (at && at != g && at->is_own)
        at = mr_container_of(at, struct mr_errand, children)->group;
    return at == g;
}

static void wait_shielded(struct mr_group *g)
{
    struct mr_scope shield;
    int rc;

    if (g->live == 0)
        return;
    mr_shield_enter(&shield, MR_NEVER);
    /* Once: what is spawned when this end has come is another's to close. */
    rc = (int)mr_wait(&g->empty, MR_NEVER, "group");
    MR_BUG_ON(rc != 0);
    (void)mr_shield_leave(&shield);
}

MR_HOT void mr_group_close(struct mr_group *g)
{
    struct mr_list *n;

    if (mr_list_is_empty(&g->members))
        return;
    MR_BUG_ON(is_inside(g));
    if (g->has_closer) { /* and it has cancelled them all */
        if (g->live > 0)
            wait_shielded(g);
        else /* it is READY, and releases them in its turn */
            (void)mr_errand_yield(mr_errand_self());
        return;
    }
    g->has_closer = true;
    g->closing = true;
    mr_group_cancel(g);
    wait_shielded(g);
    while ((n = g->members.next) != &g->members)
        mr_errand_release(member_at(n));
    g->closing = false;
    g->has_closer = false;
}
