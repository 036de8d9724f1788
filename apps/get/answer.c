/* SPDX-License-Identifier: MIT */

/* answer.c - what a server's answer means for a file. */
#include "apps/get/answer.h"

#include <errno.h>

#include "apps/get/outcome.h"
#include "apps/get/part.h"

/* INT64_MAX bytes are enough for a file; one less, as `to` is one more. */
#define BYTE_MAX (INT64_MAX - 1)

static int number(struct mr_str s, int64_t *ret)
{
    uint64_t v;

    if (mr_str_to_u64(s, BYTE_MAX, &v))
        return -EINVAL;
    *ret = (int64_t)v;
    return 0;
}

int get_content_range_parse(struct mr_str value, int64_t *ret_from,
                            int64_t *ret_to, int64_t *ret_total)
{
    struct mr_str rest, range, first;
    int64_t from = -1, to = -1, total = -1;

    value = mr_str_trim(value);
    if (value.n < 6 || !mr_str_is_case(mr_str_n(value.p, 6), "bytes "))
        return -EINVAL;
    rest = mr_str_trim(mr_str_n(value.p + 6, value.n - 6));
    if (!mr_str_split(&rest, '/', &range) || !rest.p)
        return -EINVAL;
    if (!mr_str_is(rest, "*") && number(rest, &total))
        return -EINVAL;
    if (mr_str_is(range, "*")) {
        if (total < 0)
            return -EINVAL;
    } else {
        if (!mr_str_split(&range, '-', &first) || number(first, &from) ||
            number(range, &to) || to < from || (total >= 0 && to >= total))
            return -EINVAL;
        to++;
    }
    *ret_from = from;
    *ret_to = to;
    *ret_total = total;
    return 0;
}

static void bad(struct get_answer *a, const char *why)
{
    a->kind = GET_ANSWER_BAD;
    a->why = why;
}

static void judge_part(const struct mr_response_head *head, int64_t from,
                       int64_t to, struct get_answer *a)
{
    struct mr_str value = mr_headers_get(&head->headers, "content-range");

    a->kind = GET_ANSWER_PART;
    if (from < 0)
        bad(a, "it answered 206 to a request for the whole");
    else if (!value.p || mr_headers_count(&head->headers, "content-range") > 1)
        bad(a, "it answered 206 without saying for which bytes");
    else if (get_content_range_parse(value, &a->from, &a->to, &a->total) ||
             a->from < 0)
        bad(a, "it answered 206 with a Content-Range that is none");
    else if (a->from != from || (to >= 0 && a->to > to))
        bad(a, "it answered 206 for other bytes than were asked for");
    else if (a->total < 0)
        bad(a, "it answered 206 and does not know how long the file is");
    else if (head->content_length >= 0 &&
             head->content_length != a->to - a->from)
        bad(a, "it answered 206 with a Content-Length of another range");
}

void get_answer_judge(const struct mr_response_head *head, int64_t from,
                      int64_t to, int64_t now, struct get_answer *ret)
{
    const struct mr_headers *h = &head->headers;
    struct mr_str coding = mr_headers_get(h, "content-encoding");
    struct mr_str value;
    int64_t unused;

    *ret = (struct get_answer){
        .kind = GET_ANSWER_NO,
        .status = head->status,
        .from = -1,
        .to = -1,
        .total = -1,
        .retry_after_ms = -1,
        .validator = get_part_validator(mr_headers_get(h, "etag"),
                                        mr_headers_get(h, "last-modified"),
                                        mr_headers_get(h, "date")),
        .etag = mr_headers_get(h, "etag"),
        .modified = mr_headers_get(h, "last-modified"),
        .name = mr_headers_get(h, "content-disposition"),
        .coded = coding.p && !mr_str_is_case(coding, "identity"),
    };
    switch (head->status) {
    case 200:
    case 203: /* a proxy has changed something; it is the file all the same */
        ret->kind = GET_ANSWER_WHOLE;
        ret->total = head->content_length;
        break;
    case 206:
        judge_part(head, from, to, ret);
        break;
    case 416:
        ret->kind = from < 0 ? GET_ANSWER_NO : GET_ANSWER_PAST;
        value = mr_headers_get(h, "content-range");
        if (value.p &&
            get_content_range_parse(value, &unused, &unused, &ret->total))
            ret->total = -1;
        break;
    default:
        value = mr_headers_get(h, "retry-after");
        if (value.p)
            ret->retry_after_ms = get_retry_after_ms(value, now);
        break;
    }
}
