/* SPDX-License-Identifier: MIT */
/* test_response.c - answers: framing, fields, files, and handlers that err. */
#include "http/response.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/core/log_file.h"
#include "tests/http/http_util.h"

/* The request's target says what the handler does: "/status/..." */
static struct mr_str nth(const struct mr_request *req, int n)
{
    struct mr_str rest = mr_request_path(req), part = {0};

    while (n-- >= 0 && mr_str_split(&rest, '/', &part))
        ;
    return part;
}

static int number(const struct mr_request *req, int n)
{
    uint64_t v = 0;

    CHECK_EQ_INT(mr_str_to_u64(nth(req, n), 1 << 30, &v), 0);
    return (int)v;
}

static char much[200 * 1024];

/* /whole/STATUS/BYTES */
static int whole(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    return mr_reply(res, number(req, 2), "text/plain",
                    mr_str_n(much, (size_t)number(req, 3)));
}

/* /stream/PIECES/SIZE: length not known */
static int stream(struct mr_request *req, struct mr_response *res, void *self)
{
    size_t n = (size_t)number(req, 3);
    int rc = mr_response_start(res, 200, "text/plain", -1);

    (void)self;
    for (int i = number(req, 2); rc == 0 && i > 0; i--) {
        rc = mr_response_write(res, much, n);
        CHECK_EQ_INT(mr_response_write(res, much, 0), 0);
    }
    return rc;
}

/* /status/STATUS */
static int status(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    return mr_reply_status(res, number(req, 2));
}

/* /promise/LENGTH/WRITTEN */
static int promise(struct mr_request *req, struct mr_response *res, void *self)
{
    int n = number(req, 2), m = number(req, 3);

    (void)self;
    CHECK_EQ_INT(mr_response_start(res, 200, NULL, n), 0);
    return mr_response_write(res, "0123456789", (size_t)m);
}

static void routes(struct web *w)
{
    web_route(w, "/whole", whole, NULL);
    web_route(w, "/stream", stream, NULL);
    web_route(w, "/status", status, NULL);
    web_route(w, "/promise", promise, NULL);
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)('a' + i % 26);
}

/* --- framing --- */

static const struct {
    const char *in;
    int status;
    const char *length, *coding;
    size_t body;
    bool stays;
} framings[] = {
    {GET("/whole/200/5"), 200, "5", "", 5, true},
    {GET("/whole/200/0"), 200, "0", "", 0, true},
    {GET("/whole/299/5"), 299, "5", "", 5, true},
    {GET("/whole/200/16384"), 200, "16384", "", 16384, true},
    {GET("/whole/200/120000"), 200, "120000", "", 120000, true},
    {GET("/whole/204/5"), 204, "", "", 0, true},
    {GET("/whole/205/5"), 205, "0", "", 0, true},
    {GET("/whole/304/0"), 304, "", "", 0, true},
    {GET("/status/204"), 204, "", "", 0, true},
    {GET("/status/205"), 205, "0", "", 0, true},
    {GET("/status/304"), 304, "", "", 0, true},
    {GET("/whole/304/5"), 304, "5", "", 0, true},
    {GET("/stream/0/0"), 200, "", "chunked", 0, true},
    {GET("/stream/3/5"), 200, "", "chunked", 15, true},
    {GET("/stream/7/17000"), 200, "", "chunked", 119000, true},
    {"GET /stream/3/5 HTTP/1.0\r\n\r\n", 200, "", "", 15, false},
    {"GET /stream/3/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "", "",
     15, false},
    {"GET /whole/200/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "5",
     "", 5, true},
    {GET("/promise/10/10"), 200, "10", "", 10, true},
};

WEB(response_framing)
{
    struct client *c = client_new(w);

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(framings); i++) {
        CASE("%s", framings[i].in);
        CHECK_EQ_INT(ask(c, framings[i].in), framings[i].status);
        CHECK_EQ_STR(client_field(c, "Content-Length"), framings[i].length);
        CHECK_EQ_STR(client_field(c, "Transfer-Encoding"), framings[i].coding);
        CHECK_EQ_INT(c->body_n, framings[i].body);
        for (size_t k = 0; k < 5 && k < c->body_n; k++)
            CHECK_OK(c->body[k] == "abcde"[k] || c->body[k] == "01234"[k]);
        if (framings[i].stays)
            continue;
        CHECK_OK(client_sees_end(c));
        client_free(c);
        c = client_new(w);
    }
    client_free(c);
}

/* HEAD has GET's fields and no body, whatever the handler writes. */
WEB(response_head_has_no_body)
{
    struct client *c = client_new(w);
    char head[sizeof c->head];

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(framings); i++) {
        const char *in = framings[i].in;

        if (strstr(in, "HTTP/1.0") || strstr(in, "stream"))
            continue;
        CASE("%s", in);
        CHECK_EQ_INT(ask(c, in), framings[i].status);
        strncpy(head, client_field(c, "Content-Length"), sizeof head);
        snprintf(c->in, sizeof c->in, "HEAD%s", in + 3);
        c->n = 0;
        client_send(c, c->in);
        CHECK_EQ_INT(client_head(c), framings[i].status);
        CHECK_EQ_STR(client_field(c, "Content-Length"), head);
    }
    client_send(c, REQUEST("HEAD /stream/3/5", "") GET("/whole/200/5"));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "Transfer-Encoding"), "");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(c->body_n, 5);
    client_free(c);
}

/* --- handlers that break their word --- */

/* That, and nothing else, with the app's name. */
#define CHECK_LOGGED(text)                               \
    do {                                                 \
        CHECK_LOG("error [0-9]+ http: app test: " text); \
        CHECK_EQ_INT(matches(log_text(), "error"), 1);   \
        log_end();                                       \
    } while (0)

WEB(response_short_of_its_length_ends_the_connection)
{
    struct client *c = client_new(w);

    log_to_file();
    routes(w);
    client_send(c, GET("/promise/10/9") GET("/whole/200/5"));
    CHECK_EQ_INT(client_answer(c), -ENODATA);
    CHECK_EQ_INT(w->row.requests, 1);
    client_free(c);
    CHECK_LOGGED("GET /promise/10/9: 10 bytes announced, 9 written: the");
}

WEB(response_above_its_length_is_cut)
{
    struct client *c = client_new(w);

    log_to_file();
    routes(w);
    client_send(c, GET("/promise/4/10"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "0123");
    CHECK_OK(client_sees_end(c));
    client_free(c);
    CHECK_LOGGED("GET /promise/4/10: 4 bytes announced, 10 written: cut");
}

static int babble(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(mr_response_start(res, 200, NULL, 1), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_response_write(res, "x", 1), i ? -EMSGSIZE : 0);
    return 0;
}

/* Who does not look at what writing says is told of all the same; the framing
 * is whole, and the connection goes on. HEAD's length is only a promise. */
WEB(response_above_its_length_unnoticed)
{
    struct client *c = client_new(w);

    routes(w);
    web_route(w, "/babble", babble, NULL);
    log_to_file();
    client_send(c, GET("/babble") GET("/whole/200/5")
                       REQUEST("HEAD /promise/10/9", "") GET("/whole/200/5"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "x");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_INT(client_answer(c), 200);
    client_free(c);
    CHECK_LOGGED("GET /babble: 1 bytes announced, 3 written: cut");
}

static int fail_early(struct mr_request *req, struct mr_response *res,
                      void *self)
{
    (void)req;
    CHECK_EQ_INT(mr_response_header(res, "X-Secret", "1"), 0);
    return *(int *)self;
}

static int fail_late(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(mr_response_start(res, 200, NULL, -1), 0);
    CHECK_EQ_INT(mr_response_write(res, "half", 4), 0);
    return -EIO;
}

static const struct {
    int error, status;
} errors[] = {{-EIO, 500},    {-ENOENT, 500}, {-ENOMEM, 503},
              {-EMFILE, 503}, {-EAGAIN, 503}, {-ECANCELED, 503}};

WEB(response_to_a_handlers_error)
{
    int error;

    routes(w);
    web_route(w, "/early", fail_early, &error);
    web_route(w, "/late", fail_late, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(errors); i++) {
        struct client *c = client_new(w);

        CASE("%d", errors[i].error);
        error = errors[i].error;
        client_send(c, GET("/early") GET("/whole/200/5"));
        CHECK_EQ_INT(client_answer(c), errors[i].status);
        CHECK_EQ_STR(client_field(c, "Connection"), "close");
        CHECK_OK(client_sees_end(c));
        client_free(c);
    }
    {
        struct client *c = client_new(w);

        /* Half an answer: only its end tells that it is none. */
        client_send(c, GET("/late") GET("/whole/200/5"));
        CHECK_EQ_INT(client_answer(c), -ENODATA);
        CHECK_EQ_STR(c->body, "half");
        client_free(c);
    }
}

/* --- answers until the close --- */

/* One that fails after some bytes; `self` says how it writes them. */
static int fails(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_response_start(res, 200, NULL, -1);

    (void)req;
    if (rc == 0)
        rc = mr_response_write(res, "half", 4);
    if (rc == 0 && self)
        rc = mr_response_flush(res);
    return rc ? rc : -EINVAL;
}

/* RFC 9112 8: what ends with the connection and was cut is not to look whole.
 * Where a length or a last chunk tells, an end is enough. */
WEB(cut_answers_end_in_a_reset)
{
    static const struct {
        const char *in;
        ssize_t end;
    } cases[] = {
        {"GET /held HTTP/1.0\r\n\r\n", -ECONNRESET},
        {"GET /sent HTTP/1.0\r\n\r\n", -ECONNRESET},
        {"GET /sent HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", -ECONNRESET},
        {"HEAD /sent HTTP/1.0\r\n\r\n", 0},
        {GET("/sent"), 0},
        {"GET /promise/10/4 HTTP/1.0\r\n\r\n", 0},
        {"GET /stream/3/5 HTTP/1.0\r\n\r\n", 0},
    };

    routes(w);
    web_route(w, "/held", fails, NULL);
    web_route(w, "/sent", fails, w);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct client *c = client_new(w);
        ssize_t n;

        CASE("%s", cases[i].in);
        client_send(c, cases[i].in);
        while ((n = client_more(c)) > 0)
            ;
        CHECK_EQ_INT(n, cases[i].end);
        client_free(c);
    }
}

/* --- other answers --- */

static int own_type(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    CHECK_EQ_INT(mr_response_header(res, "content-type", "x/y"), 0);
    mr_response_close_after(res);
    return mr_reply_redirect(res, 302, mr_str("/there?a=b"));
}

static int nothing(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return 0;
}

WEB(response_of_other_sorts, .server_name = "")
{
    struct client *c = client_new(w);

    web_route(w, "/type", own_type, NULL);
    web_route(w, "/nothing", nothing, NULL);
    CHECK_EQ_INT(ask(c, GET("/nothing")), 200);
    CHECK_EQ_STR(client_field(c, "Content-Length"), "0");
    CHECK_EQ_STR(client_field(c, "Server"), "");
    CHECK_EQ_INT(ask(c, GET("/type")), 302);
    CHECK_EQ_STR(client_field(c, "Location"), "/there?a=b");
    CHECK_EQ_STR(client_field(c, "content-type"), "x/y");
    CHECK_OK(!strstr(c->head, "text/plain"));
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_OK(client_sees_end(c));
    client_free(c);
}

/* --- files --- */

struct file {
    int fd;
    int64_t off;
    uint64_t n;
};

static int send_file(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    const struct file *f = self;

    (void)req;
    return mr_reply_file(res, 200, NULL, f->fd, f->off, f->n);
}

/* A file of the bytes of `much`, without a name. */
static int make_file(void)
{
    char path[] = "/tmp/test_response.XXXXXX";
    int fd = mkstemp(path);

    CHECK_OK(fd >= 0);
    unlink(path);
    CHECK_EQ_INT(write(fd, much, sizeof much), sizeof much);
    return fd;
}

WEB(response_from_a_file)
{
    static const size_t sizes[] = {0, 1, 16384, 16385, 120000};
    struct client *c = client_new(w);
    struct file f;

    routes(w);
    web_route(w, "/file", send_file, &f);
    f.fd = make_file();
    for (size_t i = 0; i < 2 * MR_ARRAY_LEN(sizes); i++) {
        f.off = i % 2 ? 7 : 0;
        f.n = sizes[i / 2];
        CASE("%zu from %d", (size_t)f.n, (int)f.off);
        CHECK_EQ_INT(ask(c, GET("/file")), 200);
        CHECK_EQ_MEM(c->body, c->body_n, much + f.off, f.n);
    }
    client_send(c, REQUEST("HEAD /file", "") GET("/whole/200/5"));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "Content-Length"), "120000");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "abcde");
    client_free(c);
    mr_fd_close(f.fd);
}

WEB(response_from_a_file_that_shrank)
{
    static const struct file cut[] = {
        {.off = sizeof much - 500, .n = 10000},
        {.off = sizeof much - 60000, .n = 120000},
    };
    struct file f;
    int fd = make_file();

    routes(w);
    web_route(w, "/file", send_file, &f);
    for (size_t i = 0; i < MR_ARRAY_LEN(cut); i++) {
        struct client *c = client_new(w);

        CASE("%zu", (size_t)cut[i].n);
        log_to_file();
        f = cut[i];
        f.fd = fd;
        client_send(c, GET("/file") GET("/whole/200/5"));
        CHECK_EQ_INT(client_answer(c), -ENODATA);
        CHECK_EQ_INT(w->row.requests, i + 1);
        client_free(c);
        CHECK_LOGGED("/file: cut short: no data available");
        mr_cut_log_fini(&w->http->cut); /* as if a second were over */
    }
    mr_fd_close(fd);
}

/* A small file whose bytes have to be waited for, behind an answer that goes
 * out meanwhile: the buffer moved under it, and old bytes were sent. */
WEB(response_from_a_slow_file_behind_another)
{
    struct client *c = client_new(w);
    struct file f = {.n = 5000};

    routes(w);
    web_route(w, "/file", send_file, &f);
    f.fd = make_file();
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    client_send(c, GET("/whole/200/4000") GET("/file") GET("/file"));
    CHECK_EQ_INT(client_answer(c), 200);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(client_answer(c), 200);
        CHECK_EQ_MEM(c->body, c->body_n, much, 5000);
    }
    client_free(c);
    mr_fd_close(f.fd);
}

SUITE("http responses", response_framing, response_head_has_no_body,
      response_short_of_its_length_ends_the_connection,
      response_above_its_length_is_cut, response_above_its_length_unnoticed,
      response_to_a_handlers_error, cut_answers_end_in_a_reset,
      response_of_other_sorts)
SUITE("http responses from files", response_from_a_file,
      response_from_a_file_that_shrank,
      response_from_a_slow_file_behind_another)
TEST_MAIN()
