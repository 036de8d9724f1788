/* SPDX-License-Identifier: MIT */

/*
 * dispatch.c - one request: find who answers it, let them, keep the books.
 *
 *   mr_dispatch_request: begin (which host) -> dispatch -> call_handler
 *   -> finish -> what the connection does next
 *
 * Whatever happens in between, exactly one answer is begun, counted and logged;
 * an answer that went wrong half-way ends the connection.
 */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "http/conn_priv.h"
#include "http/rewrite.h"
#include "http/url.h"
#include "io/fd.h"

/* --- answers and their books --- */

static void log_access(const struct mr_exchange *x,
                       const struct mr_request_head *head)
{
    struct mr_addr peer;
    struct mr_access_entry e = {
        .peer = &peer, .status = x->res.status, .bytes = x->res.body_bytes};

    mr_conn_peer(x->conn, &peer);
    if (head) {
        e.method = head->method_text;
        e.target = head->target;
        e.host = head->host;
        e.user = x->req.user;
        e.minor = head->minor;
        e.referer = mr_headers_get(&head->headers, "referer");
        e.user_agent = mr_headers_get(&head->headers, "user-agent");
    }
    mr_access_log_add(x->host->access_log, &e);
}

MR_HOT static void count(const struct mr_exchange *x)
{
    struct mr_score_row *row = x->http->row;
    int status = x->res.status;

    mr_scoreboard_add(&row->requests, 1);
    if (MR_LIKELY(status >= 200 && status < 300))
        mr_scoreboard_add(&row->responses_2xx, 1);
    else if (status < 100)
        return; /* none was made */
    else if (status < 200)
        mr_scoreboard_add(&row->responses_1xx, 1);
    else if (status < 400)
        mr_scoreboard_add(&row->responses_3xx, 1);
    else if (status < 500)
        mr_scoreboard_add(&row->responses_4xx, 1);
    else if (status < 600)
        mr_scoreboard_add(&row->responses_5xx, 1);
}

/* A request that was not understood: its answer, and nothing after it. */
void mr_dispatch_refuse(struct mr_exchange *x, int status, const char *reason)
{
    /* As far as it was read, HEAD is known to be HEAD: no content. */
    const struct mr_request_head known = {
        .minor = 1, .method = mr_parser_method(&x->parser)};
    struct mr_addr peer;
    char text[MR_ADDR_TEXT];

    mr_scoreboard_add(&x->http->row->bad_requests, 1);
    if (mr_log_level() >= MR_LOG_DEBUG) {
        mr_conn_peer(x->conn, &peer);
        mr_addr_format(&peer, text, sizeof text);
        mr_log(MR_LOG_DEBUG, "http: %s: %d: %s", text, status, reason);
    }
    x->host = &x->http->home;
    x->target = NULL;
    x->req.x = x;
    x->req.head = &known;
    x->body = (struct mr_body){.done = true};
    mr_response_init(&x->res, x);
    x->res.close = true;
    (void)mr_reply_printf(&x->res, status, "%d %s: %s\n", status,
                          mr_status_reason(status), reason);
    if (!x->res.started) /* no memory for the reason */
        (void)mr_reply_plain_status(&x->res, status);
    (void)mr_exchange_flush(x);
    count(x);
    if (x->host->access_log)
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
    (void)mr_reply_status(&x->res, x->host->not_found);
}

static int status_of(int err)
{
    switch (err) {
    case -EFBIG:
        return MR_STATUS_CONTENT_TOO_LARGE;
    case -EPROTO:
    case -EBADMSG:
        return MR_STATUS_BAD_REQUEST;
    case -EMEDIUMTYPE:
        return MR_STATUS_UNSUPPORTED_MEDIA_TYPE;
    case -ENOSPC:
    case -EDQUOT:
        return MR_STATUS_INSUFFICIENT_STORAGE;
    case -EREMOTEIO:
        return MR_STATUS_BAD_GATEWAY;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case -EAGAIN:
    case -ECANCELED: /* the server leaves */
        return MR_STATUS_SERVICE_UNAVAILABLE;
    default:
        return MR_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* What is wrong with the body comes before what the handler made of it. */
static int status_for(const struct mr_body *b, int err)
{
    switch (b->error) {
    case -ETIMEDOUT:
        return MR_STATUS_REQUEST_TIMEOUT;
    case -ENODATA:
        return MR_STATUS_BAD_REQUEST;
    case -EPROTO:
        return b->chunked.status;
    case -EFBIG:
        return MR_STATUS_CONTENT_TOO_LARGE;
    default:
        return status_of(err);
    }
}

/* A handler did not write what it had announced: who reads the log should not
 * have to guess why clients complain. */
static void log_length(const struct mr_exchange *x)
{
    const struct mr_response *res = &x->res;

    mr_log(MR_LOG_ERROR,
           "http: app %s: %.*s %.*s: %lld bytes announced, %llu written: %s",
           x->target->name, MR_STR(x->req.head->method_text),
           MR_STR(x->req.head->target), (long long)res->length,
           (unsigned long long)res->length - res->left + res->above,
           res->above > 0 ? "cut" : "the connection ends");
}

/* Of an answer that nothing else has ended. */
static bool broke_its_word(const struct mr_response *res)
{
    if (!res->started || res->broken)
        return false;
    return res->above > 0 || (res->left > 0 && !res->no_body);
}

/* What a handler's error means. Errors of the peer's making are not its, nor
 * those of a server it asked; that a file could not be read to its announced
 * end is. */
static void handler_failed(struct mr_exchange *x, int err, bool late)
{
    bool cut_short = x->res.broken && err != -ENODATA && err != -EIO;
    bool peers =
        x->body.error == err || cut_short || x->conn->gone ||
        (!x->res.started && (status_of(err) < 500 || err == -EREMOTEIO));
    bool broken;

    if (err == -EMSGSIZE && x->res.above > 0)
        log_length(x);
    else if (!peers && !late && x->res.broken)
        mr_cut_log_add(&x->http->cut, x->target->name, x->req.head->path, err);
    else if (!peers || late)
        mr_log(peers ? MR_LOG_INFO : MR_LOG_ERROR,
               "http: app %s: %.*s %.*s: %s%s", x->target->name,
               MR_STR(x->req.head->method_text), MR_STR(x->req.head->target),
               late ? "handler_timeout: " : "", mr_strerror(err));
    if (x->res.started) {
        x->res.broken = true; /* half an answer: the end is all that is left */
        x->res.close = true;
        return;
    }
    /* Fields were for the answer that is not coming: an error that is said to
     * be compressed, or good for a day, is none. */
    broken = x->res.broken;
    mr_response_init(&x->res, x);
    x->res.broken = broken;
    x->res.close = true;
    (void)mr_reply_status(&x->res, late ? MR_STATUS_SERVICE_UNAVAILABLE
                                        : status_for(&x->body, err));
}

MR_HOT static void call_handler(struct mr_exchange *x)
{
    const struct mr_http_target *t = x->target;
    int64_t limit = t->options.handler_timeout;
    struct mr_scope scope;
    bool late = false;
    int err;

    mr_scoreboard_add(&x->http->row->in_flight, 1);
    if (limit != MR_NEVER) {
        mr_scope_enter(&scope, mr_hub_now() + limit);
        x->patience = &scope;
    }
    /* What a report of a hang, an overflow or a list of coroutines says. */
    mr_coro_set_name(mr_coro_self(), t->name);
    err = t->handle(&x->req, &x->res, t->self);
    mr_coro_set_name(mr_coro_self(), "http");
    if (limit != MR_NEVER) {
        late = mr_scope_leave(&scope);
        x->patience = NULL;
    }
    mr_group_close(mr_group_own());
    if (late && err >= 0 && !x->res.started)
        err = -ETIMEDOUT; /* it has not looked */
    if (err < 0)
        handler_failed(x, err, late);
    else if (broke_its_word(&x->res))
        log_length(x);
    else if (!x->res.started)
        (void)mr_reply(&x->res, MR_STATUS_OK, NULL, mr_str(""));
    mr_scoreboard_add(&x->http->row->in_flight, -1);
}

/* As if another path had been asked for. 0; or -Exxx, and answered. */
static int rewrite(struct mr_exchange *x)
{
    int err = mr_rewrite(&x->host->rewrites, &x->arena, x->req.head->method,
                         &x->req.path, &x->parser.head.query);

    mr_parser_taint(&x->parser);
    if (err)
        (void)mr_reply_status(&x->res, status_of(err));
    return err;
}

/* The route; for a head that came before, the one that was found then. */
static inline enum mr_route_result route(struct mr_exchange *x,
                                         struct mr_route_match *ret)
{
    struct mr_memo_head *kept = mr_parser_kept(&x->parser);
    struct mr_str path = x->req.path;
    enum mr_route_result result;

    if (MR_LIKELY(kept && kept->found && kept->of == x->host)) {
        ret->route = kept->found;
        ret->rest = mr_route_rest(path, kept->found_at);
        return MR_ROUTE_FOUND;
    }
    result = mr_router_match(&x->host->router, x->req.head->method, path, ret);
    if (kept && result == MR_ROUTE_FOUND && x->host->rewrites.n == 0) {
        kept->of = x->host;
        kept->found = ret->route;
        kept->found_at = ret->used;
    }
    return result;
}

/* Find the handler and let it answer; or answer what needs none. */
MR_HOT static void dispatch(struct mr_exchange *x)
{
    const struct mr_request_head *head = x->req.head;
    struct mr_route_match m;
    enum mr_route_result result;
    int err;

    switch (head->form) {
    case MR_TARGET_AUTHORITY: /* a proxy's */
        x->res.close = true;
        (void)mr_reply_status(&x->res, MR_STATUS_NOT_IMPLEMENTED);
        return;
    case MR_TARGET_ASTERISK:
    case MR_TARGET_ORIGIN:
    case MR_TARGET_ABSOLUTE:
        break;
    }
    /* RFC 9110 7.4: what is to be had over TLS only came without it */
    if (head->https && !x->conn->tls) {
        (void)mr_reply_status(&x->res, MR_STATUS_MISDIRECTED_REQUEST);
        return;
    }
    /* OPTIONS *, RFC 9110 9.3.7; an absolute target without a path is it too */
    if (head->path.n == 1 && head->path.p[0] == '*') {
        (void)!mr_response_start(&x->res, MR_STATUS_NO_CONTENT, NULL, 0);
        return;
    }
    err = head->plain /* x->req.path is it already */
              ? 0
              : mr_url_decode_path(&x->arena, head->path, &x->req.path);
    if (err) {
        x->res.close = true;
        (void)mr_reply_plain_status(
            &x->res, err == -ENOMEM ? status_of(err) : MR_STATUS_BAD_REQUEST);
        return;
    }
    if (MR_UNLIKELY(x->host->rewrites.n > 0) && rewrite(x))
        return;
    result = route(x, &m);
    if (result == MR_ROUTE_FOUND) {
        x->target = m.route->target;
        x->req.route = m.route;
        x->req.rest = m.rest;
        mr_body_limit(&x->body, x->target->options.max_body,
                      x->target->options.body_timeout);
    }
    if (x->body.max >= 0 && head->content_length > (uint64_t)x->body.max) {
        x->res.close = true;
        (void)mr_reply_status(&x->res, MR_STATUS_CONTENT_TOO_LARGE);
        return;
    }
    if (result != MR_ROUTE_FOUND) {
        answer_unrouted(x, result, &m);
        return;
    }
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
    x->req.route = NULL;
    x->req.user = (struct mr_str){0};
    x->host = MR_UNLIKELY(x->http->hosts.n > 0)
                  ? mr_http_find_host(x->http, p->head.host)
                  : &x->http->home;
    x->target = NULL;
    x->in_pos += p->size;
    x->in_len -= p->size;
    x->body_base = x->in_pos;
    mr_body_begin(&x->body, &p->head, &x->http->options, &x->arena);
    mr_response_init(&x->res, x);
    x->write_patience = x->http->options.write_timeout;
    x->conn->requests++;
}

/* Has it sent more than was read? */
static bool peer_talks(const struct mr_exchange *x)
{
    const struct mr_conn *c = x->conn;

    if (x->in_len > 0)
        return true;
    /* Who says that this is his last request sends no more (RFC 9112 9.6), and
     * the last read, just now, took all there was. */
    if (!x->req.head->keep_alive && x->read_turn == mr_hub_turn() &&
        (c->tls ? mr_tls_is_drained(c->tls) : c->io.drained))
        return false;
    return mr_fd_peek(c->io.stream.fd) == MR_PEER_TALKS;
}

/* The head is whole: answer it. */
MR_HOT enum mr_next mr_dispatch_request(struct mr_exchange *x)
{
    enum mr_next next;

    /* Answers without a body gather too, and nothing else writes them. */
    if (x->out.len >= MR_GATHER_MAX && mr_exchange_flush(x))
        return MR_NEXT_CLOSE;
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
    if (x->host->access_log)
        log_access(x, x->req.head);
    if (x->res.broken)
        next = x->res.started && x->res.until_close ? MR_NEXT_RESET
                                                    : MR_NEXT_CLOSE;
    else if (x->res.close)
        next = x->body.done ? MR_NEXT_CLOSE : MR_NEXT_LINGER;
    else
        next = x->body.done || mr_body_skip(x) == 0 ? MR_NEXT_REQUEST
                                                    : MR_NEXT_LINGER;
    /* The last answer, with requests behind it that get none. */
    if (next == MR_NEXT_CLOSE && !x->res.broken && peer_talks(x))
        next = MR_NEXT_LINGER;
    mr_arena_reset(&x->arena);
    mr_parser_reset(&x->parser);
    return next;
}
