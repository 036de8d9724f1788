/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

/*
 * conditional.h - may the method be performed, given If-Match and its kin? One
 * decision, in the order of RFC 9110 13.2.2.
 *
 *     struct mr_validators v = {.etag = mr_str("\"1a\""), .modified = mtime};
 *     switch (mr_conditional(headers, MR_METHOD_GET, &v, now)) {
 *     case 304: ...
 *     case 412: ...
 *     }
 *
 * Ask it only where the answer would be a 2xx otherwise (13.2.1). If-Range is
 * not looked at: it has a meaning with Range alone.
 */
#include "http/headers.h"
#include "http/status.h"

/* No time of change is known. */
#define MR_NO_DATE INT64_MIN

/* Of what exists now. */
struct mr_validators {
    struct mr_str etag; /* quoted, weak ones with W/; n == 0: none */
    int64_t modified;   /* seconds, or MR_NO_DATE */
};

/*
 * 0: perform it. 304: the client has it (GET and HEAD only). 412: do not. Dates
 * that are none, or come twice, are as if not sent; now is for two-digit years.
 */
MR_API int mr_conditional(const struct mr_headers *h, enum mr_method method,
                          const struct mr_validators *v, int64_t now);

/*
 * Walk a list of entity tags: the next one's text with its quotes, and whether
 * it was weak. False at the end, and at what is no entity tag. "*" is none.
 */
MR_API bool mr_etag_next(struct mr_str *list, struct mr_str *ret_opaque,
                         bool *ret_weak);

#endif
