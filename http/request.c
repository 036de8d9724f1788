/* SPDX-License-Identifier: MIT */

/*
 * request.c - a request as its handler sees it: views into the connection's
 * buffer, and the body's pieces (http/body.c).
 */
#include "http/request.h"

#include <string.h>

#include "http/conn_priv.h"
#include "http/cookie.h"
#include "http/expand.h"
#include "http/url.h"

enum mr_method mr_request_method(const struct mr_request *req)
{
    return req->head->method;
}

struct mr_str mr_request_target(const struct mr_request *req)
{
    return req->head->target;
}

struct mr_str mr_request_path(const struct mr_request *req)
{
    return req->path;
}

struct mr_str mr_request_rest(const struct mr_request *req)
{
    return req->rest;
}

struct mr_str mr_request_param(const struct mr_request *req, const char *name)
{
    return req->route ? mr_route_param(req->route, req->path, name)
                      : (struct mr_str){0};
}

int mr_request_expand(struct mr_request *req, struct mr_str text,
                      struct mr_str *ret)
{
    static const struct mr_route none; /* has no parameters */

    return mr_expand_params(&req->x->arena, text,
                            req->route ? req->route : &none, req->path, ret);
}

struct mr_str mr_request_query_text(const struct mr_request *req)
{
    return req->head->query;
}

struct mr_str mr_request_query(struct mr_request *req, const char *name,
                               const char *otherwise)
{
    struct mr_str value;

    if (req->head->query.p &&
        mr_query_find(&req->x->arena, req->head->query, name, &value) == 0)
        return value;
    return mr_str(otherwise);
}

struct mr_str mr_request_host(const struct mr_request *req)
{
    return req->head->host;
}

int mr_request_minor(const struct mr_request *req)
{
    return req->head->minor;
}

const struct mr_headers *mr_request_headers(const struct mr_request *req)
{
    return &req->head->headers;
}

struct mr_str mr_request_header(const struct mr_request *req, const char *name)
{
    return mr_headers_get(&req->head->headers, name);
}

struct mr_str mr_request_cookie(const struct mr_request *req, const char *name)
{
    return mr_cookie_find(&req->head->headers, name);
}

struct mr_str mr_request_user(const struct mr_request *req)
{
    return req->user;
}

struct mr_str mr_request_head_text(const struct mr_request *req)
{
    return req->head_text;
}

int64_t mr_request_length(const struct mr_request *req)
{
    if (req->head->framing == MR_FRAMING_CHUNKED)
        return -1;
    return (int64_t)req->head->content_length;
}

int mr_request_next(struct mr_request *req, struct mr_str *ret_piece)
{
    return mr_body_next(req->x, ret_piece);
}

ssize_t mr_request_read(struct mr_request *req, void *buf, size_t n)
{
    struct mr_exchange *x = req->x;
    struct mr_str piece;
    size_t copied;
    int rc;

    if (n == 0)
        return 0;
    rc = mr_body_next(x, &piece);
    if (rc <= 0)
        return rc;
    copied = MR_MIN(n, piece.n);
    memcpy(buf, piece.p, copied);
    x->body.held = mr_str_n(piece.p + copied, piece.n - copied);
    return (ssize_t)copied;
}

const struct mr_headers *mr_request_trailers(const struct mr_request *req)
{
    const struct mr_body *b = &req->x->body;

    if (b->framing != MR_FRAMING_CHUNKED || !b->done || b->error)
        return NULL;
    return mr_chunked_trailers(&b->chunked);
}

struct mr_arena *mr_request_arena(struct mr_request *req)
{
    return &req->x->arena;
}

void mr_request_peer(const struct mr_request *req, struct mr_addr *ret)
{
    mr_conn_peer(req->x->conn, ret);
}

int mr_request_socket(const struct mr_request *req)
{
    return req->x->conn->io.stream.fd;
}

bool mr_request_is_https(const struct mr_request *req)
{
    return req->x->conn->tls;
}

bool mr_request_is_gone(const struct mr_request *req)
{
    return req->x->conn->gone;
}

int mr_request_wait_gone(struct mr_request *req, int64_t deadline)
{
    struct mr_conn *c = req->x->conn;
    int rc;

    if (c->gone)
        return 0;
    rc = mr_hub_wait_fd(c->io.stream.fd, MR_GONE, deadline);
    if (rc == 0)
        c->gone = true;
    return rc;
}

struct mr_event *mr_request_leaving(const struct mr_request *req)
{
    return &req->x->http->leaving;
}
