/* SPDX-License-Identifier: MIT */
#ifndef IO_ADDR_H
#define IO_ADDR_H

/*
 * addr.h - socket addresses as text and back.
 *
 *     struct mr_addr a;
 *     char text[MR_ADDR_TEXT];
 *     rc = mr_addr_parse(&a, mr_str("[::1]:8080"));
 *     mr_addr_format(&a, text, sizeof text);
 *
 * Names are not resolved here: "localhost:80" is -EINVAL (io/dns.h resolves).
 *
 * An IPv4 address that the kernel wrapped in IPv6 (::ffff:10.0.0.1, a peer of
 * a listener for both) is unwrapped on the way in, so that one host has one
 * spelling.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/str.h"

struct mr_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t len; /* bytes used above; for accept's sake at most its size */
};

/* Longest text with its NUL: "unix:" and a full sun_path. */
#define MR_ADDR_TEXT 120

/*
 *     127.0.0.1:8080      IPv4
 *     [::1]:8080          IPv6, in brackets, without a zone
 *     *:8080  :8080       all addresses: IPv6's, which takes IPv4 as well
 *     unix:/run/x.sock    a path, relative ones too
 *     unix:@name          Linux's abstract names
 *
 * A port is 0 to 65535; 0 lets the kernel choose. 0; -EINVAL: none of these
 * (a host name, no port, a NUL in a path); -ERANGE: the port;
 * -ENAMETOOLONG: a unix path above 107 bytes.
 */
MR_API MR_MUST_USE int mr_addr_parse(struct mr_addr *ret, struct mr_str text);

/* The same notation, always NUL-terminated, cut when size is too small; a
 * unix peer without a name is "unix:". Returns its length. size > 0. */
MR_API size_t mr_addr_format(const struct mr_addr *a, char *buf, size_t size);

/* The address without its port, an IPv6 one in its brackets: a view of text. */
MR_API struct mr_str mr_addr_host(const struct mr_addr *a,
                                  char text[MR_ADDR_TEXT]);

/* From what the kernel wrote; unwraps IPv4. 0; -EINVAL: len is impossible;
 * -EAFNOSUPPORT: another family. */
MR_API MR_MUST_USE int mr_addr_set(struct mr_addr *ret,
                                   const struct sockaddr *sa, socklen_t len);

/* A total order: less than, equal to or greater than 0. Ports count. */
MR_API int mr_addr_cmp(const struct mr_addr *a, const struct mr_addr *b);

/* AF_INET, AF_INET6 or AF_UNIX. */
static inline int mr_addr_family(const struct mr_addr *a)
{
    return a->sa.sa_family;
}
/* 0 for unix sockets. */
MR_API uint16_t mr_addr_port(const struct mr_addr *a);
/* Does nothing to unix addresses. */
MR_API void mr_addr_set_port(struct mr_addr *a, uint16_t port);
/* 127/8, ::1; unix sockets too: the peer is on this machine. */
MR_API bool mr_addr_is_loopback(const struct mr_addr *a);
/* 0.0.0.0 or ::. */
MR_API bool mr_addr_is_any(const struct mr_addr *a);

#endif
