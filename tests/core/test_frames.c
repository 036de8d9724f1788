/* SPDX-License-Identifier: MIT */

/* test_frames.c - a walk by frame pointers that are none. */
#include "core/frames.h"

#include <string.h>

#include "tests/test.h"

/* What a register may hold in code that uses it for something else. */
TEST(frame_pointers_that_are_none)
{
    struct mr_stack *st;
    struct mr_switch_regs r = {.pc = 1};
    struct mr_frames f;

    EQ_INT(mr_stack_take(0, &st), 0);
    {
        const uintptr_t top = (uintptr_t)st, words = sizeof(uintptr_t);
        const uintptr_t none[] = {
            0,
            words,
            (uintptr_t)st->bottom - words,
            top - words, /* half of a record */
            top,
            top - 2 * words + 1, /* not aligned */
            UINTPTR_MAX - 2 * words + 1,
            UINTPTR_MAX - words + 1, /* its end is 0 */
            UINTPTR_MAX,
        };

        memset((char *)st - 64, 0, 64);
        for (size_t i = 0; i < MR_ARRAY_LEN(none); i++) {
            CASE("%zu", i);
            r.fp = none[i];
            r.sp = (uintptr_t)st->bottom;
            f.n = 0;
            mr_frames_walk(r, st, &f);
            EQ_INT(f.n, 1);
            r.sp = none[i] - none[i] % 16;
            f.n = 0;
            mr_frames_walk(r, st, &f);
            EQ_INT(f.n, 1);
        }
        /* The last place where there may be one; it leads nowhere. */
        r.fp = top - 2 * words;
        r.sp = r.fp;
        ((uintptr_t *)r.fp)[1] = 2;
        f.n = 0;
        mr_frames_walk(r, st, &f);
        EQ_INT(f.n, 2);
        EQ_INT(f.pc[1], 2);
    }
    mr_stack_give(st);
}

/* The same where the stack's end is not known. */
TEST(frame_pointers_on_no_known_stack)
{
    const uintptr_t none[] = {0, 8, UINTPTR_MAX - 15, UINTPTR_MAX - 7};
    struct mr_switch_regs r = {.pc = 1};
    struct mr_frames f;

    for (size_t i = 0; i < MR_ARRAY_LEN(none); i++) {
        CASE("%zu", i);
        r.fp = r.sp = none[i];
        f.n = 0;
        mr_frames_walk(r, NULL, &f);
        EQ_INT(f.n, 1);
    }
}

SUITE("frames", frame_pointers_that_are_none, frame_pointers_on_no_known_stack)
TEST_MAIN()
