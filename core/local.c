/* SPDX-License-Identifier: MIT */

/*
 * local.c - variables of which every errand has its own.
 *
 *  (1) An errand's values are a list, the newest first, in its root; that is
 *      valid when the errand's at_end says MR_AT_END_LOCALS, and is not empty
 *      then.
 *  (2) A value is out of the list before it is destroyed: a destructor that
 *      asks for it gets a new one.
 */
#include "core/local.h"

#include <string.h>

#include "core/coro_priv.h"
#include "core/sys.h"

struct mr_local_value {
    struct mr_local_value *next;
    const struct mr_local *key;
    _Alignas(max_align_t) char bytes[];
};

static struct mr_local_value **list_of(struct mr_errand *e)
{
    return &mr_errand_root(e)->locals;
}

/* Where the pointer to key's value is, or NULL. */
static struct mr_local_value **find(struct mr_errand *e,
                                    const struct mr_local *key)
{
    if (!(e->at_end & MR_AT_END_LOCALS))
        return NULL;
    for (struct mr_local_value **at = list_of(e); *at; at = &(*at)->next) {
        if ((*at)->key == key)
            return at;
    }
    return NULL;
}

/* Out of the list, and gone. */
static void drop(struct mr_errand *e, struct mr_local_value **at)
{
    struct mr_local_value *v = *at;

    *at = v->next;
    if (!*list_of(e))
        e->at_end &= (uint8_t)~MR_AT_END_LOCALS;
    if (v->key->destroy)
        v->key->destroy(v->bytes);
    mr_free(v);
}

void *mr_local_peek(const struct mr_local *key)
{
    struct mr_local_value **at = find(mr_coro_current()->errand, key);

    return at ? (*at)->bytes : NULL;
}

void *mr_local_get(const struct mr_local *key)
{
    struct mr_errand *e = mr_coro_current()->errand;
    struct mr_local_value **at = find(e, key), *v;
    size_t n;

    if (at)
        return (*at)->bytes;
    if (__builtin_add_overflow(key->size, sizeof *v, &n))
        return NULL;
    v = mr_calloc(1, n);
    if (!v)
        return NULL;
    v->key = key;
    v->next = e->at_end & MR_AT_END_LOCALS ? *list_of(e) : NULL;
    *list_of(e) = v;
    e->at_end |= MR_AT_END_LOCALS;
    return v->bytes;
}

void mr_local_drop(const struct mr_local *key)
{
    struct mr_errand *e = mr_coro_current()->errand;
    struct mr_local_value **at = find(e, key);

    if (at)
        drop(e, at);
}

void mr_local_clear(void)
{
    struct mr_errand *e = mr_coro_current()->errand;

    while (e->at_end & MR_AT_END_LOCALS)
        drop(e, list_of(e));
}
