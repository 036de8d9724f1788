/* SPDX-License-Identifier: MIT */

/* test_mailbox.c - values between threads; many of them: test_mailbox_crowd.c.
 */
#include "core/mailbox.h"

#include <errno.h>

#include "core/sync.h"
#include "core/sys.h"
#include "core/thread.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static int64_t recv_or(struct mr_mailbox *box, int64_t deadline)
{
    int v;
    int rc = mr_mailbox_recv(box, &v, deadline);

    return rc ? rc : v;
}

static int64_t try_or(struct mr_mailbox *box)
{
    int v;
    int rc = mr_mailbox_try_recv(box, &v);

    return rc ? rc : v;
}

static int send_int(struct mr_mailbox *box, int v, int64_t deadline)
{
    return mr_mailbox_send(box, &v, deadline);
}

static int try_send_int(struct mr_mailbox *box, int v)
{
    return mr_mailbox_try_send(box, &v);
}

/* --- no other thread --- */

static void fills_and_drains(void)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 3);

    for (int round = 0; round < 4; round++) { /* the ring goes round */
        CHECK_EQ_INT(try_or(box), -EAGAIN);
        CHECK_EQ_INT(send_int(box, 1, MR_NEVER), 0);
        CHECK_EQ_INT(try_send_int(box, 2), 0);
        CHECK_EQ_INT(mr_mailbox_len(box), 2);
        CHECK_EQ_INT(recv_or(box, 0), 1); /* there is one: no waiting */
        CHECK_EQ_INT(send_int(box, 3, 0), 0);
        CHECK_EQ_INT(try_send_int(box, 4), 0);
        CHECK_EQ_INT(try_send_int(box, 5), -EAGAIN);
        CHECK_EQ_INT(send_int(box, 5, 0), -ETIMEDOUT);
        CHECK_EQ_INT(send_int(box, 5, mr_after_ms(1)), -ETIMEDOUT);
        CHECK_EQ_INT(recv_or(box, MR_NEVER), 2);
        CHECK_EQ_INT(try_or(box), 3);
        CHECK_EQ_INT(recv_or(box, MR_NEVER), 4);
        CHECK_EQ_INT(recv_or(box, 0), -ETIMEDOUT);
        CHECK_EQ_INT(recv_or(box, mr_after_ms(1)), -ETIMEDOUT);
    }
    CHECK_EQ_INT(send_int(box, 6, MR_NEVER), 0);
    CHECK_OK(!mr_mailbox_is_closed(box));
    mr_mailbox_close(box);
    mr_mailbox_close(box);
    CHECK_OK(mr_mailbox_is_closed(box));
    CHECK_EQ_INT(send_int(box, 7, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(try_send_int(box, 7), -EPIPE);
    CHECK_EQ_INT(recv_or(box, MR_NEVER), 6);
    CHECK_EQ_INT(recv_or(box, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(try_or(box), -EPIPE);
}

IN_HUB(mailbox_in_one_hub)
{
    fills_and_drains();
    return 0;
}

TEST(mailbox_without_a_hub)
{
    fills_and_drains();
}

TEST(mailbox_of_nothing)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(0, 2);

    EQ_INT(mr_mailbox_try_send(box, NULL), 0);
    EQ_INT(mr_mailbox_try_send(box, NULL), 0);
    EQ_INT(mr_mailbox_try_send(box, NULL), -EAGAIN);
    EQ_INT(mr_mailbox_recv(box, NULL, MR_NEVER), 0);
    EQ_INT(mr_mailbox_len(box), 1);
}

TEST(mailbox_memory)
{
    OK(mr_mailbox_new(SIZE_MAX / 2, 3) == NULL);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    OK(mr_mailbox_new(1, 1) == NULL);
    mr_sys_fault_clear();
    mr_mailbox_free(NULL);
    mr_mailbox_unref(NULL);
}

TEST_DIES(mailbox_of_no_capacity, "capacity == 0")
{
    (void)!mr_mailbox_new(sizeof(int), 0);
}

/* --- waiting --- */

struct waiter {
    struct mr_mailbox *box;
    int64_t got;
    int send; /* 0: receive */
    struct mr_coro *co;
    struct mr_thread *thread;
};

static intptr_t waits(void *arg)
{
    struct waiter *w = arg;

    w->got = w->send ? send_int(w->box, w->send, MR_NEVER)
                     : recv_or(w->box, MR_NEVER);
    return 0;
}

IN_HUB(mailbox_receivers_in_order)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 1);
    struct waiter w[4];

    for (int i = 0; i < 4; i++) {
        w[i] = (struct waiter){.box = box, .got = -1};
        w[i].co = mr_spawn(waits, &w[i]);
        mr_yield();
    }
    CHECK_EQ_STR(mr_coro_why(w[0].co), "mailbox receive");
    for (int i = 0; i < 3; i++) /* straight to who waits: no place is taken */
        CHECK_EQ_INT(try_send_int(box, 10 + i), 0);
    mr_mailbox_close(box);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(mr_join(w[i].co, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(w[i].got, i < 3 ? 10 + i : -EPIPE);
    }
    return 0;
}

IN_HUB(mailbox_senders_in_order)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 1);
    struct waiter w[4];

    CHECK_EQ_INT(try_send_int(box, 9), 0);
    for (int i = 0; i < 4; i++) {
        w[i] = (struct waiter){.box = box, .got = -1, .send = 10 + i};
        w[i].co = mr_spawn(waits, &w[i]);
        mr_yield();
    }
    CHECK_EQ_STR(mr_coro_why(w[0].co), "mailbox send");
    CHECK_EQ_INT(try_send_int(box, 99), -EAGAIN); /* nobody overtakes */
    CHECK_EQ_INT(try_or(box), 9);
    CHECK_EQ_INT(try_or(box), 10);
    CHECK_EQ_INT(try_or(box), 11);
    mr_mailbox_close(box);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(mr_join(w[i].co, NULL, MR_NEVER), 0);
        CHECK_EQ_INT(w[i].got, i < 3 ? 0 : -EPIPE);
    }
    CHECK_EQ_INT(try_or(box), 12);
    CHECK_EQ_INT(try_or(box), -EPIPE);
    return 0;
}

IN_HUB(mailbox_wait_is_cancelled)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 1);
    struct mr_coro *co;
    struct waiter w = {.box = box};

    co = mr_spawn(waits, &w);
    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(w.got, -ECANCELED);
    CHECK_EQ_INT(try_send_int(box, 5), 0); /* to nobody: it stays */
    w.send = 6;
    co = mr_spawn(waits, &w);
    mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(w.got, -ECANCELED);
    CHECK_EQ_INT(try_or(box), 5);
    CHECK_EQ_INT(try_or(box), -EAGAIN);
    return 0;
}

/* Handed over, and cancelled before it knows: it has the value all the same. */
IN_HUB(mailbox_cancel_after_the_hand_over)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 1);
    struct waiter r = {.box = box}, s = {.box = box, .send = 7};

    r.co = mr_spawn(waits, &r);
    mr_yield();
    CHECK_EQ_INT(try_send_int(box, 4), 0);
    mr_cancel(r.co);
    CHECK_EQ_INT(mr_join(r.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(r.got, 4);
    CHECK_EQ_INT(try_send_int(box, 6), 0);
    s.co = mr_spawn(waits, &s);
    mr_yield();
    CHECK_EQ_INT(try_or(box), 6);
    mr_cancel(s.co);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.got, 0);
    CHECK_EQ_INT(try_or(box), 7);
    return 0;
}

static void wait_in_threads(bool plain)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 1);
    struct waiter w[3];

    for (int i = 0; i < 3; i++) {
        w[i] = (struct waiter){.box = box, .got = -1};
        CHECK_EQ_INT((plain ? mr_thread_start_plain : mr_thread_start)(
                         &w[i].thread, waits, &w[i], NULL),
                     0);
    }
    CHECK_EQ_INT(send_int(box, 3, MR_NEVER), 0);
    CHECK_EQ_INT(send_int(box, 4, MR_NEVER), 0);
    mr_mailbox_close(box);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_thread_join(w[i].thread, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(w[0].got + w[1].got + w[2].got, 7 - EPIPE);
}

IN_HUB(mailbox_wakes_other_threads)
{
    wait_in_threads(true);
    wait_in_threads(false);
    return 0;
}

TEST(mailbox_wakes_from_no_hub)
{
    wait_in_threads(true);
    wait_in_threads(false);
}

IN_HUB_DIES(mailbox_gone_while_somebody_waits, "receivers")
{
    struct waiter w = {.box = mr_mailbox_new(sizeof(int), 1)};

    CHECK_OK(mr_spawn(waits, &w) != NULL);
    mr_yield();
    mr_mailbox_unref(w.box);
    return 0;
}

/* --- select --- */

IN_HUB(mailbox_selected)
{
    MR_AUTO(mailbox) a = mr_mailbox_new(sizeof(int), 2);
    MR_AUTO(mailbox) b = mr_mailbox_new(sizeof(int), 2);
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int), 1);
    int from_a = 0, from_b = 0, from_ch = 0, v = 8;
    struct mr_select_case c[] = {
        mr_select_mailbox(a, &from_a),
        mr_select_mailbox(b, &from_b),
        mr_select_recv(ch, &from_ch),
        mr_select_mailbox(NULL, NULL),
    };

    CHECK_EQ_INT(mr_select(c, 4, 0), -ETIMEDOUT);
    CHECK_EQ_INT(mr_select(c, 4, mr_after_ms(1)), -ETIMEDOUT);
    CHECK_EQ_INT(try_send_int(b, 5), 0);
    CHECK_EQ_INT(mr_select(c, 4, MR_NEVER), 1);
    CHECK_EQ_INT(c[1].rc, 0);
    CHECK_EQ_INT(from_b, 5);
    CHECK_EQ_INT(mr_chan_send(ch, &v, MR_NEVER), 0);
    CHECK_EQ_INT(mr_select(c, 4, MR_NEVER), 2);
    CHECK_EQ_INT(from_ch, 8);
    mr_mailbox_close(a);
    CHECK_EQ_INT(mr_select(c, 4, MR_NEVER), 0);
    CHECK_EQ_INT(c[0].rc, -EPIPE);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(mr_select(c + 1, 2, MR_NEVER), 0);
    CHECK_EQ_INT(c[1].rc, -ENOMEM);
    mr_sys_fault_clear();
    return 0;
}

struct selecting {
    struct mr_mailbox *box;
    struct mr_chan *ch;
    struct mr_event began;
    int from_box;
    int from_chan;
    int rc;
    int case_rc;
};

static intptr_t selects(void *arg)
{
    struct selecting *s = arg;
    struct mr_select_case c[] = {
        mr_select_mailbox(s->box, &s->from_box),
        mr_select_recv(s->ch, &s->from_chan),
    };

    mr_event_set(&s->began);
    s->rc = mr_select(c, 2, MR_NEVER);
    s->case_rc = s->rc >= 0 ? c[s->rc].rc : 0;
    return 0;
}

static struct mr_coro *selecting_start(struct selecting *s)
{
    struct mr_coro *co;

    s->from_box = s->from_chan = -1;
    mr_event_init(&s->began);
    co = mr_spawn(selects, s);
    CHECK_EQ_INT(mr_event_wait(&s->began, MR_NEVER), 0);
    return co; /* it waits: it ran until it parked */
}

static intptr_t sends_five(void *box)
{
    return send_int(box, 5, MR_NEVER);
}

IN_HUB(mailbox_select_waits)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 2);
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int), 0);
    struct selecting s = {.box = box, .ch = ch};
    struct mr_coro *co = selecting_start(&s);
    struct mr_thread *t;
    int v = 6;

    /* from another thread */
    CHECK_EQ_INT(mr_thread_start_plain(&t, sends_five, box, NULL), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_thread_join(t, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 0);
    CHECK_EQ_INT(s.from_box, 5);

    /* the channel wins: nothing of the select stays with the mailbox */
    co = selecting_start(&s);
    CHECK_EQ_INT(mr_chan_send(ch, &v, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(s.from_chan, 6);

    /* told, and then the channel wins: the value stays for the next */
    co = selecting_start(&s);
    CHECK_EQ_INT(try_send_int(box, 7), 0);
    CHECK_EQ_INT(mr_chan_send(ch, &v, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(mr_mailbox_len(box), 1);

    /* told, and somebody else takes it: it goes on waiting, and gets the next
     */
    CHECK_EQ_INT(try_or(box), 7);
    co = selecting_start(&s);
    CHECK_EQ_INT(try_send_int(box, 8), 0);
    CHECK_EQ_INT(try_or(box), 8);
    CHECK_EQ_INT(mr_sleep_ms(1), 0); /* its post comes now, or later: both do */
    CHECK_EQ_INT(try_send_int(box, 9), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.from_box, 9);

    /* closed, and cancelled */
    co = selecting_start(&s);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, -ECANCELED);
    co = selecting_start(&s);
    mr_mailbox_close(box);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 0);
    CHECK_EQ_INT(s.case_rc, -EPIPE);
    return 0;
}

/* A looker that was told does not hold up those behind it. */
IN_HUB(mailbox_select_before_a_receiver)
{
    MR_AUTO(mailbox) box = mr_mailbox_new(sizeof(int), 2);
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int), 0);
    struct selecting s = {.box = box, .ch = ch};
    struct mr_coro *co = selecting_start(&s);
    struct waiter w = {.box = box};
    int v = 1;

    w.co = mr_spawn(waits, &w);
    mr_yield();
    CHECK_EQ_INT(try_send_int(box, 3), 0);
    CHECK_EQ_INT(mr_join(w.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(w.got, 3);
    CHECK_EQ_INT(mr_chan_send(ch, &v, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    return 0;
}

SUITE("one thread", mailbox_in_one_hub, mailbox_without_a_hub,
      mailbox_of_nothing, mailbox_memory, mailbox_of_no_capacity)
SUITE("waiting", mailbox_receivers_in_order, mailbox_senders_in_order,
      mailbox_wait_is_cancelled, mailbox_cancel_after_the_hand_over,
      mailbox_wakes_other_threads, mailbox_wakes_from_no_hub,
      mailbox_gone_while_somebody_waits)
SUITE("select", mailbox_selected, mailbox_select_waits,
      mailbox_select_before_a_receiver)
TEST_MAIN()
