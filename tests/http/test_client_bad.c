/* SPDX-License-Identifier: MIT */
/* The client against the misbehaving server (tests/bad/bad.h): each way to go
 * wrong, what comes of it, and that no wrong byte is given out before. */
#include <errno.h>
#include <stdio.h>

#include "core/timer.h"
#include "http/client.h"
#include "tests/bad/bad.h"
#include "tests/core/in_hub.h"

#define S(n) "/f?size=" #n

/* What a URL comes to. */
struct wrong {
    const char *target;
    int call;   /* of mr_client_call */
    int status; /* when that was 0 */
    int read;   /* the last read */
    int64_t n;  /* bytes before it, all right; -1: any number, all right;
                 * -2: whatever they are */
};

static const struct wrong framed[] = {
    /* what is well */
    {S(0), 0, 200, 0, 0},
    {S(300K), 0, 200, 0, 307200},
    {S(300K) "&frame=chunked&chunk=1000", 0, 200, 0, 307200},
    {S(300K) "&frame=close", 0, 200, 0, 307200},
    {S(300K) "&frame=none&then=close", 0, 200, 0, 307200},
    {S(1000) "&piece=10&every=1ms", 0, 200, 0, 1000},
    {S(1000) "&http=1.0", 0, 200, 0, 1000},
    {S(1000) "&http=1.0&frame=close", 0, 200, 0, 1000},
    {S(100) "&interim=3", 0, 200, 0, 100},
    {S(100) "&frame=chunked&chunks=extension", 0, 200, 0, 100},
    {S(100) "&frame=chunked&trailer=X-T:%201", 0, 200, 0, 100},
    {S(100) "&status=404", 0, 404, 0, 100},
    {S(100) "&status=503&retry=1", 0, 503, 0, 100},
    {S(100) "&early=1", 0, 200, 0, 100},
    {S(100) "&ranges=unasked", 0, 206, 0, 100},
    /* bodies that end too early */
    {S(300K) "&at=1000&do=cut", 0, 200, -ENODATA, 1000},
    {S(300K) "&at=1000&do=reset", 0, 200, -ECONNRESET, -1},
    {S(100) "&at=0&do=cut", 0, 200, -ENODATA, 0},
    {S(100) "&at=99&do=cut", 0, 200, -ENODATA, 99},
    {S(100) "&length=101&then=close", 0, 200, -ENODATA, 100},
    {S(100) "&length=9223372036854775807&then=close", 0, 200, -ENODATA, 100},
    {S(300K) "&frame=chunked&at=1000&do=cut", 0, 200, -ENODATA, 1000},
    {S(300K) "&frame=chunked&at=1000&do=reset", 0, 200, -ECONNRESET, -1},
    {S(100) "&frame=chunked&chunks=unended", 0, 200, -ENODATA, 100},
    {S(300K) "&frame=chunked&at=1000&chunks=unended", 0, 200, -ENODATA, -1},
    {S(300K) "&frame=close&at=1000&do=reset", 0, 200, -ECONNRESET, -1},
    /* bodies that are not well formed */
    {S(300K) "&frame=chunked&at=40000&chunks=garbage", 0, 200, -EBADMSG, -1},
    {S(300K) "&frame=chunked&at=40000&chunks=huge", 0, 200, -EBADMSG, -1},
    {S(300K) "&frame=chunked&at=40000&chunks=negative", 0, 200, -EBADMSG, -1},
    {S(300K) "&frame=chunked&at=40000&chunks=bare", 0, 200, -EBADMSG, -1},
    {S(100) "&frame=chunked&chunks=garbage", 0, 200, -EBADMSG, -1},
    {S(100) "&frame=chunked&chunks=trailer", 0, 200, -EBADMSG, -1},
    /* heads */
    {S(100) "&frame=both", -EBADMSG, 0, 0, 0},
    {S(100) "&field=Content-Length:%2099", -EBADMSG, 0, 0, 0},
    {S(100) "&length=0x64", -EBADMSG, 0, 0, 0},
    {S(100) "&length=-1", -EBADMSG, 0, 0, 0},
    {S(100) "&length=99999999999999999999", -EBADMSG, 0, 0, 0},
    {S(100) "&field=No-colon", -EBADMSG, 0, 0, 0},
    {S(100) "&field=A%0aB:%20c", -EBADMSG, 0, 0, 0},
    {S(100) "&field=A:%20%00", -EBADMSG, 0, 0, 0},
    {S(100) "&field=Transfer-Encoding:%20gzip", -EBADMSG, 0, 0, 0},
    {S(100) "&http=0.9", -EBADMSG, 0, 0, 0},
    {S(100) "&http=2.0", -EBADMSG, 0, 0, 0},
    {S(100) "&fields=1000000", -EBADMSG, 0, 0, 0},
    {S(100) "&fields=100&field_size=60000", -EBADMSG, 0, 0, 0},
    {S(100) "&interim=100000", -EBADMSG, 0, 0, 0},
    {S(100) "&interim=1&interim_status=101", -EBADMSG, 0, 0, 0},
    {S(0) "&head=bytes&raw=HTTP/1.1%20200&then=close", -ENODATA, 0, 0, 0},
    {S(0) "&head=bytes&raw=SSH-2.0%0d%0a&then=close", -EBADMSG, 0, 0, 0},
    {S(0) "&head=half&do=cut", -ENODATA, 0, 0, 0},
    {S(0) "&head=half&do=reset", -ECONNRESET, 0, 0, 0},
    {S(0) "&head=none&do=cut", -ENODATA, 0, 0, 0},
    {S(0) "&head=none&do=reset", -ECONNRESET, 0, 0, 0},
    {S(0) "&head=none", -ETIMEDOUT, 0, 0, 0},
    {S(0) "&head=half", -ETIMEDOUT, 0, 0, 0},
    {S(100) "&at=50&do=stall", 0, 200, -ETIMEDOUT, 50},
};

static const struct wrong coded[] = {
    {S(300K) "&coding=gzip", 0, 200, 0, 307200},
    {S(300K) "&coding=br&frame=chunked", 0, 200, 0, 307200},
    {S(300K) "&coding=zstd&frame=close", 0, 200, 0, 307200},
    {S(300K) "&coding=gzip&at=1000&do=cut", 0, 200, -ENODATA, -1},
    {S(300K) "&coding=gzip&frame=close&at=1000&do=cut", 0, 200, -ENODATA, -1},
    {S(300K) "&coding=br&frame=close&at=1000&do=cut", 0, 200, -ENODATA, -1},
    {S(300K) "&coding=zstd&frame=close&at=1000&do=cut", 0, 200, -ENODATA, -1},
    {S(300K) "&said=gzip", 0, 200, -EBADMSG, 0},
    {S(300K) "&said=br", 0, 200, -EBADMSG, -1},
    {S(300K) "&said=zstd", 0, 200, -EBADMSG, 0},
    {S(300K) "&coding=gzip&at=50&do=wrong", 0, 200, -EBADMSG, -2},
    {S(300K) "&coding=zstd&at=50&do=wrong", 0, 200, -EBADMSG, -2},
    {S(1G) "&fill=zero&coding=gzip&frame=chunked", 0, 200, -EFBIG, -2},
    {S(1G) "&fill=zero&coding=br&frame=chunked", 0, 200, -EFBIG, -2},
    {S(1G) "&fill=zero&coding=zstd&frame=chunked", 0, 200, -EFBIG, -2},
};

static const struct wrong redirected[] = {
    {S(100) "&hops=3", 0, 200, 0, 100},
    {S(100) "&hops=4", -ELOOP, 0, 0, 0},
    {S(100) "&status=302&to=/f%3fstatus%3d302%26to%3d/f", 0, 200, 0, 65536},
    {"/loop?status=307&to=/loop%3fstatus%3d307%26to%3d/loop%253f", 0, 200, 0,
     65536},
    {S(100) "&status=302", 0, 302, 0, 100},
};

static int64_t drain(struct mr_call *call, bool check, int *ret_rc)
{
    static char buf[64 * 1024], want[64 * 1024];
    int64_t sum = 0;
    ssize_t n;

    while ((n = mr_call_read(call, buf, sizeof buf, mr_after_s(60))) > 0) {
        bad_fill(want, (size_t)n, (uint64_t)sum, 1);
        check = check && CHECK_EQ_MEM(buf, (size_t)n, want, (size_t)n);
        sum += n;
    }
    *ret_rc = (int)n;
    return sum;
}

struct site {
    struct bad *bad;
    struct mr_client *client;
};

static void open_site(struct site *s, const char *at)
{
    char why[MR_CLIENT_WHY];

    CHECK_EQ_INT(bad_open(&s->bad, at, NULL), 0);
    CHECK_EQ_INT(mr_client_new(&s->client,
                               &(struct mr_client_options){
                                   .max_redirects = 3,
                                   .max_decoded = 4 << 20,
                                   .first_byte_timeout = mr_ms(300),
                                   .body_timeout = mr_ms(300)},
                               why),
                 0);
}

static void close_site(struct site *s)
{
    mr_client_free(s->client);
    bad_close(s->bad);
}

static int get(struct site *s, const char *target, struct mr_call **ret)
{
    char url[1024], why[MR_CLIENT_WHY] = "";
    int rc;

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", bad_port(s->bad),
             target);
    *ret = NULL;
    rc = mr_client_get(s->client, url, ret, why, mr_after_s(60));
    CHECK_OK(rc == 0 || why[0] != 0);
    return rc;
}

/* One row, and that the next request is none the worse for it. */
static void one(struct site *s, const struct wrong *w)
{
    struct mr_call *call;
    int rc = get(s, w->target, &call);
    int64_t n;

    CHECK_EQ_INT(rc, w->call);
    if (rc == 0) {
        CHECK_EQ_INT(mr_call_head(call)->status, w->status);
        n = drain(call, w->n != -2, &rc);
        CHECK_EQ_INT(rc, w->read);
        if (w->n >= 0)
            CHECK_EQ_INT(n, w->n);
        /* An error comes again. */
        if (rc)
            CHECK_EQ_INT(mr_call_read(call, &n, 1, mr_after_s(1)), rc);
        CHECK_OK(rc == 0 || mr_call_why(call)[0] != 0);
        mr_call_close(call);
    }
    CHECK_EQ_INT(get(s, "/after?size=1000", &call), 0);
    if (!call)
        return;
    CHECK_EQ_INT(drain(call, true, &rc), 1000);
    CHECK_EQ_INT(rc, 0);
    mr_call_close(call);
}

static void all(const struct wrong *w, size_t n)
{
    struct site s;

    open_site(&s, "127.0.0.1:0");
    for (size_t i = 0; i < n; i++) {
        CASE("%s", w[i].target);
        one(&s, &w[i]);
    }
    close_site(&s);
}

IN_HUB(heads_and_framing)
{
    all(framed, MR_ARRAY_LEN(framed));
    return 0;
}

IN_HUB(codings)
{
    all(coded, MR_ARRAY_LEN(coded));
    return 0;
}

IN_HUB(redirects)
{
    all(redirected, MR_ARRAY_LEN(redirected));
    return 0;
}

/* The number of the connection that an answer came on; 0: not said. */
static uint64_t number_of(struct mr_call *call)
{
    struct mr_str v =
        mr_headers_get(&mr_call_head(call)->headers, "x-connection");
    uint64_t n = 0;

    CHECK_OK(!v.p || mr_str_to_u64(v, UINT64_MAX, &n) == 0);
    return n;
}

static uint64_t ask(struct site *s, const char *target)
{
    struct mr_call *call;
    uint64_t n;
    int rc;

    CHECK_EQ_INT(get(s, target, &call), 0);
    if (!call)
        return 0;
    n = number_of(call);
    drain(call, false, &rc);
    CHECK_EQ_INT(rc, 0);
    mr_call_close(call);
    return n;
}

/* After which answers the connection is used again. */
IN_HUB(connections_that_can_be_trusted)
{
    static const struct {
        const char *target;
        bool again;
    } cases[] = {
        {S(100), true},
        {S(100) "&frame=chunked", true},
        {S(100) "&status=404", true},
        {S(100) "&then=say", false},
        {S(100) "&then=close", false},
        {S(100) "&then=reset", false},
        {S(100) "&then=drop", false},
        {S(100) "&extra=10", false},
        {S(100) "&extra=100K", false},
        {S(100) "&length=50", false},
        {S(100) "&frame=close", false},
        {S(100) "&http=1.0", false},
    };
    struct site s;

    open_site(&s, "127.0.0.1:0");
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        uint64_t first;

        CASE("%s", cases[i].target);
        first = ask(&s, cases[i].target);
        CHECK_EQ_INT(ask(&s, "/next?size=3") == first, cases[i].again);
    }
    close_site(&s);
    return 0;
}

IN_HUB(closed_as_it_comes)
{
    struct mr_call *call;
    struct site s;
    int rc;

    open_site(&s, "127.0.0.1:0");
    ask(&s, "/arm?refuse=1");
    mr_client_close_idle(s.client);
    rc = get(&s, S(3), &call);
    CHECK_OK(rc == -ENODATA || rc == -ECONNRESET || rc == -EPIPE);
    ask(&s, "/arm?reset=1");
    mr_client_close_idle(s.client);
    CHECK_EQ_INT(get(&s, S(3), &call), -ECONNRESET);
    CHECK_EQ_INT(ask(&s, S(3)) > 0, true);
    close_site(&s);
    return 0;
}

SUITE("bad", heads_and_framing, codings, redirects,
      connections_that_can_be_trusted, closed_as_it_comes)
TEST_MAIN()
