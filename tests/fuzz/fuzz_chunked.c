/* SPDX-License-Identifier: MIT */
/* fuzz_chunked.c - any bytes as a chunked body, whole and byte by byte. */
#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_chunked c[2];

    for (int i = 0; i < 2; i++) {
        struct mr_str all = {(const char *)data, size}, out;
        enum mr_chunked_result rc = MR_CHUNKED_MORE;
        struct mr_arena a;

        mr_arena_init(&a, 256);
        mr_chunked_init(&c[i], &a);
        while (all.n > 0 && rc <= MR_CHUNKED_DATA) {
            struct mr_str in = {all.p, i == 0 ? all.n : 1};

            rc = mr_chunked_decode(&c[i], &in, &out);
            all = mr_str_n(in.p, (size_t)(all.p + all.n - in.p));
        }
        mr_arena_fini(&a);
    }
    MR_BUG_ON(c[0].status != c[1].status || c[0].total != c[1].total);
    return 0;
}
