/* SPDX-License-Identifier: MIT */
#ifndef CORE_SIGNAL_H
#define CORE_SIGNAL_H

/*
 * signal.h - a signal as a value one waits for.
 *
 * Signals are read from a descriptor, so that they arrive between two events
 * and not inside one. Open it before any thread starts: a thread has the mask
 * of the one that made it, and a signal that some thread does not mask is
 * delivered there.
 *
 *     int fd = mr_signal_open(mr_signal_set(2, SIGTERM, SIGINT));
 *     while (mr_signal_wait(fd, &sig, MR_NEVER) == 0)
 *         printf("%s from %d\n", mr_signal_name(sig.number), sig.pid);
 *     mr_signal_close(fd);
 *
 * The same signal sent twice before it is read may be read once.
 */
#include <signal.h>

#include "core/base.h"

struct mr_signal {
    int number;
    pid_t pid; /* the sender; 0: the kernel, a terminal */
};

/* A set of n signals, given one by one as ints. */
MR_API sigset_t mr_signal_set(int n, ...);

/* Mask the set in this thread and make a descriptor that reads it
 * (non-blocking, not inherited by programs). The descriptor, or -Exxx with the
 * mask as it was. The signals stay masked after the close. */
MR_API MR_MUST_USE int mr_signal_open(sigset_t set);

/* Without waiting. 0, or -EAGAIN when none is there. */
MR_API MR_MUST_USE int mr_signal_read(int fd, struct mr_signal *ret);

/* On a hub. 0, -ETIMEDOUT, -ECANCELED, -EBADF (closed meanwhile), -ENOMEM. May
 * park. */
MR_API MR_MUST_USE int mr_signal_wait(int fd, struct mr_signal *ret,
                                      int64_t deadline);

/* With or without a hub; who waits is told -EBADF. */
MR_API void mr_signal_close(int fd);

/* "SIGTERM"; "SIG?" for a number without a name. */
MR_API const char *mr_signal_name(int number);

/*
 * For a fresh child: every signal has its default action, and none is masked
 * but those of `masked`, which may already be pending. The actions of faults
 * (SIGSEGV and its like) stay: before a fork only sanitizers set them. 0 or
 * -Exxx.
 */
MR_API MR_MUST_USE int mr_signal_reset(sigset_t masked);

/* A write to a closed socket is an error, not the end of the process. 0 or
 * -Exxx. */
MR_API MR_MUST_USE int mr_signal_ignore_pipe(void);

/* Asks a worker to write down who runs (core/watchdog.h). */
#define MR_SIG_REPORT (SIGRTMIN + 3)

#endif
