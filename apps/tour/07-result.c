/* SPDX-License-Identifier: MIT */

/*
 * 07-result - what a generator returns, after all that it has yielded.
 *
 * In Python the result travels in the StopIteration, and a for loop drops it.
 * Here mr_generator_result has it once next has said 0, after a loop too.
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
            return err;
    }
    return (intptr_t) "done";
}

int main(int argc, char **argv)
{
    int five = 5;
    MR_AUTO(generator) g = NULL;

    tour_begin(argc, argv);
    tour_must(mr_generator_new(&g, fib, &five, sizeof(int)));
    MR_FOR (int, x, g)
        printf("value:%d\n", x);
    printf("生成器返回值:%s\n", (const char *)mr_generator_result(g));
    return 0;
}
