/* SPDX-License-Identifier: MIT */
/* fuzz_url.c - any bytes as a path, a query and an authority. */
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str raw = {(const char *)data, size}, path, query, link, v;
    struct mr_arena a;

    mr_arena_init(&a, 256);
    mr_url_split(raw, &path, &query);
    (void)mr_url_authority_is_valid(path);
    MR_BUG_ON(mr_url_encode_raw(&a, raw, &link) != 0);
    MR_BUG_ON(mr_url_escapes_are_valid(raw) != mr_url_escapes_are_valid(link));
    for (size_t i = 0; i < link.n; i++)
        MR_BUG_ON(link.p[i] & 0x80 || memchr(" \"<>\\^`{|}", link.p[i], 10));
    (void)mr_query_find(&a, query, "a b", &v); /* found or not, no crash */
    if (mr_url_decode_path(&a, path, &v) == 0) {
        MR_BUG_ON(v.n == 0 || v.p[0] != '/' || mr_str_find(v, '\0') >= 0);
        MR_BUG_ON(memmem(v.p, v.n, "/../", 4) || mr_str_ends(v, "/.."));
        MR_BUG_ON(memmem(v.p, v.n, "/./", 3) || mr_str_ends(v, "/."));
        /* a link to it leads back to it */
        MR_BUG_ON(mr_url_encode_path(&a, v, &link) != 0);
        MR_BUG_ON(mr_url_decode_path(&a, link, &path) != 0);
        MR_BUG_ON(!mr_str_eq(path, v));
    }
    mr_arena_fini(&a);
    return 0;
}
