/* SPDX-License-Identifier: MIT */

/*
 * errand.c - who runs next: spawn, yield, park, end, join, cancel.
 *
 * A run queue, first in, first out. A coroutine that gives up the thread
 * switches straight to the next READY one; to the hub's own stack only when
 * the queue is empty or the slice is used up. So a yield among many costs one
 * switch, and the kernel is asked all the same (hub.c decides how often).
 *
 *  (1) READY <=> in the run queue, once.
 *  (2) An errand's end closes its children first: it is DONE after they are.
 *  (3) refs counts the owner (the group it is a member of, until a join, a
 *      reap or a close takes that) and mr_coro_ref. At 0 it is DONE and its
 *      stack goes back to the cache.
 *  (4) An end does what those who join it would do: writes the result where
 *      each wants it, and drops the owner's reference. So a join has nothing
 *      left to do after its wait, which is its last act.
 */
#include <errno.h>

#include "core/coro_priv.h"
#include "core/local.h"
#include "core/log.h"

/* --- the run queue --- */

/* Whom to switch to: the next READY errand's innermost, or the hub's stack.
 * *ret_value is what its park or yield returns. A cancel that comes while it is
 * READY concerns one that yielded; a park's outcome stays (core/wait.h, 2). */
static inline struct mr_coro *next_coro(struct mr_hub *hub, intptr_t *ret_value)
{
    struct mr_errand *e = hub->ready.head;

    if (!e || hub->budget <= 0) {
        if (MR_UNLIKELY(hub->section != NULL))
            mr_section_broken(hub);
        *ret_value = 0;
        return hub->stand_in;
    }
    hub->budget--;
    hub->stats.switches++;
    hub->ready.head = e->next;
    if (e->next) /* its frame, which among many is in no near cache */
        __builtin_prefetch(e->next->inner->sp);
    e->state = MR_ERRAND_RUNNING;
    *ret_value = e->value;
    if (MR_UNLIKELY(e->cancelled) && e->shields == 0 &&
        e->inner->state == MR_CORO_READY)
        *ret_value = -ECANCELED;
    e->inner->state = MR_CORO_RUNNING;
    return e->inner;
}

struct mr_errand *mr_errand_self(void)
{
    return mr_errand_current();
}

static inline struct mr_coro *park(struct mr_errand *e, struct mr_coro *self,
                                   intptr_t *ret_value)
{
    e->inner = self;
    e->state = MR_ERRAND_PARKED;
    e->since = e->hub->now;
    self->state = MR_CORO_PARKED;
    return next_coro(e->hub, ret_value);
}

intptr_t mr_errand_park(struct mr_errand *e)
{
    struct mr_coro *self = mr_thread.current, *next;
    intptr_t value;

    next = park(e, self, &value);
    return mr_coro_switch(self, next, value);
}

int mr_errand_park_int(struct mr_errand *e)
{
    struct mr_coro *self = mr_thread.current, *next;
    intptr_t value;

    next = park(e, self, &value);
    return mr_coro_switch_int(self, next, value);
}

int mr_errand_yield(struct mr_errand *e)
{
    struct mr_coro *self = mr_thread.current, *next;
    intptr_t value;

    e->inner = self;
    e->value = 0;
    self->state = MR_CORO_READY;
    mr_errand_ready(e);
    next = next_coro(e->hub, &value);
    if (next == self)
        return (int)value;
    return mr_coro_switch_int(self, next, value);
}

/* With a scope around it: its deadline may have passed, and is told so. */
static MR_COLD int yield_in_scope(struct mr_errand *e)
{
    int rc = mr_errand_yield(e);

    if (rc == 0 && e->scope->min <= e->hub->now)
        rc = mr_wait_any(NULL, 0, MR_NEVER, "yield");
    return rc;
}

int mr_yield(void)
{
    struct mr_errand *e = mr_errand_current();

    if (MR_UNLIKELY(e->scope != NULL))
        return yield_in_scope(e);
    return mr_errand_yield(e);
}

void mr_errand_run_ready(struct mr_hub *hub)
{
    intptr_t value;

    while (hub->ready.head && hub->budget > 0) {
        struct mr_coro *next = next_coro(hub, &value);

        (void)mr_coro_switch(hub->stand_in, next, value);
    }
}

void mr_errand_take_turns(struct mr_hub *hub, const struct mr_runq *others)
{
    struct mr_errand *a = hub->ready.head, *b = others->head, *next;
    struct mr_errand *a_tail = hub->ready.tail, *b_tail = others->tail, *tail;

    if (!a || !b) {
        hub->ready = a ? hub->ready : *others;
        return;
    }
    /* a is in its place, b comes after it; then what came after a. */
    while ((next = a->next)) {
        a->next = b;
        a = b;
        b = next;
        tail = a_tail;
        a_tail = b_tail;
        b_tail = tail;
    }
    a->next = b;
    hub->ready.tail = b_tail;
}

/* --- birth --- */

static struct mr_group *default_group(void)
{
    struct mr_errand *e = mr_thread.current->errand;

    /* From a hook on the hub's stack: nobody's child, so the hub's. */
    return e->hub ? &e->children : &mr_thread.hub->group;
}

/* In its group, and nowhere else yet. */
static inline __attribute__((always_inline)) struct mr_coro *
born(mr_coro_fn *fn, void *arg, const struct mr_spawn_options *o)
{
    struct mr_hub *hub = mr_thread.hub;
    struct mr_group *g;
    struct mr_coro *co;

    MR_BUG_ON(!hub || !fn);
    g = o->group ? o->group : default_group();
    if (g->closing)
        return NULL;
    if (mr_timers_reserve(&hub->timers))
        return NULL;
    if (mr_coro_make(&co, o->stack_size, fn, arg, true)) {
        mr_timers_unreserve(&hub->timers);
        return NULL;
    }
    co->name = o->name;
    co->entry = o->entry;
    co->where = o->where;
    co->own->group = g;
    co->own->reap = o->reap;
    co->own->at_end = g->at_end;
    mr_list_push_back(&g->members, &co->own->member);
    g->live++;
    mr_list_push_back(&hub->all, &co->own->all);
    hub->live++;
    hub->stats.spawned++;
    return co;
}

struct mr_coro *mr_spawn_with(mr_coro_fn *fn, void *arg,
                              const struct mr_spawn_options *o)
{
    struct mr_coro *co = born(fn, arg, o);

    if (MR_LIKELY(co != NULL))
        mr_errand_ready(co->own);
    return co;
}

struct mr_coro *mr_spawn_later_with(mr_coro_fn *fn, void *arg, int64_t at,
                                    const struct mr_spawn_options *o)
{
    struct mr_coro *co = born(fn, arg, o);

    if (co)
        mr_wait_to_begin(co->own, at);
    return co;
}

/* --- death --- */

/* Which of it. */
MR_COLD void mr_coro_no_handle(const struct mr_coro *co)
{
    MR_CORO_BUG_ON(!co || !co->is_root, co);
    /* Joined by somebody, or reaped, or closed with its group. */
    MR_CORO_BUG_ON(co->own->refs == 0, co);
    mr_coro_bug(__FILE__, __LINE__, "another thread's", co);
}

struct mr_coro *mr_coro_ref(struct mr_coro *co)
{
    mr_coro_handle(co)->own->refs++;
    return co;
}

static inline void unref(struct mr_coro *co)
{
    MR_CORO_BUG_ON(co->own->refs == 0, co);
    if (--co->own->refs > 0)
        return;
    MR_CORO_BUG_ON(co->own->state != MR_ERRAND_DONE, co);
    mr_stack_give(co->stack);
}

void mr_coro_unref(struct mr_coro *co)
{
    if (co)
        unref(mr_coro_handle(co));
}

static inline void release(struct mr_errand *e)
{
    MR_BUG_ON(e->state != MR_ERRAND_DONE);
    mr_list_remove(&e->member);
    e->group = NULL;
    if (e->taken)
        return;
    e->taken = true;
    unref(mr_errand_root(e));
}

void mr_errand_release(struct mr_errand *e)
{
    release(e);
}

/* What few errands have: told after their children have ended. */
static MR_COLD void at_end(struct mr_errand *e, intptr_t result)
{
    struct mr_scope shield;

    if (e->at_end & MR_AT_END_LOCALS) {
        mr_shield_enter(&shield, MR_NEVER);
        mr_local_clear();
        (void)mr_shield_leave(&shield);
        mr_group_close(&e->children); /* of the destructors */
    }
    if (e->at_end & MR_AT_END_LINKS)
        mr_links_end(e);
    if (e->at_end & MR_AT_END_TEAM)
        mr_team_end(e, result);
}

void mr_errand_end(struct mr_coro *co, intptr_t result)
{
    struct mr_errand *e = co->own;
    struct mr_hub *hub = e->hub;
    struct mr_group *g = e->group;
    struct mr_wait_entry *joiner;
    struct mr_coro *next;
    bool taken = e->reap;
    intptr_t value;

    MR_BUG_ON(e->scope); /* its function left a scope open */
    if (MR_UNLIKELY(!mr_list_is_empty(&e->children.members)))
        mr_group_close(&e->children);
    if (MR_UNLIKELY(e->at_end != 0))
        at_end(e, result);
    e->result = result;
    e->state = MR_ERRAND_DONE;
    mr_list_remove(&e->all);
    hub->live--;
    mr_timers_unreserve(&hub->timers);
    while ((joiner = mr_waitq_first(&e->joiners))) {
        *(intptr_t *)joiner->data = result;
        mr_wait_fire_inline(joiner, 0);
        taken = true;
    }
    if (g && --g->live == 0 && MR_UNLIKELY(!mr_waitq_is_empty(&g->empty)))
        (void)mr_waitq_wake_all(&g->empty, 0);
    if (taken)
        release(e);
    next = next_coro(hub, &value);
    mr_coro_leave_with(co, next, value);
}

int mr_join(struct mr_coro *co, intptr_t *ret_result, int64_t deadline)
{
    struct mr_errand *e;

    e = mr_coro_handle(co)->own;
    MR_CORO_BUG_ON(e == mr_errand_current(), co); /* it would wait for itself */
    if (!ret_result)
        ret_result = &e->result;
    if (e->state != MR_ERRAND_DONE)
        return mr_wait_for(&e->joiners, ret_result, &co->errand, deadline,
                           "join");
    *ret_result = e->result;
    release(e);
    return 0;
}

void mr_cancel(struct mr_coro *co)
{
    struct mr_errand *e = mr_coro_handle(co)->own;

    if (e->cancelled || e->state == MR_ERRAND_DONE)
        return;
    e->cancelled = true;
    if (e->state == MR_ERRAND_PARKED && e->shields == 0)
        mr_wait_break(e, -ECANCELED);
}

bool mr_is_cancelled(void)
{
    struct mr_errand *e = mr_errand_self();

    return e->cancelled && e->shields == 0;
}
