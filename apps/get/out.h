/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_OUT_H
#define APPS_GET_OUT_H

/*
 * out.h - write to a descriptor that others gave us, without stopping the hub.
 *
 * Standard output may be a file, a pipe whose reader is slow, or a terminal,
 * and is shared: making it non-blocking would do so for the shell too. So it is
 * asked whether it takes bytes, and given only as many as it then takes without
 * waiting.
 */
#include "core/base.h"

/* All n bytes: 0; -EPIPE, -EIO, -ENOSPC, ...; -ETIMEDOUT, -ECANCELED, and then
 * some may be written. May park. */
MR_MUST_USE int get_out_write(int fd, const void *p, size_t n,
                              int64_t deadline);

#endif
