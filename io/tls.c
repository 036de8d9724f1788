/* SPDX-License-Identifier: MIT */

/*
 * tls.c - a connected socket to an encrypted stream (invariants in io/tls.h).
 *
 * OpenSSL is given a BIO that calls core/sys.h and never waits. When it wants
 * to read or to write, our coroutine parks until the socket is ready, and calls
 * it again. So no call of OpenSSL has a park inside: those of a reader and of a
 * writer come one after the other, and need no lock. With kTLS the BIO is
 * OpenSSL's own, as the kernel is told of keys by that.
 *
 *  (1) Before each call: the error queue is empty and the budget full. After
 *      it, before anything else: mr_tls_settle says what it means.
 *  (2) broken: the state of what is sent is not known, or OpenSSL has given up.
 *      Then SSL_write and SSL_shutdown are not called any more.
 *  (3) A record that was begun is finished by the same writer, with the same
 *      bytes, or broken is set: OpenSSL's rule for a write that is made again.
 *  (4) drained: the last receive came back short, and the socket was not seen
 *      to be readable since. Then the BIO asks the kernel for nothing, and who
 *      reads waits first.
 *
 * Not here: how a connection begins (tls_handshake.c).
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"
#include "io/fd.h"
#include "io/fd_priv.h"
#include "io/tls_priv.h"

/* The most that a record holds (RFC 8446, 5.1). */
#define RECORD 16384
/* --- the BIO --- */

static int bio_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

static int bio_read(BIO *b, char *buf, int n)
{
    struct mr_tls *t = BIO_get_data(b);
    ssize_t got = -EAGAIN;

    BIO_clear_retry_flags(b);
    if (t->budget > 0 && !t->drained) {
        t->budget--;
        got = mr_sys_recv(t->fd, buf, (size_t)n, 0);
        t->drained = got == -EAGAIN || (got > 0 && got < n);
    }
    if (got == -EAGAIN)
        BIO_set_retry_read(b);
    else if (got < 0)
        t->err = (int)got;
    t->ended = got == 0;
    return got < 0 ? -1 : (int)got;
}

static int bio_write(BIO *b, const char *buf, int n)
{
    struct mr_tls *t = BIO_get_data(b);
    ssize_t put = mr_sys_send(t->fd, buf, (size_t)n, t->more ? MSG_MORE : 0);

    BIO_clear_retry_flags(b);
    if (put == -EAGAIN)
        BIO_set_retry_write(b);
    else if (put < 0)
        t->err = (int)put;
    return put < 0 ? -1 : (int)put;
}

static long bio_ctrl(BIO *b, int cmd, long n, void *p)
{
    const struct mr_tls *t = BIO_get_data(b);

    (void)n;
    (void)p;
    if (cmd == BIO_CTRL_EOF)
        return t->ended;
    return cmd == BIO_CTRL_FLUSH; /* nothing is held back */
}

BIO_METHOD *mr_tls_bio_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "millrace");

    if (m && BIO_meth_set_create(m, bio_create) &&
        BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* --- calling OpenSSL --- */

void mr_tls_ready(struct mr_tls *t)
{
    ERR_clear_error();
    t->budget = MR_FD_BUDGET;
    t->err = 0;
    t->more = false;
}

int mr_tls_fail(struct mr_tls *t, int err, const char *text)
{
    t->broken = true;
    snprintf(t->why, sizeof t->why, "%s", text ? text : mr_strerror(err));
    return err;
}

/* The socket's own error, or an end without goodbye. */
static int socket_failed(struct mr_tls *t)
{
    int err = t->err;

    if (err == 0 && t->ctx->ktls)
        err = -mr_sys_errno_save(); /* OpenSSL's BIO made the call */
    if (err == -ETIMEDOUT)
        err = -EHOSTUNREACH; /* io/fd.h, 2 */
    if (err)
        return mr_tls_fail(t, err, NULL);
    return mr_tls_fail(t, -ECONNABORTED, "the connection was cut");
}

static int protocol_failed(struct mr_tls *t)
{
    switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        ERR_clear_error();
        return mr_tls_fail(t, -ECONNABORTED, "the connection was cut");
    case SSL_R_WRONG_VERSION_NUMBER:
        ERR_clear_error();
        return mr_tls_fail(t, -EPROTO,
                           "wrong version number (is that TLS at all?)");
    case ERR_R_MALLOC_FAILURE:
        return mr_tls_fail(t, -ENOMEM, NULL);
    default:
        return mr_tls_fail(t, -EPROTO, mr_tls_reason());
    }
}

static int wait_readable(struct mr_tls *t, int64_t deadline)
{
    /* Out of budget, read by OpenSSL's own BIO, or no TCP: more may be there
     * already. */
    int rc = t->drained && t->whole
                 ? mr_fd_may_retry(t->fd, MR_READABLE, -EAGAIN, deadline)
                 : mr_hub_wait_fd(t->fd, MR_READABLE, deadline);

    if (rc == 0)
        t->drained = false;
    return rc;
}

int mr_tls_settle(struct mr_tls *t, int ret, int64_t deadline)
{
    switch (SSL_get_error(t->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return wait_readable(t, deadline);
    case SSL_ERROR_WANT_WRITE:
        return mr_fd_may_retry(t->fd, MR_WRITABLE, -EAGAIN, deadline);
    case SSL_ERROR_ZERO_RETURN:
        return MR_TLS_GOODBYE;
    case SSL_ERROR_SYSCALL:
        return socket_failed(t);
    default:
        return protocol_failed(t);
    }
}

/* --- the stream --- */

static struct mr_tls *tls_of(const struct mr_stream *s)
{
    return mr_container_of(s, struct mr_tls, stream);
}

static ssize_t tls_read(struct mr_stream *s, void *buf, size_t n,
                        int64_t deadline)
{
    struct mr_tls *t = tls_of(s);
    size_t got = 0;
    int rc = mr_fd_enter(deadline);

    if (rc == 0 && t->drained && !SSL_has_pending(t->ssl) &&
        !(SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN))
        rc = wait_readable(t, deadline);
    while (rc == 0) {
        mr_tls_ready(t);
        if (SSL_read_ex(t->ssl, buf, n, &got))
            return (ssize_t)got;
        rc = mr_tls_settle(t, 0, deadline);
    }
    return rc == MR_TLS_GOODBYE ? 0 : rc;
}

/* All n bytes, in records. 0 or -Exxx. May park. */
static int put(struct mr_tls *t, const char *p, size_t n, int64_t deadline)
{
    int rc = 0;

    while (n > 0 && rc == 0) {
        size_t done = 0;

        rc = mr_fd_enter(deadline);
        if (rc)
            break;
        mr_tls_ready(t);
        if (SSL_write_ex(t->ssl, p, MR_MIN(n, (size_t)RECORD), &done)) {
            p += done;
            n -= done;
        } else {
            rc = mr_tls_settle(t, 0, deadline);
        }
    }
    return rc == MR_TLS_GOODBYE ? -EPIPE : rc;
}

ssize_t mr_tls_send_some(struct mr_tls *t, const void *p, size_t n, bool more)
{
    size_t sent = 0;

    if (t->broken || t->said_goodbye)
        return -EPIPE;
    while (sent < n) {
        size_t done = 0;
        int rc;

        mr_tls_ready(t);
        t->more = more;
        if (SSL_write_ex(t->ssl, (const char *)p + sent,
                         MR_MIN(n - sent, (size_t)RECORD), &done)) {
            sent += done;
            continue;
        }
        rc = SSL_get_error(t->ssl, 0);
        if (rc == SSL_ERROR_WANT_WRITE || rc == SSL_ERROR_WANT_READ)
            break;
        rc = mr_tls_settle(t, 0, 0); /* waits for nothing else */
        t->broken = true;
        return rc < 0 ? rc : -EPIPE;
    }
    return sent > 0 ? (ssize_t)sent : -EAGAIN;
}

/* The front of v, as much as fits into a record. */
static size_t gather(char *record, const struct iovec *v, int n)
{
    size_t have = 0;

    for (int i = 0; i < n && have < RECORD; i++) {
        size_t more = MR_MIN(v[i].iov_len, RECORD - have);

        memcpy(record + have, v[i].iov_base, more);
        have += more;
    }
    return have;
}

/* A head and its body are one record and one send, not two of each. Without
 * memory for that they are two. */
static int put_all(struct mr_tls *t, struct iovec *v, int n, int64_t deadline)
{
    char *record = NULL;
    int rc = 0;

    mr_fd_advance(&v, &n, 0);
    if (n > 1)
        record = mr_alloc(RECORD);
    while (n > 0 && rc == 0) {
        size_t some = MR_MIN(v->iov_len, (size_t)RECORD);

        if (record && n > 1 && some < RECORD) {
            some = gather(record, v, n);
            rc = put(t, record, some, deadline);
        } else {
            rc = put(t, v->iov_base, some, deadline);
        }
        if (rc == 0)
            mr_fd_advance(&v, &n, some);
    }
    mr_free(record);
    return rc;
}

static int tls_writev(struct mr_stream *s, struct iovec *v, int n,
                      int64_t deadline)
{
    struct mr_tls *t = tls_of(s);
    int rc;

    if (t->broken || t->said_goodbye)
        return -EPIPE;
    rc = put_all(t, v, n, deadline);
    if (rc)
        t->broken = true; /* invariant 3 */
    return rc;
}

static size_t tls_pending(const struct mr_stream *s)
{
    const struct mr_tls *t = tls_of(s);
    int n = SSL_pending(t->ssl);

    if (n > 0)
        return (size_t)n;
    /* OpenSSL does not count a record's header once it has read that: "RB". */
    return SSL_has_pending(t->ssl) || SSL_rstate_string(t->ssl)[1] == 'B';
}

static int tls_shutdown(struct mr_stream *s, int64_t deadline)
{
    struct mr_tls *t = tls_of(s);
    int rc = t->broken ? -EPIPE : 0;

    while (rc == 0 && !t->said_goodbye) {
        int ret;

        mr_tls_ready(t);
        ret = SSL_shutdown(t->ssl);
        if (ret >= 0)
            t->said_goodbye = true;
        else
            rc = mr_tls_settle(t, ret, deadline);
    }
    if (rc < 0) {
        t->broken = true;
        return rc;
    }
    return mr_sys_shutdown(t->fd, SHUT_WR);
}

void mr_tls_free(struct mr_tls *t)
{
    /* Or OpenSSL would think the session a bad one. */
    if (t->ssl)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    X509_free(t->misnamed);
    mr_fd_close(t->fd);
    mr_tls_context_unref(t->ctx);
    mr_free(t->origin);
    mr_free(t);
}

static void tls_close(struct mr_stream *s)
{
    struct mr_tls *t = tls_of(s);

    if (!t->broken && !t->said_goodbye) {
        mr_tls_ready(t);
        (void)SSL_shutdown(t->ssl); /* if it can be sent at once */
        ERR_clear_error();
    }
    mr_tls_free(t);
}

const struct mr_stream_ops mr_tls_ops = {
    .read = tls_read,
    .writev = tls_writev,
    .pending = tls_pending,
    .shutdown = tls_shutdown,
    .close = tls_close,
};

/* --- what is told of it --- */

struct mr_stream *mr_tls_stream(struct mr_tls *t)
{
    return &t->stream;
}

int mr_tls_fd(const struct mr_tls *t)
{
    return t->fd;
}

const char *mr_tls_why(const struct mr_tls *t)
{
    return t->why;
}

void mr_tls_cut(struct mr_tls *t)
{
    t->broken = true;
}

void mr_tls_expect(struct mr_tls *t)
{
    t->drained = false;
}

bool mr_tls_is_drained(const struct mr_tls *t)
{
    return t->drained && t->whole && !SSL_has_pending(t->ssl);
}

void mr_tls_info(const struct mr_tls *t, struct mr_tls_info *ret)
{
    const unsigned char *alpn = NULL;
    unsigned n = 0;

    SSL_get0_alpn_selected(t->ssl, &alpn, &n);
    *ret = (struct mr_tls_info){
        .version = SSL_get_version(t->ssl),
        .cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl)),
        .alpn = mr_str_n((const char *)alpn, n),
        .server_name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name),
        .resumed = SSL_session_reused(t->ssl),
        .ktls = t->stream.fd >= 0,
    };
}
