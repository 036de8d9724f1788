/* SPDX-License-Identifier: MIT */

/* checksum.c - what a file's digest ought to be, as text and as bytes. */
#include "io/checksum.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"

static const struct {
    const char *name;
    size_t size;
    bool weak;
} kinds[] = {
#define X(id, name, size, weak) {name, size, weak},
    MR_DIGESTS(X)
#undef X
};

const char *mr_digest_name(enum mr_digest_kind kind)
{
    return kinds[kind].name;
}

size_t mr_digest_size(enum mr_digest_kind kind)
{
    return kinds[kind].size;
}

bool mr_digest_is_weak(enum mr_digest_kind kind)
{
    return kinds[kind].weak;
}

/* "sha-256" is how RFC 9530 writes it, and many pages. */
static bool kind_is(struct mr_str text, const char *name)
{
    char plain[16];
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '-')
            continue;
        if (n == sizeof plain)
            return false;
        plain[n++] = text.p[i];
    }
    return mr_str_is_case(mr_str_n(plain, n), name);
}

static int parse_hex(struct mr_str hex, uint8_t *out)
{
    uint64_t byte;

    for (size_t i = 0; i < hex.n / 2; i++) {
        if (mr_str_hex_to_u64(mr_str_n(hex.p + 2 * i, 2), 255, &byte))
            return -EINVAL;
        out[i] = (uint8_t)byte;
    }
    return 0;
}

int mr_checksum_parse(struct mr_str text, struct mr_checksum *ret,
                      const char **ret_reason)
{
    struct mr_checksum sum = {.kind = MR_DIGEST_KINDS};
    struct mr_str rest = text, kind = {0};

    *ret_reason = "a checksum is KIND=HEX, as in sha256=9f86d0...";
    if (!mr_str_split(&rest, '=', &kind) || !rest.p)
        return -EINVAL;
    for (size_t i = 0; i < MR_DIGEST_KINDS; i++)
        if (kind_is(mr_str_trim(kind), kinds[i].name))
            sum.kind = (enum mr_digest_kind)i;
    *ret_reason = "the kind of checksum is none of sha256, sha512, sha384, "
                  "sha1, md5";
    if (sum.kind == MR_DIGEST_KINDS)
        return -EINVAL;
    rest = mr_str_trim(rest);
    sum.n = kinds[sum.kind].size;
    *ret_reason = "the checksum has not as many digits as its kind";
    if (rest.n != 2 * sum.n)
        return -EINVAL;
    *ret_reason = "the checksum is not written in hexadecimal digits";
    if (parse_hex(rest, sum.bytes))
        return -EINVAL;
    *ret = sum;
    return 0;
}

void mr_checksum_format(char out[MR_CHECKSUM_TEXT],
                        const struct mr_checksum *sum)
{
    int n = snprintf(out, MR_CHECKSUM_TEXT, "%s=", kinds[sum->kind].name);

    for (size_t i = 0; i < sum->n; i++)
        n += snprintf(out + n, MR_CHECKSUM_TEXT - (size_t)n, "%02x",
                      sum->bytes[i]);
}

bool mr_checksum_eq(const struct mr_checksum *a, const struct mr_checksum *b)
{
    return a->kind == b->kind && a->n == b->n &&
           memcmp(a->bytes, b->bytes, a->n) == 0;
}
