/* SPDX-License-Identifier: MIT */
/* test_json.c - the example app json, where it could be built. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "tests/apps/client.h"
#include "tests/test.h"

static char deep[200 * 1024];

static const struct {
    const char *type;
    const char *body; /* NULL: deep */
    int status;
    const char *want; /* part of the answer */
} cases[] = {
    {"application/json", "{\"numbers\": [1, 2.5]}", 200,
     "{\"count\": 2, \"sum\": 3.5}"},
    {"application/json; charset=utf-8", "{\"numbers\": []}", 200,
     "\"count\": 0"},
    {"application/json", "{\"numbers\": [1, \"x\"]}", 400, "are numbers"},
    {"application/json", "{\"numbers\": [1e308, 1e308]}", 400, "too large"},
    {"application/json", "{\"numbers\": 1}", 400, "send {"},
    {"application/json", "[1", 400, "error"},
    {"application/json", "", 400, "error"},
    {"application/json", NULL, 400, "error"},
    {"text/plain", "{}", 415, "415"},
};

static bool post(const struct site *s, const char *type, const char *body,
                 struct client_answer *ret)
{
    char head[256];
    int fd = client_dial(s);
    bool ok;

    snprintf(head, sizeof head,
             "POST /json HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\n"
             "Content-Length: %zu\r\n\r\n",
             type, strlen(body));
    ok = fd >= 0 && client_send(fd, head) && client_send(fd, body) &&
         client_answer(fd, ret);
    close(fd);
    return ok;
}

TEST(json_adds_up)
{
    const char *build = getenv("MR_BUILD");
    struct site s = {0};
    char path[512], conf[1024], cwd[256];

    OK(getcwd(cwd, sizeof cwd) != NULL);
    snprintf(path, sizeof path, "%s/%s/json.so", cwd,
             build ? build : "build/release");
    if (access(path, R_OK) == -1)
        SKIP("apps/json was not built: apt-get install libjansson-dev");
    snprintf(conf, sizeof conf, "load = '%s'\nroute '/json' { app = json }\n",
             path);
    memset(deep, '[', sizeof deep - 1);
    OK(site_start(&s, conf));
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        const char *body = cases[i].body ? cases[i].body : deep;
        struct client_answer a;

        CASE("%zu: %.40s", i, body);
        OK(post(&s, cases[i].type, body, &a));
        EQ_INT(a.status, cases[i].status);
        if (!strstr(a.body, cases[i].want))
            EQ_STR(a.body, cases[i].want);
    }
    EQ_INT(site_stop(&s), 0);
}

SUITE("json", json_adds_up)
TEST_MAIN()
