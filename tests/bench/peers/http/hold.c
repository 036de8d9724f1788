/* SPDX-License-Identifier: MIT */

/*
 * hold.c - open connections that rest: each sends one request and takes its
 * answer. `hold ADDRESS PORT N` prints "held" when all have, and holds them
 * until its standard input ends.
 */
#include "tests/bench/peers/http/loop.h"

int main(int argc, char **argv)
{
    static const char get[] = "GET /tiny HTTP/1.1\r\nHost: bench\r\n\r\n";
    struct sockaddr_in at = {.sin_family = AF_INET};
    char answer[4096];
    long n;

    loop_need(argc == 4, "usage: hold ADDRESS PORT N");
    at.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10));
    loop_need(inet_pton(AF_INET, argv[1], &at.sin_addr) == 1, "address");
    n = strtol(argv[3], NULL, 10);
    for (long i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ssize_t got;

        loop_need(fd >= 0, "socket");
        loop_need(connect(fd, (struct sockaddr *)&at, sizeof at) == 0,
                  "connect");
        loop_need(send(fd, get, sizeof get - 1, MSG_NOSIGNAL) > 0, "send");
        got = recv(fd, answer, sizeof answer, 0);
        loop_need(got > 12 && memcmp(answer + 9, "200", 3) == 0, "answer");
    }
    puts("held");
    fflush(stdout);
    while (read(0, answer, sizeof answer) > 0)
        ;
    return 0;
}
