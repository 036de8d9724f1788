/* SPDX-License-Identifier: MIT */
/* fuzz_auth.c - any bytes as an Authorization field, as a password file, and as
 * what is said in base64: that comes back as it was. */
#include "http/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Six bits at a time, one after the other. */
static size_t encode(char *out, const uint8_t *p, size_t n, bool padded)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;

    for (size_t bit = 0; bit < n * 8; bit += 6) {
        unsigned d = 0;

        for (size_t b = bit; b < bit + 6; b++)
            d = d << 1 | (b < n * 8 ? p[b / 8] >> (7 - b % 8) & 1u : 0u);
        out[at++] = digits[d];
    }
    while (padded && at % 4 != 0)
        out[at++] = '=';
    return at;
}

static void round_trip(struct mr_arena *a, const uint8_t *p, size_t n)
{
    char field[6 + 1024 * 4 / 3 + 8] = "bAsIc ";
    const uint8_t *colon = memchr(p, ':', n);
    struct mr_str user, password;
    size_t len;
    int err;

    if (n > 1024)
        return;
    len = 6 + encode(field + 6, p, n, n % 2);
    err = mr_auth_basic(a, mr_str_n(field, len), &user, &password);
    MR_BUG_ON(!err != !!colon);
    if (err)
        return;
    MR_BUG_ON(!mr_str_eq(user, mr_str_n((const char *)p, (size_t)(colon - p))));
    MR_BUG_ON(!mr_str_eq(password, mr_str_n((const char *)colon + 1,
                                            n - (size_t)(colon - p) - 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str in = {(const char *)data, size}, user, password;
    struct mr_auth *auth;
    struct mr_arena a;
    const char *why;
    unsigned line;

    if (size == 0)
        return 0;
    mr_arena_init(&a, 256);
    if (mr_auth_basic(&a, in, &user, &password) == 0)
        MR_BUG_ON(mr_str_find(user, ':') >= 0 || password.p == NULL);
    if (mr_auth_parse(&auth, in, "r", &line, &why) != 0)
        MR_BUG_ON(auth || !*why || line == 0);
    mr_auth_free(auth);
    round_trip(&a, data, size);
    mr_arena_fini(&a);
    return 0;
}
