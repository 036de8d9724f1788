/* SPDX-License-Identifier: MIT */
#ifndef HTTP_STATIC_H
#define HTTP_STATIC_H

/*
 * static.h - files below a root: index, listing, types, validators, sendfile.
 *
 *     err = mr_static_open(&s, &(struct mr_static_options){.root = "www"});
 *     return mr_static_serve(s, req, res);
 *
 * What follows the route's pattern names the file. GET and HEAD; no spelling
 * of a path leaves the root (io/file.h). Names that begin with a dot do not
 * exist, but for "/.well-known" (RFC 8615) at the top. A directory without a
 * '/' at its end is redirected to itself with one, answered by its index, else
 * by a listing, else by 403. What may not be read is 403, what is not there
 * 404, or the fallback.
 *
 * A file has a Last-Modified and an ETag of size and time to the nanosecond,
 * strong but for two seconds after a change. Preconditions are answered 304 or
 * 412 (http/conditional.h), ranges 206 or 416 (http/range.h).
 *
 * With precompressed, x.js.br, x.js.zst and x.js.gz beside x.js are what is
 * sent to who takes them (http/negotiate.h); one that is older than x.js is
 * passed over. A listing is a page or JSON, as Accept says (http/listing.h).
 */
#include "http/request.h"
#include "http/response.h"
#include "io/file.h"

struct mr_static;
struct mr_mime;

/* Leaves room for the server's own among those of an answer. */
#define MR_STATIC_HEADERS_MAX 32

struct mr_static_options {
    const char *root;
    const char *index; /* NULL: "index.html"; "": none */
    bool listing;
    size_t max_entries;        /* of a listing; 0: 10,000 */
    const char *cache_control; /* NULL or "": none */
    enum mr_links links;
    bool hidden; /* names that begin with a dot exist */
    bool precompressed;
    const char *const *fallback; /* fallback_n texts; the first that leads to a
                                  * file answers in place of 404
                                  * (mr_static_fallback_is_valid) */
    size_t fallback_n;
    const char *const *headers; /* header_n lines "Name: value" that go with
                                 * files, 304s and listings */
    size_t header_n;
    size_t cache_files; /* kept open at most (http/file_cache.h); 0: none */
    int64_t cache_time; /* ns that they are believed */
    const struct mr_mime *mime; /* kept; NULL: the built-in types */
    const char *charset;        /* then: of types text/...; NULL: utf-8; "":
                                 * none */
    const char *mime_types;     /* then: a file of more (http/mime.h), which
                                 * come before those; NULL or "": none */
    unsigned *ret_line;         /* of that file, on -EBADMSG; may be NULL */
};

/*
 * 0; what opening the root says (-ENOTDIR: it is none), or opening and reading
 * mime_types: -EBADMSG: a wrong line in it, -EFBIG: over 1 MiB; -EINVAL: one of
 * the headers (mr_static_header_is_valid), the fallbacks or charset, or more
 * than 1,048,576 cache_files; -ENOMEM. Strings are copied. Reads that file
 * without parking: for the start.
 */
MR_API MR_MUST_USE int mr_static_open(struct mr_static **ret,
                                      const struct mr_static_options *o);
/* A path below the root, in which {path} is that of the request without '/' at
 * its ends; "=404", a status (400 to 599 but 401, 405, 426) that ends the list;
 * or "", which does nothing. */
MR_API bool mr_static_fallback_is_valid(const char *text);
/* May a line be among the headers? It is a name, ':' and a value, and no field
 * that the server or the file itself has to say. */
MR_API bool mr_static_header_is_valid(const char *line);
/* NULL does nothing. */
MR_API void mr_static_close(struct mr_static *s);
/* As a handler. May park. */
MR_API int mr_static_serve(struct mr_static *s, struct mr_request *req,
                           struct mr_response *res);

#endif
