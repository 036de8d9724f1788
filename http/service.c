/* SPDX-License-Identifier: MIT */

/*
 * service.c - what a worker runs: the HTTP server, plain listeners, and the
 * apps of a configuration.
 *
 *   start:  access log -> server -> hosts -> apps -> routes -> listeners
 *   stop:   listeners stop -> drain -> apps stop -> groups closed -> freed
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/offload.h"
#include "core/stack.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "core/watchdog.h"
#include "http/access_log.h"
#include "http/http_conf_priv.h"
#include "io/dgram.h"
#include "io/quota.h"
#include "io/server.h"
#include "io/socket.h"
#include "io/stream.h"
#include "io/tls_tickets.h"

/* A listener that is not HTTP's. */
struct plain {
    enum mr_conf_kind kind;
    union {
        struct mr_server tcp;
        struct mr_dgram_server udp;
    };
};

struct mr_http_service {
    struct mr_http_conf *conf;
    struct mr_http *http;
    struct mr_access_log *access_log;
    struct mr_quota quota; /* of HTTP's connections and the "tcp" listeners' */
    struct mr_group group; /* of the apps' own coroutines */
    struct mr_mutex renewing; /* certificates: nothing is freed meanwhile */
    struct plain *plain;      /* one per "tcp" or "udp" listener */
    size_t plain_n;
};

static int say(struct mr_http_conf *conf, const char *what, int err)
{
    snprintf(conf->message, sizeof conf->message, "%s: %s", what,
             mr_strerror(err));
    return err;
}

/* --- start --- */

static int start_instance(struct mr_http_service *s,
                          struct mr_conf_instance *in)
{
    int err = in->app->start ? in->app->start(in->self, &s->group) : 0;

    if (err)
        return say(s->conf, in->app->name, err);
    in->started = true;
    return 0;
}

static bool serves_http(const struct mr_http_conf *conf)
{
    for (size_t i = 0; i < conf->listener_count; i++) {
        if (conf->listeners[i].kind == MR_CONF_HTTP)
            return true;
    }
    return false;
}

/* *ret NULL: there shall be none. */
static int open_log(struct mr_http_conf *conf, const char *path, int format,
                    struct mr_access_log **ret)
{
    int err;

    if (strcmp(path, "off") == 0)
        return 0;
    err = mr_access_log_open(ret, path, (enum mr_access_format)format);
    return err ? say(conf, path, err) : 0;
}

/* What a host's lines go to. A form of its own needs a log of its own. */
static int log_of(struct mr_http_service *s, struct mr_conf_host *h,
                  struct mr_access_log **ret)
{
    const struct mr_conf_values *v = &s->conf->values;
    bool inherits = strcmp(h->values.access_log, "inherit") == 0;
    int format = h->values.access_format, err;

    *ret = s->access_log;
    if (inherits && (format == 0 || format - 1 == v->access_format))
        return 0;
    err = open_log(s->conf, inherits ? v->access_log : h->values.access_log,
                   format == 0 ? v->access_format : format - 1, &h->own_log);
    *ret = h->own_log;
    return err;
}

static int start_host(struct mr_http_service *s, struct mr_conf_host *h)
{
    struct mr_str rest = mr_str(h->names), name;
    struct mr_host_options o = {.error_pages = h->error_pages};
    const char *why;
    int err = log_of(s, h, &o.access_log);

    if (err)
        return err;
    err = mr_http_host(s->http, &o, &h->made);
    while (!err && mr_str_word(&rest, &name))
        err = mr_http_host_name(h->made, name, &why);
    return err ? say(s->conf, h->names, err) : 0;
}

static int start_hosts(struct mr_http_service *s)
{
    int err = 0;

    /* the first is the server itself */
    for (size_t i = 1; i < s->conf->host_count && !err; i++)
        err = start_host(s, &s->conf->hosts[i]);
    return err;
}

static int start_routes(struct mr_http_service *s)
{
    struct mr_http_conf *conf = s->conf;
    const char *why = "";
    int err = 0;

    for (size_t i = 0; i < conf->rewrite_count && !err; i++) {
        const struct mr_conf_rewrite *w = &conf->rewrites[i];

        err = mr_http_rewrite(s->http, w->host->made, mr_str(w->pattern), w->to,
                              &why);
        if (err)
            return say(conf, w->pattern, err);
    }
    for (size_t i = 0; i < conf->route_count && !err; i++) {
        struct mr_conf_route *r = &conf->routes[i];

        err = start_instance(s, &r->in);
        if (err)
            return err;
        r->values.limits.host = r->host->made;
        err =
            mr_http_route_with(s->http, mr_str(r->pattern), r->handle, r->self,
                               r->in.app->name, &r->values.limits, &why);
        if (err)
            return say(conf, r->pattern, err);
    }
    return 0;
}

static void serve_plain(int fd, const struct mr_addr *peer, void *arg)
{
    struct mr_conf_instance *in = arg;
    struct mr_stream_fd t;
    int err;

    (void)mr_stream_socket_init(&t, fd);
    t.whole = mr_addr_family(peer) != AF_UNIX;
    err = in->app->serve(&t.stream, peer, in->self);
    if (err < 0 && err != -ECANCELED)
        mr_log(MR_LOG_INFO, "app %s: %s", in->app->name, mr_strerror(err));
}

static int listen_tcp(struct mr_http_service *s, struct mr_conf_listener *l,
                      struct mr_server *server, int fd)
{
    const struct mr_server_options o = {
        .handler = serve_plain,
        .arg = &l->in,
        .name = l->in.app->name,
        .quota = &s->quota,
        .shared = true,
        .exclusive = l->shared,
    };
    int err = mr_server_init(server, fd, &o);

    if (!err)
        err = mr_server_start(server);
    if (err)
        mr_server_fini(server);
    return err;
}

static void serve_datagram(const struct mr_dgram *d, void *arg)
{
    struct mr_conf_instance *in = arg;
    int err = in->app->datagram(d, in->self);

    if (err < 0 && err != -ECANCELED)
        mr_log(MR_LOG_INFO, "app %s: %s", in->app->name, mr_strerror(err));
}

static int listen_udp(struct mr_http_service *s, struct mr_conf_listener *l,
                      struct mr_dgram_server *server, int fd)
{
    const struct mr_dgram_server_options o = {
        .handler = serve_datagram,
        .arg = &l->in,
        .name = l->in.app->name,
        .max_live = (size_t)s->conf->values.http.max_connections,
        .shared = true,
        .exclusive = l->shared,
    };
    int err = mr_dgram_server_init(server, fd, &o);

    if (!err)
        err = mr_dgram_server_start(server);
    if (err)
        mr_dgram_server_fini(server);
    return err;
}

static int listen_plain(struct mr_http_service *s, struct mr_conf_listener *l,
                        int fd)
{
    struct plain *p = &s->plain[s->plain_n];
    int err = start_instance(s, &l->in);

    if (err)
        return err;
    p->kind = l->kind;
    err = l->kind == MR_CONF_TCP ? listen_tcp(s, l, &p->tcp, fd)
                                 : listen_udp(s, l, &p->udp, fd);
    if (err)
        return say(s->conf, l->address, err);
    s->plain_n++;
    return 0;
}

/* What it takes is set here and not where it was made: so a reload may change
 * it. */
static int listen_http(struct mr_http_service *s, struct mr_conf_listener *l,
                       int fd)
{
    struct mr_tls_context *tls;
    char why[MR_TLS_WHY];
    int err = mr_socket_set_defer(fd, l->defer_accept_s);

    if (err && l->defer_accept_s > 0)
        mr_log(MR_LOG_WARN, "%s: no defer_accept: %s", l->address,
               mr_strerror(err));
    l->fd = fd;
    if (!l->tls)
        return mr_http_listen(s->http, fd, true, l->shared);
    err = mr_conf_make_tls(l->tls, s->conf->tickets, &tls, why);
    if (err) {
        snprintf(s->conf->message, sizeof s->conf->message, "%s: tls: %s",
                 l->where, why);
        return err;
    }
    err = mr_http_listen_tls(s->http, fd, true, l->shared, tls);
    mr_tls_context_unref(tls);
    return err;
}

static int start_listeners(struct mr_http_service *s, struct mr_worker *w)
{
    struct mr_http_conf *conf = s->conf;
    int err = 0;

    if (w->listener_count != conf->listener_count)
        return say(conf,
                   "the configuration's listeners changed since the "
                   "server was started: restart it",
                   -ESTALE);
    for (size_t i = 0; i < conf->listener_count && !err; i++) {
        struct mr_conf_listener *l = &conf->listeners[i];

        if (strcmp(l->address, w->listeners[i].spec->address) != 0 ||
            strcmp(mr_conf_tag(l->kind), w->listeners[i].spec->tag) != 0)
            return say(conf, l->address, -ESTALE);
        if (l->kind != MR_CONF_HTTP)
            err = listen_plain(s, l, w->listeners[i].fd);
        else
            err = listen_http(s, l, w->listeners[i].fd);
    }
    return err && !*conf->message ? say(conf, "listen", err) : err;
}

/* --- certificates --- */

struct tls_job {
    const struct mr_tls_values *values;
    struct mr_tls_tickets *tickets;
    struct mr_tls_context *made;
    char why[MR_TLS_WHY];
};

static intptr_t make_tls(void *arg)
{
    struct tls_job *job = arg;

    return mr_conf_make_tls(job->values, job->tickets, &job->made, job->why);
}

static void renew_listener(struct mr_http_service *s,
                           const struct mr_conf_listener *l)
{
    struct tls_job job = {.values = l->tls, .tickets = s->conf->tickets};
    int rc = (int)mr_offload(make_tls, &job);

    if (rc < 0) {
        mr_log(MR_LOG_ERROR, "%s: tls: %s; the old certificates stay", l->where,
               *job.why ? job.why : mr_strerror(rc));
        return;
    }
    mr_http_set_tls(s->http, l->fd, job.made);
    mr_tls_context_unref(job.made);
}

void mr_http_conf_renew(struct mr_http_service *s)
{
    if (mr_mutex_lock(&s->renewing, MR_NEVER))
        return; /* we are to end */
    for (size_t i = 0; i < s->conf->listener_count; i++)
        if (s->conf->listeners[i].tls)
            renew_listener(s, &s->conf->listeners[i]);
    mr_mutex_unlock(&s->renewing);
}

/* Until nobody renews, and none will. Files are read: that ends. */
static void end_renewing(struct mr_http_service *s)
{
    MR_SHIELD(shield, MR_NEVER);
    (void)!mr_mutex_lock(&s->renewing, MR_NEVER); /* shielded: 0 */
}

/* One worker makes the keys of all. */
static intptr_t turn_tickets(void *arg)
{
    int rc = 0;

    while (rc == 0) {
        mr_tls_tickets_turn(arg);
        rc = mr_sleep(mr_after_s(60));
    }
    return rc;
}

static int start_tickets(struct mr_http_service *s, const struct mr_worker *w)
{
    const struct mr_spawn_options o = {.name = "tls tickets",
                                       .entry = "turn_tickets",
                                       .where = MR_HERE,
                                       .group = &s->group,
                                       .reap = true};

    if (!s->conf->tickets || w->index > 0)
        return 0;
    return mr_spawn_with(turn_tickets, s->conf->tickets, &o) ? 0 : -ENOMEM;
}

/* It serves without one as well. */
static void watch_hub(int64_t limit)
{
    int err = limit > 0 ? mr_watchdog_watch(limit) : 0;

    if (err)
        mr_log(MR_LOG_WARN, "no watchdog: %s", mr_strerror(err));
}

int mr_http_conf_start(struct mr_http_conf *conf, struct mr_worker *worker,
                       struct mr_http_service **ret)
{
    struct mr_conf_values *v = &conf->values;
    struct mr_http_service *s = mr_calloc(1, sizeof *s);
    int err;

    if (!s)
        return say(conf, "start", -ENOMEM);
    s->conf = conf;
    mr_group_init(&s->group);
    mr_mutex_init(&s->renewing);
    s->plain = mr_calloc(conf->listener_count + 1, sizeof *s->plain);
    err = s->plain ? 0 : say(conf, "start", -ENOMEM);
    if (!err)
        err = mr_offload_set_threads((unsigned)v->helpers);
    if (!err)
        err = mr_stack_set_default((size_t)v->stack_size);
    if (!err)
        watch_hub(v->watchdog);
    if (!err)
        err = open_log(conf, v->access_log, v->access_format, &s->access_log);
    v->http.access_log = s->access_log;
    mr_http_quota_init(&s->quota, &v->http);
    v->http.quota = &s->quota;
    if (!err)
        err = mr_http_new(&s->http, &v->http, worker->row);
    if (!err)
        err = start_hosts(s);
    if (!err)
        err = start_routes(s);
    if (!err && conf->route_count == 0 && worker->index == 0 &&
        serves_http(conf))
        mr_log(MR_LOG_WARN, "no route: every request will be answered 404; add "
                            "route \"/\" { app = NAME }");
    if (!err)
        err = start_listeners(s, worker);
    if (!err)
        err = start_tickets(s, worker);
    if (err && !*conf->message)
        (void)say(conf, "start", err);
    if (err) {
        mr_http_conf_stop(s, 0);
        return err;
    }
    *ret = s;
    return 0;
}

/* --- stop --- */

static void stop_instance(struct mr_conf_instance *in)
{
    if (in->started && in->app->stop)
        in->app->stop(in->self);
    in->started = false;
}

static void stop_plain(struct plain *p)
{
    if (p->kind == MR_CONF_TCP)
        mr_server_stop(&p->tcp);
    else
        mr_dgram_server_stop(&p->udp);
}

/* What the deadline cuts off is cancelled. */
static void end_plain(struct plain *p, int64_t deadline)
{
    if (p->kind == MR_CONF_TCP) {
        (void)!mr_server_wait(&p->tcp, deadline);
        mr_server_fini(&p->tcp);
    } else {
        (void)!mr_dgram_server_wait(&p->udp, deadline);
        mr_dgram_server_fini(&p->udp);
    }
}

void mr_http_conf_stop(struct mr_http_service *s, int64_t deadline)
{
    struct mr_http_conf *conf;

    if (!s)
        return;
    conf = s->conf;
    for (size_t i = 0; i < s->plain_n; i++)
        stop_plain(&s->plain[i]);
    /* What the deadline cuts off is cancelled below. */
    if (s->http)
        (void)!mr_http_drain(s->http, deadline);
    for (size_t i = 0; i < s->plain_n; i++)
        end_plain(&s->plain[i], deadline);
    end_renewing(s);
    mr_http_free(s->http);
    mr_quota_fini(&s->quota);
    for (size_t i = 0; i < conf->route_count; i++)
        stop_instance(&conf->routes[i].in);
    for (size_t i = 0; i < conf->listener_count; i++)
        stop_instance(&conf->listeners[i].in);
    mr_group_close(&s->group);
    mr_access_log_close(s->access_log);
    for (size_t i = 0; i < conf->host_count; i++) {
        mr_access_log_close(conf->hosts[i].own_log);
        conf->hosts[i].own_log = NULL;
        conf->hosts[i].made = NULL;
    }
    mr_free(s->plain);
    mr_free(s);
}

static void reopen(struct mr_access_log *log, const char *names)
{
    int err = log ? mr_access_log_reopen(log) : 0;

    if (err)
        mr_log(MR_LOG_ERROR, "access log%s%s: %s; still writing to the old one",
               names ? " of host " : "", names ? names : "", mr_strerror(err));
}

void mr_http_conf_reopen(struct mr_http_service *s)
{
    const struct mr_http_conf *conf = s->conf;

    reopen(s->access_log, NULL);
    for (size_t i = 0; i < conf->host_count; i++)
        reopen(conf->hosts[i].own_log, conf->hosts[i].names);
}
