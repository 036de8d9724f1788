/* SPDX-License-Identifier: MIT */

/*
 * lane.c - one connection's piece of a download, from a buffer to the file.
 *
 * Where writing may wait for a disk a lane has two buffers: one is written by a
 * helper while the other fills. Where it does not (part_priv.h: direct) there
 * is one, and it is written as soon as it is full.
 *
 *     from        base         base + n                to
 *      |-- written -|-- buffer --|------- to come ------|
 *
 *  (1) A byte is in j.done only after its write has returned.
 *  (2) A lane that holds a file's only piece writes nothing before that has
 *      outgrown the buffer: what is left at its close becomes part->whole.
 *  (3) The digest is fed by whoever writes the bytes that come next in it, one
 *      at a time; what it missed is read again at the end (part.c).
 *  (4) After the first error nothing more is written.
 */
#include <errno.h>

#include "apps/get/part_priv.h"
#include "core/sys.h"
#include "core/timer.h"

/* By a helper: two of them, each a hand-over of some 20 us beside 100 us of
 * copying. Directly: 100 files of 1 MiB, 16 at once, take 706 receives and 400
 * writes; with 128 KiB 1,073, 800, and 1.3 times the CPU time. One long file
 * is the other way round: its sender and we take turns that are as long as a
 * block, and 1 GiB takes 1.07 times the CPU time of 128 KiB. */
#define BLOCK ((size_t)256 * 1024)
#define BLOCK_LONG ((size_t)128 * 1024)
#define LONG ((int64_t)64 * 1024 * 1024)

struct get_lane {
    struct mr_list node; /* in part->lanes */
    struct get_part *part;
    int64_t from;
    int64_t base;
    int64_t to; /* -1: until it ends */
    char *buf;
    size_t n;
    size_t cap;
    char *spare; /* the second one, being written or free */
    bool writing;
    bool holds; /* invariant 2 */
};

/* --- writing --- */

struct write_job {
    struct get_part *part;
    struct get_lane *lane; /* whose spare it is; NULL: nobody's */
    char *p;
    size_t n;
    int64_t off;
    bool hash;
    int rc;
};

/* On a helper, or directly. */
static intptr_t write_block(void *arg)
{
    struct write_job *job = arg;
    struct get_part *p = job->part;

    if (p->file.fd < 0)
        job->rc = get_file_clear(&p->file, true);
    if (job->rc == 0)
        job->rc = get_file_put(&p->file, job->p, job->n, job->off);
    if (job->rc == 0 && job->hash)
        job->rc = mr_digest_add(p->digest, job->p, job->n);
    return 0;
}

/* Invariant 3: it is this block's turn. */
static void begin_write(struct write_job *job)
{
    struct get_part *p = job->part;

    job->hash = p->digest && !p->hashing && p->hashed == job->off;
    MR_BUG_ON(p->digest && job->off < p->hashed); /* it would be another sum */
    p->hashing |= job->hash;
    job->rc = p->err;
}

static void end_write(struct write_job *job)
{
    struct get_part *p = job->part;

    if (job->hash)
        p->hashing = false;
    if (job->rc) {
        p->err = p->err ? p->err : job->rc;
        return;
    }
    if (job->hash)
        p->hashed += (int64_t)job->n;
    get_ranges_add(&p->j.done, job->off, job->off + (int64_t)job->n);
    p->unsynced += (int64_t)job->n;
    get_part_maybe_checkpoint(p);
}

static intptr_t write_beside(void *arg)
{
    struct write_job job = *(struct write_job *)arg;
    struct get_part *p = job.part;

    mr_free(arg);
    get_part_run(p, write_block, &job);
    end_write(&job);
    job.lane->writing = false;
    p->busy--;
    (void)mr_waitq_wake_all(&p->quiet, 0);
    return 0;
}

static int wait_written(struct get_lane *lane)
{
    intptr_t rc = 0;

    while (lane->writing && rc >= 0)
        rc = mr_wait(&lane->part->quiet, MR_NEVER, "write");
    return rc < 0 ? (int)rc : 0;
}

static bool spawn_write(const struct write_job *job)
{
    struct get_part *p = job->part;
    struct write_job *own = mr_alloc(sizeof *own);
    const struct mr_spawn_options o = {.entry = "write_beside",
                                       .where = MR_HERE,
                                       .group = &p->group,
                                       .reap = true};

    if (!own)
        return false;
    *own = *job;
    if (!mr_spawn_with(write_beside, own, &o)) {
        mr_free(own);
        return false;
    }
    p->busy++;
    job->lane->writing = true;
    return true;
}

/* What is in the buffer: the lane goes on with an empty one. */
static int flush(struct get_lane *lane)
{
    struct get_part *p = lane->part;
    struct write_job job = {.part = p, .lane = lane};
    int rc = wait_written(lane);

    if (rc)
        return rc;
    if (!p->direct && !lane->spare)
        lane->spare = mr_alloc(lane->cap);
    job.p = lane->buf;
    job.n = lane->n;
    job.off = lane->base;
    lane->base += (int64_t)lane->n;
    lane->n = 0;
    begin_write(&job);
    if (lane->spare && !p->direct && spawn_write(&job)) {
        lane->buf = lane->spare;
        lane->spare = job.p;
        return p->err;
    }
    /* Also when there was no memory for doing it beside. */
    get_part_run(p, write_block, &job);
    end_write(&job);
    return p->err;
}

/* --- lanes --- */

static intptr_t open_job(void *arg)
{
    struct write_job *job = arg;

    job->rc = get_file_clear(&job->part->file, true);
    return 0;
}

/* Two writers of one byte: whose it is then, nobody knows. */
static bool is_taken(const struct get_part *p, int64_t from, int64_t to)
{
    MR_LIST_EACH (node, &p->lanes) {
        const struct get_lane *lane =
            mr_container_of(node, struct get_lane, node);

        if ((to < 0 || lane->from < to) && (lane->to < 0 || from < lane->to))
            return true;
    }
    return false;
}

int get_lane_open(struct get_lane **ret, struct get_part *p, int64_t from,
                  int64_t to)
{
    struct get_lane *lane;
    struct write_job job = {.part = p};

    MR_BUG_ON(!p->begun || p->done || from < 0 || (to >= 0 && to < from));
    MR_BUG_ON(to < 0 ? p->j.length >= 0 : p->j.length >= 0 && to > p->j.length);
    MR_BUG_ON(is_taken(p, from, to));
    lane = mr_calloc(1, sizeof *lane);
    if (!lane)
        return -ENOMEM;
    lane->part = p;
    lane->from = from;
    lane->base = from;
    lane->to = to;
    lane->holds = from == 0 && p->j.done.n == 0 &&
                  mr_list_is_empty(&p->lanes) &&
                  (to < 0 || (to == p->j.length && to <= GET_PART_SMALL));
    lane->cap = lane->holds                       ? GET_PART_SMALL
                : p->direct && p->j.length > LONG ? BLOCK_LONG
                                                  : BLOCK;
    if (to >= 0 && (uint64_t)(to - from) < lane->cap)
        lane->cap = (size_t)(to - from);
    mr_list_push_back(&p->lanes, &lane->node);
    if (!lane->holds && p->file.fd < 0) {
        get_part_run(p, open_job, &job);
        if (job.rc) {
            mr_list_remove(&lane->node);
            mr_free(lane);
            return job.rc;
        }
    }
    *ret = lane;
    return 0;
}

struct get_range get_lane_rest(const struct get_lane *lane)
{
    return (struct get_range){lane->base + (int64_t)lane->n, lane->to};
}

int get_lane_cut(struct get_lane *lane, int64_t to)
{
    if (lane->holds || to < lane->base + (int64_t)lane->n || to > lane->to)
        return -EINVAL;
    lane->to = to;
    return 0;
}

/* Bytes that may still come into the buffer that is there. */
static size_t room_of(const struct get_lane *lane)
{
    size_t room = lane->cap - lane->n;
    int64_t rest = lane->to - lane->base - (int64_t)lane->n;

    return lane->to >= 0 && (uint64_t)rest < room ? (size_t)rest : room;
}

/* A full buffer goes to the file, unless all of the piece is in it. */
static int make_room(struct get_lane *lane)
{
    bool is_all = lane->to >= 0 && lane->base + (int64_t)lane->n == lane->to;

    if (lane->n < lane->cap || (is_all && lane->holds))
        return lane->part->err;
    lane->holds = false;
    return flush(lane);
}

char *get_lane_room(struct get_lane *lane, ssize_t *ret_n)
{
    int rc = lane->n > 0 ? make_room(lane) : lane->part->err;

    if (rc == 0 && !lane->buf) {
        lane->buf = mr_alloc(MR_MAX(lane->cap, 1));
        rc = lane->buf ? 0 : -ENOMEM;
    }
    if (rc) {
        *ret_n = rc;
        return NULL;
    }
    *ret_n = (ssize_t)room_of(lane);
    return lane->buf + lane->n;
}

int get_lane_commit(struct get_lane *lane, size_t n)
{
    n = MR_MIN(n, room_of(lane)); /* it may have been cut meanwhile */
    lane->n += n;
    return n > 0 ? make_room(lane) : lane->part->err;
}

/* Invariant 2: the file is all in memory. */
static void keep_whole(struct get_lane *lane, bool end)
{
    struct get_part *p = lane->part;

    if (lane->to >= 0 ? (int64_t)lane->n != lane->to : !end)
        return; /* cut short: there is nothing to go on with */
    mr_free(p->whole);
    p->whole = lane->buf;
    p->whole_n = lane->n;
    p->j.length = (int64_t)lane->n;
    lane->buf = NULL;
    get_ranges_add(&p->j.done, 0, p->j.length);
}

int get_lane_close(struct get_lane *lane, bool end)
{
    struct get_part *p = lane->part;
    int rc;

    MR_SHIELD(shield, MR_NEVER);
    if (lane->holds)
        keep_whole(lane, end);
    else if (lane->n > 0)
        (void)!flush(lane);    /* it is the part's error */
    (void)!wait_written(lane); /* shielded: it ends with the write */
    if (!lane->holds && lane->to < 0 && end)
        p->j.length = lane->base;
    rc = p->err;
    mr_list_remove(&lane->node);
    mr_free(lane->buf);
    mr_free(lane->spare);
    mr_free(lane);
    return rc;
}

/* --- what is left --- */

bool get_part_gap(const struct get_part *p, int64_t from, struct get_range *ret)
{
    int64_t end = p->j.length >= 0 ? p->j.length : INT64_MAX;
    struct get_ranges taken = p->j.done;

    MR_LIST_EACH (node, &p->lanes) {
        const struct get_lane *lane =
            mr_container_of(node, struct get_lane, node);

        get_ranges_add(&taken, lane->from,
                       lane->to >= 0 ? lane->to : INT64_MAX);
    }
    if (!get_ranges_gap(&taken, from, end, ret))
        return false;
    if (ret->to == INT64_MAX)
        ret->to = -1;
    return true;
}

int64_t get_part_have(const struct get_part *p)
{
    int64_t n = get_ranges_total(&p->j.done);

    MR_LIST_EACH (node, &p->lanes) {
        n += (int64_t)mr_container_of(node, struct get_lane, node)->n;
    }
    return n;
}
