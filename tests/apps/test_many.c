/* SPDX-License-Identifier: MIT */

/*
 * test_many.c - many at once on one worker, which is one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/apps/client.h"
#include "tests/test.h"

/* Descriptors that client and server need besides the connections. */
#define SPARE 64

/* As many as asked for, and as descriptors can be had for: each connection
 * takes one here and one in the server. */
static size_t as_many_as(long wanted)
{
    struct rlimit files;
    size_t n = (size_t)TEST_SCALE(wanted);

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < n + SPARE) {
        printf("only %ju descriptors\n", (uintmax_t)files.rlim_cur);
        n = files.rlim_cur - SPARE;
    }
    return n;
}

/* n connections; NULL (a failed check) when one cannot be had. */
static int *dial_all(const struct site *s, size_t n)
{
    int *fds = calloc(n, sizeof *fds);

    for (size_t i = 0; fds && i < n; i++) {
        fds[i] = client_dial(s);
        if (!CHECK_OK(fds[i] != -1))
            return NULL;
    }
    return fds;
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    free(fds);
}

/* One request on each; then whether they are all in their handlers at once.
 * Not when the machine is too slow to send them before the first one wakes. */
static bool all_in_flight(const struct site *s, const int *fds, size_t n)
{
    const uint64_t *gauge = &site_row(s, 0)->in_flight;
    uint64_t now, most = 0;
    struct client_answer a;

    for (size_t i = 0; i < n; i++)
        CHECK_OK(client_ask(fds[i], "/"));
    do {
        now = mr_scoreboard_get(gauge);
        most = MR_MAX(most, now);
    } while (now >= most && now < n && !client_is_readable(fds[0]));
    if (!site_is_instrumented())
        CHECK_EQ_INT(site_proc_count(site_worker(s, 0), "task"), 1);
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(client_answer(fds[i], &a));
        CHECK_EQ_INT(a.status, 200);
    }
    return most == n;
}

/* 1,000 handlers sleep 100 ms at the same time, on one thread. */
TEST(thousand_in_flight)
{
    size_t n = as_many_as(1000), rounds = 1;
    const struct mr_score_row *row;
    struct site s = {0};
    int *fds;

    OK(site_start(&s, "workers = 1\nwatchdog = off\n"
                      "route '/' { app = hello  delay = 100ms }\n"));
    row = site_row(&s, 0);
    fds = dial_all(&s, n);
    OK(fds);
    while (rounds < 50 && !all_in_flight(&s, fds, n))
        rounds++;
    printf("%zu in flight at once, in round %zu\n", n, rounds);
    OK(rounds < 50);
    OK(UNTIL(mr_scoreboard_get(&row->in_flight) == 0));
    EQ_INT(mr_scoreboard_get(&row->requests), n * rounds);
    close_all(fds, n);
    EQ_INT(site_stop(&s), 0);
}

static int64_t pss(const struct site *s)
{
    return site_proc_bytes(site_worker(s, 0), "smaps_rollup", "Pss");
}

/* A connection at rest has no stack and no buffer. */
TEST(idle_connections_are_small)
{
    size_t n = as_many_as(10000);
    struct client_answer a;
    struct site s = {0};
    int64_t before, after;
    int *fds;

    OK(site_start(&s, "workers = 1\nroute '/' { app = hello }\n"));
    OK(client_get(&s, "/", &a)); /* what the first request needs stays */
    before = pss(&s);
    fds = dial_all(&s, n);
    OK(fds);
    for (size_t i = 0; i < n; i++) {
        OK(client_ask(fds[i], "/"));
        OK(client_answer(fds[i], &a));
        EQ_INT(a.status, 200);
    }
    OK(UNTIL(mr_scoreboard_get(&site_row(&s, 0)->connections) == n));
    after = pss(&s);
    printf("%zu connections: %jd bytes each\n", n,
           (intmax_t)((after - before) / (int64_t)n));
    OK(before > 0 && after > 0);
    if (!site_is_instrumented())
        OK((after - before) / (int64_t)n <= 700);
    close_all(fds, n);
    EQ_INT(site_stop(&s), 0);
}

/* Pipelined requests are answered in order, each once. */
TEST(pipelined_in_order)
{
    static char requests[100 * 64];
    struct client_answer a;
    struct site s = {0};
    char want[64];
    size_t n = 0;
    int fd;

    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(requests + n, sizeof requests - n,
                              "GET /?name=%d HTTP/1.1\r\nHost: t\r\n\r\n", i);
    OK(site_start(&s, "workers = 1\nroute '/' { app = hello }\n"));
    fd = client_dial(&s);
    OK(client_send(fd, requests));
    for (int i = 0; i < 100; i++) {
        OK(client_answer(fd, &a));
        snprintf(want, sizeof want, "hello, %d\n", i);
        EQ_STR(a.body, want);
    }
    OK(!client_is_readable(fd));
    close(fd);
    EQ_INT(site_stop(&s), 0);
}

SUITE("many", thousand_in_flight, idle_connections_are_small,
      pipelined_in_order)
TEST_MAIN()
