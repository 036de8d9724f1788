/* SPDX-License-Identifier: MIT */

/*
 * coding_brotli.c - br, by brotli (RFC 7932; http/coding_priv.h).
 *
 * With a window of 64 KiB the library takes tables of one size for levels 5 to
 * 8, 1.9 MB in all. With twice the window it would be 3 to 18 MB, for 2 to 3 %
 * of the size. Level 9 takes more all the same, and 10 and 11 search for
 * seconds: they are left out. A state cannot be used again: the library has no
 * call for that.
 *
 * As Debian builds it the library calls exit() when it gets no memory. So all
 * that it may need is had before it is begun, as one piece, and given out here:
 *
 *     | block | free | block | block |          free          |
 *
 *  (1) Blocks lie one behind the other, each with its head, and fill the piece.
 *  (2) The first free one that is large enough is taken, and split. Free
 *      neighbours are joined when they are come across.
 *  (3) There are some dozens of blocks, so walking along them costs nothing
 *      beside filling them.
 */
#include <brotli/encode.h>
#include <errno.h>

#include "http/coding_priv.h"

enum { WINDOW_BITS = 16 };
/* From 1 MiB on, level 4 would have larger tables; with 0 it takes what it is
 * given at first for all there is. */
enum { HINT_MAX = 1024 * 1024 - 1 };

/* --- memory --- */

/* Its array of commands grows by a new one, twice as large, while the old one
 * is still there: after a flush of some 58 KB, and then long pieces of short
 * words, that is 2.7 MB in all. The rest is for gaps. */
#define PIECE ((size_t)3200 * 1024)

struct block {
    size_t n; /* with this head; a multiple of 16 */
    size_t used;
};

_Static_assert(sizeof(struct block) == 16, "blocks are aligned as malloc's");

struct brotli {
    BrotliEncoderState *encoder; /* in memory, as all that it has */
    _Alignas(16) char memory[PIECE];
};

static struct block *block_at(struct brotli *b, size_t off)
{
    return (struct block *)(void *)(b->memory + off);
}

static void memory_init(struct brotli *b)
{
    *block_at(b, 0) = (struct block){.n = PIECE};
}

static void join_free(struct brotli *b, size_t off)
{
    struct block *at = block_at(b, off);

    while (off + at->n < PIECE && !block_at(b, off + at->n)->used)
        at->n += block_at(b, off + at->n)->n;
}

static void *allocate(void *arg, size_t n)
{
    struct brotli *b = arg;

    n = (n + sizeof(struct block) + 15) & ~(size_t)15;
    for (size_t off = 0; off < PIECE; off += block_at(b, off)->n) {
        struct block *at = block_at(b, off);

        if (at->used)
            continue;
        join_free(b, off);
        if (at->n < n)
            continue;
        if (at->n > n) {
            *block_at(b, off + n) = (struct block){.n = at->n - n};
            at->n = n;
        }
        at->used = 1;
        return at + 1;
    }
    return NULL; /* the end of this process: PIECE is wrong */
}

static void release(void *b, void *p)
{
    (void)b;
    if (p)
        ((struct block *)p - 1)->used = 0;
}

/* --- coding --- */

static void drop(struct mr_coder *c)
{
    mr_coder_free(c, c->state);
    c->state = NULL;
}

/* What it had before needs no ending: it has nothing but the piece. */
static int begin(struct mr_coder *c, int level, int64_t size)
{
    struct brotli *b = c->state;
    int64_t hint = size > 0 ? MR_MIN(size, HINT_MAX) : HINT_MAX;

    if (!b)
        b = mr_coder_alloc(c, sizeof *b);
    if (!b)
        return -ENOMEM;
    c->state = b;
    memory_init(b);
    b->encoder = BrotliEncoderCreateInstance(allocate, release, b);
    MR_BUG_ON(!b->encoder);
    (void)BrotliEncoderSetParameter(b->encoder, BROTLI_PARAM_QUALITY,
                                    (uint32_t)level);
    (void)BrotliEncoderSetParameter(b->encoder, BROTLI_PARAM_LGWIN,
                                    WINDOW_BITS);
    (void)BrotliEncoderSetParameter(b->encoder, BROTLI_PARAM_SIZE_HINT,
                                    (uint32_t)hint);
    return 0;
}

static int run(struct mr_coder *c, enum mr_coder_op op, struct mr_str *in,
               char *out, size_t cap, size_t *ret_n)
{
    static const BrotliEncoderOperation ops[] = {BROTLI_OPERATION_PROCESS,
                                                 BROTLI_OPERATION_FLUSH,
                                                 BROTLI_OPERATION_FINISH};
    BrotliEncoderState *encoder = ((struct brotli *)c->state)->encoder;
    const uint8_t *next = (const uint8_t *)in->p;
    uint8_t *at = (uint8_t *)out;
    size_t room = cap;

    if (!BrotliEncoderCompressStream(encoder, ops[op], &in->n, &next, &room,
                                     &at, NULL))
        return -EIO;
    in->p = (const char *)next;
    *ret_n = cap - room;
    if (in->n > 0 || BrotliEncoderHasMoreOutput(encoder))
        return 1;
    return op == MR_CODER_END && !BrotliEncoderIsFinished(encoder);
}

static size_t size_of(const struct mr_coder *c)
{
    return c->bytes;
}

const struct mr_coding_library mr_coding_brotli = {
    .coding = MR_CODING_BR,
    .level_max = 8,
    .bytes = PIECE + 1024,
    .begin = begin,
    .run = run,
    .free = drop,
    .size = size_of,
};
