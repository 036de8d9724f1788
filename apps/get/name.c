/* SPDX-License-Identifier: MIT */

/*
 * name.c - what a downloaded file is called here.
 *
 *  (1) What get_name_clean writes has no '/', '\' or control character, is not
 *      empty unless it says so, begins with neither '.' nor '-', is UTF-8, and
 *      at most 255 bytes long. Cleaning it again changes nothing.
 *  (2) It is none of the names that mrget itself gives (".part" and behind).
 */
#include "apps/get/name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

/* Of a longer one the middle is not looked at: its ends make the name. */
#define HEAD 512
#define TAIL 64
/* Longer than any ending that tells what a file is. */
#define ENDING_MAX 20

/* --- characters --- */

/* The length of the character at s, and which it is; 0: not UTF-8. */
static size_t get_char(struct mr_str s, uint32_t *ret)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? c : c & (0x7fU >> n);

    if (n > s.n || !mr_str_is_utf8(mr_str_n(s.p, n)))
        return 0;
    for (size_t i = 1; i < n; i++)
        v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
    *ret = v;
    return n;
}

/* Control characters; those that change how the text beside them is shown, so
 * that "exe.txt" may be the other way round; what other systems' names cannot
 * have. */
static bool is_unwanted(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
        return true;
    if (c < 0x80)
        return strchr("/\\:*?\"<>|", (int)c) != NULL;
    return c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

static size_t put_clean(char *out, struct mr_str s)
{
    size_t used = 0;
    uint32_t c = 0;

    while (s.n > 0) {
        size_t n = get_char(s, &c);

        if (n == 0 || is_unwanted(c)) {
            out[used++] = '_';
        } else {
            memcpy(out + used, s.p, n);
            used += n;
        }
        n = MR_MAX(n, 1);
        s = mr_str_n(s.p + n, s.n - n);
    }
    return used;
}

/* --- endings --- */

/* Where the ending begins, with its dot: s.n when there is none. */
static size_t ending_at(struct mr_str s)
{
    size_t at = s.n;

    while (at > 1 && s.p[at - 1] != '.')
        at--;
    if (at <= 1 || s.n - at >= ENDING_MAX)
        return s.n;
    at--;
    if (at > 4 && memcmp(s.p + at - 4, ".tar", 4) == 0)
        at -= 4;
    return at;
}

/* At most n bytes of s, and no half of a character. */
static size_t cut_at(struct mr_str s, size_t n)
{
    if (n >= s.n)
        return s.n;
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* In place: base (at most so that all fits), what, and the ending. */
static size_t put_between(char out[GET_NAME_SIZE], struct mr_str name,
                          const char *what)
{
    size_t at = ending_at(name);
    struct mr_str ending = mr_str_n(name.p + at, name.n - at);
    size_t n = strlen(what);
    size_t base =
        cut_at(mr_str_n(name.p, at), GET_NAME_MAX - MR_MIN(ending.n, 64) - n);
    char kept[64];

    ending.n = MR_MIN(ending.n, sizeof kept);
    if (ending.n > 0)
        memcpy(kept, ending.p, ending.n);
    memmove(out, name.p, base);
    memcpy(out + base, what, n);
    memcpy(out + base + n, kept, ending.n);
    out[base + n + ending.n] = '\0';
    return base + n + ending.n;
}

static bool is_reserved(struct mr_str s)
{
    static const char *const words[] = {"con", "prn", "aux", "nul"};
    ssize_t dot = mr_str_find(s, '.');

    if (dot >= 0)
        s.n = (size_t)dot;
    for (size_t i = 0; i < MR_ARRAY_LEN(words); i++)
        if (mr_str_is_case(s, words[i]))
            return true;
    return s.n == 4 && s.p[3] >= '0' && s.p[3] <= '9' &&
           (mr_str_is_case(mr_str_n(s.p, 3), "com") ||
            mr_str_is_case(mr_str_n(s.p, 3), "lpt"));
}

bool get_name_is_ours(struct mr_str s)
{
    return mr_str_ends(s, ".part") || mr_str_ends(s, ".part.journal") ||
           mr_str_ends(s, ".part.journal.new");
}

static struct mr_str trim(struct mr_str s)
{
    while (s.n > 0 && s.p[0] == ' ') {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '.'))
        s.n--;
    return s;
}

static struct mr_str last_segment(struct mr_str s)
{
    size_t at = s.n;

    while (at > 0 && s.p[at - 1] != '/' && s.p[at - 1] != '\\')
        at--;
    return mr_str_n(s.p + at, s.n - at);
}

size_t get_name_clean(char out[GET_NAME_SIZE], struct mr_str raw)
{
    struct mr_str s = last_segment(raw);
    char all[1 + HEAD + TAIL + 1];
    size_t n;

    /* One byte in front is for a name that needs one. */
    if (s.n <= HEAD + TAIL) {
        n = put_clean(all + 1, s);
    } else {
        n = put_clean(all + 1, mr_str_n(s.p, HEAD));
        n += put_clean(all + 1 + n, mr_str_n(s.p + s.n - TAIL, TAIL));
    }
    s = trim(mr_str_n(all + 1, n));
    out[0] = '\0';
    if (s.n == 0)
        return 0;
    if (s.p[0] == '.' || s.p[0] == '-') {
        all[s.p - all] = '_';
    } else if (is_reserved(s)) {
        s = mr_str_n(s.p - 1, s.n + 1);
        all[s.p - all] = '_';
    }
    n = put_between(out, s, "");
    /* The cut may have left a space or a dot at the end of the base. */
    n = trim(mr_str_n(out, n)).n;
    if (get_name_is_ours(mr_str_n(out, n))) {
        n = MR_MIN(n, GET_NAME_MAX - 1);
        out[n++] = '_';
    }
    out[n] = '\0';
    return n;
}

size_t get_name_number(char out[GET_NAME_SIZE], struct mr_str name,
                       unsigned number)
{
    char text[16];

    snprintf(text, sizeof text, ".%u", number);
    return put_between(out, name, text);
}

/* --- URLs --- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At most size bytes; a broken escape stays as it is. */
static size_t decode(char *out, size_t size, struct mr_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < size; i++) {
        int hi = s.p[i] == '%' && i + 2 < s.n ? hex_of(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_of(s.p[i + 2]) : -1;

        if (lo >= 0)
            i += 2;
        out[n++] = lo >= 0 ? (char)(hi * 16 + lo) : s.p[i];
    }
    return n;
}

size_t get_name_of_url(char out[GET_NAME_SIZE], struct mr_str url)
{
    const char *host = url.n > 0 ? memmem(url.p, url.n, "://", 3) : NULL;
    char plain[4 * HEAD];
    size_t n = 0;
    ssize_t slash;

    while (n < url.n && url.p[n] != '?' && url.p[n] != '#')
        n++;
    if (host && host < url.p + n) {
        n -= (size_t)(host + 3 - url.p);
        url.p = host + 3;
    }
    url.n = n;
    slash = mr_str_find(url, '/');
    url = slash < 0 ? mr_str("") : last_segment(url);
    /* Of a long one the end is as good as the beginning. */
    if (url.n > sizeof plain)
        url = mr_str_n(url.p + url.n - sizeof plain, sizeof plain);
    n = decode(plain, sizeof plain, url);
    n = get_name_clean(out, mr_str_n(plain, n));
    if (n > 0)
        return n;
    memcpy(out, "index.html", sizeof "index.html");
    return sizeof "index.html" - 1;
}
