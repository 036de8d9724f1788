/* SPDX-License-Identifier: MIT */

/*
 * 03-fibonacci - an iterator that computes what it gives.
 *
 * Nothing says that the values must lie somewhere. apps/tour/fib.c keeps the
 * two last numbers, whatever n is.
 */
#include "apps/tour/fib.h"
#include "apps/tour/tour.h"

int main(int argc, char **argv)
{
    struct fib_iterator fib = fib_iterator(10);

    tour_begin(argc, argv);
    MR_FOR (int, num, &fib)
        printf("%d ", num);
    return 0;
}
