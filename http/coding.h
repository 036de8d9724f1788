/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

/*
 * coding.h - text to gzip, br or zstd, piece by piece, by their own libraries.
 *
 *     struct mr_coder_pool pool = {0};
 *     err = mr_coder_take(&pool, MR_CODING_GZIP, 5, -1, &c);
 *     do
 *         rc = mr_coder_run(c, MR_CODER_END, &in, out, sizeof out, &n);
 *         ... out[0 .. n) is sent
 *     while (rc == 1);
 *     mr_coder_give(c);
 *     mr_coder_pool_fini(&pool);
 *
 * Invariants
 *  (1) A coder's memory has a bound, whatever level is asked for: windows and
 *      tables are cut to size (mr_coding_bytes). The coders out of one pool
 *      have one bound together, MR_CODERS_BYTES_MAX.
 *  (2) What was flushed can be decoded without what comes later.
 *  (3) A coder has one user at a time; which thread it is may change between
 *      two calls. Take, give and fini are for the pool's own thread.
 */
#include "http/negotiate.h"

/* Of all coders of a pool that are taken: beyond it mr_coder_take says no. A
 * worker with 248 gzip, 40 zstd or 20 br answers on their way at once. */
#define MR_CODERS_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* Room for output that a call has at least. */
#define MR_CODER_ROOM 64
/* Kept for the next answer, of each coding: as many as are at work at once
 * where answers are short. */
#define MR_CODERS_IDLE_MAX 4
/* The level of a coding unless told otherwise: of each coding the last before
 * time grows faster than size falls. */
#define MR_CODING_LEVEL 5

struct mr_coder;

/* Zeroed, it is empty. */
struct mr_coder_pool {
    struct mr_coder *idle[MR_CODINGS];
    unsigned idle_n[MR_CODINGS];
    size_t bytes; /* of those taken, as mr_coding_bytes has it */
};

enum mr_coder_op {
    MR_CODER_GO,    /* code on; what comes out comes when it likes */
    MR_CODER_FLUSH, /* and all that went in comes out */
    MR_CODER_END,   /* and nothing follows */
};

/* Frees the idle ones. A BUG while some are taken. */
void mr_coder_pool_fini(struct mr_coder_pool *pool);

/* The highest level of a coding, from 1; 0: it is none that we write. */
MR_API int mr_coding_level_max(enum mr_coding coding);
/* The most memory that one coder takes. */
size_t mr_coding_bytes(enum mr_coding coding);

/*
 * One for a new text of `size` bytes, -1 when that is not known; with another
 * number of them in the end, END fails. 0, -ENOMEM, or -ENOBUFS: too many are
 * at work. A BUG: the coding is identity, or the level none of its.
 */
MR_MUST_USE int mr_coder_take(struct mr_coder_pool *pool, enum mr_coding coding,
                              int level, int64_t size, struct mr_coder **ret);
/* In whatever state. NULL does nothing. */
void mr_coder_give(struct mr_coder *c);

/*
 * Code *in, of which what was used up is cut off, into out[cap]; *ret_n bytes
 * were written. 0: all of it is in, and of FLUSH and END all is out. 1: there
 * is no more room; call again, with the same op. -ENOMEM or -EIO: it is broken
 * for good. Computes; does not park. cap is MR_CODER_ROOM at least; below that
 * gzip would flush for ever.
 */
MR_MUST_USE int mr_coder_run(struct mr_coder *c, enum mr_coder_op op,
                             struct mr_str *in, char *out, size_t cap,
                             size_t *ret_n);
/* What it takes at present. */
size_t mr_coder_bytes(const struct mr_coder *c);

#endif
