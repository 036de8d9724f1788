/* SPDX-License-Identifier: MIT */
/*
 * status.c - tables of status codes and methods.
 *
 * A code is found by one look into a byte table (position in the list, 0 for
 * none), so a status line costs a load and a copy.
 *
 * Not here: which codes may carry a body (response.c decides framing).
 */
#include "http/status.h"

#define LINE(code, reason) "HTTP/1.1 " #code " " reason "\r\n"
/* Where the code stands in a status line. */
#define CODE_AT 9
#define CODE_FIRST 100
#define CODE_LAST 999

enum {
    POS_NONE,
#define X(code, id, reason) POS_##id,
    MR_STATUSES(X)
#undef X
};

static const uint8_t pos_of[CODE_LAST - CODE_FIRST + 1] = {
#define X(code, id, reason) [code - CODE_FIRST] = POS_##id,
    MR_STATUSES(X)
#undef X
};

static const struct mr_str lines[] = {{NULL, 0},
#define X(code, id, reason) {LINE(code, reason), sizeof LINE(code, reason) - 1},
                                      MR_STATUSES(X)
#undef X
};

static const char *const reasons[] = {"",
#define X(code, id, reason) reason,
                                      MR_STATUSES(X)
#undef X
};

#define X(code, id, reason) \
    _Static_assert(sizeof LINE(code, reason) <= MR_STATUS_LINE_MAX, reason);
MR_STATUSES(X)
#undef X

static unsigned position(int code)
{
    if (code < CODE_FIRST || code > CODE_LAST)
        return POS_NONE;
    return pos_of[code - CODE_FIRST];
}

const char *mr_status_reason(int code)
{
    return reasons[position(code)];
}

struct mr_str mr_status_line(int code)
{
    return lines[position(code)];
}

size_t mr_status_put_line(char out[MR_STATUS_LINE_MAX], int code)
{
    static const char unknown[] = "HTTP/1.1 000 \r\n";
    struct mr_str line = mr_status_line(code);

    MR_BUG_ON(code < CODE_FIRST || code > CODE_LAST);
    if (line.n > 0) {
        memcpy(out, line.p, line.n);
        return line.n;
    }
    memcpy(out, unknown, sizeof unknown - 1);
    out[CODE_AT] = (char)('0' + code / 100);
    out[CODE_AT + 1] = (char)('0' + code / 10 % 10);
    out[CODE_AT + 2] = (char)('0' + code % 10);
    return sizeof unknown - 1;
}

static const struct mr_str methods[] = {{"", 0},
#define X(id, text) {text, sizeof text - 1},
                                        MR_METHODS(X)
#undef X
};

_Static_assert(MR_METHOD_COUNT <= 64, "a set of methods is a uint64_t");

enum mr_method mr_method_find(struct mr_str s)
{
    for (unsigned i = MR_METHOD_NONE + 1; i < MR_METHOD_COUNT; i++)
        if (mr_str_eq(s, methods[i]))
            return (enum mr_method)i;
    return MR_METHOD_NONE;
}

struct mr_str mr_method_text(enum mr_method method)
{
    MR_BUG_ON((unsigned)method >= MR_METHOD_COUNT);
    return methods[method];
}
