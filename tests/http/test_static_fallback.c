/* SPDX-License-Identifier: MIT */
/* test_static_fallback.c - what is tried in place of 404. */
#include <errno.h>
#include <sys/stat.h>

#include "http/static.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static const char *const list[] = {
    "{path}.html", "/alt/{path}/main.html", "", "/old/{path}", "/app.html",
    "=410"};

static const struct {
    const char *target;
    int status;
    const char *body; /* NULL: whatever it is */
} cases[] = {
    {"/a.html", 200, "page a"},
    {"/a", 200, "page a"},
    {"/a/", 200, "page a"},
    {"/a?x", 200, "page a"},
    {"/b", 301, NULL},  /* a directory is there, */
    {"/b/", 403, NULL}, /* without index and listing */
    {"/m", 200, "main of m"},
    {"/m/", 200, "main of m"},
    {"/b/c", 200, "page c"},
    {"/gone.txt", 200, "old gone"},
    {"/b/../gone.txt", 200, "old gone"},
    {"/none", 200, "the app"},
    {"/", 403, NULL},
    {"/.secret", 200, "the app"}, /* not {path}.html */
    {"/x/.secret", 200, "the app"},
    {"/%2e%2e/%2e%2e/etc/passwd", 200, "the app"},
    {"/a%2ehtml", 200, "page a"},
    {"/%7bpath%7d", 200, "the app"},
    {"/sub/dir", 200, "the app"},
};

static void make_files(void)
{
    tree_make();
    tree_dir("b");
    tree_dir("old");
    tree_put("a.html", "page a");
    tree_put("b/c.html", "page c");
    tree_dir("alt");
    tree_dir("alt/m");
    tree_put("alt/m/main.html", "main of m");
    tree_put("old/gone.txt", "old gone");
    tree_put(".secret.html", "secret");
    tree_put("app.html", "the app");
    tree_dir("sub.html");
    tree_dir("sub");
    tree_dir("sub/dir.html"); /* no file */
}

static struct mr_static *open_list(const char *const *v, size_t n)
{
    struct mr_static *s = NULL;

    CHECK_EQ_INT(mr_static_open(&s,
                                &(struct mr_static_options){
                                    .root = tree,
                                    .index = "",
                                    .fallback = v,
                                    .fallback_n = n,
                                }),
                 0);
    return s;
}

WEB(fallbacks_in_turn)
{
    struct client *c = client_new(w);
    struct mr_static *s;
    char text[256];

    make_files();
    s = open_list(list, MR_ARRAY_LEN(list));
    web_route(w, "/", serve, s);
    web_route(w, "/under", serve, s);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].target);
        snprintf(text, sizeof text, GET("%s"), cases[i].target);
        CHECK_EQ_INT(ask(c, text), cases[i].status);
        if (cases[i].body)
            CHECK_EQ_STR(c->body, cases[i].body);
    }
    /* the route's own path is none of it; a file as any other */
    CHECK_EQ_INT(ask(c, REQUEST("GET /under/a", "Range: bytes=5-5\r\n")), 206);
    CHECK_EQ_STR(c->body, "a");
    CHECK_EQ_STR(client_field(c, "Content-Type"), "text/html; charset=utf-8");
    /* none of all: the last word */
    remove(tree_path("app.html"));
    CHECK_EQ_INT(ask(c, GET("/none")), 410);
    /* what may not be had ends it */
    tree_put("shut.html", "x");
    mr_sys_fault(MR_SYS_OPENAT2, 2, -EACCES);
    CHECK_EQ_INT(ask(c, GET("/shut")), 403);
    mr_sys_fault_clear();
    mr_static_close(s);
    client_free(c);
}

static const struct {
    const char *text;
    bool is_valid;
} texts[] = {
    {"", true},           {"/index.html", true},  {"x", true},
    {"{path}", true},     {"{path}{path}", true}, {"/{path}.html", true},
    {"{", true},          {"a}b", true},          {"=404", true},
    {"=599", true},       {"=400", true},         {"=399", false},
    {"=600", false},      {"=", false},           {"=404 ", false},
    {"=x", false},        {"=401", false},        {"=405", false},
    {"=426", false},      {"{}", false},          {"{uri}", false},
    {"{path}{x}", false},
};

TEST(fallbacks_that_may_be)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(texts); i++) {
        struct mr_static *s = NULL;

        CASE("%s", texts[i].text);
        EQ_INT(mr_static_fallback_is_valid(texts[i].text), texts[i].is_valid);
        EQ_INT(mr_static_open(&s,
                              &(struct mr_static_options){
                                  .root = "/",
                                  .fallback = &texts[i].text,
                                  .fallback_n = 1,
                              }),
               texts[i].is_valid ? 0 : -EINVAL);
        mr_static_close(s);
    }
}

/* Out of memory anywhere: an answer, or an end, and no leak. */
WEB(fallbacks_without_memory)
{
    struct mr_static *s;

    make_files();
    s = open_list(list, MR_ARRAY_LEN(list));
    web_route(w, "/", serve, s);
    for (unsigned n = 1; n < 20; n++) {
        struct client *c = client_new(w);
        int status;

        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        status = ask(c, GET("/gone.txt"));
        mr_sys_fault_clear();
        CHECK_OK(status == 200 || status == 503 || status < 0);
        client_free(c);
    }
    mr_static_close(s);
}

SUITE("files: fallbacks", fallbacks_in_turn, fallbacks_that_may_be,
      fallbacks_without_memory)
TEST_MAIN()
