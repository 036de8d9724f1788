/* SPDX-License-Identifier: MIT */
/*
 * test_client_send.c - requests with bodies: whole, streamed, expected; answers
 * that come before they are sent; connections that become streams.
 */
#include "tests/http/client_util.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define TOO_LARGE "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"

/* mr_call_begin into t->call. */
static int begin(struct theatre *t, const struct mr_client_request *r)
{
    mr_call_close(t->call);
    t->call = NULL;
    return mr_call_begin(t->client, r, &t->call, t->why, PATIENCE);
}

static int write_z(struct theatre *t, const char *text)
{
    return mr_call_write(t->call, text, strlen(text), PATIENCE);
}

/* The rest of a call: "200 hello". */
static const char *finish(struct theatre *t)
{
    int rc = mr_call_answer(t->call, PATIENCE);

    if (rc) {
        snprintf(t->text, sizeof t->text, "!%s", strerrorname_np(-rc));
        return t->text;
    }
    snprintf(t->text, sizeof t->text, "%d ", mr_call_head(t->call)->status);
    return rest_of(t);
}

static struct mr_client_request post(struct theatre *t)
{
    return (struct mr_client_request){.method = mr_str("POST"),
                                      .url = mr_str(url_of(t, "/"))};
}

CLIENT(a_whole_body)
{
    struct mr_client_request r = post(t);

    r.body = mr_str("data");
    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(strstr(t->got[0], "\r\nContent-Length: 4\r\n"));
    CHECK_OK(mr_str_ends(mr_str(t->got[0]), "\r\n\r\ndata"));
}

CLIENT(no_body_has_a_length)
{
    struct mr_client_request r = post(t);

    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(strstr(t->got[0], "\r\nContent-Length: 0\r\n"));
}

CLIENT(streams_a_length)
{
    struct mr_client_request r = post(t);

    r.streams = true;
    r.length = 6;
    PLAY({.answers = {OK_HELLO, OK_HELLO}});
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(begin(t, &r), 0);
        CHECK_EQ_INT(write_z(t, "abc"), 0);
        CHECK_EQ_INT(write_z(t, "defg"), -EMSGSIZE);
        CHECK_EQ_INT(mr_call_end(t->call, PATIENCE), -EMSGSIZE);
        CHECK_EQ_INT(write_z(t, "def"), 0);
        CHECK_EQ_INT(mr_call_end(t->call, PATIENCE), 0);
        CHECK_EQ_STR(finish(t), "200 hello");
        CHECK_OK(mr_str_ends(mr_str(t->got[i]), "\r\n\r\nabcdef"));
    }
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 1);
}

CLIENT(streams_chunks)
{
    struct mr_client_request r = post(t);

    r.streams = true;
    r.length = -1;
    PLAY({.answers = {OK_HELLO, OK_HELLO}});
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(begin(t, &r), 0);
        CHECK_EQ_INT(write_z(t, "abc"), 0);
        CHECK_EQ_INT(write_z(t, ""), 0);
        CHECK_EQ_INT(write_z(t, "0123456789abcdef"), 0);
        CHECK_EQ_INT(mr_call_end(t->call, PATIENCE), 0);
        CHECK_EQ_STR(finish(t), "200 hello");
        CHECK_OK(mr_str_ends(mr_str(t->got[i]),
                             "\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n"
                             "0\r\n\r\n"));
        CHECK_OK(strstr(t->got[i], "\r\nTransfer-Encoding: chunked\r\n"));
    }
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 1);
}

/* --- 100 Continue --- */

CLIENT(waits_for_continue)
{
    struct mr_client_request r = post(t);

    r.body = mr_str("data\r\n\r\n"); /* the script takes it for a head */
    r.expect_continue = true;
    PLAY({.answers = {CONTINUE, OK_HELLO}, .head_only = true});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(strstr(t->got[0], "\r\nExpect: 100-continue\r\n"));
    CHECK_OK(mr_str_ends(mr_str(t->got[0]), "\r\n\r\n"));
    CHECK_EQ_STR(t->got[1], "data\r\n\r\n");
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

CLIENT(does_not_send_what_is_refused)
{
    struct mr_client_request r = post(t);

    r.body = mr_str("data");
    r.expect_continue = true;
    PLAY({.answers = {TOO_LARGE}, .head_only = true});
    CHECK_EQ_STR(call(t, &r), "413 no");
    CHECK_OK(mr_str_ends(mr_str(t->got[0]), "\r\n\r\n"));
    /* The server waits for the body still. */
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

CLIENT(asks_again_without_expectation)
{
    struct mr_client_request r = post(t);

    r.body = mr_str("data");
    r.expect_continue = true;
    PLAY({.answers = {"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"},
          .head_only = true},
         {.answers = {OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(!strstr(t->got[1], "Expect"));
    CHECK_OK(mr_str_ends(mr_str(t->got[1]), "\r\n\r\ndata"));
}

CLIENT(goes_on_without_continue)
{
    struct mr_client_request r = post(t);

    r.body = mr_str("data");
    r.expect_continue = true;
    PLAY({.answers = {OK_HELLO}}); /* wants the body first: 1 s */
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

/* --- answers that come early --- */

/* More than sockets hold, so that sending has to wait. */
#define LARGE ((size_t)32 * 1024 * 1024)

CLIENT(stops_sending_when_answered)
{
    struct mr_client_request r = post(t);
    char *large = calloc(1, LARGE);

    CHECK_OK(large);
    r.body = mr_str_n(large, LARGE);
    PLAY({.answers = {TOO_LARGE}, .head_only = true, .deaf = true});
    CHECK_EQ_STR(call(t, &r), "413 no");
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
    free(large);
}

CLIENT(stops_streaming_when_answered)
{
    struct mr_client_request r = post(t);
    static char piece[65536];
    int rc = 0;

    r.streams = true;
    r.length = -1;
    PLAY({.answers = {TOO_LARGE}, .head_only = true, .deaf = true});
    CHECK_EQ_INT(begin(t, &r), 0);
    for (int i = 0; i < 1000 && rc == 0; i++)
        rc = mr_call_write(t->call, piece, sizeof piece, PATIENCE);
    CHECK_EQ_INT(rc, -EPIPE);
    CHECK_EQ_INT(mr_call_end(t->call, PATIENCE), -EPIPE);
    CHECK_EQ_STR(finish(t), "413 no");
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

/* An interim answer is no reason to stop. */
CLIENT(sends_on_after_early_hints)
{
    struct mr_client_request r = post(t);
    static char piece[1024];
    int rc = 0;

    memset(piece, 'x', sizeof piece);
    r.streams = true;
    r.length = 4 * sizeof piece;
    PLAY({.answers = {"HTTP/1.1 103 Hint\r\n\r\n", OK_HELLO}, .at_once = true});
    CHECK_EQ_INT(begin(t, &r), 0);
    for (int i = 0; i < 4 && rc == 0; i++) {
        rc = mr_call_write(t->call, piece, sizeof piece, PATIENCE);
        CHECK_OK(rc == 0 || rc == -EPIPE);
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(mr_yield(), 0);
    }
    CHECK_EQ_STR(finish(t), "200 hello");
}

CLIENT(finds_the_answer_behind_a_reset)
{
    struct mr_client_request r = post(t);
    char *large = calloc(1, LARGE);

    CHECK_OK(large);
    r.body = mr_str_n(large, LARGE);
    PLAY({.answers = {TOO_LARGE}, .head_only = true, .leaves = true});
    /* The kernel resets it, as bytes are left unread; what came before may be
     * found or not. */
    (void)call(t, &r);
    CHECK_OK(strcmp(t->text, "413 no") == 0 || t->text[0] == '!');
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
    free(large);
}

/* --- streams --- */

CLIENT(becomes_another_protocol)
{
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .upgrade = mr_str("echo")};
    struct mr_stream *s;
    char buf[8] = "";

    PLAY({.answers = {"HTTP/1.1 101 Up\r\nUpgrade: echo\r\n"
                      "Connection: Upgrade\r\n\r\nhi",
                      "ho"},
          .head_only = true});
    CHECK_EQ_STR(call(t, &r), "101 ");
    CHECK_OK(strstr(t->got[0], "\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"));
    s = mr_call_stream(t->call);
    CHECK_OK(s);
    if (!s)
        return;
    CHECK_EQ_INT(mr_stream_read(s, buf, sizeof buf, PATIENCE), 2);
    CHECK_EQ_INT(memcmp(buf, "hi", 2), 0);
    CHECK_EQ_INT(mr_stream_write_all(s, "a\r\n\r\n", 5, PATIENCE), 0);
    CHECK_EQ_INT(mr_stream_read(s, buf, sizeof buf, PATIENCE), 2);
    CHECK_EQ_INT(memcmp(buf, "ho", 2), 0);
    mr_call_close(t->call);
    t->call = NULL;
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

CLIENT(connects)
{
    struct mr_client_request r = {.method = mr_str("CONNECT"),
                                  .url = mr_str(url_of(t, "/")),
                                  .target = mr_str("a.example:1")};

    PLAY({.answers = {"HTTP/1.1 200 Up\r\nContent-Length: 5\r\n\r\n"}});
    CHECK_EQ_STR(call(t, &r), "200 ");
    CHECK_EQ_INT(strncmp(t->got[0], "CONNECT a.example:1 HTTP/1.1\r\n", 30), 0);
    CHECK_OK(mr_call_stream(t->call));
}

SUITE("bodies", a_whole_body, no_body_has_a_length, streams_a_length,
      streams_chunks)
SUITE("100 Continue", waits_for_continue, does_not_send_what_is_refused,
      asks_again_without_expectation, goes_on_without_continue)
SUITE("early answers", stops_sending_when_answered,
      stops_streaming_when_answered, sends_on_after_early_hints,
      finds_the_answer_behind_a_reset)
SUITE("streams", becomes_another_protocol, connects)
TEST_MAIN()
