/* SPDX-License-Identifier: MIT */

/*
 * server.c - the accepting coroutine.
 *
 *                 [mr_server_start]
 *         (init) -----------------> ACCEPTING --[queue empty]--> waits for fd
 *                                    |  ^  |
 *                     [max_live] ----'  |  '--[no descriptor, no memory]--.
 *                         v             |                                 v
 *                   waits for room -----+-------------- waits for room, 100 ms
 *                          [mr_server_leave]
 *
 * mr_server_stop cancels that coroutine in any of these; fini joins it.
 *
 * A handler's connection has a record on the `held` list, which the handler's
 * coroutine takes off itself. One that is cancelled before its first turn never
 * runs; fini finds its record there and closes the descriptor.
 *
 * Not here: what connections do; draining those at rest (http/server.c).
 */
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"

/* Accepted in a row: enough to empty the queue after a usual turn of the hub,
 * few enough (about 0.3 ms) that those already served do not notice. */
#define BATCH 64
/* Without descriptors: how long until trying again when nobody leaves. Others
 * in the process, or on the machine, may have closed some. */
#define EXHAUSTED_MS 100

/* A handler's connection. */
struct held {
    struct mr_list node; /* in server->held */
    struct mr_server *server;
    struct mr_addr peer;
    int fd;
};

static void open_spare(struct mr_server *s)
{
    if (s->spare < 0)
        s->spare =
            mr_sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
}

int mr_server_init(struct mr_server *s, int fd,
                   const struct mr_server_options *o)
{
    MR_BUG_ON(!o->handler == !o->on_connection);
    *s = (struct mr_server){.options = *o, .fd = fd, .spare = -1};
    if (!s->options.name)
        s->options.name = "server";
    mr_group_init(&s->group);
    mr_list_init(&s->held);
    mr_waitq_init(&s->room);
    mr_waitq_init(&s->idle);
    open_spare(s);
    return MR_MIN(s->spare, 0);
}

void mr_server_leave(struct mr_server *s)
{
    MR_BUG_ON(s->stats.live == 0);
    s->stats.live--;
    mr_waitq_wake_all(&s->room, 0);
    if (s->stats.live == 0)
        mr_waitq_wake_all(&s->idle, 0);
}

/* --- one connection --- */

static void drop_held(struct held *h)
{
    struct mr_server *s = h->server;

    mr_list_remove(&h->node);
    mr_fd_close(h->fd);
    mr_free(h);
    mr_server_leave(s);
}

static intptr_t run_handler(void *arg)
{
    struct held *h = arg;
    const struct mr_server_options *o = &h->server->options;

    o->handler(h->fd, &h->peer, o->arg);
    drop_held(h);
    return 0;
}

/* Takes fd. 0 or -ENOMEM. */
static int start_handler(struct mr_server *s, int fd,
                         const struct mr_addr *peer)
{
    struct held *h = mr_alloc(sizeof *h);
    struct mr_coro *co = NULL;

    if (h) {
        *h = (struct held){.server = s, .peer = *peer, .fd = fd};
        co = mr_spawn_with(run_handler, h,
                           &(struct mr_spawn_options){
                               .name = s->options.name,
                               .entry = "run_handler",
                               .where = MR_HERE,
                               .stack_size = s->options.stack_size,
                               .group = &s->group,
                               .reap = true,
                           });
    }
    if (!co) {
        mr_free(h);
        mr_fd_close(fd);
        return -ENOMEM;
    }
    mr_list_push_back(&s->held, &h->node);
    s->stats.live++;
    s->stats.accepted++;
    return 0;
}

/* Takes fd. 0 or -ENOMEM. */
static int hand_out(struct mr_server *s, int fd, const struct mr_addr *peer)
{
    if (s->options.handler)
        return start_handler(s, fd, peer);
    s->stats.live++;
    s->stats.accepted++;
    s->options.on_connection(s, fd, peer, s->options.arg);
    return 0;
}

/* --- too much --- */

static bool is_full(const struct mr_server *s)
{
    return s->options.max_live && s->stats.live >= s->options.max_live;
}

/* With the spare descriptor's number, take one client and close it, so that
 * it is told instead of hanging. */
static void refuse_one(struct mr_server *s)
{
    int fd;

    open_spare(s);
    if (s->spare < 0)
        return;
    mr_sys_close(s->spare);
    s->spare = -1;
    fd = mr_accept_try(s->fd, NULL);
    if (fd >= 0) {
        mr_sys_close(fd);
        s->stats.refused++;
    }
    open_spare(s);
}

/* err: why no connection could be taken on. 0 or -ECANCELED. May park. */
static int rest_exhausted(struct mr_server *s, int err)
{
    static struct mr_log_gate gate;
    int rc;

    mr_log_every_second(&gate, MR_LOG_WARN,
                        "%s: cannot accept: %s (%zu connections)",
                        s->options.name, mr_strerror(err), s->stats.live);
    rc = (int)mr_wait(&s->room, mr_after_ms(EXHAUSTED_MS),
                      "accept: descriptors or memory");
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* --- the accepting coroutine --- */

/* accept4 failed. 0: go on; or why not. May park. */
static int accept_failed(struct mr_server *s, int err)
{
    if (err == -EAGAIN)
        return mr_hub_wait_fd(s->fd, MR_READABLE, MR_NEVER);
    s->stats.errors++;
    switch (err) {
    case -EMFILE:
    case -ENFILE:
        refuse_one(s);
        return rest_exhausted(s, err);
    case -ENOBUFS:
    case -ENOMEM:
    case -EPERM: /* a firewall's rule, of one connection or of all */
        return rest_exhausted(s, err);
    default:
        if (!mr_accept_is_transient(err))
            return err;
        return mr_yield(); /* each takes one off the queue, but never spin */
    }
}

/* 0: go on; or why not. May park. */
static int accept_one(struct mr_server *s)
{
    struct mr_addr peer;
    int fd, rc;

    if (is_full(s))
        return (int)mr_wait(&s->room, MR_NEVER, "accept: max_live");
    fd = mr_accept_try(s->fd, &peer);
    if (fd < 0)
        return accept_failed(s, fd);
    rc = hand_out(s, fd, &peer);
    if (rc == 0)
        return 0;
    s->stats.refused++;
    return rest_exhausted(s, rc);
}

static intptr_t accept_all(void *arg)
{
    struct mr_server *s = arg;
    int rc = 0;

    for (unsigned n = 1; rc == 0 && !s->stopping; n++) {
        rc = accept_one(s);
        if (rc == 0 && n % BATCH == 0)
            rc = mr_yield();
    }
    if (rc && rc != -ECANCELED && !s->stopping)
        mr_log(MR_LOG_ERROR, "%s: accepting ends: %s", s->options.name,
               mr_strerror(rc));
    return rc;
}

int mr_server_start(struct mr_server *s)
{
    MR_BUG_ON(s->accepting || s->stopping);
    if (s->options.shared) {
        int rc = mr_hub_fd_shared(s->fd, s->options.exclusive);

        if (rc)
            return rc;
    }
    s->accepting = mr_spawn_with(accept_all, s,
                                 &(struct mr_spawn_options){
                                     .name = s->options.name,
                                     .entry = "accept_all",
                                     .where = MR_HERE,
                                     .group = &s->group,
                                 });
    return s->accepting ? 0 : -ENOMEM;
}

void mr_server_stop(struct mr_server *s)
{
    s->stopping = true;
    if (s->accepting)
        mr_cancel(s->accepting);
}

int mr_server_wait(struct mr_server *s, int64_t deadline)
{
    while (s->stats.live > 0) {
        int rc = (int)mr_wait(&s->idle, deadline, "server: connections");

        if (rc)
            return rc;
    }
    return 0;
}

void mr_server_fini(struct mr_server *s)
{
    if (s->fd < 0)
        return;
    mr_server_stop(s);
    mr_group_close(&s->group);
    s->accepting = NULL;
    MR_LIST_EACH_SAFE (n, &s->held)
        drop_held(mr_container_of(n, struct held, node));
    MR_BUG_ON(s->stats.live > 0);
    mr_hub_forget(s->fd);
    s->fd = -1;
    if (s->spare >= 0)
        mr_sys_close(s->spare);
    s->spare = -1;
}
