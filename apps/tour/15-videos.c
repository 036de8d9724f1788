/* SPDX-License-Identifier: MIT */

/*
 * 15-videos - two videos fetched at once, each into a file of its own.
 *
 * The files go to a new directory, which is removed at the end. This is the
 * tutorial's program line by line: a video is held in memory, and a file that
 * is cut looks like one that is whole. apps/get (mrget) is what it grows into.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/tour/site.h"
#include "apps/tour/tour.h"
#include "core/group.h"
#include "core/timer.h"
#include "http/client.h"

struct video {
    char file_name[64];
    char url[TOUR_URL];
};

static struct mr_client *client;

static int read_all(const char *url, struct mr_buf *data)
{
    char why[MR_CLIENT_WHY];
    struct mr_call *call;
    ssize_t n = 1;
    int rc = mr_client_get(client, url, &call, why, mr_after_s(60));

    if (rc) {
        fprintf(stderr, "%s\n", why);
        return rc;
    }
    while (rc == 0 && n > 0) {
        rc = mr_buf_reserve(data, 65536);
        if (rc == 0)
            n = mr_call_read(call, mr_buf_tail(data), 65536, MR_NEVER);
        if (rc == 0 && n > 0)
            mr_buf_commit(data, (size_t)n);
    }
    mr_call_close(call);
    return rc ? rc : (int)n;
}

static int save(const char *name, const struct mr_buf *data)
{
    FILE *f = fopen(name, "wb");
    size_t put;

    if (!f)
        return -EIO;
    put = fwrite(mr_buf_head(data), 1, data->len, f);
    return fclose(f) == 0 && put == data->len ? 0 : -EIO;
}

static intptr_t my_download(void *arg)
{
    struct video *v = arg;
    struct mr_buf data;
    int rc;

    mr_buf_init(&data);
    printf("GET: %s\n", v->url);
    rc = read_all(v->url, &data);
    if (rc == 0)
        rc = save(v->file_name, &data);
    if (rc == 0)
        printf("%zu bytes received from %s.\n", data.len, v->url);
    mr_buf_fini(&data);
    return rc;
}

/* gevent.joinall([...]) */
static int download_all(const char *dir)
{
    struct video videos[2];
    struct tour_site *site;
    char path[24], why[MR_CLIENT_WHY];
    struct mr_group g;
    bool ok = true;
    int rc;

    tour_must(tour_site_open(&site));
    tour_must(mr_client_new(&client, NULL, why));
    mr_group_init(&g);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/%d.mp4", i + 1);
        snprintf(videos[i].file_name, sizeof videos[i].file_name, "%s%s", dir,
                 path);
        tour_site_url(videos[i].url, site, path);
        ok &= mr_group_spawn(&g, my_download, &videos[i]) != NULL;
    }
    rc = mr_group_wait(&g, MR_NEVER);
    mr_group_close(&g);
    for (int i = 0; i < 2; i++)
        ok &= unlink(videos[i].file_name) == 0;
    mr_client_free(client);
    tour_site_close(site);
    return ok ? rc : -EIO;
}

static intptr_t main_(void *unused)
{
    char dir[] = "/tmp/tour.XXXXXX";
    int rc;

    (void)unused;
    if (!mkdtemp(dir))
        return -EIO;
    rc = download_all(dir);
    (void)!rmdir(dir); /* what is left in it was told */
    return rc;
}

int main(int argc, char **argv)
{
    intptr_t rc;

    tour_begin(argc, argv);
    tour_must(mr_run(main_, NULL, &rc));
    return tour_must(rc);
}
