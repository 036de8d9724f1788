/* SPDX-License-Identifier: MIT */
/*
 * test_pages.c - large files through a pipe: the same bytes as by sendfile,
 * whatever is refused, and nothing of one left for the next.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/core/in_hub.h"

#define SIZE (5 * 1024 * 1024 + 777)
#define FROM 4097 /* on no page's edge */

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 13);
}

/* A file of SIZE bytes without a name. */
static int new_file(void)
{
    char name[] = "/tmp/mr_test_pages_XXXXXX";
    unsigned char *p = malloc(SIZE);
    int fd = mkstemp(name);

    CHECK_OK(p && fd >= 0);
    CHECK_EQ_INT(mr_sys_unlink(name), 0);
    for (size_t i = 0; i < SIZE; i++)
        p[i] = byte_at(i);
    CHECK_EQ_INT(mr_write(fd, p, SIZE, MR_NEVER), SIZE);
    free(p);
    return fd;
}

/* A connection of TCP's, whose buffers are large from the start. */
static void connection(int fds[2])
{
    struct mr_addr at;
    int fd;

    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    fds[0] = mr_connect(&at, MR_NEVER);
    fds[1] = mr_accept(fd, NULL, MR_NEVER);
    CHECK_OK(fds[0] >= 0 && fds[1] >= 0);
    mr_fd_close(fd);
}

struct reader {
    int fd;
    size_t got;
    bool same;
};

static intptr_t drain(void *arg)
{
    static unsigned char buf[256 * 1024];
    struct reader *r = arg;
    ssize_t n;

    r->same = true;
    while ((n = mr_read(r->fd, buf, sizeof buf, MR_NEVER)) > 0)
        for (ssize_t i = 0; i < n; i++, r->got++)
            if (buf[i] != byte_at(FROM + r->got))
                r->same = false;
    return n;
}

struct refusal {
    enum mr_sys_call call;
    unsigned nth; /* 0: always */
    int err;
    bool splices; /* all the same */
};

static void refuse(const struct refusal *r)
{
    mr_sys_fault(MR_SYS_SPLICE, 0, 0);
    if (r->nth)
        mr_sys_fault(r->call, r->nth, r->err);
    else
        mr_sys_fault_always(r->call, r->err);
}

/* All of `in` but its beginning, to one who reads it all; NULL: nothing is
 * refused. */
static void send_all(int in, const struct refusal *refused)
{
    struct reader r = {0};
    struct mr_coro *co;
    int64_t off = FROM;
    int fds[2];

    connection(fds);
    if (refused)
        refuse(refused);
    r.fd = fds[1];
    co = mr_spawn(drain, &r);
    CHECK_EQ_INT(mr_sendfile(fds[0], in, &off, SIZE, MR_NEVER), SIZE - FROM);
    CHECK_EQ_INT(off, SIZE);
    mr_fd_close(fds[0]);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(r.got, SIZE - FROM);
    CHECK_OK(r.same);
    if (refused)
        CHECK_EQ_INT(mr_sys_calls(MR_SYS_SPLICE) > 0, refused->splices);
    mr_sys_fault_clear();
    mr_fd_close(fds[1]);
}

IN_HUB(pages_by_pipe)
{
    const struct refusal none = {MR_SYS_PIPE2, 2, -EMFILE, true};
    int in = new_file();

    for (int i = 0; i < 3; i++)
        send_all(in, &none);
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

/* The first splice brings a file's pages into the pipe, the second one brings
 * them out. */
static const struct refusal refusals[] = {
    {MR_SYS_PIPE2, 0, -EMFILE, false},
    {MR_SYS_PIPE2, 1, -EMFILE, true},
    {MR_SYS_GETSOCKOPT, 0, -EOPNOTSUPP, false},
    {MR_SYS_SPLICE, 0, -EINVAL, true},
    {MR_SYS_SPLICE, 1, -EIO, true},
    {MR_SYS_SPLICE, 2, -EAGAIN, true},
    {MR_SYS_PPOLL, 0, -ENOMEM, true},
};

IN_HUB(pages_are_refused)
{
    int in = new_file();

    for (size_t i = 0; i < MR_ARRAY_LEN(refusals); i++) {
        CASE("%d of call %d", refusals[i].err, (int)refusals[i].call);
        send_all(in, &refusals[i]);
    }
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

/* So large a pipe is not for this user: it is not asked for again. */
IN_HUB(pages_and_no_pipe)
{
    struct refusal none = {MR_SYS_FCNTL, 1, -EPERM, false};
    int in = new_file();

    send_all(in, &none);
    none.nth = 2;
    send_all(in, &none);
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

/* A client that leaves: its error, and off says what it took. */
IN_HUB(pages_to_nobody)
{
    int in = new_file(), fds[2];
    int64_t off = FROM;

    connection(fds);
    mr_sys_fault(MR_SYS_SPLICE, 2, -ECONNRESET);
    CHECK_EQ_INT(mr_sendfile(fds[0], in, &off, SIZE, MR_NEVER), -ECONNRESET);
    CHECK_EQ_INT(off, FROM);
    mr_sys_fault_clear();
    mr_fd_close(fds[0]);
    mr_fd_close(fds[1]);
    send_all(in, NULL);
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

/* A socket that takes less than it said: what is left goes to nobody else. */
IN_HUB(pages_that_are_left)
{
    int in = new_file(), fds[2], most = 64 * 1024;
    int64_t off = FROM;

    connection(fds);
    CHECK_EQ_INT(
        setsockopt(fds[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most),
        0);
    most = 4096; /* and who does not read */
    CHECK_EQ_INT(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &most, sizeof most),
                 0);
    mr_sys_fault(MR_SYS_SPLICE, 0, 0);
    CHECK_EQ_INT(mr_sendfile(fds[0], in, &off, SIZE, mr_after_ms(1)),
                 -ETIMEDOUT);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SPLICE), 2);
    CHECK_OK(off > FROM && off < SIZE);
    mr_sys_fault_clear();
    send_all(in, NULL);
    mr_fd_close(fds[0]);
    mr_fd_close(fds[1]);
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

static intptr_t sends_one(void *unused __attribute__((unused)))
{
    int in = new_file();

    send_all(in, NULL);
    mr_fd_close(in);
    mr_offload_fini();
    return 0;
}

TEST(pages_end_with_the_hub)
{
    int before = count_fds();

    for (int i = 0; i < 2; i++) {
        OK(mr_run(sends_one, NULL, NULL) == 0);
        EQ_INT(count_fds(), before);
    }
}

SUITE("pages", pages_by_pipe, pages_are_refused, pages_and_no_pipe,
      pages_to_nobody, pages_that_are_left, pages_end_with_the_hub)
TEST_MAIN()
