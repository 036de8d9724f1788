/* SPDX-License-Identifier: MIT */

/*
 * upload.c - a form with files, from the body's pieces to parts.
 *
 *  (1) A part file belongs to the request: a hook of its arena closes and
 *      removes it, and stands before the file is made.
 *  (2) Files are written a block at a time, on a helper, shielded: neither the
 *      disk nor a cancel leaves a helper with memory that is gone.
 *  (3) Limits are looked at before a byte is stored.
 *  (4) One part file is open at a time: a form may have a thousand, and the
 *      process has not as many descriptors for everyone.
 */
#include "http/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/buf.h"
#include "core/offload.h"
#include "core/sys.h"
#include "http/request.h"

/* One trip to a helper for so much: 20 us of handing over beside 30 us of
 * copying it. */
#define BLOCK ((size_t)64 * 1024)
#define MODE 0666

struct reader {
    struct mr_request *req;
    struct mr_upload_options o;
    struct mr_upload *up;
    struct mr_upload_part **end;
    struct mr_upload_part *part; /* the one that is being read */
    struct mr_buf buf;           /* of a file what is not written yet; of a
                                  * value all of it */
    int64_t memory;              /* bytes of values */
};

/* --- part files --- */

struct file_job {
    const char *path;
    const char *to;
    int fd;
    bool last; /* close it after this: then fd is -1 */
    struct mr_str data;
};

static intptr_t open_file(void *arg)
{
    struct file_job *job = arg;

    return mr_sys_openat(
        AT_FDCWD, job->path,
        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, MODE);
}

static intptr_t write_file(void *arg)
{
    struct file_job *job = arg;
    ssize_t n = 0;

    while (job->data.n > 0 && n >= 0) {
        n = mr_sys_write(job->fd, job->data.p, job->data.n);
        if (n > 0)
            job->data = mr_str_n(job->data.p + n, job->data.n - (size_t)n);
    }
    /* What a file system on a network could not write it says now. */
    if (n >= 0 && job->last) {
        n = mr_sys_close(job->fd);
        job->fd = -1;
    }
    return MR_MIN(n, 0);
}

/* Without a helper the wait is the lesser evil: the file must go. */
static intptr_t remove_file(void *arg)
{
    const struct mr_upload_part *part = arg;

    if (part->fd >= 0)
        mr_sys_close(part->fd);
    return mr_sys_unlink(part->path);
}

static intptr_t keep_file(void *arg)
{
    struct file_job *job = arg;

    return mr_sys_link(job->path, job->to);
}

static void forget(void *arg)
{
    struct mr_upload_part *part = arg;
    intptr_t rc;

    if (!part->made)
        return;
    rc = mr_offload(remove_file, part);
    if (rc == -EAGAIN || rc == -ENOMEM)
        (void)!remove_file(part);
    part->made = false;
    part->fd = -1;
}

static int make_file(struct reader *r, struct mr_upload_part *part)
{
    static _Thread_local unsigned count;
    struct mr_arena *arena = mr_request_arena(r->req);
    struct file_job job;
    intptr_t fd;
    int err;

    part->path = mr_arena_printf(
        arena, "%s/.millrace-%d-%llx-%u.part", r->o.dir, mr_sys_getpid(),
        (unsigned long long)mr_sys_realtime(), ++count);
    if (!part->path)
        return -ENOMEM;
    err = mr_arena_on_reset(arena, forget, part);
    if (err)
        return err;
    job = (struct file_job){.path = part->path};
    fd = mr_offload(open_file, &job);
    if (fd < 0)
        return (int)fd;
    part->fd = (int)fd;
    part->made = true;
    return 0;
}

/* What was gathered; `last`: no more comes. */
static int write_out(struct reader *r, bool last)
{
    struct file_job job = {
        .fd = r->part->fd, .last = last, .data = mr_buf_view(&r->buf)};
    intptr_t rc = mr_offload(write_file, &job);

    mr_buf_reset(&r->buf);
    r->part->fd = job.fd;
    return (int)rc;
}

/* --- parts --- */

static int begin_part(struct reader *r, const struct mr_part *from)
{
    struct mr_upload_part *part =
        mr_arena_calloc(mr_request_arena(r->req), sizeof *part);

    if (!part)
        return -ENOMEM;
    part->name = from->name;
    part->file_name = from->file_name;
    part->type = from->type;
    part->value = mr_str("");
    part->fd = -1;
    *r->end = part;
    r->end = &part->next;
    r->up->n++;
    r->part = part;
    mr_buf_reset(&r->buf);
    return part->file_name.p && r->o.dir ? make_file(r, part) : 0;
}

static int add_data(struct reader *r, struct mr_str data)
{
    struct mr_upload_part *part = r->part;
    int64_t n = (int64_t)data.n;
    int err;

    if (part->file_name.p && n > r->o.max_file - part->size)
        return -EFBIG;
    if (!part->path && n > r->o.max_memory - r->memory)
        return -EFBIG;
    part->size += n;
    r->memory += part->path ? 0 : n;
    if (part->path && r->buf.len + data.n > BLOCK) {
        err = write_out(r, false);
        if (err)
            return err;
    }
    return mr_buf_append(&r->buf, data.p, data.n);
}

static int end_part(struct reader *r)
{
    struct mr_upload_part *part = r->part;

    if (part->path)
        return write_out(r, true);
    part->value.n = r->buf.len;
    part->value.p =
        mr_arena_dup(mr_request_arena(r->req), mr_buf_view(&r->buf));
    return part->value.p ? 0 : -ENOMEM;
}

static int take(struct reader *r, struct mr_multipart *m, struct mr_str piece)
{
    struct mr_str data;
    int err = 0;

    while (!err) {
        switch (mr_multipart_next(m, &piece, &data)) {
        case MR_MULTIPART_MORE:
            return 0;
        case MR_MULTIPART_PART:
            err = begin_part(r, m->part);
            break;
        case MR_MULTIPART_DATA:
            err = add_data(r, data);
            break;
        case MR_MULTIPART_END:
            err = end_part(r);
            break;
        case MR_MULTIPART_DONE:
            break;
        case MR_MULTIPART_BAD:
            return -EBADMSG;
        case MR_MULTIPART_MANY:
            return -EFBIG;
        }
    }
    return err;
}

static int read_parts(struct reader *r, struct mr_multipart *m)
{
    int64_t total = 0;
    struct mr_str piece;
    int rc;

    while ((rc = mr_request_next(r->req, &piece)) > 0) {
        total += (int64_t)piece.n;
        if (total > r->o.max_total)
            return -EFBIG;
        rc = take(r, m, piece);
        if (rc < 0)
            return rc;
    }
    return rc < 0 || mr_multipart_is_done(m) ? rc : -EBADMSG;
}

static void fill_defaults(struct mr_upload_options *o)
{
    if (o->max_memory == 0)
        o->max_memory = INT64_C(1) << 20;
    if (o->max_file == 0)
        o->max_file = INT64_C(16) << 20;
    if (o->max_total == 0)
        o->max_total = INT64_C(64) << 20;
}

int mr_request_upload(struct mr_request *req, const struct mr_upload_options *o,
                      struct mr_upload *ret)
{
    struct reader r = {.req = req, .o = *o, .up = ret, .end = &ret->first};
    struct mr_multipart m;
    int err;

    *ret = (struct mr_upload){0};
    fill_defaults(&r.o);
    err = mr_multipart_init(&m, mr_request_arena(req),
                            mr_request_header(req, "content-type"),
                            r.o.max_parts, 0);
    if (!err && mr_request_length(req) > r.o.max_total)
        err = -EFBIG;
    if (err)
        return err;
    mr_buf_init(&r.buf);
    err = read_parts(&r, &m);
    mr_buf_fini(&r.buf);
    /* At once, not with the answer: the disk may be what ran out. */
    for (struct mr_upload_part *p = ret->first; err && p; p = p->next)
        forget(p);
    return err;
}

struct mr_upload_part *mr_upload_find(struct mr_upload_part *from,
                                      const char *name)
{
    while (from && !mr_str_is(from->name, name))
        from = from->next;
    return from;
}

int mr_upload_keep(struct mr_upload_part *part, const char *path)
{
    struct file_job job = {.path = part->path, .to = path};
    intptr_t rc;

    if (!part->made)
        return -EINVAL;
    rc = mr_offload(keep_file, &job);
    if (rc < 0)
        return (int)rc;
    forget(part);
    return 0;
}
