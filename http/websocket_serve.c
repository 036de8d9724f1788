/* SPDX-License-Identifier: MIT */

/*
 * websocket_serve.c - a request becomes a WebSocket: the handshake, receiving
 * and sending over the connection's stream, the close (http/websocket.h).
 *
 *   (request) --[answer]--> OPEN --[a Close, ours or theirs]--> CLOSING
 *        '--> refused         '--[error]--> ENDED <--[the other's, or time]--'
 *
 *  (1) `writing` is held from the moment when a message enters codec.out until
 *      it is written: so none is cut by another, and codec.out holds at most
 *      one message and what the codec itself answers to one read.
 *  (2) Once a write failed (`error`) nothing is written any more, and who
 *      receives hears of it.
 *  (3) Once receiving has ended (`ended`) it says the same for ever.
 */
#include <errno.h>
#include <string.h>

#include "core/group.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/websocket.h"
#include "http/websocket_priv.h"
#include "io/stream.h"

#define READ_SIZE 16384
/* What write_timeout is for. */
#define WRITE_UNIT (64 * 1024)
/* Kept for the next message; larger ones are given back. */
#define KEEP_SIZE (64 * 1024)
/* With TLS a readable socket need not give a byte. While the rest of a record
 * is waited for nothing else is: look after that so often. */
#define LOOK_NS INT64_C(1000000000)
/* Read and dropped after our last byte, so that the peer can read that. */
#define DROP_BYTES (4 * 1024 * 1024)

struct mr_websocket {
    struct mr_ws_codec codec;
    struct mr_websocket_options o;
    struct mr_stream *stream;
    int socket; /* below it */
    struct mr_event *leaving;
    struct mr_mutex writing;
    struct mr_buf written;      /* being written; codec.out fills meanwhile */
    struct mr_waitq nudge;      /* we began the close, or cannot write */
    struct mr_ws_item *current; /* what the last receive gave */
    const char *protocol;
    int64_t heard;       /* when its last bytes came */
    int64_t close_until; /* its Close is waited for */
    bool asked;          /* a ping went out since */
    bool ended;
    int end;   /* what receiving says then */
    int error; /* of writing */
    char in[READ_SIZE];
};

/* --- writing --- */

static int64_t write_deadline(const struct mr_websocket *ws, int64_t deadline)
{
    int64_t units = (int64_t)(ws->codec.out.len / WRITE_UNIT) + 1;

    if (ws->o.write_timeout > MR_NEVER / units)
        return deadline;
    return MR_MIN(deadline, mr_after(ws->o.write_timeout * units));
}

/* With `writing` held: all of codec.out. 0 or -Exxx. */
static int write_out(struct mr_websocket *ws, int64_t deadline)
{
    struct mr_buf out = ws->codec.out;

    if (ws->error || out.len == 0)
        return ws->error;
    deadline = write_deadline(ws, deadline);
    ws->codec.out = ws->written;
    ws->written = out;
    ws->error =
        mr_stream_write_all(ws->stream, mr_buf_head(&out), out.len, deadline);
    mr_buf_reset(&ws->written);
    if (ws->written.cap > KEEP_SIZE)
        mr_buf_fini(&ws->written);
    /* Half a frame is none: who waits to receive need not wait any more. */
    if (ws->error)
        mr_waitq_wake_all(&ws->nudge, 0);
    return ws->error;
}

/* What the codec has answered by itself: pongs, a Close. */
static int flush(struct mr_websocket *ws)
{
    int err;

    if (ws->error || ws->codec.out.len == 0)
        return ws->error;
    err = mr_mutex_lock(&ws->writing, mr_after(ws->o.write_timeout));
    if (err)
        return err;
    err = write_out(ws, MR_NEVER);
    mr_mutex_unlock(&ws->writing);
    return err;
}

int mr_websocket_send(struct mr_websocket *ws, enum mr_ws_type type,
                      struct mr_str data, int64_t deadline)
{
    int err;

    if (type == MR_WS_TEXT && !mr_str_is_utf8(data))
        return -EILSEQ;
    err = mr_mutex_lock(&ws->writing,
                        MR_MIN(deadline, mr_after(ws->o.write_timeout)));
    if (err)
        return err;
    err = ws->error;
    if (!err)
        err = mr_ws_codec_send(&ws->codec, type, data);
    if (!err)
        err = write_out(ws, deadline);
    mr_mutex_unlock(&ws->writing);
    return err;
}

static int send_close(struct mr_websocket *ws, int code, struct mr_str reason)
{
    int err = mr_mutex_lock(&ws->writing, mr_after(ws->o.write_timeout));

    if (err)
        return err;
    err = ws->error;
    if (!err)
        err = mr_ws_codec_close(&ws->codec, code, reason);
    if (!err) {
        ws->close_until = mr_after(ws->o.close_timeout);
        err = write_out(ws, MR_NEVER);
    }
    mr_mutex_unlock(&ws->writing);
    mr_waitq_wake_all(&ws->nudge, 0);
    return err;
}

/* RFC 6455 7.4 */
static bool may_be_sent(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

int mr_websocket_close(struct mr_websocket *ws, int code, const char *reason)
{
    struct mr_str why = mr_str(reason ? reason : "");

    if (!may_be_sent(code) || why.n > 123 || !mr_str_is_utf8(why))
        return -EINVAL;
    if (mr_ws_codec_sent(&ws->codec))
        return -EPIPE;
    return send_close(ws, code, why);
}

/* --- receiving --- */

static int end(struct mr_websocket *ws, int rc)
{
    ws->ended = true;
    ws->end = rc;
    return rc;
}

/* The codec takes no more: a Close came, or what the peer sent was wrong. */
static int end_of_codec(struct mr_websocket *ws)
{
    if (ws->codec.no_memory)
        return end(ws, -ENOMEM);
    if (mr_ws_codec_received(&ws->codec))
        return end(ws, 0);
    switch (mr_ws_codec_sent(&ws->codec)) {
    case MR_WS_INVALID_TEXT:
        return end(ws, -EILSEQ);
    case MR_WS_TOO_BIG:
        return end(ws, -EMSGSIZE);
    default:
        return end(ws, -EPROTO);
    }
}

static int64_t ping_time(const struct mr_websocket *ws)
{
    int64_t from = ws->heard;

    if (ws->close_until != MR_NEVER || ws->o.ping_every >= MR_NEVER / 4)
        return MR_NEVER;
    return from + ws->o.ping_every * (ws->asked ? 2 : 1);
}

static int ping(struct mr_websocket *ws)
{
    int err;

    if (ws->asked)
        return end(ws, -ECONNABORTED);
    ws->asked = true;
    err = mr_ws_codec_ping(&ws->codec);
    return err == -EPIPE ? 0 : err;
}

/* Until there may be something to read, or to do. 0 or -Exxx. */
static int wait_for_more(struct mr_websocket *ws, int64_t deadline)
{
    struct mr_wait_entry e[3] = {
        [1] = {.queue = &ws->nudge}, [2] = {.queue = &ws->leaving->waiters}};
    bool closing = ws->close_until != MR_NEVER;
    int rc;

    if (mr_stream_pending(ws->stream) > 0)
        return 0;
    rc = mr_hub_fd_queue(ws->socket, MR_READABLE, &e[0].queue);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    /* Of the server's end we need to hear once. */
    rc = mr_wait_any(e, closing ? 2 : 3, deadline, "websocket");
    if (rc < 0)
        return rc;
    return rc == 0 ? (int)e[0].value : -EAGAIN;
}

static int take_bytes(struct mr_websocket *ws, int64_t deadline)
{
    ssize_t n = mr_stream_read(ws->stream, ws->in, sizeof ws->in, deadline);

    if (n < 0)
        return (int)n;
    if (n == 0)
        return end(ws, mr_ws_codec_sent(&ws->codec) ? 0 : -ENODATA);
    ws->heard = mr_hub_now();
    ws->asked = false;
    return mr_ws_codec_feed(&ws->codec, mr_str_n(ws->in, (size_t)n));
}

/* Nothing came until `until`. 0: go on. */
static int on_time(struct mr_websocket *ws, int64_t until, int64_t deadline)
{
    int64_t now = mr_now();

    if (now < until || now >= deadline)
        return -ETIMEDOUT; /* the caller's, or a scope's around it */
    if (now >= ws->close_until)
        return end(ws, 0);
    return now >= ping_time(ws) ? ping(ws) : 0;
}

/* Receive something, or do what is due. 0: look again. */
static int step(struct mr_websocket *ws, int64_t deadline)
{
    int64_t until = MR_MIN(MR_MIN(deadline, ws->close_until), ping_time(ws));
    int rc;

    rc = wait_for_more(ws, until);
    if (rc == 0) {
        if (mr_stream_fd(ws->stream) < 0)
            until = MR_MIN(until, mr_after(LOOK_NS));
        rc = take_bytes(ws, until);
    }
    if (rc == -ETIMEDOUT)
        return on_time(ws, until, deadline);
    return rc == -EAGAIN ? 0 : rc;
}

int mr_websocket_recv(struct mr_websocket *ws, struct mr_ws_message *ret,
                      int64_t deadline)
{
    int rc = 0;

    mr_ws_item_free(MR_MOVE(ws->current));
    for (;;) {
        int err = flush(ws);

        ws->current = mr_ws_codec_next(&ws->codec);
        if (ws->current) {
            ret->type = (enum mr_ws_type)ws->current->type;
            ret->data = mr_ws_item_text(ws->current);
            return 1;
        }
        if (ws->ended)
            return ws->end;
        if (!mr_ws_codec_is_open(&ws->codec))
            return end_of_codec(ws);
        if (err)
            return err;
        if (rc < 0)
            return rc;
        if (mr_event_is_set(ws->leaving) && !mr_ws_codec_sent(&ws->codec))
            rc = send_close(ws, MR_WS_GOING_AWAY, mr_str(""));
        else
            rc = step(ws, deadline);
    }
}

/* --- the end --- */

static int code_for(int rc)
{
    if (rc >= 0)
        return MR_WS_NORMAL;
    return rc == -ECANCELED ? MR_WS_GOING_AWAY : MR_WS_INTERNAL_ERROR;
}

/* Our Close, if none went out; the peer's; then the end of our stream, and what
 * it still sends is dropped, until it ends too: a close with unread bytes would
 * take back what it has not read yet. */
static void finish(struct mr_websocket *ws, int rc)
{
    struct mr_ws_message dropped;
    size_t bytes = 0;
    ssize_t n = 1;
    MR_SHIELD(shield, mr_after(ws->o.close_timeout));

    if (ws->ended && (ws->end == -ENODATA || ws->end == -ECONNABORTED))
        return; /* nobody is there to hear it */
    if (!mr_ws_codec_sent(&ws->codec) && mr_ws_codec_is_open(&ws->codec))
        (void)send_close(ws, code_for(rc), mr_str(""));
    (void)flush(ws);
    if (ws->error)
        return;
    ws->close_until = MR_MIN(ws->close_until, mr_after(ws->o.close_timeout));
    while (!ws->ended && mr_websocket_recv(ws, &dropped, ws->close_until) > 0)
        ;
    if (mr_stream_shutdown(ws->stream, MR_NEVER))
        return;
    while (n > 0 && bytes < DROP_BYTES) {
        n = mr_stream_read(ws->stream, ws->in, sizeof ws->in, ws->close_until);
        bytes += n > 0 ? (size_t)n : 0;
    }
}

int mr_websocket_code(const struct mr_websocket *ws)
{
    int code = mr_ws_codec_received(&ws->codec);

    if (!code)
        code = mr_ws_codec_sent(&ws->codec);
    if (!code && (ws->ended || ws->error))
        code = MR_WS_ABNORMAL;
    return code;
}

const char *mr_websocket_protocol(const struct mr_websocket *ws)
{
    return ws->protocol;
}

/* --- the handshake --- */

/* The first of ours that it offers. */
static const char *choose_protocol(const struct mr_request *req,
                                   const struct mr_websocket_options *o)
{
    for (const char *const *v = o->protocols; v && *v; v++) {
        if (mr_headers_has_token(mr_request_headers(req),
                                 "sec-websocket-protocol", *v))
            return *v;
    }
    return NULL;
}

static int answer(struct mr_websocket *ws, struct mr_response *res,
                  const char *accept)
{
    int err = mr_response_header_n(res, mr_str("Sec-WebSocket-Accept"),
                                   mr_str_n(accept, MR_WS_ACCEPT_LEN));

    if (!err && ws->protocol)
        err = mr_response_header(res, "Sec-WebSocket-Protocol", ws->protocol);
    return err ? err : mr_response_upgrade(res, "websocket", &ws->stream);
}

static struct mr_websocket_options
with_defaults(const struct mr_websocket_options *o)
{
    struct mr_websocket_options all = o ? *o : (struct mr_websocket_options){0};

    if (all.max_message == 0)
        all.max_message = 1024 * 1024;
    if (all.ping_every == 0)
        all.ping_every = mr_ms(30000);
    if (all.write_timeout == 0)
        all.write_timeout = mr_ms(30000);
    if (all.close_timeout == 0)
        all.close_timeout = mr_ms(2000);
    return all;
}

/* The peer's doing, or the server's end: no error of the handler. */
static int blame(const struct mr_websocket *ws, int rc)
{
    if (rc >= 0 || rc == -ECANCELED || rc == ws->error)
        return 0;
    if (rc == -EPIPE && mr_ws_codec_sent(&ws->codec))
        return 0;
    return ws->ended && rc == ws->end && rc != -ENOMEM ? 0 : rc;
}

static void websocket_fini(struct mr_websocket *ws)
{
    mr_ws_item_free(ws->current);
    mr_ws_codec_fini(&ws->codec);
    mr_buf_fini(&ws->written);
    mr_free(ws);
}

int mr_websocket_serve(struct mr_request *req, struct mr_response *res,
                       const struct mr_websocket_options *options,
                       mr_websocket_fn *fn, void *arg)
{
    struct mr_websocket_options o = with_defaults(options);
    char accept[MR_WS_ACCEPT_LEN];
    int rc = mr_ws_check_request(req, &o, accept);
    struct mr_websocket *ws;

    if (rc > 0)
        return mr_ws_refuse(res, rc);
    ws = mr_calloc(1, sizeof *ws);
    if (!ws)
        return -ENOMEM;
    ws->o = o;
    ws->leaving = mr_request_leaving(req);
    ws->socket = mr_request_socket(req);
    ws->protocol = choose_protocol(req, &o);
    ws->close_until = MR_NEVER;
    mr_mutex_init(&ws->writing);
    mr_waitq_init(&ws->nudge);
    rc = mr_ws_codec_init(&ws->codec, o.max_message);
    if (!rc)
        rc = answer(ws, res, accept);
    if (!rc) {
        ws->heard = mr_hub_now();
        rc = fn(ws, arg);
        mr_group_close(mr_group_own()); /* children that still send */
        finish(ws, rc);
        rc = blame(ws, rc);
    }
    websocket_fini(ws);
    return rc;
}
