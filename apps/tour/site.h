/* SPDX-License-Identifier: MIT */
#ifndef APPS_TOUR_SITE_H
#define APPS_TOUR_SITE_H

/*
 * site.h - the web sites that the tour's last programs fetch from: the
 * tutorial's are far away, so a server in the same thread stands for them.
 *
 *     rc = tour_site_open(&s);
 *     tour_site_url(url, s, "/videos/1.mp4");
 *     tour_site_close(s);
 */
#include <stddef.h>

#define TOUR_URL 96

struct tour_site;

/* Pages of so many bytes, each after a while of its own:
 *     /baidu 111327   /itcast 215035   /itheima 172054
 *     /1.mp4 300000   /2.mp4 500000 */
int tour_site_open(struct tour_site **ret);
void tour_site_url(char out[TOUR_URL], const struct tour_site *s,
                   const char *path);
void tour_site_close(struct tour_site *s);

#endif
