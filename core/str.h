/* SPDX-License-Identifier: MIT */
#ifndef CORE_STR_H
#define CORE_STR_H

/*
 * str.h - views of bytes: comparison, splitting, numbers with overflow checks.
 *
 * A view owns nothing and is not NUL-terminated. Whoever hands one out says
 * who owns the bytes and how long they live.
 *
 *     struct mr_str s = mr_str("Keep-Alive, Upgrade"), token;
 *     while (mr_str_split(&s, ',', &token))
 *         if (mr_str_is_case(mr_str_trim(token), "upgrade")) ...
 *     printf("%.*s\n", MR_STR(token));
 */
#include <string.h>

#include "core/base.h"

struct mr_str {
    const char *p;
    size_t n;
};

/* For printf's %.*s. */
#define MR_STR(s) (int)(s).n, (s).p

/* A view of a NUL-terminated string; NULL gives the empty view. */
static inline struct mr_str mr_str(const char *z)
{
    return (struct mr_str){z, z ? strlen(z) : 0};
}

static inline struct mr_str mr_str_n(const char *p, size_t n)
{
    return (struct mr_str){p, n};
}

static inline bool mr_str_is_empty(struct mr_str s)
{
    return s.n == 0;
}

static inline bool mr_str_eq(struct mr_str a, struct mr_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool mr_str_is(struct mr_str a, const char *z)
{
    return mr_str_eq(a, mr_str(z));
}

/* ASCII letters compare without case; other bytes exactly. */
MR_API bool mr_str_eq_case(struct mr_str a, struct mr_str b);

static inline bool mr_str_is_case(struct mr_str a, const char *z)
{
    return mr_str_eq_case(a, mr_str(z));
}

MR_API bool mr_str_starts(struct mr_str s, const char *prefix);
MR_API bool mr_str_ends(struct mr_str s, const char *suffix);

/* Less than, equal to or greater than 0, as memcmp, shorter first. */
MR_API int mr_str_cmp(struct mr_str a, struct mr_str b);

/* The position of the first c, or -1. */
MR_API ssize_t mr_str_find(struct mr_str s, char c);

/* Without spaces and tabs (HTTP's OWS) at both ends. */
MR_API struct mr_str mr_str_trim(struct mr_str s);

/*
 * Cut *rest at the first sep: the part before it goes to *ret_part, *rest
 * keeps what follows. False, and nothing written, when *rest is used up
 * (p == NULL); "a,,b," gives "a", "", "b", "".
 */
MR_API bool mr_str_split(struct mr_str *rest, char sep,
                         struct mr_str *ret_part);

/* The same of words, with a space or more between them. */
MR_API bool mr_str_word(struct mr_str *rest, struct mr_str *ret_word);

/*
 * The whole of s as a number of decimal (hexadecimal) digits and nothing else.
 * 0, or -EINVAL (empty, or a byte that is no digit), -ERANGE (above max).
 */
MR_API MR_MUST_USE int mr_str_to_u64(struct mr_str s, uint64_t max,
                                     uint64_t *ret);
MR_API MR_MUST_USE int mr_str_hex_to_u64(struct mr_str s, uint64_t max,
                                         uint64_t *ret);

/* Digits of v into buf (at least 20 bytes); how many. No NUL. */
MR_API size_t mr_str_put_u64(char *buf, uint64_t v);

/*
 * A size with an optional unit K, M or G (1024-based), or a duration with ms,
 * s, m, h (seconds when bare), as configuration files write them.
 * 0, -EINVAL or -ERANGE.
 */
MR_API MR_MUST_USE int mr_str_to_size(struct mr_str s, uint64_t *ret_bytes);
MR_API MR_MUST_USE int mr_str_to_duration(struct mr_str s, int64_t *ret_ns);

/* All of it is (RFC 3629: no surrogates, no overlong forms). */
MR_API bool mr_str_is_utf8(struct mr_str s);

/*
 * Append s to out (of size bytes, always NUL-terminated when size > 0), bytes
 * outside printable ASCII, '"' and '\' as \xHH: for log lines. How many bytes
 * were written without the NUL; stops short rather than cut an escape.
 */
MR_API size_t mr_str_escape(char *out, size_t size, struct mr_str s);

#endif
