/* SPDX-License-Identifier: MIT */
/*
 * call_send.c - a request's bytes to its connection, with an ear to the answer.
 *
 * Invariants
 *  (1) What is in `out` has not been sent. It goes with what is sent next, so
 *      that a head and a small body are one send.
 *  (2) Whoever sends looks whether the server speaks: before each send by the
 *      note that the connection's hook took, while it waits by waiting for
 *      either. What came is parsed at once: a final answer stops the sending.
 *      Of a duplex call another coroutine listens: neither touches what the
 *      other has (call->in is the reader's, call->out the writer's).
 *  (3) A send that failed says little: the answer may have come before. So the
 *      failure is kept, and told only if no answer is found.
 *
 * -EPIPE in here: no more is to be sent; the answer, or the end, is here.
 */
#include <errno.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/client_priv.h"
#include "io/fd.h"

/* Copied behind the head, to be one send with it: a copy of so much costs less
 * than a second call. Also what TLS makes one record of. */
#define TOGETHER ((size_t)16 * 1024)
/* RFC 9110 10.1.1: not for ever. What curl waits. */
#define CONTINUE_WAIT INT64_C(1000000000)
/* For bytes that are here already. */
#define LISTEN_TIME INT64_C(5000000)

/* A receive that gave nothing: the connection's end is found again by who looks
 * for the answer, and may be a reason to send all of it once more. */
static int no_more(struct mr_call *call, int got)
{
    if (got < 0 && got != -ECONNRESET && got != -ECONNABORTED)
        return mr_call_io_failed(call, got, "no answer from");
    call->ended = true;
    call->stopped = true;
    return -EPIPE;
}

/* Does the server speak already? What came is taken in. 0: go on sending;
 * -EPIPE: the final answer is here, or the end; -Exxx. Something has come, so
 * there is next to no wait; it may be of TLS's own, though, or half a record,
 * and what follows may need more of the body first. May park. */
static int listen_up(struct mr_call *call, int64_t deadline)
{
    struct mr_pooled *p = &call->conn->pooled;
    ssize_t got;
    int rc = 1;

    p->talks = false;
    got = mr_call_fill(call, MR_MIN(deadline, mr_after(LISTEN_TIME)));
    if (got <= 0 && got != -ETIMEDOUT)
        return no_more(call, (int)got);
    if (got > 0)
        rc = mr_call_parse(call);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        call->state = MR_CALL_ANSWERED;
        call->stopped = true;
        return -EPIPE;
    }
    if (rc == 2)
        call->expects = false;
    rc = mr_conn_pool_watch(p);
    return rc ? mr_call_fail(call, rc, "%s", mr_strerror(rc)) : 0;
}

/* A send that failed for good. */
static int send_failed(struct mr_call *call, int err)
{
    if (err == -ECANCELED || err == -ENOMEM ||
        (err == -ETIMEDOUT && !call->r.duplex && !call->conn->pooled.talks))
        return mr_call_io_failed(call, err, "cannot send to");
    call->send_error = err;
    call->stopped = true;
    return -EPIPE;
}

/* One piece, at once or after a wait: how many bytes; 0: look again; -Exxx,
 * set. May park. */
static ssize_t send_piece(struct mr_call *call, const char *p, size_t n,
                          int flags, int64_t deadline)
{
    struct mr_client_conn *conn = call->conn;
    ssize_t put;
    int rc;

    if (conn->tls) {
        n = MR_MIN(n, TOGETHER);
        rc = mr_stream_write_all(conn->stream, p, n, deadline);
        return rc ? send_failed(call, rc) : (ssize_t)n;
    }
    put = mr_send_some(conn->pooled.fd, p, n, flags);
    if (put >= 0)
        return put;
    if (put != -EAGAIN)
        return send_failed(call, (int)put);
    rc = mr_hub_wait_fd(
        conn->pooled.fd,
        call->r.duplex ? MR_WRITABLE : MR_READABLE | MR_WRITABLE, deadline);
    if (rc)
        return send_failed(call, rc);
    if (call->r.duplex)
        return 0; /* another listens */
    if (mr_fd_peek(conn->pooled.fd) != MR_PEER_QUIET)
        conn->pooled.talks = true;
    return 0;
}

/* All n bytes. 0; -EPIPE: sending is over, go on with the answer; -Exxx. May
 * park. */
static int send_all(struct mr_call *call, const char *p, size_t n, int flags,
                    int64_t deadline)
{
    while (n > 0) {
        int64_t at = mr_call_until(call, call->r.body_timeout,
                                   "no byte was taken", deadline);
        ssize_t put;

        if (call->conn->pooled.talks && !call->r.duplex) {
            int rc = listen_up(call, at);

            if (rc)
                return rc;
        }
        put = send_piece(call, p, n, flags, at);
        if (put < 0)
            return (int)put;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

/* What waits in out, then p. */
static int send_with(struct mr_call *call, const void *p, size_t n,
                     int64_t deadline)
{
    struct mr_buf *out = &call->out;
    int rc = 0;

    if (n > 0 && out->len > 0 && n <= TOGETHER && mr_buf_append(out, p, n) == 0)
        n = 0;
    if (out->len > 0)
        rc = send_all(call, mr_buf_head(out), out->len, n > 0 ? MSG_MORE : 0,
                      deadline);
    mr_buf_reset(out);
    if (rc == 0 && n > 0)
        rc = send_all(call, p, n, 0, deadline);
    return rc;
}

/* Wait a little for 100 Continue. 0: go on; -EPIPE: answered; -Exxx. */
static int await_continue(struct mr_call *call, int64_t deadline)
{
    int rc = send_with(call, NULL, 0, deadline);
    int64_t at = mr_call_until(call, CONTINUE_WAIT, "no word", deadline);

    while (rc == 0 && call->expects) {
        ssize_t got = mr_call_fill(call, at);

        if (got == -ETIMEDOUT && mr_now() >= call->waits_until &&
            call->waits_until != call->total_at)
            break; /* RFC 9110 10.1.1: then it comes all the same */
        if (got <= 0)
            return no_more(call, (int)got);
        rc = mr_call_parse(call);
        if (rc == 0) {
            call->state = MR_CALL_ANSWERED;
            call->stopped = true;
            rc = -EPIPE;
        } else if (rc > 0) {
            call->expects = rc != 2;
            rc = 0;
        }
    }
    call->expects = false;
    return rc;
}

int mr_call_flush(struct mr_call *call, int64_t deadline)
{
    return send_with(call, NULL, 0, deadline);
}

int mr_call_send_request(struct mr_call *call, int64_t deadline)
{
    struct mr_str body = call->r.body;
    int rc = 0;

    if (call->expects)
        rc = await_continue(call, deadline);
    if (rc == 0)
        rc = send_with(call, body.p, body.n, deadline);
    if (call->state == MR_CALL_SENDING)
        call->state = MR_CALL_SENT;
    return rc == -EPIPE ? 0 : rc;
}

/* --- a streamed body --- */

/* May more be sent? 0 or what to return. */
static int may_write(struct mr_call *call)
{
    MR_BUG_ON(!call->r.streams);
    if (call->error)
        return call->error;
    if (call->r.duplex)
        return call->writes && !call->stopped ? 0 : -EPIPE;
    if (call->state == MR_CALL_SENDING && !call->stopped)
        return 0;
    MR_BUG_ON(call->state == MR_CALL_SENT); /* after mr_call_end */
    return -EPIPE;
}

/* The chunk's line goes before it, the line's end of the one before as well. */
static int put_chunk_head(struct mr_call *call, size_t n)
{
    char head[MR_CHUNK_HEAD_MAX];

    return mr_buf_append(&call->out, head, mr_chunk_put_head(head, n));
}

int mr_call_write(struct mr_call *call, const void *p, size_t n,
                  int64_t deadline)
{
    int rc = may_write(call);

    if (rc || n == 0)
        return rc;
    if (!call->chunked_out && n > call->left_to_send)
        return -EMSGSIZE;
    if (call->expects)
        rc = await_continue(call, deadline);
    if (rc == 0 && call->chunked_out && put_chunk_head(call, n))
        rc = mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    if (rc == 0)
        rc = send_with(call, p, n, deadline);
    if (rc)
        return rc;
    call->left_to_send -= call->chunked_out ? 0 : n;
    if (call->chunked_out && mr_buf_append_z(&call->out, MR_CHUNK_END))
        rc = mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    return rc;
}

int mr_call_end(struct mr_call *call, int64_t deadline)
{
    int rc = may_write(call);

    if (rc)
        return rc;
    if (!call->chunked_out && call->left_to_send > 0)
        return -EMSGSIZE;
    if (call->chunked_out && mr_buf_append_z(&call->out, MR_CHUNK_LAST))
        return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    rc = send_with(call, NULL, 0, deadline);
    if (rc)
        return rc;
    if (call->state == MR_CALL_SENDING)
        call->state = MR_CALL_SENT;
    if (call->writes) {
        call->writes = false;
        call->sent_at = mr_hub_now();
        if (call->state == MR_CALL_DONE)
            mr_call_release(call);
    }
    return 0;
}
