/* SPDX-License-Identifier: MIT */

/* outcome.c - how a download ended, and what to do about it. */
#include "apps/get/outcome.h"

#include <errno.h>

#include "http/date.h"

#define BACKOFF_MAX_MS ((int64_t)60 * 1000)

const char *get_outcome_name(enum get_outcome o)
{
    switch (o) {
#define X(id, number, name, text) \
    case GET_##id:                \
        return name;
        GET_OUTCOMES(X)
#undef X
    }
    return "other";
}

enum get_outcome get_outcome_of_error(int err)
{
    switch (-err) {
    case 0:
        return GET_OK;
    case ECANCELED:
        return GET_INTERRUPTED;
    case EINVAL:
    case EPROTONOSUPPORT:
        return GET_USAGE;
    case EKEYREJECTED:
    case EKEYEXPIRED:
    case ENOKEY:
    case EOPNOTSUPP:
    case EPROTO:
        return GET_TLS;
    case EBADMSG:
    case ENOTCONN: /* a proxy said no */
    case ELOOP:
    case EFBIG:
    case EMSGSIZE:
        return GET_PROTOCOL;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return GET_OTHER;
    default:
        return GET_NETWORK;
    }
}

enum get_outcome get_outcome_of_status(int status)
{
    if (status >= 200 && status < 300)
        return GET_OK;
    return status == 401 || status == 407 ? GET_AUTH : GET_SERVER;
}

enum get_outcome get_outcome_add(enum get_outcome sum, enum get_outcome o)
{
    if (sum == GET_INTERRUPTED || o == GET_INTERRUPTED)
        return GET_INTERRUPTED;
    if (sum == GET_OK || (sum == GET_OTHER && o != GET_OK))
        return o;
    return o == GET_OK || o == GET_OTHER ? sum : MR_MIN(sum, o);
}

bool get_is_worth_a_retry(int err, int status)
{
    switch (-err) {
    case 0:
        break;
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENODATA: /* the answer, or a name's, was cut short */
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EAGAIN: /* no name server answered */
    case EADDRNOTAVAIL:
        return true;
    default:
        return false;
    }
    switch (status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

int64_t get_backoff_ms(unsigned retry, int64_t first_ms, uint32_t random)
{
    int64_t wait = MR_MIN(first_ms, BACKOFF_MAX_MS);

    while (retry-- > 1 && wait < BACKOFF_MAX_MS)
        wait = MR_MIN(wait * 2, BACKOFF_MAX_MS);
    return wait / 2 + (int64_t)(random % (uint64_t)(wait - wait / 2 + 1));
}

int64_t get_retry_after_ms(struct mr_str value, int64_t now)
{
    int64_t seconds;
    uint64_t n;
    int rc;

    value = mr_str_trim(value);
    rc = mr_str_to_u64(value, INT64_MAX / 2000, &n);
    if (rc == 0)
        seconds = (int64_t)n;
    else if (rc == -ERANGE)
        seconds = GET_RETRY_AFTER_MAX_MS / 1000;
    else if (mr_date_parse(value, now, &seconds) == 0)
        seconds = MR_MAX(seconds - now, 0);
    else
        return -1;
    return MR_MIN(seconds, GET_RETRY_AFTER_MAX_MS / 1000) * 1000;
}
