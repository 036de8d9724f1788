/* SPDX-License-Identifier: MIT */

/*
 * dns.c - host names to addresses, off the hub, with a small cache.
 *
 * Three objects, each with one owner:
 *
 *     struct entry    a name and a family: what is known, who waits for more.
 *                     The resolver's; in a bucket and in the list by age.
 *     struct flight   one query of an entry, from its start to its end or its
 *                     being given up. Its errand's, a member of the resolver's
 *                     group, which does nothing but wait for the job.
 *     struct query    the job: all that a helper touches. Core/offload's, and
 *                     freed wherever it ends.
 *
 *  (1) An entry has a flight <=> an answer is to come; who asks waits in its
 *      queue. One with a flight or with askers is never dropped.
 *  (2) entry->flight and flight->entry point to each other or are NULL: a
 *      flight that was given up has no entry and stores nothing.
 *  (3) A flight whose job runs is not given up, though nobody waits: its answer
 *      will be there for the next. The lane's limit bounds how many there are.
 *
 * Not here: what a name may look like (dns_name.c).
 *
 * The hash has no secret: at worst a peer that chooses the names makes one
 * list of max_names, which is nothing beside a query.
 */
#include "io/dns.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

#include "core/group.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"

#define TTL_DEFAULT (60 * INT64_C(1000000000))
#define FAILURE_TTL_DEFAULT (2 * INT64_C(1000000000))
/* Some 200 bytes each. */
#define NAMES_DEFAULT 1024
#define BUCKETS 256
/* mr_dns_check's limit, and a last dot. */
#define NAME_SIZE (254 + 1)

struct query {
    struct mr_job job;
    mr_dns_lookup_fn *lookup;
    void *arg;
    int family;
    bool begun; /* a helper has it; atomic */
    int result; /* n, or -Exxx */
    const char *text;
    struct mr_addr addrs[MR_DNS_MAX];
    char name[NAME_SIZE];
};

struct flight {
    struct mr_dns *dns;
    struct entry *entry;
    struct query *query;  /* NULL: ended */
    struct mr_coro *coro; /* NULL: not started */
    bool begun;           /* the errand has run */
};

struct entry {
    struct mr_list in_bucket;
    struct mr_list by_age; /* the one used last at the end */
    struct mr_waitq askers;
    size_t asking; /* also those who were woken and did not run yet */
    struct flight *flight;
    int64_t good_until;
    int result;
    const char *text; /* static */
    struct mr_addr *addrs;
    int family;
    char name[];
};

struct mr_dns {
    struct mr_dns_options options;
    struct mr_group flights;
    struct mr_list by_age;
    struct mr_dns_stats stats;
    struct mr_list buckets[BUCKETS];
};

/* --- on a helper --- */

static int gai_to_err(int gai)
{
    switch (gai) {
    case EAI_NONAME:
        return -ENOENT;
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENODATA;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAIL:
        return -EREMOTEIO;
    case EAI_MEMORY:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
}

static int ask_system(void *unused, const char *name, int family,
                      struct mr_addr *ret, const char **ret_text)
{
    const struct addrinfo hints = {
        .ai_family = family,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *list = NULL;
    int gai = getaddrinfo(name, NULL, &hints, &list);
    int n = 0;

    (void)unused;
    if (gai == EAI_SYSTEM)
        return -mr_sys_errno_save();
    if (gai) {
        *ret_text = gai_strerror(gai);
        return gai_to_err(gai);
    }
    for (struct addrinfo *ai = list; ai && n < MR_DNS_MAX; ai = ai->ai_next)
        if (ai->ai_family == family &&
            mr_addr_set(&ret[n], ai->ai_addr, ai->ai_addrlen) == 0)
            n++;
    freeaddrinfo(list);
    return n > 0 ? n : -ENODATA;
}

static void run_query(struct mr_job *job)
{
    struct query *q = mr_container_of(job, struct query, job);

    __atomic_store_n(&q->begun, true, __ATOMIC_RELAXED);
    q->result = q->lookup(q->arg, q->name, q->family, q->addrs, &q->text);
}

static void free_query(struct mr_job *job)
{
    mr_free(mr_container_of(job, struct query, job));
}

/* --- entries --- */

static uint32_t hash_of(struct mr_str name, int family)
{
    uint32_t h = UINT32_C(2166136261) ^ (uint32_t)family; /* FNV-1a */

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (uint32_t)(name.p[i] | 32)) * UINT32_C(16777619);
    return h;
}

static struct mr_list *bucket_of(struct mr_dns *dns, struct mr_str name,
                                 int family)
{
    return &dns->buckets[hash_of(name, family) % BUCKETS];
}

static struct entry *find(struct mr_dns *dns, struct mr_str name, int family)
{
    struct mr_list *bucket = bucket_of(dns, name, family);

    for (struct mr_list *l = bucket->next; l != bucket; l = l->next) {
        struct entry *e = mr_container_of(l, struct entry, in_bucket);

        if (e->family == family && mr_str_eq_case(mr_str(e->name), name))
            return e;
    }
    return NULL;
}

static void drop(struct mr_dns *dns, struct entry *e)
{
    mr_list_remove(&e->in_bucket);
    mr_list_remove(&e->by_age);
    mr_free(e->addrs);
    mr_free(e);
    dns->stats.names--;
}

/* Room for one more. Those in use stay, whatever max_names says: they are as
 * many as there are errands that ask. */
static void make_room(struct mr_dns *dns)
{
    struct mr_list *l = dns->by_age.next;

    while (dns->stats.names >= dns->options.max_names && l != &dns->by_age) {
        struct entry *e = mr_container_of(l, struct entry, by_age);

        l = l->next;
        if (!e->flight && e->asking == 0)
            drop(dns, e);
    }
}

static struct entry *add(struct mr_dns *dns, struct mr_str name, int family)
{
    struct entry *e;

    make_room(dns);
    e = mr_calloc(1, sizeof *e + name.n + 1);
    if (!e)
        return NULL;
    memcpy(e->name, name.p, name.n);
    e->family = family;
    mr_waitq_init(&e->askers);
    mr_list_push_back(bucket_of(dns, name, family), &e->in_bucket);
    mr_list_push_back(&dns->by_age, &e->by_age);
    dns->stats.names++;
    return e;
}

static int64_t keep_for(const struct mr_dns *dns, int result)
{
    if (result > 0)
        return dns->options.ttl;
    if (result == -ENOENT || result == -ENODATA || result == -EAGAIN)
        return dns->options.failure_ttl;
    return -1; /* ours, and perhaps over in a moment */
}

static void store(struct mr_dns *dns, struct entry *e, const struct query *q)
{
    size_t bytes = q->result > 0 ? (size_t)q->result * sizeof *q->addrs : 0;

    mr_free(e->addrs);
    e->addrs = NULL;
    e->result = q->result;
    e->text = q->text;
    if (bytes > 0)
        e->addrs = mr_alloc(bytes);
    if (e->addrs)
        memcpy(e->addrs, q->addrs, bytes);
    else if (bytes > 0)
        e->result = -ENOMEM;
    e->good_until = mr_after(keep_for(dns, e->result));
}

/* --- answers --- */

static int say(struct mr_dns_answer *ret, struct mr_str name, int err,
               const char *text)
{
    char shown[NAME_SIZE];

    mr_str_escape(shown, sizeof shown, name);
    ret->n = 0;
    snprintf(ret->why, sizeof ret->why, "%s: %s", shown,
             text ? text : mr_strerror(err));
    return err;
}

static int tell(const struct entry *e, struct mr_dns_answer *ret)
{
    if (e->result <= 0)
        return say(ret, mr_str(e->name), e->result, e->text);
    ret->n = (size_t)e->result;
    ret->why[0] = '\0';
    memcpy(ret->addrs, e->addrs, ret->n * sizeof *ret->addrs);
    return e->result;
}

/* What needs no resolver: true, with mr_dns_ask's result. */
static bool is_settled(struct mr_str name, int family,
                       struct mr_dns_answer *ret, int *ret_rc)
{
    const char *why;

    MR_BUG_ON(family != AF_INET && family != AF_INET6);
    if (mr_dns_literal(name, &ret->addrs[0]) == 0) {
        ret->n = 1;
        ret->why[0] = '\0';
        *ret_rc = 1;
        if (mr_addr_family(&ret->addrs[0]) != family)
            *ret_rc = say(ret, name, -EAFNOSUPPORT, NULL);
        return true;
    }
    why = mr_dns_check(name);
    if (why)
        *ret_rc = say(ret, name, -EINVAL, why);
    return why;
}

/* --- flights --- */

static void part(struct flight *f)
{
    if (f->entry)
        f->entry->flight = NULL;
    f->entry = NULL;
}

/* The errand of a flight: its job, and what becomes of the answer. */
static intptr_t fly(void *arg)
{
    struct flight *f = arg;
    struct query *q = f->query;
    struct entry *e;
    int rc;

    f->begun = true;
    rc = mr_job_run(&q->job, MR_NEVER);
    f->query = NULL;
    e = f->entry;
    part(f);
    if (rc == 0 || rc == -EAGAIN || rc == -ENOMEM) { /* q is ours again */
        if (rc) {
            q->result = rc;
            q->text = "there is no helper thread to be had";
        }
        if (e)
            store(f->dns, e, q);
        if (e && rc)
            e->good_until = 0;
        mr_free(q);
    } else if (e) { /* our hub ends us */
        e->result = rc;
        e->text = NULL;
        e->good_until = 0;
    }
    if (e)
        (void)mr_waitq_wake_all(&e->askers, 0);
    mr_free(f);
    return 0;
}

static void free_unbegun(struct flight *f)
{
    part(f);
    mr_free(f->query);
    mr_free(f);
}

/* Nobody waits for it: invariant 3. */
static void give_up(struct flight *f)
{
    struct mr_coro *coro = f->coro;

    if (__atomic_load_n(&f->query->begun, __ATOMIC_RELAXED))
        return;
    if (f->begun)
        part(f);
    else
        free_unbegun(f);
    mr_cancel(coro);
}

static struct query *query_new(struct mr_dns *dns, const struct entry *e)
{
    struct query *q = mr_calloc(1, sizeof *q);

    if (!q)
        return NULL;
    q->job = (struct mr_job){
        .lane = MR_LANE_NAMES,
        .free_anywhere = true,
        .run = run_query,
        .free = free_query,
    };
    q->lookup = dns->options.lookup;
    q->arg = dns->options.arg;
    q->family = e->family;
    snprintf(q->name, sizeof q->name, "%s", e->name);
    return q;
}

static int start(struct mr_dns *dns, struct entry *e)
{
    struct flight *f = mr_calloc(1, sizeof *f);

    if (!f)
        return -ENOMEM;
    f->dns = dns;
    f->query = query_new(dns, e);
    if (f->query)
        f->coro = mr_spawn_with(fly, f,
                                &(struct mr_spawn_options){
                                    .entry = "dns",
                                    .where = MR_HERE,
                                    .group = &dns->flights,
                                    .reap = true,
                                });
    if (!f->coro) {
        free_unbegun(f);
        return -ENOMEM;
    }
    f->entry = e;
    e->flight = f;
    dns->stats.queries++;
    return 0;
}

/* --- the resolver --- */

struct mr_dns *mr_dns_new(const struct mr_dns_options *o)
{
    struct mr_dns *dns = mr_calloc(1, sizeof *dns);

    if (!dns)
        return NULL;
    if (o)
        dns->options = *o;
    if (!dns->options.ttl)
        dns->options.ttl = TTL_DEFAULT;
    if (!dns->options.failure_ttl)
        dns->options.failure_ttl = FAILURE_TTL_DEFAULT;
    if (!dns->options.max_names)
        dns->options.max_names = NAMES_DEFAULT;
    if (!dns->options.lookup)
        dns->options.lookup = ask_system;
    mr_group_init(&dns->flights);
    mr_list_init(&dns->by_age);
    for (size_t i = 0; i < BUCKETS; i++)
        mr_list_init(&dns->buckets[i]);
    return dns;
}

void mr_dns_free(struct mr_dns *dns)
{
    if (!dns)
        return;
    for (struct mr_list *l = dns->by_age.next; l != &dns->by_age; l = l->next) {
        struct entry *e = mr_container_of(l, struct entry, by_age);

        MR_BUG_ON(e->asking > 0);
        if (e->flight && !e->flight->begun) {
            struct mr_coro *coro = e->flight->coro;

            free_unbegun(e->flight);
            mr_cancel(coro);
        }
    }
    if (!mr_list_is_empty(&dns->flights.members))
        mr_group_close(&dns->flights);
    while (!mr_list_is_empty(&dns->by_age))
        drop(dns, mr_container_of(dns->by_age.next, struct entry, by_age));
    mr_free(dns);
}

int mr_dns_known(struct mr_dns *dns, struct mr_str name, int family,
                 struct mr_dns_answer *ret)
{
    struct entry *e;
    int rc;

    if (is_settled(name, family, ret, &rc))
        return rc;
    e = find(dns, name, family);
    if (!e || e->good_until <= mr_now())
        return 0;
    dns->stats.hits++;
    mr_list_remove(&e->by_age);
    mr_list_push_back(&dns->by_age, &e->by_age);
    return tell(e, ret);
}

int mr_dns_ask(struct mr_dns *dns, struct mr_str name, int family,
               struct mr_dns_answer *ret, int64_t deadline)
{
    struct entry *e;
    int rc = mr_dns_known(dns, name, family, ret);

    if (rc != 0)
        return rc;
    e = find(dns, name, family);
    if (e) {
        mr_list_remove(&e->by_age);
        mr_list_push_back(&dns->by_age, &e->by_age);
    } else {
        e = add(dns, name, family);
    }
    if (!e)
        return say(ret, name, -ENOMEM, NULL);
    if (e->flight)
        dns->stats.joined++;
    else if (start(dns, e))
        return say(ret, name, -ENOMEM, NULL);
    e->asking++;
    rc = (int)mr_wait(&e->askers, deadline, "dns");
    e->asking--;
    if (rc == 0)
        return tell(e, ret);
    if (e->asking == 0 && e->flight)
        give_up(e->flight);
    return say(ret, name, rc,
               rc == -ETIMEDOUT ? "the name was not found in time" : NULL);
}

struct mr_dns_stats mr_dns_stats(const struct mr_dns *dns)
{
    return dns->stats;
}
