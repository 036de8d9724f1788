/* SPDX-License-Identifier: MIT */

/* test_digest.c - digests of pieces, and checksums as text. */
#include <errno.h>

#include "core/sys.h"
#include "io/digest.h"
#include "tests/test.h"

/* Of "abc": FIPS 180-2, RFC 1321. */
static const char *const abc[] = {
    "sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha512=ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "sha384=cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
    "8086072ba1e7cc2358baeca134c825a7",
    "sha1=a9993e364706816aba3e25717850c26c9cd0d89d",
    "md5=900150983cd24fb0d6963f7d28e17f72",
};

TEST(known_answers)
{
    EQ_INT(MR_ARRAY_LEN(abc), MR_DIGEST_KINDS);
    for (size_t i = 0; i < MR_ARRAY_LEN(abc); i++) {
        struct mr_checksum want, got;
        char text[MR_CHECKSUM_TEXT];
        const char *reason = "";
        MR_AUTO(digest) d = NULL;

        CASE("%s", abc[i]);
        EQ_INT(mr_checksum_parse(mr_str(abc[i]), &want, &reason), 0);
        EQ_INT(mr_digest_new(&d, want.kind), 0);
        EQ_INT(mr_digest_add(d, "a", 1), 0);
        EQ_INT(mr_digest_add(d, "", 0), 0);
        EQ_INT(mr_digest_add(d, "bc", 2), 0);
        EQ_INT(mr_digest_end(d, &got), 0);
        mr_checksum_format(text, &got);
        EQ_STR(text, abc[i]);
        OK(mr_checksum_eq(&got, &want));
        got.bytes[got.n - 1] ^= 1;
        OK(!mr_checksum_eq(&got, &want));
    }
}

#define MD5 "900150983cd24fb0d6963f7d28e17f72"
static const struct {
    const char *in;
    int want;
    const char *reason; /* part of it */
} texts[] = {
    {"md5=" MD5, 0, ""},
    {"MD5=" MD5, 0, ""},
    {"md-5= " MD5 " ", 0, ""},
    {"Md5=900150983CD24FB0D6963F7D28E17F72", 0, ""},
    {"md5", -EINVAL, "KIND=HEX"},
    {"", -EINVAL, "KIND=HEX"},
    {"=" MD5, -EINVAL, "none of"},
    {"crc32=" MD5, -EINVAL, "none of"},
    {"sha256-and-more-of-it=" MD5, -EINVAL, "none of"},
    {"md5=" MD5 "0", -EINVAL, "digits"},
    {"md5=", -EINVAL, "digits"},
    {"sha1=" MD5, -EINVAL, "digits"},
    {"md5=9001509 3cd24fb0d6963f7d28e17f72", -EINVAL, "hexadecimal"},
    {"md5=g00150983cd24fb0d6963f7d28e17f72", -EINVAL, "hexadecimal"},
};

TEST(checksum_texts)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(texts); i++) {
        struct mr_checksum sum;
        char text[MR_CHECKSUM_TEXT];
        const char *reason = "";

        CASE("%s", texts[i].in);
        EQ_INT(mr_checksum_parse(mr_str(texts[i].in), &sum, &reason),
               texts[i].want);
        if (texts[i].want) {
            OK(strstr(reason, texts[i].reason));
            continue;
        }
        mr_checksum_format(text, &sum);
        EQ_STR(text, "md5=" MD5);
        OK(mr_digest_is_weak(sum.kind));
    }
    OK(!mr_digest_is_weak(MR_DIGEST_SHA256));
}

TEST(digest_without_memory)
{
    struct mr_digest *d = NULL;

    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_digest_new(&d, MR_DIGEST_SHA256), -ENOMEM);
    EQ_PTR(d, NULL);
    mr_digest_free(NULL);
}

SUITE("digests", known_answers, checksum_texts, digest_without_memory)
TEST_MAIN()
