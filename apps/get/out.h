/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_OUT_H
#define APPS_GET_OUT_H

/*
 * out.h - write to a descriptor that others gave us, without stopping the hub.
 *
 * Standard output may be a file, a pipe whose reader is slow, or a terminal,
 * and is shared: making it non-blocking would do so for the shell too. So it is
 * opened once more, where that can be; asked whether it takes bytes, and given
 * only as many as it then takes without waiting.
 */
#include "core/base.h"

/* A terminal is writable when it has room for one byte, and a write of more
 * would wait; a pipe that another writes to as well may be full by then. So
 * both are opened once more, not to wait: a descriptor of the caller's, for
 * mr_fd_close. < 0: it is neither, or cannot be; use fd. */
int get_out_open(int fd);

/* All n bytes: 0; -EPIPE, -EIO, -ENOSPC, ...; -ETIMEDOUT, -ECANCELED, and then
 * some may be written. May park. */
MR_MUST_USE int get_out_write(int fd, const void *p, size_t n,
                              int64_t deadline);

#endif
