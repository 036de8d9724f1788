/* SPDX-License-Identifier: MIT */
/* over budget: eleven calls that share one set of contracts. */
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/offload.h"
#include "core/section.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/socket.h"
#include "tests/test.h"

/* The first errand of a test; its checks are CHECK_. */
static void run(mr_coro_fn *fn)
{
    CHECK_EQ_INT(mr_run(fn, NULL, NULL), 0);
    mr_offload_fini(); /* who fetches a file from its disk */
}

static void pair(int fds[2])
{
    CHECK_EQ_INT(mr_sys_socketpair(AF_UNIX,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                   0, fds),
                 0);
}

static void close_both(int fds[2])
{
    mr_fd_close(fds[0]);
    mr_fd_close(fds[1]);
}

static void fill_pattern(unsigned char *p, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)((from + i) * 7 + ((from + i) >> 8));
}

/* --- reading --- */

static intptr_t write_hello(void *arg)
{
    return mr_write(*(int *)arg, "hello", 5, MR_NEVER);
}

static intptr_t reads(void *arg)
{
    char buf[16] = "";
    struct iovec v[2] = {{buf, 2}, {buf + 2, 8}};
    int fds[2];

    (void)arg;
    pair(fds);
    /* nothing there: each must park until the sibling has written */
    CHECK_OK(mr_spawn(write_hello, &fds[1]) != NULL);
    CHECK_EQ_INT(mr_read(fds[0], buf, sizeof buf, MR_NEVER), 5);
    CHECK_EQ_MEM(buf, 5, "hello", 5);
    CHECK_OK(mr_spawn(write_hello, &fds[1]) != NULL);
    CHECK_EQ_INT(mr_read_wait(fds[0], buf, 3, MR_NEVER), 3);
    CHECK_EQ_INT(mr_recv(fds[0], buf, sizeof buf, MSG_PEEK, MR_NEVER), 2);
    CHECK_EQ_INT(mr_recv(fds[0], buf, sizeof buf, 0, MR_NEVER), 2);
    CHECK_OK(mr_spawn(write_hello, &fds[1]) != NULL);
    CHECK_EQ_INT(mr_readv(fds[0], v, 2, MR_NEVER), 5);
    CHECK_EQ_MEM(buf, 5, "hello", 5);
    CHECK_OK(mr_spawn(write_hello, &fds[1]) != NULL);
    CHECK_EQ_INT(mr_recv_wait(fds[0], buf, sizeof buf, 0, MR_NEVER), 5);
    CHECK_EQ_INT(mr_sys_shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ_INT(mr_read(fds[0], buf, sizeof buf, MR_NEVER), 0);
    CHECK_EQ_INT(mr_read_wait(fds[0], buf, sizeof buf, MR_NEVER), 0);
    close_both(fds);
    return 0;
}
TEST(fd_reads)
{
    run(reads);
}

static intptr_t read_wait_saves(void *arg)
{
    char c;
    int fds[2];

    (void)arg;
    pair(fds);
    mr_sys_fault(MR_SYS_READ, 0, 0);
    CHECK_OK(mr_spawn(write_hello, &fds[1]) != NULL);
    CHECK_EQ_INT(mr_read_wait(fds[0], &c, 1, MR_NEVER), 1);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_READ), 1);
    mr_sys_fault_clear();
    close_both(fds);
    return 0;
}
TEST(fd_read_wait_saves_a_call)
{
    run(read_wait_saves);
}

/* The descriptor alternates between waiting and not: one watcher, no more. */
static intptr_t echo_back(void *arg)
{
    int fd = *(int *)arg;
    char c;

    while (mr_read(fd, &c, 1, MR_NEVER) == 1) {
        if (mr_write(fd, &c, 1, MR_NEVER) != 1)
            break;
    }
    return 0;
}

static intptr_t steady(void *arg)
{
    char c = 'x';
    int fds[2];

    (void)arg;
    pair(fds);
    CHECK_OK(mr_spawn(echo_back, &fds[1]) != NULL);
    for (int i = 0; i < 1000; i++) {
        if (i == 10)
            mr_sys_fault(MR_SYS_EPOLL_CTL, 0, 0);
        CHECK_EQ_INT(mr_write(fds[0], &c, 1, MR_NEVER), 1);
        CHECK_EQ_INT(mr_read(fds[0], &c, 1, MR_NEVER), 1);
    }
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_EPOLL_CTL), 0);
    mr_sys_fault_clear();
    close_both(fds);
    return 0;
}
TEST(fd_steady_state)
{
    run(steady);
}

/* --- writing: more than the socket takes at once --- */

#define BIG (1024 * 1024 + 13)

struct sink {
    int fd;
    size_t got;
    bool same;
};

static intptr_t drain(void *arg)
{
    static unsigned char buf[10007], want[sizeof buf];
    struct sink *s = arg;
    ssize_t n;

    s->same = true;
    while ((n = mr_read(s->fd, buf, sizeof buf, MR_NEVER)) > 0) {
        fill_pattern(want, (size_t)n, s->got);
        s->same = s->same && memcmp(buf, want, (size_t)n) == 0;
        s->got += (size_t)n;
    }
    return n;
}

enum how { BY_WRITE, BY_SEND, BY_WRITEV, BY_SENDV, BY_SENDFILE, HOW_COUNT };

#define PIECES 3000 /* above IOV_MAX */

static ssize_t put_vectored(enum how how, int fd, unsigned char *p)
{
    static struct iovec v[PIECES];
    size_t each = BIG / (PIECES - 1);
    size_t at = 0;
    size_t left = 0;
    int rc;

    for (size_t i = 0; i < PIECES; i++) {
        size_t n = i % 100 == 7 ? 0 : MR_MIN(each + 100, BIG - at);

        v[i] = (struct iovec){p + at, n};
        at += n;
    }
    CHECK_EQ_INT(at, BIG);
    rc = how == BY_WRITEV ? mr_writev(fd, v, PIECES, MR_NEVER)
                          : mr_sendv(fd, v, PIECES, 0, MR_NEVER);
    for (size_t i = 0; i < PIECES; i++)
        left += v[i].iov_len;
    CHECK_EQ_INT(left, 0); /* v is used up */
    return rc ? rc : BIG;
}

static ssize_t put_file(int fd, const unsigned char *p)
{
    char name[] = "/tmp/mr_test_fd_XXXXXX";
    int64_t off = 0;
    int in = mkstemp(name);
    ssize_t put;

    CHECK_OK(in >= 0);
    CHECK_EQ_INT(mr_sys_unlink(name), 0);
    CHECK_EQ_INT(mr_write(in, p, BIG, MR_NEVER), BIG);
    /* asked for more than there is: says what there was */
    put = mr_sendfile(fd, in, &off, BIG + 1000, MR_NEVER);
    CHECK_EQ_INT(off, BIG);
    mr_fd_close(in);
    return put;
}

static ssize_t put_by(enum how how, int fd, unsigned char *p)
{
    switch (how) {
    case BY_WRITE:
        return mr_write(fd, p, BIG, MR_NEVER);
    case BY_SEND:
        return mr_send(fd, p, BIG, 0, MR_NEVER);
    case BY_SENDFILE:
        return put_file(fd, p);
    default:
        return put_vectored(how, fd, p);
    }
}

static intptr_t writes_all(void *arg)
{
    unsigned char *p = malloc(BIG);

    (void)arg;
    fill_pattern(p, BIG, 0);
    for (enum how how = 0; how < HOW_COUNT; how++) {
        int fds[2];
        struct sink s = {0};
        struct mr_coro *co;

        CASE("by %d", (int)how);
        pair(fds);
        s.fd = fds[1];
        co = mr_spawn(drain, &s);
        CHECK_EQ_INT(put_by(how, fds[0], p), BIG);
        mr_fd_close(fds[0]);
        CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(s.got, BIG);
        CHECK_OK(s.same);
        mr_fd_close(fds[1]);
    }
    free(p);
    return 0;
}
TEST(fd_writes_all)
{
    run(writes_all);
}

static intptr_t writes_nothing(void *arg)
{
    struct iovec v[2] = {{NULL, 0}, {NULL, 0}};
    int fds[2];
    char c;

    (void)arg;
    pair(fds);
    CHECK_EQ_INT(mr_write(fds[0], "", 0, MR_NEVER), 0);
    CHECK_EQ_INT(mr_writev(fds[0], v, 2, MR_NEVER), 0);
    CHECK_EQ_INT(mr_sendv(fds[0], v, 0, 0, MR_NEVER), 0);
    CHECK_EQ_INT(mr_sys_recv(fds[1], &c, 1, 0), -EAGAIN);
    close_both(fds);
    return 0;
}
TEST(fd_writes_nothing)
{
    run(writes_nothing);
}

/* On a failure v says what is left. */
static intptr_t writev_left(void *arg)
{
    char a[] = "abc", b[] = "defg";
    struct iovec v[2] = {{a, 3}, {b, 4}};
    int fds[2];

    (void)arg;
    pair(fds);
    mr_sys_fault(MR_SYS_WRITEV, 1, -EIO);
    CHECK_EQ_INT(mr_writev(fds[0], v, 2, MR_NEVER), -EIO);
    CHECK_EQ_INT(v[0].iov_len + v[1].iov_len, 7);
    mr_sys_fault_clear();
    close_both(fds);
    return 0;
}
TEST(fd_writev_left)
{
    run(writev_left);
}

/* --- errors --- */

static intptr_t peer_gone(void *arg)
{
    struct iovec v[2];
    char c = 'x';
    int fds[2];

    (void)arg;
    pair(fds);
    mr_fd_close(fds[1]);
    CHECK_EQ_INT(mr_send(fds[0], "x", 1, 0, MR_NEVER), -EPIPE);
    v[0] = v[1] = (struct iovec){&c, 1};
    CHECK_EQ_INT(mr_sendv(fds[0], v, 2, 0, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(mr_sendv(fds[0], v, 1, 0, MR_NEVER), -EPIPE);
    mr_fd_close(fds[0]);
    return 0;
}
/* SIGPIPE stays as it is: a signal would end the test. */
TEST(fd_no_sigpipe)
{
    run(peer_gone);
}

static intptr_t kernel_timeout(void *arg)
{
    char c = 'x';
    struct iovec v = {&c, 1};
    int64_t off = 0;
    int fds[2];

    (void)arg;
    pair(fds);
    mr_sys_fault_always(MR_SYS_READ, -ETIMEDOUT);
    mr_sys_fault_always(MR_SYS_RECV, -ETIMEDOUT);
    mr_sys_fault_always(MR_SYS_WRITE, -ETIMEDOUT);
    mr_sys_fault_always(MR_SYS_WRITEV, -ETIMEDOUT);
    mr_sys_fault_always(MR_SYS_SENDFILE, -ETIMEDOUT);
    CHECK_EQ_INT(mr_read(fds[0], &c, 1, MR_NEVER), -EHOSTUNREACH);
    CHECK_EQ_INT(mr_recv(fds[0], &c, 1, 0, MR_NEVER), -EHOSTUNREACH);
    CHECK_EQ_INT(mr_write(fds[0], &c, 1, MR_NEVER), -EHOSTUNREACH);
    CHECK_EQ_INT(mr_writev(fds[0], &v, 1, MR_NEVER), -EHOSTUNREACH);
    CHECK_EQ_INT(mr_sendfile(fds[0], fds[1], &off, 1, MR_NEVER), -EHOSTUNREACH);
    mr_sys_fault_clear();
    close_both(fds);
    return 0;
}
TEST(fd_kernel_timeout)
{
    run(kernel_timeout);
}

static intptr_t deadlines(void *arg)
{
    static char big[BIG];
    int64_t past = mr_now() - 1;
    char c = 'x';
    int fds[2];

    (void)arg;
    pair(fds);
    CHECK_EQ_INT(mr_read(fds[0], &c, 1, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_read(fds[0], &c, 1, past), -ETIMEDOUT);
    CHECK_EQ_INT(mr_read_wait(fds[0], &c, 1, past), -ETIMEDOUT);
    /* data comes before deadlines */
    CHECK_EQ_INT(mr_write(fds[1], "x", 1, past), 1);
    CHECK_EQ_INT(mr_read(fds[0], &c, 1, past), 1);
    /* nobody reads: the socket fills up */
    CHECK_EQ_INT(mr_write(fds[0], big, BIG, mr_after_ms(1)), -ETIMEDOUT);
    close_both(fds);
    return 0;
}
TEST(fd_deadlines)
{
    run(deadlines);
}

static intptr_t read_forever(void *arg)
{
    char c;

    return mr_read(*(int *)arg, &c, 1, MR_NEVER);
}

static intptr_t cancels(void *arg)
{
    struct mr_coro *co;
    intptr_t result = 0;
    int fds[2];

    (void)arg;
    pair(fds);
    co = mr_spawn(read_forever, &fds[0]);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &result, MR_NEVER), 0);
    CHECK_EQ_INT(result, -ECANCELED);
    close_both(fds);
    return 0;
}
TEST(fd_cancel)
{
    run(cancels);
}

static intptr_t close_wakes(void *arg)
{
    struct mr_coro *co[2];
    intptr_t result = 0;
    int fds[2];

    (void)arg;
    pair(fds);
    co[0] = mr_spawn(read_forever, &fds[0]);
    co[1] = mr_spawn(read_forever, &fds[0]);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_fd_close(fds[0]);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(mr_join(co[i], &result, MR_NEVER), 0);
        CHECK_EQ_INT(result, -EBADF);
    }
    mr_fd_close(fds[1]);
    return 0;
}
TEST(fd_close_wakes)
{
    run(close_wakes);
}

/* --- fairness: /dev/zero is always ready --- */

static intptr_t read_zeros(void *arg)
{
    int fd = *(int *)arg;
    char c;
    int rc;

    do
        rc = (int)mr_read(fd, &c, 1, MR_NEVER);
    while (rc == 1);
    return rc;
}

/* A section holds as long as nothing needs to wait: nobody gets the turn that
 * is due; but after it. */
static intptr_t in_section(void *arg)
{
    int fd = mr_sys_openat(AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC, 0);
    struct mr_coro *co = mr_spawn(read_zeros, &fd);
    int64_t past = mr_now() - 1;
    char c;

    (void)arg;
    MR_NO_SWITCH
    {
        for (int i = 0; i < 3 * MR_FD_BUDGET; i++)
            CHECK_EQ_INT(mr_read(fd, &c, 1, past), 1);
    }
    CHECK_EQ_INT(mr_coro_state(co), MR_CORO_READY);
    CHECK_EQ_INT(mr_read(fd, &c, 1, past), -ETIMEDOUT);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_fd_close(fd);
    return 0;
}
TEST(fd_in_a_section)
{
    run(in_section);
}

/* Behind an error that passes it gives way out of fairness alone. */
static intptr_t accepts_in_section(void *arg)
{
    struct mr_addr a;
    int fd, to, got = -1;

    (void)arg;
    CHECK_EQ_INT(mr_addr_parse(&a, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&a, NULL);
    CHECK_EQ_INT(mr_socket_local(fd, &a), 0);
    to = mr_connect(&a, MR_NEVER);
    CHECK_OK(to >= 0);
    mr_sys_fault(MR_SYS_ACCEPT4, 1, -ECONNABORTED);
    MR_NO_SWITCH
    {
        got = mr_accept(fd, NULL, MR_NEVER);
    }
    mr_sys_fault_clear();
    CHECK_OK(got >= 0);
    mr_fd_close(got);
    mr_fd_close(to);
    mr_fd_close(fd);
    return 0;
}
TEST(fd_accept_in_a_section)
{
    run(accepts_in_section);
}

static intptr_t fairness(void *arg)
{
    int fd = mr_sys_openat(AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC, 0);
    struct mr_coro *co = mr_spawn(read_zeros, &fd);
    intptr_t result = 0;
    int64_t past = mr_now() - 1;
    int n = 0;
    char c;

    (void)arg;
    CHECK_EQ_INT(mr_yield(), 0); /* comes back only if it gives way */
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &result, MR_NEVER), 0);
    CHECK_EQ_INT(result, -ECANCELED);
    while (n <= MR_FD_BUDGET && mr_read(fd, &c, 1, past) == 1)
        n++;
    CHECK_OK(n < MR_FD_BUDGET);
    mr_fd_close(fd);
    return 0;
}
TEST_WITHIN(fd_fairness, 10)
{
    run(fairness);
}

/* --- the rest --- */

static intptr_t file_ready(void *arg)
{
    char name[] = "/tmp/mr_test_fd_XXXXXX";
    int fd = mkstemp(name);
    char c;

    (void)arg;
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_sys_unlink(name), 0);
    CHECK_EQ_INT(mr_read_wait(fd, &c, 1, MR_NEVER), 0);
    mr_fd_close(fd);
    return 0;
}
TEST(fd_files_are_ready)
{
    run(file_ready);
}

TEST(fd_peek)
{
    char c;
    int fds[2];

    pair(fds);
    EQ_INT(mr_fd_peek(fds[0]), MR_PEER_QUIET);
    EQ_INT(mr_sys_send(fds[1], "x", 1, 0), 1);
    EQ_INT(mr_fd_peek(fds[0]), MR_PEER_TALKS);
    EQ_INT(mr_sys_recv(fds[0], &c, 1, 0), 1);
    EQ_INT(mr_sys_shutdown(fds[1], SHUT_WR), 0);
    EQ_INT(mr_fd_peek(fds[0]), MR_PEER_GONE);
    mr_sys_fault(MR_SYS_RECV, 1, -ECONNRESET);
    EQ_INT(mr_fd_peek(fds[0]), MR_PEER_GONE);
    mr_sys_fault_clear();
    close_both(fds);
}

TEST(fd_adopt)
{
    int fds[2];

    EQ_INT(mr_sys_pipe2(fds, 0), 0);
    EQ_INT(mr_fd_adopt(fds[0]), 0);
    OK(mr_sys_fcntl(fds[0], F_GETFL, 0) & O_NONBLOCK);
    EQ_INT(mr_sys_fcntl(fds[0], F_GETFD, 0), FD_CLOEXEC);
    for (unsigned nth = 1; nth <= 3; nth++) {
        mr_sys_fault(MR_SYS_FCNTL, nth, -EIO);
        EQ_INT(mr_fd_adopt(fds[1]), -EIO);
    }
    mr_sys_fault_clear();
    close_both(fds);
    mr_fd_close(-1);
    EQ_INT(mr_fd_adopt(fds[0]), -EBADF);
}

SUITE("moving", fd_reads, fd_writes_all, fd_writes_nothing, fd_writev_left,
      fd_files_are_ready)
SUITE("cost", fd_read_wait_saves_a_call, fd_steady_state)
SUITE("ends", fd_no_sigpipe, fd_kernel_timeout, fd_deadlines, fd_cancel,
      fd_close_wakes, fd_in_a_section, fd_accept_in_a_section, fd_fairness)
SUITE("care", fd_peek, fd_adopt)
TEST_MAIN()
