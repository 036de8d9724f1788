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

SUITE("preconditions", conditional_decides)
TEST_MAIN()
