/* SPDX-License-Identifier: MIT */

/*
 * 11-sequence - three coroutines that never wait: one after the other.
 *
 * From here on a hub decides who goes on. It never takes the thread away from
 * one that runs, so a coroutine that waits for nothing is done in one go. The
 * program's own coroutine, in which main_ runs, is #0.
 */
#include <errno.h>

#include "apps/tour/tour.h"
#include "core/hub.h"

static intptr_t f(void *arg)
{
    char me[64];

    mr_coro_format(mr_coro_self(), me, sizeof me);
    for (int i = 0; i < (intptr_t)arg; i++)
        printf("%s %d\n", me, i);
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
