/* SPDX-License-Identifier: MIT */
/* test_response_fields.c - what a handler may add to an answer's head, and what
 * it must. */
#include "http/response.h"

#include "tests/http/http_util.h"

static const struct {
    const char *name, *value;
    int want;
} fields[] = {
    {"X-A", "b", 0},
    {"X-A", "", 0},
    {"X-A", "b\xff\tc", 0},
    {"", "b", -EINVAL},
    {"X A", "b", -EINVAL},
    {"X-A:", "b", -EINVAL},
    {"X\r\nY", "b", -EINVAL},
    {"X-A", "b\r\nSet-Cookie: c", -EINVAL},
    {"X-A", "b\n", -EINVAL},
    {"X-A", "b\rc", -EINVAL},
    {"Content-Length", "5", -EINVAL},
    {"transfer-encoding", "chunked", -EINVAL},
    {"CONNECTION", "close", -EINVAL},
    {"Date", "now", -EINVAL},
    {"Keep-Alive", "timeout=5", -EINVAL},
    {"Proxy-Connection", "keep-alive", -EINVAL},
    {"TE", "trailers", -EINVAL},
};

static int set_fields(struct mr_request *req, struct mr_response *res,
                      void *self)
{
    int rc = 0, n = 0;

    (void)req;
    (void)self;
    for (size_t i = 0; i < MR_ARRAY_LEN(fields); i++) {
        CASE("%s: %s", fields[i].name, fields[i].value);
        CHECK_EQ_INT(mr_response_header(res, fields[i].name, fields[i].value),
                     fields[i].want);
        n += fields[i].want == 0;
    }
    CHECK_EQ_INT(mr_response_header_n(res, mr_str("X"), mr_str_n("\0", 1)),
                 -EINVAL);
    for (; rc == 0; n += rc == 0)
        rc = mr_response_header(res, "X-Loop", "1");
    CHECK_EQ_INT(rc, -ENOBUFS);
    CHECK_EQ_INT(n, 64);
    /* A type that could split the head is refused, and nothing is sent. */
    CHECK_EQ_INT(mr_reply(res, 200, "a/b\r\nX: y", mr_str("")), -EINVAL);
    CHECK_EQ_INT(mr_reply(res, 199, NULL, mr_str("")), -EINVAL);
    CHECK_EQ_INT(mr_reply(res, 1000, NULL, mr_str("")), -EINVAL);
    CHECK_OK(!mr_response_is_started(res));
    CHECK_EQ_INT(mr_response_write(res, "x", 1), -EINVAL);
    CHECK_EQ_INT(mr_response_status(res), 0);
    CHECK_EQ_INT(mr_reply(res, 200, "a/b", mr_str("ok")), 0);
    CHECK_EQ_INT(mr_response_status(res), 200);
    CHECK_EQ_INT(mr_response_header(res, "X-A", "b"), -EALREADY);
    CHECK_EQ_INT(mr_reply(res, 200, NULL, mr_str("again")), -EALREADY);
    CHECK_EQ_INT(mr_reply_status(res, 500), -EALREADY);
    CHECK_EQ_INT(mr_response_start(res, 200, NULL, 0), -EALREADY);
    return 0;
}

WEB(response_fields)
{
    struct client *c = client_new(w);

    web_route(w, "/", set_fields, NULL);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_STR(c->body, "ok");
    CHECK_EQ_STR(client_field(c, "Server"), "millrace");
    CHECK_EQ_STR(client_field(c, "Content-Type"), "a/b");
    CHECK_EQ_STR(client_field(c, "X-A"), "b");
    CHECK_EQ_STR(client_field(c, "Set-Cookie"), "");
    CHECK_EQ_INT(strlen(client_field(c, "Date")), MR_DATE_LEN);
    client_free(c);
}

/* The Server field comes from a directive, not from a handler. */
WEB(response_server_name_is_checked)
{
    static const char *const bad[] = {"a\r\nX: y", "a\n", "a\rb", " a",
                                      "a\x7f"};
    struct mr_http *http;

    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%s", bad[i]);
        CHECK_EQ_INT(
            mr_http_new(&http, &(struct mr_http_options){.server_name = bad[i]},
                        NULL),
            -EINVAL);
    }
    CHECK_OK(w->http);
}

/* What a status owes, and what a field may not. */
static const struct {
    const char *name, *value; /* of one field; NULL: none */
    const char *type;
    int status, want;
} owed[] = {
    {NULL, NULL, NULL, 401, -EINVAL},
    {"WWW-Authenticate", "Basic realm=\"a\"", NULL, 401, 0},
    {NULL, NULL, NULL, 405, -EINVAL},
    {"Allow", "", NULL, 405, 0},
    {"Allow", "GET", NULL, 405, 0},
    {NULL, NULL, NULL, 426, -EINVAL},
    {"Upgrade", "websocket", NULL, 426, 0},
    {NULL, NULL, NULL, 206, -EINVAL},
    {NULL, NULL, "multipart/byteranges", 206, -EINVAL},
    {NULL, NULL, "Multipart/Byteranges; boundary=x", 206, 0},
    {"Content-Type", "multipart/byteranges; boundary=x", NULL, 206, 0},
    {"Content-Range", "bytes 0-1/2", NULL, 206, 0},
    {"Content-Range", "bytes 0-1/2", "multipart/byteranges; boundary=x", 206,
     -EINVAL},
};
static size_t owed_row;

static int owe(struct mr_request *req, struct mr_response *res, void *self)
{
    size_t i = owed_row;

    (void)req;
    (void)self;
    if (owed[i].name)
        CHECK_EQ_INT(mr_response_header(res, owed[i].name, owed[i].value), 0);
    CHECK_EQ_INT(mr_reply(res, owed[i].status, owed[i].type, mr_str("ab")),
                 owed[i].want);
    return owed[i].want;
}

WEB(response_with_what_its_status_owes)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(owed); i++) {
        struct client *c = client_new(w);
        bool ok = owed[i].want == 0;

        CASE("row %zu", i);
        if (i == 0)
            web_route(w, "/", owe, NULL);
        owed_row = i;
        CHECK_EQ_INT(ask(c, GET("/")), ok ? owed[i].status : 500);
        CHECK_EQ_STR(client_field(c, "Connection"), !ok ? "close"
                                                    : owed[i].status == 426
                                                        ? "upgrade"
                                                        : "");
        client_free(c);
    }
}

static int twice(struct mr_request *req, struct mr_response *res, void *self)
{
    static const char *const names[] = {
        "Content-Type", "Server",           "ETag",    "Last-Modified",
        "Location",     "Content-Location", "Expires", "Retry-After",
        "Age",          "Content-Range"};

    (void)req;
    (void)self;
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        CASE("%s", names[i]);
        CHECK_EQ_INT(mr_response_header(res, names[i], "1"), 0);
        CHECK_EQ_INT(mr_response_header(res, names[i], "2"), -EEXIST);
    }
    CHECK_EQ_INT(mr_response_header(res, "Set-Cookie", "a=1"), 0);
    CHECK_EQ_INT(mr_response_header(res, "Set-Cookie", "b=2"), 0);
    return mr_reply(res, 200, "text/plain", mr_str(""));
}

WEB(response_fields_that_stand_once)
{
    static const char *const once[] = {"\r\nServer:", "\r\nContent-Type:"};
    struct client *c = client_new(w);

    web_route(w, "/", twice, NULL);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    for (size_t i = 0; i < MR_ARRAY_LEN(once); i++) {
        const char *at = strstr(c->head, once[i]);

        CASE("%s", once[i]);
        CHECK_OK(at && !strstr(at + 1, once[i]));
    }
    CHECK_EQ_STR(client_field(c, "Server"), "1");
    CHECK_EQ_STR(client_field(c, "Content-Type"), "1");
    client_free(c);
}

static int from_the_future(struct mr_request *req, struct mr_response *res,
                           void *self)
{
    (void)req;
    CHECK_EQ_INT(mr_response_header(res, "Last-Modified", self), 0);
    return mr_reply(res, 200, NULL, mr_str(""));
}

static int modified_at(struct mr_request *req, struct mr_response *res,
                       void *self)
{
    (void)req;
    CHECK_EQ_INT(mr_response_last_modified(res, *(int64_t *)self), 0);
    CHECK_EQ_INT(mr_response_last_modified(res, 0), -EEXIST);
    CHECK_EQ_INT(mr_response_header(res, "Last-Modified", "x"), -EEXIST);
    CHECK_EQ_INT(mr_reply(res, 200, NULL, mr_str("")), 0);
    CHECK_EQ_INT(mr_response_last_modified(res, 0), -EALREADY);
    return 0;
}

WEB(response_is_not_modified_in_the_future)
{
    static int64_t future_s = INT64_C(253402300799), past_s = 784111777;
    static char future[] = "Fri, 31 Dec 9999 23:59:59 GMT";
    static char past[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    struct client *c = client_new(w);
    char date[64];

    web_route(w, "/future", from_the_future, future);
    web_route(w, "/past", from_the_future, past);
    CHECK_EQ_INT(ask(c, GET("/future")), 200);
    snprintf(date, sizeof date, "%.60s", client_field(c, "Date"));
    CHECK_EQ_STR(client_field(c, "Last-Modified"), date);
    CHECK_EQ_INT(ask(c, GET("/past")), 200);
    CHECK_EQ_STR(client_field(c, "Last-Modified"), past);
    web_route(w, "/future-s", modified_at, &future_s);
    web_route(w, "/past-s", modified_at, &past_s);
    CHECK_EQ_INT(ask(c, GET("/future-s")), 200);
    snprintf(date, sizeof date, "%.60s", client_field(c, "Date"));
    CHECK_EQ_STR(client_field(c, "Last-Modified"), date);
    CHECK_EQ_INT(ask(c, GET("/past-s")), 200);
    CHECK_EQ_STR(client_field(c, "Last-Modified"), past);
    client_free(c);
}

SUITE("http answers: fields", response_fields, response_server_name_is_checked,
      response_with_what_its_status_owes, response_fields_that_stand_once,
      response_is_not_modified_in_the_future)
TEST_MAIN()
