/* SPDX-License-Identifier: MIT */
#ifndef IO_TLS_PRIV_H
#define IO_TLS_PRIV_H

/*
 * tls_priv.h - what the files of TLS share. OpenSSL is
 * named in these files only.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls.h"

struct mr_tls_own_cert {
    SSL_CTX *ssl;
    X509 *leaf; /* in ssl */
    unsigned char *ocsp;
    size_t ocsp_n;
    int64_t ocsp_until; /* seconds since 1970; INT64_MAX: it does not say */
};

struct mr_tls_context {
    unsigned refs; /* atomic, as are the counts */
    struct mr_tls_counts counts;
    uint64_t id; /* no other context of the process has or had it */
    bool server;
    bool insecure;
    bool ktls;
    SSL_CTX *ssl;    /* a server's: its first certificate's */
    BIO_METHOD *bio; /* tls.c */
    struct mr_tls_tickets *tickets;
    struct mr_tls_own_cert *certs;
    size_t n_certs;
    unsigned char alpn[256]; /* as on the wire */
    size_t alpn_n;
};

struct mr_tls {
    struct mr_stream stream;
    SSL *ssl;
    struct mr_tls_context *ctx;
    struct mr_tls_sessions *sessions;
    char *origin;
    X509 *misnamed; /* the peer's, when it is for other names */
    int fd;
    int err;         /* of the BIO's last call that failed for good */
    unsigned budget; /* receives that this call of OpenSSL may make */
    bool more;       /* this call's bytes may wait for others' */
    bool drained;
    bool whole; /* as of struct mr_stream_fd */
    bool ended; /* the BIO has read the end */
    bool broken;
    bool said_goodbye;
    char why[160];
};

/* mr_tls_settle: the peer has said goodbye. */
#define MR_TLS_GOODBYE 1

/* Before each call of OpenSSL. */
void mr_tls_ready(struct mr_tls *t);
/* After one that returned ret: 0 to make it again, MR_TLS_GOODBYE, or -Exxx.
 * May park. */
MR_MUST_USE int mr_tls_settle(struct mr_tls *t, int ret, int64_t deadline);
/* It has failed for good: err. text NULL: err's. */
int mr_tls_fail(struct mr_tls *t, int err, const char *text);
/* All of it, with its descriptor; says nothing to the peer. */
void mr_tls_free(struct mr_tls *t);
extern const struct mr_stream_ops mr_tls_ops;

/* tls.c: how a connection's bytes go through core/sys.h. NULL: no memory. */
BIO_METHOD *mr_tls_bio_new(void);
/* tls_handshake.c: of each certificate that is looked at. */
int mr_tls_on_verify(int ok, X509_STORE_CTX *store);
/* tls_handshake.c: a session came for this connection. 1: it was taken. */
int mr_tls_on_session(SSL *ssl, SSL_SESSION *session);

/* tls_tickets.c: of OpenSSL, for a ticket that is made or has come. */
int mr_tls_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt);

/* What OpenSSL says is wrong, and forget it; never NULL, static. */
const char *mr_tls_reason(void);
/* Write to why; err. And the same with a file's name and the reason: -EINVAL.
 */
int mr_tls_explain(char *why, int err, const char *fmt, ...) MR_PRINTF(3, 4);
int mr_tls_unusable(char *why, const char *path);

/* tls_files.c: into that SSL_CTX; into that certificate. 0, or explained. */
MR_MUST_USE int mr_tls_load_pair(SSL_CTX *ssl, const struct mr_tls_cert *c,
                                 char *why);
MR_MUST_USE int mr_tls_load_ocsp(struct mr_tls_own_cert *own, const char *path,
                                 char *why);

/* tls_session.c: a session for that origin, the caller's, or NULL; and one that
 * is taken (or freed). */
SSL_SESSION *mr_tls_sessions_get(struct mr_tls_sessions *s, uint64_t context,
                                 const char *origin);
void mr_tls_sessions_put(struct mr_tls_sessions *s, uint64_t context,
                         const char *origin, SSL_SESSION *session);

#endif
