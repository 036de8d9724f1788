/* SPDX-License-Identifier: MIT */
/* fuzz_range.c - any bytes as a Range; what comes of it lies inside, and no
 * part near another. The first byte chooses the size. */
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mr_ranges *r, uint64_t size)
{
    MR_BUG_ON(r->n == 0 || r->n > MR_RANGES_MAX);
    for (size_t i = 0; i < r->n; i++) {
        const struct mr_byte_range *a = &r->v[i];

        MR_BUG_ON(a->n == 0 || a->off >= size || a->n > size - a->off);
        for (size_t k = 0; k < r->n; k++) {
            const struct mr_byte_range *b = &r->v[k];

            MR_BUG_ON(k != i && a->off <= b->off &&
                      b->off - a->off <= a->n + MR_RANGE_GAP);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 5, 1000, 1 << 20, INT64_MAX};
    uint64_t of;
    struct mr_ranges r;
    int status;

    if (size == 0)
        return 0;
    of = sizes[data[0] % MR_ARRAY_LEN(sizes)];
    status =
        mr_ranges_parse(mr_str_n((const char *)data + 1, size - 1), of, &r);
    MR_BUG_ON(status != 200 && status != 206 && status != 416);
    if (status == 206)
        check(&r, of);
    return 0;
}
