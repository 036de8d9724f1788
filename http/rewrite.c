/* SPDX-License-Identifier: MIT */

/* rewrite.c - a request answered as if it had asked for another path. */
#include "http/rewrite.h"

#include <errno.h>

#include "http/expand.h"
#include "http/url.h"

/* The path of `to` as it would come out if all parameters were "x". */
static int try_path(struct mr_str to)
{
    struct mr_str path, query, part, name;
    struct mr_arena arena;
    const char *out = "";
    int err;

    mr_arena_init(&arena, 512);
    mr_url_split(to, &path, &query);
    while (out && mr_expand_next(&path, &part, &name))
        out = mr_arena_printf(&arena, "%s%.*s%s", out, MR_STR(part),
                              name.p ? "x" : "");
    err = out ? mr_url_decode_path(&arena, mr_str(out), &path) : -ENOMEM;
    mr_arena_fini(&arena);
    return err;
}

int mr_rewrite_check(struct mr_str pattern, struct mr_str to,
                     const char **ret_why)
{
    struct mr_str name;
    int err;

    for (size_t i = 0; i < to.n; i++) {
        if (to.p[i] > ' ' && to.p[i] < 0x7f && to.p[i] != '#')
            continue;
        *ret_why = "it has no spaces, control bytes, '#' or bytes above 0x7e: "
                   "write %XX";
        return -EINVAL;
    }
    if (!mr_expand_check(to, pattern, &name)) {
        *ret_why = "the pattern has no parameter of that name: write it there "
                   "as \":name\" or \"*name\"";
        return -EINVAL;
    }
    err = try_path(to);
    if (err == -EINVAL)
        *ret_why = "it begins with '/' and has no broken escape, %00 or %2F";
    return err;
}

int mr_rewrite(const struct mr_router *rules, struct mr_arena *arena,
               enum mr_method method, struct mr_str *path, struct mr_str *query)
{
    struct mr_str to, own;
    struct mr_route_match m;
    const char *joined;
    int err;

    if (mr_router_match(rules, method, *path, &m) != MR_ROUTE_FOUND)
        return 0;
    err = mr_expand_params(arena, mr_str(m.route->target), m.route, *path, &to);
    if (err)
        return err;
    mr_url_split(to, &to, &own);
    err = mr_url_decode_path(arena, to, path);
    if (err || own.n == 0)
        return err;
    if (query->n == 0) {
        *query = own;
        return 0;
    }
    joined = mr_arena_printf(arena, "%.*s&%.*s", MR_STR(own), MR_STR(*query));
    *query = mr_str(joined);
    return joined ? 0 : -ENOMEM;
}
