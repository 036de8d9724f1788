/* SPDX-License-Identifier: MIT */

/*
 * compress.c - answers compressed on their way (http/compress.h): what
 * response.c asks at the start, for each piece, and at the end.
 *
 *   mr_reply --> whole: up to 16 KiB, coded before the head is written
 *   start ----> begin: a coder, and the fields; then
 *   write ----> [in: gathered] --> feed --> coder --> [out] --> response.c
 *   flush ----> feed, FLUSH
 *   finish ---> feed, END; drop
 *
 *  (1) What is said of an answer is decided once, when its head is made; its
 *      policy is NULL from then on.
 *  (2) While a helper has the coder the exchange is `writing`: no other
 *      coroutine of the handler gets in between.
 *  (3) The announced length is that of the text: what is written is measured
 *      by it in response.c, before it comes here.
 */
#include "http/compress.h"

#include <errno.h>
#include <string.h>

#include "core/offload.h"
#include "core/sys.h"
#include "http/conditional.h"
#include "http/conn_priv.h"

/* What the hub's thread codes of one answer: half a millisecond at 30 MB/s, and
 * twenty times what a helper's hand-over costs. */
#define INLINE_MAX ((size_t)16 * 1024)
/* Small writes are gathered to this; larger ones are fed as they are, so much
 * at a time: two milliseconds of a helper. */
#define BATCH ((size_t)32 * 1024)
#define STEP ((size_t)64 * 1024)
/* What is shorter does not get shorter. */
#define SHORTEST (MR_CODER_ROOM + 1)
/* The libraries were seen to take up to 15 KiB of stack. */
#define STACK_NEEDED ((size_t)48 * 1024)

struct mr_compressing {
    struct mr_coder *coder;
    uint64_t since; /* bytes fed since the beginning, or the last flush */
    size_t held;    /* in `in`, not fed yet */
    char in[BATCH];
    char out[BATCH];
};

/* --- fields --- */

/* The place of a field of that name, or NULL. */
static struct mr_extra **find(struct mr_response *res, const char *name,
                              struct mr_str *ret_value)
{
    struct mr_str n;

    for (struct mr_extra **at = &res->extra; *at; at = &(*at)->next) {
        mr_extra_split(*at, &n, ret_value);
        if (mr_str_is_case(n, name))
            return at;
    }
    return NULL;
}

static void remove_field(struct mr_response *res, const char *name)
{
    struct mr_str value;
    struct mr_extra **at = find(res, name, &value), *e;

    if (!at)
        return;
    e = *at;
    *at = e->next;
    if (!*at)
        res->extra_end = at;
    res->extra_bytes -= e->n;
    res->extra_n--;
}

/* Strong means the same bytes, and they are others now. */
static int weaken_tag(struct mr_response *res)
{
    struct mr_str tag;
    struct mr_extra **at = find(res, "etag", &tag), *e;

    if (!at || mr_str_starts(tag, "W/"))
        return 0;
    e = mr_arena_alloc(&res->x->arena, sizeof *e + tag.n + 10);
    if (!e)
        return -ENOMEM;
    e->next = (*at)->next;
    e->n = tag.n + 10;
    memcpy(e->text, "ETag: W/", 8);
    memcpy(e->text + 8, tag.p, tag.n);
    memcpy(e->text + 8 + tag.n, "\r\n", 2);
    res->extra_bytes += e->n - (*at)->n;
    if (!e->next)
        res->extra_end = &e->next;
    *at = e;
    return 0;
}

static int say_vary(struct mr_response *res)
{
    return mr_response_vary(res, "Accept-Encoding");
}

/* It is coded: 0, or -Exxx, and then it is not. */
static int declare(struct mr_response *res, enum mr_coding coding)
{
    int err = weaken_tag(res);

    if (!err)
        err =
            mr_response_header(res, "Content-Encoding", mr_coding_name(coding));
    if (!err)
        remove_field(res, "accept-ranges");
    res->declared = !err;
    return err;
}

/* --- which answers --- */

static bool forbids(struct mr_response *res)
{
    static const char *const names[] = {"content-encoding", "content-range",
                                        "content-md5",      "digest",
                                        "content-digest",   "repr-digest"};
    struct mr_str value;

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        if (find(res, names[i], &value))
            return true;
    }
    return mr_response_has_element(res, "cache-control", "no-transform");
}

/* Could it be, had the client the right wishes? length -1: not known. */
static bool may_code(struct mr_response *res, int status, struct mr_str type,
                     int64_t length)
{
    const struct mr_compress *p = res->policy;

    if (status < 200 || status == 204 || status == 205 || status == 206)
        return false;
    if (length >= 0 && ((uint64_t)length < MR_MAX(p->min, SHORTEST) ||
                        (p->max > 0 && (uint64_t)length > p->max)))
        return false;
    if (res->has & MR_HAS_TYPE)
        (void)find(res, "content-type", &type);
    return p->n > 0 && mr_compress_has_type(p, type) && !forbids(res);
}

static enum mr_coding choose(const struct mr_response *res,
                             const struct mr_compress *p, int *ret_level)
{
    enum mr_coding c =
        mr_negotiate_coding(&res->x->req.head->headers, p->codings, p->n);

    for (size_t i = 0; i < p->n; i++) {
        if (p->codings[i] == c)
            *ret_level = p->levels[i];
    }
    return c;
}

/* Its 200 might have been coded, and the client may hold that: then its tag is
 * the weak one (RFC 9110 15.4.5: the fields that the 200 would have had). */
static void not_modified(struct mr_response *res)
{
    const struct mr_headers *h = &res->x->req.head->headers;
    struct mr_str tag, list, held;
    bool weak, weaken = false;

    if (say_vary(res) || !find(res, "etag", &tag))
        return;
    for (ssize_t i = mr_headers_find(h, "if-none-match", 0); i >= 0;
         i = mr_headers_find(h, "if-none-match", (size_t)i + 1)) {
        list = h->v[i].value;
        while (mr_etag_next(&list, &held, &weak))
            weaken = weaken || (weak && mr_str_eq(held, tag));
    }
    if (weaken)
        (void)!weaken_tag(res); /* without memory: the strong one is no lie */
}

/* --- coding --- */

struct step {
    struct mr_coder *coder;
    enum mr_coder_op op;
    struct mr_str in;
    char *out;
    size_t cap;
    size_t n;
    bool ran;
};

static intptr_t run_step(void *arg)
{
    struct step *s = arg;

    s->ran = true;
    return mr_coder_run(s->coder, s->op, &s->in, s->out, s->cap, &s->n);
}

/* As mr_coder_run. May park. */
static int run(struct mr_exchange *x, struct step *s, bool is_long)
{
    bool small_stack = mr_coro_stack_size(mr_coro_self()) < STACK_NEEDED;
    int rc;

    s->n = 0;
    if (!is_long && !small_stack)
        return (int)run_step(s);
    rc = mr_exchange_turn(x);
    if (rc)
        return rc;
    s->ran = false;
    mr_exchange_begin(x);
    rc = (int)mr_offload(run_step, s);
    mr_exchange_end(x);
    if (!s->ran && !small_stack)
        rc = (int)run_step(s); /* no helper was to be had */
    return rc;
}

/* --- whole answers --- */

/* The form that is sent, in the arena; n 0: there is no shorter one. */
static struct mr_str code_whole(struct mr_response *res, enum mr_coding coding,
                                int level, struct mr_str body, bool *ret_known)
{
    struct mr_exchange *x = res->x;
    struct step s = {.op = MR_CODER_END, .in = body, .cap = body.n - 1};
    int rc;

    *ret_known = false;
    s.out = mr_arena_alloc(&x->arena, s.cap);
    if (!s.out || mr_coder_take(&x->http->coders, coding, level,
                                (int64_t)body.n, &s.coder))
        return mr_str("");
    rc = run(x, &s, false);
    mr_coder_give(s.coder);
    *ret_known = rc >= 0;
    return rc == 0 ? mr_str_n(s.out, s.n) : mr_str("");
}

static void remember(struct mr_compress_memo *memo, enum mr_coding c,
                     struct mr_str coded)
{
    char *p = coded.n > 0 ? mr_alloc(coded.n) : NULL;

    if (memo->v[c].known || (coded.n > 0 && !p)) {
        mr_free(p);
        return;
    }
    if (p)
        memcpy(p, coded.p, coded.n);
    memo->v[c].p = p;
    memo->v[c].n = coded.n;
    memo->v[c].known = true;
}

struct mr_str mr_compress_whole(struct mr_response *res, int status,
                                struct mr_str type, struct mr_str body,
                                struct mr_compress_memo *memo)
{
    const struct mr_compress *p = res->policy;
    struct mr_str coded;
    enum mr_coding c;
    int level = 0;
    bool known, may;

    if (body.n > INLINE_MAX || status == 304)
        return body;
    may = may_code(res, status, type, (int64_t)body.n);
    res->policy = NULL;
    if (!may || say_vary(res))
        return body;
    c = choose(res, p, &level);
    if (c == MR_CODING_IDENTITY)
        return body;
    if (memo && memo->v[c].known) {
        coded = mr_str_n(memo->v[c].p, memo->v[c].n);
    } else {
        coded = code_whole(res, c, level, body, &known);
        if (memo && known)
            remember(memo, c, coded);
    }
    return coded.n > 0 && declare(res, c) == 0 ? coded : body;
}

void mr_compress_memo_fini(struct mr_compress_memo *memo)
{
    for (int i = 0; i < MR_CODINGS; i++)
        mr_free(memo->v[i].p);
    *memo = (struct mr_compress_memo){0};
}

/* --- answers in pieces --- */

/* A coder for it, or false. */
static bool take(struct mr_response *res, enum mr_coding coding, int level,
                 int64_t length)
{
    struct mr_compressing *z = mr_alloc(sizeof *z);

    if (!z)
        return false;
    if (mr_coder_take(&res->x->http->coders, coding, level, length,
                      &z->coder)) {
        mr_free(z);
        return false;
    }
    z->since = 0;
    z->held = 0;
    res->coded = z;
    return true;
}

void mr_compress_begin(struct mr_response *res, int status, struct mr_str type,
                       int64_t length)
{
    const struct mr_compress *p = res->policy;
    bool may = status != 304 && may_code(res, status, type, length);
    enum mr_coding c;
    int level = 0;

    res->policy = NULL;
    if (status == 304 && p->n > 0)
        not_modified(res);
    if (!may || say_vary(res))
        return;
    c = choose(res, p, &level);
    if (c == MR_CODING_IDENTITY || !take(res, c, level, length))
        return;
    if (declare(res, c))
        mr_compress_drop(res);
}

void mr_compress_drop(struct mr_response *res)
{
    struct mr_compressing *z = res->coded;

    if (res->declared && !res->started)
        remove_field(res, "content-encoding");
    res->declared = false;
    res->coded = NULL;
    if (!z)
        return;
    mr_coder_give(z->coder);
    mr_free(z);
}

/* All of it into the coder; what comes out is sent. 0 or -Exxx. May park. */
static int feed(struct mr_response *res, enum mr_coder_op op, struct mr_str in)
{
    struct mr_compressing *z = res->coded;
    struct step s = {z->coder, op, in, z->out, sizeof z->out, 0, false};
    int rc, err = 0;

    z->since += in.n;
    do {
        rc = run(res->x, &s, z->since > INLINE_MAX);
        if (rc >= 0 && s.n > 0)
            err = mr_response_put(res, z->out, s.n);
    } while (rc > 0 && !err);
    if (op != MR_CODER_GO)
        z->since = 0;
    return rc < 0 ? rc : err;
}

/* What is held, with op. */
static int feed_held(struct mr_response *res, enum mr_coder_op op)
{
    struct mr_compressing *z = res->coded;
    struct mr_str in = mr_str_n(z->in, z->held);

    z->held = 0;
    return feed(res, op, in);
}

int mr_compress_write(struct mr_response *res, const void *p, size_t n)
{
    struct mr_compressing *z = res->coded;
    const char *at = p;
    int err = 0;

    while (n > 0 && !err) {
        size_t k = MR_MIN(n, z->held > 0 ? BATCH - z->held : STEP);

        if (z->held == 0 && k >= BATCH) {
            err = feed(res, MR_CODER_GO, mr_str_n(at, k));
        } else {
            memcpy(z->in + z->held, at, k);
            z->held += k;
            if (z->held == BATCH)
                err = feed_held(res, MR_CODER_GO);
        }
        at += k;
        n -= k;
    }
    return err;
}

int mr_compress_flush(struct mr_response *res)
{
    const struct mr_compressing *z = res->coded;

    return z->held + z->since > 0 ? feed_held(res, MR_CODER_FLUSH) : 0;
}

int mr_compress_finish(struct mr_response *res)
{
    bool whole = !res->broken && !res->no_body && res->left == 0;
    int err = whole ? feed_held(res, MR_CODER_END) : 0;

    mr_compress_drop(res);
    return err;
}

/* --- for handlers and routes --- */

void mr_response_compress(struct mr_response *res, const struct mr_compress *c)
{
    if (!res->started)
        res->policy = c;
}

int mr_compress_step(struct mr_request *req, struct mr_response *res,
                     void *compress, const struct mr_chain_at *next)
{
    mr_response_compress(res, compress);
    return mr_chain_next(next, req, res);
}
