/* SPDX-License-Identifier: MIT */
/* answer_memo.c - the first lines of answers' heads, as they were put together
 * before (answer_memo.h). */
#include "http/answer_memo.h"

#include <string.h>

/* Types differ in length or in the middle ("text/html", "image/gif"). */
static size_t place_of(int status, struct mr_str type)
{
    return ((unsigned)status + type.n * 5 + (unsigned char)type.p[type.n / 2]) %
           MR_MEMO_ANSWERS;
}

MR_HOT struct mr_str mr_answer_memo_find(const struct mr_answer_memo *m,
                                         int64_t until, int status,
                                         struct mr_str type)
{
    const struct mr_memo_lines *e;

    if (type.n == 0)
        return (struct mr_str){0};
    e = &m->v[place_of(status, type)];
    if (e->until != until || e->status != status || e->type_n != type.n ||
        memcmp(e->type, type.p, type.n) != 0)
        return (struct mr_str){0};
    return mr_str_n(e->text, e->n);
}

void mr_answer_memo_keep(struct mr_answer_memo *m, int64_t until, int status,
                         struct mr_str type, struct mr_str lines)
{
    struct mr_memo_lines *e;

    if (type.n == 0 || type.n > MR_MEMO_TYPE || lines.n > MR_MEMO_LINES)
        return;
    e = &m->v[place_of(status, type)];
    e->until = until;
    e->status = (uint16_t)status;
    e->type_n = (uint16_t)type.n;
    e->n = (uint16_t)lines.n;
    memcpy(e->type, type.p, type.n);
    memcpy(e->text, lines.p, lines.n);
}
