/* SPDX-License-Identifier: MIT */
/* test_static_options.c - what a root may be told: precompressed files, a
 * fallback, fields, hidden names; and what may not be read. */
#include <errno.h>

#include "http/static.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static struct mr_static *open_at(struct web *w, const char *route,
                                 struct mr_static_options o)
{
    struct mr_static *s = NULL;

    o.root = tree;
    CHECK_EQ_INT(mr_static_open(&s, &o), 0);
    web_route(w, route, serve, s);
    return s;
}

/* --- precompressed --- */

static void make_coded(void)
{
    tree_make();
    tree_put("x.js", "plain");
    tree_put("x.js.br", "by br");
    tree_put("x.js.gz", "by gz");
    tree_put("y.txt", "plain");
    tree_put("y.txt.gz", "stale");
    tree_put("y.txt.zst", "by zst");
    tree_put("index.html", "plain");
    tree_put("index.html.gz", "by gz");
    tree_put("z.css", "plain");
    tree_dir("z.css.br");
    tree_age("x.js", 3600);
    tree_age("x.js.br", 3600); /* as old is not older */
    tree_age("x.js.gz", 3600);
    tree_age("y.txt", 3600);
    tree_age("y.txt.gz", 3601);
    tree_age("y.txt.zst", 3599);
}

static const struct {
    const char *target, *accepts; /* NULL: no such field */
    const char *coding, *type, *body;
} coded[] = {
    {"/x.js", NULL, "", "text/javascript; charset=utf-8", "plain"},
    {"/x.js", "", "", "text/javascript; charset=utf-8", "plain"},
    {"/x.js", "identity", "", "text/javascript; charset=utf-8", "plain"},
    {"/x.js", "gzip", "gzip", "text/javascript; charset=utf-8", "by gz"},
    {"/x.js", "gzip, deflate, br, zstd", "br", "text/javascript; charset=utf-8",
     "by br"},
    {"/x.js", "br;q=0.1, gzip;q=0.2", "gzip", "text/javascript; charset=utf-8",
     "by gz"},
    {"/x.js", "zstd, gzip;q=0.2", "gzip", "text/javascript; charset=utf-8",
     "by gz"},
    {"/x.js", "zstd", "", "text/javascript; charset=utf-8", "plain"},
    {"/x.js", "gzip;q=0, br;q=0", "", "text/javascript; charset=utf-8",
     "plain"},
    {"/x.js", "gzip;q=0.5, identity", "", "text/javascript; charset=utf-8",
     "plain"},
    {"/x.js", "*", "br", "text/javascript; charset=utf-8", "by br"},
    {"/y.txt", "gzip", "", "text/plain; charset=utf-8", "plain"},
    {"/y.txt", "gzip, zstd;q=0.1", "zstd", "text/plain; charset=utf-8",
     "by zst"},
    {"/", "gzip", "gzip", "text/html; charset=utf-8", "by gz"},
    {"/z.css", "br", "", "text/css; charset=utf-8", "plain"},
    /* by its own name it is a file like others */
    {"/x.js.gz", "gzip", "", "application/gzip", "by gz"},
};

WEB(static_precompressed)
{
    struct client *c = client_new(w);
    struct mr_static *s;
    char text[512];

    make_coded();
    s = open_at(w, "/", (struct mr_static_options){.precompressed = true});
    for (size_t i = 0; i < MR_ARRAY_LEN(coded); i++) {
        const char *accepts = coded[i].accepts;

        CASE("%s %s", coded[i].target, accepts ? accepts : "-");
        snprintf(text, sizeof text, REQUEST("GET %s", "%s%s%s"),
                 coded[i].target, accepts ? "Accept-Encoding: " : "",
                 accepts ? accepts : "", accepts ? "\r\n" : "");
        CHECK_EQ_INT(ask(c, text), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), coded[i].coding);
        CHECK_EQ_STR(client_field(c, "Content-Type"), coded[i].type);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        CHECK_EQ_STR(c->body, coded[i].body);
    }
    mr_static_close(s);
    client_free(c);
}

/* Each form has a tag of its own, also when size and time are alike; ranges and
 * conditions are of the form that is sent. */
WEB(static_precompressed_has_validators)
{
    struct client *c = client_new(w);
    struct mr_static *s;
    char br[80], gz[80], text[512];

    make_coded();
    s = open_at(w, "/", (struct mr_static_options){.precompressed = true});
    CHECK_EQ_INT(ask(c, REQUEST("GET /x.js", "Accept-Encoding: br\r\n")), 200);
    snprintf(br, sizeof br, "%.79s", client_field(c, "ETag"));
    CHECK_EQ_INT(ask(c, REQUEST("GET /x.js", "Accept-Encoding: gzip\r\n")),
                 200);
    snprintf(gz, sizeof gz, "%.79s", client_field(c, "ETag"));
    CHECK_EQ_INT(br[0], '"');
    CHECK_OK(strcmp(br, gz) != 0);
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text,
                 REQUEST("GET /x.js",
                         "Accept-Encoding: br\r\nIf-None-Match: %s\r\n"),
                 i ? gz : br);
        CHECK_EQ_INT(ask(c, text), i ? 200 : 304);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        snprintf(text, sizeof text,
                 REQUEST("GET /x.js", "Accept-Encoding: br\r\nIf-Range: %s\r\n"
                                      "Range: bytes=3-\r\n"),
                 i ? gz : br);
        CHECK_EQ_INT(ask(c, text), i ? 200 : 206);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), "br");
        CHECK_EQ_STR(c->body, i ? "by br" : "br");
    }
    mr_static_close(s);
    client_free(c);
}

/* It is off unless asked for: no Vary, no look beside the file. */
WEB(static_precompressed_is_off)
{
    struct client *c = client_new(w);
    struct mr_static *s;

    make_coded();
    s = open_at(w, "/", (struct mr_static_options){.root = NULL});
    CHECK_EQ_INT(ask(c, REQUEST("GET /x.js", "Accept-Encoding: br\r\n")), 200);
    CHECK_EQ_STR(c->body, "plain");
    CHECK_EQ_STR(client_field(c, "Vary"), "");
    mr_static_close(s);
    client_free(c);
}

/* --- fallback --- */

static const char *const app_page = "/index.html", *const other_page = "x.js";

static const struct {
    const char *target;
    int status;
    const char *body; /* NULL: whatever it is */
} fallen[] = {
    {"/", 200, "the app"},
    {"/some/where", 200, "the app"},
    {"/a.txt", 200, "alpha"},
    {"/a.txt/", 200, "the app"},
    {"/none.js?x=1", 200, "the app"},
    {"/.env", 200, "the app"},
    {"/fifo", 200, "the app"},
    {"/sub", 301, NULL},
    {"/sub/", 403, NULL}, /* it is there, and may not be listed */
    {"/%00", 400, NULL},
};

WEB(static_falls_back)
{
    struct client *c = client_new(w);
    struct mr_static *s;
    char text[256], etag[80];

    tree_make();
    tree_put("index.html", "the app");
    tree_age("index.html", 3600);
    tree_put("a.txt", "alpha");
    tree_put(".env", "secret");
    tree_dir("sub");
    CHECK_EQ_INT(mkfifo(tree_path("fifo"), 0644), 0);
    s = open_at(
        w, "/",
        (struct mr_static_options){.fallback = &app_page, .fallback_n = 1});
    for (size_t i = 0; i < MR_ARRAY_LEN(fallen); i++) {
        CASE("%s", fallen[i].target);
        snprintf(text, sizeof text, GET("%s"), fallen[i].target);
        CHECK_EQ_INT(ask(c, text), fallen[i].status);
        if (fallen[i].body)
            CHECK_EQ_STR(c->body, fallen[i].body);
        if (fallen[i].status == 400) {
            client_free(c);
            c = client_new(w);
        }
    }
    /* A file as any other. */
    CHECK_EQ_INT(ask(c, GET("/some/where")), 200);
    CHECK_EQ_STR(client_field(c, "Content-Type"), "text/html; charset=utf-8");
    snprintf(etag, sizeof etag, "%.79s", client_field(c, "ETag"));
    snprintf(text, sizeof text,
             REQUEST("GET /else/where", "If-None-Match: %s\r\n"), etag);
    CHECK_EQ_INT(ask(c, text), 304);
    /* And when it is not there itself. */
    remove(tree_path("index.html"));
    CHECK_EQ_INT(ask(c, GET("/some/where")), 404);
    CHECK_EQ_INT(mkdir(tree_path("index.html"), 0755), 0);
    CHECK_EQ_INT(ask(c, GET("/some/where")), 404);
    mr_static_close(s);
    client_free(c);
}

/* --- fields --- */

static const struct {
    const char *line;
    bool is_valid;
} lines[] = {
    {"X-Frame-Options: DENY", true},
    {"X-Empty:", true},
    {"X-Thin:thin", true},
    {"Link: </a>; rel=preload", true},
    {"Vary: Cookie", true},
    {"Content-Language: en", true},
    {"X-Colon: a:b", true},
    {"", false},
    {"none", false},
    {": x", false},
    {"a b: c", false},
    {"a : c", false},
    {"a: b\r\nc: d", false},
    {"a: b\nc: d", false},
    {"a: \x01", false},
    {"Content-Length: 5", false},
    {"content-type: text/html", false},
    {"Content-Range: bytes 0-1/2", false},
    {"Content-Encoding: gzip", false},
    {"Transfer-Encoding: chunked", false},
    {"Connection: close", false},
    {"Date: now", false},
    {"ETag: \"a\"", false},
    {"Last-Modified: now", false},
    {"Accept-Ranges: none", false},
    {"Upgrade: h2c", false},
};

TEST(static_fields_that_may_be)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        struct mr_static *s = NULL;

        CASE("%s", lines[i].line);
        EQ_INT(mr_static_header_is_valid(lines[i].line), lines[i].is_valid);
        EQ_INT(mr_static_open(&s,
                              &(struct mr_static_options){
                                  .root = "/",
                                  .headers = &lines[i].line,
                                  .header_n = 1,
                              }),
               lines[i].is_valid ? 0 : -EINVAL);
        mr_static_close(s);
    }
}

WEB(static_adds_fields)
{
    static const char *const headers[] = {"X-Frame-Options: DENY",
                                          "X-Content-Type-Options: nosniff",
                                          "Expires: 0", "Expires: 1"};
    static const struct {
        const char *in;
        int status;
        bool has;
    } asked[] = {
        {GET("/a.txt"), 200, true},
        {REQUEST("GET /a.txt", "Range: bytes=0-1\r\n"), 206, true},
        {REQUEST("GET /a.txt", "If-None-Match: *\r\n"), 304, true},
        {GET("/"), 200, true},
        {REQUEST("GET /a.txt", "If-Match: \"x\"\r\n"), 412, false},
        {REQUEST("GET /a.txt", "Range: bytes=99-\r\n"), 416, false},
        {GET("/none"), 404, false},
    };
    struct client *c = client_new(w);
    struct mr_static *s;

    tree_make();
    tree_put("a.txt", "alpha");
    s = open_at(w, "/",
                (struct mr_static_options){
                    .listing = true, .headers = headers, .header_n = 4});
    for (size_t i = 0; i < MR_ARRAY_LEN(asked); i++) {
        CASE("%s", asked[i].in);
        CHECK_EQ_INT(ask(c, asked[i].in), asked[i].status);
        CHECK_EQ_STR(client_field(c, "X-Frame-Options"),
                     asked[i].has ? "DENY" : "");
        CHECK_EQ_STR(client_field(c, "X-Content-Type-Options"),
                     asked[i].has ? "nosniff" : "");
        CHECK_EQ_STR(client_field(c, "Expires"), asked[i].has ? "0" : "");
    }
    mr_static_close(s);
    client_free(c);
}

/* --- hidden names --- */

static const struct {
    const char *target;
    int shown, hidden;
} dots[] = {
    {"/a.txt", 200, 200},
    {"/.env", 200, 404},
    {"/%2eenv", 200, 404},
    {"/.git/config", 200, 404},
    {"/.git", 301, 404},
    {"/sub/.env", 200, 404},
    {"/...", 200, 404},
    {"/.well-known/security.txt", 200, 200},
    {"/.well-known", 301, 301},
    {"/.well-known/.env", 200, 404},
    {"/.well-knowner/x", 200, 404},
    {"/sub/.well-known/x", 200, 404},
};

WEB(static_hidden_names)
{
    struct client *c = client_new(w);
    struct mr_static *shown, *hidden;
    char text[256];

    tree_make();
    tree_put("a.txt", "alpha");
    tree_put(".env", "secret");
    tree_put("...", "dots");
    tree_dir(".git");
    tree_put(".git/config", "secret");
    tree_dir("sub");
    tree_put("sub/.env", "secret");
    tree_dir("sub/.well-known");
    tree_put("sub/.well-known/x", "x");
    tree_dir(".well-known");
    tree_put(".well-known/security.txt", "Contact:");
    tree_put(".well-known/.env", "secret");
    tree_dir(".well-knowner");
    tree_put(".well-knowner/x", "x");
    shown = open_at(
        w, "/s", (struct mr_static_options){.hidden = true, .listing = true});
    hidden = open_at(w, "/h", (struct mr_static_options){.listing = true});
    for (size_t i = 0; i < MR_ARRAY_LEN(dots); i++) {
        CASE("%s", dots[i].target);
        snprintf(text, sizeof text, GET("/s%s"), dots[i].target);
        CHECK_EQ_INT(ask(c, text), dots[i].shown);
        snprintf(text, sizeof text, GET("/h%s"), dots[i].target);
        CHECK_EQ_INT(ask(c, text), dots[i].hidden);
    }
    CHECK_EQ_INT(ask(c, GET("/s/")), 200);
    CHECK_OK(strstr(c->body, ".env"));
    CHECK_EQ_INT(ask(c, GET("/h/")), 200);
    CHECK_OK(!strstr(c->body, ".env"));
    mr_static_close(shown);
    mr_static_close(hidden);
    client_free(c);
}

/* --- what may not be read --- */

WEB(static_unreadable_is_403)
{
    static const int errors[][2] = {
        {-EACCES, 403}, {-ENOENT, 404}, {-ELOOP, 404}, {-EXDEV, 404}};
    struct client *c = client_new(w);
    struct mr_static *s;

    tree_make();
    tree_put("a.txt", "alpha");
    s = open_at(w, "/", (struct mr_static_options){.listing = true});
    for (size_t i = 0; i < MR_ARRAY_LEN(errors); i++) {
        CASE("%d", errors[i][0]);
        mr_sys_fault_always(MR_SYS_OPENAT2, errors[i][0]);
        CHECK_EQ_INT(ask(c, GET("/a.txt")), errors[i][1]);
        CHECK_EQ_INT(ask(c, GET("/")), errors[i][1]);
        mr_sys_fault_clear();
        CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
    }
    mr_static_close(s);
    client_free(c);
}

/* It takes as many calls as the file by its name; and its directory may be one
 * that nobody may list. */
WEB(static_opens_an_index_at_once)
{
    struct client *c = client_new(w);
    uint64_t by_name, by_slash;
    struct mr_static *s;

    tree_make();
    tree_dir("d");
    tree_put("d/index.html", "index");
    s = open_at(w, "/", (struct mr_static_options){.listing = true});
    CHECK_EQ_INT(ask(c, GET("/d/index.html")), 200);
    mr_sys_fault(MR_SYS_OPENAT2, 0, 0);
    CHECK_EQ_INT(ask(c, GET("/d/index.html")), 200);
    by_name = mr_sys_calls(MR_SYS_OPENAT2);
    mr_sys_fault(MR_SYS_OPENAT2, 0, 0);
    CHECK_EQ_INT(ask(c, GET("/d/")), 200);
    by_slash = mr_sys_calls(MR_SYS_OPENAT2);
    mr_sys_fault_clear();
    CHECK_EQ_INT(by_slash, by_name);
    CHECK_EQ_INT(chmod(tree_path("d"), 0311), 0);
    CHECK_EQ_INT(ask(c, GET("/d/")), 200);
    CHECK_EQ_STR(c->body, "index");
    CHECK_EQ_INT(chmod(tree_path("d"), 0755), 0);
    mr_static_close(s);
    client_free(c);
}

/* Out of memory anywhere: an answer, or an end, and no leak. */
WEB(static_options_without_memory)
{
    struct mr_static *s;

    make_coded();
    s = open_at(w, "/",
                (struct mr_static_options){.precompressed = true,
                                           .index = "",
                                           .listing = true,
                                           .fallback = &other_page,
                                           .fallback_n = 1});
    for (unsigned n = 1; n < 30; n++) {
        static const char *const in[] = {
            REQUEST("GET /x.js", "Accept-Encoding: br\r\n"), GET("/none"),
            REQUEST("GET /", "Accept: application/json\r\n")};

        for (size_t i = 0; i < MR_ARRAY_LEN(in); i++) {
            struct client *c = client_new(w);
            int status;

            CASE("%s, allocation %u", in[i], n);
            mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
            status = ask(c, in[i]);
            mr_sys_fault_clear();
            CHECK_OK(status == 200 || status == 500 || status == 503 ||
                     status < 0);
            client_free(c);
        }
    }
    mr_static_close(s);
}

SUITE("options of files", static_precompressed,
      static_precompressed_has_validators, static_precompressed_is_off,
      static_falls_back, static_fields_that_may_be, static_adds_fields,
      static_hidden_names, static_unreadable_is_403,
      static_opens_an_index_at_once, static_options_without_memory)
TEST_MAIN()
