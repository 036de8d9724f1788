/* SPDX-License-Identifier: MIT */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

/*
 * date.h - HTTP dates: written one way, read three ways.
 *
 *     char text[MR_DATE_LEN];
 *     mr_date_format(text, st.mtime);      "Sun, 06 Nov 1994 08:49:37 GMT"
 *     if (mr_date_parse(value, now, &t) == 0 && t >= st.mtime) ...
 *
 * Times are seconds since 1970 in UTC, without leap seconds. No clock is read
 * here: now is the caller's.
 */
#include "core/str.h"

/* An IMF-fixdate is always this long; no NUL follows it. */
#define MR_DATE_LEN 29

/* 1601-01-01T00:00:00Z (where the 400-year cycle of weekdays begins, and
 * before every file system's epoch) and 9999-12-31T23:59:59Z. */
#define MR_DATE_MIN INT64_C(-11644473600)
#define MR_DATE_MAX INT64_C(253402300799)

/* Writes the IMF-fixdate (RFC 9110 5.6.7). A time outside of MR_DATE_MIN and
 * MR_DATE_MAX is written as the nearer of the two. */
MR_API void mr_date_format(char out[MR_DATE_LEN], int64_t seconds);

/*
 * The whole of s as a date in any of the three forms of RFC 9110 5.6.7:
 *     Sun, 06 Nov 1994 08:49:37 GMT      IMF-fixdate
 *     Sunday, 06-Nov-94 08:49:37 GMT     RFC 850
 *     Sun Nov  6 08:49:37 1994           asctime
 * Case counts. The weekday must be one, but need not be the right one: some
 * clients get it wrong, and nothing hangs on it. A two-digit year is the one
 * that lies at most 50 years after now. Second 60 is the next minute's first.
 * 0, or -EINVAL (also for years before 1601).
 */
MR_API MR_MUST_USE int mr_date_parse(struct mr_str s, int64_t now,
                                     int64_t *ret_seconds);

/* The text of the present second, formatted once a second. Zeroed at first. */
struct mr_date_cache {
    int64_t second;
    char text[MR_DATE_LEN];
};

/* The date of now, MR_DATE_LEN bytes owned by c, good until the next call. */
static inline const char *mr_date_cached(struct mr_date_cache *c, int64_t now)
{
    if (MR_UNLIKELY(c->second != now || c->text[0] == '\0')) {
        mr_date_format(c->text, now);
        c->second = now;
    }
    return c->text;
}

#endif
