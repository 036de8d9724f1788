/* SPDX-License-Identifier: MIT */
/*
 * call.c - a call's parts: begin, answer, close; and what goes wrong.
 *
 * Invariants
 *  (1) conn is the call's from mr_client_connect until mr_call_release or
 *      mr_call_drop_conn; nobody else has it.
 *  (2) An attempt is one connection's. What it left behind is forgotten before
 *      the next (forget_attempt): of a request that is sent again, or
 * elsewhere.
 *
 * Not here: what is sent (client_request.c) and how (call_send.c), the answer's
 * head (call_head.c) and body (call_body.c).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"
#include "http/client_priv.h"
#include "http/proxies.h"

static const struct mr_head_limits limits = MR_ANSWER_LIMITS;

/* --- what went wrong --- */

int mr_call_fail(struct mr_call *call, int err, const char *fmt, ...)
{
    struct mr_str url = call->uri.text.p ? call->uri.text : call->r.url;
    size_t at;
    va_list ap;

    /* A long one is cut: the text behind it says more. */
    at = mr_str_escape(call->why, sizeof call->why / 2, url);
    at += (size_t)snprintf(call->why + at, sizeof call->why - at, ": ");
    va_start(ap, fmt);
    vsnprintf(call->why + at, sizeof call->why - at, fmt, ap);
    va_end(ap);
    call->error = err;
    return err;
}

int64_t mr_call_until(struct mr_call *call, int64_t ns, const char *what,
                      int64_t deadline)
{
    int64_t now = mr_hub_now();

    call->waits_until = ns > 0 && ns < MR_NEVER - now ? now + ns : MR_NEVER;
    call->waits_for = what;
    call->waits_ns = ns;
    if (call->total_at <= call->waits_until) {
        call->waits_until = call->total_at;
        call->waits_for = "not done";
        call->waits_ns = call->client->o.total_timeout;
    }
    return MR_MIN(deadline, call->waits_until);
}

int mr_call_timed_out(struct mr_call *call)
{
    char text[MR_ADDR_TEXT];

    if (mr_now() < call->waits_until)
        return mr_call_fail(call, -ETIMEDOUT, "not done in time");
    return mr_call_fail(call, -ETIMEDOUT, "%s within %.3g s (%s)",
                        call->waits_for, (double)call->waits_ns / 1e9,
                        mr_call_peer_text(call, text));
}

const char *mr_call_peer_text(const struct mr_call *call,
                              char text[MR_ADDR_TEXT])
{
    if (call->peer.len == 0)
        return "no server";
    mr_addr_format(&call->peer, text, MR_ADDR_TEXT);
    return text;
}

int mr_call_io_failed(struct mr_call *call, int err, const char *doing)
{
    const struct mr_tls *tls = call->conn ? call->conn->tls : NULL;
    const char *reason = tls ? mr_tls_why(tls) : "";
    char text[MR_ADDR_TEXT];

    if (err == -ETIMEDOUT)
        return mr_call_timed_out(call);
    if (err == -ECANCELED)
        return mr_call_fail(call, err, "cancelled");
    if (!*reason)
        reason = mr_strerror(err);
    return mr_call_fail(call, err, "%s %s: %s", doing,
                        mr_call_peer_text(call, text), reason);
}

/* --- the connection --- */

void mr_call_drop_conn(struct mr_call *call)
{
    struct mr_client_conn *conn = call->conn;

    call->conn = NULL;
    if (conn)
        mr_conn_pool_close(&call->client->pool, &conn->pooled);
}

void mr_call_release(struct mr_call *call)
{
    struct mr_client_conn *conn = call->conn;

    if (!conn)
        return;
    if (call->state != MR_CALL_DONE || call->writes ||
        !call->parser.head.keep_alive || call->r.no_reuse || call->stopped ||
        call->send_error || call->error || call->n > 0 || call->out.len > 0 ||
        mr_stream_pending(conn->stream)) {
        mr_call_drop_conn(call);
        return;
    }
    call->conn = NULL;
    mr_conn_pool_put(&call->client->pool, &conn->pooled);
}

/* --- an attempt --- */

/* Everything that one attempt knows, as it was. */
static void forget_attempt(struct mr_call *call)
{
    mr_call_drop_conn(call);
    mr_call_decode_close(call);
    mr_buf_reset(&call->out);
    call->at = call->n = 0;
    call->heard = call->ended = call->stopped = call->opened = false;
    call->writes = call->r.duplex;
    call->interim = 0;
    call->send_error = 0;
    call->trailers = NULL;
    call->expects = call->r.expect_continue;
    call->state = MR_CALL_NEW;
    mr_answer_parser_reset(&call->parser);
}

int mr_call_start(struct mr_call *call, bool fresh, int64_t deadline)
{
    const struct mr_uri *proxy;
    int rc;

    forget_attempt(call);
    proxy = mr_proxies_find(call->client->o.proxies, &call->uri);
    call->proxied = proxy;
    if (proxy)
        call->proxy = *proxy;
    rc = mr_call_put_head(call);
    if (rc == 0)
        rc = mr_client_connect(call, fresh, deadline);
    if (rc)
        return rc;
    call->state = MR_CALL_SENDING;
    MR_BUG_ON(call->r.duplex && (!call->r.streams || call->expects));
    if (call->r.streams)
        return 0;
    return mr_call_send_request(call, deadline);
}

/* --- the answer --- */

static const char *cut_text(const struct mr_call *call)
{
    return call->heard ? "the answer's head was cut by"
                       : "no answer: the connection was closed by";
}

/* The first byte is late: but its time begins when the body has been sent. */
static bool is_early(const struct mr_call *call)
{
    return call->r.duplex && mr_hub_now() < call->total_at &&
           ((call->writes && !call->stopped) ||
            mr_hub_now() - call->sent_at < call->r.first_byte_timeout);
}

static int64_t first_byte_left(const struct mr_call *call)
{
    int64_t all = call->r.first_byte_timeout;

    return call->writes ? all : call->sent_at + all - mr_hub_now();
}

/* Receive until the head is whole. 0 or -Exxx, set. May park. */
static int receive_head(struct mr_call *call, int64_t deadline)
{
    int64_t at =
        mr_call_until(call, call->r.first_byte_timeout, "no answer", deadline);
    char text[MR_ADDR_TEXT];

    for (;;) {
        int rc = mr_call_parse(call);
        ssize_t got;

        if (rc <= 0)
            return rc;
        if (rc == 2)
            continue;
        got = mr_call_fill(call, at);
        if (got == -ETIMEDOUT && at < deadline && is_early(call)) {
            at = mr_call_until(call, first_byte_left(call), "no answer",
                               deadline);
            continue;
        }
        if (got < 0)
            return mr_call_io_failed(call, (int)got, "no answer from");
        if (got == 0)
            return mr_call_fail(call, -ENODATA, "%s %s", cut_text(call),
                                mr_call_peer_text(call, text));
    }
}

static bool means_closed(int err)
{
    return err == -ENODATA || err == -ECONNRESET || err == -EPIPE ||
           err == -ECONNABORTED;
}

/* Invariant 5 of client.h. */
static bool may_resend(const struct mr_call *call, int err)
{
    return means_closed(err) && call->reused && !call->heard && !call->resent &&
           !call->r.streams && mr_call_is_idempotent(call);
}

int mr_call_answer(struct mr_call *call, int64_t deadline)
{
    int rc = call->error;

    MR_BUG_ON(call->state == MR_CALL_NEW && !rc);
    if (rc == 0 && call->state < MR_CALL_SENT && !call->writes)
        rc = mr_call_flush(call, deadline);
    if (rc == -EPIPE)
        rc = 0;
    if (rc == 0 && call->state <= MR_CALL_SENT)
        rc = receive_head(call, deadline);
    if (rc && may_resend(call, rc)) {
        call->error = 0;
        call->resent = true;
        call->client->resent++;
        rc = mr_call_start(call, true, deadline);
        if (rc == 0 && call->state <= MR_CALL_SENT)
            rc = receive_head(call, deadline);
    } else if (rc && means_closed(rc) && call->send_error) {
        rc = mr_call_io_failed(call, call->send_error, "cannot send to");
    }
    if (rc || call->state == MR_CALL_DONE || call->opened)
        return rc;
    if (!call->writes)
        call->stopped |= call->state == MR_CALL_SENDING;
    else if (call->parser.head.status >= 400 || !call->parser.head.keep_alive)
        call->stopped = true;
    call->state = MR_CALL_ANSWERED;
    rc = mr_call_take_cookies(call);
    return rc ? rc : mr_call_body_open(call);
}

/* --- from begin to close --- */

static void fill_in(struct mr_client_request *r, const struct mr_client *c)
{
    if (!r->method.p)
        r->method = mr_str("GET");
    if (r->max_redirects == 0)
        r->max_redirects = (int)MR_MIN(c->o.max_redirects, (unsigned)INT16_MAX);
    r->no_decode |= c->o.no_decode;
    if (!r->first_byte_timeout)
        r->first_byte_timeout = c->o.first_byte_timeout;
    if (!r->body_timeout)
        r->body_timeout = c->o.body_timeout;
}

int mr_call_new(struct mr_client *c, const struct mr_client_request *r,
                struct mr_call **ret, char *why)
{
    struct mr_call *call = mr_alloc(sizeof *call);
    char *in = mr_alloc(MR_CALL_BUFFER);

    if (!call || !in) {
        mr_free(call);
        mr_free(in);
        snprintf(why, MR_CLIENT_WHY, "%s", mr_strerror(-ENOMEM));
        return -ENOMEM;
    }
    /* But for fields and why, which are large. */
    memset(call, 0, offsetof(struct mr_call, fields));
    memset(&call->left, 0,
           offsetof(struct mr_call, why) - offsetof(struct mr_call, left));
    call->why[0] = '\0';
    call->client = c;
    call->r = *r;
    call->in = in;
    call->in_cap = MR_CALL_BUFFER;
    call->total_at =
        c->o.total_timeout ? mr_after(c->o.total_timeout) : MR_NEVER;
    fill_in(&call->r, c);
    mr_arena_init(&call->arena, 2048);
    mr_answer_parser_init(&call->parser, &limits, call->fields);
    c->calls++;
    *ret = call;
    return mr_call_check(call);
}

int mr_call_begin(struct mr_client *c, const struct mr_client_request *r,
                  struct mr_call **ret, char *why, int64_t deadline)
{
    struct mr_call *call = NULL;
    int rc = mr_call_new(c, r, &call, why);

    *ret = NULL;
    if (rc == 0)
        rc = mr_call_start(call, false, deadline);
    if (rc) {
        mr_call_hand_why(call, why);
        return rc;
    }
    *ret = call;
    return 0;
}

void mr_call_hand_why(struct mr_call *call, char *why)
{
    if (call)
        memcpy(why, call->why, sizeof call->why);
    mr_call_close(call);
}

void mr_call_close(struct mr_call *call)
{
    if (!call)
        return;
    mr_call_pass_buffered(call);
    mr_call_release(call);
    mr_call_decode_close(call);
    mr_buf_fini(&call->out);
    mr_arena_fini(&call->arena);
    mr_free(call->in);
    call->client->calls--;
    mr_free(call);
}

/* --- what is told --- */

const struct mr_response_head *mr_call_head(const struct mr_call *call)
{
    MR_BUG_ON(call->state < MR_CALL_ANSWERED);
    return &call->parser.head;
}

struct mr_str mr_call_url(const struct mr_call *call)
{
    return call->uri.text;
}

unsigned mr_call_redirects(const struct mr_call *call)
{
    return call->redirects;
}

const struct mr_addr *mr_call_peer(const struct mr_call *call)
{
    return &call->peer;
}

const char *mr_call_why(const struct mr_call *call)
{
    return call->why;
}
