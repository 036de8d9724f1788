/* SPDX-License-Identifier: MIT */
#ifndef HTTP_UPLOAD_H
#define HTTP_UPLOAD_H

/*
 * upload.h - a form with files, read whole: values in memory, files on disk.
 *
 *     struct mr_upload form;
 *     rc = mr_request_upload(req, &(struct mr_upload_options){
 *         .dir = "/srv/in", .max_file = 100 << 20}, &form);
 *     if (rc < 0)
 *         return rc;                    answered 400, 413, 415, 507, ...
 *     for (p = form.first; p; p = p->next)
 *         if (p->path)
 *             rc = mr_upload_keep(p, "/srv/in/name-of-mine");
 *
 * A file that comes is written to dir, as ".millrace-N.part", on a helper
 * thread. Whatever becomes of the request, it is removed when the request ends,
 * unless it was kept: that gives it its name, at once, and never replaces a
 * file. A server that is killed leaves its part files behind.
 *
 * file_name is what the client says: without directories, and nothing else is
 * sure of it. It may be empty, "..", have any byte or be the name of something.
 */
#include "http/multipart.h"

struct mr_request;

/* Zero means: the default, in brackets. */
struct mr_upload_options {
    const char *dir;    /* for files, kept; NULL: they stay in memory too */
    int64_t max_memory; /* bytes of all that stays in memory [1M] */
    int64_t max_file;   /* bytes of one file [16M] */
    int64_t max_total;  /* bytes of the body [64M]; a directive max_body that is
                         * smaller comes first */
    unsigned max_parts; /* [1000] */
};

struct mr_upload_part {
    struct mr_upload_part *next; /* in the body's order */
    struct mr_str name;
    struct mr_str file_name; /* p NULL: a field, not a file */
    struct mr_str type;      /* of its content, says the client; p NULL: none */
    struct mr_str value;     /* what stayed in memory */
    const char *path;        /* of the part file; NULL: it stayed in memory */
    int64_t size;
    /* private */
    int fd;    /* -1: not open */
    bool made; /* there is a file to be removed */
};

struct mr_upload {
    struct mr_upload_part *first;
    size_t n;
};

/*
 * Read the body. All of it lives until the handler returns. 0; -EMEDIUMTYPE: no
 * multipart/form-data; -EBADMSG: not well-formed, or cut short inside;
 * -EFBIG: a limit; what opening and writing say (-ENOSPC, -EACCES, ...); or
 * what mr_request_next says. On failure no part file is left. May park.
 */
MR_API MR_MUST_USE int mr_request_upload(struct mr_request *req,
                                         const struct mr_upload_options *o,
                                         struct mr_upload *ret);
/* The first part of that name at or after `from` (NULL: NULL). */
MR_API struct mr_upload_part *mr_upload_find(struct mr_upload_part *from,
                                             const char *name);
/*
 * Give a part's file the name `path`, in dir's file system. Its mode is what
 * the umask leaves of 0666. 0; -EEXIST: there is one; -EINVAL: the part has no
 * file, or it was kept already; or as link(2). May park.
 */
MR_API MR_MUST_USE int mr_upload_keep(struct mr_upload_part *part,
                                      const char *path);

#endif
