/* SPDX-License-Identifier: MIT */

/* test_str.c - views: comparison, splitting, numbers with overflow. */
#include "core/str.h"

#include <errno.h>
#include <stdio.h>

#include "tests/test.h"

TEST(str_compare)
{
    static const struct {
        const char *a;
        const char *b;
        int order;
        bool same_case_blind;
    } cases[] = {
        {"", "", 0, true},       {"a", "a", 0, true},
        {"a", "A", 1, true},     {"Keep-Alive", "keep-alive", -1, true},
        {"a", "b", -1, false},   {"ab", "a", 1, false},
        {"a", "ab", -1, false},  {"[", "{", -1, false},
        {"@", "`", -1, false},   {"\xc4", "\xe4", -1, false},
        {"\xff", "a", 1, false},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_str a = mr_str(cases[i].a);
        int order = mr_str_cmp(a, mr_str(cases[i].b));

        CASE("%s and %s", cases[i].a, cases[i].b);
        EQ_INT((order > 0) - (order < 0), cases[i].order);
        EQ_INT(mr_str_is_case(a, cases[i].b), cases[i].same_case_blind);
        EQ_INT(mr_str_is(a, cases[i].b), cases[i].order == 0);
    }
}

/* Every pair of bytes, at each place of names around eight bytes. */
TEST(str_case_of_every_pair)
{
    char a[10], b[10];

    for (int x = 0; x < 256; x++) {
        for (int y = 0; y < 256; y++) {
            bool same = x == y || ((x | 0x20) == (y | 0x20) &&
                                   (x | 0x20) >= 'a' && (x | 0x20) <= 'z');

            for (size_t at = 0; at < sizeof a; at++) {
                memset(a, 'q', sizeof a);
                memset(b, 'Q', sizeof b);
                a[at] = (char)x;
                b[at] = (char)y;
                CASE("%02x and %02x at %zu", (unsigned)x, (unsigned)y, at);
                EQ_INT(mr_str_eq_case(mr_str_n(a, sizeof a),
                                      mr_str_n(b, sizeof b)),
                       same);
            }
        }
    }
}

TEST(str_ends_and_finds)
{
    struct mr_str s = mr_str("index.html");

    OK(mr_str_starts(s, "index"));
    OK(mr_str_starts(s, ""));
    OK(!mr_str_starts(s, "index.html5"));
    OK(mr_str_ends(s, ".html"));
    OK(mr_str_ends(s, ""));
    OK(!mr_str_ends(s, ".htm"));
    OK(!mr_str_ends(mr_str("x"), "xx"));
    EQ_INT(mr_str_find(s, '.'), 5);
    EQ_INT(mr_str_find(s, '/'), -1);
    EQ_INT(mr_str_find(mr_str(NULL), 'x'), -1);
    OK(mr_str_is_empty(mr_str(NULL)));
}

TEST(str_trim_blanks)
{
    OK(mr_str_is(mr_str_trim(mr_str(" \t a b\t ")), "a b"));
    OK(mr_str_is(mr_str_trim(mr_str("\t \t")), ""));
    OK(mr_str_is(mr_str_trim(mr_str("a\r\n")), "a\r\n"));
    OK(mr_str_is(mr_str_trim(mr_str(NULL)), ""));
}

TEST(str_words)
{
    struct mr_str rest = mr_str("  a  bc d "), word;
    char got[32] = "";

    while (mr_str_word(&rest, &word))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s,",
                 MR_STR(word));
    EQ_STR(got, "a,bc,d,");
    rest = mr_str("");
    OK(!mr_str_word(&rest, &word));
}

TEST(str_split_parts)
{
    static const struct {
        const char *in;
        const char *parts; /* each in brackets */
    } cases[] = {
        {"a,,b,", "[a][][b][]"}, {"a", "[a]"}, {"", "[]"},
        {",", "[][]"},           {NULL, ""},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_str rest = mr_str(cases[i].in), part;
        char got[64] = "";
        size_t n = 0;

        CASE("%s", cases[i].in ? cases[i].in : "NULL");
        while (mr_str_split(&rest, ',', &part)) {
            got[n++] = '[';
            if (part.n > 0)
                memcpy(got + n, part.p, part.n);
            n += part.n;
            got[n++] = ']';
        }
        EQ_STR(got, cases[i].parts);
    }
}

TEST(str_numbers)
{
    static const struct {
        const char *in;
        bool hex;
        uint64_t max;
        int want;
        uint64_t value;
    } cases[] = {
        {"0", false, UINT64_MAX, 0, 0},
        {"007", false, UINT64_MAX, 0, 7},
        {"18446744073709551615", false, UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", false, UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999", false, UINT64_MAX, -ERANGE, 0},
        {"9999999999999999999999x", false, UINT64_MAX, -EINVAL, 0},
        {"256", false, 255, -ERANGE, 0},
        {"255", false, 255, 0, 255},
        {"", false, UINT64_MAX, -EINVAL, 0},
        {"+1", false, UINT64_MAX, -EINVAL, 0},
        {"-1", false, UINT64_MAX, -EINVAL, 0},
        {" 1", false, UINT64_MAX, -EINVAL, 0},
        {"1 ", false, UINT64_MAX, -EINVAL, 0},
        {"a", false, UINT64_MAX, -EINVAL, 0},
        {"a", true, UINT64_MAX, 0, 10},
        {"fFfFfFfFfFfFfFfF", true, UINT64_MAX, 0, UINT64_MAX},
        {"10000000000000000", true, UINT64_MAX, -ERANGE, 0},
        {"0x1", true, UINT64_MAX, -EINVAL, 0},
        {"g", true, UINT64_MAX, -EINVAL, 0},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_str s = mr_str(cases[i].in);
        uint64_t v = 4711;

        CASE("%s", cases[i].in);
        if (cases[i].hex)
            EQ_INT(mr_str_hex_to_u64(s, cases[i].max, &v), cases[i].want);
        else
            EQ_INT(mr_str_to_u64(s, cases[i].max, &v), cases[i].want);
        OK(v == (cases[i].want ? 4711 : cases[i].value));
    }
}

TEST(str_put_numbers)
{
    static const struct {
        uint64_t v;
        const char *want;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {UINT64_MAX, "18446744073709551615"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        char buf[20];
        size_t n = mr_str_put_u64(buf, cases[i].v);

        EQ_MEM(buf, n, cases[i].want, strlen(cases[i].want));
    }
}

TEST(str_sizes)
{
    static const struct {
        const char *in;
        int want;
        uint64_t bytes;
    } cases[] = {
        {"0", 0, 0},
        {"64K", 0, 65536},
        {"8m", 0, 8 << 20},
        {"3G", 0, 3221225472},
        {"17179869183G", 0, 17179869183ULL << 30},
        {"17179869184G", -ERANGE, 0},
        {"K", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"1KB", -EINVAL, 0},
        {"1.5M", -EINVAL, 0},
        {"-1K", -EINVAL, 0},
        {"1 K", -EINVAL, 0},
        {"10s", -EINVAL, 0},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        uint64_t v = 4711;

        CASE("%s", cases[i].in);
        EQ_INT(mr_str_to_size(mr_str(cases[i].in), &v), cases[i].want);
        OK(v == (cases[i].want ? 4711 : cases[i].bytes));
    }
}

TEST(str_durations)
{
    static const struct {
        const char *in;
        int want;
        int64_t ns;
    } cases[] = {
        {"0", 0, 0},
        {"10", 0, 10000000000},
        {"10s", 0, 10000000000},
        {"500ms", 0, 500000000},
        {"2m", 0, 120000000000},
        {"1h", 0, 3600000000000},
        {"9223372036", 0, 9223372036000000000},
        {"9223372037", -ERANGE, 0},
        {"99999999999999999999h", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"1us", -EINVAL, 0},
        {"1S", -EINVAL, 0},
        {"-1s", -EINVAL, 0},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        int64_t v = 4711;

        CASE("%s", cases[i].in);
        EQ_INT(mr_str_to_duration(mr_str(cases[i].in), &v), cases[i].want);
        EQ_INT(v, cases[i].want ? 4711 : cases[i].ns);
    }
}

TEST(str_escape_stops_before_an_escape)
{
    static const struct {
        const char *in;
        size_t size;
        const char *want;
    } cases[] = {
        {"plain", 64, "plain"},
        {"a\"b\\c\n\x7f\xff", 64, "a\\x22b\\x5cc\\x0a\\x7f\\xff"},
        {"abcdef", 4, "abc"},
        {"ab\n", 7, "ab\\x0a"},
        {"ab\n", 6, "ab"},
        {"\n", 1, ""},
    };
    char untouched = 'x';

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        char out[64];
        size_t n;

        CASE("%zu of %s", i, cases[i].want);
        n = mr_str_escape(out, cases[i].size, mr_str(cases[i].in));
        EQ_STR(out, cases[i].want);
        EQ_INT(n, strlen(cases[i].want));
    }
    EQ_INT(mr_str_escape(&untouched, 0, mr_str("a")), 0);
    EQ_INT(untouched, 'x');
}

/* Views end where they say, not at a NUL: a byte beyond is a fault. */
TEST(str_reads_nothing_beyond)
{
    static const char *const texts[] = {"123", "64K", "10ms", " a ", "a,b"};

    for (size_t i = 0; i < MR_ARRAY_LEN(texts); i++) {
        size_t n = strlen(texts[i]);
        char *p = test_at_page_end(texts[i], n);
        struct mr_str s = mr_str_n(p, n), part;
        uint64_t u;
        int64_t d;

        CASE("%s", texts[i]);
        EQ_INT(mr_str_to_u64(s, 999, &u), i == 0 ? 0 : -EINVAL);
        EQ_INT(mr_str_to_size(s, &u), i <= 1 ? 0 : -EINVAL);
        EQ_INT(mr_str_to_duration(s, &d), i == 0 || i == 2 ? 0 : -EINVAL);
        EQ_INT(mr_str_trim(s).n, i == 3 ? 1 : n);
        OK(mr_str_split(&s, ',', &part));
        test_page_free(p, n);
    }
}

TEST(str_utf8)
{
    static const struct {
        const char *in;
        bool want;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xc2", false},
        {"\xc2x", false},
        {"\xc2\xc0", false},
        {"\xe0\x9f\xbf", false},
        {"\xe1\x80", false},
        {"\xe1\x80\x7f", false},
        {"\xed\xa0\x80", false}, /* a surrogate */
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf1\x80\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"ok\xf0\x9f\x98", false},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%zu", i);
        EQ_INT(mr_str_is_utf8(mr_str(cases[i].in)), cases[i].want);
    }
}

SUITE("views", str_compare, str_case_of_every_pair, str_ends_and_finds,
      str_trim_blanks, str_words, str_split_parts, str_reads_nothing_beyond)
SUITE("numbers", str_numbers, str_put_numbers, str_sizes, str_durations)
SUITE("escaping", str_escape_stops_before_an_escape)
SUITE("UTF-8", str_utf8);
TEST_MAIN()
