/* SPDX-License-Identifier: MIT */

/*
 * fdset.c - which descriptors a hub's errands wait for: an epoll set of ours.
 *
 * libev sees one descriptor of all these, the set's own (hub.c). It has neither
 * EPOLLET nor EPOLLEXCLUSIVE, nor a word for a peer that is gone, and keeps two
 * records of its own for each descriptor; so a request costs less this way.
 *
 * A record per number, in chunks that never move. `want` is what is to be told.
 * It is asked for when someone waits or a hook is set, and what an event finds
 * nobody for is taken out of it in that very call; so in steady state the
 * kernel is asked for nothing at all.
 *
 * By level or by edge. Whoever waits with MR_DRAINED has taken all there was;
 * so it is enough that the kernel tells of what comes from now on, and need not
 * look once more whether anything is left (a second look at a cold socket).
 *
 *      asked = 0 --[first wait, MR_DRAINED]--> by edge
 *          |                                      | [any wait without it]
 *          '------[first wait without]------> by level
 *
 *  (1) want & x: each event of kind x since all was taken leads to a call of
 *      the hook or wakes somebody, who takes all there is before he waits with
 *      MR_DRAINED again. An edge that found nobody takes x out of `want`.
 *  (2) By edge, less is wanted without a word to the kernel. More is asked for
 *      each time, even if the kernel was asked before: for then it looks.
 *  (3) An end, a hang-up or an error may come in one event with the bytes
 *      before it, and a short read would hide it; a read stops short of an
 *      urgent byte, too (tcp(7)). So what such an event told of by edge is
 *      wanted no more, and (2) holds for the next wait.
 *  (4) An event whose number has been given to another file since is not told:
 *      it carries how often the number was opened.
 *  (5) close(2) ends a registration, unless another descriptor has the same
 *      open file. One that is known to have (mr_hub_fd_shared) is taken out
 *      before; for another the set is made anew when its event comes.
 *
 * over budget: a record, what moves it and who waits for it are one thing.
 */
#include "core/fdset_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/coro_priv.h"
#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"

#define CHUNK 256

/* One cache line: a request of many connections finds it in none. */
struct fd_record {
    mr_hub_hook_fn *hook;
    void *arg;
    struct mr_waitq readers;
    struct mr_waitq writers;
    uint32_t asked;     /* as epoll_ctl(2) was told; 0: the set has it not */
    uint32_t forgotten; /* in which batch, last */
    uint16_t opens;     /* tells one use of the number from the next */
    uint8_t want;       /* MR_READABLE, MR_WRITABLE, MR_GONE */
    bool open : 1;      /* initialised since the last forget */
    bool shared : 1;
    bool exclusive : 1;
    bool edge : 1;
    bool lost : 1; /* its hook is to be asked for again, see renew */
} __attribute__((aligned(MR_CACHE_LINE)));

struct chunk {
    struct fd_record records[CHUNK];
    struct mr_waitq gone[CHUNK]; /* rare, so not in the record's line */
    void *raw;                   /* what was allocated */
};

struct mr_fdset {
    int set;
    uint32_t batch; /* which take it is */
    struct chunk **chunks;
    size_t n_chunks;
    bool lost;      /* a record is */
    size_t awaited; /* a descriptor with a waiter, when last looked for */
};

/* --- records --- */

static inline struct fd_record *record_at(const struct mr_fdset *w, int fd)
{
    size_t i = (size_t)fd / CHUNK;

    if (fd < 0 || i >= w->n_chunks || !w->chunks[i])
        return NULL;
    return &w->chunks[i]->records[(size_t)fd % CHUNK];
}

static struct mr_waitq *gone_of(const struct mr_fdset *w, int fd)
{
    return &w->chunks[(size_t)fd / CHUNK]->gone[(size_t)fd % CHUNK];
}

static int grow_chunks(struct mr_fdset *w, size_t need)
{
    size_t n = MR_MAX(need, w->n_chunks * 2);
    struct chunk **chunks = mr_realloc(w->chunks, n * sizeof *chunks);

    if (!chunks)
        return -ENOMEM;
    memset(chunks + w->n_chunks, 0, (n - w->n_chunks) * sizeof *chunks);
    w->chunks = chunks;
    w->n_chunks = n;
    return 0;
}

static struct chunk *new_chunk(void)
{
    char *raw = mr_calloc(1, sizeof(struct chunk) + MR_CACHE_LINE);
    struct chunk *c;

    if (!raw)
        return NULL;
    c = (struct chunk *)(raw + MR_CACHE_LINE - (uintptr_t)raw % MR_CACHE_LINE);
    c->raw = raw;
    return c;
}

/* The record of a descriptor that is about to be used. */
static int record_open(struct mr_fdset *w, int fd, struct fd_record **ret)
{
    size_t i = (size_t)fd / CHUNK;
    struct fd_record *r;

    MR_BUG_ON(fd < 0);
    if (i >= w->n_chunks && grow_chunks(w, i + 1))
        return -ENOMEM;
    if (!w->chunks[i]) {
        w->chunks[i] = new_chunk();
        if (!w->chunks[i])
            return -ENOMEM;
    }
    r = record_at(w, fd);
    if (!r->open) {
        mr_waitq_init(&r->readers);
        mr_waitq_init(&r->writers);
        mr_waitq_init(gone_of(w, fd));
        r->open = true;
        r->opens++;
    }
    *ret = r;
    return 0;
}

/* --- asking the kernel --- */

static uint32_t mask_of(const struct fd_record *r, unsigned want)
{
    uint32_t mask = (want & MR_READABLE ? EPOLLIN : 0u) |
                    (want & MR_WRITABLE ? EPOLLOUT : 0u) |
                    ((want & MR_GONE) || r->edge ? EPOLLRDHUP : 0u) |
                    (r->edge ? EPOLLPRI : 0u);

    if (!want)
        return 0;
    return mask | (r->edge ? EPOLLET : 0u) |
           (r->exclusive ? EPOLLEXCLUSIVE : 0u);
}

static int control(const struct mr_fdset *w, int op, int fd,
                   const struct fd_record *r, uint32_t mask)
{
    struct epoll_event e = {.events = mask};

    e.data.u64 = (uint64_t)r->opens << 32 | (uint32_t)fd;
    return mr_sys_epoll_ctl(w->set, op, fd, &e);
}

/* 0 or -Exxx; r->asked says what the kernel knows then. */
static int ask(struct mr_fdset *w, int fd, struct fd_record *r, uint32_t mask)
{
    int op = r->asked ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, err;

    /* epoll_ctl(2): an EPOLLEXCLUSIVE one cannot be modified. */
    if (mask == 0 || (r->exclusive && r->asked)) {
        r->asked = 0;
        err = control(w, EPOLL_CTL_DEL, fd, r, 0);
        if (err || mask == 0)
            return err;
        op = EPOLL_CTL_ADD;
    }
    err = control(w, op, fd, r, mask);
    /* Forgotten, but not closed; or closed, but not forgotten. */
    if (err == -EEXIST && r->exclusive) {
        (void)control(w, EPOLL_CTL_DEL, fd, r, 0);
        err = control(w, EPOLL_CTL_ADD, fd, r, mask);
    } else if (err == -EEXIST)
        err = control(w, EPOLL_CTL_MOD, fd, r, mask);
    else if (err == -ENOENT)
        err = control(w, EPOLL_CTL_ADD, fd, r, mask);
    if (err == 0)
        r->asked = mask;
    return err;
}

/* A registration that could not be made anew is lost to those that had it: they
 * are told why. */
static void wake_lost(const struct mr_fdset *w, int fd, struct fd_record *r,
                      int err)
{
    r->want = 0;
    (void)mr_waitq_wake_all(&r->readers, err);
    (void)mr_waitq_wake_all(&r->writers, err);
    (void)mr_waitq_wake_all(gone_of(w, fd), err);
}

static int watch(struct mr_fdset *w, int fd, struct fd_record *r, unsigned want)
{
    int err;

    if (r->want == want)
        return 0;
    if (r->edge && !(want & ~r->want)) { /* invariant 2 */
        r->want = (uint8_t)want;
        return 0;
    }
    err = ask(w, fd, r, mask_of(r, want));
    if (err == 0)
        r->want = (uint8_t)want;
    else if (!r->asked)
        wake_lost(w, fd, r, err);
    return err;
}

/* `need` as well. drained: whoever asks has taken all there was. */
static int watch_more(struct mr_fdset *w, int fd, struct fd_record *r,
                      unsigned need, bool drained)
{
    int err;

    if (r->asked == 0) {
        r->edge = drained && !r->exclusive;
    } else if (r->edge && !drained && !(need & MR_GONE)) {
        r->edge = false;
        err = ask(w, fd, r, mask_of(r, r->want | need));
        r->edge = err != 0;
        if (err == 0)
            r->want |= (uint8_t)need;
        return err;
    }
    return watch(w, fd, r, r->want | need);
}

/* --- telling --- */

/* What an event finds nobody for is watched no more. */
MR_HOT static void tell(struct mr_fdset *w, int fd, struct fd_record *r,
                        uint32_t what)
{
    bool is_last = what & (EPOLLRDHUP | EPOLLERR | EPOLLHUP);
    bool cuts_short = is_last || (what & EPOLLPRI); /* invariant 3 */
    unsigned got = (what & (EPOLLIN | EPOLLERR | EPOLLHUP) ? MR_READABLE : 0u) |
                   (what & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? MR_WRITABLE : 0u);
    uint16_t opens = r->opens;
    unsigned idle = 0;

    if (is_last && (r->want & MR_GONE)) {
        /* Once it is told, nothing is left to ask. */
        (void)watch(w, fd, r, r->want & ~(unsigned)MR_GONE);
        (void)mr_waitq_wake_all(gone_of(w, fd), 0);
    }
    got &= r->want;
    if (got & MR_READABLE) {
        if (!mr_waitq_is_empty(&r->readers))
            (void)mr_waitq_wake_all(&r->readers, 0);
        else if (!r->hook || r->hook(fd, r->arg) == MR_HOOK_DISARM)
            idle |= MR_READABLE;
    }
    if ((got & MR_WRITABLE) && mr_waitq_wake_all(&r->writers, 0) == 0)
        idle |= MR_WRITABLE;
    if (r->edge && cuts_short)
        idle |= got;
    /* A hook may have closed it, and its number be another's by now. */
    if (r->opens == opens && (idle & r->want))
        (void)watch(w, fd, r, r->want & ~idle);
}

/* Invariant 5. Without a descriptor for it the old one stays, and asks again at
 * the next poll. */
static MR_COLD void renew(struct mr_fdset *w)
{
    int set = mr_sys_epoll_create();

    if (set < 0)
        return;
    mr_sys_close(w->set);
    w->set = set;
    for (size_t fd = 0; fd < w->n_chunks * CHUNK; fd++) {
        struct fd_record *r = record_at(w, (int)fd);
        uint32_t mask = r ? r->asked : 0;
        int err;

        if (!mask)
            continue;
        r->asked = 0;
        err = ask(w, (int)fd, r, mask);
        if (!err)
            continue;
        r->lost = r->hook && (r->want & MR_READABLE);
        w->lost |= r->lost;
        wake_lost(w, (int)fd, r, err);
    }
}

/* The kernel had no room for what hooks wait for (renew): perhaps it has now.
 */
static MR_COLD void regain(struct mr_fdset *w)
{
    w->lost = false;
    for (size_t fd = 0; fd < w->n_chunks * CHUNK; fd++) {
        struct fd_record *r = record_at(w, (int)fd);

        if (r && r->lost) {
            r->lost = watch_more(w, (int)fd, r, MR_READABLE, false) != 0;
            w->lost |= r->lost;
        }
    }
}

/* Of the events to come: the record, and behind it what its hook is about. */
static inline void look_ahead(const struct mr_fdset *w,
                              const struct epoll_event *e, int n)
{
    const struct fd_record *r;

    if (n > 2)
        __builtin_prefetch(record_at(w, (int)(uint32_t)e[2].data.u64));
    if (n > 1) {
        r = record_at(w, (int)(uint32_t)e[1].data.u64);
        if (r)
            __builtin_prefetch(r->arg, 1);
    }
}

MR_HOT int mr_fdset_take(struct mr_fdset *w)
{
    struct epoll_event events[MR_FDSET_BATCH];
    int n = mr_sys_epoll_wait(w->set, events, MR_FDSET_BATCH, 0);
    bool is_stale = false;

    w->batch++;
    if (MR_UNLIKELY(w->lost))
        regain(w);
    for (int i = 0; i < n; i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        struct fd_record *r = record_at(w, fd);

        look_ahead(w, events + i, n - i);
        if (MR_LIKELY(r->asked && r->opens == events[i].data.u64 >> 32))
            tell(w, fd, r, events[i].events);
        else /* forgotten by what this very batch told of? */
            is_stale |= r->forgotten != w->batch;
    }
    if (MR_UNLIKELY(is_stale))
        renew(w);
    return n;
}

/* --- waiting for descriptors --- */

static struct mr_fdset *fds_self(void)
{
    MR_BUG_ON(!mr_thread.hub);
    return mr_thread.hub->fds;
}

/* 1: always ready; epoll refuses files and directories, which never make one
 * wait. Or 0, -Exxx. */
int mr_hub_fd_queue(int fd, int events, struct mr_waitq **ret_q)
{
    struct mr_fdset *w = fds_self();
    unsigned need = (unsigned)events & (MR_READABLE | MR_WRITABLE | MR_GONE);
    struct fd_record *r;
    int err = record_open(w, fd, &r);

    if (err)
        return err;
    MR_BUG_ON((need & MR_GONE) && need != MR_GONE);
    if ((need & MR_GONE) && r->exclusive)
        return -EINVAL; /* epoll_ctl(2) */
    err = watch_more(w, fd, r, need, events & MR_DRAINED);
    if (err)
        return err == -EPERM && !(need & MR_GONE) ? 1 : err;
    *ret_q = need & MR_GONE       ? gone_of(w, fd)
             : need & MR_WRITABLE ? &r->writers
                                  : &r->readers;
    return 0;
}

static const char *why(int events)
{
    return events & MR_GONE       ? "peer gone"
           : events & MR_WRITABLE ? "write"
                                  : "read";
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
    return mr_wait_with_int(q, NULL, deadline, why(events));
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

/* The steady state, in which all is asked for already, is all that is here:
 * nothing lies on the stack, so the wait is a jump. */
int mr_hub_wait_fd(int fd, int events, int64_t deadline)
{
    unsigned need = (unsigned)events & (MR_READABLE | MR_WRITABLE);
    struct fd_record *r = record_at(fds_self(), fd);

    if (MR_UNLIKELY(need == (MR_READABLE | MR_WRITABLE)))
        return wait_either(fd, events, deadline);
    if (MR_UNLIKELY(!r || !(r->want & need) ||
                    (r->edge && !(events & MR_DRAINED))))
        return wait_anew(fd, events, deadline);
    return mr_wait_with_int(need & MR_WRITABLE ? &r->writers : &r->readers,
                            NULL, deadline, why(events));
}

static int set_hook(int fd, mr_hub_hook_fn *fn, void *arg, bool drained)
{
    struct mr_fdset *w = fds_self();
    struct fd_record *r;
    int err = record_open(w, fd, &r);

    if (err)
        return err;
    r->hook = fn;
    r->arg = arg;
    r->lost = false;
    return fn ? watch_more(w, fd, r, MR_READABLE, drained) : 0;
}

int mr_hub_hook(int fd, mr_hub_hook_fn *fn, void *arg)
{
    return set_hook(fd, fn, arg, false);
}

MR_HOT int mr_hub_hook_drained(int fd, mr_hub_hook_fn *fn, void *arg)
{
    struct fd_record *r = record_at(fds_self(), fd);

    if (MR_LIKELY(r && (r->want & MR_READABLE))) { /* the steady state */
        r->hook = fn;
        r->arg = arg;
        return 0;
    }
    return set_hook(fd, fn, arg, true);
}

int mr_hub_fd_shared(int fd, bool exclusive)
{
    struct mr_fdset *w = fds_self();
    struct fd_record *r;
    int err = record_open(w, fd, &r);

    if (err)
        return err;
    MR_BUG_ON(r->asked); /* before the first wait */
    r->shared = true;
    r->exclusive = exclusive;
    return 0;
}

void mr_hub_forget(int fd)
{
    struct mr_fdset *w = mr_thread.hub ? mr_thread.hub->fds : NULL;
    struct fd_record *r = w ? record_at(w, fd) : NULL;

    if (!r || !r->open)
        return;
    if (r->shared && r->asked)
        (void)ask(w, fd, r, 0);
    r->asked = 0;
    r->hook = NULL;
    r->open = false;
    r->shared = false;
    r->exclusive = false;
    r->edge = false;
    r->lost = false;
    r->forgotten = w->batch;
    wake_lost(w, fd, r, -EBADF);
}

int mr_hub_fd_of(const struct mr_hub *hub, const struct mr_waitq *q)
{
    const struct mr_fdset *w = hub->fds;
    uintptr_t at = (uintptr_t)q;

    for (size_t i = 0; i < w->n_chunks; i++) {
        const struct chunk *c = w->chunks[i];

        if (!c || at < (uintptr_t)c || at >= (uintptr_t)&c->raw)
            continue;
        if (at < (uintptr_t)c->gone)
            return (int)(i * CHUNK + (at - (uintptr_t)c) / sizeof *c->records);
        return (int)(i * CHUNK + (at - (uintptr_t)c->gone) / sizeof *c->gone);
    }
    return -1;
}

static bool is_awaited(const struct mr_fdset *w, int fd,
                       const struct fd_record *r)
{
    return ((r->want & MR_READABLE) &&
            (r->hook || !mr_waitq_is_empty(&r->readers))) ||
           ((r->want & MR_WRITABLE) && !mr_waitq_is_empty(&r->writers)) ||
           ((r->want & MR_GONE) && !mr_waitq_is_empty(gone_of(w, fd)));
}

/* The one found last is usually it still. */
bool mr_fdset_is_awaited(struct mr_fdset *w)
{
    const struct fd_record *r = record_at(w, (int)w->awaited);

    if (r && is_awaited(w, (int)w->awaited, r))
        return true;
    for (size_t fd = 0; fd < w->n_chunks * CHUNK; fd++) {
        r = record_at(w, (int)fd);
        if (!r) {
            fd += CHUNK - 1; /* none of this chunk */
        } else if (is_awaited(w, (int)fd, r)) {
            w->awaited = fd;
            return true;
        }
    }
    return false;
}

/* --- life --- */

int mr_fdset_new(struct mr_fdset **ret)
{
    struct mr_fdset *w = mr_calloc(1, sizeof *w);

    if (!w)
        return -ENOMEM;
    w->set = mr_sys_epoll_create();
    if (w->set < 0) {
        int err = w->set;

        mr_free(w);
        return err;
    }
    *ret = w;
    return 0;
}

void mr_fdset_free(struct mr_fdset *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_chunks; i++)
        if (w->chunks[i])
            mr_free(w->chunks[i]->raw);
    mr_free(w->chunks);
    mr_sys_close(w->set);
    mr_free(w);
}

int mr_fdset_fd(const struct mr_fdset *w)
{
    return w->set;
}
