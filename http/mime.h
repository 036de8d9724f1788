/* SPDX-License-Identifier: MIT */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

/*
 * mime.h - a file's name to its content type.
 *
 *     MR_AUTO(mime) m = NULL;
 *     err = mr_mime_new(&m);                       the usual types, built in
 *     err = mr_mime_parse(m, text, &line);         conf/mime.types over them
 *     type = mr_mime_find(m, mr_str("a/index.HTML"));
 *                                                  "text/html; charset=utf-8"
 */
#include "core/str.h"

struct mr_mime;

/* What mr_mime_find gives for a name that it knows nothing of. */
#define MR_MIME_DEFAULT "application/octet-stream"

/* A table of the built-in types. 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_mime_new(struct mr_mime **ret);
/* The same with another charset than utf-8 for types text/... that name none;
 * "": none. -EINVAL: it is no token. */
MR_API MR_MUST_USE int mr_mime_new_charset(struct mr_mime **ret,
                                           const char *charset);
/* NULL does nothing. */
MR_API void mr_mime_free(struct mr_mime *m);
MR_DEFINE_AUTO(mime)

/*
 * Add types from text in Apache's form: lines of a type and the extensions that
 * mean it, between white space; '#' begins a comment. A later line wins. Types
 * text/... without a parameter get the table's charset. Nothing of text is
 * kept. 0, -ENOMEM, or -EINVAL with *ret_line the line's number, from 1: a type
 * without '/' or with bytes that a field may not hold, an extension of more
 * than 15 bytes. The lines before the error stay in force.
 */
MR_API MR_MUST_USE int mr_mime_parse(struct mr_mime *m, struct mr_str text,
                                     unsigned *ret_line);

/* The type by what follows the last dot of the last path segment, without
 * case. A static text, or one that lives as long as m. */
MR_API struct mr_str mr_mime_find(const struct mr_mime *m, struct mr_str name);

#endif
