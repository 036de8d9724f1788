/* SPDX-License-Identifier: MIT */

/*
 * ask.c - a client for counting: so many requests, no more and no less.
 *
 *     ask ADDRESS PORT CONNECTIONS ROUNDS FILE
 *
 * FILE is one request. One goes over the first connection, to learn how long an
 * answer is; then, in each round, one over each connection, and when all have
 * been sent all answers are read. The status is 0 when each was as long as the
 * first, and that was 200 with a Content-Length.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 1024

static char request[16 * 1024], answer[64 * 1024];
static size_t request_n;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

static int connect_to(const char *address, const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    need(fd >= 0, "socket");
    need(inet_pton(AF_INET, address, &at.sin_addr) == 1, "address");
    need(connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
    return fd;
}

static void send_request(int fd)
{
    need(write(fd, request, request_n) == (ssize_t)request_n, "write");
}

/* How long the answer is; that much has been read. */
static size_t first_answer(int fd)
{
    static const char field[] = "\r\nContent-Length: ";
    size_t n = 0, want = 0;

    send_request(fd);
    while (want == 0 || n < want) {
        ssize_t got = read(fd, answer + n, sizeof answer - 1 - n);
        const char *end, *length;

        need(got > 0, "the first answer");
        n += (size_t)got;
        answer[n] = '\0';
        end = strstr(answer, "\r\n\r\n");
        length = strstr(answer, field);
        if (!end)
            continue;
        need(strncmp(answer, "HTTP/1.1 200", 12) == 0 && length, "200");
        want = (size_t)(end + 4 - answer) +
               strtoul(length + sizeof field - 1, NULL, 10);
    }
    need(n == want, "one answer");
    return n;
}

int main(int argc, char **argv)
{
    static int fds[MOST];
    int n = argc == 6 ? (int)strtol(argv[3], NULL, 10) : 0;
    size_t want;
    FILE *f;

    need(n > 0 && n <= MOST, "usage: ask ADDRESS PORT CONNECTIONS ROUNDS FILE");
    f = fopen(argv[5], "r");
    need(f, argv[5]);
    request_n = fread(request, 1, sizeof request, f);
    for (int i = 0; i < n; i++)
        fds[i] = connect_to(argv[1], argv[2]);
    want = first_answer(fds[0]);
    for (long round = strtol(argv[4], NULL, 10); round > 0; round--) {
        for (int i = 0; i < n; i++)
            send_request(fds[i]);
        for (int i = 0; i < n; i++)
            need(recv(fds[i], answer, want, MSG_WAITALL) == (ssize_t)want,
                 "an answer");
    }
    return 0;
}
