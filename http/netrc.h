/* SPDX-License-Identifier: MIT */
#ifndef HTTP_NETRC_H
#define HTTP_NETRC_H

/*
 * netrc.h - user names and passwords by host, out of a .netrc file as curl
 * reads it.
 *
 *     machine example.com login me password "a \"b\" #c"
 *     machine ftp.example.com
 *         login you
 *         password secret
 *     macdef init
 *         cd pub
 *                                    an empty line ends a macdef
 *     default login anonymous password x
 *
 * A machine in another script is written as a URI's host is: xn--....
 *
 *     rc = mr_netrc_load(&n, path, why);
 *     if (mr_netrc_find(n, uri.host, uri.user, &user, &password)) ...
 *
 * Words are split by white space; one that begins with '"' ends at the next '"'
 * in its line, with \n, \r, \t and, for any other byte, \ before it; a '#' that
 * begins a word begins a comment. Keywords and hosts are read without case.
 */
#include "core/str.h"

struct mr_netrc;

#define MR_NETRC_WHY 512
/* A thousand hosts have 80 KiB. */
#define MR_NETRC_MAX ((size_t)1024 * 1024)

/*
 * 0, and why[] is empty or holds a warning: the file can be read by others.
 * With a line in why[]: -EINVAL: it is malformed, in line so and so; -EFBIG:
 * above MR_NETRC_MAX; -Exxx of open and read; -ENOMEM. Blocks.
 */
MR_API MR_MUST_USE int mr_netrc_load(struct mr_netrc **ret, const char *path,
                                     char why[MR_NETRC_WHY]);
/* The same, of a text, which need not stay. -EINVAL or -ENOMEM. */
MR_API MR_MUST_USE int mr_netrc_parse(struct mr_netrc **ret, struct mr_str text,
                                      char why[MR_NETRC_WHY]);
/* NULL does nothing. */
MR_API void mr_netrc_free(struct mr_netrc *n);

/*
 * The first entry for this host, or the default where it stands before; where
 * user is not absent (p NULL), the first with that login. False: there is none,
 * or it has neither login nor password. Views are n's; what the entry does not
 * have is absent, but a login that was asked for is given back. n may be NULL.
 */
MR_API bool mr_netrc_find(const struct mr_netrc *n, struct mr_str host,
                          struct mr_str user, struct mr_str *ret_user,
                          struct mr_str *ret_password);

MR_DEFINE_AUTO(netrc)

#endif
