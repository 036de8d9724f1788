/* SPDX-License-Identifier: MIT */

/*
 * body.c - a request's body, read piece by piece as the handler asks.
 *
 * The input buffer holds the head (which the request's views point into), then
 * what has come of the body, then perhaps the next request. Pieces are cut from
 * it; when it is used up, the room behind the head is filled anew. Of a body
 * with a length no more than that is read, so that the next request is not
 * dragged along; a chunked one's end is only found by decoding.
 */
#include "http/body.h"

#include <errno.h>
#include <string.h>

#include "http/conn_priv.h"

/* What may be read and thrown away to keep a connection: a quarter of a
 * megabyte costs less than a new connection with its slow start. */
#define SKIP_MAX (256 * 1024)

void mr_body_limit(struct mr_body *b, int64_t max, int64_t timeout)
{
    b->max = max;
    b->timeout = timeout;
    b->patience = timeout;
}

void mr_body_begin(struct mr_body *b, const struct mr_request_head *head,
                   const struct mr_http_options *o, struct mr_arena *arena)
{
    b->framing = head->framing;
    b->left = head->content_length;
    b->done = head->framing == MR_FRAMING_NONE ||
              (head->framing == MR_FRAMING_LENGTH && b->left == 0);
    b->expect = head->expect_continue && !b->done;
    b->error = 0;
    b->seen = 0;
    mr_body_limit(b, o->max_body, o->body_timeout);
    b->held.n = 0;
    if (head->framing == MR_FRAMING_CHUNKED)
        mr_chunked_init(&b->chunked, arena);
}

static int fail(struct mr_body *b, int error)
{
    b->error = error;
    return error;
}

/* RFC 9110 10.1.1: the client waits for this before it sends its body. */
static int say_continue(struct mr_exchange *x)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    int err = mr_exchange_turn(x);

    if (err)
        return err;
    x->body.expect = false;
    if (x->res.started)
        return 0; /* what comes now would be taken for the answer's body */
    mr_scoreboard_add(&x->http->row->responses_1xx, 1);
    return mr_exchange_write(x, text, sizeof text - 1);
}

static int fill(struct mr_exchange *x)
{
    struct mr_body *b = &x->body;
    size_t limit = x->in_cap - x->body_base;
    int64_t begin;
    ssize_t n;
    int err;

    if (b->expect) {
        err = say_continue(x);
        if (err)
            return err;
    }
    x->in_pos = x->body_base;
    if (b->framing == MR_FRAMING_LENGTH && b->left < limit)
        limit = (size_t)b->left;
    /* A handler that gathers a large upload shall not hold back what it has
     * answered so far; and what that takes is not the body's time. */
    err = x->writing ? 0 : mr_exchange_flush(x);
    if (err)
        return err;
    begin = mr_hub_now();
    n = mr_exchange_fill(x, limit, begin + b->patience);
    if (n < 0)
        return (int)n;
    mr_pace(&b->patience, b->timeout, MR_BODY_UNIT, (size_t)n,
            mr_hub_now() - begin);
    return n == 0 ? -ENODATA : 0;
}

static void take(struct mr_exchange *x, size_t n)
{
    x->in_pos += n;
    x->in_len -= n;
}

static int next_of_length(struct mr_exchange *x, struct mr_str *ret)
{
    struct mr_body *b = &x->body;
    size_t n;
    int err;

    if (x->in_len == 0) {
        err = fill(x);
        if (err)
            return err;
    }
    n = x->in_len < b->left ? x->in_len : (size_t)b->left;
    *ret = mr_str_n(x->in + x->in_pos, n);
    take(x, n);
    b->left -= n;
    b->done = b->left == 0;
    return 1;
}

static int next_of_chunked(struct mr_exchange *x, struct mr_str *ret)
{
    struct mr_body *b = &x->body;
    struct mr_str in;
    int err;

    for (;;) {
        enum mr_chunked_result rc;

        in = mr_str_n(x->in + x->in_pos, x->in_len);
        rc = mr_chunked_decode(&b->chunked, &in, ret);
        take(x, x->in_len - in.n);
        switch (rc) {
        case MR_CHUNKED_DATA:
            /* What its line announces counts: else the answer could have begun
             * when the byte too many comes. */
            if (b->max >= 0 && b->chunked.total > (uint64_t)b->max)
                return -EFBIG;
            return 1;
        case MR_CHUNKED_DONE:
            b->done = true;
            return 0;
        case MR_CHUNKED_BAD:
            return -EPROTO;
        case MR_CHUNKED_MORE:
            err = fill(x);
            if (err)
                return err;
        }
    }
}

int mr_body_next(struct mr_exchange *x, struct mr_str *ret_piece)
{
    struct mr_body *b = &x->body;
    int rc;

    if (b->error)
        return b->error;
    if (b->held.n > 0) {
        *ret_piece = b->held;
        b->held.n = 0;
        return 1;
    }
    if (b->done)
        return 0;
    if (x->in_len > 0)
        b->expect = false; /* it did not wait */
    rc = b->framing == MR_FRAMING_LENGTH ? next_of_length(x, ret_piece)
                                         : next_of_chunked(x, ret_piece);
    if (rc == -ECANCELED)
        return rc; /* nothing was used up: another may go on */
    if (rc < 0)
        return fail(b, rc);
    if (rc > 0)
        b->seen += ret_piece->n;
    if (b->max >= 0 && b->seen > (uint64_t)b->max)
        return fail(b, -EFBIG);
    return rc;
}

bool mr_body_is_long(const struct mr_exchange *x)
{
    const struct mr_body *b = &x->body;

    if (b->done)
        return false;
    return b->error || b->expect || b->framing == MR_FRAMING_CHUNKED ||
           b->left > SKIP_MAX;
}

int mr_body_skip(struct mr_exchange *x)
{
    uint64_t before = x->body.seen;
    struct mr_str piece;
    int rc;

    /* Nobody told the client to go on; whether its body comes is open. */
    if (x->body.expect && x->in_len == 0)
        return -EFBIG;
    x->body.expect = false;
    while ((rc = mr_body_next(x, &piece)) > 0) {
        if (x->body.seen - before > SKIP_MAX)
            return -EFBIG;
    }
    return rc;
}
