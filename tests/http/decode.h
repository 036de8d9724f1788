/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_DECODE_H
#define TESTS_HTTP_DECODE_H

/*
 * decode.h - gzip, br and zstd back to text by the libraries' own decoders, and
 * texts to compress.
 */
#include <brotli/decode.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "http/negotiate.h"

/* All that can be decoded of what there is; *ret_end: it is complete, and
 * nothing follows it. -1: it is garbage, or more than cap. */
static inline ssize_t decode_gzip(const void *p, size_t n, char *out,
                                  size_t cap, bool *ret_end)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p,
                  .avail_in = (uInt)n,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)cap};
    int rc;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return -1;
    rc = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    *ret_end = rc == Z_STREAM_END && z.avail_in == 0;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR
               ? (ssize_t)(cap - z.avail_out)
               : -1;
}

static inline ssize_t decode_br(const void *p, size_t n, char *out, size_t cap,
                                bool *ret_end)
{
    BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *next = p;
    uint8_t *at = (uint8_t *)out;
    size_t room = cap;
    BrotliDecoderResult rc =
        BrotliDecoderDecompressStream(s, &n, &next, &room, &at, NULL);

    BrotliDecoderDestroyInstance(s);
    *ret_end = rc == BROTLI_DECODER_RESULT_SUCCESS && n == 0;
    return rc == BROTLI_DECODER_RESULT_ERROR ? -1 : (ssize_t)(cap - room);
}

static inline ssize_t decode_zstd(const void *p, size_t n, char *out,
                                  size_t cap, bool *ret_end)
{
    ZSTD_DStream *s = ZSTD_createDStream();
    ZSTD_inBuffer in = {p, n, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t rc = 1, before;

    do {
        before = to.pos + in.pos;
        rc = ZSTD_decompressStream(s, &to, &in);
    } while (!ZSTD_isError(rc) && rc != 0 && to.pos + in.pos > before);
    ZSTD_freeDStream(s);
    *ret_end = rc == 0 && in.pos == n;
    return ZSTD_isError(rc) ? -1 : (ssize_t)to.pos;
}

static inline ssize_t decode(enum mr_coding coding, const void *p, size_t n,
                             char *out, size_t cap, bool *ret_end)
{
    *ret_end = true;
    switch (coding) {
    case MR_CODING_GZIP:
        return decode_gzip(p, n, out, cap, ret_end);
    case MR_CODING_BR:
        return decode_br(p, n, out, cap, ret_end);
    case MR_CODING_ZSTD:
        return decode_zstd(p, n, out, cap, ret_end);
    case MR_CODING_IDENTITY:
    case MR_CODINGS:
        break;
    }
    if (n > cap)
        return -1;
    memcpy(out, p, n);
    return (ssize_t)n;
}

/* Words, so that there is something to gain; or bytes, so that there is not.
 * The same for the same seed. */
static inline void fill(char *p, size_t n, bool random, uint32_t seed)
{
    static const char *const words[] = {
        "factory ", "line ", "worker ", "<p>",       "errand, ", "the ",
        "of ",      "a ",    "</p>\n",  "\"key\": ", "while ",   "0x1f "};
    size_t i = 0;

    while (i < n) {
        const char *w;

        seed = seed * 1664525 + 1013904223;
        w = words[(seed >> 24) % (sizeof words / sizeof *words)];
        if (random)
            p[i++] = (char)(seed >> 16);
        else
            while (*w && i < n)
                p[i++] = *w++;
    }
}

#endif
