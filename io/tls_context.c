/* SPDX-License-Identifier: MIT */

/*
 * tls_context.c - what TLS connections have in common.
 *
 *  (1) A context is written while it is made, and then read only, but for its
 *      counts, which are atomic.
 *  (2) A server has an SSL_CTX for each certificate, alike in all else. A
 *      connection begins in the first, which also keeps the ticket keys of all,
 *      and is moved to another by the name that it asks for.
 *
 * Not here: connections (tls.c), reading certificates and keys (tls_files.c), a
 * client's sessions (tls_session.c).
 */
#include <errno.h>
#include <openssl/x509v3.h>

#include "core/log.h"
#include "core/sys.h"
#include "io/tls_priv.h"

/* RFC 7540, appendix A, forbids the others in HTTP/2; all of these have forward
 * secrecy. TLS 1.3 has no worse ones. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* --- what both sides have --- */

static int version_of(enum mr_tls_version v, int otherwise)
{
    switch (v) {
    case MR_TLS_1_2:
        return TLS1_2_VERSION;
    case MR_TLS_1_3:
        return TLS1_3_VERSION;
    case MR_TLS_DEFAULT:
        break;
    }
    return otherwise;
}

/* "a,b" to the wire's form. 0 or -EINVAL. */
static int set_alpn(struct mr_tls_context *ctx, const char *list)
{
    struct mr_str rest = mr_str(list), one;

    while (mr_str_split(&rest, ',', &one)) {
        one = mr_str_trim(one);
        if (one.n == 0 || one.n > 255 ||
            ctx->alpn_n + 1 + one.n > sizeof ctx->alpn)
            return -EINVAL;
        ctx->alpn[ctx->alpn_n++] = (unsigned char)one.n;
        memcpy(ctx->alpn + ctx->alpn_n, one.p, one.n);
        ctx->alpn_n += one.n;
    }
    return 0;
}

struct versions {
    enum mr_tls_version min, max;
};

static SSL_CTX *new_ssl(const struct mr_tls_context *ctx, struct versions v)
{
    static const unsigned char name[] = "millrace";
    SSL_CTX *ssl =
        SSL_CTX_new(ctx->server ? TLS_server_method() : TLS_client_method());

    if (!ssl)
        return NULL;
    SSL_CTX_set_min_proto_version(ssl, version_of(v.min, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(ssl, version_of(v.max, TLS1_3_VERSION));
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    if (ctx->ktls) {
        SSL_CTX_set_options(ssl, SSL_OP_ENABLE_KTLS);
        /* Records that are no data come back one by one: tls.h, 5. */
        SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    } else {
        SSL_CTX_set_read_ahead(ssl, 1); /* a record in one receive, not two */
    }
    SSL_CTX_set_session_id_context(ssl, name, sizeof name - 1);
    return ssl;
}

static void context_free(struct mr_tls_context *ctx)
{
    for (size_t i = 0; i < ctx->n_certs; i++) {
        SSL_CTX_free(ctx->certs[i].ssl);
        mr_free(ctx->certs[i].ocsp);
    }
    mr_free(ctx->certs);
    if (!ctx->server)
        SSL_CTX_free(ctx->ssl);
    BIO_meth_free(ctx->bio);
    mr_free(ctx);
}

static struct mr_tls_context *context_new(bool server)
{
    static uint64_t last_id;
    struct mr_tls_context *ctx = mr_calloc(1, sizeof *ctx);

    if (!ctx)
        return NULL;
    ctx->refs = 1;
    ctx->server = server;
    ctx->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    ctx->bio = mr_tls_bio_new();
    if (ctx->bio)
        return ctx;
    context_free(ctx);
    return NULL;
}

struct mr_tls_context *mr_tls_context_ref(struct mr_tls_context *ctx)
{
    __atomic_add_fetch(&ctx->refs, 1, __ATOMIC_RELAXED);
    return ctx;
}

void mr_tls_context_unref(struct mr_tls_context *ctx)
{
    if (ctx && __atomic_sub_fetch(&ctx->refs, 1, __ATOMIC_ACQ_REL) == 0)
        context_free(ctx);
}

struct mr_tls_counts mr_tls_counts(const struct mr_tls_context *ctx)
{
    return (struct mr_tls_counts){
        .full = __atomic_load_n(&ctx->counts.full, __ATOMIC_RELAXED),
        .resumed = __atomic_load_n(&ctx->counts.resumed, __ATOMIC_RELAXED),
        .failed = __atomic_load_n(&ctx->counts.failed, __ATOMIC_RELAXED),
    };
}

/* --- a client's --- */

static int trust(struct mr_tls_context *ctx, const char *ca_file, char *why)
{
    if (ctx->insecure) {
        mr_log(MR_LOG_WARN, "TLS: certificates are not checked: anyone on the "
                            "way can read and change what is sent");
        return 0;
    }
    SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, mr_tls_on_verify);
    if (!ca_file) {
        if (SSL_CTX_set_default_verify_paths(ctx->ssl))
            return 0;
        return mr_tls_explain(why, -EINVAL, "the system's certificates: %s",
                              mr_tls_reason());
    }
    /* Whoever is named there is trusted, a root or not. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx->ssl),
                                X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_load_verify_file(ctx->ssl, ca_file))
        return 0;
    if (ERR_SYSTEM_ERROR(ERR_peek_error())) {
        int err = -ERR_GET_REASON(ERR_peek_error());

        ERR_clear_error();
        return mr_tls_explain(why, err, "%s: %s", ca_file, mr_strerror(err));
    }
    return mr_tls_unusable(why, ca_file);
}

static int check_versions(struct versions v, char *why)
{
    if (v.max && v.min > v.max)
        return mr_tls_explain(why, -EINVAL, "no TLS version is left");
    return 0;
}

static int build_client(struct mr_tls_context *ctx,
                        const struct mr_tls_client_options *o, char *why)
{
    ctx->insecure = o->insecure;
    ctx->ktls = o->ktls;
    if (set_alpn(ctx, o->alpn))
        return mr_tls_explain(why, -EINVAL, "protocols that make no sense: %s",
                              o->alpn);
    if (check_versions((struct versions){o->min, o->max}, why))
        return -EINVAL;
    ctx->ssl = new_ssl(ctx, (struct versions){o->min, o->max});
    if (!ctx->ssl)
        return mr_tls_explain(why, -ENOMEM, "%s", mr_tls_reason());
    if (ctx->alpn_n > 0 &&
        SSL_CTX_set_alpn_protos(ctx->ssl, ctx->alpn, (unsigned)ctx->alpn_n))
        return mr_tls_explain(why, -ENOMEM, "%s", mr_tls_reason());
    SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_CLIENT |
                                                 SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx->ssl, mr_tls_on_session);
    return trust(ctx, o->ca_file, why);
}

int mr_tls_client_new(struct mr_tls_context **ret,
                      const struct mr_tls_client_options *o, char *why)
{
    static const struct mr_tls_client_options usual;
    struct mr_tls_context *ctx = context_new(false);
    int rc;

    *ret = NULL;
    if (!ctx)
        return mr_tls_explain(why, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    ERR_clear_error();
    rc = build_client(ctx, o ? o : &usual, why);
    if (rc)
        context_free(ctx);
    else
        *ret = ctx;
    return rc;
}

/* --- a server's --- */

/* Invariant 2. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
    const struct mr_tls_context *ctx = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (!name)
        return SSL_TLSEXT_ERR_OK;
    for (size_t i = 0; i < ctx->n_certs; i++) {
        if (X509_check_host(ctx->certs[i].leaf, name, 0, 0, NULL) == 1) {
            (void)SSL_set_SSL_CTX(ssl, ctx->certs[i].ssl);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int on_status(SSL *ssl, void *arg)
{
    const struct mr_tls_own_cert *own = arg;
    unsigned char *copy;

    if (mr_sys_realtime() / 1000000000 >= own->ocsp_until)
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(own->ocsp, own->ocsp_n);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)own->ocsp_n);
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                   const unsigned char *theirs, unsigned theirs_n, void *arg)
{
    const struct mr_tls_context *ctx = arg;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_n, ctx->alpn, (unsigned)ctx->alpn_n,
                              theirs, theirs_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int add_cert(struct mr_tls_context *ctx,
                    const struct mr_tls_server_options *o,
                    const struct mr_tls_cert *c, char *why)
{
    struct mr_tls_own_cert *own = &ctx->certs[ctx->n_certs++];
    int rc;

    own->ssl = new_ssl(ctx, (struct versions){o->min, o->max});
    if (!own->ssl || !SSL_CTX_set_cipher_list(own->ssl, SERVER_CIPHERS))
        return mr_tls_explain(why, -ENOMEM, "%s", mr_tls_reason());
    SSL_CTX_set_options(own->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE |
                                      SSL_OP_PRIORITIZE_CHACHA);
    /* Tickets keep the sessions, at the clients'. */
    SSL_CTX_set_session_cache_mode(own->ssl, SSL_SESS_CACHE_OFF);
    if (o->no_tickets) {
        SSL_CTX_set_options(own->ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(own->ssl, 0); /* those of TLS 1.3 */
    }
    if (ctx->alpn_n > 0)
        SSL_CTX_set_alpn_select_cb(own->ssl, on_alpn, ctx);
    rc = mr_tls_load_pair(own->ssl, c, why);
    if (rc == 0)
        own->leaf = SSL_CTX_get0_certificate(own->ssl);
    if (rc == 0 && c->ocsp)
        rc = mr_tls_load_ocsp(own, c->ocsp, why);
    if (rc)
        return rc;
    if (own->ocsp) {
        SSL_CTX_set_tlsext_status_cb(own->ssl, on_status);
        SSL_CTX_set_tlsext_status_arg(own->ssl, own);
    }
    return 0;
}

static int build_server(struct mr_tls_context *ctx,
                        const struct mr_tls_server_options *o, char *why)
{
    int rc = 0;

    ctx->ktls = o->ktls;
    if (set_alpn(ctx, o->alpn))
        return mr_tls_explain(why, -EINVAL, "protocols that make no sense: %s",
                              o->alpn);
    if (o->n_certs == 0)
        return mr_tls_explain(why, -EINVAL, "a server needs a certificate");
    if (check_versions((struct versions){o->min, o->max}, why))
        return -EINVAL;
    ctx->certs = mr_calloc(o->n_certs, sizeof *ctx->certs);
    if (!ctx->certs)
        return mr_tls_explain(why, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    for (size_t i = 0; i < o->n_certs && rc == 0; i++)
        rc = add_cert(ctx, o, &o->certs[i], why);
    if (rc)
        return rc;
    ctx->ssl = ctx->certs[0].ssl;
    SSL_CTX_set_tlsext_servername_callback(ctx->ssl, on_name);
    SSL_CTX_set_tlsext_servername_arg(ctx->ssl, ctx);
    ctx->tickets = o->tickets;
    if (ctx->tickets)
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx->ssl, mr_tls_on_ticket);
    return 0;
}

int mr_tls_server_new(struct mr_tls_context **ret,
                      const struct mr_tls_server_options *o, char *why)
{
    struct mr_tls_context *ctx = context_new(true);
    int rc;

    *ret = NULL;
    if (!ctx)
        return mr_tls_explain(why, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    ERR_clear_error();
    rc = build_server(ctx, o, why);
    if (rc)
        context_free(ctx);
    else
        *ret = ctx;
    return rc;
}
