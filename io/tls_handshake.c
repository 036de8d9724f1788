/* SPDX-License-Identifier: MIT */

/*
 * tls_handshake.c - how a TLS connection begins, and what is said when it does
 * not.
 *
 * Calls of OpenSSL as in tls.c. A certificate's chain and name are checked by
 * OpenSSL inside the handshake: so nothing is sent to who is not trusted, and
 * the peer is told by an alert.
 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/log.h"
#include "core/sys.h"
#include "io/dns.h"
#include "io/fd.h"
#include "io/fd_priv.h"
#include "io/tls_priv.h"

/* --- before the handshake --- */

static bool is_tcp(int fd)
{
    int domain = AF_UNIX;
    socklen_t len = sizeof domain;

    /* What cannot be told is left at the dearer one. */
    return mr_sys_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           domain != AF_UNIX;
}

/* NULL: no memory; fd is closed then. */
static struct mr_tls *tls_new(struct mr_tls_context *ctx, int fd)
{
    struct mr_tls *t = mr_calloc(1, sizeof *t);
    BIO *bio;

    if (!t) {
        mr_fd_close(fd);
        return NULL;
    }
    t->stream = (struct mr_stream){.ops = &mr_tls_ops, .fd = -1};
    t->fd = fd;
    t->whole = is_tcp(fd);
    t->ctx = mr_tls_context_ref(ctx);
    t->ssl = SSL_new(ctx->ssl);
    if (!t->ssl)
        goto fail;
    SSL_set_app_data(t->ssl, t);
    if (ctx->ktls) {
        if (!SSL_set_fd(t->ssl, fd))
            goto fail;
        return t;
    }
    bio = BIO_new(ctx->bio);
    if (!bio)
        goto fail;
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio); /* takes it, once for both */
    return t;

fail:
    mr_tls_free(t);
    ERR_clear_error();
    return NULL;
}

/* An address is looked for in the certificate and not sent. */
static int expect_address(struct mr_tls *t, const struct mr_addr *a)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(t->ssl);
    bool v4 = mr_addr_family(a) == AF_INET;
    int ok = X509_VERIFY_PARAM_set1_ip(
        p,
        v4 ? (const unsigned char *)&a->in.sin_addr
           : (const unsigned char *)&a->in6.sin6_addr,
        v4 ? sizeof a->in.sin_addr : sizeof a->in6.sin6_addr);

    return ok ? 0 : -ENOMEM;
}

static int expect_host(struct mr_tls *t, const char *host)
{
    struct mr_addr a;
    char name[256];
    struct mr_str h = mr_str(host);

    if (mr_dns_literal(h, &a) == 0)
        return expect_address(t, &a);
    if (mr_dns_check(h))
        return -EINVAL;
    if (mr_str_ends(h, "."))
        h.n--; /* neither certificates nor RFC 6066 have it */
    snprintf(name, sizeof name, "%.*s", MR_STR(h));
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!SSL_set_tlsext_host_name(t->ssl, name) || !SSL_set1_host(t->ssl, name))
        return -ENOMEM;
    return 0;
}

int mr_tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    struct mr_tls *t = SSL_get_app_data(ssl);

    if (!t->sessions)
        return 0;
    mr_tls_sessions_put(t->sessions, t->ctx->id, t->origin, session);
    return 1;
}

static int offer_session(struct mr_tls *t, const struct mr_tls_peer *peer)
{
    const char *origin = peer->origin ? peer->origin : peer->host;
    size_t n = strlen(origin) + 1;
    SSL_SESSION *session;

    t->origin = mr_alloc(n);
    if (!t->origin)
        return -ENOMEM;
    memcpy(t->origin, origin, n);
    t->sessions = peer->sessions;
    session = mr_tls_sessions_get(t->sessions, t->ctx->id, t->origin);
    if (session)
        (void)SSL_set_session(t->ssl, session); /* or a full handshake */
    SSL_SESSION_free(session);
    return 0;
}

/* --- the handshake --- */

/* OpenSSL forgets a certificate that it refuses, and with it whose it was. */
int mr_tls_on_verify(int ok, X509_STORE_CTX *store)
{
    SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct mr_tls *t = SSL_get_app_data(ssl);

    if (!ok && !t->misnamed &&
        X509_STORE_CTX_get_error(store) == X509_V_ERR_HOSTNAME_MISMATCH) {
        t->misnamed = X509_STORE_CTX_get0_cert(store);
        (void)X509_up_ref(t->misnamed); /* cannot fail */
    }
    return ok;
}

static int handshake(struct mr_tls *t, int64_t deadline)
{
    int rc = mr_fd_enter(deadline);

    while (rc == 0) {
        int ret;

        mr_tls_ready(t);
        ret = SSL_do_handshake(t->ssl);
        if (ret == 1)
            return 0;
        rc = mr_tls_settle(t, ret, deadline);
    }
    return rc == MR_TLS_GOODBYE
               ? mr_tls_fail(t, -ECONNABORTED, "the peer said goodbye")
               : rc;
}

static void count(uint64_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* Which names the peer's certificate has: the first few, for the user to see
 * whom he met. */
static void add_names(const struct mr_tls *t, char *why)
{
    GENERAL_NAMES *names =
        t->misnamed
            ? X509_get_ext_d2i(t->misnamed, NID_subject_alt_name, NULL, NULL)
            : NULL;
    const char *before = " (it is for ";
    size_t at = strlen(why);

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < 3; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        char shown[64];

        if (g->type != GEN_DNS)
            continue;
        (void)mr_str_escape(
            shown, sizeof shown,
            mr_str_n((const char *)ASN1_STRING_get0_data(g->d.dNSName),
                     (size_t)ASN1_STRING_length(g->d.dNSName)));
        at +=
            (size_t)snprintf(why + at, MR_TLS_WHY - at, "%s%s", before, shown);
        at = MR_MIN(at, (size_t)MR_TLS_WHY - 2);
        before = ", ";
    }
    if (before[0] == ',')
        snprintf(why + at, MR_TLS_WHY - at, ")");
    GENERAL_NAMES_free(names);
}

/* A client's: was it the certificate? Then what to say of it, else rc. */
static int blame_certificate(const struct mr_tls *t, int rc, const char *host,
                             char *why)
{
    long verdict = SSL_get_verify_result(t->ssl);

    if (rc != -EPROTO || t->ctx->insecure || verdict == X509_V_OK)
        return rc;
    snprintf(why, MR_TLS_WHY, "certificate of %.100s: %s", host,
             X509_verify_cert_error_string(verdict));
    add_names(t, why);
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return -EKEYEXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return -ENOKEY;
    default:
        return -EKEYREJECTED;
    }
}

/* What the handshake ended with. host NULL: a server's. */
static int explain(struct mr_tls *t, int rc, const char *host, char *why)
{
    const char *text = t->why;

    if (rc == -ETIMEDOUT)
        text = "the handshake was not finished in time";
    else if (t->why[0] == '\0')
        text = mr_strerror(rc);
    if (host)
        snprintf(why, MR_TLS_WHY, "TLS with %.100s: %s", host, text);
    else
        snprintf(why, MR_TLS_WHY, "TLS handshake: %s", text);
    return host ? blame_certificate(t, rc, host, why) : rc;
}

static int meet(struct mr_tls **ret, struct mr_tls *t, const char *host,
                char *why, int64_t deadline)
{
    struct mr_tls_context *ctx = t->ctx;
    int rc = handshake(t, deadline);

    if (rc) {
        count(&ctx->counts.failed);
        rc = explain(t, rc, host, why);
        ERR_clear_error();
        mr_tls_free(t);
        return rc;
    }
    count(SSL_session_reused(t->ssl) ? &ctx->counts.resumed
                                     : &ctx->counts.full);
    if (ctx->ktls && BIO_get_ktls_send(SSL_get_wbio(t->ssl)))
        t->stream.fd = t->fd;
    *ret = t;
    return 0;
}

static int no_memory(char *why)
{
    snprintf(why, MR_TLS_WHY, "TLS: %s", mr_strerror(-ENOMEM));
    return -ENOMEM;
}

int mr_tls_connect(struct mr_tls **ret, struct mr_tls_context *ctx, int fd,
                   const struct mr_tls_peer *peer, char *why, int64_t deadline)
{
    struct mr_tls *t;
    int rc;

    MR_BUG_ON(ctx->server);
    *ret = NULL;
    t = tls_new(ctx, fd);
    if (!t)
        return no_memory(why);
    rc = expect_host(t, peer->host);
    if (rc == 0 && peer->sessions)
        rc = offer_session(t, peer);
    if (rc) {
        mr_tls_free(t);
        snprintf(why, MR_TLS_WHY, "TLS with %.100s: %s", peer->host,
                 rc == -EINVAL ? "this is no host name" : mr_strerror(rc));
        return rc;
    }
    SSL_set_connect_state(t->ssl);
    return meet(ret, t, peer->host, why, deadline);
}

int mr_tls_accept(struct mr_tls **ret, struct mr_tls_context *ctx, int fd,
                  char *why, int64_t deadline)
{
    struct mr_tls *t;

    MR_BUG_ON(!ctx->server);
    *ret = NULL;
    t = tls_new(ctx, fd);
    if (!t)
        return no_memory(why);
    SSL_set_accept_state(t->ssl);
    return meet(ret, t, NULL, why, deadline);
}
