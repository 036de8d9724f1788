/* SPDX-License-Identifier: MIT */
/* test_quota.c - connections in all, and from one address. */
#include "io/quota.h"

#include <errno.h>
#include <stdlib.h>

#include "core/sys.h"
#include "tests/test.h"

static struct mr_addr addr(const char *text)
{
    struct mr_addr a;

    CHECK_EQ_INT(mr_addr_parse(&a, mr_str(text)), 0);
    return a;
}

/* --- who is who --- */

static const struct {
    const char *a, *b;
    bool same;
} pairs[] = {
    {"1.2.3.4:5", "1.2.3.4:6", true},
    {"1.2.3.4:5", "1.2.3.5:5", false},
    {"[2001:db8:1:2:3:4:5:6]:1", "[2001:db8:1:2::]:2", true},
    {"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
    {"1.2.3.4:5", "[102:304::]:5", false},
    {"[::1]:5", "127.0.0.1:5", false},
};

TEST(quota_knows_addresses)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(pairs); i++) {
        struct mr_addr a = addr(pairs[i].a), b = addr(pairs[i].b);
        struct mr_quota q;

        CASE("%s and %s", pairs[i].a, pairs[i].b);
        mr_quota_init(&q, &(struct mr_quota_options){.max_per_address = 1});
        EQ_INT(mr_quota_enter(&q, &a), 0);
        EQ_INT(mr_quota_enter(&q, &a), -EUSERS);
        if (pairs[i].same) {
            EQ_INT(mr_quota_enter(&q, &b), -EUSERS);
        } else {
            EQ_INT(mr_quota_enter(&q, &b), 0);
            mr_quota_leave(&q, &b);
        }
        mr_quota_leave(&q, &a);
        EQ_INT(mr_quota_enter(&q, &b), 0);
        mr_quota_leave(&q, &b);
        mr_quota_fini(&q);
    }
}

TEST(quota_spares)
{
    static const char *const own[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1"};
    struct mr_addr path = addr("unix:/x"), far = addr("10.0.0.1:1");

    for (int spare = 0; spare < 2; spare++) {
        struct mr_quota q;

        mr_quota_init(&q, &(struct mr_quota_options){.max_per_address = 1,
                                                     .spare_loopback = spare});
        for (size_t i = 0; i < MR_ARRAY_LEN(own); i++) {
            struct mr_addr a = addr(own[i]);

            CASE("%s, %d", own[i], spare);
            EQ_INT(mr_quota_enter(&q, &a), 0);
            EQ_INT(mr_quota_enter(&q, &a), spare ? 0 : -EUSERS);
            mr_quota_leave(&q, &a);
            if (spare)
                mr_quota_leave(&q, &a);
        }
        for (int i = 0; i < 3; i++)
            EQ_INT(mr_quota_enter(&q, &path), 0);
        EQ_INT(mr_quota_enter(&q, &far), 0);
        EQ_INT(mr_quota_enter(&q, &far), -EUSERS);
        EQ_INT(q.live, 4);
        mr_quota_leave(&q, &far);
        for (int i = 0; i < 3; i++)
            mr_quota_leave(&q, &path);
        mr_quota_fini(&q);
    }
}

TEST(quota_of_all)
{
    struct mr_addr a = addr("1.2.3.4:5");
    struct mr_quota q;

    mr_quota_init(&q, &(struct mr_quota_options){.max = 2});
    for (int i = 0; i < 2; i++) {
        OK(!mr_quota_is_full(&q));
        EQ_INT(mr_quota_enter(&q, &a), 0);
    }
    OK(mr_quota_is_full(&q));
    mr_quota_leave(&q, &a);
    OK(!mr_quota_is_full(&q));
    mr_quota_leave(&q, &a);
    mr_quota_fini(&q);
    mr_quota_fini(&q);
    mr_quota_init(&q, &(struct mr_quota_options){0});
    OK(!mr_quota_is_full(&q));
    mr_quota_fini(&q);
}

/* --- against a table of counts --- */

TEST(quota_model)
{
    enum { PEERS = 500, MAX = 5 };
    static unsigned counts[PEERS];
    unsigned seed = 1, most = 0, all = 0;
    struct mr_addr a = addr("10.0.0.0:1");
    struct mr_quota q;

    mr_quota_init(&q, &(struct mr_quota_options){.max_per_address = MAX});
    for (int i = 0; i < 200000; i++) {
        unsigned who = (unsigned)rand_r(&seed) % PEERS;

        a.in.sin_addr.s_addr = who * 2654435761u;
        if ((unsigned)rand_r(&seed) % 3) {
            int rc = mr_quota_enter(&q, &a);

            EQ_INT(rc, counts[who] == MAX ? -EUSERS : 0);
            all += rc == 0;
            counts[who] += rc == 0;
        } else if (counts[who] > 0) {
            mr_quota_leave(&q, &a);
            counts[who]--;
            all--;
        }
        EQ_INT(q.live, all);
        most = MR_MAX(most, q.peers);
    }
    OK(most > PEERS / 2 && most <= PEERS);
    for (unsigned who = 0; who < PEERS; who++) {
        a.in.sin_addr.s_addr = who * 2654435761u;
        while (counts[who]-- > 0)
            mr_quota_leave(&q, &a);
    }
    EQ_INT(q.peers, 0);
    mr_quota_fini(&q);
}

/* Each allocation fails once: it is told, or makes no difference. */
TEST(quota_without_memory)
{
    struct mr_addr a = addr("10.0.0.0:1");

    for (int nth = 1; nth < 80; nth++) {
        uint32_t in[70];
        size_t n = 0;
        struct mr_quota q;

        CASE("allocation %d", nth);
        mr_quota_init(&q, &(struct mr_quota_options){.max_per_address = 1});
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        for (uint32_t i = 0; i < 70; i++) {
            int rc;

            a.in.sin_addr.s_addr = i;
            rc = mr_quota_enter(&q, &a);
            OK(rc == 0 || rc == -ENOMEM);
            if (rc == 0)
                in[n++] = i;
        }
        mr_sys_fault_clear();
        OK(n >= 69);
        for (size_t i = 0; i < n; i++) {
            a.in.sin_addr.s_addr = in[i];
            mr_quota_leave(&q, &a);
        }
        mr_quota_fini(&q);
    }
}

TEST_DIES(quota_left_twice, "q->live == 0")
{
    struct mr_addr a = addr("1.2.3.4:5");
    struct mr_quota q;

    mr_quota_init(&q, &(struct mr_quota_options){.max_per_address = 1});
    mr_quota_leave(&q, &a);
}

/* --- making room --- */

struct spares {
    struct mr_quota_offer offer;
    int left, given;
};

static bool give(struct mr_quota_offer *offer)
{
    struct spares *s = mr_container_of(offer, struct spares, offer);

    if (s->left == 0)
        return false;
    s->left--;
    s->given++;
    return true;
}

/* In turns, as long as one has something. */
TEST(quota_makes_room)
{
    struct spares s[3] = {
        {{.give = give}, 3, 0}, {{.give = give}, 0, 0}, {{.give = give}, 1, 0}};
    struct mr_quota q;

    mr_quota_init(&q, &(struct mr_quota_options){.max = 1});
    OK(!mr_quota_make_room(&q));
    for (int i = 0; i < 3; i++)
        mr_quota_offer(&q, &s[i].offer);
    OK(mr_quota_make_room(&q));
    OK(mr_quota_make_room(&q));
    EQ_INT(s[0].given, 1);
    EQ_INT(s[2].given, 1);
    OK(mr_quota_make_room(&q));
    OK(mr_quota_make_room(&q));
    OK(!mr_quota_make_room(&q));
    EQ_INT(s[0].given, 3);
    s[0].left = 1;
    mr_list_remove(&s[0].offer.node);
    OK(!mr_quota_make_room(&q));
    mr_quota_fini(&q);
}

SUITE("quotas", quota_knows_addresses, quota_spares, quota_of_all, quota_model,
      quota_without_memory, quota_makes_room, quota_left_twice)
TEST_MAIN()
