/* SPDX-License-Identifier: MIT */

/*
 * http_conf.c - what is made of a configuration's values (directives.c has the
 * tables).
 *
 *   load: read (pass one) -> load apps -> union of tables -> parse (pass two)
 *         -> values -> hosts and their routes (host_conf.c), and listeners,
 *         each with its app's instance (app_conf.c)
 *
 * What a worker starts with them is service.c's.
 */
#include "http/http_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/stack.h"
#include "core/sys.h"
#include "http/headers.h"
#include "http/http_conf_priv.h"
#include "http/mime.h"
#include "http/router.h"
#include "io/socket.h"

/* --- messages --- */

static int fail(struct mr_http_conf *conf, const char *fmt, ...)
    MR_PRINTF(2, 3);
static int fail(struct mr_http_conf *conf, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(conf->message, sizeof conf->message, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

const char *mr_http_conf_message(const struct mr_http_conf *conf)
{
    return *conf->message ? conf->message : mr_config_message(conf->cfg);
}

/* --- listeners --- */

#define S INT64_C(1000000000)

const char *mr_conf_tag(enum mr_conf_kind kind)
{
    switch (kind) {
    case MR_CONF_TCP:
        return MR_LISTEN_TCP;
    case MR_CONF_UDP:
        return MR_LISTEN_UDP;
    case MR_CONF_HTTP:
        break;
    }
    return MR_LISTEN_HTTP;
}

static const char *address_of(const char *title, enum mr_conf_kind *ret_kind)
{
    *ret_kind = MR_CONF_HTTP;
    if (mr_str_starts(mr_str(title), MR_LISTEN_TCP " "))
        *ret_kind = MR_CONF_TCP;
    else if (mr_str_starts(mr_str(title), MR_LISTEN_UDP " "))
        *ret_kind = MR_CONF_UDP;
    else
        return title;
    title += 4;
    while (*title == ' ')
        title++;
    return title;
}

static const char *address_error(int err)
{
    switch (err) {
    case -ERANGE:
        return "a port is 1 to 65535";
    case -ENAMETOOLONG:
        return "a unix socket's path has at most 107 bytes";
    default:
        return "write 127.0.0.1:8080, [::1]:8080, *:8080 or unix:/path "
               "(\"tcp ADDR\" for a plain listener)";
    }
}

/* The app of a listener that is not HTTP's. */
static int serve_by(struct mr_http_conf *conf,
                    struct mr_config_section *section, const char *name,
                    struct mr_conf_listener *l)
{
    bool tcp = l->kind == MR_CONF_TCP;
    const struct mr_app *app;

    if (!name)
        return mr_config_error(section, NULL,
                               "listen \"%s ADDR\" needs an app = NAME",
                               mr_conf_tag(l->kind));
    app = mr_apps_find(&conf->apps, name);
    if (!app || (tcp ? !app->serve : !app->datagram))
        return mr_config_error(section, "app",
                               "app '%s' serves no %s: use it in a route", name,
                               tcp ? "plain connections" : "datagrams");
    l->in.app = app;
    return mr_conf_make_instance(conf, section, "listen", &l->in);
}

static int add_listener(struct mr_http_conf *conf,
                        struct mr_config_section *section)
{
    struct mr_conf_listener *l = &conf->listeners[conf->listener_count];
    struct mr_listen_values v;
    struct mr_addr addr;
    int err = mr_config_fill(section, &mr_conf_tables[MR_CONF_LISTEN], &v);

    if (err)
        return err;
    l->address = address_of(mr_config_title(section), &l->kind);
    l->where =
        mr_arena_dup(&conf->arena, mr_str(mr_config_where(section, NULL)));
    l->backlog = (unsigned)v.backlog;
    if (!l->where)
        return -ENOMEM;
    err = mr_addr_parse(&addr, mr_str(l->address));
    if (err)
        return mr_config_error(section, NULL, "listen \"%s\": no address: %s",
                               mr_config_title(section), address_error(err));
    l->shared = mr_addr_family(&addr) == AF_UNIX;
    if (l->kind == MR_CONF_HTTP && !l->shared)
        l->defer_accept_s = (int)((v.defer_accept + S - 1) / S);
    else if (v.defer_accept > 0 && mr_config_get(section, "defer_accept"))
        return mr_config_error(section, "defer_accept",
                               "defer_accept is for HTTP over TCP");
    conf->listener_count++;
    err = mr_conf_add_tls(conf, section, l);
    if (err)
        return err;
    if (l->kind != MR_CONF_HTTP)
        return serve_by(conf, section, v.app, l);
    if (v.app)
        return mr_config_error(section, "app",
                               "HTTP listeners take no app: write listen "
                               "\"tcp ADDR\", or a route");
    return 0;
}

static int add_listeners(struct mr_http_conf *conf)
{
    struct mr_config_section *root = mr_config_root(conf->cfg), *s = NULL;
    size_t n = mr_conf_count(root, "listen");
    int err = 0;

    conf->listeners =
        mr_arena_calloc(&conf->arena, (n + 1) * sizeof *conf->listeners);
    if (!conf->listeners)
        return -ENOMEM;
    while (!err && (s = mr_config_next(root, s, "listen")))
        err = add_listener(conf, s);
    if (!err && conf->listener_count == 0)
        return mr_config_error(root, NULL,
                               "nothing to listen on: add listen "
                               "\"127.0.0.1:8080\" {}");
    return err;
}

/* --- values --- */

static int check_logs(const struct mr_conf_values *v,
                      struct mr_config_section *root)
{
    int err = *v->log ? mr_conf_check_log(root, "log", v->log) : 0;

    return err ? err : mr_conf_check_access_log(root, v->access_log);
}

static int take_values(struct mr_http_conf *conf)
{
    struct mr_config_section *root = mr_config_root(conf->cfg);
    struct mr_conf_values *v = &conf->values;
    int err = mr_config_fill(root, &mr_conf_tables[MR_CONF_ROOT], v);

    if (err)
        return err;
    if (v->http.max_target > v->http.max_head)
        return mr_config_error(root, "max_target",
                               "max_target is above max_head, which holds it");
    if (!mr_field_value_is_valid(mr_str(v->http.server_name)))
        return mr_config_error(root, "server_name",
                               "server_name cannot stand in a field");
    v->http.stack_size = v->stack_size;
    v->http.unknown_host = (const int[]){0, 404, 421}[v->unknown_host];
    err = check_logs(v, root);
    return err ? err
               : mr_conf_error_pages(conf, root, &v->error_page,
                                     &v->http.error_pages);
}

/* --- life --- */

int mr_http_conf_load(struct mr_http_conf **ret, const char *path,
                      const char *text, const struct mr_app *const *built_in,
                      size_t n)
{
    struct mr_http_conf *conf = mr_calloc(1, sizeof *conf);
    int err;

    *ret = NULL;
    if (!conf)
        return -ENOMEM;
    mr_arena_init(&conf->arena, 4096);
    conf->workers_override = -1;
    conf->cfg = mr_config_new();
    if (!conf->cfg || mr_apps_init(&conf->apps, built_in, n)) {
        mr_http_conf_free(conf);
        return -ENOMEM;
    }
    *ret = conf;
    err = path ? mr_config_read(conf->cfg, path)
               : mr_config_read_text(conf->cfg, "command line", mr_str(text));
    if (!err)
        err = mr_conf_load_apps(conf);
    if (!err)
        err = mr_config_parse(conf->cfg, conf->tables, conf->table_count);
    if (!err)
        err = take_values(conf);
    if (!err)
        err = mr_conf_add_hosts(conf);
    if (!err)
        err = add_listeners(conf);
    if (err == -ENOMEM && !*mr_http_conf_message(conf))
        (void)fail(conf, "out of memory");
    return err;
}

void mr_http_conf_free(struct mr_http_conf *conf)
{
    if (!conf)
        return;
    mr_conf_drop_hosts(conf);
    mr_mime_free(conf->mime);
    mr_config_free(conf->cfg);
    mr_apps_fini(&conf->apps);
    mr_arena_fini(&conf->arena);
    mr_free(conf);
}

void mr_http_conf_set_workers(struct mr_http_conf *conf, int64_t workers)
{
    conf->workers_override = workers;
}

void mr_http_conf_set_tickets(struct mr_http_conf *conf,
                              struct mr_tls_tickets *tickets)
{
    conf->tickets = tickets;
}

int mr_http_conf_set_listen(struct mr_http_conf *conf, const char *address)
{
    struct mr_conf_listener *l;
    struct mr_addr addr;
    size_t kept = 0;
    int err = mr_addr_parse(&addr, mr_str(address));

    if (err)
        return fail(conf, "--listen %s: no address: %s", address,
                    address_error(err));
    l = mr_arena_calloc(&conf->arena, (conf->listener_count + 1) * sizeof *l);
    if (!l)
        return fail(conf, "out of memory");
    for (size_t i = 0; i < conf->listener_count; i++) {
        if (conf->listeners[i].kind != MR_CONF_HTTP)
            l[kept++] = conf->listeners[i];
    }
    l[kept++] = (struct mr_conf_listener){
        .address = address,
        .where = "--listen",
        .shared = mr_addr_family(&addr) == AF_UNIX,
        .defer_accept_s =
            mr_addr_family(&addr) == AF_UNIX ? 0 : MR_DEFER_ACCEPT_S,
    };
    conf->listeners = l;
    conf->listener_count = kept;
    return 0;
}

int mr_http_conf_plan(struct mr_http_conf *conf, struct mr_plan *plan)
{
    const struct mr_conf_values *v = &conf->values;
    int err = mr_plan_set_log(plan, v->log);

    plan->workers =
        (unsigned)(conf->workers_override >= 0 ? conf->workers_override
                                               : v->workers);
    plan->pin = v->pin;
    plan->grace = v->grace;
    plan->hang_limit = v->hang;
    plan->log_level = (unsigned)v->log_level;
    for (size_t i = 0; i < conf->listener_count && !err; i++) {
        const struct mr_conf_listener *l = &conf->listeners[i];

        err = mr_plan_add(plan, &(struct mr_listener){
                                    .tag = mr_conf_tag(l->kind),
                                    .address = l->address,
                                    .options = l->tls ? "tls" : "",
                                    .where = l->where,
                                    .backlog = l->backlog,
                                    .shared = l->shared,
                                });
    }
    return err;
}

int mr_http_conf_open(const struct mr_listener *l, unsigned index, int *ret_fd,
                      void *unused)
{
    struct mr_listen_options o = {.backlog = (int)l->backlog,
                                  .reuseport = !l->shared};
    bool udp = strcmp(l->tag, MR_LISTEN_UDP) == 0;
    struct mr_addr addr;
    int fd, err = mr_addr_parse(&addr, mr_str(l->address));

    (void)unused;
    /* Our own siblings share the port; a stranger must be noticed. */
    if (!err && index == 0 && !l->shared)
        err = udp ? mr_socket_probe_bind(&addr) : mr_socket_probe(&addr);
    if (err)
        return err;
    fd = udp ? mr_socket_bind(&addr, &o) : mr_socket_listen(&addr, &o);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

int mr_http_conf_print(struct mr_buf *out)
{
    int err = 0;

    for (size_t i = 0; i < MR_CONF_PLACES && !err; i++)
        err = mr_config_print(&mr_conf_tables[i], out);
    return err;
}
