/* SPDX-License-Identifier: MIT */

/*
 * server.c - accept4, and what to do when it fails (io/intake.h has the
 * states of the accepting coroutine).
 *
 * Not here: what connections do; draining those at rest (http/server.c).
 */
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>

#include "core/sys.h"
#include "io/fd.h"
#include "io/socket.h"

/* A handler's connection. */
struct conn {
    struct mr_held held;
    struct mr_addr peer;
    int fd;
};

static struct mr_server *server_of(struct mr_intake *in)
{
    return mr_container_of(in, struct mr_server, intake);
}

static struct conn *conn_of(struct mr_held *h)
{
    return mr_container_of(h, struct conn, held);
}

/* --- one connection --- */

static void run_conn(struct mr_held *h)
{
    const struct mr_server_options *o = &server_of(h->intake)->options;
    struct conn *c = conn_of(h);

    o->handler(c->fd, &c->peer, o->arg);
}

static void drop_conn(struct mr_held *h)
{
    struct mr_quota *quota = h->intake->quota;
    struct conn *c = conn_of(h);

    mr_fd_close(c->fd);
    if (quota)
        mr_quota_leave(quota, &c->peer);
    mr_free(c);
}

/* Takes fd. 0, -ENOMEM or -EUSERS. */
static int start_handler(struct mr_server *s, int fd,
                         const struct mr_addr *peer)
{
    struct mr_quota *quota = s->options.quota;
    int err = quota ? mr_quota_enter(quota, peer) : 0;
    struct conn *c = NULL;

    if (err)
        goto close;
    c = mr_alloc(sizeof *c);
    if (c) {
        c->peer = *peer;
        c->fd = fd;
        if (mr_intake_spawn(&s->intake, &c->held) == 0)
            return 0;
    }
    err = -ENOMEM;
    if (quota)
        mr_quota_leave(quota, peer);
close:
    mr_free(c);
    mr_fd_close(fd);
    return err;
}

/* Takes fd. 0, -ENOMEM or -EUSERS. */
static int hand_out(struct mr_server *s, int fd, const struct mr_addr *peer)
{
    if (s->options.handler) {
        int rc = start_handler(s, fd, peer);

        if (rc)
            return rc;
        s->stats.accepted++;
        return 0;
    }
    mr_intake_enter(&s->intake);
    s->stats.accepted++;
    s->options.on_connection(s, fd, peer, s->options.arg);
    return 0;
}

void mr_server_leave(struct mr_server *s)
{
    mr_intake_leave(&s->intake);
}

/* --- too much --- */

static void open_spare(struct mr_server *s)
{
    if (s->spare < 0)
        s->spare =
            mr_sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
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
    fd = mr_accept_try(s->intake.fd, NULL);
    if (fd >= 0) {
        mr_sys_close(fd);
        s->stats.refused++;
    }
    open_spare(s);
}

/* accept4 failed. 0: go on; or why not. May park. */
static int accept_failed(struct mr_server *s, int err)
{
    if (err == -EAGAIN)
        return err;
    s->stats.errors++;
    switch (err) {
    case -EMFILE:
    case -ENFILE:
        refuse_one(s);
        return mr_intake_rest(&s->intake, err);
    case -ENOBUFS:
    case -ENOMEM:
    case -EPERM: /* a firewall's rule, of one connection or of all */
        return mr_intake_rest(&s->intake, err);
    default:
        if (!mr_accept_is_transient(err))
            return err;
        return mr_yield(); /* each takes one off the queue, but never spin */
    }
}

static int accept_one(struct mr_intake *in)
{
    struct mr_server *s = server_of(in);
    struct mr_addr peer;
    int fd = mr_accept_try(in->fd, &peer);
    int rc;

    if (fd < 0)
        return accept_failed(s, fd);
    rc = hand_out(s, fd, &peer);
    if (rc == 0)
        return 0;
    s->stats.refused++;
    return rc == -EUSERS ? 0 : mr_intake_rest(in, rc);
}

static const struct mr_intake_kind kind = {
    .verb = "accept",
    .take = accept_one,
    .run = run_conn,
    .drop = drop_conn,
};

/* --- life --- */

int mr_server_init(struct mr_server *s, int fd,
                   const struct mr_server_options *o)
{
    MR_BUG_ON(!o->handler == !o->on_connection);
    *s = (struct mr_server){
        .options = *o,
        .intake = {.name = o->name ? o->name : "server",
                   .max_live = o->max_live,
                   .quota = o->quota,
                   .stack_size = o->stack_size},
        .spare = -1,
    };
    mr_intake_init(&s->intake, &kind, fd);
    open_spare(s);
    return MR_MIN(s->spare, 0);
}

int mr_server_start(struct mr_server *s)
{
    return mr_intake_start(&s->intake, s->options.shared, s->options.exclusive);
}

int mr_server_open(struct mr_server *s, const char *at,
                   const struct mr_server_options *o)
{
    struct mr_addr a;
    int fd, rc;

    *s = (struct mr_server){.spare = -1};
    rc = mr_addr_parse(&a, mr_str(at));
    if (rc)
        return rc;
    fd = mr_socket_listen(&a, NULL);
    if (fd < 0)
        return fd;
    rc = mr_server_init(s, fd, o);
    s->intake.owned = true;
    if (rc == 0)
        rc = mr_server_start(s);
    if (rc)
        mr_server_fini(s);
    return rc;
}

int mr_server_local(const struct mr_server *s, struct mr_addr *ret)
{
    return mr_socket_local(s->intake.fd, ret);
}

void mr_server_stop(struct mr_server *s)
{
    struct mr_intake *in = &s->intake;

    mr_intake_stop(in);
    if (!in->owned)
        return;
    mr_fd_close(in->fd);
    in->fd = -1;
}

int mr_server_wait(struct mr_server *s, int64_t deadline)
{
    return mr_intake_wait(&s->intake, deadline);
}

void mr_server_fini(struct mr_server *s)
{
    mr_intake_fini(&s->intake);
    if (s->spare >= 0)
        mr_sys_close(s->spare);
    s->spare = -1;
}

int mr_server_close(struct mr_server *s, int64_t deadline)
{
    int rc;

    mr_server_stop(s);
    rc = mr_server_wait(s, deadline);
    mr_server_fini(s);
    return rc;
}
