/* SPDX-License-Identifier: MIT */

/*
 * 14-download - three pages fetched at once.
 *
 * All are asked for before the first one answers; which is received first, the
 * servers decide. A page is read here as Python's resp.read() does it: all of
 * it, into memory.
 */
#include <errno.h>

#include "apps/tour/site.h"
#include "apps/tour/tour.h"
#include "core/group.h"
#include "core/timer.h"
#include "http/client.h"

static struct mr_client *client;

static intptr_t my_download(void *url)
{
    char why[MR_CLIENT_WHY], data[16384];
    struct mr_call *call;
    size_t received = 0;
    ssize_t n;
    int rc;

    printf("GET: %s\n", (char *)url);
    rc = mr_client_get(client, url, &call, why, mr_after_s(60));
    if (rc) {
        fprintf(stderr, "%s\n", why);
        return rc;
    }
    while ((n = mr_call_read(call, data, sizeof data, MR_NEVER)) > 0)
        received += (size_t)n;
    if (n == 0)
        printf("%zu bytes received from %s.\n", received, (char *)url);
    mr_call_close(call);
    return n;
}

/* gevent.joinall([...]) */
static intptr_t main_(void *unused)
{
    static const char *const paths[] = {"/baidu", "/itcast", "/itheima"};
    char urls[MR_ARRAY_LEN(paths)][TOUR_URL], why[MR_CLIENT_WHY];
    struct tour_site *site;
    struct mr_group g;
    bool ok = true;
    int rc;

    (void)unused;
    tour_must(tour_site_open(&site));
    tour_must(mr_client_new(&client, NULL, why));
    mr_group_init(&g);
    for (size_t i = 0; i < MR_ARRAY_LEN(paths); i++) {
        tour_site_url(urls[i], site, paths[i]);
        ok &= mr_group_spawn(&g, my_download, urls[i]) != NULL;
    }
    rc = mr_group_wait(&g, MR_NEVER);
    mr_group_close(&g);
    mr_client_free(client);
    tour_site_close(site);
    return ok ? rc : -ENOMEM;
}

int main(int argc, char **argv)
{
    intptr_t rc;

    tour_begin(argc, argv);
    tour_must(mr_run(main_, NULL, &rc));
    return tour_must(rc);
}
