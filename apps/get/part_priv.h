/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_PART_PRIV_H
#define APPS_GET_PART_PRIV_H

/* part_priv.h - what part.c and lane.c share: the state of one download. */
#include "apps/get/part.h"
#include "apps/get/part_file.h"
#include "core/group.h"
#include "core/offload.h"
#include "io/digest.h"

struct get_part {
    struct get_file file;
    bool memory; /* the file system is: nothing there waits */
    bool direct; /* calls are made on this thread */
    bool begun;
    bool done; /* it has its name */
    bool keep; /* leave it as it is, whatever else is so */
    bool lost; /* a sync failed: what was written since is not certain */
    bool has_want;
    struct mr_checksum want;
    int err; /* the first that a write met; then nothing is written any more */

    struct mr_arena arena; /* the journal's strings */
    bool has_journal;      /* of an earlier run: something to go on with */
    struct get_journal j;  /* done: what is written, synced or not */
    char *whole;           /* a small file, all of it */
    size_t whole_n;

    struct mr_list lanes;
    struct mr_group group; /* writes and checkpoints under way */
    unsigned busy;         /* how many */
    struct mr_waitq quiet; /* one has ended */

    struct mr_digest *digest; /* NULL: none wanted */
    int64_t hashed;           /* of the file's beginning */
    bool hashing;

    bool checkpointing;
    int64_t unsynced; /* bytes since the last one */
    int64_t synced_at;
    bool has_checkpoint; /* a journal tells of some of it */
    bool has_own;        /* and this run wrote it */
};

/* Bytes between two journals: a test wants more of them. */
extern int64_t get_part_checkpoint_bytes;

/* On a helper, or here where nothing waits. May park, shielded. */
static inline void get_part_run(const struct get_part *p, mr_offload_fn *fn,
                                void *arg)
{
    /* Without a helper the wait is the lesser evil. */
    if (p->direct || mr_offload(fn, arg) < 0)
        (void)!fn(arg); /* a job says what it has to in arg */
}

/* Until no write or checkpoint is under way. May park. */
int get_part_wait_quiet(struct get_part *p);
/* A journal, if it is time for one. */
void get_part_maybe_checkpoint(struct get_part *p);
/* The one to leave behind: true, if there is one, of what has come or of less.
 * Nothing else is under way. May park, shielded. */
bool get_part_last_checkpoint(struct get_part *p);

#endif
