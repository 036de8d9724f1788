/* SPDX-License-Identifier: MIT */
#ifndef APPS_FACTORY_FACTORY_H
#define APPS_FACTORY_FACTORY_H

/*
 * factory.h - the parts of the factory, bottom-up:
 *
 *     options.c   what is asked for
 *     proc.c      numbers out of /proc
 *     work.c      how a pair of scissors is made
 *     line.c      a production line: a process, its workers, their errands
 *     boss.c      starts the lines of one way, watches, counts
 *     measure.c   what a switch and a unit cost
 *     limits.c    how many units there may be
 *     report.c    the table, and the same as JSON
 *     main.c      one after another
 *
 * A way is how the same work is shared out:
 *
 *     processes    P lines of one worker each
 *     threads      one line of T workers
 *     both         P lines of T workers
 *     coroutines   one line, one worker, C errands
 *     layered      P lines, one worker each, C errands each
 *
 * over budget: one header for eight small files.
 */
#include "core/base.h"

#define FACTORY_WAYS(X)         \
    X(PROCESSES, "processes")   \
    X(THREADS, "threads")       \
    X(BOTH, "both")             \
    X(COROUTINES, "coroutines") \
    X(LAYERED, "layered")

enum factory_way {
#define X(id, name) FACTORY_##id,
    FACTORY_WAYS(X)
#undef X
        FACTORY_WAY_COUNT
};
const char *factory_way_name(enum factory_way way);

/* The units of work, and how the kernel sees them. */
#define FACTORY_UNITS(X)  \
    X(PROCESS, "process") \
    X(THREAD, "thread")   \
    X(COROUTINE, "coroutine")

enum factory_unit {
#define X(id, name) FACTORY_##id,
    FACTORY_UNITS(X)
#undef X
        FACTORY_UNIT_COUNT
};
const char *factory_unit_name(enum factory_unit unit);

/* --- options.c --- */

struct factory_order {
    uint64_t scissors;
    uint64_t lines;     /* P */
    uint64_t workers;   /* T */
    uint64_t errands;   /* C; 0: one for each pair */
    uint64_t steps;     /* of a pair; each works, then waits */
    int64_t compute_ns; /* of a pair */
    int64_t wait_ns;    /* of a pair */
    bool by[FACTORY_WAY_COUNT];
    bool json;
    bool quick; /* short measurements */
};

/* -1: make it. Otherwise the status to leave with: help was printed (0), or
 * what is wrong (2). */
int factory_parse(struct factory_order *ret, int argc, char **argv);

/* --- proc.c --- */

#define FACTORY_UNKNOWN UINT64_MAX

/* The number at the start of the first line that begins with name, behind it
 * ("" is any line), or FACTORY_UNKNOWN. */
uint64_t factory_proc_number(const char *path, const char *name);
/* All threads of the system; 0: not known. */
uint64_t factory_proc_tasks(void);

/* --- work.c --- */

/* Each step of a pair is so many turns of the grindstone, then a wait. */
struct factory_recipe {
    uint64_t turns;
    int64_t wait_ns;
    uint64_t steps;
};
/* Finds out how many turns this machine does in the time asked for. */
struct factory_recipe factory_recipe(const struct factory_order *order);
/* One pair of this recipe: its mark, which depends on nothing else but the
 * serial number. rest: how this worker waits. */
uint64_t factory_make_pair(const struct factory_recipe *r, uint64_t serial,
                           void (*rest)(int64_t ns));

/* --- line.c --- */

/* What a line has done: in memory shared with the boss. Only the line writes;
 * `made` is read meanwhile. */
struct factory_row {
    uint64_t made;    /* pairs */
    uint64_t serials; /* the sum of their numbers: each was made once */
    uint64_t marks;   /* and of their marks */
    int64_t cpu_ns;
    uint64_t voluntary; /* context switches, by getrusage(2) */
    uint64_t involuntary;
    uint64_t own;         /* switches of the hub: between errands */
    int err;              /* -Exxx: not all were started: */
    uint64_t err_started; /* so many */
    enum factory_unit err_unit;
};

struct factory_share {
    const struct factory_recipe *recipe;
    struct factory_row *row;
    uint64_t next; /* serial numbers to be made: [next, end) */
    uint64_t end;
    uint64_t workers;
    uint64_t errands; /* 0: its workers wait asleep */
};
/* More than a worker that sleeps needs, less than the usual 8 MiB. */
#define FACTORY_STACK ((uint64_t)256 << 10)
/* The whole life of a line, in its process; the exit status. */
int factory_line(struct factory_share *share);

/* --- boss.c --- */

struct factory_result {
    enum factory_way way;
    uint64_t lines;
    uint64_t workers; /* per line */
    uint64_t errands; /* per worker; 0: none */
    int64_t makespan_ns;
    struct factory_row sum;
};

/* From now on signals are read from a descriptor. 0 or -Exxx. */
int factory_boss_begin(void);
/* Run one way; what went wrong is told. 0, or the status to leave with: 1, or
 * 130 when interrupted. No line is alive afterwards. */
int factory_boss_run(const struct factory_order *order,
                     const struct factory_recipe *recipe, enum factory_way way,
                     struct factory_result *ret);
/* Run fn(arg) in a child, and wait for it. Its result, or -ECANCELED
 * (interrupted), -ECHILD (it crashed), -EAGAIN... */
int factory_boss_call(int (*fn)(void *arg), void *arg);
/* In a fresh child: signals as usual, and it does not outlive its parent. */
void factory_child_begin(pid_t parent);
/* Memory that children share with us, zeroed; NULL when there is none. */
void *factory_shared(size_t n);
void factory_shared_free(void *p, size_t n);

/* --- measure.c --- */

struct factory_costs {
    /* 0: could not be measured */
    double switch_ns[FACTORY_UNIT_COUNT];
    uint64_t memory[FACTORY_UNIT_COUNT];       /* private, per unit */
    uint64_t page_tables[FACTORY_UNIT_COUNT];  /* besides */
    uint64_t kernel_stack[FACTORY_UNIT_COUNT]; /* besides */
};
/* -ECANCELED when interrupted, else 0. */
int factory_measure(struct factory_costs *ret, bool quick);

/* --- limits.c --- */

struct factory_limit {
    uint64_t units;  /* so many more there may be */
    const char *why; /* what is exhausted first */
};
struct factory_limit factory_limit(enum factory_unit unit,
                                   const struct factory_costs *costs);

/* --- report.c --- */

struct factory_report {
    const struct factory_order *order;
    struct factory_result results[FACTORY_WAY_COUNT];
    size_t n;
    struct factory_costs costs;
};
void factory_print(const struct factory_report *r);
void factory_print_json(const struct factory_report *r);

#endif
