/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

/*
 * client.h - requests to other servers, from handlers and programs.
 *
 *     char why[MR_CLIENT_WHY];
 *     rc = mr_client_new(&c, NULL, why);
 *     rc = mr_client_get(c, "http://example.com/", &call, why, deadline);
 *     if (rc)
 *         say(why);         "http://example.com/: cannot connect to
 *                            example.com:80: 192.0.2.1:80 connection refused"
 *     if (mr_call_head(call)->status == 200)
 *         while ((n = mr_call_read(call, buf, sizeof buf, deadline)) > 0)
 *             use(buf, n);
 *     mr_call_close(call);
 *     mr_client_free(c);
 *
 * The parts of a call, for who streams a body or passes one on:
 *
 *     (begin) --[mr_call_begin: a connection]--> SENDING
 *     SENDING --[mr_call_write]--> SENDING --[mr_call_end]--> SENT
 *     SENDING, SENT --[mr_call_answer: 1xx passed over]--> ANSWERED
 *     ANSWERED --[mr_call_read]--> ANSWERED --[0]--> DONE
 *     any --[mr_call_close]--> the connection is idle again (DONE, and both
 *                              sides keep it), or closed
 *
 * Invariants
 *  (1) A client is one thread's. Any number of coroutines may call at once; one
 *      call has one user at a time.
 *  (2) At most max_per_origin connections go to one origin (scheme, host, port
 *      and proxy), at most max_total to all. Who wants one more waits, first
 *      come first served, to its own deadline.
 *  (3) No second request is sent before the first one's answer is whole.
 *  (4) Strict, as the server is: an answer whose end is not certain (two
 *      lengths, a length and chunks, a bad chunk, a head that is not well
 *      formed) is an error, and its connection is closed. So it is when bytes
 *      come beyond an answer's end, or unasked.
 *  (5) A request that was sent on a connection used before, and got not one
 *      byte of an answer, is sent once more on a fresh one if its method is
 *      idempotent and its body can be sent again (RFC 9112 9.3.1); no other is.
 *  (6) What the peer controls has a limit: head bytes and fields, 1xx answers,
 *      redirects, trailers, the expansion of a coding, cookies.
 *  (7) A cancelled call leaves nothing behind: close it as any other.
 *  (8) With duplex one coroutine may write while another answers and reads, and
 *      an answer below 400 does not end the writing: what a server makes of a
 *      body while it comes can be passed on. The call is closed when neither is
 *      at it any more. expect_continue does not go with it.
 *
 * Errors of all that may park: -ETIMEDOUT, -ECANCELED, -ENOMEM; of connecting,
 * what io/dial.h and io/tls.h say, and -ENOTCONN for a proxy that answers no;
 * of an answer -EBADMSG (malformed, or it leads nowhere), -ENODATA (it was
 * cut), -ECONNRESET, -ECONNABORTED. mr_call_why has the text.
 *
 * over budget: one page for all who call others.
 */
#include "http/response_head.h"
#include "io/addr.h"
#include "io/stream.h"
#include "io/tls_context.h"

struct mr_client;
struct mr_call;
struct mr_dns;
struct mr_cookie_jar;
struct mr_netrc;
struct mr_proxies;

/* "URL: what happened, with whom", NUL-terminated, one line. */
#define MR_CLIENT_WHY 1024

/* What is zero is as said in brackets. All is kept until mr_client_free. */
struct mr_client_options {
    unsigned max_per_origin;    /* connections [6, as browsers] */
    unsigned max_total;         /* [1000] */
    unsigned max_idle;          /* kept for the next request [64] */
    int64_t idle_timeout;       /* ns that one is kept [30 s] */
    int64_t connect_timeout;    /* ns: name, address, proxy, handshake [10 s] */
    int64_t first_byte_timeout; /* ns: from the request's end to the answer's
                                 * head [60 s] */
    int64_t body_timeout;       /* ns without a byte, either way [60 s] */
    int64_t total_timeout;      /* ns for a call, redirects and all [none] */
    unsigned max_redirects;     /* [0: none is followed] */
    bool allow_plain;           /* follow them from https to http, too */
    const char *user_agent;     /* ["millrace"]; "": not sent */
    bool no_decode;             /* do not ask for a coding, do not decode */
    uint64_t max_decoded;       /* what a coded body may become [1 GiB] */
    struct mr_dns *dns;         /* [its own] */
    const struct mr_addr *local;      /* as io/dial.h */
    int family;                       /* likewise */
    struct mr_tls_client_options tls; /* alpn is the client's */
    struct mr_cookie_jar *jar;        /* [none: no cookies] */
    const struct mr_netrc *netrc;     /* [none] */
    const struct mr_proxies *proxies; /* [none] */
};

/* o may be NULL. 0; -ENOMEM; -EINVAL and the like: tls.ca_file is no good, or
 * user_agent no field's value. why (MR_CLIENT_WHY bytes) is written on an
 * error. */
MR_API MR_MUST_USE int mr_client_new(struct mr_client **ret,
                                     const struct mr_client_options *o,
                                     char *why);
/* A BUG while a call is open. NULL does nothing. May park (but waits for
 * nothing that blocks). */
MR_API void mr_client_free(struct mr_client *c);
MR_API void mr_client_close_idle(struct mr_client *c);

struct mr_client_stats {
    uint64_t opened;  /* connections */
    uint64_t reused;  /* requests on one that was used before */
    uint64_t resent;  /* invariant 5 */
    unsigned open;    /* connections at present, those to be among them */
    unsigned idle;    /* of them, kept for the next */
    unsigned waiting; /* calls that want one */
    struct mr_tls_counts tls;
};
MR_API struct mr_client_stats mr_client_stats(const struct mr_client *c);

/* Zeroed but for its url it is a GET. All it points to is kept until
 * mr_call_close: it may be sent again. */
struct mr_client_request {
    struct mr_str method;          /* ["GET"]; any token */
    struct mr_str url;             /* http or https, absolute */
    struct mr_str target;          /* sent in place of the url's path and query:
                                    * "*", a CONNECT's "host:port" */
    const struct mr_field *fields; /* one given here replaces the client's own
                                    * of that name (Host, User-Agent, Accept,
                                    * Accept-Encoding, Cookie, Authorization) */
    size_t n_fields;
    struct mr_str body;    /* whole: redirects and (5) send it again */
    bool streams;          /* it comes by mr_call_write instead */
    int64_t length;        /* of a streamed one; -1: chunked */
    bool duplex;           /* of a streamed one: invariant 8 */
    bool expect_continue;  /* wait up to 1 s for 100 before it */
    struct mr_str upgrade; /* "websocket": asks for that protocol */
    struct mr_str user;    /* basic authentication [the url's; netrc] */
    struct mr_str password;
    int max_redirects; /* [the client's]; -1: none */
    bool no_decode;
    bool no_reuse;              /* a connection of its own, closed after it */
    int64_t first_byte_timeout; /* [the client's] */
    int64_t body_timeout;
};

/*
 * The whole of it: begins, sends the body, follows redirects, and comes back
 * with the answer's head. 0, whatever its status; -Exxx, and why (MR_CLIENT_WHY
 * bytes) says it, and *ret is NULL. -EINVAL: a url or a field that is none;
 * -ELOOP: more redirects than allowed. With `streams` it is a BUG. May park.
 */
MR_API MR_MUST_USE int mr_client_call(struct mr_client *c,
                                      const struct mr_client_request *r,
                                      struct mr_call **ret, char *why,
                                      int64_t deadline);
MR_API MR_MUST_USE int mr_client_get(struct mr_client *c, const char *url,
                                     struct mr_call **ret, char *why,
                                     int64_t deadline);

/* --- the parts; no redirect is followed here --- */

/* A connection; what is known of the request is sent, or goes with the body's
 * first piece. As mr_client_call. May park. */
MR_API MR_MUST_USE int mr_call_begin(struct mr_client *c,
                                     const struct mr_client_request *r,
                                     struct mr_call **ret, char *why,
                                     int64_t deadline);
/*
 * More of a streamed body. 0; -EPIPE: the server has answered and wants no
 * more, go on with mr_call_answer; -EMSGSIZE: more than its length; -Exxx.
 * May park.
 */
MR_API MR_MUST_USE int mr_call_write(struct mr_call *call, const void *p,
                                     size_t n, int64_t deadline);
/* That was all. 0; -EMSGSIZE: less than its length; or as mr_call_write. May
 * park. */
MR_API MR_MUST_USE int mr_call_end(struct mr_call *call, int64_t deadline);
/* Wait for the answer's head. 0, or -Exxx. Again: 0 at once. May park. */
MR_API MR_MUST_USE int mr_call_answer(struct mr_call *call, int64_t deadline);

/* --- the answer; views are good until mr_call_close --- */

/* A BUG before the answer. */
MR_API const struct mr_response_head *mr_call_head(const struct mr_call *call);
/*
 * 1 to n bytes of the body, 0 at its end, or -Exxx, which comes again. -EFBIG:
 * more than max_decoded. A body that is not coded goes straight into buf. May
 * park.
 */
MR_API MR_MUST_USE ssize_t mr_call_read(struct mr_call *call, void *buf,
                                        size_t n, int64_t deadline);
/* The body is decoded: neither content_length nor a range is of what is read.
 */
MR_API bool mr_call_is_decoded(const struct mr_call *call);
/* After read gave 0, of a chunked body; NULL: none came. */
MR_API const struct mr_headers *mr_call_trailers(const struct mr_call *call);
/* Where it came from, after redirects; without user, password and fragment. */
MR_API struct mr_str mr_call_url(const struct mr_call *call);
MR_API unsigned mr_call_redirects(const struct mr_call *call);
/* Whom we talked to: the server, or the proxy. */
MR_API const struct mr_addr *mr_call_peer(const struct mr_call *call);
/* Of the last error: "URL: what happened"; "" before. */
MR_API const char *mr_call_why(const struct mr_call *call);

/* After 101, or a CONNECT's 2xx: bytes both ways, those that came with the head
 * first. The call's: do not close it. NULL: the answer is neither. */
MR_API struct mr_stream *mr_call_stream(struct mr_call *call);

/*
 * From another errand, once the answer's head has come: who waits for the rest
 * of its body waits no longer, and gets -Exxx, or the end of a body that ends
 * with its connection. That is not used again. Does nothing when all has come.
 * The call stays its owner's, to be closed.
 */
MR_API void mr_call_abort(struct mr_call *call);
/*
 * Gives back all of it. What has not been read of the answer is passed over if
 * it is here already; else the connection is closed. Never parks. NULL does
 * nothing.
 */
MR_API void mr_call_close(struct mr_call *call);

#endif
