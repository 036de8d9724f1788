/* SPDX-License-Identifier: MIT */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

/*
 * response.h - the answer: status, fields, and a body from memory, from a file
 * or written piece by piece. Framing is decided once, here.
 *
 *     mr_response_header(res, "Cache-Control", "no-store");
 *     return mr_reply(res, 200, "application/json", mr_str(json));
 *
 *     mr_response_start(res, 200, "text/plain", -1);      length unknown:
 *     while (more)                                         chunked
 *         if ((rc = mr_response_write(res, p, n)) < 0)
 *             return rc;
 *     return 0;
 *
 * Invariants
 *  (1) One head per request. What would start a second one is -EALREADY.
 *  (2) Never Content-Length with Transfer-Encoding; no body on HEAD, 1xx, 204
 *      and 304, whatever the handler writes (it is told 0 all the same).
 *  (3) A handler that announced n bytes and wrote fewer ends the connection;
 *      bytes above n are cut and are -EMSGSIZE.
 *  (4) Names are tokens, values hold no CR, LF or NUL: else -EINVAL, and the
 *      field is not sent. Date, Connection, Content-Length and
 *      Transfer-Encoding are ours: -EINVAL too.
 *  (5) Small answers are gathered: to one read's worth of pipelined requests
 *      there is one write.
 */
#include "http/headers.h"
#include "http/status.h"

struct mr_response;

/* Add a field; both are copied. 0, -EINVAL (invariant 4), -EALREADY, -ENOMEM,
 * -ENOBUFS (more than 64). */
MR_API int mr_response_header(struct mr_response *res, const char *name,
                              const char *value);
MR_API int mr_response_header_n(struct mr_response *res, struct mr_str name,
                                struct mr_str value);

/* The whole answer. type NULL: no Content-Type. body is borrowed. 0 or -Exxx.
 * May park. */
MR_API int mr_reply(struct mr_response *res, int status, const char *type,
                    struct mr_str body);
/* text/plain; charset=utf-8. May park. */
MR_API int mr_reply_printf(struct mr_response *res, int status, const char *fmt,
                           ...) MR_PRINTF(3, 4);
/* A short page that says the status, text/plain. May park. */
MR_API int mr_reply_status(struct mr_response *res, int status);
/* Redirect (301, 302, 303, 307, 308) to an encoded location. May park. */
MR_API int mr_reply_redirect(struct mr_response *res, int status,
                             struct mr_str location);
/* n bytes of the file fd from off; fd is borrowed. A file that ends early ends
 * the connection. May park. */
MR_API int mr_reply_file(struct mr_response *res, int status, const char *type,
                         int fd, int64_t off, uint64_t n);

/* Begin a streamed answer; length -1 when it is not known (chunked on 1.1,
 * until close on 1.0). 0, -EALREADY, -EINVAL (a status that is not 200 to
 * 999, a type with control bytes), -ENOMEM. Does not park. */
MR_API MR_MUST_USE int mr_response_start(struct mr_response *res, int status,
                                         const char *type, int64_t length);
/* 0, -EMSGSIZE, -EINVAL (not started), or what writing says: the peer is gone
 * or too slow. May park. */
MR_API MR_MUST_USE int mr_response_write(struct mr_response *res, const void *p,
                                         size_t n);
/* Send what was gathered now (an event stream's piece). 0 or -Exxx.
 * May park. */
MR_API MR_MUST_USE int mr_response_flush(struct mr_response *res);

MR_API bool mr_response_is_started(const struct mr_response *res);
/* What was sent, or will be: 0 before any. */
MR_API int mr_response_status(const struct mr_response *res);
/* This connection ends after the answer. */
MR_API void mr_response_close_after(struct mr_response *res);

#endif
