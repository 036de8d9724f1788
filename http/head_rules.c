/* SPDX-License-Identifier: MIT */
/*
 * head_rules.c - what a head's proved lines mean: target, fields, framing,
 * host.
 *
 * The scan calls in here for the request line, for each field, and when the
 * head is whole.
 *
 * Invariants
 *  (1) Framing is decided here, once: decide_framing. All else reads the head.
 *  (2) What has two meanings is refused, not resolved.
 *
 * Not here: bytes (head_check.c), what a path means (url.c), which methods and
 * upgrades are served (conn.c and the handlers).
 */
#include "http/head_priv.h"

#include <string.h>

#include "http/span.h"
#include "http/url.h"

enum { CONN_CLOSE = 1, CONN_KEEP_ALIVE = 2, CONN_UPGRADE = 4 };

static const struct mr_str known_names[MR_KNOWN_COUNT] = {
#define X(id, name) [MR_KNOWN_##id] = {name, sizeof name - 1},
    MR_KNOWN_FIELDS(X)
#undef X
};

/* By length of the name; at most two share one. */
static const uint8_t known_by_len[][2] = {
    [2] = {MR_KNOWN_TE},
    [4] = {MR_KNOWN_HOST},
    [5] = {MR_KNOWN_RANGE},
    [6] = {MR_KNOWN_EXPECT},
    [7] = {MR_KNOWN_TRAILER, MR_KNOWN_UPGRADE},
    [8] = {MR_KNOWN_IF_RANGE, MR_KNOWN_IF_MATCH},
    [10] = {MR_KNOWN_CONNECTION},
    [12] = {MR_KNOWN_CONTENT_TYPE},
    [13] = {MR_KNOWN_IF_NONE_MATCH},
    [14] = {MR_KNOWN_CONTENT_LENGTH},
    [15] = {MR_KNOWN_ACCEPT_ENCODING},
    [17] = {MR_KNOWN_TRANSFER_ENCODING, MR_KNOWN_IF_MODIFIED_SINCE},
    [19] = {MR_KNOWN_IF_UNMODIFIED_SINCE},
};

/* --- known fields --- */

static uint64_t load8(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* Both have n bytes. lower has no upper-case letters, and both are tokens:
 * setting bit 5 maps no other token byte onto a letter or a hyphen. */
static bool is_name(const char *p, const char *lower, size_t n)
{
    const uint64_t bits = UINT64_C(0x2020202020202020);
    size_t i = 0;

    if (n >= 8) {
        for (; i + 8 < n; i += 8)
            if ((load8(p + i) | bits) != load8(lower + i))
                return false;
        return (load8(p + n - 8) | bits) == load8(lower + n - 8);
    }
    for (; i < n; i++)
        if ((p[i] | 0x20) != lower[i])
            return false;
    return true;
}

enum mr_known mr_known_find(struct mr_str name)
{
    if (name.n >= MR_ARRAY_LEN(known_by_len))
        return MR_KNOWN_NONE;
    for (size_t i = 0; i < MR_ARRAY_LEN(known_by_len[0]); i++) {
        uint8_t id = known_by_len[name.n][i];

        if (id != MR_KNOWN_NONE && is_name(name.p, known_names[id].p, name.n))
            return (enum mr_known)id;
    }
    return MR_KNOWN_NONE;
}

static void note_connection(struct mr_head_scan *s, struct mr_str list)
{
    struct mr_str option;

    /* What browsers send: the list need not be taken apart. */
    if (mr_str_is(list, "keep-alive")) {
        s->connection |= CONN_KEEP_ALIVE;
        return;
    }
    while (mr_list_field_next(&list, &option)) {
        if (mr_str_is_case(option, "close"))
            s->connection |= CONN_CLOSE;
        else if (mr_str_is_case(option, "keep-alive"))
            s->connection |= CONN_KEEP_ALIVE;
        else if (mr_str_is_case(option, "upgrade"))
            s->connection |= CONN_UPGRADE;
    }
}

/* RFC 9110 10.1.1: an HTTP/1.0 client's expectation is ignored. */
static enum mr_scan note_expect(struct mr_head_scan *s, struct mr_str list)
{
    struct mr_str one;

    if (s->minor == 0)
        return MR_SCAN_DONE;
    while (mr_list_field_next(&list, &one)) {
        if (!mr_str_is_case(one, "100-continue"))
            return mr_head_refuse(s, 417, "unknown expectation");
        s->head->expect_continue = true;
    }
    return MR_SCAN_DONE;
}

static bool is_single(enum mr_known id)
{
    return id == MR_KNOWN_HOST || id == MR_KNOWN_CONTENT_LENGTH ||
           id == MR_KNOWN_TRANSFER_ENCODING;
}

/* Notes the line for http-parser. Of Connection's lines it gets the first few:
 * they can only close, and note_connection has seen them all. */
static void note_framing(struct mr_head_scan *s, enum mr_known id)
{
    bool decides =
        id == MR_KNOWN_CONTENT_LENGTH || id == MR_KNOWN_TRANSFER_ENCODING;
    unsigned room = MR_HEAD_FRAMING_LINES - s->framing_n;

    if (decides || (id == MR_KNOWN_CONNECTION && room > 2))
        s->framing[s->framing_n++] = (uint16_t)(s->fields->n - 1);
}

/* Looks at the field just added to a request's head. */
static enum mr_scan note_field(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    const struct mr_field *f = &head->headers.v[head->headers.n - 1];
    enum mr_known id = mr_known_find(f->name);

    if (id == MR_KNOWN_NONE)
        return MR_SCAN_DONE;
    if (head->known[id] == 0)
        head->known[id] = (uint16_t)head->headers.n;
    else if (is_single(id))
        return mr_head_refuse(s, 400, "a field that may come once came twice");
    note_framing(s, id);
    if (id == MR_KNOWN_CONNECTION)
        note_connection(s, f->value);
    if (id == MR_KNOWN_EXPECT)
        return note_expect(s, f->value);
    return MR_SCAN_DONE;
}

/* RFC 9110 6.5.1: what would change framing, routing, rights or meaning after
 * these were decided. */
static const char *const no_trailers[] = {
    "transfer-encoding",
    "content-length",
    "host",
    "trailer",
    "te",
    "connection",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "content-encoding",
    "content-type",
    "content-range",
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
    "cookie",
    "set-cookie",
    "cache-control",
    "expect",
    "max-forwards",
    "pragma",
    "range",
    "if-match",
    "if-none-match",
    "if-range",
    "if-modified-since",
    "if-unmodified-since",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
};

static enum mr_scan note_trailer(struct mr_head_scan *s)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(no_trailers); i++)
        if (mr_str_is_case(s->name, no_trailers[i]))
            return mr_head_refuse(s, 400, "a field that may not be a trailer");
    return MR_SCAN_DONE;
}

enum mr_scan mr_head_take_field(struct mr_head_scan *s)
{
    if (s->head)
        return note_field(s);
    return s->answer ? MR_SCAN_DONE : note_trailer(s);
}

/* --- the target --- */

static enum mr_scan take_absolute(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    struct mr_str rest = head->target;
    size_t n = 0;

    if (rest.n > 7 && mr_str_is_case(mr_str_n(rest.p, 7), "http://"))
        rest = mr_str_n(rest.p + 7, rest.n - 7);
    else if (rest.n > 8 && mr_str_is_case(mr_str_n(rest.p, 8), "https://"))
        head->https = true;
    else
        return mr_head_refuse(s, 400, "target of no known form");
    if (head->https)
        rest = mr_str_n(rest.p + 8, rest.n - 8);
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    head->form = MR_TARGET_ABSOLUTE;
    head->host = mr_str_n(rest.p, n);
    if (!mr_url_authority_is_valid(head->host))
        return mr_head_refuse(s, 400, "invalid host in the target");
    mr_url_split(mr_str_n(rest.p + n, rest.n - n), &head->path, &head->query);
    /* RFC 9112 3.2.1, 3.2.4: an empty path means "/", or "*" for OPTIONS */
    if (head->path.n == 0 && head->method == MR_METHOD_OPTIONS &&
        !head->query.p)
        head->path = mr_str("*");
    else if (head->path.n == 0)
        head->path = mr_str("/");
    return MR_SCAN_DONE;
}

static enum mr_scan take_authority(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    struct mr_str host, port;

    mr_url_authority_split(head->target, &host, &port);
    /* RFC 9110 9.3.6: there is no default port */
    if (port.n == 0 || !mr_url_authority_is_valid(head->target))
        return mr_head_refuse(s, 400, "CONNECT wants host:port");
    head->form = MR_TARGET_AUTHORITY;
    head->host = head->target;
    return MR_SCAN_DONE;
}

/* RFC 9112 3.2: the method says which forms may come. */
enum mr_scan mr_head_take_target(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;

    if (s->marks & MR_MARK_PERCENT && !mr_url_escapes_are_valid(head->target))
        return mr_head_refuse(s, 400, "broken percent-encoding in the target");
    if (head->method == MR_METHOD_CONNECT)
        return take_authority(s);
    if (head->target.p[0] == '/') {
        head->form = MR_TARGET_ORIGIN;
        head->plain = !(s->marks & (MR_MARK_PERCENT | MR_MARK_DOT));
        head->path = head->target;
        if (s->marks & MR_MARK_QUERY)
            mr_url_split(head->target, &head->path, &head->query);
        return MR_SCAN_DONE;
    }
    if (mr_str_is(head->target, "*")) {
        if (head->method != MR_METHOD_OPTIONS)
            return mr_head_refuse(s, 400, "target * is for OPTIONS");
        head->form = MR_TARGET_ASTERISK;
        head->path = head->target;
        return MR_SCAN_DONE;
    }
    return take_absolute(s);
}

/* --- the decisions, when the head is whole --- */

/* RFC 9112 6.1, 6.3. A list that does not end in chunked has no length that
 * could be known (400); one that does, with others before it, is a message that
 * we cannot decode (501). */
static enum mr_scan refuse_codings(struct mr_head_scan *s, struct mr_str list)
{
    struct mr_str coding;
    int others = 0, chunked = 0;
    bool last = false;

    while (mr_list_field_next(&list, &coding)) {
        last = mr_str_is_case(coding, "chunked");
        if (last)
            chunked++;
        else
            others++;
    }
    if (last && chunked == 1 && others > 0)
        return mr_head_refuse(s, 501, "transfer coding not implemented");
    return mr_head_refuse(s, 400,
                          "Transfer-Encoding is not chunked, once, at the end");
}

static enum mr_scan decide_framing(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    struct mr_str te = mr_head_known(head, MR_KNOWN_TRANSFER_ENCODING);
    struct mr_str len = mr_head_known(head, MR_KNOWN_CONTENT_LENGTH);

    if (te.p && len.p)
        return mr_head_refuse(s, 400, "Transfer-Encoding with Content-Length");
    if (te.p && s->minor == 0)
        return mr_head_refuse(s, 400, "Transfer-Encoding on HTTP/1.0");
    if (te.p) {
        if (!mr_str_is_case(te, "chunked"))
            return refuse_codings(s, te);
        head->framing = MR_FRAMING_CHUNKED;
    }
    if (len.p) {
        /* file sizes and offsets are signed */
        if (mr_str_to_u64(len, INT64_MAX, &head->content_length))
            return mr_head_refuse(s, 400, "Content-Length is not one number");
        head->framing = MR_FRAMING_LENGTH;
    }
    return MR_SCAN_DONE;
}

/* RFC 9112 3.2: on 1.1 exactly one Host; whatever the version, a valid one. An
 * empty one is no authority of an http URI (RFC 9110 4.2.1). */
static enum mr_scan decide_host(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    struct mr_str host = mr_head_known(head, MR_KNOWN_HOST);

    if (!host.p)
        return s->minor == 0 ? MR_SCAN_DONE
                             : mr_head_refuse(s, 400, "Host is missing");
    if (!mr_url_authority_is_valid(host))
        return mr_head_refuse(s, 400, "Host is invalid");
    if (head->host.n == 0)
        head->host = host;
    return MR_SCAN_DONE;
}

enum mr_scan mr_head_decide(struct mr_head_scan *s)
{
    struct mr_request_head *head = s->head;
    enum mr_scan rc = decide_framing(s);

    if (rc == MR_SCAN_DONE)
        rc = decide_host(s);
    if (rc != MR_SCAN_DONE)
        return rc;
    head->keep_alive = !(s->connection & CONN_CLOSE) &&
                       (s->minor > 0 || s->connection & CONN_KEEP_ALIVE);
    head->upgrade = s->minor > 0 && s->connection & CONN_UPGRADE &&
                    head->known[MR_KNOWN_UPGRADE];
    return MR_SCAN_DONE;
}
