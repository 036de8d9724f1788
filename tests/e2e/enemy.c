/* SPDX-License-Identifier: MIT */
/*
 * enemy.c - clients that mean harm, for check_enemies.sh.
 *
 *     enemy idle HOST PORT N       N connections that say nothing; others are
 *                                  served; then each of the N is served too
 *     enemy flood HOST PORT KIND   bytes of this kind without an end: the
 * server must end it; others are served meanwhile enemy unread HOST PORT N N
 * requests pipelined, no answer ever read: the server must end it; others
 * likewise enemy watch HOST PORT PID    others are served until that process is
 * gone
 *
 * An "other" is a new connection with one request, which must be answered with
 * 200 within PATIENCE_MS. The status is 0 if all was well; else what was not is
 * printed. Connections come from many addresses of 127/8, as from many clients.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30 * 1000,
    PER_ADDRESS = 200,      /* connections from one address */
    FLOOD_MAX = 64 << 20,   /* bytes; by then it has to be over */
    FLOOD_LOOK = 256 << 10, /* bytes between looks at the others */
    OTHERS = 200,
};

static struct sockaddr_in server = {.sin_family = AF_INET};

__attribute__((noreturn)) static void die(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Each from its own port, a few hundred from one address. */
static int dial(void)
{
    static unsigned n;
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x10000 + n++ / PER_ADDRESS);
    if (fd < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&from, sizeof from) ||
        connect(fd, (struct sockaddr *)&server, sizeof server))
        die("connect");
    return fd;
}

static bool ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, PATIENCE_MS) == 1;
}

/* One request on fd; is it answered with 200? */
static bool served(int fd)
{
    static const char ask[] = "GET /small HTTP/1.1\r\nHost: a\r\n\r\n";
    char in[4096];
    ssize_t n;

    if (send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) != sizeof ask - 1 ||
        !ready(fd, POLLIN))
        return false;
    n = recv(fd, in, sizeof in - 1, 0);
    return n > 12 && memcmp(in, "HTTP/1.1 200", 12) == 0;
}

static bool other_is_served(void)
{
    int fd = dial();
    bool ok = served(fd);

    if (!ok)
        printf("another client was not served\n");
    close(fd);
    return ok;
}

/* --- what they do --- */

static int idle(unsigned n)
{
    struct rlimit all;
    int *fds = calloc(n, sizeof *fds);

    if (!fds || getrlimit(RLIMIT_NOFILE, &all))
        die("idle");
    all.rlim_cur = all.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &all) || all.rlim_max < n + 16)
        die("descriptors");
    for (unsigned i = 0; i < n; i++)
        fds[i] = dial();
    for (unsigned i = 0; i < OTHERS; i++)
        if (!other_is_served())
            return 1;
    for (unsigned i = 0; i < n; i++) {
        if (!served(fds[i])) {
            printf("the idle connection %u was not served\n", i);
            return 1;
        }
    }
    return 0;
}

static const struct {
    const char *kind, *first, *again;
} floods[] = {
    {"request-line", "GET /", "aaaaaaaaaaaaaaaa"},
    {"empty-lines", "", "\r\n"},
    {"fields", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n"},
    {"field", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "aaaaaaaaaaaaaaaa"},
    {"blanks", "GET / HTTP/1.1\r\nHost: a\r\nX:", "                "},
    {"extension",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
     "aaaaaaaaaaaaaaaa"},
    {"extensions",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     "1;abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\r\nx\r\n"},
    {"size-digits",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     "0000000000000000"},
    {"trailers",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n",
     "T: u\r\n"},
    {"trailer",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\nT: ",
     "aaaaaaaaaaaaaaaa"},
    {"unwanted-body",
     "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n",
     "aaaaaaaaaaaaaaaa"},
};

/* `again` so often that a write is worth its call. */
static size_t pile_up(char *out, size_t size, const char *again)
{
    size_t n = strlen(again), at = 0;

    for (; at + n <= size; at += n)
        memcpy(out + at, again, n);
    return at;
}

/* All of it; false when the server has ended the connection. What it answers is
 * read and forgotten. */
static bool push(int fd, const char *p, size_t n)
{
    char in[4096];

    while (n > 0) {
        ssize_t sent, got;

        if (!ready(fd, POLLIN | POLLOUT)) {
            printf("neither taken nor ended\n");
            exit(1);
        }
        got = recv(fd, in, sizeof in, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}

static int flood(const char *kind)
{
    static char pile[16 << 10];
    size_t total = 0, looked = 0, n, i = 0;
    int fd = dial();

    while (i < sizeof floods / sizeof *floods &&
           strcmp(floods[i].kind, kind) != 0)
        i++;
    if (i == sizeof floods / sizeof *floods)
        die(kind);
    n = pile_up(pile, sizeof pile, floods[i].again);
    if (!push(fd, floods[i].first, strlen(floods[i].first)))
        return 0;
    while (push(fd, pile, n)) {
        total += n;
        if (total > FLOOD_MAX) {
            printf("%s: %zu bytes were taken\n", kind, total);
            return 1;
        }
        if (total - looked > FLOOD_LOOK) {
            looked = total;
            if (!other_is_served())
                return 1;
        }
    }
    printf("%s: ended after %zu bytes\n", kind, total);
    return !other_is_served();
}

static int unread(unsigned n)
{
    static const char ask[] = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = dial();
    struct pollfd p = {.fd = fd, .events = POLLOUT | POLLRDHUP};
    size_t at = 0, all = n * (sizeof ask - 1);

    /* Until it is ended: by a reset, as answers are left unread. */
    for (;;) {
        size_t in_one = at % (sizeof ask - 1);
        ssize_t sent = 0;

        if (at < all)
            sent = send(fd, ask + in_one, sizeof ask - 1 - in_one,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            at += (size_t)sent;
            continue;
        }
        if (sent < 0 && errno != EAGAIN)
            break;
        if (at == all)
            p.events = POLLRDHUP;
        if (!other_is_served())
            return 1;
        if (poll(&p, 1, PATIENCE_MS) != 1) {
            printf("not ended\n");
            return 1;
        }
        if (p.revents & (POLLERR | POLLHUP | POLLRDHUP))
            break;
    }
    printf("unread: ended after %zu requests\n", at / (sizeof ask - 1));
    return !other_is_served();
}

static int watch(pid_t pid)
{
    unsigned n = 0;

    while (kill(pid, 0) == 0) {
        if (!other_is_served())
            return 1;
        n++;
        poll(NULL, 0, 5); /* no flood of its own */
    }
    printf("%u others were served\n", n);
    return n == 0;
}

int main(int argc, char **argv)
{
    if (argc != 5 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
        fprintf(stderr,
                "usage: enemy idle|flood|unread|watch HOST PORT WHAT\n");
        return 2;
    }
    server.sin_port = htons((in_port_t)strtoul(argv[3], NULL, 10));
    if (strcmp(argv[1], "idle") == 0)
        return idle((unsigned)strtoul(argv[4], NULL, 10));
    if (strcmp(argv[1], "flood") == 0)
        return flood(argv[4]);
    if (strcmp(argv[1], "unread") == 0)
        return unread((unsigned)strtoul(argv[4], NULL, 10));
    return watch((pid_t)strtol(argv[4], NULL, 10));
}
