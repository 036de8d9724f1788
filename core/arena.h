/* SPDX-License-Identifier: MIT */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

/*
 * arena.h - bump allocator with marks and cleanup hooks.
 *
 * Memory of one request (or one parse): allocated piece by piece, given back
 * at once. Hooks run in reverse order when the mark they were registered after
 * is reset: descriptors of a request are closed by one call.
 *
 *     struct mr_arena a;
 *     mr_arena_init(&a, 4096);
 *     char *p = mr_arena_alloc(&a, 100);
 *     mr_arena_on_reset(&a, close_it, it);
 *     mr_arena_reset(&a);       hooks ran, all but the first chunk is freed
 *     mr_arena_fini(&a);
 */
#include <stdarg.h>

#include "core/str.h"

struct mr_arena_chunk;
struct mr_arena_hook;

struct mr_arena {
    char *at;                     /* next free byte of the current chunk */
    char *end;                    /* its end */
    struct mr_arena_chunk *chunk; /* current; older ones are linked from it */
    struct mr_arena_hook *hooks;  /* newest first */
    size_t chunk_size;            /* of the next chunk, at least */
};

struct mr_arena_mark {
    struct mr_arena_chunk *chunk;
    char *at;
    struct mr_arena_hook *hooks;
};

/* Allocates nothing until the first use. */
MR_API void mr_arena_init(struct mr_arena *a, size_t chunk_size);
/* Resets, then frees everything. */
MR_API void mr_arena_fini(struct mr_arena *a);
/* Runs all hooks; keeps one chunk of chunk_size for the next use. */
MR_API void mr_arena_reset(struct mr_arena *a);

/* Aligned to 16; contents undefined. NULL when out of memory. n may be 0. */
MR_API void *mr_arena_alloc(struct mr_arena *a, size_t n);
/* Zeroed. */
MR_API void *mr_arena_calloc(struct mr_arena *a, size_t n);
/* NUL-terminated copy. NULL when out of memory. */
MR_API char *mr_arena_dup(struct mr_arena *a, struct mr_str s);
/* NUL-terminated; NULL when out of memory. */
MR_API char *mr_arena_printf(struct mr_arena *a, const char *fmt, ...)
    MR_PRINTF(2, 3);
MR_API char *mr_arena_vprintf(struct mr_arena *a, const char *fmt, va_list ap);

/* fn(arg) runs at the reset that passes this point. 0 or -ENOMEM (and then fn
 * has not been and will not be called). Hooks must not allocate from it. */
MR_API MR_MUST_USE int mr_arena_on_reset(struct mr_arena *a,
                                         void (*fn)(void *arg), void *arg);

/* Everything allocated and registered since the mark is given back. Marks nest
 * like brackets. */
MR_API struct mr_arena_mark mr_arena_mark(const struct mr_arena *a);
MR_API void mr_arena_release(struct mr_arena *a, struct mr_arena_mark m);

#endif
