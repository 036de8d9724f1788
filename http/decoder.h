/* SPDX-License-Identifier: MIT */
#ifndef HTTP_DECODER_H
#define HTTP_DECODER_H

/*
 * decoder.h - bodies that are coded by gzip, deflate, br or zstd, decoded piece
 * by piece.
 *
 *     rc = mr_decoder_new(&d, content_encoding, NULL);
 *     while (rc >= 0 && !done) {
 *         in = next piece;  done = it is the last;
 *         do
 *             rc = mr_decoder_run(d, &in, done, out, sizeof out, &n);
 *             ... out[0 .. n) is text
 *         while (rc == 1);
 *     }
 *     if (rc < 0)
 *         say(mr_decoder_why(d));
 *     mr_decoder_free(d);
 *
 * Invariants
 *  (1) A text is whole, or an error: one that ends early, and bytes behind its
 *      end, are. gzip may be of several members, zstd of several frames, as
 *      their programs write them.
 *  (2) Memory has a bound: 32 KiB of window for gzip and deflate, 8 MiB for
 *      zstd (RFC 9659), 16 MiB for br (RFC 7932 9.1), and 16 KiB between two.
 *  (3) What comes out has two bounds, and so has what passes between two
 *      codings: so much in all, and so many times what came in.
 */
#include "core/str.h"

struct mr_decoder;

/* For Accept-Encoding. */
#define MR_DECODER_ACCEPT "gzip, deflate, br, zstd"
/* In one Content-Encoding: nobody sends more, a bomb may. */
#define MR_DECODER_CODINGS_MAX 2
/* Unless told otherwise. Bytes: more than any page or feed; files that large
 * are not coded on their way. */
#define MR_DECODED_MAX ((uint64_t)1024 * 1024 * 1024)
/* Times: text comes to 5 to 30, a log's worst parts to 200. Bombs begin at
 * 1000, which is deflate's most. */
#define MR_DECODED_RATIO_MAX 250
/* From here on the ratio counts: a page of a million spaces hurts nobody. */
#define MR_DECODED_FREE ((uint64_t)1024 * 1024)

/* What is 0 is as above. */
struct mr_decoder_limits {
    uint64_t max_bytes;
    uint64_t max_ratio; /* UINT64_MAX: any */
};

/*
 * For a body of these codings, in the order of the field's value (several lines
 * of it joined by commas). *ret is NULL where there is nothing to decode: it is
 * empty, or "identity". limits may be NULL.
 *
 * 0; -EOPNOTSUPP: one of them is unknown here, or they are too many; -ENOMEM.
 */
MR_API MR_MUST_USE int mr_decoder_new(struct mr_decoder **ret,
                                      struct mr_str content_encoding,
                                      const struct mr_decoder_limits *limits);
/* In whatever state. NULL does nothing. */
MR_API void mr_decoder_free(struct mr_decoder *d);

/*
 * Decode *in, of which what was used up is cut off, into out[cap]; *ret_n bytes
 * were written. end: nothing follows *in. cap is at least 1. A body without a
 * byte is an empty text: servers label those, too.
 *
 * 0: all of *in is used and, for end, the text is whole. 1: there may be more;
 * call again with what is left of *in, and room. Errors are for good:
 * -EBADMSG: it is not of that coding, or bytes follow its end; -ENODATA: it
 * ends early; -EFBIG: a limit is passed; -ENOMEM. Computes; does not park.
 */
MR_API MR_MUST_USE int mr_decoder_run(struct mr_decoder *d, struct mr_str *in,
                                      bool end, char *out, size_t cap,
                                      size_t *ret_n);
/* Of the error of the last run, in words that need no sentence before them; ""
 * if there was none. Static, or d's. */
MR_API const char *mr_decoder_why(const struct mr_decoder *d);

MR_DEFINE_AUTO(decoder)

#endif
