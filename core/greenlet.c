/* SPDX-License-Identifier: MIT */

/*
 * greenlet.c - coroutines that switch to each other, with a value.
 *
 * What makes symmetric switches of resume and suspend: one that switches away
 * leaves to the other what it has of its own resumer - who that is, and where
 * the value for it goes - and is SUSPENDED. Whichever of them is the running
 * one can then go back to main, and its end does.
 *
 *  (1) Of the greenlets that one main entered, one is RUNNING (or RESUMING,
 *      above a chain of its own); its resumer is main. The others wait, and
 *      what their resumer and out say is of the past.
 *  (2) Main waits in mr_coro_resume. It is told by having no `out`, as no
 *      resumer gave it one: a thread's own stack, a root, a generator. So a
 *      generator is never left but by a yield, and whoever asked it gets no
 *      stranger's value.
 *  (3) The parents of a coroutine are a chain without a cycle, all made by
 *      hand; main is no parent, as it is another one for each who enters.
 */
#include "core/greenlet.h"

#include <errno.h>

#include "core/coro_priv.h"

static bool is_by_hand(const struct mr_coro *co)
{
    return !co->is_root && co->stack;
}

/* May be switched to. */
static bool is_waiting(const struct mr_coro *co)
{
    return co->state == MR_CORO_NEW || co->state == MR_CORO_SUSPENDED;
}

static bool is_generator(const struct mr_coro *co)
{
    return is_by_hand(co) && co->state != MR_CORO_NEW &&
           co->state != MR_CORO_DONE && !co->out;
}

static void tell(const struct mr_coro *from, const struct mr_coro *to,
                 intptr_t value)
{
    if (MR_UNLIKELY(mr_thread.trace != NULL))
        mr_thread.trace(mr_is_error(value) ? MR_GREENLET_THROW
                                           : MR_GREENLET_SWITCH,
                        from, to, value, mr_thread.trace_arg);
}

/* Who gets what is for co: itself, or its first parent that is not dead. */
static struct mr_coro *alive(struct mr_coro *co)
{
    while (co && is_by_hand(co) && co->state == MR_CORO_DONE)
        co = co->parent;
    return co;
}

/* `to` runs in from's place, invariant (1). */
static void step_in(const struct mr_coro *from, struct mr_coro *to)
{
    to->resumer = from->resumer;
    to->out = from->out;
    to->errand = from->errand;
    to->state = MR_CORO_RUNNING;
}

/* From main: until somebody comes back. */
static intptr_t enter(struct mr_coro *self, struct mr_coro *to, intptr_t value)
{
    intptr_t got;
    int rc;

    if (to == self)
        return value;
    MR_CORO_BUG_ON(is_by_hand(to) && to->home != &mr_thread, to);
    MR_CORO_BUG_ON(is_generator(to), to);
    tell(self, to, value);
    rc = mr_coro_resume(to, value, &got);
    return rc ? rc : got;
}

intptr_t mr_switch_to(struct mr_coro *co, intptr_t value)
{
    struct mr_coro *self = mr_coro_current(), *to = alive(co);

    if (!self->out)
        return enter(self, to ? to : self, value);
    if (!to)
        to = self->resumer;
    if (to == self)
        return value;
    if (to == self->resumer) {
        tell(self, to, value);
        return mr_coro_suspend(value);
    }
    MR_CORO_BUG_ON(!is_by_hand(to) || to->home != &mr_thread, to);
    MR_CORO_BUG_ON(is_generator(to), to);
    if (!is_waiting(to))
        return -EBUSY;
    tell(self, to, value);
    step_in(self, to);
    self->state = MR_CORO_SUSPENDED;
    return mr_coro_switch(self, to, value);
}

intptr_t mr_throw_to(struct mr_coro *co, int err)
{
    MR_BUG_ON(err >= 0 || err < -4095);
    if (co && is_by_hand(co) && co->state == MR_CORO_NEW)
        co->state = MR_CORO_DONE; /* which hands it on */
    return mr_switch_to(co, err);
}

void mr_greenlet_end(struct mr_coro *co, intptr_t result)
{
    struct mr_coro *to = alive(co->parent);

    if (!to || !is_waiting(to))
        to = co->resumer;
    tell(co, to, result);
    if (to == co->resumer) {
        *co->out = result;
        to->state = MR_CORO_RUNNING;
        mr_coro_leave_with(co, to, 0);
    }
    step_in(co, to);
    mr_coro_leave_with(co, to, result);
}

/* --- the object --- */

int mr_greenlet_new_with(struct mr_coro **ret, mr_coro_fn *fn, void *arg,
                         const struct mr_coro_options *options)
{
    struct mr_coro *self = mr_coro_current();
    int err = mr_coro_new(ret, fn, arg, options);

    if (!err)
        (*ret)->parent = self->out ? self : NULL;
    return err;
}

void mr_greenlet_free(struct mr_coro *co)
{
    int rc;

    if (co && co->state == MR_CORO_SUSPENDED) {
        MR_BUG_ON(!is_by_hand(co) || is_generator(co));
        co->parent = NULL;
        tell(mr_coro_current(), co, -ECANCELED);
        rc = mr_coro_resume(co, -ECANCELED, NULL);
        MR_BUG_ON(rc != 0 || co->state != MR_CORO_DONE); /* switched away */
    }
    mr_coro_free(co);
}

struct mr_coro *mr_greenlet_parent(const struct mr_coro *co)
{
    return co->parent;
}

int mr_greenlet_set_parent(struct mr_coro *co, struct mr_coro *parent)
{
    MR_BUG_ON(!is_by_hand(co) || is_generator(co));
    if (parent && !is_by_hand(parent))
        parent = NULL;
    MR_BUG_ON(parent && is_generator(parent));
    for (struct mr_coro *p = parent; p; p = p->parent) {
        if (p == co)
            return -ELOOP;
    }
    co->parent = parent;
    return 0;
}

mr_greenlet_trace_fn *mr_greenlet_trace(mr_greenlet_trace_fn *fn, void *arg)
{
    mr_greenlet_trace_fn *before = mr_thread.trace;

    mr_thread.trace = fn;
    mr_thread.trace_arg = arg;
    return before;
}
