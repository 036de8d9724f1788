/* SPDX-License-Identifier: MIT */
/*
 * head_memo.c - heads of requests that came before, and what they said.
 *
 * Looked at are two places: the one that was found last, and the one that the
 * sign says, which is made of how many bytes are there and a few of them. A
 * wrong sign costs a copy at most; what counts is the comparison.
 *
 * Views are kept as distances, and made anew over the bytes that came. Targets
 * of other forms than a path are not kept: parts of theirs lie elsewhere.
 */
#include "http/head_memo.h"

#include <string.h>

/* As much of the front as each head has ("GET / HTTP/1.1" and two CRLF). */
#define FRONT 16

static uint64_t load8(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t sign_of(const char *buf, size_t len)
{
    const uint64_t phi = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by phi */
    uint64_t hash = (load8(buf) ^ len) * phi;

    hash = (hash ^ hash >> 32 ^ load8(buf + 8)) * phi;
    hash = (hash ^ hash >> 32 ^ load8(buf + len / 2)) * phi;
    hash = (hash ^ hash >> 32 ^ load8(buf + len - 8)) * phi;
    return hash ^ hash >> 32;
}

/* n >= FRONT bytes, invariant 1. */
static bool is_same(const char *p, const char *q, size_t n)
{
    typedef uint64_t two __attribute__((vector_size(16)));
    two a, b, differ = {0};

    for (size_t at = 0; at + 16 < n; at += 16) {
        memcpy(&a, p + at, 16);
        memcpy(&b, q + at, 16);
        differ |= a ^ b;
    }
    memcpy(&a, p + n - 16, 16);
    memcpy(&b, q + n - 16, 16);
    differ |= a ^ b;
    return (differ[0] | differ[1]) == 0;
}

/* The method and the beginning of the target are no secret. */
static bool is_of(const struct mr_memo_head *e, const char *buf, size_t len)
{
    return e->n > 0 && e->n <= len && load8(buf + 4) == load8(e->bytes + 4) &&
           is_same(buf, e->bytes, e->n);
}

static struct mr_str over(const char *buf, struct mr_memo_view v)
{
    return v.at + v.n > 0 ? mr_str_n(buf + v.at, v.n) : mr_str_n(NULL, 0);
}

static void restore(const struct mr_memo_head *e, const char *buf,
                    struct mr_request_head *head)
{
    const struct mr_request_head *was = &e->head;

    head->method = was->method;
    head->form = was->form;
    head->framing = was->framing;
    head->minor = was->minor;
    head->keep_alive = was->keep_alive;
    head->expect_continue = was->expect_continue;
    head->https = was->https;
    head->upgrade = was->upgrade;
    head->plain = was->plain;
    head->content_length = was->content_length;
    head->method_text = over(buf, e->method_text);
    head->target = over(buf, e->target);
    head->path = over(buf, e->path);
    head->query = over(buf, e->query);
    head->host = over(buf, e->host);
    head->headers.n = was->headers.n;
    for (uint32_t i = 0; i < was->headers.n; i++) {
        struct mr_field *f = &head->headers.v[i];

        /* None is missing. */
        f->name = mr_str_n(buf + e->field[i][0].at, e->field[i][0].n);
        f->value = mr_str_n(buf + e->field[i][1].at, e->field[i][1].n);
    }
    memcpy(head->known, was->known, sizeof head->known);
}

MR_HOT size_t mr_head_memo_find(struct mr_head_memo *m, const char *buf,
                                size_t len, struct mr_request_head *head,
                                struct mr_memo_held *held)
{
    struct mr_memo_head *e = m->last;

    if (len < FRONT)
        return 0;
    if (!e || !is_of(e, buf, len)) {
        m->sign = sign_of(buf, len);
        e = &m->v[m->sign % MR_MEMO_HEADS];
        if (!is_of(e, buf, len))
            return 0;
        m->last = e;
    }
    if (held->edition != e->edition || held->buf != buf) {
        restore(e, buf, head);
        *held = (struct mr_memo_held){e->edition, buf, e};
    }
    return e->n;
}

static struct mr_memo_view view_of(const char *buf, struct mr_str s)
{
    if (!s.p)
        return (struct mr_memo_view){0};
    return (struct mr_memo_view){(uint16_t)(s.p - buf), (uint16_t)s.n};
}

void mr_head_memo_note(struct mr_head_memo *m, const char *buf, size_t n,
                       const struct mr_request_head *head)
{
    struct mr_memo_head *e = &m->v[m->sign % MR_MEMO_HEADS];
    uint32_t sign = (uint32_t)(m->sign >> 32) | 1;

    if (e->sign != sign) { /* invariant 2 */
        e->sign = sign;
        return;
    }
    e->sign = 0;
    if (n < FRONT || n > MR_MEMO_BYTES || head->headers.n > MR_MEMO_FIELDS ||
        head->form != MR_TARGET_ORIGIN)
        return;
    e->n = (uint16_t)n;
    e->edition = ++m->editions;
    e->found = NULL;
    memcpy(e->bytes, buf, n);
    e->head = *head;
    e->method_text = view_of(buf, head->method_text);
    e->target = view_of(buf, head->target);
    e->path = view_of(buf, head->path);
    e->query = view_of(buf, head->query);
    e->host = view_of(buf, head->host);
    for (uint32_t i = 0; i < head->headers.n; i++) {
        e->field[i][0] = view_of(buf, head->headers.v[i].name);
        e->field[i][1] = view_of(buf, head->headers.v[i].value);
    }
}

void mr_head_memo_forget_found(struct mr_head_memo *m)
{
    for (size_t i = 0; i < MR_MEMO_HEADS; i++)
        m->v[i].found = NULL;
}
