/* SPDX-License-Identifier: MIT */
/* test_conditional.c - preconditions: one decision, in the RFC's order. */
#include "http/conditional.h"

#include <string.h>

#include "http/date.h"
#include "tests/test.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define MODIFIED INT64_C(784111777)
#define NOW INT64_C(1763800000)

static const struct {
    const char *fields; /* lines "name: value\n" */
    const char *etag;   /* "-": none */
    bool dated;
    int get, put;
} cases[] = {
    {"", "\"a\"", true, 0, 0},
    /* If-Match: strong comparison */
    {"if-match: \"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: \"b\", \"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: \"b\"\nif-match: \"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: , ,\"b\",,\"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: \"b\"\n", "\"a\"", true, 412, 412},
    {"if-match: W/\"a\"\n", "\"a\"", true, 412, 412},
    {"if-match: W/\"a\"\n", "W/\"a\"", true, 412, 412},
    {"if-match: \"a\"\n", "W/\"a\"", true, 412, 412},
    {"if-match: *\n", "\"a\"", true, 0, 0},
    {"if-match: *\n", "-", true, 0, 0},
    {"if-match: \"a\"\n", "-", true, 412, 412},
    {"if-match: \n", "\"a\"", true, 412, 412},
    {"if-match: a\n", "\"a\"", true, 412, 412},
    {"if-match: \"a\n", "\"a\"", true, 412, 412},
    {"if-match: w/\"a\"\n", "\"a\"", true, 412, 412},
    /* a backslash escapes nothing in a tag */
    {"if-match: \"x\\\", \"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: \"x,\", \"a\"\n", "\"a\"", true, 0, 0},
    {"if-match: \"A\"\n", "\"a\"", true, 412, 412},
    /* If-Unmodified-Since: only without If-Match */
    {"if-unmodified-since: " DATE "\n", "\"a\"", true, 0, 0},
    {"if-unmodified-since: " BEFORE "\n", "\"a\"", true, 412, 412},
    {"if-unmodified-since: " BEFORE "\n", "\"a\"", false, 0, 0},
    {"if-unmodified-since: soon\n", "\"a\"", true, 0, 0},
    {"if-unmodified-since: " BEFORE "\nif-unmodified-since: " BEFORE "\n",
     "\"a\"", true, 0, 0},
    {"if-unmodified-since: " BEFORE ", " BEFORE "\n", "\"a\"", true, 0, 0},
    {"if-match: \"a\"\nif-unmodified-since: " BEFORE "\n", "\"a\"", true, 0, 0},
    {"if-match: \"b\"\nif-unmodified-since: " DATE "\n", "\"a\"", true, 412,
     412},
    /* If-None-Match: weak comparison */
    {"if-none-match: \"a\"\n", "\"a\"", true, 304, 412},
    {"if-none-match: W/\"a\"\n", "\"a\"", true, 304, 412},
    {"if-none-match: \"a\"\n", "W/\"a\"", true, 304, 412},
    {"if-none-match: \"b\", W/\"a\"\n", "W/\"a\"", true, 304, 412},
    {"if-none-match: \"b\"\n", "\"a\"", true, 0, 0},
    {"if-none-match: *\n", "-", true, 304, 412},
    {"if-none-match: \"a\"\n", "-", true, 0, 0},
    {"if-none-match: a\n", "\"a\"", true, 0, 0},
    /* If-Modified-Since: GET and HEAD, and only without If-None-Match */
    {"if-modified-since: " DATE "\n", "\"a\"", true, 304, 0},
    {"if-modified-since: " BEFORE "\n", "\"a\"", true, 0, 0},
    {"if-modified-since: " DATE "\n", "\"a\"", false, 0, 0},
    {"if-modified-since: Sunday, 06-Nov-94 08:49:37 GMT\n", "-", true, 304, 0},
    {"if-modified-since: Sun Nov  6 08:49:37 1994\n", "-", true, 304, 0},
    {"if-modified-since: soon\n", "\"a\"", true, 0, 0},
    {"if-modified-since: " DATE "\nif-modified-since: " DATE "\n", "\"a\"",
     true, 0, 0},
    {"if-none-match: \"b\"\nif-modified-since: " DATE "\n", "\"a\"", true, 0,
     0},
    {"if-none-match: \"a\"\nif-modified-since: " BEFORE "\n", "\"a\"", true,
     304, 412},
    /* the order: what forbids comes first */
    {"if-match: \"b\"\nif-none-match: \"a\"\n", "\"a\"", true, 412, 412},
    {"if-match: \"a\"\nif-none-match: \"a\"\n", "\"a\"", true, 304, 412},
    {"if-unmodified-since: " BEFORE "\nif-modified-since: " DATE "\n", "\"a\"",
     true, 412, 412},
    /* without Range it means nothing */
    {"if-range: \"b\"\n", "\"a\"", true, 0, 0},
};

static void read_fields(struct mr_headers *h, const char *text)
{
    struct mr_str rest = mr_str(text), line, name;

    while (mr_str_split(&rest, '\n', &line) && line.n > 0) {
        OK(mr_str_split(&line, ':', &name));
        EQ_INT(mr_headers_add(h, name, mr_str_trim(line)), 0);
    }
}

TEST(conditional_decides)
{
    static const enum mr_method reads[] = {MR_METHOD_GET, MR_METHOD_HEAD};
    static const enum mr_method writes[] = {MR_METHOD_PUT, MR_METHOD_POST,
                                            MR_METHOD_DELETE};

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_field room[8];
        struct mr_headers h;
        const struct mr_validators v = {
            .etag = mr_str(*cases[i].etag == '-' ? "" : cases[i].etag),
            .modified = cases[i].dated ? MODIFIED : MR_NO_DATE,
        };

        CASE("%s, etag %s", cases[i].fields, cases[i].etag);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        read_fields(&h, cases[i].fields);
        for (size_t k = 0; k < MR_ARRAY_LEN(reads); k++)
            EQ_INT(mr_conditional(&h, reads[k], &v, NOW), cases[i].get);
        for (size_t k = 0; k < MR_ARRAY_LEN(writes); k++)
            EQ_INT(mr_conditional(&h, writes[k], &v, NOW), cases[i].put);
    }
}

/* --- each combination, each order of the fields --- */

enum { ABSENT, HOLDS, FAILS, STATES };

static const char *const names[4] = {"if-match", "if-unmodified-since",
                                     "if-none-match", "if-modified-since"};

/* What makes each of them true, and false (RFC 9110 13.1). */
static const char *const values[4][STATES] = {
    {NULL, "\"a\"", "\"b\""},
    {NULL, DATE, BEFORE},
    {NULL, "\"b\"", "\"a\""},
    {NULL, BEFORE, DATE},
};

/* 13.2.2, step by step. */
static int by_the_letter(const int state[4], bool reads)
{
    if (state[0] == FAILS)
        return 412;
    if (state[0] == ABSENT && state[1] == FAILS)
        return 412;
    if (state[2] == FAILS)
        return reads ? 304 : 412;
    if (reads && state[2] == ABSENT && state[3] == FAILS)
        return 304;
    return 0;
}

static void try_order(const int state[4], const int order[4])
{
    const struct mr_validators v = {.etag = mr_str("\"a\""),
                                    .modified = MODIFIED};
    struct mr_field room[4];
    struct mr_headers h;

    mr_headers_init(&h, room, MR_ARRAY_LEN(room));
    for (int i = 0; i < 4; i++) {
        int k = order[i];

        if (state[k] != ABSENT)
            EQ_INT(mr_headers_add(&h, mr_str(names[k]),
                                  mr_str(values[k][state[k]])),
                   0);
    }
    EQ_INT(mr_conditional(&h, MR_METHOD_GET, &v, NOW),
           by_the_letter(state, true));
    EQ_INT(mr_conditional(&h, MR_METHOD_HEAD, &v, NOW),
           by_the_letter(state, true));
    EQ_INT(mr_conditional(&h, MR_METHOD_PUT, &v, NOW),
           by_the_letter(state, false));
}

static bool is_permutation(const int order[4])
{
    unsigned seen = 0;

    for (int i = 0; i < 4; i++)
        seen |= 1u << order[i];
    return seen == 15;
}

TEST(conditional_each_combination_in_each_order)
{
    for (int c = 0; c < 81; c++) {
        const int state[4] = {c % 3, c / 3 % 3, c / 9 % 3, c / 27};

        for (int p = 0; p < 256; p++) {
            const int order[4] = {p & 3, p >> 2 & 3, p >> 4 & 3, p >> 6};

            CASE("combination %d, order %d", c, p);
            if (is_permutation(order))
                try_order(state, order);
        }
    }
}

SUITE("preconditions", conditional_decides,
      conditional_each_combination_in_each_order)
TEST_MAIN()
