/* SPDX-License-Identifier: MIT */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

/*
 * request.h - a request as its handler sees it.
 *
 *     struct mr_str name = mr_request_query(req, "name", "world");
 *     struct mr_str piece;
 *     while ((rc = mr_request_next(req, &piece)) > 0)      the body, streamed
 *         use(piece);
 *
 * All views live until the handler returns (or, from mr_request_next, until its
 * next call). Memory from mr_request_arena does too.
 */
#include "core/arena.h"
#include "http/headers.h"
#include "http/status.h"

struct mr_request;
struct mr_addr;
struct mr_event;

MR_API enum mr_method mr_request_method(const struct mr_request *req);
/* As received: "/a%20b?x=1". */
MR_API struct mr_str mr_request_target(const struct mr_request *req);
/* Decoded, without dot segments: begins with '/'. For "OPTIONS *" it is "*".
 * Path and query are as a rewrite has made them, if one did. */
MR_API struct mr_str mr_request_path(const struct mr_request *req);
/* What of the path follows the route's pattern, beginning with '/'. */
MR_API struct mr_str mr_request_rest(const struct mr_request *req);
/* What stands in the path for the ":name" or "*name" of the route's pattern
 * (http/router.h); p is NULL when that has no such parameter. */
MR_API struct mr_str mr_request_param(const struct mr_request *req,
                                      const char *name);
/* A text with {name} for the parameters of the route's pattern, which are
 * encoded for a link (http/expand.h); a NUL is behind it. 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_request_expand(struct mr_request *req,
                                         struct mr_str text,
                                         struct mr_str *ret);
/* Raw, without '?'; p is NULL when there is none. */
MR_API struct mr_str mr_request_query_text(const struct mr_request *req);
/* The decoded value of a query parameter, or `otherwise`. */
MR_API struct mr_str mr_request_query(struct mr_request *req, const char *name,
                                      const char *otherwise);
/* The authority asked for; empty for a 1.0 request without Host. */
MR_API struct mr_str mr_request_host(const struct mr_request *req);
/* 0 for HTTP/1.0, 1 for 1.1 and later. */
MR_API int mr_request_minor(const struct mr_request *req);
MR_API const struct mr_headers *
mr_request_headers(const struct mr_request *req);
/* The first field of that name; p is NULL when there is none. */
MR_API struct mr_str mr_request_header(const struct mr_request *req,
                                       const char *name);
/* The cookie of that name (http/cookie.h); p is NULL when there is none. */
MR_API struct mr_str mr_request_cookie(const struct mr_request *req,
                                       const char *name);
/* Who it is, when a step before the handler has found out (http/auth.h); p is
 * NULL when none has. */
MR_API struct mr_str mr_request_user(const struct mr_request *req);
/* The head as received, ending in its empty line. */
MR_API struct mr_str mr_request_head_text(const struct mr_request *req);

/* The body's announced length; -1 when it is chunked. 0: no body. */
MR_API int64_t mr_request_length(const struct mr_request *req);
/*
 * The next piece of the body, in place: 1 with *ret_piece, 0 at the end, or
 * -EFBIG: above the limit (max_body); -EPROTO: broken chunk coding; -ENODATA:
 * the peer ended before the body did; -ETIMEDOUT: body_timeout; -ECANCELED.
 * The first call answers "Expect: 100-continue". May park.
 */
MR_API MR_MUST_USE int mr_request_next(struct mr_request *req,
                                       struct mr_str *ret_piece);
/* The same into a buffer: bytes, 0 at the end, -Exxx. May park. */
MR_API MR_MUST_USE ssize_t mr_request_read(struct mr_request *req, void *buf,
                                           size_t n);

/*
 * The trailers of a chunked body, kept apart from the headers: NULL before the
 * body was read to its end, and when none came. None of them frames, routes,
 * authenticates or changes the request: those are refused, with 400.
 */
MR_API const struct mr_headers *
mr_request_trailers(const struct mr_request *req);

/* For everything that shall live as long as the request. */
MR_API struct mr_arena *mr_request_arena(struct mr_request *req);
MR_API void mr_request_peer(const struct mr_request *req, struct mr_addr *ret);
/* Did it come over TLS? What a proxy in front ended is not known here. */
MR_API bool mr_request_is_https(const struct mr_request *req);
/* Its socket, for readiness (core/hub.h), not for reading and writing. */
int mr_request_socket(const struct mr_request *req);
/*
 * Has the client gone away, or ended its sending half? Known when an event
 * came while nobody read; costs nothing; but bytes sent behind the request hide
 * the end that follows them. mr_request_wait_gone parks until then and sees it
 * in any case, for two system calls: 0, or -Exxx as mr_hub_wait_fd.
 */
MR_API bool mr_request_is_gone(const struct mr_request *req);
MR_API MR_MUST_USE int mr_request_wait_gone(struct mr_request *req,
                                            int64_t deadline);
/*
 * Set from when the server drains: it answers what it has begun, and leaves.
 * An answer without an end of its own (events, a long poll) should end then, or
 * is cut at the end of the drain.
 */
MR_API struct mr_event *mr_request_leaving(const struct mr_request *req);

#endif
