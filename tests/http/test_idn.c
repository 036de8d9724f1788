/* SPDX-License-Identifier: MIT */
/* test_idn.c - which names become which, and which are none. */
#include "tests/test.h"

#include <errno.h>

#include "core/sys.h"
#include "http/idn.h"

static const struct {
    const char *name, *want; /* NULL: -EINVAL */
} cases[] = {
    {"", ""},
    {"Example.COM", "Example.COM"},
    {"a b/", "a b/"}, /* not its business */
    {"b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example"},
    {"B\xc3\x9c"
     "CHER.example",
     "xn--bcher-kva.example"},
    {"stra\xc3\x9f"
     "e.example",
     "xn--strae-oqa.example"},
    {"\xef\xbc\x91\xef\xbc\x92.example", "12.example"},
    {"a\xe3\x80\x82"
     "b",
     "a.b"},
    {"b\xfc"
     "cher.example",
     NULL},
    {"\xef\xbf\xbd.example", NULL},
};

TEST(idn_names)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_arena a;
        struct mr_str got = {0};
        int rc;

        CASE("%s", cases[i].name);
        mr_arena_init(&a, 256);
        rc = mr_idn_to_ascii(&a, mr_str(cases[i].name), &got);
        EQ_INT(rc, cases[i].want ? 0 : -EINVAL);
        if (rc == 0)
            EQ_MEM(got.p, got.n, cases[i].want, strlen(cases[i].want));
        mr_arena_fini(&a);
    }
}

TEST(idn_limits)
{
    char name[1100];
    struct mr_arena a;
    struct mr_str got;

    mr_arena_init(&a, 256);
    memset(name, 'a', sizeof name);
    memcpy(name, "\xc3\xbc.", 3);
    EQ_INT(mr_idn_to_ascii(&a, mr_str_n(name, 1025), &got), -EINVAL);
    EQ_INT(mr_idn_to_ascii(&a, mr_str_n("\xc3\xbc\0.a", 5), &got), -EINVAL);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    mr_arena_fini(&a);
    mr_arena_init(&a, 32);
    EQ_INT(mr_idn_to_ascii(&a, mr_str("\xc3\xbc"), &got), -ENOMEM);
    mr_sys_fault_clear();
    mr_arena_fini(&a);
}

SUITE("idn", idn_names, idn_limits)
TEST_MAIN()
