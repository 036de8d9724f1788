/* SPDX-License-Identifier: MIT */

/* expand.c - texts with {name} in them. */
#include "http/expand.h"

#include <errno.h>

#include "http/url.h"

bool mr_expand_next(struct mr_str *rest, struct mr_str *ret_text,
                    struct mr_str *ret_name)
{
    ssize_t open, close;

    if (rest->n == 0)
        return false;
    open = mr_str_find(*rest, '{');
    close = open < 0
                ? -1
                : mr_str_find(mr_str_n(rest->p + open, rest->n - (size_t)open),
                              '}');
    close += close < 0 ? 0 : open;
    *ret_name = (struct mr_str){0};
    *ret_text = *rest;
    if (close < 0) {
        rest->n = 0;
        return true;
    }
    ret_text->n = (size_t)open;
    *ret_name = mr_str_n(rest->p + open + 1, (size_t)(close - open - 1));
    *rest = mr_str_n(rest->p + close + 1, rest->n - (size_t)close - 1);
    return true;
}

static bool has_param(struct mr_str pattern, struct mr_str name)
{
    struct mr_str rest = pattern, segment;

    while (mr_str_split(&rest, '/', &segment)) {
        if (segment.n == name.n + 1 &&
            (segment.p[0] == ':' || segment.p[0] == '*') &&
            memcmp(segment.p + 1, name.p, name.n) == 0)
            return true;
    }
    return false;
}

bool mr_expand_check(struct mr_str text, struct mr_str pattern,
                     struct mr_str *ret_name)
{
    struct mr_str part, name;

    while (mr_expand_next(&text, &part, &name)) {
        if (!name.p || has_param(pattern, name))
            continue;
        *ret_name = name;
        return false;
    }
    return true;
}

int mr_expand_params(struct mr_arena *arena, struct mr_str text,
                     const struct mr_route *route, struct mr_str path,
                     struct mr_str *ret)
{
    const char *out = "", *z;
    struct mr_str part, name;

    while (out && mr_expand_next(&text, &part, &name)) {
        struct mr_str value = mr_str("");

        if (name.p) {
            z = mr_arena_dup(arena, name);
            if (!z)
                return -ENOMEM;
            value = mr_route_param(route, path, z);
            if (mr_url_encode_path(arena, value, &value))
                return -ENOMEM;
        }
        out = mr_arena_printf(arena, "%s%.*s%.*s", out, MR_STR(part),
                              MR_STR(value));
    }
    *ret = mr_str(out);
    return out ? 0 : -ENOMEM;
}
