/* SPDX-License-Identifier: MIT */
/* fuzz_range.c - any bytes as a Range, held against a naive reading: each range
 * that was asked for lies in one part, parts have nothing that was not asked
 * for but short gaps, stand in the order asked for, and none near another; what
 * they are, written as a Range, gives them again. The first byte chooses the
 * size. */
#include "http/range.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
    size_t n;
    struct {
        uint64_t from, to; /* to: one behind */
    } v[MR_RANGES_MAX];
};

/* *p to the first byte that is no digit; false: there was none. */
static bool number(const char **p, const char *end, uint64_t *ret)
{
    const char *from = *p;
    uint64_t n = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        uint64_t digit = (uint64_t)(**p - '0');

        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *ret = n;
    return *p > from;
}

/* One range between p and end: -1 malformed, 0 it lies outside, 1. */
static int read_one(const char *p, const char *end, uint64_t of, uint64_t *from,
                    uint64_t *to)
{
    bool first = number(&p, end, from), last;

    if (p == end || *p++ != '-')
        return -1;
    last = number(&p, end, to);
    if (p != end || (!first && !last) || (first && last && *from > *to))
        return -1;
    if (!first) {
        *from = *to < of ? of - *to : 0;
        *to = of;
        return *from < of;
    }
    *to = last && *to < of ? *to + 1 : of;
    return *from < of;
}

static int read_all(struct mr_str s, uint64_t of, struct asked *a)
{
    const char *p = s.p, *end = s.p + s.n;
    size_t seen = 0;

    a->n = 0;
    if (of == 0 || s.n < 6 || p[5] != '=' ||
        !mr_str_is_case(mr_str_n(p, 5), "bytes"))
        return 200;
    for (p += 6; p <= end; p++) {
        const char *from = p, *to;

        while (p < end && *p != ',')
            p++;
        for (to = p; from < to && (*from == ' ' || *from == '\t');)
            from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        if (from == to)
            continue;
        if (seen++ == MR_RANGES_MAX)
            return 200;
        switch (read_one(from, to, of, &a->v[a->n].from, &a->v[a->n].to)) {
        case -1:
            return 200;
        case 1:
            a->n++;
        }
    }
    return seen == 0 ? 200 : a->n > 0 ? 206 : 416;
}

/* All of the part was asked for, but for gaps. Its first range's place. */
static size_t cover(const struct mr_byte_range *part, const struct asked *a)
{
    uint64_t at = part->off, end = part->off + part->n;
    size_t first = a->n, last = a->n + 1;

    while (last != 0) {
        last = 0;
        for (size_t i = 0; i < a->n; i++) {
            if (a->v[i].from < part->off || a->v[i].to > end)
                continue;
            first = MR_MIN(first, i);
            MR_BUG_ON(at == part->off && a->v[i].from < at);
            if (a->v[i].to > at &&
                (a->v[i].from <= at ||
                 (at > part->off && a->v[i].from - at <= MR_RANGE_GAP))) {
                at = a->v[i].to;
                last++;
            }
        }
    }
    MR_BUG_ON(at != end || first == a->n);
    return first;
}

static void check(const struct mr_ranges *r, uint64_t of, const struct asked *a)
{
    size_t before = 0;

    MR_BUG_ON(r->n == 0 || r->n > a->n);
    for (size_t i = 0; i < r->n; i++) {
        const struct mr_byte_range *p = &r->v[i];
        size_t first;

        MR_BUG_ON(p->n == 0 || p->off >= of || p->n > of - p->off);
        first = cover(p, a);
        MR_BUG_ON(i > 0 && first <= before);
        before = first;
        for (size_t k = 0; k < r->n; k++)
            MR_BUG_ON(k != i && p->off <= r->v[k].off &&
                      r->v[k].off - p->off <= p->n + MR_RANGE_GAP);
    }
    for (size_t k = 0; k < a->n; k++) {
        size_t in = 0;

        for (size_t i = 0; i < r->n; i++)
            in += a->v[k].from >= r->v[i].off &&
                  a->v[k].to <= r->v[i].off + r->v[i].n;
        MR_BUG_ON(in != 1);
    }
}

static void again(const struct mr_ranges *r, uint64_t of)
{
    char text[MR_RANGES_MAX * 48] = "bytes=", head[MR_PART_HEAD_MAX(9)];
    static const char boundary[] = "0123456789abcdef0123456789abcdef";
    struct mr_ranges back;
    size_t n = 6;

    for (size_t i = 0; i < r->n; i++) {
        unsigned long long from = r->v[i].off, last = from + r->v[i].n - 1;
        char range[MR_CONTENT_RANGE_MAX], want[MR_CONTENT_RANGE_MAX];
        size_t len = mr_content_range_put(range, &r->v[i], of);

        n += (size_t)snprintf(text + n, sizeof text - n, "%llu-%llu, ", from,
                              last);
        (void)snprintf(want, sizeof want, "bytes %llu-%llu/%llu", from, last,
                       (unsigned long long)of);
        MR_BUG_ON(len >= sizeof range || strcmp(range, want) != 0);
        len =
            mr_part_put_head(head, boundary, mr_str("image/png"), &r->v[i], of);
        MR_BUG_ON(len >= sizeof head || !strstr(head, want));
    }
    MR_BUG_ON(mr_ranges_parse(mr_str_n(text, n), of, &back) != 206);
    MR_BUG_ON(back.n != r->n || memcmp(back.v, r->v, r->n * sizeof r->v[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 5, 1000, 1 << 20, INT64_MAX};
    struct asked a;
    struct mr_ranges r;
    struct mr_str in;
    uint64_t of;
    int status;

    if (size == 0)
        return 0;
    of = sizes[data[0] % MR_ARRAY_LEN(sizes)];
    in = mr_str_n((const char *)data + 1, size - 1);
    status = mr_ranges_parse(in, of, &r);
    MR_BUG_ON(status != read_all(in, of, &a));
    if (status == 206) {
        check(&r, of, &a);
        again(&r, of);
    }
    return 0;
}
