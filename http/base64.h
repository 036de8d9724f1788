/* SPDX-License-Identifier: MIT */
#ifndef HTTP_BASE64_H
#define HTTP_BASE64_H

/*
 * base64.h - bytes to base64 (RFC 4648 4).
 *
 *     char text[MR_BASE64_LEN(20)];
 *     mr_base64_put(digest, 20, text);
 */
#include "core/base.h"

/* How many characters n bytes become; without a NUL. */
#define MR_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* The 64 digits, NUL-terminated. */
extern const char mr_base64_digits[];

/* Writes MR_BASE64_LEN(n) characters to ret; no NUL. */
void mr_base64_put(const void *p, size_t n, char *ret);

#endif
