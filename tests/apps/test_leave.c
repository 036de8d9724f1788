/* SPDX-License-Identifier: MIT */

/*
 * test_leave.c - signals: leaving in good order, now, and the logs.
 *
 * A request is kept running by keeping back the end of its body, so that
 * nothing depends on how long something takes.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/apps/client.h"
#include "tests/test.h"

static const char conf[] = "workers = 2\n"
                           "access_log = '@DIR@/access'\n"
                           "route '/' { app = echo }\n";

static uint64_t in_flight(const struct site *s)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < mr_scoreboard_rows(s->board); i++)
        n += mr_scoreboard_get(&site_row(s, i)->in_flight);
    return n;
}

/* n requests that are in their handlers, with 1 byte to come. */
static void begin(const struct site *s, int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = client_dial(s);
        CHECK_OK(client_send(fds[i], "POST / HTTP/1.1\r\nHost: t\r\n"
                                     "Content-Length: 5\r\n\r\nhell"));
    }
    CHECK_OK(UNTIL(in_flight(s) == n));
}

static void finish(int *fds, size_t n)
{
    struct client_answer a;

    for (size_t i = 0; i < n; i++)
        CHECK_OK(client_send(fds[i], "o"));
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(client_answer(fds[i], &a));
        CHECK_EQ_INT(a.status, 200);
        CHECK_EQ_STR(a.body, "hello");
    }
}

/* Every request that runs is finished; nobody new is let in; status 0. */
static uint64_t row_state(const struct site *s, unsigned i)
{
    return mr_scoreboard_get(&site_row(s, i)->state);
}

static void drain_by(int sig, const char *name)
{
    struct site s = {0};
    char words[32];
    int fds[8], resting;
    struct client_answer a;

    OK(site_start(&s, conf));
    resting = client_dial(&s);
    OK(client_ask(resting, "/"));
    OK(client_answer(resting, &a));
    OK(!a.close);
    begin(&s, fds, MR_ARRAY_LEN(fds));
    kill(s.pid, sig);
    snprintf(words, sizeof words, "got %s", name);
    OK(UNTIL(site_log_has(&s, words)));
    /* A worker that got no connection is gone already. */
    for (unsigned i = 0; i < 2; i++)
        OK(UNTIL(row_state(&s, i) == MR_SCORE_DRAINING ||
                 row_state(&s, i) == MR_SCORE_EMPTY));
    /* A connection at rest may ask once more, and is told that it ends. */
    OK(client_ask(resting, "/"));
    OK(client_answer(resting, &a));
    EQ_INT(a.status, 200);
    OK(a.close);
    OK(client_ended(resting));
    close(resting);
    finish(fds, MR_ARRAY_LEN(fds));
    for (size_t i = 0; i < MR_ARRAY_LEN(fds); i++)
        OK(client_ended(fds[i]));
    EQ_INT(site_wait(&s), 0);
    EQ_INT(client_dial(&s), -1);
    site_remove(&s);
}

TEST(sigterm_finishes_requests)
{
    drain_by(SIGTERM, "SIGTERM");
}

TEST(sigint_finishes_requests)
{
    drain_by(SIGINT, "SIGINT");
}

/* A second signal: now, although requests run. */
TEST(second_signal_is_now)
{
    struct site s = {0};
    pid_t workers[2];
    int fds[4];

    OK(site_start(&s, conf));
    for (unsigned i = 0; i < 2; i++)
        workers[i] = site_worker(&s, i);
    begin(&s, fds, MR_ARRAY_LEN(fds));
    kill(s.pid, SIGTERM);
    OK(UNTIL(site_log_has(&s, "got SIGTERM")));
    kill(s.pid, SIGINT);
    EQ_INT(site_wait(&s), 0);
    for (unsigned i = 0; i < 2; i++)
        EQ_INT(kill(workers[i], 0), -1);
    for (size_t i = 0; i < MR_ARRAY_LEN(fds); i++)
        OK(client_ended(fds[i]));
    site_remove(&s);
}

TEST(sigquit_is_now)
{
    struct site s = {0};
    int fds[4];

    OK(site_start(&s, conf));
    begin(&s, fds, MR_ARRAY_LEN(fds));
    kill(s.pid, SIGQUIT);
    EQ_INT(site_wait(&s), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(fds); i++)
        OK(client_ended(fds[i]));
    site_remove(&s);
}

/* A request that never ends is cut off when the grace is over: status 1. */
TEST(grace_ends)
{
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nshutdown_timeout = 300ms\n"
                      "route '/' { app = echo }\n"));
    begin(&s, &fd, 1);
    kill(s.pid, SIGTERM);
    OK(client_ended(fd));
    OK(site_wait(&s) >= 0);
    site_remove(&s);
}

/* --- the logs --- */

static void move_away(const struct site *s, const char *name)
{
    char from[128], to[136];

    snprintf(from, sizeof from, "%s/%s", s->dir, name);
    snprintf(to, sizeof to, "%s.1", from);
    CHECK_EQ_INT(rename(from, to), 0);
}

static bool exists(const struct site *s, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    return access(path, F_OK) == 0;
}

/* After SIGUSR1 lines go to files of the old names, and none is lost. */
TEST(sigusr1_reopens_logs)
{
    struct client_answer a;
    struct site s = {0};

    OK(site_start(&s, "workers = 1\nlog = '@DIR@/log'\n"
                      "access_log = '@DIR@/access'\n"
                      "route '/' { app = echo }\n"));
    OK(client_get(&s, "/before", &a));
    OK(UNTIL(site_file_has(&s, "access", "GET /before ")));
    move_away(&s, "access");
    move_away(&s, "log");
    kill(s.pid, SIGUSR1);
    OK(UNTIL(exists(&s, "access") && exists(&s, "log")));
    OK(client_get(&s, "/after", &a));
    OK(UNTIL(site_file_has(&s, "access", "GET /after ")));
    OK(!site_file_has(&s, "access.1", "GET /after "));
    OK(!site_file_has(&s, "access", "GET /before "));
    kill(s.pid, SIGTERM);
    EQ_INT(site_wait(&s), 0);
    OK(site_file_has(&s, "log", "got SIGTERM"));
    OK(!site_file_has(&s, "log.1", "got SIGTERM"));
    site_remove(&s);
}

/* SIGUSR2: who is there, and what each waits for. */
TEST(sigusr2_lists_coroutines)
{
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nroute '/' { app = echo }\n"));
    begin(&s, &fd, 1);
    kill(s.pid, SIGUSR2);
    OK(UNTIL(site_log_has(&s, "hear_signals")));
    OK(UNTIL(site_log_has(&s, "echo")));
    finish(&fd, 1);
    EQ_INT(site_stop(&s), 0);
}

SUITE("leave", sigterm_finishes_requests, sigint_finishes_requests,
      second_signal_is_now, sigquit_is_now, grace_ends)
SUITE("logs", sigusr1_reopens_logs, sigusr2_lists_coroutines)
TEST_MAIN()
