/* SPDX-License-Identifier: MIT */

/*
 * decoder_brotli.c - br, by brotli (RFC 7932; http/decoder_priv.h).
 *
 * Its windows are 16 MiB at most; the larger ones that the library knows are
 * not part of the coding, and stay off. A text has one stream. Unlike the
 * encoder, the decoder tells when it gets no memory.
 */
#include <brotli/decode.h>
#include <errno.h>

#include "core/sys.h"
#include "http/decoder_priv.h"

static void *allocate(void *unused, size_t n)
{
    (void)unused;
    return mr_alloc(n);
}

static void release(void *unused, void *p)
{
    (void)unused;
    mr_free(p);
}

static void *start(void)
{
    return BrotliDecoderCreateInstance(allocate, release, NULL);
}

static void drop(void *state)
{
    BrotliDecoderDestroyInstance(state);
}

static int error_of(const BrotliDecoderState *s)
{
    BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(s);

    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                   code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
               ? -ENOMEM
               : -EBADMSG;
}

static int run(void *state, struct mr_str *in, char *out, size_t cap,
               size_t *ret_n)
{
    const uint8_t *next = (const uint8_t *)in->p;
    uint8_t *at = (uint8_t *)out;
    size_t room = cap;
    BrotliDecoderResult rc = BROTLI_DECODER_RESULT_SUCCESS;

    if (!BrotliDecoderIsFinished(state))
        rc = BrotliDecoderDecompressStream(state, &in->n, &next, &room, &at,
                                           NULL);
    in->p = (const char *)next;
    *ret_n = cap - room;
    switch (rc) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return in->n > 0 ? -EBADMSG : 0;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return 0;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return 1;
    case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    return error_of(state);
}

static bool is_whole(const void *state)
{
    return BrotliDecoderIsFinished(state);
}

const struct mr_decoder_library mr_decoder_brotli = {
    .names = {"br"},
    .start = start,
    .free = drop,
    .run = run,
    .is_whole = is_whole,
};
