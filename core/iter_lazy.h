/* SPDX-License-Identifier: MIT */
#ifndef CORE_ITER_LAZY_H
#define CORE_ITER_LAZY_H

/*
 * iter_lazy.h - iterators to begin with, and those put around others.
 *
 * Nothing is computed before it is asked for, and of each source no more items
 * are taken than are needed. All of them take their sources (core/iter.h).
 *
 *     even squares below 100, without an array anywhere:
 *
 *     it = mr_count(0, 1);
 *     it = mr_map(it, square, NULL, sizeof(int64_t));
 *     it = mr_filter(it, is_even, NULL);
 *     it = mr_take_while(it, is_below, &(int64_t){100});
 *
 * `arg` is kept, and passed on. Sources whose item sizes do not fit together
 * are a BUG. Each constructor answers mr_iter_nomem() without memory.
 */
#include "core/iter.h"

/* For repeat and cycle: without end. */
#define MR_FOREVER SIZE_MAX

/* --- to begin with --- */

/* start, start + step, ... as int64_t, before stop comes. A step of 0 is a
 * BUG. */
MR_API MR_MUST_USE struct mr_iter *mr_range(int64_t start, int64_t stop,
                                            int64_t step);
/* The same without end: wraps around. */
MR_API MR_MUST_USE struct mr_iter *mr_count(int64_t start, int64_t step);
/* A copy of *value, n times. */
MR_API MR_MUST_USE struct mr_iter *mr_repeat(const void *value,
                                             size_t item_size, size_t n);
/* The n items of an array, which is kept. */
MR_API MR_MUST_USE struct mr_iter *mr_array(const void *items, size_t n,
                                            size_t item_size);

/* --- around one --- */

/* Writes *ret (item_size bytes, as told to mr_map) for *item. 0, or -Exxx, with
 * which the iterator ends. */
typedef int mr_map_fn(void *ret, const void *item, void *arg);
MR_API MR_MUST_USE struct mr_iter *mr_map(struct mr_iter *it, mr_map_fn *fn,
                                          void *arg, size_t item_size);

typedef bool mr_filter_fn(const void *item, void *arg);
/* Those for which fn says true. */
MR_API MR_MUST_USE struct mr_iter *mr_filter(struct mr_iter *it,
                                             mr_filter_fn *fn, void *arg);
/* Those before the first for which fn says false (which is lost). */
MR_API MR_MUST_USE struct mr_iter *mr_take_while(struct mr_iter *it,
                                                 mr_filter_fn *fn, void *arg);
/* That one and all after it. */
MR_API MR_MUST_USE struct mr_iter *mr_drop_while(struct mr_iter *it,
                                                 mr_filter_fn *fn, void *arg);

/* The first n; the source is not asked for more. */
MR_API MR_MUST_USE struct mr_iter *mr_take(struct mr_iter *it, size_t n);
/* All but the first n. */
MR_API MR_MUST_USE struct mr_iter *mr_drop(struct mr_iter *it, size_t n);

/* The first item; then each time fn(acc, item, arg) was called: what it made of
 * what was given before (core/iter.h: mr_fold). */
MR_API MR_MUST_USE struct mr_iter *mr_accumulate(struct mr_iter *it,
                                                 mr_fold_fn *fn, void *arg);

/* All items, and then n - 1 times more, from copies. */
MR_API MR_MUST_USE struct mr_iter *mr_cycle(struct mr_iter *it, size_t n);

/* n items at a time, as a struct mr_batch; the last may have fewer. n is not
 * 0. The items are the iterator's, until the next batch. */
struct mr_batch {
    const void *items;
    size_t n;
};
MR_API MR_MUST_USE struct mr_iter *mr_batched(struct mr_iter *it, size_t n);

/* --- of two, or more by nesting --- */

/* All of the first, then all of the second. */
MR_API MR_MUST_USE struct mr_iter *mr_chain(struct mr_iter *first,
                                            struct mr_iter *second);

/* Two items as members of one struct: MR_PAIR(struct named, name, age). */
struct mr_pair {
    size_t size;
    size_t at[2];
    size_t of[2];
};
#define MR_PAIR(type, first, second)                     \
    ((struct mr_pair){                                   \
        sizeof(type),                                    \
        {offsetof(type, first), offsetof(type, second)}, \
        {sizeof(((type *)0)->first), sizeof(((type *)0)->second)}})

/* One of each, until either ends (the first is asked first: if it is the second
 * that ends, an item of the first is lost). */
MR_API MR_MUST_USE struct mr_iter *
mr_zip(struct mr_iter *first, struct mr_iter *second, struct mr_pair pair);
/* Each with its number, which is an int64_t and comes first. */
MR_API MR_MUST_USE struct mr_iter *
mr_enumerate(struct mr_iter *it, int64_t start, struct mr_pair pair);
/* Each of the first with each of the second, whose items are copied. */
MR_API MR_MUST_USE struct mr_iter *
mr_product(struct mr_iter *first, struct mr_iter *second, struct mr_pair pair);

#endif
