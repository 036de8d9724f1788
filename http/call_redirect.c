/* SPDX-License-Identifier: MIT */
/*
 * call_redirect.c - the same call, elsewhere: what a 3xx changes of it.
 *
 * redirect.h decides; here it is carried out on the call's request. What was
 * meant for one origin (user, password, fields that tell who asks, a target of
 * the caller's) is taken out before the first byte for another is put together.
 */
#include <errno.h>

#include "core/log.h"
#include "http/client_priv.h"
#include "http/redirect.h"

/* Fields that may go on. 0 or -ENOMEM. */
static int keep_fields(struct mr_call *call, const struct mr_redirect *next)
{
    struct mr_client_request *r = &call->r;
    struct mr_field *kept;
    size_t n = 0;

    if (r->n_fields == 0)
        return 0;
    kept = mr_arena_alloc(&call->arena, r->n_fields * sizeof *kept);
    if (!kept)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_fields; i++)
        if (!mr_redirect_drops(next, r->fields[i].name))
            kept[n++] = r->fields[i];
    r->fields = kept;
    r->n_fields = n;
    return 0;
}

static int change_request(struct mr_call *call, const struct mr_redirect *next)
{
    struct mr_client_request *r = &call->r;
    int rc = keep_fields(call, next);

    if (rc)
        return mr_call_fail(call, rc, "%s", mr_strerror(rc));
    r->method = next->method;
    call->method = mr_method_find(next->method);
    r->target = mr_str_n(NULL, 0);
    if (!next->keeps_body)
        r->body = mr_str_n(NULL, 0);
    if (!next->same_origin) {
        r->user = mr_str_n(NULL, 0);
        r->password = mr_str_n(NULL, 0);
    }
    call->uri = next->uri;
    call->redirects++;
    return 0;
}

int mr_call_redirect(struct mr_call *call, int64_t deadline)
{
    const struct mr_response_head *head = &call->parser.head;
    struct mr_redirect_from from = {
        .uri = &call->uri,
        .method = call->r.method,
        .allow_plain = call->client->o.allow_plain,
    };
    struct mr_redirect next;
    const char *reason = "";
    int rc;

    if (call->r.max_redirects <= 0 || !mr_redirect_is((unsigned)head->status) ||
        call->method == MR_METHOD_CONNECT) /* its target is no URL */
        return 0;
    rc = mr_redirect_next(&call->arena, &from, (unsigned)head->status,
                          mr_headers_get(&head->headers, "location"), &next,
                          &reason);
    if (rc == -ENOENT)
        return 0;
    if (rc) /* the answer is at fault, whatever is wrong with its Location */
        return mr_call_fail(call, rc == -ENOMEM ? rc : -EBADMSG,
                            "redirected (%d): %s", head->status, reason);
    if (call->redirects >= (unsigned)call->r.max_redirects)
        return mr_call_fail(call, -ELOOP, "redirected more than %d times",
                            call->r.max_redirects);
    mr_call_skip(call, deadline);
    rc = change_request(call, &next);
    return rc ? rc : 1;
}
