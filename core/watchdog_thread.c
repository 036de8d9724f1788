/* SPDX-License-Identifier: MIT */

/*
 * watchdog_thread.c - who holds the thread too long, asked from another one.
 *
 * One thread for all hubs of the process looks at each a few times per limit.
 * A hub that has not come back from its errands since the last look, and has
 * not switched between any, is in the same turn; when that has lasted for the
 * limit, its thread gets a signal, whose handler writes down where it is
 * (watchdog.c). Names are looked up, and lines written, here.
 *
 *                 [hub goes on]              [limit is over]
 *      QUIET ----------------> QUIET      QUIET ---------> ASKED
 *        ^                                                   | [handler]
 *        '------------------- ANSWERED <---------------------'
 *             [report]
 *
 * Invariants
 *  (1) A watched hub is in the list, and leaves it under the lock before it is
 *      freed: what this thread looks at is there.
 *  (2) An answer that came after the turn it was asked about is thrown away.
 *  (3) A turn is reported when it has lasted for the limit, and then each time
 *      that it has lasted twice as long; its end is reported, too.
 *
 * It reads the hub's counter of switches without the hub knowing: an old value
 * costs nothing but a look.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "core/log.h"
#include "core/signal.h"
#include "core/symbol.h"
#include "core/sys.h"
#include "core/watchdog.h"
#include "core/watchdog_priv.h"

#define NS 1000000000
#define MS 1000000
/* Looks per limit: a turn is found after 1 to 1.25 of it. */
#define LOOKS 4
/* Between two looks for an answer. */
#define ANSWER_PAUSE MS
/* A thread that does not answer for so long is in the kernel, or masks the
 * signal: then the report is without calls. */
#define ANSWER_MAX NS

static struct {
    pthread_mutex_t changing; /* whoever starts or stops the thread */
    pthread_mutex_t lock;     /* what follows, and all watches */
    pthread_cond_t changed;
    struct mr_list watches;
    bool stopping;
    pthread_t thread;
} dog = {
    .changing = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
    .watches = {&dog.watches, &dog.watches},
};

/* --- reports --- */

static const char *text_of(const struct mr_watch *w, bool answered, char *buf,
                           size_t size)
{
    const struct mr_watch_answer *a = &w->answer;

    if (!answered)
        snprintf(buf, size, "something that does not answer");
    else if (!a->in_coro)
        snprintf(buf, size, "no coroutine, but on the hub's own stack");
    else
        snprintf(buf, size, "coroutine #%ju '%s'%s%s", (uintmax_t)a->id,
                 a->name, a->where ? ", spawned at " : "",
                 a->where ? a->where : "");
    return buf;
}

static void report(struct mr_watch *w, bool answered, int64_t now)
{
    struct mr_symbols *symbols;
    char text[512];

    w->reports++;
    mr_log(MR_LOG_WARN, "watchdog: the thread is held since %jd ms by %s",
           (intmax_t)((now - w->since) / MS),
           text_of(w, answered, text, sizeof text));
    if (!answered)
        return;
    symbols = mr_symbols_new();
    for (unsigned i = 0; i < w->answer.frames.n; i++) {
        mr_symbol_format(symbols, w->answer.frames.pc[i], i > 0, text,
                         sizeof text);
        mr_log(MR_LOG_WARN, "watchdog:   #%u %s", i, text);
    }
    mr_symbols_free(symbols);
}

/* --- a look at one hub --- */

__attribute__((no_sanitize_thread)) static uint64_t
switches_of(const struct mr_hub *hub)
{
    return *(const volatile uint64_t *)&hub->stats.switches;
}

/* A turn that was reported is over. */
static void tell_end(const struct mr_watch *w, int64_t now)
{
    mr_log(MR_LOG_WARN, "watchdog: the thread is free again, after %jd ms",
           (intmax_t)((now - w->since) / MS));
}

static void ask(struct mr_watch *w, int64_t now)
{
    w->asked = now;
    w->next = now + (now - w->since); /* twice as long, then */
    /* Release: pairs with the handler's acquire. */
    __atomic_store_n(&w->state, MR_WATCH_ASKED, __ATOMIC_RELEASE);
    (void)!mr_sys_tgkill(w->thread, MR_SIG_REPORT); /* no answer will tell */
}

/* True while an answer is awaited. */
static bool look(struct mr_watch *w, int64_t now)
{
    int64_t beat = __atomic_load_n(&w->hub->came_back, __ATOMIC_RELAXED);
    uint64_t switches = switches_of(w->hub);
    /* Acquire: the answer is complete. */
    int state = __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);

    if (state == MR_WATCH_ANSWERED) {
        if (w->answer.switches == w->switches && beat == w->beat &&
            w->asked > w->since)
            report(w, true, now);
        w->state = MR_WATCH_QUIET;
    }
    if (beat == 0 || beat != w->beat || switches != w->switches) {
        if (w->reports > 0)
            tell_end(w, now);
        w->beat = beat;
        w->switches = switches;
        w->since = now;
        w->next = now + w->limit;
        w->reports = 0;
        return false;
    }
    if (state == MR_WATCH_ASKED) {
        if (now - w->asked < ANSWER_MAX)
            return true;
        if (w->asked > w->since && w->reports == 0)
            report(w, false, now);
        /* Its room stays the handler's; but it may be asked again. */
    }
    if (now < w->next)
        return false;
    ask(w, now);
    return true;
}

/* --- the thread --- */

static void pause_for(int64_t ns)
{
    int64_t until = mr_sys_monotonic() + ns;
    struct timespec at = {until / NS, until % NS};

    pthread_cond_clockwait(&dog.changed, &dog.lock, CLOCK_MONOTONIC, &at);
}

static void *watch(void *unused)
{
    pthread_mutex_lock(&dog.lock);
    while (!dog.stopping) {
        int64_t now = mr_sys_monotonic(), period = NS;

        MR_LIST_EACH (node, &dog.watches) {
            struct mr_watch *w = mr_container_of(node, struct mr_watch, node);

            period =
                MR_MIN(period, look(w, now) ? ANSWER_PAUSE : w->limit / LOOKS);
        }
        pause_for(period);
    }
    pthread_mutex_unlock(&dog.lock);
    return unused;
}

/* Signals are for those who read them, so it masks all. */
static int start(void)
{
    sigset_t all, old;
    int err = mr_sys_faulted(MR_SYS_PTHREAD_CREATE);

    if (err)
        return err;
    sigfillset(&all);
    err = mr_sys_sigmask(SIG_SETMASK, &all, &old);
    if (err)
        return err;
    dog.stopping = false;
    err = -pthread_create(&dog.thread, NULL, watch, NULL);
    /* It took the one before, so it takes this one. */
    (void)!mr_sys_sigmask(SIG_SETMASK, &old, NULL);
    return err;
}

/* --- on the hub's thread --- */

static void forget(struct mr_hub *hub)
{
    struct mr_watch *w = hub->watch;
    bool last;

    hub->watch = NULL; /* the handler answers no more */
    hub->unwatch = NULL;
    pthread_mutex_lock(&dog.changing);
    pthread_mutex_lock(&dog.lock);
    mr_list_remove(&w->node);
    last = mr_list_is_empty(&dog.watches);
    dog.stopping = last;
    pthread_cond_signal(&dog.changed);
    pthread_mutex_unlock(&dog.lock);
    if (last)
        pthread_join(dog.thread, NULL);
    pthread_mutex_unlock(&dog.changing);
    mr_free(w);
}

/* Into the list; the first has the thread started. */
static int enlist(struct mr_watch *w)
{
    int err = 0;

    pthread_mutex_lock(&dog.changing);
    pthread_mutex_lock(&dog.lock);
    if (mr_list_is_empty(&dog.watches))
        err = start();
    if (!err) {
        mr_list_push_back(&dog.watches, &w->node);
        pthread_cond_signal(&dog.changed); /* its limit may be shorter */
    }
    pthread_mutex_unlock(&dog.lock);
    pthread_mutex_unlock(&dog.changing);
    return err;
}

int mr_watchdog_watch(int64_t limit)
{
    struct mr_hub *hub = mr_thread.hub;
    sigset_t ours = mr_signal_set(1, MR_SIG_REPORT);
    struct mr_watch *w;
    int err;

    MR_BUG_ON(!hub);
    if (limit < MS)
        return -EINVAL;
    mr_watchdog_unwatch();
    err = mr_watchdog_install();
    if (!err)
        err = mr_sys_sigmask(SIG_UNBLOCK, &ours, NULL);
    if (err)
        return err;
    w = mr_calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->hub = hub;
    w->thread = mr_sys_gettid();
    w->limit = limit;
    hub->watch = w; /* first: the handler must know whom to answer */
    err = enlist(w);
    if (err) {
        hub->watch = NULL;
        mr_free(w);
        return err;
    }
    hub->unwatch = forget;
    return 0;
}

void mr_watchdog_unwatch(void)
{
    struct mr_hub *hub = mr_thread.hub;

    if (hub && hub->watch)
        forget(hub);
}
