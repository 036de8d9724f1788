/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_ANSWER_H
#define APPS_GET_ANSWER_H

/*
 * answer.h - what a server's answer means for a file of which some bytes were
 * asked for.
 *
 *     get_answer_judge(mr_call_head(call), from, to, now, &a);
 *     switch (a.kind) ...
 *
 * Pure. A server is believed only when what it says fits together: a 206 is for
 * the range that was asked for, in one part, and as long as it says.
 */
#include "http/response_head.h"

enum get_answer_kind {
    GET_ANSWER_WHOLE, /* 200: the file from its start; total or -1 */
    GET_ANSWER_PART,  /* 206: [from, to) of total */
    GET_ANSWER_PAST,  /* 416: there is nothing there; total or -1 */
    GET_ANSWER_NO,    /* another status; retry_after_ms */
    GET_ANSWER_BAD,   /* it contradicts itself, or us: why */
};

struct get_answer {
    enum get_answer_kind kind;
    int status;
    int64_t from, to;             /* PART */
    int64_t total;                /* of the whole file; -1: not said */
    int64_t retry_after_ms;       /* NO; -1: not said */
    struct mr_str validator;      /* for If-Range; empty: none that is strong */
    struct mr_str etag, modified; /* as they came; p NULL: none */
    struct mr_str name;           /* Content-Disposition; p NULL: none */
    bool coded;                   /* it has a Content-Encoding */
    const char *why;              /* BAD: static, for behind "URL: " */
};

/* from -1: no range was asked for; to -1: it had no end. now: seconds since
 * 1970. Views are into the head. */
void get_answer_judge(const struct mr_response_head *head, int64_t from,
                      int64_t to, int64_t now, struct get_answer *ret);

/* "bytes 0-499/1234", "bytes 0-499" and "/" and "*", "bytes *" and "/1234"
 * (then [*ret_from, *ret_to) is [-1, -1)). Total -1: "*". 0 or -EINVAL. */
MR_MUST_USE int get_content_range_parse(struct mr_str value, int64_t *ret_from,
                                        int64_t *ret_to, int64_t *ret_total);

#endif
