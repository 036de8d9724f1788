/* SPDX-License-Identifier: MIT */

/*
 * test_mailbox_crowd.c - many threads and one mailbox.
 *
 * Nothing lost, nothing twice, each sender's values in their order; and hubs
 * that end while others send. MODEL_SEED sets the seed.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/group.h"
#include "core/mailbox.h"
#include "core/sys.h"
#include "core/thread.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define THREADS 3
#define EACH 4 /* senders, or receivers, per thread */
#define SENDERS (2 * THREADS * EACH)

struct message {
    uint32_t sender;
    uint32_t number;
    uint32_t check; /* a torn one would not fit */
};

struct crowd {
    struct mr_mailbox *box;
    uint32_t messages; /* per sender */
    unsigned seed;
    uint32_t next_sender; /* atomic */
    uint64_t sent;        /* atomic: sums */
    uint64_t received;
    uint64_t count;
    uint64_t timed_out;
};

static uint32_t check_of(const struct message *m)
{
    return m->sender * 2654435761u ^ m->number;
}

/* Deadlines that come now and then: what was not sent is sent again. */
static intptr_t crowd_sends(void *arg)
{
    struct crowd *c = arg;
    uint32_t id = __atomic_fetch_add(&c->next_sender, 1, __ATOMIC_RELAXED);
    unsigned seed = c->seed + id;

    for (uint32_t i = 0; i < c->messages;) {
        struct message m = {.sender = id, .number = i};
        int64_t deadline = MR_NEVER;
        int rc;

        m.check = check_of(&m);
        if (rand_r(&seed) % 4 == 0)
            deadline = mr_after(rand_r(&seed) % 20000);
        if (rand_r(&seed) % 8 == 0)
            rc = mr_mailbox_try_send(c->box, &m);
        else
            rc = mr_mailbox_send(c->box, &m, deadline);
        if (rc == 0) {
            __atomic_fetch_add(&c->sent, m.check, __ATOMIC_RELAXED);
            i++;
            continue;
        }
        CHECK_OK(rc == -ETIMEDOUT || rc == -EAGAIN);
        __atomic_fetch_add(&c->timed_out, 1, __ATOMIC_RELAXED);
        if (!mr_hub_self())
            sched_yield();
    }
    return 0;
}

/* One message by one of three ways. */
static int crowd_get(struct crowd *c, struct message *m, unsigned *seed)
{
    int64_t deadline = MR_NEVER;
    int kind = rand_r(seed) % 8, rc;

    if (rand_r(seed) % 4 == 0)
        deadline = mr_after(rand_r(seed) % 20000);
    if (kind == 0)
        return mr_mailbox_try_recv(c->box, m);
    if (kind < 4 && mr_hub_self()) {
        struct mr_select_case any = mr_select_mailbox(c->box, m);

        rc = mr_select(&any, 1, deadline);
        return rc < 0 ? rc : any.rc;
    }
    return mr_mailbox_recv(c->box, m, deadline);
}

static intptr_t crowd_receives(void *arg)
{
    struct crowd *c = arg;
    uint32_t seen[SENDERS] = {0}; /* the next number at the earliest */
    unsigned seed = c->seed ^ (unsigned)(uintptr_t)&seed;
    struct message m;
    int rc;

    while ((rc = crowd_get(c, &m, &seed)) != -EPIPE) {
        if (rc) {
            CHECK_OK(rc == -ETIMEDOUT || rc == -EAGAIN);
            if (!mr_hub_self())
                sched_yield();
            continue;
        }
        CHECK_EQ_INT(m.check, check_of(&m));
        CHECK_OK(m.sender < SENDERS && m.number >= seen[m.sender]);
        seen[m.sender] = m.number + 1;
        __atomic_fetch_add(&c->received, m.check, __ATOMIC_RELAXED);
        __atomic_fetch_add(&c->count, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

static intptr_t several_send(void *c)
{
    for (int i = 0; i < EACH; i++)
        CHECK_OK(mr_spawn(crowd_sends, c) != NULL);
    return mr_group_wait(mr_group_own(), MR_NEVER);
}

static intptr_t several_receive(void *c)
{
    for (int i = 0; i < EACH; i++)
        CHECK_OK(mr_spawn(crowd_receives, c) != NULL);
    return mr_group_wait(mr_group_own(), MR_NEVER);
}

/* Senders and receivers on hubs and on threads without: the sums agree, each
 * sender's messages come to each receiver in their order. */
static void crowd(struct crowd *c, bool plain_too)
{
    struct mr_thread *senders[2 * THREADS], *receivers[2 * THREADS];
    uint64_t want = 0;
    int n = 0;

    for (int i = 0; i < THREADS; i++, n++) {
        want += EACH * c->messages;
        EQ_INT(mr_thread_start(&senders[n], several_send, c, NULL), 0);
        EQ_INT(mr_thread_start(&receivers[n], several_receive, c, NULL), 0);
    }
    for (int i = 0; plain_too && i < THREADS; i++, n++) {
        want += c->messages;
        EQ_INT(mr_thread_start_plain(&senders[n], crowd_sends, c, NULL), 0);
        EQ_INT(mr_thread_start_plain(&receivers[n], crowd_receives, c, NULL),
               0);
    }
    for (int i = 0; i < n; i++)
        EQ_INT(mr_thread_join(senders[i], NULL, MR_NEVER), 0);
    mr_mailbox_free(c->box); /* the receivers take what is left */
    for (int i = 0; i < n; i++)
        EQ_INT(mr_thread_join(receivers[i], NULL, MR_NEVER), 0);
    EQ_INT(c->count, want);
    EQ_INT(c->received, c->sent);
}

static unsigned seed_of_today(void)
{
    const char *given = getenv("MODEL_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10)
                          : (unsigned)mr_sys_monotonic();

    printf("MODEL_SEED=%u\n", seed);
    return seed;
}

static void crowds(size_t capacity, bool plain_too)
{
    struct crowd c = {.messages = (uint32_t)TEST_SCALE(300)};
    struct mr_mailbox *held;

    CASE("capacity %zu", capacity);
    c.seed = seed_of_today();
    c.box = mr_mailbox_new(sizeof(struct message), capacity);
    held = mr_mailbox_ref(c.box);
    crowd(&c, plain_too);
    EQ_INT(mr_mailbox_len(held), 0);
    mr_mailbox_unref(held);
}

TEST(mailbox_crowd_of_hubs)
{
    crowds(1, false);
    crowds(7, false);
    crowds(1000, false);
}

TEST(mailbox_crowd_of_all_sorts)
{
    crowds(1, true);
    crowds(7, true);
}

/* One sender, one receiver: everything in order. */
static intptr_t counts_up(void *arg)
{
    struct crowd *c = arg;

    for (uint32_t i = 0; i < c->messages; i++)
        CHECK_EQ_INT(mr_mailbox_send(c->box, &i, MR_NEVER), 0);
    mr_mailbox_close(c->box);
    mr_mailbox_unref(c->box);
    return 0;
}

IN_HUB(mailbox_keeps_the_order)
{
    for (size_t capacity = 1; capacity <= 64; capacity *= 4) {
        struct crowd c = {.messages = (uint32_t)TEST_SCALE(5000)};
        uint32_t got, want = 0;
        struct mr_thread *t;
        int rc;

        c.box = mr_mailbox_new(sizeof(uint32_t), capacity);
        (void)mr_mailbox_ref(c.box); /* let go of by the thread */
        CHECK_EQ_INT(mr_thread_start(&t, counts_up, &c, NULL), 0);
        while ((rc = mr_mailbox_recv(c.box, &got, MR_NEVER)) == 0)
            CHECK_EQ_INT(got, want++);
        CHECK_EQ_INT(rc, -EPIPE);
        CHECK_EQ_INT(want, c.messages);
        CHECK_EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
        mr_mailbox_unref(c.box);
    }
    return 0;
}

/* --- hubs that go away --- */

static intptr_t takes_three(void *arg)
{
    MR_AUTO(mailbox) box = arg;
    int v, at = 0;
    struct mr_select_case c = mr_select_mailbox(box, &v);

    while (at < 3 && mr_select(&c, 1, MR_NEVER) == 0 && c.rc == 0)
        at++;
    return at; /* and with it its hub ends, the box closed */
}

static intptr_t sends_until_closed(void *arg)
{
    MR_AUTO(mailbox) box = arg;
    int v = 1, rc;

    while ((rc = mr_mailbox_send(box, &v, MR_NEVER)) == 0)
        continue;
    return rc;
}

/* Receivers that leave while others send: the senders are told. */
TEST(mailbox_receiver_goes_away)
{
    for (int i = 0; i < TEST_SCALE(100); i++) {
        struct mr_mailbox *box = mr_mailbox_new(sizeof(int), 2);
        struct mr_thread *t[3];
        intptr_t v;

        EQ_INT(mr_thread_start(&t[0], takes_three, mr_mailbox_ref(box), NULL),
               0);
        EQ_INT(mr_thread_start(&t[1], sends_until_closed, mr_mailbox_ref(box),
                               NULL),
               0);
        EQ_INT(mr_thread_start_plain(&t[2], sends_until_closed,
                                     mr_mailbox_ref(box), NULL),
               0);
        mr_mailbox_unref(box);
        for (int k = 0; k < 3; k++) {
            EQ_INT(mr_thread_join(t[k], &v, MR_NEVER), 0);
            EQ_INT(v, k == 0 ? 3 : -EPIPE);
        }
    }
}

static intptr_t selects_briefly(void *arg)
{
    struct crowd *c = arg;
    unsigned seed = c->seed;
    int v;
    struct mr_select_case any = mr_select_mailbox(c->box, &v);

    (void)!mr_select(&any, 1, mr_after(rand_r(&seed) % 100000));
    return 0;
}

/* A select that ends while it is being told, and its hub right after it. */
TEST(mailbox_select_and_hub_end_while_told)
{
    unsigned seed = seed_of_today();

    for (int i = 0; i < TEST_SCALE(500); i++) {
        struct crowd c = {.seed = seed + (unsigned)i};
        struct mr_thread *t;

        c.box = mr_mailbox_new(sizeof(int), 1);
        EQ_INT(mr_thread_start(&t, selects_briefly, &c, NULL), 0);
        for (int spin = 0; spin < i * 200; spin++)
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
        EQ_INT(mr_mailbox_try_send(c.box, &i), 0);
        EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
        mr_mailbox_free(c.box);
    }
}

SUITE("many threads", mailbox_crowd_of_hubs, mailbox_crowd_of_all_sorts,
      mailbox_keeps_the_order)
SUITE("hubs that go away", mailbox_receiver_goes_away,
      mailbox_select_and_hub_end_while_told)
TEST_MAIN()
