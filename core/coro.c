/* SPDX-License-Identifier: MIT */

/*
 * coro.c - coroutines: a function, a stack, and a place to come back to.
 *
 * The invariants and the states are in core/coro.h. Here: the object, and the
 * two switches of a coroutine that is resumed by hand. Who runs next among
 * errands is errand.c's, what they wait for wait.c's.
 *
 * The control block lies on the top page of its own stack, above the first
 * frame: a coroutine that waits keeps one page in all.
 */
#include "core/coro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/coro_priv.h"

_Thread_local struct mr_thread_state mr_thread
    __attribute__((tls_model("initial-exec")));

/* --- a thread's own stack --- */

static struct mr_stack_owner running(void)
{
    const struct mr_coro *co = mr_thread.current;

    if (!co)
        return (struct mr_stack_owner){0};
    return (struct mr_stack_owner){co->stack, mr_coro_name(co), co->entry,
                                   (uintptr_t)co->fn};
}

static void describe(char *buf, size_t size)
{
    const struct mr_coro *co = mr_thread.current;

    if (!co) {
        buf[0] = '\0';
        return;
    }
    snprintf(buf, size, "coroutine '%s' #%llu, %s", mr_coro_name(co),
             (unsigned long long)co->id, mr_coro_state_name(mr_coro_state(co)));
}

struct mr_coro *mr_coro_thread(void)
{
    static _Thread_local union {
        struct mr_coro co;
        char room[sizeof(struct mr_coro) + sizeof(struct mr_errand)];
    } main_;
    static _Thread_local struct mr_switch_tool tool;
    struct mr_coro *co = &main_.co;

    if (co->tool)
        return co;
    mr_switch_tool_thread(&tool);
    mr_list_init(&mr_thread.by_hand);
    co->tool = &tool;
    co->name = "main";
    co->entry = "main";
    co->state = MR_CORO_RUNNING;
    co->errand = co->own;
    co->own->inner = co;
    co->own->state = MR_ERRAND_RUNNING;
    co->own->why = "";
    co->own->refs = 1;
    mr_waitq_init(&co->own->joiners);
    mr_group_init(&co->own->children);
    co->own->children.is_own = true;
    mr_list_init(&co->own->member);
    mr_list_init(&co->own->all);
    if (!mr_thread.current)
        mr_thread.current = co;
    /* Relaxed: every thread writes the same. */
    __atomic_store_n(&mr_stack_owner, running, __ATOMIC_RELAXED);
    __atomic_store_n(&mr_bug_context, describe, __ATOMIC_RELAXED);
    return co;
}

/* --- the object --- */

void mr_coro_main(void *unused)
{
    struct mr_coro *co = mr_thread.current;
    intptr_t result;

    (void)unused;
    mr_switch_tool_enter(co->tool);
    result = co->fn(co->arg);
    co->state = MR_CORO_DONE;
    if (MR_UNLIKELY(co->parent || mr_thread.trace))
        mr_greenlet_end(co, result);
    *co->out = result;
    co->resumer->state = MR_CORO_RUNNING;
    mr_coro_leave_with(co, co->resumer, 0);
}

MR_COLD void mr_coro_bug(const char *file, int line, const char *what,
                         const struct mr_coro *co)
{
    char text[256];

    if (co)
        snprintf(text, sizeof text, "%s: coroutine '%s' #%llu", what,
                 mr_coro_name(co), (unsigned long long)co->id);
    mr_bug(file, line, co ? text : what);
}

MR_COLD void mr_coro_block_init(struct mr_coro *co, struct mr_stack *st)
{
    struct mr_errand *e = co->own;

    co->tool = &st->tool;
    co->stack = st;
    mr_list_init(&co->by_hand);
    e->set = NULL;
    e->scope = NULL;
    e->why = "";
    mr_list_init(&e->member);
    mr_list_init(&e->all);
    mr_waitq_init(&e->joiners);
    mr_group_init(&e->children);
    e->children.is_own = true;
    e->entry.errand = NULL;
    e->waits_for = NULL;
    e->one.errand = e;
    e->one.entries = &e->entry;
    e->one.n = 1;
    e->one.timer.slot = 0;
}

MR_COLD void mr_coro_root_init(struct mr_coro *co, struct mr_stack *st)
{
    if (st->kept == MR_KEPT_NOTHING)
        mr_coro_block_init(co, st);
    st->kept = MR_KEPT_ROOT;
    co->errand = co->own;
    co->resumer = NULL;
    co->home = &mr_thread;
    co->out = NULL;
    co->is_root = true;
    co->parent = NULL;
    co->own->value = 0;
    co->own->since = 0;
    co->own->result = 0;
}

int mr_coro_make(struct mr_coro **ret, size_t stack_size, mr_coro_fn *fn,
                 void *arg)
{
    struct mr_stack *st;
    struct mr_coro *co;
    int err = mr_stack_take(stack_size, &st);

    if (err)
        return err;
    co = mr_stack_block(st);
    if (st->kept == MR_KEPT_NOTHING)
        mr_coro_block_init(co, st);
    st->kept = MR_KEPT_BY_HAND;
    (void)mr_switch_make(&co->sp, mr_stack_top(st), mr_coro_main);
    co->errand = NULL;
    co->resumer = NULL;
    co->home = &mr_thread;
    co->out = NULL;
    co->state = MR_CORO_NEW;
    co->is_root = false;
    co->fn = fn;
    co->arg = arg;
    co->id = ++mr_thread.last_id;
    co->parent = NULL;
    *ret = co;
    return 0;
}

int mr_coro_new(struct mr_coro **ret, mr_coro_fn *fn, void *arg,
                const struct mr_coro_options *options)
{
    static const struct mr_coro_options none;
    const struct mr_coro_options *o = options ? options : &none;
    struct mr_coro *co;
    int err = mr_stack_watch_overflow();

    if (err)
        return err;
    (void)mr_coro_current(); /* the thread has its stand-in before any other */
    err = mr_coro_make(&co, o->stack_size, fn, arg);
    if (err)
        return err;
    co->name = o->name;
    co->entry = o->entry;
    co->where = o->where;
    mr_list_push_back(&mr_thread.by_hand, &co->by_hand);
    *ret = co;
    return 0;
}

void mr_coro_free(struct mr_coro *co)
{
    if (!co)
        return;
    MR_CORO_BUG_ON(co->is_root || co->home != &mr_thread, co);
    MR_CORO_BUG_ON(co->state != MR_CORO_NEW && co->state != MR_CORO_DONE, co);
    mr_list_remove(&co->by_hand);
    co->home = NULL; /* so that the next use is found */
    mr_stack_give(co->stack);
}

/* --- the two switches --- */

int mr_coro_resume(struct mr_coro *co, intptr_t value, intptr_t *ret_value)
{
    struct mr_coro *self = mr_coro_current();

    /* Of another thread; a thread's own stack is nobody's. */
    MR_CORO_BUG_ON(!co || co->is_root || co->home != &mr_thread, co);
    if (MR_UNLIKELY(co->state != MR_CORO_NEW && co->state != MR_CORO_SUSPENDED))
        return co->state == MR_CORO_DONE ? -ESRCH : -EBUSY;
    co->resumer = self;
    co->errand = self->errand;
    co->out = ret_value ? ret_value : &co->unwanted;
    co->state = MR_CORO_RUNNING;
    self->state = MR_CORO_RESUMING;
    return mr_coro_switch_int(self, co, value); /* 0, from suspend */
}

intptr_t mr_coro_suspend(intptr_t value)
{
    struct mr_coro *self = mr_coro_current();
    struct mr_coro *resumer = self->resumer;

    MR_BUG_ON(self->is_root || !self->stack);
    *self->out = value;
    self->state = MR_CORO_SUSPENDED;
    resumer->state = MR_CORO_RUNNING;
    return mr_coro_switch(self, resumer, 0);
}

/* --- facts --- */

struct mr_coro *mr_coro_self(void)
{
    return mr_coro_current();
}

enum mr_coro_state mr_coro_state(const struct mr_coro *co)
{
    static const enum mr_coro_state of_errand[] = {
        [MR_ERRAND_READY] = MR_CORO_READY,
        [MR_ERRAND_RUNNING] = MR_CORO_RUNNING,
        [MR_ERRAND_PARKED] = MR_CORO_PARKED,
        [MR_ERRAND_DONE] = MR_CORO_DONE,
    };

    if (co->is_root)
        return of_errand[co->own->state];
    /* It has asked a generator, which writes nothing into its asker. */
    if (co->state == MR_CORO_RUNNING && co->home && co->home->current != co)
        return MR_CORO_RESUMING;
    return (enum mr_coro_state)co->state;
}

const char *mr_coro_state_name(enum mr_coro_state state)
{
    static const char *const names[] = {
#define X(id, name) name,
        MR_CORO_STATES(X)
#undef X
    };

    return (size_t)state < MR_ARRAY_LEN(names) ? names[state] : "?";
}

bool mr_coro_is_done(const struct mr_coro *co)
{
    return mr_coro_state(co) == MR_CORO_DONE;
}

bool mr_coro_result(const struct mr_coro *co, intptr_t *ret_result)
{
    MR_CORO_BUG_ON(!co || !co->is_root || co->own->refs == 0, co);
    MR_CORO_BUG_ON(co->home != &mr_thread, co);
    if (co->own->state != MR_ERRAND_DONE)
        return false;
    if (ret_result)
        *ret_result = co->own->result;
    return true;
}

int mr_coro_error(const struct mr_coro *co)
{
    intptr_t result = 0;

    (void)mr_coro_result(co, &result); /* of the living: 0 */
    return mr_is_error(result) ? (int)result : 0;
}

const char *mr_coro_name(const struct mr_coro *co)
{
    if (co->name)
        return co->name;
    return co->entry ? co->entry : "coroutine";
}

void mr_coro_set_name(struct mr_coro *co, const char *name)
{
    co->name = name;
}

const char *mr_coro_entry(const struct mr_coro *co)
{
    return co->entry ? co->entry : "";
}

uint64_t mr_coro_id(const struct mr_coro *co)
{
    return co->id;
}

size_t mr_coro_format(const struct mr_coro *co, char *buf, size_t size)
{
    int n = snprintf(buf, size, "<coroutine %s #%llu>", mr_coro_name(co),
                     (unsigned long long)co->id);

    return n > 0 ? (size_t)n : 0;
}

const char *mr_coro_why(const struct mr_coro *co)
{
    /* Of one that is suspended by hand the errand may be gone. */
    if (!co->is_root && co->state != MR_CORO_PARKED)
        return "";
    return co->errand->why;
}

size_t mr_coro_stack_size(const struct mr_coro *co)
{
    return co->stack ? co->stack->size : 0;
}

size_t mr_coro_stack_used(const struct mr_coro *co)
{
    return co->stack ? mr_stack_high_water(co->stack) : 0;
}
