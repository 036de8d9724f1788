/* SPDX-License-Identifier: MIT */
#ifndef APPS_PROXY_PROXY_H
#define APPS_PROXY_PROXY_H

/*
 * proxy.h - what the files of the reverse proxy share.
 *
 *     proxy.c     directives, start and stop
 *     upstream.c  which server gets a request, and which are down
 *     outgoing.c  what a server is asked
 *     forward.c   one request there and its answer back
 *     tunnel.c    bytes both ways, after an upgrade
 */
#include "core/arena.h"
#include "core/config.h"
#include "core/group.h"

#include "http/client.h"
#include "http/request.h"
#include "http/response.h"
#include "http/uri.h"

/* One server that answers for us; a worker's own view of it. */
struct upstream {
    struct mr_uri uri; /* in the proxy's arena; its path is put before others */
    struct mr_str base; /* "" or "/path" */
    unsigned active;    /* requests that are there now */
    unsigned fails;     /* in a row */
    int64_t down_until; /* it has failed too often: not asked before that */
    bool ill;           /* its health check says so */
    struct proxy *proxy;
};

enum { HOST_CLIENT, HOST_UPSTREAM };
enum { FORWARDED_SET, FORWARDED_APPEND, FORWARDED_OFF };

struct proxy {
    /* --- directives --- */
    struct mr_config_list to;
    bool strip;
    int host;
    int forwarded;
    int64_t max_connections;
    int64_t connect_timeout;
    int64_t answer_timeout;
    int64_t read_timeout;
    int64_t tunnel_timeout;
    int64_t retries;
    int64_t max_fails;
    int64_t fail_timeout;
    const char *health;
    int64_t health_interval;
    const char *cacert;
    bool insecure;
    /* --- of a worker --- */
    struct mr_client *client;
    struct mr_group watchers;   /* of health: closed before the client */
    struct upstream *upstreams; /* to.n of them */
    size_t next;                /* the first to be looked at */
    struct mr_arena arena;
};

/* --- upstream.c --- */

/* Parse `to`: 0, or -Exxx with the one that is no good and why. */
int upstreams_init(struct proxy *p, const char **ret_url,
                   const char **ret_reason);
void upstreams_fini(struct proxy *p);
/* Look after them for the worker's life, if there is a health check. 0 or
 * -Exxx. */
int upstreams_watch(struct proxy *p);
/* The least busy of those that are up and not in `tried` (a bit for each); when
 * all are down, the one that will be up first. NULL: all were tried. */
struct upstream *upstream_choose(struct proxy *p, uint64_t tried);
/* What came of a request. */
void upstream_failed(struct upstream *u, const char *why);
void upstream_answered(struct upstream *u);

/* --- forward.c --- */

int proxy_handle(struct mr_request *req, struct mr_response *res, void *self);

/* --- tunnel.c --- */

/* Carry bytes between the two until both have ended, one fails, or none came
 * for so long. May park. */
void tunnel_run(struct mr_stream *client, struct mr_stream *server,
                int64_t timeout);

#endif
