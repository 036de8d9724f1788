/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

/*
 * sse.h - Server-Sent Events (WHATWG HTML, 9.2): a stream of events to a
 * browser's EventSource, which reconnects by itself.
 *
 *     struct mr_sse s;
 *     int rc = mr_sse_open(&s, req, res, mr_ms(2000));
 *
 *     while (rc == 0 && (rc = mr_sse_wait(&s, ch, &news, MR_NEVER)) == 0)
 *         rc = mr_sse_send(&s, &(struct mr_sse_event){
 *                                  .id = news.id, .data = news.text});
 *     return mr_sse_end(rc);
 *
 * While it waits it sends a comment every 15 s, so that neither a gateway nor
 * the handler's time-out takes silence for an end, and hears at once when the
 * client has gone (mr_request_is_gone) or the server leaves.
 */
#include <errno.h>

#include "core/buf.h"
#include "core/chan.h"
#include "http/request.h"
#include "http/response.h"

struct mr_sse {
    struct mr_request *req;
    struct mr_response *res;
    int64_t spoke; /* when something was sent last */
};

struct mr_sse_event {
    struct mr_str id; /* what a client that lost us says it has; p NULL: none.
                       * Empty: forget it. No NUL, CR or LF */
    struct mr_str
        name; /* for addEventListener; empty: "message". No CR or LF */
    struct mr_str data; /* any lines: CR, LF and CR LF end one, and arrive as
                         * LF. p NULL: the client dispatches nothing */
    int64_t retry;      /* ns, rounded down to ms, that the client shall wait
                         * before it reconnects; 0: says nothing of it */
};

/*
 * Begin the answer: 200, text/event-stream, not to be stored. retry as in an
 * event. 0; -EPIPE: it was a HEAD, and is answered; or as mr_response_start.
 * (To end a client's reconnecting, answer 204 in its place.) May park.
 */
MR_API MR_MUST_USE int mr_sse_open(struct mr_sse *s, struct mr_request *req,
                                   struct mr_response *res, int64_t retry);
/* The id of the last event that the client has seen; p NULL: it is new here. */
MR_API struct mr_str mr_sse_last_id(const struct mr_request *req);

/*
 * Wait for the next item of ch (NULL: for the deadline only), keeping the
 * stream alive. 0 with *ret_item; -ETIMEDOUT: the deadline; -EPIPE: ch is
 * closed, the client has gone, or the server leaves; -Exxx. May park.
 */
MR_API MR_MUST_USE int mr_sse_wait(struct mr_sse *s, struct mr_chan *ch,
                                   void *ret_item, int64_t deadline);
/* One event, out at once. 0; -EINVAL: id or name; -EILSEQ: no UTF-8; -ENOMEM;
 * or as mr_response_write. May park. */
MR_API MR_MUST_USE int mr_sse_send(struct mr_sse *s,
                                   const struct mr_sse_event *ev);
/* A line that clients ignore. As mr_sse_send. May park. */
MR_API MR_MUST_USE int mr_sse_comment(struct mr_sse *s, struct mr_str text);
/* What the handler returns: 0 where rc says that it is over. */
static inline int mr_sse_end(int rc)
{
    return rc == -EPIPE ? 0 : rc;
}

/* The bytes of an event at b's end, to be made once and sent to many
 * (mr_response_write, mr_response_flush). 0, -EINVAL, -EILSEQ, -ENOMEM; on an
 * error b may hold a part of it. */
MR_API MR_MUST_USE int mr_sse_format(struct mr_buf *b,
                                     const struct mr_sse_event *ev);

#endif
