/* SPDX-License-Identifier: MIT */

/*
 * range.c - byte ranges (http/range.h). Pure: no clock, no I/O.
 *
 * What is malformed in one place is malformed as a whole, and then the field is
 * as if not sent (RFC 9110 14.2): half an answer would be taken for all.
 *
 * Invariants
 *  (1) Ranges that were put together neither overlap nor come nearer to each
 *      other than MR_RANGE_GAP: what is sent is the whole and a part's head for
 *      each gap at most, so nobody gets much out by asking for little.
 *  (2) No sum overflows: a range ends at or before size.
 */
#include "http/range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/date.h"

/* --- one range --- */

enum spec { SPEC_GOOD, SPEC_NOWHERE, SPEC_BAD };

/* A number too large to hold is larger than any file. */
static int number(struct mr_str s, uint64_t *ret)
{
    int err = mr_str_to_u64(s, UINT64_MAX, ret);

    if (err == -ERANGE) {
        *ret = UINT64_MAX;
        return 0;
    }
    return err;
}

/* RFC 9110 14.1.2: "-5" is the last five bytes. */
static enum spec parse_suffix(struct mr_str s, uint64_t size,
                              struct mr_byte_range *ret)
{
    uint64_t n;

    if (number(s, &n))
        return SPEC_BAD;
    if (n == 0)
        return SPEC_NOWHERE;
    ret->n = MR_MIN(n, size);
    ret->off = size - ret->n;
    return SPEC_GOOD;
}

static enum spec parse_spec(struct mr_str s, uint64_t size,
                            struct mr_byte_range *ret)
{
    struct mr_str first;
    uint64_t from, to = UINT64_MAX;

    if (mr_str_find(s, '-') < 0)
        return SPEC_BAD;
    (void)mr_str_split(&s, '-', &first);
    if (first.n == 0)
        return parse_suffix(s, size, ret);
    if (number(first, &from) || (s.n > 0 && number(s, &to)) || to < from)
        return SPEC_BAD;
    if (from >= size)
        return SPEC_NOWHERE;
    ret->off = from;
    ret->n = MR_MIN(to, size - 1) - from + 1;
    return SPEC_GOOD;
}

/* --- several --- */

static bool is_near(const struct mr_byte_range *a,
                    const struct mr_byte_range *b)
{
    if (a->off > b->off)
        return is_near(b, a);
    return b->off <= a->off + a->n || b->off - a->off - a->n <= MR_RANGE_GAP;
}

static struct mr_byte_range join(const struct mr_byte_range *a,
                                 const struct mr_byte_range *b)
{
    uint64_t off = MR_MIN(a->off, b->off);

    return (struct mr_byte_range){off,
                                  MR_MAX(a->off + a->n, b->off + b->n) - off};
}

/* Add one; what it comes near to becomes one with it, in the earliest's place
 * (15.3.7.2). That one may now be near to others. */
static void add(struct mr_ranges *r, struct mr_byte_range new)
{
    size_t at = r->n, i = 0;

    while (i < r->n) {
        if (!is_near(&r->v[i], &new)) {
            i++;
            continue;
        }
        new = join(&r->v[i], &new);
        at = MR_MIN(at, i);
        r->n--;
        memmove(&r->v[i], &r->v[i + 1], (r->n - i) * sizeof r->v[0]);
        i = 0;
    }
    memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof r->v[0]);
    r->v[at] = new;
    r->n++;
}

int mr_ranges_parse(struct mr_str value, uint64_t size, struct mr_ranges *ret)
{
    struct mr_str unit, spec;
    size_t asked = 0;

    ret->n = 0;
    if (size == 0 || mr_str_find(value, '=') < 0)
        return MR_STATUS_OK;
    (void)mr_str_split(&value, '=', &unit);
    if (!mr_str_is_case(unit, "bytes"))
        return MR_STATUS_OK;
    while (mr_str_split(&value, ',', &spec)) {
        struct mr_byte_range one;
        enum spec is;

        spec = mr_str_trim(spec);
        if (spec.n == 0)
            continue; /* 5.6.1.2 */
        is = parse_spec(spec, size, &one);
        if (is == SPEC_BAD || ++asked > MR_RANGES_MAX)
            return MR_STATUS_OK;
        if (is == SPEC_GOOD)
            add(ret, one);
    }
    if (asked == 0)
        return MR_STATUS_OK;
    return ret->n > 0 ? MR_STATUS_PARTIAL_CONTENT
                      : MR_STATUS_RANGE_NOT_SATISFIABLE;
}

/* --- the decision --- */

/* 13.1.5: strongly, and exactly. A date is strong once its second is over
 * (8.8.2.2), but no better than the tag that was made from it. */
static bool if_range_holds(const struct mr_headers *h,
                           const struct mr_validators *v, int64_t now)
{
    struct mr_str value = mr_headers_get(h, "if-range"), tag;
    bool ours_weak = mr_str_starts(v->etag, "W/"), weak;
    int64_t t;

    if (!value.p)
        return true;
    if (mr_headers_count(h, "if-range") != 1 || ours_weak)
        return false;
    if (mr_str_starts(value, "\"") || mr_str_starts(value, "W/"))
        return mr_etag_next(&value, &tag, &weak) && value.n == 0 && !weak &&
               mr_str_eq(tag, v->etag);
    return v->modified != MR_NO_DATE && v->modified < now &&
           mr_date_parse(value, now, &t) == 0 && t == v->modified;
}

int mr_ranges_decide(const struct mr_headers *h, enum mr_method method,
                     const struct mr_validators *v, int64_t now, uint64_t size,
                     struct mr_ranges *ret)
{
    if (method != MR_METHOD_GET || mr_headers_count(h, "range") != 1 ||
        !if_range_holds(h, v, now))
        return MR_STATUS_OK;
    return mr_ranges_parse(mr_headers_get(h, "range"), size, ret);
}

/* --- how it is written --- */

size_t mr_content_range_put(char out[MR_CONTENT_RANGE_MAX],
                            const struct mr_byte_range *r, uint64_t size)
{
    int n;

    if (r)
        n = snprintf(out, MR_CONTENT_RANGE_MAX, "bytes %llu-%llu/%llu",
                     (unsigned long long)r->off,
                     (unsigned long long)(r->off + r->n - 1),
                     (unsigned long long)size);
    else
        n = snprintf(out, MR_CONTENT_RANGE_MAX, "bytes */%llu",
                     (unsigned long long)size);
    return (size_t)n;
}

size_t mr_part_put_head(char *out, const char *boundary, struct mr_str type,
                        const struct mr_byte_range *r, uint64_t size)
{
    char range[MR_CONTENT_RANGE_MAX];

    (void)mr_content_range_put(range, r, size);
    return (size_t)snprintf(out, MR_PART_HEAD_MAX(type.n),
                            "\r\n--%.*s\r\n%s%.*s%sContent-Range: %s\r\n\r\n",
                            MR_BOUNDARY_LEN, boundary,
                            type.n ? "Content-Type: " : "", MR_STR(type),
                            type.n ? "\r\n" : "", range);
}

void mr_part_put_end(char out[MR_PART_END_LEN + 1], const char *boundary)
{
    (void)snprintf(out, MR_PART_END_LEN + 1, "\r\n--%.*s--\r\n",
                   MR_BOUNDARY_LEN, boundary);
}
