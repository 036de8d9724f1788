/* SPDX-License-Identifier: MIT */

/*
 * test_server.c - the server of connections.
 *
 * over budget: one helper for listeners and clients, and all that may happen to
 * either.
 */
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/test.h"

static void run(mr_coro_fn *fn)
{
    CHECK_EQ_INT(mr_run(fn, NULL, NULL), 0);
}

static struct mr_addr at;

/* A listener on the loopback; its address in `at`. */
static int listener(void)
{
    int fd = -1;

    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    return fd;
}

static int client(void)
{
    int fd = mr_connect(&at, MR_NEVER);

    CHECK_OK(fd >= 0);
    return fd;
}

/* What the peer says to one byte: that byte (1), the end (0), or -Exxx. */
static ssize_t ping(int fd)
{
    char c = 'p';
    ssize_t n = mr_send(fd, &c, 1, 0, MR_NEVER);

    return n == 1 ? mr_recv(fd, &c, 1, 0, MR_NEVER) : n;
}

static void echo(int fd, const struct mr_addr *peer, void *arg)
{
    char buf[256];
    ssize_t n;

    CHECK_OK(mr_addr_is_loopback(peer));
    CHECK_EQ_PTR(arg, &at);
    while ((n = mr_recv(fd, buf, sizeof buf, 0, MR_NEVER)) > 0) {
        if (mr_send(fd, buf, (size_t)n, 0, MR_NEVER) < 0)
            break;
    }
}

static const struct mr_server_options echoing = {.handler = echo, .arg = &at};

/* --- serving --- */

static intptr_t serves(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c[10];

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    for (int i = 0; i < 10; i++)
        c[i] = client();
    for (int i = 9; i >= 0; i--)
        CHECK_EQ_INT(ping(c[i]), 1);
    CHECK_EQ_INT(mr_server_stats(&s).live, 10);
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 10);
    CHECK_EQ_INT(mr_server_wait(&s, mr_after_ms(1)), -ETIMEDOUT);
    for (int i = 0; i < 10; i++)
        mr_fd_close(c[i]);
    CHECK_EQ_INT(mr_server_wait(&s, MR_NEVER), 0);
    CHECK_EQ_INT(mr_server_stats(&s).live, 0);
    mr_server_fini(&s);
    mr_server_fini(&s);
    CHECK_EQ_INT(mr_sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC); /* borrowed */
    mr_fd_close(fd);
    return 0;
}
TEST(server_serves)
{
    run(serves);
}

/* Stopped: the old are served on, the new wait in the kernel's queue. */
static intptr_t stops(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int old, fresh, got;

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    old = client();
    CHECK_EQ_INT(ping(old), 1);
    mr_server_stop(&s);
    mr_server_stop(&s);
    fresh = client();
    CHECK_EQ_INT(ping(old), 1);
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 1);
    mr_server_fini(&s); /* cancels the handler that waits for `old` */
    /* No byte any more: its reset may overtake the end. */
    CHECK_EQ_INT(mr_recv(old, (char[1]){0}, 1, 0, MR_NEVER), 0);
    got = mr_accept(fd, NULL, MR_NEVER);
    CHECK_OK(got >= 0);
    mr_fd_close(got);
    mr_fd_close(old);
    mr_fd_close(fresh);
    mr_fd_close(fd);
    return 0;
}
TEST(server_stops)
{
    run(stops);
}

/* A handler that is cancelled before its first turn leaks nothing. */
static intptr_t never_ran(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c = client();

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    CHECK_EQ_INT(mr_yield(), 0); /* it has accepted, and spawned */
    CHECK_EQ_INT(mr_server_stats(&s).live, 1);
    mr_server_fini(&s);
    CHECK_EQ_INT(mr_server_stats(&s).live, 0);
    CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), 0);
    mr_fd_close(c);
    mr_fd_close(fd);
    return 0;
}
TEST(server_handler_never_ran)
{
    run(never_ran);
}

/* --- open, close --- */

/* Whoever comes is served until the end; then nobody listens any more. */
static intptr_t opens(void *arg)
{
    struct mr_server s;
    int c, n;

    (void)arg;
    CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1:0", &echoing), 0);
    CHECK_EQ_INT(mr_server_local(&s, &at), 0);
    c = client();
    CHECK_EQ_INT(ping(c), 1);
    CHECK_EQ_INT(mr_server_close(&s, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), 0);
    mr_fd_close(c);
    CHECK_EQ_INT(mr_connect(&at, MR_NEVER), -ECONNREFUSED);
    CHECK_EQ_INT(mr_server_close(&s, MR_NEVER), 0); /* again: nothing */
    n = mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0);
    mr_fd_close(n);
    CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1", &echoing), -EINVAL);
    for (int i = 1; i <= 2; i++) {
        mr_sys_fault(i == 1 ? MR_SYS_OPENAT : MR_SYS_LISTEN, 1, -ENOMEM);
        CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1:0", &echoing), -ENOMEM);
        mr_sys_fault_clear();
    }
    CHECK_EQ_INT(mr_sys_fcntl(0, F_DUPFD_CLOEXEC, 0), n); /* none is left */
    mr_fd_close(n);
    return 0;
}
TEST(server_opens)
{
    run(opens);
}

/* Stopping, an owned listener refuses at once; those that are live end as they
 * like, and close waits for them. */
static intptr_t hangs_up(void *arg)
{
    int *c = arg;

    CHECK_EQ_INT(mr_connect(&at, MR_NEVER), -ECONNREFUSED);
    CHECK_EQ_INT(ping(*c), 1);
    mr_fd_close(*c);
    return 0;
}

static intptr_t drains(void *arg)
{
    struct mr_server s;
    int c;

    (void)arg;
    CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1:0", &echoing), 0);
    CHECK_EQ_INT(mr_server_local(&s, &at), 0);
    c = client();
    CHECK_EQ_INT(ping(c), 1);
    CHECK_OK(mr_spawn(hangs_up, &c) != NULL);
    CHECK_EQ_INT(mr_server_close(&s, mr_after_s(30)), 0);
    return 0;
}
TEST(server_drains)
{
    run(drains);
}

/* --- a handler's children --- */

static intptr_t says_bye(void *arg)
{
    struct mr_scope shield;

    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ECANCELED);
    mr_shield_enter(&shield, MR_NEVER);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_send(*(int *)arg, "b", 1, 0, MR_NEVER), 1);
    (void)mr_shield_leave(&shield);
    return 0;
}

static int children_fd;

static void leaves_a_child(int fd, const struct mr_addr *peer, void *arg)
{
    (void)peer;
    (void)arg;
    children_fd = fd;
    CHECK_OK(mr_spawn(says_bye, &children_fd) != NULL);
    CHECK_EQ_INT(mr_yield(), 0);
}

/* The descriptor was closed when the handler had returned, although what it
 * had spawned still wrote to it: to whoever had got the number. */
static intptr_t child_has_its_say(void *arg)
{
    const struct mr_server_options o = {.handler = leaves_a_child};
    struct mr_server s;
    int c;

    (void)arg;
    CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1:0", &o), 0);
    CHECK_EQ_INT(mr_server_local(&s, &at), 0);
    c = client();
    CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), 1);
    CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), 0);
    mr_fd_close(c);
    CHECK_EQ_INT(mr_server_close(&s, MR_NEVER), 0);
    return 0;
}
TEST(server_waits_for_a_handlers_children)
{
    run(child_has_its_say);
}

/* --- callbacks --- */

static int resting[8];
static int rested;

static void rest(struct mr_server *s, int fd, const struct mr_addr *peer,
                 void *arg)
{
    CHECK_OK(s != NULL && peer->len > 0 && arg == &at);
    resting[rested++] = fd;
}

static const struct mr_server_options calling = {
    .on_connection = rest,
    .arg = &at,
    .max_live = 2,
};

static void leave_one(struct mr_server *s)
{
    mr_fd_close(resting[--rested]);
    mr_server_leave(s);
}

/* At the limit clients wait in the queue until one leaves. */
static intptr_t limit(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c[4];

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &calling), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    for (int i = 0; i < 4; i++)
        c[i] = client();
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_server_stats(&s).live, 2);
    CHECK_EQ_INT(rested, 2);
    leave_one(&s);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_server_stats(&s).live, 2);
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 3);
    leave_one(&s);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 4);
    leave_one(&s);
    leave_one(&s);
    mr_server_fini(&s);
    for (int i = 0; i < 4; i++)
        mr_fd_close(c[i]);
    mr_fd_close(fd);
    return 0;
}
TEST(server_limit)
{
    run(limit);
}

static unsigned at_work, most_at_work;

static void counted(int fd, const struct mr_addr *peer, void *arg)
{
    at_work++;
    most_at_work = MR_MAX(most_at_work, at_work);
    echo(fd, peer, arg);
    at_work--;
}

/* The same with handlers: never more than two, and all are served. */
static intptr_t handler_limit(void *arg)
{
    const struct mr_server_options o = {
        .handler = counted, .arg = &at, .max_live = 2};
    struct mr_server s;
    int c[6];

    (void)arg;
    CHECK_EQ_INT(mr_server_open(&s, "127.0.0.1:0", &o), 0);
    CHECK_EQ_INT(mr_server_local(&s, &at), 0);
    for (int i = 0; i < 6; i++)
        c[i] = client();
    for (int i = 0; i < 6; i++) {
        CHECK_EQ_INT(ping(c[i]), 1);
        mr_fd_close(c[i]);
    }
    CHECK_EQ_INT(most_at_work, 2);
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 6);
    CHECK_EQ_INT(mr_server_close(&s, MR_NEVER), 0);
    return 0;
}
TEST(server_handler_limit)
{
    run(handler_limit);
}

static intptr_t ping_once(void *arg)
{
    int *fd = arg;
    ssize_t n = ping(*fd);

    mr_fd_close(*fd);
    return n;
}

/* A quota that two servers share, and the share of one address in it. */
static intptr_t quotas(void *arg)
{
    struct mr_server s[2];
    struct mr_quota q;
    struct mr_server_options o = {.handler = counted, .arg = &at, .quota = &q};
    struct mr_coro *pinging[6];
    struct mr_addr where[2];
    int c[6];

    (void)arg;
    mr_quota_init(&q, &(struct mr_quota_options){.max = 2});
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(mr_server_open(&s[i], "127.0.0.1:0", &o), 0);
        CHECK_EQ_INT(mr_server_local(&s[i], &where[i]), 0);
    }
    most_at_work = 0;
    for (int i = 0; i < 6; i++) {
        at = where[i % 2];
        c[i] = client();
    }
    for (int i = 0; i < 6; i++)
        CHECK_OK(pinging[i] = mr_spawn(ping_once, &c[i]));
    for (int i = 0; i < 6; i++) {
        intptr_t n = 0;

        CHECK_EQ_INT(mr_join(pinging[i], &n, MR_NEVER), 0);
        CHECK_EQ_INT(n, 1);
    }
    CHECK_EQ_INT(most_at_work, 2);
    while (q.live > 0 && mr_yield() == 0)
        ;
    q.options.max_per_address = 1;
    for (int i = 0; i < 2; i++)
        c[i] = client();
    CHECK_EQ_INT(ping(c[0]), 1);
    CHECK_OK(ping(c[1]) <= 0);
    CHECK_EQ_INT(mr_server_stats(&s[1]).refused, 1);
    for (int i = 0; i < 2; i++) {
        mr_fd_close(c[i]);
        CHECK_EQ_INT(mr_server_close(&s[i], MR_NEVER), 0);
    }
    mr_quota_fini(&q);
    return 0;
}
TEST(server_quota)
{
    run(quotas);
}

static intptr_t left_behind(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c = client();

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &calling), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_server_fini(&s);
    mr_fd_close(c);
    return 0;
}
TEST_DIES(server_fini_with_live_callbacks, "live > 0")
{
    run(left_behind);
}

static intptr_t leaves_twice(void *arg)
{
    struct mr_server s;

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, listener(), &calling), 0);
    mr_server_leave(&s);
    return 0;
}
TEST_DIES(server_leave_too_often, "live == 0")
{
    run(leaves_twice);
}

/* --- errors --- */

static const int passing[] = {
    -ECONNABORTED, -EPROTO, -ENETDOWN, -EHOSTUNREACH, -ENOBUFS,
    -ENOMEM,       -EPERM,  -EMFILE,   -ENFILE,
};

/* Whatever happens to one accept, the next client is served. */
static intptr_t survives(void *arg)
{
    struct mr_server s;
    int fd = listener();

    (void)arg;
    for (size_t i = 0; i < MR_ARRAY_LEN(passing); i++) {
        int told;
        ssize_t said;
        int c;

        CASE("%d", passing[i]);
        told = passing[i] == -EMFILE || passing[i] == -ENFILE;
        CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
        mr_sys_fault(MR_SYS_ACCEPT4, 1, passing[i]);
        CHECK_EQ_INT(mr_server_start(&s), 0);
        c = client();
        said = ping(c);
        /* closed by the spare descriptor, or served a little later */
        CHECK_OK(told ? said == 0 || said == -ECONNRESET : said == 1);
        CHECK_EQ_INT(mr_server_stats(&s).refused, told);
        CHECK_EQ_INT(mr_server_stats(&s).errors, 1);
        mr_fd_close(c);
        c = client();
        CHECK_EQ_INT(ping(c), 1);
        mr_fd_close(c);
        mr_sys_fault_clear();
        mr_server_fini(&s);
    }
    mr_fd_close(fd);
    return 0;
}
TEST(server_survives_errors)
{
    run(survives);
}

/* No watch for the listener (epoll_ctl(2)'s ENOSPC), at first or when an
 * exclusive one is made anew: said, and tried again. */
static intptr_t has_no_watch(void *arg)
{
    struct mr_server_options o = echoing;

    (void)arg;
    o.shared = true;
    for (int exclusive = 0; exclusive <= 1; exclusive++) {
        struct mr_server s;
        int fd = listener(), c;

        CASE("exclusive %d", exclusive);
        o.exclusive = exclusive;
        CHECK_EQ_INT(mr_server_init(&s, fd, &o), 0);
        mr_sys_fault(MR_SYS_EPOLL_CTL, 1, -ENOSPC);
        CHECK_EQ_INT(mr_server_start(&s), 0);
        while (mr_waitq_is_empty(&s.intake.room))
            CHECK_EQ_INT(mr_yield(), 0);
        c = client();
        CHECK_EQ_INT(ping(c), 1);
        mr_fd_close(c);
        mr_sys_fault_clear();
        mr_server_fini(&s);
        mr_fd_close(fd);
    }
    return 0;
}
TEST(server_without_a_watch)
{
    run(has_no_watch);
}

/* The table is really full: one client is told; with room, all are served. */
static intptr_t really_full(void *arg)
{
    static int filler[256];
    struct rlimit few;
    struct mr_server s;
    int fd = listener();
    int n = 0;
    int c[3];
    ssize_t said;

    (void)arg;
    CHECK_EQ_INT(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = MR_ARRAY_LEN(filler);
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    for (int i = 0; i < 3; i++)
        c[i] = client();
    do
        filler[n] = mr_sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
    while (filler[n] >= 0 && ++n < 256);
    CHECK_OK(n < 256 && filler[n] == -EMFILE);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    said = ping(c[0]);
    CHECK_OK(said == 0 || said == -ECONNRESET);
    while (n > 0)
        mr_sys_close(filler[--n]);
    CHECK_EQ_INT(ping(c[2]), 1);
    CHECK_OK(mr_server_stats(&s).refused >= 1);
    mr_server_fini(&s);
    for (int i = 0; i < 3; i++)
        mr_fd_close(c[i]);
    mr_fd_close(fd);
    return 0;
}
TEST(server_no_descriptors)
{
    run(really_full);
}

/* While it rests from exhaustion, a connection that leaves ends the rest. */
static intptr_t leave_ends_rest(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c[2];

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &calling), 0);
    c[0] = client();
    CHECK_EQ_INT(mr_server_start(&s), 0);
    CHECK_EQ_INT(mr_yield(), 0);
    CHECK_EQ_INT(mr_server_stats(&s).live, 1);
    mr_sys_fault(MR_SYS_ACCEPT4, 1, -ENOMEM);
    c[1] = client();
    while (mr_server_stats(&s).errors == 0)
        CHECK_EQ_INT(mr_yield(), 0);
    leave_one(&s);
    CHECK_EQ_INT(mr_yield(), 0); /* far less than the pause */
    CHECK_EQ_INT(mr_server_stats(&s).accepted, 2);
    mr_sys_fault_clear();
    leave_one(&s);
    mr_server_fini(&s);
    mr_fd_close(c[0]);
    mr_fd_close(c[1]);
    mr_fd_close(fd);
    return 0;
}
TEST(server_leave_ends_rest)
{
    run(leave_ends_rest);
}

/* No memory for a handler: the client is told, the next one served. */
static intptr_t no_memory(void *arg)
{
    struct mr_server s;
    int fd = listener();
    int c = client();

    (void)arg;
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_server_stats(&s).refused, 1);
    CHECK_EQ_INT(mr_server_stats(&s).live, 0);
    CHECK_EQ_INT(mr_recv(c, (char[1]){0}, 1, 0, MR_NEVER), 0);
    mr_fd_close(c);
    c = client();
    CHECK_EQ_INT(ping(c), 1);
    mr_fd_close(c);
    mr_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}
TEST(server_no_memory)
{
    run(no_memory);
}

/* No memory for the hub's record of the listener: accepting ended for good. */
static intptr_t no_watcher(void *arg)
{
    struct mr_server s;
    int low = listener(), fd, c;

    (void)arg;
    /* A number that the hub has no room for yet. */
    fd = mr_sys_fcntl(low, F_DUPFD_CLOEXEC, 600);
    CHECK_OK(fd >= 600);
    mr_fd_close(low);
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), 0);
    CHECK_EQ_INT(mr_server_start(&s), 0);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_sys_fault_clear();
    CHECK_EQ_STR(mr_coro_why(s.intake.taking), "descriptors or memory");
    c = client();
    CHECK_EQ_INT(ping(c), 1);
    mr_fd_close(c);
    mr_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}
TEST(server_no_watcher)
{
    run(no_watcher);
}

static intptr_t no_spare(void *arg)
{
    struct mr_server s;
    int fd = listener();

    (void)arg;
    mr_sys_fault(MR_SYS_OPENAT, 1, -EMFILE);
    CHECK_EQ_INT(mr_server_init(&s, fd, &echoing), -EMFILE);
    mr_sys_fault_clear();
    mr_server_fini(&s);
    mr_fd_close(fd);
    return 0;
}
TEST(server_no_spare)
{
    run(no_spare);
}

/* A listener that other processes hold: watched apart, and released. */
static intptr_t shared(void *arg)
{
    struct mr_server_options o = echoing;
    struct mr_server s;
    int fd = listener();

    (void)arg;
    o.shared = true;
    for (int exclusive = 0; exclusive <= 1; exclusive++) {
        int c;

        CASE("exclusive %d", exclusive);
        o.exclusive = exclusive;
        CHECK_EQ_INT(mr_server_init(&s, fd, &o), 0);
        CHECK_EQ_INT(mr_server_start(&s), 0);
        CHECK_EQ_INT(mr_yield(), 0);
        c = client();
        CHECK_EQ_INT(ping(c), 1);
        mr_fd_close(c);
        mr_server_fini(&s);
    }
    mr_fd_close(fd);
    return 0;
}
TEST(server_shared_listener)
{
    run(shared);
}

SUITE("serving", server_serves, server_stops, server_handler_never_ran,
      server_shared_listener, server_opens, server_drains,
      server_waits_for_a_handlers_children)
SUITE("limits", server_limit, server_handler_limit, server_quota,
      server_fini_with_live_callbacks, server_leave_too_often)
SUITE("errors", server_survives_errors, server_without_a_watch,
      server_no_descriptors, server_leave_ends_rest, server_no_memory,
      server_no_watcher, server_no_spare)
TEST_MAIN()
