/* SPDX-License-Identifier: MIT */
/* answer.c - which part of the file, under which head, and what comes after. */
#include <errno.h>
#include <stdio.h>

#include "core/timer.h"
#include "http/date.h"
#include "http/status.h"
#include "io/socket.h"
#include "tests/bad/bad_priv.h"

/* Ranges that one request may have; more are as none. */
#define RANGES_MAX 32

/* Bytes of the file that come with another status than 200. */
#define ERROR_BODY 512

struct part {
    uint64_t from, n;
};

/* What a request comes to. */
struct answer {
    unsigned status;
    struct part part[RANGES_MAX];
    unsigned parts;  /* 0: one body of the file's first `bytes` */
    uint64_t bytes;  /* of the file, where it is one part or none */
    uint64_t length; /* of the body, coded */
    bool multipart;
    char etag[64];
    char date[MR_DATE_LEN + 1];
};

static const char boundary[] = "a-boundary-of-parts";

static void validators(const struct bad_conn *c, struct answer *a)
{
    const struct bad_plan *p = &c->plan;

    /* A day for each seed, from the first of January 2026. */
    mr_date_format(a->date, 1767225600 + (int64_t)(p->seed % 1000) * 86400);
    a->date[MR_DATE_LEN] = 0;
    if (p->etag != BAD_NO_ETAG)
        snprintf(a->etag, sizeof a->etag, "%s\"%ju-%ju\"",
                 p->etag == BAD_WEAK ? "W/" : "", (uintmax_t)p->seed,
                 (uintmax_t)p->size);
}

/* Does the request's If-Range, if any, let its Range count? */
static bool if_range(const struct bad_conn *c, const struct answer *a)
{
    struct mr_str v = bad_field(c, "if-range");

    if (!v.p || c->plan.blind)
        return true;
    if (mr_str_starts(v, "\""))
        return mr_str_is(v, a->etag);
    return c->plan.modified && mr_str_is(v, a->date);
}

/* One of a Range's parts, as an offset and a count. 0; -EINVAL: none;
 * -ERANGE: outside of the file. */
static int part_read(struct mr_str s, uint64_t size, struct part *ret)
{
    uint64_t from = 0, to = UINT64_MAX;
    struct mr_str first;

    s = mr_str_trim(s);
    if (mr_str_find(s, '-') < 0 || !mr_str_split(&s, '-', &first))
        return -EINVAL;
    if (first.n == 0) {
        if (mr_str_to_u64(s, UINT64_MAX, &to))
            return -EINVAL;
        from = to < size ? size - to : 0;
        to = size - 1;
    } else if (mr_str_to_u64(first, UINT64_MAX, &from) ||
               (s.n > 0 && mr_str_to_u64(s, UINT64_MAX, &to))) {
        return -EINVAL;
    }
    if (from >= size || to < from)
        return -ERANGE;
    *ret = (struct part){from, (to < size - 1 ? to : size - 1) - from + 1};
    return 0;
}

static void ranges_read(struct bad_conn *c, struct answer *a)
{
    struct mr_str s = bad_field(c, "range"), one;
    unsigned outside = 0;

    if (c->plan.ranges == BAD_UNASKED && !s.p)
        s = mr_str("bytes=0-");
    if (c->plan.ranges == BAD_IGNORED || c->plan.ranges == BAD_NOT_ACCEPTED ||
        !s.p || !mr_str_starts(s, "bytes=") || !if_range(c, a))
        return;
    c->path->ranges++;
    s = mr_str_n(s.p + 6, s.n - 6);
    while (a->parts < RANGES_MAX && mr_str_split(&s, ',', &one)) {
        int rc = part_read(one, c->plan.size, &a->part[a->parts]);

        if (rc == -EINVAL) {
            a->parts = 0;
            return;
        }
        a->parts += rc == 0;
        outside += rc != 0;
    }
    a->status = 206;
    if (c->plan.ranges == BAD_REFUSED || (a->parts == 0 && outside)) {
        a->status = 416;
        a->parts = 0;
    }
    a->multipart =
        a->parts > 1 || (a->parts && c->plan.ranges == BAD_MULTIPART);
    if (c->plan.ranges == BAD_SHORT && a->parts == 1)
        a->part[0].n -= a->part[0].n / 2;
}

/* The text between parts; i == parts: the last. Its length. */
static int part_head(const struct bad_conn *c, const struct answer *a,
                     unsigned i, char *out, size_t cap)
{
    const struct part *p = &a->part[i];

    if (i == a->parts)
        return snprintf(out, cap, "\r\n--%s--\r\n", boundary);
    return snprintf(out, cap,
                    "\r\n--%s\r\nContent-Type: %.*s\r\n"
                    "Content-Range: bytes %ju-%ju/%ju\r\n\r\n",
                    boundary, MR_STR(c->plan.type), (uintmax_t)p->from,
                    (uintmax_t)(p->from + p->n - 1), (uintmax_t)c->plan.size);
}

static void measure(struct bad_conn *c, struct answer *a)
{
    char text[512];

    if (a->multipart) {
        for (unsigned i = 0; i <= a->parts; i++)
            a->length += (uint64_t)part_head(c, a, i, text, sizeof text) +
                         (i < a->parts ? a->part[i].n : 0);
        return;
    }
    if (a->parts)
        a->bytes = a->part[0].n;
    else if (a->status == 200 || c->plan.size < ERROR_BODY)
        a->bytes = c->plan.size;
    else
        a->bytes = ERROR_BODY;
    a->length = a->bytes;
    if (c->plan.coding && c->plan.frame == BAD_LENGTH)
        a->length =
            bad_coded_length(c, a->parts ? a->part[0].from : 0, a->bytes);
}

static void decide(struct bad_conn *c, struct answer *a)
{
    struct bad_plan *p = &c->plan;
    struct mr_str known = bad_field(c, "if-none-match");
    struct mr_str login = bad_field(c, "authorization");

    a->status = (unsigned)p->status;
    validators(c, a);
    if (p->hops > 0) {
        a->status = p->status == 200 ? 302 : (unsigned)p->status;
    } else if (p->login.p &&
               !(mr_str_starts(login, "Basic ") &&
                 mr_str_eq(mr_str_n(login.p + 6, login.n - 6), p->login))) {
        a->status = 401;
    } else if (p->needs.p) {
        struct mr_str value = p->needs, name;
        char z[64];

        (void)mr_str_split(&value, ':', &name);
        snprintf(z, sizeof z, "%.*s", MR_STR(name));
        if (!mr_str_eq(bad_field(c, z), mr_str_trim(value)))
            a->status = 403;
    }
    if (a->status == 200 && known.p && mr_str_is(known, a->etag))
        a->status = 304;
    if (a->status == 200)
        ranges_read(c, a);
    measure(c, a);
}

/* --- the head --- */

static int content_range(struct bad_conn *c, const struct answer *a,
                         struct mr_buf *b)
{
    uint64_t from = a->part[0].from, total = c->plan.size;
    uint64_t last = from + a->part[0].n - 1;

    if (a->status == 416)
        return mr_buf_printf(b, "Content-Range: bytes */%ju\r\n",
                             (uintmax_t)total);
    if (a->status != 206 || a->multipart)
        return 0;
    if (c->plan.ranges == BAD_RANGE_GARBAGE)
        return mr_buf_append_z(b, "Content-Range: bytes all\r\n");
    if (c->plan.ranges == BAD_SHIFTED) {
        from++;
        last++;
    }
    total += c->plan.ranges == BAD_TOTAL;
    return mr_buf_printf(b, "Content-Range: bytes %ju-%ju/%ju\r\n",
                         (uintmax_t)from, (uintmax_t)last, (uintmax_t)total);
}

/* Fields that say how long it is and what. */
static int body_fields(struct bad_conn *c, const struct answer *a,
                       struct mr_buf *b)
{
    static const char *const names[] = {"", "gzip", "br", "zstd"};
    const struct bad_plan *p = &c->plan;
    struct mr_str said = p->said.p ? p->said : mr_str(names[p->coding]);
    int rc = 0;

    if (a->status == 304 || a->status == 204)
        return 0;
    if (p->frame == BAD_LENGTH || p->frame == BAD_BOTH)
        rc = p->length.p ? mr_buf_printf(b, "Content-Length: %.*s\r\n",
                                         MR_STR(p->length))
                         : mr_buf_printf(b, "Content-Length: %ju\r\n",
                                         (uintmax_t)a->length);
    if (!rc && (p->frame == BAD_CHUNKED || p->frame == BAD_BOTH))
        rc = mr_buf_append_z(b, "Transfer-Encoding: chunked\r\n");
    if (!rc && said.n)
        rc = mr_buf_printf(b, "Content-Encoding: %.*s\r\n", MR_STR(said));
    if (!rc && a->multipart)
        rc = mr_buf_printf(
            b, "Content-Type: multipart/byteranges; boundary=%s\r\n", boundary);
    else if (!rc)
        rc = mr_buf_printf(b, "Content-Type: %.*s\r\n", MR_STR(p->type));
    if (!rc && p->ranges == BAD_NOT_ACCEPTED)
        rc = mr_buf_append_z(b, "Accept-Ranges: none\r\n");
    else if (!rc && p->ranges != BAD_IGNORED)
        rc = mr_buf_append_z(b, "Accept-Ranges: bytes\r\n");
    return rc ? rc : content_range(c, a, b);
}

/* `hops=N` of the target becomes one less. */
static int hop(const struct bad_conn *c, struct mr_buf *b)
{
    struct mr_str rest = c->target, part;
    bool first = true;
    int rc = mr_buf_append_z(b, "Location: ");

    while (!rc && mr_str_split(&rest, '&', &part)) {
        ssize_t at = mr_str_find(part, '?');
        size_t skip = at >= 0 ? (size_t)at + 1 : 0;
        struct mr_str option = mr_str_n(part.p + skip, part.n - skip);

        if (!first)
            rc = mr_buf_append(b, "&", 1);
        first = false;
        if (!rc && mr_str_starts(option, "hops="))
            rc = mr_buf_printf(b, "%.*shops=%ju", (int)skip, part.p,
                               (uintmax_t)c->plan.hops - 1);
        else if (!rc)
            rc = mr_buf_append(b, part.p, part.n);
    }
    return rc ? rc : mr_buf_append_z(b, "\r\n");
}

static int other_fields(struct bad_conn *c, const struct answer *a,
                        struct mr_buf *b)
{
    const struct bad_plan *p = &c->plan;
    char date[MR_DATE_LEN];
    int64_t now = mr_sys_realtime() / 1000000000;
    int rc;

    mr_date_format(date, now);
    rc = mr_buf_printf(b, "Date: %.*s\r\n", (int)sizeof date, date);
    if (!rc && a->etag[0])
        rc = mr_buf_printf(b, "ETag: %s\r\n", a->etag);
    if (!rc && p->modified)
        rc = mr_buf_printf(b, "Last-Modified: %s\r\n", a->date);
    if (!rc && p->hops)
        rc = hop(c, b);
    if (!rc && p->to.p)
        rc = mr_buf_printf(b, "Location: %.*s\r\n", MR_STR(p->to));
    if (!rc && p->retry.p)
        rc = mr_buf_printf(b, "Retry-After: %.*s\r\n", MR_STR(p->retry));
    if (!rc && p->retry_date) {
        mr_date_format(date, now + (int64_t)p->retry_date);
        rc = mr_buf_printf(b, "Retry-After: %.*s\r\n", (int)sizeof date, date);
    }
    if (!rc && a->status == 401)
        rc = mr_buf_append_z(b, "WWW-Authenticate: Basic realm=\"bad\"\r\n");
    for (unsigned i = 0; !rc && i < p->field.n; i++) {
        rc = mr_buf_append(b, p->field.v[i].p, p->field.v[i].n);
        if (!rc)
            rc = mr_buf_append(b, "\r\n", 2);
    }
    memset(c->buf, 'x', BAD_BUF);
    for (uint64_t i = 0; !rc && i < p->fields; i++)
        rc = mr_buf_printf(b, "X-Field-%ju: %.*s\r\n", (uintmax_t)i,
                           (int)(p->field_size % BAD_BUF), c->buf);
    return rc;
}

static int head_write(struct bad_conn *c, const struct answer *a,
                      struct mr_buf *b)
{
    const struct bad_plan *p = &c->plan;
    int rc = mr_buf_printf(b, "HTTP/%.*s %u ", MR_STR(p->http), a->status);

    if (!rc && p->reason.p)
        rc = mr_buf_append(b, p->reason.p, p->reason.n);
    else if (!rc)
        rc = mr_buf_append_z(b, mr_status_reason((int)a->status));
    if (!rc)
        rc = mr_buf_printf(b, "\r\nX-Request: %ju\r\nX-Connection: %ju\r\n",
                           (uintmax_t)c->path->requests, (uintmax_t)c->number);
    if (!rc)
        rc = other_fields(c, a, b);
    if (!rc)
        rc = body_fields(c, a, b);
    if (!rc && p->then == BAD_SAY)
        rc = mr_buf_append_z(b, "Connection: close\r\n");
    return rc ? rc : mr_buf_append_z(b, "\r\n");
}

/* --- the whole --- */

static int send_parts(struct bad_conn *c, const struct answer *a)
{
    char text[512];
    int rc = 0;

    for (unsigned i = 0; !rc && i <= a->parts; i++) {
        uint64_t at = a->part[i % RANGES_MAX].from;
        uint64_t left = i < a->parts ? a->part[i].n : 0;

        rc = bad_send(c, text, (size_t)part_head(c, a, i, text, sizeof text));
        while (!rc && left > 0) {
            size_t n = left < BAD_BUF ? (size_t)left : BAD_BUF;

            bad_bytes(&c->plan, c->buf, n, at, c->plan.seed);
            rc = bad_send(c, c->buf, n);
            at += n;
            left -= n;
            c->path->bytes += n;
            c->bad->stat.bytes += n;
        }
    }
    return rc;
}

static int send_interim(struct bad_conn *c)
{
    char text[128];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %ju Wait\r\nLink: </style>\r\n\r\n",
                     (uintmax_t)c->plan.interim_status);
    int rc = 0;

    for (uint64_t i = 0; !rc && i < c->plan.interim; i++)
        rc = bad_send(c, text, (size_t)n);
    return rc;
}

/* After an answer that is whole. 0: go on. */
static int then(struct bad_conn *c)
{
    switch ((enum bad_then)c->plan.then) {
    case BAD_KEEP:
        return mr_str_is_case(bad_field(c, "connection"), "close") ||
               c->plan.frame == BAD_UNTIL_CLOSE;
    case BAD_CLOSE:
    case BAD_SAY:
        return -1;
    case BAD_THEN_RESET:
        return bad_end(c, BAD_RESET);
    case BAD_DROP:
        if (mr_stream_read(c->s, c->buf, 1, MR_NEVER) > 0)
            return bad_end(c, BAD_RESET);
        return -1;
    }
    return -1;
}

static int send_answer(struct bad_conn *c, const struct answer *a,
                       const struct mr_buf *head)
{
    const struct bad_plan *p = &c->plan;
    struct mr_str text = mr_buf_view(head);
    bool bare = mr_str_is(p->http, "0.9");
    int rc = 0;

    if (p->head == BAD_HALF)
        text.n /= 2;
    if (!bare)
        rc = bad_send(c, text.p, text.n);
    if (!rc && p->head == BAD_HALF)
        return bad_end(c, p->act ? p->act : BAD_STALL);
    if (!rc && a->multipart)
        rc = send_parts(c, a);
    else if (!rc && !mr_str_is(c->method, "HEAD") && a->status != 304 &&
             a->status != 204)
        rc = bad_body(c, a->parts ? a->part[0].from : 0, a->bytes);
    if (!rc)
        rc = then(c);
    return rc ? rc : bare;
}

int bad_answer(struct bad_conn *c)
{
    const struct bad_plan *p = &c->plan;
    struct mr_buf head;
    struct answer a = {0};
    int rc = p->wait > 0 ? mr_sleep(mr_after(p->wait)) : 0;

    if (rc)
        return rc;
    if (p->head == BAD_NO_HEAD)
        return bad_end(c, p->act ? p->act : BAD_STALL);
    rc = send_interim(c);
    if (!rc && p->head == BAD_BYTES) {
        rc = bad_send(c, p->raw.p, p->raw.n);
        if (!rc && p->act)
            return bad_end(c, p->act);
        return rc ? rc : then(c);
    }
    mr_buf_init(&head);
    decide(c, &a);
    if (!rc)
        rc = head_write(c, &a, &head);
    if (!rc)
        rc = send_answer(c, &a, &head);
    mr_buf_fini(&head);
    return rc;
}
