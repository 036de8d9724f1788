/* SPDX-License-Identifier: MIT */

/* test_symbol.c - addresses of code, and what they are called. */
#include "core/symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "tests/test.h"

__attribute__((noinline)) static int has_a_name(int n)
{
    return n + 1;
}

TEST(static_functions_have_names)
{
    struct mr_symbols *s = mr_symbols_new();
    uintptr_t pc = (uintptr_t)has_a_name;
    struct mr_symbol y;
    char text[256], want[64];

    OK(s != NULL);
    OK(has_a_name(1) == 2);
    for (int again = 0; again < 2; again++) { /* then from memory */
        mr_symbol_find(s, pc + 1, &y);
        OK(y.name != NULL);
        EQ_STR(y.name, "has_a_name");
        EQ_INT(y.into, 1);
        OK(y.file != NULL && strstr(y.file, "test_symbol") != NULL);
        OK(y.offset > 0);
    }
    mr_symbol_format(s, pc + 1, true, text, sizeof text);
    snprintf(want, sizeof want, "0x%jx has_a_name+0x1 (", (uintmax_t)pc + 1);
    EQ_MEM(text, strlen(want), want, strlen(want));
    OK(strstr(text, "test_symbol+0x") != NULL);
    mr_symbol_format(s, pc, false, text, 8);
    EQ_INT(strlen(text), 7); /* cut to fit */
    mr_symbols_free(s);
}

TEST(functions_of_libraries)
{
    struct mr_symbols *s = mr_symbols_new();
    struct mr_symbol y;

    OK(s != NULL);
    mr_symbol_find(s, (uintptr_t)qsort, &y);
    OK(y.file != NULL);
    /* A sanitizer has its own, in the program. */
    if (y.name)
        OK(strstr(y.name, "qsort") != NULL);
    mr_symbols_free(s);
}

TEST(what_is_no_code)
{
    static const uintptr_t addresses[] = {0, 1, 4096, UINTPTR_MAX};
    struct mr_symbols *s = mr_symbols_new();
    struct mr_symbol y;
    char text[64];
    int data;

    OK(s != NULL);
    for (size_t i = 0; i < MR_ARRAY_LEN(addresses); i++) {
        CASE("%jx", (uintmax_t)addresses[i]);
        mr_symbol_find(s, addresses[i], &y);
        OK(!y.name && !y.file);
    }
    mr_symbol_find(s, (uintptr_t)&data, &y);
    OK(!y.name && !y.file);
    mr_symbol_format(s, 4096, false, text, sizeof text);
    EQ_STR(text, "0x1000");
    mr_symbols_free(s);
}

TEST(without_memory_or_files)
{
    struct mr_symbols *s;
    struct mr_symbol y;

    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    s = mr_symbols_new();
    mr_sys_fault_clear();
    OK(!s);
    mr_symbol_find(NULL, (uintptr_t)has_a_name, &y);
    OK(!y.name && !y.file);
    mr_symbols_free(NULL);
    for (int call = 0; call < 3; call++) {
        static const enum mr_sys_call calls[] = {MR_SYS_OPENAT, MR_SYS_FSTAT,
                                                 MR_SYS_MMAP};

        s = mr_symbols_new();
        OK(s != NULL);
        mr_sys_fault_always(calls[call], -EMFILE);
        mr_symbol_find(s, (uintptr_t)has_a_name, &y);
        mr_sys_fault_clear();
        OK(!y.name && y.file != NULL && y.offset > 0);
        mr_symbols_free(s);
    }
}

SUITE("symbols", static_functions_have_names, functions_of_libraries,
      what_is_no_code, without_memory_or_files)
TEST_MAIN()
