/* SPDX-License-Identifier: MIT */

/*
 * hub.c - one thread's loop, and the only file that knows libev.
 *
 * One turn of the loop, on the thread's own stack:
 *
 *   1. run READY errands until there is none or the slice is over (errand.c),
 *      and what is linked to those that ended (link.c);
 *   2. what was put off until the kernel is asked (mr_hub_before_poll); again
 *      from 1 while that makes somebody READY, within the slice;
 *   3. ev_run, once: without waiting when errands are READY, else until
 *      something comes or the nearest deadline; its callbacks make errands
 *      READY or run hooks, nothing else;
 *   4. timers that are due: whom they wake takes turns with who is READY;
 *   5. when all that made nobody READY, those that wait for idleness.
 *
 * A slice ends after SLICE_SWITCHES switches if SLICE_NS have passed as well,
 * or SLICE_POLLS times what the last poll took: so IO is polled however busy
 * the coroutines are, and a poll (half a microsecond, and 0.15 for each
 * descriptor that is ready) is not paid per yield (three nanoseconds).
 *
 * libev sees one ev_timer (the nearest deadline, moved only when one nearer
 * comes), one ev_async, and one ev_io for all descriptors (fdset.c). Never its
 * default loop: that would reap other people's children. While IO comes in
 * batches the set is asked without libev, which sees to the rest every
 * SET_POLLS times.
 *
 * over budget: it is libev's only door.
 */
#include "core/hub.h"

#include <errno.h>
#include <ev.h>

#include "core/coro_priv.h"
#include "core/fdset_priv.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/sys.h"

/* Switches between two looks at the clock: 64 x 3 ns against 30 ns. */
#define SLICE_SWITCHES 64
/* How long READY errands may keep the kernel waiting. A poll that tells of a
 * thousand descriptors takes longer than that, and tells of those again that
 * nobody has read: so up to SLICE_MAX_NS the slice behind it is eight times as
 * long as it was. */
#define SLICE_NS 50000
#define SLICE_POLLS 8
#define SLICE_MAX_NS 1000000
/* How long a stack stays warm without being used. */
#define TRIM_NS 1000000000
#define TRIM_CACHED 64
/* When one call could not do it all. */
#define TRIM_SOON_NS 10000000
/* How often a dying hub looks whether a thread still posts to it. */
#define POSTING_PAUSE_NS 10000

/* A batch so large is followed by another look at the set alone; so many looks
 * there may be in a row. With 64 connections a batch is four or five, and a
 * request costs 0.20 to 0.28 waits; 0.22 to 0.39 when it must be eight. */
#define SET_BATCH 2
#define SET_POLLS 16

struct mr_hub_loop {
    struct ev_loop *ev;
    ev_timer nearest;
    ev_async async;
    ev_io set;
    int64_t armed; /* what `nearest` is set to */
    int64_t slice; /* how long the next one may be, ns */
    int batch;     /* descriptors that the last look at the set told of */
    int looks;     /* at the set alone, in a row */
    struct mr_timer trim;
    struct mr_hub_post *posts; /* LIFO; pushed by any thread */
    int posting;               /* threads inside mr_hub_post */
};

/* --- descriptors --- */

MR_HOT static void take_set(struct mr_hub *hub)
{
    struct mr_hub_loop *l = hub->loop;

    l->batch = mr_fdset_take(hub->fds);
    if (MR_LIKELY(l->set.fd == mr_fdset_fd(hub->fds)))
        return;
    ev_io_stop(l->ev, &l->set); /* it was made anew */
    ev_io_set(&l->set, mr_fdset_fd(hub->fds), EV_READ);
    ev_io_start(l->ev, &l->set);
}

static void on_set(struct ev_loop *unused, ev_io *io, int events)
{
    (void)unused;
    (void)io;
    (void)events;
    take_set(mr_thread.hub);
}

/* Without libev: there was much last time, or somebody is READY anyway. True:
 * that was poll enough. */
static bool take_set_alone(struct mr_hub *hub, bool busy)
{
    struct mr_hub_loop *l = hub->loop;

    /* Relaxed: a post that is not seen yet is seen by libev. */
    if ((!busy && l->batch < SET_BATCH) || l->looks >= SET_POLLS ||
        __atomic_load_n(&l->posts, __ATOMIC_RELAXED))
        return false;
    l->looks++;
    take_set(hub);
    return busy || l->batch > 0;
}

/* --- posts from other threads --- */

void mr_hub_post(struct mr_hub *hub, struct mr_hub_post *post)
{
    struct mr_hub_loop *l = hub->loop;

    /* The hub may take the post, and with it end, before the rest of this has
     * been done: mr_hub_free waits for it. Relaxed: before the push, which
     * releases it. */
    __atomic_fetch_add(&l->posting, 1, __ATOMIC_RELAXED);
    /* Release: the post's contents are visible to whoever takes the list. */
    post->next = __atomic_load_n(&l->posts, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&l->posts, &post->next, post, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        continue;
    ev_async_send(l->ev, &l->async);
    __atomic_fetch_sub(&l->posting, 1, __ATOMIC_RELEASE);
}

void mr_hub_share(struct mr_hub *hub)
{
    /* Relaxed: on the hub's thread, or before another gets to know of it. */
    __atomic_fetch_add(&hub->shares, 1, __ATOMIC_RELAXED);
}

void mr_hub_unshare(struct mr_hub *hub)
{
    struct mr_hub_loop *l = hub->loop;
    unsigned before;

    __atomic_fetch_add(&l->posting, 1, __ATOMIC_RELAXED);
    /* Release: the posts before it are seen by whoever sees this. */
    before = __atomic_fetch_sub(&hub->shares, 1, __ATOMIC_RELEASE);
    MR_BUG_ON(before == 0);
    ev_async_send(l->ev, &l->async); /* it may be the end of all hope */
    __atomic_fetch_sub(&l->posting, 1, __ATOMIC_RELEASE);
}

void mr_hub_wake(struct mr_hub *hub)
{
    ev_async_send(hub->loop->ev, &hub->loop->async);
}

static void on_async(struct ev_loop *ev, ev_async *unused, int events)
{
    struct mr_hub_loop *l = ev_userdata(ev);
    /* Acquire: pairs with the release in mr_hub_post. */
    struct mr_hub_post *p =
        __atomic_exchange_n(&l->posts, NULL, __ATOMIC_ACQUIRE);
    struct mr_hub_post *in_order = NULL, *next;

    (void)unused;
    (void)events;
    for (; p; p = next) {
        next = p->next;
        p->next = in_order;
        in_order = p;
    }
    for (; in_order; in_order = next) {
        next = in_order->next;
        in_order->fn(in_order);
    }
    mr_inspect_answer(mr_thread.hub);
}

/* --- the loop --- */

int mr_idle(int64_t deadline)
{
    return (int)mr_wait(&mr_errand_self()->hub->idlers, deadline, "idle");
}

void mr_hub_before_poll(struct mr_hub_idle *idle)
{
    MR_BUG_ON(!mr_thread.hub);
    if (mr_list_is_empty(&idle->node))
        mr_list_push_back(&mr_thread.hub->idle, &idle->node);
}

void mr_hub_at_end(struct mr_hub_end *end)
{
    MR_BUG_ON(!mr_thread.hub);
    end->next = mr_thread.hub->ends;
    mr_thread.hub->ends = end;
}

MR_HOT bool mr_hub_may_go_on(void)
{
    const struct mr_errand *e = mr_errand_self();

    return !e->cancelled && !e->scope && e->shields == 0 && e->at_end == 0 &&
           e->refs == 1 && mr_waitq_is_empty(&e->joiners) &&
           mr_list_is_empty(&e->children.members);
}

uint64_t mr_hub_turn(void)
{
    return mr_thread.hub->stats.switches;
}

bool mr_hub_others_wait(void)
{
    return mr_thread.hub->ready.head != NULL;
}

static void run_idle(struct mr_hub *hub)
{
    struct mr_list *n;

    while ((n = mr_list_pop_front(&hub->idle))) {
        struct mr_hub_idle *idle = mr_container_of(n, struct mr_hub_idle, node);

        idle->fn(idle);
    }
}

static void on_nearest(struct ev_loop *ev, ev_timer *unused, int events)
{
    struct mr_hub_loop *l = ev_userdata(ev);

    (void)unused;
    (void)events;
    l->armed = MR_NEVER;
}

/* libev's timer to the nearest deadline; left alone when it is early enough:
 * waking once for nothing is cheaper than moving it at every request. */
static void arm_nearest(struct mr_hub *hub)
{
    struct mr_hub_loop *l = hub->loop;
    int64_t next = mr_timers_next(&hub->timers), left;

    if (next >= l->armed)
        return;
    ev_now_update(l->ev); /* ev_timer counts from the loop's cached time */
    left = next - mr_sys_monotonic();
    ev_timer_stop(l->ev, &l->nearest);
    ev_timer_set(&l->nearest, left > 0 ? (double)left * 1e-9 : 0., 0.);
    ev_timer_start(l->ev, &l->nearest);
    l->armed = next;
}

static void on_trim(struct mr_timer *t)
{
    if (mr_stack_trim() > TRIM_CACHED)
        (void)!mr_timer_start(t, mr_thread.hub->now + (mr_stack_trim_is_cut()
                                                           ? TRIM_SOON_NS
                                                           : TRIM_NS));
}

static void beat(struct mr_hub *hub, int64_t when)
{
    __atomic_store_n(&hub->came_back, when, __ATOMIC_RELAXED);
    if (hub->beat)
        __atomic_store_n(hub->beat, when, __ATOMIC_RELAXED);
}

/* Nobody is READY. Is there anything that could change that? */
static bool is_deadlocked(struct mr_hub *hub)
{
    struct mr_hub_loop *l = hub->loop;

    /* Our own timer wakes nobody. */
    if (hub->timers.n > (mr_timer_is_started(&l->trim) ? 1U : 0U))
        return false;
    /* Acquire: pairs with mr_hub_unshare; so posts are looked at behind it. */
    return mr_hub_live(hub) > 0 && hub->expected == 0 &&
           __atomic_load_n(&hub->shares, __ATOMIC_ACQUIRE) == 0 &&
           !__atomic_load_n(&l->posts, __ATOMIC_RELAXED) &&
           !mr_fdset_is_awaited(hub->fds);
}

static MR_COLD void end_deadlock(struct mr_hub *hub)
{
    hub->deadlocked = true;
    mr_log(MR_LOG_ERROR,
           "deadlock: %zu coroutines wait, and nothing can come that would "
           "wake one; they are cancelled",
           mr_hub_live(hub));
    mr_hub_log(hub);
    /* Cancelling runs nobody, so the list stays as it is. */
    MR_LIST_EACH (node, &hub->all)
        mr_cancel(mr_errand_root(mr_container_of(node, struct mr_errand, all)));
    if (!hub->ready.head)
        mr_bug(__FILE__, __LINE__, "a deadlock of errands behind shields");
}

/* Around epoll_wait(2), so that callbacks count as time of the thread's. */
static void on_wait(struct ev_loop *unused)
{
    (void)unused;
}

static void on_wake(struct ev_loop *unused)
{
    struct mr_hub *hub = mr_thread.hub;

    (void)unused;
    if (hub->came_back == 0)
        beat(hub, mr_sys_monotonic());
}

/*
 * Who was due to go on takes turns with those who are READY already, from the
 * front: behind all of them it would be late by as much as they need; before
 * all of them those who sleep little could keep the rest from running.
 */
MR_HOT static void run_due(struct mr_hub *hub)
{
    struct mr_runq ready = hub->ready;

    hub->ready = (struct mr_runq){0};
    mr_timers_run(&hub->timers, hub->now);
    mr_errand_take_turns(hub, &ready);
}

/* From `began`, or, with 0, from the end of a wait, until now. */
static int64_t slice_after(const struct mr_hub *hub, int64_t began)
{
    int64_t took = hub->now - (began ? began : hub->came_back);

    return MR_MAX(MR_MIN(SLICE_POLLS * took, SLICE_MAX_NS), SLICE_NS);
}

static void run_libev(struct mr_hub *hub, bool busy)
{
    struct mr_hub_loop *l = hub->loop;

    l->looks = 0;
    l->batch = 0;
    if (!busy) {
        arm_nearest(hub);
        beat(hub, 0);
    }
    ev_run(l->ev, busy ? EVRUN_NOWAIT : EVRUN_ONCE);
}

/* The time is `now`, or not known: 0. */
MR_HOT static void poll_kernel(struct mr_hub *hub, int64_t now)
{
    struct mr_hub_loop *l = hub->loop;
    bool busy, alone;

    if (!mr_list_is_empty(&hub->idle))
        run_idle(hub);
    busy = hub->ready.head || !mr_list_is_empty(&hub->due) ||
           !mr_waitq_is_empty(&hub->idlers);
    if (!busy && MR_UNLIKELY(is_deadlocked(hub))) {
        end_deadlock(hub);
        busy = true;
    }
    if (!busy && !mr_timer_is_started(&l->trim) &&
        mr_stack_stats().warm > TRIM_CACHED)
        /* Without memory for it the stacks just stay warm. */
        (void)!mr_timer_start(&l->trim, hub->now + TRIM_NS);
    hub->stats.polls++;
    alone = take_set_alone(hub, busy);
    if (!alone)
        run_libev(hub, busy);
    hub->now = mr_sys_monotonic();
    if (busy || !alone)
        l->slice = slice_after(hub, busy ? now : 0);
    beat(hub, hub->now);
    if (mr_timers_next(&hub->timers) <= hub->now)
        run_due(hub);
    if (MR_UNLIKELY(!mr_list_is_empty(&hub->due))) /* linked in a hook */
        mr_links_call(hub);
    if (!hub->ready.head && l->batch < MR_FDSET_BATCH)
        (void)mr_waitq_wake_all(&hub->idlers, 0);
}

static bool has_work(const struct mr_hub *hub)
{
    return mr_hub_live(hub) > 0 || hub->expected > 0 ||
           !mr_list_is_empty(&hub->due);
}

MR_HOT static void loop_until_idle(struct mr_hub *hub)
{
    while (has_work(hub)) {
        int64_t began = hub->now, now = 0;

        do {
            hub->budget = SLICE_SWITCHES;
            mr_errand_run_ready(hub);
            if (MR_UNLIKELY(!mr_list_is_empty(&hub->due)))
                mr_links_call(hub);
            /* Whom these make READY needs no poll in between. */
            if (!hub->ready.head && !mr_list_is_empty(&hub->idle))
                run_idle(hub);
            now = hub->ready.head ? mr_sys_monotonic() : 0;
        } while (now > 0 && now - began < hub->loop->slice);
        if (has_work(hub))
            poll_kernel(hub, now);
    }
}

/* --- life --- */

static int loop_new(struct mr_hub_loop **ret, int set)
{
    struct mr_hub_loop *l = mr_calloc(1, sizeof *l);

    if (!l)
        return -ENOMEM;
    l->ev = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
    if (!l->ev) {
        mr_free(l);
        return -EMFILE;
    }
    ev_set_userdata(l->ev, l);
    ev_set_loop_release_cb(l->ev, on_wait, on_wake);
    l->armed = MR_NEVER;
    l->slice = SLICE_NS;
    ev_io_init(&l->set, on_set, set, EV_READ);
    ev_io_start(l->ev, &l->set);
    ev_timer_init(&l->nearest, on_nearest, 0., 0.);
    ev_async_init(&l->async, on_async);
    ev_async_start(l->ev, &l->async);
    mr_timer_init(&l->trim, on_trim);
    *ret = l;
    return 0;
}

static void loop_free(struct mr_hub_loop *l)
{
    if (!l)
        return;
    /* Acquire: whoever was inside mr_hub_post has left. A few instructions in
     * another thread, so a pause is enough. */
    while (__atomic_load_n(&l->posting, __ATOMIC_ACQUIRE) > 0)
        (void)!mr_sys_ppoll(NULL, 0, POSTING_PAUSE_NS);
    ev_loop_destroy(l->ev);
    mr_free(l);
}

int mr_hub_new(struct mr_hub **ret)
{
    struct mr_hub *hub;
    int err = mr_stack_watch_overflow();

    MR_BUG_ON(mr_thread.hub); /* one hub per thread */
    if (err)
        return err;
    hub = mr_calloc(1, sizeof *hub);
    if (!hub)
        return -ENOMEM;
    hub->stand_in = mr_coro_current();
    MR_BUG_ON(hub->stand_in->stack); /* not inside a coroutine */
    mr_list_init(&hub->all);
    mr_list_init(&hub->idle);
    mr_list_init(&hub->due);
    mr_waitq_init(&hub->idlers);
    mr_group_init(&hub->group);
    hub->now = mr_sys_monotonic();
    err = mr_fdset_new(&hub->fds);
    if (!err)
        err = loop_new(&hub->loop, mr_fdset_fd(hub->fds));
    if (!err)
        err = mr_inspect_enter(hub);
    if (err) {
        loop_free(hub->loop);
        mr_fdset_free(hub->fds);
        mr_free(hub);
        return err;
    }
    mr_thread.hub = hub;
    *ret = hub;
    return 0;
}

void mr_hub_free(struct mr_hub *hub)
{
    if (!hub)
        return;
    MR_BUG_ON(hub != mr_thread.hub || mr_hub_live(hub) > 0);
    while (hub->ends) {
        struct mr_hub_end *end = hub->ends;

        hub->ends = end->next;
        end->fn(end);
    }
    if (hub->unwatch)
        hub->unwatch(hub);
    mr_inspect_leave(hub);
    mr_timers_fini(&hub->timers);
    loop_free(hub->loop);
    mr_fdset_free(hub->fds);
    mr_thread.hub = NULL;
    mr_free(hub);
    /* Coroutines that were resumed by hand may outlive it. */
    if (mr_stack_stats().taken == 0)
        mr_stack_thread_fini();
}

struct first {
    mr_coro_fn *fn;
    void *arg;
    intptr_t result;
};

/* The hub's group is everybody's who has no other parent; what is left there
 * when the first errand's function has returned is cancelled. */
static intptr_t run_first(void *arg)
{
    struct first *first = arg;

    first->result = first->fn(first->arg);
    mr_group_close(&mr_coro_current()->errand->children);
    mr_group_close(mr_hub_group());
    /* Nobody would close what a link to this one spawns. */
    mr_hub_group()->closing = true;
    return 0;
}

int mr_hub_run(struct mr_hub *hub, mr_coro_fn *fn, void *arg,
               intptr_t *ret_result)
{
    struct mr_spawn_options o = {.name = "first", .entry = "first"};
    struct first first = {fn, arg, 0};
    struct mr_group outer;
    struct mr_coro *co;

    MR_BUG_ON(hub != mr_thread.hub || mr_hub_live(hub) > 0);
    hub->group.closing = false;
    mr_group_init(&outer);
    o.group = &outer;
    o.reap = true;
    hub->now = mr_sys_monotonic();
    co = mr_spawn_with(run_first, &first, &o);
    if (!co)
        return -ENOMEM;
    /* The program's own coroutines count from 1. */
    co->id = 0;
    mr_thread.last_id--;
    hub->deadlocked = false;
    beat(hub, hub->now);
    loop_until_idle(hub);
    beat(hub, 0);
    if (ret_result)
        *ret_result = first.result;
    return hub->deadlocked ? -EDEADLK : 0;
}

int mr_run(mr_coro_fn *fn, void *arg, intptr_t *ret_result)
{
    struct mr_hub *hub;
    int err = mr_hub_new(&hub);

    if (err)
        return err;
    err = mr_hub_run(hub, fn, arg, ret_result);
    mr_hub_free(hub);
    return err;
}

struct mr_hub *mr_hub_self(void)
{
    return mr_thread.hub;
}

struct mr_group *mr_hub_group(void)
{
    MR_BUG_ON(!mr_thread.hub);
    return &mr_thread.hub->group;
}

int64_t mr_hub_now(void)
{
    MR_BUG_ON(!mr_thread.hub);
    return mr_thread.hub->now;
}

struct mr_hub_stats mr_hub_stats(const struct mr_hub *hub)
{
    struct mr_hub_stats stats = hub->stats;

    stats.live = mr_hub_live(hub);
    return stats;
}

void mr_hub_set_beat(struct mr_hub *hub, int64_t *where)
{
    hub->beat = where;
    beat(hub, hub->now);
}
