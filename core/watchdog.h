/* SPDX-License-Identifier: MIT */
#ifndef CORE_WATCHDOG_H
#define CORE_WATCHDOG_H

/*
 * watchdog.h - who holds the thread too long, with the stack.
 *
 * A coroutine that neither parks nor yields keeps all others waiting. From
 * outside one sees only a process that is busy; sent MR_SIG_REPORT, it tells
 * which coroutine runs, and through which calls:
 *
 *     watchdog 4711: the thread is held by coroutine 'conn', entry serve
 *     watchdog 4711: #0 0x55d0c0ffee12 /usr/bin/millrace+0x3e12
 *     watchdog 4711: #1 ...
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

#endif
