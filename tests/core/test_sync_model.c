/* SPDX-License-Identifier: MIT */

/*
 * test_sync_model.c - semaphore, mutex and rwlock against a naive model.
 *
 * A driver lets random coroutines take and give back one of the three, look
 * with no time to wait, and be cancelled at any moment, also when what they
 * waited for was just handed to them. It keeps its own list of who holds and
 * who waits, in order of arrival. MODEL_SEED sets the seed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define ACTORS 16
#define SEMA_COUNT 3

static unsigned seed;

static int any(int n)
{
    return rand_r(&seed) % n;
}

/* --- what runs --- */

static struct mr_sema sema;
static struct mr_mutex mutex;
static struct mr_rwlock rwlock;

enum what { SEMA, MUTEX, READ, WRITE, WHATS };

static int take(enum what what, int64_t deadline)
{
    switch (what) {
    case SEMA:
        return mr_sema_acquire(&sema, deadline);
    case MUTEX:
        return mr_mutex_lock(&mutex, deadline);
    case READ:
        return mr_rwlock_read(&rwlock, deadline);
    default:
        return mr_rwlock_write(&rwlock, deadline);
    }
}

static void give(enum what what)
{
    switch (what) {
    case SEMA:
        mr_sema_release(&sema);
        break;
    case MUTEX:
        mr_mutex_unlock(&mutex);
        break;
    case READ:
        mr_rwlock_unlock_read(&rwlock);
        break;
    default:
        mr_rwlock_unlock_write(&rwlock);
    }
}

enum doing { IDLE, WAITS, HOLDS };

struct actor {
    struct mr_coro *co;
    struct mr_waitq order;
    enum what what;
    int64_t deadline;
    enum doing doing; /* what it does */
    int rc;
    enum doing want; /* what it must do */
    unsigned long since;
};

static struct actor actors[ACTORS];

/* Take on the first order, give on the next; a cancel in between gives too. */
static intptr_t acts(void *arg)
{
    struct actor *a = arg;

    while (mr_wait(&a->order, MR_NEVER, "order") == 0) {
        a->doing = WAITS;
        a->rc = take(a->what, a->deadline);
        a->doing = a->rc == 0 ? HOLDS : IDLE;
        if (a->rc)
            continue;
        (void)mr_wait(&a->order, MR_NEVER, "order");
        give(a->what);
        a->doing = IDLE;
    }
    return 0;
}

/* --- the model --- */

static unsigned long arrivals;

static int holders(enum what what)
{
    int n = 0;

    for (int i = 0; i < ACTORS; i++)
        n += actors[i].want == HOLDS && actors[i].what == what;
    return n;
}

static bool same_object(enum what a, enum what b)
{
    return a == b || (a >= READ && b >= READ);
}

static bool may_hold(enum what what)
{
    switch (what) {
    case SEMA:
        return holders(SEMA) < SEMA_COUNT;
    case MUTEX:
        return holders(MUTEX) == 0;
    case READ:
        return holders(WRITE) == 0;
    default:
        return holders(WRITE) == 0 && holders(READ) == 0;
    }
}

static struct actor *first_waiting(enum what what)
{
    struct actor *found = NULL;

    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];

        if (a->want == WAITS && same_object(a->what, what) &&
            (!found || a->since < found->since))
            found = a;
    }
    return found;
}

/* In order of arrival, as long as the first may. */
static void let_in(enum what what)
{
    struct actor *a;

    while ((a = first_waiting(what)) && may_hold(a->what))
        a->want = HOLDS;
}

/* --- the driver --- */

static void settle(void)
{
    for (int i = 0; i < 4; i++)
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

static void order_take(struct actor *a)
{
    bool at_once;

    a->what = (enum what)any(WHATS);
    a->deadline = any(4) ? MR_NEVER : 0;
    at_once = !first_waiting(a->what) && may_hold(a->what);
    CHECK_OK(mr_waitq_wake_one(&a->order, 0));
    settle();
    if (at_once) {
        a->want = HOLDS;
    } else if (a->deadline == 0) {
        CHECK_EQ_INT(a->rc, -ETIMEDOUT);
        a->want = IDLE;
    } else {
        a->want = WAITS;
        a->since = ++arrivals;
    }
}

static void order_give(struct actor *a, bool cancel_the_next)
{
    struct actor *next;

    a->want = IDLE;
    next = first_waiting(a->what);
    let_in(a->what);
    CHECK_OK(mr_waitq_wake_one(&a->order, 0));
    if (cancel_the_next && next && next->want == HOLDS) {
        /* After a has given, before the next one runs: it holds, and gives
         * on. */
        mr_yield();
        mr_cancel(next->co);
        next->want = IDLE;
        let_in(next->what);
        CHECK_EQ_INT(mr_join(next->co, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(next->rc, 0);
        new_actor(next);
    }
    settle();
}

static void cancel(struct actor *a)
{
    enum doing was = a->want;

    mr_cancel(a->co);
    CHECK_EQ_INT(mr_join(a->co, NULL, MR_NEVER), 0);
    if (was == WAITS)
        CHECK_EQ_INT(a->rc, -ECANCELED);
    a->want = IDLE;
    let_in(a->what);
    new_actor(a);
}

/* False at the first difference: what follows from it says nothing. */
static bool check(void)
{
    bool ok = true;

    for (int i = 0; i < ACTORS; i++)
        ok = CHECK_EQ_INT(actors[i].doing, actors[i].want) && ok;
    ok = CHECK_EQ_INT(sema.count, SEMA_COUNT - holders(SEMA)) && ok;
    ok = CHECK_EQ_INT(rwlock.readers, holders(READ)) && ok;
    ok = CHECK_EQ_INT(rwlock.writer != NULL, holders(WRITE)) && ok;
    ok = CHECK_EQ_INT(mr_mutex_is_locked(&mutex), holders(MUTEX)) && ok;
    return ok;
}

static bool step(void)
{
    struct actor *a = &actors[any(ACTORS)];

    if (any(12) == 0)
        cancel(a);
    else if (a->want == IDLE)
        order_take(a);
    else if (a->want == HOLDS)
        order_give(a, any(4) == 0);
    return check();
}

IN_HUB(sync_model)
{
    const char *fixed = getenv("MODEL_SEED");

    seed = fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_now();
    CASE("MODEL_SEED=%u", seed);
    mr_sema_init_bounded(&sema, SEMA_COUNT);
    mr_mutex_init(&mutex);
    mr_rwlock_init(&rwlock);
    for (int i = 0; i < ACTORS; i++)
        new_actor(&actors[i]);
    for (long n = TEST_SCALE(50000); n > 0 && step();)
        n--;
    return 0;
}

SUITE("sync model", sync_model)
TEST_MAIN()
