/* SPDX-License-Identifier: MIT */

/* test_iter_lazy.c - sources, and what is put around them. */
#include "core/iter_lazy.h"

#include <stdio.h>
#include <string.h>

#include "core/sys.h"
#include "tests/test.h"

/* --- what an iterator gives, as text --- */

static char text[512];

static void put(const char *fmt, int64_t v)
{
    size_t at = strlen(text);

    if (at < sizeof text)
        snprintf(text + at, sizeof text - at, fmt, (long long)v);
}

/* "0 1 2", and what it ended with if that is an error. Takes it. */
static const char *shown(struct mr_iter *it)
{
    text[0] = '\0';
    MR_FOR (int64_t, x, it)
        put(text[0] ? " %lld" : "%lld", x);
    if (mr_iter_error(it))
        put("!%lld", mr_iter_error(it));
    mr_iter_free(it);
    return text;
}

static int twice(void *ret, const void *item, void *arg)
{
    (void)arg;
    *(int64_t *)ret = *(const int64_t *)item * 2;
    return 0;
}

static int fails_at(void *ret, const void *item, void *arg)
{
    *(int64_t *)ret = *(const int64_t *)item;
    return *(const int64_t *)item == (intptr_t)arg ? -EIO : 0;
}

static bool below(const void *item, void *arg)
{
    return *(const int64_t *)item < (intptr_t)arg;
}

static bool odd(const void *item, void *unused)
{
    (void)unused;
    return *(const int64_t *)item % 2 != 0;
}

static int add(void *acc, const void *item, void *unused)
{
    (void)unused;
    *(int64_t *)acc += *(const int64_t *)item;
    return 0;
}

static struct mr_iter *upto(int64_t n)
{
    return mr_range(0, n, 1);
}

/* --- sources --- */

static const struct {
    int64_t start, stop, step;
    const char *want;
} ranges[] = {
    {0, 5, 1, "0 1 2 3 4"},
    {0, 0, 1, ""},
    {5, 0, 1, ""},
    {5, 0, -2, "5 3 1"},
    {0, 6, 3, "0 3"},
    {0, 7, 3, "0 3 6"},
    {-2, 2, 2, "-2 0"},
    {INT64_MAX - 2, INT64_MAX, 2, "9223372036854775805"},
    {INT64_MIN, INT64_MAX, INT64_MAX,
     "-9223372036854775808 -1 9223372036854775806"},
    {INT64_MAX, INT64_MIN, INT64_MIN, "9223372036854775807 -1"},
};

TEST(iter_range)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(ranges); i++) {
        CASE("case %zu", i);
        EQ_STR(shown(mr_range(ranges[i].start, ranges[i].stop, ranges[i].step)),
               ranges[i].want);
    }
}

TEST_DIES(iter_range_of_no_step, "step_ == 0")
{
    (void)!mr_range(0, 1, 0);
}

TEST(iter_sources)
{
    static const int64_t array[] = {7, 1, 7};
    int64_t nine = 9;

    EQ_STR(shown(mr_take(mr_count(5, 10), 3)), "5 15 25");
    EQ_STR(shown(mr_take(mr_count(INT64_MAX, 1), 2)),
           "9223372036854775807 -9223372036854775808");
    EQ_STR(shown(mr_array(array, 3, sizeof *array)), "7 1 7");
    EQ_STR(shown(mr_array(NULL, 0, sizeof *array)), "");
    EQ_STR(shown(mr_repeat(&nine, sizeof nine, 3)), "9 9 9");
    EQ_STR(shown(mr_take(mr_repeat(&nine, sizeof nine, MR_FOREVER), 2)), "9 9");
}

/* --- around one --- */

TEST(iter_around_one)
{
    EQ_STR(shown(mr_map(upto(5), twice, NULL, 8)), "0 2 4 6 8");
    EQ_STR(shown(mr_filter(upto(6), odd, NULL)), "1 3 5");
    EQ_STR(shown(mr_filter(upto(6), below, (void *)0)), "");
    EQ_STR(shown(mr_take(upto(6), 2)), "0 1");
    EQ_STR(shown(mr_take(upto(2), 6)), "0 1");
    EQ_STR(shown(mr_take(upto(2), 0)), "");
    EQ_STR(shown(mr_drop(upto(6), 4)), "4 5");
    EQ_STR(shown(mr_drop(upto(2), 4)), "");
    EQ_STR(shown(mr_take_while(mr_count(0, 1), below, (void *)3)), "0 1 2");
    EQ_STR(shown(mr_drop_while(upto(6), below, (void *)3)), "3 4 5");
    EQ_STR(shown(mr_drop_while(mr_chain(upto(3), upto(2)), below, (void *)2)),
           "2 0 1"); /* only those before the first */
    EQ_STR(shown(mr_accumulate(upto(5), add, NULL)), "0 1 3 6 10");
    EQ_STR(shown(mr_accumulate(upto(0), add, NULL)), "");
    EQ_STR(shown(mr_cycle(upto(2), 1)), "0 1");
    EQ_STR(shown(mr_cycle(upto(3), 2)), "0 1 2 0 1 2");
    EQ_STR(shown(mr_cycle(upto(3), 0)), "");
    EQ_STR(shown(mr_cycle(upto(0), MR_FOREVER)), "");
    EQ_STR(shown(mr_take(mr_cycle(upto(3), MR_FOREVER), 7)), "0 1 2 0 1 2 0");
    EQ_STR(shown(mr_drop(mr_cycle(upto(20), 2), 38)), "18 19");
}

TEST(iter_batched)
{
    MR_AUTO(iter) it = mr_batched(upto(5), 2);
    int64_t sum = 0;
    size_t n = 0;

    MR_FOR (struct mr_batch, b, it) {
        EQ_INT(b.n, n < 4 ? 2 : 1);
        for (size_t i = 0; i < b.n; i++)
            sum = sum * 10 + ((const int64_t *)b.items)[i];
        n += b.n;
    }
    EQ_INT(n, 5);
    EQ_INT(sum, 1234);
}

TEST(iter_errors_pass_through)
{
    EQ_STR(shown(mr_map(upto(5), fails_at, (void *)2, 8)), "0 1!-5");
    EQ_STR(shown(mr_chain(mr_map(upto(5), fails_at, (void *)1, 8), upto(9))),
           "0!-5");
    EQ_STR(shown(mr_cycle(mr_map(upto(5), fails_at, (void *)2, 8), 3)),
           "0 1!-5");
    EQ_STR(shown(mr_accumulate(mr_map(upto(5), fails_at, (void *)2, 8), add,
                               NULL)),
           "0 1!-5");
}

/* Not one item more is taken than is needed. */
TEST(iter_is_lazy)
{
    struct mr_iter *source = mr_count(0, 1), *it;
    int64_t x;

    it = mr_take(mr_filter(mr_map(source, twice, NULL, 8), below, (void *)100),
                 3);
    EQ_INT(mr_iter_next(it, &x), 1);
    EQ_INT(mr_iter_next(source, &x), 1);
    EQ_INT(x, 1); /* the next one of the source itself */
    EQ_INT(mr_iter_next(it, &x), 1);
    EQ_INT(x, 4);
    EQ_INT(mr_iter_next(it, &x), 1);
    EQ_INT(mr_iter_next(it, &x), 0);
    EQ_INT(mr_iter_next(source, &x), 1);
    EQ_INT(x, 4); /* the end took none */
    mr_iter_free(it);
}

/* --- of two --- */

struct pair {
    char letter;
    int64_t number;
};
struct numbered {
    int64_t n;
    char letter;
};

TEST(iter_pairs)
{
    char got[64] = "";

    EQ_STR(shown(mr_chain(upto(2), mr_chain(upto(0), upto(3)))), "0 1 0 1 2");
    MR_FOR (struct pair, p,
            MR_TEMP(mr_zip(mr_array("abc", 3, 1), mr_count(1, 1),
                           MR_PAIR(struct pair, letter, number))))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%c%d ", p.letter,
                 (int)p.number);
    EQ_STR(got, "a1 b2 c3 ");
    got[0] = '\0';
    MR_FOR (struct numbered, p,
            MR_TEMP(mr_enumerate(mr_array("xy", 2, 1), 7,
                                 MR_PAIR(struct numbered, n, letter))))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%d%c ", (int)p.n,
                 p.letter);
    EQ_STR(got, "7x 8y ");
    got[0] = '\0';
    MR_FOR (struct pair, p,
            MR_TEMP(mr_product(mr_array("ab", 2, 1), upto(3),
                               MR_PAIR(struct pair, letter, number))))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%c%d ", p.letter,
                 (int)p.number);
    EQ_STR(got, "a0 a1 a2 b0 b1 b2 ");
}

TEST(iter_pairs_that_end)
{
    struct pair p;
    struct mr_pair pair = MR_PAIR(struct pair, letter, number);
    struct mr_iter *it = mr_zip(mr_array("abc", 3, 1), upto(1), pair);

    EQ_INT(mr_iter_next(it, &p), 1);
    EQ_INT(mr_iter_next(it, &p), 0);
    mr_iter_free(it);
    it = mr_product(mr_array("abc", 3, 1), upto(0), pair);
    EQ_INT(mr_iter_next(it, &p), 0);
    mr_iter_free(it);
    it = mr_product(mr_array("abc", 3, 1),
                    mr_map(upto(4), fails_at, (void *)1, 8), pair);
    EQ_INT(mr_iter_next(it, &p), -EIO);
    EQ_INT(mr_iter_next(it, &p), -EIO);
    mr_iter_free(it);
    it = mr_product(mr_array("abc", 3, 1), upto(4), pair);
    mr_iter_free(it); /* never asked */
}

TEST_DIES(iter_pair_of_other_sizes, "it->size != size")
{
    (void)!mr_zip(upto(1), upto(1), MR_PAIR(struct pair, letter, number));
}

TEST_DIES(iter_chain_of_other_sizes, "size != second->size")
{
    (void)!mr_chain(upto(1), mr_array("abc", 3, 1));
}

/* --- without memory --- */

static struct mr_iter *everything(void)
{
    struct mr_pair pair = MR_PAIR(struct pair, letter, number);
    int64_t one = 1;
    struct mr_iter *it = mr_chain(mr_range(0, 3, 1), mr_count(3, 1));

    it = mr_cycle(mr_take(it, 8), 2);
    it = mr_filter(mr_map(it, twice, NULL, 8), below, (void *)100);
    it = mr_take_while(mr_drop_while(it, below, (void *)2), below, (void *)100);
    it = mr_drop(mr_accumulate(it, add, NULL), 1);
    it = mr_chain(it, mr_repeat(&one, sizeof one, 2));
    it = mr_zip(mr_cycle(mr_array("ab", 2, 1), MR_FOREVER), it, pair);
    it = mr_batched(it, 2);
    return it;
}

static struct mr_iter *product(void)
{
    return mr_product(mr_array("abc", 3, 1), mr_drop(upto(9), 1),
                      MR_PAIR(struct pair, letter, number));
}

/* Each allocation in turn: what comes is a whole chain, or the failing one, and
 * nothing leaks. */
static void without_memory(struct mr_iter *(*chain)(void), ssize_t want)
{
    ssize_t n = -ENOMEM;

    for (unsigned nth = 1; n == -ENOMEM; nth++) {
        void *items;

        CASE("allocation %u of %d items", nth, (int)want);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        n = mr_collect(chain(), &items, 1000);
        mr_sys_fault_clear();
        if (n > 0)
            mr_free(items);
    }
    EQ_INT(n, want);
}

TEST(iter_without_memory)
{
    without_memory(everything, 8);
    without_memory(product, 24);
}

TEST(iter_that_only_fails)
{
    struct mr_iter *it;
    int64_t x;

    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    it = mr_map(mr_take(upto(3), 1), twice, NULL, 8);
    EQ_PTR(it, mr_iter_nomem());
    mr_sys_fault_clear();
    EQ_PTR(mr_filter(it, odd, NULL), it); /* kept, now that there is memory */
    EQ_PTR(mr_chain(upto(3), it), it);
    EQ_INT(mr_iter_next(it, &x), -ENOMEM);
    EQ_INT(mr_collect(it, &it, 5), -ENOMEM);
    MR_FOR (int64_t, y, it)
        FAIL("an item: %d", (int)y);
    mr_iter_free(it);
}

SUITE("lazy iterators", iter_range, iter_sources, iter_around_one, iter_batched,
      iter_errors_pass_through, iter_is_lazy, iter_pairs, iter_pairs_that_end)
SUITE("lazy iterators: without memory", iter_without_memory,
      iter_that_only_fails)
SUITE("lazy iterators: misuse", iter_range_of_no_step, iter_pair_of_other_sizes,
      iter_chain_of_other_sizes)
TEST_MAIN()
