/* SPDX-License-Identifier: MIT */
/* test_upload.c - the app upload in the real server. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "tests/apps/client.h"
#include "tests/test.h"

#define CONF "route '/in' { app = upload  dir = '@DIR@'  max_file = 10 }\n"

static const char *post(const struct site *s, const char *name,
                        const char *data)
{
    static char text[1024], body[512];

    snprintf(body, sizeof body,
             "--b\r\nContent-Disposition: form-data; name=file; "
             "filename=\"%s\"\r\n\r\n%s\r\n--b--\r\n",
             name, data);
    snprintf(text, sizeof text,
             "POST /in HTTP/1.1\r\nHost: %s\r\n"
             "Content-Type: multipart/form-data; boundary=b\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             s->host, strlen(body), body);
    return text;
}

/* 20 bytes */
#define TEN                                                                    \
    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" \
    "\xc3\xa4"

static const struct {
    const char *name;
    const char *data;
    int status;
    const char *want; /* the answer */
} posts[] = {
    {"a.txt", "one", 200, "a.txt 3\n"},
    {"a.txt", "two", 200, "a-1.txt 3\n"},
    {"b", "one", 200, "b 3\n"},
    {"b", "two", 200, "b-1 3\n"},
    {"../../.x y", "", 200, "x_y 0\n"},
    {"\xff", "z", 200, "file 1\n"},
    {"\xff.a", "z", 200, "a 1\n"},
    {"Gr\xc3\xbc\xc3\x9f"
     "e %22<1>%22&%0D%0A.txt",
     "z", 200,
     "Gr\xc3\xbc\xc3\x9f"
     "e_1.txt 1\n"},
    /* U+0085, U+202E, U+FEFF; U+2013 stays. */
    {"a\xc2\x85\xe2\x80\xae\xef\xbb\xbf-\xe2\x80\x93", "z", 200,
     "a-\xe2\x80\x93 1\n"},
    /* 128 bytes would end within a character. */
    {TEN TEN TEN TEN TEN TEN "x" TEN, "z", 200,
     TEN TEN TEN TEN TEN TEN "x"
                             "\xc3\xa4\xc3\xa4\xc3\xa4 1\n"},
    {"c", "0123456789a", 413, "413 Content Too Large\n"},
};

TEST(upload_keeps)
{
    struct site s = {0};
    struct client_answer a;
    int fd;

    OK(site_start(&s, CONF));
    for (size_t i = 0; i < MR_ARRAY_LEN(posts); i++) {
        CASE("%s", posts[i].name);
        fd = client_dial(&s);
        OK(fd >= 0);
        OK(client_send(fd, post(&s, posts[i].name, posts[i].data)));
        OK(client_answer(fd, &a));
        close(fd);
        EQ_INT(a.status, posts[i].status);
        EQ_STR(a.body, posts[i].want);
    }
    OK(site_file_has(&s, "a.txt", "one"));
    OK(site_file_has(&s, "a-1.txt", "two"));
    OK(!site_file_has(&s, "c", ""));
    OK(client_get(&s, "/in", &a));
    EQ_INT(a.status, 200);
    OK(strstr(a.body, "multipart/form-data") != NULL);
    EQ_INT(site_stop(&s), 0);
}

#define MANY 1000

/* The answer to a form of many parts takes memory in step with its length: a
 * list that is copied for each part would take more than 60 MB. */
TEST(upload_of_many_parts)
{
    static char body[MANY * 256], head[256];
    struct site s = {0};
    char last[256];
    int64_t before, after;
    size_t n = 0;
    int fd;

    for (int i = 0; i < MANY; i++)
        n += (size_t)snprintf(body + n, sizeof body - n,
                              "--b\r\nContent-Disposition: form-data; "
                              "name=file; filename=\"%0120d\"\r\n\r\nx\r\n",
                              i);
    n += (size_t)snprintf(body + n, sizeof body - n, "--b--\r\n");
    OK(n < sizeof body);
    OK(site_start(&s, "workers = 1\n" CONF));
    before = site_proc_bytes(site_worker(&s, 0), "status", "VmHWM");
    snprintf(head, sizeof head,
             "POST /in HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
             "Content-Type: multipart/form-data; boundary=b\r\n"
             "Content-Length: %zu\r\n\r\n",
             n);
    fd = client_dial(&s);
    OK(client_send(fd, head));
    OK(client_write(fd, body, n));
    OK(client_ended(fd));
    close(fd);
    snprintf(last, sizeof last, "%s/%0120d", s.dir, MANY - 1);
    EQ_INT(access(last, F_OK), 0);
    after = site_proc_bytes(site_worker(&s, 0), "status", "VmHWM");
    OK(before > 0);
    if (!site_is_instrumented())
        OK(after - before < 8 << 20);
    EQ_INT(site_stop(&s), 0);
}

SUITE("upload", upload_keeps, upload_of_many_parts)
TEST_MAIN()
