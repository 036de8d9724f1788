/* SPDX-License-Identifier: MIT */
#ifndef CORE_SWITCH_H
#define CORE_SWITCH_H

/*
 * switch.h - save and restore what a function call must preserve.
 *
 * A suspended context is one pointer: its stack pointer, with the callee-saved
 * registers, the floating-point control words and the address to go on at
 * below it. Switching costs a few nanoseconds: it ends in an indirect jump,
 * which the branch predictor learns, where a return would never be predicted.
 *
 * x86-64: rbx rbp r12-r15, MXCSR control bits, x87 control word (System V
 * psABI 3.2.1). aarch64: x19-x30, d8-d15, FPCR (AAPCS64 6.1). Control words are
 * loaded only where they differ: a load costs up to 60 ns.
 *
 * Here too: what sanitizers and Valgrind must be told about stacks.
 */
#include "core/base.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#    error \
        "Millrace has a context switch for x86-64 and aarch64 only: write core/switch_<arch>.S and its lines in core/switch.c"
#endif
#if !defined(__linux__)
#    error "Millrace runs on Linux only"
#endif

/*
 * Save the running context in *save, go on at `to`, which mr_switch_make or an
 * earlier mr_switch saved. `value` is what the call that went on returns.
 */
void *mr_switch(void **save, void *to, void *value);
/* The same code, for callers that return an int: a conversion behind it would
 * keep the compiler from making it a jump. */
int mr_switch_int(void **save, void *to, void *value);
/* The same without saving: nobody comes back here. */
MR_NORETURN void mr_switch_leave(void *to, void *value);
/*
 * The two with floating-point control words kept as they are: for what goes on
 * as a function does that is called, or returned to. What the one saved only
 * the other may go on with; it may be the first to a context.
 */
int mr_switch_keep(void **save, void *to, void *value);
MR_NORETURN void mr_switch_keep_leave(void *to, void *value);

/*
 * In *save, a context that calls fn(value) on the stack that ends at top
 * (16-byte aligned), with the value of the first switch to it. fn must never
 * return. Floating-point control words are those of the caller. Returns save.
 */
typedef void mr_switch_fn(void *value);
void **mr_switch_make(void **save, void *top, mr_switch_fn *fn);

/* Where fn would return to: the end of each chain of frames. */
extern const char mr_switch_bottom[] __attribute__((visibility("hidden")));

/* Where a context goes on: its next instruction, frame and stack pointer. */
struct mr_switch_regs {
    uintptr_t pc, fp, sp;
};
/* Of one that is saved at sp; it is only looked at. */
struct mr_switch_regs mr_switch_saved(const void *sp);

/* The kernel's own convention: -errno on failure (core/sys_raw.c). */
long mr_sys_trap(long a, long b, long c, long d, long e, long f, long nr);

/*
 * What tools must know of one stack: lives beside it, as long as the stack
 * does. All calls are empty where no tool is built in.
 */
struct mr_switch_tool {
    void *tsan_fiber;
    void *asan_fake; /* ASan's fake stack while suspended */
    const void *bottom;
    size_t size;
    unsigned valgrind_id;
};

/* A stack comes to be, goes. */
void mr_switch_tool_init(struct mr_switch_tool *t, void *bottom, size_t size);
void mr_switch_tool_fini(struct mr_switch_tool *t);
/* The thread's own stack, as the tools see it. */
void mr_switch_tool_thread(struct mr_switch_tool *t);
/*
 * Around every mr_switch: leave on the old stack (dying: it will not come
 * back to this call chain), enter as the first thing on the new one.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define MR_SWITCH_TOOLS 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define MR_SWITCH_TOOLS 1
#    endif
#endif
#ifdef MR_SWITCH_TOOLS
/* A stack is handed out anew. */
void mr_switch_tool_taken(struct mr_switch_tool *t);
void mr_switch_tool_leave(struct mr_switch_tool *from,
                          struct mr_switch_tool *to, bool dying);
void mr_switch_tool_enter(struct mr_switch_tool *self);
#else
static inline void mr_switch_tool_taken(struct mr_switch_tool *t)
{
    (void)t;
}
static inline void mr_switch_tool_leave(struct mr_switch_tool *from,
                                        struct mr_switch_tool *to, bool dying)
{
    (void)from;
    (void)to;
    (void)dying;
}
static inline void mr_switch_tool_enter(struct mr_switch_tool *self)
{
    (void)self;
}
#endif

/* Around a look at words of a stack that nobody may have written, and at code
 * that they may point to: Valgrind is not to mind, nor that what was found out
 * came of it. In a handler of a signal too. */
void mr_switch_tool_look(void);
void mr_switch_tool_looked(const void *found, size_t n);

#endif
