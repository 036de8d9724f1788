/* SPDX-License-Identifier: MIT */

/* test_listing.c - a directory as a page, from a list made by hand. */
#include "http/listing.h"

#include <sys/stat.h>

#include "tests/http/http_util.h"

TEST(html_escape)
{
    static const struct {
        const char *in;
        const char *want;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
        {"\xc3\xb8", "\xc3\xb8"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_buf b;

        CASE("%s", cases[i].in);
        mr_buf_init(&b);
        EQ_INT(mr_html_escape(&b, mr_str(cases[i].in)), 0);
        EQ_INT(b.len, strlen(cases[i].want));
        OK(b.len == 0 || memcmp(mr_buf_head(&b), cases[i].want, b.len) == 0);
        mr_buf_fini(&b);
    }
}

static struct mr_dir_entry entries[] = {
    {".hidden", S_IFREG, 1, 0},     {"a:b <c>.txt", S_IFREG, 1536, 784111777},
    {"large", S_IFREG, 3 << 20, 0}, {"sub", S_IFDIR, 4096, 0},
    {"there", S_IFLNK, 5, 0},       {"\xff\"\n", S_IFREG, 0, -1},
};

/* How it is asked for. */
static struct mr_listing how;

static int lists(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct mr_dir list = {entries, MR_ARRAY_LEN(entries), self != NULL};
    struct mr_listing l = how;

    l.path = mr_request_path(req);
    l.dir = &list;
    return mr_listing_reply(res, mr_request_arena(req), &l);
}

static const char *position(const struct client *c, const char *what)
{
    const char *at = strstr(c->body, what);

    CHECK_OK(at != NULL);
    return at ? at : c->body;
}

WEB(listing_page)
{
    struct client *c;

    web_route(w, "/", lists, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/x%3C/")), 200);
    CHECK_EQ_STR(client_field(c, "content-type"), "text/html; charset=utf-8");
    CHECK_OK(strstr(c->body, "hidden") == NULL);
    CHECK_OK(strstr(c->body, "<c>") == NULL);
    (void)position(c, "<title>/x&lt;/</title>");
    (void)position(c, "href=\"./a%3Ab%20%3Cc%3E.txt\">a:b &lt;c&gt;.txt</a>");
    (void)position(c, "1.5 KiB");
    (void)position(c, "06 Nov 1994 08:49:37");
    (void)position(c, "3.0 MiB");
    (void)position(c, "href=\"../\"");
    /* Directories first. */
    CHECK_OK(position(c, "href=\"./sub/\"") < position(c, "href=\"./a%3A"));
    CHECK_OK(strstr(c->body, "more entries") == NULL);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_OK(strstr(c->body, "../") == NULL); /* above the root is nothing */
    client_free(c);
}

WEB(listing_that_was_cut)
{
    struct client *c;

    web_route(w, "/", lists, entries);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    (void)position(c, "more entries");
    client_free(c);
}

WEB(listing_of_what_is_wished)
{
    struct client *c;

    web_route(w, "/", lists, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_OK(!strstr(c->body, ".hidden") && !strstr(c->body, "there"));
    how = (struct mr_listing){.hidden = true, .links = true};
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_OK(strstr(c->body, ".hidden") && strstr(c->body, "./there\""));
    CHECK_OK(!strstr(c->body, "5 B")); /* a link's own size says nothing */
    client_free(c);
}

WEB(listing_as_json)
{
    struct client *c;

    how = (struct mr_listing){.json = true, .links = true};
    web_route(w, "/", lists, NULL);
    web_route(w, "/cut", lists, entries);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/x%22/")), 200);
    CHECK_EQ_STR(client_field(c, "content-type"), "application/json");
    CHECK_EQ_STR(
        c->body,
        "{\"path\":\"/x\\\"/\",\"entries\":[\n"
        " {\"name\":\"sub\",\"href\":\"./sub/\",\"type\":\"directory\","
        "\"modified\":0},\n"
        " {\"name\":\"a:b <c>.txt\",\"href\":\"./a%3Ab%20%3Cc%3E.txt\","
        "\"type\":\"file\",\"size\":1536,\"modified\":784111777},\n"
        " {\"name\":\"large\",\"href\":\"./large\",\"type\":\"file\","
        "\"size\":3145728,\"modified\":0},\n"
        " {\"name\":\"there\",\"href\":\"./there\",\"type\":\"link\","
        "\"modified\":0},\n"
        " {\"name\":\"\xef\xbf\xbd\\\"\\u000a\",\"href\":\"./%FF%22%0A\","
        "\"type\":\"file\",\"size\":0,\"modified\":-1}],\n"
        " \"cut\":false}\n");
    CHECK_EQ_INT(ask(c, GET("/cut/")), 200);
    (void)position(c, "\"cut\":true}");
    client_free(c);
}

#define BAD "\xef\xbf\xbd"

static unsigned turns;

static intptr_t take_turns(void *unused)
{
    (void)unused;
    while (mr_yield() == 0)
        turns++;
    return 0;
}

/* A long one: others have a turn meanwhile. */
static int lists_many(struct mr_request *req, struct mr_response *res,
                      void *self)
{
    static struct mr_dir_entry many[1000];
    const struct mr_dir list = {many, MR_ARRAY_LEN(many), false};
    struct mr_listing l = {.path = mr_request_path(req), .dir = &list};
    int rc;

    l.json = self != NULL;
    for (size_t i = 0; i < MR_ARRAY_LEN(many); i++)
        many[i] = (struct mr_dir_entry){"a", S_IFREG, 1, 1};
    turns = 0;
    rc = mr_listing_reply(res, mr_request_arena(req), &l);
    CHECK_OK(turns >= 6);
    return rc;
}

WEB(listing_of_many_gives_way)
{
    struct mr_coro *co = mr_spawn(take_turns, NULL);
    struct client *c;

    web_route(w, "/", lists_many, NULL);
    web_route(w, "/json/", lists_many, w);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(ask(c, GET("/json/")), 200);
    client_free(c);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
}

TEST(json_escape)
{
    static const struct {
        const char *in;
        const char *want;
    } cases[] = {
        {"", ""},
        {"plain </script>", "plain </script>"},
        {"a\"b\\c", "a\\\"b\\\\c"},
        {"\x01\t\n\x1f\x7f", "\\u0001\\u0009\\u000a\\u001f\\u007f"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
         "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
        /* what is no UTF-8: byte by byte */
        {"\x80", BAD},
        {"\xff\xfe", BAD BAD},
        {"\xc3", BAD},
        {"\xc3(", BAD "("},
        {"\xe2\x82", BAD BAD},
        {"\xe2\x28\xa1", BAD "(" BAD},
        {"\xc0\xaf", BAD BAD},
        {"\xc1\xbf", BAD BAD},
        {"\xe0\x9f\xbf", BAD BAD BAD},
        {"\xed\xa0\x80", BAD BAD BAD},
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_buf b;

        CASE("%s", cases[i].want);
        mr_buf_init(&b);
        EQ_INT(mr_json_escape(&b, mr_str(cases[i].in)), 0);
        EQ_MEM(mr_buf_head(&b), b.len, cases[i].want, strlen(cases[i].want));
        mr_buf_fini(&b);
    }
}

SUITE("listing", html_escape, listing_page, listing_that_was_cut,
      listing_of_what_is_wished, listing_as_json, listing_of_many_gives_way,
      json_escape)
TEST_MAIN()
