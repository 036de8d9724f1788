/* SPDX-License-Identifier: MIT */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

/*
 * form.h - names with values, as a form sends them: in a query, or as a body of
 * application/x-www-form-urlencoded. (Forms with files: http/upload.h.)
 *
 *     struct mr_form form;
 *     rc = mr_request_form(req, 0, &form);
 *     if (rc < 0)
 *         return rc;                          answered 413, 415, 400, ...
 *     name = mr_form_get(&form, "name", "nobody");
 *     for (i = mr_form_find(&form, "tag", 0); i >= 0;
 *          i = mr_form_find(&form, "tag", (size_t)i + 1))
 *         use(form.v[i].value);
 *
 * Names and values are decoded ('+' is a space), in the request's arena, and
 * may hold any byte: nobody has checked that they are UTF-8.
 */
#include "core/arena.h"

struct mr_request;

struct mr_form_pair {
    struct mr_str name;
    struct mr_str value; /* empty when there was no '=' */
};

struct mr_form {
    struct mr_form_pair *v; /* in order */
    size_t n;
};

/* More names than any form has, and few enough that looking each up one after
 * the other stays cheap. */
#define MR_FORM_PAIRS 1000
/* Of a body that is gathered, when the handler names no limit: a thousand
 * fields of a kilobyte. */
#define MR_FORM_BYTES (1024 * 1024)

/* text taken apart, at most MR_FORM_PAIRS. 0, -EFBIG (more), -ENOMEM. Views are
 * into text or the arena. */
MR_API MR_MUST_USE int mr_form_parse(struct mr_arena *arena, struct mr_str text,
                                     struct mr_form *ret);
/* The position at or after `from` of a pair with that name, or -1. */
MR_API ssize_t mr_form_find(const struct mr_form *form, const char *name,
                            size_t from);
/* The first value of that name, or `otherwise`. */
MR_API struct mr_str mr_form_get(const struct mr_form *form, const char *name,
                                 const char *otherwise);

/*
 * The whole body, in the arena, of at most `max` bytes (0: MR_FORM_BYTES).
 * 0; -EFBIG: longer; or what mr_request_next says. It begins where the handler
 * stopped reading. May park.
 */
MR_API MR_MUST_USE int mr_request_gather(struct mr_request *req, size_t max,
                                         struct mr_str *ret);
/* The same as a form. And -EMEDIUMTYPE: it is not urlencoded. May park. */
MR_API MR_MUST_USE int mr_request_form(struct mr_request *req, size_t max,
                                       struct mr_form *ret);
/* Is this the media type of the request's body, parameters aside? */
MR_API bool mr_request_is_type(const struct mr_request *req, const char *type);

#endif
