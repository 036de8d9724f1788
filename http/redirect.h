/* SPDX-License-Identifier: MIT */
#ifndef HTTP_REDIRECT_H
#define HTTP_REDIRECT_H

/*
 * redirect.h - where a client goes on after a 3xx, and with what (RFC 9110
 * 15.4).
 *
 *     rc = mr_redirect_next(&arena, &from, head->status, location, &next,
 *                           &why);
 *     if (rc == 0)
 *         ... next.method to next.uri; fields without mr_redirect_drops
 *
 * No I/O, and no counting: how many are followed is the caller's.
 */
#include "http/uri.h"

/* The request that was answered. */
struct mr_redirect_from {
    const struct mr_uri *uri;
    struct mr_str method;
    bool allow_plain; /* from https to http, too */
};

struct mr_redirect {
    struct mr_uri
        uri; /* in the arena; with the old one's fragment, if it names none */
    struct mr_str method; /* the old one's view, or "GET" */
    bool keeps_body;      /* else it is sent without one */
    bool same_origin;     /* else mr_redirect_drops says more is left out,
                           * and user and password are none */
};

/* Is it a status that leads on: 301, 302, 303, 307, 308? */
MR_API bool mr_redirect_is(unsigned status);

/*
 * Where Location leads (p NULL: the answer has none). POST becomes GET by 301
 * and 302; by 303 all but HEAD do; else the method stays, and the body.
 *
 * 0. -ENOENT: nothing to follow; the answer is the last one. With words in
 * *ret_reason (static; NULL: not wanted): -EINVAL: Location is no URI, or
 * names a user, which a URI from elsewhere must not (RFC 9110 4.2.4);
 * -EPROTONOSUPPORT: another scheme; -EPERM: from https to http; -ENOMEM.
 */
MR_API MR_MUST_USE int mr_redirect_next(struct mr_arena *arena,
                                        const struct mr_redirect_from *from,
                                        unsigned status, struct mr_str location,
                                        struct mr_redirect *ret,
                                        const char **ret_reason);

/*
 * Is a field of the old request left out of the new one? Those that tell who
 * asks (Authorization, Proxy-Authorization, Cookie) and Host, beyond the
 * origin; those that describe a body that is not sent.
 */
MR_API bool mr_redirect_drops(const struct mr_redirect *r, struct mr_str name);

#endif
