/* SPDX-License-Identifier: MIT */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

/*
 * range.h - which bytes does a Range field ask for, and how several of them are
 * framed in one answer (RFC 9110 14, 15.3.7).
 *
 *     switch (mr_ranges_decide(headers, method, &validators, now, size, &r)) {
 *     case 200: the whole, as if there were no Range
 *     case 206: r.n parts; with one, Content-Range says where it belongs
 *     case 416: none of them exists: Content-Range says how much does
 *     }
 *
 * Ask after mr_conditional said 0, and only where the answer would be a 200.
 */
#include "http/conditional.h"

/* More ranges than that in one field are not looked at: readers of documents
 * ask for some dozens, and each costs a search in those before it. */
#define MR_RANGES_MAX 64
/* Two parts with a gap up to so much are sent as one: what is between two
 * parts takes more. */
#define MR_RANGE_GAP 80

/* n > 0 bytes from off. */
struct mr_byte_range {
    uint64_t off, n;
};

struct mr_ranges {
    size_t n;
    struct mr_byte_range v[MR_RANGES_MAX];
};

/*
 * 206 with *ret: in the order asked for, none touching another. 416: nothing
 * of it lies in the size bytes. 200: the whole, since there is no Range, or
 * two; the method is not GET; If-Range does not hold; the unit is not bytes;
 * it is malformed or has more than MR_RANGES_MAX ranges; or size is 0.
 * now is of the same clock as v->modified.
 */
MR_API int mr_ranges_decide(const struct mr_headers *h, enum mr_method method,
                            const struct mr_validators *v, int64_t now,
                            uint64_t size, struct mr_ranges *ret);

/* The same of a field's value alone. */
MR_API int mr_ranges_parse(struct mr_str value, uint64_t size,
                           struct mr_ranges *ret);

/* --- how it is written --- */

#define MR_CONTENT_RANGE_MAX 72

/* The value of Content-Range: "bytes 0-1/9", and for r NULL "bytes" and
 * " *" and "/9". How many bytes; NUL-terminated. */
MR_API size_t mr_content_range_put(char out[MR_CONTENT_RANGE_MAX],
                                   const struct mr_byte_range *r,
                                   uint64_t size);

/* A boundary, of bytes that need no quotes. */
#define MR_BOUNDARY_LEN 32
#define MR_PART_HEAD_MAX(type_n) \
    (MR_BOUNDARY_LEN + MR_CONTENT_RANGE_MAX + (type_n) + 64)

/* What stands before a part: out has room for MR_PART_HEAD_MAX(type.n). How
 * many bytes; as many for the same range, whatever is written. type empty: no
 * Content-Type. */
MR_API size_t mr_part_put_head(char *out, const char *boundary,
                               struct mr_str type,
                               const struct mr_byte_range *r, uint64_t size);
/* What stands behind the last part. */
#define MR_PART_END_LEN (MR_BOUNDARY_LEN + 8)
MR_API void mr_part_put_end(char out[MR_PART_END_LEN + 1],
                            const char *boundary);

#endif
