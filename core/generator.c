/* SPDX-License-Identifier: MIT */

/*
 * generator.c - a function that yields values to whoever asks for them.
 *
 * A question and a yield are one switch each, and the switch is the last thing
 * that either does (core/coro_priv.h: mr_coro_switch_keep). So both say
 * beforehand all that the other is to know: a question, where the value goes
 * and what was sent; a yield puts the value there. What they return is the
 * value that the switch brings: 1 for a yield, 0 or -Exxx for the end, and the
 * other way 0 or what is thrown. Floating-point control words are not switched:
 * body and asker are as callee and caller.
 *
 *  (1) Its coroutine has no `out` (core/greenlet.c, 2), and is left by a yield
 *      or its end only; so whom mr_switch_keep saved it alone goes on with.
 *  (2) The asker's state stays RUNNING; mr_coro_state sees that it RESUMES.
 *  (3) iter.status is 1 until the end, and then what every question gets.
 *  (4) Its coroutine's resumer and errand are those of who asked last, and only
 *      compared until he asks again: they may be gone, and their addresses
 *      another's, for whom they then are right.
 */
#include "core/generator.h"

#include <errno.h>
#include <string.h>

#include "core/coro_priv.h"
#include "core/sys.h"

static void end(struct mr_generator *g, intptr_t result)
{
    g->result = result;
    g->iter.status = mr_is_error(result) ? (int)result : 0;
    g->co->state = MR_CORO_DONE;
}

/* The coroutine's function; it does not return, as its last switch, too, has to
 * bring a value. */
static intptr_t body(void *arg)
{
    struct mr_generator *g = arg;

    end(g, g->fn(g, g->arg));
    mr_coro_leave_keep(g->co, g->co->resumer, g->iter.status);
}

/* --- asking --- */

/* Its coroutine knows who asks. */
static inline int go_on(struct mr_generator *g, const void *sent, int thrown,
                        void *ret_value)
{
    g->out = ret_value;
    g->sent = sent;
    g->co->state = MR_CORO_RUNNING;
    return mr_coro_switch_keep(g->co->resumer, g->co, thrown);
}

/* It does not wait at a yield, or was asked by somebody else last. */
static __attribute__((noinline)) int
ask_other(struct mr_generator *g, const void *sent, int thrown, void *ret_value)
{
    struct mr_coro *co = g->co;

    MR_BUG_ON(g->thread != __builtin_thread_pointer());
    switch (co->state) {
    case MR_CORO_NEW:
        if (sent)
            return -EINVAL;
        if (!thrown)
            break;
        end(g, thrown);
        return thrown;
    case MR_CORO_SUSPENDED:
        break;
    case MR_CORO_DONE:
        return thrown ? thrown : g->iter.status;
    default:
        return -EBUSY;
    }
    /* There is one: making the generator made at least the stand-in. */
    co->resumer = mr_thread.current;
    co->errand = co->resumer->errand;
    return go_on(g, sent, thrown, ret_value);
}

static inline int ask(struct mr_generator *g, const void *sent, int thrown,
                      void *ret_value)
{
    const struct mr_coro *self = mr_thread.current, *co = g->co;

    /* Who is resumed by hand may have another errand than the last time. */
    if (MR_UNLIKELY(co->state != MR_CORO_SUSPENDED || co->resumer != self ||
                    co->errand != self->errand))
        return ask_other(g, sent, thrown, ret_value);
    return go_on(g, sent, thrown, ret_value);
}

MR_HOT int mr_generator_next(struct mr_generator *g, void *ret_value)
{
    return ask(g, NULL, 0, ret_value);
}

int mr_generator_send(struct mr_generator *g, const void *value,
                      void *ret_value)
{
    return ask(g, value, 0, ret_value);
}

int mr_generator_throw(struct mr_generator *g, int err, void *ret_value)
{
    MR_BUG_ON(err >= 0);
    return ask(g, NULL, err, ret_value);
}

int mr_generator_close(struct mr_generator *g)
{
    int rc;

    if (g->co->state == MR_CORO_DONE)
        return 0;
    if (g->co->state != MR_CORO_NEW && g->co->state != MR_CORO_SUSPENDED)
        return -EBUSY;
    g->closing = true;
    rc = ask(g, NULL, -ECANCELED, NULL);
    return rc == -ECANCELED ? 0 : rc;
}

intptr_t mr_generator_result(const struct mr_generator *g)
{
    return g->result;
}

bool mr_generator_is_done(const struct mr_generator *g)
{
    return g->co->state == MR_CORO_DONE;
}

/* --- in the body --- */

/* The value is where it is to be. */
static inline int hand_over(struct mr_coro *self)
{
    struct mr_coro *asker = self->resumer;

    self->state = MR_CORO_SUSPENDED;
    return mr_coro_switch_keep(self, asker, 1);
}

/* Apart, so that the usual sizes need no frame. Who closes it wants no value,
 * so what is yielded then comes here. */
static __attribute__((noinline)) int yield_any(struct mr_generator *g,
                                               const void *value)
{
    MR_BUG_ON(g->closing); /* it goes on, in spite of its -ECANCELED */
    if (g->out && g->iter.size > 0)
        memcpy(g->out, value, g->iter.size);
    return hand_over(g->co);
}

MR_HOT int mr_generator_yield(struct mr_generator *g, const void *value)
{
    struct mr_coro *self = g->co;

    MR_BUG_ON(mr_thread.current != g->co);
    if (MR_UNLIKELY(!g->out))
        return yield_any(g, value);
    if (MR_LIKELY(g->iter.size == 8))
        memcpy(g->out, value, 8);
    else if (g->iter.size == 4)
        memcpy(g->out, value, 4);
    else
        return yield_any(g, value);
    return hand_over(self);
}

int mr_generator_delegate(struct mr_generator *g, struct mr_generator *sub,
                          intptr_t *ret_result)
{
    int thrown = 0, rc;

    MR_BUG_ON(mr_thread.current != g->co || sub->iter.size != g->iter.size);
    rc = mr_generator_next(sub, g->out);
    while (rc > 0) {
        thrown = hand_over(g->co);
        if (g->closing) {
            rc = mr_generator_close(sub);
            return rc < 0 ? rc : thrown;
        }
        rc = ask(sub, g->sent, thrown, g->out);
    }
    if (rc == 0 && ret_result)
        *ret_result = sub->result;
    return rc;
}

/* --- the object --- */

static int next(struct mr_iter *it, void *ret_item)
{
    return mr_generator_next((struct mr_generator *)it, ret_item);
}

static void free_iter(struct mr_iter *it)
{
    mr_generator_free((struct mr_generator *)it);
}

int mr_generator_new_with(struct mr_generator **ret, mr_generator_fn *fn,
                          void *arg, size_t size,
                          const struct mr_coro_options *options)
{
    static const struct mr_iter_ops ops = {next, free_iter};
    struct mr_generator *g = mr_iter_new(&ops, sizeof *g, size);
    int err;

    if (!g)
        return -ENOMEM;
    err = mr_coro_new(&g->co, body, g, options);
    if (err) {
        mr_free(g);
        return err;
    }
    g->thread = __builtin_thread_pointer();
    g->fn = fn;
    g->arg = arg;
    *ret = g;
    return 0;
}

void mr_generator_free(struct mr_generator *g)
{
    if (!g)
        return;
    if (g->co->state == MR_CORO_SUSPENDED)
        (void)!mr_generator_close(g); /* what it failed with concerns nobody */
    mr_coro_free(g->co);
    mr_free(g);
}
