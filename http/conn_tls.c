/* SPDX-License-Identifier: MIT */

/*
 * conn_tls.c - what is different about a connection with TLS: how it begins,
 * and what an event on it may mean.
 *
 *      accepted --> GREETS --[mr_conn_meet: handshake]--> TLS
 *                     |                                    ^ |
 *                     '--[it speaks HTTP]--> PLAIN, 400    '-' [wake]
 *
 *  (1) The handshake is the first thing that a coroutine does with it, and
 *      borrows no exchange meanwhile: many slow ones cost stacks, no buffers.
 *      It must be done by header_timeout from accept on; the first request's
 *      time begins after it.
 *  (2) What comes at rest need be no request (a new key, the goodbye). So it is
 *      read once without waiting, and the connection rests on if that gave
 *      nothing.
 *  (3) Who only opens and closes (a load balancer's look) is no failure.
 *
 * Not here: records, keys, certificates (io/tls*.c).
 */
#include <errno.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/conn_priv.h"
#include "io/fd.h"

static struct mr_http_listener *listener_of(const struct mr_conn *c)
{
    return mr_container_of(c->acceptor, struct mr_http_listener, server);
}

static void count_met(const struct mr_conn *c)
{
    struct mr_score_row *row = c->http->row;
    struct mr_tls_info info;

    mr_tls_info(c->tls, &info);
    mr_scoreboard_add(info.resumed ? &row->tls_resumed : &row->tls_full, 1);
}

static void not_met(const struct mr_conn *c, const char *why)
{
    struct mr_addr peer;
    char text[MR_ADDR_TEXT];

    mr_scoreboard_add(&c->http->row->tls_failed, 1);
    mr_conn_peer(c, &peer);
    mr_addr_format(&peer, text, sizeof text);
    mr_log_every_second(&c->http->unmet, MR_LOG_INFO, "http: %s: %s", text,
                        why);
}

/* Takes the socket. 0 or -Exxx. */
static int shake(struct mr_conn *c, int64_t deadline)
{
    char why[MR_TLS_WHY];
    int rc = mr_tls_accept(&c->tls, listener_of(c)->tls, c->io.stream.fd, why,
                           deadline);

    if (rc == 0) {
        c->secure = MR_CONN_TLS;
        count_met(c);
        return 0;
    }
    c->io.stream.fd = -1; /* closed */
    c->watched = false;
    if (rc != -ECANCELED)
        not_met(c, why);
    return rc;
}

/* Each record begins with a type below 32; a request with a letter. */
static bool is_plain(char first)
{
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

enum mr_met mr_conn_meet(struct mr_conn *c)
{
    /* Who was begun early was in no list. */
    int64_t deadline =
        c->early ? mr_hub_now() + c->http->fresh.timeout : c->rest_until;
    char first;
    ssize_t n =
        mr_sys_recv(c->io.stream.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

    c->state = MR_CONN_ACTIVE;
    if (c->early && n == -EAGAIN) {
        c->early = false;
        return MR_MET_QUIET; /* it did not come with its first bytes */
    }
    c->early = false;
    if (n == 0 || (n < 0 && n != -EAGAIN))
        return MR_MET_OVER;
    if (n == 1 && is_plain(first)) {
        c->secure = MR_CONN_PLAIN;
        c->misplaced = true;
        return MR_MET_TALKS;
    }
    if (shake(c, deadline))
        return MR_MET_OVER;
    /* Who ended its half may have asked before that. */
    return mr_conn_pending(c) > 0 || c->gone ? MR_MET_TALKS : MR_MET_QUIET;
}

enum mr_met mr_conn_wake_tls(struct mr_exchange *x)
{
    ssize_t n;

    mr_tls_expect(x->conn->tls);
    n = mr_exchange_fill(x, x->http->head_limits.max_head + 1, 0);
    if (n > 0)
        return MR_MET_TALKS;
    if (n != -ETIMEDOUT || x->conn->gone)
        return MR_MET_OVER;
    /* The rest of a record is waited for as that of a head is. */
    return mr_conn_pending(x->conn) > 0 ? MR_MET_TALKS : MR_MET_QUIET;
}

ssize_t mr_conn_send_now(struct mr_conn *c, const void *p, size_t n)
{
    return c->tls ? mr_tls_send_some(c->tls, p, n, false)
                  : mr_sys_send(c->io.stream.fd, p, n, MSG_DONTWAIT);
}
