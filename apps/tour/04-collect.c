/* SPDX-License-Identifier: MIT */

/*
 * 04-collect - not only loops take what is iterable.
 *
 * Python has list() and tuple(); here mr_collect makes an array. It has a
 * bound, as not every iterator ends.
 */
#include "apps/tour/fib.h"
#include "apps/tour/tour.h"
#include "core/sys.h"

static void print(const char *open, struct mr_iter *it, const char *close)
{
    int *items;
    ssize_t n = tour_must(mr_collect(it, &items, 100));

    printf("%s", open);
    for (ssize_t i = 0; i < n; i++)
        printf("%s%d", i ? ", " : "", items[i]);
    printf("%s\n", close);
    mr_free(items);
}

int main(int argc, char **argv)
{
    struct fib_iterator fifteen = fib_iterator(15);
    struct fib_iterator six = fib_iterator(6);

    tour_begin(argc, argv);
    print("[", &fifteen.iter, "]");
    print("(", &six.iter, ")");
    return 0;
}
