/* SPDX-License-Identifier: MIT */

/*
 * test_faults.c - handlers, clients and machines that misbehave: the server
 * stands afterwards, and nobody suffers who had no part in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "tests/apps/client.h"
#include "tests/test.h"

#define WHO "load = '@APPS@/who.so'\nroute '/who' { app = who }\n"

/* The pid of the worker that answers on fd; 0: the connection has ended. */
static pid_t who(int fd)
{
    struct client_answer a;

    if (!client_ask(fd, "/who") || !client_answer(fd, &a) || a.status != 200)
        return 0;
    return (pid_t)strtol(a.body, NULL, 10);
}

/* n connections; who serves each. */
struct crowd {
    size_t n;
    int fds[64];
    pid_t served_by[64];
};

/* At least one connection at each of both workers. */
static bool crowd_gather(const struct site *s, struct crowd *c)
{
    size_t at_first = 0;

    c->n = 0;
    while (c->n < MR_ARRAY_LEN(c->fds) &&
           (c->n < 16 || at_first == 0 || at_first == c->n)) {
        c->fds[c->n] = client_dial(s);
        c->served_by[c->n] = who(c->fds[c->n]);
        if (c->served_by[c->n] == 0)
            return false;
        at_first += c->served_by[c->n] == site_worker(s, 0);
        c->n++;
    }
    return at_first > 0 && at_first < c->n;
}

/* All connections but those of `dead` go on as if nothing had been. */
static void crowd_check(const struct crowd *c, pid_t dead)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->served_by[i] != dead)
            CHECK_EQ_INT(who(c->fds[i]), c->served_by[i]);
        else
            CHECK_OK(client_ended(c->fds[i]));
    }
}

static void crowd_close(struct crowd *c)
{
    for (size_t i = 0; i < c->n; i++)
        close(c->fds[i]);
}

/* There is a worker 0 again, another process, and it serves. */
static void check_back(const struct site *s, pid_t dead)
{
    CHECK_OK(UNTIL(site_log_has(s, "worker 0 is ready again")));
    CHECK_OK(site_worker(s, 0) != dead);
    CHECK_EQ_INT(mr_scoreboard_get(&site_row(s, 0)->generation), 2);
}

/* --- kill -9 --- */

/*
 * Worker 0 is stopped, so that clients queue at its socket; then it is killed.
 * Its successor serves them; the other's connections see nothing.
 */
TEST(killed_worker)
{
    struct site s = {0};
    struct crowd c;
    pid_t dead;
    int queued[32];

    OK(site_start(&s, "workers = 2\n" WHO));
    OK(crowd_gather(&s, &c));
    dead = site_worker(&s, 0);
    kill(dead, SIGSTOP);
    for (size_t i = 0; i < MR_ARRAY_LEN(queued); i++) {
        queued[i] = client_dial(&s);
        OK(client_ask(queued[i], "/who"));
    }
    kill(dead, SIGKILL);
    for (size_t i = 0; i < MR_ARRAY_LEN(queued); i++) {
        struct client_answer a;

        CASE("queued client %zu", i);
        OK(client_answer(queued[i], &a));
        EQ_INT(a.status, 200);
        OK(strtol(a.body, NULL, 10) != dead);
        close(queued[i]);
    }
    check_back(&s, dead);
    crowd_check(&c, dead);
    crowd_close(&c);
    OK(site_log_has(&s, "killed by SIGKILL"));
    EQ_INT(site_stop(&s), 0);
}

/* Ask until `stop` has an end; how often no answer came. */
static int ask_on(const struct site *s, int stop)
{
    int lost = 0, asked = 0, fd = -1;
    struct pollfd p = {.fd = stop, .events = POLLIN};

    while (poll(&p, 1, 0) == 0) {
        if (fd == -1)
            fd = client_dial(s);
        if (fd != -1 && who(fd) > 0) {
            asked++;
            continue;
        }
        lost++;
        if (fd != -1)
            close(fd);
        fd = -1;
    }
    return asked > 0 ? lost : 100;
}

/* Clients that never stop asking, in a process each, while a worker is killed
 * again and again: each loses at most the one request that it had there. */
TEST(killed_under_load)
{
    enum { CLIENTS = 8, KILLS = 3 };
    pid_t clients[CLIENTS], dead;
    struct site s = {0};
    int stop[2], status;
    uint64_t asked;

    OK(site_start(&s, "workers = 2\n" WHO));
    EQ_INT(pipe2(stop, O_CLOEXEC), 0);
    fflush(NULL);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0) {
            close(stop[1]);
            _exit(ask_on(&s, stop[0]));
        }
    }
    for (int i = 0; i < KILLS; i++) {
        CASE("kill %d", i);
        asked = mr_scoreboard_get(&site_row(&s, 0)->requests);
        OK(UNTIL(mr_scoreboard_get(&site_row(&s, 1)->requests) > 0));
        dead = site_worker(&s, 0);
        kill(dead, SIGKILL);
        OK(UNTIL(mr_scoreboard_get(&site_row(&s, 0)->generation) ==
                     (uint64_t)i + 2 &&
                 mr_scoreboard_get(&site_row(&s, 0)->state) ==
                     MR_SCORE_RUNNING));
        OK(mr_scoreboard_get(&site_row(&s, 0)->requests) >= asked);
        EQ_INT(mr_scoreboard_get(&site_row(&s, 1)->generation), 1);
    }
    close(stop[1]); /* its end is readable: they stop */
    for (int i = 0; i < CLIENTS; i++) {
        CASE("client %d", i);
        EQ_INT(waitpid(clients[i], &status, 0), clients[i]);
        OK(WIFEXITED(status));
        OK(WEXITSTATUS(status) <= KILLS);
    }
    EQ_INT(site_stop(&s), 0);
}

/* --- handlers --- */

/* A handler that takes its worker along: only that worker goes, and the log
 * has these words. */
static void check_crash(const char *conf, const char *target,
                        const char *const *words)
{
    struct site s = {0};
    struct crowd c;
    pid_t dead = 0;
    int fd;

    OK(site_start(&s, conf));
    OK(crowd_gather(&s, &c));
    /* At worker 0, whose successor check_back looks for. */
    do {
        fd = client_dial(&s);
        dead = who(fd);
    } while (dead != site_worker(&s, 0));
    OK(client_ask(fd, target));
    OK(client_ended(fd));
    close(fd);
    check_back(&s, dead);
    for (; *words; words++) {
        CASE("%s", *words);
        OK(site_log_has(&s, *words));
    }
    CASE("the others");
    crowd_check(&c, dead);
    crowd_close(&c);
    EQ_INT(site_stop(&s), 0);
}

TEST(stack_overflow)
{
    static const char *const words[] = {"stack overflow: coroutine 'overflow'",
                                        "stack_size", "killed by SIGABRT",
                                        NULL};

    check_crash("workers = 2\nload = '@APPS@/overflow.so'\n" WHO
                "route '/overflow' { app = overflow }\n",
                "/overflow", words);
}

/* ThreadSanitizer holds a signal back until the next system call, and a loop
 * has none: there it cannot be asked where it is. */
#ifdef __SANITIZE_THREAD__
#    define SPIN_REPORT NULL
#else
#    define SPIN_REPORT "the thread is held by coroutine 'spin'", "spin.so"
#endif

TEST(endless_loop)
{
    static const char *const words[] = {"has not come back for",
                                        "killed by SIGKILL", SPIN_REPORT, NULL};

    check_crash("workers = 2\nhang_timeout = 1s\n"
                "load = '@APPS@/spin.so'\n" WHO
                "route '/spin' { app = spin }\n",
                "/spin", words);
}

TEST(failing_handler)
{
    struct client_answer a;
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nload = '@APPS@/fail.so'\n" WHO
                      "route '/fail' { app = fail }\n"));
    fd = client_dial(&s);
    OK(client_ask(fd, "/fail"));
    OK(client_answer(fd, &a));
    EQ_INT(a.status, 500);
    OK(client_ended(fd));
    close(fd);
    OK(UNTIL(site_log_has(&s, "app fail: GET /fail: ")));
    /* In the middle of its answer: the connection is cut, so that half an
     * answer is not taken for a whole one. */
    fd = client_dial(&s);
    OK(client_ask(fd, "/fail?late"));
    OK(!client_answer(fd, &a));
    EQ_INT(a.status, 200);
    close(fd);
    OK(UNTIL(site_log_has(&s, "app fail: GET /fail?late: ")));
    fd = client_dial(&s);
    EQ_INT(who(fd), site_worker(&s, 0));
    close(fd);
    EQ_INT(mr_scoreboard_get(&site_row(&s, 0)->generation), 1);
    EQ_INT(site_stop(&s), 0);
}

/* --- clients --- */

static const char *const halves[] = {
    "",
    "G",
    "GET /who HTTP/1.1\r\nHost",
    "GET /who HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /slow HTTP/1.1\r\nHost: t\r\n\r\nGET /slow HTTP/1.1\r\n",
    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf",
    "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    ("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
     "Content-Length: 10\r\n\r\n"),
};

/* Clients that vanish, with a reset or an end, at every point of a request. */
TEST(vanishing_clients)
{
    const struct mr_score_row *row;
    struct site s = {0};
    int fd;

    OK(site_start(&s, "workers = 1\nload = '@APPS@/patient.so'\n" WHO
                      "route '/slow' { app = patient }\n"
                      "route '/echo' { app = echo }\n"));
    row = site_row(&s, 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(halves) * 2; i++) {
        const char *half = halves[i / 2];
        uint64_t before = mr_scoreboard_get(&row->bytes_in);

        CASE("%s: %s", i % 2 ? "end" : "reset", half);
        fd = client_dial(&s);
        OK(client_send(fd, half));
        OK(UNTIL(mr_scoreboard_get(&row->bytes_in) >= before + strlen(half)));
        if (i % 2)
            close(fd);
        else
            client_reset(fd);
        OK(UNTIL(mr_scoreboard_get(&row->connections) == 0));
        EQ_INT(mr_scoreboard_get(&row->in_flight), 0);
    }
    OK(site_log_has(&s, "patient: the client is gone"));
    OK(!site_log_has(&s, "patient: the client is there"));
    fd = client_dial(&s);
    EQ_INT(who(fd), site_worker(&s, 0));
    close(fd);
    EQ_INT(mr_scoreboard_get(&row->generation), 1);
    EQ_INT(site_stop(&s), 0);
}

/* --- too many --- */

/* A connect that is under way; the kernel goes on with it. */
static int dial_later(const struct site *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(SITE_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, s->host, &at.sin_addr);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == -1 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/*
 * The queue of the listener is full, and clients wait for a place in it. When
 * the worker goes on, all of them are served in the end: the kernel of a client
 * that found no place asks again, a second later and twice as long each time.
 */
TEST(full_accept_queue)
{
    struct pollfd p[32];
    struct client_answer a;
    struct site s = {0};
    size_t waiting = 0;

    OK(site_start(&s,
                  "workers = 1\nlisten '@HOST@:8080' { backlog = 4 }\n" WHO));
    kill(site_worker(&s, 0), SIGSTOP);
    for (size_t i = 0; i < MR_ARRAY_LEN(p); i++) {
        p[i] = (struct pollfd){.fd = dial_later(&s), .events = POLLOUT};
        OK(p[i].fd != -1);
    }
    poll(p, MR_ARRAY_LEN(p), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(p); i++)
        waiting += p[i].revents == 0;
    OK(waiting > 0);
    kill(site_worker(&s, 0), SIGCONT);
    for (size_t i = 0; i < MR_ARRAY_LEN(p); i++) {
        CASE("client %zu", i);
        EQ_INT(poll(&p[i], 1, 30000), 1);
        EQ_INT(fcntl(p[i].fd, F_SETFL, 0), 0);
        OK(client_ask(p[i].fd, "/who"));
        OK(client_answer(p[i].fd, &a));
        EQ_INT(a.status, 200);
        close(p[i].fd);
    }
    EQ_INT(site_stop(&s), 0);
}

/* No free descriptor: some are served, some are turned away, none is left
 * hanging; when descriptors are free again so is the server. */
TEST(no_descriptors)
{
    enum { CLIENTS = 100 };
    struct site s = {.files = 48};
    size_t served = 0, refused = 0;
    int fds[CLIENTS], fd;
    pid_t worker;

    OK(site_start(&s, "workers = 1\n" WHO));
    worker = site_worker(&s, 0);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_dial(&s);
        OK(fds[i] != -1);
    }
    OK(UNTIL(site_log_has(&s, "cannot accept: ")));
    for (int i = 0; i < CLIENTS; i++) {
        CASE("client %d", i);
        if (who(fds[i]) == worker) {
            served++;
        } else {
            OK(client_ended(fds[i]));
            refused++;
        }
        close(fds[i]); /* and so there is room for another */
    }
    OK(served > 16);
    OK(refused > 0);
    OK(UNTIL(mr_scoreboard_get(&site_row(&s, 0)->connections) == 0));
    fd = client_dial(&s);
    EQ_INT(who(fd), worker);
    close(fd);
    EQ_INT(site_stop(&s), 0);
}

SUITE("killed", killed_worker, killed_under_load)
SUITE("handlers", stack_overflow, endless_loop, failing_handler)
SUITE("clients", vanishing_clients, full_accept_queue, no_descriptors)
TEST_MAIN()
