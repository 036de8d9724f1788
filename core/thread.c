/* SPDX-License-Identifier: MIT */

/*
 * thread.c - start a thread, with a hub of its own or without, and join it.
 *
 * Life of a thread:
 *
 *   starter                          the thread
 *   mr_thread_start
 *     pthread_create --------------> run: its name
 *                                    mr_run: first: `hub` can be posted to
 *   mr_thread_cancel ---[post]-----> mr_cancel(first)
 *                                    first returns: `hub` is NULL again
 *                                    leave: stacks go back
 *   mr_thread_join <----[told]------ done
 *     pthread_join <---------------- gone
 *     free
 *
 *  (1) What both sides write is under t->mutex.
 *  (2) The cancel is posted with the mutex held, so never to a hub that has
 *      gone; and once, as the record is one. A hub that ends before it takes
 *      the post does not touch it any more.
 *  (3) t lives until pthread_join has returned: the thread itself needs no
 *      count.
 *
 *  (4) Whom a thread's first errand, or the plain thread, waits for is in
 *      t->joins, under joins_mutex. These edges hold no cycle: one that would
 *      close it is not entered. An edge leads to a thread that is there, as it
 *      is taken out before the joiner frees that.
 *
 * Joining sleeps twice: parked until `done`, then on this thread for what the
 * other one does on its way out of libc, some tens of microseconds. So whoever
 * has joined may rely on it: the thread is gone.
 */
#include "core/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/coro_priv.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/thread_priv.h"

/* Hooks, libev and what a library does in them: as much as a coroutine has. */
#define STACK_MIN ((size_t)64 << 10)
/* What the kernel keeps of a name, with its NUL. */
#define NAME_MAX_ 16

struct mr_thread {
    pthread_t
        id; /* the starter's: the thread itself may run before it is set */
    mr_coro_fn *fn;
    void *arg;
    bool plain;
    char name[NAME_MAX_];
    pthread_mutex_t mutex;
    struct mr_list joiners;
    struct mr_hub *hub; /* while its first errand can be cancelled */
    bool cancelled;
    bool done;
    intptr_t result;
    struct mr_coro *first;   /* the thread's own: while hub is set */
    struct mr_thread *joins; /* 4 */
    struct mr_hub_post cancel;
};

static _Thread_local struct mr_thread *running;
static pthread_mutex_t joins_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- waiting for another thread --- */

static void on_told(struct mr_hub_post *post)
{
    struct mr_thread_wait *w =
        mr_container_of(post, struct mr_thread_wait, told);

    w->is_told = true;
    (void)mr_waitq_wake_all(&w->queue, 0);
}

void mr_thread_wait_init(struct mr_thread_wait *w)
{
    mr_list_init(&w->node);
    mr_waitq_init(&w->queue);
    w->hub = mr_thread.hub ? mr_errand_self()->hub : NULL;
    w->told.fn = on_told;
    w->data = NULL;
    w->rc = 0;
    w->woken = false;
    w->is_told = false;
}

/* False when w was woken: then its teller is about to tell. */
static bool give_up(struct mr_thread_wait *w, pthread_mutex_t *mutex)
{
    bool in_time;

    pthread_mutex_lock(mutex);
    in_time = !w->woken;
    if (in_time)
        mr_list_remove(&w->node);
    pthread_mutex_unlock(mutex);
    return in_time;
}

static int wait_parked(struct mr_thread_wait *w, pthread_mutex_t *mutex,
                       int64_t deadline, const char *why)
{
    struct mr_scope shield;
    int rc;

    pthread_mutex_unlock(mutex);
    w->hub->expected++;
    rc = (int)mr_wait(&w->queue, deadline, why);
    if (rc < 0 && !give_up(w, mutex)) {
        mr_shield_enter(&shield, MR_NEVER);
        if (!w->is_told)
            (void)mr_wait(&w->queue, MR_NEVER, why);
        (void)mr_shield_leave(&shield);
        rc = 0;
    }
    w->hub->expected--;
    return rc < 0 ? rc : w->rc;
}

static int wait_asleep(struct mr_thread_wait *w, pthread_mutex_t *mutex,
                       int64_t deadline)
{
    struct timespec at = {deadline / 1000000000, deadline % 1000000000};
    pthread_condattr_t attr;
    int err = 0;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wakes, &attr);
    pthread_condattr_destroy(&attr);
    while (!w->woken && err == 0) {
        if (deadline == MR_NEVER)
            err = pthread_cond_wait(&w->wakes, mutex);
        else
            err = pthread_cond_timedwait(&w->wakes, mutex, &at);
    }
    if (!w->woken)
        mr_list_remove(&w->node);
    pthread_mutex_unlock(mutex);
    pthread_cond_destroy(&w->wakes);
    return w->woken ? w->rc : -ETIMEDOUT;
}

int mr_thread_wait(struct mr_thread_wait *w, pthread_mutex_t *mutex,
                   int64_t deadline, const char *why)
{
    if (w->hub)
        return wait_parked(w, mutex, deadline, why);
    return wait_asleep(w, mutex, MR_MAX(deadline, 0));
}

void mr_thread_wake(struct mr_thread_wait *w, int rc, struct mr_list *woken)
{
    mr_list_remove(&w->node);
    w->rc = rc;
    w->woken = true;
    if (w->hub)
        mr_list_push_back(woken, &w->node);
    else
        pthread_cond_signal(&w->wakes); /* now: it may be gone afterwards */
}

void mr_thread_tell(struct mr_list *woken)
{
    struct mr_list *n;

    while ((n = mr_list_pop_front(woken))) {
        struct mr_thread_wait *w =
            mr_container_of(n, struct mr_thread_wait, node);

        mr_hub_post(w->hub, &w->told); /* and it is the waiter's again */
    }
}

/* --- on the thread itself --- */

/* From now on it can be cancelled; false: it was already. */
static bool begin(struct mr_thread *t)
{
    bool cancelled;

    t->first = mr_coro_self();
    pthread_mutex_lock(&t->mutex);
    cancelled = t->cancelled;
    t->hub = mr_hub_self();
    mr_hub_share(t->hub);
    pthread_mutex_unlock(&t->mutex);
    return !cancelled;
}

static void end(struct mr_thread *t)
{
    mr_hub_unshare(t->hub);
    pthread_mutex_lock(&t->mutex);
    t->hub = NULL;
    pthread_mutex_unlock(&t->mutex);
    t->first = NULL;
}

static intptr_t first(void *arg)
{
    struct mr_thread *t = arg;
    intptr_t result = -ECANCELED;

    if (begin(t))
        result = t->fn(t->arg);
    end(t);
    return result;
}

static void *run(void *arg)
{
    struct mr_thread *t = arg;
    struct mr_list woken;
    intptr_t result = 0;
    int err = 0;

    running = t;
    if (t->name[0])
        (void)!pthread_setname_np(pthread_self(), t->name);
    if (t->plain)
        result = t->fn(t->arg);
    else
        err = mr_run(first, t, &result);
    /* Those of coroutines that were resumed by hand; a hub's are gone. */
    if (mr_stack_stats().taken == 0)
        mr_stack_thread_fini();
    mr_stack_unwatch_overflow();
    mr_list_init(&woken);
    pthread_mutex_lock(&t->mutex);
    t->result = err ? err : result;
    t->done = true;
    if (!mr_list_is_empty(&t->joiners))
        mr_thread_wake(
            mr_container_of(t->joiners.next, struct mr_thread_wait, node), 0,
            &woken);
    pthread_mutex_unlock(&t->mutex);
    mr_thread_tell(&woken);
    return NULL;
}

/* --- starting --- */

int mr_thread_create(pthread_t *ret, const pthread_attr_t *attr,
                     void *(*fn)(void *), void *arg)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                 SIGILL,  SIGTRAP, SIGSYS};
    sigset_t all, old;
    int err = mr_sys_faulted(MR_SYS_PTHREAD_CREATE);

    if (err)
        return err;
    sigfillset(&all);
    /* A fault that is masked ends the process without a report. */
    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++)
        sigdelset(&all, faults[i]);
    err = mr_sys_sigmask(SIG_SETMASK, &all, &old);
    if (err)
        return err;
    err = -pthread_create(ret, attr, fn, arg);
    /* It took the one before, so it takes this one. */
    (void)!mr_sys_sigmask(SIG_SETMASK, &old, NULL);
    return err;
}

/* At least what libc asks for, which differs with the processor; whole pages.
 */
static size_t stack_bytes(size_t wanted)
{
    long page = sysconf(_SC_PAGESIZE), least = sysconf(_SC_THREAD_STACK_MIN);

    wanted = MR_MAX(wanted, STACK_MIN);
    if (least > 0)
        wanted = MR_MAX(wanted, (size_t)least);
    return (wanted + (size_t)page - 1) & ~((size_t)page - 1);
}

static int set_attr(pthread_attr_t *attr, const struct mr_thread_options *o)
{
    cpu_set_t cpus;
    int err = 0;

    if (o->stack_size > SIZE_MAX / 2)
        return -EINVAL;
    if (o->stack_size)
        err = -pthread_attr_setstacksize(attr, stack_bytes(o->stack_size));
    if (err || !o->pinned)
        return err;
    if (o->cpu < 0 || o->cpu >= CPU_SETSIZE)
        return -EINVAL;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)o->cpu, &cpus);
    return -pthread_attr_setaffinity_np(attr, sizeof cpus, &cpus);
}

static int start(struct mr_thread **ret, mr_coro_fn *fn, void *arg,
                 const struct mr_thread_options *o, bool plain)
{
    static const struct mr_thread_options usual;
    struct mr_thread *t;
    pthread_attr_t attr;
    int err;

    MR_BUG_ON(!fn);
    if (!o)
        o = &usual;
    t = mr_calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->fn = fn;
    t->arg = arg;
    t->plain = plain;
    snprintf(t->name, sizeof t->name, "%s", o->name ? o->name : "");
    mr_list_init(&t->joiners);
    pthread_mutex_init(&t->mutex, NULL);
    err = -pthread_attr_init(&attr);
    if (err == 0) {
        err = set_attr(&attr, o);
        if (err == 0)
            err = mr_thread_create(&t->id, &attr, run, t);
        pthread_attr_destroy(&attr);
    }
    if (err) {
        pthread_mutex_destroy(&t->mutex);
        mr_free(t);
        return err;
    }
    *ret = t;
    return 0;
}

int mr_thread_start(struct mr_thread **ret, mr_coro_fn *fn, void *arg,
                    const struct mr_thread_options *options)
{
    return start(ret, fn, arg, options, false);
}

int mr_thread_start_plain(struct mr_thread **ret, mr_coro_fn *fn, void *arg,
                          const struct mr_thread_options *options)
{
    return start(ret, fn, arg, options, true);
}

/* --- ending --- */

/* The running thread, if its end waits for what is done here. */
static struct mr_thread *bound_thread(void)
{
    if (!running || running->plain)
        return running;
    if (!mr_thread.hub || mr_errand_root(mr_errand_self()) != running->first)
        return NULL;
    return running;
}

static const char *name_of(const struct mr_thread *t)
{
    return t->name[0] ? t->name : "?";
}

/* From now on self waits for t. False: it would close a cycle, of which *ret
 * tells, and the edge is not entered. */
static bool enter_edge(struct mr_thread *self, struct mr_thread *t, char *ret,
                       size_t size)
{
    const struct mr_thread *at = t;
    size_t n = 0;

    pthread_mutex_lock(&joins_mutex);
    while (at->joins && at != self) {
        if (n < size)
            n += (size_t)snprintf(ret + n, size - n, ", '%s' joins '%s'",
                                  name_of(at), name_of(at->joins));
        at = at->joins;
    }
    if (at != self)
        self->joins = t;
    pthread_mutex_unlock(&joins_mutex);
    return at != self;
}

static void leave_edge(struct mr_thread *self)
{
    pthread_mutex_lock(&joins_mutex);
    self->joins = NULL;
    pthread_mutex_unlock(&joins_mutex);
}

static bool will_wait(const struct mr_thread *self, int64_t deadline)
{
    return self->plain ? deadline > mr_sys_monotonic()
                       : mr_wait_will_park(mr_errand_self(), deadline);
}

static int wait_for_end(struct mr_thread *t, int64_t deadline)
{
    struct mr_thread_wait w;

    mr_thread_wait_init(&w);
    pthread_mutex_lock(&t->mutex);
    if (t->done) {
        pthread_mutex_unlock(&t->mutex);
        return 0;
    }
    MR_BUG_ON(!mr_list_is_empty(&t->joiners)); /* one joins at a time */
    mr_list_push_back(&t->joiners, &w.node);
    return mr_thread_wait(&w, &t->mutex, deadline, "thread");
}

static int join(struct mr_thread *t, intptr_t *ret_result, int64_t deadline,
                bool refuse)
{
    struct mr_thread *self = bound_thread();
    char others[256] = "";
    int rc;

    MR_BUG_ON(!t || t == running); /* it would wait for itself */
    /* Whom a free cancels waits no more, but for a plain thread: if its wait
     * has no end either, this one has none; it cannot be refused, but told. */
    if (self && !enter_edge(self, t, others, sizeof others) &&
        (refuse || t->plain) && will_wait(self, deadline)) {
        mr_log(MR_LOG_WARN, "deadlock: thread '%s' would join '%s'%s",
               name_of(self), name_of(t), others);
        if (refuse)
            return -EDEADLK;
    }
    rc = wait_for_end(t, deadline);
    if (self)
        leave_edge(self);
    if (rc)
        return rc;
    pthread_join(t->id, NULL);
    if (ret_result)
        *ret_result = t->result;
    pthread_mutex_destroy(&t->mutex);
    mr_free(t);
    return 0;
}

int mr_thread_join(struct mr_thread *t, intptr_t *ret_result, int64_t deadline)
{
    return join(t, ret_result, deadline, true);
}

static void on_cancel(struct mr_hub_post *post)
{
    struct mr_thread *t = mr_container_of(post, struct mr_thread, cancel);

    if (t->first)
        mr_cancel(t->first);
}

void mr_thread_cancel(struct mr_thread *t)
{
    MR_BUG_ON(!t);
    pthread_mutex_lock(&t->mutex);
    if (!t->cancelled && !t->done) {
        t->cancelled = true;
        t->cancel.fn = on_cancel;
        if (t->hub)
            mr_hub_post(t->hub, &t->cancel);
    }
    pthread_mutex_unlock(&t->mutex);
}

void mr_thread_free(struct mr_thread *t)
{
    struct mr_scope shield;

    if (!t)
        return;
    mr_thread_cancel(t);
    if (mr_thread.hub)
        mr_shield_enter(&shield, MR_NEVER);
    (void)!join(t, NULL, MR_NEVER, false); /* nothing ends this wait */
    if (mr_thread.hub)
        (void)mr_shield_leave(&shield);
}

bool mr_thread_is_done(struct mr_thread *t)
{
    return mr_thread_flag(&t->mutex, &t->done);
}

struct mr_thread *mr_thread_self(void)
{
    return running;
}
