/* SPDX-License-Identifier: MIT */
/* fuzz_uri.c - any bytes as a URI, and as a reference: what comes out is clean,
 * and parses to itself. */
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct mr_arena *a, const struct mr_uri *u)
{
    struct mr_uri again;

    for (size_t i = 0; i < u->text.n; i++)
        MR_BUG_ON(u->text.p[i] <= ' ' || u->text.p[i] >= 0x7f);
    for (size_t i = 0; i < u->fragment.n; i++)
        MR_BUG_ON(u->fragment.p[i] <= ' ' || u->fragment.p[i] >= 0x7f);
    MR_BUG_ON(!mr_url_authority_is_valid(u->authority));
    MR_BUG_ON(u->host.n == 0 || u->port == 0 || u->path.p[0] != '/');
    MR_BUG_ON(mr_str_find(u->path, '?') >= 0 || mr_str_find(u->text, '#') >= 0);
    MR_BUG_ON(memmem(u->path.p, u->path.n, "/../", 4) ||
              memmem(u->path.p, u->path.n, "/./", 3));
    MR_BUG_ON(mr_uri_parse(a, u->text, &again, NULL) != 0);
    MR_BUG_ON(!mr_str_eq(again.text, u->text) ||
              !mr_uri_same_origin(&again, u));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str text = {(const char *)data, size};
    struct mr_uri base, u;
    const char *why = NULL;
    struct mr_arena a;

    mr_arena_init(&a, 256);
    if (mr_uri_parse(&a, text, &u, &why) == 0)
        check(&a, &u);
    else
        MR_BUG_ON(!why);
    if (mr_uri_guess(&a, text, &u, NULL) == 0)
        check(&a, &u);
    MR_BUG_ON(mr_uri_parse(&a, mr_str("https://u:p@[::1]:1/b/c/d;p?q#x"), &base,
                           NULL));
    if (mr_uri_resolve(&a, &base, text, &u, NULL) == 0)
        check(&a, &u);
    mr_arena_fini(&a);
    return 0;
}
