/* SPDX-License-Identifier: MIT */

/*
 * form.c - a query or a body to names and values.
 *
 *  (1) The pairs are counted before any is decoded: what is too much costs
 *      nothing.
 *  (2) A gathered body grows with what has come, not with what was announced: a
 *      length is a promise of the peer's.
 */
#include "http/form.h"

#include <errno.h>
#include <string.h>

#include "http/request.h"
#include "http/url.h"

static size_t count(struct mr_str text)
{
    struct mr_str name, value;
    size_t n = 0;

    while (n <= MR_FORM_PAIRS && mr_query_next(&text, &name, &value))
        n++;
    return n;
}

int mr_form_parse(struct mr_arena *arena, struct mr_str text,
                  struct mr_form *ret)
{
    struct mr_str name, value;
    size_t n = count(text);

    *ret = (struct mr_form){0};
    if (n > MR_FORM_PAIRS)
        return -EFBIG;
    ret->v = mr_arena_alloc(arena, n * sizeof *ret->v);
    if (!ret->v)
        return -ENOMEM;
    while (mr_query_next(&text, &name, &value)) {
        struct mr_form_pair *pair = &ret->v[ret->n];

        if (mr_url_decode(arena, name, true, &pair->name) ||
            mr_url_decode(arena, value, true, &pair->value))
            return -ENOMEM;
        ret->n++;
    }
    return 0;
}

ssize_t mr_form_find(const struct mr_form *form, const char *name, size_t from)
{
    for (size_t i = from; i < form->n; i++) {
        if (mr_str_is(form->v[i].name, name))
            return (ssize_t)i;
    }
    return -1;
}

struct mr_str mr_form_get(const struct mr_form *form, const char *name,
                          const char *otherwise)
{
    ssize_t i = mr_form_find(form, name, 0);

    return i < 0 ? mr_str(otherwise) : form->v[i].value;
}

/* --- of a request --- */

bool mr_request_is_type(const struct mr_request *req, const char *type)
{
    struct mr_str got = mr_request_header(req, "content-type");
    ssize_t end = mr_str_find(got, ';');

    if (end >= 0)
        got.n = (size_t)end;
    return mr_str_is_case(mr_str_trim(got), type);
}

static int append(struct mr_arena *arena, struct mr_str *body, size_t *cap,
                  struct mr_str piece)
{
    char *p = (char *)(uintptr_t)body->p;

    if (body->n + piece.n > *cap) {
        *cap = MR_MAX(2 * *cap, body->n + piece.n);
        p = mr_arena_alloc(arena, *cap);
        if (!p)
            return -ENOMEM;
        if (body->n > 0)
            memcpy(p, body->p, body->n);
        body->p = p;
    }
    memcpy(p + body->n, piece.p, piece.n);
    body->n += piece.n;
    return 0;
}

int mr_request_gather(struct mr_request *req, size_t max, struct mr_str *ret)
{
    struct mr_str body = mr_str(""), piece;
    int64_t length = mr_request_length(req);
    size_t cap = 0;
    int rc;

    if (max == 0)
        max = MR_FORM_BYTES;
    if (length > 0 && (uint64_t)length > max)
        return -EFBIG;
    while ((rc = mr_request_next(req, &piece)) > 0) {
        if (piece.n > max - body.n)
            return -EFBIG;
        rc = append(mr_request_arena(req), &body, &cap, piece);
        if (rc < 0)
            return rc;
    }
    if (rc == 0)
        *ret = body;
    return rc;
}

int mr_request_form(struct mr_request *req, size_t max, struct mr_form *ret)
{
    struct mr_str body;
    int rc;

    if (!mr_request_is_type(req, "application/x-www-form-urlencoded"))
        return -EMEDIUMTYPE;
    rc = mr_request_gather(req, max, &body);
    return rc < 0 ? rc : mr_form_parse(mr_request_arena(req), body, ret);
}
