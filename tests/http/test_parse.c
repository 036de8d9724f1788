/* SPDX-License-Identifier: MIT */
/* test_parse.c - request heads: what they say, and that both parsers agree. */
#include "tests/test.h"

#include <stdio.h>

#include "http/parse.h"
#include "http/url.h"

static const struct mr_head_limits limits = MR_HEAD_LIMITS_DEFAULT;
static struct mr_field fields[100];

static const struct {
    const char *in;
    const char *shape; /* method form path?query host framing length flags */
} heads[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET 0 / - a 0 0 k"},
    {"GET /a%20b?c=d HTTP/1.1\r\nHost: a:80\r\n\r\n",
     "GET 0 /a%20b c=d a:80 0 0 k"},
    {"GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET 0 /  a 0 0 k"},
    {"GET http://b:8/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1 /x y b:8 0 0 k"},
    {"GET http://[::1]?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1 / y [::1] 0 0 k"},
    {"GET https://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1 / - b 0 0 k"},
    {"GET http://a!$&'()*+,;=_~%20/ HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET 1 / - a!$&'()*+,;=_~%20 0 0 k"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS 3 * - a 0 0 k"},
    {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS 1 * - b 0 0 k"},
    {"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT 2  - b:443 0 0 k"},
    {"CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
     "CONNECT 2  - [::1]:443 0 0 k"},
    {"M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH 0 / - a 0 0 k"},
    /* framing */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\n",
     "POST 0 / - a 1 17 k"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n",
     "POST 0 / - a 1 0 k"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n"
     "\r\n",
     "POST 0 / - a 1 9223372036854775807 k"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding:\tCHUNKED \r\nHost: a\r\n\r\n",
     "POST 0 / - a 2 0 k"},
    {"POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length:5\t\r\nZ:\r\n\r\n",
     "POST 0 / - a 1 5 k"},
    /* keep-alive */
    {"GET / HTTP/1.0\r\n\r\n", "GET 0 / -  0 0 "},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET 0 / -  0 0 k"},
    {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\nHost: b\r\n\r\n",
     "GET 0 / - b 0 0 k"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
     "GET 0 / -  0 0 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     "GET 0 / - a 0 0 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: y ,CLOSE\r\n"
     "\r\n",
     "GET 0 / - a 0 0 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n",
     "GET 0 / - a 0 0 k"},
    {"GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET 0 / - a 0 0 k"},
    /* more lines of Connection than http-parser gets to see */
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nConnection: a\r\n"
     "Connection: a\r\nConnection: a\r\nConnection: a\r\nConnection: a\r\n"
     "Connection: a\r\nConnection: a\r\nConnection: close\r\n\r\n",
     "GET 0 / - a 0 0 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nConnection: a\r\n"
     "Connection: a\r\nConnection: a\r\nConnection: a\r\nConnection: a\r\n"
     "Connection: a\r\nConnection: a\r\nContent-Length: 5\r\n\r\n",
     "POST 0 / - a 1 5 k"},
    /* expect, upgrade */
    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
     "Content-Length: 1\r\n\r\n",
     "POST 0 / - a 1 1 ke"},
    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
     "POST 0 / -  1 1 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
     "Connection: Upgrade\r\n\r\n",
     "GET 0 / - a 0 0 ku"},
    {"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
     "Connection: Upgrade, close\r\nContent-Length: 3\r\n\r\n",
     "POST 0 / - a 1 3 u"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
     "GET 0 / - a 0 0 k"},
    {"GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     "GET 0 / -  0 0 "},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET 0 / - a 0 0 k"},
};

static const char *shape(char *out, size_t size,
                         const struct mr_request_head *h)
{
    struct mr_str query = h->query.p ? h->query : mr_str("-");

    snprintf(out, size, "%.*s %d %.*s %.*s %.*s %d %ju %s%s%s",
             MR_STR(h->method_text), h->form, MR_STR(h->path), MR_STR(query),
             MR_STR(h->host), h->framing, (uintmax_t)h->content_length,
             h->keep_alive ? "k" : "", h->expect_continue ? "e" : "",
             h->upgrade ? "u" : "");
    return out;
}

TEST(parse_heads)
{
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++) {
        size_t n = strlen(heads[i].in);
        char *page = test_at_page_end(heads[i].in, n);
        char out[256];

        CASE("%s", heads[i].in);
        mr_parser_reset(&p);
        EQ_INT(mr_parse_request(&p, page, n), MR_PARSE_DONE);
        EQ_INT(p.size, n);
        EQ_STR(shape(out, sizeof out, &p.head), heads[i].shape);
        if (p.head.plain) {
            struct mr_str path;

            EQ_INT(mr_url_decode_path(NULL, p.head.path, &path), 0);
            EQ_PTR(path.p, p.head.path.p);
            EQ_INT(path.n, p.head.path.n);
        }
        EQ_INT(mr_parse_request(&p, page, n), MR_PARSE_DONE);
        /* byte by byte, and more behind it */
        mr_parser_reset(&p);
        for (size_t k = 0; k < n; k++)
            EQ_INT(mr_parse_request(&p, page, k), MR_PARSE_MORE);
        EQ_INT(mr_parse_request(&p, page, n), MR_PARSE_DONE);
        EQ_STR(shape(out, sizeof out, &p.head), heads[i].shape);
        test_page_free(page, n);
    }
}

TEST(parse_pipelined)
{
    struct mr_parser p;
    const char *at;
    char all[8192];
    size_t n = 0;

    for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s", heads[i].in);
    mr_parser_init(&p, &limits, fields);
    at = all;
    for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++) {
        char out[256];

        CASE("%s", heads[i].in);
        EQ_INT(mr_parse_request(&p, at, n - (size_t)(at - all)), MR_PARSE_DONE);
        EQ_INT(p.size, strlen(heads[i].in));
        EQ_STR(shape(out, sizeof out, &p.head), heads[i].shape);
        at += p.size;
        mr_parser_reset(&p);
    }
    EQ_PTR(at, all + n);
}

/* Each method that we know, http-parser knows by the same name. */
TEST(parse_methods)
{
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    for (int m = MR_METHOD_NONE + 1; m < MR_METHOD_COUNT; m++) {
        struct mr_str text = mr_method_text((enum mr_method)m);
        char in[64];
        int n = snprintf(in, sizeof in, "%.*s %s HTTP/1.1\r\nHost: a\r\n\r\n",
                         MR_STR(text), m == MR_METHOD_CONNECT ? "a:1" : "/");

        CASE("%s", in);
        mr_parser_reset(&p);
        EQ_INT(mr_parse_request(&p, in, (size_t)n), MR_PARSE_DONE);
        EQ_INT(p.head.method, m);
    }
}

TEST(parse_bad)
{
    static const char in[] = "GET / HTTP/2.0\r\n\r\n";
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    EQ_INT(mr_parse_request(&p, in, sizeof in - 1), MR_PARSE_BAD);
    EQ_INT(p.status, 505);
    OK(p.reason != NULL);
    EQ_INT(mr_parse_request(&p, in, sizeof in - 1), MR_PARSE_BAD);
    mr_parser_reset(&p);
    EQ_INT(p.status, 0);
    EQ_INT(mr_parse_request(&p, in, 5), MR_PARSE_MORE);
}

/* A head as large as may be is no trouble for http-parser. */
TEST(parse_largest)
{
    static const struct mr_head_limits large = {
        .max_target = 65000, .max_head = MR_HEAD_MAX, .max_fields = 100};
    static char in[MR_HEAD_MAX + 1];
    struct mr_parser p;

    mr_parser_init(&p, &large, fields);
    memset(in, 'x', sizeof in);
    memcpy(in, "GET /", 5);
    memcpy(in + 4 + 65000, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    EQ_INT(mr_parse_request(&p, in, 4 + 65000 + 22), MR_PARSE_DONE);
    EQ_INT(p.head.target.n, 65000);
}

/* All heads, and each with one byte otherwise, are understood alike whether
 * http-parser is asked or remembered. */
TEST(parse_remembers)
{
    static struct mr_verdicts verdicts;
    static struct mr_field again[100];
    struct mr_parser p, asks;

    mr_parser_init(&p, &limits, fields);
    mr_parser_remember(&p, &verdicts);
    mr_parser_init(&asks, &limits, again);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++) {
            size_t n = strlen(heads[i].in);
            char in[512], out[256];

            for (size_t at = 0; at <= n; at++) {
                memcpy(in, heads[i].in, n + 1);
                if (at < n) /* each head itself is the last */
                    in[at] ^= (char)(1 << round);
                CASE("%s", in);
                mr_parser_reset(&p);
                mr_parser_reset(&asks);
                EQ_INT(mr_parse_request(&p, in, n),
                       mr_parse_request(&asks, in, n));
                EQ_INT(p.status, asks.status);
                EQ_INT(p.size, asks.size);
                EQ_INT(p.head.keep_alive, asks.head.keep_alive);
            }
            EQ_STR(shape(out, sizeof out, &p.head), heads[i].shape);
        }
    }
}

static unsigned kept(const struct mr_verdicts *v)
{
    unsigned n = 0;

    for (size_t i = 0; i < MR_VERDICTS; i++)
        n += v->v[i].n > 0;
    return n;
}

/* What is kept is of the bytes that http-parser was given, and is not believed
 * where it differs from the head. */
TEST(parse_remembered_is_compared)
{
    static const char in[] =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    static const char other_host[] =
        "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n";
    static const char other_length[] =
        "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 6\r\n\r\n";
    static struct mr_verdicts verdicts;
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    mr_parser_remember(&p, &verdicts);
    EQ_INT(mr_parse_request(&p, in, sizeof in - 1), MR_PARSE_DONE);
    EQ_INT(kept(&verdicts), 1);
    mr_parser_reset(&p);
    EQ_INT(mr_parse_request(&p, other_host, sizeof other_host - 1),
           MR_PARSE_DONE);
    EQ_INT(kept(&verdicts), 1);
    for (size_t i = 0; i < MR_VERDICTS; i++)
        verdicts.v[i].content_length++;
    mr_parser_reset(&p);
    EQ_INT(mr_parse_request(&p, in, sizeof in - 1), MR_PARSE_BAD);
    EQ_INT(p.status, 400);
    mr_parser_reset(&p);
    EQ_INT(mr_parse_request(&p, other_length, sizeof other_length - 1),
           MR_PARSE_DONE);
    EQ_INT(p.head.content_length, 6);
}

static void same_str(struct mr_str a, struct mr_str b)
{
    EQ_INT(a.p - b.p, 0);
    EQ_INT(a.n, b.n);
}

/* Every head, when it has come often, says what it says to who reads it; and so
 * does one that differs from it in one byte. */
TEST(parse_knows_heads)
{
    static struct mr_verdicts verdicts;
    static struct mr_field again[100];
    struct mr_parser p, asks;
    unsigned found = 0;

    mr_parser_init(&p, &limits, fields);
    mr_parser_remember(&p, &verdicts);
    mr_parser_init(&asks, &limits, again);
    for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++) {
        size_t n = strlen(heads[i].in);
        char in[512];

        memcpy(in, heads[i].in, n + 1);
        for (unsigned round = 0; round < 4 + n; round++) {
            if (round >= 4)
                in[round - 4] ^= 1;
            CASE("%s", in);
            mr_parser_reset(&p);
            mr_parser_reset(&asks);
            EQ_INT(mr_parse_request(&p, in, n), mr_parse_request(&asks, in, n));
            found += round < 4 && p.scan.minor != asks.scan.minor;
            EQ_INT(p.status, asks.status);
            EQ_INT(p.size, asks.size);
            if (p.size > 0) {
                const struct mr_request_head *a = &p.head, *b = &asks.head;

                EQ_INT(a->method, b->method);
                EQ_INT(a->form, b->form);
                EQ_INT(a->framing, b->framing);
                EQ_INT(a->minor, b->minor);
                EQ_INT(a->keep_alive, b->keep_alive);
                EQ_INT(a->expect_continue, b->expect_continue);
                EQ_INT(a->https, b->https);
                EQ_INT(a->upgrade, b->upgrade);
                EQ_INT(a->plain, b->plain);
                EQ_INT(a->content_length, b->content_length);
                same_str(a->method_text, b->method_text);
                same_str(a->target, b->target);
                same_str(a->path, b->path);
                same_str(a->query, b->query);
                same_str(a->host, b->host);
                CHECK_OK(memcmp(a->known, b->known, sizeof a->known) == 0);
                EQ_INT(a->headers.n, b->headers.n);
                for (uint32_t k = 0; k < a->headers.n; k++) {
                    same_str(a->headers.v[k].name, b->headers.v[k].name);
                    same_str(a->headers.v[k].value, b->headers.v[k].value);
                }
            }
            if (round >= 4)
                in[round - 4] ^= 1;
        }
    }
    CHECK_OK(found > 10); /* these were not read anew */
}

/* Kept when they come again, and found behind each other in one buffer. */
TEST(parse_keeps_what_came_twice)
{
    static const char in[] = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
                             "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    static struct mr_verdicts verdicts;
    size_t n = (sizeof in - 1) / 2;
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    mr_parser_remember(&p, &verdicts);
    for (int i = 0; i < 4; i++) {
        mr_parser_reset(&p);
        EQ_INT(mr_parse_request(&p, in, n), MR_PARSE_DONE);
        EQ_INT(p.size, n);
        CHECK_OK(!verdicts.heads.last == (i < 2));
    }
    mr_parser_reset(&p);
    EQ_INT(mr_parse_request(&p, in, sizeof in - 1), MR_PARSE_DONE);
    EQ_INT(p.size, n);
    mr_parser_reset(&p);
    EQ_INT(mr_parse_request(&p, in + n, n - 1), MR_PARSE_MORE);
    EQ_INT(mr_parse_request(&p, in + n, n), MR_PARSE_DONE);
    CHECK_OK(p.head.path.p == in + n + 4);
    mr_parser_reset(&p); /* nothing of it is left */
    EQ_INT(mr_parser_method(&p), MR_METHOD_NONE);
    EQ_INT(mr_parse_request(&p, in, 3), MR_PARSE_MORE);
    EQ_INT(p.head.method, MR_METHOD_NONE);
    EQ_INT(p.head.headers.n, 0);
}

/* What lies in a parser is not put there again, unless somebody wrote to it. */
TEST(parse_finds_it_in_place)
{
    static const char *const in[] = {
        "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /c HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\n",
        "GET /a?b HTTP/1.1\r\nHost: a\r\n\r",
    };
    static struct mr_verdicts verdicts;
    static char buf[256];
    struct mr_parser p;

    mr_parser_init(&p, &limits, fields);
    mr_parser_remember(&p, &verdicts);
    for (int i = 0; i < 24; i++) {
        const char *text = in[i < 4 || i % 4 == 0 ? 0 : i < 8 || i % 4 != 3];
        bool whole = i < 12 || i % 2 == 0;
        size_t n = strlen(whole ? text : in[2]);

        CASE("%d", i);
        memcpy(buf, whole ? text : in[2], n);
        mr_parser_reset(&p);
        EQ_INT(mr_parse_request(&p, buf, n),
               whole ? MR_PARSE_DONE : MR_PARSE_MORE);
        if (!whole)
            continue;
        EQ_INT(p.head.method, text[0] == 'G' ? MR_METHOD_GET : MR_METHOD_PUT);
        EQ_INT(mr_str_is(p.head.query, "b"), text[0] == 'G');
        EQ_INT(p.head.content_length, text[0] == 'P');
        EQ_INT(p.head.headers.n, text[0] == 'P' ? 2 : 1);
        if (i % 8 == 0) {
            p.head.query = mr_str("else");
            mr_parser_taint(&p);
        }
    }
}

SUITE("parse", parse_heads, parse_pipelined, parse_methods, parse_bad,
      parse_largest)
SUITE("remembering", parse_remembers, parse_remembered_is_compared,
      parse_knows_heads, parse_keeps_what_came_twice, parse_finds_it_in_place)
TEST_MAIN()
