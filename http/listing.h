/* SPDX-License-Identifier: MIT */
#ifndef HTTP_LISTING_H
#define HTTP_LISTING_H

/*
 * listing.h - a directory as a page, or as JSON:
 *
 *     {"path":"/music/","entries":[
 *      {"name":"a b.ogg","href":"./a%20b.ogg","type":"file","size":81920,
 *       "modified":1795305600}],
 *      "cut":false}
 *
 * type is file, directory, link or other; only files have a size, in bytes;
 * modified counts seconds since 1970. name is for people: what is no UTF-8 in
 * it is U+FFFD. href is exact. cut: there are more than are listed.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "http/response.h"
#include "io/file.h"

struct mr_listing {
    struct mr_str path; /* decoded, ends with '/' */
    const struct mr_dir *dir;
    bool hidden; /* with the names that begin with a dot */
    bool links;  /* with symbolic links */
    bool json;
};

/* Answer 200 with the entries in their order, directories first. 0 or -Exxx.
 * May park. */
MR_MUST_USE int mr_listing_reply(struct mr_response *res,
                                 struct mr_arena *arena,
                                 const struct mr_listing *l);

/* Append s to b with what HTML takes for markup escaped. 0 or -ENOMEM. */
MR_MUST_USE int mr_html_escape(struct mr_buf *b, struct mr_str s);
/* Append s to b as what stands between the quotes of a JSON string: UTF-8,
 * whatever s is. 0 or -ENOMEM. */
MR_MUST_USE int mr_json_escape(struct mr_buf *b, struct mr_str s);

#endif
