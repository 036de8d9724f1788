/* SPDX-License-Identifier: MIT */

/* fuzz_hosts.c - names, one on a line: each that is taken is found again, as it
 * is and with a port. */
#include <stdio.h>

#include "http/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str rest = mr_str_n((const char *)data, size), name;
    struct mr_hosts h;
    const char *why;
    char text[300];

    mr_hosts_init(&h);
    while (mr_str_split(&rest, '\n', &name)) {
        bool wild = name.n > 1 && name.p[0] == '*';
        bool fits =
            mr_hosts_add(&h, name, (void *)(uintptr_t)name.p, &why) == 0;

        (void)mr_hosts_find(&h, name);
        if (!fits)
            continue;
        MR_BUG_ON(mr_hosts_get(&h, name) != name.p);
        snprintf(text, sizeof text, "%s%.*s:80", wild ? "x" : "",
                 (int)(name.n - wild), name.p + wild);
        /* a longer name would be cut, or is none */
        MR_BUG_ON(name.n < 250 && !mr_hosts_find(&h, mr_str(text)));
    }
    mr_hosts_fini(&h);
    return 0;
}
