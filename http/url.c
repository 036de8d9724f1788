/* SPDX-License-Identifier: MIT */
/*
 * url.c - request targets and queries.
 *
 * A path is decoded and cleaned in one pass, segment by segment: a segment is
 * written decoded, then looked at, and "." and ".." take it back. As decoding
 * comes first, "%2e%2e" is no way around the cleaning; as each byte is decoded
 * once, "%252e" stays a name with a percent sign.
 *
 * Not here: which bytes a raw target may hold (head_check.c).
 */
#include "http/url.h"

#include <errno.h>

#include "http/span.h"

#define PORT_MAX 65535

/* What a byte may be part of (RFC 3986 2.2, 2.3). */
enum { UNRESERVED = 1, SUB_DELIM = 2, HEX = 4 };

static const uint8_t classes[256] = {
    ['0' ... '9'] = UNRESERVED | HEX,
    ['A' ... 'F'] = UNRESERVED | HEX,
    ['a' ... 'f'] = UNRESERVED | HEX,
    ['G' ... 'Z'] = UNRESERVED,
    ['g' ... 'z'] = UNRESERVED,
    ['-'] = UNRESERVED,
    ['.'] = UNRESERVED,
    ['_'] = UNRESERVED,
    ['~'] = UNRESERVED,
    ['!'] = SUB_DELIM,
    ['$'] = SUB_DELIM,
    ['&'] = SUB_DELIM,
    ['\''] = SUB_DELIM,
    ['('] = SUB_DELIM,
    [')'] = SUB_DELIM,
    ['*'] = SUB_DELIM,
    ['+'] = SUB_DELIM,
    [','] = SUB_DELIM,
    [';'] = SUB_DELIM,
    ['='] = SUB_DELIM,
};

static bool is_in(char c, unsigned wanted)
{
    return classes[(unsigned char)c] & wanted;
}

static unsigned hex_value(char c)
{
    unsigned u = (unsigned char)c;

    return u <= '9' ? u - '0' : (u | 0x20) - 'a' + 10;
}

/* The byte that %XX at p means, or -1 when it is not one. */
static int escape_value(const char *p, size_t n)
{
    if (n < 3 || p[0] != '%' || !is_in(p[1], HEX) || !is_in(p[2], HEX))
        return -1;
    return (int)(hex_value(p[1]) << 4 | hex_value(p[2]));
}

void mr_url_split(struct mr_str target, struct mr_str *ret_path,
                  struct mr_str *ret_query)
{
    ssize_t at = mr_str_find(target, '?');

    *ret_path = target;
    *ret_query = mr_str_n(NULL, 0);
    if (at >= 0) {
        *ret_path = mr_str_n(target.p, (size_t)at);
        *ret_query = mr_str_n(target.p + at + 1, target.n - (size_t)at - 1);
    }
}

bool mr_url_escapes_are_valid(struct mr_str s)
{
    while (s.n > 0) {
        ssize_t at = mr_str_find(s, '%');

        if (at < 0)
            return true;
        s = mr_str_n(s.p + at, s.n - (size_t)at);
        if (escape_value(s.p, s.n) < 0)
            return false;
        s = mr_str_n(s.p + 3, s.n - 3);
    }
    return true;
}

/* --- authority --- */

void mr_url_authority_split(struct mr_str authority, struct mr_str *ret_host,
                            struct mr_str *ret_port)
{
    size_t n = 0;

    /* the colons of an IPv6 address are inside its brackets */
    if (authority.n > 0 && authority.p[0] == '[')
        while (n < authority.n && authority.p[n] != ']')
            n++;
    while (n < authority.n && authority.p[n] != ':')
        n++;
    *ret_host = mr_str_n(authority.p, n);
    *ret_port = mr_str_n(NULL, 0);
    if (n < authority.n)
        *ret_port = mr_str_n(authority.p + n + 1, authority.n - n - 1);
}

static bool ipv4_is_valid(struct mr_str s)
{
    struct mr_str part;
    int parts = 0;

    while (mr_str_split(&s, '.', &part)) {
        uint64_t v;

        if (part.n > 3 || (part.n > 1 && part.p[0] == '0'))
            return false;
        if (mr_str_to_u64(part, 255, &v))
            return false;
        parts++;
    }
    return parts == 4;
}

static bool is_group(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_in(s.p[i], HEX))
            return false;
    return s.n >= 1 && s.n <= 4;
}

/* Groups of 16 bits between colons, the last two perhaps as IPv4; how many, or
 * -1. No group at all is fine: one side of "::" may be empty. */
static int ipv6_groups(struct mr_str s, bool last_side)
{
    struct mr_str part;
    int groups = 0;

    if (s.n == 0)
        return 0;
    while (mr_str_split(&s, ':', &part)) {
        bool last = s.p == NULL && last_side;

        if (is_group(part))
            groups++;
        else if (last && ipv4_is_valid(part))
            groups += 2;
        else
            return -1;
    }
    return groups;
}

static bool ipv6_is_valid(struct mr_str s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        int left, right;

        if (s.p[i] != ':' || s.p[i + 1] != ':')
            continue;
        left = ipv6_groups(mr_str_n(s.p, i), false);
        right = ipv6_groups(mr_str_n(s.p + i + 2, s.n - i - 2), true);
        /* "::" stands for one group or more */
        return left >= 0 && right >= 0 && left + right <= 7;
    }
    return ipv6_groups(s, true) == 8;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool ipvfuture_is_valid(struct mr_str s)
{
    size_t i = 1;

    if (s.n == 0 || (s.p[0] | 0x20) != 'v')
        return false;
    while (i < s.n && is_in(s.p[i], HEX))
        i++;
    if (i == 1 || i + 1 >= s.n || s.p[i] != '.')
        return false;
    for (i++; i < s.n; i++)
        if (!is_in(s.p[i], UNRESERVED | SUB_DELIM) && s.p[i] != ':')
            return false;
    return true;
}

static bool host_is_valid(struct mr_str host)
{
    if (host.n == 0)
        return false;
    if (host.p[0] == '[') {
        struct mr_str in = mr_str_n(host.p + 1, host.n - 1);

        if (in.n == 0 || in.p[in.n - 1] != ']')
            return false;
        in.n--;
        return ipv6_is_valid(in) || ipvfuture_is_valid(in);
    }
    for (size_t i = 0; i < host.n; i++)
        if (!is_in(host.p[i], UNRESERVED | SUB_DELIM) && host.p[i] != '%')
            return false;
    return mr_url_escapes_are_valid(host);
}

/* A name or an IPv4 address, and perhaps a port of up to four digits: nearly
 * all that come. False says nothing. */
static bool is_usual_authority(struct mr_str s)
{
    const char *end = s.p + s.n, *p = mr_span_plain(s.p, end);
    size_t digits = 0;

    while (p < end && is_in(*p, UNRESERVED | SUB_DELIM))
        p++;
    if (p == s.p)
        return false;
    if (p < end && *p == ':')
        for (p++; p < end && *p >= '0' && *p <= '9'; p++)
            digits++;
    return p == end && digits <= 4;
}

bool mr_url_authority_is_valid(struct mr_str authority)
{
    struct mr_str host, port;
    uint64_t v;

    if (is_usual_authority(authority))
        return true;
    mr_url_authority_split(authority, &host, &port);
    if (port.n > 0 && mr_str_to_u64(port, PORT_MAX, &v))
        return false;
    return host_is_valid(host);
}

/* --- path --- */

/* Nothing to decode or refuse, and no segment that begins with a dot? The path
 * begins with a slash. */
static bool is_plain(struct mr_str raw)
{
    char before = '/';

    for (size_t i = 1; i < raw.n; i++) {
        char c = raw.p[i];

        if (c == '%' || c == '\0' || (c == '.' && before == '/'))
            return false;
        before = c;
    }
    return true;
}

/* Decodes raw from *i up to the next '/' or the end. The new end of out, or
 * -EINVAL. */
static ssize_t put_segment(char *out, size_t at, struct mr_str raw, size_t *i)
{
    while (*i < raw.n && raw.p[*i] != '/') {
        int c = (unsigned char)raw.p[*i];

        if (c == '%') {
            c = escape_value(raw.p + *i, raw.n - *i);
            if (c == '/')
                return -EINVAL;
            *i += 2;
        }
        if (c <= 0) /* broken, or NUL */
            return -EINVAL;
        *i += 1;
        out[at++] = (char)c;
    }
    return (ssize_t)at;
}

/* How many segments the one just written takes back: "." itself, ".." also
 * the one before it. */
static int dots(const char *p, size_t n)
{
    if (n == 1 && p[0] == '.')
        return 1;
    return n == 2 && p[0] == '.' && p[1] == '.' ? 2 : 0;
}

/* out has room for raw.n bytes: what is written is never longer. */
static ssize_t put_clean(char *out, struct mr_str raw)
{
    size_t at = 0, i = 0;

    while (i < raw.n) {
        size_t begin = at;
        ssize_t end;
        int back;

        out[at++] = '/';
        i++;
        end = put_segment(out, at, raw, &i);
        if (end < 0)
            return end;
        back = dots(out + at, (size_t)end - at);
        at = back ? begin : (size_t)end;
        if (back == 2)
            while (at > 0 && out[--at] != '/')
                ;
        if (back && i == raw.n)
            out[at++] = '/';
    }
    return (ssize_t)at;
}

int mr_url_decode_path(struct mr_arena *arena, struct mr_str raw,
                       struct mr_str *ret_path)
{
    ssize_t n;
    char *out;

    if (raw.n == 0 || raw.p[0] != '/')
        return -EINVAL;
    if (is_plain(raw)) {
        *ret_path = raw;
        return 0;
    }
    out = mr_arena_alloc(arena, raw.n);
    if (!out)
        return -ENOMEM;
    n = put_clean(out, raw);
    if (n < 0)
        return (int)n;
    *ret_path = mr_str_n(out, (size_t)n);
    return 0;
}

static size_t put_escape(char *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";

    out[0] = '%';
    out[1] = digits[c >> 4];
    out[2] = digits[c & 15];
    return 3;
}

int mr_url_encode_path(struct mr_arena *arena, struct mr_str path,
                       struct mr_str *ret)
{
    char *out = mr_arena_alloc(arena, path.n * 3 + 2);
    size_t n = 0;

    if (!out)
        return -ENOMEM;
    if (mr_str_starts(path, "//")) {
        out[n++] = '/';
        out[n++] = '.';
    }
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];

        if (is_in((char)c, UNRESERVED) || c == '/')
            out[n++] = (char)c;
        else
            n += put_escape(out + n, c);
    }
    *ret = mr_str_n(out, n);
    return 0;
}

/* RFC 3986 2: neither reserved, unreserved nor '%'. */
static bool is_no_uris(unsigned char c)
{
    static const char bytes[] = " \"<>\\^`{|}";

    return c > 0x7e || (c >= ' ' && memchr(bytes, c, sizeof bytes - 1));
}

int mr_url_encode_raw(struct mr_arena *arena, struct mr_str uri,
                      struct mr_str *ret)
{
    size_t n = 0, raw = 0;
    char *out;

    for (size_t i = 0; i < uri.n; i++)
        raw += is_no_uris((unsigned char)uri.p[i]);
    *ret = uri;
    if (raw == 0)
        return 0;
    out = mr_arena_alloc(arena, uri.n + 2 * raw);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < uri.n; i++) {
        unsigned char c = (unsigned char)uri.p[i];

        if (is_no_uris(c))
            n += put_escape(out + n, c);
        else
            out[n++] = (char)c;
    }
    *ret = mr_str_n(out, n);
    return 0;
}

/* --- query --- */

/* The next decoded byte of raw at *i. */
static char next_byte(struct mr_str raw, size_t *i, bool plus)
{
    int c = escape_value(raw.p + *i, raw.n - *i);

    if (c >= 0) {
        *i += 3;
        return (char)c;
    }
    c = raw.p[(*i)++];
    return plus && c == '+' ? ' ' : (char)c;
}

int mr_url_decode(struct mr_arena *arena, struct mr_str raw, bool plus,
                  struct mr_str *ret)
{
    size_t n = 0, i = 0;
    char *out;

    if (mr_str_find(raw, '%') < 0 && (!plus || mr_str_find(raw, '+') < 0)) {
        *ret = raw;
        return 0;
    }
    out = mr_arena_alloc(arena, raw.n);
    if (!out)
        return -ENOMEM;
    while (i < raw.n)
        out[n++] = next_byte(raw, &i, plus);
    *ret = mr_str_n(out, n);
    return 0;
}

bool mr_query_next(struct mr_str *rest, struct mr_str *ret_name,
                   struct mr_str *ret_value)
{
    struct mr_str pair;
    ssize_t at;

    do {
        if (!mr_str_split(rest, '&', &pair))
            return false;
    } while (pair.n == 0);
    at = mr_str_find(pair, '=');
    *ret_name = pair;
    *ret_value = mr_str_n(NULL, 0);
    if (at >= 0) {
        *ret_name = mr_str_n(pair.p, (size_t)at);
        *ret_value = mr_str_n(pair.p + at + 1, pair.n - (size_t)at - 1);
    }
    return true;
}

static bool name_is(struct mr_str raw, const char *name)
{
    size_t i = 0;

    for (; i < raw.n && *name; name++)
        if (next_byte(raw, &i, true) != *name)
            return false;
    return i == raw.n && !*name;
}

int mr_query_find(struct mr_arena *arena, struct mr_str query, const char *name,
                  struct mr_str *ret_value)
{
    struct mr_str raw_name, raw_value;

    if (!query.p)
        return -ENOENT;
    while (mr_query_next(&query, &raw_name, &raw_value))
        if (name_is(raw_name, name))
            return mr_url_decode(arena, raw_value, true, ret_value);
    return -ENOENT;
}
