/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_ENCODE_H
#define TESTS_HTTP_ENCODE_H

/*
 * encode.h - text to gzip, deflate, br and zstd by the libraries' own coders.
 * Their memory is free(3)'s.
 */
#include <brotli/encode.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base.h"

struct bytes {
    char *p;
    size_t n;
};

static inline struct bytes room(size_t n)
{
    struct bytes b = {malloc(n), 0};

    MR_BUG_ON(!b.p);
    return b;
}

/* bits: 15 zlib, -15 raw, 31 gzip. */
static inline struct bytes zip(const void *p, size_t n, int bits)
{
    struct bytes b = room(n + n / 100 + 1024);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p,
                  .avail_in = (uInt)n,
                  .next_out = (Bytef *)b.p,
                  .avail_out = (uInt)(n + n / 100 + 1024)};

    MR_BUG_ON(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY));
    MR_BUG_ON(deflate(&z, Z_FINISH) != Z_STREAM_END);
    b.n = z.total_out;
    deflateEnd(&z);
    return b;
}

static inline struct bytes br(const void *p, size_t n, int window)
{
    size_t left = n + n / 100 + 1024, most = left;
    struct bytes b = room(left);
    BrotliEncoderState *s = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *in = p;
    uint8_t *out = (uint8_t *)b.p;

    BrotliEncoderSetParameter(s, BROTLI_PARAM_QUALITY, 5);
    BrotliEncoderSetParameter(s, BROTLI_PARAM_LARGE_WINDOW, window > 24);
    BrotliEncoderSetParameter(s, BROTLI_PARAM_LGWIN, (uint32_t)window);
    MR_BUG_ON(!BrotliEncoderCompressStream(s, BROTLI_OPERATION_FINISH, &n, &in,
                                           &left, &out, NULL));
    MR_BUG_ON(!BrotliEncoderIsFinished(s));
    BrotliEncoderDestroyInstance(s);
    b.n = most - left;
    return b;
}

/* The size is not said in its head, so that the window is. */
static inline struct bytes zstd(const void *p, size_t n, int window)
{
    size_t most = ZSTD_compressBound(n) + 64;
    struct bytes b = room(most);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_inBuffer in = {p, n, 0};
    ZSTD_outBuffer out = {b.p, most, 0};

    ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, window);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    MR_BUG_ON(ZSTD_compressStream2(z, &out, &in, ZSTD_e_flush));
    MR_BUG_ON(ZSTD_compressStream2(z, &out, &in, ZSTD_e_end));
    ZSTD_freeCCtx(z);
    b.n = out.pos;
    return b;
}

static inline struct bytes encode(const char *coding, const void *p, size_t n)
{
    if (strcmp(coding, "gzip") == 0)
        return zip(p, n, 31);
    if (strcmp(coding, "deflate") == 0)
        return zip(p, n, 15);
    if (strcmp(coding, "br") == 0)
        return br(p, n, 18);
    return zstd(p, n, 18);
}

static inline struct bytes join(struct bytes a, struct bytes b)
{
    struct bytes c = room(a.n + b.n + 1);

    memcpy(c.p, a.p, a.n);
    memcpy(c.p + a.n, b.p, b.n);
    c.n = a.n + b.n;
    free(a.p);
    free(b.p);
    return c;
}

#endif
