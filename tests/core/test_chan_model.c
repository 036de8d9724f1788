/* SPDX-License-Identifier: MIT */

/*
 * test_chan_model.c - channels and select against a naive model.
 *
 * A driver lets random coroutines select on random cases of three channels (a
 * plain send or receive is a select of one), cancels them, closes channels,
 * and keeps its own lists: what each channel holds, and who waits, in order of
 * arrival. Which of several ready cases was taken is the code's choice; all
 * that follows from it is not. MODEL_SEED sets the seed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/chan.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define ACTORS 12
#define CHANS 3
#define CASES 3

static unsigned seed;

static int any(int n)
{
    return rand_r(&seed) % n;
}

/* --- what runs --- */

struct actor {
    struct mr_coro *co;
    struct mr_waitq order; /* told to act */
    struct mr_select_case c[CASES];
    int which[CASES]; /* channel of the case */
    int64_t in[CASES];
    int64_t out[CASES];
    int n;
    int64_t deadline;
    int rc; /* what it got; BUSY meanwhile */
    /* the driver's notes: */
    int want;            /* what it must have got */
    int64_t want_in;     /* and received */
    unsigned long since; /* waiting: its arrival; 0: not */
};

#define BUSY 1000

static struct actor actors[ACTORS];
static struct mr_chan *chans[CHANS];

static int do_cases(struct actor *a)
{
    struct mr_select_case *c = &a->c[0];

    if (a->n > 1 || any(4) == 0)
        return mr_select(c, (size_t)a->n, a->deadline);
    c->rc = c->op == MR_SELECT_SEND
                ? mr_chan_send(c->chan, c->item.from, a->deadline)
                : mr_chan_recv(c->chan, c->item.to, a->deadline);
    if (c->rc == -ETIMEDOUT || c->rc == -ECANCELED)
        return c->rc;
    return 0;
}

static intptr_t acts(void *arg)
{
    struct actor *a = arg;

    while (mr_wait(&a->order, MR_NEVER, "order") == 0)
        a->rc = do_cases(a);
    return 0;
}

/* --- the model --- */

static struct {
    size_t capacity;
    int64_t held[4];
    size_t n;
    bool closed;
} model[CHANS];

static unsigned long arrivals;

static void complete(struct actor *a, int index, int64_t received)
{
    a->want = index;
    a->want_in = received;
    a->since = 0;
}

/* Of those that wait with a case of this sort, the oldest; *ret_index is its
 * first such case. */
static struct actor *oldest(int ch, enum mr_select_op op, int *ret_index)
{
    struct actor *found = NULL;

    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];

        if (!a->since || (found && found->since < a->since))
            continue;
        for (int k = a->n; k-- > 0;) {
            if (a->which[k] != ch || a->c[k].op != op)
                continue;
            found = a;
            *ret_index = k;
        }
    }
    return found;
}

static bool is_ready(const struct actor *a, int k)
{
    int ch = a->which[k], unused;

    if (model[ch].closed)
        return true;
    if (a->c[k].op == MR_SELECT_SEND)
        return model[ch].n < model[ch].capacity ||
               oldest(ch, MR_SELECT_RECV, &unused);
    return model[ch].n > 0 || oldest(ch, MR_SELECT_SEND, &unused);
}

static void model_send(struct actor *a, int k)
{
    int ch = a->which[k], index;
    struct actor *to = oldest(ch, MR_SELECT_RECV, &index);

    complete(a, k, 0);
    CHECK_EQ_INT(a->c[k].rc, model[ch].closed ? -EPIPE : 0);
    if (model[ch].closed)
        return;
    if (to)
        complete(to, index, a->out[k]);
    else
        model[ch].held[model[ch].n++] = a->out[k];
}

static void model_recv(struct actor *a, int k)
{
    int ch = a->which[k], index = 0;
    struct actor *from = oldest(ch, MR_SELECT_SEND, &index);
    bool empty = model[ch].n == 0;

    CHECK_EQ_INT(a->c[k].rc, empty && !from ? -EPIPE : 0);
    if (from && empty) {
        complete(a, k, from->out[index]);
        complete(from, index, 0);
        return;
    }
    complete(a, k, empty ? 0 : model[ch].held[0]);
    if (empty)
        return;
    memmove(model[ch].held, model[ch].held + 1,
            --model[ch].n * sizeof model[ch].held[0]);
    if (from) {
        model[ch].held[model[ch].n++] = from->out[index];
        complete(from, index, 0);
    }
}

/* --- the driver --- */

static void settle(void)
{
    for (int i = 0; i < 3; i++)
        mr_yield();
}

static void new_actor(struct actor *a)
{
    memset(a, 0, sizeof *a);
    mr_waitq_init(&a->order);
    a->co = mr_spawn(acts, a);
    CHECK_OK(a->co != NULL);
    settle();
}

static void choose_cases(struct actor *a)
{
    a->n = any(3) ? 1 : 1 + any(CASES);
    a->deadline = any(4) ? MR_NEVER : 0;
    for (int k = 0; k < a->n; k++) {
        int ch = a->which[k] = any(CHANS);

        a->in[k] = 0;
        a->out[k] = rand_r(&seed);
        a->c[k] = any(2) ? mr_select_send(chans[ch], &a->out[k])
                         : mr_select_recv(chans[ch], &a->in[k]);
    }
}

static void command(struct actor *a)
{
    bool ready = false;

    choose_cases(a);
    for (int k = 0; k < a->n; k++)
        ready = ready || is_ready(a, k);
    a->rc = BUSY;
    a->want = BUSY;
    CHECK_OK(mr_waitq_wake_one(&a->order, 0));
    settle();
    if (!ready && a->deadline == 0) {
        complete(a, -ETIMEDOUT, 0);
    } else if (!ready) {
        a->since = ++arrivals;
    } else if (a->rc >= 0 && a->rc < a->n && is_ready(a, a->rc)) {
        if (a->c[a->rc].op == MR_SELECT_SEND)
            model_send(a, a->rc);
        else
            model_recv(a, a->rc);
    } else {
        CHECK_FAIL("a case was ready, but %d came", a->rc);
    }
}

static void cancel(struct actor *a)
{
    bool waited = a->since != 0;

    mr_cancel(a->co);
    CHECK_EQ_INT(mr_join(a->co, NULL, MR_NEVER), 0);
    if (waited)
        CHECK_EQ_INT(a->rc, -ECANCELED);
    new_actor(a);
}

/* Close, see everybody leave, begin anew. */
static void close_one(int ch)
{
    static const enum mr_select_op ops[] = {MR_SELECT_SEND, MR_SELECT_RECV};
    struct actor *a;
    int index = 0;

    mr_chan_close(chans[ch]);
    for (int i = 0; i < 2; i++) {
        while ((a = oldest(ch, ops[i], &index)))
            complete(a, index, 0);
    }
    model[ch].closed = true;
    settle();
}

static void open_one(int ch)
{
    mr_chan_free(chans[ch]);
    model[ch].capacity = (size_t)any(4);
    model[ch].n = 0;
    model[ch].closed = false;
    chans[ch] = mr_chan_new(sizeof(int64_t), model[ch].capacity);
}

/* False at the first difference: what follows from it says nothing. */
static bool check(void)
{
    bool ok = true;

    for (int i = 0; i < CHANS; i++)
        ok = CHECK_EQ_INT(mr_chan_len(chans[i]), model[i].n) && ok;
    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];

        ok = CHECK_EQ_INT(a->rc, a->since ? BUSY : a->want) && ok;
        if (a->since || a->want < 0)
            continue;
        for (int k = 0; k < a->n; k++)
            ok = CHECK_EQ_INT(a->in[k], k == a->want ? a->want_in : 0) && ok;
    }
    return ok;
}

static bool step(void)
{
    struct actor *a = &actors[any(ACTORS)];
    int ch = any(CHANS);

    if (any(16) == 0)
        cancel(a);
    else if (model[ch].closed && any(8) == 0)
        open_one(ch);
    else if (!model[ch].closed && any(64) == 0)
        close_one(ch);
    else if (!a->since)
        command(a);
    return check();
}

IN_HUB(chan_model)
{
    const char *fixed = getenv("MODEL_SEED");

    seed = fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();
    CASE("MODEL_SEED=%u", seed);
    for (int i = 0; i < CHANS; i++)
        open_one(i);
    for (int i = 0; i < ACTORS; i++)
        new_actor(&actors[i]);
    for (long n = TEST_SCALE(50000); n > 0 && step();)
        n--;
    for (int i = 0; i < CHANS; i++)
        mr_chan_free(chans[i]);
    return 0;
}

SUITE("channel model", chan_model)
TEST_MAIN()
