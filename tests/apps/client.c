/* SPDX-License-Identifier: MIT */

/*
 * client.c - a client of a site, on plain sockets.
 */
#include "tests/apps/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 30

int client_dial_port(const struct site *s, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, s->host, &at.sin_addr);
    if (fd != -1 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0)
        return fd;
    if (fd != -1)
        close(fd);
    return -1;
}

int client_dial(const struct site *s)
{
    return client_dial_port(s, SITE_PORT);
}

bool client_write(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent < 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool client_send(int fd, const char *z)
{
    return client_write(fd, z, strlen(z));
}

ssize_t client_write_some(int fd, const void *p, size_t n)
{
    struct pollfd at = {.fd = fd, .events = POLLOUT};

    if (poll(&at, 1, 1000) == 0)
        return 0;
    return send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int client_shut(int fd)
{
    return shutdown(fd, SHUT_WR);
}

bool client_ask(int fd, const char *target)
{
    char head[1024];

    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", target);
    return client_send(fd, head);
}

static bool read_n(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, p, n, 0);

        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* Byte by byte, so that nothing behind the head is taken; a piece is peeked at
 * first, which keeps that cheap. */
static bool read_head(int fd, char *head, size_t size)
{
    size_t n = 0;

    while (n < size - 1) {
        ssize_t got = recv(fd, head + n, size - 1 - n, MSG_PEEK);
        char *end;

        if (got <= 0)
            return false;
        head[n + (size_t)got] = '\0';
        end = strstr(head, "\r\n\r\n");
        if (end)
            got = end + 4 - (head + n);
        if (!read_n(fd, head + n, (size_t)got))
            return false;
        n += (size_t)got;
        head[n] = '\0';
        if (end)
            return true;
    }
    return false;
}

static const char *field(const char *head, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = strstr(head, "\r\n"); at; at = strstr(at, "\r\n")) {
        at += 2;
        if (strncasecmp(at, name, n) == 0 && at[n] == ':')
            return at + n + 1 + strspn(at + n + 1, " ");
    }
    return NULL;
}

bool client_answer(int fd, struct client_answer *ret)
{
    const char *length, *connection;

    *ret = (struct client_answer){0};
    if (!read_head(fd, ret->head, sizeof ret->head) ||
        sscanf(ret->head, "HTTP/1.1 %d", &ret->status) != 1)
        return false;
    length = field(ret->head, "content-length");
    ret->n = length ? strtoull(length, NULL, 10) : 0;
    connection = field(ret->head, "connection");
    ret->close = connection && strncasecmp(connection, "close", 5) == 0;
    return ret->n < sizeof ret->body && read_n(fd, ret->body, ret->n);
}

bool client_get(const struct site *s, const char *target,
                struct client_answer *ret)
{
    int fd = client_dial(s);
    bool ok = fd != -1 && client_ask(fd, target) && client_answer(fd, ret);

    if (fd != -1)
        close(fd);
    return ok;
}

bool client_ended(int fd)
{
    char junk[4096];
    ssize_t n;

    while ((n = recv(fd, junk, sizeof junk, 0)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

bool client_is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

void client_reset(int fd)
{
    struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* --- any size --- */

/* A prime, so that a piece which is lost or doubled shifts what follows. */
#define PERIOD 65521
/* What is sent and read in one go. */
#define PIECE (32 * 1024)

static const char *pattern_at(uint64_t off)
{
    static char bytes[PERIOD + PIECE];
    static bool made;
    uint32_t x = 1;

    for (size_t i = 0; !made && i < sizeof bytes; i++) {
        if (i < PERIOD) {
            x = x * 1664525 + 1013904223;
            bytes[i] = (char)(x >> 24);
        } else {
            bytes[i] = bytes[i - PERIOD];
        }
    }
    made = true;
    return bytes + off % PERIOD;
}

struct pump {
    int fd;
    bool chunked;
    uint64_t n;
    uint64_t sent, got; /* bytes of the pattern */
    size_t owed, at;    /* of the framing line or trailer being sent */
    char line[32];
    uint64_t chunk_out; /* left of the chunk being sent */
    uint64_t chunk_in;  /* left of the chunk being read */
    char in_line[32];   /* the chunk's size, so far */
    size_t in_line_n;
    bool last; /* that size was 0: an empty line is left */
    bool out_done, in_done;
};

static void owe(struct pump *p, const char *z)
{
    p->owed = strlen(z);
    p->at = 0;
    memcpy(p->line, z, p->owed + 1);
}

/* What comes next when nothing is owed. */
static void next_out(struct pump *p)
{
    char line[32];
    uint64_t left = p->n - p->sent;

    if (!p->chunked) {
        p->chunk_out = left;
        p->out_done = left == 0;
        return;
    }
    p->chunk_out = MR_MIN(left, (uint64_t)(PIECE - 7)); /* an odd number */
    snprintf(line, sizeof line, "%s%jx\r\n%s", p->sent > 0 ? "\r\n" : "",
             (uintmax_t)p->chunk_out, p->chunk_out == 0 ? "\r\n" : "");
    owe(p, line);
    p->out_done = p->chunk_out == 0;
}

static bool pump_out(struct pump *p)
{
    size_t piece;
    ssize_t rc;

    if (p->owed == 0 && p->chunk_out == 0)
        next_out(p);
    if (p->owed > 0) {
        rc = send(p->fd, p->line + p->at, p->owed, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (rc > 0) {
            p->at += (size_t)rc;
            p->owed -= (size_t)rc;
        }
    } else {
        piece = (size_t)MR_MIN(p->chunk_out, (uint64_t)PIECE);
        rc = piece == 0 ? 0
                        : send(p->fd, pattern_at(p->sent), piece,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
        if (rc > 0) {
            p->sent += (uint64_t)rc;
            p->chunk_out -= (uint64_t)rc;
        }
    }
    return rc >= 0 || errno == EAGAIN;
}

static bool take_data(struct pump *p, const char *data, size_t n)
{
    if (p->got + n > p->n || memcmp(data, pattern_at(p->got), n) != 0) {
        printf("other bytes than were sent, at %ju\n", (uintmax_t)p->got);
        return false;
    }
    p->got += n;
    return true;
}

/* One byte of a chunk's line, or of the empty line behind its data. */
static void take_line_byte(struct pump *p, char c)
{
    if (c == '\r')
        return;
    if (c != '\n') {
        if (p->in_line_n < sizeof p->in_line - 1)
            p->in_line[p->in_line_n++] = c;
        return;
    }
    p->in_line[p->in_line_n] = '\0';
    if (p->in_line_n > 0) {
        p->chunk_in = strtoull(p->in_line, NULL, 16);
        p->last = p->chunk_in == 0;
    } else if (p->last) {
        p->in_done = true;
    }
    p->in_line_n = 0;
}

static bool take(struct pump *p, const char *data, size_t n)
{
    while (n > 0) {
        size_t piece = n;

        if (p->chunked && p->chunk_in == 0) {
            take_line_byte(p, *data++);
            n--;
            continue;
        }
        if (p->chunked)
            piece = (size_t)MR_MIN(p->chunk_in, (uint64_t)n);
        if (!take_data(p, data, piece))
            return false;
        p->chunk_in -= p->chunked ? piece : 0;
        data += piece;
        n -= piece;
    }
    return true;
}

static bool pump_in(struct pump *p)
{
    char data[PIECE];
    ssize_t n = recv(p->fd, data, sizeof data, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN;
    if (n == 0 || !take(p, data, (size_t)n)) {
        printf("the echo ended after %ju of %ju bytes\n", (uintmax_t)p->got,
               (uintmax_t)p->n);
        return false;
    }
    return true;
}

bool client_pump(int fd, const char *head, uint64_t n, bool chunked)
{
    struct pump p = {.fd = fd, .n = n, .chunked = chunked};
    char answer[2048];
    bool has_head = !head;

    if (head && !client_send(fd, head))
        return false;
    while (!p.out_done || p.owed > 0 || !has_head ||
           (chunked ? !p.in_done : p.got < n)) {
        bool out = !p.out_done || p.owed > 0;
        struct pollfd at = {.fd = fd,
                            .events = (short)(POLLIN | (out ? POLLOUT : 0))};

        if (poll(&at, 1, PATIENCE_S * 1000) != 1)
            return false;
        if (at.revents & POLLIN && !has_head) {
            has_head = read_head(fd, answer, sizeof answer);
            if (!has_head || strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
                return false;
        } else if (at.revents & (POLLIN | POLLHUP | POLLERR) && !pump_in(&p)) {
            return false;
        }
        if (out && at.revents & POLLOUT && !pump_out(&p)) {
            perror("sending");
            return false;
        }
    }
    return true;
}
