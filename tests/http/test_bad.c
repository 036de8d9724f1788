/* SPDX-License-Identifier: MIT */
/* The misbehaving server does what its URLs say: else tests that stand on it
 * would show nothing. */
#include <errno.h>
#include <stdio.h>

#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/bad/bad.h"
#include "tests/core/in_hub.h"

static char in[256 * 1024];

/* All that comes for one request, until the end. The length, or -Exxx. */
static ssize_t ask(const struct bad *b, const char *target, const char *fields)
{
    struct mr_addr at;
    char text[1024];
    size_t n = 0;
    ssize_t got = 0;
    int len, fd;

    snprintf(text, sizeof text, "127.0.0.1:%u", bad_port(b));
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str(text)), 0);
    fd = mr_connect(&at, mr_after_s(30));
    CHECK_OK(fd >= 0);
    len = snprintf(text, sizeof text,
                   "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n",
                   target, fields);
    CHECK_EQ_INT(mr_send(fd, text, (size_t)len, 0, mr_after_s(30)), len);
    while (n < sizeof in - 1 && (got = mr_recv(fd, in + n, sizeof in - 1 - n, 0,
                                               mr_after_s(30))) > 0)
        n += (size_t)got;
    in[n] = 0;
    mr_fd_close(fd);
    return got < 0 ? got : (ssize_t)n;
}

static struct mr_str body(size_t n)
{
    char *end = strstr(in, "\r\n\r\n");
    size_t head = end ? (size_t)(end + 4 - in) : n;

    return mr_str_n(in + head, n - head);
}

TEST(bytes_depend_on_their_offset_alone)
{
    char whole[100], part[100];

    bad_fill(whole, sizeof whole, 1000, 7);
    for (size_t from = 0; from < sizeof whole; from++) {
        size_t n = sizeof whole - from;

        bad_fill(part, n, 1000 + from, 7);
        EQ_MEM(part, n, whole + from, n);
    }
    bad_fill(part, sizeof part, 1000, 8);
    OK(memcmp(whole, part, sizeof part) != 0);
}

/* What comes for a request, by the body's bytes of the file, and a part of the
 * head that must be there. */
static const struct {
    const char *target, *fields, *head;
    uint64_t from, n;
    int rc;
} cases[] = {
    {"/a?size=100K", "", "HTTP/1.1 200 OK", 0, 102400, 0},
    {"/a?size=100", "Range: bytes=10-19\r\n", "bytes 10-19/100", 10, 10, 0},
    {"/a?size=100", "Range: bytes=-10\r\n", "bytes 90-99/100", 90, 10, 0},
    {"/a?size=600", "Range: bytes=600-\r\n", " 416 ", 0, 512, 0},
    {"/a?size=99&ranges=no", "Range: bytes=1-\r\n", " 200 ", 0, 99, 0},
    {"/a?size=99&ranges=shifted", "Range: bytes=1-8\r\n", " 2-9/99", 1, 8, 0},
    {"/a?size=99&ranges=unasked", "", " 206 ", 0, 99, 0},
    {"/a?size=99&ranges=total", "Range: bytes=1-8\r\n", " 1-8/100", 1, 8, 0},
    {"/a?size=99&ranges=short", "Range: bytes=0-9\r\n", " 0-4/99", 0, 5, 0},
    {"/a?size=600&ranges=refused", "Range: bytes=1-8\r\n", " 416 ", 0, 512, 0},
    {"/a?size=99&ranges=garbage", "Range: bytes=1-8\r\n", "bytes all", 1, 8, 0},
    {"/a?size=99&ranges=none", "Range: bytes=1-8\r\n", "Accept-Ranges: none", 0,
     99, 0},
    {"/a?size=99&blind=1", "Range: bytes=1-\r\nIf-Range: \"x\"\r\n", " 206 ", 1,
     98, 0},
    {"/a?size=99", "Range: bytes=1-\r\nIf-Range: \"1-99\"\r\n", " 206 ", 1, 98,
     0},
    {"/a?size=99", "Range: bytes=1-\r\nIf-Range: \"2-99\"\r\n", " 200 ", 0, 99,
     0},
    {"/a?size=99&length=200", "", "Content-Length: 200", 0, 99, 0},
    {"/a?size=99&at=50&do=cut", "", "Content-Length: 99", 0, 50, 0},
    {"/a?size=99&at=50&do=reset", "", "", 0, 0, -ECONNRESET},
    {"/a?size=99&frame=close", "", " 200 ", 0, 99, 0},
    {"/a?size=9&status=503&retry=3", "", "Retry-After: 3\r\n", 0, 9, 0},
    {"/a?size=9&hops=2", "", "Location: /a?size=9&hops=1\r\n", 0, 9, 0},
    {"/a?size=9&field=X-A:%20b%0d%0aX-C:%20d", "", "X-A: b\r\nX-C: d\r\n", 0, 9,
     0},
    {"/a?size=9&piece=2&every=1ms", "", " 200 ", 0, 9, 0},
    {"/a?size=9&wait=1ms", "", " 200 ", 0, 9, 0},
    {"/a?size=9&then=say", "", "Connection: close\r\n", 0, 9, 0},
    {"/a?size=9&needs=X-A:%20b", "", " 403 ", 0, 9, 0},
    {"/a?size=9&needs=X-A:%20b", "X-A: b\r\n", " 200 ", 0, 9, 0},
    {"/a?size=9&login=eA==", "", " 401 ", 0, 9, 0},
    {"/once?size=9&status=404&times=1", "", " 404 ", 0, 9, 0},
    {"/once?size=9&status=404&times=1", "", " 200 ", 0, 9, 0},
    {"/late?size=9&status=404&after=1", "", " 200 ", 0, 9, 0},
    {"/late?size=9&status=404&after=1", "", " 404 ", 0, 9, 0},
};

IN_HUB(does_what_the_target_says)
{
    static char want[128 * 1024];
    struct bad *b;

    CHECK_EQ_INT(bad_open(&b, "127.0.0.1:0", NULL), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        ssize_t n;
        struct mr_str got;

        CASE("%s %s", cases[i].target, cases[i].fields);
        n = ask(b, cases[i].target, cases[i].fields);
        if (cases[i].rc) {
            CHECK_EQ_INT(n, cases[i].rc);
            continue;
        }
        got = body(n < 0 ? 0 : (size_t)n);
        bad_fill(want, cases[i].n, cases[i].from, 1);
        CHECK_EQ_MEM(got.p, got.n, want, cases[i].n);
        CHECK_OK(strstr(in, cases[i].head) != NULL);
    }
    CHECK_EQ_INT(bad_path(b, "/once")->requests, 2);
    CHECK_EQ_INT(bad_path(b, "/late")->bytes, 18);
    CHECK_EQ_INT(bad_stat(b)->requests, MR_ARRAY_LEN(cases));
    CHECK_EQ_INT(bad_stat(b)->most_live, 1);
    bad_close(b);
    return 0;
}

IN_HUB(a_slip_in_an_option_is_seen)
{
    struct bad *b;

    CHECK_EQ_INT(bad_open(&b, "[::1]:0", NULL), 0);
    bad_close(b);
    CHECK_EQ_INT(bad_open(&b, "127.0.0.1:0", NULL), 0);
    CHECK_OK(ask(b, "/a?sise=3", "") > 0);
    CHECK_OK(strstr(in, " 400 ") && strstr(in, "sise"));
    CHECK_OK(ask(b, "/a?do=nothing", "") > 0);
    CHECK_OK(strstr(in, " 400 ") != NULL);
    bad_close(b);
    return 0;
}

IN_HUB(chunks_and_flaws_in_them)
{
    struct bad *b;

    CHECK_EQ_INT(bad_open(&b, "127.0.0.1:0", NULL), 0);
    CHECK_OK(ask(b,
                 "/a?size=20&fill=text&frame=chunked&chunk=8"
                 "&trailer=X-T:%201",
                 "") > 0);
    CHECK_OK(strstr(in, "\r\n\r\n8\r\naaaaaaaa\r\n8\r\naaaaaaaa\r\n4\r\naaaa"
                        "\r\n0\r\nX-T: 1\r\n\r\n") != NULL);
    CHECK_OK(ask(b,
                 "/a?size=20&fill=text&frame=chunked&chunk=8&at=9"
                 "&chunks=garbage",
                 "") > 0);
    CHECK_OK(strstr(in, "8\r\naaaaaaaa\r\nxyz\r\naaaaaaaa\r\n4\r\n") != NULL);
    CHECK_OK(ask(b, "/a?size=8&fill=text&frame=chunked&chunks=unended", "") >
             0);
    CHECK_OK(strstr(in, "8\r\naaaaaaaa\r\n") && !strstr(in, "\r\n0\r\n"));
    bad_close(b);
    return 0;
}

SUITE("bad", bytes_depend_on_their_offset_alone, does_what_the_target_says,
      a_slip_in_an_option_is_seen, chunks_and_flaws_in_them)
TEST_MAIN()
