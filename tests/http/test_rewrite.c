/* SPDX-License-Identifier: MIT */
/* test_rewrite.c - rules: which is applied, and what comes out. */
#include "http/rewrite.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"
#include "http/expand.h"
#include "http/url.h"
#include "tests/test.h"

static const struct {
    const char *pattern, *to;
} rules[] = {
    {"/old/:id", "/new/{id}"},
    {"/old/special", "/s"},
    {"/loop/*rest", "/loop/{rest}/x"},
    {"/all/*rest", "/{rest}"},
    {"/front/*rest", "/index.php?p={rest}"},
    {"/prefix", "/p"},
    {"POST /form", "/take"},
    {"/brace", "/a{b"},
    {"/space", "/a%20b"},
    {"/up/*rest", "/x/../{rest}"},
    {"/two/:a/:b", "/{b}/{a}{b}"},
};

static const struct {
    const char *raw, *path, *query; /* as in a target; query NULL: none */
    enum mr_method method;
} cases[] = {
    {"/other", "/other", NULL, MR_METHOD_GET},
    {"/old/7", "/new/7", NULL, MR_METHOD_GET},
    {"/old/7?q=1&r", "/new/7", "q=1&r", MR_METHOD_GET},
    {"/old/7?", "/new/7", "", MR_METHOD_GET},
    {"/old/special", "/s", NULL, MR_METHOD_GET},
    {"/old/7/8", "/old/7/8", NULL, MR_METHOD_GET},
    /* once, whatever comes out */
    {"/loop/a", "/loop/a/x", NULL, MR_METHOD_GET},
    {"/all/old/7", "/old/7", NULL, MR_METHOD_GET},
    {"/prefix", "/p", NULL, MR_METHOD_GET},
    {"/prefix/x", "/p", NULL, MR_METHOD_GET},
    {"/form", "/form", NULL, MR_METHOD_GET},
    {"/form", "/take", NULL, MR_METHOD_POST},
    {"/brace", "/a{b", NULL, MR_METHOD_GET},
    {"/space", "/a b", NULL, MR_METHOD_GET},
    {"/two/x/y", "/y/xy", NULL, MR_METHOD_GET},
    /* the query's part is encoded, and comes first */
    {"/front/a/b", "/index.php", "p=a/b", MR_METHOD_GET},
    {"/front/a%26x=1?y=2", "/index.php", "p=a%26x%3D1&y=2", MR_METHOD_GET},
    {"/front/?y", "/index.php", "p=&y", MR_METHOD_GET},
    /* what a client puts into a parameter is decoded once, and stays inside */
    {"/old/%2525", "/new/%25", NULL, MR_METHOD_GET},
    {"/old/a%3fb", "/new/a?b", NULL, MR_METHOD_GET},
    {"/old/%7bid%7d", "/new/{id}", NULL, MR_METHOD_GET},
    {"/old/%252e%252e", "/new/%2e%2e", NULL, MR_METHOD_GET},
    {"/all/%2e%2e/%2e%2e/etc", "/etc", NULL, MR_METHOD_GET},
    {"/up/%252e%252e/x", "/%2e%2e/x", NULL, MR_METHOD_GET},
    {"/up//a", "//a", NULL, MR_METHOD_GET},
};

static int add_rules(struct mr_router *r)
{
    const char *why;
    int err = 0;

    mr_router_init(r);
    for (size_t i = 0; i < MR_ARRAY_LEN(rules) && !err; i++) {
        CASE("%s", rules[i].to);
        CHECK_EQ_INT(mr_rewrite_check(mr_str(rules[i].pattern),
                                      mr_str(rules[i].to), &why),
                     0);
        err = mr_router_add(r, mr_str(rules[i].pattern),
                            (void *)(uintptr_t)rules[i].to, &why);
    }
    return err;
}

TEST(rewrite_cases)
{
    struct mr_router r;

    EQ_INT(add_rules(&r), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_str path, query;
        struct mr_arena arena;

        CASE("%s", cases[i].raw);
        mr_arena_init(&arena, 512);
        mr_url_split(mr_str(cases[i].raw), &path, &query);
        CHECK_EQ_INT(mr_url_decode_path(&arena, path, &path), 0);
        CHECK_EQ_INT(mr_rewrite(&r, &arena, cases[i].method, &path, &query), 0);
        CHECK_EQ_MEM(path.p, path.n, cases[i].path, strlen(cases[i].path));
        CHECK_EQ_INT(query.p != NULL, cases[i].query != NULL);
        if (cases[i].query)
            CHECK_EQ_MEM(query.p, query.n, cases[i].query,
                         strlen(cases[i].query));
        mr_arena_fini(&arena);
    }
    mr_router_fini(&r);
}

static const struct {
    const char *pattern, *to;
    const char *why; /* how it begins; NULL: fine */
} checks[] = {
    {"/a", "/b", NULL},
    {"/a/:x", "/{x}?y={x}", NULL},
    {"POST /a/*x", "/{x}", NULL},
    {"/a", "/..", NULL}, /* "/" */
    {"/a", "", "it begins with"},
    {"/a", "b", "it begins with"},
    {"/a/:x", "{x}", "it begins with"},
    {"/a", "?x", "it begins with"},
    {"/a", "http://h/", "it begins with"},
    {"/a", "/%zz", "it begins with"},
    {"/a", "/%00", "it begins with"},
    {"/a", "/a%2fb", "it begins with"},
    {"/a", "/a b", "it has no spaces"},
    {"/a", "/a\tb", "it has no spaces"},
    {"/a", "/a#b", "it has no spaces"},
    {"/a", "/\xc3\xa9", "it has no spaces"},
    {"/a", "/{x}", "the pattern has no"},
    {"/a/:xy", "/{x}", "the pattern has no"},
    {"/a/:x", "/b?q={}", "the pattern has no"},
};

TEST(rewrite_checks)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(checks); i++) {
        const char *why = "";
        int err = mr_rewrite_check(mr_str(checks[i].pattern),
                                   mr_str(checks[i].to), &why);

        CASE("%s -> %s", checks[i].pattern, checks[i].to);
        CHECK_EQ_INT(err, checks[i].why ? -EINVAL : 0);
        if (checks[i].why &&
            strncmp(why, checks[i].why, strlen(checks[i].why)) != 0)
            CHECK_EQ_STR(why, checks[i].why);
    }
}

/* Each allocation fails once: the request has failed, or all of it is there. */
TEST(rewrite_out_of_memory)
{
    struct mr_router r;
    int err = -ENOMEM;

    EQ_INT(add_rules(&r), 0);
    for (unsigned n = 1; err; n++) {
        struct mr_str path = mr_str("/front/a%"), query = mr_str("y");
        struct mr_arena arena;

        CASE("allocation %u", n);
        mr_arena_init(&arena, 64);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        err = mr_rewrite(&r, &arena, MR_METHOD_GET, &path, &query);
        mr_sys_fault_clear();
        CHECK_OK(err == 0 || err == -ENOMEM);
        if (!err)
            CHECK_EQ_MEM(query.p, query.n, "p=a%25&y", 8);
        mr_arena_fini(&arena);
    }
    mr_router_fini(&r);
}

static const struct {
    const char *text, *parts; /* text|name, ... */
} pieces[] = {
    {"", ""},
    {"a", "a|-,"},
    {"{x}", "|x,"},
    {"a{x}b", "a|x,b|-,"},
    {"{x}{y}", "|x,|y,"},
    {"a{b", "a{b|-,"},
    {"a}b{c}", "a}b|c,"},
    {"a}b{c", "a}b{c|-,"},
    {"{}", "|,"},
};

TEST(expand_pieces)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(pieces); i++) {
        struct mr_str rest = mr_str(pieces[i].text), text, name;
        char got[64] = "";
        size_t n = 0;

        while (mr_expand_next(&rest, &text, &name))
            n += (size_t)snprintf(got + n, sizeof got - n, "%.*s|%.*s,",
                                  MR_STR(text), name.p ? (int)name.n : 1,
                                  name.p ? name.p : "-");
        CASE("%s", pieces[i].text);
        CHECK_EQ_STR(got, pieces[i].parts);
    }
}

SUITE("rewrite", rewrite_cases, rewrite_checks, rewrite_out_of_memory,
      expand_pieces)
TEST_MAIN()
