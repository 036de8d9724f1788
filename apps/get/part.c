/* SPDX-License-Identifier: MIT */

/*
 * part.c - a download from its beginning to its name (invariants in part.h).
 *
 * All of a part's state is the hub's thread's. A helper is given a job on the
 * stack of who waits for it, shielded; meanwhile nobody else touches what the
 * job does: the file's name and journal are one job's at a time.
 */
#include "apps/get/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "apps/get/part_priv.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/date.h"
#include "io/disk.h"

/* Read again for the digest: what a helper's malloc has anyway. */
#define HASH_BLOCK ((size_t)256 * 1024)

static MR_PRINTF(4, 5) int fail(const struct get_part *p, int err, char *why,
                                const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(why, GET_WHY, "%s: ", p->file.name);

    va_start(ap, fmt);
    vsnprintf(why + n, GET_WHY - (size_t)n, fmt, ap);
    va_end(ap);
    return err;
}

/* What went wrong with its file, as a sentence. */
static int fail_file(const struct get_part *p, int err, char *why)
{
    switch (err) {
    case -EEXIST:
        return fail(p, err, why, "is there already, and is not overwritten");
    case -EISDIR:
        return fail(p, err, why, "is a directory");
    case -EBUSY:
        return fail(p, err, why, "another process is downloading it (%s)",
                    p->file.part);
    case -EUSERS:
        return fail(p, err, why, "%s is another user's: it is not touched",
                    p->file.part);
    case -ENOTEMPTY:
        return fail(p, err, why,
                    "%s is there, and nothing says that it is mrget's: move "
                    "it away, or -c or --overwrite replace it",
                    p->file.part);
    case -EMLINK:
        return fail(p, err, why, "%s is a link, or no file: it is not touched",
                    p->file.part);
    default:
        return fail(p, err, why, "%s", mr_strerror(err));
    }
}

/* --- jobs --- */

struct part_job {
    struct get_part *part;
    int64_t length;
    bool resume;
    bool lost;
    int rc;
};

static intptr_t look_job(void *arg)
{
    struct part_job *job = arg;
    struct get_part *p = job->part;
    struct stat st;
    int rc;

    job->rc = get_file_look(&p->file);
    if (job->rc || !job->resume)
        return 0;
    job->rc = get_file_open(&p->file, false);
    if (job->rc == -ENOENT)
        job->rc = 0;
    if (job->rc || p->file.fd < 0)
        return 0;
    rc = get_journal_read(p->file.dir, p->file.journal, &p->arena, &p->j);
    if (rc == 0)
        rc = mr_sys_fstat(p->file.fd, &st);
    /* Without a validator nobody knows whether it is still the same. */
    p->has_journal = rc == 0 && p->j.validator.n > 0 && p->j.done.n > 0 &&
                     /* With more it is none of ours, and what comes needs
                      * places of its own. */
                     p->j.done.n <= GET_RANGES_MAX / 2 &&
                     p->j.done.v[p->j.done.n - 1].to <= st.st_size;
    return 0;
}

static intptr_t begin_job(void *arg)
{
    struct part_job *job = arg;
    struct get_part *p = job->part;

    job->rc = get_file_clear(&p->file, job->length > GET_PART_SMALL);
    if (job->rc == 0 && p->file.fd >= 0)
        job->rc = get_file_allocate(&p->file, job->length, p->memory);
    return 0;
}

static intptr_t allocate_job(void *arg)
{
    struct part_job *job = arg;

    job->rc =
        get_file_allocate(&job->part->file, job->length, job->part->memory);
    return 0;
}

/* Bytes [hashed, length), which came out of order or in an earlier run. */
static int hash_rest(struct get_part *p)
{
    char *buf = p->hashed < p->j.length ? mr_alloc(HASH_BLOCK) : NULL;
    int rc = buf || p->hashed >= p->j.length ? 0 : -ENOMEM;

    while (rc == 0 && p->hashed < p->j.length) {
        ssize_t n = mr_sys_pread(
            p->file.fd, buf,
            (size_t)MR_MIN((int64_t)HASH_BLOCK, p->j.length - p->hashed),
            p->hashed);

        if (n == 0)
            rc = -EIO; /* somebody has cut it */
        else if (n < 0)
            rc = (int)n;
        else
            rc = mr_digest_add(p->digest, buf, (size_t)n);
        if (rc == 0)
            p->hashed += n;
    }
    mr_free(buf);
    return rc;
}

/* All of it was written; what is longer was left by an answer whose length was
 * not known, and what is shorter somebody else has cut. */
static int check_size(struct get_part *p)
{
    struct stat st;
    int rc = mr_sys_fstat(p->file.fd, &st);

    if (rc == 0 && st.st_size < p->j.length)
        return -EIO;
    if (rc == 0 && st.st_size > p->j.length)
        rc = mr_sys_ftruncate(p->file.fd, p->j.length);
    return rc;
}

static int put_whole(struct get_part *p)
{
    int rc = get_file_clear(&p->file, true);

    if (rc == 0)
        rc = get_file_put(&p->file, p->whole, p->whole_n, 0);
    if (rc == 0 && p->digest) {
        rc = mr_digest_add(p->digest, p->whole, p->whole_n);
        p->hashed = (int64_t)p->whole_n;
    }
    return rc;
}

static intptr_t finish_job(void *arg)
{
    struct part_job *job = arg;
    struct get_part *p = job->part;
    struct mr_checksum sum;

    if (p->whole || p->file.fd < 0)
        job->rc = put_whole(p);
    else
        job->rc = check_size(p);
    if (job->rc == 0 && p->digest)
        job->rc = hash_rest(p);
    if (job->rc == 0 && p->digest)
        job->rc = mr_digest_end(p->digest, &sum);
    if (job->rc == 0 && p->digest && !mr_checksum_eq(&sum, &p->want)) {
        p->want = sum; /* to be told */
        job->rc = -EBADMSG;
    }
    if (job->rc == 0)
        job->rc = get_file_finish(&p->file, &job->lost);
    return 0;
}

static intptr_t remove_job(void *arg)
{
    struct part_job *job = arg;

    get_file_remove(&job->part->file);
    return 0;
}

int get_part_wait_quiet(struct get_part *p)
{
    intptr_t rc = 0;

    while (p->busy > 0 && rc >= 0)
        rc = mr_wait(&p->quiet, MR_NEVER, "writes");
    return rc < 0 ? (int)rc : 0;
}

/* --- opening --- */

static void free_part(struct get_part *p)
{
    mr_group_close(&p->group);
    if (p->file.fd >= 0)
        mr_sys_close(p->file.fd);
    mr_digest_free(p->digest);
    mr_arena_fini(&p->arena);
    mr_free(p->whole);
    mr_free(p);
}

int get_part_open(struct get_part **ret, const struct get_part_options *o,
                  char *why)
{
    struct get_part *p = mr_calloc(1, sizeof *p);
    struct part_job job = {.part = p, .resume = o->resume};

    MR_BUG_ON(o->dir < 0);
    if (!p) {
        snprintf(why, GET_WHY, "%.255s: out of memory", o->name);
        return -ENOMEM;
    }
    p->file.fd = -1;
    p->file.overwrite = o->overwrite;
    p->file.no_sync = o->no_sync;
    p->file.take = o->resume || o->overwrite;
    p->j.length = -1;
    mr_arena_init(&p->arena, 512);
    mr_list_init(&p->lanes);
    mr_group_init(&p->group);
    mr_waitq_init(&p->quiet);
    job.rc = get_file_init(&p->file, o->dir, o->name);
    if (job.rc) {
        snprintf(why, GET_WHY, "%.255s: is no name for a file", o->name);
        free_part(p);
        return job.rc;
    }
    p->memory = mr_disk_is_memory(o->dir);
    p->direct = p->memory && !o->checksum; /* hashing takes its time, too */
    p->has_want = o->checksum;
    if (o->checksum)
        p->want = *o->checksum;
    get_part_run(p, look_job, &job);
    if (job.rc) {
        fail_file(p, job.rc, why);
        free_part(p);
        return job.rc;
    }
    *ret = p;
    return 0;
}

const struct get_journal *get_part_journal(const struct get_part *p)
{
    bool some = p->begun ? p->j.validator.n > 0 && p->j.done.n > 0 && !p->whole
                         : p->has_journal;

    return some ? &p->j : NULL;
}

int64_t get_part_length(const struct get_part *p)
{
    return p->j.length;
}

static int start_digest(struct get_part *p, char *why)
{
    int rc;

    mr_digest_free(p->digest);
    p->digest = NULL;
    p->hashed = 0;
    rc = p->has_want ? mr_digest_new(&p->digest, p->want.kind) : 0;
    if (rc)
        return fail(p, rc, why, "its %s cannot be computed: %s",
                    mr_digest_name(p->want.kind), mr_strerror(rc));
    return 0;
}

static int set_journal(struct get_part *p, int64_t length, struct mr_str url,
                       struct mr_str validator)
{
    char sum[MR_CHECKSUM_TEXT] = "";

    if (p->has_want)
        mr_checksum_format(sum, &p->want);
    /* What is too long to be kept is not: then it cannot be gone on with. */
    if (validator.n > GET_JOURNAL_VALIDATOR || url.n > GET_JOURNAL_URL)
        validator.n = 0;
    url.n = MR_MIN(url.n, GET_JOURNAL_URL);
    p->j.length = length;
    p->j.done.n = 0;
    p->j.url = mr_str(mr_arena_dup(&p->arena, url));
    p->j.validator = mr_str(mr_arena_dup(&p->arena, validator));
    p->j.checksum = mr_str(mr_arena_dup(&p->arena, mr_str(sum)));
    return p->j.url.p && p->j.validator.p && p->j.checksum.p ? 0 : -ENOMEM;
}

int get_part_begin(struct get_part *p, int64_t length, struct mr_str url,
                   struct mr_str validator, char *why)
{
    struct part_job job = {.part = p, .length = length};

    MR_BUG_ON(p->done || !mr_list_is_empty(&p->lanes));
    MR_SHIELD(shield, MR_NEVER);
    (void)!get_part_wait_quiet(p); /* shielded */
    mr_free(p->whole);
    p->whole = NULL;
    p->begun = true;
    p->has_journal = false;
    p->has_checkpoint = false;
    p->has_own = false;
    p->err = 0;
    p->lost = false;
    p->unsynced = 0;
    p->synced_at = mr_now();
    job.rc = set_journal(p, length, url, validator);
    if (job.rc == 0)
        get_part_run(p, begin_job, &job);
    if (job.rc)
        return fail_file(p, job.rc, why);
    return start_digest(p, why);
}

int get_part_resume(struct get_part *p, int64_t length, struct mr_str validator,
                    char *why)
{
    struct part_job job = {.part = p, .length = length};

    MR_BUG_ON(p->done || !mr_list_is_empty(&p->lanes));
    MR_BUG_ON(!get_part_journal(p));
    if (p->err)
        return fail_file(p, p->err, why);
    if (!mr_str_eq(validator, p->j.validator) || length < 0 ||
        (p->j.length >= 0 && p->j.length != length) ||
        (p->j.done.n > 0 && p->j.done.v[p->j.done.n - 1].to > length))
        return fail(p, -ESTALE, why, "has changed where it comes from");
    p->j.length = length;
    if (p->begun)
        return 0;
    get_part_run(p, allocate_job, &job);
    if (job.rc)
        return fail_file(p, job.rc, why);
    p->begun = true;
    p->has_checkpoint = true;
    p->synced_at = mr_now();
    return start_digest(p, why);
}

struct mr_str get_part_validator(struct mr_str etag, struct mr_str modified,
                                 struct mr_str date)
{
    int64_t m, d;

    if (etag.n >= 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"')
        return etag;
    /* A file that is written twice within a second or two of a clock that is
     * not quite right has one date: a minute is far from that. */
    if (mr_date_parse(modified, 0, &m) == 0 &&
        mr_date_parse(date, 0, &d) == 0 && m <= d - 60)
        return modified;
    return mr_str("");
}

/* --- the end --- */

int get_part_finish(struct get_part *p, char *why)
{
    struct part_job job = {.part = p};
    struct get_range gap;
    char text[MR_CHECKSUM_TEXT];

    MR_BUG_ON(!p->begun || p->done || !mr_list_is_empty(&p->lanes));
    MR_SHIELD(shield, MR_NEVER);
    (void)!get_part_wait_quiet(p); /* shielded */
    if (p->err)
        return fail_file(p, p->err, why);
    if (p->j.length < 0 || get_part_gap(p, 0, &gap))
        return fail(p, -ENODATA, why, "%" PRId64 " bytes came of %" PRId64,
                    get_part_have(p), p->j.length);
    get_part_run(p, finish_job, &job);
    if (job.rc == -EBADMSG) {
        mr_checksum_format(text, &p->want);
        p->j.validator.n = 0; /* nothing to go on with */
        return fail(p, job.rc, why, "the checksum is wrong: what came has %s",
                    text);
    }
    p->lost |= job.lost;
    p->keep = job.rc == -EEXIST;
    p->done = p->file.fd < 0;
    return job.rc ? fail_file(p, job.rc, why) : 0;
}

bool get_part_is_kept(const struct get_part *p)
{
    return p->begun && !p->done && p->file.fd >= 0 && p->j.length >= 0 &&
           p->j.validator.n > 0 && p->j.done.n > 0 && !p->whole &&
           (!p->lost || p->has_checkpoint);
}

static intptr_t close_job(void *arg)
{
    struct part_job *job = arg;

    mr_sys_close(job->part->file.fd);
    job->part->file.fd = -1;
    return 0;
}

bool get_part_close(struct get_part *p)
{
    struct part_job job = {.part = p};
    bool kept = false;

    if (!p)
        return false;
    MR_BUG_ON(!mr_list_is_empty(&p->lanes));
    MR_SHIELD(shield, MR_NEVER);
    (void)!get_part_wait_quiet(p); /* shielded */
    if (get_part_is_kept(p))
        kept = get_part_last_checkpoint(p);
    if (!kept && p->begun && !p->done && !p->keep && p->file.fd >= 0)
        get_part_run(p, remove_job, &job);
    if (p->file.fd >= 0)
        get_part_run(p, close_job, &job); /* and the lock goes */
    free_part(p);
    return kept;
}
