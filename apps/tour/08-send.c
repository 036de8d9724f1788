/* SPDX-License-Identifier: MIT */

/*
 * 08-send - a value goes in where a value came out.
 *
 * mr_generator_send wakes the generator as next does, and brings something
 * along: mr_generator_sent is it, or NULL after a mere next. So nobody sends
 * anything in the two rounds at the end: one for next(f), and one for
 * f.__next__(), which is the same.
 */
#include "apps/tour/tour.h"
#include "core/generator.h"

static intptr_t gen(struct mr_generator *g, void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        int err = mr_generator_yield(g, &i);
        const char *temp = mr_generator_sent(g);

        if (err)
            return err;
        printf("%s\n", temp ? temp : "None");
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const sent[] = {NULL, "haha", NULL, "haha"};
    int x;

    tour_begin(argc, argv);
    {
        MR_AUTO(generator) f = NULL;

        tour_must(mr_generator_new(&f, gen, NULL, sizeof x));
        for (size_t i = 0; i < MR_ARRAY_LEN(sent); i++) {
            tour_must(mr_generator_send(f, sent[i], &x));
            printf("%d\n", x);
        }
    } /* MR_AUTO closes it: its yield returns -ECANCELED */
    for (int round = 0; round < 2; round++) {
        MR_AUTO(generator) f = NULL;

        tour_must(mr_generator_new(&f, gen, NULL, sizeof x));
        while (tour_must(mr_generator_next(f, &x)) == 1)
            printf("%d\n", x);
        printf("StopIteration\n");
    }
    return 0;
}
