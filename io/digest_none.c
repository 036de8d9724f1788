/* SPDX-License-Identifier: MIT */

/* digest_none.c - no digests: for builds without OpenSSL (make TLS=none). */
#include "io/digest.h"

#include <errno.h>

int mr_digest_new(struct mr_digest **ret, enum mr_digest_kind kind)
{
    (void)ret;
    (void)kind;
    return -EOPNOTSUPP;
}

/* There is none to call these with. */
int mr_digest_add(struct mr_digest *d, const void *p, size_t n)
{
    (void)d;
    (void)p;
    (void)n;
    return -EIO;
}

int mr_digest_end(struct mr_digest *d, struct mr_checksum *ret)
{
    (void)d;
    (void)ret;
    return -EIO;
}

void mr_digest_free(struct mr_digest *d)
{
    (void)d;
}
