/* SPDX-License-Identifier: MIT */
#ifndef HTTP_WEBSOCKET_PRIV_H
#define HTTP_WEBSOCKET_PRIV_H

/*
 * websocket_priv.h - frames without a connection: bytes in, messages and bytes
 * out. For websocket.c (which has it), websocket_serve.c and its tests.
 *
 *     struct mr_ws_codec c;
 *     err = mr_ws_codec_init(&c, 1 << 20);
 *     err = mr_ws_codec_feed(&c, bytes);
 *     while ((m = mr_ws_codec_next(&c)))      each message that is whole
 *         use(m->type, mr_ws_item_text(m)), mr_ws_item_free(m);
 *     send(mr_buf_view(&c.out)), mr_buf_reset(&c.out);     pongs, Close
 *     mr_ws_codec_fini(&c);
 */
#include "core/buf.h"
#include "core/list.h"

struct wslay_event_context;
struct mr_request;
struct mr_response;
struct mr_websocket_options;

struct mr_ws_item {
    struct mr_list node;
    int type; /* enum mr_ws_type */
    struct mr_buf data;
};

struct mr_ws_codec {
    struct wslay_event_context *wslay;
    struct mr_list ready;  /* whole messages, oldest first */
    struct mr_buf partial; /* of one whose last frame has not come */
    struct mr_str in;      /* what wslay has not asked for yet */
    struct mr_buf out;     /* frames to be written */
    uint64_t max_message;
    bool malformed;  /* we have sent 1002 past libwslay */
    bool is_control; /* the frame that is being received */
    bool is_close;   /* likewise */
    bool bad_close;  /* one came whose payload is none */
    uint8_t close_n;
    uint64_t close_left;
    char close[125]; /* its payload: code and reason */
    bool too_big;    /* what comes of it is dropped */
    bool no_memory;
};

/* 0 or -ENOMEM. */
MR_MUST_USE int mr_ws_codec_init(struct mr_ws_codec *c, uint64_t max_message);
/* Also one that is all zeros. */
void mr_ws_codec_fini(struct mr_ws_codec *c);
/* All of bytes; those behind a Close or an error are dropped. 0 or -ENOMEM. */
MR_MUST_USE int mr_ws_codec_feed(struct mr_ws_codec *c, struct mr_str bytes);
/* NULL: none is whole. The caller's, to be freed. */
struct mr_ws_item *mr_ws_codec_next(struct mr_ws_codec *c);
void mr_ws_item_free(struct mr_ws_item *item);
static inline struct mr_str mr_ws_item_text(const struct mr_ws_item *item)
{
    return item->data.len > 0 ? mr_buf_view(&item->data) : mr_str("");
}
/* A message (MR_WS_TEXT, MR_WS_BINARY) into c->out. 0, -EPIPE, -ENOMEM. */
MR_MUST_USE int mr_ws_codec_send(struct mr_ws_codec *c, int type,
                                 struct mr_str data);
MR_MUST_USE int mr_ws_codec_ping(struct mr_ws_codec *c);
/* A Close with a code that may be sent and a reason of up to 123 bytes. 0,
 * -EPIPE, -ENOMEM. */
MR_MUST_USE int mr_ws_codec_close(struct mr_ws_codec *c, int code,
                                  struct mr_str reason);
/* More may come: neither a Close nor an error did. */
bool mr_ws_codec_is_open(const struct mr_ws_codec *c);
/* The code of the Close that came, that went out; 1005: without one; 0: none.
 */
int mr_ws_codec_received(const struct mr_ws_codec *c);
int mr_ws_codec_sent(const struct mr_ws_codec *c);

/* --- websocket_accept.c: what a handshake computes --- */

#define MR_WS_ACCEPT_LEN 28

/* Sec-WebSocket-Accept for a key: MR_WS_ACCEPT_LEN bytes, no NUL. False: the
 * key is not 16 bytes in base64 (RFC 6455 4.2.1). */
MR_MUST_USE bool mr_ws_accept(struct mr_str key, char *ret);
/* 0: it asks for a WebSocket, rightly; else the status that says what it does
 * not, for mr_ws_refuse. */
MR_MUST_USE int mr_ws_check_request(const struct mr_request *req,
                                    const struct mr_websocket_options *o,
                                    char *ret_accept);
/* May park. */
int mr_ws_refuse(struct mr_response *res, int status);

#endif
