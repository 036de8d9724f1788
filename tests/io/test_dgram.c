/* SPDX-License-Identifier: MIT */

/* test_dgram.c - the server of datagrams. */
#include "io/dgram.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/core/in_hub.h"

static struct mr_addr at;

/* Bound to text; where to reach it in `at`. */
static int bound(const char *text)
{
    struct mr_addr a;
    int fd;

    CHECK_EQ_INT(mr_addr_parse(&a, mr_str(text)), 0);
    fd = mr_socket_bind(&a, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    return fd;
}

static int client(void)
{
    int fd = mr_socket_towards(&at);

    CHECK_OK(fd >= 0);
    return fd;
}

static void echo(const struct mr_dgram *d, void *arg)
{
    CHECK_EQ_PTR(arg, &at);
    CHECK_EQ_INT(mr_dgram_reply(d, d->data.p, d->data.n, MR_NEVER), d->data.n);
}

static const struct mr_dgram_server_options echoing = {.handler = echo,
                                                       .arg = &at};

static void start(struct mr_dgram_server *s, int fd,
                  const struct mr_dgram_server_options *o)
{
    CHECK_EQ_INT(mr_dgram_server_init(s, fd, o), 0);
    CHECK_EQ_INT(mr_dgram_server_start(s), 0);
}

/* A datagram of n bytes comes back as it was. */
static void ping(int fd, size_t n)
{
    static char out[MR_DGRAM_MAX], back[MR_DGRAM_MAX + 1];

    memset(out, (int)('a' + n % 26), n);
    CHECK_EQ_INT(mr_sendto(fd, out, n, NULL, MR_NEVER), n);
    CHECK_EQ_INT(mr_recv(fd, back, sizeof back, 0, MR_NEVER), n);
    CHECK_EQ_MEM(back, n, out, n);
}

/* --- serving --- */

IN_HUB(serves)
{
    static const size_t sizes[] = {1, 0, 2, 511, 1472, 9000, MR_DGRAM_MAX, 3};
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c[3];

    start(&s, fd, &echoing);
    for (int i = 0; i < 3; i++)
        c[i] = client();
    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++) {
        CASE("%zu bytes", sizes[i]);
        ping(c[i % 3], sizes[i]);
    }
    CHECK_EQ_INT(mr_dgram_server_wait(&s, MR_NEVER), 0);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).received, MR_ARRAY_LEN(sizes));
    CHECK_EQ_INT(mr_dgram_server_stats(&s).live, 0);
    mr_dgram_server_fini(&s);
    mr_dgram_server_fini(&s);
    CHECK_EQ_INT(mr_sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC); /* borrowed */
    for (int i = 0; i < 3; i++)
        mr_fd_close(c[i]);
    mr_fd_close(fd);
    return 0;
}

/* A peer that has connected its socket hears no other address: the answer must
 * come from where the question went, not from where the route leads. */
static void ask_at(const char *host, const char *wildcard)
{
    struct mr_dgram_server s;
    struct mr_addr to;
    int fd = bound(wildcard), c;
    char c1;

    CASE("%s by way of %s", host, wildcard);
    CHECK_EQ_INT(mr_addr_parse(&to, mr_str(host)), 0);
    mr_addr_set_port(&to, mr_addr_port(&at));
    start(&s, fd, &echoing);
    c = mr_socket_towards(&to);
    CHECK_OK(c >= 0);
    CHECK_EQ_INT(mr_send(c, "?", 1, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recv(c, &c1, 1, 0, mr_after_s(10)), 1);
    mr_fd_close(c);
    mr_dgram_server_fini(&s);
    mr_fd_close(fd);
}

IN_HUB(answers_from_the_address_asked)
{
    struct mr_addr six;
    int fd;

    ask_at("127.0.0.2:1", "0.0.0.0:0");
    ask_at("127.0.0.2:1", "*:0");
    ask_at("127.0.0.1:1", "*:0");
    CHECK_EQ_INT(mr_addr_parse(&six, mr_str("[::1]:0")), 0);
    fd = mr_socket_bind(&six, NULL);
    mr_fd_close(fd);
    if (fd >= 0)
        ask_at("[::1]:1", "*:0");
    return 0;
}

IN_HUB(serves_unix)
{
    struct mr_dgram_server s;
    int fd = bound("unix:@mr_test_dgram"), c = client();

    start(&s, fd, &echoing);
    ping(c, 10);
    mr_fd_close(c);
    mr_dgram_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}

static void nameless(const struct mr_dgram *d, void *arg)
{
    *(ssize_t *)arg = mr_dgram_reply(d, "x", 1, MR_NEVER);
}

IN_HUB(nobody_to_answer)
{
    ssize_t rc = 0;
    struct mr_dgram_server s;
    int fd = bound("unix:@mr_test_nameless");
    int c = mr_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    start(&s, fd,
          &(struct mr_dgram_server_options){.handler = nameless, .arg = &rc});
    CHECK_EQ_INT(mr_sendto(c, "x", 1, &at, MR_NEVER), 1);
    while (rc == 0)
        CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(rc, -ENOTCONN);
    mr_fd_close(c);
    mr_dgram_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}

/* --- limits, stop --- */

static struct mr_waitq gate;
static unsigned ended;

static void wait_at_gate(const struct mr_dgram *d, void *arg)
{
    (void)arg;
    CHECK_EQ_INT(d->data.n, 1);
    (void)mr_wait(&gate, MR_NEVER, "gate");
    ended++;
}

static const struct mr_dgram_server_options gated = {.handler = wait_at_gate,
                                                     .max_live = 2};

/* Until the server has taken that many. */
static void until_received(struct mr_dgram_server *s, uint64_t n)
{
    while (mr_dgram_server_stats(s).received < n)
        CHECK_EQ_INT(mr_yield(), 0);
}

static void send_some(int c, int n)
{
    for (int i = 0; i < n; i++)
        CHECK_EQ_INT(mr_send(c, "x", 1, 0, MR_NEVER), 1);
}

/* At the limit the kernel keeps the others until one ends. */
IN_HUB(limit)
{
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();

    mr_waitq_init(&gate);
    start(&s, fd, &gated);
    send_some(c, 5);
    until_received(&s, 2);
    for (int i = 0; i < 10; i++)
        CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).live, 2);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).received, 2);
    for (uint64_t n = 3; n <= 5; n++) {
        CHECK_OK(mr_waitq_wake_one(&gate, 0));
        until_received(&s, n);
        CHECK_EQ_INT(mr_dgram_server_stats(&s).live, 2);
    }
    CHECK_EQ_INT(mr_yield(), 0); /* the last one has its first turn */
    mr_dgram_server_fini(&s);
    CHECK_EQ_INT(ended, 5);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

/* Stopped: those at work end, what comes later stays in the kernel. */
IN_HUB(stop_and_drain)
{
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();
    char buf[4];

    mr_waitq_init(&gate);
    start(&s, fd, &gated);
    send_some(c, 1);
    until_received(&s, 1);
    mr_dgram_server_stop(&s);
    mr_dgram_server_stop(&s);
    CHECK_EQ_INT(mr_yield(), 0);
    send_some(c, 1);
    CHECK_EQ_INT(mr_dgram_server_wait(&s, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).received, 1);
    CHECK_EQ_INT(mr_waitq_wake_all(&gate, 0), 1);
    CHECK_EQ_INT(mr_dgram_server_wait(&s, MR_NEVER), 0);
    CHECK_EQ_INT(ended, 1);
    mr_dgram_server_fini(&s);
    CHECK_EQ_INT(mr_recvfrom(fd, buf, sizeof buf, NULL, MR_NEVER), 1);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

/* Stops the server when the datagram has come, before the server's coroutine,
 * which was woken by the same event, has its turn. */
static intptr_t stops_first(void *arg)
{
    struct mr_dgram_server *s = arg;

    CHECK_EQ_INT(mr_hub_wait_fd(s->intake.fd, MR_READABLE, MR_NEVER), 0);
    mr_dgram_server_stop(s);
    return 0;
}

/* Stopped: also a coroutine that is about to receive does not. */
IN_HUB(stop_comes_first)
{
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();
    struct mr_coro *co;
    char buf[4];

    CHECK_EQ_INT(mr_dgram_server_init(&s, fd, &echoing), 0);
    co = mr_spawn(stops_first, &s);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_dgram_server_start(&s), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    send_some(c, 1);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_dgram_server_close(&s, MR_NEVER), 0);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).received, 0);
    CHECK_EQ_INT(mr_recvfrom(fd, buf, sizeof buf, NULL, MR_NEVER), 1);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

/* A socket of its own; those at work end by themselves, or are cancelled. */
IN_HUB(opens_and_closes)
{
    struct mr_dgram_server s;
    int c;

    mr_waitq_init(&gate);
    for (int in_time = 0; in_time <= 1; in_time++) {
        CASE("in time %d", in_time);
        ended = 0;
        CHECK_EQ_INT(mr_dgram_server_open(&s, "127.0.0.1:0", &gated), 0);
        CHECK_EQ_INT(mr_dgram_server_local(&s, &at), 0);
        c = client();
        send_some(c, 1);
        until_received(&s, 1);
        CHECK_EQ_INT(mr_yield(), 0);
        if (in_time)
            CHECK_OK(mr_waitq_wake_one(&gate, 0));
        CHECK_EQ_INT(
            mr_dgram_server_close(&s, in_time ? MR_NEVER : mr_after_ms(1)),
            in_time ? 0 : -ETIMEDOUT);
        CHECK_EQ_INT(ended, 1);
        CHECK_EQ_INT(mr_send(c, "x", 1, 0, MR_NEVER), 1);
        CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), -ECONNREFUSED);
        mr_fd_close(c);
    }
    CHECK_EQ_INT(mr_dgram_server_close(&s, MR_NEVER), 0); /* again: nothing */
    c = mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0);
    mr_fd_close(c);
    CHECK_EQ_INT(mr_dgram_server_open(&s, "x", &gated), -EINVAL);
    for (int i = 1; i <= 2; i++) {
        mr_sys_fault(i == 1 ? MR_SYS_ALLOC : MR_SYS_GETSOCKNAME, 1, -ENOMEM);
        CHECK_EQ_INT(mr_dgram_server_open(&s, "127.0.0.1:0", &gated), -ENOMEM);
        mr_sys_fault_clear();
    }
    CHECK_EQ_INT(mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0), c); /* none is left */
    mr_fd_close(c);
    return 0;
}

static char heard[8];

static intptr_t reads_on(void *arg)
{
    const struct mr_dgram *d = arg;
    struct mr_scope shield;

    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ECANCELED);
    mr_shield_enter(&shield, MR_NEVER);
    CHECK_EQ_INT(mr_yield(), 0);
    memcpy(heard, d->data.p, d->data.n);
    (void)mr_shield_leave(&shield);
    return 0;
}

static void leaves_a_child(const struct mr_dgram *d, void *arg)
{
    (void)arg;
    CHECK_OK(mr_spawn(reads_on, (void *)d) != NULL);
    CHECK_EQ_INT(mr_yield(), 0);
}

/* The datagram was freed while what the handler had spawned still read it. */
IN_HUB(childrens_datagram)
{
    struct mr_dgram_server s;
    int c;

    CHECK_EQ_INT(mr_dgram_server_open(&s, "127.0.0.1:0",
                                      &(struct mr_dgram_server_options){
                                          .handler = leaves_a_child}),
                 0);
    CHECK_EQ_INT(mr_dgram_server_local(&s, &at), 0);
    c = client();
    CHECK_EQ_INT(mr_send(c, "hello", 5, 0, MR_NEVER), 5);
    until_received(&s, 1);
    CHECK_EQ_INT(mr_dgram_server_wait(&s, MR_NEVER), 0);
    CHECK_EQ_STR(heard, "hello");
    CHECK_EQ_INT(mr_dgram_server_close(&s, MR_NEVER), 0);
    mr_fd_close(c);
    return 0;
}

/* A sender that attaches descriptors filled our table with them. */
IN_HUB(takes_no_descriptors)
{
    struct mr_dgram_server s;
    int fd = bound("unix:@mr_test_dgram_fds"), c = client();
    struct mr_fds fds = {.v = (int[]){c, c}, .n = 2};
    char buf[4];
    int next;

    start(&s, fd, &echoing);
    next = mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0);
    mr_fd_close(next);
    CHECK_EQ_INT(mr_send_fds(c, "x", 1, &fds, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recv(c, buf, sizeof buf, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0), next);
    mr_fd_close(next);
    mr_fd_close(c);
    mr_dgram_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}

/* A handler that is cancelled before its first turn leaks nothing. */
IN_HUB(handler_never_ran)
{
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();

    mr_waitq_init(&gate);
    send_some(c, 1);
    start(&s, fd, &gated);
    CHECK_EQ_INT(mr_yield(), 0); /* it has received, and spawned */
    CHECK_EQ_INT(mr_dgram_server_stats(&s).live, 1);
    mr_dgram_server_fini(&s);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).live, 0);
    CHECK_EQ_INT(ended, 0);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

/* A datagram that there is no memory for is dropped; the next is served. */
IN_HUB(no_memory)
{
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();

    start(&s, fd, &echoing);
    ping(c, 5); /* whatever is allocated once is there */
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    send_some(c, 1);
    while (mr_dgram_server_stats(&s).dropped == 0)
        CHECK_EQ_INT(mr_yield(), 0);
    mr_sys_fault_clear();
    ping(c, 6);
    CHECK_EQ_INT(mr_dgram_server_stats(&s).received, 2);
    mr_dgram_server_fini(&s);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

/* Errors of the socket are counted, and do not end it. */
IN_HUB(errors_pass)
{
    static const int errors[] = {-ECONNREFUSED, -EHOSTUNREACH, -ENETDOWN,
                                 -ENOMEM, -ENOBUFS};
    struct mr_dgram_server s;
    int fd = bound("127.0.0.1:0"), c = client();

    start(&s, fd, &echoing);
    for (size_t i = 0; i < MR_ARRAY_LEN(errors); i++) {
        CASE("%d", errors[i]);
        mr_sys_fault(MR_SYS_RECVMSG, 1, errors[i]);
        ping(c, i + 1);
        mr_sys_fault_clear();
    }
    CHECK_OK(mr_dgram_server_stats(&s).errors > 0);
    mr_dgram_server_fini(&s);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}

IN_HUB(no_such_socket)
{
    struct mr_dgram_server s;

    CHECK_EQ_INT(mr_dgram_server_init(&s, 4000, &echoing), -EBADF);
    mr_dgram_server_fini(&s);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(mr_dgram_server_init(&s, bound("127.0.0.1:0"), &echoing),
                 -ENOMEM);
    mr_sys_fault_clear();
    mr_dgram_server_fini(&s);
    return 0;
}

IN_HUB_DIES(no_handler, "!o->handler")
{
    struct mr_dgram_server s;

    return mr_dgram_server_init(&s, bound("127.0.0.1:0"),
                                &(struct mr_dgram_server_options){0});
}

SUITE("serving", serves, answers_from_the_address_asked, serves_unix,
      nobody_to_answer, childrens_datagram, takes_no_descriptors)
SUITE("limits", limit, stop_and_drain, stop_comes_first, opens_and_closes,
      handler_never_ran, no_memory, errors_pass, no_such_socket, no_handler)
TEST_MAIN()
