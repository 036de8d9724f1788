/* SPDX-License-Identifier: MIT */

/*
 * router.c - method and path to a route: a sorted array, first match wins.
 *
 * Sorted by segments, a word before a parameter before what takes anything: so
 * the longest comes first, and the first whose path matches decides. Those of
 * the same paths stand together (`joins`), the ones with a method in front. A
 * server has dozens of routes, and comparing a dozen prefixes costs less than
 * one cache miss of a cleverer structure.
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

/* --- segments --- */

enum kind {
    WORD,
    PARAM,
    END,  /* of a pattern for whole paths */
    REST, /* "*name", or the end of a prefix */
};

/* Cut "/segment" off *rest. False at its end. */
static bool next_segment(struct mr_str *rest, struct mr_str *ret)
{
    const char *end;

    if (rest->n <= 1) /* "" or "/" */
        return false;
    end = memchr(rest->p + 1, '/', rest->n - 1);
    ret->p = rest->p + 1;
    ret->n = end ? (size_t)(end - ret->p) : rest->n - 1;
    *rest = mr_str_n(ret->p + ret->n, rest->n - 1 - ret->n);
    return true;
}

static enum kind next_kind(const struct mr_route *r, struct mr_str *rest,
                           struct mr_str *ret)
{
    if (!next_segment(rest, ret))
        return r->has_params ? END : REST;
    if (ret->n > 0 && ret->p[0] == ':')
        return PARAM;
    return ret->n > 0 && ret->p[0] == '*' ? REST : WORD;
}

/* Below 0: a is tried first; 0: they take the same paths. */
static int compare(const struct mr_route *a, const struct mr_route *b)
{
    struct mr_str rest_a = a->path, rest_b = b->path, x, y;

    for (;;) {
        enum kind ka = next_kind(a, &rest_a, &x),
                  kb = next_kind(b, &rest_b, &y);

        if (ka != kb)
            return (int)ka - (int)kb;
        if (ka == END || ka == REST)
            return 0;
        if (ka == WORD && !mr_str_eq(x, y))
            return mr_str_cmp(x, y);
    }
}

/* --- adding --- */

static bool is_name(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return s.n > 0;
}

/* Are the parameters, if there are any, named, each otherwise, and a "*name"
 * the last? NULL, or what is wrong. */
static const char *check_params(struct mr_route *r)
{
    struct mr_str rest = r->path, seg, other;
    bool ended = false;

    r->has_params = false;
    while (next_segment(&rest, &seg)) {
        struct mr_str later = rest;

        if (ended)
            return "nothing can follow a \"*name\"";
        if (seg.n == 0 || (seg.p[0] != ':' && seg.p[0] != '*'))
            continue;
        if (!is_name(mr_str_n(seg.p + 1, seg.n - 1)))
            return "a parameter is \":name\" or \"*name\", of letters, digits "
                   "and '_'";
        r->has_params = true;
        ended = seg.p[0] == '*';
        while (next_segment(&later, &other)) {
            if (other.n == seg.n && (other.p[0] == ':' || other.p[0] == '*') &&
                memcmp(other.p + 1, seg.p + 1, seg.n - 1) == 0)
                return "two parameters have the same name";
        }
    }
    return NULL;
}

static int parse(struct mr_str pattern, struct mr_route *ret,
                 const char **ret_why)
{
    ssize_t space = mr_str_find(pattern, ' ');
    const char *why;

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
    why = check_params(ret);
    if (!why)
        return 0;
    *ret_why = why;
    return -EINVAL;
}

static bool comes_before(const struct mr_route *a, const struct mr_route *b)
{
    int order = compare(a, b);

    if (order != 0)
        return order < 0;
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
        if (r->v[i].method == route.method && compare(&r->v[i], &route) == 0)
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
    for (size_t i = 1; i < r->n; i++)
        r->v[i].joins = compare(&r->v[i - 1], &r->v[i]) == 0;
    return 0;
}

/* --- matching --- */

/* How many bytes of the path the pattern takes, or -1. */
static ssize_t take_segments(const struct mr_route *r, struct mr_str path)
{
    struct mr_str pattern = r->path, rest = path, want, got;

    for (;;) {
        switch (next_kind(r, &pattern, &want)) {
        case END:
            return rest.n == 0 || (rest.n == 1 && rest.p[0] == '/')
                       ? (ssize_t)(path.n - rest.n)
                       : -1;
        case REST:
            return (ssize_t)(path.n - rest.n);
        case PARAM:
            if (!next_segment(&rest, &got) || got.n == 0)
                return -1;
            break;
        case WORD:
            if (!next_segment(&rest, &got) || !mr_str_eq(want, got))
                return -1;
            break;
        }
    }
}

/* The same for either sort of pattern. */
static ssize_t take(const struct mr_route *r, struct mr_str path)
{
    if (MR_UNLIKELY(r->has_params))
        return take_segments(r, path);
    if (r->path.n == 1)
        return 0;
    if (path.n < r->path.n || memcmp(path.p, r->path.p, r->path.n) != 0)
        return -1;
    if (path.n > r->path.n && path.p[r->path.n] != '/')
        return -1;
    return (ssize_t)r->path.n;
}

struct mr_str mr_route_param(const struct mr_route *route, struct mr_str path,
                             const char *name)
{
    struct mr_str pattern = route->path, rest = path, want, got;

    while (next_segment(&pattern, &want)) {
        bool all = want.n > 0 && want.p[0] == '*';

        if (all)
            got = mr_str_n(rest.p + (rest.n > 0), rest.n - (rest.n > 0));
        else if (!next_segment(&rest, &got))
            break;
        if ((all || (want.n > 0 && want.p[0] == ':')) &&
            mr_str_is(mr_str_n(want.p + 1, want.n - 1), name))
            return got;
    }
    return (struct mr_str){0};
}

static bool method_matches(const struct mr_route *r, enum mr_method method)
{
    return r->method == MR_METHOD_NONE || r->method == method ||
           (r->method == MR_METHOD_GET && method == MR_METHOD_HEAD);
}

/* By length and by the first byte behind the slash, in which most differ. */
static inline bool cannot_take(const struct mr_route *r, struct mr_str path)
{
    return !r->has_params && r->path.n > 1 &&
           (path.n < r->path.n || path.p[1] != r->path.p[1]);
}

MR_HOT enum mr_route_result mr_router_match(const struct mr_router *r,
                                            enum mr_method method,
                                            struct mr_str path,
                                            struct mr_route_match *ret)
{
    const struct mr_route *first = NULL;
    uint64_t allowed = 0;
    ssize_t used = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct mr_route *route = &r->v[i];

        if (!first) {
            if (cannot_take(route, path))
                continue;
            used = take(route, path);
            if (used < 0)
                continue;
            first = route;
        } else if (!route->joins) {
            break;
        }
        if (method_matches(route, method)) {
            ret->route = route;
            ret->used = (size_t)used;
            ret->rest = mr_route_rest(path, ret->used);
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
