/* SPDX-License-Identifier: MIT */

/*
 * coding_zlib.c - gzip, by zlib (RFC 1952; http/coding_priv.h).
 *
 * The window is deflate's largest, 32 KiB, and all of a state is 268 KB at
 * any level: there is nothing to cut. A state is used again by deflateReset,
 * which keeps its level: one of another level is made anew.
 */
#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "http/coding_priv.h"

enum { WINDOW_BITS = 15, GZIP = 16, MEM_LEVEL = 8 };

static voidpf allocate(voidpf c, uInt n, uInt size)
{
    return mr_coder_alloc(c, (size_t)n * size);
}

static void release(voidpf c, voidpf p)
{
    mr_coder_free(c, p);
}

static void drop(struct mr_coder *c)
{
    if (!c->state)
        return;
    (void)deflateEnd(c->state); /* Z_DATA_ERROR: it was not at its end */
    mr_coder_free(c, c->state);
    c->state = NULL;
}

static int make(struct mr_coder *c, int level)
{
    z_stream *z = mr_coder_alloc(c, sizeof *z);

    if (!z)
        return -ENOMEM;
    *z = (z_stream){.zalloc = allocate, .zfree = release, .opaque = c};
    if (deflateInit2(z, level, Z_DEFLATED, WINDOW_BITS + GZIP, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        mr_coder_free(c, z);
        return -ENOMEM;
    }
    c->state = z;
    return 0;
}

static int begin(struct mr_coder *c, int level, int64_t size)
{
    (void)size;
    if (c->state && c->level == level && deflateReset(c->state) == Z_OK)
        return 0;
    drop(c);
    return make(c, level);
}

static int run(struct mr_coder *c, enum mr_coder_op op, struct mr_str *in,
               char *out, size_t cap, size_t *ret_n)
{
    static const int flush[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    uInt give = (uInt)MR_MIN(in->n, (size_t)UINT_MAX);
    uInt room = (uInt)MR_MIN(cap, (size_t)UINT_MAX);
    z_stream *z = c->state;
    int rc;

    z->next_in = (Bytef *)(uintptr_t)in->p;
    z->avail_in = give;
    z->next_out = (Bytef *)out;
    z->avail_out = room;
    rc = deflate(z, give < in->n ? Z_NO_FLUSH : flush[op]);
    *ret_n = room - z->avail_out;
    *in = mr_str_n(in->p + (give - z->avail_in), in->n - (give - z->avail_in));
    if (rc == Z_STREAM_END)
        return 0;
    if (rc != Z_OK && rc != Z_BUF_ERROR) /* the latter: nothing to do */
        return -EIO;
    return in->n > 0 || z->avail_out == 0 || op == MR_CODER_END;
}

static size_t size_of(const struct mr_coder *c)
{
    return c->bytes;
}

const struct mr_coding_library mr_coding_zlib = {
    .coding = MR_CODING_GZIP,
    .level_max = 9,
    .bytes = (size_t)264 * 1024,
    .begin = begin,
    .run = run,
    .free = drop,
    .size = size_of,
};
