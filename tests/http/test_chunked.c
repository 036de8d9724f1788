/* SPDX-License-Identifier: MIT */
/*
 * test_chunked.c - the chunked decoder and encoder.
 *
 * Each case is decoded whole, byte by byte, and cut in two at every place; the
 * outcome must be the same.
 */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"
#include "http/chunked.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *in;
    const char *want; /* the body, or NULL: refused */
    size_t rest;      /* bytes left for the next message */
    int status;
} cases[] = {
    {"0\r\n\r\n", "", 0, 0},
    {"0\r\n\r\nGET", "", 3, 0},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    {"5\r\nhello\r\n6\r\n world\r\n000\r\n\r\nX", "hello world", 1, 0},
    {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789",
     0, 0},
    {"0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0, 0},
    /* extensions */
    {"5;a\r\nhello\r\n0;b\r\n\r\n", "hello", 0, 0},
    {"5;a=b;c=\"d;\\\"e\t\xff\";f\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    {"5 ; a = b\t;c\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    {"5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    {"5;" X64 X64 X64 "=" X64 "\r\n", NULL, 0, 400},
    {"5;\r\nhello\r\n0\r\n\r\n", NULL, 0, 400},
    {"5;=b\r\n", NULL, 0, 400},
    {"5;a=\r\n", NULL, 0, 400},
    {"5;a b\r\n", NULL, 0, 400},
    {"5;a \r\n", NULL, 0, 400},
    {"5;a=b c\r\n", NULL, 0, 400},
    {"5;a=\"b\r\n", NULL, 0, 400},
    {"5;a=\"b\\\r\n", NULL, 0, 400},
    {"5;a=\"b\"c\r\n", NULL, 0, 400},
    {"5;a\nhello\r\n0\r\n\r\n", NULL, 0, 400},
    {"5;a=\"\n\"\r\n", NULL, 0, 400},
    {"5;a\rb\r\n", NULL, 0, 400},
    {"5;a=\x01\r\n", NULL, 0, 400},
    /* sizes */
    {"\r\n", NULL, 0, 400},
    {";a\r\n", NULL, 0, 400},
    {" 5\r\nhello", NULL, 0, 400},
    {"5 \r\nhello", NULL, 0, 400},
    {"5 junk\r\nhello", NULL, 0, 400},
    {"5\t\r\nhello", NULL, 0, 400},
    {"0x5\r\nhello", NULL, 0, 400},
    {"+5\r\nhello", NULL, 0, 400},
    {"-5\r\nhello", NULL, 0, 400},
    {"5h\r\nhello", NULL, 0, 400},
    {"g\r\n", NULL, 0, 400},
    {"00000000000000005\r\nhello", NULL, 0, 400},
    {"8000000000000000\r\n", NULL, 0, 400},
    {"FFFFFFFFFFFFFFFF\r\n", NULL, 0, 400},
    {"10000000000000000\r\n", NULL, 0, 400},
    {"1\r\nx\r\n7FFFFFFFFFFFFFFF\r\n", NULL, 0, 400},
    /* line ends */
    {"5\nhello\r\n0\r\n\r\n", NULL, 0, 400},
    {"5\rhello\r\n0\r\n\r\n", NULL, 0, 400},
    {"5\r\r\nhello", NULL, 0, 400},
    {"5\r\nhello\n0\r\n\r\n", NULL, 0, 400},
    {"5\r\nhello\rX", NULL, 0, 400},
    {"5\r\nhellox\r\n", NULL, 0, 400},
    {"5\r\nhello0\r\n\r\n", NULL, 0, 400},
    {"0\r\n\n", NULL, 0, 400},
    {"0\r\n\rX", NULL, 0, 400},
    {"0\n\r\n", NULL, 0, 400},
    /* trailers */
    {"0\r\nX: y\r\n\r\nGET", "", 3, 0},
    {"5\r\nhello\r\n0\r\nX: y\r\nZ:\r\n\r\n", "hello", 0, 0},
    {"0\r\nX : y\r\n\r\n", NULL, 0, 400},
    {"0\r\nX: y\n\r\n", NULL, 0, 400},
    {"0\r\n X: y\r\n\r\n", NULL, 0, 400},
    {"0\r\nX: y\r\n z\r\n\r\n", NULL, 0, 400},
    {"0\r\nContent-Length: 5\r\n\r\n", NULL, 0, 400},
    {"0\r\nX: y\r\nHost: y\r\n\r\n", NULL, 0, 400},
};

struct got {
    enum mr_chunked_result rc;
    char body[64];
    size_t n;
    size_t used;
    int status;
};

/* Feeds one piece until it is used up or the outcome is there. */
static void feed(struct mr_chunked *c, struct got *g, const char *p, size_t n)
{
    char *page = test_at_page_end(p, n);
    struct mr_str in = mr_str_n(page, n), data;

    while ((g->rc = mr_chunked_decode(c, &in, &data)) == MR_CHUNKED_DATA) {
        CHECK_OK(data.n > 0 && g->n + data.n <= sizeof g->body);
        memcpy(g->body + g->n, data.p, data.n);
        g->n += data.n;
    }
    if (g->rc == MR_CHUNKED_MORE)
        CHECK_EQ_INT(in.n, 0);
    g->used += n - in.n;
    g->status = c->status;
    test_page_free(page, n);
}

/* In pieces of `first` bytes and then of `then`. */
static struct got decode(const char *z, size_t first, size_t then)
{
    struct got g = {.rc = MR_CHUNKED_MORE};
    size_t n = strlen(z), at = 0, step = first;
    struct mr_arena a;
    struct mr_chunked c;

    mr_arena_init(&a, 256);
    mr_chunked_init(&c, &a);
    while (at < n && g.rc == MR_CHUNKED_MORE) {
        size_t piece = MR_MIN(step, n - at);

        feed(&c, &g, z + at, piece);
        at += piece;
        step = then;
    }
    mr_arena_fini(&a);
    return g;
}

static void check(size_t i, struct got g)
{
    const char *want = cases[i].want;

    if (!want) {
        CHECK_EQ_INT(g.rc, MR_CHUNKED_BAD);
        CHECK_EQ_INT(g.status, cases[i].status);
        return;
    }
    CHECK_EQ_INT(g.rc, MR_CHUNKED_DONE);
    CHECK_EQ_MEM(g.body, g.n, want, strlen(want));
    CHECK_EQ_INT(g.used, strlen(cases[i].in) - cases[i].rest);
}

TEST(chunked_decode)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].in);

        CASE("%s", cases[i].in);
        check(i, decode(cases[i].in, n, n));
        check(i, decode(cases[i].in, 1, 1));
        for (size_t cut = 1; cut < n; cut++)
            check(i, decode(cases[i].in, cut, n));
    }
}

TEST(chunked_prefixes_want_more)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        char part[512];

        if (!cases[i].want)
            continue;
        for (size_t n = 1; n < strlen(cases[i].in) - cases[i].rest; n++) {
            snprintf(part, sizeof part, "%.*s", (int)n, cases[i].in);
            CASE("%s", part);
            EQ_INT(decode(part, n, n).rc, MR_CHUNKED_MORE);
        }
    }
}

TEST(chunked_trailers)
{
    struct mr_str in = mr_str("0\r\nX: y \r\nZ:\r\n\r\n"), data;
    const struct mr_headers *h;
    struct mr_arena a;
    struct mr_chunked c;

    mr_arena_init(&a, 256);
    mr_chunked_init(&c, &a);
    EQ_PTR(mr_chunked_trailers(&c), NULL);
    EQ_INT(mr_chunked_decode(&c, &in, &data), MR_CHUNKED_DONE);
    h = mr_chunked_trailers(&c);
    OK(h != NULL);
    EQ_INT(h->n, 2);
    OK(mr_str_is(mr_headers_get(h, "x"), "y"));
    EQ_INT(mr_chunked_decode(&c, &in, &data), MR_CHUNKED_DONE);
    mr_arena_fini(&a);
}

static struct got decode_repeated(const char *begin, const char *again,
                                  int times)
{
    struct got g = {.rc = MR_CHUNKED_MORE};
    struct mr_arena a;
    struct mr_chunked c;

    mr_arena_init(&a, 256);
    mr_chunked_init(&c, &a);
    feed(&c, &g, begin, strlen(begin));
    for (int i = 0; i < times && g.rc == MR_CHUNKED_MORE; i++) {
        g.n = 0;
        feed(&c, &g, again, strlen(again));
    }
    mr_arena_fini(&a);
    return g;
}

TEST(chunked_overhead_is_bounded)
{
    struct got g;

    /* one-byte chunks are clumsy, not hostile */
    g = decode_repeated("", "1\r\nx\r\n", 20000);
    EQ_INT(g.rc, MR_CHUNKED_MORE);
    /* with an extension of 64 bytes each: 71 of framing, 18 free */
    g = decode_repeated("", "1;" X64 "\r\nx\r\n", 20000);
    EQ_INT(g.rc, MR_CHUNKED_BAD);
    EQ_INT(g.status, 400);
    EQ_INT(g.used, (16384 / (5 + 65 - 18) + 1) * 71 - 3);
    /* with enough data for it, it may go on */
    g = decode_repeated("", "40;" X64 "\r\n" X64 "\r\n", 20000);
    EQ_INT(g.rc, MR_CHUNKED_MORE);
}

TEST(chunked_trailers_are_bounded)
{
    struct got g;

    g = decode_repeated("0\r\n", "a: " X64 "\r\n", 1000);
    EQ_INT(g.rc, MR_CHUNKED_BAD);
    EQ_INT(g.status, 431);
    g = decode_repeated("0\r\n", "a: " X64 X64 X64 "\r\n", 1000);
    EQ_INT(g.status, 431);
    g = decode_repeated("0\r\n", "a:\r\n", 32);
    EQ_INT(g.rc, MR_CHUNKED_MORE);
    g = decode_repeated("0\r\n", "a:\r\n", 33);
    EQ_INT(g.status, 431);
}

TEST(chunked_no_memory)
{
    struct got g;

    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    g = decode("0\r\nX: y\r\n\r\n", 64, 64);
    mr_sys_fault_clear();
    EQ_INT(g.rc, MR_CHUNKED_BAD);
    EQ_INT(g.status, 503);
}

TEST(chunk_heads)
{
    static const struct {
        uint64_t n;
        const char *want;
    } heads[] = {
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {0x1a3, "1a3\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
        {UINT64_C(1) << 60, "1000000000000000\r\n"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(heads); i++) {
        char out[MR_CHUNK_HEAD_MAX];
        size_t n = mr_chunk_put_head(out, heads[i].n);

        EQ_MEM(out, n, heads[i].want, strlen(heads[i].want));
    }
}

SUITE("decoder", chunked_decode, chunked_prefixes_want_more, chunked_trailers)
SUITE("bounds", chunked_overhead_is_bounded, chunked_trailers_are_bounded,
      chunked_no_memory)
SUITE("encoder", chunk_heads)
TEST_MAIN()
