/* SPDX-License-Identifier: MIT */
#ifndef CORE_FRAMES_H
#define CORE_FRAMES_H

/*
 * frames.h - the calls that a coroutine is in.
 *
 * Frame pointers are followed, from the registers of a signal's context or from
 * those that a switch saved: the runtime is built with them, and so should be
 * what it calls (-fno-omit-frame-pointer). A library without may hide calls,
 * or end the walk; it never leads it out of the stack.
 *
 *     struct mr_frames f = {0};
 *     mr_frames_walk(mr_switch_saved(co->sp), stack, &f);
 *
 * A thread that a signal found in such a library: mr_frames_walk_code knows
 * where code is, and finds the way out by the return addresses on the stack.
 *
 * Async-signal-safe.
 */
#include "core/stack.h"
#include "core/switch.h"

/* Deep enough to get past any library into what called it. */
#define MR_FRAMES_MAX 48

struct mr_frames {
    unsigned n;
    /* The innermost first; that is where it is, the others are return
     * addresses. */
    uintptr_t pc[MR_FRAMES_MAX];
};

/*
 * Add the calls from there outwards, as far as there is room. stack NULL: the
 * thread's own, whose end is not known: each page is asked for before it is
 * read. What every coroutine begins with is left out.
 */
void mr_frames_walk(struct mr_switch_regs from, const struct mr_stack *stack,
                    struct mr_frames *f);

/* Where code is: one range for each program or library. */
#define MR_CODE_MAX 64
struct mr_code {
    unsigned n;
    struct {
        uintptr_t low, high;
    } at[MR_CODE_MAX];
};

/*
 * The same from the registers of a signal's context. Out of a range that is not
 * the runtime's own, the first word on the stack that is a return address in
 * another range is taken for the caller where frame pointers do not lead there:
 * a guess, that is wrong when an earlier call has left it behind. link is the
 * register that a call leaves it in, on aarch64; 0 elsewhere.
 */
void mr_frames_walk_code(struct mr_switch_regs from, uintptr_t link,
                         const struct mr_stack *stack,
                         const struct mr_code *code, struct mr_frames *f);

/* Those of the caller, and whom it was called by. */
#define mr_frames_here()                                                     \
    ((struct mr_switch_regs){(uintptr_t)__builtin_return_address(0),         \
                             *(const uintptr_t *)__builtin_frame_address(0), \
                             (uintptr_t)__builtin_frame_address(0) +         \
                                 sizeof(void *)})

#endif
