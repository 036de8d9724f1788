/* SPDX-License-Identifier: MIT */

/*
 * 12-alternating - the same three, each with a sleep in its loop: by turns.
 *
 * mr_sleep_ms parks the coroutine, and gives the thread to the next one that
 * can go on. The three sleep at the same time: five seconds, not fifteen.
 */
#include <errno.h>

#include "apps/tour/tour.h"
#include "core/hub.h"
#include "core/timer.h"

static intptr_t f(void *arg)
{
    char me[64];

    mr_coro_format(mr_coro_self(), me, sizeof me);
    for (int i = 0; i < (intptr_t)arg; i++) {
        int rc;

        printf("%s %d\n", me, i);
        rc = mr_sleep_ms(tour_ms(1000));
        if (rc)
            return rc;
    }
    return 0;
}

static intptr_t main_(void *unused)
{
    static const struct mr_spawn_options o = {.name = "f(5)", .entry = "f"};
    struct mr_coro *g[3];

    (void)unused;
    for (int i = 0; i < 3; i++) {
        g[i] = mr_spawn_with(f, (void *)5, &o);
        if (!g[i])
            return -ENOMEM;
    }
    for (int i = 0; i < 3; i++)
        tour_must(mr_join(g[i], NULL, MR_NEVER));
    return 0;
}

int main(int argc, char **argv)
{
    intptr_t rc;

    tour_begin(argc, argv);
    tour_must(mr_run(main_, NULL, &rc));
    return tour_must(rc);
}
