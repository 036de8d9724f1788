/* SPDX-License-Identifier: MIT */
/* test_url.c - targets, paths, queries. */
#include "tests/test.h"

#include <errno.h>

#include "http/url.h"

/* The case's input, ending where memory ends. */
static struct mr_str at_end(const char *z)
{
    return mr_str_n(test_at_page_end(z, strlen(z)), strlen(z));
}

static void give_back(struct mr_str s)
{
    test_page_free((void *)s.p, s.n);
}

static const struct {
    const char *raw;
    const char *want; /* NULL: -EINVAL */
} paths[] = {
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/a%20b", "/a b"},
    {"/%41%5a", "/AZ"},
    {"/%e2%82%ac", "/\xe2\x82\xac"},
    {"/a//b", "/a//b"},
    {"//", "//"},
    {"/a/./b", "/a/b"},
    {"/a/../b", "/b"},
    {"/a/b/..", "/a/"},
    {"/a/b/.", "/a/b/"},
    {"/.", "/"},
    {"/..", "/"},
    {"/../../etc/passwd", "/etc/passwd"},
    {"/a/../../../b", "/b"},
    {"/%2e%2e/x", "/x"},
    {"/a/%2E./b", "/b"},
    {"/a/.%2e", "/"},
    {"/.a/..b/...", "/.a/..b/..."},
    {"/a//../b", "/a/b"},
    {"//..", "/"},
    {"/%252e%252e/x", "/%2e%2e/x"}, /* decoded once */
    {"/a+b", "/a+b"},
    {"/a%5cb", "/a\\b"},
    {"/a%0db", "/a\rb"},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4g", NULL},
    {"/%00", NULL},
    {"/a%2fb", NULL},
    {"/a%2Fb", NULL},
    {"/..%2f..", NULL},
    {"", NULL},
    {"*", NULL},
    {"a/b", NULL},
};

TEST(url_decode_path)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(paths); i++) {
        struct mr_str raw = at_end(paths[i].raw), got = {0};
        struct mr_arena a;

        CASE("%s", paths[i].raw);
        mr_arena_init(&a, 256);
        EQ_INT(mr_url_decode_path(&a, raw, &got), paths[i].want ? 0 : -EINVAL);
        if (paths[i].want)
            EQ_MEM(got.p, got.n, paths[i].want, strlen(paths[i].want));
        mr_arena_fini(&a);
        give_back(raw);
    }
}

static const struct {
    const char *authority;
    bool valid;
} authorities[] = {
    {"example.com", true},
    {"example.com:80", true},
    {"example.com:", true},
    {"EXAMPLE", true},
    {"1.2.3.4:8080", true},
    {"a_b.c", true},
    {"a%20b", true},
    {"a:65535", true},
    {"[::1]", true},
    {"[::1]:80", true},
    {"[::]", true},
    {"[1:2:3:4:5:6:7:8]", true},
    {"[1::8]", true},
    {"[::ffff:1.2.3.4]", true},
    {"[1:2:3:4:5:6:1.2.3.4]", true},
    {"[v1.fe:80]", true},
    {"", false},
    {":80", false},
    {"a:65536", false},
    {"a:x", false},
    {"a:80:80", false},
    {"a:-1", false},
    {"a b", false},
    {"user@example.com", false},
    {"a/b", false},
    {"a?b", false},
    {"a%2", false},
    {"a%zz", false},
    {"a\"b", false},
    {"h\xc3\xb6st", false},
    {"[::1", false},
    {"::1", false},
    {"[]", false},
    {"[::1]x", false},
    {"[:::]", false},
    {"[1:2:3:4:5:6:7]", false},
    {"[1:2:3:4:5:6:7:8:9]", false},
    {"[1:2:3:4:5:6:7::8:9]", false},
    {"[::1::2]", false},
    {"[12345::]", false},
    {"[::g]", false},
    {"[::1.2.3]", false},
    {"[::1.2.3.256]", false},
    {"[1.2.3.4::]", false},
    {"[v.x]", false},
    {"[v1.]", false},
    {"[fe80::1%25eth0]", false},
};

TEST(url_authority)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(authorities); i++) {
        struct mr_str s = at_end(authorities[i].authority);

        CASE("%s", authorities[i].authority);
        EQ_INT(mr_url_authority_is_valid(s), authorities[i].valid);
        give_back(s);
    }
}

TEST(url_authority_split)
{
    struct mr_str host, port;

    mr_url_authority_split(mr_str("[::1]:80"), &host, &port);
    OK(mr_str_is(host, "[::1]"));
    OK(mr_str_is(port, "80"));
    mr_url_authority_split(mr_str("a"), &host, &port);
    OK(mr_str_is(host, "a"));
    EQ_PTR(port.p, NULL);
    mr_url_authority_split(mr_str("a:"), &host, &port);
    OK(port.p != NULL);
    EQ_INT(port.n, 0);
}

TEST(url_split)
{
    struct mr_str path, query;

    mr_url_split(mr_str("/a?b=c?d"), &path, &query);
    OK(mr_str_is(path, "/a"));
    OK(mr_str_is(query, "b=c?d"));
    mr_url_split(mr_str("/a"), &path, &query);
    OK(mr_str_is(path, "/a"));
    EQ_PTR(query.p, NULL);
    mr_url_split(mr_str("/a?"), &path, &query);
    OK(query.p != NULL);
    EQ_INT(query.n, 0);
}

static const struct {
    const char *path;
    const char *want;
} encodings[] = {
    {"/a/b-._~", "/a/b-._~"},
    {"/a b", "/a%20b"},
    {"/50%", "/50%25"},
    {"/<\"'&>", "/%3C%22%27%26%3E"},
    {"c:d", "c%3Ad"},
    {"/\xe2\x82\xac\r\n", "/%E2%82%AC%0D%0A"},
    {"//evil.example/", "/.//evil.example/"},
    {"", ""},
};

static const struct {
    const char *raw, *want;
} raws[] = {
    {"", ""},
    {"/a?b=%20c&d[]=#e", "/a?b=%20c&d[]=#e"},
    {"/a|b^c?{d}`", "/a%7Cb%5Ec?%7Bd%7D%60"},
    {"\"<\\> \xc3\xa9\x7f", "%22%3C%5C%3E%20%C3%A9%7F"},
    {"/\r\n", "/\r\n"}, /* whoever writes it refuses it */
};

TEST(url_encode_raw)
{
    struct mr_arena a;

    mr_arena_init(&a, 256);
    for (size_t i = 0; i < MR_ARRAY_LEN(raws); i++) {
        struct mr_str raw = at_end(raws[i].raw), got;

        CASE("%s", raws[i].raw);
        EQ_INT(mr_url_encode_raw(&a, raw, &got), 0);
        EQ_MEM(got.p, got.n, raws[i].want, strlen(raws[i].want));
        give_back(raw);
    }
    mr_arena_fini(&a);
}

TEST(url_encode_path)
{
    struct mr_arena a;

    mr_arena_init(&a, 256);
    for (size_t i = 0; i < MR_ARRAY_LEN(encodings); i++) {
        struct mr_str got, back;

        CASE("%s", encodings[i].path);
        EQ_INT(mr_url_encode_path(&a, mr_str(encodings[i].path), &got), 0);
        EQ_MEM(got.p, got.n, encodings[i].want, strlen(encodings[i].want));
        if (encodings[i].path[0] != '/')
            continue;
        EQ_INT(mr_url_decode_path(&a, got, &back), 0);
        EQ_MEM(back.p, back.n, encodings[i].path, strlen(encodings[i].path));
    }
    mr_arena_fini(&a);
}

static const struct {
    const char *query;
    const char *name;
    const char *want; /* NULL: -ENOENT */
} queries[] = {
    {"name=world", "name", "world"},
    {"a=1&b=2&a=3", "a", "1"},
    {"a=1&b=2", "b", "2"},
    {"a=1&&b=2&", "b", "2"},
    {"a", "a", ""},
    {"a=", "a", ""},
    {"a=b=c", "a", "b=c"},
    {"a=x+y%20z%2Bw", "a", "x y z+w"},
    {"%61=1", "a", "1"},
    {"x+y=1", "x y", "1"},
    {"a=100%", "a", "100%"},
    {"a=%zz", "a", "%zz"},
    {"=1", "", "1"},
    {"ab=1", "a", NULL},
    {"a=1", "ab", NULL},
    {"a%00=1", "a", NULL},
    {"", "a", NULL},
    {"&&&", "a", NULL},
};

TEST(query_find)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(queries); i++) {
        struct mr_str q = at_end(queries[i].query), got = {0};
        struct mr_arena a;

        CASE("%s in %s", queries[i].name, queries[i].query);
        mr_arena_init(&a, 256);
        EQ_INT(mr_query_find(&a, q, queries[i].name, &got),
               queries[i].want ? 0 : -ENOENT);
        if (queries[i].want)
            EQ_MEM(got.p, got.n, queries[i].want, strlen(queries[i].want));
        mr_arena_fini(&a);
        give_back(q);
    }
    EQ_INT(mr_query_find(NULL, mr_str(NULL), "a", NULL), -ENOENT);
}

/* Found by fuzzing: a NUL that came as itself, not as %00. */
TEST(url_raw_nul)
{
    struct mr_arena a;
    struct mr_str path;

    mr_arena_init(&a, 256);
    EQ_INT(mr_url_decode_path(&a, mr_str_n("/a\0b", 4), &path), -EINVAL);
    mr_arena_fini(&a);
}

SUITE("paths", url_decode_path, url_encode_path, url_encode_raw, url_raw_nul)
SUITE("authority", url_authority, url_authority_split)
SUITE("queries", url_split, query_find)
TEST_MAIN()
