/* SPDX-License-Identifier: MIT */

/* fuzz_get_journal.c - any bytes behind a head that is right, as a journal:
 * what passes is in order, and is written as it was read. */
#include "apps/get/journal.h"
#include "core/sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the head says of the body. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
    }
    return ~crc;
}

static void check(const struct get_journal *j, struct mr_str text)
{
    struct mr_arena arena;
    struct mr_str again;

    mr_arena_init(&arena, 4096);
    for (size_t i = 0; i < j->done.n; i++) {
        MR_BUG_ON(j->done.v[i].from >= j->done.v[i].to);
        MR_BUG_ON(i > 0 && j->done.v[i].from <= j->done.v[i - 1].to);
        MR_BUG_ON(j->length >= 0 && j->done.v[i].to > j->length);
    }
    MR_BUG_ON(get_journal_format(&arena, j, &again));
    MR_BUG_ON(!mr_str_eq(text, again));
    mr_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct get_journal j;
    char *text = mr_alloc(12 + size);
    const uint32_t head[2] = {(uint32_t)size, crc32_of(data, size)};

    (void)!get_journal_parse(mr_str_n((const char *)data, size), &j);
    memcpy(text, "MRJ1", 4);
    memcpy(text + 4, head, sizeof head);
    memcpy(text + 12, data, size);
    if (get_journal_parse(mr_str_n(text, 12 + size), &j) == 0)
        check(&j, mr_str_n(text, 12 + size));
    mr_free(text);
    return 0;
}
