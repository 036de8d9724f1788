/* SPDX-License-Identifier: MIT */
#ifndef CORE_SCOREBOARD_H
#define CORE_SCOREBOARD_H

/*
 * scoreboard.h - shared counters, one row per worker, one writer per row.
 *
 * A memfd that the master maps before it forks. Each worker writes its own row
 * and nobody else's, with plain stores; anyone reads any row. Numbers of one
 * row may be of slightly different moments.
 *
 *     err = mr_scoreboard_new(workers, &sb);                 in the master
 *     struct mr_score_row *row = mr_scoreboard_row(sb, 2);   in worker 2
 *     mr_scoreboard_add(&row->requests, 1);
 *
 *     fd = mr_sys_openat(AT_FDCWD, "/proc/PID/fd/N", O_RDONLY, 0);
 *     err = mr_scoreboard_open(fd, &sb);                     somewhere else
 *     for (size_t i = 0; i < mr_scoreboard_field_count; i++)
 *         printf("%s %ju\n", mr_scoreboard_fields[i].name,
 *                mr_scoreboard_field(row, i));
 *
 * When a worker is replaced its row goes on with the successor: counters never
 * go back, gauges start at 0.
 */
#include "core/base.h"

/* Why a row's field is what it is: who resets it. */
#define MR_SCORE_KINDS(X)                                             \
    X(IDENTITY, "identity") /* set anew by each process of the row */ \
    X(COUNTER, "counter")   /* only ever grows */                     \
    X(GAUGE, "gauge")       /* 0 when a process takes the row */

enum mr_score_kind {
#define X(id, name) MR_SCORE_##id,
    MR_SCORE_KINDS(X)
#undef X
};

#define MR_SCORE_STATES(X)                               \
    X(EMPTY, "empty")       /* no process has the row */ \
    X(STARTING, "starting") /* forked, not ready */      \
    X(RUNNING, "running")   /* ready */                  \
    X(DRAINING, "draining") /* takes nothing new */

enum mr_score_state {
#define X(id, name) MR_SCORE_##id,
    MR_SCORE_STATES(X)
#undef X
};

/* A new field changes MR_SCOREBOARD_VERSION. Times are ns: started on
 * CLOCK_REALTIME; beat on CLOCK_MONOTONIC, as mr_hub_set_beat writes it. */
#define MR_SCORE_FIELDS(X)    \
    X(IDENTITY, pid)          \
    X(IDENTITY, generation)   \
    X(IDENTITY, started)      \
    X(IDENTITY, state)        \
    X(GAUGE, beat)            \
    X(GAUGE, connections)     \
    X(GAUGE, in_flight)       \
    X(COUNTER, accepted)      \
    X(COUNTER, requests)      \
    X(COUNTER, bytes_in)      \
    X(COUNTER, bytes_out)     \
    X(COUNTER, responses_1xx) \
    X(COUNTER, responses_2xx) \
    X(COUNTER, responses_3xx) \
    X(COUNTER, responses_4xx) \
    X(COUNTER, responses_5xx) \
    X(COUNTER, accept_errors) \
    X(COUNTER, bad_requests)  \
    X(COUNTER, tls_full)      \
    X(COUNTER, tls_resumed)   \
    X(COUNTER, tls_failed)    \
    X(COUNTER, log_lost)

#define MR_SCOREBOARD_VERSION 2

/* Rows begin on 128 bytes: processors fetch cache lines in pairs, so a
 * neighbour's counters would slow ours down from 64. */
#define MR_SCORE_ALIGN 128

/* The rows that one board has at most: as many workers as we let there be. */
#define MR_SCOREBOARD_ROWS_MAX 1024

struct mr_score_row {
#define X(kind, name) uint64_t name;
    MR_SCORE_FIELDS(X)
#undef X
} __attribute__((aligned(MR_SCORE_ALIGN)));

struct mr_scoreboard;

/* A board of zeroes, shared with every process forked from now on. 0, -EINVAL
 * (no rows, too many), -ENOMEM, -EMFILE... */
MR_API MR_MUST_USE int mr_scoreboard_new(unsigned rows,
                                         struct mr_scoreboard **ret);
/* Somebody else's board, to read; fd stays the caller's and need not stay open.
 * 0; -EPROTO: no board; -EPROTONOSUPPORT: another version's; -ENOMEM... */
MR_API MR_MUST_USE int mr_scoreboard_open(int fd, struct mr_scoreboard **ret);
/* Unmaps it here; other processes keep theirs. */
MR_API void mr_scoreboard_free(struct mr_scoreboard *sb);
MR_DEFINE_AUTO(scoreboard)

MR_API unsigned mr_scoreboard_rows(const struct mr_scoreboard *sb);
/* When the board was made: ns on CLOCK_REALTIME. */
MR_API int64_t mr_scoreboard_started(const struct mr_scoreboard *sb);
/* The memfd; -1 for one that was opened. */
MR_API int mr_scoreboard_fd(const struct mr_scoreboard *sb);
/* i < rows, else a BUG. Not to be written when the board was opened. */
MR_API struct mr_score_row *mr_scoreboard_row(struct mr_scoreboard *sb,
                                              unsigned i);

/* The calling process takes the row, STARTING: gauges 0, counters go on. */
MR_API void mr_scoreboard_take(struct mr_score_row *row, unsigned generation);
/* Its process has ended (and was reaped: there is no writer but the caller). */
MR_API void mr_scoreboard_vacate(struct mr_score_row *row);

/* --- fields --- */

/* Relaxed: one writer, and readers who want a number, not an order. */
static inline uint64_t mr_scoreboard_get(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}
static inline void mr_scoreboard_set(uint64_t *field, uint64_t v)
{
    __atomic_store_n(field, v, __ATOMIC_RELAXED);
}
/* By the one writer: a load and a store, no locked add. */
static inline void mr_scoreboard_add(uint64_t *field, int64_t n)
{
    mr_scoreboard_set(field, mr_scoreboard_get(field) + (uint64_t)n);
}

struct mr_score_field {
    const char *name;
    enum mr_score_kind kind;
    size_t offset;
};
extern MR_API const struct mr_score_field mr_scoreboard_fields[];
extern MR_API const size_t mr_scoreboard_field_count;
/* i < mr_scoreboard_field_count. */
MR_API uint64_t mr_scoreboard_field(const struct mr_score_row *row, size_t i);
/* "?" for a number that is no state: rows may come from elsewhere. */
MR_API const char *mr_scoreboard_state_name(uint64_t state);

#endif
