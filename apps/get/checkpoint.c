/* SPDX-License-Identifier: MIT */

/*
 * checkpoint.c - the journal of a download, from time to time.
 *
 *  (1) One is written at a time. What it says is done is decided first, then
 *      the data is synced, then it is written.
 *  (2) A sync that failed has lost something, and the next one would not say
 *      so: nothing is claimed after it, and the download fails. The journal
 *      that is there stays right.
 */
#include "apps/get/part_priv.h"
#include "core/sys.h"
#include "core/timer.h"

/* What a crash may cost: so many bytes, or so long. A run's first journal comes
 * early, as most that are broken off are young. */
int64_t get_part_checkpoint_bytes = INT64_C(64) << 20;
#define CHECKPOINT_TIME (INT64_C(5) * 1000000000)
#define CHECKPOINT_FIRST (INT64_C(1) * 1000000000)
/* What is given up for a journal's sake ends at a multiple of it. */
#define GIVE_UP (INT64_C(64) << 10)

struct checkpoint {
    struct get_part *part;
    struct mr_str text;
    bool make_room; /* give back what was allocated behind `end` */
    int64_t end;
    bool lost;
    int rc;
};

static intptr_t checkpoint_job(void *arg)
{
    struct checkpoint *job = arg;
    struct get_file *f = &job->part->file;

    if (job->make_room)
        (void)!mr_sys_ftruncate(f->fd, job->end); /* what follows tells */
    job->rc = get_file_checkpoint(f, job->text, &job->lost);
    return 0;
}

static int checkpoint(struct get_part *p, bool make_room)
{
    struct checkpoint job = {.part = p, .make_room = make_room};
    struct mr_arena arena;

    if (p->j.done.n > 0)
        job.end = p->j.done.v[p->j.done.n - 1].to;
    mr_arena_init(&arena, 1024);
    job.rc = get_journal_format(&arena, &p->j, &job.text);
    p->unsynced = 0;
    if (job.rc == 0)
        get_part_run(p, checkpoint_job, &job);
    if (job.lost) {
        p->lost = true;
        p->err = p->err ? p->err : job.rc;
    }
    p->has_checkpoint |= job.rc == 0;
    p->has_own |= job.rc == 0;
    p->synced_at = mr_now();
    mr_arena_fini(&arena);
    return job.rc;
}

static intptr_t checkpoint_beside(void *arg)
{
    struct get_part *p = arg;

    (void)!checkpoint(p, false); /* without it, it is tried again */
    p->checkpointing = false;
    p->busy--;
    (void)mr_waitq_wake_all(&p->quiet, 0);
    return 0;
}

void get_part_maybe_checkpoint(struct get_part *p)
{
    const struct mr_spawn_options o = {.entry = "checkpoint_beside",
                                       .where = MR_HERE,
                                       .group = &p->group,
                                       .reap = true};
    int64_t time = p->has_own ? CHECKPOINT_TIME : CHECKPOINT_FIRST;

    if (p->checkpointing || p->lost || p->j.validator.n == 0 || p->j.length < 0)
        return;
    if (p->unsynced < get_part_checkpoint_bytes &&
        mr_now() - p->synced_at < time)
        return;
    if (p->direct) {
        (void)!checkpoint(p, false);
        return;
    }
    p->checkpointing = true;
    p->busy++;
    if (mr_spawn_with(checkpoint_beside, p, &o))
        return;
    p->checkpointing = false; /* no memory: another time */
    p->busy--;
}

/* The last of what came, for the journal that tells of the rest. */
static bool give_up_tail(struct get_part *p)
{
    struct get_ranges *r = &p->j.done;
    struct get_range *last = &r->v[r->n - 1];

    last->to = (last->to - 1) / GIVE_UP * GIVE_UP;
    if (last->to <= last->from)
        r->n--;
    return r->n > 0;
}

bool get_part_last_checkpoint(struct get_part *p)
{
    if (p->lost)
        return p->has_checkpoint;
    if (checkpoint(p, false) == 0)
        return true;
    /* On a full disk there is room in what was allocated and did not come; and
     * where nothing was, in what did. */
    if (p->lost || checkpoint(p, true) == 0)
        return p->has_checkpoint;
    if (!p->lost && give_up_tail(p))
        (void)!checkpoint(p, true);
    return p->has_checkpoint;
}
