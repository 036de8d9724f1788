/* SPDX-License-Identifier: MIT */
/* test_date.c - HTTP dates. */
#include "tests/test.h"

#include <errno.h>

#include "http/date.h"

/* 2026-11-22 */
#define NOW INT64_C(1795305600)

static const struct {
    int64_t t;
    const char *text;
} formats[] = {
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
    {951868799, "Tue, 29 Feb 2000 23:59:59 GMT"},
    {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
    {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
    {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
    {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
    {MR_DATE_MIN, "Mon, 01 Jan 1601 00:00:00 GMT"},
    {MR_DATE_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    /* beyond: the nearer end */
    {INT64_MIN, "Mon, 01 Jan 1601 00:00:00 GMT"},
    {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

TEST(date_format)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(formats); i++) {
        char out[MR_DATE_LEN];

        CASE("%s", formats[i].text);
        mr_date_format(out, formats[i].t);
        EQ_MEM(out, MR_DATE_LEN, formats[i].text, strlen(formats[i].text));
    }
}

static const struct {
    const char *text;
    int64_t want; /* -EINVAL: refused */
} parses[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 06 08:49:37 1994", 784111777},
    {"Sun Nov 16 08:49:37 1994", 784975777},
    /* fifty years ahead of 2026 is the last that is ahead */
    {"Sunday, 01-Jan-76 00:00:00 GMT", 3345062400},
    {"Saturday, 01-Jan-77 00:00:00 GMT", 220924800},
    {"Thursday, 01-Jan-70 00:00:00 GMT", 3155760000},
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the wrong weekday */
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
    {"Fri, 31 Dec 9999 23:59:59 GMT", MR_DATE_MAX},
    {"Mon, 01 Jan 1601 00:00:00 GMT", MR_DATE_MIN},
    {"Fri, 31 Dec 9999 23:59:60 GMT", -EINVAL},
    {"Sun, 31 Dec 1600 23:59:59 GMT", -EINVAL},
    {"Tue, 29 Feb 2100 00:00:00 GMT", -EINVAL},
    {"Sun, 31 Apr 1994 08:49:37 GMT", -EINVAL},
    {"Sun, 00 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 24:00:00 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 08:60:00 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 08:49:61 GMT", -EINVAL},
    {"Sun, 6 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -EINVAL},
    {"Sun, 06 nov 1994 08:49:37 GMT", -EINVAL},
    {"sun, 06 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Xyz, 06 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", -EINVAL},
    {" Sun, 06 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Sun, 06 Nov 1994 08:49:37", -EINVAL},
    {"Sun, 06-Nov-94 08:49:37 GMT", -EINVAL},
    {"Sunday, 06 Nov 1994 08:49:37 GMT", -EINVAL},
    {"Sun Nov 6 08:49:37 1994", -EINVAL},
    {" Nov  6 08:49:37 1994", -EINVAL},
    {"Sun Nov -6 08:49:37 1994", -EINVAL},
    {"784111777", -EINVAL},
    {"0", -EINVAL},
    {"", -EINVAL},
    {"Sun", -EINVAL},
    {"Sunday", -EINVAL},
};

TEST(date_parse)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(parses); i++) {
        size_t n = strlen(parses[i].text);
        char *page = test_at_page_end(parses[i].text, n);
        int64_t t = -EINVAL;
        int rc = mr_date_parse(mr_str_n(page, n), NOW, &t);

        CASE("%s", parses[i].text);
        EQ_INT(rc, parses[i].want == -EINVAL ? -EINVAL : 0);
        EQ_INT(t, parses[i].want);
        test_page_free(page, n);
    }
}

TEST(date_prefixes_are_no_dates)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 0; n < strlen(parses[i].text); n++) {
            int64_t t;

            CASE("%.*s", (int)n, parses[i].text);
            EQ_INT(mr_date_parse(mr_str_n(parses[i].text, n), NOW, &t),
                   -EINVAL);
        }
    }
}

/* Every day of 800 years, and the time of day of some prime step. */
TEST(date_round_trip)
{
    for (int64_t t = MR_DATE_MIN; t < MR_DATE_MIN + 800 * 31556952LL;
         t += 86399) {
        char out[MR_DATE_LEN];
        int64_t back;

        mr_date_format(out, t);
        EQ_INT(mr_date_parse(mr_str_n(out, MR_DATE_LEN), NOW, &back), 0);
        EQ_INT(back, t);
    }
}

TEST(date_cache)
{
    struct mr_date_cache c = {0};

    EQ_MEM(mr_date_cached(&c, 0), 29, formats[0].text, 29);
    EQ_MEM(mr_date_cached(&c, 784111777), 29, formats[1].text, 29);
    c.text[0] = 's'; /* kept, not formatted again */
    EQ_INT(mr_date_cached(&c, 784111777)[0], 's');
    EQ_INT(mr_date_cached(&c, 784111778)[0], 'S');
}

SUITE("dates", date_format, date_parse, date_prefixes_are_no_dates,
      date_round_trip, date_cache)
TEST_MAIN()
