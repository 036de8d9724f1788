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
 * comes), one ev_async, one ev_io per descriptor in use and one for the nested
 * epoll. Never its default loop: that would reap other people's children.
 *
 * Descriptors: a record per number, in chunks that never move. `want` is what
 * the watcher asks for. It is started when someone waits or a hook is set, and
 * what an event finds nobody for is taken out of it in that very callback; so
 * in steady state nothing is started or stopped at all. A descriptor whose open
 * file another process shares is watched in a nested epoll instead: libev
 * relies on close(2) to end a registration, which then would not. The nested
 * epoll also says when a peer is gone, which libev has no word for; that is
 * final, so it is asked once.
 *
 * over budget: it is libev's only door, and the loop and its descriptors share
 * the callbacks.
 */
#include "core/hub.h"

#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/coro_priv.h"
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

#define CHUNK 256
#define NESTED_BATCH 64

struct fd_record {
    ev_io io;
    struct mr_waitq readers;
    struct mr_waitq writers;
    struct mr_waitq gone;
    mr_hub_hook_fn *hook;
    void *arg;
    uint8_t want;   /* MR_READABLE | MR_WRITABLE: what the watcher asks for */
    uint8_t nested; /* what the nested epoll is asked for, MR_GONE too */
    bool open;      /* initialised since the last forget */
    bool shared;    /* in the nested epoll */
    bool exclusive;
    bool pollable;  /* proven */
    uint16_t opens; /* tells one use of the number from the next */
};

struct mr_hub_loop {
    struct ev_loop *ev;
    ev_timer nearest;
    ev_async async;
    ev_io nested;
    int64_t armed; /* what `nearest` is set to */
    int64_t slice; /* how long the next one may be, ns */
    int nested_fd; /* -1 until the first shared descriptor */
    struct fd_record **chunks;
    size_t n_chunks;
    struct mr_timer trim;
    struct mr_hub_post *posts; /* LIFO; pushed by any thread */
    int posting;               /* threads inside mr_hub_post */
    size_t awaited; /* a descriptor with a waiter, when last looked for */
};

/* --- records --- */

static struct fd_record *record_at(struct mr_hub_loop *l, int fd)
{
    size_t i = (size_t)fd / CHUNK;

    if (fd < 0 || i >= l->n_chunks || !l->chunks[i])
        return NULL;
    return &l->chunks[i][(size_t)fd % CHUNK];
}

static int grow_chunks(struct mr_hub_loop *l, size_t need)
{
    size_t n = MR_MAX(need, l->n_chunks * 2);
    struct fd_record **chunks = mr_realloc(l->chunks, n * sizeof *chunks);

    if (!chunks)
        return -ENOMEM;
    memset(chunks + l->n_chunks, 0, (n - l->n_chunks) * sizeof *chunks);
    l->chunks = chunks;
    l->n_chunks = n;
    return 0;
}

static void on_io(struct ev_loop *ev, ev_io *io, int events);

/* The record of a descriptor that is about to be used. */
static int record_open(struct mr_hub_loop *l, int fd, struct fd_record **ret)
{
    size_t i = (size_t)fd / CHUNK;
    struct fd_record *r;

    MR_BUG_ON(fd < 0);
    if (i >= l->n_chunks && grow_chunks(l, i + 1))
        return -ENOMEM;
    if (!l->chunks[i]) {
        l->chunks[i] = mr_calloc(CHUNK, sizeof *l->chunks[i]);
        if (!l->chunks[i])
            return -ENOMEM;
    }
    r = &l->chunks[i][(size_t)fd % CHUNK];
    if (!r->open) {
        /* ev_io_set anew at each open: numbers are reused, and libev must not
         * believe that it watches this one already. */
        ev_io_init(&r->io, on_io, fd, 0);
        mr_waitq_init(&r->readers);
        mr_waitq_init(&r->writers);
        mr_waitq_init(&r->gone);
        r->open = true;
        r->opens++;
    }
    *ret = r;
    return 0;
}

/* --- watching --- */

static int ev_mask(unsigned want)
{
    return (want & MR_READABLE ? EV_READ : 0) |
           (want & MR_WRITABLE ? EV_WRITE : 0);
}

/* 0 or -Exxx; r->nested says what is watched then. */
static int watch_nested(struct mr_hub_loop *l, struct fd_record *r,
                        unsigned want)
{
    struct epoll_event e = {.data.fd = r->io.fd};
    int op = r->nested ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int err;

    if (r->nested == want)
        return 0;
    e.events = (want & MR_READABLE ? EPOLLIN : 0u) |
               (want & MR_WRITABLE ? EPOLLOUT : 0u) |
               (want & MR_GONE ? EPOLLRDHUP : 0u) |
               (r->exclusive ? EPOLLEXCLUSIVE : 0u);
    /* epoll_ctl(2): an EPOLLEXCLUSIVE one cannot be modified. */
    if (want == 0 || (r->exclusive && r->nested)) {
        r->nested = 0;
        err = mr_sys_epoll_ctl(l->nested_fd, EPOLL_CTL_DEL, r->io.fd, &e);
        if (err || want == 0)
            return err;
        op = EPOLL_CTL_ADD;
    }
    err = mr_sys_epoll_ctl(l->nested_fd, op, r->io.fd, &e);
    if (err == 0)
        r->nested = (uint8_t)want;
    return err;
}

/* An exclusive registration that could not be made anew is lost to those that
 * had it: they are told why. */
static void wake_lost(struct fd_record *r, int err)
{
    if (!(r->want & MR_READABLE))
        (void)mr_waitq_wake_all(&r->readers, err);
    if (!(r->want & MR_WRITABLE))
        (void)mr_waitq_wake_all(&r->writers, err);
}

static int watch(struct mr_hub_loop *l, struct fd_record *r, unsigned want)
{
    if (r->want == want)
        return 0;
    if (r->shared) {
        int err = watch_nested(l, r, want | (r->nested & MR_GONE));

        r->want = r->nested & ~MR_GONE;
        if (err)
            wake_lost(r, err);
        return err;
    }
    if (r->want)
        ev_io_stop(l->ev, &r->io);
    /* Not ev_io_set: that would make libev add the descriptor anew. */
    r->io.events = (r->io.events & EV__IOFDSET) | ev_mask(want);
    if (want)
        ev_io_start(l->ev, &r->io);
    r->want = (uint8_t)want;
    return 0;
}

static void wake_closed(struct fd_record *r)
{
    (void)mr_waitq_wake_all(&r->readers, -EBADF);
    (void)mr_waitq_wake_all(&r->writers, -EBADF);
    (void)mr_waitq_wake_all(&r->gone, -EBADF);
}

/* What an event finds nobody for is watched no more. */
static void dispatch(struct mr_hub_loop *l, struct fd_record *r,
                     unsigned events)
{
    uint16_t opens = r->opens;
    unsigned idle = 0;

    if (events & MR_READABLE) {
        if (!mr_waitq_is_empty(&r->readers))
            (void)mr_waitq_wake_all(&r->readers, 0);
        else if (!r->hook || r->hook(r->io.fd, r->arg) == MR_HOOK_DISARM)
            idle |= MR_READABLE;
    }
    if ((events & MR_WRITABLE) && mr_waitq_wake_all(&r->writers, 0) == 0)
        idle |= MR_WRITABLE;
    /* A hook may have closed it, and its number be another's by now. */
    if (r->opens == opens && (idle & r->want))
        (void)watch(l, r, r->want & ~idle);
}

/* Once it is told, nothing is left to ask. */
static void on_gone(struct mr_hub_loop *l, struct fd_record *r)
{
    (void)watch_nested(l, r, r->nested & ~(unsigned)MR_GONE);
    (void)mr_waitq_wake_all(&r->gone, 0);
}

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
    struct fd_record *r = mr_container_of(io, struct fd_record, io);
    struct mr_hub_loop *l = ev_userdata(ev);

    if (events & EV_ERROR) {
        /* libev stopped it: the number is not open any more. */
        r->want = 0;
        wake_closed(r);
        return;
    }
    dispatch(l, r,
             (events & EV_READ ? MR_READABLE : 0u) |
                 (events & EV_WRITE ? MR_WRITABLE : 0u));
}

static void on_nested(struct ev_loop *ev, ev_io *io, int unused)
{
    struct mr_hub_loop *l = ev_userdata(ev);
    struct epoll_event events[NESTED_BATCH];
    int n = mr_sys_epoll_wait(io->fd, events, NESTED_BATCH, 0);

    (void)unused;
    for (int i = 0; i < n; i++) {
        struct fd_record *r = record_at(l, events[i].data.fd);
        unsigned got = 0;

        if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            got |= MR_READABLE;
        if (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            got |= MR_WRITABLE;
        if (r && (r->nested & MR_GONE) &&
            (events[i].events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)))
            on_gone(l, r);
        if (r && r->shared)
            dispatch(l, r, got & r->want);
    }
}

/* --- waiting for descriptors --- */

static struct mr_hub_loop *loop_self(void)
{
    MR_BUG_ON(!mr_thread.hub);
    return mr_thread.hub->loop;
}

/* 1 for files and directories, which epoll refuses and which never make one
 * wait; 0 for what can be polled; -EBADF, as libev would abort over it. */
static int always_ready(struct fd_record *r)
{
    struct stat st;
    int err;

    if (r->pollable)
        return 0;
    err = mr_sys_fstat(r->io.fd, &st);
    if (err)
        return err;
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
        return 1;
    r->pollable = true;
    return 0;
}

/* The nested epoll is there. 0 or -Exxx. */
static int open_nested(struct mr_hub_loop *l)
{
    int nested;

    if (l->nested_fd >= 0)
        return 0;
    nested = mr_sys_epoll_create();
    if (nested < 0)
        return nested;
    l->nested_fd = nested;
    ev_io_init(&l->nested, on_nested, nested, EV_READ);
    ev_io_start(l->ev, &l->nested);
    return 0;
}

static int gone_queue(struct mr_hub_loop *l, struct fd_record *r,
                      struct mr_waitq **ret_q)
{
    int err = r->exclusive ? -EINVAL : open_nested(l); /* epoll_ctl(2) */

    if (err == 0)
        err = watch_nested(l, r, r->nested | MR_GONE);
    *ret_q = &r->gone;
    return err;
}

int mr_hub_fd_queue(int fd, int events, struct mr_waitq **ret_q)
{
    struct mr_hub_loop *l = loop_self();
    unsigned need = (unsigned)events & (MR_READABLE | MR_WRITABLE);
    struct fd_record *r;
    int err = record_open(l, fd, &r);

    if (err)
        return err;
    if (events & MR_GONE) {
        MR_BUG_ON(need);
        return gone_queue(l, r, ret_q);
    }
    if (events & MR_POLLABLE)
        r->pollable = true;
    if (!(r->want & need)) {
        err = always_ready(r);
        if (err)
            return err;
    }
    err = watch(l, r, r->want | need);
    if (err)
        return err;
    *ret_q = need & MR_WRITABLE ? &r->writers : &r->readers;
    return 0;
}

static const char *why(int events)
{
    return events & MR_WRITABLE ? "write" : "read";
}

/* A turn for the others all the same; but not out of a section. */
static int need_not_wait(void)
{
    return mr_thread.hub->section ? 0 : mr_yield();
}

/* The first wait for it, or the first since it was watched no more. */
static MR_COLD int wait_anew(int fd, int events, int64_t deadline)
{
    struct mr_waitq *q;
    int rc = mr_hub_fd_queue(fd, events, &q);

    if (rc)
        return rc == 1 ? need_not_wait() : rc;
    return mr_wait_with_int(q, NULL, deadline,
                            events & MR_GONE ? "peer gone" : why(events));
}

/* Until it is readable or writable, whichever comes first. */
static __attribute__((noinline)) int wait_either(int fd, int events,
                                                 int64_t deadline)
{
    struct mr_wait_entry both[2];
    struct mr_waitq *q;
    int rc = mr_hub_fd_queue(fd, events & ~MR_WRITABLE, &q);

    if (rc)
        return rc == 1 ? need_not_wait() : rc;
    both[0] = (struct mr_wait_entry){.queue = q};
    rc = mr_hub_fd_queue(fd, events & ~MR_READABLE, &q);
    if (rc)
        return rc;
    both[1] = (struct mr_wait_entry){.queue = q};
    rc = mr_wait_any(both, 2, deadline, "read or write");
    return rc < 0 ? rc : (int)both[rc].value;
}

/* The steady state, in which the watcher is armed already, is all that is here:
 * nothing lies on the stack, so the wait is a jump. */
int mr_hub_wait_fd(int fd, int events, int64_t deadline)
{
    unsigned need = (unsigned)events & (MR_READABLE | MR_WRITABLE);
    struct fd_record *r = record_at(loop_self(), fd);

    if (MR_UNLIKELY(need == (MR_READABLE | MR_WRITABLE)))
        return wait_either(fd, events, deadline);
    if (MR_UNLIKELY(!r || !(r->want & need)))
        return wait_anew(fd, events, deadline);
    return mr_wait_with_int(need & MR_WRITABLE ? &r->writers : &r->readers,
                            NULL, deadline, why(events));
}

int mr_hub_hook(int fd, mr_hub_hook_fn *fn, void *arg)
{
    struct mr_hub_loop *l = loop_self();
    struct fd_record *r;
    int err = record_open(l, fd, &r);

    if (err)
        return err;
    r->hook = fn;
    r->arg = arg;
    r->pollable = true;
    return fn ? watch(l, r, r->want | MR_READABLE) : 0;
}

int mr_hub_fd_shared(int fd, bool exclusive)
{
    struct mr_hub_loop *l = loop_self();
    struct fd_record *r;
    int err = open_nested(l);

    if (err == 0)
        err = record_open(l, fd, &r);
    if (err)
        return err;
    MR_BUG_ON(r->want || r->nested); /* before the first wait */
    r->shared = true;
    r->exclusive = exclusive;
    r->pollable = true;
    return 0;
}

void mr_hub_forget(int fd)
{
    struct fd_record *r;

    if (!mr_thread.hub)
        return;
    r = record_at(mr_thread.hub->loop, fd);
    if (!r || !r->open)
        return;
    (void)watch(mr_thread.hub->loop, r, 0);
    (void)watch_nested(mr_thread.hub->loop, r, 0);
    r->want = 0;
    r->hook = NULL;
    r->open = false;
    r->shared = false;
    r->exclusive = false;
    r->pollable = false;
    wake_closed(r);
}

int mr_hub_fd_of(const struct mr_hub *hub, const struct mr_waitq *q)
{
    const struct mr_hub_loop *l = hub->loop;
    uintptr_t at = (uintptr_t)q;

    for (size_t i = 0; i < l->n_chunks; i++) {
        uintptr_t chunk = (uintptr_t)l->chunks[i];

        if (chunk && at >= chunk && at < chunk + CHUNK * sizeof **l->chunks)
            return (int)(i * CHUNK + (at - chunk) / sizeof **l->chunks);
    }
    return -1;
}

/* Can an event come that somebody would notice? */
static bool is_awaited(const struct fd_record *r)
{
    return ((r->want & MR_READABLE) &&
            (r->hook || !mr_waitq_is_empty(&r->readers))) ||
           ((r->want & MR_WRITABLE) && !mr_waitq_is_empty(&r->writers)) ||
           ((r->nested & MR_GONE) && !mr_waitq_is_empty(&r->gone));
}

/* Of any descriptor. The one found last is usually it still. */
static bool any_awaited(struct mr_hub_loop *l)
{
    const struct fd_record *r = record_at(l, (int)l->awaited);

    if (r && is_awaited(r))
        return true;
    for (size_t fd = 0; fd < l->n_chunks * CHUNK; fd++) {
        r = record_at(l, (int)fd);
        if (!r) {
            fd += CHUNK - 1; /* none of this chunk */
        } else if (is_awaited(r)) {
            l->awaited = fd;
            return true;
        }
    }
    return false;
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

bool mr_hub_may_go_on(void)
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
           !__atomic_load_n(&l->posts, __ATOMIC_RELAXED) && !any_awaited(l);
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
static void run_due(struct mr_hub *hub)
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

/* The time is `now`, or not known: 0. */
static void poll_kernel(struct mr_hub *hub, int64_t now)
{
    struct mr_hub_loop *l = hub->loop;
    bool busy;

    if (!mr_list_is_empty(&hub->idle))
        run_idle(hub);
    busy = hub->ready.head || !mr_list_is_empty(&hub->due) ||
           !mr_waitq_is_empty(&hub->idlers);
    if (!busy && MR_UNLIKELY(is_deadlocked(hub))) {
        end_deadlock(hub);
        busy = true;
    }
    if (!busy) {
        if (!mr_timer_is_started(&l->trim) &&
            mr_stack_stats().warm > TRIM_CACHED)
            /* Without memory for it the stacks just stay warm. */
            (void)!mr_timer_start(&l->trim, hub->now + TRIM_NS);
        arm_nearest(hub);
        beat(hub, 0);
    }
    hub->stats.polls++;
    ev_run(l->ev, busy ? EVRUN_NOWAIT : EVRUN_ONCE);
    hub->now = mr_sys_monotonic();
    l->slice = slice_after(hub, busy ? now : 0);
    beat(hub, hub->now);
    if (mr_timers_next(&hub->timers) <= hub->now)
        run_due(hub);
    if (MR_UNLIKELY(!mr_list_is_empty(&hub->due))) /* linked in a hook */
        mr_links_call(hub);
    if (!hub->ready.head)
        (void)mr_waitq_wake_all(&hub->idlers, 0);
}

static bool has_work(const struct mr_hub *hub)
{
    return mr_hub_live(hub) > 0 || hub->expected > 0 ||
           !mr_list_is_empty(&hub->due);
}

static void loop_until_idle(struct mr_hub *hub)
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

static int loop_new(struct mr_hub_loop **ret)
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
    l->nested_fd = -1;
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
    for (size_t i = 0; i < l->n_chunks; i++)
        mr_free(l->chunks[i]);
    mr_free(l->chunks);
    ev_loop_destroy(l->ev);
    if (l->nested_fd >= 0)
        mr_sys_close(l->nested_fd);
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
    err = loop_new(&hub->loop);
    if (!err)
        err = mr_inspect_enter(hub);
    if (err) {
        loop_free(hub->loop);
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
    if (hub->unwatch)
        hub->unwatch(hub);
    mr_inspect_leave(hub);
    mr_timers_fini(&hub->timers);
    loop_free(hub->loop);
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
