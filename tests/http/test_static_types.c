/* SPDX-License-Identifier: MIT */

/*
 * test_static_types.c - the file of content types that a root may name.
 */
#include <string.h>
#include <unistd.h>

#include "http/mime.h"
#include "http/static.h"
#include "tests/http/http_util.h"

#define HTML "text/html; charset=utf-8"

/* A directory with x.html, x.c and a file of types. */
struct site {
    char dir[32], html[64], c[64], types[64];
};

static void put_file(char path[64], const struct site *s, const char *name,
                     const char *text)
{
    FILE *f;

    snprintf(path, 64, "%s/%s", s->dir, name);
    f = fopen(path, "w");
    CHECK_OK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void site_make(struct site *s, const char *types)
{
    snprintf(s->dir, sizeof s->dir, "/tmp/mr_types_XXXXXX");
    CHECK_OK(mkdtemp(s->dir) != NULL);
    put_file(s->html, s, "x.html", "");
    put_file(s->c, s, "x.c", "");
    put_file(s->types, s, "mime.types", types);
}

static void site_remove(const struct site *s)
{
    (void)!unlink(s->html);
    (void)!unlink(s->c);
    (void)!unlink(s->types);
    (void)!rmdir(s->dir);
}

static int open_site(const struct site *s, const char *types,
                     unsigned *ret_line, struct mr_static **ret)
{
    return mr_static_open(ret, &(struct mr_static_options){
                                   .root = s->dir,
                                   .mime_types = types,
                                   .ret_line = ret_line,
                               });
}

TEST(a_wrong_line_is_named)
{
    static const struct {
        const char *text;
        int err;
        unsigned line;
    } cases[] = {
        {"", 0, 0},
        {"# a comment\n\ntext/x-c c h\n", 0, 0},
        {"nonsense c\n", -EBADMSG, 1},
        {"a/b c\n# next\nnonsense c\n", -EBADMSG, 3},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_static *st = NULL;
        struct site s;
        unsigned line = 0;

        CASE("%s", cases[i].text);
        site_make(&s, cases[i].text);
        CHECK_EQ_INT(open_site(&s, s.types, &line, &st), cases[i].err);
        CHECK_EQ_INT(line, cases[i].line);
        mr_static_close(st);
        site_remove(&s);
    }
}

TEST(a_file_that_is_not_there_or_too_large)
{
    struct mr_static *st = NULL;
    struct site s;

    site_make(&s, "");
    CHECK_EQ_INT(open_site(&s, "/nonexistent", NULL, &st), -ENOENT);
    CHECK_EQ_INT(open_site(&s, s.dir, NULL, &st), -EISDIR);
    CHECK_EQ_INT(truncate(s.types, 1024 * 1024 + 1), 0);
    CHECK_EQ_INT(open_site(&s, s.types, NULL, &st), -EFBIG);
    CHECK_EQ_PTR(st, NULL);
    site_remove(&s);
}

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

/* The types of x.html and x.c below `pattern`. */
static void check_types(struct web *w, const char *pattern, const char *types,
                        const char *html, const char *c_type)
{
    struct client *c = client_new(w);
    struct mr_static *st = NULL;
    struct site s;
    char request[80];

    CASE("%s", types);
    site_make(&s, types);
    CHECK_EQ_INT(open_site(&s, s.types, NULL, &st), 0);
    web_route(w, pattern, serve, st);
    snprintf(request, sizeof request, REQUEST("GET %s/x.html", ""), pattern);
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(client_field(c, "Content-Type"), html);
    snprintf(request, sizeof request, REQUEST("GET %s/x.c", ""), pattern);
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(client_field(c, "Content-Type"), c_type);
    client_free(c);
    mr_static_close(st);
    site_remove(&s);
}

WEB(its_types_come_before_the_built_in_ones)
{
    check_types(w, "/none", "", HTML, MR_MIME_DEFAULT);
    check_types(w, "/more", "x/c c\n", HTML, "x/c");
    check_types(w, "/both", "x/y html c\n", "x/y", "x/y");
}

SUITE("types", a_wrong_line_is_named, a_file_that_is_not_there_or_too_large,
      its_types_come_before_the_built_in_ones)
TEST_MAIN()
