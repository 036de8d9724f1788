/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BAD_BAD_PRIV_H
#define TESTS_BAD_BAD_PRIV_H

/* bad_priv.h - what the files of tests/bad share. */
#include "core/sys.h"
#include "io/server.h"
#include "io/tls.h"
#include "tests/bad/bad.h"

/* Of a request's head; answers have no bound. */
#define BAD_HEAD_MAX ((size_t)64 * 1024)
#define BAD_LINES 16
#define BAD_BUF ((size_t)64 * 1024)

enum bad_fill { BAD_RANDOM, BAD_ZERO, BAD_TEXT };
enum bad_etag { BAD_STRONG, BAD_WEAK, BAD_NO_ETAG };
enum bad_head { BAD_WHOLE, BAD_HALF, BAD_NO_HEAD, BAD_BYTES };
enum bad_frame {
    BAD_LENGTH,
    BAD_CHUNKED,
    BAD_UNTIL_CLOSE,
    BAD_UNFRAMED,
    BAD_BOTH,
};
enum bad_chunks {
    BAD_GOOD_CHUNKS,
    BAD_GARBAGE,
    BAD_HUGE,
    BAD_NEGATIVE,
    BAD_UNENDED,
    BAD_BARE,
    BAD_EXTENSION,
    BAD_TRAILER,
};
enum bad_ranges {
    BAD_RANGES,
    BAD_IGNORED,
    BAD_NOT_ACCEPTED,
    BAD_SHIFTED,
    BAD_TOTAL,
    BAD_UNASKED,
    BAD_MULTIPART,
    BAD_REFUSED,
    BAD_SHORT,
    BAD_RANGE_GARBAGE,
};
enum bad_do { BAD_ALL, BAD_RESET, BAD_CUT, BAD_STALL, BAD_WRONG };
enum bad_then { BAD_KEEP, BAD_CLOSE, BAD_SAY, BAD_THEN_RESET, BAD_DROP };
enum bad_coding { BAD_PLAIN, BAD_GZIP, BAD_BR, BAD_ZSTD };

struct bad_lines {
    struct mr_str v[BAD_LINES];
    unsigned n;
};

/* What one request is answered with; texts are views into the connection's
 * `text`. All choices are unsigned, so that one table can fill them. */
struct bad_plan {
    uint64_t size, seed, changes, resize;
    uint64_t times, after;
    uint64_t status, hops, interim, interim_status, fields, field_size;
    uint64_t chunk, at, piece, extra, retry_date, modified, early, blind;
    int64_t wait, every;
    struct mr_str type, needs, login, reason, http, retry, to, raw, length,
        said;
    struct bad_lines field, trailer;
    unsigned fill, etag, head, ranges, frame, chunks, coding, act, then;
};

/* Fill *p from a query; its texts are decoded into text[0 .. query.n). Healthy:
 * only what is of the file. false: *ret_why names the option that is wrong. */
bool bad_plan_read(struct bad_plan *p, struct mr_str query, char *text,
                   bool healthy, struct mr_str *ret_why);

struct bad_conn {
    struct bad *bad;
    int fd;
    uint64_t number;   /* of connections, from 1 */
    uint64_t requests; /* on this one */
    struct mr_stream *s;
    struct mr_buf in;                     /* what of it came */
    struct mr_str method, target, fields; /* of the request; views into head */
    char *head, *text;                    /* BAD_HEAD_MAX each */
    char *buf;                            /* BAD_BUF, for bodies */
    struct bad_plan plan;
    struct bad_path *path;
    bool answers; /* path, for now */
    struct bad_conn *next;
};

/* The value of a field of the request, trimmed; p is NULL when there is none.
 * Names compare without case. */
struct mr_str bad_field(const struct bad_conn *c, const char *name);
/* 0 or -Exxx. May park. */
int bad_send(struct bad_conn *c, const void *p, size_t n);
/* Answer as the plan says. 0: another request may follow; else this is over.
 * May park. */
int bad_answer(struct bad_conn *c);
/* Bytes [from, from + n) of the plan's file as an answer's body, with all that
 * happens to bodies; framed, but for the part that the head says. 0 or not, as
 * bad_answer. May park. */
int bad_body(struct bad_conn *c, uint64_t from, uint64_t n);
/* Bytes [off, off + n) of the plan's file, with this seed. */
void bad_bytes(const struct bad_plan *p, char *buf, size_t n, uint64_t off,
               uint64_t seed);
/* How many bytes n of the file from `from` are, coded. */
uint64_t bad_coded_length(struct bad_conn *c, uint64_t from, uint64_t n);
/* Serve one: a handler of io/server.h, its arg the struct bad. */
void bad_connection(int fd, const struct mr_addr *peer, void *arg);
/* Come to an end as `act` says: nothing, a reset, silence. Always -1. May park.
 */
int bad_end(struct bad_conn *c, unsigned act);

struct bad {
    struct mr_server server;
    struct mr_tls_context *tls;
    struct bad_stat stat;
    struct bad_path *paths;
    struct bad_conn *conns;
    uint64_t refuse, reset; /* of connections to come */
    uint16_t port;
};

#endif
