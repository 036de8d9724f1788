/* SPDX-License-Identifier: MIT */

/* options.c - what is asked for, from the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "apps/factory/factory.h"
#include "core/str.h"
#include "core/sys.h"

static const char usage[] =
    "usage: factory make [--by WAY] [options]\n"
    "\n"
    "Makes scissors, one way after another, and prints what each way costs.\n"
    "\n"
    "  --by WAY        processes, threads, both, coroutines, layered, or all\n"
    "                  (the default); may be repeated\n"
    "  --scissors N    so many pairs, each way (500)\n"
    "  -P N            production lines: processes (one per CPU)\n"
    "  -T N            workers of a line: threads (16)\n"
    "  -C N            errands of a worker: coroutines (one per pair)\n"
    "  --compute US    a pair is so many microseconds of work (300)\n"
    "  --wait US       and so many of waiting (6000)\n"
    "  --steps N       in so many steps, each of work and then waiting (3)\n"
    "  --json          print JSON instead of a table\n"
    "  --quick         measure switches and memory with fewer rounds\n"
    "  -h, --help      print this\n";

const char *factory_way_name(enum factory_way way)
{
    static const char *const names[] = {
#define X(id, name) name,
        FACTORY_WAYS(X)
#undef X
    };

    return names[way];
}

const char *factory_unit_name(enum factory_unit unit)
{
    static const char *const names[] = {
#define X(id, name) name,
        FACTORY_UNITS(X)
#undef X
    };

    return names[unit];
}

enum {
    OPT_BY = 256,
    OPT_SCISSORS,
    OPT_COMPUTE,
    OPT_WAIT,
    OPT_STEPS,
    OPT_JSON,
    OPT_QUICK,
};

static const struct option long_options[] = {
    {"by", required_argument, NULL, OPT_BY},
    {"scissors", required_argument, NULL, OPT_SCISSORS},
    {"compute", required_argument, NULL, OPT_COMPUTE},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"json", no_argument, NULL, OPT_JSON},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The range of each number: what the kernel could have at most, or a life is
 * long enough for. */
static const struct {
    int opt;
    const char *name;
    uint64_t min, max;
} numbers[] = {
    {'P', "-P", 1, 100000},
    {'T', "-T", 1, 1000000},
    {'C', "-C", 1, 10000000},
    {OPT_SCISSORS, "--scissors", 1, 1000000000},
    {OPT_COMPUTE, "--compute", 0, 3600000000},
    {OPT_WAIT, "--wait", 0, 3600000000},
    {OPT_STEPS, "--steps", 1, 1000000},
};

static int wrong(const char *what, const char *text, const char *todo)
{
    fprintf(stderr, "factory: %s '%s': %s\n", what, text, todo);
    return 2;
}

static int add_way(struct factory_order *o, const char *name)
{
    if (strcmp(name, "all") == 0) {
        memset(o->by, true, sizeof o->by);
        return -1;
    }
    for (int way = 0; way < FACTORY_WAY_COUNT; way++) {
        if (strcmp(name, factory_way_name((enum factory_way)way)) == 0) {
            o->by[way] = true;
            return -1;
        }
    }
    return wrong("--by", name,
                 "it is processes, threads, both, coroutines, layered or all");
}

/* -1 when it is none of the numbers. */
static int set_number(struct factory_order *o, int opt, const char *text)
{
    uint64_t v = 0;
    size_t i = 0;
    char range[80];

    while (i < MR_ARRAY_LEN(numbers) && numbers[i].opt != opt)
        i++;
    if (i == MR_ARRAY_LEN(numbers))
        return -1;
    if (mr_str_to_u64(mr_str(text), numbers[i].max, &v) || v < numbers[i].min) {
        snprintf(range, sizeof range, "a whole number from %llu to %llu",
                 (unsigned long long)numbers[i].min,
                 (unsigned long long)numbers[i].max);
        return wrong(numbers[i].name, text, range);
    }
    switch (opt) {
    case 'P':
        o->lines = v;
        break;
    case 'T':
        o->workers = v;
        break;
    case 'C':
        o->errands = v;
        break;
    case OPT_SCISSORS:
        o->scissors = v;
        break;
    case OPT_COMPUTE:
        o->compute_ns = (int64_t)v * 1000;
        break;
    case OPT_WAIT:
        o->wait_ns = (int64_t)v * 1000;
        break;
    default:
        o->steps = v;
        break;
    }
    return 0;
}

static int parse_one(struct factory_order *o, int opt, char **argv)
{
    int rc;

    switch (opt) {
    case 'h':
        fputs(usage, stdout);
        return 0;
    case OPT_BY:
        return add_way(o, optarg);
    case OPT_JSON:
        o->json = true;
        return -1;
    case OPT_QUICK:
        o->quick = true;
        return -1;
    case ':':
        return wrong("option", argv[optind - 1], "it needs a value");
    case '?':
        return wrong("option", argv[optind - 1],
                     "there is none; factory --help names them");
    default:
        rc = set_number(o, opt, optarg);
        return rc == 0 ? -1 : rc;
    }
}

int factory_parse(struct factory_order *ret, int argc, char **argv)
{
    struct factory_order o = {
        .scissors = 500,
        .workers = 16,
        .steps = 3,
        .compute_ns = 300000,
        .wait_ns = 6000000,
    };
    int cpus[1024], n = mr_sys_cpus(cpus, 1024), opt, status;
    bool any = false;

    o.lines = n > 0 ? (uint64_t)n : 1;
    opterr = 0;
    optind = 1;
    while ((opt = getopt_long(argc, argv, ":hP:T:C:", long_options, NULL)) !=
           -1) {
        status = parse_one(&o, opt, argv);
        if (status >= 0)
            return status;
    }
    if (optind == argc) {
        fputs("factory: nothing to do: try 'factory make', or --help\n",
              stderr);
        return 2;
    }
    if (strcmp(argv[optind], "make") != 0 || optind + 1 < argc)
        return wrong("argument",
                     argv[optind + (strcmp(argv[optind], "make") == 0)],
                     "the only command is 'make'");
    for (int way = 0; way < FACTORY_WAY_COUNT; way++)
        any |= o.by[way];
    if (!any)
        memset(o.by, true, sizeof o.by);
    *ret = o;
    return -1;
}
