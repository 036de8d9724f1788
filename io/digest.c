/* SPDX-License-Identifier: MIT */

/*
 * digest.c - the digest of bytes that come in pieces, by OpenSSL's EVP.
 *
 * A kind is fetched anew for each digest: a download has one, and a method that
 * is kept would have to be one for all threads. Its twin digest_none.c is for
 * builds without OpenSSL.
 */
#include "io/digest.h"

#include <errno.h>
#include <openssl/evp.h>

#include "core/sys.h"

struct mr_digest {
    EVP_MD_CTX *ctx;
    enum mr_digest_kind kind;
};

int mr_digest_new(struct mr_digest **ret, enum mr_digest_kind kind)
{
    struct mr_digest *d = mr_calloc(1, sizeof *d);
    EVP_MD *md;
    int err = 0;

    if (!d)
        return -ENOMEM;
    d->kind = kind;
    d->ctx = EVP_MD_CTX_new();
    md = EVP_MD_fetch(NULL, mr_digest_name(kind), NULL);
    if (!d->ctx)
        err = -ENOMEM;
    else if (!md || !EVP_DigestInit_ex(d->ctx, md, NULL))
        err = -EOPNOTSUPP;
    EVP_MD_free(md); /* the context has its own reference */
    if (err)
        mr_digest_free(d);
    else
        *ret = d;
    return err;
}

int mr_digest_add(struct mr_digest *d, const void *p, size_t n)
{
    return EVP_DigestUpdate(d->ctx, p, n) ? 0 : -EIO;
}

int mr_digest_end(struct mr_digest *d, struct mr_checksum *ret)
{
    unsigned n = 0;

    _Static_assert(MR_DIGEST_MAX >= EVP_MAX_MD_SIZE, "room for any digest");
    if (!EVP_DigestFinal_ex(d->ctx, ret->bytes, &n))
        return -EIO;
    ret->kind = d->kind;
    ret->n = n;
    return 0;
}

void mr_digest_free(struct mr_digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    mr_free(d);
}
