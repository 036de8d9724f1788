/* SPDX-License-Identifier: MIT */

/*
 * 09-two-works - two pieces of work, by turns, in one thread.
 *
 * Each yields nothing but the thread (its values have no size). Who goes on is
 * decided by the loop below: a scheduler of two lines.
 */
#include "apps/tour/tour.h"
#include "core/generator.h"

static intptr_t work(struct mr_generator *g, void *name)
{
    for (;;) {
        int err;

        printf("----%s---\n", (const char *)name);
        err = mr_generator_yield(g, NULL);
        if (err)
            return err;
        tour_block(500);
    }
}

int main(int argc, char **argv)
{
    MR_AUTO(generator) w1 = NULL;
    MR_AUTO(generator) w2 = NULL;

    tour_begin(argc, argv);
    tour_must(mr_generator_new(&w1, work, (void *)"work1", 0));
    tour_must(mr_generator_new(&w2, work, (void *)"work2", 0));
    for (int i = 0; i < TOUR_ROUNDS; i++) {
        tour_must(mr_generator_next(w1, NULL));
        tour_must(mr_generator_next(w2, NULL));
    }
    return 0;
}
