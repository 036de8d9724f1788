/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_SOURCE_H
#define APPS_GET_SOURCE_H

/*
 * source.h - what is to be got, one file after the other: the command line's
 * URLs with their globs, then the list's lines.
 *
 *     rc = get_source_open(&s, &options, why);
 *     while ((rc = get_source_next(s, &item, why)) != 0)
 *         if (rc < 0) say(why); else take(item);
 *
 * Nothing is read before it is asked for: a list may come through a pipe, and a
 * glob may stand for a million.
 */
#include "apps/get/options.h"
#include "core/list.h"

#define GET_SOURCE_WHY 512
/* Of one file: more than anybody lists. */
#define GET_MIRRORS_MAX 32

/* A file to get. */
struct get_item {
    struct mr_list node; /* its owner's */
    unsigned id;         /* from 1 */
    const char *name;    /* wanted, perhaps with directories; NULL: by the URL
                          * or the server */
    size_t n_urls;       /* mirrors of it */
    const char *urls[];  /* as given, all in the item's memory */
};

struct get_source;

/* 0, -ENOMEM, or a list's open(2) error; why (GET_SOURCE_WHY bytes) says it.
 * o is kept. May park. */
MR_MUST_USE int get_source_open(struct get_source **ret,
                                const struct get_options *o, char *why);
/* 1 and an item, the caller's (mr_free); 0 at the end; -EINVAL: this one is no
 * good, the next may be; other -Exxx: that was all. why says it. May park. */
MR_MUST_USE int get_source_next(struct get_source *s, struct get_item **ret,
                                char *why);
/* NULL does nothing. */
void get_source_close(struct get_source *s);

#endif
