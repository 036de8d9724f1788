/* SPDX-License-Identifier: MIT */

/*
 * response_fields.c - what a handler adds to an answer's head, and what it may
 * not (http/response.h, 4 to 6).
 *
 * Each field is formatted once, into the request's arena; the head is their
 * concatenation. A handful of names means something to the server: the table.
 */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "http/conn_priv.h"
#include "http/cookie.h"

enum { OURS = 1 << 15 };
/* RFC 9110 5.3: a field that is no list stands once. */
enum {
    ONCE = MR_HAS_TYPE | MR_HAS_SERVER | MR_HAS_CONTENT_RANGE | MR_HAS_ETAG |
           MR_HAS_LAST_MODIFIED | MR_HAS_LOCATION | MR_HAS_CONTENT_LOCATION |
           MR_HAS_EXPIRES | MR_HAS_RETRY_AFTER | MR_HAS_AGE
};

/* By length. */
static const struct {
    struct mr_str name;
    unsigned is;
} known[] = {
#define X(name, is)                  \
    {                                \
        {name, sizeof(name) - 1}, is \
    }
    X("te", OURS), /* of one connection only (RFC 9110 7.6.1), as some below */
    X("age", MR_HAS_AGE),
    X("date", OURS),
    X("etag", MR_HAS_ETAG),
    X("allow", MR_HAS_ALLOW),
    X("server", MR_HAS_SERVER),
    X("expires", MR_HAS_EXPIRES),
    X("upgrade", MR_HAS_UPGRADE),
    X("location", MR_HAS_LOCATION),
    X("connection", OURS),
    X("keep-alive", OURS),
    X("retry-after", MR_HAS_RETRY_AFTER),
    X("content-type", MR_HAS_TYPE),
    X("content-range", MR_HAS_CONTENT_RANGE),
    X("last-modified", MR_HAS_LAST_MODIFIED),
    X("content-length", OURS),
    X("content-location", MR_HAS_CONTENT_LOCATION),
    X("proxy-connection", OURS),
    X("www-authenticate", MR_HAS_CHALLENGE),
    X("transfer-encoding", OURS),
#undef X
};
#define LONGEST 17
/* Where names of a length begin in it; of the next one, where they end. */
static const uint8_t from[LONGEST + 2] = {0, 0,  0,  1,  2,  4,  5,  6,  8, 9,
                                          9, 11, 12, 13, 15, 16, 16, 19, 20};

static unsigned what_is(struct mr_str name)
{
    if (name.n == 0 || name.n > LONGEST)
        return 0;
    for (size_t i = from[name.n]; i < from[name.n + 1]; i++) {
        struct mr_str k = known[i].name;

        if ((name.p[0] | 0x20) == k.p[0] && mr_str_eq_case(name, k))
            return known[i].is;
    }
    return 0;
}

/* RFC 9110 8.8.2.1: a time of change in the future becomes the present. */
static struct mr_str not_after_date(struct mr_http *http, struct mr_str value)
{
    const char *date = mr_http_date(http);
    int64_t t;

    if (mr_date_parse(value, http->date.second, &t) == 0 &&
        t > http->date.second)
        return mr_str_n(date, MR_DATE_LEN);
    return value;
}

static bool is_byteranges(struct mr_str type)
{
    static const char byteranges[] = "multipart/byteranges";
    size_t n = sizeof byteranges - 1;

    return type.n > n && type.p[n] == ';' &&
           mr_str_is_case(mr_str_n(type.p, n), byteranges);
}

/* Name and value are proved. */
static int add(struct mr_response *res, unsigned is, struct mr_str name,
               struct mr_str value)
{
    size_t n = name.n + value.n + 4;
    struct mr_extra *e;

    if (res->has & is & ONCE)
        return -EEXIST;
    if (res->extra_n == MR_EXTRA_MAX)
        return -ENOBUFS;
    e = mr_arena_alloc(&res->x->arena, sizeof *e + n);
    if (!e)
        return -ENOMEM;
    e->next = NULL;
    e->n = n;
    memcpy(e->text, name.p, name.n);
    memcpy(e->text + name.n, ": ", 2);
    memcpy(e->text + name.n + 2, value.p, value.n);
    memcpy(e->text + n - 2, "\r\n", 2);
    *res->extra_end = e;
    res->extra_end = &e->next;
    res->extra_bytes += n;
    res->extra_n++;
    res->has |= (uint16_t)is;
    if (is & MR_HAS_TYPE && is_byteranges(value))
        res->has |= MR_HAS_BYTERANGES;
    return 0;
}

int mr_response_header_n(struct mr_response *res, struct mr_str name,
                         struct mr_str value)
{
    unsigned is = what_is(name);

    if (res->started)
        return -EALREADY;
    if (!mr_token_is_valid(name) || !mr_field_value_is_valid(value) ||
        is & OURS)
        return -EINVAL;
    if (is & MR_HAS_LAST_MODIFIED)
        value = not_after_date(res->x->http, value);
    return add(res, is, name, value);
}

int mr_response_last_modified(struct mr_response *res, int64_t seconds)
{
    struct mr_http *http = res->x->http;
    const char *date = mr_http_date(http);

    if (res->started)
        return -EALREADY;
    if (seconds <= http->date.second)
        date = mr_date_cached(
            &http->modified[(uint64_t)seconds % MR_ARRAY_LEN(http->modified)],
            seconds);
    return add(res, MR_HAS_LAST_MODIFIED, mr_str("Last-Modified"),
               mr_str_n(date, MR_DATE_LEN));
}

int mr_response_header(struct mr_response *res, const char *name,
                       const char *value)
{
    return mr_response_header_n(res, mr_str(name), mr_str(value));
}

int mr_response_cookie(struct mr_response *res, const struct mr_cookie *cookie)
{
    size_t room = cookie->name.n + cookie->value.n + cookie->path.n +
                  cookie->domain.n + 128;
    struct mr_arena *arena = &res->x->arena;
    struct mr_arena_mark mark = mr_arena_mark(arena);
    char *buf;
    ssize_t n;

    if (res->started)
        return -EALREADY;
    buf = mr_arena_alloc(arena, MR_MIN(room, MR_COOKIE_MAX));
    if (!buf)
        return -ENOMEM;
    n = mr_cookie_format(cookie, buf, MR_MIN(room, MR_COOKIE_MAX));
    if (n < 0) {
        mr_arena_release(arena, mark);
        return n == -ENOBUFS ? -EINVAL : (int)n;
    }
    return mr_response_header_n(res, mr_str("Set-Cookie"),
                                mr_str_n(buf, (size_t)n));
}

void mr_extra_split(const struct mr_extra *e, struct mr_str *ret_name,
                    struct mr_str *ret_value)
{
    struct mr_str rest = mr_str_n(e->text, e->n - 2);

    (void)mr_str_split(&rest, ':', ret_name);
    *ret_value = mr_str_trim(rest);
}

bool mr_response_has_element(const struct mr_response *res, const char *name,
                             const char *element)
{
    for (const struct mr_extra *e = res->extra; e; e = e->next) {
        struct mr_str n, list, part;

        mr_extra_split(e, &n, &list);
        if (!mr_str_is_case(n, name))
            continue;
        while (mr_list_field_next(&list, &part)) {
            if (mr_str_is_case(part, element))
                return true;
        }
    }
    return false;
}

int mr_response_vary(struct mr_response *res, const char *field)
{
    if (mr_response_has_element(res, "vary", field) ||
        mr_response_has_element(res, "vary", "*"))
        return 0;
    return mr_response_header(res, "Vary", field);
}

/* RFC 9110 11.6.1, 15.3.7, 15.5.6, 15.5.22. */
bool mr_response_may_be(const struct mr_response *res, int status,
                        struct mr_str type)
{
    static const struct {
        int status;
        unsigned needs; /* one of them */
        const char *name;
    } owed[] = {
        {401, MR_HAS_CHALLENGE, "WWW-Authenticate"},
        {405, MR_HAS_ALLOW, "Allow"},
        {426, MR_HAS_UPGRADE, "Upgrade"},
        {206, MR_HAS_CONTENT_RANGE | MR_HAS_BYTERANGES, "Content-Range"},
    };
    unsigned has = res->has;

    if (status < 206)
        return true;
    if (is_byteranges(type))
        has |= MR_HAS_BYTERANGES;
    for (size_t i = 0; i < MR_ARRAY_LEN(owed); i++) {
        if (status != owed[i].status || has & owed[i].needs)
            continue;
        mr_log(MR_LOG_ERROR, "http: app %s: an answer of %d without %s",
               res->x->target ? res->x->target->name : "-", status,
               owed[i].name);
        return false;
    }
    /* The parts of many say where they belong, the whole does not. */
    return !(has & MR_HAS_BYTERANGES && has & MR_HAS_CONTENT_RANGE);
}

void mr_response_pass_on(struct mr_response *res)
{
    res->passed_on = true;
}

/* --- facts --- */

bool mr_response_is_started(const struct mr_response *res)
{
    return res->started;
}

int mr_response_status(const struct mr_response *res)
{
    return res->status;
}

void mr_response_close_after(struct mr_response *res)
{
    res->close = true;
}
