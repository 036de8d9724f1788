/* SPDX-License-Identifier: MIT */
/* test_coding.c - coders: what they write is read by the libraries' own
 * decoders, within bounds of memory; and which answers get one. */
#include "http/coding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "http/compress.h"
#include "tests/http/decode.h"
#include "tests/test.h"

#define MIB ((size_t)1024 * 1024)

static const enum mr_coding codings[] = {MR_CODING_GZIP, MR_CODING_BR,
                                         MR_CODING_ZSTD};

/* --- there and back --- */

struct sink {
    char *p;
    size_t n;
    size_t cap;
};

/* All of in, through pieces of `room` bytes. The last code of the coder. */
static int code(struct mr_coder *c, enum mr_coder_op op, struct mr_str in,
                struct sink *to, size_t room)
{
    int rc;

    do {
        size_t n = 0, cap = MR_MIN(room, to->cap - to->n);

        CHECK_OK(cap >= MR_CODER_ROOM);
        if (cap < MR_CODER_ROOM)
            return -ENOBUFS;
        rc = mr_coder_run(c, op, &in, to->p + to->n, cap, &n);
        CHECK_OK(n <= cap);
        to->n += n;
    } while (rc == 1);
    CHECK_OK(rc < 0 || in.n == 0);
    return rc;
}

/* Is `to` the whole text, or (not ended) all of it so far? */
static void check_text(enum mr_coding coding, const struct sink *to,
                       const char *text, size_t n, bool ended)
{
    char *back = malloc(n + 1);
    bool end = false;
    ssize_t got = decode(coding, to->p, to->n, back, n + 1, &end);

    CHECK_EQ_INT(got, n);
    if (got == (ssize_t)n)
        CHECK_OK(n == 0 || memcmp(back, text, n) == 0);
    CHECK_EQ_INT(end, ended);
    free(back);
}

static const struct {
    size_t size;
    size_t piece; /* fed at a time; 0: all of it */
    size_t room;  /* for output, at a time */
    bool random, flush, known;
} trips[] = {
    {0, 0, 64, false, false, true},
    {0, 0, 65, false, false, false},
    {1, 0, 64, false, false, true},
    {1, 1, 64, true, true, false},
    {1023, 0, 4096, false, false, true},
    {1024, 100, 4096, false, false, true},
    {1024, 100, 71, false, true, false},
    {1025, 0, 4096, true, false, true},
    {16 * 1024 - 1, 0, 16 * 1024, false, false, true},
    {16 * 1024, 1, 16 * 1024, false, false, false},
    {16 * 1024, 1000, 100, true, true, true},
    {16 * 1024 + 1, 4096, 64, false, true, false},
    {MIB, 0, 32 * 1024, false, false, true},
    {MIB, 64 * 1024, 32 * 1024, false, false, false},
    {MIB, 64 * 1024, 32 * 1024, true, false, false},
    {MIB, 100 * 1000, 32 * 1024, false, true, true},
    {MIB, 0, 5000, true, true, false},
};

static void one_trip(struct mr_coder_pool *pool, enum mr_coding coding,
                     int level, size_t i)
{
    size_t n = trips[i].size, piece = trips[i].piece ? trips[i].piece : n;
    struct sink to = {malloc(3 * n + 4096), 0, 3 * n + 4096};
    char *text = malloc(n + 1);
    struct mr_coder *c;

    fill(text, n, trips[i].random, 7);
    CHECK_EQ_INT(mr_coder_take(pool, coding, level,
                               trips[i].known ? (int64_t)n : -1, &c),
                 0);
    for (size_t at = 0; at < n; at += piece) {
        size_t k = MR_MIN(piece, n - at);

        CHECK_EQ_INT(code(c, trips[i].flush ? MR_CODER_FLUSH : MR_CODER_GO,
                          mr_str_n(text + at, k), &to, trips[i].room),
                     0);
        /* Each flush of a small one: decoding all anew is square. */
        if (trips[i].flush && (n < 20000 || at + k == n))
            check_text(coding, &to, text, at + k, false);
    }
    CHECK_EQ_INT(code(c, MR_CODER_END, mr_str(""), &to, trips[i].room), 0);
    check_text(coding, &to, text, n, true);
    CHECK_OK(mr_coder_bytes(c) <= mr_coding_bytes(coding));
    if (n >= MIB && !trips[i].random && !trips[i].flush)
        CHECK_OK(to.n < n / 2);
    mr_coder_give(c);
    free(text);
    free(to.p);
}

TEST(coding_there_and_back)
{
    struct mr_coder_pool pool = {0};

    for (size_t j = 0; j < MR_ARRAY_LEN(codings); j++) {
        for (size_t i = 0; i < MR_ARRAY_LEN(trips); i++) {
            CASE("%s, trip %zu", mr_coding_name(codings[j]), i);
            one_trip(&pool, codings[j], MR_CODING_LEVEL, i);
        }
    }
    mr_coder_pool_fini(&pool);
}

/* Each level of each, one after the other out of one pool; and its memory, of
 * which the bound is a promise. */
TEST(coding_levels)
{
    size_t many = MR_ARRAY_LEN(trips) - 4; /* 1 MiB of text, 64 KiB pieces */
    struct mr_coder_pool pool = {0};

    EQ_INT(mr_coding_level_max(MR_CODING_IDENTITY), 0);
    EQ_INT(mr_coding_bytes(MR_CODING_IDENTITY), 0);
    for (size_t j = 0; j < MR_ARRAY_LEN(codings); j++) {
        for (int l = 1; l <= mr_coding_level_max(codings[j]); l++) {
            CASE("%s, level %d", mr_coding_name(codings[j]), l);
            one_trip(&pool, codings[j], l, many);
            one_trip(&pool, codings[j], l, 4);
        }
    }
    mr_coder_pool_fini(&pool);
}

/* --- the pool --- */

TEST(coding_pool_has_a_bound)
{
    struct mr_coder *all[1024];

    for (size_t j = 0; j < MR_ARRAY_LEN(codings); j++) {
        struct mr_coder_pool pool = {0};
        size_t n = 0, most = MR_CODERS_BYTES_MAX / mr_coding_bytes(codings[j]);
        int rc;

        CASE("%s", mr_coding_name(codings[j]));
        while (n < MR_ARRAY_LEN(all) &&
               (rc = mr_coder_take(&pool, codings[j], 1, -1, &all[n])) == 0)
            n++;
        CHECK_EQ_INT(rc, -ENOBUFS);
        CHECK_EQ_INT(n, most);
        CHECK_OK(pool.bytes <= MR_CODERS_BYTES_MAX);
        mr_coder_give(all[--n]);
        CHECK_EQ_INT(mr_coder_take(&pool, codings[j], 1, -1, &all[n]), 0);
        n++;
        while (n > 0)
            mr_coder_give(all[--n]);
        mr_coder_give(NULL);
        CHECK_EQ_INT(pool.bytes, 0);
        CHECK_EQ_INT(pool.idle_n[codings[j]], MR_CODERS_IDLE_MAX);
        mr_coder_pool_fini(&pool);
        mr_coder_pool_fini(&pool);
    }
}

/* One that was left in the middle is as good as new. */
TEST(coding_is_used_again)
{
    for (size_t j = 0; j < MR_ARRAY_LEN(codings); j++) {
        struct mr_coder_pool pool = {0};
        struct mr_coder *c, *again;
        struct sink to = {malloc(MIB), 0, MIB};

        CASE("%s", mr_coding_name(codings[j]));
        CHECK_EQ_INT(mr_coder_take(&pool, codings[j], 3, 1000, &c), 0);
        CHECK_EQ_INT(code(c, MR_CODER_GO, mr_str("half of it"), &to, 100), 0);
        mr_coder_give(c);
        to.n = 0;
        CHECK_EQ_INT(mr_coder_take(&pool, codings[j], 3, -1, &again), 0);
        CHECK_EQ_PTR(again, c);
        CHECK_EQ_INT(code(again, MR_CODER_END, mr_str("all"), &to, 100), 0);
        check_text(codings[j], &to, "all", 3, true);
        mr_coder_give(again);
        mr_coder_pool_fini(&pool);
        free(to.p);
    }
}

/* Every allocation that we see fails. Once br is taken it needs none. */
TEST(coding_without_memory)
{
    char *text = malloc(MIB);
    size_t failed = 0;

    fill(text, MIB, false, 1);
    for (size_t j = 0; j < MR_ARRAY_LEN(codings); j++) {
        for (unsigned nth = 1, rc = 1; rc != 0; nth++) {
            struct mr_coder_pool pool = {0};
            struct sink to = {malloc(MIB), 0, MIB};
            struct mr_coder *c;
            int err;

            CASE("%s, allocation %u", mr_coding_name(codings[j]), nth);
            mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
            err = mr_coder_take(&pool, codings[j], 5, -1, &c);
            if (!err) {
                err = code(c, MR_CODER_END, mr_str_n(text, MIB), &to, MIB);
                mr_coder_give(c);
            }
            rc = mr_sys_calls(MR_SYS_ALLOC) >= nth;
            mr_sys_fault_clear();
            CHECK_EQ_INT(err, rc ? -ENOMEM : 0);
            failed += rc;
            CHECK_EQ_INT(pool.bytes, 0);
            mr_coder_pool_fini(&pool);
            free(to.p);
        }
    }
    CHECK_EQ_INT(failed, 7 + 2 + 1); /* gzip's, br's, zstd's */
    free(text);
}

/* zstd writes the length into its head; it must not be a lie. */
TEST(coding_of_another_length)
{
    struct mr_coder_pool pool = {0};
    struct sink to = {malloc(4096), 0, 4096};
    struct mr_coder *c;

    EQ_INT(mr_coder_take(&pool, MR_CODING_ZSTD, 5, 100, &c), 0);
    CHECK_EQ_INT(code(c, MR_CODER_GO, mr_str("three"), &to, 2048), 0);
    CHECK_EQ_INT(code(c, MR_CODER_END, mr_str(""), &to, 2048), -EIO);
    mr_coder_give(c);
    mr_coder_pool_fini(&pool);
    free(to.p);
}

/* The library would end the process. Each level, also in small pieces. */
TEST(coding_br_needs_no_memory)
{
    static const size_t pieces[] = {MIB, 64 * 1024, 1000};
    struct sink to = {malloc(2 * MIB), 0, 2 * MIB};
    char *text = malloc(MIB);

    fill(text, MIB, false, 5);
    fill(text + MIB / 2, MIB / 4, true, 6);
    for (int l = 1; l <= mr_coding_level_max(MR_CODING_BR); l++) {
        for (size_t i = 0; i < MR_ARRAY_LEN(pieces); i++) {
            struct mr_coder_pool pool = {0};
            struct mr_coder *c;

            CASE("level %d, pieces of %zu", l, pieces[i]);
            CHECK_EQ_INT(mr_coder_take(&pool, MR_CODING_BR, l, -1, &c), 0);
            mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
            to.n = 0;
            for (size_t at = 0; at < MIB; at += pieces[i])
                CHECK_EQ_INT(
                    code(c, at % 7 ? MR_CODER_GO : MR_CODER_FLUSH,
                         mr_str_n(text + at, MR_MIN(pieces[i], MIB - at)), &to,
                         32 * 1024),
                    0);
            CHECK_EQ_INT(code(c, MR_CODER_END, mr_str(""), &to, 32 * 1024), 0);
            CHECK_EQ_INT(mr_sys_calls(MR_SYS_ALLOC), 0);
            mr_sys_fault_clear();
            mr_coder_give(c);
            check_text(MR_CODING_BR, &to, text, MIB, true);
            mr_coder_pool_fini(&pool);
        }
    }
    free(text);
    free(to.p);
}

/* Short words make many commands, whose array grows behind a first flush. */
TEST(coding_br_needs_no_memory_behind_a_flush)
{
    struct sink to = {malloc(2 * MIB), 0, 2 * MIB};
    char words[1000][6], *text = malloc(MIB);
    unsigned seed = 7;

    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < 5; k++)
            words[i][k] = (char)('a' + rand_r(&seed) % 26);
        words[i][5] = ' ';
    }
    for (size_t at = 0; at < MIB; at += 6)
        memcpy(text + at, words[rand_r(&seed) % 1000], MR_MIN(6, MIB - at));
    for (int l = 1; l <= mr_coding_level_max(MR_CODING_BR); l++) {
        for (size_t first = 30000; first <= 72000; first += 7000) {
            struct mr_coder_pool pool = {0};
            struct mr_coder *c;

            CASE("level %d, %zu first", l, first);
            CHECK_EQ_INT(mr_coder_take(&pool, MR_CODING_BR, l, -1, &c), 0);
            to.n = 0;
            CHECK_EQ_INT(
                code(c, MR_CODER_FLUSH, mr_str_n(text, first), &to, 32 * 1024),
                0);
            for (size_t at = first; at < MIB; at += 64 * 1024)
                CHECK_EQ_INT(
                    code(c, MR_CODER_GO,
                         mr_str_n(text + at, MR_MIN(64 * 1024, MIB - at)), &to,
                         32 * 1024),
                    0);
            CHECK_EQ_INT(code(c, MR_CODER_END, mr_str(""), &to, 32 * 1024), 0);
            mr_coder_give(c);
            check_text(MR_CODING_BR, &to, text, MIB, true);
            mr_coder_pool_fini(&pool);
        }
    }
    free(text);
    free(to.p);
}

static struct mr_coder_pool doomed;
static struct mr_coder *doomed_coder;

TEST_DIES(coding_dies_without_level, "level < 1")
{
    (void)!mr_coder_take(&doomed, MR_CODING_GZIP, 0, -1, &doomed_coder);
}

TEST_DIES(coding_dies_of_identity, "level > mr_coding_level_max")
{
    (void)!mr_coder_take(&doomed, MR_CODING_IDENTITY, 1, -1, &doomed_coder);
}

TEST_DIES(coding_dies_of_a_pool_in_use, "pool->bytes > 0")
{
    (void)!mr_coder_take(&doomed, MR_CODING_GZIP, 1, -1, &doomed_coder);
    mr_coder_pool_fini(&doomed);
}

/* --- which --- */

static const struct {
    const char *words[4];
    const char *shape; /* "coding:level ..."; NULL: it is refused */
} settings[] = {
    {{"on"}, "zstd:5 br:5 gzip:5"},
    {{"off"}, ""},
    {{NULL}, ""},
    {{"gzip"}, "gzip:5"},
    {{"gzip:9", "zstd:12", "br:1"}, "gzip:9 zstd:12 br:1"},
    {{"gzip:10"}, NULL},
    {{"gzip:0"}, NULL},
    {{"gzip:"}, NULL},
    {{"gzip:-1"}, NULL},
    {{"br:9"}, NULL},
    {{"zstd:13"}, NULL},
    {{"zstd:5:5"}, NULL},
    {{"gzip", "gzip:2"}, NULL},
    {{"on", "gzip"}, NULL},
    {{"gzip", "off"}, NULL},
    {{"identity"}, NULL},
    {{"GZIP"}, NULL},
    {{""}, NULL},
};

TEST(compress_settings)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(settings); i++) {
        struct mr_compress c;
        char shape[64] = "";
        size_t n = 0, len = 0;
        const char *why;

        while (settings[i].words[n])
            n++;
        CASE("%zu: %s", i, n ? settings[i].words[0] : "-");
        why = mr_compress_parse(&c, settings[i].words, n);
        CHECK_EQ_INT(why == NULL, settings[i].shape != NULL);
        if (why || !settings[i].shape)
            continue;
        for (size_t j = 0; j < c.n; j++)
            len += (size_t)snprintf(shape + len, sizeof shape - len, "%s%s:%d",
                                    j ? " " : "", mr_coding_name(c.codings[j]),
                                    c.levels[j]);
        CHECK_EQ_STR(shape, settings[i].shape);
        CHECK_EQ_INT(c.min, MR_COMPRESS_MIN);
        CHECK_EQ_INT(c.max, MR_COMPRESS_MAX);
    }
}

static const struct {
    const char *list; /* NULL: the usual ones */
    const char *type;
    bool has;
} types[] = {
    {NULL, "text/html; charset=utf-8", true},
    {NULL, "TEXT/Plain", true},
    {NULL, "text/css ;x=y", true},
    {NULL, "text/event-stream", false},
    {NULL, "text/event-stream; charset=utf-8", false},
    {NULL, "application/json", true},
    {NULL, "application/problem+json", true},
    {NULL, "image/svg+xml", true},
    {NULL, "application/wasm", true},
    {NULL, "image/png", false},
    {NULL, "video/mp4", false},
    {NULL, "application/octet-stream", false},
    {NULL, "application/zip", false},
    {NULL, "texts/html", false},
    {NULL, "text", false},
    {NULL, "+json", false},
    {NULL, "", false},
    {"text/html", "text/html; charset=utf-8", true},
    {"text/html", "text/plain", false},
    {"text/event-stream", "text/event-stream", true},
    {"text/*", "text/event-stream", false},
    {"*", "text/event-stream", false},
    {"*", "video/mp4", true},
    {"*+json", "a/b+json", true},
    {"*+json", "a/b+xml", false},
    {"font/*", "font/woff", true},
    {"font/*", "fonts/woff", false},
};

TEST(compress_types)
{
    struct mr_compress c;

    for (size_t i = 0; i < MR_ARRAY_LEN(types); i++) {
        CASE("%s: %s", types[i].list ? types[i].list : "-", types[i].type);
        c = (struct mr_compress){.types = &types[i].list,
                                 .type_n = types[i].list != NULL};
        CHECK_EQ_INT(mr_compress_has_type(&c, mr_str(types[i].type)),
                     types[i].has);
    }
}

static const struct {
    const char *type;
    bool right;
} patterns[] = {
    {"text/html", true}, {"text/*", true},   {"*", true},
    {"*+json", true},    {"", false},        {"text", false},
    {"*/*", false},      {"*/html", false},  {"text/", false},
    {"/html", false},    {"*+", false},      {"text/html;q=1", false},
    {"a/b/c", false},    {"te xt/a", false},
};

TEST(compress_type_patterns)
{
    OK(!mr_compress_check_types(NULL, 0));
    for (size_t i = 0; i < MR_ARRAY_LEN(patterns); i++) {
        CASE("%s", patterns[i].type);
        CHECK_EQ_INT(!mr_compress_check_types(&patterns[i].type, 1),
                     patterns[i].right);
    }
}

SUITE("coders", coding_there_and_back, coding_levels, coding_pool_has_a_bound,
      coding_is_used_again, coding_without_memory, coding_br_needs_no_memory,
      coding_br_needs_no_memory_behind_a_flush, coding_of_another_length,
      coding_dies_without_level, coding_dies_of_identity,
      coding_dies_of_a_pool_in_use)
SUITE("what is compressed", compress_settings, compress_types,
      compress_type_patterns)
TEST_MAIN()
