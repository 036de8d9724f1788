/* SPDX-License-Identifier: MIT */

/*
 * echo_epoll.c - a TCP echo that is nothing but a loop: epoll_wait, and for
 * each descriptor one recv and one send. Level-triggered, one thread. It is
 * what the others are measured against. It prints its port.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/peers/core/peer_echo.h"

#define EVENTS 256

static void watch(int loop, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    peer_need(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void serve(int fd)
{
    char buf[4096];
    ssize_t n = recv(fd, buf, sizeof buf, 0);

    if (n <= 0 || send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
        close(fd); /* and so out of the epoll */
}

int main(void)
{
    struct epoll_event events[EVENTS];
    int listener = peer_listen(), loop = epoll_create1(EPOLL_CLOEXEC);

    peer_need(loop >= 0, "epoll_create1");
    watch(loop, listener);
    for (;;) {
        int n = epoll_wait(loop, events, EVENTS, -1);

        peer_need(n >= 0, "epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            watch(loop,
                  accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        }
    }
}
