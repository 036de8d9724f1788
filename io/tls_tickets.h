/* SPDX-License-Identifier: MIT */
#ifndef IO_TLS_TICKETS_H
#define IO_TLS_TICKETS_H

/*
 * tls_tickets.h - the keys of session tickets, which several processes share.
 *
 * A ticket is a session that a server gave to a client to keep, encrypted with
 * a key that only servers know. A client comes back to any worker: so all must
 * have the keys; who gets a key can read what was resumed by it: so a key is
 * not used for long.
 *
 *     rc = mr_tls_tickets_new(&keys);               in the master, before it
 *                                                   forks
 *     ... mr_tls_server_options.tickets = keys ...  in each worker
 *     mr_tls_tickets_turn(keys);                    in one of them, each minute
 *
 * Invariants
 *  (1) The keys lie in memory that forked processes share, and that is not
 *      written into core files.
 *  (2) A new key is made each hour. Tickets are made with the newest; those of
 *      the two before it are taken too, and replaced. Older keys are wiped.
 *  (3) One process at a time may turn. It publishes a key by one store, so that
 *      it may die at any moment; others need no lock.
 */
#include "core/base.h"

struct mr_tls_tickets;

/* 0, -ENOMEM, -EIO (no random bytes), -EOPNOTSUPP (built without TLS). */
MR_API MR_MUST_USE int mr_tls_tickets_new(struct mr_tls_tickets **ret);
/* In this process; others keep theirs. After the contexts. NULL does nothing.
 */
MR_API void mr_tls_tickets_free(struct mr_tls_tickets *t);
/* A new key, if the newest is an hour old by the clock; without random bytes
 * the old one stays. Does not wait. */
MR_API void mr_tls_tickets_turn(struct mr_tls_tickets *t);

#endif
