/* SPDX-License-Identifier: MIT */

/* test_sync.c - events, results, semaphores, locks, conditions, cycles. */
#include "core/sync.h"

#include <errno.h>
#include <string.h>

#include "core/timer.h"
#include "tests/core/in_hub.h"

/* What happened, in order: one letter each. */
static char story[64];

static void tell(char c)
{
    size_t n = strlen(story);

    if (n + 1 < sizeof story)
        story[n] = c;
}

static void settle(void)
{
    for (int i = 0; i < 4; i++)
        mr_yield();
}

/* A coroutine that does one thing: its letter is told when that succeeded. */
struct actor {
    char letter;
    void *object;
    int64_t deadline;
    int rc;
    struct mr_coro *co;
};

static void act(struct actor *a, mr_coro_fn *fn, char letter, void *object)
{
    *a = (struct actor){.letter = letter, .object = object, .rc = 1};
    a->deadline = MR_NEVER;
    a->co = mr_spawn(fn, a);
    mr_coro_set_name(a->co, letter == 'a' ? "ann" : "bob");
    settle();
}

static void done(struct actor *a, int rc)
{
    a->rc = rc;
    if (rc == 0)
        tell(a->letter);
}

static void joined(struct actor *a, int want)
{
    CHECK_EQ_INT(mr_join(a->co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(a->rc, want);
}

/* --- event --- */

static intptr_t waits_for_event(void *arg)
{
    struct actor *a = arg;

    done(a, mr_event_wait(a->object, a->deadline));
    return 0;
}

IN_HUB(event_wakes_all)
{
    struct mr_event ev;
    struct actor a, b;

    mr_event_init(&ev);
    CHECK_EQ_INT(mr_event_wait(&ev, 0), -ETIMEDOUT);
    act(&a, waits_for_event, 'a', &ev);
    act(&b, waits_for_event, 'b', &ev);
    CHECK_EQ_STR(mr_coro_why(a.co), "event");
    mr_event_set(&ev);
    mr_event_clear(&ev); /* they were woken all the same */
    joined(&a, 0);
    joined(&b, 0);
    CHECK_EQ_STR(story, "ab");
    CHECK_OK(!mr_event_is_set(&ev));
    mr_event_set(&ev);
    CHECK_EQ_INT(mr_event_wait(&ev, 0), 0);
    CHECK_OK(mr_event_is_set(&ev));
    return 0;
}

/* --- async --- */

static intptr_t gets_41(void *arg)
{
    struct actor *a = arg;
    intptr_t v = 0;
    int rc = mr_async_get(a->object, &v, MR_NEVER);

    CHECK_EQ_INT(v, rc ? 0 : 41);
    done(a, rc);
    return 0;
}

IN_HUB(async_gives_a_value_to_all)
{
    struct mr_async as;
    struct actor a, b;
    intptr_t v = 7;

    mr_async_init(&as);
    CHECK_EQ_INT(mr_async_get(&as, &v, 0), -ETIMEDOUT);
    CHECK_EQ_INT(v, 7);
    act(&a, gets_41, 'a', &as);
    act(&b, gets_41, 'b', &as);
    CHECK_OK(!mr_async_is_set(&as));
    mr_async_set(&as, 41);
    joined(&a, 0);
    joined(&b, 0);
    CHECK_EQ_INT(mr_async_get(&as, &v, 0), 0);
    CHECK_EQ_INT(v, 41);
    CHECK_EQ_INT(mr_async_get(&as, NULL, 0), 0);
    return 0;
}

IN_HUB(async_gives_an_error)
{
    struct mr_async as;
    struct actor a;
    intptr_t v = 7;

    mr_async_init(&as);
    act(&a, gets_41, 'a', &as);
    mr_async_fail(&as, -EIO);
    joined(&a, -EIO);
    CHECK_EQ_INT(mr_async_get(&as, &v, MR_NEVER), -EIO);
    CHECK_EQ_INT(v, 7);
    return 0;
}

IN_HUB_DIES(async_set_twice, "a->is_set")
{
    struct mr_async as;

    mr_async_init(&as);
    mr_async_set(&as, 1);
    mr_async_set(&as, 1);
    return 0;
}

/* --- semaphore --- */

static intptr_t acquires(void *arg)
{
    struct actor *a = arg;

    done(a, mr_sema_acquire(a->object, a->deadline));
    return 0;
}

IN_HUB(sema_is_first_come_first_served)
{
    struct mr_sema s;
    struct actor a, b, c;

    mr_sema_init(&s, 2);
    CHECK_EQ_INT(mr_sema_acquire(&s, MR_NEVER), 0);
    CHECK_EQ_INT(mr_sema_acquire(&s, 0), 0);
    CHECK_EQ_INT(mr_sema_acquire(&s, 0), -ETIMEDOUT);
    act(&a, acquires, 'a', &s);
    act(&b, acquires, 'b', &s);
    act(&c, acquires, 'c', &s);
    mr_cancel(a.co);
    mr_sema_release(&s);
    CHECK_EQ_INT(mr_sema_acquire(&s, 0), -ETIMEDOUT); /* it is b's */
    mr_cancel(b.co);                                  /* too late */
    mr_sema_release(&s);
    mr_sema_release(&s);
    joined(&a, -ECANCELED);
    joined(&b, 0);
    joined(&c, 0);
    CHECK_EQ_STR(story, "bc");
    CHECK_EQ_INT(mr_sema_acquire(&s, 0), 0);
    CHECK_EQ_INT(mr_sema_acquire(&s, 0), -ETIMEDOUT);
    return 0;
}

IN_HUB_DIES(sema_released_above_its_bound, "s->count >= s->bound")
{
    struct mr_sema s;

    mr_sema_init_bounded(&s, 1);
    CHECK_EQ_INT(mr_sema_acquire(&s, MR_NEVER), 0);
    mr_sema_release(&s);
    mr_sema_release(&s);
    return 0;
}

/* --- mutex, rlock --- */

static intptr_t locks(void *arg)
{
    struct actor *a = arg;

    done(a, mr_mutex_lock(a->object, a->deadline));
    if (a->rc == 0)
        mr_mutex_unlock(a->object);
    return 0;
}

IN_HUB(mutex_goes_to_the_first_who_still_waits)
{
    struct mr_mutex m;
    struct actor a, b, c;

    mr_mutex_init(&m);
    CHECK_EQ_INT(mr_mutex_lock(&m, 0), 0);
    act(&a, locks, 'a', &m);
    act(&b, locks, 'b', &m);
    act(&c, locks, 'c', &m);
    mr_cancel(a.co);
    mr_mutex_unlock(&m);
    mr_cancel(b.co); /* has it, and unlocks it */
    CHECK_EQ_INT(mr_mutex_lock(&m, 0), -ETIMEDOUT);
    joined(&a, -ECANCELED);
    joined(&b, 0);
    joined(&c, 0);
    CHECK_EQ_STR(story, "bc");
    CHECK_OK(!mr_mutex_is_locked(&m));
    return 0;
}

IN_HUB(mutex_locked_again_by_its_owner)
{
    struct mr_mutex m;

    mr_mutex_init(&m);
    CHECK_EQ_INT(mr_mutex_lock(&m, MR_NEVER), 0);
    CHECK_EQ_INT(mr_mutex_lock(&m, MR_NEVER), -EDEADLK);
    CHECK_EQ_INT(mr_mutex_lock(&m, 0), -EDEADLK);
    mr_mutex_unlock(&m);
    CHECK_OK(!mr_mutex_is_locked(&m));
    return 0;
}

static intptr_t unlocks(void *arg)
{
    mr_mutex_unlock(arg);
    return 0;
}

IN_HUB_DIES(mutex_unlocked_by_another, "coroutine 'unlocks'")
{
    struct mr_mutex m;

    mr_mutex_init(&m);
    CHECK_EQ_INT(mr_mutex_lock(&m, MR_NEVER), 0);
    return mr_join(mr_spawn(unlocks, &m), NULL, MR_NEVER);
}

IN_HUB_DIES(mutex_unlocked_by_nobody, "m->owner != ")
{
    struct mr_mutex m;

    mr_mutex_init(&m);
    mr_mutex_unlock(&m);
    return 0;
}

static intptr_t rlocks(void *arg)
{
    struct actor *a = arg;

    done(a, mr_rlock_lock(a->object, a->deadline));
    if (a->rc == 0)
        mr_rlock_unlock(a->object);
    return 0;
}

IN_HUB(rlock_counts)
{
    struct mr_rlock l;
    struct actor a;

    mr_rlock_init(&l);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_rlock_lock(&l, MR_NEVER), 0);
    act(&a, rlocks, 'a', &l);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(a.rc, 1);
        mr_rlock_unlock(&l);
    }
    joined(&a, 0);
    CHECK_EQ_INT(mr_rlock_lock(&l, 0), 0);
    mr_rlock_unlock(&l);
    return 0;
}

IN_HUB_DIES(rlock_unlocked_too_often, "l->mutex.owner != ")
{
    struct mr_rlock l;

    mr_rlock_init(&l);
    CHECK_EQ_INT(mr_rlock_lock(&l, MR_NEVER), 0);
    mr_rlock_unlock(&l);
    mr_rlock_unlock(&l);
    return 0;
}

/* --- rwlock --- */

static intptr_t reads(void *arg)
{
    struct actor *a = arg;

    done(a, mr_rwlock_read(a->object, a->deadline));
    return 0;
}

static intptr_t writes(void *arg)
{
    struct actor *a = arg;

    done(a, mr_rwlock_write(a->object, a->deadline));
    if (a->rc == 0)
        mr_rwlock_unlock_write(a->object);
    return 0;
}

/* Readers come together; a writer waits for them, later readers for it. */
IN_HUB(rwlock_in_order_of_arrival)
{
    struct mr_rwlock l;
    struct actor a, w, b, c;

    mr_rwlock_init(&l);
    CHECK_EQ_INT(mr_rwlock_read(&l, MR_NEVER), 0);
    act(&a, reads, 'a', &l);
    CHECK_EQ_STR(story, "a");
    act(&w, writes, 'w', &l);
    act(&b, reads, 'b', &l);
    act(&c, reads, 'c', &l);
    CHECK_EQ_STR(story, "a");
    CHECK_EQ_STR(mr_coro_why(w.co), "write lock");
    CHECK_EQ_STR(mr_coro_why(c.co), "read lock");
    CHECK_EQ_INT(mr_rwlock_read(&l, 0), -ETIMEDOUT);
    mr_rwlock_unlock_read(&l);
    settle();
    CHECK_EQ_STR(story, "a");
    mr_rwlock_unlock_read(&l);
    settle();
    CHECK_EQ_STR(story, "awbc");
    CHECK_EQ_INT(mr_rwlock_write(&l, 0), -ETIMEDOUT);
    mr_rwlock_unlock_read(&l);
    mr_rwlock_unlock_read(&l);
    CHECK_EQ_INT(mr_rwlock_write(&l, 0), 0);
    CHECK_EQ_INT(mr_rwlock_write(&l, 0), -EDEADLK);
    CHECK_EQ_INT(mr_rwlock_read(&l, 0), -EDEADLK);
    mr_rwlock_unlock_write(&l);
    return 0;
}

/* A writer that gives up lets the readers in that it held back. */
IN_HUB(rwlock_writer_gives_up)
{
    struct mr_rwlock l;
    struct actor w, b;

    mr_rwlock_init(&l);
    CHECK_EQ_INT(mr_rwlock_read(&l, MR_NEVER), 0);
    act(&w, writes, 'w', &l);
    act(&b, reads, 'b', &l);
    CHECK_EQ_STR(story, "");
    mr_cancel(w.co);
    settle();
    CHECK_EQ_STR(story, "b");
    joined(&w, -ECANCELED);
    mr_rwlock_unlock_read(&l);
    mr_rwlock_unlock_read(&l);
    CHECK_EQ_INT(mr_rwlock_write(&l, 0), 0);
    mr_rwlock_unlock_write(&l);
    return 0;
}

IN_HUB_DIES(rwlock_unlocked_by_no_reader, "l->readers == 0")
{
    struct mr_rwlock l;

    mr_rwlock_init(&l);
    CHECK_EQ_INT(mr_rwlock_write(&l, MR_NEVER), 0);
    mr_rwlock_unlock_read(&l);
    return 0;
}

IN_HUB_DIES(rwlock_unlocked_by_no_writer, "l->writer != ")
{
    struct mr_rwlock l;

    mr_rwlock_init(&l);
    CHECK_EQ_INT(mr_rwlock_read(&l, MR_NEVER), 0);
    mr_rwlock_unlock_write(&l);
    return 0;
}

/* --- condition --- */

static struct mr_mutex guard;
static struct mr_cond cond;

static void guard_init(void)
{
    mr_mutex_init(&guard);
    mr_cond_init(&cond);
}

static intptr_t waits_on_cond(void *arg)
{
    struct actor *a = arg;
    int rc = mr_mutex_lock(&guard, MR_NEVER);

    CHECK_EQ_INT(rc, 0);
    done(a, mr_cond_wait(&cond, &guard, a->deadline));
    mr_mutex_unlock(&guard); /* a BUG if it did not have it */
    return 0;
}

IN_HUB(cond_wakes_in_order)
{
    struct actor a, b, c;

    guard_init();
    mr_cond_wake_one(&cond); /* nobody: not remembered */
    act(&a, waits_on_cond, 'a', NULL);
    act(&b, waits_on_cond, 'b', NULL);
    act(&c, waits_on_cond, 'c', NULL);
    CHECK_OK(!mr_mutex_is_locked(&guard));
    mr_cond_wake_one(&cond);
    settle();
    CHECK_EQ_STR(story, "a");
    CHECK_EQ_INT(mr_mutex_lock(&guard, 0), 0);
    mr_cond_wake_all(&cond);
    settle();
    CHECK_EQ_STR(story, "a"); /* awake, but without the mutex */
    mr_mutex_unlock(&guard);
    joined(&b, 0);
    joined(&c, 0);
    CHECK_EQ_STR(story, "abc");
    return 0;
}

/* Cancelled or out of time, it comes back with the mutex. */
IN_HUB(cond_takes_the_mutex_back)
{
    struct actor a;

    guard_init();
    act(&a, waits_on_cond, 'a', NULL);
    CHECK_EQ_INT(mr_mutex_lock(&guard, 0), 0);
    mr_cancel(a.co);
    settle();
    CHECK_EQ_STR(mr_coro_why(a.co), "mutex");
    mr_mutex_unlock(&guard);
    joined(&a, -ECANCELED);
    CHECK_EQ_INT(mr_mutex_lock(&guard, 0), 0);
    CHECK_EQ_INT(mr_cond_wait(&cond, &guard, 0), -ETIMEDOUT);
    mr_mutex_unlock(&guard);
    return 0;
}

IN_HUB_DIES(cond_without_the_mutex, "m->owner != ")
{
    guard_init();
    return mr_cond_wait(&cond, &guard, 0);
}

SUITE("events and results", event_wakes_all, async_gives_a_value_to_all,
      async_gives_an_error, async_set_twice)
SUITE("semaphores", sema_is_first_come_first_served,
      sema_released_above_its_bound)
SUITE("locks", mutex_goes_to_the_first_who_still_waits,
      mutex_locked_again_by_its_owner, mutex_unlocked_by_another,
      mutex_unlocked_by_nobody, rlock_counts, rlock_unlocked_too_often,
      rwlock_in_order_of_arrival, rwlock_writer_gives_up,
      rwlock_unlocked_by_no_reader, rwlock_unlocked_by_no_writer)
SUITE("conditions", cond_wakes_in_order, cond_takes_the_mutex_back,
      cond_without_the_mutex)
TEST_MAIN()
