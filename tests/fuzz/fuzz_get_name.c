/* SPDX-License-Identifier: MIT */

/* fuzz_get_name.c - any bytes as a Content-Disposition, a URL, and a line of an
 * input file: a name that comes of it is one that does no harm. */
#include "apps/get/list.h"
#include "apps/get/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *name, size_t n)
{
    char again[GET_NAME_SIZE];

    MR_BUG_ON(n == 0 || n > GET_NAME_MAX || strlen(name) != n);
    MR_BUG_ON(strchr(name, '/') || strchr(name, '\\'));
    MR_BUG_ON(name[0] == '.' || name[0] == '-' || name[n - 1] == '.');
    MR_BUG_ON(!mr_str_is_utf8(mr_str_n(name, n)));
    for (size_t i = 0; i < n; i++)
        MR_BUG_ON((unsigned char)name[i] < 0x20 || name[i] == 0x7f);
    /* Cleaning it again changes nothing. */
    MR_BUG_ON(get_name_clean(again, mr_str_n(name, n)) != n);
    MR_BUG_ON(memcmp(name, again, n) != 0);
    n = get_name_number(again, mr_str_n(name, n), 99999);
    MR_BUG_ON(n == 0 || n > GET_NAME_MAX || strlen(again) != n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str s = mr_str_n((const char *)data, size);
    char name[GET_NAME_SIZE];
    struct get_list_entry e;
    const char *reason;
    ssize_t n = get_name_of_disposition(name, s);

    if (n >= 0)
        check(name, (size_t)n);
    check(name, get_name_of_url(name, s));
    n = (ssize_t)get_name_clean(name, s);
    if (n > 0)
        check(name, (size_t)n);
    if (get_list_parse(s, &e, &reason) > 0)
        MR_BUG_ON(e.url.n < 8 || (e.name.p && e.name.n == 0));
    return 0;
}
