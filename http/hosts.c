/* SPDX-License-Identifier: MIT */

/*
 * hosts.c - the host that a request asks for to whoever serves it.
 *
 * One array, sorted by length and bytes, of exact names ("a.example") and of
 * wildcards without their '*' (".a.example"): no exact name begins with a dot.
 * So a look-up is a binary search for the name, then one for each of its
 * endings that begin with a dot, the longest first.
 *
 * Invariants
 *  (1) What is compared is normal: lower case, no port, no dot at its end, IPv6
 *      as mr_addr_format writes it. Names when they are added, requests' when
 *      they are looked up.
 *  (2) A name has at most NAME_MAX_BYTES; what is longer matches none.
 */
#include "http/hosts.h"

#include <errno.h>

#include "core/sys.h"
#include "http/url.h"
#include "io/addr.h"

/* A DNS name's, and more than any address has. */
#define NAME_MAX_BYTES 255

void mr_hosts_fini(struct mr_hosts *h)
{
    for (size_t i = 0; i < h->n; i++)
        mr_free(h->v[i].name);
    mr_free(h->v);
    mr_hosts_init(h);
}

/* --- names --- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* "[0:0::1]" as "[::1]". False if it is no IPv6 address. */
static bool normal_ip6(struct mr_str host, char out[NAME_MAX_BYTES],
                       size_t *ret)
{
    char text[MR_ADDR_TEXT + 2];
    struct mr_addr addr;
    size_t n;

    if (host.n + 2 > sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    memcpy(text + host.n, ":1", 2);
    if (mr_addr_parse(&addr, mr_str_n(text, host.n + 2)))
        return false;
    n = mr_addr_format(&addr, text, sizeof text);
    while (text[n - 1] != ':') /* and the port */
        n--;
    memcpy(out, text, n - 1);
    *ret = n - 1;
    return true;
}

/* Of an authority without its port, or a name to add; its length in *ret.
 * False: no host has such a name. */
static bool normalize(struct mr_str host, char out[NAME_MAX_BYTES], size_t *ret)
{
    if (host.n > 0 && host.p[0] == '[')
        return normal_ip6(host, out, ret);
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n == 0 || host.n > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < host.n; i++)
        out[i] = lower(host.p[i]);
    *ret = host.n;
    return true;
}

/* NULL, or what is wrong with it. Lenient as DNS is: '_' occurs. */
static const char *check_name(struct mr_str name)
{
    if (name.n == 0)
        return "a host needs a name";
    if (name.p[0] == '[')
        return name.p[name.n - 1] == ']' ? NULL
                                         : "an IPv6 address stands in [ ], and "
                                           "without a port";
    if (mr_str_find(name, ':') >= 0)
        return "a host's name has no port: all listeners serve all hosts";
    if (name.p[0] == '.' || memmem(name.p, name.n, "..", 2))
        return "a name has no empty parts";
    for (size_t i = 0; i < name.n; i++) {
        char c = lower(name.p[i]);

        if (c == '*')
            return "a wildcard is \"*.\" and a name: the '*' stands first, for "
                   "whole parts";
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '.' && c != '_')
            return "a name has letters, digits, '-', '_' and '.' (write "
                   "others as xn--, in Punycode)";
    }
    return NULL;
}

/* --- the array --- */

static int compare(struct mr_str a, const struct mr_hosts_entry *b)
{
    if (a.n != b->n)
        return a.n < b->n ? -1 : 1;
    return memcmp(a.p, b->name, a.n);
}

/* Where it is, or would be. */
static bool search(const struct mr_hosts *h, struct mr_str name, size_t *ret_at)
{
    size_t from = 0, to = h->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare(name, &h->v[middle]);

        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    *ret_at = from;
    return false;
}

static int insert(struct mr_hosts *h, size_t at, struct mr_str name,
                  void *target)
{
    char *copy;

    if (h->n == h->cap) {
        size_t cap = MR_MAX(h->cap * 2, 8);
        struct mr_hosts_entry *v = mr_realloc(h->v, cap * sizeof *v);

        if (!v)
            return -ENOMEM;
        h->v = v;
        h->cap = cap;
    }
    copy = mr_alloc(name.n);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, name.p, name.n);
    memmove(&h->v[at + 1], &h->v[at], (h->n - at) * sizeof *h->v);
    h->v[at] = (struct mr_hosts_entry){copy, name.n, target};
    h->n++;
    return 0;
}

/* The key of a name to add, in text. NULL, or what is wrong with it. */
static const char *make_key(struct mr_str name, char text[NAME_MAX_BYTES + 1],
                            struct mr_str *ret)
{
    bool wild = mr_str_starts(name, "*.");
    struct mr_str bare = wild ? mr_str_n(name.p + 2, name.n - 2) : name;
    const char *why = check_name(bare);
    size_t n;

    if (why)
        return why;
    if (wild && bare.p[0] == '[')
        return "an address has no parts for a \"*.\"";
    if (!normalize(bare, text + 1, &n))
        return "no IPv6 address, or a name of more than 255 bytes";
    text[0] = '.';
    *ret = wild ? mr_str_n(text, n + 1) : mr_str_n(text + 1, n);
    return NULL;
}

int mr_hosts_add(struct mr_hosts *h, struct mr_str name, void *target,
                 const char **ret_why)
{
    char text[NAME_MAX_BYTES + 1];
    struct mr_str key;
    size_t at;

    *ret_why = make_key(name, text, &key);
    if (*ret_why)
        return -EINVAL;
    return search(h, key, &at) ? -EEXIST : insert(h, at, key, target);
}

void *mr_hosts_get(const struct mr_hosts *h, struct mr_str name)
{
    char text[NAME_MAX_BYTES + 1];
    struct mr_str key;
    size_t at;

    if (make_key(name, text, &key) || !search(h, key, &at))
        return NULL;
    return h->v[at].target;
}

void *mr_hosts_find(const struct mr_hosts *h, struct mr_str authority)
{
    char text[NAME_MAX_BYTES];
    struct mr_str host, port;
    size_t n, at;

    mr_url_authority_split(authority, &host, &port);
    if (!normalize(host, text, &n))
        return NULL;
    /* ".a.example" is no name, but a wildcard's: something stands before it */
    if (text[0] != '.' && search(h, mr_str_n(text, n), &at))
        return h->v[at].target;
    for (size_t i = 1; i < n; i++) {
        if (text[i] == '.' && search(h, mr_str_n(text + i, n - i), &at))
            return h->v[at].target;
    }
    return NULL;
}
