/* SPDX-License-Identifier: MIT */

/*
 * download.c - one file: what to ask for next, and what to do when it fails.
 *
 *     try_once: a piece is chosen, asked for, and the answer
 *         WHOLE   begins the file, anew if need be; all of it is pulled
 *         PART    is pulled to its place, if it is of the same file; else, and
 *         PAST    when the file got shorter, the next try is for the whole
 *         NO      a status: worth a retry, or not
 *     get_try_again: another mirror at once, or the same after a while
 */
#include "apps/get/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hub.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/status.h"
#include "io/fd.h"

/* A source that changes more often while we look is no file. */
#define RESTARTS_MAX 5
/* A try that brought the file so much further was none in vain: the count
 * begins anew. */
#define GAIN ((uint64_t)64 * 1024)

/* --- when it fails --- */

static unsigned mirrors_left(const struct get_download *d)
{
    unsigned n = 0;

    for (size_t i = 0; i < d->n_mirrors; i++)
        n += !d->mirrors[i].dropped;
    return n;
}

static void drop_mirror(struct get_download *d, struct get_mirror *m)
{
    char text[GET_DOWNLOAD_WHY + 32];

    m->dropped = true;
    snprintf(text, sizeof text, "%s; this mirror is dropped", d->why);
    get_report_note(d->e->report, &d->about, text);
}

static uint32_t random_of(const struct get_download *d)
{
    uint64_t x = (uint64_t)mr_now() ^ (uint64_t)(uintptr_t)d;

    x *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(x >> 32);
}

/* Sleep until the next try. */
static bool rest(struct get_download *d, const struct get_failure *f)
{
    const struct get_options *o = d->e->o;
    int64_t wait = f->retry_after_ms;
    int rc;

    if (wait < 0)
        wait = get_backoff_ms(d->tries, o->retry_wait / 1000000, random_of(d));
    get_report_retry(d->e->report, &d->about, d->why, wait, d->tries,
                     o->retries);
    d->state = GET_RESTING;
    d->again_at = mr_after_ms(wait);
    rc = mr_sleep(MR_MIN(d->again_at, d->deadline));
    d->state = GET_ASKING;
    if (rc) {
        d->outcome = GET_INTERRUPTED;
        return false;
    }
    return mr_now() < d->deadline;
}

static bool give_up(struct get_download *d, enum get_outcome outcome)
{
    d->outcome = outcome;
    return false;
}

bool get_try_again(struct get_download *d, struct get_mirror *m,
                   const struct get_failure *f)
{
    uint64_t have;

    if (mr_is_cancelled() || f->outcome == GET_INTERRUPTED)
        return give_up(d, GET_INTERRUPTED);
    if (mr_now() >= d->deadline) {
        get_set_why(d, m->url, "it took longer than --max-time allows");
        return give_up(d, GET_NETWORK);
    }
    if (f->file)
        return give_up(d, f->outcome);
    m->fails++;
    if (mirrors_left(d) > 1) {
        if (!f->again || m->fails > 1)
            drop_mirror(d, m);
        return true; /* the others first */
    }
    if (!f->again)
        return give_up(d, f->outcome);
    have = d->part ? (uint64_t)get_part_have(d->part) : d->came;
    if (have >= d->best + GAIN) {
        d->tries = 0;
        d->best = have;
    }
    if (d->tries++ >= d->e->o->retries)
        return give_up(d, f->outcome);
    if (rest(d, f))
        return true;
    return give_up(d, d->outcome == GET_OK ? f->outcome : d->outcome);
}

/* --- a try --- */

enum step { AGAIN, FAILED, WHOLE_FILE };

static enum step fail(struct get_download *d, struct get_failure *f,
                      enum get_outcome outcome, bool file)
{
    if (d->outcome != GET_OK)
        outcome = d->outcome; /* whoever wrote d->why knows it better */
    d->outcome = GET_OK;
    *f = (struct get_failure){
        .outcome = outcome, .file = file, .retry_after_ms = -1};
    return FAILED;
}

void get_begins_anew(struct get_download *d, const char *why)
{
    char text[GET_NAME_SIZE + 128];

    snprintf(text, sizeof text, "%s: %s: it begins anew", d->name, why);
    get_report_note(d->e->report, &d->about, text);
}

/* The source is not what it was: all of it again. */
static enum step restart(struct get_download *d, const struct get_mirror *m,
                         struct get_failure *f)
{
    get_end_helpers(d);
    d->anew = true;
    get_begins_anew(d, "it has changed at its source");
    if (d->restarts++ < RESTARTS_MAX)
        return AGAIN;
    get_set_why(d, m->url, "it changes all the time");
    return fail(d, f, GET_CONTENT, true);
}

static void keep_validator(struct get_download *d, const struct get_answer *a)
{
    d->length = a->total;
    d->validator_n = 0;
    if (a->validator.n >= sizeof d->validator)
        return;
    d->validator_n = a->validator.n;
    if (a->validator.n > 0)
        memcpy(d->validator, a->validator.p, a->validator.n);
}

/* The file from its start. */
static enum step take_whole(struct get_download *d, struct get_mirror *m,
                            struct mr_call *call, const struct get_answer *a,
                            struct get_failure *f)
{
    int rc = get_place_settle(d, a, false);

    if (rc == -EALREADY)
        return WHOLE_FILE;
    if (rc < 0)
        return fail(d, f, GET_FILE, true);
    if (rc > 0)
        return AGAIN;
    if (a->coded && !mr_call_is_decoded(call))
        get_report_note(d->e->report, &d->about,
                        "it comes packed though nobody asked, and stays so; "
                        "--compressed unpacks");
    if (!d->anew && d->validator_n > 0 && get_part_have(d->part) > 0)
        get_begins_anew(d, get_is_same(d, a)
                               ? "its server gives no part of it now"
                               : "it has changed at its source");
    get_end_helpers(d);
    d->anew = false;
    keep_validator(d, a);
    /* As it was asked for: where redirects led is signed, and gone tomorrow. */
    rc = get_part_begin(d->part, d->length, mr_str(m->url),
                        mr_str_n(d->validator, d->validator_n), d->why);
    if (rc) {
        get_place_explain(d, rc);
        return fail(d, f, rc == -ENOMEM ? GET_OTHER : GET_FILE, true);
    }
    d->writing = true;
    rc = get_pull(d, m, call, 0, d->length, f);
    if (rc)
        return FAILED;
    return d->length < 0 ? WHOLE_FILE : AGAIN;
}

static enum step take_part(struct get_download *d, struct get_mirror *m,
                           struct mr_call *call, const struct get_answer *a,
                           struct get_failure *f)
{
    int rc;

    if (!get_is_same(d, a)) {
        if (mirrors_left(d) > 1 && d->writing) {
            get_set_why(d, m->url, "it is another file than the first one's");
            return fail(d, f, GET_CONTENT, false);
        }
        return restart(d, m, f);
    }
    if (!d->writing) {
        rc = get_part_resume(d->part, a->total,
                             mr_str_n(d->validator, d->validator_n), d->why);
        if (rc == -ESTALE)
            return restart(d, m, f);
        if (rc)
            return fail(d, f, GET_FILE, true);
        d->writing = true;
    }
    if (!get_make_way(d, a->from, a->to))
        return AGAIN; /* somebody was quicker: look again */
    return get_pull(d, m, call, a->from, a->to, f) ? FAILED : AGAIN;
}

static enum step take(struct get_download *d, struct get_mirror *m,
                      struct mr_call *call, const struct get_answer *a,
                      struct get_failure *f)
{
    char text[128];

    switch (a->kind) {
    case GET_ANSWER_WHOLE:
        if (d->writing && mirrors_left(d) > 1 && !d->anew) {
            m->whole_only = true;
            get_set_why(d, m->url, "it does not give parts of this file");
            return fail(d, f, GET_CONTENT, false);
        }
        return take_whole(d, m, call, a, f);
    case GET_ANSWER_PART:
        return take_part(d, m, call, a, f);
    case GET_ANSWER_PAST:
        return restart(d, m, f);
    case GET_ANSWER_BAD:
        get_set_why(d, m->url, a->why);
        return fail(d, f, GET_PROTOCOL, false);
    case GET_ANSWER_NO:
        break;
    }
    snprintf(text, sizeof text, "%d %s", a->status,
             mr_status_reason(a->status));
    get_set_why(d, m->url, text);
    *f = (struct get_failure){.outcome = get_outcome_of_status(a->status)
                                             ?: GET_SERVER,
                              .again = get_is_worth_a_retry(0, a->status),
                              .retry_after_ms = a->retry_after_ms};
    return FAILED;
}

/* What the lead asks for next. False: nothing is missing. */
static bool choose(struct get_download *d, struct get_range *ret)
{
    *ret = (struct get_range){-1, -1};
    if (d->anew || !d->part || (!d->writing && d->length < 0))
        return true;
    if (d->length < 0) /* cut before its end: from the start again */
        return true;
    if (!get_can_range(d)) {
        if (!get_part_gap(d->part, 0, ret))
            return false;
        *ret = (struct get_range){-1, -1};
        return true;
    }
    return d->writing ? get_next_piece(d, ret) : get_part_gap(d->part, 0, ret);
}

/* Is everything there, or under way to be? Waits for the helpers. */
static bool is_whole(struct get_download *d)
{
    struct get_range gap;

    while (d->n_lanes > 0) {
        mr_event_clear(&d->lane_ended);
        if (mr_event_wait(&d->lane_ended, d->deadline) != 0)
            return true; /* finish says that something is missing */
        if (!d->asker && get_part_gap(d->part, 0, &gap))
            return false;
    }
    return !get_part_gap(d->part, 0, &gap);
}

static enum step try_once(struct get_download *d, struct get_mirror *m,
                          const struct get_range *piece, struct get_failure *f)
{
    struct get_answer a;
    struct get_call c;
    enum step step = FAILED;

    d->state = d->n_lanes > 0 ? GET_RECEIVING : GET_ASKING;
    if (piece->from >= 0)
        d->asker = d;
    m->lanes++;
    if (get_ask(d, m, piece->from, piece->to, &c, &a, f) == 0)
        step = take(d, m, c.call, &a, f);
    if (d->asker == d) /* by now it may be a helper */
        d->asker = NULL;
    get_hang_up(&c);
    m->lanes--;
    return step;
}

/* Nothing is missing, but a part that an earlier run left is still to be taken
 * over. */
static int adopt(struct get_download *d)
{
    int rc = 0;

    if (!d->writing && d->part)
        rc = get_part_resume(d->part, d->length,
                             mr_str_n(d->validator, d->validator_n), d->why);
    d->writing |= rc == 0;
    return rc;
}

static void finish(struct get_download *d)
{
    char why[GET_WHY];
    int rc;

    get_end_helpers(d);
    d->state = GET_ENDING;
    rc = adopt(d);
    if (rc == 0)
        rc = get_part_finish(d->part, why);
    else
        snprintf(why, sizeof why, "%.500s", d->why);
    if (rc == 0)
        return;
    d->outcome = rc == -EBADMSG                       ? GET_CONTENT
                 : rc == -ECANCELED || rc == -ENODATA ? GET_INTERRUPTED
                                                      : GET_FILE;
    if (mr_now() >= d->deadline && rc == -ENODATA) {
        d->outcome = GET_NETWORK;
        get_set_why(d, d->item->urls[0],
                    "it took longer than --max-time allows");
        return;
    }
    snprintf(d->why, sizeof d->why, "%s", why);
    get_place_explain(d, rc);
}

/* Until the file has its name, or there is no more hope: d->outcome. 1: it was
 * there already. */
static int get(struct get_download *d)
{
    struct get_failure f;
    struct get_mirror *m;
    struct get_range piece;
    enum step step = AGAIN;

    while (step != WHOLE_FILE) {
        m = get_pick_mirror(d, false);
        if (!choose(d, &piece)) {
            if (is_whole(d))
                break;
            continue;
        }
        step = try_once(d, m, &piece, &f);
        if (step == FAILED && !get_try_again(d, m, &f))
            return 0;
    }
    if (!d->writing && step == WHOLE_FILE)
        return 1;
    finish(d);
    return 0;
}

/* --- its life --- */

static void report(struct get_download *d, bool was_there, bool kept,
                   uint64_t bytes)
{
    struct get_report *r = d->e->report;
    char text[GET_NAME_SIZE + 64];
    struct stat st;

    if (was_there) {
        snprintf(text, sizeof text, "%s: it is there already%s", d->name,
                 d->e->o->checksum ? ", and its checksum is right" : "");
        get_report_note(r, &d->about, text);
        if (mr_sys_fstatat(d->dir, d->name, &st, 0) == 0)
            bytes = (uint64_t)st.st_size;
    }
    if (was_there && d->e->o->style == GET_LINES)
        return;
    if (d->outcome == GET_OK)
        get_report_done(r, &d->about,
                        &(struct get_sum){bytes, d->came, mr_now() - d->began});
    else if (d->outcome != GET_INTERRUPTED || d->e->o->style == GET_JSON)
        get_report_error(r, &d->about, d->outcome,
                         d->outcome == GET_INTERRUPTED ? "interrupted" : d->why,
                         kept);
}

static void fetch(struct get_download *d)
{
    uint64_t bytes;
    bool kept;
    int rc = get_place_prepare(d);

    if (rc == 0)
        rc = get(d);
    get_end_helpers(d);
    if (rc == 1 && d->e->o->checksum)
        get_verify(d);
    bytes = d->part ? (uint64_t)get_part_have(d->part) : 0;
    kept = get_part_close(d->part) && d->outcome != GET_OK;
    d->part = NULL;
    report(d, rc == 1 && d->outcome == GET_OK, kept, bytes);
    get_engine_count(d->e, d->outcome, bytes, kept);
}

void get_download_run(struct get_engine *e, struct get_host *host,
                      struct get_item *item)
{
    struct get_download *d = mr_calloc(1, sizeof *d);

    if (!d) {
        get_report_error(e->report,
                         &(struct get_about){item->id, item->urls[0], NULL},
                         GET_OTHER, "out of memory", false);
        get_engine_count(e, GET_OTHER, 0, false);
        mr_free(item);
        return;
    }
    d->e = e;
    d->host = host;
    d->item = item;
    d->about = (struct get_about){item->id, item->urls[0], NULL};
    d->began = mr_now();
    d->meter.at = d->began; /* so the first report knows a speed */
    d->deadline = e->o->max_time > 0 ? mr_after(e->o->max_time) : MR_NEVER;
    d->length = -1;
    mr_group_init(&d->helpers);
    mr_list_init(&d->lanes);
    mr_event_init(&d->lane_ended);
    d->n_mirrors = MR_MIN(item->n_urls, (size_t)GET_MIRRORS_MAX);
    for (size_t i = 0; i < d->n_mirrors; i++)
        d->mirrors[i].url = item->urls[i];
    mr_list_push_back(&e->active, &d->node);
    get_report_start(e->report, &d->about);
    if (e->o->output && strcmp(e->o->output, "-") == 0)
        get_to_stdout(d);
    else
        fetch(d);
    e->came += d->came;
    mr_list_remove(&d->node);
    if (d->own_dir)
        mr_fd_close(d->dir);
    mr_free(item);
    mr_free(d);
}

struct get_bar get_download_bar(struct get_download *d, char *state_text,
                                size_t size, int64_t now)
{
    struct get_bar b = {
        .name = d->about.name ? d->about.name : d->about.url,
        .have = d->part ? (uint64_t)get_part_have(d->part) : d->came,
        .size = d->length,
    };

    get_meter_sample(&d->meter, d->came, now);
    b.speed = d->meter.speed;
    if (d->state == GET_ASKING)
        snprintf(state_text, size, "asking");
    else if (d->state == GET_RESTING)
        snprintf(state_text, size, "again in %llds: %s",
                 (long long)(MR_MAX(d->again_at - now, 0) / 1000000000),
                 d->why);
    else if (d->state == GET_ENDING)
        snprintf(state_text, size, "to disk");
    else if (d->state == GET_VERIFYING)
        snprintf(state_text, size, "checking");
    else
        return b;
    b.state = state_text;
    return b;
}
