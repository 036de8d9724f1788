/* SPDX-License-Identifier: MIT */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

/*
 * body.h - a request's body, read piece by piece as the handler asks.
 *
 * Pieces are views into the connection's buffer, behind the head: nothing is
 * copied, and no more than one buffer is held however long the body is.
 * mr_request_next and mr_request_read (http/request.h) are its face.
 *
 *      [begin]        [next]
 *   (head) ---> OPEN --------> OPEN ... ---> DONE
 *                 |                           ^
 *                 '---> FAILED (sticky)       '-- no body, or its end
 */
#include "http/chunked.h"
#include "http/head_check.h"

struct mr_exchange;
struct mr_http_options;

struct mr_body {
    enum mr_framing framing;
    bool done;
    bool expect;        /* 100 Continue is still owed */
    int error;          /* once failed, always */
    int64_t timeout;    /* for each MR_BODY_UNIT */
    int64_t patience;   /* how long the next piece may be waited for */
    uint64_t left;      /* of a length */
    uint64_t seen;      /* handed out */
    struct mr_str held; /* of a piece that was not wanted whole: comes again */
    int64_t max;        /* -1: no limit */
    struct mr_chunked chunked;
};

/* Trailers go to the arena. Limits: max_body, body_timeout. */
void mr_body_begin(struct mr_body *b, const struct mr_request_head *head,
                   const struct mr_http_options *o, struct mr_arena *arena);
/* The route's, before the first piece: max -1 for none. */
void mr_body_limit(struct mr_body *b, int64_t max, int64_t timeout);
/* As mr_request_next. May park. */
MR_MUST_USE int mr_body_next(struct mr_exchange *x, struct mr_str *ret_piece);
/* Read and drop what is left, if that is little. 0: at its end; -EFBIG: too
 * much; -Exxx. May park. */
MR_MUST_USE int mr_body_skip(struct mr_exchange *x);

#endif
