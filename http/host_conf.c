/* SPDX-License-Identifier: MIT */

/*
 * host_conf.c - hosts, and the routes of each: of the top level, which stand
 * for no host by name, and of the `host` sections.
 *
 * conf->hosts[0] is the top level. That a name or a pattern is there twice is
 * found by the tables that a server would have (http/hosts.h, http/router.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/http_conf_priv.h"
#include "http/mime.h"
#include "http/rewrite.h"

size_t mr_conf_count(const struct mr_config_section *in, const char *name)
{
    struct mr_config_section *s = NULL;
    size_t n = 0;

    while ((s = mr_config_next(in, s, name)))
        n++;
    return n;
}

/* --- logs --- */

/* Can it be written? Looked at here, where the line is known. The file is made,
 * as it will be at the start. */
int mr_conf_check_log(struct mr_config_section *root, const char *name,
                      const char *path)
{
    int fd = mr_sys_openat(AT_FDCWD, path,
                           O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
                               O_NOCTTY | O_NONBLOCK,
                           0640);

    if (fd < 0)
        return mr_config_error(root, name,
                               "%s \"%s\": %s: name a file in a directory that "
                               "can be written to",
                               name, path, mr_strerror(fd));
    mr_sys_close(fd);
    return 0;
}

int mr_conf_check_access_log(struct mr_config_section *section,
                             const char *path)
{
    if (strcmp(path, "off") == 0 || strcmp(path, "-") == 0)
        return 0;
    return mr_conf_check_log(section, "access_log", path);
}

/* --- error pages --- */

static int add_pages(struct mr_http_conf *conf,
                     struct mr_config_section *section, const char *text,
                     const struct mr_error_page **pages)
{
    const char *why = "";
    int err = conf->mime ? 0 : mr_mime_new(&conf->mime);

    if (!err)
        err = mr_error_pages_add(pages, &conf->arena, conf->mime, mr_str(text),
                                 &why);
    switch (err) {
    case 0:
    case -ENOMEM:
        return err;
    case -EINVAL:
        return mr_config_error(section, "error_page", "error_page \"%s\": %s",
                               text, why);
    case -EEXIST:
        return mr_config_error(section, "error_page",
                               "error_page \"%s\": one of these codes has a "
                               "page already",
                               text);
    default:
        return mr_config_error(section, "error_page",
                               "error_page \"%s\": %s: name a file of up to "
                               "256K",
                               text, mr_strerror(err));
    }
}

int mr_conf_error_pages(struct mr_http_conf *conf,
                        struct mr_config_section *section,
                        const struct mr_config_list *list,
                        const struct mr_error_page **ret)
{
    int err = 0;

    *ret = NULL;
    for (size_t i = 0; i < list->n && !err; i++)
        err = add_pages(conf, section, list->v[i], ret);
    return err;
}

/* --- routes --- */

static int add_route(struct mr_http_conf *conf, struct mr_conf_host *host,
                     struct mr_config_section *section)
{
    struct mr_conf_route *r = &conf->routes[conf->route_count];
    struct mr_route_values *v = &r->values;
    const char *why = "";
    int err = mr_config_fill(section, &mr_conf_tables[MR_CONF_ROUTE], v);

    if (err)
        return err;
    r->host = host;
    r->pattern = mr_config_title(section);
    r->in.app = mr_apps_find(&conf->apps, v->app);
    if (!r->in.app || !r->in.app->handle)
        return mr_config_error(section, "app",
                               "app '%s' has no handler for requests: it "
                               "serves `listen \"%s ADDR\"`",
                               v->app,
                               r->in.app && !r->in.app->serve ? MR_LISTEN_UDP
                                                              : MR_LISTEN_TCP);
    err = mr_router_add(&host->router, mr_str(r->pattern), r, &why);
    if (err == -EINVAL)
        return mr_config_error(section, NULL, "route \"%s\": %s", r->pattern,
                               why);
    if (err == -EEXIST)
        return mr_config_error(section, NULL,
                               "route \"%s\" is there already, spelled "
                               "otherwise",
                               r->pattern);
    if (!err)
        err = mr_conf_error_pages(conf, section, &v->error_page,
                                  &v->limits.error_pages);
    if (!err)
        err = mr_conf_make_instance(conf, section, "route", &r->in);
    if (!err)
        err = mr_conf_route_steps(conf, section, r);
    if (!err)
        conf->route_count++;
    return err;
}

static int add_rewrite(struct mr_http_conf *conf, struct mr_conf_host *host,
                       struct mr_config_section *section)
{
    struct mr_conf_rewrite *r = &conf->rewrites[conf->rewrite_count];
    const char *pattern = mr_config_title(section), *why = "", *to;
    int err = mr_config_fill(section, &mr_conf_tables[MR_CONF_REWRITE], &to);

    if (err)
        return err;
    *r = (struct mr_conf_rewrite){host, pattern, to};
    err = mr_router_add(&host->rewrites, mr_str(pattern), r, &why);
    if (err == -EINVAL)
        return mr_config_error(section, NULL, "rewrite \"%s\": %s", pattern,
                               why);
    if (err == -EEXIST)
        return mr_config_error(section, NULL,
                               "rewrite \"%s\" is there already, spelled "
                               "otherwise",
                               pattern);
    if (!err)
        err = mr_rewrite_check(mr_str(pattern), mr_str(to), &why);
    if (err == -EINVAL)
        return mr_config_error(section, "to", "to \"%s\": %s", to, why);
    if (!err)
        conf->rewrite_count++;
    return err;
}

static int add_routes(struct mr_http_conf *conf, struct mr_conf_host *host)
{
    struct mr_config_section *s = NULL;
    int err = 0;

    while (!err && (s = mr_config_next(host->section, s, "rewrite")))
        err = add_rewrite(conf, host, s);

    while (!err && (s = mr_config_next(host->section, s, "route")))
        err = add_route(conf, host, s);
    return err;
}

/* --- hosts --- */

static int add_name(struct mr_http_conf *conf, struct mr_conf_host *host,
                    struct mr_str name)
{
    const char *why = "";
    const struct mr_conf_host *other;
    char where[600];
    int err = mr_hosts_add(&conf->names, name, host, &why);

    if (err == -EINVAL)
        return mr_config_error(host->section, NULL, "host \"%.*s\": %s",
                               MR_STR(name), why);
    if (err != -EEXIST)
        return err;
    other = mr_hosts_get(&conf->names, name);
    snprintf(where, sizeof where, "%s", mr_config_where(other->section, NULL));
    return mr_config_error(host->section, NULL,
                           "host \"%.*s\" is there already, at %s",
                           MR_STR(name), where);
}

static int add_names(struct mr_http_conf *conf, struct mr_conf_host *host)
{
    struct mr_str rest = mr_str(host->names), name;
    size_t n = 0;
    int err = 0;

    while (!err && mr_str_word(&rest, &name)) {
        err = add_name(conf, host, name);
        n++;
    }
    if (!err && n == 0)
        return mr_config_error(host->section, NULL, "a host without a name");
    return err;
}

static int add_host(struct mr_http_conf *conf,
                    struct mr_config_section *section)
{
    struct mr_conf_host *host = &conf->hosts[conf->host_count++];
    int err =
        mr_config_fill(section, &mr_conf_tables[MR_CONF_HOST], &host->values);

    mr_router_init(&host->router);
    mr_router_init(&host->rewrites);
    host->section = section;
    host->names = mr_config_title(section);
    if (!err)
        err = add_names(conf, host);
    if (!err && strcmp(host->values.access_log, "inherit") != 0)
        err = mr_conf_check_access_log(section, host->values.access_log);
    if (!err)
        err = mr_conf_error_pages(conf, section, &host->values.error_page,
                                  &host->error_pages);
    if (!err && mr_conf_count(section, "route") == 0)
        return mr_config_error(section, NULL,
                               "host \"%s\" has no route: add route \"/\" { "
                               "app = NAME }",
                               host->names);
    return err ? err : add_routes(conf, host);
}

/* Said, but to no effect. */
static int check_unknown(struct mr_http_conf *conf)
{
    struct mr_config_section *root = mr_config_root(conf->cfg);

    if (!conf->values.http.unknown_host)
        return 0;
    if (conf->host_count == 1)
        return mr_config_error(root, "unknown_host",
                               "unknown_host without a host section: every "
                               "request would be refused");
    if (mr_conf_count(root, "route") > 0)
        return mr_config_error(root, "unknown_host",
                               "unknown_host leaves nobody to the routes that "
                               "stand in no host: set it to serve, or move "
                               "them into a host");
    /* The top level's are the first. */
    if (conf->rewrite_count > 0 && conf->rewrites[0].host == conf->hosts)
        return mr_config_error(root, "unknown_host",
                               "unknown_host leaves nobody to the rewrites "
                               "that stand in no host: set it to serve, or "
                               "move them into a host");
    return 0;
}

int mr_conf_add_hosts(struct mr_http_conf *conf)
{
    struct mr_config_section *root = mr_config_root(conf->cfg), *s = NULL;
    size_t hosts = 1 + mr_conf_count(root, "host");
    size_t routes = 1 + mr_conf_count(root, "route");
    size_t rewrites = 1 + mr_conf_count(root, "rewrite");
    int err;

    while ((s = mr_config_next(root, s, "host"))) {
        routes += mr_conf_count(s, "route");
        rewrites += mr_conf_count(s, "rewrite");
    }
    conf->hosts = mr_arena_calloc(&conf->arena, hosts * sizeof *conf->hosts);
    conf->routes = mr_arena_calloc(&conf->arena, routes * sizeof *conf->routes);
    conf->rewrites =
        mr_arena_calloc(&conf->arena, rewrites * sizeof *conf->rewrites);
    if (!conf->hosts || !conf->routes || !conf->rewrites)
        return -ENOMEM;
    mr_router_init(&conf->hosts[0].router);
    mr_router_init(&conf->hosts[0].rewrites);
    conf->hosts[0].section = root;
    conf->host_count = 1;
    err = add_routes(conf, &conf->hosts[0]);
    while (!err && (s = mr_config_next(root, s, "host")))
        err = add_host(conf, s);
    return err ? err : check_unknown(conf);
}

void mr_conf_drop_hosts(struct mr_http_conf *conf)
{
    for (size_t i = 0; i < conf->host_count; i++) {
        mr_router_fini(&conf->hosts[i].router);
        mr_router_fini(&conf->hosts[i].rewrites);
    }
    mr_hosts_fini(&conf->names);
}
