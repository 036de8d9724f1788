/* SPDX-License-Identifier: MIT */

/*
 * app_conf.c - the apps that a configuration names: loaded, their tables beside
 * the core's, an instance wherever one stands.
 *
 * Every instance is filled from its section and configured here, so that a
 * check finds what a worker would.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "http/http_conf_priv.h"

static int load_apps(struct mr_http_conf *conf)
{
    const struct mr_config_need *v;
    size_t n = mr_config_loads(conf->cfg, &v);
    char why[512];

    for (size_t i = 0; i < n; i++) {
        int err = mr_apps_load(&conf->apps, v[i].text, why, sizeof why);

        if (err)
            return mr_config_error_at(conf->cfg, v[i].line, "%s", why);
    }
    return 0;
}

static void name_apps(const struct mr_apps *apps, char *out, size_t size)
{
    size_t n = 0;

    *out = '\0';
    for (size_t i = 0; i < apps->n && n + 1 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "",
                              apps->v[i]->name);
}

/* Are the apps that sections name all there? */
static int find_apps(struct mr_http_conf *conf)
{
    const struct mr_config_need *v;
    size_t n = mr_config_apps(conf->cfg, &v);
    char known[256];

    for (size_t i = 0; i < n; i++) {
        if (mr_apps_find(&conf->apps, v[i].text))
            continue;
        name_apps(&conf->apps, known, sizeof known);
        return mr_config_error_at(conf->cfg, v[i].line,
                                  "there is no app '%s': it is one of %s, or "
                                  "load = \"%s.so\" first",
                                  v[i].text, known, v[i].text);
    }
    return 0;
}

static struct mr_config_table table_of(const struct mr_app *app,
                                       const char *section)
{
    return (struct mr_config_table){
        .section = section,
        .owner = app->name,
        .options = app->options,
        .n = app->option_count,
    };
}

/* The core's tables, and those of all apps there are: so that an option in the
 * wrong place can be told from one that does not exist. */
static int union_tables(struct mr_http_conf *conf)
{
    const struct mr_apps *apps = &conf->apps;
    struct mr_config_table *t;
    size_t n = MR_CONF_PLACES;

    t = mr_arena_alloc(&conf->arena, (n + 2 * apps->n) * sizeof *t);
    if (!t)
        return -ENOMEM;
    memcpy(t, mr_conf_tables, n * sizeof *t);
    for (size_t i = 0; i < apps->n; i++) {
        const struct mr_app *app = apps->v[i];

        /* A loaded one hides a built-in one of its name. */
        if (app->option_count == 0 || mr_apps_find(apps, app->name) != app)
            continue;
        t[n++] = table_of(app, "route");
        t[n++] = table_of(app, "listen");
    }
    conf->tables = t;
    conf->table_count = n;
    return 0;
}

int mr_conf_load_apps(struct mr_http_conf *conf)
{
    int err = load_apps(conf);

    if (!err)
        err = find_apps(conf);
    return err ? err : union_tables(conf);
}

int mr_conf_make_instance(struct mr_http_conf *conf,
                          struct mr_config_section *section, const char *kind,
                          struct mr_conf_instance *in)
{
    const struct mr_config_table table = table_of(in->app, kind);
    int err;

    in->self = mr_arena_calloc(&conf->arena, in->app->size + 1);
    if (!in->self)
        return -ENOMEM;
    err = mr_config_fill(section, &table, in->self);
    if (err || !in->app->configure)
        return err;
    err = in->app->configure(in->self, section);
    if (err && !*mr_config_message(conf->cfg))
        (void)mr_config_error(section, NULL, "app %s: %s", in->app->name,
                              mr_strerror(err));
    return err;
}
