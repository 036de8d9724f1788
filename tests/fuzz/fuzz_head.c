/* SPDX-License-Identifier: MIT */
/* fuzz_head.c - any bytes as a request's head, whole and cut at a place that
 * the first byte chooses: one outcome and one meaning, and both parsers agree;
 * also where what http-parser said before is remembered.
 */
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct mr_request_head *a,
                    const struct mr_request_head *b)
{
    return a->method == b->method && a->form == b->form &&
           a->framing == b->framing && a->minor == b->minor &&
           a->keep_alive == b->keep_alive &&
           a->expect_continue == b->expect_continue &&
           a->content_length == b->content_length &&
           a->headers.n == b->headers.n && mr_str_eq(a->path, b->path) &&
           mr_str_eq(a->query, b->query) && mr_str_eq(a->host, b->host) &&
           memcmp(a->known, b->known, sizeof a->known) == 0;
}

/* No target has what even browsers encode. */
static bool is_sent_by_browsers(const struct mr_request_head *head)
{
    struct mr_str t = head->target;
    const char *query = memchr(t.p, '?', t.n);

    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] <= ' ' || t.p[i] == 0x7f || strchr("#\"<>\\", t.p[i]))
            return false;
        if (strchr("`{}", t.p[i]) && (!query || t.p + i < query))
            return false;
    }
    return true;
}

static const struct mr_head_limits limits = {256, 2048, 16};
static struct mr_verdicts verdicts;

/* A parser that goes on from run to run, over one buffer, as a connection's
 * does: it says of each head, when it comes for the first time and for the
 * fourth, what one says that never saw another. */
static void go_on(const struct mr_parser *fresh, enum mr_parse said,
                  const char *in, size_t n)
{
    static struct mr_parser p;
    static struct mr_field fields[16];
    static char buf[4096];

    if (n > sizeof buf)
        return;
    if (!p.verdicts) {
        mr_parser_init(&p, &limits, fields);
        mr_parser_remember(&p, &verdicts);
    }
    memcpy(buf, in, n);
    for (int i = 0; i < 4; i++) {
        mr_parser_reset(&p);
        MR_BUG_ON(mr_parse_request(&p, buf, n) != said);
        MR_BUG_ON(p.size != fresh->size || p.status != fresh->status);
        MR_BUG_ON(said == MR_PARSE_DONE && !is_same(&p.head, &fresh->head));
        MR_BUG_ON(mr_parser_method(&p) != fresh->head.method);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mr_field fields[16], cut_fields[16];
    struct mr_parser whole, cut;
    enum mr_parse a, b;
    const char *in = (const char *)data + 1;

    if (size == 0)
        return 0;
    mr_parser_init(&whole, &limits, fields);
    a = mr_parse_request(&whole, in, size - 1);
    MR_BUG_ON(a == MR_PARSE_BAD && whole.scan.status == 0);
    MR_BUG_ON(a == MR_PARSE_DONE && whole.size > size - 1);
    mr_parser_init(&cut, &limits, cut_fields);
    mr_parser_remember(&cut, &verdicts);
    b = mr_parse_request(&cut, in, MR_MIN(data[0], size - 1));
    if (b == MR_PARSE_MORE)
        b = mr_parse_request(&cut, in, size - 1);
    MR_BUG_ON(a != b || whole.size != cut.size || whole.status != cut.status);
    MR_BUG_ON(a == MR_PARSE_DONE && !is_same(&whole.head, &cut.head));
    MR_BUG_ON(a == MR_PARSE_DONE && !is_sent_by_browsers(&whole.head));
    go_on(&whole, a, in, size - 1);
    return 0;
}
