/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_COMPRESS_UTIL_H
#define TESTS_HTTP_COMPRESS_UTIL_H

/*
 * compress_util.h - a handler that answers by a plan, and clients that decode.
 *
 *     prepare();
 *     web_route(w, "/", answer, &on);
 *     plan = (struct plan){.n = 4000};
 *     CHECK_EQ_INT(get(c, "GET", "gzip"), 200);
 *     check_body(c, 4000);
 */
#include "http/compress.h"
#include "tests/http/decode.h"
#include "tests/http/http_util.h"

#define TEXT_MAX ((size_t)512 * 1024)

/* What is answered, and what a client makes of it. */
static char prose[TEXT_MAX], back[TEXT_MAX];
static struct mr_compress on;

static inline void prepare(void)
{
    static const char *const words[] = {"on"};

    CHECK_OK(!mr_compress_parse(&on, words, 1));
    fill(prose, sizeof prose, false, 3);
}

static inline enum mr_coding coding_of(const struct client *c)
{
    const char *name = client_field(c, "Content-Encoding");

    for (int i = 0; i < MR_CODING_IDENTITY; i++) {
        if (strcmp(name, mr_coding_name(i)) == 0)
            return i;
    }
    CHECK_EQ_STR(name, "");
    return MR_CODING_IDENTITY;
}

/* The last answer's body, decoded, is n bytes of the text. */
static inline void check_body(const struct client *c, size_t n)
{
    bool end = false;
    ssize_t got =
        decode(coding_of(c), c->body, c->body_n, back, sizeof back, &end);

    CHECK_OK(end);
    CHECK_EQ_INT(got, n);
    if (got == (ssize_t)n)
        CHECK_OK(memcmp(back, prose, n) == 0);
}

/* What a handler answers. */
static struct plan {
    size_t n;      /* bytes of the prose */
    size_t piece;  /* 0: mr_reply; else so much at a time */
    bool announce; /* the length */
    bool flush;    /* each piece */
    int status;    /* 0: 200 */
    size_t lie;    /* announced more than is written */
    const char *type;
    const char *fields[4][2];
    bool not_this;
} plan;

static inline int write_pieces(struct mr_response *res, const char *type)
{
    int err =
        mr_response_start(res, plan.status ? plan.status : 200, type,
                          plan.announce ? (int64_t)(plan.n + plan.lie) : -1);

    for (size_t at = 0; at < plan.n && !err; at += plan.piece) {
        err =
            mr_response_write(res, prose + at, MR_MIN(plan.piece, plan.n - at));
        if (!err && plan.flush)
            err = mr_response_flush(res);
    }
    return err;
}

static inline int answer(struct mr_request *req, struct mr_response *res,
                         void *self)
{
    const char *type = plan.type ? plan.type : "text/plain";

    (void)req;
    mr_response_compress(res, plan.not_this ? NULL : self);
    for (size_t i = 0; i < 4 && plan.fields[i][0]; i++)
        CHECK_EQ_INT(
            mr_response_header(res, plan.fields[i][0], plan.fields[i][1]), 0);
    if (plan.piece > 0)
        return write_pieces(res, type);
    return mr_reply(res, plan.status ? plan.status : 200, type,
                    mr_str_n(prose, plan.n));
}

static inline int get(struct client *c, const char *method, const char *accept)
{
    char request[512];

    snprintf(request, sizeof request, "%s / HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n",
             method, accept ? "Accept-Encoding: " : "", accept ? accept : "",
             accept ? "\r\n" : "");
    client_send(c, request);
    return strcmp(method, "HEAD") == 0 ? client_head(c) : client_answer(c);
}

#endif
