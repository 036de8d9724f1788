/* SPDX-License-Identifier: MIT */
/*
 * test_static_notes.c - what a file's answers have in common is put together
 * once (http/saved_fields.h): they are the same in every byte as the first ones
 * of a cache, whatever came before.
 */
#include "http/compress.h"
#include "http/saved_fields.h"
#include "http/static.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

static struct mr_static *files, *fresh; /* fresh: as nobody asked yet */
static struct mr_compress policy;

/* What a step in front may have added. */
enum before { NOTHING, A_FIELD, AN_EXPIRES, A_POLICY, MANY_FIELDS, BEFORES };

struct place {
    struct mr_static **files;
    enum before before;
};

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct place *p = self;
    int err = 0;

    if (p->before == A_FIELD)
        err = mr_response_header(res, "X-Frame-Options", "DENY");
    if (p->before == AN_EXPIRES)
        err = mr_response_header(res, "Expires", "0");
    if (p->before == A_POLICY)
        mr_response_compress(res, &policy);
    for (int i = 0; p->before == MANY_FIELDS && i < 56 && !err; i++)
        err = mr_response_header(res, "X-Many", "x");
    return err ? err : mr_static_serve(*p->files, req, res);
}

static void route_files(struct web *w)
{
    static struct place places[2][BEFORES];
    static char routes[2][BEFORES][4]; /* their bytes are kept */

    for (int kept = 0; kept < 2; kept++) {
        for (int b = 0; b < BEFORES; b++) {
            places[kept][b] =
                (struct place){kept ? &files : &fresh, (enum before)b};
            memcpy(routes[kept][b], "/", 2);
            routes[kept][b][1] = (char)('0' + kept);
            routes[kept][b][2] = (char)('0' + b);
            web_route(w, routes[kept][b], serve, &places[kept][b]);
        }
    }
}

static void open_one(struct mr_static **ret)
{
    static const char *const headers[] = {"X-Of-Files: 1",
                                          "Expires: Fri, 01 Jan 2100 00:00:00 "
                                          "GMT"};
    struct mr_static_options o = {.root = tree,
                                  .cache_control = "max-age=5",
                                  .precompressed = true,
                                  .headers = headers,
                                  .header_n = 2,
                                  .cache_files = 16,
                                  .cache_time = mr_ms(3600000)};

    CHECK_EQ_INT(mr_static_open(ret, &o), 0);
}

static void open_files(void)
{
    static const char *const words[] = {"on"};

    open_one(&files);
    open_one(&fresh);
    CHECK_EQ_STR(mr_compress_parse(&policy, words, 1), NULL);
}

static void close_files(void)
{
    mr_static_close(files);
    mr_static_close(fresh);
}

static const struct {
    const char *method, *path, *fields;
    int status;
} asked[] = {
    {"GET", "a.txt", "", 200},
    {"HEAD", "a.txt", "", 200},
    {"GET", "a.txt", "Accept-Encoding: gzip\r\n", 200},
    {"GET", "a.txt.gz", "", 200},
    {"GET", "page.html", "", 200},
    {"GET", "page.html", "Accept-Encoding: br, gzip\r\n", 200},
    {"GET", "page.html", "If-Modified-Since: @\r\n", 304},
    {"GET", "page.html", "If-None-Match: \"no\"\r\n", 200},
    {"GET", "page.html", "If-Match: \"no\"\r\n", 412},
    {"GET", "page.html", "Range: bytes=1-3\r\n", 206},
    {"GET", "page.html", "Range: bytes=1-3\r\nIf-Range: \"no\"\r\n", 200},
    {"GET", "page.html", "Range: bytes=1-3,5-6\r\n", 206},
    {"GET", "page.html", "Range: bytes=100000-\r\n", 416},
    {"GET", "large", "", 200},
    {"GET", "large", "Range: bytes=0-1\r\n", 206},
    {"GET", "none", "", 404},
};

/* The last answer without what each has of its own: Date, and the boundary of
 * several ranges. */
static const char *sense_of(const struct client *c, char *out, size_t size)
{
    const char *date = strcasestr(c->head, "\r\nDate: ");
    int n = date ? (int)(date - c->head) : 0;
    char *edge;

    snprintf(out, size, "%.*s%.*s", n, c->head, (int)size / 2,
             date ? strstr(date + 2, "\r\n") : c->head);
    edge = strstr(out, "boundary=");
    if (edge)
        memset(edge + 9, '-', 32);
    return out;
}

static int ask_at(struct client *c, int kept, int before, size_t i)
{
    char text[512], fields[128];
    const char *at = strchr(asked[i].fields, '@');

    snprintf(fields, sizeof fields, "%s", asked[i].fields);
    if (at)
        snprintf(fields, sizeof fields, "%.*sFri, 01 Jan 2100 00:00:00 GMT\r\n",
                 (int)(at - asked[i].fields), asked[i].fields);
    snprintf(text, sizeof text, "%s /%d%d/%s HTTP/1.1\r\nHost: a\r\n%s\r\n",
             asked[i].method, kept, before, asked[i].path, fields);
    client_send(c, text);
    if (strcmp(asked[i].method, "HEAD") == 0)
        return client_head(c);
    return client_answer(c);
}

static void compare(struct client *a, struct client *b, int before, size_t i)
{
    static char want[4096], got[4096];
    bool edged = strstr(asked[i].fields, ",5-6") != NULL;
    int status;

    mr_static_close(fresh);
    open_one(&fresh);
    status = ask_at(a, 0, before, i);

    CASE("%s %s %s, behind %d", asked[i].method, asked[i].path, asked[i].fields,
         before);
    CHECK_EQ_INT(status, asked[i].status);
    CHECK_EQ_INT(ask_at(b, 1, before, i), status);
    CHECK_EQ_STR(sense_of(b, got, sizeof got), sense_of(a, want, sizeof want));
    CHECK_EQ_INT(b->body_n, a->body_n);
    if (!edged)
        CHECK_EQ_MEM(b->body, b->body_n, a->body, a->body_n);
}

/* Each request first of all, and behind each other: whoever is noted first. */
WEB(static_notes_change_no_answer)
{
    struct client *a = client_new(w), *b = client_new(w);
    static char text[40000];

    tree_make();
    memset(text, 'x', sizeof text - 1);
    tree_put("large", text);
    text[3000] = '\0';
    tree_put("page.html", text);
    tree_put("a.txt", "alpha");
    tree_put("a.txt.gz", "not really");
    tree_age("large", 60);
    tree_age("page.html", 60);
    tree_age("a.txt", 60);
    tree_age("a.txt.gz", 60);
    route_files(w);
    for (size_t first = 0; first < MR_ARRAY_LEN(asked) * BEFORES; first++) {
        open_files();
        compare(a, b, (int)(first % BEFORES), first / BEFORES);
        for (int before = 0; before < BEFORES; before++)
            for (size_t i = 0; i < MR_ARRAY_LEN(asked); i++)
                compare(a, b, before, i);
        close_files();
    }
    client_free(a);
    client_free(b);
}

/* A tag that is weak, as its file was changed just now, is none for later. */
WEB(static_notes_wait_for_a_strong_tag)
{
    struct client *c = client_new(w);
    char weak[128] = "";

    tree_make();
    route_files(w);
    open_files();
    for (int i = 0; i < 20 && strncmp(weak, "W/\"", 3) != 0; i++) {
        tree_put("new", "new"); /* again, if it was a slow minute */
        tree_age("new", 0);
        CHECK_EQ_INT(ask(c, GET("/10/new")), 200);
        snprintf(weak, sizeof weak, "%.100s", client_field(c, "ETag"));
    }
    CHECK_EQ_INT(strncmp(weak, "W/\"", 3), 0);
    do { /* a connection has its number of requests */
        client_free(c);
        c = client_new(w);
        CHECK_EQ_INT(ask(c, GET("/10/new")), 200);
    } while (strcmp(client_field(c, "ETag"), weak) == 0 && *weak);
    CHECK_EQ_STR(client_field(c, "ETag"), weak + 2);
    CHECK_EQ_INT(ask(c, GET("/10/new")), 200);
    CHECK_EQ_STR(client_field(c, "ETag"), weak + 2);
    /* Another file of that name has another one. */
    tree_put("new", "newer");
    tree_age("new", 120);
    CHECK_EQ_INT(ask(c, GET("/10/new")), 200);
    CHECK_EQ_STR(c->body, "newer");
    CHECK_OK(strncmp(client_field(c, "ETag"), "\"5-", 3) == 0);
    close_files();
    client_free(c);
}

SUITE("static notes", static_notes_change_no_answer,
      static_notes_wait_for_a_strong_tag)
TEST_MAIN()
