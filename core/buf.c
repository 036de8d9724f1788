/* SPDX-License-Identifier: MIT */

/*
 * buf.c - growable byte buffer: append at the end, consume from the front.
 *
 * What is unread is moved to the front only when at least as much was consumed,
 * and otherwise copied into twice the memory: so a byte is moved a bounded
 * number of times however the buffer is used, and appending costs O(1) each.
 */
#include "core/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/format.h"
#include "core/sys.h"

/* Below that, growing costs more than the memory is worth. */
#define CAP_MIN 256

void mr_buf_fini(struct mr_buf *b)
{
    mr_free(b->data);
    mr_buf_init(b);
}

int mr_buf_grow(struct mr_buf *b, size_t n)
{
    size_t cap;
    char *data;

    /* Half the address space: cap + cap below cannot overflow. */
    if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
        return -ENOMEM;
    if (b->data && b->cap - b->len >= n && b->pos >= b->len) {
        memmove(b->data, b->data + b->pos, b->len);
        b->pos = 0;
        return 0;
    }
    cap = MR_MAX(b->cap * 2, MR_MAX(b->len + n, CAP_MIN));
    data = mr_alloc(cap);
    if (!data)
        return -ENOMEM;
    if (b->len > 0)
        memcpy(data, b->data + b->pos, b->len);
    mr_free(b->data);
    b->data = data;
    b->pos = 0;
    b->cap = cap;
    return 0;
}

int mr_buf_append(struct mr_buf *b, const void *p, size_t n)
{
    int err;

    if (n == 0)
        return 0;
    err = mr_buf_reserve(b, n);
    if (err)
        return err;
    memcpy(mr_buf_tail(b), p, n);
    mr_buf_commit(b, n);
    return 0;
}

int mr_buf_append_z(struct mr_buf *b, const char *z)
{
    return mr_buf_append(b, z, strlen(z));
}

int mr_buf_printf(struct mr_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n, err;

    /* One byte more than is appended: vsnprintf ends with a NUL. */
    err = mr_buf_reserve(b, 1);
    if (err)
        return err;
    va_start(ap, fmt);
    n = mr_vformat(mr_buf_tail(b), mr_buf_room(b), fmt, ap);
    va_end(ap);
    if (n < 0) /* longer than INT_MAX */
        return -ENOMEM;
    if ((size_t)n >= mr_buf_room(b)) {
        err = mr_buf_reserve(b, (size_t)n + 1);
        if (err)
            return err;
        va_start(ap, fmt);
        vsnprintf(mr_buf_tail(b), (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    mr_buf_commit(b, (size_t)n);
    return 0;
}

int mr_buf_read_fd(struct mr_buf *b, int fd, size_t most)
{
    while (b->len <= most) {
        ssize_t n;
        int err = mr_buf_reserve(b, 4096);

        if (err)
            return err;
        n = mr_sys_read(fd, mr_buf_tail(b), mr_buf_room(b));
        if (n <= 0)
            return (int)n;
        mr_buf_commit(b, (size_t)n);
    }
    return 0;
}
