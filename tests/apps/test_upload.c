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

static const struct {
    const char *name;
    const char *data;
    int status;
    const char *want; /* the answer */
} posts[] = {
    {"a.txt", "one", 200, "a.txt 3\n"},
    {"a.txt", "two", 200, "a.txt-1 3\n"},
    {"../../.x y", "", 200, "xy 0\n"},
    {"\xff", "z", 200, "file 1\n"},
    {"b", "0123456789a", 413, "413 Content Too Large\n"},
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
    OK(site_file_has(&s, "a.txt-1", "two"));
    OK(!site_file_has(&s, "b", ""));
    OK(client_get(&s, "/in", &a));
    EQ_INT(a.status, 200);
    OK(strstr(a.body, "multipart/form-data") != NULL);
    EQ_INT(site_stop(&s), 0);
}

SUITE("upload", upload_keeps)
TEST_MAIN()
