/* SPDX-License-Identifier: MIT */
/* test_headers.c - field lists and what is valid in them. */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "http/headers.h"
#include "http/span.h"

static const char *const fields[][2] = {
    {"Host", "a"},
    {"Accept", "text/html, */*;q=0.1"},
    {"Connection", "Keep-Alive,  Upgrade"},
    {"X-Empty", ""},
    {"connection", ", ,close\t,"},
    {"Etags", "\"a,b\", W/\"c\\\",d\", plain"},
};

static struct mr_headers fill(struct mr_field *room)
{
    struct mr_headers h;

    mr_headers_init(&h, room, MR_ARRAY_LEN(fields));
    for (size_t i = 0; i < MR_ARRAY_LEN(fields); i++)
        CHECK_EQ_INT(
            mr_headers_add(&h, mr_str(fields[i][0]), mr_str(fields[i][1])), 0);
    return h;
}

TEST(headers_lookup)
{
    struct mr_field room[MR_ARRAY_LEN(fields)];
    struct mr_headers h = fill(room);

    EQ_INT(mr_headers_add(&h, mr_str("a"), mr_str("b")), -ENOBUFS);
    EQ_INT(h.n, MR_ARRAY_LEN(fields));
    OK(mr_str_is(mr_headers_get(&h, "hOST"), "a"));
    EQ_PTR(mr_headers_get(&h, "hos").p, NULL);
    EQ_PTR(mr_headers_get(&h, "hostx").p, NULL);
    OK(mr_headers_get(&h, "x-empty").p != NULL);
    EQ_INT(mr_headers_find(&h, "connection", 0), 2);
    EQ_INT(mr_headers_find(&h, "connection", 3), 4);
    EQ_INT(mr_headers_find(&h, "connection", 5), -1);
    EQ_INT(mr_headers_count(&h, "CONNECTION"), 2);
    EQ_INT(mr_headers_count(&h, "none"), 0);
}

TEST(headers_tokens)
{
    struct mr_field room[MR_ARRAY_LEN(fields)];
    struct mr_headers h = fill(room);

    OK(mr_headers_has_token(&h, "connection", "keep-alive"));
    OK(mr_headers_has_token(&h, "connection", "upgrade"));
    OK(mr_headers_has_token(&h, "connection", "close"));
    OK(!mr_headers_has_token(&h, "connection", "clos"));
    OK(!mr_headers_has_token(&h, "connection", ""));
    OK(!mr_headers_has_token(&h, "accept", "*/*"));
    OK(!mr_headers_has_token(&h, "x-empty", ""));
}

TEST(headers_list_walk)
{
    struct mr_str list = mr_str(fields[5][1]), e;

    OK(mr_list_field_next(&list, &e));
    OK(mr_str_is(e, "\"a,b\""));
    OK(mr_list_field_next(&list, &e));
    OK(mr_str_is(e, "W/\"c\\\",d\""));
    OK(mr_list_field_next(&list, &e));
    OK(mr_str_is(e, "plain"));
    OK(!mr_list_field_next(&list, &e));
    OK(mr_str_is(e, "plain"));
    list = mr_str("\"open\\");
    OK(mr_list_field_next(&list, &e));
    EQ_INT(e.n, 6);
    OK(!mr_list_field_next(&list, &e));
}

/* Each of the 256 bytes, as RFC 9110 5.6.2 and 5.5 have it. */
TEST(headers_every_byte)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (int b = 0; b < 256; b++) {
        char in[3] = {'a', (char)b, 'a'};
        bool alnum = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') ||
                     (b >= 'a' && b <= 'z');
        bool token = alnum || (b > 0 && strchr(marks, b));

        CASE("byte %d", b);
        EQ_INT(mr_token_is_valid(mr_str_n(in, 3)), token);
        EQ_INT(mr_field_value_is_valid(mr_str_n(in, 3)),
               b == '\t' || (b >= 0x20 && b != 0x7f));
    }
    OK(!mr_token_is_valid(mr_str("")));
    OK(mr_field_value_is_valid(mr_str("")));
    OK(!mr_field_value_is_valid(mr_str(" a")));
    OK(!mr_field_value_is_valid(mr_str("a\t")));
}

/* Each byte at each place of a run of good ones, the run at a page's end. */
static void check_span(const char *(*span)(const char *, const char *),
                       bool (*is)(char), char good)
{
    char run[40];

    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof run; at++) {
            char *page;

            memset(run, good, sizeof run);
            run[at] = (char)c;
            page = test_at_page_end(run, sizeof run);
            CASE("%02x at %zu", (unsigned)c, at);
            EQ_INT(span(page, page + sizeof run) - page,
                   is((char)c) ? sizeof run : at);
            EQ_INT(span(page + at, page + sizeof run) - page,
                   is((char)c) ? sizeof run : at);
            test_page_free(page, sizeof run);
        }
    }
}

static bool is_token(char c)
{
    return mr_is_token_byte(c);
}

static bool is_target(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"#<>\\^`{|}", c);
}

static bool is_value(char c)
{
    unsigned char u = (unsigned char)c;

    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

TEST(headers_spans)
{
    check_span(mr_span_token, is_token, 'x');
    check_span(mr_span_target, is_target, '/');
    check_span(mr_span_value, is_value, ' ');
}

TEST(headers_values_of_every_length)
{
    char text[50];

    for (size_t n = 1; n < sizeof text; n++) {
        for (size_t at = 0; at < n; at++) {
            CASE("%zu bytes, %zu", n, at);
            memset(text, 'x', n);
            OK(mr_field_value_is_valid(mr_str_n(text, n)));
            text[at] = '\n';
            OK(!mr_field_value_is_valid(mr_str_n(text, n)));
            text[at] = ' ';
            EQ_INT(mr_field_value_is_valid(mr_str_n(text, n)),
                   at > 0 && at < n - 1);
        }
    }
}

SUITE("headers", headers_lookup, headers_tokens, headers_list_walk,
      headers_every_byte)
/* Letters, digits, '-' and '.' of every length; below 8 it may say nothing. */
TEST(headers_plain_spans)
{
    for (size_t n = 0; n < 40; n++) {
        for (int c = 0; c < 256; c++) {
            for (size_t at = 0; at < n; at++) {
                bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.';
                char run[40];
                size_t got;

                memset(run, 'x', n);
                run[at] = (char)c;
                got = (size_t)(mr_span_plain(run, run + n) - run);
                CASE("%zu bytes, %02x at %zu", n, (unsigned)c, at);
                OK(got <= (plain ? n : at));
                OK(n < 8 || n >= 16 || got == (plain ? n : at));
            }
        }
    }
}

static unsigned marks_of(const char *p, size_t n)
{
    unsigned marks = 0;

    for (size_t i = 0; i < n; i++) {
        marks |= p[i] == '?' ? MR_MARK_QUERY : 0;
        marks |= p[i] == '%' ? MR_MARK_PERCENT : 0;
        marks |= p[i] == '.' && i > 0 && p[i - 1] == '/' ? MR_MARK_DOT : 0;
    }
    return marks;
}

/* Random targets, with any number of bytes behind them, which do not count. */
TEST(headers_target_marks)
{
    static const char bytes[] = "aaaaaaaaaaaa/.?%";
    unsigned seed = (unsigned)mr_sys_monotonic();
    char text[64];

    printf("headers_target_marks: seed %u\n", seed);
    for (int i = 0; i < 200000; i++) {
        size_t n = (size_t)rand_r(&seed) % 48;
        size_t all = n + (size_t)rand_r(&seed) % 16;

        for (size_t k = 0; k < all; k++)
            text[k] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
        CASE("%.*s of %.*s", (int)n, text, (int)all, text);
        EQ_INT(mr_target_marks(text, text + n, text + all), marks_of(text, n));
    }
}

SUITE("runs", headers_plain_spans, headers_target_marks, headers_spans,
      headers_values_of_every_length)
TEST_MAIN()
