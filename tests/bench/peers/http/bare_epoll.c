/* SPDX-License-Identifier: MIT */

/*
 * bare_epoll.c - HTTP as nothing but system calls: epoll_wait, and for each
 * descriptor one recv and one send. Level-triggered, one thread. It is what the
 * servers are measured against.
 *
 *     bare_epoll ADDRESS PORT [FILE...]
 *
 * On PORT it keeps connections; on PORT + 1 it closes each after its answer; on
 * PORT + 2 it answers each request WAIT_NS after it came. As all wait for the
 * same time, who came first is due first, and a queue is all there is to keep.
 *
 * On PORT + 3 it answers with a file, which sendfile(2) puts behind a head: the
 * one whose name begins as the request's path does. It is told by edge when
 * there is room for more.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <time.h>

#include "tests/bench/peers/http/loop.h"

#define EVENTS 256
#define WAIT_NS INT64_C(10000000)

#define FILES 8
/* Of one call, as in the server. */
#define SENDFILE_MOST ((size_t)2 << 20)

enum port { KEEP, CLOSE, WAIT, FILE_PORT, PORTS };

static struct loop_rest rests[LOOP_FDS];
static enum port port_of[LOOP_FDS];
static char in[LOOP_IN], out[LOOP_OUT];

/* Answers that wait: a ring, the first is due first. A connection has one at a
 * time. */
static struct answer {
    int64_t at;
    int fd; /* -1: it is gone */
    size_t n;
    char text[256];
} answers[LOOP_FDS];
static unsigned first, end, answer_of[LOOP_FDS];

static struct file {
    char first; /* of its name */
    int fd;
    off_t size;
    char head[512];
    size_t head_n;
} files[FILES];
static size_t files_n;

/* What is under way on PORT + 3. */
static struct {
    const struct file *file; /* NULL: nothing is */
    off_t at;
} sending[LOOP_FDS];

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void watch(int loop, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    loop_need(fd >= 0 && fd < LOOP_FDS, "descriptor");
    if (port_of[fd] == FILE_PORT)
        e.events = EPOLLIN | EPOLLOUT | EPOLLET;
    loop_need(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void drop(int fd)
{
    loop_keep(&rests[fd], NULL, 0);
    if (answers[answer_of[fd]].fd == fd)
        answers[answer_of[fd]].fd = -1;
    close(fd); /* and so out of the epoll */
}

static void send_all(int fd, const char *p, size_t n)
{
    if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        drop(fd);
}

/* What is in `out`, later. */
static void put_off(int fd, size_t n)
{
    struct answer *a = &answers[end % LOOP_FDS];

    loop_need(n <= sizeof a->text && end - first < LOOP_FDS, "an answer");
    answer_of[fd] = end++ % LOOP_FDS;
    a->at = now() + WAIT_NS;
    a->fd = fd;
    a->n = n;
    memcpy(a->text, out, n);
}

/* Send what is due. How long epoll_wait may wait, ms. */
static int send_due(void)
{
    int64_t t;

    if (first == end)
        return -1;
    for (t = now(); first != end; first++) {
        struct answer *a = &answers[first % LOOP_FDS];

        if (a->at > t)
            return (int)((a->at - t + 999999) / 1000000);
        if (a->fd >= 0)
            send_all(a->fd, a->text, a->n);
        a->fd = -1;
    }
    return -1;
}

/* All that has come, answered in one send. */
static void serve(int fd)
{
    struct loop_rest *rest = &rests[fd];
    size_t before = rest->n, used, made, all;
    ssize_t n;

    if (before)
        memcpy(in, rest->p, before);
    n = recv(fd, in + before, sizeof in - before, 0);
    if (n <= 0) {
        drop(fd);
        return;
    }
    all = before + (size_t)n;
    made = loop_answer(in, all, port_of[fd] == CLOSE, out, &used);
    if (made && port_of[fd] == WAIT) {
        put_off(fd, made);
    } else if (made && send(fd, out, made, MSG_NOSIGNAL) != (ssize_t)made) {
        drop(fd);
        return;
    }
    if (made && port_of[fd] == CLOSE)
        drop(fd);
    else if (before || used < all)
        loop_keep(rest, in + used, all - used);
}

static void open_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct file *f = &files[files_n++];

    loop_need(files_n <= FILES, "too many files");
    f->first = slash ? slash[1] : path[0];
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    loop_need(f->fd >= 0, path);
    f->size = lseek(f->fd, 0, SEEK_END);
    f->head_n = (size_t)snprintf(
        f->head, sizeof f->head,
        LOOP_HEAD "Content-Type: text/plain\r\nAccept-Ranges: bytes\r\n"
                  "ETag: \"6a3f1c00-10000\"\r\n"
                  "Last-Modified: Sun, 01 Nov 2026 12:00:00 GMT\r\n"
                  "Content-Length: %jd\r\n\r\n",
        (intmax_t)f->size);
}

/* A request is one recv here: wrk's are. False: the connection is gone. */
static bool take_request(int fd)
{
    ssize_t n = recv(fd, in, sizeof in, 0);

    if (n < 0)
        return errno == EAGAIN;
    for (size_t i = 0; n > 5 && i < files_n; i++) {
        const struct file *f = &files[i];

        if (f->first != in[5]) /* behind "GET /" */
            continue;
        sending[fd].file = f;
        sending[fd].at = 0;
        return send(fd, f->head, f->head_n, MSG_NOSIGNAL | MSG_MORE) ==
               (ssize_t)f->head_n;
    }
    return false;
}

static void serve_file(int fd)
{
    const struct file *f;

    if (!sending[fd].file && !take_request(fd)) {
        drop(fd);
        return;
    }
    while ((f = sending[fd].file)) {
        ssize_t n = sendfile(fd, f->fd, &sending[fd].at, SENDFILE_MOST);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop(fd);
            return;
        }
        if (sending[fd].at == f->size)
            sending[fd].file = NULL;
    }
}

/* Which of the ports, or PORTS: a connection. */
static enum port listens(const int *listeners, int fd)
{
    enum port p = KEEP;

    while (p < PORTS && listeners[p] != fd)
        p++;
    return p;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    int listeners[PORTS], loop = epoll_create1(EPOLL_CLOEXEC);

    loop_need(argc >= 3 && loop >= 0,
              "usage: bare_epoll ADDRESS PORT [FILE...]");
    signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
    for (int i = 3; i < argc; i++)
        open_file(argv[i]);
    for (int p = 0; p < PORTS; p++) {
        listeners[p] = loop_listen(argv[1], (int)strtol(argv[2], NULL, 10) + p);
        watch(loop, listeners[p]);
    }
    for (;;) {
        int n = epoll_wait(loop, events, EVENTS, send_due());

        loop_need(n >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd, got;
            enum port p = listens(listeners, fd);

            if (p == PORTS) {
                if (port_of[fd] == FILE_PORT)
                    serve_file(fd);
                else
                    serve(fd);
                continue;
            }
            got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (got < 0)
                continue;
            loop_need(got < LOOP_FDS, "descriptor");
            port_of[got] = p;
            answer_of[got] = 0;
            sending[got].file = NULL;
            watch(loop, got);
        }
    }
}
