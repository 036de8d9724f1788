/* SPDX-License-Identifier: MIT */

/*
 * watchdog.c - who holds the thread too long, with the stack.
 *
 * A signal handler that walks frame pointers and writes lines. All in it is
 * async-signal-safe: plain system calls and its own frame, no stdio, no
 * allocation, no dladdr.
 *
 * Invariants
 *  (1) The handler changes nothing: errno, the coroutine and the hub are after
 *      it as they were before.
 *  (2) It reads no word that may not be there (core/frames.c).
 *  (3) A thread of this process that asks (watchdog_thread.c) gets the answer
 *      into its own room; anybody else, as lines in the log.
 *
 * Not here: noticing that the thread is held. That is watchdog_thread.c's, and
 * for workers the master's (core/supervise.c).
 */
#include "core/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/log.h"
#include "core/signal.h"
#include "core/stack.h"
#include "core/sys.h"
#include "core/watchdog_priv.h"

/* --- lines --- */

struct line {
    char text[512];
    size_t n;
};

static void add(struct line *l, const char *z)
{
    while (*z != '\0' && l->n < sizeof l->text - 1)
        l->text[l->n++] = *z++;
}

static void add_number(struct line *l, uintptr_t v, unsigned base)
{
    char digits[24];
    size_t n = sizeof digits;

    digits[--n] = '\0';
    do {
        digits[--n] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v > 0);
    add(l, digits + n);
}

static void begin(struct line *l)
{
    l->n = 0;
    add(l, "watchdog ");
    add_number(l, (uintptr_t)getpid(), 10);
    add(l, ": ");
}

static void say(struct line *l)
{
    l->text[l->n++] = '\n';
    (void)!mr_sys_write(mr_log_fd(), l->text, l->n); /* nobody else to tell */
}

/* --- what file an address is in --- */

/* A mapping of /proc/self/maps: "55d0-55e0 r-xp 1000 fd:00 123   /path". */
struct mapping {
    uintptr_t start, end, offset;
    bool is_code;
    const char *path; /* in the line; "" for none */
};

static uintptr_t hex(const char **at)
{
    uintptr_t v = 0;

    for (;; ++*at) {
        char c = **at;

        if (c >= '0' && c <= '9')
            v = v * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return v;
    }
}

static void parse_mapping(const char *at, struct mapping *ret)
{
    ret->start = hex(&at);
    at += *at == '-';
    ret->end = hex(&at);
    at += *at == ' ';
    ret->is_code = at[0] == 'r' && at[1] == '-' && at[2] == 'x';
    while (*at != '\0' && *at != ' ')
        at++;
    at += *at == ' ';
    ret->offset = hex(&at);
    while (*at != '\0' && *at != '/' && *at != '[')
        at++;
    ret->path = at;
}

/* The map file, read in pieces: it may have tens of thousands of lines. */
struct reader {
    int fd;
    size_t at, n;
    char piece[4096];
};

/* The next line without its end, cut to size; false at the end. */
static bool next_line(struct reader *r, char *line, size_t size)
{
    size_t n = 0;

    for (;;) {
        char c;

        if (r->at == r->n) {
            ssize_t got = mr_sys_read(r->fd, r->piece, sizeof r->piece);

            if (got <= 0)
                return false;
            r->at = 0;
            r->n = (size_t)got;
        }
        c = r->piece[r->at++];
        if (c == '\n')
            break;
        if (n < size - 1)
            line[n++] = c;
    }
    line[n] = '\0';
    return true;
}

struct place {
    uintptr_t pc;
    uintptr_t offset; /* in the file */
    char path[96];    /* of it; "" when unknown */
};

/* 5 KiB: the alternate stack has 64. */
struct trace {
    unsigned n;
    struct place at[MR_FRAMES_MAX];
};

static void place_in(const struct mapping *m, void *arg)
{
    struct trace *t = arg;

    for (unsigned i = 0; i < t->n; i++) {
        struct place *p = &t->at[i];
        size_t n = 0;

        if (p->pc < m->start || p->pc >= m->end)
            continue;
        p->offset = p->pc - m->start + m->offset;
        for (; m->path[n] != '\0' && n < sizeof p->path - 1; n++)
            p->path[n] = m->path[n];
        p->path[n] = '\0';
    }
}

/* Each mapping of the process; nothing where /proc is not mounted. */
static void each_mapping(void (*fn)(const struct mapping *m, void *arg),
                         void *arg)
{
    struct reader r;
    char line[256];
    struct mapping m;

    r.at = r.n = 0;
    r.fd = mr_sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (r.fd < 0)
        return;
    while (next_line(&r, line, sizeof line)) {
        parse_mapping(line, &m);
        fn(&m, arg);
    }
    mr_sys_close(r.fd);
}

static void add_code(const struct mapping *m, void *arg)
{
    struct mr_code *code = arg;

    if (!m->is_code || code->n == MR_CODE_MAX)
        return;
    code->at[code->n].low = m->start;
    code->at[code->n++].high = m->end;
}

/* --- where the thread is --- */

#if defined(__x86_64__)
static uintptr_t link_of(const ucontext_t *uc)
{
    (void)uc;
    return 0;
}
static struct mr_switch_regs regs_of(const ucontext_t *uc)
{
    const greg_t *r = uc->uc_mcontext.gregs;

    return (struct mr_switch_regs){(uintptr_t)r[REG_RIP], (uintptr_t)r[REG_RBP],
                                   (uintptr_t)r[REG_RSP]};
}
#else
static uintptr_t link_of(const ucontext_t *uc)
{
    return uc->uc_mcontext.regs[30];
}
static struct mr_switch_regs regs_of(const ucontext_t *uc)
{
    return (struct mr_switch_regs){uc->uc_mcontext.pc, uc->uc_mcontext.regs[29],
                                   uc->uc_mcontext.sp};
}
#endif

/* The calls of the running coroutine, then of those that resumed it. */
static void walk(const ucontext_t *uc, const struct mr_coro *co,
                 struct mr_frames *ret)
{
    struct mr_code code = {.n = 0};

    ret->n = 0;
    each_mapping(add_code, &code);
    mr_switch_tool_look();
    mr_frames_walk_code(regs_of(uc), link_of(uc), co ? co->stack : NULL, &code,
                        ret);
    if (co && co->stack)
        for (co = co->resumer; co && co->stack; co = co->resumer)
            mr_frames_walk(mr_switch_saved(co->sp), co->stack, ret);
    mr_switch_tool_looked(ret, sizeof *ret);
}

static void say_place(unsigned i, const struct place *p)
{
    struct line l;

    begin(&l);
    add(&l, "#");
    add_number(&l, i, 10);
    add(&l, " 0x");
    add_number(&l, p->pc, 16);
    if (p->path[0] != '\0') {
        add(&l, " ");
        add(&l, p->path);
        add(&l, "+0x");
        add_number(&l, p->offset, 16);
    }
    say(&l);
}

/* To whom it may concern: by lines of its own. */
static void write_report(const struct mr_coro *co, const struct mr_frames *f)
{
    struct trace t = {.n = f->n};
    struct line l;

    begin(&l);
    if (co && co->stack) {
        add(&l, "the thread is held by coroutine '");
        add(&l, mr_coro_name(co));
        add(&l, "', entry ");
        add(&l, co->entry ? co->entry : "unknown");
    } else {
        add(&l, "the thread runs on its own stack, in no coroutine");
    }
    say(&l);
    for (unsigned i = 0; i < t.n; i++) {
        t.at[i].pc = f->pc[i];
        t.at[i].path[0] = '\0';
    }
    each_mapping(place_in, &t); /* one pass for all frames */
    for (unsigned i = 0; i < t.n; i++)
        say_place(i, &t.at[i]);
}

/* To the watching thread, which has asked. */
static void answer(struct mr_watch *w, const struct mr_coro *co,
                   const struct mr_frames *f)
{
    struct mr_watch_answer *a = &w->answer;
    const char *name = co ? mr_coro_name(co) : "";
    size_t n = 0;

    a->in_coro = co && co->stack;
    a->id = co ? co->id : 0;
    a->where = co ? co->where : NULL;
    a->switches = w->hub->stats.switches;
    for (; name[n] != '\0' && n < sizeof a->name - 1; n++)
        a->name[n] = name[n];
    a->name[n] = '\0';
    a->frames = *f;
    /* Release: the answer is complete. */
    __atomic_store_n(&w->state, MR_WATCH_ANSWERED, __ATOMIC_RELEASE);
}

static void on_report(int sig, siginfo_t *info, void *context)
{
    int saved = mr_sys_errno_save();
    const struct mr_coro *co = mr_thread.current;
    struct mr_watch *w = mr_thread.hub ? mr_thread.hub->watch : NULL;
    struct mr_frames f;

    (void)sig;
    walk(context, co, &f);
    /* SI_TKILL: to this very thread, so from inside of the process. Acquire:
     * pairs with the release of whoever asks. */
    if (info->si_code != SI_TKILL)
        write_report(co, &f);
    else if (w &&
             __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) == MR_WATCH_ASKED)
        answer(w, co, &f);
    mr_sys_errno_restore(saved);
}

int mr_watchdog_install(void)
{
    struct sigaction sa = {.sa_sigaction = on_report,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    int err = mr_stack_watch_overflow();

    if (err)
        return err;
    sigfillset(&sa.sa_mask);
    return mr_sys_sigaction(MR_SIG_REPORT, &sa, NULL);
}
