/* SPDX-License-Identifier: MIT */

/*
 * decoder_zlib.c - gzip (RFC 1952) and deflate, by zlib
 * (http/decoder_priv.h).
 *
 * "deflate" is zlib's form (RFC 1950) by RFC 9110 8.4.1.2, but some servers
 * always sent the bare one (RFC 1951). The first two bytes tell: zlib's are a
 * method, a window and a sum that is right by chance once in 31, and what a
 * bare text would have to begin with to look like that is a stored block with
 * bits set that everyone leaves 0.
 */
#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "core/sys.h"
#include "http/decoder_priv.h"

enum { WINDOW_BITS = 15, GZIP = 16 };

struct state {
    z_stream z;
    bool is_gzip;
    bool is_chosen;   /* of deflate: which form */
    bool is_whole;    /* the last member has ended */
    unsigned head_n;  /* of deflate: the first bytes... */
    unsigned head_at; /* ... those that zlib has not got yet begin here */
    unsigned char head[2];
};

static voidpf allocate(voidpf unused, uInt n, uInt size)
{
    (void)unused;
    return mr_calloc(n, size);
}

static void release(voidpf unused, voidpf p)
{
    (void)unused;
    mr_free(p);
}

static void *start(bool is_gzip)
{
    struct state *s = mr_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->is_gzip = is_gzip;
    s->z.zalloc = allocate;
    s->z.zfree = release;
    if (inflateInit2(&s->z, WINDOW_BITS + (is_gzip ? GZIP : 0)) != Z_OK) {
        mr_free(s);
        return NULL;
    }
    return s;
}

static void *start_gzip(void)
{
    return start(true);
}

static void *start_deflate(void)
{
    return start(false);
}

static void drop(void *state)
{
    struct state *s = state;

    (void)inflateEnd(&s->z); /* Z_STREAM_ERROR is for what was never begun */
    mr_free(s);
}

/* Gathers deflate's first two bytes; then the form is known. */
static void choose(struct state *s, struct mr_str *in)
{
    while (s->head_n < sizeof s->head && in->n > 0) {
        s->head[s->head_n++] = (unsigned char)in->p[0];
        *in = mr_str_n(in->p + 1, in->n - 1);
    }
    if (s->head_n < sizeof s->head)
        return;
    s->is_chosen = true;
    if ((s->head[0] & 15) != Z_DEFLATED || s->head[0] >> 4 > 7 ||
        (s->head[0] * 256 + s->head[1]) % 31 != 0)
        (void)inflateReset2(&s->z, -WINDOW_BITS); /* allocates nothing */
}

/* Once through zlib; what it gave goes to the end of out. inflate's result. */
static int inflate_some(z_stream *z, const void *p, size_t n, size_t *ret_used,
                        char *out, size_t cap, size_t *ret_n)
{
    uInt give = (uInt)MR_MIN(n, (size_t)UINT_MAX);
    uInt room = (uInt)MR_MIN(cap - *ret_n, (size_t)UINT_MAX);
    int rc;

    z->next_in = (Bytef *)(uintptr_t)p;
    z->avail_in = give;
    z->next_out = (Bytef *)out + *ret_n;
    z->avail_out = room;
    rc = inflate(z, Z_NO_FLUSH);
    *ret_used = give - z->avail_in;
    *ret_n += room - z->avail_out;
    return rc;
}

static int run(void *state, struct mr_str *in, char *out, size_t cap,
               size_t *ret_n)
{
    struct state *s = state;

    if (!s->is_gzip && !s->is_chosen)
        choose(s, in);
    if (!s->is_gzip && !s->is_chosen)
        return 0;
    for (;;) {
        size_t ahead = s->head_n - s->head_at, used;
        const void *p = ahead ? (const void *)(s->head + s->head_at) : in->p;
        int rc;

        if (s->is_whole) { /* another member, or a byte too many */
            if (ahead + in->n == 0)
                return 0;
            if (!s->is_gzip || inflateReset(&s->z) != Z_OK)
                return -EBADMSG;
            s->is_whole = false;
        }
        rc = inflate_some(&s->z, p, ahead ? ahead : in->n, &used, out, cap,
                          ret_n);
        if (ahead)
            s->head_at += (unsigned)used;
        else
            *in = mr_str_n(in->p + used, in->n - used);
        s->is_whole = rc == Z_STREAM_END;
        if (rc == Z_MEM_ERROR)
            return -ENOMEM;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return -EBADMSG;
        if (*ret_n == cap)
            return 1;
        if (!s->is_whole && s->head_at == s->head_n && in->n == 0)
            return 0;
    }
}

static bool is_whole(const void *state)
{
    return ((const struct state *)state)->is_whole;
}

const struct mr_decoder_library mr_decoder_gzip = {
    .names = {"gzip", "x-gzip"},
    .start = start_gzip,
    .free = drop,
    .run = run,
    .is_whole = is_whole,
};

const struct mr_decoder_library mr_decoder_deflate = {
    .names = {"deflate"},
    .start = start_deflate,
    .free = drop,
    .run = run,
    .is_whole = is_whole,
};
