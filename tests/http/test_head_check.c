/* SPDX-License-Identifier: MIT */
/*
 * test_head_check.c - the strict scan: what it takes, what it refuses.
 *
 * Each case is run whole, byte by byte, and (when valid) as each of its
 * prefixes, every time ending where memory ends: the outcome must not depend on
 * the cuts. The tests named lenient_... are what http-parser 2.9.4 lets
 * through.
 */
#include "tests/test.h"

#include <stdio.h>

#include "http/head_check.h"

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END "\r\n"

static const struct mr_head_limits limits = {
    .max_target = 64, .max_head = 512, .max_fields = 8};

struct one {
    struct mr_head_scan scan;
    struct mr_request_head head;
    struct mr_field fields[8];
};

static void init(struct one *o)
{
    mr_head_scan_init(&o->scan, &limits, &o->head, o->fields);
}

/* 0 when it is a whole head, -1 when more is wanted, else the status. */
static int outcome(struct one *o, enum mr_scan rc)
{
    switch (rc) {
    case MR_SCAN_DONE:
        return 0;
    case MR_SCAN_MORE:
        return -1;
    case MR_SCAN_BAD:
        return o->scan.reason ? o->scan.status : -2;
    }
    return -2;
}

static int scan_whole(const char *p, size_t n)
{
    char *page = test_at_page_end(p, n);
    struct one o;
    int got;

    init(&o);
    got = outcome(&o, mr_head_scan(&o.scan, page, n));
    test_page_free(page, n);
    return got;
}

static int scan_bytewise(const char *p, size_t n)
{
    enum mr_scan rc = MR_SCAN_MORE;
    char *page = test_at_page_end(p, n);
    struct one o;

    init(&o);
    for (size_t i = 1; i <= n && rc == MR_SCAN_MORE; i++)
        rc = mr_head_scan(&o.scan, page, i);
    /* the same again */
    CHECK_EQ_INT(mr_head_scan(&o.scan, page, n), rc);
    test_page_free(page, n);
    return outcome(&o, rc);
}

static void expect_n(const char *p, size_t n, int want)
{
    CASE("%.*s", (int)n, p);
    CHECK_EQ_INT(scan_whole(p, n), want);
    CHECK_EQ_INT(scan_bytewise(p, n), want);
    for (size_t i = 0; want == 0 && i < n; i++)
        CHECK_EQ_INT(scan_whole(p, i), -1);
}

static void expect(const char *z, int want)
{
    expect_n(z, strlen(z), want);
}

static const struct {
    const char *in;
    int want;
} cases[] = {
    /* --- fine --- */
    {GET HOST END, 0},
    {GET "host:a\r\n" END, 0},
    {GET "HOST: \t a \t \r\n" END, 0},
    {"GET / HTTP/1.0\r\n" END, 0},
    {"GET / HTTP/1.2\r\n" HOST END, 0},
    {"\r\n\r\n\r\n\r\n" GET HOST END, 0},
    {"M-SEARCH * HTTP/1.1\r\n" HOST END, 400}, /* * is for OPTIONS */
    {"OPTIONS * HTTP/1.1\r\n" HOST END, 0},
    {"OPTIONS /x HTTP/1.1\r\n" HOST END, 0},
    {"CONNECT a:443 HTTP/1.1\r\n" HOST END, 0},
    {"GET http://b/x HTTP/1.1\r\n" HOST END, 0},
    {"GET HTTPS://b:1?q HTTP/1.1\r\n" HOST END, 0},
    {"GET /a?b=%20&c=[1]:@!$'()*+,; HTTP/1.1\r\n" HOST END, 0},
    {GET HOST "X:\r\n" END, 0},
    {GET HOST "X: \x80\xff\t~\r\n" END, 0},
    {GET HOST "!#$%&'*+-.^_`|~09azAZ: x\r\n" END, 0},
    {GET HOST "X: 0123456789abcdef0123456789abcdef\tx\r\n" END, 0},
    {GET HOST "Content-Length: 0\r\n" END, 0},
    {GET HOST "Content-Length: 9223372036854775807\r\n" END, 0},
    {GET HOST "Transfer-Encoding: ChUnKeD \r\n" END, 0},
    {GET HOST "Expect: 100-Continue\r\n" END, 0},
    /* --- the request line --- */
    {" " GET HOST END, 400},
    {"GET  / HTTP/1.1\r\n" HOST END, 400},
    {"GET / \tHTTP/1.1\r\n" HOST END, 400},
    {"GET\t/ HTTP/1.1\r\n" HOST END, 400},
    {"GET / HTTP/1.1 \r\n" HOST END, 400},
    {"GET /\r\n" END, 400},
    {"GET / \r\n" END, 400},
    {"GET HTTP/1.1\r\n" HOST END, 400},
    {"GET / http/1.1\r\n" HOST END, 400},
    {"GET / HTTP/1\r\n" HOST END, 400},
    {"GET / HTTP/1.\r\n" HOST END, 400},
    {"GET / HTTP/1.10\r\n" HOST END, 400},
    {"GET / HTTP/01.1\r\n" HOST END, 400},
    {"GET / HTTP/1,1\r\n" HOST END, 400},
    {"GET / HTTPS/1.1\r\n" HOST END, 400},
    {"GET / HTTP/1.1\rX", 400},
    {"GET / HTTP/0.9\r\n" HOST END, 505},
    {"GET / HTTP/2.0\r\n" HOST END, 505},
    {"PRI * HTTP/2.0\r\n" END, 505},
    {"GET / HTTP/9.9\r\n" HOST END, 505},
    {"FOO / HTTP/1.1\r\n" HOST END, 501},
    {"get / HTTP/1.1\r\n" HOST END, 501},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", 501},
    {"G@T / HTTP/1.1\r\n" HOST END, 400},
    {"G\xc3T / HTTP/1.1\r\n" HOST END, 400},
    {"\x16\x03\x01", 400}, /* a TLS hello */
    {"\r\n\r\n\r\n\r\n\r\n" GET HOST END, 400},
    {"\rGET", 400},
    {"\n" GET HOST END, 400},
    /* --- targets --- */
    {"GET x HTTP/1.1\r\n" HOST END, 400},
    {"GET * HTTP/1.1\r\n" HOST END, 400},
    {"GET a:80 HTTP/1.1\r\n" HOST END, 400},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST END, 400},
    {"GET http:/a HTTP/1.1\r\n" HOST END, 400},
    {"GET http:///x HTTP/1.1\r\n" HOST END, 400},
    {"GET https:///x HTTP/1.1\r\n" HOST END, 400},
    {"GET http:// HTTP/1.1\r\n" HOST END, 400},
    {"GET http://u@b/x HTTP/1.1\r\n" HOST END, 400},
    {"GET http://b:x/ HTTP/1.1\r\n" HOST END, 400},
    {"CONNECT a HTTP/1.1\r\n" HOST END, 400},
    {"CONNECT a: HTTP/1.1\r\n" HOST END, 400},
    {"CONNECT /x HTTP/1.1\r\n" HOST END, 400},
    {"CONNECT http://a:1/ HTTP/1.1\r\n" HOST END, 400},
    {"GET /% HTTP/1.1\r\n" HOST END, 400},
    {"GET /%4x HTTP/1.1\r\n" HOST END, 400},
    {"GET /?%f HTTP/1.1\r\n" HOST END, 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST END, 400},
    {"GET /\x7f HTTP/1.1\r\n" HOST END, 400},
    /* --- Host --- */
    {GET END, 400},
    {GET HOST HOST END, 400},
    {"GET / HTTP/1.0\r\n" HOST HOST END, 400},
    {GET "Host:\r\n" END, 400},
    {GET "Host: a b\r\n" END, 400},
    {GET "Host: a,b\r\n" END, 0}, /* a sub-delim: RFC 3986 3.2.2 */
    {GET "Host: u@a\r\n" END, 400},
    {GET "Host: a/b\r\n" END, 400},
    {GET "Host: a:99999\r\n" END, 400},
    {"GET / HTTP/1.0\r\nHost: a b\r\n" END, 400},
    {"GET http://b/ HTTP/1.1\r\n" END, 400},
    {"GET http://b/ HTTP/1.1\r\nHost: x y\r\n" END, 400},
    /* --- field lines --- */
    {GET ": a\r\n" END, 400},
    {GET "Host\r\n" END, 400},
    {GET HOST "X Y: a\r\n" END, 400},
    {GET HOST "X@: a\r\n" END, 400},
    {GET HOST "\xc3: a\r\n" END, 400},
    {GET " Host: a\r\n" END, 400},
    {GET HOST " \r\n" END, 400},
    {GET HOST "X: a\rb\r\n" END, 400},
    {GET HOST "X: a\r\r\n" END, 400},
    {GET HOST "\rX", 400},
    {GET HOST "X: 0123456789abcdef\x01\r\n" END, 400},
    {GET HOST "X: 0123456789abcdef\x7f\r\n" END, 400},
    /* --- framing --- */
    {GET HOST "Content-Length:\r\n" END, 400},
    {GET HOST "Content-Length: +1\r\n" END, 400},
    {GET HOST "Content-Length: -1\r\n" END, 400},
    {GET HOST "Content-Length: 1 1\r\n" END, 400},
    {GET HOST "Content-Length: 1,1\r\n" END, 400},
    {GET HOST "Content-Length: 0x1\r\n" END, 400},
    {GET HOST "Content-Length: 1.0\r\n" END, 400},
    {GET HOST "Content-Length: 9223372036854775808\r\n" END, 400},
    {GET HOST "Content-Length: 18446744073709551617\r\n" END, 400},
    {GET HOST "Content-Length: 1\r\ncontent-length: 1\r\n" END, 400},
    {GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END, 400},
    {GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n" END, 400},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, 400},
    {GET HOST "Transfer-Encoding:\r\n" END, 400},
    {GET HOST "Transfer-Encoding: chunked, chunked\r\n" END, 400},
    {GET HOST "Transfer-Encoding: chunked, gzip\r\n" END, 400},
    {GET HOST "Transfer-Encoding: gzip\r\n" END, 400},
    {GET HOST "Transfer-Encoding: identity\r\n" END, 400},
    {GET HOST "Transfer-Encoding: xchunked\r\n" END, 400},
    {GET HOST "Transfer-Encoding: chunked;a=b\r\n" END, 400},
    {GET HOST "Transfer-Encoding: \"chunked\"\r\n" END, 400},
    {GET HOST "Transfer-Encoding: ,chunked\r\n" END, 400},
    {GET HOST "Transfer-Encoding: gzip, chunked\r\n" END, 501},
    /* --- expectations --- */
    {GET HOST "Expect: 200-ok\r\n" END, 417},
    {GET HOST "Expect: 100-continue, x\r\n" END, 417},
    {"GET / HTTP/1.0\r\nExpect: x\r\n" END, 0},
};

TEST(head_outcomes)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++)
        expect(cases[i].in, cases[i].want);
}

/* Every byte in every place: method, target, name, value. */
TEST(head_every_byte)
{
    static const char odd[] = "-._~:/?[]@!$&'()*+,;=%|^";

    for (int b = 0; b < 256; b++) {
        bool alnum = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') ||
                     (b >= 'a' && b <= 'z');
        bool target = alnum || (b > 0 && strchr(odd, b));
        bool value = b == '\t' || (b >= 0x20 && b != 0x7f);
        char in[128];
        size_t n;

        n = (size_t)snprintf(in, sizeof in, "GET /%c41 HTTP/1.1\r\n" HOST END,
                             'x');
        in[5] = (char)b;
        /* a space ends the target: then "41" stands for the version */
        expect_n(in, n, target ? 0 : 400);
        n = (size_t)snprintf(in, sizeof in, GET HOST "X%c: a\r\n" END, 'x');
        in[26] = (char)b;
        /* a colon ends the name: ": a" is its value */
        expect_n(in, n, b == ':' || mr_is_token_byte((char)b) ? 0 : 400);
        n = (size_t)snprintf(in, sizeof in, GET HOST "X: %c\r\n" END, 'x');
        in[28] = (char)b;
        expect_n(in, n, value ? 0 : 400);
        n = (size_t)snprintf(in, sizeof in, "G%cT / HTTP/1.1\r\n" HOST END,
                             'x');
        in[1] = (char)b;
        expect_n(in, n, b == 'E' ? 0 : mr_is_token_byte((char)b) ? 501 : 400);
    }
}

/* --- what http-parser 2.9.4 as Debian builds it lets through --- */

TEST(lenient_bare_lf)
{
    expect("GET / HTTP/1.1\nHost: a\n\n", 400);
    expect(GET "Host: a\n" END, 400);
    expect(GET HOST "\n", 400);
}

TEST(lenient_two_spaces)
{
    expect("GET  / HTTP/1.1\r\n" HOST END, 400);
    expect("GET /  HTTP/1.1\r\n" HOST END, 400);
}

TEST(lenient_space_in_name)
{
    expect(GET "Host : a\r\n" END, 400);
    expect(GET HOST "Transfer-Encoding : chunked\r\n" END, 400);
    expect(GET HOST "Content Length: 1\r\n" END, 400);
    expect(GET HOST "X\t: 1\r\n" END, 400);
}

TEST(lenient_first_byte_of_value)
{
    for (int b = 0; b < 0x20; b++) {
        char in[] = GET HOST "X:?\r\n" END;

        in[27] = (char)b;
        expect_n(in, sizeof in - 1, b == '\t' ? 0 : 400);
    }
}

TEST(lenient_folding)
{
    expect(GET HOST "X: a\r\n b\r\n" END, 400);
    expect(GET HOST "Transfer-Encoding:\r\n chunked\r\n" END, 400);
    expect(GET HOST "X: a\r\n\tb\r\n" END, 400);
}

TEST(lenient_versions)
{
    expect("GET / HTTP/3.7\r\n" HOST END, 505);
    expect("GET / HTTP/0.0\r\n" HOST END, 505);
}

TEST(lenient_targets)
{
    static const char bytes[] = "#\"<>\\`{}";

    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        bool query = strchr("`{}", bytes[i]);
        char in[64];

        CASE("%c", bytes[i]);
        snprintf(in, sizeof in, "GET /%c HTTP/1.1\r\n" HOST END, bytes[i]);
        expect(in, 400);
        snprintf(in, sizeof in, "GET /%c?a HTTP/1.1\r\n" HOST END, bytes[i]);
        expect(in, 400);
        snprintf(in, sizeof in, "GET /?%ca HTTP/1.1\r\n" HOST END, bytes[i]);
        expect(in, query ? 0 : 400);
        snprintf(in, sizeof in, "GET /?a{%c HTTP/1.1\r\n" HOST END, bytes[i]);
        expect(in, query ? 0 : 400);
    }
}

TEST(lenient_no_host)
{
    expect(GET END, 400);
}

/* As Node's advisories CVE-2020-8287 and -2022-32214 have them. */
TEST(lenient_second_transfer_encoding)
{
    expect(GET HOST "Transfer-Encoding: chunked\r\n"
                    "Transfer-Encoding: identity\r\n" END,
           400);
    expect(GET HOST "Transfer-Encoding: chunked\r\n"
                    "transfer-encoding: chunked\r\n" END,
           400);
}

TEST(lenient_transfer_encodingx)
{
    static const char in[] = GET HOST "Transfer-EncodingX: chunked\r\n" END;
    struct one o;

    expect(in, 0);
    init(&o);
    EQ_INT(mr_head_scan(&o.scan, in, sizeof in - 1), MR_SCAN_DONE);
    EQ_INT(o.head.framing, MR_FRAMING_NONE);
    EQ_INT(o.head.known[MR_KNOWN_TRANSFER_ENCODING], 0);
}

/* --- limits: the last that passes, the first that does not --- */

TEST(limit_target)
{
    for (int extra = 0; extra <= 1; extra++) {
        char in[256];

        snprintf(in, sizeof in, "GET /%0*d HTTP/1.1\r\n" HOST END, 63 + extra,
                 0);
        expect(in, extra ? 414 : 0);
    }
    /* one that never ends */
    expect("GET /0000000000111111111122222222223333333333444444444455555555556"
           "6666666667777777777",
           414);
}

TEST(limit_head)
{
    for (int extra = 0; extra <= 1; extra++) {
        char in[600];
        int n = snprintf(in, sizeof in, GET HOST "X: %0*d\r\n" END,
                         512 - 32 + extra, 0);

        EQ_INT(n, 512 + extra);
        expect(in, extra ? 431 : 0);
    }
}

TEST(limit_fields)
{
    expect(GET HOST "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n" END, 0);
    expect(GET HOST "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n" END,
           431);
}

/* --- what is found --- */

TEST(known_names)
{
#define X(id, name)                                                        \
    EQ_INT(mr_known_find(mr_str(name)), MR_KNOWN_##id);                    \
    EQ_INT(mr_known_find(mr_str_n(name, sizeof name - 2)), MR_KNOWN_NONE); \
    EQ_INT(mr_known_find(mr_str(name "x")), MR_KNOWN_NONE);
    MR_KNOWN_FIELDS(X)
#undef X
    EQ_INT(mr_known_find(mr_str("CoNtEnT-lEnGtH")), MR_KNOWN_CONTENT_LENGTH);
    EQ_INT(mr_known_find(mr_str("")), MR_KNOWN_NONE);
}

TEST(head_fields)
{
    static const char in[] = GET HOST "X:\t b c\t\r\ny:\r\n" END "rest";
    struct one o;

    init(&o);
    EQ_INT(mr_head_scan(&o.scan, in, sizeof in - 1), MR_SCAN_DONE);
    EQ_INT(o.scan.pos, sizeof in - 1 - 4);
    EQ_INT(o.head.headers.n, 3);
    OK(mr_str_is(o.head.headers.v[1].name, "X"));
    OK(mr_str_is(o.head.headers.v[1].value, "b c"));
    OK(mr_str_is(o.head.headers.v[2].name, "y"));
    EQ_INT(o.head.headers.v[2].value.n, 0);
    OK(mr_str_is(mr_head_known(&o.head, MR_KNOWN_HOST), "a"));
    EQ_PTR(mr_head_known(&o.head, MR_KNOWN_TE).p, NULL);
    mr_head_scan_reset(&o.scan);
    EQ_INT(mr_head_scan(&o.scan, GET HOST END, 27), MR_SCAN_DONE);
    EQ_INT(o.head.headers.n, 1);
}

/* --- trailers --- */

static int scan_trailers(const char *z)
{
    struct mr_field room[8];
    struct mr_headers h;
    struct mr_head_scan s;

    mr_headers_init(&h, room, 8);
    mr_trailer_scan_init(&s, &limits, &h);
    switch (mr_head_scan(&s, z, strlen(z))) {
    case MR_SCAN_MORE:
        return -1;
    case MR_SCAN_DONE:
        return (int)h.n;
    case MR_SCAN_BAD:
        break;
    }
    return s.status;
}

TEST(trailers)
{
    EQ_INT(scan_trailers("\r\n"), 0);
    EQ_INT(scan_trailers("X: a\r\ny: b\r\n\r\n"), 2);
    EQ_INT(scan_trailers("X: a\r\n"), -1);
    EQ_INT(scan_trailers("X: a\n\r\n"), 400);
    EQ_INT(scan_trailers(" X: a\r\n\r\n"), 400);
    EQ_INT(scan_trailers("content-LENGTH: 1\r\n\r\n"), 400);
    EQ_INT(scan_trailers("Transfer-Encoding: chunked\r\n\r\n"), 400);
    EQ_INT(scan_trailers("Host: a\r\n\r\n"), 400);
    EQ_INT(scan_trailers("Authorization: a\r\n\r\n"), 400);
    EQ_INT(scan_trailers("a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:"
                         "\r\n\r\n"),
           431);
}

SUITE("outcomes", head_outcomes, head_every_byte)
SUITE("http-parser's leniencies", lenient_bare_lf, lenient_two_spaces,
      lenient_space_in_name, lenient_first_byte_of_value, lenient_folding,
      lenient_versions, lenient_targets, lenient_no_host,
      lenient_second_transfer_encoding, lenient_transfer_encodingx)
SUITE("limits", limit_target, limit_head, limit_fields)
SUITE("contents", known_names, head_fields, trailers)
TEST_MAIN()
