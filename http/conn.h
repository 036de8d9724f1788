/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

/*
 * conn.h - one HTTP/1.1 connection, from accept to close. Read this first.
 *
 * A connection at rest is a hundred bytes and a hook on its descriptor: no
 * stack, no buffer. When bytes arrive the hook, on the hub's stack, queues it
 * for a coroutine, which borrows an exchange - buffers, parser, arena, request
 * and response - and serves until there is nothing left to read; then the
 * connection goes back to rest, and the coroutine, its stack still warm, to the
 * next one. While a handler parks, other coroutines take the rest of the queue.
 *
 *                  [mr_conn_open]
 *      (accepted) ----------------> RESTING <--------------------------.
 *           |                        |   |                             |
 *           |             [on_event] |   | [on_event: no stack]        |
 *   [early] |                        v   v                             |
 *           '------------------> BEGUN   STARVED                       |
 *             [taken: conn_main]     |   | [a stack is free: BEGUN]    |
 *                                    v                                 |
 *                 .------------- ACTIVE --[answered, nothing buffered]-'
 *   [bad request, |                 |
 *   Connection:   |                 | [peer closed, write failed]
 *   close, time]  v                 v
 *              LINGERING ------> CLOSED
 *
 *  RESTING    no exchange; in a list of the server by when it times out; the
 *             descriptor's hook is on_event and its watcher armed.
 *  BEGUN      readable; queued for a coroutine that is READY, or that is hired
 *             before the hub polls. Or early: accepted where connections come
 *             with their first bytes; if none are there it goes to rest after
 *             all.
 *  ACTIVE     a coroutine has it; the hook only looks whether the peer is gone.
 *             One that was early gets its hook when the hub polls meanwhile, or
 *             when it rests: served and closed at once, it needs none.
 *  STARVED    readable, but no stack was to be had: queued, the watcher off;
 *             tried again when a coroutine of ours ends, and every 100 ms.
 *  LINGERING  the answer is out, our side shut; what the peer still sends is
 *             read and dropped, within bounds, so that it can read the answer.
 *
 * Invariants
 *  (1) At rest means: nothing in our buffer, nothing pending in the stream, no
 *      write pending.
 *  (2) Requests are answered in order, each once. After an error nothing that
 *      was pipelined behind it is answered.
 *  (3) A keep-alive request whose bytes are there costs one recv and one send;
 *      requests that came in one read are answered in one write, unless a
 *      handler waits meanwhile: then what is ready goes out first.
 *  (4) Everything the peer controls is bounded: server.h lists the limits.
 *  (5) A handler's children have ended before the next request is looked at.
 */
#include "core/base.h"

struct mr_http;
struct mr_server;
struct mr_addr;

/* Takes fd, whatever happens; `acceptor` is told by mr_server_leave when the
 * connection has ended. Does not park. */
void mr_conn_open(struct mr_http *http, struct mr_server *acceptor, int fd,
                  const struct mr_addr *peer);

/* Close all connections at rest, and those that starve: the grace is over. */
void mr_conn_close_resting(struct mr_http *http);
/* Those that no coroutine has taken: after the group was closed. */
void mr_conn_close_unborn(struct mr_http *http);

#endif
