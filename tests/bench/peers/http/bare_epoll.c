/* SPDX-License-Identifier: MIT */

/*
 * bare_epoll.c - HTTP as nothing but system calls: epoll_wait, and for each
 * descriptor one recv and one send. Level-triggered, one thread. It is what the
 * servers are measured against.
 *
 *     bare_epoll ADDRESS PORT
 *
 * On PORT it keeps connections; on PORT + 1 it closes each after its answer.
 */
#include <sys/epoll.h>

#include "tests/bench/peers/http/loop.h"

#define EVENTS 256

static struct loop_rest rests[LOOP_FDS];
static bool closing[LOOP_FDS];
static char in[LOOP_IN], out[LOOP_OUT];

static void watch(int loop, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    loop_need(fd >= 0 && fd < LOOP_FDS, "descriptor");
    loop_need(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void drop(int fd)
{
    loop_keep(&rests[fd], NULL, 0);
    close(fd); /* and so out of the epoll */
}

/* All that has come, answered in one send. */
static void serve(int fd)
{
    struct loop_rest *rest = &rests[fd];
    size_t before = rest->n, used, made, all;
    ssize_t n;

    if (before)
        memcpy(in, rest->p, before);
    n = recv(fd, in + before, sizeof in - before, 0);
    if (n <= 0) {
        drop(fd);
        return;
    }
    all = before + (size_t)n;
    made = loop_answer(in, all, closing[fd], out, &used);
    if (made && send(fd, out, made, MSG_NOSIGNAL) != (ssize_t)made) {
        drop(fd);
        return;
    }
    if (made && closing[fd])
        drop(fd);
    else if (before || used < all)
        loop_keep(rest, in + used, all - used);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    int keep, once, loop = epoll_create1(EPOLL_CLOEXEC);

    loop_need(argc == 3 && loop >= 0, "usage: bare_epoll ADDRESS PORT");
    keep = loop_listen(argv[1], (int)strtol(argv[2], NULL, 10));
    once = loop_listen(argv[1], (int)strtol(argv[2], NULL, 10) + 1);
    watch(loop, keep);
    watch(loop, once);
    for (;;) {
        int n = epoll_wait(loop, events, EVENTS, -1);

        loop_need(n >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd, got;

            if (fd != keep && fd != once) {
                serve(fd);
                continue;
            }
            got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (got < 0)
                continue;
            watch(loop, got);
            closing[got] = fd == once;
        }
    }
}
