/* SPDX-License-Identifier: MIT */
/* test_upload.c - a form with files, over the wire and on the disk. */
#include "http/upload.h"

#include <dirent.h>
#include <unistd.h>

#include "core/buf.h"
#include "http/request.h"
#include "http/response.h"
#include "tests/http/http_util.h"

#define TYPE "Content-Type: multipart/form-data; boundary=b\r\n"
#define FIELD(name, value)                                     \
    "--b\r\nContent-Disposition: form-data; name=" name "\r\n" \
    "\r\n" value "\r\n"
#define FILE_OF(name, value) FIELD("f; filename=" name, value)
#define END "--b--\r\n"

static char dir[64];
static char large[300 * 1024];
static char request[400 * 1024];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_upload.XXXXXX");
    CHECK_OK(mkdtemp(dir) != NULL);
    memset(large, 'x', sizeof large - 1);
}

static size_t files_in_dir(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)))
        n += e->d_name[0] != '.' || e->d_name[1] == 'm';
    if (d)
        closedir(d);
    return n;
}

static const char *body(const char *text)
{
    snprintf(request, sizeof request,
             REQUEST("POST /", TYPE "Content-Length: %zu\r\n") "%s",
             strlen(text), text);
    return request;
}

/* Tells what came, and keeps what is called "keep". */
static int takes(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_upload form;
    struct mr_buf out;
    char path[128];
    int rc = mr_request_upload(req, self, &form);

    if (rc < 0)
        return rc;
    mr_buf_init(&out);
    for (struct mr_upload_part *p = form.first; p; p = p->next) {
        (void)!mr_buf_printf(&out, "%.*s:%.*s:%lld:%.*s;", MR_STR(p->name),
                             MR_STR(p->file_name), (long long)p->size,
                             MR_STR(p->value));
        snprintf(path, sizeof path, "%s/kept", dir);
        if (p->path) {
            CHECK_EQ_INT(access(p->path, R_OK), 0);
            CHECK_OK(p->value.n == 0);
        }
        if (mr_str_is(p->file_name, "keep"))
            rc = mr_upload_keep(p, path);
    }
    CHECK_OK(mr_upload_find(form.first, "none") == NULL);
    if (rc < 0)
        (void)!mr_buf_printf(&out, "!%s", mr_strerror(rc));
    rc = mr_reply(res, 200, NULL, mr_buf_view(&out));
    mr_buf_fini(&out);
    return rc;
}

WEB(upload_to_memory)
{
    struct client *c;

    web_route(w, "/", takes, &(struct mr_upload_options){0});
    c = client_new(w);
    CHECK_EQ_INT(ask(c, body(FIELD("a", "1") FILE_OF("x", "two") END)), 200);
    CHECK_EQ_STR(c->body, "a::1:1;f:x:3:two;");
    CHECK_EQ_INT(ask(c, body(END)), 200);
    CHECK_EQ_STR(c->body, "");
    client_free(c);
}

WEB(upload_to_files)
{
    struct mr_upload_options o = {.dir = dir, .max_file = sizeof large};
    char path[80];
    struct client *c;
    FILE *f;

    make_dir();
    web_route(w, "/", takes, &o);
    c = client_new(w);
    snprintf(request, sizeof request,
             REQUEST("POST /", TYPE "Content-Length: %zu\r\n")
                 FILE_OF("keep", "%s") FIELD("a", "1") END,
             strlen(FILE_OF("keep", "") FIELD("a", "1") END) + sizeof large - 1,
             large);
    CHECK_EQ_INT(ask(c, request), 200);
    CHECK_EQ_STR(c->body, "f:keep:307199:;a::1:1;");
    /* the next answer comes after the first request's end */
    CHECK_EQ_INT(ask(c, body(FILE_OF("../keep", "2") END)), 200);
    CHECK_EQ_STR(c->body, "f:keep:1:;!file exists");
    CHECK_EQ_INT(ask(c, body(FILE_OF("drop", "2") END)), 200);
    CHECK_EQ_INT(ask(c, body(FIELD("a", "1") END)), 200);
    CHECK_EQ_INT(files_in_dir(), 1);
    snprintf(path, sizeof path, "%s/kept", dir);
    f = fopen(path, "r");
    CHECK_OK(f != NULL);
    if (f) {
        CHECK_EQ_INT(fread(request, 1, sizeof request, f), sizeof large - 1);
        CHECK_EQ_INT(memcmp(request, large, sizeof large - 1), 0);
        fclose(f);
    }
    unlink(path);
    CHECK_EQ_INT(rmdir(dir), 0);
    client_free(c);
}

static const struct {
    const char *body;
    int want;
} bad[] = {
    {FILE_OF("x", "0123456789a") END, 413},
    {FIELD("a", "0123456789abcdef01234567") END, 413},
    {FIELD("a", "0123456789abcdef") FIELD("a", "0123456789abcdef") END, 413},
    {FILE_OF("x", "1") FIELD("a", "") FIELD("a", "") FIELD("a", "") END, 413},
    {FILE_OF("x", "1") "--bad\r\n", 400},
    {FILE_OF("x", "1") "--b\r\nX: y\r\n\r\n", 400},
    {FILE_OF("x", "1"), 400},
    {"", 400},
    {"nonsense", 400},
};

WEB(upload_refused)
{
    struct mr_upload_options o = {
        .dir = dir, .max_file = 10, .max_memory = 20, .max_parts = 3};
    struct client *c;

    make_dir();
    web_route(w, "/", takes, &o);
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        c = client_new(w);
        CASE("%s", bad[i].body);
        CHECK_EQ_INT(ask(c, body(bad[i].body)), bad[i].want);
        CHECK_EQ_INT(files_in_dir(), 0);
        client_free(c);
    }
    c = client_new(w);
    CHECK_EQ_INT(ask(c, REQUEST("POST /", "Content-Type: text/plain\r\n"
                                          "Content-Length: 1\r\n") "x"),
                 415);
    client_free(c);
    CHECK_EQ_INT(rmdir(dir), 0);
}

WEB(upload_longer_than_all)
{
    struct mr_upload_options o = {.max_total = 100};
    struct client *c;

    web_route(w, "/", takes, &o);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, REQUEST("POST /", TYPE "Content-Length: 101\r\n")),
                 413);
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(
        ask(c,
            REQUEST(
                "POST /", TYPE
                "Transfer-Encoding: chunked\r\n") "65\r\n"
                                                  "--b\r\nContent-Disposition: "
                                                  "form-data; name=a\r\n\r\n"
                                                  "0123456789012345678901234567"
                                                  "890123456789012345678901"
                                                  "23456789\r\n"),
        413);
    client_free(c);
}

/* The client leaves in the middle: no part file stays. */
WEB(upload_left)
{
    struct mr_upload_options o = {.dir = dir};
    struct client *c;

    make_dir();
    web_route(w, "/", takes, &o);
    c = client_new(w);
    client_send(c, REQUEST("POST /", TYPE "Content-Length: 1000\r\n")
                       FILE_OF("x", "1"));
    UNTIL(files_in_dir() == 1);
    client_free(c);
    UNTIL(w->row.connections == 0);
    CHECK_EQ_INT(files_in_dir(), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
}

static int counts_open_files(struct mr_request *req, struct mr_response *res,
                             void *self)
{
    struct mr_upload form;
    int before = count_fds();
    int rc = mr_request_upload(req, self, &form);

    if (rc < 0)
        return rc;
    CHECK_EQ_INT(form.n, 200);
    CHECK_EQ_INT(files_in_dir(), 200);
    CHECK_EQ_INT(count_fds(), before);
    return mr_reply(res, 200, NULL, mr_str(""));
}

/* A form of a thousand files took a thousand descriptors. */
WEB(upload_of_many_files_keeps_none_open)
{
    struct mr_upload_options o = {.dir = dir};
    char *form = malloc(200 * sizeof FILE_OF("x", "12345") + sizeof END);
    struct client *c;
    size_t n = 0;

    make_dir();
    web_route(w, "/", counts_open_files, &o);
    c = client_new(w);
    for (int i = 0; i < 200; i++, n += sizeof FILE_OF("x", "12345") - 1)
        memcpy(form + n, FILE_OF("x", "12345"), sizeof FILE_OF("x", "12345"));
    memcpy(form + n, END, sizeof END);
    CHECK_EQ_INT(ask(c, body(form)), 200);
    CHECK_EQ_INT(ask(c, body("")), 400);
    CHECK_EQ_INT(files_in_dir(), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
    client_free(c);
    free(form);
}

static const struct {
    enum mr_sys_call call;
    int err;
    int want;
} faults[] = {
    {MR_SYS_WRITE, -ENOSPC, 507},
    {MR_SYS_WRITE, -EDQUOT, 507},
    {MR_SYS_OPENAT, -ENOSPC, 507},
    {MR_SYS_OPENAT, -EACCES, 500},
};

WEB(upload_without_a_disk)
{
    struct mr_upload_options o = {.dir = dir};

    make_dir();
    web_route(w, "/", takes, &o);
    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        struct client *c = client_new(w);

        CASE("%zu", i);
        mr_sys_fault_always(faults[i].call, faults[i].err);
        client_send(c, body(FILE_OF("x", "1") END));
        CHECK_EQ_INT(client_answer(c), faults[i].want);
        mr_sys_fault_clear();
        CHECK_EQ_INT(files_in_dir(), 0);
        client_free(c);
    }
    CHECK_EQ_INT(rmdir(dir), 0);
}

SUITE("upload", upload_to_memory, upload_to_files, upload_refused,
      upload_longer_than_all, upload_left, upload_of_many_files_keeps_none_open,
      upload_without_a_disk)
TEST_MAIN()
