/* SPDX-License-Identifier: MIT */
#ifndef CORE_LOG_H
#define CORE_LOG_H

/*
 * log.h - what the operator reads: one line per event, on a descriptor.
 *
 *     2026-11-22T12:47:51.123Z warn 4711 worker 2: accept: too many open files
 *
 * Time is UTC, then level, pid, message. A message never spans lines: control
 * bytes in it are written as \xHH. Never parks; a line is one write(2) of at
 * most MR_LOG_LINE_MAX bytes (longer ones end in "..."), so that lines of
 * several processes do not mix. A full disk loses lines and counts them.
 *
 * Libraries (core, io, http below server) do not log errors: they return them.
 */
#include "core/base.h"

#define MR_LOG_LEVELS(X)                                           \
    X(ERROR, "error") /* something is lost; someone should look */ \
    X(WARN, "warn")   /* going on, with less */                    \
    X(INFO, "info")   /* life cycle, and what peers did wrong */   \
    X(DEBUG, "debug") /* for those who work on Millrace */

enum mr_log_level {
#define X(id, name) MR_LOG_##id,
    MR_LOG_LEVELS(X)
#undef X
};

/* Longer lines are cut: below PIPE_BUF, so that a pipe keeps lines whole. */
#define MR_LOG_LINE_MAX 2048

/* Below this level nothing is formatted. Default MR_LOG_INFO. */
MR_API void mr_log_set_level(enum mr_log_level level);
MR_API enum mr_log_level mr_log_level(void);
/* 0, or -EINVAL for a name that is no level. */
MR_API MR_MUST_USE int mr_log_level_parse(const char *name,
                                          enum mr_log_level *ret);

/*
 * Log to a file (appended, made 0640; keeps the path for mr_log_reopen), or to
 * standard error when path is NULL. 0 or -Exxx, the old log still in use.
 */
MR_API MR_MUST_USE int mr_log_open(const char *path);
/* Open the path anew (after logrotate moved it). 0 or -Exxx, the old kept. */
MR_API int mr_log_reopen(void);
/* The descriptor in use: for signal handlers that write their own lines. */
MR_API int mr_log_fd(void);
/* Lines lost since the start: the write failed or was short. */
MR_API uint64_t mr_log_lost(void);

/* What stands between pid and message in every line ("worker 2: "); copied,
 * at most 31 bytes. */
MR_API void mr_log_set_prefix(const char *prefix);

MR_API void mr_log(enum mr_log_level level, const char *fmt, ...)
    MR_PRINTF(2, 3);
/* What the operator has asked for: whatever the level, as info. */
MR_API void mr_log_asked(const char *fmt, ...) MR_PRINTF(1, 2);
/* At most one line a second per call site; says how many were left out.
 * *gate is the call site's static, zero at first. */
struct mr_log_gate {
    int64_t next; /* ns; when the next line may go */
    uint64_t held;
};
MR_API void mr_log_every_second(struct mr_log_gate *gate,
                                enum mr_log_level level, const char *fmt, ...)
    MR_PRINTF(3, 4);

/* The text of a negative errno ("no such file or directory"), never NULL. */
MR_API const char *mr_strerror(int err);

#endif
