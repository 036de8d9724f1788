/* SPDX-License-Identifier: MIT */

/* fuzz_addr.c - any text as an address; what parses must survive its own text.
 */
#include "io/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_addr a, b;
    char text[MR_ADDR_TEXT];
    size_t n;

    if (mr_addr_parse(&a, mr_str_n((const char *)data, size)))
        return 0;
    n = mr_addr_format(&a, text, sizeof text);
    if (mr_addr_parse(&b, mr_str_n(text, n)) || mr_addr_cmp(&a, &b) != 0)
        __builtin_trap();
    return 0;
}
