/* SPDX-License-Identifier: MIT */

/*
 * router.c - method and path to a route: a sorted array, first match wins.
 *
 * Longest path first, so the first whose path matches decides the path; those
 * of the same path stand together, the ones with a method in front. A server
 * has dozens of routes, and comparing a dozen prefixes costs less than one
 * cache miss of a cleverer structure.
 */
#include "http/router.h"

#include <errno.h>
#include <string.h>

#include "core/sys.h"

void mr_router_fini(struct mr_router *r)
{
    mr_free(r->v);
    mr_router_init(r);
}

static int parse(struct mr_str pattern, struct mr_route *ret,
                 const char **ret_why)
{
    ssize_t space = mr_str_find(pattern, ' ');

    ret->method = MR_METHOD_NONE;
    if (space >= 0) {
        struct mr_str method = mr_str_n(pattern.p, (size_t)space);

        ret->method = mr_method_find(method);
        if (ret->method == MR_METHOD_NONE) {
            *ret_why = "unknown method (write it in capitals, as in "
                       "\"POST /path\")";
            return -EINVAL;
        }
        pattern =
            mr_str_trim(mr_str_n(pattern.p + space, pattern.n - (size_t)space));
    }
    if (pattern.n == 0 || pattern.p[0] != '/') {
        *ret_why = "a pattern is \"/path\" or \"METHOD /path\"";
        return -EINVAL;
    }
    if (memmem(pattern.p, pattern.n, "//", 2) ||
        mr_str_find(pattern, '?') >= 0 || mr_str_find(pattern, ' ') >= 0) {
        *ret_why = "a pattern's path has no query, no spaces and no empty "
                   "segments";
        return -EINVAL;
    }
    if (pattern.n > 1 && pattern.p[pattern.n - 1] == '/')
        pattern.n--;
    ret->path = pattern;
    return 0;
}

static bool comes_before(const struct mr_route *a, const struct mr_route *b)
{
    if (a->path.n != b->path.n)
        return a->path.n > b->path.n;
    if (!mr_str_eq(a->path, b->path))
        return mr_str_cmp(a->path, b->path) < 0;
    return a->method != MR_METHOD_NONE && b->method == MR_METHOD_NONE;
}

int mr_router_add(struct mr_router *r, struct mr_str pattern, void *target,
                  const char **ret_why)
{
    struct mr_route route = {.target = target};
    size_t at = 0;
    int err = parse(pattern, &route, ret_why);

    if (err)
        return err;
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].method == route.method &&
            mr_str_eq(r->v[i].path, route.path))
            return -EEXIST;
    }
    if (r->n == r->cap) {
        size_t cap = MR_MAX(r->cap * 2, 8);
        struct mr_route *v = mr_realloc(r->v, cap * sizeof *v);

        if (!v)
            return -ENOMEM;
        r->v = v;
        r->cap = cap;
    }
    while (at < r->n && comes_before(&r->v[at], &route))
        at++;
    memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof *r->v);
    r->v[at] = route;
    r->n++;
    return 0;
}

static bool path_matches(const struct mr_route *r, struct mr_str path)
{
    if (r->path.n == 1)
        return true;
    return path.n >= r->path.n && memcmp(path.p, r->path.p, r->path.n) == 0 &&
           (path.n == r->path.n || path.p[r->path.n] == '/');
}

static bool method_matches(const struct mr_route *r, enum mr_method method)
{
    return r->method == MR_METHOD_NONE || r->method == method ||
           (r->method == MR_METHOD_GET && method == MR_METHOD_HEAD);
}

static struct mr_str rest_of(const struct mr_route *r, struct mr_str path)
{
    size_t used = r->path.n == 1 ? 0 : r->path.n;

    if (path.n == used)
        return mr_str("/");
    return mr_str_n(path.p + used, path.n - used);
}

enum mr_route_result mr_router_match(const struct mr_router *r,
                                     enum mr_method method, struct mr_str path,
                                     struct mr_route_match *ret)
{
    const struct mr_route *first = NULL;
    uint64_t allowed = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct mr_route *route = &r->v[i];

        if (first ? !mr_str_eq(route->path, first->path)
                  : !path_matches(route, path)) {
            if (first)
                break;
            continue;
        }
        first = route;
        if (method_matches(route, method)) {
            ret->route = route;
            ret->rest = rest_of(route, path);
            return MR_ROUTE_FOUND;
        }
        allowed |= UINT64_C(1) << route->method;
        if (route->method == MR_METHOD_GET)
            allowed |= UINT64_C(1) << MR_METHOD_HEAD;
    }
    if (!first)
        return MR_ROUTE_NOT_FOUND;
    ret->allowed = allowed;
    return MR_ROUTE_NOT_ALLOWED;
}

size_t mr_router_allow(uint64_t methods, char *buf, size_t size)
{
    size_t n = 0;

    for (int m = 1; m < MR_METHOD_COUNT; m++) {
        struct mr_str text = mr_method_text((enum mr_method)m);

        if (!(methods >> m & 1) || n + text.n + 2 > size)
            continue;
        if (n > 0) {
            memcpy(buf + n, ", ", 2);
            n += 2;
        }
        memcpy(buf + n, text.p, text.n);
        n += text.n;
    }
    return n;
}
