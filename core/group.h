/* SPDX-License-Identifier: MIT */
#ifndef CORE_GROUP_H
#define CORE_GROUP_H

/*
 * group.h - owns coroutines; closing it cancels and joins them.
 *
 *     struct mr_group g;
 *     mr_group_init(&g);
 *     mr_group_spawn(&g, fetch, a);
 *     mr_group_spawn(&g, fetch, b);
 *     rc = mr_group_wait(&g, mr_after_s(5));   all ended by themselves?
 *     mr_group_close(&g);                      those that did not are cancelled
 *
 * Every errand has one such group of its own, for what mr_spawn starts in it;
 * it is closed when the errand's function has returned.
 */
#include "core/hub.h"

struct mr_group {
    struct mr_list members; /* errands, alive or not yet joined */
    size_t live;            /* those that have not ended */
    struct mr_waitq empty;  /* wakes when live comes to 0 */
    bool closing;           /* spawns into it are refused */
    uint8_t at_end;         /* what a member's end has to do besides */
    bool is_own;            /* an errand's own: mr_group_own */
    bool has_closer;        /* an errand is inside mr_group_close */
};

MR_API void mr_group_init(struct mr_group *g);

/* The running errand's own: what mr_spawn starts goes there. */
MR_API struct mr_group *mr_group_own(void);

/* In g, to be joined or closed with it. NULL: no memory, or g is closing. */
#define mr_group_spawn(g, fn, arg)            \
    mr_spawn_with((fn), (arg),                \
                  &(struct mr_spawn_options){ \
                      .entry = #fn, .where = MR_HERE, .group = (g)})

/* Ask all members to end; does not wait. */
MR_API void mr_group_cancel(struct mr_group *g);
/* Until no member is alive. 0, -ETIMEDOUT, -ECANCELED. May park. */
MR_API MR_MUST_USE int mr_group_wait(struct mr_group *g, int64_t deadline);
/*
 * Cancel all members, wait for their ends (shielded: live frames are never
 * dropped), free what was not joined. g is empty and usable afterwards.
 * A member that ignores its cancellation keeps this waiting. From inside a
 * member, or what it spawned, it is a BUG: it would wait for itself. Several
 * may close one group at once: each comes back when all members have ended; the
 * first of them frees, so g stays where it is until all have come back.
 * May park.
 */
MR_API void mr_group_close(struct mr_group *g);

#endif
