/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CUT_LOG_H
#define HTTP_CUT_LOG_H

/*
 * cut_log.h - answers that ended early, since their file did: a line for the
 * first of each path, and one a second later for how many more there were. A
 * file that is truncated while thousands download it is one event, not
 * thousands.
 *
 *     mr_cut_log_init(&log);
 *     mr_cut_log_add(&log, "files", mr_str("/big"), -ENODATA);
 *     mr_cut_log_fini(&log);
 *
 * One hub's, as its timer is.
 */
#include "core/str.h"
#include "core/timer.h"

/* Paths that are told apart within a second; others are counted together. */
#define MR_CUT_LOG_PATHS 8
/* Bytes of a path that are looked at, and logged. */
#define MR_CUT_LOG_PATH_MAX 200

struct mr_cut_log {
    struct mr_timer timer; /* when the second is over */
    uint64_t others;
    size_t n;
    struct {
        const char *app;
        uint64_t more; /* than the one that was logged */
        size_t path_n;
        char path[MR_CUT_LOG_PATH_MAX];
    } of[MR_CUT_LOG_PATHS];
};

void mr_cut_log_init(struct mr_cut_log *log);
/* What was counted is logged. */
void mr_cut_log_fini(struct mr_cut_log *log);
/* Keeps app until mr_cut_log_fini; it is a handler's name. */
void mr_cut_log_add(struct mr_cut_log *log, const char *app, struct mr_str path,
                    int err);

#endif
