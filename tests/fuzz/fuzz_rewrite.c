/* SPDX-License-Identifier: MIT */

/* fuzz_rewrite.c - a pattern, a target and a path, on a line each: what comes
 * out is a clean path, and nothing that was checked fails to be one. */
#include "http/rewrite.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str rest = mr_str_n((const char *)data, size), pattern, to, path;
    struct mr_str query = mr_str("q"), part;
    const char *why, *target;
    struct mr_arena arena;
    struct mr_router r;

    if (!mr_str_split(&rest, '\n', &pattern) ||
        !mr_str_split(&rest, '\n', &to) || !mr_str_split(&rest, '\n', &path))
        return 0;
    mr_arena_init(&arena, 512);
    mr_router_init(&r);
    target = mr_arena_dup(&arena, to);
    if (mr_rewrite_check(pattern, mr_str(target), &why) == 0 &&
        mr_router_add(&r, pattern, (void *)(uintptr_t)target, &why) == 0 &&
        mr_url_decode_path(&arena, path, &path) == 0) {
        MR_BUG_ON(mr_rewrite(&r, &arena, MR_METHOD_GET, &path, &query));
        MR_BUG_ON(path.n == 0 || path.p[0] != '/' || query.n == 0);
        while (mr_str_split(&path, '/', &part))
            MR_BUG_ON(mr_str_is(part, "..") || mr_str_is(part, "."));
    }
    mr_router_fini(&r);
    mr_arena_fini(&arena);
    return 0;
}
