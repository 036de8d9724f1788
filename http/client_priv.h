/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CLIENT_PRIV_H
#define HTTP_CLIENT_PRIV_H

/*
 * client_priv.h - what the client's files share.
 *
 *     client.c           the client; a call as a whole: redirects
 *     call.c             a call's parts: begin, answer, close
 *     call_send.c        the request's bytes: write, end
 *     call_head.c        bytes to the answer's head
 *     call_body.c        its body, piece by piece; the stream of a tunnel
 *     call_decode.c      that of a coded one
 *     call_redirect.c    what a 3xx changes of a call
 *     client_request.c   a request to the bytes of its head
 *     call_login.c       who asks: user and password, cookies
 *     client_connect.c   a place to a connection: dial, proxy, TLS
 *     conn_pool.c        places and idle connections
 *
 * Functions that return int set the call's error and text when they fail
 * (mr_call_fail); one that has failed stays so.
 *
 * over budget: ten files' structs and what they call of each other.
 */
#include "core/sync.h"
#include "http/chunked.h"
#include "http/client.h"
#include "http/conn_pool.h"
#include "http/uri.h"
#include "io/tls.h"

/* Of a call: a head of the usual size, and with it a small answer, come in one
 * receive. */
#define MR_CALL_BUFFER ((size_t)16 * 1024)

struct mr_client {
    struct mr_client_options o; /* filled: nothing is 0 */
    struct mr_conn_pool pool;
    struct mr_dns *own_dns;
    struct mr_mutex tls_lock;   /* held while tls is made */
    struct mr_tls_context *tls; /* when it was first needed */
    struct mr_tls_sessions *sessions;
    unsigned calls; /* open */
    uint64_t opened;
    uint64_t reused;
    uint64_t resent;
};

struct mr_client_conn {
    struct mr_pooled pooled;
    struct mr_stream *stream; /* plain's, or tls's */
    struct mr_stream_fd plain;
    struct mr_tls *tls;
    struct mr_addr peer;
};

enum mr_call_state {
    MR_CALL_NEW,
    MR_CALL_SENDING,
    MR_CALL_SENT,
    MR_CALL_ANSWERED,
    MR_CALL_DONE,
};

struct mr_call {
    struct mr_client *client;
    struct mr_client_request r; /* filled; redirects change it */
    struct mr_arena arena;      /* what is kept until the end */
    struct mr_uri uri;
    struct mr_uri proxy;
    bool proxied; /* by that proxy */
    enum mr_method method;
    enum mr_call_state state;
    unsigned redirects;
    int64_t total_at; /* when all must be over */
    int error;        /* once failed, always */

    struct mr_client_conn *conn; /* NULL: none any more */
    struct mr_addr peer;
    bool reused;  /* conn was used before this */
    bool resent;  /* invariant 5 */
    bool stopped; /* the request was not sent whole */
    bool
        writes; /* duplex: the body is not sent yet, conn is the writer's too */
    int64_t sent_at; /* duplex: when it was */

    struct mr_buf out;     /* to be sent: the head, framing, small bodies */
    bool chunked_out;      /* the body goes in chunks */
    bool expects;          /* 100 Continue is waited for */
    uint64_t left_to_send; /* of a streamed body's length */
    int send_error;        /* of a send: the answer may be there all the same */

    char *in; /* in_cap bytes: the head, and what came with it */
    size_t in_cap;
    size_t at; /* of what has not been used */
    size_t n;
    bool heard;  /* bytes of an answer came */
    bool ended;  /* the connection's end did */
    bool opened; /* the body was (mr_call_body_open) */
    unsigned interim;
    struct mr_answer_parser parser;
    struct mr_field fields[MR_ANSWER_FIELDS];

    uint64_t left; /* of the body's length */
    uint64_t seen; /* bytes of the body as received */
    struct mr_chunked chunked;
    const struct mr_headers *trailers;
    bool asks_coded; /* Accept-Encoding is the client's own */
    struct mr_decoder *decoder;
    char *coded;             /* MR_CALL_BUFFER bytes, with a decoder */
    struct mr_str undecoded; /* in coded */
    bool decoded;            /* all of it */
    struct mr_stream tunnel;

    int64_t waits_until; /* what a park's own limit is, and its name */
    const char *waits_for;
    int64_t waits_ns;
    char why[MR_CLIENT_WHY];
};

/* --- call.c --- */

/* "URL: " and that. err. */
int mr_call_fail(struct mr_call *call, int err, const char *fmt, ...)
    MR_PRINTF(3, 4);
/* The nearest of the caller's deadline, the call's, and ns from now (0: none),
 * which is called `what` should it pass ("no byte"). */
int64_t mr_call_until(struct mr_call *call, int64_t ns, const char *what,
                      int64_t deadline);
/* After -ETIMEDOUT of a park until then; the error. */
int mr_call_timed_out(struct mr_call *call);
/* Of a stream: err, with the peer and TLS's reason. */
int mr_call_io_failed(struct mr_call *call, int err, const char *doing);
/* "127.0.0.1:80", in a buffer of the caller's. */
const char *mr_call_peer_text(const struct mr_call *call,
                              char text[MR_ADDR_TEXT]);
/* Done with the connection: for the next, or closed. */
void mr_call_release(struct mr_call *call);
void mr_call_drop_conn(struct mr_call *call);
MR_MUST_USE int mr_call_new(struct mr_client *c,
                            const struct mr_client_request *r,
                            struct mr_call **ret, char *why);
/* It has failed, or was never made: its text goes to why, and it is closed. */
void mr_call_hand_why(struct mr_call *call, char *why);
/* A connection, the head, and a whole body. May park. */
MR_MUST_USE int mr_call_start(struct mr_call *call, bool fresh,
                              int64_t deadline);

/* --- call_redirect.c --- */

/* 1: the request is another now, to be sent; 0: this was the answer; -Exxx. May
 * park. */
MR_MUST_USE int mr_call_redirect(struct mr_call *call, int64_t deadline);

/* --- call_send.c --- */

/* The head, and a whole body. 0, also when the server wants no more; -Exxx. May
 * park. */
MR_MUST_USE int mr_call_send_request(struct mr_call *call, int64_t deadline);
/* What is held back. 0; -EPIPE: no more is wanted; -Exxx. May park. */
MR_MUST_USE int mr_call_flush(struct mr_call *call, int64_t deadline);

/* --- client_request.c --- */

/* The request is one that can be sent; its url is parsed. */
MR_MUST_USE int mr_call_check(struct mr_call *call);
/* The head for call->uri into call->out. */
MR_MUST_USE int mr_call_put_head(struct mr_call *call);
/* RFC 9110 9.2.2: may be done twice. */
bool mr_call_is_idempotent(const struct mr_call *call);

/* --- call_login.c --- */

/* "Basic ..." (RFC 7617), in the arena; p is NULL: no memory. */
struct mr_str mr_basic_credentials(struct mr_arena *arena, struct mr_str user,
                                   struct mr_str password);
/* What the fields Authorization and Cookie say; empty: nothing. 0 or -ENOMEM,
 * not set. */
MR_MUST_USE int mr_call_authorization(struct mr_call *call, struct mr_str *ret);
MR_MUST_USE int mr_call_cookies(struct mr_call *call, struct mr_str *ret);
/* Those of the answer, into the jar. */
MR_MUST_USE int mr_call_take_cookies(struct mr_call *call);

/* --- client_connect.c --- */

/* An idle connection or a new one into call->conn. May park. */
MR_MUST_USE int mr_client_connect(struct mr_call *call, bool fresh,
                                  int64_t deadline);
void mr_client_conn_close(struct mr_pooled *p);

/* --- call_head.c --- */

/* One receive behind what is there: 1 to n bytes, 0 at the end; -Exxx, and
 * nothing is set. May park. */
MR_MUST_USE ssize_t mr_call_fill(struct mr_call *call, int64_t deadline);
/*
 * What is in the buffer: 0, the final head is whole; 1: more bytes are wanted;
 * 2: it was 100 Continue. -Exxx.
 */
MR_MUST_USE int mr_call_parse(struct mr_call *call);

/* --- call_body.c --- */

/* The head is there: what comes behind it. */
MR_MUST_USE int mr_call_body_open(struct mr_call *call);
/* What it holds. */
void mr_call_body_close(struct mr_call *call);
/* Pass over what is left of the body, if all of it is here already. */
void mr_call_pass_buffered(struct mr_call *call);
/* As mr_call_read, not decoded. May park. */
MR_MUST_USE ssize_t mr_call_read_coded(struct mr_call *call, char *buf,
                                       size_t n, int64_t deadline);
/* Pass over what is left of the body, if that is little and comes soon; else
 * the connection is closed. May park. */
void mr_call_skip(struct mr_call *call, int64_t deadline);

/* --- call_decode.c --- */

/* The head is there: is a decoder needed? */
MR_MUST_USE int mr_call_decode_open(struct mr_call *call);
void mr_call_decode_close(struct mr_call *call);
/* As mr_call_read, with a decoder. May park. */
MR_MUST_USE ssize_t mr_call_read_decoded(struct mr_call *call, char *buf,
                                         size_t n, int64_t deadline);

#endif
