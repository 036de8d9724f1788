/* SPDX-License-Identifier: MIT */
/* fuzz_chunked.c - any bytes as a chunked body, whole and byte by byte: the
 * same outcome, data and trailers, up to the same byte. */
#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int status;
    uint64_t total, sum; /* sum: of the data, in order */
    size_t left, trailers;
};

static struct outcome decode(struct mr_str all, size_t piece)
{
    enum mr_chunked_result rc = MR_CHUNKED_MORE;
    const struct mr_headers *trailers;
    struct outcome o = {0};
    struct mr_chunked c;
    struct mr_arena a;
    struct mr_str out;

    mr_arena_init(&a, 256);
    mr_chunked_init(&c, &a);
    while (all.n > 0 && rc <= MR_CHUNKED_DATA) {
        struct mr_str in = {all.p, MR_MIN(all.n, piece)};

        rc = mr_chunked_decode(&c, &in, &out);
        for (size_t i = 0; rc == MR_CHUNKED_DATA && i < out.n; i++)
            o.sum = o.sum * 31 + (unsigned char)out.p[i];
        all = mr_str_n(in.p, (size_t)(all.p + all.n - in.p));
    }
    trailers = mr_chunked_trailers(&c);
    for (size_t i = 0; trailers && i < trailers->n; i++)
        o.trailers += 1 + trailers->v[i].name.n + trailers->v[i].value.n;
    o.status = rc == MR_CHUNKED_BAD ? c.status : 0;
    o.total = c.total;
    o.left = rc == MR_CHUNKED_BAD ? 0 : all.n;
    mr_arena_fini(&a);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str all = {(const char *)data, size};
    struct outcome whole = decode(all, size), bytes = decode(all, 1);

    MR_BUG_ON(whole.status != bytes.status || whole.total != bytes.total);
    MR_BUG_ON(whole.sum != bytes.sum || whole.left != bytes.left ||
              whole.trailers != bytes.trailers);
    return 0;
}
