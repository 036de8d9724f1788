/* SPDX-License-Identifier: MIT */
#ifndef HTTP_RESPONSE_HEAD_H
#define HTTP_RESPONSE_HEAD_H

/*
 * response_head.h - one strict, resumable pass over an answer's head, for a
 * client.
 *
 *     mr_answer_parser_init(&p, &limits, fields);
 *     switch (mr_parse_answer(&p, method, buf, n)) {
 *     case MR_PARSE_MORE: ...            read more behind buf + n, call again
 *     case MR_PARSE_DONE: ...            p.head; what follows is at buf +
 * p.size case MR_PARSE_BAD: ...             p.reason says why; close
 *     }
 *     mr_answer_parser_reset(&p);        for the next head, at another buf
 *
 * As parse.h does for requests: each line is proved first, and what it says of
 * the body's end is what http-parser says too, or the head is BAD. buf must
 * stay where it is; should it move before DONE, reset and parse again.
 *
 * How long an answer is (RFC 9112 6.3), in this order: to HEAD, and with 1xx,
 * 204 and 304, it has no body; a CONNECT's 2xx and a 101 begin a tunnel;
 * Transfer-Encoding is "chunked" and nothing else, or BAD, also beside
 * Content-Length or on HTTP/1.0; Content-Length is one number, once, or BAD;
 * without either it ends with the connection.
 */
#include "http/parse.h"

enum mr_answer_body {
    MR_ANSWER_EMPTY,
    MR_ANSWER_LENGTH,
    MR_ANSWER_CHUNKED,
    MR_ANSWER_CLOSE,  /* until the connection ends */
    MR_ANSWER_TUNNEL, /* no HTTP any more */
};

/* Views are into the buffer it was read from. */
struct mr_response_head {
    int status;               /* 100 to 999 */
    uint8_t minor;            /* 0, or 1 for HTTP/1.1 and above */
    bool keep_alive;          /* may another request follow? */
    enum mr_answer_body body; /* how its end is found */
    int64_t content_length;   /* as announced, to HEAD too; -1: it was not */
    struct mr_str reason;     /* perhaps empty; any bytes but controls */
    struct mr_headers headers;
};

/* In the caller's memory, and not to be moved. */
struct mr_answer_parser {
    struct mr_response_head head; /* on DONE */
    size_t size;                  /* on DONE: bytes of the head, with the empty
                                   * line at its end */
    const char *reason;           /* on BAD: a static text */
    struct mr_head_scan scan;     /* its own */
    size_t line;                  /* its own: bytes of the status line */
    enum mr_parse outcome;        /* its own: MORE until it is decided */
};

/* Servers send more than clients do (policies, cookies, links): 64 KiB and
 * twice the fields of a request. */
#define MR_ANSWER_FIELDS 200
#define MR_ANSWER_LIMITS                                         \
    {                                                            \
        .max_head = MR_HEAD_MAX, .max_fields = MR_ANSWER_FIELDS, \
    }

/* Keeps limits, and fields: an array of limits->max_fields. */
void mr_answer_parser_init(struct mr_answer_parser *p,
                           const struct mr_head_limits *limits,
                           struct mr_field *fields);
/* Forgets the head. */
void mr_answer_parser_reset(struct mr_answer_parser *p);

/*
 * len bytes of an answer to a request with that method are at buf, all those of
 * the call before among them. MORE: all fine so far. DONE and BAD come again if
 * it is called again.
 */
MR_MUST_USE enum mr_parse mr_parse_answer(struct mr_answer_parser *p,
                                          enum mr_method method,
                                          const char *buf, size_t len);

/* parse.c: does http-parser read the same out of this head? framing: positions
 * of the fields that it is shown. */
MR_MUST_USE bool mr_parse_confirm_answer(const struct mr_response_head *head,
                                         struct mr_str status_line,
                                         const uint16_t *framing, unsigned n);

#endif
