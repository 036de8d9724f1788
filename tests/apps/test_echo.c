/* SPDX-License-Identifier: MIT */

/*
 * test_echo.c - the same bytes come back, of any size, in little memory.
 *
 * The whole gigabyte that is promised goes through curl in tests/e2e/.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/apps/client.h"
#include "tests/test.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)

static const uint64_t sizes[] = {
    0,        1,        2,       255,          4096,     16 * KIB - 1,
    16 * KIB, 64 * KIB, 1 * MIB, 1 * MIB + 17, 10 * MIB,
};

static const char route[] = "workers = 1\nroute '/echo' { app = echo }\n";

static void post(const struct site *s, uint64_t n, bool chunked)
{
    char head[256];
    int fd = client_dial(s);

    if (chunked)
        snprintf(head, sizeof head,
                 "POST /echo HTTP/1.1\r\nHost: t\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n");
    else
        snprintf(head, sizeof head,
                 "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %ju\r\n"
                 "\r\n",
                 (uintmax_t)n);
    CHECK_OK(fd != -1 && client_pump(fd, head, n, chunked));
    close(fd);
}

TEST(with_a_length)
{
    struct site s = {0};

    OK(site_start(&s, route));
    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++) {
        CASE("%ju bytes", (uintmax_t)sizes[i]);
        post(&s, sizes[i], false);
    }
    EQ_INT(site_stop(&s), 0);
}

TEST(in_chunks)
{
    struct site s = {0};

    OK(site_start(&s, route));
    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++) {
        CASE("%ju bytes", (uintmax_t)sizes[i]);
        post(&s, sizes[i], true);
    }
    EQ_INT(site_stop(&s), 0);
}

/* However much goes through, little is held. */
TEST(large_in_little_memory)
{
    uint64_t n = (uint64_t)TEST_SCALE(256) * MIB;
    struct site s = {0};
    int64_t most;

    OK(site_start(&s, route));
    post(&s, n, false);
    post(&s, n / 4, true);
    most = site_proc_bytes(site_worker(&s, 0), "status", "VmHWM");
    OK(most > 0);
    if (!site_is_instrumented())
        OK(most < (int64_t)(32 * MIB));
    EQ_INT(site_stop(&s), 0);
}

/* A client that sends all before it reads anything: nothing piles up in the
 * server, the sender is held back. */
TEST(slow_reader)
{
    char piece[32 * 1024];
    struct site s = {0};
    int64_t most;
    ssize_t n;
    int fd;

    memset(piece, 'x', sizeof piece);
    OK(site_start(&s, route));
    fd = client_dial(&s);
    OK(client_send(fd, "POST /echo HTTP/1.1\r\nHost: t\r\n"
                       "Content-Length: 1000000000\r\n\r\n"));
    /* Until the kernel's buffers are full both ways and the server waits. */
    while ((n = client_write_some(fd, piece, sizeof piece)) > 0)
        ;
    EQ_INT(n, 0);
    most = site_proc_bytes(site_worker(&s, 0), "status", "VmHWM");
    if (!site_is_instrumented())
        OK(most < (int64_t)(32 * MIB));
    client_reset(fd);
    EQ_INT(site_stop(&s), 0);
}

/* The hub without HTTP. */
TEST(plain_tcp)
{
    struct site s = {0};
    int fd;

    OK(site_start(&s,
                  "workers = 1\nlisten 'tcp @HOST@:8080' { app = echo }\n"));
    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++) {
        CASE("%ju bytes", (uintmax_t)sizes[i]);
        fd = client_dial(&s);
        OK(client_pump(fd, NULL, sizes[i], false));
        EQ_INT(client_shut(fd), 0);
        OK(client_ended(fd));
        close(fd);
    }
    EQ_INT(site_stop(&s), 0);
}

SUITE("echo", with_a_length, in_chunks, large_in_little_memory, slow_reader)
SUITE("plain", plain_tcp)
TEST_MAIN()
