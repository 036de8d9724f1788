/* SPDX-License-Identifier: MIT */
/*
 * head_check.c - the strict scan of a message head that http-parser does not
 * do.
 *
 * A head is read element by element; each state below has one function, which
 * looks at the bytes from pos on, and leaves when they are used up.
 *
 *     EMPTY -> METHOD -> TARGET -> VERSION -> NAME <-> VALUE
 *                                              '-> END -> DONE
 *     trailers begin at NAME                   any -> FAILED
 *
 * Invariants
 *  (1) Bytes before pos are never looked at again, except that a value is
 *      trimmed, and a known field's value read, once its line is whole; and a
 *      target is searched for its '?' when a byte comes that needs one.
 *  (2) The outcome depends on the bytes alone, not on how they were cut. So a
 *      limit is tested against the element read so far before its next byte is
 *      judged, and the total by cutting the input at the limit.
 *  (3) A line is proved before its fields can be seen by anyone.
 *
 * Not here: what proved lines mean (head_rules.c), chunk lines (chunked.c),
 * status lines (response_head.c).
 */
#include "http/head_check.h"

#include "http/head_priv.h"
#include "http/span.h"

/* RFC 9112 2.2 asks to take an empty line before the request line (old clients
 * sent CRLF after a body); a few, so that they are no way to send for ever. */
#define EMPTY_LINES_MAX 4
/* Three times the longest that we know: a longer token is no typing error. */
#define METHOD_MAX 32

enum {
    ST_EMPTY,
    ST_METHOD,
    ST_TARGET,
    ST_VERSION,
    ST_NAME,
    ST_VALUE,
    ST_END,
    ST_DONE,
    ST_FAILED,
};

const uint8_t mr_target_bytes[256] = {
    ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... ';'] = 1, ['-'] = 1,
    ['.'] = 1,         ['_'] = 1,         ['~'] = 1,         ['/'] = 1,
    ['?'] = 1,         ['['] = 1,         [']'] = 1,         ['@'] = 1,
    ['!'] = 1,         ['$'] = 1,         ['%'] = 1,         ['&'] = 1,
    ['\''] = 1,        ['('] = 1,         [')'] = 1,         ['*'] = 1,
    ['+'] = 1,         [','] = 1,         ['='] = 1,
};

/* What no URI has, but browsers leave in a target: 1, anywhere; 2, behind a '?'
 * (the URL standard's percent-encode sets). Never what ends a target in HTML
 * or a log ('"', '<', '>'), nor '\', which some take for '/'. */
static const uint8_t left_raw[256] = {
    ['|'] = 1, ['^'] = 1, ['`'] = 2, ['{'] = 2, ['}'] = 2,
};

enum mr_scan mr_head_refuse(struct mr_head_scan *s, int status,
                            const char *reason)
{
    s->state = ST_FAILED;
    s->status = status;
    s->reason = reason;
    return MR_SCAN_BAD;
}

static enum mr_scan bad_byte(struct mr_head_scan *s, char c, const char *other)
{
    unsigned char u = (unsigned char)c;

    if (c == '\n')
        return mr_head_refuse(s, 400, "bare LF");
    if (c == '\r')
        return mr_head_refuse(s, 400, "CR in the wrong place");
    if (c == '\0')
        return mr_head_refuse(s, 400, "NUL byte");
    if (u < 0x20 || u == 0x7f)
        return mr_head_refuse(s, 400, "control byte");
    return mr_head_refuse(s, 400, other);
}

/* --- the states --- */

static enum mr_scan scan_empty(struct mr_head_scan *s, const char *buf,
                               size_t end)
{
    for (; s->pos < end; s->pos += 2) {
        if (buf[s->pos] != '\r') {
            s->at = s->pos;
            s->state = ST_METHOD;
            return MR_SCAN_DONE;
        }
        if (s->pos + 1 == end)
            break;
        if (buf[s->pos + 1] != '\n')
            return bad_byte(s, '\r', "");
        if (++s->empty_lines > EMPTY_LINES_MAX)
            return mr_head_refuse(s, 400, "too many empty lines");
    }
    return MR_SCAN_MORE;
}

static enum mr_scan scan_method(struct mr_head_scan *s, const char *buf,
                                size_t end)
{
    size_t pos = s->pos;

    /* A few letters: no run for 16 at a time. */
    while (pos < end && mr_is_token_byte(buf[pos]))
        pos++;
    s->pos = pos;
    if (pos - s->at > METHOD_MAX)
        return mr_head_refuse(s, 501, "method too long");
    if (pos == end)
        return MR_SCAN_MORE;
    if (buf[pos] != ' ')
        return bad_byte(s, buf[pos], "byte not allowed in a method");
    if (pos == s->at)
        return mr_head_refuse(s, 400, "white space before the method");
    s->head->method_text = mr_str_n(buf + s->at, pos - s->at);
    s->head->method = mr_method_find(s->head->method_text);
    s->at = ++s->pos;
    s->state = ST_TARGET;
    return MR_SCAN_DONE;
}

/* From pos on, where a run of a URI's bytes ends, what belongs to the target
 * all the same. */
static size_t raw_end(const struct mr_head_scan *s, const char *buf, size_t pos,
                      size_t end)
{
    bool query = memchr(buf + s->at, '?', pos - s->at);

    for (; pos < end; pos++) {
        unsigned char c = (unsigned char)buf[pos];

        if (c == '?')
            query = true;
        if (!mr_target_bytes[c] && left_raw[c] != 1 &&
            !(left_raw[c] == 2 && query))
            break;
    }
    return pos;
}

static enum mr_scan scan_target(struct mr_head_scan *s, const char *buf,
                                size_t end)
{
    size_t pos = (size_t)(mr_span_target(buf + s->pos, buf + end) - buf);

    if (pos < end && left_raw[(unsigned char)buf[pos]])
        pos = raw_end(s, buf, pos, end);
    s->pos = pos;
    if (pos - s->at > s->limits->max_target)
        return mr_head_refuse(s, 414, "target too long");
    if (pos == end)
        return MR_SCAN_MORE;
    if (buf[pos] == '#')
        return mr_head_refuse(s, 400, "fragment in the target");
    if (buf[pos] != ' ')
        return bad_byte(s, buf[pos], "byte not allowed in a target");
    if (pos == s->at)
        return mr_head_refuse(s, 400, "two spaces in the request line");
    s->head->target = mr_str_n(buf + s->at, pos - s->at);
    s->marks = (uint8_t)mr_target_marks(buf + s->at, buf + pos, buf + end);
    s->at = ++s->pos;
    s->state = ST_VERSION;
    return MR_SCAN_DONE;
}

/* "HTTP/d.d" and CRLF, d being a digit: the bytes from pos on. DONE when all
 * are there. */
static enum mr_scan prove_version(struct mr_head_scan *s, const char *buf,
                                  size_t end)
{
    static const char pattern[] = "HTTP/d.d\r\n";

    for (; s->pos < s->at + sizeof pattern - 1; s->pos++) {
        char want = pattern[s->pos - s->at];
        char c;

        if (s->pos == end)
            return MR_SCAN_MORE;
        c = buf[s->pos];
        if (want == 'd' ? c < '0' || c > '9' : c != want)
            return bad_byte(s, c, "malformed HTTP version");
    }
    return MR_SCAN_DONE;
}

static enum mr_scan scan_version(struct mr_head_scan *s, const char *buf,
                                 size_t end)
{
    static const char usual[] = "HTTP/1.1\r\n";
    const char *version = buf + s->at;
    enum mr_scan rc = MR_SCAN_DONE;

    if (s->pos == s->at && end - s->at >= sizeof usual - 1 &&
        memcmp(version, usual, sizeof usual - 1) == 0)
        s->pos += sizeof usual - 1;
    else
        rc = prove_version(s, buf, end);
    if (rc != MR_SCAN_DONE)
        return rc;
    if (version[5] != '1')
        return mr_head_refuse(s, 505, "HTTP version not supported");
    if (s->head->method == MR_METHOD_NONE)
        return mr_head_refuse(s, 501, "unknown method");
    s->minor = (uint8_t)(version[7] - '0');
    s->head->minor = s->minor > 0;
    s->at = s->pos;
    s->state = ST_NAME;
    return mr_head_take_target(s);
}

static enum mr_scan bad_name(struct mr_head_scan *s, size_t n, char c)
{
    bool blank = c == ' ' || c == '\t';

    if (blank && n > 0)
        return mr_head_refuse(s, 400, "white space in or after a field name");
    if (blank && s->fields->n == 0)
        return mr_head_refuse(s, 400, "white space before the first field");
    if (blank)
        return mr_head_refuse(s, 400, "line folding");
    if (c == ':')
        return mr_head_refuse(s, 400, "empty field name");
    if (c == '\r')
        return mr_head_refuse(s, 400, "field line without a colon");
    return bad_byte(s, c, "byte not allowed in a field name");
}

static enum mr_scan scan_name(struct mr_head_scan *s, const char *buf,
                              size_t end)
{
    size_t pos = (size_t)(mr_span_token(buf + s->pos, buf + end) - buf);
    size_t n;

    s->pos = pos;
    if (pos == end)
        return MR_SCAN_MORE;
    n = pos - s->at;
    if (buf[pos] == '\r' && n == 0) {
        s->pos++;
        s->state = ST_END;
        return MR_SCAN_DONE;
    }
    if (buf[pos] != ':' || n == 0)
        return bad_name(s, n, buf[pos]);
    s->name = mr_str_n(buf + s->at, n);
    s->at = ++s->pos;
    s->state = ST_VALUE;
    return MR_SCAN_DONE;
}

static struct mr_str trimmed(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return mr_str_n(p, (size_t)(end - p));
}

static enum mr_scan scan_value(struct mr_head_scan *s, const char *buf,
                               size_t end)
{
    size_t pos = (size_t)(mr_span_value(buf + s->pos, buf + end) - buf);
    struct mr_headers *f = s->fields;

    s->pos = pos;
    if (pos == end)
        return MR_SCAN_MORE;
    if (buf[pos] != '\r')
        return bad_byte(s, buf[pos], "");
    if (pos + 1 == end)
        return MR_SCAN_MORE;
    if (buf[pos + 1] != '\n')
        return bad_byte(s, '\r', "");
    if (f->n == s->limits->max_fields || f->n == f->cap)
        return mr_head_refuse(s, 431, "too many fields");
    f->v[f->n++] = (struct mr_field){s->name, trimmed(buf + s->at, buf + pos)};
    s->at = s->pos = pos + 2;
    s->state = ST_NAME;
    return mr_head_take_field(s);
}

/* Lines that are there whole, name and value at once. The first that is not, or
 * that is no good, is left to scan_name: so no byte is looked at three times.
 */
static enum mr_scan scan_lines(struct mr_head_scan *s, const char *buf,
                               size_t len)
{
    const char *end = buf + len;
    struct mr_headers *f = s->fields;
    uint32_t most = MR_MIN(s->limits->max_fields, f->cap);
    enum mr_scan rc = MR_SCAN_DONE;

    while (rc == MR_SCAN_DONE && f->n < most) {
        const char *name = buf + s->pos;
        const char *colon = mr_span_token(name, end), *cr;

        if (colon == end || *colon != ':' || colon == name)
            break;
        cr = mr_span_value(colon + 1, end);
        if (end - cr < 2 || cr[0] != '\r' || cr[1] != '\n')
            break;
        s->name = mr_str_n(name, (size_t)(colon - name));
        f->v[f->n++] = (struct mr_field){s->name, trimmed(colon + 1, cr)};
        s->at = s->pos = (size_t)(cr + 2 - buf);
        rc = mr_head_take_field(s);
    }
    return rc;
}

static enum mr_scan scan_end(struct mr_head_scan *s, const char *buf,
                             size_t end)
{
    if (s->pos == end)
        return MR_SCAN_MORE;
    if (buf[s->pos] != '\n')
        return bad_byte(s, '\r', "");
    s->pos++;
    s->state = ST_DONE;
    return s->head ? mr_head_decide(s) : MR_SCAN_DONE;
}

/* One state after the other, until one has not done. */
static enum mr_scan scan_on(struct mr_head_scan *s, const char *buf, size_t end)
{
    enum mr_scan rc = MR_SCAN_DONE;

    while (rc == MR_SCAN_DONE) {
        switch (s->state) {
        case ST_EMPTY:
            rc = scan_empty(s, buf, end);
            break;
        case ST_METHOD:
            rc = scan_method(s, buf, end);
            break;
        case ST_TARGET:
            rc = scan_target(s, buf, end);
            break;
        case ST_VERSION:
            rc = scan_version(s, buf, end);
            break;
        case ST_NAME:
            if (s->pos == s->at)
                rc = scan_lines(s, buf, end);
            if (rc == MR_SCAN_DONE)
                rc = scan_name(s, buf, end);
            break;
        case ST_VALUE:
            rc = scan_value(s, buf, end);
            break;
        case ST_END:
            rc = scan_end(s, buf, end);
            break;
        default:
            return rc;
        }
    }
    return rc;
}

enum mr_scan mr_head_scan(struct mr_head_scan *s, const char *buf, size_t len)
{
    size_t end = MR_MIN(len, s->limits->max_head);
    enum mr_scan rc = scan_on(s, buf, end);

    if (s->state == ST_FAILED)
        return MR_SCAN_BAD;
    if (rc == MR_SCAN_MORE && end == s->limits->max_head)
        return s->state <= ST_TARGET
                   ? mr_head_refuse(s, 414, "request line too long")
                   : mr_head_refuse(s, 431, "head too large");
    return rc;
}

/* Field by field: to the compiler a large `= {0}` is a slow string operation,
 * and the scan is reset for each request. */
static void reset_head(struct mr_request_head *head)
{
    const struct mr_str none = {0};

    head->method = MR_METHOD_NONE;
    head->form = MR_TARGET_ORIGIN;
    head->framing = MR_FRAMING_NONE;
    head->minor = 0;
    head->keep_alive = false;
    head->expect_continue = false;
    head->https = false;
    head->upgrade = false;
    head->plain = false;
    head->content_length = 0;
    head->method_text = none;
    head->target = none;
    head->path = none;
    head->query = none;
    head->host = none;
    head->headers.n = 0;
    for (size_t i = 0; i < MR_KNOWN_COUNT; i++)
        head->known[i] = 0;
}

static void reset(struct mr_head_scan *s)
{
    if (s->head)
        reset_head(s->head);
    s->fields->n = 0;
    s->name = (struct mr_str){0};
    s->at = 0;
    s->pos = 0;
    s->reason = NULL;
    s->status = 0;
    s->state = s->head ? ST_EMPTY : ST_NAME;
    s->empty_lines = 0;
    s->marks = 0;
    s->minor = 0;
    s->connection = 0;
    s->framing_n = 0;
}

void mr_head_scan_reset(struct mr_head_scan *s)
{
    if (s->state == ST_EMPTY && s->pos == 0) /* it is */
        return;
    reset(s);
}

void mr_head_scan_init(struct mr_head_scan *s,
                       const struct mr_head_limits *limits,
                       struct mr_request_head *head, struct mr_field *storage)
{
    MR_BUG_ON(limits->max_head > MR_HEAD_MAX);
    mr_headers_init(&head->headers, storage, limits->max_fields);
    *s = (struct mr_head_scan){
        .limits = limits, .head = head, .fields = &head->headers};
    reset(s);
}

void mr_trailer_scan_init(struct mr_head_scan *s,
                          const struct mr_head_limits *limits,
                          struct mr_headers *fields)
{
    *s = (struct mr_head_scan){.limits = limits, .fields = fields};
    reset(s);
}

void mr_answer_scan_init(struct mr_head_scan *s,
                         const struct mr_head_limits *limits,
                         struct mr_headers *fields)
{
    mr_trailer_scan_init(s, limits, fields);
    s->answer = true;
}

void mr_answer_scan_begin(struct mr_head_scan *s, size_t at)
{
    s->at = at;
    s->pos = at;
}
