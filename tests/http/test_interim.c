/* SPDX-License-Identifier: MIT */
/* test_interim.c - answers before the final one, and the end of HTTP: 101. */
#include "tests/http/http_util.h"

/* --- early hints --- */

static struct mr_waitq gate;

static int hint(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(mr_response_header(res, "Link", "</a.css>; rel=preload"), 0);
    CHECK_EQ_INT(mr_response_interim(res, 100), -EINVAL);
    CHECK_EQ_INT(mr_response_interim(res, 101), -EINVAL);
    CHECK_EQ_INT(mr_response_interim(res, 200), -EINVAL);
    CHECK_EQ_INT(mr_response_interim(res, 103), 0);
    (void)!mr_wait(&gate, MR_NEVER, "gate");
    CHECK_EQ_INT(mr_response_header(res, "X-Late", "1"), 0);
    CHECK_EQ_INT(mr_reply(res, 200, "text/plain", mr_str("page")), 0);
    CHECK_EQ_INT(mr_response_interim(res, 103), -EALREADY);
    return 0;
}

/* They are there while the handler still waits; and an answer before them in
 * the pipeline goes out before. */
WEB(interim_hints_come_early)
{
    struct client *c = client_new(w);

    mr_waitq_init(&gate);
    web_route(w, "/", hint, NULL);
    client_send(c, REQUEST("OPTIONS *", "") GET("/"));
    CHECK_EQ_INT(client_head(c), 204);
    CHECK_EQ_INT(client_head(c), 103);
    CHECK_EQ_STR(client_field(c, "Link"), "</a.css>; rel=preload");
    CHECK_EQ_STR(client_field(c, "X-Late"), "");
    CHECK_EQ_STR(client_field(c, "Content-Length"), "");
    CHECK_EQ_STR(client_field(c, "Transfer-Encoding"), "");
    UNTIL(!mr_waitq_is_empty(&gate));
    CHECK_EQ_INT(c->n, 0);
    mr_waitq_wake_one(&gate, 0);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "page");
    CHECK_EQ_STR(client_field(c, "Link"), "</a.css>; rel=preload");
    CHECK_EQ_STR(client_field(c, "X-Late"), "1");
    CHECK_EQ_INT(w->row.responses_1xx, 1);
    client_free(c);
}

WEB(interim_is_not_for_1_0)
{
    struct client *c = client_new(w);

    mr_waitq_init(&gate);
    web_route(w, "/", hint, NULL);
    client_send(c, "GET / HTTP/1.0\r\n\r\n");
    UNTIL(!mr_waitq_is_empty(&gate));
    mr_waitq_wake_one(&gate, 0);
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "page");
    CHECK_EQ_INT(w->row.responses_1xx, 0);
    client_free(c);
}

/* --- upgrades --- */

static int upgrade_error;

/* Takes the connection, and sends back in capitals what comes, to its end. */
static int shout(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_stream *s;
    struct mr_str piece;
    char c;
    int rc;

    CHECK_EQ_INT(mr_response_header(res, "X-Accept", "yes"), 0);
    while ((rc = mr_request_next(req, &piece)) > 0)
        ;
    upgrade_error = mr_response_upgrade(res, self, &s);
    if (upgrade_error)
        return mr_reply(res, 200, "text/plain", mr_str("plain"));
    CHECK_OK(mr_response_is_started(res));
    CHECK_EQ_INT(mr_response_upgrade(res, self, &s), -EALREADY);
    CHECK_EQ_INT(mr_reply(res, 200, NULL, mr_str("")), -EALREADY);
    while ((rc = (int)mr_stream_read(s, &c, 1, mr_after_s(30))) > 0) {
        size_t pending = mr_stream_pending(s);

        CHECK_OK(pending < 100);
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        rc = mr_stream_write_all(s, &c, 1, mr_after_s(30));
        if (rc)
            return rc;
    }
    mr_stream_close(s); /* the server's to close: does nothing */
    return rc;
}

#define ASKS(name) "Connection: Upgrade\r\nUpgrade: " name "\r\n"

/* What came behind the request is the stream's first; then the socket. */
WEB(interim_upgrade_takes_the_connection, .handler_timeout = 100000000)
{
    static char protocol[] = "shout/1";
    struct client *c = client_new(w);

    web_route(w, "/", shout, protocol);
    client_send(c, GET("/") REQUEST("GET /", ASKS("h2c, SHOUT/1")) "GET / ht");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_head(c), 101);
    CHECK_EQ_STR(client_field(c, "Upgrade"), "shout/1");
    CHECK_EQ_STR(client_field(c, "Connection"), "upgrade");
    CHECK_EQ_STR(client_field(c, "X-Accept"), "yes");
    CHECK_EQ_STR(client_field(c, "Content-Length"), "");
    CHECK_EQ_STR(client_field(c, "Transfer-Encoding"), "");
    CHECK_EQ_INT(client_take(c, 8), 0);
    CHECK_EQ_STR(c->body, "GET / HT");
    mr_sleep_ms(200); /* above the handler's time, which ends with HTTP */
    client_send(c, "hello");
    c->body_n = 0;
    CHECK_EQ_INT(client_take(c, 5), 0);
    CHECK_EQ_STR(c->body, "HELLO");
    mr_sys_shutdown(c->fd, SHUT_WR);
    CHECK_EQ_INT(client_more(c), 0);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(w->row.requests, 2);
    CHECK_EQ_INT(w->row.responses_1xx, 1);
    client_free(c);
}

/* With Expect the body's 100 comes before the 101 (RFC 9110 7.8). */
WEB(interim_continue_comes_before_the_upgrade)
{
    static char protocol[] = "shout";
    struct client *c = client_new(w);

    web_route(w, "/", shout, protocol);
    client_send(c, REQUEST("POST /", ASKS("shout") "Expect: 100-continue\r\n"
                                                   "Content-Length: 2\r\n"));
    CHECK_EQ_INT(client_head(c), 100);
    client_send(c, "okabc");
    CHECK_EQ_INT(client_head(c), 101);
    CHECK_EQ_INT(client_take(c, 3), 0);
    CHECK_EQ_STR(c->body, "ABC");
    client_free(c);
}

static const struct {
    const char *in;
    const char *protocol;
    int error;
} refusals[] = {
    {GET("/"), "shout", -EPROTONOSUPPORT},
    {REQUEST("GET /", "Upgrade: shout\r\n"), "shout", -EPROTONOSUPPORT},
    {REQUEST("GET /", "Connection: upgrade\r\n"), "shout", -EPROTONOSUPPORT},
    {REQUEST("GET /", ASKS("h2c")), "shout", -EPROTONOSUPPORT},
    {REQUEST("GET /", ASKS("shout/2")), "shout/1", -EPROTONOSUPPORT},
    {REQUEST("GET /", ASKS("shout")), "shout/1", -EPROTONOSUPPORT},
    {REQUEST("GET /", ASKS("shout")), "a b", -EINVAL},
    {REQUEST("GET /", ASKS("shout")), "shout/", -EINVAL},
    {REQUEST("GET /", ASKS("shout")), "", -EINVAL},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\n"
     "Upgrade: shout\r\n\r\n",
     "shout", -EPROTONOSUPPORT},
};

/* The request is answered as if it had not asked, and HTTP goes on. */
WEB(interim_upgrade_is_refused_cleanly)
{
    char protocol[16];

    web_route(w, "/", shout, protocol);
    for (size_t i = 0; i < MR_ARRAY_LEN(refusals); i++) {
        struct client *c = client_new(w);

        CASE("%s as %s", refusals[i].in, refusals[i].protocol);
        snprintf(protocol, sizeof protocol, "%s", refusals[i].protocol);
        CHECK_EQ_INT(ask(c, refusals[i].in), 200);
        CHECK_EQ_INT(upgrade_error, refusals[i].error);
        CHECK_EQ_STR(c->body, "plain");
        CHECK_EQ_STR(client_field(c, "Upgrade"), "");
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        client_free(c);
    }
}

static int hasty(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_stream *s;

    (void)req;
    CHECK_EQ_INT(mr_response_upgrade(res, self, &s), -EBUSY);
    return mr_reply(res, 200, NULL, mr_str(""));
}

WEB(interim_upgrade_waits_for_the_body)
{
    static char protocol[] = "shout";
    struct client *c = client_new(w);

    web_route(w, "/", hasty, protocol);
    CHECK_EQ_INT(
        ask(c, REQUEST("POST /", ASKS("shout") "Content-Length: 1\r\n") "x"),
        200);
    client_free(c);
}

/* The server's end is the handler's. */
static int wait_for_bytes(struct mr_request *req, struct mr_response *res,
                          void *self)
{
    struct mr_stream *s;
    char c;
    int rc = mr_response_upgrade(res, self, &s);

    (void)req;
    CHECK_EQ_INT(rc, 0);
    rc = (int)mr_stream_read(s, &c, 1, MR_NEVER);
    CHECK_EQ_INT(rc, -ECANCELED);
    return rc;
}

WEB(interim_upgraded_ends_with_the_server)
{
    static char protocol[] = "shout";
    struct client *c = client_new(w);

    web_route(w, "/", wait_for_bytes, protocol);
    client_send(c, REQUEST("GET /", ASKS("shout")));
    CHECK_EQ_INT(client_head(c), 101);
    CHECK_EQ_INT(mr_http_drain(w->http, mr_now()), -ETIMEDOUT);
    client_free(c);
}

SUITE("interim answers", interim_hints_come_early, interim_is_not_for_1_0)
SUITE("upgrades", interim_upgrade_takes_the_connection,
      interim_continue_comes_before_the_upgrade,
      interim_upgrade_is_refused_cleanly, interim_upgrade_waits_for_the_body,
      interim_upgraded_ends_with_the_server)
TEST_MAIN()
