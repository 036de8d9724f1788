/* SPDX-License-Identifier: MIT */
/* test_answer_memo.c - first lines of heads: found is what was kept, of this
 * second, this status and this type. */
#include "tests/test.h"

#include <stdio.h>

#include "http/answer_memo.h"

static struct mr_answer_memo memo;
static const char long_type[MR_MEMO_TYPE + 2] =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

static void check(int64_t until, int status, const char *type, const char *want)
{
    struct mr_str got = mr_answer_memo_find(&memo, until, status, mr_str(type));

    CASE("%lld %d %s", (long long)until, status, type);
    EQ_INT(got.n, strlen(want));
    EQ_INT(mr_str_is(got, want), 1);
}

static void keep(int64_t until, int status, const char *type, const char *lines)
{
    mr_answer_memo_keep(&memo, until, status, mr_str(type), mr_str(lines));
}

TEST(memo_of_this_answer)
{
    static const struct {
        int64_t until;
        int status;
        const char *type;
        bool found;
    } cases[] = {
        {7, 200, "text/html", true},   {8, 200, "text/html", false},
        {7, 201, "text/html", false},  {7, 200, "text/htmx", false},
        {7, 200, "xext/html", false},  {7, 200, "text/htm", false},
        {7, 200, "text/html;", false}, {7, 200, "", false},
        {0, 200, "text/html", false},
    };

    check(0, 200, "text/html", ""); /* of empty memory */
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        keep(7, 200, "text/html", "lines");
        check(cases[i].until, cases[i].status, cases[i].type,
              cases[i].found ? "lines" : "");
    }
}

/* The later one of two that have one place. */
TEST(memo_of_one_place)
{
    char type[16];

    for (int i = 0; i < 200; i++) {
        snprintf(type, sizeof type, "t/%d", i);
        keep(7, 200, type, type);
        check(7, 200, type, type);
    }
    keep(7, 200, "t/0", "of 7");
    keep(8, 200, "t/0", "of 8");
    check(8, 200, "t/0", "of 8");
    check(7, 200, "t/0", "");
}

TEST(memo_has_no_room)
{
    char lines[MR_MEMO_LINES + 2];

    memset(lines, 'x', sizeof lines);
    lines[MR_MEMO_LINES + 1] = '\0';
    keep(7, 200, "t/0", lines);
    check(7, 200, "t/0", "");
    lines[MR_MEMO_LINES] = '\0';
    keep(7, 200, "t/0", lines);
    check(7, 200, "t/0", lines);
    keep(7, 200, long_type, "lines");
    check(7, 200, long_type, "");
    keep(7, 200, long_type + 1, "lines");
    check(7, 200, long_type + 1, "lines");
    keep(7, 200, "", "lines");
    check(7, 200, "", "");
}

SUITE("answer memo", memo_of_this_answer, memo_of_one_place, memo_has_no_room)
TEST_MAIN()
