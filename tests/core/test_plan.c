/* SPDX-License-Identifier: MIT */

/* test_plan.c - plans as text and back, and what is no plan. */
#include "core/plan.h"

#include <errno.h>
#include <stdio.h>

#include "core/log.h"
#include "core/sys.h"
#include "tests/test.h"

static const struct mr_listener two[] = {
    {.tag = "http",
     .address = "0.0.0.0:8080",
     .options = "reuse=1 nodelay=1",
     .where = "a b.conf:3",
     .backlog = 511},
    {.tag = "echo", .address = "unix:/tmp/a socket", .shared = true},
};

TEST(there_and_back)
{
    struct mr_plan a, b;
    struct mr_buf text;

    mr_plan_init(&a);
    mr_plan_init(&b);
    mr_buf_init(&text);
    a.workers = 7;
    a.pin = true;
    a.grace = 0;
    a.hang_limit = 12345678901;
    a.log_level = MR_LOG_DEBUG;
    EQ_INT(mr_plan_set_log(&a, "/var/log/with space"), 0);
    EQ_INT(mr_plan_add(&a, &two[0]), 0);
    EQ_INT(mr_plan_add(&a, &two[1]), 0);
    EQ_INT(mr_plan_format(&a, &text), 0);
    EQ_INT(mr_plan_parse(&b, mr_buf_view(&text)), 0);
    EQ_INT(b.workers, 7);
    EQ_INT(b.pin, true);
    EQ_INT(b.grace, 0);
    EQ_INT(b.hang_limit, 12345678901);
    EQ_INT(b.log_level, MR_LOG_DEBUG);
    EQ_STR(b.log_path, "/var/log/with space");
    EQ_INT(b.listener_count, 2);
    EQ_STR(b.listeners[0].tag, "http");
    EQ_STR(b.listeners[0].address, "0.0.0.0:8080");
    EQ_STR(b.listeners[0].options, "reuse=1 nodelay=1");
    EQ_STR(b.listeners[0].where, "a b.conf:3");
    EQ_INT(b.listeners[0].backlog, 511);
    EQ_INT(b.listeners[0].shared, false);
    EQ_STR(b.listeners[1].address, "unix:/tmp/a socket");
    EQ_STR(b.listeners[1].options, "");
    EQ_INT(b.listeners[1].shared, true);
    mr_plan_fini(&a);
    mr_plan_fini(&b);
    mr_buf_fini(&text);
}

/* Every prefix of a plan is no plan. */
TEST(cut_short)
{
    struct mr_plan plan;
    struct mr_buf text;

    mr_plan_init(&plan);
    mr_buf_init(&text);
    EQ_INT(mr_plan_add(&plan, &two[0]), 0);
    EQ_INT(mr_plan_format(&plan, &text), 0);
    mr_plan_fini(&plan);
    for (size_t n = 0; n < text.len; n++) {
        char *at = test_at_page_end(mr_buf_head(&text), n);

        CASE("%zu bytes", n);
        mr_plan_init(&plan);
        EQ_INT(mr_plan_parse(&plan, mr_str_n(at, n)), -EPROTO);
        mr_plan_fini(&plan);
        test_page_free(at, n);
    }
    mr_buf_fini(&text);
}

#define HEAD "millrace-plan 1\n"

TEST(parse)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        {HEAD "end\n", 0},
        {HEAD "end\nworkers 1\n", -EPROTO},
        {HEAD "end", -EPROTO},
        {"millrace-plan 2\nend\n", -EPROTO},
        {"end\n", -EPROTO},
        {HEAD "workers 1024\nend\n", 0},
        {HEAD "workers 1025\nend\n", -EPROTO},
        {HEAD "workers -1\nend\n", -EPROTO},
        {HEAD "workers\nend\n", -EPROTO},
        {HEAD "workers \nend\n", -EPROTO},
        {HEAD "workers 18446744073709551616\nend\n", -EPROTO},
        {HEAD "pin 2\nend\n", -EPROTO},
        {HEAD "grace 86400000000000\nend\n", 0},
        {HEAD "grace 86400000000001\nend\n", -EPROTO},
        {HEAD "log_level 3\nend\n", 0},
        {HEAD "log_level 4\nend\n", -EPROTO},
        {HEAD "log_path \nend\n", 0},
        {HEAD "log_path a\tb\nend\n", -EPROTO},
        {HEAD "color blue\nend\n", -EPROTO},
        {HEAD "\nend\n", -EPROTO},
        {HEAD "listener t\ta\to\tw\t0\t0\nend\n", 0},
        {HEAD "listener t\ta\to\tw\t0\t2\nend\n", -EPROTO},
        {HEAD "listener t\ta\to\tw\tx\t0\nend\n", -EPROTO},
        {HEAD "listener t\ta\to\tw\t0\nend\n", -EPROTO},
        {HEAD "listener t\ta\to\tw\t0\t0\t\nend\n", -EPROTO},
        {HEAD "listener t\t\to\tw\t0\t0\nend\n", -EPROTO},
        {HEAD "listener t\ta\x01\to\tw\t0\t0\nend\n", -EPROTO},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_plan plan;

        CASE("%s", cases[i].text);
        mr_plan_init(&plan);
        EQ_INT(mr_plan_parse(&plan, mr_str(cases[i].text)), cases[i].want);
        mr_plan_fini(&plan);
    }
}

TEST(add_refuses)
{
    static const struct mr_listener bad[] = {
        {.tag = "t", .address = ""},
        {.tag = "t"},
        {.tag = "t\n", .address = "a"},
        {.tag = "t", .address = "a\tb"},
        {.tag = "t", .address = "a", .options = "\x7f"},
        {.tag = "t", .address = "a", .where = "\r"},
        {.tag = "t", .address = "a", .backlog = 1000001},
    };
    struct mr_plan plan;

    mr_plan_init(&plan);
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%zu", i);
        EQ_INT(mr_plan_add(&plan, &bad[i]), -EINVAL);
    }
    EQ_INT(mr_plan_set_log(&plan, "a\nb"), -EINVAL);
    EQ_INT(plan.listener_count, 0);
    for (int i = 0; i < MR_PLAN_LISTENERS_MAX; i++)
        EQ_INT(mr_plan_add(&plan, &two[0]), 0);
    EQ_INT(mr_plan_add(&plan, &two[0]), -E2BIG);
    mr_plan_fini(&plan);
}

TEST(format_refuses)
{
    static const struct mr_plan bad[] = {
        {.workers = MR_PLAN_WORKERS_MAX + 1, .log_path = ""},
        {.grace = -1, .log_path = ""},
        {.hang_limit = INT64_MAX, .log_path = ""},
        {.log_level = 4, .log_path = ""},
    };
    struct mr_buf text;

    mr_buf_init(&text);
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        CASE("%zu", i);
        EQ_INT(mr_plan_format(&bad[i], &text), -ERANGE);
        EQ_INT(text.len, 0);
    }
}

TEST(no_memory)
{
    int err = -ENOMEM;
    struct mr_plan plan;
    unsigned nth;

    for (nth = 1; err == -ENOMEM; nth++) {
        struct mr_buf text;

        mr_plan_init(&plan);
        mr_buf_init(&text);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        err = mr_plan_add(&plan, &two[0]);
        if (!err)
            err = mr_plan_format(&plan, &text);
        mr_plan_fini(&plan);
        mr_plan_init(&plan);
        if (!err)
            err = mr_plan_parse(&plan, mr_buf_view(&text));
        mr_sys_fault_clear();
        mr_plan_fini(&plan);
        mr_buf_fini(&text);
    }
    EQ_INT(err, 0);
    OK(nth > 3); /* there was something to fail */
}

SUITE("text", there_and_back, cut_short, parse)
SUITE("bounds", add_refuses, format_refuses, no_memory)
TEST_MAIN()
