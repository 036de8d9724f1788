/* SPDX-License-Identifier: MIT */

/*
 * socket_msg.c - datagrams, and descriptors in flight (io/socket.h).
 *
 * Who receives descriptors owns every one that the kernel put into the process,
 * wanted or not. All are taken out of the message before anything can fail.
 */
#include <errno.h>
#include <string.h>

#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/fd_priv.h"
#include "io/socket.h"

/* --- datagrams --- */

ssize_t mr_recvmsg(int fd, struct msghdr *m, int flags, int64_t deadline)
{
    ssize_t got;
    int rc = mr_fd_enter(deadline);

    while (rc == 0) {
        got = mr_sys_recvmsg(fd, m, flags | MSG_CMSG_CLOEXEC);
        if (got >= 0)
            return got;
        rc = mr_fd_may_retry(fd, MR_READABLE, (int)got, deadline);
    }
    return rc;
}

/* On a unix socket that is not connected -EAGAIN is about the peer's queue, and
 * poll, which knows no peer, would say at once that one may write. */
#define PEER_PAUSE_MS 2

static int pause_for_peer(int64_t deadline)
{
    int64_t at = mr_after_ms(PEER_PAUSE_MS);
    int rc = mr_sleep(MR_MIN(at, deadline));

    if (rc == 0 && deadline < at)
        return -ETIMEDOUT;
    return rc;
}

static bool is_unix_peer(const struct msghdr *m)
{
    const struct sockaddr *sa = m->msg_name;

    return sa && sa->sa_family == AF_UNIX;
}

ssize_t mr_sendmsg(int fd, const struct msghdr *m, int flags, int64_t deadline)
{
    ssize_t put;
    int rc = mr_fd_enter(deadline);

    while (rc == 0) {
        put = mr_sys_sendmsg(fd, m, flags);
        if (put >= 0)
            return put;
        rc = put == -EAGAIN && is_unix_peer(m)
                 ? pause_for_peer(deadline)
                 : mr_fd_may_retry(fd, MR_WRITABLE, (int)put, deadline);
    }
    return rc;
}

int mr_socket_sender(const struct msghdr *m, struct mr_addr *ret)
{
    static const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};

    if (m->msg_namelen == 0) /* a unix socket that was not bound */
        return mr_addr_set(ret, (const void *)&unnamed,
                           sizeof unnamed.sun_family);
    /* A full sun_path is told as one byte longer than it is. */
    return mr_addr_set(
        ret, m->msg_name,
        MR_MIN(m->msg_namelen, (socklen_t)sizeof(struct sockaddr_un)));
}

ssize_t mr_recvfrom(int fd, void *buf, size_t n, struct mr_addr *ret_from,
                    int64_t deadline)
{
    struct mr_addr from;
    struct iovec v = {buf, n};
    struct msghdr m = {
        .msg_name = &from.sa,
        .msg_namelen = sizeof from.un,
        .msg_iov = &v,
        .msg_iovlen = 1,
    };
    ssize_t got = mr_recvmsg(fd, &m, 0, deadline);
    int rc;

    if (got < 0)
        return got;
    if (m.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    rc = ret_from ? mr_socket_sender(&m, ret_from) : 0;
    return rc ? rc : got;
}

ssize_t mr_sendto(int fd, const void *buf, size_t n, const struct mr_addr *to,
                  int64_t deadline)
{
    struct iovec v = {(void *)buf, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    if (to) {
        m.msg_name = (void *)&to->sa; /* sendmsg(2) changes none of it */
        m.msg_namelen = to->len;
    }
    return mr_sendmsg(fd, &m, 0, deadline);
}

/* --- descriptors in flight --- */

union fds_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MR_FDS_MAX * sizeof(int))];
};

ssize_t mr_send_fds(int fd, const void *buf, size_t len,
                    const struct mr_fds *fds, int64_t deadline)
{
    union fds_control control = {0};
    struct iovec v = {(void *)buf, len};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct cmsghdr *c;
    ssize_t put, rest;

    if (len == 0 || fds->n > MR_FDS_MAX)
        return -EINVAL;
    if (fds->n > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fds->n * sizeof(int));
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds->n * sizeof(int));
        memcpy(CMSG_DATA(c), fds->v, fds->n * sizeof(int));
    }
    put = mr_sendmsg(fd, &m, 0, deadline);
    if (put < 0 || (size_t)put == len)
        return put;
    /* A stream took a part; they went with its first byte. */
    rest = mr_send(fd, (const char *)buf + put, len - (size_t)put, 0, deadline);
    return rest < 0 ? rest : (ssize_t)len;
}

/* The first n descriptors of the message into v, the others closed: how many
 * there were. CMSG_SPACE pads, so the kernel may have room for one more than
 * was asked for. */
static size_t take_fds(struct msghdr *m, int *v, size_t n)
{
    size_t came = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < k; i++, came++) {
            int got;

            memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
            if (came < n)
                v[came] = got;
            else
                mr_sys_close(got); /* no hub has seen it */
        }
    }
    return came;
}

ssize_t mr_recv_fds(int fd, void *buf, size_t len, struct mr_fds *fds,
                    int64_t deadline)
{
    union fds_control control;
    struct iovec v = {buf, len};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    size_t room = MR_MIN(fds->n, (size_t)MR_FDS_MAX), came;
    ssize_t got;

    if (room > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(room * sizeof(int));
    }
    fds->n = 0;
    got = mr_recvmsg(fd, &m, 0, deadline);
    if (got < 0)
        return got;
    came = take_fds(&m, fds->v, room);
    if (came <= room && !(m.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
        fds->n = came;
        return got;
    }
    for (size_t i = 0; i < MR_MIN(came, room); i++)
        mr_sys_close(fds->v[i]);
    /* The kernel stops at what fits, and at what the process may open. */
    return came < room && !(m.msg_flags & MSG_TRUNC) ? -EMFILE : -EMSGSIZE;
}
