/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

/*
 * server.h - the HTTP server of one worker: limits, routes, connections.
 *
 *     mr_http_new(&http, &options, row);
 *     mr_http_route(http, mr_str("/echo"), handler, self, "echo", &why);
 *     mr_http_listen(http, fd, shared);
 *     ...
 *     mr_http_drain(http, mr_after_s(30));
 *     mr_http_free(http);
 *
 * All of it belongs to the thread of its hub.
 */
#include "core/scoreboard.h"
#include "http/app.h"

struct mr_http;
struct mr_http_host;
struct mr_access_log;
struct mr_error_page;
struct mr_quota;
struct mr_tls_context;

/* Zero means: the default, in brackets. Every number has its reason. */
struct mr_http_options {
    int64_t max_head;   /* bytes of a head [16K]: twice what browsers send */
    int64_t max_target; /* [8K]: RFC 9112 3 wants 8,000 at least */
    int64_t max_fields; /* [100] */
    int64_t max_body;   /* bytes; -1: no limit [-1 for streams] */
    int64_t header_timeout;    /* ns, a whole head, from its first byte or
                                * accept on; not renewed by bytes [10 s] */
    int64_t body_timeout;      /* ns for each 16 KiB of a body [30 s] */
    int64_t write_timeout;     /* ns for each 64 KiB of an answer [30 s] */
    int64_t keepalive_timeout; /* ns at rest between requests [75 s] */
    int64_t handler_timeout;   /* ns that a handler waits for other than its
                                * client; MR_NEVER: no limit [60 s] */
    int64_t drain_rest;        /* ns that resting connections keep when
                                * draining [1 s] */
    int64_t max_requests;      /* per connection [100,000] */
    int64_t max_connections;   /* over all listeners [7/8 of the descriptors
                                * that the process may have] */
    int64_t max_per_address;   /* of them; 0: 1024, and this machine's own
                                * addresses are not counted */
    struct mr_quota *quota;    /* kept, in place of these two, for servers that
                                * share them; NULL: its own */
    int64_t max_starved;       /* that queue for a stack; then 503 [1024] */
    int64_t stack_size;        /* of handler coroutines [64K] */
    const char *server_name;   /* the Server field; "" sends none [millrace] */
    struct mr_access_log *access_log;        /* kept; NULL: none */
    const struct mr_error_page *error_pages; /* kept; NULL: none */
    int unknown_host; /* when there are hosts (mr_http_host): what a request
                       * for none of them gets, 404 or 421; 0: the routes that
                       * are of no host */
};

/* A quota by max_connections and max_per_address, for several servers. */
MR_API void mr_http_quota_init(struct mr_quota *q,
                               const struct mr_http_options *o);

/* 0, -ENOMEM, -EINVAL: server_name is no field's value; max_head above 64K,
 * max_fields above 65,534, or one of the sizes negative. */
MR_API MR_MUST_USE int mr_http_new(struct mr_http **ret,
                                   const struct mr_http_options *o,
                                   struct mr_score_row *row);
/* After mr_http_drain; closes what is left. May park. */
MR_API void mr_http_free(struct mr_http *http);

/* Requests that match pattern (http/router.h) go to handle(..., self). name is
 * for messages; all are kept. Not while a handler runs: its own may move. 0,
 * -EINVAL (*ret_why), -EEXIST, -ENOMEM. */
MR_API MR_MUST_USE int mr_http_route(struct mr_http *http,
                                     struct mr_str pattern,
                                     mr_handle_fn *handle, void *self,
                                     const char *name, const char **ret_why);

/*
 * A virtual host: it has routes of its own (struct mr_route_options), and
 * requests for its names (http/hosts.h) get no others. 0 or -ENOMEM. A name: 0,
 * -EINVAL (*ret_why), -EEXIST (of any host), -ENOMEM.
 */
struct mr_host_options {
    struct mr_access_log *access_log;        /* kept; NULL: none */
    const struct mr_error_page *error_pages; /* kept; before the server's */
};
MR_API MR_MUST_USE int mr_http_host(struct mr_http *http,
                                    const struct mr_host_options *o,
                                    struct mr_http_host **ret);
MR_API MR_MUST_USE int mr_http_host_name(struct mr_http_host *host,
                                         struct mr_str name,
                                         const char **ret_why);

/* Requests that match pattern are answered as if they had asked for `to`
 * (http/rewrite.h); host NULL: those for no host there is. Both are kept. 0,
 * -EINVAL (*ret_why), -EEXIST, -ENOMEM. */
MR_API MR_MUST_USE int mr_http_rewrite(struct mr_http *http,
                                       struct mr_http_host *host,
                                       struct mr_str pattern, const char *to,
                                       const char **ret_why);

/* Of one route; zero means: as the server's options say. */
struct mr_route_options {
    struct mr_http_host *host; /* NULL: for requests for no host there is */
    int64_t max_body;          /* bytes; -1: no limit */
    int64_t body_timeout;      /* ns for each 16 KiB of a body */
    int64_t handler_timeout;   /* ns; MR_NEVER: no limit */
    const struct mr_error_page *error_pages; /* kept; before the host's */
};

/* The same, with limits of its own; options NULL: none. They are copied. */
MR_API MR_MUST_USE int
mr_http_route_with(struct mr_http *http, struct mr_str pattern,
                   mr_handle_fn *handle, void *self, const char *name,
                   const struct mr_route_options *o, const char **ret_why);

/* Accept HTTP connections on a listening descriptor, borrowed. shared: other
 * processes hold it too; exclusive: and accept from it. One that hands over
 * connections with their first bytes (io/socket.h, mr_socket_set_defer; asked
 * for here, once) is cheaper where they do not last. 0 or -Exxx. */
MR_API MR_MUST_USE int mr_http_listen(struct mr_http *http, int fd, bool shared,
                                      bool exclusive);

/*
 * The same for HTTPS, by a server's context (io/tls_context.h); it is counted.
 * A handshake has header_timeout, from accept on. And another context for those
 * who connect to that descriptor from now on: who is connected, or greets,
 * keeps his. A BUG when there is no such listener.
 */
MR_API MR_MUST_USE int mr_http_listen_tls(struct mr_http *http, int fd,
                                          bool shared, bool exclusive,
                                          struct mr_tls_context *ctx);
MR_API void mr_http_set_tls(struct mr_http *http, int fd,
                            struct mr_tls_context *ctx);

/*
 * Accept no more; answer what comes on open connections with Connection:
 * close; close those at rest after drain_rest; until none is left or the
 * deadline has passed. 0, -ETIMEDOUT, -ECANCELED. May park.
 */
MR_API MR_MUST_USE int mr_http_drain(struct mr_http *http, int64_t deadline);

#endif
