/* SPDX-License-Identifier: MIT */

/* test_arena.c - pieces, marks, hooks, and running out of memory. */
#include "core/arena.h"

#include <errno.h>

#include "core/sys.h"
#include "tests/test.h"

static char order[32];
static size_t n_order;

static void hook(void *arg)
{
    order[n_order++] = *(const char *)arg;
    order[n_order] = '\0';
}

TEST(arena_pieces_are_apart)
{
    struct mr_arena a;
    char *p[100];

    mr_arena_init(&a, 256);
    for (size_t i = 0; i < 100; i++) {
        p[i] = mr_arena_alloc(&a, i);
        OK(p[i] != NULL);
        EQ_INT((uintptr_t)p[i] % 16, 0);
        memset(p[i], (int)i, i);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t j = 0; j < i; j++)
            EQ_INT(p[i][j], i);
    OK(p[0] != p[1]);
    mr_arena_fini(&a);
}

TEST(arena_texts)
{
    struct mr_arena a;
    char *z, *zero;

    mr_arena_init(&a, 64);
    EQ_STR(mr_arena_dup(&a, mr_str_n("abcdef", 3)), "abc");
    EQ_STR(mr_arena_dup(&a, mr_str(NULL)), "");
    EQ_STR(mr_arena_printf(&a, "%d-%s", 1, "two"), "1-two");
    z = mr_arena_printf(&a, "%500d", 7);
    EQ_INT(strlen(z), 500);
    EQ_INT(z[499], '7');
    for (int i = 0; i < 40; i++) {
        char want[64];

        memset(want, 'y', sizeof want);
        want[i] = '\0';
        EQ_STR(mr_arena_printf(&a, "%s", want), want);
    }
    mr_arena_reset(&a);
    zero = mr_arena_calloc(&a, 64);
    for (size_t i = 0; i < 64; i++)
        EQ_INT(zero[i], 0);
    mr_arena_fini(&a);
}

TEST(arena_hooks_run_backwards_and_once)
{
    struct mr_arena a;

    mr_arena_init(&a, 16);
    EQ_INT(mr_arena_on_reset(&a, hook, "a"), 0);
    EQ_INT(mr_arena_on_reset(&a, hook, "b"), 0);
    EQ_INT(mr_arena_on_reset(&a, hook, "c"), 0);
    mr_arena_reset(&a);
    EQ_STR(order, "cba");
    mr_arena_reset(&a);
    EQ_STR(order, "cba");
    EQ_INT(mr_arena_on_reset(&a, hook, "d"), 0);
    mr_arena_fini(&a);
    EQ_STR(order, "cbad");
}

TEST(arena_marks_nest)
{
    struct mr_arena a;
    struct mr_arena_mark none, outer, inner;
    char *kept;

    mr_arena_init(&a, 64);
    none = mr_arena_mark(&a);
    kept = mr_arena_dup(&a, mr_str("kept"));
    EQ_INT(mr_arena_on_reset(&a, hook, "1"), 0);
    outer = mr_arena_mark(&a);
    for (int i = 0; i < 100; i++)
        OK(mr_arena_alloc(&a, 24) != NULL);
    EQ_INT(mr_arena_on_reset(&a, hook, "2"), 0);
    inner = mr_arena_mark(&a);
    OK(mr_arena_alloc(&a, 10000) != NULL);
    EQ_INT(mr_arena_on_reset(&a, hook, "3"), 0);
    mr_arena_release(&a, inner);
    EQ_STR(order, "3");
    mr_arena_release(&a, outer);
    EQ_STR(order, "32");
    EQ_STR(kept, "kept");
    EQ_PTR(a.at, outer.at);
    mr_arena_release(&a, none);
    EQ_STR(order, "321");
    mr_arena_fini(&a);
}

/* In steady state a request allocates nothing from the system. */
TEST(arena_reset_keeps_a_chunk)
{
    struct mr_arena a;
    void *first;

    mr_arena_init(&a, 1024);
    first = mr_arena_alloc(&a, 100);
    mr_arena_reset(&a);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    for (int i = 0; i < 10; i++) {
        EQ_PTR(mr_arena_alloc(&a, 100), first);
        OK(mr_arena_alloc(&a, 900) != NULL);
        OK(!mr_arena_alloc(&a, 100));
        mr_arena_reset(&a);
    }
    mr_sys_fault_clear();
    mr_arena_fini(&a);
}

TEST(arena_first_piece_too_large_to_keep)
{
    struct mr_arena a;

    mr_arena_init(&a, 1024);
    OK(mr_arena_alloc(&a, 100000) != NULL);
    mr_arena_reset(&a);
    EQ_PTR(a.chunk, NULL);
    mr_arena_fini(&a);
}

TEST(arena_out_of_memory)
{
    struct mr_arena a;

    mr_arena_init(&a, 64);
    OK(!mr_arena_alloc(&a, SIZE_MAX));
    OK(!mr_arena_alloc(&a, (size_t)PTRDIFF_MAX + 1));
    OK(!mr_arena_dup(&a, mr_str_n("", SIZE_MAX)));
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    OK(!mr_arena_alloc(&a, 1));
    OK(!mr_arena_dup(&a, mr_str("x")));
    OK(!mr_arena_printf(&a, "%d", 1));
    EQ_INT(mr_arena_on_reset(&a, hook, "x"), -ENOMEM);
    mr_sys_fault_clear();
    mr_arena_fini(&a);
    EQ_STR(order, "");
}

SUITE("pieces", arena_pieces_are_apart, arena_texts, arena_out_of_memory)
SUITE("resets", arena_hooks_run_backwards_and_once, arena_marks_nest,
      arena_reset_keeps_a_chunk, arena_first_piece_too_large_to_keep)
TEST_MAIN()
