/* SPDX-License-Identifier: MIT */

/*
 * verify.c - is a file that is there already what was asked for?
 *
 * It is read on a helper thread, a piece of it at a time: an interrupt and
 * --max-time count in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/get/download.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/digest.h"

#define BLOCK ((size_t)128 * 1024)
#define BLOCKS 64 /* of one piece: 8 MiB */

struct verify {
    int dir;
    const char *name;
    int fd;
    int64_t at;
    struct mr_digest *digest;
    char *buf;
};

/* A FIFO of that name makes nobody wait. */
static intptr_t open_job(void *arg)
{
    struct verify *v = arg;
    struct stat st;
    int rc;

    v->fd =
        mr_sys_openat(v->dir, v->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (v->fd < 0)
        return v->fd;
    rc = mr_sys_fstat(v->fd, &st);
    return rc == 0 && !S_ISREG(st.st_mode) ? -EINVAL : rc;
}

/* A piece. 1: there may be more. */
static intptr_t add_job(void *arg)
{
    struct verify *v = arg;

    for (int i = 0; i < BLOCKS; i++) {
        ssize_t n = mr_sys_pread(v->fd, v->buf, BLOCK, v->at);
        int rc = n > 0 ? mr_digest_add(v->digest, v->buf, (size_t)n) : (int)n;

        if (rc || n == 0)
            return rc;
        v->at += n;
    }
    return 1;
}

static intptr_t add_all(struct verify *v, const struct get_download *d)
{
    intptr_t rc = 1;

    while (rc == 1) {
        if (mr_is_cancelled())
            return -ECANCELED;
        if (mr_now() >= d->deadline)
            return -ETIMEDOUT;
        rc = mr_offload(add_job, v);
    }
    return rc;
}

static void judge(struct get_download *d, const struct mr_checksum *is)
{
    char text[MR_CHECKSUM_TEXT];

    if (mr_checksum_eq(is, &d->e->checksum))
        return;
    mr_checksum_format(text, is);
    snprintf(d->why, sizeof d->why,
             "%s: is there already, and its checksum is wrong: it has %s "
             "(--overwrite fetches it anew)",
             d->name, text);
    d->outcome = GET_CONTENT;
}

static void explain(struct get_download *d, int rc)
{
    d->outcome = rc == -ECANCELED   ? GET_INTERRUPTED
                 : rc == -ETIMEDOUT ? GET_NETWORK
                 : rc == -ENOMEM || rc == -EAGAIN || rc == -EOPNOTSUPP
                     ? GET_OTHER
                     : GET_FILE;
    snprintf(d->why, sizeof d->why,
             "%s: is there already, and its checksum is not known: %s", d->name,
             rc == -EINVAL      ? "it is no file"
             : rc == -ETIMEDOUT ? "it took longer than --max-time allows"
                                : mr_strerror(rc));
}

void get_verify(struct get_download *d)
{
    struct verify v = {.dir = d->dir, .name = d->name, .fd = -1};
    struct mr_checksum is;
    intptr_t rc = mr_digest_new(&v.digest, d->e->checksum.kind);

    d->state = GET_VERIFYING;
    v.buf = mr_alloc(BLOCK);
    if (rc == 0 && !v.buf)
        rc = -ENOMEM;
    if (rc == 0)
        rc = mr_offload(open_job, &v);
    if (rc == 0)
        rc = add_all(&v, d);
    if (rc == 0)
        rc = mr_digest_end(v.digest, &is);
    if (rc == 0)
        judge(d, &is);
    else
        explain(d, (int)rc);
    if (v.fd >= 0)
        mr_sys_close(v.fd);
    mr_digest_free(v.digest);
    mr_free(v.buf);
}
