/* SPDX-License-Identifier: MIT */

/*
 * switch.c - what sanitizers and Valgrind must be told about stacks, and what a
 * saved context holds.
 *
 * ASan must know on which stack the thread runs (its fake frames and its
 * checks of stack bounds); TSan keeps a call stack and a clock per fiber, each
 * dear (a millisecond, 840 KB, 8,128 of them at most), so a fiber belongs to a
 * stack and lives as long as that is cached; Valgrind tells a switch from a
 * very large frame by the list of stacks. The switch itself is assembly.
 *
 * One file with #if around whole functions: the three sets are alternatives of
 * the same five functions, chosen by how the tree is compiled.
 */
#include "core/switch.h"

/* The layouts are those of switch_*.S. */
#if defined(__x86_64__)
struct mr_switch_regs mr_switch_saved(const void *sp)
{
    const uintptr_t *w = sp;

    return (struct mr_switch_regs){w[7], w[6], (uintptr_t)(w + 8)};
}
#else
struct mr_switch_regs mr_switch_saved(const void *sp)
{
    const uintptr_t *w = sp;

    return (struct mr_switch_regs){w[11], w[10], (uintptr_t)(w + 22)};
}
#endif

#if !defined(MR_SWITCH_TOOLS)
#    if __has_include(<valgrind/valgrind.h>)
#        include <valgrind/valgrind.h>
#    endif

#    ifdef VALGRIND_STACK_REGISTER
static void valgrind_register(struct mr_switch_tool *t)
{
    t->valgrind_id =
        VALGRIND_STACK_REGISTER(t->bottom, (const char *)t->bottom + t->size);
}
static void valgrind_deregister(struct mr_switch_tool *t)
{
    VALGRIND_STACK_DEREGISTER(t->valgrind_id);
}
#    else
static void valgrind_register(struct mr_switch_tool *t)
{
    (void)t;
}
static void valgrind_deregister(struct mr_switch_tool *t)
{
    (void)t;
}
#    endif

void mr_switch_tool_init(struct mr_switch_tool *t, void *bottom, size_t size)
{
    t->bottom = bottom;
    t->size = size;
    valgrind_register(t);
}

void mr_switch_tool_fini(struct mr_switch_tool *t)
{
    valgrind_deregister(t);
}

void mr_switch_tool_thread(struct mr_switch_tool *t)
{
    *t = (struct mr_switch_tool){0};
}

#elif defined(__SANITIZE_THREAD__)
#    include <sanitizer/tsan_interface.h>

void mr_switch_tool_init(struct mr_switch_tool *t, void *bottom, size_t size)
{
    t->bottom = bottom;
    t->size = size;
    t->tsan_fiber = __tsan_create_fiber(0);
}

void mr_switch_tool_taken(struct mr_switch_tool *t)
{
    (void)t;
}

void mr_switch_tool_fini(struct mr_switch_tool *t)
{
    __tsan_destroy_fiber(t->tsan_fiber);
    t->tsan_fiber = NULL;
}

void mr_switch_tool_thread(struct mr_switch_tool *t)
{
    *t = (struct mr_switch_tool){0};
    t->tsan_fiber = __tsan_get_current_fiber();
}

/* Not instrumented: it begins on one fiber and ends on another, whose call
 * stack knows nothing of it. */
__attribute__((no_sanitize_thread)) void
mr_switch_tool_leave(struct mr_switch_tool *from, struct mr_switch_tool *to,
                     bool dying)
{
    (void)from;
    (void)dying;
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
}

void mr_switch_tool_enter(struct mr_switch_tool *self)
{
    (void)self;
}

#else
#    include <sanitizer/asan_interface.h>
#    include <sanitizer/common_interface_defs.h>

/* Whom the switch under way comes from: ASan tells us its bounds on arrival,
 * which is how those of a thread's own stack become known. */
static _Thread_local struct mr_switch_tool *came_from;

void mr_switch_tool_init(struct mr_switch_tool *t, void *bottom, size_t size)
{
    t->bottom = bottom;
    t->size = size;
    t->asan_fake = NULL;
}

void mr_switch_tool_taken(struct mr_switch_tool *t)
{
    t->asan_fake = NULL;
    /* A coroutine that ended inside frames left their red zones behind. */
    __asan_unpoison_memory_region(t->bottom, t->size);
}

void mr_switch_tool_fini(struct mr_switch_tool *t)
{
    __asan_unpoison_memory_region(t->bottom, t->size);
}

void mr_switch_tool_thread(struct mr_switch_tool *t)
{
    *t = (struct mr_switch_tool){0};
}

void mr_switch_tool_leave(struct mr_switch_tool *from,
                          struct mr_switch_tool *to, bool dying)
{
    came_from = from;
    __sanitizer_start_switch_fiber(dying ? NULL : &from->asan_fake, to->bottom,
                                   to->size);
}

void mr_switch_tool_enter(struct mr_switch_tool *self)
{
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(self->asan_fake, &bottom, &size);
    if (came_from->size == 0) {
        came_from->bottom = bottom;
        came_from->size = size;
    }
}

#endif

#if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>
#else
#    define VALGRIND_DISABLE_ERROR_REPORTING
#    define VALGRIND_ENABLE_ERROR_REPORTING
#    define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif

void mr_switch_tool_look(void)
{
    VALGRIND_DISABLE_ERROR_REPORTING;
}

void mr_switch_tool_looked(const void *found, size_t n)
{
    VALGRIND_ENABLE_ERROR_REPORTING;
    (void)VALGRIND_MAKE_MEM_DEFINED(found, n);
}
