/* SPDX-License-Identifier: MIT */

/*
 * dgram.c - recvmsg, and where an answer comes from (io/intake.h has the
 * states of the receiving coroutine).
 *
 * All datagrams are received into one piece of memory, as large as any can be;
 * a handler gets a copy of its own, as large as what came.
 *
 * A socket bound to all addresses answers from whichever the route to the peer
 * suggests. So the kernel is asked where each datagram was sent to
 * (IP_PKTINFO), and told the same with the answer. From unix sockets nothing
 * beside the data is taken: it would be descriptors, which whoever sends could
 * fill our table with.
 */
#include "io/dgram.h"

#include <errno.h>
#include <string.h>

#include "core/sys.h"
#include "io/fd.h"
#include "io/socket.h"

#define MAX_LIVE 1024

struct held {
    struct mr_held held;
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

/* 0, and whether it will be told; or -Exxx: no such socket. */
static int ask_local(int fd, bool *ret_told)
{
    struct mr_addr a;
    const int on = 1;
    int rc = mr_socket_local(fd, &a);

    if (rc)
        return rc;
    *ret_told = mr_addr_family(&a) != AF_UNIX;
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

static struct mr_dgram_server *server_of(struct mr_intake *in)
{
    return mr_container_of(in, struct mr_dgram_server, intake);
}

static struct held *held_of(struct mr_held *h)
{
    return mr_container_of(h, struct held, held);
}

static void run_held(struct mr_held *h)
{
    const struct mr_dgram_server_options *o = &server_of(h->intake)->options;

    o->handler(&held_of(h)->dgram, o->arg);
}

static void drop_held(struct mr_held *h)
{
    mr_free(held_of(h));
}

/* The n bytes of s->piece, which came with m. 0 or -Exxx. */
static int hand_out(struct mr_dgram_server *s, struct msghdr *m, size_t n)
{
    struct held *h = mr_alloc(sizeof *h + n);
    int rc;

    if (!h)
        return -ENOMEM;
    h->dgram.fd = s->intake.fd;
    h->dgram.data = mr_str_n(h->bytes, n);
    memcpy(h->bytes, s->piece, n);
    take_local(&h->dgram, m);
    rc = mr_socket_sender(m, &h->dgram.from);
    if (rc == 0)
        rc = mr_intake_spawn(&s->intake, &h->held);
    if (rc)
        mr_free(h);
    else
        s->stats.received++;
    return rc;
}

/* --- receiving --- */

/* Errors that an earlier answer met on its way (ip(7)): each is told once. */
static bool is_transient(int err)
{
    return err == -ECONNREFUSED || mr_accept_is_transient(err);
}

/* recvmsg failed. 0: go on; or why not. May park. */
static int receive_failed(struct mr_dgram_server *s, int err)
{
    if (err == -EAGAIN || err == -EBADF || err == -ENOTSOCK)
        return err;
    s->stats.errors++;
    return is_transient(err) ? mr_yield() : mr_intake_rest(&s->intake, err);
}

static int receive_one(struct mr_intake *in)
{
    struct mr_dgram_server *s = server_of(in);
    struct sockaddr_un from;
    union local_control control;
    struct iovec v = {s->piece, MR_DGRAM_MAX + 1};
    struct msghdr m = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &v,
        .msg_iovlen = 1,
    };
    ssize_t n;
    int rc;

    if (s->told) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
    }
    n = mr_sys_recvmsg(in->fd, &m, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return receive_failed(s, (int)n);
    rc = n > MR_DGRAM_MAX ? -EMSGSIZE : hand_out(s, &m, (size_t)n);
    if (rc == 0)
        return 0;
    s->stats.dropped++;
    return rc == -ENOMEM ? mr_intake_rest(in, rc) : 0;
}

static const struct mr_intake_kind kind = {
    .verb = "receive",
    .take = receive_one,
    .run = run_held,
    .drop = drop_held,
};

/* --- life --- */

int mr_dgram_server_init(struct mr_dgram_server *s, int fd,
                         const struct mr_dgram_server_options *o)
{
    int rc;

    MR_BUG_ON(!o->handler);
    *s = (struct mr_dgram_server){
        .options = *o,
        .intake = {.name = o->name ? o->name : "dgram",
                   .max_live = o->max_live ? o->max_live : MAX_LIVE,
                   .stack_size = o->stack_size},
    };
    rc = ask_local(fd, &s->told);
    if (rc)
        return rc;
    s->piece = mr_alloc(MR_DGRAM_MAX + 1);
    if (!s->piece)
        return -ENOMEM;
    mr_intake_init(&s->intake, &kind, fd);
    return 0;
}

int mr_dgram_server_start(struct mr_dgram_server *s)
{
    return mr_intake_start(&s->intake, s->options.shared, s->options.exclusive);
}

int mr_dgram_server_open(struct mr_dgram_server *s, const char *at,
                         const struct mr_dgram_server_options *o)
{
    struct mr_addr a;
    int fd, rc;

    *s = (struct mr_dgram_server){0};
    rc = mr_addr_parse(&a, mr_str(at));
    if (rc)
        return rc;
    fd = mr_socket_bind(&a, NULL);
    if (fd < 0)
        return fd;
    rc = mr_dgram_server_init(s, fd, o);
    if (rc) {
        mr_fd_close(fd);
        return rc;
    }
    s->intake.owned = true;
    rc = mr_dgram_server_start(s);
    if (rc)
        mr_dgram_server_fini(s);
    return rc;
}

int mr_dgram_server_local(const struct mr_dgram_server *s, struct mr_addr *ret)
{
    return mr_socket_local(s->intake.fd, ret);
}

void mr_dgram_server_stop(struct mr_dgram_server *s)
{
    mr_intake_stop(&s->intake);
}

int mr_dgram_server_wait(struct mr_dgram_server *s, int64_t deadline)
{
    return mr_intake_wait(&s->intake, deadline);
}

void mr_dgram_server_fini(struct mr_dgram_server *s)
{
    mr_intake_fini(&s->intake);
    mr_free(s->piece);
    s->piece = NULL;
}

int mr_dgram_server_close(struct mr_dgram_server *s, int64_t deadline)
{
    int rc;

    mr_dgram_server_stop(s);
    rc = mr_dgram_server_wait(s, deadline);
    mr_dgram_server_fini(s);
    return rc;
}
