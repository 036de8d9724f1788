/* SPDX-License-Identifier: MIT */

/*
 * redirect.c - where a client goes on after a 3xx (http/redirect.h).
 */
#include "http/redirect.h"

#include <errno.h>

bool mr_redirect_is(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* RFC 9110 15.4.2 to 15.4.9. 301 and 302 turn POST into GET because all clients
 * came to do so; other methods they leave. */
static bool becomes_get(unsigned status, struct mr_str method)
{
    if (status == 303)
        return !mr_str_is(method, "HEAD") && !mr_str_is(method, "GET");
    return (status == 301 || status == 302) && mr_str_is(method, "POST");
}

static int refuse(int err, const char *why, const char **ret_reason)
{
    *ret_reason = why;
    return err;
}

/* from's part as the new one's, in the arena. An absent one stays absent. */
static int keep(struct mr_arena *arena, struct mr_str from, struct mr_str *ret,
                const char **ret_reason)
{
    *ret = from;
    if (!from.p)
        return 0;
    ret->p = mr_arena_dup(arena, from);
    return ret->p ? 0 : refuse(-ENOMEM, "out of memory", ret_reason);
}

int mr_redirect_next(struct mr_arena *arena,
                     const struct mr_redirect_from *from, unsigned status,
                     struct mr_str location, struct mr_redirect *ret,
                     const char **ret_reason)
{
    struct mr_redirect r = {.method = from->method, .keeps_body = true};
    struct mr_uri alone = *from->uri;
    const char *unasked;
    int err;

    ret_reason = ret_reason ? ret_reason : &unasked;
    *ret_reason = NULL;
    if (!mr_redirect_is(status) || !location.p)
        return -ENOENT;
    alone.user = alone.password = (struct mr_str){0};
    err = mr_uri_resolve(arena, &alone, location, &r.uri, ret_reason);
    if (err)
        return err;
    if (r.uri.user.p)
        return refuse(-EINVAL, "it names a user", ret_reason);
    if (from->uri->https && !r.uri.https && !from->allow_plain)
        return refuse(-EPERM, "it leads from https to http", ret_reason);
    r.same_origin = mr_uri_same_origin(from->uri, &r.uri);
    if (r.same_origin) {
        err = keep(arena, from->uri->user, &r.uri.user, ret_reason);
        if (!err)
            err = keep(arena, from->uri->password, &r.uri.password, ret_reason);
    }
    if (!err && !r.uri.fragment.p) /* RFC 9110 10.2.2 */
        err = keep(arena, from->uri->fragment, &r.uri.fragment, ret_reason);
    if (err)
        return err;
    if (becomes_get(status, r.method)) {
        r.method = mr_str("GET");
        r.keeps_body = false;
    }
    *ret = r;
    return 0;
}

static bool is_one_of(struct mr_str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mr_str_is_case(name, names[i]))
            return true;
    return false;
}

bool mr_redirect_drops(const struct mr_redirect *r, struct mr_str name)
{
    static const char *const whose[] = {"authorization", "proxy-authorization",
                                        "cookie", "cookie2", "host"};
    static const char *const body[] = {
        "content-encoding", "content-language",
        "content-location", "content-type",
        "content-length",   "content-disposition",
        "content-digest",   "repr-digest",
        "digest",           "content-md5",
        "last-modified",    "transfer-encoding",
        "trailer",          "expect"};

    if (!r->same_origin && is_one_of(name, whose, MR_ARRAY_LEN(whose)))
        return true;
    return !r->keeps_body && is_one_of(name, body, MR_ARRAY_LEN(body));
}
