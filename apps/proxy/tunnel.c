/* SPDX-License-Identifier: MIT */

/*
 * tunnel.c - bytes both ways, after an upgrade.
 *
 *   (1) What one side says is the other's until it ends; its end is passed on,
 *       and the other may go on talking.
 *   (2) An error of either ends both. So does silence of both.
 */
#include <errno.h>
#include <millrace/app.h>

#include "apps/proxy/proxy.h"
#include "core/sync.h"

/* A frame of most protocols; two of them for each tunnel. */
#define PIECE ((size_t)16 * 1024)

struct tunnel {
    int64_t timeout;
    int64_t last; /* a byte came, from whichever side */
    unsigned open;
    struct mr_event over;
};

struct way {
    struct tunnel *t;
    struct mr_stream *from, *to;
};

/* 0 at the end, or -Exxx. */
static int carry(const struct way *w, char *buf)
{
    struct tunnel *t = w->t;
    int rc = 0;

    while (!rc) {
        int64_t until = t->last + t->timeout;
        ssize_t n = mr_stream_read(w->from, buf, PIECE, until);

        if (n == -ETIMEDOUT && t->last + t->timeout > until)
            continue; /* the other side talks */
        if (n <= 0)
            return (int)n;
        rc = mr_stream_write_all(w->to, buf, (size_t)n, mr_after(t->timeout));
        t->last = mr_hub_now();
    }
    return rc;
}

static intptr_t one_way(void *arg)
{
    const struct way *w = arg;
    char *buf = mr_alloc(PIECE);
    int rc = buf ? carry(w, buf) : -ENOMEM;

    mr_free(buf);
    if (rc == 0)
        (void)mr_stream_shutdown(w->to, mr_after(w->t->timeout));
    if (--w->t->open == 0 || rc < 0)
        mr_event_set(&w->t->over);
    return rc;
}

void tunnel_run(struct mr_stream *client, struct mr_stream *server,
                int64_t timeout)
{
    struct tunnel t = {.timeout = timeout, .last = mr_hub_now(), .open = 2};
    struct way up = {&t, client, server}, down = {&t, server, client};
    struct mr_group g;

    mr_group_init(&g);
    mr_event_init(&t.over);
    if (mr_group_spawn(&g, one_way, &up) && mr_group_spawn(&g, one_way, &down))
        (void)!mr_event_wait(&t.over, MR_NEVER); /* cancelled: over, too */
    mr_group_close(&g);
}
