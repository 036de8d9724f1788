/* SPDX-License-Identifier: MIT */

/* test_log.c - the line's shape, levels, cutting, reopening, lost lines. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/sys.h"
#include "tests/test.h"

static char dir[64];
static char path[96];

/* A log of its own, in a directory that is made for it. */
static int open_log(void)
{
    snprintf(dir, sizeof dir, "/tmp/mr-test-log.XXXXXX");
    if (!mkdtemp(dir))
        return -EIO;
    snprintf(path, sizeof path, "%s/log", dir);
    return mr_log_open(path);
}

static void remove_log(void)
{
    CHECK_EQ_INT(mr_log_open(NULL), 0);
    remove(path);
    rmdir(dir);
}

/* The file's text; good until the next call. */
static const char *text_of(const char *file)
{
    static char text[16384];
    int fd = mr_sys_openat(AT_FDCWD, file, O_RDONLY, 0);
    ssize_t n = mr_sys_read(fd, text, sizeof text - 1);

    mr_sys_close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* What follows the pid in the first line. */
static const char *message(void)
{
    const char *at = text_of(path);

    for (int spaces = 0; *at && spaces < 3; at++)
        spaces += *at == ' ';
    return at;
}

TEST(log_line_shape)
{
    char want[64], date[32];
    int64_t before, after, at;
    struct tm tm = {0};
    int ms;

    EQ_INT(open_log(), 0);
    mr_log_set_prefix("worker 2: ");
    before = mr_sys_realtime() / 1000000;
    mr_log(MR_LOG_WARN, "accept: %s", mr_strerror(-EMFILE));
    after = mr_sys_realtime() / 1000000;
    snprintf(want, sizeof want,
             " warn %d worker 2: accept: too many open "
             "files\n",
             (int)getpid());
    EQ_STR(text_of(path) + 24, want);
    snprintf(date, sizeof date, "%.24s", text_of(path));
    OK(strptime(date, "%Y-%m-%dT%H:%M:%S", &tm) == date + 19);
    OK(sscanf(date + 19, ".%3dZ", &ms) == 1 && date[23] == 'Z');
    at = (int64_t)timegm(&tm) * 1000 + ms;
    OK(at >= before && at <= after);
    remove_log();
}

TEST(log_levels)
{
    enum mr_log_level level = MR_LOG_INFO;

    EQ_INT(open_log(), 0);
    EQ_INT(mr_log_level(), MR_LOG_INFO);
    mr_log(MR_LOG_DEBUG, "no");
    EQ_STR(text_of(path), "");
    EQ_INT(mr_log_level_parse("debug", &level), 0);
    EQ_INT(level, MR_LOG_DEBUG);
    EQ_INT(mr_log_level_parse("Debug", &level), -EINVAL);
    EQ_INT(mr_log_level_parse("", &level), -EINVAL);
    mr_log_set_level(level);
    mr_log(MR_LOG_DEBUG, "yes");
    EQ_STR(message(), "yes\n");
    mr_log_set_level(MR_LOG_ERROR);
    mr_log(MR_LOG_WARN, "no");
    EQ_STR(message(), "yes\n");
    remove_log();
}

TEST(log_control_bytes)
{
    EQ_INT(open_log(), 0);
    mr_log(MR_LOG_INFO, "a\nb\r\t\x1b[1m\x7f \"\\ \xc3\xa9");
    EQ_STR(message(), "a\\x0ab\\x0d\\x09\\x1b[1m\\x7f \"\\ \xc3\xa9\n");
    remove_log();
}

TEST(log_long_lines_are_cut)
{
    static char big[3 * MR_LOG_LINE_MAX];

    for (int controls = 0; controls < 2; controls++) {
        const char *text;

        CASE("controls %d", controls);
        EQ_INT(open_log(), 0);
        memset(big, controls ? '\n' : 'x', sizeof big - 1);
        mr_log(MR_LOG_INFO, "%s", big);
        text = text_of(path);
        OK(strlen(text) <= MR_LOG_LINE_MAX);
        OK(strlen(text) > MR_LOG_LINE_MAX - 8);
        EQ_STR(text + strlen(text) - 5, controls ? "a...\n" : "x...\n");
        remove_log();
    }
}

TEST(log_exactly_full_line_is_not_cut)
{
    char big[MR_LOG_LINE_MAX];
    size_t head, n;

    EQ_INT(open_log(), 0);
    mr_log(MR_LOG_INFO, "%s", "");
    head = strlen(text_of(path)) - 1;
    n = MR_LOG_LINE_MAX - head - 4;
    memset(big, 'x', n);
    big[n] = '\0';
    EQ_INT(ftruncate(mr_log_fd(), 0), 0);
    mr_log(MR_LOG_INFO, "%s", big);
    EQ_INT(strlen(text_of(path)), head + n + 1);
    OK(!strstr(text_of(path), "..."));
    remove_log();
}

TEST(log_reopen_after_rotation)
{
    char moved[112];
    int fd;

    EQ_INT(open_log(), 0);
    fd = mr_log_fd();
    mr_log(MR_LOG_INFO, "old");
    snprintf(moved, sizeof moved, "%s.1", path);
    EQ_INT(rename(path, moved), 0);
    EQ_INT(mr_log_reopen(), 0);
    EQ_INT(mr_log_fd(), fd);
    mr_log(MR_LOG_INFO, "new");
    EQ_STR(message(), "new\n");
    OK(strstr(text_of(moved), "old") != NULL);
    OK(!strstr(text_of(moved), "new"));
    remove(moved);
    remove_log();
}

TEST(log_open_failures_keep_the_old)
{
    EQ_INT(mr_log_reopen(), 0);
    EQ_INT(open_log(), 0);
    EQ_INT(mr_log_open("/nonexistent/log"), -ENOENT);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_log_open(path), -ENOMEM);
    mr_sys_fault(MR_SYS_DUP3, 1, -EMFILE);
    EQ_INT(mr_log_reopen(), -EMFILE);
    mr_sys_fault_clear();
    mr_log(MR_LOG_INFO, "still here");
    EQ_STR(message(), "still here\n");
    remove_log();
    EQ_INT(mr_log_fd(), STDERR_FILENO);
}

TEST(log_lost_lines_are_counted)
{
    EQ_INT(open_log(), 0);
    EQ_INT(mr_log_lost(), 0);
    mr_sys_fault(MR_SYS_WRITE, 1, -ENOSPC);
    mr_log(MR_LOG_INFO, "lost");
    mr_log(MR_LOG_INFO, "kept");
    mr_sys_fault_clear();
    EQ_INT(mr_log_lost(), 1);
    EQ_STR(message(), "kept\n");
    remove_log();
}

TEST(log_every_second_tells_what_it_held)
{
    struct mr_log_gate gate = {0};

    EQ_INT(open_log(), 0);
    for (int i = 0; i < 5; i++) {
        mr_log_every_second(&gate, MR_LOG_INFO, "line %d", i);
        gate.next = MR_NEVER; /* the second is long */
    }
    EQ_STR(message(), "line 0\n");
    EQ_INT(gate.held, 4);
    gate.next = 0; /* and now over */
    EQ_INT(ftruncate(mr_log_fd(), 0), 0);
    mr_log_every_second(&gate, MR_LOG_INFO, "line 5");
    EQ_STR(message(), "line 5 (4 more like this left out)\n");
    EQ_INT(gate.held, 0);
    remove_log();
}

TEST(log_allocates_nothing)
{
    EQ_INT(open_log(), 0);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    mr_log(MR_LOG_INFO, "line %d", 1);
    mr_sys_fault_clear();
    EQ_STR(message(), "line 1\n");
    remove_log();
}

TEST(log_error_texts)
{
    EQ_STR(mr_strerror(-ENOENT), "no such file or directory");
    EQ_STR(mr_strerror(-EDOTDOT), "RFS specific error");
    EQ_STR(mr_strerror(0), "success");
    EQ_STR(mr_strerror(-133), "memory page has hardware error");
    EQ_STR(mr_strerror(-134), "unknown error");
    EQ_STR(mr_strerror(INT32_MIN), "unknown error");
}

static void who(char *buf, size_t size)
{
    snprintf(buf, size, "coroutine 'worker' #3 running");
}

TEST_DIES(bug_names_who_was_running,
          "BUG core/x.c:12: cond; coroutine 'worker' #3 running")
{
    mr_bug_context = who;
    mr_bug("core/x.c", 12, "cond");
}

/* The log's own descriptor, when it is another one, gets the line too: it is
 * made standard error's pipe here, and standard error is closed. */
TEST_DIES(bug_is_in_the_log_too, "BUG core/x.c:13: cond")
{
    int fd = dup(STDERR_FILENO);
    char self[64];

    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    EQ_INT(mr_log_open(self), 0);
    close(STDERR_FILENO);
    mr_bug("core/x.c", 13, "cond");
}

SUITE("lines", log_line_shape, log_levels, log_control_bytes,
      log_long_lines_are_cut, log_exactly_full_line_is_not_cut,
      log_every_second_tells_what_it_held, log_allocates_nothing)
SUITE("files", log_reopen_after_rotation, log_open_failures_keep_the_old,
      log_lost_lines_are_counted)
SUITE("errors", log_error_texts, bug_names_who_was_running,
      bug_is_in_the_log_too)
TEST_MAIN()
