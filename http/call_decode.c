/* SPDX-License-Identifier: MIT */
/*
 * call_decode.c - a body that came coded, because the client had asked for it.
 *
 * What comes is received into a buffer of its own, and decoded from there into
 * the caller's. Who sets Accept-Encoding himself, or asks for a range, gets the
 * bytes as they are.
 */
#include <errno.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/client_priv.h"
#include "http/decoder.h"

/* The value of all Content-Encoding lines; p is NULL: no memory. */
static struct mr_str codings_of(struct mr_call *call)
{
    const struct mr_headers *h = &call->parser.head.headers;
    struct mr_str all = mr_str("");
    ssize_t i = mr_headers_find(h, "content-encoding", 0);

    for (; i >= 0; i = mr_headers_find(h, "content-encoding", (size_t)i + 1)) {
        struct mr_str one = h->v[i].value;

        if (all.n > 0) {
            char *joined = mr_arena_printf(&call->arena, "%.*s, %.*s",
                                           MR_STR(all), MR_STR(one));

            all = mr_str(joined);
            if (!joined)
                return mr_str_n(NULL, 0);
        } else {
            all = one;
        }
    }
    return all;
}

int mr_call_decode_open(struct mr_call *call)
{
    struct mr_decoder_limits limits = {.max_bytes =
                                           call->client->o.max_decoded};
    const struct mr_response_head *head = &call->parser.head;
    struct mr_str codings;
    char shown[80];
    int rc;

    if (!call->asks_coded || head->body == MR_ANSWER_EMPTY ||
        head->body == MR_ANSWER_TUNNEL ||
        head->status == MR_STATUS_PARTIAL_CONTENT)
        return 0;
    codings = codings_of(call);
    if (!codings.p)
        return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    rc = mr_decoder_new(&call->decoder, codings, &limits);
    if (rc == -EOPNOTSUPP && head->status / 100 == 3)
        return 0; /* nobody reads what a redirect says */
    if (rc == -EOPNOTSUPP) {
        (void)mr_str_escape(shown, sizeof shown, codings);
        return mr_call_fail(call, rc, "coded as nobody asked for: %s", shown);
    }
    if (rc == 0 && call->decoder) {
        call->coded = mr_alloc(MR_CALL_BUFFER);
        rc = call->coded ? 0 : -ENOMEM;
    }
    return rc ? mr_call_fail(call, rc, "%s", mr_strerror(rc)) : 0;
}

void mr_call_decode_close(struct mr_call *call)
{
    mr_decoder_free(call->decoder);
    mr_free(call->coded);
    call->decoder = NULL;
    call->coded = NULL;
    call->undecoded = mr_str_n(NULL, 0);
    call->decoded = false;
}

/* More to decode. 0 or -Exxx, set. May park. */
static int refill(struct mr_call *call, int64_t deadline)
{
    ssize_t got =
        mr_call_read_coded(call, call->coded, MR_CALL_BUFFER, deadline);

    if (got < 0)
        return (int)got;
    call->undecoded = mr_str_n(call->coded, (size_t)got);
    return 0;
}

/* Decode on: how many bytes came of it; -Exxx, set. */
static ssize_t decode(struct mr_call *call, char *buf, size_t n)
{
    bool end = call->state == MR_CALL_DONE;
    size_t put = 0;
    int rc = mr_decoder_run(call->decoder, &call->undecoded, end, buf, n, &put);

    if (rc < 0) {
        if (!call->writes) /* else it is the writer's too, until the close */
            mr_call_drop_conn(call);
        return mr_call_fail(call, rc, "%s", mr_decoder_why(call->decoder));
    }
    call->decoded = rc == 0 && end;
    return (ssize_t)put;
}

ssize_t mr_call_read_decoded(struct mr_call *call, char *buf, size_t n,
                             int64_t deadline)
{
    for (;;) {
        ssize_t put;

        if (call->error)
            return call->error;
        if (call->decoded)
            return 0;
        put = decode(call, buf, n);
        if (put != 0 || call->decoded)
            return put;
        if (call->undecoded.n == 0 && call->state != MR_CALL_DONE) {
            int rc = refill(call, deadline);

            if (rc)
                return rc;
        }
    }
}

bool mr_call_is_decoded(const struct mr_call *call)
{
    return call->decoder;
}
