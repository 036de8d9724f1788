/* SPDX-License-Identifier: MIT */
#ifndef HTTP_ERROR_PAGES_H
#define HTTP_ERROR_PAGES_H

/*
 * error_pages.h - files of one's own in place of the built-in error texts.
 *
 *     const struct mr_error_page *pages = NULL;
 *     err = mr_error_pages_add(&pages, arena, mime,
 *                              mr_str("404 410 err/gone.html"), &why);
 *     page = mr_error_pages_find(pages, 404);
 *
 * A file is read when it is added. Who answers with it is mr_reply_status
 * (http/response.h).
 */
#include "core/arena.h"

struct mr_mime;

/* Of one file: it goes with every such error, to whoever makes them. */
#define MR_ERROR_PAGE_MAX ((size_t)256 * 1024)

struct mr_error_page {
    const struct mr_error_page *next;
    int status;
    const char *type;
    struct mr_str body;
};

/*
 * text is status codes and, last, a file's path, between spaces. All is put
 * into the arena, a page for each code in front of *pages. 0; -EINVAL: text,
 * *ret_why says what is wrong (static); -EEXIST: a code has a page already;
 * -EFBIG; -ENOMEM; what opening and reading say. Blocks on the file: for the
 * start.
 */
MR_API MR_MUST_USE int mr_error_pages_add(const struct mr_error_page **pages,
                                          struct mr_arena *arena,
                                          const struct mr_mime *mime,
                                          struct mr_str text,
                                          const char **ret_why);
/* Among pages (NULL: none) the one for a status, or NULL. */
MR_API const struct mr_error_page *
mr_error_pages_find(const struct mr_error_page *pages, int status);

#endif
