/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

/*
 * chunked.h - the chunked coding, both ways (RFC 9112 7.1).
 *
 *     mr_chunked_init(&c, arena);
 *     in = what_came();                              any piece of the body
 *     while ((rc = mr_chunked_decode(&c, &in, &data)) == MR_CHUNKED_DATA)
 *         use(data);                                 a view into in
 *     if (rc == MR_CHUNKED_DONE)
 *         next_request_begins_at(in.p);
 *
 *     n = mr_chunk_put_head(head, len);              "1a3\r\n"
 *     send(head, n); send(p, len); send(MR_CHUNK_END);    for each chunk
 *     send(MR_CHUNK_LAST);                           at the end
 */
#include "core/arena.h"
#include "http/headers.h"

/* Extensions mean nothing to us; 256 bytes hold every kind in use (signatures
 * of uploads take some 85). */
#define MR_CHUNKED_MAX_EXTENSION 256
/* A body of one-byte chunks is clumsy, but honest: five bytes of framing each.
 * So each chunk has 16 bytes of framing free, and two for each byte of data;
 * what goes beyond adds up to no more than this (Go's rule since
 * CVE-2023-39326). */
#define MR_CHUNKED_MAX_EXCESS 16384
/* Checksums and signatures: a handful of lines. The section's bytes, and its
 * fields. */
#define MR_CHUNKED_MAX_TRAILER 4096
#define MR_CHUNKED_MAX_TRAILERS 32

enum mr_chunked_result {
    MR_CHUNKED_MORE, /* all of the input is used up */
    MR_CHUNKED_DATA, /* some bytes of the body; call again */
    MR_CHUNKED_DONE, /* the body and its trailers are over */
    MR_CHUNKED_BAD,  /* answer status, log reason, close */
};

struct mr_chunked_trailers;

/* In the caller's memory; total, left, status and reason are to be read. */
struct mr_chunked {
    uint64_t total;     /* data bytes announced so far: at most INT64_MAX */
    uint64_t left;      /* data bytes of this chunk that have not come */
    uint32_t excess;    /* framing beyond what is free */
    uint16_t line;      /* bytes of this chunk's line */
    uint16_t extension; /* of them, those behind the size */
    uint8_t state;
    uint8_t digits;
    int status;         /* on BAD: 400, 431, or 503 when out of memory */
    const char *reason; /* on BAD: static */
    struct mr_arena *arena;
    struct mr_chunked_trailers *trailers; /* in the arena, if any came */
};

/* Keeps arena: trailers, should any come, are copied there. */
MR_API void mr_chunked_init(struct mr_chunked *c, struct mr_arena *arena);

/*
 * Go on with *in, of which what was used up is cut off. *ret_data, written on
 * DATA only, is a view of *in's bytes, never empty. After DONE and BAD nothing
 * is used up and the same outcome comes again.
 */
MR_API MR_MUST_USE enum mr_chunked_result
mr_chunked_decode(struct mr_chunked *c, struct mr_str *in,
                  struct mr_str *ret_data);

/* The trailer fields after DONE, kept apart from the headers; NULL when none
 * came. Good as long as the arena's memory. */
MR_API const struct mr_headers *mr_chunked_trailers(const struct mr_chunked *c);

/* The most that mr_chunk_put_head writes. */
#define MR_CHUNK_HEAD_MAX 18
#define MR_CHUNK_END "\r\n"
#define MR_CHUNK_LAST "0\r\n\r\n"

/* The line before a chunk of n bytes; how many bytes, no NUL. n == 0 is a BUG:
 * it would end the body. */
MR_API size_t mr_chunk_put_head(char out[MR_CHUNK_HEAD_MAX], uint64_t n);

#endif
