/* SPDX-License-Identifier: MIT */
/* test_status.c - status lines and methods. */
#include "tests/test.h"

#include "http/status.h"

static const struct {
    int code;
    const char *line;
} lines[] = {
    {100, "HTTP/1.1 100 Continue\r\n"},
    {200, "HTTP/1.1 200 OK\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {511, "HTTP/1.1 511 Network Authentication Required\r\n"},
    /* none of the table's: RFC 9112 4 lets the reason be empty */
    {299, "HTTP/1.1 299 \r\n"},
    {999, "HTTP/1.1 999 \r\n"},
};

TEST(status_put_line)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        char out[MR_STATUS_LINE_MAX];
        size_t n = mr_status_put_line(out, lines[i].code);

        CASE("%d", lines[i].code);
        EQ_MEM(out, n, lines[i].line, strlen(lines[i].line));
    }
}

TEST(status_lookup)
{
    EQ_STR(mr_status_reason(404), "Not Found");
    EQ_STR(mr_status_reason(418), "");
    EQ_STR(mr_status_reason(-1), "");
    EQ_STR(mr_status_reason(99), "");
    EQ_STR(mr_status_reason(1000), "");
    EQ_INT(mr_status_line(200).n, 17);
    EQ_INT(mr_status_line(299).n, 0);
}

TEST(methods_find_themselves)
{
    for (int m = MR_METHOD_NONE + 1; m < MR_METHOD_COUNT; m++) {
        struct mr_str text = mr_method_text((enum mr_method)m);

        CASE("%s", text.p);
        OK(text.n > 0);
        EQ_INT(mr_method_find(text), m);
    }
    EQ_INT(mr_method_text(MR_METHOD_NONE).n, 0);
}

TEST(methods_unknown)
{
    static const char *const none[] = {"", "get", "GE", "GETS", "FOO", "Get"};

    for (size_t i = 0; i < MR_ARRAY_LEN(none); i++) {
        CASE("%s", none[i]);
        EQ_INT(mr_method_find(mr_str(none[i])), MR_METHOD_NONE);
    }
}

SUITE("status", status_put_line, status_lookup)
SUITE("methods", methods_find_themselves, methods_unknown)
TEST_MAIN()
