/* SPDX-License-Identifier: MIT */

/* test_watchdog.c - the report of who holds the thread. */
#include "core/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/signal.h"
#include "core/sys.h"
#include "tests/test.h"

static char path[64];

static void log_to_file(void)
{
    int fd;

    snprintf(path, sizeof path, "/tmp/test_watchdog.XXXXXX");
    fd = mkstemp(path);
    CHECK_OK(fd >= 0);
    close(fd);
    CHECK_EQ_INT(mr_log_open(path), 0);
}

/* All of the log, in a static buffer; the file goes. */
static const char *report(void)
{
    static char text[32768];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    unlink(path);
    text[n] = '\0';
    return text;
}

static unsigned frames(const char *text)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, ": #")); p++)
        n++;
    return n;
}

/* Not inlined, not a tail call: each level is a frame. */
__attribute__((noinline)) static int deep(int levels)
{
    volatile int below = 0;

    if (levels == 0)
        errno = ENOTTY;
    below = levels > 0 ? deep(levels - 1) : kill(getpid(), MR_SIG_REPORT);
    return below + 1;
}

static intptr_t holder(void *arg)
{
    (void)arg;
    mr_coro_set_name(mr_coro_self(), "hog");
    return deep(10);
}

/* TSan calls handlers from its own interceptors, whose frames have no frame
 * pointers: the walk ends there. */
#ifdef __SANITIZE_THREAD__
#    define LEAST_FRAMES(n) 1
#else
#    define LEAST_FRAMES(n) (n)
#endif

TEST(names_the_coroutine)
{
    intptr_t levels = 0;
    const char *text;

    EQ_INT(mr_watchdog_install(), 0);
    log_to_file();
    EQ_INT(mr_run(holder, NULL, &levels), 0);
    EQ_INT(levels, 11); /* it went on where it was */
    EQ_INT(errno, ENOTTY);
    text = report();
    OK(strstr(text, "held by coroutine 'hog'") != NULL);
    OK(frames(text) >= LEAST_FRAMES(12));
    OK(strstr(text, "+0x") != NULL); /* file and offset */
}

TEST(on_the_threads_own_stack)
{
    const char *text;

    EQ_INT(mr_watchdog_install(), 0);
    log_to_file();
    EQ_INT(deep(3), 4);
    text = report();
    OK(strstr(text, "in no coroutine") != NULL);
    OK(frames(text) >= LEAST_FRAMES(5));
}

TEST(twice_and_faults)
{
    EQ_INT(mr_watchdog_install(), 0);
    EQ_INT(mr_watchdog_install(), 0);
    mr_sys_fault(MR_SYS_SIGACTION, 1, -EINVAL);
    EQ_INT(mr_watchdog_install(), -EINVAL);
    mr_sys_fault_clear();
}

SUITE("report", names_the_coroutine, on_the_threads_own_stack, twice_and_faults)
TEST_MAIN()
