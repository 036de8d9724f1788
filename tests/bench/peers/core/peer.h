/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_PEERS_CORE_PEER_H
#define TESTS_BENCH_PEERS_CORE_PEER_H

/*
 * peer.h - what the peers of `make bench-core` have in common.
 *
 *     PEER --tsv [ROW [N]]       ROW<TAB>VALUE, one line for each that it can
 * do
 *
 * Values are nanoseconds of the process's CPU time for one operation, unless
 * the row's name ends in its unit. N is how many operations; the default takes
 * some tenths of a second. A tenth of it runs first, unmeasured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct peer_row {
    const char *name;                                /* NULL ends the table */
    void (*run)(const struct peer_row *row, long n); /* prints by peer_tell */
    void (*loop)(long n);                            /* for peer_measure */
    long n;                                          /* the default */
};

static inline double peer_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double peer_cpu(void)
{
    return peer_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void peer_tell(const char *row, double value)
{
    printf("%s\t%.6g\n", row, value);
    fflush(stdout);
}

/* VmRSS and VmPTE in bytes: what is resident, and its page tables. */
static inline double peer_resident(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    double kib = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmPTE:", 6) == 0)
            kib += strtod(line + 6, NULL);
    }
    if (f)
        fclose(f);
    return kib * 1024;
}

/* A row's run where loop(n) does n operations. */
static inline void peer_measure(const struct peer_row *row, long n)
{
    double began;

    row->loop(n / 10 + 2);
    began = peer_cpu();
    row->loop(n);
    peer_tell(row->name, (peer_cpu() - began) / (double)n);
}

/* Inexact, so that the context which calls it has that sticky flag up. */
static inline void peer_divide(void)
{
    volatile double three = 3.0, third = 1.0 / three;

    (void)third;
}

static inline void *peer_stack(size_t size)
{
    void *p = aligned_alloc(4096, size);

    if (!p)
        exit(1);
    memset(p, 0, size); /* its pages are there before anything is measured */
    return p;
}

static inline int peer_main(int argc, char **argv, const struct peer_row *rows)
{
    const char *only = argc > 2 ? argv[2] : NULL;
    long n = argc > 3 ? strtol(argv[3], NULL, 10) : 0;

    if (argc < 2 || strcmp(argv[1], "--tsv") != 0) {
        fprintf(stderr, "usage: %s --tsv [ROW [N]]\n", argv[0]);
        return 2;
    }
    for (; rows->name; rows++) {
        if (!only || strcmp(only, rows->name) == 0)
            rows->run(rows, n ? n : rows->n);
    }
    return 0;
}

#endif
