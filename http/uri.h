/* SPDX-License-Identifier: MIT */
#ifndef HTTP_URI_H
#define HTTP_URI_H

/*
 * uri.h - http and https URIs, whole: taken apart, made clean, resolved.
 *
 *     rc = mr_uri_parse(&arena, mr_str("http://Example.com:80/a b"), &u, &why);
 *     u.host          "example.com"
 *     u.authority     "example.com"             what Host says
 *     u.target        "/a%20b"                  what the request line says
 *     u.text          "http://example.com/a%20b"
 *     rc = mr_uri_resolve(&arena, &u, mr_str("../c?d"), &next, &why);
 *
 * What is one thing for all is written in one way: the host in lower case, and
 * of other scripts as xn--... (http/idn.h), an IPv6 address as RFC 5952 has it,
 * no default port, no dot segments ("%2e" is a dot too), an empty path as "/".
 * What users paste and servers put into
 * Location is taken as browsers do: bytes in path, query and fragment that no
 * URI may have (space, "<>\^`{|} and what is not ASCII) are written as %XX; a
 * '%' that begins no escape stays. What readers differ about is refused: two
 * '@', a '\' or a '%' in the host, addresses that are not written in full.
 *
 * Not here: the targets that a server is sent (http/url.h). No I/O.
 */
#include "http/url.h"

/* Views are into the arena that it was made in. Absent parts have p NULL. */
struct mr_uri {
    bool https;
    bool is_address;         /* the host is an IPv4 or IPv6 address */
    uint16_t port;           /* 80 or 443 unless said */
    struct mr_str scheme;    /* "http" or "https" */
    struct mr_str user;      /* decoded; without ':' and control bytes */
    struct mr_str password;  /* decoded; absent without ':' */
    struct mr_str host;      /* without brackets; of names, a dot may be last */
    struct mr_str authority; /* host, in brackets where it needs them, and :port
                              * unless it is the scheme's */
    struct mr_str path;      /* encoded; begins with '/' */
    struct mr_str query;     /* encoded; absent without '?' */
    struct mr_str target;    /* path and query: the origin form */
    struct mr_str fragment;  /* encoded; absent without '#'; never sent */
    struct mr_str text;      /* all of it but user, password and fragment: fit
                              * to be shown, logged, compared */
};

/* Of a host's name: RFC 1035 3.1, as text without the last dot. */
#define MR_URI_HOST_MAX 253

/*
 * An absolute http or https URI; spaces and tabs around it are cut off. text
 * need not stay.
 *
 * 0. -EINVAL: it is none, *ret_reason says why in some static words, fit to
 * stand behind "URL: ". -EPROTONOSUPPORT: of another scheme, likewise.
 * -ENOMEM, likewise. ret_reason may be NULL. *ret is only written for 0.
 */
MR_API MR_MUST_USE int mr_uri_parse(struct mr_arena *arena, struct mr_str text,
                                    struct mr_uri *ret,
                                    const char **ret_reason);

/* The same; but what has no scheme, "example.com/x", "localhost:8080", is taken
 * for http. */
MR_API MR_MUST_USE int mr_uri_guess(struct mr_arena *arena, struct mr_str text,
                                    struct mr_uri *ret,
                                    const char **ret_reason);

/*
 * What reference means where base was asked for (RFC 3986 5.2.2, strictly). As
 * the RFC has it, user and password of base stay where the reference names no
 * authority, and its fragment never does. Results as of mr_uri_parse; *ret may
 * be base; base's arena need not stay.
 */
MR_API MR_MUST_USE int mr_uri_resolve(struct mr_arena *arena,
                                      const struct mr_uri *base,
                                      struct mr_str reference,
                                      struct mr_uri *ret,
                                      const char **ret_reason);

/* Scheme, host and port are the same (RFC 6454 4). */
MR_API bool mr_uri_same_origin(const struct mr_uri *a, const struct mr_uri *b);

#endif
