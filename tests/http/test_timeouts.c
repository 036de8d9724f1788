/* SPDX-License-Identifier: MIT */
/* test_timeouts.c - what a client, or a handler, may take its time for. Those
 * of a body are in test_body.c. */
#include "http/server.h"

#include "tests/http/http_util.h"

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply(res, 200, "text/plain", mr_str("hello"));
}

static int sleep_on(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return mr_sleep(MR_NEVER);
}

/* Looks at no result, and has not answered. */
static int sleep_and_see(struct mr_request *req, struct mr_response *res,
                         void *self)
{
    CHECK_EQ_INT(sleep_on(req, res, self), -ETIMEDOUT);
    return 0;
}

static void routes(struct web *w)
{
    web_route(w, "/", hello, NULL);
    web_route(w, "/sleep", sleep_on, NULL);
    web_route(w, "/see", sleep_and_see, NULL);
}

/* --- time --- */

WEB(server_times_out_a_handler, .handler_timeout = 20000000)
{
    struct client *c = client_new(w);

    routes(w);
    CHECK_EQ_INT(ask(c, GET("/sleep")), 503);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_OK(client_sees_end(c));
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/see")), 503);
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    client_free(c);
}

static int read_body(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    struct mr_str piece;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        ;
    return rc < 0 ? rc : mr_reply(res, 200, NULL, mr_str("read"));
}

/* Waiting for the client is not the handler's time: that has its own end. */
WEB(server_does_not_count_a_client_s_time, .handler_timeout = 20000000)
{
    struct client *c = client_new(w);

    web_route(w, "/", read_body, NULL);
    client_send(c, REQUEST("POST /", "Content-Length: 5\r\n"));
    for (int i = 0; i < 5; i++) {
        mr_sleep_ms(20);
        client_send(c, "x");
    }
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "read");
    client_free(c);
}

/* Waits less than the limit for each piece, and more in all. */
static int push(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)self;
    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = mr_sleep_ms(600);
        if (rc == 0)
            rc = mr_response_write(res, "x", 1);
        if (rc == 0)
            rc = mr_response_flush(res);
    }
    return rc;
}

WEB(server_begins_a_handler_s_time_anew, .handler_timeout = 1000000000)
{
    struct client *c = client_new(w);

    web_route(w, "/", push, NULL);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_STR(c->body, "xx");
    client_free(c);
}

WEB(server_times_out_a_head, .header_timeout = 200000000)
{
    struct client *c = client_new(w);

    routes(w);
    /* Not a byte: a close says enough. */
    CHECK_OK(client_sees_end(c));
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, "GET / HTTP/1.1\r\nHost:"), 408);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_OK(client_sees_end(c));
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(ask(c, "GET / HTTP/1.1\r\nHost:"), 408);
    client_free(c);
}

static intptr_t drip(void *arg)
{
    struct client *c = arg;

    while (mr_send(c->fd, "x", 1, 0, MR_NEVER) == 1 && mr_sleep_ms(1) == 0)
        ;
    return 0;
}

/* Bytes do not renew it. */
WEB(server_times_out_a_head_that_drips, .header_timeout = 300000000)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    CHECK_OK(mr_spawn(drip, c));
    CHECK_EQ_INT(client_answer(c), 408);
    mr_group_close(mr_group_own());
    client_free(c);
}

WEB(server_times_out_rest, .keepalive_timeout = 20000000)
{
    struct client *c[3];

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++)
        c[i] = client_new(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++)
        CHECK_EQ_INT(ask(c[i], GET("/")), 200);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++) {
        CHECK_OK(client_sees_end(c[i]));
        client_free(c[i]);
    }
}

static size_t peak_out;

static int flood(struct mr_request *req, struct mr_response *res, void *self)
{
    static char piece[3000];
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)self;
    while (rc == 0) {
        rc = mr_response_write(res, piece, sizeof piece);
        peak_out = MR_MAX(peak_out, req->x->out.cap);
    }
    CHECK_EQ_INT(rc, -ETIMEDOUT);
    CHECK_EQ_INT(mr_response_write(res, piece, 1), -EPIPE);
    return rc;
}

/* One that does not read is given up, and no answer piles up for it. */
WEB(server_times_out_a_write, .write_timeout = 50000000)
{
    struct client *c = client_new(w);

    web_route(w, "/", flood, NULL);
    client_send(c, GET("/"));
    UNTIL(w->row.requests == 1);
    CHECK_OK(peak_out < 64 * 1024);
    UNTIL(w->row.connections == 0);
    client_free(c);
}

SUITE("http time-outs", server_times_out_a_handler,
      server_does_not_count_a_client_s_time,
      server_begins_a_handler_s_time_anew, server_times_out_a_head,
      server_times_out_a_head_that_drips, server_times_out_rest,
      server_times_out_a_write)
TEST_MAIN()
