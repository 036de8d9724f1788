/* SPDX-License-Identifier: MIT */

/*
 * iter_pair.c - iterators made of two, and those that give items again.
 *
 *  (1) As in iter_lazy.c: sources are owned from the call on.
 *  (2) What cycle and product keep is a copy, which grows by doubling; an item
 *      for which there is no room ends the iterator with -ENOMEM.
 */
#include <string.h>

#include "core/iter_lazy.h"
#include "core/sys.h"

/* --- of two --- */

struct two {
    struct mr_iter iter;
    struct mr_iter *first;
    struct mr_iter *second;
    struct mr_pair pair;
    /* product's */
    char *items; /* the second's */
    size_t n;
    size_t at; /* the next of them; 0: the first one's next is due */
    bool kept;
    max_align_t item[]; /* the present item of the first */
};

static void two_free(struct mr_iter *it)
{
    struct two *t = (struct two *)it;

    mr_iter_free(t->first);
    mr_iter_free(t->second);
    mr_free(t->items);
    mr_free(t);
}

static struct two *two_new(const struct mr_iter_ops *ops, struct mr_iter *first,
                           struct mr_iter *second, size_t item_size,
                           size_t room)
{
    struct two *t = NULL;

    if (first != mr_iter_nomem() && second != mr_iter_nomem())
        t = mr_iter_new(ops, sizeof *t + room, item_size);
    if (t) {
        t->first = first;
        t->second = second;
        return t;
    }
    mr_iter_free(first);
    mr_iter_free(second);
    return NULL;
}

static int chain_next(struct mr_iter *it, void *ret)
{
    struct two *t = (struct two *)it;
    int rc = mr_iter_next(t->first, ret);

    return rc == 0 ? mr_iter_next(t->second, ret) : rc;
}

struct mr_iter *mr_chain(struct mr_iter *first, struct mr_iter *second)
{
    static const struct mr_iter_ops ops = {chain_next, two_free};
    size_t size = first->size;
    struct two *t;

    MR_BUG_ON(size != second->size && size != 0 && second->size != 0);
    t = two_new(&ops, first, second, size, 0);
    return t ? &t->iter : mr_iter_nomem();
}

static void must_fit(const struct mr_iter *it, size_t size)
{
    MR_BUG_ON(it->size != size && it->size != 0);
}

static struct mr_iter *pair_new(const struct mr_iter_ops *ops,
                                struct mr_iter *first, struct mr_iter *second,
                                struct mr_pair pair)
{
    struct two *t;

    must_fit(first, pair.of[0]);
    must_fit(second, pair.of[1]);
    t = two_new(ops, first, second, pair.size, pair.of[0]);
    if (!t)
        return mr_iter_nomem();
    t->pair = pair;
    return &t->iter;
}

static int zip_next(struct mr_iter *it, void *ret)
{
    struct two *t = (struct two *)it;
    int rc = mr_iter_next(t->first, (char *)ret + t->pair.at[0]);

    return rc > 0 ? mr_iter_next(t->second, (char *)ret + t->pair.at[1]) : rc;
}

struct mr_iter *mr_zip(struct mr_iter *first, struct mr_iter *second,
                       struct mr_pair pair)
{
    static const struct mr_iter_ops ops = {zip_next, two_free};

    return pair_new(&ops, first, second, pair);
}

/* The number first: it is not lost when the other ends. */
struct mr_iter *mr_enumerate(struct mr_iter *it, int64_t start,
                             struct mr_pair pair)
{
    return mr_zip(mr_count(start, 1), it, pair);
}

static int keep_second(struct two *t)
{
    struct mr_iter *second = MR_MOVE(t->second);
    ssize_t n = mr_collect(second, &t->items, SIZE_MAX);

    if (n < 0)
        return (int)n;
    t->n = (size_t)n;
    t->kept = true;
    return 0;
}

static int product_next(struct mr_iter *it, void *ret)
{
    struct two *t = (struct two *)it;
    int rc = t->kept ? 0 : keep_second(t);

    if (rc < 0)
        return rc;
    if (t->n == 0)
        return 0;
    if (t->at == 0) {
        rc = mr_iter_next(t->first, t->item);
        if (rc <= 0)
            return rc;
    }
    memcpy((char *)ret + t->pair.at[0], t->item, t->pair.of[0]);
    memcpy((char *)ret + t->pair.at[1], t->items + t->at * t->pair.of[1],
           t->pair.of[1]);
    t->at = t->at + 1 < t->n ? t->at + 1 : 0;
    return 1;
}

struct mr_iter *mr_product(struct mr_iter *first, struct mr_iter *second,
                           struct mr_pair pair)
{
    static const struct mr_iter_ops ops = {product_next, two_free};

    return pair_new(&ops, first, second, pair);
}

/* --- again --- */

struct cycle {
    struct mr_iter iter;
    struct mr_iter *source; /* NULL when it has ended */
    char *items;
    size_t n;
    size_t cap;
    size_t at;     /* the next to be given again */
    size_t rounds; /* still to come, without the present one */
};

static void cycle_free(struct mr_iter *it)
{
    struct cycle *c = (struct cycle *)it;

    mr_iter_free(c->source);
    mr_free(c->items);
    mr_free(c);
}

static int keep(struct cycle *c, const void *item)
{
    size_t size = c->iter.size, bytes;

    if (c->n == c->cap) {
        size_t cap = MR_MAX(c->cap * 2, 8);
        char *p = NULL;

        if (!__builtin_mul_overflow(cap, size, &bytes))
            p = mr_realloc(c->items, MR_MAX(bytes, 1));
        if (!p)
            return -ENOMEM;
        c->items = p;
        c->cap = cap;
    }
    memcpy(c->items + c->n++ * size, item, size);
    return 1;
}

static int cycle_next(struct mr_iter *it, void *ret)
{
    struct cycle *c = (struct cycle *)it;

    if (c->source) {
        int rc = mr_iter_next(c->source, ret);

        if (rc != 0)
            return rc > 0 && c->rounds > 0 ? keep(c, ret) : rc;
        mr_iter_free(MR_MOVE(c->source));
        c->at = c->n;
    }
    if (c->at == c->n) {
        if (c->n == 0 || c->rounds == 0)
            return 0;
        c->at = 0;
        c->rounds -= c->rounds != MR_FOREVER;
    }
    memcpy(ret, c->items + c->at++ * it->size, it->size);
    return 1;
}

struct mr_iter *mr_cycle(struct mr_iter *it, size_t n)
{
    static const struct mr_iter_ops ops = {cycle_next, cycle_free};
    struct cycle *c = NULL;

    if (n == 0)
        return mr_take(it, 0);
    if (it != mr_iter_nomem())
        c = mr_iter_new(&ops, sizeof *c, it->size);
    if (!c) {
        mr_iter_free(it);
        return mr_iter_nomem();
    }
    c->source = it;
    c->rounds = n == MR_FOREVER ? MR_FOREVER : n - 1;
    return &c->iter;
}
