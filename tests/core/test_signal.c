/* SPDX-License-Identifier: MIT */

/* test_signal.c - signals read from a descriptor, with and without a hub. */
#include "core/signal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/test.h"

TEST(read_one)
{
    int fd = mr_signal_open(mr_signal_set(2, SIGTERM, SIGHUP));
    struct mr_signal sig = {0};

    OK(fd >= 0);
    EQ_INT(mr_signal_read(fd, &sig), -EAGAIN);
    EQ_INT(sig.number, 0);
    kill(getpid(), SIGHUP);
    EQ_INT(mr_signal_read(fd, &sig), 0);
    EQ_INT(sig.number, SIGHUP);
    EQ_INT(sig.pid, getpid());
    EQ_INT(mr_signal_read(fd, &sig), -EAGAIN);
    mr_signal_close(fd);
}

/* Masked from the open on, also after the close: it must not kill us. */
TEST(stays_masked)
{
    int fd = mr_signal_open(mr_signal_set(1, SIGTERM));
    struct mr_signal sig;

    mr_signal_close(fd);
    kill(getpid(), SIGTERM);
    fd = mr_signal_open(mr_signal_set(1, SIGTERM));
    EQ_INT(mr_signal_read(fd, &sig), 0);
    EQ_INT(sig.number, SIGTERM);
    mr_signal_close(fd);
}

TEST(open_fails)
{
    sigset_t now;

    mr_sys_fault(MR_SYS_SIGNALFD, 1, -EMFILE);
    EQ_INT(mr_signal_open(mr_signal_set(1, SIGTERM)), -EMFILE);
    mr_sys_fault_clear();
    EQ_INT(mr_sys_sigmask(SIG_BLOCK, NULL, &now), 0);
    OK(!sigismember(&now, SIGTERM));
}

static void nothing(int sig)
{
    (void)sig;
}

TEST(reset)
{
    struct sigaction sa = {.sa_handler = nothing}, got;
    sigset_t now;

    EQ_INT(mr_sys_sigaction(SIGUSR1, &sa, NULL), 0);
    EQ_INT(mr_sys_sigaction(SIGSEGV, &sa, NULL), 0);
    sa.sa_handler = SIG_IGN;
    EQ_INT(mr_sys_sigaction(SIGCHLD, &sa, NULL), 0);
    EQ_INT(mr_signal_reset(mr_signal_set(1, SIGTERM)), 0);
    EQ_INT(mr_sys_sigaction(SIGUSR1, NULL, &got), 0);
    OK(got.sa_handler == SIG_DFL);
    EQ_INT(mr_sys_sigaction(SIGCHLD, NULL, &got), 0);
    OK(got.sa_handler == SIG_DFL);
    EQ_INT(mr_sys_sigaction(SIGSEGV, NULL, &got), 0);
    OK(got.sa_handler == nothing); /* faults are kept */
    EQ_INT(mr_sys_sigmask(SIG_BLOCK, NULL, &now), 0);
    OK(sigismember(&now, SIGTERM));
    OK(!sigismember(&now, SIGUSR1));
    EQ_INT(mr_signal_ignore_pipe(), 0);
    EQ_INT(mr_sys_sigaction(SIGPIPE, NULL, &got), 0);
    OK(got.sa_handler == SIG_IGN);
}

TEST(names)
{
    EQ_STR(mr_signal_name(SIGTERM), "SIGTERM");
    EQ_STR(mr_signal_name(SIGUSR2), "SIGUSR2");
    EQ_STR(mr_signal_name(-1), "SIG?");
}

/* --- on a hub --- */

static intptr_t wait_one(void *arg)
{
    struct mr_signal sig = {0};
    int rc = mr_signal_wait(*(int *)arg, &sig, MR_NEVER);

    return rc ? rc : sig.number;
}

static intptr_t waits(void *arg)
{
    int fd = mr_signal_open(mr_signal_set(1, SIGHUP));
    struct mr_coro *co;
    struct mr_signal sig;
    intptr_t got = 0;

    (void)arg;
    CHECK_EQ_INT(mr_signal_wait(fd, &sig, mr_after_ms(1)), -ETIMEDOUT);
    co = mr_spawn(wait_one, &fd);
    CHECK_OK(co != NULL);
    CHECK_EQ_INT(mr_yield(), 0); /* it parks */
    kill(getpid(), SIGHUP);
    CHECK_EQ_INT(mr_join(co, &got, MR_NEVER), 0);
    CHECK_EQ_INT(got, SIGHUP);

    co = mr_spawn(wait_one, &fd);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_signal_close(fd);
    CHECK_EQ_INT(mr_join(co, &got, MR_NEVER), 0);
    CHECK_EQ_INT(got, -EBADF);
    return 0;
}

TEST(wait_on_hub)
{
    EQ_INT(mr_run(waits, NULL, NULL), 0);
}

SUITE("descriptor", read_one, stays_masked, open_fails)
SUITE("dispositions", reset, names)
SUITE("hub", wait_on_hub)
TEST_MAIN()
