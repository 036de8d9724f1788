/* SPDX-License-Identifier: MIT */

/*
 * uri.c - http and https URIs (http/uri.h).
 *
 *  (1) Text is cut first (RFC 3986, appendix B), each part is looked at alone,
 *      and all is written anew from the parts: nothing of the text gets into
 *      the result unread.
 *  (2) Of a result, no view holds a control byte, a space or a byte above 0x7e;
 *      user and password, which are decoded, may have the latter two.
 *  (3) Parsing a result's text gives the same text.
 */
#include "http/uri.h"

#include <errno.h>

#include "http/uri_priv.h"

/* A reference, cut. Parts that are not there have p NULL; the path is never
 * absent, but may be empty. */
struct parts {
    struct mr_str scheme, authority, path, query, fragment;
};

/* --- cutting --- */

/* RFC 3986 3.1; p NULL: there is none. */
static struct mr_str scheme_of(struct mr_str s)
{
    ssize_t at = mr_str_find(s, ':');

    if (at <= 0 || !mr_uri_is_letter(s.p[0]))
        return (struct mr_str){0};
    for (ssize_t i = 1; i < at; i++) {
        char c = s.p[i];

        if (!mr_uri_is_letter(c) && !mr_uri_is_digit(c) && c != '+' &&
            c != '-' && c != '.')
            return (struct mr_str){0};
    }
    return mr_str_n(s.p, (size_t)at);
}

void mr_uri_cut_off(struct mr_str *s, char c, struct mr_str *ret_rest)
{
    ssize_t at = mr_str_find(*s, c);

    *ret_rest = (struct mr_str){0};
    if (at < 0)
        return;
    *ret_rest = mr_uri_after(*s, (size_t)at + 1);
    s->n = (size_t)at;
}

static void cut(struct mr_str s, struct parts *ret)
{
    ret->scheme = scheme_of(s);
    if (ret->scheme.p)
        s = mr_uri_after(s, ret->scheme.n + 1);
    mr_uri_cut_off(&s, '#', &ret->fragment);
    mr_uri_cut_off(&s, '?', &ret->query);
    ret->authority = (struct mr_str){0};
    if (mr_str_starts(s, "//")) {
        ssize_t slash;

        s = mr_uri_after(s, 2);
        slash = mr_str_find(s, '/');
        ret->authority = s;
        if (slash >= 0)
            ret->authority.n = (size_t)slash;
        s = mr_uri_after(s, ret->authority.n);
    }
    ret->path = s;
}

int mr_uri_check_bytes(struct mr_str s, const char **ret_reason)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return mr_uri_refuse(ret_reason, "it has a control byte");
    return 0;
}

/* "localhost:8080" has what looks like a scheme: but a port follows. */
static bool is_port_ahead(struct mr_str s)
{
    size_t i = 0;

    while (i < s.n && mr_uri_is_digit(s.p[i]))
        i++;
    return i > 0 && (i == s.n || memchr("/?#", s.p[i], 3));
}

/* Of a scheme, which stands before `rest`: is it one of ours? */
static int check_scheme(struct mr_str scheme, struct mr_str rest, bool *https,
                        const char **ret_reason)
{
    *https = mr_str_is_case(scheme, "https");
    if (!*https && !mr_str_is_case(scheme, "http")) {
        *ret_reason = "only http:// and https:// are known";
        return -EPROTONOSUPPORT;
    }
    if (!mr_str_starts(rest, "//"))
        return mr_uri_refuse(ret_reason,
                             *https ? "https: wants two slashes behind it"
                                    : "http: wants two slashes behind it");
    return 0;
}

/* --- the path --- */

/* Is it "." or ".."? How many dots, which may be escaped. */
static int dots(struct mr_str segment)
{
    int n = 0;

    while (segment.n > 0) {
        size_t one = segment.p[0] == '.' ? 1 : 0;

        if (segment.n >= 3 && segment.p[0] == '%' && segment.p[1] == '2' &&
            (segment.p[2] | 0x20) == 'e')
            one = 3;
        if (one == 0 || ++n > 2)
            return 0;
        segment = mr_uri_after(segment, one);
    }
    return n;
}

/* RFC 3986 5.2.4, of a path that begins with '/': into out, which has room for
 * as much. */
static size_t put_path(char *out, struct mr_str path)
{
    struct mr_str rest = mr_uri_after(path, 1), segment;
    size_t n = 0;

    while (mr_str_split(&rest, '/', &segment)) {
        int back = dots(segment);

        if (back == 2)
            while (n > 0 && out[--n] != '/')
                ;
        if (back && rest.p)
            continue;
        out[n++] = '/';
        if (!back) {
            memcpy(out + n, segment.p, segment.n);
            n += segment.n;
        }
    }
    return n;
}

/* RFC 3986 5.2.3: reference in the place of all behind base's last '/'. */
static struct mr_str merge(struct mr_arena *arena, struct mr_str base,
                           struct mr_str reference)
{
    char *out;

    while (base.n > 0 && base.p[base.n - 1] != '/')
        base.n--;
    out = mr_arena_alloc(arena, base.n + reference.n);
    if (!out)
        return (struct mr_str){0};
    memcpy(out, base.p, base.n);
    memcpy(out + base.n, reference.p, reference.n);
    return mr_str_n(out, base.n + reference.n);
}

/* --- putting together --- */

/* To the end of out; the view of it. */
static struct mr_str put(char *out, size_t *n, struct mr_str s)
{
    struct mr_str at = mr_str_n(out + *n, s.n);

    if (s.n > 0)
        memcpy(out + *n, s.p, s.n);
    *n += s.n;
    return at;
}

static void put_authority(char *out, size_t *n, struct mr_uri *u)
{
    bool brackets = u->is_address && mr_str_find(u->host, ':') >= 0;
    size_t begin = *n;
    char digits[20];

    (void)put(out, n, mr_str(brackets ? "[" : ""));
    u->host = put(out, n, u->host);
    (void)put(out, n, mr_str(brackets ? "]" : ""));
    if (u->port != (u->https ? PORT_HTTPS : PORT_HTTP)) {
        (void)put(out, n, mr_str(":"));
        (void)put(out, n, mr_str_n(digits, mr_str_put_u64(digits, u->port)));
    }
    u->authority = mr_str_n(out + begin, *n - begin);
}

/* u has https, host, is_address, port, user and password; the rest is written
 * from raw parts. The path is empty or begins with '/'. */
static int build(struct mr_arena *arena, struct mr_uri *u, struct mr_str path,
                 struct mr_str query, struct mr_str fragment,
                 const char **ret_reason)
{
    size_t n = 0, begin;
    char *out;

    if (path.n == 0)
        path = mr_str("/");
    if (mr_url_encode_raw(arena, path, &path) ||
        mr_url_encode_raw(arena, query, &query) ||
        mr_url_encode_raw(arena, fragment, &fragment))
        return mr_uri_no_memory(ret_reason);
    out = mr_arena_alloc(arena, strlen("https://[]:65535?#") + u->host.n +
                                    path.n + query.n + fragment.n);
    if (!out)
        return mr_uri_no_memory(ret_reason);
    u->scheme = mr_str(u->https ? "https" : "http");
    (void)put(out, &n, u->scheme);
    (void)put(out, &n, mr_str("://"));
    put_authority(out, &n, u);
    begin = n;
    n += put_path(out + n, path);
    u->path = mr_str_n(out + begin, n - begin);
    u->query = u->fragment = (struct mr_str){0};
    if (query.p) {
        (void)put(out, &n, mr_str("?"));
        u->query = put(out, &n, query);
    }
    u->target = mr_str_n(out + begin, n - begin);
    u->text = mr_str_n(out, n);
    if (fragment.p)
        u->fragment = put(out, &n, fragment);
    return 0;
}

/* Of a reference that names its authority. */
static int build_from(struct mr_arena *arena, const struct parts *p, bool https,
                      struct mr_uri *ret, const char **ret_reason)
{
    struct mr_uri u = {.https = https};
    int err = mr_uri_read_authority(arena, p->authority, &u, ret_reason);

    if (!err)
        err = build(arena, &u, p->path, p->query, p->fragment, ret_reason);
    if (!err)
        *ret = u;
    return err;
}

/* user and password into this arena. */
static int keep_user(struct mr_arena *arena, struct mr_uri *u)
{
    struct mr_str *const parts[] = {&u->user, &u->password};

    for (size_t i = 0; i < MR_ARRAY_LEN(parts); i++) {
        if (!parts[i]->p)
            continue;
        parts[i]->p = mr_arena_dup(arena, *parts[i]);
        if (!parts[i]->p)
            return -ENOMEM;
    }
    return 0;
}

/* --- what uri.h promises --- */

static int parse(struct mr_arena *arena, struct mr_str text, bool guess,
                 struct mr_uri *ret, const char **ret_reason)
{
    const char *unasked;
    bool https = false;
    struct parts p;
    int err;

    ret_reason = ret_reason ? ret_reason : &unasked;
    text = mr_str_trim(text);
    err = mr_uri_check_bytes(text, ret_reason);
    if (err)
        return err;
    if (text.n == 0)
        return mr_uri_refuse(ret_reason, "it is empty");
    cut(text, &p);
    if (p.scheme.p && is_port_ahead(mr_uri_after(text, p.scheme.n + 1)))
        p.scheme = (struct mr_str){0};
    if (p.scheme.p) {
        err = check_scheme(p.scheme, mr_uri_after(text, p.scheme.n + 1), &https,
                           ret_reason);
        return err ? err : build_from(arena, &p, https, ret, ret_reason);
    }
    if (!guess)
        return mr_uri_refuse(ret_reason, "say http:// or https://");
    text = mr_str(mr_arena_printf(arena, "http:%s%.*s",
                                  mr_str_starts(text, "//") ? "" : "//",
                                  MR_STR(text)));
    if (!text.p)
        return mr_uri_no_memory(ret_reason);
    cut(text, &p);
    return build_from(arena, &p, false, ret, ret_reason);
}

int mr_uri_parse(struct mr_arena *arena, struct mr_str text, struct mr_uri *ret,
                 const char **ret_reason)
{
    return parse(arena, text, false, ret, ret_reason);
}

int mr_uri_guess(struct mr_arena *arena, struct mr_str text, struct mr_uri *ret,
                 const char **ret_reason)
{
    return parse(arena, text, true, ret, ret_reason);
}

int mr_uri_resolve(struct mr_arena *arena, const struct mr_uri *base,
                   struct mr_str reference, struct mr_uri *ret,
                   const char **ret_reason)
{
    const char *unasked;
    struct mr_uri u;
    bool https = base->https;
    struct parts p;
    int err;

    ret_reason = ret_reason ? ret_reason : &unasked;
    reference = mr_str_trim(reference);
    err = mr_uri_check_bytes(reference, ret_reason);
    if (err)
        return err;
    cut(reference, &p);
    if (p.scheme.p) {
        err = check_scheme(p.scheme, mr_uri_after(reference, p.scheme.n + 1),
                           &https, ret_reason);
        if (err)
            return err;
    }
    if (p.authority.p)
        return build_from(arena, &p, https, ret, ret_reason);
    u = *base;
    if (p.path.n == 0) {
        p.path = base->path;
        p.query = p.query.p ? p.query : base->query;
    } else if (p.path.p[0] != '/') {
        p.path = merge(arena, base->path, p.path);
    }
    if (!p.path.p || keep_user(arena, &u))
        return mr_uri_no_memory(ret_reason);
    err = build(arena, &u, p.path, p.query, p.fragment, ret_reason);
    if (!err)
        *ret = u;
    return err;
}

bool mr_uri_same_origin(const struct mr_uri *a, const struct mr_uri *b)
{
    return a->https == b->https && a->port == b->port &&
           mr_str_eq(a->host, b->host);
}
