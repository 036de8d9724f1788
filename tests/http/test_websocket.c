/* SPDX-License-Identifier: MIT */
/*
 * test_websocket.c - the handshake, messages and the close over raw sockets.
 *
 * over budget: the client and the handlers that all of them share.
 */
#include "http/websocket.h"

#include <signal.h>

#include "tests/core/log_file.h"
#include "tests/http/http_util.h"
#include "tests/http/ws_util.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define UP "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define OPENING REQUEST("GET /", UP KEY V13)

/* --- a client --- */

static void say(struct client *c, unsigned first, const char *p, size_t n)
{
    char *frame = malloc(n + 14);

    if (!frame)
        abort();
    client_send_n(c, frame, (size_t)(put_frame(frame, first, p, n) - frame));
    free(frame);
}

static void say_text(struct client *c, const char *text)
{
    say(c, FIN | TEXT, text, strlen(text));
}

/* The next frame in words; "end". */
static const char *hear(struct client *c)
{
    static char words[2048];
    size_t n;

    while ((n = frame_words(mr_str_n(c->in, c->n), words, sizeof words)) == 0) {
        if (client_more(c) <= 0)
            return "end";
    }
    client_use(c, n);
    return words;
}

/* --- handlers --- */

static struct mr_websocket_options options;
static mr_websocket_fn *talk;
static int last_rc, last_code, served, echoed;

static int talk_and_tell(struct mr_websocket *ws, void *self)
{
    last_rc = talk(ws, self);
    last_code = mr_websocket_code(ws);
    return last_rc;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_websocket_serve(req, res, &options, talk_and_tell, self);

    served++;
    return rc;
}

static int echo(struct mr_websocket *ws, void *self)
{
    struct mr_ws_message m;
    int rc;

    (void)self;
    while ((rc = mr_websocket_recv(ws, &m, MR_NEVER)) > 0) {
        rc = mr_websocket_send(ws, m.type, m.data, MR_NEVER);
        if (rc < 0)
            return rc;
        echoed++;
    }
    CHECK_EQ_INT(mr_websocket_recv(ws, &m, MR_NEVER), rc);
    return rc;
}

static struct client *open_with(struct web *w, mr_websocket_fn *fn)
{
    struct client *c = client_new(w);

    talk = fn;
    served = 0;
    last_rc = last_code = -1;
    web_route(w, "/", handle, NULL);
    CHECK_EQ_INT((client_send(c, OPENING), client_head(c)), 101);
    CHECK_EQ_STR(client_field(c, "Sec-WebSocket-Accept"),
                 "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK_EQ_STR(client_field(c, "Sec-WebSocket-Extensions"), "");
    return c;
}

/* --- the handshake --- */

static const struct {
    const char *request;
    int status;
    const char *field, *value;
} openings[] = {
    {OPENING, 101, "Upgrade", "websocket"},
    {REQUEST("GET /", UP KEY V13 "Origin: http://a\r\n"), 101, "Upgrade",
     "websocket"},
    {REQUEST("GET /", UP KEY V13 "Origin: https://good.test\r\n"), 101,
     "Upgrade", "websocket"},
    {REQUEST("GET /", UP KEY V13 "Sec-WebSocket-Protocol: x, chat, y\r\n"), 101,
     "Sec-WebSocket-Protocol", "chat"},
    {REQUEST("GET /", UP KEY V13 "Sec-WebSocket-Protocol: x\r\n"), 101,
     "Sec-WebSocket-Protocol", ""},
    {GET("/"), 426, "Sec-WebSocket-Version", "13"},
    {REQUEST("GET /", "Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY V13), 426,
     "Upgrade", "websocket"},
    {REQUEST("GET /", "Upgrade: websocket\r\n" KEY V13), 426, "Upgrade",
     "websocket"},
    {REQUEST("GET /", UP KEY), 426, "Sec-WebSocket-Version", "13"},
    {REQUEST("GET /", UP KEY "Sec-WebSocket-Version: 8\r\n"), 426,
     "Sec-WebSocket-Version", "13"},
    {"GET / HTTP/1.0\r\nHost: a\r\n" UP KEY V13 "\r\n", 426, "Upgrade",
     "websocket"},
    {REQUEST("GET /", UP V13), 400, "Upgrade", ""},
    {REQUEST("GET /", UP V13 "Sec-WebSocket-Key: short\r\n"), 400, "Upgrade",
     ""},
    {REQUEST("GET /", UP V13 KEY KEY), 400, "Upgrade", ""},
    {REQUEST("GET /", UP V13 KEY "Content-Length: 1\r\n") "x", 400, "Upgrade",
     ""},
    {REQUEST("POST /", UP KEY V13), 405, "Allow", "GET"},
    {REQUEST("GET /", UP KEY V13 "Origin: http://evil.test\r\n"), 403,
     "Upgrade", ""},
    {REQUEST("GET /", UP KEY V13 "Origin: http://a.evil.test\r\n"), 403,
     "Upgrade", ""},
    {REQUEST("GET /", UP KEY V13 "Origin: null\r\n"), 403, "Upgrade", ""},
};

WEB(ws_handshake)
{
    static const char *const protocols[] = {"chat", "y", NULL};
    static const char *const origins[] = {"https://good.test", NULL};

    options.protocols = protocols;
    options.origins = origins;
    talk = echo;
    web_route(w, "/", handle, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(openings); i++) {
        struct client *c = client_new(w);

        CASE("%zu: %s", i, openings[i].request);
        client_send(c, openings[i].request);
        CHECK_EQ_INT(client_head(c), openings[i].status);
        CHECK_EQ_STR(client_field(c, openings[i].field), openings[i].value);
        if (openings[i].status == 101) {
            say_text(c, "hi");
            CHECK_EQ_STR(hear(c), "text:hi");
        }
        client_free(c);
    }
    UNTIL(w->row.connections == 0);
}

WEB(ws_any_origin)
{
    static const char *const origins[] = {"*", NULL};
    struct client *c = client_new(w);

    options.origins = origins;
    talk = echo;
    web_route(w, "/", handle, NULL);
    client_send(c, REQUEST("GET /", UP KEY V13 "Origin: http://b\r\n"));
    CHECK_EQ_INT(client_head(c), 101);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(last_rc, -ENODATA);
    CHECK_EQ_INT(last_code, MR_WS_ABNORMAL);
}

/* --- messages --- */

WEB(ws_echo)
{
    struct client *c = open_with(w, echo);
    char *big = malloc(100000);

    if (!big)
        abort();
    memset(big, 'x', 100000);
    say_text(c, "hello");
    CHECK_EQ_STR(hear(c), "text:hello");
    say(c, FIN | BINARY, big, 100000);
    CHECK_EQ_STR(hear(c), "binary:100000");
    say(c, TEXT, "a", 1);
    say(c, FIN | PING, "now", 3);
    CHECK_EQ_STR(hear(c), "pong:now");
    say(c, FIN, "b", 1);
    CHECK_EQ_STR(hear(c), "text:ab");
    say(c, FIN | CLOSE, "\x03\xe9out", 5);
    CHECK_EQ_STR(hear(c), "close:1001 out");
    CHECK_EQ_STR(hear(c), "end");
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(last_rc, 0);
    CHECK_EQ_INT(last_code, 1001);
    free(big);
}

/* Frames that came with the request are not lost. */
WEB(ws_frames_behind_the_request)
{
    char in[512], *end;
    struct client *c = client_new(w);

    talk = echo;
    web_route(w, "/", handle, NULL);
    end = stpcpy(in, OPENING);
    end = put_frame(end, FIN | TEXT, "early", 5);
    client_send_n(c, in, (size_t)(end - in));
    CHECK_EQ_INT(client_head(c), 101);
    CHECK_EQ_STR(hear(c), "text:early");
    client_free(c);
    UNTIL(w->row.connections == 0);
}

static const struct {
    unsigned first;
    const char *p;
    size_t n;
    const char *want;
    int rc;
} wrongs[] = {
    {FIN | 3, "", 0, "close:1002", -EPROTO},
    {FIN | TEXT, "\xff", 1, "close:1007", -EILSEQ},
    {FIN | BINARY, "0123456789a", 11, "close:1009", -EMSGSIZE},
    {FIN | CLOSE, "\x03\xed", 2, "close:1002", -EPROTO},
};

/* The code is read, though the client goes on sending: no reset overtakes it.
 * And none of it is logged as the handler's error. */
WEB(ws_wrong_frames)
{
    options.max_message = 10;
    for (size_t i = 0; i < MR_ARRAY_LEN(wrongs); i++) {
        struct client *c;

        CASE("%zu", i);
        c = i == 0 ? open_with(w, echo) : client_new(w);
        if (i > 0) {
            client_send(c, OPENING);
            CHECK_EQ_INT(client_head(c), 101);
        }
        say(c, wrongs[i].first, wrongs[i].p, wrongs[i].n);
        for (int k = 0; k < 20; k++)
            say_text(c, "more");
        CHECK_EQ_STR(hear(c), wrongs[i].want);
        CHECK_EQ_STR(hear(c), "end");
        CHECK_EQ_INT(client_more(c), 0);
        client_free(c);
        UNTIL(w->row.connections == 0);
        CHECK_EQ_INT(last_rc, wrongs[i].rc);
    }
}

/* --- time --- */

static int one_try(struct mr_websocket *ws, void *self)
{
    struct mr_ws_message m;

    (void)self;
    CHECK_EQ_INT(mr_websocket_recv(ws, &m, mr_now()), -ETIMEDOUT);
    CHECK_EQ_INT(mr_websocket_code(ws), 0);
    CHECK_EQ_INT(mr_websocket_send(ws, MR_WS_TEXT, mr_str("\xff"), MR_NEVER),
                 -EILSEQ);
    CHECK_EQ_INT(mr_websocket_send(ws, MR_WS_TEXT, mr_str("go on"), MR_NEVER),
                 0);
    CHECK_EQ_INT(mr_websocket_recv(ws, &m, MR_NEVER), 1);
    return mr_str_is(m.data, "fine") ? 0 : -EIO;
}

WEB(ws_deadline)
{
    struct client *c = open_with(w, one_try);

    CHECK_EQ_STR(hear(c), "text:go on");
    say_text(c, "fine");
    CHECK_EQ_STR(hear(c), "close:1000");
    say(c, FIN | CLOSE, "\x03\xe8", 2);
    CHECK_EQ_STR(hear(c), "end");
    client_free(c);
    UNTIL(w->row.connections == 0);
}

WEB(ws_pings_when_silent)
{
    struct client *c;

    options.ping_every = mr_ms(20);
    c = open_with(w, echo);
    CHECK_EQ_STR(hear(c), "ping:");
    say(c, FIN | PONG, "", 0);
    CHECK_EQ_STR(hear(c), "ping:");
    CHECK_EQ_STR(hear(c), "end"); /* no answer: as if it had gone */
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(last_rc, -ECONNABORTED);
}

static int fails(struct mr_websocket *ws, void *self)
{
    (void)ws;
    (void)self;
    return -EIO;
}

/* A peer that does not answer our Close has its time, and no more. */
WEB(ws_close_not_answered)
{
    struct client *c;

    options.close_timeout = mr_ms(50);
    c = open_with(w, fails);
    CHECK_EQ_STR(hear(c), "close:1011");
    CHECK_EQ_STR(hear(c), "end");
    UNTIL(w->row.connections == 0);
    client_free(c);
}

static int floods(struct mr_websocket *ws, void *self)
{
    static char big[256 * 1024];
    int rc = 0;

    (void)self;
    while (rc == 0)
        rc = mr_websocket_send(ws, MR_WS_BINARY, mr_str_n(big, sizeof big),
                               MR_NEVER);
    CHECK_EQ_INT(mr_websocket_send(ws, MR_WS_TEXT, mr_str("x"), MR_NEVER), rc);
    return rc;
}

/* Who takes nothing is cut; what goes out is never half a frame's rest. */
WEB(ws_slow_receiver)
{
    struct client *c;

    options.write_timeout = mr_ms(20);
    options.close_timeout = mr_ms(20);
    c = open_with(w, floods);
    UNTIL(served == 1);
    CHECK_EQ_INT(last_rc, -ETIMEDOUT);
    client_free(c);
    UNTIL(w->row.connections == 0);
}

/* --- several coroutines --- */

static intptr_t send_ten(void *arg)
{
    for (int i = 0; i < 10; i++) {
        int rc = mr_websocket_send(arg, MR_WS_TEXT, mr_str("from a child"),
                                   MR_NEVER);

        CHECK_EQ_INT(rc, 0);
        (void)mr_yield();
    }
    UNTIL(echoed);
    CHECK_EQ_INT(mr_websocket_close(arg, 999, NULL), -EINVAL);
    CHECK_EQ_INT(mr_websocket_close(arg, 3000, "enough"), 0);
    CHECK_EQ_INT(mr_websocket_close(arg, 3000, NULL), -EPIPE);
    return 0;
}

static intptr_t floods_beside(void *ws)
{
    return floods(ws, NULL);
}

static int hears_of_a_child(struct mr_websocket *ws, void *self)
{
    struct mr_ws_message got;

    (void)self;
    return mr_spawn(floods_beside, ws) ? mr_websocket_recv(ws, &got, MR_NEVER)
                                       : -ENOMEM;
}

/* Who waits to receive is told that a write has failed; nothing else ends the
 * wait here. */
WEB(ws_slow_receiver_of_a_child)
{
    struct client *c;

    options.write_timeout = mr_ms(20);
    options.close_timeout = mr_ms(20);
    options.ping_every = MR_NEVER;
    c = open_with(w, hears_of_a_child);
    UNTIL(served == 1);
    CHECK_EQ_INT(last_rc, -ETIMEDOUT);
    client_free(c);
    UNTIL(w->row.connections == 0);
}

static int with_child(struct mr_websocket *ws, void *self)
{
    (void)self;
    return mr_spawn(send_ten, ws) ? echo(ws, NULL) : -ENOMEM;
}

WEB(ws_child_sends_and_closes)
{
    struct client *c = open_with(w, with_child);

    say_text(c, "mine");
    for (int i = 0, mine = 0; i < 11; i++) {
        const char *words = hear(c);

        mine += strcmp(words, "text:mine") == 0;
        CHECK_OK(mine <= 1);
        CHECK_OK(strcmp(words, "text:mine") == 0 ||
                 strcmp(words, "text:from a child") == 0);
    }
    CHECK_EQ_STR(hear(c), "close:3000 enough");
    say(c, FIN | CLOSE, "\x0b\xb8", 2);
    CHECK_EQ_STR(hear(c), "end");
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(last_rc, 0);
}

/* --- the server leaves --- */

static intptr_t drain(void *http)
{
    CHECK_EQ_INT(mr_http_drain(http, mr_after_s(30)), 0);
    return 0;
}

WEB(ws_drain)
{
    struct client *c = open_with(w, echo);
    struct mr_coro *co;

    say_text(c, "hi");
    CHECK_EQ_STR(hear(c), "text:hi");
    co = mr_spawn(drain, w->http);
    CHECK_OK(co);
    CHECK_EQ_STR(hear(c), "close:1001");
    say(c, FIN | CLOSE, "\x03\xe9", 2);
    CHECK_EQ_STR(hear(c), "end");
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(last_rc, 0);
    client_free(c);
}

/* Cut off in the midst of a receive: it is told why all the same. */
WEB(ws_server_freed)
{
    struct client *c;

    options.close_timeout = mr_ms(50);
    c = open_with(w, echo);
    say_text(c, "hi");
    CHECK_EQ_STR(hear(c), "text:hi");
    mr_http_free(w->http);
    CHECK_EQ_INT(mr_http_new(&w->http, &(struct mr_http_options){0}, &w->row),
                 0);
    CHECK_EQ_STR(hear(c), "close:1001");
    CHECK_EQ_STR(hear(c), "end");
    CHECK_EQ_INT(last_rc, -ECANCELED);
    client_free(c);
}

/* --- without memory --- */

/* What is said and heard until the end: false when it came early, which must be
 * a status that says so, a Close, or the connection's end, and no half frame.
 */
static bool converse(struct client *c, const char *much, size_t n)
{
    static const char *const answers[] = {"text:hello", "text:in two",
                                          "binary:100000", "close:1000"};
    int status = (client_send(c, OPENING), client_head(c));

    if (status != 101) {
        CHECK_OK(status == 503 || status == 500 || status < 0);
        return false;
    }
    say_text(c, "hello");
    say(c, TEXT, "in ", 3);
    say(c, FIN | PING, "p", 1);
    say(c, FIN, "two", 3);
    say(c, FIN | BINARY, much, n);
    for (size_t i = 0; i < MR_ARRAY_LEN(answers); i++) {
        const char *heard;

        if (i == 3) /* what is said after it is not echoed */
            say(c, FIN | CLOSE, "\x03\xe8", 2);
        heard = hear(c);
        if (strcmp(heard, "pong:p") == 0) /* whenever it was read */
            heard = hear(c);
        if (strcmp(heard, answers[i]) == 0)
            continue;
        if (strcmp(heard, "close:1011") != 0)
            CHECK_EQ_STR(heard, "end");
        return false;
    }
    return true;
}

/* Each allocation fails in its turn, until there are no more of them. */
WEB(ws_without_memory)
{
    static char much[100000];
    bool failed = true;
    unsigned n;

    signal(SIGPIPE, SIG_IGN);
    options = (struct mr_websocket_options){0};
    talk = echo;
    web_route(w, "/", handle, NULL);
    log_to_file(); /* handlers fail */
    for (n = 1; failed && n < 500; n++) {
        struct client *c = client_new(w);
        bool whole;

        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        whole = converse(c, much, sizeof much);
        failed = mr_sys_calls(MR_SYS_ALLOC) >= n;
        mr_sys_fault_clear();
        CHECK_OK(whole || failed);
        client_free(c);
        UNTIL(w->row.connections == 0);
    }
    CHECK_OK(n > 5 && !failed);
    log_end();
}

SUITE("handshake", ws_handshake, ws_any_origin);
SUITE("messages", ws_echo, ws_frames_behind_the_request, ws_wrong_frames);
SUITE("time", ws_deadline, ws_pings_when_silent, ws_close_not_answered,
      ws_slow_receiver);
SUITE("company", ws_slow_receiver_of_a_child, ws_child_sends_and_closes,
      ws_drain, ws_server_freed, ws_without_memory);
TEST_MAIN()
