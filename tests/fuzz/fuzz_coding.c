/* SPDX-License-Identifier: MIT */
/* fuzz_coding.c - any bytes, in any pieces, flushed anywhere, through any coder
 * at any level: they come back. */
#include "http/coding.h"
#include "tests/http/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char out[4 * 1024 * 1024], back[256 * 1024];

static size_t run(struct mr_coder *c, enum mr_coder_op op, struct mr_str in,
                  size_t at, size_t room)
{
    size_t n;
    int rc;

    do {
        rc = mr_coder_run(c, op, &in, out + at, MR_MIN(room, sizeof out - at),
                          &n);
        MR_BUG_ON(rc < 0);
        at += n;
    } while (rc == 1);
    MR_BUG_ON(in.n > 0);
    return at;
}

/* The first four bytes: which coder, its room, pieces and flushes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mr_coder_pool pool;
    struct mr_str text;
    struct mr_coder *c;
    enum mr_coding coding;
    size_t n = 0, piece, room;
    bool end;

    if (size < 4 || size > sizeof back)
        return 0;
    text = mr_str_n((const char *)data + 4, size - 4);
    coding = data[0] % 3;
    room = MR_CODER_ROOM + data[1];
    piece = 1 + data[2] * (size_t)(1 + data[3] / 16);
    MR_BUG_ON(mr_coder_take(&pool, coding,
                            1 + data[0] / 3 % mr_coding_level_max(coding),
                            data[3] % 2 ? (int64_t)text.n : -1, &c));
    for (size_t at = 0; at < text.n; at += piece)
        n = run(c, (data[3] >> at % 4) % 2 ? MR_CODER_FLUSH : MR_CODER_GO,
                mr_str_n(text.p + at, MR_MIN(piece, text.n - at)), n, room);
    n = run(c, MR_CODER_END, mr_str(""), n, room);
    mr_coder_give(c);
    MR_BUG_ON(decode(coding, out, n, back, sizeof back, &end) !=
              (ssize_t)text.n);
    MR_BUG_ON(!end || (text.n > 0 && memcmp(back, text.p, text.n) != 0));
    return 0;
}
