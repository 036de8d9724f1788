/* SPDX-License-Identifier: MIT */

/* test_chan.c - channels, and select over channels, descriptors and time. */
#include "core/chan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

static void settle(void)
{
    for (int i = 0; i < 4; i++)
        mr_yield();
}

/* A coroutine that sends or receives once. */
struct actor {
    struct mr_chan *ch;
    int64_t value;
    int rc;
    struct mr_coro *co;
};

static intptr_t sends(void *arg)
{
    struct actor *a = arg;

    a->rc = mr_chan_send(a->ch, &a->value, MR_NEVER);
    return 0;
}

static intptr_t receives(void *arg)
{
    struct actor *a = arg;

    a->rc = mr_chan_recv(a->ch, &a->value, MR_NEVER);
    return 0;
}

static void act(struct actor *a, mr_coro_fn *fn, struct mr_chan *ch,
                int64_t value)
{
    *a = (struct actor){.ch = ch, .value = value, .rc = 1};
    a->co = mr_spawn(fn, a);
    settle();
}

static void joined(struct actor *a, int rc, int64_t value)
{
    CHECK_EQ_INT(mr_join(a->co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(a->rc, rc);
    CHECK_EQ_INT(a->value, value);
}

/* What is there at once, or -ETIMEDOUT, -EPIPE. */
static int64_t take(struct mr_chan *ch)
{
    int64_t v = 0;
    int rc = mr_chan_recv(ch, &v, 0);

    return rc ? rc : v;
}

static int put(struct mr_chan *ch, int64_t v)
{
    return mr_chan_send(ch, &v, 0);
}

/* --- one channel --- */

IN_HUB(chan_holds_so_many)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 3);

    CHECK_EQ_INT(take(ch), -ETIMEDOUT);
    for (int round = 1; round <= 4; round++) { /* the ring goes round */
        CHECK_EQ_INT(put(ch, 1), 0);
        CHECK_EQ_INT(put(ch, 2), 0);
        CHECK_EQ_INT(take(ch), 1);
        CHECK_EQ_INT(put(ch, 3), 0);
        CHECK_EQ_INT(put(ch, 4), 0);
        CHECK_EQ_INT(put(ch, 5), -ETIMEDOUT);
        CHECK_EQ_INT(mr_chan_len(ch), 3);
        for (int i = 2; i <= 4; i++)
            CHECK_EQ_INT(take(ch), i);
        CHECK_EQ_INT(take(ch), -ETIMEDOUT);
    }
    return 0;
}

IN_HUB(chan_sender_and_receiver_meet)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 0);
    struct actor a, b;

    CHECK_EQ_INT(put(ch, 1), -ETIMEDOUT);
    act(&a, sends, ch, 11);
    act(&b, sends, ch, 12);
    CHECK_EQ_STR(mr_coro_why(a.co), "send");
    CHECK_EQ_INT(mr_chan_len(ch), 0);
    CHECK_EQ_INT(take(ch), 11);
    CHECK_EQ_INT(take(ch), 12);
    joined(&a, 0, 11);
    joined(&b, 0, 12);
    act(&a, receives, ch, 0);
    act(&b, receives, ch, 0);
    CHECK_EQ_STR(mr_coro_why(a.co), "receive");
    CHECK_EQ_INT(put(ch, 13), 0);
    CHECK_EQ_INT(put(ch, 14), 0);
    CHECK_EQ_INT(put(ch, 15), -ETIMEDOUT);
    joined(&a, 0, 13);
    joined(&b, 0, 14);
    return 0;
}

/* A waiting sender's value goes in behind those that are held. */
IN_HUB(chan_keeps_the_order_when_full)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 2);
    struct actor a, b;

    CHECK_EQ_INT(put(ch, 1), 0);
    CHECK_EQ_INT(put(ch, 2), 0);
    act(&a, sends, ch, 3);
    act(&b, sends, ch, 4);
    for (int i = 1; i <= 4; i++)
        CHECK_EQ_INT(take(ch), i);
    joined(&a, 0, 3);
    joined(&b, 0, 4);
    return 0;
}

/* Handed over before the cancel: not lost. After it: not handed over. */
IN_HUB(chan_and_cancel)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 0);
    struct actor a, b;

    act(&a, receives, ch, 7);
    act(&b, receives, ch, 7);
    mr_cancel(a.co);
    CHECK_EQ_INT(put(ch, 21), 0);
    mr_cancel(b.co);
    CHECK_EQ_INT(put(ch, 22), -ETIMEDOUT);
    joined(&a, -ECANCELED, 7);
    joined(&b, 0, 21);
    act(&a, sends, ch, 31);
    act(&b, sends, ch, 32);
    mr_cancel(a.co);
    CHECK_EQ_INT(take(ch), 32);
    mr_cancel(b.co);
    CHECK_EQ_INT(take(ch), -ETIMEDOUT);
    joined(&a, -ECANCELED, 31);
    joined(&b, 0, 32);
    return 0;
}

IN_HUB(chan_closed)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 1);
    struct actor a;

    CHECK_EQ_INT(put(ch, 1), 0);
    act(&a, sends, ch, 2);
    mr_chan_close(ch);
    mr_chan_close(ch);
    CHECK_OK(mr_chan_is_closed(ch));
    joined(&a, -EPIPE, 2);
    CHECK_EQ_INT(put(ch, 3), -EPIPE);
    CHECK_EQ_INT(take(ch), 1);
    CHECK_EQ_INT(take(ch), -EPIPE);
    CHECK_EQ_INT(take(ch), -EPIPE);
    return 0;
}

/* Who waited never touches it again. */
IN_HUB(chan_freed_under_its_waiters)
{
    struct mr_chan *ch = mr_chan_new(sizeof(int64_t), 0);
    struct actor a;

    act(&a, receives, ch, 5);
    mr_chan_free(ch);
    joined(&a, -EPIPE, 5);
    ch = mr_chan_new(sizeof(int64_t), 0);
    act(&a, sends, ch, 6);
    mr_chan_free(ch);
    joined(&a, -EPIPE, 6);
    mr_chan_free(NULL);
    return 0;
}

IN_HUB(chan_of_any_size)
{
    static const size_t sizes[] = {0, 1, 3, 4, 8, 12, 100, 5000};

    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++) {
        MR_AUTO(chan) ch = mr_chan_new(sizes[i], 2);
        char in[5000], out[5000];

        CASE("%zu bytes", sizes[i]);
        for (int round = 0; round < 3; round++) {
            memset(in, 'a' + round, sizeof in);
            memset(out, 0, sizeof out);
            CHECK_EQ_INT(mr_chan_send(ch, in, 0), 0);
            CHECK_EQ_INT(mr_chan_recv(ch, out, 0), 0);
            CHECK_EQ_MEM(out, sizes[i], in, sizes[i]);
            if (sizes[i] < sizeof out)
                CHECK_EQ_INT(out[sizes[i]], 0);
        }
    }
    return 0;
}

TEST(chan_out_of_memory)
{
    EQ_PTR(mr_chan_new(8, SIZE_MAX / 4), NULL);
    EQ_PTR(mr_chan_new(1, SIZE_MAX), NULL);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_PTR(mr_chan_new(8, 1), NULL);
}

/* --- select --- */

IN_HUB(select_what_can_be_done)
{
    MR_AUTO(chan) a = mr_chan_new(sizeof(int64_t), 1);
    MR_AUTO(chan) b = mr_chan_new(sizeof(int64_t), 1);
    int64_t in = 0, out = 9;
    struct mr_select_case c[] = {
        mr_select_recv(a, &in),
        mr_select_send(b, &out),
        mr_select_recv(NULL, &in),
    };

    CHECK_EQ_INT(mr_select(c, 1, 0), -ETIMEDOUT);
    CHECK_EQ_INT(mr_select(c, 0, 0), -ETIMEDOUT);
    CHECK_EQ_INT(mr_select(c, 3, MR_NEVER), 1);
    CHECK_EQ_INT(c[1].rc, 0);
    CHECK_EQ_INT(mr_select(c, 3, mr_after_ms(2)), -ETIMEDOUT);
    CHECK_EQ_INT(put(a, 4), 0);
    CHECK_EQ_INT(mr_select(c, 3, 0), 0);
    CHECK_EQ_INT(c[0].rc, 0);
    CHECK_EQ_INT(in, 4);
    CHECK_EQ_INT(take(b), 9);
    mr_chan_close(a);
    CHECK_EQ_INT(mr_select(c, 1, MR_NEVER), 0);
    CHECK_EQ_INT(c[0].rc, -EPIPE);
    return 0;
}

/* When all can be done, each has its turn; also for two that alternate. */
IN_HUB(select_is_fair)
{
    struct mr_chan *ch[3];
    struct mr_select_case c[3];
    int64_t v;
    int done[2][3] = {{0}};

    for (int i = 0; i < 3; i++) {
        ch[i] = mr_chan_new(sizeof v, 1);
        c[i] = mr_select_recv(ch[i], &v);
        CHECK_EQ_INT(put(ch[i], i), 0);
    }
    for (int i = 0; i < 600; i++) {
        int got = mr_select(c, 3, MR_NEVER);

        CHECK_EQ_INT(v, got);
        CHECK_EQ_INT(put(ch[got], got), 0);
        done[i % 2][got]++;
    }
    for (int i = 0; i < 6; i++)
        CHECK_OK(done[i % 2][i / 2] >= 90);
    for (int i = 0; i < 3; i++)
        mr_chan_free(ch[i]);
    return 0;
}

struct selector {
    struct mr_select_case *c;
    size_t n;
    int rc;
    struct mr_coro *co;
};

static intptr_t selects(void *arg)
{
    struct selector *s = arg;

    s->rc = mr_select(s->c, s->n, MR_NEVER);
    return 0;
}

static void begin(struct selector *s, struct mr_select_case *c, size_t n)
{
    *s = (struct selector){c, n, -1, mr_spawn(selects, s)};
    settle();
    CHECK_EQ_STR(mr_coro_why(s->co), "select");
}

/* Only the entry that won has its effect. */
IN_HUB(select_waits_for_either)
{
    MR_AUTO(chan) a = mr_chan_new(sizeof(int64_t), 0);
    MR_AUTO(chan) b = mr_chan_new(sizeof(int64_t), 0);
    int64_t in = 0, out = 8;
    struct mr_select_case c[] = {
        mr_select_recv(a, &in),
        mr_select_send(b, &out),
    };
    struct selector s;

    begin(&s, c, 2);
    CHECK_EQ_INT(put(a, 1), 0);
    CHECK_EQ_INT(take(b), -ETIMEDOUT);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 0);
    CHECK_EQ_INT(in, 1);
    begin(&s, c, 2);
    CHECK_EQ_INT(take(b), 8);
    CHECK_EQ_INT(put(a, 2), -ETIMEDOUT);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(in, 1);
    begin(&s, c, 2);
    mr_chan_close(b);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(c[1].rc, -EPIPE);
    return 0;
}

/* Two that would each do either on one channel: they meet once. */
IN_HUB(select_meets_select)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 0);
    int64_t in[2] = {0, 0}, out[2] = {1, 2};
    struct mr_select_case c[2][2];
    struct selector s;
    int rc;

    for (int i = 0; i < 2; i++) {
        c[i][0] = mr_select_recv(ch, &in[i]);
        c[i][1] = mr_select_send(ch, &out[i]);
    }
    begin(&s, c[0], 2);
    rc = mr_select(c[1], 2, MR_NEVER);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, !rc);
    CHECK_EQ_INT(rc == 0 ? in[1] : in[0], rc == 0 ? 1 : 2);
    CHECK_EQ_INT(mr_select(c[0], 2, 0), -ETIMEDOUT);
    return 0;
}

IN_HUB(select_of_many)
{
    struct mr_select_case c[40];
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 0);
    struct selector s;
    int64_t v = 0;

    for (int i = 0; i < 40; i++)
        c[i] = mr_select_recv(i == 33 ? ch : NULL, &v);
    begin(&s, c, 40);
    CHECK_EQ_INT(put(ch, 5), 0);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 33);
    CHECK_EQ_INT(v, 5);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(mr_select(c, 40, MR_NEVER), -ENOMEM);
    return 0;
}

IN_HUB(select_descriptors)
{
    MR_AUTO(chan) ch = mr_chan_new(sizeof(int64_t), 1);
    struct mr_select_case c[3];
    struct selector s;
    int64_t v;
    int p[2];

    CHECK_EQ_INT(pipe(p), 0);
    c[0] = mr_select_recv(ch, &v);
    c[1] = mr_select_readable(p[0]);
    c[2] = mr_select_writable(p[1]);
    CHECK_EQ_INT(mr_select(c, 2, 0), -ETIMEDOUT);
    CHECK_EQ_INT(mr_select(c, 3, 0), 2);
    begin(&s, c, 2);
    CHECK_EQ_INT(write(p[1], "x", 1), 1);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(c[1].rc, 0);
    CHECK_EQ_INT(mr_select(c, 2, MR_NEVER), 1); /* it is still readable */
    CHECK_EQ_INT(read(p[0], &v, 1), 1);
    begin(&s, c, 2);
    CHECK_EQ_INT(put(ch, 3), 0);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 0);
    begin(&s, c, 2);
    mr_hub_forget(p[0]);
    close(p[0]);
    CHECK_EQ_INT(mr_join(s.co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(s.rc, 1);
    CHECK_EQ_INT(c[1].rc, -EBADF);
    CHECK_EQ_INT(mr_select(c, 2, MR_NEVER), 1);
    CHECK_EQ_INT(c[1].rc, -EBADF);
    mr_hub_forget(p[1]);
    close(p[1]);
    return 0;
}

SUITE("one channel", chan_holds_so_many, chan_sender_and_receiver_meet,
      chan_keeps_the_order_when_full, chan_and_cancel, chan_closed,
      chan_freed_under_its_waiters, chan_of_any_size, chan_out_of_memory)
SUITE("select", select_what_can_be_done, select_is_fair,
      select_waits_for_either, select_meets_select, select_of_many,
      select_descriptors)
TEST_MAIN()
