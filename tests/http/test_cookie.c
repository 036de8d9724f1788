/* SPDX-License-Identifier: MIT */
/* test_cookie.c - cookies read, and cookies set (RFC 6265). */
#include "http/cookie.h"

#include <errno.h>
#include <stdio.h>

#include "tests/test.h"

#define S(text)                     \
    {                               \
        (text), sizeof(text "") - 1 \
    }

static const struct {
    const char *in;
    const char *want; /* name=value| of each */
} reads[] = {
    {"a=1", "a=1|"},
    {"a=1; b=2", "a=1|b=2|"},
    {"a=1;b=2;", "a=1|b=2|"},
    {"  a = 1 ;\tb= 2", "a=1|b=2|"},
    {"a=b=c", "a=b=c|"},
    {"a=", "a=|"},
    {"a=\"1 2\"; b=\"", "a=1 2|b=\"|"},
    {"a=\"\"", "a=|"},
    {"=1; junk; ; b=2", "b=2|"},
    {"$Version=1; a=1; $Path=/", "$Version=1|a=1|$Path=/|"},
    {"a=1, b=2", "a=1, b=2|"},
    {"A=1; a=2", "A=1|a=2|"},
    {"", ""},
    {";;", ""},
    {"junk", ""},
};

TEST(cookie_reads)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(reads); i++) {
        struct mr_str rest = mr_str(reads[i].in), name, value;
        char got[128] = "";
        size_t n = 0;

        while (mr_cookie_next(&rest, &name, &value))
            n += (size_t)snprintf(got + n, sizeof got - n, "%.*s=%.*s|",
                                  MR_STR(name), MR_STR(value));
        CASE("%s", reads[i].in);
        EQ_STR(got, reads[i].want);
    }
}

TEST(cookie_in_several_fields)
{
    struct mr_field room[3];
    struct mr_headers h;

    mr_headers_init(&h, room, 3);
    EQ_INT(mr_headers_add(&h, mr_str("Cookie"), mr_str("a=1")), 0);
    EQ_INT(mr_headers_add(&h, mr_str("X"), mr_str("b=9")), 0);
    EQ_INT(mr_headers_add(&h, mr_str("cookie"), mr_str("b=2; a=3; e=")), 0);
    OK(mr_str_is(mr_cookie_find(&h, "a"), "1"));
    OK(mr_str_is(mr_cookie_find(&h, "b"), "2"));
    OK(mr_cookie_find(&h, "e").p != NULL && mr_cookie_find(&h, "e").n == 0);
    OK(mr_cookie_find(&h, "A").p == NULL);
}

static const struct {
    struct mr_cookie c;
    const char *want; /* NULL: -EINVAL */
} sets[] = {
    {{.name = S("a"), .value = S("1")}, "a=1"},
    {{.name = S("a")}, "a="},
    {{.name = S("a"),
      .value = S("1"),
      .path = S("/x"),
      .domain = S("e.org"),
      .max_age = 60,
      .secure = true,
      .http_only = true,
      .same_site = MR_SAME_SITE_STRICT},
     "a=1; Path=/x; Domain=e.org; Max-Age=60; Secure; HttpOnly; "
     "SameSite=Strict"},
    {{.name = S("a"), .max_age = -1, .same_site = MR_SAME_SITE_LAX},
     "a=; Max-Age=0; SameSite=Lax"},
    {{.name = S("a"),
      .secure = true,
      .same_site = MR_SAME_SITE_NONE,
      .partitioned = true},
     "a=; Secure; SameSite=None; Partitioned"},
    {{.name = S("__Host-a"), .secure = true, .path = S("/")},
     "__Host-a=; Path=/; Secure"},
    {{.name = S("__Secure-a"), .secure = true}, "__Secure-a=; Secure"},
    {{.name = S("a"), .same_site = MR_SAME_SITE_NONE}, NULL},
    {{.name = S("a"), .partitioned = true}, NULL},
    {{.name = S("__Host-a"), .secure = true}, NULL},
    {{.name = S("__host-a"), .path = S("/")}, NULL},
    {{.name = S("__Host-a"),
      .secure = true,
      .path = S("/"),
      .domain = S("e.org")},
     NULL},
    {{.name = S("__Secure-a")}, NULL},
    {{.value = S("1")}, NULL},
    {{.name = S("a b")}, NULL},
    {{.name = S("a=b")}, NULL},
    {{.name = S("a"), .value = S("1 2")}, NULL},
    {{.name = S("a"), .value = S("1;2")}, NULL},
    {{.name = S("a"), .value = S("1,2")}, NULL},
    {{.name = S("a"), .value = S("\"1\"")}, NULL},
    {{.name = S("a"), .value = S("1\\2")}, NULL},
    {{.name = S("a"), .value = S("1\r\nX: y")}, NULL},
    {{.name = S("a"), .value = S("\xc3\xa9")}, NULL},
    {{.name = S("a"), .path = S("x")}, NULL},
    {{.name = S("a"), .path = S("/x;Secure")}, NULL},
    {{.name = S("a"), .path = S("/\n")}, NULL},
    {{.name = S("a"), .domain = S("e.org;")}, NULL},
    {{.name = S("a"), .domain = S("e org")}, NULL},
    {{.name = S("a"), .same_site = (enum mr_same_site)9}, NULL},
};

TEST(cookie_sets)
{
    char buf[MR_COOKIE_MAX];

    for (size_t i = 0; i < MR_ARRAY_LEN(sets); i++) {
        ssize_t n = mr_cookie_format(&sets[i].c, buf, sizeof buf);

        CASE("%zu: %.*s", i, MR_STR(sets[i].c.name));
        if (!sets[i].want) {
            EQ_INT(n, -EINVAL);
            continue;
        }
        OK(n >= 0);
        EQ_MEM(buf, (size_t)n, sets[i].want, strlen(sets[i].want));
        EQ_INT(mr_cookie_format(&sets[i].c, buf, (size_t)n), n);
        EQ_INT(mr_cookie_format(&sets[i].c, buf, (size_t)n - 1), -ENOBUFS);
    }
}

TEST(cookie_limit)
{
    static char value[5000];
    char buf[MR_COOKIE_MAX];
    struct mr_cookie c = {.name = mr_str("a")};

    memset(value, 'x', sizeof value);
    c.value = mr_str_n(value, 4095);
    EQ_INT(mr_cookie_format(&c, buf, sizeof buf), 4097);
    c.value.n++;
    EQ_INT(mr_cookie_format(&c, buf, sizeof buf), -EINVAL);
    c.value.n = 0;
    value[0] = '/';
    c.path = mr_str_n(value, 1025);
    EQ_INT(mr_cookie_format(&c, buf, sizeof buf), -EINVAL);
}

SUITE("cookie", cookie_reads, cookie_in_several_fields, cookie_sets,
      cookie_limit)
TEST_MAIN()
