/* SPDX-License-Identifier: MIT */

/*
 * socket.c - listen, bind, accept, connect to one address.
 *
 * Every function that makes a descriptor closes it again on its way to an
 * error. Those that can park close by mr_fd_close, as the hub knows the
 * number; the others never showed it to a hub.
 *
 * A unix socket's file outlives its listener. Whether one is dead is asked by
 * connecting: only -ECONNREFUSED says that nobody listens. Two programs that
 * start at the same instant on the same stale file can still both remove it;
 * the later one keeps the name. A lock file would be one more file to go stale.
 *
 * Not here: what datagram sockets carry (socket_msg.c), names (io/dns.c),
 * several addresses (io/dial.c), TLS (io/tls.c).
 */
#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include "core/hub.h"
#include "core/section.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/fd_priv.h"

/* A unix listener whose queue is full gives no sign when there is room: ask
 * again, first after 1 ms, at last every 50. */
#define FULL_FIRST_MS 1
#define FULL_LAST_MS 50

static int new_socket(int family, int type)
{
    return mr_sys_socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int set_int(int fd, int level, int name, int value)
{
    return mr_sys_setsockopt(fd, level, name, &value, sizeof value);
}

/* --- listen, bind --- */

/* The options of TCP and UDP that bind looks at, and those that a listener's
 * accepted sockets inherit. */
static int set_ip_options(int fd, int type, const struct mr_addr *at,
                          const struct mr_listen_options *o)
{
    int rc = 0;

    if (o->reuseport)
        rc = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    /* Always told: the default is a sysctl. */
    if (rc == 0 && mr_addr_family(at) == AF_INET6)
        rc = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only);
    if (rc || type == SOCK_DGRAM)
        return rc;
    rc = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0)
        rc = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0 && o->defer_accept_s > 0)
        rc = mr_socket_set_defer(fd, o->defer_accept_s);
    return rc;
}

/* A bound TCP or UDP socket, or -Exxx. */
static int bind_ip(int type, const struct mr_addr *at,
                   const struct mr_listen_options *o)
{
    int fd = new_socket(mr_addr_family(at), type);
    int rc;

    if (fd < 0)
        return fd;
    rc = set_ip_options(fd, type, at, o);
    if (rc == 0)
        rc = mr_sys_bind(fd, &at->sa, at->len);
    if (rc == 0)
        return fd;
    mr_sys_close(fd);
    return rc;
}

/* As bind_ip; where the machine has no IPv6, "all" means all of IPv4. */
static int bind_ip_any(int type, const struct mr_addr *at,
                       const struct mr_listen_options *o)
{
    struct mr_addr at4 = {
        .in = {.sin_family = AF_INET, .sin_port = htons(mr_addr_port(at))},
        .len = sizeof at4.in,
    };
    int fd = bind_ip(type, at, o);

    if (mr_addr_family(at) != AF_INET6 || !mr_addr_is_any(at) || o->v6only)
        return fd;
    /* No such family; or, with IPv6 switched off by sysctl, no address. */
    if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)
        return fd;
    return bind_ip(type, &at4, o);
}

static bool is_abstract(const struct mr_addr *at)
{
    return at->un.sun_path[0] == '\0';
}

/* The path's state: 0 free, 1 a socket that nobody answers on, -EADDRINUSE,
 * -ENOTSOCK or -Exxx. */
static int look_at_unix(int type, const struct mr_addr *at)
{
    struct stat st;
    int fd, rc;

    if (is_abstract(at))
        return 0; /* goes with its last descriptor: bind tells */
    rc = mr_sys_fstatat(AT_FDCWD, at->un.sun_path, &st, AT_SYMLINK_NOFOLLOW);
    if (rc)
        return rc == -ENOENT ? 0 : rc;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    fd = new_socket(AF_UNIX, type);
    if (fd < 0)
        return fd;
    rc = mr_sys_connect(fd, &at->sa, at->len);
    mr_sys_close(fd);
    /* Anything else, a full queue or a missing right, means somebody. */
    return rc == -ECONNREFUSED ? 1 : -EADDRINUSE;
}

/* The file that a listener leaves which could not be. */
static void remove_name(const struct mr_addr *at)
{
    int rc = 0;

    if (!is_abstract(at))
        rc = mr_sys_unlink(at->un.sun_path);
    (void)rc; /* the error that brought us here is the one to tell */
}

/* A bound unix socket, or -Exxx. */
static int bind_unix(int type, const struct mr_addr *at,
                     const struct mr_listen_options *o)
{
    int rc = look_at_unix(type, at);
    int fd;

    if (rc == 1)
        rc = mr_sys_unlink(at->un.sun_path);
    if (rc)
        return rc;
    fd = new_socket(AF_UNIX, type);
    if (fd < 0)
        return fd;
    rc = mr_sys_bind(fd, &at->sa, at->len);
    if (rc)
        goto fail;
    /* Nobody can connect to a listener before listen; datagrams may be sent
     * for this moment by whom the umask lets. */
    if (o->mode && !is_abstract(at))
        rc = mr_sys_fchmodat(AT_FDCWD, at->un.sun_path, o->mode);
    if (rc == 0)
        return fd;
    remove_name(at);

fail:
    mr_sys_close(fd);
    return rc;
}

static const struct mr_listen_options no_options;

static int bind_any(int type, const struct mr_addr *at,
                    const struct mr_listen_options *o)
{
    if (mr_addr_family(at) == AF_UNIX)
        return bind_unix(type, at, o);
    return bind_ip_any(type, at, o);
}

int mr_socket_listen(const struct mr_addr *at,
                     const struct mr_listen_options *o)
{
    int fd, rc;

    o = o ? o : &no_options;
    fd = bind_any(SOCK_STREAM, at, o);
    if (fd < 0)
        return fd;
    rc = mr_sys_listen(fd, o->backlog ? o->backlog : MR_BACKLOG_DEFAULT);
    if (rc == 0)
        return fd;
    if (mr_addr_family(at) == AF_UNIX)
        remove_name(at);
    mr_sys_close(fd);
    return rc;
}

int mr_socket_bind(const struct mr_addr *at, const struct mr_listen_options *o)
{
    return bind_any(SOCK_DGRAM, at, o ? o : &no_options);
}

static int probe(int type, const struct mr_addr *at)
{
    int fd, rc;

    if (mr_addr_family(at) != AF_UNIX) {
        fd = bind_ip_any(type, at, &no_options);
        if (fd >= 0)
            mr_sys_close(fd);
        return MR_MIN(fd, 0);
    }
    if (!is_abstract(at))
        return MR_MIN(look_at_unix(type, at), 0);
    fd = new_socket(AF_UNIX, type);
    if (fd < 0)
        return fd;
    rc = mr_sys_bind(fd, &at->sa, at->len);
    mr_sys_close(fd);
    return rc;
}

int mr_socket_probe(const struct mr_addr *at)
{
    return probe(SOCK_STREAM, at);
}

int mr_socket_probe_bind(const struct mr_addr *at)
{
    return probe(SOCK_DGRAM, at);
}

/* --- accept --- */

bool mr_accept_is_transient(int err)
{
    switch (err) {
    case -ECONNABORTED:
    case -EPROTO:
    case -ENOPROTOOPT:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENONET:
    case -ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

int mr_accept_try(int fd, struct mr_addr *ret_peer)
{
    struct mr_addr from = {.len = sizeof from.un};
    int got =
        mr_sys_accept4(fd, &from.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int rc;

    if (got < 0 || !ret_peer)
        return got;
    /* A full sun_path is told as one byte longer than it is. */
    rc = mr_addr_set(ret_peer, &from.sa,
                     MR_MIN(from.len, (socklen_t)sizeof from.un));
    if (rc == 0)
        return got;
    mr_sys_close(got);
    return rc;
}

int mr_accept(int fd, struct mr_addr *ret_peer, int64_t deadline)
{
    int rc = mr_fd_enter(deadline);

    while (rc == 0) {
        int got = mr_accept_try(fd, ret_peer);

        if (got >= 0)
            return got;
        if (!mr_accept_is_transient(got))
            rc = mr_fd_may_retry(fd, MR_READABLE, got, deadline);
        else if (!mr_section_is_open())
            rc = mr_yield(); /* each takes one off the queue, but be fair */
    }
    return rc;
}

/* --- connect --- */

/* After -EINPROGRESS: 0 when connected, or why not. May park. */
static int finish_connect(int fd, int64_t deadline)
{
    socklen_t len = sizeof(int);
    int err = 0;
    int rc = mr_hub_wait_fd(fd, MR_WRITABLE, deadline);

    if (rc)
        return rc;
    rc = mr_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (rc)
        return rc;
    return err == ETIMEDOUT ? -EHOSTUNREACH : -err;
}

/* 0, or -Exxx; fd stays the caller's. May park. */
static int connect_to(int fd, const struct mr_addr *to, int64_t deadline)
{
    int64_t pause_ms = FULL_FIRST_MS;
    int rc;

    for (;;) {
        rc = mr_sys_connect(fd, &to->sa, to->len);
        if (rc == -EINPROGRESS || rc == -EINTR)
            return finish_connect(fd, deadline);
        /* From TCP it means no free port, and waiting gives none. */
        if (rc != -EAGAIN || mr_addr_family(to) != AF_UNIX)
            return rc == -ETIMEDOUT ? -EHOSTUNREACH : rc;
        rc = mr_sleep(MR_MIN(deadline, mr_after_ms(pause_ms)));
        if (rc)
            return rc;
        if (mr_now() >= deadline)
            return -ETIMEDOUT;
        pause_ms = MR_MIN(pause_ms * 2, FULL_LAST_MS);
    }
}

/* Without a port of its own until it is known where to: else each connection
 * would use up one for all destinations. */
static int bind_from(int fd, const struct mr_addr *from)
{
    if (mr_addr_port(from) == 0)
        (void)!set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); /* a hint */
    return mr_sys_bind(fd, &from->sa, from->len);
}

int mr_connect(const struct mr_addr *to, int64_t deadline)
{
    return mr_connect_from(NULL, to, deadline);
}

int mr_connect_from(const struct mr_addr *from, const struct mr_addr *to,
                    int64_t deadline)
{
    int fd = new_socket(mr_addr_family(to), SOCK_STREAM);
    int rc;

    if (fd < 0)
        return fd;
    rc = from ? bind_from(fd, from) : 0;
    if (rc == 0)
        rc = connect_to(fd, to, deadline);
    if (rc == 0)
        return fd;
    mr_fd_close(fd);
    return rc;
}

int mr_socket_towards(const struct mr_addr *to)
{
    static const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    int fd = new_socket(mr_addr_family(to), SOCK_DGRAM);
    int rc = 0;

    if (fd < 0)
        return fd;
    /* A name of the kernel's choice, unix(7), autobind. */
    if (mr_addr_family(to) == AF_UNIX)
        rc = mr_sys_bind(fd, (const void *)&unnamed, sizeof unnamed.sun_family);
    if (rc == 0)
        rc = mr_sys_connect(fd, &to->sa, to->len);
    if (rc == 0)
        return fd;
    mr_sys_close(fd);
    return rc;
}

/* --- options --- */

int mr_socket_local(int fd, struct mr_addr *ret)
{
    struct mr_addr a = {.len = sizeof a.un};
    int rc = mr_sys_getsockname(fd, &a.sa, &a.len);

    if (rc)
        return rc;
    return mr_addr_set(ret, &a.sa, MR_MIN(a.len, (socklen_t)sizeof a.un));
}

int mr_socket_set_nodelay(int fd, bool on)
{
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int mr_socket_set_defer(int fd, int seconds)
{
    return set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
}

bool mr_socket_defers(int fd)
{
    int seconds = 0;
    socklen_t len = sizeof seconds;

    return mr_sys_getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
                             &len) == 0 &&
           seconds > 0;
}

int mr_socket_set_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    return mr_sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}
