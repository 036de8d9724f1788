/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_GLOB_H
#define APPS_GET_GLOB_H

/*
 * glob.h - one URL that stands for many: {a,b} [1-100] [01-10] [a-z] [0-9:3].
 *
 *     rc = get_glob_new(&it, "http://h/{a,b}/[1-3].jpg", why);
 *     MR_FOR (struct get_glob_item, item, MR_TEMP(it))
 *         fetch(item.url, get_glob_name(out, size, "#1-#2.jpg", &item));
 *
 * Several multiply, the last one fastest. Nothing is made before it is asked
 * for. A backslash takes the meaning from { } [ ] and , and from itself; an
 * IPv6 address in brackets means itself. A text without any gives itself, once.
 */
#include "core/iter.h"
#include "core/str.h"

/* More than anybody means; a typo in a range is told, not downloaded. */
#define GET_GLOB_MAX 1000000
/* Braces and brackets in one text. */
#define GET_GLOB_PARTS 16
#define GET_GLOB_WHY 160

struct get_glob_item {
    struct mr_str url; /* NUL-terminated; the iterator's, until the next */
    size_t n;          /* of values */
    struct mr_str values[GET_GLOB_PARTS]; /* of each brace or bracket */
};

/* 0 and an iterator of items; -ENOMEM; -EINVAL (not well formed) and -E2BIG
 * (more than GET_GLOB_MAX): why says it, with the column, from 1. */
MR_MUST_USE int get_glob_new(struct mr_iter **ret, const char *text,
                             char why[GET_GLOB_WHY]);
/* How many it will give in all. */
uint64_t get_glob_count(const struct mr_iter *it);

/* name with each #N replaced by the item's Nth value; an N that there is not
 * stays as it is. Slashes in values become '_'. The length, or -ENAMETOOLONG;
 * NUL-terminated. */
MR_MUST_USE ssize_t get_glob_name(char *out, size_t size, const char *name,
                                  const struct get_glob_item *item);

#endif
