/* SPDX-License-Identifier: MIT */
/* test_redirect.c - the app redirect, and what stands before an app, in the
 * real server. */
#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "tests/apps/client.h"
#include "tests/test.h"

static const char conf[] =
    "route '/old/*rest' { app = redirect  to = '/new/{rest}' status = 301 }\n"
    "route '/all/*rest' { app = redirect  to = '/{rest}' }\n"
    "route '/u/:id/:what' {\n"
    "    app = redirect  to = 'https://x.example/{what}?id={id}'\n"
    "}\n"
    "route '/bare' { app = redirect  to = '/b' query = off  status = 308 }\n"
    "route '/hello' { app = hello  security_headers = on }\n"
    "route '/locked' { app = hello  auth = staff  auth_file = '@DIR@/users' "
    "}\n";

static const struct {
    const char *target;
    int status;
    const char *field;
} cases[] = {
    {"/old/a/b", 301, "\r\nLocation: /new/a/b\r\n"},
    {"/old", 301, "\r\nLocation: /new/\r\n"},
    {"/old/a%20b%0d%0aX:y?q=1&r", 301,
     "\r\nLocation: /new/a%20b%0D%0AX%3Ay?q=1&r\r\n"},
    {"/all//evil.example", 302, "\r\nLocation: /.//evil.example\r\n"},
    {"/all/%5cevil.example", 302, "\r\nLocation: /%5Cevil.example\r\n"},
    {"/u/7/x?q=1", 302, "\r\nLocation: https://x.example/x?id=7&q=1\r\n"},
    {"/bare?q=1", 308, "\r\nLocation: /b\r\n"},
    {"/hello", 200, "\r\nX-Content-Type-Options: nosniff\r\n"},
    {"/locked", 401, "\r\nWWW-Authenticate: Basic realm=\"staff\", "},
};

TEST(redirect_and_steps)
{
    struct site s = {0};
    struct client_answer a;

    OK(site_init(&s));
    OK(site_write(&s, "users", "# nobody yet\n"));
    OK(site_start(&s, conf));
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].target);
        OK(client_get(&s, cases[i].target, &a));
        EQ_INT(a.status, cases[i].status);
        if (!strstr(a.head, cases[i].field))
            EQ_STR(a.head, cases[i].field);
    }
    EQ_INT(site_stop(&s), 0);
}

static const struct {
    const char *conf, *want;
} bad[] = {
    {"route '/a' { app = redirect }\n", "@DIR@/conf:1: "},
    {"route '/a' { app = redirect\n to = '/{x}' }\n",
     "@DIR@/conf:2: the route \"/a\" has no parameter 'x'"},
    {"route '/a' { app = redirect\n to = '/a b' }\n",
     "@DIR@/conf:2: to \"/a b\""},
    {"route '/a' { app = redirect\n to = '' }\n", "@DIR@/conf:2: to \"\""},
    {"route '/a' { app = hello auth = x\n auth_file = '@DIR@/conf' }\n",
     "@DIR@/conf:2: @DIR@/conf:1: "},
};

TEST(redirect_bad)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        const char *argv[] = {"-t", "-c", "@DIR@/conf", NULL};
        char out[1024], want[256];
        struct site s = {0};

        CASE("%s", bad[i].conf);
        OK(site_init(&s));
        OK(site_write(&s, "conf", bad[i].conf));
        OK(site_run(&s, argv, out, sizeof out) != 0);
        site_fill(&s, bad[i].want, want, sizeof want);
        if (!strstr(out, want))
            EQ_STR(out, want);
        site_remove(&s);
    }
}

SUITE("redirect", redirect_and_steps, redirect_bad)
TEST_MAIN()
