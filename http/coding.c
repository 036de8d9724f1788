/* SPDX-License-Identifier: MIT */

/*
 * coding.c - coders, and the pool that they come from (http/coding.h).
 *
 *   (1) A taken coder counts with the most it may take, not with what it has:
 *       what has begun is never refused memory by its neighbours.
 *   (2) An idle coder may have a state, of the level that it last had; begin
 *       decides whether that is of use.
 */
#include "http/coding.h"

#include <errno.h>

#include "core/sys.h"
#include "http/coding_priv.h"

static const struct mr_coding_library *const libraries[MR_CODINGS] = {
    [MR_CODING_BR] = &mr_coding_brotli,
    [MR_CODING_ZSTD] = &mr_coding_zstd,
    [MR_CODING_GZIP] = &mr_coding_zlib,
};

int mr_coding_level_max(enum mr_coding coding)
{
    return libraries[coding] ? libraries[coding]->level_max : 0;
}

size_t mr_coding_bytes(enum mr_coding coding)
{
    return libraries[coding] ? libraries[coding]->bytes : 0;
}

/* --- memory --- */

/* Before each piece, how long it is; as malloc, aligned to 16. */
#define PIECE_HEAD 16

void *mr_coder_alloc(void *arg, size_t n)
{
    struct mr_coder *c = arg;
    size_t *p = mr_alloc(n + PIECE_HEAD);

    if (!p)
        return NULL;
    *p = n;
    c->bytes += n;
    return (char *)p + PIECE_HEAD;
}

void mr_coder_free(void *arg, void *p)
{
    struct mr_coder *c = arg;
    size_t *head;

    if (!p)
        return;
    head = (size_t *)(void *)((char *)p - PIECE_HEAD);
    c->bytes -= *head;
    mr_free(head);
}

size_t mr_coder_bytes(const struct mr_coder *c)
{
    return sizeof *c + c->library->size(c);
}

/* --- the pool --- */

static void free_coder(struct mr_coder *c)
{
    c->library->free(c);
    MR_BUG_ON(c->bytes > 0);
    mr_free(c);
}

void mr_coder_pool_fini(struct mr_coder_pool *pool)
{
    MR_BUG_ON(pool->bytes > 0);
    for (int i = 0; i < MR_CODINGS; i++) {
        while (pool->idle[i]) {
            struct mr_coder *c = pool->idle[i];

            pool->idle[i] = c->next;
            free_coder(c);
        }
        pool->idle_n[i] = 0;
    }
}

static struct mr_coder *from_idle(struct mr_coder_pool *pool,
                                  enum mr_coding coding)
{
    struct mr_coder *c = pool->idle[coding];

    if (!c)
        return NULL;
    pool->idle[coding] = c->next;
    pool->idle_n[coding]--;
    return c;
}

static struct mr_coder *make(struct mr_coder_pool *pool, enum mr_coding coding)
{
    struct mr_coder *c = mr_calloc(1, sizeof *c);

    if (c) {
        c->library = libraries[coding];
        c->pool = pool;
    }
    return c;
}

int mr_coder_take(struct mr_coder_pool *pool, enum mr_coding coding, int level,
                  int64_t size, struct mr_coder **ret)
{
    size_t bytes = mr_coding_bytes(coding);
    struct mr_coder *c;
    int err;

    MR_BUG_ON(level < 1 || level > mr_coding_level_max(coding));
    if (pool->bytes + bytes > MR_CODERS_BYTES_MAX)
        return -ENOBUFS;
    c = from_idle(pool, coding);
    if (!c)
        c = make(pool, coding);
    if (!c)
        return -ENOMEM;
    err = c->library->begin(c, level, size);
    if (err) {
        free_coder(c);
        return err;
    }
    c->level = level;
    pool->bytes += bytes;
    *ret = c;
    return 0;
}

void mr_coder_give(struct mr_coder *c)
{
    struct mr_coder_pool *pool;
    enum mr_coding coding;

    if (!c)
        return;
    pool = c->pool;
    coding = c->library->coding;
    pool->bytes -= c->library->bytes;
    if (pool->idle_n[coding] >= MR_CODERS_IDLE_MAX) {
        free_coder(c);
        return;
    }
    c->next = pool->idle[coding];
    pool->idle[coding] = c;
    pool->idle_n[coding]++;
}

int mr_coder_run(struct mr_coder *c, enum mr_coder_op op, struct mr_str *in,
                 char *out, size_t cap, size_t *ret_n)
{
    MR_BUG_ON(cap < MR_CODER_ROOM);
    return c->library->run(c, op, in, out, cap, ret_n);
}
