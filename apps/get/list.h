/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_LIST_H
#define APPS_GET_LIST_H

/*
 * list.h - the input file: a URL on each line, and a name if wanted.
 *
 *     http://example.com/a.mp4                  named as the server says
 *     http://example.com/a.mp4 first film.mp4   named so
 *     1.mp4 http://example.com/a.mp4            the tutorial's form: the same
 *     # not looked at
 *
 * The word that begins with http:// or https:// is the URL; the rest of the
 * line is the name. Lines may end in CR LF. Read as it comes, also from a pipe
 * that is slow, and never whole in memory.
 */
#include "core/str.h"

/* Longer than any URL that servers take. */
#define GET_LIST_LINE 65536
#define GET_LIST_WHY 256

struct get_list_entry {
    struct mr_str url;  /* the list's, until the next */
    struct mr_str name; /* p NULL: none */
    unsigned line;      /* from 1 */
};

struct get_list;

/* "-" is standard input. 0; -ENOENT, -EACCES, -EISDIR, ...: why says it. May
 * park. */
MR_MUST_USE int get_list_open(struct get_list **ret, const char *path,
                              char why[GET_LIST_WHY]);
/* The next: 1; 0 at the end; -EINVAL: this line is none (why has file and
 * line; the one after it may be asked for); or read's -Exxx, which ends it.
 * May park. */
MR_MUST_USE int get_list_next(struct get_list *l, struct get_list_entry *ret,
                              char why[GET_LIST_WHY]);
/* NULL does nothing. */
void get_list_close(struct get_list *l);

/* One line, without its end. 1: an entry of views into it; 0: blank or a
 * comment; -EINVAL and a static reason. */
MR_MUST_USE int get_list_parse(struct mr_str line, struct get_list_entry *ret,
                               const char **ret_reason);

#endif
