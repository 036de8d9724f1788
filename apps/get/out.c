/* SPDX-License-Identifier: MIT */

/* out.c - write to a descriptor that others gave us. */
#include "apps/get/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/sys.h"

/* A pipe that is writable takes so much without waiting (pipe(7)). Files take
 * what they get. */
static size_t piece_of(int fd)
{
    struct stat st;

    if (mr_sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return (size_t)1 << 20;
    return PIPE_BUF;
}

int get_out_open(int fd)
{
    char path[32];
    struct stat st;

    if (mr_sys_fstat(fd, &st) != 0 || (!S_ISFIFO(st.st_mode) && !isatty(fd)))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return mr_sys_openat(AT_FDCWD, path,
                         O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
}

int get_out_write(int fd, const void *p, size_t n, int64_t deadline)
{
    size_t piece = piece_of(fd);
    const char *at = p;

    while (n > 0) {
        ssize_t put;
        int rc = mr_hub_wait_fd(fd, MR_WRITABLE, deadline);

        if (rc)
            return rc;
        put = mr_sys_write(fd, at, MR_MIN(n, piece));
        if (put == -EAGAIN) /* ours, or somebody made it so */
            continue;
        if (put < 0)
            return (int)put;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}
