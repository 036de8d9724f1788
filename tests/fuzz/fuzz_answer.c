/* SPDX-License-Identifier: MIT */
/*
 * fuzz_answer.c - an answer's head and its body's framing: what comes of it
 * whole must come of it byte by byte too; and what the head says must be what
 * its fields say.
 *
 * The first byte chooses the request's method.
 */
#include <stdlib.h>

#include "core/sys.h"
#include "http/chunked.h"
#include "http/response_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mr_head_limits limits = {.max_head = 8192,
                                             .max_fields = 32};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool is_inside(struct mr_str s, const char *buf, size_t n)
{
    return s.n == 0 || (s.p >= buf && s.p + s.n <= buf + n);
}

static void check_head(const struct mr_answer_parser *p, enum mr_method method,
                       const char *buf)
{
    const struct mr_response_head *h = &p->head;
    struct mr_str te = {0}, len = {0};

    must(h->status >= 100 && h->status <= 999);
    must(h->headers.n <= limits.max_fields && p->size <= limits.max_head);
    /* RFC 9110 9.3.6: behind a CONNECT that worked these mean nothing. */
    if (method != MR_METHOD_CONNECT || h->status / 100 != 2) {
        te = mr_headers_get(&h->headers, "transfer-encoding");
        len = mr_headers_get(&h->headers, "content-length");
        must(mr_headers_count(&h->headers, "content-length") <= 1);
        must(mr_headers_count(&h->headers, "transfer-encoding") <= 1);
    } else {
        must(h->body == MR_ANSWER_TUNNEL);
    }
    must(!(te.p && len.p));
    must((h->content_length >= 0) == (len.p != NULL));
    must(h->body != MR_ANSWER_CHUNKED || mr_str_is_case(te, "chunked"));
    must(h->body != MR_ANSWER_LENGTH || len.p);
    must(h->body != MR_ANSWER_CLOSE || (!te.p && !len.p && !h->keep_alive));
    if (method == MR_METHOD_HEAD || h->status == 204 || h->status == 304)
        must(h->body == MR_ANSWER_EMPTY || h->body == MR_ANSWER_TUNNEL);
    must(is_inside(h->reason, buf, p->size));
    for (uint32_t i = 0; i < h->headers.n; i++) {
        must(mr_token_is_valid(h->headers.v[i].name));
        must(mr_field_value_is_valid(h->headers.v[i].value));
        must(is_inside(h->headers.v[i].name, buf, p->size));
        must(is_inside(h->headers.v[i].value, buf, p->size));
    }
}

/* How many bytes of data the chunks at p have, given `step` at a time; -1: not
 * well formed, or not whole. */
static int64_t unchunk(const char *p, size_t n, size_t step)
{
    struct mr_arena arena;
    struct mr_chunked c;
    int64_t have = 0;
    enum mr_chunked_result rc = MR_CHUNKED_MORE;

    mr_arena_init(&arena, 8192);
    mr_chunked_init(&c, &arena);
    for (size_t at = 0; at < n && rc == MR_CHUNKED_MORE; at += step) {
        struct mr_str in = mr_str_n(p + at, MR_MIN(step, n - at)), data;

        while ((rc = mr_chunked_decode(&c, &in, &data)) == MR_CHUNKED_DATA)
            have += (int64_t)data.n;
    }
    mr_arena_fini(&arena);
    return rc == MR_CHUNKED_DONE ? have : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mr_method methods[] = {MR_METHOD_GET, MR_METHOD_HEAD,
                                             MR_METHOD_CONNECT, MR_METHOD_NONE};
    struct mr_field f1[32], f2[32];
    struct mr_answer_parser whole, cut;
    enum mr_parse a, b = MR_PARSE_MORE;
    enum mr_method method;
    char *buf;
    size_t n;

    if (size < 2)
        return 0;
    method = methods[data[0] % 4];
    n = size - 1;
    buf = malloc(n); /* ends where reading further is seen */
    must(buf);
    memcpy(buf, data + 1, n);
    mr_answer_parser_init(&whole, &limits, f1);
    mr_answer_parser_init(&cut, &limits, f2);
    a = mr_parse_answer(&whole, method, buf, n);
    for (size_t i = 1; i <= n && b == MR_PARSE_MORE; i++)
        b = mr_parse_answer(&cut, method, buf, i);
    must(a == b);
    if (a == MR_PARSE_BAD)
        must(strcmp(whole.reason, cut.reason) == 0);
    if (a == MR_PARSE_DONE) {
        must(whole.size == cut.size && whole.head.body == cut.head.body &&
             whole.head.status == cut.head.status &&
             whole.head.keep_alive == cut.head.keep_alive);
        check_head(&whole, method, buf);
        if (whole.head.body == MR_ANSWER_CHUNKED)
            must(unchunk(buf + whole.size, n - whole.size, 1) ==
                 unchunk(buf + whole.size, n - whole.size, n));
    }
    free(buf);
    return 0;
}
