/* SPDX-License-Identifier: MIT */
/* test_rfc.c - what RFC 9110 and 9112 ask of every answer, and of requests that
 * no other test has. RFC.md says which sentence is held by which test. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/date.h"
#include "http/static.h"
#include "tests/http/http_util.h"

/* --- a server with answers of all sorts --- */

static char root[] = "/tmp/test_rfc.XXXXXX";
static struct mr_static *files;

static int serve_files(struct mr_request *req, struct mr_response *res,
                       void *self)
{
    (void)self;
    return mr_static_serve(files, req, res);
}

static int by_number(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    uint64_t status = 0;
    struct mr_str rest = mr_request_rest(req);

    (void)self;
    CHECK_EQ_INT(mr_str_to_u64(mr_str_n(rest.p + 1, rest.n - 1), 999, &status),
                 0);
    if (status == 401)
        CHECK_EQ_INT(mr_response_header(res, "WWW-Authenticate", "x"), 0);
    if (status == 405)
        CHECK_EQ_INT(mr_response_header(res, "Allow", "GET"), 0);
    if (status == 426)
        CHECK_EQ_INT(mr_response_header(res, "Upgrade", "x"), 0);
    if (status == 206)
        CHECK_EQ_INT(mr_response_header(res, "Content-Range", "x 0-0/1"), 0);
    return mr_reply(res, (int)status, "text/plain", mr_str("x"));
}

static int stream(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        ;
    if (rc == 0)
        rc = mr_response_start(res, 200, NULL, -1);
    return rc < 0 ? rc : mr_response_write(res, "x", 1);
}

static int fail(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return -EIO;
}

static void path_of(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", root, name);
}

static void site(struct web *w)
{
    char path[128];
    FILE *f;

    CHECK_OK(mkdtemp(root));
    path_of(path, "dir");
    CHECK_EQ_INT(mkdir(path, 0755), 0);
    path_of(path, "file.txt");
    f = fopen(path, "w");
    CHECK_OK(f);
    fputs("alpha", f);
    fclose(f);
    /* Long ago: its tag would change when it is two seconds old. */
    CHECK_EQ_INT(utimensat(AT_FDCWD, path, (struct timespec[2]){{0}, {0}}, 0),
                 0);
    CHECK_EQ_INT(
        mr_static_open(
            &files, &(struct mr_static_options){.root = root,
                                                .cache_control = "max-age=60"}),
        0);
    web_route(w, "/", serve_files, NULL);
    web_route(w, "/s", by_number, NULL);
    web_route(w, "/stream", stream, NULL);
    web_route(w, "/fail", fail, NULL);
    web_route(w, "POST /post", stream, NULL);
}

static void site_close(void)
{
    char path[128];

    mr_static_close(files);
    path_of(path, "dir");
    rmdir(path);
    path_of(path, "file.txt");
    unlink(path);
    rmdir(root);
}

static const char *const requests[] = {
    GET("/file.txt"),
    GET("/dir"),
    GET("/dir/"),
    GET("/none"),
    GET("/post"),
    GET("/s/200"),
    GET("/s/204"),
    GET("/s/205"),
    GET("/s/206"),
    GET("/s/299"),
    GET("/s/304"),
    GET("/s/401"),
    GET("/s/405"),
    GET("/s/426"),
    GET("/s/599"),
    GET("/s/999"),
    GET("/stream"),
    GET("/fail"),
    GET("/%2f"),
    REQUEST("HEAD /file.txt", ""),
    REQUEST("HEAD /stream", ""),
    REQUEST("POST /file.txt", ""),
    REQUEST("OPTIONS *", ""),
    REQUEST("CONNECT a:1", ""),
    REQUEST("GET https://a/", ""),
    REQUEST("GET /file.txt", "If-None-Match: *\r\n"),
    REQUEST("GET /file.txt", "If-Match: \"x\"\r\n"),
    REQUEST("GET /file.txt", "Connection: close\r\n"),
    REQUEST("GET /file.txt", "Expect: x\r\n"),
    REQUEST("POST /stream", "Transfer-Encoding: chunked\r\n") "x\r\n",
    "GET /file.txt HTTP/1.0\r\n\r\n",
    "GET /file.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /stream HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/2.0\r\n\r\n",
    "FOO / HTTP/1.1\r\n\r\n",
    "\x16\x03\x01",
};

/* --- every answer --- */

static bool may_repeat(struct mr_str name)
{
    return mr_str_is_case(name, "set-cookie") ||
           mr_str_is_case(name, "www-authenticate");
}

/* The fields of c->head into h; false at the first line that is none. */
static bool split_head(const struct client *c, struct mr_headers *h)
{
    struct mr_str rest = mr_str(c->head), line, name;

    (void)mr_str_split(&rest, '\n', &line); /* the status line */
    while (mr_str_split(&rest, '\n', &line) && line.n > 1) {
        struct mr_str field = mr_str_n(line.p, line.n - 1);

        if (line.p[line.n - 1] != '\r' || !mr_str_split(&field, ':', &name) ||
            !field.p || field.n == 0 || field.p[0] != ' ' ||
            !mr_token_is_valid(name))
            return false;
        field = mr_str_n(field.p + 1, field.n - 1);
        if (!mr_field_value_is_valid(field) || mr_headers_add(h, name, field))
            return false;
    }
    return mr_str_is(line, "\r");
}

static bool is_status_line(const char *head)
{
    static const char form[] = "HTTP/1.1 ddd ";
    const char *end = strstr(head, "\r\n");

    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd' ? head[i] < '0' || head[i] > '9'
                           : head[i] != form[i])
            return false;
    }
    for (const char *p = head + sizeof form - 1; p < end; p++) {
        if (*p < ' ' || *p == 0x7f)
            return false;
    }
    return true;
}

static void check_lists(const struct mr_headers *h)
{
    static const char *const options[] = {"close", "keep-alive", "upgrade"};
    static const char *const names[] = {"connection", "allow", "upgrade"};

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        struct mr_str list = mr_headers_get(h, names[i]), one;

        while (list.p && mr_str_split(&list, ',', &one)) {
            bool known = i > 0;

            one = mr_str_trim(one);
            CHECK_OK(one.n > 0);
            for (size_t k = 0; k < MR_ARRAY_LEN(options); k++)
                known = known || mr_str_is(one, options[k]);
            CHECK_OK(known);
        }
    }
}

WEB(rfc_answers_are_of_the_grammar)
{
    site(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(requests); i++) {
        struct client *c = client_new(w);
        struct mr_field room[32];
        struct mr_headers h;

        CASE("%s", requests[i]);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        client_send(c, requests[i]);
        CHECK_OK(client_head(c) >= 200);
        CHECK_OK(is_status_line(c->head));
        CHECK_OK(split_head(c, &h));
        for (uint32_t k = 0; k < h.n; k++) {
            char name[64];

            snprintf(name, sizeof name, "%.*s", MR_STR(h.v[k].name));
            CHECK_OK(mr_headers_count(&h, name) == 1 ||
                     may_repeat(h.v[k].name));
        }
        check_lists(&h);
        CHECK_OK(!mr_headers_get(&h, "content-length").p ||
                 !mr_headers_get(&h, "transfer-encoding").p);
        /* What clients, proxies and caches say. */
        CHECK_EQ_PTR(mr_headers_get(&h, "host").p, NULL);
        CHECK_EQ_PTR(mr_headers_get(&h, "via").p, NULL);
        CHECK_EQ_PTR(mr_headers_get(&h, "age").p, NULL);
        CHECK_EQ_PTR(mr_headers_get(&h, "te").p, NULL);
        client_free(c);
    }
    site_close();
}

WEB(rfc_every_answer_is_dated)
{
    site(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(requests); i++) {
        struct client *c = client_new(w);
        int64_t now = mr_sys_realtime() / 1000000000, t = 0;
        char again[MR_DATE_LEN];
        const char *date;

        CASE("%s", requests[i]);
        client_send(c, requests[i]);
        CHECK_OK(client_head(c) >= 200);
        date = client_field(c, "Date");
        CHECK_EQ_INT(mr_date_parse(mr_str(date), now, &t), 0);
        mr_date_format(again, t);
        CHECK_EQ_MEM(date, strlen(date), again, MR_DATE_LEN);
        CHECK_OK(t >= now - 60 && t <= now + 60);
        client_free(c);
    }
    site_close();
}

/* --- requests --- */

/* A tunnel would be a 2xx, which has no framing. */
WEB(rfc_connect_opens_no_tunnel)
{
    struct client *c = client_new(w);

    site(w);
    CHECK_EQ_INT(ask(c, REQUEST("CONNECT a:443", "")), 501);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_OK(client_sees_end(c));
    client_free(c);
    site_close();
}

WEB(rfc_no_interim_to_1_0)
{
    struct client *c = client_new(w);

    site(w);
    client_send(c, "POST /stream HTTP/1.0\r\nExpect: 100-continue\r\n"
                   "Content-Length: 1\r\n\r\n");
    UNTIL(w->row.in_flight == 1);
    client_send(c, "x");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(w->row.responses_1xx, 0);
    client_free(c);
    site_close();
}

WEB(rfc_ranges_are_ignored)
{
    static const struct {
        const char *in;
        const char *body;
    } rows[] = {
        {REQUEST("GET /file.txt", "Range: parsecs=0-1\r\n"), "alpha"},
        {REQUEST("POST /stream", "Range: bytes=0-99999999999999999999999\r\n"),
         "x"},
        {REQUEST("POST /stream", "Range: bytes=5-\r\n"), "x"},
        {REQUEST("GET /stream", "Range: bytes=5-\r\n"), "x"},
    };
    struct client *c = client_new(w);

    site(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        CASE("%s", rows[i].in);
        CHECK_EQ_INT(ask(c, rows[i].in), 200);
        CHECK_EQ_STR(c->body, rows[i].body);
        CHECK_EQ_STR(client_field(c, "Content-Range"), "");
    }
    client_free(c);
    site_close();
}

WEB(rfc_not_modified_has_the_200_s_fields)
{
    static const char *const names[] = {"ETag", "Last-Modified",
                                        "Cache-Control"};
    struct client *c = client_new(w);
    char was[MR_ARRAY_LEN(names)][64];

    site(w);
    CHECK_EQ_INT(ask(c, GET("/file.txt")), 200);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        snprintf(was[i], sizeof was[i], "%.60s", client_field(c, names[i]));
        CHECK_OK(*was[i]);
    }
    CHECK_EQ_INT(ask(c, REQUEST("GET /file.txt", "If-None-Match: *\r\n")), 304);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++)
        CHECK_EQ_STR(client_field(c, names[i]), was[i]);
    client_free(c);
    site_close();
}

/* Each value that it sends can be sent back where a client does so. */
WEB(rfc_takes_its_own_values)
{
    static const struct {
        const char *from, *name, *to;
        int status;
    } rows[] = {
        {"/file.txt", "ETag",
         "GET /file.txt HTTP/1.1\r\nHost: a\r\n"
         "If-None-Match: %s\r\n\r\n",
         304},
        {"/file.txt", "Last-Modified",
         "GET /file.txt HTTP/1.1\r\nHost: a\r\n"
         "If-Modified-Since: %s\r\n\r\n",
         304},
        {"/file.txt", "Date",
         "GET /file.txt HTTP/1.1\r\nHost: a\r\n"
         "If-Modified-Since: %s\r\n\r\n",
         304},
        {"/dir", "Location", "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", 403},
    };
    struct client *c = client_new(w);
    char text[1024];

    site(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        CASE("%s", rows[i].name);
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                 rows[i].from);
        CHECK_OK(ask(c, text) >= 200);
        snprintf(text, sizeof text, rows[i].to, client_field(c, rows[i].name));
        CHECK_EQ_INT(ask(c, text), rows[i].status);
    }
    client_free(c);
    site_close();
}

static int tell_rights(struct mr_request *req, struct mr_response *res,
                       void *self)
{
    struct mr_str rights = mr_request_header(req, "authorization");
    struct mr_str cookie = mr_request_header(req, "cookie");

    (void)self;
    return mr_reply_printf(res, 200, "%.*s,%.*s,%.*s", MR_STR(rights),
                           MR_STR(cookie), MR_STR(mr_request_host(req)));
}

/* A connection says nothing of who sends on it. */
WEB(rfc_requests_share_nothing)
{
    struct client *c = client_new(w);

    web_route(w, "/", tell_rights, NULL);
    client_send(
        c,
        REQUEST(
            "GET /",
            "Authorization: me\r\nCookie: a=b\r\n") "GET / HTTP/1.1\r\nHost: "
                                                    "b\r\n\r\n"
                                                    "GET / "
                                                    "HTTP/1.0\r\nConnection: "
                                                    "keep-alive\r\n\r\n");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "me,a=b,a");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, ",,b");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, ",,");
    client_free(c);
}

/* What comes last may forbid it. */
WEB(rfc_waits_for_the_whole_head)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r";
    struct client *c = client_new(w);

    web_route(w, "/", tell_rights, NULL);
    client_send_n(c, text, sizeof text - 1);
    UNTIL(w->row.bytes_in == sizeof text - 1);
    mr_yield();
    CHECK_EQ_INT(w->row.requests + w->row.in_flight, 0);
    client_send(c, "\n");
    CHECK_EQ_INT(client_answer(c), 200);
    client_free(c);
}

SUITE("RFC: every answer", rfc_answers_are_of_the_grammar,
      rfc_every_answer_is_dated)
SUITE("RFC: requests", rfc_connect_opens_no_tunnel, rfc_no_interim_to_1_0,
      rfc_ranges_are_ignored, rfc_not_modified_has_the_200_s_fields,
      rfc_takes_its_own_values, rfc_requests_share_nothing,
      rfc_waits_for_the_whole_head)
TEST_MAIN()
