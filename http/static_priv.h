/* SPDX-License-Identifier: MIT */
#ifndef HTTP_STATIC_PRIV_H
#define HTTP_STATIC_PRIV_H

/*
 * static_priv.h - what static.c (which file?) and static_file.c (what of it?)
 * share.
 */
#include <sys/stat.h>

#include "core/arena.h"
#include "http/static.h"

struct mr_static {
    int root;
    const char *index;
    bool listing;
    size_t max_entries;
    const char *cache_control;
    const struct mr_mime *mime;
    struct mr_mime *own_mime;
    struct mr_arena strings;
};

/* Answer with the regular file fd, whose type follows from name. fd is
 * borrowed. 0 or -Exxx. May park. */
MR_MUST_USE int mr_static_send(const struct mr_static *s,
                               struct mr_request *req, struct mr_response *res,
                               int fd, const struct stat *st,
                               struct mr_str name);

#endif
