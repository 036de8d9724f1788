/* SPDX-License-Identifier: MIT */

/*
 * reply_status.c - answers that are little more than a status: errors, by a
 * page of somebody's own where there is one, and redirects.
 */
#include <errno.h>

#include "http/conn_priv.h"
#include "http/url.h"

/* The route's comes before the host's, and that before the server's. */
static const struct mr_error_page *page_for(const struct mr_exchange *x,
                                            int status)
{
    const struct mr_error_page *page = NULL;

    if (x->target)
        page = mr_error_pages_find(x->target->options.error_pages, status);
    if (!page)
        page = mr_error_pages_find(x->host->error_pages, status);
    if (!page)
        page = mr_error_pages_find(x->http->home.error_pages, status);
    return page;
}

int mr_reply_status(struct mr_response *res, int status)
{
    const struct mr_error_page *page = NULL;
    int err;

    if (status >= 400 && !res->started)
        page = page_for(res->x, status);
    if (page) {
        err = mr_reply(res, status, page->type, page->body);
        if (err != -ENOMEM || res->started)
            return err;
    }
    return mr_reply_plain_status(res, status);
}

int mr_reply_redirect(struct mr_response *res, int status,
                      struct mr_str location)
{
    struct mr_exchange *x = res->x;
    bool ours = location.n > 0 && location.p[0] == '/' &&
                !mr_str_starts(location, "//");
    int err = mr_url_encode_raw(&x->arena, location, &location);

    if (!err && ours && location.n > x->http->head_limits.max_target)
        return mr_reply_status(res, MR_STATUS_URI_TOO_LONG);
    if (!err)
        err = mr_response_header_n(res, mr_str("Location"), location);
    return err ? err : mr_reply_status(res, status);
}
