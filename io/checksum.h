/* SPDX-License-Identifier: MIT */
#ifndef IO_CHECKSUM_H
#define IO_CHECKSUM_H

/*
 * checksum.h - what a file's digest ought to be, as text and as bytes.
 *
 *     rc = mr_checksum_parse(mr_str("sha256=9f86d0..."), &sum, &reason);
 *     mr_checksum_format(text, &sum);              "sha256=9f86d0..."
 *
 * Pure. The hashing itself is io/digest.h.
 */
#include "core/str.h"

/* id, name, bytes, weak: a file that has it can be forged. */
#define MR_DIGESTS(X)              \
    X(SHA256, "sha256", 32, false) \
    X(SHA512, "sha512", 64, false) \
    X(SHA384, "sha384", 48, false) \
    X(SHA1, "sha1", 20, true)      \
    X(MD5, "md5", 16, true)

enum mr_digest_kind {
#define X(id, name, size, weak) MR_DIGEST_##id,
    MR_DIGESTS(X)
#undef X
        MR_DIGEST_KINDS
};

#define MR_DIGEST_MAX 64
/* For mr_checksum_format, with its NUL. */
#define MR_CHECKSUM_TEXT (8 + 2 * MR_DIGEST_MAX + 1)

struct mr_checksum {
    enum mr_digest_kind kind;
    size_t n; /* of bytes, as the kind has it */
    uint8_t bytes[MR_DIGEST_MAX];
};

MR_API const char *mr_digest_name(enum mr_digest_kind kind);
MR_API size_t mr_digest_size(enum mr_digest_kind kind);
/* It tells damage, but not forgery. */
MR_API bool mr_digest_is_weak(enum mr_digest_kind kind);

/* "KIND=HEX"; the kind in any case, also with a '-' ("SHA-256=..."). 0, or
 * -EINVAL and a static reason. */
MR_API MR_MUST_USE int mr_checksum_parse(struct mr_str text,
                                         struct mr_checksum *ret,
                                         const char **ret_reason);
/* NUL-terminated. */
MR_API void mr_checksum_format(char out[MR_CHECKSUM_TEXT],
                               const struct mr_checksum *sum);
MR_API bool mr_checksum_eq(const struct mr_checksum *a,
                           const struct mr_checksum *b);

#endif
