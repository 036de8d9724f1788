/* SPDX-License-Identifier: MIT */
#ifndef CORE_BUF_H
#define CORE_BUF_H

/*
 * buf.h - growable byte buffer: append at the end, consume from the front.
 *
 *     struct mr_buf b;
 *     mr_buf_init(&b);
 *     err = mr_buf_reserve(&b, 4096);           room at mr_buf_tail(&b)
 *     mr_buf_commit(&b, n);                      n bytes were written there
 *     mr_buf_consume(&b, m);                     m bytes were used up
 *     mr_buf_fini(&b);
 *
 * The unread bytes are data[pos .. pos + len). Consuming moves no bytes;
 * reserving may (views into the buffer end there).
 */
#include "core/str.h"

struct mr_buf {
    char *data;
    size_t pos; /* first unread byte */
    size_t len; /* unread bytes */
    size_t cap; /* bytes at data */
};

static inline void mr_buf_init(struct mr_buf *b)
{
    *b = (struct mr_buf){0};
}

/* Frees the memory; the buffer is empty and usable afterwards. */
MR_API void mr_buf_fini(struct mr_buf *b);

/* Empty, memory kept. */
static inline void mr_buf_reset(struct mr_buf *b)
{
    b->pos = 0;
    b->len = 0;
}

/* These three are NULL before the first memory: C has no NULL + 0. */
static inline const char *mr_buf_head(const struct mr_buf *b)
{
    return b->data ? b->data + b->pos : NULL;
}

static inline struct mr_str mr_buf_view(const struct mr_buf *b)
{
    return mr_str_n(mr_buf_head(b), b->len);
}

static inline char *mr_buf_tail(struct mr_buf *b)
{
    return b->data ? b->data + b->pos + b->len : NULL;
}

/* Bytes that may be written at the tail. */
static inline size_t mr_buf_room(const struct mr_buf *b)
{
    return b->cap - b->pos - b->len;
}

/* At least n bytes of room, by moving what is unread to the front or growing
 * (to at least twice). 0 or -ENOMEM, the buffer unchanged. */
MR_API MR_MUST_USE int mr_buf_grow(struct mr_buf *b, size_t n);
MR_MUST_USE static inline int mr_buf_reserve(struct mr_buf *b, size_t n)
{
    return MR_LIKELY(b->data && mr_buf_room(b) >= n) ? 0 : mr_buf_grow(b, n);
}

static inline void mr_buf_commit(struct mr_buf *b, size_t n)
{
    MR_BUG_ON(n > mr_buf_room(b));
    b->len += n;
}

static inline void mr_buf_consume(struct mr_buf *b, size_t n)
{
    MR_BUG_ON(n > b->len);
    b->pos += n;
    b->len -= n;
    if (b->len == 0)
        b->pos = 0;
}

/* 0 or -ENOMEM, the buffer unchanged. */
MR_API MR_MUST_USE int mr_buf_append(struct mr_buf *b, const void *p, size_t n);
MR_API MR_MUST_USE int mr_buf_append_z(struct mr_buf *b, const char *z);
/* What is left of a file (blocking): to its end, or until more than `most`
 * bytes are unread here, which the caller then sees. 0, -ENOMEM, or read's
 * -Exxx, with what came before it kept. */
MR_API MR_MUST_USE int mr_buf_read_fd(struct mr_buf *b, int fd, size_t most);
MR_API MR_MUST_USE int mr_buf_printf(struct mr_buf *b, const char *fmt, ...)
    MR_PRINTF(2, 3);

#endif
