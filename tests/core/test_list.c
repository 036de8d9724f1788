/* SPDX-License-Identifier: MIT */

/* test_list.c - the intrusive list: order, idempotent removal, appending. */
#include "core/list.h"

#include "tests/test.h"

struct item {
    char name;
    struct mr_list node;
};

static const char *names(const struct mr_list *head)
{
    static char text[16];
    size_t n = 0;

    MR_LIST_EACH (i, head)
        text[n++] = mr_container_of(i, struct item, node)->name;
    text[n] = '\0';
    return text;
}

TEST(list_order)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct mr_list head;

    mr_list_init(&head);
    OK(mr_list_is_empty(&head));
    EQ_PTR(mr_list_pop_front(&head), NULL);
    mr_list_push_back(&head, &b.node);
    mr_list_push_back(&head, &c.node);
    mr_list_push_front(&head, &a.node);
    EQ_STR(names(&head), "abc");
    EQ_PTR(mr_list_pop_front(&head), &a.node);
    OK(mr_list_is_empty(&a.node));
    mr_list_insert_after(&b.node, &a.node);
    EQ_STR(names(&head), "bac");
}

TEST(list_removal_is_idempotent)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'};
    struct mr_list head;

    mr_list_init(&head);
    mr_list_init(&b.node);
    mr_list_remove(&b.node);
    mr_list_push_back(&head, &a.node);
    mr_list_push_back(&head, &b.node);
    mr_list_remove(&a.node);
    mr_list_remove(&a.node);
    EQ_STR(names(&head), "b");
    MR_LIST_EACH_SAFE (n, &head)
        mr_list_remove(n);
    OK(mr_list_is_empty(&head));
}

TEST(list_append_all)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct mr_list head, from;

    mr_list_init(&head);
    mr_list_init(&from);
    mr_list_append_all(&head, &from);
    OK(mr_list_is_empty(&head));
    mr_list_push_back(&from, &a.node);
    mr_list_push_back(&from, &b.node);
    mr_list_append_all(&head, &from);
    EQ_STR(names(&head), "ab");
    OK(mr_list_is_empty(&from));
    mr_list_push_back(&from, &c.node);
    mr_list_append_all(&head, &from);
    EQ_STR(names(&head), "abc");
    EQ_PTR(head.prev, &c.node);
}

SUITE("lists", list_order, list_removal_is_idempotent, list_append_all)
TEST_MAIN()
