/* SPDX-License-Identifier: MIT */
/* fuzz_multipart.c - any bytes as a form with files, whole and in pieces: the
 * data is the same. The first byte says how long the pieces are. */
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t walk(struct mr_str in, size_t step)
{
    enum mr_multipart_event e = MR_MULTIPART_MORE;
    struct mr_str type = mr_str("multipart/form-data; boundary=ab"), data;
    struct mr_multipart m;
    struct mr_arena a;
    uint64_t sum = 0;

    mr_arena_init(&a, 1024);
    MR_BUG_ON(mr_multipart_init(&m, &a, type, 8, 256) != 0);
    for (size_t at = 0; at < in.n && e != MR_MULTIPART_BAD; at += step) {
        struct mr_str piece = {in.p + at, MR_MIN(step, in.n - at)};

        while ((e = mr_multipart_next(&m, &piece, &data)) !=
               MR_MULTIPART_MORE) {
            if (e == MR_MULTIPART_BAD || e == MR_MULTIPART_MANY)
                break;
            if (e != MR_MULTIPART_DATA)
                sum = sum * 31 + (uint64_t)e + 1000;
            for (size_t i = 0; e == MR_MULTIPART_DATA && i < data.n; i++)
                sum = sum * 31 + (unsigned char)data.p[i];
        }
    }
    mr_arena_fini(&a);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct mr_str in = {(const char *)data + 1, size - 1};

    MR_BUG_ON(walk(in, in.n) != walk(in, 1 + data[0] % 16));
    return 0;
}
