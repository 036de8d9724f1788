/* SPDX-License-Identifier: MIT */

/*
 * test_tls_server.c - HTTP over TLS: handshakes good and bad, and all that is
 * otherwise than on a plain connection.
 *
 * over budget: all of it stands on the same site and clients.
 */
#include <sys/mman.h>

#include "http/websocket.h"
#include "io/tls_priv.h"
#include "io/tls_tickets.h"
#include "tests/http/http_util.h"
#include "tests/io/certs.h"

static char why[MR_TLS_WHY];

/* --- a site and its clients --- */

static struct mr_tls_context *server_of(struct mr_tls_server_options o,
                                        const char *first, const char *second)
{
    struct mr_tls_cert c[2] = {
        {certs_path2(first, ".pem"), certs_path2(first, ".key"), NULL}};
    struct mr_tls_context *ctx = NULL;

    o.certs = c;
    o.n_certs = 1;
    if (second)
        c[o.n_certs++] = (struct mr_tls_cert){
            certs_path2(second, ".pem"), certs_path2(second, ".key"), NULL};
    if (mr_tls_server_new(&ctx, &o, why))
        CHECK_FAIL("%s", why);
    return ctx;
}

static struct mr_tls_context *client_of(enum mr_tls_version max)
{
    const struct mr_tls_client_options o = {.ca_file = certs_path("ca.pem"),
                                            .max = max};
    struct mr_tls_context *ctx = NULL;

    if (mr_tls_client_new(&ctx, &o, why))
        CHECK_FAIL("%s", why);
    return ctx;
}

static void make_certs(void)
{
    certs_make();
    certs_add(&(struct cert_spec){.file = "a", .san = "DNS:a.example"});
    certs_add(&(struct cert_spec){.file = "b", .san = "DNS:b.example"});
}

/* From here on clients go to a port of HTTPS; returned: what to close. */
static int listen_by(struct web *w, struct mr_tls_context *ctx)
{
    int fd;

    CHECK_EQ_INT(mr_addr_parse(&w->at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&w->at, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &w->at), 0);
    CHECK_EQ_INT(mr_http_listen_tls(w->http, fd, false, false, ctx), 0);
    return fd;
}

static int listen_tls(struct web *w)
{
    struct mr_tls_context *ctx;
    int fd;

    make_certs();
    ctx = server_of((struct mr_tls_server_options){0}, "a", "b");
    fd = listen_by(w, ctx);
    mr_tls_context_unref(ctx); /* it holds its own */
    return fd;
}

struct greeting {
    struct mr_tls_context *ctx;
    const char *host;
    struct mr_tls_sessions *sessions;
};

/* c->s: NULL when it failed, with why; then the socket is closed. */
static int greet(struct client *c, struct mr_tls **ret, struct greeting g)
{
    int rc = mr_tls_connect(
        ret, g.ctx, c->fd,
        &(struct mr_tls_peer){.host = g.host, .sessions = g.sessions}, why,
        mr_after_s(CLIENT_WAIT_S));

    c->s = rc ? NULL : mr_tls_stream(*ret);
    if (rc)
        c->fd = -1;
    return rc;
}

static struct client *client_tls_with(const struct web *w, struct mr_tls **ret,
                                      struct greeting g)
{
    struct client *c = client_new(w);
    struct mr_tls *t;

    if (greet(c, ret ? ret : &t, g))
        CHECK_FAIL("%s", why);
    return c;
}

static struct client *client_tls(const struct web *w)
{
    struct mr_tls_context *ctx = client_of(MR_TLS_DEFAULT);
    struct client *c =
        client_tls_with(w, NULL, (struct greeting){ctx, "a.example", NULL});

    mr_tls_context_unref(ctx);
    return c;
}

static void done(int fd)
{
    mr_fd_close(fd);
    certs_remove();
}

/* --- handlers --- */

static int says_scheme(struct mr_request *req, struct mr_response *res,
                       void *unused)
{
    (void)unused;
    return mr_reply(res, 200, "text/plain",
                    mr_str(mr_request_is_https(req) ? "https" : "http"));
}

static int echoes(struct mr_request *req, struct mr_response *res, void *unused)
{
    struct mr_str piece;
    int err = mr_response_start(res, 200, NULL, mr_request_length(req));

    (void)unused;
    while (!err && (err = mr_request_next(req, &piece)) > 0)
        err = mr_response_write(res, piece.p, piece.n);
    return err;
}

#define MUCH (3 * 1024 * 1024 + 17)

static char byte_at(size_t i)
{
    return (char)('a' + i * 31 % 23 + (i >> 13) % 3);
}

static int says_much(struct mr_request *req, struct mr_response *res,
                     void *unused)
{
    static char piece[100 * 1000];
    size_t at = 0;
    int err = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)unused;
    while (!err && at < MUCH) {
        size_t n = MR_MIN(sizeof piece, MUCH - at);

        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(at + i);
        err = mr_response_write(res, piece, n);
        at += n;
    }
    return err;
}

/* A file of MUCH bytes, or 1,000 of them from the 5th on. */
static int sends_file(struct mr_request *req, struct mr_response *res, void *fd)
{
    bool part = mr_request_query_text(req).n > 0;

    return mr_reply_file(res, 200, NULL, *(int *)fd, part ? 5 : 0,
                         part ? 1000 : MUCH);
}

/* Not the length it announced, or none and an error. */
static int breaks_off(struct mr_request *req, struct mr_response *res,
                      void *unused)
{
    int err = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)unused;
    if (!err)
        err = mr_response_write(res, "half", 4);
    if (!err)
        err = mr_response_flush(res);
    return err ? err : -EIO;
}

/* Reads an answer of MUCH bytes until the end, and checks each. */
static void read_much(struct client *c, size_t from, size_t n)
{
    size_t at = 0;

    while (at < n) {
        size_t have;

        if (c->n == 0 && client_more(c) <= 0)
            break;
        have = MR_MIN(c->n, n - at);
        for (size_t i = 0; i < have; i++) {
            if (c->in[i] != byte_at(from + at + i)) {
                CHECK_FAIL("byte %zu is another", at + i);
                return;
            }
        }
        at += have;
        client_use(c, have);
    }
    CHECK_EQ_INT(at, n);
}

/* --- what goes as without TLS --- */

WEB(requests_over_tls)
{
    struct client *c;
    int fd = listen_tls(w);

    web_route(w, "/", says_scheme, NULL);
    web_route(w, "/echo", echoes, NULL);
    c = client_tls(w);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        CHECK_EQ_STR(c->body, "https");
    }
    client_send(c, GET("/") GET("/x") GET("/"));
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(ask(c, REQUEST("POST /echo", "Content-Length: 5\r\n") "12345"),
                 200);
    CHECK_EQ_STR(c->body, "12345");
    CHECK_EQ_INT(
        ask(c,
            REQUEST("POST /echo",
                    "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\n\r\n"),
        200);
    CHECK_EQ_STR(c->body, "abc");
    CHECK_EQ_INT(ask(c, REQUEST("GET /", "Connection: close\r\n")), 200);
    CHECK_EQ_INT(client_more(c), 0); /* it says goodbye */
    client_free(c);
    CHECK_EQ_INT(w->row.tls_full, 1);
    CHECK_EQ_INT(w->row.tls_failed, 0);
    done(fd);
}

/* Its own scheme in the target is fine there, and misdirected where it is not.
 */
WEB(https_targets)
{
    struct client *c, *plain = client_new(w);
    int fd = listen_tls(w);

    web_route(w, "/", says_scheme, NULL);
    c = client_tls(w);
    CHECK_EQ_INT(ask(c, GET("https://a/")), 200);
    CHECK_EQ_STR(c->body, "https");
    CHECK_EQ_INT(ask(plain, GET("https://a/")), 421);
    CHECK_EQ_INT(ask(plain, GET("http://a/")), 200);
    CHECK_EQ_STR(plain->body, "http");
    client_free(plain);
    client_free(c);
    done(fd);
}

static void post_much(struct client *c)
{
    char *piece = malloc(MUCH);

    for (size_t i = 0; i < MUCH; i++)
        piece[i] = byte_at(i);
    client_send(c, REQUEST("POST /echo", "Content-Length: 3145745\r\n"));
    client_send_n(c, piece, MUCH);
    free(piece);
}

static intptr_t posts(void *c)
{
    post_much(c);
    return 0;
}

WEB(much_over_tls)
{
    struct client *c;
    struct mr_coro *co;
    int fd = listen_tls(w);

    web_route(w, "/echo", echoes, NULL);
    web_route(w, "/much", says_much, NULL);
    c = client_tls(w);
    co = mr_spawn(posts, c);
    CHECK_EQ_INT(client_head(c), 200);
    read_much(c, 0, MUCH);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    client_send(c, "GET /much HTTP/1.0\r\n\r\n");
    CHECK_EQ_INT(client_head(c), 200);
    read_much(c, 0, MUCH);
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
    done(fd);
}

WEB(files_over_tls)
{
    struct client *c;
    int fd = listen_tls(w), file = memfd_create("much", MFD_CLOEXEC);

    for (size_t i = 0; i < MUCH; i += 4096) {
        char page[4096];
        size_t n = MR_MIN(sizeof page, MUCH - i);

        for (size_t k = 0; k < n; k++)
            page[k] = byte_at(i + k);
        CHECK_EQ_INT(pwrite(file, page, n, (off_t)i), n);
    }
    web_route(w, "/", sends_file, &file);
    c = client_tls(w);
    client_send(c, GET("/"));
    CHECK_EQ_INT(client_head(c), 200);
    read_much(c, 0, MUCH);
    client_send(c, GET("/?part"));
    CHECK_EQ_INT(client_head(c), 200);
    read_much(c, 5, 1000);
    client_free(c);
    close(file);
    done(fd);
}

static int repeats(struct mr_websocket *ws, void *unused)
{
    struct mr_ws_message m;
    int rc;

    (void)unused;
    while ((rc = mr_websocket_recv(ws, &m, MR_NEVER)) > 0) {
        rc = mr_websocket_send(ws, m.type, m.data, MR_NEVER);
        if (rc < 0)
            break;
    }
    return rc;
}

static int upgrades(struct mr_request *req, struct mr_response *res, void *fn)
{
    (void)fn;
    return mr_websocket_serve(req, res, NULL, repeats, NULL);
}

WEB(websocket_over_tls)
{
    static const char frame[] = "\x81\x82\0\0\0\0hi";
    struct client *c;
    int fd = listen_tls(w);

    web_route(w, "/", upgrades, NULL);
    c = client_tls(w);
    client_send(c, REQUEST("GET /", "Connection: upgrade\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Sec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: "
                                    "dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    CHECK_EQ_INT(client_head(c), 101);
    for (int i = 0; i < 3; i++) {
        client_send_n(c, frame, sizeof frame - 1);
        CHECK_OK(client_find(c, "\x81\x02hi") == 4);
        client_use(c, 4);
    }
    client_free(c);
    done(fd);
}

/* --- certificates and sessions --- */

static int try_host(const struct web *w, struct mr_tls_context *ctx,
                    const char *host)
{
    struct client *c = client_new(w);
    struct mr_tls *t;
    int rc = greet(c, &t, (struct greeting){ctx, host, NULL});

    if (rc == 0)
        CHECK_EQ_INT(ask(c, GET("/")), 200);
    client_free(c);
    return rc;
}

WEB(certificates_by_name)
{
    struct mr_tls_context *ctx;
    int fd = listen_tls(w);

    web_route(w, "/", web_hello, NULL);
    ctx = client_of(MR_TLS_DEFAULT);
    CHECK_EQ_INT(try_host(w, ctx, "a.example"), 0);
    CHECK_EQ_INT(try_host(w, ctx, "b.example"), 0);
    CHECK_EQ_INT(try_host(w, ctx, "c.example"), -ENOKEY);
    mr_tls_context_unref(ctx);
    UNTIL(w->row.tls_failed > 0);
    CHECK_EQ_INT(w->row.tls_failed, 1); /* the client's alert */
    CHECK_EQ_INT(w->row.tls_full, 2);
    done(fd);
}

/* Who is connected keeps what he was greeted with. */
WEB(another_context)
{
    struct mr_tls_context *ctx, *next;
    struct client *old;
    int fd;

    make_certs();
    ctx = server_of((struct mr_tls_server_options){0}, "a", NULL);
    fd = listen_by(w, ctx);
    web_route(w, "/", web_hello, NULL);
    old = client_tls(w);
    next = server_of((struct mr_tls_server_options){0}, "b", NULL);
    mr_http_set_tls(w->http, fd, next);
    mr_tls_context_unref(ctx);
    mr_tls_context_unref(next);
    ctx = client_of(MR_TLS_DEFAULT);
    CHECK_EQ_INT(try_host(w, ctx, "a.example"), -ENOKEY);
    CHECK_EQ_INT(try_host(w, ctx, "b.example"), 0);
    CHECK_EQ_INT(ask(old, GET("/")), 200);
    client_free(old);
    mr_tls_context_unref(ctx);
    done(fd);
}

/* Two contexts are two workers: what one began the other resumes. */
WEB(sessions_between_workers)
{
    static const enum mr_tls_version versions[] = {MR_TLS_1_2, MR_TLS_1_3};
    struct mr_tls_tickets *keys;
    struct mr_tls_context *a, *b, *none;
    int fd;

    make_certs();
    CHECK_EQ_INT(mr_tls_tickets_new(&keys), 0);
    a = server_of((struct mr_tls_server_options){.tickets = keys}, "a", NULL);
    b = server_of((struct mr_tls_server_options){.tickets = keys}, "a", "b");
    none =
        server_of((struct mr_tls_server_options){.no_tickets = true}, "a", "b");
    fd = listen_by(w, a);
    web_route(w, "/", web_hello, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(versions); i++) {
        struct mr_tls_context *of[] = {a, b, a, none, none};
        const uint64_t full[] = {1, 1, 1, 2, 3}, resumed[] = {0, 1, 2, 2, 2};
        struct mr_tls_context *ctx = client_of(versions[i]);
        struct mr_tls_sessions *sessions = mr_tls_sessions_new(10);
        const struct mr_score_row before = w->row;

        for (size_t k = 0; k < MR_ARRAY_LEN(of); k++) {
            struct client *c;

            CASE("version %zu, connection %zu", i, k);
            mr_http_set_tls(w->http, fd, of[k]);
            c = client_tls_with(w, NULL,
                                (struct greeting){ctx, "a.example", sessions});
            CHECK_EQ_INT(ask(c, GET("/")), 200);
            client_free(c);
            CHECK_EQ_INT(w->row.tls_full - before.tls_full, full[k]);
            CHECK_EQ_INT(w->row.tls_resumed - before.tls_resumed, resumed[k]);
        }
        mr_tls_sessions_free(sessions);
        mr_tls_context_unref(ctx);
    }
    mr_tls_context_unref(a);
    mr_tls_context_unref(b);
    mr_tls_context_unref(none);
    CHECK_EQ_INT(mr_http_drain(w->http, MR_NEVER), 0);
    mr_tls_tickets_free(keys);
    done(fd);
}

/* --- handshakes that come to nothing --- */

WEB(plain_http_on_the_port)
{
    static const char *const asks[] = {GET("/"), "get / HTTP/1.1\r\n\r\n",
                                       "HELP\r\n"};
    int fd = listen_tls(w);

    web_route(w, "/", web_hello, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(asks); i++) {
        struct client *c = client_new(w);

        CASE("%s", asks[i]);
        CHECK_EQ_INT(ask(c, asks[i]), 400);
        CHECK_OK(strstr(c->body, "https://") != NULL);
        CHECK_EQ_STR(client_field(c, "Connection"), "close");
        CHECK_OK(client_sees_end(c));
        client_free(c);
    }
    CHECK_EQ_INT(w->row.bad_requests, 3);
    CHECK_EQ_INT(w->row.tls_failed, 0);
    done(fd);
}

/* Half a greeting, and a whole one of nonsense; and those that only look. */
WEB(handshakes_fail, .header_timeout = mr_ms(600))
{
    struct client *half, *bad, *silent, *look;
    int fd = listen_tls(w);

    half = client_new(w);
    client_send_n(half, "\x16\x03\x01\x02\0\x01\0", 7);
    CHECK_OK(client_sees_end(half));
    CHECK_EQ_INT(w->row.tls_failed, 1);
    bad = client_new(w);
    client_send_n(bad,
                  "\x16\x03\x01\0\x05"
                  "12345",
                  10);
    while (client_more(bad) > 0) /* an alert */
        ;
    CHECK_EQ_INT(w->row.tls_failed, 2);
    silent = client_new(w);
    CHECK_OK(client_sees_end(silent));
    look = client_new(w);
    client_free(look);
    UNTIL(w->row.accepted == 4 && w->row.connections == 0);
    CHECK_EQ_INT(w->row.tls_failed, 2);
    CHECK_EQ_INT(w->row.requests, 0);
    client_free(half);
    client_free(bad);
    client_free(silent);
    done(fd);
}

/* After the handshake a whole header_timeout begins, and no more. */
WEB(greets_and_says_no_more, .header_timeout = mr_ms(600))
{
    int fd = listen_tls(w);
    struct client *c = client_tls(w);

    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.tls_full, 1);
    client_free(c);
    done(fd);
}

static int write_record_part(struct client *c)
{
    static const char part[] = "\x17\x03\x03\0\x40";

    return (int)send(c->fd, part, sizeof part - 1, 0);
}

/* The beginning of a record is no rest, and gets a head's time. */
WEB(half_a_record, .header_timeout = mr_ms(600),
    .keepalive_timeout = mr_ms(3600 * 1000))
{
    struct client *c;
    int fd = listen_tls(w);

    web_route(w, "/", web_hello, NULL);
    c = client_tls(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(write_record_part(c), 5);
    CHECK_OK(client_more(c) <= 0);
    client_free(c);
    done(fd);
}

/* --- during a connection --- */

static size_t resting(const struct web *w)
{
    size_t n = 0;

    MR_LIST_EACH (node, &w->http->idle.conns)
        n++;
    return n;
}

/* New keys are no request: the connection rests on. */
WEB(client_updates_its_keys)
{
    struct mr_tls_context *ctx;
    struct client *c, *other;
    struct mr_tls *t;
    int fd = listen_tls(w);

    web_route(w, "/", web_hello, NULL);
    ctx = client_of(MR_TLS_1_3);
    c = client_tls_with(w, &t, (struct greeting){ctx, "a.example", NULL});
    other = client_tls(w);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        CHECK_EQ_INT(SSL_key_update(t->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        mr_tls_ready(t);
        CHECK_EQ_INT(SSL_do_handshake(t->ssl), 1);
        /* It is seen not later than what came after it. */
        CHECK_EQ_INT(ask(other, GET("/")), 200);
        UNTIL(resting(w) == 2);
    }
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    client_free(c);
    client_free(other);
    mr_tls_context_unref(ctx);
    done(fd);
}

/* Nor do they keep it: who sends no request is closed in time. */
WEB(new_keys_do_not_keep, .keepalive_timeout = mr_ms(300))
{
    struct mr_tls_context *ctx;
    struct client *c;
    struct mr_tls *t;
    int fd = listen_tls(w), turns = 0;
    char end;

    web_route(w, "/", web_hello, NULL);
    ctx = client_of(MR_TLS_1_3);
    c = client_tls_with(w, &t, (struct greeting){ctx, "a.example", NULL});
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    do {
        CHECK_EQ_INT(SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        mr_tls_ready(t);
        (void)!SSL_do_handshake(t->ssl); /* it may be closed by now */
        CHECK_OK(++turns < 1000);
    } while (mr_hub_wait_fd(c->fd, MR_READABLE, mr_after_ms(10)) &&
             mr_sys_recv(c->fd, &end, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN);
    client_free(c);
    mr_tls_context_unref(ctx);
    done(fd);
}

WEB(no_renegotiation)
{
    struct mr_tls_context *ctx;
    struct client *c;
    struct mr_tls *t;
    int fd = listen_tls(w), rc = -1;

    web_route(w, "/", web_hello, NULL);
    ctx = client_of(MR_TLS_1_2);
    SSL_CTX_clear_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION);
    c = client_tls_with(w, &t, (struct greeting){ctx, "a.example", NULL});
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    SSL_renegotiate(t->ssl);
    do {
        mr_tls_ready(t);
        rc = SSL_do_handshake(t->ssl);
    } while (rc < 0 && mr_tls_settle(t, rc, mr_after_s(CLIENT_WAIT_S)) == 0);
    CHECK_OK(rc <= 0);
    CHECK_EQ_INT(w->row.tls_full, 1);
    client_free(c);
    mr_tls_context_unref(ctx);
    done(fd);
}

WEB(client_goes_in_the_middle)
{
    struct client *c, *next;
    int fd = listen_tls(w);

    web_route(w, "/", says_much, NULL);
    web_route(w, "/hello", web_hello, NULL);
    c = client_tls(w);
    client_send(c, GET("/"));
    CHECK_EQ_INT(client_head(c), 200);
    client_free(c);
    UNTIL(w->row.connections == 0);
    next = client_tls(w);
    CHECK_EQ_INT(ask(next, GET("/hello")), 200);
    client_free(next);
    done(fd);
}

/* Nothing but the goodbye tells the whole answer from a part of it. */
WEB(cut_answers_have_no_goodbye)
{
    struct client *c;
    ssize_t n;
    int fd = listen_tls(w);

    web_route(w, "/", breaks_off, NULL);
    c = client_tls(w);
    client_send(c, "GET / HTTP/1.0\r\n\r\n");
    CHECK_EQ_INT(client_head(c), 200);
    while ((n = client_more(c)) > 0)
        ;
    CHECK_OK(n < 0);
    client_free(c);
    done(fd);
}

static int says_on(struct mr_request *req, struct mr_response *res,
                   void *unused)
{
    static const char piece[100 * 1000];
    int err = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)unused;
    while (!err)
        err = mr_response_write(res, piece, sizeof piece);
    return err;
}

/* Its window is full, and it takes no more. */
WEB(client_stands_still, .write_timeout = mr_ms(50))
{
    struct client *c;
    int fd = listen_tls(w);

    web_route(w, "/", says_on, NULL);
    c = client_tls(w);
    client_send(c, GET("/"));
    UNTIL(w->row.accepted == 1 && w->row.connections == 0);
    client_free(c);
    done(fd);
}

WEB(drains_with_tls, .drain_rest = mr_ms(1))
{
    struct client *rests, *asks;
    struct mr_waitq gate;
    int fd = listen_tls(w);

    mr_waitq_init(&gate);
    web_route(w, "/", web_hello, NULL);
    web_route(w, "/gate", web_gate, &gate);
    rests = client_tls(w);
    CHECK_EQ_INT(ask(rests, GET("/")), 200);
    asks = client_tls(w);
    client_send(asks, GET("/gate"));
    UNTIL(!mr_waitq_is_empty(&gate));
    CHECK_EQ_INT(mr_http_drain(w->http, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(client_more(rests), 0);
    (void)mr_waitq_wake_all(&gate, 0);
    CHECK_EQ_INT(client_answer(asks), 200);
    CHECK_EQ_STR(client_field(asks, "Connection"), "close");
    CHECK_EQ_INT(mr_http_drain(w->http, MR_NEVER), 0);
    client_free(rests);
    client_free(asks);
    done(fd);
}

/* What is answered goes out although the handler behind it waits. */
WEB(gathered_answers_go_out)
{
    struct client *c;
    struct mr_waitq gate;
    int fd = listen_tls(w);

    mr_waitq_init(&gate);
    web_route(w, "/", web_hello, NULL);
    web_route(w, "/gate", web_gate, &gate);
    c = client_tls(w);
    client_send(c, GET("/") GET("/gate"));
    CHECK_EQ_INT(client_answer(c), 200);
    UNTIL(!mr_waitq_is_empty(&gate));
    (void)mr_waitq_wake_all(&gate, 0);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "gate");
    client_free(c);
    done(fd);
}

SUITE("as without TLS", requests_over_tls, https_targets, much_over_tls,
      files_over_tls, websocket_over_tls)
SUITE("certificates and sessions", certificates_by_name, another_context,
      sessions_between_workers)
SUITE("handshakes that fail", plain_http_on_the_port, handshakes_fail,
      greets_and_says_no_more, half_a_record)
SUITE("during a connection", client_updates_its_keys, new_keys_do_not_keep,
      no_renegotiation, client_goes_in_the_middle, cut_answers_have_no_goodbye,
      client_stands_still, drains_with_tls, gathered_answers_go_out)
TEST_MAIN()
