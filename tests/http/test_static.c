/* SPDX-License-Identifier: MIT */
/* test_static.c - files below a root, and listings of directories. */
#include "http/static.h"

#include <linux/openat2.h>

#include "http/listing.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

/* --- a tree of files --- */

static void make_tree(void)
{
    tree_make();
    tree_put("index.html", "<p>root");
    tree_put("a.txt", "alpha");
    tree_put("empty", "");
    tree_put("q?x.txt", "question");
    tree_put("b c&<d>.css", "odd");
    tree_put(".secret", "no");
    tree_dir(".git");
    tree_put(".git/config", "no");
    tree_dir("sub");
    tree_dir("sub/deep");
    tree_put("sub/deep/c.js", "deep");
    tree_put("sub/z", "zzz");
    tree_put("sub/a:b", "colon");
    tree_dir("sub/evil.org");
    tree_link("a.txt", "inside");
    tree_link("/etc/passwd", "outside");
    tree_link("..", "up");
    tree_link("loop", "loop");
    CHECK_EQ_INT(mkfifo(tree_path("fifo"), 0644), 0);
    tree_dir("none");
    tree_dir("none/index.html"); /* a directory where a file should be */
}

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static struct mr_static *files, *plain;

static void open_files(struct web *w)
{
    make_tree();
    CHECK_EQ_INT(
        mr_static_open(
            &files, &(struct mr_static_options){.root = tree,
                                                .listing = true,
                                                .cache_files = 8,
                                                .cache_time = mr_ms(1000),
                                                .cache_control = "max-age=5"}),
        0);
    CHECK_EQ_INT(
        mr_static_open(&plain,
                       &(struct mr_static_options){.root = tree, .index = ""}),
        0);
    web_route(w, "/", serve, files);
    web_route(w, "/plain", serve, plain);
}

static void close_files(void)
{
    mr_static_close(files);
    mr_static_close(plain);
    mr_static_close(NULL);
}

/* --- what is found --- */

static const struct {
    const char *target;
    int status;
    const char *type, *location, *body; /* NULL: whatever it is */
} gets[] = {
    {"/", 200, "text/html; charset=utf-8", "", "<p>root"},
    {"/a.txt", 200, "text/plain; charset=utf-8", "", "alpha"},
    {"/empty", 200, "application/octet-stream", "", ""},
    {"/q%3fx.txt", 200, "text/plain; charset=utf-8", "", "question"},
    {"/b%20c%26%3cd%3E.css", 200, "text/css; charset=utf-8", "", "odd"},
    {"/./a.txt?b=c", 200, "text/plain; charset=utf-8", "", "alpha"},
    {"/sub/../a.txt", 200, "text/plain; charset=utf-8", "", "alpha"},
    {"/sub/deep/c.js", 200, NULL, "", "deep"},
    {"/plain/a.txt", 200, "text/plain; charset=utf-8", "", "alpha"},
    {"/none.txt", 404, NULL, "", NULL},
    {"/a.txt/", 404, NULL, "", NULL},
    {"/a.txt/b", 404, NULL, "", NULL},
    {"/fifo", 404, NULL, "", NULL},
    {"/loop", 404, NULL, "", NULL},
    {"/none/", 404, NULL, "", NULL},
    {"/plain/", 403, NULL, "", NULL},
    {"/sub", 301, NULL, "/sub/", NULL},
    {"/sub?a=b&c", 301, NULL, "/sub/?a=b&c", NULL},
    {"/sub/deep", 301, NULL, "/sub/deep/", NULL},
    {"/plain/sub", 301, NULL, "/plain/sub/", NULL},
    /* dot files */
    {"/.secret", 404, NULL, "", NULL},
    {"/%2esecret", 404, NULL, "", NULL},
    {"/.git/config", 404, NULL, "", NULL},
    {"/sub/../.git/config", 404, NULL, "", NULL},
    {"/sub//.git", 404, NULL, "", NULL},
    /* the way out */
    {"/outside", 404, NULL, "", NULL},
    {"/up/etc/passwd", 404, NULL, "", NULL},
    {"/../../../../etc/passwd", 404, NULL, "", NULL},
    {"/%2e%2e/%2E%2e/etc/passwd", 404, NULL, "", NULL},
    {"/..%2f..%2fetc/passwd", 400, NULL, "", NULL},
    {"/a.txt%00.html", 400, NULL, "", NULL},
    {"//etc/passwd", 404, NULL, "", NULL},
    {"/..\\..\\etc\\passwd", 400, NULL, "", NULL},
    {"/%c0%ae%c0%ae/etc/passwd", 404, NULL, "", NULL},
};

static void find_all(struct web *w)
{
    struct client *c = client_new(w);
    char text[1024];

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(gets); i++) {
        CASE("%s", gets[i].target);
        snprintf(text, sizeof text, GET("%s"), gets[i].target);
        CHECK_EQ_INT(ask(c, text), gets[i].status);
        CHECK_EQ_STR(client_field(c, "Location"), gets[i].location);
        if (gets[i].type)
            CHECK_EQ_STR(client_field(c, "Content-Type"), gets[i].type);
        if (gets[i].body)
            CHECK_EQ_STR(c->body, gets[i].body);
        CHECK_OK(!strstr(c->body, "root:"));
        if (*client_field(c, "Connection")) {
            client_free(c);
            c = client_new(w);
        }
    }
    client_free(c);
}

WEB(static_finds_and_does_not_find)
{
    find_all(w);
    close_files();
}

/* Links that stay inside are followed, where the kernel can tell. */
WEB(static_follows_links_inside)
{
    struct client *c = client_new(w);
    struct open_how how = {.flags = O_PATH};
    int fd = mr_sys_openat2(AT_FDCWD, "/", &how);

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/inside")), fd >= 0 ? 200 : 404);
    close_files();
    client_free(c);
    mr_fd_close(fd);
}

/* Where it cannot, none is; all else is found, and nothing outside. */
WEB(static_without_openat2)
{
    struct client *c = client_new(w);

    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    find_all(w);
    CHECK_EQ_INT(ask(c, GET("/inside")), 404);
    close_files();
    client_free(c);
}

/* "//host/" in a Location would send the client to another host. */
WEB(static_redirects_to_itself)
{
    static const char *const targets[] = {"//sub", "///sub",
                                          "/sub/..//sub/evil.org"};
    struct client *c = client_new(w);
    char text[256];

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(targets); i++) {
        CASE("%s", targets[i]);
        snprintf(text, sizeof text, GET("%s"), targets[i]);
        CHECK_EQ_INT(ask(c, text), 301);
        CHECK_EQ_INT(client_field(c, "Location")[0], '/');
        CHECK_OK(client_field(c, "Location")[1] != '/');
    }
    close_files();
    client_free(c);
}

/* What a browser leaves raw in a query goes into Location encoded, as no URI
 * has it. */
WEB(static_redirect_is_a_uri)
{
    struct client *c = client_new(w);

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/sub?q={a|b}^`")), 301);
    CHECK_EQ_STR(client_field(c, "Location"), "/sub/?q=%7Ba%7Cb%7D%5E%60");
    close_files();
    client_free(c);
}

/* One byte more than this server takes: it would be refused when it comes. */
WEB(static_redirect_at_the_limit, .max_target = 64)
{
    static const struct {
        const char *query;
        int status;
    } cases[] = {
        {"12345678901234567890123456789012345678901234567890123456789", 414},
        {"1234567890123456789012345678901234567890123456789012345678", 301},
        {"{}345678901234567890123456789012345678901234567890123456", 414},
        {"{}34567890123456789012345678901234567890123456789012345", 414},
        {"{}3456789012345678901234567890123456789012345678901234", 301},
    };
    struct client *c = client_new(w);
    char text[8300];

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].query);
        snprintf(text, sizeof text, GET("/sub?%s"), cases[i].query);
        CHECK_EQ_INT(ask(c, text), cases[i].status);
        if (cases[i].status == 301) {
            snprintf(text, sizeof text, GET("%s"), client_field(c, "Location"));
            CHECK_EQ_INT(ask(c, text), 200);
        }
    }
    close_files();
    client_free(c);
}

WEB(static_answers_get_and_head_only)
{
    struct client *c = client_new(w);

    open_files(w);
    CHECK_EQ_INT(ask(c, REQUEST("POST /a.txt", "Content-Length: 0\r\n")), 405);
    CHECK_EQ_STR(client_field(c, "Allow"), "GET, HEAD");
    client_send(c, REQUEST("HEAD /a.txt", "") GET("/a.txt"));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_STR(client_field(c, "Content-Length"), "5");
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(c->body, "alpha");
    CHECK_EQ_STR(client_field(c, "Cache-Control"), "max-age=5");
    close_files();
    client_free(c);
}

/* --- validators --- */

static const struct {
    const char *field;
    int status;
} conditions[] = {
    {"If-None-Match: %s", 304},
    {"If-None-Match: W/%s", 304},
    {"If-None-Match: \"x\", %s, \"y\"", 304},
    {"If-None-Match: *", 304},
    {"If-None-Match: \"x\"", 200},
    {"If-None-Match: ", 200},
    {"If-None-Match: \"x\"\r\nIf-Modified-Since: %s", 200},
    {"If-Modified-Since: %s", 304},
    {"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 200},
    {"If-Modified-Since: rubbish", 200},
    {"If-Match: %s", 200},
    {"If-Match: \"x\", %s", 200},
    {"If-Match: *", 200},
    {"If-Match: W/%s", 412},
    {"If-Match: \"x\"", 412},
    {"If-Unmodified-Since: %s", 200},
    {"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412},
    /* without Range it means nothing (RFC 9110 13.1.5) */
    {"If-Range: \"x\"", 200},
    {"Range: lines=1-2", 200},
    /* nor is this a GET's (14.4) */
    {"Content-Range: bytes 0-1/9", 200},
    {"Content-Location: /other", 200},
};

WEB(static_answers_304)
{
    struct client *c = client_new(w);
    char etag[128], date[128], field[512], text[1024];

    open_files(w);
    tree_age("a.txt", 3600);
    CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
    snprintf(etag, sizeof etag, "%.100s", client_field(c, "ETag"));
    snprintf(date, sizeof date, "%.100s", client_field(c, "Last-Modified"));
    CHECK_EQ_INT(etag[0], '"');
    for (size_t i = 0; i < MR_ARRAY_LEN(conditions); i++) {
        const char *f = conditions[i].field, *at = strstr(f, "%s");

        CASE("%s", f);
        snprintf(field, sizeof field, "%.*s%s%s", (int)(at ? at - f : 0), f,
                 !at                   ? ""
                 : strstr(f, "-Since") ? date
                                       : etag,
                 at ? at + 2 : f);
        snprintf(text, sizeof text, REQUEST("GET /a.txt", "%s\r\n"), field);
        CHECK_EQ_INT(ask(c, text), conditions[i].status);
        CHECK_EQ_STR(client_field(c, "ETag"), etag);
        CHECK_EQ_STR(client_field(c, "Last-Modified"), date);
        CHECK_EQ_INT(client_field(c, "Date")[3], ',');
        if (conditions[i].status != 412)
            CHECK_EQ_INT(c->body_n, conditions[i].status == 200 ? 5 : 0);
    }
    tree_put("a.txt", "beta");
    snprintf(text, sizeof text, REQUEST("GET /a.txt", "If-None-Match: %s\r\n"),
             etag);
    CHECK_EQ_INT(ask(c, text), 200);
    CHECK_EQ_STR(c->body, "beta");
    close_files();
    client_free(c);
}

/* A second content may come within the same tick of the clock. */
WEB(static_tag_is_weak_while_fresh)
{
    static const int64_t ages[] = {-3600, 60};
    struct client *c = client_new(w);

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(ages); i++) {
        CASE("%d s", (int)ages[i]);
        tree_age("a.txt", ages[i]);
        CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
        CHECK_EQ_INT(client_field(c, "ETag")[0], ages[i] > 2 ? '"' : 'W');
        snprintf(c->in, sizeof c->in,
                 REQUEST("GET /a.txt", "If-None-Match: %s\r\n"),
                 client_field(c, "ETag"));
        client_send(c, c->in);
        CHECK_EQ_INT(client_answer(c), 304);
    }
    close_files();
    client_free(c);
}

/* Size and time in hexadecimal: as before, so that caches keep what they have
 * over an upgrade. */
WEB(static_tag_is_size_and_time)
{
    static const struct {
        struct timespec at;
        const char *etag;
    } rows[] = {
        {{0, 0}, "\"5-0-0\""},
        {{1, 1}, "\"5-1-1\""},
        {{15, 15}, "\"5-f-f\""},
        {{16, 16}, "\"5-10-10\""},
        {{0x12345678, 999999999}, "\"5-12345678-3b9ac9ff\""},
    };
    struct client *c = client_new(w);

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        struct timespec both[] = {rows[i].at, rows[i].at};

        CASE("%s", rows[i].etag);
        CHECK_EQ_INT(utimensat(AT_FDCWD, tree_path("a.txt"), both, 0), 0);
        CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
        CHECK_EQ_STR(client_field(c, "ETag"), rows[i].etag);
    }
    close_files();
    client_free(c);
}

/* RFC 9110 13.2.1: they count where the answer would be a 2xx. */
WEB(static_ignores_conditions_of_what_is_not)
{
    static const struct {
        const char *in;
        int status;
    } rows[] = {
        {REQUEST("GET /nothing", "If-Match: \"x\"\r\n"), 404},
        {REQUEST("GET /nothing", "If-None-Match: *\r\n"), 404},
        {REQUEST("GET /sub", "If-None-Match: *\r\n"), 301},
        {REQUEST("POST /a.txt", "If-Match: \"x\"\r\n"), 405},
        {REQUEST("OPTIONS *", "If-Match: \"x\"\r\n"), 204},
    };
    struct client *c = client_new(w);

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        CASE("%s", rows[i].in);
        CHECK_EQ_INT(ask(c, rows[i].in), rows[i].status);
    }
    close_files();
    client_free(c);
}

/* --- listings --- */

WEB(static_lists)
{
    struct client *c = client_new(w);
    char *dir, *file;

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/sub/")), 200);
    CHECK_EQ_STR(client_field(c, "Content-Type"), "text/html; charset=utf-8");
    dir = strstr(c->body, "<a href=\"./deep/\">deep/</a>");
    file = strstr(c->body, "<a href=\"./z\">z</a>");
    CHECK_OK(dir && file && dir < file);
    CHECK_OK(strstr(c->body, "href=\"./a%3Ab\"") ||
             strstr(c->body, "href=\"./a:b\""));
    CHECK_OK(strstr(c->body, "<td class=\"n\">3 B</td>"));
    CHECK_OK(strstr(c->body, "href=\"../\""));
    remove(tree_path("index.html"));
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_OK(strstr(c->body, "href=\"./b%20c%26%3Cd%3E.css\">"
                             "b c&amp;&lt;d&gt;.css</a>"));
    CHECK_OK(!strstr(c->body, "secret") && !strstr(c->body, ".git"));
    CHECK_OK(!strstr(c->body, "href=\"../\""));
    close_files();
    client_free(c);
}

WEB(static_lists_so_many)
{
    struct mr_static *few;
    struct client *c = client_new(w);

    make_tree();
    CHECK_EQ_INT(
        mr_static_open(&few, &(struct mr_static_options){.root = tree,
                                                         .index = "",
                                                         .listing = true,
                                                         .max_entries = 2}),
        0);
    web_route(w, "/", serve, few);
    CHECK_EQ_INT(ask(c, GET("/sub/")), 200);
    CHECK_OK(strstr(c->body, "There are more entries"));
    mr_static_close(few);
    client_free(c);
}

static const struct {
    const char *in, *want;
} escapes[] = {
    {"", ""},
    {"plain", "plain"},
    {"<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
    {"\xc3\xa4", "\xc3\xa4"},
};

TEST(listing_escapes)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(escapes); i++) {
        struct mr_buf b;

        CASE("%s", escapes[i].in);
        mr_buf_init(&b);
        EQ_INT(mr_html_escape(&b, mr_str(escapes[i].in)), 0);
        EQ_MEM(mr_buf_head(&b), b.len, escapes[i].want,
               strlen(escapes[i].want));
        mr_buf_fini(&b);
    }
}

TEST(static_refuses_roots)
{
    struct mr_static *s = NULL;

    EQ_INT(mr_static_open(&s, &(struct mr_static_options){.root = "/none"}),
           -ENOENT);
    EQ_INT(
        mr_static_open(&s, &(struct mr_static_options){.root = "/etc/passwd"}),
        -ENOTDIR);
    for (unsigned n = 1; n < 8; n++) {
        int rc;

        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        rc = mr_static_open(&s, &(struct mr_static_options){.root = "/"});
        mr_sys_fault_clear();
        OK(rc == 0 || rc == -ENOMEM);
        if (rc == 0)
            mr_static_close(s);
    }
}

SUITE("static files", static_finds_and_does_not_find,
      static_follows_links_inside, static_without_openat2,
      static_redirects_to_itself, static_redirect_is_a_uri,
      static_redirect_at_the_limit, static_answers_get_and_head_only,
      static_answers_304, static_tag_is_weak_while_fresh,
      static_tag_is_size_and_time, static_ignores_conditions_of_what_is_not,
      static_refuses_roots)
SUITE("listings", static_lists, static_lists_so_many, listing_escapes)
TEST_MAIN()
