/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_PEERS_HTTP_LOOP_H
#define TESTS_BENCH_PEERS_HTTP_LOOP_H

/*
 * loop.h - what the two bare loops share: they are no servers but a limit, the
 * system calls and nearly nothing else. A request ends at its blank line; what
 * begins with P has a Content-Length, and gets its body back. The answer has
 * the fields that a server's would have, and is not looked at again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One receive takes so much; the answers to it take less. */
#define LOOP_IN (16 * 1024)
#define LOOP_OUT (64 * 1024)
/* No descriptor is above it: 10,000 connections, and some. */
#define LOOP_FDS (32 * 1024)

#define LOOP_HEAD                                                \
    "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n" \
    "Server: bare loop\r\n"

/* What is left of a request that has not come whole. */
struct loop_rest {
    char *p;
    size_t n;
};

static inline void loop_need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* A listening socket on ADDRESS and PORT, both as text. */
static inline int loop_listen(const char *address, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    loop_need(fd >= 0, "socket");
    loop_need(inet_pton(AF_INET, address, &at.sin_addr) == 1, "address");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* What is accepted has it from here. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    loop_need(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    loop_need(listen(fd, 4096) == 0, "listen");
    return fd;
}

/* The answer to a body of n bytes, at out; its length. */
static inline size_t loop_echo(char *out, const char *body, size_t n)
{
    int head = snprintf(out, LOOP_IN,
                        LOOP_HEAD "Content-Type: text/plain\r\n"
                                  "Content-Length: %zu\r\n\r\n",
                        n);

    memcpy(out + head, body, n);
    return (size_t)head + n;
}

/* The length that a head of n bytes tells, as wrk spells it. */
static inline size_t loop_length(const char *head, size_t n)
{
    const char *at = memmem(head, n, "\r\nContent-Length: ", 18);

    return at ? strtoul(at + 18, NULL, 10) : 0;
}

/*
 * Answer all whole requests of n bytes at in: the answers' length at out, and
 * in *ret_used how much of the input they took. closing: say so in each.
 */
static inline size_t loop_answer(const char *in, size_t n, bool closing,
                                 char *out, size_t *ret_used)
{
    static const char keep[] =
        LOOP_HEAD "Content-Type: text/plain; charset=utf-8\r\n"
                  "Content-Length: 13\r\n\r\nhello, world\n";
    static const char last[] = LOOP_HEAD
        "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 13\r\n\r\nhello, world\n";
    const char *text = closing ? last : keep;
    size_t text_n = closing ? sizeof last - 1 : sizeof keep - 1;
    size_t used = 0, made = 0;

    while (used < n && made + LOOP_IN + 512 < LOOP_OUT) {
        const char *end = memmem(in + used, n - used, "\r\n\r\n", 4);
        size_t head, body;

        if (!end)
            break;
        head = (size_t)(end + 4 - (in + used));
        if (in[used] == 'P') {
            body = loop_length(in + used, head);
            if (n - used - head < body)
                break;
            made += loop_echo(out + made, in + used + head, body);
            used += head + body;
            continue;
        }
        memcpy(out + made, text, text_n);
        made += text_n;
        used += head;
    }
    *ret_used = used;
    return made;
}

/* Keep n bytes at p for the connection's next receive. */
static inline void loop_keep(struct loop_rest *r, const char *p, size_t n)
{
    free(r->p);
    r->p = n ? malloc(n) : NULL;
    loop_need(n == 0 || r->p, "malloc");
    if (n)
        memcpy(r->p, p, n);
    r->n = n;
}

#endif
