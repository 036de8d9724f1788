/* SPDX-License-Identifier: MIT */

/* test_format.c - mr_vformat says what vsnprintf says, in every room. */
#include "core/format.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tests/test.h"

static MR_PRINTF(3, 4) int ours(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = mr_vformat(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

/* With no room, each one that is too small, and enough. */
#define SAME(...)                                            \
    do {                                                     \
        char want[300], got[300];                            \
        int n = snprintf(want, sizeof want, __VA_ARGS__);    \
                                                             \
        CASE("%s", want);                                    \
        OK(n >= 0 && n < 290);                               \
        for (int room = 0; room < n + 4; room++) {           \
            snprintf(want, (size_t)room, __VA_ARGS__);       \
            memset(got, '#', sizeof got);                    \
            EQ_INT(ours(got, (size_t)room, __VA_ARGS__), n); \
            EQ_INT(got[room], '#');                          \
            if (room > 0)                                    \
                EQ_STR(got, want);                           \
        }                                                    \
    } while (0)

TEST(format_common)
{
    SAME("plain");
    SAME("%s", "");
    SAME("hello, %s and %s\n", "you", "me");
    SAME("[%.*s]", 3, "abcdef");
    SAME("[%.*s]", 9, "abc");
    SAME("[%.*s]", 0, "abc");
    SAME("[%.*s]", -1, "abc");
    SAME("%d %d %d %d", 0, 9, 10, 99);
    SAME("%d %d %d", 100, INT_MAX, INT_MIN);
    SAME("%u %u", 12345U, UINT_MAX);
    SAME("%ld %lu", LONG_MIN, ULONG_MAX);
    SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
    SAME("%zu %jd %ju", SIZE_MAX, INTMAX_MIN, UINTMAX_MAX);
    SAME("%" PRIu64 " %" PRId64, UINT64_C(1234567890123), INT64_C(-1));
    SAME("%c%c 100%%", 'a', 'b');
}

TEST(format_the_rest)
{
    SAME("%5d|%-5d|%05d|%+d", 1, 2, 3, 4);
    SAME("%x %#o %5.1f %g", 255U, 8U, 1.25, 1e9);
    SAME("%10s|%-10s|%.3s", "a", "b", "cdefg");
    SAME("%hhd %hd %zd", (signed char)-1, (short)-2, (ssize_t)-3);
    SAME("a %s, then %08lx, then %d", "text", 0xbeefUL, 7);
    SAME("%p", (void *)(uintptr_t)0x1234);
}

TEST(format_reads_no_further)
{
    char buf[16];
    char *page = test_at_page_end("abcd", 4);

    EQ_INT(ours(buf, sizeof buf, "%.*s", 4, page), 4);
    EQ_STR(buf, "abcd");
    test_page_free(page, 4);
}

static MR_PRINTF(3, 4) int twice(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    CHECK_EQ_INT(mr_vformat(buf, 1, fmt, ap), 7);
    n = mr_vformat(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

TEST(format_leaves_the_list)
{
    char buf[32];

    EQ_INT(twice(buf, sizeof buf, "%s %d %x", "abc", 1, 15U), 7);
    EQ_STR(buf, "abc 1 f");
}

SUITE("as vsnprintf", format_common, format_the_rest, format_reads_no_further,
      format_leaves_the_list)
TEST_MAIN()
