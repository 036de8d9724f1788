/* SPDX-License-Identifier: MIT */
#ifndef HTTP_LISTING_H
#define HTTP_LISTING_H

/*
 * listing.h - a directory as a page.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "http/response.h"
#include "io/file.h"

/* Answer with the entries of `path` (decoded, ends with '/'), directories
 * first, hidden names left out. 0 or -Exxx. May park. */
MR_MUST_USE int mr_listing_reply(struct mr_response *res,
                                 struct mr_arena *arena, struct mr_str path,
                                 const struct mr_dir *list);

/* Append s to b with what HTML takes for markup escaped. 0 or -ENOMEM. */
MR_MUST_USE int mr_html_escape(struct mr_buf *b, struct mr_str s);

#endif
