/* SPDX-License-Identifier: MIT */

/*
 * frames.c - the calls that a coroutine is in.
 *
 *  (1) No word is read that may not be there. A frame lies within the
 *      coroutine's stack; on the thread's own stack, whose end we do not know,
 *      each page is asked for with mincore(2) first.
 *  (2) Callers lie higher than whom they called: the walk ends.
 *  (3) What a library without frame pointers has done with the register is not
 *      known. It may still be its caller's, or be saved among its words, or be
 *      a number; so a frame is believed if a return address is in it.
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
               fp <= (uintptr_t)stack - sizeof(struct frame);
    return fp - sp < OWN_STACK_MAX &&
           fp <= UINTPTR_MAX - sizeof(struct frame) && is_mapped(fp) &&
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

/* --- out of a library without frame pointers --- */

/* A library's own frames are not larger, as a rule (words). */
#define SCAN_MAX 1024

/* The range that pc is in; code->n: in none. */
static unsigned range_of(const struct mr_code *code, uintptr_t pc)
{
    unsigned i = 0;

    while (i < code->n && (pc < code->at[i].low || pc >= code->at[i].high))
        i++;
    return i;
}

/* Is there a call right before pc, which lies in code->at[i]? */
static bool is_after_call(const struct mr_code *code, unsigned i, uintptr_t pc)
{
    const uint8_t *at = (const void *)pc;

    if (i == code->n || pc - code->at[i].low < 8)
        return false;
#if defined(__x86_64__)
    if (at[-5] == 0xe8) /* call rel32 */
        return true;
    /* call r/m64: FF /2, with 0, 1, 4 or 5 bytes after the ModRM */
    return (at[-2] == 0xff && (at[-1] & 0x38) == 0x10) ||
           (at[-3] == 0xff && (at[-2] & 0x38) == 0x10) ||
           (at[-4] == 0xff && (at[-3] & 0x38) == 0x10) ||
           (at[-6] == 0xff && (at[-5] & 0x38) == 0x10) ||
           (at[-7] == 0xff && (at[-6] & 0x38) == 0x10);
#else
    /* BL, BLR */
    return pc % 4 == 0 && (at[-1] >> 2 == 0x25 ||
                           (at[-1] == 0xd6 && at[-2] == 0x3f && at[-3] == 0));
#endif
}

__attribute__((no_sanitize_address, no_sanitize_thread)) static bool
is_code_frame(uintptr_t fp, uintptr_t sp, const struct mr_stack *stack,
              const struct mr_code *code)
{
    uintptr_t pc;

    if (!is_frame(fp, sp, stack))
        return false;
    pc = ((const struct frame *)fp)->return_pc;
    return pc == (uintptr_t)mr_switch_bottom ||
           is_after_call(code, range_of(code, pc), pc);
}

/* Where the stack's words end, or a scan of them. */
static uintptr_t scan_end(uintptr_t sp, const struct mr_stack *stack)
{
    uintptr_t end = sp + SCAN_MAX * sizeof(uintptr_t);

    if (stack)
        return MR_MIN(end, (uintptr_t)stack);
    while (!is_mapped(end))
        end -= PAGE; /* sp's own is: the signal was delivered there */
    return end & ~(uintptr_t)(PAGE - 1);
}

/* From registers in a library to those of its caller; false: frame pointers
 * lead there, or nothing does. */
__attribute__((no_sanitize_address, no_sanitize_thread)) static bool
leave_library(struct mr_switch_regs *r, const struct mr_stack *stack,
              const struct mr_code *code)
{
    unsigned here = range_of(code, r->pc);
    uintptr_t saved = 0, at = r->sp, end = scan_end(r->sp, stack);

    if (stack && r->sp < (uintptr_t)stack->bottom)
        return false;
    for (; at < end; at += sizeof at) {
        uintptr_t word = *(const uintptr_t *)at;
        unsigned there = range_of(code, word);

        if (there != here && is_after_call(code, there, word))
            break;
        if (is_code_frame(word, at, stack, code))
            saved = word; /* the library's caller's, or its caller's */
    }
    if (at >= end)
        return false;
    /* Frame pointers, if the library has some: there, past it, or nowhere. */
    while (r->fp < at && is_code_frame(r->fp, r->sp, stack, code)) {
        if (r->fp + offsetof(struct frame, return_pc) == at)
            return false;
        r->sp = r->fp;
        r->fp = ((const struct frame *)r->fp)->caller_fp;
    }
    if (!is_code_frame(r->fp, at, stack, code))
        r->fp = saved;
    r->pc = *(const uintptr_t *)at;
    r->sp = at + sizeof at;
    return true;
}

void mr_frames_walk_code(struct mr_switch_regs r, uintptr_t link,
                         const struct mr_stack *stack,
                         const struct mr_code *code, struct mr_frames *f)
{
    unsigned ours = range_of(code, (uintptr_t)mr_frames_walk_code);
    unsigned here = range_of(code, r.pc), there = range_of(code, link);
    struct mr_switch_regs out = r;

    /* A function that calls none has saved nothing. */
    if (here != code->n && here != ours && here != there &&
        is_after_call(code, there, link) && f->n < MR_FRAMES_MAX) {
        f->pc[f->n++] = r.pc;
        r.pc = out.pc = link;
    }
    /* One library may have called another. */
    while (f->n < MR_FRAMES_MAX && range_of(code, r.pc) != code->n &&
           range_of(code, r.pc) != ours && r.sp % sizeof(uintptr_t) == 0 &&
           leave_library(&out, stack, code)) {
        f->pc[f->n++] = r.pc;
        r = out;
    }
    mr_frames_walk(r, stack, f);
}
