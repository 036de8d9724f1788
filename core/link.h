/* SPDX-License-Identifier: MIT */
#ifndef CORE_LINK_H
#define CORE_LINK_H

/*
 * link.h - call me when it ends.
 *
 *     struct watch {
 *         struct mr_link link;
 *         int *count;
 *     };
 *     static void on_end(struct mr_link *link, struct mr_coro *co)
 *     {
 *         struct watch *w = mr_container_of(link, struct watch, link);
 *
 *         if (mr_coro_error(co) == 0)
 *             ++*w->count;
 *     }
 *
 *     mr_link_init(&w.link, on_end);
 *     mr_link(co, &w.link);
 *
 * The function runs on the hub's own stack, right after the coroutine's end:
 * before those that join it, or anybody else. It may not park; it may spawn
 * (into a group that it names, or the hub's), wake, link and unlink. The links
 * of one coroutine are called in the order in which they were made. A link to
 * one that has ended is called as well, as soon as the caller gives up the
 * thread.
 *
 * A link's memory is its maker's, and stays put until it was called or taken
 * out: on a stack, unlink before leaving.
 */
#include "core/hub.h"
#include "core/sync.h"

struct mr_link;

/* link is out when it is called: it may be freed, or used again. co is good
 * until it returns, for reading: its name, its result. */
typedef void mr_link_fn(struct mr_link *link, struct mr_coro *co);

struct mr_link {
    struct mr_list node; /* in the errand's, or the hub's of those due */
    struct mr_coro *co;  /* NULL: linked to none */
    mr_link_fn *fn;
};

static inline void mr_link_init(struct mr_link *link, mr_link_fn *fn)
{
    mr_list_init(&link->node);
    link->co = NULL;
    link->fn = fn;
}

/* Call link's function when co has ended. Any number of links to one. A BUG
 * when link is linked. */
MR_API void mr_link(struct mr_coro *co, struct mr_link *link);
/* Not after all. Of one that is linked to none, does nothing. */
MR_API void mr_unlink(struct mr_link *link);
static inline bool mr_link_is_linked(const struct mr_link *link)
{
    return link->co != NULL;
}

/*
 * co's result, when it has ended, into `async` (kept, and so is al): its value
 * or its -Exxx. mr_unlink(&al->link) ends it.
 */
struct mr_async_link {
    struct mr_link link;
    struct mr_async *async;
};
MR_API void mr_link_async(struct mr_coro *co, struct mr_async_link *al,
                          struct mr_async *async);

#endif
