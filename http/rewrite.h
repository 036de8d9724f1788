/* SPDX-License-Identifier: MIT */
#ifndef HTTP_REWRITE_H
#define HTTP_REWRITE_H

/*
 * rewrite.h - a request answered as if it had asked for another path.
 *
 *     err = mr_rewrite_check(mr_str("/old/:id"), mr_str("/new?id={id}"), &why);
 *     err = mr_router_add(&rules, mr_str("/old/:id"), "/new?id={id}", &why);
 *     err = mr_rewrite(&rules, arena, method, &path, &query);
 *
 * Rules are a router whose targets are texts (http/expand.h): the one that
 * matches best is applied, once, and what it gives is not looked at again. The
 * new path is decoded and cleaned as a client's is (http/url.h). A query in the
 * text comes before the request's.
 */
#include "core/arena.h"
#include "http/router.h"

/* May a request for what the pattern takes become one for `to`? 0; -EINVAL,
 * *ret_why says what is wrong (static); -ENOMEM. */
MR_MUST_USE int mr_rewrite_check(struct mr_str pattern, struct mr_str to,
                                 const char **ret_why);
/* Where a rule matches, both become new views, in the arena. 0; -EINVAL: what
 * came out is no path; -ENOMEM. */
MR_MUST_USE int mr_rewrite(const struct mr_router *rules,
                           struct mr_arena *arena, enum mr_method method,
                           struct mr_str *path, struct mr_str *query);

#endif
