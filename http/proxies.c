/* SPDX-License-Identifier: MIT */

/*
 * proxies.c - the proxy variables, and the list of exceptions
 * (http/proxies.h).
 *
 *  (1) A rule is made of text once; finding allocates nothing.
 *  (2) Addresses are compared as 128 bits, IPv4 as IPv6 maps it: a rule for an
 *      IPv4 network takes ::ffff:... as well.
 */
#include "http/proxies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "http/idn.h"

struct rule {
    struct rule *next;
    enum { ALL, NAME, NETWORK } kind;
    uint16_t port;        /* 0: any */
    struct mr_str name;   /* NAME; lower case, without dots at its ends */
    struct in6_addr addr; /* NETWORK */
    unsigned bits;        /* of it that count, of 128 */
};

struct mr_proxies {
    struct mr_arena arena;
    struct mr_uri http, https; /* text.p NULL: none */
    struct rule *rules;
};

/* --- addresses --- */

/* As 128 bits; *ret_bits: how many the address has of its own. */
static bool read_address(struct mr_str s, struct in6_addr *ret,
                         unsigned *ret_bits)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];

    if (s.n >= sizeof text || s.n == 0)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *ret_bits = 128;
    if (inet_pton(AF_INET6, text, ret) == 1)
        return true;
    *ret_bits = 32;
    memcpy(ret->s6_addr, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, ret->s6_addr + sizeof mapped) == 1;
}

static bool is_within(const struct in6_addr *a, const struct in6_addr *network,
                      unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a->s6_addr, network->s6_addr, whole) != 0)
        return false;
    return rest == 0 ||
           (a->s6_addr[whole] ^ network->s6_addr[whole]) >> (8 - rest) == 0;
}

/* --- rules --- */

/* ":port" off the end of an entry, where it is one: of IPv6 without brackets
 * the last group is none. */
static bool cut_port(struct mr_str *s, uint16_t *ret_port)
{
    struct mr_str host, port;
    uint64_t v = 0;

    *ret_port = 0;
    if (s->p[0] != '[' && memchr(s->p, ':', s->n) != memrchr(s->p, ':', s->n))
        return true;
    mr_url_authority_split(*s, &host, &port);
    *s = host;
    if (!port.p)
        return true;
    if (mr_str_to_u64(port, UINT16_MAX, &v) || v == 0)
        return false;
    *ret_port = (uint16_t)v;
    return true;
}

static bool read_network(struct mr_str s, struct rule *r)
{
    ssize_t slash = mr_str_find(s, '/');
    struct mr_str addr = s;
    uint64_t bits;
    unsigned most;

    if (slash >= 0)
        addr.n = (size_t)slash;
    if (addr.n >= 2 && addr.p[0] == '[' && addr.p[addr.n - 1] == ']')
        addr = mr_str_n(addr.p + 1, addr.n - 2);
    if (!read_address(addr, &r->addr, &most))
        return false;
    bits = most;
    if (slash >= 0 &&
        mr_str_to_u64(mr_str_n(s.p + slash + 1, s.n - (size_t)slash - 1), most,
                      &bits))
        return false;
    r->kind = NETWORK;
    r->bits = (unsigned)bits + (128 - most);
    return true;
}

/* 0, 1: it is no name, -ENOMEM. */
static int read_name(struct mr_arena *arena, struct mr_str s, struct rule *r)
{
    char *lower;
    int err;

    if (mr_str_starts(s, "*."))
        s = mr_str_n(s.p + 1, s.n - 1);
    if (mr_str_starts(s, "."))
        s = mr_str_n(s.p + 1, s.n - 1);
    /* As a URI's host is written (http/uri.h). */
    err = mr_idn_to_ascii(arena, s, &s);
    if (err)
        return err == -ENOMEM ? err : 1;
    if (mr_str_ends(s, ".")) /* or what is mapped to it */
        s.n--;
    lower = mr_arena_dup(arena, s);
    if (!lower)
        return -ENOMEM;
    for (size_t i = 0; i < s.n; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] |= 0x20;
    r->kind = NAME;
    r->name = mr_str_n(lower, s.n);
    return 0;
}

/* 0, 1: it says nothing, -ENOMEM. */
static int read_rule(struct mr_arena *arena, struct mr_str s, struct rule *r)
{
    int err;

    *r = (struct rule){0};
    if (mr_str_is(s, "*")) {
        r->kind = ALL;
        return 0;
    }
    if (!cut_port(&s, &r->port))
        return 1;
    if (s.n == 0 || read_network(s, r))
        return s.n == 0;
    err = read_name(arena, s, r);
    return err ? err : r->name.n == 0;
}

static bool is_between(char c)
{
    return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

static int read_rules(struct mr_proxies *p, struct mr_str list)
{
    while (list.n > 0) {
        struct rule read, *r;
        size_t n = 0;
        int rc;

        while (n < list.n && !is_between(list.p[n]))
            n++;
        rc = n > 0 ? read_rule(&p->arena, mr_str_n(list.p, n), &read) : 1;
        n += n < list.n;
        list = mr_str_n(list.p + n, list.n - n);
        if (rc == 1)
            continue;
        r = rc ? NULL : mr_arena_alloc(&p->arena, sizeof *r);
        if (!r)
            return -ENOMEM;
        *r = read;
        r->next = p->rules;
        p->rules = r;
    }
    return 0;
}

static bool name_matches(struct mr_str host, struct mr_str name)
{
    if (mr_str_ends(host, "."))
        host.n--;
    if (host.n < name.n)
        return false;
    if (host.n > name.n && host.p[host.n - name.n - 1] != '.')
        return false;
    return mr_str_eq(mr_str_n(host.p + host.n - name.n, name.n), name);
}

static bool matches(const struct rule *r, const struct mr_uri *uri)
{
    struct in6_addr addr;
    unsigned bits;

    if (r->port && r->port != uri->port)
        return false;
    switch (r->kind) {
    case ALL:
        return true;
    case NAME:
        return !uri->is_address && name_matches(uri->host, r->name);
    case NETWORK:
        break;
    }
    return uri->is_address && read_address(uri->host, &addr, &bits) &&
           is_within(&addr, &r->addr, r->bits);
}

/* --- the variables --- */

static const char *first_of(const char *a, const char *b)
{
    return a && *a ? a : b && *b ? b : NULL;
}

/* What is shown of a proxy that is refused: user and password are not. */
static struct mr_str without_user(const char *url)
{
    const char *at = strrchr(url, '@');

    return mr_str(at ? at + 1 : url);
}

static int read_proxy(struct mr_proxies *p, const char *name, const char *url,
                      struct mr_uri *ret, char *why)
{
    const char *reason, *scheme = "";
    struct mr_str text;
    int err;

    if (!url)
        return 0;
    if (!strstr(url, "://")) /* "user:password@host" has none either */
        scheme = "http://";
    text = mr_str(mr_arena_printf(&p->arena, "%s%s", scheme, url));
    if (!text.p)
        return -ENOMEM;
    err = mr_uri_parse(&p->arena, text, ret, &reason);
    if (!err && ret->https)
        err = -EPROTONOSUPPORT;
    if (!err && (ret->target.n > 1 || ret->fragment.p)) {
        reason = "a proxy has no path";
        err = -EINVAL;
    }
    if (err == -EPROTONOSUPPORT)
        reason = "only http:// proxies can be used";
    if (err)
        snprintf(why, MR_PROXIES_WHY, "%s: \"%.*s\": %s", name,
                 (int)MR_MIN(without_user(url).n, MR_PROXIES_WHY / 2),
                 without_user(url).p, reason);
    return err;
}

int mr_proxies_new(struct mr_proxies **ret, const struct mr_proxies_from *from,
                   char why[MR_PROXIES_WHY])
{
    const char *http = first_of(from->http, NULL);
    const char *https = first_of(from->https, NULL);
    const char *all = first_of(from->all, NULL);
    struct mr_proxies *p = mr_calloc(1, sizeof *p);
    int err = p ? 0 : -ENOMEM;

    why[0] = '\0';
    *ret = NULL;
    if (p)
        mr_arena_init(&p->arena, 1024);
    if (!err)
        err = read_proxy(p, http ? "http_proxy" : "all_proxy",
                         http ? http : all, &p->http, why);
    if (!err)
        err = read_proxy(p, https ? "https_proxy" : "all_proxy",
                         https ? https : all, &p->https, why);
    if (!err)
        err = read_rules(p, mr_str(from->no));
    if (err) {
        if (!why[0])
            snprintf(why, MR_PROXIES_WHY, "out of memory");
        mr_proxies_free(p);
        return err;
    }
    *ret = p;
    return 0;
}

struct mr_proxies_from mr_proxies_env(void)
{
    return (struct mr_proxies_from){
        .http = getenv("http_proxy"),
        .https = first_of(getenv("https_proxy"), getenv("HTTPS_PROXY")),
        .all = first_of(getenv("all_proxy"), getenv("ALL_PROXY")),
        .no = first_of(getenv("no_proxy"), getenv("NO_PROXY")),
    };
}

int mr_proxies_from_env(struct mr_proxies **ret, char why[MR_PROXIES_WHY])
{
    const struct mr_proxies_from from = mr_proxies_env();

    return mr_proxies_new(ret, &from, why);
}

void mr_proxies_free(struct mr_proxies *p)
{
    if (!p)
        return;
    mr_arena_fini(&p->arena);
    mr_free(p);
}

const struct mr_uri *mr_proxies_find(const struct mr_proxies *p,
                                     const struct mr_uri *uri)
{
    const struct mr_uri *proxy;

    if (!p)
        return NULL;
    proxy = uri->https ? &p->https : &p->http;
    if (!proxy->text.p)
        return NULL;
    for (const struct rule *r = p->rules; r; r = r->next)
        if (matches(r, uri))
            return NULL;
    return proxy;
}
