/* SPDX-License-Identifier: MIT */

/*
 * conn.c - one HTTP/1.1 connection, from accept to close (http/conn.h has the
 * states and invariants).
 *
 * Reading order: mr_conn_open, on_event, conn_main, serve, then dispatch.c.
 *
 * Not here: what a head must look like (head_check.c, parse.c), buffers
 * (exchange.c), one request (dispatch.c), framing of answers (response.c),
 * bodies (body.c).
 *
 * over budget: its states and who moves it from one to the next, in one place.
 */
#include "http/conn.h"

#include <errno.h>
#include <string.h>

#include "core/sys.h"
#include "http/conn_priv.h"
#include "io/fd.h"

/* A client that is told off gets so long, and so many bytes, to hear it. */
#define LINGER_NS INT64_C(2000000000)
#define LINGER_BYTES (256 * 1024)
/* Pipelined requests answered in a row before others have a turn. */
#define TURN_REQUESTS 32
/* Connections served in a row before the kernel is asked for more: about a
 * millisecond. All that still wait then are reported once more, for nothing: of
 * a long queue half is served first, so that this happens to each about once,
 * unless that takes too long for those who wait for something else. */
#define TURN_CONNS 256
#define TURN_NS INT64_C(20000000)
/* One handshake is as much work as so many of them. */
#define TURN_HANDSHAKE 32
/* How long those without a stack wait when no connection of ours ends; memory
 * may come free elsewhere. */
#define STARVED_NS INT64_C(100000000)

/* --- at rest --- */

static enum mr_hub_hook_answer on_event(int fd, void *arg);

static void on_rest_timeout(struct mr_timer *t)
{
    struct mr_rest_list *l = mr_container_of(t, struct mr_rest_list, timer);
    int64_t now = mr_hub_now();

    while (!mr_list_is_empty(&l->conns)) {
        struct mr_conn *c =
            mr_container_of(l->conns.next, struct mr_conn, node);

        if (c->rest_until > now) {
            /* Its memory is reserved: it was started before. */
            (void)!mr_timer_start(t, c->rest_until);
            return;
        }
        mr_conn_close(c);
    }
}

void mr_rest_init(struct mr_rest_list *l, struct mr_http *http, int64_t timeout)
{
    mr_list_init(&l->conns);
    l->timeout = timeout;
    mr_timer_init(&l->timer, on_rest_timeout);
    l->http = http;
}

MR_HOT static int watch(struct mr_conn *c)
{
    /* At work, on_event looks itself; there is no need to be told twice. */
    bool drained =
        c->state == MR_CONN_ACTIVE ||
        (c->tls ? mr_tls_is_drained(c->tls) : c->io.drained && c->io.whole);
    int err = (drained ? mr_hub_hook_drained : mr_hub_hook)(c->io.stream.fd,
                                                            on_event, c);

    mr_list_remove(&c->node); /* from `unwatched` */
    c->watched = err == 0;
    return err;
}

/* Before the hub polls: whose handler waits may want to know of the peer's
 * end. */
MR_HOT static void on_watch(struct mr_hub_idle *idle)
{
    struct mr_http *http = mr_container_of(idle, struct mr_http, watch);

    while (!mr_list_is_empty(&http->unwatched))
        /* Without memory: tried again when it rests. */
        (void)!watch(
            mr_container_of(http->unwatched.next, struct mr_conn, node));
}

void mr_conn_watch_later(struct mr_conn *c)
{
    if (!mr_list_is_empty(&c->node))
        return;
    mr_list_push_back(&c->http->unwatched, &c->node);
    mr_hub_before_poll(&c->http->watch);
}

MR_HOT static int rest(struct mr_conn *c, struct mr_rest_list *l)
{
    int err;

    c->state = MR_CONN_RESTING;
    if (MR_LIKELY(!c->quiet))
        c->rest_until = mr_hub_now() + l->timeout;
    c->quiet = false;
    err = watch(c);
    if (!err && !mr_timer_is_started(&l->timer))
        err = mr_timer_start(&l->timer, c->rest_until);
    /* Its last answer was begun before the draining was. */
    if (!err && c->http->draining &&
        !mr_timer_is_started(&c->http->drain_timer))
        err = mr_timer_start(&c->http->drain_timer,
                             mr_hub_now() + c->http->options.drain_rest);
    if (err)
        return err;
    mr_list_push_back(&l->conns, &c->node);
    if (MR_UNLIKELY(mr_quota_is_wanting(c->http->quota)))
        mr_quota_spare_now(c->http->quota);
    return 0;
}

static void leave_quota(const struct mr_conn *c)
{
    struct mr_addr peer;

    mr_conn_peer(c, &peer);
    mr_quota_leave(c->http->quota, &peer);
}

void mr_conn_close(struct mr_conn *c)
{
    struct mr_http *http = c->http;
    struct mr_server *acceptor = c->acceptor;

    mr_list_remove(&c->node);
    mr_stream_close(mr_conn_stream(c));
    leave_quota(c);
    mr_free(c);
    mr_server_leave(acceptor);
    mr_http_left(http);
}

void mr_conn_close_resting(struct mr_http *http)
{
    struct mr_list *lists[] = {&http->fresh.conns, &http->idle.conns,
                               &http->starved};

    for (size_t i = 0; i < MR_ARRAY_LEN(lists); i++) {
        while (!mr_list_is_empty(lists[i]))
            mr_conn_close(
                mr_container_of(lists[i]->next, struct mr_conn, node));
    }
    http->starved_n = 0;
}

void mr_conn_close_unborn(struct mr_http *http)
{
    while (!mr_list_is_empty(&http->begun))
        mr_conn_close(mr_container_of(http->begun.next, struct mr_conn, node));
    http->begun_n = 0;
    http->unborn = 0; /* cancelled before their first turn */
}

void mr_conn_peer(const struct mr_conn *c, struct mr_addr *ret)
{
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&c->peer;

    if (c->peer_len > 0 && mr_addr_set(ret, sa, c->peer_len) == 0)
        return;
    *ret = (struct mr_addr){.len = sizeof ret->un.sun_family};
    ret->un.sun_family = AF_UNIX;
}

/* --- from rest to work --- */

static intptr_t conn_main(void *arg);

/* Another coroutine that takes what has `begun`. */
static bool hire(struct mr_http *http)
{
    const struct mr_spawn_options o = {
        .name = "http",
        .entry = "conn_main",
        .where = MR_HERE,
        .stack_size = (size_t)http->options.stack_size,
        .group = &http->group,
        .reap = true,
    };

    if (!mr_spawn_with(conn_main, http, &o))
        return false;
    http->unborn++;
    return true;
}

/* Will a coroutine that is READY take what has begun? */
static bool has_taker(const struct mr_http *http)
{
    return http->unborn > 0 || http->between > 0;
}

static void begin(struct mr_conn *c)
{
    mr_list_remove(&c->node);
    mr_list_push_back(&c->http->begun, &c->node);
    c->http->begun_n++;
    c->state = MR_CONN_BEGUN;
}

/* There is no memory or no place to serve it: 503, without an exchange. The
 * request is read, as far as it is there, for a close with unread bytes is a
 * reset. */
static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
                           "Content-Length: 0\r\n"
                           "Connection: close\r\n\r\n";

static void turn_away(struct mr_http *http, int fd)
{
    char unread[4096];

    mr_scoreboard_add(&http->row->responses_5xx, 1);
    (void)!mr_sys_recv(fd, unread, sizeof unread, MSG_DONTWAIT);
    (void)!mr_sys_send(fd, busy, sizeof busy - 1, MSG_DONTWAIT);
}

/* Before a handshake there is nothing that could be said. */
static void turn_away_conn(struct mr_conn *c)
{
    if (c->secure == MR_CONN_PLAIN) {
        turn_away(c->http, c->io.stream.fd);
    } else if (c->tls) {
        mr_scoreboard_add(&c->http->row->responses_5xx, 1);
        (void)!mr_tls_send_some(c->tls, busy, sizeof busy - 1, false);
    }
}

/* No stack to be had: wait for one, within bounds. */
static void starve(struct mr_conn *c)
{
    struct mr_http *http = c->http;
    struct mr_timer *t = &http->starve_timer;

    if (http->starved_n >= (size_t)http->options.max_starved ||
        (!mr_timer_is_started(t) &&
         mr_timer_start(t, mr_hub_now() + STARVED_NS))) {
        turn_away_conn(c);
        mr_conn_close(c);
        return;
    }
    mr_list_remove(&c->node);
    mr_list_push_back(&http->starved, &c->node);
    c->state = MR_CONN_STARVED;
    http->starved_n++;
}

/* Perhaps a stack has come free. */
static void feed_starved(struct mr_http *http)
{
    while (http->starved_n > 0) {
        struct mr_conn *c =
            mr_container_of(http->starved.next, struct mr_conn, node);

        if (!hire(http))
            return;
        begin(c);
        http->starved_n--;
    }
    mr_timer_stop(&http->starve_timer);
}

/* Who was to take those that have begun is parked, or has served for long
 * enough. */
static void on_hire(struct mr_hub_idle *idle)
{
    struct mr_http *http = mr_container_of(idle, struct mr_http, hire);

    if (mr_list_is_empty(&http->begun) || has_taker(http) || hire(http))
        return;
    while (!mr_list_is_empty(&http->begun))
        starve(mr_container_of(http->begun.next, struct mr_conn, node));
    http->begun_n = 0;
}

static void on_feed(struct mr_hub_idle *idle)
{
    feed_starved(mr_container_of(idle, struct mr_http, feed));
}

static void on_starve_timer(struct mr_timer *t)
{
    struct mr_http *http = mr_container_of(t, struct mr_http, starve_timer);

    feed_starved(http);
    /* Its memory is reserved: it was started before. */
    if (http->starved_n > 0)
        (void)!mr_timer_start(t, mr_hub_now() + STARVED_NS);
}

void mr_starved_init(struct mr_http *http)
{
    mr_list_init(&http->starved);
    mr_list_init(&http->begun);
    mr_list_init(&http->unwatched);
    mr_list_init(&http->watch.node);
    http->watch.fn = on_watch;
    mr_list_init(&http->feed.node);
    http->feed.fn = on_feed;
    mr_list_init(&http->hire.node);
    http->hire.fn = on_hire;
    mr_timer_init(&http->starve_timer, on_starve_timer);
}

void mr_starved_fini(struct mr_http *http)
{
    mr_hub_idle_remove(&http->feed);
    mr_hub_idle_remove(&http->hire);
    mr_hub_idle_remove(&http->watch);
    mr_timer_stop(&http->starve_timer);
}

/* On the hub's stack: bytes came, or the end, and nobody waits for them. */
MR_HOT static enum mr_hub_hook_answer on_event(int fd, void *arg)
{
    struct mr_conn *c = arg;

    switch ((enum mr_conn_state)c->state) {
    case MR_CONN_RESTING:
        /* One coroutine for all that one poll tells of: see conn_main. */
        if (c->http->unborn > 0 || hire(c->http)) {
            begin(c);
            return MR_HOOK_KEEP;
        }
        c->watched = false;
        starve(c);
        return MR_HOOK_DISARM;
    case MR_CONN_BEGUN:
        return MR_HOOK_KEEP; /* its turn comes */
    case MR_CONN_STARVED:
        break; /* known */
    case MR_CONN_ACTIVE:
        switch (mr_fd_peek(fd)) {
        case MR_PEER_QUIET:
            return MR_HOOK_KEEP;
        case MR_PEER_GONE:
            c->gone = true;
            if (c->x)
                (void)mr_waitq_wake_all(&c->x->gone, 0);
            break;
        case MR_PEER_TALKS:
            break; /* read when it is its turn */
        }
    }
    c->watched = false;
    return MR_HOOK_DISARM;
}

/* --- the loop of a connection at work --- */

/* A head has to lie in the first max_head bytes, so that behind it there is
 * room for pieces of its body: one that reaches beyond is moved to the front,
 * and parsed again. Requests behind it stay where they are until it is their
 * turn: so bytes are moved once, not once per request. */
static bool was_moved(struct mr_exchange *x, size_t head)
{
    if (x->in_pos == 0 || x->in_pos + head <= x->http->head_limits.max_head)
        return false;
    memmove(x->in, x->in + x->in_pos, x->in_len);
    x->in_pos = 0;
    mr_parser_reset(&x->parser);
    return true;
}

enum head { HEAD_WHOLE, HEAD_MORE, HEAD_END, HEAD_REFUSED, HEAD_FAILED };

static enum head parse_head(struct mr_exchange *x)
{
    if (x->in_len == 0)
        return HEAD_MORE;
    switch (mr_parse_request(&x->parser, x->in + x->in_pos, x->in_len)) {
    case MR_PARSE_DONE:
        return was_moved(x, x->parser.size) ? parse_head(x) : HEAD_WHOLE;
    case MR_PARSE_BAD:
        mr_dispatch_refuse(x, x->parser.status, x->parser.reason);
        return HEAD_REFUSED;
    case MR_PARSE_MORE:
        (void)was_moved(x, x->in_len);
        break;
    }
    if (x->in_len <= x->http->head_limits.max_head)
        return HEAD_MORE;
    mr_dispatch_refuse(x, MR_STATUS_FIELDS_TOO_LARGE, "the head is too large");
    return HEAD_REFUSED;
}

/* Until a head is whole: its time is reckoned from here, bytes do not renew
 * it. */
static enum head read_head(struct mr_exchange *x)
{
    int64_t deadline = 0;
    size_t max = x->http->head_limits.max_head;
    enum head head;
    ssize_t n;

    while ((head = parse_head(x)) == HEAD_MORE) {
        /* How long the answers before it take to go is not its time. */
        if (mr_exchange_flush(x))
            return HEAD_FAILED;
        if (deadline == 0)
            deadline = mr_hub_now() + x->http->options.header_timeout;
        /* One byte beyond: then it is known to be too large. */
        n = mr_exchange_fill(x, max + 1 - x->in_pos, deadline);
        if (n == -ETIMEDOUT && x->in_len > 0 && !x->write_error) {
            mr_dispatch_refuse(x, MR_STATUS_REQUEST_TIMEOUT,
                               "the head took too long");
            return HEAD_REFUSED;
        }
        if (n <= 0)
            return n == 0 ? HEAD_END : HEAD_FAILED;
    }
    return head;
}

/* RFC 9112 9.6: a close with unread bytes resets the connection, and the client
 * may never see the answer. So end our side, and read on a little. */
static void linger(struct mr_exchange *x)
{
    struct mr_stream *s = mr_conn_stream(x->conn);
    int64_t deadline = mr_hub_now() + LINGER_NS;
    size_t read = 0;

    if (mr_stream_shutdown(s, deadline) < 0)
        return;
    while (read < LINGER_BYTES) {
        ssize_t n = mr_stream_read(s, x->in, x->in_cap, deadline);

        if (n <= 0)
            return;
        read += (size_t)n;
    }
}

/* RFC 9112 8: an answer until the close that was cut must not look whole. A
 * unix socket has no reset, and a failure leaves what was: an end. With TLS no
 * goodbye says so as well. */
static void reset_at_close(const struct mr_conn *c)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)!mr_sys_setsockopt(c->io.stream.fd, SOL_SOCKET, SO_LINGER, &at_once,
                             sizeof at_once);
}

static bool has_unread(const struct mr_conn *c)
{
    return mr_fd_peek(c->io.stream.fd) == MR_PEER_TALKS;
}

/* What an event told of, or a connection begun early came with. False: that is
 * all, for now or for ever. */
static bool read_first(struct mr_exchange *x, bool *ret_stays)
{
    struct mr_conn *c = x->conn;
    bool early = c->early;
    ssize_t n = mr_exchange_try_first(x);

    c->early = false;
    *ret_stays = n == -EAGAIN;
    return n > 0 || (n == -EAGAIN && !early);
}

/* True: back to rest. False: it is over. */
MR_HOT static bool serve(struct mr_exchange *x)
{
    bool stays;

    if (MR_LIKELY(!x->conn->tls) && !read_first(x, &stays))
        return stays;
    for (unsigned n = 1;; n++) {
        if (n % TURN_REQUESTS == 0)
            (void)!mr_yield(); /* a cancel shows at the next park */
        switch (read_head(x)) {
        case HEAD_WHOLE:
            break;
        case HEAD_REFUSED:
            linger(x);
            return false;
        case HEAD_MORE:
        case HEAD_END:
        case HEAD_FAILED:
            return false;
        }
        switch (mr_dispatch_request(x)) {
        case MR_NEXT_REQUEST:
            break;
        case MR_NEXT_LINGER:
            if (mr_exchange_flush_more(x) == 0)
                linger(x);
            return false;
        case MR_NEXT_RESET:
            reset_at_close(x->conn);
            (void)mr_exchange_flush(x);
            if (x->conn->tls)
                mr_tls_cut(x->conn->tls);
            return false;
        case MR_NEXT_CLOSE:
            /* More follows, the end: it goes in one packet with the answer. */
            (void)mr_exchange_flush_more(x);
            return false;
        }
        if (x->in_len > 0)
            continue;
        x->in_pos = 0;
        if (mr_exchange_flush(x))
            return false;
        if (mr_conn_pending(x->conn) > 0)
            continue;
        /* Who ended its half may have asked before that. */
        if (!x->conn->gone || !has_unread(x->conn))
            return !x->conn->gone;
    }
}

/* The same with TLS, or where it is expected. */
static bool serve_tls(struct mr_exchange *x)
{
    if (x->conn->misplaced) {
        mr_dispatch_refuse(x, MR_STATUS_BAD_REQUEST,
                           "plain HTTP was sent to a port of HTTPS: write "
                           "https://");
        linger(x);
        return false;
    }
    switch (mr_conn_wake_tls(x)) {
    case MR_MET_TALKS:
        return serve(x);
    case MR_MET_QUIET: /* a client that sends no request is not kept by it */
        x->conn->quiet = true;
        return mr_hub_now() < x->conn->rest_until;
    case MR_MET_OVER:
        break;
    }
    return false;
}

/* x: NULL when there is no memory for one. */
MR_HOT static void work(struct mr_conn *c, struct mr_exchange *x)
{
    bool stays = false;

    c->state = MR_CONN_ACTIVE;
    c->io.drained = false; /* an event says that there is something */
    if (x) {
        mr_exchange_bind(x, c);
        stays = MR_LIKELY(!c->tls && !c->misplaced) ? serve(x) : serve_tls(x);
        mr_exchange_unbind(x);
    } else {
        turn_away_conn(c);
    }
    if (!stays || rest(c, c->requests ? &c->http->idle : &c->http->fresh))
        mr_conn_close(c);
}

/* The handshake. False: there is nothing to serve. */
static bool meet(struct mr_conn *c)
{
    switch (mr_conn_meet(c)) {
    case MR_MET_TALKS:
        if (!c->watched)
            mr_conn_watch_later(c);
        return true;
    case MR_MET_QUIET:
        if (rest(c, &c->http->fresh) == 0)
            return false;
        break;
    case MR_MET_OVER:
        break;
    }
    mr_conn_close(c);
    return false;
}

static struct mr_conn *take_begun(struct mr_http *http)
{
    struct mr_list *node = mr_list_pop_front(&http->begun);

    if (!node)
        return NULL;
    http->begun_n--;
    /* Should this one's handler park, another coroutine takes the rest: it has
     * its turn behind those that are READY, if any are, or is hired when nobody
     * else is left to run. */
    if (!mr_list_is_empty(&http->begun) && !has_taker(http) &&
        (!mr_hub_others_wait() || !hire(http)))
        mr_hub_before_poll(&http->hire);
    return mr_container_of(node, struct mr_conn, node);
}

/* May it serve another one? */
static bool may_serve(size_t n, size_t queued, int64_t began)
{
    if (!mr_hub_may_go_on())
        return false;
    return n < TURN_CONNS ||
           (n < queued / 2 && mr_sys_monotonic() - began < TURN_NS);
}

/* Serves what has begun, one connection after the other: most handlers do not
 * park, and then one stack, which is warm, is enough for all that a poll has
 * told of. */
MR_HOT static intptr_t conn_main(void *arg)
{
    struct mr_http *http = arg;
    struct mr_exchange *x = NULL;
    size_t queued = http->begun_n;
    int64_t began = mr_hub_now();
    struct mr_conn *c;

    http->unborn--;
    for (size_t n = 0; may_serve(n, queued, began); n++) {
        c = take_begun(http);
        if (!c)
            break;
        if (MR_UNLIKELY(c->secure == MR_CONN_GREETS)) {
            if (x)
                mr_exchange_give(MR_MOVE(x)); /* it takes no part in it */
            n += TURN_HANDSHAKE;
            if (!meet(c))
                continue;
        }
        if (!x)
            x = mr_exchange_take(http);
        work(c, x);
        if (!mr_list_is_empty(&http->begun) && mr_hub_others_wait()) {
            http->between++;
            (void)!mr_yield(); /* a cancel shows in mr_hub_may_go_on */
            http->between--;
        }
    }
    /* Others counted on this one. */
    if (!mr_list_is_empty(&http->begun) && !has_taker(http))
        mr_hub_before_poll(&http->hire);
    if (x)
        mr_exchange_give(x);
    /* Our own stack comes free after this. */
    if (MR_UNLIKELY(http->starved_n > 0))
        mr_hub_before_poll(&http->feed);
    return 0;
}

/* --- birth --- */

/* Its first bytes have come with it, or will be long in coming: either way
 * nothing is gained by waiting for an event. True: it is BEGUN. */
static bool begin_early(struct mr_conn *c)
{
    if (!mr_container_of(c->acceptor, struct mr_http_listener, server)->defers)
        return false;
    if (c->http->unborn == 0 && !hire(c->http))
        return false;
    c->early = true;
    begin(c);
    return true;
}

void mr_conn_open(struct mr_http *http, struct mr_server *acceptor, int fd,
                  const struct mr_addr *peer)
{
    bool tls = mr_container_of(acceptor, struct mr_http_listener, server)->tls;
    int err = mr_quota_enter(http->quota, peer);
    struct mr_conn *c = err ? NULL : mr_calloc(1, sizeof *c);

    if (!c) {
        if (err == -EUSERS && !tls)
            turn_away(http, fd);
        else if (!err)
            mr_quota_leave(http->quota, peer);
        mr_fd_close(fd);
        mr_server_leave(acceptor);
        return;
    }
    (void)mr_stream_socket_init(&c->io, fd);
    c->http = http;
    c->acceptor = acceptor;
    c->secure = tls ? MR_CONN_GREETS : MR_CONN_PLAIN;
    mr_list_init(&c->node);
    if (mr_addr_family(peer) != AF_UNIX && peer->len <= sizeof c->peer) {
        memcpy(&c->peer, &peer->sa, peer->len);
        c->peer_len = (uint8_t)peer->len;
        c->io.whole = true;
    }
    http->live++;
    mr_scoreboard_add(&http->row->accepted, 1);
    mr_scoreboard_add(&http->row->connections, 1);
    if (!begin_early(c) && rest(c, &http->fresh))
        mr_conn_close(c);
}
