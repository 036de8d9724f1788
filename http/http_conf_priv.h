/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HTTP_CONF_PRIV_H
#define HTTP_HTTP_CONF_PRIV_H

/*
 * http_conf_priv.h - a configuration in memory: for http_conf.c and the files
 * that make it, and service.c, which serves by it.
 *
 * over budget: five files' shared struct, with what each of them gives.
 */
#include "core/arena.h"
#include "http/error_pages.h"
#include "http/hosts.h"
#include "http/http_conf.h"
#include "http/router.h"
#include "http/server.h"
#include "io/tls_context.h"

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
    struct mr_config_list error_page;
    int unknown_host; /* which of serve, 404, 421 */
    struct mr_http_options http;
};

/* Seconds; enough for a client that means to ask something, and the least
 * that the kernel knows. */
#define MR_DEFER_ACCEPT_S 1

struct mr_listen_values {
    const char *app;
    int64_t backlog;
    int64_t defer_accept; /* ns */
};

/* Of a listener's tls section. */
struct mr_tls_values {
    struct mr_config_list certificate; /* the n-th of each belong together */
    struct mr_config_list key;
    struct mr_config_list ocsp;
    int min_version; /* which of 1.2, 1.3 */
    bool tickets;
    bool ktls;
};

struct mr_route_values {
    const char *app;
    struct mr_route_options limits;
    const char *auth;
    const char *auth_file;
    bool security_headers;
    struct mr_config_list cors;
    bool cors_credentials;
    struct mr_config_list compress;
    struct mr_config_list compress_types;
    int64_t compress_min;
    int64_t compress_max;
    struct mr_config_list error_page;
};

struct mr_host_values {
    const char *access_log; /* "inherit": the server's */
    int access_format;      /* 0: the server's; else 1 + which */
    struct mr_config_list error_page;
};

/* Where directives stand. */
enum mr_conf_place {
    MR_CONF_ROOT,
    MR_CONF_LISTEN,
    MR_CONF_ROUTE,
    MR_CONF_HOST,
    MR_CONF_REWRITE,
    MR_CONF_TLS,
    MR_CONF_PLACES
};

extern const struct mr_config_table mr_conf_tables[MR_CONF_PLACES];

/* An app at one place of the configuration. */
struct mr_conf_instance {
    const struct mr_app *app;
    void *self;
    bool started;
};

/* What requests for some names get; the first: those for no other. */
struct mr_conf_host {
    const char *names; /* between spaces; NULL: the first */
    struct mr_config_section *section;
    struct mr_host_values values;
    struct mr_router router;   /* only to find patterns that clash, */
    struct mr_router rewrites; /* and these */
    const struct mr_error_page *error_pages;
    struct mr_access_log *own_log; /* in a worker: what it opened, */
    struct mr_http_host *made;     /* and made; NULL: nothing */
};

struct mr_conf_route {
    struct mr_conf_host *host;
    const char *pattern;
    struct mr_route_values values;
    struct mr_conf_instance in;
    mr_handle_fn *handle; /* the app's, or the chain before it */
    void *self;
};

struct mr_conf_rewrite {
    struct mr_conf_host *host;
    const char *pattern;
    const char *to;
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
    int defer_accept_s; /* of HTTP over TCP */
    enum mr_conf_kind kind;
    bool shared;                     /* one socket for all workers */
    const struct mr_tls_values *tls; /* NULL: plain */
    int fd;                          /* in a worker, of HTTP's */
    struct mr_conf_instance in;
};

struct mr_http_conf {
    struct mr_config *cfg;
    struct mr_apps apps;
    struct mr_config_table *tables;
    size_t table_count;
    struct mr_conf_values values;
    struct mr_hosts names; /* only to find names that clash */
    struct mr_conf_host *hosts;
    size_t host_count;
    struct mr_conf_route *routes;
    size_t route_count;
    struct mr_conf_rewrite *rewrites;
    size_t rewrite_count;
    struct mr_conf_listener *listeners;
    size_t listener_count;
    int64_t workers_override;
    struct mr_tls_tickets *tickets; /* the caller's */
    struct mr_mime *mime; /* of error pages; NULL until one needs it */
    struct mr_arena arena;
    char message[1024];
};

/* --- app_conf.c: 0, or -Exxx with the message set but for -ENOMEM --- */

/* Load those that are named, find those of sections, make conf->tables. */
MR_MUST_USE int mr_conf_load_apps(struct mr_http_conf *conf);
/* Of in->app, filled and configured. */
MR_MUST_USE int mr_conf_make_instance(struct mr_http_conf *conf,
                                      struct mr_config_section *section,
                                      const char *kind,
                                      struct mr_conf_instance *in);

/* --- host_conf.c: the same --- */

/* How many sections of that name there are inside another. */
size_t mr_conf_count(const struct mr_config_section *in, const char *name);
/* Can a log be written? The second knows "off" and "-". */
MR_MUST_USE int mr_conf_check_log(struct mr_config_section *section,
                                  const char *name, const char *path);
MR_MUST_USE int mr_conf_check_access_log(struct mr_config_section *section,
                                         const char *path);
/* Hosts and routes, from their sections. */
MR_MUST_USE int mr_conf_add_hosts(struct mr_http_conf *conf);
void mr_conf_drop_hosts(struct mr_http_conf *conf);
/* Read what a section's directive names; none gives NULL. */
MR_MUST_USE int mr_conf_error_pages(struct mr_http_conf *conf,
                                    struct mr_config_section *section,
                                    const struct mr_config_list *list,
                                    const struct mr_error_page **ret);

/* --- tls_conf.c: the same --- */

/* A listener's tls section, if there is one, to l->tls. Its files are tried:
 * what is wrong with them is found with the rest. */
MR_MUST_USE int mr_conf_add_tls(struct mr_http_conf *conf,
                                struct mr_config_section *listen,
                                struct mr_conf_listener *l);
/* A context out of them. 0, or -Exxx and why (MR_TLS_WHY bytes). Waits for the
 * disk. */
MR_MUST_USE int mr_conf_make_tls(const struct mr_tls_values *v,
                                 struct mr_tls_tickets *tickets,
                                 struct mr_tls_context **ret, char *why);

/* route_conf.c: give a route with its app's instance what runs before it. 0,
 * -EINVAL with the message set, -ENOMEM. */
MR_MUST_USE int mr_conf_route_steps(struct mr_http_conf *conf,
                                    struct mr_config_section *section,
                                    struct mr_conf_route *r);

#endif
