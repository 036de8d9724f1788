/* SPDX-License-Identifier: MIT */

/*
 * addr.c - socket addresses as text and back.
 *
 * Invariant: unused bytes of a mr_addr are zero and len is exact, also for
 * unix paths (up to the NUL, which the kernel does not need), so that equal
 * addresses compare equal however they came.
 */
#include "io/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define UNIX_PATH_AT offsetof(struct sockaddr_un, sun_path)

static int parse_port(struct mr_str text, uint16_t *ret)
{
    uint64_t port;
    int rc = mr_str_to_u64(text, UINT16_MAX, &port);

    if (rc == 0)
        *ret = (uint16_t)port;
    return rc;
}

static void set_unix(struct mr_addr *ret, const char *path, size_t n)
{
    *ret = (struct mr_addr){.un = {.sun_family = AF_UNIX}};
    memcpy(ret->un.sun_path, path, n);
    ret->len = (socklen_t)(UNIX_PATH_AT + n);
}

/* path is what follows "unix:". */
static int parse_unix(struct mr_addr *ret, struct mr_str path)
{
    bool abstract = mr_str_starts(path, "@");

    if (path.n < (abstract ? 2u : 1u) || mr_str_find(path, '\0') >= 0)
        return -EINVAL;
    if (path.n >= sizeof ret->un.sun_path)
        return -ENAMETOOLONG;
    set_unix(ret, path.p, path.n);
    if (abstract)
        ret->un.sun_path[0] = '\0';
    return 0;
}

/* inet_pton wants a NUL. 0 or -EINVAL. */
static int parse_ip(int family, struct mr_str text, void *ret_ip)
{
    char z[INET6_ADDRSTRLEN];

    if (text.n >= sizeof z || mr_str_find(text, '\0') >= 0)
        return -EINVAL;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    return inet_pton(family, z, ret_ip) == 1 ? 0 : -EINVAL;
}

static void set_ip4(struct mr_addr *ret, struct in_addr ip, in_port_t port)
{
    *ret = (struct mr_addr){
        .in = {.sin_family = AF_INET, .sin_addr = ip, .sin_port = port},
        .len = sizeof ret->in,
    };
}

static void set_ip6(struct mr_addr *ret, struct in6_addr ip, in_port_t port)
{
    *ret = (struct mr_addr){
        .in6 = {.sin6_family = AF_INET6, .sin6_addr = ip, .sin6_port = port},
        .len = sizeof ret->in6,
    };
}

int mr_addr_parse(struct mr_addr *ret, struct mr_str text)
{
    ssize_t colon = -1;
    struct in_addr ip4;
    struct in6_addr ip6 = in6addr_any;
    struct mr_str host;
    uint16_t port;
    int rc;

    if (mr_str_starts(text, "unix:"))
        return parse_unix(ret, mr_str_n(text.p + 5, text.n - 5));
    for (size_t i = 0; i < text.n; i++)
        colon = text.p[i] == ':' ? (ssize_t)i : colon;
    if (colon < 0)
        return -EINVAL;
    host = mr_str_n(text.p, (size_t)colon);
    rc = parse_port(mr_str_n(text.p + colon + 1, text.n - host.n - 1), &port);
    if (rc)
        return rc;
    if (mr_str_starts(host, "[") && mr_str_ends(host, "]") && host.n >= 2)
        rc = parse_ip(AF_INET6, mr_str_n(host.p + 1, host.n - 2), &ip6);
    else if (!mr_str_is_empty(host) && !mr_str_is(host, "*")) {
        rc = parse_ip(AF_INET, host, &ip4);
        if (rc == 0)
            set_ip4(ret, ip4, htons(port));
        return rc;
    }
    if (rc == 0)
        set_ip6(ret, ip6, htons(port));
    return rc;
}

static size_t format_unix(const struct mr_addr *a, char *buf, size_t size)
{
    size_t n = a->len > UNIX_PATH_AT ? a->len - UNIX_PATH_AT : 0;
    const char *path = a->un.sun_path;
    bool abstract = n > 0 && path[0] == '\0';

    if (abstract)
        return (size_t)snprintf(buf, size, "unix:@%.*s", (int)n - 1, path + 1);
    return (size_t)snprintf(buf, size, "unix:%.*s", (int)n, path);
}

size_t mr_addr_format(const struct mr_addr *a, char *buf, size_t size)
{
    char ip[INET6_ADDRSTRLEN];
    size_t n;

    switch (mr_addr_family(a)) {
    case AF_INET:
        inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof ip);
        n = (size_t)snprintf(buf, size, "%s:%u", ip, mr_addr_port(a));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof ip);
        n = (size_t)snprintf(buf, size, "[%s]:%u", ip, mr_addr_port(a));
        break;
    default:
        n = format_unix(a, buf, size);
        break;
    }
    return MR_MIN(n, size - 1);
}

struct mr_str mr_addr_host(const struct mr_addr *a, char text[MR_ADDR_TEXT])
{
    char *colon;

    mr_addr_format(a, text, MR_ADDR_TEXT);
    colon = strrchr(text, ':');
    if (colon && mr_addr_family(a) != AF_UNIX)
        *colon = '\0';
    return mr_str(text);
}

static int set_from_unix(struct mr_addr *ret, const struct sockaddr *sa,
                         socklen_t len)
{
    const char *path = (const char *)sa + UNIX_PATH_AT;
    size_t n = len > UNIX_PATH_AT ? len - UNIX_PATH_AT : 0;

    if (n > sizeof ret->un.sun_path)
        return -EINVAL;
    if (n > 0 && path[0] != '\0')
        n = strnlen(path, n);
    set_unix(ret, path, n);
    return 0;
}

static int set_from_ip6(struct mr_addr *ret, const struct sockaddr_in6 *in6)
{
    struct in_addr ip4;

    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        memcpy(&ip4, &in6->sin6_addr.s6_addr[12], sizeof ip4);
        set_ip4(ret, ip4, in6->sin6_port);
        return 0;
    }
    set_ip6(ret, in6->sin6_addr, in6->sin6_port);
    ret->in6.sin6_scope_id = in6->sin6_scope_id;
    return 0;
}

int mr_addr_set(struct mr_addr *ret, const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (len < sizeof sa->sa_family)
        return -EINVAL;
    switch (sa->sa_family) {
    case AF_INET:
        if (len < sizeof in)
            return -EINVAL;
        memcpy(&in, sa, sizeof in);
        set_ip4(ret, in.sin_addr, in.sin_port);
        return 0;
    case AF_INET6:
        if (len < sizeof in6)
            return -EINVAL;
        memcpy(&in6, sa, sizeof in6);
        return set_from_ip6(ret, &in6);
    case AF_UNIX:
        return set_from_unix(ret, sa, len);
    default:
        return -EAFNOSUPPORT;
    }
}

static int cmp_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

int mr_addr_cmp(const struct mr_addr *a, const struct mr_addr *b)
{
    int d = mr_addr_family(a) - mr_addr_family(b);

    if (d)
        return d;
    switch (mr_addr_family(a)) {
    case AF_INET:
        d = memcmp(&a->in.sin_addr, &b->in.sin_addr, sizeof a->in.sin_addr);
        break;
    case AF_INET6:
        d = memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
                   sizeof a->in6.sin6_addr);
        if (d == 0)
            d = cmp_u32(a->in6.sin6_scope_id, b->in6.sin6_scope_id);
        break;
    default:
        d = memcmp(a->un.sun_path, b->un.sun_path, sizeof a->un.sun_path);
        return d ? d : cmp_u32(a->len, b->len);
    }
    return d ? d : cmp_u32(mr_addr_port(a), mr_addr_port(b));
}

uint16_t mr_addr_port(const struct mr_addr *a)
{
    switch (mr_addr_family(a)) {
    case AF_INET:
        return ntohs(a->in.sin_port);
    case AF_INET6:
        return ntohs(a->in6.sin6_port);
    default:
        return 0;
    }
}

void mr_addr_set_port(struct mr_addr *a, uint16_t port)
{
    if (mr_addr_family(a) == AF_INET)
        a->in.sin_port = htons(port);
    else if (mr_addr_family(a) == AF_INET6)
        a->in6.sin6_port = htons(port);
}

bool mr_addr_is_loopback(const struct mr_addr *a)
{
    switch (mr_addr_family(a)) {
    case AF_INET:
        return ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    default:
        return true;
    }
}

bool mr_addr_is_any(const struct mr_addr *a)
{
    switch (mr_addr_family(a)) {
    case AF_INET:
        return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
    case AF_INET6:
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    default:
        return false;
    }
}
