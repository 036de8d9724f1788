/* SPDX-License-Identifier: MIT */

/* site.c - a server for the tour's last programs, in the same thread. */
#include "apps/tour/site.h"

#include <errno.h>
#include <string.h>

#include "apps/tour/tour.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/millrace.h"
#include "http/server.h"
#include "io/fd.h"
#include "io/socket.h"

struct tour_site {
    struct mr_http *http;
    struct mr_score_row row;
    struct mr_addr at;
    int fd;
};

static const struct page {
    const char *path;
    size_t size;
    int64_t ms; /* until it is there */
} pages[] = {
    {"/baidu", 111327, 1000},   {"/itcast", 215035, 3000},
    {"/itheima", 172054, 2000}, {"/1.mp4", 300000, 1000},
    {"/2.mp4", 500000, 2000},
};

static int answer(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct page *page = self;
    char *body = mr_arena_alloc(mr_request_arena(req), page->size);
    int rc = mr_sleep_ms(tour_ms(page->ms));

    if (rc)
        return rc;
    if (!body)
        return -ENOMEM;
    memset(body, '.', page->size);
    return mr_reply(res, 200, "text/plain", mr_str_n(body, page->size));
}

static int open_at(struct tour_site *s)
{
    const char *why;
    int rc = mr_addr_parse(&s->at, mr_str("127.0.0.1:0"));

    if (rc == 0)
        rc = mr_http_new(&s->http, &(struct mr_http_options){0}, &s->row);
    for (size_t i = 0; rc == 0 && i < MR_ARRAY_LEN(pages); i++)
        rc = mr_http_route(s->http, mr_str(pages[i].path), answer,
                           (void *)&pages[i], "page", &why);
    if (rc == 0)
        rc = s->fd = mr_socket_listen(&s->at, NULL);
    if (rc >= 0)
        rc = mr_socket_local(s->fd, &s->at);
    if (rc == 0)
        rc = mr_http_listen(s->http, s->fd, false, false);
    return rc;
}

int tour_site_open(struct tour_site **ret)
{
    struct tour_site *s = mr_calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->fd = -1;
    rc = open_at(s);
    if (rc < 0)
        tour_site_close(s);
    else
        *ret = s;
    return rc;
}

void tour_site_url(char out[TOUR_URL], const struct tour_site *s,
                   const char *path)
{
    char at[MR_ADDR_TEXT];

    (void)mr_addr_format(&s->at, at, sizeof at);
    snprintf(out, TOUR_URL, "http://%.40s%.40s", at, path);
}

void tour_site_close(struct tour_site *s)
{
    if (s->http)
        mr_http_free(s->http);
    mr_fd_close(s->fd);
    mr_free(s);
}
