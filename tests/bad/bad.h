/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BAD_BAD_H
#define TESTS_BAD_BAD_H

/*
 * bad.h - an HTTP server that misbehaves as its URL says, for tests of clients.
 *
 *     rc = bad_open(&bad, "127.0.0.1:0", NULL);       in a hub
 *     ... GET http://127.0.0.1:PORT/a?size=1M&at=5000&do=reset
 *     CHECK_EQ_INT(bad_path(bad, "/a")->requests, 2);
 *     bad_close(bad);
 *
 * or as a program for scripts: build/MODE/tests/bad/bad --help.
 *
 * A path names a file that is not stored: its bytes are computed from their
 * offset, so each of them can be checked (bad_fill). The query says what the
 * file is and what goes wrong. Nothing is left to chance; counts are per path.
 * An option that there is not is answered with 400, so that a slip in a test is
 * seen. Values may hold %XX; sizes K, M, G; times ms, s (core/str.h). [default]
 *
 * the file
 *     size=N [64K]  seed=N [1]  fill=random|zero|text [random]  type=TEXT
 *     etag=strong|weak|none [strong]   modified=1: has a Last-Modified
 *     changes=K     after K requests another seed, ETag and date
 *     resize=N      and this size
 *     needs=LINE    403 unless the request has this field line
 *     login=BASE64  401 unless it has Authorization: Basic BASE64
 * when
 *     times=K       what is below only for the first K requests of a path
 *     after=K       and not for its first K; else a healthy answer
 * the head
 *     status=N [200]  reason=TEXT  http=TEXT [1.1]; 0.9: no head at all
 *     field=LINE    one more field line, as it stands; up to 16 of them
 *     retry=TEXT    Retry-After   retry_date=S: as a date in S seconds
 *     to=TEXT       a Location    hops=N: 302 to the same with N-1, until 0
 *     interim=N     1xx answers before it, of interim_status=N [103]
 *     fields=N      so many more fields, each of field_size=N [16] bytes
 *     head=half|none|bytes  half a head; not a byte; then as `do` says, or it
 *                   waits. bytes: raw=BYTES in place of the whole answer
 *     wait=T        before its first byte
 * ranges (one, or several, of bytes)
 *     ranges=yes|no (200) |none (and says so) |shifted (another first byte)
 *         |total (another length) |unasked (206 always) |multipart
 *         |refused (416) |short (less than asked) |garbage   [yes]
 *     blind=1       If-Range is not looked at
 * the body
 *     frame=length|chunked|close|none|both [length]   length=TEXT: what it says
 *     chunk=N [16K] bytes in a chunk
 *     chunks=garbage|huge|negative|unended|bare|extension|trailer: a flaw in
 *                   the chunk that reaches `at` (of the last: in what follows)
 *     trailer=LINE  up to 16
 *     coding=gzip|br|zstd  said=TEXT: another Content-Encoding
 *     at=N          after N bytes of it:
 *     do=reset|cut|stall|wrong  a reset; an end; silence until the client goes;
 *                   all that follows is of another seed; coded, it is damaged
 *     piece=N every=T   so many bytes, each time so much later
 *     extra=N       bytes after its end
 * afterwards
 *     then=keep|close|say|reset|drop [keep]   close without having said so;
 *                   having said so; a reset; closed as the next request comes
 *     early=1       the answer does not wait for the request's body
 *
 * A request with Connection: close, and a body whose end is its connection's,
 * end it too. Other paths: /stat (below), /arm?refuse=N: the next N connections
 * are closed as they come; reset=N: and reset.
 *
 * The answer tells in X-Request which request of its path it is, from 1, and in
 * X-Connection which connection it came on.
 */
#include "core/str.h"

struct bad;

struct bad_options {
    const char *certificate, *key; /* PEM; NULL: plain */
};

struct bad_stat {
    uint64_t connections;     /* so far, also those refused */
    uint64_t requests;        /* but those for /stat and /arm */
    uint64_t reused;          /* requests that were not a connection's first */
    uint64_t bytes;           /* of bodies, as sent */
    unsigned live, most_live; /* connections */
};

struct bad_path {
    char path[256];
    uint64_t requests, ranges, bytes;
    uint64_t got;  /* bytes of requests' bodies */
    unsigned most; /* answers at once, to clients that are there */
    struct bad_path *next;
};

/* Serves from now on, in a group of its own. 0 or -Exxx. `at` may have port 0.
 * o may be NULL. For bad_close, which ends all. May park. */
int bad_open(struct bad **ret, const char *at, const struct bad_options *o);
uint16_t bad_port(const struct bad *b);
/* Good until bad_close. */
const struct bad_stat *bad_stat(const struct bad *b);
/* NULL: nobody asked for it. */
const struct bad_path *bad_path(const struct bad *b, const char *path);
void bad_close(struct bad *b);

/* The bytes [off, off + n) of the file with this seed. */
void bad_fill(char *buf, size_t n, uint64_t off, uint64_t seed);

/*
 * /stat, as text, a word and its number on each line:
 *
 *     connections 3
 *     live 1
 *     most_live 2
 *     requests 5
 *     reused 2
 *     bytes 327680
 *     path /a requests 5 ranges 4 bytes 327680 got 0 most 4
 */
#endif
