/* SPDX-License-Identifier: MIT */
#ifndef CORE_FDSET_PRIV_H
#define CORE_FDSET_PRIV_H

/*
 * fdset_priv.h - the descriptors that a hub's errands wait for: hub.c's part of
 * fdset.c. What others call is in core/hub.h.
 */
#include <stdbool.h>

struct mr_fdset;

/* The most that one mr_fdset_take tells of. */
#define MR_FDSET_BATCH 64

/* 0, -ENOMEM, -EMFILE... */
int mr_fdset_new(struct mr_fdset **ret);
void mr_fdset_free(struct mr_fdset *w);
/* Readable when mr_fdset_take has something to tell. Another number after a
 * take, perhaps. */
int mr_fdset_fd(const struct mr_fdset *w);
/* Wake who waits for what is ready, or run its hook; without waiting. How many
 * descriptors it was, or -EINTR. */
int mr_fdset_take(struct mr_fdset *w);
/* Can an event come that somebody would notice? */
bool mr_fdset_is_awaited(struct mr_fdset *w);

#endif
