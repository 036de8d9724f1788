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

/* e runs after next: its frame, and the blocks of the one behind it. */
static inline void look_ahead(const struct mr_errand *e)
{
    __builtin_prefetch(e->inner->sp);
    if (e->next) {
        __builtin_prefetch(e->next);
        __builtin_prefetch(mr_errand_root(e->next));
    }
}

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
    if (e->next) /* among many it is in no near cache */
        look_ahead(e->next);
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

static inline int park_int(struct mr_errand *e)
{
    struct mr_coro *self = mr_thread.current, *next;
    intptr_t value;

    next = park(e, self, &value);
    return mr_coro_switch_int(self, next, value);
}

int mr_errand_park_int(struct mr_errand *e)
{
    return park_int(e);
}

MR_HOT int mr_errand_yield(struct mr_errand *e)
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

MR_HOT void mr_errand_run_ready(struct mr_hub *hub)
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

static inline struct mr_group *group_of(const struct mr_spawn_options *o,
                                        struct mr_hub *hub)
{
    struct mr_errand *e;

    if (o->group)
        return o->group;
    e = mr_thread.current->errand;
    /* From a hook on the hub's stack: nobody's child, so the hub's. */
    return e->hub ? &e->children : &hub->group;
}

/*
 * In st, which is taken; its timer is reserved. A member of its group and in
 * the hub's list, and in no queue yet. To have it made at last is the caller's,
 * as his last act, so that nothing needs to be kept over a call.
 */
static inline __attribute__((always_inline)) struct mr_coro *
fill(struct mr_stack *st, struct mr_hub *hub, struct mr_group *g,
     mr_coro_fn *fn, void *arg, const struct mr_spawn_options *o)
{
    struct mr_coro *co = mr_stack_block(st);
    struct mr_errand *e = co->own;

    co->state = MR_CORO_NEW;
    co->fn = fn;
    co->arg = arg;
    co->name = o->name;
    co->entry = o->entry;
    co->where = o->where;
    co->id = ++mr_thread.last_id;
    e->inner = co;
    e->hub = hub;
    e->refs = 1;
    e->shields = 0;
    e->state = MR_ERRAND_READY;
    e->cancelled = false;
    e->group = g;
    e->reap = o->reap;
    e->taken = false;
    e->at_end = g->at_end;
    mr_list_push_back(&g->members, &e->member);
    g->live++;
    mr_list_push_back(&hub->all, &e->all);
    hub->stats.spawned++;
    return co;
}

static inline struct mr_coro *made(struct mr_coro *co, struct mr_stack *st)
{
    _Static_assert(offsetof(struct mr_coro, sp) == 0, "what it returns is co");
    return (void *)mr_switch_make(&co->sp, mr_stack_top(st), mr_errand_main);
}

/* However it is: the long way. Not in the run queue yet. */
MR_HOT static struct mr_coro *born(mr_coro_fn *fn, void *arg,
                                   const struct mr_spawn_options *o)
{
    struct mr_hub *hub = mr_thread.hub;
    struct mr_stack *st;
    struct mr_group *g;

    MR_BUG_ON(!hub || !fn);
    g = group_of(o, hub);
    if (g->closing)
        return NULL;
    if (mr_timers_reserve(&hub->timers))
        return NULL;
    if (mr_stack_take(o->stack_size, &st)) {
        mr_timers_unreserve(&hub->timers);
        return NULL;
    }
    if (st->kept != MR_KEPT_ROOT)
        mr_coro_root_init(mr_stack_block(st), st);
    return made(fill(st, hub, g, fn, arg, o), st);
}

MR_HOT static __attribute__((noinline)) struct mr_coro *
spawn_other(mr_coro_fn *fn, void *arg, const struct mr_spawn_options *o)
{
    struct mr_coro *co = born(fn, arg, o);

    if (MR_LIKELY(co != NULL))
        mr_errand_ready(co->own);
    return co;
}

MR_HOT struct mr_coro *mr_spawn_with(mr_coro_fn *fn, void *arg,
                                     const struct mr_spawn_options *o)
{
    struct mr_hub *hub = mr_thread.hub;
    struct mr_stack *st;
    struct mr_group *g;
    struct mr_coro *co;

    if (MR_UNLIKELY(!hub || !fn || o->stack_size > 0))
        return spawn_other(fn, arg, o);
    g = group_of(o, hub);
    if (MR_UNLIKELY(g->closing || !mr_timers_have_room(&hub->timers)))
        return spawn_other(fn, arg, o);
    st = mr_stack_last();
    if (MR_UNLIKELY(!st || st->kept != MR_KEPT_ROOT || !mr_stack_take_last()))
        return spawn_other(fn, arg, o);
    hub->timers.reserved++;
    co = fill(st, hub, g, fn, arg, o);
    mr_errand_queue(hub, co->own);
    return made(co, st);
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

/* Its group forgets it, and its owner has no reference any more. */
static inline void release_at_end(struct mr_coro *co, struct mr_errand *e)
{
    mr_list_unlink(&e->member);
    e->group = NULL;
    if (MR_LIKELY(e->refs == 1)) {
        e->refs = 0;
        mr_stack_give(co->stack);
        return;
    }
    mr_list_init(&e->member);
    e->taken = true;
    e->refs--;
}

static inline __attribute__((always_inline)) MR_NORETURN void
end(struct mr_coro *co, intptr_t result)
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
    mr_list_unlink(&e->all);
    mr_timers_unreserve(&hub->timers);
    while (!mr_waitq_is_empty(&e->joiners)) {
        joiner = mr_waitq_front(&e->joiners);
        *(intptr_t *)joiner->data = result;
        mr_wait_fire_inline(joiner, 0);
        taken = true;
    }
    if (g && --g->live == 0 && MR_UNLIKELY(!mr_waitq_is_empty(&g->empty)))
        (void)mr_waitq_wake_all(&g->empty, 0);
    if (taken)
        release_at_end(co, e);
    next = next_coro(hub, &value);
    mr_coro_leave_with(co, next, value);
}

MR_HOT void mr_errand_main(void *unused)
{
    struct mr_coro *co = mr_thread.current;
    intptr_t result = -ECANCELED;

    (void)unused;
    mr_switch_tool_enter(co->tool);
    if (MR_LIKELY(!co->own->cancelled))
        result = co->fn(co->arg);
    end(co, result);
}

/* --- join --- */

static MR_HOT __attribute__((noinline)) int join_done(struct mr_errand *e,
                                                      intptr_t *ret_result)
{
    if (ret_result)
        *ret_result = e->result;
    release(e);
    return 0;
}

/* One that is neither READY nor DONE, or not for ever. */
MR_HOT static __attribute__((noinline)) int
join_other(struct mr_coro *co, intptr_t *ret_result, int64_t deadline)
{
    struct mr_errand *e = mr_coro_handle(co)->own;

    MR_CORO_BUG_ON(e == mr_errand_current(), co); /* it would wait for itself */
    if (!ret_result)
        ret_result = &e->result;
    return mr_wait_for(&e->joiners, ret_result, &co->errand, deadline, "join");
}

MR_HOT int mr_join(struct mr_coro *co, intptr_t *ret_result, int64_t deadline)
{
    struct mr_errand *e = mr_coro_handle(co)->own, *self = mr_errand_current();

    if (e->state == MR_ERRAND_DONE)
        return join_done(e, ret_result);
    /* One that is READY waits for nobody: there is no cycle to look for. */
    if (MR_UNLIKELY(e->state != MR_ERRAND_READY ||
                    !mr_wait_is_plain(self, deadline)))
        return join_other(co, ret_result, deadline);
    self->waits_for = &co->errand;
    self->why = "join";
    mr_wait_enter(self, &e->joiners, ret_result ? ret_result : &e->result);
    return park_int(self);
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
