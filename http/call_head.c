/* SPDX-License-Identifier: MIT */
/*
 * call_head.c - bytes to the answer's head.
 *
 * Heads are parsed where they were received, in the call's buffer: at, and n
 * bytes behind it, are what has not been used up. While a head is not whole it
 * may be moved, and the parser begins again; the final one stays in its place,
 * as the call's user has views of it.
 */
#include <errno.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/client_priv.h"

/* 103 and 102 come a few times; more are a way to keep a client for ever. */
#define INTERIM_MAX 16

/* Room behind what is there. 0 or -ENOMEM. A head is refused before it would
 * need more than twice its limit. */
static int make_room(struct mr_call *call)
{
    size_t cap = call->in_cap;
    char *in = call->in;

    if (call->at + call->n < cap)
        return 0;
    if (call->at == 0) {
        cap *= 2;
        in = mr_alloc(cap);
        if (!in)
            return -ENOMEM;
    }
    memmove(in, call->in + call->at, call->n);
    if (in != call->in)
        mr_free(call->in);
    call->in = in;
    call->in_cap = cap;
    call->at = 0;
    mr_answer_parser_reset(&call->parser);
    return 0;
}

ssize_t mr_call_fill(struct mr_call *call, int64_t deadline)
{
    size_t end;
    ssize_t got;
    int rc;

    if (call->ended)
        return 0;
    rc = make_room(call);
    if (rc)
        return rc;
    end = call->at + call->n;
    got = mr_stream_read(call->conn->stream, call->in + end, call->in_cap - end,
                         deadline);
    if (got > 0) {
        call->n += (size_t)got;
        call->heard = true;
    }
    call->ended = got == 0;
    return got;
}

/* A head that is not the last. 1, 2 or -Exxx, as mr_call_parse. */
static int take_interim(struct mr_call *call)
{
    bool go_on = call->parser.head.status == MR_STATUS_CONTINUE;
    char text[MR_ADDR_TEXT];

    if (++call->interim > INTERIM_MAX)
        return mr_call_fail(call, -EBADMSG, "no end of interim answers from %s",
                            mr_call_peer_text(call, text));
    mr_answer_parser_reset(&call->parser);
    return go_on ? 2 : 1;
}

int mr_call_parse(struct mr_call *call)
{
    struct mr_answer_parser *p = &call->parser;
    char text[MR_ADDR_TEXT];

    while (call->n > 0) {
        int rc;

        switch (
            mr_parse_answer(p, call->method, call->in + call->at, call->n)) {
        case MR_PARSE_MORE:
            return 1;
        case MR_PARSE_BAD:
            return mr_call_fail(call, -EBADMSG, "malformed answer from %s: %s",
                                mr_call_peer_text(call, text), p->reason);
        case MR_PARSE_DONE:
            break;
        }
        call->at += p->size;
        call->n -= p->size;
        if (p->head.status >= 200)
            return 0;
        if (p->head.status == MR_STATUS_SWITCHING_PROTOCOLS) {
            if (call->r.upgrade.n > 0)
                return 0;
            return mr_call_fail(call, -EBADMSG,
                                "%s switched protocols without being asked",
                                mr_call_peer_text(call, text));
        }
        rc = take_interim(call);
        if (rc != 1)
            return rc;
    }
    return 1;
}
