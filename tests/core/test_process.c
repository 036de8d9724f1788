/* SPDX-License-Identifier: MIT */

/* test_process.c - fork, reap, descriptors, probes. */
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/sys.h"
#include "tests/test.h"

TEST(fork_reap)
{
    int status = -1;
    pid_t pid = mr_process_fork();

    if (pid == 0)
        mr_process_leave(7);
    OK(pid > 0);
    EQ_INT(mr_process_reap(pid, &status, 0), 0);
    EQ_INT(WEXITSTATUS(status), 7);
    EQ_INT(mr_process_reap(pid, &status, 0), -ECHILD);
}

TEST(reap_running)
{
    int status = -1;
    pid_t pid = mr_process_fork();

    if (pid == 0)
        for (;;)
            pause();
    EQ_INT(mr_process_reap(pid, &status, WNOHANG), -EAGAIN);
    EQ_INT(status, -1);
    EQ_INT(mr_sys_kill(pid, SIGKILL), 0);
    EQ_INT(mr_process_reap(pid, &status, 0), 0);
    EQ_INT(WTERMSIG(status), SIGKILL);
}

TEST(fork_fails)
{
    mr_sys_fault(MR_SYS_FORK, 1, -EAGAIN);
    EQ_INT(mr_process_fork(), -EAGAIN);
    mr_sys_fault_clear();
}

TEST(exit_text)
{
    static const struct {
        int status;
        const char *want;
    } cases[] = {
        {0, "exited with 0"},
        {3 << 8, "exited with 3"},
        {SIGKILL, "killed by SIGKILL"},
        {SIGSEGV | 0x80, "killed by SIGSEGV, core dumped"},
        {63, "killed by signal 63"},
    };
    char text[64];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%x", (unsigned)cases[i].status);
        mr_process_exit_text(cases[i].status, text, sizeof text);
        EQ_STR(text, cases[i].want);
    }
    EQ_INT(mr_process_exit_code(0), 0);
    EQ_INT(mr_process_exit_code(255 << 8), 255);
    EQ_INT(mr_process_exit_code(SIGSEGV | 0x80), -SIGSEGV);
    mr_process_exit_text(0, text, 5);
    EQ_STR(text, "exit");
}

TEST(core_name)
{
    char name[256] = "x";

    mr_process_core_name(4711, SIGSEGV, name, sizeof name);
    EQ_STR(name, ""); /* no core was dumped */
    mr_process_core_name(4711, SIGSEGV | 0x80, name, sizeof name);
    OK(name[0] != '\0'); /* what it is, this machine's core_pattern says */
    mr_process_core_name(4711, SIGSEGV | 0x80, name, 3);
    OK(strlen(name) < 3);
}

/* --- descriptors --- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

/* In a child, so that the test keeps its descriptors. */
static int close_most(int fd, void *arg)
{
    int extra[4], keep[8];

    (void)arg;
    for (int i = 0; i < 4; i++)
        extra[i] = fcntl(STDIN_FILENO, F_DUPFD, 50 + 10 * i);
    keep[0] = extra[2];
    keep[1] = -1;
    keep[2] = fd;
    keep[3] = extra[0];
    keep[4] = extra[2];
    keep[5] = STDOUT_FILENO;
    keep[6] = extra[3];
    if (mr_process_close_except(keep, 7))
        return 1;
    if (!is_open(extra[0]) || is_open(extra[1]) || !is_open(extra[2]) ||
        !is_open(extra[3]) || !is_open(fd) || is_open(51) || is_open(200))
        return 2;
    for (int i = 0; i <= STDERR_FILENO; i++) {
        if (!is_open(i))
            return 3;
    }
    if (mr_process_close_except(NULL, 0))
        return 4;
    return is_open(extra[0]) || is_open(fd) ? 5 : 0;
}

static int probe_status(int (*fn)(int fd, void *arg), struct mr_buf *text)
{
    struct mr_probe p = {.fn = fn, .max = 100, .deadline = MR_NEVER};
    int status = -1;
    int rc = mr_process_probe(&p, text, &status);

    return rc ? rc : status;
}

TEST(close_except)
{
    static const int faults[] = {0, -ENOSYS, -EPERM};
    struct mr_buf text;

    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        CASE("close_range gives %d", faults[i]);
        if (faults[i])
            mr_sys_fault_always(MR_SYS_CLOSE_RANGE, faults[i]);
        mr_buf_init(&text);
        EQ_INT(probe_status(close_most, &text), 0);
        mr_buf_fini(&text);
    }
    mr_sys_fault_clear();
}

static int close_many_by_proc(int fd, void *arg)
{
    int first = -1, keep[1];

    (void)arg;
    for (int i = 0; i < 300; i++) { /* more than one piece of a directory */
        int d = fcntl(STDIN_FILENO, F_DUPFD, 300);

        first = i == 0 ? d : first;
    }
    keep[0] = fd;
    if (mr_process_close_except(keep, 1))
        return 1;
    for (int i = 0; i < 300; i++) {
        if (is_open(first + i))
            return 2;
    }
    return 0;
}

TEST(close_except_by_proc)
{
    struct mr_buf text;

    mr_buf_init(&text);
    mr_sys_fault_always(MR_SYS_CLOSE_RANGE, -ENOSYS);
    EQ_INT(probe_status(close_many_by_proc, &text), 0);
    mr_sys_fault_always(MR_SYS_OPENAT, -ENOENT); /* no /proc */
    EQ_INT(probe_status(close_many_by_proc, &text), 1 << 8);
    mr_sys_fault_clear();
    mr_buf_fini(&text);
}

static int read_stdin(int fd, void *arg)
{
    char c;

    (void)fd;
    (void)arg;
    if (mr_process_null_stdin())
        return 1;
    if (read(STDIN_FILENO, &c, 1) != 0)
        return 2;
    close(STDIN_FILENO);
    if (mr_process_null_stdin() || read(STDIN_FILENO, &c, 1) != 0)
        return 3;
    return fcntl(STDIN_FILENO, F_GETFD) == 0 ? 0 : 4; /* not CLOEXEC */
}

TEST(null_stdin)
{
    struct mr_buf text;

    mr_buf_init(&text);
    EQ_INT(probe_status(read_stdin, &text), 0);
    mr_buf_fini(&text);
}

/* --- probes --- */

static int say(int fd, void *arg)
{
    const char *z = arg;

    return write(fd, z, strlen(z)) == (ssize_t)strlen(z) ? 3 : 1;
}

TEST(probe_says)
{
    struct mr_probe p = {
        .fn = say, .arg = (void *)"hello", .max = 5, .deadline = MR_NEVER};
    struct mr_buf text;
    int status = 0;

    mr_buf_init(&text);
    EQ_INT(mr_process_probe(&p, &text, &status), 0);
    EQ_INT(WEXITSTATUS(status), 3);
    EQ_MEM(mr_buf_head(&text), text.len, "hello", 5);
    p.max = 4;
    status = 77;
    EQ_INT(mr_process_probe(&p, &text, &status), -EMSGSIZE);
    EQ_INT(status, 77);
    mr_buf_fini(&text);
}

static int hang(int fd, void *arg)
{
    if (arg)
        close(fd);
    while (pause() == -1)
        ;
    return 0;
}

static int crash(int fd, void *arg)
{
    (void)fd;
    (void)arg;
    return raise(SIGKILL);
}

TEST(probe_in_time)
{
    struct mr_probe p = {.fn = hang, .max = 5};
    struct mr_buf text;
    int status = 0;

    mr_buf_init(&text);
    EQ_INT(mr_process_probe(&p, &text, &status), -ETIMEDOUT);
    p.arg = &status; /* closes its end, and goes on */
    EQ_INT(mr_process_probe(&p, &text, &status), -ETIMEDOUT);
    p.fn = crash;
    p.deadline = MR_NEVER;
    EQ_INT(mr_process_probe(&p, &text, &status), 0);
    OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    mr_buf_fini(&text);
}

TEST(probe_faults)
{
    static const enum mr_sys_call calls[] = {
        MR_SYS_PIPE2, MR_SYS_FORK, MR_SYS_PPOLL, MR_SYS_READ, MR_SYS_ALLOC};
    struct mr_probe p = {
        .fn = say, .arg = (void *)"hello", .max = 9, .deadline = MR_NEVER};
    struct mr_buf text;
    int status, before = dup(0);

    close(before);
    for (size_t i = 0; i < MR_ARRAY_LEN(calls); i++) {
        CASE("call %d", (int)calls[i]);
        mr_buf_init(&text);
        mr_sys_fault(calls[i], 1, -ENOMEM);
        EQ_INT(mr_process_probe(&p, &text, &status), -ENOMEM);
        mr_sys_fault_clear();
        mr_buf_fini(&text);
        EQ_INT(dup(0), before); /* no descriptor is left behind */
        close(before);
    }
}

/* --- another program; with pipes and a hub: tests/io/test_subprocess.c --- */

/* What a shell's script gives, and what the report said, 0 when exec worked. */
static int spawn(const char *program, const char *script, int *ret_report)
{
    const char *argv[] = {program, "-c", script, NULL};
    const int fds[] = {0, 1, 2};
    const struct mr_process_spawn p = {.argv = argv, .fds = fds, .fd_n = 3};
    struct pollfd poll = {.events = POLLIN};
    int status = -1;
    pid_t pid = mr_process_spawn(&p, &poll.fd);

    if (!CHECK_OK(pid > 0))
        return pid;
    *ret_report = 0;
    CHECK_EQ_INT(mr_sys_ppoll(&poll, 1, -1), 1);
    CHECK_OK(mr_sys_read(poll.fd, ret_report, sizeof *ret_report) >= 0);
    mr_sys_close(poll.fd);
    CHECK_EQ_INT(mr_process_reap(pid, &status, 0), 0);
    return mr_process_exit_code(status);
}

TEST(spawn_reports)
{
    int report;

    EQ_INT(spawn("sh", "exit 5", &report), 5);
    EQ_INT(report, 0);
    EQ_INT(spawn("/bin/sh", "kill -9 $$", &report), -SIGKILL);
    EQ_INT(report, 0);
    EQ_INT(spawn("/nowhere/sh", "", &report), 127);
    EQ_INT(report, -ENOENT);
}

TEST(spawn_fails)
{
    const char *argv[] = {"true", NULL};
    const int fds[] = {0, 1, 2};
    const struct mr_process_spawn p = {.argv = argv, .fds = fds, .fd_n = 3};
    int report = -1;

    mr_sys_fault(MR_SYS_FORK, 1, -EAGAIN);
    EQ_INT(mr_process_spawn(&p, &report), -EAGAIN);
    mr_sys_fault(MR_SYS_PIPE2, 1, -EMFILE);
    EQ_INT(mr_process_spawn(&p, &report), -EMFILE);
    mr_sys_fault_clear();
    EQ_INT(report, -1);
}

SUITE("children", fork_reap, reap_running, fork_fails, exit_text, core_name)
SUITE("programs", spawn_reports, spawn_fails)
SUITE("descriptors", close_except, close_except_by_proc, null_stdin)
SUITE("probes", probe_says, probe_in_time, probe_faults)
TEST_MAIN()
