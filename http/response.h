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
 *  (2) Never Content-Length with Transfer-Encoding; no body on HEAD, 1xx, 204,
 *      205 and 304, whatever the handler writes (it is told 0 all the same).
 *  (3) A handler that announced n bytes and wrote fewer ends the connection;
 *      bytes above n are cut and are -EMSGSIZE. The log tells either, with the
 *      figures, as an error of the app.
 *  (4) Names are tokens, values hold no CR, LF or NUL: else -EINVAL, and the
 *      field is not sent. Date, Connection, Content-Length,
 *      Transfer-Encoding, Keep-Alive, Proxy-Connection and TE are ours: -EINVAL
 *      too.
 *  (5) A field that stands once is sent once (ETag, Location, ...): else
 *      -EEXIST. Last-Modified is never later than Date.
 *  (6) What a status owes is there, or the answer is -EINVAL and the log says
 *      why: WWW-Authenticate with 401, Allow with 405, Upgrade with 426,
 *      Content-Range or multipart/byteranges with 206.
 *  (7) Coroutines of one handler may write to one answer, and one may read the
 *      body meanwhile: each call's bytes stay together, and who comes second
 *      waits.
 *  (8) Small answers are gathered: to one read's worth of pipelined requests
 *      there is one write.
 */
#include "http/headers.h"
#include "http/status.h"

struct mr_response;
struct mr_stream;
struct mr_cookie;

/* Add a field; both are copied. 0, -EINVAL (invariant 4), -EEXIST (5),
 * -EALREADY, -ENOMEM, -ENOBUFS (more than 64). Server takes the place of the
 * server's own; with Upgrade comes "Connection: upgrade". */
MR_API int mr_response_header(struct mr_response *res, const char *name,
                              const char *value);
MR_API int mr_response_header_n(struct mr_response *res, struct mr_str name,
                                struct mr_str value);

/* Last-Modified, seconds since 1970; what lies ahead becomes Date's. As
 * mr_response_header, which has to parse it. */
MR_API int mr_response_last_modified(struct mr_response *res, int64_t seconds);

/* Add a Set-Cookie field (http/cookie.h). As above; -EINVAL: browsers would
 * drop it. */
MR_API MR_MUST_USE int mr_response_cookie(struct mr_response *res,
                                          const struct mr_cookie *cookie);

/* The whole answer. type NULL: no Content-Type. body is borrowed. 0 or -Exxx.
 * May park. */
MR_API int mr_reply(struct mr_response *res, int status, const char *type,
                    struct mr_str body);
/* text/plain; charset=utf-8. May park. */
MR_API int mr_reply_printf(struct mr_response *res, int status, const char *fmt,
                           ...) MR_PRINTF(3, 4);
/* The error page for the status (http/error_pages.h), or a few words that say
 * it. Of an error they are HTML for who asks for text/html by name and for
 * text/plain no more than that, and "Vary: Accept" goes with both forms; else,
 * and when a Content-Type was added, they are text/plain. May park. */
MR_API int mr_reply_status(struct mr_response *res, int status);
/* Redirect (301, 302, 303, 307, 308) to an encoded location; what stands raw in
 * it as browsers write it in a query becomes %XX. Into this server (it begins
 * with one '/') and longer than max_target: 414 at once, as that would be the
 * answer there. May park. */
MR_API int mr_reply_redirect(struct mr_response *res, int status,
                             struct mr_str location);
/* n bytes of the file fd from off; fd is borrowed. A file that ends early ends
 * the connection; so does one that is written over meanwhile, as far as looking
 * at its time every 2 MiB tells. May park. */
MR_API int mr_reply_file(struct mr_response *res, int status, const char *type,
                         int fd, int64_t off, uint64_t n);

/* The answer is another server's: invariant 6 is that one's affair. Before it
 * starts. */
MR_API void mr_response_pass_on(struct mr_response *res);

/* Begin a streamed answer; length -1 when it is not known (chunked on 1.1,
 * until close on 1.0). 0, -EALREADY, -EINVAL (a status that is not 200 to
 * 999, a type with control bytes, invariant 6), -ENOMEM. Parks only for (7). */
MR_API MR_MUST_USE int mr_response_start(struct mr_response *res, int status,
                                         const char *type, int64_t length);
/* The same with a type that ends without a NUL; n 0: it has none. */
MR_API MR_MUST_USE int mr_response_start_n(struct mr_response *res, int status,
                                           struct mr_str type, int64_t length);
/* 0, -EMSGSIZE, -EINVAL (not started), or what writing says: the peer is gone
 * or too slow. May park. */
MR_API MR_MUST_USE int mr_response_write(struct mr_response *res, const void *p,
                                         size_t n);
/* n bytes of the file fd from off, as mr_response_write; fd is borrowed. What
 * the file lacks ends the connection: -ENODATA. May park. */
MR_API MR_MUST_USE int mr_response_send_file(struct mr_response *res, int fd,
                                             int64_t off, uint64_t n);
/* Send what was gathered now (an event stream's piece). 0 or -Exxx.
 * May park. */
MR_API MR_MUST_USE int mr_response_flush(struct mr_response *res);
/* The same when this thread has nothing else to do: with all that is written
 * until then, and as much as the socket has room for. Never parks. */
MR_API void mr_response_flush_soon(struct mr_response *res);

/* --- before the answer, and in its place --- */

/*
 * Send a 1xx answer now, with the fields added so far, which stay for the final
 * one: 103 with its Link fields while the page is being made. An HTTP/1.0
 * client is sent nothing. 0, -EINVAL (not 102 to 199), -EALREADY, -ENOMEM, or
 * what writing says. May park.
 */
MR_API MR_MUST_USE int mr_response_interim(struct mr_response *res, int status);
/*
 * For a request that asks for `protocol` in its Upgrade field (a token, perhaps
 * with "/version"): answer 101 with the fields added so far and have the
 * connection as a stream. It begins with the bytes that came behind the
 * request, is good until the handler returns, and is closed then, not by the
 * handler. handler_timeout ends here; each call has its own deadline.
 * 0; -EPROTONOSUPPORT: it asks for no such thing; -EBUSY: its body is not read
 * to the end; -EINVAL: no token; -EALREADY; -ENOMEM; or what writing says.
 * May park.
 */
MR_API MR_MUST_USE int mr_response_upgrade(struct mr_response *res,
                                           const char *protocol,
                                           struct mr_stream **ret);

/* --- facts --- */

MR_API bool mr_response_is_started(const struct mr_response *res);
/* What was sent, or will be: 0 before any. */
MR_API int mr_response_status(const struct mr_response *res);
/* This connection ends after the answer. */
MR_API void mr_response_close_after(struct mr_response *res);

#endif
