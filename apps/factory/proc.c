/* SPDX-License-Identifier: MIT */

/* proc.c - numbers out of /proc and its like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/factory/factory.h"

/* Lines of /proc are shorter; a longer one is read in pieces. */
#define LINE 256

uint64_t factory_proc_number(const char *path, const char *name)
{
    char line[LINE], *end;
    uint64_t v = FACTORY_UNKNOWN;
    size_t n = strlen(name);
    FILE *f = fopen(path, "re");

    if (!f)
        return v;
    while (v == FACTORY_UNKNOWN && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, n) != 0)
            continue;
        v = strtoull(line + n, &end, 10);
        if (end == line + n)
            v = FACTORY_UNKNOWN;
    }
    (void)fclose(f); /* it was only read */
    return v;
}

uint64_t factory_proc_tasks(void)
{
    unsigned long long n = 0;
    FILE *f = fopen("/proc/loadavg", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%*s %*s %*s %*u/%llu", &n) != 1)
        n = 0;
    (void)fclose(f); /* it was only read */
    return n;
}
