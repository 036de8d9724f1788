/* SPDX-License-Identifier: MIT */
/*
 * client_connect.c - a place to a connection: dial, the proxy's tunnel, TLS.
 *
 *     http                   dial the server
 *     http by a proxy        dial the proxy, which gets the whole URI
 *     https                  dial the server, TLS
 *     https by a proxy       dial the proxy, CONNECT, TLS with the server
 *
 * One time-out is for all of it. Whatever fails, the descriptor is closed here,
 * and the place given back.
 *
 * What TLS trusts is read when it is first needed, which a program that fetches
 * over http only never pays for: it is some 10 ms of work, done on a helper.
 */
#include <errno.h>
#include <stdio.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/sys.h"
#include "http/client_priv.h"
#include "io/dial.h"
#include "io/fd.h"

/* Sessions kept to be resumed: of so many origins, each with two tickets. */
#define SESSIONS 256

/* --- TLS --- */

struct making {
    const struct mr_tls_client_options *o;
    struct mr_tls_context *ctx;
    char why[MR_TLS_WHY];
};

static intptr_t make_context(void *arg)
{
    struct making *m = arg;

    return mr_tls_client_new(&m->ctx, m->o, m->why);
}

/* The client's, made by whoever comes first. 0 or -Exxx, set. May park. */
static int need_tls(struct mr_call *call, int64_t deadline)
{
    struct mr_client *c = call->client;
    struct making m = {.o = &c->o.tls};
    int rc = mr_mutex_lock(&c->tls_lock, deadline);

    if (rc)
        return mr_call_io_failed(call, rc, "cannot begin TLS with");
    if (!c->sessions)
        c->sessions = mr_tls_sessions_new(SESSIONS);
    if (!c->tls) {
        rc = (int)mr_offload(make_context, &m);
        if (rc)
            mr_call_fail(call, rc, "%s", m.why[0] ? m.why : mr_strerror(rc));
        c->tls = m.ctx;
    }
    mr_mutex_unlock(&c->tls_lock);
    return rc;
}

/* The plain connection becomes an encrypted one. 0 or -Exxx, set. */
static int begin_tls(struct mr_call *call, struct mr_client_conn *conn,
                     int64_t deadline)
{
    char *host = mr_arena_dup(&call->arena, call->uri.host);
    char *origin = mr_arena_printf(&call->arena, "%.*s:%u",
                                   MR_STR(call->uri.host), call->uri.port);
    struct mr_tls_peer peer = {
        .host = host, .sessions = call->client->sessions, .origin = origin};
    char why[MR_TLS_WHY];
    int fd = conn->plain.stream.fd, rc;

    if (!host || !origin)
        return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    conn->plain.stream.fd = -1; /* taken, whatever comes */
    rc =
        mr_tls_connect(&conn->tls, call->client->tls, fd, &peer, why, deadline);
    if (rc)
        return mr_call_fail(call, rc, "%s", why);
    conn->stream = mr_tls_stream(conn->tls);
    return 0;
}

/* --- the proxy's tunnel --- */

/* CONNECT, as RFC 9110 9.3.6 has it. NULL: no memory. */
static const char *connect_text(struct mr_call *call)
{
    const char *host = mr_arena_printf(
        &call->arena,
        mr_str_find(call->uri.host, ':') >= 0 ? "[%.*s]:%u" : "%.*s:%u",
        MR_STR(call->uri.host), call->uri.port);
    struct mr_str login = {0};

    if (!host)
        return NULL;
    if (call->proxy.user.p) {
        login = mr_basic_credentials(&call->arena, call->proxy.user,
                                     call->proxy.password);
        if (!login.p)
            return NULL;
    }
    return mr_arena_printf(&call->arena,
                           "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%.*s%s\r\n",
                           host, host, login.p ? "Proxy-Authorization: " : "",
                           MR_STR(login), login.p ? "\r\n" : "");
}

static int refused(struct mr_call *call, const struct mr_response_head *head)
{
    char reason[80];

    (void)mr_str_escape(reason, sizeof reason, head->reason);
    return mr_call_fail(call, -ENOTCONN, "proxy %.*s does not connect: %d %s%s",
                        MR_STR(call->proxy.authority), head->status, reason,
                        head->status == MR_STATUS_PROXY_AUTH_REQUIRED
                            ? " (a user and password are wanted in its URL)"
                            : "");
}

/* Receive until the proxy's head is whole: 0, and nothing behind it; -Exxx,
 * set. The call's own buffer and parser are free until its request is sent. */
static int await_tunnel(struct mr_call *call, int64_t deadline)
{
    struct mr_answer_parser *p = &call->parser;
    int rc = 0;

    for (;;) {
        ssize_t got;

        switch (call->n == 0 ? MR_PARSE_MORE
                             : mr_parse_answer(p, MR_METHOD_CONNECT,
                                               call->in + call->at, call->n)) {
        case MR_PARSE_BAD:
            return mr_call_fail(call, -EPROTO, "malformed answer of proxy: %s",
                                p->reason);
        case MR_PARSE_DONE:
            if (p->head.body == MR_ANSWER_TUNNEL && p->head.status != 101) {
                rc = call->n == p->size ? 0 : -EPROTO;
                return rc ? mr_call_fail(call, rc,
                                         "proxy %.*s spoke into its tunnel",
                                         MR_STR(call->proxy.authority))
                          : 0;
            }
            return refused(call, &p->head);
        case MR_PARSE_MORE:
            break;
        }
        got = mr_call_fill(call, deadline);
        if (got < 0)
            return mr_call_io_failed(call, (int)got, "no tunnel by proxy");
        if (got == 0)
            return mr_call_fail(call, -ENODATA,
                                "proxy %.*s closed the connection",
                                MR_STR(call->proxy.authority));
    }
}

static int open_tunnel(struct mr_call *call, struct mr_client_conn *conn,
                       int64_t deadline)
{
    const char *text = connect_text(call);
    int rc;

    if (!text)
        return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    rc = mr_stream_write_all(conn->stream, text, strlen(text), deadline);
    if (rc)
        return mr_call_io_failed(call, rc, "cannot send to proxy");
    call->conn = conn; /* whom mr_call_fill reads */
    rc = await_tunnel(call, deadline);
    call->conn = NULL;
    call->at = call->n = 0;
    call->heard = call->ended = false;
    mr_answer_parser_reset(&call->parser);
    conn->plain.drained = true;
    return rc;
}

/* --- from the top --- */

void mr_client_conn_close(struct mr_pooled *p)
{
    struct mr_client_conn *conn =
        mr_container_of(p, struct mr_client_conn, pooled);

    if (conn->tls)
        mr_stream_close(conn->stream);
    else
        mr_fd_close(conn->plain.stream.fd);
    mr_free(conn);
}

static int dial(struct mr_call *call, struct mr_client_conn *conn,
                int64_t deadline)
{
    const struct mr_client_options *o = &call->client->o;
    const struct mr_uri *to = call->proxied ? &call->proxy : &call->uri;
    struct mr_dial_report report;
    int fd = mr_dial(to->host, to->port,
                     &(struct mr_dial_options){
                         .dns = o->dns, .local = o->local, .family = o->family},
                     &report, deadline);

    if (fd < 0)
        return mr_call_fail(call, fd, "%s%s", call->proxied ? "proxy: " : "",
                            report.why);
    conn->peer = call->peer = report.peer;
    conn->stream = mr_stream_socket_init(&conn->plain, fd);
    conn->plain.drained = true; /* nobody speaks before us: wait first */
    return 0;
}

/* 0, and conn is usable; -Exxx, set. May park. */
static int connect_to(struct mr_call *call, struct mr_client_conn *conn,
                      int64_t deadline)
{
    int64_t at = mr_call_until(call, call->client->o.connect_timeout,
                               "no connection", deadline);
    int rc = dial(call, conn, at);

    if (rc == 0 && call->proxied && call->uri.https)
        rc = open_tunnel(call, conn, at);
    if (rc == 0 && call->uri.https)
        rc = need_tls(call, at);
    if (rc == 0 && call->uri.https)
        rc = begin_tls(call, conn, at);
    return rc;
}

/* Into the place, which is given back on an error. */
static int connect_new(struct mr_call *call, struct mr_pool_origin *place,
                       int64_t deadline)
{
    struct mr_client *c = call->client;
    struct mr_client_conn *conn = mr_calloc(1, sizeof *conn);
    int rc;

    if (!conn) {
        mr_conn_pool_leave(&c->pool, place);
        return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    }
    conn->plain.stream.fd = -1;
    rc = connect_to(call, conn, deadline);
    if (rc == 0) {
        rc = mr_conn_pool_enter(place, &conn->pooled,
                                conn->tls ? mr_tls_fd(conn->tls)
                                          : conn->plain.stream.fd);
        if (rc)
            mr_call_fail(call, rc, "%s", mr_strerror(rc));
    }
    if (rc) {
        mr_client_conn_close(&conn->pooled);
        mr_conn_pool_leave(&c->pool, place);
        return rc;
    }
    c->opened++;
    call->conn = conn;
    call->reused = false;
    return 0;
}

int mr_client_connect(struct mr_call *call, bool fresh, int64_t deadline)
{
    struct mr_client *c = call->client;
    struct mr_pool_key key = {
        .https = call->uri.https,
        .port = call->uri.port,
        .host = call->uri.host,
        .proxy = call->proxied ? call->proxy.authority : mr_str_n(NULL, 0),
    };
    int64_t at = mr_call_until(call, 0, "", deadline);

    for (;;) {
        struct mr_pool_origin *place;
        struct mr_pooled *kept;
        int rc = mr_conn_pool_take(&c->pool, &key, fresh || call->r.no_reuse,
                                   &place, &kept, at);

        if (rc)
            return mr_call_fail(call, rc, "%s",
                                rc == -ETIMEDOUT
                                    ? "no connection was free in time"
                                    : mr_strerror(rc));
        if (!kept)
            return connect_new(call, place, deadline);
        call->conn = mr_container_of(kept, struct mr_client_conn, pooled);
        /* The hook may not have run since it became idle: what is here already
         * would be taken for the answer to what has not been sent yet. */
        if (mr_fd_peek(kept->fd) == MR_PEER_QUIET)
            break;
        mr_call_drop_conn(call);
    }
    call->peer = call->conn->peer;
    call->reused = true;
    c->reused++;
    return 0;
}
