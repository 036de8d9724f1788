/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_JSON_H
#define APPS_GET_JSON_H

/* json.h - text as a JSON string. */
#include "core/buf.h"

/* Append s, quoted and escaped (RFC 8259 7); bytes that are not UTF-8 become
 * U+FFFD each. 0 or -ENOMEM. */
MR_MUST_USE int get_json_string(struct mr_buf *out, struct mr_str s);

#endif
