/* SPDX-License-Identifier: MIT */

/*
 * queue.c - a store of values between coroutines of one hub.
 *
 * The waiting is the same for all; what differs is where a value goes in the
 * store and which one comes out, and that is a struct order: a ring, a stack,
 * a binary heap. As in chan.c, a waiter's entry says where its value is, or is
 * wanted, and whoever comes from the other side copies and fires it.
 *
 *  (1) Getters wait => it is open and holds nothing.
 *  (2) Putters wait => it is open and holds max values.
 *  (3) Who was woken does not touch the queue any more: it may be freed.
 *  (4) The heap is stable: each value keeps the number of its arrival in the
 *      store, which decides where the comparison does not.
 */
#include "core/queue.h"

#include <errno.h>
#include <string.h>

#include "core/sys.h"

struct order {
    void (*push)(struct mr_queue *q, const void *item); /* n < cap */
    void (*pop)(struct mr_queue *q, void *ret_item);    /* n > 0 */
};

struct mr_queue {
    struct mr_waitq putters; /* entry->data: from where */
    struct mr_waitq getters; /* entry->data: to where */
    struct mr_waitq joiners;
    const struct order *order;
    mr_queue_compare_fn *compare;
    size_t item_size;
    size_t stride; /* of a slot */
    size_t max;
    size_t n;
    size_t cap;
    size_t first;      /* the oldest value's slot; 0 but in a ring */
    uint64_t arrivals; /* in the store, ever */
    size_t undone;     /* put and not done */
    bool closed;
    char *slots;
};

static inline void *slot(const struct mr_queue *q, size_t i)
{
    return q->slots + i * q->stride;
}

static void copy_item(const struct mr_queue *q, void *to, const void *from)
{
    if (q->item_size > 0)
        memcpy(to, from, q->item_size);
}

/* --- a ring, a stack --- */

static void ring_push(struct mr_queue *q, const void *item)
{
    size_t at = q->first + q->n;

    if (at >= q->cap)
        at -= q->cap;
    copy_item(q, slot(q, at), item);
}

static void ring_pop(struct mr_queue *q, void *ret_item)
{
    copy_item(q, ret_item, slot(q, q->first));
    if (++q->first == q->cap)
        q->first = 0;
}

static void stack_push(struct mr_queue *q, const void *item)
{
    copy_item(q, slot(q, q->n), item);
}

static void stack_pop(struct mr_queue *q, void *ret_item)
{
    copy_item(q, ret_item, slot(q, q->n - 1));
}

/* --- a heap; a slot is the item and, at its end, when it arrived --- */

static uint64_t *arrival(const struct mr_queue *q, const void *in)
{
    return (void *)((char *)in + q->stride - sizeof(uint64_t));
}

static bool is_before(const struct mr_queue *q, const void *a, uint64_t a_came,
                      const void *b)
{
    int order = q->compare(a, b);

    return order < 0 || (order == 0 && a_came < *arrival(q, b));
}

static void heap_push(struct mr_queue *q, const void *item)
{
    uint64_t came = q->arrivals++;
    size_t i = q->n;

    while (i > 0 && is_before(q, item, came, slot(q, (i - 1) / 2))) {
        memcpy(slot(q, i), slot(q, (i - 1) / 2), q->stride);
        i = (i - 1) / 2;
    }
    copy_item(q, slot(q, i), item);
    *arrival(q, slot(q, i)) = came;
}

static void heap_pop(struct mr_queue *q, void *ret_item)
{
    size_t left = q->n - 1, i = 0, c;
    const void *last = slot(q, left);

    copy_item(q, ret_item, slot(q, 0));
    while ((c = 2 * i + 1) < left) {
        if (c + 1 < left && is_before(q, slot(q, c + 1),
                                      *arrival(q, slot(q, c + 1)), slot(q, c)))
            c++;
        if (is_before(q, last, *arrival(q, last), slot(q, c)))
            break;
        memcpy(slot(q, i), slot(q, c), q->stride);
        i = c;
    }
    if (i != left)
        memcpy(slot(q, i), last, q->stride);
}

static const struct order fifo = {ring_push, ring_pop};
static const struct order lifo = {stack_push, stack_pop};
static const struct order priority = {heap_push, heap_pop};

/* --- the store --- */

/* Room for one more. 0 or -ENOMEM. */
static int make_room(struct mr_queue *q)
{
    size_t cap = q->cap ? q->cap * 2 : 8, size, head;
    char *slots;

    if (q->n < q->cap)
        return 0;
    cap = MR_MIN(cap, q->max);
    if (cap <= q->cap || __builtin_mul_overflow(cap, q->stride, &size))
        return -ENOMEM;
    slots = mr_alloc(MR_MAX(size, 1));
    if (!slots)
        return -ENOMEM;
    if (q->n > 0) {
        head = (q->cap - q->first) * q->stride;
        memcpy(slots, slot(q, q->first), head);
        memcpy(slots + head, q->slots, q->first * q->stride);
    }
    mr_free(q->slots);
    q->slots = slots;
    q->cap = cap;
    q->first = 0;
    return 0;
}

static void store(struct mr_queue *q, const void *item)
{
    q->order->push(q, item);
    q->n++;
}

/* --- the queue --- */

static struct mr_queue *new_queue(size_t item_size, size_t max,
                                  const struct order *order)
{
    struct mr_queue *q = mr_calloc(1, sizeof *q);

    if (!q)
        return NULL;
    mr_waitq_init(&q->putters);
    mr_waitq_init(&q->getters);
    mr_waitq_init(&q->joiners);
    q->order = order;
    q->item_size = item_size;
    q->stride = item_size;
    q->max = max ? max : SIZE_MAX;
    return q;
}

struct mr_queue *mr_queue_new(size_t item_size, size_t max)
{
    return new_queue(item_size, max, &fifo);
}

struct mr_queue *mr_queue_new_lifo(size_t item_size, size_t max)
{
    return new_queue(item_size, max, &lifo);
}

struct mr_queue *mr_queue_new_priority(size_t item_size, size_t max,
                                       mr_queue_compare_fn *compare)
{
    const size_t align = _Alignof(max_align_t);
    struct mr_queue *q;
    size_t stride;

    MR_BUG_ON(!compare);
    if (__builtin_add_overflow(item_size, sizeof(uint64_t) + align - 1,
                               &stride))
        return NULL;
    q = new_queue(item_size, max, &priority);
    if (!q)
        return NULL;
    q->compare = compare;
    q->stride = stride / align * align;
    return q;
}

void mr_queue_free(struct mr_queue *q)
{
    if (!q)
        return;
    mr_queue_close(q);
    (void)mr_waitq_wake_all(&q->joiners, -EPIPE);
    mr_free(q->slots);
    mr_free(q);
}

int mr_queue_put(struct mr_queue *q, const void *item, int64_t deadline)
{
    struct mr_wait_entry *getter = mr_waitq_first(&q->getters);
    int err;

    if (q->closed)
        return -EPIPE;
    if (getter) {
        q->undone++;
        copy_item(q, getter->data, item);
        mr_wait_fire(getter, 0);
        return 0;
    }
    if (q->n == q->max)
        return mr_wait_with_int(&q->putters, (void *)item, deadline, "put");
    err = make_room(q);
    if (err)
        return err;
    q->undone++;
    store(q, item);
    return 0;
}

int mr_queue_get(struct mr_queue *q, void *ret_item, int64_t deadline)
{
    struct mr_wait_entry *putter = mr_waitq_first(&q->putters);

    if (q->n == 0 && q->closed)
        return -EPIPE;
    if (q->n == 0)
        return mr_wait_with_int(&q->getters, ret_item, deadline, "get");
    q->order->pop(q, ret_item);
    q->n--;
    if (putter) {
        q->undone++;
        store(q, putter->data);
        mr_wait_fire(putter, 0);
    }
    return 0;
}

void mr_queue_close(struct mr_queue *q)
{
    q->closed = true;
    (void)mr_waitq_wake_all(&q->putters, -EPIPE);
    (void)mr_waitq_wake_all(&q->getters, -EPIPE);
}

size_t mr_queue_len(const struct mr_queue *q)
{
    return q->n;
}

/* --- all dealt with --- */

void mr_queue_done(struct mr_queue *q)
{
    MR_BUG_ON(q->undone == 0);
    if (--q->undone == 0)
        (void)mr_waitq_wake_all(&q->joiners, 0);
}

int mr_queue_join(struct mr_queue *q, int64_t deadline)
{
    if (q->undone == 0)
        return 0;
    return (int)mr_wait(&q->joiners, deadline, "queue join");
}
