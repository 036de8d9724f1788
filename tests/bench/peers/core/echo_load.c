/* SPDX-License-Identifier: MIT */

/*
 * echo_load.c - keep an echo server busy, and say what it cost.
 *
 *     echo_load HOST PORT PID N
 *
 * 64 connections; on each 64 bytes go out, come back, and go out again. Prints
 * the nanoseconds of CPU time that process PID took for each of N round trips,
 * after N / 10 that are not measured. Every byte is compared.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/peers/core/peer_echo.h"

#define CONNECTIONS 64
#define SIZE 64

struct connection {
    int fd;
    int got; /* bytes of the present round */
    char out[SIZE];
    char in[SIZE];
};

static struct connection all[CONNECTIONS];
static int loop;

static void ask(struct connection *c)
{
    c->got = 0;
    memset(c->out, (unsigned char)c->out[0] + 1, SIZE);
    peer_need(send(c->fd, c->out, SIZE, MSG_NOSIGNAL) == SIZE, "send");
}

static void start(struct connection *c, const struct sockaddr_in *to)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer_need(connect(c->fd, (const struct sockaddr *)to, sizeof *to) == 0,
              "connect");
    peer_need(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ==
                  0,
              "TCP_NODELAY");
    peer_need(epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &e) == 0, "epoll_ctl");
    c->out[0] = (char)(c - all);
    ask(c);
}

/* 1 when a round has ended and the next begun, else 0. */
static int answer(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, (size_t)(SIZE - c->got), 0);

    if (n == 0)
        errno = ECONNRESET;
    peer_need(n > 0, "recv");
    c->got += (int)n;
    if (c->got < SIZE)
        return 0;
    if (memcmp(c->in, c->out, SIZE) != 0) {
        fprintf(stderr, "echo_load: something else came back\n");
        exit(1);
    }
    ask(c);
    return 1;
}

static void round_trips(long n)
{
    struct epoll_event events[CONNECTIONS];

    while (n > 0) {
        int ready = epoll_wait(loop, events, CONNECTIONS, -1);

        peer_need(ready > 0, "epoll_wait");
        for (int i = 0; i < ready; i++)
            n -= answer(events[i].data.ptr);
    }
}

static double cpu_of(clockid_t clock)
{
    struct timespec t;

    peer_need(clock_gettime(clock, &t) == 0, "clock_gettime");
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    clockid_t clock;
    double began;
    long n;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "usage: echo_load HOST PORT PID N\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10));
    errno = clock_getcpuclockid((pid_t)strtol(argv[3], NULL, 10), &clock);
    peer_need(errno == 0, "clock_getcpuclockid");
    n = strtol(argv[4], NULL, 10);
    loop = epoll_create1(EPOLL_CLOEXEC);
    peer_need(loop >= 0, "epoll_create1");
    for (int i = 0; i < CONNECTIONS; i++)
        start(&all[i], &to);
    round_trips(n / 10);
    began = cpu_of(clock);
    round_trips(n);
    printf("%.1f\n", (cpu_of(clock) - began) / (double)n);
    return 0;
}
