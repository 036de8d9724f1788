/* SPDX-License-Identifier: MIT */

/* rate.c - so many bytes a second, shared by all that take from one. */
#include "apps/get/rate.h"

#include <errno.h>

#include "core/timer.h"

#define SECOND INT64_C(1000000000)
/* What is kept when nobody takes, and the longest that one read may book. */
#define BURST (SECOND / 10)
/* Below it reads would cost more than they carry. */
#define PIECE_MIN 512

void get_rate_init(struct get_rate *r, uint64_t per_second)
{
    *r = (struct get_rate){.per_second = per_second, .booked = INT64_MIN};
}

size_t get_rate_piece(const struct get_rate *r)
{
    uint64_t n = r->per_second / (uint64_t)(SECOND / BURST);

    if (r->per_second == 0)
        return SIZE_MAX;
    return (size_t)MR_MAX(n, PIECE_MIN);
}

/* Whole seconds apart, as n times a thousand million does not fit. */
static int64_t time_of(const struct get_rate *r, size_t n)
{
    uint64_t s = n / r->per_second;
    uint64_t rest = n % r->per_second;

    if (s > (uint64_t)(INT64_MAX / SECOND / 4))
        return INT64_MAX / 4;
    return (int64_t)s * SECOND +
           (int64_t)((double)rest * (double)SECOND / (double)r->per_second);
}

int64_t get_rate_book(struct get_rate *r, size_t n, int64_t now)
{
    int64_t need;

    if (r->per_second == 0)
        return now;
    need = time_of(r, n);
    if (r->booked < now - BURST)
        r->booked = now - BURST;
    if (__builtin_add_overflow(r->booked, need, &r->booked))
        r->booked = INT64_MAX;
    return r->booked;
}

int get_rate_take(struct get_rate *r, size_t n, int64_t deadline)
{
    int64_t now = mr_now();
    int64_t until = get_rate_book(r, n, now);
    int rc;

    if (until <= now)
        return 0;
    rc = mr_sleep(MR_MIN(until, deadline));
    return rc == 0 && until > deadline ? -ETIMEDOUT : rc;
}
