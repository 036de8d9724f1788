/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HOSTS_H
#define HTTP_HOSTS_H

/*
 * hosts.h - the host that a request asks for to whoever serves it.
 *
 *     err = mr_hosts_add(&h, mr_str("a.example"), site, &why);
 *     err = mr_hosts_add(&h, mr_str("*.a.example"), others, &why);
 *     site = mr_hosts_find(&h, mr_str("A.example.:8080"));
 *
 * A name is a DNS name, an address (IPv6 in brackets), or "*." and a name: all
 * names that end so, of any depth, but not that name itself. An exact one comes
 * before a wildcard, and a longer wildcard before a shorter one. Case, the port
 * and a dot at the end do not count, nor how an IPv6 address is spelled.
 */
#include "core/str.h"

struct mr_hosts_entry {
    char *name; /* as compared; without the '*' of a wildcard, with its dot */
    size_t n;
    void *target;
};

struct mr_hosts {
    struct mr_hosts_entry *v; /* by length, then by bytes */
    size_t n;
    size_t cap;
};

static inline void mr_hosts_init(struct mr_hosts *h)
{
    *h = (struct mr_hosts){0};
}
/* Leaves it empty. */
void mr_hosts_fini(struct mr_hosts *h);

/* 0; -EINVAL: no such name, *ret_why says what is wrong (static); -EEXIST: it
 * is there already, perhaps spelled otherwise; -ENOMEM. */
MR_MUST_USE int mr_hosts_add(struct mr_hosts *h, struct mr_str name,
                             void *target, const char **ret_why);
/* Of that very name, as it was added; NULL: there is none. */
void *mr_hosts_get(const struct mr_hosts *h, struct mr_str name);
/* For a valid authority, or an empty one; NULL: none takes it. */
void *mr_hosts_find(const struct mr_hosts *h, struct mr_str authority);

#endif
