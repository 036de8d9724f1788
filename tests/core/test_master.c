/* SPDX-License-Identifier: MIT */

/*
 * test_master.c - a master as a child process, with workers that answer one
 * letter each.
 *
 * The listening sockets are made here and handed on by open_listener, so that
 * the test knows their ports. What the master says on standard error is read
 * line by line: `expect` waits for words, so nothing sleeps. All waits end at
 * the harness's deadline.
 *
 * over budget: each scenario needs the same children, sockets and pipes.
 */
#include "core/master.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/process.h"
#include "core/scoreboard.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/test.h"

#define WORKERS_MAX 2
#define MS 1000000

/* What one test wants; read by the callbacks, in whichever process. */
static struct {
    struct mr_plan plan;
    const char *check_says; /* not NULL: the check fails with it */
    int check_signal;       /* not 0: the check dies of it */
    int open_fails;         /* the second socket: -Exxx */
    const char *start_says; /* worker 0 fails at its start with it */
    int start_exits;        /* worker 0 ends before it is ready */
    unsigned crashes;       /* generations 2 to this end at once */
    bool deaf;              /* workers do not drain */
    enum mr_sys_call fault; /* with nth > 0: fails in the master */
    unsigned fault_nth;
} want;

/* Seen by all processes. */
static struct shared {
    int let_go;      /* a looping worker may return */
    int bad;         /* so is the configuration */
    int ready_calls; /* of on_ready */
} * shared;

static int sockets[WORKERS_MAX];
static uint16_t ports[WORKERS_MAX];
static int said = -1; /* the master's standard error */
static pid_t master;

/* --- the program that is supervised --- */

static int check(struct mr_plan *plan, char *ret_line, size_t size, void *arg)
{
    (void)arg;
    if (want.check_signal == SIGSTOP)
        while (pause() == -1)
            ;
    if (want.check_signal)
        raise(want.check_signal);
    if (shared->bad) {
        snprintf(ret_line, size, "my.conf:3: is bad now");
        return -EINVAL;
    }
    if (want.check_says) {
        snprintf(ret_line, size, "%s", want.check_says);
        return -EINVAL;
    }
    *plan = want.plan;
    return 0;
}

static int open_listener(const struct mr_listener *l, unsigned index,
                         int *ret_fd, void *arg)
{
    (void)arg;
    CHECK_EQ_STR(l->tag, "letters");
    if (index == 1 && want.open_fails)
        return want.open_fails;
    *ret_fd = fcntl(sockets[index], F_DUPFD_CLOEXEC, 3);
    return *ret_fd < 0 ? -errno : 0;
}

static void on_ready(const struct mr_plan *plan, void *arg)
{
    (void)plan;
    (void)arg;
    shared->ready_calls++;
}

/* Does this process hold the socket of inode ino? */
static bool holds(ino_t ino)
{
    struct stat st;

    for (int fd = 0; fd < 1024; fd++) {
        if (fstat(fd, &st) == 0 && st.st_ino == ino)
            return true;
    }
    return false;
}

/* Keeps the thread. Ends with its master, whatever happens to the test. */
static intptr_t looper(void *arg)
{
    pid_t parent = getppid();

    (void)arg;
    while (getppid() == parent &&
           !__atomic_load_n(&shared->let_go, __ATOMIC_RELAXED))
        ;
    return 0;
}

static ino_t inodes[WORKERS_MAX];

static void answer(struct mr_worker *w, int fd)
{
    char letter = 0, text[64];
    cpu_set_t cpus;
    int n = 0;

    if (mr_hub_wait_fd(fd, MR_READABLE, MR_NEVER) ||
        mr_sys_read(fd, &letter, 1) != 1)
        return;
    switch (letter) {
    case 'p': /* who are you? */
        n = snprintf(text, sizeof text, "%d %u %u", (int)getpid(), w->index,
                     w->generation);
        break;
    case 'l': /* loop */
        (void)!mr_spawn(looper, w);
        return;
    case 's': /* whose sockets do you hold? */
        n = snprintf(text, sizeof text, "%d%d", holds(inodes[0]),
                     holds(inodes[1]));
        break;
    case 'c': /* on how many CPUs? */
        sched_getaffinity(0, sizeof cpus, &cpus);
        n = snprintf(text, sizeof text, "%d", CPU_COUNT(&cpus));
        break;
    }
    CHECK_EQ_INT(mr_sys_send(fd, text, (size_t)n, 0), n);
}

static intptr_t serve(void *arg)
{
    struct mr_worker *w = arg;
    int lfd = w->listeners[0].fd;

    if (mr_hub_fd_shared(lfd, false))
        return -EIO;
    while (mr_hub_wait_fd(lfd, MR_READABLE, MR_NEVER) == 0) {
        int fd = mr_sys_accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            continue;
        answer(w, fd);
        mr_hub_forget(fd);
        mr_sys_close(fd);
    }
    return 0;
}

static intptr_t first(void *arg)
{
    struct mr_worker *w = arg;
    struct mr_coro *co;

    if (w->index == 0 && want.start_says)
        return mr_worker_fail(w, "%s", want.start_says);
    if (mr_worker_attend(w, NULL) || !(co = mr_spawn(serve, w)) ||
        mr_worker_ready(w))
        return -EIO;
    if (mr_worker_wait_drain(w, MR_NEVER))
        return -EIO;
    while (want.deaf)
        mr_sleep(MR_NEVER);
    mr_cancel(co);
    return mr_join(co, NULL, MR_NEVER);
}

static int worker_main(struct mr_worker *w, void *arg)
{
    intptr_t rc = 0;
    int err;

    CHECK_EQ_PTR(arg, &want);
    if (w->index == 0 && want.start_exits)
        mr_process_leave(want.start_exits);
    if (w->generation > 1 && w->generation <= want.crashes)
        mr_process_leave(9);
    err = mr_worker_run(w, first, &rc);
    return err ? err : (int)rc;
}

static struct mr_master_options options = {
    .name = "letters",
    .check = check,
    .open_listener = open_listener,
    .worker_main = worker_main,
    .on_ready = on_ready,
    .arg = &want,
};

/* --- the test's side --- */

static void make_sockets(void)
{
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        struct stat st;

        sockets[i] =
            socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHECK_EQ_INT(bind(sockets[i], (void *)&a, sizeof a), 0);
        CHECK_EQ_INT(listen(sockets[i], 64), 0);
        CHECK_EQ_INT(getsockname(sockets[i], (void *)&a, &len), 0);
        ports[i] = ntohs(a.sin_port);
        CHECK_EQ_INT(fstat(sockets[i], &st), 0);
        inodes[i] = st.st_ino;
    }
}

/* What an earlier setup of this test made. */
static void teardown(void)
{
    if (!shared)
        return;
    munmap(shared, sizeof *shared);
    mr_plan_fini(&want.plan);
    for (int i = 0; i < WORKERS_MAX; i++)
        close(sockets[i]);
    close(said);
}

/* Before start_master: sockets, and a plan for one worker on one listener. */
static void setup(void)
{
    static const struct mr_listener l = {
        .tag = "letters", .address = "127.0.0.1:1", .where = "my.conf:3"};

    teardown();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make_sockets();
    mr_plan_init(&want.plan);
    want.plan.workers = 1;
    want.plan.hang_limit = 0;
    CHECK_EQ_INT(mr_plan_add(&want.plan, &l), 0);
}

static void start_master(void)
{
    int pipe[2];

    CHECK_EQ_INT(mr_sys_pipe2(pipe, O_CLOEXEC), 0);
    master = mr_process_fork();
    if (master == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipe[1], STDERR_FILENO);
        close(pipe[0]);
        if (want.fault_nth > 0)
            mr_sys_fault(want.fault, want.fault_nth, -ENOMEM);
        mr_process_leave(mr_master_run(&options));
    }
    close(pipe[1]);
    said = pipe[0];
}

/* The next line, without its end; false when there will be none. */
static bool next_line(char *line, size_t size)
{
    size_t n = 0;
    char c = '\0';

    while (read(said, &c, 1) == 1 && c != '\n') {
        if (n < size - 1)
            line[n++] = c;
    }
    line[n] = '\0';
    return c == '\n';
}

/* Read until a line contains the words; true when one did. */
static bool expect(const char *words)
{
    char line[2100];

    while (next_line(line, sizeof line)) {
        printf("%s\n", line); /* shown when the test fails, or hangs */
        fflush(stdout);
        if (strstr(line, words))
            return true;
    }
    return false;
}

static int wait_master(void)
{
    int status = -1;

    CHECK_EQ_INT(mr_process_reap(master, &status, 0), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A connection to worker i's socket, a letter written; nothing is read. */
static int send_letter(int i, char letter)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(ports[i]),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ_INT(connect(fd, (void *)&a, sizeof a), 0);
    CHECK_EQ_INT(write(fd, &letter, 1), 1);
    return fd;
}

/* The answer; the connection is closed. */
static const char *receive(int fd)
{
    static char text[64];
    ssize_t n = 0, more;

    while ((more = read(fd, text + n, sizeof text - 1 - (size_t)n)) > 0)
        n += more;
    close(fd);
    text[n] = '\0';
    return text;
}

struct who {
    pid_t pid;
    unsigned index, generation;
};

static struct who parse_who(const char *text)
{
    struct who w = {0};
    int pid = 0;

    CHECK_EQ_INT(sscanf(text, "%d %u %u", &pid, &w.index, &w.generation), 3);
    w.pid = pid;
    return w;
}

static struct who who_is(int i)
{
    return parse_who(receive(send_letter(i, 'p')));
}

static void drain_and_check(int want_status)
{
    CHECK_EQ_INT(kill(master, SIGTERM), 0);
    CHECK_EQ_INT(wait_master(), want_status);
}

/* --- tests --- */

TEST(serves_and_drains)
{
    struct who a, b;

    setup();
    want.plan.workers = 2;
    want.plan.pin = true;
    start_master();
    OK(expect("workers ready: 2"));
    EQ_INT(shared->ready_calls, 1);
    a = who_is(0);
    b = who_is(1);
    OK(a.pid != b.pid && a.pid != master);
    EQ_INT(a.index, 0);
    EQ_INT(b.index, 1);
    EQ_INT(a.generation, 1);
    EQ_STR(receive(send_letter(0, 's')), "10"); /* only its own socket */
    EQ_STR(receive(send_letter(1, 's')), "01");
    EQ_STR(receive(send_letter(0, 'c')), "1");
    drain_and_check(0);
    OK(expect("all workers have left"));
}

TEST(one_socket_for_all)
{
    setup();
    want.plan.workers = 2;
    want.plan.listeners[0].shared = true;
    start_master();
    OK(expect("workers ready: 2"));
    OK(who_is(0).pid > 0); /* whoever took it */
    drain_and_check(0);
}

/* A client that came while the worker was dead is served by the successor. */
TEST(killed_worker_is_replaced)
{
    struct who before, after;
    int queued;

    setup();
    options.backoff_min = 1 * MS;
    start_master();
    OK(expect("workers ready: 1"));
    before = who_is(0);
    EQ_INT(kill(before.pid, SIGSTOP), 0); /* so that it cannot answer */
    queued = send_letter(0, 'p');
    EQ_INT(kill(before.pid, SIGKILL), 0);
    after = parse_who(receive(queued));
    OK(after.pid != before.pid);
    EQ_INT(after.generation, 2);
    OK(expect("killed by SIGKILL"));
    OK(expect("worker 0 is ready again"));
    drain_and_check(0);
}

/* The delay doubles up to its bound, and the server is there in the end. */
TEST(crash_loop_backs_off)
{
    setup();
    options.backoff_min = 1 * MS;
    options.backoff_max = 5 * MS;
    options.steady = INT64_C(3600000) * MS; /* every life is short */
    want.crashes = 6;
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(who_is(0).pid, SIGKILL), 0);
    OK(expect("starts again in 1 ms"));
    OK(expect("exited with 9"));
    OK(expect("starts again in 2 ms"));
    OK(expect("starts again in 4 ms"));
    OK(expect("starts again in 5 ms"));
    OK(expect("starts again in 5 ms"));
    OK(expect("worker 0 is ready again"));
    EQ_INT(who_is(0).generation, 7);
    EQ_INT(shared->ready_calls, 1);
    drain_and_check(0);
}

/* After a steady life the successor comes at once. */
TEST(steady_worker_comes_back_at_once)
{
    char line[2100] = "";

    setup();
    options.steady = 1;
    options.backoff_min = INT64_C(3600000) * MS; /* would never come */
    options.backoff_max = INT64_C(3600000) * MS;
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(who_is(0).pid, SIGTERM), 0); /* the worker's own drain */
    OK(expect("exited with 0"));
    OK(next_line(line, sizeof line));
    OK(strstr(line, "is ready again") != NULL);
    drain_and_check(0);
}

TEST(held_worker_is_named_and_replaced)
{
    int queued;

    setup();
    want.plan.hang_limit = 200 * MS;
    options.report_pause = 500 * MS;
    options.backoff_min = 1 * MS;
    start_master();
    OK(expect("workers ready: 1"));
    close(send_letter(0, 'l'));
    OK(expect("has not come back"));
    OK(expect("held by coroutine 'looper'"));
    OK(expect("test_master+0x")); /* looper, or where libc returns to it */
    queued = send_letter(0, 'p');
    OK(expect("is killed"));
    OK(expect("is ready again"));
    /* a slow machine may have a successor killed, too */
    OK(parse_who(receive(queued)).generation >= 2);
    drain_and_check(0);
}

TEST(held_worker_comes_back)
{
    setup();
    want.plan.hang_limit = 200 * MS;
    options.report_pause = INT64_C(3600000) * MS;
    start_master();
    OK(expect("workers ready: 1"));
    close(send_letter(0, 'l'));
    OK(expect("has not come back"));
    OK(expect("held by coroutine 'looper'"));
    __atomic_store_n(&shared->let_go, 1, __ATOMIC_RELAXED);
    EQ_INT(who_is(0).generation, 1);
    OK(expect("came back"));
    drain_and_check(0);
}

/* --- starts that fail --- */

TEST(check_fails)
{
    static const struct {
        const char *says;
        int signal;
        int64_t limit;
        const char *line;
    } cases[] = {
        {"my.conf:12: unknown directive 'lisen'", 0, 0,
         "letters: my.conf:12: unknown directive 'lisen'"},
        {"", 0, 0, "letters: "}, /* the error's own text */
        {"a\nb", 0, 0, "letters: a"},
        {NULL, SIGKILL, 0,
         "letters: the configuration's check came to no end (killed by "
         "SIGKILL): "
         "does an app that it loads crash?"},
        {NULL, SIGSTOP, 1, "letters: the configuration's check did not end"},
    };
    char line[2100];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("case %zu", i);
        setup();
        want.check_says = cases[i].says;
        want.check_signal = cases[i].signal;
        options.check_limit = cases[i].limit;
        start_master();
        EQ_INT(wait_master(), 1);
        OK(next_line(line, sizeof line));
        EQ_STR(strstr(line, cases[i].line), line);
        OK(!next_line(line, sizeof line)); /* one line, and nobody left */
    }
}

TEST(socket_fails)
{
    static const struct {
        int err;
        const char *advice;
    } cases[] = {{-EADDRINUSE, "; stop the program that has it"},
                 {-EACCES, "; ports below 1024"},
                 {-EMFILE, "; raise the limit"}};
    char line[2100];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%d", cases[i].err);
        setup();
        want.plan.workers = 2;
        want.open_fails = cases[i].err;
        start_master();
        EQ_INT(wait_master(), 1);
        OK(next_line(line, sizeof line));
        OK(strstr(line, "letters: my.conf:3: cannot listen on 127.0.0.1:1: ") ==
           line);
        OK(strstr(line, cases[i].advice) != NULL);
        OK(!next_line(line, sizeof line));
    }
}

TEST(log_fails)
{
    setup();
    EQ_INT(mr_plan_set_log(&want.plan, "/nowhere/at/all"), 0);
    start_master();
    EQ_INT(wait_master(), 1);
    OK(expect("letters: cannot open the log /nowhere/at/all: "));
}

TEST(first_worker_fails)
{
    static const struct {
        const char *says;
        int exits;
        const char *line;
    } cases[] = {
        {"no root: x", 0, "letters: worker 0 cannot start: no root: x"},
        {NULL, 5, "letters: worker 0 cannot start: exited with 5"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].line);
        setup();
        want.plan.workers = 2;
        want.start_says = cases[i].says;
        want.start_exits = cases[i].exits;
        start_master();
        EQ_INT(wait_master(), 1);
        OK(expect(cases[i].line));
        EQ_INT(shared->ready_calls, 0);
        while (expect("\n")) /* to the end: all processes closed it */
            ;
    }
}

/* Whatever call of the start fails: status 1, a line, and nobody left. */
TEST(start_with_faults)
{
    static const struct {
        enum mr_sys_call call;
        unsigned nth;
    } cases[] = {
        {MR_SYS_PIPE2, 1},        {MR_SYS_FORK, 1},  {MR_SYS_SIGACTION, 1},
        {MR_SYS_SIGMASK, 1},      {MR_SYS_ALLOC, 1}, {MR_SYS_SIGNALFD, 1},
        {MR_SYS_MEMFD_CREATE, 1}, {MR_SYS_MMAP, 1},  {MR_SYS_SOCKETPAIR, 1},
        {MR_SYS_FORK, 2},         {MR_SYS_FORK, 3},
    };
    char line[2100];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("call %d, the %u.", (int)cases[i].call, cases[i].nth);
        setup();
        want.plan.workers = 2;
        want.fault = cases[i].call;
        want.fault_nth = cases[i].nth;
        start_master();
        EQ_INT(wait_master(), 1);
        OK(expect("letters: "));
        while (next_line(line, sizeof line)) /* to the end: all closed it */
            ;
    }
}

/* Out of memory at any point of the start. */
TEST(start_without_memory)
{
    char line[2100];
    unsigned nth = 0;

    do {
        CASE("allocation %u", ++nth);
        setup();
        want.fault = MR_SYS_ALLOC;
        want.fault_nth = nth;
        start_master();
        while (next_line(line, sizeof line) && !strstr(line, "letters: ") &&
               !strstr(line, "workers ready"))
            ;
        if (strstr(line, "workers ready"))
            kill(master, SIGTERM);
        else
            EQ_INT(wait_master(), 1);
    } while (!strstr(line, "workers ready"));
    EQ_INT(wait_master(), 0);
    OK(nth > 5);
}

/* --- ways to leave --- */

TEST(second_term_is_now)
{
    static const int seconds[] = {SIGTERM, SIGINT, SIGQUIT};

    for (size_t i = 0; i < MR_ARRAY_LEN(seconds); i++) {
        CASE("signal %d", seconds[i]);
        setup();
        want.deaf = true;
        want.plan.workers = 2;
        options.same_pause = 1;
        start_master();
        OK(expect("workers ready: 2"));
        EQ_INT(kill(master, SIGTERM), 0);
        OK(expect("got SIGTERM"));
        EQ_INT(kill(master, seconds[i]), 0);
        EQ_INT(wait_master(), 0);
        OK(expect("killed by SIGKILL"));
    }
}

/* A signal that came twice, to the process and to its group, drains. */
TEST(doubled_term_is_one)
{
    setup();
    options.same_pause = INT64_C(3600000) * MS;
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(master, SIGTERM), 0);
    OK(expect("got SIGTERM"));
    (void)kill(master, SIGTERM); /* it may have left by now */
    EQ_INT(wait_master(), 0);
    OK(expect("exited with 0"));
}

TEST(quit_is_now)
{
    setup();
    want.deaf = true;
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(master, SIGQUIT), 0);
    EQ_INT(wait_master(), 0);
}

TEST(grace_ends)
{
    setup();
    want.deaf = true;
    want.plan.grace = 1 * MS;
    start_master();
    OK(expect("workers ready: 1"));
    drain_and_check(1);
    OK(expect("the grace is over"));
}

/* A worker that waits to be started again is not waited for. */
TEST(drain_while_backing_off)
{
    setup();
    options.backoff_min = options.backoff_max = INT64_C(3600000) * MS;
    options.steady = INT64_C(3600000) * MS;
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(who_is(0).pid, SIGKILL), 0);
    OK(expect("starts again in 3600000 ms"));
    drain_and_check(0);
}

/* The workers leave when the master is gone: all ends of the pipe close. */
TEST(master_dies)
{
    int alive[2];
    char c;

    setup();
    want.plan.workers = 2;
    EQ_INT(mr_sys_pipe2(alive, O_CLOEXEC), 0);
    options.keep_fds = &alive[1];
    options.keep_count = 1;
    start_master();
    close(alive[1]);
    OK(expect("workers ready: 2"));
    EQ_INT(kill(master, SIGKILL), 0);
    EQ_INT(wait_master(), -SIGKILL);
    OK(expect("the master is gone: draining"));
    EQ_INT(read(alive[0], &c, 1), 0);
}

/* --- other signals --- */

TEST(certificates_are_renewed)
{
    setup();
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(master, SIGHUP), 0);
    OK(expect("certificates are read anew"));
    EQ_INT(who_is(0).generation, 1);
    drain_and_check(0);
}

/* The check runs in a child of the master, which has what we wrote there. */
TEST(bad_configuration_is_not_loaded)
{
    setup();
    start_master();
    OK(expect("workers ready: 1"));
    shared->bad = 1;
    EQ_INT(kill(master, SIGHUP), 0);
    OK(expect("not reloaded: my.conf:3: is bad now"));
    EQ_INT(who_is(0).generation, 1);
    shared->bad = 0;
    EQ_INT(kill(master, SIGHUP), 0);
    OK(expect("certificates are read anew"));
    drain_and_check(0);
}

TEST(coroutines_are_listed)
{
    setup();
    start_master();
    OK(expect("workers ready: 1"));
    EQ_INT(kill(master, SIGUSR2), 0);
    OK(expect("hear_master"));
    drain_and_check(0);
}

TEST(logs_are_opened_anew)
{
    char path[64], moved[80];
    struct stat st;
    int fd;

    setup();
    snprintf(path, sizeof path, "/tmp/test_master.XXXXXX");
    fd = mkstemp(path);
    OK(fd >= 0);
    close(fd);
    snprintf(moved, sizeof moved, "%s.1", path);
    EQ_INT(mr_plan_set_log(&want.plan, path), 0);
    start_master();
    EQ_INT(who_is(0).generation, 1); /* it serves */
    EQ_INT(rename(path, moved), 0);
    EQ_INT(kill(master, SIGUSR1), 0);
    drain_and_check(0);
    EQ_INT(stat(path, &st), 0);
    OK(st.st_size > 0);
    unlink(path);
    unlink(moved);
}

SUITE("life", serves_and_drains, one_socket_for_all, killed_worker_is_replaced,
      crash_loop_backs_off, steady_worker_comes_back_at_once)
SUITE("held", held_worker_is_named_and_replaced, held_worker_comes_back)
SUITE("start", check_fails, socket_fails, log_fails, first_worker_fails,
      start_with_faults, start_without_memory)
SUITE("leave", second_term_is_now, doubled_term_is_one, quit_is_now, grace_ends,
      drain_while_backing_off, master_dies)
SUITE("signals", certificates_are_renewed, bad_configuration_is_not_loaded,
      coroutines_are_listed, logs_are_opened_anew)
TEST_MAIN()
