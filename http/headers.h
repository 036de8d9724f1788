/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

/*
 * headers.h - an ordered list of fields over storage of the caller's.
 *
 *     struct mr_field room[16];
 *     struct mr_headers h;
 *     mr_headers_init(&h, room, 16);
 *     rc = mr_headers_add(&h, mr_str("Vary"), mr_str("Accept-Encoding"));
 *     if (mr_headers_has_token(&h, "connection", "close")) ...
 *
 * Names compare without case. Names and values are views: the caller keeps the
 * bytes (a received head's live in the connection's buffer until the request is
 * reset).
 */
#include "core/str.h"

struct mr_field {
    struct mr_str name;
    struct mr_str value; /* without white space at its ends */
};

struct mr_headers {
    struct mr_field *v; /* n of them, in order */
    uint32_t n;
    uint32_t cap;
};

/* Keeps storage. */
static inline void mr_headers_init(struct mr_headers *h,
                                   struct mr_field *storage, uint32_t cap)
{
    *h = (struct mr_headers){.v = storage, .cap = cap};
}

/* At the end. 0, or -ENOBUFS when the storage is full. Nothing is checked. */
MR_API MR_MUST_USE int mr_headers_add(struct mr_headers *h, struct mr_str name,
                                      struct mr_str value);

/* The first value of that name; p is NULL when there is none (an empty value's
 * is not). */
MR_API struct mr_str mr_headers_get(const struct mr_headers *h,
                                    const char *name);
/*
 * The position at or after `from` of a field with that name, or -1:
 *     for (i = mr_headers_find(h, n, 0); i >= 0; i = mr_headers_find(h, n, i +
 * 1))
 */
MR_API ssize_t mr_headers_find(const struct mr_headers *h, const char *name,
                               size_t from);
MR_API size_t mr_headers_count(const struct mr_headers *h, const char *name);
/* Is token an element of the comma-separated lists of that name? (Elements with
 * parameters or quoted strings are not tokens, and never equal one.) */
MR_API bool mr_headers_has_token(const struct mr_headers *h, const char *name,
                                 const char *token);

/*
 * Walk a comma-separated list (RFC 9110 5.6.1): the next element, trimmed.
 * Empty ones are skipped; a comma inside a quoted string separates nothing.
 * False, and nothing written, at the end. *list keeps what follows.
 */
MR_API bool mr_list_field_next(struct mr_str *list, struct mr_str *ret_element);

/* --- what may be sent and taken (RFC 9110 5.1, 5.5, 5.6.2) --- */

/* The bytes of a token: non-zero for those. */
MR_API extern const uint8_t mr_token_bytes[256];

static inline bool mr_is_token_byte(char c)
{
    return mr_token_bytes[(unsigned char)c];
}

/* At least one byte, all of a token. */
MR_API bool mr_token_is_valid(struct mr_str s);
/* No control byte but HTAB (so no CR, LF, NUL), no white space at the ends.
 * Bytes from 0x80 on pass. Empty passes. */
MR_API bool mr_field_value_is_valid(struct mr_str s);

#endif
