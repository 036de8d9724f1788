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
    {".hidden", S_IFREG, 1, 0},
    {"a:b <c>.txt", S_IFREG, 1536, 784111777},
    {"large", S_IFREG, 3 << 20, 0},
    {"sub", S_IFDIR, 4096, 0},
};

static int lists(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct mr_dir list = {entries, MR_ARRAY_LEN(entries), self != NULL};

    return mr_listing_reply(res, mr_request_arena(req), mr_request_path(req),
                            &list);
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

SUITE("listing", html_escape, listing_page, listing_that_was_cut)
TEST_MAIN()
