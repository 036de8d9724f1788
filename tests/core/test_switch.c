/* SPDX-License-Identifier: MIT */

/*
 * test_switch.c - the bare switch, on stacks of the test's own.
 *
 * Control words, alignment, values and the end of a backtrace. That registers
 * survive is tested by arithmetic the compiler keeps in all of them across a
 * switch.
 */
#include "core/switch.h"

#include <string.h>
#include <unwind.h>

#include "core/generator.h"
#include "core/hub.h"
#include "core/stack.h"
#include "tests/core/in_hub.h"

/* --- through the coroutine, so that tools are told of the switches --- */

/* Ten values live across each call: more than there are callee-saved
 * registers, so that all of them are in use. */
#define MIX(x)        \
    do {              \
        a += b ^ (x); \
        b += c * 3;   \
        c ^= d + 7;   \
        d += e;       \
        e ^= f * 5;   \
        f += g;       \
        g ^= h + 11;  \
        h += i;       \
        i ^= j * 13;  \
        j += a;       \
    } while (0)

/* between: the switch, or NULL. */
static uint64_t mixed(uint64_t seed, void (*between)(void *), void *arg)
{
    uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4;
    uint64_t f = seed + 5, g = seed + 6, h = seed + 7, i = seed + 8;
    uint64_t j = seed + 9;

    for (uint64_t n = 0; n < 100; n++) {
        MIX(n);
        if (between)
            between(arg);
        MIX(n + 1);
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j;
}

static void suspends(void *unused)
{
    (void)unused;
    mr_coro_suspend(0);
}

static intptr_t mixer(void *arg)
{
    return (intptr_t)mixed((uintptr_t)arg, suspends, NULL);
}

TEST(switch_keeps_registers)
{
    struct mr_coro *co[3];
    intptr_t got[3];

    for (uintptr_t i = 0; i < 3; i++)
        EQ_INT(mr_coro_new(&co[i], mixer, (void *)(i * 77), NULL), 0);
    for (int n = 0; n <= 100; n++) {
        for (int i = 0; i < 3; i++)
            EQ_INT(mr_coro_resume(co[i], 0, &got[i]), 0);
    }
    for (uintptr_t i = 0; i < 3; i++) {
        OK(mr_coro_is_done(co[i]));
        EQ_INT(got[i], (intptr_t)mixed(i * 77, NULL, NULL));
        mr_coro_free(co[i]);
    }
}

static void yields(void *g)
{
    CHECK_EQ_INT(mr_generator_yield(g, NULL), 0);
}

static void asks(void *g)
{
    CHECK_EQ_INT(mr_generator_next(g, NULL), 1);
}

static intptr_t mixing(struct mr_generator *g, void *seed)
{
    return (intptr_t)mixed((uintptr_t)seed, yields, g);
}

/* A generator's switches are others; here both sides have all in use. */
TEST(switch_keeps_registers_of_asker_and_asked)
{
    struct mr_generator *g;

    EQ_INT(mr_generator_new(&g, mixing, (void *)77, 0), 0);
    EQ_INT(mixed(5, asks, g), mixed(5, NULL, NULL));
    EQ_INT(mr_generator_next(g, NULL), 0);
    EQ_INT(mr_generator_result(g), (intptr_t)mixed(77, NULL, NULL));
    mr_generator_free(g);
}

/* --- floating-point control words --- */

/* By hand: set_rounding(3) would want -lm, and sets the x87 word too. */
#ifdef __x86_64__
#    include <xmmintrin.h>

#    define DOWN 0x2000u
#    define UP 0x4000u
static unsigned rounding(void)
{
    return _mm_getcsr() & 0x6000;
}

static void set_rounding(unsigned mode)
{
    _mm_setcsr((_mm_getcsr() & ~0x6000u) | mode);
}
#else
#    define UP 0x400000u
#    define DOWN 0x800000u
static unsigned rounding(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, fpcr" : "=r"(v));
    return (unsigned)v & 0xc00000;
}

static void set_rounding(unsigned mode)
{
    uint64_t v = mode;

    __asm__ volatile("msr fpcr, %0" : : "r"(v));
}
#endif

static intptr_t rounds_up(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(rounding(), DOWN); /* those of the maker */
    set_rounding(UP);
    mr_coro_suspend(0);
    CHECK_EQ_INT(rounding(), UP);
    return 0;
}

TEST(switch_keeps_rounding_modes_apart)
{
    struct mr_coro *co;

    set_rounding(DOWN);
    EQ_INT(mr_coro_new(&co, rounds_up, NULL, NULL), 0);
    set_rounding(0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(rounding(), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(rounding(), 0);
    OK(mr_coro_is_done(co));
    mr_coro_free(co);
}

static intptr_t tells_rounding(struct mr_generator *g, void *parks)
{
    int err = 0;

    while (!err) {
        unsigned mode = rounding();

        if (parks) {
            CHECK_EQ_INT(mr_yield(), 0);
            CHECK_EQ_INT(rounding(), mode);
        }
        err = mr_generator_yield(g, &mode);
    }
    CHECK_EQ_INT(rounding(), DOWN);
    return err;
}

/* It rounds as each asker does, who finds the mode as it was. */
static void ask_in_each_mode(void *parks)
{
    static const unsigned modes[] = {UP, 0, DOWN};
    struct mr_generator *g;
    unsigned got;

    CHECK_EQ_INT(mr_generator_new(&g, tells_rounding, parks, sizeof got), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(modes); i++) {
        set_rounding(modes[i]);
        CHECK_EQ_INT(mr_generator_next(g, &got), 1);
        CHECK_EQ_INT(got, modes[i]);
        CHECK_EQ_INT(rounding(), modes[i]);
    }
    CHECK_EQ_INT(mr_generator_close(g), 0);
    CHECK_EQ_INT(rounding(), DOWN);
    set_rounding(0);
    mr_generator_free(g);
}

TEST(switch_of_a_generator_keeps_rounding_modes)
{
    ask_in_each_mode(NULL);
}

static intptr_t rounds_another_way(void *stop)
{
    set_rounding(UP);
    while (!*(bool *)stop) {
        CHECK_EQ_INT(mr_yield(), 0);
        CHECK_EQ_INT(rounding(), UP);
    }
    return 0;
}

IN_HUB(switch_of_a_generator_that_parks)
{
    bool stop = false;
    struct mr_coro *co = mr_spawn(rounds_another_way, &stop);

    ask_in_each_mode(&stop);
    stop = true;
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    return 0;
}

#ifdef __x86_64__
static unsigned x87_word(void)
{
    unsigned short cw;

    __asm__ volatile("fnstcw %0" : "=m"(cw));
    return cw;
}

static void set_x87_word(unsigned word)
{
    unsigned short cw = (unsigned short)word;

    __asm__ volatile("fldcw %0" : : "m"(cw));
}

static intptr_t x87_single(void *unused)
{
    (void)unused;
    set_x87_word(0x007f); /* single precision, all masked */
    mr_coro_suspend(0);
    CHECK_EQ_INT(x87_word(), 0x007f);
    set_x87_word(0x037f);
    return 0;
}

TEST(switch_keeps_x87_words_apart)
{
    struct mr_coro *co;
    unsigned before = x87_word();

    if (RUNNING_ON_VALGRIND)
        SKIP("Valgrind keeps the rounding mode of control words only");
    EQ_INT(mr_coro_new(&co, x87_single, NULL, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(x87_word(), before);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(x87_word(), before);
    mr_coro_free(co);
}

static intptr_t raises_flag(void *unused)
{
    (void)unused;
    _mm_setcsr(_mm_getcsr() | 0x20); /* inexact, sticky */
    mr_coro_suspend(0);
    return 0;
}

/* A flag raised inside is still seen outside: MXCSR was not loaded, as its
 * control bits are the same. */
TEST(switch_ignores_sticky_flags)
{
    struct mr_coro *co;

    if (RUNNING_ON_VALGRIND)
        SKIP("Valgrind keeps the rounding mode of control words only");
    EQ_INT(mr_coro_new(&co, raises_flag, NULL, NULL), 0);
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    EQ_INT(_mm_getcsr() & 0x3f, 0x20);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    mr_coro_free(co);
}
#else
TEST(switch_keeps_x87_words_apart)
{
    SKIP("x86-64 only");
}
TEST(switch_ignores_sticky_flags)
{
    SKIP("x86-64 only");
}
#endif

/* --- the first frame --- */

static intptr_t aligned(void *arg)
{
    /* An aligned vector store faults when the stack is off by 8. */
    typedef float vec __attribute__((vector_size(16)));
    volatile vec v = {1, 2, 3, 4};

    CHECK_EQ_PTR(arg, &aligned);
    CHECK_EQ_INT((uintptr_t)&v % 16, 0);
    return (intptr_t)v[3];
}

TEST(switch_starts_aligned)
{
    struct mr_coro *co;
    intptr_t v = 0;

    EQ_INT(mr_coro_new(&co, aligned, (void *)&aligned, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, &v), 0);
    EQ_INT(v, 4);
    mr_coro_free(co);
}

/* --- depth --- */

/* Each frame is handed down, so that no compiler makes a loop of it. */
static intptr_t deep(int n, const char *above)
{
    char frame[256];

    memset(frame, n, sizeof frame);
    if (n == 0)
        return mr_coro_suspend(7);
    return deep(n - 1, frame) + frame[255] - n + (above ? above[0] - n - 1 : 0);
}

static intptr_t run_deep(void *unused)
{
    (void)unused;
    return deep(60, NULL);
}

TEST(switch_from_deep_frames)
{
    struct mr_coro *co;
    intptr_t v = 0;

    EQ_INT(mr_coro_new(&co, run_deep, NULL, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, &v), 0);
    EQ_INT(v, 7);
    OK(mr_coro_stack_used(co) > 60 * 256);
    EQ_INT(mr_coro_resume(co, 40, &v), 0);
    EQ_INT(v, 40);
    mr_coro_free(co);
}

/* --- unwinding --- */

struct trace {
    int frames;
};

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *c, void *arg)
{
    struct trace *t = arg;

    (void)c;
    return ++t->frames > 100 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static intptr_t traced(void *arg)
{
    struct trace *t = arg;

    CHECK_EQ_INT(_Unwind_Backtrace(on_frame, t), _URC_END_OF_STACK);
    mr_coro_suspend(0);
    *t = (struct trace){0};
    CHECK_EQ_INT(_Unwind_Backtrace(on_frame, t), _URC_END_OF_STACK);
    return 0;
}

/* It ends at the entry: a few frames, not a hundred, and no fault. */
TEST(switch_backtrace_ends_at_the_entry)
{
    struct mr_coro *co;
    struct trace t = {0};

    EQ_INT(mr_coro_new(&co, traced, &t, NULL), 0);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    OK(t.frames >= 2 && t.frames < 20);
    EQ_INT(mr_coro_resume(co, 0, NULL), 0);
    OK(t.frames >= 2 && t.frames < 20);
    mr_coro_free(co);
}

SUITE("switch", switch_keeps_registers,
      switch_keeps_registers_of_asker_and_asked,
      switch_keeps_rounding_modes_apart,
      switch_of_a_generator_keeps_rounding_modes,
      switch_of_a_generator_that_parks, switch_keeps_x87_words_apart,
      switch_ignores_sticky_flags, switch_starts_aligned,
      switch_from_deep_frames, switch_backtrace_ends_at_the_entry)
TEST_MAIN()
