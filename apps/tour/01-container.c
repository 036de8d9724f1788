/* SPDX-License-Identifier: MIT */

/*
 * 01-container - a container of our own, and a loop over it.
 *
 * A list becomes iterable by a member named `iterable`, whose function gives a
 * fresh iterator: somebody who remembers how far one has come. Without that
 * member MR_FOR over it does not compile, as it does not over 100.
 */
#include "apps/tour/tour.h"
#include "core/iter.h"
#include "core/sys.h"

struct my_list {
    struct mr_iterable iterable;
    int items[8];
    size_t n;
};

struct my_iterator {
    struct mr_iter iter; /* first: an iterator is a struct mr_iter and more */
    const struct my_list *list;
    size_t current;
};

static int my_next(struct mr_iter *it, void *ret_item)
{
    struct my_iterator *my = (struct my_iterator *)it;

    if (my->current == my->list->n)
        return 0; /* StopIteration */
    *(int *)ret_item = my->list->items[my->current++];
    return 1;
}

static void my_free(struct mr_iter *it)
{
    mr_free(it);
}

/* __iter__ */
static struct mr_iter *my_iter(struct mr_iterable *self)
{
    static const struct mr_iter_ops ops = {my_next, my_free};
    struct my_iterator *my = mr_iter_new(&ops, sizeof *my, sizeof(int));

    if (!my)
        return mr_iter_nomem();
    my->list = mr_container_of(self, struct my_list, iterable);
    return &my->iter;
}

static void my_list_add(struct my_list *list, int item)
{
    MR_BUG_ON(list->n == MR_ARRAY_LEN(list->items));
    list->items[list->n++] = item;
}

int main(int argc, char **argv)
{
    struct my_list list = {.iterable = {my_iter}};

    tour_begin(argc, argv);
    for (int i = 1; i <= 5; i++)
        my_list_add(&list, i);
    MR_FOR (int, num, &list)
        printf("%d\n", num);
    return 0;
}
