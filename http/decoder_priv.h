/* SPDX-License-Identifier: MIT */
#ifndef HTTP_DECODER_PRIV_H
#define HTTP_DECODER_PRIV_H

/*
 * decoder_priv.h - what decoder.c asks of each library (decoder_zlib.c,
 * decoder_brotli.c, decoder_zstd.c).
 */
#include "http/decoder.h"

struct mr_decoder_library {
    const char *names[3]; /* in Content-Encoding; the first one is shown */
    /* NULL: out of memory. */
    void *(*start)(void);
    void (*free)(void *state);
    /*
     * Decode *in into out[cap]. 0: all is used, and what it gave is out; 1: out
     * is full, and there may be more; -EBADMSG, -EFBIG (the window), -ENOMEM.
     * Bytes behind the end are -EBADMSG.
     */
    int (*run)(void *state, struct mr_str *in, char *out, size_t cap,
               size_t *ret_n);
    /* May it end here? Not asked before the first byte. */
    bool (*is_whole)(const void *state);
};

extern const struct mr_decoder_library mr_decoder_gzip;
extern const struct mr_decoder_library mr_decoder_deflate;
extern const struct mr_decoder_library mr_decoder_brotli;
extern const struct mr_decoder_library mr_decoder_zstd;

#endif
