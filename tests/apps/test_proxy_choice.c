/* SPDX-License-Identifier: MIT */
/* test_proxy_choice.c - which server the reverse proxy asks, and how often: one
 * that misbehaves, and beside it one that says hello. */
#include <string.h>
#include <unistd.h>

#include "tests/apps/bad_child.h"
#include "tests/apps/client.h"
#include "tests/test.h"

#define HELLO "hello, world\n"

static const char two[] =
    "workers = 1\nroute '/x' { app = hello }\n"
    "route '/stat' { app = proxy\n"
    "    to = 'http://@HOST@:9000' }\n"
    "route '/' { app = proxy  strip = on  max_fails = 99\n"
    "    to = {'http://@HOST@:9000', "
    "'http://@HOST@:8080/x'} }\n";

static int status_of(const struct site *s, const char *request,
                     struct client_answer *a)
{
    int fd = client_dial(s);
    bool ok = client_send(fd, request) && client_answer(fd, a);

    close(fd);
    return ok ? a->status : -1;
}

/* All that is asked comes to the one that says hello. */
static void none_goes_astray(const struct site *s)
{
    struct client_answer a;

    for (int i = 0; i < 5; i++) {
        OK(client_get(s, "/y?size=3&fill=zero", &a));
        EQ_STR(a.body, HELLO);
    }
}

/* What may have been done is not done again: not even without a body. */
TEST(proxy_sends_a_post_once)
{
    struct client_answer a;
    struct bad_child bad;
    struct site s = {0};

    OK(site_start(&s, two));
    OK(bad_start(&bad, &s));
    /* Each request's turn begins at the first. */
    EQ_INT(status_of(
               &s, "GET /get?head=none&do=cut HTTP/1.1\r\nHost: t\r\n\r\n", &a),
           200);
    EQ_STR(a.body, HELLO);
    EQ_INT(status_of(&s,
                     "POST /post?head=none&do=cut HTTP/1.1\r\nHost: t\r\n"
                     "Content-Length: 0\r\n\r\n",
                     &a),
           502);
    OK(client_get(&s, "/stat", &a));
    OK(strstr(a.body, "path /get requests 1 "));
    OK(strstr(a.body, "path /post requests 1 "));
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

TEST(proxy_asks_the_healthy)
{
    struct bad_child bad;
    struct site s = {0};

    OK(site_start(&s,
                  "workers = 1\nroute '/x' { app = hello }\n"
                  "route '/' { app = proxy  strip = on\n"
                  "    to = {'http://@HOST@:9000', 'http://@HOST@:8080/x'}\n"
                  "    health = '/x?size=1&status=500'\n"
                  "    health_interval = 20ms }\n"));
    OK(bad_start(&bad, &s));
    OK(UNTIL(site_log_has(&s, "9000/ is ill: ")));
    none_goes_astray(&s);
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

/* One that has failed is left alone. */
TEST(proxy_asks_who_is_up)
{
    struct client_answer a;
    struct bad_child bad;
    struct site s = {0};

    OK(site_start(&s, "workers = 1\nroute '/x' { app = hello }\n"
                      "route '/' { app = proxy  strip = on  max_fails = 1\n"
                      "    fail_timeout = 1h\n"
                      "    to = {'http://@HOST@:9000', 'http://@HOST@:8080/x'} "
                      "}\n"));
    OK(bad_start(&bad, &s));
    OK(client_get(&s, "/f?head=none&do=cut", &a));
    EQ_STR(a.body, HELLO);
    none_goes_astray(&s);
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

TEST(proxy_asks_the_least_busy)
{
    struct client_answer a;
    struct bad_child bad;
    struct site s = {0};
    int fd;

    OK(site_start(&s, two));
    OK(bad_start(&bad, &s));
    fd = client_dial(&s);
    OK(client_ask(fd, "/never?head=none"));
    OK(UNTIL(client_get(&s, "/stat", &a) && strstr(a.body, "path /never")));
    none_goes_astray(&s);
    close(fd);
    OK(UNTIL(site_row(&s, 0)->in_flight == 0));
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

TEST(proxy_keeps_its_connections)
{
    struct client_answer a;
    struct bad_child bad;
    struct site s = {0};

    OK(site_start(&s, "workers = 1\nroute '/' { app = proxy\n"
                      "    to = 'http://@HOST@:9000' }\n"));
    OK(bad_start(&bad, &s));
    for (int i = 0; i < 5; i++)
        OK(client_get(&s, "/y?size=3&fill=zero", &a));
    OK(client_get(&s, "/stat", &a));
    OK(strstr(a.body, "\nreused 4\n"));
    bad_stop(&bad);
    EQ_INT(site_stop(&s), 0);
}

SUITE("proxy: choice", proxy_sends_a_post_once, proxy_asks_the_healthy,
      proxy_asks_who_is_up, proxy_asks_the_least_busy,
      proxy_keeps_its_connections)
TEST_MAIN()
