/* SPDX-License-Identifier: MIT */
/*
 * body.c - bytes of the file, plain or coded, in whatever framing, and what
 * goes wrong among them.
 *
 * Invariants
 *  (1) A byte of the file depends on its offset and the seed alone.
 *  (2) `at` counts bytes of the body as sent (coded ones where it is coded),
 *      without chunk lines.
 *  (3) A piece that is sent lies on one side of `at`.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "core/timer.h"
#include "http/coding.h"
#include "io/socket.h"
#include "tests/bad/bad_priv.h"

/* Half of the connection's buffer has what is coded, half what comes out. */
#define HALF (BAD_BUF / 2)

struct source {
    struct bad_conn *c;
    uint64_t at, end; /* in the file */
    struct mr_coder_pool pool;
    struct mr_coder *coder; /* NULL: plain */
    struct mr_str in;       /* not coded yet */
    bool over;
};

/* Steele, Lea and Flood's SplitMix64: each number is mixed by itself. */
static uint64_t word(uint64_t i, uint64_t seed)
{
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15 + seed * 0xd1b54a32d192ed03;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void bad_fill(char *buf, size_t n, uint64_t off, uint64_t seed)
{
    while (n > 0) {
        uint64_t w = word(off / 8, seed) >> off % 8 * 8;
        size_t some = 8 - off % 8;

        if (some > n)
            some = n;
        for (size_t i = 0; i < some; i++)
            buf[i] = (char)(w >> i * 8);
        buf += some;
        off += some;
        n -= some;
    }
}

void bad_bytes(const struct bad_plan *p, char *buf, size_t n, uint64_t off,
               uint64_t seed)
{
    switch ((enum bad_fill)p->fill) {
    case BAD_RANDOM:
        bad_fill(buf, n, off, seed);
        return;
    case BAD_ZERO:
        memset(buf, 0, n);
        return;
    case BAD_TEXT:
        for (size_t i = 0; i < n; i++, off++)
            buf[i] = off % 64 == 63 ? '\n' : (char)('a' + off / 64 % 26);
        return;
    }
}

static int source_open(struct source *src, struct bad_conn *c, uint64_t from,
                       uint64_t n)
{
    static const enum mr_coding codings[] = {
        [BAD_GZIP] = MR_CODING_GZIP,
        [BAD_BR] = MR_CODING_BR,
        [BAD_ZSTD] = MR_CODING_ZSTD,
    };

    *src = (struct source){.c = c, .at = from, .end = from + n};
    if (c->plan.coding == BAD_PLAIN)
        return 0;
    return mr_coder_take(&src->pool, codings[c->plan.coding], 1, (int64_t)n,
                         &src->coder);
}

static void source_close(struct source *src)
{
    mr_coder_give(src->coder);
    mr_coder_pool_fini(&src->pool);
}

/* Up to `most` bytes into the connection's buffer: how many, 0 at the end. */
static size_t source_next(struct source *src, size_t most, uint64_t seed)
{
    struct bad_conn *c = src->c;
    size_t n = 0;

    if (!src->coder) {
        n = src->end - src->at < most ? (size_t)(src->end - src->at) : most;
        bad_bytes(&c->plan, c->buf, n, src->at, seed);
        src->at += n;
        return n;
    }
    /* A coder wants some room; what is too much for `most` is never much. */
    if (most < MR_CODER_ROOM)
        most = MR_CODER_ROOM;
    while (n == 0 && !src->over) {
        int rc;

        if (src->in.n == 0 && src->at < src->end) {
            size_t some =
                src->end - src->at < HALF ? (size_t)(src->end - src->at) : HALF;

            bad_bytes(&c->plan, c->buf + HALF, some, src->at, seed);
            src->in = mr_str_n(c->buf + HALF, some);
            src->at += some;
        }
        rc = mr_coder_run(src->coder,
                          src->at == src->end ? MR_CODER_END : MR_CODER_GO,
                          &src->in, c->buf, most, &n);
        src->over = rc < 0 || (rc == 0 && src->at == src->end);
    }
    return n;
}

uint64_t bad_coded_length(struct bad_conn *c, uint64_t from, uint64_t n)
{
    struct source src;
    uint64_t sum = 0;
    size_t some;

    if (source_open(&src, c, from, n) == 0)
        while ((some = source_next(&src, HALF, c->plan.seed)) > 0)
            sum += some;
    source_close(&src);
    return sum;
}

int bad_end(struct bad_conn *c, unsigned act)
{
    if (act == BAD_STALL)
        while (mr_stream_read(c->s, c->buf, BAD_BUF, MR_NEVER) > 0)
            continue;
    if (act == BAD_RESET)
        (void)!mr_socket_set_reset(c->fd); /* it may be gone already */
    if (act == BAD_CUT)
        mr_sys_shutdown(c->fd, SHUT_WR); /* TLS would say goodbye */
    return -1;
}

/* The line before a chunk of n bytes. */
static int chunk_line(struct bad_conn *c, size_t n, bool flawed)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%zx\r\n", n);

    switch (flawed ? c->plan.chunks : BAD_GOOD_CHUNKS) {
    case BAD_GARBAGE:
        len = snprintf(line, sizeof line, "xyz\r\n");
        break;
    case BAD_HUGE:
        len = snprintf(line, sizeof line, "fffffffffffffffff%zx\r\n", n);
        break;
    case BAD_NEGATIVE:
        len = snprintf(line, sizeof line, "-%zx\r\n", n);
        break;
    case BAD_UNENDED:
        len = snprintf(line, sizeof line, "%zx\r\n", n + 16);
        break;
    case BAD_BARE:
        len = snprintf(line, sizeof line, "%zx\n", n);
        break;
    case BAD_EXTENSION:
        len = snprintf(line, sizeof line, "%zx;a=\"b\"\r\n", n);
        break;
    }
    return bad_send(c, line, (size_t)len);
}

static bool is_chunked(const struct bad_plan *p)
{
    return p->frame == BAD_CHUNKED || p->frame == BAD_BOTH;
}

/* n bytes of the buffer, of which `sent` came before. */
static int send_piece(struct bad_conn *c, uint64_t sent, size_t n)
{
    const struct bad_plan *p = &c->plan;
    bool chunked = is_chunked(p);
    bool flawed = p->at >= sent && p->at < sent + n;
    int rc = 0;

    if (chunked)
        rc = chunk_line(c, n, flawed);
    if (!rc)
        rc = bad_send(c, c->buf, n);
    if (!rc && chunked && flawed && p->chunks == BAD_UNENDED)
        return bad_end(c, BAD_CUT);
    if (!rc && chunked)
        rc = bad_send(c, "\r\n", 2);
    if (!rc && p->every > 0)
        rc = mr_sleep(mr_after(p->every));
    c->path->bytes += n;
    c->bad->stat.bytes += n;
    return rc;
}

/* The last chunk and what follows it. */
static int send_last(struct bad_conn *c)
{
    const struct bad_plan *p = &c->plan;
    bool flawed = p->at == UINT64_MAX && p->chunks != BAD_GOOD_CHUNKS;
    int rc;

    if (flawed && p->chunks == BAD_UNENDED)
        return bad_end(c, BAD_CUT);
    rc = chunk_line(c, 0, flawed);
    if (!rc && flawed && p->chunks == BAD_TRAILER)
        rc = bad_send(c, "no field\r\n", 10);
    for (unsigned i = 0; !rc && i < p->trailer.n; i++) {
        rc = bad_send(c, p->trailer.v[i].p, p->trailer.v[i].n);
        if (!rc)
            rc = bad_send(c, "\r\n", 2);
    }
    return rc ? rc : bad_send(c, "\r\n", 2);
}

/* The longest piece that may follow `sent` bytes. */
static size_t piece_max(const struct bad_plan *p, uint64_t sent)
{
    uint64_t most = p->piece > 0 ? p->piece : HALF;

    if (is_chunked(p) && most > p->chunk)
        most = p->chunk;
    if (most > HALF)
        most = HALF;
    /* A flawed chunk has the byte at `at` in it. */
    if (p->chunks == BAD_GOOD_CHUNKS && p->at > sent && p->at - sent < most)
        most = p->at - sent;
    return (size_t)most;
}

static int send_extra(struct bad_conn *c)
{
    uint64_t left = c->plan.extra;
    int rc = 0;

    memset(c->buf, '!', BAD_BUF);
    while (!rc && left > 0) {
        size_t n = left < BAD_BUF ? (size_t)left : BAD_BUF;

        rc = bad_send(c, c->buf, n);
        left -= n;
    }
    return rc;
}

int bad_body(struct bad_conn *c, uint64_t from, uint64_t n)
{
    const struct bad_plan *p = &c->plan;
    bool ends = p->act != BAD_ALL && p->act != BAD_WRONG;
    uint64_t sent = 0;
    struct source src;
    size_t some;
    int rc = source_open(&src, c, from, n);

    while (!rc && !(ends && sent >= p->at)) {
        bool wrong = p->act == BAD_WRONG && sent >= p->at;

        some = source_next(&src, piece_max(p, sent), p->seed + wrong);
        if (some == 0)
            break;
        if (wrong && p->coding)
            c->buf[0] ^= 0x55;
        rc = send_piece(c, sent, some);
        sent += some;
    }
    source_close(&src);
    if (!rc && ends && sent >= p->at)
        return bad_end(c, p->act);
    if (!rc && is_chunked(p))
        rc = send_last(c);
    return rc ? rc : send_extra(c);
}
