/* SPDX-License-Identifier: MIT */

/*
 * frames.c - the calls that a coroutine is in.
 *
 *  (1) No word is read that may not be there. A frame lies within the
 *      coroutine's stack; on the thread's own stack, whose end we do not know,
 *      each page is asked for with mincore(2) first.
 *  (2) Callers lie higher than whom they called: the walk ends.
 */
#include "core/frames.h"

#include "core/sys.h"

/* Where pages are larger, mincore refuses most: a shorter walk, no fault. */
#define PAGE 4096
/* The thread's own stack is not longer, by default (ulimit -s). */
#define OWN_STACK_MAX ((uintptr_t)8 << 20)

static bool is_mapped(uintptr_t at)
{
    unsigned char seen;

    return mr_sys_mincore((void *)(at & ~(uintptr_t)(PAGE - 1)), PAGE, &seen) ==
           0;
}

/* A frame record: the caller's, and where it goes on. Both psABIs. */
struct frame {
    uintptr_t caller_fp;
    uintptr_t return_pc;
};

/* May the record at fp be read, in a stack that is used from sp up? */
static bool is_frame(uintptr_t fp, uintptr_t sp, const struct mr_stack *stack)
{
    if (fp < sp || fp % sizeof(uintptr_t) != 0)
        return false;
    if (stack)
        return fp >= (uintptr_t)stack->bottom &&
               fp + sizeof(struct frame) <= (uintptr_t)stack;
    return fp - sp < OWN_STACK_MAX && is_mapped(fp) &&
           is_mapped(fp + sizeof(struct frame) - 1);
}

/* Frames of others, in the eyes of a sanitizer. */
__attribute__((no_sanitize_address, no_sanitize_thread)) void
mr_frames_walk(struct mr_switch_regs r, const struct mr_stack *stack,
               struct mr_frames *f)
{
    unsigned began = f->n;

    if (f->n == MR_FRAMES_MAX)
        return;
    f->pc[f->n++] = r.pc;
    while (f->n < MR_FRAMES_MAX && is_frame(r.fp, r.sp, stack)) {
        const struct frame *at = (const void *)r.fp;

        if (at->return_pc == 0)
            return;
        if (at->return_pc == (uintptr_t)mr_switch_bottom) {
            /* That is the first frame; the one before it calls the
             * coroutine's function. */
            f->n -= f->n > began + 1;
            return;
        }
        f->pc[f->n++] = at->return_pc;
        r.sp = r.fp + sizeof *at;
        r.fp = at->caller_fp;
    }
}
