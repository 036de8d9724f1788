/* SPDX-License-Identifier: MIT */

/*
 * test_dial.c - who is tried, in which order, and what is left open.
 *
 * over budget: all of it dials the same names and peers.
 */
#include "io/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/offload.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/dns.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/core/in_hub.h"

/* --- names that this test makes up --- */

struct name {
    const char *name;
    int family;
    const char *addrs; /* separated by spaces; NULL: err */
    int err;
    int gate; /* a byte must come first; 0: at once */
};

static struct name names[8];
static int asked, let_in; /* atomic; how many were let in by a gate */

static int made_up(void *unused, const char *name, int family,
                   struct mr_addr *ret, const char **ret_text)
{
    int n = 0;

    (void)unused;
    (void)ret_text;
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        struct mr_str rest = mr_str(names[i].addrs), one;
        char c;

        if (!names[i].name || strcmp(names[i].name, name) != 0 ||
            names[i].family != family)
            continue;
        if (names[i].gate) {
            CHECK_EQ_INT(mr_sys_read(names[i].gate, &c, 1), 1);
            __atomic_add_fetch(&let_in, 1, __ATOMIC_SEQ_CST);
        }
        if (!names[i].addrs)
            return names[i].err;
        while (mr_str_split(&rest, ' ', &one))
            CHECK_EQ_INT(mr_dns_literal(one, &ret[n++]), 0);
        return n;
    }
    return -ENODATA;
}

/* Whom it let in is past it: the end of a dial does not wait for those who
 * still look up. */
static void gate_close(const int gate[2], int n)
{
    while (__atomic_load_n(&let_in, __ATOMIC_SEQ_CST) < n)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    mr_sys_close(gate[0]);
    mr_sys_close(gate[1]);
}

static struct mr_dial_options options;

static void set_up(void)
{
    memset(names, 0, sizeof names);
    __atomic_store_n(&let_in, 0, __ATOMIC_SEQ_CST);
    options = (struct mr_dial_options){
        .dns = mr_dns_new(&(struct mr_dns_options){.lookup = made_up}),
    };
    CHECK_OK(options.dns != NULL);
}

static void tear_down(void)
{
    mr_dns_free(options.dns);
    mr_offload_fini();
}

/* --- peers --- */

static struct mr_addr addr(const char *text)
{
    struct mr_addr a = {0};

    CHECK_EQ_INT(mr_addr_parse(&a, mr_str(text)), 0);
    return a;
}

/* A listener at host and port; port 0: any. */
static int listen_at(const char *host, uint16_t port, int backlog)
{
    struct mr_listen_options o = {.backlog = backlog, .v6only = true};
    struct mr_addr a;
    int fd;

    CHECK_EQ_INT(mr_dns_literal(mr_str(host), &a), 0);
    mr_addr_set_port(&a, port);
    fd = mr_socket_listen(&a, &o);
    CHECK_OK(fd >= 0);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct mr_addr a = {0};

    CHECK_EQ_INT(mr_socket_local(fd, &a), 0);
    return mr_addr_port(&a);
}

static bool have_ipv6(void)
{
    struct mr_addr a = addr("[::1]:0");
    int fd = mr_socket_listen(&a, NULL);

    mr_fd_close(fd);
    return fd >= 0;
}

/* A listener whose queue is full: the kernel drops who knocks. */
struct hole {
    int fd;
    int fillers[4];
};

static void hole_open(struct hole *h, const char *host, uint16_t port)
{
    struct mr_addr to;

    CHECK_EQ_INT(mr_dns_literal(mr_str(host), &to), 0);
    h->fd = listen_at(host, port, 1);
    mr_addr_set_port(&to, port ? port : port_of(h->fd));
    for (size_t i = 0; i < MR_ARRAY_LEN(h->fillers); i++) {
        int fd = mr_sys_socket(mr_addr_family(&to),
                               SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        CHECK_OK(fd >= 0);
        CHECK_EQ_INT(mr_sys_connect(fd, &to.sa, to.len), -EINPROGRESS);
        h->fillers[i] = fd;
    }
}

static void hole_close(struct hole *h)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(h->fillers); i++)
        mr_fd_close(h->fillers[i]);
    mr_fd_close(h->fd);
}

static void check_peer(const struct mr_dial_report *r, const char *host,
                       uint16_t port)
{
    char want[MR_ADDR_TEXT], got[MR_ADDR_TEXT];

    snprintf(want, sizeof want, "%s:%u", host, port);
    mr_addr_format(&r->peer, got, sizeof got);
    CHECK_EQ_STR(got, want);
}

static int dial(const char *host, uint16_t port, struct mr_dial_report *r,
                int64_t deadline)
{
    return mr_dial(mr_str(host), port, &options, r, deadline);
}

/* --- one address --- */

IN_HUB(dial_literals)
{
    struct mr_dial_report r;
    struct mr_addr local;
    int fd, l, one = 0;
    socklen_t len = sizeof one;

    set_up();
    l = listen_at("127.0.0.1", 0, 0);
    fd = dial("127.0.0.1", port_of(l), &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(r.attempts, 1);
    CHECK_EQ_STR(r.why, "");
    check_peer(&r, "127.0.0.1", port_of(l));
    CHECK_EQ_INT(mr_sys_getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &len),
                 0);
    CHECK_OK(one);
    mr_fd_close(fd);
    /* Without options and report, and from another address of ours. */
    fd = mr_dial(mr_str("127.0.0.1"), port_of(l), NULL, NULL, MR_NEVER);
    CHECK_OK(fd >= 0);
    mr_fd_close(fd);
    local = addr("127.0.0.2:0");
    options.local = &local;
    fd = dial("127.0.0.1", port_of(l), &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &local), 0);
    CHECK_EQ_INT(ntohl(local.in.sin_addr.s_addr), 0x7f000002);
    CHECK_OK(mr_addr_port(&local) != 0);
    mr_fd_close(fd);
    mr_fd_close(l);
    CHECK_EQ_INT(asked, 0);
    tear_down();
    return 0;
}

static const struct {
    const char *host;
    uint16_t port;
    int family;
    int want;
    const char *why;
} bad[] = {
    {"127.0.0.1", 0, 0, -EINVAL,
     "cannot connect to 127.0.0.1: there is no port 0"},
    {"127.1", 1, 0, -EINVAL,
     "127.1: a host name that ends in a number, and is no IPv4 address"},
    {"", 1, 0, -EINVAL, ": an empty host name"},
    {"a b", 1, 0, -EINVAL, "a b: a byte in a host name that may not be there"},
    {"127.0.0.1", 1, AF_INET6, -EAFNOSUPPORT,
     "127.0.0.1: address family not supported by protocol"},
    {"::1", 1, AF_UNIX, -EAFNOSUPPORT,
     "cannot connect to [::1]:1: address family not supported by protocol"},
    {"nobody.example", 1, 0, -ENOENT,
     "nobody.example: no such file or directory"},
    {"nothing.example", 1, 0, -ENODATA, "nothing.example: no data available"},
    {"half.example", 1, 0, -ENOENT, "half.example: no such file or directory"},
    {"unix:/nowhere/at/all", 0, 0, -ENOENT,
     "cannot connect to unix:/nowhere/at/all: no such file or directory"},
    {"unix:", 0, 0, -EINVAL, "cannot connect to unix:: invalid argument"},
};

IN_HUB(dial_bad_targets)
{
    struct mr_dial_report r;

    set_up();
    names[0] = (struct name){"nobody.example", AF_INET, NULL, -ENOENT, 0};
    names[1] = (struct name){"nobody.example", AF_INET6, NULL, -ENOENT, 0};
    names[2] = (struct name){"half.example", AF_INET, NULL, -ENOENT, 0};
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%s", bad[i].host);
        options.family = bad[i].family;
        CHECK_EQ_INT(dial(bad[i].host, bad[i].port, &r, MR_NEVER), bad[i].want);
        CHECK_EQ_STR(r.why, bad[i].why);
        CHECK_EQ_INT(r.peer.len, 0);
    }
    tear_down();
    return 0;
}

IN_HUB(dial_unix_path)
{
    struct mr_addr at = addr("unix:@mr_test_dial");
    struct mr_dial_report r;
    int l = mr_socket_listen(&at, NULL), fd;

    CHECK_OK(l >= 0);
    fd = mr_dial(mr_str("unix:@mr_test_dial"), 0, NULL, &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_addr_cmp(&r.peer, &at), 0);
    mr_fd_close(fd);
    mr_fd_close(l);
    return 0;
}

IN_HUB(dial_refused_names_them_all)
{
    struct mr_dial_report r;
    char want[256];
    int l = listen_at("127.0.0.1", 0, 0);
    uint16_t port = port_of(l);
    int fds;

    set_up();
    mr_fd_close(l); /* nobody listens there now */
    names[0] =
        (struct name){"two.example", AF_INET, "127.0.0.1 127.0.0.2", 0, 0};
    fds = count_fds();
    CHECK_EQ_INT(dial("two.example", port, &r, MR_NEVER), -ECONNREFUSED);
    snprintf(want, sizeof want,
             "cannot connect to two.example:%u: 127.0.0.1:%u connection "
             "refused, 127.0.0.2:%u connection refused",
             port, port, port);
    CHECK_EQ_STR(r.why, want);
    CHECK_EQ_INT(r.attempts, 2);
    CHECK_EQ_INT(count_fds(), fds);
    tear_down();
    return 0;
}

/* The text has an end, whatever a name server sends. */
IN_HUB(dial_many_refused)
{
    struct mr_dial_report r;
    char addrs[512] = "", addrs6[512] = "";
    int l = listen_at("127.0.0.1", 0, 0);
    uint16_t port = port_of(l);

    set_up();
    mr_fd_close(l);
    for (int i = 1; i <= MR_DNS_MAX; i++) {
        const char *sep = i > 1 ? " " : "";

        snprintf(addrs + strlen(addrs), sizeof addrs - strlen(addrs),
                 "%s127.0.0.%d", sep, 100 + i);
        snprintf(addrs6 + strlen(addrs6), sizeof addrs6 - strlen(addrs6),
                 "%s::ffff:127.0.0.%d", sep, 100 + i);
    }
    /* Names of every length, so that the text is full at every place. */
    for (int extra = 0; extra < 48; extra++) {
        char name[64];

        snprintf(name, sizeof name, "%.*smany.example", extra,
                 "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.");
        if (name[extra > 0 ? extra - 1 : 0] != '.' && extra > 0)
            name[extra - 1] = 'y';
        CASE("%s", name);
        names[0] = (struct name){name, AF_INET, addrs, 0, 0};
        names[1] = (struct name){name, AF_INET6, addrs6, 0, 0};
        CHECK_EQ_INT(dial(name, port, &r, MR_NEVER), -ECONNREFUSED);
        CHECK_EQ_INT(r.attempts, 2 * MR_DNS_MAX);
        CHECK_OK(mr_str_ends(mr_str(r.why), " ..."));
        CHECK_OK(strlen(r.why) < sizeof r.why);
    }
    tear_down();
    return 0;
}
SUITE("one by one", dial_literals, dial_bad_targets, dial_unix_path,
      dial_refused_names_them_all, dial_many_refused)

/* --- the race --- */

/* The first is a hole, the second answers: without waiting for the first. */
IN_HUB(dial_passes_a_hole)
{
    struct mr_dial_report r;
    struct hole h;
    uint16_t port;
    int l, fd, fds;

    set_up();
    hole_open(&h, "127.0.0.1", 0);
    port = port_of(h.fd);
    l = listen_at("127.0.0.2", port, 0);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1 127.0.0.2", 0, 0};
    options.attempt_delay = mr_ms(10);
    fds = count_fds();
    fd = dial("a.example", port, &r, mr_after_s(30));
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(r.attempts, 2);
    check_peer(&r, "127.0.0.2", port);
    mr_fd_close(fd);
    CHECK_EQ_INT(count_fds(), fds); /* the loser is closed */
    mr_fd_close(l);
    hole_close(&h);
    tear_down();
    return 0;
}

/* Who refuses does not cost the attempt delay: it would be an hour. */
IN_HUB(dial_goes_on_at_once_after_a_refusal)
{
    struct mr_dial_report r;
    int l = listen_at("127.0.0.2", 0, 0), fd;

    set_up();
    names[0] = (struct name){"a.example", AF_INET,
                             "127.0.0.1 127.0.0.3 127.0.0.2", 0, 0};
    options.attempt_delay = mr_ms(3600000);
    fd = dial("a.example", port_of(l), &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(r.attempts, 3);
    mr_fd_close(fd);
    mr_fd_close(l);
    tear_down();
    return 0;
}

IN_HUB(dial_holes_and_the_deadline)
{
    struct mr_dial_report r;
    struct hole h, h2;
    char want[256];
    uint16_t port;
    int fds;

    set_up();
    hole_open(&h, "127.0.0.1", 0);
    port = port_of(h.fd);
    hole_open(&h2, "127.0.0.2", port);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1 127.0.0.2", 0, 0};
    options.attempt_delay = 1;
    fds = count_fds();
    CHECK_EQ_INT(dial("a.example", port, &r, mr_after_ms(50)), -ETIMEDOUT);
    snprintf(want, sizeof want,
             "cannot connect to a.example:%u: 127.0.0.1:%u no answer in time, "
             "127.0.0.2:%u no answer in time",
             port, port, port);
    CHECK_EQ_STR(r.why, want);
    CHECK_EQ_INT(dial("127.0.0.1", port, &r, mr_after_ms(20)), -ETIMEDOUT);
    CHECK_EQ_INT(count_fds(), fds);
    hole_close(&h);
    hole_close(&h2);
    tear_down();
    return 0;
}

/* The families take turns, the preferred one first. */
IN_HUB(dial_interleaves)
{
    static const struct {
        int first;
        const char *order; /* of the reasons' hosts */
    } cases[] = {
        {0, "[::1] 127.0.0.1 [::1] 127.0.0.2 127.0.0.3"},
        {AF_INET, "127.0.0.1 [::1] 127.0.0.2 [::1] 127.0.0.3"},
    };
    struct mr_dial_report r;
    char seen[256], port_text[32];
    int l;

    if (!have_ipv6()) {
        (void)!test_skip("no IPv6 loopback");
        return 0;
    }
    l = listen_at("127.0.0.1", 0, 0);
    snprintf(port_text, sizeof port_text, ":%u connection refused", port_of(l));
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        char *at, *out = seen;

        set_up();
        names[0] = (struct name){"a.example", AF_INET,
                                 "127.0.0.1 127.0.0.2 127.0.0.3", 0, 0};
        names[1] = (struct name){"a.example", AF_INET6, "::1 ::1", 0, 0};
        options.first = cases[i].first;
        if (i == 0)
            mr_fd_close(l);
        /* Known beforehand: the race begins with both. */
        for (int f = 0; f < 2; f++) {
            struct mr_dns_answer a;

            CHECK_OK(mr_dns_ask(options.dns, mr_str("a.example"),
                                f ? AF_INET : AF_INET6, &a, MR_NEVER) > 0);
        }
        CHECK_EQ_INT(dial("a.example",
                          (uint16_t)strtoul(port_text + 1, NULL, 10), &r,
                          MR_NEVER),
                     -ECONNREFUSED);
        at = strstr(r.why, ": ");
        CHECK_OK(at != NULL);
        for (at += 2; *at;) {
            if (strncmp(at, port_text, strlen(port_text)) == 0)
                at += strlen(port_text);
            else if (*at == ',')
                at++;
            else
                *out++ = *at++;
        }
        *out = '\0';
        CHECK_EQ_STR(seen, cases[i].order);
        tear_down();
    }
    return 0;
}

/* AAAA is never answered: IPv4 is tried after the resolution delay. */
IN_HUB(dial_does_not_wait_for_one_family)
{
    struct mr_dial_report r;
    int l = listen_at("127.0.0.1", 0, 0), gate[2], fd;

    set_up();
    CHECK_EQ_INT(mr_sys_pipe2(gate, 0), 0);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1", 0, 0};
    names[1] = (struct name){"a.example", AF_INET6, "::1", 0, gate[0]};
    fd = dial("a.example", port_of(l), &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    check_peer(&r, "127.0.0.1", port_of(l));
    mr_fd_close(fd);
    mr_fd_close(l);
    CHECK_EQ_INT(mr_sys_write(gate[1], "x", 1), 1);
    tear_down();
    gate_close(gate, 1);
    return 0;
}

/* The preferred family's answer comes within the resolution delay, which would
 * be an hour: it is the first to be tried. */
IN_HUB(dial_prefers_one_family)
{
    struct mr_dial_report r;
    uint16_t port;
    int gate[2], l6, fd, l;

    if (!have_ipv6()) {
        (void)!test_skip("no IPv6 loopback");
        return 0;
    }
    set_up();
    l = listen_at("127.0.0.1", 0, 0);
    port = port_of(l);
    l6 = listen_at("::1", port, 0);
    CHECK_EQ_INT(mr_sys_pipe2(gate, 0), 0);
    options.resolution_delay = mr_ms(3600000);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1", 0, 0};
    names[1] = (struct name){"a.example", AF_INET6, "::1", 0, gate[0]};
    CHECK_EQ_INT(mr_sys_write(gate[1], "x", 1), 1);
    fd = dial("a.example", port, &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    check_peer(&r, "[::1]", port);
    CHECK_EQ_INT(r.attempts, 1);
    mr_fd_close(fd);
    options.family = AF_INET; /* only that one, from the cache */
    fd = dial("a.example", port, &r, MR_NEVER);
    CHECK_OK(fd >= 0);
    check_peer(&r, "127.0.0.1", port);
    mr_fd_close(fd);
    mr_fd_close(l);
    mr_fd_close(l6);
    tear_down();
    gate_close(gate, 1);
    return 0;
}
SUITE("the race", dial_passes_a_hole, dial_goes_on_at_once_after_a_refusal,
      dial_holes_and_the_deadline, dial_interleaves,
      dial_does_not_wait_for_one_family, dial_prefers_one_family)

/* --- ended from outside --- */

struct call {
    const char *host;
    uint16_t port;
    struct mr_dial_report r;
};

static intptr_t dials(void *arg)
{
    struct call *c = arg;
    int fd = dial(c->host, c->port, &c->r, MR_NEVER);

    if (fd >= 0)
        mr_fd_close(fd);
    return MR_MIN(fd, 0);
}

/* While names are asked for, and while attempts are made; after any number of
 * turns. Whatever it ends with, nothing stays open. */
IN_HUB(dial_cancelled_anywhere)
{
    struct hole h;
    struct call c = {.host = "a.example"};
    int fds, l, cancelled = 0;

    hole_open(&h, "127.0.0.1", 0);
    c.port = port_of(h.fd);
    l = listen_at("127.0.0.2", c.port, 0);
    for (int turns = 0; turns < 40; turns++) {
        struct mr_coro *co;
        intptr_t v;

        set_up();
        names[0] =
            (struct name){"a.example", AF_INET, "127.0.0.1 127.0.0.2", 0, 0};
        options.attempt_delay = 1;
        fds = count_fds();
        co = mr_spawn(dials, &c);
        CHECK_OK(co != NULL);
        for (int i = 0; i < turns; i++)
            CHECK_EQ_INT(turns % 2 ? mr_yield() : mr_idle(MR_NEVER), 0);
        mr_cancel(co);
        CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
        CHECK_OK(v == 0 || v == -ECANCELED);
        cancelled += v == -ECANCELED;
        tear_down();
        CHECK_EQ_INT(count_fds(), fds);
    }
    CHECK_OK(cancelled > 0);
    mr_fd_close(l);
    hole_close(&h);
    return 0;
}

/* The caller's scope, not our pauses, says when it is over. */
IN_HUB(dial_in_a_scope)
{
    struct mr_dial_report r;
    struct mr_scope s;
    struct hole h;

    set_up();
    hole_open(&h, "127.0.0.1", 0);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1", 0, 0};
    names[1] = (struct name){"a.example", AF_INET6, "127.0.0.1", 0, 0};
    mr_scope_enter(&s, mr_after_ms(20));
    CHECK_EQ_INT(dial("a.example", port_of(h.fd), &r, MR_NEVER), -ETIMEDOUT);
    CHECK_OK(mr_scope_leave(&s));
    hole_close(&h);
    tear_down();
    return 0;
}

IN_HUB(dial_name_not_found_in_time)
{
    struct mr_dial_report r;
    int gate[2];

    set_up();
    CHECK_EQ_INT(mr_sys_pipe2(gate, 0), 0);
    names[0] = (struct name){"a.example", AF_INET, "127.0.0.1", 0, gate[0]};
    names[1] = (struct name){"a.example", AF_INET6, "::1", 0, gate[0]};
    CHECK_EQ_INT(dial("a.example", 80, &r, mr_after_ms(20)), -ETIMEDOUT);
    CHECK_EQ_STR(r.why, "cannot connect to a.example:80: its address was not "
                        "found in time");
    CHECK_EQ_INT(mr_sys_write(gate[1], "xx", 2), 2);
    tear_down();
    gate_close(gate, 2);
    return 0;
}

static const struct {
    enum mr_sys_call call;
    int err;
} faults[] = {
    {MR_SYS_ALLOC, -ENOMEM},
    {MR_SYS_SOCKET, -EMFILE},
    {MR_SYS_CONNECT, -ENETUNREACH},
    {MR_SYS_SETSOCKOPT, -ENOPROTOOPT},
};

/* Each call fails in turn: an error that is told, or a connection; and nothing
 * stays open. */
IN_HUB(dial_with_faults)
{
    int l = listen_at("127.0.0.1", 0, 0);

    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        for (unsigned nth = 1; nth <= 12; nth++) {
            struct mr_dial_report r;
            int fd, fds;

            CASE("call %zu, number %u", i, nth);
            set_up();
            names[0] = (struct name){"a.example", AF_INET,
                                     "127.0.0.9 127.0.0.1", 0, 0};
            fds = count_fds();
            mr_sys_fault(faults[i].call, nth, faults[i].err);
            fd = dial("a.example", port_of(l), &r, MR_NEVER);
            mr_sys_fault_clear();
            if (fd < 0)
                CHECK_OK(r.why[0] != '\0');
            else
                mr_fd_close(fd);
            tear_down();
            CHECK_EQ_INT(count_fds(), fds);
        }
    }
    mr_fd_close(l);
    return 0;
}
SUITE("from outside", dial_cancelled_anywhere, dial_in_a_scope,
      dial_name_not_found_in_time, dial_with_faults)
TEST_MAIN()
