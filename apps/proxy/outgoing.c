/* SPDX-License-Identifier: MIT */

/*
 * outgoing.c - what a server is asked, made of what we were asked.
 *
 *   (1) The path goes on as the client wrote it when that means the same
 *       without its dots; else as we read it: the route was chosen by that.
 *   (2) A field that is for one connection stays on it (RFC 9110 7.6.1): those
 *       that Connection names, and those that always are.
 */
#include <errno.h>
#include <millrace/app.h>

#include "apps/proxy/forward.h"

/* Our own name in Via; a request with so many of them goes in circles. */
#define NAME "millrace"
#define MAX_HOPS 10
/* For one connection only (RFC 9110 7.6.1), or said anew for the next. */
static const char *const not_passed_on[] = {
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

bool is_passed_on(const struct mr_headers *h, struct mr_str name)
{
    char lower[64];
    struct mr_str z = name;

    for (size_t i = 0; i < MR_ARRAY_LEN(not_passed_on); i++)
        if (mr_str_is_case(name, not_passed_on[i]))
            return false;
    if (name.n >= sizeof lower)
        return true; /* nobody lists one like that */
    memcpy(lower, z.p, z.n);
    lower[z.n] = '\0';
    return !mr_headers_has_token(h, "connection", lower);
}

static int add(struct forward *f, const char *name, struct mr_str value)
{
    if (f->r.n_fields == FORWARD_FIELDS)
        return -E2BIG;
    f->fields[f->r.n_fields++] = (struct mr_field){mr_str(name), value};
    return 0;
}

/* All values of a field and one more, as one list. NULL: out of memory. */
static const char *appended(const struct forward *f, const char *name,
                            const char *last)
{
    const struct mr_headers *h = mr_request_headers(f->req);
    const char *list = NULL;

    for (ssize_t i = mr_headers_find(h, name, 0); i >= 0;
         i = mr_headers_find(h, name, (size_t)i + 1)) {
        struct mr_str v = h->v[i].value;

        list = list ? mr_arena_printf(f->arena, "%s, %.*s", list, MR_STR(v))
                    : mr_arena_dup(f->arena, v);
        if (!list)
            return NULL;
    }
    return list ? mr_arena_printf(f->arena, "%s, %s", list, last) : last;
}

bool outgoing_loops(const struct mr_request *req)
{
    const struct mr_headers *h = mr_request_headers(req);
    unsigned n = 0;

    for (ssize_t i = mr_headers_find(h, "via", 0); i >= 0;
         i = mr_headers_find(h, "via", (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, hop, version;

        while (mr_list_field_next(&list, &hop)) {
            (void)mr_str_split(&hop, ' ', &version);
            n += mr_str_is(mr_str_trim(hop), NAME);
        }
    }
    return n >= MAX_HOPS;
}

/* By another proxy in front of us, whose word goes along. */
static bool is_said(const struct forward *f, const char *name)
{
    return f->p->forwarded == FORWARDED_APPEND &&
           mr_request_header(f->req, name).p;
}

/* Who asks, by which name: what the server cannot see any more. */
static int add_forwarded(struct forward *f)
{
    struct mr_str host = mr_request_host(f->req);
    char text[MR_ADDR_TEXT];
    struct mr_addr peer;
    struct mr_str client;
    const char *list;
    int rc;

    if (f->p->forwarded == FORWARDED_OFF)
        return 0;
    mr_request_peer(f->req, &peer);
    client = mr_addr_host(&peer, text);
    if (client.p[0] == '[') /* the field has them bare */
        client = mr_str_n(client.p + 1, client.n - 2);
    list = mr_arena_dup(f->arena, client);
    if (list && f->p->forwarded == FORWARDED_APPEND)
        list = appended(f, "x-forwarded-for", list);
    if (!list)
        return -ENOMEM;
    rc = add(f, "X-Forwarded-For", mr_str(list));
    if (!rc && host.n > 0 && !is_said(f, "x-forwarded-host"))
        rc = add(f, "X-Forwarded-Host", host);
    if (!rc && !is_said(f, "x-forwarded-proto"))
        rc = add(f, "X-Forwarded-Proto",
                 mr_str(mr_request_is_https(f->req) ? "https" : "http"));
    return rc;
}

static bool is_forwarded(struct mr_str name)
{
    return mr_str_is_case(name, "x-forwarded-for") ||
           mr_str_is_case(name, "x-forwarded-host") ||
           mr_str_is_case(name, "x-forwarded-proto") ||
           mr_str_is_case(name, "forwarded");
}

/* Is the field left to add_forwarded, or dropped as nobody's word? */
static bool is_ours(const struct forward *f, struct mr_str name)
{
    if (mr_str_is_case(name, "host") || mr_str_is_case(name, "via"))
        return true;
    if (f->p->forwarded == FORWARDED_SET)
        return is_forwarded(name);
    return f->p->forwarded == FORWARDED_APPEND &&
           mr_str_is_case(name, "x-forwarded-for");
}

static int add_fields(struct forward *f)
{
    const struct mr_headers *h = mr_request_headers(f->req);
    struct mr_str host =
        f->p->host == HOST_CLIENT ? mr_request_host(f->req) : mr_str_n(NULL, 0);
    const char *via = appended(
        f, "via", mr_request_minor(f->req) > 0 ? "1.1 " NAME : "1.0 " NAME);
    int rc = via ? add(f, "Via", mr_str(via)) : -ENOMEM;

    if (!rc && host.n > 0)
        rc = add(f, "Host", host);
    if (!rc)
        rc = add_forwarded(f);
    for (size_t i = 0; i < h->n && !rc; i++) {
        struct mr_str name = h->v[i].name;

        if (is_ours(f, name) || !is_passed_on(h, name))
            continue;
        /* CGI and its heirs read X_Forwarded_For as X-Forwarded-For. */
        if (memchr(name.p, '_', name.n))
            continue;
        if (f->r.n_fields == FORWARD_FIELDS)
            rc = -E2BIG;
        else
            f->fields[f->r.n_fields++] = h->v[i];
    }
    return rc;
}

/* What is left of a raw path behind so many bytes of the decoded one. */
static struct mr_str behind(struct mr_str raw, size_t n)
{
    while (n-- > 0) {
        size_t one = raw.p[0] == '%' ? 3 : 1;

        raw = mr_str_n(raw.p + one, raw.n - one);
    }
    return raw;
}

/* Invariant 1. 0 or -ENOMEM. */
static int choose_path(const struct forward *f, struct mr_str *ret)
{
    struct mr_str path = mr_request_path(f->req), raw, query, decoded;
    struct mr_str want = f->p->strip ? mr_request_rest(f->req) : path;
    int rc;

    mr_url_split(mr_request_target(f->req), &raw, &query);
    rc = mr_url_decode(f->arena, raw, false, &decoded);
    if (rc)
        return rc;
    /* not of "http://host/path", nor where a rest is only said to be "/" */
    if (mr_str_eq(decoded, path) && want.n <= path.n &&
        memcmp(path.p + path.n - want.n, want.p, want.n) == 0) {
        *ret = behind(raw, path.n - want.n);
        return 0;
    }
    return mr_url_encode_path(f->arena, want, ret);
}

/* The target for this server: "*", or its base, the path and the query. */
int outgoing_target(struct forward *f)
{
    struct mr_str query = mr_request_query_text(f->req), path;
    const char *target;
    int rc;

    if (mr_str_is(mr_request_path(f->req), "*")) {
        f->r.target = mr_str("*");
        return 0;
    }
    rc = choose_path(f, &path);
    if (rc)
        return rc;
    target = mr_arena_printf(f->arena, "%.*s%.*s%s%.*s", MR_STR(f->u->base),
                             MR_STR(path), query.p ? "?" : "", MR_STR(query));
    f->r.target = target ? mr_str(target) : mr_str_n(NULL, 0);
    return target ? 0 : -ENOMEM;
}

static bool is_idempotent(enum mr_method m)
{
    return m == MR_METHOD_GET || m == MR_METHOD_HEAD || m == MR_METHOD_PUT ||
           m == MR_METHOD_DELETE || m == MR_METHOD_OPTIONS ||
           m == MR_METHOD_TRACE;
}

int outgoing_prepare(struct forward *f)
{
    enum mr_method method = mr_request_method(f->req);
    int64_t length = mr_request_length(f->req);

    f->safe = is_idempotent(method);
    f->r.method = mr_method_text(method);
    f->r.fields = f->fields;
    f->r.max_redirects = -1;
    f->r.streams = length != 0;
    f->r.duplex = f->r.streams;
    f->r.length = length;
    f->r.upgrade =
        length == 0 ? mr_request_header(f->req, "upgrade") : mr_str_n(NULL, 0);
    /* Its frames would go past the routes; it may stand among others. */
    if (mr_headers_has_token(mr_request_headers(f->req), "upgrade", "h2c") ||
        !mr_headers_has_token(mr_request_headers(f->req), "connection",
                              "upgrade"))
        f->r.upgrade = mr_str_n(NULL, 0);
    return add_fields(f);
}
