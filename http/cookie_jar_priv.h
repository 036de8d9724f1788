/* SPDX-License-Identifier: MIT */
#ifndef HTTP_COOKIE_JAR_PRIV_H
#define HTTP_COOKIE_JAR_PRIV_H

/*
 * cookie_jar_priv.h - between cookie_jar.c (which cookies there are, and for
 * whom), cookie_set.c (what a Set-Cookie says) and cookie_file.c.
 */
#include "http/cookie_jar.h"

/* Of one that lasts as long as the jar, or the files it is saved in. */
#define MR_COOKIE_SESSION INT64_MAX

/* As it is handed in; views of anywhere. */
struct mr_cookie_said {
    struct mr_str name;   /* may be empty, if the value is not */
    struct mr_str value;  /* neither has a control byte */
    struct mr_str domain; /* lower case, no dot in front */
    struct mr_str path;   /* begins with '/' */
    int64_t expires;      /* seconds since 1970 */
    bool host_only, secure, http_only;
};

/* One that is kept. Views are into text. */
struct mr_cookie_kept {
    struct mr_cookie_kept *next; /* of the same domain */
    struct mr_cookie_said c;
    uint64_t made, used; /* by the jar's clock */
    char text[];
};

/* In the place of one of that name, domain, host_only and path; what has
 * expired only takes that away. 0 or -ENOMEM. */
MR_MUST_USE int mr_cookie_jar_put(struct mr_cookie_jar *jar,
                                  const struct mr_cookie_said *c, int64_t now);
/* Are the domain's hosts strangers to each other? */
bool mr_cookie_is_public(const struct mr_cookie_jar *jar, struct mr_str domain);
/* RFC 6265bis 4.1.3: a name (or, without one, a value) that promises what the
 * rest must keep. */
bool mr_cookie_keeps_promise(const struct mr_cookie_said *c);
/* Is there a Secure one that a cookie from http would hide (6265bis 5.7)? */
bool mr_cookie_jar_hides(const struct mr_cookie_jar *jar,
                         const struct mr_cookie_said *c, int64_t now);
/* All, in the order they were made: an array of ret_n for mr_free, NULL: out of
 * memory (or none, with 0). */
const struct mr_cookie_kept **mr_cookie_jar_all(const struct mr_cookie_jar *jar,
                                                size_t *ret_n);

#endif
