/* SPDX-License-Identifier: MIT */
/*
 * client.c - the client; a call as a whole.
 *
 * What a client has in common for all its calls: limits, the pool, names, and
 * what TLS trusts. A call as a whole is its parts one after the other
 * (call.c), once for each place that a redirect leads to.
 */
#include "http/client.h"

#include <errno.h>
#include <stdio.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/client_priv.h"
#include "http/decoder.h"
#include "io/dns.h"

#define PER_ORIGIN 6
#define TOTAL 1000
#define IDLE 64
#define IDLE_S 30
#define CONNECT_S 10
#define ANSWER_S 60
#define BODY_S 60

#define SECOND INT64_C(1000000000)

/* --- the client --- */

static void set_defaults(struct mr_client_options *o)
{
    o->max_per_origin = o->max_per_origin ? o->max_per_origin : PER_ORIGIN;
    o->max_total = o->max_total ? o->max_total : TOTAL;
    o->max_idle = o->max_idle ? o->max_idle : IDLE;
    o->idle_timeout = o->idle_timeout ? o->idle_timeout : IDLE_S * SECOND;
    if (!o->connect_timeout)
        o->connect_timeout = CONNECT_S * SECOND;
    if (!o->first_byte_timeout)
        o->first_byte_timeout = ANSWER_S * SECOND;
    o->body_timeout = o->body_timeout ? o->body_timeout : BODY_S * SECOND;
    o->user_agent = o->user_agent ? o->user_agent : "millrace";
    o->max_decoded = o->max_decoded ? o->max_decoded : MR_DECODED_MAX;
    o->tls.alpn = "http/1.1";
}

static int no_memory(char *why)
{
    snprintf(why, MR_CLIENT_WHY, "%s", mr_strerror(-ENOMEM));
    return -ENOMEM;
}

int mr_client_new(struct mr_client **ret, const struct mr_client_options *o,
                  char *why)
{
    struct mr_client *c = mr_calloc(1, sizeof *c);
    char text[MR_TLS_WHY];
    int rc;

    *ret = NULL;
    if (!c)
        return no_memory(why);
    if (o)
        c->o = *o;
    set_defaults(&c->o);
    if (!mr_field_value_is_valid(mr_str(c->o.user_agent))) {
        mr_free(c);
        snprintf(why, MR_CLIENT_WHY,
                 "a byte that no field may have in the "
                 "user agent");
        return -EINVAL;
    }
    mr_mutex_init(&c->tls_lock);
    mr_conn_pool_init(&c->pool, &(struct mr_conn_pool){
                                    .max_per_origin = c->o.max_per_origin,
                                    .max_total = c->o.max_total,
                                    .max_idle = c->o.max_idle,
                                    .idle_timeout = c->o.idle_timeout,
                                    .close = mr_client_conn_close,
                                });
    if (!c->o.dns) {
        c->own_dns = c->o.dns = mr_dns_new(NULL);
        if (!c->own_dns) {
            mr_client_free(c);
            return no_memory(why);
        }
    }
    if (c->o.tls.ca_file) { /* better known now than with the first call */
        rc = mr_tls_client_new(&c->tls, &c->o.tls, text);
        if (rc) {
            snprintf(why, MR_CLIENT_WHY, "%s", text);
            mr_client_free(c);
            return rc;
        }
    }
    *ret = c;
    return 0;
}

void mr_client_free(struct mr_client *c)
{
    if (!c)
        return;
    MR_BUG_ON(c->calls > 0);
    mr_conn_pool_fini(&c->pool);
    mr_tls_sessions_free(c->sessions);
    mr_tls_context_unref(c->tls);
    mr_dns_free(c->own_dns);
    mr_free(c);
}

void mr_client_close_idle(struct mr_client *c)
{
    mr_conn_pool_close_idle(&c->pool);
}

struct mr_client_stats mr_client_stats(const struct mr_client *c)
{
    return (struct mr_client_stats){
        .opened = c->opened,
        .reused = c->reused,
        .resent = c->resent,
        .open = c->pool.open,
        .idle = c->pool.idle,
        .waiting = c->pool.waiting,
        .tls = c->tls ? mr_tls_counts(c->tls) : (struct mr_tls_counts){0},
    };
}

/* --- a call as a whole --- */

/* RFC 9110 15.5.18: the same again, without the expectation. */
static bool drop_expectation(struct mr_call *call, int64_t deadline)
{
    if (call->parser.head.status != MR_STATUS_EXPECTATION_FAILED ||
        !call->r.expect_continue)
        return false;
    call->r.expect_continue = false;
    mr_call_skip(call, deadline);
    return true;
}

static int run(struct mr_call *call, int64_t deadline)
{
    for (;;) {
        int rc = mr_call_start(call, false, deadline);

        if (rc == 0)
            rc = mr_call_answer(call, deadline);
        if (rc == 0 && !drop_expectation(call, deadline)) {
            rc = mr_call_redirect(call, deadline);
            if (rc == 0)
                return 0;
        }
        if (rc < 0)
            return rc;
    }
}

int mr_client_call(struct mr_client *c, const struct mr_client_request *r,
                   struct mr_call **ret, char *why, int64_t deadline)
{
    struct mr_call *call = NULL;
    int rc;

    MR_BUG_ON(r->streams);
    *ret = NULL;
    rc = mr_call_new(c, r, &call, why);
    if (rc == 0)
        rc = run(call, deadline);
    if (rc) {
        mr_call_hand_why(call, why);
        return rc;
    }
    *ret = call;
    return 0;
}

int mr_client_get(struct mr_client *c, const char *url, struct mr_call **ret,
                  char *why, int64_t deadline)
{
    return mr_client_call(c, &(struct mr_client_request){.url = mr_str(url)},
                          ret, why, deadline);
}
