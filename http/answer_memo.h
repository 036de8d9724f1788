/* SPDX-License-Identifier: MIT */
#ifndef HTTP_ANSWER_MEMO_H
#define HTTP_ANSWER_MEMO_H

/*
 * answer_memo.h - the first lines of answers' heads, as they were put together
 * before: the status line, what every answer has, and Content-Type.
 *
 *     s = mr_answer_memo_find(m, until, status, type);     s.n == 0: not there
 *     mr_answer_memo_keep(m, until, status, type, lines);
 *
 * A server's answers are of few kinds, and in one second their first lines are
 * the same in every byte. What was kept holds until Date changes: `until` is
 * when it does, and tells one second's lines from another's.
 *
 * Zeroed memory is empty.
 */
#include "core/str.h"

#define MR_MEMO_ANSWERS 16
#define MR_MEMO_TYPE 62
#define MR_MEMO_LINES 304

struct mr_answer_memo {
    struct mr_memo_lines {
        int64_t until;
        uint16_t status;
        uint16_t n;
        uint16_t type_n;
        char type[MR_MEMO_TYPE];
        char text[MR_MEMO_LINES];
    } v[MR_MEMO_ANSWERS];
};

/* A view, until the next keep. */
struct mr_str mr_answer_memo_find(const struct mr_answer_memo *m, int64_t until,
                                  int status, struct mr_str type);
/* Nothing is kept for an answer without a type, nor what is longer than there
 * is room for. */
void mr_answer_memo_keep(struct mr_answer_memo *m, int64_t until, int status,
                         struct mr_str type, struct mr_str lines);

#endif
