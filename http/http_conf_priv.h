/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HTTP_CONF_PRIV_H
#define HTTP_HTTP_CONF_PRIV_H

/*
 * http_conf_priv.h - a configuration in memory: for http_conf.c, which makes
 * it, and service.c, which serves by it.
 */
#include "core/arena.h"
#include "http/http_conf.h"
#include "http/router.h"
#include "http/server.h"

struct mr_conf_values {
    int64_t workers;
    bool pin;
    struct mr_config_list load;
    const char *log;
    int log_level;
    const char *access_log;
    int access_format;
    int64_t grace;
    int64_t hang;
    int64_t stack_size;
    int64_t helpers;
    int64_t watchdog;
    struct mr_http_options http;
};

struct mr_listen_values {
    const char *app;
    int64_t backlog;
};

struct mr_route_values {
    const char *app;
    struct mr_route_options limits;
    const char *auth;
    const char *auth_file;
    bool security_headers;
    struct mr_config_list cors;
    bool cors_credentials;
};

/* Where directives stand. */
enum mr_conf_place {
    MR_CONF_ROOT,
    MR_CONF_LISTEN,
    MR_CONF_ROUTE,
    MR_CONF_PLACES
};

extern const struct mr_config_table mr_conf_tables[MR_CONF_PLACES];

/* An app at one place of the configuration. */
struct mr_conf_instance {
    const struct mr_app *app;
    void *self;
    bool started;
};

struct mr_conf_route {
    const char *pattern;
    struct mr_route_values values;
    struct mr_conf_instance in;
    mr_handle_fn *handle; /* the app's, or the chain before it */
    void *self;
};

enum mr_conf_kind {
    MR_CONF_HTTP,
    MR_CONF_TCP, /* `in` serves the connections */
    MR_CONF_UDP, /* `in` gets the datagrams */
};

/* Its listener's tag, and what its title begins with ("tcp", "udp"). */
const char *mr_conf_tag(enum mr_conf_kind kind);

struct mr_conf_listener {
    const char *address;
    const char *where;
    unsigned backlog;
    enum mr_conf_kind kind;
    bool shared; /* one socket for all workers */
    struct mr_conf_instance in;
};

struct mr_http_conf {
    struct mr_config *cfg;
    struct mr_apps apps;
    struct mr_config_table *tables;
    size_t table_count;
    struct mr_conf_values values;
    struct mr_router router; /* only to find patterns that clash */
    struct mr_conf_route *routes;
    size_t route_count;
    struct mr_conf_listener *listeners;
    size_t listener_count;
    int64_t workers_override;
    struct mr_arena arena;
    char message[1024];
};

/* route_conf.c: give a route with its app's instance what runs before it. 0,
 * -EINVAL with the message set, -ENOMEM. */
MR_MUST_USE int mr_conf_route_steps(struct mr_http_conf *conf,
                                    struct mr_config_section *section,
                                    struct mr_conf_route *r);

#endif
