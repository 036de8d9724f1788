/* SPDX-License-Identifier: MIT */

/*
 * 10-greenlet - the two switch to each other; nobody stands above them.
 *
 * A generator goes back to whoever asked. A greenlet says where to go. When one
 * ends, its parent goes on: here that is main.
 */
#include "apps/tour/tour.h"
#include "core/greenlet.h"

static struct mr_coro *gr1, *gr2;

static intptr_t test1(void *unused)
{
    (void)unused;
    for (int i = 0; i < TOUR_ROUNDS; i++) {
        printf("---A--\n");
        (void)mr_switch_to(gr2, 0); /* brings nothing */
        tour_block(500);
    }
    return 0;
}

static intptr_t test2(void *unused)
{
    intptr_t rc = 0;

    (void)unused;
    while (rc >= 0) {
        printf("---B--\n");
        rc = mr_switch_to(gr1, 0);
        if (rc >= 0)
            tour_block(500);
    }
    return rc; /* -ECANCELED: it is being freed */
}

int main(int argc, char **argv)
{
    tour_begin(argc, argv);
    tour_must(mr_greenlet_new(&gr1, test1, NULL));
    tour_must(mr_greenlet_new(&gr2, test2, NULL));
    tour_must(mr_switch_to(gr1, 0)); /* until gr1 has ended */
    mr_greenlet_free(gr1);
    mr_greenlet_free(gr2);
    return 0;
}
