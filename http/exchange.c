/* SPDX-License-Identifier: MIT */

/*
 * exchange.c - what a connection at work borrows: buffers, and reading and
 * writing through them.
 *
 * Input: a head at the front, behind it pieces of its body, behind these
 * perhaps the next request (http/body.c). Output: answers are gathered, and
 * written when there are many, when the connection waits, or when the hub is
 * about to.
 *
 *  (1) An exchange has one connection, or is empty: pooled, or between two.
 *  (2) While `writing` is set a coroutine is inside a write: nobody else
 *      touches the gathered bytes. Whoever adds to an answer waits for his turn
 *      first (response.c); who only reads leaves the writing to whom it is.
 */
#include <errno.h>
#include <string.h>

#include "core/sys.h"
#include "http/conn_priv.h"
#include "io/fd.h"

/* Kept for the next connection: more than run at once in most servers, and
 * some 20 KiB each that were touched. Beyond them those stay that were wanted
 * within the last second: handlers that wait come by the hundreds, and making
 * one takes longer than the rest of their requests. */
#define POOL_KEPT 64
#define TRIM_NS INT64_C(1000000000)
/* Freed at a time, which is a tenth of a millisecond; and then more, soon. */
#define TRIM_BATCH ((size_t)64)
#define TRIM_SOON_NS INT64_C(10000000)

/* --- the pool --- */

static void flush_before_poll(struct mr_hub_idle *idle);

static struct mr_exchange *exchange_new(struct mr_http *http)
{
    size_t fields = http->head_limits.max_fields;
    struct mr_exchange *x =
        mr_calloc(1, sizeof *x + fields * sizeof x->fields[0]);

    if (!x)
        return NULL;
    x->http = http;
    x->in_cap = http->head_limits.max_head + MR_BODY_ROOM;
    x->in = mr_alloc(x->in_cap);
    if (!x->in) {
        mr_free(x);
        return NULL;
    }
    mr_buf_init(&x->out);
    mr_arena_init(&x->arena, 4096);
    mr_list_init(&x->node);
    mr_waitq_init(&x->turn);
    mr_waitq_init(&x->gone);
    mr_list_init(&x->flush.node);
    x->flush.fn = flush_before_poll;
    mr_parser_init(&x->parser, &http->head_limits, x->fields);
    mr_parser_remember(&x->parser, &http->verdicts);
    return x;
}

void mr_exchange_free(struct mr_exchange *x)
{
    if (!x)
        return;
    mr_arena_fini(&x->arena);
    mr_buf_fini(&x->out);
    mr_free(x->in);
    mr_free(x);
}

static void drop_coldest(struct mr_http *http)
{
    struct mr_list *last = http->pool.prev;

    mr_list_remove(last);
    http->pool_n--;
    mr_exchange_free(mr_container_of(last, struct mr_exchange, node));
}

/* Without memory for the timer there is none to keep so many either. */
static void trim_in(struct mr_http *http, int64_t ns)
{
    if (mr_timer_start(&http->pool_timer, mr_hub_now() + ns))
        drop_coldest(http);
}

/* `pool_low` of them were not wanted at any time since the last trim. */
static void on_trim(struct mr_timer *t)
{
    struct mr_http *http = mr_container_of(t, struct mr_http, pool_timer);
    size_t n = 0;

    while (n < MR_MIN(http->pool_low, TRIM_BATCH) && http->pool_n > POOL_KEPT) {
        drop_coldest(http);
        n++;
    }
    http->pool_low = n == TRIM_BATCH ? http->pool_low - n : http->pool_n;
    if (http->pool_n > POOL_KEPT)
        trim_in(http, n == TRIM_BATCH ? TRIM_SOON_NS : TRIM_NS);
}

void mr_exchange_pool_init(struct mr_http *http)
{
    mr_list_init(&http->pool);
    mr_timer_init(&http->pool_timer, on_trim);
}

void mr_exchange_pool_fini(struct mr_http *http)
{
    mr_timer_stop(&http->pool_timer);
    while (http->pool_n > 0)
        drop_coldest(http);
}

struct mr_exchange *mr_exchange_take(struct mr_http *http)
{
    if (http->pool_n == 0) {
        http->pool_low = 0;
        return exchange_new(http);
    }
    if (--http->pool_n < http->pool_low)
        http->pool_low = http->pool_n;
    return mr_container_of(mr_list_pop_front(&http->pool), struct mr_exchange,
                           node);
}

void mr_exchange_give(struct mr_exchange *x)
{
    struct mr_http *http = x->http;

    MR_BUG_ON(x->conn);
    mr_list_push_front(&http->pool, &x->node);
    http->pool_n++;
    if (MR_UNLIKELY(http->pool_n > POOL_KEPT) &&
        !mr_timer_is_started(&http->pool_timer)) {
        http->pool_low = http->pool_n;
        trim_in(http, TRIM_NS);
    }
}

void mr_exchange_bind(struct mr_exchange *x, struct mr_conn *c)
{
    x->conn = c;
    x->write_error = 0;
    x->write_patience = x->http->options.write_timeout;
    x->patience = NULL;
    c->x = x;
}

void mr_exchange_unbind(struct mr_exchange *x)
{
    x->conn->x = NULL;
    x->conn = NULL;
    x->in_pos = 0;
    x->in_len = 0;
    mr_parser_reset(&x->parser);
    mr_hub_idle_remove(&x->flush);
    mr_buf_reset(&x->out);
    /* One large answer shall not stay in the pool's memory. */
    if (MR_UNLIKELY(x->out.cap > 4 * MR_GATHER_MAX))
        mr_buf_fini(&x->out);
}

/* --- reading and writing --- */

MR_HOT ssize_t mr_exchange_fill(struct mr_exchange *x, size_t limit,
                                int64_t deadline)
{
    size_t end = x->in_pos + x->in_len;
    ssize_t n;

    MR_BUG_ON(x->in_len >= limit || end >= x->in_cap);
    limit = MR_MIN(limit - x->in_len, x->in_cap - end);
    if (x->out.len > 0 && !x->writing) {
        int err = mr_exchange_flush(x);

        if (err)
            return err;
    }
    mr_client_wait_begin(x);
    n = mr_stream_read(mr_conn_stream(x->conn), x->in + end, limit, deadline);
    mr_client_wait_end(x);
    if (n > 0) {
        x->in_len += (size_t)n;
        x->read_turn = mr_hub_turn();
        mr_conn_watch_later(x->conn);
        mr_scoreboard_add(&x->http->row->bytes_in, n);
    }
    return n;
}

MR_HOT ssize_t mr_exchange_try_first(struct mr_exchange *x)
{
    struct mr_stream_fd *io = &x->conn->io;
    size_t limit = x->http->head_limits.max_head + 1;
    ssize_t n = mr_sys_recv(io->stream.fd, x->in, limit, MSG_DONTWAIT);

    io->drained = n == -EAGAIN || (n > 0 && (size_t)n < limit);
    if (n > 0) {
        x->in_len = (size_t)n;
        x->read_turn = mr_hub_turn();
        mr_conn_watch_later(x->conn);
        mr_scoreboard_add(&x->http->row->bytes_in, n);
    }
    return n;
}

void mr_client_wait_begin(struct mr_exchange *x)
{
    if (x->patience)
        mr_scope_move(x->patience, MR_NEVER);
}

void mr_client_wait_end(struct mr_exchange *x)
{
    if (x->patience)
        mr_scope_move(x->patience,
                      mr_hub_now() + x->target->options.handler_timeout);
}

int mr_exchange_wait_turn(struct mr_exchange *x)
{
    intptr_t rc = 0;

    while (x->writing && rc == 0)
        rc = mr_wait(&x->turn, MR_NEVER, "another's write");
    return (int)rc;
}

void mr_exchange_begin(struct mr_exchange *x)
{
    MR_BUG_ON(x->writing);
    x->writing = true;
}

void mr_exchange_end(struct mr_exchange *x)
{
    x->writing = false;
    if (MR_UNLIKELY(!mr_waitq_is_empty(&x->turn)))
        (void)mr_waitq_wake_all(&x->turn, 0);
}

static size_t bytes_of(const struct iovec *v, int n)
{
    size_t bytes = 0;

    for (int i = 0; i < n; i++)
        bytes += v[i].iov_len;
    return bytes;
}

/* Of v's bytes those from `at` on, n at most, to `to`. How many pieces. */
static int slice(struct iovec to[2], const struct iovec *v, size_t at, size_t n)
{
    int pieces = 0;

    for (; n > 0; v++) {
        size_t skip = MR_MIN(at, v->iov_len);
        size_t len = MR_MIN(v->iov_len - skip, n);

        at -= skip;
        n -= len;
        if (len > 0)
            to[pieces++] = (struct iovec){(char *)v->iov_base + skip, len};
    }
    return pieces;
}

/* A write with TLS cannot be tried again: so each unit has the patience there
 * is, and brings new. At most two pieces. */
static int write_paced_tls(struct mr_exchange *x, const struct iovec *v, int n)
{
    int64_t timeout = x->http->options.write_timeout;
    size_t all = bytes_of(v, n);
    int err = 0;

    for (size_t at = 0; at < all && err == 0; at += MR_WRITE_UNIT) {
        size_t unit = MR_MIN(all - at, (size_t)MR_WRITE_UNIT);
        int64_t begin = mr_hub_now();
        struct iovec some[2];

        err = mr_stream_writev(mr_tls_stream(x->conn->tls), some,
                               slice(some, v, at, unit),
                               begin + x->write_patience);
        mr_pace(&x->write_patience, timeout, MR_WRITE_UNIT, unit,
                mr_hub_now() - begin);
    }
    return err;
}

/* How long the client may be waited for is the whole answer's, however many
 * pieces it is written in. */
static int write_paced(struct mr_exchange *x, struct iovec *v, int n, int flags)
{
    int64_t timeout = x->http->options.write_timeout, begin;
    size_t left = bytes_of(v, n), before;
    int err;

    if (MR_UNLIKELY(x->conn->tls))
        return write_paced_tls(x, v, n);
    do {
        before = left;
        begin = mr_hub_now();
        err = mr_sendv(x->conn->io.stream.fd, v, n, flags,
                       begin + x->write_patience);
        left = bytes_of(v, n);
        mr_pace(&x->write_patience, timeout, MR_WRITE_UNIT, before - left,
                mr_hub_now() - begin);
    } while (err == -ETIMEDOUT && left < before && x->write_patience > 0);
    return err;
}

static int write_all(struct mr_exchange *x, struct iovec *v, int n, int flags)
{
    size_t bytes = bytes_of(v, n);
    int err;

    if (x->write_error)
        return x->write_error;
    mr_hub_idle_remove(&x->flush);
    mr_exchange_begin(x);
    mr_client_wait_begin(x);
    err = write_paced(x, v, n, flags);
    mr_client_wait_end(x);
    mr_exchange_end(x);
    x->write_error = err;
    if (!err)
        mr_scoreboard_add(&x->http->row->bytes_out, (int64_t)bytes);
    return err;
}

ssize_t mr_exchange_sendfile(struct mr_exchange *x, int fd, int64_t *off,
                             size_t n)
{
    int out = mr_stream_fd(mr_conn_stream(x->conn));
    int64_t timeout = x->http->options.write_timeout;
    int64_t first = *off, before, begin;
    ssize_t rc;

    mr_exchange_begin(x);
    mr_client_wait_begin(x);
    do {
        before = *off;
        begin = mr_hub_now();
        rc = mr_sendfile(out, fd, off, n - (size_t)(before - first),
                         begin + x->write_patience);
        mr_pace(&x->write_patience, timeout, MR_WRITE_UNIT,
                (size_t)(*off - before), mr_hub_now() - begin);
    } while (rc == -ETIMEDOUT && *off > before && x->write_patience > 0);
    mr_client_wait_end(x);
    mr_exchange_end(x);
    mr_scoreboard_add(&x->http->row->bytes_out, *off - first);
    return rc < 0 ? rc : *off - first;
}

/* What a socket takes at once: all of it, nearly always, and without a look at
 * the clock. An error that is no -EAGAIN is write_error. */
MR_HOT static void write_at_once(struct mr_exchange *x, int flags)
{
    ssize_t n;

    if (x->write_error)
        return;
    mr_hub_idle_remove(&x->flush);
    mr_exchange_begin(x);
    mr_client_wait_begin(x);
    n = MR_LIKELY(!x->conn->tls)
            ? mr_send_some(x->conn->io.stream.fd, mr_buf_head(&x->out),
                           x->out.len, flags)
            : mr_tls_send_some(x->conn->tls, mr_buf_head(&x->out), x->out.len,
                               flags & MSG_MORE);
    mr_client_wait_end(x);
    mr_exchange_end(x);
    if (n < 0 && n != -EAGAIN)
        x->write_error = (int)n;
    if (n <= 0)
        return;
    mr_buf_consume(&x->out, (size_t)n);
    mr_scoreboard_add(&x->http->row->bytes_out, n);
    mr_pace(&x->write_patience, x->http->options.write_timeout, MR_WRITE_UNIT,
            (size_t)n, 0);
}

static MR_COLD int write_rest(struct mr_exchange *x, int flags)
{
    struct iovec v;
    int err;

    v = (struct iovec){.iov_base = (void *)(uintptr_t)mr_buf_head(&x->out),
                       .iov_len = x->out.len};
    err = write_all(x, &v, 1, flags);
    mr_buf_reset(&x->out);
    return err;
}

static inline int flush(struct mr_exchange *x, int flags)
{
    if (x->out.len > 0)
        write_at_once(x, flags);
    return MR_LIKELY(x->out.len == 0) ? 0 : write_rest(x, flags);
}

MR_HOT int mr_exchange_flush(struct mr_exchange *x)
{
    return flush(x, 0);
}

int mr_exchange_flush_more(struct mr_exchange *x)
{
    return flush(x, MSG_MORE);
}

MR_HOT int mr_exchange_write(struct mr_exchange *x, const void *p, size_t n)
{
    const char *at = p;

    if (x->out.len + n <= MR_GATHER_MAX)
        return mr_buf_append(&x->out, p, n);
    while (n > 0) {
        size_t unit = MR_MIN(n, (size_t)16 * MR_WRITE_UNIT);
        struct iovec v[2] = {
            {(void *)(uintptr_t)mr_buf_head(&x->out), x->out.len},
            {(void *)(uintptr_t)at, unit},
        };
        int err = write_all(x, v, 2, 0);

        mr_buf_reset(&x->out);
        if (err)
            return err;
        at += unit;
        n -= unit;
    }
    return 0;
}

/* On the hub's stack, before it waits: answers that are ready go out, although
 * the handler of a request behind them is waiting for something. */
static void flush_before_poll(struct mr_hub_idle *idle)
{
    struct mr_exchange *x = mr_container_of(idle, struct mr_exchange, flush);
    ssize_t n;

    if (x->writing || x->write_error || x->out.len == 0)
        return;
    n = mr_conn_send_now(x->conn, mr_buf_head(&x->out), x->out.len);
    if (n > 0) {
        mr_buf_consume(&x->out, (size_t)n);
        mr_scoreboard_add(&x->http->row->bytes_out, n);
    }
    /* An error comes back when the coroutine writes. */
}
