/* SPDX-License-Identifier: MIT */
/* test_redirect.c - where a client goes on, how, and with what. */
#include "tests/test.h"

#include <errno.h>

#include "core/sys.h"
#include "http/redirect.h"

static const struct {
    unsigned status;
    const char *method, *want;
    bool keeps_body;
} methods[] = {
    {301, "GET", "GET", true},       {301, "HEAD", "HEAD", true},
    {301, "POST", "GET", false},     {301, "PUT", "PUT", true},
    {301, "DELETE", "DELETE", true}, {302, "GET", "GET", true},
    {302, "HEAD", "HEAD", true},     {302, "POST", "GET", false},
    {302, "PATCH", "PATCH", true},   {303, "GET", "GET", true},
    {303, "HEAD", "HEAD", true},     {303, "POST", "GET", false},
    {303, "PUT", "GET", false},      {303, "DELETE", "GET", false},
    {307, "GET", "GET", true},       {307, "POST", "POST", true},
    {307, "PUT", "PUT", true},       {308, "HEAD", "HEAD", true},
    {308, "POST", "POST", true},     {308, "post", "post", true},
    {302, "post", "post", true}, /* methods have case */
};

TEST(redirect_methods)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(methods); i++) {
        struct mr_redirect next;
        struct mr_arena a;
        struct mr_uri u;

        CASE("%u %s", methods[i].status, methods[i].method);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str("http://a/"), &u, NULL), 0);
        EQ_INT(mr_redirect_next(&a,
                                &(struct mr_redirect_from){
                                    &u, mr_str(methods[i].method), false},
                                methods[i].status, mr_str("/x"), &next, NULL),
               0);
        EQ_MEM(next.method.p, next.method.n, methods[i].want,
               strlen(methods[i].want));
        EQ_INT(next.keeps_body, methods[i].keeps_body);
        mr_arena_fini(&a);
    }
}

static const struct {
    const char *from, *location;
    int rc;
    const char *want; /* text and #fragment, or a part of the reason */
    bool same_origin;
} places[] = {
    {"http://a/b/c", "d", 0, "http://a/b/d", true},
    {"http://a/b/c?q", "", 0, "http://a/b/c?q", true},
    {"http://a/b", "//c/d", 0, "http://c/d", false},
    {"http://a/b", "http://A:80/d e", 0, "http://a/d%20e", true},
    {"http://a/b", "http://a:81/", 0, "http://a:81/", false},
    {"http://a/b", "https://a/b", 0, "https://a/b", false},
    {"https://a/b", "//a/c", 0, "https://a/c", true},
    {"https://a/b", "http://a/b", -EPERM, "from https to http", false},
    {"https://a/b", "http://b/", -EPERM, "from https to http", false},
    {"http://a/b#x", "/c", 0, "http://a/c#x", true},
    {"http://a/b#x", "/c#y", 0, "http://a/c#y", true},
    {"http://a/b#x", "/c#", 0, "http://a/c#", true},
    {"http://a/b", "ftp://a/", -EPROTONOSUPPORT, "only http", false},
    {"http://a/b", "file:///etc/passwd", -EPROTONOSUPPORT, "only http", false},
    {"http://a/b", "http://", -EINVAL, "host is missing", false},
    {"http://a/b", "http:/c", -EINVAL, "two slashes", false},
    {"http://a/b", "/c\x01", -EINVAL, "control byte", false},
    {"http://a/b", "http://u:p@a/", -EINVAL, "names a user", false},
    {"http://a/b", "http://a\\@b/", -EINVAL, "'\\'", false},
};

TEST(redirect_places)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(places); i++) {
        struct mr_redirect next = {.keeps_body = false};
        const char *why = NULL, *shown;
        struct mr_arena a;
        struct mr_uri u;

        CASE("%s -> %s", places[i].from, places[i].location);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str(places[i].from), &u, NULL), 0);
        EQ_INT(mr_redirect_next(
                   &a, &(struct mr_redirect_from){&u, mr_str("GET"), false},
                   302, mr_str(places[i].location), &next, &why),
               places[i].rc);
        if (places[i].rc == 0) {
            shown = mr_arena_printf(&a, "%.*s%s%.*s", MR_STR(next.uri.text),
                                    next.uri.fragment.p ? "#" : "",
                                    MR_STR(next.uri.fragment));
            EQ_STR(shown, places[i].want);
            EQ_INT(next.same_origin, places[i].same_origin);
        } else if (!why || !strstr(why, places[i].want)) {
            FAIL("\"%s\" should tell: %s", why ? why : "", places[i].want);
        }
        mr_arena_fini(&a);
    }
}

TEST(redirect_none)
{
    static const unsigned others[] = {200, 204, 300, 304, 305, 306, 309, 404};
    struct mr_redirect next;
    struct mr_arena a;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    EQ_INT(mr_uri_parse(&a, mr_str("http://a/"), &u, NULL), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(others); i++) {
        CASE("%u", others[i]);
        OK(!mr_redirect_is(others[i]));
        EQ_INT(mr_redirect_next(
                   &a, &(struct mr_redirect_from){&u, mr_str("GET"), false},
                   others[i], mr_str("/"), &next, NULL),
               -ENOENT);
    }
    CASE("without Location");
    OK(mr_redirect_is(301));
    EQ_INT(mr_redirect_next(
               &a, &(struct mr_redirect_from){&u, mr_str("GET"), false}, 301,
               (struct mr_str){0}, &next, NULL),
           -ENOENT);
    mr_arena_fini(&a);
}

TEST(redirect_to_plain_if_asked)
{
    struct mr_redirect next;
    struct mr_arena a;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    EQ_INT(mr_uri_parse(&a, mr_str("https://u:p@a/"), &u, NULL), 0);
    EQ_INT(mr_redirect_next(&a,
                            &(struct mr_redirect_from){&u, mr_str("GET"), true},
                            302, mr_str("http://a/"), &next, NULL),
           0);
    OK(!next.uri.https && !next.same_origin && !next.uri.user.p);
    mr_arena_fini(&a);
}

/* User and password stay within the origin, and only there. */
TEST(redirect_user)
{
    static const struct {
        const char *location;
        bool kept;
    } cases[] = {
        {"/x", true},           {"?x", true},          {"http://a/x", true},
        {"//a:80/", true},      {"https://a/", false}, {"http://b/", false},
        {"http://a:81", false},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_redirect next;
        struct mr_arena a;
        struct mr_uri u;

        CASE("%s", cases[i].location);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str("http://u:p@a/"), &u, NULL), 0);
        EQ_INT(mr_redirect_next(
                   &a, &(struct mr_redirect_from){&u, mr_str("GET"), false},
                   307, mr_str(cases[i].location), &next, NULL),
               0);
        EQ_INT(next.uri.user.p != NULL, cases[i].kept);
        EQ_INT(next.uri.password.p != NULL, cases[i].kept);
        OK(!next.uri.user.p || next.uri.user.p != u.user.p); /* a copy */
        mr_arena_fini(&a);
    }
}

static const struct {
    const char *name;
    bool beyond_origin, without_body;
} fields[] = {
    {"Authorization", true, false},
    {"proxy-authorization", true, false},
    {"COOKIE", true, false},
    {"Host", true, false},
    {"Content-Type", false, true},
    {"content-length", false, true},
    {"Content-Encoding", false, true},
    {"Content-Language", false, true},
    {"Content-Location", false, true},
    {"Digest", false, true},
    {"Last-Modified", false, true},
    {"Transfer-Encoding", false, true},
    {"Expect", false, true},
    {"Accept", false, false},
    {"Range", false, false},
    {"If-Range", false, false},
    {"User-Agent", false, false},
    {"X-Authorization", false, false},
    {"", false, false},
};

TEST(redirect_drops)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(fields); i++) {
        struct mr_redirect r = {.keeps_body = true, .same_origin = true};
        struct mr_str name = mr_str(fields[i].name);

        CASE("%s", fields[i].name);
        OK(!mr_redirect_drops(&r, name));
        r.same_origin = false;
        EQ_INT(mr_redirect_drops(&r, name), fields[i].beyond_origin);
        r = (struct mr_redirect){.keeps_body = false, .same_origin = true};
        EQ_INT(mr_redirect_drops(&r, name), fields[i].without_body);
    }
}

TEST(redirect_no_memory)
{
    for (unsigned nth = 1;; nth++) {
        struct mr_redirect next;
        struct mr_arena a, b;
        const char *why = "";
        struct mr_uri u;
        int rc;

        CASE("allocation %u", nth);
        mr_arena_init(&a, 32);
        mr_arena_init(&b, 4096);
        EQ_INT(mr_uri_parse(&b, mr_str("http://u:p@a/b c#d"), &u, NULL), 0);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_redirect_next(
            &a, &(struct mr_redirect_from){&u, mr_str("GET"), false}, 302,
            mr_str("c d"), &next, &why);
        mr_sys_fault_clear();
        mr_arena_fini(&a);
        mr_arena_fini(&b);
        if (rc == 0) {
            OK(nth > 3);
            return;
        }
        EQ_INT(rc, -ENOMEM);
        EQ_STR(why, "out of memory");
    }
}

SUITE("redirect", redirect_methods, redirect_places, redirect_none,
      redirect_to_plain_if_asked, redirect_user, redirect_drops,
      redirect_no_memory)
TEST_MAIN()
