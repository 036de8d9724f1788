/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HEAD_MEMO_H
#define HTTP_HEAD_MEMO_H

/*
 * head_memo.h - heads of requests that came before, and what they said.
 *
 *     n = mr_head_memo_find(m, buf, len, &head, &held);
 *                                         n bytes are one of them
 *     if (n == 0 && ...both parsers took the size bytes at buf...)
 *         mr_head_memo_note(m, buf, size, &head);
 *
 * What a head says is a function of its bytes (head_check.h, 2) and of the
 * limits, so it need not be proved twice: who asks for the same thing over one
 * connection, a monitor, a balancer, a page that polls, sends the same bytes
 * each time.
 *
 * Invariants
 *  (1) Found is what is the same in every byte up to the empty line. All of
 *      them are looked at, however few differ: time does not tell which.
 *  (2) Kept is what came twice, so that heads that all differ cost a look each,
 *      and no copying.
 *
 * For any number of parsers of one thread that have the same limits. Zeroed
 * memory is empty.
 */
#include "http/head_check.h"

#define MR_MEMO_HEADS 64  /* more is a larger cache */
#define MR_MEMO_BYTES 704 /* no longer ones: a browser's has 400 to 700 */
#define MR_MEMO_FIELDS 20

/* From the head's first byte. Both 0: not there. */
struct mr_memo_view {
    uint16_t at;
    uint16_t n;
};

struct mr_head_memo {
    struct mr_memo_head {
        uint64_t edition;            /* of all that were kept; from 1 */
        uint32_t sign;               /* of what came here last, not yet kept */
        uint16_t n;                  /* bytes; 0: nothing is kept */
        struct mr_request_head head; /* but for its views */
        struct mr_memo_view method_text, target, path, query, host;
        struct mr_memo_view field[MR_MEMO_FIELDS][2]; /* name, value */
        /* For who serves it: what he found that it asks for. NULL at first. */
        const void *of;
        const void *found;
        size_t found_at;
        char bytes[MR_MEMO_BYTES];
    } v[MR_MEMO_HEADS];
    struct mr_memo_head *last; /* was found; or NULL */
    uint64_t sign;             /* of what was looked for last */
    uint64_t editions;         /* how many were kept */
};

/* Whose words a head has. The next one of the kind, in the same place, has the
 * same. */
struct mr_memo_held {
    uint64_t edition; /* 0: nobody's here */
    const char *buf;
    struct mr_memo_head *kept;
};

/* How many of the len bytes at buf are such a head; head is of them then, its
 * fields in the storage that it has. Or 0, and head is as it was. held: says so
 * as long as nobody else writes to head; who does sets its edition to 0. */
MR_MUST_USE size_t mr_head_memo_find(struct mr_head_memo *m, const char *buf,
                                     size_t len, struct mr_request_head *head,
                                     struct mr_memo_held *held);
/* The one that was looked for last, and that was not found, is n bytes long and
 * says this. */
void mr_head_memo_note(struct mr_head_memo *m, const char *buf, size_t n,
                       const struct mr_request_head *head);
/* What was `found` for any of them counts no more. */
void mr_head_memo_forget_found(struct mr_head_memo *m);

#endif
