/* SPDX-License-Identifier: MIT */

/*
 * server.c - the HTTP server of one worker: what its connections share.
 */
#include "http/server.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/conn_priv.h"
#include "http/rewrite.h"
#include "io/socket.h"

#define S INT64_C(1000000000)
/* A house behind one address has some hundreds of browser connections; a proxy
 * may have more, and needs the directive. */
#define PER_ADDRESS 1024

static const struct mr_http_options defaults = {
    .max_head = 16 * 1024,
    .max_target = 8 * 1024,
    .max_fields = 100,
    .max_body = -1,
    .header_timeout = 10 * S,
    .body_timeout = 30 * S,
    .write_timeout = 30 * S,
    .keepalive_timeout = 75 * S,
    .handler_timeout = 60 * S,
    .drain_rest = 1 * S,
    .max_requests = 100000,
    .max_connections = 0,
    .max_starved = 1024,
    .stack_size = 0,
};

#define DEFAULT(field)                 \
    do {                               \
        if (o->field == 0)             \
            o->field = defaults.field; \
    } while (0)

static void fill_defaults(struct mr_http_options *o)
{
    DEFAULT(max_head);
    DEFAULT(max_target);
    DEFAULT(max_fields);
    DEFAULT(max_body);
    DEFAULT(header_timeout);
    DEFAULT(body_timeout);
    DEFAULT(write_timeout);
    DEFAULT(keepalive_timeout);
    DEFAULT(handler_timeout);
    DEFAULT(drain_rest);
    DEFAULT(max_requests);
    DEFAULT(max_starved);
    if (!o->server_name)
        o->server_name = "millrace";
}

static const char date_name[] = "Date: ";

MR_HOT const char *mr_http_date(struct mr_http *http)
{
    int64_t now = mr_hub_now();

    if (MR_UNLIKELY(now >= http->date_until)) {
        int64_t real = mr_sys_realtime();

        (void)mr_date_cached(&http->date, real / S);
        http->date_until = now + S - real % S;
        memcpy(http->common + http->date_at + sizeof date_name - 1,
               http->date.text, MR_DATE_LEN);
    }
    return http->date.text;
}

MR_HOT struct mr_str mr_http_common(struct mr_http *http, bool server)
{
    size_t from = server ? 0 : http->date_at;

    (void)mr_http_date(http);
    return mr_str_n(http->common + from, http->common_n - from);
}

/* 0 or -ENOMEM. The date's place is filled when it is first asked for. */
static int make_common(struct mr_http *http)
{
    static const char name[] = "Server: ";
    struct mr_str server = mr_str(http->options.server_name);
    size_t room = sizeof name + server.n + sizeof date_name + MR_DATE_LEN + 4;
    char *at = mr_alloc(room);

    http->common = at;
    if (!at)
        return -ENOMEM;
    if (server.n > 0) {
        at = mempcpy(at, name, sizeof name - 1);
        at = mempcpy(at, server.p, server.n);
        at = mempcpy(at, "\r\n", 2);
    }
    http->date_at = (size_t)(at - http->common);
    at = mempcpy(at, date_name, sizeof date_name - 1);
    at += MR_DATE_LEN;
    at = mempcpy(at, "\r\n", 2);
    http->common_n = (size_t)(at - http->common);
    return 0;
}

void mr_http_left(struct mr_http *http)
{
    mr_scoreboard_add(&http->row->connections, -1);
    if (--http->live == 0)
        (void)mr_waitq_wake_all(&http->empty, 0);
}

static void on_drain_rest(struct mr_timer *t)
{
    mr_conn_close_resting(mr_container_of(t, struct mr_http, drain_timer));
}

/* The rest is for the files that are sent, and for what apps open. */
static size_t auto_connections(void)
{
    size_t fds = (size_t)mr_sys_max_fds();

    return MR_MAX(fds - fds / 8, (size_t)1);
}

void mr_http_quota_init(struct mr_quota *q, const struct mr_http_options *o)
{
    bool given = o->max_per_address > 0;

    mr_quota_init(q, &(struct mr_quota_options){
                         .max = o->max_connections ? (size_t)o->max_connections
                                                   : auto_connections(),
                         .max_per_address =
                             given ? (size_t)o->max_per_address : PER_ADDRESS,
                         .spare_loopback = !given,
                     });
}

/* --- hosts --- */

static void init_host(struct mr_http *http, struct mr_http_host *host,
                      const struct mr_host_options *o)
{
    *host = (struct mr_http_host){
        .http = http,
        .access_log = o->access_log,
        .error_pages = o->error_pages,
        .not_found = MR_STATUS_NOT_FOUND,
    };
    mr_router_init(&host->router);
    mr_router_init(&host->rewrites);
}

static void fini_host(struct mr_http_host *host)
{
    for (size_t i = 0; i < host->router.n; i++)
        mr_free(host->router.v[i].target);
    mr_router_fini(&host->router);
    mr_router_fini(&host->rewrites);
}

int mr_http_host(struct mr_http *http, const struct mr_host_options *o,
                 struct mr_http_host **ret)
{
    struct mr_http_host *host = mr_alloc(sizeof *host);

    if (!host)
        return -ENOMEM;
    init_host(http, host, o);
    host->next = http->others;
    http->others = host;
    *ret = host;
    return 0;
}

int mr_http_host_name(struct mr_http_host *host, struct mr_str name,
                      const char **ret_why)
{
    return mr_hosts_add(&host->http->hosts, name, host, ret_why);
}

int mr_http_rewrite(struct mr_http *http, struct mr_http_host *host,
                    struct mr_str pattern, const char *to, const char **ret_why)
{
    int err = mr_rewrite_check(pattern, mr_str(to), ret_why);

    if (err)
        return err;
    return mr_router_add(host ? &host->rewrites : &http->home.rewrites, pattern,
                         (void *)(uintptr_t)to, ret_why);
}

const struct mr_http_host *mr_http_find_host(const struct mr_http *http,
                                             struct mr_str authority)
{
    const struct mr_http_host *host = mr_hosts_find(&http->hosts, authority);

    if (host)
        return host;
    return http->options.unknown_host ? &http->nobody : &http->home;
}

/* --- life --- */

int mr_http_new(struct mr_http **ret, const struct mr_http_options *o,
                struct mr_score_row *row)
{
    const struct mr_host_options own = {o->access_log, o->error_pages};
    struct mr_http *http;

    if (o->max_head < 0 || o->max_head > MR_HEAD_MAX || o->max_target < 0 ||
        o->max_fields < 0 || o->max_fields >= UINT16_MAX)
        return -EINVAL;
    if (!mr_field_value_is_valid(mr_str(o->server_name)))
        return -EINVAL;
    if (o->unknown_host && o->unknown_host != MR_STATUS_NOT_FOUND &&
        o->unknown_host != MR_STATUS_MISDIRECTED_REQUEST)
        return -EINVAL;
    http = mr_calloc(1, sizeof *http);
    if (!http)
        return -ENOMEM;
    http->options = *o;
    fill_defaults(&http->options);
    if (make_common(http)) {
        mr_free(http);
        return -ENOMEM;
    }
    http->head_limits = (struct mr_head_limits){
        .max_target = (uint32_t)http->options.max_target,
        .max_head = (uint32_t)http->options.max_head,
        .max_fields = (uint32_t)http->options.max_fields,
    };
    http->row = row ? row : &http->own_row;
    mr_http_quota_init(&http->own_quota, &http->options);
    http->quota = o->quota ? o->quota : &http->own_quota;
    http->spare.give = mr_http_make_room;
    mr_quota_offer(http->quota, &http->spare);
    init_host(http, &http->home, &own);
    init_host(http, &http->nobody, &own);
    if (o->unknown_host)
        http->nobody.not_found = o->unknown_host;
    mr_hosts_init(&http->hosts);
    mr_group_init(&http->group);
    mr_rest_init(&http->fresh, http, http->options.header_timeout);
    mr_rest_init(&http->idle, http, http->options.keepalive_timeout);
    mr_starved_init(http);
    mr_exchange_pool_init(http);
    mr_event_init(&http->leaving);
    mr_cut_log_init(&http->cut);
    mr_timer_init(&http->drain_timer, on_drain_rest);
    mr_waitq_init(&http->empty);
    *ret = http;
    return 0;
}

/* What a route leaves open is the server's. */
static struct mr_route_options limits_of(const struct mr_http_options *o,
                                         const struct mr_route_options *own)
{
    struct mr_route_options r = own ? *own : (struct mr_route_options){0};

    if (r.max_body == 0)
        r.max_body = o->max_body;
    if (r.body_timeout == 0)
        r.body_timeout = o->body_timeout;
    if (r.handler_timeout == 0)
        r.handler_timeout = o->handler_timeout;
    return r;
}

int mr_http_route(struct mr_http *http, struct mr_str pattern,
                  mr_handle_fn *handle, void *self, const char *name,
                  const char **ret_why)
{
    return mr_http_route_with(http, pattern, handle, self, name, NULL, ret_why);
}

int mr_http_route_with(struct mr_http *http, struct mr_str pattern,
                       mr_handle_fn *handle, void *self, const char *name,
                       const struct mr_route_options *o, const char **ret_why)
{
    struct mr_http_host *host = o && o->host ? o->host : &http->home;
    struct mr_http_target *t = mr_alloc(sizeof *t);
    int err;

    if (!t)
        return -ENOMEM;
    *t = (struct mr_http_target){handle, self, name,
                                 limits_of(&http->options, o)};
    err = mr_router_add(&host->router, pattern, t, ret_why);
    if (err)
        mr_free(t);
    else
        mr_head_memo_forget_found(&http->verdicts.heads);
    return err;
}

/* TCP_NODELAY comes with it from the listener (io/socket.h): answers go out
 * whole, and nothing is gained by holding back their tails. */
static void on_connection(struct mr_server *s, int fd,
                          const struct mr_addr *peer, void *arg)
{
    mr_conn_open(arg, s, fd, peer);
}

int mr_http_listen(struct mr_http *http, int fd, bool shared, bool exclusive)
{
    return mr_http_listen_tls(http, fd, shared, exclusive, NULL);
}

static void listener_free(struct mr_http_listener *l)
{
    mr_server_fini(&l->server);
    if (l->tls)
        mr_tls_context_unref(l->tls);
    mr_free(l);
}

int mr_http_listen_tls(struct mr_http *http, int fd, bool shared,
                       bool exclusive, struct mr_tls_context *ctx)
{
    struct mr_http_listener *l = mr_calloc(1, sizeof *l);
    const struct mr_server_options o = {
        .on_connection = on_connection,
        .arg = http,
        .name = "http",
        .quota = http->quota,
        .shared = shared,
        .exclusive = exclusive,
    };
    int err;

    if (!l)
        return -ENOMEM;
    l->defers = mr_socket_defers(fd);
    l->fd = fd;
    l->tls = ctx ? mr_tls_context_ref(ctx) : NULL;
    err = mr_server_init(&l->server, fd, &o);
    if (!err)
        err = mr_server_start(&l->server);
    if (err) {
        listener_free(l);
        return err;
    }
    l->next = http->listeners;
    http->listeners = l;
    return 0;
}

void mr_http_set_tls(struct mr_http *http, int fd, struct mr_tls_context *ctx)
{
    struct mr_http_listener *l = http->listeners;

    while (l && l->fd != fd)
        l = l->next;
    MR_BUG_ON(!l || !l->tls);
    mr_tls_context_unref(l->tls);
    l->tls = mr_tls_context_ref(ctx);
}

int mr_http_drain(struct mr_http *http, int64_t deadline)
{
    intptr_t rc = 0;

    http->draining = true;
    mr_event_set(&http->leaving);
    for (struct mr_http_listener *l = http->listeners; l; l = l->next)
        mr_server_stop(&l->server);
    if (http->live == 0)
        return 0;
    if (mr_timer_start(&http->drain_timer,
                       mr_hub_now() + http->options.drain_rest))
        mr_conn_close_resting(http);
    while (http->live > 0 && rc == 0)
        rc = mr_wait(&http->empty, deadline, "drain");
    return (int)rc;
}

void mr_http_free(struct mr_http *http)
{
    struct mr_http_listener *l;
    struct mr_http_host *host;

    if (!http)
        return;
    http->draining = true;
    mr_event_set(&http->leaving);
    for (l = http->listeners; l; l = l->next)
        mr_server_stop(&l->server);
    mr_group_close(&http->group);
    mr_conn_close_unborn(http);
    mr_conn_close_resting(http);
    mr_list_remove(&http->spare.node);
    mr_starved_fini(http);
    mr_timer_stop(&http->drain_timer); /* a rest during the close began it */
    mr_timer_stop(&http->fresh.timer);
    mr_timer_stop(&http->idle.timer);
    mr_cut_log_fini(&http->cut);
    while ((l = http->listeners)) {
        http->listeners = l->next;
        listener_free(l);
    }
    mr_coder_pool_fini(&http->coders);
    mr_exchange_pool_fini(http);
    while ((host = http->others)) {
        http->others = host->next;
        fini_host(host);
        mr_free(host);
    }
    fini_host(&http->home);
    mr_hosts_fini(&http->hosts);
    mr_quota_fini(&http->own_quota);
    mr_free(http->common);
    mr_free(http);
}
