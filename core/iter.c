/* SPDX-License-Identifier: MIT */

/*
 * iter.c - the iterator protocol: next, end, loops, what takes all items.
 *
 *  (1) An iterator that ended is not asked again: its status says what it
 *      ended with (mr_iter_next). So implementations need no state for it.
 *  (2) Whoever takes an iterator frees it, or hands it on, whatever happens.
 *  (3) The iterator that fails for want of memory is one for all threads, as
 *      nobody writes to it.
 */
#include "core/iter.h"

#include <limits.h>
#include <string.h>

#include "core/sys.h"

static struct mr_iter *gives_itself(struct mr_iterable *self)
{
    return mr_container_of(self, struct mr_iter, iterable);
}

void mr_iter_init(struct mr_iter *it, const struct mr_iter_ops *ops,
                  size_t item_size)
{
    it->iterable.iter = gives_itself;
    it->ops = ops;
    it->size = item_size;
    it->status = 1;
}

void *mr_iter_new(const struct mr_iter_ops *ops, size_t size, size_t item_size)
{
    struct mr_iter *it = mr_calloc(1, size);

    if (it)
        mr_iter_init(it, ops, item_size);
    return it;
}

static int fails(struct mr_iter *it, void *unused)
{
    (void)unused;
    return it->status;
}

struct mr_iter *mr_iter_nomem(void)
{
    static const struct mr_iter_ops ops = {.next = fails};
    static struct mr_iter nomem = {{gives_itself}, &ops, 0, -ENOMEM};

    return &nomem;
}

void mr_iter_free(struct mr_iter *it)
{
    if (it && it->ops->free)
        it->ops->free(it);
}

/* --- loops --- */

struct mr_for mr_for_enter(struct mr_iterable *iterable, size_t size)
{
    struct mr_iter *it = iterable->iter(iterable);

    MR_BUG_ON(!it || (it->size != size && it->size != 0));
    return (struct mr_for){it, &it->iterable != iterable, false};
}

void mr_for_leave(struct mr_for *f)
{
    if (f->fresh)
        mr_iter_free(f->it);
}

struct mr_iter *mr_iter_temp_take(struct mr_iterable *self)
{
    return MR_MOVE(mr_container_of(self, struct mr_iter_temp, iterable)->it);
}

/* --- all items --- */

/* Room for one more: *cap doubles. */
static int grow(char **items, size_t size, size_t *cap, size_t max)
{
    size_t more = *cap > max / 2 ? max : MR_MAX(*cap * 2, MR_MIN(max, 8));
    size_t bytes;
    char *p;

    if (__builtin_mul_overflow(more, size, &bytes))
        return -ENOMEM;
    p = mr_realloc(*items, MR_MAX(bytes, 1));
    if (!p)
        return -ENOMEM;
    *items = p;
    *cap = more;
    return 0;
}

/* One past the bound tells whether there is one; it has a place of its own. */
static ssize_t collect(struct mr_iter *it, char **items, size_t max)
{
    size_t n = 0, cap = 0;
    int rc;

    for (;;) {
        if (n == cap) {
            rc = grow(items, it->size, &cap, max);
            if (rc)
                return rc;
        }
        rc = mr_iter_next(it, *items + n * it->size);
        if (rc <= 0)
            return rc < 0 ? rc : (ssize_t)n;
        if (++n == max)
            return -E2BIG;
    }
}

ssize_t mr_collect(struct mr_iter *it, void *ret_items, size_t max)
{
    size_t bound = MR_MIN(max, (size_t)SSIZE_MAX - 1);
    char *items = NULL;
    ssize_t n = collect(it, &items, bound + 1);

    mr_iter_free(it);
    if (n <= 0) {
        mr_free(items);
        items = NULL;
    }
    if (n >= 0)
        memcpy(ret_items, &items, sizeof items);
    return n;
}

int mr_fold(struct mr_iter *it, mr_fold_fn *fn, void *acc, void *arg)
{
    char *item = mr_alloc(MR_MAX(it->size, 1));
    int rc = item ? 0 : -ENOMEM;

    while (rc == 0) {
        int more = mr_iter_next(it, item);

        if (more <= 0) {
            rc = more;
            break;
        }
        rc = fn(acc, item, arg);
    }
    mr_free(item);
    mr_iter_free(it);
    return rc;
}
