/* SPDX-License-Identifier: MIT */

/*
 * test_command.c - the server's command line, and what it says to bad input:
 * one line with where, what and what to do; status 1; nothing started.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/apps/client.h"
#include "tests/test.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(help_names_every_option)
{
    static const char *const options[] = {
        "-c FILE",          "-t",          "-C DIR",
        "--listen ADDR",    "--workers N", "--root DIR",
        "--app ROUTE=NAME", "--version",   "-h, --help"};
    char out[4096], again[4096];
    struct site s = {0};

    EQ_INT(site_run(&s, ARGS("-h"), out, sizeof out), 0);
    OK(strncmp(out, "usage: millrace ", 16) == 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(options); i++) {
        CASE("%s", options[i]);
        OK(strstr(out, options[i]));
    }
    EQ_INT(site_run(&s, ARGS("--help"), again, sizeof again), 0);
    EQ_STR(again, out);
}

/* The README shows the usage as it is. */
TEST(help_is_what_readme_shows)
{
    char out[4096], readme[65536];
    struct site s = {0};
    FILE *f = fopen("README.md", "r");
    size_t n;

    OK(f);
    n = fread(readme, 1, sizeof readme - 1, f);
    readme[n] = '\0';
    fclose(f);
    EQ_INT(site_run(&s, ARGS("-h"), out, sizeof out), 0);
    OK(strstr(readme, out));
}

TEST(version)
{
    char out[256], want[64] = "";
    unsigned a, b, c;
    struct site s = {0};

    EQ_INT(site_run(&s, ARGS("--version"), out, sizeof out), 0);
    EQ_INT(sscanf(out, "millrace %u.%u.%u", &a, &b, &c), 3);
    snprintf(want, sizeof want, "millrace %u.%u.%u\n", a, b, c);
    EQ_STR(out, want);
}

/* --- bad input --- */

/* Exactly one line, with these words. */
static void check_line(const char *out, const char *words)
{
    const char *end = strchr(out, '\n');

    CHECK_OK(end);
    CHECK_OK(end && end[1] == '\0');
    if (!strstr(out, words))
        CHECK_EQ_STR(out, words);
}

static const struct {
    const char *conf;
    const char *words;
} bad_conf[] = {
    {"wrkers = 2\n", "@DIR@/conf:2: unknown directive"},
    {"workers = many\n", "@DIR@/conf:2: "},
    {"workers = 0\n", "@DIR@/conf:2: "},
    {"workers = 2\nworkers = 3\n", "@DIR@/conf:3: "},
    {"max_head = 1\n", "@DIR@/conf:2: "},
    {"hang_timeout = soon\n", "@DIR@/conf:2: "},
    {"pin = perhaps\n", "@DIR@/conf:2: "},
    {"log_level = loud\n", "@DIR@/conf:2: "},
    {"route '/' { app = files\n    root = '@DIR@/none' }\n",
     "@DIR@/conf:3: root \"@DIR@/none\""},
    {"route '/' { app = files\n    root = '@DIR@/conf' }\n",
     "@DIR@/conf:3: root \"@DIR@/conf\" is not a directory"},
    {"route '/' { app = files }\n", "@DIR@/conf:2: "},
    {"route '/' { app = files\n    root = '@DIR@'\n    symlinks = some }\n",
     "@DIR@/conf:4: "},
    {"route '/' { app = files\n    root = '@DIR@'\n    header = 'X-A: b'\n"
     "    header = 'Content-Length: 5' }\n",
     "@DIR@/conf:4: header \"Content-Length: 5\""},
    {"route '/' { app = files\n    root = '@DIR@'\n    header = 'none' }\n",
     "@DIR@/conf:4: header \"none\""},
    {"route '/' { app = nobody }\n", "@DIR@/conf:2: there is no app 'nobody'"},
    {"route '/' { app = files\n    root = '@DIR@'\n    fallback = '{x}' }\n",
     "@DIR@/conf:4: fallback \"{x}\": write a path with {path}"},
    {"route '/' { app = files\n    root = '@DIR@'\n"
     "    fallback = {'=404', 'x'} }\n",
     "@DIR@/conf:4: fallback \"=404\" ends the list: nothing can follow it"},
    {"route '/' { app = files\n    root = '@DIR@'\n    charset = 'a b' }\n",
     "@DIR@/conf:4: charset \"a b\": write its name, as in utf-8, or off"},
    {"route '/' { app = echo\n root = '/' }\n", "@DIR@/conf:3: "},
    {"route '/' { app = echo }\nroute '/' { app = hello }\n", "@DIR@/conf:3: "},
    {"route 'x' { app = echo }\n", "@DIR@/conf:2: "},
    {"route '/' { app = echo\n", "@DIR@/conf:"},
    {"load = 'none.so'\n", "@DIR@/conf:2: "},
    {"listen 'nowhere' {}\n", "@DIR@/conf:2: "},
    {"listen 'tcp @HOST@:7' { app = files }\n", "@DIR@/conf:2: "},
    {"mime_types = '@DIR@/none'\n", "@DIR@/conf:2: "},
};

TEST(bad_configuration)
{
    char out[4096], text[2048], want[512];
    struct site s = {0};

    OK(site_init(&s));
    for (size_t i = 0; i < MR_ARRAY_LEN(bad_conf); i++) {
        CASE("%s", bad_conf[i].conf);
        snprintf(text, sizeof text, "listen '@HOST@:8080' {}\n%s",
                 bad_conf[i].conf);
        OK(site_write(&s, "conf", text));
        site_fill(&s, bad_conf[i].words, want, sizeof want);
        EQ_INT(site_run(&s, ARGS("-c", "@DIR@/conf"), out, sizeof out), 1);
        check_line(out, want);
        EQ_INT(client_dial(&s), -1);
        /* -t says the same. */
        EQ_INT(site_run(&s, ARGS("-t", "-c", "@DIR@/conf"), out, sizeof out),
               1);
        check_line(out, want);
    }
    site_remove(&s);
}

static const struct {
    const char *args[5];
    const char *words;
} bad_arguments[] = {
    {{"-c", "@DIR@/none"}, "@DIR@/none: "},
    {{"-c", "@DIR@"}, "@DIR@"},
    {{"-C", "@DIR@/none"}, "-C @DIR@/none: "},
    {{"--workers", "0"}, "--workers 0: "},
    {{"--workers", "-1"}, "--workers -1: "},
    {{"--workers", "1025"}, "--workers 1025: "},
    {{"--workers", "two"}, "--workers two: "},
    {{"--listen", "nowhere"}, "--listen nowhere: "},
    {{"--listen", "127.0.0.1:99999"}, "--listen 127.0.0.1:99999: "},
    {{"--listen", "@HOST@:8080", "--root", "@DIR@/none"},
     "root \"@DIR@/none\""},
    {{"--listen", "@HOST@:8080", "--app", "/x"}, "--app /x: "},
    {{"--listen", "@HOST@:8080", "--app", "/x=nobody"}, "no app 'nobody'"},
    {{"-c", "conf/millrace.conf", "--root", "/"}, "--root and --app"},
    {{"start"}, "start: "},
};

TEST(bad_arguments)
{
    char out[4096], want[512];
    struct site s = {0};

    OK(site_init(&s));
    for (size_t i = 0; i < MR_ARRAY_LEN(bad_arguments); i++) {
        const char *const *args = bad_arguments[i].args;

        CASE("%s %s %s", args[0], args[1] ? args[1] : "",
             args[2] ? args[2] : "");
        EQ_INT(site_run(&s, args, out, sizeof out), 1);
        site_fill(&s, bad_arguments[i].words, want, sizeof want);
        check_line(out, want);
        EQ_INT(client_dial(&s), -1);
    }
    /* These come with a usage hint of getopt's: more than one line. */
    EQ_INT(site_run(&s, ARGS("--nonsense"), out, sizeof out), 1);
    OK(strstr(out, "--nonsense"));
    OK(strstr(out, "try millrace -h"));
    site_remove(&s);
}

TEST(port_in_use)
{
    char out[4096], want[512];
    struct site s = {0};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(SITE_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    OK(site_init(&s));
    inet_pton(AF_INET, s.host, &at.sin_addr);
    /* SO_REUSEPORT: the kernel alone would let the server in beside us. */
    EQ_INT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), 0);
    EQ_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    EQ_INT(listen(fd, 1), 0);
    OK(site_write(&s, "conf",
                  "workers = 2\n\nlisten '@HOST@:8081' {}\n"
                  "listen '@HOST@:8080' {}\n"));
    EQ_INT(site_run(&s, ARGS("-c", "@DIR@/conf"), out, sizeof out), 1);
    check_line(out, site_fill(&s, "@DIR@/conf:4: ", want, sizeof want));
    check_line(out, "8080");
    check_line(out, "in use");
    EQ_INT(client_dial_port(&s, 8081), -1);
    close(fd);
    site_remove(&s);
}

/* --- good input --- */

TEST(check_only)
{
    char out[4096];
    struct site s = {0};

    OK(site_init(&s));
    OK(site_write(&s, "conf",
                  "listen '@HOST@:8080' {}\nroute '/' { app = echo }\n"));
    EQ_INT(site_run(&s, ARGS("-t", "-c", "@DIR@/conf"), out, sizeof out), 0);
    OK(strstr(out, "fine"));
    EQ_INT(
        site_run(&s, ARGS("-t", "-c", "conf/millrace.conf"), out, sizeof out),
        0);
    /* From elsewhere, by a name relative to there. */
    EQ_INT(
        site_run(&s, ARGS("-C", "@DIR@", "-c", "conf", "-t"), out, sizeof out),
        0);
    site_remove(&s);
}

/* --workers and --listen come before the file's. */
TEST(options_over_the_file)
{
    static const char *const args[] = {"--listen", "@HOST@:8080", "--workers",
                                       "3", NULL};
    struct client_answer a;
    struct site s = {.arg = args};

    OK(site_start(&s, "listen '@HOST@:8082' {}\nworkers = 1\n"
                      "route '/' { app = hello }\n"));
    EQ_INT(mr_scoreboard_rows(s.board), 3);
    EQ_INT(client_dial_port(&s, 8082), -1);
    OK(client_get(&s, "/?name=you", &a));
    EQ_STR(a.body, "hello, you\n");
    EQ_INT(site_stop(&s), 0);
}

/* A network of this test's own, so that the default port is free. */
static bool own_network(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd;
    bool ok;

    if (unshare(CLONE_NEWNET) == -1 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ok = fd != -1 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    if (fd != -1)
        close(fd);
    return ok;
}

/* The server without -c: its log is read until it says that it serves. */
static void serve_the_defaults(struct site *s, const char *const *args)
{
    s->conf_less = true;
    s->arg = args;
    if (!CHECK_OK(site_start(s, "")))
        return;
    CHECK_OK(site_log_has(s, "listening on http://127.0.0.1:8080 "));
    /* A line later, so perhaps not there yet. */
    for (int64_t end = site_now() + 10000;
         !site_log_has(s, "no -c FILE: serving files of ") && site_now() < end;)
        site_pause();
    CHECK_OK(site_log_has(s, "no -c FILE: serving files of "));
}

TEST(no_configuration)
{
    static const char *const args[] = {"-C", "@DIR@", NULL};
    struct client_answer a;
    struct site s = {0};

    if (!own_network())
        SKIP("a network namespace cannot be had here");
    OK(site_init(&s));
    OK(site_write(&s, "page.txt", "a page\n"));
    serve_the_defaults(&s, args);
    /* On 127.0.0.1 only: the site's own address is another one. */
    EQ_INT(client_dial(&s), -1);
    snprintf(s.host, sizeof s.host, "127.0.0.1");
    OK(client_get(&s, "/page.txt", &a));
    EQ_STR(a.body, "a page\n");
    OK(client_get(&s, "/echo", &a));
    EQ_INT(a.status, 200);
    OK(strstr(a.body, "GET /echo HTTP/1.1\r\n"));
    EQ_INT(site_stop(&s), 0);
}

TEST(no_configuration_but_options)
{
    static const char *const args[] = {"--listen", "@HOST@:8080", "--root",
                                       "@DIR@",    "--workers",   "1",
                                       "--app",    "/hi=hello",   NULL};
    struct client_answer a;
    struct site s = {.conf_less = true, .arg = args};

    OK(site_init(&s));
    OK(site_write(&s, "page.txt", "a page\n"));
    OK(site_start(&s, ""));
    OK(client_get(&s, "/page.txt", &a));
    EQ_STR(a.body, "a page\n");
    OK(client_get(&s, "/hi", &a));
    EQ_STR(a.body, "hello, world\n");
    EQ_INT(site_stop(&s), 0);
}

SUITE("command line", help_names_every_option, help_is_what_readme_shows,
      version, bad_arguments)
SUITE("configuration", bad_configuration, port_in_use, check_only,
      options_over_the_file, no_configuration, no_configuration_but_options)
TEST_MAIN()
