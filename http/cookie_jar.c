/* SPDX-License-Identifier: MIT */

/*
 * cookie_jar.c - which cookies there are, and for whom (http/cookie_jar.h).
 * This is libpsl's door.
 *
 *  (1) Cookies stand in lists by their domain, domains in buckets by their
 *      hash: a request looks up its host's name and what is left of it behind
 *      each dot, and nothing else.
 *  (2) An empty domain is not kept.
 *  (3) The clock counts what was made and used; no two cookies were made, or
 *      used, at the same tick.
 */
#include "http/cookie_jar.h"

#include <errno.h>
#include <libpsl.h>
#include <stdlib.h>

#include "core/sys.h"
#include "http/cookie_jar_priv.h"

enum { BUCKETS = 256 };

struct domain {
    struct domain *next; /* in its bucket */
    struct mr_cookie_kept *cookies;
    unsigned n;
    struct mr_str name;
    char text[];
};

struct mr_cookie_jar {
    psl_ctx_t *suffixes; /* NULL: there is no list on this machine */
    struct domain *buckets[BUCKETS];
    size_t n;
    uint64_t clock;
};

/* --- public suffixes --- */

bool mr_cookie_is_public(const struct mr_cookie_jar *jar, struct mr_str domain)
{
    char z[MR_URI_HOST_MAX + 1];

    if (mr_str_ends(domain, "."))
        domain.n--;
    if (domain.n >= sizeof z || domain.n == 0)
        return true;
    memcpy(z, domain.p, domain.n);
    z[domain.n] = '\0';
    if (!jar->suffixes) /* as the list has it for names it does not know */
        return mr_str_find(domain, '.') < 0;
    return psl_is_public_suffix2(jar->suffixes, z, PSL_TYPE_ANY);
}

/* --- the store --- */

int mr_cookie_jar_new(struct mr_cookie_jar **ret)
{
    struct mr_cookie_jar *jar = mr_calloc(1, sizeof *jar);

    *ret = jar;
    if (!jar)
        return -ENOMEM;
    jar->suffixes = psl_latest(NULL);
    return 0;
}

static void free_domain(struct domain *d)
{
    while (d->cookies) {
        struct mr_cookie_kept *k = d->cookies;

        d->cookies = k->next;
        mr_free(k);
    }
    mr_free(d);
}

void mr_cookie_jar_free(struct mr_cookie_jar *jar)
{
    if (!jar)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (jar->buckets[i]) {
            struct domain *d = jar->buckets[i];

            jar->buckets[i] = d->next;
            free_domain(d);
        }
    }
    psl_free(jar->suffixes);
    mr_free(jar);
}

size_t mr_cookie_jar_count(const struct mr_cookie_jar *jar)
{
    return jar->n;
}

/* FNV-1a. */
static size_t bucket_of(struct mr_str name)
{
    uint32_t h = 2166136261;

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619;
    return (h ^ h >> 16) % BUCKETS;
}

static struct domain *find_domain(const struct mr_cookie_jar *jar,
                                  struct mr_str name)
{
    struct domain *d = jar->buckets[bucket_of(name)];

    while (d && !mr_str_eq(d->name, name))
        d = d->next;
    return d;
}

static struct domain *add_domain(struct mr_cookie_jar *jar, struct mr_str name)
{
    struct domain **bucket = &jar->buckets[bucket_of(name)];
    struct domain *d = mr_alloc(sizeof *d + name.n);

    if (!d)
        return NULL;
    memcpy(d->text, name.p, name.n);
    *d = (struct domain){.next = *bucket, .name = {d->text, name.n}};
    *bucket = d;
    return d;
}

/* Takes *at out of d's list, and d out of the jar if that was the last one. */
static void remove_at(struct mr_cookie_jar *jar, struct domain *d,
                      struct mr_cookie_kept **at)
{
    struct mr_cookie_kept *k = *at;
    struct domain **slot = &jar->buckets[bucket_of(d->name)];

    *at = k->next;
    mr_free(k);
    jar->n--;
    if (--d->n > 0)
        return;
    while (*slot != d)
        slot = &(*slot)->next;
    *slot = d->next;
    mr_free(d);
}

/* Which of two goes first: expired ones, then what http may have set, then what
 * was used longest ago (6265bis 5.7). */
static bool goes_before(const struct mr_cookie_kept *a,
                        const struct mr_cookie_kept *b, int64_t now)
{
    if ((a->c.expires <= now) != (b->c.expires <= now))
        return a->c.expires <= now;
    if (a->c.secure != b->c.secure)
        return !a->c.secure;
    return a->used < b->used;
}

/* The place in d of the one to go. The newest was used last, so it goes only
 * where all others are Secure and it is not: http pushes none of those out. */
static struct mr_cookie_kept **worst_of(struct domain *d, int64_t now)
{
    struct mr_cookie_kept **worst = NULL;

    for (struct mr_cookie_kept **k = &d->cookies; *k; k = &(*k)->next)
        if (!worst || goes_before(*k, *worst, now))
            worst = k;
    return worst;
}

/* `in`, and what is in it, may be gone afterwards. */
static void make_room(struct mr_cookie_jar *jar, struct domain *in, int64_t now)
{
    struct mr_cookie_kept **worst = NULL;
    struct domain *whose = NULL;

    if (in->n > MR_COOKIES_PER_DOMAIN)
        remove_at(jar, in, worst_of(in, now));
    if (jar->n <= MR_COOKIES_MAX)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct domain *d = jar->buckets[i]; d; d = d->next) {
            struct mr_cookie_kept **k = worst_of(d, now);

            if (!worst || (k && goes_before(*k, *worst, now))) {
                worst = k;
                whose = d;
            }
        }
    }
    remove_at(jar, whose, worst);
}

static struct mr_str put_text(char **at, struct mr_str s)
{
    struct mr_str copy = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static struct mr_cookie_kept *make(const struct mr_cookie_said *c)
{
    struct mr_cookie_kept *k =
        mr_alloc(sizeof *k + c->name.n + c->value.n + c->path.n);
    char *at;

    if (!k)
        return NULL;
    at = k->text;
    k->c = *c;
    k->c.name = put_text(&at, c->name);
    k->c.value = put_text(&at, c->value);
    k->c.path = put_text(&at, c->path);
    return k;
}

/* The place of the one that c replaces, or NULL. */
static struct mr_cookie_kept **find_same(struct domain *d,
                                         const struct mr_cookie_said *c)
{
    for (struct mr_cookie_kept **k = &d->cookies; *k; k = &(*k)->next)
        if (mr_str_eq((*k)->c.name, c->name) &&
            mr_str_eq((*k)->c.path, c->path) &&
            (*k)->c.host_only == c->host_only)
            return k;
    return NULL;
}

int mr_cookie_jar_put(struct mr_cookie_jar *jar, const struct mr_cookie_said *c,
                      int64_t now)
{
    struct domain *d = find_domain(jar, c->domain);
    struct mr_cookie_kept **old = d ? find_same(d, c) : NULL, *k;

    if (c->expires <= now) {
        if (old)
            remove_at(jar, d, old);
        return 0;
    }
    k = make(c);
    if (k && !d)
        d = add_domain(jar, c->domain);
    if (!k || !d) {
        mr_free(k);
        return -ENOMEM;
    }
    k->c.domain = d->name;
    k->used = ++jar->clock;
    k->made = old ? (*old)->made : k->used;
    if (old) { /* into its place; d does not become empty */
        k->next = (*old)->next;
        mr_free(*old);
        *old = k;
        return 0;
    }
    k->next = d->cookies;
    d->cookies = k;
    d->n++;
    jar->n++;
    make_room(jar, d, now);
    return 0;
}

/* --- matching --- */

/* RFC 6265 5.1.4. */
static bool path_matches(struct mr_str path, struct mr_str cookie)
{
    if (path.n < cookie.n || memcmp(path.p, cookie.p, cookie.n) != 0)
        return false;
    return path.n == cookie.n || cookie.p[cookie.n - 1] == '/' ||
           path.p[cookie.n] == '/';
}

/* RFC 6265 5.1.3, of names. */
static bool is_below(struct mr_str host, struct mr_str domain)
{
    if (host.n < domain.n ||
        memcmp(host.p + host.n - domain.n, domain.p, domain.n) != 0)
        return false;
    return host.n == domain.n || host.p[host.n - domain.n - 1] == '.';
}

bool mr_cookie_jar_hides(const struct mr_cookie_jar *jar,
                         const struct mr_cookie_said *c, int64_t now)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct domain *d = jar->buckets[i]; d; d = d->next) {
            if (!is_below(d->name, c->domain) && !is_below(c->domain, d->name))
                continue;
            for (struct mr_cookie_kept *k = d->cookies; k; k = k->next)
                if (k->c.secure && k->c.expires > now &&
                    mr_str_eq(k->c.name, c->name) &&
                    path_matches(c->path, k->c.path))
                    return true;
        }
    }
    return false;
}

static bool is_for(const struct mr_cookie_said *c, const struct mr_uri *uri,
                   int64_t now)
{
    if (c->expires <= now || (c->secure && !uri->https))
        return false;
    if ((c->host_only || uri->is_address) && c->domain.n != uri->host.n)
        return false;
    return path_matches(uri->path, c->path);
}

/* Those for uri to the end of found, where it is not NULL; how many. */
static size_t find_all(const struct mr_cookie_jar *jar,
                       const struct mr_uri *uri, int64_t now,
                       struct mr_cookie_kept **found)
{
    struct mr_str name = uri->host, label;
    size_t n = 0;

    while (name.n > 0) {
        const struct domain *d = find_domain(jar, name);

        for (struct mr_cookie_kept *k = d ? d->cookies : NULL; k; k = k->next) {
            if (!is_for(&k->c, uri, now))
                continue;
            if (found)
                found[n] = k;
            n++;
        }
        (void)mr_str_split(&name, '.', &label); /* there is one: n > 0 */
    }
    return n;
}

static int compare_age(const struct mr_cookie_kept *a,
                       const struct mr_cookie_kept *b)
{
    return a->made < b->made ? -1 : a->made > b->made;
}

static int by_path(const void *a, const void *b)
{
    const struct mr_cookie_kept *k = *(struct mr_cookie_kept *const *)a;
    const struct mr_cookie_kept *l = *(struct mr_cookie_kept *const *)b;

    if (k->c.path.n != l->c.path.n)
        return k->c.path.n > l->c.path.n ? -1 : 1;
    return compare_age(k, l);
}

static size_t put(char *out, size_t n, struct mr_str s)
{
    if (s.n > 0)
        memcpy(out + n, s.p, s.n);
    return n + s.n;
}

int mr_cookie_jar_get(struct mr_cookie_jar *jar, const struct mr_uri *uri,
                      int64_t now, struct mr_arena *arena, struct mr_str *ret)
{
    size_t many = find_all(jar, uri, now, NULL), n = 0;
    struct mr_cookie_kept **found;
    char *out;

    *ret = mr_str("");
    if (many == 0)
        return 0;
    found = mr_arena_alloc(arena, many * sizeof(struct mr_cookie_kept *));
    out = mr_arena_alloc(arena, MR_COOKIE_FIELD_MAX);
    if (!found || !out)
        return -ENOMEM;
    (void)find_all(jar, uri, now, found); /* as many as before */
    qsort(found, many, sizeof(struct mr_cookie_kept *), by_path);
    for (size_t i = 0; i < many; i++) {
        const struct mr_cookie_said *c = &found[i]->c;

        if (n + c->name.n + c->value.n + strlen("; =") > MR_COOKIE_FIELD_MAX)
            break;
        found[i]->used = ++jar->clock;
        n = put(out, n, mr_str(n > 0 ? "; " : ""));
        n = put(out, n, c->name);
        n = put(out, n, mr_str(c->name.n > 0 ? "=" : ""));
        n = put(out, n, c->value);
    }
    *ret = mr_str_n(out, n);
    return 0;
}

static int by_age(const void *a, const void *b)
{
    return compare_age(*(const struct mr_cookie_kept *const *)a,
                       *(const struct mr_cookie_kept *const *)b);
}

const struct mr_cookie_kept **mr_cookie_jar_all(const struct mr_cookie_jar *jar,
                                                size_t *ret_n)
{
    const struct mr_cookie_kept **all =
        mr_alloc((jar->n + 1) * sizeof(struct mr_cookie_kept *));
    size_t n = 0;

    *ret_n = jar->n;
    if (!all)
        return NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct domain *d = jar->buckets[i]; d; d = d->next)
            for (struct mr_cookie_kept *k = d->cookies; k; k = k->next)
                all[n++] = k;
    qsort(all, n, sizeof(struct mr_cookie_kept *), by_age);
    return all;
}
