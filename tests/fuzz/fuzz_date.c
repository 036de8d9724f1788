/* SPDX-License-Identifier: MIT */
/* fuzz_date.c - any bytes as a date; what is one comes back the same. */
#include "http/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[MR_DATE_LEN];
    int64_t t, back;

    if (mr_date_parse(mr_str_n((const char *)data, size), 1795305600, &t))
        return 0;
    mr_date_format(text, t);
    MR_BUG_ON(mr_date_parse(mr_str_n(text, MR_DATE_LEN), 0, &back) != 0);
    MR_BUG_ON(back != t);
    return 0;
}
