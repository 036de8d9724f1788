/* SPDX-License-Identifier: MIT */

/* test_echo_udp.c - datagrams through the real server: listen "udp ADDR". */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base.h"
#include "tests/apps/site.h"
#include "tests/test.h"

static const char conf[] = "workers = 2\n"
                           "listen 'udp @HOST@:8080' { app = echo }\n"
                           "listen '@HOST@:8080' {}\n"
                           "route '/' { app = echo }\n";

/* A connected socket that waits 30 s at most, bound to `port` first unless 0;
 * or -1. */
static int dial(const struct site *s, int port)
{
    const struct timeval t = {30, 0};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((in_port_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    inet_pton(AF_INET, s->host, &a.sin_addr);
    if (port && bind(fd, (const void *)&a, sizeof a) == -1) {
        close(fd);
        return -1;
    }
    a.sin_port = htons(SITE_PORT);
    if (connect(fd, (const void *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static void ping(int fd, size_t n)
{
    static char out[65507], back[65507];

    memset(out, (int)('a' + n % 26), n);
    EQ_INT(send(fd, out, n, 0), n);
    EQ_INT(recv(fd, back, sizeof back, 0), n);
    EQ_MEM(back, n, out, n);
}

/* Each client is served by the worker that its address hashes to. */
TEST(echoes)
{
    static const size_t sizes[] = {1, 0, 1472, 9000, 65507};
    struct site s = {0};

    OK(site_start(&s, conf));
    for (size_t i = 0; i < 4 * MR_ARRAY_LEN(sizes); i++) {
        size_t n = sizes[i % MR_ARRAY_LEN(sizes)];
        int fd = dial(&s, 0);

        CASE("client %zu, %zu bytes", i, n);
        OK(fd >= 0);
        ping(fd, n);
        close(fd);
    }
    OK(site_log_has(&s, "listening on udp 127."));
    OK(site_log_has(&s, "listening on http://127."));
    EQ_INT(site_stop(&s), 0);
}

/* Services that answer everything live on low ports: no echo to those. */
TEST(no_answer_to_low_ports)
{
    struct site s = {0};
    char c = 0;
    int fd, low;

    OK(site_start(&s, conf));
    low = dial(&s, 1023);
    if (low < 0) {
        EQ_INT(site_stop(&s), 0);
        SKIP("no right to bind port 1023");
    }
    fd = dial(&s, 0);
    for (int i = 0; i < 8; i++) /* both workers */
        EQ_INT(send(low, "x", 1, 0), 1);
    ping(fd, 3);
    EQ_INT(site_stop(&s), 0); /* all that was received has been dealt with */
    EQ_INT(recv(low, &c, 1, MSG_DONTWAIT), -1);
    close(low);
    close(fd);
}

/* An address that a stranger has ends the start, by name. */
TEST(address_in_use)
{
    const char *argv[] = {"-c", "@DIR@/conf", NULL};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(SITE_PORT)};
    struct site s = {0};
    char out[4096];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    OK(site_init(&s));
    inet_pton(AF_INET, s.host, &a.sin_addr);
    EQ_INT(bind(fd, (const void *)&a, sizeof a), 0);
    OK(site_write(&s, "conf", conf));
    EQ_INT(site_run(&s, argv, out, sizeof out), 1);
    CASE("%s", out);
    OK(strstr(out, "conf:2") != NULL);
    OK(strstr(out, "in use") != NULL);
    close(fd);
    site_remove(&s);
}

/* A worker that died is replaced; its socket, and what came meanwhile, is its
 * successor's. */
TEST(worker_replaced)
{
    struct site s = {0};
    pid_t old;
    int fd;

    OK(site_start(&s, "workers = 1\n"
                      "listen 'udp @HOST@:8080' { app = echo }\n"));
    fd = dial(&s, 0);
    OK(fd >= 0);
    ping(fd, 10);
    old = site_worker(&s, 0);
    EQ_INT(kill(old, SIGKILL), 0);
    ping(fd, 20);
    OK(site_worker(&s, 0) != old);
    EQ_INT(site_stop(&s), 0);
    close(fd);
}

SUITE("echo by datagrams", echoes, no_answer_to_low_ports, address_in_use,
      worker_replaced)
TEST_MAIN()
