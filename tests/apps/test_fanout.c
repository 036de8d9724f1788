/* SPDX-License-Identifier: MIT */
/* test_fanout.c - several servers at once, the first that answer, and what
 * becomes of the others. */
#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "tests/apps/bad_child.h"
#include "tests/apps/client.h"
#include "tests/test.h"

#define AT(n) "'http://@HOST@:9000/" #n "?head=bytes&raw="
#define NUMBER(n) \
    AT(n) "HTTP/1.1%20200%20OK%0d%0aContent-Length:%202%0d%0a%0d%0a" #n "%0a'"
#define NEVER "'http://@HOST@:9000/never?head=none'"
#define CUT "'http://@HOST@:9000/cut?head=none&do=cut'"
#define TEXT "'http://@HOST@:9000/text?size=3&fill=text'"

static const struct {
    const char *route;
    int status;
    const char *body;
    int live; /* connections afterwards: kept for later, and who looks; 0: that
               * is a matter of who was first */
} cases[] = {
    {"from = {" NUMBER(1) ", " NUMBER(2) ", " NUMBER(4) "}", 200,
     "{\"sum\": 7, \"of\": 3}\n", 4},
    {"from = {" NUMBER(1) ", " NEVER ", " NUMBER(4) "} need = 2", 200,
     "{\"sum\": 5, \"of\": 2}\n", 3},
    {"from = {" CUT ", " NUMBER(2) ", " NUMBER(4) "} need = 2", 200,
     "{\"sum\": 6, \"of\": 2}\n", 3},
    {"from = {" CUT ", " NUMBER(2) ", " TEXT "} need = 2", 502, NULL, 0},
    {"from = {" NUMBER(1) ", " CUT "}", 502, NULL, 0},
    {"from = {" NUMBER(1) ", " NEVER "} within = 100ms", 504, NULL, 2},
    {"from = " NEVER " within = 1ms", 504, NULL, 1},
};

TEST(fanout_sums)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct bad_child bad;
        struct client_answer a;
        struct site s = {0};
        char conf[1024], live[32];

        CASE("%s", cases[i].route);
        snprintf(conf, sizeof conf,
                 "workers = 1\nroute '/' { app = fanout %s }\n"
                 "route '/stat' { app = proxy to = 'http://@HOST@:9000' }\n",
                 cases[i].route);
        OK(site_start(&s, conf));
        OK(bad_start(&bad, &s));
        OK(client_get(&s, "/", &a));
        EQ_INT(a.status, cases[i].status);
        if (cases[i].body)
            EQ_STR(a.body, cases[i].body);
        snprintf(live, sizeof live, "\nlive %d\n", cases[i].live);
        if (cases[i].live)
            OK(UNTIL(client_get(&s, "/stat", &a) && strstr(a.body, live)));
        bad_stop(&bad);
        EQ_INT(site_stop(&s), 0);
    }
}

static const struct {
    const char *conf, *want;
} bad_conf[] = {
    {"route '/' { app = fanout }\n", "@DIR@/conf:1: "},
    {"route '/' { app = fanout from = 'http://x'\n need = 2 }\n",
     "@DIR@/conf:2: need is 2, but from names only 1"},
};

TEST(fanout_configuration)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad_conf); i++) {
        const char *argv[] = {"-t", "-c", "@DIR@/conf", NULL};
        char out[1024], want[256];
        struct site s = {0};

        CASE("%s", bad_conf[i].conf);
        OK(site_init(&s));
        OK(site_write(&s, "conf", bad_conf[i].conf));
        OK(site_run(&s, argv, out, sizeof out) != 0);
        site_fill(&s, bad_conf[i].want, want, sizeof want);
        if (!strstr(out, want))
            EQ_STR(out, want);
        site_remove(&s);
    }
}

SUITE("fanout", fanout_sums, fanout_configuration)
TEST_MAIN()
