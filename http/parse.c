/* SPDX-License-Identifier: MIT */
/*
 * parse.c - glue over http-parser.
 *
 * head_check proves every line and decides; then http-parser reads, as
 * received, what decides about framing: the request line and the lines of
 * Content-Length, Transfer-Encoding and Connection. A message about which the
 * two differ is refused: where two parsers can differ, a request can hide. The
 * other lines are not given to it: that would take five times as long, and it
 * draws no conclusion from them that we use.
 *
 * Its peculiarities met here: with Upgrade or CONNECT it would stop and leave
 * the rest, so the callback clears upgrade; it would wait for a body, so the
 * callback returns 1; it refuses a tab behind Content-Length's digits, so white
 * space behind a value is kept from it; its verdict on keep-alive forgets
 * `close` on HTTP/1.0, so the more careful one of the two counts.
 */
#include "http/parse.h"

#include <http_parser.h>

struct verdict {
    bool whole; /* it saw the end of the head */
    bool keep_alive;
    bool chunked;
    uint64_t content_length; /* UINT64_MAX: none */
};

static int on_headers_complete(http_parser *hp)
{
    struct verdict *v = hp->data;

    v->whole = true;
    v->keep_alive = http_should_keep_alive(hp);
    v->chunked = hp->flags & F_CHUNKED;
    v->content_length = hp->content_length;
    hp->upgrade = 0;
    return 1;
}

static const http_parser_settings settings = {
    .on_headers_complete = on_headers_complete,
};

static const uint8_t methods[MR_METHOD_COUNT] = {
#define X(id, text) [MR_METHOD_##id] = HTTP_##id,
    MR_METHODS(X)
#undef X
};

static bool feed(http_parser *hp, const char *from, const char *to)
{
    size_t n = (size_t)(to - from);

    return http_parser_execute(hp, &settings, from, n) == n &&
           HTTP_PARSER_ERRNO(hp) == HPE_OK;
}

static bool feed_all(http_parser *hp, const struct mr_parser *p,
                     const char *end)
{
    const struct mr_headers *h = &p->head.headers;
    const char *blank = end - 2; /* a CRLF */
    const char *first = h->n > 0 ? h->v[0].name.p : blank;

    if (!feed(hp, p->head.method_text.p, first))
        return false;
    for (unsigned i = 0; i < p->scan.framing_n; i++) {
        const struct mr_field *f = &h->v[p->scan.framing[i]];

        if (!feed(hp, f->name.p, f->value.p + f->value.n) ||
            !feed(hp, blank, end))
            return false;
    }
    return feed(hp, blank, end);
}

static bool agrees(const struct mr_request_head *head, const http_parser *hp,
                   const struct verdict *v)
{
    uint64_t len =
        head->framing == MR_FRAMING_LENGTH ? head->content_length : UINT64_MAX;

    return v->whole && hp->http_major == 1 &&
           hp->method == methods[head->method] &&
           v->chunked == (head->framing == MR_FRAMING_CHUNKED) &&
           v->content_length == len;
}

static bool confirm(struct mr_parser *p, const char *end)
{
    struct verdict v = {0};
    http_parser hp;

    http_parser_init(&hp, HTTP_REQUEST);
    hp.data = &v;
    if (!feed_all(&hp, p, end) || !agrees(&p->head, &hp, &v) ||
        hp.http_minor != p->scan.minor)
        return false;
    p->head.keep_alive = p->head.keep_alive && v.keep_alive;
    return true;
}

static enum mr_parse refuse(struct mr_parser *p, int status, const char *reason)
{
    p->status = status;
    p->reason = reason;
    return MR_PARSE_BAD;
}

enum mr_parse mr_parse_request(struct mr_parser *p, const char *buf, size_t len)
{
    if (p->status)
        return MR_PARSE_BAD;
    if (p->size > 0)
        return MR_PARSE_DONE;
    switch (mr_head_scan(&p->scan, buf, len)) {
    case MR_SCAN_MORE:
        return MR_PARSE_MORE;
    case MR_SCAN_BAD:
        return refuse(p, p->scan.status, p->scan.reason);
    case MR_SCAN_DONE:
        break;
    }
    if (!confirm(p, buf + p->scan.pos))
        return refuse(p, 400, "two parsers differ about the head");
    p->size = p->scan.pos;
    return MR_PARSE_DONE;
}

void mr_parser_init(struct mr_parser *p, const struct mr_head_limits *limits,
                    struct mr_field *fields)
{
    mr_head_scan_init(&p->scan, limits, &p->head, fields);
    p->size = 0;
    p->status = 0;
    p->reason = NULL;
}

void mr_parser_reset(struct mr_parser *p)
{
    mr_head_scan_reset(&p->scan);
    p->size = 0;
    p->status = 0;
    p->reason = NULL;
}
