/* SPDX-License-Identifier: MIT */

/*
 * inspect.c - what all coroutines of a hub are doing.
 *
 * Two halves: the list of one hub, made on its own thread; and the ways to ask
 * for it from outside of that.
 *
 *  (1) A hub writes its list on its own stack, between two errands: nothing
 *      moves meanwhile, and no lock is needed.
 *  (2) The signals' handler sets flags and wakes hubs, nothing else. It finds
 *      them in slots that are never freed, only taken again; a hub leaves its
 *      slot, then waits until no handler is under way, and is freed after that.
 *
 * A handler, where the server reads its signals from a descriptor: that needs
 * them masked in every thread, or one without the mask dies of them, and a
 * library cannot see to the threads of a program.
 */
#include "core/inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/coro_priv.h"
#include "core/log.h"
#include "core/symbol.h"
#include "core/sys.h"

/* Beyond so many, calls that were written already are not written again. */
#define FULL_MAX 1000
/* Backtraces remembered then; a power of two. */
#define SEEN 4096
/* How often a dying hub looks whether a handler still knows of it. */
#define HANDLER_PAUSE_NS 10000

/* --- one coroutine --- */

/* The running coroutine's begin `here`, the others' where they switched. */
static void fill_frames(struct mr_inspect_info *info,
                        const struct mr_switch_regs *here)
{
    const struct mr_coro *co = info->co;

    info->frames.n = 0;
    if (co == mr_thread.current)
        mr_frames_walk(*here, co->stack, &info->frames);
    else if (co->state != MR_CORO_NEW && info->state != MR_CORO_DONE)
        mr_frames_walk(mr_switch_saved(co->sp), co->stack, &info->frames);
}

/* What the errand of a coroutine that parked waits for. */
static void fill_wait(struct mr_inspect_info *info, const struct mr_errand *e)
{
    int64_t now = mr_sys_monotonic();
    const struct mr_wait_set *set = e->set;

    info->waited = now > e->since ? now - e->since : 0;
    if (e->waits_for && *e->waits_for)
        info->owner = mr_errand_root(*e->waits_for);
    if (!set) {
        info->fd = mr_hub_fd_of(e->hub, e->entry.queue);
        return;
    }
    if (set->at != MR_NEVER)
        info->left = set->at > now ? set->at - now : 0;
    for (size_t i = 0; i < set->n && info->fd < 0; i++)
        info->fd = mr_hub_fd_of(e->hub, set->entries[i].queue);
}

static void tell(const struct mr_coro *co, unsigned depth,
                 const struct mr_switch_regs *here, mr_inspect_fn *fn,
                 void *arg)
{
    struct mr_inspect_info info = {
        .co = co,
        .id = co->id,
        .name = mr_coro_name(co),
        .state = mr_coro_state(co),
        .why = mr_coro_why(co),
        .where = co->where,
        .left = MR_NEVER,
        .fd = -1,
        .depth = depth,
        .stack_size = mr_coro_stack_size(co),
        .stack_used = mr_coro_stack_used(co),
    };

    if (info.state == MR_CORO_PARKED)
        fill_wait(&info, co->errand);
    fill_frames(&info, here);
    fn(&info, arg);
}

/* --- all of them --- */

/* The errand's chain, from its root inwards. It is linked the other way round,
 * and short: found anew for each. */
static void tell_chain(struct mr_errand *e, const struct mr_switch_regs *here,
                       mr_inspect_fn *fn, void *arg)
{
    const struct mr_coro *root = mr_errand_root(e), *co;
    const struct mr_coro *inner =
        e->state == MR_ERRAND_RUNNING ? mr_thread.current : e->inner;
    unsigned n = 0;

    for (co = inner; co && co != root; co = co->resumer)
        n++;
    if (!co) /* on the hub's stack: the stand-in is nobody's */
        n = 0;
    tell(root, 0, here, fn, arg);
    for (unsigned depth = 1; depth <= n; depth++) {
        co = inner;
        for (unsigned i = n; i > depth; i--)
            co = co->resumer;
        tell(co, depth, here, fn, arg);
    }
}

static void each(const struct mr_hub *hub, const struct mr_switch_regs *here,
                 mr_inspect_fn *fn, void *arg)
{
    MR_BUG_ON(!hub || hub != mr_thread.hub);
    MR_LIST_EACH (node, &hub->all)
        tell_chain(mr_container_of(node, struct mr_errand, all), here, fn, arg);
    MR_LIST_EACH (node, &mr_thread.by_hand) {
        const struct mr_coro *co =
            mr_container_of(node, struct mr_coro, by_hand);

        /* The others are in a chain. */
        if (co->state == MR_CORO_NEW || co->state == MR_CORO_SUSPENDED ||
            co->state == MR_CORO_DONE)
            tell(co, 0, here, fn, arg);
    }
}

__attribute__((noinline)) void mr_inspect(const struct mr_hub *hub,
                                          mr_inspect_fn *fn, void *arg)
{
    const struct mr_switch_regs here = mr_frames_here();

    each(hub, &here, fn, arg);
}

/* --- as text --- */

struct writer {
    int fd; /* -1: the log */
    struct mr_symbols *symbols;
    bool is_long;
    struct {
        uint64_t hash, id;
    } seen[SEEN];
};

static void say(const struct writer *w, const char *text)
{
    char line[1024];
    int n;

    if (w->fd < 0) {
        mr_log_asked("%s", text);
        return;
    }
    n = snprintf(line, sizeof line, "%.1022s\n", text);
    (void)!mr_sys_write(w->fd, line, (size_t)n); /* nobody else to tell */
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const struct mr_frames *f)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (unsigned i = 0; i < f->n; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8)
            h = (h ^ (f->pc[i] >> shift & 0xff)) * 0x100000001b3u;
    }
    return h;
}

/* Of a long list: were these calls written already? Then whose they are. */
static bool was_seen(struct writer *w, const struct mr_inspect_info *info,
                     uint64_t *ret_id)
{
    uint64_t h = hash_of(&info->frames);
    size_t i = h % SEEN;

    if (!w->is_long)
        return false;
    if (w->seen[i].hash == h) {
        *ret_id = w->seen[i].id;
        return true;
    }
    w->seen[i].hash = h;
    w->seen[i].id = info->id;
    return false;
}

static void say_frames(struct writer *w, const struct mr_inspect_info *info)
{
    char text[512], what[480];
    uint64_t id;

    if (info->frames.n > 0 && was_seen(w, info, &id)) {
        snprintf(text, sizeof text, "  calls as in #%ju", (uintmax_t)id);
        say(w, text);
        return;
    }
    for (unsigned i = 0; i < info->frames.n; i++) {
        /* The innermost of one that is suspended is a return address too. */
        mr_symbol_format(w->symbols, info->frames.pc[i], true, what,
                         sizeof what);
        snprintf(text, sizeof text, "  #%u %s", i, what);
        say(w, text);
    }
}

/* ", for 1.204 s, 28.796 s left" */
static void format_times(const struct mr_inspect_info *info, char *buf,
                         size_t size)
{
    int n = 0;

    buf[0] = '\0';
    if (info->state != MR_CORO_PARKED)
        return;
    n = snprintf(buf, size, ", for %.3f s", (double)info->waited / 1e9);
    if (info->left != MR_NEVER)
        snprintf(buf + n, size - (size_t)n, ", %.3f s left",
                 (double)info->left / 1e9);
}

/* "read (descriptor 9)", "join (of #3 'a')", "sleep" */
static void format_why(const struct mr_inspect_info *info, char *buf,
                       size_t size)
{
    if (info->fd >= 0)
        snprintf(buf, size, ": %s (descriptor %d)", info->why, info->fd);
    else if (info->owner)
        snprintf(buf, size, ": %s (of #%ju '%s')", info->why,
                 (uintmax_t)mr_coro_id(info->owner), mr_coro_name(info->owner));
    else
        snprintf(buf, size, "%s%s", *info->why ? ": " : "", info->why);
}

static void write_one(const struct mr_inspect_info *info, void *arg)
{
    struct writer *w = arg;
    char text[768], why[160], times[64];

    format_why(info, why, sizeof why);
    format_times(info, times, sizeof times);
    snprintf(text, sizeof text,
             "%scoroutine #%ju '%s' %s%s%s%s%s, %zu of %zu stack bytes",
             info->depth > 0 ? "resumed: " : "", (uintmax_t)info->id,
             info->name, mr_coro_state_name(info->state), why, times,
             !info->where        ? ""
             : info->co->is_root ? ", spawned at "
                                 : ", made at ",
             info->where ? info->where : "", info->stack_used,
             info->stack_size);
    say(w, text);
    say_frames(w, info);
}

static void write_list(const struct mr_hub *hub,
                       const struct mr_switch_regs *here, int fd)
{
    struct mr_hub_stats stats = mr_hub_stats(hub);
    struct writer *w = mr_calloc(1, sizeof *w);
    char text[128];

    if (!w) {
        mr_log(MR_LOG_ERROR, "no memory for a list of coroutines");
        return;
    }
    w->fd = fd;
    w->symbols = mr_symbols_new();
    w->is_long = stats.live > FULL_MAX;
    snprintf(text, sizeof text, "%zu coroutines, %ju spawned so far",
             stats.live, (uintmax_t)stats.spawned);
    say(w, text);
    each(hub, here, write_one, w);
    mr_symbols_free(w->symbols);
    mr_free(w);
}

__attribute__((noinline)) void mr_hub_dump(const struct mr_hub *hub, int fd)
{
    const struct mr_switch_regs here = mr_frames_here();

    write_list(hub, &here, fd);
}

__attribute__((noinline)) void mr_hub_log(const struct mr_hub *hub)
{
    const struct mr_switch_regs here = mr_frames_here();

    write_list(hub, &here, -1);
}

/* --- from outside --- */

/* Of all hubs of the process. For debuggers, too (core/millrace-gdb.py). */
struct mr_hub_slot *mr_hubs;

static unsigned lists_asked; /* one more for each time */
static bool reopen_asked;
static int in_handlers;

static void wake_all(void)
{
    struct mr_hub_slot *s;

    /* Sequentially consistent, as are the two in mr_inspect_leave: either we
     * see that the slot is empty, or it sees us. */
    __atomic_fetch_add(&in_handlers, 1, __ATOMIC_SEQ_CST);
    for (s = __atomic_load_n(&mr_hubs, __ATOMIC_ACQUIRE); s; s = s->next) {
        struct mr_hub *hub = __atomic_load_n(&s->hub, __ATOMIC_SEQ_CST);

        if (hub)
            mr_hub_wake(hub);
    }
    __atomic_fetch_sub(&in_handlers, 1, __ATOMIC_SEQ_CST);
}

void mr_inspect_all(void)
{
    __atomic_fetch_add(&lists_asked, 1, __ATOMIC_RELAXED);
    wake_all();
}

static void on_signal(int sig)
{
    int saved = mr_sys_errno_save();

    if (sig == SIGUSR1)
        __atomic_store_n(&reopen_asked, true, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(&lists_asked, 1, __ATOMIC_RELAXED);
    wake_all();
    mr_sys_errno_restore(saved);
}

/* What hinders it is no reason not to run: then the signal does what it did. */
static void answer_signal(int sig)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction now;
    sigset_t masked;

    if (mr_sys_sigmask(SIG_BLOCK, NULL, &masked) || sigismember(&masked, sig))
        return;
    if (mr_sys_sigaction(sig, NULL, &now) || (now.sa_flags & SA_SIGINFO) ||
        now.sa_handler != SIG_DFL)
        return;
    sigemptyset(&sa.sa_mask);
    (void)!mr_sys_sigaction(sig, &sa, NULL);
}

int mr_inspect_enter(struct mr_hub *hub)
{
    struct mr_hub_slot *s = __atomic_load_n(&mr_hubs, __ATOMIC_ACQUIRE);

    hub->lists_made = __atomic_load_n(&lists_asked, __ATOMIC_RELAXED);
    for (; s; s = s->next) {
        struct mr_hub *none = NULL;

        if (__atomic_compare_exchange_n(&s->hub, &none, hub, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            break;
    }
    if (!s) {
        s = mr_calloc(1, sizeof *s);
        if (!s)
            return -ENOMEM;
        s->hub = hub;
        s->next = __atomic_load_n(&mr_hubs, __ATOMIC_RELAXED);
        /* Release: whoever sees the slot sees what is in it. */
        while (!__atomic_compare_exchange_n(&mr_hubs, &s->next, s, true,
                                            __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            continue;
    }
    hub->slot = s;
    answer_signal(SIGUSR1);
    answer_signal(SIGUSR2);
    return 0;
}

void mr_inspect_leave(struct mr_hub *hub)
{
    __atomic_store_n(&hub->slot->hub, NULL, __ATOMIC_SEQ_CST);
    /* A few instructions in another thread. */
    while (__atomic_load_n(&in_handlers, __ATOMIC_SEQ_CST) > 0)
        (void)!mr_sys_ppoll(NULL, 0, HANDLER_PAUSE_NS);
}

static void reopen(void)
{
    int err = mr_log_reopen();

    if (err)
        mr_log(MR_LOG_ERROR, "cannot open the log anew: %s", mr_strerror(err));
}

void mr_inspect_answer(struct mr_hub *hub)
{
    unsigned asked = __atomic_load_n(&lists_asked, __ATOMIC_RELAXED);

    /* Of several hubs one does it. */
    if (__atomic_load_n(&reopen_asked, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&reopen_asked, false, __ATOMIC_RELAXED))
        reopen();
    if (asked == hub->lists_made)
        return;
    hub->lists_made = asked;
    mr_hub_log(hub);
}
