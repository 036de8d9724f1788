/* SPDX-License-Identifier: MIT */
#ifndef CORE_HUB_H
#define CORE_HUB_H

/*
 * hub.h - one thread's scheduler, and what it watches.
 *
 * A hub runs errands (core/coro.h, 3): FIFO, each until it parks, yields or
 * ends. When none is ready it waits for the kernel, through libev. It is cheap
 * to yield (the next ready errand is switched to directly); the kernel is
 * asked at least every so often, however busy the coroutines are.
 *
 *     intptr_t first(void *arg) {
 *         struct mr_coro *a = mr_spawn(work, "a");
 *         struct mr_coro *b = mr_spawn(work, "b");
 *         ...
 *         return mr_join(a, NULL, MR_NEVER);
 *     }
 *     int main(void) { return mr_run(first, NULL, NULL); }
 *
 * Invariants
 *  (1) One hub per thread. It, its errands and its descriptors belong to that
 *      thread; ev_run runs on the thread's own stack.
 *  (2) Between two parks code is atomic with respect to the thread's other
 *      coroutines. What may park says "May park." in its contract.
 *  (3) A READY errand is in the run queue once; a PARKED one has a wait set; a
 *      RUNNING one is neither.
 *  (4) Every errand has a parent group (core/group.h): nobody is orphaned. An
 *      errand that ends cancels and joins what it spawned.
 *  (5) The watcher of a descriptor stays armed while someone waits or a hook
 *      is set; an event that finds neither stops it in that very callback.
 *
 *                     [mr_spawn]
 *                NEW ------------> READY <----------------.
 *                                  |   ^                  |
 *                     [hub's turn] |   | [mr_yield]       | [mr_wait_fire]
 *                                  v   |                  | [mr_cancel]
 *                                 RUNNING ------------> PARKED  [deadline]
 *                                  |        [mr_wait]
 *                    [fn returned] v
 *                                 DONE --[mr_join | reaped]--> stack cache
 *
 * over budget: the contracts of all that a hub does belong on one page.
 */
#include "core/coro.h"
#include "core/wait.h"

struct mr_hub;
struct mr_group;

/*
 * Make a hub on this thread, run fn(arg) as its first errand, and return when
 * that and everything in the hub's group has ended (what fn left behind there
 * is cancelled). 0, -ENOMEM, -EMFILE...; *ret_result (may be NULL) is fn's.
 * A BUG when the thread has a hub already.
 *
 * -EDEADLK: a moment came when every errand waited and nothing could come that
 * would wake one: no timer, no descriptor that is waited for or has a hook, no
 * job on a helper, no thread that may post (mr_hub_share). The log then has the
 * list of who waited for what (core/inspect.h), and all were cancelled, so that
 * they cleaned up and ended. If all that wait are shielded from that, it is a
 * BUG and aborts. Two that wait for each other in other company: mr_join.
 */
MR_API MR_MUST_USE int mr_run(mr_coro_fn *fn, void *arg, intptr_t *ret_result);

/* The same in two steps, for those who set up between. The hub that
 * mr_hub_new made is this thread's until mr_hub_free. */
MR_API MR_MUST_USE int mr_hub_new(struct mr_hub **ret);
MR_API MR_MUST_USE int mr_hub_run(struct mr_hub *hub, mr_coro_fn *fn, void *arg,
                                  intptr_t *ret_result);
MR_API void mr_hub_free(struct mr_hub *hub);
/* This thread's hub, or NULL. */
MR_API struct mr_hub *mr_hub_self(void);

/* --- errands --- */

/*
 * Start fn(arg) as a child of the running errand (its own group), on the run
 * queue. The handle is good until mr_join took it or its parent ended.
 * NULL when out of memory or mappings (core/stack.h).
 * A macro, so that reports can name the function and the place.
 */
#define mr_spawn(fn, arg)      \
    mr_spawn_with((fn), (arg), \
                  &(struct mr_spawn_options){.entry = #fn, .where = MR_HERE})

struct mr_spawn_options {
    const char *name;       /* kept; NULL: the entry's */
    const char *entry;      /* kept; the function's name */
    const char *where;      /* kept; MR_HERE of the spawn, for reports */
    size_t stack_size;      /* 0: the default */
    struct mr_group *group; /* NULL: the running errand's own */
    bool reap;              /* nobody joins it: it goes when it ends, and the
                             * handle is good only until then */
};
MR_API MR_MUST_USE struct mr_coro *
mr_spawn_with(mr_coro_fn *fn, void *arg, const struct mr_spawn_options *o);

/*
 * The same, but it begins only at `at`; until then it is a member of its group
 * like any other, PARKED, and may be cancelled (then it never runs), joined and
 * linked to. It has a stack already, of which it keeps one page: to have a
 * million begin later, use timers (core/timer.h) that spawn.
 */
#define mr_spawn_later(fn, arg, at) \
    mr_spawn_later_with(            \
        (fn), (arg), (at),          \
        &(struct mr_spawn_options){.entry = #fn, .where = MR_HERE})
MR_API MR_MUST_USE struct mr_coro *
mr_spawn_later_with(mr_coro_fn *fn, void *arg, int64_t at,
                    const struct mr_spawn_options *o);

/* Let every other READY errand run once. May park. 0, or -ECANCELED or
 * -ETIMEDOUT when such is pending (having yielded all the same). */
MR_API int mr_yield(void);
/* Until nobody is READY and the kernel has nothing new: for work that is to
 * disturb nobody. 0, -ETIMEDOUT, -ECANCELED. May park. */
MR_API MR_MUST_USE int mr_idle(int64_t deadline);

/*
 * Wait for the end of co and take it: the handle is not to be used again. 0,
 * and its function's result in *ret_result (may be NULL); -ETIMEDOUT or
 * -ECANCELED, or -EDEADLK (logged): co waits, perhaps through others, for us;
 * and then the handle stays good. Several may join the same one at once.
 * Joining oneself is a BUG. May park.
 */
MR_API MR_MUST_USE int mr_join(struct mr_coro *co, intptr_t *ret_result,
                               int64_t deadline);

/*
 * Ask co's errand to end: its present or next park returns -ECANCELED, and
 * each one after it, unless shielded. One that never ran never will. Again, or
 * on the dead, does nothing.
 */
MR_API void mr_cancel(struct mr_coro *co);
/* Of the running errand; false inside a shield. */
MR_API bool mr_is_cancelled(void);

/* For those who keep a handle beyond the join: counts keep the object. */
MR_API struct mr_coro *mr_coro_ref(struct mr_coro *co);
MR_API void mr_coro_unref(struct mr_coro *co);

/* The hub's own group: for what outlives the errand that starts it. */
MR_API struct mr_group *mr_hub_group(void);

/* The time when the hub last came back from the kernel: cheap, and good
 * enough for time-outs that are begun while handling what came. */
MR_API int64_t mr_hub_now(void);

/* --- descriptors --- */

enum {
    MR_READABLE = 1,
    MR_WRITABLE = 2,
    /* With one of these: all there was has been taken, as a call gave -EAGAIN,
     * or TCP gave less than it was asked for (a unix socket stops behind bytes
     * that carry descriptors: it proves nothing). So it is enough to be told of
     * what comes from now on, which is cheaper (EPOLLET). A wait without it on
     * the same descriptor costs a system call. */
    MR_DRAINED = 4,
    /* Alone: a socket's peer will send no more (it ended its sending half, or
     * all), a pipe's other end is closed; also while bytes wait to be read,
     * which hide it from a reader. */
    MR_GONE = 8,
};

/*
 * Park until fd is readable or writable (an error or a hang-up counts as
 * both), or MR_GONE. 0, -EBADF when it is closed meanwhile (mr_hub_forget),
 * -ETIMEDOUT, -ECANCELED, -ENOMEM. Descriptors that epoll refuses (files) are
 * always ready, and never gone: -EPERM; nor has what is watched exclusively
 * (mr_hub_fd_shared) a peer: -EINVAL. -ENOSPC: no more may be watched
 * (epoll(7), max_user_watches). May park.
 */
MR_API MR_MUST_USE int mr_hub_wait_fd(int fd, int events, int64_t deadline);
/* The queue for an entry of one's own, the watcher armed; the value fired is
 * 0 or -EBADF. 0, -ENOMEM, -EBADF, -ENOSPC, or 1: always ready, do not wait.
 * MR_GONE costs a system call or two, here and when it came. */
MR_API MR_MUST_USE int mr_hub_fd_queue(int fd, int events,
                                       struct mr_waitq **ret_q);

/*
 * A descriptor's hook, instead of a waiter: runs on the hub's stack when fd is
 * readable and nobody waits for that; may spawn and wake, may not park. Its
 * answer says whether the watcher stays armed. fn NULL takes it out. The
 * watcher is armed. 0, -ENOMEM, -EBADF, -ENOSPC, -EPERM (a file).
 *
 * _drained: all there was has been taken, as with MR_DRAINED, and when the hook
 * answers MR_HOOK_KEEP somebody takes all there is. Set it again before each
 * rest: that is cheap, and behind a peer's end or an error it asks anew.
 */
enum mr_hub_hook_answer { MR_HOOK_DISARM, MR_HOOK_KEEP };
typedef enum mr_hub_hook_answer mr_hub_hook_fn(int fd, void *arg);
MR_API MR_MUST_USE int mr_hub_hook(int fd, mr_hub_hook_fn *fn, void *arg);
MR_API MR_MUST_USE int mr_hub_hook_drained(int fd, mr_hub_hook_fn *fn,
                                           void *arg);

/*
 * This descriptor's open file is shared with another process (a listener, an
 * inherited pipe): it is taken out of what is watched before close. exclusive:
 * EPOLLEXCLUSIVE, for sockets that all workers accept from. Before the first
 * wait. 0 or -Exxx.
 */
MR_API MR_MUST_USE int mr_hub_fd_shared(int fd, bool exclusive);

/* Before close(fd), always: wakes its waiters with -EBADF, drops its hook and
 * watcher. io/fd.h's mr_fd_close does both. Unknown numbers are fine. */
MR_API void mr_hub_forget(int fd);

/*
 * Once, when nobody is READY any more, and at the latest before the hub next
 * asks the kernel: fn runs on the hub's stack and may not park. Whom it makes
 * READY may run before the kernel is asked. For what is gathered while
 * coroutines run and must not wait longer than that (pipelined answers). Adding
 * twice does nothing.
 */
struct mr_hub_idle {
    struct mr_list node;
    void (*fn)(struct mr_hub_idle *idle);
};
MR_API void mr_hub_before_poll(struct mr_hub_idle *idle);
/* Not after all. Idempotent; the node must have been initialised. */
static inline void mr_hub_idle_remove(struct mr_hub_idle *idle)
{
    mr_list_remove(&idle->node);
}

/*
 * Once, when the calling thread's hub is freed: fn runs on that thread, when no
 * errand is left, and may not park. Those that were said last come first. For
 * what a thread keeps from one call to the next and that is not memory.
 */
struct mr_hub_end {
    struct mr_hub_end *next;
    void (*fn)(struct mr_hub_end *end);
};
MR_API void mr_hub_at_end(struct mr_hub_end *end);

/*
 * A coroutine that does one thing after the other, each as if in a coroutine of
 * its own, goes on only while this is true: not cancelled, no scope open, no
 * child, no variable of its own (core/local.h), and nobody who was told of it
 * or waits for its end. Any of these would be the next thing's too.
 */
MR_API bool mr_hub_may_go_on(void);
/* Another number after each switch: has anybody else run, or the hub polled? */
MR_API uint64_t mr_hub_turn(void);
/* Is another errand READY? */
MR_API bool mr_hub_others_wait(void);

/* --- from other threads --- */

/*
 * Work posted from any thread: fn runs on the hub's stack, in order. The hub
 * must outlive the posting. With mr_hub_share's, the only functions of a hub
 * that other threads may call.
 */
struct mr_hub_post {
    struct mr_hub_post *next;
    void (*fn)(struct mr_hub_post *post);
};
MR_API void mr_hub_post(struct mr_hub *hub, struct mr_hub_post *post);

/*
 * Another thread may post from now on: a hub that waits for nothing but that is
 * not deadlocked (mr_run). Counted; call it before the hub is given away, and
 * mr_hub_unshare, from any thread, when the last post has been made. A hub may
 * end while it is shared, if nobody posts to it afterwards.
 */
MR_API void mr_hub_share(struct mr_hub *hub);
MR_API void mr_hub_unshare(struct mr_hub *hub);

/* --- diagnosis --- */

struct mr_hub_stats {
    uint64_t switches; /* errands resumed */
    uint64_t polls;    /* times the kernel was asked */
    uint64_t spawned;
    size_t live; /* errands not DONE */
};
MR_API struct mr_hub_stats mr_hub_stats(const struct mr_hub *hub);

/* What all coroutines are doing: core/inspect.h. */

/* Where the hub writes when it last came back from the kernel (ns): a
 * supervisor sees from it that a coroutine keeps the thread. NULL: nowhere.
 * Kept. 0 is written before a wait in the kernel. */
MR_API void mr_hub_set_beat(struct mr_hub *hub, int64_t *beat);

#endif
