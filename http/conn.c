/* SPDX-License-Identifier: MIT */

/*
 * conn.c - one HTTP/1.1 connection, from accept to close (http/conn.h has the
 * states and invariants).
 *
 * Reading order: mr_conn_open, on_event, conn_main, serve, run_request.
 *
 * Not here: what a head must look like (head_check.c, parse.c), framing of
 * answers (response.c), bodies (body.c), routes (router.c).
 */
#include "http/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/conn_priv.h"
#include "http/url.h"
#include "io/fd.h"

/* Exchanges kept for the next connection: more than run at once in most
 * servers, and 64 KiB each. */
#define POOL_MAX 64
/* A client that is told off gets so long, and so many bytes, to hear it. */
#define LINGER_NS INT64_C(2000000000)
#define LINGER_BYTES (256 * 1024)

/* --- at rest --- */

static enum mr_hub_hook_answer on_event(int fd, void *arg);
static void conn_close(struct mr_conn *c);

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
        conn_close(c);
    }
}

void mr_rest_init(struct mr_rest_list *l, struct mr_http *http, int64_t timeout)
{
    mr_list_init(&l->conns);
    l->timeout = timeout;
    mr_timer_init(&l->timer, on_rest_timeout);
    l->http = http;
}

static int rest(struct mr_conn *c, struct mr_rest_list *l)
{
    int err;

    c->state = MR_CONN_RESTING;
    c->rest_until = mr_hub_now() + l->timeout;
    err = mr_hub_hook(c->io.stream.fd, on_event, c);
    if (!err && !mr_timer_is_started(&l->timer))
        err = mr_timer_start(&l->timer, c->rest_until);
    /* Its last answer was begun before the draining was. */
    if (!err && c->http->draining &&
        !mr_timer_is_started(&c->http->drain_timer))
        err = mr_timer_start(&c->http->drain_timer,
                             mr_hub_now() + c->http->options.drain_rest);
    if (!err)
        mr_list_push_back(&l->conns, &c->node);
    return err;
}

static void conn_close(struct mr_conn *c)
{
    struct mr_http *http = c->http;
    struct mr_server *acceptor = c->acceptor;

    mr_list_remove(&c->node);
    mr_stream_close(&c->io.stream);
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
            conn_close(mr_container_of(lists[i]->next, struct mr_conn, node));
    }
    http->starved_n = 0;
}

/* --- from rest to work --- */

static intptr_t conn_main(void *arg);

static bool start(struct mr_conn *c)
{
    struct mr_http *http = c->http;
    const struct mr_spawn_options o = {
        .name = "http",
        .entry = "conn_main",
        .stack_size = (size_t)http->options.stack_size,
        .group = &http->group,
        .reap = true,
    };

    if (!mr_spawn_with(conn_main, c, &o))
        return false;
    mr_list_remove(&c->node);
    c->state = MR_CONN_ACTIVE;
    return true;
}

/* No stack to be had: wait for one, within bounds. */
static void starve(struct mr_conn *c)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Content-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    struct mr_http *http = c->http;

    if (http->starved_n >= (size_t)http->options.max_starved) {
        mr_scoreboard_add(&http->row->responses_5xx, 1);
        (void)!mr_sys_send(c->io.stream.fd, busy, sizeof busy - 1,
                           MSG_DONTWAIT);
        conn_close(c);
        return;
    }
    mr_list_remove(&c->node);
    mr_list_push_back(&http->starved, &c->node);
    c->state = MR_CONN_STARVED;
    http->starved_n++;
}

/* A stack has come free. */
static void feed_starved(struct mr_http *http)
{
    while (http->starved_n > 0) {
        struct mr_conn *c =
            mr_container_of(http->starved.next, struct mr_conn, node);

        if (!start(c))
            return;
        http->starved_n--;
    }
}

static void note_gone(struct mr_conn *c)
{
    c->gone = true;
    if (c->x)
        (void)mr_waitq_wake_all(&c->x->req.gone, 0);
}

/* On the hub's stack: bytes came, or the end, and nobody waits for them. */
static enum mr_hub_hook_answer on_event(int fd, void *arg)
{
    struct mr_conn *c = arg;

    switch ((enum mr_conn_state)c->state) {
    case MR_CONN_RESTING:
        if (start(c))
            return MR_HOOK_KEEP;
        starve(c);
        return MR_HOOK_DISARM;
    case MR_CONN_STARVED:
        return MR_HOOK_DISARM;
    case MR_CONN_ACTIVE:
        break;
    }
    switch (mr_fd_peek(fd)) {
    case MR_PEER_QUIET:
        return MR_HOOK_KEEP;
    case MR_PEER_GONE:
        note_gone(c);
        break;
    case MR_PEER_TALKS:
        break; /* read when it is its turn */
    }
    return MR_HOOK_DISARM;
}

/* --- exchanges --- */

static void flush_before_poll(struct mr_hub_idle *idle);

static struct mr_exchange *exchange_new(struct mr_http *http)
{
    size_t fields = http->head_limits.max_fields;
    struct mr_exchange *x =
        mr_calloc(1, sizeof *x + fields * sizeof x->fields[0]);

    if (!x)
        return NULL;
    x->http = http;
    x->in_cap = http->head_limits.max_head + MR_BODY_ROOM;
    x->in = mr_alloc(x->in_cap);
    if (!x->in) {
        mr_free(x);
        return NULL;
    }
    mr_buf_init(&x->out);
    mr_arena_init(&x->arena, 4096);
    mr_list_init(&x->flush.node);
    x->flush.fn = flush_before_poll;
    mr_waitq_init(&x->req.gone);
    mr_parser_init(&x->parser, &http->head_limits, x->fields);
    return x;
}

void mr_exchange_free(struct mr_exchange *x)
{
    if (!x)
        return;
    mr_arena_fini(&x->arena);
    mr_buf_fini(&x->out);
    mr_free(x->in);
    mr_free(x);
}

static struct mr_exchange *exchange_take(struct mr_conn *c)
{
    struct mr_http *http = c->http;
    struct mr_exchange *x = http->pool;

    if (x) {
        http->pool = x->next;
        http->pool_n--;
    } else {
        x = exchange_new(http);
        if (!x)
            return NULL;
    }
    x->conn = c;
    c->x = x;
    return x;
}

static void exchange_give(struct mr_exchange *x)
{
    struct mr_http *http = x->http;

    x->conn->x = NULL;
    x->conn = NULL;
    x->in_pos = 0;
    x->in_len = 0;
    mr_hub_idle_remove(&x->flush);
    mr_buf_reset(&x->out);
    /* One large answer shall not stay in the pool's memory. */
    if (x->out.cap > 4 * MR_GATHER_MAX)
        mr_buf_fini(&x->out);
    if (http->pool_n >= POOL_MAX) {
        mr_exchange_free(x);
        return;
    }
    x->next = http->pool;
    http->pool = x;
    http->pool_n++;
}

/* --- reading and writing --- */

ssize_t mr_exchange_fill(struct mr_exchange *x, size_t limit, int64_t deadline)
{
    size_t end = x->in_pos + x->in_len;
    ssize_t n;

    MR_BUG_ON(x->in_len >= limit || end >= x->in_cap);
    limit = MR_MIN(limit - x->in_len, x->in_cap - end);
    if (x->out.len > 0) {
        int err = mr_exchange_flush(x);

        if (err)
            return err;
    }
    n = mr_stream_read(&x->conn->io.stream, x->in + end, limit, deadline);
    if (n > 0) {
        x->in_len += (size_t)n;
        mr_scoreboard_add(&x->http->row->bytes_in, n);
    }
    return n;
}

int64_t mr_write_deadline(const struct mr_exchange *x, size_t n)
{
    int64_t units = (int64_t)(n / MR_WRITE_UNIT) + 1;

    return mr_hub_now() + units * x->http->options.write_timeout;
}

static int write_all(struct mr_exchange *x, struct iovec *v, int n, int flags)
{
    struct mr_stream *s = &x->conn->io.stream;
    size_t bytes = 0;
    int64_t deadline;
    int err;

    for (int i = 0; i < n; i++)
        bytes += v[i].iov_len;
    deadline = mr_write_deadline(x, bytes);
    mr_hub_idle_remove(&x->flush);
    x->writing = true;
    err = flags && mr_stream_fd(s) >= 0
              ? mr_sendv(mr_stream_fd(s), v, n, flags, deadline)
              : mr_stream_writev(s, v, n, deadline);
    x->writing = false;
    if (!err)
        mr_scoreboard_add(&x->http->row->bytes_out, (int64_t)bytes);
    return err;
}

static int flush(struct mr_exchange *x, int flags)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)mr_buf_head(&x->out),
                      .iov_len = x->out.len};
    int err;

    if (x->out.len == 0)
        return 0;
    err = write_all(x, &v, 1, flags);
    mr_buf_reset(&x->out);
    return err;
}

int mr_exchange_flush(struct mr_exchange *x)
{
    return flush(x, 0);
}

int mr_exchange_flush_more(struct mr_exchange *x)
{
    return flush(x, MSG_MORE);
}

int mr_exchange_write(struct mr_exchange *x, const void *p, size_t n)
{
    const char *at = p;

    if (x->out.len + n <= MR_GATHER_MAX)
        return mr_buf_append(&x->out, p, n);
    while (n > 0) {
        size_t unit = MR_MIN(n, (size_t)16 * MR_WRITE_UNIT);
        struct iovec v[2] = {
            {(void *)(uintptr_t)mr_buf_head(&x->out), x->out.len},
            {(void *)(uintptr_t)at, unit},
        };
        int err = write_all(x, v, 2, 0);

        mr_buf_reset(&x->out);
        if (err)
            return err;
        at += unit;
        n -= unit;
    }
    return 0;
}

/* On the hub's stack, before it waits: answers that are ready go out, although
 * the handler of a request behind them is waiting for something. */
static void flush_before_poll(struct mr_hub_idle *idle)
{
    struct mr_exchange *x = mr_container_of(idle, struct mr_exchange, flush);
    ssize_t n;

    if (x->writing || x->out.len == 0 || mr_stream_fd(&x->conn->io.stream) < 0)
        return;
    n = mr_sys_send(mr_stream_fd(&x->conn->io.stream), mr_buf_head(&x->out),
                    x->out.len, MSG_DONTWAIT);
    if (n > 0) {
        mr_buf_consume(&x->out, (size_t)n);
        mr_scoreboard_add(&x->http->row->bytes_out, n);
    }
    /* An error comes back when the coroutine writes. */
}

/* --- answers and their books --- */

void mr_conn_peer(const struct mr_conn *c, struct mr_addr *ret)
{
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&c->peer;

    if (c->peer_len > 0 && mr_addr_set(ret, sa, c->peer_len) == 0)
        return;
    *ret = (struct mr_addr){.len = sizeof ret->un.sun_family};
    ret->un.sun_family = AF_UNIX;
}

static void log_access(const struct mr_exchange *x,
                       const struct mr_request_head *head)
{
    struct mr_addr peer;
    struct mr_access_entry e = {
        .peer = &peer, .status = x->res.status, .bytes = x->res.body_bytes};

    if (!x->http->options.access_log)
        return;
    mr_conn_peer(x->conn, &peer);
    if (head) {
        e.method = head->method_text;
        e.target = head->target;
        e.minor = head->minor;
        e.referer = mr_headers_get(&head->headers, "referer");
        e.user_agent = mr_headers_get(&head->headers, "user-agent");
    }
    mr_access_log_add(x->http->options.access_log, &e);
}

static void count(const struct mr_exchange *x)
{
    struct mr_score_row *row = x->http->row;
    uint64_t *by_class[] = {&row->responses_1xx, &row->responses_2xx,
                            &row->responses_3xx, &row->responses_4xx,
                            &row->responses_5xx};
    unsigned class = (unsigned)x->res.status / 100 - 1;

    mr_scoreboard_add(&row->requests, 1);
    if (class < MR_ARRAY_LEN(by_class))
        mr_scoreboard_add(by_class[class], 1);
}

/* A request that was not understood: its answer, and nothing after it. */
static void refuse(struct mr_exchange *x, int status, const char *reason)
{
    static const struct mr_request_head unknown = {.minor = 1};
    struct mr_addr peer;
    char text[MR_ADDR_TEXT];

    mr_scoreboard_add(&x->http->row->bad_requests, 1);
    if (mr_log_level() >= MR_LOG_DEBUG) {
        mr_conn_peer(x->conn, &peer);
        mr_addr_format(&peer, text, sizeof text);
        mr_log(MR_LOG_DEBUG, "http: %s: %d: %s", text, status, reason);
    }
    x->req.x = x;
    x->req.head = &unknown;
    x->body = (struct mr_body){.done = true};
    mr_response_init(&x->res, x);
    x->res.close = true;
    (void)mr_reply_printf(&x->res, status, "%d %s: %s\n", status,
                          mr_status_reason(status), reason);
    (void)mr_exchange_flush(x);
    count(x);
    log_access(x, NULL);
    mr_arena_reset(&x->arena);
}

/* --- one request --- */

static void answer_unrouted(struct mr_exchange *x, enum mr_route_result result,
                            const struct mr_route_match *m)
{
    char allow[256];
    size_t n;

    if (result == MR_ROUTE_NOT_ALLOWED) {
        n = mr_router_allow(m->allowed, allow, sizeof allow);
        (void)mr_response_header_n(&x->res, mr_str("Allow"),
                                   mr_str_n(allow, n));
        (void)mr_reply_status(&x->res, MR_STATUS_METHOD_NOT_ALLOWED);
        return;
    }
    (void)mr_reply_status(&x->res, MR_STATUS_NOT_FOUND);
}

static int status_of(int err)
{
    switch (err) {
    case -EFBIG:
        return MR_STATUS_CONTENT_TOO_LARGE;
    case -EPROTO:
        return MR_STATUS_BAD_REQUEST;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case -EAGAIN:
        return MR_STATUS_SERVICE_UNAVAILABLE;
    default:
        return MR_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* What a handler's error means. Errors of the peer's making are not its. */
static void handler_failed(struct mr_exchange *x, int err, bool late)
{
    bool peers = x->body.error == err || x->res.broken || x->conn->gone;

    if (!peers || late)
        mr_log(peers ? MR_LOG_INFO : MR_LOG_ERROR,
               "http: app %s: %.*s %.*s: %s%s", x->target->name,
               MR_STR(x->req.head->method_text), MR_STR(x->req.head->target),
               late ? "handler_timeout: " : "", mr_strerror(err));
    if (x->res.started) {
        x->res.broken = true; /* half an answer: the end is all that is left */
        x->res.close = true;
        return;
    }
    x->res.close = true;
    if (x->body.error == -ETIMEDOUT)
        (void)mr_reply_status(&x->res, MR_STATUS_REQUEST_TIMEOUT);
    else
        (void)mr_reply_status(&x->res, late ? MR_STATUS_SERVICE_UNAVAILABLE
                                            : status_of(err));
}

static void call_handler(struct mr_exchange *x)
{
    const struct mr_http_target *t = x->target;
    int64_t limit = x->http->options.handler_timeout;
    struct mr_scope scope;
    bool late = false;
    int err;

    mr_scoreboard_add(&x->http->row->in_flight, 1);
    if (limit != MR_NEVER)
        mr_scope_enter(&scope, mr_hub_now() + limit);
    err = t->handle(&x->req, &x->res, t->self);
    if (limit != MR_NEVER)
        late = mr_scope_leave(&scope);
    mr_group_close(mr_group_own());
    if (err < 0)
        handler_failed(x, err, late);
    else if (!x->res.started)
        (void)mr_reply(&x->res, MR_STATUS_OK, NULL, mr_str(""));
    mr_scoreboard_add(&x->http->row->in_flight, -1);
}

/* Find the handler and let it answer; or answer what needs none. */
static void dispatch(struct mr_exchange *x)
{
    const struct mr_request_head *head = x->req.head;
    struct mr_route_match m;
    enum mr_route_result result;

    switch (head->form) {
    case MR_TARGET_AUTHORITY: /* a proxy's */
        x->res.close = true;
        (void)mr_reply_status(&x->res, MR_STATUS_NOT_IMPLEMENTED);
        return;
    case MR_TARGET_ASTERISK: /* OPTIONS *, RFC 9110 9.3.7 */
        (void)!mr_response_start(&x->res, MR_STATUS_NO_CONTENT, NULL, 0);
        return;
    case MR_TARGET_ORIGIN:
    case MR_TARGET_ABSOLUTE:
        break;
    }
    if (mr_url_decode_path(&x->arena, head->path, &x->req.path)) {
        x->res.close = true;
        (void)mr_reply_status(&x->res, MR_STATUS_BAD_REQUEST);
        return;
    }
    if (x->body.max >= 0 && head->content_length > (uint64_t)x->body.max) {
        x->res.close = true;
        (void)mr_reply_status(&x->res, MR_STATUS_CONTENT_TOO_LARGE);
        return;
    }
    result = mr_router_match(&x->http->router, head->method, x->req.path, &m);
    if (result != MR_ROUTE_FOUND) {
        answer_unrouted(x, result, &m);
        return;
    }
    x->target = m.route->target;
    x->req.rest = m.rest;
    call_handler(x);
}

static void begin_request(struct mr_exchange *x)
{
    const struct mr_parser *p = &x->parser;

    x->req.x = x;
    x->req.head = &p->head;
    x->req.head_text = mr_str_n(x->in + x->in_pos, p->size);
    x->req.path = p->head.path;
    x->req.rest = mr_str("/");
    x->target = NULL;
    x->in_pos += p->size;
    x->in_len -= p->size;
    x->body_base = x->in_pos;
    mr_body_begin(&x->body, &p->head, x->http->options.max_body, &x->arena);
    mr_response_init(&x->res, x);
    x->conn->requests++;
}

enum next { NEXT_REQUEST, NEXT_CLOSE, NEXT_LINGER };

/* The head is whole: answer it. */
static enum next run_request(struct mr_exchange *x)
{
    enum next next;

    begin_request(x);
    /* Answers that wait for this one's company must not wait for its handler
     * too, should that park. */
    if (x->out.len > 0)
        mr_hub_before_poll(&x->flush);
    dispatch(x);
    if (!x->res.started)
        x->res.broken = true; /* no memory even for an error */
    (void)mr_response_finish(&x->res);
    count(x);
    log_access(x, x->req.head);
    if (x->res.broken)
        next = NEXT_CLOSE;
    else if (x->body.done || mr_body_skip(x) == 0)
        next = x->res.close ? NEXT_CLOSE : NEXT_REQUEST;
    else
        next = NEXT_LINGER;
    /* The last answer, with requests behind it that get none. */
    if (next == NEXT_CLOSE && !x->res.broken && x->in_len > 0)
        next = NEXT_LINGER;
    mr_arena_reset(&x->arena);
    mr_parser_reset(&x->parser);
    return next;
}

/* --- the loop of a connection at work --- */

/* A head has to lie in the first max_head bytes, so that behind it there is room
 * for pieces of its body: what reaches beyond is moved to the front. */
static void make_room(struct mr_exchange *x)
{
    if (x->in_pos == 0 ||
        x->in_pos + x->in_len <= x->http->head_limits.max_head)
        return;
    memmove(x->in, x->in + x->in_pos, x->in_len);
    x->in_pos = 0;
    mr_parser_reset(&x->parser);
}

enum head { HEAD_WHOLE, HEAD_MORE, HEAD_END, HEAD_REFUSED, HEAD_FAILED };

static enum head parse_head(struct mr_exchange *x)
{
    if (x->in_len == 0)
        return HEAD_MORE;
    make_room(x);
    switch (mr_parse_request(&x->parser, x->in + x->in_pos, x->in_len)) {
    case MR_PARSE_DONE:
        return HEAD_WHOLE;
    case MR_PARSE_BAD:
        refuse(x, x->parser.status, x->parser.reason);
        return HEAD_REFUSED;
    case MR_PARSE_MORE:
        break;
    }
    if (x->in_len <= x->http->head_limits.max_head)
        return HEAD_MORE;
    refuse(x, MR_STATUS_FIELDS_TOO_LARGE, "the head is too large");
    return HEAD_REFUSED;
}

/* Until a head is whole: its time is reckoned from here, bytes do not renew
 * it. */
static enum head read_head(struct mr_exchange *x)
{
    int64_t deadline = mr_hub_now() + x->http->options.header_timeout;
    size_t max = x->http->head_limits.max_head;
    enum head head;
    ssize_t n;

    while ((head = parse_head(x)) == HEAD_MORE) {
        /* One byte beyond: then it is known to be too large. */
        n = mr_exchange_fill(x, max + 1 - x->in_pos, deadline);
        if (n == -ETIMEDOUT && x->in_len > 0) {
            refuse(x, MR_STATUS_REQUEST_TIMEOUT, "the head took too long");
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
    struct mr_stream *s = &x->conn->io.stream;
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

/* True: back to rest. False: it is over. */
static bool serve(struct mr_exchange *x)
{
    for (;;) {
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
        switch (run_request(x)) {
        case NEXT_REQUEST:
            break;
        case NEXT_LINGER:
            if (mr_exchange_flush(x) == 0)
                linger(x);
            return false;
        case NEXT_CLOSE:
            (void)mr_exchange_flush(x);
            return false;
        }
        if (x->in_len > 0)
            continue;
        x->in_pos = 0;
        if (mr_exchange_flush(x))
            return false;
        if (mr_stream_pending(&x->conn->io.stream) == 0)
            return !x->conn->gone;
    }
}

static intptr_t conn_main(void *arg)
{
    struct mr_conn *c = arg;
    struct mr_http *http = c->http;
    struct mr_exchange *x = exchange_take(c);
    bool stays = false;

    c->io.drained = false; /* an event says that there is something */
    if (x) {
        stays = serve(x);
        mr_parser_reset(&x->parser);
        exchange_give(x);
    }
    if (!stays || rest(c, &http->idle))
        conn_close(c);
    if (MR_UNLIKELY(http->starved_n > 0))
        feed_starved(http);
    return 0;
}

/* --- birth --- */

void mr_conn_open(struct mr_http *http, struct mr_server *acceptor, int fd,
                  const struct mr_addr *peer)
{
    struct mr_conn *c = mr_calloc(1, sizeof *c);

    if (!c) {
        mr_fd_close(fd);
        mr_server_leave(acceptor);
        return;
    }
    (void)mr_stream_socket_init(&c->io, fd);
    c->http = http;
    c->acceptor = acceptor;
    mr_list_init(&c->node);
    if (mr_addr_family(peer) != AF_UNIX && peer->len <= sizeof c->peer) {
        memcpy(&c->peer, &peer->sa, peer->len);
        c->peer_len = (uint8_t)peer->len;
    }
    http->live++;
    mr_scoreboard_add(&http->row->accepted, 1);
    mr_scoreboard_add(&http->row->connections, 1);
    if (rest(c, &http->fresh))
        conn_close(c);
}
