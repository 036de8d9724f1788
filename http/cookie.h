/* SPDX-License-Identifier: MIT */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

/*
 * cookie.h - cookies: those that a request carries, and those that an answer
 * sets (RFC 6265).
 *
 *     struct mr_str id = mr_request_cookie(req, "id");
 *     if (!id.p)
 *         err = mr_response_cookie(res, &(struct mr_cookie){
 *             .name = mr_str("id"), .value = mr_str(fresh),
 *             .path = mr_str("/"), .max_age = 3600, .secure = true,
 *             .http_only = true, .same_site = MR_SAME_SITE_LAX});
 *
 * Nothing here is signed or encrypted: what a client sends back is what it
 * likes. No I/O, no clock, no memory.
 */
#include "http/headers.h"

enum mr_same_site {
    MR_SAME_SITE_UNSAID, /* browsers take Lax */
    MR_SAME_SITE_STRICT,
    MR_SAME_SITE_LAX,
    MR_SAME_SITE_NONE, /* must be secure */
};

struct mr_cookie {
    struct mr_str name;   /* a token */
    struct mr_str value;  /* no spaces, quotes, commas, semicolons, backslashes,
                           * control bytes, nor bytes above 0x7e; encode those */
    struct mr_str path;   /* begins with '/'; empty: the request's directory */
    struct mr_str domain; /* empty: this host only, without its subdomains */
    int64_t max_age; /* seconds; 0: until the browser is closed; below: delete
                      * it (name, path and domain as they were set) */
    enum mr_same_site same_site;
    bool secure;      /* over TLS only */
    bool http_only;   /* not for scripts */
    bool partitioned; /* one for each top-level site; must be secure */
};

/*
 * Walk a Cookie field's value: cut the first pair off *rest. Views; a value
 * that is in quotes comes without them. Parts without '=' or without a name
 * are skipped. False, and nothing written to the outputs, at the end.
 */
MR_API bool mr_cookie_next(struct mr_str *rest, struct mr_str *ret_name,
                           struct mr_str *ret_value);
/* The first cookie of that name (case counts) in all Cookie fields: browsers
 * send the one with the longest path first. p is NULL when there is none. */
MR_API struct mr_str mr_cookie_find(const struct mr_headers *h,
                                    const char *name);

/*
 * A Set-Cookie field's value into buf, not NUL-terminated: its length; -EINVAL:
 * a part is not of the form above, or browsers would drop the cookie: SameSite
 * None or Partitioned without Secure, a __Secure- or __Host- name without what
 * that promises, name and value above 4096 bytes; -ENOBUFS: size is too small
 * (MR_COOKIE_MAX is enough).
 */
MR_API MR_MUST_USE ssize_t mr_cookie_format(const struct mr_cookie *c,
                                            char *buf, size_t size);
/* 4096 of name and value, 1024 each of path and domain, and the words. */
#define MR_COOKIE_MAX (4096 + 2 * 1024 + 128)

#endif
