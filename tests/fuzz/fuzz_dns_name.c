/* SPDX-License-Identifier: MIT */
/* fuzz_dns_name.c - any bytes as a host: a name, an address, or neither. */
#include "io/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str text = {(const char *)data, size};
    struct mr_addr a, again;
    char shown[MR_ADDR_TEXT];
    bool literal = mr_dns_literal(text, &a) == 0;

    if (mr_dns_check(text) == NULL) {
        MR_BUG_ON(literal || size > 254);
        for (size_t i = 0; i < size; i++)
            MR_BUG_ON(data[i] <= ' ' || data[i] >= 0x7f || data[i] == '/');
    }
    if (literal && !(mr_addr_family(&a) == AF_INET6 && a.in6.sin6_scope_id)) {
        struct mr_str host = {shown, mr_addr_format(&a, shown, sizeof shown)};

        MR_BUG_ON(!mr_str_ends(host, ":0"));
        host.n -= 2; /* what it is called leads back to it */
        MR_BUG_ON(mr_dns_literal(host, &again) != 0);
        MR_BUG_ON(mr_addr_cmp(&a, &again) != 0);
    }
    return 0;
}
