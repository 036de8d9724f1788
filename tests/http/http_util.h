/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_HTTP_UTIL_H
#define TESTS_HTTP_HTTP_UTIL_H

/*
 * http_util.h - an HTTP server and clients that talk raw bytes, in one hub.
 *
 *     WEB(says_hello, .keepalive_timeout = mr_ms(100))
 *     {
 *         struct client *c;
 *
 *         web_route(w, "/", hello, NULL);
 *         c = client_new(w);
 *         CHECK_EQ_INT(ask(c, GET("/")), 200);
 *         client_free(c);
 *     }
 *
 * The body runs in a coroutine: use the CHECK_ variants. At its end the server
 * is freed, no stack may be taken and no connection alive. Clients allocate
 * nothing after client_new, so that allocations may fail around them; and wait
 * half a minute at most, so that a missing answer is a failure and no hang.
 *
 * over budget: inline, as each test program is one file and the harness.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/conn_priv.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/core/in_hub.h"

/* How long a client waits for what must come. */
#ifndef CLIENT_WAIT_S
#    define CLIENT_WAIT_S 30
#endif

#define REQUEST(line, fields) line " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define GET(target) REQUEST("GET " target, "")

struct web {
    struct mr_http *http;
    struct mr_addr at;
    struct mr_score_row row;
    int fd;
};

struct client {
    int fd;
    struct mr_stream *s; /* over it; NULL: the bytes themselves */
    size_t n;            /* bytes in `in` that no answer has used up */
    size_t body_n;
    char in[128 * 1024];
    char head[16 * 1024];       /* of the last answer, NUL-terminated */
    char body[128 * 1024 + 64]; /* likewise, chunks put together */
};

/* --- the server --- */

static inline void web_open(struct web *w, const struct mr_http_options *o)
{
    *w = (struct web){.fd = -1};
    CHECK_EQ_INT(mr_http_new(&w->http, o, &w->row), 0);
    CHECK_EQ_INT(mr_addr_parse(&w->at, mr_str("127.0.0.1:0")), 0);
    w->fd = mr_socket_listen(&w->at, NULL);
    CHECK_OK(w->fd >= 0);
    CHECK_EQ_INT(mr_socket_local(w->fd, &w->at), 0);
    CHECK_EQ_INT(mr_http_listen(w->http, w->fd, false, false), 0);
}

static inline void web_route(struct web *w, const char *pattern,
                             mr_handle_fn *fn, void *self)
{
    const char *why = "";

    CHECK_EQ_INT(
        mr_http_route(w->http, mr_str(pattern), fn, self, "test", &why), 0);
    CHECK_EQ_STR(why, "");
}

static inline void web_close(struct web *w)
{
    mr_http_free(w->http);
    mr_fd_close(w->fd);
    CHECK_EQ_INT(w->row.connections, 0);
    CHECK_EQ_INT(w->row.in_flight, 0);
}

/* --- handlers --- */

static inline int web_hello(struct mr_request *req, struct mr_response *res,
                            void *unused)
{
    (void)req;
    (void)unused;
    return mr_reply(res, 200, "text/plain", mr_str("hello"));
}

/* Waits in a queue before it answers. */
static inline int web_gate(struct mr_request *req, struct mr_response *res,
                           void *queue)
{
    intptr_t rc = mr_wait(queue, MR_NEVER, "gate");

    (void)req;
    return rc < 0 ? (int)rc : mr_reply(res, 200, NULL, mr_str("gate"));
}

/* Until the server has seen so much, or the deadline of the test. */
#define UNTIL(cond)                        \
    do {                                   \
        while (!(cond) && mr_yield() == 0) \
            ;                              \
    } while (0)

/* --- a client --- */

static inline struct client *client_from(const struct web *w, const char *from)
{
    struct client *c = calloc(1, sizeof *c);
    struct mr_addr own;

    if (!c)
        abort();
    if (!from) {
        c->fd = mr_connect(&w->at, mr_after_s(CLIENT_WAIT_S));
    } else {
        CHECK_EQ_INT(mr_addr_parse(&own, mr_str(from)), 0);
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_EQ_INT(bind(c->fd, &own.sa, own.len), 0);
        CHECK_EQ_INT(connect(c->fd, &w->at.sa, w->at.len), 0);
        CHECK_EQ_INT(mr_fd_adopt(c->fd), 0);
    }
    CHECK_OK(c->fd >= 0);
    return c;
}

static inline struct client *client_new(const struct web *w)
{
    return client_from(w, NULL);
}

static inline void client_free(struct client *c)
{
    if (c->s)
        mr_stream_close(c->s);
    else
        mr_fd_close(c->fd);
    free(c);
}

static inline void client_send_n(struct client *c, const char *p, size_t n)
{
    int64_t deadline = mr_after_s(CLIENT_WAIT_S);

    if (c->s)
        (void)!mr_stream_write_all(c->s, p, n, deadline);
    else
        (void)!mr_send(c->fd, p, n, 0, deadline);
}

static inline void client_send(struct client *c, const char *text)
{
    client_send_n(c, text, strlen(text));
}

/* More bytes: how many, 0 at the end, -Exxx. */
static inline ssize_t client_more(struct client *c)
{
    int64_t deadline = mr_after_s(CLIENT_WAIT_S);
    size_t room = sizeof c->in - c->n;
    ssize_t n;

    if (room == 0)
        return -ENOBUFS;
    n = c->s ? mr_stream_read(c->s, c->in + c->n, room, deadline)
             : mr_recv(c->fd, c->in + c->n, room, 0, deadline);
    if (n > 0)
        c->n += (size_t)n;
    return n;
}

static inline void client_use(struct client *c, size_t n)
{
    memmove(c->in, c->in + n, c->n - n);
    c->n -= n;
}

/* Bytes up to and with `end`, or -Exxx. */
static inline ssize_t client_find(struct client *c, const char *end)
{
    for (;;) {
        char *at = memmem(c->in, c->n, end, strlen(end));
        ssize_t n;

        if (at)
            return at - c->in + (ssize_t)strlen(end);
        n = client_more(c);
        if (n <= 0)
            return n ? n : -ENODATA;
    }
}

/* n bytes to the body. 0 or -Exxx. */
static inline ssize_t client_take(struct client *c, size_t n)
{
    while (c->n < n) {
        ssize_t got = client_more(c);

        if (got <= 0)
            return got ? got : -ENODATA;
    }
    memcpy(c->body + c->body_n, c->in, n);
    c->body_n += n;
    c->body[c->body_n] = '\0';
    client_use(c, n);
    return 0;
}

static inline ssize_t client_take_chunks(struct client *c)
{
    for (;;) {
        ssize_t n = client_find(c, "\r\n");
        size_t size;

        if (n < 0)
            return n;
        size = strtoul(c->in, NULL, 16);
        client_use(c, (size_t)n);
        n = client_take(c, size);
        if (n == 0)
            n = client_take(c, 2);
        if (n < 0)
            return n;
        c->body[c->body_n -= 2] = '\0';
        if (size == 0)
            return 0;
    }
}

/* A field of the last answer, in a buffer that the next call uses again. */
static inline const char *client_field(const struct client *c, const char *name)
{
    static char value[8192];
    char line[64];
    const char *at;

    snprintf(line, sizeof line, "\r\n%s: ", name);
    at = strcasestr(c->head, line);
    if (!at)
        return "";
    at += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* The next answer's head: its status, or -Exxx. */
static inline int client_head(struct client *c)
{
    ssize_t n = client_find(c, "\r\n\r\n");

    c->body_n = 0;
    c->body[0] = '\0';
    c->head[0] = '\0';
    if (n < 0)
        return (int)n;
    snprintf(c->head, sizeof c->head, "%.*s", (int)n, c->in);
    client_use(c, (size_t)n);
    return (int)strtol(c->head + 9, NULL, 10);
}

/* The next answer with its body: its status, or -Exxx. */
static inline int client_answer(struct client *c)
{
    int status = client_head(c);
    ssize_t rc = 0;

    if (status < 200 || status == 204 || status == 304)
        return status;
    if (*client_field(c, "Transfer-Encoding"))
        rc = client_take_chunks(c);
    else if (*client_field(c, "Content-Length"))
        rc = client_take(c,
                         strtoul(client_field(c, "Content-Length"), NULL, 10));
    else
        do
            client_take(c, c->n);
        while ((rc = client_more(c)) > 0);
    return rc < 0 ? (int)rc : status;
}

static inline int ask(struct client *c, const char *request)
{
    client_send(c, request);
    return client_answer(c);
}

/* Nothing more comes, and the server ends the connection. */
static inline bool client_sees_end(struct client *c)
{
    ssize_t n = c->n > 0 ? 1 : client_more(c);

    return n == 0 || n == -ECONNRESET;
}

/* --- a test --- */

#define WEB(id, ...)                                          \
    static void web_##id(struct web *w);                      \
    static intptr_t web_in_hub_##id(void *unused)             \
    {                                                         \
        struct web w;                                         \
                                                              \
        (void)unused;                                         \
        web_open(&w, &(struct mr_http_options){__VA_ARGS__}); \
        web_##id(&w);                                         \
        mr_sys_fault_clear();                                 \
        web_close(&w);                                        \
        return 0;                                             \
    }                                                         \
    TEST(id)                                                  \
    {                                                         \
        in_hub_run(web_in_hub_##id);                          \
        mr_offload_fini();                                    \
    }                                                         \
    static void web_##id(struct web *w)

#endif
