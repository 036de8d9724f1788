/* SPDX-License-Identifier: MIT */

/*
 * main.c - make scissors, one way after another, and say what each way cost.
 *
 * The exit status is 0; 1 when something could not be done, which is told; 2
 * for a command line that is wrong; 130 when interrupted.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apps/factory/factory.h"

static int make(const struct factory_order *order)
{
    struct factory_report report = {.order = order};
    struct factory_recipe recipe = factory_recipe(order);
    int status;

    for (int way = 0; way < FACTORY_WAY_COUNT; way++) {
        if (!order->by[way])
            continue;
        status = factory_boss_run(order, &recipe, (enum factory_way)way,
                                  &report.results[report.n]);
        if (status)
            return status;
        /* The same pairs, whoever made them. */
        if (report.results[report.n].sum.marks != report.results[0].sum.marks) {
            fprintf(stderr, "factory: %s made other scissors than %s\n",
                    factory_way_name((enum factory_way)way),
                    factory_way_name(report.results[0].way));
            return 1;
        }
        report.n++;
    }
    if (factory_measure(&report.costs, order->quick))
        return 130;
    if (order->json)
        factory_print_json(&report);
    else
        factory_print(&report);
    if (fflush(stdout) != 0) {
        fputs("factory: the output could not be written\n", stderr);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct factory_order order;
    int status = factory_parse(&order, argc, argv), err;

    if (status >= 0)
        return status;
    err = factory_boss_begin();
    if (err) {
        fprintf(stderr, "factory: signals cannot be read: %s\n",
                strerror(-err));
        return 1;
    }
    return make(&order);
}
