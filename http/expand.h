/* SPDX-License-Identifier: MIT */
#ifndef HTTP_EXPAND_H
#define HTTP_EXPAND_H

/*
 * expand.h - texts with {name} in them, which a request fills in: targets of
 * redirects and rewrites, names of files to try.
 *
 *     mr_expand_check(mr_str("/u/{id}"), mr_str("/users/:id"), &name)   true
 *     mr_expand_params(arena, mr_str("/u/{id}"), route, path, &to)      /u/7
 *
 * What is not between a '{' and the next '}' is text.
 */
#include "core/arena.h"
#include "http/router.h"

/* Cut text up to the next {name} off *rest; ret_name->p is NULL when none
 * follows. False at the end. */
MR_API bool mr_expand_next(struct mr_str *rest, struct mr_str *ret_text,
                           struct mr_str *ret_name);

/* Has the pattern (http/router.h) a parameter for each name in text? Else one
 * that it lacks is in *ret_name. */
MR_API bool mr_expand_check(struct mr_str text, struct mr_str pattern,
                            struct mr_str *ret_name);

/* text with the parameters of a path that the route takes, encoded as in a
 * link (http/url.h). The view is in the arena, with a NUL behind it. 0 or
 * -ENOMEM. */
MR_MUST_USE int mr_expand_params(struct mr_arena *arena, struct mr_str text,
                                 const struct mr_route *route,
                                 struct mr_str path, struct mr_str *ret);

#endif
