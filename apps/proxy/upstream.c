/* SPDX-License-Identifier: MIT */

/*
 * upstream.c - which server gets a request, and which are down.
 *
 *        [max_fails failures in a row]
 *     UP ------------------------------> DOWN --[fail_timeout]--> UP, but one
 *      ^  <--[an answer, whatever it is]---'                      more failure
 *      |                                                          is enough
 *      '--[check passes]-- ILL <--[check fails]
 *
 *   (1) Down and ill are opinions of one worker.
 *   (2) When nobody is up somebody is asked all the same: an error that might
 *       have been an answer is worse than one more failure.
 */
#include <errno.h>
#include <millrace/app.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/proxy/proxy.h"

int upstreams_init(struct proxy *p, const char **ret_url,
                   const char **ret_reason)
{
    int rc = 0;

    *ret_url = "";
    *ret_reason = "out of memory";
    mr_arena_init(&p->arena, 1024);
    p->upstreams = mr_calloc(p->to.n, sizeof *p->upstreams);
    if (!p->upstreams)
        return -ENOMEM;
    for (size_t i = 0; i < p->to.n && !rc; i++) {
        struct upstream *u = &p->upstreams[i];

        *ret_url = p->to.v[i];
        u->proxy = p;
        rc = mr_uri_parse(&p->arena, mr_str(p->to.v[i]), &u->uri, ret_reason);
        if (rc)
            return rc;
        u->base = u->uri.path;
        while (u->base.n > 0 && u->base.p[u->base.n - 1] == '/')
            u->base.n--;
        if (u->uri.query.p || u->uri.fragment.p || u->uri.user.p) {
            *ret_reason = "only scheme, host, port and path: the query is the "
                          "request's";
            return -EINVAL;
        }
    }
    return rc;
}

void upstreams_fini(struct proxy *p)
{
    mr_free(p->upstreams);
    p->upstreams = NULL;
    mr_arena_fini(&p->arena);
}

/* --- choice --- */

static bool is_up(const struct upstream *u)
{
    return !u->ill && mr_hub_now() >= u->down_until;
}

/* Is a to be asked rather than b? */
static bool is_better(const struct upstream *a, const struct upstream *b)
{
    bool up = is_up(a);

    if (up != is_up(b))
        return up;
    if (!up && a->ill != b->ill)
        return !a->ill;
    return up ? a->active < b->active : a->down_until < b->down_until;
}

struct upstream *upstream_choose(struct proxy *p, uint64_t tried)
{
    struct upstream *best = NULL;

    for (size_t i = 0; i < p->to.n; i++) {
        size_t at = (p->next + i) % p->to.n;
        struct upstream *u = &p->upstreams[at];

        if (tried & UINT64_C(1) << at)
            continue;
        if (!best || is_better(u, best))
            best = u;
    }
    p->next = (p->next + 1) % p->to.n;
    return best;
}

void upstream_failed(struct upstream *u, const char *why)
{
    const struct proxy *p = u->proxy;

    if (u->fails < UINT32_MAX)
        u->fails++;
    if (u->fails < (uint64_t)p->max_fails || p->to.n == 1)
        return;
    if (is_up(u))
        mr_log(MR_LOG_WARN,
               "proxy: %.*s has failed %u times: left alone for "
               "%lld s: %s",
               MR_STR(u->uri.text), u->fails,
               (long long)(p->fail_timeout / mr_ms(1000)), why);
    u->down_until = mr_hub_now() + p->fail_timeout;
}

void upstream_answered(struct upstream *u)
{
    u->fails = 0;
    u->down_until = 0;
}

/* --- health --- */

/* 0, or why not. */
static int check(struct upstream *u, char why[MR_CLIENT_WHY])
{
    const struct proxy *p = u->proxy;
    struct mr_client_request r = {
        .url = u->uri.text,
        .target = mr_str(p->health),
        .no_reuse = true,
    };
    struct mr_call *call;
    int rc =
        mr_client_call(p->client, &r, &call, why, mr_after(p->connect_timeout));
    int status;

    if (rc)
        return rc;
    status = mr_call_head(call)->status;
    mr_call_close(call);
    if (status >= 200 && status <= 399)
        return 0;
    snprintf(why, MR_CLIENT_WHY, "%.*s%s: %d", MR_STR(u->uri.authority),
             p->health, status);
    return -EPROTO;
}

static intptr_t look_after(void *arg)
{
    struct upstream *u = arg;
    char *why = malloc(MR_CLIENT_WHY);
    int rc = why ? 0 : -ENOMEM;

    while (!rc) {
        /* A check that has to wait for a place would say that it is busy. */
        bool busy = u->active >= (uint64_t)u->proxy->max_connections;
        bool ill = busy ? u->ill : check(u, why) != 0;

        rc = mr_sleep(mr_after(u->proxy->health_interval));
        if (rc || ill == u->ill)
            continue; /* what was cut off by our own end says nothing */
        u->ill = ill;
        if (ill)
            mr_log(MR_LOG_WARN, "proxy: %.*s is ill: %s", MR_STR(u->uri.text),
                   why);
        else
            mr_log(MR_LOG_INFO, "proxy: %.*s is well", MR_STR(u->uri.text));
    }
    free(why);
    return rc;
}

int upstreams_watch(struct proxy *p)
{
    for (size_t i = 0; p->health && i < p->to.n; i++)
        if (!mr_group_spawn(&p->watchers, look_after, &p->upstreams[i]))
            return -ENOMEM;
    return 0;
}
