/* SPDX-License-Identifier: MIT */

/*
 * main.c - mrget: files over HTTP, many at once.
 *
 *     main -> hub -> program: report, signals -> engine -> downloads
 *
 * The first SIGINT, SIGTERM or SIGHUP ends all downloads, which keep what they
 * have; the second ends the process at once, which loses nothing that the
 * journals say is there.
 */
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/get/engine.h"
#include "core/hub.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/signal.h"
#include "core/timer.h"

struct program {
    struct get_options options;
    struct get_report *report;
    struct get_engine engine;
    int signals; /* a descriptor */
    int stopped; /* by this signal; 0: not */
    int status;
};

static intptr_t watch_signals(void *arg)
{
    struct program *p = arg;
    struct mr_signal sig;

    while (mr_signal_wait(p->signals, &sig, MR_NEVER) == 0) {
        if (sig.number == SIGWINCH) {
            get_report_resize(p->report);
            continue;
        }
        if (p->stopped)
            _exit(128 + sig.number);
        p->stopped = sig.number;
        get_report_interrupt(p->report, 128 + sig.number);
        get_engine_stop(&p->engine);
    }
    return 0;
}

static intptr_t run(void *arg)
{
    struct program *p = arg;
    enum get_outcome outcome;
    struct mr_coro *watcher;
    int rc = get_report_open(&p->report, &p->options);

    if (rc)
        return rc;
    get_engine_init(&p->engine, &p->options, p->report);
    watcher = mr_spawn(watch_signals, p);
    if (!watcher) {
        get_report_close(p->report);
        return -ENOMEM;
    }
    outcome = get_engine_run(&p->engine);
    p->status = outcome == GET_INTERRUPTED && p->stopped ? 128 + p->stopped
                                                         : (int)outcome;
    get_report_end(p->report, &p->engine.tally, outcome, p->status);
    get_report_close(p->report);
    mr_cancel(watcher);
    return 0;
}

static int must(const char *what, intptr_t rc)
{
    if (rc < 0)
        fprintf(stderr, "mrget: %s: %s\n", what, strerror((int)-rc));
    return rc < 0 ? GET_OTHER : 0;
}

int main(int argc, char **argv)
{
    struct program p = {0};
    int status = get_options_parse(&p.options, argc, argv);
    intptr_t rc = 0;

    if (status >= 0)
        return status;
    /* The lanes' buffers come and go with the files: what malloc gave back to
     * the kernel each time, it would fault in again. A hint, so unchecked. */
    (void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
    /* How wide a name is on the terminal depends on it. */
    (void)setlocale(LC_CTYPE, "");
    mr_log_set_level(MR_LOG_ERROR); /* warnings are the report's */
    p.signals =
        mr_signal_open(mr_signal_set(4, SIGINT, SIGTERM, SIGHUP, SIGWINCH));
    status = must("signals", p.signals);
    if (status == 0)
        status = must("SIGPIPE", mr_signal_ignore_pipe());
    if (status == 0)
        status = must("the hub", mr_run(run, &p, &rc));
    if (status == 0)
        status = must("out of memory", rc);
    mr_offload_fini();
    get_options_fini(&p.options);
    return status ? status : p.status;
}
