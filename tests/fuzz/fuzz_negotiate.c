/* SPDX-License-Identifier: MIT */
/* fuzz_negotiate.c - any bytes as Accept and Accept-Encoding: each coding comes
 * once at most, identity always; the best of all is the first. And a field made
 * of the bytes, two for an element, whose outcome is known. */
#include "http/negotiate.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name;
    int means; /* an enum mr_coding; MR_CODINGS: all the others; -1: none */
} words[] = {
    {"br", MR_CODING_BR},       {"zstd", MR_CODING_ZSTD},
    {"gzip", MR_CODING_GZIP},   {"identity", MR_CODING_IDENTITY},
    {"x-gzip", MR_CODING_GZIP}, {"BR", MR_CODING_BR},
    {"*", MR_CODINGS},          {"deflate", -1},
};

/* Weights: the first that is said counts, else that of "*". */
static size_t make(const uint8_t *p, size_t n, char *out, size_t room,
                   int weight[MR_CODINGS + 1])
{
    static const char *const spaces[] = {
        ";q=", " ; q=", ";\tQ=", ";x=\";\";q="};
    size_t at = 0;

    for (int c = 0; c <= MR_CODINGS; c++)
        weight[c] = -1;
    for (size_t i = 0; i + 1 < n && i < 32; i += 2) {
        int w = p[i + 1] % 101 * 10, means = words[p[i] & 7].means;

        at += (size_t)snprintf(
            out + at, room - at, "%s%s%s%d.%0*d", i > 0 ? "," : "",
            words[p[i] & 7].name, spaces[p[i] >> 3 & 3], w / 1000,
            p[i] & 32 ? 2 : 3, p[i] & 32 ? w % 1000 / 10 : w % 1000);
        if (means >= 0 && weight[means] < 0)
            weight[means] = w;
    }
    return at;
}

static void check_made(const uint8_t *p, size_t n)
{
    char text[1024];
    int weight[MR_CODINGS + 1];
    struct mr_field f = {{"accept-encoding", 15}, {text, 0}};
    const struct mr_headers h = {.v = &f, .n = 1, .cap = 1};
    enum mr_coding order[MR_CODINGS];
    size_t got, want = 0;

    f.value.n = make(p, n, text, sizeof text, weight);
    got = mr_negotiate_codings(&h, order);
    for (int c = 0; c < MR_CODINGS; c++) {
        if (weight[c] < 0)
            weight[c] = weight[MR_CODINGS];
        want += c == MR_CODING_IDENTITY || weight[c] > 0;
    }
    MR_BUG_ON(got != want);
    for (size_t i = 0; i < got; i++) {
        int w = weight[order[i]];

        MR_BUG_ON(order[i] != MR_CODING_IDENTITY && w <= 0);
        for (size_t k = i + 1; k < got; k++)
            MR_BUG_ON(w < weight[order[k]] ||
                      (w == weight[order[k]] && order[i] > order[k]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/html", "application/json"};
    static const enum mr_coding all[] = {MR_CODING_BR, MR_CODING_ZSTD,
                                         MR_CODING_GZIP};
    struct mr_str value = mr_str_n((const char *)data, size);
    struct mr_field fields[] = {
        {{"accept", 6}, value},
        {{"accept-encoding", 15}, value},
    };
    const struct mr_headers h = {.v = fields, .n = 2, .cap = 2};
    enum mr_coding order[MR_CODINGS];
    size_t n = mr_negotiate_codings(&h, order);
    unsigned seen = 0;

    MR_BUG_ON(n == 0 || n > MR_CODINGS);
    for (size_t i = 0; i < n; i++) {
        MR_BUG_ON(seen & 1u << order[i]);
        seen |= 1u << order[i];
    }
    MR_BUG_ON(!(seen & 1u << MR_CODING_IDENTITY));
    MR_BUG_ON(mr_negotiate_coding(&h, all, 3) != order[0]);
    MR_BUG_ON(mr_negotiate_type(&h, types, 2) > 1);
    check_made(data, size);
    return 0;
}
