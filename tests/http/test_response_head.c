/* SPDX-License-Identifier: MIT */
/*
 * test_response_head.c - answers' heads, cut everywhere, at a page's end.
 */
#include "http/response_head.h"

#include <string.h>

#include "tests/test.h"

#define H "HTTP/1.1 200 OK\r\n"

static const struct {
    enum mr_method method;
    const char *text;
    const char *reason; /* NULL: it is a head */
    enum mr_answer_body body;
    int64_t length;
    bool keep_alive;
} cases[] = {
    {MR_METHOD_GET, H "Content-Length: 7\r\n\r\n", NULL, MR_ANSWER_LENGTH, 7,
     true},
    {MR_METHOD_GET, H "\r\n", NULL, MR_ANSWER_CLOSE, -1, false},
    {MR_METHOD_GET, H "content-length:7\t \r\n\r\n", NULL, MR_ANSWER_LENGTH, 7,
     true},
    {MR_METHOD_GET, H "Content-Length: 9223372036854775807\r\n\r\n", NULL,
     MR_ANSWER_LENGTH, INT64_MAX, true},
    {MR_METHOD_GET, H "Transfer-Encoding: Chunked\r\n\r\n", NULL,
     MR_ANSWER_CHUNKED, -1, true},
    {MR_METHOD_GET, H "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
     NULL, MR_ANSWER_CHUNKED, -1, false},
    {MR_METHOD_HEAD, H "Content-Length: 7\r\n\r\n", NULL, MR_ANSWER_EMPTY, 7,
     true},
    {MR_METHOD_HEAD, H "Transfer-Encoding: chunked\r\n\r\n", NULL,
     MR_ANSWER_EMPTY, -1, true},
    {MR_METHOD_CONNECT, H "Content-Length: 7\r\n\r\n", NULL, MR_ANSWER_TUNNEL,
     -1, false},
    {MR_METHOD_CONNECT,
     H "Content-Length: 7\r\nTransfer-Encoding: x\r\nContent-Length: 8\r\n\r\n",
     NULL, MR_ANSWER_TUNNEL, -1, false},
    {MR_METHOD_CONNECT, "HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\n", NULL,
     MR_ANSWER_LENGTH, 7, true},
    {MR_METHOD_GET, "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
     NULL, MR_ANSWER_EMPTY, -1, false},
    {MR_METHOD_GET, "HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
     NULL, MR_ANSWER_EMPTY, -1, true},
    {MR_METHOD_GET, "HTTP/1.1 101 Up\r\nConnection: upgrade\r\n\r\n", NULL,
     MR_ANSWER_TUNNEL, -1, false},
    {MR_METHOD_GET, "HTTP/1.1 100\r\n\r\n", NULL, MR_ANSWER_EMPTY, -1, true},
    {MR_METHOD_GET, "HTTP/1.5 200 OK\r\nContent-Length: 7\r\n\r\n", NULL,
     MR_ANSWER_LENGTH, 7, true},
    {MR_METHOD_GET, "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", NULL,
     MR_ANSWER_LENGTH, 7, false},
    {MR_METHOD_GET,
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 7\r\n\r\n",
     NULL, MR_ANSWER_LENGTH, 7, true},
    {MR_METHOD_GET,
     "HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n"
     "Content-Length: 7\r\n\r\n",
     NULL, MR_ANSWER_LENGTH, 7, false},
    {MR_METHOD_GET, "HTTP/1.1 200 \xe4\tok\r\nContent-Length: 0\r\n\r\n", NULL,
     MR_ANSWER_LENGTH, 0, true},
    {MR_METHOD_GET,
     H "Connection: a\r\nConnection: b\r\nConnection: c\r\n"
       "Connection: d\r\nConnection: e\r\nConnection: f\r\n"
       "Connection: g\r\nConnection: h\r\nConnection: close\r\n"
       "Content-Length: 7\r\n\r\n",
     NULL, MR_ANSWER_LENGTH, 7, false},
    {MR_METHOD_GET, "HTTP/1.1 2000 OK\r\n\r\n", "malformed status line", 0, 0,
     false},
    {MR_METHOD_GET, "HTTP/1.1  200 OK\r\n\r\n", "malformed status line", 0, 0,
     false},
    {MR_METHOD_GET, "HTTP/1.12 200 OK\r\n\r\n", "malformed status line", 0, 0,
     false},
    {MR_METHOD_GET, "\r\n" H "\r\n", "not HTTP", 0, 0, false},
    {MR_METHOD_GET, "http/1.1 200 OK\r\n\r\n", "not HTTP", 0, 0, false},
    {MR_METHOD_GET, "HTTP/0.9 200 OK\r\n\r\n", "HTTP version not supported", 0,
     0, false},
    {MR_METHOD_GET, "HTTP/1.1 200 O\x01K\r\n\r\n", "control byte", 0, 0, false},
    {MR_METHOD_GET, "HTTP/1.1 200 OK\rA: b\r\n\r\n", "CR in the wrong place", 0,
     0, false},
    {MR_METHOD_GET, H "Content-Length: -1\r\n\r\n",
     "Content-Length is not one number", 0, 0, false},
    {MR_METHOD_GET, H "Content-Length: +1\r\n\r\n",
     "Content-Length is not one number", 0, 0, false},
    {MR_METHOD_GET, H "Content-Length: \r\n\r\n",
     "Content-Length is not one number", 0, 0, false},
    {MR_METHOD_GET, H "Content-Length: 9223372036854775808\r\n\r\n",
     "Content-Length is not one number", 0, 0, false},
    {MR_METHOD_HEAD, H "Content-Length: 7\r\nContent-Length: 8\r\n\r\n",
     "Content-Length came twice", 0, 0, false},
    {MR_METHOD_GET,
     H "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"
       "\r\n",
     "Transfer-Encoding came twice", 0, 0, false},
    {MR_METHOD_GET, H "Transfer-Encoding: chunked, gzip\r\n\r\n",
     "Transfer-Encoding is not just chunked", 0, 0, false},
    {MR_METHOD_GET, H "A\r\n\r\n", "field line without a colon", 0, 0, false},
};

static const struct mr_head_limits limits = MR_ANSWER_LIMITS;

static void check(size_t i, const struct mr_answer_parser *p, enum mr_parse rc)
{
    if (cases[i].reason) {
        EQ_INT(rc, MR_PARSE_BAD);
        EQ_STR(p->reason, cases[i].reason);
        return;
    }
    EQ_INT(rc, MR_PARSE_DONE);
    EQ_INT(p->size, strlen(cases[i].text));
    EQ_INT(p->head.body, cases[i].body);
    EQ_INT(p->head.content_length, cases[i].length);
    EQ_INT(p->head.keep_alive, cases[i].keep_alive);
}

TEST(heads)
{
    static struct mr_field fields[MR_ANSWER_FIELDS];
    struct mr_answer_parser p;

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].text);
        char *buf = test_at_page_end(cases[i].text, n);

        CASE("%s", cases[i].text);
        mr_answer_parser_init(&p, &limits, fields);
        check(i, &p, mr_parse_answer(&p, cases[i].method, buf, n));
        /* Again: the same. Then cut in two, everywhere. */
        check(i, &p, mr_parse_answer(&p, cases[i].method, buf, n));
        for (size_t cut = 0; cut < n; cut++) {
            mr_answer_parser_reset(&p);
            (void)!mr_parse_answer(&p, cases[i].method, buf, cut);
            check(i, &p, mr_parse_answer(&p, cases[i].method, buf, n));
        }
        test_page_free(buf, n);
    }
}

/* The whole of it has a limit, its line has one, and the number of fields. */
TEST(limits_of_a_head)
{
    static struct mr_field fields[MR_ANSWER_FIELDS];
    static char buf[MR_HEAD_MAX + 64];
    struct mr_answer_parser p;
    size_t n;

    mr_answer_parser_init(&p, &limits, fields);
    memset(buf, 'x', sizeof buf);
    memcpy(buf, "HTTP/1.1 200 ", 13);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, 1023), MR_PARSE_MORE);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, 1024), MR_PARSE_BAD);
    EQ_STR(p.reason, "status line too long");

    mr_answer_parser_reset(&p);
    memcpy(buf, H "A: ", sizeof H + 2);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, MR_HEAD_MAX - 1),
           MR_PARSE_MORE);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, MR_HEAD_MAX), MR_PARSE_BAD);
    EQ_STR(p.reason, "head too large");

    mr_answer_parser_reset(&p);
    n = sizeof H - 1;
    for (size_t i = 0; i <= MR_ANSWER_FIELDS; i++, n += 6)
        memcpy(buf + n, "a: b\r\n", 6);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, n - 6), MR_PARSE_MORE);
    EQ_INT(mr_parse_answer(&p, MR_METHOD_GET, buf, n), MR_PARSE_BAD);
    EQ_STR(p.reason, "too many fields");
}

SUITE("heads of answers", heads, limits_of_a_head)
TEST_MAIN()
