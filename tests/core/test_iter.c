/* SPDX-License-Identifier: MIT */

/* test_iter.c - the iterator protocol, loops, what takes all items. */
#include "core/iter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/iter_lazy.h"
#include "core/sys.h"
#include "tests/test.h"

static int fails_at(void *ret, const void *item, void *arg)
{
    *(int64_t *)ret = *(const int64_t *)item;
    return *(const int64_t *)item == (intptr_t)arg ? -EIO : 0;
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

/* --- the protocol --- */

TEST(iter_past_the_end)
{
    static const int array[] = {11, 22};
    MR_AUTO(iter) it = mr_array(array, 2, sizeof *array);
    int x = 0;

    EQ_INT(mr_iter_next(it, &x), 1);
    EQ_INT(x, 11);
    EQ_INT(mr_iter_next(it, &x), 1);
    EQ_INT(x, 22);
    for (int i = 0; i < 3; i++)
        EQ_INT(mr_iter_next(it, &x), 0); /* again so, for ever */
    EQ_INT(mr_iter_error(it), 0);
}

/* Ends, with what it was told, and counts how often it was asked. */
struct ends {
    struct mr_iter iter;
    int with;
    int asked;
};

static int ends_next(struct mr_iter *it, void *unused)
{
    struct ends *e = (struct ends *)it;

    (void)unused;
    e->asked++;
    return e->with;
}

TEST(iter_that_ended_is_not_asked_again)
{
    static const struct mr_iter_ops ops = {.next = ends_next};
    static const int with[] = {0, -EIO, -EBUSY};
    int x;

    for (size_t i = 0; i < MR_ARRAY_LEN(with); i++) {
        struct ends e = {.with = with[i]};

        CASE("with %d", with[i]);
        mr_iter_init(&e.iter, &ops, sizeof x);
        for (int n = 0; n < 3; n++)
            EQ_INT(mr_iter_next(&e.iter, &x), with[i]);
        EQ_INT(e.asked, with[i] == -EBUSY ? 3 : 1); /* which is no end */
        mr_iter_free(&e.iter);                      /* in our own memory */
    }
}

/* A container: each loop over it gets an iterator of its own. */
struct list {
    int first;
    struct mr_iterable iterable;
    int open; /* iterators */
};

struct list_iter {
    struct mr_iter iter;
    struct list *list;
    int at;
};

static int list_next(struct mr_iter *it, void *ret)
{
    struct list_iter *li = (struct list_iter *)it;

    if (li->at == li->list->first + 3)
        return 0;
    *(int *)ret = li->at++;
    return 1;
}

static void list_free(struct mr_iter *it)
{
    ((struct list_iter *)it)->list->open--;
    mr_free(it);
}

static struct mr_iter *list_iter(struct mr_iterable *self)
{
    static const struct mr_iter_ops ops = {list_next, list_free};
    struct list *l = mr_container_of(self, struct list, iterable);
    struct list_iter *it = mr_iter_new(&ops, sizeof *it, sizeof(int));

    if (!it)
        return mr_iter_nomem();
    it->list = l;
    it->at = l->first;
    l->open++;
    return &it->iter;
}

static int sum_until(struct list *l, int last)
{
    int sum = 0;

    MR_FOR (int, x, l) {
        if (x == last)
            return sum;
        sum += x;
    }
    return sum;
}

TEST(iter_loop_over_a_container)
{
    struct list l = {5, {list_iter}, 0};
    int n = 0, sum = 0;

    MR_FOR (int, x, &l) {
        MR_FOR (int, y, &l)
            sum += x * y;
        EQ_INT(l.open, 1); /* the inner is gone */
    }
    EQ_INT(sum, (5 + 6 + 7) * (5 + 6 + 7));
    MR_FOR (int, x, &l) {
        if (x == 5)
            continue;
        n++;
        if (x == 6)
            break;
    }
    EQ_INT(n, 1);
    EQ_INT(l.open, 0);
    EQ_INT(sum_until(&l, 7), 11);
    EQ_INT(l.open, 0); /* left by return */
    MR_FOR (int, x, &l)
        goto out;
    n = 0;
out:
    EQ_INT(n, 1);
    EQ_INT(l.open, 0);
}

/* One that was given goes on where the loop left it. */
TEST(iter_loop_over_an_iterator)
{
    struct mr_iter *it = upto(5);
    int64_t sum = 0;

    EQ_PTR(mr_iter_of(it), it);
    MR_FOR (int64_t, x, it) {
        if (x == 1)
            break;
    }
    MR_FOR (int64_t, x, it)
        sum += x;
    EQ_INT(sum, 2 + 3 + 4);
    mr_iter_free(it);
    sum = 0;
    MR_FOR (int64_t, x, MR_TEMP(upto(3)))
        sum += x;
    EQ_INT(sum, 3);
    mr_iter_free(NULL);
}

TEST_DIES(iter_loop_with_another_type, "it->size != size")
{
    MR_FOR (int, x, MR_TEMP(upto(3)))
        (void)x;
}

TEST_DIES(iter_temp_is_of_one_use, "!it")
{
    struct mr_iter_temp *temp = MR_TEMP(upto(3));

    MR_FOR (int64_t, x, temp)
        (void)x;
    MR_FOR (int64_t, x, temp)
        (void)x;
}

/* --- all at once --- */

TEST(iter_collect)
{
    static const struct {
        int64_t items;
        size_t max;
        ssize_t want;
    } cases[] = {
        {0, 0, 0},      {0, 5, 0},       {5, 5, 5},          {6, 5, -E2BIG},
        {1, 0, -E2BIG}, {100, 100, 100}, {101, 100, -E2BIG}, {9, SIZE_MAX, 9},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        int64_t *items = (int64_t *)&items;
        ssize_t n;

        CASE("%d of at most %zu", (int)cases[i].items, cases[i].max);
        n = mr_collect(upto(cases[i].items), &items, cases[i].max);
        EQ_INT(n, cases[i].want);
        if (n < 0)
            EQ_PTR(items, &items); /* written only on success */
        else if (n == 0)
            EQ_PTR(items, NULL);
        else
            EQ_INT(items[n - 1], n - 1);
        if (n >= 0)
            mr_free(items);
    }
}

TEST(iter_fold)
{
    int64_t sum = 100;

    EQ_INT(mr_fold(upto(5), add, &sum, NULL), 0);
    EQ_INT(sum, 110);
    EQ_INT(mr_fold(mr_map(upto(9), fails_at, (void *)3, 8), add, &sum, NULL),
           -EIO);
    EQ_INT(sum, 113);
    EQ_INT(mr_fold(upto(9), fails_at, &sum, (void *)4), -EIO);
}

/* --- what is no iterable --- */

static const struct {
    const char *p; /* what the loop is over */
    bool compiles;
} programs[] = {
    {"&list", true}, {"it", true},           {"100", false},
    {"n", false},    {"&n", false},          {"&no_member", false},
    {"list", false}, {"&other_type", false},
};

static const char program[] =
    "#include \"core/iter.h\"\n"
    "struct { struct mr_iterable iterable; } list;\n"
    "struct { int n; } no_member;\n"
    "struct { int iterable; } other_type;\n"
    "struct mr_iter *it; int n;\n"
    "int main(void) { MR_FOR (int, x, %s) n += x; return 0; }\n";

static int compile(const char *p)
{
    const char *cc = getenv("CC");
    char command[256];
    FILE *to;

    snprintf(command, sizeof command,
             "exec %s -std=gnu11 -I. -D_GNU_SOURCE -w -fsyntax-only -x c - "
             "2>/dev/null",
             cc && *cc ? cc : "gcc");
    to = popen(command, "w");
    if (!to)
        return -1;
    fprintf(to, program, p);
    return pclose(to);
}

TEST(iter_of_what_is_none_does_not_compile)
{
    if (compile("it") != 0)
        SKIP("no compiler, or not in the tree's root");
    for (size_t i = 0; i < MR_ARRAY_LEN(programs); i++) {
        CASE("over %s", programs[i].p);
        EQ_INT(compile(programs[i].p) == 0, programs[i].compiles);
    }
}

SUITE("iterators", iter_past_the_end, iter_that_ended_is_not_asked_again,
      iter_loop_over_a_container, iter_loop_over_an_iterator, iter_collect,
      iter_fold, iter_of_what_is_none_does_not_compile)
SUITE("iterators: misuse", iter_loop_with_another_type, iter_temp_is_of_one_use)
TEST_MAIN()
