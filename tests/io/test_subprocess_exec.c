/* SPDX-License-Identifier: MIT */

/* test_subprocess_exec.c - what keeps a child from becoming its program. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/io/children.h"

static char dir[] = "/tmp/mr_test_sub_XXXXXX";

static const char *in_dir(const char *name, const char *text, mode_t mode)
{
    static char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    CHECK_OK(f != NULL && fputs(text, f) >= 0);
    CHECK_EQ_INT(fclose(f), 0);
    CHECK_EQ_INT(chmod(path, mode), 0);
    return path;
}

static int refused(const char *const *argv, const char *cwd)
{
    struct mr_subprocess *p = NULL;
    int rc = mr_subprocess_spawn(
        &p,
        &(struct mr_subprocess_options){
            .argv = argv, .cwd = cwd, .in = PIPED, .out = PIPED},
        MR_NEVER);

    CHECK_EQ_PTR(p, NULL);
    return rc;
}

IN_HUB(exec_errors)
{
    const char *path;

    enter();
    CHECK_OK(mkdtemp(dir) != NULL);
    CHECK_EQ_INT(refused(ARGV("/nowhere/program"), NULL), -ENOENT);
    CHECK_EQ_INT(refused(ARGV("no-such-program-anywhere"), NULL), -ENOENT);
    CHECK_EQ_INT(refused(ARGV(""), NULL), -ENOENT);
    CHECK_EQ_INT(refused(ARGV("/etc/passwd"), NULL), -EACCES);
    CHECK_EQ_INT(refused(ARGV("/etc"), NULL), -EACCES);
    CHECK_EQ_INT(refused(ARGV("/etc/passwd/x"), NULL), -ENOTDIR);
    CHECK_EQ_INT(refused(ARGV("true"), "/nowhere"), -ENOENT);
    CHECK_EQ_INT(refused(ARGV("true"), "/etc/passwd"), -ENOTDIR);
    path = in_dir("no-format", "echo hello\n", 0755);
    CHECK_EQ_INT(refused(ARGV(path), NULL), -ENOEXEC);
    CHECK_EQ_INT(unlink(path), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
    leave();
    return 0;
}

/* What the kernel finds out late. */
IN_HUB(exec_errors_found_late)
{
    static char huge[3 << 20]; /* MAX_ARG_STRLEN is 128 KiB */
    const char *path;

    if (RUNNING_ON_VALGRIND)
        return test_skip("Valgrind's execve says yes, and kills the child");
    enter();
    CHECK_OK(mkdtemp(dir) != NULL);
    memset(huge, 'x', sizeof huge - 1);
    CHECK_EQ_INT(refused(ARGV("true", huge), NULL), -E2BIG);
    path = in_dir("no-interpreter", "#!/nowhere/sh\n", 0755);
    CHECK_EQ_INT(refused(ARGV(path), NULL), -ENOENT);
    CHECK_EQ_INT(unlink(path), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
    leave();
    return 0;
}

/* PATH: empty parts are the working directory, the rest is searched on after
 * what cannot be run, and that is told if nothing better comes. */
IN_HUB(path_search)
{
    char old[4096], path[4400], *at;
    const char *file;

    enter();
    snprintf(old, sizeof old, "%s", getenv("PATH"));
    CHECK_OK(mkdtemp(dir) != NULL);
    file = in_dir("mr-test-x", "#!/bin/sh\necho found\n", 0755);
    snprintf(path, sizeof path, "/nowhere:/etc/passwd:%s:%s", dir, old);
    setenv("PATH", path, 1);
    prints(&(struct mr_subprocess_options){.argv = ARGV("mr-test-x")},
           "found\n");
    setenv("PATH", "/nowhere:", 1);
    prints(
        &(struct mr_subprocess_options){.argv = ARGV("mr-test-x"), .cwd = dir},
        "found\n");
    CHECK_EQ_INT(chmod(file, 0644), 0);
    setenv("PATH", path, 1);
    CHECK_EQ_INT(refused(ARGV("mr-test-x"), NULL), -EACCES);
    memset(path, 'y', sizeof path - 1); /* no such long path can be */
    path[sizeof path - 1] = '\0';
    at = path + 4200;
    snprintf(at, 200, ":%s", "/bin:/usr/bin");
    setenv("PATH", path, 1);
    CHECK_EQ_INT(run(ARGV("true"), NULL, NULL), 0);
    unsetenv("PATH");
    CHECK_EQ_INT(run(ARGV("true"), NULL, NULL), 0);
    setenv("PATH", old, 1);
    CHECK_EQ_INT(unlink(file), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
    leave();
    return 0;
}

/* Each call on the way fails once: an error, and nothing left. */
IN_HUB(faults)
{
    static const struct {
        enum mr_sys_call call;
        int err;
    } cases[] = {
        {MR_SYS_ALLOC, -ENOMEM},  {MR_SYS_PIPE2, -EMFILE},
        {MR_SYS_FORK, -EAGAIN},   {MR_SYS_OPENAT, -EMFILE},
        {MR_SYS_FCNTL, -EMFILE},  {MR_SYS_DUP3, -EBADF},
        {MR_SYS_SETPGID, -EPERM}, {MR_SYS_SIGACTION, -EINVAL - 1000},
        {MR_SYS_SIGMASK, -EPERM}, {MR_SYS_EXECVE, -EIO},
    };
    const struct mr_subprocess_options o = {
        .argv = ARGV("/bin/true"),
        .in = PIPED,
        .out = PIPED,
        .err = NO_INPUT,
        .group = true,
    };

    enter();
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_subprocess *p = NULL;
        int rc = -1;

        for (unsigned nth = 1; rc != 0 && nth < 100; nth++) {
            CASE("call %d, the %uth", (int)cases[i].call, nth);
            mr_sys_fault(cases[i].call, nth, cases[i].err);
            rc = mr_subprocess_spawn(&p, &o, MR_NEVER);
            mr_sys_fault_clear();
            CHECK_OK(rc == 0 || rc == cases[i].err);
            CHECK_OK(nth > 1 || rc == cases[i].err);
        }
        CHECK_EQ_INT(rc, 0);
        mr_subprocess_free(p);
        leave();
    }
    return 0;
}

SUITE("exec", exec_errors, exec_errors_found_late, path_search, faults)
TEST_MAIN()
