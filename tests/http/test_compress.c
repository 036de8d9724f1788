/* SPDX-License-Identifier: MIT */
/* test_compress.c - which answers are compressed, for whom, and with which
 * fields. */
#include "tests/http/compress_util.h"

/* --- for whom --- */

static const struct {
    const char *accept;
    const char *coding;
} wishes[] = {
    {NULL, ""},
    {"", ""},
    {"identity", ""},
    {"gzip", "gzip"},
    {"x-gzip", "gzip"},
    {"GZip", "gzip"},
    {"deflate", ""},
    {"br", "br"},
    {"zstd", "zstd"},
    {"*", "zstd"},
    {"*;q=0", ""},
    {"gzip;q=0", ""},
    {"gzip;q=0, *", "zstd"},
    {"zstd;q=0, br;q=0, *", "gzip"},
    {"gzip;q=0.5, identity", ""},
    {"gzip, identity;q=0.5", "gzip"},
    {"gzip;q=0.5, identity;q=0.5", "gzip"},
    {"identity;q=0", ""},
    {"gzip;q=0.9, br;q=0.8, zstd;q=0.1", "gzip"},
    {"gzip;q=0.001", "gzip"},
    {"gzip;q=2", ""},
    {"gzip, deflate, br, zstd", "zstd"}, /* Chrome 123, Firefox 126 */
    {"gzip, deflate, br", "br"},         /* Safari, older ones */
    {"gzip, deflate", "gzip"},           /* over plain HTTP, most */
    {"deflate, gzip, br, zstd", "zstd"}, /* curl --compressed */
    {"gzip, x-gzip, deflate", "gzip"},   /* Apache's client */
    {"gzip;q=1.0,deflate;q=0.6,identity;q=0.3", "gzip"}, /* Ruby */
};

WEB(compress_as_the_client_likes)
{
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", answer, &on);
    for (size_t i = 0; i < MR_ARRAY_LEN(wishes) * 3; i++) {
        size_t at = i / 3;

        plan = (struct plan){.n = i % 3 == 1 ? 40000 : 4000,
                             .piece = i % 3 == 2 ? 1000 : 0};
        CASE("%s, %zu", wishes[at].accept ? wishes[at].accept : "-", i % 3);
        CHECK_EQ_INT(get(c, "GET", wishes[at].accept), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), wishes[at].coding);
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        CHECK_EQ_STR(client_field(c, "Content-Type"), "text/plain");
        /* what is whole and small has a length */
        CHECK_EQ_INT(*client_field(c, "Content-Length") != '\0',
                     i % 3 == 0 || (i % 3 == 1 && !*wishes[at].coding));
        check_body(c, plan.n);
    }
    client_free(c);
}

/* --- which answers --- */

#define PAGE .n = 4000
#define STREAM .n = 4000, .piece = 500

static const struct {
    struct plan plan;
    const char *coding;
    const char *vary;
} answers[] = {
    {{PAGE}, "gzip", "Accept-Encoding"},
    {{PAGE, .type = "text/html; charset=utf-8"}, "gzip", "Accept-Encoding"},
    {{STREAM}, "gzip", "Accept-Encoding"},
    {{STREAM, .announce = true}, "gzip", "Accept-Encoding"},
    {{PAGE, .status = 404}, "gzip", "Accept-Encoding"},
    {{PAGE, .status = 500}, "gzip", "Accept-Encoding"},
    {{PAGE, .status = 201}, "gzip", "Accept-Encoding"},
    /* length */
    {{.n = 1023}, "", ""},
    {{.n = 1024}, "gzip", "Accept-Encoding"},
    {{.n = 0}, "", ""},
    {{.n = 1023, .piece = 1023, .announce = true}, "", ""},
    {{.n = 1023, .piece = 1023}, "gzip", "Accept-Encoding"},
    {{.n = 100 * 1024}, "gzip", "Accept-Encoding"},
    {{.n = 100 * 1024 + 1}, "", ""},
    {{.n = 100 * 1024 + 1, .piece = 9999}, "gzip", "Accept-Encoding"},
    /* type */
    {{PAGE, .type = "image/png"}, "", ""},
    {{PAGE, .type = "text/event-stream"}, "", ""},
    {{PAGE, .type = "text/plain", .fields = {{"Content-Type", "image/png"}}},
     "",
     ""},
    {{PAGE, .type = "image/png", .fields = {{"Content-Type", "text/css"}}},
     "gzip",
     "Accept-Encoding"},
    /* what the handler says */
    {{PAGE, .not_this = true}, "", ""},
    {{PAGE, .fields = {{"Content-Encoding", "x-own"}}}, "x-own", ""},
    {{PAGE, .fields = {{"Cache-Control", "max-age=1, No-Transform"}}}, "", ""},
    {{PAGE, .fields = {{"Cache-Control", "no-cache"}}},
     "gzip",
     "Accept-Encoding"},
    {{PAGE, .fields = {{"Content-Digest", "sha-256=:AA==:"}}}, "", ""},
    {{PAGE, .status = 206, .fields = {{"Content-Range", "bytes 0-3999/9000"}}},
     "",
     ""},
    {{PAGE, .fields = {{"Vary", "Accept-Encoding, Cookie"}}},
     "gzip",
     "Accept-Encoding, Cookie"},
    {{PAGE, .fields = {{"Vary", "*"}}}, "gzip", "*"},
    {{.n = 0, .status = 204}, "", ""},
    {{.n = 0, .status = 205}, "", ""},
};

static void no_date(char *head)
{
    char *at = strstr(head, "\r\nDate: "),
         *end = at ? strstr(at + 2, "\r\n") : NULL;

    if (end)
        memmove(at, end, strlen(end) + 1);
}

WEB(compress_which_answers)
{
    struct client *c = client_new(w);
    char got[16 * 1024];

    prepare();
    on.max = 100 * 1024;
    web_route(w, "/", answer, &on);
    for (size_t i = 0; i < MR_ARRAY_LEN(answers); i++) {
        const char *coding = answers[i].coding;
        char *at;

        plan = answers[i].plan;
        CASE("answer %zu", i);
        CHECK_EQ_INT(get(c, "GET", "gzip"), plan.status ? plan.status : 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), coding);
        CHECK_EQ_STR(client_field(c, "Vary"), answers[i].vary);
        if (strcmp(coding, "x-own") != 0 && plan.n > 0)
            check_body(c, plan.n);
        memcpy(got, c->head, sizeof got);
        no_date(got);
        /* HEAD: the same, but for the framing of what is not there */
        CHECK_OK(get(c, "HEAD", "gzip") > 0);
        no_date(c->head);
        at = strstr(got, "Transfer-Encoding: chunked\r\n");
        if (at)
            memmove(at, at + 28, strlen(at + 28) + 1);
        CHECK_EQ_STR(c->head, got);
    }
    client_free(c);
}

/* A tag says the same bytes, or W/: the same meaning. */
WEB(compress_and_tags)
{
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", answer, &on);
    plan = (struct plan){PAGE, .fields = {{"ETag", "\"a\""},
                                          {"Accept-Ranges", "bytes"},
                                          {"X-Last", "1"}}};
    for (int i = 0; i < 2; i++) {
        plan.piece = i ? 500 : 0;
        CHECK_EQ_INT(get(c, "GET", "zstd"), 200);
        CHECK_EQ_STR(client_field(c, "ETag"), "W/\"a\"");
        CHECK_EQ_STR(client_field(c, "Accept-Ranges"), "");
        CHECK_EQ_STR(client_field(c, "X-Last"), "1");
        CHECK_EQ_INT(get(c, "GET", NULL), 200);
        CHECK_EQ_STR(client_field(c, "ETag"), "\"a\"");
        CHECK_EQ_STR(client_field(c, "Accept-Ranges"), "bytes");
    }
    /* last of the fields, and weak before */
    plan = (struct plan){
        PAGE, .fields = {{"Accept-Ranges", "bytes"}, {"ETag", "W/\"b\""}}};
    CHECK_EQ_INT(get(c, "GET", "br"), 200);
    CHECK_EQ_STR(client_field(c, "ETag"), "W/\"b\"");
    plan = (struct plan){PAGE, .fields = {{"Accept-Ranges", "bytes"}}};
    CHECK_EQ_INT(get(c, "GET", "br"), 200);
    CHECK_EQ_STR(client_field(c, "Accept-Ranges"), "");
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "br");
    client_free(c);
}

/* What does not get shorter is sent as it is; only when it is whole can that be
 * known. */
WEB(compress_of_no_use)
{
    struct client *c = client_new(w);

    prepare();
    fill(prose, 50000, true, 9);
    web_route(w, "/", answer, &on);
    for (size_t i = 0; i < 3; i++) {
        static const char *const accepts[] = {"gzip", "br", "zstd"};

        plan = (struct plan){.n = 4000};
        CHECK_EQ_INT(get(c, "GET", accepts[i]), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), "");
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        check_body(c, 4000);
        plan.n = 50000;
        CHECK_EQ_INT(get(c, "GET", accepts[i]), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), accepts[i]);
        check_body(c, 50000);
    }
    client_free(c);
}

WEB(compress_for_1_0)
{
    static const char request[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n"
                                  "Accept-Encoding: gzip\r\n\r\n";
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", answer, &on);
    plan = (struct plan){PAGE};
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "keep-alive");
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    check_body(c, plan.n);
    plan = (struct plan){.n = 50000, .piece = 5000, .announce = true};
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    CHECK_EQ_STR(client_field(c, "Content-Length"), "");
    CHECK_EQ_STR(client_field(c, "Transfer-Encoding"), "");
    check_body(c, plan.n);
    client_free(c);
}

SUITE("compression", compress_as_the_client_likes, compress_which_answers,
      compress_and_tags, compress_of_no_use, compress_for_1_0)
TEST_MAIN()
