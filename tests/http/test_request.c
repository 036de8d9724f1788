/* SPDX-License-Identifier: MIT */

/* test_request.c - a request as its handler sees it. */
#include "http/request.h"

#include "io/addr.h"
#include "tests/http/http_util.h"

static void is(struct mr_str got, const char *want)
{
    CHECK_EQ_MEM(got.p, got.n, want, strlen(want));
}

static int looks(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_addr peer;

    (void)self;
    CHECK_EQ_INT(mr_request_method(req), MR_METHOD_GET);
    is(mr_request_target(req), "/a/./b%20c?name=J%C3%B8+x&name=2&empty&z=");
    is(mr_request_path(req), "/a/b c");
    is(mr_request_rest(req), "/b c");
    is(mr_request_query_text(req), "name=J%C3%B8+x&name=2&empty&z=");
    is(mr_request_query(req, "name", "none"), "J\xc3\xb8 x");
    is(mr_request_query(req, "empty", "none"), "");
    is(mr_request_query(req, "z", "none"), "");
    is(mr_request_query(req, "missing", "none"), "none");
    is(mr_request_host(req), "a");
    CHECK_EQ_INT(mr_request_minor(req), 1);
    is(mr_request_header(req, "x-one"), "1");
    CHECK_OK(mr_request_header(req, "x-two").p == NULL);
    CHECK_EQ_INT(mr_request_headers(req)->n, 2);
    CHECK_OK(mr_str_starts(mr_request_head_text(req), "GET /a/./b%20c?"));
    CHECK_OK(mr_str_ends(mr_request_head_text(req), "X-One: 1\r\n\r\n"));
    CHECK_EQ_INT(mr_request_length(req), 0);
    mr_request_peer(req, &peer);
    CHECK_OK(mr_addr_is_loopback(&peer) && mr_addr_port(&peer) != 0);
    CHECK_OK(!mr_request_is_gone(req));
    CHECK_EQ_STR(mr_arena_dup(mr_request_arena(req), mr_str("kept")), "kept");
    return mr_reply_printf(res, 200, "seen\n");
}

WEB(request_views)
{
    struct client *c;

    web_route(w, "/a", looks, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, REQUEST("GET /a/./b%20c?name=J%C3%B8+x&name=2&empty&z=",
                                "X-One: 1\r\n")),
                 200);
    CHECK_EQ_STR(c->body, "seen\n");
    client_free(c);
}

static int asterisk(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    CHECK_OK(mr_request_query_text(req).p == NULL);
    is(mr_request_rest(req), "/");
    CHECK_EQ_INT(mr_request_minor(req), 0);
    is(mr_request_host(req), "");
    return mr_reply(res, 200, NULL, mr_str("x"));
}

WEB(request_of_1_0)
{
    struct client *c;

    web_route(w, "/a", asterisk, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, "GET /a HTTP/1.0\r\n\r\n"), 200);
    client_free(c);
}

/* In pieces smaller than what came; what is left over comes next. */
static int reads(struct mr_request *req, struct mr_response *res, void *self)
{
    char three[3], all[32];
    size_t n = 0;
    ssize_t rc;

    (void)self;
    CHECK_EQ_INT(mr_request_read(req, three, 0), 0);
    while ((rc = mr_request_read(req, three, sizeof three)) > 0) {
        CHECK_OK((size_t)rc <= sizeof three && n + (size_t)rc <= sizeof all);
        memcpy(all + n, three, (size_t)rc);
        n += (size_t)rc;
    }
    CHECK_EQ_INT(rc, 0);
    CHECK_EQ_INT(mr_request_read(req, three, sizeof three), 0);
    return mr_reply(res, 200, NULL, mr_str_n(all, n));
}

WEB(request_read_in_small_pieces)
{
    struct client *c;

    web_route(w, "/", reads, NULL);
    c = client_new(w);
    CHECK_EQ_INT(
        ask(c, REQUEST("POST /", "Content-Length: 10\r\n") "0123456789"), 200);
    CHECK_EQ_STR(c->body, "0123456789");
    CHECK_EQ_INT(
        ask(c, REQUEST("POST /",
                       "Transfer-Encoding: chunked\r\n") "5\r\nabcde\r\n2\r\nfg"
                                                         "\r\n0\r\n\r\n"),
        200);
    CHECK_EQ_STR(c->body, "abcdefg");
    client_free(c);
}

static int tells(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str body = {0};

    if (mr_request_length(req) > 0)
        CHECK_EQ_INT(mr_request_next(req, &body), 1);
    return mr_reply_printf(
        res, 200, "%s %d %.*s %.*s %.*s %.*s %.*s\n", (const char *)self,
        mr_request_method(req), MR_STR(mr_request_path(req)),
        MR_STR(mr_request_rest(req)), MR_STR(mr_request_query_text(req)),
        MR_STR(mr_request_header(req, "x-one")), MR_STR(body));
}

/* What comes again says what it said, alone and among others, whatever came
 * before it; and a route that was added since is found. */
WEB(request_comes_again)
{
    static const char *const in[] = {
        GET("/a/b/c"),
        GET("/a"),
        REQUEST("GET /a%20/b?c", "X-One: 1\r\n"),
        REQUEST("POST /p/1?d", "X-One: 2\r\nContent-Length: 2\r\n") "hi",
        REQUEST("POST /q/1?d", "X-One: 2\r\nContent-Length: 2\r\n") "ho",
        GET("/q/1"),
    };
    static const char *const want[] = {
        "a 1 /a/b/c /b/c   \n",     "a 1 /a /   \n",
        "all 1 /a /b /a /b c 1 \n", "post 2 /p/1 / d 2 hi\n",
        "all 2 /q/1 /q/1 d 2 ho\n", "all 1 /q/1 /q/1   \n",
    };
    struct client *c;

    web_route(w, "/", tells, (void *)(uintptr_t) "all");
    web_route(w, "/a", tells, (void *)(uintptr_t) "a");
    web_route(w, "POST /p/:n", tells, (void *)(uintptr_t) "post");
    c = client_new(w);
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; round % 3 == 0 && i < MR_ARRAY_LEN(in); i++)
            client_send(c, in[i]);
        for (size_t i = 0; i < MR_ARRAY_LEN(in); i++) {
            CASE("%d: %s", round, in[i]);
            for (int times = round % 3 == 1 ? 4 : 1; times > 0; times--) {
                CHECK_EQ_INT(round % 3 == 0 ? client_answer(c) : ask(c, in[i]),
                             200);
                CHECK_EQ_STR(c->body, want[i]);
            }
        }
    }
    web_route(w, "/a/b", tells, (void *)(uintptr_t) "b");
    CHECK_EQ_INT(ask(c, in[0]), 200);
    CHECK_EQ_STR(c->body, "b 1 /a/b/c /c   \n");
    client_free(c);
}

SUITE("request", request_views, request_of_1_0, request_read_in_small_pieces,
      request_comes_again)
TEST_MAIN()
