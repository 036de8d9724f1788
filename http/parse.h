/* SPDX-License-Identifier: MIT */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

/*
 * parse.h - bytes to a request's head, by two parsers that must agree.
 *
 *     mr_parser_init(&p, &limits, fields);
 *     switch (mr_parse_request(&p, buf, n)) {
 *     case MR_PARSE_MORE: ...            read more behind buf + n, call again
 *     case MR_PARSE_DONE: ...            p.head; the body is at buf + p.size
 *     case MR_PARSE_BAD: ...             answer p.status, log p.reason, close
 *     }
 *     mr_parser_reset(&p);               for the next head, at another buf
 *
 * buf must stay where it is from the first byte until the request is done with:
 * the head's views point into it. If it has to move before DONE, reset and
 * parse again from its first byte.
 */
#include "http/head_memo.h"

enum mr_parse { MR_PARSE_MORE, MR_PARSE_DONE, MR_PARSE_BAD };

/*
 * What http-parser said of bytes that it has read before: of the same bytes it
 * says the same. For any number of parsers of one thread; cleared is empty.
 */
#define MR_VERDICTS 64       /* of so many requests; more is a larger cache */
#define MR_VERDICT_BYTES 184 /* and no longer ones */
struct mr_verdicts {
    struct mr_verdict {
        uint64_t content_length; /* UINT64_MAX: none */
        uint16_t n;              /* bytes that it is of; 0: of none */
        uint8_t method;
        uint8_t minor;
        bool keep_alive;
        bool chunked;
        char bytes[MR_VERDICT_BYTES];
    } v[MR_VERDICTS];
    struct mr_verdict *last;   /* was used; or NULL */
    struct mr_head_memo heads; /* and whole heads, on which both agreed */
};

/* In the caller's memory, and not to be moved. */
struct mr_parser {
    struct mr_request_head head;  /* on DONE */
    size_t size;                  /* on DONE: bytes of the head, with the empty
                                     line at its end and any before it */
    int status;                   /* on BAD: 400, 414, 417, 431, 501 or 505 */
    const char *reason;           /* on BAD: a static text */
    struct mr_head_scan scan;     /* its own */
    struct mr_verdicts *verdicts; /* NULL: both read each head */
    struct mr_memo_held held;
};

/* Keeps limits, and fields: an array of limits->max_fields. */
void mr_parser_init(struct mr_parser *p, const struct mr_head_limits *limits,
                    struct mr_field *fields);
/* Keeps verdicts, for all heads to come; all that do have the same limits. */
void mr_parser_remember(struct mr_parser *p, struct mr_verdicts *verdicts);
/* Forgets the head. */
void mr_parser_reset(struct mr_parser *p);
/* Somebody has written to the head that DONE gave him. */
void mr_parser_taint(struct mr_parser *p);
/* Where the head was found; NULL: it was read. */
static inline struct mr_memo_head *mr_parser_kept(const struct mr_parser *p)
{
    return p->held.edition && p->held.kept->edition == p->held.edition
               ? p->held.kept
               : NULL;
}
/* As far as the head was read. */
static inline enum mr_method mr_parser_method(const struct mr_parser *p)
{
    return p->held.edition && p->size == 0 ? MR_METHOD_NONE : p->head.method;
}

/*
 * len bytes of a connection are at buf, all those of the call before among
 * them. MORE: all fine so far. DONE and BAD come again if it is called again.
 */
MR_MUST_USE enum mr_parse mr_parse_request(struct mr_parser *p, const char *buf,
                                           size_t len);

#endif
