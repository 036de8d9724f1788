/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CORE_LOG_FILE_H
#define TESTS_CORE_LOG_FILE_H

/*
 * log_file.h - the log as a file that a test reads, and patterns to find in it.
 *
 *     log_to_file();
 *     ...
 *     CHECK_LOG("coroutine #[0-9]+ 'a' parked: sleep");
 *     log_end();
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "tests/test.h"

static char log_path[64];

static inline void log_to_file(void)
{
    int fd;

    snprintf(log_path, sizeof log_path, "/tmp/millrace.test.XXXXXX");
    fd = mkstemp(log_path);
    CHECK_OK(fd >= 0);
    close(fd);
    CHECK_EQ_INT(mr_log_open(log_path), 0);
}

/* All of it, in a static buffer. */
static inline const char *log_text(void)
{
    static char text[1 << 20];
    FILE *f = fopen(log_path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

static inline void log_end(void)
{
    unlink(log_path);
    CHECK_EQ_INT(mr_log_open(NULL), 0);
}

/* How often an extended regular expression matches; `.` is no newline. */
static inline unsigned matches(const char *text, const char *pattern)
{
    regmatch_t m;
    regex_t re;
    unsigned n = 0;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return 0;
    for (; regexec(&re, text, 1, &m, 0) == 0; n++)
        text += m.rm_eo > 0 ? m.rm_eo : 1;
    regfree(&re);
    return n;
}

#define CHECK_LOG(pattern)                                           \
    do {                                                             \
        if (!CHECK_OK(matches(log_text(), pattern) > 0))             \
            printf("not found: %s\nin:\n%s\n", pattern, log_text()); \
    } while (0)

#endif
