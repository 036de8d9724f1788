/* SPDX-License-Identifier: MIT */

/* test_sys.c - results and errors of the wrappers, and the fault seam. */
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/test.h"

TEST(sys_results_are_the_calls_own)
{
    char buf[8] = "";
    int fds[2];

    EQ_INT(mr_sys_pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    EQ_INT(mr_sys_read(fds[0], buf, sizeof buf), -EAGAIN);
    EQ_INT(mr_sys_write(fds[1], "abc", 3), 3);
    EQ_INT(mr_sys_read(fds[0], buf, sizeof buf), 3);
    EQ_MEM(buf, 3, "abc", 3);
    EQ_INT(mr_sys_close(fds[1]), 0);
    EQ_INT(mr_sys_read(fds[0], buf, sizeof buf), 0);
    EQ_INT(mr_sys_close(fds[0]), 0);
    EQ_INT(mr_sys_close(fds[0]), -EBADF);
    EQ_INT(mr_sys_write(fds[1], "x", 1), -EBADF);
    EQ_INT(mr_sys_openat(AT_FDCWD, "/nonexistent", O_RDONLY, 0), -ENOENT);
}

TEST(sys_vectors_and_messages)
{
    struct iovec v[2] = {{"ab", 2}, {"cd", 2}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    char one[3] = "", two[8] = "";
    struct iovec r[2] = {{one, 1}, {two, sizeof two - 1}};
    int fds[2];

    EQ_INT(mr_sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    EQ_INT(mr_sys_writev(fds[0], v, 2), 4);
    EQ_INT(mr_sys_readv(fds[1], r, 2), 4);
    EQ_STR(one, "a");
    EQ_STR(two, "bcd");
    EQ_INT(mr_sys_sendmsg(fds[0], &m, 0), 4);
    EQ_INT(mr_sys_recv(fds[1], two, 7, 0), 4);
    EQ_STR(two, "abcd");
    /* No SIGPIPE: send says so, and we are still here. */
    mr_sys_close(fds[1]);
    EQ_INT(mr_sys_send(fds[0], "x", 1, 0), -EPIPE);
    mr_sys_close(fds[0]);
}

TEST(sys_fault_nth)
{
    int fds[2];

    mr_sys_fault(MR_SYS_PIPE2, 2, -EMFILE);
    for (int i = 1; i <= 3; i++) {
        int rc = mr_sys_pipe2(fds, O_CLOEXEC);

        CASE("call %d", i);
        EQ_INT(rc, i == 2 ? -EMFILE : 0);
        if (rc == 0) {
            mr_sys_close(fds[0]);
            mr_sys_close(fds[1]);
        }
    }
    EQ_INT(mr_sys_calls(MR_SYS_PIPE2), 3);
    mr_sys_fault_clear();
    EQ_INT(mr_sys_calls(MR_SYS_PIPE2), 0);
}

TEST(sys_fault_always_and_other_calls)
{
    mr_sys_fault_always(MR_SYS_READ, -EIO);
    for (int i = 0; i < 3; i++)
        EQ_INT(mr_sys_read(-1, NULL, 0), -EIO);
    EQ_INT(mr_sys_write(-1, "", 0), -EBADF);
    mr_sys_fault_clear();
    EQ_INT(mr_sys_read(-1, NULL, 0), -EBADF);
}

TEST(sys_fault_counts_only)
{
    mr_sys_fault(MR_SYS_WRITE, 0, -EIO);
    EQ_INT(mr_sys_write(-1, "", 0), -EBADF);
    EQ_INT(mr_sys_write(-1, "", 0), -EBADF);
    EQ_INT(mr_sys_calls(MR_SYS_WRITE), 2);
}

TEST(sys_memory)
{
    void *p;

    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    OK(!mr_alloc(10));
    p = mr_alloc(10);
    OK(p != NULL);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    OK(!mr_realloc(p, 20));
    p = mr_realloc(p, 20);
    OK(p != NULL);
    mr_free(p);
    mr_free(NULL);
    mr_sys_fault_clear();
}

TEST(sys_mmap_error)
{
    int err = 0;

    OK(!mr_sys_mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
                    &err));
    EQ_INT(err, -EINVAL);
}

TEST(sys_clocks)
{
    int64_t a = mr_sys_monotonic();

    OK(mr_sys_monotonic() >= a);
    OK(mr_sys_realtime() > 1700000000LL * 1000000000);
    OK(mr_sys_getpid() > 0);
}

SUITE("calls", sys_results_are_the_calls_own, sys_vectors_and_messages,
      sys_mmap_error, sys_clocks)
SUITE("faults", sys_fault_nth, sys_fault_always_and_other_calls,
      sys_fault_counts_only, sys_memory)
TEST_MAIN()
