/* SPDX-License-Identifier: MIT */

/*
 * 02-next - ask by hand, also past the end.
 *
 * mr_iter_next says 1 with a value, and 0 when there is none: that is Python's
 * StopIteration. Asked again, it says so again.
 */
#include "apps/tour/tour.h"
#include "core/iter_lazy.h"

int main(int argc, char **argv)
{
    static const int li[] = {11, 22, 33, 44, 55};
    MR_AUTO(iter) li_iter = mr_array(li, MR_ARRAY_LEN(li), sizeof *li);
    int x;

    tour_begin(argc, argv);
    for (int i = 0; i < 6; i++) {
        if (tour_must(mr_iter_next(li_iter, &x)) == 1)
            printf("%d\n", x);
        else
            printf("StopIteration\n");
    }
    return 0;
}
