/* SPDX-License-Identifier: MIT */

/*
 * test_dns.c - names to addresses: the cache, its flights, the system's own.
 *
 * over budget: all of it asks the same fake.
 */
#include "io/dns.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/offload.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* --- what is a name --- */

static const struct {
    const char *text;
    const char *want; /* as mr_addr_format without the port, or NULL */
} literals[] = {
    {"127.0.0.1", "127.0.0.1:0"},
    {"255.255.255.255", "255.255.255.255:0"},
    {"::1", "[::1]:0"},
    {"[::1]", "[::1]:0"},
    {"2001:DB8::1", "[2001:db8::1]:0"},
    {"::ffff:1.2.3.4", "[::ffff:1.2.3.4]:0"},
    {"", NULL},
    {"[]", NULL},
    {"[::1", NULL},
    {"::1]", NULL},
    {"[127.0.0.1]", NULL},
    {"127.1", NULL},
    {"127.0.0.01", NULL},
    {"0x7f.0.0.1", NULL},
    {"2130706433", NULL},
    {"256.0.0.1", NULL},
    {"1.2.3.4.", NULL},
    {"::1%eth0", NULL},
    {"::1%", NULL},
    {"::1%99999999999", NULL},
    {"localhost", NULL},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999", NULL},
    {"127.0.0.1 ", NULL},
};

TEST(dns_literals)
{
    struct mr_addr a;
    char text[MR_ADDR_TEXT];

    for (size_t i = 0; i < MR_ARRAY_LEN(literals); i++) {
        int rc = mr_dns_literal(mr_str(literals[i].text), &a);

        CASE("%s", literals[i].text);
        EQ_INT(rc, literals[i].want ? 0 : -EINVAL);
        if (rc)
            continue;
        mr_addr_format(&a, text, sizeof text);
        EQ_STR(text, literals[i].want);
    }
    EQ_INT(mr_dns_literal(mr_str_n("127.0.0.1\0", 10), &a), -EINVAL);
    EQ_INT(mr_dns_literal(mr_str("[fe80::1%7]"), &a), 0);
    EQ_INT(a.in6.sin6_scope_id, 7);
}

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define L61 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"

static const struct {
    const char *name;
    bool ok;
} names[] = {
    {"localhost", true},
    {"example.com", true},
    {"example.com.", true},
    {"EXAMPLE.com", true},
    {"_dmarc.example.com", true},
    {"r3---sn-a.example.com", true},
    {"1.2.3.4.example", true},
    {"xn--bcher-kva.example", true},
    {"0xyz", true},
    {L63 ".example", true},
    {L63 "." L63 "." L63 "." L61, true},
    {L63 "." L63 "." L63 "." L61 ".", true},
    {"", false},
    {".", false},
    {"..", false},
    {".example", false},
    {"a..b", false},
    {"example.com..", false},
    {L63 "x.example", false},
    {L63 "." L63 "." L63 "." L61 "x", false},
    {"b\xc3\xbc"
     "cher.example",
     false},
    {"a b", false},
    {"a/b", false},
    {"a\nb", false},
    {"a:80", false},
    {"127.1", false},
    {"1.2.3.4.5", false},
    {"2130706433", false},
    {"0x7f000001", false},
    {"example.0x", false},
    {"1.2.3.4.", false},
};

TEST(dns_names)
{
    struct mr_addr a;

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        struct mr_str name = mr_str(names[i].name);

        CASE("%s", names[i].name);
        EQ_INT(mr_dns_check(name) == NULL, names[i].ok);
        if (names[i].ok)
            EQ_INT(mr_dns_literal(name, &a), -EINVAL); /* never both */
    }
    OK(mr_dns_check(mr_str_n("a\0b", 3)) != NULL);
}
SUITE("names", dns_literals, dns_names)

/* --- a system that answers when told --- */

struct fake {
    int gate[2]; /* a byte for each answer; -1: at once */
    int asked;   /* atomic */
    int left;    /* atomic: answered */
    int result;  /* of addresses, 10.0.0.1 and on; or -Exxx */
};

static void fake_init(struct fake *f, bool gated)
{
    *f = (struct fake){.gate = {-1, -1}, .result = 2};
    if (gated)
        CHECK_EQ_INT(mr_sys_pipe2(f->gate, 0), 0);
}

static void fake_fini(struct fake *f)
{
    mr_offload_fini();
    mr_sys_close(f->gate[0]);
    mr_sys_close(f->gate[1]);
}

static void fake_let(struct fake *f, size_t n)
{
    CHECK_EQ_INT(mr_sys_write(f->gate[1], "xxxxxxxxxxxxxxxx", n), n);
}

static int fake_lookup(void *arg, const char *name, int family,
                       struct mr_addr *ret, const char **ret_text)
{
    struct fake *f = arg;
    char c;

    (void)name;
    __atomic_add_fetch(&f->asked, 1, __ATOMIC_SEQ_CST);
    if (f->gate[0] >= 0)
        CHECK_EQ_INT(mr_sys_read(f->gate[0], &c, 1), 1);
    for (int i = 0; i < f->result; i++) {
        ret[i] = (struct mr_addr){.len = sizeof ret->in};
        ret[i].in.sin_family = (sa_family_t)family;
        ret[i].in.sin_addr.s_addr = htonl(0x0a000001U + (uint32_t)i);
    }
    if (f->result < 0)
        *ret_text = "the fake says no";
    __atomic_add_fetch(&f->left, 1, __ATOMIC_SEQ_CST);
    return f->result;
}

static struct mr_dns *fake_dns(struct fake *f, struct mr_dns_options o)
{
    struct mr_dns *dns;

    o.lookup = fake_lookup;
    o.arg = f;
    dns = mr_dns_new(&o);
    CHECK_OK(dns != NULL);
    return dns;
}

static void wait_until(const int *counter, int n)
{
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < n)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
}

static int ask(struct mr_dns *dns, const char *name, int64_t deadline)
{
    struct mr_dns_answer a;

    return mr_dns_ask(dns, mr_str(name), AF_INET, &a, deadline);
}

struct asker {
    struct mr_dns *dns;
    const char *name;
    int64_t deadline;
};

static intptr_t asks(void *arg)
{
    struct asker *a = arg;

    return ask(a->dns, a->name, a->deadline);
}

static struct mr_coro *spawn_asker(struct asker *a)
{
    struct mr_coro *co = mr_spawn(asks, a);

    CHECK_OK(co != NULL);
    CHECK_EQ_INT(mr_yield(), 0);
    return co;
}

static intptr_t result_of(struct mr_coro *co)
{
    intptr_t v = 0;

    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    return v;
}

IN_HUB(dns_answer_and_cache)
{
    struct fake f;
    struct mr_dns *dns;
    struct mr_dns_answer a;
    char text[MR_ADDR_TEXT];

    fake_init(&f, false);
    dns = fake_dns(&f, (struct mr_dns_options){0});
    CHECK_EQ_INT(mr_dns_known(dns, mr_str("one.example"), AF_INET, &a), 0);
    CHECK_EQ_INT(mr_dns_ask(dns, mr_str("one.example"), AF_INET, &a, MR_NEVER),
                 2);
    CHECK_EQ_INT(a.n, 2);
    CHECK_EQ_STR(a.why, "");
    mr_addr_format(&a.addrs[1], text, sizeof text);
    CHECK_EQ_STR(text, "10.0.0.2:0");
    a.n = 0;
    CHECK_EQ_INT(mr_dns_known(dns, mr_str("ONE.example"), AF_INET, &a), 2);
    CHECK_EQ_INT(a.n, 2);
    CHECK_EQ_INT(ask(dns, "one.example", 0), 2); /* also past a deadline */
    CHECK_EQ_INT(f.asked, 1);
    CHECK_EQ_INT(/* the other family is another question */
                 mr_dns_ask(dns, mr_str("one.example"), AF_INET6, &a, MR_NEVER),
                 2);
    CHECK_EQ_INT(f.asked, 2);
    CHECK_EQ_INT(mr_dns_stats(dns).queries, 2);
    CHECK_EQ_INT(mr_dns_stats(dns).hits, 2);
    mr_dns_free(dns);
    fake_fini(&f);
    return 0;
}

IN_HUB(dns_literals_are_not_asked_for)
{
    struct fake f;
    struct mr_dns *dns;
    struct mr_dns_answer a;

    fake_init(&f, false);
    dns = fake_dns(&f, (struct mr_dns_options){0});
    CHECK_EQ_INT(ask(dns, "127.0.0.1", 0), 1);
    CHECK_EQ_INT(mr_dns_ask(dns, mr_str("[::1]"), AF_INET6, &a, 0), 1);
    CHECK_EQ_INT(mr_dns_ask(dns, mr_str("[::1]"), AF_INET, &a, 0),
                 -EAFNOSUPPORT);
    CHECK_EQ_INT(mr_dns_ask(dns, mr_str("127.1"), AF_INET, &a, 0), -EINVAL);
    CHECK_EQ_STR(a.why, "127.1: a host name that ends in a number, and is no "
                        "IPv4 address");
    CHECK_EQ_INT(mr_dns_ask(dns, mr_str("a\nb"), AF_INET, &a, 0), -EINVAL);
    CHECK_EQ_STR(a.why, "a\\x0ab: a byte in a host name that may not be there");
    CHECK_EQ_INT(f.asked, 0);
    CHECK_EQ_INT(mr_dns_stats(dns).names, 0);
    mr_dns_free(dns);
    fake_fini(&f);
    return 0;
}

IN_HUB(dns_failures_are_kept_or_not)
{
    static const struct {
        int err;
        bool kept;
    } cases[] = {{-ENOENT, true},  {-ENODATA, true},    {-EAGAIN, true},
                 {-EMFILE, false}, {-EREMOTEIO, false}, {-ENOMEM, false}};
    struct fake f;
    struct mr_dns *dns;
    struct mr_dns_answer a;

    fake_init(&f, false);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", mr_strerror(cases[i].err));
        f.asked = 0;
        f.result = cases[i].err;
        dns =
            fake_dns(&f, (struct mr_dns_options){.failure_ttl = mr_ms(60000)});
        CHECK_EQ_INT(
            mr_dns_ask(dns, mr_str("no.example"), AF_INET, &a, MR_NEVER),
            cases[i].err);
        CHECK_EQ_STR(a.why, "no.example: the fake says no");
        CHECK_EQ_INT(a.n, 0);
        CHECK_EQ_INT(ask(dns, "no.example", MR_NEVER), cases[i].err);
        CHECK_EQ_INT(f.asked, cases[i].kept ? 1 : 2);
        mr_dns_free(dns);
    }
    fake_fini(&f);
    return 0;
}

IN_HUB(dns_ttl_ends)
{
    struct fake f;
    struct mr_dns *dns;
    struct mr_dns_answer a;

    fake_init(&f, false);
    dns = fake_dns(&f, (struct mr_dns_options){.ttl = 1});
    CHECK_EQ_INT(ask(dns, "a.example", MR_NEVER), 2);
    CHECK_EQ_INT(mr_dns_known(dns, mr_str("a.example"), AF_INET, &a), 0);
    f.result = 1; /* it has moved */
    CHECK_EQ_INT(ask(dns, "a.example", MR_NEVER), 1);
    CHECK_EQ_INT(mr_dns_stats(dns).names, 1);
    mr_dns_free(dns);
    dns = fake_dns(&f, (struct mr_dns_options){.ttl = -1, .failure_ttl = -1});
    CHECK_EQ_INT(ask(dns, "a.example", MR_NEVER), 1);
    CHECK_EQ_INT(ask(dns, "a.example", MR_NEVER), 1);
    CHECK_EQ_INT(f.asked, 4);
    mr_dns_free(dns);
    fake_fini(&f);
    return 0;
}

IN_HUB(dns_cache_is_bounded)
{
    struct fake f;
    struct mr_dns *dns;
    struct mr_dns_answer a;
    char name[32];

    fake_init(&f, false);
    dns = fake_dns(&f, (struct mr_dns_options){.max_names = 8});
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "n%d.example", i);
        CHECK_EQ_INT(ask(dns, name, MR_NEVER), 2);
        CHECK_EQ_INT(mr_dns_known(dns, mr_str("n0.example"), AF_INET, &a), 2);
    }
    CHECK_EQ_INT(mr_dns_stats(dns).names, 8); /* n0, used all the time, too */
    CHECK_EQ_INT(mr_dns_known(dns, mr_str("n99.example"), AF_INET, &a), 2);
    CHECK_EQ_INT(mr_dns_known(dns, mr_str("n50.example"), AF_INET, &a), 0);
    mr_dns_free(dns);
    fake_fini(&f);
    return 0;
}
SUITE("cache", dns_answer_and_cache, dns_literals_are_not_asked_for,
      dns_failures_are_kept_or_not, dns_ttl_ends, dns_cache_is_bounded)

/* --- flights --- */

IN_HUB(dns_many_ask_once)
{
    struct fake f;
    struct asker a = {.name = "one.example", .deadline = MR_NEVER};
    struct mr_coro *co[5];

    fake_init(&f, true);
    a.dns = fake_dns(&f, (struct mr_dns_options){.max_names = 1});
    for (int i = 0; i < 5; i++)
        co[i] = spawn_asker(&a);
    wait_until(&f.asked, 1);
    fake_let(&f, 1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ_INT(result_of(co[i]), 2);
    CHECK_EQ_INT(f.asked, 1);
    CHECK_EQ_INT(mr_dns_stats(a.dns).joined, 4);
    mr_dns_free(a.dns);
    fake_fini(&f);
    return 0;
}

/* One asker's deadline or end is not the others'. */
IN_HUB(dns_one_leaves_the_others_wait)
{
    struct fake f;
    struct asker a = {.name = "one.example", .deadline = MR_NEVER};
    struct asker hurried = a;
    struct mr_coro *stays, *late, *ended;
    intptr_t v;

    fake_init(&f, true);
    a.dns = fake_dns(&f, (struct mr_dns_options){0});
    hurried.dns = a.dns;
    ended = spawn_asker(&a);
    stays = spawn_asker(&a);
    wait_until(&f.asked, 1);
    hurried.deadline = mr_after_ms(1);
    late = spawn_asker(&hurried);
    CHECK_EQ_INT(result_of(late), -ETIMEDOUT);
    mr_cancel(ended);
    v = result_of(ended);
    CHECK_EQ_INT(v, -ECANCELED);
    fake_let(&f, 1);
    CHECK_EQ_INT(result_of(stays), 2);
    CHECK_EQ_INT(f.asked, 1);
    mr_dns_free(a.dns);
    fake_fini(&f);
    return 0;
}

/* It is on a helper when its only asker leaves: its answer is kept. */
IN_HUB(dns_running_query_fills_the_cache)
{
    struct fake f;
    struct asker a = {.name = "one.example", .deadline = MR_NEVER};
    struct mr_dns_answer got;
    struct mr_coro *co;

    fake_init(&f, true);
    a.dns = fake_dns(&f, (struct mr_dns_options){0});
    co = spawn_asker(&a);
    wait_until(&f.asked, 1);
    mr_cancel(co);
    CHECK_EQ_INT(result_of(co), -ECANCELED);
    fake_let(&f, 1);
    while (mr_dns_known(a.dns, mr_str(a.name), AF_INET, &got) == 0)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(got.n, 2);
    CHECK_EQ_INT(f.asked, 1);
    mr_dns_free(a.dns);
    fake_fini(&f);
    return 0;
}

/* All helpers are stuck; a query that waits for one is withdrawn with its last
 * asker, and asked anew by the next. */
IN_HUB(dns_queued_query_is_withdrawn)
{
    struct fake f;
    struct asker stuck = {.name = "stuck.example", .deadline = MR_NEVER};
    struct asker queued = {.name = "queued.example", .deadline = MR_NEVER};
    struct mr_coro *first, *co, *again;

    fake_init(&f, true);
    CHECK_EQ_INT(mr_offload_set_lane(MR_LANE_NAMES, 1), 0);
    stuck.dns = queued.dns = fake_dns(&f, (struct mr_dns_options){0});
    first = spawn_asker(&stuck);
    wait_until(&f.asked, 1);
    co = spawn_asker(&queued);
    CHECK_EQ_INT(mr_yield(), 0); /* its flight has begun */
    mr_cancel(co);
    CHECK_EQ_INT(result_of(co), -ECANCELED);
    again = spawn_asker(&queued); /* before the first flight has ended */
    fake_let(&f, 2);
    CHECK_EQ_INT(result_of(first), 2);
    CHECK_EQ_INT(result_of(again), 2);
    CHECK_EQ_INT(f.asked, 2);
    CHECK_EQ_INT(mr_dns_stats(queued.dns).queries, 3);
    mr_dns_free(queued.dns);
    fake_fini(&f);
    return 0;
}

/* Cancelled before its flight had a turn, and the resolver freed with it. */
IN_HUB(dns_flight_that_never_began)
{
    struct fake f;
    struct asker a = {.name = "one.example", .deadline = MR_NEVER};
    struct mr_coro *co;

    fake_init(&f, false);
    a.dns = fake_dns(&f, (struct mr_dns_options){0});
    co = mr_spawn(asks, &a);
    CHECK_OK(co != NULL);
    CHECK_EQ_INT(mr_yield(), 0); /* it waits; its flight is READY behind us */
    mr_cancel(co);
    CHECK_EQ_INT(result_of(co), -ECANCELED);
    mr_dns_free(a.dns);
    fake_fini(&f);
    return 0;
}

static struct fake last_fake;

static intptr_t leaves_one_stuck(void *unused)
{
    struct asker a = {.name = "stuck.example", .deadline = MR_NEVER};
    struct mr_coro *co;

    (void)unused;
    a.dns = fake_dns(&last_fake, (struct mr_dns_options){0});
    co = spawn_asker(&a);
    wait_until(&last_fake.asked, 1);
    mr_cancel(co);
    CHECK_EQ_INT(result_of(co), -ECANCELED);
    mr_dns_free(a.dns);
    return 0;
}

/* A lookup that hangs keeps neither the resolver nor the program. */
TEST(dns_stuck_query_is_left_behind)
{
    fake_init(&last_fake, true);
    EQ_INT(mr_run(leaves_one_stuck, NULL, NULL), 0);
    mr_offload_fini();
    EQ_INT(last_fake.left, 0);
    fake_let(&last_fake, 1);
    while (__atomic_load_n(&last_fake.left, __ATOMIC_SEQ_CST) == 0)
        (void)!poll(NULL, 0, 1); /* a pause between two looks */
}

/* 400 askers of 40 names on 2 helpers; some leave. */
IN_HUB(dns_crowd)
{
    static struct asker a[400];
    static char text[40][32];
    struct mr_coro *co[400];
    struct fake f;
    unsigned seed = (unsigned)mr_now();
    int n = (int)TEST_SCALE(400);

    CASE("seed %u", seed);
    fake_init(&f, false);
    CHECK_EQ_INT(mr_offload_set_lane(MR_LANE_NAMES, 2), 0);
    a[0].dns = fake_dns(&f, (struct mr_dns_options){.max_names = 10, .ttl = 1});
    for (int i = 0; i < n; i++) {
        int name = rand_r(&seed) % 40;

        snprintf(text[name], sizeof text[name], "n%d.example", name);
        a[i] = (struct asker){a[0].dns, text[name], MR_NEVER};
        co[i] = mr_spawn(asks, &a[i]);
        CHECK_OK(co[i] != NULL);
        if (rand_r(&seed) % 4 == 0)
            CHECK_EQ_INT(mr_yield(), 0);
        if (rand_r(&seed) % 3 == 0)
            mr_cancel(co[rand_r(&seed) % (unsigned)(i + 1)]);
    }
    for (int i = 0; i < n; i++) {
        intptr_t v = result_of(co[i]);

        CHECK_OK(v == 2 || v == -ECANCELED);
    }
    CHECK_OK(mr_dns_stats(a[0].dns).names <= 40);
    mr_dns_free(a[0].dns);
    fake_fini(&f);
    return 0;
}
SUITE("flights", dns_many_ask_once, dns_one_leaves_the_others_wait,
      dns_running_query_fills_the_cache, dns_queued_query_is_withdrawn,
      dns_flight_that_never_began, dns_stuck_query_is_left_behind, dns_crowd)

/* --- without memory or threads; the real thing --- */

IN_HUB(dns_without_memory)
{
    struct fake f;
    int rc = -ENOMEM;

    fake_init(&f, false);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_OK(mr_dns_new(NULL) == NULL);
    for (unsigned nth = 1; rc == -ENOMEM; nth++) {
        struct mr_dns *dns;

        mr_sys_fault_clear();
        dns = fake_dns(&f, (struct mr_dns_options){0});
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = ask(dns, "one.example", MR_NEVER);
        mr_sys_fault_clear();
        CHECK_OK(rc == -ENOMEM || rc == 2);
        CHECK_EQ_INT(ask(dns, "one.example", MR_NEVER), 2);
        mr_dns_free(dns);
        mr_offload_fini();
    }
    fake_fini(&f);
    return 0;
}

IN_HUB(dns_without_threads)
{
    struct fake f;
    struct mr_dns *dns;

    fake_init(&f, false);
    dns = fake_dns(&f, (struct mr_dns_options){0});
    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    CHECK_EQ_INT(ask(dns, "one.example", MR_NEVER), -EAGAIN);
    mr_sys_fault_clear();
    CHECK_EQ_INT(ask(dns, "one.example", MR_NEVER), 2); /* not kept */
    mr_dns_free(dns);
    fake_fini(&f);
    return 0;
}

/* /etc/hosts has it everywhere, and .invalid is never there (RFC 6761). */
IN_HUB(dns_asks_the_system)
{
    struct mr_dns *dns = mr_dns_new(NULL);
    struct mr_dns_answer a;
    int rc = mr_dns_ask(dns, mr_str("localhost"), AF_INET, &a, MR_NEVER);

    CHECK_OK(rc >= 1);
    CHECK_OK(mr_addr_is_loopback(&a.addrs[0]));
    rc =
        mr_dns_ask(dns, mr_str("nowhere.invalid"), AF_INET, &a, mr_after_s(20));
    CHECK_OK(rc < 0);
    CHECK_OK(mr_str_starts(mr_str(a.why), "nowhere.invalid: "));
    mr_dns_free(dns);
    mr_offload_fini();
    return 0;
}

IN_HUB_DIES(dns_freed_while_asked, "asking > 0")
{
    struct fake f;
    struct asker a = {.name = "one.example", .deadline = MR_NEVER};

    fake_init(&f, true);
    a.dns = fake_dns(&f, (struct mr_dns_options){0});
    (void)spawn_asker(&a);
    mr_dns_free(a.dns);
    return 0;
}
SUITE("faults", dns_without_memory, dns_without_threads, dns_asks_the_system,
      dns_freed_while_asked)
TEST_MAIN()
