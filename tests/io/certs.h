/* SPDX-License-Identifier: MIT */
#ifndef TESTS_IO_CERTS_H
#define TESTS_IO_CERTS_H

/*
 * certs.h - certificates for a test, made when it runs, in a directory of its
 * own, which goes with certs_remove.
 *
 *     certs_make();
 *     certs_add(&(struct cert_spec){.file = "a", .san = "DNS:a.example"});
 *     ... certs_path("a.pem"), certs_path("a.key"), certs_path("ca.pem") ...
 *
 * over budget: making certificates takes many small calls.
 */
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/test.h"

struct cert_spec {
    const char *file; /* FILE.pem and FILE.key */
    const char *san;  /* "DNS:a.example,IP:127.0.0.1" */
    long from, to;    /* seconds from now [-3600, 86400] */
    bool self;        /* signed by itself */
    bool ocsp;        /* FILE.ocsp too: the authority says that it is good */
    long ocsp_to;     /* its next update, seconds from now [3600] */
};

static char certs_dir[64];
static EVP_PKEY *certs_ca_key;
static X509 *certs_ca;
static long certs_serial = 1;

/* Of at most eight at a time. */
static inline const char *certs_path(const char *file)
{
    static char path[8][128];
    static unsigned at;
    char *p = path[at++ % 8];

    snprintf(p, sizeof path[0], "%s/%s", certs_dir, file);
    return p;
}

static inline const char *certs_path2(const char *file, const char *ext)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s", file, ext);
    return certs_path(name);
}

static inline void certs_extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    CHECK_OK(e && X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

static inline X509 *certs_new(EVP_PKEY *key, const char *cn, long from, long to)
{
    X509 *x = X509_new();

    CHECK_OK(x != NULL);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), certs_serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), to);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)cn, -1, -1, 0);
    return x;
}

static inline void certs_save(const char *file, X509 *x, EVP_PKEY *key)
{
    FILE *f = fopen(certs_path2(file, ".pem"), "w");

    CHECK_OK(f && PEM_write_X509(f, x));
    fclose(f);
    f = fopen(certs_path2(file, ".key"), "w");
    CHECK_OK(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    CHECK_EQ_INT(chmod(certs_path2(file, ".key"), 0640), 0);
}

static inline void certs_add_ocsp(const struct cert_spec *s, X509 *x)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, x, certs_ca);
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
    ASN1_TIME *next = X509_gmtime_adj(NULL, s->ocsp_to ? s->ocsp_to : 3600);
    unsigned char *der = NULL;
    OCSP_RESPONSE *r;
    int n;
    FILE *f = fopen(certs_path2(s->file, ".ocsp"), "w");

    CHECK_OK(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL,
                                    now, next) != NULL);
    CHECK_OK(
        OCSP_basic_sign(basic, certs_ca, certs_ca_key, EVP_sha256(), NULL, 0));
    r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    n = i2d_OCSP_RESPONSE(r, &der);
    CHECK_OK(f && n > 0 && fwrite(der, (size_t)n, 1, f) == 1);
    fclose(f);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
}

static inline void certs_add(const struct cert_spec *s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = certs_new(key, s->file, s->from ? s->from : -3600,
                        s->to ? s->to : 86400);

    certs_extend(x, NID_subject_alt_name, s->san);
    X509_set_issuer_name(x, X509_get_subject_name(s->self ? x : certs_ca));
    CHECK_OK(X509_sign(x, s->self ? key : certs_ca_key, EVP_sha256()) > 0);
    certs_save(s->file, x, key);
    if (s->ocsp)
        certs_add_ocsp(s, x);
    X509_free(x);
    EVP_PKEY_free(key);
}

static inline void certs_make(void)
{
    snprintf(certs_dir, sizeof certs_dir, "/tmp/mr_test_certs_XXXXXX");
    CHECK_OK(mkdtemp(certs_dir) != NULL);
    certs_ca_key = EVP_EC_gen("P-256");
    certs_ca = certs_new(certs_ca_key, "test authority", -7200, 864000);
    certs_extend(certs_ca, NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(certs_ca, X509_get_subject_name(certs_ca));
    CHECK_OK(X509_sign(certs_ca, certs_ca_key, EVP_sha256()) > 0);
    certs_save("ca", certs_ca, certs_ca_key);
}

static inline void certs_remove(void)
{
    char command[96];

    X509_free(certs_ca);
    EVP_PKEY_free(certs_ca_key);
    snprintf(command, sizeof command, "rm -r %s", certs_dir);
    CHECK_EQ_INT(system(command), 0);
}

#endif
