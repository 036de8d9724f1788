/* SPDX-License-Identifier: MIT *
 * over budget: what every spawn and every end runs through is inline.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

/*
 * stack.h - guarded stacks out of large slabs.
 *
 * A stack is `size` usable bytes that end at `top`, with a guard region below
 * and this record on the top page. Taking one that was used lately costs half
 * a nanosecond, a fresh one about a microsecond.
 *
 *     struct mr_stack *st;
 *     int err = mr_stack_take(MR_STACK_DEFAULT, &st);
 *     ...
 *     mr_stack_give(st);
 *
 * One cache per thread; a stack is given back on the thread that took it.
 */
#include "core/list.h"
#include "core/switch.h"

#define MR_STACK_MIN (16 * 1024)
#define MR_STACK_MAX (1024 * 1024)
/* As a size: what mr_stack_set_default says, 64 KiB at first. */
#define MR_STACK_DEFAULT 0

struct mr_stack {
    struct mr_list node; /* in the cache, while nobody has it */
    char *bottom;        /* lowest usable byte; the guard ends here */
    size_t size;         /* usable bytes, this record included */
    uint8_t class;       /* index of the size class */
    uint8_t kept;        /* the taker's: how it left its block; 0 in a stack
                          * without pages */
    struct mr_switch_tool tool;
    /* The taker's control block follows; frames go below. */
};

/* Bytes kept for the taker on the top page, at mr_stack_block(st), from the
 * beginning of a cache line. */
#define MR_STACK_BLOCK 512

static inline void *mr_stack_block(struct mr_stack *st)
{
    return st + 1;
}

/* Where the first frame goes: 16-byte aligned, below this record. */
static inline void *mr_stack_top(struct mr_stack *st)
{
    return (void *)((uintptr_t)st & ~(uintptr_t)15);
}

/* The last ones given back, which many a take and give need alone. */
#define MR_STACK_SHELF 8
struct mr_stack_shelf {
    struct mr_stack *of[MR_STACK_SHELF]; /* in no list; the last is the next */
    size_t n;
    size_t taken;
};
extern _Thread_local struct mr_stack_shelf mr_stack_shelf
    __attribute__((tls_model("initial-exec")));
extern uint8_t mr_stack_default_class;
/* The shelf is full: makes room. */
void mr_stack_put_away(void);
MR_NORETURN MR_COLD void mr_stack_not_taken(void);

/*
 * A stack of at least size bytes: 16K, 64K, 256K or 1M.
 * 0; -EINVAL above MR_STACK_MAX; -ENOMEM: no memory, or no more mappings (one
 * log line then names vm.max_map_count). Never a stack without its guard.
 */
MR_MUST_USE int mr_stack_take(size_t size, struct mr_stack **ret);
/* The one that the next take of its size gets, or NULL. */
static inline struct mr_stack *mr_stack_last(void)
{
    const struct mr_stack_shelf *shelf = &mr_stack_shelf;

    return MR_LIKELY(shelf->n > 0) ? shelf->of[shelf->n - 1] : NULL;
}
/* The same, of the default size and from the shelf; or NULL: ask mr_stack_take.
 */
static inline struct mr_stack *mr_stack_take_last(void)
{
    struct mr_stack *st = mr_stack_last();

    if (MR_UNLIKELY(!st || st->class != mr_stack_default_class))
        return NULL;
    mr_stack_shelf.n--;
    mr_stack_shelf.taken++;
    mr_list_init(&st->node);
    mr_switch_tool_taken(&st->tool);
    return st;
}
/* May be the stack that this runs on, if nothing is called before leaving. */
static inline void mr_stack_give(struct mr_stack *st)
{
    struct mr_stack_shelf *shelf = &mr_stack_shelf;

    /* A taken stack's node is by itself: this one was given back already, or
     * is not ours. */
    if (MR_UNLIKELY(shelf->taken == 0 || !mr_list_is_empty(&st->node)))
        mr_stack_not_taken();
    st->node.next = NULL;
    shelf->taken--;
    if (MR_UNLIKELY(shelf->n == MR_STACK_SHELF))
        mr_stack_put_away();
    shelf->of[shelf->n++] = st;
}

/* Give memory of stacks that nobody took since the last call back to the
 * kernel; the address space stays. How many stacks are still cached warm. */
MR_API size_t mr_stack_trim(void);
/* The last call did its share and left some for another, soon. */
bool mr_stack_trim_is_cut(void);
/* Unmap all slabs of this thread. A BUG while stacks are taken. */
MR_API void mr_stack_thread_fini(void);

/* What MR_STACK_DEFAULT means from now on in this process; rounded up to a
 * size class. 0 or -EINVAL. */
MR_API MR_MUST_USE int mr_stack_set_default(size_t size);
MR_API size_t mr_stack_default(void);

/* The most bytes that were ever used of it since it was last trimmed or first
 * taken, to the word. */
MR_API size_t mr_stack_high_water(const struct mr_stack *st);

/* "madvise" (MADV_GUARD_INSTALL, Linux 6.13) or "mprotect"; the environment's
 * MR_STACK_GUARD=mprotect forces the latter. */
MR_API const char *mr_stack_guard_name(void);
/* Bytes below `bottom` that fault. */
size_t mr_stack_guard_bytes(void);

/*
 * SIGSEGV and SIGBUS on an alternate stack: a fault in the guard of the running
 * coroutine's stack is told with its name, entry, size and the option to
 * raise, then the process aborts; any other goes to the previous action.
 * Once per process (install) and per thread (the alternate stack).
 * 0 or -ENOMEM.
 */
MR_API MR_MUST_USE int mr_stack_watch_overflow(void);
/* This thread is about to end: its alternate stack is given back. */
MR_API void mr_stack_unwatch_overflow(void);
/* Who runs now on this thread; set by core/coro.c. */
struct mr_stack_owner {
    const struct mr_stack *stack; /* NULL: the thread's own */
    const char *name;
    const char *entry;
    uintptr_t entry_addr;
};
extern struct mr_stack_owner (*mr_stack_owner)(void);

struct mr_stack_stats {
    size_t taken;  /* in use */
    size_t cached; /* waiting to be taken */
    size_t warm;   /* of these, not trimmed: their pages are resident */
    size_t slabs;
};
MR_API struct mr_stack_stats mr_stack_stats(void);

#endif
