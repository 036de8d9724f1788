/* SPDX-License-Identifier: MIT */
#ifndef IO_STREAM_H
#define IO_STREAM_H

/*
 * stream.h - a byte stream of five functions, and what is built from them.
 *
 * Who reads and writes messages should not care what carries the bytes. A
 * stream is a struct whose first member is struct mr_stream; its maker embeds
 * the rest. Plain sockets and descriptors are here, TLS is in io/tls.h.
 *
 *     struct mr_stream_fd t;
 *     struct mr_stream *s = mr_stream_socket_init(&t, fd);    takes fd
 *     n = mr_stream_read_until(s, &buf, mr_str("\r\n"), 4096, deadline);
 *     rc = mr_stream_write_all(s, "250 ok\r\n", 8, deadline);
 *     mr_stream_close(s);
 *
 * Invariants
 *  (1) One reader and one writer at a time; these two may be different
 *      coroutines.
 *  (2) read gives at least one byte, 0 at the end, or -Exxx. writev writes all
 *      or fails; after -Exxx of either only close makes sense (but a read that
 *      timed out may be tried again).
 *  (3) pending counts the bytes that a read would give without asking the
 *      kernel: a stream whose descriptor is quiet is at rest only when that
 *      is 0.
 *  (4) fd is the descriptor whose bytes are the stream's own, or -1 when they
 *      are not (TLS): with fd >= 0, mr_sendfile(fd, ...) and mr_sendv say the
 *      same as writing to the stream.
 */
#include <sys/uio.h>

#include "core/buf.h"

struct mr_stream;

/* Contracts as of the functions below that call them. */
struct mr_stream_ops {
    ssize_t (*read)(struct mr_stream *s, void *buf, size_t n, int64_t deadline);
    int (*writev)(struct mr_stream *s, struct iovec *v, int n,
                  int64_t deadline);
    size_t (*pending)(const struct mr_stream *s);
    int (*shutdown)(struct mr_stream *s, int64_t deadline);
    void (*close)(struct mr_stream *s);
};

struct mr_stream {
    const struct mr_stream_ops *ops;
    int fd; /* invariant 4 */
};

/* --- the five --- */

/* 1 to n bytes, 0 at the end, or -Exxx. n > 0. May park. */
static inline MR_MUST_USE ssize_t mr_stream_read(struct mr_stream *s, void *buf,
                                                 size_t n, int64_t deadline)
{
    return s->ops->read(s, buf, n, deadline);
}
/* All n pieces; v is used up (io/fd.h, mr_writev). 0 or -Exxx. May park. */
static inline MR_MUST_USE int
mr_stream_writev(struct mr_stream *s, struct iovec *v, int n, int64_t deadline)
{
    return s->ops->writev(s, v, n, deadline);
}
/* Invariant 3. */
static inline size_t mr_stream_pending(const struct mr_stream *s)
{
    return s->ops->pending(s);
}
/* No more will be written; the peer reads the end. 0; -EOPNOTSUPP: no such
 * half (a pipe, a terminal); -Exxx. May park. */
static inline int mr_stream_shutdown(struct mr_stream *s, int64_t deadline)
{
    return s->ops->shutdown(s, deadline);
}
/* Gives back all it holds, the descriptor too; says nothing to the peer that
 * would have to wait (that is shutdown's). Once; never parks. */
static inline void mr_stream_close(struct mr_stream *s)
{
    s->ops->close(s);
}
/* Invariant 4: for sendfile. -1: write to the stream instead. */
static inline int mr_stream_fd(const struct mr_stream *s)
{
    return s->fd;
}

/* --- what is built from them --- */

/* 0 or -Exxx. May park. */
MR_API MR_MUST_USE int mr_stream_write_all(struct mr_stream *s, const void *buf,
                                           size_t n, int64_t deadline);
/* Exactly n bytes: 0; -ENODATA when the stream ends before; -Exxx. May park. */
MR_API MR_MUST_USE int mr_stream_read_exact(struct mr_stream *s, void *buf,
                                            size_t n, int64_t deadline);
/*
 * Read into b until it holds `end`. How many bytes at b's head reach up to and
 * including it (the caller consumes them; more may follow them in b).
 * -EMSGSIZE: not among the first max bytes; -ENODATA: the stream ended;
 * -ENOMEM; -EINVAL: an empty `end`; -Exxx. b keeps what came. May park.
 */
MR_API MR_MUST_USE ssize_t mr_stream_read_until(struct mr_stream *s,
                                                struct mr_buf *b,
                                                struct mr_str end, size_t max,
                                                int64_t deadline);
/*
 * Move up to n bytes (UINT64_MAX: until the end) through a heap buffer, each
 * piece as it comes. How many: fewer than n when `from` ended. -ENOMEM, -Exxx.
 * May park.
 */
MR_API MR_MUST_USE int64_t mr_stream_copy(struct mr_stream *to,
                                          struct mr_stream *from, uint64_t n,
                                          int64_t deadline);

/* --- descriptors as streams --- */

/* Embedded by its user; stays put while used. Nothing is allocated. */
struct mr_stream_fd {
    struct mr_stream stream;
    bool drained; /* the last read was short: wait before the next */
    bool whole;   /* and so there was no more: TCP (core/hub.h, MR_DRAINED) */
};

/* Take fd (O_NONBLOCK); never fail. Returns &t->stream. A socket's writes raise
 * no SIGPIPE; for pipes and terminals see io/fd.h, 6. Who knows that a socket
 * is TCP may set `whole` then: waits are cheaper. */
MR_API struct mr_stream *mr_stream_socket_init(struct mr_stream_fd *t, int fd);
MR_API struct mr_stream *mr_stream_fd_init(struct mr_stream_fd *t, int fd);

#endif
