/* SPDX-License-Identifier: MIT */

/*
 * coding_zstd.c - zstd, by its library (RFC 8878; http/coding_priv.h).
 *
 * Window and tables are cut to what 1.6 MB hold, at any level; left alone,
 * level 12 would take 51 MB, for 2 % of the size. Decoders need take no more
 * than 8 MiB of window for this coding (RFC 9659); 256 KiB is far below. The
 * calls that would let its memory come from us are no part of its stable
 * interface, so it is malloc's.
 */
#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "http/coding_priv.h"

enum { WINDOW_LOG = 18, TABLE_LOG = 16 };

static void drop(struct mr_coder *c)
{
    (void)ZSTD_freeCCtx(c->state); /* NULL is fine */
    c->state = NULL;
}

static int begin(struct mr_coder *c, int level, int64_t size)
{
    const struct {
        ZSTD_cParameter name;
        int value;
    } set[] = {
        {ZSTD_c_compressionLevel, level},
        {ZSTD_c_windowLog, WINDOW_LOG},
        {ZSTD_c_hashLog, TABLE_LOG},
        {ZSTD_c_chainLog, TABLE_LOG},
    };
    size_t rc;

    if (!c->state)
        c->state = ZSTD_createCCtx();
    if (!c->state)
        return -ENOMEM;
    rc = ZSTD_CCtx_reset(c->state, ZSTD_reset_session_only);
    for (size_t i = 0; i < MR_ARRAY_LEN(set) && !ZSTD_isError(rc); i++)
        rc = ZSTD_CCtx_setParameter(c->state, set[i].name, set[i].value);
    if (!ZSTD_isError(rc) && size >= 0)
        rc = ZSTD_CCtx_setPledgedSrcSize(c->state, (unsigned long long)size);
    return ZSTD_isError(rc) ? -ENOMEM : 0;
}

static int run(struct mr_coder *c, enum mr_coder_op op, struct mr_str *in,
               char *out, size_t cap, size_t *ret_n)
{
    static const ZSTD_EndDirective ops[] = {ZSTD_e_continue, ZSTD_e_flush,
                                            ZSTD_e_end};
    ZSTD_inBuffer from = {in->p, in->n, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t left = ZSTD_compressStream2(c->state, &to, &from, ops[op]);

    *ret_n = to.pos;
    *in = mr_str_n(in->p + from.pos, in->n - from.pos);
    if (ZSTD_isError(left))
        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM
                                                                       : -EIO;
    /* Of GO, `left` may be what it keeps back. */
    return in->n > 0 || (op != MR_CODER_GO && left > 0);
}

static size_t size_of(const struct mr_coder *c)
{
    return ZSTD_sizeof_CCtx(c->state);
}

const struct mr_coding_library mr_coding_zstd = {
    .coding = MR_CODING_ZSTD,
    .level_max = 12,
    .bytes = (size_t)1600 * 1024,
    .begin = begin,
    .run = run,
    .free = drop,
    .size = size_of,
};
