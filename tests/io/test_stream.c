/* SPDX-License-Identifier: MIT */
/* over budget: the cases of one header. */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/test.h"

static void run(mr_coro_fn *fn)
{
    CHECK_EQ_INT(mr_run(fn, NULL, NULL), 0);
}

/* Two streams that are each other's peer. */
static void pair(struct mr_stream_fd *a, struct mr_stream_fd *b)
{
    int fds[2];

    CHECK_EQ_INT(mr_sys_socketpair(AF_UNIX,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                   0, fds),
                 0);
    mr_stream_socket_init(a, fds[0]);
    mr_stream_socket_init(b, fds[1]);
}

/* The same of TCP, which says so. */
static void tcp_pair(struct mr_stream_fd *a, struct mr_stream_fd *b)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    struct mr_addr at;
    int listener, fd;

    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    listener = mr_socket_listen(&at, NULL);
    CHECK_EQ_INT(getsockname(listener, (struct sockaddr *)&name, &len), 0);
    CHECK_EQ_INT(mr_addr_set(&at, (struct sockaddr *)&name, len), 0);
    fd = mr_connect(&at, MR_NEVER);
    CHECK_OK(fd >= 0);
    mr_stream_socket_init(a, fd);
    fd = mr_accept(listener, NULL, MR_NEVER);
    CHECK_OK(fd >= 0);
    mr_stream_socket_init(b, fd);
    a->whole = b->whole = true;
    mr_fd_close(listener);
}

/* Writes text in pieces of `step` bytes and ends the stream. */
struct feed {
    struct mr_stream *to;
    struct mr_str text;
    size_t step;
};

static intptr_t feed(void *arg)
{
    struct feed *f = arg;
    int rc = 0;

    for (size_t at = 0; at < f->text.n && rc == 0; at += f->step) {
        size_t n = MR_MIN(f->step, f->text.n - at);

        rc = mr_stream_write_all(f->to, f->text.p + at, n, MR_NEVER);
        (void)mr_yield();
    }
    (void)mr_stream_shutdown(f->to, MR_NEVER);
    return rc;
}

/* --- read_until --- */

static const struct {
    const char *text;
    const char *end;
    size_t max;
    int first;  /* the first call's answer */
    int second; /* and of the next, the first line consumed */
} lines[] = {
    {"a\r\nbc\r\n", "\r\n", 100, 3, 4},
    {"a\r\nbc", "\r\n", 100, 3, -ENODATA},
    {"\r\n\r\n", "\r\n", 100, 2, 2},
    {"\r\r\r\n", "\r\n", 100, 4, -ENODATA},
    {"aab", "ab", 100, 3, -ENODATA},
    {"", "\n", 100, -ENODATA, -ENODATA},
    {"abc\n", "\n", 4, 4, -ENODATA},
    {"abc\n", "\n", 3, -EMSGSIZE, -EMSGSIZE},
    {"abcd\r\n", "\r\n", 5, -EMSGSIZE, -EMSGSIZE},
    {"abc", "\n", 0, -EMSGSIZE, -EMSGSIZE},
    {"abc", "", 100, -EINVAL, -EINVAL},
};

/* A stream that gives its text `step` bytes at a time. */
struct trickle {
    struct mr_stream stream;
    struct mr_str text;
    size_t step;
};

static ssize_t trickle_read(struct mr_stream *s, void *buf, size_t n,
                            int64_t deadline)
{
    struct trickle *t = mr_container_of(s, struct trickle, stream);

    (void)deadline;
    n = MR_MIN(MR_MIN(n, t->step), t->text.n);
    memcpy(buf, t->text.p, n);
    t->text = mr_str_n(t->text.p + n, t->text.n - n);
    return (ssize_t)n;
}

static const struct mr_stream_ops trickle_ops = {.read = trickle_read};

static void until_case(size_t i, size_t step)
{
    struct trickle t = {{&trickle_ops, -1}, mr_str(lines[i].text), step};
    struct mr_str end = mr_str(lines[i].end);
    struct mr_buf buf;
    ssize_t n;

    CASE("line %zu in pieces of %zu", i, step);
    mr_buf_init(&buf);
    n = mr_stream_read_until(&t.stream, &buf, end, lines[i].max, MR_NEVER);
    CHECK_EQ_INT(n, lines[i].first);
    CHECK_OK(buf.len <= lines[i].max);
    if (n > 0)
        mr_buf_consume(&buf, (size_t)n);
    n = mr_stream_read_until(&t.stream, &buf, end, lines[i].max, MR_NEVER);
    CHECK_EQ_INT(n, lines[i].second);
    mr_buf_fini(&buf);
}

TEST(stream_read_until)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        for (size_t step = 1; step <= 8; step++)
            until_case(i, step);
    }
}

/* A peer that never ends its line costs at most max bytes. */
static intptr_t until_bounded(void *arg)
{
    static char text[10000];
    struct mr_stream_fd a, b;
    struct feed f = {&b.stream, {text, sizeof text}, 10000};
    struct mr_coro *co;
    struct mr_buf buf;

    (void)arg;
    memset(text, 'x', sizeof text);
    mr_buf_init(&buf);
    pair(&a, &b);
    co = mr_spawn(feed, &f);
    CHECK_EQ_INT(
        mr_stream_read_until(&a.stream, &buf, mr_str("\n"), 1000, MR_NEVER),
        -EMSGSIZE);
    CHECK_EQ_INT(buf.len, 1000);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
    mr_buf_fini(&buf);
    return 0;
}
TEST(stream_read_until_bounded)
{
    run(until_bounded);
}

static intptr_t no_memory(void *arg)
{
    struct mr_stream_fd a, b;
    struct mr_buf buf;

    (void)arg;
    mr_buf_init(&buf);
    pair(&a, &b);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(
        mr_stream_read_until(&a.stream, &buf, mr_str("\n"), 1000, MR_NEVER),
        -ENOMEM);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(mr_stream_copy(&b.stream, &a.stream, 1, MR_NEVER), -ENOMEM);
    mr_sys_fault_clear();
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
    return 0;
}
TEST(stream_no_memory)
{
    run(no_memory);
}

/* --- exact, copy --- */

static intptr_t read_exact(void *arg)
{
    struct mr_stream_fd a, b;
    struct feed f = {&b.stream, mr_str("0123456789"), 3};
    struct mr_coro *co;
    char buf[8];

    (void)arg;
    pair(&a, &b);
    co = mr_spawn(feed, &f);
    CHECK_EQ_INT(mr_stream_read_exact(&a.stream, buf, 8, MR_NEVER), 0);
    CHECK_EQ_MEM(buf, 8, "01234567", 8);
    CHECK_EQ_INT(mr_stream_read_exact(&a.stream, buf, 0, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read_exact(&a.stream, buf, 3, MR_NEVER), -ENODATA);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read_exact(&b.stream, buf, 1, mr_after_ms(1)),
                 -ETIMEDOUT);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
    return 0;
}
TEST(stream_read_exact)
{
    run(read_exact);
}

#define LONG 200000

struct copier {
    struct mr_stream *to;
    struct mr_stream *from;
    uint64_t n;
};

static intptr_t copy(void *arg)
{
    struct copier *c = arg;
    int64_t done = mr_stream_copy(c->to, c->from, c->n, MR_NEVER);

    (void)mr_stream_shutdown(c->to, MR_NEVER);
    return done;
}

static void copy_case(uint64_t n, size_t want)
{
    static char text[LONG], got[LONG];
    struct mr_stream_fd a, b, c, d;
    struct feed f = {&a.stream, {text, LONG}, 7777};
    struct copier k = {&c.stream, &b.stream, n};
    struct mr_coro *feeder, *copier;
    intptr_t copied = 0;

    CASE("%ju", (uintmax_t)n);
    for (size_t i = 0; i < LONG; i++)
        text[i] = (char)(i * 31 + (i >> 9));
    pair(&a, &b);
    pair(&c, &d);
    feeder = mr_spawn(feed, &f);
    copier = mr_spawn(copy, &k);
    CHECK_EQ_INT(mr_stream_read_exact(&d.stream, got, want, MR_NEVER), 0);
    CHECK_OK(memcmp(got, text, want) == 0);
    CHECK_EQ_INT(mr_stream_read_exact(&d.stream, got, 1, MR_NEVER), -ENODATA);
    CHECK_EQ_INT(mr_join(copier, &copied, MR_NEVER), 0);
    CHECK_EQ_INT(copied, want);
    mr_stream_close(&b.stream); /* the feeder may still be writing */
    CHECK_EQ_INT(mr_join(feeder, NULL, MR_NEVER), 0);
    mr_stream_close(&a.stream);
    mr_stream_close(&c.stream);
    mr_stream_close(&d.stream);
}

static intptr_t copies(void *arg)
{
    (void)arg;
    copy_case(UINT64_MAX, LONG);
    copy_case(LONG, LONG);
    copy_case(LONG + 1, LONG);
    copy_case(50001, 50001);
    copy_case(0, 0);
    return 0;
}
TEST(stream_copy)
{
    run(copies);
}

static intptr_t copy_fails(void *arg)
{
    struct mr_stream_fd a, b, c, d;

    (void)arg;
    pair(&a, &b);
    pair(&c, &d);
    CHECK_EQ_INT(mr_stream_write_all(&a.stream, "x", 1, MR_NEVER), 0);
    mr_stream_close(&d.stream);
    CHECK_EQ_INT(mr_stream_copy(&c.stream, &b.stream, 1, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(mr_stream_copy(&c.stream, &b.stream, 1, mr_after_ms(1)),
                 -ETIMEDOUT);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
    mr_stream_close(&c.stream);
    return 0;
}
TEST(stream_copy_fails)
{
    run(copy_fails);
}

/* --- the descriptor below --- */

static intptr_t respond(void *arg)
{
    struct mr_stream *s = arg;
    char c[8];
    ssize_t n;

    while ((n = mr_stream_read(s, c, sizeof c, MR_NEVER)) > 0) {
        if (mr_stream_write_all(s, c, (size_t)n, MR_NEVER))
            break;
    }
    return n;
}

/* One recv and one send for each side and turn, once it is known that reads
 * come back short. */
static void calls_case(bool tcp)
{
    struct mr_stream_fd a, b;
    struct mr_coro *co;
    char c[8];

    CASE("%s", tcp ? "TCP" : "unix");
    (tcp ? tcp_pair : pair)(&a, &b);
    co = mr_spawn(respond, &b.stream);
    for (int i = 0; i < 110; i++) {
        if (i == 10) {
            mr_sys_fault(MR_SYS_RECV, 0, 0); /* counts */
            mr_sys_fault(MR_SYS_READ, 0, 0);
            mr_sys_fault(MR_SYS_SEND, 0, 0);
            mr_sys_fault(MR_SYS_EPOLL_CTL, 0, 0);
        }
        CHECK_EQ_INT(mr_stream_write_all(&a.stream, "x", 1, MR_NEVER), 0);
        CHECK_EQ_INT(mr_stream_read(&a.stream, c, sizeof c, MR_NEVER), 1);
    }
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_RECV) + mr_sys_calls(MR_SYS_READ), 200);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND), 200);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_EPOLL_CTL), 0);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_stream_shutdown(&a.stream, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
}

static intptr_t two_calls(void *arg)
{
    (void)arg;
    calls_case(true);
    calls_case(false);
    return 0;
}
TEST(stream_one_recv_per_turn)
{
    run(two_calls);
}

/* Six bytes, whatever reads they take; for a reader that waits by now. */
static intptr_t reads_six(void *arg)
{
    struct mr_stream *s = arg;
    char c[16];
    ssize_t got;

    for (size_t n = 0; n < 6; n += (size_t)got) {
        got = mr_stream_read(s, c, sizeof c, mr_after_s(5));
        if (got <= 0)
            return got;
    }
    return 6;
}

/* What makes a read come back short although there is more: an urgent byte in
 * TCP, descriptors in a unix socket. All of it comes in one event. */
static void cut_case(bool tcp)
{
    struct mr_stream_fd a, b;
    struct mr_coro *co;
    intptr_t v = 0;

    CASE("%s", tcp ? "an urgent byte" : "a descriptor");
    (tcp ? tcp_pair : pair)(&a, &b);
    co = mr_spawn(respond, &b.stream); /* by edge or level, as it will stay */
    for (int i = 0; i < 3; i++) {
        char c;

        CHECK_EQ_INT(mr_stream_write_all(&a.stream, "x", 1, MR_NEVER), 0);
        CHECK_EQ_INT(mr_stream_read(&a.stream, &c, 1, MR_NEVER), 1);
    }
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    co = mr_spawn(reads_six, &b.stream);
    (void)mr_yield();
    if (tcp) {
        CHECK_EQ_INT(mr_sys_send(a.stream.fd, "abc", 3, 0), 3);
        CHECK_EQ_INT(mr_sys_send(a.stream.fd, "!", 1, MSG_OOB), 1);
    } else {
        struct mr_fds fds = {.v = &a.stream.fd, .n = 1};

        CHECK_EQ_INT(mr_send_fds(a.stream.fd, "abc", 3, &fds, MR_NEVER), 3);
    }
    CHECK_EQ_INT(mr_sys_send(a.stream.fd, "def", 3, 0), 3);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, 6);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
}

static intptr_t cuts(void *arg)
{
    (void)arg;
    cut_case(true);
    cut_case(false);
    return 0;
}
TEST(stream_cut_short)
{
    run(cuts);
}

/* Uses up the thread's share of ready calls, and the reader's time, when the
 * reader has been woken and before it runs. */
struct hog {
    int fd, zero;
    int64_t until;
};

static intptr_t hog(void *arg)
{
    struct hog *h = arg;
    char c[1];

    CHECK_EQ_INT(mr_read(h->fd, c, 1, MR_NEVER), 1);
    for (int i = 1; i < MR_FD_BUDGET; i++)
        CHECK_EQ_INT(mr_read(h->zero, c, 1, MR_NEVER), 1);
    while (mr_sys_monotonic() < h->until)
        continue;
    return 0;
}

static intptr_t late(void *arg)
{
    struct mr_stream_fd a, b;
    struct hog h;
    struct mr_coro *co;
    char c[8];
    int fds[2];

    (void)arg;
    tcp_pair(&a, &b);
    CHECK_EQ_INT(mr_sys_pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    h.fd = fds[0];
    h.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK_OK(h.zero >= 0);
    CHECK_EQ_INT(mr_stream_write_all(&a.stream, "x", 1, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(&b.stream, c, sizeof c, MR_NEVER), 1);
    co = mr_spawn(hog, &h);
    (void)mr_yield(); /* it waits for its byte */
    CHECK_EQ_INT(mr_sys_write(fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_stream_write_all(&a.stream, "y", 1, MR_NEVER), 0);
    h.until = mr_after_ms(200);
    CHECK_EQ_INT(mr_stream_read(&b.stream, c, sizeof c, h.until), -ETIMEDOUT);
    CHECK_EQ_INT(mr_stream_read(&b.stream, c, sizeof c, mr_after_s(5)), 1);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_fd_close(fds[0]);
    mr_fd_close(fds[1]);
    mr_fd_close(h.zero);
    mr_stream_close(&a.stream);
    mr_stream_close(&b.stream);
    return 0;
}
/* Woken, but too late to read: what it was woken for is still there. */
TEST(stream_read_too_late)
{
    run(late);
}

static intptr_t pipes(void *arg)
{
    struct mr_stream_fd r, w;
    struct iovec v[2] = {{(void *)(uintptr_t) "ab", 2},
                         {(void *)(uintptr_t) "cd", 2}};
    char c[8];
    int fds[2];

    (void)arg;
    CHECK_EQ_INT(mr_sys_pipe2(fds, 0), 0);
    CHECK_EQ_INT(mr_fd_adopt(fds[0]) + mr_fd_adopt(fds[1]), 0);
    mr_stream_fd_init(&r, fds[0]);
    mr_stream_fd_init(&w, fds[1]);
    CHECK_EQ_INT(mr_stream_fd(&r.stream), fds[0]);
    CHECK_EQ_INT(mr_stream_pending(&r.stream), 0);
    CHECK_EQ_INT(mr_stream_writev(&w.stream, v, 2, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(&r.stream, c, sizeof c, MR_NEVER), 4);
    CHECK_EQ_MEM(c, 4, "abcd", 4);
    CHECK_EQ_INT(mr_stream_read(&r.stream, c, sizeof c, mr_after_ms(1)),
                 -ETIMEDOUT);
    CHECK_EQ_INT(mr_stream_shutdown(&w.stream, MR_NEVER), -EOPNOTSUPP);
    mr_stream_close(&w.stream);
    CHECK_EQ_INT(mr_stream_fd(&w.stream), -1);
    CHECK_EQ_INT(mr_stream_read(&r.stream, c, sizeof c, MR_NEVER), 0);
    mr_stream_close(&r.stream);
    return 0;
}
TEST(stream_pipes)
{
    run(pipes);
}

SUITE("built", stream_read_until, stream_read_until_bounded, stream_no_memory,
      stream_read_exact, stream_copy, stream_copy_fails)
SUITE("descriptors", stream_one_recv_per_turn, stream_cut_short,
      stream_read_too_late, stream_pipes)
TEST_MAIN()
