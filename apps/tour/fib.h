/* SPDX-License-Identifier: MIT */
#ifndef APPS_TOUR_FIB_H
#define APPS_TOUR_FIB_H

/*
 * fib.h - the first n Fibonacci numbers, as an iterator that stores none.
 *
 *     struct fib_iterator fib = fib_iterator(10);
 *     MR_FOR (int, num, &fib)
 *         printf("%d ", num);
 */
#include "core/iter.h"

struct fib_iterator {
    union {
        struct mr_iter iter;
        struct mr_iterable iterable; /* the same: it gives itself */
    };
    int n;
    int current; /* how many were made */
    int num1;    /* the next one */
    int num2;    /* and that after it */
};

struct fib_iterator fib_iterator(int n);

#endif
