/* SPDX-License-Identifier: MIT */

/*
 * tls_none.c - in place of tls*.c, where there is no OpenSSL (make TLS=none):
 * no context can be made, so nothing else is ever called.
 */
#include <errno.h>
#include <stdio.h>

#include "io/fd.h"
#include "io/tls.h"
#include "io/tls_tickets.h"

static int refuse(char *why)
{
    snprintf(why, MR_TLS_WHY, "this program was built without TLS");
    return -EOPNOTSUPP;
}

int mr_tls_client_new(struct mr_tls_context **ret,
                      const struct mr_tls_client_options *o, char *why)
{
    (void)o;
    *ret = NULL;
    return refuse(why);
}

int mr_tls_server_new(struct mr_tls_context **ret,
                      const struct mr_tls_server_options *o, char *why)
{
    (void)o;
    *ret = NULL;
    return refuse(why);
}

struct mr_tls_context *mr_tls_context_ref(struct mr_tls_context *ctx)
{
    MR_BUG_ON(ctx);
    return NULL;
}

void mr_tls_context_unref(struct mr_tls_context *ctx)
{
    MR_BUG_ON(ctx);
}

int mr_tls_tickets_new(struct mr_tls_tickets **ret)
{
    *ret = NULL;
    return -EOPNOTSUPP;
}

void mr_tls_tickets_free(struct mr_tls_tickets *t)
{
    MR_BUG_ON(t);
}

void mr_tls_tickets_turn(struct mr_tls_tickets *t)
{
    MR_BUG_ON(t);
}

struct mr_tls_counts mr_tls_counts(const struct mr_tls_context *ctx)
{
    MR_BUG_ON(ctx);
    return (struct mr_tls_counts){0};
}

struct mr_tls_sessions *mr_tls_sessions_new(size_t max)
{
    (void)max;
    return NULL;
}

void mr_tls_sessions_free(struct mr_tls_sessions *s)
{
    MR_BUG_ON(s);
}

int mr_tls_connect(struct mr_tls **ret, struct mr_tls_context *ctx, int fd,
                   const struct mr_tls_peer *peer, char *why, int64_t deadline)
{
    (void)peer;
    return mr_tls_accept(ret, ctx, fd, why, deadline);
}

int mr_tls_accept(struct mr_tls **ret, struct mr_tls_context *ctx, int fd,
                  char *why, int64_t deadline)
{
    (void)ctx;
    (void)deadline;
    *ret = NULL;
    mr_fd_close(fd);
    return refuse(why);
}

struct mr_stream *mr_tls_stream(struct mr_tls *t)
{
    MR_BUG_ON(t);
    return NULL;
}

int mr_tls_fd(const struct mr_tls *t)
{
    MR_BUG_ON(t);
    return -1;
}

void mr_tls_cut(struct mr_tls *t)
{
    MR_BUG_ON(t);
}

void mr_tls_expect(struct mr_tls *t)
{
    MR_BUG_ON(t);
}

bool mr_tls_is_drained(const struct mr_tls *t)
{
    MR_BUG_ON(t);
    return true;
}

ssize_t mr_tls_send_some(struct mr_tls *t, const void *p, size_t n, bool more)
{
    (void)more;
    (void)p;
    (void)n;
    MR_BUG_ON(t);
    return -EOPNOTSUPP;
}

const char *mr_tls_why(const struct mr_tls *t)
{
    MR_BUG_ON(t);
    return "";
}

void mr_tls_info(const struct mr_tls *t, struct mr_tls_info *ret)
{
    MR_BUG_ON(t);
    *ret = (struct mr_tls_info){0};
}
