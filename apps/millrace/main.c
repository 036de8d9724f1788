/* SPDX-License-Identifier: MIT */

/*
 * main.c - the server: command line -> configuration -> master -> workers.
 *
 *   main -> mr_master_run -+-> check   (a child: parse, load apps, a plan)
 *                          +-> open    (the master: sockets)
 *                          '-> worker  (each: parse, load, hub, serve)
 *
 * Without -c the options themselves are made into a configuration text, so that
 * there is one way from directives to a running server.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/master.h"
#include "core/offload.h"
#include "core/timer.h"
#include "http/http_conf.h"
#include "io/tls_tickets.h"

extern const struct mr_app mr_app_chat, mr_app_echo, mr_app_events,
    mr_app_fanout, mr_app_files, mr_app_hello, mr_app_proxy, mr_app_redirect,
    mr_app_upload;

static const struct mr_app *const built_in[] = {
    &mr_app_chat,   &mr_app_echo,     &mr_app_events,
    &mr_app_fanout, &mr_app_files,    &mr_app_hello,
    &mr_app_proxy,  &mr_app_redirect, &mr_app_upload};

static const char usage[] =
    "usage: millrace [-c FILE] [-t] [-C DIR] [options]\n"
    "\n"
    "  -c FILE            read the configuration from FILE\n"
    "  -t                 check the configuration and leave\n"
    "  -C DIR             go to DIR first\n"
    "  --listen ADDR      serve HTTP on ADDR: 127.0.0.1:8080, [::1]:8080,\n"
    "                     *:8080, unix:/path (instead of FILE's)\n"
    "  --workers N        N worker processes (instead of FILE's)\n"
    "  --root DIR         without -c: serve DIR's files under /\n"
    "  --app ROUTE=NAME   without -c: app NAME answers ROUTE; may be repeated\n"
    "  -h, --help         print this\n"
    "  --version          print the version\n"
    "\n"
    "Without -c it listens on 127.0.0.1:8080 only, serves the working\n"
    "directory's files under / and echo under /echo.\n";

struct options {
    struct mr_tls_tickets *tickets; /* NULL: no memory, or no TLS */
    const char *file;
    const char *listen;
    const char *root;
    int64_t workers; /* -1: not said */
    bool check_only;
    struct mr_buf text; /* the configuration, without -c */
    struct mr_buf apps; /* its routes from --app */
};

enum { OPT_LISTEN = 256, OPT_ROOT, OPT_WORKERS, OPT_APP, OPT_VERSION };

static MR_NORETURN void die(const char *fmt, const char *what)
{
    fputs("millrace: ", stderr);
    fprintf(stderr, fmt, what);
    fputs("\n", stderr);
    exit(1);
}

/* --- the command line --- */

static void put_quoted(struct mr_buf *b, struct mr_str s)
{
    int err = mr_buf_append_z(b, "'");

    for (size_t i = 0; i < s.n && !err; i++) {
        if (s.p[i] == '\'' || s.p[i] == '\\')
            err = mr_buf_append_z(b, "\\");
        if (!err)
            err = mr_buf_append(b, &s.p[i], 1);
    }
    if (err || mr_buf_append_z(b, "'"))
        die("%s", "out of memory");
}

static void put(struct mr_buf *b, const char *z)
{
    if (mr_buf_append_z(b, z))
        die("%s", "out of memory");
}

static void add_app(struct options *o, const char *arg)
{
    const char *eq = strrchr(arg, '=');

    if (!eq || eq == arg || !eq[1])
        die("--app %s: write ROUTE=NAME, as in /hello=hello", arg);
    put(&o->apps, "route ");
    put_quoted(&o->apps, mr_str_n(arg, (size_t)(eq - arg)));
    put(&o->apps, " { app = ");
    put_quoted(&o->apps, mr_str(eq + 1));
    put(&o->apps, " }\n");
}

static void set_workers(struct options *o, const char *arg)
{
    uint64_t n;

    if (strcmp(arg, "auto") == 0) {
        o->workers = 0;
        return;
    }
    if (mr_str_to_u64(mr_str(arg), MR_PLAN_WORKERS_MAX, &n) || n == 0)
        die("--workers %s: a number from 1 to 1024, or auto", arg);
    o->workers = (int64_t)n;
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"listen", required_argument, NULL, OPT_LISTEN},
        {"root", required_argument, NULL, OPT_ROOT},
        {"workers", required_argument, NULL, OPT_WORKERS},
        {"app", required_argument, NULL, OPT_APP},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    int c;

    opterr = 0; /* one line, and it is ours */
    while ((c = getopt_long(argc, argv, "c:tC:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->file = optarg;
            break;
        case 't':
            o->check_only = true;
            break;
        case 'C':
            if (chdir(optarg) == -1)
                die("-C %s: cannot go there: is it a directory?", optarg);
            break;
        case OPT_LISTEN:
            o->listen = optarg;
            break;
        case OPT_ROOT:
            o->root = optarg;
            break;
        case OPT_WORKERS:
            set_workers(o, optarg);
            break;
        case OPT_APP:
            add_app(o, optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case OPT_VERSION:
            puts("millrace " MR_VERSION);
            exit(0);
        default:
            die("%s: no such option, or its argument is missing; try "
                "millrace -h",
                argv[optind - 1]);
        }
    }
    if (optind < argc)
        die("%s: not an option; try millrace -h", argv[optind]);
    if (o->file && (o->root || o->apps.len > 0))
        die("%s", "--root and --app go without -c: write routes into the file");
}

/* What the options say, as a configuration. */
static void make_text(struct options *o)
{
    struct mr_str apps = mr_buf_view(&o->apps);

    put(&o->text,
        "listen '127.0.0.1:8080' {}\nroute '/' { app = files root = ");
    put_quoted(&o->text, mr_str(o->root ? o->root : "."));
    put(&o->text, " listing = on }\n");
    if (apps.n == 0)
        put(&o->text, "route '/echo' { app = echo }\n");
    else if (mr_buf_append(&o->text, apps.p, apps.n))
        die("%s", "out of memory");
    if (mr_buf_append(&o->text, "", 1))
        die("%s", "out of memory");
}

/* --- what the master asks for --- */

static int load(const struct options *o, struct mr_http_conf **ret)
{
    int err = mr_http_conf_load(ret, o->file, mr_buf_head(&o->text), built_in,
                                MR_ARRAY_LEN(built_in));

    if (!err && o->workers >= 0)
        mr_http_conf_set_workers(*ret, o->workers);
    if (!err && o->listen)
        err = mr_http_conf_set_listen(*ret, o->listen);
    return err;
}

/* Without a file the lines are of a text that nobody wrote. */
static const char *message_of(const struct mr_http_conf *conf, int err)
{
    static const char made[] = "command line:";
    const char *m = conf ? mr_http_conf_message(conf) : "";

    if (!*m)
        return mr_strerror(err);
    if (strncmp(m, made, sizeof made - 1) != 0)
        return m;
    m += sizeof made - 1;
    m += strspn(m, "0123456789");
    return m + strspn(m, ": ");
}

static int check(struct mr_plan *plan, char *ret_line, size_t size, void *arg)
{
    const struct options *o = arg;
    struct mr_http_conf *conf;
    int err = load(o, &conf);

    if (!err)
        err = mr_http_conf_plan(conf, plan);
    if (err)
        snprintf(ret_line, size, "%s", message_of(conf, err));
    mr_http_conf_free(conf);
    return err;
}

struct serving {
    struct mr_worker *worker;
    const struct options *options;
    struct mr_http_service *service;
};

static void on_reopen(struct mr_worker *w, void *arg)
{
    struct serving *s = arg;

    (void)w;
    mr_http_conf_reopen(s->service);
}

static void on_renew(struct mr_worker *w, void *arg)
{
    struct serving *s = arg;

    (void)w;
    mr_http_conf_renew(s->service);
}

static intptr_t serve(struct serving *s, struct mr_http_conf *conf)
{
    const struct mr_worker_hooks hooks = {
        .on_reopen = on_reopen, .on_renew = on_renew, .arg = s};
    int err;

    mr_http_conf_set_tickets(conf, s->options->tickets);
    err = mr_http_conf_start(conf, s->worker, &s->service);
    if (err)
        return mr_worker_fail(s->worker, "%s", mr_http_conf_message(conf));
    err = mr_worker_attend(s->worker, &hooks);
    if (!err)
        err = mr_worker_ready(s->worker);
    if (!err)
        err = mr_worker_wait_drain(s->worker, MR_NEVER);
    /* The master's patience ends at the same time as ours; leave it some. */
    mr_http_conf_stop(s->service, mr_after(s->worker->plan->grace / 10 * 9));
    return err;
}

static const struct options *the_options;

static intptr_t first(void *arg)
{
    struct serving s = {.worker = arg, .options = the_options};
    struct mr_http_conf *conf;
    intptr_t rc;
    int err = load(s.options, &conf);

    if (err)
        rc = mr_worker_fail(s.worker, "%s",
                            conf ? mr_http_conf_message(conf)
                                 : mr_strerror(err));
    else
        rc = serve(&s, conf);
    mr_http_conf_free(conf);
    return rc;
}

static int worker_main(struct mr_worker *w, void *arg)
{
    intptr_t rc;
    int err;

    the_options = arg;
    err = mr_worker_run(w, first, &rc);
    mr_offload_fini();
    return err ? err : (int)rc;
}

static void on_ready(const struct mr_plan *plan, void *arg)
{
    const struct options *o = arg;

    for (size_t i = 0; i < plan->listener_count; i++)
        mr_log(MR_LOG_INFO, "listening on %s%s%s%s (%s), %u worker%s",
               plan->listeners[i].tag,
               strcmp(plan->listeners[i].options, "tls") == 0 ? "s" : "",
               strcmp(plan->listeners[i].tag, MR_LISTEN_HTTP) == 0 ? "://"
                                                                   : " ",
               plan->listeners[i].address, plan->listeners[i].where,
               plan->workers, plan->workers == 1 ? "" : "s");
    if (!o->file)
        mr_log(MR_LOG_INFO, "no -c FILE: serving files of %s under / %s",
               o->root ? o->root : "the working directory",
               o->apps.len ? "and apps as asked" : "and echo under /echo");
}

int main(int argc, char **argv)
{
    struct options o = {.workers = -1};
    struct mr_master_options master = {
        .name = "millrace",
        .check = check,
        .open_listener = mr_http_conf_open,
        .worker_main = worker_main,
        .on_ready = on_ready,
        .arg = &o,
    };
    char line[MR_MASTER_LINE_MAX];
    struct mr_plan plan;
    int rc;

    parse(&o, argc, argv);
    if (!o.file)
        make_text(&o);
    if (o.check_only) {
        rc = mr_master_check(&master, &plan, line, sizeof line);
        if (rc)
            die("%s", line);
        mr_plan_fini(&plan);
        printf("millrace: %s: fine\n", o.file ? o.file : "command line");
        return 0;
    }
    /* Before the workers, who share them; without, each has its own. */
    (void)!mr_tls_tickets_new(&o.tickets);
    rc = mr_master_run(&master);
    mr_tls_tickets_free(o.tickets);
    mr_buf_fini(&o.text);
    mr_buf_fini(&o.apps);
    return rc;
}
