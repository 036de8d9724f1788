/* SPDX-License-Identifier: MIT */
#ifndef HTTP_NEGOTIATE_H
#define HTTP_NEGOTIATE_H

/*
 * negotiate.h - which of several forms does a client want (RFC 9110 12.5)?
 *
 *     n = mr_negotiate_codings(headers, order);
 *     for (i = 0; i < n; i++)
 *         if (there is a file with mr_coding_suffix(order[i])) ...
 *
 *     static const char *const types[] = {"text/html", "application/json"};
 *     if (mr_negotiate_type(headers, types, 2) == 1) ...
 *
 * Whoever asks says so in Vary, whatever comes of it.
 */
#include "http/headers.h"

/* What is sent when the client has no wish of its own, first: the smaller of
 * what browsers read. */
enum mr_coding {
    MR_CODING_BR,
    MR_CODING_ZSTD,
    MR_CODING_GZIP,
    MR_CODING_IDENTITY,
    MR_CODINGS,
};

/* As Content-Encoding has it: "br"; "identity" is never written there. */
MR_API const char *mr_coding_name(enum mr_coding c);
/* Of a file that is compressed so: ".br"; "" for identity. */
MR_API const char *mr_coding_suffix(enum mr_coding c);

/*
 * The codings that Accept-Encoding takes, best first; how many. Without that
 * field, or with one that is malformed throughout, it is identity alone.
 * Identity is always among them, last when the client refuses it: who has
 * nothing else to send sends that (12.5.3).
 */
MR_API size_t mr_negotiate_codings(const struct mr_headers *h,
                                   enum mr_coding order[MR_CODINGS]);

/*
 * That of n codings which the client likes best, and of those it likes as much
 * the first; identity when it likes that better, or takes none of them.
 */
MR_API enum mr_coding mr_negotiate_coding(const struct mr_headers *h,
                                          const enum mr_coding *offered,
                                          size_t n);

/*
 * The position of that of n > 0 types ("text/html") which Accept likes best;
 * of two that it likes as much, the earlier. The first also when there is no
 * Accept, or none of them is in it. Parameters other than q are not looked at.
 */
MR_API size_t mr_negotiate_type(const struct mr_headers *h,
                                const char *const *types, size_t n);

/* The weight, in thousandths, that Accept gives a type by its name: 0 when it
 * is not there, though a range may mean it. */
MR_API unsigned mr_negotiate_named(const struct mr_headers *h,
                                   const char *type);

/*
 * An element of such a list: what it names, and its weight in thousandths,
 * 1000 when it has none. False: it is no token or media range, or its weight
 * is malformed; then it is as if not there.
 */
MR_API bool mr_weighted_parse(struct mr_str element, struct mr_str *ret_name,
                              unsigned *ret_weight);

#endif
