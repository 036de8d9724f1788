/* SPDX-License-Identifier: MIT */

/*
 * stack.c - guarded stacks out of large slabs.
 *
 * A slab is one anonymous mapping of SLAB_BYTES, cut into slots of one size
 * class, from low to high:
 *
 *      | guard | usable stack ... | block | record | colour |
 *      ^ slot  ^ bottom           ^ top   (on the top page)
 *
 * The colour, 0 to 15 cache lines by slot number, keeps the hot ends of many
 * stacks from sharing the same cache sets. A slot is, for its class:
 *
 *      FRESH --[take]--> TAKEN --[give]--> WARM --[trim]--> COLD
 *                          ^                 |[take]          |[take]
 *                          '-----------------+----------------'
 *
 *  (1) A TAKEN slot has its guard. It is installed on the way out of FRESH and
 *      stays through WARM and COLD; when it cannot be, the take fails.
 *  (2) WARM slots form a LIFO list through their records, but for the thread's
 *      last few, on the shelf: their top page is resident, likely in cache.
 *      COLD ones have given their pages back, the record too; their slab
 *      remembers them by number.
 *  (3) A thread touches its own slabs only. No locks.
 *
 * Guards: MADV_GUARD_INSTALL leaves a slab one mapping, whatever its guards
 * (a million stacks fit under vm.max_map_count = 65530). Where it is missing,
 * mprotect splits the mapping twice per stack and runs out near 32,000.
 * Both are wider than a page: foreign frames step over a single one.
 *
 * over budget: what takes, gives and trims shares the slabs and their counts.
 */
#include "core/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"

/* Linux 6.13; not in Debian 12's headers. */
#ifndef MADV_GUARD_INSTALL
#    define MADV_GUARD_INSTALL 102
#endif

/* Large, so that a million stacks are few mappings even where neighbours do
 * not merge; only address space is spent. */
#define SLAB_BYTES ((size_t)64 << 20)
#define GUARD_MADVISE ((size_t)64 << 10)
#define GUARD_MPROTECT ((size_t)16 << 10)
#define COLOURS 16
#define COLOUR_BYTES 64
/* Below this many warm stacks trimming is not worth a system call each. */
#define TRIM_KEEP 32
/* Stacks per call: about half a millisecond of system calls. */
#define TRIM_BATCH 256

static const size_t class_size[] = {16 << 10, 64 << 10, 256 << 10, 1 << 20};
#define CLASSES MR_ARRAY_LEN(class_size)

_Static_assert(sizeof(struct mr_stack) % 16 == 0, "frames begin below it");

struct slab {
    struct slab *next;
    char *base;
    size_t bytes;
    uint32_t slots;
    uint32_t fresh; /* slots from here on were never taken */
    uint32_t n_cold;
    uint32_t cold[]; /* numbers of COLD slots */
};

struct class
{
    struct mr_list warm; /* but for those on the shelf, LIFO */
    size_t n_warm;       /* how many are in the list */
    size_t low;          /* the fewest warm since the last trim */
    struct slab *slabs;  /* newest first; only the first has FRESH slots */
    size_t n_cold;
};

/* initial-exec: no call to reach it, also from libmillrace.so. */
static _Thread_local struct {
    bool ready;
    bool trim_is_cut;
    size_t slabs;
    struct class of[CLASSES];
} cache __attribute__((tls_model("initial-exec")));

_Thread_local struct mr_stack_shelf mr_stack_shelf
    __attribute__((tls_model("initial-exec")));
uint8_t mr_stack_default_class = 1;

enum guard { GUARD_UNKNOWN, BY_MADVISE, BY_MPROTECT };
/* Chosen by the first thread that asks. Relaxed: several may choose at once,
 * and come to the same answer. */
static enum guard guard_chosen;

/* --- guards --- */

/* Some emulators answer 0 to any advice and guard nothing: only a system call
 * that is refused to read from the guarded page proves it. */
static bool madvise_guards(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fds[2] = {-1, -1}, err;
    bool works = false;
    char *p = mr_sys_mmap(NULL, page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &err);

    if (!p)
        return false;
    if (mr_sys_madvise(p, page, MADV_GUARD_INSTALL) == 0 &&
        mr_sys_pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0)
        works = mr_sys_write(fds[1], p, 1) == -EFAULT;
    if (fds[0] >= 0) {
        mr_sys_close(fds[0]);
        mr_sys_close(fds[1]);
    }
    mr_sys_munmap(p, page);
    return works;
}

MR_COLD static enum guard choose_guard(void)
{
    const char *forced = getenv("MR_STACK_GUARD");
    enum guard guard = BY_MPROTECT;

    if ((!forced || strcmp(forced, "mprotect") != 0) && madvise_guards())
        guard = BY_MADVISE;
    __atomic_store_n(&guard_chosen, guard, __ATOMIC_RELAXED);
    return guard;
}

static enum guard guard_kind(void)
{
    enum guard guard = __atomic_load_n(&guard_chosen, __ATOMIC_RELAXED);

    return MR_LIKELY(guard != GUARD_UNKNOWN) ? guard : choose_guard();
}

static size_t guard_bytes(void)
{
    return guard_kind() == BY_MADVISE ? GUARD_MADVISE : GUARD_MPROTECT;
}

const char *mr_stack_guard_name(void)
{
    return guard_kind() == BY_MADVISE ? "madvise" : "mprotect";
}

static int install_guard(char *slot)
{
    static struct mr_log_gate gate;
    int err;

    if (guard_kind() == BY_MADVISE)
        return mr_sys_madvise(slot, GUARD_MADVISE, MADV_GUARD_INSTALL);
    err = mr_sys_mprotect(slot, GUARD_MPROTECT, PROT_NONE);
    if (err == -ENOMEM)
        mr_log_every_second(
            &gate, MR_LOG_ERROR,
            "no more stacks: the kernel refuses another mapping; raise "
            "vm.max_map_count (two mappings per stack), or use Linux 6.13 "
            "or newer, where guards need none");
    return err;
}

/* --- slabs and slots --- */

static void cache_init(void)
{
    for (size_t i = 0; i < CLASSES; i++)
        mr_list_init(&cache.of[i].warm);
    (void)guard_kind(); /* before a handler for signals may ask */
    cache.ready = true;
}

static size_t stride_of(size_t class)
{
    return guard_bytes() + class_size[class];
}

static char *slot_at(const struct slab *s, size_t class, uint32_t i)
{
    return s->base + i * stride_of(class);
}

static struct slab *slab_new(size_t class)
{
    size_t slots = SLAB_BYTES / stride_of(class);
    size_t bytes = slots * stride_of(class);
    int err;
    struct slab *s = mr_alloc(sizeof *s + slots * sizeof s->cold[0]);

    if (!s)
        return NULL;
    s->base =
        mr_sys_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, &err);
    if (!s->base) {
        mr_free(s);
        return NULL;
    }
    /* A huge page under each stack would be 2 MiB where 4 KiB are used. Failing
     * (no THP in this kernel) is as good. */
    (void)mr_sys_madvise(s->base, bytes, MADV_NOHUGEPAGE);
    s->bytes = bytes;
    s->slots = (uint32_t)slots;
    s->fresh = 0;
    s->n_cold = 0;
    return s;
}

/* Write the record of a slot whose guard stands. */
static struct mr_stack *slot_open(const struct slab *s, size_t class,
                                  uint32_t i)
{
    char *end = slot_at(s, class, i) + stride_of(class);
    size_t colour = (i % COLOURS) * COLOUR_BYTES;
    /* Slots end on a page, so blocks begin on a cache line. */
    struct mr_stack *st =
        (struct mr_stack *)(void *)(end - colour - MR_STACK_BLOCK) - 1;

    mr_list_init(&st->node);
    st->bottom = slot_at(s, class, i) + guard_bytes();
    st->size = class_size[class];
    st->class = (uint8_t) class;
    st->kept = 0;
    mr_switch_tool_init(&st->tool, st->bottom,
                        (size_t)((char *)st - st->bottom));
    return st;
}

static struct mr_stack *take_cold(struct class *c, size_t class)
{
    for (struct slab *s = c->slabs; s; s = s->next) {
        if (s->n_cold == 0)
            continue;
        c->n_cold--;
        return slot_open(s, class, s->cold[--s->n_cold]);
    }
    return NULL;
}

static int take_fresh(struct class *c, size_t class, struct mr_stack **ret)
{
    struct slab *s = c->slabs;
    int err;

    if (!s || s->fresh == s->slots) {
        s = slab_new(class);
        if (!s)
            return -ENOMEM;
        s->next = c->slabs;
        c->slabs = s;
        cache.slabs++;
    }
    err = install_guard(slot_at(s, class, s->fresh));
    if (err)
        return err == -EAGAIN ? -ENOMEM : err;
    *ret = slot_open(s, class, s->fresh++);
    return 0;
}

static int class_for(size_t size)
{
    for (size_t i = 0; i < CLASSES; i++) {
        if (size <= class_size[i])
            return (int)i;
    }
    return -EINVAL;
}

MR_COLD static int take_unused(size_t class, struct mr_stack **ret)
{
    struct class *c;
    struct mr_stack *st = NULL;
    int err;

    if (!cache.ready)
        cache_init();
    c = &cache.of[class];
    if (c->n_cold > 0)
        st = take_cold(c, class);
    if (!st) {
        err = take_fresh(c, class, &st);
        if (err)
            return err;
    }
    *ret = st;
    return 0;
}

/* The last of that class on the shelf, or NULL. */
static struct mr_stack *take_from_shelf(size_t class)
{
    struct mr_stack_shelf *shelf = &mr_stack_shelf;
    struct mr_stack *st;

    for (size_t i = shelf->n; i-- > 0;) {
        st = shelf->of[i];
        if (st->class != class)
            continue;
        shelf->n--;
        memmove(shelf->of + i, shelf->of + i + 1,
                (shelf->n - i) * sizeof shelf->of[0]);
        mr_list_init(&st->node);
        return st;
    }
    return NULL;
}

static int take(size_t class, struct mr_stack **ret)
{
    struct class *c = &cache.of[class];
    struct mr_stack *st = take_from_shelf(class);
    int err;

    if (!st && MR_LIKELY(c->n_warm > 0)) {
        st =
            mr_container_of(mr_list_pop_front(&c->warm), struct mr_stack, node);
        c->n_warm--;
        if (c->n_warm < c->low)
            c->low = c->n_warm;
    } else if (!st) {
        err = take_unused(class, &st);
        if (err)
            return err;
        c->low = 0;
    }
    mr_stack_shelf.taken++;
    mr_switch_tool_taken(&st->tool);
    *ret = st;
    return 0;
}

MR_HOT int mr_stack_take(size_t size, struct mr_stack **ret)
{
    int class = size > 0 ? class_for(size) : mr_stack_default_class;

    return class < 0 ? class : take((size_t) class, ret);
}

/* The half of it that was given back first. */
void mr_stack_put_away(void)
{
    struct mr_stack_shelf *shelf = &mr_stack_shelf;
    size_t n = MR_STACK_SHELF / 2;

    for (size_t i = 0; i < n; i++) {
        struct class *c = &cache.of[shelf->of[i]->class];

        mr_list_push_front(&c->warm, &shelf->of[i]->node);
        c->n_warm++;
    }
    shelf->n -= n;
    memcpy(shelf->of, shelf->of + n, n * sizeof shelf->of[0]);
}

MR_COLD void mr_stack_not_taken(void)
{
    mr_bug(__FILE__, __LINE__, "a stack given back that was not taken");
}

/* --- giving memory back --- */

static void make_cold(struct class *c, struct mr_stack *st)
{
    size_t class = st->class;
    char *slot = st->bottom - guard_bytes();

    for (struct slab *s = c->slabs; s; s = s->next) {
        if (slot < s->base || slot >= s->base + s->bytes)
            continue;
        s->cold[s->n_cold++] =
            (uint32_t)((size_t)(slot - s->base) / stride_of(class));
        c->n_cold++;
        mr_switch_tool_fini(&st->tool);
        (void)mr_sys_madvise(st->bottom, class_size[class], MADV_DONTNEED);
        return;
    }
    MR_BUG_ON(true);
}

static size_t warm_of(size_t class)
{
    size_t n = cache.of[class].n_warm;

    for (size_t i = 0; i < mr_stack_shelf.n; i++)
        n += mr_stack_shelf.of[i]->class == class;
    return n;
}

size_t mr_stack_trim(void)
{
    size_t warm = 0, left = TRIM_BATCH;

    if (!cache.ready)
        return 0;
    for (size_t i = 0; i < CLASSES; i++) {
        struct class *c = &cache.of[i];
        size_t n;

        /* `low` of them were not needed at any time since the last trim. */
        for (n = c->low; n > 0 && left > 0 && warm_of(i) > TRIM_KEEP; n--) {
            struct mr_list *last = c->warm.prev;

            mr_list_remove(last);
            c->n_warm--;
            make_cold(c, mr_container_of(last, struct mr_stack, node));
            left--;
        }
        c->low = left > 0 ? c->n_warm : MR_MIN(n, c->n_warm);
        warm += warm_of(i);
    }
    cache.trim_is_cut = left == 0;
    return warm;
}

bool mr_stack_trim_is_cut(void)
{
    return cache.trim_is_cut;
}

void mr_stack_thread_fini(void)
{
    MR_BUG_ON(mr_stack_shelf.taken > 0);
    if (!cache.ready)
        return;
    while (mr_stack_shelf.n > 0)
        mr_switch_tool_fini(&mr_stack_shelf.of[--mr_stack_shelf.n]->tool);
    for (size_t i = 0; i < CLASSES; i++) {
        struct class *c = &cache.of[i];
        struct mr_list *n;
        struct slab *s;

        while ((n = mr_list_pop_front(&c->warm)))
            mr_switch_tool_fini(
                &mr_container_of(n, struct mr_stack, node)->tool);
        while ((s = c->slabs)) {
            c->slabs = s->next;
            mr_sys_munmap(s->base, s->bytes);
            mr_free(s);
        }
    }
    memset(&cache, 0, sizeof cache);
}

/* --- facts --- */

int mr_stack_set_default(size_t size)
{
    int class = size ? class_for(size) : -EINVAL;

    if (class < 0)
        return class;
    mr_stack_default_class = (uint8_t) class;
    return 0;
}

size_t mr_stack_default(void)
{
    return class_size[mr_stack_default_class];
}

#if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>
#else
#    define VALGRIND_DISABLE_ERROR_REPORTING
#    define VALGRIND_ENABLE_ERROR_REPORTING
#    define VALGRIND_MAKE_MEM_DEFINED(p, n) (void)(p)
#endif

/* Reads frames that are not its own, and what a switch pushed and left. */
__attribute__((no_sanitize_address, no_sanitize_thread)) static size_t
used_from(const char *bottom, const char *page, const char *end)
{
    const uintptr_t *w = (const uintptr_t *)(const void *)page;
    size_t used;

    VALGRIND_DISABLE_ERROR_REPORTING;
    while ((const char *)w < end && *w == 0)
        w++;
    used = (size_t)(end - bottom) - (size_t)((const char *)w - bottom);
    VALGRIND_ENABLE_ERROR_REPORTING;
    /* It came of bytes that nobody wrote, on purpose. */
    (void)VALGRIND_MAKE_MEM_DEFINED(&used, sizeof used);
    return used;
}

size_t mr_stack_high_water(const struct mr_stack *st)
{
    unsigned char resident[MR_STACK_MAX / 4096];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = st->size / page, i = 0;
    const char *end = st->bottom + st->size;

    if (mr_sys_mincore(st->bottom, st->size, resident) != 0)
        return st->size;
    while (i < pages && !(resident[i] & 1))
        i++;
    /* A stack is used from the top: below the lowest resident page nothing was
     * ever written. */
    return used_from(st->bottom, st->bottom + i * page, end);
}

struct mr_stack_stats mr_stack_stats(void)
{
    struct mr_stack_stats stats = {.taken = mr_stack_shelf.taken,
                                   .slabs = cache.slabs};

    for (size_t i = 0; i < CLASSES; i++) {
        stats.warm += warm_of(i);
        stats.cached += warm_of(i) + cache.of[i].n_cold;
    }
    return stats;
}

size_t mr_stack_guard_bytes(void)
{
    return guard_bytes();
}
