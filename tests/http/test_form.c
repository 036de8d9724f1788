/* SPDX-License-Identifier: MIT */
/* test_form.c - urlencoded forms, and a body gathered. */
#include "http/form.h"

#include "http/cookie.h"
#include "http/request.h"
#include "http/response.h"
#include "tests/http/http_util.h"

#define POST(type, body) POST_N(type, sizeof(body) - 1, body)
#define POST_N(type, n, body)                                              \
    ((void)snprintf(request, sizeof request,                               \
                    REQUEST("POST /", "Content-Type: " type                \
                                      "\r\nContent-Length: %zu\r\n") "%s", \
                    (size_t)(n), body),                                    \
     request)
#define FORM "application/x-www-form-urlencoded"

static char request[8192];

static const struct {
    const char *in;
    const char *want; /* name=value| of each */
} cases[] = {
    {"a=1&b=2", "a=1|b=2|"},
    {"a=1&a=2", "a=1|a=2|"},
    {"a", "a=|"},
    {"a=", "a=|"},
    {"=1", "=1|"},
    {"&&a=1&", "a=1|"},
    {"a+b=c%20d", "a b=c d|"},
    {"a=1=2", "a=1=2|"},
    {"%61=%zz", "a=%zz|"},
    {"", ""},
};

TEST(form_parse)
{
    struct mr_arena arena;

    mr_arena_init(&arena, 1024);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_form form;
        char got[128] = "";
        size_t n = 0;

        CASE("%s", cases[i].in);
        EQ_INT(mr_form_parse(&arena, mr_str(cases[i].in), &form), 0);
        for (size_t k = 0; k < form.n; k++)
            n += (size_t)snprintf(got + n, sizeof got - n, "%.*s=%.*s|",
                                  MR_STR(form.v[k].name),
                                  MR_STR(form.v[k].value));
        EQ_STR(got, cases[i].want);
    }
    mr_arena_fini(&arena);
}

TEST(form_limits)
{
    char text[2 * MR_FORM_PAIRS + 2];
    struct mr_arena arena;
    struct mr_form form;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '&' : 'a';
    mr_arena_init(&arena, 1024);
    EQ_INT(mr_form_parse(&arena, mr_str_n(text, sizeof text - 2), &form), 0);
    EQ_INT(form.n, MR_FORM_PAIRS);
    EQ_INT(mr_form_parse(&arena, mr_str_n(text, sizeof text), &form), -EFBIG);
    EQ_INT(form.n, 0);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_form_parse(&arena, mr_str_n(text, sizeof text - 2), &form),
           -ENOMEM);
    mr_sys_fault_clear();
    mr_arena_fini(&arena);
}

static int greets(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_form form;
    int rc = mr_request_form(req, 64, &form);

    (void)self;
    if (rc < 0)
        return rc;
    CHECK_EQ_INT(mr_form_find(&form, "name", 1), -1);
    return mr_reply_printf(res, 200, "%.*s of %zu",
                           MR_STR(mr_form_get(&form, "name", "nobody")),
                           form.n);
}

WEB(form_of_a_request)
{
    struct client *c;

    web_route(w, "/", greets, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, POST(FORM, "name=J%C3%B8+x&b")), 200);
    CHECK_EQ_STR(c->body, "J\xc3\xb8 x of 2");
    CHECK_EQ_INT(ask(c, POST(FORM "; charset=utf-8", "b=1")), 200);
    CHECK_EQ_STR(c->body, "nobody of 1");
    CHECK_EQ_INT(
        ask(c, REQUEST("POST /", "Transfer-Encoding: chunked\r\n"
                                 "Content-Type: " FORM "\r\n") "4\r\nname\r\n"
                                                               "3\r\n=ab\r\n"
                                                               "0\r\n\r\n"),
        200);
    CHECK_EQ_STR(c->body, "ab of 1");
    CHECK_EQ_INT(ask(c, POST(FORM, "")), 200);
    CHECK_EQ_STR(c->body, "nobody of 0");
    client_free(c);
}

WEB(form_refused)
{
    static char large[100];
    struct client *c;

    web_route(w, "/", greets, NULL);
    memset(large, 'a', sizeof large - 1);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, POST("text/plain", "name=x")), 415);
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, POST_N(FORM, 99, large)), 413);
    client_free(c);
    c = client_new(w); /* without a length it is noticed as it comes */
    snprintf(request, sizeof request,
             REQUEST("POST /", "Transfer-Encoding: chunked\r\n"
                               "Content-Type: " FORM "\r\n") "63\r\n%s\r\n",
             large);
    CHECK_EQ_INT(ask(c, request), 413);
    client_free(c);
}

static int counts(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str seen = mr_request_cookie(req, "seen");
    char digits[21];
    uint64_t n = 0;

    (void)self;
    if (seen.p && mr_str_to_u64(seen, 1000, &n))
        n = 0;
    CHECK_EQ_INT(mr_response_cookie(
                     res, &(struct mr_cookie){.name = mr_str("bad name")}),
                 -EINVAL);
    CHECK_EQ_INT(
        mr_response_cookie(
            res, &(struct mr_cookie){.name = mr_str("seen"),
                                     .value = mr_str_n(
                                         digits, mr_str_put_u64(digits, n + 1)),
                                     .path = mr_str("/"),
                                     .http_only = true}),
        0);
    return mr_reply(res, 200, NULL, mr_str("x"));
}

WEB(form_cookies_there_and_back)
{
    struct client *c;

    web_route(w, "/", counts, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_STR(client_field(c, "Set-Cookie"), "seen=1; Path=/; HttpOnly");
    CHECK_EQ_INT(ask(c, REQUEST("GET /", "Cookie: a=b; seen=41\r\n")), 200);
    CHECK_EQ_STR(client_field(c, "Set-Cookie"), "seen=42; Path=/; HttpOnly");
    client_free(c);
}

SUITE("form", form_parse, form_limits, form_of_a_request, form_refused,
      form_cookies_there_and_back)
TEST_MAIN()
