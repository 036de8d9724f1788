/* SPDX-License-Identifier: MIT */
#ifndef HTTP_STATIC_PRIV_H
#define HTTP_STATIC_PRIV_H

/*
 * static_priv.h - what static.c (which file?), static_fallback.c (which, if
 * that is not there?) and static_file.c (what of it?) share.
 */
#include <sys/stat.h>

#include "core/arena.h"
#include "http/file_cache.h"
#include "http/static.h"

struct mr_static {
    int root;
    const char *index;
    bool listing;
    size_t max_entries;
    const char *cache_control;
    enum mr_links links;
    bool hidden;
    bool precompressed;
    const char **fallback; /* without '/' in front */
    size_t fallback_n;
    struct mr_headers headers;
    struct mr_file_cache *cache; /* NULL: none */
    const struct mr_mime *mime;
    struct mr_mime *own_mime;
    struct mr_arena strings;
};

/* What a path names, open. */
struct mr_static_found {
    int fd;
    struct stat st;
    const char *path; /* relative to the root; the request's arena's */
    const struct mr_cached_file *kept; /* then fd is the cache's; or NULL */
};

/* 0, or what opening says; -ENOENT also for what is neither a directory nor a
 * regular file. May park. */
MR_MUST_USE int mr_static_look(const struct mr_static *s, const char *path,
                               struct mr_static_found *ret);
/* Does nothing twice. */
void mr_static_forget(struct mr_static_found *f);

/* The fields of headers. 0 or -Exxx. */
MR_MUST_USE int mr_static_add_headers(const struct mr_static *s,
                                      struct mr_response *res);

/* Does a path below the root not exist, as it begins with a dot somewhere? */
bool mr_static_is_hidden(const struct mr_static *s, struct mr_str path);
/* What opening a file's errno means to a client: 403, 404, or 0: a fault. */
int mr_static_status_for(int err);

/* static_fallback.c: 0, -EINVAL: a text is none; -ENOMEM. */
MR_MUST_USE int mr_static_keep_fallbacks(struct mr_static *s,
                                         const struct mr_static_options *o);
/* In place of 404. 0 or -Exxx. May park. */
MR_MUST_USE int mr_static_serve_fallback(const struct mr_static *s,
                                         struct mr_request *req,
                                         struct mr_response *res);

/* Answer with a regular file. 0 or -Exxx. May park. */
MR_MUST_USE int mr_static_send(const struct mr_static *s,
                               struct mr_request *req, struct mr_response *res,
                               const struct mr_static_found *f);

#endif
