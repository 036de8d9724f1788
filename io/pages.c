/* SPDX-License-Identifier: MIT */

/*
 * pages.c - a file's pages to a socket, a MiB at once where it has the room.
 *
 * The pipe inside sendfile(2) has 16 pages: that much, and no more, comes to
 * the socket in one piece, and each piece is a turn of the whole way down.
 * Through a pipe of 256 pages (splice(2), twice) the same bytes take a tenth
 * less of the kernel's time. Little is sent by sendfile, which is one call
 * less.
 *
 *   (1) The pipe is the thread's, until its hub ends. It is empty when none of
 *       this runs: nothing here parks, and a pipe in which something is left is
 *       closed with it.
 *   (2) Nothing comes into it that the socket has no room for, as far as that
 *       says (SO_MEMINFO, sock_diag(7)): what is not taken was put in for
 *       nothing.
 *   (3) Whatever is wrong with the file or the pipe, sendfile is asked, and its
 *       answer is the caller's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/sys.h"
#include "io/fd_priv.h"

/* What a user without privileges may have (pipe(7), pipe-max-size). */
#define PIPE_SIZE (1024 * 1024)

/* From here on it is less work than sendfile (tests/bench/RESULTS.md). */
#define LEAST ((size_t)512 * 1024)

static _Thread_local struct {
    struct mr_hub_end end;
    int from, to;
    bool is_open;
    bool ends;    /* the hub knows of it */
    bool refused; /* so large a one, to this user */
} tube;

static void tube_close(void)
{
    if (!tube.is_open)
        return;
    tube.is_open = false;
    (void)mr_sys_close(tube.from);
    (void)mr_sys_close(tube.to);
}

static void tube_end(struct mr_hub_end *end __attribute__((unused)))
{
    tube_close();
    tube.ends = tube.refused = false;
}

/* 0, -Exxx. */
static int tube_open(void)
{
    int fds[2], rc;

    if (tube.is_open)
        return 0;
    if (tube.refused)
        return -EPERM;
    rc = mr_sys_pipe2(fds, O_CLOEXEC | O_NONBLOCK);
    if (rc)
        return rc; /* too many descriptors, for now */
    tube.from = fds[0];
    tube.to = fds[1];
    tube.is_open = true;
    if (!tube.ends) {
        tube.ends = true;
        tube.end.fn = tube_end;
        mr_hub_at_end(&tube.end);
    }
    rc = mr_sys_fcntl(tube.to, F_SETPIPE_SZ, PIPE_SIZE);
    if (rc >= 0)
        return 0;
    tube.refused = true;
    tube_close();
    return rc;
}

/* Bytes that a socket takes before it says -EAGAIN, more or less; 0: it does
 * not say. */
static size_t room_in(int fd)
{
    uint32_t mem[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof mem;
    uint32_t used;

    if (mr_sys_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
        return 0;
    /* TCP's own count, and all others'. */
    used = MR_MAX(mem[SK_MEMINFO_WMEM_QUEUED], mem[SK_MEMINFO_WMEM_ALLOC]);
    return mem[SK_MEMINFO_SNDBUF] > used ? mem[SK_MEMINFO_SNDBUF] - used : 0;
}

/* Into the tube, up to n: bytes, 0 at the file's end, -Exxx. */
static ssize_t fill(int in, int64_t off, size_t n)
{
    int rc = tube_open();

    return rc ? rc : mr_sys_splice(in, &off, tube.to, n, SPLICE_F_MOVE);
}

/* And out of it. Bytes, or -Exxx. */
static ssize_t empty(int out, size_t n, bool more)
{
    ssize_t put = mr_sys_splice(tube.from, NULL, out, n,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK |
                                    (more ? SPLICE_F_MORE : 0));

    if (put != (ssize_t)n)
        tube_close(); /* invariant 1 */
    return put;
}

/* One piece: as mr_fd_put_pages; *ret_full: there is no room for another. */
static ssize_t put_piece(int out, int in, int64_t *off, size_t n, bool more,
                         bool *ret_full)
{
    size_t room = n < LEAST ? 0 : room_in(out);
    ssize_t filled = -EAGAIN, put;

    if (room >= LEAST)
        filled = fill(in, *off, MR_MIN(room, n));
    if (filled <= 0) {
        put = mr_sys_sendfile(out, in, off, n);
        *ret_full = put != (ssize_t)n;
        return put;
    }
    put = empty(out, (size_t)filled, more || (size_t)filled < n);
    *ret_full = put != filled;
    if (put > 0)
        *off += put;
    return put;
}

ssize_t mr_fd_put_pages(int out, int in, int64_t *off, size_t n, bool more)
{
    size_t done = 0;
    bool full;

    do {
        ssize_t put = put_piece(out, in, off, n - done, more, &full);

        if (put <= 0)
            return done > 0 ? (ssize_t)done : put;
        done += (size_t)put;
    } while (done < n && !full);
    return (ssize_t)done;
}
