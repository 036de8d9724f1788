/* SPDX-License-Identifier: MIT */

/*
 * names.c - the names of one run: no two downloads write to one file.
 *
 * A table with open addressing, at most three quarters full: a list may have a
 * million lines. Names are only added.
 */
#include <errno.h>

#include "apps/get/name.h"
#include "core/sys.h"

#define NUMBER_MAX 100000

struct entry {
    char *name; /* NULL: free */
    uint64_t hash;
    unsigned next; /* the number to be tried next */
};

struct get_names {
    struct entry *v;
    size_t size; /* a power of two */
    size_t n;
};

/* FNV-1a: names are not an enemy's, and a slow table is all he would get. */
static uint64_t hash_of(struct mr_str s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static struct entry *find(const struct get_names *s, struct mr_str name,
                          uint64_t hash)
{
    size_t at = hash & (s->size - 1);

    while (s->v[at].name &&
           (s->v[at].hash != hash || !mr_str_is(name, s->v[at].name)))
        at = (at + 1) & (s->size - 1);
    return &s->v[at];
}

static int grow(struct get_names *s, size_t size)
{
    struct entry *v = mr_calloc(size, sizeof *v);

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < s->size; i++) {
        size_t at = s->v[i].hash & (size - 1);

        if (!s->v[i].name)
            continue;
        while (v[at].name)
            at = (at + 1) & (size - 1);
        v[at] = s->v[i];
    }
    mr_free(s->v);
    s->v = v;
    s->size = size;
    return 0;
}

int get_names_new(struct get_names **ret)
{
    struct get_names *s = mr_calloc(1, sizeof *s);
    int err = s ? grow(s, 64) : -ENOMEM;

    if (err)
        mr_free(s);
    else
        *ret = s;
    return err;
}

void get_names_free(struct get_names *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->size; i++)
        mr_free(s->v[i].name);
    mr_free(s->v);
    mr_free(s);
}

int get_names_claim(struct get_names *s, struct mr_str name)
{
    uint64_t hash = hash_of(name);
    struct entry *e = find(s, name, hash);
    int err;

    if (e->name)
        return -EEXIST;
    if (s->n >= s->size / 4 * 3) {
        err = grow(s, 2 * s->size);
        if (err)
            return err;
        e = find(s, name, hash);
    }
    e->name = mr_alloc(name.n + 1);
    if (!e->name)
        return -ENOMEM;
    if (name.n > 0)
        memcpy(e->name, name.p, name.n);
    e->name[name.n] = '\0';
    e->hash = hash;
    e->next = 1;
    s->n++;
    return 0;
}

unsigned get_names_next(struct get_names *s, struct mr_str name)
{
    struct entry *e = find(s, name, hash_of(name));

    MR_BUG_ON(!e->name);
    return e->next <= NUMBER_MAX ? e->next++ : 0;
}
