/* SPDX-License-Identifier: MIT */

/*
 * 05-lazy - x * 2 for x in range(5): at once, and one by one.
 *
 * L = [x * 2 for x in range(5)] computes all and keeps them. G = (x * 2 ...)
 * has computed nothing yet: mr_map calls the function when it is asked. In C
 * both are the same expression, and mr_collect makes the difference.
 */
#include "apps/tour/tour.h"
#include "core/iter_lazy.h"
#include "core/sys.h"

static int twice(void *ret, const void *item, void *unused)
{
    (void)unused;
    *(int64_t *)ret = *(const int64_t *)item * 2;
    return 0;
}

static struct mr_iter *doubled(void)
{
    return mr_map(mr_range(0, 5, 1), twice, NULL, sizeof(int64_t));
}

int main(int argc, char **argv)
{
    MR_AUTO(iter) lazy = doubled();
    int64_t *eager, x;
    ssize_t n = tour_must(mr_collect(doubled(), &eager, 100));

    tour_begin(argc, argv);
    for (ssize_t i = 0; i < n; i++)
        printf("%s%d%s", i ? ", " : "[", (int)eager[i], i < n - 1 ? "" : "]\n");
    mr_free(eager);

    while (tour_must(mr_iter_next(lazy, &x)) == 1)
        printf("%d\n", (int)x);
    printf("StopIteration\n");

    MR_FOR (int64_t, y, MR_TEMP(doubled())) /* used up: a new one */
        printf("%d\n", (int)y);
    return 0;
}
