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
 * Its verdict is a function of the bytes that it is given, and of nothing else.
 * So it is kept beside a copy of them, and when the very same bytes come again
 * it is not asked again; whether it agrees is looked at each time. Clients ask
 * for the same few things over and over. Where the whole head is one that came
 * before, nothing is read anew at all (head_memo.h).
 *
 * Its peculiarities met here: with Upgrade or CONNECT it would stop and leave
 * the rest, so the callback clears upgrade; it would wait for a body, so the
 * callback returns 1; it refuses a tab behind Content-Length's digits, so white
 * space behind a value is kept from it; its verdict on keep-alive forgets
 * `close` on HTTP/1.0, so the more careful one of the two counts.
 */
#include "http/parse.h"

#include <http_parser.h>
#include <string.h>

#include "http/response_head.h"

/* What it is given: the request line with its CRLF, then each of the lines
 * without. */
struct given {
    struct mr_str piece[1 + MR_HEAD_FRAMING_LINES];
    unsigned n;
};

/* --- asking http-parser --- */

static int on_headers_complete(http_parser *hp)
{
    struct mr_verdict *v = hp->data;

    v->n = 1; /* it saw the end of the head */
    v->method = (uint8_t)hp->method;
    v->minor = (uint8_t)hp->http_minor;
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

static bool feed(http_parser *hp, const char *p, size_t n)
{
    return http_parser_execute(hp, &settings, p, n) == n &&
           HTTP_PARSER_ERRNO(hp) == HPE_OK;
}

/* False when it does not take them for a head. */
static bool ask(const struct given *g, struct mr_verdict *ret)
{
    http_parser hp;

    http_parser_init(&hp, HTTP_REQUEST);
    hp.data = ret;
    ret->n = 0;
    for (unsigned i = 0; i < g->n; i++) {
        if (!feed(&hp, g->piece[i].p, g->piece[i].n) ||
            (i > 0 && !feed(&hp, "\r\n", 2)))
            return false;
    }
    return feed(&hp, "\r\n", 2) && ret->n > 0 && hp.http_major == 1;
}

/* --- verdicts that were given before --- */

static uint64_t mixed(uint64_t hash, const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by phi */
    return hash ^ hash >> 32;
}

/* Where their verdict would be kept; NULL when they are too many bytes. n is
 * how many, with a CRLF behind each piece but the first. */
static struct mr_verdict *place_of(struct mr_verdicts *verdicts,
                                   const struct given *g, size_t n)
{
    uint64_t hash = 0;

    if (n > MR_VERDICT_BYTES)
        return NULL;
    for (unsigned i = 0; i < g->n; i++) {
        struct mr_str s = g->piece[i];

        for (size_t at = 0; at + 8 < s.n; at += 8)
            hash = mixed(hash, s.p + at);
        hash = mixed(hash, s.p + s.n - 8);
    }
    return &verdicts->v[hash % MR_VERDICTS];
}

/* n >= 8 bytes; most are few. */
static inline bool is_same(const char *p, const char *q, size_t n)
{
    uint64_t a, b, differ = 0;

    for (size_t at = 0; at + 8 < n; at += 8) {
        memcpy(&a, p + at, 8);
        memcpy(&b, q + at, 8);
        differ |= a ^ b;
    }
    memcpy(&a, p + n - 8, 8);
    memcpy(&b, q + n - 8, 8);
    return (differ | (a ^ b)) == 0;
}

/* No piece has a CR within, so what was put together can be taken apart in one
 * way only. */
static bool is_of(const struct mr_verdict *v, const struct given *g, size_t n)
{
    const char *at = v->bytes;

    if (v->n != n)
        return false;
    for (unsigned i = 0; i < g->n; i++) {
        struct mr_str s = g->piece[i];

        if (!is_same(at, s.p, s.n))
            return false;
        at += s.n;
        if (i == 0)
            continue;
        if (at[0] != '\r' || at[1] != '\n')
            return false;
        at += 2;
    }
    return true;
}

/* Where their verdict is, or will be; NULL: nowhere. The one that was used last
 * is looked at first. */
static struct mr_verdict *find_place(struct mr_verdicts *verdicts,
                                     const struct given *g, size_t *ret_n,
                                     bool *ret_known)
{
    struct mr_verdict *last = verdicts->last;
    size_t n = 2 * (g->n - 1);

    for (unsigned i = 0; i < g->n; i++) {
        if (g->piece[i].n < 8) /* none is */
            return NULL;
        n += g->piece[i].n;
    }
    *ret_n = n;
    *ret_known = last && is_of(last, g, n);
    if (*ret_known)
        return last;
    verdicts->last = last = place_of(verdicts, g, n);
    *ret_known = last && is_of(last, g, n);
    return last;
}

static void keep(struct mr_verdict *v, const struct given *g, size_t n)
{
    char *at = v->bytes;

    for (unsigned i = 0; i < g->n; i++) {
        memcpy(at, g->piece[i].p, g->piece[i].n);
        at += g->piece[i].n;
        if (i == 0)
            continue;
        *at++ = '\r';
        *at++ = '\n';
    }
    v->n = (uint16_t)n;
}

/* --- one head --- */

static void choose(const struct mr_parser *p, const char *end, struct given *g)
{
    const struct mr_headers *h = &p->head.headers;
    const char *line = p->head.method_text.p;
    const char *first = h->n > 0 ? h->v[0].name.p : end - 2;

    g->n = 1;
    g->piece[0] = mr_str_n(line, (size_t)(first - line));
    for (unsigned i = 0; i < p->scan.framing_n; i++) {
        const struct mr_field *f = &h->v[p->scan.framing[i]];

        g->piece[g->n++] =
            mr_str_n(f->name.p, (size_t)(f->value.p + f->value.n - f->name.p));
    }
}

static bool agrees(const struct mr_parser *p, const struct mr_verdict *v)
{
    const struct mr_request_head *head = &p->head;
    uint64_t len =
        head->framing == MR_FRAMING_LENGTH ? head->content_length : UINT64_MAX;

    return v->method == methods[head->method] && v->minor == p->scan.minor &&
           v->chunked == (head->framing == MR_FRAMING_CHUNKED) &&
           v->content_length == len;
}

static bool confirm(struct mr_parser *p, const char *end)
{
    struct mr_verdict *v = NULL, own;
    struct given g;
    bool known = false;
    size_t n = 0;

    choose(p, end, &g);
    if (p->verdicts)
        v = find_place(p->verdicts, &g, &n, &known);
    if (!v)
        v = &own;
    if (!known) {
        if (!ask(&g, v)) {
            v->n = 0;
            return false;
        }
        if (v != &own)
            keep(v, &g, n);
    }
    if (!agrees(p, v))
        return false;
    p->head.keep_alive = p->head.keep_alive && v->keep_alive;
    return true;
}

static enum mr_parse refuse(struct mr_parser *p, int status, const char *reason)
{
    p->status = status;
    p->reason = reason;
    return MR_PARSE_BAD;
}

/* All that is here of a head whose like both parsers have taken. It is left as
 * it is by a reset, and cleared when it is known that another one comes. */
static bool came_before(struct mr_parser *p, const char *buf, size_t len)
{
    p->size =
        mr_head_memo_find(&p->verdicts->heads, buf, len, &p->head, &p->held);
    if (MR_LIKELY(p->size > 0)) {
        p->scan.pos = p->size; /* as if it had been scanned */
        return true;
    }
    p->held.edition = 0;
    mr_head_scan_reset(&p->scan);
    return false;
}

MR_HOT enum mr_parse mr_parse_request(struct mr_parser *p, const char *buf,
                                      size_t len)
{
    if (p->status)
        return MR_PARSE_BAD;
    if (p->size > 0)
        return MR_PARSE_DONE;
    if ((p->held.edition || p->scan.pos == 0) && p->verdicts &&
        came_before(p, buf, len))
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
    if (p->verdicts)
        mr_head_memo_note(&p->verdicts->heads, buf, p->size, &p->head);
    return MR_PARSE_DONE;
}

void mr_parser_init(struct mr_parser *p, const struct mr_head_limits *limits,
                    struct mr_field *fields)
{
    mr_head_scan_init(&p->scan, limits, &p->head, fields);
    p->verdicts = NULL;
    p->held.edition = 0;
    p->size = 0;
    p->status = 0;
    p->reason = NULL;
}

void mr_parser_remember(struct mr_parser *p, struct mr_verdicts *verdicts)
{
    p->verdicts = verdicts;
}

void mr_parser_taint(struct mr_parser *p)
{
    p->held.edition = 0;
}

MR_HOT void mr_parser_reset(struct mr_parser *p)
{
    if (!p->held.edition)
        mr_head_scan_reset(&p->scan);
    p->size = 0;
    p->status = 0;
    p->reason = NULL;
}

/* --- an answer's head --- */

struct answer {
    bool whole; /* it saw the end of the head */
    bool chunked;
    uint64_t content_length;
};

static int on_answer_complete(http_parser *hp)
{
    struct answer *a = hp->data;

    a->whole = true;
    a->chunked = hp->flags & F_CHUNKED;
    a->content_length = hp->content_length;
    hp->upgrade = 0;
    return 1;
}

static bool feed_answer(http_parser *hp, struct mr_str s)
{
    static const http_parser_settings asked = {
        .on_headers_complete = on_answer_complete,
    };

    return http_parser_execute(hp, &asked, s.p, s.n) == s.n &&
           HTTP_PARSER_ERRNO(hp) == HPE_OK;
}

bool mr_parse_confirm_answer(const struct mr_response_head *head,
                             struct mr_str status_line, const uint16_t *framing,
                             unsigned n)
{
    const struct mr_str end = mr_str_n("\r\n", 2);
    uint64_t length =
        head->content_length < 0 ? UINT64_MAX : (uint64_t)head->content_length;
    struct answer a = {0};
    bool chunked = false;
    http_parser hp;

    http_parser_init(&hp, HTTP_RESPONSE);
    hp.data = &a;
    if (!feed_answer(&hp, status_line))
        return false;
    for (unsigned i = 0; i < n; i++) {
        const struct mr_field *f = &head->headers.v[framing[i]];
        const char *last = f->value.p + f->value.n;

        if (!feed_answer(&hp,
                         mr_str_n(f->name.p, (size_t)(last - f->name.p))) ||
            !feed_answer(&hp, end))
            return false;
        chunked |= mr_known_find(f->name) == MR_KNOWN_TRANSFER_ENCODING;
    }
    return feed_answer(&hp, end) && a.whole && hp.http_major == 1 &&
           (hp.http_minor > 0) == head->minor &&
           (int)hp.status_code == head->status && a.chunked == chunked &&
           a.content_length == length;
}
