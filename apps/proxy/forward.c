/* SPDX-License-Identifier: MIT */

/*
 * forward.c - one request to a server, and its answer back.
 *
 *      [choose]          [begin: connected]        [a head came]
 *   ---> TRYING ----------> EXCHANGING --------------> ANSWERING
 *          ^                  |   the body goes up meanwhile
 *          '--[failed, and may be tried again]
 *
 *   (1) Once a byte of the request's body was taken from the client, or of an
 *       answer given to it, nothing is tried again.
 *   (2) While a connection is waited for, while a server thinks, and between
 *       the pieces of its answer the client is watched: what nobody waits for
 *       any more is given up there, too, or never gets there.
 *   (3) An answer that breaks off there breaks off here: the client must not
 *       take a part for the whole.
 */
#include <errno.h>
#include <millrace/app.h>
#include <stdio.h>

#include "apps/proxy/forward.h"
#include "core/sync.h"

/* Of an answer's body, at a time; one for each answer on its way. */
#define PIECE ((size_t)32 * 1024)
/* --- both at once --- */

/* 0; -EPIPE: the server wants no more of it. Else *ret_ours says whether it was
 * our client's fault. */
static int send_body(struct forward *f, bool *ret_ours)
{
    struct mr_str piece;
    int rc;

    *ret_ours = false;
    while ((rc = mr_request_next(f->req, &piece)) > 0) {
        f->body_taken = true;
        rc = mr_call_write(f->call, piece.p, piece.n, MR_NEVER);
        if (rc)
            return rc;
    }
    *ret_ours = rc < 0;
    return rc < 0 ? rc : mr_call_end(f->call, MR_NEVER);
}

/* Its connection is at its end: a body that is wrong or late is another thing,
 * with which it may read the answer all the same. */
static bool has_left(int rc)
{
    return rc == -EPIPE || rc == -ENODATA || rc == -ECONNRESET ||
           rc == -ECONNABORTED;
}

/* All that comes from our client: its body, and then its end. */
static intptr_t upwards(void *arg)
{
    struct forward *f = arg;
    bool ours = false;
    int rc = f->r.streams ? send_body(f, &ours) : 0;

    if (rc == 0 && mr_request_wait_gone(f->req, MR_NEVER) == 0) {
        ours = true;
        rc = -EPIPE;
    }
    if (ours && rc != -ECANCELED) {
        f->client_rc = rc;
        mr_event_set(&f->over);
        if (f->answering && has_left(rc))
            mr_call_abort(f->call);
    }
    return 0; /* what the server did wrong is told by its answer */
}

/* Two at once, until one of them says that it is over. */
static int run_both(struct forward *f, intptr_t (*one)(void *f),
                    intptr_t (*other)(void *f))
{
    mr_event_init(&f->over);
    if (!mr_group_spawn(&f->group, one, f) ||
        !mr_group_spawn(&f->group, other, f))
        return -ENOMEM;
    return mr_event_wait(&f->over, MR_NEVER);
}

static intptr_t beginning(void *arg)
{
    struct forward *f = arg;

    f->begin_rc =
        mr_call_begin(f->p->client, &f->r, &f->call, f->why, MR_NEVER);
    f->begun = true;
    mr_event_set(&f->over);
    return 0;
}

/* Most calls have begun before this has its turn. */
static intptr_t leaving(void *arg)
{
    struct forward *f = arg;

    if (!f->begun && mr_request_wait_gone(f->req, MR_NEVER) == 0)
        mr_event_set(&f->over);
    return 0;
}

/* Invariant 2. 0 with a connection to the server; -EPIPE: the client has left
 * before there was one; else as mr_call_begin. */
static int begin(struct forward *f)
{
    int rc;

    f->begun = false;
    f->begin_rc = 0;
    rc = run_both(f, beginning, leaving);
    if (rc == 0 && !f->begun)
        rc = -EPIPE;
    mr_group_close(&f->group); /* the one that is left, or both */
    return rc ? rc : f->begin_rc;
}

static intptr_t downwards(void *arg)
{
    struct forward *f = arg;

    f->answer_rc = mr_call_answer(f->call, MR_NEVER);
    f->answered = true;
    mr_event_set(&f->over);
    return 0;
}

/* Invariant 2. Until a head came: 0, and the body may still be going up; else
 * -Exxx, and nothing runs any more; *ret_ours: it was not the server's fault.
 */
static int exchange(struct forward *f, bool *ret_ours)
{
    int rc;

    f->answered = false;
    f->client_rc = 0;
    rc = run_both(f, downwards, upwards);
    *ret_ours = rc != 0 || !f->answered;
    if (rc == 0)
        rc = f->answered ? f->answer_rc : f->client_rc;
    if (rc)
        mr_group_close(&f->group);
    return rc;
}

/* --- the answer --- */

static int copy_fields(struct forward *f)
{
    const struct mr_headers *h = &mr_call_head(f->call)->headers;
    int rc = 0;

    for (size_t i = 0; i < h->n && rc != -ENOMEM && rc != -ENOBUFS; i++)
        if (is_passed_on(h, h->v[i].name) &&
            !mr_str_is_case(h->v[i].name, "date"))
            /* one that may stand once, twice: the first counts */
            rc = mr_response_header_n(f->res, h->v[i].name, h->v[i].value);
    return rc == -ENOMEM || rc == -ENOBUFS ? rc : 0;
}

static int upgrade(struct forward *f)
{
    struct mr_stream *server = mr_call_stream(f->call), *client;
    struct mr_str protocol =
        mr_headers_get(&mr_call_head(f->call)->headers, "upgrade");
    const char *name = mr_arena_dup(f->arena, protocol);
    int rc = server && name ? copy_fields(f) : -EIO;

    mr_group_close(&f->group); /* who watches the client reads it */
    if (!rc)
        rc = mr_response_upgrade(f->res, name, &client);
    if (!rc)
        tunnel_run(client, server, f->p->tunnel_timeout);
    return rc;
}

/* Invariant 3: an error from here on cuts the connection. */
static int send_answer(struct forward *f)
{
    const struct mr_response_head *head = mr_call_head(f->call);
    int64_t left = head->content_length;
    char *buf;
    ssize_t n;
    int rc;

    if (head->status == 101)
        return upgrade(f);
    rc = copy_fields(f);
    mr_response_pass_on(f->res);
    if (!rc)
        rc =
            mr_response_start(f->res, head->status, NULL, head->content_length);
    if (rc || head->body == MR_ANSWER_EMPTY)
        return rc;
    buf = mr_alloc(PIECE);
    if (!buf)
        return -ENOMEM;
    mr_response_flush_soon(f->res); /* the head, if nothing comes behind it */
    f->answering = true;
    if (has_left(f->client_rc))
        mr_call_abort(f->call); /* it was faster */
    while ((n = mr_call_read(f->call, buf, PIECE, MR_NEVER)) > 0) {
        rc = mr_response_write(f->res, buf, (size_t)n);
        left -= n;
        /* There is no more of it here: what came is not held back until there
         * is, or a stream of small events would never arrive. */
        if (rc == 0 && (size_t)n < PIECE && left != 0)
            rc = mr_response_flush(f->res);
        if (rc)
            break;
    }
    f->answering = false;
    mr_free(buf);
    if (has_left(f->client_rc))
        return rc ? rc : -EPIPE; /* it breaks off, and nobody is there to see */
    if (n < 0)
        mr_log(MR_LOG_WARN, "proxy: %s", mr_call_why(f->call));
    /* not -EPROTO and the like: those would blame the client */
    return n < 0 ? -EIO : rc;
}

/* --- all of it --- */

/* One attempt, up to the answer's head. 0, -Exxx; *ret_ours as above. */
static int attempt(struct forward *f, bool *ret_ours)
{
    int rc = outgoing_target(f);

    *ret_ours = rc != 0;
    if (rc)
        return rc;
    f->r.url = f->u->uri.text;
    rc = begin(f);
    *ret_ours = rc == -ECANCELED || rc == -ENOMEM || rc == -EINVAL ||
                (rc == -EPIPE && f->begin_rc != -EPIPE);
    if (rc)
        return rc;
    rc = exchange(f, ret_ours);
    if (rc && !*ret_ours)
        snprintf(f->why, sizeof f->why, "%s", mr_call_why(f->call));
    return rc;
}

/* Until a server has answered or none is left to try. */
static int try_all(struct forward *f, bool *ret_ours)
{
    uint64_t tried = 0;
    int64_t left = f->p->retries;
    int rc = -EHOSTUNREACH;

    for (;;) {
        struct upstream *u = upstream_choose(f->p, tried);
        bool sent;

        if (!u)
            return rc;
        tried |= UINT64_C(1) << (u - f->p->upstreams);
        f->u = u;
        u->active++;
        rc = attempt(f, ret_ours);
        u->active--;
        if (rc == 0)
            upstream_answered(u);
        if (rc == 0 || *ret_ours)
            return rc;
        upstream_failed(u, f->why);
        sent = f->call != NULL;
        if (left-- == 0 || f->body_taken || (sent && !f->safe))
            return rc;
        mr_call_close(f->call);
        f->call = NULL;
    }
}

static int refuse(struct forward *f, int rc)
{
    mr_log(MR_LOG_WARN, "proxy: %s", f->why);
    return mr_reply_status(f->res, rc == -ETIMEDOUT ? MR_STATUS_GATEWAY_TIMEOUT
                                                    : MR_STATUS_BAD_GATEWAY);
}

/* rc of an answer that has come, but cannot be given on: more fields than ours
 * may have, a protocol that nobody asked for. The client gets none of it. */
static int not_given_on(struct forward *f, int rc)
{
    if (mr_response_is_started(f->res) ||
        (rc != -ENOBUFS && rc != -EPROTONOSUPPORT && rc != -EINVAL))
        return rc;
    mr_log(MR_LOG_WARN, "proxy: %.*s%.*s: its answer cannot be passed on: %s",
           MR_STR(f->u->uri.authority), MR_STR(f->r.target), mr_strerror(rc));
    return -EREMOTEIO;
}

int proxy_handle(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_arena *arena = mr_request_arena(req);
    struct forward *f;
    bool ours = true;
    int rc;

    if (mr_request_method(req) == MR_METHOD_CONNECT)
        return mr_reply_status(res, MR_STATUS_NOT_IMPLEMENTED);
    if (outgoing_loops(req))
        return mr_reply_status(res, MR_STATUS_LOOP_DETECTED);
    f = mr_arena_alloc(arena, sizeof *f);
    if (!f)
        return -ENOMEM;
    memset(f, 0, offsetof(struct forward, fields));
    f->p = self;
    f->req = req;
    f->res = res;
    f->arena = arena;
    mr_group_init(&f->group);
    rc = outgoing_prepare(f);
    if (!rc)
        rc = try_all(f, &ours);
    if (rc == 0) {
        f->u->active++;
        rc = not_given_on(f, send_answer(f));
        f->u->active--;
    } else if (!ours) {
        rc = refuse(f, rc);
    } else if (rc == -EPIPE) {
        mr_response_close_after(res); /* nobody is there */
        rc = mr_reply_status(res, MR_STATUS_BAD_GATEWAY);
    }
    mr_group_close(&f->group);
    mr_call_close(f->call);
    return rc == -E2BIG ? mr_reply_status(res, 431) : rc;
}
