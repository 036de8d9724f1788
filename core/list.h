/* SPDX-License-Identifier: MIT */
#ifndef CORE_LIST_H
#define CORE_LIST_H

/*
 * list.h - intrusive circular doubly linked list.
 *
 * A node is embedded in what it links; the head is a node too. A node that is
 * in no list points to itself, so removal is idempotent and needs no head.
 *
 *     struct mr_list waiters;  mr_list_init(&waiters);
 *     mr_list_push_back(&waiters, &w->node);
 *     MR_LIST_EACH (n, &waiters) { w = mr_container_of(n, struct w, node); }
 *
 * Not for other threads.
 */
#include "core/base.h"

struct mr_list {
    struct mr_list *next;
    struct mr_list *prev;
};

static inline void mr_list_init(struct mr_list *l)
{
    l->next = l;
    l->prev = l;
}

/* Also true of a node that is in no list. */
static inline bool mr_list_is_empty(const struct mr_list *l)
{
    return l->next == l;
}

static inline void mr_list_insert_after(struct mr_list *at, struct mr_list *n)
{
    n->prev = at;
    n->next = at->next;
    at->next->prev = n;
    at->next = n;
}

static inline void mr_list_push_front(struct mr_list *head, struct mr_list *n)
{
    mr_list_insert_after(head, n);
}

static inline void mr_list_push_back(struct mr_list *head, struct mr_list *n)
{
    mr_list_insert_after(head->prev, n);
}

/* Of a node that is initialised, or inserted, before it is looked at again. */
static inline void mr_list_unlink(struct mr_list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
}

/* Removing a node that is in no list does nothing. */
static inline void mr_list_remove(struct mr_list *n)
{
    mr_list_unlink(n);
    mr_list_init(n);
}

/* The first node taken out, or NULL when the list is empty. */
static inline struct mr_list *mr_list_pop_front(struct mr_list *head)
{
    struct mr_list *n = head->next;

    if (n == head)
        return NULL;
    mr_list_remove(n);
    return n;
}

/* All of `from` to the end of `head`; `from` is empty afterwards. */
static inline void mr_list_append_all(struct mr_list *head,
                                      struct mr_list *from)
{
    if (mr_list_is_empty(from))
        return;
    from->next->prev = head->prev;
    from->prev->next = head;
    head->prev->next = from->next;
    head->prev = from->prev;
    mr_list_init(from);
}

#define MR_LIST_EACH(n, head) \
    for (struct mr_list *n = (head)->next; n != (head); n = n->next)

/* The current node may be removed (no other). */
#define MR_LIST_EACH_SAFE(n, head)                                           \
    for (struct mr_list *n = (head)->next, *n##_next = n->next; n != (head); \
         n = n##_next, n##_next = n->next)

#endif
