/* SPDX-License-Identifier: MIT */

/*
 * conditional.c - preconditions (http/conditional.h). Pure: no clock, no I/O.
 */
#include "http/conditional.h"

#include <string.h>

#include "http/date.h"

static struct mr_str skip(struct mr_str s, size_t n)
{
    return mr_str_n(s.p + n, s.n - n);
}

/* RFC 9110 8.8.3. In an entity tag a backslash is a byte like others, so it is
 * no quoted string, and no list field of headers.h. */
static bool is_etag_byte(char c)
{
    unsigned char u = (unsigned char)c;

    return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

bool mr_etag_next(struct mr_str *list, struct mr_str *ret_opaque,
                  bool *ret_weak)
{
    struct mr_str s = *list;
    size_t n = 1;
    bool weak;

    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == ','))
        s = skip(s, 1);
    weak = mr_str_starts(s, "W/");
    if (weak)
        s = skip(s, 2);
    if (s.n < 2 || s.p[0] != '"')
        return false;
    while (n < s.n && is_etag_byte(s.p[n]))
        n++;
    if (n == s.n || s.p[n] != '"')
        return false;
    *ret_opaque = mr_str_n(s.p, n + 1);
    *ret_weak = weak;
    s = mr_str_trim(skip(s, n + 1));
    *list = s;
    return s.n == 0 || s.p[0] == ',';
}

/* Most requests have none; one look tells. */
static bool has_any(const struct mr_headers *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        struct mr_str name = h->v[i].name;

        if (name.n >= sizeof "if-match" - 1 && (name.p[0] | 0x20) == 'i' &&
            name.p[2] == '-')
            return true;
    }
    return false;
}

/* Does a field of that name list our tag, or "*"? */
static bool matches(const struct mr_headers *h, const char *name,
                    struct mr_str etag, bool strongly)
{
    bool ours_weak = mr_str_starts(etag, "W/");
    struct mr_str ours = ours_weak ? skip(etag, 2) : etag;

    for (ssize_t i = mr_headers_find(h, name, 0); i >= 0;
         i = mr_headers_find(h, name, (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, tag;
        bool weak;

        if (mr_str_is(list, "*"))
            return true;
        while (ours.n > 0 && mr_etag_next(&list, &tag, &weak)) {
            if (mr_str_eq(tag, ours) && !(strongly && (weak || ours_weak)))
                return true;
        }
    }
    return false;
}

/* The one date of that name, if it is one. */
static bool one_date(const struct mr_headers *h, const char *name, int64_t now,
                     int64_t *ret)
{
    return mr_headers_count(h, name) == 1 &&
           mr_date_parse(mr_headers_get(h, name), now, ret) == 0;
}

int mr_conditional(const struct mr_headers *h, enum mr_method method,
                   const struct mr_validators *v, int64_t now)
{
    bool reads = method == MR_METHOD_GET || method == MR_METHOD_HEAD;
    bool dated = v->modified != MR_NO_DATE;
    int64_t t;

    if (!has_any(h))
        return 0;
    if (mr_headers_find(h, "if-match", 0) >= 0) {
        if (!matches(h, "if-match", v->etag, true))
            return MR_STATUS_PRECONDITION_FAILED;
    } else if (dated && one_date(h, "if-unmodified-since", now, &t)) {
        if (v->modified > t)
            return MR_STATUS_PRECONDITION_FAILED;
    }
    if (mr_headers_find(h, "if-none-match", 0) >= 0) {
        if (!matches(h, "if-none-match", v->etag, false))
            return 0;
        return reads ? MR_STATUS_NOT_MODIFIED : MR_STATUS_PRECONDITION_FAILED;
    }
    if (reads && dated && one_date(h, "if-modified-since", now, &t) &&
        v->modified <= t)
        return MR_STATUS_NOT_MODIFIED;
    return 0;
}
