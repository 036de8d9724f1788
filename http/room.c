/* SPDX-License-Identifier: MIT */

/*
 * room.c - who goes when all places are taken and somebody waits.
 *
 * A connection at rest is there to save its client the next one; worth less
 * than a client who is not served at all. So whoever has rested longest goes
 * (RFC 9112 9.5 lets a server close at any time), be it between two requests or
 * before the first.
 *
 *  (1) One that has sent something, or whose request is under way, never goes.
 *  (2) One that was just accepted has the time to begin: a tenth of
 *      header_timeout. After that its silence is no better than an idle one's:
 *      a flood of silent connections would else hold all places for the whole
 *      time-out, and those who rest between requests would go first.
 *
 * While nothing can be spared, answers say Connection: close (response.c), so
 * that no client finds its next request cut off; and whoever comes to rest all
 * the same goes at once.
 */
#include "core/log.h"
#include "http/conn_priv.h"
#include "io/fd.h"

/* Of those at the front of a list that have sent something, unseen so far: more
 * than one poll of the hub brings would not be there. */
#define LOOKS 32

/* The first of them that came to rest by `since`; NULL: none. */
static struct mr_conn *longest_silent(const struct mr_rest_list *l,
                                      int64_t since)
{
    unsigned looks = 0;

    MR_LIST_EACH (node, &l->conns) {
        struct mr_conn *c = mr_container_of(node, struct mr_conn, node);

        if (c->rest_until - l->timeout > since || looks++ == LOOKS)
            return NULL;
        if (mr_fd_peek(c->io.stream.fd) != MR_PEER_TALKS)
            return c;
    }
    return NULL;
}

bool mr_http_make_room(struct mr_quota_offer *offer)
{
    struct mr_http *http = mr_container_of(offer, struct mr_http, spare);
    const struct mr_rest_list *idle = &http->idle, *fresh = &http->fresh;
    int64_t now = mr_hub_now();
    struct mr_conn *c = longest_silent(idle, now);
    struct mr_conn *early = longest_silent(fresh, now - fresh->timeout / 10);

    if (!c || (early && early->rest_until - fresh->timeout <
                            c->rest_until - idle->timeout))
        c = early;
    if (!c)
        return false;
    mr_log_every_second(&http->full, MR_LOG_WARN,
                        "http: max_connections (%zu): one at rest is closed "
                        "for another",
                        http->quota->options.max);
    mr_conn_close(c);
    return true;
}
