/* SPDX-License-Identifier: MIT */

/*
 * arena.c - bump allocator with marks and cleanup hooks.
 *
 * Chunks form a stack, newest on top; only the newest is allocated from. Hook
 * records lie in the arena themselves, so a mark that drops the memory has run
 * the hooks in it before.
 *
 * Invariants
 *  (1) `at` and `end` lie in `chunk`, or all three are NULL.
 *  (2) A hook is taken off the list before it is called, and called once.
 */
#include "core/arena.h"

#include <errno.h>
#include <stdio.h>

#include "core/format.h"
#include "core/sys.h"

#define ALIGN 16

struct mr_arena_chunk {
    struct mr_arena_chunk *older;
    size_t size; /* usable bytes, at data */
    _Alignas(ALIGN) char data[];
};

struct mr_arena_hook {
    struct mr_arena_hook *older;
    void (*fn)(void *arg);
    void *arg;
};

static void make_current(struct mr_arena *a, struct mr_arena_chunk *c)
{
    a->chunk = c;
    a->at = c ? c->data : NULL;
    a->end = c ? c->data + c->size : NULL;
}

void mr_arena_init(struct mr_arena *a, size_t chunk_size)
{
    *a = (struct mr_arena){
        .chunk_size = (MR_MAX(chunk_size, ALIGN) + ALIGN - 1) / ALIGN * ALIGN,
    };
}

static void run_hooks(struct mr_arena *a, struct mr_arena_hook *until)
{
    while (a->hooks != until) {
        struct mr_arena_hook *h = a->hooks;

        a->hooks = h->older;
        h->fn(h->arg);
    }
}

static void drop_chunks(struct mr_arena *a, struct mr_arena_chunk *until)
{
    struct mr_arena_chunk *c = a->chunk;

    while (c != until) {
        struct mr_arena_chunk *older = c->older;

        mr_free(c);
        c = older;
    }
    make_current(a, until);
}

void mr_arena_fini(struct mr_arena *a)
{
    run_hooks(a, NULL);
    drop_chunks(a, NULL);
}

MR_HOT void mr_arena_reset(struct mr_arena *a)
{
    struct mr_arena_chunk *first = a->chunk;

    run_hooks(a, NULL);
    if (first && !first->older && first->size == a->chunk_size) {
        a->at = first->data; /* most often */
        return;
    }
    while (first && first->older)
        first = first->older;
    /* One made for a single large piece is not worth keeping. */
    if (first && first->size != a->chunk_size)
        first = NULL;
    drop_chunks(a, first);
}

static bool grow(struct mr_arena *a, size_t n)
{
    size_t size = MR_MAX(n, a->chunk_size);
    struct mr_arena_chunk *c;

    c = mr_alloc(sizeof *c + size);
    if (!c)
        return false;
    c->older = a->chunk;
    c->size = size;
    make_current(a, c);
    return true;
}

void *mr_arena_alloc(struct mr_arena *a, size_t n)
{
    void *p;

    if (n > PTRDIFF_MAX) /* no object is larger; sums below fit */
        return NULL;
    /* A piece of no bytes still has an address of its own. */
    n = n == 0 ? ALIGN : (n + ALIGN - 1) / ALIGN * ALIGN;
    if (n > (size_t)(a->end - a->at) && !grow(a, n))
        return NULL;
    p = a->at;
    a->at += n;
    return p;
}

void *mr_arena_calloc(struct mr_arena *a, size_t n)
{
    void *p = mr_arena_alloc(a, n);

    if (p)
        memset(p, 0, n);
    return p;
}

char *mr_arena_dup(struct mr_arena *a, struct mr_str s)
{
    char *z = s.n < SIZE_MAX ? mr_arena_alloc(a, s.n + 1) : NULL;

    if (!z)
        return NULL;
    if (s.n > 0)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

char *mr_arena_printf(struct mr_arena *a, const char *fmt, ...)
{
    va_list ap;
    char *z;

    va_start(ap, fmt);
    z = mr_arena_vprintf(a, fmt, ap);
    va_end(ap);
    return z;
}

char *mr_arena_vprintf(struct mr_arena *a, const char *fmt, va_list ap)
{
    size_t room = (size_t)(a->end - a->at);
    char *z;
    int n;

    /* Into what is left of the chunk: most often it fits at once. */
    n = mr_vformat(a->at, room, fmt, ap);
    if (n < 0)
        return NULL;
    z = mr_arena_alloc(a, (size_t)n + 1);
    if (z && (size_t)n >= room)
        vsnprintf(z, (size_t)n + 1, fmt, ap);
    return z;
}

int mr_arena_on_reset(struct mr_arena *a, void (*fn)(void *arg), void *arg)
{
    struct mr_arena_hook *h = mr_arena_alloc(a, sizeof *h);

    if (!h)
        return -ENOMEM;
    h->older = a->hooks;
    h->fn = fn;
    h->arg = arg;
    a->hooks = h;
    return 0;
}

struct mr_arena_mark mr_arena_mark(const struct mr_arena *a)
{
    return (struct mr_arena_mark){a->chunk, a->at, a->hooks};
}

void mr_arena_release(struct mr_arena *a, struct mr_arena_mark m)
{
    if (!m.chunk) { /* marked before the first allocation */
        mr_arena_reset(a);
        return;
    }
    run_hooks(a, m.hooks);
    drop_chunks(a, m.chunk);
    a->at = m.at;
}
