/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_NAME_H
#define APPS_GET_NAME_H

/*
 * name.h - what a downloaded file is called here.
 *
 *     if (get_name_of_disposition(name, field) < 0)
 *         n = get_name_of_url(name, url);
 *     rc = get_names_claim(names, name);          -EEXIST: another has it
 *
 * A server's names are not trusted: no directory, no control byte, no leading
 * dot, no name that means something else, no more than 255 bytes, valid UTF-8.
 * Pure, but for the set's memory.
 */
#include "core/str.h"

/* As file systems have it, and a NUL. */
#define GET_NAME_MAX 255
#define GET_NAME_SIZE (GET_NAME_MAX + 1)

/*
 * The last segment of what a server says, as a file's name: its length, or 0
 * when nothing is left of it. Bytes that are not UTF-8, control characters and
 * those that shells and other systems trip over become '_'; leading dots and
 * dashes too. Cut to 255 bytes between characters, with its extension.
 */
size_t get_name_clean(char out[GET_NAME_SIZE], struct mr_str raw);

/* The file name of a Content-Disposition (RFC 6266): filename* before filename,
 * cleaned. Its length, or -ENOENT: it says none. */
ssize_t get_name_of_disposition(char out[GET_NAME_SIZE], struct mr_str field);
/* The last segment of a URL's path, decoded and cleaned, or "index.html". Its
 * length. */
size_t get_name_of_url(char out[GET_NAME_SIZE], struct mr_str url);
/* Does it end as mrget's own files do, whose names are made of others'? */
bool get_name_is_ours(struct mr_str name);
/* "a.txt" and 1: "a.1.txt"; "a.tar.gz": "a.1.tar.gz". Its length. */
size_t get_name_number(char out[GET_NAME_SIZE], struct mr_str name,
                       unsigned number);

/* --- the names of one run --- */

struct get_names;
MR_MUST_USE int get_names_new(struct get_names **ret);
void get_names_free(struct get_names *s);
/* In this run name (with its directory, as one likes) is the caller's. 0;
 * -EEXIST: it is another's; -ENOMEM. */
MR_MUST_USE int get_names_claim(struct get_names *s, struct mr_str name);
/* Of a claimed name, the number that was not tried yet for get_name_number: 1,
 * 2, ... and each once. 0: all of 100,000 were. */
unsigned get_names_next(struct get_names *s, struct mr_str name);

#endif
