/* SPDX-License-Identifier: MIT */
/* test_error_pages.c - pages read from files, and which one an error gets. */
#include "http/error_pages.h"

#include "http/mime.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

/* Of the process's; a test process has one test. */
static struct mr_arena arena;
static struct mr_mime *mime;

static int add(const struct mr_error_page **pages, const char *format,
               const char *file)
{
    const char *why = NULL;
    char text[256];

    if (!mime) {
        mr_arena_init(&arena, 512);
        CHECK_EQ_INT(mr_mime_new(&mime), 0);
    }
    snprintf(text, sizeof text, format, file ? tree_path(file) : "");
    return mr_error_pages_add(pages, &arena, mime, mr_str(text), &why);
}

static void drop(void)
{
    mr_arena_fini(&arena);
    mr_mime_free(mime);
}

TEST(error_pages_added)
{
    const struct mr_error_page *pages = NULL;

    tree_make();
    tree_put("a.html", "A");
    tree_put("b", "");
    EQ_PTR(mr_error_pages_find(NULL, 404), NULL);
    EQ_INT(add(&pages, "  404  410 %s  ", "a.html"), 0);
    EQ_INT(add(&pages, "500 %s", "b"), 0);
    EQ_STR(mr_error_pages_find(pages, 410)->type, "text/html; charset=utf-8");
    EQ_INT(mr_error_pages_find(pages, 404)->body.n, 1);
    EQ_STR(mr_error_pages_find(pages, 500)->type, MR_MIME_DEFAULT);
    EQ_INT(mr_error_pages_find(pages, 500)->body.n, 0);
    EQ_PTR(mr_error_pages_find(pages, 403), NULL);
    EQ_INT(add(&pages, "403 404 %s", "a.html"), -EEXIST);
    EQ_INT(add(&pages, "405 405 %s", "a.html"), -EEXIST);
    EQ_INT(add(&pages, "600 %s", "a.html"), -EINVAL);
    EQ_INT(add(&pages, "399 %s", "a.html"), -EINVAL);
    EQ_INT(add(&pages, "4x4 %s", "a.html"), -EINVAL);
    EQ_INT(add(&pages, "%s", "a.html"), -EINVAL);
    EQ_INT(add(&pages, "%s", NULL), -EINVAL);
    EQ_INT(add(&pages, "501 %s", "none"), -ENOENT);
    EQ_INT(add(&pages, "501 %s", "."), -EISDIR);
    drop();
    tree_drop();
}

TEST(error_pages_of_any_size)
{
    static char big[MR_ERROR_PAGE_MAX + 2];
    const struct mr_error_page *pages = NULL;

    tree_make();
    memset(big, 'x', sizeof big - 1);
    tree_put("above", big);
    big[sizeof big - 2] = '\0';
    tree_put("most", big);
    EQ_INT(add(&pages, "404 %s", "above"), -EFBIG);
    EQ_INT(add(&pages, "404 %s", "most"), 0);
    EQ_INT(pages->body.n, MR_ERROR_PAGE_MAX);
    drop();
    tree_drop();
}

/* --- in a server --- */

static int fails(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str status = mr_request_query(req, "status", "");
    uint64_t n = 0;

    (void)self;
    if (mr_str_to_u64(status, 999, &n) == 0)
        return mr_reply_status(res, (int)n);
    if (mr_str_is(status, "own"))
        return mr_reply_printf(res, 404, "own");
    return -EIO;
}

static const struct mr_error_page site_404 = {
    NULL, 404, "text/x-site", {"site", 4}};
static const struct mr_error_page site = {
    &site_404, 500, "text/x-site", {"five", 4}};
static const struct mr_error_page of_route = {
    NULL, 404, "text/x-route", {"route", 5}};

static const struct {
    const char *target;
    int status;
    const char *body;
} asked[] = {
    {"/none", 404, "site"},
    {"/r?status=404", 404, "route"},
    {"/r?status=500", 500, "five"},
    {"/r?status=403", 403, "403 Forbidden\n"},
    {"/r?status=own", 404, "own"},
    {"/s?status=404", 404, "site"},
    {"/s?status=204", 204, ""},
    {"/s", 500, "five"}, /* what its errno means */
};

WEB(error_pages_of_a_server, .error_pages = &site)
{
    const struct mr_route_options o = {.error_pages = &of_route};
    struct client *c = client_new(w);
    const char *why = "";

    web_route(w, "/s", fails, NULL);
    CHECK_EQ_INT(mr_http_route_with(w->http, mr_str("/r"), fails, NULL, "test",
                                    &o, &why),
                 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(asked); i++) {
        char text[128];

        CASE("%s", asked[i].target);
        snprintf(text, sizeof text, GET("%s"), asked[i].target);
        CHECK_EQ_INT(ask(c, text), asked[i].status);
        CHECK_EQ_STR(c->body, asked[i].body);
        if (strcmp(client_field(c, "Connection"), "close") == 0) {
            client_free(c);
            c = client_new(w);
        }
    }
    /* A request that was not understood. */
    CHECK_EQ_INT(ask(c, "rubbish\r\n\r\n"), 400);
    CHECK_OK(strstr(c->body, "400 Bad Request: "));
    client_free(c);
}

SUITE("error pages", error_pages_added, error_pages_of_any_size,
      error_pages_of_a_server)
TEST_MAIN()
