/* SPDX-License-Identifier: MIT */

/*
 * disposition.c - the file name of a Content-Disposition (RFC 6266, 8187).
 *
 *     attachment; filename="EURO rates"; filename*=UTF-8''%e2%82%ac%20rates
 *
 * Lenient where browsers are: any type, spaces around '=', a value in quotes
 * that has no end. In quotes only \" and \\ are escapes: names with a directory
 * of Windows are common, and what is before the last backslash is cut anyway.
 * A name that is not UTF-8 is taken for ISO-8859-1, as RFC 6266 4.3 has it.
 */
#include <errno.h>

#include "apps/get/name.h"

/* Longer than what a name is cut to, even if all of it was escaped. */
#define VALUE_MAX 2048

/* A name that is being found: the better of two. */
struct found {
    char name[GET_NAME_SIZE];
    size_t n; /* 0: none yet */
    bool extended;
};

struct value {
    char text[VALUE_MAX];
    size_t n;
};

static void put(struct value *v, char c)
{
    if (v->n < sizeof v->text)
        v->text[v->n++] = c;
}

static void skip_space(struct mr_str *s)
{
    while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
        s->p++;
        s->n--;
    }
}

static char take(struct mr_str *s)
{
    char c = s->p[0];

    s->p++;
    s->n--;
    return c;
}

static void read_quoted(struct mr_str *s, struct value *v)
{
    while (s->n > 0) {
        char c = take(s);

        if (c == '"')
            return;
        if (c == '\\' && s->n > 0 && (s->p[0] == '"' || s->p[0] == '\\'))
            c = take(s);
        put(v, c);
    }
}

static void read_value(struct mr_str *s, struct value *v)
{
    v->n = 0;
    skip_space(s);
    if (s->n > 0 && s->p[0] == '"') {
        take(s);
        read_quoted(s, v);
    } else {
        while (s->n > 0 && s->p[0] != ';')
            put(v, take(s));
        v->n = mr_str_trim(mr_str_n(v->text, v->n)).n;
    }
}

/* ISO-8859-1 to UTF-8. */
static void widen(struct value *v, struct mr_str s)
{
    v->n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c >= 0x80)
            put(v, (char)(0xc0 | c >> 6));
        put(v, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
    }
}

/* charset'language'value, percent-encoded (RFC 8187 3.2). False: it is none,
 * and the plain one is better. */
static bool decode_extended(const struct value *from, struct value *to)
{
    struct mr_str rest = mr_str_n(from->text, from->n), charset, language;
    struct value plain = {.n = 0};
    uint64_t byte;

    if (!mr_str_split(&rest, '\'', &charset) ||
        !mr_str_split(&rest, '\'', &language) || !rest.p)
        return false;
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] != '%') {
            put(&plain, rest.p[i]);
            continue;
        }
        if (i + 2 >= rest.n ||
            mr_str_hex_to_u64(mr_str_n(rest.p + i + 1, 2), 255, &byte))
            return false;
        put(&plain, (char)byte);
        i += 2;
    }
    rest = mr_str_n(plain.text, plain.n);
    if (mr_str_is_case(charset, "iso-8859-1"))
        widen(to, rest);
    else if (mr_str_is_case(charset, "utf-8") && mr_str_is_utf8(rest))
        *to = plain;
    else
        return false;
    return true;
}

static void consider(struct found *f, struct mr_str name, struct value *v)
{
    bool extended = mr_str_is_case(name, "filename*");
    struct value better;
    char clean[GET_NAME_SIZE];
    size_t n;

    if (!extended && !mr_str_is_case(name, "filename"))
        return;
    if (f->n > 0 && (f->extended || !extended))
        return; /* the first of each, filename* before filename */
    if (extended && !decode_extended(v, &better))
        return;
    if (!extended && !mr_str_is_utf8(mr_str_n(v->text, v->n)))
        widen(&better, mr_str_n(v->text, v->n));
    else if (!extended)
        better = *v;
    n = get_name_clean(clean, mr_str_n(better.text, better.n));
    if (n == 0)
        return;
    memcpy(f->name, clean, n + 1);
    f->n = n;
    f->extended = extended;
}

ssize_t get_name_of_disposition(char out[GET_NAME_SIZE], struct mr_str field)
{
    struct found f = {.n = 0};
    struct mr_str s = field;
    struct value v;

    while (s.n > 0) {
        struct mr_str name = {s.p, 0};

        while (s.n > 0 && s.p[0] != ';' && s.p[0] != '=') {
            take(&s);
            name.n++;
        }
        if (s.n > 0 && take(&s) == '=') {
            read_value(&s, &v);
            consider(&f, mr_str_trim(name), &v);
            while (s.n > 0 && s.p[0] != ';')
                take(&s);
            if (s.n > 0)
                take(&s);
        }
    }
    if (f.n == 0)
        return -ENOENT;
    memcpy(out, f.name, f.n + 1);
    return (ssize_t)f.n;
}
