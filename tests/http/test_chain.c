/* SPDX-License-Identifier: MIT */
/* test_chain.c - steps around a handler; parameters and limits of a route. */
#include "http/chain.h"

#include "http/request.h"
#include "http/response.h"
#include "tests/http/http_util.h"

static char trace[64];

static void note(const char *what)
{
    strncat(trace, what, sizeof trace - strlen(trace) - 1);
}

static int around(struct mr_request *req, struct mr_response *res, void *self,
                  const struct mr_chain_at *next)
{
    int rc;

    note(self);
    rc = mr_chain_next(next, req, res);
    note(self);
    return rc;
}

static int guard(struct mr_request *req, struct mr_response *res, void *self,
                 const struct mr_chain_at *next)
{
    (void)self;
    if (mr_request_query_text(req).p)
        return mr_reply_status(res, 403);
    return mr_chain_next(next, req, res);
}

static int fails(struct mr_request *req, struct mr_response *res, void *self,
                 const struct mr_chain_at *next)
{
    (void)req;
    (void)res;
    (void)self;
    (void)next;
    return -EFBIG;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    note("h");
    return mr_reply(res, 200, NULL, mr_str(self));
}

WEB(chain_runs_in_order)
{
    static char a[] = "a", b[] = "b", body[] = "body";
    const struct mr_step steps[] = {{around, a}, {guard, NULL}, {around, b}};
    const struct mr_step bad[] = {{around, a}, {fails, NULL}};
    struct mr_chain chain = {steps, 3, handle, body};
    struct mr_chain none = {NULL, 0, handle, body};
    struct mr_chain broken = {bad, 2, handle, body};
    struct client *c;

    web_route(w, "/", mr_chain_run, &chain);
    web_route(w, "/none", mr_chain_run, &none);
    web_route(w, "/broken", mr_chain_run, &broken);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_STR(c->body, "body");
    CHECK_EQ_STR(trace, "abhba");
    *trace = '\0';
    CHECK_EQ_INT(ask(c, GET("/?x")), 403);
    CHECK_EQ_STR(trace, "aa");
    *trace = '\0';
    CHECK_EQ_INT(ask(c, GET("/none")), 200);
    CHECK_EQ_STR(trace, "h");
    CHECK_EQ_INT(ask(c, GET("/broken")), 413);
    client_free(c);
}

static int user(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str id = mr_request_param(req, "id");

    (void)self;
    CHECK_OK(mr_request_param(req, "other").p == NULL);
    return mr_reply_printf(res, 200, "%.*s %.*s", MR_STR(id),
                           MR_STR(mr_request_rest(req)));
}

WEB(chain_route_with_parameters)
{
    struct client *c;

    web_route(w, "/users/:id", user, NULL);
    web_route(w, "/users/:id/*more", user, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/users/a%20b")), 200);
    CHECK_EQ_STR(c->body, "a b /");
    CHECK_EQ_INT(ask(c, GET("/users/7/x/y")), 200);
    CHECK_EQ_STR(c->body, "7 /x/y");
    CHECK_EQ_INT(ask(c, GET("/users")), 404);
    client_free(c);
}

static int reads(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    size_t n = 0;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        n += piece.n;
    return rc < 0 ? rc : mr_reply_printf(res, 200, "%zu", n);
}

static int waits(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return mr_sleep(MR_NEVER);
}

static void route(struct web *w, const char *pattern, mr_handle_fn *fn,
                  struct mr_route_options o)
{
    const char *why = "";

    CHECK_EQ_INT(mr_http_route_with(w->http, mr_str(pattern), fn, NULL, "test",
                                    &o, &why),
                 0);
}

#define BODY(path, n, body) \
    REQUEST("POST " path, "Content-Length: " #n "\r\n") body
#define CHUNKS(path)                                        \
    REQUEST("POST " path, "Transfer-Encoding: chunked\r\n") \
    "5\r\n01234\r\n0\r\n\r\n"

static const struct {
    const char *request;
    int want;
} limits[] = {
    {BODY("/", 4, "0123"), 200},
    {BODY("/", 5, "01234"), 413},
    {BODY("/wide", 5, "01234"), 200},
    {BODY("/tight", 2, "01"), 200},
    {BODY("/tight", 3, "012"), 413},
    {BODY("/any", 5, "01234"), 200},
    {BODY("/none", 5, "01234"), 413},
    {BODY("/none", 4, "0123"), 405},
    {CHUNKS("/wide"), 200},
    {CHUNKS("/tight"), 413},
    {CHUNKS("/"), 413},
};

WEB(chain_route_limits, .max_body = 4)
{
    route(w, "/", reads, (struct mr_route_options){0});
    route(w, "/wide", reads, (struct mr_route_options){.max_body = 5});
    route(w, "/tight", reads, (struct mr_route_options){.max_body = 2});
    route(w, "/any", reads, (struct mr_route_options){.max_body = -1});
    route(w, "GET /none", reads, (struct mr_route_options){0});
    for (size_t i = 0; i < MR_ARRAY_LEN(limits); i++) {
        struct client *c = client_new(w);

        CASE("%s", limits[i].request);
        CHECK_EQ_INT(ask(c, limits[i].request), limits[i].want);
        client_free(c);
    }
}

WEB(chain_route_timeouts)
{
    struct client *c;

    route(w, "/body", reads,
          (struct mr_route_options){.body_timeout = mr_ms(20)});
    route(w, "/handler", waits,
          (struct mr_route_options){.handler_timeout = mr_ms(20)});
    c = client_new(w);
    CHECK_EQ_INT(ask(c, BODY("/body", 4, "01")), 408);
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/handler")), 503);
    client_free(c);
}

SUITE("chain", chain_runs_in_order, chain_route_with_parameters,
      chain_route_limits, chain_route_timeouts)
TEST_MAIN()
