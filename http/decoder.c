/* SPDX-License-Identifier: MIT */

/*
 * decoder.c - a chain of one or two decoders, and its limits (http/decoder.h).
 *
 *     in -> stage 0 -> (mid -> stage 1) -> out
 *
 *  (1) Stage 0 undoes the coding that was applied last.
 *  (2) mid is filled only when it is empty: a stage's output is used up before
 *      it makes more.
 *  (3) Each stage's output is held against the limits, by the bytes of the
 *      wire: else a bomb could be one in the middle only, and cost time.
 *  (4) An error stays.
 */
#include "http/decoder.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"
#include "http/decoder_priv.h"
#include "http/headers.h"

enum { MID = 16 * 1024 };

struct stage {
    const struct mr_decoder_library *library;
    void *state;
    uint64_t in, out; /* bytes so far */
};

struct mr_decoder {
    struct stage stages[MR_DECODER_CODINGS_MAX];
    unsigned n;
    bool first_has_more; /* stage 0 had no room */
    struct mr_str mid;   /* what stage 1 has not used yet; in room */
    char *room;          /* MID bytes; NULL with one stage */
    struct mr_decoder_limits limits;
    int err;
    char why[96];
};

static const struct mr_decoder_library *const libraries[] = {
    &mr_decoder_gzip, &mr_decoder_deflate, &mr_decoder_brotli,
    &mr_decoder_zstd};

static const struct mr_decoder_library *find(struct mr_str name)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(libraries); i++)
        for (const char *const *z = libraries[i]->names; *z; z++)
            if (mr_str_is_case(name, *z))
                return libraries[i];
    return NULL;
}

/* How many, in the order of the text; -EOPNOTSUPP. */
static int read_codings(struct mr_str text,
                        const struct mr_decoder_library **ret)
{
    struct mr_str name;
    int n = 0;

    while (mr_list_field_next(&text, &name)) {
        if (mr_str_is_case(name, "identity"))
            continue;
        if (n == MR_DECODER_CODINGS_MAX)
            return -EOPNOTSUPP;
        ret[n] = find(name);
        if (!ret[n++])
            return -EOPNOTSUPP;
    }
    return n;
}

static void set_limits(struct mr_decoder *d,
                       const struct mr_decoder_limits *limits)
{
    if (limits)
        d->limits = *limits;
    if (d->limits.max_bytes == 0)
        d->limits.max_bytes = MR_DECODED_MAX;
    if (d->limits.max_ratio == 0)
        d->limits.max_ratio = MR_DECODED_RATIO_MAX;
}

int mr_decoder_new(struct mr_decoder **ret, struct mr_str content_encoding,
                   const struct mr_decoder_limits *limits)
{
    const struct mr_decoder_library *asked[MR_DECODER_CODINGS_MAX];
    int n = read_codings(content_encoding, asked);
    struct mr_decoder *d;

    *ret = NULL;
    if (n <= 0)
        return n;
    d = mr_calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    set_limits(d, limits);
    for (; d->n < (unsigned)n; d->n++) {
        struct stage *s = &d->stages[d->n];

        s->library = asked[n - 1 - (int)d->n];
        s->state = s->library->start();
        if (!s->state)
            goto fail;
    }
    if (d->n > 1)
        d->room = mr_alloc(MID);
    if (d->n > 1 && !d->room)
        goto fail;
    *ret = d;
    return 0;

fail:
    mr_decoder_free(d);
    return -ENOMEM;
}

void mr_decoder_free(struct mr_decoder *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < d->n; i++)
        d->stages[i].library->free(d->stages[i].state);
    mr_free(d->room);
    mr_free(d);
}

const char *mr_decoder_why(const struct mr_decoder *d)
{
    return d->why;
}

/* --- limits and errors --- */

static int fail(struct mr_decoder *d, const struct stage *s, int err)
{
    const char *what = "is damaged, or something else";

    if (err == -ENODATA)
        what = "ends early";
    else if (err == -EFBIG)
        what = "grows beyond what is allowed";
    else if (err == -ENOMEM)
        what = "wants more memory than there is";
    snprintf(d->why, sizeof d->why, "the body's %s coding %s",
             s->library->names[0], what);
    d->err = err;
    return err;
}

static bool is_too_much(const struct mr_decoder *d, const struct stage *s)
{
    if (s->out > d->limits.max_bytes)
        return true;
    return s->out > MR_DECODED_FREE &&
           s->out / d->limits.max_ratio > d->stages[0].in;
}

static int run_stage(struct mr_decoder *d, struct stage *s, struct mr_str *in,
                     char *out, size_t cap, size_t *ret_n)
{
    size_t before = in->n;
    int rc;

    *ret_n = 0;
    if (before == 0) /* C has no NULL + 0 */
        *in = mr_str("");
    rc = s->library->run(s->state, in, out, cap, ret_n);
    s->in += before - in->n;
    s->out += *ret_n;
    if (rc >= 0 && is_too_much(d, s))
        rc = -EFBIG;
    return rc < 0 ? fail(d, s, rc) : rc;
}

/* --- the chain --- */

static int run_two(struct mr_decoder *d, struct mr_str *in, char *out,
                   size_t cap, size_t *ret_n)
{
    for (;;) {
        size_t n;
        int rc;

        if (d->mid.n == 0 && (in->n > 0 || d->first_has_more)) {
            rc = run_stage(d, &d->stages[0], in, d->room, MID, &n);
            if (rc < 0)
                return rc;
            d->first_has_more = rc == 1;
            d->mid = mr_str_n(d->room, n);
        }
        rc = run_stage(d, &d->stages[1], &d->mid, out + *ret_n, cap - *ret_n,
                       &n);
        if (rc < 0)
            return rc;
        *ret_n += n;
        if (rc == 1)
            return 1;
        if (d->mid.n == 0 && in->n == 0 && !d->first_has_more)
            return 0;
        if (*ret_n == cap)
            return 1;
    }
}

/* All has been fed, and all is out. */
static int check_end(struct mr_decoder *d)
{
    for (unsigned i = 0; i < d->n; i++) {
        struct stage *s = &d->stages[i];

        if (s->in > 0 && !s->library->is_whole(s->state))
            return fail(d, s, -ENODATA);
    }
    return 0;
}

int mr_decoder_run(struct mr_decoder *d, struct mr_str *in, bool end, char *out,
                   size_t cap, size_t *ret_n)
{
    int rc;

    MR_BUG_ON(cap == 0);
    *ret_n = 0;
    if (d->err)
        return d->err;
    if (d->n == 1)
        rc = run_stage(d, &d->stages[0], in, out, cap, ret_n);
    else
        rc = run_two(d, in, out, cap, ret_n);
    if (rc == 0 && end)
        rc = check_end(d);
    if (rc < 0)
        *ret_n = 0;
    return rc;
}
