/* SPDX-License-Identifier: MIT */

/*
 * 13-blocking - two coroutines whose sleep is the system's: one after the
 * other.
 *
 * Such a sleep stops the thread, and with it the hub: nobody else gets a turn,
 * however long it is. So it goes with everything that waits behind the hub's
 * back. gevent patches the functions; here one calls mr_sleep, or runs a
 * blocking call on a helper thread (core/offload.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "apps/tour/tour.h"
#include "core/group.h"

static intptr_t coroutine_work(void *name)
{
    for (int i = 0; i < 10; i++) {
        printf("%s %d\n", (const char *)name, i);
        tour_block(random() % 1000);
    }
    return 0;
}

/* gevent.joinall([...]) */
static intptr_t main_(void *unused)
{
    struct mr_group g;
    bool ok;
    int rc;

    (void)unused;
    mr_group_init(&g);
    ok = mr_group_spawn(&g, coroutine_work, (void *)"work1") &&
         mr_group_spawn(&g, coroutine_work, (void *)"work2");
    rc = mr_group_wait(&g, MR_NEVER);
    mr_group_close(&g);
    return ok ? rc : -ENOMEM;
}

int main(int argc, char **argv)
{
    intptr_t rc;

    tour_begin(argc, argv);
    tour_must(mr_run(main_, NULL, &rc));
    return tour_must(rc);
}
