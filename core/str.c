/* SPDX-License-Identifier: MIT */

/*
 * str.c - views of bytes: comparison, splitting, numbers with overflow checks.
 *
 * Nothing here allocates, and nothing looks at the locale: what is a letter or
 * a digit is decided by ASCII, as the protocols do.
 */
#include "core/str.h"

#include <errno.h>

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

/* Eight bytes at once: those that differ do so in bit 5 only, and are letters.
 */
static bool eq_case8(const char *p, const char *q)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t a, b, differ, low, is_letter;

    memcpy(&a, p, 8);
    memcpy(&b, q, 8);
    differ = a ^ b;
    if (differ & ~(0x20 * ones))
        return false;
    a |= 0x20 * ones;
    low = a & 0x7f * ones; /* sums below stay within their bytes */
    is_letter = (low + (0x80 - 'a') * ones) & ~(low + (0x7f - 'z') * ones) & ~a;
    return (differ << 2 & ~is_letter & 0x80 * ones) == 0;
}

bool mr_str_eq_case(struct mr_str a, struct mr_str b)
{
    size_t i = 0;

    if (a.n != b.n)
        return false;
    for (; i + 8 <= a.n; i += 8)
        if (!eq_case8(a.p + i, b.p + i))
            return false;
    for (; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool mr_str_starts(struct mr_str s, const char *prefix)
{
    struct mr_str want = mr_str(prefix);

    return s.n >= want.n && mr_str_eq(mr_str_n(s.p, want.n), want);
}

bool mr_str_ends(struct mr_str s, const char *suffix)
{
    struct mr_str want = mr_str(suffix);

    if (s.n < want.n)
        return false;
    return want.n == 0 || memcmp(s.p + s.n - want.n, want.p, want.n) == 0;
}

int mr_str_cmp(struct mr_str a, struct mr_str b)
{
    size_t n = MR_MIN(a.n, b.n);
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

ssize_t mr_str_find(struct mr_str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct mr_str mr_str_trim(struct mr_str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool mr_str_split(struct mr_str *rest, char sep, struct mr_str *ret_part)
{
    ssize_t at;

    if (!rest->p)
        return false;
    at = mr_str_find(*rest, sep);
    if (at < 0) {
        *ret_part = *rest;
        *rest = mr_str_n(NULL, 0);
        return true;
    }
    *ret_part = mr_str_n(rest->p, (size_t)at);
    *rest = mr_str_n(rest->p + at + 1, rest->n - (size_t)at - 1);
    return true;
}

bool mr_str_word(struct mr_str *rest, struct mr_str *ret_word)
{
    while (mr_str_split(rest, ' ', ret_word)) {
        if (ret_word->n > 0)
            return true;
    }
    return false;
}

/* The value of a digit, or 255. */
static unsigned digit(char c)
{
    unsigned char l = lower(c);

    if (l >= '0' && l <= '9')
        return (unsigned)(l - '0');
    if (l >= 'a' && l <= 'f')
        return (unsigned)(l - 'a') + 10;
    return 255;
}

static int to_u64(struct mr_str s, unsigned base, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    bool over = false;

    if (s.n == 0)
        return -EINVAL;
    /* To the end, even when too large: a bad byte is the better answer. */
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = digit(s.p[i]);

        if (d >= base)
            return -EINVAL;
        if (__builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, d, &v))
            over = true;
    }
    if (over || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

int mr_str_to_u64(struct mr_str s, uint64_t max, uint64_t *ret)
{
    return to_u64(s, 10, max, ret);
}

int mr_str_hex_to_u64(struct mr_str s, uint64_t max, uint64_t *ret)
{
    return to_u64(s, 16, max, ret);
}

/* Two digits at a time. */
static const char pairs[] = "00010203040506070809"
                            "10111213141516171819"
                            "20212223242526272829"
                            "30313233343536373839"
                            "40414243444546474849"
                            "50515253545556575859"
                            "60616263646566676869"
                            "70717273747576777879"
                            "80818283848586878889"
                            "90919293949596979899";

MR_HOT size_t mr_str_put_u64(char *buf, uint64_t v)
{
    char digits[20]; /* UINT64_MAX has 20 */
    size_t at = sizeof digits;

    if (v < 10) {
        *buf = (char)('0' + v);
        return 1;
    }
    for (; v >= 100; v /= 100)
        memcpy(digits + (at -= 2), pairs + v % 100 * 2, 2);
    if (v >= 10)
        memcpy(digits + (at -= 2), pairs + v * 2, 2);
    else
        digits[--at] = (char)('0' + v);
    memcpy(buf, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

/* Digits, then exactly one of the units; a name of "" fits bare digits. */
struct unit {
    const char *name;
    uint64_t factor;
};

static int with_unit(struct mr_str s, const struct unit *units, uint64_t max,
                     uint64_t *ret)
{
    size_t n = 0;
    uint64_t v;
    int err;

    while (n < s.n && digit(s.p[n]) < 10)
        n++;
    for (; units->name; units++)
        if (mr_str_is(mr_str_n(s.p + n, s.n - n), units->name))
            break;
    if (!units->name || n == 0)
        return -EINVAL;
    err = mr_str_to_u64(mr_str_n(s.p, n), max / units->factor, &v);
    if (err)
        return err;
    *ret = v * units->factor;
    return 0;
}

int mr_str_to_size(struct mr_str s, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},        {"K", 1 << 10}, {"k", 1 << 10}, {"M", 1 << 20},
        {"m", 1 << 20}, {"G", 1 << 30}, {"g", 1 << 30}, {NULL, 0},
    };

    if (s.n == 0)
        return -EINVAL;
    return with_unit(s, units, UINT64_MAX, ret_bytes);
}

int mr_str_to_duration(struct mr_str s, int64_t *ret_ns)
{
    static const struct unit units[] = {
        {"", 1000000000},          {"s", 1000000000},           {"ms", 1000000},
        {"m", 60 * 1000000000ULL}, {"h", 3600 * 1000000000ULL}, {NULL, 0},
    };
    uint64_t ns;
    int err;

    if (s.n == 0)
        return -EINVAL;
    err = with_unit(s, units, INT64_MAX, &ns);
    if (err)
        return err;
    *ret_ns = (int64_t)ns;
    return 0;
}

size_t mr_str_escape(char *out, size_t size, struct mr_str s)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    if (size == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

        if (size - n <= (plain ? 1 : 4))
            break;
        if (plain) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    out[n] = '\0';
    return n;
}

/* --- UTF-8 --- */

/* Bytes that follow this first one, and what the second may be: RFC 3629 4. */
static size_t follow(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef) {
        *low = first == 0xe0 ? 0xa0 : 0x80;
        *high = first == 0xed ? 0x9f : 0xbf;
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *low = first == 0xf0 ? 0x90 : 0x80;
        *high = first == 0xf4 ? 0x8f : 0xbf;
        return 3;
    }
    return 0;
}

bool mr_str_is_utf8(struct mr_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    const uint8_t *end = s.n > 0 ? p + s.n : p; /* it may be NULL */

    while (p < end) {
        uint8_t low, high;
        size_t n;

        if (*p < 0x80) {
            p++;
            continue;
        }
        n = follow(*p, &low, &high);
        if (n == 0 || (size_t)(end - p) <= n)
            return false;
        for (p++; n > 0; n--, p++) {
            if (*p < low || *p > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
