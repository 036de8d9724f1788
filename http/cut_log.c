/* SPDX-License-Identifier: MIT */

/*
 * cut_log.c - answers that ended early, a few lines a second
 * (http/cut_log.h).
 *
 *   empty --[add: a line]--> counting --[a second later: the counts]--> empty
 *
 *  (1) The timer runs while anything is counted. Where it cannot be started,
 *      nothing is kept, and each answer is a line.
 */
#include "http/cut_log.h"

#include "core/hub.h"
#include "core/log.h"

#define WINDOW_NS INT64_C(1000000000)

static void tell(struct mr_cut_log *log)
{
    for (size_t i = 0; i < log->n; i++) {
        if (log->of[i].more > 0)
            mr_log(MR_LOG_ERROR, "http: app %s: %.*s: %ju more cut short",
                   log->of[i].app, (int)log->of[i].path_n, log->of[i].path,
                   (uintmax_t)log->of[i].more);
    }
    if (log->others > 0)
        mr_log(MR_LOG_ERROR, "http: %ju answers of other files cut short",
               (uintmax_t)log->others);
    log->n = 0;
    log->others = 0;
}

static void on_timer(struct mr_timer *t)
{
    tell(mr_container_of(t, struct mr_cut_log, timer));
}

void mr_cut_log_init(struct mr_cut_log *log)
{
    mr_timer_init(&log->timer, on_timer);
    log->n = 0;
    log->others = 0;
}

void mr_cut_log_fini(struct mr_cut_log *log)
{
    mr_timer_stop(&log->timer);
    tell(log);
}

void mr_cut_log_add(struct mr_cut_log *log, const char *app, struct mr_str path,
                    int err)
{
    path.n = MR_MIN(path.n, MR_CUT_LOG_PATH_MAX);
    for (size_t i = 0; i < log->n; i++) {
        if (mr_str_eq(path, mr_str_n(log->of[i].path, log->of[i].path_n))) {
            log->of[i].more++;
            return;
        }
    }
    if (log->n == MR_CUT_LOG_PATHS) {
        log->others++;
        return;
    }
    mr_log(MR_LOG_ERROR, "http: app %s: %.*s: cut short: %s", app, MR_STR(path),
           mr_strerror(err));
    if (!mr_timer_is_started(&log->timer) &&
        mr_timer_start(&log->timer, mr_hub_now() + WINDOW_NS))
        return; /* (1) */
    log->of[log->n].app = app;
    log->of[log->n].more = 0;
    log->of[log->n].path_n = path.n;
    memcpy(log->of[log->n].path, path.p, path.n);
    log->n++;
}
