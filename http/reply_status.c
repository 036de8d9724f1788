/* SPDX-License-Identifier: MIT */

/*
 * reply_status.c - answers that are little more than a status: errors, by a
 * page of somebody's own where there is one, and redirects.
 *
 * Invariants
 *  (1) The page for browsers is text of ours alone: nothing of the request is
 *      in it, and it asks for nothing else.
 *  (2) An error never fails for want of the page: plain text needs less.
 */
#include <errno.h>

#include "http/compress.h"
#include "http/conn_priv.h"
#include "http/negotiate.h"
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

/* --- the page for browsers --- */

/* A literal; what it says is one too, or a conversion of printf. */
#define PAGE(said)                                                     \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"  \
    "<meta name=\"viewport\" "                                         \
    "content=\"width=device-width,initial-scale=1\">\n"                \
    "<meta name=\"color-scheme\" content=\"light dark\">\n"            \
    "<title>" said "</title>\n"                                        \
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;"  \
    "margin:0 auto;padding:1.5rem 1rem}h1{font-size:1.5rem}</style>\n" \
    "<h1>" said "</h1>\n"

/* On a slow line it is one packet with its head. */
#define PAGE_MAX 500

#define X(code, id, reason) \
    _Static_assert(sizeof PAGE(#code " " reason) <= PAGE_MAX, reason);
MR_STATUSES(X)
#undef X

/* A code of the registry: static. NULL: another. */
static struct mr_str known_page(int status)
{
    switch (status) {
#define X(code, id, reason)                                  \
    case code:                                               \
        return code < 400 ? mr_str_n(NULL, 0)                \
                          : mr_str_n(PAGE(#code " " reason), \
                                     sizeof PAGE(#code " " reason) - 1);
        MR_STATUSES(X)
#undef X
    }
    return mr_str_n(NULL, 0);
}

/* Is the built-in text one of two? Then Vary is added. A type of the handler's
 * would be said of either. */
static bool has_forms(struct mr_response *res, int status)
{
    return status >= 400 && !(res->has & MR_HAS_TYPE) &&
           mr_response_vary(res, "Accept") == 0;
}

static bool wants_html(struct mr_response *res)
{
    const struct mr_headers *h = mr_request_headers(&res->x->req);
    unsigned html = mr_negotiate_named(h, "text/html");

    return html > 0 && html >= mr_negotiate_named(h, "text/plain");
}

/* 0 or -Exxx. May park. */
static int reply_page(struct mr_response *res, int status)
{
    static const struct mr_str type = {
        .p = "text/html; charset=utf-8",
        .n = sizeof "text/html; charset=utf-8" - 1,
    };
    struct mr_str page = known_page(status);

    if (!page.p) {
        page =
            mr_str(mr_arena_printf(&res->x->arena, PAGE("%d"), status, status));
        if (!page.p)
            return -ENOMEM;
    }
    return mr_reply_memo(res, status, type, page, NULL);
}

int mr_reply_status(struct mr_response *res, int status)
{
    const struct mr_error_page *page = NULL;
    int err = -ENOMEM; /* so far nothing had the memory it takes */

    if (res->started)
        return -EALREADY;
    if (status >= 400 &&
        !(res->has & MR_HAS_TYPE)) /* or it were said of ours */
        page = page_for(res->x, status);
    if (page)
        err = mr_reply(res, status, page->type, page->body);
    else if (has_forms(res, status) && wants_html(res))
        err = reply_page(res, status);
    if (err != -ENOMEM || res->started)
        return err;
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
