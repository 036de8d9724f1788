/* SPDX-License-Identifier: MIT */
/* test_server.c - what a worker's connections share: want of memory and
 * descriptors, draining, and the cost of a request. */
#include "http/server.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/http/http_util.h"

static int sleep_on(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return mr_sleep(MR_NEVER);
}

static struct mr_waitq gate;

static void routes(struct web *w)
{
    mr_waitq_init(&gate);
    web_route(w, "/", web_hello, NULL);
    web_route(w, "/sleep", sleep_on, NULL);
    web_route(w, "/gate", web_gate, &gate);
}

/* --- no memory, no stack --- */

/* All stacks that are cached, so that the next one needs a mapping. */
static struct mr_stack *taken[4096];
static size_t taken_n;

static void take_all_stacks(void)
{
    struct mr_stack *st;

    while (mr_stack_stats().cached > 0 && taken_n < MR_ARRAY_LEN(taken)) {
        CHECK_EQ_INT(mr_stack_take(MR_STACK_DEFAULT, &st), 0);
        taken[taken_n++] = st;
    }
}

static void give_stacks(size_t n)
{
    while (n-- > 0 && taken_n > 0)
        mr_stack_give(taken[--taken_n]);
}

static void no_more_stacks(void)
{
    mr_sys_fault_always(MR_SYS_MMAP, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MADVISE, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MPROTECT, -ENOMEM);
    take_all_stacks();
}

WEB(server_without_a_stack, .max_starved = 2)
{
    struct client *c[4];

    routes(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++) {
        c[i] = client_new(w);
        CHECK_EQ_INT(ask(c[i], GET("/")), 200);
    }
    UNTIL(mr_stack_stats().taken == 2);
    no_more_stacks();
    for (size_t i = 0; i < 2; i++) {
        client_send(c[i], GET("/"));
        UNTIL(w->http->starved_n == i + 1);
    }
    /* Two queue; the others are told. */
    for (size_t i = 2; i < 4; i++) {
        CHECK_EQ_INT(ask(c[i], GET("/")), 503);
        CHECK_EQ_STR(client_field(c[i], "Connection"), "close");
        CHECK_EQ_INT(client_more(c[i]), 0);
        client_free(c[i]);
    }
    CHECK_EQ_INT(w->row.responses_5xx, 2);
    CHECK_EQ_INT(w->http->starved_n, 2);
    /* One stack serves both, though no connection of ours ends before: they
     * waited for ever. */
    give_stacks(1);
    for (size_t i = 0; i < 2; i++)
        CHECK_EQ_INT(client_answer(c[i]), 200);
    CHECK_EQ_INT(w->http->starved_n, 0);
    mr_sys_fault_clear();
    give_stacks(MR_ARRAY_LEN(taken));
    client_free(c[0]);
    client_free(c[1]);
}

/* One that starves while the server leaves is closed with the others. */
WEB(server_drains_the_starved, .drain_rest = 20000000)
{
    struct client *c = client_new(w);

    routes(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    UNTIL(mr_stack_stats().taken == 2);
    no_more_stacks();
    client_send(c, GET("/"));
    UNTIL(w->http->starved_n == 1);
    CHECK_EQ_INT(mr_http_drain(w->http, mr_after_s(30)), 0);
    CHECK_OK(client_sees_end(c));
    mr_sys_fault_clear();
    give_stacks(MR_ARRAY_LEN(taken));
    client_free(c);
}

static int gather(struct mr_request *req, struct mr_response *res, void *self)
{
    char *p = mr_arena_alloc(mr_request_arena(req), 5000);
    struct mr_str piece;
    int rc;

    (void)self;
    if (!p)
        return -ENOMEM;
    memset(p, 'x', 5000);
    while ((rc = mr_request_next(req, &piece)) > 0)
        ;
    if (rc == 0)
        rc = mr_response_header(res, "X-A", "b");
    if (rc == 0)
        rc = mr_response_start(res, 200, NULL, -1);
    for (int i = 0; i < 5 && rc == 0; i++)
        rc = mr_response_write(res, p, 5000);
    return rc;
}

/* Each allocation fails in turn: an error, or a close, and the next one is
 * served. */
WEB(server_without_memory)
{
    static const char request[] =
        "POST /gather/%41?a=%42 HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n";
    int rc = 0, n;

    web_route(w, "/gather", gather, NULL);
    for (n = 1; rc != 200 && n < 100; n++) {
        struct client *c = client_new(w);

        CASE("allocation %d", n);
        UNTIL(w->row.connections == 1);
        /* All that a connection needs, anew. */
        mr_exchange_pool_fini(w->http);
        mr_sys_fault(MR_SYS_ALLOC, (unsigned)n, -ENOMEM);
        client_send(c, request);
        rc = client_answer(c);
        CHECK_OK(rc == 200 || rc == 503 || rc == -ENODATA || rc == -ECONNRESET);
        mr_sys_fault_clear();
        client_free(c);
        UNTIL(w->row.connections == 0);
    }
    CHECK_EQ_INT(rc, 200);
    CHECK_OK(n > 4);
}

/* The same for a connection's birth. */
WEB(server_without_memory_for_a_connection)
{
    struct client *c;

    routes(w);
    for (unsigned n = 1; n < 4; n++) {
        c = client_new(w);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        (void)ask(c, GET("/"));
        mr_sys_fault_clear();
        client_free(c);
        UNTIL(w->row.connections == 0);
    }
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    client_free(c);
}

WEB(server_without_descriptors)
{
    struct client *c = client_new(w), *late;

    routes(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    mr_sys_fault_always(MR_SYS_ACCEPT4, -EMFILE);
    late = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200); /* others are served on */
    UNTIL(mr_sys_calls(MR_SYS_ACCEPT4) > 0);
    mr_sys_fault_clear();
    CHECK_EQ_INT(ask(late, GET("/")), 200);
    client_free(late);
    client_free(c);
}

/* Those of one address; others are served meanwhile. */
WEB(server_at_max_per_address, .max_per_address = 2)
{
    struct client *c[2] = {client_new(w), client_new(w)}, *more;

    routes(w);
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(ask(c[i], GET("/")), 200);
    more = client_new(w);
    CHECK_EQ_INT(client_answer(more), 503);
    CHECK_EQ_STR(client_field(more, "Connection"), "close");
    CHECK_OK(client_sees_end(more));
    client_free(more);
    more = client_from(w, "127.0.0.2:0");
    CHECK_EQ_INT(ask(more, GET("/")), 200);
    client_free(more);
    CHECK_EQ_INT(ask(c[0], GET("/")), 200);
    client_free(c[0]);
    UNTIL(w->row.connections == 1);
    c[0] = client_new(w);
    CHECK_EQ_INT(ask(c[0], GET("/")), 200);
    client_free(c[0]);
    client_free(c[1]);
}

/* Some descriptors are left for the files that the connections ask for. */
IN_HUB(server_leaves_descriptors_for_files)
{
    static const struct {
        rlim_t fds;
        size_t max;
    } cases[] = {{64, 56}, {1000, 875}, {256, 224}};
    struct rlimit old, now;

    CHECK_EQ_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_quota q;

        CASE("%zu descriptors", (size_t)cases[i].fds);
        now = old;
        now.rlim_cur = cases[i].fds;
        CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &now), 0);
        mr_http_quota_init(&q, &(struct mr_http_options){0});
        CHECK_EQ_INT(q.options.max, cases[i].max);
        mr_http_quota_init(&q, &(struct mr_http_options){.max_connections = 9});
        CHECK_EQ_INT(q.options.max, 9);
    }
    return setrlimit(RLIMIT_NOFILE, &old);
}

/* --- leaving --- */

static intptr_t drain(void *arg)
{
    struct web *w = arg;

    return mr_http_drain(w->http, MR_NEVER);
}

WEB(server_drains, .drain_rest = 300000000)
{
    struct client *rests = client_new(w), *asks = client_new(w);
    struct client *runs = client_new(w);
    struct mr_coro *co;
    intptr_t rc = -1;

    routes(w);
    CHECK_EQ_INT(ask(rests, GET("/")), 200);
    CHECK_EQ_INT(ask(asks, GET("/")), 200);
    client_send(runs, GET("/gate"));
    UNTIL(!mr_waitq_is_empty(&gate));
    co = mr_spawn(drain, w);
    UNTIL(w->http->draining);
    /* One at rest may ask once more. */
    CHECK_EQ_INT(ask(asks, GET("/")), 200);
    CHECK_EQ_STR(client_field(asks, "Connection"), "close");
    CHECK_OK(client_sees_end(asks));
    CHECK_OK(client_sees_end(rests));
    CHECK_EQ_INT(w->row.connections, 1);
    mr_waitq_wake_one(&gate, 0);
    CHECK_EQ_INT(client_answer(runs), 200);
    CHECK_EQ_STR(client_field(runs, "Connection"), "close");
    CHECK_EQ_INT(mr_join(co, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    client_free(rests);
    client_free(asks);
    client_free(runs);
}

/* What does not end by itself is cancelled, and the client told. */
WEB(server_cuts_off)
{
    struct client *c = client_new(w);

    routes(w);
    client_send(c, GET("/sleep"));
    UNTIL(w->row.in_flight == 1);
    CHECK_EQ_INT(mr_http_drain(w->http, mr_after_ms(1)), -ETIMEDOUT);
    mr_group_cancel(&w->http->group);
    CHECK_EQ_INT(client_answer(c), 503);
    CHECK_OK(client_sees_end(c));
    client_free(c);
}

/* --- the cost of a request --- */

/* Another process, so that the calls counted here are the server's alone. */
static void ask_often(struct sockaddr_in at, int n)
{
    static const char request[] = GET("/");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char buf[4096];
    ssize_t got;

    if (connect(fd, (struct sockaddr *)&at, sizeof at) == -1)
        _exit(1);
    while (n-- > 0) {
        if (send(fd, request, sizeof request - 1, 0) == -1)
            _exit(2);
        for (size_t all = 0; all < 5; all += (size_t)got) {
            got = recv(fd, buf, sizeof buf, 0);
            if (got <= 0)
                _exit(3);
            if (memmem(buf, (size_t)got, "\r\n\r\nhello", 9))
                break;
        }
    }
    _exit(0);
}

WEB(server_costs_one_recv_and_one_send)
{
    enum { N = 200 };
    int status = -1;
    pid_t pid;

    routes(w);
    pid = fork();
    if (pid == 0)
        ask_often(w->at.in, N);
    mr_sys_fault(MR_SYS_RECV, 0, 0);
    UNTIL(w->row.requests == N);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_RECV), N + 1); /* and one for the end */
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND) + mr_sys_calls(MR_SYS_SENDMSG) +
                     mr_sys_calls(MR_SYS_WRITEV),
                 N);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
}

/* What no buffer is made for is refused at once, not by a BUG later. */
TEST(server_refuses_sizes)
{
    static const struct mr_http_options bad[] = {
        {.max_head = 64 * 1024 + 1}, {.max_head = -1},   {.max_target = -1},
        {.max_fields = UINT16_MAX},  {.max_fields = -1}, {.server_name = "a\n"},
    };
    struct mr_http *http;

    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%zu", i);
        EQ_INT(mr_http_new(&http, &bad[i], NULL), -EINVAL);
    }
}

SUITE("http server: want", server_without_a_stack, server_drains_the_starved,
      server_without_memory, server_without_memory_for_a_connection,
      server_without_descriptors, server_at_max_per_address,
      server_refuses_sizes, server_leaves_descriptors_for_files)
SUITE("http server: leaving, and cost", server_drains, server_cuts_off,
      server_costs_one_recv_and_one_send)
TEST_MAIN()
