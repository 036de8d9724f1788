/* SPDX-License-Identifier: MIT */
/* test_body.c - a request's body as the handler reads it, or does not. */
#include "http/body.h"

#include "tests/http/http_util.h"

/* --- handlers --- */

static int body_error; /* what the last handler's reading ended with */

/* Reads all of it, piece by piece, and answers with it. */
static int gather(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    struct mr_buf all;
    int rc;

    (void)self;
    mr_buf_init(&all);
    while ((rc = mr_request_next(req, &piece)) > 0) {
        CHECK_OK(piece.n > 0);
        CHECK_EQ_INT(mr_buf_append(&all, piece.p, piece.n), 0);
    }
    body_error = rc;
    if (rc == 0) {
        CHECK_EQ_INT(mr_request_next(req, &piece), 0);
        rc = mr_reply(res, 200, NULL, mr_buf_view(&all));
    } else {
        CHECK_EQ_INT(mr_request_next(req, &piece), rc); /* sticky */
    }
    mr_buf_fini(&all);
    return rc;
}

/* The same through a buffer of three bytes. */
static int sip(struct mr_request *req, struct mr_response *res, void *self)
{
    char all[512], three[3];
    size_t n = 0;
    ssize_t rc;

    (void)self;
    CHECK_EQ_INT(mr_request_read(req, three, 0), 0);
    while ((rc = mr_request_read(req, three, sizeof three)) > 0) {
        CHECK_OK(n + (size_t)rc <= sizeof all);
        memcpy(all + n, three, (size_t)rc);
        n += (size_t)rc;
    }
    return rc < 0 ? (int)rc : mr_reply(res, 200, NULL, mr_str_n(all, n));
}

/* Reads one sip and leaves the rest. */
static int taste(struct mr_request *req, struct mr_response *res, void *self)
{
    char c;
    ssize_t rc = mr_request_read(req, &c, 1);

    (void)self;
    return rc < 0 ? (int)rc : mr_reply(res, 200, NULL, mr_str_n(&c, 1));
}

static int ignore(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    return mr_reply_printf(res, 200, "%lld", (long long)mr_request_length(req));
}

/* Answers first and reads then. */
static int answer_first(struct mr_request *req, struct mr_response *res,
                        void *self)
{
    struct mr_str piece;
    int rc = mr_response_start(res, 200, NULL, 5);

    (void)self;
    if (rc == 0)
        rc = mr_response_flush(res);
    while (rc == 0 && (rc = mr_request_next(req, &piece)) > 0)
        rc = mr_response_write(res, piece.p, piece.n);
    return rc;
}

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

static void routes(struct web *w)
{
    web_route(w, "/gather", gather, NULL);
    web_route(w, "/sip", sip, NULL);
    web_route(w, "/taste", taste, NULL);
    web_route(w, "/ignore", ignore, NULL);
    web_route(w, "/first", answer_first, NULL);
}

#define POST(path, fields, body) REQUEST("POST " path, fields) body
#define LENGTH(n) "Content-Length: " #n "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

/* --- whole bodies, and a request behind each --- */

static const struct {
    const char *in;
    const char *body;
} wholes[] = {
    {POST("/gather", LENGTH(5), "hello"), "hello"},
    {POST("/gather", LENGTH(0), ""), ""},
    {POST("/gather", "", ""), ""},
    {POST("/gather", CHUNKED, "5\r\nhello\r\n0\r\n\r\n"), "hello"},
    {POST("/gather", CHUNKED, "0\r\n\r\n"), ""},
    {POST("/gather", CHUNKED,
          "1\r\na\r\n00002;x=\"y\"\r\nbc\r\n0\r\nA: b\r\n\r\n"),
     "abc"},
    {POST("/sip", LENGTH(7), "sevenxx"), "sevenxx"},
    {POST("/sip", CHUNKED, "4\r\nfour\r\n1\r\n!\r\n0\r\n\r\n"), "four!"},
    {POST("/taste", LENGTH(7), "sevenxx"), "s"},
    {POST("/taste", CHUNKED, "4\r\nfour\r\n1\r\n!\r\n0\r\n\r\n"), "f"},
    {POST("/ignore", LENGTH(7), "sevenxx"), "7"},
    {POST("/first", LENGTH(5), "hello"), "hello"},
    {POST("/first", "Expect: 100-continue\r\n" LENGTH(5), "hello"), "hello"},
    /* bytes of the body came: the client did not wait for 100 */
    {POST("/gather", "Expect: 100-continue\r\n" LENGTH(5), "hello"), "hello"},
    {"POST /gather HTTP/1.0\r\nExpect: 100-continue\r\nConnection: "
     "keep-alive\r\n" LENGTH(5) "\r\nhello",
     "hello"},
    {POST("/none", LENGTH(5), "hello"), "404 Not Found\n"},
};

WEB(body_is_followed_by_the_next_request)
{
    struct client *c = client_new(w);
    char text[1024];

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(wholes); i++) {
        bool ends =
            strstr(wholes[i].in, "taste") && strstr(wholes[i].in, "chunk");

        CASE("%s", wholes[i].in);
        snprintf(text, sizeof text, "%s%s", wholes[i].in, GET("/gather"));
        client_send(c, text);
        CHECK_OK(client_answer(c) >= 200);
        CHECK_EQ_STR(c->body, wholes[i].body);
        if (!ends) {
            CHECK_EQ_INT(client_answer(c), 200);
            CHECK_EQ_STR(c->body, "");
            continue;
        }
        /* An unread end of unknown length: the client was told. */
        CHECK_EQ_STR(client_field(c, "Connection"), "close");
        CHECK_OK(client_sees_end(c));
        client_free(c);
        c = client_new(w);
    }
    client_free(c);
}

/* --- what is not read --- */

static const struct {
    size_t n;
    bool stays;
} unread[] = {{1, true}, {256 * 1024, true}, {256 * 1024 + 1, false}};

/* Up to 256 KiB are read for the next request's sake. Above, the connection
 * ends, announced, and no reset takes the answer away. */
WEB(body_unread_is_skipped_or_ends_the_connection)
{
    char *much = calloc(1, 256 * 1024 + 1);
    char head[256];

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(unread); i++) {
        struct client *c = client_new(w);

        CASE("%zu", unread[i].n);
        snprintf(head, sizeof head,
                 POST("/ignore", "Content-Length: %zu\r\n", ""), unread[i].n);
        client_send(c, head);
        client_send_n(c, much, unread[i].n);
        CHECK_EQ_INT(client_answer(c), 200);
        CHECK_EQ_STR(client_field(c, "Connection"),
                     unread[i].stays ? "" : "close");
        if (unread[i].stays)
            CHECK_EQ_INT(ask(c, GET("/ignore")), 200);
        else
            CHECK_EQ_INT(client_more(c), 0);
        client_free(c);
    }
    free(much);
}

/* --- 100 Continue --- */

#define EXPECT "Expect: 100-continue\r\n"

WEB(body_continue_is_sent_when_it_is_read)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, GET("/gather") POST("/gather", EXPECT LENGTH(5), ""));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_head(c), 100);
    CHECK_EQ_INT(w->row.responses_1xx, 1);
    client_send(c, "hello");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "hello");
    CHECK_EQ_INT(ask(c, POST("/sip", EXPECT CHUNKED, "")), 100);
    CHECK_EQ_INT(ask(c, "2\r\nhi\r\n0\r\n\r\n"), 200);
    CHECK_EQ_STR(c->body, "hi");
    client_free(c);
}

/* Nobody read it, so the client shall not send it; that it will not cannot be
 * known, so the connection ends. */
WEB(body_continue_is_not_sent_unread)
{
    struct client *c = client_new(w);

    routes(w);
    CHECK_EQ_INT(ask(c, POST("/ignore", EXPECT LENGTH(5), "")), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.responses_1xx, 0);
    client_free(c);
}

/* It came in the middle of the answer. A client that sees an answer in place of
 * 100 may keep its body, and send another request: what was read as the body
 * then was that. So the connection ends, and the answer says so. */
WEB(body_continue_is_not_sent_after_the_answer_began)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, POST("/first", EXPECT LENGTH(5), ""));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_INT(w->row.responses_1xx, 0);
    client_send(c, "hello" GET("/gather"));
    CHECK_EQ_INT(client_take(c, 5), 0);
    CHECK_EQ_STR(c->body, "hello");
    CHECK_OK(client_sees_end(c));
    CHECK_EQ_INT(w->row.requests, 1);
    client_free(c);
}

/* The client began to send; the rest of its body needs no word from us. */
WEB(body_continue_is_not_sent_to_the_hasty)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, POST("/gather", EXPECT LENGTH(5), "hel"));
    UNTIL(w->row.in_flight == 1);
    client_send(c, "lo");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "hello");
    CHECK_EQ_INT(w->row.responses_1xx, 0);
    client_free(c);
}

/* --- what goes wrong --- */

static const struct {
    const char *in;
    bool half_close;
    int error, status;
} wrongs[] = {
    {POST("/gather", LENGTH(101), ""), false, 1, 413},
    {POST("/gather", EXPECT LENGTH(101), ""), false, 1, 413},
    {POST("/gather", LENGTH(9223372036854775807), ""), false, 1, 413},
    {POST("/gather", CHUNKED,
          "33\r\n012345678901234567890123456789012345678901234567890\r\n"
          "33\r\n012345678901234567890123456789012345678901234567890\r\n"
          "0\r\n\r\n"),
     false, -EFBIG, 413},
    {POST("/gather", CHUNKED, "x\r\n"), false, -EPROTO, 400},
    {POST("/gather", CHUNKED, "2\r\nabc\r\n0\r\n\r\n"), false, -EPROTO, 400},
    {POST("/gather", CHUNKED, "2\nab\r\n0\r\n\r\n"), false, -EPROTO, 400},
    {POST("/gather", CHUNKED, "FFFFFFFFFFFFFFFFF\r\n"), false, -EPROTO, 400},
    {POST("/gather", CHUNKED, "0\r\nContent-Length: 1\r\n\r\n"), false, -EPROTO,
     400},
    {POST("/gather", LENGTH(5), "hel"), true, -ENODATA, 400},
    {POST("/gather", CHUNKED, "5\r\nhel"), true, -ENODATA, 400},
};

/* One answer, then the end: never two. */
WEB(body_errors_end_the_connection, .max_body = 100)
{
    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(wrongs); i++) {
        struct client *c = client_new(w);

        CASE("%zu: %s", i, wrongs[i].in);
        body_error = 1;
        client_send(c, wrongs[i].in);
        if (wrongs[i].half_close)
            mr_sys_shutdown(c->fd, SHUT_WR);
        else
            client_send(c, GET("/gather"));
        CHECK_EQ_INT(client_answer(c), wrongs[i].status);
        CHECK_EQ_STR(client_field(c, "Connection"), "close");
        CHECK_EQ_INT(client_more(c), 0);
        CHECK_EQ_INT(body_error, wrongs[i].error);
        client_free(c);
    }
    CHECK_EQ_INT(w->row.responses_5xx, 0);
}

WEB(body_at_the_limit, .max_body = 5)
{
    struct client *c = client_new(w);

    routes(w);
    CHECK_EQ_INT(ask(c, POST("/gather", LENGTH(5), "hello")), 200);
    CHECK_EQ_INT(ask(c, POST("/gather", CHUNKED, "5\r\nhello\r\n0\r\n\r\n")),
                 200);
    client_free(c);
}

WEB(body_that_stops_is_timed_out, .body_timeout = 20000000)
{
    struct client *c = client_new(w);

    routes(w);
    CHECK_EQ_INT(ask(c, POST("/gather", LENGTH(5), "hel")), 408);
    CHECK_EQ_INT(body_error, -ETIMEDOUT);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
    /* Also one that nobody reads. */
    c = client_new(w);
    CHECK_EQ_INT(ask(c, POST("/ignore", LENGTH(5), "hel")), 200);
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
}

static intptr_t drip(void *arg)
{
    struct client *c = arg;

    while (mr_send(c->fd, "x", 1, 0, MR_NEVER) == 1 && mr_sleep_ms(1) == 0)
        ;
    return 0;
}

/* Each byte comes in time, all of them would take an hour: a rate is asked
 * for. */
WEB(body_that_drips_is_timed_out, .body_timeout = 200000000)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, POST("/gather", LENGTH(4000000), ""));
    CHECK_OK(mr_spawn(drip, c));
    CHECK_EQ_INT(client_answer(c), 408);
    CHECK_EQ_INT(body_error, -ETIMEDOUT);
    mr_group_close(mr_group_own());
    client_free(c);
}

/* Slow, but above the rate: 64 pieces of 4 KiB, each after a wait, are more
 * than one time-out long. */
WEB(body_above_the_rate_is_taken, .body_timeout = 600000000)
{
    static char piece[4096];
    struct client *c = client_new(w);

    routes(w);
    web_route(w, "/n", count, NULL);
    client_send(c, POST("/n", LENGTH(262144), ""));
    for (int i = 0; i < 64; i++) {
        mr_sleep_ms(10);
        client_send_n(c, piece, sizeof piece);
    }
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "262144");
    client_free(c);
}

/* --- trailers --- */

static int tell_trailers(struct mr_request *req, struct mr_response *res,
                         void *self)
{
    const struct mr_headers *t;
    struct mr_str piece;
    int rc;

    (void)self;
    CHECK_EQ_PTR(mr_request_trailers(req), NULL);
    while ((rc = mr_request_next(req, &piece)) > 0)
        CHECK_EQ_PTR(mr_request_trailers(req), NULL);
    if (rc < 0)
        return rc;
    CHECK_EQ_PTR(mr_request_header(req, "x-sum").p, NULL);
    t = mr_request_trailers(req);
    if (!t)
        return mr_reply(res, 200, NULL, mr_str("none"));
    return mr_reply(res, 200, NULL, mr_headers_get(t, "x-sum"));
}

WEB(body_trailers_stand_apart)
{
    struct client *c = client_new(w);

    web_route(w, "/", tell_trailers, NULL);
    CHECK_EQ_INT(ask(c, POST("/", CHUNKED "Trailer: X-Sum\r\n",
                             "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n")),
                 200);
    CHECK_EQ_STR(c->body, "7");
    CHECK_EQ_INT(ask(c, POST("/", CHUNKED, "1\r\na\r\n0\r\n\r\n")), 200);
    CHECK_EQ_STR(c->body, "none");
    CHECK_EQ_INT(ask(c, POST("/", LENGTH(1), "a")), 200);
    CHECK_EQ_STR(c->body, "none");
    CHECK_EQ_INT(ask(c, POST("/", CHUNKED, "1\r\na\r\n0\r\nHost: b\r\n\r\n")),
                 400);
    client_free(c);
}

/* Of any size, in the memory of one buffer. */
WEB(body_is_streamed)
{
    char *much = calloc(1, 1 << 20);
    struct client *c = client_new(w);

    routes(w);
    web_route(w, "/count", ignore, NULL);
    for (int i = 0; i < 2; i++) {
        char head[128];
        size_t left = 8 << 20;

        snprintf(head, sizeof head,
                 POST("/gather", "Content-Length: %d\r\n", ""), 100000);
        client_send(c, head);
        client_send_n(c, much, 100000);
        CHECK_EQ_INT(client_answer(c), 200);
        CHECK_EQ_INT(c->body_n, 100000);
        client_send(c, POST("/ignore", LENGTH(8388608), ""));
        for (; left > 0; left -= 1 << 20)
            client_send_n(c, much, 1 << 20);
        CHECK_EQ_INT(client_answer(c), 200);
        client_free(c);
        c = client_new(w);
    }
    client_free(c);
    free(much);
}

SUITE("http bodies", body_is_followed_by_the_next_request,
      body_unread_is_skipped_or_ends_the_connection,
      body_continue_is_sent_when_it_is_read, body_continue_is_not_sent_unread,
      body_continue_is_not_sent_after_the_answer_began,
      body_continue_is_not_sent_to_the_hasty, body_errors_end_the_connection,
      body_at_the_limit, body_that_stops_is_timed_out,
      body_that_drips_is_timed_out, body_above_the_rate_is_taken,
      body_trailers_stand_apart, body_is_streamed)
TEST_MAIN()
