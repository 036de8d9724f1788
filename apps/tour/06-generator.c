/* SPDX-License-Identifier: MIT */

/*
 * 06-generator - the same numbers, without remembering where one is.
 *
 * An iterator's function is called anew each time, and has to find its place
 * again. A generator's is called once: at the yield it stands still, with all
 * its variables, until it is asked for more. It is an iterator all the same.
 */
#include "apps/tour/tour.h"
#include "core/generator.h"

static intptr_t fib(struct mr_generator *g, void *arg)
{
    int num1 = 0, num2 = 1;

    for (int n = *(const int *)arg; n > 0; n--) {
        int num = num1, err;

        num1 = num2;
        num2 += num;
        err = mr_generator_yield(g, &num);
        if (err)
            return err; /* somebody wants it to end */
    }
    return (intptr_t) "done";
}

int main(int argc, char **argv)
{
    int five = 5, x;
    MR_AUTO(generator) f = NULL;
    MR_AUTO(generator) again = NULL;

    tour_begin(argc, argv);
    tour_must(mr_generator_new(&f, fib, &five, sizeof x));
    while (tour_must(mr_generator_next(f, &x)) == 1)
        printf("%d\n", x);
    printf("StopIteration: %s\n", (const char *)mr_generator_result(f));

    tour_must(mr_generator_new(&again, fib, &five, sizeof x));
    MR_FOR (int, n, again)
        printf("%d\n", n);
    return 0;
}
