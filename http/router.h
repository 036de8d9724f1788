/* SPDX-License-Identifier: MIT */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

/*
 * router.h - method and path to a route.
 *
 *     mr_router_add(&r, mr_str("POST /echo"), echo_route, &why);
 *     mr_router_match(&r, MR_METHOD_POST, path, &m);
 *
 * A pattern is "[METHOD] /path". It matches whole segments as a prefix: "/echo"
 * takes "/echo" and "/echo/x", not "/echoes"; "/" takes all. The longest that
 * matches the path decides; among several of those paths one with the request's
 * method comes before one without a method. When all have other methods the
 * answer is 405 with what is allowed. A route for GET takes HEAD too.
 *
 * Segments may be parameters: "/users/:id" takes "/users/7"; with "*path"
 * behind
 * "/files/" it is "/files", "/files/a" and "/files/a/b" that are taken. ":id"
 * is one segment that is not empty; "*path", the last one, is all that follows,
 * without the '/' in front, perhaps nothing. A pattern with parameters takes
 * whole paths only, but for what its "*path" takes (and a '/' at the end is
 * nothing). At the first segment where two patterns differ, a word comes before
 * a parameter, and that before "*path" and before the end of a prefix. Paths
 * are decoded and free of dot segments (http/url.h).
 */
#include "http/status.h"

struct mr_route {
    struct mr_str path;    /* without a '/' at its end, but for "/" */
    enum mr_method method; /* MR_METHOD_NONE: any */
    bool has_params;
    bool joins;   /* takes the same paths as the one before it */
    void *target; /* the adder's */
};

struct mr_router {
    struct mr_route *v; /* as they are tried; with a method before without */
    size_t n;
    size_t cap;
};

enum mr_route_result {
    MR_ROUTE_FOUND,
    MR_ROUTE_NOT_FOUND,
    MR_ROUTE_NOT_ALLOWED,
};

struct mr_route_match {
    const struct mr_route *route; /* FOUND */
    size_t used;                  /* FOUND: so many bytes of the path are its */
    struct mr_str rest; /* FOUND: what follows its path; "/" at least */
    uint64_t allowed;   /* NOT_ALLOWED: a set of 1 << method */
};

static inline void mr_router_init(struct mr_router *r)
{
    *r = (struct mr_router){0};
}
void mr_router_fini(struct mr_router *r);

/*
 * The pattern's bytes are kept. 0; -EINVAL: not of the form above, *ret_why
 * says what is wrong (static); -EEXIST: method and path are there already;
 * -ENOMEM.
 */
MR_MUST_USE int mr_router_add(struct mr_router *r, struct mr_str pattern,
                              void *target, const char **ret_why);
enum mr_route_result mr_router_match(const struct mr_router *r,
                                     enum mr_method method, struct mr_str path,
                                     struct mr_route_match *ret);
/* What follows them. */
static inline struct mr_str mr_route_rest(struct mr_str path, size_t used)
{
    return used == path.n ? mr_str("/")
                          : mr_str_n(path.p + used, path.n - used);
}
/* The value of a parameter, in a path that the route takes; p is NULL when it
 * has none of that name. */
struct mr_str mr_route_param(const struct mr_route *route, struct mr_str path,
                             const char *name);
/* "GET, HEAD, POST" of a set into buf; its length. size >= 256 is enough. */
size_t mr_router_allow(uint64_t methods, char *buf, size_t size);

#endif
