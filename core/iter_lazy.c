/* SPDX-License-Identifier: MIT */

/*
 * iter_lazy.c - iterators to begin with, and those put around others.
 *
 *  (1) An adaptor owns its sources from the call on: they are freed with it,
 *      or at once when there is no memory for it.
 *  (2) What an item needs besides the place that the asker has for it (map's
 *      input, accumulate's sum) lies behind the adaptor's struct, in the same
 *      allocation.
 *  (3) Only cycle and product keep items: the first to give them again, the
 *      second those of its second source, when first asked.
 */
#include "core/iter_lazy.h"

#include <string.h>

#include "core/sys.h"

/* --- to begin with --- */

struct range {
    struct mr_iter iter;
    int64_t at;
    int64_t step;
    uint64_t left; /* of a range */
};

/* By unsigned: to wrap around is no overflow. */
static void step(struct range *r, void *ret)
{
    memcpy(ret, &r->at, sizeof r->at);
    r->at = (int64_t)((uint64_t)r->at + (uint64_t)r->step);
}

static int range_next(struct mr_iter *it, void *ret)
{
    struct range *r = (struct range *)it;

    if (r->left == 0)
        return 0;
    r->left--;
    step(r, ret);
    return 1;
}

static int count_next(struct mr_iter *it, void *ret)
{
    step((struct range *)it, ret);
    return 1;
}

static void free_plain(struct mr_iter *it)
{
    mr_free(it);
}

static struct mr_iter *range_new(const struct mr_iter_ops *ops, int64_t start,
                                 int64_t step_, uint64_t n)
{
    struct range *r = mr_iter_new(ops, sizeof *r, sizeof r->at);

    if (!r)
        return mr_iter_nomem();
    r->at = start;
    r->step = step_;
    r->left = n;
    return &r->iter;
}

struct mr_iter *mr_range(int64_t start, int64_t stop, int64_t step_)
{
    static const struct mr_iter_ops ops = {range_next, free_plain};
    uint64_t stride = step_ > 0 ? (uint64_t)step_ : -(uint64_t)step_;
    uint64_t n = 0;

    MR_BUG_ON(step_ == 0);
    if (step_ > 0 && start < stop)
        n = ((uint64_t)stop - (uint64_t)start - 1) / stride + 1;
    else if (step_ < 0 && start > stop)
        n = ((uint64_t)start - (uint64_t)stop - 1) / stride + 1;
    return range_new(&ops, start, step_, n);
}

struct mr_iter *mr_count(int64_t start, int64_t step_)
{
    static const struct mr_iter_ops ops = {count_next, free_plain};

    return range_new(&ops, start, step_, 0);
}

/* repeat stands still where array goes on. */
struct array {
    struct mr_iter iter;
    const char *at;
    size_t left;
    size_t stride;
    max_align_t value[];
};

static int array_next(struct mr_iter *it, void *ret)
{
    struct array *a = (struct array *)it;

    if (a->left == 0)
        return 0;
    memcpy(ret, a->at, it->size);
    a->at += a->stride;
    if (a->left != MR_FOREVER)
        a->left--;
    return 1;
}

static const struct mr_iter_ops array_ops = {array_next, free_plain};

struct mr_iter *mr_repeat(const void *value, size_t item_size, size_t n)
{
    struct array *a = mr_iter_new(&array_ops, sizeof *a + item_size, item_size);

    if (!a)
        return mr_iter_nomem();
    memcpy(a->value, value, item_size);
    a->at = (const char *)a->value;
    a->left = n;
    return &a->iter;
}

struct mr_iter *mr_array(const void *items, size_t n, size_t item_size)
{
    struct array *a = mr_iter_new(&array_ops, sizeof *a, item_size);

    if (!a)
        return mr_iter_nomem();
    a->at = items;
    a->left = n;
    a->stride = item_size;
    return &a->iter;
}

/* --- around one --- */

struct around {
    struct mr_iter iter;
    struct mr_iter *source;
    union {
        mr_map_fn *map;
        mr_filter_fn *filter;
        mr_fold_fn *fold;
    } fn;
    void *arg;
    size_t n;           /* how many to take, to drop, or in a batch */
    bool begun;         /* past the first item, or the dropped */
    max_align_t item[]; /* invariant (2) */
};

static void around_free(struct mr_iter *it)
{
    struct around *a = (struct around *)it;

    mr_iter_free(a->source);
    mr_free(a);
}

/* With `room` bytes behind it. NULL: no memory, or a source that has none; the
 * source is freed then. */
static struct around *around_new(const struct mr_iter_ops *ops,
                                 struct mr_iter *source, size_t item_size,
                                 size_t room)
{
    struct around *a = NULL;
    size_t size;

    if (source != mr_iter_nomem() &&
        !__builtin_add_overflow(sizeof *a, room, &size))
        a = mr_iter_new(ops, size, item_size);
    if (a)
        a->source = source;
    else
        mr_iter_free(source);
    return a;
}

static int map_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc = mr_iter_next(a->source, a->item);

    if (rc <= 0)
        return rc;
    rc = a->fn.map(ret, a->item, a->arg);
    return rc < 0 ? rc : 1;
}

struct mr_iter *mr_map(struct mr_iter *it, mr_map_fn *fn, void *arg,
                       size_t item_size)
{
    static const struct mr_iter_ops ops = {map_next, around_free};
    struct around *a = around_new(&ops, it, item_size, it->size);

    if (!a)
        return mr_iter_nomem();
    a->fn.map = fn;
    a->arg = arg;
    return &a->iter;
}

static int filter_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc;

    do
        rc = mr_iter_next(a->source, ret);
    while (rc > 0 && !a->fn.filter(ret, a->arg));
    return rc;
}

static int take_while_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc = mr_iter_next(a->source, ret);

    return rc > 0 && !a->fn.filter(ret, a->arg) ? 0 : rc;
}

static int drop_while_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc;

    do
        rc = mr_iter_next(a->source, ret);
    while (rc > 0 && !a->begun && a->fn.filter(ret, a->arg));
    a->begun = a->begun || rc > 0;
    return rc;
}

static struct mr_iter *filter_new(const struct mr_iter_ops *ops,
                                  struct mr_iter *it, mr_filter_fn *fn,
                                  void *arg)
{
    struct around *a = around_new(ops, it, it->size, 0);

    if (!a)
        return mr_iter_nomem();
    a->fn.filter = fn;
    a->arg = arg;
    return &a->iter;
}

struct mr_iter *mr_filter(struct mr_iter *it, mr_filter_fn *fn, void *arg)
{
    static const struct mr_iter_ops ops = {filter_next, around_free};

    return filter_new(&ops, it, fn, arg);
}

struct mr_iter *mr_take_while(struct mr_iter *it, mr_filter_fn *fn, void *arg)
{
    static const struct mr_iter_ops ops = {take_while_next, around_free};

    return filter_new(&ops, it, fn, arg);
}

struct mr_iter *mr_drop_while(struct mr_iter *it, mr_filter_fn *fn, void *arg)
{
    static const struct mr_iter_ops ops = {drop_while_next, around_free};

    return filter_new(&ops, it, fn, arg);
}

static int take_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc = a->n > 0 ? mr_iter_next(a->source, ret) : 0;

    if (rc > 0)
        a->n--;
    return rc;
}

static int drop_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc = 1;

    for (; rc > 0 && a->n > 0; a->n -= rc > 0)
        rc = mr_iter_next(a->source, ret);
    return rc > 0 ? mr_iter_next(a->source, ret) : rc;
}

static struct mr_iter *counted_new(const struct mr_iter_ops *ops,
                                   struct mr_iter *it, size_t n)
{
    struct around *a = around_new(ops, it, it->size, 0);

    if (!a)
        return mr_iter_nomem();
    a->n = n;
    return &a->iter;
}

struct mr_iter *mr_take(struct mr_iter *it, size_t n)
{
    static const struct mr_iter_ops ops = {take_next, around_free};

    return counted_new(&ops, it, n);
}

struct mr_iter *mr_drop(struct mr_iter *it, size_t n)
{
    static const struct mr_iter_ops ops = {drop_next, around_free};

    return counted_new(&ops, it, n);
}

/* a->item holds the sum; the asker's place takes the next item meanwhile. */
static int accumulate_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    int rc = mr_iter_next(a->source, a->begun ? ret : a->item);

    if (rc <= 0)
        return rc;
    if (a->begun)
        rc = a->fn.fold(a->item, ret, a->arg);
    a->begun = true;
    if (rc < 0)
        return rc;
    memcpy(ret, a->item, it->size);
    return 1;
}

struct mr_iter *mr_accumulate(struct mr_iter *it, mr_fold_fn *fn, void *arg)
{
    static const struct mr_iter_ops ops = {accumulate_next, around_free};
    struct around *a = around_new(&ops, it, it->size, it->size);

    if (!a)
        return mr_iter_nomem();
    a->fn.fold = fn;
    a->arg = arg;
    return &a->iter;
}

static int batched_next(struct mr_iter *it, void *ret)
{
    struct around *a = (struct around *)it;
    struct mr_batch batch = {a->item, 0};
    char *at = (char *)a->item;
    int rc = 1;

    while (batch.n < a->n) {
        rc = mr_iter_next(a->source, at);
        if (rc <= 0)
            break;
        at += a->source->size;
        batch.n++;
    }
    if (rc < 0 || batch.n == 0)
        return rc;
    memcpy(ret, &batch, sizeof batch);
    return 1;
}

struct mr_iter *mr_batched(struct mr_iter *it, size_t n)
{
    static const struct mr_iter_ops ops = {batched_next, around_free};
    size_t room;
    struct around *a;

    MR_BUG_ON(n == 0);
    if (__builtin_mul_overflow(n, it->size, &room))
        room = SIZE_MAX; /* for which there is no memory either */
    a = around_new(&ops, it, sizeof(struct mr_batch), room);
    if (!a)
        return mr_iter_nomem();
    a->n = n;
    return &a->iter;
}
