/* SPDX-License-Identifier: MIT */
/* fuzz_cookie.c - any bytes as a Cookie field; what may be set comes back. */
#include "http/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buf[MR_COOKIE_MAX];
    struct mr_str rest = {(const char *)data, size}, name, value, again, back;
    ssize_t n;

    while (mr_cookie_next(&rest, &name, &value)) {
        n = mr_cookie_format(&(struct mr_cookie){.name = name, .value = value},
                             buf, sizeof buf);
        if (n < 0)
            continue;
        again = mr_str_n(buf, (size_t)n);
        MR_BUG_ON(!mr_field_value_is_valid(again));
        MR_BUG_ON(!mr_cookie_next(&again, &back, &again));
        MR_BUG_ON(!mr_str_eq(back, name) || !mr_str_eq(again, value));
    }
    return 0;
}
