/* SPDX-License-Identifier: MIT */
#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "tests/test.h"

static void run(mr_coro_fn *fn)
{
    CHECK_EQ_INT(mr_run(fn, NULL, NULL), 0);
}

static struct mr_addr addr(const char *text)
{
    struct mr_addr a = {0};

    CHECK_EQ_INT(mr_addr_parse(&a, mr_str(text)), 0);
    return a;
}

/* A directory of this test's own, and "unix:DIR/sock" below it. */
static char dir[64];
static char unix_text[96];
static const char *sock_path;

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/mr_test_socket_XXXXXX");
    CHECK_OK(mkdtemp(dir) != NULL);
    snprintf(unix_text, sizeof unix_text, "unix:%s/sock", dir);
    sock_path = unix_text + 5;
}

static void remove_dir(void)
{
    int rc = mr_sys_unlink(sock_path);

    (void)rc;
    CHECK_EQ_INT(remove(dir), 0);
}

static bool have_ipv6(void)
{
    struct mr_addr a = addr("[::1]:0");
    int fd = mr_socket_listen(&a, NULL);

    mr_fd_close(fd);
    return fd >= 0;
}

static int get_int(int fd, int level, int name)
{
    socklen_t len = sizeof(int);
    int v = -1;

    CHECK_EQ_INT(mr_sys_getsockopt(fd, level, name, &v, &len), 0);
    return v;
}

/* --- from listen to bytes, over each family --- */

struct dial {
    struct mr_addr to;
    int fd;
};

static intptr_t dial(void *arg)
{
    struct dial *d = arg;

    d->fd = mr_connect(&d->to, MR_NEVER);
    if (d->fd < 0)
        return d->fd;
    return mr_write(d->fd, "ping", 4, MR_NEVER);
}

static void check_flags(int fd)
{
    CHECK_OK(mr_sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    CHECK_EQ_INT(mr_sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
}

static void round_trip(const char *at, const char *peer_host)
{
    struct mr_addr a = addr(at), peer;
    struct dial d = {.fd = -1};
    char text[MR_ADDR_TEXT], buf[8];
    int fd, got;

    CASE("%s", at);
    fd = mr_socket_listen(&a, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &d.to), 0);
    if (mr_addr_is_any(&d.to)) {
        a = addr("127.0.0.1:0");
        mr_addr_set_port(&a, mr_addr_port(&d.to));
        d.to = a;
    }
    CHECK_OK(mr_spawn(dial, &d) != NULL);
    got = mr_accept(fd, &peer, MR_NEVER);
    CHECK_OK(got >= 0);
    mr_addr_format(&peer, text, sizeof text);
    CHECK_OK(mr_str_starts(mr_str(text), peer_host));
    CHECK_EQ_INT(mr_read(got, buf, sizeof buf, MR_NEVER), 4);
    check_flags(fd);
    check_flags(got);
    check_flags(d.fd);
    if (mr_addr_family(&a) != AF_UNIX)
        CHECK_EQ_INT(get_int(got, IPPROTO_TCP, TCP_NODELAY), 1);
    mr_fd_close(got);
    mr_fd_close(d.fd);
    mr_fd_close(fd);
}

static intptr_t trips(void *arg)
{
    (void)arg;
    round_trip("127.0.0.1:0", "127.0.0.1:");
    round_trip(unix_text, "unix:");
    round_trip(unix_text, "unix:"); /* the last one's file is stale */
    round_trip("unix:@mr_test_socket", "unix:");
    round_trip("*:0", "127.0.0.1:"); /* unwrapped */
    return 0;
}
TEST(socket_round_trip)
{
    make_dir();
    run(trips);
    remove_dir();
}

static intptr_t trip6(void *arg)
{
    (void)arg;
    round_trip("[::1]:0", "[::1]:");
    return 0;
}
TEST(socket_round_trip_ipv6)
{
    if (!have_ipv6())
        SKIP("no IPv6 loopback");
    run(trip6);
}

/* "All" works on a machine without IPv6, by IPv4. */
static intptr_t trip4(void *arg)
{
    (void)arg;
    mr_sys_fault(MR_SYS_SOCKET, 1, -EAFNOSUPPORT);
    round_trip("*:0", "127.0.0.1:");
    mr_sys_fault_clear();
    return 0;
}
TEST(socket_all_without_ipv6)
{
    run(trip4);
}

TEST(socket_v6only)
{
    struct mr_addr a = addr("*:0");
    int fd;

    if (!have_ipv6())
        SKIP("no IPv6 loopback");
    for (int only = 0; only <= 1; only++) {
        fd = mr_socket_listen(&a, &(struct mr_listen_options){.v6only = only});
        OK(fd >= 0);
        EQ_INT(get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY), only);
        mr_fd_close(fd);
    }
}

TEST(socket_options)
{
    struct mr_addr a = addr("127.0.0.1:0");
    int fd = mr_socket_listen(&a, &(struct mr_listen_options){
                                      .reuseport = true, .defer_accept_s = 3});

    OK(fd >= 0);
    EQ_INT(get_int(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    OK(get_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 3);
    EQ_INT(mr_socket_set_nodelay(fd, false), 0);
    EQ_INT(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    mr_fd_close(fd);
}

/* --- addresses in use --- */

TEST(socket_in_use)
{
    struct mr_listen_options shared = {.reuseport = true};
    struct mr_addr a = addr("127.0.0.1:0"), at;
    int fd = mr_socket_listen(&a, &shared);
    int sibling;

    OK(fd >= 0);
    EQ_INT(mr_socket_local(fd, &at), 0);
    /* a sibling gets in silently: so one must ask */
    sibling = mr_socket_listen(&at, &shared);
    OK(sibling >= 0);
    EQ_INT(mr_socket_listen(&at, NULL), -EADDRINUSE);
    EQ_INT(mr_socket_probe(&at), -EADDRINUSE);
    mr_fd_close(fd);
    EQ_INT(mr_socket_probe(&at), -EADDRINUSE);
    mr_fd_close(sibling);
    EQ_INT(mr_socket_probe(&at), 0);
}

static void unix_in_use(const char *text)
{
    struct mr_addr a = addr(text);
    int fd;

    CASE("%s", text);
    EQ_INT(mr_socket_probe(&a), 0);
    fd = mr_socket_listen(&a, &(struct mr_listen_options){.backlog = 1});
    OK(fd >= 0);
    EQ_INT(mr_socket_probe(&a), -EADDRINUSE);
    EQ_INT(mr_socket_listen(&a, NULL), -EADDRINUSE);
    /* the probes above fill its queue: still in use */
    for (int i = 0; i < 5; i++)
        EQ_INT(mr_socket_probe(&a), -EADDRINUSE);
    mr_fd_close(fd);
    EQ_INT(mr_socket_probe(&a), 0);
    fd = mr_socket_listen(&a, NULL);
    OK(fd >= 0);
    mr_fd_close(fd);
}

TEST(socket_unix_in_use)
{
    make_dir();
    unix_in_use(unix_text);
    unix_in_use("unix:@mr_test_in_use");
    remove_dir();
}

/* What is no socket is never removed. */
TEST(socket_unix_keeps_files)
{
    struct mr_addr a;
    struct stat st;
    int fd;

    make_dir();
    a = addr(unix_text);
    fd = mr_sys_openat(AT_FDCWD, sock_path, O_CREAT | O_WRONLY | O_CLOEXEC,
                       0600);
    OK(fd >= 0);
    mr_fd_close(fd);
    EQ_INT(mr_socket_listen(&a, NULL), -ENOTSOCK);
    EQ_INT(mr_socket_probe(&a), -ENOTSOCK);
    EQ_INT(mr_sys_fstatat(AT_FDCWD, sock_path, &st, 0), 0);
    remove_dir();
}

TEST(socket_unix_mode)
{
    struct mr_addr a;
    struct stat st;
    int fd;

    make_dir();
    a = addr(unix_text);
    fd = mr_socket_listen(&a, &(struct mr_listen_options){.mode = 0666});
    OK(fd >= 0);
    EQ_INT(mr_sys_fstatat(AT_FDCWD, sock_path, &st, 0), 0);
    EQ_INT(st.st_mode & 07777, 0666);
    mr_fd_close(fd);
    remove_dir();
}

/* --- each system call failing in turn: an error, nothing left behind --- */

static const struct {
    enum mr_sys_call call;
    const char *at;
    int count; /* times it is called */
} steps[] = {
    {MR_SYS_SOCKET, "127.0.0.1:0", 1}, {MR_SYS_SETSOCKOPT, "127.0.0.1:0", 4},
    {MR_SYS_BIND, "127.0.0.1:0", 1},   {MR_SYS_LISTEN, "127.0.0.1:0", 1},
    {MR_SYS_SOCKET, NULL, 1},          {MR_SYS_BIND, NULL, 1},
    {MR_SYS_LISTEN, NULL, 1},          {MR_SYS_FSTATAT, NULL, 1},
    {MR_SYS_FCHMODAT, NULL, 1},
};

static void one_step(size_t i, unsigned nth)
{
    struct mr_listen_options o = {
        .reuseport = true,
        .defer_accept_s = 1,
        .mode = 0600,
    };
    struct mr_addr a = addr(steps[i].at ? steps[i].at : unix_text);
    struct stat st;
    int low = mr_sys_openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC, 0);
    int fd;

    CASE("step %zu, call %u", i, nth);
    mr_sys_close(low);
    mr_sys_fault(steps[i].call, nth, -EIO);
    EQ_INT(mr_socket_listen(&a, &o), -EIO);
    mr_sys_fault_clear();
    fd = mr_sys_openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC, 0);
    EQ_INT(fd, low); /* no descriptor leaked */
    mr_sys_close(fd);
    EQ_INT(mr_sys_fstatat(AT_FDCWD, sock_path, &st, 0), -ENOENT);
}

TEST(socket_listen_fails)
{
    make_dir();
    for (size_t i = 0; i < MR_ARRAY_LEN(steps); i++) {
        for (int nth = 1; nth <= steps[i].count; nth++)
            one_step(i, (unsigned)nth);
    }
    remove_dir();
}

/* --- accept --- */

static intptr_t passes_over(void *arg)
{
    static const int broken[] = {
        -ECONNABORTED, -EPROTO,       -ENETDOWN,    -ENOPROTOOPT, -EHOSTDOWN,
        -ENONET,       -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT,
    };
    struct mr_addr a = addr("127.0.0.1:0");
    struct dial d = {.fd = -1};
    int fd = mr_socket_listen(&a, NULL);

    (void)arg;
    CHECK_EQ_INT(mr_socket_local(fd, &d.to), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(broken); i++) {
        int got;

        CASE("%d", broken[i]);
        CHECK_OK(mr_spawn(dial, &d) != NULL);
        mr_sys_fault(MR_SYS_ACCEPT4, 1, broken[i]);
        got = mr_accept(fd, NULL, MR_NEVER);
        CHECK_OK(got >= 0);
        mr_sys_fault_clear();
        mr_fd_close(got);
        mr_fd_close(d.fd);
    }
    mr_sys_fault(MR_SYS_ACCEPT4, 1, -EMFILE);
    CHECK_EQ_INT(mr_accept(fd, NULL, MR_NEVER), -EMFILE);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_accept(fd, NULL, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_accept_try(fd, NULL), -EAGAIN);
    mr_fd_close(fd);
    return 0;
}
TEST(socket_accept_passes_over)
{
    run(passes_over);
}

/* A queue that is never empty kept the thread from all others, and from
 * deadlines. */
static intptr_t gives_way(void *arg __attribute__((unused)))
{
    static int c[MR_FD_BUDGET + 1];
    struct mr_addr a = addr("127.0.0.1:0"), at;
    int fd = mr_socket_listen(&a, NULL);
    int64_t past = mr_now() - 1;
    int n = 0, got;

    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(c); i++)
        c[i] = mr_connect(&at, MR_NEVER);
    while ((got = mr_accept(fd, NULL, past)) >= 0) {
        mr_fd_close(got);
        n++;
    }
    CHECK_EQ_INT(got, -ETIMEDOUT);
    CHECK_OK(n < MR_FD_BUDGET);
    return 0; /* and the process */
}
TEST(socket_accept_gives_way)
{
    run(gives_way);
}

/* --- connect --- */

static intptr_t connects(void *arg)
{
    struct mr_addr a = addr("127.0.0.1:0"), at;
    int fd = mr_socket_listen(&a, NULL);
    int got;

    (void)arg;
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    /* a signal came: the connection is under way all the same. The fault
     * leaves it unmade, so that the socket is hung up, not connected */
    mr_sys_fault(MR_SYS_CONNECT, 1, -EINTR);
    mr_sys_fault(MR_SYS_GETSOCKOPT, 0, 0);
    got = mr_connect(&at, MR_NEVER);
    CHECK_OK(got >= 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_GETSOCKOPT), 1);
    mr_sys_fault_clear();
    mr_fd_close(got);
    mr_sys_fault(MR_SYS_CONNECT, 1, -ETIMEDOUT);
    CHECK_EQ_INT(mr_connect(&at, MR_NEVER), -EHOSTUNREACH);
    mr_sys_fault(MR_SYS_SOCKET, 1, -EMFILE);
    CHECK_EQ_INT(mr_connect(&at, MR_NEVER), -EMFILE);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    CHECK_EQ_INT(mr_connect(&at, MR_NEVER), -ECONNREFUSED);
    a = addr("unix:/nowhere/at/all");
    CHECK_EQ_INT(mr_connect(&a, MR_NEVER), -ENOENT);
    return 0;
}
TEST(socket_connect)
{
    run(connects);
}

static intptr_t drain_later(void *arg)
{
    int fd = *(int *)arg;
    int n = 0;
    int got;

    while ((got = mr_accept(fd, NULL, mr_after_ms(200))) >= 0) {
        mr_fd_close(got);
        n++;
    }
    return n;
}

/* Nobody accepts: the queue fills, and connect waits for room. */
static intptr_t full_queue(void *arg)
{
    struct mr_addr a = addr("unix:@mr_test_full");
    int fd = mr_socket_listen(&a, &(struct mr_listen_options){.backlog = 1});
    int fds[16];
    int n = 0;

    (void)arg;
    while (n < 15 && (fds[n] = mr_connect(&a, mr_after_ms(3))) >= 0)
        n++;
    CHECK_EQ_INT(fds[n], -ETIMEDOUT);
    CHECK_OK(n > 0);
    CHECK_OK(mr_spawn(drain_later, &fd) != NULL);
    fds[n] = mr_connect(&a, MR_NEVER);
    CHECK_OK(fds[n] >= 0);
    for (int i = 0; i <= n; i++)
        mr_fd_close(fds[i]);
    mr_fd_close(fd); /* wakes drain_later */
    return 0;
}
TEST(socket_connect_full_queue)
{
    run(full_queue);
}

static intptr_t resets(void *arg)
{
    struct mr_addr a = addr("127.0.0.1:0");
    struct dial d = {.fd = -1};
    int fd = mr_socket_listen(&a, NULL);
    char c;
    int got;

    (void)arg;
    CHECK_EQ_INT(mr_socket_local(fd, &d.to), 0);
    CHECK_OK(mr_spawn(dial, &d) != NULL);
    got = mr_accept(fd, NULL, MR_NEVER);
    CHECK_EQ_INT(mr_read(got, (char[8]){0}, 8, MR_NEVER), 4);
    CHECK_EQ_INT(mr_socket_set_reset(got), 0);
    mr_fd_close(got);
    CHECK_EQ_INT(mr_read(d.fd, &c, 1, MR_NEVER), -ECONNRESET);
    mr_fd_close(d.fd);
    mr_fd_close(fd);
    return 0;
}
TEST(socket_reset)
{
    run(resets);
}

SUITE("whole", socket_round_trip, socket_round_trip_ipv6,
      socket_all_without_ipv6, socket_v6only, socket_options, socket_reset)
SUITE("in use", socket_in_use, socket_unix_in_use, socket_unix_keeps_files,
      socket_unix_mode)
SUITE("failing", socket_listen_fails, socket_accept_passes_over,
      socket_accept_gives_way, socket_connect, socket_connect_full_queue)
TEST_MAIN()
