/* SPDX-License-Identifier: MIT */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

/*
 * multipart.h - a multipart/form-data body taken apart as it comes (RFC 7578,
 * RFC 2046 5.1).
 *
 *     err = mr_multipart_init(&m, arena, mr_request_header(req,
 * "content-type"), 0, 0); while ((rc = mr_request_next(req, &piece)) > 0) while
 * ((e = mr_multipart_next(&m, &piece, &data)) != MR_MULTIPART_MORE) switch (e)
 * { ... } if (rc == 0 && !mr_multipart_is_done(&m)) rc = -EBADMSG; it ended
 * inside a part
 *
 * For whole forms, with files on disk: http/upload.h, which stands on this.
 *
 *   PREAMBLE --> LINE --> HEAD --> DATA --> LINE ... --> DONE
 *        '--------^ a delimiter        '-----^    "--"     the rest is ignored
 *
 * Only what could be the beginning of a delimiter is held back, and it need not
 * be kept: it has the delimiter's own bytes.
 */
#include "core/arena.h"
#include "http/headers.h"

/* RFC 2046 5.1.1. */
#define MR_BOUNDARY_MAX 70
/* What one part's head may have: four times what a browser's long file name
 * makes of it. And fields: three are known, and a client adds one or two. */
#define MR_PART_HEAD_MAX 4096
#define MR_PART_FIELDS 16
/* Parts, when the caller names no number: as many as a form has names. */
#define MR_PARTS_MAX 1000

enum mr_multipart_event {
    MR_MULTIPART_MORE, /* the piece is used up */
    MR_MULTIPART_PART, /* a part begins: `part` tells which */
    MR_MULTIPART_DATA, /* bytes of it: *ret_data, until the next call */
    MR_MULTIPART_END,  /* of the part */
    MR_MULTIPART_DONE, /* of all; once */
    MR_MULTIPART_BAD,  /* `reason`; and so for ever. Answer 400 */
    MR_MULTIPART_MANY, /* too many parts; for ever. Answer 413 */
};

/* All in the arena. */
struct mr_part {
    struct mr_str name;      /* the field's */
    struct mr_str file_name; /* without directories; p NULL: it is no file */
    struct mr_str type;      /* its Content-Type; p NULL: none */
    struct mr_headers headers;
    struct mr_field fields[MR_PART_FIELDS];
};

struct mr_multipart {
    struct mr_part *part; /* the present one's; lives as long as the arena */
    const char *reason;   /* BAD: what is wrong; static */
    /* private */
    struct mr_arena *arena;
    int state;
    unsigned parts;
    unsigned parts_max;
    size_t head_max;
    char *head;
    size_t head_n;
    size_t matched; /* bytes of the delimiter that were seen */
    bool stood_in;  /* CR LF of those counted as seen, and were not */
    size_t skipped; /* of the preamble */
    size_t delimiter_n;
    char delimiter[4 + MR_BOUNDARY_MAX]; /* CR LF "--" boundary */
};

/*
 * From a request's Content-Type. parts and head: the most parts, the most bytes
 * of a part's head; 0: the numbers above. 0; -EMEDIUMTYPE: it is not
 * multipart/form-data; -EBADMSG: it has no boundary, or not one of 1 to 70
 * bytes that may stand in one.
 */
MR_API MR_MUST_USE int mr_multipart_init(struct mr_multipart *m,
                                         struct mr_arena *arena,
                                         struct mr_str content_type,
                                         unsigned parts, size_t head);
/* Go on in *piece, which is cut from its front. Data is a view into the piece
 * or into m. Out of memory is BAD, `reason` says so. */
MR_API enum mr_multipart_event mr_multipart_next(struct mr_multipart *m,
                                                 struct mr_str *piece,
                                                 struct mr_str *ret_data);
/* Was the last delimiter seen? */
MR_API bool mr_multipart_is_done(const struct mr_multipart *m);

/*
 * The value of a parameter, as in `form-data; name="a b"; filename=x`: quoted
 * or not, in the arena, without its quotes. `\"` is a quote; other backslashes
 * stay, as browsers write them bare. 0, -ENOENT, -EINVAL (a quote without end),
 * -ENOMEM.
 */
MR_API MR_MUST_USE int mr_param_find(struct mr_arena *arena,
                                     struct mr_str field, const char *name,
                                     struct mr_str *ret);

#endif
