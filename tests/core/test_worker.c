/* SPDX-License-Identifier: MIT */

/* test_worker.c - a worker and a stand-in for its master. */
#include "core/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/process.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/test.h"

static struct mr_scoreboard *board;
static struct mr_plan plan;
static int master; /* the other end of the channel */
static struct mr_worker worker;

static void setup(void)
{
    int pair[2];

    mr_plan_init(&plan);
    CHECK_EQ_INT(mr_scoreboard_new(1, &board), 0);
    CHECK_EQ_INT(
        mr_sys_socketpair(
            AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
        0);
    master = pair[0];
    worker = (struct mr_worker){
        .index = 0,
        .generation = 1,
        .channel = pair[1],
        .plan = &plan,
        .row = mr_scoreboard_row(board, 0),
    };
    mr_waitq_init(&worker.drain);
}

static void teardown(void)
{
    close(master);
    close(worker.channel);
    mr_scoreboard_free(board);
    mr_plan_fini(&plan);
}

/* --- messages --- */

TEST(messages)
{
    struct mr_worker_message m = {.kind = 77};
    char longest[3000];

    setup();
    EQ_INT(mr_worker_receive(master, &m), -EAGAIN);
    EQ_INT(m.kind, 77);
    EQ_INT(mr_worker_send(worker.channel, MR_WORKER_READY, NULL), 0);
    EQ_INT(mr_worker_send(worker.channel, 99, "x"), 0);
    EQ_INT(mr_worker_receive(master, &m), 1);
    EQ_INT(m.kind, MR_WORKER_READY);
    EQ_STR(m.text, "");
    EQ_INT(mr_worker_receive(master, &m), 1);
    EQ_INT(m.kind, 99);
    EQ_STR(m.text, "x");

    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    EQ_INT(mr_worker_send(worker.channel, 1, longest), 0);
    EQ_INT(mr_worker_receive(master, &m), 1);
    EQ_INT(strlen(m.text), sizeof m.text - 1);

    EQ_INT(send(worker.channel, "ab", 2, 0), 2); /* no message: skipped */
    EQ_INT(mr_worker_receive(master, &m), -EAGAIN);
    teardown();
}

TEST(the_other_end_is_gone)
{
    struct mr_worker_message m;

    setup();
    EQ_INT(mr_worker_send(master, MR_WORKER_DRAIN, NULL), 0);
    close(worker.channel); /* with a word unread */
    worker.channel = -1;
    EQ_INT(mr_worker_receive(master, &m), 0);
    EQ_INT(mr_worker_send(master, MR_WORKER_DRAIN, NULL), -EPIPE);
    teardown();
}

TEST(ready_and_fail)
{
    struct mr_worker_message m;

    setup();
    EQ_INT(mr_worker_ready(&worker), 0);
    EQ_INT(worker.row->state, MR_SCORE_RUNNING);
    EQ_INT(mr_worker_fail(&worker, "no %s: %d", "root", 5), -ECANCELED);
    EQ_INT(mr_worker_receive(master, &m), 1);
    EQ_INT(m.kind, MR_WORKER_READY);
    EQ_INT(mr_worker_receive(master, &m), 1);
    EQ_INT(m.kind, MR_WORKER_FAILED);
    EQ_STR(m.text, "no root: 5");
    close(master);
    master = -1;
    EQ_INT(mr_worker_ready(&worker), -EPIPE);
    teardown();
}

/* --- on a hub --- */

static int drains, reopens, renewals;

static void on_drain(struct mr_worker *w, void *arg)
{
    CHECK_EQ_PTR(w, &worker);
    CHECK_EQ_PTR(arg, &drains);
    CHECK_OK(w->draining);
    drains++;
}

static void on_reopen(struct mr_worker *w, void *arg)
{
    (void)w;
    (void)arg;
    reopens++;
}

static void on_renew(struct mr_worker *w, void *arg)
{
    CHECK_EQ_PTR(w, &worker);
    CHECK_EQ_PTR(arg, &drains);
    renewals++;
}

static const struct mr_worker_hooks hooks = {
    .on_drain = on_drain,
    .on_reopen = on_reopen,
    .on_renew = on_renew,
    .arg = &drains,
};

/* How the test asks for a drain; called when the worker waits for it. */
typedef void ask_fn(void);
static ask_fn *ask;

static void ask_by_message(void)
{
    CHECK_EQ_INT(mr_worker_send(master, 98, "not known"), 0);
    CHECK_EQ_INT(mr_worker_send(master, MR_WORKER_DRAIN, NULL), 0);
    CHECK_EQ_INT(mr_worker_send(master, MR_WORKER_DRAIN, NULL), 0);
}

static void ask_by_death(void)
{
    close(master);
    master = -1;
}

static void ask_by_term(void)
{
    kill(getpid(), SIGTERM);
}

static void ask_by_int(void)
{
    kill(getpid(), SIGINT);
}

static intptr_t live(void *arg)
{
    struct mr_worker *w = arg;

    CHECK_EQ_INT(mr_worker_attend(w, &hooks), 0);
    CHECK_EQ_INT(mr_worker_ready(w), 0);
    CHECK_EQ_INT(mr_worker_wait_drain(w, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(drains, 0);
    ask();
    CHECK_EQ_INT(mr_worker_wait_drain(w, MR_NEVER), 0);
    CHECK_EQ_INT(mr_worker_wait_drain(w, MR_NEVER), 0); /* again: at once */
    return 5;
}

TEST(drain)
{
    static const struct {
        const char *how;
        ask_fn *ask;
    } cases[] = {
        {"message", ask_by_message},
        {"the master's death", ask_by_death},
        {"SIGTERM", ask_by_term},
        {"SIGINT", ask_by_int},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        intptr_t rc = 0;

        CASE("%s", cases[i].how);
        setup();
        ask = cases[i].ask;
        drains = 0;
        EQ_INT(mr_worker_run(&worker, live, &rc), 0);
        EQ_INT(rc, 5);
        EQ_INT(drains, 1);
        EQ_INT(worker.row->state, MR_SCORE_DRAINING);
        teardown();
    }
}

static char path[64], moved[80];

static off_t size_of(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 ? st.st_size : -1;
}

static void wait_until(const int *count, int want)
{
    while (*count < want)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
}

static intptr_t live_signals(void *arg)
{
    struct mr_worker *w = arg;

    CHECK_EQ_INT(mr_worker_attend(w, &hooks), 0);
    kill(getpid(), SIGQUIT); /* is the master's to act on */
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGUSR2);
    while (size_of(path) == 0) /* the list is there */
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(rename(path, moved), 0);
    kill(getpid(), SIGUSR1);
    wait_until(&reopens, 1);
    CHECK_EQ_INT(mr_worker_send(master, MR_WORKER_RENEW, NULL), 0);
    wait_until(&renewals, 1);
    CHECK_EQ_INT(drains, 0);
    CHECK_OK(mr_scoreboard_get(&w->row->beat) > 0);
    return 0;
}

TEST(signals)
{
    char text[4096] = "";
    int fd;

    setup();
    snprintf(path, sizeof path, "/tmp/test_worker.XXXXXX");
    fd = mkstemp(path);
    OK(fd >= 0);
    close(fd);
    snprintf(moved, sizeof moved, "%s.1", path);
    EQ_INT(mr_log_open(path), 0);
    EQ_INT(mr_worker_run(&worker, live_signals, NULL), 0);
    EQ_INT(access(path, F_OK), 0); /* made anew */
    fd = open(moved, O_RDONLY);
    OK(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    unlink(path);
    unlink(moved);
    OK(strstr(text, "hear_master") != NULL); /* SIGUSR2's list */
    teardown();
}

/* The kernel's limit of watches is reached, and stays so. */
static intptr_t live_deaf(void *arg)
{
    struct mr_worker *w = arg;

    mr_sys_fault_always(MR_SYS_EPOLL_CTL, -ENOSPC);
    CHECK_EQ_INT(mr_worker_attend(w, &hooks), 0);
    CHECK_EQ_INT(mr_worker_wait_drain(w, mr_after_ms(1)), -ETIMEDOUT);
    ask();
    CHECK_EQ_INT(mr_worker_wait_drain(w, MR_NEVER), 0);
    mr_sys_fault_clear();
    return 0;
}

TEST(hears_without_watches)
{
    static ask_fn *const asks[] = {ask_by_message, ask_by_death, ask_by_term};

    for (size_t i = 0; i < MR_ARRAY_LEN(asks); i++) {
        CASE("%zu", i);
        setup();
        ask = asks[i];
        drains = 0;
        EQ_INT(mr_worker_run(&worker, live_deaf, NULL), 0);
        EQ_INT(drains, 1);
        teardown();
    }
}

static intptr_t attend_fails(void *arg)
{
    mr_sys_fault(MR_SYS_SIGNALFD, 1, -EMFILE);
    CHECK_EQ_INT(mr_worker_attend(arg, NULL), -EMFILE);
    mr_sys_fault_clear();
    return 0;
}

TEST(attend_without_descriptors)
{
    setup();
    EQ_INT(mr_worker_run(&worker, attend_fails, NULL), 0);
    teardown();
}

/* --- the forked child --- */

static int stray = -1, kept = -1;

/* In the worker: is it in order? */
static int look_around(struct mr_worker *w, void *arg)
{
    struct sigaction sa;
    sigset_t mask;

    if (arg != &plan || w->pid != getpid() || w->row->pid != (uint64_t)w->pid)
        return -EINVAL;
    if (fcntl(stray, F_GETFD) != -1 || fcntl(master, F_GETFD) != -1)
        return mr_worker_fail(w, "a descriptor of somebody else's");
    if (fcntl(kept, F_GETFD) == -1 ||
        fcntl(w->listeners[0].fd, F_GETFD) == -1 ||
        fcntl(mr_scoreboard_fd(board), F_GETFD) == -1)
        return mr_worker_fail(w, "a descriptor is missing");
    if (mr_sys_sigaction(SIGPIPE, NULL, &sa) || sa.sa_handler != SIG_IGN)
        return mr_worker_fail(w, "SIGPIPE");
    if (mr_sys_sigmask(SIG_BLOCK, NULL, &mask) ||
        !sigismember(&mask, SIGTERM) || sigismember(&mask, SIGCHLD))
        return mr_worker_fail(w, "mask");
    return mr_worker_ready(w);
}

static int returns_enoent(struct mr_worker *w, void *arg)
{
    (void)w;
    (void)arg;
    return -ENOENT;
}

/* Fork a worker that runs fn; its exit status, its last message in *ret. */
static int enter(mr_worker_main_fn *fn, struct mr_worker_message *ret)
{
    static const struct mr_listener spec = {.tag = "t", .address = "a"};
    struct mr_worker_listener l = {&spec, dup(0)};
    int status = -1;
    struct mr_worker_start start = {.fn = fn,
                                    .arg = &plan,
                                    .board_fd = mr_scoreboard_fd(board),
                                    .keep_fds = &kept,
                                    .keep_count = 1};
    pid_t pid;

    worker.listeners = &l;
    worker.listener_count = 1;
    pid = mr_process_fork();
    if (pid == 0)
        mr_worker_enter(&worker, &start);
    CHECK_EQ_INT(mr_process_reap(pid, &status, 0), 0);
    CHECK_EQ_INT(mr_worker_receive(master, ret), 1);
    close(l.fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

TEST(enter_in_order)
{
    struct mr_worker_message m = {.kind = 0};

    setup();
    stray = dup(0);
    kept = dup(0);
    for (int pin = 0; pin <= 1; pin++) {
        plan.pin = pin;
        EQ_INT(enter(look_around, &m), 0);
        EQ_STR(m.text, "");
        EQ_INT(m.kind, MR_WORKER_READY);
    }
    teardown();
}

TEST(enter_fails)
{
    struct mr_worker_message m = {.kind = 0};

    setup();
    kept = dup(0);
    EQ_INT(enter(returns_enoent, &m), 1);
    EQ_INT(m.kind, MR_WORKER_FAILED);
    EQ_STR(m.text, mr_strerror(-ENOENT));
    mr_sys_fault(MR_SYS_SIGACTION, 1, -EPERM);
    EQ_INT(enter(look_around, &m), 1);
    EQ_INT(m.kind, MR_WORKER_FAILED);
    EQ_STR(m.text, mr_strerror(-EPERM));
    teardown();
}

SUITE("messages", messages, the_other_end_is_gone, ready_and_fail)
SUITE("hub", drain, signals, hears_without_watches, attend_without_descriptors)
SUITE("child", enter_in_order, enter_fails)
TEST_MAIN()
