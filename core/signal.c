/* SPDX-License-Identifier: MIT */

/*
 * signal.c - a signal as a value one waits for: signalfd(2) on the hub.
 *
 * No handlers here. Those that exist are where they must be: a stack's
 * overflow (core/overflow.c), the watchdog (core/watchdog.c), and the list of
 * coroutines (core/inspect.c).
 */
#include "core/signal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>

#include "core/hub.h"
#include "core/sys.h"

sigset_t mr_signal_set(int n, ...)
{
    sigset_t set;
    va_list ap;

    sigemptyset(&set);
    va_start(ap, n);
    for (int i = 0; i < n; i++)
        MR_BUG_ON(sigaddset(&set, va_arg(ap, int)) == -1);
    va_end(ap);
    return set;
}

int mr_signal_open(sigset_t set)
{
    sigset_t old;
    int fd, err;

    err = mr_sys_sigmask(SIG_BLOCK, &set, &old);
    if (err)
        return err;
    fd = mr_sys_signalfd(-1, &set);
    if (fd < 0)
        (void)!mr_sys_sigmask(SIG_SETMASK, &old, NULL); /* fd tells more */
    return fd;
}

int mr_signal_read(int fd, struct mr_signal *ret)
{
    struct signalfd_siginfo info;
    ssize_t n = mr_sys_read(fd, &info, sizeof info);

    if (n < 0)
        return (int)n;
    MR_BUG_ON(n != sizeof info); /* signalfd(2): whole records only */
    ret->number = (int)info.ssi_signo;
    ret->pid = (pid_t)info.ssi_pid;
    return 0;
}

int mr_signal_wait(int fd, struct mr_signal *ret, int64_t deadline)
{
    for (;;) {
        int rc = mr_signal_read(fd, ret);

        if (rc != -EAGAIN)
            return rc;
        rc = mr_hub_wait_fd(fd, MR_READABLE, deadline);
        if (rc)
            return rc;
    }
}

void mr_signal_close(int fd)
{
    if (mr_hub_self())
        mr_hub_forget(fd);
    mr_sys_close(fd);
}

const char *mr_signal_name(int number)
{
    /* Real-time signals have no names; ours all do. */
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
        {SIGHUP, "SIGHUP"},   {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
        {SIGCHLD, "SIGCHLD"}, {SIGKILL, "SIGKILL"}, {SIGPIPE, "SIGPIPE"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    return "SIG?";
}

/* Those whose action stays: faults, which sanitizers watch, and the two that
 * have none. */
static bool is_kept(int sig)
{
    static const int kept[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
                               SIGTRAP, SIGABRT, SIGKILL, SIGSTOP};

    for (size_t i = 0; i < MR_ARRAY_LEN(kept); i++) {
        if (kept[i] == sig)
            return true;
    }
    return false;
}

int mr_signal_reset(sigset_t masked)
{
    struct sigaction def = {.sa_handler = SIG_DFL};

    sigemptyset(&def.sa_mask);
    for (int sig = 1; sig <= SIGRTMAX; sig++) {
        int err = is_kept(sig) ? 0 : mr_sys_sigaction(sig, &def, NULL);

        /* libc keeps the first real-time signals to itself: -EINVAL */
        if (err && err != -EINVAL)
            return err;
    }
    return mr_sys_sigmask(SIG_SETMASK, &masked, NULL);
}

int mr_signal_ignore_pipe(void)
{
    struct sigaction ign = {.sa_handler = SIG_IGN};

    sigemptyset(&ign.sa_mask);
    return mr_sys_sigaction(SIGPIPE, &ign, NULL);
}
