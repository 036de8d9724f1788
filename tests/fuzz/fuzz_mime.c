/* SPDX-License-Identifier: MIT */

/* fuzz_mime.c - any text as a file of types, and as a name to look up. */
#include "http/headers.h"
#include "http/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str text = mr_str_n((const char *)data, size);
    MR_AUTO(mime) m = NULL;
    unsigned line;

    if (mr_mime_new(&m))
        return 0;
    (void)!mr_mime_parse(m, text, &line);
    /* Whatever it says goes into a field. */
    if (!mr_field_value_is_valid(mr_mime_find(m, text)))
        __builtin_trap();
    return 0;
}
