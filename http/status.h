/* SPDX-License-Identifier: MIT */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/*
 * status.h - status codes with their reasons, and methods.
 *
 *     char line[MR_STATUS_LINE_MAX];
 *     size_t n = mr_status_put_line(line, 404);   "HTTP/1.1 404 Not Found\r\n"
 *
 *     if (mr_method_find(mr_str("GET")) == MR_METHOD_GET) ...
 *
 * All text is static and lives for ever.
 */
#include "core/str.h"

/* The registry of RFC 9110 and its neighbours. */
#define MR_STATUSES(X)                                             \
    X(100, CONTINUE, "Continue")                                   \
    X(101, SWITCHING_PROTOCOLS, "Switching Protocols")             \
    X(103, EARLY_HINTS, "Early Hints")                             \
    X(200, OK, "OK")                                               \
    X(201, CREATED, "Created")                                     \
    X(202, ACCEPTED, "Accepted")                                   \
    X(203, NON_AUTHORITATIVE, "Non-Authoritative Information")     \
    X(204, NO_CONTENT, "No Content")                               \
    X(205, RESET_CONTENT, "Reset Content")                         \
    X(206, PARTIAL_CONTENT, "Partial Content")                     \
    X(207, MULTI_STATUS, "Multi-Status")                           \
    X(300, MULTIPLE_CHOICES, "Multiple Choices")                   \
    X(301, MOVED_PERMANENTLY, "Moved Permanently")                 \
    X(302, FOUND, "Found")                                         \
    X(303, SEE_OTHER, "See Other")                                 \
    X(304, NOT_MODIFIED, "Not Modified")                           \
    X(307, TEMPORARY_REDIRECT, "Temporary Redirect")               \
    X(308, PERMANENT_REDIRECT, "Permanent Redirect")               \
    X(400, BAD_REQUEST, "Bad Request")                             \
    X(401, UNAUTHORIZED, "Unauthorized")                           \
    X(402, PAYMENT_REQUIRED, "Payment Required")                   \
    X(403, FORBIDDEN, "Forbidden")                                 \
    X(404, NOT_FOUND, "Not Found")                                 \
    X(405, METHOD_NOT_ALLOWED, "Method Not Allowed")               \
    X(406, NOT_ACCEPTABLE, "Not Acceptable")                       \
    X(407, PROXY_AUTH_REQUIRED, "Proxy Authentication Required")   \
    X(408, REQUEST_TIMEOUT, "Request Timeout")                     \
    X(409, CONFLICT, "Conflict")                                   \
    X(410, GONE, "Gone")                                           \
    X(411, LENGTH_REQUIRED, "Length Required")                     \
    X(412, PRECONDITION_FAILED, "Precondition Failed")             \
    X(413, CONTENT_TOO_LARGE, "Content Too Large")                 \
    X(414, URI_TOO_LONG, "URI Too Long")                           \
    X(415, UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")       \
    X(416, RANGE_NOT_SATISFIABLE, "Range Not Satisfiable")         \
    X(417, EXPECTATION_FAILED, "Expectation Failed")               \
    X(421, MISDIRECTED_REQUEST, "Misdirected Request")             \
    X(422, UNPROCESSABLE_CONTENT, "Unprocessable Content")         \
    X(423, LOCKED, "Locked")                                       \
    X(424, FAILED_DEPENDENCY, "Failed Dependency")                 \
    X(425, TOO_EARLY, "Too Early")                                 \
    X(426, UPGRADE_REQUIRED, "Upgrade Required")                   \
    X(428, PRECONDITION_REQUIRED, "Precondition Required")         \
    X(429, TOO_MANY_REQUESTS, "Too Many Requests")                 \
    X(431, FIELDS_TOO_LARGE, "Request Header Fields Too Large")    \
    X(451, UNAVAILABLE_FOR_LEGAL, "Unavailable For Legal Reasons") \
    X(500, INTERNAL_SERVER_ERROR, "Internal Server Error")         \
    X(501, NOT_IMPLEMENTED, "Not Implemented")                     \
    X(502, BAD_GATEWAY, "Bad Gateway")                             \
    X(503, SERVICE_UNAVAILABLE, "Service Unavailable")             \
    X(504, GATEWAY_TIMEOUT, "Gateway Timeout")                     \
    X(505, VERSION_NOT_SUPPORTED, "HTTP Version Not Supported")    \
    X(507, INSUFFICIENT_STORAGE, "Insufficient Storage")           \
    X(508, LOOP_DETECTED, "Loop Detected")                         \
    X(511, NETWORK_AUTH_REQUIRED, "Network Authentication Required")

enum mr_status {
#define X(code, id, reason) MR_STATUS_##id = code,
    MR_STATUSES(X)
#undef X
};

/* The most that mr_status_put_line writes. */
#define MR_STATUS_LINE_MAX 64

/* "Not Found"; "" for a code that is not in the table. Never NULL. */
MR_API const char *mr_status_reason(int code);
/* "HTTP/1.1 404 Not Found\r\n", ready made; the empty view for a code that is
 * not in the table. */
MR_API struct mr_str mr_status_line(int code);
/* Writes the status line of any code from 100 to 999 (with an empty reason
 * when it has none; other codes are a BUG). How many bytes; no NUL. */
MR_API size_t mr_status_put_line(char out[MR_STATUS_LINE_MAX], int code);

/* What http-parser knows, most frequent first; all else is answered 501. */
#define MR_METHODS(X)             \
    X(GET, "GET")                 \
    X(POST, "POST")               \
    X(HEAD, "HEAD")               \
    X(PUT, "PUT")                 \
    X(DELETE, "DELETE")           \
    X(OPTIONS, "OPTIONS")         \
    X(PATCH, "PATCH")             \
    X(CONNECT, "CONNECT")         \
    X(TRACE, "TRACE")             \
    X(COPY, "COPY")               \
    X(LOCK, "LOCK")               \
    X(MKCOL, "MKCOL")             \
    X(MOVE, "MOVE")               \
    X(PROPFIND, "PROPFIND")       \
    X(PROPPATCH, "PROPPATCH")     \
    X(SEARCH, "SEARCH")           \
    X(UNLOCK, "UNLOCK")           \
    X(BIND, "BIND")               \
    X(REBIND, "REBIND")           \
    X(UNBIND, "UNBIND")           \
    X(ACL, "ACL")                 \
    X(REPORT, "REPORT")           \
    X(MKACTIVITY, "MKACTIVITY")   \
    X(CHECKOUT, "CHECKOUT")       \
    X(MERGE, "MERGE")             \
    X(MSEARCH, "M-SEARCH")        \
    X(NOTIFY, "NOTIFY")           \
    X(SUBSCRIBE, "SUBSCRIBE")     \
    X(UNSUBSCRIBE, "UNSUBSCRIBE") \
    X(PURGE, "PURGE")             \
    X(MKCALENDAR, "MKCALENDAR")   \
    X(LINK, "LINK")               \
    X(UNLINK, "UNLINK")           \
    X(SOURCE, "SOURCE")

/* Fewer than 64: a set of methods is a uint64_t of 1 << method. */
enum mr_method {
    MR_METHOD_NONE,
#define X(id, text) MR_METHOD_##id,
    MR_METHODS(X)
#undef X
        MR_METHOD_COUNT
};

/* Case counts (RFC 9110 9.1). MR_METHOD_NONE when it is none of ours. */
MR_API enum mr_method mr_method_find(struct mr_str s);
/* "GET"; the empty view for MR_METHOD_NONE. NUL-terminated. */
MR_API struct mr_str mr_method_text(enum mr_method method);

#endif
