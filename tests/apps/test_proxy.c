/* SPDX-License-Identifier: MIT */
/* test_proxy.c - the reverse proxy before this server itself, and before one
 * that misbehaves.
 *
 * over budget: one table, and the sites that it needs. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base.h"
#include "tests/apps/bad_child.h"
#include "tests/apps/client.h"
#include "tests/bad/bad.h"
#include "tests/http/ws_util.h"
#include "tests/test.h"

/* --- what goes there, and comes back --- */

static const char conf[] =
    "workers = 1\n"
    "load = '@APPS@/reflect.so'\n"
    "route '/reflect' { app = reflect }\n"
    "route '/chat' { app = chat }\n"
    "route '/p' {\n"
    "    app = proxy  to = 'http://@HOST@:8080/reflect/'  strip = on\n"
    "}\n"
    "route '/reflect/whole' { app = proxy  to = 'http://@HOST@:8080/p' }\n"
    "route '/append' {\n"
    "    app = proxy  to = 'http://@HOST@:8080/reflect'  strip = on\n"
    "    forwarded = append\n"
    "}\n"
    "route '/off' {\n"
    "    app = proxy  to = 'http://@HOST@:8080/reflect'  strip = on\n"
    "    forwarded = off  host = upstream\n"
    "}\n"
    "route '/loop' { app = proxy  to = 'http://@HOST@:8080' }\n"
    "route '/chatter' { app = proxy  to = 'http://@HOST@:8080/chat'\n"
    "    strip = on }\n"
    "route '/bad' { app = proxy  to = 'http://@HOST@:9000'  strip = on\n"
    "    answer_timeout = 200ms }\n"
    "route '/two' { app = proxy  strip = on  max_fails = 1\n"
    "    to = {'http://@HOST@:9001', 'http://@HOST@:9000'} }\n"
    "route '/dead' { app = proxy  to = 'http://@HOST@:9001' }\n";

static const struct {
    const char *request; /* "Host: t" and the empty line are added */
    int status;
    const char *has[4];
    const char *lacks[4];
} cases[] = {
    {"GET /p/a%20b;c/%7Ed?x=1&y HTTP/1.1\r\nX-Keep: 1\r\n",
     200,
     {"GET /reflect/a%20b;c/%7Ed?x=1&y HTTP/1.1\r\n", "\r\nHost: t\r\n",
      "\r\nX-Keep: 1\r\n", "\r\nVia: 1.1 millrace\r\n"},
     {"User-Agent"}},
    /* the path is the one that the route was chosen by */
    {"GET /x/../p/%2e/a HTTP/1.1\r\n",
     200,
     {"GET /reflect/a HTTP/1.1\r\n"},
     {0}},
    {"GET /p HTTP/1.1\r\n", 200, {"GET /reflect/ HTTP/1.1\r\n"}, {0}},
    {"GET /p?q HTTP/1.1\r\n", 200, {"GET /reflect/?q HTTP/1.1\r\n"}, {0}},
    {"GET http://t/p/a,b HTTP/1.1\r\n",
     200,
     {"GET /reflect/a%2Cb HTTP/1.1"},
     {0}},
    {"GET /reflect/whole/a HTTP/1.1\r\n",
     200,
     {"GET /reflect/reflect/whole/a HTTP/1.1\r\n",
      "\r\nVia: 1.1 millrace, 1.1 millrace\r\n"},
     {0}},
    /* of one connection, or nobody's word */
    {"GET /p HTTP/1.1\r\nConnection: X-A, keep-alive\r\nX-A: 1\r\n"
     "Keep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n"
     "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"
     "X-Forwarded-Proto: https\r\n",
     200,
     {"\r\nX-Forwarded-For: 127.", "\r\nX-Forwarded-Host: t\r\n",
      "\r\nX-Forwarded-Proto: http\r\n"},
     {"X-A", "6.6.6.6", "Keep-Alive", "https"}},
    {"GET /append HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\n"
     "X-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\n"
     "Via: 1.0 other\r\n",
     200,
     {"\r\nX-Forwarded-For: 6.6.6.6, 7.7.7.7, 127.",
      "\r\nX-Forwarded-Proto: https\r\n",
      "\r\nVia: 1.0 other, 1.1 millrace\r\n", "\r\nX-Forwarded-Host: t\r\n"},
     {"Proto: http\r\n"}},
    {"GET /append HTTP/1.1\r\nX-Forwarded-Host: h\r\n",
     200,
     {"\r\nX-Forwarded-Host: h\r\n", "\r\nX-Forwarded-Proto: http\r\n"},
     {"Host: t\r\nX-Forwarded-Host", "X-Forwarded-Host: t"}},
    {"GET /p HTTP/1.1\r\nHTTP2-Settings: x\r\nX_Forwarded_For: 6.6.6.6\r\n"
     "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
     200,
     {"GET /reflect/ HTTP/1.1\r\n"},
     {"HTTP2", "6.6.6.6", "h2c"}},
    {"GET /p HTTP/1.1\r\nUpgrade: websocket, H2c\r\nConnection: upgrade\r\n",
     200,
     {"GET /reflect/ HTTP/1.1\r\n"},
     {"H2c", "Upgrade"}},
    {"GET /off HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\n",
     200,
     {"\r\nHost: 127.", ":8080\r\n", "\r\nX-Forwarded-For: 6.6.6.6\r\n"},
     {"X-Forwarded-Host"}},
    {"GET /p HTTP/1.0\r\n", 200, {"\r\nVia: 1.0 millrace\r\n"}, {0}},
    /* bodies */
    {"PUT /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
     200,
     {"PUT /reflect/ ", "\r\nContent-Length: 5\r\n", "\r\n\r\n5"},
     {0}},
    {"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n",
     200,
     {"POST /reflect/ ", "\r\nTransfer-Encoding: chunked\r\n", "\r\n\r\n5"},
     {0}},
    {"POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n",
     200,
     {"\r\n\r\n0"},
     {"Expect"}},
    /* what goes wrong */
    {"GET /loop HTTP/1.1\r\n", 508, {0}, {0}},
    {"GET /dead HTTP/1.1\r\n", 502, {0}, {0}},
    {"GET /bad/wait?head=none HTTP/1.1\r\n", 504, {0}, {0}},
    {"GET /bad/f?size=9&fields=80 HTTP/1.1\r\n", 502, {0}, {0}},
    {"GET /bad/f?size=9&interim=1&interim_status=101 HTTP/1.1\r\n"
     "Upgrade: other\r\nConnection: upgrade\r\n",
     502,
     {0},
     {0}},
    {"GET /bad/cut?head=none&do=cut HTTP/1.1\r\n", 502, {0}, {0}},
    {"GET /bad/half?head=half&do=cut HTTP/1.1\r\n", 502, {0}, {0}},
    {"GET /bad/both?frame=both HTTP/1.1\r\n", 502, {0}, {0}},
    {"POST /bad/none?head=none&do=cut HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
     502,
     {0},
     {0}},
    {"GET /two/a?size=3&fill=zero HTTP/1.1\r\n", 200, {0}, {0}},
    {"GET /two/a?size=3&fill=zero HTTP/1.1\r\n", 200, {0}, {0}},
    {"GET /two/a?size=3&fill=zero HTTP/1.1\r\n", 200, {0}, {0}},
    /* another server's status owes us nothing */
    {"GET /bad/s?status=401&size=3 HTTP/1.1\r\n", 401, {0}, {0}},
    {"GET /bad/s?status=405&size=3 HTTP/1.1\r\n", 405, {0}, {0}},
    {"GET /bad/s?status=503&size=3&retry=7 HTTP/1.1\r\n", 503, {0}, {0}},
    {"GET /bad/s?status=299&size=3 HTTP/1.1\r\n", 299, {0}, {0}},
};

static bool ask(const struct site *s, const char *text, struct client_answer *a)
{
    const char *body = strstr(text, "\r\n\r\n");
    char all[1024];
    int fd = client_dial(s);
    bool ok;

    /* Host stands first: behind the request line */
    snprintf(all, sizeof all, "%.*s\r\nHost: t%s%s", (int)strcspn(text, "\r"),
             text, text + strcspn(text, "\r"), body ? "" : "\r\n");
    ok = client_send(fd, all) && client_answer(fd, a);
    close(fd);
    return ok;
}

TEST(proxy_passes_on)
{
    struct bad_child bad;
    struct client_answer a;
    struct site s = {0};

    OK(site_start(&s, conf));
    OK(bad_start(&bad, &s));
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%zu: %s", i, cases[i].request);
        OK(ask(&s, cases[i].request, &a));
        EQ_INT(a.status, cases[i].status);
        for (size_t k = 0; k < 4 && cases[i].has[k]; k++)
            if (!strstr(a.body, cases[i].has[k]))
                EQ_STR(a.body, cases[i].has[k]);
        for (size_t k = 0; k < 4 && cases[i].lacks[k]; k++)
            if (strstr(a.body, cases[i].lacks[k]))
                EQ_STR(a.body, cases[i].lacks[k]);
    }
    OK(ask(&s, "GET /p HTTP/1.1\r\n", &a));
    OK(strstr(a.head, "\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n") != NULL);
    OK(site_log_has(&s, "9001/ has failed 1 times: left alone for 10 s"));
    OK(site_log_has(&s, "its answer cannot be passed on"));
    OK(!site_log_has(&s, "http: app proxy:")); /* it is told once */
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

/* --- bodies that are not whole, long ones, and who leaves --- */

/* All bytes until the connection ends: how many; -1: by a reset. */
static ssize_t read_out(int fd, char *buf, size_t size)
{
    ssize_t got;
    size_t n = 0;

    while ((got = read(fd, buf + n, size - n)) > 0)
        n += (size_t)got;
    return got < 0 ? -1 : (ssize_t)n;
}

static ssize_t fetch(const struct site *s, const char *target, char *buf,
                     size_t size)
{
    char text[256];
    int fd = client_dial(s);
    ssize_t n;

    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", target);
    n = client_send(fd, text) ? read_out(fd, buf, size) : -1;
    close(fd);
    return n;
}

static ssize_t head_of(const struct site *s, const char *target, char *buf,
                       size_t size)
{
    char text[256];
    int fd = client_dial(s);
    ssize_t n;

    snprintf(text, sizeof text,
             "HEAD %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
             target);
    n = client_send(fd, text) ? read_out(fd, buf, size) : -1;
    close(fd);
    return n;
}

/* Is it the whole file, with its length? */
static bool is_body(const char *in, size_t n, uint64_t size)
{
    static char want[1024 * 1024];
    const char *body = memmem(in, n, "\r\n\r\n", 4);

    bad_fill(want, (size_t)size, 0, 1);
    return body && n - (size_t)(body + 4 - in) == size &&
           memcmp(body + 4, want, (size_t)size) == 0;
}

TEST(proxy_bodies)
{
    static char in[2 * 1024 * 1024];
    struct bad_child bad;
    struct site s = {0};
    ssize_t n;

    OK(site_start(&s, conf));
    OK(bad_start(&bad, &s));
    n = fetch(&s, "/bad/a?size=1M", in, sizeof in);
    OK(n > 0 && is_body(in, (size_t)n, 1024 * 1024));
    n = fetch(&s, "/bad/b?size=300K&frame=close", in, sizeof in);
    OK(n > 300 * 1024 && memmem(in, (size_t)n, "\r\n0\r\n\r\n", 7));
    n = fetch(&s, "/bad/c?size=300K&frame=chunked", in, sizeof in);
    OK(n > 300 * 1024 && memmem(in, (size_t)n, "\r\n0\r\n\r\n", 7));
    /* a part is never whole: a length that is not reached, no last chunk */
    n = fetch(&s, "/bad/d?size=300K&at=100K&do=cut", in, sizeof in);
    OK(n > 100 * 1024 && n < 300 * 1024);
    n = fetch(&s, "/bad/e?size=300K&at=100K&do=reset&frame=chunked", in,
              sizeof in);
    OK(n < 0 || !memmem(in, (size_t)n, "\r\n0\r\n\r\n", 7));
    /* a length that nobody knows is not 0 */
    n = head_of(&s, "/bad/f?size=300K&frame=chunked", in, sizeof in);
    OK(n > 0 && strncmp(in, "HTTP/1.1 200 ", 13) == 0);
    OK(!memmem(in, (size_t)n, "Content-Length", 14));
    n = head_of(&s, "/bad/f?size=300K", in, sizeof in);
    OK(n > 0 && memmem(in, (size_t)n, "\r\nContent-Length: 307200\r\n", 26));
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

/* A server that takes connections and nothing else. */
static int mute_listener(const struct site *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9002)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (inet_pton(AF_INET, s->host, &at.sin_addr) != 1 || fd < 0 ||
        bind(fd, (const void *)&at, sizeof at) || listen(fd, 8))
        return -1;
    return fd;
}

/* It reads nothing of a long body: that is told, and in time. */
TEST(proxy_mute_server)
{
    static char much[256 * 1024];
    struct client_answer a;
    struct site s = {0};
    int fd, mute;

    OK(site_start(&s, "workers = 1\nroute '/' { app = proxy\n"
                      "    to = 'http://@HOST@:9002'\n"
                      "    answer_timeout = 100ms  read_timeout = 100ms }\n"));
    mute = mute_listener(&s);
    OK(mute >= 0);
    fd = client_dial(&s);
    OK(client_send(fd, "POST / HTTP/1.1\r\nHost: t\r\n"
                       "Content-Length: 100000000\r\n\r\n"));
    for (int i = 0; i < 400 && !client_is_readable(fd); i++)
        if (client_write_some(fd, much, sizeof much) <= 0)
            break;
    OK(client_answer(fd, &a));
    EQ_INT(a.status, 504);
    close(fd);
    close(mute);
    EQ_INT(site_stop(&s), 0);
}

/* A connection that is closed before the body has come: the next server gets
 * all of it. */
TEST(proxy_tries_again_with_a_body)
{
    struct bad_child bad;
    struct client_answer a;
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nroute '/arm' { app = proxy\n"
                      "    to = 'http://@HOST@:9000' }\n"
                      "route '/' { app = proxy  max_fails = 1\n"
                      "    to = {'http://@HOST@:9000', "
                      "'http://@HOST@:9000'} }\n"));
    OK(bad_start(&bad, &s));
    OK(client_get(&s, "/arm?refuse=1", &a));
    fd = client_dial(&s);
    OK(client_send(fd, "PUT /a?size=3 HTTP/1.1\r\nHost: t\r\n"
                       "Content-Length: 5\r\n\r\n"));
    OK(UNTIL(site_log_has(&s, "has failed 1 times")));
    OK(client_send(fd, "hello"));
    OK(client_answer(fd, &a));
    EQ_INT(a.status, 200);
    OK(client_get(&s, "/stat", &a));
    OK(strstr(a.body, "path /a requests 1 ranges 0 bytes 3 got 5 ") != NULL);
    close(fd);
    EQ_INT(site_stop(&s), 0);
    bad_stop(&bad);
}

/* What a server answers while it reads goes back while more goes there. */
TEST(proxy_both_ways)
{
    static const char *const heads[] = {
        "POST /pe HTTP/1.1\r\nHost: t\r\nContent-Length: 8388608\r\n\r\n",
        "POST /pe HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
        "chunked\r\n\r\n"};
    struct client_answer a;
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nroute '/echo' { app = echo }\n"
                      "route '/hello' { app = hello }\n"
                      "route '/pe' { app = proxy  strip = on\n"
                      "    to = 'http://@HOST@:8080/echo' }\n"
                      "route '/ph' { app = proxy  strip = on\n"
                      "    to = 'http://@HOST@:8080/hello' }\n"));
    for (int chunked = 0; chunked <= 1; chunked++) {
        fd = client_dial(&s);
        for (int i = 0; i < 2; i++)
            OK(client_pump(fd, heads[chunked], 8 * 1024 * 1024, chunked));
        OK(client_ask(fd, "/hello"));
        OK(client_answer(fd, &a));
        EQ_INT(a.status, 200);
        close(fd);
    }
    /* nobody there wants the body */
    fd = client_dial(&s);
    OK(client_send(fd, "POST /ph HTTP/1.1\r\nHost: t\r\n"
                       "Content-Length: 100000000\r\n\r\nabc"));
    OK(client_answer(fd, &a));
    EQ_STR(a.body, "hello, world\n");
    close(fd);
    OK(UNTIL(site_row(&s, 0)->in_flight == 0));
    EQ_INT(site_stop(&s), 0);
}

/* A client that leaves while a server thinks: the call there ends as well. */
#define TO_BAD                               \
    "workers = 1\nroute '/' { app = proxy\n" \
    "    to = 'http://@HOST@:9000' }\n"

/* The proxy's side of it goes with the client: /stat's is all that is left. */
static void client_leaves(struct site *s, int fd)
{
    struct client_answer a;

    close(fd);
    OK(UNTIL(site_row(s, 0)->in_flight == 0));
    OK(UNTIL(client_get(s, "/stat", &a) && strstr(a.body, "\nlive 1\n")));
}

TEST(proxy_client_leaves)
{
    struct bad_child bad;
    struct client_answer a;
    struct site s = {0};
    int fd;

    OK(site_start(&s, TO_BAD));
    OK(bad_start(&bad, &s));
    fd = client_dial(&s);
    OK(client_ask(fd, "/never?head=none"));
    OK(UNTIL(client_get(&s, "/stat", &a) && strstr(a.body, "path /never")));
    client_leaves(&s, fd);
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

/* So many bytes of an answer's body, at least, behind its head. */
static bool read_some(int fd, size_t n)
{
    char in[4096], *body = NULL;
    size_t got = 0;
    ssize_t rc;

    do {
        rc = read(fd, in + got, sizeof in - got);
        got += rc > 0 ? (size_t)rc : 0;
        body = memmem(in, got, "\r\n\r\n", 4);
    } while (rc > 0 && (!body || (size_t)(in + got - body - 4) < n));
    return rc > 0 && strncmp(in, "HTTP/1.1 200", 12) == 0;
}

/* What there is of an answer that stalls is passed on, be it the head alone.
 * And when its client leaves, the server is not kept until it says more. */
TEST(proxy_an_answer_that_stalls)
{
    static const struct {
        const char *target;
        size_t n;
    } stalls[] = {
        {"/never?size=300K&at=0&do=stall", 0},
        {"/never?size=300K&at=1&do=stall", 1},
        {"/never?size=300K&at=1K&do=stall", 1024},
        {"/never?size=300K&at=1K&do=stall&frame=chunked", 1024},
        {"/never?size=300K&at=1K&do=stall&frame=close", 1024},
    };
    struct bad_child bad;
    struct site s = {0};
    int fd;

    OK(site_start(&s, TO_BAD));
    OK(bad_start(&bad, &s));
    for (size_t i = 0; i < MR_ARRAY_LEN(stalls); i++) {
        CASE("%s", stalls[i].target);
        fd = client_dial(&s);
        OK(client_ask(fd, stalls[i].target));
        OK(read_some(fd, stalls[i].n));
        EQ_INT(site_row(&s, 0)->in_flight, 1);
        client_leaves(&s, fd);
    }
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

/* One that leaves while its request waits for a connection: it is not made. */
TEST(proxy_client_leaves_the_queue)
{
    struct bad_child bad;
    struct client_answer a;
    struct site s = {0};
    int first, second;

    OK(site_start(&s,
                  "workers = 1\nroute '/' { app = proxy\n"
                  "    to = 'http://@HOST@:9000' }\n"
                  "route '/one' { app = proxy  strip = on\n"
                  "    to = 'http://@HOST@:9000'  max_connections = 1 }\n"));
    OK(bad_start(&bad, &s));
    first = client_dial(&s);
    OK(client_ask(first, "/one/never?head=none"));
    OK(UNTIL(client_get(&s, "/stat", &a) && strstr(a.body, "path /never")));
    second = client_dial(&s);
    OK(client_send(second, "POST /one/order HTTP/1.1\r\nHost: t\r\n"
                           "Content-Length: 3\r\n\r\nabc"));
    OK(UNTIL(site_row(&s, 0)->in_flight == 2));
    close(second);
    OK(UNTIL(site_row(&s, 0)->in_flight == 1));
    /* Nor is it when there is a connection again. */
    close(first);
    OK(UNTIL(site_row(&s, 0)->in_flight == 0));
    OK(client_get(&s, "/one/next?size=3", &a));
    EQ_INT(a.status, 200);
    OK(client_get(&s, "/stat", &a));
    OK(strstr(a.body, "path /next"));
    OK(!strstr(a.body, "path /order"));
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

TEST(proxy_websocket)
{
    static char frame[256], in[4096];
    struct client_answer a;
    struct site s = {0};
    size_t n = 0;
    char *end;
    int fd;

    OK(site_start(&s, conf));
    fd = client_dial(&s);
    OK(client_send(fd, "GET /chatter/ws?name=ann HTTP/1.1\r\nHost: t\r\n"
                       "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    OK(client_answer(fd, &a));
    EQ_INT(a.status, 101);
    OK(strstr(a.head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    end = put_frame(frame, FIN | TEXT, "hello", 5);
    OK(client_write(fd, frame, (size_t)(end - frame)));
    while (!memmem(in, n, "\"text\":\"hello\"", 14)) {
        ssize_t got = read(fd, in + n, sizeof in - n);

        OK(got > 0);
        n += (size_t)got;
    }
    close(fd);
    OK(UNTIL(site_row(&s, 0)->in_flight == 0));
    EQ_INT(site_stop(&s), 0);
}

/* A server that is ill is asked for nothing until it is well. */
TEST(proxy_health)
{
    struct bad_child bad;
    struct client_answer a;
    struct site s = {0};

    OK(site_start(&s,
                  "workers = 1\nroute '/x' { app = hello }\n"
                  "route '/' { app = proxy  strip = on\n"
                  "    to = {'http://@HOST@:9000', 'http://@HOST@:8080/x'}\n"
                  "    health = '/x?size=1&status=500&times=2'\n"
                  "    health_interval = 20ms }\n"));
    OK(bad_start(&bad, &s));
    OK(UNTIL(site_log_has(&s, "9000/ is ill: ")));
    OK(UNTIL(site_log_has(&s, "9000/ is well")));
    OK(UNTIL(client_get(&s, "/stat", &a) && strstr(a.body, "path /x")));
    EQ_INT(site_stop(&s), 0);
    bad_stop(&bad);
}

/* The server ends while it waits for a health check's answer. */
TEST(proxy_ends_while_it_checks)
{
    struct client_answer stat;
    struct bad_child bad;
    struct site s = {0};

    OK(site_init(&s));
    OK(bad_start(&bad, &s));
    OK(site_start(&s, "workers = 1\nroute '/' { app = proxy\n"
                      "    to = 'http://@HOST@:9000'  connect_timeout = 1h\n"
                      "    health = '/x?head=none' }\n"
                      "route '/stat' { app = proxy  to = "
                      "'http://@HOST@:9000' }\n"));
    OK(UNTIL(client_get(&s, "/stat", &stat) &&
             strstr(stat.body, "path /x requests 1")));
    EQ_INT(site_stop(&s), 0);
    bad_stop(&bad);
}

static const struct {
    const char *conf, *want;
} bad_conf[] = {
    {"route '/' { app = proxy }\n", "@DIR@/conf:1: "},
    {"route '/' { app = proxy to = 'ftp://x' }\n",
     "@DIR@/conf:1: to: ftp://x: "},
    {"route '/' { app = proxy\n to = 'http://x/?a' }\n",
     "@DIR@/conf:2: to: http://x/?a: only scheme, host, port and path"},
    {"route '/' { app = proxy to = 'http://x' health = 'up' }\n",
     "@DIR@/conf:1: health \"up\" is no path"},
};

TEST(proxy_configuration)
{
    static char out[4096], want[512];
    struct site s = {0};

    OK(site_init(&s));
    for (size_t i = 0; i < MR_ARRAY_LEN(bad_conf); i++) {
        CASE("%zu", i);
        OK(site_write(&s, "conf", bad_conf[i].conf));
        EQ_INT(site_run(&s,
                        (const char *const[]){"-t", "-c", "@DIR@/conf", NULL},
                        out, sizeof out),
               1);
        site_fill(&s, bad_conf[i].want, want, sizeof want);
        if (!strstr(out, want))
            EQ_STR(out, want);
    }
    site_remove(&s);
}

SUITE("proxy", proxy_passes_on, proxy_bodies, proxy_mute_server,
      proxy_tries_again_with_a_body, proxy_both_ways, proxy_client_leaves,
      proxy_an_answer_that_stalls, proxy_client_leaves_the_queue,
      proxy_websocket, proxy_health, proxy_ends_while_it_checks,
      proxy_configuration)
TEST_MAIN()
