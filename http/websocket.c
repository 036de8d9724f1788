/* SPDX-License-Identifier: MIT */

/*
 * websocket.c - WebSocket frames: bytes in, messages and bytes out. The door to
 * libwslay, and the only file that includes it.
 *
 * libwslay reads and builds frames, asks for the mask, puts fragments in order,
 * checks UTF-8 as it comes and the codes of a Close, answers pings and Closes.
 * It would also gather messages, a list element for each frame: a peer that
 * sends them byte by byte, or empty, would have us hold fifty times what it
 * sent, or without end. So it hands the pieces on as they come, and they are
 * gathered here, in one buffer, whose bound is checked when a frame begins.
 *
 *  (1) libwslay's callbacks only move bytes between buffers: they never park.
 *      So its state is whole whenever another coroutine runs.
 *  (2) What it queued is in `out` before a function here returns.
 *  (3) Memory: a message of max_message, what one feed makes of complete ones,
 *      and `out`, which the caller empties.
 */
#include <errno.h>
#include <string.h>
#include <wslay/wslay.h>

#include "core/sys.h"
#include "http/websocket.h"
#include "http/websocket_priv.h"

/* --- what libwslay calls --- */

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t n,
                       int flags, void *arg)
{
    struct mr_ws_codec *c = arg;

    (void)flags;
    n = MR_MIN(n, c->in.n);
    if (n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, c->in.p, n);
    c->in.p += n;
    c->in.n -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n,
                       int flags, void *arg)
{
    struct mr_ws_codec *c = arg;

    (void)flags;
    if (mr_buf_append(&c->out, p, n)) {
        c->no_memory = true;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)n;
}

/* The Close goes out with the next flush; what the peer still sends is not
 * looked at. */
static void fail(struct mr_ws_codec *c, int code)
{
    if (wslay_event_queue_close(c->wslay, (uint16_t)code, NULL, 0) ==
        WSLAY_ERR_NOMEM)
        c->no_memory = true;
    wslay_event_shutdown_read(c->wslay);
}

/* With its first byte: of one that is too long nothing is kept. */
static void on_frame_start(wslay_event_context_ptr ctx,
                           const struct wslay_event_on_frame_recv_start_arg *a,
                           void *arg)
{
    struct mr_ws_codec *c = arg;

    (void)ctx;
    c->is_control = wslay_is_ctrl_frame(a->opcode);
    c->is_close = a->opcode == WSLAY_CONNECTION_CLOSE;
    c->close_left = c->is_close ? a->payload_length : 0;
    if (c->is_control || a->payload_length <= c->max_message - c->partial.len)
        return;
    c->too_big = true;
    fail(c, MR_WS_TOO_BIG);
}

/* libwslay checks the code. It would take half of one for none, and send any
 * reason back. */
static void take_close(struct mr_ws_codec *c, const uint8_t *p, size_t n)
{
    MR_BUG_ON(n > sizeof c->close - c->close_n || n > c->close_left);
    memcpy(c->close + c->close_n, p, n);
    c->close_n += (uint8_t)n;
    c->close_left -= n;
    if (c->close_left > 0 || c->close_n == 0)
        return;
    if (c->close_n == 1)
        fail(c, MR_WS_PROTOCOL_ERROR);
    else if (!mr_str_is_utf8(mr_str_n(c->close + 2, c->close_n - 2U)))
        fail(c, MR_WS_INVALID_TEXT);
    else
        return;
    c->bad_close = true;
}

static void on_frame_chunk(wslay_event_context_ptr ctx,
                           const struct wslay_event_on_frame_recv_chunk_arg *a,
                           void *arg)
{
    struct mr_ws_codec *c = arg;

    (void)ctx;
    if (c->is_close)
        take_close(c, a->data, a->data_length);
    if (c->is_control || c->too_big)
        return;
    if (mr_buf_append(&c->partial, a->data, a->data_length))
        c->no_memory = true;
}

static void on_message(wslay_event_context_ptr ctx,
                       const struct wslay_event_on_msg_recv_arg *a, void *arg)
{
    struct mr_ws_codec *c = arg;
    struct mr_ws_item *item;

    if (wslay_is_ctrl_frame(a->opcode)) {
        /* Its pong, now: what follows may be malformed. No memory shows. */
        if (a->opcode == WSLAY_PING)
            (void)wslay_event_send(ctx);
        return;
    }
    if (c->too_big)
        return;
    item = mr_calloc(1, sizeof *item);
    if (!item) {
        c->no_memory = true;
        return;
    }
    item->type = a->opcode == WSLAY_TEXT_FRAME ? MR_WS_TEXT : MR_WS_BINARY;
    item->data = c->partial;
    mr_buf_init(&c->partial);
    mr_list_push_back(&c->ready, &item->node);
}

/* --- the codec --- */

int mr_ws_codec_init(struct mr_ws_codec *c, uint64_t max_message)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_frame_recv_start_callback = on_frame_start,
        .on_frame_recv_chunk_callback = on_frame_chunk,
        .on_msg_recv_callback = on_message,
    };

    *c = (struct mr_ws_codec){.max_message = max_message};
    mr_list_init(&c->ready);
    if (wslay_event_context_server_init(&c->wslay, &callbacks, c))
        return -ENOMEM;
    wslay_event_config_set_no_buffering(c->wslay, 1);
    wslay_event_config_set_max_recv_msg_length(c->wslay, max_message);
    return 0;
}

void mr_ws_item_free(struct mr_ws_item *item)
{
    if (!item)
        return;
    mr_buf_fini(&item->data);
    mr_free(item);
}

void mr_ws_codec_fini(struct mr_ws_codec *c)
{
    if (c->wslay) {
        wslay_event_context_free(c->wslay);
        while (!mr_list_is_empty(&c->ready))
            mr_ws_item_free(mr_ws_codec_next(c));
    }
    mr_buf_fini(&c->partial);
    mr_buf_fini(&c->out);
    c->wslay = NULL;
}

static int no_memory(struct mr_ws_codec *c)
{
    c->no_memory = true;
    wslay_event_shutdown_read(c->wslay);
    return -ENOMEM;
}

/* Invariant 2. Writing into memory fails for want of it only. */
static int flush(struct mr_ws_codec *c)
{
    if (wslay_event_send(c->wslay) || c->no_memory)
        return no_memory(c);
    return 0;
}

/* What its reader of frames refuses (a control frame in pieces or too long, a
 * length in more bytes than it needs) libwslay takes for a failed callback, and
 * answers with a Close that has no code. So that one stays where it is. */
static int malformed(struct mr_ws_codec *c)
{
    static const char frame[] = {(char)0x88, 2, 1002 >> 8, (char)(1002 & 255)};

    wslay_event_shutdown_write(c->wslay);
    wslay_event_shutdown_read(c->wslay);
    if (wslay_event_get_close_sent(c->wslay))
        return 0;
    c->malformed = true;
    return mr_buf_append(&c->out, frame, sizeof frame) ? no_memory(c) : 0;
}

int mr_ws_codec_feed(struct mr_ws_codec *c, struct mr_str bytes)
{
    int rc;

    if (c->no_memory)
        return -ENOMEM;
    if (!wslay_event_get_read_enabled(c->wslay))
        return 0;
    c->in = bytes;
    rc = wslay_event_recv(c->wslay);
    if (rc == WSLAY_ERR_NOMEM || c->no_memory)
        return no_memory(c);
    return rc ? malformed(c) : flush(c);
}

struct mr_ws_item *mr_ws_codec_next(struct mr_ws_codec *c)
{
    struct mr_ws_item *item;

    if (mr_list_is_empty(&c->ready))
        return NULL;
    item = mr_container_of(c->ready.next, struct mr_ws_item, node);
    mr_list_remove(&item->node);
    return item;
}

static int queued(struct mr_ws_codec *c, int rc)
{
    if (rc == WSLAY_ERR_NO_MORE_MSG || c->malformed)
        return -EPIPE;
    MR_BUG_ON(rc == WSLAY_ERR_INVALID_ARGUMENT);
    return rc ? -ENOMEM : flush(c);
}

static int send_frame(struct mr_ws_codec *c, uint8_t opcode, struct mr_str data)
{
    const struct wslay_event_msg m = {
        .opcode = opcode, .msg = (const uint8_t *)data.p, .msg_length = data.n};

    if (c->no_memory)
        return -ENOMEM;
    return queued(c, wslay_event_queue_msg(c->wslay, &m));
}

int mr_ws_codec_send(struct mr_ws_codec *c, int type, struct mr_str data)
{
    return send_frame(
        c, type == MR_WS_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, data);
}

int mr_ws_codec_ping(struct mr_ws_codec *c)
{
    return send_frame(c, WSLAY_PING, mr_str(""));
}

int mr_ws_codec_close(struct mr_ws_codec *c, int code, struct mr_str reason)
{
    if (c->no_memory)
        return -ENOMEM;
    return queued(c,
                  wslay_event_queue_close(c->wslay, (uint16_t)code,
                                          (const uint8_t *)reason.p, reason.n));
}

bool mr_ws_codec_is_open(const struct mr_ws_codec *c)
{
    return wslay_event_get_read_enabled(c->wslay);
}

int mr_ws_codec_received(const struct mr_ws_codec *c)
{
    if (!wslay_event_get_close_received(c->wslay) || c->bad_close)
        return 0;
    return wslay_event_get_status_code_received(c->wslay);
}

int mr_ws_codec_sent(const struct mr_ws_codec *c)
{
    if (c->malformed)
        return MR_WS_PROTOCOL_ERROR;
    if (!wslay_event_get_close_sent(c->wslay))
        return 0;
    return wslay_event_get_status_code_sent(c->wslay);
}
