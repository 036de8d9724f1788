/* SPDX-License-Identifier: MIT */

/* test_subprocess_io.c - what children are given, what they read and write. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/socket.h"
#include "tests/io/children.h"

/* --- what they are given --- */

IN_HUB(environment_and_directory)
{
    enter();
    setenv("MR_TEST_OURS", "ours", 1);
    prints(&(struct mr_subprocess_options){.argv = SH("echo $MR_TEST_OURS")},
           "ours\n");
    prints(&(struct mr_subprocess_options){.argv = ARGV("/usr/bin/env"),
                                           .env = ARGV("A=b", "C=d e")},
           "A=b\nC=d e\n");
    prints(&(struct mr_subprocess_options){.argv = ARGV("/usr/bin/env"),
                                           .env = (const char *const[]){NULL}},
           "");
    prints(&(struct mr_subprocess_options){.argv = ARGV("pwd"), .cwd = "/"},
           "/\n");
    prints(&(struct mr_subprocess_options){.argv = ARGV("bin/echo", "a  b"),
                                           .cwd = "/usr"},
           "a  b\n");
    unsetenv("MR_TEST_OURS");
    leave();
    return 0;
}

/* Nothing of ours but what is asked for, whatever is open here. ls has its
 * own on the directory. */
IN_HUB(descriptors)
{
    int open_here[20], pass[3], s[2];
    char byte;

    enter();
    for (int i = 0; i < 20; i++) /* as a careless library opens them */
        open_here[i] = dup(STDIN_FILENO);
    prints(&(struct mr_subprocess_options){.argv = SH("echo /proc/self/fd/*"),
                                           .in = NO_INPUT},
           "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
           "/proc/self/fd/3\n");
    CHECK_EQ_INT(mr_sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s),
                 0);
    pass[0] = pass[2] = s[0];
    pass[1] = STDIN_FILENO;
    prints(
        &(struct mr_subprocess_options){
            .argv = SH("echo /proc/self/fd/*; printf x >&5"),
            .in = NO_INPUT,
            .pass = pass,
            .pass_n = 3},
        "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
        "/proc/self/fd/3 /proc/self/fd/4 /proc/self/fd/5 "
        "/proc/self/fd/6\n");
    CHECK_EQ_INT(mr_sys_read(s[1], &byte, 1), 1);
    mr_fd_close(s[0]);
    mr_fd_close(s[1]);
    for (int i = 0; i < 20; i++)
        close(open_here[i]);
    leave();
    return 0;
}

/* The same where close_range(2) is missing. */
IN_HUB(descriptors_without_close_range)
{
    enter();
    mr_sys_fault_always(MR_SYS_CLOSE_RANGE, -ENOSYS);
    prints(&(struct mr_subprocess_options){.argv = SH("echo /proc/self/fd/*"),
                                           .in = NO_INPUT},
           "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
           "/proc/self/fd/3\n");
    mr_sys_fault_clear();
    leave();
    return 0;
}

/* Descriptors that lie on one another's places: 1 and 2 change sides. */
IN_HUB(descriptors_crossed)
{
    struct mr_subprocess *p;
    int a[2], b[2], saved[2];
    char text[8] = "";

    enter();
    saved[0] = dup(1);
    saved[1] = dup(2);
    CHECK_EQ_INT(pipe(a), 0);
    CHECK_EQ_INT(pipe(b), 0);
    fflush(NULL);
    dup2(a[1], 1);
    dup2(b[1], 2);
    p = spawn(&(struct mr_subprocess_options){
        .argv = SH("printf out; printf err >&2"),
        .out = {MR_SUBPROCESS_FD, 2},
        .err = {MR_SUBPROCESS_FD, 1}});
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    CHECK_EQ_INT(end_of(p), 0);
    mr_subprocess_free(p);
    CHECK_EQ_INT(mr_sys_read(b[0], text, sizeof text), 3);
    CHECK_EQ_MEM(text, 3, "out", 3);
    CHECK_EQ_INT(mr_sys_read(a[0], text, sizeof text), 3);
    CHECK_EQ_MEM(text, 3, "err", 3);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
        close(saved[i]);
    }
    leave();
    return 0;
}

IN_HUB(descriptor_not_open)
{
    struct mr_subprocess *p = NULL;
    const int pass[] = {4000};

    enter();
    CHECK_EQ_INT(mr_subprocess_spawn(
                     &p,
                     &(struct mr_subprocess_options){
                         .argv = ARGV("true"), .in = {MR_SUBPROCESS_FD, 4000}},
                     MR_NEVER),
                 -EBADF);
    CHECK_EQ_INT(mr_subprocess_spawn(
                     &p,
                     &(struct mr_subprocess_options){
                         .argv = ARGV("true"), .pass = pass, .pass_n = 1},
                     MR_NEVER),
                 -EBADF);
    leave();
    return 0;
}

/* Pipes block in the child: programs know nothing of EAGAIN. */
IN_HUB(pipes_block)
{
    enter();
    prints(
        &(struct mr_subprocess_options){
            .argv = SH("grep flags /proc/self/fdinfo/1")},
        "flags:\t01\n");
    leave();
    return 0;
}

/* Whatever is ignored, handled or masked here. */
static void on_signal(int sig)
{
    (void)sig;
}

/* By the shell's own means. What it catches itself is not looked at: exec has
 * taken our handlers away anyhow. Nor are 32 and above: make leaves its
 * children libc's own two ignored, and libc lets nobody change that. */
static const char signals_script[] =
    "while read -r line; do\n"
    "  case $line in Sig[BI]*)\n"
    "    echo $((0x${line##*[!0-9a-f]} & 0x7fffffff)) ;; esac\n"
    "done </proc/self/status\n";

IN_HUB(signals)
{
    const struct sigaction handled = {.sa_handler = on_signal};
    sigset_t masked = mr_signal_set(3, SIGTERM, SIGCHLD, SIGUSR1), old;

    enter(); /* which ignores SIGPIPE */
    CHECK_EQ_INT(sigaction(SIGUSR2, &handled, NULL), 0);
    CHECK_EQ_INT(mr_sys_sigmask(SIG_BLOCK, &masked, &old), 0);
    prints(&(struct mr_subprocess_options){.argv = SH(signals_script)},
           "0\n0\n");
    CHECK_EQ_INT(mr_sys_sigmask(SIG_SETMASK, NULL, &masked), 0);
    CHECK_OK(sigismember(&masked, SIGUSR1)); /* ours is as it was */
    CHECK_OK(!sigismember(&masked, SIGINT));
    CHECK_EQ_INT(mr_sys_sigmask(SIG_SETMASK, &old, NULL), 0);
    leave();
    return 0;
}

/* --- what they read and write --- */

/* Each ten times a pipe's buffer, both ways at once; cat stops reading while
 * nobody reads what it writes. */
IN_HUB(large_both_ways)
{
    size_t n = (size_t)TEST_SCALE(8 << 20) + 700001;
    char *text = malloc(n + 1);
    struct mr_buf out = {0};

    enter();
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    text[n] = '\0';
    CHECK_EQ_INT(run(ARGV("cat"), text, &out), 0);
    CHECK_EQ_INT(out.len, n);
    CHECK_OK(out.len == n && memcmp(mr_buf_head(&out), text, n) == 0);
    mr_buf_fini(&out);
    free(text);
    leave();
    return 0;
}

IN_HUB(out_and_err)
{
    const struct mr_subprocess_options o = {
        .argv = SH("echo 1; echo 2 >&2; echo 3"), .in = NO_INPUT};
    struct mr_buf out = {0}, err = {0};
    int status;

    enter();
    CHECK_EQ_INT(mr_subprocess_run(&o,
                                   &(struct mr_subprocess_capture){
                                       .out = &out, .err = &err, .max = 4},
                                   &status, MR_NEVER),
                 0);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, "1\n3\n", 4);
    CHECK_EQ_MEM(mr_buf_head(&err), err.len, "2\n", 2);
    mr_buf_reset(&out);
    CHECK_EQ_INT(mr_subprocess_run(&o,
                                   &(struct mr_subprocess_capture){
                                       .out = &out, .err = &out, .max = 6},
                                   &status, MR_NEVER),
                 0);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, "1\n2\n3\n", 6);
    mr_buf_fini(&out);
    mr_buf_fini(&err);
    leave();
    return 0;
}

/* One that leaves its input unread. */
IN_HUB(closes_early)
{
    static char much[1 << 20];
    struct mr_subprocess *p;

    enter();
    memset(much, 'x', sizeof much - 1);
    CHECK_EQ_INT(run(ARGV("true"), much, NULL), 0);
    CHECK_EQ_INT(run(SH("head -c 1 >/dev/null; exit 4"), much, NULL), 4);
    /* A child of the child holds the pipe: the rest of the input is given up.
     */
    CHECK_EQ_INT(run(SH("sleep 30 <&0 & exit 3"), much, NULL), 3);
    p = spawn(&(struct mr_subprocess_options){.argv = SH("exec <&-; exit 5"),
                                              .in = PIPED});
    CHECK_EQ_INT(
        mr_stream_write_all(mr_subprocess_in(p), much, sizeof much, MR_NEVER),
        -EPIPE);
    CHECK_EQ_INT(end_of(p), 5);
    mr_subprocess_free(p);
    leave();
    return 0;
}

/* --- the bounds of run --- */

/* rc of a run that ends at a bound; what came is kept, nothing lives on. */
static int bounded(const char *script, size_t max, int64_t deadline,
                   size_t *ret_len)
{
    struct mr_buf out = {0};
    int status = -1;
    int rc = mr_subprocess_run(
        &(struct mr_subprocess_options){.argv = SH(script), .in = NO_INPUT},
        &(struct mr_subprocess_capture){.out = &out, .err = &out, .max = max},
        &status, deadline);

    CHECK_EQ_INT(status == -1, rc != 0);
    *ret_len = out.len;
    mr_buf_fini(&out);
    return rc;
}

IN_HUB(too_much)
{
    size_t len;

    enter();
    CHECK_EQ_INT(bounded("printf 12345", 5, MR_NEVER, &len), 0);
    CHECK_EQ_INT(len, 5);
    CHECK_EQ_INT(bounded("printf 123456", 5, MR_NEVER, &len), -EMSGSIZE);
    CHECK_EQ_INT(len, 5);
    CHECK_EQ_INT(bounded("printf 1", 0, MR_NEVER, &len), -EMSGSIZE);
    CHECK_EQ_INT(bounded("exec yes", 1000000, MR_NEVER, &len), -EMSGSIZE);
    CHECK_EQ_INT(len, 1000000);
    leave();
    return 0;
}

/* The children of the child, too: they hold the pipe open. */
IN_HUB(too_long)
{
    size_t len;

    enter();
    CHECK_EQ_INT(bounded("exec sleep 1000", 9, mr_after_ms(1), &len),
                 -ETIMEDOUT);
    CHECK_EQ_INT(
        bounded("sleep 1000 & sleep 1000 & wait", 9, mr_after_ms(50), &len),
        -ETIMEDOUT);
    CHECK_EQ_INT(bounded("sleep 1000 & exit 0", 9, mr_after_ms(50), &len),
                 -ETIMEDOUT);
    leave();
    return 0;
}

static intptr_t run_on(void *arg)
{
    (void)arg;
    return run(SH("cat >/dev/null & sleep 1000"), "hello", NULL);
}

IN_HUB(run_cancelled)
{
    struct mr_coro *co;
    intptr_t rc;

    enter();
    for (int ms = 0; ms < 8; ms++) {
        co = mr_spawn(run_on, NULL);
        (void)mr_sleep_ms(ms); /* in one of its states or another */
        mr_cancel(co);
        CHECK_EQ_INT(mr_join(co, &rc, MR_NEVER), 0);
        CHECK_EQ_INT(rc, -1000 - ECANCELED);
    }
    leave();
    return 0;
}

IN_HUB(run_without_memory)
{
    struct mr_buf out = {0};
    int rc = -1;

    enter();
    CHECK_EQ_INT(run(ARGV("cat"), "hello", &out), 0); /* stacks are there */
    for (unsigned nth = 1; rc != 0 && nth < 100; nth++) {
        CASE("the %uth", nth);
        mr_buf_fini(&out);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = run(ARGV("cat"), "hello", &out);
        mr_sys_fault_clear();
        CHECK_OK(rc == 0 || rc == -1000 - ENOMEM);
    }
    CHECK_EQ_INT(rc, 0);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, "hello", 5);
    mr_buf_fini(&out);
    leave();
    return 0;
}

IN_HUB(run_what_is_not_there)
{
    enter();
    CHECK_EQ_INT(run(ARGV("/nowhere/program"), "x", NULL), -1000 - ENOENT);
    leave();
    return 0;
}

IN_HUB_DIES(run_with_a_pipe_for_nobody, "MR_SUBPROCESS_PIPE && !c->out")
{
    return mr_subprocess_run(
        &(struct mr_subprocess_options){.argv = ARGV("true"), .out = PIPED},
        &(struct mr_subprocess_capture){.max = 1}, NULL, MR_NEVER);
}

static intptr_t wait_long(void *arg)
{
    return mr_subprocess_wait(arg, NULL, MR_NEVER);
}

IN_HUB_DIES(free_while_waited_for, "waiters > 0")
{
    struct mr_subprocess *p =
        spawn(&(struct mr_subprocess_options){.argv = ARGV("sleep", "5")});

    CHECK_OK(mr_spawn(wait_long, p) != NULL);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_subprocess_free(p);
    return 0;
}

SUITE("given", environment_and_directory, descriptors,
      descriptors_without_close_range, descriptors_crossed, descriptor_not_open,
      pipes_block, signals)
SUITE("streams", large_both_ways, out_and_err, closes_early)
SUITE("run", too_much, too_long, run_cancelled, run_without_memory,
      run_what_is_not_there, run_with_a_pipe_for_nobody, free_while_waited_for)
TEST_MAIN()
