/* SPDX-License-Identifier: MIT */

/* test_socket_msg.c - datagrams, and descriptors in flight. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/core/in_hub.h"

static struct mr_addr addr(const char *text)
{
    struct mr_addr a = {0};

    CHECK_EQ_INT(mr_addr_parse(&a, mr_str(text)), 0);
    return a;
}

/* Bound to text; where that is in *ret_at. */
static int bound(const char *text, struct mr_addr *ret_at)
{
    struct mr_addr a = addr(text);
    int fd = mr_socket_bind(&a, NULL);

    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, ret_at), 0);
    return fd;
}

/* --- datagrams --- */

static bool have(const char *text)
{
    struct mr_addr a = addr(text);
    int fd = mr_socket_bind(&a, NULL);

    mr_fd_close(fd);
    return fd >= 0;
}

static const char *const places[] = {"127.0.0.1:0", "[::1]:0",
                                     "unix:@mr_test_socket_msg"};

IN_HUB(there_and_back)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(places); i++) {
        struct mr_addr at, from, me;
        char buf[16];
        int s, c;

        CASE("%s", places[i]);
        if (!have(places[i]))
            continue; /* a machine without IPv6 */
        s = bound(places[i], &at);
        c = mr_socket_towards(&at);
        CHECK_OK(c >= 0);
        CHECK_EQ_INT(mr_sys_fcntl(s, F_GETFD, 0), FD_CLOEXEC);
        CHECK_EQ_INT(mr_sys_fcntl(c, F_GETFD, 0), FD_CLOEXEC);
        CHECK_EQ_INT(mr_socket_local(c, &me), 0);
        CHECK_EQ_INT(mr_send(c, "ping", 4, 0, MR_NEVER), 4);
        CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, &from, MR_NEVER), 4);
        CHECK_EQ_MEM(buf, 4, "ping", 4);
        CHECK_EQ_INT(mr_addr_cmp(&from, &me), 0);
        CHECK_EQ_INT(mr_sendto(s, "", 0, &from, MR_NEVER), 0);
        CHECK_EQ_INT(mr_sendto(s, "pong", 4, &from, MR_NEVER), 4);
        CHECK_EQ_INT(mr_recv(c, buf, sizeof buf, 0, MR_NEVER), 0); /* empty */
        CHECK_EQ_INT(mr_recvfrom(c, buf, sizeof buf, NULL, MR_NEVER), 4);
        CHECK_EQ_INT(mr_sendto(c, "3", 1, NULL, MR_NEVER), 1);
        CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, NULL, MR_NEVER), 1);
        mr_fd_close(c);
        mr_fd_close(s);
    }
    return 0;
}

/* A listener for both families: its IPv4 peers look like IPv4, and can be
 * answered under that address. */
IN_HUB(one_socket_for_both_families)
{
    struct mr_addr at, from;
    char buf[4];
    int s = bound("*:0", &at), c;
    struct mr_addr to = addr("127.0.0.1:1");

    mr_addr_set_port(&to, mr_addr_port(&at));
    c = mr_socket_towards(&to);
    CHECK_EQ_INT(mr_send(c, "x", 1, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, &from, MR_NEVER), 1);
    CHECK_EQ_INT(mr_addr_family(&from), AF_INET);
    CHECK_EQ_INT(mr_sendto(s, "y", 1, &from, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recv(c, buf, sizeof buf, 0, MR_NEVER), 1);
    mr_fd_close(c);
    mr_fd_close(s);
    return 0;
}

IN_HUB(unnamed_sender)
{
    struct mr_addr at, from;
    char buf[4], text[MR_ADDR_TEXT];
    int s = bound("unix:@mr_test_unnamed", &at);
    int c = mr_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    CHECK_EQ_INT(mr_sendto(c, "x", 1, &at, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, &from, MR_NEVER), 1);
    mr_addr_format(&from, text, sizeof text);
    CHECK_EQ_STR(text, "unix:");
    mr_fd_close(c);
    mr_fd_close(s);
    return 0;
}

/* Longer than the room is an error, never a part; the next is whole. */
IN_HUB(too_long)
{
    static char big[70000];
    struct mr_addr at;
    char buf[4];
    int s = bound("127.0.0.1:0", &at);

    CHECK_EQ_INT(mr_sendto(s, big, sizeof big, &at, MR_NEVER), -EMSGSIZE);
    CHECK_EQ_INT(mr_sendto(s, "12345", 5, &at, MR_NEVER), 5);
    CHECK_EQ_INT(mr_sendto(s, "1234", 4, &at, MR_NEVER), 4);
    CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, NULL, MR_NEVER), -EMSGSIZE);
    CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, NULL, MR_NEVER), 4);
    mr_fd_close(s);
    return 0;
}

static intptr_t receive(void *arg)
{
    char buf[4];

    return mr_recvfrom(*(int *)arg, buf, sizeof buf, NULL, MR_NEVER);
}

IN_HUB(deadline_cancel_close)
{
    struct mr_addr at;
    char buf[4];
    int s = bound("127.0.0.1:0", &at);
    struct mr_coro *a = mr_spawn(receive, &s);
    intptr_t rc;

    CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, NULL, mr_after_ms(1)),
                 -ETIMEDOUT);
    mr_cancel(a);
    CHECK_EQ_INT(mr_join(a, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -ECANCELED);
    a = mr_spawn(receive, &s);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_fd_close(s);
    CHECK_EQ_INT(mr_join(a, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -EBADF);
    return 0;
}

IN_HUB(nobody_there)
{
    struct mr_addr at;
    char buf[4];
    int s = bound("127.0.0.1:0", &at), c = mr_socket_towards(&at);

    mr_fd_close(s);
    CHECK_EQ_INT(mr_send(c, "x", 1, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recvfrom(c, buf, sizeof buf, NULL, MR_NEVER),
                 -ECONNREFUSED);
    mr_fd_close(c);
    return 0;
}

/* An always ready socket does not keep others from their turn. */
static intptr_t count_turns(void *arg)
{
    while (mr_yield() == 0)
        ++*(int *)arg;
    return 0;
}

IN_HUB(gives_way)
{
    struct mr_addr at;
    char buf[4];
    int s = bound("127.0.0.1:0", &at), turns = 0;
    struct mr_coro *other = mr_spawn(count_turns, &turns);

    for (int i = 0; i < 4 * MR_FD_BUDGET; i++) {
        CHECK_EQ_INT(mr_sendto(s, "x", 1, &at, MR_NEVER), 1);
        CHECK_EQ_INT(mr_recvfrom(s, buf, sizeof buf, NULL, MR_NEVER), 1);
    }
    CHECK_OK(turns >= 4);
    mr_cancel(other);
    mr_fd_close(s);
    return 0;
}

IN_HUB(in_use)
{
    const struct mr_listen_options shared = {.reuseport = true};
    struct mr_addr at;
    int s = bound("127.0.0.1:0", &at), a, b;

    CHECK_EQ_INT(mr_socket_probe_bind(&at), -EADDRINUSE);
    CHECK_EQ_INT(mr_socket_bind(&at, &shared), -EADDRINUSE);
    mr_fd_close(s);
    CHECK_EQ_INT(mr_socket_probe_bind(&at), 0);
    a = mr_socket_bind(&at, &shared);
    b = mr_socket_bind(&at, &shared);
    CHECK_OK(a >= 0 && b >= 0);
    CHECK_EQ_INT(mr_socket_probe_bind(&at), -EADDRINUSE);
    mr_fd_close(a);
    mr_fd_close(b);
    return 0;
}

/* A dead socket's file is taken over, a living one's is not. */
IN_HUB(unix_file)
{
    const struct mr_listen_options o = {.mode = 0600};
    char dir[] = "/tmp/mr_test_msg_XXXXXX", text[64];
    struct mr_addr at;
    struct stat st;
    int s;

    CHECK_OK(mkdtemp(dir) != NULL);
    snprintf(text, sizeof text, "unix:%s/sock", dir);
    at = addr(text);
    s = mr_socket_bind(&at, &o);
    CHECK_OK(s >= 0);
    CHECK_EQ_INT(stat(text + 5, &st), 0);
    CHECK_EQ_INT(st.st_mode & 0777, 0600);
    CHECK_EQ_INT(mr_socket_bind(&at, &o), -EADDRINUSE);
    CHECK_EQ_INT(mr_socket_probe_bind(&at), -EADDRINUSE);
    mr_fd_close(s);
    s = mr_socket_bind(&at, &o);
    CHECK_OK(s >= 0);
    mr_fd_close(s);
    CHECK_EQ_INT(unlink(text + 5), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
    return 0;
}

/* --- descriptors --- */

static void pair(int type, int ret[2])
{
    CHECK_EQ_INT(
        mr_sys_socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret),
        0);
}

static bool is_same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
}

/* n copies of one descriptor go over, `room` are wanted. */
static ssize_t pass(int type, size_t n, size_t room, struct mr_fds *got)
{
    int many[MR_FDS_MAX], s[2];
    struct mr_fds out = {many, n};
    char buf[8];
    ssize_t rc;

    pair(type, s);
    for (size_t i = 0; i < n; i++)
        many[i] = s[0];
    CHECK_EQ_INT(mr_send_fds(s[0], "hello", 5, &out, MR_NEVER), 5);
    got->n = room;
    rc = mr_recv_fds(s[1], buf, sizeof buf, got, MR_NEVER);
    for (size_t i = 0; rc > 0 && i < got->n; i++) {
        CHECK_OK(is_same_file(got->v[i], s[0]));
        CHECK_EQ_INT(mr_sys_fcntl(got->v[i], F_GETFD, 0), FD_CLOEXEC);
        mr_fd_close(got->v[i]);
    }
    mr_fd_close(s[0]);
    mr_fd_close(s[1]);
    return rc;
}

static const struct {
    size_t sent, room;
    ssize_t want;
} passes[] = {
    {0, 0, 5},
    {0, 4, 5},
    {1, 1, 5},
    {3, 4, 5},
    {MR_FDS_MAX, 253, 5},
    {2, 1, -EMSGSIZE}, /* the padding has room for 2 */
    {3, 1, -EMSGSIZE},
    {5, 3, -EMSGSIZE},
    {1, 0, -EMSGSIZE},
    {MR_FDS_MAX, 1, -EMSGSIZE},
};

IN_HUB(pass_fds)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int room[MR_FDS_MAX];
    struct mr_fds got = {.v = room};
    int before = count_fds();

    for (size_t t = 0; t < MR_ARRAY_LEN(types); t++) {
        for (size_t i = 0; i < MR_ARRAY_LEN(passes); i++) {
            CASE("type %d: %zu into %zu", types[t], passes[i].sent,
                 passes[i].room);
            CHECK_EQ_INT(pass(types[t], passes[i].sent, passes[i].room, &got),
                         passes[i].want);
            CHECK_EQ_INT(got.n, passes[i].want > 0 ? passes[i].sent : 0);
            CHECK_EQ_INT(count_fds(), before);
        }
    }
    return 0;
}

IN_HUB(pass_too_many)
{
    int many[MR_FDS_MAX + 1] = {0}, s[2];
    struct mr_fds out = {many, MR_FDS_MAX + 1};

    pair(SOCK_STREAM, s);
    CHECK_EQ_INT(mr_send_fds(s[0], "x", 1, &out, MR_NEVER), -EINVAL);
    out.n = 1;
    CHECK_EQ_INT(mr_send_fds(s[0], "", 0, &out, MR_NEVER), -EINVAL);
    many[0] = 4000;
    CHECK_EQ_INT(mr_send_fds(s[0], "x", 1, &out, MR_NEVER), -EBADF);
    mr_fd_close(s[0]);
    out.n = 1;
    CHECK_EQ_INT(mr_recv_fds(s[1], many, 1, &out, MR_NEVER), 0); /* the end */
    CHECK_EQ_INT(out.n, 0);
    mr_fd_close(s[1]);
    return 0;
}

/* No number left in this process: what came is closed again. */
IN_HUB(pass_without_room_in_the_process)
{
    int many[4], v[4], s[2], before, last;
    struct mr_fds out = {many, 4}, in = {v, 4};
    struct rlimit old, tight;
    char buf[4];
    ssize_t rc;

    pair(SOCK_STREAM, s);
    for (int i = 0; i < 4; i++)
        many[i] = s[0];
    CHECK_EQ_INT(mr_send_fds(s[0], "x", 1, &out, MR_NEVER), 1);
    before = count_fds();
    last = dup(0);
    close(last);
    CHECK_EQ_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = old;
    tight.rlim_cur = (rlim_t)last + 2; /* two of the four */
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
    rc = mr_recv_fds(s[1], buf, sizeof buf, &in, MR_NEVER);
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    if (rc == 1 && in.n == 4) /* Valgrind keeps the limit to itself */
        return test_skip("the limit on descriptors is emulated here");
    CHECK_EQ_INT(rc, -EMFILE);
    CHECK_EQ_INT(in.n, 0);
    CHECK_EQ_INT(count_fds(), before);
    mr_fd_close(s[0]);
    mr_fd_close(s[1]);
    return 0;
}

#define LONG (1 << 20)
static char long_text[LONG];

static intptr_t send_long(void *arg)
{
    int *s = arg;
    struct mr_fds out = {s, 1};

    return mr_send_fds(s[0], long_text, LONG, &out, MR_NEVER);
}

/* More bytes than the socket takes at once: the descriptor comes once, with
 * the first of them. */
IN_HUB(pass_with_a_long_text)
{
    static char buf[64 * 1024];
    int s[2], v[1], came = 0;
    struct mr_coro *sender;
    size_t total = 0;
    intptr_t rc;

    pair(SOCK_STREAM, s);
    sender = mr_spawn(send_long, s);
    while (total < LONG) {
        struct mr_fds in = {v, 1};
        ssize_t n = mr_recv_fds(s[1], buf, sizeof buf, &in, MR_NEVER);

        if (!CHECK_OK(n > 0))
            break;
        if (in.n > 0) {
            CHECK_EQ_INT(total, 0);
            came++;
            mr_fd_close(v[0]);
        }
        total += (size_t)n;
    }
    CHECK_EQ_INT(came, 1);
    CHECK_EQ_INT(mr_join(sender, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, LONG);
    mr_fd_close(s[0]);
    mr_fd_close(s[1]);
    return 0;
}

/* What nobody receives goes with the socket. */
IN_HUB(pass_and_forget)
{
    int before = count_fds(), s[2];
    struct mr_fds out = {s, 2};

    pair(SOCK_STREAM, s);
    CHECK_EQ_INT(mr_send_fds(s[0], "x", 1, &out, MR_NEVER), 1);
    mr_fd_close(s[0]);
    mr_fd_close(s[1]);
    CHECK_EQ_INT(count_fds(), before);
    return 0;
}

/* The peer's queue is full: the sender pauses, for poll knows no peer and would
 * say at once that one may write. */
IN_HUB(unix_peer_that_does_not_read)
{
    struct mr_addr at;
    int peer = bound("unix:@millrace-test-full", &at);
    int fd =
        mr_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    uint64_t polls = mr_hub_stats(mr_hub_self()).polls;
    ssize_t rc = 0;

    for (int i = 0; i < 10000 && rc >= 0; i++)
        rc = mr_sendto(fd, "x", 1, &at, mr_after_ms(20));
    CHECK_EQ_INT(rc, -ETIMEDOUT);
    CHECK_OK(mr_hub_stats(mr_hub_self()).polls - polls < 500);
    mr_fd_close(fd);
    mr_fd_close(peer);
    return 0;
}

SUITE("datagrams", there_and_back, one_socket_for_both_families, unnamed_sender,
      too_long, deadline_cancel_close, nobody_there, gives_way, in_use,
      unix_file)
SUITE("descriptors", pass_fds, pass_too_many, pass_without_room_in_the_process,
      pass_with_a_long_text, pass_and_forget)
SUITE("full", unix_peer_that_does_not_read)
TEST_MAIN()
