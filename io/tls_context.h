/* SPDX-License-Identifier: MIT */
#ifndef IO_TLS_CONTEXT_H
#define IO_TLS_CONTEXT_H

/*
 * tls_context.h - what TLS connections have in common: whom a client trusts,
 * what a server shows.
 *
 *     rc = mr_tls_server_new(&ctx,
 *              &(struct mr_tls_server_options){
 *                  .certs = &(struct mr_tls_cert){"a.pem", "a.key"},
 *                  .n_certs = 1}, why);
 *     if (rc)
 *         say(why);
 *     ...                      mr_tls_accept(..., ctx, ...), io/tls.h
 *     old = ctx, ctx = new;    a reload: who is connected keeps the old one
 *     mr_tls_context_unref(old);
 *
 * A context does not change once it is made. It is counted; each connection
 * holds a count. Making one reads files and waits for them: do it at the start,
 * or on a helper (core/offload.h). It may be used by several threads.
 *
 * TLS 1.2 and 1.3 only; a server takes with 1.2 only ciphers with forward
 * secrecy that authenticate what they encrypt (AES-GCM, ChaCha20), a client
 * what the system's OpenSSL thinks fit. No renegotiation, no compression, no
 * early data.
 */
#include "core/str.h"

struct mr_tls_context;

/* Room for a text that says what went wrong, always NUL-terminated. */
#define MR_TLS_WHY 320

enum mr_tls_version {
    MR_TLS_DEFAULT, /* at least 1.2 */
    MR_TLS_1_2,
    MR_TLS_1_3,
};

/* Kept by nobody: all strings are copied or used at once. What is zero is as
 * said in brackets. */
struct mr_tls_client_options {
    const char *ca_file;     /* PEM: trust these [those of the system] */
    bool insecure;           /* trust everybody: anyone between here and there
                              * can read and change all. Logged as a warning */
    enum mr_tls_version min; /* [1.2] */
    enum mr_tls_version max; /* [1.3] */
    const char *alpn;        /* "h2,http/1.1": protocols, best first [none] */
    bool ktls;               /* as of a server */
};

struct mr_tls_cert {
    const char *certificate; /* PEM: the server's own, then its chain */
    const char *key;         /* PEM, not encrypted; others may not read or
                              * write it, its group may read */
    const char *ocsp; /* DER: a response to staple [none], that says "good" of
                       * it; no longer sent once its next update is due */
};

struct mr_tls_tickets;

struct mr_tls_server_options {
    const struct mr_tls_cert *certs; /* the first is for clients that name none
                                      * of them */
    size_t n_certs;                  /* 1 or more */
    enum mr_tls_version min;         /* [1.2] */
    enum mr_tls_version max;         /* [1.3] */
    const char *alpn;                /* "http/1.1": what we speak, best first; a
                                      * client that asks for others only is
                                      * refused (RFC 7301, 3.2) [none] */
    struct mr_tls_tickets *tickets;  /* io/tls_tickets.h, kept: so that other
                                      * workers, and the next context, can
                                      * resume sessions [keys of its own] */
    bool no_tickets;                 /* no session is resumed */
    bool ktls; /* let the kernel encrypt, where it can: then mr_sendfile works
                * (io/stream.h, 4). Needs SIGPIPE to be ignored. Where the
                * kernel cannot, nothing changes */
};

/*
 * 0; -ENOENT, -EACCES, ...: a file; -EPERM: others may use the key; -EINVAL: a
 * file or an option that makes no sense; -EKEYREJECTED: the key is not the
 * certificate's; -EOPNOTSUPP: built without TLS; -ENOMEM. why (MR_TLS_WHY
 * bytes) is written on an error, with the file's name. o may be NULL for a
 * client.
 */
MR_API MR_MUST_USE int mr_tls_client_new(struct mr_tls_context **ret,
                                         const struct mr_tls_client_options *o,
                                         char *why);
MR_API MR_MUST_USE int mr_tls_server_new(struct mr_tls_context **ret,
                                         const struct mr_tls_server_options *o,
                                         char *why);
MR_API struct mr_tls_context *mr_tls_context_ref(struct mr_tls_context *ctx);
/* NULL does nothing. */
MR_API void mr_tls_context_unref(struct mr_tls_context *ctx);

/* How often connections of this context began with a full handshake, and with
 * a resumed session (accepted or connected). */
struct mr_tls_counts {
    uint64_t full;
    uint64_t resumed;
    uint64_t failed;
};
MR_API struct mr_tls_counts mr_tls_counts(const struct mr_tls_context *ctx);

/* --- a client's sessions --- */

/*
 * What servers gave to be greeted with next time, for at most max origins'
 * sessions in all (the oldest go first), of one thread. A session is used by
 * the context that got it, and with TLS 1.3 once (RFC 8446, C.4). NULL: out of
 * memory.
 */
struct mr_tls_sessions;
MR_API MR_MUST_USE struct mr_tls_sessions *mr_tls_sessions_new(size_t max);
/* After the connections that use it. NULL does nothing. */
MR_API void mr_tls_sessions_free(struct mr_tls_sessions *s);

#endif
