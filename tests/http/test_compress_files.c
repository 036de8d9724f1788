/* SPDX-License-Identifier: MIT */
/* test_compress_files.c - files compressed on their way: ranges, validators,
 * forms that are kept. */
#include "http/static.h"
#include "tests/http/compress_util.h"
#include "tests/http/tree.h"

/* --- files --- */

static struct mr_static *files;

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    mr_response_compress(res, self);
    return mr_static_serve(files, req, res);
}

static void put_text(const char *name, size_t n, int age)
{
    char *z = calloc(n + 1, 1);

    CHECK_OK(z != NULL);
    memcpy(z, prose, n);
    tree_put(name, z);
    free(z);
    tree_age(name, age);
}

static void open_files(struct web *w)
{
    prepare();
    tree_make();
    put_text("small.txt", 8000, 3600);
    put_text("large.html", 120000, 3600);
    put_text("tiny.txt", 100, 3600);
    put_text("a.png", 8000, 3600);
    put_text("ready.js", 8000, 3600);
    tree_put("ready.js.gz", "by gz");
    CHECK_EQ_INT(
        mr_static_open(&files,
                       &(struct mr_static_options){.root = tree,
                                                   .precompressed = true,
                                                   .cache_files = 8,
                                                   .cache_time = mr_ms(60000)}),
        0);
    web_route(w, "/", serve, &on);
}

static const struct {
    const char *target, *fields;
    int status;
    const char *coding, *ranges; /* Content-Encoding, Accept-Ranges */
    bool weak;                   /* its tag */
    size_t n;                    /* of the prose; 0: not looked at */
} asked[] = {
    {"/small.txt", "", 200, "", "bytes", false, 8000},
    {"/small.txt", "Accept-Encoding: zstd\r\n", 200, "zstd", "", true, 8000},
    {"/small.txt", "Accept-Encoding: gzip\r\n", 200, "gzip", "", true, 8000},
    {"/small.txt", "Accept-Encoding: br\r\n", 200, "br", "", true, 8000},
    {"/large.html", "", 200, "", "bytes", false, 120000},
    {"/large.html", "Accept-Encoding: zstd\r\n", 200, "zstd", "", true, 120000},
    {"/large.html", "Accept-Encoding: gzip\r\n", 200, "gzip", "", true, 120000},
    {"/large.html", "Accept-Encoding: br\r\n", 200, "br", "", true, 120000},
    {"/tiny.txt", "Accept-Encoding: br\r\n", 200, "", "bytes", false, 100},
    {"/a.png", "Accept-Encoding: br\r\n", 200, "", "bytes", false, 8000},
    /* a range is of the text as it is */
    {"/large.html", "Accept-Encoding: gzip\r\nRange: bytes=0-1999\r\n", 206, "",
     "bytes", false, 2000},
    {"/large.html", "Accept-Encoding: gzip\r\nRange: bytes=0-9,20000-20009\r\n",
     206, "", "bytes", false, 0},
    {"/large.html", "Accept-Encoding: gzip\r\nRange: bytes=140000-\r\n", 416,
     "", "bytes", false, 0},
    /* what stands ready, first; its ranges are of that form */
    {"/ready.js", "Accept-Encoding: gzip\r\n", 200, "gzip", "bytes", false, 0},
    {"/ready.js", "Accept-Encoding: br\r\n", 200, "br", "", true, 8000},
    {"/ready.js", "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\n", 206, "gzip",
     "bytes", false, 0},
};

WEB(compress_files)
{
    struct client *c = client_new(w);
    char request[512];

    open_files(w);
    tree_age("ready.js.gz", 60);
    /* twice: the second time much of it comes from memory */
    for (size_t i = 0; i < 2 * MR_ARRAY_LEN(asked); i++) {
        size_t at = i % MR_ARRAY_LEN(asked);

        CASE("%zu: %s %s", i, asked[at].target, asked[at].fields);
        snprintf(request, sizeof request, REQUEST("GET %s", "%s"),
                 asked[at].target, asked[at].fields);
        CHECK_EQ_INT(ask(c, request), asked[at].status);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), asked[at].coding);
        CHECK_EQ_STR(client_field(c, "Accept-Ranges"), asked[at].ranges);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        CHECK_EQ_INT(client_field(c, "ETag")[0], asked[at].weak ? 'W' : '"');
        if (asked[at].n > 0)
            check_body(c, asked[at].n);
        snprintf(request, sizeof request, REQUEST("HEAD %s", "%s"),
                 asked[at].target, asked[at].fields);
        client_send(c, request);
        /* no ranges with HEAD: 200 (RFC 9110 14.2) */
        CHECK_EQ_INT(client_head(c), 200);
        if (asked[at].status == 200)
            CHECK_EQ_STR(client_field(c, "Content-Encoding"), asked[at].coding);
    }
    client_free(c);
    mr_static_close(files);
}

/* A cache asks again with the tag that it has, and gets that back. */
WEB(compress_files_not_modified)
{
    struct client *c = client_new(w);
    char tag[100], request[512];

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/large.html")), 200);
    snprintf(tag, sizeof tag, "%.80s", client_field(c, "ETag"));
    for (int i = 0; i < 6; i++) {
        bool weak = i % 2;

        snprintf(request, sizeof request,
                 REQUEST("%s /large.html", "If-None-Match: \"x\", %s%s\r\n%s"),
                 i == 5 ? "HEAD" : "GET", weak ? "W/" : "", tag,
                 i < 2 ? "" : "Accept-Encoding: gzip\r\n");
        CASE("%s", request);
        CHECK_EQ_INT(ask(c, request), 304);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), "");
        CHECK_EQ_INT(client_field(c, "ETag")[0], weak ? 'W' : '"');
        CHECK_EQ_STR(client_field(c, "ETag") + (weak ? 2 : 0), tag);
    }
    /* a weak tag joins no ranges (RFC 9110 13.1.5), a strong one does */
    snprintf(request, sizeof request,
             REQUEST("GET /large.html", "Accept-Encoding: gzip\r\nRange: "
                                        "bytes=5-\r\nIf-Range: W/%s\r\n"),
             tag);
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    snprintf(request, sizeof request,
             REQUEST("GET /large.html", "Accept-Encoding: gzip\r\nRange: "
                                        "bytes=5-99\r\nIf-Range: %s\r\n"),
             tag);
    CHECK_EQ_INT(ask(c, request), 206);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "");
    client_free(c);
    mr_static_close(files);
}

/* The second time a small one is not compressed: all coders are at work. A
 * change of the file is the end of what was kept. */
WEB(compress_files_once)
{
    struct client *c = client_new(w);
    struct mr_coder *taken[512];
    size_t n = 0;
    bool end;

    open_files(w);
    CHECK_EQ_INT(ask(c, REQUEST("GET /small.txt", "Accept-Encoding: gzip\r\n")),
                 200);
    check_body(c, 8000);
    while (n < MR_ARRAY_LEN(taken) &&
           mr_coder_take(&w->http->coders, MR_CODING_GZIP, 1, -1, &taken[n]) ==
               0)
        n++;
    CHECK_EQ_INT(ask(c, REQUEST("GET /small.txt", "Accept-Encoding: gzip\r\n")),
                 200);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    check_body(c, 8000);
    CHECK_EQ_INT(ask(c, REQUEST("GET /small.txt", "Accept-Encoding: br\r\n")),
                 200);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "");
    while (n > 0)
        mr_coder_give(taken[--n]);
    put_text("small.txt", 7000, 1800);
    UNTIL(ask(c, REQUEST("GET /small.txt", "Accept-Encoding: gzip\r\n")) !=
              200 ||
          decode(coding_of(c), c->body, c->body_n, back, sizeof back, &end) ==
              7000);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    check_body(c, 7000);
    client_free(c);
    mr_static_close(files);
}

/* A file that is cut while it is sent: short, and seen to be. */
WEB(compress_files_cut)
{
    struct client *c = client_new(w);

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/large.html")), 200); /* it is in the cache */
    client_send(c, REQUEST("GET /large.html", "Accept-Encoding: gzip\r\n"));
    mr_sys_fault(MR_SYS_PREADV2, 2, -EIO);
    CHECK_OK(client_answer(c) < 0);
    mr_sys_fault_clear();
    CHECK_OK(client_sees_end(c));
    client_free(c);
    CHECK_EQ_INT(w->http->coders.bytes, 0);
    /* on 1.0 only a reset tells it from a whole one */
    c = client_new(w);
    client_send(c, "GET /large.html HTTP/1.0\r\nHost: a\r\n"
                   "Accept-Encoding: gzip\r\n\r\n");
    mr_sys_fault(MR_SYS_PREADV2, 2, -EIO);
    CHECK_EQ_INT(client_answer(c), -ECONNRESET);
    mr_sys_fault_clear();
    client_free(c);
    CHECK_EQ_INT(w->http->coders.bytes, 0);
    mr_static_close(files);
}

SUITE("compressed files", compress_files, compress_files_not_modified,
      compress_files_once, compress_files_cut)
TEST_MAIN()
