/* SPDX-License-Identifier: MIT */
#include "io/addr.h"

#include <arpa/inet.h>
#include <errno.h>

#include "tests/test.h"

#define LONG_107                                                              \
    "unix:/23456789012345678901234567890123456789012345678901234567890123456" \
    "78901234567890123456789012345678901234567"

static const struct {
    const char *in;
    int rc;
    const char *out; /* formatted again */
    int family;
    int port;
} cases[] = {
    {"127.0.0.1:8080", 0, "127.0.0.1:8080", AF_INET, 8080},
    {"0.0.0.0:0", 0, "0.0.0.0:0", AF_INET, 0},
    {"255.255.255.255:65535", 0, "255.255.255.255:65535", AF_INET, 65535},
    {"[::1]:8080", 0, "[::1]:8080", AF_INET6, 8080},
    {"[2001:DB8::0:1]:80", 0, "[2001:db8::1]:80", AF_INET6, 80},
    {"*:8080", 0, "[::]:8080", AF_INET6, 8080},
    {":8080", 0, "[::]:8080", AF_INET6, 8080},
    {"unix:/run/x.sock", 0, "unix:/run/x.sock", AF_UNIX, 0},
    {"unix:x", 0, "unix:x", AF_UNIX, 0},
    {"unix:@name", 0, "unix:@name", AF_UNIX, 0},
    {LONG_107, 0, LONG_107, AF_UNIX, 0},
    {LONG_107 "x", -ENAMETOOLONG, "", 0, 0},
    {"", -EINVAL, "", 0, 0},
    {"8080", -EINVAL, "", 0, 0},
    {"127.0.0.1", -EINVAL, "", 0, 0},
    {"127.0.0.1:", -EINVAL, "", 0, 0},
    {"127.0.0.1:80x", -EINVAL, "", 0, 0},
    {"127.0.0.1:-1", -EINVAL, "", 0, 0},
    {"127.0.0.1: 80", -EINVAL, "", 0, 0},
    {"127.0.0.1:65536", -ERANGE, "", 0, 0},
    {"127.0.0.1:99999999999999999999", -ERANGE, "", 0, 0},
    {"127.1:80", -EINVAL, "", 0, 0},
    {"256.0.0.1:80", -EINVAL, "", 0, 0},
    {"localhost:80", -EINVAL, "", 0, 0},
    {"::1:80", -EINVAL, "", 0, 0},
    {"[::1]", -EINVAL, "", 0, 0},
    {"[::1:80", -EINVAL, "", 0, 0},
    {"[]:80", -EINVAL, "", 0, 0},
    {"[:80", -EINVAL, "", 0, 0},
    {"[127.0.0.1]:80", -EINVAL, "", 0, 0},
    {"[fe80::1%eth0]:80", -EINVAL, "", 0, 0},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80", -EINVAL, "", 0,
     0},
    {"unix:", -EINVAL, "", 0, 0},
    {"unix:@", -EINVAL, "", 0, 0},
};

TEST(addr_parse)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_addr a;
        char text[MR_ADDR_TEXT];

        CASE("%s", cases[i].in);
        EQ_INT(mr_addr_parse(&a, mr_str(cases[i].in)), cases[i].rc);
        if (cases[i].rc)
            continue;
        EQ_INT(mr_addr_format(&a, text, sizeof text), strlen(cases[i].out));
        EQ_STR(text, cases[i].out);
        EQ_INT(mr_addr_family(&a), cases[i].family);
        EQ_INT(mr_addr_port(&a), cases[i].port);
    }
}

TEST(addr_parse_nul)
{
    struct mr_addr a;

    EQ_INT(mr_addr_parse(&a, mr_str_n("unix:/a\0b", 9)), -EINVAL);
    EQ_INT(mr_addr_parse(&a, mr_str_n("127.0.0.1\0:80", 13)), -EINVAL);
}

/* No byte behind the text is looked at. */
TEST(addr_parse_page_end)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].in);
        char *p = test_at_page_end(cases[i].in, n);
        struct mr_addr a;
        int rc = mr_addr_parse(&a, mr_str_n(p, n));

        test_page_free(p, n);
        CASE("%s", cases[i].in);
        EQ_INT(rc, cases[i].rc);
    }
}

TEST(addr_format_cut)
{
    struct mr_addr a;
    char text[8];

    EQ_INT(mr_addr_parse(&a, mr_str("127.0.0.1:8080")), 0);
    EQ_INT(mr_addr_format(&a, text, sizeof text), 7);
    EQ_STR(text, "127.0.0");
    EQ_INT(mr_addr_format(&a, text, 1), 0);
    EQ_STR(text, "");
}

TEST(addr_unwraps_ipv4)
{
    struct mr_addr a, b;
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(80),
    };

    EQ_INT(inet_pton(AF_INET6, "::ffff:10.0.0.1", &in6.sin6_addr), 1);
    EQ_INT(mr_addr_set(&a, (void *)&in6, sizeof in6), 0);
    EQ_INT(mr_addr_parse(&b, mr_str("10.0.0.1:80")), 0);
    EQ_INT(mr_addr_cmp(&a, &b), 0);
}

TEST(addr_set_refuses)
{
    struct mr_addr a;
    struct sockaddr_in in = {.sin_family = AF_INET};

    EQ_INT(mr_addr_set(&a, (void *)&in, 0), -EINVAL);
    EQ_INT(mr_addr_set(&a, (void *)&in, sizeof in - 1), -EINVAL);
    in.sin_family = AF_PACKET;
    EQ_INT(mr_addr_set(&a, (void *)&in, sizeof in), -EAFNOSUPPORT);
}

/* A peer that never called bind has no name. */
TEST(addr_unnamed_unix)
{
    struct mr_addr a;
    struct sockaddr sa = {.sa_family = AF_UNIX};
    char text[MR_ADDR_TEXT];

    EQ_INT(mr_addr_set(&a, &sa, sizeof sa.sa_family), 0);
    EQ_INT(mr_addr_format(&a, text, sizeof text), 5);
    EQ_STR(text, "unix:");
}

/* In ascending order. */
static const char *const ordered[] = {
    "unix:@a",      "unix:@b",     "unix:/a", "unix:/ab", "127.0.0.1:80",
    "127.0.0.1:81", "128.0.0.1:1", "[::]:1",  "[::1]:80", "[::1]:443",
};

TEST(addr_cmp)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(ordered); i++) {
        for (size_t k = 0; k < MR_ARRAY_LEN(ordered); k++) {
            struct mr_addr a, b;
            int d;

            CASE("%s and %s", ordered[i], ordered[k]);
            EQ_INT(mr_addr_parse(&a, mr_str(ordered[i])), 0);
            EQ_INT(mr_addr_parse(&b, mr_str(ordered[k])), 0);
            d = mr_addr_cmp(&a, &b);
            EQ_INT((d > 0) - (d < 0), (i > k) - (i < k));
        }
    }
}

static const struct {
    const char *in;
    bool loopback;
    bool any;
} kinds[] = {
    {"127.0.0.1:1", true, false},  {"127.255.0.9:1", true, false},
    {"128.0.0.1:1", false, false}, {"0.0.0.0:1", false, true},
    {"[::1]:1", true, false},      {"[::2]:1", false, false},
    {"*:1", false, true},          {"unix:/x", true, false},
};

TEST(addr_kinds)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(kinds); i++) {
        struct mr_addr a;

        CASE("%s", kinds[i].in);
        EQ_INT(mr_addr_parse(&a, mr_str(kinds[i].in)), 0);
        EQ_INT(mr_addr_is_loopback(&a), kinds[i].loopback);
        EQ_INT(mr_addr_is_any(&a), kinds[i].any);
    }
}

TEST(addr_set_port)
{
    static const char *const in[] = {"1.2.3.4:1", "[::1]:1", "unix:/x"};
    static const char *const out[] = {"1.2.3.4:99", "[::1]:99", "unix:/x"};

    for (size_t i = 0; i < MR_ARRAY_LEN(in); i++) {
        struct mr_addr a;
        char text[MR_ADDR_TEXT];

        EQ_INT(mr_addr_parse(&a, mr_str(in[i])), 0);
        mr_addr_set_port(&a, 99);
        mr_addr_format(&a, text, sizeof text);
        EQ_STR(text, out[i]);
    }
}

SUITE("text", addr_parse, addr_parse_nul, addr_parse_page_end, addr_format_cut,
      addr_unnamed_unix)
SUITE("addresses", addr_unwraps_ipv4, addr_set_refuses, addr_cmp, addr_kinds,
      addr_set_port)
TEST_MAIN()
