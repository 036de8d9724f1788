/* SPDX-License-Identifier: MIT */

/*
 * response.c - the answer: one head, its framing, its body (http/response.h has
 * the invariants).
 *
 *   (new) --[start]--> STARTED --[write ...]--> --[finish]--> ended or broken
 *
 * The head is put together in the gathering buffer in one go. A small body goes
 * right behind it, so that head and body are one write; a large one is written
 * from where it is, with the head before it in the same call.
 *
 * over budget: head, framing and body are one decision; the fields that
 * handlers add are in response_fields.c already.
 */
#include "http/response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "http/compress.h"
#include "http/conn_priv.h"
#include "io/fd.h"
#include "io/file.h"

/* A file up to this size goes through memory with its head in one write; above,
 * sendfile's saved copy outweighs its extra call. */
#define SMALL_FILE (16 * 1024)
/* Of a larger file so much is sent until it is looked at again. */
#define SENDFILE_UNIT ((size_t)32 * MR_WRITE_UNIT)

void mr_response_init(struct mr_response *res, struct mr_exchange *x)
{
    res->x = x;
    res->extra = NULL;
    res->extra_end = &res->extra;
    res->extra_bytes = 0;
    res->extra_n = 0;
    res->status = 0;
    res->started = false;
    res->has = 0;
    res->no_body = false;
    res->chunked = false;
    res->until_close = false;
    res->close = false;
    res->broken = false;
    res->passed_on = false;
    res->left = 0;
    res->above = 0;
    res->body_bytes = 0;
    res->length = 0;
    res->policy = NULL;
    res->coded = NULL;
    res->declared = false;
}

/* --- the head --- */

static char *put(char *at, const char *p, size_t n)
{
    memcpy(at, p, n);
    return at + n;
}

#define PUT(at, text) put(at, text, sizeof(text) - 1)

static char *put_status(char *at, int status)
{
    struct mr_str line = mr_status_line(status);

    if (line.n > 0)
        return put(at, line.p, line.n);
    return at + mr_status_put_line(at, status);
}

/* RFC 9112 9.3, 9.6: what the client must know of the connection's future. */
static bool decide_close(struct mr_response *res)
{
    struct mr_exchange *x = res->x;
    const struct mr_http *http = x->http;

    if (!x->req.head->keep_alive || http->draining || res->broken)
        res->close = true;
    /* Somebody waits for its place. */
    if (mr_quota_is_wanting(http->quota))
        res->close = true;
    /* It waits to be told to go on, and will not be any more: what it sends
     * next may be the body, or another request. */
    if (x->body.expect && x->in_len == 0)
        res->close = true;
    if (x->conn->requests >= (uint64_t)http->options.max_requests)
        res->close = true;
    return res->close;
}

/* RFC 9110 6.4.1, 15.3.6 */
static bool has_no_content(int status)
{
    return status < 200 || status == 204 || status == 205 || status == 304;
}

static void decide_framing(struct mr_response *res, int64_t length)
{
    const struct mr_request_head *head = res->x->req.head;

    if (res->status == 205)
        length = 0; /* its length is 0, and said so (RFC 9110 15.3.6) */
    res->length = length;
    res->left = length > 0 ? (uint64_t)length : 0;
    res->no_body =
        head->method == MR_METHOD_HEAD || has_no_content(res->status);
    if ((length >= 0 && !res->coded) || res->no_body)
        return;
    res->chunked = head->minor >= 1;
    res->until_close = !res->chunked;
    res->close |= res->until_close;
}

/* 204 and 1xx have no length (RFC 9110 8.6). HEAD and 304 say what GET's would
 * be, when it is known. */
static char *put_framing(const struct mr_response *res, char *at)
{
    if (res->chunked)
        return PUT(at, "Transfer-Encoding: chunked\r\n");
    if (res->length < 0 || res->coded || res->status == 204 ||
        res->status < 200 || (res->status == 304 && res->length == 0))
        return at;
    at = PUT(at, "Content-Length: ");
    at += mr_str_put_u64(at, (uint64_t)res->length);
    return PUT(at, "\r\n");
}

/* RFC 9110 7.8: who sends Upgrade lists it in Connection. */
static char *put_connection(const struct mr_response *res, char *at)
{
    bool upgrade = res->has & MR_HAS_UPGRADE;
    const char *life = NULL;

    if (res->close)
        life = "close";
    else if (res->x->req.head->minor == 0)
        life = "keep-alive";
    if (!upgrade && !life)
        return at;
    at = PUT(at, "Connection: ");
    if (upgrade)
        at = PUT(at, "upgrade");
    if (upgrade && life)
        at = PUT(at, ", ");
    if (life)
        at = put(at, life, strlen(life));
    return PUT(at, "\r\n");
}

/* What a head begins with, as it was put together before, so that the type is
 * known to be one. n 0: it was not. */
static struct mr_str find_lines(const struct mr_response *res, int status,
                                struct mr_str type)
{
    const struct mr_http *http = res->x->http;

    if (res->has & (MR_HAS_SERVER | MR_HAS_TYPE) ||
        mr_hub_now() >= http->date_until)
        return (struct mr_str){0};
    return mr_answer_memo_find(&http->answers, http->date_until, status, type);
}

static MR_COLD char *put_lines(struct mr_response *res, char *at,
                               struct mr_str type)
{
    struct mr_http *http = res->x->http;
    struct mr_str common = mr_http_common(http, !(res->has & MR_HAS_SERVER));
    const char *begin = at;

    at = put_status(at, res->status);
    at = put(at, common.p, common.n);
    if (type.n > 0 && !(res->has & MR_HAS_TYPE)) {
        at = PUT(at, "Content-Type: ");
        at = put(at, type.p, type.n);
        at = PUT(at, "\r\n");
    }
    if (!(res->has & (MR_HAS_SERVER | MR_HAS_TYPE)))
        mr_answer_memo_keep(&http->answers, http->date_until, res->status, type,
                            mr_str_n(begin, (size_t)(at - begin)));
    return at;
}

static char *put_head(struct mr_response *res, char *at, struct mr_str type,
                      struct mr_str lines)
{
    at = MR_LIKELY(lines.n > 0) ? put(at, lines.p, lines.n)
                                : put_lines(res, at, type);
    for (const struct mr_extra *e = res->extra; e; e = e->next)
        at = put(at, e->text, e->n);
    at = put_framing(res, at);
    at = put_connection(res, at);
    return PUT(at, "\r\n");
}

/* mr_response_start, with room for so much of a body behind the head. */
MR_HOT static int start(struct mr_response *res, int status, struct mr_str type,
                        int64_t length, size_t body)
{
    struct mr_exchange *x = res->x;
    struct mr_str lines;
    size_t room;
    char *at;
    int err = mr_exchange_turn(x);

    if (err)
        return err;
    if (res->started)
        return -EALREADY;
    lines = find_lines(res, status, type);
    if (MR_UNLIKELY(lines.n == 0) &&
        (status < 200 || status > 999 || !mr_field_value_is_valid(type)))
        return -EINVAL;
    if (status > 205 && !res->passed_on &&
        !mr_response_may_be(res, status, type))
        return -EINVAL;
    if (MR_UNLIKELY(res->policy))
        mr_compress_begin(res, status, type, length);
    room = MR_STATUS_LINE_MAX + 256 + x->http->common_n + type.n +
           res->extra_bytes + body;
    if (mr_buf_reserve(&x->out, room)) {
        mr_compress_drop(res);
        return -ENOMEM;
    }
    res->status = status;
    decide_framing(res, length);
    (void)decide_close(res);
    at = mr_buf_tail(&x->out);
    mr_buf_commit(&x->out, (size_t)(put_head(res, at, type, lines) - at));
    res->started = true;
    return 0;
}

int mr_response_start(struct mr_response *res, int status, const char *type,
                      int64_t length)
{
    return start(res, status, mr_str(type), length, 0);
}

int mr_response_start_n(struct mr_response *res, int status, struct mr_str type,
                        int64_t length)
{
    return start(res, status, type, length, 0);
}

/* --- the body --- */

static int break_off(struct mr_response *res, int err)
{
    res->broken = true;
    res->close = true;
    return err;
}

static int write_chunk(struct mr_response *res, const void *p, size_t n)
{
    struct mr_exchange *x = res->x;
    char head[MR_CHUNK_HEAD_MAX];
    int err = mr_buf_append(&x->out, head, mr_chunk_put_head(head, n));

    if (!err)
        err = mr_exchange_write(x, p, n);
    if (!err)
        err = mr_buf_append(&x->out, MR_CHUNK_END, 2);
    return err;
}

int mr_response_put(struct mr_response *res, const void *p, size_t n)
{
    int err =
        res->chunked ? write_chunk(res, p, n) : mr_exchange_write(res->x, p, n);

    if (!err)
        res->body_bytes += n;
    return err;
}

int mr_response_write(struct mr_response *res, const void *p, size_t n)
{
    bool cut = false;
    int err = mr_exchange_turn(res->x);

    if (err)
        return err;
    if (!res->started)
        return -EINVAL;
    if (res->broken)
        return -EPIPE;
    if (n == 0 || has_no_content(res->status))
        return 0;
    if (res->length >= 0 && n > res->left) {
        res->above += n - res->left;
        n = (size_t)res->left;
        cut = true;
    }
    if (res->length >= 0)
        res->left -= n;
    if (!res->no_body && n > 0) {
        err = MR_UNLIKELY(res->coded) ? mr_compress_write(res, p, n)
                                      : mr_response_put(res, p, n);
        if (err)
            return break_off(res, err);
    }
    return cut ? -EMSGSIZE : 0;
}

int mr_response_flush(struct mr_response *res)
{
    int err = mr_exchange_turn(res->x);

    if (!err && res->coded && !res->broken)
        err = mr_compress_flush(res);
    if (!err)
        err = mr_exchange_flush(res->x);
    return err ? break_off(res, err) : 0;
}

void mr_response_flush_soon(struct mr_response *res)
{
    if (res->started && !res->broken && res->x->out.len > 0)
        mr_hub_before_poll(&res->x->flush);
}

MR_HOT int mr_response_finish(struct mr_response *res)
{
    int err = MR_UNLIKELY(res->coded) ? mr_compress_finish(res) : 0;

    if (res->broken)
        return -EPIPE;
    if (!err && res->left > 0 && !res->no_body)
        err = -ENODATA; /* it announced more than it wrote */
    else if (!err && res->chunked && !res->no_body)
        err = mr_buf_append(&res->x->out, MR_CHUNK_LAST, 5);
    return err ? break_off(res, err) : 0;
}

/* --- whole answers --- */

static inline __attribute__((always_inline)) int
reply(struct mr_response *res, int status, struct mr_str type,
      struct mr_str body, struct mr_compress_memo *memo)
{
    struct mr_buf *out = &res->x->out;
    bool small = body.n <= MR_GATHER_MAX / 2;
    int err;

    if (res->started)
        return -EALREADY;
    if (MR_UNLIKELY(res->policy)) {
        body = mr_compress_whole(res, status, type, body, memo);
        small = false; /* it may be coded on its way */
    }
    /* The answer is all there will be: a long body that nobody reads ends the
     * connection, and the client is told so. */
    if (mr_body_is_long(res->x))
        res->close = true;
    err = start(res, status, type, (int64_t)body.n, small ? body.n : 0);
    if (err && !res->started)
        mr_compress_drop(res);
    if (err || body.n == 0)
        return err;
    if (!small || res->no_body || out->len > MR_GATHER_MAX / 2)
        return mr_response_write(res, body.p, body.n);
    /* There is room for it, right behind its head. */
    (void)put(mr_buf_tail(out), body.p, body.n);
    mr_buf_commit(out, body.n);
    res->left = 0;
    res->body_bytes = body.n;
    return 0;
}

MR_HOT int mr_reply_memo(struct mr_response *res, int status,
                         struct mr_str type, struct mr_str body,
                         struct mr_compress_memo *memo)
{
    return reply(res, status, type, body, memo);
}

MR_HOT int mr_reply(struct mr_response *res, int status, const char *type,
                    struct mr_str body)
{
    return reply(res, status, mr_str(type), body, NULL);
}

/* What the texts of mr_reply_printf and mr_reply_status are. */
#define PLAIN "text/plain; charset=utf-8"
static const struct mr_str plain = {PLAIN, sizeof PLAIN - 1};

int mr_reply_printf(struct mr_response *res, int status, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = mr_arena_vprintf(&res->x->arena, fmt, ap);
    va_end(ap);
    if (!text)
        return -ENOMEM;
    return mr_reply_memo(res, status, plain, mr_str(text), NULL);
}

int mr_reply_plain_status(struct mr_response *res, int status)
{
    char text[MR_STATUS_LINE_MAX];
    int n = snprintf(text, sizeof text, "%d %s\n", status,
                     mr_status_reason(status));

    /* A 304's length would be taken for the 200's (RFC 9110 8.6). */
    if (has_no_content(status))
        return mr_response_start(res, status, NULL, 0);
    return mr_reply_memo(res, status, plain, mr_str_n(text, (size_t)n), NULL);
}

/* --- files --- */

static int reply_small_file(struct mr_response *res, int fd, int64_t off,
                            size_t n)
{
    struct mr_exchange *x = res->x;
    size_t got = 0;

    if (mr_buf_reserve(&x->out, n))
        return -ENOMEM;
    while (got < n) {
        ssize_t rc;

        /* It may park, and nobody shall move the buffer meanwhile. */
        mr_exchange_begin(x);
        rc =
            mr_file_read(fd, mr_buf_tail(&x->out), n - got, off + (int64_t)got);
        mr_exchange_end(x);
        if (rc <= 0)
            return break_off(res, rc < 0 ? (int)rc : -ENODATA);
        mr_buf_commit(&x->out, (size_t)rc);
        got += (size_t)rc;
    }
    res->left -= n;
    res->body_bytes += n;
    return 0;
}

/* Written over since `then`: what was sent and what follows are of two files. A
 * file that only grew, as a log does, has all that was announced. */
static bool was_rewritten(int fd, const struct stat *then)
{
    struct stat now;

    if (!S_ISREG(then->st_mode) || mr_file_stat(fd, &now))
        return false;
    return now.st_size <= then->st_size &&
           (now.st_size < then->st_size ||
            now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != then->st_mtim.tv_nsec);
}

static int send_large_file(struct mr_response *res, int fd, int64_t off,
                           uint64_t n)
{
    struct mr_exchange *x = res->x;
    struct stat then = {0};

    if (n > SENDFILE_UNIT && mr_file_stat(fd, &then))
        then.st_mode = 0; /* sendfile tells */
    while (n > 0) {
        size_t unit = n < SENDFILE_UNIT ? (size_t)n : SENDFILE_UNIT;
        ssize_t rc = mr_exchange_sendfile(x, fd, &off, unit);

        if (rc < 0)
            return break_off(res, (int)rc);
        if ((size_t)rc < unit) /* it was truncated */
            return break_off(res, -ENODATA);
        if (n > unit && was_rewritten(fd, &then))
            return break_off(res, -ENODATA);
        n -= (uint64_t)rc;
        res->left -= (uint64_t)rc;
        res->body_bytes += (uint64_t)rc;
    }
    return 0;
}

static int copy_large_file(struct mr_response *res, int fd, int64_t off,
                           uint64_t n)
{
    struct mr_arena_mark mark = mr_arena_mark(&res->x->arena);
    char *piece = mr_arena_alloc(&res->x->arena, MR_WRITE_UNIT);
    int err = piece ? 0 : break_off(res, -ENOMEM);

    while (n > 0 && !err) {
        size_t want = n < MR_WRITE_UNIT ? (size_t)n : MR_WRITE_UNIT;
        ssize_t rc = mr_file_read(fd, piece, want, off);

        if (rc > 0)
            err = mr_response_write(res, piece, (size_t)rc);
        else
            err = break_off(res, rc < 0 ? (int)rc : -ENODATA);
        off += rc;
        n -= (uint64_t)rc;
    }
    mr_arena_release(&res->x->arena, mark);
    return err;
}

/* n bytes that the answer has room for. */
static int send_file(struct mr_response *res, int fd, int64_t off, uint64_t n)
{
    struct mr_exchange *x = res->x;
    bool small = n <= SMALL_FILE;
    int err = 0;

    if (res->chunked || res->coded ||
        (!small && mr_stream_fd(mr_conn_stream(x->conn)) < 0))
        return copy_large_file(res, fd, off, n);
    if (!small || x->out.len > MR_GATHER_MAX)
        err = mr_exchange_flush_more(x);
    if (err)
        return break_off(res, err);
    return small ? reply_small_file(res, fd, off, (size_t)n)
                 : send_large_file(res, fd, off, n);
}

int mr_response_send_file(struct mr_response *res, int fd, int64_t off,
                          uint64_t n)
{
    uint64_t above;
    int err = 0;

    if (!res->started)
        return -EINVAL;
    if (res->broken)
        return -EPIPE;
    if (has_no_content(res->status))
        return 0;
    above = res->length >= 0 && n > res->left ? n - res->left : 0;
    res->above += above;
    n -= above;
    if (res->no_body)
        res->left -= res->length >= 0 ? n : 0;
    else if (n > 0)
        err = send_file(res, fd, off, n);
    return err == 0 && above > 0 ? -EMSGSIZE : err;
}

int mr_reply_file(struct mr_response *res, int status, const char *type, int fd,
                  int64_t off, uint64_t n)
{
    int err;

    if (n > INT64_MAX)
        return -EINVAL;
    if (!res->started && mr_body_is_long(res->x))
        res->close = true;
    err = mr_response_start(res, status, type, (int64_t)n);
    return err ? err : mr_response_send_file(res, fd, off, n);
}
