/* SPDX-License-Identifier: MIT */
/* fuzz_netrc.c - any bytes as a .netrc file: read or refused with a reason. */
#include <errno.h>

#include "http/netrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str user, password, none = {0};
    char why[MR_NETRC_WHY];
    struct mr_netrc *n;
    int rc = mr_netrc_parse(&n, mr_str_n((const char *)data, size), why);

    MR_BUG_ON(rc != 0 && rc != -EINVAL);
    MR_BUG_ON((rc != 0) != (why[0] != '\0') || (rc == 0) != (n != NULL));
    if (mr_netrc_find(n, mr_str("a"), none, &user, &password))
        MR_BUG_ON(user.n + password.n > size);
    if (mr_netrc_find(n, mr_str("a"), mr_str("u"), &user, &password))
        MR_BUG_ON(!mr_str_is(user, "u"));
    mr_netrc_free(n);
    return 0;
}
