/* SPDX-License-Identifier: MIT */
/*
 * response_head.c - the strict scan of an answer's head.
 *
 * The status line is proved here, the field lines by head_check.c, where a
 * request's are; then the fields that say where the body ends are read once,
 * and http-parser must agree (parse.c).
 *
 * Invariants
 *  (1) The outcome depends on the bytes alone, not on how they were cut.
 *  (2) Where the body ends is decided here, once: decide. All else reads the
 *      head.
 *  (3) What has two meanings is refused, not resolved.
 */
#include "http/response_head.h"

#include "http/span.h"

/* "HTTP/1.1 200" and a reason that somebody might read. */
#define LINE_MAX 1024

static const char pattern[] = "HTTP/d.d ddd";
#define PATTERN (sizeof pattern - 1)

static enum mr_parse refuse(struct mr_answer_parser *p, const char *reason)
{
    p->reason = reason;
    p->outcome = MR_PARSE_BAD;
    return MR_PARSE_BAD;
}

/* --- the status line --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What the first line has to begin with, byte by byte: invariant 1. DONE: it is
 * there. */
static enum mr_parse prove_start(struct mr_answer_parser *p, const char *buf,
                                 size_t len)
{
    for (size_t i = 0; i < MR_MIN(len, PATTERN); i++) {
        char c = buf[i];

        if (pattern[i] == 'd' ? !is_digit(c) : c != pattern[i])
            return refuse(p, i < 5 ? "not HTTP" : "malformed status line");
        if (i == 5 && c != '1')
            return refuse(p, "HTTP version not supported");
        if (i == 9 && c == '0')
            return refuse(p, "malformed status line");
    }
    return len < PATTERN ? MR_PARSE_MORE : MR_PARSE_DONE;
}

/* RFC 9112 4: the space behind the code is there also without a reason; not
 * all servers know, and nothing hangs on it. */
static enum mr_parse prove_line(struct mr_answer_parser *p, const char *buf,
                                size_t len)
{
    const char *end = buf + MR_MIN(len, (size_t)LINE_MAX), *reason, *cr;
    enum mr_parse rc = prove_start(p, buf, len);

    if (rc != MR_PARSE_DONE)
        return rc;
    reason = buf + PATTERN;
    if (reason < end && *reason != ' ' && *reason != '\r')
        return refuse(p, "malformed status line");
    cr = reason < end ? mr_span_value(reason, end) : end;
    if (cr < end && *cr != '\r')
        return refuse(p, *cr == '\n' ? "bare LF" : "control byte");
    if (end - cr < 2 && len >= LINE_MAX)
        return refuse(p, "status line too long");
    if (end - cr < 2)
        return MR_PARSE_MORE;
    if (cr[1] != '\n')
        return refuse(p, "CR in the wrong place");
    p->line = (size_t)(cr + 2 - buf);
    p->head.minor = buf[7] > '0';
    p->head.status =
        (buf[9] - '0') * 100 + (buf[10] - '0') * 10 + buf[11] - '0';
    if (cr > reason)
        p->head.reason = mr_str_n(reason + 1, (size_t)(cr - reason - 1));
    mr_answer_scan_begin(&p->scan, p->line);
    return MR_PARSE_DONE;
}

/* --- what the fields say --- */

struct framing {
    struct mr_str length;
    struct mr_str coding;
    bool close;
    bool keep_alive;
    unsigned n;
    uint16_t shown[MR_HEAD_FRAMING_LINES]; /* to http-parser */
};

static void note_connection(struct framing *f, struct mr_str list)
{
    struct mr_str option;

    while (mr_list_field_next(&list, &option)) {
        f->close |= mr_str_is_case(option, "close");
        f->keep_alive |= mr_str_is_case(option, "keep-alive");
    }
}

/* NULL, or why it is refused. */
static const char *note_once(struct mr_str *slot, struct mr_str value,
                             const char *twice)
{
    if (slot->p)
        return twice;
    *slot = value;
    return NULL;
}

/* NULL, or why the head is refused. Of Connection's lines the first few are
 * shown: they can only close, and all have been looked at here. */
static const char *note_fields(const struct mr_headers *h, struct framing *f)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const char *bad = NULL;
        unsigned reserve = 0;

        switch (mr_known_find(h->v[i].name)) {
        case MR_KNOWN_CONTENT_LENGTH:
            bad = note_once(&f->length, h->v[i].value,
                            "Content-Length came twice");
            break;
        case MR_KNOWN_TRANSFER_ENCODING:
            bad = note_once(&f->coding, h->v[i].value,
                            "Transfer-Encoding came twice");
            break;
        case MR_KNOWN_CONNECTION:
            note_connection(f, h->v[i].value);
            reserve = 2;
            break;
        default:
            continue;
        }
        if (bad)
            return bad;
        if (f->n + reserve < MR_HEAD_FRAMING_LINES)
            f->shown[f->n++] = (uint16_t)i;
    }
    return NULL;
}

static bool has_no_body(int status, enum mr_method method)
{
    return method == MR_METHOD_HEAD || status < 200 || status == 204 ||
           status == 304;
}

/* RFC 9110 9.3.6: what it says of a body's end means nothing. */
static bool is_tunnel(const struct mr_response_head *head,
                      enum mr_method method)
{
    return method == MR_METHOD_CONNECT && head->status / 100 == 2;
}

/* RFC 9112 6.3. */
static enum mr_answer_body body_of(const struct mr_response_head *head,
                                   enum mr_method method,
                                   const struct framing *f)
{
    if (head->status == 101 || is_tunnel(head, method))
        return MR_ANSWER_TUNNEL;
    if (has_no_body(head->status, method))
        return MR_ANSWER_EMPTY;
    if (f->coding.p)
        return MR_ANSWER_CHUNKED;
    return f->length.p ? MR_ANSWER_LENGTH : MR_ANSWER_CLOSE;
}

static enum mr_parse decide(struct mr_answer_parser *p, enum mr_method method,
                            const char *buf)
{
    struct mr_response_head *head = &p->head;
    struct framing f = {0};
    uint64_t n;
    const char *bad = note_fields(&head->headers, &f);

    if (is_tunnel(head, method))
        f = (struct framing){0};
    else if (bad)
        return refuse(p, bad);
    if (f.coding.p && f.length.p)
        return refuse(p, "Transfer-Encoding with Content-Length");
    if (f.coding.p && head->minor == 0)
        return refuse(p, "Transfer-Encoding on HTTP/1.0");
    if (f.coding.p && !mr_str_is_case(f.coding, "chunked"))
        return refuse(p, "Transfer-Encoding is not just chunked");
    if (f.length.p && mr_str_to_u64(f.length, INT64_MAX, &n))
        return refuse(p, "Content-Length is not one number");
    if (f.length.p)
        head->content_length = (int64_t)n;
    if (!mr_parse_confirm_answer(head, mr_str_n(buf, p->line), f.shown, f.n))
        return refuse(p, "two parsers differ about the head");
    head->body = body_of(head, method, &f);
    head->keep_alive = !f.close && (head->minor > 0 || f.keep_alive) &&
                       head->body != MR_ANSWER_CLOSE &&
                       head->body != MR_ANSWER_TUNNEL;
    /* Some send the chunks all the same (RFC 9112 6.1). */
    if (head->body == MR_ANSWER_EMPTY && f.coding.p &&
        method != MR_METHOD_HEAD && head->status != 304)
        head->keep_alive = false;
    p->size = p->scan.pos;
    p->outcome = MR_PARSE_DONE;
    return MR_PARSE_DONE;
}

/* --- from the top --- */

enum mr_parse mr_parse_answer(struct mr_answer_parser *p, enum mr_method method,
                              const char *buf, size_t len)
{
    enum mr_parse rc;

    if (p->outcome != MR_PARSE_MORE)
        return p->outcome;
    if (p->line == 0) {
        rc = prove_line(p, buf, len);
        if (rc != MR_PARSE_DONE)
            return rc;
    }
    switch (mr_head_scan(&p->scan, buf, len)) {
    case MR_SCAN_MORE:
        return MR_PARSE_MORE;
    case MR_SCAN_BAD:
        return refuse(p, p->scan.reason);
    case MR_SCAN_DONE:
        break;
    }
    return decide(p, method, buf);
}

void mr_answer_parser_reset(struct mr_answer_parser *p)
{
    struct mr_headers h = p->head.headers;

    h.n = 0;
    p->head = (struct mr_response_head){.content_length = -1, .headers = h};
    p->size = 0;
    p->reason = NULL;
    p->line = 0;
    p->outcome = MR_PARSE_MORE;
    mr_head_scan_reset(&p->scan);
}

void mr_answer_parser_init(struct mr_answer_parser *p,
                           const struct mr_head_limits *limits,
                           struct mr_field *fields)
{
    mr_headers_init(&p->head.headers, fields, limits->max_fields);
    mr_answer_scan_init(&p->scan, limits, &p->head.headers);
    mr_answer_parser_reset(p);
}
