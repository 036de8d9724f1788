/* SPDX-License-Identifier: MIT */

/* source.c - the command line's URLs and globs, then the list. */
#include "apps/get/source.h"

#include <errno.h>
#include <stdio.h>

#include "apps/get/glob.h"
#include "apps/get/list.h"
#include "core/sys.h"

struct get_source {
    const struct get_options *o;
    size_t next;          /* of o->urls */
    struct mr_iter *glob; /* of the one before; NULL: none is open */
    struct get_list *list;
    bool over;
    unsigned items; /* so far */
};

int get_source_open(struct get_source **ret, const struct get_options *o,
                    char *why)
{
    struct get_source *s = mr_calloc(1, sizeof *s);
    int rc;

    if (!s) {
        snprintf(why, GET_SOURCE_WHY, "out of memory");
        return -ENOMEM;
    }
    s->o = o;
    if (o->list) {
        rc = get_list_open(&s->list, o->list, why);
        if (rc) {
            mr_free(s);
            return rc;
        }
    }
    *ret = s;
    return 0;
}

void get_source_close(struct get_source *s)
{
    if (!s)
        return;
    mr_iter_free(s->glob);
    get_list_close(s->list);
    mr_free(s);
}

/* An item of n URLs and a name (p NULL: none), all copied into it. */
static struct get_item *make_item(const struct mr_str *urls, size_t n,
                                  struct mr_str name)
{
    size_t size = sizeof(struct get_item) + n * sizeof(char *) + name.n + 1;
    struct get_item *item;
    char *at;

    for (size_t i = 0; i < n; i++)
        size += urls[i].n + 1;
    item = mr_calloc(1, size);
    if (!item)
        return NULL;
    mr_list_init(&item->node);
    item->n_urls = n;
    at = (char *)&item->urls[n];
    for (size_t i = 0; i < n; i++) {
        item->urls[i] = at;
        memcpy(at, urls[i].p, urls[i].n);
        at += urls[i].n + 1;
    }
    if (name.p) {
        item->name = at;
        memcpy(at, name.p, name.n);
    }
    return item;
}

static int give(struct get_source *s, struct get_item *item,
                struct get_item **ret, char *why)
{
    if (!item) {
        snprintf(why, GET_SOURCE_WHY, "out of memory");
        s->over = true;
        return -ENOMEM;
    }
    item->id = ++s->items;
    *ret = item;
    return 1;
}

/* --- the command line --- */

static int open_glob(struct get_source *s, char *why)
{
    const char *url = s->o->urls[s->next++];
    char reason[GET_GLOB_WHY];
    int rc = get_glob_new(&s->glob, url, reason);

    if (rc) {
        s->glob = NULL;
        snprintf(why, GET_SOURCE_WHY, "%.300s: %s", url, reason);
        return rc == -ENOMEM ? rc : -EINVAL;
    }
    return 1;
}

/* The name that -o gives an item of a glob; p NULL: none. */
static int name_of(const struct get_source *s, const struct get_glob_item *g,
                   char *buf, size_t size, struct mr_str *ret, char *why)
{
    ssize_t n;

    *ret = mr_str(s->o->output);
    if (!s->o->output || !g)
        return 0;
    n = get_glob_name(buf, size, s->o->output, g);
    if (n < 0) {
        snprintf(why, GET_SOURCE_WHY, "%.300s: the name becomes too long",
                 s->o->output);
        return -EINVAL;
    }
    *ret = mr_str_n(buf, (size_t)n);
    return 0;
}

/* The next URL that the command line stands for: 1, 0 when there is none. */
static int next_url(struct get_source *s, struct get_glob_item *ret, char *why)
{
    for (;;) {
        int rc;

        if (s->glob) {
            rc = mr_iter_next(s->glob, ret);
            if (rc > 0)
                return 1;
            mr_iter_free(s->glob);
            s->glob = NULL;
            if (rc < 0) {
                snprintf(why, GET_SOURCE_WHY, "out of memory");
                return rc;
            }
        }
        if (s->next == s->o->n_urls)
            return 0;
        if (!s->o->glob) {
            *ret = (struct get_glob_item){.url = mr_str(s->o->urls[s->next++])};
            return 1;
        }
        rc = open_glob(s, why);
        if (rc < 0)
            return rc;
    }
}

static int next_of_line(struct get_source *s, struct get_item **ret, char *why)
{
    struct get_glob_item g;
    struct mr_str name;
    char buf[4096];
    int rc = next_url(s, &g, why);

    if (rc <= 0)
        return rc;
    rc = name_of(s, &g, buf, sizeof buf, &name, why);
    if (rc)
        return rc;
    return give(s, make_item(&g.url, 1, name), ret, why);
}

/* All that the command line stands for, as one item. */
static int next_mirrors(struct get_source *s, struct get_item **ret, char *why)
{
    char *kept[GET_MIRRORS_MAX];
    struct mr_str urls[GET_MIRRORS_MAX];
    struct get_glob_item g;
    struct get_item *item = NULL;
    size_t n = 0;
    int rc;

    s->over = true;
    while ((rc = next_url(s, &g, why)) > 0) {
        if (n == GET_MIRRORS_MAX) {
            snprintf(why, GET_SOURCE_WHY, "more than %d mirrors",
                     GET_MIRRORS_MAX);
            rc = -EINVAL;
            break;
        }
        kept[n] = mr_alloc(g.url.n + 1);
        if (!kept[n]) {
            snprintf(why, GET_SOURCE_WHY, "out of memory");
            rc = -ENOMEM;
            break;
        }
        memcpy(kept[n], g.url.p, g.url.n);
        urls[n] = mr_str_n(kept[n], g.url.n);
        n++;
    }
    if (rc == 0)
        item = make_item(urls, n, mr_str(s->o->output));
    while (n > 0)
        mr_free(kept[--n]);
    return rc < 0 ? rc : give(s, item, ret, why);
}

/* --- the list --- */

static int next_of_list(struct get_source *s, struct get_item **ret, char *why)
{
    struct get_list_entry e;
    int rc = get_list_next(s->list, &e, why);

    if (rc <= 0)
        return rc;
    if (!e.name.p)
        e.name = mr_str(s->o->output); /* "-": all of them */
    return give(s, make_item(&e.url, 1, e.name), ret, why);
}

int get_source_next(struct get_source *s, struct get_item **ret, char *why)
{
    int rc;

    if (s->over)
        return 0;
    if (s->o->mirror)
        return next_mirrors(s, ret, why);
    rc = next_of_line(s, ret, why);
    if (rc == 0 && s->list)
        rc = next_of_list(s, ret, why);
    s->over |= rc == 0 || (rc < 0 && rc != -EINVAL);
    return rc;
}
