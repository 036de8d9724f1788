/* SPDX-License-Identifier: MIT */
/*
 * call_body.c - an answer's body, piece by piece; the stream of a tunnel.
 *
 * What came with the head is copied out of the call's buffer; the rest is
 * received straight into the caller's. Chunks are taken apart there, in place:
 * framing is cut out by moving the data up, which costs a copy of what is in
 * the cache already, and no second buffer.
 *
 *     head --[mr_call_body_open]--> OPEN --[read]--> OPEN ... --> DONE
 *                                     '--> FAILED (call->error, sticky)
 *
 * The connection is given back when the last byte has come, not when the call
 * is closed: the next may have it while this one's user thinks.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/client_priv.h"

/* What of a redirect's or a refusal's body is read so that the connection
 * lives: a connection costs about as much as so many bytes. */
#define SKIP_MAX ((uint64_t)64 * 1024)
#define SKIP_TIME INT64_C(1000000000)

/* --- how it ends --- */

static ssize_t finish(struct mr_call *call)
{
    call->state = MR_CALL_DONE;
    if (call->parser.head.body == MR_ANSWER_CHUNKED)
        call->trailers = mr_chunked_trailers(&call->chunked);
    if (!call->writes)
        mr_call_release(call);
    return 0;
}

/* "1,234,567" */
static const char *grouped(char text[32], uint64_t v)
{
    char digits[20];
    size_t n = mr_str_put_u64(digits, v), at = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* The connection's end came before the body's, or an error did. */
static int cut(struct mr_call *call, int err)
{
    /* TLS's, whose end is said: cut off, it may lack any number of bytes. */
    const char *why = err == -ECONNABORTED ? "the connection was cut, as TLS "
                                             "ends with a goodbye"
                                           : mr_strerror(err);
    char seen[32], all[32];

    if (err == -ETIMEDOUT || err == -ECANCELED)
        return mr_call_io_failed(call, err, "no byte from");
    if (call->parser.head.body == MR_ANSWER_LENGTH)
        return mr_call_fail(
            call, err, "the answer ended after %s of %s bytes%s%s",
            grouped(seen, call->seen), grouped(all, call->seen + call->left),
            err == -ENODATA ? "" : ": ", err == -ENODATA ? "" : why);
    return mr_call_fail(call, err, "the answer was cut after %s bytes%s%s",
                        grouped(seen, call->seen), err == -ENODATA ? "" : ": ",
                        err == -ENODATA ? "" : why);
}

/* --- bytes as they come --- */

/* Up to n bytes: of the buffer, or received. 0 at the connection's end; -Exxx,
 * set. May park. */
static ssize_t take(struct mr_call *call, char *buf, size_t n, int64_t deadline)
{
    ssize_t got;

    if (call->n > 0) {
        n = MR_MIN(n, call->n);
        memcpy(buf, call->in + call->at, n);
        call->at += n;
        call->n -= n;
        return (ssize_t)n;
    }
    if (call->ended)
        return 0;
    got = mr_stream_read(
        call->conn->stream, buf, n,
        mr_call_until(call, call->r.body_timeout, "no byte", deadline));
    call->ended = got == 0;
    return got < 0 ? cut(call, (int)got) : got;
}

static ssize_t read_length(struct mr_call *call, char *buf, size_t n,
                           int64_t deadline)
{
    ssize_t got = take(call, buf, (size_t)MR_MIN(n, call->left), deadline);

    if (got < 0)
        return got;
    if (got == 0)
        return cut(call, -ENODATA);
    call->seen += (uint64_t)got;
    call->left -= (uint64_t)got;
    if (call->left == 0)
        finish(call);
    return got;
}

static ssize_t read_to_close(struct mr_call *call, char *buf, size_t n,
                             int64_t deadline)
{
    ssize_t got = take(call, buf, n, deadline);

    if (got == 0)
        return finish(call);
    if (got > 0)
        call->seen += (uint64_t)got;
    return got;
}

/* Take the chunks at buf, n bytes, apart in place: how many of data; -Exxx,
 * set. After the last one the state is DONE. */
static ssize_t unchunk(struct mr_call *call, char *buf, size_t n)
{
    struct mr_str in = mr_str_n(buf, n), data;
    char text[MR_ADDR_TEXT];
    size_t have = 0;

    for (;;) {
        switch (mr_chunked_decode(&call->chunked, &in, &data)) {
        case MR_CHUNKED_DATA:
            if (data.p != buf + have)
                memmove(buf + have, data.p, data.n);
            have += data.n;
            break;
        case MR_CHUNKED_MORE:
            return (ssize_t)have;
        case MR_CHUNKED_DONE:
            call->stopped |= in.n > 0; /* beyond the end: not to be kept */
            finish(call);
            return (ssize_t)have;
        case MR_CHUNKED_BAD:
            return mr_call_fail(
                call, call->chunked.status == 503 ? -ENOMEM : -EBADMSG,
                "malformed answer from %s: %s", mr_call_peer_text(call, text),
                call->chunked.reason);
        }
    }
}

static ssize_t read_chunked(struct mr_call *call, char *buf, size_t n,
                            int64_t deadline)
{
    for (;;) {
        ssize_t got = take(call, buf, n, deadline);

        if (got == 0)
            return cut(call, -ENODATA);
        if (got > 0)
            got = unchunk(call, buf, (size_t)got);
        if (got > 0)
            call->seen += (uint64_t)got;
        if (got != 0 || call->state == MR_CALL_DONE)
            return got;
    }
}

ssize_t mr_call_read_coded(struct mr_call *call, char *buf, size_t n,
                           int64_t deadline)
{
    if (call->error)
        return call->error;
    if (call->state == MR_CALL_DONE)
        return 0;
    switch (call->parser.head.body) {
    case MR_ANSWER_LENGTH:
        return read_length(call, buf, n, deadline);
    case MR_ANSWER_CHUNKED:
        return read_chunked(call, buf, n, deadline);
    case MR_ANSWER_CLOSE:
        return read_to_close(call, buf, n, deadline);
    case MR_ANSWER_EMPTY:
    case MR_ANSWER_TUNNEL:
        break;
    }
    return 0;
}

ssize_t mr_call_read(struct mr_call *call, void *buf, size_t n,
                     int64_t deadline)
{
    MR_BUG_ON(!call->opened && !call->error);
    MR_BUG_ON(n == 0);
    if (call->decoder)
        return mr_call_read_decoded(call, buf, n, deadline);
    return mr_call_read_coded(call, buf, n, deadline);
}

void mr_call_abort(struct mr_call *call)
{
    if (call->state != MR_CALL_ANSWERED || !call->conn)
        return;
    call->stopped = true;
    /* The kernel wakes who waits for it, as if the server had left. */
    (void)mr_sys_shutdown(call->conn->pooled.fd, SHUT_RDWR);
}

/* --- from open to close --- */

int mr_call_body_open(struct mr_call *call)
{
    const struct mr_response_head *head = &call->parser.head;

    call->opened = true;
    call->seen = 0;
    call->left = 0;
    if (head->body == MR_ANSWER_LENGTH)
        call->left = (uint64_t)head->content_length;
    if (head->body == MR_ANSWER_CHUNKED)
        mr_chunked_init(&call->chunked, &call->arena);
    if (head->body == MR_ANSWER_EMPTY ||
        (head->body == MR_ANSWER_LENGTH && call->left == 0))
        finish(call);
    return mr_call_decode_open(call);
}

void mr_call_pass_buffered(struct mr_call *call)
{
    if (!call->opened || call->error || call->state == MR_CALL_DONE)
        return;
    if (call->parser.head.body == MR_ANSWER_LENGTH && call->left <= call->n) {
        call->at += (size_t)call->left;
        call->n -= (size_t)call->left;
        finish(call);
    } else if (call->parser.head.body == MR_ANSWER_CHUNKED && call->n > 0) {
        /* In the buffer itself: the head's views lie before it. */
        (void)!unchunk(call, call->in + call->at,
                       call->n); /* or it is closed */
        call->n = 0;
    }
}

void mr_call_skip(struct mr_call *call, int64_t deadline)
{
    int64_t at = MR_MIN(deadline, mr_after(SKIP_TIME));
    char scratch[4096];
    uint64_t skipped = 0;

    if (call->parser.head.body == MR_ANSWER_CLOSE || call->left > SKIP_MAX)
        mr_call_drop_conn(call);
    while (call->conn && !call->error && skipped <= SKIP_MAX) {
        ssize_t got = mr_call_read_coded(call, scratch, sizeof scratch, at);

        skipped += got > 0 ? (uint64_t)got : 0;
    }
    call->error = 0; /* it was the connection's, not the call's */
    mr_call_drop_conn(call);
}

const struct mr_headers *mr_call_trailers(const struct mr_call *call)
{
    return call->trailers;
}

/* --- a tunnel --- */

static struct mr_call *call_of(const struct mr_stream *s)
{
    return mr_container_of(s, struct mr_call, tunnel);
}

static ssize_t tunnel_read(struct mr_stream *s, void *buf, size_t n,
                           int64_t deadline)
{
    struct mr_call *call = call_of(s);

    if (call->n > 0)
        return take(call, buf, n, deadline);
    return mr_stream_read(call->conn->stream, buf, n, deadline);
}

static int tunnel_writev(struct mr_stream *s, struct iovec *v, int n,
                         int64_t deadline)
{
    return mr_stream_writev(call_of(s)->conn->stream, v, n, deadline);
}

static size_t tunnel_pending(const struct mr_stream *s)
{
    const struct mr_call *call = call_of(s);

    return call->n + mr_stream_pending(call->conn->stream);
}

static int tunnel_shutdown(struct mr_stream *s, int64_t deadline)
{
    return mr_stream_shutdown(call_of(s)->conn->stream, deadline);
}

/* mr_call_close closes it. */
static void tunnel_close(struct mr_stream *s)
{
    (void)s;
}

static const struct mr_stream_ops tunnel_ops = {
    .read = tunnel_read,
    .writev = tunnel_writev,
    .pending = tunnel_pending,
    .shutdown = tunnel_shutdown,
    .close = tunnel_close,
};

struct mr_stream *mr_call_stream(struct mr_call *call)
{
    if (!call->opened || call->error ||
        call->parser.head.body != MR_ANSWER_TUNNEL)
        return NULL;
    call->tunnel = (struct mr_stream){.ops = &tunnel_ops,
                                      .fd = mr_stream_fd(call->conn->stream)};
    return &call->tunnel;
}
