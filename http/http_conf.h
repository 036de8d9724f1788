/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HTTP_CONF_H
#define HTTP_HTTP_CONF_H

/*
 * http_conf.h - a configuration to a plan, and to a running server.
 *
 *     err = mr_http_conf_load(&conf, "my.conf", NULL, apps, n);
 *     if (err) puts(mr_http_conf_message(conf));
 *     err = mr_http_conf_plan(conf, &plan);             in the check
 *     err = mr_http_conf_start(conf, worker, &server);  in each worker
 *     ...
 *     mr_http_conf_stop(server);
 *
 * The directives are described in conf/millrace.conf; their tables are in
 * http_conf.c, and an app's own in its struct mr_app.
 */
#include "core/buf.h"
#include "core/plan.h"
#include "core/worker.h"
#include "http/app.h"

struct mr_http_conf;
struct mr_http_service;

/*
 * Parse, load the apps that are named, check routes, make and configure their
 * instances. path, or (path NULL) text. *ret is set on failure as well, for its
 * message, unless out of memory; mr_http_conf_free takes it. 0 or -Exxx.
 */
MR_MUST_USE int mr_http_conf_load(struct mr_http_conf **ret, const char *path,
                                  const char *text,
                                  const struct mr_app *const *built_in,
                                  size_t n);
void mr_http_conf_free(struct mr_http_conf *conf);
/* One line; "" when nothing is wrong. */
const char *mr_http_conf_message(const struct mr_http_conf *conf);

/* These come before what the file says: workers >= 0 (0: one per core), and an
 * HTTP address instead of its `listen` sections of HTTP. -EINVAL, with the
 * message set. */
void mr_http_conf_set_workers(struct mr_http_conf *conf, int64_t workers);
MR_MUST_USE int mr_http_conf_set_listen(struct mr_http_conf *conf,
                                        const char *address);

/* Keys for session tickets, which all workers share (io/tls_tickets.h); kept.
 * Without them each worker resumes its own sessions only. */
struct mr_tls_tickets;
void mr_http_conf_set_tickets(struct mr_http_conf *conf,
                              struct mr_tls_tickets *tickets);

/* What the master needs. 0 or -Exxx. */
MR_MUST_USE int mr_http_conf_plan(struct mr_http_conf *conf,
                                  struct mr_plan *plan);

/* The tag of a plan's listener. */
#define MR_LISTEN_HTTP "http"
#define MR_LISTEN_TCP "tcp"
#define MR_LISTEN_UDP "udp"

/* core/master.h's open_listener: bind, and listen unless it is UDP. 0 or -Exxx.
 */
MR_MUST_USE int mr_http_conf_open(const struct mr_listener *l, unsigned index,
                                  int *ret_fd, void *unused);

/*
 * In a worker, on its hub: start apps, listen, serve. 0; or -Exxx with the
 * message set. May park.
 */
MR_MUST_USE int mr_http_conf_start(struct mr_http_conf *conf,
                                   struct mr_worker *worker,
                                   struct mr_http_service **ret);
/* Take nothing new, let what is there finish until the deadline, stop the apps
 * and free all. NULL does nothing. May park. */
void mr_http_conf_stop(struct mr_http_service *service, int64_t deadline);
/* Open the access log anew. */
void mr_http_conf_reopen(struct mr_http_service *service);
/* Read the certificates anew, for who connects from now on; what is wrong is
 * logged, and the old ones stay. May park. */
void mr_http_conf_renew(struct mr_http_service *service);

/* Each table as text with its defaults: what conf/millrace.conf must agree
 * with. 0 or -ENOMEM. */
MR_MUST_USE int mr_http_conf_print(struct mr_buf *out);

#endif
