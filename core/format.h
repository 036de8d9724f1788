/* SPDX-License-Identifier: MIT */
#ifndef CORE_FORMAT_H
#define CORE_FORMAT_H

/*
 * format.h - vsnprintf, faster for what is formatted most.
 *
 *     n = mr_vformat(buf, sizeof buf, "hello, %.*s\n", ap);
 *
 * %s, %.*s, %c, %% and decimal integers of any length, without flags or widths,
 * that fit the buffer are put together here; all else is vsnprintf's. What
 * comes out is the same.
 */
#include <stdarg.h>

#include "core/base.h"

/* As vsnprintf(3), except that ap is as it was afterwards. */
int mr_vformat(char *buf, size_t size, const char *fmt, va_list ap);

#endif
