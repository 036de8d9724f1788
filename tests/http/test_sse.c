/* SPDX-License-Identifier: MIT */
/* test_sse.c - the format of events; a stream of them over raw sockets. */
#include "http/sse.h"

#include <signal.h>

#include "tests/core/log_file.h"
#include "tests/http/http_util.h"

#define S(text)                \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct {
    struct mr_sse_event ev;
    const char *want;
    int rc;
} cases[] = {
    {{.data = S("hello")}, "data: hello\n\n", 0},
    {{.data = S("")}, "data: \n\n", 0},
    {{.data = S("a\nb")}, "data: a\ndata: b\n\n", 0},
    {{.data = S("a\r\nb\rc\n")}, "data: a\ndata: b\ndata: c\ndata: \n\n", 0},
    {{.data = S("a\r\n")}, "data: a\ndata: \n\n", 0},
    {{.data = S("\n\r")}, "data: \ndata: \ndata: \n\n", 0},
    {{.data = S(" two spaces: kept")}, "data:  two spaces: kept\n\n", 0},
    {{.data = S("id: 1")}, "data: id: 1\n\n", 0},
    {{.id = S("7"), .name = S("tick"), .data = S("x"), .retry = 1500000000},
     "retry: 1500\nid: 7\nevent: tick\ndata: x\n\n",
     0},
    {{.id = S("")}, "id: \n\n", 0},
    {{.retry = 999999}, "\n", 0},
    {{.id = S("a\nb"), .data = S("x")}, "", -EINVAL},
    {{.id = S("a\rb"), .data = S("x")}, "", -EINVAL},
    {{.id = S("a\0b"), .data = S("x")}, "", -EINVAL},
    {{.name = S("a\n"), .data = S("x")}, "", -EINVAL},
    {{.data = S("x"), .retry = -1}, "", -EINVAL},
    {{.data = S("\xff")}, "", -EILSEQ},
    {{.name = S("\xc3"), .data = S("x")}, "", -EILSEQ},
};

TEST(sse_format)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_buf b;

        CASE("%zu: %s", i, cases[i].want);
        mr_buf_init(&b);
        EQ_INT(mr_sse_format(&b, &cases[i].ev), cases[i].rc);
        EQ_INT(mr_buf_append(&b, "", 1), 0);
        EQ_STR(mr_buf_head(&b), cases[i].want);
        mr_buf_fini(&b);
    }
}

/* --- a stream --- */

static struct mr_chan *news;
static int last_rc;
static int64_t wait_until, silence;
static char last_id[32];

static int stream(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str text;
    struct mr_sse s;
    int rc = mr_sse_open(&s, req, res, mr_ms(2000));

    (void)self;
    snprintf(last_id, sizeof last_id, "%.*s", MR_STR(mr_sse_last_id(req)));
    s.spoke -= silence;
    while (rc == 0 && (rc = mr_sse_wait(&s, news, &text, wait_until)) == 0)
        rc = mr_sse_send(&s, &(struct mr_sse_event){.data = text});
    last_rc = rc;
    if (rc == -ETIMEDOUT)
        rc = mr_sse_comment(&s, mr_str("no\nnews"));
    return mr_sse_end(rc);
}

static struct client *open_stream(struct web *w, const char *request)
{
    struct client *c = client_new(w);

    web_route(w, "/", stream, NULL);
    client_send(c, request);
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "Content-Type"), "text/event-stream");
    CHECK_EQ_STR(client_field(c, "Cache-Control"), "no-store");
    return c;
}

static void hears(struct client *c, const char *event)
{
    char chunk[256];

    snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", strlen(event), event);
    c->body_n = 0;
    CHECK_EQ_INT(client_take(c, strlen(chunk)), 0);
    CHECK_EQ_STR(c->body, chunk);
}

static void hears_end(struct client *c)
{
    c->body_n = 0;
    CHECK_EQ_INT(client_take(c, 5), 0);
    CHECK_EQ_STR(c->body, "0\r\n\r\n");
}

WEB(sse_each_event_at_once)
{
    struct mr_str text = mr_str("one\ntwo");
    struct client *c;

    wait_until = MR_NEVER;
    news = mr_chan_new(sizeof text, 1);
    c = open_stream(w, REQUEST("GET /", "Last-Event-ID: 41\r\n"));
    hears(c, "retry: 2000\n\n");
    CHECK_EQ_STR(last_id, "41");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_chan_send(news, &text, MR_NEVER), 0);
        hears(c, "data: one\ndata: two\n\n");
    }
    mr_chan_close(news);
    hears_end(c);
    CHECK_EQ_INT(last_rc, -EPIPE);
    client_free(c);
    mr_chan_free(news);
}

WEB(sse_deadline)
{
    struct client *c;

    wait_until = 1;
    news = NULL;
    c = open_stream(w, GET("/"));
    hears(c, "retry: 2000\n\n");
    hears(c, ": no\n: news\n\n");
    hears_end(c);
    CHECK_EQ_INT(last_rc, -ETIMEDOUT);
    client_free(c);
}

/* Silent for 15 s, as it seems: a comment goes out, and the wait goes on. */
WEB(sse_keeps_alive)
{
    struct mr_str text = mr_str("x");
    struct client *c;

    wait_until = MR_NEVER;
    silence = mr_ms(15000);
    news = mr_chan_new(sizeof text, 1);
    c = open_stream(w, GET("/"));
    hears(c, "retry: 2000\n\n");
    hears(c, ": \n\n");
    CHECK_EQ_INT(mr_chan_send(news, &text, MR_NEVER), 0);
    hears(c, "data: x\n\n");
    client_free(c);
    mr_chan_close(news);
    UNTIL(w->row.connections == 0);
    mr_chan_free(news);
}

/* The client goes while nothing is to be told: the handler hears of it at once,
 * not with the comment that cannot be sent, which is an hour away here. */
WEB(sse_client_leaves)
{
    struct client *c;

    wait_until = MR_NEVER;
    silence = -mr_ms(3600 * 1000);
    news = mr_chan_new(sizeof(struct mr_str), 1);
    c = open_stream(w, GET("/"));
    hears(c, "retry: 2000\n\n");
    last_rc = 0;
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(last_rc, -EPIPE);
    mr_chan_free(news);
}

WEB(sse_head)
{
    struct client *c;

    wait_until = MR_NEVER;
    news = NULL;
    c = open_stream(w, REQUEST("HEAD /", ""));
    CHECK_EQ_INT(ask(c, REQUEST("OPTIONS *", "")), 204);
    client_free(c);
}

static intptr_t drain(void *http)
{
    CHECK_EQ_INT(mr_http_drain(http, mr_after_s(30)), 0);
    return 0;
}

/* An answer without an end has one when the server leaves. */
WEB(sse_drain, .drain_rest = 1000000)
{
    struct client *c;
    struct mr_coro *co;

    wait_until = MR_NEVER;
    news = NULL;
    c = open_stream(w, GET("/"));
    hears(c, "retry: 2000\n\n");
    co = mr_spawn(drain, w->http);
    CHECK_OK(co);
    hears_end(c);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(last_rc, -EPIPE);
    client_free(c);
}

/* --- without memory --- */

/* Each allocation of an answer fails in its turn, until there are no more: what
 * the client has seen is a status that says so, whole events, or an end. */
WEB(sse_without_memory)
{
    static char long_text[5000];
    struct mr_str text = mr_str_n(long_text, sizeof long_text);
    bool failed = true;
    unsigned n;

    memset(long_text, 'x', sizeof long_text);
    signal(SIGPIPE, SIG_IGN);
    wait_until = MR_NEVER;
    web_route(w, "/", stream, NULL);
    log_to_file(); /* handlers fail */
    for (n = 1; failed && n < 500; n++) {
        struct client *c = client_new(w);
        int status;

        CASE("allocation %u", n);
        news = mr_chan_new(sizeof text, 3);
        for (int i = 0; i < 3; i++)
            CHECK_EQ_INT(mr_chan_send(news, &text, MR_NEVER), 0);
        mr_chan_close(news);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        client_send(c, GET("/"));
        status = client_answer(c);
        failed = mr_sys_calls(MR_SYS_ALLOC) >= n;
        mr_sys_fault_clear();
        CHECK_OK(status == 200 || (failed && (status == 503 || status < 0)));
        if (status == 200)
            CHECK_EQ_INT(c->body_n, strlen("retry: 2000\n\n") +
                                        3 * (text.n + strlen("data: \n\n")));
        client_free(c);
        UNTIL(w->row.connections == 0);
        mr_chan_free(news);
    }
    CHECK_OK(n > 3 && !failed);
    log_end();
}

SUITE("format", sse_format);
SUITE("stream", sse_each_event_at_once, sse_deadline, sse_keeps_alive,
      sse_client_leaves, sse_head, sse_drain, sse_without_memory);
TEST_MAIN()
