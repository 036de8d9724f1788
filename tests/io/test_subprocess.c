/* SPDX-License-Identifier: MIT */

/* test_subprocess.c - other programs as children of a hub: their ends. What
 * keeps them from running: test_subprocess_exec.c; what goes in and out:
 * test_subprocess_io.c. */
#include "io/subprocess.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/group.h"
#include "core/offload.h"
#include "tests/io/children.h"

/* --- its end --- */

static const struct {
    const char *script;
    int want;
} ends[] = {
    {"exit 0", 0},
    {"exit 3", 3},
    {"exit 255", 255},
    {"kill -TERM $$", -SIGTERM},
    {"kill -KILL $$", -SIGKILL},
};

static void each_end(void)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(ends); i++) {
        struct mr_subprocess *p;

        CASE("%s", ends[i].script);
        p = spawn(&(struct mr_subprocess_options){.argv = SH(ends[i].script)});
        CHECK_EQ_INT(end_of(p), ends[i].want);
        CHECK_EQ_INT(end_of(p), ends[i].want); /* told again */
        CHECK_EQ_INT(mr_subprocess_kill(p, SIGTERM), -ESRCH);
        mr_subprocess_free(p);
    }
    mr_subprocess_free(NULL);
}

IN_HUB(exits)
{
    enter();
    each_end();
    leave();
    return 0;
}

/* Where there are no pidfds, or none to be had. */
IN_HUB(exits_without_pidfd)
{
    enter();
    mr_sys_fault_always(MR_SYS_PIDFD_OPEN, -ENOSYS);
    each_end();
    mr_sys_fault_clear();
    leave();
    return 0;
}

struct waiter {
    struct mr_subprocess *p;
    int64_t deadline;
};

static intptr_t wait_for(void *arg)
{
    struct waiter *w = arg;
    int status = 0;
    int rc = mr_subprocess_wait(w->p, &status, w->deadline);

    return rc ? rc - 1000 : mr_process_exit_code(status);
}

static void wait_as_several(void)
{
    struct mr_subprocess *p = spawn(&(struct mr_subprocess_options){
        .argv = ARGV("cat"), .in = PIPED, .out = NO_INPUT});
    struct waiter w = {p, MR_NEVER}, hasty = {p, mr_after_ms(1)};
    struct mr_coro *a = mr_spawn(wait_for, &w), *b = mr_spawn(wait_for, &w);
    struct mr_coro *c = mr_spawn(wait_for, &w), *d = mr_spawn(wait_for, &hasty);
    intptr_t rc;

    CHECK_EQ_INT(mr_join(d, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -1000 - ETIMEDOUT);
    mr_cancel(c);
    CHECK_EQ_INT(mr_join(c, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -1000 - ECANCELED);
    mr_stream_close(mr_subprocess_in(p)); /* and so cat ends */
    CHECK_EQ_INT(mr_join(a, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    CHECK_EQ_INT(mr_join(b, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    mr_subprocess_free(p);
}

IN_HUB(several_wait)
{
    enter();
    wait_as_several();
    mr_sys_fault_always(MR_SYS_PIDFD_OPEN, -ENOSYS);
    wait_as_several();
    mr_sys_fault_clear();
    leave();
    return 0;
}

IN_HUB(deadline_kill_stop)
{
    struct mr_subprocess *p;
    int status;

    enter();
    p = spawn(&(struct mr_subprocess_options){.argv = ARGV("sleep", "1000")});
    CHECK_EQ_INT(mr_subprocess_wait(p, &status, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_subprocess_kill(p, 0), 0);
    CHECK_EQ_INT(mr_subprocess_kill(p, 1000), -EINVAL);
    CHECK_EQ_INT(mr_subprocess_kill(p, SIGINT), 0);
    CHECK_EQ_INT(end_of(p), -SIGINT);
    mr_subprocess_free(p);

    p = spawn(&(struct mr_subprocess_options){.argv = ARGV("sleep", "1000")});
    CHECK_EQ_INT(mr_subprocess_stop(p, &status, MR_NEVER), 0);
    CHECK_EQ_INT(mr_process_exit_code(status), -SIGTERM);
    CHECK_EQ_INT(mr_subprocess_stop(p, &status, MR_NEVER), 0);
    mr_subprocess_free(p);
    leave();
    return 0;
}

/* One that ignores SIGTERM is killed when its time is over. */
IN_HUB(stop_a_stubborn_one)
{
    struct mr_subprocess *p;
    char line[8];
    int status;

    enter();
    p = spawn(&(struct mr_subprocess_options){
        .argv = SH("trap '' TERM; echo ready; exec sleep 1000"), .out = PIPED});
    CHECK_EQ_INT(mr_stream_read(mr_subprocess_out(p), line, 8, MR_NEVER), 6);
    CHECK_EQ_INT(mr_subprocess_stop(p, &status, mr_after_ms(1)), 0);
    CHECK_EQ_INT(mr_process_exit_code(status), -SIGKILL);
    mr_subprocess_free(p);
    leave();
    return 0;
}

static intptr_t stop_slowly(void *arg)
{
    int status = 0;

    CHECK_EQ_INT(mr_subprocess_stop(arg, &status, MR_NEVER), 0);
    return mr_process_exit_code(status);
}

/* A cancelled stop, or free, loses no child. */
IN_HUB(cancelled)
{
    struct mr_subprocess *p;
    struct mr_coro *co;
    char line[8];
    intptr_t rc;

    enter();
    p = spawn(&(struct mr_subprocess_options){
        .argv = SH("trap '' TERM; echo ready; exec sleep 1000"), .out = PIPED});
    CHECK_EQ_INT(mr_stream_read(mr_subprocess_out(p), line, 8, MR_NEVER), 6);
    co = mr_spawn(stop_slowly, p);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, -SIGKILL);
    mr_subprocess_free(p);

    p = spawn(&(struct mr_subprocess_options){.argv = ARGV("sleep", "1000")});
    mr_subprocess_free(p); /* running: killed */
    leave();
    return 0;
}

static intptr_t spawn_late(void *arg)
{
    return mr_subprocess_spawn(
        arg,
        &(struct mr_subprocess_options){.argv = ARGV("true"), .group = true},
        MR_NEVER);
}

/* Cancelled, or out of time, before it is known whether exec worked. */
IN_HUB(spawn_cancelled)
{
    struct mr_subprocess *p = NULL;
    struct mr_coro *co;
    intptr_t rc;

    enter();
    for (int i = 0; i < 20; i++) {
        co = mr_spawn(spawn_late, &p);
        CHECK_EQ_INT(mr_yield(), 0);
        mr_cancel(co);
        CHECK_EQ_INT(mr_join(co, &rc, MR_NEVER), 0);
        CHECK_OK(rc == -ECANCELED || rc == 0);
        if (rc == 0)
            mr_subprocess_free(p);
    }
    mr_sys_fault_always(MR_SYS_READ, -EAGAIN); /* no report, it seems */
    CHECK_EQ_INT(mr_subprocess_spawn(
                     &p, &(struct mr_subprocess_options){.argv = ARGV("true")},
                     mr_after_ms(1)),
                 -ETIMEDOUT);
    mr_sys_fault_clear();
    leave();
    return 0;
}

/* Somebody reaped it, or the kernel did. */
IN_HUB(status_is_lost)
{
    struct sigaction ign = {.sa_handler = SIG_IGN}, old;
    struct mr_subprocess *p;
    int status = -1;

    enter();
    CHECK_EQ_INT(sigaction(SIGCHLD, &ign, &old), 0);
    p = spawn(&(struct mr_subprocess_options){.argv = ARGV("true")});
    CHECK_EQ_INT(mr_subprocess_wait(p, &status, MR_NEVER), -ECHILD);
    CHECK_EQ_INT(mr_subprocess_wait(p, &status, MR_NEVER), -ECHILD);
    CHECK_EQ_INT(status, -1);
    mr_subprocess_free(p);
    CHECK_EQ_INT(sigaction(SIGCHLD, &old, NULL), 0);
    leave();
    return 0;
}

/* Nobody else's child is taken. */
IN_HUB(others_children)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(9);
    CHECK_EQ_INT(run(ARGV("true"), NULL, NULL), 0);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(WEXITSTATUS(status), 9);
    return 0;
}

#define MANY 200

IN_HUB(many_at_once)
{
    long n = TEST_SCALE(MANY);
    struct mr_subprocess *p[MANY];
    char c;

    enter();
    for (long i = 0; i < n; i++)
        p[i] = spawn(&(struct mr_subprocess_options){
            .argv = ARGV("cat"), .in = PIPED, .out = PIPED});
    for (long i = 0; i < n; i++) {
        CHECK_EQ_INT(
            mr_stream_write_all(mr_subprocess_in(p[i]), "x", 1, MR_NEVER), 0);
        mr_stream_close(mr_subprocess_in(p[i]));
    }
    for (long i = n - 1; i >= 0; i--) {
        struct mr_stream *out = mr_subprocess_out(p[i]);

        CHECK_EQ_INT(mr_stream_read(out, &c, 1, MR_NEVER), 1);
        CHECK_EQ_INT(mr_stream_read(out, &c, 1, MR_NEVER), 0);
        CHECK_EQ_INT(end_of(p[i]), 0);
        mr_subprocess_free(p[i]);
    }
    leave();
    return 0;
}

static intptr_t one_of_many(void *arg)
{
    (void)arg;
    return run(ARGV("cat"), "hello", NULL);
}

/* All spawn while others run, end and are reaped. */
IN_HUB(many_beside_each_other)
{
    long n = TEST_SCALE(MANY);
    struct mr_coro *co[MANY];
    intptr_t rc;

    enter();
    for (long i = 0; i < n; i++) {
        co[i] = mr_spawn(one_of_many, NULL);
        CHECK_OK(co[i] != NULL);
    }
    for (long i = 0; i < n; i++) {
        CHECK_EQ_INT(mr_join(co[i], &rc, MR_NEVER), 0);
        CHECK_EQ_INT(rc, 0);
    }
    leave();
    return 0;
}

/* Threads that are in malloc when the child is forked. */
static intptr_t churn(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++)
        free(malloc((size_t)(i % 50) * 100));
    return 0;
}

static bool churned;

static intptr_t churn_on(void *arg)
{
    (void)arg;
    while (!churned)
        CHECK_EQ_INT(mr_offload(churn, NULL), 0);
    return 0;
}

static void beside_helpers(void)
{
    for (int i = 0; i < 3; i++)
        CHECK_OK(mr_spawn(churn_on, NULL) != NULL);
    CHECK_EQ_INT(mr_offload(churn, NULL), 0);
    enter();
    for (long i = TEST_SCALE(100); i > 0; i--)
        CHECK_EQ_INT(run(ARGV("cat"), "hello", NULL), 0);
    leave();
    churned = true;
    CHECK_EQ_INT(mr_group_wait(mr_group_own(), MR_NEVER), 0);
    mr_offload_fini();
}

IN_HUB(beside_helper_threads)
{
    beside_helpers();
    return 0;
}

/* Then the child allocates. */
IN_HUB(beside_helper_threads_without_close_range)
{
    mr_sys_fault_always(MR_SYS_CLOSE_RANGE, -ENOSYS);
    beside_helpers();
    return 0;
}

SUITE("ends", exits, exits_without_pidfd, several_wait, deadline_kill_stop,
      stop_a_stubborn_one, cancelled, spawn_cancelled, status_is_lost,
      others_children, many_at_once, many_beside_each_other,
      beside_helper_threads, beside_helper_threads_without_close_range)
TEST_MAIN()
