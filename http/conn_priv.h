/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CONN_PRIV_H
#define HTTP_CONN_PRIV_H

/*
 * conn_priv.h - the structs behind a connection, a request and a response.
 * For conn.c, exchange.c, dispatch.c, body.c, request.c, response.c, server.c.
 *
 * over budget: one connection's memory in one place, so that what a field
 * costs at rest is seen.
 */
#include <netinet/in.h>

#include "core/hub.h"
#include "core/sync.h"
#include "core/timer.h"
#include "http/access_log.h"
#include "http/answer_memo.h"
#include "http/body.h"
#include "http/coding.h"
#include "http/conn.h"
#include "http/cut_log.h"
#include "http/date.h"
#include "http/error_pages.h"
#include "http/hosts.h"
#include "http/parse.h"
#include "http/request.h"
#include "http/response.h"
#include "http/router.h"
#include "http/server.h"
#include "io/quota.h"
#include "io/server.h"
#include "io/stream.h"
#include "io/tls.h"

/* Behind a head at the buffer's front there is always this much room for
 * pieces of a body. */
#define MR_BODY_ROOM (32 * 1024)
/* Answers are gathered up to this much before they are written. */
#define MR_GATHER_MAX (16 * 1024)
/* The write time-out is for this much: so no client is slower than 2 KiB/s. */
#define MR_WRITE_UNIT (64 * 1024)
/* The body time-out is for this much: half a KiB/s, what a sensor on a bad line
 * still does. */
#define MR_BODY_UNIT (16 * 1024)

/*
 * How long a peer may still be waited for. What was waited is spent, the n
 * bytes that went earn time in proportion, and more than the time-out is not
 * saved up: who stands still is cut after that, and so, in the end, is who is
 * slower than a unit in it.
 */
static inline void mr_pace(int64_t *patience, int64_t timeout, int64_t unit,
                           size_t n, int64_t waited)
{
    int64_t left = *patience - waited +
                   (int64_t)MR_MIN(n, (size_t)unit) * (timeout / unit);

    *patience = MR_MAX(MR_MIN(left, timeout), 0);
}

enum mr_conn_state {
    MR_CONN_RESTING,
    MR_CONN_STARVED,
    MR_CONN_BEGUN,
    MR_CONN_ACTIVE,
};

/* How a connection is carried. */
enum mr_conn_secure {
    MR_CONN_PLAIN,
    MR_CONN_GREETS, /* TLS is expected; not a byte was read */
    MR_CONN_TLS,
};

struct mr_rest_list;
struct mr_compress;
struct mr_compress_memo;
struct mr_compressing;

/* At rest this, a descriptor's record in the hub and nothing else. */
struct mr_conn {
    struct mr_stream_fd io; /* also with TLS its fd is the socket */
    struct mr_tls *tls;     /* on that socket; NULL: plain, or not yet */
    struct mr_http *http;
    struct mr_server *acceptor;
    struct mr_list node;   /* RESTING: in a rest list; STARVED, BEGUN: queued;
                            * ACTIVE: perhaps in `unwatched` */
    struct mr_exchange *x; /* ACTIVE */
    int64_t rest_until;
    uint32_t requests;
    uint8_t state;
    uint8_t secure;
    bool misplaced;   /* plain HTTP where TLS is expected */
    bool gone;        /* the peer has ended its sending half, or all */
    bool watched;     /* its hook is set, and an event will call it */
    bool early;       /* BEGUN on trust: perhaps no byte has come */
    bool quiet;       /* what woke it was no request: its rest goes on */
    uint8_t peer_len; /* 0: a unix socket */
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer;
};

/* What its requests come over. */
static inline struct mr_stream *mr_conn_stream(struct mr_conn *c)
{
    return MR_LIKELY(!c->tls) ? &c->io.stream : mr_tls_stream(c->tls);
}
/* Bytes that are there already, and no event will tell of. */
static inline size_t mr_conn_pending(const struct mr_conn *c)
{
    return MR_LIKELY(!c->tls) ? 0 : mr_stream_pending(mr_tls_stream(c->tls));
}

struct mr_request {
    struct mr_exchange *x;
    const struct mr_request_head *head;
    struct mr_str path;           /* decoded */
    struct mr_str rest;           /* behind the route's pattern */
    const struct mr_route *route; /* NULL: none yet */
    struct mr_str user;           /* p NULL: nobody knows */
    struct mr_str head_text;
};

/* Fields that the server must know of (response_fields.c). */
enum {
    MR_HAS_TYPE = 1 << 0,
    MR_HAS_SERVER = 1 << 1,
    MR_HAS_UPGRADE = 1 << 2,
    MR_HAS_ALLOW = 1 << 3,
    MR_HAS_CHALLENGE = 1 << 4,
    MR_HAS_CONTENT_RANGE = 1 << 5,
    MR_HAS_ETAG = 1 << 6,
    MR_HAS_LAST_MODIFIED = 1 << 7,
    MR_HAS_LOCATION = 1 << 8,
    MR_HAS_CONTENT_LOCATION = 1 << 9,
    MR_HAS_EXPIRES = 1 << 10,
    MR_HAS_RETRY_AFTER = 1 << 11,
    MR_HAS_AGE = 1 << 12,
    MR_HAS_BYTERANGES = 1 << 13, /* its type is multipart/byteranges */
};

/* Fields of one answer: more than that is a loop gone wrong. */
#define MR_EXTRA_MAX 64

/* One formatted field, "Name: value\r\n". */
struct mr_extra {
    struct mr_extra *next;
    size_t n;
    char text[];
};

struct mr_response {
    struct mr_exchange *x;
    struct mr_extra *extra; /* in order */
    struct mr_extra **extra_end;
    size_t extra_bytes;
    unsigned extra_n;
    int status;
    bool started;
    uint16_t has; /* of MR_HAS_...: what the handler's fields name */
    bool no_body; /* HEAD, 204, 304: what is written is dropped */
    bool chunked;
    bool until_close; /* nothing but the end of the connection tells its end */
    bool close;       /* the connection ends after it */
    bool broken;      /* cut short: nothing may follow */
    bool passed_on;   /* another server's: its status owes us nothing */
    uint64_t left;    /* of the announced length */
    uint64_t above;   /* bytes written beyond it, and dropped */
    uint64_t body_bytes;              /* written so far */
    int64_t length;                   /* announced; -1: not */
    const struct mr_compress *policy; /* until it starts; NULL: none */
    struct mr_compressing *coded;     /* NULL: it is sent as it is written */
    bool declared;                    /* Content-Encoding is compress.c's */
};

/* What an ACTIVE connection borrows. */
struct mr_exchange {
    struct mr_list node; /* in the pool */
    struct mr_http *http;
    struct mr_conn *conn;
    char *in; /* in_cap bytes; unread: in[pos .. pos+len) */
    size_t in_cap;
    size_t in_pos;
    size_t in_len;
    uint64_t read_turn;       /* of mr_hub_turn, when it was last filled */
    size_t body_base;         /* where the current head ends */
    struct mr_buf out;        /* answers not written yet */
    struct mr_hub_idle flush; /* writes them before the hub polls */
    bool writing;             /* a coroutine is at `out` */
    struct mr_waitq turn;     /* others of the handler's that want to write */
    struct mr_waitq gone;     /* who waits for the peer's end, as it is seen */
    int64_t write_patience;   /* mr_pace, for this answer */
    int write_error;          /* sticky: what came after it would be misread */
    struct mr_arena arena;
    struct mr_body body;
    struct mr_request req;
    struct mr_response res;
    const struct mr_http_host *host;
    const struct mr_http_target *target;
    struct mr_scope *patience; /* of the handler; NULL: without end */
    struct mr_stream taken;    /* what the handler of an upgrade reads */
    struct mr_parser parser;
    struct mr_field fields[]; /* max_fields */
};

struct mr_http_target {
    mr_handle_fn *handle;
    void *self;
    const char *name;
    struct mr_route_options options; /* filled: nothing is 0 */
};

/* A virtual host, or who takes the requests that are for none. */
struct mr_http_host {
    struct mr_http *http;
    struct mr_http_host *next;
    struct mr_router router;
    struct mr_router rewrites;        /* before it; http/rewrite.h */
    struct mr_access_log *access_log; /* NULL: none */
    const struct mr_error_page *error_pages;
    int not_found; /* the status where there is no route */
};

/* Connections at rest with one time-out: first in, first out. */
struct mr_rest_list {
    struct mr_list conns;
    int64_t timeout;
    struct mr_timer timer;
    struct mr_http *http;
};

struct mr_http_listener {
    struct mr_http_listener *next;
    struct mr_server server;
    bool defers;                /* connections come with their first bytes */
    struct mr_tls_context *tls; /* of new connections; NULL: plain */
    int fd;
};

struct mr_http {
    struct mr_http_options options;
    struct mr_head_limits head_limits;
    struct mr_score_row *row;
    struct mr_http_host home;    /* what is of no host; all, without hosts */
    struct mr_http_host nobody;  /* has no route */
    struct mr_http_host *others; /* that were added */
    struct mr_hosts hosts;       /* their names */
    struct mr_date_cache date;
    struct mr_date_cache modified[16]; /* Last-Modified, by its second */
    int64_t date_until; /* by the hub's clock; then it is another */
    /* The lines that every answer has: Server (perhaps), Date, each with its
     * CRLF. */
    char *common;
    size_t common_n;
    size_t date_at; /* where Date's line begins */
    struct mr_answer_memo answers;
    struct mr_group group;     /* the coroutines that serve */
    struct mr_rest_list fresh; /* no byte yet: header_timeout */
    struct mr_rest_list idle;  /* between requests: keepalive_timeout */
    struct mr_list starved;
    struct mr_list begun;     /* BEGUN: no coroutine has taken them yet */
    size_t begun_n;           /* how many these are */
    struct mr_list unwatched; /* ACTIVE, and have read since the last poll */
    struct mr_hub_idle watch; /* for `unwatched`, before the hub polls */
    size_t unborn;            /* coroutines that have had no turn yet */
    size_t between;           /* coroutines between two connections, READY */
    struct mr_hub_idle hire;  /* for `begun`: who should take them is parked */
    size_t starved_n;
    struct mr_hub_idle feed;      /* a stack has come free */
    struct mr_timer starve_timer; /* or perhaps it has, elsewhere */
    struct mr_list pool;          /* of exchanges, the warmest first */
    size_t pool_n;
    size_t pool_low; /* the fewest in it since it was trimmed */
    struct mr_timer pool_timer;
    struct mr_coder_pool coders;
    struct mr_http_listener *listeners;
    struct mr_quota *quota; /* own_quota, or the caller's */
    struct mr_quota own_quota;
    struct mr_quota_offer spare; /* a connection at rest (room.c) */
    struct mr_log_gate full;     /* of "no room" */
    struct mr_log_gate unmet;    /* of handshakes that failed */
    struct mr_timer drain_timer;
    size_t live;           /* connections of any state */
    struct mr_waitq empty; /* live came to 0 */
    bool draining;
    struct mr_event leaving; /* the same, for handlers to wait for */
    struct mr_cut_log cut;
    struct mr_score_row own_row; /* when the caller has none */
    struct mr_verdicts verdicts;
};

/* --- conn.c --- */

/* It has read: what it was woken for may have told of the end as well, and that
 * is told once (core/hub.h, mr_hub_hook_drained). So it is asked for again,
 * should the hub poll before it rests. */
void mr_conn_watch_later(struct mr_conn *c);

/* --- exchange.c --- */

/* From the pool; NULL when out of memory. Back to it. */
struct mr_exchange *mr_exchange_take(struct mr_http *http);
void mr_exchange_give(struct mr_exchange *x);
/* The pool, empty; and what is in it freed. */
void mr_exchange_pool_init(struct mr_http *http);
void mr_exchange_pool_fini(struct mr_http *http);
/* It is c's from here; nobody's, and emptied. */
void mr_exchange_bind(struct mr_exchange *x, struct mr_conn *c);
void mr_exchange_unbind(struct mr_exchange *x);
void mr_exchange_free(struct mr_exchange *x);
/* Bytes into the input behind what is there: > 0, 0 at the end, or -Exxx.
 * For heads: up to `limit` bytes in all. */
ssize_t mr_exchange_fill(struct mr_exchange *x, size_t limit, int64_t deadline);
/* The first bytes of a plain connection since it rested, if they are there: >
 * 0, 0 at the end, -EAGAIN, -Exxx. Does not park. */
ssize_t mr_exchange_try_first(struct mr_exchange *x);
/* Gather n bytes, or write what was gathered and them. 0 or -Exxx. May park. */
int mr_exchange_write(struct mr_exchange *x, const void *p, size_t n);
/* A handler's coroutines write one after the other: until nobody is at it. 0 or
 * -ECANCELED. May park. Then, from begin to end, one is. */
int mr_exchange_wait_turn(struct mr_exchange *x);
static inline int mr_exchange_turn(struct mr_exchange *x)
{
    return MR_LIKELY(!x->writing) ? 0 : mr_exchange_wait_turn(x);
}
void mr_exchange_begin(struct mr_exchange *x);
void mr_exchange_end(struct mr_exchange *x);
/* Write what was gathered; _more: a sendfile follows. 0 or -Exxx. May park. */
int mr_exchange_flush(struct mr_exchange *x);
int mr_exchange_flush_more(struct mr_exchange *x);
/* Around whatever waits for the client: it has time-outs of its own, so the
 * handler's rests meanwhile, and begins anew. */
void mr_client_wait_begin(struct mr_exchange *x);
void mr_client_wait_end(struct mr_exchange *x);
/* n bytes of the file from *off, which moves, no slower than write_timeout
 * allows. As mr_sendfile (io/fd.h). May park. */
ssize_t mr_exchange_sendfile(struct mr_exchange *x, int fd, int64_t *off,
                             size_t n);

/* --- dispatch.c --- */

/* What the connection does after an answer. */
enum mr_next {
    MR_NEXT_REQUEST,
    MR_NEXT_CLOSE,
    MR_NEXT_LINGER,
    MR_NEXT_RESET, /* the end would be taken for the answer's */
};

/* The head is whole: answer it. May park. */
enum mr_next mr_dispatch_request(struct mr_exchange *x);
/* A request that was not understood: its answer, and nothing after it.
 * May park. */
void mr_dispatch_refuse(struct mr_exchange *x, int status, const char *reason);

/* --- conn.c --- */

/* Without an exchange: its descriptor, its share of the quota, its memory. */
void mr_conn_close(struct mr_conn *c);
/* The rest lists, empty. */
void mr_rest_init(struct mr_rest_list *l, struct mr_http *http,
                  int64_t timeout);
/* The queue of those without a stack, empty. */
void mr_starved_init(struct mr_http *http);
void mr_starved_fini(struct mr_http *http);
void mr_conn_peer(const struct mr_conn *c, struct mr_addr *ret);

/* --- conn_tls.c --- */

/* Of a connection that GREETS, whose first bytes are there: the handshake.
 * Plain HTTP is `misplaced` after it. May park. */
enum mr_met {
    MR_MET_TALKS, /* to be served */
    MR_MET_QUIET, /* nothing more has come: to rest */
    MR_MET_OVER,  /* to be closed */
};
enum mr_met mr_conn_meet(struct mr_conn *c);
/* Of a connection with TLS after an event, before anything else is read. May
 * park. */
enum mr_met mr_conn_wake_tls(struct mr_exchange *x);
/* n > 0 bytes as far as they go at once: > 0, -EAGAIN, -Exxx. Does not park. */
ssize_t mr_conn_send_now(struct mr_conn *c, const void *p, size_t n);

/* --- room.c --- */

/* As mr_quota_offer's: close who has rested longest. */
bool mr_http_make_room(struct mr_quota_offer *offer);

/* --- server.c --- */

/* The present IMF-fixdate, MR_DATE_LEN bytes. */
const char *mr_http_date(struct mr_http *http);
/* The present lines that every answer has; without Server's, if it has its
 * own. */
struct mr_str mr_http_common(struct mr_http *http, bool server);
/* Who is asked for; never NULL. */
const struct mr_http_host *mr_http_find_host(const struct mr_http *http,
                                             struct mr_str authority);
/* A connection has ended. */
void mr_http_left(struct mr_http *http);

/* --- body.c --- */

/* Is there more of the body than it is worth reading to keep the connection? */
bool mr_body_is_long(const struct mr_exchange *x);

/* --- response_fields.c --- */

/* Of a field that was added: its name and value, views into it. */
void mr_extra_split(const struct mr_extra *e, struct mr_str *ret_name,
                    struct mr_str *ret_value);
/* Of the fields that were added: is the element in a list of that name? */
bool mr_response_has_element(const struct mr_response *res, const char *name,
                             const char *element);
/* Vary names the field, or "*" (RFC 9110 12.5.5); else it is added. As
 * mr_response_header. */
int mr_response_vary(struct mr_response *res, const char *field);
/* Has it the fields that an answer of this status must have? */
bool mr_response_may_be(const struct mr_response *res, int status,
                        struct mr_str type);

/* --- compress.c: nothing of it is called for an answer without a policy --- */

/* The form of a whole body that is sent, with the fields added that it needs:
 * the body itself, or a view into the arena or the memo (which may be NULL).
 * May park. */
struct mr_str mr_compress_whole(struct mr_response *res, int status,
                                struct mr_str type, struct mr_str body,
                                struct mr_compress_memo *memo);
/* The head is about to be made: decide, add fields, set `coded`. */
void mr_compress_begin(struct mr_response *res, int status, struct mr_str type,
                       int64_t length);
/* Of an answer that is coded: n bytes of the text; all so far; the end, if it
 * is whole, and in any case of what it took. 0 or -Exxx. May park. */
int mr_compress_write(struct mr_response *res, const void *p, size_t n);
int mr_compress_flush(struct mr_response *res);
int mr_compress_finish(struct mr_response *res);
/* Does nothing twice. */
void mr_compress_drop(struct mr_response *res);

/* --- response.c --- */

/* n > 0 bytes as they go over the wire. 0 or -Exxx. May park. */
int mr_response_put(struct mr_response *res, const void *p, size_t n);

void mr_response_init(struct mr_response *res, struct mr_exchange *x);
/* mr_reply_status without looking for a page of somebody's own: to a request
 * that was not understood. May park. */
int mr_reply_plain_status(struct mr_response *res, int status);
/* After the handler: end the body, or mark the connection as broken. 0 or
 * -Exxx. May park. */
int mr_response_finish(struct mr_response *res);

#endif
