/* SPDX-License-Identifier: MIT */

/*
 * dial.c - host and port to a connected socket (invariants in io/dial.h).
 *
 *     errand      what it does                                 ends
 *     the caller  decides: whom to try, and when (race)        with the result
 *     ask_one     waits for a family's addresses               told by `news`
 *     attempt     waits for one connection                     told by `news`
 *
 * The others are members of one group, which is closed before mr_dial returns:
 * so an attempt that connects after the winner closes its own descriptor, and
 * none outlives the call. All state is in struct dial; between two parks
 * nobody else looks at it, so a piece of news is never missed.
 *
 * What is known at once and is one address is connected to by the caller: no
 * errand, no timer.
 */
#include "io/dial.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/group.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/dns.h"
#include "io/fd.h"
#include "io/socket.h"

#define ATTEMPT_DELAY INT64_C(250000000)
#define RESOLUTION_DELAY INT64_C(50000000)

struct dial;

/* One family's addresses. */
struct ask {
    struct dial *dial;
    int family;
    bool wanted;
    bool done;
    int rc;
    int64_t at;  /* when it was done */
    size_t next; /* of the answer's, to be tried */
    struct mr_dns_answer answer;
};

struct attempt {
    struct dial *dial;
    const struct mr_addr *to; /* in an answer */
    int rc;                   /* what it ended with; 0 before */
};

struct dial {
    struct mr_str host;
    uint16_t port;
    struct mr_dial_options o; /* filled: nothing is 0 */
    struct mr_group group;
    struct mr_waitq news;
    struct ask asks[2]; /* the preferred family first */
    struct attempt attempts[2 * MR_DNS_MAX];
    size_t n;        /* attempts that were begun */
    size_t flying;   /* of them, under way */
    int64_t next_at; /* when another may begin beside them */
    unsigned turn;   /* whose address is next */
    int fd;          /* the winner's, or -1 */
    const struct mr_addr *peer;
};

/* --- the errands --- */

static void answer_is_here(struct ask *a, int rc)
{
    a->rc = rc;
    a->done = true;
    a->at = mr_now();
    for (size_t i = 0; i < a->answer.n; i++)
        mr_addr_set_port(&a->answer.addrs[i], a->dial->port);
}

static intptr_t ask_one(void *arg)
{
    struct ask *a = arg;
    struct dial *d = a->dial;

    answer_is_here(
        a, mr_dns_ask(d->o.dns, d->host, a->family, &a->answer, MR_NEVER));
    (void)mr_waitq_wake_all(&d->news, 0);
    return 0;
}

/* Ended, with a descriptor or -Exxx. */
static void attempt_ended(struct attempt *a, int rc)
{
    struct dial *d = a->dial;

    a->rc = MR_MIN(rc, 0);
    d->flying--;
    if (rc >= 0 && d->fd >= 0) {
        mr_fd_close(rc); /* a moment too late */
    } else if (rc >= 0) {
        d->fd = rc;
        d->peer = a->to;
    }
}

static intptr_t attempt(void *arg)
{
    struct attempt *a = arg;

    attempt_ended(a, mr_connect_from(a->dial->o.local, a->to, MR_NEVER));
    (void)mr_waitq_wake_all(&a->dial->news, 0);
    return 0;
}

/* --- the caller --- */

static void begin_ask(struct ask *a)
{
    struct dial *d = a->dial;
    int rc = mr_dns_known(d->o.dns, d->host, a->family, &a->answer);

    if (rc == 0 && mr_group_spawn(&d->group, ask_one, a))
        return;
    answer_is_here(a, rc ? rc : -ENOMEM);
}

/* The next address, or NULL: none is known. */
static const struct mr_addr *next_address(struct dial *d, struct ask **ret)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ask *a = &d->asks[(d->turn + i) % 2];

        if (a->done && a->next < a->answer.n) {
            *ret = a;
            return &a->answer.addrs[a->next];
        }
    }
    return NULL;
}

static struct attempt *new_attempt(struct dial *d, struct ask *from)
{
    struct attempt *a = &d->attempts[d->n++];

    *a = (struct attempt){
        .dial = d,
        .to = &from->answer.addrs[from->next++],
    };
    d->flying++;
    d->turn = from == &d->asks[0] ? 1 : 0;
    d->next_at = mr_after(d->o.attempt_delay);
    return a;
}

/* Begin what is due: 0, or when to look again if there are no news. */
static int64_t step(struct dial *d)
{
    struct ask *from;
    struct attempt *a;
    int64_t at = 0;

    if (!next_address(d, &from))
        return MR_NEVER;
    if (d->flying > 0)
        at = d->next_at;
    else if (d->n == 0 && !d->asks[0].done)
        at = from->at + d->o.resolution_delay;
    if (at > mr_now())
        return at;
    a = new_attempt(d, from);
    if (!mr_group_spawn(&d->group, attempt, a))
        attempt_ended(a, -ENOMEM);
    return 0;
}

static bool is_lost(const struct dial *d)
{
    return d->flying == 0 && d->asks[0].done && d->asks[1].done;
}

/* 0: d->fd is connected, or nothing is left that could be; -ETIMEDOUT,
 * -ECANCELED. May park. */
static int race(struct dial *d, int64_t deadline)
{
    while (d->fd < 0) {
        int64_t at = step(d);
        int rc;

        if (at == 0)
            continue;
        if (at == MR_NEVER && is_lost(d))
            return 0;
        rc = (int)mr_wait(&d->news, MR_MIN(at, deadline), "dial");
        if (rc == -ETIMEDOUT && at < deadline && mr_now() >= at)
            continue; /* our own pause */
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Is there one address, and no more to come? Then no race is needed. */
static bool is_alone(const struct dial *d)
{
    return d->asks[0].done && d->asks[1].done &&
           d->asks[0].answer.n + d->asks[1].answer.n == 1;
}

static int connect_alone(struct dial *d, int64_t deadline)
{
    struct ask *from = &d->asks[d->asks[0].answer.n == 0];
    struct attempt *a = new_attempt(d, from);
    int rc = mr_connect_from(d->o.local, a->to, deadline);

    attempt_ended(a, rc);
    if (rc == -ETIMEDOUT || rc == -ECANCELED)
        return rc;
    return 0;
}

/* --- what is told --- */

/* Room for " ..." is kept, which ends a text that is full. */
static void __attribute__((format(printf, 2, 3)))
add(struct mr_dial_report *r, const char *fmt, ...)
{
    size_t at = strlen(r->why), room;
    va_list ap;
    int n;

    if (mr_str_ends(mr_str(r->why), " ..."))
        return;
    room = sizeof r->why - at - 4;
    va_start(ap, fmt);
    n = vsnprintf(r->why + at, room, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n >= room)
        memcpy(r->why + at, " ...", 5); /* all of it, or not */
}

static void name_target(struct mr_dial_report *r, struct mr_str host,
                        uint16_t port)
{
    char shown[300]; /* a host name, or a unix path, in full */
    bool bare6 = host.n > 0 && host.p[0] != '[' && mr_str_find(host, ':') >= 0;

    mr_str_escape(shown, sizeof shown, host);
    if (port == 0)
        add(r, "cannot connect to %s: ", shown);
    else
        add(r,
            bare6 ? "cannot connect to [%s]:%u: " : "cannot connect to %s:%u: ",
            shown, port);
}

/* Who was still under way was cancelled. */
static const char *reason(int rc)
{
    return rc == -ECANCELED || rc == -ETIMEDOUT ? "no answer in time"
                                                : mr_strerror(rc);
}

static void tell_attempts(const struct dial *d, struct mr_dial_report *r)
{
    char text[MR_ADDR_TEXT];

    name_target(r, d->host, d->port);
    for (size_t i = 0; i < d->n; i++) {
        const struct attempt *a = &d->attempts[i];

        mr_addr_format(a->to, text, sizeof text);
        add(r, "%s%s %s", i ? ", " : "", text, reason(a->rc));
    }
}

/* The family whose failure says more: that it has no address is the least. */
static const struct ask *telling(const struct dial *d)
{
    const struct ask *a = &d->asks[0], *b = &d->asks[1];

    if (!a->wanted || !a->done)
        return b->wanted && b->done ? b : NULL;
    if (!b->wanted || !b->done)
        return a;
    return a->rc == -ENODATA || a->rc == -EAFNOSUPPORT ? b : a;
}

static void tell(const struct dial *d, int rc, struct mr_dial_report *r)
{
    const struct ask *a = telling(d);

    r->attempts = (unsigned)d->n;
    if (rc >= 0)
        r->peer = *d->peer;
    else if (d->n > 0)
        tell_attempts(d, r);
    else if (a && a->rc == rc && rc != -ECANCELED && rc != -ETIMEDOUT)
        add(r, "%s", a->answer.why);
    else {
        name_target(r, d->host, d->port);
        add(r, "%s",
            rc == -ETIMEDOUT ? "its address was not found in time"
                             : mr_strerror(rc));
    }
}

static bool is_out_of_reach(int rc)
{
    return rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -EADDRNOTAVAIL ||
           rc == -EAFNOSUPPORT;
}

/* The result of a race that nobody won. */
static int why_lost(const struct dial *d)
{
    int rc = 0;

    for (size_t i = 0; i < d->n; i++)
        if (rc == 0 || is_out_of_reach(rc))
            rc = d->attempts[i].rc;
    if (d->n > 0)
        return rc;
    return telling(d)->rc;
}

/* --- from the top --- */

static int dial_unix(struct mr_str host, struct mr_dial_report *r,
                     int64_t deadline)
{
    int rc = mr_addr_parse(&r->peer, host);

    if (rc == 0) {
        r->attempts = 1;
        rc = mr_connect(&r->peer, deadline);
    }
    if (rc >= 0)
        return rc;
    r->peer.len = 0;
    name_target(r, host, 0);
    add(r, "%s", reason(rc));
    return rc;
}

/* 0, or -EAFNOSUPPORT. */
static int prepare(struct dial *d, const struct mr_dial_options *o)
{
    int only;

    if (o)
        d->o = *o;
    only = d->o.family;
    if (d->o.local) {
        if (only && only != mr_addr_family(d->o.local))
            return -EAFNOSUPPORT;
        only = mr_addr_family(d->o.local);
    }
    if (only && only != AF_INET && only != AF_INET6)
        return -EAFNOSUPPORT;
    if (!d->o.attempt_delay)
        d->o.attempt_delay = ATTEMPT_DELAY;
    if (!d->o.resolution_delay)
        d->o.resolution_delay = RESOLUTION_DELAY;
    d->asks[0].family = d->o.first == AF_INET ? AF_INET : AF_INET6;
    d->asks[1].family = d->o.first == AF_INET ? AF_INET6 : AF_INET;
    for (unsigned i = 0; i < 2; i++) {
        d->asks[i].dial = d;
        d->asks[i].wanted = !only || only == d->asks[i].family;
        d->asks[i].done = !d->asks[i].wanted;
    }
    mr_group_init(&d->group);
    mr_waitq_init(&d->news);
    d->fd = -1;
    return 0;
}

/* A descriptor or -Exxx. May park. */
static int run(struct dial *d, int64_t deadline)
{
    int rc;

    for (unsigned i = 0; i < 2; i++)
        if (d->asks[i].wanted)
            begin_ask(&d->asks[i]);
    rc = is_alone(d) ? connect_alone(d, deadline) : race(d, deadline);
    if (!mr_list_is_empty(&d->group.members))
        mr_group_close(&d->group);
    if (rc == -ECANCELED && d->fd >= 0) {
        mr_fd_close(d->fd);
        d->fd = -1;
    }
    if (d->fd < 0)
        return rc ? rc : why_lost(d);
    (void)!mr_socket_set_nodelay(d->fd, true); /* without it: slower */
    return d->fd;
}

static int dial_ip(struct dial *d, const struct mr_dial_options *o,
                   struct mr_dial_report *r, int64_t deadline)
{
    struct mr_dns *own = NULL;
    int rc = prepare(d, o);

    if (rc == 0 && !d->o.dns) {
        own = d->o.dns = mr_dns_new(NULL);
        rc = own ? 0 : -ENOMEM;
    }
    if (rc == 0)
        rc = run(d, deadline);
    tell(d, rc, r);
    mr_dns_free(own);
    return rc;
}

int mr_dial(struct mr_str host, uint16_t port, const struct mr_dial_options *o,
            struct mr_dial_report *ret, int64_t deadline)
{
    struct mr_dial_report unread;
    struct dial *d;
    int rc;

    ret = ret ? ret : &unread;
    *ret = (struct mr_dial_report){0};
    if (mr_str_starts(host, "unix:"))
        return dial_unix(host, ret, deadline);
    d = port ? mr_calloc(1, sizeof *d) : NULL;
    if (!d) {
        rc = port ? -ENOMEM : -EINVAL;
        name_target(ret, host, port);
        add(ret, "%s", port ? mr_strerror(rc) : "there is no port 0");
        return rc;
    }
    d->host = host;
    d->port = port;
    rc = dial_ip(d, o, ret, deadline);
    mr_free(d);
    return rc;
}
