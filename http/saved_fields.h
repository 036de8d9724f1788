/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SAVED_FIELDS_H
#define HTTP_SAVED_FIELDS_H

/*
 * saved_fields.h - fields that were added to one answer, for others that have
 * the same: proved and formatted once.
 *
 *     mark = mr_fields_mark(res);
 *     ... mr_response_header(res, ...) ...
 *     size = mr_fields_size(&mark);
 *     if (size > 0 && (saved = mr_alloc(size)))
 *         mr_fields_save(res, &mark, saved);
 *
 *     err = mr_fields_restore(another, saved);
 *     mr_free(saved);
 *
 * What depends on the time or the request must not be among them.
 */
#include "http/response.h"

struct mr_extra;

/* One block, with nothing in it that points: it may be moved. */
struct mr_saved_fields {
    size_t size;  /* of the image */
    size_t bytes; /* of the fields */
    unsigned n;
    uint16_t has;
    _Alignas(8) char image[];
};

/* A place behind all fields of an answer. */
struct mr_fields_mark {
    struct mr_extra **end;
    size_t bytes;
    unsigned n;
    uint16_t has;
};

struct mr_fields_mark mr_fields_mark(const struct mr_response *res);
/* Of what was added since. 0: it cannot be kept, as fields before the mark may
 * have had a say in what was. */
size_t mr_fields_size(const struct mr_fields_mark *mark);
/* Into so many bytes. */
void mr_fields_save(const struct mr_response *res,
                    const struct mr_fields_mark *mark,
                    struct mr_saved_fields *room);

/* As if each had been added now. 0; -EEXIST: add them yourself, as there are
 * fields which these might not agree with; -ENOMEM; -EALREADY: it has begun. */
MR_MUST_USE int mr_fields_restore(struct mr_response *res,
                                  const struct mr_saved_fields *saved);

#endif
