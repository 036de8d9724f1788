/* SPDX-License-Identifier: MIT */
/* test_conn.c - a connection: heads, pipelining, keep-alive, rest, its end. */
#include "http/conn.h"

#include "tests/http/http_util.h"

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    return mr_reply(res, 200, "text/plain", mr_request_rest(req));
}

/* The body's bytes are counted as they come. */
static int count(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    size_t n = 0;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        n += piece.n;
    return rc < 0 ? rc : mr_reply_printf(res, 200, "%zu", n);
}

/* --- the queue of requests --- */

/* One read, one write, and in order. */
WEB(conn_pipelines)
{
    struct client *c;
    char want[16];

    web_route(w, "/", hello, NULL);
    c = client_new(w);
    mr_sys_fault(MR_SYS_SEND, 0, 0);
    for (int i = 0; i < 16; i++) {
        snprintf(c->head, sizeof c->head, GET("/%d"), i);
        memcpy(c->in + c->n, c->head, strlen(c->head));
        c->n += strlen(c->head);
    }
    client_send_n(c, c->in, c->n);
    c->n = 0;
    for (int i = 0; i < 16; i++) {
        CHECK_EQ_INT(client_answer(c), 200);
        snprintf(want, sizeof want, "/%d", i);
        CHECK_EQ_STR(c->body, want);
    }
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND) + mr_sys_calls(MR_SYS_SENDMSG), 2);
    CHECK_EQ_INT(w->row.requests, 16);
    client_free(c);
}

static struct mr_waitq gate;

static int wait_at_gate(struct mr_request *req, struct mr_response *res,
                        void *self)
{
    intptr_t rc = mr_wait(&gate, MR_NEVER, "gate");

    (void)self;
    return rc < 0 ? (int)rc : mr_reply(res, 200, NULL, mr_request_target(req));
}

/* A handler that waits holds back no answer that was ready before it. */
WEB(conn_answers_before_a_wait)
{
    struct client *c;

    mr_waitq_init(&gate);
    web_route(w, "/", hello, NULL);
    web_route(w, "/gate", wait_at_gate, NULL);
    c = client_new(w);
    client_send(c, GET("/1") GET("/2") GET("/gate") GET("/3"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "/1");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "/2");
    UNTIL(!mr_waitq_is_empty(&gate));
    CHECK_EQ_INT(w->row.in_flight, 1);
    mr_waitq_wake_one(&gate, 0);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "/gate");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "/3");
    client_free(c);
}

/* Many answers without a body are written before they pile up. */
WEB(conn_gathers_within_bounds, .max_head = 64 * 1024)
{
    struct client *c;
    int n = 0;

    web_route(w, "/", hello, NULL);
    c = client_new(w);
    mr_sys_fault(MR_SYS_SEND, 0, 0);
    while (c->n + 40 < 64 * 1024) {
        c->n += (size_t)snprintf(c->in + c->n, 64, "%s", REQUEST("HEAD /", ""));
        n++;
    }
    client_send_n(c, c->in, c->n);
    c->n = 0;
    for (int i = 0; i < n; i++)
        CHECK_EQ_INT(client_head(c), 200);
    CHECK_OK(mr_sys_calls(MR_SYS_SEND) + mr_sys_calls(MR_SYS_SENDMSG) > 8);
    client_free(c);
}

/* --- heads, however they are cut --- */

WEB(conn_reads_bytes_one_by_one)
{
    static const char text[] =
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2;x=y\r\nab\r\n3\r\ncde\r\n0\r\nT: u\r\n\r\n";
    struct client *c;

    web_route(w, "/count", count, NULL);
    c = client_new(w);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        client_send_n(c, text + i, 1);
        UNTIL(w->row.bytes_in == i + 1);
    }
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "3");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "5");
    client_free(c);
}

/* A head of n bytes for five bytes of body. */
static size_t put_head(char *out, size_t n)
{
    static const char first[] =
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: ";
    size_t at = sizeof first - 1;

    memcpy(out, first, at);
    memset(out + at, 'x', n - at - 4);
    memcpy(out + n - 4, "\r\n\r\n", 4);
    return n;
}

WEB(conn_takes_heads_up_to_the_limit, .max_head = 1024)
{
    for (size_t n = 1020; n < 1030; n++) {
        struct client *c = client_new(w);
        bool fits = n <= 1024;

        CASE("%zu bytes", n);
        if (n == 1020)
            web_route(w, "/count", count, NULL);
        put_head(c->in, n);
        memcpy(c->in + n, "hello", 5);
        client_send_n(c, c->in, n + 5);
        CHECK_EQ_INT(client_answer(c), fits ? 200 : 431);
        if (fits)
            CHECK_EQ_STR(c->body, "5");
        else
            CHECK_OK(client_sees_end(c));
        client_free(c);
    }
}

/* A request whose head ends where the buffer ends, behind a chunked body: its
 * own body had no room, and the worker died of it. */
WEB(conn_has_room_for_a_body_behind_any_head, .max_head = 1024)
{
    static const char first[] = "POST /count HTTP/1.1\r\nHost: a\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n";
    const size_t cap = 1024 + MR_BODY_ROOM, head = sizeof first - 1;
    /* Where in the stream the buffer's end is after the second read. */
    const size_t end = 1025 + cap - head;

    web_route(w, "/count", count, NULL);
    for (size_t off = end - 90; off < end + 90; off += off < end - 3 ? 29 : 1) {
        struct client *c = client_new(w);
        size_t data = off - head - 80 - 13, n;
        char want[16];

        CASE("the second head ends %zd bytes off", (ssize_t)(off - end));
        n = head +
            (size_t)snprintf(c->in, sizeof c->in, "%s%06zx\r\n", first, data) -
            head;
        memset(c->in + n, 'x', data);
        n += data;
        memcpy(c->in + n, "\r\n0\r\n\r\n", 7);
        n += 7;
        n += put_head(c->in + n, off - n);
        CHECK_EQ_INT(n, off);
        memcpy(c->in + n, "hello", 5);
        client_send_n(c, c->in, n + 5);
        CHECK_EQ_INT(client_answer(c), 200);
        snprintf(want, sizeof want, "%zu", data);
        CHECK_EQ_STR(c->body, want);
        CHECK_EQ_INT(client_answer(c), 200);
        CHECK_EQ_STR(c->body, "5");
        client_free(c);
    }
}

/* --- keep-alive --- */

static const struct {
    const char *in;
    const char *connection; /* of the answer */
    bool stays;
} lives[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", "", true},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close", false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "close",
     false},
    {"GET / HTTP/1.0\r\n\r\n", "close", false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "keep-alive", true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "close", false},
    {"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
    {"GET /%2f HTTP/1.1\r\nHost: a\r\n\r\n", "close", false},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "close", false},
};

WEB(conn_lives_as_asked)
{
    web_route(w, "GET /", hello, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(lives); i++) {
        struct client *c = client_new(w);

        CASE("%s", lives[i].in);
        client_send(c, lives[i].in);
        CHECK_OK(client_answer(c) >= 200);
        CHECK_EQ_STR(client_field(c, "Connection"), lives[i].connection);
        if (lives[i].stays)
            CHECK_EQ_INT(ask(c, GET("/probe")), 200);
        else
            CHECK_OK(client_sees_end(c));
        client_free(c);
    }
}

/* What was sent behind the last request gets no answer, and its unread bytes
 * do not reset the answers away. */
WEB(conn_ends_after_the_last, .max_requests = 2)
{
    struct client *c;
    char *much = calloc(1, 100000);

    web_route(w, "/", hello, NULL);
    c = client_new(w);
    client_send(c, GET("/1") GET("/2") GET("/3"));
    client_send_n(c, much, 100000);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.requests, 2);
    client_free(c);
    free(much);
}

/* After a bad request nothing is answered; what came before it is. */
WEB(conn_stops_at_a_bad_request)
{
    struct client *c;

    web_route(w, "/", hello, NULL);
    c = client_new(w);
    client_send(c, GET("/1") "GET / HTTP/1.1\nHost: a\r\n\r\n" GET("/2"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_answer(c), 400);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.bad_requests, 1);
    CHECK_EQ_INT(w->row.responses_4xx, 1);
    client_free(c);
}

/* One that is told off and goes on sending is heard for a while, not for
 * ever; and one that ends inside a head is owed no answer. */
WEB(conn_lingers_within_bounds)
{
    struct client *c = client_new(w);
    char *much = calloc(1, 1 << 20);

    client_send(c, "rubbish\r\n\r\n");
    CHECK_EQ_INT(client_answer(c), 400);
    CHECK_EQ_INT(w->row.connections, 1);
    client_send_n(c, much, 1 << 20);
    UNTIL(w->row.connections == 0);
    CHECK_OK(w->row.bytes_in < 1024);
    client_free(c);
    free(much);
    c = client_new(w);
    client_send(c, "GET / HT");
    mr_sys_shutdown(c->fd, SHUT_WR);
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
}

WEB(conn_answers_options_of_all)
{
    struct client *c;

    web_route(w, "/x", hello, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, REQUEST("OPTIONS *", "")), 204);
    CHECK_EQ_STR(client_field(c, "Content-Length"), "");
    CHECK_EQ_INT(ask(c, REQUEST("OPTIONS http://a", "")), 204);
    CHECK_EQ_INT(ask(c, REQUEST("GET http://b/x?y", "")), 200);
    /* what is secured is not to be had without (RFC 9110 7.4) */
    CHECK_EQ_INT(ask(c, REQUEST("GET https://a/x", "")), 421);
    CHECK_EQ_INT(ask(c, REQUEST("OPTIONS https://a", "")), 421);
    CHECK_EQ_INT(ask(c, GET("/x")), 200);
    client_free(c);
}

/* --- at rest --- */

WEB(conn_at_rest_holds_no_stack)
{
    size_t before = mr_stack_stats().taken;
    struct client *c = client_new(w);
    struct mr_conn *conn;

    web_route(w, "/", hello, NULL);
    UNTIL(!mr_list_is_empty(&w->http->fresh.conns));
    CHECK_EQ_INT(mr_stack_stats().taken, before);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        UNTIL(!mr_list_is_empty(&w->http->idle.conns));
        mr_yield();
        CHECK_EQ_INT(mr_stack_stats().taken, before);
        conn = mr_container_of(w->http->idle.conns.next, struct mr_conn, node);
        CHECK_EQ_PTR(conn->x, NULL);
        CHECK_EQ_INT(w->http->pool_n, 1);
    }
    client_free(c);
    UNTIL(w->row.connections == 0);
}

/* A client that has said its last word still gets the answer. */
WEB(conn_answers_a_half_closed_client)
{
    struct client *c;

    mr_waitq_init(&gate);
    web_route(w, "/", hello, NULL);
    web_route(w, "/gate", wait_at_gate, NULL);
    c = client_new(w);
    client_send(c, GET("/1") GET("/gate"));
    mr_sys_shutdown(c->fd, SHUT_WR);
    CHECK_EQ_INT(client_answer(c), 200);
    UNTIL(!mr_waitq_is_empty(&gate));
    mr_waitq_wake_one(&gate, 0);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
}

/* --- a client that goes --- */

static int64_t gone_said;

static int wait_gone(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    (void)res;
    (void)self;
    gone_said = mr_request_wait_gone(req, MR_NEVER);
    CHECK_OK(mr_request_is_gone(req));
    CHECK_EQ_INT(mr_request_wait_gone(req, MR_NEVER), 0);
    return -EPIPE;
}

WEB(conn_tells_that_the_client_is_gone)
{
    struct client *c;

    gone_said = 1;
    web_route(w, "/", wait_gone, NULL);
    c = client_new(w);
    client_send(c, GET("/"));
    UNTIL(w->row.in_flight == 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(gone_said, 0);
}

/* What it pipelined lies unread, in front of its end. */
WEB(conn_tells_gone_behind_a_pipelined_request)
{
    struct client *c;
    uint64_t polls;

    gone_said = 1;
    web_route(w, "/", wait_gone, NULL);
    c = client_new(w);
    client_send(c, GET("/"));
    UNTIL(w->row.in_flight == 1);
    client_send(c, GET("/"));
    /* The hook sees it before the end. */
    polls = mr_hub_stats(mr_hub_self()).polls;
    UNTIL(mr_hub_stats(mr_hub_self()).polls > polls + 2);
    CHECK_EQ_INT(gone_said, 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(gone_said, 0);
}

static bool busy;

static intptr_t be_busy(void *unused)
{
    (void)unused;
    while (busy && mr_yield() == 0)
        ;
    return 0;
}

/* With a long run queue the kernel is asked again before the request is read,
 * and the hook disarmed itself for its bytes: the end went unnoticed. */
WEB(conn_tells_gone_under_load)
{
    struct client *c;

    busy = true;
    gone_said = 1;
    web_route(w, "/", wait_gone, NULL);
    c = client_new(w);
    for (int i = 0; i < 1000; i++)
        CHECK_OK(mr_spawn(be_busy, NULL));
    client_send(c, GET("/"));
    UNTIL(w->row.in_flight == 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(gone_said, 0);
    busy = false;
    mr_group_close(mr_group_own());
}

/* --- a handler's children --- */

static int children_ended;

static intptr_t child(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ECANCELED);
    children_ended++;
    return 0;
}

static int with_children(struct mr_request *req, struct mr_response *res,
                         void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(children_ended % 3, 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(mr_spawn(child, NULL));
    mr_yield();
    return mr_reply_printf(res, 200, "%d", children_ended);
}

WEB(conn_joins_children)
{
    struct client *c;

    children_ended = 0;
    web_route(w, "/", with_children, NULL);
    c = client_new(w);
    client_send(c, GET("/1") GET("/2"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "0");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "3");
    UNTIL(children_ended == 6);
    client_free(c);
}

SUITE("http connections: requests", conn_pipelines, conn_answers_before_a_wait,
      conn_gathers_within_bounds, conn_reads_bytes_one_by_one,
      conn_takes_heads_up_to_the_limit,
      conn_has_room_for_a_body_behind_any_head, conn_lives_as_asked,
      conn_ends_after_the_last, conn_stops_at_a_bad_request,
      conn_lingers_within_bounds, conn_answers_options_of_all,
      conn_joins_children)
SUITE("http connections: rest and end", conn_at_rest_holds_no_stack,
      conn_answers_a_half_closed_client, conn_tells_that_the_client_is_gone,
      conn_tells_gone_under_load, conn_tells_gone_behind_a_pipelined_request)
TEST_MAIN()
