/* SPDX-License-Identifier: MIT */

/* test_get_journal.c - ranges against a bitmap, and the journal's bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/get/journal.h"
#include "core/sys.h"
#include "tests/test.h"

#define SPACE 400

static void compare(const struct get_ranges *r, const bool *model)
{
    int64_t last = -1, total = 0;
    struct get_range gap;

    for (size_t i = 0; i < r->n; i++) {
        OK(r->v[i].from > last && r->v[i].from < r->v[i].to);
        last = r->v[i].to;
        total += r->v[i].to - r->v[i].from;
        for (int64_t at = r->v[i].from; at < r->v[i].to; at++)
            OK(model[at]);
    }
    EQ_INT(get_ranges_total(r), total);
    for (int64_t from = 0; from < SPACE; from++) {
        int64_t at = from;

        while (at < SPACE && model[at])
            at++;
        EQ_INT(get_ranges_gap(r, from, SPACE, &gap), at < SPACE);
        if (at == SPACE)
            continue;
        EQ_INT(gap.from, at);
        while (at < SPACE && !model[at])
            at++;
        EQ_INT(gap.to, at);
    }
}

TEST(ranges_model)
{
    unsigned seed = (unsigned)mr_sys_realtime();

    for (unsigned round = 0; round < TEST_SCALE(100); round++, seed++) {
        struct get_ranges r = {.n = 0};
        bool model[SPACE] = {false};

        CASE("seed %u", seed);
        srandom(seed);
        for (unsigned i = 0; i < 40; i++) {
            int64_t from = random() % SPACE;
            int64_t to = from + random() % (1 + random() % 40);

            to = MR_MIN(to, SPACE);
            get_ranges_add(&r, from, to);
            for (int64_t at = from; at < to; at++)
                model[at] = true;
            compare(&r, model);
        }
    }
}

/* More pieces than there is room for: the smallest go. */
TEST(ranges_full)
{
    struct get_ranges r = {.n = 0};

    for (int64_t i = 0; i < 2 * GET_RANGES_MAX; i++)
        get_ranges_add(&r, 100 * i, 100 * i + 1 + i % 50);
    EQ_INT(r.n, GET_RANGES_MAX);
    get_ranges_add(&r, 1000000, 1000099);
    EQ_INT(r.n, GET_RANGES_MAX);
    EQ_INT(r.v[r.n - 1].to, 1000099);
    for (size_t i = 1; i < r.n; i++)
        OK(r.v[i - 1].to < r.v[i].from);
    get_ranges_add(&r, 0, INT64_MAX);
    EQ_INT(r.n, 1);
}

static struct get_journal sample(void)
{
    struct get_journal j = {.length = 1 << 20,
                            .url = mr_str("http://h/a"),
                            .validator = mr_str("\"v1\""),
                            .checksum = mr_str("")};

    get_ranges_add(&j.done, 0, 65536);
    get_ranges_add(&j.done, 100000, 1 << 20);
    return j;
}

TEST(journal_round_trip)
{
    struct get_journal j = sample(), back;
    struct mr_arena arena;
    struct mr_str text;

    mr_arena_init(&arena, 1024);
    for (int i = 0; i < 2; i++) {
        EQ_INT(get_journal_format(&arena, &j, &text), 0);
        EQ_INT(get_journal_parse(text, &back), 0);
        EQ_INT(back.length, j.length);
        OK(mr_str_eq(back.url, j.url));
        OK(mr_str_eq(back.validator, j.validator));
        OK(mr_str_eq(back.checksum, j.checksum));
        EQ_MEM(back.done.v, back.done.n * sizeof j.done.v[0], j.done.v,
               j.done.n * sizeof j.done.v[0]);
        j = (struct get_journal){.length = -1};
    }
    mr_arena_fini(&arena);
}

/* Torn at any byte, or with any bit turned: it is none. */
TEST(journal_damaged)
{
    struct get_journal j = sample(), back;
    struct mr_arena arena;
    struct mr_str text;

    mr_arena_init(&arena, 1024);
    EQ_INT(get_journal_format(&arena, &j, &text), 0);
    for (size_t n = 0; n < text.n; n++) {
        char *at = test_at_page_end(text.p, n);

        CASE("%zu bytes", n);
        EQ_INT(get_journal_parse(mr_str_n(at, n), &back), -EBADMSG);
        test_page_free(at, n);
    }
    for (size_t i = 0; i < 8 * text.n; i++) {
        char *p = (char *)text.p;

        CASE("bit %zu", i);
        p[i / 8] = (char)(p[i / 8] ^ 1 << i % 8);
        EQ_INT(get_journal_parse(text, &back), -EBADMSG);
        p[i / 8] = (char)(p[i / 8] ^ 1 << i % 8);
    }
    EQ_INT(get_journal_parse(text, &back), 0);
    mr_arena_fini(&arena);
}

TEST(journal_file)
{
    struct get_journal j = sample(), back;
    char path[] = "/tmp/test-get-journal-XXXXXX";
    struct mr_arena arena;
    struct mr_str text;
    int dir;

    OK(mkdtemp(path));
    dir = open(path, O_RDONLY | O_DIRECTORY);
    mr_arena_init(&arena, 1024);
    EQ_INT(get_journal_format(&arena, &j, &text), 0);
    EQ_INT(get_journal_read(dir, "j", &arena, &back), -ENOENT);
    EQ_INT(get_journal_write(dir, "j", text), 0);
    EQ_INT(get_journal_read(dir, "j", &arena, &back), 0);
    EQ_INT(back.done.n, 2);
    /* What fails leaves the old one, and nothing else. */
    for (int i = 0; i < 4; i++) {
        static const enum mr_sys_call calls[] = {
            MR_SYS_OPENAT, MR_SYS_WRITE, MR_SYS_FDATASYNC, MR_SYS_RENAMEAT2};

        CASE("call %d", i);
        mr_sys_fault(calls[i], 1, -ENOSPC);
        EQ_INT(get_journal_write(dir, "j", text), -ENOSPC);
        mr_sys_fault_clear();
        EQ_INT(get_journal_read(dir, "j", &arena, &back), 0);
        EQ_INT(faccessat(dir, "j.new", F_OK, 0), -1);
    }
    /* Left by a crash: a link that leads elsewhere. */
    EQ_INT(symlinkat("/tmp/nowhere", dir, "j.new"), 0);
    EQ_INT(get_journal_write(dir, "j", text), 0);
    EQ_INT(symlinkat("j", dir, "l"), 0);
    EQ_INT(get_journal_read(dir, "l", &arena, &back), -ELOOP);
    EQ_INT(get_journal_read(dir, ".", &arena, &back), -EBADMSG);
    unlinkat(dir, "l", 0);
    unlinkat(dir, "j", 0);
    EQ_INT(rmdir(path), 0);
    close(dir);
    mr_arena_fini(&arena);
}

SUITE("ranges", ranges_model, ranges_full)
SUITE("journal", journal_round_trip, journal_damaged, journal_file)
TEST_MAIN()
