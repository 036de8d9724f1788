/* SPDX-License-Identifier: MIT */
#ifndef IO_DIAL_H
#define IO_DIAL_H

/*
 * dial.h - host and port to a connected socket: the name's addresses, and the
 * first of them that answers (happy eyeballs, RFC 8305).
 *
 *     struct mr_dial_report r;
 *     fd = mr_dial(mr_str("example.com"), 80,
 *                  &(struct mr_dial_options){.dns = dns}, &r, mr_after_s(10));
 *     if (fd < 0)
 *         say(r.why);       "cannot connect to example.com:80: [2001:db8::1]:80
 *                            network is unreachable, 192.0.2.1:80 no answer in
 *                            time"
 *     s = mr_stream_socket_init(&t, fd);
 *
 * Invariants
 *  (1) IPv6 and IPv4 are asked for apart and at once. The first attempt is made
 *      when the preferred family is known; or the other, and the resolution
 *      delay has passed.
 *  (2) The families take turns; within one the order is getaddrinfo's. Another
 *      attempt begins when the last one was begun the attempt delay ago, or
 *      when none is left under way.
 *  (3) The first connection wins. The others are given up and closed before
 *      mr_dial returns, whatever it returns.
 *  (4) Only the deadline ends an attempt before the kernel does (about two
 *      minutes for a host that answers nothing, then -EHOSTUNREACH).
 */
#include "io/addr.h"

struct mr_dns;

/* What is zero is as said in brackets. All is kept until mr_dial returns. */
struct mr_dial_options {
    struct mr_dns *dns;          /* [one for this call, without a cache] */
    const struct mr_addr *local; /* connect from here: only to addresses of its
                                  * family; its port may be 0 */
    int family;                  /* AF_INET, AF_INET6: only these [both] */
    int first;                   /* the preferred one [AF_INET6] */
    int64_t attempt_delay;       /* ns [250 ms; RFC 8305, 5] */
    int64_t resolution_delay;    /* ns [50 ms; RFC 8305, 3] */
};

/* A handful of addresses with their errors; "..." where there are more. */
#define MR_DIAL_WHY 1024

struct mr_dial_report {
    struct mr_addr peer;   /* whom we are connected to; after an error its
                            * len is 0 */
    unsigned attempts;     /* addresses that were tried */
    char why[MR_DIAL_WHY]; /* after an error, with all of them; or "" */
};

/*
 * A connected descriptor, O_NONBLOCK and with TCP_NODELAY, the caller's; or
 * -Exxx: mr_dns_ask's (io/dns.h) when there is no address; when each refused,
 * what one of them said (an address out of reach only if all were);
 * -ETIMEDOUT, -ECANCELED, -ENOMEM; -EINVAL: port 0; -EAFNOSUPPORT: options
 * that leave no family. host is a name, an address (brackets are fine), or
 * "unix:PATH", and then the options do not matter. o and ret may be NULL. May
 * park.
 */
MR_API MR_MUST_USE int mr_dial(struct mr_str host, uint16_t port,
                               const struct mr_dial_options *o,
                               struct mr_dial_report *ret, int64_t deadline);

#endif
