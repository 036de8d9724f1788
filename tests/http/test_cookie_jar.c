/* SPDX-License-Identifier: MIT */
/* test_cookie_jar.c - cookies taken and sent, by RFC 6265 and 6265bis. */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"
#include "http/cookie_jar.h"

#define NOW INT64_C(1700000000)

static int set_at(struct mr_cookie_jar *jar, const char *url,
                  struct mr_str cookie, int64_t now)
{
    struct mr_arena a;
    struct mr_uri u;
    int rc;

    mr_arena_init(&a, 256);
    CHECK_EQ_INT(mr_uri_parse(&a, mr_str(url), &u, NULL), 0);
    rc = mr_cookie_jar_set(jar, &u, cookie, now);
    mr_arena_fini(&a);
    return rc;
}

static int set(struct mr_cookie_jar *jar, const char *url, const char *cookie)
{
    struct mr_str copy =
        mr_str_n(test_at_page_end(cookie, strlen(cookie)), strlen(cookie));
    int rc = set_at(jar, url, copy, NOW);

    test_page_free((void *)copy.p, copy.n); /* nothing of it is kept */
    return rc;
}

static void check_at(struct mr_cookie_jar *jar, const char *url, int64_t now,
                     const char *want)
{
    struct mr_arena a;
    struct mr_str got;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    CHECK_EQ_INT(mr_uri_parse(&a, mr_str(url), &u, NULL), 0);
    CHECK_EQ_INT(mr_cookie_jar_get(jar, &u, now, &a, &got), 0);
    CHECK_EQ_MEM(got.p, got.n, want, strlen(want));
    mr_arena_fini(&a);
}

static void check(struct mr_cookie_jar *jar, const char *url, const char *want)
{
    check_at(jar, url, NOW, want);
}

/* --- one cookie --- */

static const struct {
    const char *url, *cookie; /* set there */
    const char *to;           /* asked for here */
    const char *want;         /* what is sent; NULL: the cookie is refused */
} ones[] = {
    /* names and values */
    {"http://a.com/", "n=v", "http://a.com/", "n=v"},
    {"http://a.com/", " n = v ; x", "http://a.com/", "n=v"},
    {"http://a.com/", "n=", "http://a.com/", "n="},
    {"http://a.com/", "n=a=b", "http://a.com/", "n=a=b"},
    {"http://a.com/", "n=\"a b\"", "http://a.com/", "n=\"a b\""},
    {"http://a.com/", "v", "http://a.com/", "v"},
    {"http://a.com/", "=v", "http://a.com/", "v"},
    {"http://a.com/", "n=\xc3\xa4", "http://a.com/", "n=\xc3\xa4"},
    {"http://a.com/", "n=v,m=w", "http://a.com/", "n=v,m=w"},
    {"http://a.com/", "", "http://a.com/", NULL},
    {"http://a.com/", "=", "http://a.com/", NULL},
    {"http://a.com/", " ; Path=/", "http://a.com/", NULL},
    {"http://a.com/", "n=a\x01", "http://a.com/", NULL},
    {"http://a.com/", "n=a\tb", "http://a.com/", NULL},
    {"http://a.com/", "n=v; Path=/\x7f", "http://a.com/", NULL},
    /* hosts */
    {"http://a.com/", "n=v", "http://b.a.com/", ""},
    {"http://b.a.com/", "n=v", "http://a.com/", ""},
    {"http://a.com/", "n=v; Domain=a.com", "http://c.b.a.com/", "n=v"},
    {"http://a.com/", "n=v; domain=.A.com", "http://b.a.com/", "n=v"},
    {"http://a.com/", "n=v; Domain=a.com", "http://ba.com/", ""},
    {"http://b.a.com/", "n=v; Domain=a.com", "http://c.a.com/", "n=v"},
    {"http://b.a.com/", "n=v; Domain=a.com", "http://a.com/", "n=v"},
    {"http://b.a.com/", "n=v; Domain=b.a.com", "http://a.com/", ""},
    {"http://a.com/", "n=v; Domain=", "http://b.a.com/", ""},
    {"http://a.com/", "n=v; Domain=.", "http://a.com/", "n=v"},
    {"http://a.com/", "n=v; Domain=b.com; Domain=a.com", "http://a.com/",
     "n=v"},
    {"http://a.com/", "n=v; Domain=b.com", "http://b.com/", NULL},
    {"http://a.com/", "n=v; Domain=b.a.com", "http://b.a.com/", NULL},
    {"http://ba.com/", "n=v; Domain=a.com", "http://a.com/", NULL},
    {"http://a.com/", "n=v; Domain=..a.com", "http://a.com/", NULL},
    {"http://a.com./", "n=v", "http://a.com/", ""},
    {"http://a.com./", "n=v; Domain=a.com", "http://a.com/", NULL},
    {"http://localhost:8080/", "n=v", "http://localhost:81/", "n=v"},
    {"http://localhost/", "n=v; Domain=localhost", "http://localhost/", "n=v"},
    {"http://localhost/", "n=v; Domain=localhost", "http://a.localhost/", ""},
    /* public suffixes */
    {"http://a.com/", "n=v; Domain=com", "http://b.com/", NULL},
    {"http://a.co.uk/", "n=v; Domain=co.uk", "http://b.co.uk/", NULL},
    {"http://a.co.uk/", "n=v; Domain=.co.uk.", "http://b.co.uk/", NULL},
    {"http://a.co.uk./", "n=v; Domain=co.uk.", "http://b.co.uk./", NULL},
    {"http://a.github.io/", "n=v; Domain=github.io", "http://b.github.io/",
     NULL},
    {"http://github.io/", "n=v; Domain=github.io", "http://github.io/", "n=v"},
    {"http://github.io/", "n=v; Domain=github.io", "http://b.github.io/", ""},
    {"http://b.a.co.uk/", "n=v; Domain=a.co.uk", "http://c.a.co.uk/", "n=v"},
    /* addresses */
    {"http://1.2.3.4/", "n=v", "http://1.2.3.4/", "n=v"},
    {"http://1.2.3.4/", "n=v; Domain=1.2.3.4", "http://1.2.3.4/", "n=v"},
    {"http://1.2.3.4/", "n=v; Domain=2.3.4", "http://1.2.3.4/", NULL},
    {"http://1.2.3.4/", "n=v; Domain=4", "http://1.2.3.4/", NULL},
    {"http://[::1]/", "n=v", "http://[::1]:81/", "n=v"},
    /* paths */
    {"http://a.com/b/c", "n=v", "http://a.com/b/", "n=v"},
    {"http://a.com/b/c", "n=v", "http://a.com/b", "n=v"},
    {"http://a.com/b/c", "n=v", "http://a.com/b/x/y", "n=v"},
    {"http://a.com/b/c", "n=v", "http://a.com/bc", ""},
    {"http://a.com/b/c", "n=v", "http://a.com/", ""},
    {"http://a.com/b", "n=v", "http://a.com/x", "n=v"},
    {"http://a.com/b/c", "n=v; Path=/", "http://a.com/x", "n=v"},
    {"http://a.com/b/c", "n=v; path=/x", "http://a.com/x/y", "n=v"},
    {"http://a.com/b/c", "n=v; path=/x/", "http://a.com/x/y", "n=v"},
    {"http://a.com/b/c", "n=v; path=/x/", "http://a.com/x", ""},
    {"http://a.com/b/c", "n=v; path=x", "http://a.com/b/d", "n=v"},
    {"http://a.com/b/c", "n=v; path", "http://a.com/b/d", "n=v"},
    {"http://a.com/b/c", "n=v; path=/x; path=/b", "http://a.com/b/d", "n=v"},
    {"http://a.com/b/c", "n=v; path=/\ta", "http://a.com/b/d", "n=v"},
    {"http://a.com/b?x=/c", "n=v", "http://a.com/z?/b", "n=v"},
    /* Secure */
    {"https://a.com/", "n=v; Secure", "https://a.com/", "n=v"},
    {"https://a.com/", "n=v; SECURE=no", "http://a.com/", ""},
    {"https://a.com/", "n=v", "http://a.com/", "n=v"},
    {"http://a.com/", "n=v; Secure", "https://a.com/", NULL},
    {"https://a.com/",
     "n=v; HttpOnly; SameSite=Strict; Foo; =", "http://a.com/", "n=v"},
    /* names that promise */
    {"https://a.com/", "__Secure-n=v; Secure", "https://a.com/",
     "__Secure-n=v"},
    {"https://a.com/", "__Secure-n=v", "https://a.com/", NULL},
    {"http://a.com/", "__Secure-n=v; Secure", "https://a.com/", NULL},
    {"https://a.com/", "__Host-n=v; Secure; Path=/", "https://a.com/",
     "__Host-n=v"},
    {"https://a.com/", "__host-n=v; Secure; Path=/", "https://a.com/",
     "__host-n=v"},
    {"https://a.com/", "__Host-n=v; Secure", "https://a.com/", NULL},
    {"https://a.com/", "__Host-n=v; Path=/", "https://a.com/", NULL},
    {"https://a.com/", "__Host-n=v; Secure; Path=/x", "https://a.com/x", NULL},
    {"https://a.com/", "__Host-n=v; Secure; Path=/; Domain=a.com",
     "https://a.com/", NULL},
    {"https://a.com/", "__host-n=v; Secure; Path=/; Domain=a.com",
     "https://a.com/", NULL},
    {"https://a.com/", "=__Host-n=v; Secure", "https://a.com/", NULL},
    {"https://a.com/", "=__secure-n", "https://a.com/", NULL},
};

TEST(jar_one)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(ones); i++) {
        struct mr_cookie_jar *jar;

        CASE("%s from %s to %s", ones[i].cookie, ones[i].url, ones[i].to);
        EQ_INT(mr_cookie_jar_new(&jar), 0);
        EQ_INT(set(jar, ones[i].url, ones[i].cookie),
               ones[i].want ? 0 : -EINVAL);
        EQ_INT(mr_cookie_jar_count(jar), ones[i].want != NULL);
        check(jar, ones[i].to, ones[i].want ? ones[i].want : "");
        mr_cookie_jar_free(jar);
    }
}

/* --- time --- */

static const struct {
    const char *attributes;
    int64_t until; /* seconds from NOW on; -1: gone at once; 0: for ever */
} times[] = {
    {"", 0},
    {"; Max-Age=60", 60},
    {"; max-age=1", 1},
    {"; Max-Age=0", -1},
    {"; Max-Age=-1", -1},
    {"; Max-Age=-99999999999999999999", -1},
    {"; Max-Age=99999999999999999999", MR_COOKIE_AGE_MAX},
    {"; Max-Age=x", 0},
    {"; Max-Age=", 0},
    {"; Max-Age=-", 0},
    {"; Max-Age=+5", 0},
    {"; Max-Age=5x", 0},
    {"; Max-Age=60; Max-Age=70", 70},
    {"; Expires=Tue, 14 Nov 2023 22:14:20 GMT", 60},
    {"; Expires=Tue, 14 Nov 2023 22:13:20 GMT", -1},
    {"; Expires=Thu, 01 Jan 1970 00:00:00 GMT", -1},
    {"; Expires=Fri, 31 Dec 9999 23:59:59 GMT", MR_COOKIE_AGE_MAX},
    {"; Expires=soon", 0},
    {"; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", 60},
    {"; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 60},
    {"; Max-Age=0; Expires=Tue, 14 Nov 2023 22:14:20 GMT", -1},
};

TEST(jar_times)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(times); i++) {
        struct mr_cookie_jar *jar;
        char cookie[128];

        CASE("%s", times[i].attributes);
        EQ_INT(mr_cookie_jar_new(&jar), 0);
        snprintf(cookie, sizeof cookie, "n=v%s", times[i].attributes);
        EQ_INT(set(jar, "http://a.com/", cookie), 0);
        EQ_INT(mr_cookie_jar_count(jar), times[i].until >= 0);
        if (times[i].until >= 0)
            check_at(jar, "http://a.com/",
                     NOW + (times[i].until ? times[i].until - 1 : INT32_MAX),
                     "n=v");
        if (times[i].until > 0)
            check_at(jar, "http://a.com/", NOW + times[i].until, "");
        mr_cookie_jar_free(jar);
    }
}

/* --- several --- */

TEST(jar_order)
{
    struct mr_cookie_jar *jar;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    EQ_INT(set(jar, "http://b.a.com/", "1=a; Path=/"), 0);
    EQ_INT(set(jar, "http://b.a.com/", "2=b; Path=/x; Domain=a.com"), 0);
    EQ_INT(set(jar, "http://b.a.com/", "3=c; Path=/x/y"), 0);
    EQ_INT(set(jar, "http://b.a.com/", "4=d; Path=/; Domain=a.com"), 0);
    EQ_INT(set(jar, "http://b.a.com/", "5=e; Path=/x"), 0);
    check(jar, "http://b.a.com/x/y/z", "3=c; 2=b; 5=e; 1=a; 4=d");
    /* one that is set again keeps its place */
    EQ_INT(set(jar, "http://b.a.com/", "1=A; Path=/"), 0);
    check(jar, "http://b.a.com/", "1=A; 4=d");
    /* so does one of another name, domain or path */
    EQ_INT(set(jar, "http://b.a.com/", "1=x; Path=/; Domain=a.com"), 0);
    EQ_INT(set(jar, "http://b.a.com/", "1=y; Path=/; Domain=b.a.com"), 0);
    check(jar, "http://b.a.com/", "1=A; 4=d; 1=x; 1=y");
    EQ_INT(set(jar, "http://b.a.com/", "1=; Path=/; Max-Age=0"), 0);
    check(jar, "http://b.a.com/", "4=d; 1=x; 1=y");
    EQ_INT(set(jar, "http://b.a.com/", "7=; Max-Age=0"), 0); /* there is none */
    EQ_INT(mr_cookie_jar_count(jar), 6);
    mr_cookie_jar_free(jar);
}

/* What https set, http neither replaces nor hides. */
TEST(jar_secure_stays)
{
    struct mr_cookie_jar *jar;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    EQ_INT(set(jar, "https://b.a.com/x/y", "n=s; Secure; Path=/x"), 0);
    EQ_INT(set(jar, "http://b.a.com/x/y", "n=v; Path=/x"), -EINVAL);
    EQ_INT(set(jar, "http://b.a.com/x/y", "n=v; Path=/x/y"), -EINVAL);
    EQ_INT(set(jar, "http://b.a.com/", "n=v; Path=/x; Domain=a.com"), -EINVAL);
    EQ_INT(set(jar, "http://a.com/x/y", "n=v; Path=/x"), -EINVAL);
    EQ_INT(set(jar, "http://c.b.a.com/x/y", "n=v; Path=/x"), -EINVAL);
    EQ_INT(set(jar, "http://b.a.com/", "n=; Path=/x; Max-Age=0"), -EINVAL);
    EQ_INT(set(jar, "http://b.a.com/", "n=v; Path=/"), 0);
    EQ_INT(set(jar, "http://c.a.com/x/y", "n=v"), 0);
    EQ_INT(set(jar, "http://b.a.com/x/y", "m=v"), 0);
    check(jar, "https://b.a.com/x/y", "n=s; m=v; n=v");
    EQ_INT(set(jar, "https://b.a.com/x/y", "n=t; Path=/x"), 0);
    check(jar, "http://b.a.com/x/y", "n=t; m=v; n=v");
    mr_cookie_jar_free(jar);
}

/* --- limits --- */

TEST(jar_sizes)
{
    static char big[MR_COOKIE_PAIR_MAX + 200];
    struct mr_cookie_jar *jar;
    struct mr_str cookie = {big, MR_COOKIE_PAIR_MAX + 1}; /* and the '=' */

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    memset(big, 'x', sizeof big);
    big[10] = '=';
    EQ_INT(set_at(jar, "http://a.com/", cookie, NOW), 0);
    cookie.n++;
    EQ_INT(set_at(jar, "http://a.com/", cookie, NOW), -EINVAL);
    /* a longer attribute is passed over */
    memcpy(big, "n=v; Path=/x", 12);
    cookie.n = 10 + MR_COOKIE_ATTRIBUTE_MAX;
    EQ_INT(set_at(jar, "http://a.com/", cookie, NOW), 0);
    cookie.n++;
    big[0] = 'm';
    EQ_INT(set_at(jar, "http://b.com/", cookie, NOW), 0);
    check(jar, "http://b.com/", "m=v");
    EQ_INT(mr_cookie_jar_count(jar), 3);
    mr_cookie_jar_free(jar);
}

TEST(jar_many_of_one)
{
    struct mr_cookie_jar *jar;
    char text[64];

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    EQ_INT(set(jar, "https://a.com/", "s=1; Secure; Path=/s"), 0);
    EQ_INT(set(jar, "https://a.com/", "first=1; Path=/1"), 0);
    EQ_INT(set(jar, "https://a.com/", "second=2; Path=/2"), 0);
    for (int i = 3; i < MR_COOKIES_PER_DOMAIN; i++) {
        snprintf(text, sizeof text, "c%d=v; Path=/c; Max-Age=%d", i, i);
        EQ_INT(set(jar, "https://a.com/", text), 0);
    }
    EQ_INT(mr_cookie_jar_count(jar), MR_COOKIES_PER_DOMAIN);
    check(jar, "https://a.com/1", "first=1"); /* used: the second is older */
    EQ_INT(set(jar, "https://a.com/", "more=1; Path=/m"), 0);
    EQ_INT(mr_cookie_jar_count(jar), MR_COOKIES_PER_DOMAIN);
    check(jar, "https://a.com/1", "first=1");
    check(jar, "https://a.com/2", "");
    check(jar, "https://a.com/m", "more=1");
    check(jar, "https://a.com/s", "s=1");
    /* now an expired one goes, though it was used last */
    EQ_INT(set(jar, "https://a.com/", "n=1; Path=/n; Max-Age=2"), 0);
    check(jar, "https://a.com/n", "n=1");
    EQ_INT(set_at(jar, "https://a.com/", mr_str("o=1; Path=/o"), NOW + 2), 0);
    check(jar, "https://a.com/n", "");
    check(jar, "https://a.com/1", "first=1");
    EQ_INT(mr_cookie_jar_count(jar), MR_COOKIES_PER_DOMAIN);
    mr_cookie_jar_free(jar);
}

TEST(jar_many)
{
    struct mr_cookie_jar *jar;
    char url[64];

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    for (int i = 0; i < MR_COOKIES_MAX + 100; i++) {
        snprintf(url, sizeof url, "http://h%d.com/", i);
        EQ_INT(set(jar, url, "n=v"), 0);
        if (i == 0)
            continue;
        check(jar, "http://h0.com/", "n=v"); /* always used */
        EQ_INT(mr_cookie_jar_count(jar), MR_MIN(i + 1, MR_COOKIES_MAX));
    }
    check(jar, "http://h100.com/", "");
    check(jar, "http://h101.com/", "n=v");
    mr_cookie_jar_free(jar);
}

/* A field has a length that servers take: those of the longest paths are in
 * it. */
TEST(jar_field)
{
    static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c",
                                        "/a/b/c/d"};
    static char big[3000];
    struct mr_cookie_jar *jar;
    struct mr_arena a;
    struct mr_str got;
    struct mr_uri u;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    for (int i = 0; i < 5; i++) {
        int n =
            snprintf(big, sizeof big, "n%d=%02500d; Path=%s", i, 0, paths[i]);

        EQ_INT(set_at(jar, "http://a.com/", mr_str_n(big, (size_t)n), NOW), 0);
    }
    mr_arena_init(&a, 256);
    EQ_INT(mr_uri_parse(&a, mr_str("http://a.com/a/b/c/d"), &u, NULL), 0);
    EQ_INT(mr_cookie_jar_get(jar, &u, NOW, &a, &got), 0);
    EQ_INT(got.n, 3 * 2503 + 2 * 2);
    OK(mr_str_starts(got, "n4=") && memmem(got.p, got.n, "; n2=", 5) &&
       !memmem(got.p, got.n, "; n1=", 5));
    mr_arena_fini(&a);
    mr_cookie_jar_free(jar);
}

TEST(jar_no_memory)
{
    for (unsigned nth = 1;; nth++) {
        struct mr_cookie_jar *jar = NULL;
        struct mr_str got;
        struct mr_arena a, b;
        struct mr_uri u;
        int rc;

        CASE("allocation %u", nth);
        mr_arena_init(&a, 32);
        mr_arena_init(&b, 256);
        EQ_INT(mr_uri_parse(&b, mr_str("http://a.com/"), &u, NULL), 0);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_cookie_jar_new(&jar);
        if (!rc)
            rc = mr_cookie_jar_set(jar, &u, mr_str("n=v"), NOW);
        if (!rc)
            rc = mr_cookie_jar_set(jar, &u, mr_str("n=w"), NOW);
        if (!rc)
            rc = mr_cookie_jar_get(jar, &u, NOW, &a, &got);
        mr_sys_fault_clear();
        mr_cookie_jar_free(jar);
        mr_arena_fini(&a);
        mr_arena_fini(&b);
        if (rc == 0) {
            OK(nth > 4);
            return;
        }
        EQ_INT(rc, -ENOMEM);
    }
}

SUITE("cookies", jar_one, jar_times, jar_order, jar_secure_stays)
/* http pushes no Secure one out, and an expired one is in nobody's way. */
TEST(jar_secure_crowd)
{
    struct mr_cookie_jar *jar;
    char text[64];

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    for (int i = 0; i < MR_COOKIES_PER_DOMAIN; i++) {
        snprintf(text, sizeof text, "s%d=1; Secure; Path=/%d; Max-Age=10", i,
                 i);
        EQ_INT(set(jar, "https://a.com/", text), 0);
    }
    EQ_INT(set(jar, "http://a.com/", "p=1; Path=/p"), 0);
    EQ_INT(mr_cookie_jar_count(jar), MR_COOKIES_PER_DOMAIN);
    check(jar, "https://a.com/0", "s0=1");
    check(jar, "http://a.com/p", "");
    EQ_INT(set(jar, "http://a.com/", "s0=2; Path=/0"), -EINVAL);
    EQ_INT(set_at(jar, "http://a.com/", mr_str("s0=2; Path=/0"), NOW + 11), 0);
    mr_cookie_jar_free(jar);
}

SUITE("limits", jar_secure_crowd, jar_sizes, jar_many_of_one, jar_many,
      jar_field, jar_no_memory)
TEST_MAIN()
