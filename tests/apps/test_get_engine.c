/* SPDX-License-Identifier: MIT */

/*
 * test_get_engine.c - who begins when, and what if nobody can.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/get/engine.h"
#include "core/sys.h"
#include "tests/core/in_hub.h"

/* Of URLs that nobody listens at. */
static char dir[] = "/tmp/test-get-engine-XXXXXX";

static enum get_outcome run(unsigned urls, unsigned nth, bool always,
                            struct get_tally *ret)
{
    char *const words[] = {"http://127.0.0.1:1/a", "http://127.0.0.1:1/b",
                           "http://[::1]:1/c"};
    const struct get_options o = {.urls = words,
                                  .n_urls = urls,
                                  .dir = dir,
                                  .glob = true,
                                  .style = GET_QUIET,
                                  .jobs = 2,
                                  .per_host = 1,
                                  .connect_timeout = MR_NEVER,
                                  .timeout = MR_NEVER};
    struct get_report *report = NULL;
    struct get_engine e;
    enum get_outcome outcome;

    CHECK_EQ_INT(get_report_open(&report, &o), 0);
    get_engine_init(&e, &o, report);
    if (always)
        mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    else
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
    outcome = get_engine_run(&e);
    get_report_close(report);
    *ret = e.tally;
    return outcome;
}

/* Each allocation fails in turn, then all of them: it ends all the same, with a
 * status that fits. */
IN_HUB(engine_without_memory)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), kept = dup(2);

    CHECK_OK(mkdtemp(dir));
    if (!getenv("V")) /* what is told is much */
        dup2(null, 2);
    for (unsigned urls = 1; urls <= 3; urls += 2)
        for (unsigned nth = 1, over = 0; !over; nth++) {
            struct get_tally t;
            enum get_outcome o = run(urls, nth, false, &t);

            over = mr_sys_calls(MR_SYS_ALLOC) < nth;
            mr_sys_fault_clear();
            CASE("%u URLs, allocation %u: %d, %u failed", urls, nth, (int)o,
                 (unsigned)t.failed);
            CHECK_OK(over ? o == GET_NETWORK && t.failed == urls
                          : o == GET_NETWORK || o == GET_OTHER);
            CHECK_EQ_INT(t.done, 0);
            CHECK_OK(t.failed > 0 && t.failed <= urls);
        }
    for (unsigned urls = 1; urls <= 3; urls++) {
        struct get_tally t;

        CASE("%u URLs, no memory at all", urls);
        CHECK_EQ_INT(run(urls, 0, true, &t), GET_OTHER);
        mr_sys_fault_clear();
        CHECK_OK(t.failed > 0);
    }
    dup2(kept, 2);
    CHECK_EQ_INT(rmdir(dir), 0);
    close(kept);
    close(null);
    return 0;
}

SUITE("mrget: the engine", engine_without_memory)
TEST_MAIN()
