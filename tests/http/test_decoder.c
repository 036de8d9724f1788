/* SPDX-License-Identifier: MIT */
/* test_decoder.c - what the libraries' own coders write comes back, whole or
 * not at all, within bounds.
 * over budget: one table or loop for each promise of decoder.h. */
#include "http/decoder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "tests/http/decode.h"
#include "tests/http/encode.h"
#include "tests/test.h"

#define MIB ((size_t)1024 * 1024)

/* --- decoding --- */

/* All of it, fed by `piece` and taken by `cap` bytes at a time; how many came
 * out, or the error. Each piece ends where memory ends. */
static ssize_t decode_all(struct mr_decoder *d, const char *p, size_t n,
                          size_t piece, char *out, size_t size, size_t cap)
{
    size_t at = 0, got;
    int rc = 0;

    do {
        size_t some = MR_MIN(piece, n);
        char *edge = test_at_page_end(p, some);
        struct mr_str in = {edge, some};

        p += some;
        n -= some;
        do {
            rc = mr_decoder_run(d, &in, n == 0, out + at,
                                MR_MIN(cap, size - at), &got);
            at += got;
            if (rc == 1 && at == size)
                rc = -ENOBUFS;
        } while (rc == 1);
        CHECK_OK(rc < 0 || in.n == 0);
        test_page_free(edge, some);
    } while (rc == 0 && n > 0);
    return rc < 0 ? rc : (ssize_t)at;
}

/* In one call after the other, with a fresh decoder. */
static ssize_t decode_new(const char *codings, struct bytes b, char *out,
                          size_t size)
{
    struct mr_decoder *d;
    ssize_t n = mr_decoder_new(&d, mr_str(codings), NULL);

    if (n == 0)
        n = decode_all(d, b.p, b.n, b.n + 1, out, size, size);
    mr_decoder_free(d);
    return n;
}

static const char *const codings[] = {"gzip", "deflate", "br", "zstd"};

static const struct {
    size_t size, piece, cap;
    bool random;
} trips[] = {
    {0, 100, 100, false},       {1, 1, 1, true},
    {100, 1, 1, false},         {1000, 3, 7, true},
    {5000, 5000, 1, false},     {5000, 1, 5000, false},
    {65536, 1000, 4096, false}, {70000, 65536, 333, true},
    {MIB, 16384, 16384, false}, {MIB, MIB, 65536, true},
};

TEST(decoder_trips)
{
    char *text = malloc(MIB), *back = malloc(MIB + 1);

    for (size_t i = 0; i < MR_ARRAY_LEN(trips); i++) {
        fill(text, trips[i].size, trips[i].random, (uint32_t)i);
        for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
            struct bytes b = encode(codings[c], text, trips[i].size);
            struct mr_decoder *d;
            ssize_t n;

            CASE("%s, %zu by %zu and %zu", codings[c], trips[i].size,
                 trips[i].piece, trips[i].cap);
            EQ_INT(mr_decoder_new(&d, mr_str(codings[c]), NULL), 0);
            n = decode_all(d, b.p, b.n, trips[i].piece, back, MIB + 1,
                           trips[i].cap);
            EQ_STR(mr_decoder_why(d), "");
            EQ_INT(n, trips[i].size);
            OK(memcmp(back, text, trips[i].size) == 0);
            mr_decoder_free(d);
            free(b.p);
        }
    }
    free(text);
    free(back);
}

/* Of two codings, each with each; the last one named was applied last. */
TEST(decoder_two)
{
    static const size_t sizes[] = {0, 1, 3000, 200000};
    char *text = malloc(MIB), *back = malloc(MIB);
    char names[32];

    for (size_t i = 0; i < 16 * MR_ARRAY_LEN(sizes); i++) {
        const char *first = codings[i % 4], *second = codings[i / 4 % 4];
        size_t size = sizes[i / 16];
        struct bytes a, b;
        struct mr_decoder *d;

        fill(text, size, i % 3 == 0, (uint32_t)i);
        a = encode(first, text, size);
        b = encode(second, a.p, a.n);
        snprintf(names, sizeof names, "%s, %s", first, second);
        CASE("%s of %zu", names, size);
        EQ_INT(mr_decoder_new(&d, mr_str(names), NULL), 0);
        EQ_INT(decode_all(d, b.p, b.n, 1 + i * 100, back, MIB, 1 + i * 77),
               size);
        OK(memcmp(back, text, size) == 0);
        mr_decoder_free(d);
        /* one less is too few */
        EQ_INT(mr_decoder_new(&d, mr_str(names), NULL), 0);
        EQ_INT(decode_all(d, b.p, b.n - 1, MIB, back, MIB, MIB), -ENODATA);
        mr_decoder_free(d);
        free(a.p);
        free(b.p);
    }
    free(text);
    free(back);
}

static const struct {
    const char *field;
    int rc;
    bool plain;
} fields[] = {
    {"", 0, true},
    {"identity", 0, true},
    {" , ,identity", 0, true},
    {"gzip", 0, false},
    {"GZip", 0, false},
    {"x-gzip", 0, false},
    {"deflate", 0, false},
    {"br", 0, false},
    {"zstd", 0, false},
    {"identity, gzip ,", 0, false},
    {"gzip, identity, br", 0, false},
    {"compress", -EOPNOTSUPP, true},
    {"gzip2", -EOPNOTSUPP, true},
    {"gzip;q=1", -EOPNOTSUPP, true},
    {"gzip br", -EOPNOTSUPP, true},
    {"br, aes128gcm", -EOPNOTSUPP, true},
    {"gzip, gzip, gzip", -EOPNOTSUPP, true},
};

TEST(decoder_fields)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(fields); i++) {
        struct mr_decoder *d = NULL;

        CASE("%s", fields[i].field);
        EQ_INT(mr_decoder_new(&d, mr_str(fields[i].field), NULL), fields[i].rc);
        EQ_INT(d == NULL, fields[i].plain);
        mr_decoder_free(d);
    }
}

/* What cannot be decoded is not asked for. */
TEST(decoder_accept)
{
    struct mr_str list = mr_str(MR_DECODER_ACCEPT), name;
    int n = 0;

    while (mr_str_split(&list, ',', &name)) {
        struct mr_decoder *d;

        EQ_INT(mr_decoder_new(&d, name, NULL), 0);
        OK(d != NULL);
        mr_decoder_free(d);
        n++;
    }
    EQ_INT(n, 4);
}

/* --- ends --- */

TEST(decoder_cut_anywhere)
{
    char text[3000], back[4096];

    fill(text, sizeof text, false, 5);
    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        struct bytes b = encode(codings[c], text, sizeof text);

        for (size_t n = 1; n < b.n; n++) {
            CASE("%s, %zu of %zu", codings[c], n, b.n);
            EQ_INT(decode_new(codings[c], (struct bytes){b.p, n}, back,
                              sizeof back),
                   -ENODATA);
        }
        CASE("%s, nothing", codings[c]); /* answers to HEAD, and the like */
        EQ_INT(decode_new(codings[c], (struct bytes){b.p, 0}, back, 1), 0);
        free(b.p);
    }
}

TEST(decoder_garbage_behind)
{
    static const char *const tails[] = {"\n", "x", "xyzzy and more", "\037\1"};
    char text[3000], back[4096];

    fill(text, sizeof text, false, 6);
    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        for (size_t i = 0; i < MR_ARRAY_LEN(tails); i++) {
            struct bytes b = encode(codings[c], text, sizeof text), tail;
            ssize_t rc;

            CASE("%s, %zu", codings[c], i);
            tail = room(16);
            tail.n = strlen(tails[i]);
            memcpy(tail.p, tails[i], tail.n);
            b = join(b, tail);
            rc = decode_new(codings[c], b, back, sizeof back);
            /* of a member or frame to come, one byte says nothing yet */
            OK(rc == -EBADMSG || (tail.n < 4 && rc == -ENODATA));
            free(b.p);
        }
    }
}

/* gzip and zstd, as their programs join files; one zstd frame has no text. */
TEST(decoder_members)
{
    static const char skipped[] = "\x52\x2a\x4d\x18\x03\0\0\0abc";
    char text[6000], back[8192];

    fill(text, sizeof text, false, 7);
    for (size_t c = 0; c < 4; c += 3) {
        for (size_t piece = 1; piece < 9000; piece = piece * 3 + 1) {
            struct bytes b = encode(codings[c], text, 1000);
            struct bytes empty = encode(codings[c], text, 0);
            struct mr_decoder *d;

            CASE("%s by %zu", codings[c], piece);
            b = join(b, empty);
            if (c == 3) {
                struct bytes skip = room(11);

                memcpy(skip.p, skipped, 11);
                skip.n = 11;
                b = join(b, skip);
            }
            b = join(b, encode(codings[c], text + 1000, 5000));
            EQ_INT(mr_decoder_new(&d, mr_str(codings[c]), NULL), 0);
            EQ_INT(decode_all(d, b.p, b.n, piece, back, sizeof back, piece),
                   sizeof text);
            OK(memcmp(back, text, sizeof text) == 0);
            mr_decoder_free(d);
            free(b.p);
        }
    }
    for (size_t c = 1; c < 3; c++) { /* a text of these has one stream */
        struct bytes b = encode(codings[c], text, 1000);

        CASE("%s", codings[c]);
        b = join(b, encode(codings[c], text, 1000));
        EQ_INT(decode_new(codings[c], b, back, sizeof back), -EBADMSG);
        free(b.p);
    }
}

TEST(decoder_raw_deflate)
{
    char text[70000], back[70001];

    for (size_t n = 0; n <= sizeof text; n = n * 7 + 1) {
        for (size_t piece = 1; piece < 3; piece++) {
            struct bytes b;
            struct mr_decoder *d;

            CASE("%zu by %zu", n, piece);
            fill(text, n, n % 2, (uint32_t)n);
            b = zip(text, n, -15);
            EQ_INT(mr_decoder_new(&d, mr_str("deflate"), NULL), 0);
            EQ_INT(decode_all(d, b.p, b.n, piece, back, sizeof back, 3), n);
            OK(memcmp(back, text, n) == 0);
            mr_decoder_free(d);
            EQ_INT(decode_new("deflate", (struct bytes){b.p, b.n - 1}, back,
                              sizeof back),
                   -ENODATA);
            free(b.p);
        }
    }
}

/* --- what is wrong --- */

TEST(decoder_damaged)
{
    static const struct {
        const char *coding;
        size_t n;
        const char *bytes;
    } cases[] = {
        {"gzip", 12, "<html></html>"},
        {"gzip", 12, "\x1f\x8b\x07\0\0\0\0\0\0\3\3\0"},   /* no deflate */
        {"gzip", 12, "\x1f\x8b\x08\xe0\0\0\0\0\0\3\3\0"}, /* flags unknown */
        {"deflate", 6, "\x78\xbb\0\0\0\1"},               /* a dictionary */
        {"deflate", 4, "\7\7\7\7"},
        {"br", 5, "\xff\xff\xff\xff\xff"},
        {"zstd", 12, "<html></html>"},
    };
    char back[64];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_str in = mr_str_n(cases[i].bytes, cases[i].n);
        struct mr_decoder *d;
        size_t n;

        CASE("%zu", i);
        EQ_INT(mr_decoder_new(&d, mr_str(cases[i].coding), NULL), 0);
        EQ_INT(mr_decoder_run(d, &in, true, back, sizeof back, &n), -EBADMSG);
        EQ_INT(n, 0);
        OK(strstr(mr_decoder_why(d), "is damaged"));
        OK(strstr(mr_decoder_why(d), cases[i].coding));
        in = mr_str("");
        EQ_INT(mr_decoder_run(d, &in, true, back, sizeof back, &n), -EBADMSG);
        mr_decoder_free(d);
    }
}

/* These have sums: no byte can be another. */
TEST(decoder_sums)
{
    char text[300], back[4096];

    fill(text, sizeof text, false, 8);
    for (size_t c = 0; c < 4; c++) {
        struct bytes b = encode(codings[c], text, sizeof text);
        size_t at = c == 3 ? b.n - 4 : b.n - 8; /* gzip's length is behind */

        CASE("%s", codings[c]);
        if (c == 1)
            at = b.n - 4;
        if (c != 2) { /* br has none */
            b.p[at] ^= 1;
            EQ_INT(decode_new(codings[c], b, back, sizeof back), -EBADMSG);
        }
        free(b.p);
    }
}

TEST(decoder_windows)
{
    char *text = malloc(MIB), *back = malloc(MIB + 1);
    struct bytes b;

    fill(text, MIB, false, 9);
    CASE("zstd, 8 MiB");
    b = zstd(text, MIB, 23);
    EQ_INT(decode_new("zstd", b, back, MIB + 1), MIB);
    free(b.p);
    CASE("zstd, 16 MiB");
    b = zstd(text, MIB, 24);
    EQ_INT(decode_new("zstd", b, back, MIB + 1), -EFBIG);
    free(b.p);
    CASE("br, 16 MiB");
    b = br(text, MIB, 24);
    EQ_INT(decode_new("br", b, back, MIB + 1), MIB);
    free(b.p);
    CASE("br, 64 MiB, which is no br");
    b = br(text, MIB, 26);
    EQ_INT(decode_new("br", b, back, MIB + 1), -EBADMSG);
    free(b.p);
    free(text);
    free(back);
}

/* --- limits --- */

static ssize_t decode_limited(const char *names, struct bytes b,
                              const struct mr_decoder_limits *limits)
{
    static char out[64 * 1024];
    struct mr_decoder *d;
    struct mr_str in = {b.p, b.n};
    ssize_t all = 0;
    size_t n;
    int rc = mr_decoder_new(&d, mr_str(names), limits);

    MR_BUG_ON(rc);
    do {
        rc = mr_decoder_run(d, &in, true, out, sizeof out, &n);
        all += (ssize_t)n;
    } while (rc == 1);
    if (rc < 0)
        CHECK_OK(mr_decoder_why(d)[0] != '\0');
    mr_decoder_free(d);
    return rc < 0 ? rc : all;
}

TEST(decoder_bytes)
{
    char text[5000];

    fill(text, sizeof text, false, 10);
    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        struct bytes b = encode(codings[c], text, sizeof text);

        CASE("%s", codings[c]);
        EQ_INT(decode_limited(codings[c], b,
                              &(struct mr_decoder_limits){.max_bytes = 5000}),
               5000);
        EQ_INT(decode_limited(codings[c], b,
                              &(struct mr_decoder_limits){.max_bytes = 4999}),
               -EFBIG);
        free(b.p);
    }
}

/* A MiB of nothing is let through, more is not, unless it is asked for. */
TEST(decoder_bombs)
{
    const struct mr_decoder_limits any = {.max_ratio = UINT64_MAX};
    char *zeros = calloc(8, MIB);

    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        struct bytes b = encode(codings[c], zeros, MIB);

        CASE("%s, 1 MiB", codings[c]);
        EQ_INT(decode_limited(codings[c], b, NULL), MIB);
        free(b.p);
        CASE("%s, 8 MiB", codings[c]);
        b = encode(codings[c], zeros, 8 * MIB);
        EQ_INT(decode_limited(codings[c], b, NULL), -EFBIG);
        EQ_INT(decode_limited(codings[c], b, &any), 8 * MIB);
        free(b.p);
    }
    free(zeros);
}

/* Nothing comes out, but what passes in the middle is too much. */
TEST(decoder_bomb_within)
{
    struct bytes skip = {calloc(8, MIB), 8 * MIB}, b;
    const unsigned n = 8 * MIB - 8;

    memcpy(skip.p, "\x50\x2a\x4d\x18", 4);
    for (int i = 0; i < 4; i++)
        skip.p[4 + i] = (char)(n >> i * 8);
    EQ_INT(decode_limited("zstd", skip, NULL), 0);
    b = zip(skip.p, skip.n, 31);
    EQ_INT(decode_limited("zstd, gzip", b, NULL), -EFBIG);
    free(b.p);
    free(skip.p);
}

/* A text that is as long as a bomb, and none. */
TEST(decoder_ratio)
{
    char *text = malloc(4 * MIB);
    struct bytes b;

    fill(text, 4 * MIB, false, 11);
    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        CASE("%s", codings[c]);
        b = encode(codings[c], text, 4 * MIB);
        EQ_INT(decode_limited(codings[c], b, NULL), 4 * MIB);
        EQ_INT(decode_limited(codings[c], b,
                              &(struct mr_decoder_limits){.max_ratio = 2}),
               -EFBIG);
        free(b.p);
    }
    free(text);
}

/* --- memory --- */

/* zstd's is malloc's: only what is ours fails there. */
TEST(decoder_no_memory)
{
    char text[4000], back[4096];

    fill(text, sizeof text, false, 12);
    for (size_t c = 0; c < MR_ARRAY_LEN(codings); c++) {
        struct bytes a = encode(codings[c], text, sizeof text);
        struct bytes b = encode(codings[c], a.p, a.n);
        char names[32];
        ssize_t n = -ENOMEM;

        free(a.p);
        snprintf(names, sizeof names, "%s, %s", codings[c], codings[c]);
        for (unsigned nth = 1; n == -ENOMEM; nth++) {
            CASE("%s, allocation %u", names, nth);
            mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
            n = decode_new(names, b, back, sizeof back);
            mr_sys_fault_clear();
            OK(n == -ENOMEM || (n == sizeof text && nth > 4));
        }
        free(b.p);
    }
}

/* An end without a byte, and a view that is NULL. */
TEST(decoder_null)
{
    static const char *const names[] = {"gzip", "deflate",     "br",
                                        "zstd", "deflate, br", "zstd, gzip"};

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        struct mr_decoder *d;
        struct mr_str in = {0};
        char c;
        size_t n;

        CASE("%s", names[i]);
        EQ_INT(mr_decoder_new(&d, mr_str(names[i]), NULL), 0);
        EQ_INT(mr_decoder_run(d, &in, false, &c, 1, &n), 0);
        EQ_INT(mr_decoder_run(d, &in, true, &c, 1, &n), 0);
        mr_decoder_free(d);
    }
}

TEST_DIES(decoder_no_room, "cap == 0")
{
    struct mr_decoder *d;
    struct mr_str in = mr_str("x");
    char c;
    size_t n;

    EQ_INT(mr_decoder_new(&d, mr_str("gzip"), NULL), 0);
    (void)!mr_decoder_run(d, &in, true, &c, 0, &n); /* dies */
}

SUITE("trips", decoder_trips, decoder_two, decoder_fields, decoder_accept,
      decoder_members, decoder_raw_deflate)
SUITE("errors", decoder_cut_anywhere, decoder_garbage_behind, decoder_damaged,
      decoder_sums, decoder_windows, decoder_no_memory, decoder_null,
      decoder_no_room)
SUITE("limits", decoder_bytes, decoder_bombs, decoder_bomb_within,
      decoder_ratio)
TEST_MAIN()
