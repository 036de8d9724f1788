/* SPDX-License-Identifier: MIT */
/*
 * test_http_conf.c - configurations, good and bad; and the one that is shipped.
 *
 * over budget: half of it is the table of bad ones, which belong beside each
 * other.
 */
#include "http/http_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/http_conf_priv.h"
#include "tests/test.h"

/* --- apps to name --- */

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return 0;
}

static int serve(struct mr_stream *s, const struct mr_addr *peer, void *self)
{
    (void)s;
    (void)peer;
    (void)self;
    return 0;
}

struct files {
    const char *root;
    int64_t most;
};

static int configure(void *self, struct mr_config_section *section)
{
    const struct files *f = self;

    if (access(f->root, F_OK) == -1)
        return mr_config_error(section, "root", "root \"%s\": %s", f->root,
                               mr_strerror(-ENOENT));
    return f->most == 13 ? -EPERM : 0;
}

static const struct mr_config_option options[] = {
    {.name = "root",
     .type = MR_CONFIG_STRING,
     .required = true,
     .offset = offsetof(struct files, root)},
    {.name = "most",
     .type = MR_CONFIG_SIZE,
     .def = "1K",
     .max = 4096,
     .offset = offsetof(struct files, most)},
};

MR_APP(hello, .handle = handle)
MR_APP(tcp, .serve = serve)
MR_APP(both, .handle = handle, .serve = serve)
MR_APP(files, .handle = handle, .options = options, .option_count = 2,
       .size = sizeof(struct files), .configure = configure)

static const struct mr_app *const apps[] = {&mr_app_hello, &mr_app_tcp,
                                            &mr_app_both, &mr_app_files};

static int load(struct mr_http_conf **ret, const char *text)
{
    return mr_http_conf_load(ret, NULL, text, apps, MR_ARRAY_LEN(apps));
}

#define LISTEN "listen \"127.0.0.1:1\" {}\n"
#define ROUTE "route \"/\" { app = hello }\n"

/* --- bad ones: one line, where, what, and what to do --- */

static const struct {
    const char *text, *message;
} bad[] = {
    {"", "command line: nothing to listen on: add listen \"127.0.0.1:8080\" "
         "{}"},
    {ROUTE, "command line: nothing to listen on: add listen "
            "\"127.0.0.1:8080\" {}"},
    {LISTEN "wrokers = 2\n", "command line:2: *wrokers*"},
    {"workers = 0\n" LISTEN, "command line:1: *workers*"},
    {"workers = 2000\n" LISTEN, "command line:1: *workers*1024*"},
    {"workers = many\n" LISTEN, "command line:1: *workers*many*"},
    {"workers = 1\nworkers = 2\n" LISTEN, "command line:2: *workers*"},
    {"pin = perhaps\n" LISTEN, "command line:1: *pin*"},
    {"header_timeout = 1ms\n" LISTEN, "command line:1: *header_timeout*"},
    {"header_timeout = 5x\n" LISTEN, "command line:1: *header_timeout*"},
    {"max_head = 65K\n" LISTEN, "command line:1: *max_head*64K*"},
    {"max_head = 1K\nmax_target = 2K\n" LISTEN,
     "command line:2: max_target is above max_head, which holds it"},
    {"max_head = 1K\n" LISTEN,
     "command line: max_target is above max_head, which holds it"},
    {"server_name = \"a\rX: y\"\n" LISTEN, "command line:1: *0x0d*"},
    {"server_name = \" a\"\n" LISTEN,
     "command line:1: server_name cannot stand in a field"},
    {"log_level = loud\n" LISTEN, "command line:1: *log_level*debug*"},
    {"stack_size = 8K\n" LISTEN, "command line:1: *stack_size*16K*1M*"},
    {"root = x\n" LISTEN, "command line:1: *root*"},
    /* what stands before a route's app */
    {LISTEN "route \"/\" { app = hello auth = x }\n",
     "command line:2: auth, what browsers show, and auth_file, *"},
    {LISTEN "route \"/\" { app = hello\nauth_file = x }\n",
     "command line:3: auth, what browsers show, and auth_file, *"},
    {LISTEN "route \"/\" { app = hello auth = x\nauth_file = '/none' }\n",
     "command line:3: auth_file \"/none\": *: name a file of *"},
    {LISTEN "route \"/\" { app = hello\nauth = 'a\\\\b' "
            "auth_file = '/dev/null' }\n",
     "command line:3: auth \"a*b\": no quotes, *"},
    {LISTEN "route \"/\" { app = hello auth = x auth_file = "
            "'conf/mime.types' }\n",
     "command line:2: conf/mime.types:*: write user:hash, *"},
    {LISTEN "route \"/\" { app = hello\ncors = {a} }\n",
     "command line:3: an origin is *"},
    {LISTEN "route \"/\" { app = hello cors = {'*'} cors_credentials = on }\n",
     "command line:2: cors = \"*\" cannot go with credentials*"},
    {LISTEN "route \"/\" { app = hello\ncors_credentials = on }\n",
     "command line:3: cors_credentials needs cors*"},
    {LISTEN "route \"/\" { app = hello\n compress = 'gzip:10' }\n",
     "command line:3: compress: levels are *"},
    {LISTEN "route \"/\" { app = hello compress = on\n"
            "compress_types = {'text/*', html} }\n",
     "command line:3: compress_types: a type is *"},
    {LISTEN "route \"/\" { app = hello\ncompress_types = 'text/*' }\n",
     "command line:3: compress_types needs compress, the codings"},
    {LISTEN "route \"/\" { app = hello compress = on\n"
            "compress_min = 2K compress_max = 1K }\n",
     "command line:3: compress_min is above compress_max"},
    {LISTEN "route \"/\" { app = hello max_body = 0 }\n",
     "command line:2: *max_body*"},
    /* listeners */
    {"listen \"8080\" {}\n", "command line:1: listen \"8080\": no address: "
                             "write 127.0.0.1:8080, *"},
    {"listen \"127.0.0.1\" {}\n", "command line:1: listen \"127.0.0.1\": no "
                                  "address: *"},
    {"listen \"127.0.0.1:65536\" {}\n",
     "command line:1: listen \"127.0.0.1:65536\": no address: a port is 1 to "
     "65535"},
    /* TLS; the files are looked at, too */
    {"listen \"127.0.0.1:1\" { tls { key = a } }\n",
     "command line:1: 'certificate' is missing"},
    {"listen \"127.0.0.1:1\" { tls {\ncertificate = {a, b}\nkey = a } }\n",
     "command line:3: 1 keys for 2 certificates: *"},
    {"listen \"127.0.0.1:1\" {\ntls { certificate = a key = a\nocsp = {a, b} "
     "} }\n",
     "command line:3: 2 OCSP responses for 1 certificates: *"},
    {"listen \"127.0.0.1:1\" {\ntls { certificate = '/none' key = '/none' } "
     "}\n",
     "command line:2: tls: *"},
    {"listen \"127.0.0.1:1\" { tls { certificate = a key = a min_version = 1.1 "
     "} }\n",
     "command line:1: 'min_version' must be *1.2*1.3*"},
    {"listen \"tcp 127.0.0.1:1\" { app = tcp tls { certificate = a key = a } "
     "}\n",
     "command line:1: tls is for HTTP: not for \"tcp\""},
    {"listen \"127.0.0.1:1\" { tls x { certificate = a key = a } }\n",
     "command line:1: 'tls' is a section without a title: write tls { ... }"},
    {"listen \"127.0.0.1:1\" { tls { } tls { } }\n",
     "command line:1: tls stands on line 1 already: make them one"},
    {LISTEN "tls { certificate = a key = a }\n",
     "command line:2: 'tls' does not stand here, but in listen sections"},
    {LISTEN "route \"/\" { app = hello tls { key = a } }\n",
     "command line:2: 'tls' does not stand here, but in listen sections"},
    {"listen \"localhost:80\" {}\n", "command line:1: listen *: no address: *"},
    {"listen \"[::1]:x\" {}\n", "command line:1: listen *: no address: *"},
    {"listen \"\" {}\n", "command line:1: *"},
    {LISTEN LISTEN, "command line:2: *127.0.0.1:1*"},
    {"listen \"127.0.0.1:1\" { app = both }\n",
     "command line:1: HTTP listeners take no app: write listen \"tcp ADDR\", "
     "or a route"},
    {"listen \"tcp 127.0.0.1:1\" {}\n",
     "command line:1: listen \"tcp ADDR\" needs an app = NAME"},
    {"listen \"tcp 127.0.0.1:1\" { app = hello }\n",
     "command line:1: app 'hello' serves no plain connections: use it in a "
     "route"},
    {"listen \"tcp 127.0.0.1:1\" { app = none }\n",
     "command line:1: there is no app 'none': it is one of hello, tcp, both, "
     "files, or load = \"none.so\" first"},
    {"listen \"udp 127.0.0.1:1\" {}\n",
     "command line:1: listen \"udp ADDR\" needs an app = NAME"},
    {"listen \"udp 127.0.0.1:1\" { app = tcp }\n",
     "command line:1: app 'tcp' serves no datagrams: *"},
    {"listen \"127.0.0.1:1\" { backlog = 0 }\n", "command line:1: *backlog*"},
    {"listen \"127.0.0.1:1\" { defer_accept = 64s }\n",
     "command line:1: *defer_accept*"},
    {"listen \"tcp 127.0.0.1:1\" { defer_accept = 1s\n app = both }\n",
     "command line:1: defer_accept is for HTTP over TCP"},
    {"listen \"unix:/tmp/x\" { defer_accept = 1s }\n",
     "command line:1: defer_accept is for HTTP over TCP"},
    /* logs */
    {"log = '/nowhere/x'\n" LISTEN,
     "command line:1: log \"/nowhere/x\": no such file or directory: name a *"},
    {"access_log = /\n" LISTEN,
     "command line:1: access_log \"/\": is a directory: name a *"},
    /* routes */
    {LISTEN "route \"/\" { app = hello\n root = . }\n",
     "command line:3: 'root' is an option of app 'files', but this route's app "
     "is 'hello'"},
    {LISTEN "route \"/\" {}\n", "command line:2: *app*"},
    {LISTEN "route \"/\" { app = none }\n",
     "command line:2: there is no app 'none': it is one of *"},
    {LISTEN "route \"/\" { app = tcp }\n",
     "command line:2: app 'tcp' has no handler for requests: it serves "
     "`listen \"tcp ADDR\"`"},
    {LISTEN "route \"echo\" { app = hello }\n",
     "command line:2: route \"echo\": a pattern is \"/path\" or \"METHOD "
     "/path\""},
    {LISTEN "route \"FETCH /\" { app = hello }\n",
     "command line:2: route \"FETCH /\": unknown method *"},
    {LISTEN ROUTE ROUTE, "command line:3: *"},
    {LISTEN "route \"/a\" { app = hello }\nroute \"/a/\" { app = both }\n",
     "command line:3: route \"/a/\" is there already, spelled otherwise"},
    {LISTEN "route \"/\" { app = hello\n root = \"/\" }\n",
     "command line:3: *root*"},
    {LISTEN "route \"/\" { app = hello\n backlog = 5 }\n",
     "command line:3: *backlog*"},
    /* hosts */
    {LISTEN "host x { }\n", "command line:2: host \"x\" has no route: *"},
    {LISTEN "host ' ' { " ROUTE " }\n",
     "command line:2: a host without a name"},
    {LISTEN "host \"x\ty\" { " ROUTE " }\n",
     "command line:2: host *: a name has letters, *"},
    {LISTEN "host x:80 { " ROUTE " }\n",
     "command line:2: host \"x:80\": a host's name has no port*"},
    {LISTEN "host 'y *x' { " ROUTE " }\n",
     "command line:2: host \"\\*x\": a wildcard is *"},
    {LISTEN "host 'a b' { " ROUTE "}\nhost 'c  B.' {\n" ROUTE " }\n",
     "command line:4: host \"B.\" is there already, at command line:2"},
    {LISTEN "host '*.a *.A' {\n" ROUTE " }\n",
     "command line:2: host \"\\*.A\" is there already, at command line:2"},
    {LISTEN "host x { " ROUTE "\nroute \"/a\" { app = hello }\n"
            "route \"/a/\" { app = hello } }\n",
     "command line:5: route \"/a/\" is there already, spelled otherwise"},
    {LISTEN "host x {\n" ROUTE "\n access_log = '/none/y' }\n",
     "command line:5: access_log \"/none/y\": no such file *"},
    {LISTEN "host x {\n" ROUTE "\n access_format = loud }\n",
     "command line:5: 'access_format' must be one of inherit, *"},
    {LISTEN "host x {\nroute / { app = files root = /none } }\n",
     "command line:3: root \"/none\": *"},
    {LISTEN "host x {\nroute / { app = none } }\n",
     "command line:3: there is no app 'none': *"},
    {LISTEN "host x { " ROUTE " workers = 2 }\n",
     "command line:3: 'workers' does not stand here, but at the top level"},
    {LISTEN "host x { " ROUTE "listen 'x' {} }\n",
     "command line:3: a listen section inside the host of line 2: *"},
    {"unknown_host = 404\n" LISTEN ROUTE,
     "command line:1: unknown_host without a host section: *"},
    {LISTEN ROUTE "host x { " ROUTE " }\nunknown_host = 421\n",
     "command line:5: unknown_host leaves nobody *"},
    {LISTEN "rewrite /a { to = /b }\nhost x { " ROUTE
            " }\nunknown_host = 421\n",
     "command line:*: unknown_host leaves nobody to the rewrites *"},
    /* error pages */
    {LISTEN ROUTE "error_page = 'x'\n",
     "command line:3: error_page \"x\": write codes and a file*"},
    {LISTEN ROUTE "error_page = '404'\n",
     "command line:3: error_page \"404\": write codes and a file*"},
    {LISTEN ROUTE "error_page = '399 x'\n",
     "command line:3: error_page \"399 x\": a code is 400 to 599*"},
    {LISTEN ROUTE "error_page = 'x 404'\n",
     "command line:3: error_page \"x 404\": a code is 400 to 599*"},
    {LISTEN ROUTE "error_page = '404 /none/x'\n",
     "command line:3: error_page \"404 /none/x\": no such file or directory: "
     "*"},
    {LISTEN ROUTE "error_page = '404 /dev/zero'\n",
     "command line:3: error_page \"404 /dev/zero\": *256K*"},
    {LISTEN ROUTE "error_page = {'404 500 Makefile', '500 Makefile'}\n",
     "command line:3: error_page \"500 Makefile\": one of these codes has *"},
    {LISTEN "route / { app = hello\nerror_page = '1 x' }\n",
     "command line:3: error_page \"1 x\": a code is *"},
    {LISTEN "host x { " ROUTE "error_page = '1 x' }\n",
     "command line:3: error_page \"1 x\": a code is *"},
    /* rewrites */
    {LISTEN ROUTE "rewrite /x {}\n", "command line:3: 'to' is missing"},
    {LISTEN ROUTE "rewrite /x { to = '' }\n", "command line:3: 'to' must be *"},
    {LISTEN ROUTE "rewrite x { to = /y }\n",
     "command line:3: rewrite \"x\": a pattern is *"},
    {LISTEN ROUTE "rewrite /x/:a { to = /y }\nrewrite /x/:b { to = /y }\n",
     "command line:4: rewrite \"/x/:b\" is there already, spelled otherwise"},
    {LISTEN ROUTE "rewrite /x/:a {\nto = '/{b}' }\n",
     "command line:4: to \"/{b}\": the pattern has no parameter *"},
    {LISTEN ROUTE "rewrite /x {\nto = y }\n",
     "command line:4: to \"y\": it begins with '/' *"},
    {LISTEN ROUTE "rewrite /x {\nto = '/a%2Fb' }\n",
     "command line:4: to \"/a%2Fb\": it begins with '/' *"},
    {LISTEN ROUTE "rewrite /x {\nto = '/a b' }\n",
     "command line:4: to \"/a b\": it has no spaces*"},
    {LISTEN ROUTE "host h { " ROUTE "\nrewrite /x {\nto = y } }\n",
     "command line:6: to \"y\": it begins with '/' *"},
    /* an app's own */
    {LISTEN "route \"/\" { app = files }\n", "command line:2: *root*"},
    {LISTEN "route \"/\" { app = files\n root = \"/none\" }\n",
     "command line:3: root \"/none\": no such file or directory"},
    {LISTEN "route \"/\" { app = files\n root = \"/\"\n most = 5K }\n",
     "command line:4: *most*"},
    {LISTEN "route \"/\" { app = files\n root = \"/\"\n most = 13 }\n",
     "command line:2: app files: operation not permitted"},
    /* loading */
    {"load = \"/none/x.so\"\n" LISTEN ROUTE,
     "command line:1: cannot load /none/x.so: *"},
    {"load = \"x\"\n" LISTEN ROUTE,
     "command line:1: x: an app is a file NAME.so"},
    /* syntax */
    {LISTEN "route \"/\" { app = hello\n", "command line:*"},
    {LISTEN "}\n", "command line:2: *"},
    {LISTEN "route { app = hello }\n", "command line:2: *"},
    {LISTEN "include(\"/etc/passwd\")\n", "command line:2: *"},
};

/* `*` stands for anything, `\*` for itself. */
static bool matches(const char *pattern, const char *text)
{
    if (pattern[0] == '\\' && pattern[1] == '*')
        return *text == '*' && matches(pattern + 2, text + 1);
    if (*pattern == '*')
        return matches(pattern + 1, text) ||
               (*text && matches(pattern, text + 1));
    return *pattern == *text && (!*text || matches(pattern + 1, text + 1));
}

TEST(conf_bad)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        struct mr_http_conf *conf = NULL;
        const char *message;

        CASE("%s", bad[i].text);
        CHECK_OK(load(&conf, bad[i].text) < 0);
        message = mr_http_conf_message(conf);
        CHECK_OK(!strchr(message, '\n'));
        if (!matches(bad[i].message, message))
            CHECK_EQ_STR(message, bad[i].message);
        mr_http_conf_free(conf);
    }
}

TEST(conf_file_that_is_missing)
{
    struct mr_http_conf *conf = NULL;

    EQ_INT(mr_http_conf_load(&conf, "/none.conf", NULL, apps, 1), -ENOENT);
    OK(strstr(mr_http_conf_message(conf), "/none.conf") != NULL);
    mr_http_conf_free(conf);
    mr_http_conf_free(NULL);
}

/* --- good ones --- */

TEST(conf_values)
{
    static const char text[] =
        "# all sorts\nworkers = 3\nhandler_timeout = 250ms\nmax_body = 1M\n"
        "max_requests = 7\nkeepalive_timeout = 2m\nserver_name = \"\"\n"
        "listen \"0.0.0.0:8080\" {}\nlisten \"unix:/tmp/x\" { backlog = 5 }\n"
        "listen \"tcp [::1]:7\" { app = both }\n"
        "listen \"[::1]:8\" { defer_accept = off }\n"
        "listen \"[::1]:9\" { defer_accept = 2500ms }\n"
        "route \"POST /\" { app = hello }\nroute \"/\" { app = files root = "
        "'/' }\n";
    struct mr_http_conf *conf = NULL;

    CASE("%s", load(&conf, text) ? mr_http_conf_message(conf) : "");
    EQ_STR(mr_http_conf_message(conf), "");
    EQ_INT(conf->values.workers, 3);
    EQ_INT(conf->values.http.handler_timeout, mr_ms(250));
    EQ_INT(conf->values.http.keepalive_timeout, mr_ms(120000));
    EQ_INT(conf->values.http.max_body, 1 << 20);
    EQ_INT(conf->values.http.max_requests, 7);
    EQ_STR(conf->values.http.server_name, "");
    EQ_INT(conf->listener_count, 5);
    EQ_STR(conf->listeners[0].address, "0.0.0.0:8080");
    EQ_INT(conf->listeners[0].defer_accept_s, 1);
    EQ_INT(conf->listeners[1].defer_accept_s, 0);
    EQ_INT(conf->listeners[2].defer_accept_s, 0);
    EQ_INT(conf->listeners[3].defer_accept_s, 0);
    EQ_INT(conf->listeners[4].defer_accept_s, 3);
    OK(!conf->listeners[0].shared && conf->listeners[1].shared);
    EQ_INT(conf->listeners[1].backlog, 5);
    EQ_INT(conf->listeners[2].kind, MR_CONF_TCP);
    EQ_STR(conf->listeners[2].address, "[::1]:7");
    EQ_PTR(conf->listeners[2].in.app, &mr_app_both);
    EQ_INT(conf->route_count, 2);
    EQ_INT(((struct files *)conf->routes[1].in.self)->most, 1024);
    mr_http_conf_free(conf);
}

TEST(conf_hosts)
{
    static const char text[] =
        LISTEN "host 'b.example  *.B.example [::1]' {\n"
               "route / { app = hello }\nroute /f { app = files root = '/' }\n"
               "access_log = off }\n" ROUTE
               "host c.example { route / { app = both max_body = 5 } }\n"
               "unknown_host = serve";
    struct mr_http_conf *conf = NULL;

    CASE("%s", load(&conf, text) ? mr_http_conf_message(conf) : "");
    EQ_STR(mr_http_conf_message(conf), "");
    EQ_INT(conf->host_count, 3);
    EQ_INT(conf->route_count, 4);
    EQ_PTR(conf->routes[0].host, &conf->hosts[0]); /* the top level first */
    EQ_PTR(conf->routes[1].host, &conf->hosts[1]);
    EQ_STR(conf->routes[2].pattern, "/f");
    EQ_PTR(conf->routes[3].host, &conf->hosts[2]);
    EQ_INT(conf->routes[3].values.limits.max_body, 5);
    EQ_STR(conf->hosts[1].values.access_log, "off");
    EQ_STR(conf->hosts[2].values.access_log, "inherit");
    EQ_PTR(mr_hosts_find(&conf->names, mr_str("X.b.example:1")),
           &conf->hosts[1]);
    EQ_PTR(mr_hosts_find(&conf->names, mr_str("[0::1]")), &conf->hosts[1]);
    EQ_PTR(mr_hosts_find(&conf->names, mr_str("x.c.example")), NULL);
    mr_http_conf_free(conf);
}

TEST(conf_defaults)
{
    struct mr_http_conf *conf = NULL;

    EQ_INT(load(&conf, LISTEN), 0);
    EQ_INT(conf->values.workers, 0);
    EQ_INT(conf->values.http.handler_timeout, mr_ms(60000));
    EQ_INT(conf->values.http.max_body, -1);
    EQ_INT(conf->values.http.max_head, 16384);
    EQ_INT(conf->values.http.max_requests, 100000);
    EQ_INT(conf->values.stack_size, 65536);
    EQ_STR(conf->values.http.server_name, "millrace");
    mr_http_conf_free(conf);
}

TEST(conf_switched_off)
{
    struct mr_http_conf *conf = NULL;

    EQ_INT(
        load(&conf, "handler_timeout = off\nmax_requests = unlimited\n" LISTEN),
        0);
    EQ_INT(conf->values.http.handler_timeout, MR_NEVER);
    EQ_INT(conf->values.http.max_requests, INT64_MAX);
    mr_http_conf_free(conf);
}

/* The command line comes before the file, but plain listeners stay. */
TEST(conf_overridden)
{
    struct mr_http_conf *conf = NULL;
    struct mr_plan plan;

    mr_plan_init(&plan);
    EQ_INT(load(&conf, "workers = 3\n" LISTEN
                       "listen \"tcp 127.0.0.1:2\" { app = tcp }\n"),
           0);
    mr_http_conf_set_workers(conf, 5);
    EQ_INT(mr_http_conf_set_listen(conf, "127.0.0.1:99999"), -EINVAL);
    EQ_STR(mr_http_conf_message(conf), "--listen 127.0.0.1:99999: no address: "
                                       "a port is 1 to 65535");
    EQ_INT(mr_http_conf_set_listen(conf, "127.0.0.1:9"), 0);
    EQ_INT(mr_http_conf_plan(conf, &plan), 0);
    EQ_INT(plan.workers, 5);
    EQ_INT(plan.listener_count, 2);
    EQ_STR(plan.listeners[0].address, "127.0.0.1:2");
    EQ_STR(plan.listeners[0].tag, MR_LISTEN_TCP);
    EQ_STR(plan.listeners[1].tag, MR_LISTEN_HTTP);
    EQ_STR(plan.listeners[1].address, "127.0.0.1:9");
    EQ_STR(plan.listeners[1].where, "--listen");
    mr_plan_fini(&plan);
    mr_http_conf_free(conf);
}

TEST(conf_out_of_memory)
{
    int err = -ENOMEM;

    for (unsigned n = 1; err && n < 2000; n++) {
        struct mr_http_conf *conf = NULL;

        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        err = load(&conf,
                   LISTEN "error_page = '404 Makefile'\n"
                          "route \"/\" { app = files root = '/' }\n"
                          "host 'a b' { rewrite /x { to = /y }\n" ROUTE " }\n");
        mr_sys_fault_clear();
        if (err)
            EQ_INT(err, -ENOMEM);
        if (err && conf)
            OK(*mr_http_conf_message(conf));
        mr_http_conf_free(conf);
    }
    EQ_INT(err, 0);
}

/* --- the one that is shipped --- */

/* "name = value" or "#name = value" or "# name = value": what the file says
 * of a directive, into value; false if it says nothing. One that stands in
 * several places may say several: the one that is wanted, if it is there. */
static bool shipped_value(const char *file, const char *name, const char *want,
                          char value[256])
{
    char line[1024];
    FILE *f = fopen(file, "r");
    bool found = false;

    CHECK_OK(f != NULL);
    while (f && fgets(line, sizeof line, f)) {
        const char *p = line + strspn(line, "# ");
        size_t n = strlen(name);

        if (strncmp(p, name, n) != 0 || p[n + strspn(p + n, " ")] != '=')
            continue;
        p += n + strspn(p + n, " =");
        snprintf(value, 256, "%.*s", (int)strcspn(p, "\n#"), p);
        for (n = strlen(value); n > 0 && value[n - 1] == ' '; n--)
            value[n - 1] = '\0';
        found = true;
        if (strcmp(value, want) == 0)
            break;
    }
    if (f)
        fclose(f);
    return found;
}

/* Each line "name = default" of what the tables print stands in the file. */
TEST(conf_shipped_agrees_with_the_tables)
{
    char text[64 * 1024], *line, *rest = text;
    struct mr_buf b;

    mr_buf_init(&b);
    EQ_INT(mr_http_conf_print(&b), 0);
    OK(b.len < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)b.len, mr_buf_head(&b));
    mr_buf_fini(&b);
    while ((line = strsep(&rest, "\n"))) {
        char *eq = strstr(line, " = "), got[256];

        if (line[0] == '#' || !eq)
            continue;
        *eq = '\0';
        CASE("%s", line);
        if (!shipped_value("conf/millrace.conf", line, eq + 3, got))
            CHECK_FAIL("conf/millrace.conf does not mention %s", line);
        else
            CHECK_EQ_STR(got, eq + 3);
    }
}

/* With the apps it names: those of the server. */
TEST(conf_shipped_loads)
{
    const char *server = getenv("MILLRACE");
    char command[512], line[1024] = "";
    FILE *f;

    if (!server || access(server, X_OK) == -1)
        SKIP("no server in $MILLRACE");
    snprintf(command, sizeof command, "%s -t -c conf/millrace.conf 2>&1",
             server);
    f = popen(command, "r");
    OK(f != NULL);
    OK(fgets(line, sizeof line, f) != NULL);
    EQ_STR(line, "millrace: conf/millrace.conf: fine\n");
    EQ_INT(pclose(f), 0);
}

SUITE("http configuration", conf_bad, conf_file_that_is_missing, conf_values,
      conf_hosts, conf_defaults, conf_switched_off, conf_overridden,
      conf_out_of_memory)
SUITE("shipped configuration", conf_shipped_agrees_with_the_tables,
      conf_shipped_loads)
TEST_MAIN()
