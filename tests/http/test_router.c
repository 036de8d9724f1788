/* SPDX-License-Identifier: MIT */
/* test_router.c - method and path to a route. */
#include "http/router.h"

#include <errno.h>

#include "core/sys.h"
#include "tests/test.h"

static const char *const patterns[] = {
    "/",         "/echo",        "POST /echo",     "/echo/deep/er",
    "GET /only", "PUT /only",    "DELETE /only/x", "POST /",
    "/slash/",   "GET  /spaced",
};

static const struct {
    enum mr_method method;
    const char *path;
    const char *route; /* NULL: none; else a pattern, or what is allowed */
    const char *rest;  /* NULL: not allowed */
} matches[] = {
    {MR_METHOD_GET, "/", "/", "/"},
    {MR_METHOD_POST, "/", "POST /", "/"},
    {MR_METHOD_GET, "/x/y", "/", "/x/y"},
    {MR_METHOD_GET, "/echo", "/echo", "/"},
    {MR_METHOD_POST, "/echo", "POST /echo", "/"},
    {MR_METHOD_GET, "/echo/", "/echo", "/"},
    {MR_METHOD_GET, "/echo/x", "/echo", "/x"},
    {MR_METHOD_POST, "/echo/x", "POST /echo", "/x"},
    {MR_METHOD_GET, "/echoes", "/", "/echoes"},
    {MR_METHOD_GET, "/ech", "/", "/ech"},
    {MR_METHOD_GET, "/Echo", "/", "/Echo"},
    {MR_METHOD_GET, "//echo", "/", "//echo"},
    {MR_METHOD_GET, "/echo//x", "/echo", "//x"},
    {MR_METHOD_POST, "/echo/deep/er", "/echo/deep/er", "/"},
    {MR_METHOD_POST, "/echo/deep", "POST /echo", "/deep"},
    {MR_METHOD_GET, "/only", "GET /only", "/"},
    {MR_METHOD_HEAD, "/only/a", "GET /only", "/a"},
    {MR_METHOD_PUT, "/only", "PUT /only", "/"},
    {MR_METHOD_POST, "/only", "GET, HEAD, PUT", NULL},
    {MR_METHOD_GET, "/only/x", "DELETE", NULL},
    {MR_METHOD_GET, "/slash", "/slash/", "/"},
    {MR_METHOD_GET, "/slash/", "/slash/", "/"},
    {MR_METHOD_GET, "/spaced", "GET  /spaced", "/"},
};

/* In whatever order the routes are added. */
static void match_all(size_t first)
{
    struct mr_router r;
    char allow[256];

    mr_router_init(&r);
    for (size_t i = 0; i < MR_ARRAY_LEN(patterns); i++) {
        const char *p = patterns[(i + first) % MR_ARRAY_LEN(patterns)];
        const char *why = NULL;

        EQ_INT(mr_router_add(&r, mr_str(p), (void *)(uintptr_t)p, &why), 0);
    }
    for (size_t i = 0; i < MR_ARRAY_LEN(matches); i++) {
        struct mr_route_match m = {0};
        enum mr_route_result rc =
            mr_router_match(&r, matches[i].method, mr_str(matches[i].path), &m);

        CASE("%zu: %d %s", first, matches[i].method, matches[i].path);
        if (!matches[i].rest) {
            EQ_INT(rc, MR_ROUTE_NOT_ALLOWED);
            EQ_MEM(allow, mr_router_allow(m.allowed, allow, sizeof allow),
                   matches[i].route, strlen(matches[i].route));
            continue;
        }
        EQ_INT(rc, MR_ROUTE_FOUND);
        EQ_STR(m.route->target, matches[i].route);
        EQ_MEM(m.rest.p, m.rest.n, matches[i].rest, strlen(matches[i].rest));
    }
    mr_router_fini(&r);
}

TEST(router_matches)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(patterns); i++)
        match_all(i);
}

TEST(router_without_a_route_for_all)
{
    struct mr_route_match m;
    struct mr_router r;
    const char *why;

    mr_router_init(&r);
    EQ_INT(mr_router_match(&r, MR_METHOD_GET, mr_str("/"), &m),
           MR_ROUTE_NOT_FOUND);
    EQ_INT(mr_router_add(&r, mr_str("/a/b"), &r, &why), 0);
    EQ_INT(mr_router_match(&r, MR_METHOD_GET, mr_str("/a"), &m),
           MR_ROUTE_NOT_FOUND);
    EQ_INT(mr_router_match(&r, MR_METHOD_GET, mr_str("/a/bc"), &m),
           MR_ROUTE_NOT_FOUND);
    mr_router_fini(&r);
    mr_router_fini(&r);
}

static const struct {
    const char *pattern;
    int want;
    const char *why;
} bad[] = {
    {"", -EINVAL, "a pattern is"},
    {"echo", -EINVAL, "a pattern is"},
    {"GET", -EINVAL, "a pattern is"},
    {"GET ", -EINVAL, "a pattern is"},
    {"GET echo", -EINVAL, "a pattern is"},
    {"get /echo", -EINVAL, "unknown method"},
    {"FETCH /echo", -EINVAL, "unknown method"},
    {" /echo", -EINVAL, "unknown method"},
    {"/a b", -EINVAL, "unknown method"},
    {"GET /a b", -EINVAL, "no spaces"},
    {"/a//b", -EINVAL, "empty segments"},
    {"//", -EINVAL, "empty segments"},
    {"/a?b", -EINVAL, "no query"},
    {"/there", -EEXIST, ""},
    {"/there/", -EEXIST, ""},
    {"POST /there/", -EEXIST, ""},
    {"GET /there", 0, ""},
    {"/a/:", -EINVAL, "a parameter is"},
    {"/a/*", -EINVAL, "a parameter is"},
    {"/a/:b-c", -EINVAL, "a parameter is"},
    {"/*a/b", -EINVAL, "nothing can follow"},
    {"/:a/*a", -EINVAL, "same name"},
    {"/:a/b/:a", -EINVAL, "same name"},
    {"/there/*all", -EEXIST, ""}, /* the same paths as /there */
    {"/u/:a", 0, ""},
    {"/u/:b", -EEXIST, ""},
};

TEST(router_refuses)
{
    struct mr_router r;
    const char *why = "";

    mr_router_init(&r);
    EQ_INT(mr_router_add(&r, mr_str("/there"), &r, &why), 0);
    EQ_INT(mr_router_add(&r, mr_str("POST /there"), &r, &why), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%s", bad[i].pattern);
        why = "";
        EQ_INT(mr_router_add(&r, mr_str(bad[i].pattern), &r, &why),
               bad[i].want);
        OK(strstr(why, bad[i].why) != NULL);
    }
    EQ_INT(r.n, 4);
    mr_router_fini(&r);
}

static const char *const with_params[] = {
    "/",           "/users/:id",    "GET /users/me", "/users/:id/*more",
    "/:a/:b/c",    "/files/*path",  "/files/x",      "POST /users/:who",
    "/o/:one/end", "DELETE /d/:it",
};

static const struct {
    enum mr_method method;
    const char *path;
    const char *route;
    const char *rest;
    const char *param; /* its name */
    const char *value; /* NULL: none */
} param_matches[] = {
    {MR_METHOD_GET, "/users/7", "/users/:id", "/", "id", "7"},
    {MR_METHOD_GET, "/users/7/", "/users/:id", "/", "id", "7"},
    {MR_METHOD_GET, "/users/7", "/users/:id", "/", "who", NULL},
    {MR_METHOD_POST, "/users/7", "POST /users/:who", "/", "who", "7"},
    {MR_METHOD_GET, "/users/me", "GET /users/me", "/", "id", NULL},
    {MR_METHOD_GET, "/users/7/a/b", "/users/:id/*more", "/a/b", "more", "a/b"},
    {MR_METHOD_GET, "/users/7/a/b", "/users/:id/*more", "/a/b", "id", "7"},
    {MR_METHOD_GET, "/users/7//", "/users/:id/*more", "//", "more", "/"},
    {MR_METHOD_GET, "/users", "/", "/users", "id", NULL},
    {MR_METHOD_GET, "/users/", "/", "/users/", "id", NULL},
    {MR_METHOD_GET, "/users//x", "/", "/users//x", "id", NULL},
    {MR_METHOD_GET, "/x/y/c", "/:a/:b/c", "/", "b", "y"},
    {MR_METHOD_GET, "/x/y/c/d", "/", "/x/y/c/d", "b", NULL},
    {MR_METHOD_GET, "/x/y/d", "/", "/x/y/d", "b", NULL},
    {MR_METHOD_GET, "/files", "/files/*path", "/", "path", ""},
    {MR_METHOD_GET, "/files/", "/files/*path", "/", "path", ""},
    {MR_METHOD_GET, "/files/a/b", "/files/*path", "/a/b", "path", "a/b"},
    {MR_METHOD_GET, "/files/x", "/files/x", "/", "path", NULL},
    {MR_METHOD_GET, "/files/x/y", "/files/x", "/y", "path", NULL},
    {MR_METHOD_GET, "/filesx", "/", "/filesx", "path", NULL},
    {MR_METHOD_GET, "/o/1/end", "/o/:one/end", "/", "one", "1"},
    {MR_METHOD_GET, "/o/1/ending", "/", "/o/1/ending", "one", NULL},
    {MR_METHOD_GET, "/d/1", NULL, NULL, NULL, NULL},
};

/* In whatever order the routes are added. */
static void match_params(size_t first)
{
    struct mr_router r;
    const char *why;

    mr_router_init(&r);
    for (size_t i = 0; i < MR_ARRAY_LEN(with_params); i++) {
        const char *p = with_params[(i + first) % MR_ARRAY_LEN(with_params)];

        EQ_INT(mr_router_add(&r, mr_str(p), (void *)(uintptr_t)p, &why), 0);
    }
    for (size_t i = 0; i < MR_ARRAY_LEN(param_matches); i++) {
        struct mr_str path = mr_str(param_matches[i].path), value;
        struct mr_route_match m;
        enum mr_route_result rc =
            mr_router_match(&r, param_matches[i].method, path, &m);

        CASE("%zu: %d %s", first, param_matches[i].method, path.p);
        if (!param_matches[i].route) {
            EQ_INT(rc, MR_ROUTE_NOT_ALLOWED);
            continue;
        }
        EQ_INT(rc, MR_ROUTE_FOUND);
        EQ_STR(m.route->target, param_matches[i].route);
        EQ_MEM(m.rest.p, m.rest.n, param_matches[i].rest,
               strlen(param_matches[i].rest));
        value = mr_route_param(m.route, path, param_matches[i].param);
        EQ_INT(value.p != NULL, param_matches[i].value != NULL);
        if (value.p)
            EQ_MEM(value.p, value.n, param_matches[i].value,
                   strlen(param_matches[i].value));
    }
    mr_router_fini(&r);
}

TEST(router_params)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(with_params); i++)
        match_params(i);
}

TEST(router_out_of_memory)
{
    struct mr_router r;
    const char *why;

    mr_router_init(&r);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_router_add(&r, mr_str("/a"), &r, &why), -ENOMEM);
    EQ_INT(r.n, 0);
    EQ_INT(mr_router_add(&r, mr_str("/a"), &r, &why), 0);
    mr_sys_fault_clear();
    mr_router_fini(&r);
}

TEST(router_allow_stays_inside)
{
    char buf[16];
    size_t n = mr_router_allow(~UINT64_C(0), buf, sizeof buf);

    OK(n > 0 && n <= sizeof buf);
    EQ_INT(mr_router_allow(0, buf, sizeof buf), 0);
}

SUITE("router", router_matches, router_without_a_route_for_all, router_refuses,
      router_params, router_out_of_memory, router_allow_stays_inside)
TEST_MAIN()
