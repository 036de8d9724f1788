/* SPDX-License-Identifier: MIT */

/* test_scoreboard.c - rows, readers of other processes, refusals. */
#include "core/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/process.h"
#include "core/sys.h"
#include "tests/test.h"

TEST(rows)
{
    struct mr_scoreboard *sb = NULL;

    EQ_INT(mr_scoreboard_new(0, &sb), -EINVAL);
    EQ_INT(mr_scoreboard_new(MR_SCOREBOARD_ROWS_MAX + 1, &sb), -EINVAL);
    EQ_PTR(sb, NULL);
    EQ_INT(mr_scoreboard_new(3, &sb), 0);
    EQ_INT(mr_scoreboard_rows(sb), 3);
    OK(mr_scoreboard_started(sb) > 0);
    for (unsigned i = 0; i < 3; i++) {
        struct mr_score_row *row = mr_scoreboard_row(sb, i);

        OK((uintptr_t)row % 128 == 0);
        EQ_INT(row->requests, 0);
    }
    EQ_INT((char *)mr_scoreboard_row(sb, 1) - (char *)mr_scoreboard_row(sb, 0),
           sizeof(struct mr_score_row));
    mr_scoreboard_free(sb);
    mr_scoreboard_free(NULL);
}

TEST_DIES(row_past_the_end, "i >= sb->rows")
{
    struct mr_scoreboard *sb;

    EQ_INT(mr_scoreboard_new(1, &sb), 0);
    (void)mr_scoreboard_row(sb, 1);
}

TEST(fields)
{
    struct mr_score_row row;

    EQ_INT(mr_scoreboard_field_count * 8 <= sizeof row, true);
    for (size_t i = 0; i < mr_scoreboard_field_count; i++) {
        memset(&row, 0, sizeof row);
        CASE("%s", mr_scoreboard_fields[i].name);
        ((uint64_t *)&row)[i] = 5;
        EQ_INT(mr_scoreboard_field(&row, i), 5);
        EQ_INT(mr_scoreboard_fields[i].offset, i * 8);
    }
    EQ_STR(mr_scoreboard_fields[0].name, "pid");
    mr_scoreboard_set(&row.in_flight, 0);
    mr_scoreboard_add(&row.in_flight, 3);
    mr_scoreboard_add(&row.in_flight, -2);
    EQ_INT(mr_scoreboard_get(&row.in_flight), 1);
    EQ_STR(mr_scoreboard_state_name(MR_SCORE_DRAINING), "draining");
    EQ_STR(mr_scoreboard_state_name(99), "?");
}

TEST(take_and_vacate)
{
    struct mr_scoreboard *sb;
    struct mr_score_row *row;

    EQ_INT(mr_scoreboard_new(1, &sb), 0);
    row = mr_scoreboard_row(sb, 0);
    mr_scoreboard_take(row, 1);
    mr_scoreboard_add(&row->requests, 10);
    mr_scoreboard_add(&row->in_flight, 4);
    mr_scoreboard_vacate(row);
    EQ_INT(row->pid, 0);
    EQ_INT(row->state, MR_SCORE_EMPTY);
    EQ_INT(row->in_flight, 0);
    EQ_INT(row->requests, 10);
    mr_scoreboard_add(&row->in_flight, 4); /* as a killed one leaves it */
    mr_scoreboard_take(row, 2);
    EQ_INT(row->pid, getpid());
    EQ_INT(row->generation, 2);
    EQ_INT(row->state, MR_SCORE_STARTING);
    EQ_INT(row->in_flight, 0);
    EQ_INT(row->requests, 10);
    mr_scoreboard_free(sb);
}

TEST(seen_across_processes)
{
    struct mr_scoreboard *sb, *other;
    char path[64];
    pid_t pid;
    int fd, status;

    EQ_INT(mr_scoreboard_new(2, &sb), 0);
    pid = mr_process_fork();
    if (pid == 0) {
        mr_scoreboard_add(&mr_scoreboard_row(sb, 1)->requests, 42);
        mr_process_leave(0);
    }
    EQ_INT(mr_process_reap(pid, &status, 0), 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(),
             mr_scoreboard_fd(sb));
    fd = open(path, O_RDONLY);
    OK(fd >= 0);
    EQ_INT(mr_scoreboard_open(fd, &other), 0);
    close(fd);
    EQ_INT(mr_scoreboard_rows(other), 2);
    EQ_INT(mr_scoreboard_row(other, 1)->requests, 42);
    EQ_INT(mr_scoreboard_fd(other), -1);
    mr_scoreboard_add(&mr_scoreboard_row(sb, 1)->requests, 1);
    EQ_INT(mr_scoreboard_row(other, 1)->requests, 43);
    mr_scoreboard_free(other);
    mr_scoreboard_free(sb);
}

TEST(cannot_shrink)
{
    struct mr_scoreboard *sb;

    EQ_INT(mr_scoreboard_new(1, &sb), 0);
    EQ_INT(mr_sys_ftruncate(mr_scoreboard_fd(sb), 0), -EPERM);
    mr_scoreboard_free(sb);
}

/* A board's first bytes, with one word changed, in a file of `size`. */
TEST(refused)
{
    static const struct {
        const char *what;
        size_t at; /* of a 32-bit word */
        uint32_t value;
        int64_t size; /* 0: whole */
        int want;
    } cases[] = {
        {"as it was", 8, MR_SCOREBOARD_VERSION, 0, 0},
        {"magic", 0, 1, 0, -EPROTO},
        {"version", 8, MR_SCOREBOARD_VERSION + 1, 0, -EPROTONOSUPPORT},
        {"row size", 12, 8, 0, -EPROTONOSUPPORT},
        {"header size", 20, 64, 0, -EPROTONOSUPPORT},
        {"no rows", 16, 0, 0, -EPROTO},
        {"rows beyond the file", 16, 3, 0, -EPROTO},
        {"rows beyond all bounds", 16, UINT32_MAX, 0, -EPROTO},
        {"cut short", 8, MR_SCOREBOARD_VERSION, 300, -EPROTO},
        {"a cut header", 8, MR_SCOREBOARD_VERSION, 20, -EPROTO},
        {"empty", 8, MR_SCOREBOARD_VERSION, -1, -EPROTO},
    };
    struct mr_scoreboard *sb, *got;
    char bytes[2048];
    ssize_t n;

    EQ_INT(mr_scoreboard_new(2, &sb), 0);
    n = pread(mr_scoreboard_fd(sb), bytes, sizeof bytes, 0);
    OK(n > 300 && n < (ssize_t)sizeof bytes);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        int fd = memfd_create("t", 0);
        int64_t size = cases[i].size ? MR_MAX(cases[i].size, 0) : n;

        CASE("%s", cases[i].what);
        EQ_INT(write(fd, bytes, (size_t)size), size);
        if (size > 24)
            EQ_INT(pwrite(fd, &cases[i].value, 4, (off_t)cases[i].at), 4);
        got = NULL;
        EQ_INT(mr_scoreboard_open(fd, &got), cases[i].want);
        OK((got != NULL) == (cases[i].want == 0));
        mr_scoreboard_free(got);
        close(fd);
    }
    mr_scoreboard_free(sb);
    EQ_INT(mr_scoreboard_open(-1, &got), -EBADF);
}

TEST(faults)
{
    static const enum mr_sys_call calls[] = {MR_SYS_ALLOC, MR_SYS_MEMFD_CREATE,
                                             MR_SYS_FTRUNCATE, MR_SYS_FCNTL,
                                             MR_SYS_MMAP};
    struct mr_scoreboard *sb = NULL;

    for (size_t i = 0; i < MR_ARRAY_LEN(calls); i++) {
        CASE("call %d", (int)calls[i]);
        mr_sys_fault(calls[i], 1, -ENOMEM);
        EQ_INT(mr_scoreboard_new(1, &sb), -ENOMEM);
        EQ_PTR(sb, NULL);
        mr_sys_fault_clear();
    }
}

SUITE("rows", rows, row_past_the_end, fields, take_and_vacate)
SUITE("readers", seen_across_processes, cannot_shrink, refused, faults)
TEST_MAIN()
