/* SPDX-License-Identifier: MIT */
#ifndef TESTS_APPS_CLIENT_H
#define TESTS_APPS_CLIENT_H

/*
 * client.h - a client of a site (tests/apps/site.h), on plain sockets.
 *
 *     int fd = client_dial(&s);
 *     OK(client_send(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"));
 *     OK(client_answer(fd, &a));
 *     EQ_INT(a.status, 200);
 *     EQ_STR(a.body, "hello, world\n");
 *
 * Sockets block, for 30 s at most: then the call fails. For answers of any
 * size, client_pump streams.
 */
#include "tests/apps/site.h"

struct client_answer {
    int status;      /* 0: no answer, the connection ended */
    size_t n;        /* of the body, which has a NUL behind it */
    bool close;      /* Connection: close */
    char head[2048]; /* NUL-terminated, with its empty line */
    char body[16384];
};

/* A connected socket, or -1. */
int client_dial(const struct site *s);
int client_dial_port(const struct site *s, int port);

/* All of it; false when the peer is gone. No SIGPIPE. */
bool client_send(int fd, const char *z);
bool client_write(int fd, const void *p, size_t n);

/* What the kernel takes of it within a second; 0: nothing; -1: the peer is
 * gone. */
ssize_t client_write_some(int fd, const void *p, size_t n);
/* No more from here; 0 or -1. */
int client_shut(int fd);

/* GET target on a connection that stays open. */
bool client_ask(int fd, const char *target);

/* One answer, with Content-Length or without a body; what is pipelined behind
 * it stays in the socket. False: none came, or it does not fit. */
bool client_answer(int fd, struct client_answer *ret);

/* All of that on a connection of its own. */
bool client_get(const struct site *s, const char *target,
                struct client_answer *ret);

/* Read to the end: true when the peer closes (or resets) within 30 s. */
bool client_ended(int fd);

/* Is there anything to read: bytes or an end? */
bool client_is_readable(int fd);

/* Close with a reset, as a machine that has forgotten the connection does. */
void client_reset(int fd);

/*
 * Send n bytes of a pattern after `head` to an echo, and read a head and the
 * same bytes back, both at once. chunked: both ways in chunks. False: what came
 * is something else, and is told on standard output.
 */
bool client_pump(int fd, const char *head, uint64_t n, bool chunked);

#endif
