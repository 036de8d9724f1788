/* SPDX-License-Identifier: MIT */

/*
 * link.c - call me when it ends.
 *
 *  (1) A link is in its coroutine's list until that ends, then in hub->due, and
 *      out of both when it is called. The list is valid when the errand's
 * at_end says MR_AT_END_LINKS. (2) A link holds a reference: the coroutine
 * outlives it, reaped or not. (3) While one is due, the slice is over: the
 * hub's own stack is next, and calls it (hub.c: loop_until_idle; poll_kernel
 * for what hooks link).
 */
#include "core/link.h"

#include "core/coro_priv.h"

static struct mr_link *link_at(struct mr_list *n)
{
    return mr_container_of(n, struct mr_link, node);
}

void mr_link(struct mr_coro *co, struct mr_link *link)
{
    struct mr_errand *e = mr_coro_handle(co)->own;
    struct mr_hub *hub = mr_thread.hub;

    MR_BUG_ON(!hub || link->co != NULL);
    link->co = mr_coro_ref(co);
    if (e->state == MR_ERRAND_DONE) {
        mr_list_push_back(&hub->due, &link->node);
        hub->budget = 0;
        return;
    }
    if (!(e->at_end & MR_AT_END_LINKS))
        mr_list_init(&co->links);
    e->at_end |= MR_AT_END_LINKS;
    mr_list_push_back(&co->links, &link->node);
}

void mr_unlink(struct mr_link *link)
{
    struct mr_coro *co = link->co;

    mr_list_remove(&link->node);
    link->co = NULL;
    mr_coro_unref(co);
}

void mr_links_end(struct mr_errand *e)
{
    mr_list_append_all(&e->hub->due, &mr_errand_root(e)->links);
    e->hub->budget = 0;
}

void mr_links_call(struct mr_hub *hub)
{
    struct mr_list now, *n;

    /* What these link to the dead is called in a later turn. */
    mr_list_init(&now);
    mr_list_append_all(&now, &hub->due);
    while ((n = mr_list_pop_front(&now))) {
        struct mr_link *link = link_at(n);
        struct mr_coro *co = MR_MOVE(link->co);

        link->fn(link, co);
        mr_coro_unref(co);
    }
}

/* --- into an async result --- */

static void deliver(struct mr_link *link, struct mr_coro *co)
{
    struct mr_async *a =
        mr_container_of(link, struct mr_async_link, link)->async;
    intptr_t result = 0;

    (void)mr_coro_result(co, &result); /* it has ended */
    if (mr_is_error(result))
        mr_async_fail(a, (int)result);
    else
        mr_async_set(a, result);
}

void mr_link_async(struct mr_coro *co, struct mr_async_link *al,
                   struct mr_async *async)
{
    mr_link_init(&al->link, deliver);
    al->async = async;
    mr_link(co, &al->link);
}
