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

/* --- the built-in ones --- */

#define CHROME                                                       \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9," \
    "image/avif,image/webp,image/apng,*/*;q=0.8,"                    \
    "application/signed-exchange;v=b3;q=0.7\r\n"

static int denies(struct mr_request *req, struct mr_response *res, void *self)
{
    int err = mr_response_header(res, "WWW-Authenticate", "Basic realm=\"a\"");

    (void)req;
    (void)self;
    return err ? err : mr_reply_status(res, 401);
}

/* Says what it varies by, or of what type it is, before it fails. */
static int says_more(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    int err = mr_request_query(req, "type", "").n > 0
                  ? mr_response_header(res, "Content-Type", "text/x-own")
                  : mr_response_header(res, "Vary", "Origin, accept");

    (void)self;
    return err ? err : mr_reply_status(res, 404);
}

enum form { NONE, PLAIN, PAGE };

static const struct {
    const char *line, *fields, *says;
    enum form form;
} forms[] = {
    {"GET /none HTTP/1.1", CHROME, "404 Not Found", PAGE},
    {"GET /none HTTP/1.1", "Accept: */*\r\n", "404 Not Found", PLAIN},
    {"GET /none HTTP/1.1", "", "404 Not Found", PLAIN},
    {"GET /none HTTP/1.1", "Accept: text/*\r\n", "404 Not Found", PLAIN},
    {"GET /none HTTP/1.1", "Accept: text/html;q=0\r\n", "404 Not Found", PLAIN},
    {"GET /none HTTP/1.1", "Accept: */*, text/html;q=0.1\r\n", "404 Not Found",
     PAGE},
    {"GET /none HTTP/1.1", "Accept: TEXT/HTML, text/plain\r\n", "404 Not Found",
     PAGE},
    {"GET /none HTTP/1.1", "Accept: text/plain, text/html;q=0.9\r\n",
     "404 Not Found", PLAIN},
    {"GET /none HTTP/1.1", "Accept: a/b\r\nAccept: text/html\r\n",
     "404 Not Found", PAGE},
    {"GET /none HTTP/1.1", "Accept: text/html;q=2\r\n", "404 Not Found", PLAIN},
    {"GET /none HTTP/1.0", CHROME, "404 Not Found", PAGE},
    {"GET /none HTTP/1.0", "", "404 Not Found", PLAIN},
    {"HEAD /none HTTP/1.1", CHROME, "404 Not Found", PAGE},
    {"HEAD /none HTTP/1.1", "", "404 Not Found", PLAIN},
    {"GET /<b>&\"' HTTP/1.1", CHROME, "400 Bad Request", NONE},
    {"GET /%3Cb%3E HTTP/1.1", CHROME, "404 Not Found", PAGE},
    {"GET /%2f HTTP/1.1", CHROME, "400 Bad Request", NONE},
    {"DELETE /r HTTP/1.1", CHROME, "405 Method Not Allowed", PAGE},
    {"GET /r HTTP/1.1", CHROME, "500 Internal Server Error", PAGE},
    {"GET /r?status=431 HTTP/1.1", CHROME,
     "431 Request Header Fields Too Large", PAGE},
    {"GET /r?status=499 HTTP/1.1", CHROME, "499", PAGE},
    {"GET /r?status=499 HTTP/1.1", "", "499", PLAIN},
    {"GET /r?status=300 HTTP/1.1", CHROME, "300 Multiple Choices", NONE},
    {"GET /denied HTTP/1.1", CHROME, "401 Unauthorized", PAGE},
    {"GET /more HTTP/1.1", CHROME, "404 Not Found", PAGE},
    {"GET /more?type=1 HTTP/1.1", CHROME, "404 Not Found", NONE},
    {"rubbish", CHROME, "400 Bad Request", NONE},
};

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    while ((text = strcasestr(text, what))) {
        text += strlen(what);
        n++;
    }
    return n;
}

static void check_page(const struct client *c, const char *says)
{
    static const char *const has[] = {
        "<!DOCTYPE html>",   "<html lang=\"en\">",     "charset=\"utf-8\"",
        "name=\"viewport\"", "content=\"light dark\"", "</title>",
    };
    char heading[64];

    CHECK_OK(c->body_n < 500);
    for (size_t i = 0; i < MR_ARRAY_LEN(has); i++)
        CHECK_EQ_INT(count(c->body, has[i]), 1);
    snprintf(heading, sizeof heading, "<h1>%s</h1>", says);
    CHECK_EQ_INT(count(c->body, heading), 1);
    CHECK_EQ_INT(count(c->body, says), 2); /* and the title */
    CHECK_EQ_INT(count(c->body, "src="), 0);
    CHECK_EQ_INT(count(c->body, "href="), 0);
    CHECK_EQ_INT(count(c->body, "<script"), 0);
}

static void check_form(const struct web *w, size_t i)
{
    struct client *c = client_new(w);
    bool head = strncmp(forms[i].line, "HEAD", 4) == 0;
    bool page = forms[i].form == PAGE;
    char text[512];
    int status;

    snprintf(text, sizeof text, "%s\r\nHost: a\r\n%s\r\n", forms[i].line,
             forms[i].fields);
    client_send(c, text);
    status = head ? client_head(c) : client_answer(c);
    CHECK_EQ_INT(status, strtol(forms[i].says, NULL, 10));
    CHECK_EQ_INT(count(c->head, "accept\r\n"), forms[i].form != NONE);
    CHECK_EQ_STR(client_field(c, "Content-Type"),
                 strstr(forms[i].line, "type=") ? "text/x-own"
                 : page                         ? "text/html; charset=utf-8"
                                                : "text/plain; charset=utf-8");
    CHECK_EQ_INT(count(c->head, "\r\nWWW-Authenticate: Basic"), status == 401);
    if (page && !head)
        check_page(c, forms[i].says);
    else if (!head)
        CHECK_OK(strncmp(c->body, forms[i].says, strlen(forms[i].says)) == 0);
    client_free(c);
}

WEB(error_pages_for_browsers)
{
    web_route(w, "GET /r", fails, NULL);
    web_route(w, "/denied", denies, NULL);
    web_route(w, "/more", says_more, NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(forms); i++) {
        CASE("%s %s", forms[i].line, forms[i].fields);
        check_form(w, i);
    }
}

/* HEAD has GET's fields, length and all. */
WEB(error_pages_to_head)
{
    static const char *const accept[] = {CHROME, ""};
    struct client *c = client_new(w);
    char text[512], get[24];

    for (size_t i = 0; i < MR_ARRAY_LEN(accept); i++) {
        CASE("%s", accept[i]);
        snprintf(text, sizeof text, REQUEST("GET /none", "%s"), accept[i]);
        CHECK_EQ_INT(ask(c, text), 404);
        snprintf(get, sizeof get, "%zu", c->body_n);
        CHECK_EQ_STR(client_field(c, "Content-Length"), get);
        snprintf(text, sizeof text, REQUEST("HEAD /none", "%s"), accept[i]);
        client_send(c, text);
        CHECK_EQ_INT(client_head(c), 404);
        CHECK_EQ_STR(client_field(c, "Content-Length"), get);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept");
    }
    client_free(c);
}

SUITE("error pages", error_pages_added, error_pages_of_any_size,
      error_pages_of_a_server, error_pages_for_browsers, error_pages_to_head)
TEST_MAIN()
