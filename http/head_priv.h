/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HEAD_PRIV_H
#define HTTP_HEAD_PRIV_H

/*
 * head_priv.h - between head_check.c, which proves lines, and head_rules.c,
 * which knows what they mean. For these two only.
 *
 * Each function below returns MR_SCAN_DONE (all fine, go on) or MR_SCAN_BAD
 * (the scan has failed; status and reason are set).
 */
#include "http/head_check.h"

/* head_check.c: the scan ends here. reason is static. MR_SCAN_BAD. */
enum mr_scan mr_head_refuse(struct mr_head_scan *s, int status,
                            const char *reason);

/* head_rules.c: the request line is proved; method, target, minor are set. */
MR_MUST_USE enum mr_scan mr_head_take_target(struct mr_head_scan *s);
/* The last of s->fields was just added. */
MR_MUST_USE enum mr_scan mr_head_take_field(struct mr_head_scan *s);
/* A request's head is whole: its framing, host, and whether it may be followed
 * by another. */
MR_MUST_USE enum mr_scan mr_head_decide(struct mr_head_scan *s);

#endif
