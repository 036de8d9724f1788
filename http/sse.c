/* SPDX-License-Identifier: MIT */

/*
 * sse.c - Server-Sent Events: the format, and waiting for what to send
 * (http/sse.h).
 *
 *  (1) An event is formatted whole before a byte of it is sent, so one that
 *      cannot be sent leaves the stream as it was.
 *  (2) No field is split by what stands in it: data goes line by line, and an
 *      id or a name with a line end is refused.
 */
#include "http/sse.h"

#include <errno.h>
#include <string.h>

#include "core/sync.h"
#include "core/timer.h"
#include "http/conn_priv.h"

/* Gateways cut what is silent for 30 s and more; a handler may wait 60 s. */
#define ALIVE_NS INT64_C(15000000000)

/* --- the format --- */

static bool is_one_line(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\0')
            return false;
    }
    return true;
}

static int put_field(struct mr_buf *b, const char *name, struct mr_str value)
{
    int err = mr_buf_append_z(b, name);

    if (!err && value.n > 0)
        err = mr_buf_append(b, value.p, value.n);
    return err ? err : mr_buf_append(b, "\n", 1);
}

/* Each line of text as a field: CR, LF and CR LF end one. */
static int put_lines(struct mr_buf *b, const char *name, struct mr_str text)
{
    size_t from = 0;
    int err = 0;

    for (size_t i = 0; i <= text.n && !err; i++) {
        bool is_end = i == text.n || text.p[i] == '\n' || text.p[i] == '\r';

        if (!is_end)
            continue;
        err = put_field(b, name, mr_str_n(text.p + from, i - from));
        if (i + 1 < text.n && text.p[i] == '\r' && text.p[i + 1] == '\n')
            i++;
        from = i + 1;
    }
    return err;
}

int mr_sse_format(struct mr_buf *b, const struct mr_sse_event *ev)
{
    int err = 0;

    if (!is_one_line(ev->id) || !is_one_line(ev->name) || ev->retry < 0)
        return -EINVAL;
    if (!mr_str_is_utf8(ev->id) || !mr_str_is_utf8(ev->name) ||
        !mr_str_is_utf8(ev->data))
        return -EILSEQ;
    if (ev->retry >= 1000000)
        err =
            mr_buf_printf(b, "retry: %lld\n", (long long)(ev->retry / 1000000));
    if (!err && ev->id.p)
        err = put_field(b, "id: ", ev->id);
    if (!err && ev->name.n > 0)
        err = put_field(b, "event: ", ev->name);
    if (!err && ev->data.p)
        err = put_lines(b, "data: ", ev->data);
    return err ? err : mr_buf_append(b, "\n", 1);
}

/* --- the stream --- */

static int pass_on(struct mr_sse *s, const struct mr_buf *b)
{
    struct mr_str text = mr_buf_view(b);
    int err = mr_response_write(s->res, text.p, text.n);

    if (!err)
        err = mr_response_flush(s->res);
    s->spoke = mr_hub_now();
    return err;
}

int mr_sse_send(struct mr_sse *s, const struct mr_sse_event *ev)
{
    struct mr_buf b;
    int err;

    mr_buf_init(&b);
    err = mr_sse_format(&b, ev);
    if (!err)
        err = pass_on(s, &b);
    mr_buf_fini(&b);
    return err;
}

int mr_sse_comment(struct mr_sse *s, struct mr_str text)
{
    struct mr_buf b;
    int err = mr_str_is_utf8(text) ? 0 : -EILSEQ;

    mr_buf_init(&b);
    if (!err)
        err = put_lines(&b, ": ", text.p ? text : mr_str(""));
    if (!err)
        err = mr_buf_append(&b, "\n", 1);
    if (!err)
        err = pass_on(s, &b);
    mr_buf_fini(&b);
    return err;
}

/* nginx gathers answers unless told not to; it takes X-Accel-Buffering out. */
int mr_sse_open(struct mr_sse *s, struct mr_request *req,
                struct mr_response *res, int64_t retry)
{
    int err = mr_response_header(res, "Cache-Control", "no-store");

    *s = (struct mr_sse){.req = req, .res = res, .spoke = mr_hub_now()};
    if (!err)
        err = mr_response_header(res, "X-Accel-Buffering", "no");
    if (!err)
        err = mr_response_start(res, 200, "text/event-stream", -1);
    if (!err && mr_request_method(req) == MR_METHOD_HEAD)
        return -EPIPE;
    if (!err && retry > 0)
        return mr_sse_send(s, &(struct mr_sse_event){.retry = retry});
    return err ? err : mr_response_flush(res);
}

struct mr_str mr_sse_last_id(const struct mr_request *req)
{
    return mr_request_header(req, "last-event-id");
}

/* --- waiting --- */

/* The end of the server, or of the client, as a case of select. */
struct ending {
    struct mr_select_source source;
    const struct mr_request *req;
    struct mr_waitq *queue;
};

static struct ending *ending_of(struct mr_select_source *source)
{
    return mr_container_of(source, struct ending, source);
}

static int ending_take(struct mr_select_source *source, void *ret_item)
{
    const struct mr_request *req = ending_of(source)->req;

    (void)ret_item;
    return mr_request_is_gone(req) || mr_event_is_set(mr_request_leaving(req))
               ? 0
               : -EAGAIN;
}

static int ending_begin(struct mr_select_source *source, void *ret_item,
                        struct mr_wait_entry *e)
{
    (void)ret_item;
    e->queue = ending_of(source)->queue;
    return 0;
}

static void ending_end(struct mr_wait_entry *e)
{
    (void)e;
}

int mr_sse_wait(struct mr_sse *s, struct mr_chan *ch, void *ret_item,
                int64_t deadline)
{
    struct ending leaving = {{ending_take, ending_begin, ending_end},
                             s->req,
                             &mr_request_leaving(s->req)->waiters};
    struct ending gone = {
        {ending_take, ending_begin, ending_end}, s->req, &s->req->x->gone};
    struct mr_select_case any[] = {
        {.op = MR_SELECT_SOURCE, .source = &leaving.source},
        {.op = MR_SELECT_SOURCE, .source = &gone.source},
        mr_select_recv(ch, ret_item),
    };

    for (;;) {
        int64_t until = MR_MIN(deadline, s->spoke + ALIVE_NS);
        int rc = mr_select(any, MR_ARRAY_LEN(any), until);

        if (rc >= 0)
            return rc < 2 ? -EPIPE : any[rc].rc;
        if (rc != -ETIMEDOUT || mr_now() < until || mr_now() >= deadline)
            return rc;
        rc = mr_sse_comment(s, mr_str(""));
        if (rc)
            return rc;
    }
}
