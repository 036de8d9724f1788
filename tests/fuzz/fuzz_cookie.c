/* SPDX-License-Identifier: MIT */
/* fuzz_cookie.c - any bytes as a Cookie field: pairs lie inside it, in order,
 * and without what separates them; the first of a name is the one that is
 * found; what may be set comes back as it was, and in a field. */
#include "http/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pair(struct mr_str all, struct mr_str name,
                       struct mr_str value, const char *from)
{
    MR_BUG_ON(name.n == 0 || name.p < from);
    MR_BUG_ON(value.p < name.p + name.n + 1);
    MR_BUG_ON(value.p + value.n > all.p + all.n);
    MR_BUG_ON(mr_str_find(name, '=') >= 0 || mr_str_find(name, ';') >= 0);
    MR_BUG_ON(mr_str_find(value, ';') >= 0);
    MR_BUG_ON(mr_str_trim(name).n != name.n);
}

static void check_found(struct mr_str all, struct mr_str name)
{
    struct mr_field f = {{"cookie", 6}, all};
    const struct mr_headers h = {.v = &f, .n = 1, .cap = 1};
    struct mr_str rest = all, n, value = {0}, got;
    char z[256];

    if (name.n >= sizeof z || memchr(name.p, '\0', name.n))
        return;
    memcpy(z, name.p, name.n);
    z[name.n] = '\0';
    got = mr_cookie_find(&h, z);
    while (mr_cookie_next(&rest, &n, &value) && !mr_str_eq(n, name))
        ;
    MR_BUG_ON(!got.p || got.p != value.p || got.n != value.n);
}

static void set(struct mr_str name, struct mr_str value, unsigned how)
{
    static char buf[MR_COOKIE_MAX];
    const struct mr_cookie c = {.name = name,
                                .value = value,
                                .path = how & 1 ? mr_str("/") : mr_str(""),
                                .domain = how & 2 ? value : mr_str(""),
                                .secure = how & 4,
                                .max_age = (int64_t)how - 8};
    ssize_t n = mr_cookie_format(&c, buf, sizeof buf);
    struct mr_str again, back;

    if (n < 0)
        return;
    again = mr_str_n(buf, (size_t)n);
    MR_BUG_ON(!mr_field_value_is_valid(again));
    MR_BUG_ON(mr_cookie_format(&c, buf, (size_t)n - 1) >= 0);
    MR_BUG_ON(mr_cookie_format(&c, buf, (size_t)n) != n);
    MR_BUG_ON(!mr_cookie_next(&again, &back, &again));
    MR_BUG_ON(!mr_str_eq(back, name) || !mr_str_eq(again, value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str all = {(const char *)data + 1, size - 1}, rest, name, value;
    const char *from = all.p;

    if (size == 0)
        return 0;
    rest = all;
    while (mr_cookie_next(&rest, &name, &value)) {
        check_pair(all, name, value, from);
        from = value.p + value.n;
        check_found(all, name);
        set(name, value, data[0] & 15);
    }
    return 0;
}
