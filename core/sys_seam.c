/* SPDX-License-Identifier: MIT */

/*
 * sys_seam.c - calls that are made to fail, for tests.
 *
 * Set and cleared while no helper thread makes calls; counted by all of them.
 */
#include <string.h>

#include "core/sys.h"

bool mr_sys_seam_on;

static struct {
    uint64_t calls;
    uint64_t fail_from; /* 0: never */
    bool always;
    int err;
} faults[MR_SYS_COUNT];

static struct {
    const enum mr_sys_call *calls; /* NULL: off */
    size_t n;
    uint64_t nth;
    uint64_t seen;
    int err;
} stop;

static bool is_stopped(enum mr_sys_call call)
{
    for (size_t i = 0; stop.calls && i < stop.n; i++)
        if (stop.calls[i] == call)
            return __atomic_add_fetch(&stop.seen, 1, __ATOMIC_RELAXED) >=
                   stop.nth;
    return false;
}

int mr_sys_seam(enum mr_sys_call call)
{
    /* Relaxed: helper threads count too, and only sums are read. */
    uint64_t n = __atomic_add_fetch(&faults[call].calls, 1, __ATOMIC_RELAXED);

    if (is_stopped(call))
        return stop.err;
    if (faults[call].fail_from == 0 || n < faults[call].fail_from)
        return 0;
    if (!faults[call].always && n > faults[call].fail_from)
        return 0;
    return faults[call].err;
}

void mr_sys_fault(enum mr_sys_call call, unsigned nth, int err)
{
    mr_sys_seam_on = true;
    faults[call].calls = 0;
    faults[call].fail_from = nth;
    faults[call].always = false;
    faults[call].err = err;
}

void mr_sys_fault_always(enum mr_sys_call call, int err)
{
    mr_sys_fault(call, 1, err);
    faults[call].always = true;
}

void mr_sys_fault_clear(void)
{
    mr_sys_seam_on = false;
    memset(faults, 0, sizeof faults);
    memset(&stop, 0, sizeof stop);
}

void mr_sys_stop(const enum mr_sys_call *calls, size_t n, uint64_t nth, int err)
{
    mr_sys_seam_on = true;
    stop.calls = calls;
    stop.n = n;
    stop.nth = nth;
    stop.seen = 0;
    stop.err = err;
}

uint64_t mr_sys_stopped_at(void)
{
    return __atomic_load_n(&stop.seen, __ATOMIC_RELAXED);
}

uint64_t mr_sys_calls(enum mr_sys_call call)
{
    return __atomic_load_n(&faults[call].calls, __ATOMIC_RELAXED);
}
