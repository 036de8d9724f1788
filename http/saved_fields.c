/* SPDX-License-Identifier: MIT */

/*
 * saved_fields.c - fields of an answer, kept (saved_fields.h).
 *
 * The image is the answer's list as it stands in memory: each node with its
 * text, aligned, in order. To restore it is to copy it and to link it anew.
 *
 * Fields know of each other by `has` alone (response_fields.c). Where none of
 * those stood before, adding was as it always is; and where none of those that
 * were added is there yet, it would be the same again.
 */
#include "http/saved_fields.h"

#include <errno.h>
#include <string.h>

#include "http/conn_priv.h"

static size_t size_of(const struct mr_extra *e)
{
    size_t align = _Alignof(struct mr_extra);

    return (sizeof *e + e->n + align - 1) & ~(align - 1);
}

struct mr_fields_mark mr_fields_mark(const struct mr_response *res)
{
    return (struct mr_fields_mark){res->extra_end, res->extra_bytes,
                                   res->extra_n, res->has};
}

size_t mr_fields_size(const struct mr_fields_mark *mark)
{
    size_t size = sizeof(struct mr_saved_fields);

    if (mark->has)
        return 0;
    for (const struct mr_extra *e = *mark->end; e; e = e->next)
        size += size_of(e);
    return size;
}

void mr_fields_save(const struct mr_response *res,
                    const struct mr_fields_mark *mark,
                    struct mr_saved_fields *room)
{
    char *at = room->image;

    for (const struct mr_extra *e = *mark->end; e; e = e->next) {
        memcpy(at, e, sizeof *e + e->n);
        at += size_of(e);
    }
    room->size = (size_t)(at - room->image);
    room->bytes = res->extra_bytes - mark->bytes;
    room->n = res->extra_n - mark->n;
    room->has = res->has;
}

MR_HOT int mr_fields_restore(struct mr_response *res,
                             const struct mr_saved_fields *saved)
{
    struct mr_extra **end = res->extra_end;
    char *at;

    if (res->started)
        return -EALREADY;
    if (res->has & saved->has || res->extra_n + saved->n > MR_EXTRA_MAX)
        return -EEXIST;
    at = mr_arena_alloc(&res->x->arena, saved->size);
    if (!at)
        return -ENOMEM;
    memcpy(at, saved->image, saved->size);
    for (unsigned i = 0; i < saved->n; i++) {
        struct mr_extra *e = (void *)at;

        *end = e;
        end = &e->next;
        at += size_of(e);
    }
    *end = NULL;
    res->extra_end = end;
    res->extra_bytes += saved->bytes;
    res->extra_n += saved->n;
    res->has |= saved->has;
    return 0;
}
