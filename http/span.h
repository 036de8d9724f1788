/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SPAN_H
#define HTTP_SPAN_H

/*
 * span.h - how far a run of bytes of one kind goes, 16 at a time.
 *
 *     end = mr_span_value(p, end);         the first byte that is no value's
 *
 * SSE2, which every x86-64 has, where there are 16 bytes left to look at; a
 * table or a comparison for the rest, and on other machines. No byte at or
 * behind `end` is read. For head_check.c, headers.c and url.c.
 *
 * over budget: inline, for most runs are shorter than a call.
 */
#include "http/headers.h"

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

/* What RFC 3986 lets stand in a target: unreserved, reserved and '%', but not
 * '#', for a fragment is never sent. (head_check.c) */
extern const uint8_t mr_target_bytes[256];

/* May it stand inside a field's value? (RFC 9110 5.5) */
static inline bool mr_is_value_byte(char c)
{
    unsigned char u = (unsigned char)c;

    return (u >= 0x20 || u == '\t') && u != 0x7f;
}

/* --- 16 bytes to 16 bits: which are of the kind --- */

#if defined(__SSE2__)
static inline __m128i mr_load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline unsigned mr_bits16(__m128i x)
{
    return (unsigned)_mm_movemask_epi8(x);
}

/* low <= x <= high, both of ASCII: bytes from 0x80 on are negative here. */
static inline __m128i mr_between(__m128i x, char low, char high)
{
    return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8((char)(low - 1))),
                         _mm_cmplt_epi8(x, _mm_set1_epi8((char)(high + 1))));
}

static inline __m128i mr_is16(__m128i x, char c)
{
    return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}

/* Letters, digits, '-' and '.': nearly all of names and hosts. */
static inline unsigned mr_plain_bits(__m128i x)
{
    __m128i letter = mr_between(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i other = _mm_andnot_si128(mr_is16(x, '/'), mr_between(x, '-', '9'));

    return mr_bits16(_mm_or_si128(letter, other));
}

static inline unsigned mr_plain16(const char *p)
{
    return mr_plain_bits(mr_load16(p));
}

static inline unsigned mr_target16(const char *p)
{
    __m128i x = mr_load16(p);
    __m128i or1 = _mm_or_si128(x, _mm_set1_epi8(1));
    __m128i or2 = _mm_or_si128(x, _mm_set1_epi8(2));
    __m128i not = _mm_or_si128(
        _mm_or_si128(mr_is16(or1, '#'), mr_is16(or2, '>')), /* "# <> */
        _mm_or_si128(mr_is16(or2, '^'), mr_is16(x, '`')));  /* \^ ` */

    not = _mm_or_si128(not, mr_between(x, '{', '}'));
    return mr_bits16(_mm_andnot_si128(not, mr_between(x, '!', '~')));
}

static inline unsigned mr_value16(const char *p)
{
    __m128i x = mr_load16(p);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
    __m128i not = _mm_andnot_si128(mr_is16(x, '\t'), low);

    return ~mr_bits16(_mm_or_si128(not, mr_is16(x, 0x7f))) & 0xffff;
}
#endif

/* --- what a target has in it --- */

enum {
    MR_MARK_QUERY = 1,   /* '?' */
    MR_MARK_PERCENT = 2, /* '%' */
    MR_MARK_DOT = 4,     /* "/." */
};

/* From p to end; up to `limit` there is something to read behind it. */
static inline unsigned mr_target_marks(const char *p, const char *end,
                                       const char *limit)
{
    unsigned marks = 0;
    bool slash = false; /* was the last byte */

#if defined(__SSE2__)
    for (; p < end && limit - p >= 16; p += 16) {
        __m128i x = mr_load16(p);
        unsigned in = end - p >= 16 ? 0xffff : (1U << (end - p)) - 1;
        unsigned slashes = mr_bits16(mr_is16(x, '/')) & in;
        unsigned dots = mr_bits16(mr_is16(x, '.')) & in;

        if (mr_bits16(mr_is16(x, '?')) & in)
            marks |= MR_MARK_QUERY;
        if (mr_bits16(mr_is16(x, '%')) & in)
            marks |= MR_MARK_PERCENT;
        if ((slashes << 1 | slash) & dots)
            marks |= MR_MARK_DOT;
        slash = slashes >> 15;
    }
#endif
    (void)limit;
    for (; p < end; p++) {
        if (*p == '?')
            marks |= MR_MARK_QUERY;
        if (*p == '%')
            marks |= MR_MARK_PERCENT;
        if (*p == '.' && slash)
            marks |= MR_MARK_DOT;
        slash = *p == '/';
    }
    return marks;
}

/* --- runs --- */

/* Of letters, digits, '-' and '.', as far as 16 at a time go: there may be more
 * of them. */
static inline const char *mr_span_plain(const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        unsigned other = mr_plain16(p) ^ 0xffff;

        if (other)
            return p + __builtin_ctz(other);
    }
    if (end - p >= 8) { /* its first 8, and its last 8 */
        __m128i x = _mm_unpacklo_epi64(
            _mm_loadl_epi64((const __m128i *)(const void *)p),
            _mm_loadl_epi64((const __m128i *)(const void *)(end - 8)));
        unsigned other = mr_plain_bits(x) ^ 0xffff;

        if (other & 0xff)
            return p + __builtin_ctz(other);
        return other ? end - (16 - __builtin_ctz(other)) : end;
    }
#endif
    (void)end;
    return p;
}

/* Of token bytes (RFC 9110 5.6.2). */
static inline const char *mr_span_token(const char *p, const char *end)
{
#if defined(__SSE2__)
    while (end - p >= 16) {
        unsigned other = mr_plain16(p) ^ 0xffff;

        if (other == 0) {
            p += 16;
            continue;
        }
        p += __builtin_ctz(other);
        if (!mr_is_token_byte(*p))
            return p;
        p++; /* '_' and other rare ones */
    }
#endif
    while (p < end && mr_is_token_byte(*p))
        p++;
    return p;
}

static inline const char *mr_span_target(const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        unsigned other = mr_target16(p) ^ 0xffff;

        if (other)
            return p + __builtin_ctz(other);
    }
#endif
    while (p < end && mr_target_bytes[(unsigned char)*p])
        p++;
    return p;
}

static inline const char *mr_span_value(const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        unsigned other = mr_value16(p) ^ 0xffff;

        if (other)
            return p + __builtin_ctz(other);
    }
#endif
    while (p < end && mr_is_value_byte(*p))
        p++;
    return p;
}

#endif
