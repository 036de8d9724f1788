/* SPDX-License-Identifier: MIT */

/*
 * test_states.c - the worst moment, in each state of a connection: the client
 * resets it, the server drains, the server is freed.
 */
#include <sys/socket.h>

#include "tests/http/http_util.h"

static char much[60000];
static struct mr_waitq gate;

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply(res, 200, NULL, mr_str("hi"));
}

static int at_gate(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = (int)mr_wait(&gate, MR_NEVER, "gate");

    (void)self;
    (void)req;
    return rc < 0 ? rc : mr_reply(res, 200, NULL, mr_str("gate"));
}

static int take(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        ;
    return rc < 0 ? rc : mr_reply(res, 200, NULL, mr_str("taken"));
}

/* Without end: it stands when the client does not read. */
static int flood(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)req;
    (void)self;
    while (rc == 0)
        rc = mr_response_write(res, much, sizeof much);
    return rc;
}

static int upgrade(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_stream *s;
    char c;
    int rc = mr_response_upgrade(res, "shout", &s);

    (void)req;
    (void)self;
    return rc < 0 ? rc : (int)mr_stream_read(s, &c, 1, MR_NEVER);
}

static intptr_t sleep_on(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

static int with_child(struct mr_request *req, struct mr_response *res,
                      void *self)
{
    CHECK_OK(mr_spawn(sleep_on, NULL));
    return at_gate(req, res, self);
}

/* ends: a drain need not wait for the client, nor for the gate */
static const struct {
    const char *what;
    const char *in;
    bool handled; /* it is in its handler then */
    bool ends;
} states[] = {
    {"fresh", "", false, true},
    {"in a head", "GET / HTTP/1.1\r\nHo", false, false},
    {"at rest", GET("/"), false, true},
    {"in a head behind an answer", GET("/") "GET /", false, false},
    {"in a body", REQUEST("POST /take", "Content-Length: 9\r\n") "abc", true,
     false},
    {"waiting for 100",
     REQUEST("POST /take", "Expect: 100-continue\r\nContent-Length: 9\r\n"),
     true, false},
    {"in a chunk",
     REQUEST("POST /take", "Transfer-Encoding: chunked\r\n") "9\r\nabc", true,
     false},
    {"in trailers",
     REQUEST("POST /take", "Transfer-Encoding: chunked\r\n") "0\r\nA: b", true,
     false},
    {"in a handler", GET("/gate"), true, false},
    {"in a handler with a child", GET("/child"), true, false},
    {"in a handler, more behind it", GET("/gate") GET("/"), true, false},
    {"in an answer that is not read", GET("/flood"), true, false},
    {"upgraded",
     REQUEST("GET /upgrade", "Connection: upgrade\r\nUpgrade: shout\r\n"), true,
     false},
    {"lingering", "rubbish\r\n\r\n", false, false},
};

static struct client *client_in_state(struct web *w, size_t i)
{
    struct client *c = client_new(w);
    uint64_t before = w->row.bytes_in;

    UNTIL(w->row.connections == 1);
    client_send(c, states[i].in);
    UNTIL(w->row.bytes_in == before + strlen(states[i].in));
    if (states[i].handled)
        UNTIL(w->row.in_flight == 1);
    else if (strstr(states[i].in, "\r\n\r\n"))
        CHECK_OK(client_answer(c) >= 200);
    return c;
}

static void open_all(struct web *w)
{
    web_open(w, &(struct mr_http_options){.drain_rest = mr_ms(1)});
    mr_waitq_init(&gate);
    web_route(w, "/", hello, NULL);
    web_route(w, "/gate", at_gate, NULL);
    web_route(w, "/child", with_child, NULL);
    web_route(w, "/take", take, NULL);
    web_route(w, "/flood", flood, NULL);
    web_route(w, "/upgrade", upgrade, NULL);
}

static void reset(struct client *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    CHECK_EQ_INT(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    client_free(c);
}

IN_HUB(reset_in_each_state)
{
    struct web w;
    struct client *c;

    open_all(&w);
    for (size_t i = 0; i < MR_ARRAY_LEN(states); i++) {
        CASE("%s", states[i].what);
        reset(client_in_state(&w, i));
        /* Who waits for something else does not look. */
        if (states[i].handled)
            (void)mr_waitq_wake_all(&gate, 0);
        UNTIL(w.row.connections == 0);
        c = client_new(&w);
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        client_free(c);
        UNTIL(w.row.connections == 0);
    }
    web_close(&w);
    return 0;
}

IN_HUB(drained_in_each_state)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(states); i++) {
        struct web w;
        struct client *c;

        CASE("%s", states[i].what);
        open_all(&w);
        c = client_in_state(&w, i);
        if (!states[i].ends) {
            CHECK_EQ_INT(mr_http_drain(w.http, mr_now()), -ETIMEDOUT);
            CHECK_EQ_INT(w.row.connections, 1);
            client_free(c);
            (void)mr_waitq_wake_all(&gate, 0);
        }
        CHECK_EQ_INT(mr_http_drain(w.http, MR_NEVER), 0);
        CHECK_EQ_INT(w.row.connections, 0);
        if (states[i].ends)
            client_free(c);
        web_close(&w);
    }
    return 0;
}

IN_HUB(freed_in_each_state)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(states); i++) {
        struct web w;
        struct client *c;

        CASE("%s", states[i].what);
        open_all(&w);
        c = client_in_state(&w, i);
        web_close(&w);
        CHECK_OK(mr_waitq_is_empty(&gate));
        while (client_more(c) > 0)
            c->n = 0;
        client_free(c);
    }
    return 0;
}

SUITE("in each state", reset_in_each_state, drained_in_each_state,
      freed_in_each_state)
TEST_MAIN()
