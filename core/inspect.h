/* SPDX-License-Identifier: MIT */
#ifndef CORE_INSPECT_H
#define CORE_INSPECT_H

/*
 * inspect.h - what all coroutines of a hub are doing.
 *
 * For people: mr_hub_dump and mr_hub_log write a line for each, and the calls
 * that it is in:
 *
 *     coroutine #7 'conn' parked: read (descriptor 9), for 1.204 s, 28.796 s
 *     left, spawned at io/server.c:110, 1888 of 65536 stack bytes    (one line)
 *       #0 0x55d0c0ffee12 mr_hub_wait_fd+0x52 (/usr/bin/millrace+0x3e12)
 *       #1 ...
 *
 * A root comes before the generators that it has resumed; at the end those that
 * wait to be resumed. Names of functions are those of core/symbol.h.
 *
 * Any program that runs a hub answers signals with it, unless it has plans of
 * its own for them:
 *
 *     SIGUSR2   every hub of the process writes its list to the log
 *     SIGUSR1   the log is opened anew (mr_log_reopen)
 *
 * mr_hub_new sees to that when the signal's action is the default one, which is
 * to end the process, and the signal is not masked: so a program that handles,
 * ignores or reads it (core/signal.h) before is left alone, and one that does
 * so later takes it over. The action is the process's; after its last hub is
 * gone the signals do nothing.
 */
#include "core/coro.h"
#include "core/frames.h"

struct mr_hub;

struct mr_inspect_info {
    const struct mr_coro *co;
    uint64_t id;
    const char *name;
    enum mr_coro_state state;
    const char *why;       /* "" when it does not wait */
    const char *where;     /* "io/server.c:110"; NULL when not told */
    int64_t waited;        /* ns since it parked; 0 when not parked */
    int64_t left;          /* ns to its deadline; MR_NEVER: it has none */
    int fd;                /* that it waits for, or -1 */
    struct mr_coro *owner; /* whom it waits for (join, mutex), or NULL */
    unsigned depth;        /* 0: a root; 1: what that resumed; ... */
    size_t stack_size;
    size_t stack_used; /* the most, so far */
    struct mr_frames frames;
};

/*
 * Tell fn of each coroutine of this thread's hub, which is where it must be
 * called. fn may not park, and info is good until it returns.
 */
typedef void mr_inspect_fn(const struct mr_inspect_info *info, void *arg);
MR_API void mr_inspect(const struct mr_hub *hub, mr_inspect_fn *fn, void *arg);

/* The list as lines into fd, which should be a file or a pipe that is read:
 * does not park. Of more than 1,000 coroutines, those with the same calls as an
 * earlier one name it instead of the calls. */
MR_API void mr_hub_dump(const struct mr_hub *hub, int fd);
/* The same to the log, whatever its level. */
MR_API void mr_hub_log(const struct mr_hub *hub);

/* As SIGUSR2: every hub of the process, when it next comes to its loop. Any
 * thread, any signal handler. */
MR_API void mr_inspect_all(void);

#endif
