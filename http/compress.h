/* SPDX-License-Identifier: MIT */
#ifndef HTTP_COMPRESS_H
#define HTTP_COMPRESS_H

/*
 * compress.h - answers compressed on their way: which, how, and for whom.
 *
 *     static struct mr_compress text;
 *     const char *const words[] = {"on"};
 *     why = mr_compress_parse(&text, words, 1);
 *     const struct mr_step steps[] = {{mr_compress_step, &text}};
 *
 * Handlers write as ever. An answer is compressed when the client takes one of
 * the codings (Accept-Encoding, by its weights; of those it likes as much the
 * first here), its type is among the types, its length, where it is known, lies
 * in the window, and nothing speaks against it:
 *
 *  (1) Never 204, 205, 206 and 304, nor what has a Content-Encoding, a
 *      Content-Range or a digest, nor against Cache-Control: no-transform. So a
 *      request for a range gets that range, of the text as it is.
 *  (2) What could have been compressed says Vary: Accept-Encoding, whether it
 *      was or not. What was loses Accept-Ranges, its ETag becomes weak (RFC
 *      9110 8.8.3.3), and a 304 has the tag that the client holds.
 *  (3) HEAD has the fields that GET has.
 *  (4) A whole answer of up to 16 KiB keeps a Content-Length, and is sent as it
 *      is if that is shorter. Others are chunked; on HTTP/1.0 they last until
 *      close.
 *  (5) The hub's thread codes 16 KiB of an answer, and as much again after
 *      each flush; what goes beyond is coded on a helper, 64 KiB at a time.
 *  (6) mr_response_flush sends all that was written so far; without it up to 32
 *      KiB are held back.
 *  (7) Where memory lacks, or more answers are compressed at once than
 *      MR_CODERS_BYTES_MAX allows, the next ones are sent as they are.
 *
 * Danger: whoever can place text of theirs in an answer that also holds a
 * secret, and can see how long it is, can guess the secret by the length
 * (BREACH). Such answers say mr_response_compress(res, NULL).
 */
#include "http/chain.h"
#include "http/coding.h"
#include "http/response.h"

/* zstd, br and gzip. */
#define MR_COMPRESS_CODINGS 3
/* An answer of a packet or less would save no packet. */
#define MR_COMPRESS_MIN 1024
/* What takes a helper half a second at most. */
#define MR_COMPRESS_MAX (16 * 1024 * 1024)

struct mr_compress {
    enum mr_coding codings[MR_COMPRESS_CODINGS]; /* the best liked first */
    int levels[MR_COMPRESS_CODINGS];
    size_t n; /* 0: nothing is compressed */
    /* "text/html"; "text/..." with '*' behind the '/', of which only
     * text/event-stream is none, whose state would be held for as long as the
     * stream; "*+json"; or "*": all. type_n 0: what is text in common use. */
    const char *const *types;
    size_t type_n;
    uint64_t min, max; /* of a length that is known; min is 65 at least; max 0:
                        * no limit */
};

/*
 * Codings from words: "zstd", "br", "gzip", each perhaps with a level behind a
 * colon ("br:4"; 1 to 12, 8 and 9); or "on" alone: these three; or "off" alone.
 * min and max become the defaults. NULL, or what is wrong with them (static).
 */
MR_API const char *mr_compress_parse(struct mr_compress *c,
                                     const char *const *words, size_t n);
/* Is a list of types of the forms above? NULL, or what is wrong (static). */
MR_API const char *mr_compress_check_types(const char *const *types, size_t n);
/* Is a content type, perhaps with parameters, among them? */
MR_API bool mr_compress_has_type(const struct mr_compress *c,
                                 struct mr_str type);

/* self is a struct mr_compress. May park. */
MR_API int mr_compress_step(struct mr_request *req, struct mr_response *res,
                            void *compress, const struct mr_chain_at *next);
/* For this answer, before it starts; kept until then. NULL: as it is. */
MR_API void mr_response_compress(struct mr_response *res,
                                 const struct mr_compress *c);

/* --- what does not change need not be compressed twice --- */

/* The compressed forms of one text; zeroed, it has none. The caller's. */
struct mr_compress_memo {
    struct {
        char *p; /* NULL, though known: it was not shorter */
        size_t n;
        bool known;
    } v[MR_CODINGS];
};

/* mr_reply of a text that the memo has been used with before, or no other: its
 * forms are kept there, for texts up to 16 KiB. memo NULL: none are. May park.
 */
MR_API int mr_reply_memo(struct mr_response *res, int status,
                         struct mr_str type, struct mr_str body,
                         struct mr_compress_memo *memo);
MR_API void mr_compress_memo_fini(struct mr_compress_memo *memo);

#endif
