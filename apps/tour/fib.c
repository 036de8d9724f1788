/* SPDX-License-Identifier: MIT */

/* fib.c - the first n Fibonacci numbers, as an iterator that stores none. */
#include "apps/tour/fib.h"

static int fib_next(struct mr_iter *it, void *ret_item)
{
    struct fib_iterator *fib = (struct fib_iterator *)it;
    int num = fib->num1;

    if (fib->current == fib->n)
        return 0;
    fib->num1 = fib->num2;
    fib->num2 += num;
    fib->current++;
    *(int *)ret_item = num;
    return 1;
}

struct fib_iterator fib_iterator(int n)
{
    static const struct mr_iter_ops ops = {.next = fib_next};
    struct fib_iterator fib = {.n = n, .num1 = 0, .num2 = 1};

    mr_iter_init(&fib.iter, &ops, sizeof(int));
    return fib;
}
