/* SPDX-License-Identifier: MIT */

/*
 * interim.c - answers before the final one, and the answer after which there is
 * no HTTP any more.
 *
 *   1xx    its own head, written at once: what it is good for is that it comes
 *          before the handler is done. 100 is body.c's.
 *   101    the same, and the connection is the handler's, as a stream over the
 *          exchange: first what came behind the request, then the socket.
 *
 * What follows the handler is the usual end of a connection: the rest is read
 * for a moment, so that its last bytes are not reset away (conn.c).
 */
#include <errno.h>
#include <string.h>

#include "http/conn_priv.h"

/* A 1xx head with the fields so far, and out with it. */
static int send_interim(struct mr_response *res, int status, struct mr_str more)
{
    struct mr_exchange *x = res->x;
    size_t room = MR_STATUS_LINE_MAX + res->extra_bytes + more.n + 2;
    char *at;
    size_t n;
    int err = mr_exchange_turn(x);

    if (err)
        return err;
    if (mr_buf_reserve(&x->out, room))
        return -ENOMEM;
    at = mr_buf_tail(&x->out);
    n = mr_status_put_line(at, status);
    for (const struct mr_extra *e = res->extra; e; e = e->next) {
        memcpy(at + n, e->text, e->n);
        n += e->n;
    }
    memcpy(at + n, more.p, more.n);
    n += more.n;
    memcpy(at + n, "\r\n", 2);
    mr_buf_commit(&x->out, n + 2);
    return mr_response_flush(res);
}

int mr_response_interim(struct mr_response *res, int status)
{
    if (res->started)
        return -EALREADY;
    if (status < 102 || status > 199)
        return -EINVAL;
    /* RFC 9110 15.2 */
    if (res->x->req.head->minor == 0)
        return 0;
    mr_scoreboard_add(&res->x->http->row->responses_1xx, 1);
    return send_interim(res, status, mr_str(""));
}

/* --- 101 --- */

static struct mr_exchange *exchange_of(const struct mr_stream *s)
{
    return mr_container_of(s, struct mr_exchange, taken);
}

static ssize_t taken_read(struct mr_stream *s, void *buf, size_t n,
                          int64_t deadline)
{
    struct mr_exchange *x = exchange_of(s);
    ssize_t got;

    if (x->in_len > 0) {
        n = MR_MIN(n, x->in_len);
        memcpy(buf, x->in + x->in_pos, n);
        x->in_pos += n;
        x->in_len -= n;
        return (ssize_t)n;
    }
    got = mr_stream_read(mr_conn_stream(x->conn), buf, n, deadline);
    if (got > 0)
        mr_scoreboard_add(&x->http->row->bytes_in, got);
    return got;
}

static int taken_writev(struct mr_stream *s, struct iovec *v, int n,
                        int64_t deadline)
{
    struct mr_exchange *x = exchange_of(s);
    size_t bytes = 0;
    int err;

    for (int i = 0; i < n; i++)
        bytes += v[i].iov_len;
    err = mr_stream_writev(mr_conn_stream(x->conn), v, n, deadline);
    if (!err) {
        x->res.body_bytes += bytes;
        mr_scoreboard_add(&x->http->row->bytes_out, (int64_t)bytes);
    }
    return err;
}

static size_t taken_pending(const struct mr_stream *s)
{
    const struct mr_exchange *x = exchange_of(s);

    return x->in_len + mr_conn_pending(x->conn);
}

static int taken_shutdown(struct mr_stream *s, int64_t deadline)
{
    return mr_stream_shutdown(mr_conn_stream(exchange_of(s)->conn), deadline);
}

/* The connection is conn.c's to close. */
static void taken_close(struct mr_stream *s)
{
    (void)s;
}

static const struct mr_stream_ops taken_ops = {
    .read = taken_read,
    .writev = taken_writev,
    .pending = taken_pending,
    .shutdown = taken_shutdown,
    .close = taken_close,
};

/* RFC 9110 7.8: its name without case, its version with. */
static bool asks_for(const struct mr_request_head *head, struct mr_str protocol)
{
    const struct mr_headers *h = &head->headers;
    struct mr_str name, version = protocol;

    if (!head->upgrade)
        return false;
    (void)mr_str_split(&version, '/', &name);
    for (ssize_t i = mr_headers_find(h, "upgrade", 0); i >= 0;
         i = mr_headers_find(h, "upgrade", (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, one, its_name;

        while (mr_list_field_next(&list, &one)) {
            (void)mr_str_split(&one, '/', &its_name);
            if (mr_str_eq_case(its_name, name) && mr_str_eq(one, version))
                return true;
        }
    }
    return false;
}

static bool is_protocol(struct mr_str s)
{
    struct mr_str version = s, name;
    bool more = memchr(s.p, '/', s.n);

    (void)mr_str_split(&version, '/', &name);
    return mr_token_is_valid(name) && (!more || mr_token_is_valid(version));
}

int mr_response_upgrade(struct mr_response *res, const char *protocol,
                        struct mr_stream **ret)
{
    struct mr_exchange *x = res->x;
    struct mr_str name = mr_str(protocol);
    const char *more;
    int err;

    if (res->started)
        return -EALREADY;
    if (!is_protocol(name) || res->has & MR_HAS_UPGRADE)
        return -EINVAL;
    if (!asks_for(x->req.head, name))
        return -EPROTONOSUPPORT;
    /* Its rest would be taken for the new protocol; and who waits for 100 gets
     * that before 101, by the reading (RFC 9110 7.8). */
    if (!x->body.done)
        return -EBUSY;
    more = mr_arena_printf(&x->arena, "Connection: upgrade\r\nUpgrade: %s\r\n",
                           protocol);
    if (!more)
        return -ENOMEM;
    err = send_interim(res, MR_STATUS_SWITCHING_PROTOCOLS, mr_str(more));
    if (err)
        return err;
    res->started = true;
    res->status = MR_STATUS_SWITCHING_PROTOCOLS;
    res->no_body = true;
    res->close = true;
    if (x->patience)
        mr_scope_move(x->patience, MR_NEVER);
    x->patience = NULL;
    x->taken =
        (struct mr_stream){&taken_ops, mr_stream_fd(mr_conn_stream(x->conn))};
    *ret = &x->taken;
    return 0;
}
