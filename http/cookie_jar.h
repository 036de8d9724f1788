/* SPDX-License-Identifier: MIT */
#ifndef HTTP_COOKIE_JAR_H
#define HTTP_COOKIE_JAR_H

/*
 * cookie_jar.h - a client's cookies: taken from answers, sent with requests,
 * kept in files (RFC 6265, and what its revision asks of browsers, 6265bis).
 *
 *     rc = mr_cookie_jar_new(&jar);
 *     rc = mr_cookie_jar_set(jar, &uri, set_cookie_value, now);
 *     rc = mr_cookie_jar_get(jar, &uri, now, &arena, &value);
 *     if (value.n > 0)
 *         ... Cookie: value
 *     rc = mr_cookie_jar_save(jar, "cookies.txt", now);
 *
 * Invariants
 *  (1) A cookie goes to the host that set it and, with a Domain, to those below
 *      that; never to a public suffix's hosts ("co.uk": the list is libpsl's,
 *      the system's newest), nor to parts of an address.
 *  (2) A Secure cookie comes from https, goes to https, and is not pushed out
 *      or hidden by http. Names with __Host- and __Secure- keep what they say.
 *  (3) Sizes and numbers have the limits below; expired ones go first, then
 *      those that are not Secure, then those used longest ago.
 *
 * SameSite is not looked at: a client that no page steers has no sites. Times
 * are seconds since 1970, the caller's. A jar is one thread's. No I/O but in
 * load and save, which block: before or after the hub's work, or on a helper
 * (core/offload.h).
 */
#include "http/uri.h"

struct mr_cookie_jar;

/* 6265bis 6.1 asks for 50 and 3,000 at least, which is where browsers began. */
#define MR_COOKIES_PER_DOMAIN 50
#define MR_COOKIES_MAX 3000
/* 6265bis 5.6: name and value; an attribute's value. */
#define MR_COOKIE_PAIR_MAX 4096
#define MR_COOKIE_ATTRIBUTE_MAX 1024
/* 6265bis 5.5: 400 days. */
#define MR_COOKIE_AGE_MAX ((int64_t)400 * 24 * 60 * 60)
/* Of a Cookie field: what most servers take in all is 8 KiB. Those with the
 * shortest paths stay behind. */
#define MR_COOKIE_FIELD_MAX 8000

/* Empty. Reads the system's list of public suffixes (60 KB). 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_cookie_jar_new(struct mr_cookie_jar **ret);
/* NULL does nothing. */
MR_API void mr_cookie_jar_free(struct mr_cookie_jar *jar);
/* How many there are, expired ones too. */
MR_API size_t mr_cookie_jar_count(const struct mr_cookie_jar *jar);

/* One Set-Cookie field's value, in uri's answer. 0: taken, in the place of one
 * of that name, domain and path, or one was taken away; -EINVAL: it is not to
 * be taken (no failure of the answer); -ENOMEM. */
MR_API MR_MUST_USE int mr_cookie_jar_set(struct mr_cookie_jar *jar,
                                         const struct mr_uri *uri,
                                         struct mr_str set_cookie, int64_t now);

/* The Cookie field's value for a request of uri, in the arena; empty: none.
 * Longer paths first, of equal ones the older (RFC 6265 5.4). 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_cookie_jar_get(struct mr_cookie_jar *jar,
                                         const struct mr_uri *uri, int64_t now,
                                         struct mr_arena *arena,
                                         struct mr_str *ret);

/*
 * A file in the form of Netscape's cookies.txt, as curl and wget read and write
 * it. Loading adds to what is there; lines that are none, expired cookies, and
 * those of public suffixes are passed over and counted in *ret_skipped (may be
 * NULL). 0; -Exxx of open and read; -EFBIG: above 16 MiB; -ENOMEM.
 */
MR_API MR_MUST_USE int mr_cookie_jar_load(struct mr_cookie_jar *jar,
                                          const char *path, int64_t now,
                                          unsigned *ret_skipped);
/*
 * All that have not expired, those of the session too. Written to path.tmp-*
 * with mode 0600 and renamed, so that path is the old file or the new one;
 * something that is no regular file (/dev/stdout) is written to. 0 or -Exxx.
 */
MR_API MR_MUST_USE int mr_cookie_jar_save(const struct mr_cookie_jar *jar,
                                          const char *path, int64_t now);

/* A cookie's date as lenient as RFC 6265 5.1.1 has it. 0 or -EINVAL. */
MR_API MR_MUST_USE int mr_cookie_date(struct mr_str s, int64_t *ret);

MR_DEFINE_AUTO(cookie_jar)

#endif
