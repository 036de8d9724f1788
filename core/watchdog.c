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
 *  (2) It reads no word that may not be there. A frame lies within the running
 *      coroutine's stack; on the thread's own stack, whose end we do not know,
 *      each page is asked for with mincore(2) before it is read.
 *
 * Frames of libraries built without frame pointers are missing, or end the
 * walk. Not here: noticing that the thread is held; see core/master.c.
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

/* Deep enough to get past any library into the handler that called it. */
#define FRAMES_MAX 64
/* Where pages are larger, mincore refuses most: a shorter walk, no fault. */
#define PAGE 4096
/* The thread's own stack is not longer, by default (ulimit -s). */
#define OWN_STACK_MAX ((uintptr_t)8 << 20)

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

struct trace {
    unsigned n;
    struct place at[FRAMES_MAX];
};

static void place_in(struct trace *t, const struct mapping *m)
{
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

/* One pass over the map for all frames. */
static void find_places(struct trace *t)
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
        place_in(t, &m);
    }
    mr_sys_close(r.fd);
}

/* --- the walk --- */

struct regs {
    uintptr_t pc, fp, sp;
};

#if defined(__x86_64__)
static struct regs regs_of(const ucontext_t *uc)
{
    const greg_t *r = uc->uc_mcontext.gregs;

    return (struct regs){(uintptr_t)r[REG_RIP], (uintptr_t)r[REG_RBP],
                         (uintptr_t)r[REG_RSP]};
}
#else
static struct regs regs_of(const ucontext_t *uc)
{
    return (struct regs){uc->uc_mcontext.pc, uc->uc_mcontext.regs[29],
                         uc->uc_mcontext.sp};
}
#endif

static bool is_mapped(uintptr_t at)
{
    unsigned char seen;

    return mr_sys_mincore((void *)(at & ~(uintptr_t)(PAGE - 1)), PAGE, &seen) ==
           0;
}

/* A frame record: the caller's, and where it goes on. Both psABIs. */
struct frame {
    uintptr_t caller_fp;
    uintptr_t return_pc;
};

/* May the record at fp be read, in a stack that is used from sp up? */
static bool is_frame(uintptr_t fp, uintptr_t sp, const struct mr_stack *stack)
{
    if (fp < sp || fp % sizeof(uintptr_t) != 0)
        return false;
    if (stack)
        return fp >= (uintptr_t)stack->bottom &&
               fp + sizeof(struct frame) <= (uintptr_t)stack;
    return fp - sp < OWN_STACK_MAX && is_mapped(fp) &&
           is_mapped(fp + sizeof(struct frame) - 1);
}

static void walk(struct regs r, const struct mr_stack *stack, struct trace *t)
{
    t->n = 0;
    t->at[t->n++].pc = r.pc;
    while (t->n < FRAMES_MAX && is_frame(r.fp, r.sp, stack)) {
        const struct frame *f = (const void *)r.fp;

        if (f->return_pc == 0)
            return;
        t->at[t->n++].pc = f->return_pc;
        r.sp = r.fp + sizeof *f; /* callers lie higher: the walk ends */
        r.fp = f->caller_fp;
    }
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

static void on_report(int sig, siginfo_t *info, void *context)
{
    int saved = mr_sys_errno_save();
    struct mr_stack_owner who = {0};
    struct trace t; /* 7 KiB: the alternate stack has 64 */
    struct line l;

    (void)sig;
    (void)info;
    if (mr_stack_owner)
        who = mr_stack_owner();
    begin(&l);
    if (who.stack) {
        add(&l, "the thread is held by coroutine '");
        add(&l, who.name ? who.name : "?");
        add(&l, "', entry ");
        add(&l, who.entry ? who.entry : "unknown");
    } else {
        add(&l, "the thread runs on its own stack, in no coroutine");
    }
    say(&l);
    walk(regs_of(context), who.stack, &t);
    for (unsigned i = 0; i < t.n; i++)
        t.at[i].path[0] = '\0';
    find_places(&t);
    for (unsigned i = 0; i < t.n; i++)
        say_place(i, &t.at[i]);
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
