/* SPDX-License-Identifier: MIT */

/*
 * quota.c - a hash table of who is connected, and how often.
 *
 *  (1) A record is in the table as long as its count is above 0; so the table
 *      is no larger than the connections are many.
 *  (2) Chains, and a seed: who chooses his addresses does not know where they
 *      go. When there is no memory to grow, chains get longer, and that is all.
 */
#include "io/quota.h"

#include <errno.h>
#include <string.h>

#include "core/sys.h"

#define FIRST_SLOTS 64

struct mr_quota_peer {
    struct mr_quota_peer *next;
    uint64_t key;
    uint8_t family;
    uint32_t n;
};

void mr_quota_init(struct mr_quota *q, const struct mr_quota_options *o)
{
    *q = (struct mr_quota){.options = *o};
    q->seed = (uint64_t)mr_sys_realtime() ^ (uint64_t)(uintptr_t)q << 20;
    mr_waitq_init(&q->room);
    mr_list_init(&q->offers);
}

void mr_quota_fini(struct mr_quota *q)
{
    MR_BUG_ON(q->live > 0 || q->peers > 0);
    mr_free(q->table);
    q->table = NULL;
    q->slots = 0;
}

void mr_quota_offer(struct mr_quota *q, struct mr_quota_offer *offer)
{
    mr_list_push_back(&q->offers, &offer->node);
}

bool mr_quota_make_room(struct mr_quota *q)
{
    MR_LIST_EACH_SAFE (n, &q->offers) {
        struct mr_quota_offer *o =
            mr_container_of(n, struct mr_quota_offer, node);

        if (!o->give(o))
            continue;
        mr_list_remove(&o->node);
        mr_list_push_back(&q->offers, &o->node);
        return true;
    }
    return false;
}

void mr_quota_spare_now(struct mr_quota *q)
{
    (void)mr_waitq_wake_all(&q->room, 0);
}

static bool is_counted(const struct mr_quota *q, const struct mr_addr *peer)
{
    if (!q->options.max_per_address || mr_addr_family(peer) == AF_UNIX)
        return false;
    return !q->options.spare_loopback || !mr_addr_is_loopback(peer);
}

static uint64_t key_of(const struct mr_addr *peer)
{
    uint64_t key;

    if (mr_addr_family(peer) == AF_INET)
        return peer->in.sin_addr.s_addr;
    memcpy(&key, &peer->in6.sin6_addr, sizeof key);
    return key;
}

/* splitmix64's last steps (Vigna, public domain) */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct mr_quota_peer **chain_of(const struct mr_quota *q, uint64_t key)
{
    return &q->table[mix(key ^ q->seed) & (q->slots - 1)];
}

/* Where the pointer to that record is, or would be put. */
static struct mr_quota_peer **find(const struct mr_quota *q,
                                   const struct mr_addr *peer)
{
    uint64_t key = key_of(peer);
    struct mr_quota_peer **at = chain_of(q, key);

    while (*at && ((*at)->key != key || (*at)->family != peer->sa.sa_family))
        at = &(*at)->next;
    return at;
}

/* 0; -ENOMEM: only when there is no table at all. */
static int grow(struct mr_quota *q)
{
    struct mr_quota_peer **old = q->table, *p;
    size_t n = q->slots;

    if (q->peers < n)
        return 0;
    q->table =
        mr_calloc(n ? 2 * n : FIRST_SLOTS, sizeof(struct mr_quota_peer *));
    if (!q->table) {
        q->table = old;
        return old ? 0 : -ENOMEM;
    }
    q->slots = n ? 2 * n : FIRST_SLOTS;
    for (size_t i = 0; i < n; i++) {
        while ((p = old[i])) {
            struct mr_quota_peer **at = chain_of(q, p->key);

            old[i] = p->next;
            p->next = *at;
            *at = p;
        }
    }
    mr_free(old);
    return 0;
}

static int count(struct mr_quota *q, const struct mr_addr *peer)
{
    struct mr_quota_peer **at, *p;

    if (grow(q))
        return -ENOMEM;
    at = find(q, peer);
    if (*at) {
        if ((*at)->n >= q->options.max_per_address)
            return -EUSERS;
        (*at)->n++;
        return 0;
    }
    p = mr_alloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = (struct mr_quota_peer){
        .key = key_of(peer),
        .family = (uint8_t)mr_addr_family(peer),
        .n = 1,
    };
    *at = p;
    q->peers++;
    return 0;
}

static void say_so(struct mr_quota *q, const struct mr_addr *peer)
{
    char text[MR_ADDR_TEXT];

    mr_addr_format(peer, text, sizeof text);
    mr_log_every_second(&q->gate, MR_LOG_WARN,
                        "%s: refused, its address has %zu connections already",
                        text, q->options.max_per_address);
}

int mr_quota_enter(struct mr_quota *q, const struct mr_addr *peer)
{
    int err = is_counted(q, peer) ? count(q, peer) : 0;

    if (!err)
        q->live++;
    else if (err == -EUSERS)
        say_so(q, peer);
    return err;
}

void mr_quota_leave(struct mr_quota *q, const struct mr_addr *peer)
{
    struct mr_quota_peer **at, *p;

    MR_BUG_ON(q->live == 0);
    q->live--;
    (void)mr_waitq_wake_all(&q->room, 0);
    if (!is_counted(q, peer))
        return;
    MR_BUG_ON(!q->table);
    at = find(q, peer);
    p = *at;
    MR_BUG_ON(!p);
    if (--p->n > 0)
        return;
    *at = p->next;
    mr_free(p);
    q->peers--;
}
