/* SPDX-License-Identifier: MIT */

/*
 * test_early.c - connections that come with their first bytes, and those of
 * which that is believed wrongly.
 *
 * The kernel keeps a silent one for a second; here the server believes that it
 * did, and nobody waits.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/stack.h"
#include "http/conn.h"
#include "tests/http/http_util.h"

#define MANY 12

static struct mr_waitq gate;

static void early(struct web *w)
{
    w->http->listeners->defers = true;
    mr_waitq_init(&gate);
    web_route(w, "/", web_hello, NULL);
    web_route(w, "/gate", web_gate, &gate);
}

/* Its bytes are in the kernel before the server has had a turn. */
static struct client *asks(const struct web *w, const char *request)
{
    struct client *c = client_from(w, "127.0.0.1:0");

    client_send(c, request);
    return c;
}

static bool is_fresh(const struct web *w)
{
    return !mr_list_is_empty(&w->http->fresh.conns);
}

/* --- the bytes are there --- */

WEB(early_serves_and_rests)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/"));
    CHECK_EQ_INT(client_answer(c), 200);
    UNTIL(!mr_list_is_empty(&w->http->idle.conns));
    CHECK_OK(!is_fresh(w));
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(w->row.accepted, 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
}

WEB(early_serves_and_closes)
{
    struct client *c;

    early(w);
    c = asks(w, REQUEST("GET /", "Connection: close\r\n"));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "hello");
    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.connections, 0);
    client_free(c);
}

WEB(early_serves_the_pipelined)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/") GET("/") REQUEST("GET /", "Connection: close\r\n"));
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_more(c), 0);
    client_free(c);
}

/* One's handler waits, and none waits for it. */
WEB(early_parks_many)
{
    struct client *c[MANY];

    early(w);
    for (size_t i = 0; i < MANY; i++)
        c[i] = asks(w, GET("/gate"));
    UNTIL(w->row.in_flight == MANY);
    CHECK_EQ_INT(mr_waitq_wake_all(&gate, 0), MANY);
    for (size_t i = 0; i < MANY; i++) {
        CHECK_EQ_INT(client_answer(c[i]), 200);
        client_free(c[i]);
    }
}

/* Its hook is there while its handler waits. */
WEB(early_tells_that_the_client_is_gone)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/gate"));
    UNTIL(!mr_waitq_is_empty(&gate));
    client_free(c);
    UNTIL(mr_list_is_empty(&w->http->unwatched));
    mr_waitq_wake_all(&gate, 0);
    UNTIL(w->row.connections == 0);
}

static bool saw_gone;

static int until_gone(struct mr_request *req, struct mr_response *res,
                      void *unused)
{
    (void)unused;
    UNTIL(mr_request_is_gone(req));
    saw_gone = mr_request_is_gone(req);
    return mr_reply(res, 200, NULL, mr_str(""));
}

WEB(early_looks_for_the_end)
{
    struct client *c;

    early(w);
    web_route(w, "/until", until_gone, NULL);
    c = asks(w, GET("/until"));
    UNTIL(w->row.in_flight == 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_OK(saw_gone);
}

static int body_until_gone(struct mr_request *req, struct mr_response *res,
                           void *unused)
{
    struct mr_str piece;

    while (mr_request_next(req, &piece) > 0)
        continue;
    return until_gone(req, res, unused);
}

/* The end comes in one event with the request, or with its body's last bytes,
 * of the first request of a connection and of a later one. */
WEB(early_end_with_the_bytes)
{
    early(w);
    web_route(w, "/until", until_gone, NULL);
    web_route(w, "/body", body_until_gone, NULL);
    for (int i = 0; i < 8; i++) {
        bool later = i & 1, body = i & 2, half = i & 4;
        struct client *c;

        CASE("%s, %s, %s", later ? "kept" : "first", body ? "body" : "none",
             half ? "half" : "closed");
        saw_gone = false;
        c = asks(w, later ? GET("/1") : "");
        if (later) {
            CHECK_EQ_INT(client_answer(c), 200);
            UNTIL(!mr_list_is_empty(&w->http->idle.conns));
        }
        if (body) {
            client_send(c, "POST /body HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 5\r\n\r\n");
            UNTIL(w->row.in_flight == 1);
            client_send(c, "12345");
        } else {
            client_send(c, GET("/until"));
        }
        if (half)
            CHECK_EQ_INT(mr_sys_shutdown(c->fd, SHUT_WR), 0);
        else
            client_free(c);
        UNTIL(saw_gone);
        UNTIL(w->row.connections == 0);
        if (half)
            client_free(c);
    }
}

/* --- they are not --- */

WEB(early_silent_rests, .header_timeout = mr_ms(60000))
{
    struct client *c;

    early(w);
    c = client_new(w);
    UNTIL(is_fresh(w));
    CHECK_EQ_INT(w->http->pool_n, 1); /* it holds nothing */
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    UNTIL(!is_fresh(w));
    client_free(c);
}

/* From accept on. */
WEB(early_silent_has_its_time, .header_timeout = mr_ms(20))
{
    struct client *c;

    early(w);
    c = client_new(w);
    CHECK_OK(client_sees_end(c));
    CHECK_EQ_INT(w->row.connections, 0);
    client_free(c);
}

WEB(early_head_in_pieces)
{
    static const char head[] = GET("/");
    struct client *c;

    early(w);
    c = client_from(w, "127.0.0.1:0");
    for (size_t i = 0; i < sizeof head - 1; i++) {
        client_send_n(c, head + i, 1);
        UNTIL(w->row.bytes_in == i + 1);
    }
    CHECK_EQ_INT(client_answer(c), 200);
    client_free(c);
}

WEB(early_stuck_head, .header_timeout = mr_ms(20))
{
    struct client *c;

    early(w);
    c = asks(w, "GET / HTTP/1.1\r\nHost");
    CHECK_EQ_INT(client_answer(c), 408);
    CHECK_OK(client_sees_end(c));
    client_free(c);
}

/* It connected, and said that this was all. */
WEB(early_ends_at_once)
{
    struct client *c;

    early(w);
    c = client_from(w, "127.0.0.1:0");
    CHECK_EQ_INT(mr_sys_shutdown(c->fd, SHUT_WR), 0);
    CHECK_EQ_INT(client_more(c), 0);
    CHECK_EQ_INT(w->row.accepted, 1);
    CHECK_EQ_INT(w->row.connections, 0);
    client_free(c);
}

/* Or was reset while it was in the queue. */
WEB(early_is_reset)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/"));
    CHECK_EQ_INT(mr_socket_set_reset(c->fd), 0);
    client_free(c);
    c = asks(w, GET("/"));
    CHECK_EQ_INT(client_answer(c), 200);
    client_free(c);
    UNTIL(w->row.connections == 0);
}

/* --- want, and the end --- */

static struct mr_stack *stacks[4096];
static size_t stacks_n;

/* No stack: it rests, its bytes are an event, and it starves until one is. */
WEB(early_without_a_stack)
{
    struct client *c;

    early(w);
    c = client_from(w, "127.0.0.1:0");
    mr_sys_fault_always(MR_SYS_MMAP, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MADVISE, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MPROTECT, -ENOMEM);
    while (mr_stack_stats().cached > 0) {
        struct mr_stack *st;

        CHECK_EQ_INT(mr_stack_take(MR_STACK_DEFAULT, &st), 0);
        stacks[stacks_n++] = st;
    }
    UNTIL(is_fresh(w));
    client_send(c, GET("/"));
    UNTIL(w->http->starved_n == 1);
    mr_sys_fault_clear();
    while (stacks_n > 0)
        mr_stack_give(stacks[--stacks_n]);
    CHECK_EQ_INT(client_answer(c), 200);
    client_free(c);
}

WEB(early_read_fails)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/"));
    mr_sys_fault(MR_SYS_RECV, 1, -EIO);
    UNTIL(w->row.accepted == 1 && w->row.connections == 0);
    mr_sys_fault_clear();
    CHECK_OK(client_sees_end(c));
    client_free(c);
}

WEB(early_without_memory)
{
    const struct mr_server *server = &w->http->listeners->server;
    int rc = 0;
    unsigned n;

    early(w);
    for (n = 1; rc != 200 && n < 100; n++) {
        struct client *c = asks(w, REQUEST("GET /", "Connection: close\r\n"));

        CASE("allocation %u", n);
        /* All that a connection needs, anew. */
        mr_exchange_pool_fini(w->http);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        UNTIL(mr_server_stats(server).accepted == n &&
              mr_server_stats(server).live == 0);
        mr_sys_fault_clear(); /* the client's are not meant */
        rc = client_answer(c);
        CHECK_OK(rc == 200 || rc == 503 || rc == -ENODATA || rc == -ECONNRESET);
        client_free(c);
    }
    CHECK_EQ_INT(rc, 200);
    CHECK_OK(n > 4);
}

/* The server goes before the coroutine has had its first turn. */
WEB(early_ends_with_the_server)
{
    struct client *c;

    early(w);
    c = asks(w, GET("/"));
    UNTIL(!mr_list_is_empty(&w->http->begun));
    CHECK_OK(w->http->unborn > 0);
    client_free(c);
}

/* --- the kernel's part, and the cost --- */

/* Another process, so that the calls counted here are the server's alone. */
static void ask_often(struct sockaddr_in at, int n)
{
    static const char request[] = REQUEST("GET /", "Connection: close\r\n");
    char buf[4096];

    while (n-- > 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&at, sizeof at) == -1)
            _exit(1);
        if (send(fd, request, sizeof request - 1, 0) == -1)
            _exit(2);
        while (recv(fd, buf, sizeof buf, 0) > 0)
            ;
        close(fd);
    }
    _exit(0);
}

WEB(early_costs_one_recv_and_one_send)
{
    enum { N = 50 };
    int status = -1;
    pid_t pid;

    early(w);
    CHECK_EQ_INT(mr_socket_set_defer(w->fd, 1), 0);
    pid = fork();
    if (pid == 0)
        ask_often(w->at.in, N);
    mr_sys_fault(MR_SYS_RECV, 0, 0);
    UNTIL(w->row.requests == N);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_RECV), N);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND), N);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SHUTDOWN), 0);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
}

static bool heard_of(const struct mr_http *http)
{
    return http->listeners->defers;
}

WEB(early_is_asked_for)
{
    struct mr_addr at = {.len = 0};
    int fd;

    CHECK_OK(!heard_of(w->http));
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_OK(fd >= 0);
    CHECK_OK(!mr_socket_defers(fd));
    CHECK_EQ_INT(mr_socket_set_defer(fd, 2), 0);
    CHECK_OK(mr_socket_defers(fd));
    CHECK_EQ_INT(mr_http_listen(w->http, fd, false, false), 0);
    CHECK_OK(heard_of(w->http));
    CHECK_EQ_INT(mr_socket_set_defer(fd, 0), 0);
    CHECK_OK(!mr_socket_defers(fd));
    mr_http_free(w->http);
    w->http = NULL;
    mr_fd_close(fd);
}

TEST(early_is_not_for_all)
{
    int v[2];

    EQ_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v), 0);
    OK(mr_socket_set_defer(v[0], 1) < 0);
    OK(!mr_socket_defers(v[0]));
    mr_sys_close(v[0]);
    mr_sys_close(v[1]);
}

SUITE("the bytes are there", early_serves_and_rests, early_serves_and_closes,
      early_serves_the_pipelined, early_parks_many,
      early_tells_that_the_client_is_gone, early_looks_for_the_end,
      early_end_with_the_bytes)
SUITE("they are not", early_silent_rests, early_silent_has_its_time,
      early_head_in_pieces, early_stuck_head, early_ends_at_once,
      early_is_reset)
SUITE("want and end", early_without_a_stack, early_read_fails,
      early_without_memory, early_ends_with_the_server)
SUITE("the kernel, and cost", early_costs_one_recv_and_one_send,
      early_is_asked_for, early_is_not_for_all)
TEST_MAIN()
