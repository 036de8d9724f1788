/* SPDX-License-Identifier: MIT */
/* fuzz_auth.c - any bytes as an Authorization field, and as a password file. */
#include "http/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str in = {(const char *)data, size}, user, password;
    struct mr_auth *auth;
    struct mr_arena a;
    const char *why;
    unsigned line;

    mr_arena_init(&a, 256);
    if (mr_auth_basic(&a, in, &user, &password) == 0)
        MR_BUG_ON(mr_str_find(user, ':') >= 0 || password.p == NULL);
    if (mr_auth_parse(&auth, in, "r", &line, &why) != 0)
        MR_BUG_ON(auth || !*why || line == 0);
    mr_auth_free(auth);
    mr_arena_fini(&a);
    return 0;
}
