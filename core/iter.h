/* SPDX-License-Identifier: MIT */
#ifndef CORE_ITER_H
#define CORE_ITER_H

/*
 * iter.h - iterators: ask for the next value, until there is none.
 *
 * Values go by size: an iterator of ints writes ints. What it holds may be an
 * array, a place in a list, or nothing but two numbers. Everything that takes
 * an iterator may take a chain of lazy ones, or a generator (core/generator.h).
 *
 *     MR_FOR (int, x, &list)                   anything with an `iterable`
 *         printf("%d\n", x);
 *
 *     it = mr_map(mr_range(0, 5, 1), twice, NULL, sizeof(int64_t));
 *     MR_FOR (int64_t, x, MR_TEMP(it))         taken, and freed at the end
 *         printf("%ld\n", x);
 *     n = mr_collect(it, &array, 100);         or: all at once
 *
 * Who owns it: MR_FOR borrows what it is given. Adaptors (core/iter_lazy.h),
 * mr_collect, mr_fold and MR_TEMP take the iterators they are given, also on
 * failure. Out of memory a constructor gives an iterator that answers -ENOMEM,
 * and what is put around that one is that one: a chain needs no checks.
 *
 * Functions that iterators call run in the caller's coroutine and may park.
 */
#include <errno.h>

#include "core/base.h"

struct mr_iter;

/* To be iterable is to have a member of this type that is named `iterable`.
 * `iter` gives a fresh iterator; an iterator gives itself. */
struct mr_iterable {
    struct mr_iter *(*iter)(struct mr_iterable *self);
};

struct mr_iter_ops {
    /* 1 and the next item in *ret_item; 0 when there is none; -Exxx. Is not
     * called again after 0 or an error (but for -EBUSY: later). The item's
     * bytes mean something only with a 1. */
    int (*next)(struct mr_iter *it, void *ret_item);
    /* Gives all memory back; NULL: it has none of its own. */
    void (*free)(struct mr_iter *it);
};

/* Comes first in an iterator of one's own. */
struct mr_iter {
    struct mr_iterable iterable;
    const struct mr_iter_ops *ops;
    size_t size; /* of an item; 0: any (one that only fails) */
    int status;  /* 1 while there may be more; then what it ended with */
};

/* For one in the caller's memory. */
MR_API void mr_iter_init(struct mr_iter *it, const struct mr_iter_ops *ops,
                         size_t item_size);
/* Zeroed memory of `size` bytes that begins with an initialised struct mr_iter;
 * ops->free gives it back by mr_free. NULL when out of memory. */
MR_API MR_MUST_USE void *mr_iter_new(const struct mr_iter_ops *ops, size_t size,
                                     size_t item_size);
/* The one that only says -ENOMEM: what a constructor answers without memory. */
MR_API struct mr_iter *mr_iter_nomem(void);
/* With all that it took. NULL does nothing. May park (generators unwind). */
MR_API void mr_iter_free(struct mr_iter *it);
MR_DEFINE_AUTO(iter)

/* 1 and the item in *ret_item; 0 at the end, -Exxx, and then again so for ever
 * (-EBUSY is no end: see core/generator.h). May park, if what it stands on
 * does. Inline: a generator's switch must be the last thing that is called. */
static inline int mr_iter_next(struct mr_iter *it, void *ret_item)
{
    int rc = it->status;

    if (MR_LIKELY(rc > 0)) {
        rc = it->ops->next(it, ret_item);
        if (MR_UNLIKELY(rc <= 0 && rc != -EBUSY))
            it->status = rc;
    }
    return rc;
}

/* What an iteration ended with: -Exxx, or 0. */
static inline int mr_iter_error(const struct mr_iter *it)
{
    return it->status < 0 ? it->status : 0;
}

/* The `iterable` in *p. What has none is refused when it is compiled. */
#define MR_ITERABLE(p) \
    _Generic(&(p)->iterable, struct mr_iterable * : &(p)->iterable)

/* A fresh iterator over *p (*p itself, if it is one): for adaptors. */
#define mr_iter_of(p) mr_iterable_iter(MR_ITERABLE(p))
static inline struct mr_iter *mr_iterable_iter(struct mr_iterable *self)
{
    return self->iter(self);
}

/*
 * MR_FOR (type, x, p): run the statement with x as each item of *p. break,
 * continue and return do what they do in any loop; a fresh iterator is freed
 * however the loop is left, and one that was given goes on where it stopped.
 * An error ends the loop like the end: mr_iter_error tells, of an iterator. A
 * BUG when the items have another size than type.
 */
#define MR_FOR(type, x, p)                                              \
    for (struct mr_for x##_for __attribute__((cleanup(mr_for_leave))) = \
             mr_for_enter(MR_ITERABLE(p), sizeof(type));                \
         !x##_for.over; x##_for.over = true)                            \
        for (type x; mr_iter_next(x##_for.it, &x) > 0;)

struct mr_for {
    struct mr_iter *it;
    bool fresh; /* the loop's own */
    bool over;
};
MR_API struct mr_for mr_for_enter(struct mr_iterable *iterable, size_t size);
MR_API void mr_for_leave(struct mr_for *f);

/* An iterator as an iterable of one use, which gives it away: to a loop, which
 * frees it. */
#define MR_TEMP(iterator) \
    (&(struct mr_iter_temp){{mr_iter_temp_take}, (iterator)})
struct mr_iter_temp {
    struct mr_iterable iterable;
    struct mr_iter *it;
};
MR_API struct mr_iter *mr_iter_temp_take(struct mr_iterable *self);

/*
 * All items as an array from mr_alloc, in *ret_items (a `type **`; NULL when
 * there are none), to be freed with mr_free. How many; -E2BIG for more than
 * max, -ENOMEM, the iterator's error. Takes it. May park.
 */
MR_API MR_MUST_USE ssize_t mr_collect(struct mr_iter *it, void *ret_items,
                                      size_t max);

/* Puts an item to *acc. 0 or -Exxx, which ends it. */
typedef int mr_fold_fn(void *acc, const void *item, void *arg);
/* All items, one after the other. 0 or -Exxx. Takes it. May park. */
MR_API MR_MUST_USE int mr_fold(struct mr_iter *it, mr_fold_fn *fn, void *acc,
                               void *arg);

#endif
