/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_PEERS_CORE_PEER_ECHO_H
#define TESTS_BENCH_PEERS_CORE_PEER_ECHO_H

/*
 * peer_echo.h - sockets of the TCP echo's peers: all on 127.0.0.1. What fails
 * ends the program.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static inline void peer_need(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

/* A listener on a port that the kernel chooses, which is printed. */
static inline int peer_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer_need(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0,
              "TCP_NODELAY");
    peer_need(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    peer_need(listen(fd, 1024) == 0, "listen");
    peer_need(getsockname(fd, (struct sockaddr *)&at, &len) == 0,
              "getsockname");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

#endif
