/* SPDX-License-Identifier: MIT */
/* fuzz_negotiate.c - any bytes as Accept and Accept-Encoding: each coding comes
 * once at most, identity always. */
#include "http/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/html", "application/json"};
    struct mr_str value = mr_str_n((const char *)data, size);
    struct mr_field fields[] = {
        {{"accept", 6}, value},
        {{"accept-encoding", 15}, value},
    };
    const struct mr_headers h = {.v = fields, .n = 2, .cap = 2};
    enum mr_coding order[MR_CODINGS];
    size_t n = mr_negotiate_codings(&h, order);
    unsigned seen = 0;

    MR_BUG_ON(n == 0 || n > MR_CODINGS);
    for (size_t i = 0; i < n; i++) {
        MR_BUG_ON(seen & 1u << order[i]);
        seen |= 1u << order[i];
    }
    MR_BUG_ON(!(seen & 1u << MR_CODING_IDENTITY));
    MR_BUG_ON(mr_negotiate_type(&h, types, 2) > 1);
    return 0;
}
