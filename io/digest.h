/* SPDX-License-Identifier: MIT */
#ifndef IO_DIGEST_H
#define IO_DIGEST_H

/*
 * digest.h - the digest of bytes that come in pieces.
 *
 *     rc = mr_digest_new(&d, MR_DIGEST_SHA256);
 *     rc = mr_digest_add(d, p, n);                  as often as wanted
 *     rc = mr_digest_end(d, &sum);
 *     mr_digest_free(d);
 *
 * Never parks, and knows no hub: on a helper thread too, by one at a time.
 * Large pieces cost time: 0.5 to 3 ms for a MiB.
 */
#include "io/checksum.h"

struct mr_digest;

/* 0 and a new one; -ENOMEM; -EOPNOTSUPP: not in this build (TLS=none), or not
 * allowed on this machine. */
MR_API MR_MUST_USE int mr_digest_new(struct mr_digest **ret,
                                     enum mr_digest_kind kind);
/* 0, or -EIO: the library failed. */
MR_API MR_MUST_USE int mr_digest_add(struct mr_digest *d, const void *p,
                                     size_t n);
/* Of all that was added. Once. 0 or -EIO. */
MR_API MR_MUST_USE int mr_digest_end(struct mr_digest *d,
                                     struct mr_checksum *ret);
/* NULL does nothing. */
MR_API void mr_digest_free(struct mr_digest *d);
MR_DEFINE_AUTO(digest)

#endif
