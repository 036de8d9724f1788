/* SPDX-License-Identifier: MIT */

/* tour.c - what the programs of the tour share. */
#include "apps/tour/tour.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool fast;

void tour_begin(int argc, char **argv)
{
    fast = argc == 2 && strcmp(argv[1], "--fast") == 0;
    if (argc > 1 && !fast) {
        fprintf(stderr, "usage: %s [--fast]\n", argv[0]);
        exit(2);
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* one sees who sleeps when */
}

int tour_must(intptr_t rc)
{
    if (rc < 0) {
        fprintf(stderr, "failed: %s\n", strerror((int)-rc));
        exit(1);
    }
    return (int)rc;
}

int64_t tour_ms(int64_t ms)
{
    return fast ? MR_MAX(ms / 100, 1) : ms;
}

void tour_block(int64_t ms)
{
    int64_t scaled = tour_ms(ms);
    struct timespec t = {scaled / 1000, scaled % 1000 * 1000000};

    (void)nanosleep(&t, NULL); /* cut short by a signal: no harm here */
}
