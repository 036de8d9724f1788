/* SPDX-License-Identifier: MIT */
#ifndef CORE_WATCHDOG_H
#define CORE_WATCHDOG_H

/*
 * watchdog.h - who holds the thread too long, with the stack.
 *
 * A coroutine that neither parks nor yields keeps all others waiting. A program
 * that wants to know of it has its hub watched, by a thread of the library's:
 *
 *     mr_watchdog_watch(mr_ms(100));
 *
 *     warn 4711 watchdog: the thread is held since 101 ms by coroutine #7
 *         'conn', spawned at io/server.c:110                     (one line)
 *     warn 4711 watchdog:   #0 0x55d0c0ffee12 spin+0x12 (/usr/bin/app+0x3e12)
 *     warn 4711 watchdog:   #1 ...
 *     warn 4711 watchdog: the thread is free again, after 312 ms
 *
 * The calls are those in which it is caught; more lines come when it has lasted
 * twice as long, and so on. Time that the thread waits in the kernel for events
 * does not count; what a coroutine waits for otherwise (a file, a lock, a CPU)
 * does.
 *
 * From outside one sees only a process that is busy; sent MR_SIG_REPORT, it
 * tells which coroutine runs, without looking up names, and also when nobody
 * watches:
 *
 *     watchdog 4711: the thread is held by coroutine 'conn', entry serve
 *     watchdog 4711: #0 0x55d0c0ffee12 /usr/bin/millrace+0x3e12
 *
 * addr2line -e /usr/bin/millrace 0x3e12 gives the line. The program goes on as
 * if nothing had been asked. The master asks when a worker's beat stops
 * (core/master.h); anyone may ask a worker: kill -s RTMIN+3 PID.
 */
#include "core/base.h"

/*
 * Answer MR_SIG_REPORT (core/signal.h) from now on, on this thread's alternate
 * stack, which it makes (mr_stack_watch_overflow). Lines go to mr_log_fd().
 * 0, -ENOMEM.
 */
MR_API MR_MUST_USE int mr_watchdog_install(void);

/*
 * Watch this thread's hub from now on, until it is freed: log who keeps the
 * thread for longer than limit ns, 1 ms at least. Again: with this limit. Wakes
 * another thread four times per limit. Installs the above, and takes
 * MR_SIG_REPORT out of this thread's mask. 0; -EINVAL, -ENOMEM, -EAGAIN (no
 * thread to be had). A BUG without a hub.
 */
MR_API MR_MUST_USE int mr_watchdog_watch(int64_t limit);
/* No more. Does nothing when it was not watched. */
MR_API void mr_watchdog_unwatch(void);

#endif
