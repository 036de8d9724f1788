/* SPDX-License-Identifier: MIT */

/*
 * overflow.c - a stack overflow says whose it was.
 *
 * A fault in the guard below the running coroutine's stack is reported from an
 * alternate signal stack and ends the process. Everything here until then is
 * async-signal-safe: no allocation, no stdio, write(2) only. A fault anywhere
 * else goes to whoever handled it before (a sanitizer, the default action with
 * its core dump).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/stack.h"
#include "core/sys.h"

struct mr_stack_owner (*mr_stack_owner)(void);

static struct sigaction before_segv, before_bus;
static bool installed;
static _Thread_local bool has_alternate;
/* This thread's own alternate stack, to be given back; NULL: another's. */
static _Thread_local char *alternate;

/* --- a line, piece by piece --- */

struct line {
    char text[512];
    size_t n;
};

static void add(struct line *l, const char *z)
{
    while (z && *z && l->n < sizeof l->text)
        l->text[l->n++] = *z++;
}

static void add_number(struct line *l, uintptr_t v, unsigned base)
{
    char digits[24];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v > 0);
    while (n > 0 && l->n < sizeof l->text)
        l->text[l->n++] = digits[--n];
}

static void say(const struct line *l)
{
    if (mr_log_fd() != STDERR_FILENO)
        (void)!mr_sys_write(mr_log_fd(), l->text, l->n);
    (void)!mr_sys_write(STDERR_FILENO, l->text, l->n);
}

static void report(const struct mr_stack_owner *who)
{
    struct line l = {.n = 0};

    add(&l, "stack overflow: coroutine '");
    add(&l, who->name);
    add(&l, "', entry ");
    add(&l, who->entry ? who->entry : "unknown");
    add(&l, " (0x");
    add_number(&l, who->entry_addr, 16);
    add(&l, "), ran over its stack of ");
    add_number(&l, who->stack->size, 10);
    add(&l, " bytes; raise mr_spawn_options.stack_size, or stack_size in the "
            "configuration\n");
    say(&l);
}

/* --- the handler --- */

static void pass_on(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *before =
        sig == SIGSEGV ? &before_segv : &before_bus;

    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(sig, info, context);
        return;
    }
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(sig);
        return;
    }
    /* The instruction runs again and meets the default action. */
    signal(sig, SIG_DFL);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    struct mr_stack_owner who = {0};
    const char *at = info->si_addr;

    if (mr_stack_owner)
        who = mr_stack_owner();
    if (!who.stack || at >= who.stack->bottom ||
        at < who.stack->bottom - mr_stack_guard_bytes()) {
        pass_on(sig, info, context);
        return;
    }
    report(&who);
    signal(SIGABRT, SIG_DFL);
    abort();
}

/* The frame of a handler, vector registers and all, is 4 to 48 KiB. */
static size_t alternate_bytes(void)
{
    long least = sysconf(_SC_SIGSTKSZ);

    return least > 64 * 1024 ? ((size_t)least + 4095) & ~(size_t)4095
                             : 64 * 1024;
}

/* Stays while the thread does: a signal may be on it at any time. */
static int alternate_stack(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = alternate_bytes();
    stack_t alt = {0}, old;
    int err;
    char *p;

    if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE) &&
        old.ss_size >= size)
        return 0;
    p = mr_sys_mmap(NULL, page + size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &err);
    if (!p)
        return err;
    err = mr_sys_mprotect(p, page, PROT_NONE);
    if (err)
        goto fail;
    alt.ss_sp = p + page;
    alt.ss_size = size;
    if (sigaltstack(&alt, NULL) == -1) {
        err = -EPERM;
        goto fail;
    }
    alternate = p;
    return 0;

fail:
    mr_sys_munmap(p, page + size);
    return err;
}

int mr_stack_watch_overflow(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int err;

    if (!has_alternate) {
        err = alternate_stack();
        if (err)
            return err;
        has_alternate = true;
    }
    if (__atomic_load_n(&installed, __ATOMIC_ACQUIRE) ||
        __atomic_exchange_n(&installed, true, __ATOMIC_ACQ_REL))
        return 0;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGSEGV, &sa, &before_segv);
    sigaction(SIGBUS, &sa, &before_bus);
    return 0;
}

void mr_stack_unwatch_overflow(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (alternate && sigaltstack(&none, NULL) == 0) {
        mr_sys_munmap(alternate,
                      (size_t)sysconf(_SC_PAGESIZE) + alternate_bytes());
        alternate = NULL;
    }
    has_alternate = false;
}
