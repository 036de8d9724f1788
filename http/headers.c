/* SPDX-License-Identifier: MIT */
/*
 * headers.c - field lists: lookup, list values, validity.
 *
 * A list is scanned from its start each time: it has some ten to thirty
 * entries, and most lookups fail on the length of the name. The fields that
 * the server itself needs of a request are found while it is parsed
 * (head_check.h), not here.
 */
#include "http/headers.h"

#include <errno.h>

#include "http/span.h"

const uint8_t mr_token_bytes[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['!'] = 1,
    ['#'] = 1,         ['$'] = 1,         ['%'] = 1,         ['&'] = 1,
    ['\''] = 1,        ['*'] = 1,         ['+'] = 1,         ['-'] = 1,
    ['.'] = 1,         ['^'] = 1,         ['_'] = 1,         ['`'] = 1,
    ['|'] = 1,         ['~'] = 1,
};

int mr_headers_add(struct mr_headers *h, struct mr_str name,
                   struct mr_str value)
{
    if (h->n == h->cap)
        return -ENOBUFS;
    h->v[h->n++] = (struct mr_field){name, value};
    return 0;
}

ssize_t mr_headers_find(const struct mr_headers *h, const char *name,
                        size_t from)
{
    struct mr_str wanted = mr_str(name);

    for (size_t i = from; i < h->n; i++)
        if (mr_str_eq_case(h->v[i].name, wanted))
            return (ssize_t)i;
    return -1;
}

struct mr_str mr_headers_get(const struct mr_headers *h, const char *name)
{
    ssize_t i = mr_headers_find(h, name, 0);

    return i < 0 ? mr_str_n(NULL, 0) : h->v[i].value;
}

size_t mr_headers_count(const struct mr_headers *h, const char *name)
{
    size_t count = 0;
    ssize_t i = mr_headers_find(h, name, 0);

    for (; i >= 0; i = mr_headers_find(h, name, (size_t)i + 1))
        count++;
    return count;
}

/* Where the first element of list ends: at a comma outside of quotes. */
static size_t element_len(struct mr_str list)
{
    bool quoted = false;

    for (size_t i = 0; i < list.n; i++) {
        char c = list.p[i];

        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && c == ',')
            return i;
    }
    return list.n;
}

bool mr_list_field_next(struct mr_str *list, struct mr_str *ret_element)
{
    while (list->n > 0) {
        size_t n = element_len(*list);
        size_t used = n < list->n ? n + 1 : n;
        struct mr_str element = mr_str_trim(mr_str_n(list->p, n));

        *list = mr_str_n(list->p + used, list->n - used);
        if (element.n > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

bool mr_headers_has_token(const struct mr_headers *h, const char *name,
                          const char *token)
{
    ssize_t i = mr_headers_find(h, name, 0);

    for (; i >= 0; i = mr_headers_find(h, name, (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, element;

        while (mr_list_field_next(&list, &element))
            if (mr_str_is_case(element, token))
                return true;
    }
    return false;
}

bool mr_token_is_valid(struct mr_str s)
{
    return s.n > 0 && mr_span_token(s.p, s.p + s.n) == s.p + s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

MR_HOT bool mr_field_value_is_valid(struct mr_str s)
{
    const char *p = s.p, *end;

    if (s.n == 0) /* p may be NULL */
        return true;
    end = p + s.n;
    if (is_blank(*p) || is_blank(end[-1]))
        return false;
    p = mr_span_value(p, s.n < 16 ? end : end - s.n % 16);
    /* What is left: the last 16 again, rather than byte by byte. */
    if (s.n > 16 && p == end - s.n % 16)
        p = mr_span_value(end - 16, end);
    return p == end;
}
