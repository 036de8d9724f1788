/* SPDX-License-Identifier: MIT */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

/*
 * websocket.h - WebSocket (RFC 6455) for handlers: messages in, messages out.
 *
 *     static int echo(struct mr_websocket *ws, void *self)
 *     {
 *         struct mr_ws_message m;
 *         int rc;
 *
 *         while ((rc = mr_websocket_recv(ws, &m, MR_NEVER)) > 0) {
 *             rc = mr_websocket_send(ws, m.type, m.data, MR_NEVER);
 *             if (rc < 0)
 *                 break;
 *         }
 *         return rc;
 *     }
 *     static int handle(struct mr_request *req, struct mr_response *res,
 *                       void *self)
 *     {
 *         return mr_websocket_serve(req, res, NULL, echo, self);
 *     }
 *
 * Invariants
 *  (1) One coroutine receives; any number, children of the handler, may send:
 *      messages go out whole, in the order of the calls.
 *  (2) Who receives also answers pings, sends its own, and sees the end. A
 *      handler that mostly sends has a child for one of the two.
 *  (3) Text is UTF-8 both ways. No extension is offered: no compression.
 *  (4) Every end that has a peer to hear it is told by a Close frame; after the
 *      function has returned its children are joined, then the handshake of the
 *      close is waited for, bounded by close_timeout.
 */
#include "http/request.h"
#include "http/response.h"

struct mr_websocket;

enum mr_ws_type { MR_WS_TEXT = 1, MR_WS_BINARY = 2 };

/* RFC 6455 7.4.1 */
enum mr_ws_code {
    MR_WS_NORMAL = 1000,
    MR_WS_GOING_AWAY = 1001,
    MR_WS_PROTOCOL_ERROR = 1002,
    MR_WS_UNSUPPORTED = 1003,
    MR_WS_NO_CODE = 1005,  /* never sent: the peer's Close had none */
    MR_WS_ABNORMAL = 1006, /* never sent: it ended without a Close */
    MR_WS_INVALID_TEXT = 1007,
    MR_WS_POLICY = 1008,
    MR_WS_TOO_BIG = 1009,
    MR_WS_INTERNAL_ERROR = 1011,
    MR_WS_TRY_LATER = 1013,
};

/* 0 or NULL: what stands in brackets. */
struct mr_websocket_options {
    uint64_t max_message;  /* bytes of one message, and so of a frame; above:
                            * 1009 [1 MiB] */
    int64_t ping_every;    /* ns of silence until it is asked; after as many
                            * more it counts as gone [30 s]; MR_NEVER: not */
    int64_t write_timeout; /* ns for each 64 KiB of a message [30 s] */
    int64_t close_timeout; /* ns for its answer to our Close [2 s] */
    /* Those that we speak, NULL at the end, the best first [none]. */
    const char *const *protocols;
    /* A browser says in Origin whose page it is. Taken are this server's own
     * (its host is that of Host) and these, NULL at the end; "*": all of them.
     * Else 403: a page elsewhere must not act with our users' cookies. */
    const char *const *origins;
};

struct mr_ws_message {
    enum mr_ws_type type;
    struct mr_str data; /* until the next mr_websocket_recv */
};

/* What is done with the connection: 0, or -Exxx, which is what the peer is told
 * of as 1011. */
typedef int mr_websocket_fn(struct mr_websocket *ws, void *arg);

/*
 * Answer the request: when it asks for a WebSocket, rightly, 101, then fn, then
 * the close. Else 405 (not GET), 426 (no upgrade to it, or another version),
 * 400 (a bad key) or 403 (the origin). Fields added to res before go out with
 * either. What the peer did wrong, and that it has gone, are no errors of the
 * handler: 0. Else fn's result, or -ENOMEM. May park.
 */
MR_API MR_MUST_USE int
mr_websocket_serve(struct mr_request *req, struct mr_response *res,
                   const struct mr_websocket_options *options,
                   mr_websocket_fn *fn, void *arg);

/*
 * The next message: 1. 0: it is over, as the peer, mr_websocket_close or the
 * end of the server wanted (mr_websocket_code). -ETIMEDOUT: the deadline; try
 * again as you like. What the peer did, told to it already: -EPROTO (1002),
 * -EILSEQ (1007), -EMSGSIZE (1009). -ENODATA: it went without a Close.
 * -ECONNABORTED: it answered no ping. What a write that failed said.
 * -ECANCELED, -ENOMEM, or what reading said. May park.
 */
MR_API MR_MUST_USE int mr_websocket_recv(struct mr_websocket *ws,
                                         struct mr_ws_message *ret,
                                         int64_t deadline);
/*
 * One message. 0; -EPIPE: a Close went out before; -EILSEQ: no UTF-8;
 * -ETIMEDOUT: the peer is slower than write_timeout or the deadline allow, or
 * others were; -Exxx. When it had begun to go out, all that follows fails, as
 * half a frame is none. May park.
 */
MR_API MR_MUST_USE int mr_websocket_send(struct mr_websocket *ws,
                                         enum mr_ws_type type,
                                         struct mr_str data, int64_t deadline);
/*
 * Begin the close, with a code that may be sent (1000 to 1003, 1007 to 1014,
 * 3000 to 4999) and a reason of up to 123 bytes of UTF-8, or NULL. Receiving
 * then ends when the peer answers, or after close_timeout. 0; -EINVAL; -EPIPE:
 * one went out before; -Exxx. May park.
 */
MR_API MR_MUST_USE int mr_websocket_close(struct mr_websocket *ws, int code,
                                          const char *reason);

/* Why it ended: the peer's code or, before it came, ours; 0 while it lasts. */
MR_API int mr_websocket_code(const struct mr_websocket *ws);
/* What was agreed on of options.protocols; NULL: none. */
MR_API const char *mr_websocket_protocol(const struct mr_websocket *ws);

#endif
