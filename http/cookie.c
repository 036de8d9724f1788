/* SPDX-License-Identifier: MIT */

/*
 * cookie.c - the Cookie field taken apart, the Set-Cookie field put together.
 *
 *  (1) Reading is lenient: what one application set must not hide another's
 *      cookie on the same host. A part that is no pair is skipped.
 *  (2) Writing is strict: RFC 6265 4.1.1's grammar, and what browsers ask on
 *      top of it (RFC 6265bis 5.7), since they drop a bad one without a word.
 *  (3) No byte that ends a field or an attribute gets through.
 */
#include "http/cookie.h"

#include <errno.h>
#include <string.h>

/* RFC 6265bis 5.6: browsers drop more. */
#define PAIR_MAX 4096
#define ATTRIBUTE_MAX 1024

/* --- reading --- */

static struct mr_str unquote(struct mr_str s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return mr_str_n(s.p + 1, s.n - 2);
    return s;
}

bool mr_cookie_next(struct mr_str *rest, struct mr_str *ret_name,
                    struct mr_str *ret_value)
{
    struct mr_str part;

    while (mr_str_split(rest, ';', &part)) {
        ssize_t eq = mr_str_find(part, '=');
        struct mr_str name;

        if (eq < 0)
            continue;
        name = mr_str_trim(mr_str_n(part.p, (size_t)eq));
        if (name.n == 0)
            continue;
        *ret_name = name;
        *ret_value = unquote(
            mr_str_trim(mr_str_n(part.p + eq + 1, part.n - (size_t)eq - 1)));
        return true;
    }
    return false;
}

struct mr_str mr_cookie_find(const struct mr_headers *h, const char *name)
{
    struct mr_str rest, got, value;

    for (ssize_t i = mr_headers_find(h, "cookie", 0); i >= 0;
         i = mr_headers_find(h, "cookie", (size_t)i + 1)) {
        rest = h->v[i].value;
        while (mr_cookie_next(&rest, &got, &value)) {
            if (mr_str_is(got, name))
                return value;
        }
    }
    return (struct mr_str){0};
}

/* --- writing --- */

/* RFC 6265 4.1.1, cookie-octet. */
static bool is_value(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' ||
            c == '\\')
            return false;
    }
    return true;
}

/* An attribute's value: any byte but control bytes and ';'. */
static bool is_attribute(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x7f || c == ';')
            return false;
    }
    return s.n <= ATTRIBUTE_MAX;
}

/* RFC 6265bis 4.1.3: a name that promises what the attributes must keep. */
static bool keeps_promise(const struct mr_cookie *c)
{
    static const char host[] = "__Host-", secure[] = "__Secure-";
    struct mr_str front = c->name;

    front.n = MR_MIN(front.n, sizeof secure - 1);
    if (mr_str_is_case(front, secure))
        return c->secure;
    front.n = MR_MIN(front.n, sizeof host - 1);
    if (mr_str_is_case(front, host))
        return c->secure && c->domain.n == 0 && mr_str_is(c->path, "/");
    return true;
}

static bool is_valid(const struct mr_cookie *c)
{
    if (!mr_token_is_valid(c->name) || !is_value(c->value) ||
        c->name.n + c->value.n > PAIR_MAX)
        return false;
    if (!is_attribute(c->path) || !is_attribute(c->domain))
        return false;
    if (c->path.n > 0 && c->path.p[0] != '/')
        return false;
    if (mr_str_find(c->domain, ' ') >= 0)
        return false;
    if ((c->same_site == MR_SAME_SITE_NONE || c->partitioned) && !c->secure)
        return false;
    return keeps_promise(c);
}

struct out {
    char *p;
    size_t n; /* wanted, which may be more than there is room for */
    size_t size;
};

static void put(struct out *o, struct mr_str s)
{
    if (s.n > 0 && o->n + s.n <= o->size)
        memcpy(o->p + o->n, s.p, s.n);
    o->n += s.n;
}

static void put_attribute(struct out *o, const char *name, struct mr_str value)
{
    if (value.n == 0)
        return;
    put(o, mr_str(name));
    put(o, value);
}

ssize_t mr_cookie_format(const struct mr_cookie *c, char *buf, size_t size)
{
    static const char *const same_site[] = {
        [MR_SAME_SITE_UNSAID] = "",
        [MR_SAME_SITE_STRICT] = "; SameSite=Strict",
        [MR_SAME_SITE_LAX] = "; SameSite=Lax",
        [MR_SAME_SITE_NONE] = "; SameSite=None",
    };
    struct out o = {buf, 0, size};
    char digits[20];

    if ((size_t)c->same_site >= MR_ARRAY_LEN(same_site) || !is_valid(c))
        return -EINVAL;
    put(&o, c->name);
    put(&o, mr_str("="));
    put(&o, c->value);
    put_attribute(&o, "; Path=", c->path);
    put_attribute(&o, "; Domain=", c->domain);
    if (c->max_age != 0)
        put_attribute(
            &o, "; Max-Age=",
            mr_str_n(digits,
                     mr_str_put_u64(digits, (uint64_t)MR_MAX(c->max_age, 0))));
    if (c->secure)
        put(&o, mr_str("; Secure"));
    if (c->http_only)
        put(&o, mr_str("; HttpOnly"));
    put(&o, mr_str(same_site[c->same_site]));
    if (c->partitioned)
        put(&o, mr_str("; Partitioned"));
    return o.n > size ? -ENOBUFS : (ssize_t)o.n;
}
