/* SPDX-License-Identifier: MIT */
/*
 * test_client_faults.c - calls that are cancelled at any point, and that get no
 * memory: nothing stays behind, and the next call is as the first.
 */
#include <fcntl.h>

#include "tests/http/client_util.h"

/* One connection after the other, whatever fails. */
static intptr_t serve_all(void *arg)
{
    struct theatre *t = arg;
    char buf[1024];

    for (;;) {
        int fd = mr_accept(t->fd, NULL, MR_NEVER);

        if (fd == -ECANCELED)
            return 0;
        while (fd >= 0 && mr_recv(fd, buf, sizeof buf, 0, MR_NEVER) > 0)
            if (mr_send(fd, OK_HELLO, strlen(OK_HELLO), 0, MR_NEVER) < 0)
                break;
        mr_fd_close(fd);
    }
}

static int open_files(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += mr_sys_fcntl(fd, F_GETFD, 0) >= 0;
    return n;
}

static intptr_t get_any(void *arg)
{
    (void)get(arg, "/");
    return 0;
}

/* Closed on both sides, and nobody holds a place. */
static void is_as_before(struct theatre *t, int files)
{
    struct mr_client_stats s = mr_client_stats(t->client);
    int64_t patience = mr_after_s(20);

    CHECK_EQ_INT(s.open, s.idle);
    CHECK_EQ_INT(s.waiting, 0);
    mr_client_close_idle(t->client);
    while (open_files() > files && mr_now() < patience && mr_yield() == 0)
        ;
    CHECK_EQ_INT(open_files(), files);
}

static void call_off(struct theatre *t)
{
    mr_call_close(t->call);
    t->call = NULL;
}

CLIENT(cancelled_at_any_point)
{
    struct mr_coro *server = mr_spawn(serve_all, t);
    int files;

    CHECK_OK(server);
    CHECK_EQ_STR(get(t, "/"), "200 hello"); /* all that is made once is */
    call_off(t);
    mr_client_close_idle(t->client);
    files = open_files() - 1;
    for (int n = 0; n < 60; n++) {
        struct mr_coro *co = mr_spawn(get_any, t);

        CASE("after %d turns", n);
        CHECK_OK(co);
        for (int i = 0; i < n; i++)
            (void)mr_yield();
        mr_cancel(co);
        CHECK_EQ_INT(mr_join(co, NULL, PATIENCE), 0);
        call_off(t);
        is_as_before(t, files);
    }
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    call_off(t);
    mr_client_close_idle(t->client);
    mr_cancel(server);
    CHECK_EQ_INT(mr_join(server, NULL, PATIENCE), 0);
}

CLIENT(no_memory_at_any_point)
{
    struct mr_coro *server = mr_spawn(serve_all, t);
    int files, failed = 0;

    CHECK_OK(server);
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    call_off(t);
    mr_client_close_idle(t->client);
    files = open_files() - 1;
    for (unsigned n = 1; n < 40; n++) {
        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        (void)get(t, "/");
        mr_sys_fault_clear();
        failed += t->text[0] == '!';
        CHECK_OK(strcmp(t->text, "200 hello") == 0 || t->text[0] == '!');
        CHECK_OK(t->text[0] != '!' || t->why[0]);
        call_off(t);
        is_as_before(t, files);
    }
    CHECK_OK(failed > 4);
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    call_off(t);
    mr_client_close_idle(t->client);
    mr_cancel(server);
    CHECK_EQ_INT(mr_join(server, NULL, PATIENCE), 0);
}

SUITE("faults", cancelled_at_any_point, no_memory_at_any_point)
TEST_MAIN()
