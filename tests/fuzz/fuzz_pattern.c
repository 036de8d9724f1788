/* SPDX-License-Identifier: MIT */

/* fuzz_pattern.c - any text as a route's pattern, which then takes its own path
 * and nothing that only begins like it. */
#include "http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_router r;
    struct mr_route_match m;
    const char *why;

    mr_router_init(&r);
    if (mr_router_add(&r, mr_str_n((const char *)data, size), &r, &why) == 0) {
        const struct mr_route *route = &r.v[0];
        enum mr_method method = route->method ? route->method : MR_METHOD_GET;

        if (mr_router_match(&r, method, route->path, &m) != MR_ROUTE_FOUND ||
            m.rest.n == 0)
            __builtin_trap();
    }
    mr_router_fini(&r);
    return 0;
}
