/* SPDX-License-Identifier: MIT */

/*
 * format.c - vsnprintf, faster for what is formatted most.
 *
 * libc's takes 500 instructions for one "%.*s": it makes a stream of the buffer
 * and looks at the locale. So a first pass puts common conversions together by
 * itself. Where it meets another one, or the room ends, it gives up, and
 * vsnprintf does it all from the beginning: nobody sees the difference.
 */
#include "core/format.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/str.h"

struct out {
    char *at;
    char *end; /* of the room, less one byte for the NUL */
};

static bool put(struct out *o, const char *p, size_t n)
{
    if (n > (size_t)(o->end - o->at))
        return false;
    memcpy(o->at, p, n);
    o->at += n;
    return true;
}

static bool put_signed(struct out *o, long long v)
{
    char digits[24];
    size_t n = 0;
    uint64_t u = (uint64_t)v;

    if (v < 0) {
        digits[n++] = '-';
        u = 0 - u;
    }
    return put(o, digits, n + mr_str_put_u64(digits + n, u));
}

static bool put_unsigned(struct out *o, uint64_t v)
{
    char digits[20];

    return put(o, digits, mr_str_put_u64(digits, v));
}

static bool put_string(struct out *o, const char *p, int most)
{
    if (!p || most < 0)
        return false;
    return put(o, p, strnlen(p, (size_t)most));
}

/* The argument's list moves with the caller's only behind a pointer to it. */
struct args {
    va_list ap;
};

/* An integer, behind its modifiers: how many l (2 for z and j too, which are as
 * long as long long here). */
static bool put_integer(struct out *o, struct args *a, int longs, char c)
{
    if (c == 'd' && longs == 0)
        return put_signed(o, va_arg(a->ap, int));
    if (c == 'd' && longs == 1)
        return put_signed(o, va_arg(a->ap, long));
    if (c == 'd')
        return put_signed(o, va_arg(a->ap, long long));
    if (c != 'u')
        return false;
    if (longs == 0)
        return put_unsigned(o, va_arg(a->ap, unsigned));
    if (longs == 1)
        return put_unsigned(o, va_arg(a->ap, unsigned long));
    return put_unsigned(o, va_arg(a->ap, unsigned long long));
}

_Static_assert(sizeof(size_t) == sizeof(long long) &&
                   sizeof(intmax_t) == sizeof(long long),
               "z and j are taken for ll");

/* One conversion, the bytes behind '%'. Where it ends, or NULL when it is not
 * for here. */
static const char *convert(struct out *o, struct args *a, const char *f)
{
    int longs = 0, most;
    char c;

    if (f[0] == 's')
        return put_string(o, va_arg(a->ap, const char *), INT_MAX) ? f + 1
                                                                   : NULL;
    if (f[0] == '.' && f[1] == '*' && f[2] == 's') {
        most = va_arg(a->ap, int);
        return put_string(o, va_arg(a->ap, const char *), most) ? f + 3 : NULL;
    }
    if (f[0] == '%')
        return put(o, "%", 1) ? f + 1 : NULL;
    if (f[0] == 'c') {
        c = (char)va_arg(a->ap, int);
        return put(o, &c, 1) ? f + 1 : NULL;
    }
    if (*f == 'z' || *f == 'j') {
        longs = 2;
        f++;
    }
    while (*f == 'l' && longs < 2) {
        longs++;
        f++;
    }
    return put_integer(o, a, longs, *f) ? f + 1 : NULL;
}

/* How many bytes, or -1: not for here. size > 0. */
static int format(char *buf, size_t size, const char *fmt, struct args *a)
{
    struct out o = {buf, buf + MR_MIN(size, (size_t)INT_MAX) - 1};

    while (*fmt) {
        const char *percent = strchrnul(fmt, '%');

        if (!put(&o, fmt, (size_t)(percent - fmt)))
            return -1;
        fmt = percent;
        if (*fmt == '%')
            fmt = convert(&o, a, fmt + 1);
        if (!fmt)
            return -1;
    }
    *o.at = '\0';
    return (int)(o.at - buf);
}

int mr_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct args a;
    int n = -1;

    if (size > 0) {
        va_copy(a.ap, ap);
        n = format(buf, size, fmt, &a);
        va_end(a.ap);
    }
    if (n >= 0)
        return n;
    va_copy(a.ap, ap);
    n = vsnprintf(buf, size, fmt, a.ap);
    va_end(a.ap);
    return n;
}
