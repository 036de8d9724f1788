/* SPDX-License-Identifier: MIT */
#ifndef CORE_TOGETHER_H
#define CORE_TOGETHER_H

/*
 * together.h - several coroutines at once: join all or some of them, each as it
 * ends, kill them; and teams, which end as soon as their outcome is known.
 *
 *     struct mr_coro *co[] = {mr_spawn(fetch, a), mr_spawn(fetch, b)};
 *     rc = mr_join_all(co, 2, results, mr_after_s(5));
 *
 *     MR_FOR (struct mr_coro *, c, MR_TEMP(mr_iwait(co, 2, MR_NEVER)))
 *         printf("%s has ended\n", mr_coro_name(c));
 *
 *     struct mr_team t;                        both, or the first error
 *     mr_team_init(&t, MR_TEAM_ALL);
 *     mr_team_spawn(&t, fetch, a);
 *     mr_team_spawn(&t, fetch, b);
 *     rc = mr_team_finish(&t, NULL, mr_after_s(5));
 *
 * Arrays of handles: those that are NULL are passed over, and no other may be
 * in there twice. What a join took is NULL afterwards, so the array says who
 * is left, and may be given again.
 */
#include "core/group.h"
#include "core/iter.h"

/* --- join --- */

/*
 * Join all of the n; ret_results[i] (may be NULL) is that of cos[i], and is
 * written when cos[i] was taken. 0 when all were. Else -ETIMEDOUT, -ECANCELED
 * or -EDEADLK, as of mr_join; those that had ended by then were taken, the
 * others stay good. May park.
 */
MR_API MR_MUST_USE int mr_join_all(struct mr_coro **cos, size_t n,
                                   intptr_t *ret_results, int64_t deadline);
/*
 * The same until `count` of them have ended, whichever (or all, if they are
 * fewer). All that have ended by then are taken. 0 when `count` or all were;
 * also -ENOMEM. May park.
 */
MR_API MR_MUST_USE int mr_join_some(struct mr_coro **cos, size_t n,
                                    size_t count, intptr_t *ret_results,
                                    int64_t deadline);

/*
 * An iterator over the n, a struct mr_coro * each, in the order in which they
 * end. It joins none: mr_coro_result has what an item returned, and it is good
 * until the next is asked for; then as good as it was without the iterator.
 * Ends with -ETIMEDOUT when `deadline` comes, -ECANCELED, -ENOMEM. cos is not
 * kept. Asking may park.
 */
MR_API MR_MUST_USE struct mr_iter *mr_iwait(struct mr_coro *const *cos,
                                            size_t n, int64_t deadline);

/* --- kill --- */

/* Cancel co, and join it: as mr_cancel and mr_join. One that never ran never
 * will; of one that has ended nothing but the join is left. A BUG for oneself,
 * who may be cancelled. May park. */
MR_API MR_MUST_USE int mr_kill(struct mr_coro *co, int64_t deadline);
/* Cancel all of the n, and join them: as mr_join_all. May park. */
MR_API MR_MUST_USE int mr_kill_all(struct mr_coro **cos, size_t n,
                                   int64_t deadline);

/* --- teams --- */

enum mr_team_goal {
    MR_TEAM_ALL, /* that all succeed: the first -Exxx decides */
    MR_TEAM_ANY, /* that one succeeds: the first result but -Exxx decides */
};

/*
 * A group with a goal: whoever decides, the others are cancelled, and more are
 * refused. -ECANCELED from a member that was cancelled decides nothing. What
 * further members return goes nowhere.
 */
struct mr_team {
    struct mr_group group; /* for mr_group_spawn and mr_spawn_options too */
    enum mr_team_goal goal;
    bool decided;
    intptr_t outcome; /* what decided; or, for ANY, the first error so far */
};

MR_API void mr_team_init(struct mr_team *t, enum mr_team_goal goal);
/* As mr_group_spawn. NULL also when it has been decided. */
#define mr_team_spawn(t, fn, arg) mr_group_spawn(&(t)->group, fn, arg)
/*
 * Until all members have ended. Those alive at the deadline, or when we are
 * cancelled, are cancelled and waited for, so none is left in any case. The
 * team is empty and undecided afterwards.
 * ALL: 0, or the error that decided.
 * ANY: 0 and the result that decided in *ret_result (may be NULL); the first
 * error when all failed, -ESRCH when there was nobody.
 * Undecided: -ETIMEDOUT or -ECANCELED of our own. May park.
 */
MR_API MR_MUST_USE int mr_team_finish(struct mr_team *t, intptr_t *ret_result,
                                      int64_t deadline);

#endif
