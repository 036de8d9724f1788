/* SPDX-License-Identifier: MIT */

/*
 * mailbox.c - pass values between threads, with a hub or without.
 *
 * A ring of values and two lists of those who wait, under one mutex. A waiting
 * sender's record says where its value is, a waiting receiver's where one is
 * wanted: the other side copies it there, on whatever thread it runs, and wakes
 * the record. That is safe as its owner cannot leave without the mutex.
 *
 * A select waits for other things as well, and those of its own hub may win it
 * at any time without asking the mutex. So its record (struct looker) is never
 * given a value: it is told that there is one, and comes to take it. Should
 * somebody else have been faster, it goes back into the list; should its wait
 * be over by then, the value stays where it is.
 *
 *  (1) Receivers wait => it is open and holds nothing. A looker that was told
 *      does not wait: it holds up nobody's value.
 *  (2) Senders wait => it is open and full.
 *  (3) The mutex is held while one value or two are copied, never across a
 *      park, and never when another thread is told (a system call).
 *  (4) A looker that was woken belongs to its post until that has arrived; if
 *      the select is over before, the post frees it.
 */
#include "core/mailbox.h"

#include <errno.h>
#include <string.h>

#include "core/coro_priv.h"
#include "core/sys.h"
#include "core/thread_priv.h"

struct mr_mailbox {
    struct mr_select_source source;
    pthread_mutex_t mutex;
    int refs; /* atomic */
    bool closed;
    struct mr_list senders;   /* struct mr_thread_wait; data: from where */
    struct mr_list receivers; /* struct receiver; data: to where */
    size_t item_size;
    size_t capacity;
    size_t first; /* the oldest value's place */
    size_t count;
    char items[];
};

struct receiver {
    struct mr_thread_wait wait;
    bool looks; /* in a struct looker: to be told, not to be given */
};

struct looker {
    struct receiver receiver;
    struct mr_mailbox *box;
    void *to;
    struct mr_waitq queue; /* the select's entry */
    bool left;             /* the select is over: freed when told */
};

/* --- with the mutex held --- */

static char *place(struct mr_mailbox *box, size_t i)
{
    return box->items + (box->first + i) % box->capacity * box->item_size;
}

static void copy(const struct mr_mailbox *box, void *to, const void *from)
{
    if (box->item_size > 0)
        memcpy(to, from, box->item_size);
}

static struct mr_thread_wait *first_of(struct mr_list *list)
{
    if (mr_list_is_empty(list))
        return NULL;
    return mr_container_of(list->next, struct mr_thread_wait, node);
}

/* Into *to, if there is a value; whoever waited to send one moves up. */
static int take(struct mr_mailbox *box, void *to, struct mr_list *woken)
{
    struct mr_thread_wait *sender;

    if (box->count == 0)
        return box->closed ? -EPIPE : -EAGAIN;
    copy(box, to, place(box, 0));
    box->first = (box->first + 1) % box->capacity;
    box->count--;
    sender = first_of(&box->senders);
    if (sender) {
        copy(box, place(box, box->count++), sender->data);
        mr_thread_wake(sender, 0, woken);
    }
    return 0;
}

/* Values to those who wait for one, until invariant (1) holds. */
static void deal_out(struct mr_mailbox *box, struct mr_list *woken)
{
    struct mr_thread_wait *w;

    while (box->count > 0 && (w = first_of(&box->receivers))) {
        int rc = 0;

        if (!mr_container_of(w, struct receiver, wait)->looks)
            rc = take(box, w->data, woken);
        mr_thread_wake(w, rc, woken);
    }
}

static int put(struct mr_mailbox *box, const void *item, struct mr_list *woken)
{
    if (box->closed)
        return -EPIPE;
    if (box->count == box->capacity)
        return -EAGAIN;
    copy(box, place(box, box->count++), item);
    deal_out(box, woken);
    return 0;
}

/* The mutex is given back, those who were woken are told. */
static int leave(struct mr_mailbox *box, struct mr_list *woken, int rc)
{
    pthread_mutex_unlock(&box->mutex);
    mr_thread_tell(woken);
    return rc;
}

static void enter(struct mr_mailbox *box, struct mr_list *ret_woken)
{
    mr_list_init(ret_woken);
    pthread_mutex_lock(&box->mutex);
}

/* --- life --- */

static int source_take(struct mr_select_source *source, void *ret_item);
static int source_begin(struct mr_select_source *source, void *ret_item,
                        struct mr_wait_entry *e);
static void source_end(struct mr_wait_entry *e);

struct mr_mailbox *mr_mailbox_new(size_t item_size, size_t capacity)
{
    struct mr_mailbox *box;
    size_t size;

    MR_BUG_ON(capacity == 0);
    if (__builtin_mul_overflow(item_size, capacity, &size) ||
        __builtin_add_overflow(size, sizeof *box, &size))
        return NULL;
    box = mr_alloc(size);
    if (!box)
        return NULL;
    *box = (struct mr_mailbox){
        .source = {source_take, source_begin, source_end},
        .refs = 1,
        .item_size = item_size,
        .capacity = capacity,
    };
    pthread_mutex_init(&box->mutex, NULL);
    mr_list_init(&box->senders);
    mr_list_init(&box->receivers);
    return box;
}

struct mr_mailbox *mr_mailbox_ref(struct mr_mailbox *box)
{
    /* Relaxed: who hands the box on orders that itself. */
    int before = __atomic_fetch_add(&box->refs, 1, __ATOMIC_RELAXED);

    MR_BUG_ON(before <= 0);
    return box;
}

void mr_mailbox_unref(struct mr_mailbox *box)
{
    if (!box)
        return;
    /* Release what this thread did with it; the last acquires it all. */
    if (__atomic_sub_fetch(&box->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    /* Somebody waits who does not hold it. */
    MR_BUG_ON(!mr_list_is_empty(&box->senders) ||
              !mr_list_is_empty(&box->receivers));
    pthread_mutex_destroy(&box->mutex);
    mr_free(box);
}

void mr_mailbox_free(struct mr_mailbox *box)
{
    if (!box)
        return;
    mr_mailbox_close(box);
    mr_mailbox_unref(box);
}

void mr_mailbox_close(struct mr_mailbox *box)
{
    struct mr_thread_wait *w;
    struct mr_list woken;

    enter(box, &woken);
    box->closed = true;
    while ((w = first_of(&box->senders)) || (w = first_of(&box->receivers)))
        mr_thread_wake(w, -EPIPE, &woken);
    (void)leave(box, &woken, 0);
}

bool mr_mailbox_is_closed(struct mr_mailbox *box)
{
    return mr_thread_flag(&box->mutex, &box->closed);
}

size_t mr_mailbox_len(struct mr_mailbox *box)
{
    size_t n;

    pthread_mutex_lock(&box->mutex);
    n = box->count;
    pthread_mutex_unlock(&box->mutex);
    return n;
}

/* --- send, receive --- */

int mr_mailbox_try_send(struct mr_mailbox *box, const void *item)
{
    struct mr_list woken;
    int rc;

    enter(box, &woken);
    rc = put(box, item, &woken);
    return leave(box, &woken, rc);
}

int mr_mailbox_send(struct mr_mailbox *box, const void *item, int64_t deadline)
{
    struct mr_thread_wait w;
    struct mr_list woken;
    int rc;

    mr_thread_wait_init(&w);
    w.data = (void *)item;
    enter(box, &woken);
    rc = put(box, item, &woken);
    if (rc == -EAGAIN) {
        mr_list_push_back(&box->senders, &w.node);
        return mr_thread_wait(&w, &box->mutex, deadline, "mailbox send");
    }
    return leave(box, &woken, rc);
}

int mr_mailbox_try_recv(struct mr_mailbox *box, void *ret_item)
{
    struct mr_list woken;
    int rc;

    enter(box, &woken);
    rc = take(box, ret_item, &woken);
    return leave(box, &woken, rc);
}

int mr_mailbox_recv(struct mr_mailbox *box, void *ret_item, int64_t deadline)
{
    struct receiver r = {.looks = false};
    struct mr_list woken;
    int rc;

    mr_thread_wait_init(&r.wait);
    r.wait.data = ret_item;
    enter(box, &woken);
    rc = take(box, ret_item, &woken);
    if (rc == -EAGAIN) {
        mr_list_push_back(&box->receivers, &r.wait.node);
        return mr_thread_wait(&r.wait, &box->mutex, deadline,
                              "mailbox receive");
    }
    return leave(box, &woken, rc);
}

/* --- a case of select --- */

static struct mr_mailbox *box_of(struct mr_select_source *source)
{
    return mr_container_of(source, struct mr_mailbox, source);
}

static int source_take(struct mr_select_source *source, void *ret_item)
{
    return mr_mailbox_try_recv(box_of(source), ret_item);
}

static void looker_free(struct looker *l)
{
    l->receiver.wait.hub->expected--;
    mr_free(l);
}

/* On the select's hub: there was something. */
static void on_look(struct mr_hub_post *post)
{
    struct mr_thread_wait *w =
        mr_container_of(post, struct mr_thread_wait, told);
    struct looker *l = mr_container_of(w, struct looker, receiver.wait);
    struct mr_wait_entry *e = mr_waitq_first(&l->queue);
    struct mr_list woken;
    int rc;

    w->is_told = true;
    if (l->left) {
        looker_free(l);
        return;
    }
    if (!e) /* another case has won: its turn to go on comes */
        return;
    enter(l->box, &woken);
    rc = take(l->box, l->to, &woken);
    if (rc == -EAGAIN) {
        w->woken = false;
        w->is_told = false;
        mr_list_push_back(&l->box->receivers, &w->node);
    }
    (void)leave(l->box, &woken, 0);
    if (rc != -EAGAIN)
        mr_wait_fire(e, rc);
}

static int source_begin(struct mr_select_source *source, void *ret_item,
                        struct mr_wait_entry *e)
{
    struct mr_mailbox *box = box_of(source);
    struct looker *l = mr_alloc(sizeof *l);
    struct mr_thread_wait *w;
    struct mr_list woken;

    if (!l)
        return -ENOMEM;
    *l = (struct looker){.receiver.looks = true, .box = box, .to = ret_item};
    mr_waitq_init(&l->queue);
    w = &l->receiver.wait;
    mr_thread_wait_init(w);
    w->told.fn = on_look;
    w->hub->expected++;
    enter(box, &woken);
    if (box->count > 0 || box->closed) /* since it was looked at */
        mr_thread_wake(w, 0, &woken);
    else
        mr_list_push_back(&box->receivers, &w->node);
    (void)leave(box, &woken, 0);
    e->queue = &l->queue;
    e->data = l;
    return 0;
}

static void source_end(struct mr_wait_entry *e)
{
    struct looker *l = e->data;
    struct mr_thread_wait *w = &l->receiver.wait;

    pthread_mutex_lock(&l->box->mutex);
    if (!w->woken)
        mr_list_remove(&w->node);
    l->left = w->woken && !w->is_told;
    pthread_mutex_unlock(&l->box->mutex);
    if (!l->left)
        looker_free(l);
}

struct mr_select_case mr_select_mailbox(struct mr_mailbox *box, void *ret_item)
{
    return (struct mr_select_case){
        .op = MR_SELECT_SOURCE,
        .source = box ? &box->source : NULL,
        .item.to = ret_item,
    };
}
