/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_RATE_H
#define APPS_GET_RATE_H

/*
 * rate.h - so many bytes a second, shared by all that take from one.
 *
 *     get_rate_init(&all, 1 << 20);
 *     n = MR_MIN(n, get_rate_piece(&all));      do not read more at once
 *     got = mr_call_read(call, room, n, deadline);
 *     rc = get_rate_take(&all, got, deadline);  wait until that was allowed
 *
 * Who takes books the time that its bytes need behind those booked already, and
 * sleeps until it is over: first come, first served, with no queue. What was
 * not used is kept for a tenth of a second, no longer. The socket's buffer
 * fills while we sleep, and TCP tells the server. Sizes such as 1M are
 * mr_str_to_size's (core/str.h).
 */
#include "core/base.h"

struct get_rate {
    uint64_t per_second; /* 0: no limit */
    int64_t booked;      /* until when, on the monotonic clock */
};

void get_rate_init(struct get_rate *r, uint64_t per_second);
/* How much to read at once at most, so that nobody waits long behind it. */
size_t get_rate_piece(const struct get_rate *r);
/* The n bytes' time: when it is over. Pure. */
int64_t get_rate_book(struct get_rate *r, size_t n, int64_t now);
/* Book, and sleep until then. 0, -ETIMEDOUT, -ECANCELED: it is booked all the
 * same. May park. */
MR_MUST_USE int get_rate_take(struct get_rate *r, size_t n, int64_t deadline);

#endif
