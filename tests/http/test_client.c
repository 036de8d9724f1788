/* SPDX-License-Identifier: MIT */
/*
 * test_client.c - calls over plain HTTP, against a server that follows a
 * script: what is sent, how answers end, which are refused, what is kept.
 *
 * over budget: each way that a plain call can go, on the same stage.
 */
#include "tests/http/client_util.h"

CLIENT(gets)
{
    char want[256];

    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(get(t, "/a?b#c"), "200 hello");
    snprintf(want, sizeof want,
             "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: millrace\r\nAccept: */*\r\n"
             "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n",
             mr_addr_port(&t->at));
    CHECK_EQ_STR(t->got[0], want);
    CHECK_EQ_INT(mr_call_head(t->call)->content_length, 5);
    CHECK_EQ_INT(mr_addr_cmp(mr_call_peer(t->call), &t->at), 0);
    snprintf(want, sizeof want, "http://127.0.0.1:%u/a?b",
             mr_addr_port(&t->at));
    CHECK_OK(mr_str_is(mr_call_url(t->call), want));
}

CLIENT(keeps_a_connection)
{
    struct mr_client_stats s;

    PLAY({.answers = {OK_HELLO, OK_HELLO, OK_HELLO}});
    for (int i = 0; i < 3; i++)
        CHECK_EQ_STR(get(t, "/"), "200 hello");
    s = mr_client_stats(t->client);
    CHECK_EQ_INT(s.opened, 1);
    CHECK_EQ_INT(s.reused, 2);
    CHECK_EQ_INT(s.idle, 1);
}

/* An answer, and what comes of it. The server closes behind it. */
static const struct {
    const char *answer;
    const char *want;
    const char *why; /* is in the text */
    bool kept;
} answers[] = {
    {OK_HELLO, "200 hello", "", true},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 ", "", true},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204 ", "", true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", "304 ", "",
     true},
    {"HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx", "999 x", "", true},
    /* until the close */
    {"HTTP/1.1 200 OK\r\n\r\nhello", "200 hello", "", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello", "",
     false},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\n"
     "hello",
     "200 hello", "", true},
    {"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 5\r\n\r\n"
     "hello",
     "200 hello", "", false},
    /* chunks */
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     "200 hello", "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
     "200 hel!ENODATA", "the answer was cut after 3 bytes", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhelp\r\n",
     "200 !EBADMSG", "no CRLF behind a chunk's data", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
     "200 ", "", false},
    /* cut, or too long */
    {"HTTP/1.1 200 OK\r\nContent-Length: 1234567\r\n\r\nhello",
     "200 hello!ENODATA", "the answer ended after 5 of 1,234,567 bytes", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", "200 hello", "",
     false},
    {"HTTP/1.1 200 OK\r\nContent-Len", "!ENODATA", "head was cut by", false},
    {"", "!ENODATA", "no answer: the connection was closed by 127.0.0.1",
     false},
    /* two meanings, or none */
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
     "!EBADMSG", "Content-Length came twice", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "!EBADMSG",
     "Content-Length is not one number", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
     "\r\n0\r\n\r\n",
     "!EBADMSG", "Transfer-Encoding with Content-Length", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "!EBADMSG",
     "not just chunked", false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "!EBADMSG", "on HTTP/1.0", false},
    {"HTTP/2.0 200 OK\r\n\r\n", "!EBADMSG", "version not supported", false},
    {"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", "!EBADMSG", "bare LF",
     false},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "!EBADMSG", "white space", false},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "!EBADMSG", "line folding",
     false},
    {"HTTP/1.1 099 OK\r\n\r\n", "!EBADMSG", "malformed status line", false},
    {"HTTP/1.1 20 OK\r\n\r\n", "!EBADMSG", "malformed status line", false},
    {"SSH-2.0-OpenSSH\r\n", "!EBADMSG", "not HTTP", false},
    {"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n", "!EBADMSG", "without being asked",
     false},
    /* interim answers are passed over */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: "
     "a\r\n\r\n" OK_HELLO,
     "200 hello", "", true},
};

CLIENT(answers_end_or_are_refused)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(answers); i++) {
        struct scene one = {.answers = {answers[i].answer}, .leaves = true};

        CASE("%s", answers[i].answer);
        play(t, &one, 1);
        t->why[0] = '\0';
        CHECK_EQ_STR(get(t, "/"), answers[i].want);
        if (!strstr(t->why, answers[i].why))
            CHECK_EQ_STR(t->why, answers[i].why);
        if (*answers[i].why && strncmp(t->why, t->url, strlen(t->url)) != 0)
            CHECK_EQ_STR(t->why, t->url);
        CHECK_EQ_INT(mr_client_stats(t->client).idle, answers[i].kept);
        mr_client_close_idle(t->client);
    }
    t->n = t->opened;
}

/* Each answer again, byte by byte, and the outcome is the same. */
static intptr_t drip(void *arg)
{
    struct actor *a = arg;
    int fd = mr_accept(a->t->fd, NULL, PATIENCE);

    a->fd = fd;
    a->s = mr_stream_socket_init(&a->plain, fd);
    if (hear(a))
        for (const char *p = a->scene->answers[0]; *p; p++)
            if (mr_send(fd, p, 1, 0, PATIENCE) < 0 || mr_yield())
                break;
    mr_fd_close(fd);
    return 0;
}

CLIENT(answers_come_byte_by_byte)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(answers); i++) {
        struct scene one = {.answers = {answers[i].answer}};
        struct actor a = {.t = t, .scene = &one};
        struct mr_coro *co;

        CASE("%s", answers[i].answer);
        co = mr_spawn(drip, &a);
        CHECK_OK(co);
        /* Of these it depends on whether the error or the data is first. */
        if (strstr(answers[i].want, "200 !"))
            (void)get(t, "/");
        else if (strcmp(answers[i].want, "200 hello") == 0)
            CHECK_EQ_INT(strncmp(get(t, "/"), "200 hello", 9), 0);
        else
            CHECK_EQ_STR(get(t, "/"), answers[i].want);
        mr_call_close(t->call);
        t->call = NULL;
        mr_client_close_idle(t->client);
        CHECK_EQ_INT(mr_join(co, NULL, PATIENCE), 0);
    }
}

CLIENT(head_has_no_body)
{
    struct mr_client_request r = {.method = mr_str("HEAD"),
                                  .url = mr_str(url_of(t, "/"))};

    PLAY(
        {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}});
    CHECK_EQ_STR(call(t, &r), "200 ");
    CHECK_EQ_INT(mr_call_head(t->call)->content_length, 77);
    CHECK_EQ_STR(call(t, &r), "200 ");
    CHECK_EQ_INT(mr_call_head(t->call)->content_length, -1);
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

CLIENT(trailers)
{
    const struct mr_headers *h;

    PLAY({.answers = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\nDigest: x\r\n\r\n"}});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    h = mr_call_trailers(t->call);
    CHECK_OK(h && h->n == 1);
    if (h)
        CHECK_OK(mr_str_is(mr_headers_get(h, "digest"), "x"));
}

CLIENT(interim_answers_have_an_end)
{
    static char many[20 * 32];

    for (int i = 0; i < 20; i++)
        strncat(many, "HTTP/1.1 102 Wait\r\n\r\n", 32);
    play(t, &(struct scene){.answers = {many}, .leaves = true}, 1);
    CHECK_EQ_STR(get(t, "/"), "!EBADMSG");
    CHECK_OK(strstr(t->why, "no end of interim answers"));
}

/* --- a connection that was idle --- */

CLIENT(sends_again_on_a_fresh_one)
{
    PLAY({.answers = {OK_HELLO, ""}, .leaves = true}, {.answers = {OK_HELLO}});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    CHECK_EQ_STR(get(t, "/2"), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).resent, 1);
    CHECK_EQ_INT(t->n_got, 3);
}

CLIENT(sends_again_once)
{
    PLAY({.answers = {OK_HELLO, ""}, .leaves = true},
         {.answers = {""}, .leaves = true});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    CHECK_EQ_STR(get(t, "/"), "!ENODATA");
    CHECK_EQ_INT(mr_client_stats(t->client).resent, 1);
}

CLIENT(sends_no_post_again)
{
    struct mr_client_request r = {.method = mr_str("POST"),
                                  .url = mr_str(url_of(t, "/")),
                                  .body = mr_str("x")};

    PLAY({.answers = {OK_HELLO, ""}, .resets = true});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(strcmp(call(t, &r), "!ECONNRESET") == 0 ||
             strcmp(t->text, "!ENODATA") == 0);
    CHECK_EQ_INT(mr_client_stats(t->client).resent, 0);
}

CLIENT(notices_that_an_idle_one_is_closed)
{
    PLAY({.answers = {OK_HELLO}, .leaves = true});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    while (mr_client_stats(t->client).idle > 0 && mr_yield() == 0)
        ;
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

CLIENT(takes_no_unasked_bytes)
{
    static const struct scene one = {.answers = {OK_HELLO, OK_HELLO},
                                     .at_once = true};

    play(t, &one, 1);
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    while (mr_client_stats(t->client).idle > 0 && mr_yield() == 0)
        ;
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

/* An answer to a question that was not asked yet: the end of a body was read
 * just to its last byte, and the next request is sent before the hub could
 * tell. */
CLIENT(takes_no_answer_from_before_the_request)
{
    static char text[32768];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n%020000d"
                     "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
                     0);
    static struct scene scenes[2];

    CHECK_OK(n > 20000 && (size_t)n < sizeof text);
    scenes[0] = (struct scene){.answers = {text}};
    scenes[1] = (struct scene){.answers = {OK_HELLO}};
    play(t, scenes, 2);
    CHECK_EQ_INT(strlen(get(t, "/")), 4 + 20000);
    CHECK_EQ_STR(get(t, "/2"), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).resent, 0);
}

CLIENT(closes_what_was_idle_too_long, .idle_timeout = 1000000)
{
    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    while (mr_client_stats(t->client).idle > 0)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

/* --- time and cancel --- */

static void times_out(struct theatre *t, const struct mr_client_request *r,
                      const char *want, const char *why)
{
    CHECK_EQ_STR(call(t, r), want);
    if (!strstr(t->why, why))
        CHECK_EQ_STR(t->why, why);
    CHECK_EQ_INT(mr_client_stats(t->client).open, t->call ? 1 : 0);
}

CLIENT(answers_late)
{
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .first_byte_timeout = 20000000};

    PLAY({.answers = {""}});
    times_out(t, &r, "!ETIMEDOUT", "no answer within 0.02 s");
}

CLIENT(stops_in_the_body)
{
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .body_timeout = 20000000};

    PLAY({.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"}});
    times_out(t, &r, "200 hello!ETIMEDOUT", "no byte within 0.02 s");
}

CLIENT(has_a_time_for_all, .total_timeout = 20000000)
{
    PLAY({.answers = {""}});
    times_out(t, &(struct mr_client_request){.url = mr_str(url_of(t, "/"))},
              "!ETIMEDOUT", "not done within 0.02 s");
}

static intptr_t get_forever(void *arg)
{
    struct theatre *t = arg;

    CHECK_EQ_STR(get(t, "/"), "!ECANCELED");
    return 0;
}

CLIENT(is_cancelled_while_it_waits)
{
    struct mr_coro *co = mr_spawn(get_forever, t);

    PLAY({.answers = {""}});
    CHECK_OK(co);
    while (t->n_got == 0 && mr_yield() == 0)
        ;
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, PATIENCE), 0);
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

CLIENT(is_aborted_by_another)
{
    PLAY({.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"}},
         {.answers = {"HTTP/1.1 200 OK\r\n\r\nhello"}});
    CHECK_OK(mr_group_spawn(&t->group, abort_after_hello, t));
    CHECK_EQ_STR(get(t, "/"), "200 hello!ENODATA");
    CHECK_OK(mr_group_spawn(&t->group, abort_after_hello, t));
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    mr_call_abort(t->call); /* all has come */
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

/* --- limits --- */

struct one_of_many {
    struct theatre *t;
    int status;
};

static intptr_t get_one(void *arg)
{
    struct one_of_many *o = arg;
    char why[MR_CLIENT_WHY];
    struct mr_call *one;
    int rc = mr_client_get(o->t->client, o->t->url, &one, why, PATIENCE);
    char buf[16];

    CHECK_EQ_INT(rc, 0);
    if (rc)
        return 0;
    o->status = mr_call_head(one)->status;
    while (mr_call_read(one, buf, sizeof buf, PATIENCE) > 0)
        ;
    mr_call_close(one);
    return 0;
}

CLIENT(opens_no_more_than_allowed, .max_per_origin = 2)
{
    struct one_of_many o[6];
    struct mr_coro *co[6];

    PLAY({.answers = {OK_HELLO, OK_HELLO, OK_HELLO, OK_HELLO, OK_HELLO,
                      OK_HELLO}},
         {.answers = {OK_HELLO, OK_HELLO, OK_HELLO, OK_HELLO, OK_HELLO,
                      OK_HELLO}});
    (void)url_of(t, "/");
    for (size_t i = 0; i < 6; i++) {
        o[i] = (struct one_of_many){.t = t};
        co[i] = mr_spawn(get_one, &o[i]);
        CHECK_OK(co[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        CHECK_EQ_INT(mr_join(co[i], NULL, PATIENCE), 0);
        CHECK_EQ_INT(o[i].status, 200);
    }
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 2);
}

CLIENT(a_large_body)
{
    static char large[60000];

    snprintf(large, sizeof large,
             "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 50000);
    memset(large + strlen(large), 'x', 50000);
    play(t, &(struct scene){.answers = {large}}, 1);
    CHECK_EQ_INT(strlen(get(t, "/")), 50004);
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

CLIENT(a_large_head)
{
    static char large[80000];
    size_t n;

    snprintf(large, sizeof large, "HTTP/1.1 200 OK\r\nA: ");
    n = strlen(large);
    memset(large + n, 'x', 40000);
    snprintf(large + n + 40000, 64, "\r\nContent-Length: 5\r\n\r\nhello");
    play(t, &(struct scene){.answers = {large}}, 1);
    CHECK_EQ_STR(get(t, "/"), "200 hello");
}

CLIENT(too_large_a_head)
{
    static char large[80000];
    size_t n;

    snprintf(large, sizeof large, "HTTP/1.1 200 OK\r\nA: ");
    n = strlen(large);
    memset(large + n, 'x', 70000);
    play(t, &(struct scene){.answers = {large}}, 1);
    CHECK_EQ_STR(get(t, "/"), "!EBADMSG");
    CHECK_OK(strstr(t->why, "head too large"));
}

/* --- what is asked for --- */

static const struct {
    const char *url;
    const char *name, *value;
    const char *want;
} bad_requests[] = {
    {"ftp://a/", "A", "b", "!EPROTONOSUPPORT"},
    {"http://", "A", "b", "!EINVAL"},
    {"http://a/", "A b", "c", "!EINVAL"},
    {"http://a/", "A", "b\r\nC: d", "!EINVAL"},
    {"http://a/", "Content-Length", "4", "!EINVAL"},
    {"http://a/", "connection", "close", "!EINVAL"},
};

CLIENT(bad_requests_are_not_sent)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad_requests); i++) {
        struct mr_field f = {mr_str(bad_requests[i].name),
                             mr_str(bad_requests[i].value)};
        struct mr_client_request r = {
            .url = mr_str(bad_requests[i].url), .fields = &f, .n_fields = 1};

        CASE("%s %s", bad_requests[i].url, bad_requests[i].name);
        CHECK_EQ_STR(call(t, &r), bad_requests[i].want);
        CHECK_OK(t->why[0]);
    }
}

/* Nor is a line's end that comes in another way. */
CLIENT(no_line_ends_get_in)
{
    static const struct mr_client_request requests[] = {
        {.method = {"GET / HTTP/1.1\r\nA: b\r\n\r\nGET", 31}},
        {.target = {"/ HTTP/1.1\r\nA:b", 16}},
        {.target = {"/\xc3\xa4", 3}},
        {.target = {"/\0", 2}},
        {.upgrade = {"a\r\nB: c", 7}},
        {.method = {"CONNECT", 7}},
    };
    struct mr_client_options o = {.user_agent = "me\r\nHost: b"};
    struct mr_client *c;

    for (size_t i = 0; i < MR_ARRAY_LEN(requests); i++) {
        struct mr_client_request r = requests[i];

        CASE("request %zu", i);
        r.url = mr_str(url_of(t, "/"));
        CHECK_EQ_STR(call(t, &r), "!EINVAL");
        CHECK_OK(t->why[0]);
    }
    CHECK_EQ_INT(mr_client_new(&c, &o, t->why), -EINVAL);
    CHECK_OK(strstr(t->why, "user agent"));
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 0);
}

CLIENT(fields_replace_the_clients)
{
    struct mr_field f[] = {{mr_str("host"), mr_str("x")},
                           {mr_str("ACCEPT"), mr_str("a/b")},
                           {mr_str("User-Agent"), mr_str("me")},
                           {mr_str("X"), mr_str("")}};
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .fields = f,
                                  .n_fields = 4,
                                  .no_decode = true,
                                  .user = mr_str("Aladdin"),
                                  .password = mr_str("open sesame"),
                                  .no_reuse = true};

    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_EQ_STR(t->got[0],
                 "GET / HTTP/1.1\r\n"
                 "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                 "Connection: close\r\nhost: x\r\nACCEPT: a/b\r\n"
                 "User-Agent: me\r\nX: \r\n\r\n");
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

CLIENT(refused_by_whom)
{
    int fd = t->fd;

    t->fd = -1;
    mr_fd_close(fd);
    CHECK_EQ_STR(get(t, "/"), "!ECONNREFUSED");
    CHECK_OK(strstr(t->why, "Connection refused") ||
             strstr(t->why, "connection refused"));
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

SUITE("calls", gets, head_has_no_body, trailers, bad_requests_are_not_sent,
      no_line_ends_get_in, fields_replace_the_clients, refused_by_whom)
SUITE("answers", answers_end_or_are_refused, answers_come_byte_by_byte,
      interim_answers_have_an_end, a_large_body, a_large_head, too_large_a_head)
SUITE("connections", keeps_a_connection, sends_again_on_a_fresh_one,
      sends_again_once, sends_no_post_again, notices_that_an_idle_one_is_closed,
      takes_no_unasked_bytes, takes_no_answer_from_before_the_request,
      closes_what_was_idle_too_long, opens_no_more_than_allowed)
SUITE("time", answers_late, stops_in_the_body, has_a_time_for_all,
      is_cancelled_while_it_waits, is_aborted_by_another)
TEST_MAIN()
