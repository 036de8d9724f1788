/* SPDX-License-Identifier: MIT */
#ifndef IO_TLS_H
#define IO_TLS_H

/*
 * tls.h - a connected socket to an encrypted stream.
 *
 *     fd = mr_dial(mr_str("example.com"), 443, &dial, &r, deadline);
 *     rc = mr_tls_connect(&t, ctx, fd,                        takes fd
 *                         &(struct mr_tls_peer){.host = "example.com"},
 *                         why, deadline);
 *     if (rc)
 *         say(why);              "certificate of example.com: it has expired"
 *     s = mr_tls_stream(t);      read, write, shutdown: io/stream.h
 *     mr_stream_close(s);        t is gone with it
 *
 * Invariants
 *  (1) A stream as io/stream.h has it: one may read while another writes.
 *  (2) read gives 0 only when the peer said that this is the end. A connection
 *      that just ends is -ECONNABORTED: somebody may have cut it.
 *  (3) After an error of a write nothing more is written, no goodbye either: a
 *      record may be half sent. A read that timed out may be tried again.
 *  (4) A peer is believed only when the whole handshake has succeeded, its
 *      certificate's chain and its name among it. So with an error there is no
 *      stream.
 *  (5) Whatever the peer sends, one call gives way to others after some
 *      MR_FD_BUDGET receives.
 *
 * Errors of a stream, besides those of io/fd.h: -EPROTO (the peer broke the
 * protocol, or sent an alert; mr_tls_why has the text), -ECONNABORTED, -EPIPE
 * (write after an error, or after shutdown).
 */
#include "io/stream.h"
#include "io/tls_context.h"

struct mr_tls;

/* Whom a client wants. Copied. */
struct mr_tls_peer {
    const char *host; /* the name or address that was dialled: must be in its
                       * certificate, and is what it is asked for (SNI) */
    struct mr_tls_sessions *sessions; /* kept; NULL: none is resumed */
    const char *origin;               /* which of them [host]: "host:port" */
};

/*
 * The handshake; takes fd, also on an error, which closes it. 0;
 * -EKEYREJECTED: its certificate is not trusted; -ENOKEY: it is for another
 * name; -EKEYEXPIRED: for another time, past or to come; -EPROTO: no version or
 * cipher in common, an alert, or no TLS at all; -ECONNABORTED, -ECONNRESET: it
 * hung up; -EINVAL: a host that is none; -ETIMEDOUT, -ECANCELED, -ENOMEM. why
 * (MR_TLS_WHY bytes) is written on an error. May park.
 */
MR_API MR_MUST_USE int mr_tls_connect(struct mr_tls **ret,
                                      struct mr_tls_context *ctx, int fd,
                                      const struct mr_tls_peer *peer, char *why,
                                      int64_t deadline);
/* The same for a server. May park. */
MR_API MR_MUST_USE int mr_tls_accept(struct mr_tls **ret,
                                     struct mr_tls_context *ctx, int fd,
                                     char *why, int64_t deadline);

/*
 * Good until closed. Its pending (io/stream.h, 3) is not 0 also while a part of
 * a record has come; its shutdown says goodbye and ends our sending half; its
 * close says goodbye if that can be sent at once.
 */
MR_API struct mr_stream *mr_tls_stream(struct mr_tls *t);
/* The socket below: for its options and for readiness (a hook, MR_GONE), not
 * for reading or writing. */
MR_API int mr_tls_fd(const struct mr_tls *t);
/* Ends the life of t with no goodbye: its peer shall see that it was cut. */
MR_API void mr_tls_cut(struct mr_tls *t);

/* --- for who serves many from hooks (http/conn.c) --- */

/*
 * What can be sent at once of n > 0 bytes: > 0, -EAGAIN, -Exxx. The bytes of
 * an -EAGAIN are begun, and the first of whatever is written next. more: that
 * will be soon, and may share a packet (MSG_MORE). Does not park: for hooks as
 * well.
 */
MR_API MR_MUST_USE ssize_t mr_tls_send_some(struct mr_tls *t, const void *p,
                                            size_t n, bool more);
/* The socket was seen to be readable: the next read asks it at once. */
MR_API void mr_tls_expect(struct mr_tls *t);
/* Is it certain that the last read took all that had come? Never of a unix
 * socket. */
MR_API bool mr_tls_is_drained(const struct mr_tls *t);

/* Why the stream's last error was; "" before. Good until the next call. */
MR_API const char *mr_tls_why(const struct mr_tls *t);

/* Views are good as long as t. */
struct mr_tls_info {
    const char *version;     /* "TLSv1.3" */
    const char *cipher;      /* "TLS_AES_256_GCM_SHA384" */
    struct mr_str alpn;      /* what was agreed on; empty: nothing */
    const char *server_name; /* what the client asked for (SNI), or NULL */
    bool resumed;
    bool ktls; /* the kernel encrypts what is sent */
};
MR_API void mr_tls_info(const struct mr_tls *t, struct mr_tls_info *ret);

#endif
