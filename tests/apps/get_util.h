/* SPDX-License-Identifier: MIT */
#ifndef TESTS_APPS_GET_UTIL_H
#define TESTS_APPS_GET_UTIL_H

/*
 * get_util.h - mrget as a child, and a server that misbehaves for it
 * (tests/bad/bad.h), for tests in a hub.
 *
 *     if (!begin(NULL))
 *         return 0;
 *     CHECK_EQ_INT(RUN("@/f?size=10K", "-x4"), 0);    '@' is the server
 *     CHECK_OK(has_file("f", 10 << 10, 1));
 *     CHECK_OK(says(&err, "f: 10.0 KiB"));
 *     end();
 *
 * It runs in a directory of the test's own, which goes at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/timer.h"
#include "io/subprocess.h"
#include "tests/bad/bad.h"
#include "tests/core/in_hub.h"

static struct bad *bad;
static char base[64]; /* http://127.0.0.1:PORT */
static char dir[64];
static struct mr_buf out, err;

static inline const char *program(void)
{
    static char path[256];
    const char *build = getenv("MR_BUILD");

    snprintf(path, sizeof path, "%s/mrget", build ? build : "build/release");
    return path;
}

static inline bool begin(const struct bad_options *o)
{
    int rc = bad_open(&bad, "127.0.0.1:0", o);

    CHECK_EQ_INT(rc, 0);
    snprintf(base, sizeof base, "%s://127.0.0.1:%u",
             o && o->certificate ? "https" : "http", bad_port(bad));
    snprintf(dir, sizeof dir, "/tmp/test_get.XXXXXX");
    CHECK_OK(mkdtemp(dir));
    mr_buf_init(&out);
    mr_buf_init(&err);
    /* Nothing of the machine's is to count. */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return rc == 0;
}

static inline void end(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ_INT(system(command), 0);
    mr_buf_fini(&out);
    mr_buf_fini(&err);
    bad_close(bad);
}

/* Run mrget with these words ("@" at the start of one is the server); its exit
 * status, or minus a signal. */
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL}, NULL)
#define RUN_WITH(input, ...) \
    run((const char *const[]){__VA_ARGS__, NULL}, input)
static inline int run(const char *const *words, const char *input)
{
    static char text[24][512];
    const char *argv[32] = {program(), "-d", dir, "--retry-wait", "1ms"};
    int status = 0, n = 5, rc;

    for (int i = 0; words[i] && i < 24; i++) {
        snprintf(text[i], sizeof text[i], "%s%s",
                 words[i][0] == '@' ? base : "",
                 words[i] + (words[i][0] == '@'));
        argv[n++] = text[i];
    }
    mr_buf_reset(&out);
    mr_buf_reset(&err);
    rc = mr_subprocess_run(
        &(struct mr_subprocess_options){.argv = argv},
        &(struct mr_subprocess_capture){.input = mr_str(input ? input : ""),
                                        .out = &out,
                                        .err = &err,
                                        .max = 1 << 24},
        &status, mr_after_s(30));
    CHECK_EQ_INT(rc, 0);
    return mr_process_exit_code(status);
}

/* Is the file there, and the server's, byte for byte? seed 0: it is not there.
 */
static inline bool has_file(const char *name, size_t size, uint64_t seed)
{
    static char got[65536], want[65536];
    char path[512];
    size_t at = 0;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return seed == 0;
    while ((n = read(fd, got, sizeof got)) > 0) {
        bad_fill(want, (size_t)n, at, seed);
        if (memcmp(got, want, (size_t)n) != 0)
            break;
        at += (size_t)n;
    }
    close(fd);
    return seed != 0 && n == 0 && at == size;
}

static inline bool says(const struct mr_buf *b, const char *words)
{
    if (memmem(mr_buf_head(b), b->len, words, strlen(words)))
        return true;
    printf("it says:\n%.*s\n", (int)b->len, mr_buf_head(b));
    return false;
}

#endif
