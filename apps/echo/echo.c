/* SPDX-License-Identifier: MIT */

/*
 * echo - answers with what it was sent.
 *
 * HTTP: the request's body comes back with its content type, piece by piece as
 * it arrives, of any size: a length is answered with that length, chunks with
 * chunks. A GET or HEAD without a body gets the request's own head, as text.
 *
 * Plain TCP, listen "tcp ADDR" { app = echo }: bytes come back.
 *
 * UDP, listen "udp ADDR" { app = echo }: each datagram comes back, once. Nobody
 * knows who sent it: with a forged sender it hits a stranger, so this is for
 * loopback and networks of one's own. Two services that answer everything would
 * answer each other for ever; senders below port 1024, where such ones are, get
 * no answer (as of inetd's echo).
 *
 *     route "/echo" { app = echo }
 *     listen "tcp 127.0.0.1:7007" { app = echo }
 *     listen "udp 127.0.0.1:7007" { app = echo }
 */
#include <errno.h>
#include <millrace/app.h>

#define PIECE (32 * 1024)
/* How long a plain TCP client may take none of its bytes back. */
#define WRITE_NS (INT64_C(30) * 1000000000)

static int echo_head(struct mr_request *req, struct mr_response *res)
{
    return mr_reply(res, 200, "text/plain; charset=utf-8",
                    mr_request_head_text(req));
}

static int echo(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str type = mr_request_header(req, "content-type"), piece;
    enum mr_method method = mr_request_method(req);
    int rc;

    (void)self;
    if (mr_request_length(req) == 0 &&
        (method == MR_METHOD_GET || method == MR_METHOD_HEAD))
        return echo_head(req, res);
    if (type.n == 0)
        type = mr_str("application/octet-stream");
    /* The first piece before the head: what is wrong with the body at once
     * (too large, broken) can still be answered. */
    rc = mr_request_next(req, &piece);
    if (rc < 0)
        return rc;
    if (mr_response_start_n(res, 200, type, mr_request_length(req)))
        return -ENOMEM;
    while (rc > 0) {
        rc = mr_response_write(res, piece.p, piece.n);
        if (rc == 0)
            rc = mr_request_next(req, &piece);
    }
    return rc;
}

static int echo_tcp(struct mr_stream *s, const struct mr_addr *peer, void *self)
{
    char *buf = mr_alloc(PIECE);
    ssize_t n;
    int rc = buf ? 0 : -ENOMEM;

    (void)peer;
    (void)self;
    while (rc == 0) {
        n = mr_stream_read(s, buf, PIECE, MR_NEVER);
        if (n <= 0) {
            rc = (int)n;
            break;
        }
        rc = mr_stream_write_all(s, buf, (size_t)n, mr_hub_now() + WRITE_NS);
    }
    mr_free(buf);
    return rc;
}

static int echo_udp(const struct mr_dgram *d, void *self)
{
    (void)self;
    if (mr_addr_family(&d->from) != AF_UNIX &&
        mr_addr_port(&d->from) < IPPORT_RESERVED)
        return 0;
    /* It may get lost here as well as on the way. */
    (void)!mr_dgram_reply(d, d->data.p, d->data.n, mr_after_s(1));
    return 0;
}

MR_APP(echo, .handle = echo, .serve = echo_tcp, .datagram = echo_udp)
