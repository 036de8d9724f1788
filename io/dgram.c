/* SPDX-License-Identifier: MIT */

/*
 * dgram.c - the receiving coroutine.
 *
 *                [mr_dgram_server_start]
 *        (init) -------------------------> RECEIVING --[nothing]--> waits for
 * fd |  ^  | [max_live] ----'  |  '--[an error]--. v             | v waits for
 * room -----+-------- waits for room, 100 ms [a handler ends]
 *
 * mr_dgram_server_stop cancels that coroutine in any of these; fini joins it.
 *
 * All datagrams are received into one piece of memory, as large as any can be;
 * a handler gets a copy of its own, as large as what came. The copies are on
 * the `held` list: one whose handler was cancelled before its first turn is
 * found there by fini.
 *
 * A socket bound to all addresses answers from whichever the route to the peer
 * suggests. So the kernel is asked where each datagram was sent to
 * (IP_PKTINFO), and told the same with the answer.
 */
#include "io/dgram.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/socket.h"

#define MAX_LIVE 1024
/* After an error that may be there again at once: memory, a broken device. */
#define FAILED_MS 100

struct held {
    struct mr_list node; /* in server->held */
    struct mr_dgram_server *server;
    struct mr_dgram dgram;
    char bytes[];
};

/* Large enough for either, alone in a message. */
union local_control {
    struct cmsghdr align;
    char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* --- where a datagram was sent to --- */

/* 0; or -Exxx: no such socket. */
static int ask_local(int fd)
{
    struct mr_addr a;
    const int on = 1;
    int rc = mr_socket_local(fd, &a);

    if (rc)
        return rc;
    switch (mr_addr_family(&a)) {
    case AF_INET: /* of IPv6, too, when it is bound to a wrapped address */
        rc = mr_sys_setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        break;
    case AF_INET6:
        rc = mr_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
                               sizeof on);
        break;
    }
    return rc;
}

_Static_assert(sizeof(struct in6_pktinfo) <= sizeof((struct mr_dgram){0}.local),
               "either fits");

static void take_local(struct mr_dgram *d, struct msghdr *m)
{
    struct in_pktinfo *v4 = (void *)d->local;
    struct in6_pktinfo *v6 = (void *)d->local;

    d->local_type = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(v4, CMSG_DATA(c), sizeof *v4);
            /* ipi_spec_dst is ours even if it was sent to a multicast group. */
            v4->ipi_ifindex = 0;
            d->local_type = IP_PKTINFO;
        } else if (c->cmsg_level == IPPROTO_IPV6 &&
                   c->cmsg_type == IPV6_PKTINFO) {
            memcpy(v6, CMSG_DATA(c), sizeof *v6);
            if (!IN6_IS_ADDR_LINKLOCAL(&v6->ipi6_addr))
                v6->ipi6_ifindex = 0;
            if (!IN6_IS_ADDR_MULTICAST(&v6->ipi6_addr))
                d->local_type = IPV6_PKTINFO;
        }
    }
}

static void put_local(const struct mr_dgram *d, struct msghdr *m,
                      union local_control *control)
{
    bool v4 = d->local_type == IP_PKTINFO;
    size_t n = v4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
    struct cmsghdr *c;

    if (d->local_type == 0)
        return;
    m->msg_control = control;
    m->msg_controllen = CMSG_SPACE(n);
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = d->local_type;
    c->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(c), d->local, n);
}

ssize_t mr_dgram_reply(const struct mr_dgram *d, const void *buf, size_t n,
                       int64_t deadline)
{
    union local_control control = {0};
    struct iovec v = {(void *)buf, n};
    struct msghdr m = {
        .msg_name = (void *)&d->from.sa, /* sendmsg(2) changes none of it */
        .msg_namelen = d->from.len,
        .msg_iov = &v,
        .msg_iovlen = 1,
    };

    if (d->from.len == sizeof d->from.sa.sa_family)
        return -ENOTCONN;
    put_local(d, &m, &control);
    return mr_sendmsg(d->fd, &m, 0, deadline);
}

/* --- one datagram --- */

static void drop_held(struct held *h)
{
    struct mr_dgram_server *s = h->server;

    mr_list_remove(&h->node);
    mr_free(h);
    s->stats.live--;
    mr_waitq_wake_all(&s->room, 0);
    if (s->stats.live == 0)
        mr_waitq_wake_all(&s->idle, 0);
}

static intptr_t run_handler(void *arg)
{
    struct held *h = arg;

    h->server->options.handler(&h->dgram, h->server->options.arg);
    drop_held(h);
    return 0;
}

/* The n bytes of s->piece, which came with m. 0 or -ENOMEM. */
static int hand_out(struct mr_dgram_server *s, struct msghdr *m, size_t n)
{
    struct held *h = mr_alloc(sizeof *h + n);
    struct mr_coro *co = NULL;
    int rc;

    if (!h)
        return -ENOMEM;
    h->server = s;
    h->dgram.fd = s->fd;
    h->dgram.data = mr_str_n(h->bytes, n);
    memcpy(h->bytes, s->piece, n);
    take_local(&h->dgram, m);
    rc = mr_socket_sender(m, &h->dgram.from);
    if (rc == 0) {
        co = mr_spawn_with(run_handler, h,
                           &(struct mr_spawn_options){
                               .name = s->options.name,
                               .entry = "run_handler",
                               .where = MR_HERE,
                               .stack_size = s->options.stack_size,
                               .group = &s->group,
                               .reap = true,
                           });
        rc = co ? 0 : -ENOMEM;
    }
    if (rc) {
        mr_free(h);
        return rc;
    }
    mr_list_push_back(&s->held, &h->node);
    s->stats.live++;
    s->stats.received++;
    return 0;
}

/* --- the receiving coroutine --- */

/* 0 or -ECANCELED. May park. */
static int rest(struct mr_dgram_server *s, int err)
{
    static struct mr_log_gate gate;
    int rc;

    if (s->stopping) /* a group that is closing takes no handler */
        return -ECANCELED;
    mr_log_every_second(&gate, MR_LOG_WARN,
                        "%s: cannot receive: %s (%zu datagrams at work)",
                        s->options.name, mr_strerror(err), s->stats.live);
    rc = (int)mr_wait(&s->room, mr_after_ms(FAILED_MS), "dgram: memory");
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* Errors that an earlier answer met on its way (ip(7)): each is told once. */
static bool is_transient(int err)
{
    return err == -ECONNREFUSED || mr_accept_is_transient(err);
}

/* 0: go on; or why not. May park. */
static int receive_one(struct mr_dgram_server *s)
{
    struct sockaddr_un from;
    union local_control control;
    struct iovec v = {s->piece, MR_DGRAM_MAX + 1};
    struct msghdr m = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &v,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n;
    int rc;

    if (s->stats.live >= s->options.max_live)
        return (int)mr_wait(&s->room, MR_NEVER, "dgram: max_live");
    n = mr_recvmsg(s->fd, &m, 0, MR_NEVER);
    if (n > MR_DGRAM_MAX) {
        s->stats.dropped++;
        return 0;
    }
    if (n >= 0) {
        rc = hand_out(s, &m, (size_t)n);
        if (rc == 0)
            return 0;
        s->stats.dropped++;
        return rc == -ENOMEM ? rest(s, rc) : 0;
    }
    if (n == -ECANCELED || n == -EBADF || n == -ENOTSOCK)
        return (int)n;
    s->stats.errors++;
    return is_transient((int)n) ? mr_yield() : rest(s, (int)n);
}

static intptr_t receive_all(void *arg)
{
    struct mr_dgram_server *s = arg;
    int rc = 0;

    while (rc == 0 && !s->stopping)
        rc = receive_one(s);
    if (rc && rc != -ECANCELED && !s->stopping)
        mr_log(MR_LOG_ERROR, "%s: receiving ends: %s", s->options.name,
               mr_strerror(rc));
    return rc;
}

/* --- life --- */

int mr_dgram_server_init(struct mr_dgram_server *s, int fd,
                         const struct mr_dgram_server_options *o)
{
    int rc;

    MR_BUG_ON(!o->handler);
    *s = (struct mr_dgram_server){.options = *o, .fd = -1};
    rc = ask_local(fd);
    if (rc)
        return rc;
    s->piece = mr_alloc(MR_DGRAM_MAX + 1);
    if (!s->piece)
        return -ENOMEM;
    if (!s->options.name)
        s->options.name = "dgram";
    if (s->options.max_live == 0)
        s->options.max_live = MAX_LIVE;
    mr_group_init(&s->group);
    mr_list_init(&s->held);
    mr_waitq_init(&s->room);
    mr_waitq_init(&s->idle);
    s->fd = fd;
    return 0;
}

int mr_dgram_server_start(struct mr_dgram_server *s)
{
    MR_BUG_ON(s->receiving || s->stopping);
    if (s->options.shared) {
        int rc = mr_hub_fd_shared(s->fd, s->options.exclusive);

        if (rc)
            return rc;
    }
    s->receiving = mr_spawn_with(receive_all, s,
                                 &(struct mr_spawn_options){
                                     .name = s->options.name,
                                     .entry = "receive_all",
                                     .where = MR_HERE,
                                     .group = &s->group,
                                 });
    return s->receiving ? 0 : -ENOMEM;
}

void mr_dgram_server_stop(struct mr_dgram_server *s)
{
    s->stopping = true;
    if (s->receiving)
        mr_cancel(s->receiving);
}

int mr_dgram_server_wait(struct mr_dgram_server *s, int64_t deadline)
{
    while (s->stats.live > 0) {
        int rc = (int)mr_wait(&s->idle, deadline, "dgram: handlers");

        if (rc)
            return rc;
    }
    return 0;
}

void mr_dgram_server_fini(struct mr_dgram_server *s)
{
    if (s->fd < 0)
        return;
    mr_dgram_server_stop(s);
    mr_group_close(&s->group);
    s->receiving = NULL;
    MR_LIST_EACH_SAFE (n, &s->held)
        drop_held(mr_container_of(n, struct held, node));
    mr_hub_forget(s->fd);
    s->fd = -1;
    mr_free(s->piece);
    s->piece = NULL;
}
