/* SPDX-License-Identifier: MIT */
#ifndef IO_DNS_H
#define IO_DNS_H

/*
 * dns.h - host names to addresses, off the hub, with a small cache.
 *
 *     struct mr_dns *dns = mr_dns_new(NULL);
 *     struct mr_dns_answer a;
 *     rc = mr_dns_ask(dns, mr_str("example.com"), AF_INET6, &a, deadline);
 *     if (rc < 0)
 *         say(a.why);            "example.com: Name or service not known"
 *     for (size_t i = 0; i < a.n; i++)
 *         ... a.addrs[i] ...
 *
 * The system is asked as every program asks it (getaddrinfo), so /etc/hosts,
 * nsswitch.conf and resolv.conf count. That call blocks, and cannot be ended:
 * it runs on a helper thread (core/offload.h, MR_LANE_NAMES).
 *
 * Invariants
 *  (1) One name and family is asked for once at a time: who comes meanwhile
 *      waits for the same answer. Each waits as long as its own deadline says.
 *  (2) A query that nobody waits for any more is withdrawn if no helper had
 *      begun it; else it goes on, and its answer is for those who come later.
 *  (3) What is a literal address never leaves the thread, and nothing that only
 *      looks like one (127.1, 0x7f000001) is ever asked for: such a "name"
 *      would pass a check of names and end somewhere else.
 *  (4) A cached answer is given without parking.
 *
 * getaddrinfo tells no time to live, so answers are kept for one that is the
 * same for all, and failures for a short one. Names are ASCII: who has others
 * encodes them first (IDNA, "xn--...").
 *
 * A resolver belongs to one thread's hub. To open a connection: io/dial.h.
 */
#include "io/addr.h"

struct mr_dns;

/* Addresses that are kept of an answer: a caller that tries one after another
 * has given up before the next. */
#define MR_DNS_MAX 16
/* A name of 255 bytes and a reason. */
#define MR_DNS_WHY 320

struct mr_dns_answer {
    size_t n;
    struct mr_addr addrs[MR_DNS_MAX]; /* in getaddrinfo's order; port 0 */
    char why[MR_DNS_WHY];             /* after an error, with the name; or "" */
};

/*
 * What asks, on a helper thread: at most MR_DNS_MAX addresses of that family
 * into ret, their number (> 0), or -Exxx as mr_dns_ask's; *ret_text may be set
 * to a static text that says why. It may run after its resolver is gone, if
 * nobody waited for it: arg has to outlive that.
 */
typedef int mr_dns_lookup_fn(void *arg, const char *name, int family,
                             struct mr_addr *ret, const char **ret_text);

/* What is zero is as said in brackets. */
struct mr_dns_options {
    int64_t ttl;              /* ns that an answer is kept [60 s]; < 0: none */
    int64_t failure_ttl;      /* the same for "no such name" [2 s] */
    size_t max_names;         /* remembered, each with a family [1024]; the one
                               * that was not used for longest goes first */
    mr_dns_lookup_fn *lookup; /* kept [getaddrinfo] */
    void *arg;                /* kept; lookup's */
};

/* o may be NULL. NULL: out of memory. */
MR_API MR_MUST_USE struct mr_dns *mr_dns_new(const struct mr_dns_options *o);
/* Queries under way are left to themselves; a BUG while somebody waits for one.
 * NULL does nothing. May park (but waits for nothing that blocks). */
MR_API void mr_dns_free(struct mr_dns *dns);
MR_DEFINE_AUTO(dns)

/*
 * The addresses of a name, of AF_INET or AF_INET6: how many (> 0), in *ret; or
 *   -ENOENT        there is no such name
 *   -ENODATA       the name has no address of that family
 *   -EAGAIN        no name server answered: perhaps later (or no helper thread)
 *   -EREMOTEIO     a name server refused, or failed
 *   -EINVAL        this is no host name (mr_dns_check)
 *   -EAFNOSUPPORT  it is a literal of the other family
 *   -ETIMEDOUT, -ECANCELED, -ENOMEM, or what the system says (-EMFILE)
 * and ret->why says it with the name. Only the first three are kept. May park.
 */
MR_API MR_MUST_USE int mr_dns_ask(struct mr_dns *dns, struct mr_str name,
                                  int family, struct mr_dns_answer *ret,
                                  int64_t deadline);
/* The same from what is known already: 0, and nothing told, when one would have
 * to ask. Never parks. */
MR_API MR_MUST_USE int mr_dns_known(struct mr_dns *dns, struct mr_str name,
                                    int family, struct mr_dns_answer *ret);

/* An address without a port: "192.0.2.1", "2001:db8::1", "[2001:db8::1]", with
 * a zone by number ("fe80::1%2"). Its port is 0. 0, or -EINVAL. */
MR_API MR_MUST_USE int mr_dns_literal(struct mr_str text, struct mr_addr *ret);
/*
 * May this be asked for? NULL, or a static text that says why not: labels of 1
 * to 63 letters, digits, '-' and '_', 253 bytes in all (a dot may follow), and
 * the last one no number, as names that end in a number are taken for addresses
 * by some (WHATWG URL 3.5).
 */
MR_API const char *mr_dns_check(struct mr_str name);

/* For diagnosis and tests. */
struct mr_dns_stats {
    uint64_t queries; /* given to a helper */
    uint64_t hits;    /* answered from the cache */
    uint64_t joined;  /* waited for a query of somebody else's */
    size_t names;     /* in the cache */
};
MR_API struct mr_dns_stats mr_dns_stats(const struct mr_dns *dns);

#endif
