/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_SETUP_H
#define APPS_GET_SETUP_H

/*
 * setup.h - what is the same for all downloads: the client, with cookies,
 * passwords and proxies as the options say; and what --checksum asks for.
 */
#include "apps/get/options.h"
#include "apps/get/outcome.h"
#include "apps/get/report.h"
#include "http/client.h"
#include "io/checksum.h"

struct get_setup {
    struct mr_client *client;
    struct mr_cookie_jar *jar; /* these three NULL: none */
    struct mr_netrc *netrc;
    struct mr_proxies *proxies;
};

/* GET_OK; or what is wrong, told in why (MR_CLIENT_WHY bytes), and nothing is
 * open. Reads files, blocking: before any download. o is kept. */
MR_MUST_USE enum get_outcome get_setup_open(struct get_setup *ret,
                                            const struct get_options *o,
                                            struct get_report *report,
                                            char *why);
/* No call is open any more. Writes the cookies, where that is wanted. GET_OK,
 * or GET_FILE and why. */
MR_MUST_USE enum get_outcome
get_setup_close(struct get_setup *s, const struct get_options *o, char *why);

/* --checksum's text, and whether this build and machine can compute such a one.
 * 0; -EINVAL, -EOPNOTSUPP, -ENOMEM and why (MR_CLIENT_WHY bytes). */
MR_MUST_USE int get_setup_checksum(struct mr_checksum *ret, const char *text,
                                   char *why);

#endif
