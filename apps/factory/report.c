/* SPDX-License-Identifier: MIT */

/* report.c - the table, and the same as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "apps/factory/factory.h"
#include "core/sys.h"

static int cpus(void)
{
    int list[1024];

    return MR_MAX(mr_sys_cpus(list, 1024), 1);
}

static double seconds(int64_t ns)
{
    return (double)ns * 1e-9;
}

static uint64_t whole(const struct factory_costs *c, int unit)
{
    return c->memory[unit] + c->page_tables[unit] + c->kernel_stack[unit];
}

/* --- the table --- */

/* "2 x 16", lines times workers or errands. */
static void units_text(const struct factory_result *r, char *buf, size_t size)
{
    uint64_t each = r->errands > 0 ? r->errands : r->workers;

    snprintf(buf, size, "%" PRIu64 " x %" PRIu64, r->lines, each);
}

static void print_ways(const struct factory_report *r)
{
    printf("%-12s%14s%12s%10s%11s%11s%12s\n", "way", "units", "makespan", "CPU",
           "waited", "forced", "own");
    for (size_t i = 0; i < r->n; i++) {
        const struct factory_result *w = &r->results[i];
        char units[48];

        units_text(w, units, sizeof units);
        printf("%-12s%14s%10.3f s%8.3f s%11" PRIu64 "%11" PRIu64,
               factory_way_name(w->way), units, seconds(w->makespan_ns),
               seconds(w->sum.cpu_ns), w->sum.voluntary, w->sum.involuntary);
        if (w->errands > 0)
            printf("%12" PRIu64 "\n", w->sum.own);
        else
            printf("%12s\n", "-");
    }
    puts("\nunits: lines x workers, or lines x errands. Switches of the "
         "kernel: waited\n(voluntary) and forced; own: between errands, by "
         "the hub.");
}

static void print_costs(const struct factory_report *r)
{
    const struct factory_costs *c = &r->costs;

    printf("\n%-24s", "one");
    for (int u = 0; u < FACTORY_UNIT_COUNT; u++)
        printf("%16s", factory_unit_name((enum factory_unit)u));
    printf("\n%-24s", "a switch");
    for (int u = 0; u < FACTORY_UNIT_COUNT; u++) {
        if (c->switch_ns[u] > 0)
            printf("%13.1f ns", c->switch_ns[u]);
        else
            printf("%16s", "-");
    }
    printf("\n%-24s", "memory, waiting");
    for (int u = 0; u < FACTORY_UNIT_COUNT; u++) {
        if (whole(c, u) > 0)
            printf("%14.1f K", (double)whole(c, u) / 1024);
        else
            printf("%16s", "-");
    }
    printf("\n%-24s", "so many more here");
    for (int u = 0; u < FACTORY_UNIT_COUNT; u++)
        printf("%16" PRIu64, factory_limit((enum factory_unit)u, c).units);
    puts("");
    for (int u = 0; u < FACTORY_UNIT_COUNT; u++)
        printf("%s%s: %s", u ? "; " : "limited by: ",
               factory_unit_name((enum factory_unit)u),
               factory_limit((enum factory_unit)u, c).why);
    puts("");
}

void factory_print(const struct factory_report *r)
{
    const struct factory_order *o = r->order;

    printf("%" PRIu64 " scissors, each %" PRId64 " us of work and %" PRId64
           " us of waiting in %" PRIu64 " steps; %d CPUs\n\n",
           o->scissors, o->compute_ns / 1000, o->wait_ns / 1000, o->steps,
           cpus());
    print_ways(r);
    print_costs(r);
}

/* --- JSON: all strings in it are ours, without anything to escape --- */

static void json_ways(const struct factory_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct factory_result *w = &r->results[i];

        printf("%s\n    {\"way\": \"%s\", \"lines\": %" PRIu64
               ", \"workers\": %" PRIu64 ", \"errands\": %" PRIu64
               ", \"made\": %" PRIu64,
               i ? "," : "", factory_way_name(w->way), w->lines, w->workers,
               w->errands, w->sum.made);
        printf(", \"makespan_s\": %.6f, \"cpu_s\": %.6f, "
               "\"switches_voluntary\": %" PRIu64
               ", \"switches_involuntary\": %" PRIu64
               ", \"switches_own\": %" PRIu64 "}",
               seconds(w->makespan_ns), seconds(w->sum.cpu_ns),
               w->sum.voluntary, w->sum.involuntary, w->sum.own);
    }
}

static void json_number(const char *name, double v, int decimals)
{
    if (v > 0)
        printf(", \"%s\": %.*f", name, decimals, v);
    else
        printf(", \"%s\": null", name);
}

static void json_units(const struct factory_report *r)
{
    const struct factory_costs *c = &r->costs;

    for (int u = 0; u < FACTORY_UNIT_COUNT; u++) {
        struct factory_limit most = factory_limit((enum factory_unit)u, c);

        printf("%s\n    {\"unit\": \"%s\"", u ? "," : "",
               factory_unit_name((enum factory_unit)u));
        json_number("switch_ns", c->switch_ns[u], 2);
        json_number("memory_bytes", (double)c->memory[u], 0);
        printf(", \"page_table_bytes\": %" PRIu64
               ", \"kernel_stack_bytes\": %" PRIu64 ", \"most\": %" PRIu64
               ", \"limited_by\": \"%s\"}",
               c->page_tables[u], c->kernel_stack[u], most.units, most.why);
    }
}

void factory_print_json(const struct factory_report *r)
{
    const struct factory_order *o = r->order;
    struct utsname system;

    if (uname(&system) != 0)
        memset(&system, 0, sizeof system);
    printf("{\n  \"scissors\": %" PRIu64 ", \"compute_us\": %" PRId64
           ", \"wait_us\": %" PRId64 ", \"steps\": %" PRIu64
           ",\n  \"cpus\": %d, \"kernel\": \"%s\",\n  \"ways\": [",
           o->scissors, o->compute_ns / 1000, o->wait_ns / 1000, o->steps,
           cpus(), system.release);
    json_ways(r);
    printf("\n  ],\n  \"units\": [");
    json_units(r);
    puts("\n  ]\n}");
}
