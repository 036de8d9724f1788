/* SPDX-License-Identifier: MIT */

/*
 * work.c - how a pair of scissors is made: the same, whoever makes it.
 *
 * Work is turns of a grindstone: arithmetic in registers, each turn depending
 * on the one before, so that no processor does it ahead and no compiler away.
 */
#include "apps/factory/factory.h"
#include "core/timer.h"

/* Some 100 us each: long beside the clock's own cost (30 ns), and so short and
 * so many that some are disturbed by nobody. */
#define TRIAL_TURNS 50000
#define TRIALS 40

static uint64_t grind(uint64_t v, uint64_t turns)
{
    while (turns-- > 0) {
        v ^= v << 13;
        v ^= v >> 7;
        v ^= v << 17;
    }
    return v;
}

/* The fastest trial: one that nobody disturbed. */
static double turn_ns(void)
{
    static volatile uint64_t sink;
    int64_t best = INT64_MAX;

    for (int i = 0; i < TRIALS; i++) {
        int64_t began = mr_now();

        sink = grind(sink | 1, TRIAL_TURNS);
        best = MR_MIN(best, mr_now() - began);
    }
    return (double)MR_MAX(best, 1) / TRIAL_TURNS;
}

struct factory_recipe factory_recipe(const struct factory_order *order)
{
    double per_step = (double)order->compute_ns / (double)order->steps;

    return (struct factory_recipe){
        .turns = (uint64_t)(per_step / turn_ns()),
        .wait_ns = order->wait_ns / (int64_t)order->steps,
        .steps = order->steps,
    };
}

uint64_t factory_make_pair(const struct factory_recipe *r, uint64_t serial,
                           void (*rest)(int64_t ns))
{
    uint64_t mark = serial + 1; /* the grindstone keeps a 0 as it is */

    for (uint64_t i = 0; i < r->steps; i++) {
        mark = grind(mark, r->turns);
        if (r->wait_ns > 0)
            rest(r->wait_ns);
    }
    return mark;
}
