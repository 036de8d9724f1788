/* SPDX-License-Identifier: MIT */

/*
 * tls_files.c - certificates, keys and OCSP responses out of files.
 *
 *  (1) A key's file is looked at through the descriptor that is read, so what
 *      was checked is what is used; its bytes are wiped.
 *
 * OpenSSL keeps a queue of errors for each thread. Who calls it asks for the
 * reason at once, before anybody else runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/sys.h"
#include "io/tls_priv.h"

/* What nobody's chain of certificates comes near. */
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

int mr_tls_explain(char *why, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, MR_TLS_WHY, fmt, ap);
    va_end(ap);
    return err;
}

const char *mr_tls_reason(void)
{
    /* The first is the cause; those behind it say where that was met. */
    const char *text = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return text ? text : "unknown reason";
}

/* --- files --- */

/* 0, and the file in b; else explained. */
static int read_opened(int fd, const char *path, bool secret, struct mr_buf *b,
                       char *why)
{
    struct stat st;
    int rc = mr_sys_fstat(fd, &st);

    if (rc == 0 && !S_ISREG(st.st_mode))
        return mr_tls_explain(why, -EINVAL, "%s: not a file", path);
    if (rc == 0 && secret && (st.st_mode & (S_IROTH | S_IWOTH)))
        return mr_tls_explain(
            why, -EPERM, "%s: others may use this key (mode %04o): chmod o= it",
            path, (unsigned)st.st_mode & 07777);
    if (rc == 0 && secret && (st.st_mode & S_IWGRP))
        return mr_tls_explain(
            why, -EPERM,
            "%s: its group may replace this key (mode %04o): chmod g-w it",
            path, (unsigned)st.st_mode & 07777);
    /* At once: what a buffer grows out of is not wiped. */
    if (rc == 0)
        rc = mr_buf_reserve(
            b, (size_t)MR_MIN(st.st_size, (off_t)FILE_MAX_BYTES) + 4096);
    if (rc == 0)
        rc = mr_buf_read_fd(b, fd, FILE_MAX_BYTES);
    if (rc)
        return mr_tls_explain(why, rc, "%s: %s", path, mr_strerror(rc));
    if (b->len > FILE_MAX_BYTES)
        return mr_tls_explain(why, -EINVAL, "%s: larger than 1 MiB", path);
    return 0;
}

static int read_file(const char *path, bool secret, struct mr_buf *b, char *why)
{
    int fd, rc;

    if (!path)
        return mr_tls_explain(why, -EINVAL, "a file is missing");
    fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0)
        return mr_tls_explain(why, fd, "%s: %s", path, mr_strerror(fd));
    rc = read_opened(fd, path, secret, b, why);
    mr_sys_close(fd);
    return rc;
}

static void wipe(struct mr_buf *b)
{
    if (b->data)
        OPENSSL_cleanse(b->data, b->cap);
    mr_buf_fini(b);
}

/* Else OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)arg = true;
    return -1;
}

int mr_tls_unusable(char *why, const char *path)
{
    return mr_tls_explain(why, -EINVAL, "%s: %s", path, mr_tls_reason());
}

static void warn_if_expired(const char *path, const X509 *leaf)
{
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        mr_log(MR_LOG_WARN, "%s: this certificate has expired", path);
}

/* The server's own certificate, and those that lead to its root. */
static int use_chain(SSL_CTX *ssl, const char *path, BIO *pem, char *why)
{
    bool asked = false;
    X509 *x = PEM_read_bio_X509_AUX(pem, NULL, no_password, &asked);
    int ok;

    if (!x)
        return mr_tls_explain(why, -EINVAL, "%s: holds no certificate", path);
    ok = SSL_CTX_use_certificate(ssl, x);
    warn_if_expired(path, x);
    X509_free(x);
    if (!ok)
        return mr_tls_unusable(why, path);
    while ((x = PEM_read_bio_X509(pem, NULL, no_password, &asked))) {
        if (!SSL_CTX_add0_chain_cert(ssl, x)) {
            X509_free(x);
            return mr_tls_unusable(why, path);
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return mr_tls_unusable(why, path);
    ERR_clear_error(); /* the end of the file */
    return 0;
}

static int use_key(SSL_CTX *ssl, const struct mr_tls_cert *c, BIO *pem,
                   char *why)
{
    bool asked = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_password, &asked);
    int ok;

    if (!key && asked)
        return mr_tls_explain(why, -EINVAL,
                              "%s: is encrypted: store it without", c->key);
    if (!key)
        return mr_tls_explain(why, -EINVAL, "%s: holds no private key", c->key);
    ok = SSL_CTX_use_PrivateKey(ssl, key) && SSL_CTX_check_private_key(ssl);
    EVP_PKEY_free(key);
    if (ok)
        return 0;
    ERR_clear_error();
    return mr_tls_explain(why, -EKEYREJECTED, "%s: is not the key of %s",
                          c->key, c->certificate);
}

/* --- OCSP --- */

/* What it says of that serial number, or NULL. (Whose numbers they are stands
 * there as a digest, of a kind that it chooses; the client looks.) */
static OCSP_SINGLERESP *ocsp_single(OCSP_BASICRESP *basic,
                                    const ASN1_INTEGER *serial)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        ASN1_INTEGER *of = NULL;

        if (OCSP_id_get0_info(
                NULL, NULL, NULL, &of,
                (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one)) &&
            ASN1_INTEGER_cmp(of, serial) == 0)
            return one;
    }
    return NULL;
}

/* When the response is due to be replaced; false: it is none that says "good
 * until" of that certificate. */
static bool ocsp_until(OCSP_RESPONSE *r, const X509 *cert, int64_t *ret)
{
    OCSP_BASICRESP *basic = NULL;
    OCSP_SINGLERESP *one = NULL;
    ASN1_GENERALIZEDTIME *next = NULL;
    struct tm tm;
    bool ok = false;

    if (OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(r);
    if (basic && cert)
        one = ocsp_single(basic, X509_get0_serialNumber(cert));
    if (one && OCSP_single_get0_status(one, NULL, NULL, NULL, &next) ==
                   V_OCSP_CERTSTATUS_GOOD) {
        *ret = INT64_MAX;
        ok = !next || ASN1_TIME_to_tm(next, &tm);
        if (next && ok)
            *ret = timegm(&tm);
    }
    OCSP_BASICRESP_free(basic);
    return ok;
}

int mr_tls_load_ocsp(struct mr_tls_own_cert *own, const char *path, char *why)
{
    struct mr_buf b = {0};
    OCSP_RESPONSE *r;
    const unsigned char *p;
    int rc = read_file(path, false, &b, why);
    bool ok;

    if (rc)
        goto out;
    p = (const unsigned char *)mr_buf_head(&b);
    r = d2i_OCSP_RESPONSE(NULL, &p, (long)b.len);
    ok = r && ocsp_until(r, own->leaf, &own->ocsp_until);
    OCSP_RESPONSE_free(r);
    ERR_clear_error();
    if (!ok) {
        rc = mr_tls_explain(
            why, -EINVAL,
            "%s: not an OCSP response that says \"good\" of this "
            "certificate",
            path);
        goto out;
    }
    own->ocsp = mr_alloc(b.len);
    if (!own->ocsp) {
        rc = mr_tls_explain(why, -ENOMEM, "%s: %s", path, mr_strerror(-ENOMEM));
        goto out;
    }
    memcpy(own->ocsp, mr_buf_head(&b), b.len);
    own->ocsp_n = b.len;

out:
    mr_buf_fini(&b);
    return rc;
}

int mr_tls_load_pair(SSL_CTX *ssl, const struct mr_tls_cert *c, char *why)
{
    struct mr_buf b = {0};
    BIO *pem = NULL;
    int rc = read_file(c->certificate, false, &b, why);

    if (rc == 0) {
        pem = BIO_new_mem_buf(mr_buf_head(&b), (int)b.len);
        rc = pem ? use_chain(ssl, c->certificate, pem, why)
                 : mr_tls_explain(why, -ENOMEM, "%s", mr_tls_reason());
        BIO_free(pem);
    }
    mr_buf_reset(&b);
    if (rc == 0)
        rc = read_file(c->key, true, &b, why);
    if (rc == 0) {
        pem = BIO_new_mem_buf(mr_buf_head(&b), (int)b.len);
        rc = pem ? use_key(ssl, c, pem, why)
                 : mr_tls_explain(why, -ENOMEM, "%s", mr_tls_reason());
        BIO_free(pem);
    }
    wipe(&b);
    return rc;
}
