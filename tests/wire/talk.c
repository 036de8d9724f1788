/* SPDX-License-Identifier: MIT */
/*
 * talk.c - the runner's side of a connection: gather, send, read an answer.
 *
 * The runner sends with one eye on what comes back, so that a server which
 * answers before it has read everything does not block both. Each wait has an
 * end. It decodes no more of HTTP than the framing of bodies.
 */
#include "tests/wire/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_MAX = 64 * 1024 * 1024 /* no script needs more */
};

/* --- bytes --- */

void bytes_add(struct bytes *b, const void *p, size_t n)
{
    if (b->n + n + 1 > b->cap) {
        b->cap = (b->n + n + 1) * 2;
        b->p = realloc(b->p, b->cap);
        if (!b->p)
            abort();
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void bytes_text(struct bytes *b, const char *z)
{
    bytes_add(b, z, strlen(z));
}

void bytes_clear(struct bytes *b)
{
    b->n = 0;
    bytes_add(b, "", 0);
}

void bytes_drop(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){0};
}

static int hex_digit(int c)
{
    const char *digits = "0123456789abcdef", *at;

    at = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Pairs of hex digits, spaces between them allowed. */
bool bytes_hex(struct bytes *b, const char *z)
{
    for (; *z; z++) {
        int hi = hex_digit(z[0]), lo;
        char c;

        if (*z == ' ')
            continue;
        lo = hi < 0 ? -1 : hex_digit(z[1]);
        if (lo < 0)
            return false;
        c = (char)(hi * 16 + lo);
        bytes_add(b, &c, 1);
        z++;
    }
    return true;
}

void bytes_escaped(struct bytes *b, const char *z)
{
    static const char from[] = "rnt\\", to[] = "\r\n\t\\";

    for (; *z; z++) {
        const char *at = *z == '\\' && z[1] ? strchr(from, z[1]) : NULL;
        char hex[3] = "";

        if (at) {
            bytes_add(b, to + (at - from), 1);
            z++;
        } else if (z[0] == '\\' && z[1] == 'x' && z[2] && z[3]) {
            memcpy(hex, z + 2, 2);
            if (!bytes_hex(b, hex))
                bytes_add(b, z, 4);
            z += 3;
        } else {
            bytes_add(b, z, 1);
        }
    }
}

/* --- what goes wrong --- */

bool talk_fail(struct script *s, const char *fmt, ...)
{
    va_list ap;

    printf("%s:%d: ", s->path, s->line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    return false;
}

/* --- the connection --- */

int talk_connect(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd == -1)
        return -1;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == -1) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* What recv has, if anything; a reset is told from an end. */
static bool take_in(struct script *s)
{
    char buf[64 * 1024];
    ssize_t n = recv(s->fd, buf, sizeof buf, 0);

    if (n > 0)
        bytes_add(&s->in, buf, (size_t)n);
    else if (n == 0)
        s->eof = true;
    else if (errno != EAGAIN && errno != EINTR)
        return talk_fail(s, "reading: %s", strerror(errno));
    if (s->in.n > BODY_MAX)
        return talk_fail(s, "the answer does not end");
    return true;
}

/* Send what was gathered, and read meanwhile: the server may wait for that.
 * That it stopped reading is no failure here: its answer tells. */
bool talk_flush(struct script *s)
{
    size_t sent = 0;

    if (s->fd < 0 && s->out.n == 0)
        return true;
    if (s->fd < 0)
        s->fd = talk_connect(s->port);
    if (s->fd < 0)
        return talk_fail(s, "cannot connect: %s", strerror(errno));
    while (sent < s->out.n) {
        struct pollfd pfd = {s->fd, POLLOUT | (s->eof ? 0 : POLLIN), 0};
        ssize_t n;

        if (poll(&pfd, 1, WAIT_MS) == 0)
            return talk_fail(s, "the server stopped reading");
        if ((pfd.revents & POLLIN) && !s->eof && !take_in(s))
            return false;
        n = send(s->fd, s->out.p + sent, s->out.n - sent, MSG_NOSIGNAL);
        if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
            break;
        if (n == -1 && errno != EAGAIN && errno != EINTR)
            return talk_fail(s, "sending: %s", strerror(errno));
        sent += n > 0 ? (size_t)n : 0;
    }
    bytes_clear(&s->out);
    return true;
}

/* Wait for more; false, and told, if nothing comes. At the end of the stream
 * true, and s->eof is set. */
bool talk_more(struct script *s, const char *what)
{
    struct pollfd pfd = {s->fd, POLLIN, 0};

    if (s->fd < 0)
        return talk_fail(s, "waiting for %s without a connection", what);
    if (poll(&pfd, 1, WAIT_MS) == 0)
        return talk_fail(s, "no %s in %d s; so far: \"%s\"", what,
                         WAIT_MS / 1000,
                         s->in.n > s->at ? s->in.p + s->at : "");
    return take_in(s);
}

/* The next n bytes, to *into. */
static bool need(struct script *s, size_t n, struct bytes *into)
{
    while (s->in.n - s->at < n && !s->eof)
        if (!talk_more(s, "body"))
            return false;
    if (s->in.n - s->at < n)
        return talk_fail(s, "the body ends after %zu of %zu bytes",
                         s->in.n - s->at, n);
    bytes_add(into, s->in.p + s->at, n);
    s->at += n;
    return true;
}

/* Up to and with the next `end`, to *into. */
static bool until(struct script *s, const char *end, struct bytes *into)
{
    for (;;) {
        char *from = s->in.n > 0 ? s->in.p + s->at : NULL;
        char *at =
            from ? memmem(from, s->in.n - s->at, end, strlen(end)) : NULL;

        if (at)
            return need(s, (size_t)(at - from) + strlen(end), into);
        if (s->eof)
            return talk_fail(s, "the connection ended; so far: \"%s\"",
                             from ? from : "");
        if (!talk_more(s, "answer"))
            return false;
    }
}

bool talk_head(struct script *s)
{
    bytes_clear(&s->head);
    bytes_clear(&s->body);
    s->where = IN_HEAD;
    return talk_flush(s) && until(s, "\r\n\r\n", &s->head);
}

/* The next header after `line` (a line of the head), or NULL. */
static const char *next_header(const char *line)
{
    const char *end = strstr(line, "\r\n");

    return end && end[2] != '\r' ? end + 2 : NULL;
}

/* The nth (from 0) value of the header, in a buffer reused by the next call. */
const char *talk_header(struct script *s, const char *name, int nth)
{
    static char value[8192];
    size_t n = strlen(name);

    for (const char *h = next_header(s->head.p); h; h = next_header(h)) {
        if (strncasecmp(h, name, n) != 0 || h[n] != ':' || nth-- > 0)
            continue;
        h += n + 1;
        h += strspn(h, " \t");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(h, "\r\n"), h);
        return value;
    }
    return NULL;
}

static bool read_chunks(struct script *s)
{
    struct bytes line = {0};
    bool ok = true;

    for (size_t size = 1; ok && size > 0;) {
        bytes_clear(&line);
        ok = until(s, "\r\n", &line);
        if (!ok)
            break;
        if (hex_digit(line.p[0]) < 0)
            ok = talk_fail(s, "not a chunk size: \"%s\"", line.p);
        size = ok ? strtoul(line.p, NULL, 16) : 0;
        bytes_clear(&line);
        if (size > 0)
            ok = need(s, size, &s->body) && need(s, 2, &line);
    }
    while (ok && strcmp(line.p, "\r\n") != 0) { /* trailers */
        bytes_clear(&line);
        ok = until(s, "\r\n", &line);
    }
    bytes_drop(&line);
    return ok;
}

bool talk_body(struct script *s)
{
    const char *te, *length;
    int status;

    if (s->where == HAVE_BODY)
        return true;
    if (s->where != AFTER_HEAD)
        return talk_fail(s, "a body before the end of a head");
    s->where = HAVE_BODY;
    status = (int)strtol(s->head.p + 9, NULL, 10);
    if (status < 200 || status == 204 || status == 304)
        return true;
    te = talk_header(s, "transfer-encoding", 0);
    if (te && strcasecmp(te, "chunked") == 0)
        return read_chunks(s);
    length = talk_header(s, "content-length", 0);
    if (length)
        return need(s, strtoul(length, NULL, 10), &s->body);
    while (!s->eof)
        if (!talk_more(s, "end of the connection"))
            return false;
    return need(s, s->in.n - s->at, &s->body);
}

/* Leave the connection; nothing may have come that no line speaks of. */
bool talk_hang_up(struct script *s)
{
    bool ok = talk_flush(s);

    if (ok && s->fd >= 0 && !s->eof)
        ok = take_in(s);
    if (ok && s->where != AFTER_HEAD && s->in.n > s->at)
        ok = talk_fail(s, "nobody asked for: \"%s\"", s->in.p + s->at);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->eof = false;
    s->where = NO_HEAD;
    bytes_clear(&s->in);
    s->at = 0;
    return ok;
}
