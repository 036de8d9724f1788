/* SPDX-License-Identifier: MIT */
/* fuzz_decoder.c - any bytes as a coded body: whole or in pieces, the same
 * comes out, within the limits; and any text that our coders coded comes back.
 */
#include <string.h>

#include "http/coding.h"
#include "http/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 256 * 1024 };

static char one[LIMIT + 1], other[LIMIT + 1], coded[4 * LIMIT];

/* What came out, or the error. */
static ssize_t decode(const char *codings, struct mr_str text, size_t piece,
                      size_t room, char *out)
{
    const struct mr_decoder_limits limits = {.max_bytes = LIMIT};
    struct mr_decoder *d;
    size_t at = 0, n;
    int rc;

    MR_BUG_ON(mr_decoder_new(&d, mr_str(codings), &limits) != 0);
    do {
        struct mr_str in = {text.p, MR_MIN(piece, text.n)};

        text = mr_str_n(text.p + in.n, text.n - in.n);
        do {
            MR_BUG_ON(at > LIMIT);
            rc = mr_decoder_run(d, &in, text.n == 0, out + at,
                                MR_MIN(room, (size_t)LIMIT + 1 - at), &n);
            at += n;
        } while (rc == 1);
        MR_BUG_ON(rc == 0 && in.n > 0);
    } while (rc == 0 && text.n > 0);
    MR_BUG_ON((rc < 0) != (mr_decoder_why(d)[0] != '\0'));
    mr_decoder_free(d);
    return rc < 0 ? rc : (ssize_t)at;
}

/* Errors may come sooner in pieces: where there are two, either. */
static void check_pieces(const char *codings, struct mr_str text, size_t piece,
                         size_t room)
{
    ssize_t n = decode(codings, text, text.n + 1, LIMIT, one);
    ssize_t m = decode(codings, text, piece, room, other);

    MR_BUG_ON((n < 0) != (m < 0));
    MR_BUG_ON(n >= 0 && (n != m || memcmp(one, other, (size_t)n) != 0));
}

static void check_trip(enum mr_coding coding, const char *name,
                       struct mr_str text, size_t piece, size_t room)
{
    static struct mr_coder_pool pool;
    struct mr_str in = text;
    struct mr_coder *c;
    size_t at = 0, n;
    int rc;

    MR_BUG_ON(mr_coder_take(&pool, coding, 1, -1, &c));
    do {
        rc = mr_coder_run(c, MR_CODER_END, &in, coded + at, sizeof coded - at,
                          &n);
        MR_BUG_ON(rc < 0);
        at += n;
    } while (rc == 1);
    mr_coder_give(c);
    MR_BUG_ON(decode(name, mr_str_n(coded, at), piece, room, other) !=
              (ssize_t)text.n);
    MR_BUG_ON(text.n > 0 && memcmp(other, text.p, text.n) != 0);
}

/* The first three bytes: which coding, pieces, room. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"gzip",     "deflate",   "br",
                                        "zstd",     "gzip, br",  "zstd,gzip",
                                        "br, zstd", "deflate,br"};
    struct mr_str text;
    size_t piece, room;

    if (size < 3 || size > LIMIT)
        return 0;
    text = mr_str_n((const char *)data + 3, size - 3);
    piece = 1 + data[1] % 128;
    room = 1 + data[2] * (size_t)(data[1] > 127 ? 16 : 1);
    check_pieces(names[data[0] % 8], text, piece, room);
    switch (data[0] / 8 % 3) {
    case 0:
        check_trip(MR_CODING_GZIP, "gzip", text, piece, room);
        break;
    case 1:
        check_trip(MR_CODING_BR, "br", text, piece, room);
        break;
    default:
        check_trip(MR_CODING_ZSTD, "zstd", text, piece, room);
    }
    return 0;
}
