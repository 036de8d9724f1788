/* SPDX-License-Identifier: MIT */

/*
 * decoder_zstd.c - zstd, by its library (RFC 8878; http/decoder_priv.h).
 *
 * A frame may name any window; for HTTP it is 8 MiB at most (RFC 9659), and so
 * is what is taken. Frames may follow each other, and some hold no text. Memory
 * is malloc's, as for the encoder.
 */
#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/sys.h"
#include "http/decoder_priv.h"

enum { WINDOW_LOG = 23 };

struct state {
    ZSTD_DCtx *z;
    bool is_whole; /* at the end of a frame */
    bool has_more; /* it had no room */
};

static void drop(void *state)
{
    struct state *s = state;

    (void)ZSTD_freeDCtx(s->z); /* NULL is fine */
    mr_free(s);
}

static void *start(void)
{
    struct state *s = mr_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->z = ZSTD_createDCtx();
    if (!s->z || ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax,
                                                     WINDOW_LOG))) {
        drop(s);
        return NULL;
    }
    return s;
}

static int error_of(size_t rc)
{
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_memory_allocation:
        return -ENOMEM;
    case ZSTD_error_frameParameter_windowTooLarge:
        return -EFBIG;
    default:
        return -EBADMSG;
    }
}

static int run(void *state, struct mr_str *in, char *out, size_t cap,
               size_t *ret_n)
{
    struct state *s = state;

    while (in->n > 0 || s->has_more) {
        ZSTD_inBuffer from = {in->p, in->n, 0};
        ZSTD_outBuffer to = {out, cap, *ret_n};
        size_t rc = ZSTD_decompressStream(s->z, &to, &from);

        *in = mr_str_n(in->p + from.pos, in->n - from.pos);
        *ret_n = to.pos;
        if (ZSTD_isError(rc))
            return error_of(rc);
        s->is_whole = rc == 0;
        s->has_more = rc != 0 && to.pos == cap;
        if (to.pos == cap)
            return 1;
    }
    return 0;
}

static bool is_whole(const void *state)
{
    return ((const struct state *)state)->is_whole;
}

const struct mr_decoder_library mr_decoder_zstd = {
    .names = {"zstd"},
    .start = start,
    .free = drop,
    .run = run,
    .is_whole = is_whole,
};
