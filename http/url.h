/* SPDX-License-Identifier: MIT */
#ifndef HTTP_URL_H
#define HTTP_URL_H

/*
 * url.h - request targets: split, decode, clean, encode; queries.
 *
 *     mr_url_split(target, &raw_path, &query);
 *     rc = mr_url_decode_path(arena, raw_path, &path);    "/a/./b%20c" -> "/a/b
 * c" rc = mr_query_find(arena, query, "name", &value);
 *
 * Routes and files are looked up by the decoded path only, so that one name has
 * one meaning. Views are into the argument, or into the arena where one is
 * given.
 */
#include "core/arena.h"

/* At the first '?'. The query is without it; its p is NULL when there is no
 * '?', and it is empty but not NULL for a bare one. */
MR_API void mr_url_split(struct mr_str target, struct mr_str *ret_path,
                         struct mr_str *ret_query);

/* Is this uri-host [":" port] of RFC 3986 3.2, the host not empty, the port
 * empty or at most 65535, and no user name before it? */
MR_API bool mr_url_authority_is_valid(struct mr_str authority);
/* Its two parts: the host (with the brackets of an IPv6 address), and the
 * port's digits, p NULL when there is no ':'. For a valid authority. */
MR_API void mr_url_authority_split(struct mr_str authority,
                                   struct mr_str *ret_host,
                                   struct mr_str *ret_port);

/* Is every '%' followed by two hexadecimal digits? */
MR_API bool mr_url_escapes_are_valid(struct mr_str s);

/*
 * The path that raw means: percent-decoded, "." and ".." removed as in RFC 3986
 * 5.2.4 (never above the root; "%2e" is a dot too). Empty segments stay: "//"
 * is not "/". The view is raw itself when nothing had to change, else in the
 * arena.
 *
 * 0, -ENOMEM, or -EINVAL, to be answered 400: raw does not begin with '/', has
 * a broken escape, NUL or %00 (it would cut a file's name short), or %2F:
 * decoded, that would turn into a separator after routes and access rules were
 * chosen by segments; kept, it would be a name that no file can have.
 */
MR_API MR_MUST_USE int mr_url_decode_path(struct mr_arena *arena,
                                          struct mr_str raw,
                                          struct mr_str *ret_path);

/*
 * Decode %XX in raw, and '+' as a space when plus is set (form fields). A
 * broken escape stays as it is, as browsers have it. The view is raw itself or
 * in the arena; it may hold any byte, NUL too. 0 or -ENOMEM.
 */
MR_API MR_MUST_USE int mr_url_decode(struct mr_arena *arena, struct mr_str raw,
                                     bool plus, struct mr_str *ret);

/*
 * A path as a link or a Location writes it: all but letters, digits, "-._~" and
 * '/' as %XX, so that it is safe inside HTML quotes too. A path that begins
 * with
 * "//" would be taken for another host's name: it gets "/." in front.
 * 0 or -ENOMEM; the view is in the arena.
 */
MR_API MR_MUST_USE int mr_url_encode_path(struct mr_arena *arena,
                                          struct mr_str path,
                                          struct mr_str *ret);

/*
 * A URI, or a part of one, in which bytes stand raw that none may have: those
 * (space, "<>\^`{|} and all above 0x7e) as %XX, the rest as it is; control
 * bytes too, for whoever writes it has to refuse them. 0 or -ENOMEM; the view
 * is in the arena, or uri itself.
 */
MR_API MR_MUST_USE int mr_url_encode_raw(struct mr_arena *arena,
                                         struct mr_str uri, struct mr_str *ret);

/*
 * Walk a query: cut the first name=value off *rest. Both are raw views; value's
 * p is NULL when there is no '='. Empty parts ("&&") are skipped. False, and
 * nothing written to the outputs, at the end.
 */
MR_API bool mr_query_next(struct mr_str *rest, struct mr_str *ret_name,
                          struct mr_str *ret_value);
/* The decoded value of the first pair with this (decoded) name; empty when the
 * pair has no '='. 0, -ENOENT, -ENOMEM. */
MR_API MR_MUST_USE int mr_query_find(struct mr_arena *arena,
                                     struct mr_str query, const char *name,
                                     struct mr_str *ret_value);

#endif
