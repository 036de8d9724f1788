/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HEAD_CHECK_H
#define HTTP_HEAD_CHECK_H

/*
 * head_check.h - one strict, resumable pass over a request's head, or over a
 * trailer section.
 *
 *     mr_head_scan_init(&s, &limits, &head, fields);
 *     do
 *         n += what_came(buf + n);                buf does not move
 *     while ((rc = mr_head_scan(&s, buf, n)) == MR_SCAN_MORE);
 *
 * Server code calls mr_parse_request (parse.h), which has http-parser confirm
 * the outcome. Lines are looked at twice at most, however the head is cut.
 *
 * over budget: what a head says, in one place.
 */
#include "http/headers.h"
#include "http/status.h"

struct mr_head_limits {
    uint32_t max_target; /* bytes; 414 */
    uint32_t max_head;   /* bytes up to the empty line, with it; 431 */
    uint32_t max_fields; /* 431 */
};

/* RFC 9112 3 asks for 8000 bytes of request line at least; 32 KiB holds that
 * and the cookies that browsers keep for one host (nginx's bound too); Apache's
 * 100 fields are twice what a browser behind two proxies sends. */
#define MR_HEAD_LIMITS_DEFAULT                                    \
    {                                                             \
        .max_target = 8192, .max_head = 32768, .max_fields = 100, \
    }
/* Above it mr_head_scan_init says BUG (http-parser's own bound: 80 KiB). */
#define MR_HEAD_MAX 65536

/* The fields that the server itself looks at, found while parsing. */
#define MR_KNOWN_FIELDS(X)                    \
    X(TE, "te")                               \
    X(HOST, "host")                           \
    X(RANGE, "range")                         \
    X(EXPECT, "expect")                       \
    X(TRAILER, "trailer")                     \
    X(UPGRADE, "upgrade")                     \
    X(IF_RANGE, "if-range")                   \
    X(IF_MATCH, "if-match")                   \
    X(CONNECTION, "connection")               \
    X(CONTENT_TYPE, "content-type")           \
    X(IF_NONE_MATCH, "if-none-match")         \
    X(CONTENT_LENGTH, "content-length")       \
    X(ACCEPT_ENCODING, "accept-encoding")     \
    X(TRANSFER_ENCODING, "transfer-encoding") \
    X(IF_MODIFIED_SINCE, "if-modified-since") \
    X(IF_UNMODIFIED_SINCE, "if-unmodified-since")

enum mr_known {
    MR_KNOWN_NONE,
#define X(id, name) MR_KNOWN_##id,
    MR_KNOWN_FIELDS(X)
#undef X
        MR_KNOWN_COUNT
};

/* RFC 9112 3.2. AUTHORITY is CONNECT's, and no other's. */
enum mr_target_form {
    MR_TARGET_ORIGIN,    /* /path?query */
    MR_TARGET_ABSOLUTE,  /* http://host/path?query */
    MR_TARGET_AUTHORITY, /* host:port */
    MR_TARGET_ASTERISK,  /* *; OPTIONS only */
};

enum mr_framing { MR_FRAMING_NONE, MR_FRAMING_LENGTH, MR_FRAMING_CHUNKED };

/* What a request's head says. Views are into the buffer it was read from. */
struct mr_request_head {
    enum mr_method method; /* never NONE */
    enum mr_target_form form;
    enum mr_framing framing;
    uint8_t minor;        /* 0, or 1 for HTTP/1.1 and above */
    bool keep_alive;      /* may another request follow? */
    bool expect_continue; /* wants 100 before it sends its body */
    bool https;           /* the target is an https URI */
    bool upgrade;         /* asks for Upgrade, and rightly */
    bool plain; /* the path has no "%" and no "/.": it is decoded as it is */
    uint64_t content_length; /* at most INT64_MAX; 0 unless LENGTH */
    struct mr_str method_text;
    struct mr_str target; /* as received */
    struct mr_str path;   /* raw; "*", or empty, for the last two forms */
    struct mr_str query;  /* raw, without '?'; p is NULL without one */
    struct mr_str host;   /* with its port; the target's before Host's;
                             empty only on HTTP/1.0 */
    struct mr_headers headers;
    uint16_t known[MR_KNOWN_COUNT]; /* 1 + position of the first, 0: none */
};

/* The value of the first field of that kind; p is NULL when there is none. */
static inline struct mr_str mr_head_known(const struct mr_request_head *head,
                                          enum mr_known id)
{
    if (head->known[id] == 0)
        return mr_str_n(NULL, 0);
    return head->headers.v[head->known[id] - 1].value;
}

enum mr_scan { MR_SCAN_MORE, MR_SCAN_DONE, MR_SCAN_BAD };

/* Content-Length, Transfer-Encoding, and some of Connection. */
#define MR_HEAD_FRAMING_LINES 8

/* In the caller's memory; only pos, status and reason are to be read. */
struct mr_head_scan {
    const struct mr_head_limits *limits;
    struct mr_request_head *head; /* NULL for trailers */
    struct mr_headers *fields;
    struct mr_str name; /* of the field whose value is being read */
    size_t at;          /* where the element being read begins */
    size_t pos;         /* bytes looked at; on DONE the head's size */
    const char *reason; /* on BAD: what was wrong, static */
    int status;         /* on BAD: the answer's */
    uint8_t state;
    uint8_t empty_lines;
    uint8_t marks;      /* MR_MARK_x: what its target has in it */
    uint8_t minor;      /* as received, 0 to 9 */
    uint8_t connection; /* which options it lists */
    uint8_t framing_n;  /* the lines that http-parser gets to see */
    bool answer;        /* fields of an answer's head: whatever they are */
    uint16_t framing[MR_HEAD_FRAMING_LINES];
};

/* Keeps limits, head, and storage: an array of limits->max_fields. */
void mr_head_scan_init(struct mr_head_scan *s,
                       const struct mr_head_limits *limits,
                       struct mr_request_head *head, struct mr_field *storage);
/* Keeps limits (max_target is not used) and fields, whose cap bounds too.
 * Fields that frame, route, authenticate or modify the request are refused
 * (RFC 9110 6.5.1). */
void mr_trailer_scan_init(struct mr_head_scan *s,
                          const struct mr_head_limits *limits,
                          struct mr_headers *fields);
/* The lines of an answer's head behind its status line: proved, no more
 * (response_head.h). They begin at buf + at. */
void mr_answer_scan_init(struct mr_head_scan *s,
                         const struct mr_head_limits *limits,
                         struct mr_headers *fields);
void mr_answer_scan_begin(struct mr_head_scan *s, size_t at);
/* For the next head, in the same places. */
void mr_head_scan_reset(struct mr_head_scan *s);

/*
 * Go on with a head of which len bytes are at buf: the bytes of the call before
 * still in their place, perhaps more behind them. After DONE and BAD the same
 * outcome comes again until a reset.
 */
MR_MUST_USE enum mr_scan mr_head_scan(struct mr_head_scan *s, const char *buf,
                                      size_t len);

/* Which of the known fields has this name, without case. */
MR_API enum mr_known mr_known_find(struct mr_str name);

#endif
