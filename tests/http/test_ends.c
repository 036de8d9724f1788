/* SPDX-License-Identifier: MIT */

/*
 * test_ends.c - how connections end when something else happens at the same
 * moment: each test is named for a bug that was there.
 */
#include <sys/socket.h>

#include "core/coro_priv.h"
#include "tests/http/http_util.h"

#define BIG 60000
static char big[BIG];

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply(res, 200, NULL, mr_str("hi"));
}

/* The group is closed between the event and the coroutine's first turn. */
WEB(freed_before_the_first_turn)
{
    struct client *c;

    web_route(w, "/", hello, NULL);
    c = client_new(w);
    UNTIL(w->row.connections == 1);
    client_send(c, GET("/"));
    UNTIL(w->http->group.live == 1);
    CHECK_EQ_INT(w->row.requests, 0);
    client_free(c);
}

/* A stream that takes its cancellation for its end, and so keeps alive. */
static int feed(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)self;
    if (rc == 0)
        rc = mr_response_write(res, "a", 1);
    if (rc == 0)
        rc = mr_response_flush(res);
    if (rc == 0)
        (void)!mr_sleep(MR_NEVER);
    return rc;
}

IN_HUB(no_timer_outlives_the_server)
{
    struct web w;
    struct client *c;

    web_open(&w, &(struct mr_http_options){.drain_rest = mr_ms(60000)});
    web_route(&w, "/", feed, NULL);
    c = client_new(&w);
    client_send(c, GET("/"));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_INT(mr_http_drain(w.http, mr_now()), -ETIMEDOUT);
    web_close(&w);
    CHECK_EQ_INT(mr_thread.hub->timers.n, 0);
    client_free(c);
    return 0;
}

/* Many who leave together: their ends are seen without a stack for each. A few
 * are hired as this coroutine is READY too. */
WEB(leaving_takes_few_stacks)
{
    struct client *c[100];
    struct mr_stack_stats before, after;

    web_route(w, "/", hello, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++) {
        c[i] = client_new(w);
        if (i % 2 == 0)
            CHECK_EQ_INT(ask(c[i], GET("/")), 200);
    }
    UNTIL(w->row.connections == MR_ARRAY_LEN(c));
    before = mr_stack_stats();
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++)
        client_free(c[i]);
    UNTIL(w->row.connections == 0);
    after = mr_stack_stats();
    CHECK_OK(after.cached + after.taken <
             before.cached + before.taken + MR_ARRAY_LEN(c) / 3);
    CHECK_EQ_INT(w->row.requests, MR_ARRAY_LEN(c) / 2);
}

/* --- the last answer --- */

static struct mr_waitq gate;

static int big_behind_the_gate(struct mr_request *req, struct mr_response *res,
                               void *self)
{
    (void)req;
    (void)self;
    (void)!mr_wait(&gate, MR_NEVER, "gate");
    return mr_reply(res, 200, NULL, mr_str_n(big, sizeof big));
}

static void receive_little(int fd)
{
    int size = 2048;

    CHECK_EQ_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

/* A request that came meanwhile gets no answer, but the reset that unread bytes
 * bring must not cut the one before it short. */
WEB(last_answer_is_whole, .max_requests = 1)
{
    struct client *c;

    mr_waitq_init(&gate);
    web_route(w, "/", big_behind_the_gate, NULL);
    c = client_new(w);
    receive_little(c->fd);
    client_send(c, GET("/"));
    UNTIL(!mr_waitq_is_empty(&gate));
    client_send(c, GET("/"));
    CHECK_OK(mr_waitq_wake_one(&gate, 0));
    /* The server is done with it before the client reads on. */
    UNTIL(w->row.requests == 1);
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "content-length"), "60000");
    for (size_t left = BIG - c->n; c->n = 0, left > 0;) {
        ssize_t n = client_more(c);

        CHECK_OK(n > 0);
        if (n <= 0)
            break;
        left -= MR_MIN((size_t)n, left);
    }
    client_free(c);
}

/* A client whose window is small from the first packet on. */
static struct client *narrow_client(const struct web *w)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->fd =
        mr_sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK_OK(c->fd >= 0);
    receive_little(c->fd);
    CHECK_EQ_INT(mr_sys_connect(c->fd, &w->at.sa, w->at.len), -EINPROGRESS);
    CHECK_EQ_INT(mr_hub_wait_fd(c->fd, MR_WRITABLE, MR_NEVER), 0);
    return c;
}

static int fifteen(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply(res, 200, NULL, mr_str_n(big, 15000));
}

/* Half an answer, then its write times out while half a head waits: what the
 * client counts as the first one's body must not be a 408. */
IN_HUB(nothing_follows_a_cut_answer)
{
    struct web w;
    struct client *c;
    int size = 2048;

    memset(big, 'a', sizeof big);
    web_open(&w, &(struct mr_http_options){.write_timeout = mr_ms(50)});
    CHECK_EQ_INT(setsockopt(w.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                 0);
    web_route(&w, "/", fifteen, NULL);
    c = narrow_client(&w);
    client_send(c, GET("/") "GET /next HTTP/1.1\r\nHo");
    UNTIL(w.row.accepted == 1 && w.row.connections == 0);
    while (client_more(c) > 0)
        ;
    CHECK_OK(memmem(c->in, c->n, "HTTP/1.1 408", 12) == NULL);
    client_free(c);
    web_close(&w);
    return 0;
}

static int pieces_sent; /* -1: it was cut */

static int in_pieces(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)self;
    for (int i = 0; i < 100 && rc == 0; i++, pieces_sent++)
        rc = mr_response_write(res, big, 20000);
    if (rc)
        pieces_sent = -1;
    CHECK_EQ_INT(rc, -ETIMEDOUT);
    return rc;
}

/* Each piece goes in time, all of them do not: a slow client's time is not
 * begun anew by a handler that writes a little at a time. */
IN_HUB(slow_reader_is_cut_whatever_the_pieces)
{
    struct web w;
    struct client *c;
    int size = 4096;

    web_open(&w, &(struct mr_http_options){.write_timeout = mr_ms(400)});
    CHECK_EQ_INT(setsockopt(w.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                 0);
    web_route(&w, "/", in_pieces, NULL);
    c = narrow_client(&w);
    pieces_sent = 0;
    client_send(c, GET("/"));
    /* 2 KiB in 20 ms: a piece in half of the time, and a unit in twice. */
    while (mr_recv(c->fd, c->in, 2048, 0, MR_NEVER) > 0)
        CHECK_EQ_INT(mr_sleep_ms(20), 0);
    UNTIL(w.row.connections == 0);
    CHECK_EQ_INT(pieces_sent, -1);
    client_free(c);
    web_close(&w);
    return 0;
}

/* --- closes that the server decides on --- */

static struct client *hasty;

/* While this one computes, its client has sent another request. */
static int computes(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    client_send(hasty, GET("/"));
    return mr_reply(res, 200, "text/plain", mr_str("the last one"));
}

/* A close with unread bytes would be a reset, and the answer may be lost by it
 * (RFC 9112 9.6). */
WEB(close_behind_a_request_that_came_meanwhile, .max_requests = 1)
{
    ssize_t n;

    web_route(w, "/", computes, NULL);
    hasty = client_new(w);
    CHECK_EQ_INT(ask(hasty, GET("/")), 200);
    CHECK_EQ_STR(client_field(hasty, "Connection"), "close");
    while ((n = client_more(hasty)) > 0)
        continue;
    CHECK_EQ_INT(n, 0);
    client_free(hasty);
}

/* --- several coroutines of one handler --- */

static intptr_t write_pieces(void *res)
{
    static const char a[20000] = {[0 ... 19999] = 'a'};
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++)
        rc = mr_response_write(res, a, sizeof a);
    return rc;
}

static int write_from_two(struct mr_request *req, struct mr_response *res,
                          void *self)
{
    struct mr_coro *other;
    intptr_t its = -1;
    int rc = mr_response_start(res, 200, NULL, *(int *)self);

    (void)req;
    other = mr_spawn(write_pieces, res);
    CHECK_OK(other != NULL);
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = mr_response_write(res, "b", 1);
        if (rc == 0)
            rc = mr_response_write(res, big, 15000);
        if (rc == 0)
            rc = mr_response_flush(res);
    }
    CHECK_EQ_INT(mr_join(other, &its, MR_NEVER), 0);
    CHECK_EQ_INT(its, 0);
    return rc;
}

/* The second's bytes went into the buffer that the first was writing from, and
 * were dropped with it, or it moved meanwhile. */
IN_HUB(two_coroutines_write_one_answer)
{
    enum { ALL = 3 * 20000 + 3 * 15001 };
    struct web w;
    int length, size = 2048;

    memset(big, 'c', sizeof big);
    web_open(&w, &(struct mr_http_options){0});
    CHECK_EQ_INT(setsockopt(w.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                 0);
    web_route(&w, "/", write_from_two, &length);
    for (int i = 0; i < 2; i++) {
        struct client *c = narrow_client(&w);
        size_t n[3] = {0};

        length = i ? ALL : -1;
        CASE("length %d", length);
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        CHECK_EQ_INT(c->body_n, ALL);
        for (size_t k = 0; k < c->body_n; k++) {
            CHECK_OK(c->body[k] >= 'a' && c->body[k] <= 'c');
            n[(c->body[k] - 'a') % 3]++;
        }
        CHECK_EQ_INT(n[0], 60000);
        CHECK_EQ_INT(n[1], 3);
        CHECK_EQ_INT(n[2], 45000);
        client_free(c);
    }
    web_close(&w);
    return 0;
}

/* --- errors --- */

static int fields_then_error(struct mr_request *req, struct mr_response *res,
                             void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(mr_response_header(res, "Content-Encoding", "gzip"), 0);
    CHECK_EQ_INT(mr_response_header(res, "Content-Type", "image/png"), 0);
    CHECK_EQ_INT(mr_response_header(res, "ETag", "\"x\""), 0);
    CHECK_EQ_INT(mr_response_header(res, "Cache-Control", "max-age=9999"), 0);
    return -EIO;
}

/* The error's text was said to be a compressed image, good for hours. */
WEB(an_error_has_no_fields_of_the_answer)
{
    static const char *const gone[] = {"Content-Encoding", "ETag",
                                       "Cache-Control"};
    struct client *c;

    web_route(w, "/", fields_then_error, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 500);
    for (size_t i = 0; i < MR_ARRAY_LEN(gone); i++)
        CHECK_EQ_STR(client_field(c, gone[i]), "");
    CHECK_EQ_STR(client_field(c, "Content-Type"), "text/plain; charset=utf-8");
    CHECK_OK(client_sees_end(c));
    client_free(c);
}

/* RFC 9110 9.3.2, however bad the rest of it is. */
WEB(refused_head_has_no_body)
{
    static const char *const bad[] = {
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n",
        "HEAD #x HTTP/1.1\r\n",
        "HEAD / HTTP/2.0\r\n\r\n",
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        struct client *c = client_new(w);

        CASE("%s", bad[i]);
        client_send(c, bad[i]);
        CHECK_OK(client_head(c) >= 400);
        CHECK_OK(client_sees_end(c));
        CHECK_EQ_INT(c->n, 0);
        client_free(c);
    }
}

/* --- half-closed --- */

static int answer_when_gone(struct mr_request *req, struct mr_response *res,
                            void *self)
{
    (void)self;
    CHECK_EQ_INT(mr_request_wait_gone(req, MR_NEVER), 0);
    return mr_reply(res, 200, NULL, mr_str("gone"));
}

/* It asked for more before it ended its half: the close reset both answers
 * away. */
WEB(asked_before_the_half_close)
{
    struct client *c;

    web_route(w, "/", hello, NULL);
    web_route(w, "/gone", answer_when_gone, NULL);
    c = client_new(w);
    client_send(c, GET("/gone"));
    UNTIL(w->row.in_flight == 1);
    client_send(c, GET("/"));
    mr_sys_shutdown(c->fd, SHUT_WR);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "gone");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "hi");
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
}

/* --- a server that is freed by its own handler --- */

static int free_server(struct mr_request *req, struct mr_response *res,
                       void *self)
{
    (void)req;
    (void)res;
    mr_http_free(*(struct mr_http **)self);
    return 0;
}

IN_HUB_DIES(freed_by_its_own_handler, "is_inside")
{
    struct web w;
    struct client *c;

    web_open(&w, &(struct mr_http_options){0});
    web_route(&w, "/", free_server, &w.http);
    c = client_new(&w);
    (void)ask(c, GET("/"));
    client_free(c);
    web_close(&w);
    return 0;
}

SUITE("ends", freed_before_the_first_turn, no_timer_outlives_the_server,
      leaving_takes_few_stacks, last_answer_is_whole,
      nothing_follows_a_cut_answer, slow_reader_is_cut_whatever_the_pieces,
      close_behind_a_request_that_came_meanwhile,
      two_coroutines_write_one_answer, an_error_has_no_fields_of_the_answer,
      refused_head_has_no_body, asked_before_the_half_close,
      freed_by_its_own_handler)
TEST_MAIN()
