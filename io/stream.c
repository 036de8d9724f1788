/* SPDX-License-Identifier: MIT */

/*
 * stream.c - what is built from a stream's five functions, and descriptors as
 * streams.
 *
 * Of a descriptor's stream, `drained` remembers that the last read came back
 * short: the kernel has no more just now, so the next read waits first instead
 * of making a call that must fail. By edge, if that is certain (`whole`). A
 * read that failed leaves nothing that is: it may have been woken, and then
 * been cancelled, or been too late, before it made its call.
 *
 * Not here: TLS (io/tls.c); a buffered stream: who needs what was read too far
 * keeps a struct mr_buf beside it.
 */
#include "io/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/sys.h"
#include "io/fd.h"

/* What mr_stream_copy moves at once: past it a larger buffer saves little
 * system time, and many copies may be under way. */
#define COPY_SIZE (16 * 1024)
/* The first room a read_until asks for: a line of the usual protocols. */
#define READ_MIN 512

int mr_stream_write_all(struct mr_stream *s, const void *buf, size_t n,
                        int64_t deadline)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};

    return mr_stream_writev(s, &v, 1, deadline);
}

int mr_stream_read_exact(struct mr_stream *s, void *buf, size_t n,
                         int64_t deadline)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = mr_stream_read(s, (char *)buf + done, n - done, deadline);

        if (got < 0)
            return (int)got;
        if (got == 0)
            return -ENODATA;
        done += (size_t)got;
    }
    return 0;
}

/* Read once into b, at most `most` bytes. As mr_stream_read, or -ENOMEM. */
static ssize_t fill(struct mr_stream *s, struct mr_buf *b, size_t most,
                    int64_t deadline)
{
    ssize_t got;
    int rc = mr_buf_reserve(b, MR_MIN(most, (size_t)READ_MIN));

    if (rc)
        return rc;
    got = mr_stream_read(s, mr_buf_tail(b), MR_MIN(mr_buf_room(b), most),
                         deadline);
    if (got > 0)
        mr_buf_commit(b, (size_t)got);
    return got;
}

ssize_t mr_stream_read_until(struct mr_stream *s, struct mr_buf *b,
                             struct mr_str end, size_t max, int64_t deadline)
{
    size_t from = 0; /* no match begins before it */

    if (mr_str_is_empty(end))
        return -EINVAL;
    for (;;) {
        size_t len = MR_MIN(b->len, max);
        const char *hit = NULL;
        ssize_t got;

        if (len >= from + end.n)
            hit = memmem(mr_buf_head(b) + from, len - from, end.p, end.n);
        if (hit)
            return hit - mr_buf_head(b) + (ssize_t)end.n;
        if (len == max)
            return -EMSGSIZE;
        from = len >= end.n ? len - end.n + 1 : 0;
        got = fill(s, b, max - len, deadline);
        if (got <= 0)
            return got < 0 ? got : -ENODATA;
    }
}

/* mr_stream_copy with its buffer in hand. */
static int64_t copy_through(struct mr_stream *to, struct mr_stream *from,
                            uint64_t n, int64_t deadline, char *buf)
{
    uint64_t done = 0;

    while (done < n) {
        size_t want = (size_t)MR_MIN(n - done, (uint64_t)COPY_SIZE);
        ssize_t got = mr_stream_read(from, buf, want, deadline);
        int rc;

        if (got < 0)
            return got;
        if (got == 0)
            break;
        rc = mr_stream_write_all(to, buf, (size_t)got, deadline);
        if (rc)
            return rc;
        done += (uint64_t)got;
    }
    return (int64_t)done;
}

int64_t mr_stream_copy(struct mr_stream *to, struct mr_stream *from, uint64_t n,
                       int64_t deadline)
{
    char *buf = mr_alloc(COPY_SIZE);
    int64_t done;

    if (!buf)
        return -ENOMEM;
    done = copy_through(to, from, n, deadline, buf);
    mr_free(buf);
    return done;
}

/* --- descriptors as streams --- */

static struct mr_stream_fd *fd_stream(struct mr_stream *s)
{
    return mr_container_of(s, struct mr_stream_fd, stream);
}

/* Of a read of n bytes that gave got. */
static ssize_t note_read(struct mr_stream_fd *t, size_t n, ssize_t got)
{
    if (got != 0)
        t->drained = got > 0 && (size_t)got < n;
    return got;
}

MR_HOT static ssize_t socket_read(struct mr_stream *s, void *buf, size_t n,
                                  int64_t deadline)
{
    struct mr_stream_fd *t = fd_stream(s);
    ssize_t got;

    if (!t->drained)
        got = mr_recv(s->fd, buf, n, 0, deadline);
    else if (MR_LIKELY(t->whole))
        got = mr_recv_wait(s->fd, buf, n, 0, deadline);
    else
        got = mr_read_wait(s->fd, buf, n, deadline);
    return note_read(t, n, got);
}

static ssize_t fd_read(struct mr_stream *s, void *buf, size_t n,
                       int64_t deadline)
{
    struct mr_stream_fd *t = fd_stream(s);

    return note_read(t, n,
                     t->drained ? mr_read_wait(s->fd, buf, n, deadline)
                                : mr_read(s->fd, buf, n, deadline));
}

static int socket_writev(struct mr_stream *s, struct iovec *v, int n,
                         int64_t deadline)
{
    return mr_sendv(s->fd, v, n, 0, deadline);
}

static int fd_writev(struct mr_stream *s, struct iovec *v, int n,
                     int64_t deadline)
{
    return mr_writev(s->fd, v, n, deadline);
}

static size_t nothing_pending(const struct mr_stream *s)
{
    (void)s;
    return 0;
}

static int socket_shutdown(struct mr_stream *s, int64_t deadline)
{
    (void)deadline; /* the kernel sends what is left */
    return mr_sys_shutdown(s->fd, SHUT_WR);
}

static int fd_shutdown(struct mr_stream *s, int64_t deadline)
{
    (void)s;
    (void)deadline;
    return -EOPNOTSUPP;
}

static void fd_close(struct mr_stream *s)
{
    mr_fd_close(s->fd);
    s->fd = -1;
}

static const struct mr_stream_ops socket_ops = {
    .read = socket_read,
    .writev = socket_writev,
    .pending = nothing_pending,
    .shutdown = socket_shutdown,
    .close = fd_close,
};

static const struct mr_stream_ops fd_ops = {
    .read = fd_read,
    .writev = fd_writev,
    .pending = nothing_pending,
    .shutdown = fd_shutdown,
    .close = fd_close,
};

struct mr_stream *mr_stream_socket_init(struct mr_stream_fd *t, int fd)
{
    *t = (struct mr_stream_fd){.stream = {.ops = &socket_ops, .fd = fd}};
    return &t->stream;
}

struct mr_stream *mr_stream_fd_init(struct mr_stream_fd *t, int fd)
{
    *t = (struct mr_stream_fd){.stream = {.ops = &fd_ops, .fd = fd}};
    return &t->stream;
}
